/* base/errors.h, base/time_ns.h */
#include "errors.h"
#include "testing.h"
#include "time_ns.h"

#include <errno.h>
#include <string.h>

static void test_texts_are_there_and_differ(void **state)
{
    (void)state;
    for (int a = 0; a >= -20; a--) {
        assert_string_not_equal(ct_err_text(a), "unknown error");
        for (int b = 0; b > a; b--) {
            assert_string_not_equal(ct_err_text(a), ct_err_text(b));
        }
    }
    assert_string_equal(ct_err_text(1), "unknown error");
    assert_string_equal(ct_err_text(-1000), "unknown error");
}

static void test_errno_unknown_value_is_io_error(void **state)
{
    (void)state;
    assert_int_equal(ct_err_from_errno(0), CT_OK);
    assert_int_equal(ct_err_from_errno(EADDRINUSE), CT_ERR_BUSY);
    assert_int_equal(ct_err_from_errno(ENETDOWN), CT_ERR_DOWN);
    assert_int_equal(ct_err_from_errno(EXDEV), CT_ERR_IO);
}

static void test_time_sums_hold_at_the_ends(void **state)
{
    (void)state;
    assert_true(ct_ns_add(CT_NS_NEVER, 1) == CT_NS_NEVER);
    assert_true(ct_ns_add(INT64_MIN, -1) == INT64_MIN);
    assert_true(ct_ns_add(5, -7) == -2);
    assert_true(ct_ns_from_ms(INT64_MAX) == INT64_MAX);
    assert_true(ct_ns_from_ms(INT64_MIN) == INT64_MIN);
}

static void test_wait_rounds_up_and_never_is_forever(void **state)
{
    (void)state;
    assert_int_equal(ct_ns_wait_ms(0, CT_NS_NEVER), -1);
    assert_int_equal(ct_ns_wait_ms(10, 10), 0);
    assert_int_equal(ct_ns_wait_ms(10, 5), 0);
    assert_int_equal(ct_ns_wait_ms(0, 1), 1);
    assert_int_equal(ct_ns_wait_ms(0, CT_NS_PER_MS), 1);
    assert_int_equal(ct_ns_wait_ms(0, CT_NS_PER_MS + 1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts_are_there_and_differ),
        cmocka_unit_test(test_errno_unknown_value_is_io_error),
        cmocka_unit_test(test_time_sums_hold_at_the_ends),
        cmocka_unit_test(test_wait_rounds_up_and_never_is_forever),
    };
    return cmocka_run_group_tests_name("errors", tests, NULL, NULL);
}
