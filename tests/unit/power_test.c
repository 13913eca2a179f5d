/* The power state: transitions by a table, debouncing by closed form, and a property that the inputs cannot break:
 * polling stops within its budget after the ignition was last certainly on. */
#include "power.h"
#include "testing.h"

#include <string.h>

#define MS CT_NS_PER_MS

static const struct ct_power_config standard = {.has_ignition = true,
                                                .debounce_ns = 50 * MS,
                                                .quiet_ns = 1000 * MS,
                                                .polling_ns = 3000 * MS,
                                                .after_run_ns = 10000 * MS,
                                                .watchdog_ns = 500 * MS};

/* Takes all transitions due at `now`; the state then. */
static enum ct_power_state settle(struct ct_power *power, ct_ns now)
{
    struct ct_power_change change = {CT_POWER_OFF, CT_POWER_OFF, NULL};
    for (unsigned n = 0; ct_power_step(power, now, &change); n++) {
        assert_int_equal(change.to, power->state);
        assert_int_not_equal(change.from, change.to);
        assert_true(strlen(change.reason) > 0);
        assert_true(n < 8);
    }
    return power->state;
}

static void ignite(struct ct_power *power, bool on, ct_ns now)
{
    ct_power_set_line(power, CT_POWER_IGNITION, on, true, now);
}

/* In state run at 1 s, the ignition on since 0. */
static void open_running(struct ct_power *power)
{
    ct_power_init(power, &standard, 0);
    ignite(power, true, 0);
    assert_int_equal(settle(power, 1000 * MS), CT_POWER_RUN);
}

/* ---- transitions */

enum input { NOTHING, IGNITION_ON, IGNITION_OFF, BUS, WAKE_ON, WAKE_OFF, WORK, NO_WORK, STOP };

static void feed(struct ct_power *power, enum input input, ct_ns now)
{
    switch (input) {
    case NOTHING:
        break;
    case IGNITION_ON:
    case IGNITION_OFF:
        ignite(power, input == IGNITION_ON, now);
        break;
    case BUS:
        ct_power_bus_active(power, now);
        break;
    case WAKE_ON:
    case WAKE_OFF:
        ct_power_set_line(power, CT_POWER_WAKE_LINE, input == WAKE_ON, true, now);
        break;
    case WORK:
    case NO_WORK:
        ct_power_set_work(power, (struct ct_power_work){.outbox = input == WORK}, now);
        break;
    case STOP:
        ct_power_stop(power);
        break;
    }
}

struct step {
    int at_ms;
    enum input input;
    enum ct_power_state state; /* behind it */
};

