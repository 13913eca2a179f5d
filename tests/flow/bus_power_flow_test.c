/* The power state in the bus thread: lines, twin, events and what may be asked. */
#include "power_rig.h"

#include <math.h>
#include <string.h>

static bool asks(struct rig *rig, enum ct_action action)
{
    const struct ct_command command = {.action = action, .seq = 7, .ecu = "engine"};
    const size_t before = rig->refusals;
    const bool refused = ct_bus_power_refuses(&rig->bus, &command);
    rig_drain(rig);
    assert_int_equal(rig->refusals - before, refused ? 1 : 0);
    if (refused) {
        assert_int_equal(rig->status.reason, CT_REASON_POLICY_VEHICLE_STATE);
        assert_int_equal(rig->status.seq, 7);
    }
    return !refused;
}

static void receive(struct rig *rig, struct ct_frame frame)
{
    ct_bus_power_frames(&rig->bus, &frame, 1);
}

/* ---- tests */

static void test_power_ignition_drives_lines_twin_events_and_requests(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig_run_until(rig, 500);
    assert_string_equal(rig_twin_state(rig), "wake");
    assert_false(asks(rig, CT_ACTION_DIAGNOSTIC_REQUEST));
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 600);
    assert_string_equal(rig_twin_state(rig), "run");
    assert_string_equal(rig->event.name, "power-state");
    assert_string_equal(rig->event.fields[0].value, "run");
    assert_true(rig_chip.lines[STB].active && rig_chip.lines[LED].active);
    assert_true(asks(rig, CT_ACTION_DIAGNOSTIC_REQUEST));
    rig_pull(rig, KL15, false);
    rig_run_until(rig, 650);
    assert_string_equal(rig_twin_state(rig), "after-run");
    assert_false(asks(rig, CT_ACTION_DIAGNOSTIC_REQUEST));
    assert_true(asks(rig, CT_ACTION_SET_DESIRED)); /* a matter of the policy */
    rig_run_until(rig, 1700);
    assert_string_equal(rig_twin_state(rig), "sleep");
    assert_false(rig_chip.lines[STB].active || rig_chip.lines[LED].active);
    assert_int_equal(rig->events, 4);
    assert_false(asks(rig, CT_ACTION_SET_DESIRED)); /* it would go out when the bus wakes, stale */
    receive(rig, (struct ct_frame){.id = 0x123, .len = 8});
    rig_run_until(rig, 1701);
    assert_true(asks(rig, CT_ACTION_SET_DESIRED));
    assert_string_equal(rig_twin_state(rig), "wake");
    assert_true(rig_chip.lines[STB].active);
}

/* The ECUs are asleep, and an own frame is tried again and again: the controller reports errors without end. */
static void test_power_error_and_own_frames_keep_nobody_awake(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig_run_until(rig, 100);
    receive(rig, (struct ct_frame){.id = 0x123, .len = 8});
    for (int64_t ms = 200; ms < 1050; ms += 50) {
        rig_run_until(rig, ms);
        rig->port.stats.received += 2;
        receive(rig, (struct ct_frame){.id = 0x20, .flags = CT_FRAME_ERR, .len = 8}); /* no acknowledgement */
        receive(rig, (struct ct_frame){.id = 0x124, .flags = CT_FRAME_SENT, .len = 8});
    }
    assert_string_equal(rig_twin_state(rig), "wake");
    rig_run_until(rig, 1110); /* 1 s after the last frame of somebody else */
    assert_string_equal(rig_twin_state(rig), "sleep");
    receive(rig, (struct ct_frame){.id = 0x20, .flags = CT_FRAME_ERR, .len = 8});
    rig_run_until(rig, 1300);
    assert_string_equal(rig_twin_state(rig), "sleep");
    assert_false(rig_chip.lines[STB].active);
    const struct ct_frame both[] = {{.id = 0x20, .flags = CT_FRAME_ERR, .len = 8}, {.id = 0x123, .len = 8}};
    ct_bus_power_frames(&rig->bus, both, 2);
    rig_run_until(rig, 1301);
    assert_string_equal(rig_twin_state(rig), "wake");
}

