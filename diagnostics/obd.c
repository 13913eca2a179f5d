#include "obd.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Bitmaps, bit fields and enumerations stand in the same table as the physical values. */
static const char *const fuel_system_texts[] = {[0] = "off",
                                                [1] = "open loop, cold",
                                                [2] = "closed loop",
                                                [4] = "open loop, load",
                                                [8] = "open loop, fault",
                                                [16] = "closed loop, fault"};
static const char *const standard_texts[] = {NULL,   "OBD II",       "OBD",          "OBD and OBD II", "OBD I",
                                             "none", "EOBD",         "EOBD, OBD II", "EOBD, OBD",      "EOBD, OBD, II",
                                             "JOBD", "JOBD, OBD II", "JOBD, EOBD",   "JOBD, EOBD, II"};
static const char *const fuel_texts[] = {"none",
                                         "petrol",
                                         "methanol",
                                         "ethanol",
                                         "diesel",
                                         "LPG",
                                         "CNG",
                                         "propane",
                                         "electric",
                                         "bifuel petrol",
                                         "bifuel methanol",
                                         "bifuel ethanol",
                                         "bifuel LPG",
                                         "bifuel CNG",
                                         "bifuel propane",
                                         "bifuel electric",
                                         "bifuel electric and combustion",
                                         "hybrid petrol",
                                         "hybrid ethanol",
                                         "hybrid diesel",
                                         "hybrid electric",
                                         "hybrid mixed",
                                         "hybrid regenerative",
                                         "bifuel diesel"};
static const char *const air_texts[] = {[1] = "upstream", [2] = "downstream", [4] = "off", [8] = "on for diagnosis"};

#define TEXTS(texts) texts, (uint8_t)(sizeof(texts) / sizeof((texts)[0]))

/* Shorthands of rows that come often: pid, length, byte. */
#define ROW(pid, length, at, width, num, den, off, unit, name)                              \
    {                                                                                       \
        (pid), (length), (at), (width), false, (num), (den), (off), (unit), (name), NULL, 0 \
    }
#define SIGNED(pid, length, at, width, num, den, off, unit, name)                          \
    {                                                                                      \
        (pid), (length), (at), (width), true, (num), (den), (off), (unit), (name), NULL, 0 \
    }
#define STATE(pid, length, at, name, texts)                                \
    {                                                                      \
        (pid), (length), (at), 1, false, 1, 1, 0, "", (name), TEXTS(texts) \
    }
#define BITS(pid, length, at, width, name) ROW(pid, length, at, width, 1, 1, 0, "", name)
#define PERCENT(pid, length, at, name)     ROW(pid, length, at, 1, 100, 255, 0, "%", name)
#define TRIM(pid, length, at, name)        ROW(pid, length, at, 1, 100, 128, -100, "%", name)
#define CELSIUS(pid, length, at, name)     ROW(pid, length, at, 1, 1, 1, -40, "degC", name)
#define TORQUE(pid, length, at, name)      ROW(pid, length, at, 1, 1, 1, -125, "%", name)
#define SENSOR_NARROW(pid, name)           ROW(pid, 2, 0, 1, 1, 200, 0, "V", name "_voltage"), TRIM(pid, 2, 1, name "_trim")
#define SENSOR_WIDE_V(pid, name) \
    ROW(pid, 4, 0, 2, 2, 65536, 0, "", name "_ratio"), ROW(pid, 4, 2, 2, 8, 65536, 0, "V", name "_wide_voltage")
#define SENSOR_WIDE_I(pid, name) \
    ROW(pid, 4, 0, 2, 2, 65536, 0, "", name "_lambda"), ROW(pid, 4, 2, 2, 1, 256, -128, "mA", name "_current")
#define CATALYST(pid, name) ROW(pid, 2, 0, 2, 1, 10, -40, "degC", name)

