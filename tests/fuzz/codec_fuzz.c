/* Signals and a frame from the bytes: layouts, then payload. Every path gives the values that a reading bit by bit
 * gives, and what is decoded encodes back to the same bits. */
#include "codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIGNALS_MAX 20
#define LAYOUT_SIZE 6
#define LANES_MAX   (SIGNALS_MAX * 2 * CT_LANE_GROUP)
#define FRAME_MAX   2048
#define UNTOUCHED   INT64_C(0x5A5A5A5A5A5A5A5A)

static void require_at(bool holds, int line)
{
    if (!holds) {
        (void)fprintf(stderr, "line %d does not hold\n", line);
        abort();
    }
}
#define require(holds) require_at(holds, __LINE__)

/* ---- the reference: one bit after another */

static bool read_bits(const struct ct_dbc_signal *signal, const uint8_t *data, size_t len, uint64_t *out_bits)
{
    uint64_t bits = 0;
    size_t at = signal->start_bit;
    for (size_t i = 0; i < signal->length; i++) {
        if (at / 8 >= len) {
            return false;
        }
        const uint64_t bit = (data[at / 8] >> at % 8) & 1;
        bits = signal->big_endian ? bits << 1 | bit : bits | bit << (i % 64);
        at = !signal->big_endian ? at + 1 : at % 8 != 0 ? at - 1 : at + 15;
    }
    const uint64_t sign = UINT64_C(1) << ((signal->length - 1) % 64);
    if (signal->kind == CT_DBC_INTEGER && signal->is_signed && (bits & sign) != 0) {
        bits |= ~(sign - 1);
    }
    *out_bits = bits;
    return true;
}

static bool is_there(const struct ct_dbc_message *model, const struct ct_dbc_signal *signal, const uint8_t *data,
                     size_t len)
{
    while (signal->selector >= 0) {
        const struct ct_dbc_signal *selector = &model->signals[signal->selector];
        uint64_t value = 0;
        if (selector->kind == CT_DBC_BLOB || !read_bits(selector, data, len, &value)) {
            return false;
        }
        value &= UINT64_MAX >> (64 - selector->length);
        bool listed = false;
        for (size_t i = 0; i < signal->range_count; i++) {
            listed = listed || (value >= signal->ranges[i].first && value <= signal->ranges[i].last);
        }
        if (!listed) {
            return false;
        }
        signal = selector;
    }
    return true;
}

/* ---- every path */

struct lanes {
    _Alignas(CT_LANE_ALIGN) int64_t raw[LANES_MAX];
    _Alignas(CT_LANE_ALIGN) int64_t old[LANES_MAX];
    _Alignas(CT_LANE_ALIGN) double values[LANES_MAX];
    uint8_t active[LANES_MAX / CT_LANE_GROUP];
    uint8_t active_physical[LANES_MAX / CT_LANE_GROUP];
    uint8_t active_update[LANES_MAX / CT_LANE_GROUP];
    uint8_t changed[LANES_MAX / CT_LANE_GROUP];
};

static bool bit_of(const uint8_t *bits, size_t lane)
{
    return (bits[lane / CT_LANE_GROUP] >> lane % CT_LANE_GROUP & 1) != 0;
}