static void test_power_inputs_transitions_are_those_of_the_table(void **state)
{
    (void)state;
    static const struct step drive[] = {
        {0, NOTHING, CT_POWER_WAKE},
        {100, IGNITION_ON, CT_POWER_WAKE},
        {149, NOTHING, CT_POWER_WAKE},
        {150, NOTHING, CT_POWER_RUN},
        {5000, BUS, CT_POWER_RUN},
        {60000, IGNITION_OFF, CT_POWER_RUN},
        {60049, NOTHING, CT_POWER_RUN},
        {60050, NOTHING, CT_POWER_AFTER_RUN},
        {60500, BUS, CT_POWER_AFTER_RUN},
        {61499, NOTHING, CT_POWER_AFTER_RUN},
        {61500, NOTHING, CT_POWER_SLEEP},
        {90000, BUS, CT_POWER_WAKE},
        {90999, NOTHING, CT_POWER_WAKE},
        {91000, NOTHING, CT_POWER_SLEEP},
        {95000, WAKE_ON, CT_POWER_SLEEP},
        {95050, NOTHING, CT_POWER_WAKE},
        {99000, NOTHING, CT_POWER_WAKE},
        {99500, WAKE_OFF, CT_POWER_WAKE},
        {99550, NOTHING, CT_POWER_WAKE},
        {100600, NOTHING, CT_POWER_SLEEP},
        {110000, IGNITION_ON, CT_POWER_SLEEP},
        {110050, NOTHING, CT_POWER_RUN},
        {120000, STOP, CT_POWER_OFF},
        {130000, BUS, CT_POWER_OFF},
    };
    static const struct step after_run[] = {
        /* work holds it until it is done, and silence after that */
        {0, IGNITION_ON, CT_POWER_WAKE},
        {50, WORK, CT_POWER_RUN},
        {1000, IGNITION_OFF, CT_POWER_RUN},
        {1050, NOTHING, CT_POWER_AFTER_RUN},
        {5000, NOTHING, CT_POWER_AFTER_RUN},
        {5000, NO_WORK, CT_POWER_AFTER_RUN},
        {5999, NOTHING, CT_POWER_AFTER_RUN},
        {6000, NOTHING, CT_POWER_SLEEP},
        /* back to run in the middle of it */
        {7000, IGNITION_ON, CT_POWER_SLEEP},
        {7050, NOTHING, CT_POWER_RUN},
        {8000, IGNITION_OFF, CT_POWER_RUN},
        {8050, WORK, CT_POWER_AFTER_RUN},
        {9000, IGNITION_ON, CT_POWER_AFTER_RUN},
        {9050, NOTHING, CT_POWER_RUN},
        /* work that is never done is held after 10 s */
        {20000, IGNITION_OFF, CT_POWER_RUN},
        {20050, WORK, CT_POWER_AFTER_RUN},
        {30049, WORK, CT_POWER_AFTER_RUN},
        {30050, WORK, CT_POWER_SLEEP},
        {90000, WORK, CT_POWER_SLEEP},
        /* a bus wakes it: 1 s of silence, then the work gets another after-run, and only one */
        {100000, BUS, CT_POWER_WAKE},
        {101000, WORK, CT_POWER_AFTER_RUN},
        {111000, WORK, CT_POWER_SLEEP},
        {200000, WORK, CT_POWER_SLEEP},
    };
    static const struct step others[] = {
        /* a bus that never falls silent: listen, as long as it likes */
        {0, IGNITION_ON, CT_POWER_WAKE},  {50, BUS, CT_POWER_RUN},          {1000, IGNITION_OFF, CT_POWER_RUN},
        {1050, BUS, CT_POWER_AFTER_RUN},  {2000, BUS, CT_POWER_AFTER_RUN},  {2900, BUS, CT_POWER_AFTER_RUN},
        {3800, BUS, CT_POWER_AFTER_RUN},  {4700, BUS, CT_POWER_AFTER_RUN},  {5600, BUS, CT_POWER_AFTER_RUN},
        {6500, BUS, CT_POWER_AFTER_RUN},  {7400, BUS, CT_POWER_AFTER_RUN},  {8300, BUS, CT_POWER_AFTER_RUN},
        {9200, BUS, CT_POWER_AFTER_RUN},  {10100, BUS, CT_POWER_AFTER_RUN}, {11000, BUS, CT_POWER_AFTER_RUN},
        {11050, NOTHING, CT_POWER_WAKE},  {11900, BUS, CT_POWER_WAKE},      {12899, NOTHING, CT_POWER_WAKE},
        {12900, NOTHING, CT_POWER_SLEEP},
    };
    static const struct {
        const struct step *steps;
        size_t count;
    } rows[] = {{drive, sizeof drive / sizeof drive[0]},
                {after_run, sizeof after_run / sizeof after_run[0]},
                {others, sizeof others / sizeof others[0]}};
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct ct_power power;
        ct_power_init(&power, &standard, 0);
        for (size_t i = 0; i < rows[r].count; i++) {
            const struct step *step = &rows[r].steps[i];
            feed(&power, step->input, step->at_ms * MS);
            if (settle(&power, step->at_ms * MS) != step->state) {
                fail_msg("row %zu, step %zu at %d ms: %s instead of %s", r, i, step->at_ms,
                         ct_power_state_text(power.state), ct_power_state_text(step->state));
            }
        }
    }
}

static void test_power_without_ignition_line_runs_until_stopped(void **state)
{
    (void)state;
    struct ct_power_config config = standard;
    struct ct_power power;
    config.has_ignition = false;
    ct_power_init(&power, &config, 0);
    assert_int_equal(settle(&power, 0), CT_POWER_RUN);
    assert_int_equal(settle(&power, 3600 * CT_NS_PER_S), CT_POWER_RUN);
    assert_true(ct_power_may_poll(&power, 3600 * CT_NS_PER_S));
    ct_power_stop(&power);
    assert_false(ct_power_may_poll(&power, 3600 * CT_NS_PER_S));
    assert_int_equal(settle(&power, 3600 * CT_NS_PER_S), CT_POWER_OFF);
}

