/* Functional requests through the executor: three ECUs on one bus and one on another, each a UDS server, and others who
 * want the same ECUs. Time is told. */
#include "executor.h"
#include "uds_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ECUS       4 /* the last one on can1 */
#define FUNCTIONAL 0x7DFU
#define RECORD     40
#define SEEN       32

static const char *const names[ECUS] = {"engine", "gearbox", "battery", "body"};

struct seen {
    uint8_t id;
    int state, reason; /* 0: an answer */
    size_t ecu, len;
    uint8_t first[3];
};

struct rig {
    struct ct_executor *executor;
    struct ct_policy *policy;
    struct ct_uds_server *servers[ECUS];
    bool silent[ECUS];
    ct_ns now;
    struct seen seen[SEEN];
    size_t count;
    unsigned functional_frames, physical_frames[ECUS], unexpected;
};

static uint8_t read_record(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    assert_true(size >= RECORD);
    memset(out, 0x11, RECORD);
    *out_len = RECORD;
    return 0;
}

static void on_vehicle(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    (void)user;
    (void)now;
    *out_state = (struct ct_vehicle_state){0};
}

static void on_status(void *user, const struct ct_command_status *status)
{
    struct rig *rig = user;
    assert_true(rig->count < SEEN);
    rig->seen[rig->count++] =
        (struct seen){.id = status->command_id[0], .state = status->state, .reason = status->reason};
}

static void on_answer(void *user, const uint8_t *command_id, size_t ecu, const uint8_t *response, size_t len)
{
    struct rig *rig = user;
    assert_true(rig->count < SEEN);
    struct seen *seen = &rig->seen[rig->count++];
    *seen = (struct seen){.id = command_id[0], .ecu = ecu, .len = len};
    memcpy(seen->first, response, len < 3 ? len : 3);
}

static struct ct_policy *make_policy(bool functional_frames, bool gearbox)
{
    static const char buses[2][32] = {"can0", "can1"};
    const struct ct_policy_when any = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const struct ct_frame_rule physical = {.bus = "can0",
                                           .id = 0x7E0,
                                           .id_mask = 0x7F8,
                                           .len_max = 8,
                                           .max_per_s = 1000,
                                           .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                           .when = any};
    struct ct_frame_rule frames[2] = {physical, physical};
    frames[1].id = FUNCTIONAL;
    const unsigned origins = CT_ORIGIN_BIT(CT_ORIGIN_LOCAL) | CT_ORIGIN_BIT(CT_ORIGIN_BACKEND);
    struct ct_uds_rule uds[9];
    size_t count = 0;
    static const uint8_t services[] = {0x10, 0x22, 0x3E};
    for (size_t i = 0; i < 3 * sizeof services; i++) {
        if (i % 3 != 1 || gearbox) {
            uds[count] = (struct ct_uds_rule){
                .service = services[i / 3], .data_last = 0xFFFF, .max_per_s = 100, .origins = origins, .when = any};
            (void)snprintf(uds[count++].ecu, sizeof uds[0].ecu, "%s", names[i % 3]);
        }
    }
    const struct ct_policy_rules rules = {.transmit_buses = buses,
                                          .transmit_bus_count = 2,
                                          .frames = frames,
                                          .frame_count = functional_frames ? 2 : 1,
                                          .uds = uds,
                                          .uds_count = count};
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    return policy;
}

static void use_policy(struct rig *rig, struct ct_policy *policy)
{
    ct_executor_use_policy(rig->executor, policy);
    ct_policy_free(rig->policy);
    rig->policy = policy;
}

static int rig_setup(void **state)
{
    static const struct ct_uds_did did = {.id = 0x0160, .read = read_record};
    struct rig *rig = calloc(1, sizeof *rig);
    struct ct_executor_ecu ecus[ECUS];
    assert_non_null(rig);
    for (uint32_t i = 0; i < ECUS; i++) {
        ecus[i] = (struct ct_executor_ecu){.name = names[i],
                                           .bus_name = i < 3 ? "can0" : "can1",
                                           .bus = i < 3 ? 0 : 1,
                                           .client = {.isotp = ct_isotp_config_usual(0x7E0 + i, 0x7E8 + i)}};
        const struct ct_uds_server_config server = {.isotp = ct_isotp_config_usual(0x7E8 + i, 0x7E0 + i),
                                                    .functional_id = FUNCTIONAL,
                                                    .dids = &did,
                                                    .did_count = i == 2 ? 0 : 1}; /* the battery does not know it */
        assert_int_equal(ct_uds_server_create(&server, &rig->servers[i]), CT_OK);
    }
    const struct ct_executor_ops ops = {
        .user = rig, .vehicle_state = on_vehicle, .status = on_status, .functional = on_answer};
    const struct ct_isotp_config pair = ct_isotp_config_usual(FUNCTIONAL, 0x7FF);
    const struct ct_functional_address address = {.bus_name = "can0",
                                                  .isotp = ct_isotp_config_functional(&pair, FUNCTIONAL)};
    rig->now = 100 * CT_NS_PER_S;
    rig->policy = make_policy(true, true);
    assert_int_equal(ct_executor_create(&ops, rig->policy, ecus, ECUS, &rig->executor), CT_OK);
    assert_int_equal(ct_executor_open_functional(rig->executor, &address, 1), CT_OK);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig->unexpected, 0);
    ct_executor_free(rig->executor);
    for (size_t i = 0; i < ECUS; i++) {
        ct_uds_server_free(rig->servers[i]);
    }
    ct_policy_free(rig->policy);
    free(rig);
    return 0;
}

