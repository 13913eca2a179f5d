#include "signals.h"

#include <string.h>

#define SHOWS(signal, field)                                              \
    {                                                                     \
#signal, CT_SOURCE_PLANT, offsetof(struct ct_plant_values, field) \
    }

static const struct ct_signal_source sources[] = {
    {"ENGINE_FRAME_COUNT", CT_SOURCE_FRAME_COUNT, 0},
    {"INFO_PAGE", CT_SOURCE_PAGE, 0},
    SHOWS(ENGINE_STATE, engine_state),
    SHOWS(ENGINE_SPEED, engine_rpm),
    SHOWS(BRAKE_SWITCH, brake_pressed),
    SHOWS(KICKDOWN, kickdown),
    SHOWS(TORQUE_VALID, torque_valid),
    SHOWS(ENGINE_TORQUE, torque_nm),
    SHOWS(ENGINE_TORQUE_REQUEST, torque_request_nm),
    SHOWS(ACCELERATOR_POSITION, accelerator_pct),
    SHOWS(BRAKE_POSITION, brake_pct),
    SHOWS(MASS_AIR_FLOW, air_gs),
    SHOWS(MANIFOLD_PRESSURE, manifold_kpa),
    SHOWS(THROTTLE_POSITION, throttle_pct),
    SHOWS(INTAKE_TEMPERATURE, intake_c),
    SHOWS(LAMBDA, lambda),
    SHOWS(BOOST_ACTIVE, boost),
    SHOWS(BAROMETRIC_PRESSURE, barometer_kpa),
    SHOWS(COOLANT_TEMPERATURE, coolant_c),
    SHOWS(OIL_TEMPERATURE, oil_c),
    SHOWS(OIL_PRESSURE, oil_kpa),
    SHOWS(COOLANT_LEVEL, coolant_level),
    SHOWS(OIL_LEVEL, oil_level),
    SHOWS(COOLING_FAN, fan),
    SHOWS(EXHAUST_TEMPERATURE, exhaust_c),
    SHOWS(FUEL_RATE, fuel_lph),
    SHOWS(FUEL_VOLUME, fuel_l),
    SHOWS(FUEL_LEVEL, fuel_pct),
    SHOWS(FUEL_RESERVE, fuel_reserve),
    SHOWS(FUEL_CONSUMED, fuel_used_ml),
    SHOWS(ENGINE_HOURS, engine_h),
    SHOWS(START_COUNT, starts),
    SHOWS(STALL_COUNT, stalls),
    SHOWS(SERVICE_DISTANCE, service_km),
    SHOWS(SERVICE_DAYS, service_days),
    SHOWS(VEHICLE_SPEED, speed_kmh),
    SHOWS(LONGITUDINAL_ACCELERATION, acceleration_ms2),
    SHOWS(YAW_RATE, yaw_dps),
    SHOWS(STEERING_ANGLE, steering_deg),
    SHOWS(MOTION_STATE, moving),
    SHOWS(WHEEL_SPEED_FL, wheel_kmh[0]),
    SHOWS(WHEEL_SPEED_FR, wheel_kmh[1]),
    SHOWS(WHEEL_SPEED_RL, wheel_kmh[2]),
    SHOWS(WHEEL_SPEED_RR, wheel_kmh[3]),
    SHOWS(CURRENT_GEAR, gear),
    SHOWS(SELECTOR, selector),
    SHOWS(SHIFT_ACTIVE, shifting),
    SHOWS(LOCKUP_CLUTCH, lockup),
    SHOWS(INPUT_SPEED, input_rpm),
    SHOWS(OUTPUT_SPEED, output_rpm),
    SHOWS(GEARBOX_OIL_TEMPERATURE, gearbox_c),
    SHOWS(GEARBOX_OIL_PRESSURE, gearbox_kpa),
    SHOWS(ODOMETER, odometer_m),
    SHOWS(TRIP_DISTANCE, trip_m),
    SHOWS(BATTERY_STATE, battery_state),
    SHOWS(BATTERY_VOLTAGE, battery_v),
    SHOWS(BATTERY_CURRENT, battery_a),
    SHOWS(BATTERY_CHARGE, battery_pct),
    SHOWS(BATTERY_TEMPERATURE, battery_c),
    SHOWS(BATTERY_HEALTH_STATE, battery_health),
    SHOWS(BATTERY_RESISTANCE, battery_mohm),
    SHOWS(BATTERY_CAPACITY, battery_ah),
    SHOWS(BATTERY_CYCLES, battery_cycles),
    SHOWS(ALTERNATOR_SETPOINT, alternator_v),
    SHOWS(ALTERNATOR_CURRENT, alternator_a),
    SHOWS(ALTERNATOR_LOAD, alternator_pct),
    SHOWS(ALTERNATOR_TEMPERATURE, alternator_c),
    SHOWS(DOOR_FL_OPEN, door_open[0]),
    SHOWS(DOOR_FL_LOCKED, door_locked[0]),
    SHOWS(WINDOW_FL, window_pct[0]),
    SHOWS(DOOR_FR_OPEN, door_open[1]),
    SHOWS(DOOR_FR_LOCKED, door_locked[1]),
    SHOWS(WINDOW_FR, window_pct[1]),
    SHOWS(DOOR_RL_OPEN, door_open[2]),
    SHOWS(DOOR_RL_LOCKED, door_locked[2]),
    SHOWS(WINDOW_RL, window_pct[2]),
    SHOWS(DOOR_RR_OPEN, door_open[3]),
    SHOWS(DOOR_RR_LOCKED, door_locked[3]),
    SHOWS(WINDOW_RR, window_pct[3]),
    SHOWS(TRUNK_OPEN, trunk),
    SHOWS(HOOD_OPEN, hood),
    SHOWS(DRIVER_BELT, belt),
    SHOWS(PARKING_BRAKE, parking_brake),
    SHOWS(LOW_BEAM, low_beam),
    SHOWS(HIGH_BEAM, high_beam),
    SHOWS(HAZARD, hazard),
    SHOWS(INDICATOR_LEFT, indicator_left),
    SHOWS(INDICATOR_RIGHT, indicator_right),
    SHOWS(BRAKE_LIGHT, brake_light),
    SHOWS(WIPER_MODE, wiper),
    SHOWS(RAIN, rain_pct),
    SHOWS(DAYLIGHT, daylight_lux),
    SHOWS(COMMANDS_TAKEN, commands),
    SHOWS(IGNITION, ignition),
    SHOWS(KEY_PRESENT, key),
    SHOWS(OUTSIDE_TEMPERATURE, outside_c),
    SHOWS(INSIDE_TEMPERATURE, inside_c),
    SHOWS(SET_TEMPERATURE_LEFT, set_left_c),
    SHOWS(SET_TEMPERATURE_RIGHT, set_right_c),
    SHOWS(FAN_SPEED, blower_pct),
    SHOWS(HUMIDITY, humidity_pct),
    SHOWS(COMPRESSOR, compressor),
    SHOWS(TIRE_PRESSURE_FL, tire_kpa[0]),
    SHOWS(TIRE_TEMPERATURE_FL, tire_c[0]),
    SHOWS(TIRE_PRESSURE_FR, tire_kpa[1]),
    SHOWS(TIRE_TEMPERATURE_FR, tire_c[1]),
    SHOWS(TIRE_PRESSURE_RL, tire_kpa[2]),
    SHOWS(TIRE_TEMPERATURE_RL, tire_c[2]),
    SHOWS(TIRE_PRESSURE_RR, tire_kpa[3]),
    SHOWS(TIRE_TEMPERATURE_RR, tire_c[3]),
    SHOWS(LATITUDE, latitude_deg),
    SHOWS(LONGITUDE, longitude_deg),
    SHOWS(ALTITUDE, altitude_m),
    SHOWS(HEADING, heading_deg),
    SHOWS(SATELLITES, satellites),
    SHOWS(POSITION_TIME, position_time_us),
    SHOWS(POSITION_ACCURACY, accuracy_m),
    SHOWS(LAMP_SUPPLY, battery_v),
    SHOWS(LAMP_CURRENT_LOW_LEFT, lamp_a[0]),
    SHOWS(LAMP_CURRENT_LOW_RIGHT, lamp_a[1]),
    SHOWS(LAMP_CURRENT_HIGH_LEFT, lamp_a[2]),
    SHOWS(LAMP_CURRENT_HIGH_RIGHT, lamp_a[3]),
    SHOWS(LAMP_CURRENT_TURN_FL, lamp_a[4]),
    SHOWS(LAMP_CURRENT_TURN_FR, lamp_a[5]),
    SHOWS(LAMP_CURRENT_TURN_RL, lamp_a[6]),
    SHOWS(LAMP_CURRENT_TURN_RR, lamp_a[7]),
    SHOWS(LAMP_CURRENT_BRAKE_LEFT, lamp_a[8]),
    SHOWS(LAMP_CURRENT_BRAKE_RIGHT, lamp_a[9]),
};

static const struct ct_signal_command commands[] = {
    {"LOW_BEAM_REQUEST", offsetof(struct ct_plant_values, low_beam)},
    {"HAZARD_REQUEST", offsetof(struct ct_plant_values, hazard)},
    {"DOOR_FL_LOCK_REQUEST", offsetof(struct ct_plant_values, door_locked[0])},
};

const struct ct_signal_source *ct_signal_source_find(const char *signal)
{
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        if (strcmp(sources[i].signal, signal) == 0) {
            return &sources[i];
        }
    }
    return NULL;
}

const struct ct_signal_command *ct_signal_command_find(const char *signal)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].signal, signal) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}
