/* The parser on texts of our own: what is understood, where problems are placed, how much one fault costs. Meanings are
 * those of Vector's DBC file format description. */
#include "dbc_support.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static void test_dbc_several_errors_located_in_one_run(void **state)
{
    (void)state;
    struct problems problems;
    /* given four faults among good statements */
    struct ct_dbc *dbc =
        dbc_of("VERSION \"1\"\n"
               "BO_ 1 First: 8 A\n"
               " SG_ Bad1 : 0|x@1+ (1,0) [0|0] \"\" B\n" SG("Good1") "BO_ two Second: 8 A\n" SG(
                   "Lost") "BO_ 3 Third: 8 A\n"
                           " SG_ Bad2 : 0|8@7+ (1,0) [0|0] \"\" B\n" SG("Good3") "VAL_ 3 Good3 1 \"one\" two \"two\";\n"
                                                                                 "CM_ SG_ 3 Good3 \"said\";\n",
               CT_ERR_SYNTAX, &problems);
    /* then each is reported with its place, and costs only itself */
    assert_non_null(strstr(problems.text, "t.dbc:3:15:error:"));
    assert_non_null(strstr(problems.text, "t.dbc:5:5:error:"));
    assert_non_null(strstr(problems.text, "t.dbc:8:17:error:"));
    assert_non_null(strstr(problems.text, "t.dbc:10:22:error:"));
    assert_int_equal(problems.count, 4);
    assert_int_equal(dbc->error_count, 4);
    assert_int_equal(dbc->message_count, 2);
    assert_int_equal(ct_dbc_find_message(dbc, "First")->signal_count, 1);
    const struct ct_dbc_signal *good = signal_named(dbc, "Third", "Good3");
    assert_string_equal(ct_dbc_text_of(good, 1), "one");
    assert_string_equal(good->comment, "said");
    ct_dbc_free(dbc);
}

static void test_dbc_lost_quote_costs_its_statement_only(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\n"
                                " SG_ S : 0|8@1+ (1,0) [0|0] \"km/h B\n" SG("T") "BO_ 2 N: 8 A\n" SG("U"),
                                CT_ERR_SYNTAX, &problems);
    assert_int_equal(problems.count, 1);
    assert_non_null(strstr(problems.text, "t.dbc:2:29:error:"));
    assert_int_equal(ct_dbc_find_message(dbc, "M")->signal_count, 1);
    assert_non_null(signal_named(dbc, "N", "U"));
    ct_dbc_free(dbc);
}

static void test_dbc_string_holds_statements_quotes_and_newlines(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\r\n" SG("S") "CM_ SG_ 1 S \"a \\\"b\\\"; c\r\n"
                                                           "BO_ 2 N: 8 A\r\n// d\";\r\n"
                                                           "VAL_ 1 S 0 \"a;b\" -1 \"\";\r\n",
                                CT_OK, &problems);
    assert_int_equal(problems.count, 0);
    assert_int_equal(dbc->message_count, 1);
    const struct ct_dbc_signal *signal = signal_named(dbc, "M", "S");
    assert_string_equal(signal->comment, "a \"b\"; c\nBO_ 2 N: 8 A\n// d");
    assert_string_equal(ct_dbc_text_of(signal, 0), "a;b");
    assert_string_equal(ct_dbc_text_of(signal, -1), "");
    assert_null(ct_dbc_text_of(signal, 1));
    ct_dbc_free(dbc);
}

static void test_dbc_texts_are_utf8_whatever_the_file(void **state)
{
    (void)state;
    struct problems problems;
    /* given a degree sign in UTF-8 behind a byte order mark, one in Windows-1252, and 1252's euro sign */
    struct ct_dbc *dbc = dbc_of("\xEF\xBB\xBF"
                                "BO_ 1 M: 8 A\n"
                                " SG_ Gr\xC3\xB6\xC3\x9F"
                                "e : 0|8@1+ (1,0) [0|0] \"\xC2\xB0"
                                "C\" B\n"
                                " SG_ T : 8|8@1+ (1,0) [0|0] \"\xB0"
                                "C\" B\n"
                                " SG_ U : 16|8@1+ (1,0) [0|0] \"\x80\" B\n",
                                CT_OK, &problems);
    assert_int_equal(problems.count, 0);
    assert_string_equal(signal_named(dbc, "M",
                                     "Gr\xC3\xB6\xC3\x9F"
                                     "e")
                            ->unit,
                        "\xC2\xB0"
                        "C");
    assert_string_equal(signal_named(dbc, "M", "T")->unit, "\xC2\xB0"
                                                           "C");
    assert_string_equal(signal_named(dbc, "M", "U")->unit, "\xE2\x82\xAC");
    ct_dbc_free(dbc);
}

