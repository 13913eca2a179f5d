/* From the model of a message to its plans, lanes and groups. */
#include "codec_plan.h"

#include <stdlib.h>
#include <string.h>

#define ROOT          0
#define STRAIGHT_BITS 52 /* integers that become doubles without rounding, by bit tricks */
#define WINDOW        CT_CODEC_FRAME_ROOM
#define LAST_LOAD     (WINDOW - 8)
#define BELOW_MAX     256

struct sorted_signal {
    const struct ct_dbc_signal *model;
    uint16_t index;
};

struct build {
    struct codec_arena *arena;
    const struct ct_dbc_message *model;
    /* scratch, for the message with the most signals */
    struct sorted_signal *sorted; /* by plan */
    struct codec_lane *described; /* by signal */
    struct codec_plan *plans;
    uint32_t *plan_starts; /* in `sorted`; one more than there are plans */
    /* what the message keeps */
    uint32_t plan_count;
    uint32_t group_count;
    struct codec_signal *signals;
    struct codec_lane *lanes;
    struct codec_group *groups;
    struct codec_pair *pairs;
    uint16_t *lane_signals;
};

/* ---- one signal */

static unsigned bits_before(const struct ct_dbc_signal *model)
{
    const unsigned in_byte = model->start_bit % 8U;
    return model->big_endian ? 7 - in_byte : in_byte; /* of the first byte, before the signal */
}

static uint32_t bytes_needed(const struct ct_dbc_signal *model)
{
    return model->start_bit / 8U + (bits_before(model) + model->length + 7U) / 8U;
}

/* The byte to load from: the signal's first one, moved back where the load would leave the frame's room or, beyond it,
 * the signal's last byte. */
static unsigned load_byte(const struct ct_dbc_signal *model, unsigned need)
{
    const unsigned first = model->start_bit / 8U;
    const unsigned last_load = need <= WINDOW ? LAST_LOAD : need - 8;
    return first < last_load ? first : last_load;
}

static struct codec_lane describe(const struct ct_dbc_signal *model)
{
    const uint32_t need = bytes_needed(model);
    unsigned byte = load_byte(model, need);
    unsigned skipped = (model->start_bit / 8U - byte) * 8 + bits_before(model);
    struct codec_lane lane = {
        .need = (uint16_t)need,
        .right = (uint8_t)(64 - model->length),
        .flags = model->big_endian ? CODEC_BIG_ENDIAN : 0,
        .factor = model->factor,
        .offset = model->offset,
    };
    if (skipped + model->length > 64) {
        lane.flags |= CODEC_NINE_BYTES;
        byte = model->start_bit / 8U;
        skipped = bits_before(model);
    }
    lane.byte = (uint16_t)byte;
    lane.left = (uint8_t)skipped;
    if (!model->big_endian && (lane.flags & CODEC_NINE_BYTES) == 0) {
        lane.left = (uint8_t)(64 - skipped - model->length);
    }
    if (model->kind != CT_DBC_INTEGER) {
        lane.flags |= CODEC_FLOAT;
    } else if (model->is_signed) {
        lane.flags |= CODEC_SIGNED;
        lane.sign = UINT64_C(1) << (model->length - 1);
    }
    return lane;
}

static bool is_straight(const struct codec_lane *lane, uint32_t message_length)
{
    return (lane->flags & (CODEC_FLOAT | CODEC_NINE_BYTES)) == 0 && lane->right >= 64 - STRAIGHT_BITS &&
           lane->need <= WINDOW && lane->need <= message_length;
}

/* ---- plans */

static int compare_ranges(const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    if (a->range_count != b->range_count) {
        return a->range_count < b->range_count ? -1 : 1;
    }
    for (size_t i = 0; i < a->range_count; i++) {
        if (a->ranges[i].first != b->ranges[i].first) {
            return a->ranges[i].first < b->ranges[i].first ? -1 : 1;
        }
        if (a->ranges[i].last != b->ranges[i].last) {
            return a->ranges[i].last < b->ranges[i].last ? -1 : 1;
        }
    }
    return 0;
}

static int compare_plans(const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    if (a->selector < 0 || b->selector < 0) {
        return a->selector < 0 && b->selector < 0 ? 0 : a->selector < 0 ? -1 : 1;
    }
    if (a->selector != b->selector) {
        return a->selector < b->selector ? -1 : 1;
    }
    return compare_ranges(a, b);
}

