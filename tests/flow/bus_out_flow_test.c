/* What the bus thread hands to a storage thread that does not follow: the test is that thread, with a small ring. */
#include "bus_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS CT_NS_PER_MS

struct taken {
    size_t samples, gaps, states, events;
    int64_t raw;
    struct ct_msg_gap gap;
};

struct rig {
    struct ct_bus *bus;
    struct ct_model model;
    struct ct_settings settings;
    struct ct_settings_bus buses[1];
    char bus_name[8];
    struct ct_channels channels;
    struct ct_dbc *dbc;
    struct ct_port port;
    struct taken taken;
};

static const char dbc_text[] = "BU_: E\nBO_ 1 M: 8 E\n SG_ X : 0|8@1+ (1,0) [0|0] \"\" E\n"
                               " SG_ Y : 8|8@1+ (1,0) [0|0] \"\" E\n";

static int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    char problem[200];
    struct ct_pipeline *pipeline = &rig->model.pipeline;
    const struct ct_collect_rule all = {.match = "*", .on_change = true};
    assert_int_equal(ct_dbc_parse("a.dbc", dbc_text, strlen(dbc_text), NULL, NULL, &rig->dbc), CT_OK);
    const struct ct_bind_bus bind = {.name = "can0", .dbcs = &rig->dbc, .dbc_count = 1};
    assert_int_equal(ct_bind_create(&bind, 1, NULL, "", &pipeline->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(pipeline->bind, &pipeline->twin), CT_OK);
    assert_int_equal(ct_collect_create(&all, 1, ct_bind_catalogue(pipeline->bind), &pipeline->collect), CT_OK);
    assert_int_equal(ct_channel_open(&rig->channels.bus_to_storage, 4096), CT_OK);
    memcpy(rig->bus_name, "can0", 5);
    rig->buses[0].name = rig->bus_name;
    rig->settings.buses = rig->buses;
    rig->settings.buses_count = 1;
    rig->model.settings = &rig->settings;
    rig->bus = calloc(1, sizeof *rig->bus);
    assert_non_null(rig->bus);
    assert_int_equal(ct_ring_create(65536, &rig->bus->owed), CT_OK);
    rig->bus->model = &rig->model;
    rig->bus->channels = &rig->channels;
    rig->bus->ports[0].port = &rig->port;
    rig->bus->port_count = 1;
    rig->bus->now = 1000 * MS;
    *state = rig;
    return 0;
}

static int rig_teardown(void **state)
{
    struct rig *rig = *state;
    ct_pipeline_close(&rig->model.pipeline);
    ct_ring_destroy(rig->bus->owed);
    ct_channel_close(&rig->channels.bus_to_storage);
    free(rig->bus);
    free(rig);
    return 0;
}

static void frame(struct rig *rig, uint8_t x, int64_t ms)
{
    struct ct_bus_counts counts = {0};
    const struct ct_frame frame = {.id = 1, .len = 8, .t_ns = ms * MS, .data = {x, x}};
    rig->bus->now = ms * MS;
    ct_pipeline_frame(&rig->model.pipeline, &frame, rig->bus->now, &counts, ct_bus_emit, rig->bus);
}

static void tick(struct rig *rig, int64_t ms)
{
    rig->bus->now = ms * MS;
    (void)ct_pipeline_tick(&rig->model.pipeline, rig->bus->now, ct_bus_emit, rig->bus);
    (void)ct_bus_out_flush(rig->bus);
}

static void fill(struct rig *rig)
{
    static const uint8_t nothing[64];
    while (ct_ring_push(rig->channels.bus_to_storage.ring, 0, nothing, sizeof nothing) == CT_OK) {
    }
    while (ct_ring_push(rig->channels.bus_to_storage.ring, 0, NULL, 0) == CT_OK) {
    }
}

static void drain(struct rig *rig)
{
    struct taken *taken = &rig->taken;
    struct ct_sample sample;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(rig->channels.bus_to_storage.ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_SAMPLE) {
            memcpy(&sample, data, sizeof sample);
            taken->samples++;
            taken->raw = sample.raw;
        } else if (type == CT_MSG_GAP) {
            taken->gaps++;
            memcpy(&taken->gap, data, sizeof taken->gap);
        }
        taken->states += type == CT_MSG_STATE ? 1U : 0U;
        taken->events += type == CT_MSG_EVENT ? 1U : 0U;
        ct_ring_pop(rig->channels.bus_to_storage.ring);
    }
}

static void test_bus_sample_refused_and_then_taken_is_not_lost(void **state)
{
    struct rig *rig = *state;
    fill(rig);
    frame(rig, 7, 1000);
    for (int64_t ms = 1000; ms < 2000; ms += 50) {
        tick(rig, ms);
    }
    drain(rig);
    tick(rig, 2100);
    drain(rig);
    assert_int_equal(rig->taken.samples, 2);
    assert_int_equal(rig->taken.raw, 7);
    assert_int_equal(rig->taken.gaps, 0);
    assert_int_equal(rig->bus->lost_total, 0);
}

static void test_bus_value_overwritten_before_there_was_room_is_lost_once(void **state)
{
    struct rig *rig = *state;
    fill(rig);
    frame(rig, 7, 1000); /* two signals */
    tick(rig, 1150);
    frame(rig, 8, 1200);
    tick(rig, 1350);
    drain(rig);
    tick(rig, 1500);
    tick(rig, 1700);
    drain(rig);
    assert_int_equal(rig->taken.samples, 2);
    assert_int_equal(rig->taken.raw, 8);
    assert_int_equal(rig->taken.gaps, 1);
    assert_int_equal(rig->taken.gap.samples, 2);
    assert_int_equal(rig->taken.gap.reason, CT_GAP_QUEUE_FULL);
    assert_true(rig->taken.gap.from_ns == 1000 * MS && rig->taken.gap.to_ns == 1000 * MS);
    assert_int_equal(rig->bus->lost_total, 2);
}