static struct ct_command_status last_status;

static void keep_status(void *user, const struct ct_command_status *status)
{
    (void)user;
    last_status = *status;
}

static void nothing_known(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    (void)user;
    (void)now;
    *out_state = (struct ct_vehicle_state){0};
}

/* An ECU that takes its time, and a policy that lets it be asked. */
static void set_up_slow_ecu(struct rig *rig)
{
    static const char transmit[][32] = {"can0"};
    const struct ct_policy_when anywhen = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const struct ct_frame_rule frame = {.bus = "can0",
                                        .id = 0x7E0,
                                        .id_mask = UINT32_MAX,
                                        .len_max = 8,
                                        .max_per_s = 100,
                                        .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY) | CT_ORIGIN_BIT(CT_ORIGIN_ROUTE),
                                        .when = anywhen};
    const struct ct_uds_rule uds = {.ecu = "*",
                                    .service = 0x22,
                                    .data_last = 0xFFFF,
                                    .max_per_s = 100,
                                    .origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND),
                                    .when = anywhen};
    const struct ct_policy_rules rules = {.transmit_buses = transmit,
                                          .transmit_bus_count = 1,
                                          .frames = &frame,
                                          .frame_count = 1,
                                          .uds = &uds,
                                          .uds_count = 1};
    const struct ct_executor_ops ops = {.vehicle_state = nothing_known, .status = keep_status};
    const struct ct_executor_ecu ecu = {
        .name = "engine",
        .bus_name = "can0",
        .client = {.isotp = {.tx_id = 0x7E0, .rx_id = 0x7E8, .tx_dl = 8}, .p2_ms = 60000}};
    ct_executor_free(rig->bus.executor);
    ct_policy_free(rig->model.policy);
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, &ecu, 1, &rig->bus.executor), CT_OK);
}

static size_t forwarded_to(struct ct_port *far)
{
    struct ct_frame got[4];
    size_t count = 0;
    (void)!ct_port_read(far, got, 4, &count);
    return count;
}

static void test_power_nothing_is_sent_with_the_transceiver_in_standby(void **state)
{
    struct rig *rig = *state;
    const struct ct_route_rule rule = {.from = 1, .to = 0, .id = 0x7E0, .mask = UINT32_MAX, .max_per_s = 1e6};
    const struct ct_frame frame = {.bus = 1, .id = 0x7E0, .len = 8};
    const bool fd[CT_ROUTES_BUSES_MAX] = {false};
    struct ct_port *far = NULL;
    size_t wrong = 0;
    assert_int_equal(ct_port_pair(8, &rig->bus.ports[0].port, &far), CT_OK);
    rig->bus.ports[0].watch.fd = rig->bus.ports[0].port->fd;
    ct_bus_watch_open(&rig->bus.ports[0], 0);
    rig->buses[0].transmit = true;
    assert_int_equal(ct_routes_create(&rule, 1, fd, &rig->model.routes, &wrong), CT_OK);
    set_up_slow_ecu(rig);
    rig_open_power(rig);
    const struct ct_route_counts *counts = ct_routes_counts(rig->model.routes, 0);
    rig_run_until(rig, 100); /* wake: listens, and routes */
    ct_bus_route(&rig->bus, &frame, 1);
    assert_int_equal(counts->by_result[CT_ROUTE_FORWARDED], 1);
    assert_int_equal(forwarded_to(far), 1);
    rig_run_until(rig, 1200);
    assert_string_equal(rig_twin_state(rig), "sleep");
    ct_bus_route(&rig->bus, &frame, 1);
    assert_int_equal(counts->by_result[CT_ROUTE_FORWARDED], 1);
    assert_int_equal(counts->by_result[CT_ROUTE_ASLEEP], 1);
    assert_int_equal(rig->bus.ports[0].asleep, 1);
    receive(rig, (struct ct_frame){.id = 0x123, .len = 8});
    rig_run_until(rig, 1300);
    assert_int_equal(forwarded_to(far), 0); /* nothing stale behind it */
    ct_bus_route(&rig->bus, &frame, 1);
    assert_int_equal(forwarded_to(far), 1);
    ct_bus_power_stop(&rig->bus);
    ct_bus_route(&rig->bus, &frame, 1);
    assert_int_equal(forwarded_to(far), 0);
    assert_int_equal(counts->by_result[CT_ROUTE_ASLEEP], 2);
    rig_drain(rig);
    ct_routes_free(rig->model.routes);
    ct_port_close(rig->bus.ports[0].port);
    ct_port_close(far);
}

