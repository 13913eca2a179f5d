/* Frames between buses in the bus thread, over in-process ports and with time that the test tells: what is routed, what
 * the gate refuses whoever asks, and that a flood on one bus leaves the others their turn. */
#include "bus_private.h"
#include "failing_malloc.h"
#include "testing.h"

#include <linux/can/error.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUSES    8
#define CAPACITY 4096
#define MS       CT_NS_PER_MS

struct rig {
    struct ct_bus bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[BUSES];
    char names[BUSES][8], port_names[BUSES][8];
    struct ct_channels channels;
    struct ct_port *far[BUSES]; /* the vehicle's side */
};

/* can0 .. can7; may be sent on: all but can7. */
static void set_up_buses(struct rig *rig)
{
    for (unsigned i = 0; i < BUSES; i++) {
        snprintf(rig->names[i], sizeof rig->names[i], "can%u", i);
        snprintf(rig->port_names[i], sizeof rig->port_names[i], "p%u", i);
        rig->buses[i] =
            (struct ct_settings_bus){.name = rig->names[i], .port = rig->port_names[i], .transmit = i != BUSES - 1};
        assert_int_equal(ct_port_pair(CAPACITY, &rig->bus.ports[i].port, &rig->far[i]), CT_OK);
        rig->bus.ports[i].watch.fd = rig->bus.ports[i].port->fd;
        ct_bus_watch_open(&rig->bus.ports[i], 0);
    }
    rig->settings.buses = rig->buses;
    rig->settings.buses_count = BUSES;
    rig->bus.port_count = BUSES;
}

/* Routed frames 0x100..0x1FF may leave on can1 and can7, the executor's on can1. */
static void set_up_policy(struct rig *rig)
{
    static const char transmit[][32] = {"can1", "can2", "can7"};
    const struct ct_policy_when anywhen = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    struct ct_frame_rule rules[2] = {{.bus = "can1",
                                      .id = 0x100,
                                      .id_mask = 0x700,
                                      .len_max = 8,
                                      .max_per_s = 1e6,
                                      .origins = CT_ORIGIN_BIT(CT_ORIGIN_ROUTE),
                                      .when = anywhen}};
    rules[1] = rules[0];
    snprintf(rules[1].bus, sizeof rules[1].bus, "can7");
    const struct ct_policy_rules all = {
        .transmit_buses = transmit, .transmit_bus_count = 3, .frames = rules, .frame_count = 2};
    assert_int_equal(ct_policy_create(&all, &rig->model.policy), CT_OK);
}

/* can0: all of 0x1xx and 0x2xx to can1, to can2 (where policy knows nothing) and to can7 (which may not be sent on). */
static void set_up_routes(struct rig *rig)
{
    static const uint8_t to[] = {1, 2, 7};
    static const bool fd[CT_ROUTES_BUSES_MAX] = {false};
    struct ct_route_rule rules[3];
    size_t wrong = 0;
    for (size_t i = 0; i < 3; i++) {
        rules[i] = (struct ct_route_rule){.from = 0, .to = to[i], .mask = 0x400, .max_per_s = 1e6};
    }
    assert_int_equal(ct_routes_create(rules, 3, fd, &rig->model.routes, &wrong), CT_OK);
}

/* can6 knows one message of 100 ms, can5 another, and the requests of an ECU. */
static void set_up_anomalies(struct rig *rig)
{
    static const struct ct_anomaly_id ids[] = {
        {.bus = 6, .id = 0x600, .length = 4, .cycle_ns = 100 * MS},
        {.bus = 5, .id = 0x601, .length = 4, .cycle_ns = CT_NS_NEVER},
        {.bus = 6, .id = 0x7E0, .length = CT_ANOMALY_ANY_LENGTH, .cycle_ns = CT_NS_NEVER, .request = true},
    };
    assert_int_equal(ct_anomalies_create(ids, 3, &rig->model.anomalies), CT_OK);
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    struct ct_pipeline *pipeline = &rig->model.pipeline;
    const struct ct_executor_ops ops = {0};
    struct ct_bind_bus buses[BUSES + 1];
    char problem[200];
    set_up_buses(rig);
    for (size_t i = 0; i <= BUSES; i++) {
        buses[i] = (struct ct_bind_bus){.name = i < BUSES ? rig->names[i] : "bus"};
    }
    assert_int_equal(ct_bind_create(buses, BUSES + 1, NULL, "", &pipeline->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline->bind, &pipeline->twin), CT_OK);
    assert_int_equal(ct_collect_create(NULL, 0, ct_bind_catalogue(pipeline->bind), &pipeline->collect), CT_OK);
    set_up_policy(rig);
    set_up_routes(rig);
    set_up_anomalies(rig);
    rig->model.sources =
        (struct ct_vehicle_sources){CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE};
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, NULL, 0, &rig->bus.executor), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 1U << 20), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.storage_to_bus, 65536), CT_OK);
    assert_int_equal(ct_ring_create(65536, &rig->bus.owed), CT_OK);
    assert_int_equal(ct_loop_open(&rig->bus.loop), CT_OK);
    rig->model.settings = &rig->settings;
    rig->bus.model = &rig->model;
    rig->bus.channels = &rig->channels;
    rig->bus.now = CT_NS_PER_S;
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < BUSES; i++) {
        ct_port_close(rig->bus.ports[i].port);
        ct_port_close(rig->far[i]);
    }
    ct_executor_free(rig->bus.executor);
    ct_pipeline_close(&rig->model.pipeline);
    ct_policy_free(rig->model.policy);
    ct_routes_free(rig->model.routes);
    ct_anomalies_free(rig->model.anomalies);
    ct_ring_destroy(rig->bus.owed);
    ct_channel_close(&rig->channels.bus_to_storage);
    ct_channel_close(&rig->channels.storage_to_bus);
    ct_loop_close(&rig->bus.loop);
    free(rig);
    return 0;
}

