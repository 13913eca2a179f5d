/* Reads of trouble codes by the gateway itself, from the trigger to the events: jobs, executor, ISO-TP and a twin as in
 * the bus thread, two ECUs with DTC memories, and time that the test tells. */
#include "bus_private.h"
#include "dtc_memory.h"
#include "uds_server.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ECUS 2
#define LAMP "can0.STATUS.MIL"

static const char dbc_text[] = "VERSION \"\"\nNS_ :\nBS_:\nBU_: A\n"
                               "BO_ 192 STATUS: 8 A\n SG_ MIL : 0|1@1+ (1,0) [0|1] \"\" A\n";

static const struct ct_dtc_definition definitions[] = {{.code = 0x017100, .confirm = 2}, {.code = 0x030111}};

struct ecu {
    struct ct_dtc_memory *dtcs;
    struct ct_uds_server *server;
    unsigned lists; /* requests of 19 02 */
};

struct rig {
    struct ct_bus bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[1];
    struct ct_settings_ecu ecu_settings[ECUS];
    char texts[5][24];
    struct ct_channels channels;
    struct ct_dbc *dbcs[1];
    struct ct_port port;
    struct ecu ecus[ECUS];
    char events[32][CT_EVENT_TEXT_MAX + CT_EVENT_NAME_MAX + 2];
    size_t event_count;
};

static void make_policy(struct rig *rig)
{
    static const char buses[1][32] = {"can0"};
    const struct ct_policy_when any = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const struct ct_frame_rule frame = {.bus = "can0",
                                        .id = 0x7E0,
                                        .id_mask = 0x7F8,
                                        .len_max = 8,
                                        .max_per_s = 1000,
                                        .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                        .when = any};
    const struct ct_uds_rule uds = {.ecu = "*",
                                    .service = 0x19,
                                    .data_last = 0xFFFF,
                                    .max_per_s = 100,
                                    .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY) | CT_ORIGIN_BIT(CT_ORIGIN_BACKEND),
                                    .when = any};
    const struct ct_policy_rules rules = {.transmit_buses = buses,
                                          .transmit_bus_count = 1,
                                          .frames = &frame,
                                          .frame_count = 1,
                                          .uds = &uds,
                                          .uds_count = 1};
    assert_int_equal(ct_policy_create(&rules, &rig->model.policy), CT_OK);
}

static void make_settings(struct rig *rig)
{
    static const char *const names[] = {"can0", "engine", "gearbox", LAMP, "demo"};
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(rig->texts[i], sizeof rig->texts[i], "%s", names[i]);
    }
    rig->buses[0].name = rig->texts[0];
    for (uint32_t i = 0; i < ECUS; i++) {
        rig->ecu_settings[i] = (struct ct_settings_ecu){
            .name = rig->texts[1 + i], .bus = rig->texts[0], .request_id = 0x7E0 + i, .response_id = 0x7E8 + i};
    }
    rig->settings = (struct ct_settings){.vehicle_id = rig->texts[4],
                                         .buses = rig->buses,
                                         .buses_count = 1,
                                         .ecus = rig->ecu_settings,
                                         .ecus_count = ECUS,
                                         .dtc_reads = {.on_new_dtc = true, .pause_s = 60, .warning = rig->texts[3]}};
}

static void make_model(struct rig *rig)
{
    struct ct_pipeline *pipeline = &rig->model.pipeline;
    char problem[200];
    assert_int_equal(ct_dbc_parse("test.dbc", dbc_text, sizeof dbc_text - 1, NULL, NULL, &rig->dbcs[0]), CT_OK);
    const struct ct_bind_bus bus = {.name = "can0", .dbcs = rig->dbcs, .dbc_count = 1};
    assert_int_equal(ct_bind_create(&bus, 1, NULL, "", &pipeline->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline->bind, &pipeline->twin), CT_OK);
    assert_int_equal(ct_collect_create(NULL, 0, ct_bind_catalogue(pipeline->bind), &pipeline->collect), CT_OK);
    rig->model.sources = (struct ct_vehicle_sources){CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, CT_NO_SOURCE, 0};
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(pipeline->bind), LAMP, &rig->model.sources.warning), CT_OK);
    rig->model.settings = &rig->settings;
}