/* clang-format off */
static const struct ct_obd_item table[] = {
    BITS(0x01, 4, 0, 4, "monitor_status"),
    BITS(0x02, 2, 0, 2, "freeze_dtc"),
    STATE(0x03, 2, 0, "fuel_system_1", fuel_system_texts),
    STATE(0x03, 2, 1, "fuel_system_2", fuel_system_texts),
    PERCENT(0x04, 1, 0, "engine_load"),
    CELSIUS(0x05, 1, 0, "coolant_temperature"),
    TRIM(0x06, 1, 0, "short_fuel_trim_1"),
    TRIM(0x07, 1, 0, "long_fuel_trim_1"),
    TRIM(0x08, 1, 0, "short_fuel_trim_2"),
    TRIM(0x09, 1, 0, "long_fuel_trim_2"),
    ROW(0x0A, 1, 0, 1, 3, 1, 0, "kPa", "fuel_pressure"),
    ROW(0x0B, 1, 0, 1, 1, 1, 0, "kPa", "intake_pressure"),
    ROW(0x0C, 2, 0, 2, 1, 4, 0, "rpm", "engine_speed"),
    ROW(0x0D, 1, 0, 1, 1, 1, 0, "km/h", "vehicle_speed"),
    ROW(0x0E, 1, 0, 1, 1, 2, -64, "deg", "timing_advance"),
    CELSIUS(0x0F, 1, 0, "intake_temperature"),
    ROW(0x10, 2, 0, 2, 1, 100, 0, "g/s", "air_flow"),
    PERCENT(0x11, 1, 0, "throttle_position"),
    STATE(0x12, 1, 0, "secondary_air", air_texts),
    BITS(0x13, 1, 0, 1, "oxygen_sensors"),
    SENSOR_NARROW(0x14, "o2_1"), SENSOR_NARROW(0x15, "o2_2"), SENSOR_NARROW(0x16, "o2_3"), SENSOR_NARROW(0x17, "o2_4"),
    SENSOR_NARROW(0x18, "o2_5"), SENSOR_NARROW(0x19, "o2_6"), SENSOR_NARROW(0x1A, "o2_7"), SENSOR_NARROW(0x1B, "o2_8"),
    STATE(0x1C, 1, 0, "obd_standard", standard_texts),
    BITS(0x1D, 1, 0, 1, "oxygen_sensors_4_banks"),
    BITS(0x1E, 1, 0, 1, "auxiliary_input"),
    ROW(0x1F, 2, 0, 2, 1, 1, 0, "s", "run_time"),
    ROW(0x21, 2, 0, 2, 1, 1, 0, "km", "distance_with_mil"),
    ROW(0x22, 2, 0, 2, 79, 1000, 0, "kPa", "rail_pressure_relative"),
    ROW(0x23, 2, 0, 2, 10, 1, 0, "kPa", "rail_pressure"),
    SENSOR_WIDE_V(0x24, "o2_1"), SENSOR_WIDE_V(0x25, "o2_2"), SENSOR_WIDE_V(0x26, "o2_3"), SENSOR_WIDE_V(0x27, "o2_4"),
    SENSOR_WIDE_V(0x28, "o2_5"), SENSOR_WIDE_V(0x29, "o2_6"), SENSOR_WIDE_V(0x2A, "o2_7"), SENSOR_WIDE_V(0x2B, "o2_8"),
    PERCENT(0x2C, 1, 0, "egr_commanded"),
    TRIM(0x2D, 1, 0, "egr_error"),
    PERCENT(0x2E, 1, 0, "evaporative_purge"),
    PERCENT(0x2F, 1, 0, "fuel_level"),
    ROW(0x30, 1, 0, 1, 1, 1, 0, "", "warm_ups_since_clear"),
    ROW(0x31, 2, 0, 2, 1, 1, 0, "km", "distance_since_clear"),
    SIGNED(0x32, 2, 0, 2, 1, 4, 0, "Pa", "evaporative_pressure"),
    ROW(0x33, 1, 0, 1, 1, 1, 0, "kPa", "barometric_pressure"),
    SENSOR_WIDE_I(0x34, "o2_1"), SENSOR_WIDE_I(0x35, "o2_2"), SENSOR_WIDE_I(0x36, "o2_3"), SENSOR_WIDE_I(0x37, "o2_4"),
    SENSOR_WIDE_I(0x38, "o2_5"), SENSOR_WIDE_I(0x39, "o2_6"), SENSOR_WIDE_I(0x3A, "o2_7"), SENSOR_WIDE_I(0x3B, "o2_8"),
    CATALYST(0x3C, "catalyst_temperature_11"), CATALYST(0x3D, "catalyst_temperature_21"),
    CATALYST(0x3E, "catalyst_temperature_12"), CATALYST(0x3F, "catalyst_temperature_22"),
    BITS(0x41, 4, 0, 4, "monitor_status_cycle"),
    ROW(0x42, 2, 0, 2, 1, 1000, 0, "V", "module_voltage"),
    ROW(0x43, 2, 0, 2, 100, 255, 0, "%", "absolute_load"),
    ROW(0x44, 2, 0, 2, 2, 65536, 0, "", "commanded_ratio"),
    PERCENT(0x45, 1, 0, "relative_throttle"),
    CELSIUS(0x46, 1, 0, "ambient_temperature"),
    PERCENT(0x47, 1, 0, "throttle_b"),
    PERCENT(0x48, 1, 0, "throttle_c"),
    PERCENT(0x49, 1, 0, "pedal_d"),
    PERCENT(0x4A, 1, 0, "pedal_e"),
    PERCENT(0x4B, 1, 0, "pedal_f"),
    PERCENT(0x4C, 1, 0, "commanded_throttle"),
    ROW(0x4D, 2, 0, 2, 1, 1, 0, "min", "time_with_mil"),
    ROW(0x4E, 2, 0, 2, 1, 1, 0, "min", "time_since_clear"),
    ROW(0x4F, 4, 0, 1, 1, 1, 0, "", "maximum_ratio"),
    ROW(0x4F, 4, 1, 1, 1, 1, 0, "V", "maximum_o2_voltage"),
    ROW(0x4F, 4, 2, 1, 1, 1, 0, "mA", "maximum_o2_current"),
    ROW(0x4F, 4, 3, 1, 10, 1, 0, "kPa", "maximum_intake_pressure"),
    ROW(0x50, 4, 0, 1, 10, 1, 0, "g/s", "maximum_air_flow"),
    STATE(0x51, 1, 0, "fuel_type", fuel_texts),
    PERCENT(0x52, 1, 0, "ethanol"),
    ROW(0x53, 2, 0, 2, 1, 200, 0, "kPa", "evaporative_pressure_absolute"),
    SIGNED(0x54, 2, 0, 2, 1, 1, 0, "Pa", "evaporative_pressure_wide"),
    TRIM(0x55, 2, 0, "short_o2_trim_1"), TRIM(0x55, 2, 1, "short_o2_trim_3"),
    TRIM(0x56, 2, 0, "long_o2_trim_1"), TRIM(0x56, 2, 1, "long_o2_trim_3"),
    TRIM(0x57, 2, 0, "short_o2_trim_2"), TRIM(0x57, 2, 1, "short_o2_trim_4"),
    TRIM(0x58, 2, 0, "long_o2_trim_2"), TRIM(0x58, 2, 1, "long_o2_trim_4"),
    ROW(0x59, 2, 0, 2, 10, 1, 0, "kPa", "rail_pressure_absolute"),
    PERCENT(0x5A, 1, 0, "relative_pedal"),
    PERCENT(0x5B, 1, 0, "hybrid_battery"),
    CELSIUS(0x5C, 1, 0, "oil_temperature"),
    ROW(0x5D, 2, 0, 2, 1, 128, -210, "deg", "injection_timing"),
    ROW(0x5E, 2, 0, 2, 1, 20, 0, "L/h", "fuel_rate"),
    BITS(0x5F, 1, 0, 1, "emission_requirements"),
    TORQUE(0x61, 1, 0, "demanded_torque"),
    TORQUE(0x62, 1, 0, "actual_torque"),
    ROW(0x63, 2, 0, 2, 1, 1, 0, "Nm", "reference_torque"),
    TORQUE(0x64, 5, 0, "torque_idle"), TORQUE(0x64, 5, 1, "torque_1"), TORQUE(0x64, 5, 2, "torque_2"),
    TORQUE(0x64, 5, 3, "torque_3"), TORQUE(0x64, 5, 4, "torque_4"),
    BITS(0x66, 5, 0, 1, "air_flow_sensors"),
    ROW(0x66, 5, 1, 2, 1, 32, 0, "g/s", "air_flow_a"),
    ROW(0x66, 5, 3, 2, 1, 32, 0, "g/s", "air_flow_b"),
    BITS(0x67, 3, 0, 1, "coolant_sensors"),
    CELSIUS(0x67, 3, 1, "coolant_temperature_1"),
    CELSIUS(0x67, 3, 2, "coolant_temperature_2"),
    CELSIUS(0x84, 1, 0, "manifold_temperature"),
    TORQUE(0x8E, 1, 0, "friction_torque"),
    ROW(0xA2, 2, 0, 2, 1, 32, 0, "mg/stroke", "cylinder_fuel"),
    ROW(0xA6, 4, 0, 4, 1, 10, 0, "km", "odometer"),
};
/* clang-format on */
#define TABLE_COUNT (sizeof table / sizeof table[0])

