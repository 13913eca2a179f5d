/* Which multiplexer selects what, and whether it can. */
#include "lint_checks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32 /* nested multiplexers looked at; CANdb++ allows fewer */

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

static int compare_ranges(const void *a, const void *b)
{
    const struct ct_dbc_range *left = a;
    const struct ct_dbc_range *right = b;
    return left->first != right->first ? (left->first < right->first ? -1 : 1)
                                       : (left->last > right->last) - (left->last < right->last);
}

/* A range that is reversed, or of two that overlap the later in number; NULL when there is none. */
static const struct ct_dbc_range *odd_range(struct ct_dbc_range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].first > ranges[i].last) {
            return &ranges[i];
        }
    }
    qsort(ranges, count, sizeof *ranges, compare_ranges);
    for (size_t i = 1; i < count; i++) { /* none has overlapped before, so the neighbour reaches furthest */
        if (ranges[i].first <= ranges[i - 1].last) {
            return &ranges[i];
        }
    }
    return NULL;
}

static void check_ranges(struct dbc_lint *lint, const struct ct_dbc_signal *signal)
{
    struct ct_dbc_range *ranges = calloc(signal->range_count + 1, sizeof *ranges);
    if (ranges == NULL) {
        lint->no_memory = true;
        return;
    }
    if (signal->range_count > 0) {
        memcpy(ranges, signal->ranges, signal->range_count * sizeof *ranges);
    }
    const struct ct_dbc_range *odd = odd_range(ranges, signal->range_count);
    if (odd != NULL) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_BRANCH_OVERLAP, signal->place,
                         "signal '%s': the selector range %" PRIu64 "-%" PRIu64 " %s", signal->name, odd->first,
                         odd->last, odd->first > odd->last ? "is reversed" : "overlaps another");
    }
    free(ranges);
}

/* One flag per signal: whether it selects others. */
static bool *find_selectors(const struct ct_dbc_message *message)
{
    bool *selects = calloc(message->signal_count + 1, sizeof *selects);
    for (size_t i = 0; selects != NULL && i < message->signal_count; i++) {
        if (message->signals[i].selector >= 0) {
            selects[message->signals[i].selector] = true;
        }
    }
    return selects;
}

void ct_dbc_lint_selectors(struct dbc_lint *lint, const struct ct_dbc_message *message)
{
    bool *selects = find_selectors(message);
    if (selects == NULL) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        if (signal->is_selector && signal->kind != CT_DBC_INTEGER) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_SELECTOR_NO_INTEGER, signal->place,
                             "multiplexer '%s' is no integer of up to 64 bits", signal->name);
        }
        if (signal->is_selector && !selects[i]) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_SELECTOR_ALONE, signal->place,
                             "multiplexer '%s' of message '%s' selects nothing", signal->name, message->name);
        }
        if (signal->selector >= 0) {
            check_branch(lint, message, signal);
            check_ranges(lint, signal);
        }
    }
    free(selects);
}