static void test_dbc_attributes_decide_frame_format_names_and_times(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc =
        dbc_of("BO_ 2147483649 M: 64 A\n" SG("S") "BO_ 2565865470 J: 8 A\n" SG("S") //
               "BO_ 3 C: 8 Vector__XXX\n" SG(
                   "S") "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"a,\\\"b\",\"J1939PG\",\"x_FD\";\n"
                        "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\n"
                        "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 1e+09;\n"
                        "BA_DEF_DEF_ \"GenMsgCycleTime\" 50;\n"
                        "BA_ \"VFrameFormat\" BO_ 2147483649 3;\n"
                        "BA_ \"VFrameFormat\" BO_ 2565865470 \"J1939PG\";\n"
                        "BA_ \"CANFD_BRS\" BO_ 2147483649 0;\n"
                        "BA_ \"GenMsgCycleTime\" BO_ 3 20;\n"
                        "BA_ \"GenSigStartValue\" SG_ 3 S 7;\n"
                        "BA_ \"SystemSignalLongSymbol\" SG_ 3 S \"AVeryLongName\";\n"
                        "BA_ \"SystemMessageLongSymbol\" BO_ 3 \"LongMessage\";\n",
               CT_OK, &problems);
    assert_int_equal(problems.count, 4); /* four attributes that are used and not defined */
    const struct ct_dbc_message *fd = ct_dbc_find_message(dbc, "M");
    const struct ct_dbc_message *group = ct_dbc_find_message(dbc, "J");
    const struct ct_dbc_message *classic = ct_dbc_find_message(dbc, "LongMessage");
    assert_true(fd->fd && fd->extended && !fd->brs && !fd->j1939);
    assert_true(group->j1939 && group->extended && !group->fd);
    assert_int_equal(group->id, 0x18EFFFFE);
    assert_true(!classic->fd && !classic->extended && !classic->j1939);
    assert_string_equal(classic->sender, "");
    assert_true(classic->cycle_ms == 20 && fd->cycle_ms == 50);
    assert_true(signal_named(dbc, "LongMessage", "AVeryLongName")->start_value == 7);
    ct_dbc_free(dbc);
}

static void test_dbc_selectors_are_linked_by_ranges_and_nesting(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\n"
                                " SG_ Leaf m5 : 24|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ Inner m1M : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ Outer M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ Plain m2 : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                "SG_MUL_VAL_ 1 Leaf Inner 5-7, 4294967295-4294967295;\n"
                                "SG_MUL_VAL_ 1 Inner Outer 1-1;\n",
                                CT_OK, &problems);
    const struct ct_dbc_message *message = ct_dbc_find_message(dbc, "M");
    const struct ct_dbc_signal *leaf = signal_named(dbc, "M", "Leaf");
    const struct ct_dbc_signal *plain = signal_named(dbc, "M", "Plain");
    assert_string_equal(message->signals[leaf->selector].name, "Inner");
    assert_int_equal(leaf->range_count, 2);
    assert_true(leaf->ranges[0].first == 5 && leaf->ranges[0].last == 7);
    assert_true(leaf->ranges[1].last == UINT32_MAX);
    assert_string_equal(message->signals[signal_named(dbc, "M", "Inner")->selector].name, "Outer");
    assert_string_equal(message->signals[plain->selector].name, "Outer");
    assert_true(plain->range_count == 1 && plain->ranges[0].first == 2 && plain->ranges[0].last == 2);
    assert_int_equal(signal_named(dbc, "M", "Outer")->selector, -1);
    ct_dbc_free(dbc);
}

