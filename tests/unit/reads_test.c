#include "reads.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define S CT_NS_PER_S

static const struct ct_reads_config both = {.on_ignition = true, .interval_ns = 3600 * S};
static const struct ct_vehicle_state on = {.ignition_known = true, .ignition_on = true};
static const struct ct_vehicle_state off = {.ignition_known = true};
static const struct ct_vehicle_state unknown = {0};

static void test_reads_begin_when_the_ignition_comes_on_and_once(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 0};
    assert_false(ct_reads_begin(&reads, &both, &off, true, 1 * S));
    assert_true(ct_reads_begin(&reads, &both, &on, true, 2 * S));
    assert_false(ct_reads_begin(&reads, &both, &on, true, 3 * S)); /* under way */
    ct_reads_ended(&reads);
    assert_false(ct_reads_begin(&reads, &both, &on, true, 4 * S));
    assert_false(ct_reads_begin(&reads, &both, &off, true, 5 * S));
    assert_true(ct_reads_begin(&reads, &both, &on, true, 6 * S));
}

static void test_reads_repeat_after_the_interval_and_let_a_parked_vehicle_sleep(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 0};
    assert_true(ct_reads_begin(&reads, &both, &on, true, 10 * S));
    ct_reads_ended(&reads);
    assert_int_equal(ct_reads_due(&reads, &both), 3610 * S);
    assert_false(ct_reads_begin(&reads, &both, &on, true, 3609 * S));
    assert_false(ct_reads_begin(&reads, &both, &off, true, 3700 * S));      /* parked */
    assert_false(ct_reads_begin(&reads, &both, &unknown, false, 3700 * S)); /* the power state forbids it */
    assert_true(ct_reads_begin(&reads, &both, &unknown, true, 3700 * S));   /* no ignition signal is configured */
}

static void test_reads_missed_while_forbidden_begin_when_allowed(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 0};
    assert_false(ct_reads_begin(&reads, &both, &on, false, 1 * S));
    assert_true(ct_reads_begin(&reads, &both, &on, true, 2 * S));
}

static void test_reads_without_configuration_never_begin(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 0};
    const struct ct_reads_config none = {.interval_ns = 0};
    assert_false(ct_reads_begin(&reads, &none, &on, true, 100000 * S));
    assert_int_equal(ct_reads_due(&reads, &none), CT_NS_NEVER);
}

struct told {
    unsigned fresh, gone;
    uint32_t last;
};

static void tell(void *user, const char *ecu, const struct ct_result_dtc *dtc, bool is_new)
{
    struct told *told = user;
    (void)ecu;
    told->fresh += is_new ? 1U : 0U;
    told->gone += is_new ? 0U : 1U;
    told->last = dtc->code;
}

static void test_reads_tell_what_is_new_and_what_has_gone(void **state)
{
    (void)state;
    struct ct_reads *reads = calloc(1, sizeof *reads);
    assert_non_null(reads);
    struct told told = {0};
    const struct ct_result_dtc two[] = {{.code = 0x030111, .status = 0x2F}, {.code = 0x030222, .status = 0x08}};
    const struct ct_result_ecu first = {.ecu = "engine", .dtcs = two, .dtc_count = 2};
    const struct ct_result_ecu other = {.ecu = "gearbox", .dtcs = two, .dtc_count = 1};
    const struct ct_result_ecu fewer = {.ecu = "engine", .dtcs = two, .dtc_count = 1};
    const struct ct_result_ecu silent = {.ecu = "engine", .reason = CT_REASON_NO_RESPONSE};
    ct_reads_take(reads, &first, tell, &told);
    ct_reads_take(reads, &other, tell, &told); /* the same code in another ECU is another one */
    assert_int_equal(told.fresh, 3);
    ct_reads_take(reads, &first, tell, &told);
    ct_reads_take(reads, &silent, tell, &told);
    assert_int_equal(told.fresh, 3);
    assert_int_equal(told.gone, 0);
    ct_reads_take(reads, &fewer, tell, &told);
    assert_int_equal(told.gone, 1);
    assert_int_equal(told.last, 0x030222);
    ct_reads_take(reads, &first, tell, &told); /* it has come back */
    assert_int_equal(told.fresh, 4);
    free(reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_begin_when_the_ignition_comes_on_and_once),
        cmocka_unit_test(test_reads_repeat_after_the_interval_and_let_a_parked_vehicle_sleep),
        cmocka_unit_test(test_reads_missed_while_forbidden_begin_when_allowed),
        cmocka_unit_test(test_reads_without_configuration_never_begin),
        cmocka_unit_test(test_reads_tell_what_is_new_and_what_has_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