/* One wake-up of the thread after a long time shows every state that was passed. */
static void test_power_late_step_tells_every_transition(void **state)
{
    (void)state;
    struct ct_power power;
    struct ct_power_change change;
    open_running(&power);
    ignite(&power, false, 2000 * MS);
    assert_true(ct_power_step(&power, 9000 * MS, &change));
    assert_int_equal(change.from, CT_POWER_RUN);
    assert_int_equal(change.to, CT_POWER_AFTER_RUN);
    assert_false(ct_power_step(&power, 9000 * MS, &change));
    assert_true(ct_power_step(&power, 10000 * MS, &change));
    assert_int_equal(change.to, CT_POWER_SLEEP);
}

/* ---- lines */

static void test_power_bounce_shorter_than_debounce_changes_nothing(void **state)
{
    (void)state;
    struct ct_power power;
    open_running(&power);
    ignite(&power, false, 2000 * MS);
    ignite(&power, true, 2049 * MS);
    assert_int_equal(settle(&power, 5000 * MS), CT_POWER_RUN);
    assert_true(ct_power_line_active(&power, CT_POWER_IGNITION));
    ignite(&power, false, 6000 * MS);
    ignite(&power, true, 6050 * MS);
    assert_false(ct_power_line_active(&power, CT_POWER_IGNITION));
    assert_int_equal(settle(&power, 6050 * MS), CT_POWER_AFTER_RUN);
    assert_int_equal(settle(&power, 6100 * MS), CT_POWER_RUN);
}

/* The reader saw the same level twice, but edges in between. */
static void test_power_edges_without_another_level_begin_the_debouncing_again(void **state)
{
    (void)state;
    struct ct_power power;
    ct_power_init(&power, &standard, 0);
    ignite(&power, true, 0);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, true, 40 * MS);
    assert_int_equal(settle(&power, 89 * MS), CT_POWER_WAKE);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, false, 89 * MS);
    assert_int_equal(settle(&power, 90 * MS), CT_POWER_RUN);
}

static void test_power_storm_of_edges_never_counts_and_stops_polling(void **state)
{
    (void)state;
    struct ct_power power;
    ct_power_init(&power, &standard, 0);
    for (int ms = 0; ms < 20000; ms += 10) {
        ignite(&power, (ms / 10) % 2 == 0, ms * MS);
        assert_int_not_equal(settle(&power, ms * MS), CT_POWER_RUN);
        assert_false(ct_power_may_poll(&power, ms * MS));
    }
    open_running(&power);
    for (int ms = 2000; ms < 60000; ms += 10) {
        ignite(&power, (ms / 10) % 2 == 1, ms * MS);
        settle(&power, ms * MS);
        /* certain until 2 s, then a budget of 3 s */
        assert_int_equal(ct_power_may_poll(&power, ms * MS), ms < 5000);
    }
}

static void test_power_ignition_that_flaps_leaves_two_transitions_each(void **state)
{
    (void)state;
    struct ct_power power;
    struct ct_power_change change;
    unsigned transitions = 0;
    open_running(&power);
    for (int round = 1; round <= 100; round++) {
        const ct_ns at = round * 1000 * MS + 1000 * MS;
        ignite(&power, false, at);
        for (int ms = 0; ms < 1000; ms++) {
            if (ms == 200) {
                ignite(&power, true, at + ms * MS);
            }
            transitions += ct_power_step(&power, at + ms * MS, &change) ? 1U : 0U;
        }
    }
    assert_int_equal(transitions, 200);
    assert_int_equal(power.state, CT_POWER_RUN);
}

/* ---- polling */