static bool same_bits(double a, double b)
{
    return memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

static void check_lane(const struct lanes *lanes, size_t lane, bool there, const struct ct_decoded *want)
{
    int64_t bits;
    memcpy(&bits, &lanes->values[lane], sizeof bits);
    require(bit_of(lanes->active, lane) == there && bit_of(lanes->active_physical, lane) == there &&
            bit_of(lanes->active_update, lane) == there);
    if (!there) {
        require(lanes->raw[lane] == UNTOUCHED && bits == UNTOUCHED && lanes->old[lane] == UNTOUCHED &&
                !bit_of(lanes->changed, lane));
        return;
    }
    require(lanes->raw[lane] == want->raw && lanes->old[lane] == want->raw);
    require(bit_of(lanes->changed, lane) == (want->raw != UNTOUCHED));
    require(same_bits(lanes->values[lane], want->value));
}

/* `list` is what ct_codec_decode gave; its raw values are judged here too. */
static void check_path(const struct ct_codec_message *message, const uint8_t *data, size_t len,
                       const struct ct_decoded *list, size_t count)
{
    static struct lanes lanes;
    const struct ct_dbc_message *model = ct_codec_model(message);
    require(ct_codec_lane_count(message) <= LANES_MAX);
    memset(&lanes, 0x5A, sizeof lanes);
    ct_codec_decode_raw(message, data, len, lanes.raw, lanes.active);
    ct_codec_decode_physical(message, data, len, lanes.values, lanes.active_physical);
    ct_codec_update_raw(message, data, len, lanes.old, lanes.active_update, lanes.changed);
    size_t next = 0;
    for (uint16_t i = 0; i < model->signal_count; i++) {
        uint64_t bits = 0;
        const bool there =
            read_bits(&model->signals[i], data, len, &bits) && is_there(model, &model->signals[i], data, len);
        const struct ct_decoded *listed = next < count && list[next].signal == i ? &list[next] : NULL;
        require((listed != NULL) == there);
        next += there;
        const uint32_t lane = ct_codec_signal_lane(message, i);
        if (lane != CT_NO_LANE) {
            require(!there || (uint64_t)listed->raw == bits);
            check_lane(&lanes, lane, there, listed);
        }
    }
    require(next == count);
}

static void check_frame(struct ct_codec *codec, const struct ct_codec_message *message, const uint8_t *data, size_t len,
                        const struct ct_decoded *list, size_t count)
{
    const size_t readable = len > CT_CODEC_FRAME_ROOM ? len : CT_CODEC_FRAME_ROOM;
    uint8_t *frame = malloc(readable);
    if (frame == NULL) {
        return;
    }
    memset(frame, 0xA5, readable); /* what stands behind a frame does not count */
    if (len > 0) {
        memcpy(frame, data, len);
    }
    for (enum ct_codec_path path = CT_CODEC_SCALAR; path < CT_CODEC_PATHS; path++) {
        if (ct_codec_set_path(codec, path) == CT_OK) {
            check_path(message, frame, len, list, count);
        }
    }
    free(frame);
}

/* ---- there and back */

static void round_trip(const struct ct_codec_message *message, const uint8_t *data, size_t size,
                       const struct ct_decoded *list, size_t count)
{
    uint8_t *copy = malloc(size + 1);
    if (copy == NULL) {
        return;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    for (size_t i = 0; i < count; i++) {
        const struct ct_encode_value encode = {.signal = list[i].signal, .raw = list[i].raw};
        const bool blob = ct_codec_model(message)->signals[list[i].signal].kind == CT_DBC_BLOB;
        require((ct_codec_encode(message, &encode, copy, size) == CT_OK) != blob);
    }
    require(memcmp(copy, data, size) == 0);
    free(copy);
}

/* ---- the database of the bytes */

static size_t write_signal(char *text, size_t room, unsigned at, const uint8_t *layout)
{
    const unsigned start = layout[0] | (layout[1] & 7U) << 8;
    const unsigned length = 1U + layout[2] % (layout[3] & 0x80 ? 200U : 64U);
    char mux[16] = "";
    if (at == 0) {
        (void)snprintf(mux, sizeof mux, "M ");
    } else if ((layout[3] & 0x40) != 0) {
        (void)snprintf(mux, sizeof mux, "m%u ", layout[5] & 3U);
    }
    const int written = snprintf(text, room, " SG_ S%u %s: %u|%u@%u%c (%d,3) [0|0] \"\" B\n", at, mux,
                                 start & ((layout[3] & 0x20) ? 2047U : 63U), length, layout[4] & 1U,
                                 (layout[4] & 2U) != 0 ? '-' : '+', (int8_t)layout[5]);
    return written > 0 ? (size_t)written : 0;
}

static size_t write_database(char *text, size_t room, const uint8_t *layouts, unsigned signals, unsigned length)
{
    size_t len = (size_t)snprintf(text, room, "BO_ 1 M: %u A\n", length);
    for (unsigned i = 0; i < signals; i++) {
        len += write_signal(text + len, room - len, i, layouts + (size_t)i * LAYOUT_SIZE);
    }
    for (unsigned i = 0; i < signals; i++) {
        len += (size_t)snprintf(text + len, room - len, "SIG_VALTYPE_ 1 S%u : %u;\n", i,
                                layouts[i * LAYOUT_SIZE + 4] >> 2 & 3U);
    }
    return len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char text[8192];
    struct ct_dbc *dbc = NULL;
    struct ct_codec *codec = NULL;
    const unsigned signals = size > 0 ? 1U + data[0] % SIGNALS_MAX : 0;
    if (size < 2 + (size_t)signals * LAYOUT_SIZE) {
        return 0;
    }
    const unsigned length = (data[1] & 0x80) != 0 ? 1785 : data[1] % 65;
    const size_t text_len = write_database(text, sizeof text, data + 2, signals, length);
    const uint8_t *frame = data + 2 + (size_t)signals * LAYOUT_SIZE;
    size_t len = size - (size_t)(frame - data);
    len = len < FRAME_MAX ? len : FRAME_MAX;
    const int err = ct_dbc_parse("fuzz.dbc", text, text_len, NULL, NULL, &dbc);
    if ((err == CT_OK || err == CT_ERR_SYNTAX) && ct_codec_compile(dbc, &codec) == CT_OK) {
        struct ct_decoded list[SIGNALS_MAX];
        const struct ct_codec_message *message = ct_codec_find(codec, 1, false);
        require(message != NULL);
        uint8_t *exact = malloc(len + (len == 0)); /* the list reads the frame and nothing more */
        if (exact != NULL) {
            memcpy(exact, frame, len);
            const size_t count = ct_codec_decode(message, exact, len, list);
            check_frame(codec, message, exact, len, list, count);
            round_trip(message, exact, len, list, count);
        }
        free(exact);
    }
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}
