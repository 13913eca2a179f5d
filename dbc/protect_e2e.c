/* AUTOSAR E2E profiles (PRS E2EProtocol, PRS_E2E clauses of each profile). The checksum covers every byte but its own;
 * what the profiles differ in is the CRC, the header beside it, and where the data id comes in. */
#include "bytes.h"
#include "protect_rule.h"

void ct_protect_field_bits(struct protect_field *field, unsigned bit, unsigned width)
{
    *field = (struct protect_field){
        .segments = {{(uint8_t)(bit / 8), (uint8_t)(bit % 8), (uint8_t)width}},
        .count = 1,
        .width = (uint8_t)width,
        .signal = -1,
    };
}

void ct_protect_field_bytes(struct protect_field *field, unsigned byte, unsigned bytes, bool big_endian)
{
    *field = (struct protect_field){.count = (uint8_t)bytes, .width = (uint8_t)(8 * bytes), .signal = -1};
    for (unsigned i = 0; i < bytes; i++) {
        const unsigned at = big_endian ? byte + i : byte + bytes - 1 - i;
        field->segments[i] = (struct protect_segment){(uint8_t)at, 0, 8};
    }
}

/* ---- profiles 1 and 11: CRC-8 J1850, the id before the data */

static void layout_p01(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    const unsigned counter = config->counter_offset != NULL ? *config->counter_offset : rule->header * 8U + 8;
    const unsigned nibble = config->id_offset != NULL ? *config->id_offset : rule->header * 8U + 12;
    ct_protect_field_bytes(&rule->checksum, rule->header, 1, true);
    ct_protect_field_bits(&rule->counter, counter, 4);
    if (rule->id_mode == PROTECT_ID_NIBBLE) {
        ct_protect_field_bits(&rule->id_nibble, nibble, 4);
    }
}

/* The CRC of AUTOSAR's library starts with 0xFF and ends with XOR 0xFF, and the profile undoes both. */
static uint64_t compute_p01(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const uint8_t low = (uint8_t)rule->data_id;
    const uint8_t high = (uint8_t)(rule->data_id >> 8);
    const uint64_t counter = ct_protect_field_get(&rule->counter, data);
    const uint8_t ids[][2] = {
        [PROTECT_ID_BOTH] = {low, high},
        [PROTECT_ID_ALTERNATE] = {counter % 2 == 0 ? low : high, 0},
        [PROTECT_ID_LOW] = {low, 0},
        [PROTECT_ID_NIBBLE] = {low, 0},
    };
    const bool two = rule->id_mode == PROTECT_ID_BOTH || rule->id_mode == PROTECT_ID_NIBBLE;
    const size_t tail = rule->header + 1U;
    uint8_t crc = ct_crc8(rule->crc->j1850, 0, ids[rule->id_mode], two ? 2 : 1);
    crc = ct_crc8(rule->crc->j1850, crc, data, rule->header);
    return ct_crc8(rule->crc->j1850, crc, data + tail, rule->length - tail);
}

static bool header_good_p01(const struct ct_protect_rule *rule, const uint8_t *data)
{
    return rule->id_mode != PROTECT_ID_NIBBLE ||
           ct_protect_field_get(&rule->id_nibble, data) == (rule->data_id >> 8 & 0xFU);
}

static void header_put_p01(const struct ct_protect_rule *rule, uint8_t *data)
{
    if (rule->id_mode == PROTECT_ID_NIBBLE) {
        ct_protect_field_put(&rule->id_nibble, data, rule->data_id >> 8);
    }
}

/* ---- profiles 2 and 22: CRC-8 H2F, the counter chooses one of 16 ids, which comes last */

static void layout_p02(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    (void)config;
    ct_protect_field_bytes(&rule->checksum, rule->header, 1, true);
    ct_protect_field_bits(&rule->counter, rule->header * 8U + 8, 4);
}

static uint64_t compute_p02(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const uint64_t counter = ct_protect_field_get(&rule->counter, data);
    const size_t tail = rule->header + 1U;
    uint8_t crc = ct_crc8(rule->crc->h2f, 0xFF, data, rule->header);
    crc = ct_crc8(rule->crc->h2f, crc, data + tail, rule->length - tail);
    return (uint8_t)(ct_crc8(rule->crc->h2f, crc, &rule->list[counter % PROTECT_LIST], 1) ^ 0xFFU);
}

/* ---- profile 4: length 16, counter 16, id 32, CRC-32P4, big endian */

static void layout_p04(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    (void)config;
    ct_protect_field_bytes(&rule->counter, rule->header + 2U, 2, true);
    ct_protect_field_bytes(&rule->checksum, rule->header + 8U, 4, true);
}

static uint64_t compute_p04(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const size_t tail = rule->header + 12U;
    const uint32_t crc = ct_crc32(rule->crc->p4, UINT32_MAX, data, rule->header + 8U);
    return ct_crc32(rule->crc->p4, crc, data + tail, rule->length - tail) ^ UINT32_MAX;
}

static bool header_good_p04(const struct ct_protect_rule *rule, const uint8_t *data)
{
    return ct_be16(data + rule->header) == rule->length && ct_be32(data + rule->header + 4) == rule->data_id;
}

static void header_put_p04(const struct ct_protect_rule *rule, uint8_t *data)
{
    ct_put_be16(data + rule->header, rule->length);
    ct_put_be32(data + rule->header + 4, rule->data_id);
}