static void test_dbc_selectors_in_a_circle_are_an_error(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\n"
                                " SG_ A m1M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                                " SG_ B m1M : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                "SG_MUL_VAL_ 1 A B 1-1;\nSG_MUL_VAL_ 1 B A 1-1;\n",
                                CT_ERR_SYNTAX, &problems);
    assert_non_null(strstr(problems.text, "circle"));
    assert_int_equal(signal_named(dbc, "M", "A")->selector, -1);
    ct_dbc_free(dbc);
}

static void test_dbc_same_name_in_one_frame_gets_its_bit(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("BO_ 1 M: 8 A\n" SG("S") " SG_ S : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                                         "BO_ 2 N: 8 A\n"
                                                         " SG_ X M : 0|8@1+ (1,0) [0|0] \"\" B\n"
                                                         " SG_ S m1 : 8|8@1+ (1,0) [0|0] \"\" B\n"
                                                         " SG_ S m2 : 16|8@1+ (1,0) [0|0] \"\" B\n",
                                CT_OK, &problems);
    assert_int_equal(problems.count, 1);
    assert_int_equal(signal_named(dbc, "M", "S#0")->start_bit, 0);
    assert_int_equal(signal_named(dbc, "M", "S")->start_bit, 8);
    assert_null(ct_dbc_find_signal(ct_dbc_find_message(dbc, "N"), "S#8")); /* never in one frame */
    ct_dbc_free(dbc);
}

static void test_dbc_value_table_by_name_and_float_types(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of("VAL_TABLE_ Switch 1 \"On\" 0 \"Off\" ;\n"
                                "SIG_VALTYPE_ 1 F : 1;\nSIG_VALTYPE_ 1 D 2;\nVAL_ 1 S Switch;\n"
                                "BO_ 1 M: 16 A\n" SG("S") " SG_ F : 32|32@1- (1,0) [0|0] \"\" B\n"
                                                          " SG_ D : 64|64@1- (1,0) [0|0] \"\" B\n"
                                                          " SG_ Long : 7|136@0+ (1,0) [0|0] \"\" B\n",
                                CT_OK, &problems);
    const struct ct_dbc_signal *signal = signal_named(dbc, "M", "S");
    assert_int_equal(signal->text_count, 2);
    assert_string_equal(ct_dbc_text_of(signal, 1), "On");
    assert_int_equal(signal_named(dbc, "M", "F")->kind, CT_DBC_FLOAT32);
    assert_int_equal(signal_named(dbc, "M", "D")->kind, CT_DBC_FLOAT64);
    assert_int_equal(signal_named(dbc, "M", "Long")->kind, CT_DBC_BLOB);
    assert_true(signal_named(dbc, "M", "Long")->outside);
    ct_dbc_free(dbc);
}

static void test_dbc_every_other_statement_is_passed_over(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc = dbc_of(
        "VERSION \"\"\nNS_ :\n\tNS_DESC_\n\tCM_\n\tFILTER\nBS_: 500000 : 1 , 2\nBU_: A\n B C\n"
        "EV_ E: 0 [0|1] \"\" 0 2 DUMMY_NODE_VECTOR0 A,B;\nENVVAR_DATA_ E: 5;\nEV_DATA_ E: 5;\n"
        "SGTYPE_ T: 8@1+ (1,0) [0|1] \"\" 0 , Tab;\nSGTYPE_VAL_ T 0 \"x\";\nSIG_TYPE_REF_ 1 S : T;\n"
        "SIGTYPE_VALTYPE_ T : 0;\nSIG_GROUP_ 1 G 1 : S;\nBO_TX_BU_ 1 : A,B;\n"
        "BA_DEF_REL_ BU_SG_REL_ \"r\" INT 0 1;\nBA_DEF_DEF_REL_ \"r\" 0;\nBA_REL_ \"r\" BU_SG_REL_ A SG_ 1 S 1;\n"
        "BA_DEF_SGTYPE_ \"q\" INT 0 1;\nBA_SGTYPE_ \"q\" T 1;\nCAT_DEF_ 1 \"c\" 2;\nCAT_ BU_ A 1;\nFILTER 1;\n"
        "/* between */ // and behind\n"
        "BO_ 1 M: 8 A\n" SG("S"),
        CT_OK, &problems);
    if (problems.count != 0) {
        print_message("%s", problems.text);
    }
    assert_int_equal(problems.count, 0);
    assert_int_equal(dbc->node_count, 3);
    assert_string_equal(dbc->nodes[2].name, "C");
    assert_int_equal(dbc->message_count, 1);
    ct_dbc_free(dbc);
}

