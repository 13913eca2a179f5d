/* The linter on small files: every code once where it belongs, and not where it does not. What is right is Vector's
 * DBC file format description and ISO 11898-1 (lengths of CAN FD); places are counted by hand. */
#include "lint.h"
#include "testing.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct findings {
    char text[4096]; /* `112@7:2 ` each */
    size_t len;
    char last[512];
    unsigned errors;
};

static void collect(void *user, const struct ct_dbc_problem *problem)
{
    struct findings *findings = user;
    const int n = snprintf(findings->text + findings->len, sizeof findings->text - findings->len, "%d@%u:%u ",
                           (int)problem->code, problem->line, problem->column);
    assert_true(n > 0 && findings->len + (size_t)n < sizeof findings->text);
    findings->len += (size_t)n;
    findings->errors += problem->severity == CT_DBC_ERROR ? 1 : 0;
    (void)snprintf(findings->last, sizeof findings->last, "%s", problem->text);
}

static void lint(const char *text, const struct ct_dbc_rules *rules, struct findings *findings)
{
    struct ct_dbc *dbc = NULL;
    *findings = (struct findings){.len = 0};
    const int err = ct_dbc_parse("t.dbc", text, strlen(text), NULL, NULL, &dbc);
    assert_true(err == CT_OK || err == CT_ERR_SYNTAX);
    assert_int_equal(ct_dbc_lint(dbc, rules, collect, findings), CT_OK);
    ct_dbc_free(dbc);
}

#define HEAD "BU_: A B\n"
#define BO   HEAD "BO_ 5 M: 8 A\n"

struct row {
    const char *situation;
    const char *text;
    const char *findings;
};

static void check_rows(const struct row *rows, size_t count, const struct ct_dbc_rules *rules)
{
    for (size_t i = 0; i < count; i++) {
        struct findings found;
        lint(rows[i].text, rules, &found);
        if (strcmp(found.text, rows[i].findings) != 0) {
            fail_msg("%s: wanted '%s', found '%s' (%s)", rows[i].situation, rows[i].findings, found.text, found.last);
        }
    }
}
#define CHECK(rows, rules) check_rows(rows, sizeof(rows) / sizeof((rows)[0]), rules)

static void test_lint_faults_of_messages_found_where_they_stand(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"nothing wrong", BO " SG_ S : 0|8@1+ (1,0) [0|255] \"\" B\n", ""},
        {"one name for two ids",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBO_ 6 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", "100@4:1 "},
        {"classic frame of 9 bytes",
         HEAD "BO_ 5 M: 9 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n"
              "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\";\n"
              "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\n",
         "105@2:1 "},
        {"FD length between two steps", HEAD "BO_ 5 M: 13 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", "106@2:1 "},
        {"FD length of a step", HEAD "BO_ 5 M: 12 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", ""},
        {"frame format against the id",
         HEAD "BO_ 2147483653 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n"
              "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\";\n"
              "BA_DEF_DEF_ \"VFrameFormat\" \"ExtendedCAN\";\nBA_ \"VFrameFormat\" BO_ 2147483653 0;\n",
         "113@2:1 "},
        {"node listed twice", "BU_: A B A\nBO_ 5 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", "102@1:10 "},
        {"unknown sender, said once",
         HEAD "BO_ 5 M: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B,A\nBO_ 6 N: 8 X\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n",
         "109@2:1 "},
        {"unknown receiver, said once", BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B,X\n SG_ T : 8|8@1+ (1,0) [0|0] \"\" X\n",
         "110@3:2 "},
        {"unused node", "BU_: A B C\nBO_ 5 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", "111@1:10 "},
        {"value table twice",
         "VAL_TABLE_ T 0 \"a\" ;\nVAL_TABLE_ T 1 \"b\" ;\n" BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n", "103@2:1 "},
        {"unknown node of a variable",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nEV_ E: 0 [0|1] \"\" 0 1 DUMMY_NODE_VECTOR0 X;\n", "180@4:1 "},
    };
    CHECK(rows, NULL);
}

