/* Preconditions: closed intervals, time without a break, and what is not known. */
#include "precondition.h"
#include "testing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct values {
    bool known[2];
    double value[2];
};

static bool value_of(void *user, const char *path, double *out_value)
{
    const struct values *values = user;
    const size_t i = strcmp(path, "speed") == 0 ? 0 : 1;
    *out_value = values->value[i];
    return values->known[i];
}

struct rig {
    struct ct_release release;
    struct ct_precondition_watch watch;
    struct values values;
    size_t first;
};

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    rig->release.precondition_count = 2;
    (void)snprintf(rig->release.preconditions[0].path, 16, "speed");
    rig->release.preconditions[0].for_ms = 5000;
    (void)snprintf(rig->release.preconditions[1].path, 16, "voltage");
    rig->release.preconditions[1].min = 12.2;
    rig->release.preconditions[1].max = 15;
    rig->values = (struct values){{true, true}, {0, 13}};
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    free(*state);
    return 0;
}

static bool met(struct rig *rig, int64_t ms)
{
    return ct_preconditions_met(&rig->release, &rig->watch, value_of, &rig->values, ct_ns_from_ms(ms), &rig->first);
}

static void test_precondition_must_hold_without_a_break(void **state)
{
    struct rig *rig = *state;
    assert_false(met(rig, 1000));
    assert_int_equal(rig->first, 0);
    assert_false(met(rig, 5999));
    assert_true(met(rig, 6000));
    rig->values.value[0] = 0.1;
    assert_false(met(rig, 6100));
    rig->values.value[0] = 0;
    assert_false(met(rig, 6200)); /* from here on anew */
    assert_false(met(rig, 11199));
    assert_true(met(rig, 11200));
}

static void test_attack_25_what_is_not_known_or_no_number_is_not_met(void **state)
{
    struct rig *rig = *state;
    (void)met(rig, 0);
    assert_true(met(rig, 5000));
    rig->values.known[0] = false; /* stale, absent, or of bad quality */
    assert_false(met(rig, 5001));
    rig->values.known[0] = true;
    assert_false(met(rig, 5002));
    assert_true(met(rig, 10002));
    rig->values.value[1] = (double)NAN;
    assert_false(met(rig, 10003));
    assert_int_equal(rig->first, 1);
}

static void test_precondition_ends_are_inside(void **state)
{
    static const struct {
        double value;
        bool met;
    } rows[] = {{12.2, true}, {15, true}, {12.19, false}, {15.01, false}};
    struct rig *rig = *state;
    (void)met(rig, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rig->values.value[1] = rows[i].value;
        assert_int_equal(met(rig, 6000 + (int64_t)i), rows[i].met);
    }
}

static void test_precondition_none_is_met(void **state)
{
    struct rig *rig = *state;
    rig->release.precondition_count = 0;
    assert_true(ct_preconditions_met(&rig->release, &rig->watch, value_of, &rig->values, 0, NULL));
    rig->release.precondition_count = 1;
    assert_false(ct_preconditions_met(&rig->release, &rig->watch, value_of, &rig->values, 0, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_precondition_must_hold_without_a_break, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_attack_25_what_is_not_known_or_no_number_is_not_met, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_precondition_ends_are_inside, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_precondition_none_is_met, open_rig, close_rig),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
