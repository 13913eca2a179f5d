/* Bits into frames, and signals over 64 bits both ways. */
#include "codec_plan.h"
#include "encode.h"

#include <math.h>
#include <string.h>

/* Bit k of a signal, counted from its least significant one, as a position in the frame: byte * 8 + bit in byte. */
static size_t bit_position(const struct ct_dbc_signal *signal, size_t k)
{
    if (!signal->big_endian) {
        return signal->start_bit + k;
    }
    const size_t first = signal->start_bit / 8U * 8U + 7 - signal->start_bit % 8U; /* counted from the frame's start */
    const size_t net = first + signal->length - 1 - k;
    return net / 8 * 8 + 7 - net % 8;
}

static bool get_bit(const uint8_t *data, size_t position)
{
    return (data[position / 8] >> (position % 8) & 1) != 0;
}

static void put_bit(uint8_t *data, size_t position, bool bit)
{
    const uint8_t mask = (uint8_t)(1U << (position % 8));
    data[position / 8] = (uint8_t)(bit ? data[position / 8] | mask : data[position / 8] & ~mask);
}

static int check_signal(const struct ct_codec_message *message, uint16_t signal, bool blob, size_t len)
{
    const struct ct_dbc_message *model = message->model;
    if (signal >= model->signal_count || (model->signals[signal].kind == CT_DBC_BLOB) != blob) {
        return CT_ERR_ARGUMENT;
    }
    return message->signals[signal].need <= len ? CT_OK : CT_ERR_TRUNCATED;
}

int ct_codec_raw(const struct ct_codec_message *message, uint16_t signal, const uint8_t *data, size_t len,
                 int64_t *out_raw)
{
    const int err = check_signal(message, signal, false, len);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_dbc_signal *model = &message->model->signals[signal];
    uint64_t raw = 0;
    for (size_t k = 0; k < model->length; k++) {
        raw |= (uint64_t)get_bit(data, bit_position(model, k)) << k;
    }
    const uint64_t sign =
        model->is_signed && model->kind == CT_DBC_INTEGER ? UINT64_C(1) << ((model->length - 1U) & 63U) : 0;
    *out_raw = (int64_t)((raw ^ sign) - sign);
    return CT_OK;
}

int ct_codec_blob(const struct ct_codec_message *message, uint16_t signal, const uint8_t *data, size_t len,
                  uint8_t *out, size_t size)
{
    const int err = check_signal(message, signal, true, len);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_dbc_signal *model = &message->model->signals[signal];
    const size_t bytes = (model->length + 7U) / 8U;
    if (size < bytes) {
        return CT_ERR_TOO_LARGE;
    }
    memset(out, 0, bytes);
    for (size_t k = 0; k < model->length; k++) {
        if (get_bit(data, bit_position(model, k))) {
            out[bytes - 1 - k / 8] |= (uint8_t)(1U << (k % 8));
        }
    }
    return CT_OK;
}

int ct_codec_encode_blob(const struct ct_codec_message *message, uint16_t signal, const uint8_t *value, size_t size,
                         uint8_t *data, size_t len)
{
    const int err = check_signal(message, signal, true, len);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_dbc_signal *model = &message->model->signals[signal];
    const size_t bytes = (model->length + 7U) / 8U;
    if (size != bytes || (model->length % 8U != 0 && value[0] >> (model->length % 8U) != 0)) {
        return CT_ERR_RANGE;
    }
    for (size_t k = 0; k < model->length; k++) {
        put_bit(data, bit_position(model, k), (value[bytes - 1 - k / 8] >> (k % 8) & 1) != 0);
    }
    return CT_OK;
}

static bool raw_fits(const struct ct_dbc_signal *model, int64_t raw)
{
    const unsigned unused = 64U - model->length;
    if (unused == 0) {
        return true;
    }
    if (!model->is_signed || model->kind != CT_DBC_INTEGER) {
        return (uint64_t)raw <= UINT64_MAX >> unused;
    }
    const int64_t max = (int64_t)(UINT64_MAX >> unused >> 1);
    return raw >= -max - 1 && raw <= max;
}