static void test_lint_faults_of_signals_found_where_they_stand(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"factor 0", BO " SG_ S : 0|8@1+ (0,5) [0|0] \"\" B\n", "120@3:2 "},
        {"minimum above maximum", BO " SG_ S : 0|8@1+ (1,0) [9|1] \"\" B\n", "121@3:2 "},
        {"range out of reach", BO " SG_ S : 0|8@1+ (1,-1000) [0|100] \"\" B\n", "123@3:2 "},
        {"range out of reach, signed and negative factor", BO " SG_ S : 0|8@1- (-1,0) [129|200] \"\" B\n", "123@3:2 "},
        {"range in reach by the sign", BO " SG_ S : 0|8@1- (-1,0) [128|128.4] \"\" B\n", ""},
        {"text beyond the bits", BO " SG_ S : 0|2@1+ (1,0) [0|0] \"\" B\nVAL_ 5 S 4 \"x\" 3 \"y\" ;\n", "124@3:2 "},
        {"text beyond the sign", BO " SG_ S : 0|2@1- (1,0) [0|0] \"\" B\nVAL_ 5 S 2 \"x\" -2 \"y\" ;\n", "124@3:2 "},
        {"texts that fit", BO " SG_ S : 0|2@1- (1,0) [0|0] \"\" B\nVAL_ 5 S 1 \"x\" -2 \"y\" ;\n", ""},
        {"text of all 64 bits", BO " SG_ S : 0|64@1+ (1,0) [0|0] \"\" B\nVAL_ 5 S 18446744073709551615 \"x\" ;\n", ""},
        {"start value beyond the bits",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"GenSigStartValue\" FLOAT 0 1000;\n"
            "BA_DEF_DEF_ \"GenSigStartValue\" 0;\nBA_ \"GenSigStartValue\" SG_ 5 S 256;\n",
         "126@3:2 "},
        {"start value of the default", /* stands for every signal: not this one's fault */
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"GenSigStartValue\" FLOAT 0 1000;\n"
            "BA_DEF_DEF_ \"GenSigStartValue\" 256;\n",
         ""},
        {"digit first", BO " SG_ 4WD : 0|8@1+ (1,0) [0|0] \"\" B\n", "150@3:2 "},
        {"keyword", BO " SG_ FILTER : 0|8@1+ (1,0) [0|0] \"\" B\n", "150@3:2 "},
        {"32 characters", BO " SG_ A2345678901234567890123456789012 : 0|8@1+ (1,0) [0|0] \"\" B\n", ""},
        {"33 characters", BO " SG_ A23456789012345678901234567890123 : 0|8@1+ (1,0) [0|0] \"\" B\n", "151@3:2 "},
        {"attribute out of range",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"W\" INT 0 10;\nBA_DEF_DEF_ \"W\" 0;\n"
            "BA_ \"W\" SG_ 5 S 11;\n",
         "160@3:2 "},
        {"default out of range",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"W\" INT 1 10;\nBA_DEF_DEF_ \"W\" 0;\n", "160@4:1 "},
        {"attribute without a range",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"W\" INT 0 0;\nBA_DEF_DEF_ \"W\" 5;\n", ""},
        {"attribute defined twice",
         BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nBA_DEF_ SG_ \"W\" INT 0 0;\nBA_DEF_ BO_ \"W\" INT 0 0;\n"
            "BA_DEF_DEF_ \"W\" 5;\n",
         "163@5:1 "},
    };
    CHECK(rows, NULL);
}

static void test_lint_overlaps_respect_multiplexers(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"neighbours", BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ T : 8|8@1+ (1,0) [0|0] \"\" B\n", ""},
        {"one bit", BO " SG_ S : 0|9@1+ (1,0) [0|0] \"\" B\n SG_ T : 8|8@1+ (1,0) [0|0] \"\" B\n", "112@4:2 "},
        {"Motorola 12 bits 3..0 of byte 0 and byte 1, Intel 4 bits above",
         BO " SG_ S : 3|12@0+ (1,0) [0|0] \"\" B\n SG_ T : 4|4@1+ (1,0) [0|0] \"\" B\n", ""},
        {"Motorola 12 bits and Intel bit 3",
         BO " SG_ S : 3|12@0+ (1,0) [0|0] \"\" B\n SG_ T : 3|4@1+ (1,0) [0|0] \"\" B\n", "112@4:2 "},
        {"Motorola and Motorola",
         BO " SG_ S : 7|8@0+ (1,0) [0|0] \"\" B\n SG_ T : 15|9@0+ (1,0) [0|0] \"\" B\n"
            " SG_ U : 23|1@0+ (1,0) [0|0] \"\" B\n",
         "112@5:2 "},
        {"branches apart",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m0 : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ T m1 : 8|8@1+ (1,0) [0|0] \"\" B\n",
         ""},
        {"one branch",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ T m1 : 12|8@1+ (1,0) [0|0] \"\" B\n",
         "112@5:2 "},
        {"ranges that meet",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ T m5 : 8|8@1+ (1,0) [0|0] \"\" B\nSG_MUL_VAL_ 5 S M 1-4;\nSG_MUL_VAL_ 5 T M 5-5, 4-4;\n",
         "112@5:2 "},
        {"nested under branches apart", /* S in M=1, N=0; T in M=2, whatever N holds */
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ N m1M : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ S m0 : 16|8@1+ (1,0) [0|0] \"\" B\n SG_ T m2 : 8|16@1+ (1,0) [0|0] \"\" B\n"
            "SG_MUL_VAL_ 5 N M 1-1;\nSG_MUL_VAL_ 5 S N 0-0;\nSG_MUL_VAL_ 5 T M 2-2;\n",
         ""},
        {"two multiplexers side by side", /* nothing keeps M=0 and N=1 apart */
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ N M : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ S m0 : 16|8@1+ (1,0) [0|0] \"\" B\n SG_ T m1 : 16|8@1+ (1,0) [0|0] \"\" B\n"
            "SG_MUL_VAL_ 5 S M 0-0;\nSG_MUL_VAL_ 5 T N 1-1;\n",
         "112@6:2 "},
    };
    CHECK(rows, NULL);
}