static void test_power_request_that_outlasts_the_polling_budget_is_ended(void **state)
{
    struct rig *rig = *state;
    const struct ct_command command = {
        .action = CT_ACTION_DIAGNOSTIC_REQUEST, .ecu = "engine", .request = {0x22, 0xF1, 0x90}, .request_len = 3};
    struct ct_frame frame;
    rig_open_power(rig);
    set_up_slow_ecu(rig);
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 100);
    ct_executor_submit(rig->bus.executor, &command, CT_ORIGIN_BACKEND, false, 1000, rig->bus.now);
    assert_int_equal(ct_executor_next_frame(rig->bus.executor, &frame, rig->bus.now), CT_OK);
    rig_pull(rig, KL15, false);
    rig_run_until(rig, 2000); /* 2 s are counted from the last moment in which the ignition was certainly on */
    assert_int_equal(last_status.state, CT_COMMAND_RUNNING);
    assert_string_equal(rig_twin_state(rig), "after-run");
    rig_run_until(rig, 2200);
    assert_int_equal(last_status.state, CT_COMMAND_OUTCOME_UNKNOWN);
    assert_int_equal(last_status.reason, CT_REASON_POLICY_VEHICLE_STATE);
    assert_int_equal(ct_executor_running(rig->bus.executor), 0);
    rig_run_until(rig, 3300);
    assert_string_equal(rig_twin_state(rig), "sleep"); /* it kept nobody awake */
}

static void test_power_outbox_with_a_backend_prolongs_after_run(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    memcpy(rig->endpoint, "tcp://x", 8);
    rig->settings.link.endpoint = rig->endpoint;
    rig->bus.storage_stats.outbox.newest.seq[2] = 10;
    rig->bus.storage_stats.outbox.acked.seq[2] = 9;
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 100);
    rig_pull(rig, KL15, false);
    rig_run_until(rig, 4000);
    assert_string_equal(rig_twin_state(rig), "after-run");
    rig->bus.storage_stats.outbox.acked.seq[2] = 10;
    rig_run_until(rig, 5010); /* before the longest after-run is over */
    assert_string_equal(rig_twin_state(rig), "sleep");
}

static void test_power_outbox_without_a_backend_is_no_work(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig->bus.storage_stats.outbox.newest.seq[0] = 10;
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 100);
    rig_pull(rig, KL15, false);
    rig_run_until(rig, 1200);
    assert_string_equal(rig_twin_state(rig), "sleep");
}

static void test_power_input_that_fails_counts_as_inactive(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 100);
    assert_string_equal(rig_twin_state(rig), "run");
    rig_chip.lines[KL15].broken = true;
    rig_pull(rig, KL15, true);
    (void)ct_bus_power_tick(&rig->bus);
    rig_drain(rig);
    assert_string_equal(rig->event.name, "gpio-failed");
    assert_string_equal(rig->event.fields[0].value, "ignition");
    rig_run_until(rig, 3000);
    assert_string_equal(rig_twin_state(rig), "sleep");
}

static void test_power_output_that_fails_is_told_once(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig_chip.lines[WDI].broken = true;
    rig_run_until(rig, 900);
    assert_int_equal(rig->events, 2); /* start, and the failure */
    assert_false(rig_chip.lines[WDI].open);
}

/* Kicks of the watchdog's line until `ms`. */
static unsigned kicks_until(struct rig *rig, int64_t ms)
{
    unsigned kicks = 0;
    while (rig->bus.now < ms * MS) {
        const bool before = rig_chip.lines[WDI].active;
        rig_run_until(rig, rig->bus.now / MS + 10);
        kicks += rig_chip.lines[WDI].active != before ? 1U : 0U;
    }
    return kicks;
}