static int compare_sorted(const void *a, const void *b)
{
    const struct sorted_signal *left = a;
    const struct sorted_signal *right = b;
    const int order = compare_plans(left->model, right->model);
    return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

/* The root stands first, even without a signal. */
static void part_plans(struct build *build)
{
    const size_t count = build->model->signal_count;
    for (size_t i = 0; i < count; i++) {
        build->sorted[i] = (struct sorted_signal){&build->model->signals[i], (uint16_t)i};
    }
    qsort(build->sorted, count, sizeof *build->sorted, compare_sorted);
    build->plan_count = 1;
    build->plans[ROOT] = (struct codec_plan){.selector = CT_NO_SIGNAL};
    build->plan_starts[ROOT] = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct ct_dbc_signal *model = build->sorted[i].model;
        const bool same = i > 0 && compare_plans(build->sorted[i - 1].model, model) == 0;
        if (model->selector >= 0 && !same) {
            build->plan_starts[build->plan_count] = i;
            build->plans[build->plan_count++] = (struct codec_plan){.selector = (uint16_t)model->selector};
        }
        build->signals[build->sorted[i].index].plan = build->plan_count - 1;
    }
    build->plan_starts[build->plan_count] = (uint32_t)count;
}

/* ---- lanes */

enum lane_kind { INTEL, MOTOROLA, SIDE, NO_LANE };

static enum lane_kind kind_of(const struct build *build, uint16_t signal)
{
    const struct codec_lane *lane = &build->described[signal];
    if (build->model->signals[signal].kind == CT_DBC_BLOB) {
        return NO_LANE;
    }
    if (!is_straight(lane, build->model->length)) {
        return SIDE;
    }
    return (lane->flags & CODEC_BIG_ENDIAN) != 0 ? MOTOROLA : INTEL;
}

static uint32_t groups_for(uint32_t lanes)
{
    return (lanes + CT_LANE_GROUP - 1) / CT_LANE_GROUP;
}

static uint8_t tail_of(uint32_t lanes)
{
    const uint32_t rest = lanes % CT_LANE_GROUP;
    return (uint8_t)(rest == 0 ? 0xFFU : (1U << rest) - 1U);
}

/* Where each kind of the plan's lanes begins; the plan's numbers. */
static void lay_out(struct build *build, uint32_t at, uint32_t next[3])
{
    struct codec_plan *plan = &build->plans[at];
    uint32_t counts[NO_LANE + 1] = {0};
    for (uint32_t i = build->plan_starts[at]; i < build->plan_starts[at + 1]; i++) {
        const uint16_t signal = build->sorted[i].index;
        const enum lane_kind kind = kind_of(build, signal);
        counts[kind]++;
        if (kind <= MOTOROLA && build->described[signal].need > plan->need) {
            plan->need = build->described[signal].need;
        }
    }
    plan->group = build->group_count;
    plan->little = (uint16_t)counts[INTEL];
    plan->straight = (uint16_t)(counts[INTEL] + counts[MOTOROLA]);
    plan->side = (uint16_t)counts[SIDE];
    plan->straight_groups = groups_for(plan->straight);
    plan->tail = tail_of(plan->straight);
    plan->side_tail = tail_of(plan->side);
    build->group_count += plan->straight_groups + groups_for(plan->side);
    next[INTEL] = plan->group * CT_LANE_GROUP;
    next[MOTOROLA] = next[INTEL] + plan->little;
    next[SIDE] = (plan->group + plan->straight_groups) * CT_LANE_GROUP;
}

static void assign_lanes(struct build *build)
{
    for (uint32_t at = 0; at < build->plan_count; at++) {
        uint32_t next[3];
        lay_out(build, at, next);
        for (uint32_t i = build->plan_starts[at]; i < build->plan_starts[at + 1]; i++) {
            const uint16_t signal = build->sorted[i].index;
            const enum lane_kind kind = kind_of(build, signal);
            build->signals[signal].need = build->described[signal].need;
            build->signals[signal].lane = kind == NO_LANE ? CT_NO_LANE : next[kind]++;
        }
    }
}

/* ---- groups */

static void transpose(struct codec_group *group, unsigned k, const struct codec_lane *lane)
{
    const bool big = (lane->flags & CODEC_BIG_ENDIAN) != 0;
    for (unsigned i = 0; i < 8; i++) {
        group->index[8 * k + i] = (uint8_t)(lane->byte + (big ? 7 - i : i));
    }
    group->byte[k] = (uint8_t)lane->byte;
    group->left[k] = lane->left;
    group->right[k] = lane->right;
    group->sign[k] = lane->sign;
    group->factor[k] = lane->factor;
    group->offset[k] = lane->offset;
    group->lanes |= (uint8_t)(1U << k);
    group->is_signed |= (uint8_t)(((lane->flags & CODEC_SIGNED) != 0) << k);
    group->big_endian |= (uint8_t)(big << k);
}

