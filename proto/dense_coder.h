/* A binary arithmetic coder with adaptive bits, one code path for both directions: `code` takes the bit to be written,
 * or hands out the one that was read. What a bit leans to is learnt: the mean of what was seen, later an average that
 * forgets; zeroed memory is a bit that knows nothing. Integers only, so that both ends agree on every machine. Reading
 * never fails: behind the end come zeros, and what was read is checked by those who know what it means.
 * Private to proto/. Source: the range coder of LZMA (7-Zip's LZMA specification), without its first byte and with
 * zeros at the end left out. */
#ifndef CT_PROTO_DENSE_CODER_H
#define CT_PROTO_DENSE_CODER_H

#include "buf.h"

#include <stdbool.h>

struct ct_dense_bit {
    int16_t lean; /* how much more often 1 than 0, -32768 to 32767 */
    uint16_t seen;
};

/* Numbers as their length in bits, then the bits behind the first; the length up to 14 and the second bit are learnt.
 */
#define CT_DENSE_LONG 15U
struct ct_dense_number {
    struct ct_dense_bit length[CT_DENSE_LONG + 1];
    struct ct_dense_bit second[CT_DENSE_LONG + 1];
};

struct ct_dense_coder {
    bool decoding;
    uint32_t range;
    uint64_t low; /* encoding */
    size_t begin; /* where in `out` */
    size_t held;  /* bytes held back for a carry: `first_held`, then 0xff */
    uint8_t first_held;
    struct ct_buf *out;
    uint32_t value; /* decoding */
    const uint8_t *next, *end;
    int err; /* sticky; set by what finds a value out of range */
};

#define CT_DENSE_RANGE_MIN (UINT32_C(1) << 24)

static inline void ct_dense_put(struct ct_dense_coder *coder, unsigned byte)
{
    const uint8_t out = (uint8_t)byte;
    ct_buf_append(coder->out, &out, 1);
}

static inline uint8_t ct_dense_get(struct ct_dense_coder *coder)
{
    return coder->next < coder->end ? *coder->next++ : 0;
}

/* The uppermost byte of low goes, when no carry can reach it any more. */
static inline void ct_dense_shift(struct ct_dense_coder *coder)
{
    const unsigned carry = (unsigned)(coder->low >> 32);
    if ((uint32_t)coder->low >= UINT32_C(0xff000000) && carry == 0) {
        coder->held++;
    } else {
        for (size_t i = 0; i < coder->held; i++) {
            ct_dense_put(coder, (i == 0 ? coder->first_held : 0xffU) + carry);
        }
        coder->first_held = (uint8_t)(coder->low >> 24);
        coder->held = 1;
    }
    coder->low = (coder->low & 0x00ffffff) << 8;
}

static inline void ct_dense_widen(struct ct_dense_coder *coder)
{
    while (coder->range < CT_DENSE_RANGE_MIN) {
        coder->range <<= 8;
        if (coder->decoding) {
            coder->value = coder->value << 8 | ct_dense_get(coder);
        } else {
            ct_dense_shift(coder);
        }
    }
}

static inline struct ct_dense_coder ct_dense_writer(struct ct_buf *out)
{
    return (struct ct_dense_coder){.range = UINT32_MAX, .out = out, .begin = out->len};
}

static inline struct ct_dense_coder ct_dense_reader(const uint8_t *data, size_t len)
{
    struct ct_dense_coder coder = {.decoding = true, .range = UINT32_MAX, .next = data, .end = data + len};
    for (unsigned i = 0; i < 4; i++) {
        coder.value = coder.value << 8 | ct_dense_get(&coder);
    }
    return coder;
}

/* Of the values that mean what was written the one with most zeros at its end; those are left out. */
static inline void ct_dense_finish(struct ct_dense_coder *coder)
{
    const uint64_t last = coder->low + coder->range - 1;
    unsigned zeros = 31;
    while (last >> zeros << zeros < coder->low) {
        zeros--;
    }
    coder->low = last >> zeros << zeros;
    for (unsigned i = 0; i < 5; i++) {
        ct_dense_shift(coder);
    }
    while (coder->out->len > coder->begin && coder->out->data[coder->out->len - 1] == 0) {
        coder->out->len--;
    }
}

