/* The signals of a message together: who shares bits with whom, and which multiplexer selects what. */
#include "lint_checks.h"

#include <inttypes.h>
#include <stdlib.h>

#define DEPTH_MAX 32 /* nested multiplexers looked at; CANdb++ allows fewer */

/* ---- bits */

void ct_dbc_byte_span(const struct ct_dbc_signal *signal, uint32_t *out_first, uint32_t *out_last)
{
    const uint32_t start = signal->start_bit;
    const uint32_t first = signal->big_endian ? start / 8 * 8 + 7 - start % 8 : start;
    *out_first = first / 8;
    *out_last = (first + signal->length - 1) / 8;
}

uint8_t ct_dbc_byte_mask(const struct ct_dbc_signal *signal, uint32_t byte)
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
    ct_dbc_byte_span(a, &a_first, &a_last);
    ct_dbc_byte_span(b, &b_first, &b_last);
    const uint32_t last = a_last < b_last ? a_last : b_last;
    for (uint32_t byte = a_first > b_first ? a_first : b_first; byte <= last; byte++) {
        if ((ct_dbc_byte_mask(a, byte) & ct_dbc_byte_mask(b, byte)) != 0) {
            return true;
        }
    }
    return false;
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

bool ct_dbc_meet(const struct ct_dbc_message *message, const struct ct_dbc_signal *a, const struct ct_dbc_signal *b)
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

static uint64_t highest(const struct ct_dbc_signal *selector)
{
    return selector->length >= 64 ? UINT64_MAX : (UINT64_C(1) << selector->length) - 1;
}

static bool can_be_selected(const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    if (signal->selector < 0) {
        return true;
    }
    const uint64_t most = highest(&message->signals[signal->selector]);
    for (size_t i = 0; i < signal->range_count; i++) {
        if (signal->ranges[i].first <= most && signal->ranges[i].first <= signal->ranges[i].last) {
            return true;
        }
    }
    return false;
}

static void check_branch(struct dbc_lint *lint, const struct ct_dbc_message *message,
                         const struct ct_dbc_signal *signal)
{
    const struct ct_dbc_signal *selector = &message->signals[signal->selector];
    for (size_t i = 0; i < signal->range_count; i++) {
        if (signal->ranges[i].last > highest(selector)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_BRANCH_OUTSIDE, signal->place,
                             "signal '%s' is selected by %" PRIu64 ", which the %u bits of '%s' cannot have",
                             signal->name, signal->ranges[i].last, (unsigned)selector->length, selector->name);
            break;
        }
    }
    unsigned depth = 0;
    for (; selector->selector >= 0 && depth < DEPTH_MAX; selector = &message->signals[selector->selector], depth++) {
        if (!can_be_selected(message, selector)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_BRANCH_UNREACHABLE, signal->place,
                             "signal '%s' is in no frame: nothing selects '%s'", signal->name, selector->name);
            break;
        }
    }
}

static void check_ranges(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    for (size_t i = 0; i < signal->range_count; i++) {
        const struct ct_dbc_range *range = &signal->ranges[i];
        bool twice = range->first > range->last;
        for (size_t k = 0; k < i; k++) {
            twice = twice || (range->first <= signal->ranges[k].last && signal->ranges[k].first <= range->last);
        }
        if (twice) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_BRANCH_OVERLAP, signal->place,
                             "signal '%s': the selector range %" PRIu64 "-%" PRIu64 " %s", signal->name, range->first,
                             range->last, range->first > range->last ? "is reversed" : "overlaps another");
            return;
        }
    }
}

static bool selects_any(const struct ct_dbc_message *message, size_t selector)
{
    for (size_t i = 0; i < message->signal_count; i++) {
        if (message->signals[i].selector == (int32_t)selector) {
            return true;
        }
    }
    return false;
}

void ct_dbc_lint_selectors(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    for (size_t i = 0; i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        if (signal->is_selector && signal->kind != CT_DBC_INTEGER) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_SELECTOR_NO_INTEGER, signal->place,
                             "multiplexer '%s' is no integer of up to 64 bits", signal->name);
        }
        if (signal->is_selector && !selects_any(message, i)) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_SELECTOR_ALONE, signal->place,
                             "multiplexer '%s' of message '%s' selects nothing", signal->name, message->name);
        }
        if (signal->selector >= 0) {
            check_branch(lint, message, signal);
            check_ranges(lint, signal);
        }
    }
}

/* One finding per signal, naming the first it collides with: a copied block would otherwise be reported squared. */
void ct_dbc_lint_overlaps(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    for (size_t i = 1; i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        for (size_t k = 0; k < i; k++) {
            const struct ct_dbc_signal *other = &message->signals[k];
            if (share_bits(signal, other) && ct_dbc_meet(message, signal, other)) {
                ct_dbc_lint_find(lint, CT_DBC_CODE_SIGNAL_OVERLAP, signal->place,
                                 "signal '%s' shares bits with '%s' (line %u) in message '%s'", signal->name,
                                 other->name, other->place.line, message->name);
                break;
            }
        }
    }
}
