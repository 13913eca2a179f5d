#include "ecu_data.h"

#include "bytes.h"
#include "crc.h"

#include <string.h>

#define NAME_SIZE   16U
#define FILLER_FROM 36U

static uint8_t put_text(const char *text, uint8_t *out, size_t size, size_t *out_len)
{
    const size_t len = strlen(text);
    if (len > size) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)text[i];
    }
    *out_len = len;
    return 0;
}

static uint8_t read_vin(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    const struct ct_ecu_data *data = user;
    return put_text(data->vin, out, size, out_len);
}

static uint8_t read_part_number(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    const struct ct_ecu_data *data = user;
    return put_text(data->part_number, out, size, out_len);
}

static uint8_t read_record(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    const struct ct_ecu_data *data = user;
    const struct ct_plant_values *v = &data->plant->v;
    size_t len = 0;
    if (size < CT_ECU_RECORD_SIZE) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memset(out, 0, CT_ECU_RECORD_SIZE);
    uint8_t nrc = put_text("CTR1", out, 4, &len);
    nrc = nrc != 0 ? nrc : put_text(data->name, out + 4, NAME_SIZE, &len);
    if (nrc != 0) {
        return nrc;
    }
    ct_put_be32(out + 20, data->sent);
    ct_put_be32(out + 24, (uint32_t)(data->plant->steps * (CT_PLANT_STEP / CT_NS_PER_MS)));
    ct_put_be32(out + 28, (uint32_t)v->odometer_m);
    ct_put_be16(out + 32, (uint16_t)(v->speed_kmh * 100));
    ct_put_be16(out + 34, (uint16_t)(v->battery_v * 1000));
    for (size_t i = FILLER_FROM; i < CT_ECU_RECORD_SIZE - 1; i++) {
        out[i] = (uint8_t)i;
    }
    uint8_t table[256];
    ct_crc8_table(CT_CRC8_J1850, table);
    out[CT_ECU_RECORD_SIZE - 1] = ct_crc8(table, 0xFF, out, CT_ECU_RECORD_SIZE - 1) ^ 0xFF;
    *out_len = CT_ECU_RECORD_SIZE;
    return 0;
}

/* --- numbers of the plant --- */

static uint8_t put_number(double value, size_t width, uint8_t *out, size_t size, size_t *out_len)
{
    if (size < width) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    const uint32_t raw = value > 0 ? (uint32_t)(value + 0.5) : 0;
    for (size_t i = 0; i < width; i++) {
        out[i] = (uint8_t)(raw >> 8 * (width - 1 - i));
    }
    *out_len = width;
    return 0;
}

static uint8_t read_number(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_plant_values *v = &((const struct ct_ecu_data *)user)->plant->v;
    switch (id) {
    case 0x0200:
        return put_number(v->speed_kmh * 100, 2, out, size, out_len);
    case 0x0201:
        return put_number(v->battery_v * 1000, 2, out, size, out_len);
    case 0x0202:
        return put_number(v->odometer_m, 4, out, size, out_len);
    case 0x0203:
        return put_number(v->ignition, 1, out, size, out_len);
    case 0x0204:
        return put_number(v->engine_rpm * 4, 2, out, size, out_len);
    default:
        return put_number(v->coolant_c + 40, 1, out, size, out_len);
    }
}

static uint8_t read_speed_and_supply(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    size_t first = 0;
    size_t second = 0;
    uint8_t nrc = read_number(user, 0x0200, out, size, &first);
    nrc = nrc != 0 ? nrc : read_number(user, 0x0201, out + first, size - first, &second);
    *out_len = first + second;
    return nrc;
}

/* --- identification --- */

static uint8_t read_name(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    return put_text(((const struct ct_ecu_data *)user)->name, out, size, out_len);
}

static uint8_t read_software(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    return put_text("1.4.0", out, size, out_len);
}

/* The last six of the VIN behind the name's first letter. */
static uint8_t read_serial(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_ecu_data *data = user;
    (void)id;
    size_t len = 0;
    if (size < 1) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    out[0] = (uint8_t)data->name[0];
    const uint8_t nrc = put_text(data->vin + strlen(data->vin) - 6, out + 1, size - 1, &len);
    *out_len = 1 + len;
    return nrc;
}

static uint8_t put_bytes(const uint8_t *bytes, size_t len, uint8_t *out, size_t size, size_t *out_len)
{
    if (len > size) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memcpy(out, bytes, len);
    *out_len = len;
    return 0;
}

static uint8_t read_version(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    static const uint8_t version[4] = {3, 0, 0, 0};
    (void)user;
    (void)id;
    return put_bytes(version, sizeof version, out, size, out_len);
}

static uint8_t read_secret(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    return put_text("twin-key", out, size, out_len);
}

static uint8_t read_mark(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)id;
    return put_bytes(((const struct ct_ecu_data *)user)->mark, CT_ECU_MARK_SIZE, out, size, out_len);
}

static uint8_t write_mark(void *user, uint16_t id, const uint8_t *data, size_t len)
{
    struct ct_ecu_data *ecu = user;
    (void)id;
    memcpy(ecu->mark, data, len);
    ecu->revision++;
    return 0;
}

static uint8_t read_obd(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_ecu_data *data = user;
    return data->obd != NULL ? ct_obd_server_read_did(data->obd, id, out, size, out_len) : CT_NRC_OUT_OF_RANGE;
}

static const struct ct_uds_did dids[] = {
    {.id = CT_UDS_DID_VIN, .read = read_vin},
    {.id = CT_UDS_DID_PART_NUMBER, .read = read_part_number},
    {.id = CT_UDS_DID_SERIAL, .read = read_serial},
    {.id = CT_UDS_DID_SOFTWARE, .read = read_software},
    {.id = CT_UDS_DID_SYSTEM_NAME, .read = read_name},
    {.id = CT_UDS_DID_UDS_VERSION, .read = read_version},
    {.id = 0x0160, .read = read_record},
    {.id = 0x0200, .last = 0x0205, .read = read_number},
    {.id = 0x0300,
     .read = read_mark,
     .write = write_mark,
     .write_access = {.sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED), .level = 1},
     .write_min = CT_ECU_MARK_SIZE,
     .write_max = CT_ECU_MARK_SIZE},
    {.id = 0x0301, .read = read_secret, .read_access = {.roles = 1}},
    {.id = 0xF201, .read = read_speed_and_supply},
    {.id = 0xF400, .last = 0xF4FF, .read = read_obd},
    {.id = 0xF600, .last = 0xF6FF, .read = read_obd},
    {.id = 0xF800, .last = 0xF8FF, .read = read_obd},
};

const struct ct_uds_did *ct_ecu_data_dids(size_t *out_count)
{
    *out_count = sizeof dids / sizeof dids[0];
    return dids;
}

uint8_t ct_ecu_data_read(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    for (size_t i = 0; i < sizeof dids / sizeof dids[0]; i++) {
        if (id >= dids[i].id && id <= (dids[i].last != 0 ? dids[i].last : dids[i].id)) {
            return dids[i].read(user, id, out, size, out_len);
        }
    }
    return CT_NRC_OUT_OF_RANGE;
}
