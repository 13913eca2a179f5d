/* Broken and hostile texts: every fault is located in one run and costs its own statement only, and no text of a given
 * size takes much longer than another. The sizes are such that quadratic work would take minutes, not seconds. */
#include "dbc_support.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY         100000
#define MOST_SIGNALS 65535

static struct ct_dbc *parse_text(struct text *text, int want)
{
    static struct problems problems; /* large, and of no interest here */
    struct ct_dbc *dbc = dbc_of_bytes(text->data, text->len, want, &problems);
    free(text->data);
    return dbc;
}

/* ---- faults */

static const struct fault {
    const char *line;
    unsigned column; /* of the problem */
    enum ct_dbc_code code;
} faults[] = {
    {"VERSION 1", 9, CT_DBC_CODE_SYNTAX},
    {"BO_ x M: 8 A", 5, CT_DBC_CODE_SYNTAX},
    {"BO_ 4294967296 M: 8 A", 5, CT_DBC_CODE_SYNTAX},
    {"BO_ 7 : 8 A", 7, CT_DBC_CODE_SYNTAX},
    {"BO_ 7 M 8 A", 9, CT_DBC_CODE_SYNTAX},
    {"BO_ 7 M: -8 A", 10, CT_DBC_CODE_SYNTAX},
    {"SG_ : 0|8@1+ (1,0) [0|0] \"\" B", 5, CT_DBC_CODE_SYNTAX},
    {"SG_ S Q : 0|8@1+ (1,0) [0|0] \"\" B", 7, CT_DBC_CODE_SYNTAX},
    {"SG_ S m1x : 0|8@1+ (1,0) [0|0] \"\" B", 7, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|0@1+ (1,0) [0|0] \"\" B", 11, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 70000|8@1+ (1,0) [0|0] \"\" B", 9, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0;8@1+ (1,0) [0|0] \"\" B", 10, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8&1+ (1,0) [0|0] \"\" B", 12, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@2+ (1,0) [0|0] \"\" B", 13, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1 (1,0) [0|0] \"\" B", 15, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1+ (1;0) [0|0] \"\" B", 18, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1+ (nan,0) [0|0] \"\" B", 17, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1+ (1,0) [0..0] \"\" B", 23, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1+ (1,0) [0|0] C B", 28, CT_DBC_CODE_SYNTAX},
    {"SG_ S : 0|8@1+ (1,0) [0|0] \"C B", 28, CT_DBC_CODE_SYNTAX},
    {"CM_ XX_ 1 \"t\";", 5, CT_DBC_CODE_SYNTAX},
    {"CM_ BO_ M \"t\";", 9, CT_DBC_CODE_SYNTAX},
    {"CM_ SG_ 1 G text;", 13, CT_DBC_CODE_SYNTAX},
    {"VAL_ 1 G 1 one;", 12, CT_DBC_CODE_SYNTAX},
    {"VAL_ 1 G 1.5 \"one\";", 10, CT_DBC_CODE_SYNTAX},
    {"VAL_TABLE_ ;", 12, CT_DBC_CODE_SYNTAX},
    {"SIG_VALTYPE_ 1 G : 9;", 20, CT_DBC_CODE_SYNTAX},
    {"SG_MUL_VAL_ 1 G X ;", 19, CT_DBC_CODE_SYNTAX},
    {"SG_MUL_VAL_ 1 G X 1-;", 21, CT_DBC_CODE_SYNTAX},
    {"SIG_GROUP_ 1 G x : G;", 16, CT_DBC_CODE_SYNTAX},
    {"BO_TX_BU_ x : A;", 11, CT_DBC_CODE_SYNTAX},
    {"EV_ E: 9 [0|1] \"\" 0 1 DUMMY_NODE_VECTOR0 A;", 8, CT_DBC_CODE_SYNTAX},
    {"EV_ E: 0 [0|1] \"\" x 1 DUMMY_NODE_VECTOR0 A;", 19, CT_DBC_CODE_SYNTAX},
    {"ENVVAR_DATA_ E: x;", 17, CT_DBC_CODE_SYNTAX},
    {"SGTYPE_ T : 8@1+ (1,0) [0|1] \"\" x, y;", 33, CT_DBC_CODE_SYNTAX},
    {"SIG_TYPE_REF_ 1 G : ;", 21, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_ XX_ \"a\" INT 0 1;", 9, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_ BO_ a INT 0 1;", 13, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_ BO_ \"a\" ;", 17, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_ BO_ \"a\" INT 0;", 22, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_REL_ BO_ \"a\" INT 0 1;", 13, CT_DBC_CODE_SYNTAX},
    {"BA_DEF_DEF_ a 1;", 13, CT_DBC_CODE_SYNTAX},
    {"BA_ a 1;", 5, CT_DBC_CODE_SYNTAX},
    {"BA_ \"a\" BO_ M 1;", 13, CT_DBC_CODE_SYNTAX},
    {"BA_REL_ \"a\" SG_ A 1;", 13, CT_DBC_CODE_SYNTAX},
    {"BA_REL_ \"a\" BU_BO_REL_ A BO_ x 1;", 30, CT_DBC_CODE_SYNTAX},
    {"( what", 1, CT_DBC_CODE_SYNTAX},
};
#define FAULTS (sizeof faults / sizeof faults[0])

/* Each line of `faults` between two good messages. */
static void test_hostile_every_fault_located_and_costs_itself_only(void **state)
{
    (void)state;
    static struct problems problems;
    for (size_t i = 0; i < FAULTS; i++) {
        struct text text = {0};
        char place[16];
        text_add(&text, "BO_ 1 First: 8 A\n" SG("G") "%s\nBO_ 9 Last: 8 A\n" SG("Good"), faults[i].line);
        text_add(&text, "CM_ SG_ 9 Good \"said\";\n");
        struct ct_dbc *dbc = dbc_of_bytes(text.data, text.len, CT_ERR_SYNTAX, &problems);
        (void)snprintf(place, sizeof place, "3:%u", faults[i].column);
        if (!problem_at(&problems, place, faults[i].code) || dbc->error_count != 1) {
            fail_msg("%s: %u errors\n%s", faults[i].line, dbc->error_count, problems.text);
        }
        assert_string_equal(signal_named(dbc, "Last", "Good")->comment, "said");
        assert_non_null(signal_named(dbc, "First", "G"));
        ct_dbc_free(dbc);
        free(text.data);
    }
}

/* All of them in one file: as many errors as faults, in order, each on its line. */
static void test_hostile_all_faults_in_one_run(void **state)
{
    (void)state;
    static struct problems problems;
    struct text text = {0};
    for (size_t i = 0; i < FAULTS; i++) {
        text_add(&text, "%s\nBO_ %zu M%zu: 8 A\n" SG("Good"), faults[i].line, 100 + i, i);
    }
    struct ct_dbc *dbc = dbc_of_bytes(text.data, text.len, CT_ERR_SYNTAX, &problems);
    assert_int_equal(dbc->error_count, FAULTS);
    assert_int_equal(dbc->message_count, FAULTS);
    for (size_t i = 0; i < FAULTS; i++) {
        char place[32];
        (void)snprintf(place, sizeof place, "%zu:%u", 3 * i + 1, faults[i].column);
        assert_true(problem_at(&problems, place, faults[i].code));
    }
    ct_dbc_free(dbc);
    free(text.data);
}

/* `~` marks where the problem is; it is taken out before the text is read. */
static const char *const marked[] = {
    "CM_ BU_ ~\"t\";",
    "CM_ EV_ ~;",
    "CM_ SG_ ~x G \"t\";",
    "CM_ SG_ 1 ~;",
    "CM_ ~99999999999 \"t\";",
    "CM_ ~;",
    "SIG_VALTYPE_ ~x G 1;",
    "SIG_VALTYPE_ 1 ~: 1;",
    "SIGTYPE_VALTYPE_ ~: 1;",
    "SG_MUL_VAL_ ~x G X 1-1;",
    "SG_MUL_VAL_ 1 ~;",
    "SG_MUL_VAL_ 1 G ~;",
    "SG_MUL_VAL_ 1 G X ~x;",
    "SIG_GROUP_ ~x G 1 : G;",
    "SIG_GROUP_ 1 ~;",
    "SIG_TYPE_REF_ ~x G : T;",
    "SIG_TYPE_REF_ 1 ~: T;",
    "VAL_ ~99999999999 G 1 \"t\";",
    "VAL_ 1 ~;",
    "VAL_ 1 G ~(1);",
    "VAL_ 1 G +1 \"one\" ~\"two\";",
    "SGTYPE_VAL_ ~;",
    "SGTYPE_VAL_ T 1 ~2;",
    "EV_ ~: 0 [0|1] \"\" 0 1 DUMMY_NODE_VECTOR0 A;",
    "EV_ E: 0 [0~;1] \"\" 0 1 DUMMY_NODE_VECTOR0 A;",
    "EV_ E: 0 [0|1] ~x 0 1 DUMMY_NODE_VECTOR0 A;",
    "EV_ E: 0 [0|1] \"\" 0 ~x DUMMY_NODE_VECTOR0 A;",
    "EV_ E: 0 [0|1] \"\" 0 1 ~;",
    "ENVVAR_DATA_ ~: 1;",
    "SGTYPE_ ~: 8@1+ (1,0) [0|1] \"\" 0, ;",
    "SGTYPE_ T : ~x@1+ (1,0) [0|1] \"\" 0, ;",
    "SGTYPE_ T : 8@1+ ~[0|1] \"\" 0, ;",
    "BA_ \"a\" ~(;",
    "BA_ \"a\" BU_ ~;",
    "BA_DEF_DEF_ \"a\" ~(;",
    "BA_REL_ ~a BU_BO_REL_ A 1 1;",
    "BA_REL_ \"a\" BU_BO_REL_ ~;",
    "BA_REL_ \"a\" BU_EV_REL_ A ~;",
    "BA_REL_ \"a\" BU_SG_REL_ A SG_ 1 ~;",
    "BA_REL_ \"a\" BU_BO_REL_ A 1 ~(;",
    "BA_DEF_ BO_ \"a\" ENUM \"x\",~(;",
    "BA_DEF_ BO_ \"a\" INT ~(;",
    "BA_DEF_REL_ BU_BO_REL_ ~a INT 0 1;",
    "SG_ S : 0|8@1+ (1,~x) [0|0] \"\" B",
    "SG_ S : 0|8@1+ (1,0~; [0|0] \"\" B",
    "SG_ S : 0|8@1+ (~99999999999999999999x,0) [0|0] \"\" B",
    "SG_ S : 0|8@1+ ~1,0) [0|0] \"\" B",
};

static void test_hostile_marked_faults_are_where_the_mark_is(void **state)
{
    (void)state;
    static struct problems problems;
    for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++) {
        const char *mark = strchr(marked[i], '~');
        struct text text = {0};
        char place[16];
        assert_non_null(mark);
        text_add(&text, "BO_ 1 First: 8 A\n" SG("G") "%.*s%s\n", (int)(mark - marked[i]), marked[i], mark + 1);
        text_add(&text, "BO_ 9 Last: 8 A\n" SG("Good"));
        struct ct_dbc *dbc = dbc_of_bytes(text.data, text.len, CT_ERR_SYNTAX, &problems);
        (void)snprintf(place, sizeof place, "3:%u", (unsigned)(mark - marked[i]) + 1);
        if (!problem_at(&problems, place, CT_DBC_CODE_SYNTAX) || dbc->error_count != 1) {
            fail_msg("%s: %u errors\n%s", marked[i], dbc->error_count, problems.text);
        }
        assert_non_null(signal_named(dbc, "Last", "Good"));
        ct_dbc_free(dbc);
        free(text.data);
    }
}

