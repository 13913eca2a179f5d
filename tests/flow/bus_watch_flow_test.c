/* What the bus thread tells of the buses themselves: controllers, error counts, frames without confirmation, alarms;
 * over ports that say what the test wants, with time that the test tells. */
#include "bus_entries.h"
#include "bus_private.h"
#include "testing.h"

#include <linux/can/error.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BUSES 2
#define MS    CT_NS_PER_MS
#define S     CT_NS_PER_S

/* Reads nothing; wants to be called again when the test says. */
struct fake_port {
    struct ct_port port;
    ct_ns tick_due;
    unsigned ticks;
};

struct rig {
    struct ct_bus bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[BUSES];
    char names[BUSES][8];
    struct ct_channels channels;
    struct fake_port ports[BUSES];
};

static int fake_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    (void)port;
    (void)out_frames;
    (void)max;
    *out_count = 0;
    return CT_ERR_AGAIN;
}

static int fake_write(struct ct_port *port, const struct ct_frame *frame)
{
    (void)frame;
    port->stats.sent++;
    return CT_OK;
}

static ct_ns fake_tick(struct ct_port *port, ct_ns now)
{
    struct fake_port *fake = (struct fake_port *)port;
    (void)now;
    fake->ticks++;
    return fake->tick_due;
}

static void fake_close(struct ct_port *port)
{
    (void)port;
}

static const struct ct_port_ops fake_ops = {
    .read = fake_read, .write = fake_write, .tick = fake_tick, .close = fake_close};

static void set_up_ports(struct rig *rig)
{
    for (size_t i = 0; i < BUSES; i++) {
        rig->ports[i] = (struct fake_port){.port = {.ops = &fake_ops, .fd = -1}, .tick_due = CT_NS_NEVER};
        rig->ports[i].port.stats.up = true;
        rig->bus.ports[i].port = &rig->ports[i].port;
        rig->bus.ports[i].watch.fd = -1;
        rig->bus.ports[i].was_up = true;
        ct_bus_watch_open(&rig->bus.ports[i], 0);
        memcpy(rig->names[i], i == 0 ? "can0" : "can1", 5);
        rig->buses[i] = (struct ct_settings_bus){.name = rig->names[i], .transmit = true};
    }
    rig->settings.buses = rig->buses;
    rig->settings.buses_count = BUSES;
    rig->bus.port_count = BUSES;
}

static void set_up_policy(struct rig *rig)
{
    static const char transmit[][32] = {"can0"};
    const struct ct_frame_rule rule = {.bus = "can0",
                                       .id_mask = 0,
                                       .len_max = 8,
                                       .max_per_s = 1000,
                                       .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                       .when = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN}};
    const struct ct_policy_rules rules = {
        .transmit_buses = transmit, .transmit_bus_count = 1, .frames = &rule, .frame_count = 1};
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
}

static void set_up_twin(struct rig *rig)
{
    struct ct_pipeline *pipeline = &rig->model.pipeline;
    const char *const names[BUSES] = {"can0", "can1"};
    struct ct_dbc *own[CT_BUS_ENTRIES_KINDS];
    char problem[200];
    assert_int_equal(ct_bus_entries_create(names, BUSES, own), CT_OK);
    const struct ct_bind_bus buses[] = {
        {.name = "can0"},
        {.name = "can1"},
        {.name = CT_BUS_ENTRIES_BUS, .dbcs = own, .dbc_count = CT_BUS_ENTRIES_KINDS},
    };
    assert_int_equal(ct_bind_create(buses, 3, NULL, "", &pipeline->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline->bind, &pipeline->twin), CT_OK);
    assert_int_equal(ct_collect_create(NULL, 0, ct_bind_catalogue(pipeline->bind), &pipeline->collect), CT_OK);
}

static int rig_setup(void **state)
{
    static const bool fd[CT_ROUTES_BUSES_MAX] = {false};
    const struct ct_executor_ops ops = {0};
    size_t wrong = 0;
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    set_up_ports(rig);
    set_up_policy(rig);
    set_up_twin(rig);
    assert_int_equal(ct_routes_create(NULL, 0, fd, &rig->model.routes, &wrong), CT_OK);
    assert_int_equal(ct_anomalies_create(NULL, 0, &rig->model.anomalies), CT_OK);
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, NULL, 0, &rig->bus.executor), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 1U << 20), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.storage_to_bus, 65536), CT_OK);
    assert_int_equal(ct_ring_create(65536, &rig->bus.owed), CT_OK);
    assert_int_equal(ct_loop_open(&rig->bus.loop), CT_OK);
    rig->model.settings = &rig->settings;
    rig->model.sources =
        (struct ct_vehicle_sources){CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE};
    rig->bus.model = &rig->model;
    rig->bus.channels = &rig->channels;
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
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

