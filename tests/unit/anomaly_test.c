#include "anomaly.h"
#include "testing.h"

#include <stdlib.h>
#include <string.h>

#define MS CT_NS_PER_MS
#define S  CT_NS_PER_S

/* Bus 0: a message of 10 ms, one whose cycle is unknown, a 29-bit one, a J1939 one, a request; bus 1: one message. */
static const struct ct_anomaly_id ids[] = {
    {.bus = 0, .id = 0x100, .length = 8, .cycle_ns = 10 * MS},
    {.bus = 0, .id = 0x101, .length = 9, .cycle_ns = 0},
    {.bus = 0, .id = 0x18DAF110, .extended = true, .length = 8, .cycle_ns = CT_NS_NEVER},
    {.bus = 0, .id = 0x18FEF1FE, .extended = true, .by_group = true, .length = CT_ANOMALY_ANY_LENGTH},
    {.bus = 0, .id = 0x7E0, .length = 8, .cycle_ns = CT_NS_NEVER},
    {.bus = 0, .id = 0x7E0, .length = CT_ANOMALY_ANY_LENGTH, .cycle_ns = CT_NS_NEVER, .request = true},
    {.bus = 1, .id = 0x200, .length = 8, .cycle_ns = CT_NS_NEVER},
};

struct rig {
    struct ct_anomalies *anomalies;
    struct ct_anomaly_counts counts[2];
};

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    assert_int_equal(ct_anomalies_create(ids, sizeof ids / sizeof ids[0], &rig->anomalies), CT_OK);
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    ct_anomalies_free(rig->anomalies);
    free(rig);
    return 0;
}

static void feed(struct rig *rig, uint8_t bus, uint32_t id, unsigned flags, uint8_t len, ct_ns t_ns)
{
    const struct ct_frame frame = {.bus = bus, .id = id, .flags = (uint16_t)flags, .len = len, .t_ns = t_ns};
    ct_anomalies_frames(rig->anomalies, &frame, 1, &rig->counts[bus < 2 ? bus : 0]);
}

/* Of bus 0, in the order of enum ct_anomaly. */
static void expect(const struct rig *rig, const uint64_t counts[CT_ANOMALY_COUNT])
{
    assert_memory_equal(rig->counts[0].by_kind, counts, CT_ANOMALY_COUNT * sizeof(uint64_t));
}

static void test_anomaly_what_databases_know_is_none(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i < 1000; i++) {
        const ct_ns t = S + i * 10 * MS + (i % 3) * MS; /* with some jitter */
        feed(rig, 0, 0x100, 0, 8, t);
        feed(rig, 0, 0x101, CT_FRAME_FD, 12, t); /* 9 bytes as FD */
        feed(rig, 0, 0x18DAF110, CT_FRAME_EXT, 8, t);
        feed(rig, 0, 0x0CFEF100, CT_FRAME_EXT, 8, t); /* another priority, another source */
        feed(rig, 0, 0x123, CT_FRAME_RTR, 0, t);
        feed(rig, 0, 4, CT_FRAME_ERR, 8, t);
        feed(rig, 0, 0x7E0, CT_FRAME_SENT, 8, t); /* our own */
        feed(rig, 2, 0x321, 0, 8, t);             /* a bus without databases */
    }
    expect(rig, (uint64_t[CT_ANOMALY_COUNT]){0});
}

static void test_anomaly_ids_and_lengths_that_do_not_belong(void **state)
{
    struct rig *rig = *state;
    feed(rig, 0, 0x123, 0, 8, S);
    feed(rig, 0, 0x100, CT_FRAME_EXT, 8, S); /* a 29-bit id of the same value is another one */
    feed(rig, 0, 0x18FEF200, CT_FRAME_EXT, 8, S);
    feed(rig, 0, 0x200, 0, 8, S); /* bus 1 has it */
    feed(rig, 0, 0x100, 0, 7, S);
    feed(rig, 0, 0x101, CT_FRAME_FD, 16, S);
    feed(rig, 0, 0x7E0, 0, 8, S);
    expect(rig, (uint64_t[CT_ANOMALY_COUNT]){3, 1, 2, 0, 0, 1});
    assert_int_equal(rig->counts[0].newest[CT_ANOMALY_UNKNOWN_ID], 0x18FEF200);
    assert_int_equal(rig->counts[0].newest[CT_ANOMALY_FOREIGN_REQUEST], 0x7E0);
    assert_int_equal(rig->counts[1].by_kind[CT_ANOMALY_UNKNOWN_ID], 0);
}

static void test_anomaly_too_fast_is_beyond_twice_the_rate_and_a_burst(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i < 1000; i++) {
        feed(rig, 0, 0x100, 0, 8, S + i * 5 * MS); /* twice: still none */
    }
    expect(rig, (uint64_t[CT_ANOMALY_COUNT]){0});
    for (unsigned i = 0; i < 1000; i++) {
        feed(rig, 0, 0x100, 0, 8, 10 * S + i * MS); /* ten times, for a second */
    }
    /* At twice the rate 200 of them fit, and a burst ahead. */
    assert_in_range(rig->counts[0].by_kind[CT_ANOMALY_TOO_FAST], 1000 - 200 - CT_ANOMALY_BURST - 2, 1000 - 200);
}

