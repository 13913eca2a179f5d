/* One fault in a text that uses the whole language: a token left out or replaced, a line doubled or exchanged with the
 * next, the text cut off anywhere. Whatever it is, every problem is placed inside the text, a message costs no other
 * message, and what is left compiles and decodes, is linted, and written in normal form reads back as the same. */
#include "buf.h"
#include "codec.h"
#include "diff.h"
#include "lint.h"
#include "rich_dbc.h"
#include "testing.h"
#include "write.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  (sizeof RICH_DBC + 1024)
#define LINES_MAX 1024

struct text {
    char bytes[TEXT_MAX];
    size_t len;
};

struct span { /* bytes [from, to) of RICH_DBC */
    size_t from, to;
};

struct placed { /* the problems of a text: how many, and whether one has no place in it */
    size_t len, line_count;
    unsigned count;
    bool outside;
    bool show;
};

static void on_problem(void *user, const struct ct_dbc_problem *problem)
{
    struct placed *placed = user;
    placed->count++;
    placed->outside = placed->outside || problem->line == 0 || problem->line > placed->line_count + 1 ||
                      problem->column == 0 || problem->column > placed->len + 1 || problem->text[0] == '\0' ||
                      strchr(problem->text, '\n') != NULL;
    if (placed->outside || placed->show) {
        print_message("%s:%u:%u: %s\n", problem->file, problem->line, problem->column, problem->text);
    }
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = 1;
    for (size_t i = 0; i < len; i++) {
        lines += text[i] == '\n';
    }
    return lines;
}

static void decode_all(const struct ct_dbc *dbc)
{
    static const uint8_t frame[64] = {1, 5, 255};
    struct ct_codec *codec = NULL;
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    for (size_t i = 0; i < dbc->message_count; i++) {
        const struct ct_codec_message *message = ct_codec_by_name(codec, dbc->messages[i].name);
        assert_non_null(message);
        struct ct_decoded *values = calloc(ct_codec_model(message)->signal_count + 1, sizeof *values);
        assert_non_null(values);
        assert_int_equal(ct_codec_decode(message, frame, 0, values), 0);
        assert_true(ct_codec_decode(message, frame, sizeof frame, values) <= ct_codec_model(message)->signal_count);
        free(values);
    }
    ct_codec_free(codec);
}

struct changes {
    const char *what;
    size_t count;
};

/* Of a file with faults the normal form keeps what it can. */
static void on_lost_change(void *user, const struct ct_dbc_change *change)
{
    (void)user;
    (void)change;
}

/* The pool of unused signals is written under its own name. No start value and a start value of 0 mean the same; a
 * signal type's is not written, as write.h says. */
static bool is_meant(const struct ct_dbc_change *change)
{
    if (strncmp(change->object, "pseudo message", strlen("pseudo message")) == 0 &&
        strcmp(change->field, "name") == 0) {
        return true;
    }
    return strcmp(change->field, "start value") == 0 &&
           ((change->before[0] == '\0' && strcmp(change->after, "0") == 0) || change->after[0] == '\0');
}

static void on_change(void *user, const struct ct_dbc_change *change)
{
    struct changes *changes = user;
    if (is_meant(change)) {
        return;
    }
    changes->count++;
    print_message("%s: %s %s: '%s' became '%s'\n", changes->what, change->object, change->field, change->before,
                  change->after);
}

static void on_error(void *user, const struct ct_dbc_problem *problem)
{
    if (problem->severity == CT_DBC_ERROR) {
        print_message("%s: written, then line %u: %s\n", (const char *)user, problem->line, problem->text);
    }
}

/* The normal form of whatever was understood is a valid file, of the same meaning where the text had no fault. */
static void write_and_read(const struct ct_dbc *dbc, char *what)
{
    struct ct_dbc_written written;
    struct ct_dbc *again = NULL;
    struct ct_buf buf;
    const struct ct_dbc_diff_options options = {.comments = true};
    ct_buf_init(&buf, (size_t)1 << 20);
    assert_int_equal(ct_dbc_write(dbc, CT_DBC_ENCODING_AUTO, &buf, &written), CT_OK);
    if (ct_dbc_parse("again.dbc", (const char *)buf.data, buf.len, on_error, what, &again) != CT_OK) {
        fail_msg("%s: the normal form has errors", what);
    }
    struct changes changes = {.what = what};
    size_t count = 0;
    assert_int_equal(
        ct_dbc_diff(dbc, again, &options,
                    written.left_out == 0 && dbc->error_count + dbc->warning_count == 0 ? on_change : on_lost_change,
                    &changes, &count),
        CT_OK);
    if (written.left_out == 0 && dbc->error_count + dbc->warning_count == 0 && changes.count != 0) {
        fail_msg("%s: the normal form means something else", what);
    }
    ct_dbc_free(again);
    ct_buf_free(&buf);
}

