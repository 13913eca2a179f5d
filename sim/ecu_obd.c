#include "ecu_obd.h"

#include "bytes.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Unit of a ratio of 1/32768 (ISO 15031-5 table E.1, scaling 1E: lambda). */
#define UNIT_LAMBDA 0x1EU

static const struct value {
    const char *item; /* a row of the OBD table */
    size_t offset;    /* in the plant's values */
    double factor;
} values[] = {
    {"engine_load", offsetof(struct ct_plant_values, throttle_pct), 1},
    {"coolant_temperature", offsetof(struct ct_plant_values, coolant_c), 1},
    {"intake_pressure", offsetof(struct ct_plant_values, manifold_kpa), 1},
    {"engine_speed", offsetof(struct ct_plant_values, engine_rpm), 1},
    {"vehicle_speed", offsetof(struct ct_plant_values, speed_kmh), 1},
    {"intake_temperature", offsetof(struct ct_plant_values, intake_c), 1},
    {"air_flow", offsetof(struct ct_plant_values, air_gs), 1},
    {"throttle_position", offsetof(struct ct_plant_values, throttle_pct), 1},
    {"fuel_level", offsetof(struct ct_plant_values, fuel_pct), 1},
    {"barometric_pressure", offsetof(struct ct_plant_values, barometer_kpa), 1},
    {"module_voltage", offsetof(struct ct_plant_values, battery_v), 1},
    {"commanded_ratio", offsetof(struct ct_plant_values, lambda), 1},
    {"ambient_temperature", offsetof(struct ct_plant_values, outside_c), 1},
    {"pedal_d", offsetof(struct ct_plant_values, accelerator_pct), 1},
    {"oil_temperature", offsetof(struct ct_plant_values, oil_c), 1},
    {"fuel_rate", offsetof(struct ct_plant_values, fuel_lph), 1},
    {"odometer", offsetof(struct ct_plant_values, odometer_m), 0.001},
};
static const uint8_t pids[] = {0x04, 0x05, 0x0B, 0x0C, 0x0D, 0x0F, 0x10, 0x11, 0x1C, 0x1F,
                               0x2F, 0x33, 0x42, 0x44, 0x46, 0x49, 0x51, 0x5C, 0x5E, 0xA6};
static const struct ct_obd_test tests[] = {
    {.monitor = 0x01, .test = 0x01, .unit = UNIT_LAMBDA, .least = 29491, .most = 36700}};

static bool read_plant(const struct ct_plant_values *v, uint8_t pid, uint8_t *out)
{
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        const struct ct_obd_item *item = ct_obd_item_by_name(values[i].item);
        if (item != NULL && item->pid == pid) {
            double value = 0;
            memcpy(&value, (const char *)v + values[i].offset, sizeof value);
            return ct_obd_put(item, value * values[i].factor, out) == CT_OK;
        }
    }
    return false;
}

static bool read_pid(void *user, uint8_t pid, uint8_t *out)
{
    const struct ct_ecu_data *data = user;
    const int64_t seconds = data->plant->steps / (CT_NS_PER_S / CT_PLANT_STEP);
    switch (pid) {
    case 0x1C:
        out[0] = 6; /* EOBD */
        return true;
    case 0x1F:
        ct_put_be16(out, (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX));
        return true;
    case 0x51:
        out[0] = 1; /* petrol */
        return true;
    default:
        return read_plant(&data->plant->v, pid, out);
    }
}

static uint16_t test_value(void *user, const struct ct_obd_test *test)
{
    (void)test;
    return (uint16_t)(((const struct ct_ecu_data *)user)->plant->v.lambda * 32768);
}

void ct_ecu_obd_config(struct ct_ecu_data *data, struct ct_obd_server_config *out_config)
{
    *out_config = (struct ct_obd_server_config){
        .pids = pids,
        .pid_count = sizeof pids,
        .read = read_pid,
        .tests = tests,
        .test_count = 1,
        .test_value = test_value,
        .user = data,
        .monitors =
            1U << CT_OBD_MISFIRE | 1U << CT_OBD_FUEL_SYSTEM | 1U << CT_OBD_COMPONENTS | 1U << CT_OBD_MONITORS_COMMON,
        .calibration = "CT-CAL-2041-0001",
        .name = "ECM-EngineControl",
        .verification = ct_crc32c(0, data->part_number, strlen(data->part_number)),
    };
    (void)snprintf(out_config->vin, sizeof out_config->vin, "%s", data->vin);
}