/* One turn of the bus thread; in-process ports have no descriptor that could wake it. */
static void turn(struct rig *rig)
{
    for (size_t i = 0; i < BUSES; i++) {
        rig->bus.ports[i].ready = true;
    }
    rig->bus.now += MS;
    (void)ct_bus_round(&rig->bus);
}

static void send_far(struct rig *rig, size_t bus, uint32_t id, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct ct_frame frame = {.id = id, .len = 4, .data = {(uint8_t)i, (uint8_t)(i >> 8), 1, 2}};
        assert_int_equal(ct_port_write(rig->far[bus], &frame), CT_OK);
    }
}

static size_t read_far(struct rig *rig, size_t bus, struct ct_frame *out_frames, size_t max)
{
    size_t count = 0;
    const int err = ct_port_read(rig->far[bus], out_frames, max, &count);
    assert_true(err == CT_OK || err == CT_ERR_AGAIN);
    return count;
}

static void test_bus_routes_what_table_and_policy_both_allow(void **state)
{
    struct rig *rig = *state;
    struct ct_frame got[16];
    send_far(rig, 0, 0x123, 2); /* routed, allowed */
    send_far(rig, 0, 0x223, 1); /* routed, policy says no */
    send_far(rig, 0, 0x423, 1); /* no route */
    send_far(rig, 1, 0x124, 1); /* not from this bus */
    turn(rig);
    assert_int_equal(read_far(rig, 1, got, 16), 2);
    assert_int_equal(got[0].id, 0x123);
    assert_int_equal(got[1].data[0], 1);
    for (size_t i = 0; i < BUSES; i++) {
        assert_int_equal(read_far(rig, i, got, 16), 0);
    }
    const struct ct_routes *routes = rig->model.routes;
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_FORWARDED], 2);
    assert_int_equal(ct_routes_counts(routes, 0)->by_result[CT_ROUTE_POLICY], 1);
    assert_int_equal(ct_routes_counts(routes, 1)->by_result[CT_ROUTE_POLICY], 3);
    /* A bus that is not to be sent on is not, whatever policy says: `transmit` is false unless somebody writes true. */
    assert_int_equal(ct_routes_counts(routes, 2)->by_result[CT_ROUTE_POLICY], 3);
    assert_int_equal(rig->bus.ports[0].counts.frames, 4);
}

static void test_bus_gate_lets_nobody_out_unasked(void **state)
{
    struct rig *rig = *state;
    const struct ct_frame allowed = {.bus = 1, .id = 0x101, .len = 8};
    const struct ct_vehicle_state unknown = {0};
    struct ct_policy_counts counts;
    struct ct_frame got[4];
    assert_int_equal(ct_bus_put(&rig->bus, &allowed), CT_ERR_PERMISSION);
    assert_int_equal(ct_policy_frame(rig->model.policy, CT_ORIGIN_ROUTE, "can1", &allowed, &unknown, rig->bus.now),
                     CT_VERDICT_ALLOW);
    struct ct_frame elsewhere = allowed;
    elsewhere.bus = 2; /* allowed on can1 is not allowed on can2 */
    assert_int_equal(ct_bus_put(&rig->bus, &elsewhere), CT_ERR_PERMISSION);
    assert_int_equal(ct_bus_put(&rig->bus, &allowed), CT_OK);
    assert_int_equal(ct_bus_put(&rig->bus, &allowed), CT_ERR_PERMISSION);
    struct ct_frame nowhere = allowed;
    nowhere.bus = BUSES;
    assert_int_equal(ct_bus_put(&rig->bus, &nowhere), CT_ERR_PERMISSION);
    assert_int_equal(read_far(rig, 1, got, 4), 1);
    assert_int_equal(read_far(rig, 2, got, 4), 0);
    ct_policy_counts_get(rig->model.policy, &counts);
    assert_int_equal(counts.unasked, 3);
}

