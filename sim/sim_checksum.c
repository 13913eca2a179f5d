#include "sim_checksum.h"

#include <string.h>

static const struct ct_checksum_rule rules[] = {
    {"ENGINE_STATUS", CT_PROTECTION_CRC8, "ENGINE_STATUS_COUNTER", 15, "ENGINE_STATUS_CRC"},
    {"ENGINE_TORQUE_STATUS", CT_PROTECTION_CRC8, "ENGINE_TORQUE_COUNTER", 15, "ENGINE_TORQUE_CRC"},
    {"VEHICLE_MOTION", CT_PROTECTION_SUM, NULL, 0, "VEHICLE_MOTION_SUM"},
    {"GEARBOX_STATUS", CT_PROTECTION_SUM, "GEARBOX_COUNTER", 16, "GEARBOX_STATUS_SUM"},
    {"BATTERY_STATUS", CT_PROTECTION_CRC8, "BATTERY_STATUS_COUNTER", 15, "BATTERY_STATUS_CRC"},
    {"BODY_STATUS", CT_PROTECTION_CRC8, "BODY_STATUS_COUNTER", 15, "BODY_STATUS_CRC"},
    {"BODY_IGNITION", CT_PROTECTION_CRC8, "BODY_IGNITION_COUNTER", 15, "BODY_IGNITION_CRC"},
    {"BODY_LAMPS", CT_PROTECTION_NONE, "LAMPS_COUNTER", 256, NULL},
};

const struct ct_checksum_rule *ct_checksum_find(const char *message)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (strcmp(rules[i].message, message) == 0) {
            return &rules[i];
        }
    }
    return NULL;
}

static uint8_t crc8_more(uint8_t crc, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (uint8_t)((crc & 0x80) != 0 ? crc << 1 ^ 0x1D : crc << 1);
        }
    }
    return crc;
}

uint8_t ct_checksum_crc8(const uint8_t *data, size_t len)
{
    return crc8_more(0xFF, data, len) ^ 0xFF;
}

uint8_t ct_checksum_of(enum ct_protection kind, uint32_t id, const uint8_t *data, size_t len)
{
    const uint8_t id_bytes[] = {(uint8_t)id, (uint8_t)(id >> 8)};
    if (len == 0 || kind == CT_PROTECTION_NONE) {
        return 0;
    }
    if (kind == CT_PROTECTION_CRC8) {
        return crc8_more(crc8_more(0xFF, id_bytes, 2), data + 1, len - 1) ^ 0xFF;
    }
    unsigned sum = (unsigned)len + id_bytes[0] + id_bytes[1];
    for (size_t i = 0; i + 1 < len; i++) {
        sum += data[i];
    }
    return (uint8_t)sum;
}
