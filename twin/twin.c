#include "twin.h"

#include "deadlines.h"
#include "range.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    struct ct_reading reading;
    const struct ct_entry *entry;
    struct ct_range range;
    uint8_t *bytes; /* bytes_max of them; NULL for numbers */
};

struct ct_twin {
    struct ct_catalogue *catalogue;
    size_t count;
    struct slot *slots;
    uint8_t *bytes;
    /* Bit id % 64 of word (id / 64) * CT_TWIN_CONSUMERS + consumer, so that marking for all touches one cache line. */
    uint64_t *changed;
    struct ct_deadlines deadlines;
    uint64_t revision;
};

static bool has_bytes(const struct ct_entry *entry)
{
    return entry->kind == CT_KIND_BYTES || entry->kind == CT_KIND_STRING;
}

static size_t word_count(const struct ct_twin *twin)
{
    return (twin->count + 63) / 64;
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

static void init_slots(struct ct_twin *twin)
{
    uint8_t *bytes = twin->bytes;
    for (uint32_t id = 0; id < twin->count; id++) {
        const struct ct_entry *entry = ct_catalogue_entry(twin->catalogue, id);
        struct slot *slot = &twin->slots[id];
        slot->entry = entry;
        slot->range = ct_range_of(entry);
        slot->reading.sample.id = id;
        slot->reading.sample.quality = CT_Q_NEVER_SEEN;
        if (has_bytes(entry)) {
            slot->bytes = bytes;
            slot->reading.sample.bytes = bytes;
            bytes += entry->bytes_max;
        }
    }
}

int ct_twin_create(struct ct_catalogue *catalogue, struct ct_twin **out_twin)
{
    struct ct_twin *twin = calloc(1, sizeof(*twin));
    if (twin == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    twin->catalogue = ct_catalogue_ref(catalogue);
    twin->count = ct_catalogue_count(catalogue);
    twin->slots = calloc(twin->count + 1, sizeof(*twin->slots));
    twin->bytes = calloc(total_bytes(catalogue) + 1, 1);
    twin->changed = calloc((word_count(twin) + 1) * CT_TWIN_CONSUMERS, sizeof(*twin->changed));
    const int err = ct_deadlines_create(&twin->deadlines, twin->count);
    if (twin->slots == NULL || twin->bytes == NULL || twin->changed == NULL || err != CT_OK) {
        ct_twin_free(twin);
        return CT_ERR_NO_MEMORY;
    }
    init_slots(twin);
    *out_twin = twin;
    return CT_OK;
}

void ct_twin_free(struct ct_twin *twin)
{
    if (twin == NULL) {
        return;
    }
    ct_deadlines_free(&twin->deadlines);
    free(twin->changed);
    free(twin->bytes);
    free(twin->slots);
    ct_catalogue_unref(twin->catalogue);
    free(twin);
}

struct ct_catalogue *ct_twin_catalogue(const struct ct_twin *twin)
{
    return twin->catalogue;
}

static void mark_changed(struct ct_twin *twin, uint32_t id)
{
    uint64_t *words = &twin->changed[(size_t)(id / 64) * CT_TWIN_CONSUMERS];
    for (size_t i = 0; i < CT_TWIN_CONSUMERS; i++) {
        words[i] |= UINT64_C(1) << (id % 64);
    }
    twin->revision++;
}

static bool same_value(const struct slot *slot, const struct ct_sample *sample)
{
    if (slot->bytes != NULL) {
        return slot->reading.sample.len == sample->len &&
               (sample->len == 0 || memcmp(slot->bytes, sample->bytes, sample->len) == 0);
    }
    return slot->reading.sample.raw == sample->raw; /* of doubles the bits, so that NaN equals itself */
}

static void store_value(struct slot *slot, const struct ct_sample *sample)
{
    if (slot->bytes == NULL) {
        slot->reading.sample.raw = sample->raw;
        return;
    }
    if (sample->len > 0) {
        memmove(slot->bytes, sample->bytes, sample->len);
    }
    slot->reading.sample.len = sample->len;
}

static void arm(struct ct_twin *twin, const struct slot *slot)
{
    if (slot->entry->timeout_ns > 0) {
        ct_deadlines_set(&twin->deadlines, slot->reading.sample.id,
                         ct_ns_add(slot->reading.received_ns, slot->entry->timeout_ns));
    }
}

int ct_twin_put(struct ct_twin *twin, const struct ct_sample *sample, ct_ns received_ns)
{
    if (sample->id >= twin->count) {
        return CT_ERR_RANGE;
    }
    struct slot *slot = &twin->slots[sample->id];
    if (slot->bytes != NULL && sample->len > slot->entry->bytes_max) {
        return CT_ERR_TOO_LARGE;
    }
    unsigned quality = sample->quality & ~(unsigned)(CT_Q_STALE | CT_Q_NEVER_SEEN);
    if (!ct_range_holds(&slot->range, slot->entry, sample)) {
        quality |= CT_Q_OUT_OF_RANGE;
    }
    const bool changed = slot->reading.sample.quality != quality || !same_value(slot, sample);
    store_value(slot, sample);
    slot->reading.sample.quality = (uint16_t)quality;
    slot->reading.sample.t_ns = sample->t_ns;
    slot->reading.received_ns = received_ns;
    slot->reading.updates++;
    arm(twin, slot);
    if (changed) {
        mark_changed(twin, sample->id);
    }
    return CT_OK;
}

static void add_quality(struct ct_twin *twin, uint32_t id, uint16_t flags)
{
    struct ct_sample *sample = &twin->slots[id].reading.sample;
    if ((sample->quality | flags) != sample->quality) {
        sample->quality |= flags;
        mark_changed(twin, id);
    }
}

void ct_twin_mark(struct ct_twin *twin, uint32_t id, uint16_t flags, ct_ns now)
{
    (void)now;
    if (id < twin->count) {
        add_quality(twin, id, flags);
    }
}

ct_ns ct_twin_tick(struct ct_twin *twin, ct_ns now)
{
    uint32_t id;
    while (ct_deadlines_take(&twin->deadlines, now, &id) == CT_OK) {
        add_quality(twin, id, CT_Q_STALE);
    }
    return ct_deadlines_next(&twin->deadlines);
}

int ct_twin_get(const struct ct_twin *twin, uint32_t id, struct ct_reading *out_reading)
{
    if (id >= twin->count) {
        return CT_ERR_RANGE;
    }
    *out_reading = twin->slots[id].reading;
    return CT_OK;
}

int ct_twin_next_change(struct ct_twin *twin, unsigned consumer, uint32_t *cursor, uint32_t *out_id)
{
    if (consumer >= CT_TWIN_CONSUMERS) {
        return CT_ERR_RANGE;
    }
    uint64_t first = UINT64_MAX << (*cursor % 64); /* bits below the cursor are behind us */
    for (size_t word = *cursor / 64; word < word_count(twin); word++, first = UINT64_MAX) {
        uint64_t *bits = &twin->changed[word * CT_TWIN_CONSUMERS + consumer];
        if ((*bits & first) != 0) {
            const unsigned bit = (unsigned)__builtin_ctzll(*bits & first);
            *bits &= ~(UINT64_C(1) << bit);
            *out_id = (uint32_t)(word * 64 + bit);
            *cursor = *out_id + 1;
            return CT_OK;
        }
    }
    return CT_ERR_END;
}

uint64_t ct_twin_revision(const struct ct_twin *twin)
{
    return twin->revision;
}

/* The entry of `old` with the same name and meaning; NULL when there is none. */
static const struct slot *counterpart(const struct ct_twin *old, const struct slot *slot)
{
    uint32_t id;
    if (ct_catalogue_find(old->catalogue, slot->entry->name, &id) != CT_OK) {
        return NULL;
    }
    const struct slot *from = &old->slots[id];
    const bool usable = ct_entry_same(from->entry, slot->entry) && from->reading.sample.len <= slot->entry->bytes_max &&
                        (from->reading.sample.quality & CT_Q_NEVER_SEEN) == 0;
    return usable ? from : NULL;
}

static void carry_slot(struct ct_twin *twin, struct slot *slot, const struct slot *from)
{
    const struct ct_reading *reading = &from->reading;
    unsigned quality = reading->sample.quality & ~(unsigned)CT_Q_OUT_OF_RANGE;
    if (!ct_range_holds(&slot->range, slot->entry, &reading->sample)) {
        quality |= CT_Q_OUT_OF_RANGE;
    }
    store_value(slot, &reading->sample);
    slot->reading.sample.quality = (uint16_t)quality;
    slot->reading.sample.t_ns = reading->sample.t_ns;
    slot->reading.received_ns = reading->received_ns;
    slot->reading.updates = reading->updates;
    if ((quality & CT_Q_STALE) == 0) {
        arm(twin, slot);
    }
    mark_changed(twin, slot->reading.sample.id);
}

size_t ct_twin_carry(struct ct_twin *twin, const struct ct_twin *old)
{
    size_t carried = 0;
    if (twin->revision < old->revision) {
        twin->revision = old->revision;
    }
    for (size_t i = 0; i < twin->count; i++) {
        const struct slot *from = counterpart(old, &twin->slots[i]);
        if (from != NULL) {
            carry_slot(twin, &twin->slots[i], from);
            carried++;
        }
    }
    return carried;
}
