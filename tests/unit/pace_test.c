/* A loop's pace by closed forms: how many turns fit into a time, who waits and for how long. */
#include "pace.h"
#include "testing.h"

#define GAP (500 * CT_NS_PER_US)

/* Turns that come `every` ns for a second, resting as told; returns how many there were, *out_wait the longest rest. */
static unsigned turns_in_a_second(ct_ns every, ct_ns *out_wait)
{
    struct ct_pace pace = {.gap = GAP};
    const ct_ns start = 7 * CT_NS_PER_S;
    unsigned turns = 0;
    *out_wait = 0;
    for (ct_ns now = start; now < start + CT_NS_PER_S; turns++) {
        const ct_ns until = ct_pace_turn(&pace, now);
        assert_true(until >= now);
        *out_wait = until - now > *out_wait ? until - now : *out_wait;
        now = until + every;
    }
    return turns;
}

static void test_turns_slower_than_the_gap_never_wait(void **state)
{
    (void)state;
    const ct_ns slow[] = {GAP, GAP + 1, 2 * GAP, 10 * CT_NS_PER_MS, 300 * CT_NS_PER_MS};
    for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++) {
        ct_ns wait = 0;
        turns_in_a_second(slow[i], &wait);
        assert_int_equal(wait, 0);
    }
}

static void test_turns_faster_than_the_gap_are_held_to_it_beyond_the_burst(void **state)
{
    (void)state;
    const ct_ns fast[] = {1, 1000, 31250, 100 * CT_NS_PER_US, 400 * CT_NS_PER_US};
    for (size_t i = 0; i < sizeof fast / sizeof fast[0]; i++) {
        ct_ns wait = 0;
        const unsigned turns = turns_in_a_second(fast[i], &wait);
        assert_in_range(turns, 2000 - 1, 2000 + CT_PACE_BURST + 1);
        assert_in_range(wait, 1, GAP);
    }
}

static void test_burst_after_silence_is_not_delayed(void **state)
{
    (void)state;
    struct ct_pace pace = {.gap = GAP};
    ct_ns now = 5 * CT_NS_PER_S;
    for (int burst = 0; burst < 3; burst++) {
        for (int i = 0; i < CT_PACE_BURST; i++) {
            assert_int_equal(ct_pace_turn(&pace, now), now);
        }
        assert_true(ct_pace_turn(&pace, now) > now);
        now += (CT_PACE_BURST + 1) * GAP; /* as long as it owed */
    }
}

static void test_clock_that_goes_back_makes_nobody_wait_longer_than_a_gap(void **state)
{
    (void)state;
    struct ct_pace pace = {.gap = GAP};
    (void)ct_pace_turn(&pace, 1000 * CT_NS_PER_S);
    ct_ns now = CT_NS_PER_S;
    for (int i = 0; i < 200; i++) {
        const ct_ns until = ct_pace_turn(&pace, now);
        assert_true(until >= now && until <= now + GAP);
        now = until;
    }
    /* Slow turns are free again soon. */
    for (int i = 0; i < CT_PACE_BURST + 3; i++) {
        now = ct_pace_turn(&pace, now) + 2 * GAP;
    }
    assert_int_equal(ct_pace_turn(&pace, now), now);
}

static void test_no_gap_is_no_pace(void **state)
{
    (void)state;
    struct ct_pace pace = {0};
    for (ct_ns now = 0; now < 1000; now++) {
        assert_int_equal(ct_pace_turn(&pace, now), now);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns_slower_than_the_gap_never_wait),
        cmocka_unit_test(test_turns_faster_than_the_gap_are_held_to_it_beyond_the_burst),
        cmocka_unit_test(test_burst_after_silence_is_not_delayed),
        cmocka_unit_test(test_clock_that_goes_back_makes_nobody_wait_longer_than_a_gap),
        cmocka_unit_test(test_no_gap_is_no_pace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