static void test_hostile_dangling_references_are_warnings(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc =
        dbc_of("BU_: A\nBO_ 1 M: 1 A\n" SG(
                   "S") " SG_ W m1 : 8|8@1+ (1,0) [0|0] \"\" B\n" //
                        "CM_ BO_ 2 \"t\";\nCM_ SG_ 1 X \"t\";\nCM_ SG_ 2 S \"t\";\nCM_ BU_ X \"t\";\n"
                        "CM_ EV_ X \"t\";\nVAL_ 1 S Nothing;\nSIG_TYPE_REF_ 1 S : Nothing;\n"
                        "SIG_VALTYPE_ 1 S : 1;\nSG_MUL_VAL_ 1 S Nothing 1-1;\nSIG_GROUP_ 1 G 1 : S X;\n"
                        "SGTYPE_VAL_ X 1 \"t\";\nBA_DEF_ BO_ \"n\" INT 0 1;\nBA_ \"n\" BO_ 1 text;\n"
                        "BA_REL_ \"n\" BU_BO_REL_ X 1 1;\nENVVAR_DATA_ X: 1;\nVAL_ X 1 \"t\";\n",
               CT_OK, &problems);
    static const struct {
        const char *place;
        enum ct_dbc_code code;
    } want[] = {
        {"4:2", CT_DBC_CODE_NO_MULTIPLEXER},       {"4:2", CT_DBC_CODE_OUTSIDE},
        {"5:1", CT_DBC_CODE_UNKNOWN_MESSAGE},      {"6:1", CT_DBC_CODE_UNKNOWN_SIGNAL},
        {"7:1", CT_DBC_CODE_UNKNOWN_MESSAGE},      {"8:1", CT_DBC_CODE_UNKNOWN_NODE},
        {"9:1", CT_DBC_CODE_UNKNOWN_ENVIRONMENT},  {"10:1", CT_DBC_CODE_UNKNOWN_TABLE},
        {"11:1", CT_DBC_CODE_UNKNOWN_TYPE},        {"12:1", CT_DBC_CODE_NO_FLOAT},
        {"13:1", CT_DBC_CODE_BAD_MULTIPLEXER},     {"14:22", CT_DBC_CODE_UNKNOWN_SIGNAL},
        {"15:1", CT_DBC_CODE_UNKNOWN_TYPE},        {"17:1", CT_DBC_CODE_ATTRIBUTE_VALUE},
        {"18:1", CT_DBC_CODE_UNKNOWN_NODE},        {"19:1", CT_DBC_CODE_UNKNOWN_ENVIRONMENT},
        {"20:1", CT_DBC_CODE_UNKNOWN_ENVIRONMENT},
    };
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        assert_true(problem_at(&problems, want[i].place, want[i].code));
    }
    assert_int_equal(problems.count, sizeof want / sizeof want[0] + 1); /* and 18:1: BA_REL_ has no definition */
    ct_dbc_free(dbc);
}

