/* Differences of two databases: hand-made changes are found, and what means the same is not one. */
#include "diff.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

struct changes {
    char text[4096];
    size_t len;
};

static void collect(void *user, const struct ct_dbc_change *change)
{
    static const char marks[] = {[CT_DBC_ADDED] = '+', [CT_DBC_REMOVED] = '-', [CT_DBC_CHANGED] = '~'};
    struct changes *changes = user;
    const int n = snprintf(changes->text + changes->len, sizeof changes->text - changes->len, "%c %s|%s|%s|%s\n",
                           marks[change->kind], change->object, change->field, change->before, change->after);
    assert_true(n > 0 && changes->len + (size_t)n < sizeof changes->text);
    changes->len += (size_t)n;
}

static struct ct_dbc *parse(const char *text)
{
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("t.dbc", text, strlen(text), NULL, NULL, &dbc), CT_OK);
    return dbc;
}

static void check(const char *before, const char *after, bool comments, const char *wanted)
{
    struct changes changes = {.len = 0};
    const struct ct_dbc_diff_options options = {.comments = comments};
    struct ct_dbc *a = parse(before);
    struct ct_dbc *b = parse(after);
    size_t count = 99;
    assert_int_equal(ct_dbc_diff(a, b, &options, collect, &changes, &count), CT_OK);
    assert_string_equal(changes.text, wanted);
    size_t lines = 0;
    for (const char *c = wanted; *c != '\0'; c++) {
        lines += *c == '\n' ? 1 : 0;
    }
    assert_int_equal(count, lines);
    ct_dbc_free(a);
    ct_dbc_free(b);
}

#define SPEED " SG_ Speed : 0|8@1+ (1,0) [0|255] \"km/h\" B\n"
#define GEAR  " SG_ Gear : 8|4@1+ (1,0) [0|15] \"\" A,B\n"

static void test_diff_same_meaning_in_another_layout_is_equal(void **state)
{
    (void)state;
    check("VERSION \"\"\nBU_: A B\nBO_ 5 M: 8 A\n" SPEED GEAR "VAL_ 5 Gear 0 \"N\" 1 \"First\" ;\n"
          "CM_ SG_ 5 Gear \"text\";\n",
          "BU_:\n B\n A\nCM_ SG_ 5 Gear \"text\";\nVAL_ 5 Gear 1 \"First\" 0 \"N\";\n"
          "BO_ 5 M : 8 A\n SG_ Gear:8|4@1+ (1.0,0e0)[0|15]\"\" B,A\n" SPEED,
          true, "");
    /* long names by attribute or by themselves */
    check("BU_: A\nBO_ 5 A_Message_Name_Of_More_Than_Thirty_Two_Characters: 8 A\n",
          "BU_: A\nBO_ 5 Short: 8 A\nBA_DEF_ BO_ \"SystemMessageLongSymbol\" STRING ;\n"
          "BA_DEF_DEF_ \"SystemMessageLongSymbol\" \"\";\n"
          "BA_ \"SystemMessageLongSymbol\" BO_ 5 \"A_Message_Name_Of_More_Than_Thirty_Two_Characters\";\n",
          true, "");
}

static void test_diff_objects_added_and_removed_said_once(void **state)
{
    (void)state;
    check("BU_: A B\nBO_ 5 M: 8 A\n" SPEED GEAR "BO_ 6 Gone: 8 A\n" SPEED,
          "BU_: A C\nBO_ 5 M: 8 A\n" GEAR "BO_ 2147483654 New: 8 A\n" SPEED, true,
          "- node B|||\n"
          "+ node C|||\n"
          "- message 0x005 M signal Speed|||\n"
          "- message 0x006 Gone|||\n"
          "+ message 0x00000006 New|||\n");
}

static void test_diff_fields_changed(void **state)
{
    (void)state;
    check("BU_: A B\nBO_ 5 M: 8 A\n" SPEED GEAR "VAL_ 5 Gear 0 \"N\" 1 \"First\" ;\n",
          "BU_: A B\nBO_ 5 Motor: 7 B\n SG_ Speed : 7|8@0- (0.5,-1) [0|100] \"m/s\" A,B\n" GEAR
          "VAL_ 5 Gear 0 \"P\" 2 \"Second\" ;\n",
          true,
          "~ message 0x005 M|length|8|7\n"
          "~ message 0x005 M|name|M|Motor\n"
          "~ message 0x005 M|sender|A|B\n"
          "~ message 0x005 M signal Gear|text 0|N|P\n"
          "- message 0x005 M signal Gear|text 1|First|\n"
          "+ message 0x005 M signal Gear|text 2||Second\n"
          "~ message 0x005 M signal Speed|byte order|Intel|Motorola\n"
          "~ message 0x005 M signal Speed|factor|1|0.5\n"
          "~ message 0x005 M signal Speed|maximum|255|100\n"
          "~ message 0x005 M signal Speed|offset|0|-1\n"
          "~ message 0x005 M signal Speed|receivers|B|A, B\n"
          "~ message 0x005 M signal Speed|signed|no|yes\n"
          "~ message 0x005 M signal Speed|start bit|0|7\n"
          "~ message 0x005 M signal Speed|unit|km/h|m/s\n");
}

