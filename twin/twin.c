#include "twin_private.h"

#include <string.h>

struct ct_catalogue *ct_twin_catalogue(const struct ct_twin *twin)
{
    return twin->catalogue;
}

static bool same_value(const struct ct_slot *slot, int64_t stored, const struct ct_sample *sample)
{
    if (slot->bytes != NULL) {
        return slot->len == sample->len && (sample->len == 0 || memcmp(slot->bytes, sample->bytes, sample->len) == 0);
    }
    return stored == sample->raw; /* of doubles the bits, so that NaN equals itself */
}

static void store_value(struct ct_twin *twin, uint32_t at, const struct ct_sample *sample)
{
    struct ct_slot *slot = &twin->slots[at];
    if (slot->bytes == NULL) {
        *ct_slot_value(twin, at) = sample->raw;
        return;
    }
    if (sample->len > 0) {
        memmove(slot->bytes, sample->bytes, sample->len);
    }
    slot->len = sample->len;
}

/* Replaces the flags of one slot; true when they differ. */
static bool set_quality(struct ct_twin *twin, uint32_t at, unsigned flags)
{
    uint64_t *quality = &twin->lanes.blocks[at / CT_LANES].quality;
    const unsigned lane = ct_slot_lane(at);
    const uint64_t after = (*quality & ~ct_lanes_spread(lane)) | ct_quality_spread(flags, lane);
    const bool differs = *quality != after;
    *quality = after;
    return differs;
}

/* The slot's own clock counts from now on. */
static struct ct_slot *take_off_clock(struct ct_twin *twin, uint32_t at)
{
    const unsigned on_clock = twin->lanes.blocks[at / CT_LANES].on_clock;
    if ((on_clock & ct_slot_lane(at)) != 0) {
        ct_twin_realign(twin, at / CT_LANES, on_clock & ~ct_slot_lane(at));
    }
    return &twin->slots[at];
}

/* Given flags that an accepted value may have, with what the value itself says. */
static unsigned accepted_quality(const struct ct_twin *twin, uint32_t at, unsigned flags)
{
    flags &= CT_QUALITY_KNOWN & ~(unsigned)(CT_Q_STALE | CT_Q_NEVER_SEEN);
    return (flags & CT_Q_NOT_AVAILABLE) != 0 ? flags : flags | ct_slot_judge(twin, at);
}

int ct_twin_put(struct ct_twin *twin, const struct ct_sample *sample, ct_ns received_ns)
{
    if (sample->id >= twin->count) {
        return CT_ERR_RANGE;
    }
    const uint32_t at = twin->slot_of[sample->id];
    if (twin->slots[at].bytes != NULL && sample->len > twin->slots[at].entry->bytes_max) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_slot *slot = take_off_clock(twin, at);
    const bool same = same_value(slot, *ct_slot_value(twin, at), sample);
    store_value(twin, at, sample);
    const bool differs = set_quality(twin, at, accepted_quality(twin, at, sample->quality));
    slot->t_ns = sample->t_ns;
    slot->received_ns = received_ns;
    slot->updates++;
    ct_twin_arm_slot(twin, at);
    if (!same || differs) {
        ct_twin_changed(twin, at / CT_LANES, ct_slot_lane(at));
    }
    return CT_OK;
}

static void add_quality(struct ct_twin *twin, uint32_t at, unsigned flags)
{
    if (set_quality(twin, at, ct_quality_of(twin, at) | (flags & CT_QUALITY_KNOWN))) {
        ct_twin_changed(twin, at / CT_LANES, ct_slot_lane(at));
    }
}

void ct_twin_mark(struct ct_twin *twin, uint32_t id, uint16_t flags, ct_ns now)
{
    (void)now;
    if (id < twin->count) {
        add_quality(twin, twin->slot_of[id], flags);
    }
}

void ct_twin_clear(struct ct_twin *twin, uint32_t id, uint16_t flags, ct_ns now)
{
    (void)now;
    if (id >= twin->count) {
        return;
    }
    const uint32_t at = twin->slot_of[id];
    if (set_quality(twin, at, ct_quality_of(twin, at) & ~(unsigned)flags)) {
        ct_twin_changed(twin, at / CT_LANES, ct_slot_lane(at));
    }
}