#define MUX(name, mark) " SG_ " name " " mark " : 0|8@1+ (1,0) [0|0] \"\" B\n"

/* Which multiplexer a plain m<n> means is a guess where there are several: said once, for the first it concerns. */
static void test_hostile_choice_of_multiplexers_is_said(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *place; /* NULL: nothing to say */
    } texts[] = {
        {MUX("X", "M") MUX("S", "m1") MUX("Z", "M") MUX("T", "m1"), "3:2"},
        {MUX("X", "M") MUX("Z", "M") MUX("S", "m1") MUX("T", "m1") "SG_MUL_VAL_ 1 S X 1-1;\n", "5:2"},
        {MUX("X", "M") MUX("Y", "m1M") MUX("S", "m1"), "4:2"},
        {MUX("X", "M") MUX("Y", "m1M") MUX("S", "m1") "SG_MUL_VAL_ 1 S Y 1-1;\n", NULL},
        {MUX("X", "M") MUX("Z", "M") MUX("S", "m1") MUX("T", "m1") "SG_MUL_VAL_ 1 S X 1-1;\nSG_MUL_VAL_ 1 T Z 1-1;\n",
         NULL},
        {MUX("X", "M") MUX("S", "m1") MUX("T", "m2"), NULL},
    };
    struct problems problems;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct text text = {0};
        text_add(&text, "BO_ 1 M: 8 A\n%s", texts[i].text);
        ct_dbc_free(dbc_of_bytes(text.data, text.len, CT_OK, &problems));
        assert_int_equal(problems.count, texts[i].place != NULL ? 1 : 0);
        assert_true(texts[i].place == NULL || problem_at(&problems, texts[i].place, CT_DBC_CODE_WHICH_MULTIPLEXER));
        free(text.data);
    }
}