/* IEEE 754-2019 binary16, rounded to nearest, ties to even. */
static uint16_t half_bits(double value)
{
    const uint16_t sign = signbit(value) ? 0x8000 : 0;
    const double size = fabs(value);
    if (isnan(value)) {
        return 0x7E00;
    }
    if (size >= 65520) { /* halfway from the largest number to the next power of two */
        return (uint16_t)(sign | 0x7C00);
    }
    int exponent;
    (void)frexp(size, &exponent);
    if (exponent < -13) {
        exponent = -13; /* subnormal */
    }
    /* 11 significant bits; a carry out of them steps into the exponent, as it should */
    const double steps = nearbyint(ldexp(size, 11 - exponent));
    const unsigned biased = steps < 1024 ? 0 : (unsigned)(exponent + 14);
    return (uint16_t)(sign | (biased == 0 ? (unsigned)steps : (biased << 10) + (unsigned)steps - 1024));
}

static int64_t float_bits(const struct ct_dbc_signal *model, double value)
{
    int64_t raw = 0;
    if (model->length == 16) {
        return half_bits(value);
    }
    if (model->length == 32) {
        const float single = (float)value;
        uint32_t pattern;
        memcpy(&pattern, &single, sizeof pattern);
        return pattern;
    }
    memcpy(&raw, &value, sizeof raw);
    return raw;
}

static int raw_from_physical(const struct ct_dbc_signal *model, double value, int64_t *out_raw)
{
    const double scaled = model->factor == 0 ? 0 : (value - model->offset) / model->factor;
    if (model->factor == 0 && value != model->offset) {
        return CT_ERR_RANGE;
    }
    if (model->kind != CT_DBC_INTEGER) {
        *out_raw = float_bits(model, scaled);
        return CT_OK;
    }
    const double whole = round(scaled);
    if (!(whole >= -0x1p63 && whole < 0x1p64) || (whole >= 0x1p63 && model->is_signed) ||
        (whole < 0 && !model->is_signed)) {
        return CT_ERR_RANGE;
    }
    *out_raw = whole < 0 ? (int64_t)whole : (int64_t)(uint64_t)whole;
    return CT_OK;
}

static void put_bits(const struct ct_dbc_signal *model, uint64_t raw, uint8_t *data)
{
    for (size_t k = 0; k < model->length; k++) {
        put_bit(data, bit_position(model, k), (raw >> k & 1) != 0);
    }
}

int ct_codec_encode(const struct ct_codec_message *message, const struct ct_encode_value *value, uint8_t *data,
                    size_t len)
{
    int err = check_signal(message, value->signal, false, len);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_dbc_signal *model = &message->model->signals[value->signal];
    int64_t raw = value->raw;
    if (value->physical) {
        err = raw_from_physical(model, value->value, &raw);
        if (err != CT_OK) {
            return err;
        }
    }
    if (!raw_fits(model, raw)) {
        return CT_ERR_RANGE;
    }
    put_bits(model, (uint64_t)raw, data);
    return CT_OK;
}

void ct_codec_defaults(const struct ct_codec_message *message, uint8_t *data, size_t len)
{
    memset(data, 0, len);
    for (size_t i = 0; i < message->model->signal_count; i++) {
        const struct ct_dbc_signal *model = &message->model->signals[i];
        if (model->selector >= 0 || message->signals[i].need > len || !model->has_start_value ||
            model->kind == CT_DBC_BLOB) {
            continue;
        }
        const double start = round(model->start_value);
        if (model->kind != CT_DBC_INTEGER) {
            put_bits(model, (uint64_t)float_bits(model, model->start_value), data);
        } else if (start >= -0x1p63 && start < 0x1p64) {
            const int64_t raw = start < 0 ? (int64_t)start : (int64_t)(uint64_t)start;
            if (raw_fits(model, raw)) {
                put_bits(model, (uint64_t)raw, data);
            }
        }
    }
}
