/* Texts at the edges of the language and of numbers: encodings, numbers that are none, formats by number, what a type
 * must share with its signal. Expected: the language's description and IEEE 754. */
#include "buf.h"
#include "codec.h"
#include "dbc_support.h"
#include "testing.h"
#include "write.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MESSAGE "BU_: A B\nBO_ 1 M: 8 A\n"

static void test_parse_utf16_is_told_by_its_mark_or_its_zeros(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        bool utf16;
    } rows[] = {
        {"\xFF\xFE", 2, true}, {"\xFE\xFF", 2, true},  {"V\0E\0", 4, true},      {"\0V\0E", 4, true},
        {"V\0\0\0", 4, false}, {"V\0E", 3, false},     {"V\0ER", 4, false},      {"\0VE\0", 4, false},
        {"\0V\0\0", 4, false}, {"\0\0\0\0", 4, false}, {"\xFF\xFF\n", 3, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct problems problems = {0};
        struct ct_dbc *dbc = NULL;
        const int err = ct_dbc_parse("x.dbc", rows[i].bytes, rows[i].len, problems_collect, &problems, &dbc);
        if ((strstr(problems.text, "the file is UTF-16") != NULL) != rows[i].utf16) {
            fail_msg("row %zu: %d %s", i, err, problems.text);
        }
        ct_dbc_free(dbc);
    }
}