/* ---- staleness */

static ct_ns due_of_block(const struct ct_lane_block *block)
{
    const uint64_t stale = block->quality >> 8;
    _Static_assert(CT_Q_STALE == 1 << 1, "STALE is the second byte");
    const bool waits = (block->on_clock & ~stale) != 0 && block->timeout_ns > 0;
    return waits ? ct_ns_add(block->received_ns, block->timeout_ns) : CT_NS_NEVER;
}

static ct_ns due_of_slot(const struct ct_twin *twin, uint32_t at)
{
    const struct ct_slot *slot = &twin->slots[at];
    const bool waits = (twin->lanes.blocks[at / CT_LANES].on_clock & ct_slot_lane(at)) == 0 &&
                       (ct_quality_of(twin, at) & (CT_Q_STALE | CT_Q_NEVER_SEEN)) == 0;
    return waits ? ct_ns_add(slot->received_ns, slot->entry->timeout_ns) : CT_NS_NEVER;
}

/* What the id of a deadline stands for has timed out. */
static void time_out(struct ct_twin *twin, uint32_t id)
{
    const uint32_t blocks = (uint32_t)twin->block_count;
    if (id >= blocks) {
        add_quality(twin, id - blocks, CT_Q_STALE);
        return;
    }
    for (unsigned lanes = twin->lanes.blocks[id].on_clock; lanes != 0; lanes &= lanes - 1) {
        add_quality(twin, id * CT_LANES + (uint32_t)__builtin_ctz(lanes), CT_Q_STALE);
    }
}

ct_ns ct_twin_tick(struct ct_twin *twin, ct_ns now)
{
    const uint32_t blocks = (uint32_t)twin->block_count;
    uint32_t id;
    while (ct_deadlines_first(&twin->deadlines, now, &id) == CT_OK) {
        const ct_ns due = id < blocks ? due_of_block(&twin->lanes.blocks[id]) : due_of_slot(twin, id - blocks);
        if (due <= now) {
            time_out(twin, id);
        }
        ct_deadlines_settle(&twin->deadlines, due <= now ? CT_NS_NEVER : due);
    }
    return ct_deadlines_next(&twin->deadlines);
}

/* ---- reading */

int ct_twin_get(const struct ct_twin *twin, uint32_t id, struct ct_reading *out_reading)
{
    if (id >= twin->count) {
        return CT_ERR_RANGE;
    }
    const uint32_t at = twin->slot_of[id];
    const struct ct_slot *slot = &twin->slots[at];
    const struct ct_lane_block *block = &twin->lanes.blocks[at / CT_LANES];
    const bool on_clock = (block->on_clock & ct_slot_lane(at)) != 0;
    const bool number = (block->numbers & ct_slot_lane(at)) != 0;
    out_reading->sample = (struct ct_sample){.id = id,
                                             .quality = (uint16_t)ct_quality_of(twin, at),
                                             .len = slot->len,
                                             .t_ns = on_clock ? block->t_ns : slot->t_ns};
    if (slot->bytes != NULL) {
        out_reading->sample.bytes = slot->bytes;
    } else {
        out_reading->sample.raw = number ? slot->number : twin->lanes.raw[at];
    }
    out_reading->received_ns = on_clock ? block->received_ns : slot->received_ns;
    out_reading->updates = slot->updates + (on_clock ? block->updates : 0);
    return CT_OK;
}

/* The first block from `block` on with marks for the consumer; block_count when there is none. */
static size_t next_marked(const struct ct_twin *twin, unsigned consumer, size_t block)
{
    unsigned ahead = 0xFFU << (block % 8) & 0xFFU; /* blocks below are behind us */
    for (size_t i = block / 8; i * 8 < twin->block_count; i++, ahead = 0xFFU) {
        const unsigned blocks = twin->lanes.marked[i] >> (8 * consumer) & ahead;
        if (blocks != 0) {
            return i * 8 + (size_t)__builtin_ctz(blocks);
        }
    }
    return twin->block_count;
}