/* ---- profiles 5 and 6: CRC-16 CCITT-FALSE, the id comes last */

static uint16_t crc16_around(const struct ct_protect_rule *rule, const uint8_t *data, const uint8_t id[2])
{
    const size_t tail = rule->header + 2U;
    uint16_t crc = ct_crc16(rule->crc->ccitt, 0xFFFF, data, rule->header);
    crc = ct_crc16(rule->crc->ccitt, crc, data + tail, rule->length - tail);
    return ct_crc16(rule->crc->ccitt, crc, id, 2);
}

static void layout_p05(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    (void)config;
    ct_protect_field_bytes(&rule->checksum, rule->header, 2, false);
    ct_protect_field_bytes(&rule->counter, rule->header + 2U, 1, true);
}

static uint64_t compute_p05(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const uint8_t bytes[2] = {(uint8_t)rule->data_id, (uint8_t)(rule->data_id >> 8)};
    return crc16_around(rule, data, bytes);
}

static void layout_p06(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    (void)config;
    ct_protect_field_bytes(&rule->checksum, rule->header, 2, true);
    ct_protect_field_bytes(&rule->counter, rule->header + 4U, 1, true);
}

static uint64_t compute_p06(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const uint8_t bytes[2] = {(uint8_t)(rule->data_id >> 8), (uint8_t)rule->data_id};
    return crc16_around(rule, data, bytes);
}

static bool header_good_p06(const struct ct_protect_rule *rule, const uint8_t *data)
{
    return ct_be16(data + rule->header + 2) == rule->length;
}

static void header_put_p06(const struct ct_protect_rule *rule, uint8_t *data)
{
    ct_put_be16(data + rule->header + 2, rule->length);
}

/* ---- profile 7: CRC-64, length 32, counter 32, id 32, big endian */

static void layout_p07(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    (void)id;
    (void)config;
    ct_protect_field_bytes(&rule->checksum, rule->header, 8, true);
    ct_protect_field_bytes(&rule->counter, rule->header + 12U, 4, true);
}

static uint64_t compute_p07(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const size_t tail = rule->header + 8U;
    const uint64_t crc = ct_crc64(rule->crc->ecma, UINT64_MAX, data, rule->header);
    return ct_crc64(rule->crc->ecma, crc, data + tail, rule->length - tail) ^ UINT64_MAX;
}

static bool header_good_p07(const struct ct_protect_rule *rule, const uint8_t *data)
{
    return ct_be32(data + rule->header + 8) == rule->length && ct_be32(data + rule->header + 16) == rule->data_id;
}

static void header_put_p07(const struct ct_protect_rule *rule, uint8_t *data)
{
    ct_put_be32(data + rule->header + 8, rule->length);
    ct_put_be32(data + rule->header + 16, rule->data_id);
}

#define ID_KEYS   (PROTECT_KEY_DATA_ID | PROTECT_KEY_OFFSET)
#define P01_KEYS  (ID_KEYS | PROTECT_KEY_ID_MODE | PROTECT_KEY_PLACES)
#define LIST_KEYS (PROTECT_KEY_DATA_IDS | PROTECT_KEY_OFFSET)

const struct protect_scheme ct_protect_e2e_schemes[] = {
    {.name = "e2e-p01",
     .keys = P01_KEYS,
     .checksum_width = 8,
     .counter_end = 15,
     .header_size = 2,
     .layout = layout_p01,
     .header_good = header_good_p01,
     .header_put = header_put_p01,
     .compute = compute_p01},
    {.name = "e2e-p02",
     .keys = LIST_KEYS,
     .checksum_width = 8,
     .header_size = 2,
     .layout = layout_p02,
     .compute = compute_p02},
    {.name = "e2e-p04",
     .keys = ID_KEYS,
     .checksum_width = 32,
     .header_size = 12,
     .layout = layout_p04,
     .header_good = header_good_p04,
     .header_put = header_put_p04,
     .compute = compute_p04},
    {.name = "e2e-p05",
     .keys = ID_KEYS,
     .checksum_width = 16,
     .header_size = 3,
     .layout = layout_p05,
     .compute = compute_p05},
    {.name = "e2e-p06",
     .keys = ID_KEYS,
     .checksum_width = 16,
     .header_size = 5,
     .layout = layout_p06,
     .header_good = header_good_p06,
     .header_put = header_put_p06,
     .compute = compute_p06},
    {.name = "e2e-p07",
     .keys = ID_KEYS,
     .checksum_width = 64,
     .header_size = 20,
     .layout = layout_p07,
     .header_good = header_good_p07,
     .header_put = header_put_p07,
     .compute = compute_p07},
    {.name = "e2e-p11",
     .keys = P01_KEYS,
     .checksum_width = 8,
     .counter_end = 15,
     .header_size = 2,
     .layout = layout_p01,
     .header_good = header_good_p01,
     .header_put = header_put_p01,
     .compute = compute_p01},
    {.name = "e2e-p22",
     .keys = LIST_KEYS,
     .checksum_width = 8,
     .header_size = 2,
     .layout = layout_p02,
     .compute = compute_p02},
};
const size_t ct_protect_e2e_scheme_count = sizeof ct_protect_e2e_schemes / sizeof ct_protect_e2e_schemes[0];