static void make_ecu(struct ecu *ecu, uint32_t index)
{
    const struct ct_dtc_memory_config memory = {.definitions = definitions, .count = 2};
    assert_int_equal(ct_dtc_memory_create(&memory, &ecu->dtcs), CT_OK);
    const struct ct_uds_server_config server = {.isotp = ct_isotp_config_usual(0x7E8 + index, 0x7E0 + index),
                                                .dtcs = ecu->dtcs};
    assert_int_equal(ct_uds_server_create(&server, &ecu->server), CT_OK);
}

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    make_settings(rig);
    make_policy(rig);
    make_model(rig);
    for (uint32_t i = 0; i < ECUS; i++) {
        make_ecu(&rig->ecus[i], i);
    }
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 65536), CT_OK);
    assert_int_equal(ct_ring_create(65536, &rig->bus.owed), CT_OK);
    rig->bus.model = &rig->model;
    rig->bus.channels = &rig->channels;
    rig->bus.ports[0].port = &rig->port;
    rig->bus.port_count = 1;
    rig->bus.now = 1000 * CT_NS_PER_S;
    assert_int_equal(ct_bus_executor_open(&rig->bus), CT_OK);
    assert_int_equal(ct_bus_jobs_open(&rig->bus), CT_OK);
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    ct_jobs_free(rig->bus.jobs);
    ct_executor_free(rig->bus.executor);
    for (size_t i = 0; i < ECUS; i++) {
        ct_uds_server_free(rig->ecus[i].server);
        ct_dtc_memory_free(rig->ecus[i].dtcs);
    }
    ct_policy_free(rig->model.policy);
    ct_pipeline_close(&rig->model.pipeline);
    ct_ring_destroy(rig->bus.owed);
    ct_channel_close(&rig->channels.bus_to_storage);
    free(rig);
    return 0;
}

/* ---- the bus thread and its vehicle */

static void to_ecus(struct rig *rig, const struct ct_frame *frame)
{
    for (size_t i = 0; i < ECUS; i++) {
        rig->ecus[i].lists += frame->id == 0x7E0 + i && memcmp(frame->data, "\x03\x19\x02", 3) == 0 ? 1U : 0U;
        (void)ct_uds_server_receive(rig->ecus[i].server, frame, rig->bus.now);
    }
}

static void step(struct rig *rig)
{
    struct ct_bus *bus = &rig->bus;
    struct ct_frame frame;
    (void)ct_pipeline_tick(&rig->model.pipeline, bus->now, ct_bus_emit, bus);
    (void)ct_executor_tick(bus->executor, bus->now);
    (void)ct_bus_reads_tick(bus);
    (void)ct_jobs_tick(bus->jobs, bus->now);
    while (ct_executor_next_frame(bus->executor, &frame, bus->now) == CT_OK) {
        to_ecus(rig, &frame);
    }
    for (size_t i = 0; i < ECUS; i++) {
        (void)ct_uds_server_tick(rig->ecus[i].server, bus->now);
        while (ct_uds_server_next_frame(rig->ecus[i].server, &frame, bus->now) == CT_OK) {
            frame.bus = 0;
            (void)ct_executor_receive(bus->executor, &frame, bus->now);
        }
    }
}

static void drain(struct rig *rig)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    struct ct_msg_event event;
    while (ct_ring_peek(rig->channels.bus_to_storage.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_EVENT) {
            memcpy(&event, data, sizeof event);
            assert_true(rig->event_count < 32);
            (void)snprintf(rig->events[rig->event_count++], sizeof rig->events[0], "%s %s", event.name, event.text);
        }
        ct_ring_pop(rig->channels.bus_to_storage.ring);
    }
}

static void run(struct rig *rig, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        step(rig);
        rig->bus.now += CT_NS_PER_MS;
    }
    drain(rig);
}