/* Takes one mark of the block, of the lanes `ahead`; CT_LANES when there is none. */
static unsigned take_mark(struct ct_twin *twin, unsigned consumer, size_t block, unsigned ahead)
{
    uint32_t *marks = &twin->lanes.marks[block];
    const unsigned lanes = *marks >> (8 * consumer) & ahead;
    if (lanes == 0) {
        return CT_LANES;
    }
    const unsigned lane = (unsigned)__builtin_ctz(lanes);
    *marks &= ~(UINT32_C(1) << (8 * consumer + lane));
    if ((*marks >> (8 * consumer) & 0xFFU) == 0) {
        twin->lanes.marked[block / 8] &= ~(UINT32_C(1) << (8 * consumer + block % 8));
    }
    return lane;
}

int ct_twin_next_change(struct ct_twin *twin, unsigned consumer, uint32_t *cursor, uint32_t *out_id)
{
    if (consumer >= CT_TWIN_CONSUMERS) {
        return CT_ERR_RANGE;
    }
    if (*cursor >= twin->count) {
        return CT_ERR_END;
    }
    const uint32_t from = twin->slot_of[*cursor];
    unsigned ahead = 0xFFU << (from % CT_LANES) & 0xFFU; /* lanes below the cursor are behind us */
    size_t block = next_marked(twin, consumer, from / CT_LANES);
    ahead = block == from / CT_LANES ? ahead : 0xFFU;
    while (block < twin->block_count) {
        const unsigned lane = take_mark(twin, consumer, block, ahead);
        if (lane < CT_LANES) {
            *out_id = twin->slots[block * CT_LANES + lane].id;
            *cursor = *out_id + 1;
            return CT_OK;
        }
        block = next_marked(twin, consumer, block + 1);
        ahead = 0xFFU;
    }
    return CT_ERR_END;
}

uint64_t ct_twin_revision(const struct ct_twin *twin)
{
    return twin->lanes.revision;
}

/* ---- carrying over */

/* The slot of `old` whose entry has the same name and meaning; CT_ERR_NOT_FOUND when there is none worth carrying. */
static int counterpart(const struct ct_twin *old, const struct ct_slot *slot, uint32_t *out_id)
{
    uint32_t id;
    if (ct_catalogue_find(old->catalogue, slot->entry->name, &id) != CT_OK) {
        return CT_ERR_NOT_FOUND;
    }
    const struct ct_slot *from = &old->slots[old->slot_of[id]];
    const bool usable = ct_entry_same(from->entry, slot->entry) && from->len <= slot->entry->bytes_max &&
                        (ct_quality_of(old, old->slot_of[id]) & CT_Q_NEVER_SEEN) == 0;
    *out_id = id;
    return usable ? CT_OK : CT_ERR_NOT_FOUND;
}

static void carry_slot(struct ct_twin *twin, uint32_t at, const struct ct_reading *reading)
{
    struct ct_slot *slot = take_off_clock(twin, at);
    const unsigned kept = reading->sample.quality & CT_Q_STALE;
    store_value(twin, at, &reading->sample);
    (void)set_quality(twin, at,
                      kept | accepted_quality(twin, at, reading->sample.quality & ~(unsigned)CT_Q_OUT_OF_RANGE));
    slot->t_ns = reading->sample.t_ns;
    slot->received_ns = reading->received_ns;
    slot->updates = reading->updates;
    if (kept == 0) {
        ct_twin_arm_slot(twin, at);
    }
    ct_twin_changed(twin, at / CT_LANES, ct_slot_lane(at));
}

size_t ct_twin_carry(struct ct_twin *twin, const struct ct_twin *old)
{
    size_t carried = 0;
    if (twin->lanes.revision < old->lanes.revision) {
        twin->lanes.revision = old->lanes.revision;
    }
    for (uint32_t id = 0; id < twin->count; id++) {
        const uint32_t at = twin->slot_of[id];
        uint32_t from;
        struct ct_reading reading;
        if (counterpart(old, &twin->slots[at], &from) == CT_OK && ct_twin_get(old, from, &reading) == CT_OK) {
            carry_slot(twin, at, &reading);
            carried++;
        }
    }
    return carried;
}
