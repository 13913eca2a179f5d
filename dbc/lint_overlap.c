/* Which signals of a message share bits in one frame. Signals that are always there are found bit by bit; those of
 * branches are compared with each other, which grows with their square and is therefore bounded. */
#include "lint_checks.h"

#include <stdlib.h>

#define DEPTH_MAX 32                 /* nested multiplexers looked at; CANdb++ allows fewer */
#define STEPS_MAX UINT64_C(20000000) /* for a whole database; 6,000 signals in branches of one message */
#define NOBODY    UINT32_MAX

struct overlaps {
    struct dbc_lint *lint;
    const struct ct_dbc_message *message;
    uint32_t *plain; /* of each bit: 1 + the first signal without a multiplexer that holds it */
    uint32_t *any;   /* the same of all signals */
    uint32_t *muxed; /* the signals in branches so far */
    size_t muxed_count;
};

/* ---- bits */

static void byte_span(const struct ct_dbc_signal *signal, uint32_t *out_first, uint32_t *out_last)
{
    const uint32_t start = signal->start_bit;
    const uint32_t first = signal->big_endian ? start / 8 * 8 + 7 - start % 8 : start;
    *out_first = first / 8;
    *out_last = (first + signal->length - 1) / 8;
}

static uint8_t byte_mask(const struct ct_dbc_signal *signal, uint32_t byte)
{
    const uint32_t start = signal->start_bit;
    const uint32_t first = signal->big_endian ? start / 8 * 8 + 7 - start % 8 : start;
    const uint32_t end = first + signal->length;
    const uint32_t low = first > byte * 8 ? first - byte * 8 : 0;
    const uint32_t high = end < byte * 8 + 8 ? end - byte * 8 : 8;
    const unsigned bits = (0xFFU >> (8 - (high - low)) & 0xFFU) << low;
    if (!signal->big_endian) {
        return (uint8_t)bits;
    }
    unsigned mirrored = 0; /* Motorola counts from the most significant bit */
    for (unsigned i = 0; i < 8; i++) {
        mirrored |= (bits >> i & 1U) << (7 - i);
    }
    return (uint8_t)mirrored;
}

static bool share_bits(const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    uint32_t a_first;
    uint32_t a_last;
    uint32_t b_first;
    uint32_t b_last;
    byte_span(a, &a_first, &a_last);
    byte_span(b, &b_first, &b_last);
    const uint32_t last = a_last < b_last ? a_last : b_last;
    for (uint32_t byte = a_first > b_first ? a_first : b_first; byte <= last; byte++) {
        if ((byte_mask(a, byte) & byte_mask(b, byte)) != 0) {
            return true;
        }
    }
    return false;
}

/* Bits count from the LSB of byte 0. */
static uint32_t bit_at(const struct ct_dbc_signal *signal, uint32_t n)
{
    const uint32_t start = signal->start_bit;
    const uint32_t net = start / 8 * 8 + 7 - start % 8 + n;
    return signal->big_endian ? net / 8 * 8 + 7 - net % 8 : start + n;
}

static size_t bit_room(const struct ct_dbc_message *message)
{
    size_t room = 0;
    for (size_t i = 0; i < message->signal_count; i++) {
        const size_t end = (size_t)message->signals[i].start_bit + message->signals[i].length + 16;
        room = end > room ? end : room;
    }
    return room;
}

static void hold(uint32_t *owners, const struct ct_dbc_signal *signal, size_t index)
{
    for (uint32_t n = 0; n < signal->length; n++) {
        uint32_t *owner = &owners[bit_at(signal, n)];
        *owner = *owner == 0 ? (uint32_t)index + 1 : *owner;
    }
}

static uint32_t first_owner(const uint32_t *owners, const struct ct_dbc_signal *signal)
{
    uint32_t first = NOBODY;
    for (uint32_t n = 0; n < signal->length; n++) {
        const uint32_t owner = owners[bit_at(signal, n)];
        first = owner != 0 && owner - 1 < first ? owner - 1 : first;
    }
    return first;
}