const struct ct_obd_item *ct_obd_table(size_t *out_count)
{
    *out_count = TABLE_COUNT;
    return table;
}

const struct ct_obd_item *ct_obd_items(uint8_t pid, size_t *out_count)
{
    size_t first = 0;
    while (first < TABLE_COUNT && table[first].pid != pid) {
        first++;
    }
    size_t end = first;
    while (end < TABLE_COUNT && table[end].pid == pid) {
        end++;
    }
    *out_count = end - first;
    return end > first ? &table[first] : NULL;
}

const struct ct_obd_item *ct_obd_item_by_name(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

uint8_t ct_obd_pid_length(uint8_t pid)
{
    size_t count;
    const struct ct_obd_item *items = ct_obd_items(pid, &count);
    if (items != NULL) {
        return items->length;
    }
    return ct_obd_is_bitmap(pid) ? 4 : 0;
}

int64_t ct_obd_raw(const struct ct_obd_item *item, const uint8_t *data)
{
    int64_t raw = 0;
    for (unsigned i = 0; i < item->width; i++) {
        raw = raw << 8 | data[item->at + i];
    }
    const int64_t span = INT64_C(1) << (8U * item->width);
    return item->is_signed && raw >= span / 2 ? raw - span : raw;
}

double ct_obd_value(const struct ct_obd_item *item, const uint8_t *data)
{
    return (double)ct_obd_raw(item, data) * item->numerator / item->denominator + item->offset;
}

const char *ct_obd_text(const struct ct_obd_item *item, const uint8_t *data)
{
    const int64_t raw = ct_obd_raw(item, data);
    return item->texts != NULL && raw < item->text_count ? item->texts[raw] : NULL;
}

int ct_obd_put(const struct ct_obd_item *item, double value, uint8_t *data)
{
    const double raw = round((value - item->offset) * item->denominator / item->numerator);
    const double span = ldexp(1, 8 * item->width);
    const double low = item->is_signed ? -span / 2 : 0;
    if (!(raw >= low && raw < low + span)) {
        return CT_ERR_RANGE;
    }
    const uint64_t bits = (uint64_t)(int64_t)raw;
    for (unsigned i = 0; i < item->width; i++) {
        data[item->at + i] = (uint8_t)(bits >> (8U * (item->width - 1U - i)));
    }
    return CT_OK;
}

/* ---------------------------------------------------------------- bitmaps */

bool ct_obd_is_bitmap(uint8_t id)
{
    return id % 0x20U == 0;
}

bool ct_obd_bitmap_has(uint8_t base, const uint8_t bitmap[4], uint8_t id)
{
    const unsigned bit = (unsigned)id - base - 1U;
    return bit < 32 && (bitmap[bit / 8] & 0x80U >> bit % 8) != 0;
}

void ct_obd_bitmap_set(uint8_t base, uint8_t bitmap[4], uint8_t id)
{
    const unsigned bit = (unsigned)id - base - 1U;
    if (bit < 32) {
        bitmap[bit / 8] |= (uint8_t)(0x80U >> bit % 8);
    }
}

/* ---------------------------------------------------------------- trouble codes */

void ct_obd_dtc_text(uint16_t dtc, char out_text[CT_OBD_DTC_TEXT])
{
    static const char digits[] = "0123456789ABCDEF";
    out_text[0] = "PCBU"[dtc >> 14];
    out_text[1] = digits[dtc >> 12 & 3];
    out_text[2] = digits[dtc >> 8 & 15];
    out_text[3] = digits[dtc >> 4 & 15];
    out_text[4] = digits[dtc & 15];
    out_text[5] = '\0';
}

int ct_obd_dtc_parse(const char *text, uint16_t *out_dtc)
{
    static const char letters[] = "PpCcBbUu";
    const char *letter = text[0] == '\0' ? NULL : strchr(letters, text[0]);
    if (letter == NULL || strlen(text) != CT_OBD_DTC_TEXT - 1 || text[1] < '0' || text[1] > '3' ||
        strspn(text + 1, "0123456789abcdefABCDEF") != 4) {
        return CT_ERR_SYNTAX;
    }
    *out_dtc = (uint16_t)((unsigned long)(letter - letters) / 2 << 14 | strtoul(text + 1, NULL, 16));
    return CT_OK;
}

/* ---------------------------------------------------------------- vehicle information */

const struct ct_obd_info *ct_obd_info_find(uint8_t type)
{
    static const struct ct_obd_info infos[] = {
        {0x02, CT_OBD_VIN_LENGTH, true, "vin"},
        {0x04, 16, true, "calibration_id"},
        {0x06, 4, false, "calibration_verification"},
        {0x08, 2, false, "performance_spark"},
        {0x0A, 20, true, "ecu_name"},
        {0x0B, 2, false, "performance_compression"},
        {0x0D, 17, true, "engine_serial"},
    };
    for (size_t i = 0; i < sizeof infos / sizeof infos[0]; i++) {
        if (infos[i].type == type) {
            return &infos[i];
        }
    }
    return NULL;
}

/* ---------------------------------------------------------------- readiness */

void ct_obd_readiness_decode(const uint8_t data[4], struct ct_obd_readiness *out_readiness)
{
    *out_readiness = (struct ct_obd_readiness){
        .mil = (data[0] & 0x80U) != 0,
        .dtc_count = data[0] & 0x7FU,
        .compression = (data[1] & 0x08U) != 0,
        .supported = (data[1] & 0x07U) | (uint32_t)data[2] << CT_OBD_MONITORS_COMMON,
        .incomplete = (data[1] >> 4 & 0x07U) | (uint32_t)data[3] << CT_OBD_MONITORS_COMMON,
    };
}

void ct_obd_readiness_encode(const struct ct_obd_readiness *readiness, uint8_t out_data[4])
{
    out_data[0] = (uint8_t)((readiness->mil ? 0x80U : 0) | (readiness->dtc_count & 0x7FU));
    out_data[1] =
        (uint8_t)((readiness->supported & 7U) | (readiness->compression ? 8U : 0) | (readiness->incomplete & 7U) << 4);
    out_data[2] = (uint8_t)(readiness->supported >> CT_OBD_MONITORS_COMMON);
    out_data[3] = (uint8_t)(readiness->incomplete >> CT_OBD_MONITORS_COMMON);
}

const char *ct_obd_monitor_name(bool compression, unsigned monitor)
{
    static const char *const common[CT_OBD_MONITORS_COMMON] = {"misfire", "fuel_system", "components"};
    static const char *const spark[8] = {"catalyst",        "heated_catalyst", "evaporative_system", "secondary_air",
                                         "gasoline_filter", "oxygen_sensor",   "oxygen_heater",      "egr"};
    static const char *const diesel[8] = {"nmhc_catalyst",  "nox_aftertreatment", NULL, "boost_pressure", NULL,
                                          "exhaust_sensor", "particulate_filter", "egr"};
    if (monitor < CT_OBD_MONITORS_COMMON) {
        return common[monitor];
    }
    if (monitor >= CT_OBD_MONITORS_MAX) {
        return NULL;
    }
    return (compression ? diesel : spark)[monitor - CT_OBD_MONITORS_COMMON];
}
