/* Doors, lamps, climate and tyres. */
#include "plant_parts.h"

#include <math.h>

#define TIRE_COLD_KPA 230.0

void ct_plant_cold_start(struct ct_plant_values *v)
{
    double *const cold[] = {&v->coolant_c, &v->oil_c,     &v->exhaust_c,   &v->intake_c,
                            &v->gearbox_c, &v->battery_c, &v->alternator_c};
    for (unsigned i = 0; i < sizeof cold / sizeof cold[0]; i++) {
        *cold[i] = v->outside_c;
    }
    for (int i = 0; i < 4; i++) {
        v->tire_c[i] = v->outside_c;
        v->tire_kpa[i] = TIRE_COLD_KPA;
    }
    v->manifold_kpa = v->barometer_kpa;
    v->battery_v = 12.6;
    v->alternator_v = 12;
}

/* The car locks itself once when it gets going; after that a lock does what it is told. */
static void step_locks(struct ct_plant *plant)
{
    struct ct_plant_values *v = &plant->v;
    if (plant->locked || v->speed_kmh < 15) {
        return;
    }
    plant->locked = true;
    for (int i = 0; i < 4; i++) {
        v->door_locked[i] = 1;
    }
}

static double *lamp_value(struct ct_plant_values *v, enum ct_plant_lamp lamp)
{
    double *const values[CT_LAMP_COUNT] = {&v->low_beam, &v->high_beam, &v->hazard};
    return values[lamp];
}

void ct_plant_hold_lamp(struct ct_plant *plant, enum ct_plant_lamp lamp, bool on)
{
    double *value = lamp_value(&plant->v, lamp);
    if ((plant->lamps_held & (1U << lamp)) == 0) {
        plant->lamp_before[lamp] = *value;
        plant->lamps_held |= 1U << lamp;
    }
    plant->lamp_wanted[lamp] = on;
    *value = on;
}

void ct_plant_release_lamp(struct ct_plant *plant, enum ct_plant_lamp lamp)
{
    if ((plant->lamps_held & (1U << lamp)) != 0) {
        plant->lamps_held &= ~(1U << lamp);
        *lamp_value(&plant->v, lamp) = plant->lamp_before[lamp];
    }
}

bool ct_plant_lamp_is_on(const struct ct_plant *plant, enum ct_plant_lamp lamp)
{
    struct ct_plant_values v = plant->v;
    return *lamp_value(&v, lamp) > 0;
}

void ct_plant_fault(struct ct_plant *plant, enum ct_plant_fault fault, bool there)
{
    plant->faults = there ? plant->faults | 1U << fault : plant->faults & ~(1U << fault);
}

bool ct_plant_has_fault(const struct ct_plant *plant, enum ct_plant_fault fault)
{
    return (plant->faults & (1U << fault)) != 0;
}

/* What the driver or a command has switched meanwhile counts again after the release. */
static void step_held(struct ct_plant *plant)
{
    for (unsigned i = 0; i < CT_LAMP_COUNT; i++) {
        double *value = lamp_value(&plant->v, (enum ct_plant_lamp)i);
        if ((plant->lamps_held & (1U << i)) != 0 && *value != plant->lamp_wanted[i]) {
            plant->lamp_before[i] = *value;
            *value = plant->lamp_wanted[i];
        }
    }
}

static void step_lamps(struct ct_plant *plant)
{
    struct ct_plant_values *v = &plant->v;
    step_held(plant);
    const double on[10] = {v->low_beam,        v->low_beam,       v->high_beam,       v->high_beam,   v->indicator_left,
                           v->indicator_right, v->indicator_left, v->indicator_right, v->brake_light, v->brake_light};
    for (int i = 0; i < 10; i++) {
        const double rated = i < 4 ? 4.6 : 1.75;
        v->lamp_a[i] = on[i] * rated * v->battery_v / 13.5 * (1 + 0.01 * ct_plant_random(plant));
    }
    v->lamp_a[0] = ct_plant_has_fault(plant, CT_FAULT_LAMP_LEFT) ? 0 : v->lamp_a[0];
    v->lamp_a[1] = ct_plant_has_fault(plant, CT_FAULT_LAMP_RIGHT) ? 0 : v->lamp_a[1];
}

static void step_climate(struct ct_plant_values *v, double step_s)
{
    const bool on = v->engine_state == CT_ENGINE_RUNNING;
    v->blower_pct = on ? ct_plant_clamp(20 + 15 * fabs(v->inside_c - v->set_left_c), 20, 100) : 0;
    v->compressor = on && v->inside_c > v->set_left_c;
    v->inside_c = ct_plant_lag(v->inside_c, on ? v->set_left_c + 0.2 : v->outside_c + 3, step_s, 180);
    v->humidity_pct = ct_plant_lag(v->humidity_pct, on ? 38 : 50, step_s, 600);
}

static void step_tires(struct ct_plant_values *v, double step_s)
{
    for (int i = 0; i < 4; i++) {
        v->tire_c[i] = ct_plant_lag(v->tire_c[i], v->outside_c + v->wheel_kmh[i] * 0.25, step_s, 500);
        v->tire_kpa[i] = (TIRE_COLD_KPA + 101.3) * (v->tire_c[i] + 273.15) / (18 + 273.15) - 101.3;
    }
}

void ct_plant_step_body(struct ct_plant *plant, double step_s)
{
    step_locks(plant);
    step_lamps(plant);
    step_climate(&plant->v, step_s);
    step_tires(&plant->v, step_s);
}
