#include "dbc_corpus.h"

#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

char *corpus_join(const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    assert_non_null(path);
    (void)snprintf(path, size, "%s/%s", folder, name);
    return path;
}

void corpus_require(char **out_path)
{
    const char *set = getenv("CANTWIN_CORPUS");
    char *path = set != NULL ? strdup(set) : corpus_join(CANTWIN_SOURCE_DIR, "../shared/corpus");
    struct stat info;
    if (stat(path, &info) == 0) {
        *out_path = path;
        return;
    }
    const char *ci = getenv("CI");
    const bool must = ci != NULL && strcmp(ci, "true") == 0;
    print_message("no corpus at %s; set CANTWIN_CORPUS\n", path);
    free(path);
    if (must) {
        fail_msg("the corpus is missing, and CI=true");
    }
    skip();
}

static char *decompress(const char *packed, size_t packed_len, size_t *out_len)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    size_t size = 1U << 20;
    char *data = malloc(size + 1);
    assert_non_null(stream);
    ZSTD_inBuffer in = {packed, packed_len, 0};
    ZSTD_outBuffer out = {data, size, 0};
    while (in.pos < in.size || out.pos == out.size) {
        if (out.pos == out.size) {
            size *= 2;
            data = realloc(data, size + 1);
            out.dst = data;
            out.size = size;
        }
        const size_t left = ZSTD_decompressStream(stream, &out, &in);
        assert_false(ZSTD_isError(left));
        if (left == 0 && in.pos == in.size) {
            break;
        }
    }
    ZSTD_freeDStream(stream);
    data[out.pos] = '\0';
    *out_len = out.pos;
    return data;
}

char *corpus_read(const char *path, size_t *out_len)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    if (file == NULL || fstat(fileno(file), &info) != 0) {
        if (file != NULL) {
            (void)fclose(file);
        }
        return NULL;
    }
    const size_t len = (size_t)info.st_size;
    char *data = malloc(len + 1);
    assert_non_null(data);
    assert_int_equal(fread(data, 1, len, file), len);
    (void)fclose(file);
    data[len] = '\0';
    *out_len = len;
    const size_t name_len = strlen(path);
    if (name_len > 4 && strcmp(path + name_len - 4, ".zst") == 0) {
        char *plain = decompress(data, len, out_len);
        free(data);
        return plain;
    }
    return data;
}

/* ---- JSON */

static void skip_space(const char **text)
{
    *text += strspn(*text, " \t\r\n");
}

static char *put_code(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* Basic-plane escapes only: the corpus has no others. */
static char *read_string(const char **text)
{
    const char *p = *text + 1;
    const char *end = p;
    while (*end != '"' && *end != '\0') {
        end += end[0] == '\\' && end[1] != '\0' ? 2 : 1;
    }
    char *string = malloc((size_t)(end - p) + 1);
    char *out = string;
    while (p < end) {
        if (*p != '\\') {
            *out++ = *p++;
        } else if (p[1] == 'u') {
            const char digits[5] = {p[2], p[3], p[4], p[5], '\0'};
            out = put_code(out, (unsigned)strtoul(digits, NULL, 16));
            p += 6;
        } else {
            static const char names[] = "bfnrt";
            static const char codes[] = "\b\f\n\r\t";
            const char *known = strchr(names, p[1]);
            *out++ = known != NULL ? codes[known - names] : p[1];
            p += 2;
        }
    }
    *out = '\0';
    *text = *end == '"' ? end + 1 : end;
    return string;
}

static bool read_value(const char **text, struct json_value *value);

static bool read_items(const char **text, struct json_value *value, char close)
{
    size_t capacity = 0;
    ++*text;
    for (;;) {
        skip_space(text);
        if (**text == close) {
            ++*text;
            return true;
        }
        if (value->count == capacity) {
            capacity = capacity == 0 ? 4 : 2 * capacity;
            value->items = realloc(value->items, capacity * sizeof *value->items);
        }
        struct json_value *item = &value->items[value->count++];
        *item = (struct json_value){0};
        if (close == '}') {
            if (**text != '"') {
                return false;
            }
            item->key = read_string(text);
            skip_space(text);
            if (**text != ':') {
                return false;
            }
            ++*text;
        }
        if (!read_value(text, item)) {
            return false;
        }
        skip_space(text);
        if (**text == ',') {
            ++*text;
        } else if (**text != close) {
            return false;
        }
    }
}

static bool read_value(const char **text, struct json_value *value)
{
    skip_space(text);
    if (**text == '{' || **text == '[') {
        value->type = **text == '{' ? JSON_OBJECT : JSON_ARRAY;
        return read_items(text, value, **text == '{' ? '}' : ']');
    }
    if (**text == '"') {
        value->type = JSON_STRING;
        value->text = read_string(text);
        return true;
    }
    const size_t len = strcspn(*text, ",]} \t\r\n");
    value->text = strndup(*text, len);
    const char first = value->text[0];
    value->type = first == 'n' ? JSON_NULL : first == 't' || first == 'f' ? JSON_BOOL : JSON_NUMBER;
    *text += len;
    return len > 0;
}

struct json_value *json_read(const char **text)
{
    struct json_value *value = calloc(1, sizeof *value);
    if (value != NULL && !read_value(text, value)) {
        json_free(value);
        return NULL;
    }
    return value;
}

static void free_inside(struct json_value *value)
{
    for (size_t i = 0; i < value->count; i++) {
        free_inside(&value->items[i]);
    }
    free(value->items);
    free(value->text);
    free(value->key);
}

void json_free(struct json_value *value)
{
    if (value != NULL) {
        free_inside(value);
        free(value);
    }
}

const struct json_value *json_get(const struct json_value *object, const char *key)
{
    for (size_t i = 0; object != NULL && i < object->count; i++) {
        if (object->items[i].key != NULL && strcmp(object->items[i].key, key) == 0) {
            return &object->items[i];
        }
    }
    return NULL;
}

/* ---- numbers */

/* Doubles as integers in the order of their values. */
static int64_t ordered(double value)
{
    int64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? INT64_MIN - bits : bits;
}

uint64_t ulp_distance(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return isnan(a) && isnan(b) ? 0 : UINT64_MAX;
    }
    const int64_t left = ordered(a);
    const int64_t right = ordered(b);
    return left > right ? (uint64_t)left - (uint64_t)right : (uint64_t)right - (uint64_t)left;
}

struct ct_dbc *corpus_dbc(const char *path, char **out_text)
{
    size_t len = 0;
    struct ct_dbc *dbc = NULL;
    *out_text = corpus_read(path, &len);
    if (*out_text == NULL) {
        fail_msg("cannot read %s", path);
    }
    const int err = ct_dbc_parse(path, *out_text, len, NULL, NULL, &dbc);
    if (err != CT_OK && err != CT_ERR_SYNTAX) {
        fail_msg("%s: %s", path, ct_err_text(err));
    }
    return dbc;
}
