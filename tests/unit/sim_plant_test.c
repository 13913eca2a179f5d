/* The simulated car's physics: deterministic, inside physical bounds, and consistent with itself. */
#include "testing.h"

#include "plant.h"

#include <math.h>
#include <string.h>

#define SECOND CT_NS_PER_S

static void test_plant_same_seed_gives_the_same_drive(void **state)
{
    (void)state;
    struct ct_plant a;
    struct ct_plant b;
    struct ct_plant c;
    ct_plant_init(&a, 7);
    ct_plant_init(&b, 7);
    ct_plant_init(&c, 8);
    ct_plant_advance(&a, 60 * SECOND);
    for (int i = 1; i <= 600; i++) { /* in other portions of time */
        ct_plant_advance(&b, i * SECOND / 10);
    }
    ct_plant_advance(&c, 60 * SECOND);
    assert_memory_equal(&a.v, &b.v, sizeof a.v);
    assert_int_equal(a.steps, 6000);
    assert_memory_not_equal(&a.v, &c.v, sizeof a.v);
}

static void test_plant_starts_with_the_key_and_drives_off(void **state)
{
    (void)state;
    struct ct_plant plant;
    ct_plant_init(&plant, 1);
    assert_true(plant.v.ignition == CT_IGNITION_LOCK && plant.v.engine_rpm == 0);
    ct_plant_advance(&plant, 1800 * CT_NS_PER_MS);
    assert_true(plant.v.ignition == CT_IGNITION_START && plant.v.engine_state == CT_ENGINE_CRANKING);
    assert_true(plant.v.battery_v < 12); /* the starter pulls the supply down */
    ct_plant_advance(&plant, 3500 * CT_NS_PER_MS);
    assert_true(plant.v.engine_state == CT_ENGINE_RUNNING && plant.v.speed_kmh == 0);
    assert_true(plant.v.battery_v > 13.5);
    ct_plant_advance(&plant, 12 * SECOND);
    assert_true(plant.v.speed_kmh > 30 && plant.v.gear >= 2);
    assert_true(plant.v.door_locked[0] == 1);
}

static void test_plant_stays_inside_physical_bounds_for_an_hour(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct ct_plant plant;
        ct_plant_init(&plant, seed);
        for (int64_t step = 1; step <= 360000; step++) {
            ct_plant_step(&plant);
            const struct ct_plant_values *v = &plant.v;
            assert_true(v->speed_kmh >= 0 && v->speed_kmh < 200);
            assert_true(fabs(v->acceleration_ms2) < 10);
            assert_true(v->engine_rpm >= 0 && v->engine_rpm < 6500);
            assert_true(v->coolant_c > -40 && v->coolant_c < 120);
            assert_true(v->battery_v > 9 && v->battery_v < 15);
            assert_true(v->fuel_l >= 0 && v->fuel_l <= 55);
            assert_true(v->heading_deg >= 0 && v->heading_deg < 360);
            for (size_t i = 0; i < sizeof *v / sizeof(double); i++) {
                double value;
                memcpy(&value, (const char *)v + i * sizeof value, sizeof value);
                assert_true(isfinite(value));
            }
        }
    }
}

static void test_plant_distance_is_the_integral_of_speed(void **state)
{
    (void)state;
    struct ct_plant plant;
    double metres = 0;
    ct_plant_init(&plant, 3);
    const double before = plant.v.odometer_m;
    for (int i = 0; i < 12000; i++) {
        ct_plant_step(&plant);
        metres += plant.v.speed_kmh / 3.6 * 0.01;
    }
    assert_true(metres > 1000);
    assert_true(fabs(plant.v.trip_m - metres) < 0.001);
    assert_true(fabs(plant.v.odometer_m - before - metres) < 0.001);
}

static void test_plant_lamps_follow_their_switches(void **state)
{
    (void)state;
    struct ct_plant plant;
    ct_plant_init(&plant, 3);
    ct_plant_advance(&plant, 5 * SECOND);
    assert_true(plant.v.lamp_a[0] == 0 && plant.v.indicator_left == 0);
    const double consumption = plant.v.alternator_a;
    plant.v.low_beam = 1;
    plant.v.hazard = 1;
    ct_plant_advance(&plant, 7 * SECOND);
    assert_true(plant.v.lamp_a[0] > 3 && plant.v.lamp_a[1] > 3);
    assert_true(plant.v.indicator_left == 1 && plant.v.indicator_right == 1);
    assert_true(plant.v.alternator_a > consumption + 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plant_same_seed_gives_the_same_drive),
        cmocka_unit_test(test_plant_starts_with_the_key_and_drives_off),
        cmocka_unit_test(test_plant_stays_inside_physical_bounds_for_an_hour),
        cmocka_unit_test(test_plant_distance_is_the_integral_of_speed),
        cmocka_unit_test(test_plant_lamps_follow_their_switches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
