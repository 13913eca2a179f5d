#include "lanes.h"

#include "twin_private.h"

#include <string.h>

static struct ct_twin *twin_of(struct ct_lanes *lanes)
{
    return (struct ct_twin *)lanes;
}

/* ---- quality, bit-sliced */

uint64_t ct_quality_spread(unsigned flags, unsigned lane)
{
    uint64_t spread = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        spread |= (flags >> bit & 1U) != 0 ? (uint64_t)lane << (8 * bit) : 0;
    }
    return spread;
}

unsigned ct_quality_of(const struct ct_twin *twin, uint32_t slot)
{
    const uint64_t mine = twin->lanes.blocks[slot / CT_LANES].quality >> (slot % CT_LANES);
    unsigned flags = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        flags |= (unsigned)(mine >> (8 * bit) & 1) << bit;
    }
    return flags;
}

unsigned ct_quality_fold(uint64_t quality)
{
    quality |= quality >> 32;
    quality |= quality >> 16;
    quality |= quality >> 8;
    return (unsigned)quality & 0xFFU;
}

void ct_twin_changed(struct ct_twin *twin, uint32_t block, unsigned lanes)
{
    ct_lanes_changed(&twin->lanes, block, lanes);
}

int64_t *ct_slot_value(struct ct_twin *twin, uint32_t slot)
{
    const bool number = (twin->lanes.blocks[slot / CT_LANES].numbers & ct_slot_lane(slot)) != 0;
    return number ? &twin->slots[slot].number : &twin->lanes.raw[slot];
}

static bool is_code(const struct ct_twin *twin, const struct ct_slot *slot, int64_t raw)
{
    for (size_t i = 0; i < slot->code_count; i++) {
        const struct ct_code_range *range = &twin->codes[slot->code_first + i];
        const bool inside = slot->entry->is_unsigned
                                ? (uint64_t)raw >= (uint64_t)range->first && (uint64_t)raw <= (uint64_t)range->last
                                : raw >= range->first && raw <= range->last;
        if (inside) {
            return true;
        }
    }
    return false;
}

unsigned ct_slot_judge(const struct ct_twin *twin, uint32_t at)
{
    const struct ct_slot *slot = &twin->slots[at];
    const bool number = (twin->lanes.blocks[at / CT_LANES].numbers & ct_slot_lane(at)) != 0;
    const struct ct_sample sample = {.raw = number ? slot->number : twin->lanes.raw[at]};
    if (is_code(twin, slot, twin->lanes.raw[at])) {
        return CT_Q_NOT_AVAILABLE;
    }
    return ct_range_holds(&slot->range, slot->entry, &sample) ? 0U : CT_Q_OUT_OF_RANGE;
}

/* The flags of value of some lanes, spread. */
static uint64_t judged_quality(const struct ct_twin *twin, uint32_t block, unsigned judged)
{
    uint64_t quality = 0;
    for (; judged != 0; judged &= judged - 1) {
        const uint32_t slot = block * CT_LANES + (uint32_t)__builtin_ctz(judged);
        quality |= ct_quality_spread(ct_slot_judge(twin, slot), ct_slot_lane(slot));
    }
    return quality;
}

/* Replaces the quality of `lanes` by `quality`; returns those where it differs. */
static unsigned set_quality(struct ct_lane_block *at, uint64_t covered, uint64_t quality)
{
    const uint64_t after = (at->quality & ~covered) | quality;
    const unsigned changed = ct_quality_fold(at->quality ^ after);
    at->quality = after;
    return changed;
}

unsigned ct_lanes_judge(struct ct_lanes *lanes, uint32_t block, unsigned judged)
{
    struct ct_lane_block *at = &lanes->blocks[block];
    const unsigned odd = lanes->odd(&lanes->plain[block], &lanes->raw[(size_t)block * CT_LANES]);
    const unsigned was_out = (unsigned)(at->quality >> 24) & 0xFFU;
    const unsigned was_not = (unsigned)(at->quality >> 16) & 0xFFU;
    if ((judged & at->coded & (odd | was_out | was_not)) != 0) {
        return set_quality(at, ct_lanes_spread(judged) & CT_LANES_OF_VALUE,
                           judged_quality(twin_of(lanes), block, judged));
    }
    const unsigned changed = judged & (was_out ^ odd); /* an odd value that no code explains is out of range */
    at->quality ^= (uint64_t)changed << 24;
    return changed;
}