/* A text that grows. */
struct text {
    char *data;
    size_t len;
    size_t size;
};

static void add(struct text *text, const char *format, ...) CT_PRINTF(2, 3);

static void add(struct text *text, const char *format, ...)
{
    if (text->size - text->len < 256) {
        text->size = 2 * text->size + 4096;
        text->data = realloc(text->data, text->size);
        assert_non_null(text->data);
    }
    va_list args;
    va_start(args, format);
    text->len += (size_t)vsnprintf(text->data + text->len, text->size - text->len, format, args);
    va_end(args);
}

#define MANY 60000U

/* Sizes at which comparing each with each takes minutes. The last signal of each part is the one fault in it. */
static void test_lint_of_many_objects_finds_the_one_fault(void **state)
{
    (void)state;
    struct text text = {0};
    struct findings found;
    add(&text, "BU_: A\nBO_ 5 M: 8000 A\n");
    for (unsigned i = 0; i < MANY; i++) {
        add(&text, " SG_ S%u : %u|1@1+ (1,0) [0|0] \"\" A\n", i, i);
    }
    add(&text, " SG_ T : %u|1@1+ (1,0) [0|0] \"\" A\nBO_ 6 N: 8 A\n SG_ X M : 0|32@1+ (1,0) [0|0] \"\" A\n", MANY - 1);
    add(&text, " SG_ B m0 : 32|8@1+ (1,0) [0|0] \"\" A\nSG_MUL_VAL_ 6 B X 1-1");
    for (unsigned i = 1; i < 5 * MANY; i++) {
        add(&text, ",%u-%u", 2 * i, 2 * i);
    }
    add(&text, ",%u-%u;\n", MANY, MANY);
    for (unsigned i = 0; i < MANY; i++) {
        add(&text, "BA_DEF_ BO_ \"a%u\" INT 0 0;\nBA_DEF_DEF_ \"a%u\" 0;\nVAL_TABLE_ t%u %u \"x\";\n", i, i, i, i);
        add(&text, "BU_: n%u\nVAL_ 5 S%u %u \"y\";\nBA_REL_ \"r\" BU_BO_REL_ n%u 5 1;\n", i, i, i % 2, i);
    }
    add(&text, "BU_: n0\nBA_DEF_REL_ BU_BO_REL_ \"r\" INT 0 0;\nBA_DEF_ BO_ \"a0\" INT 0 0;\n");
    lint(text.data, NULL, &found);
    char want[128];
    (void)snprintf(want, sizeof want, "163@%u:1 102@%u:6 105@2:1 112@%u:2 144@%u:2 ", 7 * MANY + 10, 7 * MANY + 8,
                   MANY + 3, MANY + 6);
    assert_string_equal(found.text, want);
    free(text.data);
}

