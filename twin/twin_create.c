#include "twin_private.h"

#include <stdlib.h>
#include <string.h>

static bool has_bytes(const struct ct_entry *entry)
{
    return entry->kind == CT_KIND_BYTES || entry->kind == CT_KIND_STRING;
}

/* The used lanes hold the ids 0 .. n - 1 in order and share their block's timeout. */
static bool layout_is_sound(const struct ct_catalogue *catalogue, const struct ct_lane_layout *layout,
                            uint32_t *out_ids)
{
    uint32_t next = 0;
    ct_ns timeout_ns = -1; /* of the block */
    for (size_t slot = 0; slot < layout->block_count * CT_LANES; slot++) {
        const struct ct_lane *lane = &layout->lanes[slot];
        if (slot % CT_LANES == 0) {
            timeout_ns = -1;
        }
        if (lane->id == CT_LANE_UNUSED) {
            continue;
        }
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, lane->id);
        timeout_ns = timeout_ns < 0 && entry != NULL ? entry->timeout_ns : timeout_ns;
        if (lane->id != next++ || entry == NULL || has_bytes(entry) || entry->timeout_ns != timeout_ns ||
            lane->bits == 0 || lane->bits > 64) {
            return false;
        }
    }
    *out_ids = next;
    return true;
}

static size_t total_bytes(const struct ct_catalogue *catalogue)
{
    size_t total = 0;
    for (uint32_t id = 0; id < ct_catalogue_count(catalogue); id++) {
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, id);
        total += has_bytes(entry) ? entry->bytes_max : 0U;
    }
    return total;
}

static size_t total_codes(const struct ct_lane_layout *layout)
{
    size_t total = 0;
    for (size_t slot = 0; slot < layout->block_count * CT_LANES; slot++) {
        total += layout->lanes[slot].id != CT_LANE_UNUSED ? layout->lanes[slot].code_count : 0;
    }
    return total;
}