static void test_power_thread_that_is_stuck_stops_the_watchdogs_line(void **state)
{
    struct rig *rig = *state;
    static struct ct_pulse pulses[3];
    static const char *const names[] = {"main", "storage", "link"};
    rig_open_power(rig);
    for (size_t i = 0; i < 3; i++) {
        ct_bus_watch_thread(&rig->bus, names[i], &pulses[i]);
    }
    assert_int_equal(kicks_until(rig, 20000), 41); /* who rests is not stuck */
    for (size_t i = 0; i < 3; i++) {
        const int64_t from = (int64_t)(i + 1) * 20000;
        const size_t events = rig->events;
        ct_pulse_work(&pulses[i]);
        assert_int_equal(kicks_until(rig, from + 3000), 5); /* every 500 ms, and not at 3000 */
        assert_int_equal(kicks_until(rig, from + 15000), 0);
        assert_int_equal(rig->events, events + 1); /* told once */
        assert_string_equal(rig->event.name, "thread-stuck");
        assert_string_equal(rig->event.fields[0].value, names[i]);
        ct_pulse_rest(&pulses[i]);
        assert_int_equal(kicks_until(rig, from + 20000), 10);
    }
}

static void test_power_line_without_interrupt_is_read_within_the_debouncing(void **state)
{
    struct rig *rig = *state;
    rig_chip.without_interrupts = true;
    rig_open_power(rig);
    rig_run_until(rig, 500);
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 549); /* seen within 10 ms, still for 40 */
    rig_run_until(rig, 551);
    assert_string_equal(rig_twin_state(rig), "run");
}

static void test_power_stop_drives_standby_while_the_lines_are_held(void **state)
{
    struct rig *rig = *state;
    rig_open_power(rig);
    rig_pull(rig, KL15, true);
    rig_run_until(rig, 600);
    assert_true(rig_chip.lines[STB].active);
    ct_bus_power_stop(&rig->bus);
    rig_drain(rig);
    assert_true(rig_chip.lines[STB].open);
    assert_false(rig_chip.lines[STB].active || rig_chip.lines[LED].active || rig_chip.lines[WDI].active);
    assert_string_equal(rig_twin_state(rig), "off");
    assert_string_equal(rig->event.fields[0].value, "off");
}

static void test_power_line_that_cannot_be_opened_is_named(void **state)
{
    struct rig *rig = *state;
    char problem[300] = "";
    rig_chip.refused = LED;
    assert_int_equal(ct_bus_power_open(&rig->bus, problem, sizeof problem), CT_ERR_BUSY);
    assert_string_equal(problem, "gpio.led: error: refused");
}

static void test_power_without_gpio_nothing_is_refused(void **state)
{
    struct rig *rig = *state;
    rig->settings.gpio.chip = NULL;
    rig_open_power(rig);
    assert_int_equal(ct_bus_power_tick(&rig->bus), CT_NS_NEVER);
    assert_true(asks(rig, CT_ACTION_DIAGNOSTIC_REQUEST));
    ct_bus_power_stop(&rig->bus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(test_power_ignition_drives_lines_twin_events_and_requests),
        RIGGED(test_power_error_and_own_frames_keep_nobody_awake),
        RIGGED(test_power_nothing_is_sent_with_the_transceiver_in_standby),
        RIGGED(test_power_request_that_outlasts_the_polling_budget_is_ended),
        RIGGED(test_power_outbox_with_a_backend_prolongs_after_run),
        RIGGED(test_power_outbox_without_a_backend_is_no_work),
        RIGGED(test_power_input_that_fails_counts_as_inactive),
        RIGGED(test_power_output_that_fails_is_told_once),
        RIGGED(test_power_thread_that_is_stuck_stops_the_watchdogs_line),
        RIGGED(test_power_line_without_interrupt_is_read_within_the_debouncing),
        RIGGED(test_power_stop_drives_standby_while_the_lines_are_held),
        RIGGED(test_power_line_that_cannot_be_opened_is_named),
        RIGGED(test_power_without_gpio_nothing_is_refused),
    };
    return cmocka_run_group_tests_name("bus_power", tests, NULL, NULL);
}