/* Branches are compared with each other up to a bound; then that is said, once for all messages. */
static void test_lint_of_endless_branches_says_that_it_gave_up(void **state)
{
    (void)state;
    struct text text = {0};
    struct findings found;
    add(&text, "BU_: A\n");
    for (unsigned message = 5; message < 7; message++) {
        add(&text, "BO_ %u M%u: 8 A\n SG_ X M : 0|32@1+ (1,0) [0|0] \"\" A\n", message, message);
        for (unsigned i = 0; i < MANY; i++) {
            add(&text, " SG_ S%u m%u : 32|8@1+ (1,0) [0|0] \"\" A\n", i, i);
        }
        add(&text, " SG_ T : 31|1@1+ (1,0) [0|0] \"\" A\n");
    }
    lint(text.data, NULL, &found);
    assert_string_equal(found.text, "114@2:1 ");
    /* while what real files reach is compared completely: 3,000 branches, of which two meet */
    text.len = 0;
    add(&text, "BU_: A\nBO_ 5 M: 8 A\n SG_ X M : 0|32@1+ (1,0) [0|0] \"\" A\n");
    for (unsigned i = 0; i < 3000; i++) {
        add(&text, " SG_ S%u m%u : 32|8@1+ (1,0) [0|0] \"\" A\n", i, i);
    }
    add(&text, " SG_ T m2999 : 39|1@0+ (1,0) [0|0] \"\" A\n");
    lint(text.data, NULL, &found);
    assert_string_equal(found.text, "112@3004:2 ");
    free(text.data);
}

static void test_lint_faults_of_multiplexers_found(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"value beyond the multiplexer's bits",
         BO " SG_ M M : 0|2@1+ (1,0) [0|0] \"\" B\n SG_ S m4 : 8|8@1+ (1,0) [0|0] \"\" B\n", "142@4:2 "},
        {"highest value", BO " SG_ M M : 0|2@1+ (1,0) [0|0] \"\" B\n SG_ S m3 : 8|8@1+ (1,0) [0|0] \"\" B\n", ""},
        {"below a branch that cannot be",
         BO " SG_ M M : 0|2@1+ (1,0) [0|0] \"\" B\n SG_ N m4M : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ S m0 : 16|8@1+ (1,0) [0|0] \"\" B\nSG_MUL_VAL_ 5 N M 4-4;\nSG_MUL_VAL_ 5 S N 0-0;\n",
         "142@4:2 143@5:2 "},
        {"ranges overlap",
         BO
         " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\nSG_MUL_VAL_ 5 S M 1-4, 4-6;\n",
         "144@4:2 "},
        {"three ranges, of which the first and the last overlap",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
            "SG_MUL_VAL_ 5 S M 5-9, 1-1, 9-9;\n",
         "144@4:2 "},
        {"reversed range",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\nSG_MUL_VAL_ 5 S M 4-1;\n",
         "144@4:2 "},
        {"multiplexer is a float",
         BO " SG_ M M : 0|32@1+ (1,0) [0|0] \"\" B\n SG_ S m1 : 32|8@1+ (1,0) [0|0] \"\" B\nSIG_VALTYPE_ 5 M : 1;\n",
         "141@3:2 "},
    };
    CHECK(rows, NULL);
}

static void test_lint_hints_are_off_until_enabled(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"no signals", HEAD "BO_ 5 M: 8 A\n", "104@2:1 "},
        {"no cycle time where others have one",
         HEAD
         "BO_ 5 M: 0 A\nBO_ 6 N: 0 A\nBA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 0;\nBA_DEF_DEF_ \"GenMsgCycleTime\" 0;\n"
         "BA_ \"GenMsgCycleTime\" BO_ 5 10;\n",
         "107@3:1 "},
        {"no sender", HEAD "BO_ 5 M: 0 Vector__XXX\n", "108@2:1 "},
        {"same name in two branches",
         BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ S m0 : 8|8@1+ (1,0) [0|0] \"\" B\n"
            " SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n",
         "101@5:2 "},
        {"range wider than the bits", BO " SG_ S : 0|8@1+ (0.5,0) [0|255] \"\" B\n", "122@3:2 "},
        {"range rounded up by less than half a step", BO " SG_ S : 0|8@1+ (0.4,0) [0|102.1] \"\" B\n", ""},
        {"one text for two values", BO " SG_ S : 0|8@1+ (1,0) [0|0] \"\" B\nVAL_ 5 S 0 \"x\" 1 \"x\" ;\n", "125@3:2 "},
        {"start value out of range",
         BO " SG_ S : 0|8@1+ (1,0) [0|100] \"\" B\nBA_DEF_ SG_ \"GenSigStartValue\" FLOAT 0 1000;\n"
            "BA_DEF_DEF_ \"GenSigStartValue\" 0;\nBA_ \"GenSigStartValue\" SG_ 5 S 101;\n",
         "127@3:2 "},
        {"over 64 bits", HEAD "BO_ 5 M: 64 A\n SG_ S : 0|65@1+ (1,0) [0|0] \"\" B\n", "128@3:2 "},
        {"multiplexer of nothing", BO " SG_ M M : 0|8@1+ (1,0) [0|0] \"\" B\n", "140@3:2 "},
        {"definition without a default", HEAD "BO_ 5 M: 0 A\nBA_DEF_ BO_ \"W\" INT 0 0;\n", "162@3:1 "},
        {"table of nobody", "VAL_TABLE_ T 0 \"a\" ;\n" HEAD "BO_ 5 M: 0 A\n", "170@1:1 "},
    };
    struct ct_dbc_rules rules = {0};
    assert_int_equal(ct_dbc_rules_set(&rules, "all", CT_DBC_ON), CT_OK);
    assert_int_equal(ct_dbc_rules_set(&rules, "node-unused", CT_DBC_OFF), CT_OK);
    CHECK(rows, &rules);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct findings found;
        assert_int_equal(ct_dbc_rules_set(&rules, "all", CT_DBC_DEFAULT), CT_OK);
        assert_int_equal(ct_dbc_rules_set(&rules, "node-unused", CT_DBC_OFF), CT_OK);
        lint(rows[i].text, &rules, &found);
        assert_string_equal(found.text, "");
    }
}