/* 65536 / (seen + 1.5): at first all looks count as much as one another, from the 63rd on old ones fade. */
static const uint16_t ct_dense_rates[] = {
    43690, 26214, 18724, 14563, 11915, 10082, 8738, 7710, 6898, 6241, 5698, 5242, 4854, 4519, 4228, 3971,
    3744,  3542,  3360,  3196,  3048,  2912,  2788, 2674, 2570, 2473, 2383, 2299, 2221, 2148, 2080, 2016,
    1956,  1899,  1846,  1795,  1747,  1702,  1659, 1618, 1579, 1542, 1506, 1472, 1440, 1409, 1379, 1351,
    1323,  1297,  1272,  1248,  1224,  1202,  1180, 1159, 1139, 1120, 1101, 1083, 1065, 1048, 1032};
#define CT_DENSE_SEEN_MAX (sizeof ct_dense_rates / sizeof ct_dense_rates[0] - 1)

static inline void ct_dense_learn(struct ct_dense_bit *model, unsigned bit)
{
    const int32_t target = bit != 0 ? INT16_MAX : INT16_MIN;
    const int64_t away = target - model->lean;
    model->lean = (int16_t)(model->lean + away * ct_dense_rates[model->seen] / 65536);
    model->seen = (uint16_t)(model->seen + (model->seen < CT_DENSE_SEEN_MAX));
}

/* Without branches on the bit: half of them would be guessed wrong. */
static inline unsigned ct_dense_code(struct ct_dense_coder *coder, struct ct_dense_bit *model, unsigned bit)
{
    uint32_t ones = (uint32_t)(32768 + model->lean);
    ones = ones < 32 ? 32 : ones > 65504 ? 65504 : ones;
    const uint32_t bound = (coder->range >> 16) * ones;
    bit = coder->decoding ? coder->value < bound : bit;
    const uint32_t zero = bit - 1; /* all bits set for a 0 */
    coder->range = (bound & ~zero) | ((coder->range - bound) & zero);
    coder->low += bound & zero;
    coder->value -= bound & zero;
    ct_dense_widen(coder);
    ct_dense_learn(model, bit);
    return bit;
}

/* The lowest `count` (<= 64) bits of a value of which nothing is known, up to sixteen at a time. */
static inline uint64_t ct_dense_code_plain(struct ct_dense_coder *coder, unsigned count, uint64_t value)
{
    uint64_t result = 0;
    while (count > 0) {
        const unsigned bits = count < 16 ? count : 16;
        const uint32_t mask = (UINT32_C(1) << bits) - 1;
        count -= bits;
        coder->range >>= bits;
        uint32_t part = (uint32_t)(value >> count) & mask;
        if (coder->decoding) {
            part = coder->value / coder->range;
            part = part < mask ? part : mask;
            coder->value -= part * coder->range;
        } else {
            coder->low += (uint64_t)part * coder->range;
        }
        ct_dense_widen(coder);
        result = result << bits | part;
    }
    return result;
}

static inline unsigned ct_dense_bits(uint64_t value)
{
    return value == 0 ? 0 : 64U - (unsigned)__builtin_clzll(value);
}

static inline uint64_t ct_dense_code_number(struct ct_dense_coder *coder, struct ct_dense_number *model, uint64_t value)
{
    const unsigned wanted = ct_dense_bits(value);
    const unsigned known = wanted < CT_DENSE_LONG ? wanted : CT_DENSE_LONG;
    unsigned node = 1;
    for (unsigned bit = 4; bit-- > 0;) {
        node = node << 1 | ct_dense_code(coder, &model->length[node], known >> bit & 1U);
    }
    unsigned bits = node - 16;
    if (bits == CT_DENSE_LONG) {
        bits += (unsigned)ct_dense_code_plain(coder, 6, wanted - CT_DENSE_LONG);
        bits = bits < 64 ? bits : 64;
    }
    if (bits < 2) {
        return bits;
    }
    struct ct_dense_bit *second = &model->second[bits < CT_DENSE_LONG ? bits : CT_DENSE_LONG];
    const uint64_t top = 2 | ct_dense_code(coder, second, (unsigned)(value >> (bits - 2) & 1));
    return top << (bits - 2) | ct_dense_code_plain(coder, bits - 2, value);
}

#endif
