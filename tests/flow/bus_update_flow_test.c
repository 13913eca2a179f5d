/* After-run finishes or holds an update: bus thread's power state, jobs, executor and policy together, with two ECUs
 * that answer when the test says so, and time that it tells. Polling budget 2 s, after-run 5 s, silence 1 s. */
#include "power_rig.h"

#include "tester.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SENT_MAX 16

enum ecu { ENGINE, BRAKES };

static const struct ct_lease_holder tool = {CT_ORIGIN_LOCAL, 5};
static const uint8_t write_did[] = {0x2E, 0xF1, 0x90, 0x55};
static const uint8_t read_did[] = {0x22, 0xF1, 0x90};

static void nothing_known(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    (void)user;
    (void)now;
    *out_state = (struct ct_vehicle_state){0};
}

static struct ct_policy *make_policy(void)
{
    static const char transmit[][32] = {"can0"};
    static const uint8_t services[] = {0x10, 0x14, 0x19, 0x22, 0x2E, 0x31, 0x3E};
    const struct ct_policy_when anywhen = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const struct ct_frame_rule frame = {.bus = "can0",
                                        .id = 0x7E0,
                                        .id_mask = UINT32_MAX - 1,
                                        .len_max = 8,
                                        .max_per_s = 1000,
                                        .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY) | CT_ORIGIN_BIT(CT_ORIGIN_TESTER),
                                        .when = anywhen};
    struct ct_uds_rule uds[sizeof services];
    for (size_t i = 0; i < sizeof services; i++) {
        uds[i] = (struct ct_uds_rule){.ecu = "*",
                                      .service = services[i],
                                      .data_last = 0xFFFF,
                                      .needs_release = ct_policy_uds_changes(services[i]),
                                      .max_per_s = 1000,
                                      .origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND) | CT_ORIGIN_BIT(CT_ORIGIN_LOCAL) |
                                                 CT_ORIGIN_BIT(CT_ORIGIN_TESTER),
                                      .when = anywhen};
    }
    const struct ct_policy_rules rules = {.transmit_buses = transmit,
                                          .transmit_bus_count = 1,
                                          .frames = &frame,
                                          .frame_count = 1,
                                          .uds = uds,
                                          .uds_count = sizeof services};
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    return policy;
}

static void set_up(struct rig *rig)
{
    static const char *const names[] = {"engine", "brakes"};
    const struct ct_executor_ops ops = {
        .user = &rig->bus, .vehicle_state = nothing_known, .status = ct_bus_command_status};
    struct ct_executor_ecu ecus[2];
    for (unsigned i = 0; i < 2; i++) {
        ecus[i] = (struct ct_executor_ecu){
            .name = names[i],
            .bus_name = "can0",
            .client = {.isotp = {.tx_id = 0x7E0 + i, .rx_id = 0x7E8 + i, .tx_dl = 8}, .p2_ms = 60000}};
    }
    ct_executor_free(rig->bus.executor);
    ct_policy_free(rig->model.policy);
    rig->model.policy = make_policy();
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, ecus, 2, &rig->bus.executor), CT_OK);
    assert_int_equal(ct_bus_jobs_open(&rig->bus), CT_OK);
    rig_open_power(rig);
}

/* Rounds of the bus thread in its order, until `ms`; what leaves is in `sent`. */
static void run(struct rig *rig, int64_t ms)
{
    for (bool last = false; !last;) {
        last = rig->bus.now >= ms * MS;
        ct_ns due = ct_bus_power_tick(&rig->bus);
        due = ct_ns_min(due, ct_executor_tick(rig->bus.executor, rig->bus.now));
        due = ct_ns_min(due, ct_jobs_tick(rig->bus.jobs, rig->bus.now));
        while (rig->sent_count < SENT_MAX &&
               ct_executor_next_frame(rig->bus.executor, &rig->sent[rig->sent_count], rig->bus.now) == CT_OK) {
            rig->sent_count++;
        }
        assert_true(rig->sent_count < SENT_MAX);
        rig_drain(rig);
        const ct_ns soon = rig->bus.now + MS;
        rig->bus.now = last ? rig->bus.now : ct_ns_min(due > soon ? due : soon, ms * MS);
    }
}

static void ignite(struct rig *rig, bool on)
{
    rig_pull(rig, KL15, on);
    run(rig, rig->bus.now / MS + 100);
    assert_string_equal(rig_twin_state(rig), on ? "run" : "after-run");
}

