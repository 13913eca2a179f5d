/* The simulated car as physics: a longitudinal plant with its driver, in fixed steps of 10 ms.
 *
 * Deterministic: the same seed and the same commands at the same steps give the same values. Knows nothing of CAN; what
 * it exposes is one flat struct of doubles that the ECUs bind to signals by offset. Caller-allocated, no I/O; belongs
 * to one thread. Source: textbook longitudinal dynamics (drag, rolling resistance, stepped gearbox, first-order heat).
 */
#ifndef CT_SIM_PLANT_H
#define CT_SIM_PLANT_H

#include "time_ns.h"

#include <stdbool.h>

#define CT_PLANT_STEP (10 * CT_NS_PER_MS)

enum ct_ignition { CT_IGNITION_LOCK, CT_IGNITION_OFF, CT_IGNITION_ACC, CT_IGNITION_ON, CT_IGNITION_START };
enum ct_engine_state { CT_ENGINE_STOPPED, CT_ENGINE_CRANKING, CT_ENGINE_RUNNING };
enum ct_selector { CT_SELECTOR_PARK, CT_SELECTOR_REVERSE, CT_SELECTOR_NEUTRAL, CT_SELECTOR_DRIVE };

/* Everything a signal can show; switches and states are 0, 1, ... as doubles. Order of wheels and doors: front left,
 * front right, rear left, rear right. */
struct ct_plant_values {
    /* motion */
    double speed_kmh, acceleration_ms2, yaw_dps, steering_deg, moving, odometer_m, trip_m;
    double wheel_kmh[4];
    double latitude_deg, longitude_deg, altitude_m, heading_deg, position_time_us, accuracy_m, satellites;
    /* engine */
    double engine_state, engine_rpm, torque_nm, torque_request_nm, torque_valid;
    double accelerator_pct, brake_pct, brake_pressed, kickdown, throttle_pct;
    double air_gs, manifold_kpa, barometer_kpa, intake_c, lambda, boost;
    double coolant_c, oil_c, oil_kpa, exhaust_c, fan, coolant_level, oil_level;
    double fuel_lph, fuel_l, fuel_pct, fuel_reserve, fuel_used_ml;
    double engine_h, starts, stalls, service_km, service_days;
    /* gearbox */
    double gear, selector, shifting, lockup, input_rpm, output_rpm, gearbox_c, gearbox_kpa;
    /* 12 V system */
    double battery_v, battery_a, battery_pct, battery_c, battery_state, battery_health, battery_mohm, battery_ah;
    double battery_cycles, alternator_v, alternator_a, alternator_pct, alternator_c;
    /* body */
    double ignition, key, belt, parking_brake, trunk, hood, rain_pct, wiper, daylight_lux;
    double door_open[4], door_locked[4], window_pct[4];
    double low_beam, high_beam, hazard, indicator_left, indicator_right, brake_light, commands;
    double outside_c, inside_c, set_left_c, set_right_c, blower_pct, humidity_pct, compressor;
    double tire_kpa[4], tire_c[4];
    double lamp_a[10]; /* low l r, high l r, turn fl fr rl rr, brake l r */
};

/* What can break; bits of struct ct_plant's `faults`. */
enum ct_plant_fault {
    CT_FAULT_LEAN,         /* unmetered air: lambda up */
    CT_FAULT_OVERHEAT,     /* thermostat stuck: coolant far too hot */
    CT_FAULT_OIL_PRESSURE, /* gearbox without pressure */
    CT_FAULT_ALTERNATOR,   /* does not charge */
    CT_FAULT_LAMP_LEFT,    /* low beam bulb burnt through */
    CT_FAULT_LAMP_RIGHT,
    CT_FAULT_COUNT,
};

enum ct_plant_lamp { CT_LAMP_LOW_BEAM, CT_LAMP_HIGH_BEAM, CT_LAMP_HAZARD, CT_LAMP_COUNT };

struct ct_plant {
    struct ct_plant_values v;
    unsigned faults;     /* 1 << enum ct_plant_fault */
    unsigned lamps_held; /* 1 << enum ct_plant_lamp: set from outside, whatever the car wants */
    double lamp_before[CT_LAMP_COUNT], lamp_wanted[CT_LAMP_COUNT];
    uint64_t random;
    int64_t steps; /* since init: time is steps * CT_PLANT_STEP */
    unsigned phase;
    bool parked; /* never drives off: the engine idles after its start */
    bool locked; /* the doors have locked themselves */
    double phase_s, target_kmh, shift_s, pedal_integral;
};

void ct_plant_init(struct ct_plant *plant, uint64_t seed);
void ct_plant_step(struct ct_plant *plant);

/* A lamp held on or off from outside until released, when it goes back to what it was before. */
void ct_plant_hold_lamp(struct ct_plant *plant, enum ct_plant_lamp lamp, bool on);
void ct_plant_release_lamp(struct ct_plant *plant, enum ct_plant_lamp lamp);
bool ct_plant_lamp_is_on(const struct ct_plant *plant, enum ct_plant_lamp lamp);
void ct_plant_fault(struct ct_plant *plant, enum ct_plant_fault fault, bool there);
bool ct_plant_has_fault(const struct ct_plant *plant, enum ct_plant_fault fault);

/* Runs all steps up to `elapsed` since init. */
void ct_plant_advance(struct ct_plant *plant, ct_ns elapsed);

#endif
