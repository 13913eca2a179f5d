/* What the power state does with an update: an ECU that is being written to. */
#include "power.h"
#include "testing.h"

#define MS CT_NS_PER_MS

static const struct ct_power_config standard = {.has_ignition = true,
                                                .debounce_ns = 50 * MS,
                                                .quiet_ns = 1000 * MS,
                                                .polling_ns = 3000 * MS,
                                                .after_run_ns = 10000 * MS,
                                                .watchdog_ns = 500 * MS};

static enum ct_power_state settle(struct ct_power *power, ct_ns now)
{
    struct ct_power_change change;
    while (ct_power_step(power, now, &change)) {
    }
    return power->state;
}

static void work(struct ct_power *power, bool bus, bool update, ct_ns now)
{
    ct_power_set_work(power, (struct ct_power_work){.bus = bus, .update = update}, now);
}

/* In after-run since 2050 ms, the ignition certainly on until 2000 ms. */
static void open_after_run(struct ct_power *power, bool bus, bool update)
{
    ct_power_init(power, &standard, 0);
    ct_power_set_line(power, CT_POWER_IGNITION, true, true, 0);
    assert_int_equal(settle(power, 1000 * MS), CT_POWER_RUN);
    work(power, bus, update, 1000 * MS);
    ct_power_set_line(power, CT_POWER_IGNITION, false, true, 2000 * MS);
    assert_int_equal(settle(power, 2050 * MS), CT_POWER_AFTER_RUN);
}

struct step {
    int at_ms;
    bool update;
    enum ct_power_state state;
    enum ct_power_asking asking;
};

static void run(struct ct_power *power, const struct step *steps, size_t count, bool bus)
{
    for (size_t i = 0; i < count; i++) {
        const ct_ns now = steps[i].at_ms * MS;
        settle(power, now);
        work(power, bus && steps[i].update, steps[i].update, now);
        if (settle(power, now) != steps[i].state || ct_power_asking(power, now) != steps[i].asking) {
            fail_msg("at %d ms: %s and %d instead of %s and %d", steps[i].at_ms, ct_power_state_text(power->state),
                     (int)ct_power_asking(power, now), ct_power_state_text(steps[i].state), (int)steps[i].asking);
        }
    }
}
#define RUN(power, steps, bus) run(power, steps, sizeof(steps) / sizeof(steps)[0], bus)

static void test_power_update_is_waited_for_and_alone_behind_the_polling_budget(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {2050, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_READS},
        {4999, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_READS},
        {5000, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        {9000, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        /* done: silence behind it, as behind other work */
        {9500, false, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        {10499, false, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        {10500, false, CT_POWER_SLEEP, CT_POWER_ASK_NOTHING},
    };
    struct ct_power power;
    open_after_run(&power, true, true);
    RUN(&power, steps, true);
}

/* Between two requests of a session nothing runs on the bus, and the update is under way all the same. */
static void test_power_update_between_requests_is_waited_for(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {2050, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        {8000, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
    };
    struct ct_power power;
    open_after_run(&power, false, true);
    RUN(&power, steps, false);
}

static void test_power_update_that_never_ends_has_one_after_run(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {12049, true, CT_POWER_AFTER_RUN, CT_POWER_ASK_UPDATE},
        {12050, true, CT_POWER_SLEEP, CT_POWER_ASK_NOTHING},
        {60000, true, CT_POWER_SLEEP, CT_POWER_ASK_NOTHING},
    };
    struct ct_power power;
    open_after_run(&power, true, true);
    RUN(&power, steps, true);
    ct_power_bus_active(&power, 61000 * MS); /* in wake nothing is asked, for an update neither */
    assert_int_equal(settle(&power, 61000 * MS), CT_POWER_WAKE);
    assert_int_equal(ct_power_asking(&power, 61000 * MS), CT_POWER_ASK_NOTHING);
}

static void test_power_update_may_begin_in_run_alone(void **state)
{
    (void)state;
    struct ct_power power;
    ct_power_init(&power, &standard, 0);
    assert_int_equal(ct_power_asking(&power, 0), CT_POWER_ASK_NOTHING);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, true, 0);
    assert_int_equal(settle(&power, 49 * MS), CT_POWER_WAKE);
    assert_int_equal(ct_power_asking(&power, 49 * MS), CT_POWER_ASK_NOTHING);
    assert_int_equal(settle(&power, 50 * MS), CT_POWER_RUN);
    assert_int_equal(ct_power_asking(&power, 50 * MS), CT_POWER_ASK_ALL);
    open_after_run(&power, true, true);
    assert_int_equal(ct_power_asking(&power, 2050 * MS), CT_POWER_ASK_READS);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, true, 3000 * MS);
    assert_int_equal(settle(&power, 3050 * MS), CT_POWER_RUN);
    assert_int_equal(ct_power_asking(&power, 3050 * MS), CT_POWER_ASK_ALL);
    ct_power_stop(&power);
    assert_int_equal(ct_power_asking(&power, 3050 * MS), CT_POWER_ASK_NOTHING);
}

/* An ignition that bounces without end counts as on, but is not certain: what runs may end, and nothing begins. */
static void test_power_update_under_a_storm_of_edges_goes_on_and_no_other_begins(void **state)
{
    (void)state;
    struct ct_power power;
    ct_power_init(&power, &standard, 0);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, true, 0);
    settle(&power, 1000 * MS);
    work(&power, true, true, 1000 * MS);
    for (int ms = 2000; ms < 20000; ms += 10) {
        ct_power_set_line(&power, CT_POWER_IGNITION, (ms / 10) % 2 == 1, true, ms * MS);
        assert_int_equal(settle(&power, ms * MS), CT_POWER_RUN);
        assert_int_equal(ct_power_asking(&power, ms * MS), ms < 5000 ? CT_POWER_ASK_ALL : CT_POWER_ASK_UPDATE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_update_is_waited_for_and_alone_behind_the_polling_budget),
        cmocka_unit_test(test_power_update_between_requests_is_waited_for),
        cmocka_unit_test(test_power_update_that_never_ends_has_one_after_run),
        cmocka_unit_test(test_power_update_may_begin_in_run_alone),
        cmocka_unit_test(test_power_update_under_a_storm_of_edges_goes_on_and_no_other_begins),
    };
    return cmocka_run_group_tests_name("power_update", tests, NULL, NULL);
}
