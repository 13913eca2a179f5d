/* Engine, fuel, heat and the 12 V system. */
#include "plant_parts.h"

#include <math.h>

#define IDLE_RPM   780.0
#define TANK_L     55.0
#define TORQUE_MAX 260.0

static void step_crankshaft(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    double target = 0;
    if (v->engine_state == CT_ENGINE_CRANKING) {
        target = 230;
    } else if (v->engine_state == CT_ENGINE_RUNNING) {
        const double slip = v->gear == 1 ? 900 * v->accelerator_pct / 100 : 0;
        target = fmax(IDLE_RPM + slip, v->input_rpm) + 4 * ct_plant_random(plant);
    }
    v->engine_rpm = fmax(0, ct_plant_lag(v->engine_rpm, target, step_s, v->shifting > 0 ? 0.15 : 0.08));
}

static void step_torque(struct ct_plant_values *v, double step_s)
{
    const bool running = v->engine_state == CT_ENGINE_RUNNING;
    const double curve = TORQUE_MAX * (1 - pow((v->engine_rpm - 3000) / 6000, 2));
    v->torque_request_nm = running ? v->accelerator_pct / 100 * curve : 0;
    const double wanted = v->shifting > 0 ? 0.2 * v->torque_request_nm : v->torque_request_nm;
    const double overrun = running && v->accelerator_pct < 1 && v->gear > 1 ? -18 : 0;
    v->torque_nm = ct_plant_lag(v->torque_nm, wanted + overrun, step_s, 0.12);
    v->throttle_pct = ct_plant_lag(v->throttle_pct, running ? 4 + 0.95 * v->accelerator_pct : 0, step_s, 0.08);
}

static void step_air(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const bool turns = v->engine_rpm > 50;
    const double vacuum = turns ? 62 * (1 - v->throttle_pct / 100) : 0;
    v->manifold_kpa = ct_plant_lag(v->manifold_kpa, v->barometer_kpa - vacuum, step_s, 0.1);
    v->air_gs = v->engine_rpm / 120 * 1.6 * v->manifold_kpa / v->barometer_kpa * 1.14;
    v->boost = v->manifold_kpa > v->barometer_kpa - 5 && turns;
    v->intake_c = ct_plant_lag(v->intake_c, v->outside_c + (turns ? 14 : 0), step_s, 60);
    const double leak = ct_plant_has_fault(plant, CT_FAULT_LEAN) ? 0.2 : 0;
    v->lambda = turns ? ct_plant_clamp(1 + 0.02 * ct_plant_random(plant), 0.9, 1.1) + leak : 1;
}

static void step_heat(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const bool stuck = ct_plant_has_fault(plant, CT_FAULT_OVERHEAT);
    const bool running = v->engine_state == CT_ENGINE_RUNNING;
    const double load = running ? fmax(0, v->torque_nm) / TORQUE_MAX : 0;
    const double warm_c = 92 + 8 * load + (stuck ? 60 : 0);
    v->coolant_c = ct_plant_lag(v->coolant_c, running ? warm_c : v->outside_c, step_s, running ? 110 : 1800);
    v->oil_c = ct_plant_lag(v->oil_c, running ? 96 + 20 * load : v->outside_c, step_s, running ? 240 : 2400);
    v->exhaust_c = ct_plant_lag(v->exhaust_c, running ? 320 + 450 * load : v->outside_c, step_s, 15);
    v->oil_kpa = ct_plant_lag(v->oil_kpa, running ? 120 + v->engine_rpm * 0.09 : 0, step_s, 0.5);
    v->fan = v->coolant_c > 96;
}

static void step_fuel(struct ct_plant_values *v, double step_s)
{
    const double power_kw = fmax(0, v->torque_nm) * v->engine_rpm * 2 * M_PI / 60 / 1000;
    v->fuel_lph = v->engine_state == CT_ENGINE_RUNNING ? 0.7 + 0.29 * power_kw : 0;
    const double litres = v->fuel_lph / 3600 * step_s;
    v->fuel_l = fmax(0, v->fuel_l - litres);
    v->fuel_used_ml = fmod(v->fuel_used_ml + litres * 1000, 65536);
    v->fuel_pct = v->fuel_l / TANK_L * 100;
    v->fuel_reserve = v->fuel_l < 7;
    if (v->engine_state == CT_ENGINE_RUNNING) {
        v->engine_h += step_s / 3600;
    }
}

static void step_electric(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const bool running = v->engine_state == CT_ENGINE_RUNNING;
    const double consumers = 6 + 22 * (v->ignition >= CT_IGNITION_ON) + 9 * v->low_beam + 0.2 * v->blower_pct;
    const double starter = v->engine_state == CT_ENGINE_CRANKING ? 240 : 0;
    const bool charges = running && !ct_plant_has_fault(plant, CT_FAULT_ALTERNATOR);
    v->alternator_v = charges ? 14.3 : 12;
    v->alternator_a =
        ct_plant_lag(v->alternator_a, charges ? consumers + (100 - v->battery_pct) * 0.8 : 0, step_s, 0.4);
    v->alternator_pct = v->alternator_a / 1.8;
    v->alternator_c = ct_plant_lag(v->alternator_c, v->outside_c + 0.5 * v->alternator_a, step_s, 200);
    v->battery_a = v->alternator_a - consumers - starter;
    const double open_v = 12.2 + 0.006 * v->battery_pct;
    const double loaded_v = charges ? 14.2 : open_v + v->battery_a * v->battery_mohm / 1000;
    v->battery_v = ct_plant_lag(v->battery_v, loaded_v, step_s, 0.03) + 0.002 * ct_plant_random(plant);
    v->battery_pct = ct_plant_clamp(v->battery_pct + v->battery_a * step_s / 3600 / v->battery_ah * 100, 0, 100);
    v->battery_state = v->battery_a > 0.5 ? 1 : v->battery_a < -0.5 ? 2 : 0;
    v->battery_c = ct_plant_lag(v->battery_c, v->outside_c + (running ? 12 : 0), step_s, 1500);
}

void ct_plant_step_engine(struct ct_plant *plant, double step_s)
{
    step_crankshaft(plant, step_s);
    step_torque(&plant->v, step_s);
    step_air(plant, step_s);
    step_heat(plant, step_s);
    step_fuel(&plant->v, step_s);
    step_electric(plant, step_s);
}
