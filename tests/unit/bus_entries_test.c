/* The buses' own entries: made as a database, bound like any other, filled by frames. */
#include "bind.h"
#include "bus_entries.h"
#include "testing.h"

#include <stdio.h>

struct fixture {
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct ct_bus_counts counts;
};

static void open_fixture(struct fixture *f, const char *const *names, size_t count)
{
    struct ct_dbc *dbcs[CT_BUS_ENTRIES_KINDS];
    char problem[300];
    assert_int_equal(ct_bus_entries_create(names, count, dbcs), CT_OK);
    const struct ct_bind_bus bus = {.name = CT_BUS_ENTRIES_BUS, .dbcs = dbcs, .dbc_count = CT_BUS_ENTRIES_KINDS};
    assert_int_equal(ct_bind_create(&bus, 1, NULL, NULL, &f->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(f->bind, &f->twin), CT_OK);
}

static void close_fixture(struct fixture *f)
{
    ct_twin_free(f->twin);
    ct_bind_free(f->bind);
}

static struct ct_reading reading_of(const struct fixture *f, const char *name, const struct ct_entry **out_entry)
{
    uint32_t id = 0;
    struct ct_reading reading;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(f->bind), name, &id), CT_OK);
    assert_int_equal(ct_twin_get(f->twin, id, &reading), CT_OK);
    *out_entry = ct_catalogue_entry(ct_bind_catalogue(f->bind), id);
    return reading;
}

static void assert_value(const struct fixture *f, const char *name, double value)
{
    const struct ct_entry *entry;
    const struct ct_reading reading = reading_of(f, name, &entry);
    assert_int_equal(reading.sample.quality, 0);
    const double apart = ct_entry_physical(entry, &reading.sample) - value;
    assert_true(apart > -1e-9 && apart < 1e-9);
}

static void feed(struct fixture *f, struct ct_frame frame)
{
    frame.t_ns = 1000;
    assert_int_equal(ct_bind_frame(f->bind, f->twin, &frame, 1000, &f->counts), CT_FRAME_DECODED);
}

static void test_bus_entries_each_kind_fills_its_own_signals(void **state)
{
    (void)state;
    const char *const names[] = {"can0", "body-2"};
    struct fixture f = {0};
    const struct ct_entry *entry;
    open_fixture(&f, names, 2);
    feed(&f, ct_bus_entries_load(1, 62.34));
    assert_value(&f, "bus.body_2.BusLoad", 62.3);
    assert_int_equal(reading_of(&f, "bus.can0.BusLoad", &entry).sample.quality, CT_Q_NEVER_SEEN);
    assert_int_equal(reading_of(&f, "bus.body_2.ControllerState", &entry).sample.quality, CT_Q_NEVER_SEEN);
    const struct ct_bus_health health = {
        .known = true, .state = CT_BUS_OFF, .tx_errors = 256, .rx_errors = 127, .bus_offs = 70000};
    feed(&f, ct_bus_entries_health(0, &health));
    assert_value(&f, "bus.can0.TxErrorCounter", 256);
    assert_value(&f, "bus.can0.RxErrorCounter", 127);
    assert_value(&f, "bus.can0.BusOffs", 70000);
    const struct ct_reading reading = reading_of(&f, "bus.can0.ControllerState", &entry);
    assert_string_equal(ct_entry_text(entry, reading.sample.raw), "bus-off");
    feed(&f, ct_bus_entries_losses(1, 5000000000U, 7, 9000000000U));
    assert_value(&f, "bus.body_2.FramesLost", 5e9);
    assert_value(&f, "bus.body_2.FramesUnsent", 7);
    assert_value(&f, "bus.body_2.FramesUnconfirmed", 9e9);
    const struct ct_bus_health errors = {.error_frames = 4000000000U, .bus_errors = 3, .restarts = 2};
    feed(&f, ct_bus_entries_errors(1, &errors));
    assert_value(&f, "bus.body_2.ErrorFrames", 4e9);
    assert_value(&f, "bus.body_2.BusErrors", 3);
    assert_value(&f, "bus.body_2.Restarts", 2);
    feed(&f, ct_bus_entries_network(CT_BUS_ERROR_PASSIVE));
    const struct ct_reading worst = reading_of(&f, "bus.Network.WorstControllerState", &entry);
    assert_string_equal(ct_entry_text(entry, worst.sample.raw), "error-passive");
    const struct ct_anomaly_counts anomalies = {.by_kind = {[CT_ANOMALY_UNKNOWN_ID] = 1,
                                                            [CT_ANOMALY_WRONG_BUS] = 2,
                                                            [CT_ANOMALY_WRONG_LENGTH] = 3,
                                                            [CT_ANOMALY_TOO_FAST] = 4,
                                                            [CT_ANOMALY_TOO_SLOW] = 5,
                                                            [CT_ANOMALY_FOREIGN_REQUEST] = 4000000000U}};
    feed(&f, ct_bus_entries_anomalies(0, &anomalies));
    assert_value(&f, "bus.can0.UnknownIds", 1);
    assert_value(&f, "bus.can0.WrongBus", 2);
    assert_value(&f, "bus.can0.WrongLength", 3);
    assert_value(&f, "bus.can0.TooFast", 4);
    assert_value(&f, "bus.can0.TooSlow", 5);
    assert_value(&f, "bus.can0.ForeignRequests", 4e9);
    close_fixture(&f);
}

static void test_bus_entries_32_buses_fit(void **state)
{
    (void)state;
    static char texts[32][32];
    const char *names[32];
    struct fixture f = {0};
    for (size_t i = 0; i < 32; i++) {
        snprintf(texts[i], sizeof texts[i], "%zu_bus_with_a_long_name_%zu", i, i);
        names[i] = texts[i];
    }
    open_fixture(&f, names, 32);
    assert_int_equal(ct_catalogue_count(ct_bind_catalogue(f.bind)), 32 * 17 + 1);
    feed(&f, ct_bus_entries_load(31, 100));
    assert_value(&f, "bus._1_bus_with_a_long_name_31.BusLoad", 100);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bus_entries_each_kind_fills_its_own_signals),
        cmocka_unit_test(test_bus_entries_32_buses_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
