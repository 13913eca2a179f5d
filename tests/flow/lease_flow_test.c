/* Leases in the executor: who has the ECU, who waits, what a foreign tester and a lost lease do. */
#include "command_support.h"

#define S CT_NS_PER_S

static const struct ct_lease_holder laptop = {CT_ORIGIN_LOCAL, 7};

static struct ct_policy *policy_for_all(bool tester_present)
{
    static const char buses[1][32] = {"can0"};
    const struct ct_policy_when any = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const unsigned origins = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND) | CT_ORIGIN_BIT(CT_ORIGIN_LOCAL);
    const struct ct_frame_rule frame = {.bus = "can0",
                                        .id = 0x7E0,
                                        .id_mask = 0x7FF,
                                        .len_max = 8,
                                        .max_per_s = 1000,
                                        .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                        .when = any};
    const struct ct_uds_rule uds[] = {
        {.ecu = "*", .service = 0x22, .data_last = 0xFFFF, .max_per_s = 100, .origins = origins, .when = any},
        {.ecu = "*", .service = 0x10, .data_last = 0xFFFF, .max_per_s = 100, .origins = origins, .when = any},
        {.ecu = "*", .service = 0x3E, .data_last = 0xFFFF, .max_per_s = 100, .origins = origins, .when = any},
    };
    const struct ct_policy_rules rules = {.transmit_buses = buses,
                                          .transmit_bus_count = 1,
                                          .frames = &frame,
                                          .frame_count = 1,
                                          .uds = uds,
                                          .uds_count = tester_present ? 3 : 2};
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    return policy;
}

static void use_policy(struct rig *rig, bool tester_present)
{
    struct ct_policy *old = rig->policy;
    rig->policy = policy_for_all(tester_present);
    ct_executor_use_policy(rig->executor, rig->policy);
    ct_policy_free(old);
}

static struct rig *rig_for_all(void **state)
{
    use_policy(*state, true);
    return *state;
}

static void submit(struct rig *rig, uint64_t seq, enum ct_origin origin, uint32_t client, const uint8_t *request,
                   uint16_t len)
{
    struct ct_command command = command_read(seq, "engine", 0x22, 0xF190);
    memcpy(command.request, request, len);
    command.request_len = len;
    const struct ct_executor_asker asker = {.origin = origin, .client = client, .valid_ms = 10000};
    ct_executor_submit_for(rig->executor, &command, &asker, rig->now);
}

static void submit_vin(struct rig *rig, uint64_t seq, enum ct_origin origin, uint32_t client)
{
    static const uint8_t vin[] = {0x22, 0xF1, 0x90};
    submit(rig, seq, origin, client, vin, sizeof vin);
}

static int final_of(const struct rig *rig, uint64_t seq)
{
    int state = 0;
    for (size_t i = 0; i < rig->status_count; i++) {
        state = rig->statuses[i].seq == seq ? rig->statuses[i].state : state;
    }
    return state;
}

static uint64_t acquire(struct rig *rig, struct ct_lease_holder holder, ct_ns duration)
{
    uint64_t id = 0;
    const struct ct_lease_ask ask = {.holder = holder, .duration_ns = duration};
    assert_int_equal(ct_arbiter_acquire(ct_executor_arbiter(rig->executor), &ask, rig->now, &id), CT_LEASE_GRANTED);
    return id;
}

static void test_lease_of_a_laptop_makes_the_backend_wait_until_it_is_released(void **state)
{
    struct rig *rig = rig_for_all(state);
    const uint64_t id = acquire(rig, laptop, 60 * S);
    submit_vin(rig, 1, CT_ORIGIN_BACKEND, 0);
    submit_vin(rig, 2, laptop.origin, laptop.client);
    rig_run(rig, 2000);
    assert_int_equal(final_of(rig, 1), 0);
    assert_int_equal(final_of(rig, 2), CT_COMMAND_DONE);
    assert_int_equal(ct_arbiter_release(ct_executor_arbiter(rig->executor), id, laptop, rig->now), CT_OK);
    rig_run(rig, 500);
    assert_int_equal(final_of(rig, 1), CT_COMMAND_DONE);
    assert_int_equal(ct_executor_running(rig->executor), 0);
}

static void test_lease_that_expires_lets_the_next_one_in(void **state)
{
    struct rig *rig = rig_for_all(state);
    (void)acquire(rig, laptop, 3 * S);
    submit_vin(rig, 1, CT_ORIGIN_BACKEND, 0);
    rig_run(rig, 2900);
    assert_int_equal(final_of(rig, 1), 0);
    rig_run(rig, 600);
    assert_int_equal(final_of(rig, 1), CT_COMMAND_DONE);
}

static void test_lease_waited_for_too_long_expires_the_command(void **state)
{
    struct rig *rig = rig_for_all(state);
    (void)acquire(rig, laptop, 60 * S);
    submit_vin(rig, 1, CT_ORIGIN_BACKEND, 0);
    rig_run(rig, 10500);
    assert_int_equal(final_of(rig, 1), CT_COMMAND_EXPIRED);
    assert_int_equal(ct_arbiter_waiting(ct_executor_arbiter(rig->executor), 0), 0);
}