bool ct_lanes_number(struct ct_lanes *lanes, uint32_t block, unsigned lane, double number)
{
    int64_t bits;
    memcpy(&bits, &number, sizeof bits);
    int64_t *stored = &twin_of(lanes)->slots[(size_t)block * CT_LANES + lane].number;
    const bool differs = *stored != bits;
    *stored = bits;
    return differs;
}

/* ---- clocks */

void ct_twin_arm_slot(struct ct_twin *twin, uint32_t slot)
{
    const struct ct_slot *at = &twin->slots[slot];
    if (at->entry->timeout_ns > 0) {
        ct_deadlines_arm(&twin->deadlines, (uint32_t)twin->block_count + slot,
                         ct_ns_add(at->received_ns, at->entry->timeout_ns));
    }
}

void ct_twin_arm_block(struct ct_twin *twin, uint32_t block)
{
    const struct ct_lane_block *at = &twin->lanes.blocks[block];
    if (at->timeout_ns > 0) {
        ct_deadlines_arm(&twin->deadlines, block, ct_ns_add(at->received_ns, at->timeout_ns));
    }
}

static void leave(struct ct_twin *twin, const struct ct_lane_block *at, uint32_t slot)
{
    struct ct_slot *own = &twin->slots[slot];
    own->t_ns = at->t_ns;
    own->received_ns = at->received_ns;
    own->updates += at->updates;
    if ((ct_quality_of(twin, slot) & CT_Q_STALE) == 0) {
        ct_twin_arm_slot(twin, slot);
    }
}

void ct_twin_realign(struct ct_twin *twin, uint32_t block, unsigned on_clock)
{
    struct ct_lane_block *at = &twin->lanes.blocks[block];
    for (unsigned moved = at->on_clock ^ on_clock; moved != 0; moved &= moved - 1) {
        const uint32_t slot = block * CT_LANES + (uint32_t)__builtin_ctz(moved);
        if ((on_clock & ct_slot_lane(slot)) == 0) {
            leave(twin, at, slot);
        } else {
            twin->slots[slot].updates -= at->updates;
        }
    }
    at->on_clock = (uint8_t)on_clock;
}

void ct_lanes_update_any(struct ct_lanes *lanes, uint32_t block, unsigned active, unsigned changed, ct_ns t_ns,
                         ct_ns received_ns)
{
    struct ct_twin *twin = twin_of(lanes);
    struct ct_lane_block *at = &lanes->blocks[block];
    if (active == 0) {
        return;
    }
    if (at->on_clock != active) {
        ct_twin_realign(twin, block, active);
    }
    changed |= set_quality(at, ct_lanes_spread(active), judged_quality(twin, block, active));
    at->t_ns = t_ns;
    at->received_ns = received_ns;
    at->updates++;
    ct_twin_arm_block(twin, block);
    ct_twin_changed(twin, block, changed);
}

void ct_lanes_mark(struct ct_lanes *lanes, uint32_t block, uint16_t flags)
{
    struct ct_lane_block *at = &lanes->blocks[block];
    const uint64_t marked = at->quality | ct_quality_spread(flags, at->used);
    ct_twin_changed(twin_of(lanes), block, set_quality(at, UINT64_MAX, marked));
}

void ct_lanes_clear(struct ct_lanes *lanes, uint32_t block, uint16_t flags)
{
    struct ct_lane_block *at = &lanes->blocks[block];
    const uint64_t cleared = at->quality & ~ct_quality_spread(flags, at->used);
    ct_twin_changed(twin_of(lanes), block, set_quality(at, UINT64_MAX, cleared));
}