static int allocate(struct ct_twin *twin, const struct ct_lane_layout *layout)
{
    const size_t slots = twin->block_count * CT_LANES;
    twin->lanes.raw = aligned_alloc(64, (slots + CT_LANES) * sizeof *twin->lanes.raw);
    twin->lanes.blocks = aligned_alloc(64, (twin->block_count + 1) * sizeof *twin->lanes.blocks);
    twin->lanes.marks = calloc(twin->block_count + 1, sizeof *twin->lanes.marks);
    twin->lanes.marked = calloc(twin->block_count / 8 + 1, sizeof *twin->lanes.marked);
    twin->slots = calloc(slots + 1, sizeof *twin->slots);
    twin->lanes.plain = aligned_alloc(64, (twin->block_count + 1) * sizeof *twin->lanes.plain);
    twin->slot_of = calloc(twin->count + 1, sizeof *twin->slot_of);
    twin->bytes = calloc(total_bytes(twin->catalogue) + 1, 1);
    twin->codes = calloc(total_codes(layout) + 1, sizeof *twin->codes);
    const int err = ct_deadlines_create(&twin->deadlines, twin->block_count + slots);
    if (twin->lanes.raw == NULL || twin->lanes.blocks == NULL || twin->lanes.marks == NULL ||
        twin->lanes.marked == NULL || twin->slots == NULL || twin->lanes.plain == NULL || twin->slot_of == NULL ||
        twin->bytes == NULL || twin->codes == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memset(twin->lanes.plain, 0, (twin->block_count + 1) * sizeof *twin->lanes.plain);
    memset(twin->lanes.raw, 0, (slots + CT_LANES) * sizeof *twin->lanes.raw);
    memset(twin->lanes.blocks, 0, (twin->block_count + 1) * sizeof *twin->lanes.blocks);
    return err;
}

static void init_slot(struct ct_twin *twin, uint32_t at, uint32_t id)
{
    struct ct_slot *slot = &twin->slots[at];
    struct ct_lane_block *block = &twin->lanes.blocks[at / CT_LANES];
    slot->entry = ct_catalogue_entry(twin->catalogue, id);
    slot->range = ct_range_of(slot->entry);
    slot->id = id;
    twin->slot_of[id] = at;
    block->used |= (uint8_t)ct_slot_lane(at);
    block->quality |= ct_quality_spread(CT_Q_NEVER_SEEN, ct_slot_lane(at));
}

/* A stretch of raw values, biased so that signed ones compare as unsigned. */
struct stretch {
    uint64_t low, high; /* low > high: empty */
};

/* What is left of it without the codes: the larger side. */
static struct stretch without(struct stretch from, uint64_t first, uint64_t last)
{
    if (last < from.low || first > from.high || from.low > from.high) {
        return from;
    }
    const uint64_t below = first > from.low ? first - from.low : 0;
    const uint64_t above = last < from.high ? from.high - last : 0;
    if (below == 0 && above == 0) {
        return (struct stretch){1, 0};
    }
    return below > above ? (struct stretch){from.low, first - 1} : (struct stretch){last + 1, from.high};
}

/* Finds values of the lane that need no check; a lane whose every value is such needs none at all. */
static void init_plain(struct ct_twin *twin, uint32_t at, const struct ct_lane *lane)
{
    const struct ct_slot *slot = &twin->slots[at];
    const uint64_t bias = slot->entry->is_unsigned ? 0 : UINT64_C(1) << 63;
    const uint64_t most = UINT64_MAX >> (64 - lane->bits);
    const uint64_t low = (lane->is_signed ? ~(most >> 1) : 0) + bias;
    const struct stretch all = {low, low + most};
    struct stretch plain = all;
    if (!slot->range.any) {
        const uint64_t range_low = (uint64_t)slot->range.low_raw + bias;
        const uint64_t range_high = (uint64_t)slot->range.high_raw + bias;
        plain.low = range_low > all.low ? range_low : all.low;
        plain.high = range_high < all.high ? range_high : all.high;
    }
    for (size_t i = 0; i < lane->code_count; i++) {
        plain = without(plain, (uint64_t)lane->codes[i].first + bias, (uint64_t)lane->codes[i].last + bias);
    }
    const bool number = slot->entry->kind == CT_KIND_DOUBLE;
    const bool free = number ? slot->range.any : plain.low == all.low && plain.high == all.high;
    if (free && (!number || lane->code_count == 0)) {
        return;
    }
    twin->lanes.blocks[at / CT_LANES].checked |= (uint8_t)ct_slot_lane(at);
    twin->lanes.blocks[at / CT_LANES].coded |= number || lane->code_count > 0 ? (uint8_t)ct_slot_lane(at) : 0;
    if (!number && plain.low <= plain.high) {
        struct ct_plain_block *block = &twin->lanes.plain[at / CT_LANES];
        block->low[at % CT_LANES] = plain.low - bias;
        block->count[at % CT_LANES] = plain.high - plain.low + 1;
    }
}

static size_t copy_codes(struct ct_twin *twin, struct ct_slot *slot, const struct ct_lane *lane, size_t used)
{
    if (lane->code_count > 0) {
        memcpy(&twin->codes[used], lane->codes, lane->code_count * sizeof *lane->codes);
    }
    slot->code_first = (uint32_t)used;
    slot->code_count = (uint16_t)lane->code_count;
    return used + lane->code_count;
}

static void init_lanes(struct ct_twin *twin, const struct ct_lane_layout *layout)
{
    size_t codes = 0;
    for (uint32_t at = 0; at < layout->block_count * CT_LANES; at++) {
        const struct ct_lane *lane = &layout->lanes[at];
        if (lane->id == CT_LANE_UNUSED) {
            continue;
        }
        struct ct_lane_block *block = &twin->lanes.blocks[at / CT_LANES];
        init_slot(twin, at, lane->id);
        block->timeout_ns = twin->slots[at].entry->timeout_ns;
        block->numbers |= twin->slots[at].entry->kind == CT_KIND_DOUBLE ? (uint8_t)ct_slot_lane(at) : 0;
        codes = copy_codes(twin, &twin->slots[at], lane, codes);
        init_plain(twin, at, lane);
    }
}

static void init_singles(struct ct_twin *twin, size_t lane_blocks, uint32_t first_id)
{
    uint8_t *bytes = twin->bytes;
    uint32_t at = (uint32_t)(lane_blocks * CT_LANES);
    for (uint32_t id = first_id; id < twin->count; id++, at++) {
        init_slot(twin, at, id);
        if (has_bytes(twin->slots[at].entry)) {
            twin->slots[at].bytes = bytes;
            bytes += twin->slots[at].entry->bytes_max;
        }
    }
    twin->slot_of[twin->count] = at;
}

int ct_twin_create_lanes(struct ct_catalogue *catalogue, const struct ct_lane_layout *layout, struct ct_twin **out_twin)
{
    uint32_t lane_ids = 0;
    if (!layout_is_sound(catalogue, layout, &lane_ids)) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_twin *twin = calloc(1, sizeof *twin);
    if (twin == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    twin->catalogue = ct_catalogue_ref(catalogue);
    twin->count = ct_catalogue_count(catalogue);
    twin->block_count = layout->block_count + (twin->count - lane_ids + CT_LANES - 1) / CT_LANES;
    twin->lanes.odd = ct_plain_best();
    const int err = allocate(twin, layout);
    if (err != CT_OK) {
        ct_twin_free(twin);
        return err;
    }
    init_lanes(twin, layout);
    init_singles(twin, layout->block_count, lane_ids);
    *out_twin = twin;
    return CT_OK;
}

int ct_twin_create(struct ct_catalogue *catalogue, struct ct_twin **out_twin)
{
    const struct ct_lane_layout none = {NULL, 0};
    return ct_twin_create_lanes(catalogue, &none, out_twin);
}

void ct_twin_free(struct ct_twin *twin)
{
    if (twin == NULL) {
        return;
    }
    ct_deadlines_free(&twin->deadlines);
    free(twin->codes);
    free(twin->bytes);
    free(twin->slot_of);
    free(twin->lanes.plain);
    free(twin->slots);
    free(twin->lanes.marked);
    free(twin->lanes.marks);
    free(twin->lanes.blocks);
    free(twin->lanes.raw);
    ct_catalogue_unref(twin->catalogue);
    free(twin);
}