static const struct ct_dbc_message *by_short_name(const struct ct_dbc *dbc, const char *name)
{
    for (size_t i = 0; i < dbc->message_count; i++) {
        if (strcmp(dbc->messages[i].short_name, name) == 0) {
            return &dbc->messages[i];
        }
    }
    return NULL;
}

/* The lines of each message of RICH_DBC, and how many signals it has. */
static const struct {
    const char *name, *first, *behind; /* `behind`: where the next statement begins */
    size_t signals;
} blocks[] = {
    {"ENGINE", "BO_ 256 ENGINE", "BO_ 257 MUX", 5},
    {"MUX", "BO_ 257 MUX", "BO_ 2147484160 FD_LONG", 5},
    {"FD_LONG", "BO_ 2147484160 FD_LONG", "BO_ 2566844158 J1939_MSG", 5},
    {"J1939_MSG", "BO_ 2566844158 J1939_MSG", "BO_ 1024 NO_SIGNALS", 1},
    {"NO_SIGNALS", "BO_ 1024 NO_SIGNALS", "BO_TX_BU_", 0},
};

/* Messages that the damaged bytes [from, to) do not touch. */
static void check_survivors(const struct ct_dbc *dbc, size_t from, size_t to, const char *what)
{
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        const size_t first = (size_t)(strstr(RICH_DBC, blocks[i].first) - RICH_DBC);
        const size_t behind = (size_t)(strstr(RICH_DBC, blocks[i].behind) - RICH_DBC);
        if (to >= first && from <= behind + 4) {
            continue;
        }
        const struct ct_dbc_message *message = by_short_name(dbc, blocks[i].name);
        if (message == NULL || message->signal_count < blocks[i].signals) {
            fail_msg("%s: message %s is lost or lost signals", what, blocks[i].name);
        }
    }
}

/* Parses the text from memory of its exact size. `whole`: the fault leaves other messages whole. */
static void check(const struct text *text, const struct span *fault, bool whole, char *what)
{
    struct placed placed = {.len = text->len, .line_count = count_lines(text->bytes, text->len)};
    struct ct_dbc *dbc = NULL;
    char *exact = malloc(text->len + (text->len == 0));
    assert_non_null(exact);
    memcpy(exact, text->bytes, text->len);
    const int err = ct_dbc_parse("fault.dbc", exact, text->len, on_problem, &placed, &dbc);
    free(exact);
    assert_true(err == CT_OK || err == CT_ERR_SYNTAX);
    assert_non_null(dbc);
    if (placed.outside) {
        fail_msg("%s: a problem lies outside the text", what);
    }
    assert_int_equal(placed.count, dbc->warning_count + dbc->error_count);
    assert_int_equal(err == CT_ERR_SYNTAX, dbc->error_count > 0);
    if (whole) {
        check_survivors(dbc, fault->from, fault->to, what);
    }
    decode_all(dbc);
    assert_int_equal(ct_dbc_lint(dbc, NULL, on_problem, &placed), CT_OK);
    if (placed.outside) {
        fail_msg("%s: a finding lies outside the text", what);
    }
    write_and_read(dbc, what);
    ct_dbc_free(dbc);
}

/* RICH_DBC with the span replaced. */
static void replaced(struct text *text, const struct span *span, const char *by)
{
    const int n =
        snprintf(text->bytes, sizeof text->bytes, "%.*s%s%s", (int)span->from, RICH_DBC, by, &RICH_DBC[span->to]);
    assert_true(n > 0 && (size_t)n < sizeof text->bytes);
    text->len = (size_t)n;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) != 0 || c == '_' || c == '.';
}

static size_t string_end(size_t at)
{
    for (at++; RICH_DBC[at] != '"'; at++) {
        at += RICH_DBC[at] == '\\';
    }
    return at + 1;
}

/* The next token at or behind `at`: a word, a string or one other character. */
static bool next_token(size_t at, struct span *out_token)
{
    while (isspace((unsigned char)RICH_DBC[at])) {
        at++;
    }
    if (RICH_DBC[at] == '\0') {
        return false;
    }
    size_t end = at + 1;
    if (RICH_DBC[at] == '"') {
        end = string_end(at);
    } else if (is_word(RICH_DBC[at])) {
        while (is_word(RICH_DBC[end])) {
            end++;
        }
    }
    *out_token = (struct span){at, end};
    return true;
}

