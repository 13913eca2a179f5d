/* NEON (AArch64): two lanes a step. A table look-up over the frame takes each lane's eight bytes in their order, so
 * that Motorola costs nothing, at any place of 64 bytes. */
#include "codec_plan.h"

#if defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__

#include "codec_walk.h"

#include <arm_neon.h>

#define STEP       2
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

/* Two of eight bytes as shift counts of two words: USHL looks at the lowest byte alone. */
CODEC_INLINE int64x2_t counts(uint8x8_t of_lanes, unsigned k)
{
    static const uint8_t pairs[CT_LANE_GROUP / STEP][16] = {{0, 0, 0, 0, 0, 0, 0, 0, 1},
                                                            {2, 0, 0, 0, 0, 0, 0, 0, 3},
                                                            {4, 0, 0, 0, 0, 0, 0, 0, 5},
                                                            {6, 0, 0, 0, 0, 0, 0, 0, 7}};
    return vreinterpretq_s64_u8(vqtbl1q_u8(vcombine_u8(of_lanes, of_lanes), vld1q_u8(pairs[k / STEP])));
}

CODEC_INLINE int64x2_t integers(const struct codec_group *group, unsigned k, const struct frame *frame, bool near)
{
    const uint8x16_t index = vld1q_u8(group->index + 8 * (size_t)k);
    const uint8x16_t bytes = near ? vqtbl1q_u8(frame->near, index) : vqtbl4q_u8(frame->far, index);
    const uint8x8_t right = vreinterpret_u8_s8(vneg_s8(vreinterpret_s8_u8(vld1_u8(group->right))));
    const uint64x2_t top = vshlq_u64(vreinterpretq_u64_u8(bytes), counts(vld1_u8(group->left), k));
    const uint64x2_t bits = vshlq_u64(top, counts(right, k));
    const uint64x2_t sign = vld1q_u64(group->sign + k);
    return vreinterpretq_s64_u64(vsubq_u64(veorq_u64(bits, sign), sign));
}

/* Steps of nothing but padding are left out. */
CODEC_INLINE unsigned lanes_in(const struct codec_plan *plan, size_t group)
{
    const unsigned left = plan->straight - (unsigned)group * CT_LANE_GROUP;
    return left < CT_LANE_GROUP ? left : CT_LANE_GROUP;
}

CODEC_INLINE void raw_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                             const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const struct frame frame = frame_of(data, near);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        for (unsigned k = 0; k < lanes_in(plan, i - first); k += STEP) {
            vst1q_s64(raw + k, integers(group, k, &frame, near));
        }
    }
}

CODEC_INLINE void physical_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    double *values = out->values + first * CT_LANE_GROUP;
    const struct frame frame = frame_of(data, near);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, values += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        for (unsigned k = 0; k < lanes_in(plan, i - first); k += STEP) {
            const float64x2_t number = vcvtq_f64_s64(integers(group, k, &frame, near));
            const float64x2_t scaled = vmulq_f64(number, vld1q_f64(group->factor + k));
            vst1q_f64(values + k, vaddq_f64(scaled, vld1q_f64(group->offset + k)));
        }
    }
}

CODEC_INLINE void update_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const struct frame frame = frame_of(data, near);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        unsigned same = 0;
        for (unsigned k = 0; k < lanes_in(plan, i - first); k += STEP) {
            const int64x2_t now = integers(group, k, &frame, near);
            const uint64x2_t equal = vceqq_s64(now, vld1q_s64(raw + k));
            same |= ((unsigned)vgetq_lane_u64(equal, 0) & 1U) << k | ((unsigned)vgetq_lane_u64(equal, 1) & 2U) << k;
            vst1q_s64(raw + k, now);
        }
        out->changed[i] = (uint8_t)(group->lanes & ~same);
    }
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