static ct_ns round_at(struct rig *rig, ct_ns now)
{
    rig->bus.now = now;
    return ct_bus_round(&rig->bus);
}

struct told {
    unsigned unconfirmed, alarms, offs;
};

/* All events that wait for the storage thread: they are of can0. */
static struct told take_events(struct rig *rig)
{
    struct ct_ring *ring = rig->channels.bus_to_storage.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    struct told told = {0};
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK) {
        const struct ct_msg_event *event = data;
        if (type == CT_MSG_EVENT) {
            assert_int_equal(event->field_count, 1);
            assert_string_equal(event->fields[0].key, "bus");
            assert_string_equal(event->fields[0].value, "can0");
            told.unconfirmed += strcmp(event->name, "frames-unconfirmed") == 0 ? 1 : 0;
            told.alarms += strcmp(event->name, "bus-off-alarm") == 0 ? 1 : 0;
            told.offs += strcmp(event->name, "bus-off") == 0 ? 1 : 0;
        }
        ct_ring_pop(ring);
    }
    return told;
}

static bool seen(const struct rig *rig, const char *name, struct ct_reading *out_reading)
{
    uint32_t id = 0;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(rig->model.pipeline.bind), name, &id), CT_OK);
    assert_int_equal(ct_twin_get(rig->model.pipeline.twin, id, out_reading), CT_OK);
    return (out_reading->sample.quality & CT_Q_NEVER_SEEN) == 0;
}

static void assert_entry(const struct rig *rig, const char *name, int64_t raw)
{
    struct ct_reading reading;
    assert_true(seen(rig, name, &reading));
    assert_int_equal(reading.sample.raw, raw);
}

static void error_frame(struct rig *rig, size_t bus, uint32_t kind, ct_ns now)
{
    const struct ct_frame frame = {.id = kind, .flags = CT_FRAME_ERR, .len = 8, .t_ns = now};
    ct_bus_watch_frame(&rig->bus.ports[bus], &frame);
}

static void test_unconfirmed_frames_are_event_and_entry_and_paced(void **state)
{
    struct rig *rig = *state;
    struct ct_reading unused;
    (void)round_at(rig, 10 * S);
    assert_false(seen(rig, "bus.can0.FramesUnconfirmed", &unused));
    rig->ports[0].port.stats.unconfirmed = 3;
    (void)round_at(rig, 11 * S);
    assert_int_equal(take_events(rig).unconfirmed, 1);
    assert_entry(rig, "bus.can0.FramesUnconfirmed", 3);
    assert_false(seen(rig, "bus.can1.FramesUnconfirmed", &unused));
    /* More of it within the second waits, and the bus thread comes back for it by itself. */
    rig->ports[0].port.stats.unconfirmed = 5;
    assert_true(round_at(rig, 11 * S + MS) <= 12 * S);
    assert_int_equal(take_events(rig).unconfirmed, 0);
    (void)round_at(rig, 12 * S);
    assert_int_equal(take_events(rig).unconfirmed, 1);
    assert_entry(rig, "bus.can0.FramesUnconfirmed", 5);
}

static void test_written_frame_has_the_port_asked_when_to_come_again(void **state)
{
    struct rig *rig = *state;
    const struct ct_frame frame = {.bus = 0, .id = 0x7E0, .len = 8};
    const struct ct_vehicle_state unknown = {0};
    (void)round_at(rig, 10 * S);
    assert_true(round_at(rig, 13 * S) > 20 * S); /* silent: nothing is due */
    const unsigned ticks = rig->ports[0].ticks;
    /* Written between two turns of the port, as the executor's frames are. */
    rig->ports[0].tick_due = 14 * S;
    assert_int_equal(ct_policy_frame(rig->model.policy, CT_ORIGIN_GATEWAY, "can0", &frame, &unknown, 13 * S),
                     CT_VERDICT_ALLOW);
    struct bus_port *port = &rig->bus.ports[0];
    port->unsent = frame;
    port->has_unsent = true;
    port->unsent_since = 13 * S;
    assert_true(round_at(rig, 13 * S + MS) <= 14 * S);
    assert_int_equal(rig->ports[0].ticks, ticks + 2); /* in its turn, and behind the frame */
    assert_int_equal(rig->ports[0].port.stats.sent, 1);
}

