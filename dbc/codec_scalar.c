/* The path for any machine: one lane at a time, no branch but the loop's. */
#include "codec_load.h"
#include "codec_walk.h"

void ct_codec_one_by_one(const struct ct_codec_message *message, size_t first, size_t count, const uint8_t *data,
                         size_t len, const struct codec_out *out)
{
    const size_t groups = (count + CT_LANE_GROUP - 1) / CT_LANE_GROUP;
    memset(out->active + first / CT_LANE_GROUP, 0, groups);
    if (out->want == CODEC_UPDATE) {
        memset(out->changed + first / CT_LANE_GROUP, 0, groups);
    }
    for (size_t i = first; i < first + count; i++) {
        const struct codec_lane *lane = &message->lanes[i];
        if (lane->need > len) {
            continue;
        }
        const uint8_t bit = (uint8_t)(1U << i % CT_LANE_GROUP);
        const int64_t raw = ct_codec_bits(lane, data);
        out->active[i / CT_LANE_GROUP] |= bit;
        if (out->want == CODEC_UPDATE && out->raw[i] != raw) {
            out->changed[i / CT_LANE_GROUP] |= bit;
        }
        if (out->want != CODEC_PHYSICAL) {
            out->raw[i] = raw;
        } else {
            out->values[i] = ct_codec_physical(lane, raw);
        }
    }
}

CODEC_INLINE int64_t bits(const struct codec_lane *lane, const uint8_t *data, bool big)
{
    const uint8_t *p = data + lane->byte;
    const uint64_t word = (big ? codec_load_big(p) : codec_load_little(p)) << lane->left >> lane->right;
    return (int64_t)((word ^ lane->sign) - lane->sign);
}

CODEC_INLINE void raw_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                               const uint8_t *data, const struct codec_out *out)
{
    const struct codec_lane *lanes = message->lanes + first * CT_LANE_GROUP;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    codec_mark(plan, out->active + first);
    size_t i = 0;
    for (; i < plan->little; i++) {
        raw[i] = bits(&lanes[i], data, false);
    }
    for (; i < plan->straight; i++) {
        raw[i] = bits(&lanes[i], data, true);
    }
}

CODEC_INLINE void physical_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                    const uint8_t *data, const struct codec_out *out)
{
    const struct codec_lane *lanes = message->lanes + first * CT_LANE_GROUP;
    double *values = out->values + first * CT_LANE_GROUP;
    codec_mark(plan, out->active + first);
    size_t i = 0;
    for (; i < plan->little; i++) {
        values[i] = (double)bits(&lanes[i], data, false) * lanes[i].factor + lanes[i].offset;
    }
    for (; i < plan->straight; i++) {
        values[i] = (double)bits(&lanes[i], data, true) * lanes[i].factor + lanes[i].offset;
    }
}

CODEC_INLINE void update_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out)
{
    const struct codec_lane *lanes = message->lanes + first * CT_LANE_GROUP;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    uint8_t *changed = out->changed + first;
    memset(changed, 0, plan->straight_groups);
    codec_mark(plan, out->active + first);
    for (size_t i = 0; i < plan->straight; i++) {
        const int64_t now = bits(&lanes[i], data, i >= plan->little);
        changed[i / CT_LANE_GROUP] |= (uint8_t)((raw[i] != now) << i % CT_LANE_GROUP);
        raw[i] = now;
    }
}

CODEC_PATH(path)

const struct codec_path *ct_codec_scalar(void)
{
    return &path;
}
