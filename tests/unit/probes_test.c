/* The corpus' probes: small files with one feature or fault each, and the physical values that must come out. And its
 * real files: all of them load without an error, and every place points at its statement. */
#include "codec.h"
#include "dbc_corpus.h"
#include "testing.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct ct_decoded *decoded_named(const struct ct_dbc_message *model, const struct ct_decoded *values,
                                              size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(model->signals[values[i].signal].name, name) == 0) {
            return &values[i];
        }
    }
    return NULL;
}

static size_t hex_bytes(const char *text, uint8_t *out, size_t size)
{
    const size_t len = strlen(text) / 2;
    assert_true(len <= size);
    for (size_t i = 0; i < len; i++) {
        const char digits[3] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return len;
}

/* One check: [id, extended, payload, {signal: value}]. Of two messages with one id either may answer. */
static bool check_holds(const struct ct_dbc *dbc, const struct ct_codec *codec, const struct json_value *check)
{
    const uint32_t id = (uint32_t)strtoul(check->items[0].text, NULL, 10);
    const bool extended = strcmp(check->items[1].text, "0") != 0 && strcmp(check->items[1].text, "false") != 0;
    const struct json_value *signals = &check->items[3];
    uint8_t data[2048];
    struct ct_decoded values[64];
    const size_t len = hex_bytes(check->items[2].text, data, sizeof data);
    if (ct_codec_find(codec, id, extended) == NULL) {
        return false;
    }
    size_t found = 0;
    for (size_t m = 0; m < dbc->message_count; m++) {
        if (dbc->messages[m].id != id || dbc->messages[m].extended != extended) {
            continue;
        }
        const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[m].name);
        const size_t count = ct_codec_decode(message, data, len, values);
        for (size_t i = 0; i < signals->count; i++) {
            const struct ct_decoded *value =
                decoded_named(ct_codec_model(message), values, count, signals->items[i].key);
            const double want = strtod(signals->items[i].text, NULL);
            found += value != NULL && ulp_distance(value->value, want) <= 1;
        }
    }
    return found == signals->count;
}

static bool probe_holds(const char *folder, const struct json_value *probe)
{
    char name[160];
    (void)snprintf(name, sizeof name, "%s.dbc", json_get(probe, "name")->text);
    char *path = corpus_join(folder, name);
    char *text;
    struct ct_codec *codec = NULL;
    struct ct_dbc *dbc = corpus_dbc(path, &text);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct json_value *checks = json_get(probe, "checks");
    bool good = true;
    for (size_t i = 0; i < checks->count; i++) {
        good = good && check_holds(dbc, codec, &checks->items[i]);
    }
    if (!good) {
        print_message("probe %s: %s\n", name, json_get(probe, "desc")->text);
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    free(text);
    free(path);
    return good;
}

static void test_probes_all_checks_hold(void **state)
{
    (void)state;
    char *corpus;
    corpus_require(&corpus);
    char *folder = corpus_join(corpus, "probes");
    char *path = corpus_join(folder, "probes.json");
    size_t len = 0;
    char *text = corpus_read(path, &len);
    const char *at = text;
    assert_non_null(text);
    struct json_value *probes = json_read(&at);
    assert_non_null(probes);
    size_t good = 0;
    for (size_t i = 0; i < probes->count; i++) {
        good += probe_holds(folder, &probes->items[i]);
    }
    print_message("probes: %zu of %zu hold\n", good, probes->count);
    assert_true(probes->count > 0);
    assert_int_equal(good, probes->count);
    json_free(probes);
    free(text);
    free(path);
    free(folder);
    free(corpus);
}

/* ---- real files */

static void count_errors(void *user, const struct ct_dbc_problem *problem)
{
    if (problem->severity == CT_DBC_ERROR) {
        print_message("%s:%u:%u: %s\n", problem->file, problem->line, problem->column, problem->text);
        *(size_t *)user += 1;
    }
}

/* The text of each line; a line ends in LF (no file of the corpus has lone CRs). */
static const char **lines_of(char *text, size_t *out_count)
{
    size_t count = 1;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '\n' ? 1 : 0;
    }
    const char **lines = calloc(count, sizeof *lines);
    assert_non_null(lines);
    lines[0] = text;
    for (size_t i = 1; i < count; i++) {
        lines[i] = strchr(lines[i - 1], '\n') + 1;
    }
    *out_count = count;
    return lines;
}

static bool stands_at(const char *const *lines, size_t count, struct ct_dbc_place place, const char *keyword)
{
    return place.line >= 1 && place.line <= count &&
           strncmp(lines[place.line - 1] + place.column - 1, keyword, strlen(keyword)) == 0;
}

static size_t misplaced(const struct ct_dbc *dbc, const char *const *lines, size_t count)
{
    size_t bad = 0;
    for (size_t m = 0; m < dbc->message_count; m++) {
        const struct ct_dbc_message *message = &dbc->messages[m];
        bad += stands_at(lines, count, message->place, "BO_ ") ? 0 : 1;
        for (size_t i = 0; i < message->signal_count; i++) {
            bad += stands_at(lines, count, message->signals[i].place, "SG_ ") ? 0 : 1;
        }
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        bad += stands_at(lines, count, dbc->nodes[i].place, dbc->nodes[i].short_name) ? 0 : 1;
    }
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        bad += stands_at(lines, count, dbc->attribute_defs[i].place, dbc->attribute_defs[i].implied ? "BA_" : "BA_DEF_")
                   ? 0
                   : 1;
    }
    for (size_t i = 0; i < dbc->table_count; i++) {
        bad += stands_at(lines, count, dbc->tables[i].place, "VAL_TABLE_ ") ? 0 : 1;
    }
    return bad;
}

static void test_corpus_every_file_loads_without_an_error(void **state)
{
    (void)state;
    char *corpus;
    glob_t files;
    size_t errors = 0;
    corpus_require(&corpus);
    char *pattern = corpus_join(corpus, "dbc/*/*.[dD][bB][cC]");
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        size_t len = 0;
        size_t count = 0;
        struct ct_dbc *dbc = NULL;
        char *text = corpus_read(files.gl_pathv[i], &len);
        assert_non_null(text);
        assert_int_equal(ct_dbc_parse(files.gl_pathv[i], text, len, count_errors, &errors, &dbc), CT_OK);
        const char **lines = lines_of(strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? text + 3 : text, &count);
        const size_t bad = misplaced(dbc, lines, count);
        if (bad > 0) {
            fail_msg("%s: %zu places are wrong", files.gl_pathv[i], bad);
        }
        free(lines);
        free(text);
        ct_dbc_free(dbc);
    }
    print_message("corpus: %zu files\n", files.gl_pathc);
    assert_int_equal(errors, 0);
    assert_true(files.gl_pathc >= 171);
    globfree(&files);
    free(pattern);
    free(corpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probes_all_checks_hold),
        cmocka_unit_test(test_corpus_every_file_loads_without_an_error),
    };
    return cmocka_run_group_tests_name("probes", tests, NULL, NULL);
}
