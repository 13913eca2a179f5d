/* Manufacturers' checksums as opendbc describes them: sums of bytes or nibbles, XOR, CRCs, each over all bytes but the
 * checksum's own. */
#include "protect_rule.h"

#include <string.h>

#define ALL_OTHERS(i, rule)                       \
    for (unsigned i = 0; i < (rule)->length; i++) \
        if (i != (rule)->checksum.segments[0].byte)

enum sum_flag { SUM_LENGTH = 1, SUM_ID = 2, SUM_ID16 = 4, SUM_SIX = 8 };

static unsigned id_bytes(uint32_t id)
{
    return (id & 0xFFU) + (id >> 8 & 0xFFU) + (id >> 16 & 0xFFU) + (id >> 24);
}

/* honda, hyundai, psa: nibbles of the data; the checksum's bits are 0 */
static unsigned nibbles(const struct ct_protect_rule *rule, const uint8_t *data)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < rule->length; i++) {
        sum += (data[i] & 0xFU) + (data[i] >> 4);
    }
    return sum;
}

static uint64_t compute_sum(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    const unsigned flags = rule->scheme->flags;
    unsigned sum = rule->initial + ((flags & SUM_LENGTH) != 0 ? rule->length : 0U);
    sum += (flags & SUM_ID) != 0 ? id_bytes(id) : 0U;
    sum += (flags & SUM_ID16) != 0 ? id_bytes(id & 0xFFFFU) : 0U;
    ALL_OTHERS(i, rule)
    {
        sum += (flags & SUM_SIX) == 0 || i < 6 ? data[i] : 0U;
    }
    return (sum & 0xFFU) ^ rule->final_xor;
}

static uint64_t compute_xor(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    unsigned value = rule->initial;
    ALL_OTHERS(i, rule)
    {
        value ^= data[i];
    }
    return value ^ rule->final_xor;
}

static uint64_t compute_crc8(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const size_t own = rule->checksum.segments[0].byte;
    const uint8_t head = ct_crc8(rule->crc8, (uint8_t)rule->initial, data, own);
    const uint8_t crc = ct_crc8(rule->crc8, head, data + own + 1, rule->length - own - 1);
    return crc ^ rule->final_xor;
}

static uint64_t compute_honda(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    unsigned sum = nibbles(rule, data);
    for (uint32_t rest = id; rest != 0; rest >>= 4) {
        sum += rest & 0xFU;
    }
    return (8U + (id > 0x7FF ? 3U : 0U) - sum) & 0xFU;
}

static uint64_t compute_psa(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    return (rule->initial - nibbles(rule, data)) & 0xFU;
}

static bool prepare_psa(struct ct_protect_rule *rule, uint32_t id)
{
    rule->initial = id == 0x452 ? 0x4U : id == 0x38D ? 0x7U : id == 0x42D ? 0xCU : 0xBU;
    return true;
}

/* From the second last byte back to the first. */
static uint64_t compute_comma_body(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    uint8_t crc = (uint8_t)rule->initial;
    for (unsigned i = rule->length; i-- > 0;) {
        crc = i != rule->checksum.segments[0].byte ? rule->crc8[crc ^ data[i]] : crc;
    }
    return crc;
}

static bool prepare_giorgio(struct ct_protect_rule *rule, uint32_t id)
{
    rule->final_xor = id == 0xDE ? 0x10U : id == 0x106 ? 0xF6U : id == 0x122 ? 0xF1U : 0x0AU;
    return true;
}

/* AUTOSAR profile 1 with the data id folded into a final XOR. */
static bool prepare_rivian(struct ct_protect_rule *rule, uint32_t id)
{
    static const uint32_t known[][2] = {{0x120, 0x63}, {0x150, 0x9A}, {0x160, 0x12},
                                        {0x162, 0xD1}, {0x208, 0xB1}, {0x321, 0x97}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i][0] == id) {
            rule->final_xor = known[i][1];
            return true;
        }
    }
    return false;
}

/* ---- hyundai, before CAN FD: what is where depends on the message */

