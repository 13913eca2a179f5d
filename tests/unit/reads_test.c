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
    ct_reads_take(reads, 0, &first, tell, &told);
    ct_reads_take(reads, 1, &other, tell, &told); /* the same code in another ECU is another one */
    assert_int_equal(told.fresh, 3);
    ct_reads_take(reads, 0, &first, tell, &told);
    ct_reads_take(reads, 0, &silent, tell, &told);
    assert_int_equal(told.fresh, 3);
    assert_int_equal(told.gone, 0);
    ct_reads_take(reads, 0, &fewer, tell, &told);
    assert_int_equal(told.gone, 1);
    assert_int_equal(told.last, 0x030222);
    ct_reads_take(reads, 0, &first, tell, &told); /* it has come back */
    assert_int_equal(told.fresh, 4);
    free(reads);
}

/* ---- triggers */

static const struct ct_reads_config triggered = {.on_new_dtc = true, .pause_ns = 60 * S};

static bool heard(struct ct_reads *reads, size_t ecu, const char *bytes, size_t len, uint32_t *out_code)
{
    return ct_reads_hear(reads, ecu, (const uint8_t *)bytes, len, out_code);
}

static void take_none(struct ct_reads *reads, size_t ecu)
{
    const struct ct_result_ecu empty = {.ecu = "engine"};
    struct told told = {0};
    ct_reads_take(reads, ecu, &empty, tell, &told);
}

static void test_reads_hear_a_code_become_confirmed_once(void **state)
{
    (void)state;
    struct ct_reads *reads = calloc(1, sizeof *reads);
    uint32_t code = 0;
    assert_non_null(reads);
    /* ISO 14229-1:2020 12.3: 59 02, mask, DTC (3), status; 08 is bit 3, confirmedDTC */
    assert_false(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x08", 7, &code)); /* not known yet: may be old */
    take_none(reads, 0);
    assert_false(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x04", 7, &code)); /* pending */
    assert_false(heard(reads, 0, "\x59\x04\xFF\x01\x71\x00\x08", 7, &code)); /* another report */
    assert_false(heard(reads, 0, "\x7F\x02\xFF\x01\x71\x00\x08", 7, &code));
    assert_false(heard(reads, 0, "\x59\x02\xFF\x00\x00\x00\x08", 7, &code)); /* padding */
    assert_false(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00", 6, &code));     /* cut off */
    assert_false(reads->triggered);
    assert_true(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x0C", 7, &code));
    assert_int_equal(code, 0x017100);
    assert_true(reads->triggered);
    assert_false(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x0C", 7, &code));
    assert_false(heard(reads, 1, "\x59\x02\xFF\x01\x71\x00\x0C", 7, &code)); /* an ECU that was never read */
    assert_false(heard(reads, 0, "\x59\x0A\xFF\x01\x71\x00\x00", 7, &code)); /* cleared */
    assert_true(heard(reads, 0, "\x59\x0E\xFF\x01\x71\x00\x08", 7, &code));  /* and confirmed again */
    free(reads);
}

static void test_reads_hear_nothing_new_in_what_a_read_told(void **state)
{
    (void)state;
    struct ct_reads *reads = calloc(1, sizeof *reads);
    struct told told = {0};
    uint32_t code = 0;
    assert_non_null(reads);
    const struct ct_result_dtc old = {.code = 0x017100, .status = 0x08};
    const struct ct_result_ecu engine = {.ecu = "engine", .dtcs = &old, .dtc_count = 1};
    ct_reads_take(reads, 0, &engine, tell, &told);
    assert_false(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x08", 7, &code));
    assert_true(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x08\x03\x01\x11\x08", 11, &code));
    assert_int_equal(code, 0x030111);
    /* somebody else's read is no read of ours: the code is still told, and once */
    const struct ct_result_dtc both_codes[] = {{.code = 0x017100, .status = 0x08}, {.code = 0x030111, .status = 0x08}};
    const struct ct_result_ecu fuller = {.ecu = "engine", .dtcs = both_codes, .dtc_count = 2};
    assert_int_equal(told.fresh, 1);
    ct_reads_take(reads, 0, &fuller, tell, &told);
    assert_int_equal(told.fresh, 2);
    take_none(reads, 0);
    assert_true(heard(reads, 0, "\x59\x02\xFF\x01\x71\x00\x08", 7, &code)); /* gone, and it has come back */
    free(reads);
}

static void test_reads_triggered_wait_for_the_pause_and_become_one(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 0};
    uint32_t code = 0;
    assert_true(ct_reads_begin(&reads, &triggered, &unknown, true, 100 * S)); /* what is there is to be known */
    reads.ecus_known[0] = true;
    assert_true(heard(&reads, 0, "\x59\x02\xFF\x01\x71\x00\x08", 7, &code));
    assert_true(heard(&reads, 0, "\x59\x02\xFF\x01\x72\x00\x08", 7, &code));
    assert_int_equal(ct_reads_due(&reads, &triggered), CT_NS_NEVER);
    ct_reads_ended(&reads);
    assert_int_equal(ct_reads_due(&reads, &triggered), 160 * S);
    assert_false(ct_reads_begin(&reads, &triggered, &unknown, true, 159 * S));
    assert_false(ct_reads_begin(&reads, &triggered, &off, true, 160 * S));
    assert_false(ct_reads_begin(&reads, &triggered, &unknown, false, 160 * S));
    assert_true(ct_reads_begin(&reads, &triggered, &on, true, 170 * S));
    ct_reads_ended(&reads);
    assert_false(ct_reads_begin(&reads, &triggered, &on, true, 1000 * S));
    assert_int_equal(ct_reads_due(&reads, &triggered), CT_NS_NEVER);
}

static void test_reads_warn_when_the_lamp_comes_on(void **state)
{
    (void)state;
    struct ct_reads reads = {.read_ns = 5 * S};
    assert_false(ct_reads_warn(&reads, false));
    assert_true(ct_reads_warn(&reads, true));
    assert_false(ct_reads_warn(&reads, true));
    assert_true(ct_reads_begin(&reads, &triggered, &on, true, 100 * S));
    ct_reads_ended(&reads);
    assert_false(ct_reads_warn(&reads, false));
    assert_false(ct_reads_begin(&reads, &triggered, &on, true, 200 * S));
    assert_true(ct_reads_warn(&reads, true));
    assert_false(ct_reads_begin(&reads, &both, &off, true, 200 * S));
    assert_true(ct_reads_begin(&reads, &triggered, &on, true, 200 * S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_begin_when_the_ignition_comes_on_and_once),
        cmocka_unit_test(test_reads_repeat_after_the_interval_and_let_a_parked_vehicle_sleep),
        cmocka_unit_test(test_reads_missed_while_forbidden_begin_when_allowed),
        cmocka_unit_test(test_reads_without_configuration_never_begin),
        cmocka_unit_test(test_reads_tell_what_is_new_and_what_has_gone),
        cmocka_unit_test(test_reads_hear_a_code_become_confirmed_once),
        cmocka_unit_test(test_reads_hear_nothing_new_in_what_a_read_told),
        cmocka_unit_test(test_reads_triggered_wait_for_the_pause_and_become_one),
        cmocka_unit_test(test_reads_warn_when_the_lamp_comes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
