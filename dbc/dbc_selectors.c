/* Who is whose selector, and which signals of one name can be in one frame together. */
#include "dbc_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dbc_raw_signal *as_signal(struct dbc_named *named)
{
    return (struct dbc_raw_signal *)(void *)named;
}

static struct dbc_raw_signal *next_signal(const struct dbc_raw_signal *signal)
{
    return as_signal(signal->named.next);
}

/* ---- SG_MUL_VAL_ */

static bool set_parent(struct dbc_raw *raw, struct dbc_raw_signal *signal, const struct dbc_ref *ref)
{
    struct dbc_raw_signal *named = as_signal(ct_dbc_find_named(&signal->message->by_name, ref->other));
    struct dbc_raw_signal *selector = named != NULL && named->selector != NULL ? named->selector : named;
    if (selector == NULL || selector == signal) {
        ct_dbc_report(raw->report, CT_DBC_CODE_BAD_MULTIPLEXER, ref->place,
                      "'%.*s' is no multiplexer for '%.*s' in message '%.*s'", ct_dbc_shown(ref->other), ref->other.p,
                      ct_dbc_shown(signal->named.name), signal->named.name.p, ct_dbc_shown(signal->message->named.name),
                      signal->message->named.name.p);
        return false;
    }
    signal->parent = selector;
    signal->ranges = ref->of.ranges;
    signal->range_count = ref->number;
    return true;
}

static bool holds(const struct dbc_ref *ref, uint64_t value)
{
    for (size_t i = 0; i < ref->number; i++) {
        if (value >= ref->of.ranges[i].first && value <= ref->of.ranges[i].last) {
            return true;
        }
    }
    return false;
}

static void set_own_range(struct dbc_raw *raw, struct dbc_raw_signal *signal)
{
    struct ct_dbc_range *own = ct_dbc_alloc(raw->keep, sizeof *own);
    if (own != NULL) {
        *own = (struct ct_dbc_range){signal->mux_value, signal->mux_value};
        signal->ranges = own;
        signal->range_count = 1;
    }
}

/* One name in several branches: a statement means the signal whose own m<n> it lists. Only so many are looked at, which
 * no real file reaches. */
#define STATEMENTS_OF_ONE_NAME 64

static void choose_statement(struct dbc_raw *raw, struct dbc_raw_signal *signal)
{
    const struct dbc_ref *chosen = NULL;
    size_t seen = 0;
    for (const struct dbc_ref *ref = signal->leader->selectors.first; ref != NULL && seen < STATEMENTS_OF_ONE_NAME;
         ref = ref->said_next, seen++) {
        chosen = !signal->muxed || holds(ref, signal->mux_value) ? ref : chosen;
    }
    if (chosen != NULL && set_parent(raw, signal, chosen) && signal->muxed && chosen->number > 1) {
        set_own_range(raw, signal);
    }
}

static void apply_statements(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    for (struct dbc_raw_signal *signal = as_signal(message->signals.first); signal != NULL;
         signal = next_signal(signal)) {
        const struct dbc_raw_signal *leader = signal->leader;
        if (leader->members > 1 && leader->selectors.count > 0) {
            choose_statement(raw, signal);
            continue;
        }
        for (const struct dbc_ref *ref = leader->selectors.first; ref != NULL; ref = ref->said_next) {
            (void)set_parent(raw, signal, ref);
        }
    }
}

/* ---- m<n> without it */

static bool is_top_selector(const struct dbc_raw_signal *signal)
{
    return signal->is_selector && !signal->muxed && signal->parent == NULL;
}

static void set_default(struct dbc_raw *raw, struct dbc_raw_signal *signal, struct dbc_raw_signal *selector)
{
    if (selector != NULL) {
        signal->parent = selector;
        set_own_range(raw, signal);
        return;
    }
    ct_dbc_report(raw->report, CT_DBC_CODE_NO_MULTIPLEXER, signal->named.place,
                  "message '%.*s' has no multiplexer for signal '%.*s'; it is decoded always",
                  ct_dbc_shown(signal->message->named.name), signal->message->named.name.p,
                  ct_dbc_shown(signal->named.name), signal->named.name.p);
}

static size_t count_selectors(const struct dbc_raw_message *message)
{
    size_t count = 0;
    for (const struct dbc_raw_signal *signal = as_signal(message->signals.first); signal != NULL;
         signal = next_signal(signal)) {
        count += signal->is_selector ? 1 : 0;
    }
    return count;
}

static void say_choice(struct dbc_raw *raw, const struct dbc_raw_signal *signal)
{
    ct_dbc_report(
        raw->report, CT_DBC_CODE_WHICH_MULTIPLEXER, signal->named.place,
        "message '%.*s' has several multiplexers and signal '%.*s' no SG_MUL_VAL_; it is taken for a branch of "
        "'%.*s'",
        ct_dbc_shown(signal->message->named.name), signal->message->named.name.p, ct_dbc_shown(signal->named.name),
        signal->named.name.p, ct_dbc_shown(signal->parent->named.name), signal->parent->named.name.p);
}

/* A plain m<n> belongs to the message's only top-level M. Where several stand there without SG_MUL_VAL_, to the nearest
 * one above the signal. What else could be meant is said once for the message. */
static void set_defaults(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    struct dbc_raw_signal *first = as_signal(message->signals.first);
    struct dbc_raw_signal *selector = first;
    while (selector != NULL && !is_top_selector(selector)) {
        selector = next_signal(selector);
    }
    size_t selectors = count_selectors(message);
    for (struct dbc_raw_signal *signal = first; signal != NULL; signal = next_signal(signal)) {
        if (is_top_selector(signal)) {
            selector = signal;
        } else if (signal->muxed && signal->parent == NULL) {
            set_default(raw, signal, selector);
            if (signal->parent != NULL && selectors > (signal->is_selector ? 2U : 1U)) {
                say_choice(raw, signal);
                selectors = 0;
            }
        }
    }
}

