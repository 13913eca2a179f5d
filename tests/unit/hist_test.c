/* Quantiles of the histogram beside those of the sorted values themselves. */
#include "hist.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
    const ct_ns x = *(const ct_ns *)a;
    const ct_ns y = *(const ct_ns *)b;
    return (x > y) - (x < y);
}

/* The value that at least permille/1000 of the others do not exceed. */
static ct_ns exact(const ct_ns *sorted, size_t count, unsigned permille)
{
    const size_t wanted = (count * permille + 999) / 1000;
    return sorted[wanted > 0 ? wanted - 1 : 0];
}

static void check(ct_ns *values, size_t count)
{
    struct ct_hist hist = {0};
    for (size_t i = 0; i < count; i++) {
        ct_hist_add(&hist, values[i]);
    }
    qsort(values, count, sizeof values[0], by_value);
    assert_int_equal(hist.total, count);
    assert_int_equal(hist.max, values[count - 1]);
    for (unsigned permille = 1; permille <= 1000; permille++) {
        const ct_ns want = exact(values, count, permille);
        const ct_ns got = ct_hist_quantile(&hist, permille);
        assert_true(got >= want && got <= want + want / 4 && got <= hist.max);
    }
}

static void test_quantiles_are_within_a_quarter_of_the_exact_ones(void **state)
{
    (void)state;
    static ct_ns values[5000];
    uint64_t random = 88172645463325252ULL;
    for (size_t count = 1; count <= sizeof values / sizeof values[0]; count = count * 3 + 1) {
        for (size_t i = 0; i < count; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            values[i] = (ct_ns)((random >> 24) >> (random % 40)); /* every magnitude */
        }
        check(values, count);
    }
}

static void test_every_small_value_is_exact(void **state)
{
    (void)state;
    for (ct_ns value = 0; value < 8; value++) {
        struct ct_hist hist = {0};
        ct_hist_add(&hist, value);
        assert_int_equal(ct_hist_quantile(&hist, 990), value);
    }
}

static void test_extremes_are_counted_and_harm_nothing(void **state)
{
    (void)state;
    struct ct_hist hist = {0};
    assert_int_equal(ct_hist_quantile(&hist, 990), 0);
    ct_hist_add(&hist, INT64_MIN);
    ct_hist_add(&hist, -1);
    ct_hist_add(&hist, INT64_MAX);
    assert_int_equal(hist.total, 3);
    assert_int_equal(ct_hist_quantile(&hist, 500), 0);
    assert_int_equal(hist.max, INT64_MAX);
    assert_int_equal(ct_hist_quantile(&hist, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quantiles_are_within_a_quarter_of_the_exact_ones),
        cmocka_unit_test(test_every_small_value_is_exact),
        cmocka_unit_test(test_extremes_are_counted_and_harm_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
