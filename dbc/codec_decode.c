/* One lane at a time: the bits, what they stand for, and the list of a message's values. */
#include "codec_load.h"
#include "codec_plan.h"

#include <math.h>
#include <string.h>

/* The signal's highest bit in bit 63. */
static uint64_t align_nine(const struct codec_lane *lane, const uint8_t *p)
{
    const unsigned skipped = lane->left; /* 1..7: a ninth byte is only reached from inside the first */
    if ((lane->flags & CODEC_BIG_ENDIAN) != 0) {
        return codec_load_big(p) << skipped | (uint64_t)(p[8] >> (8 - skipped));
    }
    return (codec_load_little(p) >> skipped | (uint64_t)p[8] << (64 - skipped)) << lane->right;
}

int64_t ct_codec_bits(const struct codec_lane *lane, const uint8_t *data)
{
    const uint8_t *p = data + lane->byte;
    uint64_t top;
    if ((lane->flags & CODEC_NINE_BYTES) != 0) {
        top = align_nine(lane, p);
    } else {
        top = ((lane->flags & CODEC_BIG_ENDIAN) != 0 ? codec_load_big(p) : codec_load_little(p)) << lane->left;
    }
    return (int64_t)(((top >> lane->right) ^ lane->sign) - lane->sign);
}

/* IEEE 754-2019 binary16 */
static double half_value(unsigned bits)
{
    const int exponent = (int)(bits >> 10 & 0x1F);
    const double fraction = bits & 0x3FF;
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    if (exponent == 0x1F) {
        return fraction != 0 ? (double)NAN : sign * (double)INFINITY;
    }
    return sign * (exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25));
}

static double float_value(unsigned length, int64_t raw)
{
    if (length == 16) {
        return half_value((unsigned)raw);
    }
    if (length == 32) {
        const uint32_t pattern = (uint32_t)raw;
        float value;
        memcpy(&value, &pattern, sizeof value);
        return (double)value;
    }
    double value;
    memcpy(&value, &raw, sizeof value);
    return value;
}

double ct_codec_physical(const struct codec_lane *lane, int64_t raw)
{
    if ((lane->flags & CODEC_FLOAT) != 0) {
        return float_value(64U - lane->right, raw) * lane->factor + lane->offset;
    }
    const double number = (lane->flags & CODEC_SIGNED) != 0 ? (double)raw : (double)(uint64_t)raw;
    return number * lane->factor + lane->offset;
}

/* ---- the list */

/* A frame of any length, with the room that lanes inside CODEC_FRAME_ROOM read; lanes beyond read from the frame. */
struct window {
    const uint8_t *data;
    size_t len;
    uint8_t copy[CT_CODEC_FRAME_ROOM];
};

static void window_init(struct window *window, const uint8_t *data, size_t len)
{
    window->data = data;
    window->len = len;
    const size_t copied = len < CT_CODEC_FRAME_ROOM ? len : CT_CODEC_FRAME_ROOM;
    memset(window->copy, 0, sizeof window->copy);
    if (copied > 0) {
        memcpy(window->copy, data, copied);
    }
}

static int64_t window_bits(const struct window *window, const struct codec_lane *lane)
{
    return ct_codec_bits(lane, lane->need <= CT_CODEC_FRAME_ROOM ? window->copy : window->data);
}

static bool in_ranges(const struct ct_dbc_signal *model, uint64_t value)
{
    for (size_t i = 0; i < model->range_count; i++) {
        if (value >= model->ranges[i].first && value <= model->ranges[i].last) {
            return true;
        }
    }
    return false;
}

/* Up the chain of selectors, which the model keeps free of circles. */
static bool is_active(const struct ct_codec_message *message, const struct window *window,
                      const struct ct_dbc_signal *model)
{
    while (model->selector >= 0) {
        const struct codec_signal *selector = &message->signals[model->selector];
        if (selector->lane == CT_NO_LANE || selector->need > window->len) {
            return false;
        }
        const struct codec_lane *lane = &message->lanes[selector->lane];
        if (!in_ranges(model, (uint64_t)window_bits(window, lane) & UINT64_MAX >> lane->right)) {
            return false;
        }
        model = &message->model->signals[model->selector];
    }
    return true;
}

size_t ct_codec_decode(const struct ct_codec_message *message, const uint8_t *data, size_t len,
                       struct ct_decoded *out_values)
{
    struct window window;
    window_init(&window, data, len);
    size_t count = 0;
    uint32_t plan = 0;
    bool active = true;
    for (uint16_t i = 0; i < message->model->signal_count; i++) {
        const struct codec_signal *signal = &message->signals[i];
        if (signal->plan != plan) {
            plan = signal->plan;
            active = is_active(message, &window, &message->model->signals[i]);
        }
        if (!active || signal->need > len) {
            continue;
        }
        struct ct_decoded *out = &out_values[count++];
        *out = (struct ct_decoded){.signal = i};
        if (signal->lane != CT_NO_LANE) {
            const struct codec_lane *lane = &message->lanes[signal->lane];
            out->raw = window_bits(&window, lane);
            out->value = ct_codec_physical(lane, out->raw);
        }
    }
    return count;
}

double ct_codec_float(const struct ct_dbc_signal *signal, int64_t raw)
{
    return float_value(signal->length, raw);
}

bool ct_codec_exact(const struct ct_dbc_signal *signal, int64_t raw, int64_t *out_value)
{
    const bool beyond = !signal->is_signed && raw < 0; /* an unsigned value over 2^63 */
    if (!signal->integer_scale || signal->kind != CT_DBC_INTEGER || beyond) {
        return false;
    }
    int64_t product;
    return !__builtin_mul_overflow(raw, (int64_t)signal->factor, &product) &&
           !__builtin_add_overflow(product, (int64_t)signal->offset, out_value);
}