static void test_hostile_string_without_end_keeps_what_came_before(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc =
        dbc_of("BO_ 1 M: 8 A\n" SG("S") "CM_ SG_ 1 S \"good\";\nCM_ BO_ 1 \"never ends;\nBO_ 2 N: 8 A\n", CT_ERR_SYNTAX,
               &problems);
    assert_int_equal(problems.count, 1);
    assert_true(problem_at(&problems, "4:11", CT_DBC_CODE_UNCLOSED_STRING));
    assert_string_equal(signal_named(dbc, "M", "S")->comment, "good");
    assert_non_null(message_named(dbc, "N"));
    ct_dbc_free(dbc);
}

/* ---- encodings */

static void test_hostile_utf16_is_one_plain_error(void **state)
{
    (void)state;
    struct problems problems;
    static const struct {
        const char *text;
        size_t len;
    } texts[] = {{"\xFF\xFE"
                  "B\0O\0_\0",
                  8},
                 {"\xFE\xFF"
                  "\0B\0O",
                  6},
                 {"B\0O\0_\0 \0", 8},
                 {"\0B\0O\0_\0 ", 8}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct ct_dbc *dbc = dbc_of_bytes(texts[i].text, texts[i].len, CT_ERR_SYNTAX, &problems);
        assert_int_equal(problems.count, 1);
        assert_true(problem_at(&problems, "1:1", CT_DBC_CODE_ENCODING));
        assert_non_null(strstr(problems.text, "UTF-8"));
        ct_dbc_free(dbc);
    }
}

