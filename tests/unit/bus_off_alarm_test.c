/* A controller that goes bus-off again and again; all times are the test's. */
#include "bus_off_alarm.h"
#include "testing.h"

#define S CT_NS_PER_S

static void test_bus_off_alarm_sixth_within_a_minute(void **state)
{
    (void)state;
    struct ct_bus_off_alarm alarm = {0};
    assert_false(ct_bus_off_alarm_take(&alarm, 0, 0));
    for (uint64_t n = 1; n <= 5; n++) {
        assert_false(ct_bus_off_alarm_take(&alarm, n, (ct_ns)n * 10 * S));
        assert_false(ct_bus_off_alarm_take(&alarm, n, (ct_ns)n * 10 * S + S)); /* nothing new */
    }
    /* 10, 20, 30, 40, 50 s and this one: six in less than 60 s. */
    assert_true(ct_bus_off_alarm_take(&alarm, 6, 70 * S - 1));
}

static void test_bus_off_alarm_slower_ones_are_none(void **state)
{
    (void)state;
    struct ct_bus_off_alarm alarm = {0};
    for (uint64_t n = 1; n <= 100; n++) { /* five in each minute: at 0, 12, 24 .. s, the sixth 60 s after the first */
        assert_false(ct_bus_off_alarm_take(&alarm, n, (ct_ns)n * 12 * S));
    }
    assert_int_equal(ct_bus_off_alarm_count(&alarm, 100 * 12 * S), 5);
    assert_int_equal(ct_bus_off_alarm_count(&alarm, 200 * 12 * S), 0);
}

static void test_bus_off_alarm_several_between_two_looks_count_each(void **state)
{
    (void)state;
    struct ct_bus_off_alarm alarm = {0};
    assert_false(ct_bus_off_alarm_take(&alarm, 5, S));
    assert_true(ct_bus_off_alarm_take(&alarm, 6, 2 * S));
    struct ct_bus_off_alarm other = {0};
    assert_true(ct_bus_off_alarm_take(&other, 1000, S));
    assert_int_equal(ct_bus_off_alarm_count(&other, S), CT_BUS_OFFS_MAX + 1);
}

static void test_bus_off_alarm_goes_on_once_a_minute(void **state)
{
    (void)state;
    struct ct_bus_off_alarm alarm = {0};
    unsigned told = 0;
    for (uint64_t n = 1; n <= 300; n++) { /* one each second, for five minutes */
        told += ct_bus_off_alarm_take(&alarm, n, (ct_ns)n * S) ? 1 : 0;
    }
    assert_int_equal(told, 5); /* at 6, 66, 126, 186 and 246 s */
}

static void test_bus_off_alarm_calm_ends_it(void **state)
{
    (void)state;
    struct ct_bus_off_alarm alarm = {0};
    assert_true(ct_bus_off_alarm_take(&alarm, 6, S));
    assert_false(ct_bus_off_alarm_take(&alarm, 7, 1000 * S)); /* a single one, long after */
    assert_true(ct_bus_off_alarm_take(&alarm, 12, 1001 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bus_off_alarm_sixth_within_a_minute),
        cmocka_unit_test(test_bus_off_alarm_slower_ones_are_none),
        cmocka_unit_test(test_bus_off_alarm_several_between_two_looks_count_each),
        cmocka_unit_test(test_bus_off_alarm_goes_on_once_a_minute),
        cmocka_unit_test(test_bus_off_alarm_calm_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