static void to_ecus(struct rig *rig, const struct ct_frame *frame)
{
    rig->functional_frames += frame->id == FUNCTIONAL ? 1U : 0U;
    rig->unexpected += frame->bus != 0 ? 1U : 0U;
    for (uint32_t i = 0; i < 3; i++) {
        rig->physical_frames[i] += frame->id == 0x7E0 + i ? 1U : 0U;
        if (!rig->silent[i]) {
            (void)ct_uds_server_receive(rig->servers[i], frame, rig->now);
        }
    }
}

static void run(struct rig *rig, int64_t ms)
{
    struct ct_frame frame;
    for (int64_t t = 0; t < ms; t++) {
        while (ct_executor_next_frame(rig->executor, &frame, rig->now) == CT_OK) {
            to_ecus(rig, &frame);
        }
        for (size_t i = 0; i < 3; i++) {
            (void)ct_uds_server_tick(rig->servers[i], rig->now);
            while (ct_uds_server_next_frame(rig->servers[i], &frame, rig->now) == CT_OK) {
                frame.bus = 0;
                (void)ct_executor_receive(rig->executor, &frame, rig->now);
            }
        }
        (void)ct_executor_tick(rig->executor, rig->now);
        rig->now += CT_NS_PER_MS;
    }
}

static void ask_all(struct rig *rig, uint8_t id, const char *bus, const char *data, size_t len)
{
    const struct ct_executor_request request = {.command_id = {id}, .data = (const uint8_t *)data, .len = len};
    const struct ct_executor_asker asker = {.origin = CT_ORIGIN_LOCAL, .client = 7, .valid_ms = 2000};
    ct_executor_functional(rig->executor, bus, &request, &asker, rig->now);
}

static void ask_one(struct rig *rig, uint8_t id, const char *ecu, enum ct_origin origin)
{
    const struct ct_executor_request request = {
        .command_id = {id}, .ecu = ecu, .data = (const uint8_t *)"\x22\x01\x60", .len = 3};
    const struct ct_executor_asker asker = {.origin = origin, .client = 9, .valid_ms = 10000};
    ct_executor_request(rig->executor, &request, &asker, rig->now);
}

static struct seen final_of(const struct rig *rig, uint8_t id)
{
    struct seen last = {0};
    for (size_t i = 0; i < rig->count; i++) {
        last = rig->seen[i].id == id && rig->seen[i].state != 0 ? rig->seen[i] : last;
    }
    return last;
}

static bool free_now(const struct rig *rig, size_t ecu)
{
    struct ct_lease lease;
    return ct_arbiter_owner(ct_executor_arbiter(rig->executor), ecu, rig->now, &lease) == CT_ERR_NOT_FOUND;
}

static void assert_refused(struct rig *rig, uint8_t id, int reason)
{
    run(rig, 300);
    assert_int_equal(final_of(rig, id).state, CT_COMMAND_REFUSED);
    assert_int_equal(final_of(rig, id).reason, reason);
    assert_int_equal(rig->functional_frames, 0);
    for (size_t i = 0; i < ECUS; i++) {
        assert_true(free_now(rig, i));
    }
}