/* Follows each chain of selectors up to where one has been before: in the same walk, that is a circle. */
static void break_circles(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    uint32_t walk = 0;
    for (struct dbc_raw_signal *start = as_signal(message->signals.first); start != NULL; start = next_signal(start)) {
        walk++;
        struct dbc_raw_signal *signal = start;
        while (signal != NULL && signal->visit == 0) {
            signal->visit = walk;
            signal = signal->parent;
        }
        if (signal != NULL && signal->visit == walk) {
            ct_dbc_report(raw->report, CT_DBC_CODE_MULTIPLEXER_CIRCLE, signal->named.place,
                          "the multiplexers of signal '%.*s' form a circle", ct_dbc_shown(signal->named.name),
                          signal->named.name.p);
            signal->parent = NULL;
        }
    }
}

void ct_dbc_link_selectors(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    apply_statements(raw, message);
    set_defaults(raw, message);
    break_circles(raw, message);
    for (struct dbc_raw_signal *signal = as_signal(message->signals.first); signal != NULL;
         signal = next_signal(signal)) {
        if (signal->parent != NULL) {
            signal->parent->is_selector = true;
        }
    }
}

/* ---- several signals of one name */

struct branch { /* one range of selector values of one signal */
    const struct dbc_raw_signal *parent;
    struct ct_dbc_range range;
    struct dbc_raw_signal *signal;
};

static int compare_branches(const void *a, const void *b)
{
    const struct branch *left = a;
    const struct branch *right = b;
    if (left->parent->index != right->parent->index) {
        return left->parent->index < right->parent->index ? -1 : 1;
    }
    if (left->range.first != right->range.first) {
        return left->range.first < right->range.first ? -1 : 1;
    }
    return left->signal->index < right->signal->index ? -1 : left->signal->index > right->signal->index;
}

/* Of ranges that meet, all but the last signal's give up the name. */
static void mark_meeting(const struct branch *branches, size_t count)
{
    for (size_t first = 0; first < count;) {
        uint64_t end = branches[first].range.last;
        uint16_t last_index = branches[first].signal->index;
        size_t next = first + 1;
        for (; next < count && branches[next].parent == branches[first].parent && branches[next].range.first <= end;
             next++) {
            end = branches[next].range.last > end ? branches[next].range.last : end;
            last_index = branches[next].signal->index > last_index ? branches[next].signal->index : last_index;
        }
        for (; first < next; first++) {
            branches[first].signal->renamed =
                branches[first].signal->renamed || branches[first].signal->index < last_index;
        }
    }
}

/* Signals that are always there, or hang on different selectors, can meet whatever their values. */
static void mark_unrelated(struct dbc_named **run, size_t count)
{
    const struct dbc_raw_signal *parent = as_signal(run[count - 1])->parent;
    bool mixed = parent == NULL;
    for (size_t i = count - 1; i-- > 0;) {
        struct dbc_raw_signal *signal = as_signal(run[i]);
        signal->renamed = mixed || signal->parent != parent;
        mixed = mixed || signal->parent != parent;
    }
}

static bool mark_run(struct dbc_raw *raw, struct dbc_named **run, size_t count)
{
    size_t ranges = 0;
    for (size_t i = 0; i < count; i++) {
        ranges += as_signal(run[i])->parent != NULL ? as_signal(run[i])->range_count : 0;
    }
    struct branch *branches = ct_dbc_alloc_array(raw->temp, ranges, sizeof *branches);
    if (branches == NULL) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct dbc_raw_signal *signal = as_signal(run[i]);
        for (size_t k = 0; signal->parent != NULL && k < signal->range_count; k++) {
            branches[at++] = (struct branch){signal->parent, signal->ranges[k], signal};
        }
    }
    qsort(branches, at, sizeof *branches, compare_branches);
    mark_unrelated(run, count);
    mark_meeting(branches, at);
    return true;
}

static void rename_signal(struct dbc_raw *raw, const struct dbc_raw_signal *signal, struct ct_dbc_signal *model)
{
    const size_t size = strlen(model->name) + 8;
    char *name = ct_dbc_alloc_text(raw->keep, size);
    if (name == NULL) {
        return;
    }
    (void)snprintf(name, size, "%s#%u", model->name, (unsigned)model->start_bit);
    ct_dbc_report(raw->report, CT_DBC_CODE_SAME_SIGNAL, signal->named.place,
                  "message '%.*s' has several signals '%s'; this one is called '%s'",
                  ct_dbc_shown(signal->message->named.name), signal->message->named.name.p, model->name, name);
    model->name = name;
}

/* One name twice in one frame would hide a value: the last signal keeps the name, the others add their start bit. */
void ct_dbc_part_names(struct dbc_raw *raw, struct dbc_raw_message *message, struct ct_dbc_signal *signals)
{
    const struct dbc_index *index = &message->by_name;
    for (size_t first = 0; first < index->count;) {
        size_t next = first + 1;
        while (next < index->count && ct_dbc_same_span(index->items[next]->name, index->items[first]->name)) {
            next++;
        }
        if (next - first > 1 && !mark_run(raw, index->items + first, next - first)) {
            return;
        }
        for (; first < next; first++) {
            const struct dbc_raw_signal *signal = as_signal(index->items[first]);
            if (signal->renamed) {
                rename_signal(raw, signal, &signals[signal->index]);
            }
        }
    }
}