static void test_lint_rules_by_number_pattern_and_name(void **state)
{
    (void)state;
    static const char text[] = "BU_: A B C\nBO_ 5 M: 8 A\n SG_ S : 0|8@1+ (0,5) [9|1] \"\" B\n";
    struct findings found;
    struct ct_dbc_rules rules = {0};
    lint(text, &rules, &found);
    assert_string_equal(found.text, "111@1:10 120@3:2 121@3:2 ");
    assert_int_equal(found.errors, 0);
    /* when single ones are switched off, made errors, or a block of them */
    assert_int_equal(ct_dbc_rules_set(&rules, "factor-zero", CT_DBC_OFF), CT_OK);
    assert_int_equal(ct_dbc_rules_set(&rules, "DBC121", CT_DBC_AS_ERROR), CT_OK);
    lint(text, &rules, &found);
    assert_string_equal(found.text, "111@1:10 121@3:2 ");
    assert_int_equal(found.errors, 1);
    assert_int_equal(ct_dbc_rules_set(&rules, "DBC11x", CT_DBC_OFF), CT_OK);
    lint(text, &rules, &found);
    assert_string_equal(found.text, "121@3:2 ");
    /* then what means no code is refused */
    assert_int_equal(ct_dbc_rules_set(&rules, "DBC999", CT_DBC_OFF), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_dbc_rules_set(&rules, "factor", CT_DBC_OFF), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_dbc_rules_set(&rules, "", CT_DBC_OFF), CT_ERR_NOT_FOUND);
}

static char *read_document(const char *name)
{
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    char *text = calloc(1, 200000);
    assert_non_null(text);
    assert_true(fread(text, 1, 199999, file) > 0);
    fclose(file);
    return text;
}

static void test_lint_every_code_is_documented(void **state)
{
    (void)state;
    char *document = read_document(CANTWIN_SOURCE_DIR "/docs/dbc.md");
    for (unsigned number = 0; number < CT_DBC_CODE_LIMIT; number++) {
        const struct ct_dbc_code_info *info = ct_dbc_code_info(number);
        char row[128];
        if (info == NULL) {
            continue;
        }
        static const char *const severities[] = {
            [CT_DBC_WARNING] = "warning", [CT_DBC_ERROR] = "error", [CT_DBC_INFO] = "info"};
        (void)snprintf(row, sizeof row, "| DBC%03u | %s | %s |", number, info->name, severities[info->severity]);
        if (strstr(document, row) == NULL) {
            fail_msg("docs/dbc.md has no row '%s'", row);
        }
    }
    free(document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lint_faults_of_messages_found_where_they_stand),
        cmocka_unit_test(test_lint_faults_of_signals_found_where_they_stand),
        cmocka_unit_test(test_lint_overlaps_respect_multiplexers),
        cmocka_unit_test(test_lint_of_many_objects_finds_the_one_fault),
        cmocka_unit_test(test_lint_of_endless_branches_says_that_it_gave_up),
        cmocka_unit_test(test_lint_faults_of_multiplexers_found),
        cmocka_unit_test(test_lint_hints_are_off_until_enabled),
        cmocka_unit_test(test_lint_rules_by_number_pattern_and_name),
        cmocka_unit_test(test_lint_every_code_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