/* ---- multiplexers */

static bool ranges_meet(const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    for (size_t i = 0; i < a->range_count; i++) {
        for (size_t k = 0; k < b->range_count; k++) {
            if (a->ranges[i].first <= b->ranges[k].last && b->ranges[k].first <= a->ranges[i].last) {
                return true;
            }
        }
    }
    return false;
}

/* Whether one frame can hold both: no multiplexer above them wants different values for them. */
static bool can_meet(const struct ct_dbc_message *message, const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
{
    unsigned depth = 0;
    for (const struct ct_dbc_signal *x = a; x->selector >= 0 && depth < DEPTH_MAX;
         x = &message->signals[x->selector], depth++) {
        unsigned other_depth = 0;
        for (const struct ct_dbc_signal *y = b; y->selector >= 0 && other_depth < DEPTH_MAX;
             y = &message->signals[y->selector], other_depth++) {
            if (x->selector == y->selector && !ranges_meet(x, y)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- both */

/* Counts work that grows faster than the text; false when there was too much, which is said once. */
static bool spend(const struct overlaps *overlaps, uint64_t steps)
{
    struct dbc_lint *lint = overlaps->lint;
    if (lint->steps > STEPS_MAX) {
        return false;
    }
    lint->steps += steps;
    if (lint->steps > STEPS_MAX) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_OVERLAP_UNSEARCHED, overlaps->message->place,
                         "message '%s' has too many signals in branches; from here on not all of them are compared",
                         overlaps->message->name);
        return false;
    }
    return true;
}

static uint32_t first_in_branches(const struct overlaps *overlaps, const struct ct_dbc_signal *signal, uint32_t before)
{
    for (size_t i = 0; i < overlaps->muxed_count && overlaps->muxed[i] < before; i++) {
        const struct ct_dbc_signal *other = &overlaps->message->signals[overlaps->muxed[i]];
        const uint64_t ranges = (uint64_t)signal->range_count * other->range_count;
        if (!spend(overlaps, 1 + ranges + (uint64_t)other->length / 8)) {
            return before;
        }
        if (share_bits(signal, other) && can_meet(overlaps->message, signal, other)) {
            return overlaps->muxed[i];
        }
    }
    return before;
}

static void check_signal(struct overlaps *overlaps, size_t index)
{
    const struct ct_dbc_signal *signal = &overlaps->message->signals[index];
    if (!spend(overlaps, signal->length / 8)) {
        return;
    }
    uint32_t first = first_owner(signal->selector < 0 ? overlaps->any : overlaps->plain, signal);
    if (signal->selector >= 0) {
        first = first_in_branches(overlaps, signal, first);
        overlaps->muxed[overlaps->muxed_count++] = (uint32_t)index;
    } else {
        hold(overlaps->plain, signal, index);
    }
    hold(overlaps->any, signal, index);
    if (first != NOBODY) {
        const struct ct_dbc_signal *other = &overlaps->message->signals[first];
        ct_dbc_lint_find(overlaps->lint, CT_DBC_CODE_SIGNAL_OVERLAP, signal->place,
                         "signal '%s' shares bits with '%s' (line %u) in message '%s'", signal->name, other->name,
                         other->place.line, overlaps->message->name);
    }
}

/* One finding per signal, naming the first it collides with: a copied block would otherwise be reported squared. */
void ct_dbc_lint_overlaps(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    const size_t room = bit_room(message);
    struct overlaps overlaps = {.lint = lint, .message = message};
    uint32_t *memory = calloc(2 * room + message->signal_count + 1, sizeof *memory);
    if (memory == NULL) {
        lint->no_memory = true;
        return;
    }
    overlaps.plain = memory;
    overlaps.any = memory + room;
    overlaps.muxed = memory + 2 * room;
    for (size_t i = 0; i < message->signal_count; i++) {
        check_signal(&overlaps, i);
    }
    free(memory);
}
