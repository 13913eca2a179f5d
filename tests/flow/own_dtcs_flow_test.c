/* The gateway's own trouble codes over restarts: from the bus thread's health through the storage thread's file to the
 * next run's answers, which a tester reads by ISO-TP. */
#include "bus_private.h"
#include "own_ecu.h"
#include "storage_private.h"

#include "bytes.h"
#include "store_support.h"
#include "uds_client.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S CT_NS_PER_S

struct rig {
    char dir[SCRATCH_MAX];
    struct ct_bus bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[1];
    char bus_name[8], vehicle_id[8];
    struct ct_channels channels;
    struct ct_port *far; /* the vehicle's side */
    struct ct_storage storage;
    unsigned files; /* written */
};

static void run_begins(struct rig *rig)
{
    const struct ct_executor_ops ops = {0};
    assert_int_equal(ct_executor_create(&ops, rig->model.policy, NULL, 0, &rig->bus.executor), CT_OK);
    assert_int_equal(ct_bus_diag_open(&rig->bus), CT_OK);
}

/* Without a clean end nothing more is handed over. */
static void run_ends(struct rig *rig)
{
    ct_bus_diag_close(&rig->bus);
    ct_executor_free(rig->bus.executor);
}

static void make_model(struct rig *rig)
{
    static const char transmit[][32] = {"can0"};
    static const bool fd[CT_ROUTES_BUSES_MAX] = {false};
    const struct ct_frame_rule rule = {.bus = "can0",
                                       .id = 0x7EE,
                                       .id_mask = 0x7FF,
                                       .len_max = 8,
                                       .max_per_s = 1e6,
                                       .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                       .when = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN}};
    const struct ct_policy_rules rules = {
        .transmit_buses = transmit, .transmit_bus_count = 1, .frames = &rule, .frame_count = 1};
    const struct ct_bind_bus bus = {.name = "can0"};
    char problem[200];
    size_t wrong = 0;
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
    assert_int_equal(ct_routes_create(NULL, 0, fd, &rig->model.routes, &wrong), CT_OK);
    assert_int_equal(ct_bind_create(&bus, 1, NULL, "", &rig->model.pipeline.bind, problem, sizeof problem), CT_OK);
    rig->model.settings = &rig->settings;
    rig->model.sources =
        (struct ct_vehicle_sources){CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE};
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    scratch_make(rig->dir);
    memcpy(rig->bus_name, "can0", 5);
    memcpy(rig->vehicle_id, "demo", 5);
    rig->buses[0].name = rig->bus_name;
    rig->buses[0].transmit = true;
    rig->settings =
        (struct ct_settings){.vehicle_id = rig->vehicle_id,
                             .state_dir = rig->dir,
                             .buses = rig->buses,
                             .buses_count = 1,
                             .diagnostics = {.bus = rig->bus_name, .request_id = 0x7E6, .response_id = 0x7EE}};
    make_model(rig);
    assert_int_equal(ct_port_pair(256, &rig->bus.ports[0].port, &rig->far), CT_OK);
    rig->bus.ports[0].watch.fd = rig->bus.ports[0].port->fd;
    ct_bus_watch_open(&rig->bus.ports[0], 0);
    rig->bus.model = &rig->model;
    rig->bus.channels = &rig->channels;
    rig->bus.port_count = 1;
    rig->bus.now = 1000 * S;
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 65536), CT_OK);
    assert_int_equal(ct_ring_create(65536, &rig->bus.owed), CT_OK);
    (void)snprintf(rig->storage.own_dtcs, sizeof rig->storage.own_dtcs, "%s/%s", rig->dir, CT_STORAGE_OWN_DTCS);
    run_begins(rig);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    run_ends(rig);
    ct_port_close(rig->bus.ports[0].port);
    ct_port_close(rig->far);
    ct_policy_free(rig->model.policy);
    ct_routes_free(rig->model.routes);
    ct_pipeline_close(&rig->model.pipeline);
    ct_ring_destroy(rig->bus.owed);
    ct_channel_close(&rig->channels.bus_to_storage);
    tree_remove(rig->dir);
    free(rig);
    return 0;
}

static void storage_takes(struct rig *rig)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(rig->channels.bus_to_storage.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_OWN_DTCS) {
            ct_storage_own_dtcs(&rig->storage, data, len);
            rig->files++;
        }
        ct_ring_pop(rig->channels.bus_to_storage.ring);
    }
}

static void pass(struct rig *rig, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        rig->bus.now += S;
        (void)ct_bus_diag_tick(&rig->bus);
        storage_takes(rig);
    }
}