static void answer(struct rig *rig, enum ecu ecu, uint8_t service)
{
    const struct ct_frame frame = {
        .id = ecu == ENGINE ? 0x7E8 : 0x7E9, .len = 8, .data = {3, (uint8_t)(service + 0x40), 0xF1, 0x90}};
    ct_executor_receive(rig->bus.executor, &frame, rig->bus.now);
}

/* As the bus thread takes it, with the release authority. */
static void ask(struct rig *rig, struct ct_lease_holder holder, enum ecu ecu, const uint8_t *request, size_t len)
{
    struct ct_command command = {.action = CT_ACTION_DIAGNOSTIC_REQUEST, .request_len = (uint16_t)len};
    const struct ct_executor_asker asker = {
        .origin = holder.origin, .client = holder.client, .release = true, .valid_ms = 60000};
    snprintf(command.ecu, sizeof command.ecu, "%s", ecu == ENGINE ? "engine" : "brakes");
    memcpy(command.request, request, len);
    rig->status = (struct ct_msg_status){0};
    if (!ct_bus_power_refuses(&rig->bus, &command)) {
        ct_executor_submit_for(rig->bus.executor, &command, &asker, rig->bus.now);
    }
    run(rig, rig->bus.now / MS);
}

static void order(struct rig *rig, int kind)
{
    const struct ct_command command = {.action = CT_ACTION_DIAGNOSTIC_JOB, .ecu = "*", .job_kind = kind};
    rig->status = (struct ct_msg_status){0};
    if (!ct_bus_power_refuses(&rig->bus, &command)) {
        ct_jobs_submit(rig->bus.jobs, &command, CT_ORIGIN_BACKEND, true, 60000, rig->bus.now);
    }
    run(rig, rig->bus.now / MS);
}

static const struct ct_lease_holder backend = {CT_ORIGIN_BACKEND, 0};

static void assert_refused(const struct rig *rig, const char *text)
{
    assert_int_equal(rig->status.state, CT_COMMAND_REFUSED);
    assert_int_equal(rig->status.reason, CT_REASON_POLICY_VEHICLE_STATE);
    assert_string_equal(rig->status.text, text);
}

static const char nothing_new[] = "the ignition is off: nothing new is written to ECUs";
static const char not_asked[] = "the ignition is off: ECUs are not asked any more";

/* ---- a request that writes */

static void test_update_that_runs_is_finished_behind_the_polling_budget(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    ask(rig, backend, ENGINE, write_did, sizeof write_did);
    assert_int_equal(rig->sent_count, 1);
    ignite(rig, false); /* at 200 ms: after-run until 5.2 s at most, the budget until 2.1 s */
    run(rig, 4500);
    assert_int_equal(rig->status.state, CT_COMMAND_RUNNING);
    assert_string_equal(rig_twin_state(rig), "after-run");
    answer(rig, ENGINE, 0x2E);
    run(rig, 4501);
    assert_int_equal(rig->status.state, CT_COMMAND_DONE);
    assert_int_equal(rig->sent_count, 1);
    run(rig, 5600); /* silence behind it */
    assert_string_equal(rig_twin_state(rig), "sleep");
}

static void test_update_that_is_not_finished_in_after_run_ends_with_it(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    ask(rig, backend, ENGINE, write_did, sizeof write_did);
    ignite(rig, false);
    run(rig, 5100);
    assert_string_equal(rig_twin_state(rig), "after-run");
    assert_int_equal(rig->status.state, CT_COMMAND_RUNNING);
    run(rig, 5200);
    assert_string_equal(rig_twin_state(rig), "sleep");
    assert_int_equal(rig->status.state, CT_COMMAND_OUTCOME_UNKNOWN);
    assert_int_equal(rig->status.reason, CT_REASON_POLICY_VEHICLE_STATE);
    assert_string_equal(rig->event.name, "polling-ended");
    assert_int_equal(ct_executor_running(rig->bus.executor), 0);
}

static void test_update_new_one_in_after_run_is_held(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    ask(rig, backend, ENGINE, write_did, sizeof write_did);
    ask(rig, backend, ENGINE, write_did, sizeof write_did); /* waits for its ECU */
    ignite(rig, false);
    ask(rig, backend, BRAKES, write_did, sizeof write_did);
    assert_refused(rig, nothing_new);
    order(rig, CT_DIAGNOSTIC_CLEAR_DTCS);
    assert_refused(rig, nothing_new);
    ask(rig, backend, BRAKES, read_did, sizeof read_did); /* within the budget */
    assert_int_equal(rig->status.state, CT_COMMAND_RUNNING);
    assert_int_equal(rig->sent_count, 2);
    answer(rig, BRAKES, 0x22);
    rig->refusals = 0;
    answer(rig, ENGINE, 0x2E); /* now it would be the second one's turn */
    run(rig, 1000);
    assert_int_equal(rig->sent_count, 2);
    assert_int_equal(rig->refusals, 1);
    ignite(rig, true);
    ask(rig, backend, ENGINE, write_did, sizeof write_did);
    assert_int_equal(rig->status.state, CT_COMMAND_RUNNING);
}