static void layout_hyundai(struct ct_protect_rule *rule, const struct ct_protect_config *config, uint32_t id)
{
    static const struct hyundai {
        uint32_t id;
        uint8_t checksum_bit, checksum_width, counter_bit, counter_width, counter_end, length;
    } known[] = {
        {0x260, 56, 4, 60, 2, 4, 8}, {0x340, 48, 8, 36, 4, 16, 8}, {0x38D, 56, 8, 48, 4, 15, 8},
        {0x394, 48, 4, 13, 3, 8, 7}, {0x421, 60, 4, 56, 4, 15, 8},
    };
    (void)config;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].id == id) {
            ct_protect_field_bits(&rule->checksum, known[i].checksum_bit, known[i].checksum_width);
            ct_protect_field_bits(&rule->counter, known[i].counter_bit, known[i].counter_width);
            rule->counter_end = known[i].counter_end;
            rule->length = rule->length >= known[i].length ? known[i].length : rule->length;
        }
    }
    if (id == 0x386) { /* wheel speeds: both in the top bits of two bytes, the upper half last */
        rule->checksum =
            (struct protect_field){.segments = {{7, 6, 2}, {5, 6, 2}}, .count = 2, .width = 4, .signal = -1};
        rule->counter =
            (struct protect_field){.segments = {{3, 6, 2}, {1, 6, 2}}, .count = 2, .width = 4, .signal = -1};
        rule->counter_end = 16;
    }
}

static uint64_t compute_hyundai(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    if (rule->checksum.width == 8) {
        return compute_crc8(rule, id, data);
    }
    if (rule->checksum.count == 1) {
        return (16U - nibbles(rule, data)) & 0xFU;
    }
    unsigned ones = 0;
    for (unsigned i = 0; i < 8; i++) {
        ones += (unsigned)__builtin_popcount(i % 2 == 1 ? data[i] & 0x3FU : data[i]);
    }
    return (ones ^ 9U) & 0xFU;
}

static uint64_t compute_hyundai_fd(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    static const uint16_t by_length[] = {[1] = 0x5F29, [2] = 0x041D, [3] = 0x819D, [4] = 0x9F5B};
    const uint8_t id_bytes_last[2] = {(uint8_t)id, (uint8_t)(id >> 8)};
    uint16_t crc = ct_crc16(rule->crc->ccitt, 0, data + 2, rule->length - 2U);
    crc = ct_crc16(rule->crc->ccitt, crc, id_bytes_last, 2);
    const bool known = rule->length % 8 == 0 && rule->length / 8U < sizeof by_length / sizeof by_length[0];
    return crc ^ (known ? by_length[rule->length / 8U] : 0U);
}

/* ---- volkswagen */

static uint64_t compute_mqb(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    uint8_t crc = ct_crc8(rule->crc->h2f, 0xFF, data + 1, rule->length - 1U);
    return (uint8_t)(ct_crc8(rule->crc->h2f, crc, &rule->list[data[1] & 0xFU], 1) ^ 0xFFU);
}

static bool prepare_mqb(struct ct_protect_rule *rule, uint32_t id)
{
    return ct_protect_volkswagen_list(id, rule->list);
}

static bool is_mqb_in_mlb(uint32_t id)
{
    return id == 0x9F || id == 0x117 || id == 0x11D || id == 0x11E || id == 0x126 || id == 0x32A;
}

static bool prepare_mlb(struct ct_protect_rule *rule, uint32_t id)
{
    rule->initial = (id >> 8 ^ id ^ (id == 0x100 || id == 0x101 ? 0xAAU : 0U)) & 0xFFU;
    return !is_mqb_in_mlb(id) || prepare_mqb(rule, id);
}

static uint64_t compute_mlb(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    return is_mqb_in_mlb(id) ? compute_mqb(rule, id, data) : compute_xor(rule, id, data);
}

/* ---- mg: the two's complement of torque, its status and valid flag, and the counter */

static uint64_t compute_mg_torque(const struct ct_protect_rule *rule, uint32_t id, const uint8_t *data)
{
    (void)id;
    const unsigned torque = (data[0] & 0x7U) << 8 | data[1];
    const unsigned valid = data[0] >> 3 & 1U;
    const unsigned status = rule->checksum.width == 14 ? data[4] >> 3 & 0x3U : data[6] >> 4 & 0x7U;
    const unsigned sum = (torque << 1) + (status << 12) + valid + (data[0] >> 4);
    return (0U - sum) & ((1U << rule->checksum.width) - 1U);
}