static void add_to_pair(struct codec_pair *pair, unsigned k, const struct codec_lane *lane)
{
    const bool big = (lane->flags & CODEC_BIG_ENDIAN) != 0;
    for (unsigned i = 0; i < 8; i++) {
        pair->index[8 * k + i] = (uint8_t)(lane->byte + (big ? 7 - i : i));
    }
    pair->left[k] = lane->left;
    pair->right[k] = -(int64_t)lane->right;
    pair->sign[k] = lane->sign;
    pair->factor[k] = lane->factor;
    pair->offset[k] = lane->offset;
}

static bool make_pairs(struct build *build)
{
    const size_t count = ct_codec_neon() != NULL ? (size_t)build->group_count * CODEC_PAIRS : 0;
    build->pairs = NULL;
    if (count > 0) {
        build->pairs = ct_codec_alloc(build->arena, count, sizeof *build->pairs);
    }
    for (size_t i = 0; build->pairs != NULL && i < count; i++) {
        build->pairs[i].right[0] = build->pairs[i].right[1] = -64;
    }
    return count == 0 || build->pairs != NULL;
}

/* A padding lane shifts everything out. */
static void pad(struct codec_group *group)
{
    memset(group->right, 64, sizeof group->right);
}

static bool fill_lanes(struct build *build)
{
    const size_t lanes = (size_t)build->group_count * CT_LANE_GROUP;
    build->lanes = ct_codec_alloc(build->arena, lanes, sizeof *build->lanes);
    build->groups = ct_codec_alloc(build->arena, build->group_count, sizeof *build->groups);
    build->lane_signals = ct_codec_alloc(build->arena, lanes, sizeof *build->lane_signals);
    if (build->lanes == NULL || build->groups == NULL || build->lane_signals == NULL || !make_pairs(build)) {
        return false;
    }
    memset(build->lane_signals, 0xFF, lanes * sizeof *build->lane_signals);
    for (uint32_t i = 0; i < build->group_count; i++) {
        pad(&build->groups[i]);
    }
    for (uint16_t i = 0; i < build->model->signal_count; i++) {
        const uint32_t at = build->signals[i].lane;
        if (at == CT_NO_LANE) {
            continue;
        }
        build->lanes[at] = build->described[i];
        build->lane_signals[at] = i;
        if (kind_of(build, i) != SIDE) {
            transpose(&build->groups[at / CT_LANE_GROUP], at % CT_LANE_GROUP, &build->described[i]);
            if (build->pairs != NULL) {
                add_to_pair(&build->pairs[at / 2], at % 2, &build->described[i]);
            }
        }
    }
    return true;
}

/* ---- selectors */

static int compare_cases(const void *a, const void *b)
{
    const struct codec_case *left = a;
    const struct codec_case *right = b;
    if (left->first != right->first) {
        return left->first < right->first ? -1 : 1;
    }
    return left->plan < right->plan ? -1 : left->plan > right->plan;
}

/* The ranges of one plan, joined where they overlap, so that no value switches a plan on twice. */
static uint32_t add_cases(struct codec_case *cases, const struct ct_dbc_signal *model, uint32_t plan)
{
    uint32_t count = 0;
    for (size_t i = 0; i < model->range_count; i++) {
        if (model->ranges[i].first <= model->ranges[i].last) {
            cases[count++] =
                (struct codec_case){.first = model->ranges[i].first, .last = model->ranges[i].last, .plan = plan};
        }
    }
    qsort(cases, count, sizeof *cases, compare_cases);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (kept > 0 && cases[i].first <= cases[kept - 1].last) {
            cases[kept - 1].last = cases[i].last > cases[kept - 1].last ? cases[i].last : cases[kept - 1].last;
        } else {
            cases[kept++] = cases[i];
        }
    }
    return kept;
}

/* Chains cases that overlap. */
static void link_cases(struct codec_case *cases, uint32_t count)
{
    uint64_t end = 0;
    for (uint32_t i = 0; i < count; i++) {
        cases[i].from = i > 0 && cases[i].first <= end ? cases[i - 1].from : i;
        end = cases[i].from == i || cases[i].last > end ? cases[i].last : end;
    }
}

static bool fill_below(struct codec_arena *arena, struct codec_selector *selector)
{
    const struct codec_case *cases = selector->cases;
    const uint64_t last = selector->case_count > 0 ? cases[selector->case_count - 1].first : 0;
    selector->below_count = last < BELOW_MAX ? (uint32_t)last + 1 : BELOW_MAX;
    uint32_t *below = ct_codec_alloc(arena, selector->below_count, sizeof *below);
    selector->below = below;
    uint32_t at = 0;
    for (uint32_t value = 0; below != NULL && value < selector->below_count; value++) {
        while (at < selector->case_count && cases[at].first <= value) {
            at++;
        }
        below[value] = at;
    }
    return below != NULL;
}

