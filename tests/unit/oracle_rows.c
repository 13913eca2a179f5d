#include "oracle_rows.h"

#include "testing.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX 2048

bool oracle_same_name(const char *ours, const char *theirs)
{
    for (;;) {
        while ((*ours & 0x80) != 0) {
            ours++;
        }
        while ((*theirs & 0x80) != 0) {
            theirs++;
        }
        if (*ours != *theirs || *ours == '\0') {
            return *ours == *theirs;
        }
        ours++;
        theirs++;
    }
}

static size_t hex_bytes(const char *text, uint8_t *out)
{
    const size_t len = strlen(text) / 2;
    assert_true(len <= DATA_MAX);
    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

static const struct ct_codec_message *message_of(const struct ct_codec *codec, const struct json_value *row)
{
    const bool extended = strcmp(json_get(row, "ext")->text, "true") == 0;
    const uint32_t id = (uint32_t)strtoul(json_get(row, "id")->text, NULL, 10);
    const struct ct_codec_message *message = ct_codec_find(codec, id, extended);
    const char *name = json_get(row, "msg")->text;
    if (message == NULL || !oracle_same_name(ct_codec_model(message)->name, name)) {
        message = ct_codec_by_name(codec, name); /* one of several with this id */
    }
    return message != NULL && ct_codec_model(message)->id == id && ct_codec_model(message)->extended == extended
               ? message
               : NULL;
}

static void give_row(const struct ct_codec *codec, const struct json_value *json, oracle_row_fn fn, void *user)
{
    const char *hex = json_get(json, "data")->text;
    uint8_t data[DATA_MAX];
    const size_t len = hex_bytes(hex, data);
    uint8_t *exact = malloc(len + (len == 0));
    assert_non_null(exact);
    memcpy(exact, data, len);
    const struct oracle_row row = {.file = json_get(json, "dbc")->text,
                                   .name = json_get(json, "msg")->text,
                                   .hex = hex,
                                   .message = message_of(codec, json),
                                   .data = exact,
                                   .len = len,
                                   .json = json};
    fn(user, &row);
    free(exact);
}

static struct ct_dbc *open_database(const char *corpus, const struct json_value *row, char **out_text)
{
    char *folder = corpus_join(corpus, "dbc");
    char *path = corpus_join(folder, json_get(row, "dbc")->text);
    struct ct_dbc *dbc = corpus_dbc(path, out_text);
    free(path);
    free(folder);
    return dbc;
}

static void each_row_of(const char *corpus, const char *oracle_path, oracle_row_fn fn, void *user)
{
    size_t len = 0;
    char *rows = corpus_read(oracle_path, &len);
    const char *text = rows;
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    char *dbc_text = NULL;
    while (*text != '\0') {
        struct json_value *row = json_read(&text);
        if (row == NULL) {
            fail_msg("%s is no JSON", oracle_path);
        }
        if (dbc == NULL) {
            dbc = open_database(corpus, row, &dbc_text);
            assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
        }
        give_row(codec, row, fn, user);
        json_free(row);
        text += strspn(text, "\r\n ");
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    free(dbc_text);
    free(rows);
}

uint64_t oracle_each_row(oracle_row_fn fn, void *user)
{
    char *corpus;
    uint64_t files = 0;
    corpus_require(&corpus);
    char *folder = corpus_join(corpus, "oracle");
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (strstr(entry->d_name, ".jsonl.zst") != NULL) {
            char *path = corpus_join(folder, entry->d_name);
            each_row_of(corpus, path, fn, user);
            free(path);
            files++;
        }
    }
    (void)closedir(dir);
    free(folder);
    free(corpus);
    return files;
}
