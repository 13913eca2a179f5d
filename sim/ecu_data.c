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

static const struct ct_uds_did dids[] = {
    {.id = 0xF190, .sessions = CT_UDS_SESSION_ANY, .read = read_vin},
    {.id = 0xF187, .sessions = CT_UDS_SESSION_ANY, .read = read_part_number},
    {.id = 0x0160, .sessions = CT_UDS_SESSION_ANY, .read = read_record},
};

const struct ct_uds_did *ct_ecu_data_dids(size_t *out_count)
{
    *out_count = sizeof dids / sizeof dids[0];
    return dids;
}