/* What a tester is answered, as hex. */
static void ask(struct rig *rig, const char *request, char *out, size_t size)
{
    const struct ct_uds_client_config config = {.isotp = ct_isotp_config_usual(0x7E6, 0x7EE)};
    struct ct_uds_client *client = NULL;
    struct ct_uds_result result;
    struct ct_frame frame;
    uint8_t bytes[16];
    size_t count = 0;
    const size_t len = strlen(request) / 2;
    assert_int_equal(ct_hex_decode(bytes, request, len), CT_OK);
    assert_int_equal(ct_uds_client_create(&config, &client), CT_OK);
    assert_int_equal(ct_uds_client_request(client, bytes, len, rig->bus.now), CT_OK);
    while (ct_uds_client_result(client, &result) != CT_OK) {
        while (ct_uds_client_next_frame(client, &frame, rig->bus.now) == CT_OK) {
            ct_bus_diag_frame(&rig->bus, &frame);
        }
        (void)ct_bus_diag_tick(&rig->bus);
        while (ct_port_read(rig->far, &frame, 1, &count) == CT_OK && count == 1) {
            (void)ct_uds_client_receive(client, &frame, rig->bus.now);
        }
        rig->bus.now += CT_NS_PER_MS;
        (void)ct_uds_client_tick(client, rig->bus.now);
    }
    assert_int_equal(result.outcome, CT_UDS_POSITIVE);
    assert_true(2 * result.len < size);
    ct_hex_encode(out, result.response, result.len);
    ct_uds_client_free(client);
    storage_takes(rig);
}

static void expect(struct rig *rig, const char *request, const char *answer)
{
    char text[256];
    ask(rig, request, text, sizeof text);
    assert_string_equal(text, answer);
}

static void test_own_dtcs_survive_a_kill_and_a_clean_end(void **state)
{
    struct rig *rig = *state;
    pass(rig, 2);
    rig->bus.ports[0].port->stats.up = false;
    pass(rig, 15);
    expect(rig, "190208", "5902ffd603002f"); /* U1603-00 a bus is down: confirmed and failing */
    rig->bus.ports[0].port->stats.up = true;
    run_ends(rig); /* killed: nothing more is handed over */
    run_begins(rig);
    expect(rig, "190208", "5902ffd603006d");
    pass(rig, 2);
    expect(rig, "190208", "5902ffd603002c"); /* passed in this run */
    ct_bus_diag_stop(&rig->bus);
    storage_takes(rig);
    run_ends(rig);
    run_begins(rig);
    expect(rig, "190208", "5902ffd6030068"); /* a run passed: pending no more, confirmed still */
}

static void test_own_dtcs_cleared_by_a_tester_stay_cleared(void **state)
{
    struct rig *rig = *state;
    rig->bus.ports[0].port->stats.up = false;
    pass(rig, 3);
    rig->bus.ports[0].port->stats.up = true;
    pass(rig, 12);
    expect(rig, "1003", "5003003201f4");
    expect(rig, "14ffffff", "54");
    ct_bus_diag_stop(&rig->bus);
    storage_takes(rig);
    run_ends(rig);
    run_begins(rig);
    expect(rig, "190208", "5902ff");
}

static void test_own_dtcs_that_come_and_go_each_second_are_written_every_ten(void **state)
{
    struct rig *rig = *state;
    pass(rig, 30); /* the first results */
    const unsigned before = rig->files;
    for (int i = 0; i < 300; i++) {
        rig->bus.ports[0].port->stats.up = i % 2 == 0;
        pass(rig, 1);
    }
    assert_in_range(rig->files - before, 29, 31);
    rig->bus.ports[0].port->stats.up = true;
    pass(rig, 15);
    const unsigned after = rig->files;
    pass(rig, 600);
    assert_int_equal(rig->files, after); /* and not at all without a change */
}

static void test_own_dtcs_of_a_damaged_file_begin_anew(void **state)
{
    struct rig *rig = *state;
    rig->bus.ports[0].port->stats.up = false;
    pass(rig, 3);
    run_ends(rig);
    struct bytes bytes = file_get(rig->storage.own_dtcs);
    bytes.data[bytes.len / 2] ^= 1;
    file_put(rig->storage.own_dtcs, bytes.data, bytes.len);
    free(bytes.data);
    rig->bus.ports[0].port->stats.up = true;
    run_begins(rig);
    expect(rig, "190208", "5902ff");
    rig->bus.ports[0].port->stats.up = false;
    pass(rig, 12);
    run_ends(rig);
    run_begins(rig);
    expect(rig, "190208", "5902ffd603006d"); /* and it is kept again */
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_own_dtcs_survive_a_kill_and_a_clean_end),
        T(test_own_dtcs_cleared_by_a_tester_stay_cleared),
        T(test_own_dtcs_that_come_and_go_each_second_are_written_every_ten),
        T(test_own_dtcs_of_a_damaged_file_begin_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