static void test_bus_routed_frame_that_comes_back_is_not_routed_again(void **state)
{
    struct rig *rig = *state;
    static const bool fd[CT_ROUTES_BUSES_MAX] = {false};
    const struct ct_route_rule rules[2] = {{.from = 0, .to = 1, .mask = 0x400, .max_per_s = 1e6},
                                           {.from = 1, .to = 2, .mask = 0x400, .max_per_s = 1e6}};
    size_t wrong = 0;
    struct ct_frame got[4];
    ct_routes_free(rig->model.routes);
    assert_int_equal(ct_routes_create(rules, 2, fd, &rig->model.routes, &wrong), CT_OK);
    send_far(rig, 0, 0x123, 1);
    turn(rig);
    assert_int_equal(read_far(rig, 1, got, 4), 1);
    assert_int_equal(ct_port_write(rig->far[1], &got[0]), CT_OK); /* reflected */
    turn(rig);
    assert_int_equal(ct_routes_counts(rig->model.routes, 1)->last_ns, 0);
    assert_int_equal(ct_routes_echoes(rig->model.routes), 1);
}

static void test_bus_flood_leaves_the_other_buses_their_turn(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < BUSES - 1; i++) {
        send_far(rig, i, 0x500, CAPACITY);
    }
    send_far(rig, BUSES - 1, 0x501, 10);
    turn(rig);
    /* All of the quiet bus in the first turn, and no bus more than its share. */
    assert_int_equal(rig->bus.ports[BUSES - 1].counts.frames, 10);
    for (size_t i = 0; i < BUSES - 1; i++) {
        assert_int_equal(rig->bus.ports[i].counts.frames, BUS_READ_MAX);
    }
    /* Whatever comes while the flood goes on is read in the turn after it. */
    for (unsigned round = 0; round < 20; round++) {
        const uint64_t before = rig->bus.ports[BUSES - 1].counts.frames;
        send_far(rig, BUSES - 1, 0x501, 1);
        turn(rig);
        assert_int_equal(rig->bus.ports[BUSES - 1].counts.frames, before + 1);
    }
    assert_int_equal(rig->bus.ports[0].counts.frames, 21 * BUS_READ_MAX);
}

static void test_bus_full_destination_costs_its_own_frames_only(void **state)
{
    struct rig *rig = *state;
    send_far(rig, 0, 0x123, CAPACITY);
    for (unsigned i = 0; i < CAPACITY / BUS_READ_MAX; i++) {
        turn(rig);
    }
    send_far(rig, 0, 0x123, 100); /* can1's reader has slept all the time */
    turn(rig);
    turn(rig);
    const struct ct_route_counts *counts = ct_routes_counts(rig->model.routes, 0);
    assert_int_equal(counts->by_result[CT_ROUTE_FORWARDED], CAPACITY);
    assert_int_equal(counts->by_result[CT_ROUTE_FULL], 100);
    assert_int_equal(rig->bus.ports[0].counts.frames, CAPACITY + 100);
}

static void test_bus_allocates_nothing_for_frames_and_anomalies(void **state)
{
    struct rig *rig = *state;
    turn(rig);
    failing_malloc_arm(1, true);
    for (unsigned round = 0; round < 20; round++) {
        send_far(rig, 0, 0x123, 20); /* routed */
        send_far(rig, 0, 0x223, 20); /* refused */
        send_far(rig, 6, 0x600, 20); /* too fast */
        send_far(rig, 6, 0x666, 20); /* unknown */
        send_far(rig, 6, 0x7E0, 20); /* nobody's request */
        turn(rig);
        rig->bus.now += CT_NS_PER_S;
    }
    assert_false(failing_malloc_disarm());
    assert_int_equal(ct_routes_counts(rig->model.routes, 0)->by_result[CT_ROUTE_FORWARDED], 400);
    assert_true(rig->bus.ports[6].anomalies.by_kind[CT_ANOMALY_TOO_FAST] > 0);
}