static void test_update_alone_behind_the_budget_lets_nobody_else_ask(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    ask(rig, backend, ENGINE, write_did, sizeof write_did);
    ask(rig, backend, BRAKES, read_did, sizeof read_did);
    ignite(rig, false);
    run(rig, 3000);
    assert_int_equal(rig->status.state, CT_COMMAND_OUTCOME_UNKNOWN); /* the one that reads */
    assert_int_equal(ct_executor_running(rig->bus.executor), 1);
    ask(rig, backend, BRAKES, read_did, sizeof read_did);
    assert_refused(rig, not_asked);
    ask(rig, backend, ENGINE, read_did, sizeof read_did); /* of the ECU that is written to, too */
    assert_refused(rig, not_asked);
    ask(rig, backend, BRAKES, write_did, sizeof write_did);
    assert_refused(rig, not_asked);
    assert_int_equal(rig->sent_count, 2);
}

/* ---- a job that writes to several ECUs */

static void test_update_by_a_job_goes_on_with_its_next_ecu(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    order(rig, CT_DIAGNOSTIC_CLEAR_DTCS);
    assert_int_equal(rig->sent_count, 1);
    ignite(rig, false);
    run(rig, 3000); /* behind the budget */
    answer(rig, ENGINE, 0x14);
    run(rig, 3001);
    assert_int_equal(rig->sent_count, 2);
    assert_int_equal(rig->sent[1].id, 0x7E1);
    assert_string_equal(rig_twin_state(rig), "after-run");
    answer(rig, BRAKES, 0x14);
    run(rig, 3002);
    assert_int_equal(rig->status.state, CT_COMMAND_DONE);
}

static void test_update_by_a_job_that_is_ended_asks_no_other_ecu(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    order(rig, CT_DIAGNOSTIC_CLEAR_DTCS);
    ignite(rig, false);
    run(rig, 8000);
    assert_int_equal(rig->status.state, CT_COMMAND_OUTCOME_UNKNOWN);
    assert_int_equal(rig->status.reason, CT_REASON_POLICY_VEHICLE_STATE);
    assert_int_equal(rig->sent_count, 1);
    assert_string_equal(rig_twin_state(rig), "sleep");
}

static void test_reads_of_a_job_end_with_the_budget(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    order(rig, CT_DIAGNOSTIC_READ_DTCS);
    ignite(rig, false);
    run(rig, 2200);
    assert_true(ct_command_state_final(rig->status.state));
    assert_int_equal(rig->sent_count, 1); /* the other ECU was not asked any more */
    assert_int_equal(ct_jobs_running(rig->bus.jobs), 0);
}

/* ---- a session in which somebody writes */

static void open_session(struct rig *rig)
{
    uint64_t id = 0;
    const struct ct_lease_ask wanted = {.ecu = ENGINE, .holder = tool, .duration_ns = 60 * CT_NS_PER_S};
    const uint8_t session[] = {0x10, 0x03};
    const struct ct_frame positive = {.id = 0x7E8, .len = 8, .data = {2, 0x50, 0x03}};
    assert_int_equal(ct_arbiter_acquire(ct_executor_arbiter(rig->bus.executor), &wanted, rig->bus.now, &id),
                     CT_LEASE_GRANTED);
    ask(rig, tool, ENGINE, session, sizeof session);
    ct_executor_receive(rig->bus.executor, &positive, rig->bus.now);
}

static void test_update_in_a_session_goes_on_until_it_is_left(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    open_session(rig);
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    answer(rig, ENGINE, 0x2E);
    ignite(rig, false);
    size_t sent = rig->sent_count;
    run(rig, 3000); /* nothing runs, and the budget is over */
    assert_string_equal(rig_twin_state(rig), "after-run");
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    assert_true(rig->sent_count > sent);
    answer(rig, ENGINE, 0x2E);
    ask(rig, backend, BRAKES, write_did, sizeof write_did);
    assert_refused(rig, not_asked);
    ct_arbiter_leave(ct_executor_arbiter(rig->bus.executor), tool, rig->bus.now);
    run(rig, 3001);
    assert_false(ct_executor_updating(rig->bus.executor));
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    assert_refused(rig, not_asked);
}