static void test_lease_of_requests_is_brief_and_origins_alternate(void **state)
{
    struct rig *rig = rig_for_all(state);
    for (uint64_t seq = 1; seq <= 8; seq++) {
        submit_vin(rig, seq, seq % 2 == 0 ? CT_ORIGIN_BACKEND : CT_ORIGIN_LOCAL, 3);
    }
    rig_run(rig, 2000);
    for (uint64_t seq = 1; seq <= 8; seq++) {
        assert_int_equal(final_of(rig, seq), CT_COMMAND_DONE);
    }
    struct ct_lease lease;
    assert_int_equal(ct_arbiter_owner(ct_executor_arbiter(rig->executor), 0, rig->now, &lease), CT_ERR_NOT_FOUND);
}

static void foreign_frame(struct rig *rig, unsigned flags, uint8_t pci)
{
    struct ct_frame frame = {.id = 0x7E0, .flags = (uint16_t)flags, .len = 8, .bus = 0, .t_ns = rig->now};
    frame.data[0] = pci;
    frame.data[1] = 0x3E;
    (void)ct_executor_receive(rig->executor, &frame, rig->now);
}

static void test_lease_ends_for_a_foreign_tester_and_all_hold_off(void **state)
{
    struct rig *rig = rig_for_all(state);
    struct ct_arbiter *arbiter = ct_executor_arbiter(rig->executor);
    (void)acquire(rig, laptop, 60 * S);
    foreign_frame(rig, CT_FRAME_SENT, 0x02); /* our own echo */
    foreign_frame(rig, 0, 0x30);             /* flow control asks for nothing */
    foreign_frame(rig, CT_FRAME_EXT, 0x02);  /* another id */
    assert_int_equal(ct_arbiter_may(arbiter, 0, laptop, rig->now), CT_VERDICT_ALLOW);
    foreign_frame(rig, 0, 0x02);
    assert_int_equal(ct_arbiter_may(arbiter, 0, laptop, rig->now), CT_VERDICT_LEASE);
    submit_vin(rig, 1, CT_ORIGIN_BACKEND, 0);
    const unsigned before = rig->frames_out;
    rig_run(rig, 4900);
    assert_int_equal(rig->frames_out, before);
    rig_run(rig, 500);
    assert_int_equal(final_of(rig, 1), CT_COMMAND_DONE);
}

/* ISO 15765-4 10.5: 7DF reaches every ECU with 11-bit ids, 18DB33 with any source those with 29-bit ids. */
static void test_lease_ends_for_a_foreign_functional_request(void **state)
{
    static const struct {
        uint32_t id;
        uint16_t flags;
        uint8_t bus;
        bool yields;
    } frames[] = {{0x7DF, CT_FRAME_SENT, 0, false},
                  {0x7DF, CT_FRAME_EXT, 0, false},
                  {0x7DF, 0, 1, false},
                  {0x7DE, 0, 0, false},
                  {0x18DB33F1, CT_FRAME_EXT, 0, false},
                  {0x7DF, CT_FRAME_RTR, 0, false},
                  {0x7DF, 0, 0, true}};
    struct rig *rig = rig_for_all(state);
    struct ct_arbiter *arbiter = ct_executor_arbiter(rig->executor);
    (void)acquire(rig, laptop, 60 * S);
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        const struct ct_frame frame = {.id = frames[i].id,
                                       .flags = frames[i].flags,
                                       .bus = frames[i].bus,
                                       .len = 8,
                                       .t_ns = rig->now,
                                       .data = {0x02, 0x3E, 0x80}};
        (void)ct_executor_receive(rig->executor, &frame, rig->now);
        assert_int_equal(ct_arbiter_is_foreign(arbiter, 0, rig->now), frames[i].yields);
    }
    assert_int_equal(ct_arbiter_may(arbiter, 0, laptop, rig->now), CT_VERDICT_LEASE);
}

/* ISO 14229-1 10: 10 03 opens the extended session; after the lease the gateway sends 10 01. */
static void test_lease_that_ends_returns_the_ecu_to_its_default_session(void **state)
{
    static const uint8_t extended[] = {0x10, 0x03};
    struct rig *rig = rig_for_all(state);
    struct ct_executor_stats stats;
    (void)acquire(rig, laptop, 2 * S);
    submit(rig, 1, laptop.origin, laptop.client, extended, sizeof extended);
    rig_run(rig, 500);
    assert_int_equal(final_of(rig, 1), CT_COMMAND_DONE);
    ct_arbiter_leave(ct_executor_arbiter(rig->executor), laptop, rig->now);
    rig_run(rig, 500);
    assert_int_equal(rig->last_frame.data[1], 0x10);
    assert_int_equal(rig->last_frame.data[2], 0x01);
    ct_executor_stats_get(rig->executor, &stats);
    assert_int_equal(stats.sessions_closed, 1);
    const unsigned before = rig->frames_out;
    rig_run(rig, 3000);
    assert_int_equal(rig->frames_out, before); /* once */
}