/* Factors as texts; what is no number is an error where it stands. */
static void test_parse_numbers_of_every_form(void **state)
{
    static const struct {
        const char *text;
        double value; /* NAN: no number */
    } rows[] = {
        {"1", 1},
        {"+1.5", 1.5},
        {"-.5", -.5},
        {"5.", 5},
        {"1e3", 1000},
        {"1E-2", .01},
        {"-0", 0},
        {"0.1234567890123456789", 0.1234567890123456789},
        {"123456789012345678", 123456789012345678.0},
        {".", (double)NAN},
        {"-", (double)NAN},
        {"1e", (double)NAN},
        {"nan", (double)NAN},
        {"1x", (double)NAN},
        {"--1", (double)NAN},
        {"", (double)NAN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[256];
        struct problems problems = {0};
        (void)snprintf(text, sizeof text, MESSAGE " SG_ S : 0|8@1+ (%s,0) [0|0] \"\" B\n", rows[i].text);
        const bool good = !isnan(rows[i].value);
        struct ct_dbc *dbc = NULL;
        const int err = ct_dbc_parse("t.dbc", text, strlen(text), problems_collect, &problems, &dbc);
        if (good) {
            assert_int_equal(err, CT_OK);
            assert_true(signal_named(dbc, "M", "S")->factor == rows[i].value);
        } else if (!problem_at(&problems, "3:18", CT_DBC_CODE_SYNTAX)) {
            fail_msg("'%s' is taken", rows[i].text);
        }
        ct_dbc_free(dbc);
    }
}

static void test_parse_frame_format_by_text_or_number(void **state)
{
    static const struct {
        const char *def, *value;
        bool fd, j1939;
    } rows[] = {
        {"ENUM \"StandardCAN\",\"ExtendedCAN\",\"r\",\"J1939PG\",\"a_FD\"", "4", true, false},
        {"ENUM \"StandardCAN\",\"ExtendedCAN\",\"r\",\"J1939PG\",\"a_FD\"", "3", false, true},
        {"INT 0 15", "14", true, false},
        {"INT 0 15", "15", true, false},
        {"INT 0 15", "3", false, true},
        {"INT 0 15", "1", false, false},
        {"STRING ", "\"_FD\"", false, false},
        {"STRING ", "\"CAN_FX\"", false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct problems problems = {0};
        (void)snprintf(text, sizeof text,
                       "BU_: A B\nBO_ 2566844158 M: 8 A\n" SG("S") "BA_DEF_ BO_ \"VFrameFormat\" %s;\n"
                                                                   "BA_ \"VFrameFormat\" BO_ 2566844158 %s;\n",
                       rows[i].def, rows[i].value);
        struct ct_dbc *dbc = dbc_of(text, CT_OK, &problems);
        const struct ct_dbc_message *message = message_named(dbc, "M");
        if (message->fd != rows[i].fd || message->j1939 != rows[i].j1939) {
            fail_msg("%s %s: fd %d, j1939 %d", rows[i].def, rows[i].value, message->fd, message->j1939);
        }
        ct_dbc_free(dbc);
    }
}

static void test_parse_protocol_type_says_j1939_where_no_format_does(void **state)
{
    static const struct {
        const char *protocol;
        bool j1939;
    } rows[] = {{"J1939", true}, {"J1939FD", true}, {"CAN", false}, {"", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct problems problems = {0};
        (void)snprintf(text, sizeof text,
                       "BU_: A B\nBO_ 2566844158 M: 8 A\n" SG("S") "BO_ 1 N: 8 A\n" SG(
                           "S") "BA_DEF_ \"ProtocolType\" STRING ;\nBA_ \"ProtocolType\" \"%s\";\n",
                       rows[i].protocol);
        struct ct_dbc *dbc = dbc_of(text, CT_OK, &problems);
        assert_int_equal(message_named(dbc, "M")->j1939, rows[i].j1939);
        assert_false(message_named(dbc, "N")->j1939); /* 11 bits */
        ct_dbc_free(dbc);
    }
}

static void test_parse_type_that_differs_in_anything_is_told(void **state)
{
    static const struct {
        const char *layout;
        bool differs;
    } rows[] = {{"8@1- (2,3)", false}, {"7@1- (2,3)", true}, {"8@0- (2,3)", true},
                {"8@1+ (2,3)", true},  {"8@1- (1,3)", true}, {"8@1- (2,4)", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        struct problems problems = {0};
        (void)snprintf(text, sizeof text,
                       MESSAGE " SG_ S : 0|8@1- (2,3) [0|0] \"\" B\n"
                               "SGTYPE_ T : %s [0|0] \"\" 0, ;\nSIG_TYPE_REF_ 1 S : T;\n",
                       rows[i].layout);
        struct ct_dbc *dbc = NULL;
        (void)!ct_dbc_parse("x.dbc", text, strlen(text), problems_collect, &problems, &dbc);
        if ((strstr(problems.text, "differs from its type") != NULL) != rows[i].differs) {
            fail_msg("%s: %s", rows[i].layout, problems.text);
        }
        assert_int_equal(signal_named(dbc, "M", "S")->length, 8);
        ct_dbc_free(dbc);
    }
}

static void test_find_names_that_are_not_there_gives_none(void **state)
{
    struct problems problems = {0};
    struct ct_codec *codec = NULL;
    (void)state;
    struct ct_dbc *dbc = dbc_of(MESSAGE SG("S"), CT_OK, &problems);
    assert_null(ct_dbc_find_message(dbc, "X"));
    assert_null(ct_dbc_find_signal(message_named(dbc, "M"), "X"));
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    assert_null(ct_codec_by_name(codec, "X"));
    assert_null(ct_codec_find(codec, 1, true));
    assert_null(ct_codec_find(codec, 0x800, false));
    assert_int_equal(ct_codec_set_path(codec, CT_CODEC_PATHS), CT_ERR_UNSUPPORTED);
    assert_string_equal(ct_codec_path_name(CT_CODEC_PATHS), "");
    assert_string_equal(ct_codec_path_name(CT_CODEC_SCALAR), "scalar");
    ct_codec_free(codec);
    ct_dbc_free(dbc);
}

static void test_integer_values_are_exact_or_none(void **state)
{
    struct problems problems = {0};
    int64_t value = 0;
    (void)state;
    struct ct_dbc *dbc = dbc_of(MESSAGE " SG_ U : 0|64@1+ (1,0) [0|0] \"\" B\nBO_ 2 N: 8 A\n"
                                        " SG_ S : 0|64@1- (3,-1) [0|0] \"\" B\nBO_ 3 O: 8 A\n"
                                        " SG_ F : 0|64@1- (1,0) [0|0] \"\" B\nBO_ 4 P: 8 A\n"
                                        " SG_ H : 0|64@1- (0.5,0) [0|0] \"\" B\nSIG_VALTYPE_ 3 F : 2;\n",
                                CT_OK, &problems);
    assert_true(ct_codec_exact(signal_named(dbc, "M", "U"), INT64_MAX, &value));
    assert_true(value == INT64_MAX);
    assert_false(ct_codec_exact(signal_named(dbc, "M", "U"), -1, &value)); /* 2^64 - 1 */
    const struct ct_dbc_signal *scaled = signal_named(dbc, "N", "S");
    assert_true(ct_codec_exact(scaled, -5, &value));
    assert_int_equal(value, -16);
    assert_false(ct_codec_exact(scaled, INT64_MAX / 2, &value)); /* the product is too large */
    assert_true(ct_codec_exact(scaled, INT64_MIN / 3, &value));
    assert_true(value == INT64_MIN + 1);
    assert_false(ct_codec_exact(signal_named(dbc, "O", "F"), 1, &value));
    assert_false(ct_codec_exact(signal_named(dbc, "P", "H"), 1, &value));
    ct_dbc_free(dbc);
}

static void test_half_floats_that_are_no_numbers(void **state)
{
    struct problems problems = {0};
    (void)state;
    struct ct_dbc *dbc =
        dbc_of(MESSAGE " SG_ H : 0|16@1- (1,0) [0|0] \"\" B\nSIG_VALTYPE_ 1 H : 1;\n", CT_OK, &problems);
    const struct ct_dbc_signal *half = signal_named(dbc, "M", "H");
    assert_true(ct_codec_float(half, 0x7C00) == (double)INFINITY);
    assert_true(ct_codec_float(half, 0xFC00) == -(double)INFINITY);
    assert_true(isnan(ct_codec_float(half, 0x7E00)));
    assert_true(ct_codec_float(half, 0x0001) == 0x1p-24);
    ct_dbc_free(dbc);
}

static void test_blob_of_another_size_or_over_its_bits_is_refused(void **state)
{
    struct problems problems = {0};
    struct ct_codec *codec = NULL;
    uint8_t frame[16] = {0};
    const uint8_t full[9] = {0x0F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    const uint8_t over[9] = {0x10};
    (void)state;
    struct ct_dbc *dbc = dbc_of("BU_: A B\nBO_ 1 M: 16 A\n SG_ S : 0|68@1+ (1,0) [0|0] \"\" B\n", CT_OK, &problems);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct ct_codec_message *message = ct_codec_by_name(codec, "M");
    assert_int_equal(ct_codec_encode_blob(message, 0, full, 8, frame, 16), CT_ERR_RANGE);
    assert_int_equal(ct_codec_encode_blob(message, 0, over, 9, frame, 16), CT_ERR_RANGE);
    assert_int_equal(ct_codec_encode_blob(message, 0, full, 9, frame, 8), CT_ERR_TRUNCATED);
    assert_int_equal(ct_codec_encode_blob(message, 0, full, 9, frame, 16), CT_OK);
    assert_int_equal(frame[7], 0xFF);
    assert_int_equal(frame[8], 0x0F);
    ct_codec_free(codec);
    ct_dbc_free(dbc);
}

/* A comment written and read again is the same text, whatever encoding was chosen for it. */
static void test_write_texts_of_every_kind_read_back_equal(void **state)
{
    static const char *const texts[] = {
        "plain",
        "caf\xC3\xA9",                          /* e acute: fits Windows-1252 */
        "\xE2\x82\xAC",                         /* euro sign: 0x80 there */
        "\xC2\x81",                             /* a code that Windows-1252 has not */
        "\xC3\x82\xC2\xB0",                     /* bytes C2 B0 there, which would be read as UTF-8 */
        "\xC3\xA2\xE2\x80\x9A\xC2\xAC",         /* E2 82 AC: three bytes of UTF-8 */
        "\xC3\xB0\xC5\xB8\xC2\x98\xE2\x82\xAC", /* four bytes */
        "\xC3\xA2\xE2\x80\x9A",                 /* the beginning of three */
        "\xC3\x83x",                            /* a beginning that does not go on */
        "\xC3\xB5\xC2\xB0",                     /* F5 begins nothing */
        "\xE2\x86\x92",                         /* an arrow: UTF-8 only */
        "\xF0\x9F\x9A\x97",                     /* a car: four bytes */
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[256];
        struct problems problems = {0};
        struct ct_dbc_written written;
        struct ct_buf out;
        (void)snprintf(text, sizeof text, MESSAGE SG("S") "CM_ BO_ 1 \"%s\";\n", texts[i]);
        struct ct_dbc *dbc = dbc_of(text, CT_OK, &problems);
        ct_buf_init(&out, 1 << 16);
        assert_int_equal(ct_dbc_write(dbc, CT_DBC_ENCODING_AUTO, &out, &written), CT_OK);
        struct ct_dbc *again = dbc_of_bytes(ct_buf_string(&out), out.len, CT_OK, &problems);
        assert_string_equal(message_named(again, "M")->comment, texts[i]);
        ct_dbc_free(again);
        ct_dbc_free(dbc);
        ct_buf_free(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_utf16_is_told_by_its_mark_or_its_zeros),
        cmocka_unit_test(test_parse_numbers_of_every_form),
        cmocka_unit_test(test_parse_frame_format_by_text_or_number),
        cmocka_unit_test(test_parse_protocol_type_says_j1939_where_no_format_does),
        cmocka_unit_test(test_parse_type_that_differs_in_anything_is_told),
        cmocka_unit_test(test_find_names_that_are_not_there_gives_none),
        cmocka_unit_test(test_integer_values_are_exact_or_none),
        cmocka_unit_test(test_half_floats_that_are_no_numbers),
        cmocka_unit_test(test_blob_of_another_size_or_over_its_bits_is_refused),
        cmocka_unit_test(test_write_texts_of_every_kind_read_back_equal),
    };
    return cmocka_run_group_tests_name("dbc_edges", tests, NULL, NULL);
}
