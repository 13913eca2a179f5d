/* Gearbox, wheels, motion and position. */
#include "plant_parts.h"

#include <math.h>

#define MASS_KG       1500.0
#define WHEEL_M       0.31
#define FINAL_DRIVE   3.9
#define TRACK_M       1.55
#define DRAG          0.40 /* N per (m/s)^2: half rho cd A */
#define ROLLING_N     180.0
#define BRAKE_FULL_N  12000.0
#define EARTH_RADIUS  6371000.0
#define STEP_US       ((double)CT_PLANT_STEP / (double)CT_NS_PER_US)
#define SHIFT_SECONDS 0.3

static const double ratios[] = {0, 3.8, 2.2, 1.5, 1.1, 0.85, 0.68};
static const double up_kmh[] = {0, 18, 34, 52, 74, 98, 1e9};

double ct_plant_lag(double value, double towards, double step_s, double time_constant_s)
{
    return value + (towards - value) * step_s / (time_constant_s + step_s);
}

static double wheel_rpm(const struct ct_plant_values *v)
{
    return v->speed_kmh / 3.6 / (2 * M_PI * WHEEL_M) * 60;
}

static int wanted_gear(const struct ct_plant_values *v)
{
    if (v->selector != CT_SELECTOR_DRIVE || v->engine_state != CT_ENGINE_RUNNING) {
        return 0;
    }
    const int gear = (int)v->gear < 1 ? 1 : (int)v->gear;
    if (v->speed_kmh > up_kmh[gear]) {
        return gear + 1;
    }
    if (gear > 1 && v->speed_kmh < up_kmh[gear - 1] * 0.8) {
        return gear - 1;
    }
    return gear;
}

static void step_gearbox(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const int wanted = wanted_gear(v);
    plant->shift_s -= step_s;
    if (wanted != (int)v->gear && plant->shift_s <= 0) {
        v->gear = wanted;
        plant->shift_s = SHIFT_SECONDS;
    }
    v->shifting = plant->shift_s > 0;
    v->lockup = v->gear > 1 && plant->shift_s <= 0;
    v->output_rpm = wheel_rpm(v) * FINAL_DRIVE;
    v->input_rpm = v->output_rpm * ratios[(int)v->gear];
    v->gearbox_c = ct_plant_lag(v->gearbox_c, v->outside_c + (v->gear > 0 ? 62 : 0), step_s, 400);
    const bool pumps = v->engine_state == CT_ENGINE_RUNNING && !ct_plant_has_fault(plant, CT_FAULT_OIL_PRESSURE);
    v->gearbox_kpa = pumps ? 450 + v->torque_nm : 0;
}

static void step_speed(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const double speed = v->speed_kmh / 3.6;
    const double drive = v->torque_nm * ratios[(int)v->gear] * FINAL_DRIVE * 0.92 / WHEEL_M;
    const double brake = speed > 0 ? v->brake_pct / 100 * BRAKE_FULL_N : 0;
    const double rolling = speed > 0 ? ROLLING_N : 0;
    const double force = drive - DRAG * speed * speed - rolling - brake;
    const double next = fmax(0, speed + force / MASS_KG * step_s);
    v->acceleration_ms2 = ct_plant_lag(v->acceleration_ms2, (next - speed) / step_s, step_s, 0.05);
    v->speed_kmh = ct_plant_clamp(next * 3.6, 0, 250);
    v->moving = v->speed_kmh > 0.5;
    v->odometer_m += next * step_s;
    v->trip_m += next * step_s;
    v->service_km -= next * step_s / 1000;
}

static void step_wheels(struct ct_plant_values *v)
{
    const double difference = v->yaw_dps * M_PI / 180 * TRACK_M / 2 * 3.6;
    for (int i = 0; i < 4; i++) {
        v->wheel_kmh[i] = fmax(0, v->speed_kmh + (i % 2 == 0 ? -difference : difference));
    }
}

static void step_position(struct ct_plant *plant, double step_s)
{
    struct ct_plant_values *v = &plant->v;
    const double metres = v->speed_kmh / 3.6 * step_s;
    const double heading = v->heading_deg * M_PI / 180;
    const double degrees = metres / EARTH_RADIUS * 180 / M_PI;
    v->latitude_deg += degrees * cos(heading);
    v->longitude_deg += degrees * sin(heading) / cos(v->latitude_deg * M_PI / 180);
    v->heading_deg = fmod(v->heading_deg - v->yaw_dps * step_s + 360, 360);
    v->altitude_m = 519 + 12 * sin(v->trip_m / 700);
    v->accuracy_m = ct_plant_clamp(v->accuracy_m + 0.02 * ct_plant_random(plant), 1.2, 6);
    /* a receiver that was switched on on 2026-01-05 */
    v->position_time_us = 1451606418e6 + (double)plant->steps * STEP_US;
}

void ct_plant_step_drive(struct ct_plant *plant, double step_s)
{
    step_gearbox(plant, step_s);
    step_speed(plant, step_s);
    step_wheels(&plant->v);
    step_position(plant, step_s);
}
