/* NEON (AArch64): two lanes a step. A table look-up over the frame takes each lane's eight bytes in their order, so
 * that Motorola costs nothing, at any place of 64 bytes. */
#include "codec_plan.h"

#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include "codec_walk.h"

#include <arm_neon.h>

#define NEAR_BYTES 16

struct frame {
    uint8x16_t near;
    uint8x16x4_t far;
};

CODEC_INLINE struct frame frame_of(const uint8_t *data, bool near)
{
    struct frame frame = {.near = vld1q_u8(data)};
    if (!near) {
        frame.far = vld1q_u8_x4(data);
    }
    return frame;
}

CODEC_INLINE int64x2_t integers(const struct codec_pair *pair, const struct frame *frame, bool near)
{
    const uint8x16_t index = vld1q_u8(pair->index);
    const uint8x16_t bytes = near ? vqtbl1q_u8(frame->near, index) : vqtbl4q_u8(frame->far, index);
    const uint64x2_t top = vshlq_u64(vreinterpretq_u64_u8(bytes), vld1q_s64(pair->left));
    const uint64x2_t bits = vshlq_u64(top, vld1q_s64(pair->right));
    const uint64x2_t sign = vld1q_u64(pair->sign);
    return vreinterpretq_s64_u64(vsubq_u64(veorq_u64(bits, sign), sign));
}

/* Pairs of nothing but padding are left out. */
CODEC_INLINE const struct codec_pair *end_of(const struct codec_pair *first, const struct codec_plan *plan)
{
    return first + (plan->straight + 1U) / 2;
}

CODEC_INLINE void raw_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                             const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_pair *pair = message->pairs + first * CODEC_PAIRS;
    const struct codec_pair *end = end_of(pair, plan);
    const struct frame frame = frame_of(data, near);
    codec_mark(plan, out->active + first);
    for (int64_t *raw = out->raw + first * CT_LANE_GROUP; pair < end; pair++, raw += 2) {
        vst1q_s64(raw, integers(pair, &frame, near));
    }
}

CODEC_INLINE void physical_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_pair *pair = message->pairs + first * CODEC_PAIRS;
    const struct codec_pair *end = end_of(pair, plan);
    const struct frame frame = frame_of(data, near);
    codec_mark(plan, out->active + first);
    for (double *values = out->values + first * CT_LANE_GROUP; pair < end; pair++, values += 2) {
        const float64x2_t number = vcvtq_f64_s64(integers(pair, &frame, near));
        vst1q_f64(values, vaddq_f64(vmulq_f64(number, vld1q_f64(pair->factor)), vld1q_f64(pair->offset)));
    }
}

CODEC_INLINE void update_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_pair *pairs = message->pairs + first * CODEC_PAIRS;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    uint8_t *changed = out->changed + first;
    const struct frame frame = frame_of(data, near);
    codec_mark(plan, out->active + first);
    memset(changed, 0, plan->straight_groups);
    for (size_t i = 0; i < plan->straight; i += 2) {
        const int64x2_t now = integers(&pairs[i / 2], &frame, near);
        const uint64x2_t equal = vceqq_s64(now, vld1q_s64(raw + i));
        const unsigned differ = (~(unsigned)vgetq_lane_u64(equal, 0) & 1U) | (~(unsigned)vgetq_lane_u64(equal, 1) & 2U);
        changed[i / CT_LANE_GROUP] |= (uint8_t)(differ << i % CT_LANE_GROUP);
        vst1q_s64(raw + i, now);
    }
    changed[plan->straight_groups - 1] &= plan->tail;
}

/* Near or far once for all of a plan's groups. */
CODEC_INLINE void raw_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                               const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        raw_groups(message, plan, first, data, out, true);
    } else {
        raw_groups(message, plan, first, data, out, false);
    }
}

CODEC_INLINE void physical_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                    const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        physical_groups(message, plan, first, data, out, true);
    } else {
        physical_groups(message, plan, first, data, out, false);
    }
}

CODEC_INLINE void update_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        update_groups(message, plan, first, data, out, true);
    } else {
        update_groups(message, plan, first, data, out, false);
    }
}

CODEC_PATH(path)

const struct codec_path *ct_codec_neon(void)
{
    return &path;
}

#else

const struct codec_path *ct_codec_neon(void)
{
    return NULL;
}

#endif