static void test_functional_every_answer_comes_and_then_the_end(void **state)
{
    struct rig *rig = *state;
    ask_all(rig, 1, "can0", "\x22\x01\x60", 3);
    assert_false(free_now(rig, 0) || free_now(rig, 1) || free_now(rig, 2));
    run(rig, 300);
    /* accepted, running, the long answers of two; 31 of the third is not said to a functional request (ISO 14229-1) */
    assert_int_equal(rig->count, 5);
    assert_int_equal(rig->seen[0].state, CT_COMMAND_ACCEPTED);
    assert_int_equal(rig->seen[1].state, CT_COMMAND_RUNNING);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig->seen[2 + i].ecu, i);
        assert_int_equal(rig->seen[2 + i].len, 3 + RECORD);
        assert_memory_equal(rig->seen[2 + i].first, "\x62\x01\x60", 3);
    }
    assert_int_equal(rig->seen[4].state, CT_COMMAND_DONE);
    assert_int_equal(rig->functional_frames, 1);
    assert_int_equal(rig->physical_frames[0], 1); /* the flow control goes to the one that speaks */
    assert_int_equal(rig->physical_frames[1], 1);
    assert_int_equal(rig->physical_frames[2], 0);
    assert_true(free_now(rig, 0) && free_now(rig, 1) && free_now(rig, 2));
    assert_int_equal(ct_executor_running(rig->executor), 0);
}

static void test_functional_without_answers_fails_unless_it_asks_for_silence(void **state)
{
    struct rig *rig = *state;
    ask_all(rig, 1, "can0", "\x3E\x80", 2);
    run(rig, 300);
    assert_int_equal(final_of(rig, 1).state, CT_COMMAND_DONE);
    rig->silent[0] = rig->silent[1] = rig->silent[2] = true;
    ask_all(rig, 2, "can0", "\x3E\x00", 2);
    run(rig, 300);
    assert_int_equal(final_of(rig, 2).state, CT_COMMAND_FAILED);
    assert_int_equal(final_of(rig, 2).reason, CT_REASON_NO_RESPONSE);
}

static void test_functional_is_refused_while_somebody_has_one_of_the_ecus(void **state)
{
    struct rig *rig = *state;
    uint64_t lease = 0;
    const struct ct_lease_ask bench = {.ecu = 2, .holder = {CT_ORIGIN_TESTER, 3}, .duration_ns = CT_NS_PER_S};
    assert_int_equal(ct_arbiter_acquire(ct_executor_arbiter(rig->executor), &bench, rig->now, &lease),
                     CT_LEASE_GRANTED);
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    assert_int_equal(final_of(rig, 1).state, CT_COMMAND_REFUSED);
    assert_int_equal(final_of(rig, 1).reason, CT_REASON_BUSY);
    assert_true(free_now(rig, 0) && free_now(rig, 1)); /* what it had taken already */
    run(rig, 1100);
    assert_int_equal(rig->functional_frames, 0);
    ask_all(rig, 2, "can0", "\x3E\x00", 2); /* the lease is over */
    run(rig, 300);
    assert_int_equal(final_of(rig, 2).state, CT_COMMAND_DONE);
}

static void test_functional_lets_a_running_request_end_and_others_wait_for_it(void **state)
{
    struct rig *rig = *state;
    ask_one(rig, 1, "engine", CT_ORIGIN_BACKEND);
    ask_all(rig, 2, "can0", "\x3E\x00", 2);
    assert_int_equal(final_of(rig, 2).reason, CT_REASON_BUSY);
    run(rig, 100);
    assert_int_equal(final_of(rig, 1).state, CT_COMMAND_DONE);
    ask_all(rig, 3, "can0", "\x3E\x00", 2);
    run(rig, 2);
    ask_one(rig, 4, "engine", CT_ORIGIN_BACKEND);
    ask_one(rig, 5, "gearbox", CT_ORIGIN_LOCAL);
    const unsigned before = rig->physical_frames[0] + rig->physical_frames[1];
    run(rig, 50); /* answers have come; P2 is not over */
    assert_int_equal(rig->physical_frames[0] + rig->physical_frames[1], before);
    run(rig, 500);
    assert_int_equal(final_of(rig, 3).state, CT_COMMAND_DONE);
    assert_int_equal(final_of(rig, 4).state, CT_COMMAND_DONE);
    assert_int_equal(final_of(rig, 5).state, CT_COMMAND_DONE);
    assert_true(free_now(rig, 0) && free_now(rig, 1));
}

static void test_functional_keeps_the_leases_its_asker_had(void **state)
{
    struct rig *rig = *state;
    uint64_t lease = 0;
    const struct ct_lease_ask own = {.ecu = 1, .holder = {CT_ORIGIN_LOCAL, 7}, .duration_ns = 30 * CT_NS_PER_S};
    assert_int_equal(ct_arbiter_acquire(ct_executor_arbiter(rig->executor), &own, rig->now, &lease), CT_LEASE_GRANTED);
    ask_all(rig, 1, "can0", "\x10\x03", 2);
    run(rig, 300);
    assert_int_equal(final_of(rig, 1).state, CT_COMMAND_DONE);
    assert_true(free_now(rig, 0));
    assert_false(free_now(rig, 1));
    /* the session that it opened under the lease is closed with it */
    assert_int_equal(ct_arbiter_release(ct_executor_arbiter(rig->executor), lease, own.holder, rig->now), CT_OK);
    const unsigned before = rig->physical_frames[1];
    run(rig, 300);
    assert_int_equal(rig->physical_frames[1], before + 1);
    struct ct_executor_stats stats;
    ct_executor_stats_get(rig->executor, &stats);
    assert_int_equal(stats.sessions_closed, 1);
}

