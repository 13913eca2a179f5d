#include "stamp.h"
#include "testing.h"

#define MS   CT_NS_PER_MS
#define UTC  (INT64_C(1700000000) * CT_NS_PER_S)
#define HOUR (3600 * CT_NS_PER_S)

/* A clock that knows the distance UTC and has seen the queue empty at `empty`. */
static struct ct_stamp_clock clock_at(ct_ns empty)
{
    struct ct_stamp_clock clock = {0};
    ct_stamp_batch_end(&clock, UTC + empty, empty, true);
    return clock;
}

static void test_stamp_age_is_taken_off_boot_time(void **state)
{
    (void)state;
    struct ct_stamp_clock clock = clock_at(900 * MS);
    assert_int_equal(ct_stamp_boot(&clock, UTC + 997 * MS, UTC + 1000 * MS, 1000 * MS), 997 * MS);
    assert_int_equal(ct_stamp_boot(&clock, 0, UTC + 1000 * MS, 1000 * MS), 1000 * MS);
}

static void test_stamp_step_between_frame_and_read_does_not_show(void **state)
{
    (void)state;
    const int64_t steps[] = {HOUR, -HOUR, 20 * 365 * 24 * HOUR, -20 * 365 * 24 * HOUR, 10 * CT_NS_PER_S};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct ct_stamp_clock clock = clock_at(900 * MS);
        const int64_t utc_now = UTC + 1000 * MS + steps[i];
        /* Given three frames stamped before the step and two after it, all read in one batch. */
        assert_int_equal(ct_stamp_boot(&clock, UTC + 910 * MS, utc_now, 1000 * MS), 910 * MS);
        assert_int_equal(ct_stamp_boot(&clock, UTC + 920 * MS, utc_now, 1000 * MS), 920 * MS);
        assert_int_equal(ct_stamp_boot(&clock, UTC + 930 * MS, utc_now, 1000 * MS), 930 * MS);
        assert_int_equal(ct_stamp_boot(&clock, UTC + 940 * MS + steps[i], utc_now, 1000 * MS), 940 * MS);
        assert_int_equal(ct_stamp_boot(&clock, UTC + 950 * MS + steps[i], utc_now, 1000 * MS), 950 * MS);
        ct_stamp_batch_end(&clock, utc_now, 1000 * MS, true);
        /* And the next batch is at the new distance. */
        assert_int_equal(ct_stamp_boot(&clock, UTC + 1100 * MS + steps[i], UTC + 1200 * MS + steps[i], 1200 * MS),
                         1100 * MS);
    }
}

static void test_stamp_is_never_from_the_future_nor_before_the_one_before(void **state)
{
    (void)state;
    struct ct_stamp_clock clock = clock_at(900 * MS);
    assert_int_equal(ct_stamp_boot(&clock, UTC + 950 * MS, UTC + 1000 * MS, 1000 * MS), 950 * MS);
    assert_int_equal(ct_stamp_boot(&clock, UTC + 949 * MS, UTC + 1000 * MS, 1000 * MS), 950 * MS);
    assert_int_equal(ct_stamp_boot(&clock, UTC + 1001 * MS, UTC + 1000 * MS, 1000 * MS), 1000 * MS);
    /* Older than the empty queue. */
    clock = clock_at(900 * MS);
    assert_int_equal(ct_stamp_boot(&clock, UTC + 100 * MS, UTC + 1000 * MS, 1000 * MS), 900 * MS);
}

static void test_stamp_extreme_clocks_do_not_overflow(void **state)
{
    (void)state;
    struct ct_stamp_clock clock = clock_at(900 * MS);
    const ct_ns t = ct_stamp_boot(&clock, INT64_MIN + 1, INT64_MAX, 1000 * MS);
    assert_true(t >= 900 * MS && t <= 1000 * MS);
    const ct_ns u = ct_stamp_boot(&clock, INT64_MAX, INT64_MIN, 1000 * MS);
    assert_true(u >= 900 * MS && u <= 1000 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stamp_age_is_taken_off_boot_time),
        cmocka_unit_test(test_stamp_step_between_frame_and_read_does_not_show),
        cmocka_unit_test(test_stamp_is_never_from_the_future_nor_before_the_one_before),
        cmocka_unit_test(test_stamp_extreme_clocks_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
