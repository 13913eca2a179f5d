/* The normal form: statements as Vector's DBC file format description has them, and encodings. That it means the same
 * to others is for tests/interop/dbc_write_test.py. */
#include "diff.h"
#include "testing.h"
#include "write.h"

#include <string.h>

static struct ct_dbc *parse(const char *text, size_t len)
{
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("t.dbc", text, len, NULL, NULL, &dbc), CT_OK);
    return dbc;
}

static struct ct_dbc_written write_text(const char *text, enum ct_dbc_encoding encoding, struct ct_buf *out)
{
    struct ct_dbc_written written = {0};
    struct ct_dbc *dbc = parse(text, strlen(text));
    ct_buf_init(out, 1000000);
    assert_int_equal(ct_dbc_write(dbc, encoding, out, &written), CT_OK);
    ct_dbc_free(dbc);
    return written;
}

static void assert_has(const struct ct_buf *out, const char *statement)
{
    if (memmem(out->data, out->len, statement, strlen(statement)) == NULL) {
        fail_msg("'%s' is not in:\n%.*s", statement, (int)out->len, (const char *)out->data);
    }
}

static void assert_has_not(const struct ct_buf *out, const char *text)
{
    assert_null(memmem(out->data, out->len, text, strlen(text)));
}

static void test_write_statements_of_a_message(void **state)
{
    (void)state;
    struct ct_buf out;
    (void)write_text("BU_: A B\nBO_ 500000 M: 8 A\n SG_ S : 7|16@0- (.250,-1E-005) [-.5|1e2] \"V\"\n"
                     "VAL_ 500000 S -1 \"a \\\"b\\\"\" ;\nBO_TX_BU_ 500000 : A,B;\n"
                     "BA_DEF_ BO_ \"E\" ENUM \"x\",\"y\";\nBA_DEF_DEF_ \"E\" \"x\";\nBA_ \"E\" BO_ 500000 \"y\";\n",
                     CT_DBC_ENCODING_AUTO, &out);
    assert_has(&out, "BO_ 2147983648 M: 8 A\n"); /* 0x80000000 + 500000 */
    assert_has(&out, " SG_ S : 7|16@0- (0.25,-1e-05) [-0.5|100] \"V\" Vector__XXX\n");
    assert_has(&out, "VAL_ 2147983648 S -1 \"a \\\"b\\\"\" ;\n");
    assert_has(&out, "BO_TX_BU_ 2147983648 : A,B;\n");
    assert_has(&out, "BA_DEF_ BO_ \"E\" ENUM \"x\",\"y\";\n");
    assert_has(&out, "BA_DEF_DEF_ \"E\" \"x\";\n");
    assert_has(&out, "BA_ \"E\" BO_ 2147983648 1;\n");
    ct_buf_free(&out);
}

static void test_write_numbers_read_back_equal(void **state)
{
    (void)state;
    struct ct_buf out;
    (void)write_text("BO_ 5 M: 8 A\n SG_ S : 0|64@1+ (0.1,1e300) [-9223372036854775808|18446744073709551615] \"\" A\n"
                     " SG_ T : 0|8@1+ (0.30000000000000004,123456789012345678) [0|0] \"\" A\n",
                     CT_DBC_ENCODING_AUTO, &out);
    assert_has(&out, "(0.1,1e+300) [-9223372036854775808|18446744073709551615]");
    assert_has(&out, "(0.30000000000000004,123456789012345680)");
    ct_buf_free(&out);
}

static void test_write_ranges_only_where_the_marks_do_not_say_it(void **state)
{
    (void)state;
    struct ct_buf out;
    (void)write_text("BO_ 5 M: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" A\n SG_ S m3 : 8|8@1+ (1,0) [0|0] \"\" A\n"
                     "BO_ 6 N: 8 A\n SG_ X M : 0|8@1+ (1,0) [0|0] \"\" A\n SG_ Y m1M : 8|8@1+ (1,0) [0|0] \"\" A\n"
                     " SG_ S m3 : 16|8@1+ (1,0) [0|0] \"\" A\nSG_MUL_VAL_ 6 Y X 1-2;\nSG_MUL_VAL_ 6 S Y 3-3, 5-7;\n",
                     CT_DBC_ENCODING_AUTO, &out);
    assert_has_not(&out, "SG_MUL_VAL_ 5");
    assert_has(&out, " SG_ S m3 : 8|8@1+");
    assert_has(&out, " SG_ Y m1M : 8|8@1+");
    assert_has(&out, "SG_MUL_VAL_ 6 Y X 1-2;\n");
    assert_has(&out, "SG_MUL_VAL_ 6 S Y 3-3, 5-7;\n");
    ct_buf_free(&out);
}

