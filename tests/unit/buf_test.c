/* base/buf.h */
#include "buf.h"
#include "testing.h"

#include <string.h>

static void test_buf_grows_and_ends_with_nul(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 10000);
    assert_string_equal(ct_buf_string(&buf), "");
    for (int i = 0; i < 1000; i++) {
        ct_buf_printf(&buf, "%d,", i % 10);
    }
    assert_int_equal(ct_buf_error(&buf), CT_OK);
    assert_int_equal(buf.len, 2000);
    assert_int_equal(strlen(ct_buf_string(&buf)), 2000);
    assert_memory_equal(buf.data + 1980, "0,1,2,3,4,5,6,7,8,9,", 20);
    ct_buf_free(&buf);
    assert_string_equal(ct_buf_string(&buf), "");
}

static void test_buf_over_the_limit_keeps_the_error(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 8);
    ct_buf_text(&buf, "12345678");
    assert_int_equal(ct_buf_error(&buf), CT_OK);
    ct_buf_text(&buf, "9");
    assert_int_equal(ct_buf_error(&buf), CT_ERR_TOO_LARGE);
    ct_buf_text(&buf, "");
    assert_int_equal(ct_buf_error(&buf), CT_ERR_TOO_LARGE);
    assert_string_equal(ct_buf_string(&buf), "12345678");
    ct_buf_clear(&buf);
    ct_buf_text(&buf, "again");
    assert_int_equal(ct_buf_error(&buf), CT_OK);
    assert_string_equal(ct_buf_string(&buf), "again");
    ct_buf_free(&buf);
}

static void test_buf_printf_long_text_is_whole(void **state)
{
    (void)state;
    struct ct_buf buf;
    ct_buf_init(&buf, 2000);
    char text[1001];
    memset(text, 'x', 1000);
    text[1000] = '\0';
    ct_buf_printf(&buf, "<%s>", text);
    assert_int_equal(buf.len, 1002);
    assert_int_equal(buf.data[1001], '>');
    ct_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf_grows_and_ends_with_nul),
        cmocka_unit_test(test_buf_over_the_limit_keeps_the_error),
        cmocka_unit_test(test_buf_printf_long_text_is_whole),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