static void test_bus_sample_that_waits_at_the_stop_is_lost(void **state)
{
    struct rig *rig = *state;
    fill(rig);
    frame(rig, 7, 1000);
    drain(rig);
    ct_bus_give_up_samples(rig->bus);
    tick(rig, 2000);
    drain(rig);
    assert_int_equal(rig->taken.samples, 0);
    assert_int_equal(rig->taken.gaps, 1);
    assert_int_equal(rig->taken.gap.samples, 2);
}

static void test_bus_snapshot_without_room_comes_later(void **state)
{
    struct rig *rig = *state;
    frame(rig, 7, 1000);
    fill(rig);
    rig->bus->snapshot_wanted = true;
    assert_false(ct_bus_out_flush(rig->bus));
    drain(rig);
    assert_int_equal(rig->taken.states, 0);
    tick(rig, 1100);
    drain(rig);
    assert_int_equal(rig->taken.states, 1);
    assert_true(ct_bus_out_flush(rig->bus));
    drain(rig);
    assert_int_equal(rig->taken.states, 1);
}

static void port_says(struct rig *rig, int64_t ms, bool up, uint64_t lost, bool last)
{
    rig->bus->now = ms * MS;
    rig->port.stats.up = up;
    rig->port.stats.lost = lost;
    ct_bus_tell_port(rig->bus, &rig->bus->ports[0], last);
    drain(rig);
}

static void test_bus_that_was_away_leaves_a_gap_of_that_time(void **state)
{
    struct rig *rig = *state;
    port_says(rig, 1000, true, 0, false);
    assert_int_equal(rig->taken.gaps, 0);
    port_says(rig, 2000, false, 0, false);
    port_says(rig, 3000, false, 0, false);
    assert_int_equal(rig->taken.gaps, 0);
    port_says(rig, 5000, true, 0, false);
    assert_int_equal(rig->taken.gaps, 1);
    assert_int_equal(rig->taken.gap.reason, CT_GAP_BUS_LOSS);
    assert_int_equal(rig->taken.gap.samples, 0);
    assert_true(rig->taken.gap.from_ns == 2000 * MS && rig->taken.gap.to_ns == 5000 * MS);
    /* and once more when the gateway stops meanwhile */
    port_says(rig, 6000, false, 0, false);
    rig->bus->stopping = true;
    port_says(rig, 7000, false, 0, true);
    assert_int_equal(rig->taken.gaps, 2);
    assert_true(rig->taken.gap.from_ns == 6000 * MS && rig->taken.gap.to_ns == 7000 * MS);
}

static void test_bus_that_was_away_between_two_looks_leaves_a_gap_too(void **state)
{
    struct rig *rig = *state;
    port_says(rig, 1000, true, 0, false);
    port_says(rig, 2000, true, 0, false);
    rig->port.stats.outages = 1;
    port_says(rig, 2500, true, 0, false);
    assert_int_equal(rig->taken.gaps, 1);
    assert_int_equal(rig->taken.gap.reason, CT_GAP_BUS_LOSS);
    assert_true(rig->taken.gap.from_ns == 2000 * MS && rig->taken.gap.to_ns == 2500 * MS);
    port_says(rig, 2600, true, 0, false);
    assert_int_equal(rig->taken.gaps, 1);
}

static void test_bus_log_that_is_over_leaves_no_gap(void **state)
{
    struct rig *rig = *state;
    port_says(rig, 1000, true, 0, false);
    rig->bus->ports[0].ended = true;
    port_says(rig, 2000, false, 0, true);
    rig->bus->stopping = true;
    port_says(rig, 3000, false, 0, true);
    assert_int_equal(rig->taken.gaps, 0);
}

static void test_bus_losses_in_quick_succession_are_told_at_the_end(void **state)
{
    struct rig *rig = *state;
    port_says(rig, 1000, true, 0, false);
    port_says(rig, 1100, true, 5, false);
    assert_int_equal(rig->taken.gaps, 1);
    port_says(rig, 1200, true, 9, false); /* within a second: later */
    assert_int_equal(rig->taken.gaps, 1);
    port_says(rig, 1300, true, 9, true);
    assert_int_equal(rig->taken.gaps, 2);
    assert_int_equal(rig->taken.gap.reason, CT_GAP_BUS_LOSS);
    assert_true(rig->taken.gap.from_ns == 1100 * MS && rig->taken.gap.to_ns == 1300 * MS);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_bus_sample_refused_and_then_taken_is_not_lost),
        T(test_bus_value_overwritten_before_there_was_room_is_lost_once),
        T(test_bus_sample_that_waits_at_the_stop_is_lost),
        T(test_bus_snapshot_without_room_comes_later),
        T(test_bus_that_was_away_leaves_a_gap_of_that_time),
        T(test_bus_that_was_away_between_two_looks_leaves_a_gap_too),
        T(test_bus_log_that_is_over_leaves_no_gap),
        T(test_bus_losses_in_quick_succession_are_told_at_the_end),
    };
    return cmocka_run_group_tests_name("bus_out", tests, NULL, NULL);
}