/* Plans of one selector stand side by side. Returns the first one behind them. */
static uint32_t make_selector(struct build *build, uint32_t plan, struct codec_selector *out_selector, bool *out_ok)
{
    const uint16_t signal = build->plans[plan].selector;
    uint32_t end = plan;
    size_t ranges = 0;
    for (; end < build->plan_count && build->plans[end].selector == signal; end++) {
        ranges += build->sorted[build->plan_starts[end]].model->range_count;
    }
    struct codec_case *cases = ct_codec_alloc(build->arena, ranges, sizeof *cases);
    *out_ok = cases != NULL;
    uint32_t count = 0;
    for (uint32_t i = plan; i < end && cases != NULL; i++) {
        count += add_cases(cases + count, build->sorted[build->plan_starts[i]].model, i);
    }
    *out_selector = (struct codec_selector){.lane = build->signals[signal].lane, .case_count = count, .cases = cases};
    if (cases != NULL) {
        qsort(cases, count, sizeof *cases, compare_cases);
        link_cases(cases, count);
        *out_ok = fill_below(build->arena, out_selector);
    }
    return end;
}

/* Which selector (by plan) a signal is; plans are sorted by the index of their selector. */
static uint32_t first_plan_of(const struct build *build, uint16_t selector)
{
    uint32_t low = 1;
    uint32_t high = build->plan_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (build->plans[middle].selector < selector) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < build->plan_count && build->plans[low].selector == selector ? low : build->plan_count;
}

/* Breadth first from the root, so that a selector comes after the one it depends on. Selectors over 64 bits have no
 * lane and switch nothing on. */
static bool fill_selectors(struct build *build, struct ct_codec_message *message)
{
    struct codec_selector *selectors = ct_codec_alloc(build->arena, build->plan_count, sizeof *selectors);
    uint32_t *queue =
        ct_codec_alloc(build->arena, build->plan_count, sizeof *queue); /* plans to look for selectors in */
    bool ok = selectors != NULL && queue != NULL;
    uint32_t queued = 1; /* the root */
    for (uint32_t head = 0; ok && head < queued; head++) {
        const uint32_t plan = queue[head];
        for (uint32_t i = build->plan_starts[plan]; ok && i < build->plan_starts[plan + 1]; i++) {
            uint32_t child = first_plan_of(build, build->sorted[i].index);
            if (child == build->plan_count || build->signals[build->sorted[i].index].lane == CT_NO_LANE) {
                continue;
            }
            const uint32_t end = make_selector(build, child, &selectors[message->selector_count++], &ok);
            while (child < end) {
                queue[queued++] = child++;
            }
        }
    }
    message->selectors = selectors;
    return ok;
}

/* ---- the message */

static bool compile(struct build *build, struct ct_codec_message *message)
{
    build->model = message->model;
    build->group_count = 0;
    build->signals = ct_codec_alloc(build->arena, build->model->signal_count, sizeof *build->signals);
    if (build->signals == NULL) {
        return false;
    }
    for (size_t i = 0; i < build->model->signal_count; i++) {
        build->described[i] = describe(&build->model->signals[i]);
    }
    part_plans(build);
    assign_lanes(build);
    struct codec_plan *plans = ct_codec_alloc(build->arena, build->plan_count, sizeof *plans);
    if (plans == NULL || !fill_lanes(build) || !fill_selectors(build, message)) {
        return false;
    }
    memcpy(plans, build->plans, build->plan_count * sizeof *plans);
    message->plans = plans;
    message->root = plans[ROOT];
    const bool plain = build->plan_count == 1 && message->root.side == 0 && message->root.straight > 0;
    message->plain_need = plain ? message->root.need : SIZE_MAX;
    message->lanes = build->lanes;
    message->groups = build->groups;
    message->pairs = build->pairs;
    message->group_count = build->group_count;
    message->signals = build->signals;
    message->lane_signals = build->lane_signals;
    return true;
}

int ct_codec_compile_messages(struct codec_arena *arena, struct ct_codec_message *messages, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = messages[i].model->signal_count > most ? messages[i].model->signal_count : most;
    }
    struct codec_arena scratch = {0};
    struct build build = {
        .arena = arena,
        .sorted = ct_codec_alloc(&scratch, most, sizeof *build.sorted),
        .described = ct_codec_alloc(&scratch, most, sizeof *build.described),
        .plans = ct_codec_alloc(&scratch, most + 1, sizeof *build.plans),
        .plan_starts = ct_codec_alloc(&scratch, most + 2, sizeof *build.plan_starts),
    };
    bool ok = build.sorted != NULL && build.described != NULL && build.plans != NULL && build.plan_starts != NULL;
    for (size_t i = 0; ok && i < count; i++) {
        ok = compile(&build, &messages[i]);
    }
    ct_codec_arena_free(&scratch);
    return ok ? CT_OK : CT_ERR_NO_MEMORY;
}