/* Columns count bytes behind a byte order mark; lines end in LF, CRLF and CR, mixed. */
static void test_hostile_places_behind_marks_and_line_ends(void **state)
{
    (void)state;
    struct problems problems;
    ct_dbc_free(dbc_of("\xEF\xBB\xBF"
                       "BO_ x",
                       CT_ERR_SYNTAX, &problems));
    assert_true(problem_at(&problems, "1:5", CT_DBC_CODE_SYNTAX));
    ct_dbc_free(dbc_of("\r\n\rVERSION \"\"\n\r\n\rBO_ x", CT_ERR_SYNTAX, &problems));
    assert_true(problem_at(&problems, "6:5", CT_DBC_CODE_SYNTAX));
    ct_dbc_free(dbc_of("CM_ \"a\r\nb\rc\nd\" BO_ x", CT_ERR_SYNTAX, &problems));
    assert_true(problem_at(&problems, "4:3", CT_DBC_CODE_NO_SEMICOLON));
    ct_dbc_free(dbc_of("CM_ \"\xC3\xA4\xB0\"; (", CT_ERR_SYNTAX, &problems));
    assert_true(problem_at(&problems, "1:12", CT_DBC_CODE_SYNTAX));
}

static void test_hostile_nul_bytes_are_blanks(void **state)
{
    (void)state;
    struct problems problems;
    static const char text[] = "BO_ 1 M:\0 8 A\0\n SG_ S : 0|8@1+ (1,0) [0|0] \"a\0b\" B\0\0";
    struct ct_dbc *dbc = dbc_of_bytes(text, sizeof text, CT_OK, &problems);
    assert_int_equal(problems.count, 0);
    assert_string_equal(signal_named(dbc, "M", "S")->unit, "a b");
    ct_dbc_free(dbc);
}

/* ---- sizes */

static void test_hostile_many_messages_and_references(void **state)
{
    (void)state;
    struct text text = {0};
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "BO_ %u M%u: 8 N%u\n" SG("S"), 0x80000000U + i * 4096, i, i);
    }
    for (unsigned i = MANY; i-- > 0;) {
        text_add(&text, "BA_ \"a%u\" BO_ %u %u;\n", i, 0x80000000U + i * 4096, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    assert_int_equal(dbc->message_count, MANY);
    assert_int_equal(dbc->attribute_def_count, MANY);
    assert_true(dbc->messages[MANY - 1].attributes.items[0].value.number == MANY - 1);
    ct_dbc_free(dbc);
}

static void test_hostile_many_values_of_one_signal(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "BO_ 1 M: 8 A\n" SG("S"));
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "VAL_ 1 S 0 \"t%u\";\nBA_ \"a\" SG_ 1 S %u;\n", i, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    const struct ct_dbc_signal *signal = signal_named(dbc, "M", "S");
    assert_string_equal(ct_dbc_text_of(signal, 0), "t99999");
    assert_int_equal(signal->attributes.count, 1);
    assert_true(signal->attributes.items[0].value.number == MANY - 1);
    ct_dbc_free(dbc);
}

