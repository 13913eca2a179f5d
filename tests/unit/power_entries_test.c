/* The power state as entries of the twin, read back through the database that describes them. */
#include "bind.h"
#include "power.h"
#include "power_entries.h"
#include "testing.h"

#define MS CT_NS_PER_MS

static void assert_entry(const struct ct_bind *bind, const struct ct_twin *twin, const char *name, int64_t raw)
{
    uint32_t id = 0;
    struct ct_reading reading;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(bind), name, &id), CT_OK);
    assert_int_equal(ct_twin_get(twin, id, &reading), CT_OK);
    assert_int_equal(reading.sample.quality, 0);
    assert_int_equal((int64_t)ct_entry_physical(ct_catalogue_entry(ct_bind_catalogue(bind), id), &reading.sample), raw);
}

static void test_power_entries_show_state_and_lines(void **state)
{
    (void)state;
    struct ct_dbc *dbcs[1];
    struct ct_bind *bind = NULL;
    struct ct_twin *twin = NULL;
    struct ct_bus_counts counts = {0};
    char problem[300];
    assert_int_equal(ct_power_entries_create(&dbcs[0]), CT_OK);
    const struct ct_bind_bus bus = {.name = CT_POWER_ENTRIES_BUS, .dbcs = dbcs, .dbc_count = 1};
    assert_int_equal(ct_bind_create(&bus, 1, NULL, NULL, &bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(bind, &twin), CT_OK);
    const struct ct_power_config config = {.has_ignition = true, .debounce_ns = 50 * MS};
    struct ct_power power;
    struct ct_power_change change;
    ct_power_init(&power, &config, 0);
    ct_power_set_line(&power, CT_POWER_IGNITION, true, true, 0);
    while (ct_power_step(&power, 1000 * MS, &change)) {
    }
    ct_power_set_work(&power, (struct ct_power_work){.outbox = true}, 1000 * MS);
    struct ct_frame frame = ct_power_entries_frame(&power, 4000000000U, 1000 * MS);
    assert_int_equal(ct_bind_frame(bind, twin, &frame, 1000 * MS, &counts), CT_FRAME_DECODED);
    assert_entry(bind, twin, "gateway.Power.State", 2); /* run is the third */
    assert_entry(bind, twin, "gateway.Power.Ignition", 1);
    assert_entry(bind, twin, "gateway.Power.WakeLine", 0);
    assert_entry(bind, twin, "gateway.Power.Transceiver", 1);
    assert_entry(bind, twin, "gateway.Power.Polling", 1);
    assert_entry(bind, twin, "gateway.Power.WorkPending", 1);
    assert_entry(bind, twin, "gateway.Power.Transitions", 4000000000);
    ct_twin_free(twin);
    ct_bind_free(bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_power_entries_show_state_and_lines)};
    return cmocka_run_group_tests_name("power_entries", tests, NULL, NULL);
}