#define SIGNALS   (PROTECT_KEY_SIGNALS | PROTECT_KEY_COUNTER_END)
#define START_KEY (SIGNALS | PROTECT_KEY_START)

const struct protect_scheme ct_protect_maker_schemes[] = {
    {.name = "honda", .keys = SIGNALS, .checksum_width = 4, .compute = compute_honda},
    {.name = "toyota", .keys = SIGNALS, .checksum_width = 8, .compute = compute_sum, .flags = SUM_LENGTH | SUM_ID},
    {.name = "subaru", .keys = SIGNALS, .checksum_width = 8, .compute = compute_sum, .flags = SUM_ID},
    {.name = "subaru-preglobal", .keys = SIGNALS, .checksum_width = 8, .compute = compute_sum},
    {.name = "tesla", .keys = SIGNALS, .checksum_width = 8, .compute = compute_sum, .flags = SUM_ID16},
    {.name = "chrysler",
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_crc8,
     .polynomial = CT_CRC8_J1850,
     .initial = 0xFF,
     .final_xor = 0xFF},
    {.name = "fca-giorgio",
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_crc8,
     .prepare = prepare_giorgio,
     .polynomial = CT_CRC8_J1850},
    {.name = "hyundai",
     .keys = 0,
     .min_length = 8,
     .layout = layout_hyundai,
     .compute = compute_hyundai,
     .polynomial = CT_CRC8_J1850,
     .initial = 0xFD,
     .final_xor = 0xDF},
    {.name = "hyundai-sum6",
     .min_length = 6,
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_sum,
     .flags = SUM_SIX},
    {.name = "hyundai-sum7", .keys = SIGNALS, .checksum_width = 8, .compute = compute_sum},
    {.name = "hyundai-fd", .keys = SIGNALS, .min_length = 3, .checksum_width = 16, .compute = compute_hyundai_fd},
    {.name = "vw-mqb",
     .min_length = 2,
     .keys = SIGNALS | PROTECT_KEY_DATA_IDS,
     .checksum_width = 8,
     .compute = compute_mqb,
     .prepare = prepare_mqb},
    {.name = "vw-pq", .keys = SIGNALS, .checksum_width = 8, .compute = compute_xor},
    {.name = "vw-mlb",
     .min_length = 2,
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_mlb,
     .prepare = prepare_mlb},
    {.name = "psa", .keys = SIGNALS, .checksum_width = 4, .compute = compute_psa, .prepare = prepare_psa},
    {.name = "rivian",
     .keys = START_KEY,
     .checksum_width = 8,
     .counter_end = 15,
     .compute = compute_crc8,
     .prepare = prepare_rivian,
     .polynomial = CT_CRC8_J1850},
    {.name = "comma-body",
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_comma_body,
     .polynomial = 0xD5,
     .initial = 0xFF},
    {.name = "mg",
     .keys = SIGNALS,
     .checksum_width = 8,
     .compute = compute_crc8,
     .polynomial = CT_CRC8_J1850,
     .initial = 0xFF,
     .final_xor = 0xFF},
    {.name = "mg-torque", .min_length = 8, .keys = SIGNALS, .checksum_width = 14, .compute = compute_mg_torque},
    {.name = "mg-torque-response",
     .min_length = 8,
     .keys = SIGNALS,
     .checksum_width = 15,
     .compute = compute_mg_torque},
    {.name = "sum8", .keys = START_KEY, .checksum_width = 8, .compute = compute_sum},
    {.name = "xor8", .keys = START_KEY, .checksum_width = 8, .compute = compute_xor},
    {.name = "crc8",
     .keys = START_KEY | PROTECT_KEY_POLYNOMIAL,
     .checksum_width = 8,
     .compute = compute_crc8,
     .polynomial = CT_CRC8_J1850},
    {.name = "counter", .keys = SIGNALS},
};
const size_t ct_protect_maker_scheme_count = sizeof ct_protect_maker_schemes / sizeof ct_protect_maker_schemes[0];