static void test_hostile_messages_of_one_id_with_references(void **state)
{
    (void)state;
    struct text text = {0};
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "BO_ 1 M%u: 8 A\n" SG("S"), i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "CM_ BO_ 1 \"m%u\";\nCM_ SG_ 1 S \"s%u\";\n", i, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    assert_int_equal(dbc->warning_count, MANY - 1);
    assert_string_equal(dbc->messages[0].comment, "m99999");
    assert_string_equal(dbc->messages[MANY - 1].signals[0].comment, "s99999");
    ct_dbc_free(dbc);
}

static void test_hostile_most_signals_and_one_more(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "BO_ 1 M: 8192 A\n");
    for (unsigned i = 0; i <= MOST_SIGNALS; i++) {
        text_add(&text, " SG_ S%u : %u|1@1+ (1,0) [0|0] \"\" A,B%u\n", i, i % 65536, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_ERR_SYNTAX);
    assert_int_equal(dbc->error_count, 1); /* one too many */
    assert_int_equal(dbc->messages[0].signal_count, MOST_SIGNALS);
    assert_int_equal(dbc->messages[0].signals[MOST_SIGNALS - 1].start_bit, MOST_SIGNALS - 1);
    ct_dbc_free(dbc);
}

static void test_hostile_signals_of_one_name(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "BO_ 1 M: 8192 A\n SG_ X M : 0|32@1+ (1,0) [0|0] \"\" B\n");
    for (unsigned i = 1; i < MOST_SIGNALS; i++) {
        text_add(&text, " SG_ S m%u : %u|1@1+ (1,0) [0|0] \"\" B\n", i, i);
    }
    text_add(&text, "BO_ 2 N: 8192 A\n");
    for (unsigned i = 0; i < MOST_SIGNALS; i++) {
        text_add(&text, " SG_ S : %u|1@1+ (1,0) [0|0] \"\" B\n", i);
    }
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "SG_MUL_VAL_ 1 S X %u-%u;\n", i, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    assert_string_equal(dbc->messages[0].signals[9].name, "S"); /* never in one frame */
    assert_int_equal(dbc->messages[0].signals[9].ranges[0].first, 9);
    assert_string_equal(dbc->messages[1].signals[9].name, "S#9"); /* always in one frame */
    assert_string_equal(dbc->messages[1].signals[MOST_SIGNALS - 1].name, "S");
    ct_dbc_free(dbc);
}

static void test_hostile_multiplexers_nested_deeply_and_in_a_circle(void **state)
{
    (void)state;
    for (unsigned circle = 0; circle < 2; circle++) {
        struct text text = {0};
        text_add(&text, "BO_ 1 M: 8 A\n SG_ S0 %s : 0|1@1+ (1,0) [0|0] \"\" B\n", circle ? "m1M" : "M");
        for (unsigned i = 1; i < MOST_SIGNALS; i++) {
            text_add(&text, " SG_ S%u m1M : 0|1@1+ (1,0) [0|0] \"\" B\n", i);
        }
        for (unsigned i = 1 - circle; i < MOST_SIGNALS; i++) {
            text_add(&text, "SG_MUL_VAL_ 1 S%u S%u 1-1;\n", i, (i + MOST_SIGNALS - 1) % MOST_SIGNALS);
        }
        struct ct_dbc *dbc = parse_text(&text, circle ? CT_ERR_SYNTAX : CT_OK);
        assert_int_equal(dbc->error_count, circle);
        assert_int_equal(dbc->messages[0].signals[MOST_SIGNALS - 1].selector, MOST_SIGNALS - 2);
        ct_dbc_free(dbc);
    }
}