static void test_anomaly_cycle_is_learnt_where_frames_come_evenly(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i < 2 * CT_ANOMALY_LEARN; i++) {
        feed(rig, 0, 0x101, CT_FRAME_FD, 12, S + i * 100 * MS);
    }
    for (unsigned i = 0; i < 100; i++) {
        feed(rig, 0, 0x101, CT_FRAME_FD, 12, 10 * S + i * MS);
    }
    assert_in_range(rig->counts[0].by_kind[CT_ANOMALY_TOO_FAST], 85, 95);
}

/* A life ends in the middle of learning, another after it: the next one knows the cycle, unless the database says
 * something else by now. */
static void test_anomaly_learnt_cycle_outlasts_reloads_of_the_same_definition(void **state)
{
    for (unsigned changed = 0; changed < 2; changed++) {
        struct rig *rig = *state;
        const ct_ns start = (1 + changed * 100) * S;
        struct ct_anomaly_id other = ids[1];
        other.cycle_ns = changed == 1 ? CT_NS_NEVER : other.cycle_ns;
        for (unsigned i = 0; i < CT_ANOMALY_LEARN + 2; i++) {
            if (i == CT_ANOMALY_LEARN / 2 || i == CT_ANOMALY_LEARN + 1) {
                struct ct_anomalies *next = NULL;
                assert_int_equal(ct_anomalies_create(&other, 1, &next), CT_OK);
                ct_anomalies_carry(next, rig->anomalies);
                ct_anomalies_free(rig->anomalies);
                rig->anomalies = next;
            }
            feed(rig, 0, 0x101, CT_FRAME_FD, 12, start + i * 100 * MS);
        }
        rig->counts[0] = (struct ct_anomaly_counts){0};
        for (unsigned i = 0; i < 30; i++) {
            feed(rig, 0, 0x101, CT_FRAME_FD, 12, start + 10 * S + i * MS);
        }
        const uint64_t too_fast = rig->counts[0].by_kind[CT_ANOMALY_TOO_FAST];
        assert_true(changed == 1 ? too_fast == 0 : too_fast > 10);
    }
}

static void test_anomaly_frames_that_come_unevenly_have_no_cycle(void **state)
{
    struct rig *rig = *state;
    ct_ns t = S;
    for (unsigned i = 0; i < 1000; i++) {
        t += i % 10 == 0 ? 500 * MS : MS;
        feed(rig, 0, 0x101, CT_FRAME_FD, 12, t);
    }
    assert_int_equal(rig->counts[0].by_kind[CT_ANOMALY_TOO_FAST], 0);
}

static ct_ns tick(struct rig *rig, ct_ns now)
{
    struct ct_anomaly_counts *const counts[] = {&rig->counts[0], &rig->counts[1]};
    return ct_anomalies_tick(rig->anomalies, now, counts, 2);
}

static void test_anomaly_too_slow_is_told_once_and_again_after_it_came_back(void **state)
{
    struct rig *rig = *state;
    feed(rig, 0, 0x100, 0, 8, S);
    for (unsigned i = 1; i <= 40; i++) { /* 4 s of another message */
        feed(rig, 0, 0x18DAF110, CT_FRAME_EXT, 8, S + i * 100 * MS);
        (void)tick(rig, S + i * 100 * MS);
        assert_int_equal(rig->counts[0].by_kind[CT_ANOMALY_TOO_SLOW], i >= 11 ? 1 : 0);
    }
    assert_int_equal(rig->counts[0].newest[CT_ANOMALY_TOO_SLOW], 0x100);
    feed(rig, 0, 0x100, 0, 8, 6 * S);
    feed(rig, 0, 0x18DAF110, CT_FRAME_EXT, 8, 8 * S);
    (void)tick(rig, 8 * S);
    assert_int_equal(rig->counts[0].by_kind[CT_ANOMALY_TOO_SLOW], 2);
}

static void test_anomaly_silent_bus_misses_nothing(void **state)
{
    struct rig *rig = *state;
    feed(rig, 0, 0x100, 0, 8, S);
    assert_int_equal(tick(rig, 20 * S), CT_NS_NEVER); /* and need not be looked at */
    assert_int_equal(rig->counts[0].by_kind[CT_ANOMALY_TOO_SLOW], 0);
}

static void test_anomaly_ids_that_cannot_be_are_refused(void **state)
{
    (void)state;
    const struct ct_anomaly_id bad[] = {{.bus = 32, .id = 1}, {.id = 0x800}, {.id = 1, .by_group = true}};
    struct ct_anomalies *anomalies = NULL;
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ct_anomalies_create(&bad[i], 1, &anomalies), CT_ERR_ARGUMENT);
    }
    assert_null(anomalies);
    ct_anomalies_free(NULL);
    assert_string_equal(ct_anomaly_name(CT_ANOMALY_WRONG_BUS), "wrong-bus");
    assert_string_equal(ct_anomaly_name((enum ct_anomaly)99), "unknown kind");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_anomaly_what_databases_know_is_none),
        CASE(test_anomaly_ids_and_lengths_that_do_not_belong),
        CASE(test_anomaly_too_fast_is_beyond_twice_the_rate_and_a_burst),
        CASE(test_anomaly_cycle_is_learnt_where_frames_come_evenly),
        CASE(test_anomaly_learnt_cycle_outlasts_reloads_of_the_same_definition),
        CASE(test_anomaly_frames_that_come_unevenly_have_no_cycle),
        CASE(test_anomaly_too_slow_is_told_once_and_again_after_it_came_back),
        CASE(test_anomaly_silent_bus_misses_nothing),
        cmocka_unit_test(test_anomaly_ids_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests_name("anomaly", tests, NULL, NULL);
}
