#include "by_definition.h"

#include "codec.h"

#include <string.h>

uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13; /* xorshift64, Marsaglia 2003 */
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Intel counts up from the start bit, Motorola down the sawtooth. */
bool bits_by_definition(const struct ct_dbc_signal *signal, const uint8_t *data, size_t len, uint64_t *out_raw)
{
    uint64_t raw = 0;
    unsigned position = signal->start_bit;
    for (unsigned i = 0; i < signal->length; i++) {
        if (position / 8 >= len) {
            return false;
        }
        const uint64_t bit = (unsigned)data[position / 8] >> (position % 8) & 1U;
        if (!signal->big_endian) {
            raw |= i < 64 ? bit << i : 0;
            position++;
        } else {
            raw = raw << 1 | bit;
            position = position % 8 == 0 ? position + 15 : position - 1;
        }
    }
    *out_raw = raw;
    return true;
}

bool active_by_definition(const struct ct_dbc_message *model, const struct ct_dbc_signal *signal, const uint8_t *data,
                          size_t len)
{
    uint64_t value = 0;
    if (signal->selector < 0) {
        return true;
    }
    const struct ct_dbc_signal *selector = &model->signals[signal->selector];
    if (selector->kind == CT_DBC_BLOB || !bits_by_definition(selector, data, len, &value) ||
        !active_by_definition(model, selector, data, len)) {
        return false;
    }
    for (size_t i = 0; i < signal->range_count; i++) {
        if (value >= signal->ranges[i].first && value <= signal->ranges[i].last) {
            return true;
        }
    }
    return false;
}

int64_t extended_by_definition(const struct ct_dbc_signal *signal, uint64_t raw)
{
    const bool negative = signal->is_signed && signal->kind == CT_DBC_INTEGER && signal->length < 64 &&
                          (raw >> (signal->length - 1) & 1) != 0;
    return (int64_t)(negative ? raw | UINT64_MAX << signal->length : raw);
}

double physical_by_definition(const struct ct_dbc_signal *signal, int64_t raw)
{
    double number;
    if (signal->kind != CT_DBC_INTEGER) {
        number = ct_codec_float(signal, raw);
    } else if (signal->is_signed) {
        number = (double)raw;
    } else {
        number = (double)(uint64_t)raw;
    }
    const volatile double scaled = number * signal->factor; /* rounded by itself */
    return scaled + signal->offset;
}

void random_payload(uint64_t *random, uint8_t *data, size_t len)
{
    const unsigned density = (unsigned)(next_random(random) % 3);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)next_random(random);
        for (unsigned k = 0; k < density; k++) {
            data[i] &= (uint8_t)next_random(random);
        }
    }
}
