#include "plant.h"

#include "plant_parts.h"

#include <math.h>

#define STEP_S 0.01

/* --- the driver: what the key, the pedals and the wheel do --- */

struct phase {
    double seconds;
    double target_kmh;
    enum ct_ignition ignition;
};

/* The first rows happen once; from LOOP_FIRST on the drive repeats. */
static const struct phase phases[] = {
    {0.5, 0, CT_IGNITION_LOCK}, {0.5, 0, CT_IGNITION_ACC}, {0.5, 0, CT_IGNITION_ON}, {0.8, 0, CT_IGNITION_START},
    {1.7, 0, CT_IGNITION_ON},   {12, 50, CT_IGNITION_ON},  {8, 32, CT_IGNITION_ON},  {6, 0, CT_IGNITION_ON},
    {20, 90, CT_IGNITION_ON},   {15, 120, CT_IGNITION_ON}, {12, 60, CT_IGNITION_ON}, {10, 0, CT_IGNITION_ON},
    {5, 0, CT_IGNITION_ON},
};
enum { LOOP_FIRST = 5, PHASE_COUNT = sizeof phases / sizeof phases[0] };

double ct_plant_random(struct ct_plant *plant)
{
    plant->random ^= plant->random << 13;
    plant->random ^= plant->random >> 7;
    plant->random ^= plant->random << 17;
    return (double)(plant->random >> 11) / 9007199254740992.0 * 2.0 - 1.0;
}

double ct_plant_clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

static void enter_phase(struct ct_plant *plant, unsigned phase)
{
    plant->phase = phase;
    plant->phase_s = 0;
    plant->target_kmh = phases[phase].target_kmh * (1 + 0.1 * ct_plant_random(plant));
}

static void step_phase(struct ct_plant *plant)
{
    plant->phase_s += STEP_S;
    if (plant->parked && plant->phase + 1 == LOOP_FIRST) {
        return;
    }
    if (plant->phase_s >= phases[plant->phase].seconds) {
        enter_phase(plant, plant->phase + 1 < PHASE_COUNT ? plant->phase + 1 : LOOP_FIRST);
    }
}

static void step_key(struct ct_plant *plant)
{
    struct ct_plant_values *v = &plant->v;
    v->ignition = phases[plant->phase].ignition;
    v->key = v->ignition > CT_IGNITION_LOCK;
    v->door_open[0] = plant->phase == 0;
    v->belt = plant->phase >= 2;
    v->parking_brake = plant->phase < 4;
    v->selector = plant->phase < 4 ? CT_SELECTOR_PARK : CT_SELECTOR_DRIVE;
    if (v->ignition == CT_IGNITION_START && v->engine_state != CT_ENGINE_RUNNING) {
        v->starts += v->engine_state == CT_ENGINE_STOPPED;
        v->engine_state = plant->phase_s < 0.6 ? CT_ENGINE_CRANKING : CT_ENGINE_RUNNING;
    }
}

static void step_pedals(struct ct_plant *plant)
{
    struct ct_plant_values *v = &plant->v;
    const double error = plant->target_kmh - v->speed_kmh;
    const bool drives = v->engine_state == CT_ENGINE_RUNNING && plant->phase >= LOOP_FIRST;
    plant->pedal_integral = ct_plant_clamp(plant->pedal_integral + error * STEP_S * 0.3, 0, 30);
    const double demand = drives ? 5 * error + plant->pedal_integral : 0;
    const bool stops = drives && plant->target_kmh < 1;
    v->accelerator_pct = stops ? 0 : ct_plant_clamp(demand, 0, 85);
    v->brake_pct = stops || !drives ? 35 : ct_plant_clamp(-3 * (error + 3), 0, 60);
    v->brake_pressed = v->brake_pct > 1;
    v->brake_light = v->brake_pressed;
    v->kickdown = v->accelerator_pct > 80;
}

static void step_wheel(struct ct_plant *plant)
{
    struct ct_plant_values *v = &plant->v;
    const double t = (double)plant->steps * STEP_S;
    const double limit = 60 * exp(-v->speed_kmh / 50);
    v->steering_deg = limit * sin(t / 4.3) * sin(t / 17);
    const double curvature = tan(v->steering_deg / 15 * M_PI / 180) / 2.7;
    v->yaw_dps = v->speed_kmh / 3.6 * curvature * 180 / M_PI;
    v->indicator_left = v->hazard > 0 || v->steering_deg > 25;
    v->indicator_right = v->hazard > 0 || v->steering_deg < -25;
}

void ct_plant_step(struct ct_plant *plant)
{
    plant->steps++;
    step_phase(plant);
    step_key(plant);
    step_pedals(plant);
    step_wheel(plant);
    ct_plant_step_drive(plant, STEP_S);
    ct_plant_step_engine(plant, STEP_S);
    ct_plant_step_body(plant, STEP_S);
}

void ct_plant_advance(struct ct_plant *plant, ct_ns elapsed)
{
    while ((plant->steps + 1) * CT_PLANT_STEP <= elapsed) {
        ct_plant_step(plant);
    }
}

void ct_plant_init(struct ct_plant *plant, uint64_t seed)
{
    *plant = (struct ct_plant){.random = (seed + 1) * UINT64_C(0x9E3779B97F4A7C15)};
    for (int i = 0; i < 8; i++) {
        (void)ct_plant_random(plant);
    }
    plant->v = (struct ct_plant_values){
        .odometer_m = 18000000 + floor(1e6 * ct_plant_random(plant)),
        .latitude_deg = 48.137,
        .longitude_deg = 11.575,
        .altitude_m = 519,
        .heading_deg = 90,
        .satellites = 11,
        .accuracy_m = 2.5,
        .barometer_kpa = 95.5,
        .lambda = 1,
        .coolant_level = 2,
        .oil_level = 2,
        .torque_valid = 1,
        .fuel_l = 42 + 5 * ct_plant_random(plant),
        .engine_h = 412.5,
        .starts = 1034,
        .service_km = 12400,
        .service_days = 182,
        .battery_pct = 82,
        .battery_health = 91.5,
        .battery_mohm = 5.2,
        .battery_ah = 70,
        .battery_cycles = 311,
        .outside_c = 18,
        .inside_c = 19,
        .set_left_c = 21,
        .set_right_c = 21.5,
        .humidity_pct = 44,
        .daylight_lux = 12000,
    };
    ct_plant_cold_start(&plant->v);
    enter_phase(plant, 0);
}