static void test_functional_needs_policy_for_every_ecu(void **state)
{
    struct rig *rig = *state;
    use_policy(rig, make_policy(true, false));
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    assert_refused(rig, 1, CT_REASON_POLICY_NO_RULE);
}

static void test_functional_needs_a_frame_rule(void **state)
{
    struct rig *rig = *state;
    use_policy(rig, make_policy(false, true));
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    assert_refused(rig, 1, CT_REASON_POLICY_NO_RULE);
    assert_int_equal(rig->count, 1); /* refused alone */
}

static void test_functional_wrong_ones_are_refused(void **state)
{
    struct rig *rig = *state;
    ask_all(rig, 1, "can1", "\x3E\x00", 2); /* no functional address */
    assert_refused(rig, 1, CT_REASON_UNKNOWN_ECU);
    ask_all(rig, 2, "can0", "\x22\x01\x60\x01\x60\x01\x60\x01\x60", 9); /* no single frame */
    assert_refused(rig, 2, CT_REASON_BAD_FORM);
    ask_all(rig, 3, "can0", "", 0);
    run(rig, 10);
    assert_int_equal(final_of(rig, 3).state, CT_COMMAND_REFUSED);
}

static void test_functional_is_not_begun_without_ignition_and_ends_with_the_time_after_it(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(ct_executor_set_gate(rig->executor, CT_EXECUTOR_UPDATE, rig->now), 0);
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    assert_refused(rig, 1, CT_REASON_POLICY_VEHICLE_STATE);
    (void)ct_executor_set_gate(rig->executor, CT_EXECUTOR_NO_WRITES, rig->now);
    ask_all(rig, 2, "can0", "\x3E\x00", 2);
    run(rig, 5);
    assert_int_equal(ct_executor_set_gate(rig->executor, CT_EXECUTOR_UPDATE, rig->now), 1);
    assert_int_equal(final_of(rig, 2).state, CT_COMMAND_OUTCOME_UNKNOWN);
    assert_true(free_now(rig, 0) && free_now(rig, 1) && free_now(rig, 2));
}

static void test_functional_ends_with_the_gateway(void **state)
{
    struct rig *rig = *state;
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    run(rig, 5);
    ct_executor_stop(rig->executor, rig->now);
    assert_int_equal(final_of(rig, 1).state, CT_COMMAND_OUTCOME_UNKNOWN);
    assert_int_equal(final_of(rig, 1).reason, CT_REASON_RESTARTED);
    assert_int_equal(ct_executor_running(rig->executor), 0);
    const size_t said = rig->count;
    run(rig, 300);
    assert_int_equal(rig->count, said);
    assert_int_equal(rig->functional_frames, 1);
}

static void test_functional_frame_that_the_bus_refuses_is_a_bus_error(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    ask_all(rig, 1, "can0", "\x3E\x00", 2);
    assert_int_equal(ct_executor_next_frame(rig->executor, &frame, rig->now), CT_OK);
    assert_int_equal(frame.id, FUNCTIONAL);
    ct_executor_send_failed(rig->executor, 0, rig->now);
    assert_int_equal(final_of(rig, 1).reason, CT_REASON_BUS_ERROR);
    assert_true(free_now(rig, 0) && free_now(rig, 1) && free_now(rig, 2));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_functional_every_answer_comes_and_then_the_end),
        T(test_functional_without_answers_fails_unless_it_asks_for_silence),
        T(test_functional_is_refused_while_somebody_has_one_of_the_ecus),
        T(test_functional_lets_a_running_request_end_and_others_wait_for_it),
        T(test_functional_keeps_the_leases_its_asker_had),
        T(test_functional_needs_policy_for_every_ecu),
        T(test_functional_needs_a_frame_rule),
        T(test_functional_wrong_ones_are_refused),
        T(test_functional_is_not_begun_without_ignition_and_ends_with_the_time_after_it),
        T(test_functional_ends_with_the_gateway),
        T(test_functional_frame_that_the_bus_refuses_is_a_bus_error),
    };
    return cmocka_run_group_tests_name("functional", tests, NULL, NULL);
}