static void test_hostile_definitions_tables_nodes_of_one_name(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "BU_:");
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, " N");
    }
    text_add(&text, "\nBA_DEF_ BU_ \"e\" ENUM \"t0\"");
    for (unsigned i = 1; i < MANY; i++) {
        text_add(&text, ",\"t%u\"", i);
    }
    text_add(&text, ";\n");
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "BA_DEF_ BU_ \"d\" INT 0 %u;\nBA_DEF_DEF_ \"d\" %u;\nBA_ \"d\" BU_ N %u;\n", i, i, i);
        text_add(&text, "BA_ \"e\" BU_ N \"t%u\";\nVAL_TABLE_ T 1 \"%u\";\n", i, i);
    }
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    assert_int_equal(dbc->node_count, MANY);
    assert_int_equal(dbc->attribute_def_count, MANY + 1);
    assert_int_equal(dbc->nodes[0].attributes.count, 2);
    assert_true(dbc->nodes[0].attributes.items[0].def->max == MANY - 1);
    assert_true(dbc->nodes[0].attributes.items[1].value.number == MANY - 1);
    ct_dbc_free(dbc);
}

static void test_hostile_faults_without_end(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "BO_ \"",     "CM_ \"\n", "/* ",         "// \"\n",     "\" ; \"",   "SG_ S : 0|8@1+ (1,0) [0|0] \"\n",
        "NS_ :\n a ", "BU_ : \"", "VAL_ 1 S 1 ", "BA_ \"\\\" ", "( \" \\\n", "\r \" \r"};
    for (size_t piece = 0; piece < sizeof pieces / sizeof pieces[0]; piece++) {
        struct text text = {0};
        for (unsigned i = 0; i < MANY; i++) {
            text_add(&text, "%s", pieces[piece]);
        }
        struct ct_dbc *dbc = NULL;
        const int err = ct_dbc_parse("t.dbc", text.data, text.len, NULL, NULL, &dbc);
        assert_true(err == CT_OK || err == CT_ERR_SYNTAX);
        ct_dbc_free(dbc);
        free(text.data);
    }
}

static void test_hostile_one_line_of_megabytes(void **state)
{
    (void)state;
    struct text text = {0};
    text_add(&text, "BO_ 1 M: 8 A\n" SG("S") "VAL_ 1 S");
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, " %u \"text of %u\"", MANY - i, i);
    }
    text_add(&text, "; CM_ SG_ 1 S \"");
    for (unsigned i = 0; i < MANY; i++) {
        text_add(&text, "long comment ");
    }
    text_add(&text, "\";");
    struct ct_dbc *dbc = parse_text(&text, CT_OK);
    assert_int_equal(signal_named(dbc, "M", "S")->text_count, MANY);
    assert_string_equal(ct_dbc_text_of(signal_named(dbc, "M", "S"), 1), "text of 99999");
    assert_int_equal(strlen(signal_named(dbc, "M", "S")->comment), (size_t)MANY * 13);
    ct_dbc_free(dbc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_every_fault_located_and_costs_itself_only),
        cmocka_unit_test(test_hostile_all_faults_in_one_run),
        cmocka_unit_test(test_hostile_marked_faults_are_where_the_mark_is),
        cmocka_unit_test(test_hostile_dangling_references_are_warnings),
        cmocka_unit_test(test_hostile_choice_of_multiplexers_is_said),
        cmocka_unit_test(test_hostile_string_without_end_keeps_what_came_before),
        cmocka_unit_test(test_hostile_utf16_is_one_plain_error),
        cmocka_unit_test(test_hostile_places_behind_marks_and_line_ends),
        cmocka_unit_test(test_hostile_nul_bytes_are_blanks),
        cmocka_unit_test(test_hostile_many_messages_and_references),
        cmocka_unit_test(test_hostile_many_values_of_one_signal),
        cmocka_unit_test(test_hostile_messages_of_one_id_with_references),
        cmocka_unit_test(test_hostile_most_signals_and_one_more),
        cmocka_unit_test(test_hostile_signals_of_one_name),
        cmocka_unit_test(test_hostile_multiplexers_nested_deeply_and_in_a_circle),
        cmocka_unit_test(test_hostile_definitions_tables_nodes_of_one_name),
        cmocka_unit_test(test_hostile_faults_without_end),
        cmocka_unit_test(test_hostile_one_line_of_megabytes),
    };
    return cmocka_run_group_tests_name("dbc_hostile", tests, NULL, NULL);
}