static void open_session(struct rig *rig, uint64_t seq, ct_ns duration)
{
    static const uint8_t extended[] = {0x10, 0x03};
    if (duration > 0) {
        (void)acquire(rig, laptop, duration);
    }
    submit(rig, seq, laptop.origin, laptop.client, extended, sizeof extended);
    rig_run(rig, 100);
    assert_int_equal(final_of(rig, seq), CT_COMMAND_DONE);
}

static unsigned frames_within(struct rig *rig, int ms)
{
    const unsigned before = rig->frames_out;
    rig_run(rig, ms);
    return rig->frames_out - before;
}

/* ISO 14229-2: S3client is 2 s, S3server 5 s; 3E 80 asks for silence. Its lease's end sends 10 01, then nothing. */
static void test_lease_keeps_its_session_open_until_it_ends(void **state)
{
    static const uint8_t present[] = {0x02, 0x3E, 0x80};
    struct rig *rig = rig_for_all(state);
    open_session(rig, 11, 60 * S);
    assert_int_equal(frames_within(rig, 1700), 0);
    assert_int_equal(frames_within(rig, 400), 1);
    assert_memory_equal(rig->last_frame.data, present, sizeof present);
    assert_int_equal(frames_within(rig, 12000), 6);
    assert_int_equal(ct_uds_server_session(rig->server), 0x03);
    assert_memory_equal(rig->last_frame.data, present, sizeof present);
    submit_vin(rig, 2, laptop.origin, laptop.client); /* any request restarts S3 */
    rig_run(rig, 1900);
    assert_int_equal(final_of(rig, 2), CT_COMMAND_DONE);
    assert_memory_not_equal(rig->last_frame.data, present, sizeof present);
    ct_arbiter_leave(ct_executor_arbiter(rig->executor), laptop, rig->now);
    rig_run(rig, 100);
    assert_int_equal(rig->last_frame.data[1], 0x10);
    assert_int_equal(rig->last_frame.data[2], 0x01);
    assert_int_equal(frames_within(rig, 10000), 0);
}

static void test_lease_that_expires_ends_the_keep_alive(void **state)
{
    struct rig *rig = rig_for_all(state);
    open_session(rig, 12, 5 * S);
    assert_int_equal(frames_within(rig, 4850), 2); /* at 2 s and 4 s */
    rig_run(rig, 200);
    assert_int_equal(rig->last_frame.data[1], 0x10);
    assert_int_equal(frames_within(rig, 10000), 0);
}

static void test_lease_keeps_nothing_alive_when_a_foreign_tester_comes_or_the_session_is_left(void **state)
{
    static const uint8_t usual[] = {0x10, 0x01};
    struct rig *rig = rig_for_all(state);
    open_session(rig, 13, 60 * S);
    submit(rig, 2, laptop.origin, laptop.client, usual, sizeof usual);
    rig_run(rig, 100);
    assert_int_equal(final_of(rig, 2), CT_COMMAND_DONE);
    assert_int_equal(frames_within(rig, 6000), 0);
    open_session(rig, 14, 0);
    assert_int_equal(frames_within(rig, 2100), 1);
    foreign_frame(rig, 0, 0x02);
    assert_int_equal(frames_within(rig, 6000), 0);
}

static void test_lease_keeps_nothing_alive_that_policy_forbids_or_nobody_holds(void **state)
{
    struct rig *rig = *state;
    use_policy(rig, false);
    open_session(rig, 15, 60 * S);
    assert_int_equal(frames_within(rig, 6000), 0);
    ct_arbiter_leave(ct_executor_arbiter(rig->executor), laptop, rig->now);
    rig_run(rig, 100);
    use_policy(rig, true);
    open_session(rig, 16, 0); /* by a request of its own: its lease is brief */
    assert_int_equal(frames_within(rig, 6000), 0);
    open_session(rig, 17, 60 * S);
    assert_int_equal(frames_within(rig, 2100), 1);
    use_policy(rig, false); /* asked anew each time */
    assert_int_equal(frames_within(rig, 6000), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lease_of_a_laptop_makes_the_backend_wait_until_it_is_released, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_that_expires_lets_the_next_one_in, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_waited_for_too_long_expires_the_command, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_of_requests_is_brief_and_origins_alternate, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_ends_for_a_foreign_tester_and_all_hold_off, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_ends_for_a_foreign_functional_request, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_that_ends_returns_the_ecu_to_its_default_session, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_keeps_its_session_open_until_it_ends, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_that_expires_ends_the_keep_alive, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(
            test_lease_keeps_nothing_alive_when_a_foreign_tester_comes_or_the_session_is_left, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_lease_keeps_nothing_alive_that_policy_forbids_or_nobody_holds, rig_setup,
                                        rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
