/* Steps of a counter that is somebody else's; the numbers are what the kernel's counters do (unsigned long of 32 or 64
 * bits, handed over as 64). */
#include "loss_count.h"
#include "testing.h"

#include <stdbool.h>

struct reading {
    uint64_t told, more;
};

static void assert_readings(const struct reading *readings, size_t count)
{
    struct ct_loss_count counter = {0};
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(ct_loss_count_take(&counter, readings[i].told), readings[i].more);
    }
}

static void test_loss_count_first_reading_is_where_it_begins(void **state)
{
    (void)state;
    const struct reading readings[] = {{1000, 0}, {1000, 0}, {1001, 1}, {1500, 499}};
    const struct reading from_none[] = {{0, 0}, {7, 7}};
    assert_readings(readings, 4);
    assert_readings(from_none, 2);
}

static void test_loss_count_interface_made_again_begins_anew(void **state)
{
    (void)state;
    struct ct_loss_count counter = {0};
    (void)ct_loss_count_take(&counter, 500);
    assert_int_equal(ct_loss_count_take(&counter, 520), 20);
    ct_loss_count_forget(&counter);
    /* Neither the difference to the old interface's, nor what the new one lost before it was looked at. */
    assert_int_equal(ct_loss_count_take(&counter, 900), 0);
    assert_int_equal(ct_loss_count_take(&counter, 903), 3);
}

static void test_loss_count_reset_counts_what_came_since(void **state)
{
    (void)state;
    const struct reading readings[] = {{100, 0}, {130, 30}, {0, 0}, {5, 5}, {3, 3}, {4, 1}};
    /* Of 64 bits: too large a number for a counter of 32. */
    const struct reading large[] = {{UINT64_C(1) << 40, 0}, {12, 12}};
    assert_readings(readings, 6);
    assert_readings(large, 2);
}

static void test_loss_count_of_32_bits_runs_over(void **state)
{
    (void)state;
    const struct reading readings[] = {{UINT32_MAX - 1, 0}, {UINT32_MAX, 1}, {0, 1}, {9, 9}};
    const struct reading stride[] = {{UINT32_MAX - 9, 0}, {90, 100}};
    /* From the lower half it cannot have run over between two looks, a second apart. */
    const struct reading half[] = {{(UINT64_C(1) << 31) - 1, 0}, {2, 2}};
    assert_readings(readings, 4);
    assert_readings(stride, 2);
    assert_readings(half, 2);
}

static void test_loss_count_of_64_bits_passes_32(void **state)
{
    (void)state;
    const struct reading readings[] = {{UINT32_MAX, 0}, {(uint64_t)UINT32_MAX + 5, 5}};
    assert_readings(readings, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_count_first_reading_is_where_it_begins),
        cmocka_unit_test(test_loss_count_interface_made_again_begins_anew),
        cmocka_unit_test(test_loss_count_reset_counts_what_came_since),
        cmocka_unit_test(test_loss_count_of_32_bits_runs_over),
        cmocka_unit_test(test_loss_count_of_64_bits_passes_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