static void test_update_in_a_session_ends_with_after_run(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    open_session(rig);
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    answer(rig, ENGINE, 0x2E);
    ignite(rig, false);
    run(rig, 5500);
    assert_string_equal(rig_twin_state(rig), "sleep");
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    assert_refused(rig, not_asked);
    const size_t sent = rig->sent_count;
    run(rig, 70000); /* no TesterPresent, and no word when the lease ends */
    assert_int_equal(rig->sent_count, sent);
}

static void test_session_without_a_write_is_no_update(void **state)
{
    struct rig *rig = *state;
    ignite(rig, true);
    open_session(rig);
    ask(rig, tool, ENGINE, read_did, sizeof read_did);
    answer(rig, ENGINE, 0x22);
    ignite(rig, false);
    ask(rig, tool, ENGINE, write_did, sizeof write_did);
    assert_refused(rig, not_asked);
    run(rig, 1500);
    assert_string_equal(rig_twin_state(rig), "sleep");
}

/* ---- a tester's messages */

static void heard(void *user, uint32_t client, size_t ecu, const uint8_t *data, size_t len, ct_ns now)
{
    (void)user;
    (void)client;
    (void)ecu;
    (void)data;
    (void)len;
    (void)now;
}

static void broke_off(void *user, uint32_t client, size_t ecu, const char *why, ct_ns now)
{
    (void)user;
    (void)client;
    (void)ecu;
    (void)why;
    (void)now;
}

static enum ct_tester_answer tell(struct rig *rig, uint32_t client, enum ecu ecu, const uint8_t *data, size_t len)
{
    const struct ct_executor_asker asker = {.origin = CT_ORIGIN_TESTER, .client = client, .release = true};
    uint8_t nrc = 0;
    ct_bus_power_gate(&rig->bus);
    const enum ct_tester_answer answer = ct_tester_send(rig->bus.executor, &asker, ecu, data, len, rig->bus.now, &nrc);
    run(rig, rig->bus.now / MS);
    return answer;
}

static void test_update_by_a_tester_waits_for_the_answer_and_goes_on_in_its_session(void **state)
{
    struct rig *rig = *state;
    const struct ct_tester_ops ops = {.message = heard, .failed = broke_off};
    const uint8_t session[] = {0x10, 0x02};
    const struct ct_frame positive = {.id = 0x7E8, .len = 8, .data = {2, 0x50, 0x02}};
    assert_int_equal(ct_tester_open(rig->bus.executor, &ops, NULL, 0), CT_OK);
    ignite(rig, true);
    assert_int_equal(tell(rig, 0xE80, ENGINE, session, sizeof session), CT_TESTER_ACCEPTED);
    ct_executor_receive(rig->bus.executor, &positive, rig->bus.now);
    assert_int_equal(tell(rig, 0xE80, ENGINE, write_did, sizeof write_did), CT_TESTER_ACCEPTED);
    answer(rig, ENGINE, 0x2E);
    ignite(rig, false);
    assert_int_equal(tell(rig, 0xE81, BRAKES, write_did, sizeof write_did), CT_TESTER_BARRED);
    run(rig, 2500); /* behind the budget */
    assert_int_equal(tell(rig, 0xE81, BRAKES, read_did, sizeof read_did), CT_TESTER_BARRED);
    assert_int_equal(tell(rig, 0xE80, ENGINE, write_did, sizeof write_did), CT_TESTER_ACCEPTED);
    assert_true(ct_executor_updating(rig->bus.executor));
    assert_string_equal(rig_twin_state(rig), "after-run");
    ct_tester_gone(rig->bus.executor, 0xE80, rig->bus.now);
    run(rig, 2501);
    assert_false(ct_executor_updating(rig->bus.executor));
}

static int setup(void **state)
{
    const int failed = rig_setup(state);
    if (failed == 0) {
        set_up(*state);
    }
    return failed;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_update_that_runs_is_finished_behind_the_polling_budget),
        T(test_update_that_is_not_finished_in_after_run_ends_with_it),
        T(test_update_new_one_in_after_run_is_held),
        T(test_update_alone_behind_the_budget_lets_nobody_else_ask),
        T(test_update_by_a_job_goes_on_with_its_next_ecu),
        T(test_update_by_a_job_that_is_ended_asks_no_other_ecu),
        T(test_reads_of_a_job_end_with_the_budget),
        T(test_update_in_a_session_goes_on_until_it_is_left),
        T(test_update_in_a_session_ends_with_after_run),
        T(test_session_without_a_write_is_no_update),
        T(test_update_by_a_tester_waits_for_the_answer_and_goes_on_in_its_session),
    };
    return cmocka_run_group_tests_name("bus_update", tests, NULL, NULL);
}
