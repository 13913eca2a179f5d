/* The JSON writer against cJSON as the independent reader, and against the texts RFC 8259 asks for. */
#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_json_nested_values_separated_by_commas(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct ct_json json;
    ct_buf_init(&buf, 4096);
    ct_json_init(&json, &buf);
    /* when an object holds an array, an empty object and members after both */
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "a");
    ct_json_int(&json, NULL, INT64_MIN);
    ct_json_bool(&json, NULL, true);
    ct_json_null(&json, NULL);
    ct_json_array_end(&json);
    ct_json_object_begin(&json, "o");
    ct_json_object_end(&json);
    ct_json_uint(&json, "u", UINT64_MAX);
    ct_json_bytes(&json, "b", (const uint8_t *)"\x00\xAB", 2);
    ct_json_string(&json, "n", NULL);
    ct_json_object_end(&json);
    /* then it reads as RFC 8259 section 4 and 5 write it */
    assert_string_equal(ct_buf_string(&buf), "{\"a\":[-9223372036854775808,true,null],\"o\":{},"
                                             "\"u\":18446744073709551615,\"b\":\"00ab\",\"n\":null}");
    assert_int_equal(ct_buf_error(&buf), CT_OK);
    ct_buf_free(&buf);
}

static const char *written_string(struct ct_buf *buf, const char *text)
{
    struct ct_json json;
    ct_buf_clear(buf);
    ct_json_init(&json, buf);
    ct_json_string(&json, NULL, text);
    return ct_buf_string(buf);
}

static void test_json_string_is_escaped_and_read_back(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 4096);
    static const char text[] = "a\"b\\c\n\r\t\b\f\x01\x1f\x7f \xC2\xB0 \xE2\x82\xAC \xF0\x9F\x9A\x97";
    cJSON *read = cJSON_Parse(written_string(&buf, text));
    assert_non_null(read);
    assert_string_equal(read->valuestring, text);
    cJSON_Delete(read);
    assert_string_equal(written_string(&buf, "\x01\n"), "\"\\u0001\\n\"");
    ct_buf_free(&buf);
}

static void test_json_string_not_utf8_is_replaced(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 4096);
    /* lone continuation, overlong slash, surrogate, beyond U+10FFFF, cut sequence (Unicode 15, table 3-7) */
    assert_string_equal(written_string(&buf, "\x80"), "\"\xEF\xBF\xBD\"");
    assert_string_equal(written_string(&buf, "\xC0\xAF"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_string_equal(written_string(&buf, "\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_string_equal(written_string(&buf, "\xF5"), "\"\xEF\xBF\xBD\"");
    assert_string_equal(written_string(&buf, "x\xE2\x82"), "\"x\xEF\xBF\xBD\xEF\xBF\xBD\"");
    ct_buf_free(&buf);
}

static const char *written_double(struct ct_buf *buf, double value)
{
    struct ct_json json;
    ct_buf_clear(buf);
    ct_json_init(&json, buf);
    ct_json_double(&json, NULL, value);
    return ct_buf_string(buf);
}

static void test_json_double_is_short_and_exact(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 4096);
    assert_string_equal(written_double(&buf, 0.1), "0.1");
    assert_string_equal(written_double(&buf, -12.5), "-12.5");
    assert_string_equal(written_double(&buf, 100), "100");
    assert_string_equal(written_double(&buf, -0.0), "-0.0");
    assert_string_equal(written_double(&buf, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(written_double(&buf, (double)NAN), "\"nan\"");
    assert_string_equal(written_double(&buf, -(double)INFINITY), "\"-inf\"");
    assert_string_equal(written_double(&buf, (double)INFINITY), "\"inf\"");
    /* any finite pattern reads back bit-equal */
    uint64_t pattern = 88172645463325252U;
    for (int i = 0; i < 20000; i++) {
        pattern ^= pattern << 13;
        pattern ^= pattern >> 7;
        pattern ^= pattern << 17; /* xorshift64, Marsaglia 2003 */
        double value;
        memcpy(&value, &pattern, sizeof value);
        if (!isfinite(value)) {
            continue;
        }
        const double back = strtod(written_double(&buf, value), NULL);
        assert_memory_equal(&back, &value, sizeof value);
    }
    ct_buf_free(&buf);
}

static void test_json_safe_integers_beyond_2_53_are_strings(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct ct_json json;
    ct_buf_init(&buf, 4096);
    ct_json_init(&json, &buf);
    ct_json_array_begin(&json, NULL);
    ct_json_int_safe(&json, NULL, -9007199254740992);
    ct_json_int_safe(&json, NULL, -9007199254740993);
    ct_json_uint_safe(&json, NULL, 9007199254740992U);
    ct_json_uint_safe(&json, NULL, UINT64_MAX);
    ct_json_array_end(&json);
    assert_string_equal(ct_buf_string(&buf),
                        "[-9007199254740992,\"-9007199254740993\",9007199254740992,\"18446744073709551615\"]");
    ct_buf_free(&buf);
}

static void test_json_limit_is_the_buffers_error(void **state)
{
    (void)state;
    struct ct_buf buf;
    struct ct_json json;
    ct_buf_init(&buf, 8);
    ct_json_init(&json, &buf);
    ct_json_string(&json, NULL, "longer than eight");
    assert_int_equal(ct_buf_error(&buf), CT_ERR_TOO_LARGE);
    ct_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_nested_values_separated_by_commas),
        cmocka_unit_test(test_json_string_is_escaped_and_read_back),
        cmocka_unit_test(test_json_string_not_utf8_is_replaced),
        cmocka_unit_test(test_json_double_is_short_and_exact),
        cmocka_unit_test(test_json_safe_integers_beyond_2_53_are_strings),
        cmocka_unit_test(test_json_limit_is_the_buffers_error),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