static void test_bus_controller_that_is_off_takes_no_frames(void **state)
{
    struct rig *rig = *state;
    const struct ct_frame off = {.id = CAN_ERR_BUSOFF, .flags = CT_FRAME_ERR, .len = 8};
    const struct ct_frame restarted = {.id = CAN_ERR_RESTARTED, .flags = CT_FRAME_ERR, .len = 8};
    struct ct_frame got[8];
    assert_int_equal(ct_port_write(rig->far[1], &off), CT_OK);
    turn(rig);
    send_far(rig, 0, 0x123, 3);
    turn(rig);
    assert_int_equal(read_far(rig, 1, got, 8), 0);
    assert_int_equal(ct_bus_unsent(&rig->bus.ports[1]), 3);
    assert_int_equal(ct_routes_counts(rig->model.routes, 0)->by_result[CT_ROUTE_DOWN], 3);
    assert_int_equal(rig->bus.ports[1].port->stats.sent, 0);
    assert_int_equal(ct_port_write(rig->far[1], &restarted), CT_OK);
    turn(rig);
    send_far(rig, 0, 0x123, 2);
    turn(rig);
    assert_int_equal(read_far(rig, 1, got, 8), 2);
    assert_int_equal(ct_bus_unsent(&rig->bus.ports[1]), 3);
}

/* Events of this name that wait for the storage thread; all of them are taken. */
static unsigned take_events(struct rig *rig, const char *name)
{
    struct ct_ring *ring = rig->channels.bus_to_storage.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    unsigned count = 0;
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK) {
        const struct ct_msg_event *event = data;
        count += type == CT_MSG_EVENT && strcmp(event->name, name) == 0 ? 1 : 0;
        ct_ring_pop(ring);
    }
    return count;
}

static void test_bus_anomalies_are_counted_and_become_rarer_events(void **state)
{
    struct rig *rig = *state;
    unsigned events = 0;
    for (unsigned second = 0; second < 100; second++) {
        send_far(rig, 6, 0x666, 3);
        turn(rig);
        rig->bus.now += CT_NS_PER_S;
        events += take_events(rig, "anomaly-unknown-id");
    }
    assert_int_equal(rig->bus.ports[6].anomalies.by_kind[CT_ANOMALY_UNKNOWN_ID], 300);
    assert_int_equal(events, 4); /* at 0, 10, 30 and 70 s */
    send_far(rig, 6, 0x601, 1);
    send_far(rig, 6, 0x7E0, 1);
    turn(rig);
    assert_int_equal(rig->bus.ports[6].anomalies.by_kind[CT_ANOMALY_WRONG_BUS], 1);
    assert_int_equal(take_events(rig, "anomaly-foreign-request"), 1);
}

/* ---- what the gateway itself sends: a value of bus N is a frame on that bus */

struct asked {
    unsigned failed;
    uint8_t failed_tag;
};

static int encode_path(void *user, const char *path, const struct ct_wire_value *value,
                       struct ct_executor_write *out_write)
{
    (void)user;
    const uint8_t bus = (uint8_t)(path[3] - '0');
    *out_write = (struct ct_executor_write){.bus = bus,
                                            .bus_name = bus == 1 ? "can1" : "can2",
                                            .frame = {.bus = bus, .id = 0x300U + (uint8_t)path[5], .len = 1},
                                            .observable = true,
                                            .physical = value->number};
    return CT_OK;
}

static int never_seen(void *user, const char *path, double *out_physical, ct_ns *out_t_ns)
{
    (void)user;
    (void)path;
    *out_physical = 0;
    *out_t_ns = 0;
    return CT_ERR_AGAIN;
}

static void no_state(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    (void)user;
    (void)now;
    *out_state = (struct ct_vehicle_state){0};
}

static void count_status(void *user, const struct ct_command_status *status)
{
    struct asked *asked = user;
    if (status->state == CT_COMMAND_FAILED) {
        assert_int_equal(status->reason, CT_REASON_BUS_ERROR);
        asked->failed++;
        asked->failed_tag = status->command_id[0];
    }
}