static void show_lamp(struct rig *rig, bool on)
{
    const struct ct_frame frame = {.id = 192, .len = 8, .data = {on ? 1 : 0}, .t_ns = rig->bus.now};
    struct ct_bus_counts counts = {0};
    (void)ct_pipeline_frame(&rig->model.pipeline, &frame, rig->bus.now, &counts, ct_bus_emit, &rig->bus);
}

static size_t told(const struct rig *rig, const char *beginning)
{
    size_t n = 0;
    for (size_t i = 0; i < rig->event_count; i++) {
        n += strncmp(rig->events[i], beginning, strlen(beginning)) == 0 ? 1U : 0U;
    }
    return n;
}

/* ---- tests */

static void test_reads_flow_code_confirmed_in_a_read_of_the_backend_is_read_once_more(void **state)
{
    struct rig *rig = *state;
    const struct ct_command job = {
        .action = CT_ACTION_DIAGNOSTIC_JOB, .ecu = "engine", .job_kind = CT_DIAGNOSTIC_READ_DTCS, .seq = 1};
    ct_dtc_report(rig->ecus[0].dtcs, 0, true); /* pending: it is confirmed in the second failing cycle */
    run(rig, 2000);
    assert_int_equal(rig->ecus[0].lists, 1); /* at the start */
    assert_int_equal(told(rig, "dtc-confirmed"), 0);
    run(rig, 120000);
    assert_int_equal(rig->ecus[0].lists, 1); /* and no more by itself */
    ct_dtc_next_cycle(rig->ecus[0].dtcs);
    ct_dtc_report(rig->ecus[0].dtcs, 0, true);
    ct_jobs_submit(rig->bus.jobs, &job, CT_ORIGIN_BACKEND, false, 10000, rig->bus.now);
    run(rig, 2000);
    assert_int_equal(told(rig, "dtc-confirmed engine: trouble code 017100"), 1);
    assert_int_equal(rig->ecus[0].lists, 3); /* the backend's and ours */
    assert_int_equal(rig->ecus[1].lists, 2);
    run(rig, 300000);
    assert_int_equal(rig->ecus[0].lists, 3);
}

static void test_reads_flow_warning_reads_what_the_ecus_have_then(void **state)
{
    struct rig *rig = *state;
    run(rig, 100000);
    show_lamp(rig, false);
    run(rig, 100);
    assert_int_equal(rig->ecus[1].lists, 1);
    ct_dtc_report(rig->ecus[1].dtcs, 1, true);
    show_lamp(rig, true);
    run(rig, 1000);
    assert_int_equal(told(rig, "dtc-warning"), 1);
    assert_int_equal(told(rig, "dtc-new gearbox: trouble code 030111"), 1);
    assert_int_equal(told(rig, "dtc-confirmed gearbox: trouble code 030111"), 1);
    assert_int_equal(rig->ecus[1].lists, 2);
    run(rig, 58000);
    assert_int_equal(rig->ecus[1].lists, 2); /* the pause: what this read showed is looked at again, after it */
    run(rig, 120000);
    assert_int_equal(rig->ecus[1].lists, 3);
}

static void test_reads_flow_lamp_that_flickers_stays_in_the_budget(void **state)
{
    struct rig *rig = *state;
    run(rig, 1000);
    for (int i = 0; i < 300; i++) {
        show_lamp(rig, i % 2 == 0);
        run(rig, 1000);
    }
    assert_true(rig->event_count < 32 && told(rig, "dtc-warning") <= 6); /* one for each read */
    assert_int_equal(rig->ecus[0].lists, 1 + 300 / 60);
}

static void test_reads_flow_switched_off_asks_nothing(void **state)
{
    struct rig *rig = *state;
    rig->settings.dtc_reads.on_new_dtc = false;
    show_lamp(rig, true);
    run(rig, 5000);
    assert_int_equal(rig->ecus[0].lists + rig->ecus[1].lists, 0);
    assert_int_equal(rig->event_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reads_flow_code_confirmed_in_a_read_of_the_backend_is_read_once_more,
                                        rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_reads_flow_warning_reads_what_the_ecus_have_then, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_reads_flow_lamp_that_flickers_stays_in_the_budget, rig_setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(test_reads_flow_switched_off_asks_nothing, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