static void test_dbc_ids_pseudo_messages_left_out(void **state)
{
    (void)state;
    struct problems problems;
    struct ct_dbc *dbc =
        dbc_of("BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n" SG("P") "BO_ 2047 Std: 8 A\n" SG(
                   "S") "BO_ 2048 Ext: 8 A\n" SG("S") "BO_ 1075053113 Pseudo: 8 A\n" SG("S") "CM_ BO_ 1075053113 \"of "
                                                                                             "the pseudo message\";\n",
               CT_OK, &problems);
    assert_int_equal(problems.count, 1); /* the pseudo id */
    assert_int_equal(dbc->message_count, 2);
    assert_false(ct_dbc_find_message(dbc, "Std")->extended);
    assert_true(ct_dbc_find_message(dbc, "Ext")->extended);
    ct_dbc_free(dbc);
}

static void test_dbc_empty_and_hostile_texts_end(void **state)
{
    (void)state;
    struct problems problems;
    ct_dbc_free(dbc_of_bytes("", 0, CT_OK, &problems));
    ct_dbc_free(dbc_of_bytes("\0\0", 2, CT_OK, &problems));
    ct_dbc_free(dbc_of_bytes("\xFF\xFEV\0E\0", 6, CT_ERR_SYNTAX, &problems));
    static const char *const cut[] = {"BO_",
                                      "BO_ 1",
                                      "BO_ 1 M:",
                                      "SG_",
                                      "CM_",
                                      "CM_ SG_ 1",
                                      "CM_ \"",
                                      "CM_ \"\\",
                                      "VAL_",
                                      "VAL_ 1",
                                      "VAL_ 1 S 1",
                                      "VAL_TABLE_",
                                      "BA_",
                                      "BA_ \"a\"",
                                      "BA_DEF_",
                                      "BA_DEF_DEF_",
                                      "VERSION",
                                      "SIG_VALTYPE_",
                                      "SG_MUL_VAL_ 1 S T 1-",
                                      "SG_MUL_VAL_ 1 S T;"};
    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        ct_dbc_free(dbc_of_bytes(cut[i], strlen(cut[i]), CT_ERR_SYNTAX, &problems));
    }
    ct_dbc_free(dbc_of_bytes("/*", 2, CT_OK, &problems));
    ct_dbc_free(dbc_of_bytes("NS_", 3, CT_OK, &problems));
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("t.dbc", "", (size_t)65 * 1024 * 1024, NULL, NULL, &dbc), CT_ERR_TOO_LARGE);
    assert_null(dbc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dbc_several_errors_located_in_one_run),
        cmocka_unit_test(test_dbc_lost_quote_costs_its_statement_only),
        cmocka_unit_test(test_dbc_string_holds_statements_quotes_and_newlines),
        cmocka_unit_test(test_dbc_texts_are_utf8_whatever_the_file),
        cmocka_unit_test(test_dbc_attributes_decide_frame_format_names_and_times),
        cmocka_unit_test(test_dbc_selectors_are_linked_by_ranges_and_nesting),
        cmocka_unit_test(test_dbc_selectors_in_a_circle_are_an_error),
        cmocka_unit_test(test_dbc_same_name_in_one_frame_gets_its_bit),
        cmocka_unit_test(test_dbc_value_table_by_name_and_float_types),
        cmocka_unit_test(test_dbc_every_other_statement_is_passed_over),
        cmocka_unit_test(test_dbc_ids_pseudo_messages_left_out),
        cmocka_unit_test(test_dbc_empty_and_hostile_texts_end),
    };
    return cmocka_run_group_tests_name("dbc", tests, NULL, NULL);
}