static void set_up_actuators(struct rig *rig, struct asked *asked)
{
    static const char transmit[][32] = {"can1", "can2"};
    static const char paths[][8] = {"can1.a", "can1.b", "can2.a", "can2.b"};
    const struct ct_policy_when anywhen = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    struct ct_desired_rule desired[4];
    struct ct_frame_rule frames[2];
    for (size_t i = 0; i < 4; i++) {
        desired[i] = (struct ct_desired_rule){
            .max = 1, .max_per_s = 100, .origins = CT_ORIGIN_BIT(CT_ORIGIN_LOCAL), .when = anywhen};
        snprintf(desired[i].path, sizeof desired[i].path, "%s", paths[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        frames[i] = (struct ct_frame_rule){.id = 0x300,
                                           .id_mask = 0x700,
                                           .len_max = 8,
                                           .max_per_s = 100,
                                           .origins = CT_ORIGIN_BIT(CT_ORIGIN_LOCAL),
                                           .when = anywhen};
        memcpy(frames[i].bus, transmit[i], sizeof frames[i].bus);
    }
    const struct ct_policy_rules rules = {.transmit_buses = transmit,
                                          .transmit_bus_count = 2,
                                          .frames = frames,
                                          .frame_count = 2,
                                          .desired = desired,
                                          .desired_count = 4};
    const struct ct_executor_ops ops = {
        .user = asked, .encode = encode_path, .read = never_seen, .vehicle_state = no_state, .status = count_status};
    ct_executor_free(rig->bus.executor);
    ct_policy_free(rig->model.policy);
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, NULL, 0, &rig->bus.executor), CT_OK);
}

static void ask(struct rig *rig, const char *path, uint8_t tag)
{
    const struct ct_executor_asker asker = {.origin = CT_ORIGIN_LOCAL, .client = 1, .valid_ms = 10000};
    struct ct_command command = {.action = CT_ACTION_SET_DESIRED, .value = {.kind = CT_WIRE_NUMBER, .number = 1}};
    command.command_id[0] = tag;
    snprintf(command.path, sizeof command.path, "%s", path);
    ct_executor_submit_for(rig->bus.executor, &command, &asker, rig->bus.now);
}

/* can1's reader sleeps and its port is full. */
static void fill_can1(struct rig *rig)
{
    const struct ct_frame frame = {.id = 0x700, .len = 1};
    for (unsigned i = 0; i < CAPACITY; i++) {
        assert_int_equal(ct_port_write(rig->bus.ports[1].port, &frame), CT_OK);
    }
    assert_int_equal(ct_port_write(rig->bus.ports[1].port, &frame), CT_ERR_FULL);
}

static void test_bus_that_is_full_delays_no_other_bus_s_frames(void **state)
{
    struct rig *rig = *state;
    struct asked asked = {0};
    static struct ct_frame got[CAPACITY];
    set_up_actuators(rig, &asked);
    fill_can1(rig);
    ask(rig, "can1.a", 1);
    ask(rig, "can1.b", 2);
    ask(rig, "can2.a", 3);
    ask(rig, "can2.b", 4);
    turn(rig);
    assert_int_equal(read_far(rig, 2, got, CAPACITY), 2);
    assert_int_equal(got[0].id, 0x300 + 'a');
    assert_int_equal(got[1].id, 0x300 + 'b');
    assert_true(rig->bus.ports[1].has_unsent);
    /* Both of can1 leave in their order as soon as there is room. */
    assert_int_equal(read_far(rig, 1, got, CAPACITY), CAPACITY);
    turn(rig);
    assert_int_equal(read_far(rig, 1, got, CAPACITY), 2);
    assert_int_equal(got[0].id, 0x300 + 'a');
    assert_int_equal(got[1].id, 0x300 + 'b');
    assert_int_equal(asked.failed, 0);
}

static void test_bus_frame_that_waited_too_long_fails_its_own_command(void **state)
{
    struct rig *rig = *state;
    struct asked asked = {0};
    struct ct_frame got[4];
    set_up_actuators(rig, &asked);
    fill_can1(rig);
    ask(rig, "can1.a", 1);
    turn(rig);
    /* Frames of another bus come between its being handed out and its being given up. */
    ask(rig, "can2.a", 2);
    turn(rig);
    assert_int_equal(read_far(rig, 2, got, 4), 1);
    assert_int_equal(asked.failed, 0);
    rig->bus.now += BUS_SEND_PATIENCE;
    turn(rig);
    assert_int_equal(asked.failed, 1);
    assert_int_equal(asked.failed_tag, 1);
    assert_false(rig->bus.ports[1].has_unsent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bus_routes_what_table_and_policy_both_allow, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_gate_lets_nobody_out_unasked, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_routed_frame_that_comes_back_is_not_routed_again, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_flood_leaves_the_other_buses_their_turn, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_full_destination_costs_its_own_frames_only, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_anomalies_are_counted_and_become_rarer_events, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_allocates_nothing_for_frames_and_anomalies, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_that_is_full_delays_no_other_bus_s_frames, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_frame_that_waited_too_long_fails_its_own_command, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_bus_controller_that_is_off_takes_no_frames, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests_name("bus_route_flow", tests, NULL, NULL);
}