static void test_power_after_run_polls_only_to_finish_and_only_within_the_budget(void **state)
{
    (void)state;
    struct ct_power power;
    open_running(&power);
    ct_power_set_work(&power, (struct ct_power_work){.bus = true}, 1000 * MS);
    ignite(&power, false, 2000 * MS);
    settle(&power, 2050 * MS);
    assert_true(ct_power_may_poll(&power, 4999 * MS));
    assert_false(ct_power_may_poll(&power, 5000 * MS));
    ct_power_set_work(&power, (struct ct_power_work){.outbox = true}, 3000 * MS);
    assert_false(ct_power_may_poll(&power, 3000 * MS));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

#define HISTORY 20000 /* steps of 5 ms */

/* The definition, from the history of the line alone: within the budget there was a moment behind `debounce` of
 * unbroken on. */
static bool was_certain_within(const bool *on, const bool *edge, int at, int budget, int debounce)
{
    for (int s = at; s >= 0 && s > at - budget; s--) {
        int still = 0;
        while (still < debounce && s - still >= 0 && on[s - still] && !edge[s - still]) {
            still++;
        }
        if (still >= debounce) {
            return true;
        }
    }
    return false;
}

static void poll_randomly(uint32_t seed, bool *on, bool *edge)
{
    const ct_ns tick = 5 * MS;
    struct ct_power power;
    bool level = false;
    int polled = 0;
    ct_power_init(&power, &standard, 0);
    for (int i = 0; i < HISTORY; i++) {
        const ct_ns now = i * tick;
        const uint32_t r = next_random(&seed);
        const uint32_t calm = (uint32_t)(i / 1000) % 4 == 0 ? 2 : 600; /* storms, and times of rest */
        edge[i] = r % calm == 0;
        level = edge[i] ? (r >> 8) % 2 == 0 : level;
        on[i] = level;
        if (edge[i]) {
            ignite(&power, level, now);
        }
        if ((r >> 16) % 64 == 0) {
            ct_power_bus_active(&power, now);
            ct_power_set_line(&power, CT_POWER_WAKE_LINE, (r >> 24) % 2 == 0, true, now);
        }
        if ((r >> 10) % 128 == 0) {
            ct_power_set_work(&power,
                              (struct ct_power_work){(r >> 20) % 2 == 0, (r >> 21) % 2 == 0, (r >> 22) % 2 == 0}, now);
        }
        if ((r >> 5) % 3 == 0) { /* steps may come late */
            settle(&power, now);
        }
        if (ct_power_may_poll(&power, now)) {
            polled++;
            /* one step of room on each side for what happens at the very moment */
            assert_true(was_certain_within(on, edge, i, 600 + 1, 10 - 1));
        }
    }
    assert_true(polled > 100); /* the property says something */
}

static void test_power_any_inputs_polling_stops_within_the_budget(void **state)
{
    (void)state;
    static bool on[HISTORY];
    static bool edge[HISTORY];
    for (uint32_t seed = 1; seed <= 30; seed++) {
        poll_randomly(seed * 2654435761U, on, edge);
    }
}

/* Whoever only comes at the deadlines misses nothing: the state is that of one who comes every millisecond. */
static void test_power_deadlines_alone_are_enough(void **state)
{
    (void)state;
    struct ct_power eager;
    struct ct_power lazy;
    ct_ns due = 0;
    uint32_t seed = 77;
    ct_power_init(&eager, &standard, 0);
    ct_power_init(&lazy, &standard, 0);
    for (int ms = 0; ms < 200000; ms++) {
        const ct_ns now = ms * MS;
        const uint32_t r = next_random(&seed);
        const bool input = r % 1500 == 0;
        if (input) {
            const enum input what = (enum input)(1 + (r >> 16) % NO_WORK);
            feed(&eager, what, now);
            feed(&lazy, what, now);
        }
        settle(&eager, now);
        if (input || now >= due) {
            settle(&lazy, now);
            due = ct_power_deadline(&lazy, now);
            assert_true(due > now);
        }
        const struct ct_power_outputs a = ct_power_outputs(&eager, now);
        const struct ct_power_outputs b = ct_power_outputs(&lazy, now);
        assert_int_equal(eager.state, lazy.state);
        assert_int_equal(a.transceiver, b.transceiver);
        assert_int_equal(a.watchdog, b.watchdog);
        assert_int_equal(a.polling, b.polling);
    }
}

/* ---- outputs */

static void test_power_outputs_follow_state_and_time(void **state)
{
    (void)state;
    struct ct_power power;
    open_running(&power);
    struct ct_power_outputs outputs = ct_power_outputs(&power, 1500 * MS);
    assert_true(outputs.transceiver && outputs.led && outputs.polling);
    ignite(&power, false, 2000 * MS);
    settle(&power, 2050 * MS);
    assert_true(ct_power_outputs(&power, 2549 * MS).led);
    assert_false(ct_power_outputs(&power, 2550 * MS).led);
    assert_true(ct_power_outputs(&power, 3050 * MS).led);
    assert_true(ct_power_outputs(&power, 2550 * MS).transceiver);
    assert_int_equal(settle(&power, 4000 * MS), CT_POWER_SLEEP);
    outputs = ct_power_outputs(&power, 4000 * MS);
    assert_false(outputs.transceiver || outputs.led || outputs.polling);
    ct_power_bus_active(&power, 5000 * MS);
    settle(&power, 5000 * MS);
    assert_true(ct_power_outputs(&power, 5099 * MS).led && ct_power_outputs(&power, 5099 * MS).transceiver);
    assert_false(ct_power_outputs(&power, 5100 * MS).led);
    ct_power_stop(&power);
    settle(&power, 5200 * MS);
    outputs = ct_power_outputs(&power, 5200 * MS);
    assert_false(outputs.transceiver || outputs.led || outputs.polling || outputs.watchdog);
    assert_int_equal(ct_power_deadline(&power, 5200 * MS), CT_NS_NEVER);
}

static void test_power_watchdog_is_kicked_in_every_state_but_off(void **state)
{
    (void)state;
    struct ct_power power;
    unsigned kicks = 0;
    bool level = false;
    ct_power_init(&power, &standard, 0);
    for (int ms = 0; ms < 60000; ms++) { /* wake, run at 10 s, after-run at 20 s, sleep at 21 s */
        if (ms == 10000 || ms == 20000) {
            ignite(&power, ms == 10000, ms * MS);
        }
        settle(&power, ms * MS);
        const bool now = ct_power_outputs(&power, ms * MS).watchdog;
        kicks += now != level ? 1U : 0U;
        level = now;
    }
    assert_int_equal(power.state, CT_POWER_SLEEP);
    assert_int_equal(kicks, 120);
}

/* Kicks in so many ms from `from`, in steps of 1 ms. */
static unsigned kicks_in(struct ct_power *power, int from, int ms)
{
    unsigned kicks = 0;
    for (int at = from; at < from + ms; at++) {
        const bool before = ct_power_outputs(power, at * MS).watchdog;
        settle(power, at * MS);
        kicks += ct_power_outputs(power, at * MS).watchdog != before ? 1U : 0U;
        assert_true(ct_power_deadline(power, at * MS) <= (at + 500) * MS); /* looks again, stuck or not */
    }
    return kicks;
}

static void test_power_watchdog_is_not_kicked_while_a_thread_is_stuck(void **state)
{
    (void)state;
    struct ct_power power;
    ct_power_init(&power, &standard, 0);
    assert_int_equal(kicks_in(&power, 0, 5000), 10);
    ct_power_set_stuck(&power, true);
    assert_int_equal(kicks_in(&power, 5000, 60000), 0);
    ct_power_set_stuck(&power, false);
    assert_int_equal(kicks_in(&power, 65000, 5000), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_inputs_transitions_are_those_of_the_table),
        cmocka_unit_test(test_power_without_ignition_line_runs_until_stopped),
        cmocka_unit_test(test_power_late_step_tells_every_transition),
        cmocka_unit_test(test_power_bounce_shorter_than_debounce_changes_nothing),
        cmocka_unit_test(test_power_edges_without_another_level_begin_the_debouncing_again),
        cmocka_unit_test(test_power_storm_of_edges_never_counts_and_stops_polling),
        cmocka_unit_test(test_power_ignition_that_flaps_leaves_two_transitions_each),
        cmocka_unit_test(test_power_after_run_polls_only_to_finish_and_only_within_the_budget),
        cmocka_unit_test(test_power_any_inputs_polling_stops_within_the_budget),
        cmocka_unit_test(test_power_deadlines_alone_are_enough),
        cmocka_unit_test(test_power_outputs_follow_state_and_time),
        cmocka_unit_test(test_power_watchdog_is_kicked_in_every_state_but_off),
        cmocka_unit_test(test_power_watchdog_is_not_kicked_while_a_thread_is_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