static void test_error_counts_reach_the_twin_without_any_state(void **state)
{
    struct rig *rig = *state;
    struct ct_reading unused;
    (void)round_at(rig, 10 * S);
    assert_false(seen(rig, "bus.can0.ErrorFrames", &unused));
    error_frame(rig, 0, CAN_ERR_PROT, 10 * S);
    error_frame(rig, 0, CAN_ERR_TX_TIMEOUT, 10 * S);
    (void)round_at(rig, 11 * S);
    assert_entry(rig, "bus.can0.ErrorFrames", 2);
    assert_entry(rig, "bus.can0.BusErrors", 1);
    assert_entry(rig, "bus.can0.Restarts", 0);
    assert_false(seen(rig, "bus.can0.ControllerState", &unused));
    assert_false(seen(rig, "bus.Network.WorstControllerState", &unused));
    /* At most ten times a second, and the last one in any case. */
    error_frame(rig, 0, CAN_ERR_PROT, 11 * S);
    assert_true(round_at(rig, 11 * S + MS) <= 11 * S + 100 * MS);
    assert_entry(rig, "bus.can0.ErrorFrames", 2);
    (void)round_at(rig, 11 * S + 100 * MS);
    assert_entry(rig, "bus.can0.ErrorFrames", 3);
}

static void test_network_is_as_good_as_its_worst_controller(void **state)
{
    struct rig *rig = *state;
    const struct {
        size_t bus;
        uint32_t kind;
        enum ct_bus_state worst;
    } steps[] = {
        {0, CAN_ERR_RESTARTED, CT_BUS_ERROR_ACTIVE},
        {1, CAN_ERR_BUSOFF, CT_BUS_OFF},
        {0, CAN_ERR_BUSOFF, CT_BUS_OFF},
        {1, CAN_ERR_RESTARTED, CT_BUS_OFF},
        {0, CAN_ERR_RESTARTED, CT_BUS_ERROR_ACTIVE},
    };
    ct_ns now = 10 * S;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        now += S;
        error_frame(rig, steps[i].bus, steps[i].kind, now);
        (void)round_at(rig, now);
        assert_entry(rig, "bus.Network.WorstControllerState", (int64_t)steps[i].worst);
    }
}

static void test_sixth_bus_off_within_a_minute_is_an_alarm(void **state)
{
    struct rig *rig = *state;
    unsigned alarms = 0, offs = 0;
    for (int i = 1; i <= 6; i++) {
        assert_int_equal(alarms, 0);
        error_frame(rig, 0, CAN_ERR_BUSOFF, i * 10 * S);
        error_frame(rig, 0, CAN_ERR_RESTARTED, i * 10 * S);
        (void)round_at(rig, i * 10 * S);
        const struct told told = take_events(rig);
        alarms += told.alarms;
        offs += told.offs;
    }
    assert_int_equal(alarms, 1);
    assert_int_equal(offs, 6);
    assert_entry(rig, "bus.can0.BusOffs", 6);
    assert_entry(rig, "bus.can0.Restarts", 6);
}

static void test_interface_without_restart_is_warned_of_once(void **state)
{
    struct rig *rig = *state;
    struct ct_port_link *link = &rig->ports[0].port.link;
    *link = (struct ct_port_link){.has_state = true, .has_restart = true, .restart_ms = 100, .revision = 1};
    (void)round_at(rig, 10 * S);
    assert_false(rig->bus.ports[0].restart_told);
    link->restart_ms = 0;
    link->revision++;
    (void)round_at(rig, 11 * S);
    assert_true(rig->bus.ports[0].restart_told);
    assert_false(rig->bus.ports[1].restart_told); /* nothing is known of it */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_unconfirmed_frames_are_event_and_entry_and_paced),
        CASE(test_written_frame_has_the_port_asked_when_to_come_again),
        CASE(test_error_counts_reach_the_twin_without_any_state),
        CASE(test_network_is_as_good_as_its_worst_controller),
        CASE(test_sixth_bus_off_within_a_minute_is_an_alarm),
        CASE(test_interface_without_restart_is_warned_of_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
