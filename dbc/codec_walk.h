/* Internal to dbc/: the walk over a message's plans, the same for every path. A path's source gives the function that
 * decodes straight lanes and calls these, which the compiler then inlines around it. */
#ifndef CT_DBC_CODEC_WALK_H
#define CT_DBC_CODEC_WALK_H

#include "codec_plan.h"

#include <string.h>

#ifdef __OPTIMIZE__
#define CODEC_INLINE static inline __attribute__((always_inline))
#else /* one copy, so that its branches are counted once */
#define CODEC_INLINE static inline __attribute__((unused))
#endif

enum codec_want { CODEC_RAW, CODEC_PHYSICAL, CODEC_UPDATE };

/* What is wanted and where it goes. */
struct codec_out {
    enum codec_want want;
    int64_t *raw;
    double *values;
    uint8_t *active;
    uint8_t *changed; /* CODEC_UPDATE */
};

/* Decodes all straight lanes of a plan whose groups begin at `group`, and says that they are active. There is at least
 * one; the frame is long enough. */
typedef void (*codec_straight_fn)(const struct ct_codec_message *message, const struct codec_plan *plan, size_t group,
                                  const uint8_t *data, const struct codec_out *out);

/* Lanes one by one, as far as they lie inside the frame. `first` begins a group. */
void ct_codec_one_by_one(const struct ct_codec_message *message, size_t first, size_t count, const uint8_t *data,
                         size_t len, const struct codec_out *out);

/* All of a plan's straight lanes are active. */
CODEC_INLINE void codec_mark(const struct codec_plan *plan, uint8_t *active)
{
    const size_t last = plan->straight_groups - 1;
    for (size_t i = 0; i < last; i++) {
        active[i] = 0xFF;
        __asm__(""); /* or the compiler calls memset for a byte or two */
    }
    active[last] = plan->tail;
}

CODEC_INLINE void codec_walk_plan(const struct ct_codec_message *message, const struct codec_plan *plan,
                                  const uint8_t *data, size_t len, const struct codec_out *out,
                                  codec_straight_fn straight)
{
    const size_t first = (size_t)plan->group * CT_LANE_GROUP;
    if (plan->straight > 0 && len >= plan->need) {
        straight(message, plan, plan->group, data, out);
    } else if (plan->straight > 0) {
        ct_codec_one_by_one(message, first, plan->straight, data, len, out);
    }
    if (plan->side > 0) {
        ct_codec_one_by_one(message, first + (size_t)plan->straight_groups * CT_LANE_GROUP, plan->side, data, len, out);
    }
}

/* The cases whose `first` the value reaches. */
CODEC_INLINE uint32_t codec_cases_below(const struct codec_selector *selector, uint64_t value)
{
    if (value < selector->below_count) {
        return selector->below[value];
    }
    uint32_t low = 0;
    for (uint32_t high = selector->case_count; low < high;) {
        const uint32_t middle = low + (high - low) / 2;
        if (selector->cases[middle].first <= value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

CODEC_INLINE void codec_walk_selector(const struct ct_codec_message *message, const struct codec_selector *selector,
                                      const uint8_t *data, size_t len, const struct codec_out *out,
                                      codec_straight_fn straight)
{
    const struct codec_lane *lane = &message->lanes[selector->lane];
    const uint64_t value = (uint64_t)ct_codec_bits(lane, data) & UINT64_MAX >> lane->right;
    const uint32_t below = codec_cases_below(selector, value);
    for (uint32_t i = below == 0 ? 0 : selector->cases[below - 1].from; i < below; i++) {
        if (value <= selector->cases[i].last) {
            codec_walk_plan(message, &message->plans[selector->cases[i].plan], data, len, out, straight);
        }
    }
}

CODEC_INLINE void codec_walk_all(const struct ct_codec_message *message, const uint8_t *data, size_t len,
                                 const struct codec_out *out, codec_straight_fn straight)
{
    memset(out->active, 0, message->group_count);
    if (out->want == CODEC_UPDATE) {
        memset(out->changed, 0, message->group_count);
    }
    codec_walk_plan(message, &message->root, data, len, out, straight);
    for (uint32_t i = 0; i < message->selector_count; i++) {
        const uint32_t lane = message->selectors[i].lane;
        if ((out->active[lane / CT_LANE_GROUP] >> lane % CT_LANE_GROUP & 1) != 0) {
            codec_walk_selector(message, &message->selectors[i], data, len, out, straight);
        }
    }
}

/* The path of a source that has raw_straight, physical_straight and update_straight. Most frames are plain; the way of
 * the others stands apart, so that nothing of it burdens them. */
#define CODEC_WALK(name, straight, type, parameters, arguments, ...)                                              \
    static __attribute__((noinline)) void name##_all(const struct ct_codec_message *message, const uint8_t *data, \
                                                     size_t len, type *values, uint8_t *active parameters)        \
    {                                                                                                             \
        codec_walk_all(message, data, len, &(const struct codec_out){__VA_ARGS__}, straight);                     \
    }                                                                                                             \
    static void name(const struct ct_codec_message *message, const uint8_t *data, size_t len, type *values,       \
                     uint8_t *active parameters)                                                                  \
    {                                                                                                             \
        if (len >= message->plain_need) {                                                                         \
            straight(message, &message->root, 0, data, &(const struct codec_out){__VA_ARGS__});                   \
        } else {                                                                                                  \
            name##_all(message, data, len, values, active arguments);                                             \
        }                                                                                                         \
    }
#define CODEC_NONE
#define CODEC_COMMA ,

#define CODEC_PATH(name)                                                                                               \
    CODEC_WALK(raw, raw_straight, int64_t, CODEC_NONE, CODEC_NONE, .want = CODEC_RAW, .raw = values, .active = active) \
    CODEC_WALK(physical, physical_straight, double, CODEC_NONE, CODEC_NONE, .want = CODEC_PHYSICAL, .values = values,  \
               .active = active)                                                                                       \
    CODEC_WALK(update, update_straight, int64_t, CODEC_COMMA uint8_t *changed, CODEC_COMMA changed,                    \
               .want = CODEC_UPDATE, .raw = values, .active = active, .changed = changed)                              \
    static const struct codec_path name = {raw, physical, update};

#endif