static void replace_every_token(const char *by, bool whole)
{
    static struct text text; /* too large for a stack */
    struct span token = {0, 0};
    while (next_token(token.to, &token)) {
        char what[128];
        (void)snprintf(what, sizeof what, "'%.*s' at byte %zu replaced by '%s'", (int)(token.to - token.from),
                       &RICH_DBC[token.from], token.from, by);
        replaced(&text, &token, by);
        check(&text, &token, whole, what);
    }
}

static void test_rich_text_itself_has_no_problem(void **state)
{
    (void)state;
    struct placed placed = {.len = sizeof RICH_DBC, .line_count = LINES_MAX, .show = true};
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("rich.dbc", RICH_DBC, strlen(RICH_DBC), on_problem, &placed, &dbc), CT_OK);
    assert_int_equal(placed.count, 0);
    assert_int_equal(dbc->message_count, 5);
    assert_int_equal(dbc->pseudo_count, 1);
    assert_int_equal(dbc->node_count, 4);
    assert_int_equal(dbc->table_count, 2);
    assert_int_equal(dbc->environment_count, 4);
    assert_int_equal(dbc->relation_count, 3);
    assert_int_equal(dbc->attribute_def_count, 15);
    ct_dbc_free(dbc);
}

static void test_any_token_left_out_costs_one_message_at_most(void **state)
{
    (void)state;
    replace_every_token("", true);
}

static void test_any_token_replaced_costs_one_message_at_most(void **state)
{
    (void)state;
    static const char *const by[] = {";",        ":",   "-1",     "1.5",   "99999999999999999999",
                                     "1e999",    "0x",  "name",   "\"x\"", "|",
                                     "@",        ",",   "-",      "0",     "$",
                                     "\x80\xFF", "1-0", "m70000", "65535", "\x01",
                                     "[5|-5]",   "BU_", "SG_",    "BO_",   "EV_",
                                     "M"};
    for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
        /* a word that begins a statement ends the one it stands in and takes the next words for its own */
        replace_every_token(by[i], strstr("BO_ SG_", by[i]) == NULL);
    }
}

static void test_an_open_string_or_comment_crashes_nothing(void **state)
{
    (void)state;
    replace_every_token("\"open", false);
    replace_every_token("/*", false);
    replace_every_token("//", false);
    replace_every_token("\"ends in \\", false);
}

static void test_text_cut_off_anywhere_is_read_to_there(void **state)
{
    (void)state;
    static struct text text;
    for (size_t len = 0; len < strlen(RICH_DBC); len++) {
        memcpy(text.bytes, RICH_DBC, len);
        text.len = len;
        char what[64];
        (void)snprintf(what, sizeof what, "cut off at byte %zu", len);
        const struct span fault = {len, strlen(RICH_DBC)};
        check(&text, &fault, true, what);
    }
}

static size_t line_end(size_t at)
{
    while (RICH_DBC[at] != '\n') {
        at++;
    }
    return at + 1;
}

static void test_any_line_doubled_or_exchanged_crashes_nothing(void **state)
{
    (void)state;
    static struct text text;
    static char by[TEXT_MAX];
    for (size_t from = 0; RICH_DBC[from] != '\0'; from = line_end(from)) {
        const size_t to = line_end(from);
        (void)snprintf(by, sizeof by, "%.*s%.*s", (int)(to - from), &RICH_DBC[from], (int)(to - from), &RICH_DBC[from]);
        const struct span line = {from, to};
        replaced(&text, &line, by);
        (void)snprintf(by, sizeof by, "line at byte %zu doubled", from);
        check(&text, &line, false, by);
        if (RICH_DBC[to] == '\0') {
            break;
        }
        const size_t behind = line_end(to);
        (void)snprintf(by, sizeof by, "%.*s%.*s", (int)(behind - to), &RICH_DBC[to], (int)(to - from), &RICH_DBC[from]);
        const struct span lines = {from, behind};
        replaced(&text, &lines, by);
        (void)snprintf(by, sizeof by, "line at byte %zu exchanged with the next", from);
        check(&text, &lines, false, by);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rich_text_itself_has_no_problem),
        cmocka_unit_test(test_any_token_left_out_costs_one_message_at_most),
        cmocka_unit_test(test_any_token_replaced_costs_one_message_at_most),
        cmocka_unit_test(test_an_open_string_or_comment_crashes_nothing),
        cmocka_unit_test(test_text_cut_off_anywhere_is_read_to_there),
        cmocka_unit_test(test_any_line_doubled_or_exchanged_crashes_nothing),
    };
    return cmocka_run_group_tests_name("dbc_fault", tests, NULL, NULL);
}