static void test_diff_attributes_multiplexers_groups_and_variables(void **state)
{
    (void)state;
    static const char before[] =
        "BU_: A B\nBO_ 5 M: 8 A\n SG_ Sel M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ X m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
        "EV_ E: 0 [0|1] \"\" 0 1 DUMMY_NODE_VECTOR1 A;\n"
        "BA_DEF_ BO_ \"Kind\" ENUM \"a\",\"b\";\nBA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 0;\nBA_DEF_REL_ BU_SG_REL_ "
        "\"T\" "
        "INT 0 9;\nBA_DEF_DEF_ \"Kind\" \"a\";\nBA_DEF_DEF_ \"GenMsgCycleTime\" 0;\nBA_DEF_DEF_REL_ \"T\" 0;\n"
        "BA_ \"Kind\" BO_ 5 0;\nBA_ \"GenMsgCycleTime\" BO_ 5 10;\nBA_REL_ \"T\" BU_SG_REL_ B SG_ 5 X 1;\n"
        "SIG_GROUP_ 5 G 1 : X;\n";
    static const char after[] =
        "BU_: A B\nBO_ 5 M: 8 A\n SG_ Sel M : 0|8@1+ (1,0) [0|0] \"\" B\n SG_ X m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
        "EV_ E: 0 [0|1] \"\" 0 1 DUMMY_NODE_VECTOR2 A;\n"
        "BA_DEF_ BO_ \"Kind\" ENUM \"a\",\"b\",\"c\";\nBA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 0;\nBA_DEF_REL_ "
        "BU_SG_REL_ "
        "\"T\" INT 0 9;\nBA_DEF_DEF_ \"Kind\" \"b\";\nBA_DEF_DEF_ \"GenMsgCycleTime\" 0;\nBA_DEF_DEF_REL_ \"T\" 0;\n"
        "BA_ \"Kind\" BO_ 5 \"b\";\nBA_ \"GenMsgCycleTime\" BO_ 5 20;\nBA_REL_ \"T\" BU_SG_REL_ B SG_ 5 X 2;\n"
        "SIG_GROUP_ 5 G 1 : X Sel;\nSG_MUL_VAL_ 5 X Sel 1-3;\n";
    check(before, after, true,
          "~ attribute definition Kind|default|a|b\n"
          "~ attribute definition Kind|texts|a, b|a, b, c\n"
          "~ message 0x005 M|attribute Kind|a|b\n"
          "~ message 0x005 M|cycle time|10|20\n"
          "~ message 0x005 M|group G|1 times, X|1 times, X, Sel\n"
          "~ message 0x005 M signal X|selector values|1-1|1-3\n"
          "~ environment variable E|access|1|2\n"
          "~ relation T of node B and message 0x5 signal X|value|1|2\n");
}

static void test_diff_comments_only_where_asked(void **state)
{
    (void)state;
    static const char before[] = "BU_: A\nBO_ 5 M: 8 A\nCM_ BO_ 5 \"one\";\n";
    static const char after[] = "BU_: A\nBO_ 5 M: 8 A\nCM_ BO_ 5 \"two\";\nCM_ \"all\";\n";
    check(before, after, true, "+ database|comment||all\n~ message 0x005 M|comment|one|two\n");
    check(before, after, false, "");
}

static void test_diff_two_messages_of_one_id_pair_by_order(void **state)
{
    (void)state;
    check("BU_: A\nBO_ 5 M: 8 A\nBO_ 5 N: 8 A\n", "BU_: A\nBO_ 5 M: 8 A\nBO_ 5 N: 7 A\n", true,
          "~ message 0x005 N|length|8|7\n");
}

static void test_diff_of_a_large_file_finds_the_one_change(void **state)
{
    (void)state;
    static char before[200000];
    static char after[200000];
    size_t len = 0;
    for (int i = 0; i < 1000; i++) {
        const int n =
            snprintf(before + len, sizeof before - len,
                     "BO_ %d M%d: 8 Vector__XXX\n SG_ Signal%d : 0|8@1+ (1,0) [0|0] \"\" Vector__XXX\n", i, i, i);
        assert_true(n > 0);
        len += (size_t)n;
    }
    memcpy(after, before, len);
    char *changed = strstr(after, "Signal500 : 0|8");
    assert_non_null(changed);
    changed[strlen("Signal500 : 0|")] = '9';
    check(before, after, true, "~ message 0x1F4 M500 signal Signal500|length|8|9\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_diff_same_meaning_in_another_layout_is_equal),
        cmocka_unit_test(test_diff_objects_added_and_removed_said_once),
        cmocka_unit_test(test_diff_fields_changed),
        cmocka_unit_test(test_diff_attributes_multiplexers_groups_and_variables),
        cmocka_unit_test(test_diff_comments_only_where_asked),
        cmocka_unit_test(test_diff_two_messages_of_one_id_pair_by_order),
        cmocka_unit_test(test_diff_of_a_large_file_finds_the_one_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