static void test_write_names_get_short_forms_that_differ(void **state)
{
    (void)state;
    struct ct_buf out;
    (void)write_text("BU_: 1st\nBO_ 5 M: 8 1st\n"
                     " SG_ A23456789012345678901234567890123_one : 0|8@1+ (1,0) [0|0] \"\" 1st\n"
                     " SG_ A23456789012345678901234567890123_two : 8|8@1+ (1,0) [0|0] \"\" 1st\n"
                     " SG_ VERSION : 16|8@1+ (1,0) [0|0] \"\" 1st\n",
                     CT_DBC_ENCODING_AUTO, &out);
    assert_has(&out, "BU_: _1st\n");
    assert_has(&out, "BO_ 5 M: 8 _1st\n");
    assert_has(&out, " SG_ A2345678901234567890123456789012 : 0|8@1+ (1,0) [0|0] \"\" _1st\n");
    assert_has(&out, " SG_ A23456789012345678901234567_0001 : 8|8@1+");
    assert_has(&out, "BA_DEF_ SG_ \"SystemSignalLongSymbol\" STRING ;\n");
    assert_has(&out, "BA_ \"SystemSignalLongSymbol\" SG_ 5 A23456789012345678901234567_0001 "
                     "\"A23456789012345678901234567890123_two\";\n");
    assert_has(&out, "BA_ \"SystemNodeLongSymbol\" BU_ _1st \"1st\";\n");
    assert_has(&out, "BA_ \"SystemSignalLongSymbol\" SG_ 5 VERSION_ \"VERSION\";\n");
    assert_has_not(&out, "SystemMessageLongSymbol");
    ct_buf_free(&out);
}

static void test_write_encoding_follows_the_texts(void **state)
{
    (void)state;
    static const char degree[] = "BO_ 5 M: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\xC2\xB0"
                                 "C\" A\n";
    struct ct_buf out;
    /* a degree sign is one byte in Windows-1252 */
    assert_int_equal(write_text(degree, CT_DBC_ENCODING_AUTO, &out).encoding, CT_DBC_CP1252);
    assert_has(&out, "\"\xB0"
                     "C\"");
    ct_buf_free(&out);
    assert_int_equal(write_text(degree, CT_DBC_UTF8, &out).encoding, CT_DBC_UTF8);
    assert_has(&out, "\"\xC2\xB0"
                     "C\"");
    ct_buf_free(&out);
    /* an arrow has none; so everything is UTF-8 */
    assert_int_equal(write_text("CM_ \"\xE2\x86\x92\";\n", CT_DBC_ENCODING_AUTO, &out).encoding, CT_DBC_UTF8);
    assert_has(&out, "CM_ \"\xE2\x86\x92\";\n");
    ct_buf_free(&out);
    /* capital A with tilde and a degree sign: in Windows-1252 those two bytes are the UTF-8 of one degree sign */
    assert_int_equal(write_text("CM_ \"\xC3\x83\xC2\xB0\";\n", CT_DBC_ENCODING_AUTO, &out).encoding, CT_DBC_UTF8);
    ct_buf_free(&out);
}

static void test_write_forced_encoding_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    static const char text[] = "CM_ \"\xE2\x86\x92\";\n";
    struct ct_dbc *dbc = parse(text, strlen(text));
    struct ct_buf out;
    struct ct_dbc_written written = {.left_out = 77};
    ct_buf_init(&out, 100000);
    assert_int_equal(ct_dbc_write(dbc, CT_DBC_CP1252, &out, &written), CT_ERR_UNSUPPORTED);
    assert_int_equal(written.left_out, 77);
    ct_buf_free(&out);
    /* and a buffer too small says so */
    ct_buf_init(&out, 100);
    assert_int_equal(ct_dbc_write(dbc, CT_DBC_UTF8, &out, &written), CT_ERR_TOO_LARGE);
    ct_buf_free(&out);
    ct_dbc_free(dbc);
}

static void test_write_what_strict_readers_reject_is_left_out_and_counted(void **state)
{
    (void)state;
    struct ct_buf out;
    const struct ct_dbc_written written = write_text(
        "BO_ 4294967295 Odd: 8 A\n SG_ S : 0|8@1+ (1,0) [0|0] \"\" A\n"
        "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n SG_ Spare : 0|8@1+ (1,0) [0|0] \"\" A\n"
        "BO_ 5 M: 8 A\nBA_DEF_ BO_ \"E\" ENUM \"x\",\"y\";\nBA_DEF_DEF_ \"E\" \"x\";\nBA_ \"E\" BO_ 5 \"z\";\n",
        CT_DBC_ENCODING_AUTO, &out);
    assert_int_equal(written.left_out, 2);
    assert_has_not(&out, "Odd");
    assert_has_not(&out, "\"z\"");
    assert_has(&out, "BO_ 3221225472 VECTOR__INDEPENDENT_SIG_MSG: 0 Vector__XXX\n SG_ Spare :");
    ct_buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_statements_of_a_message),
        cmocka_unit_test(test_write_numbers_read_back_equal),
        cmocka_unit_test(test_write_ranges_only_where_the_marks_do_not_say_it),
        cmocka_unit_test(test_write_names_get_short_forms_that_differ),
        cmocka_unit_test(test_write_encoding_follows_the_texts),
        cmocka_unit_test(test_write_forced_encoding_that_does_not_fit_is_refused),
        cmocka_unit_test(test_write_what_strict_readers_reject_is_left_out_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
