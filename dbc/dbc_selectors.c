/* Who is whose selector, and which signals of one name can be in one frame together. */
#include "dbc_raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_top_selector(const struct dbc_raw_signal *signal)
{
    return signal->model.is_selector && !signal->muxed && signal->parent == NULL;
}

static void set_default(struct dbc_raw *raw, struct dbc_raw_signal *signal, struct dbc_raw_signal *selector)
{
    if (selector == NULL) {
        ct_dbc_report(raw->report, CT_DBC_WARNING, signal->place,
                      "message '%s' has no multiplexer for signal '%s'; it is decoded always",
                      signal->message->model.name, signal->model.name);
        return;
    }
    struct ct_dbc_range *range = ct_dbc_alloc(raw->keep, sizeof *range);
    if (range != NULL) {
        *range = (struct ct_dbc_range){signal->mux_value, signal->mux_value};
        signal->ranges = (struct dbc_ranges){.items = range, .count = 1};
        signal->parent = selector;
    }
}

/* A plain m<n> belongs to the message's only top-level M. Where several stand there without SG_MUL_VAL_, to the nearest
 * one above the signal. */
static void set_defaults(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    struct dbc_raw_signal *selector = message->first;
    while (selector != NULL && !is_top_selector(selector)) {
        selector = selector->next;
    }
    for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        if (is_top_selector(signal)) {
            selector = signal;
        } else if (signal->muxed && signal->parent == NULL) {
            set_default(raw, signal, selector);
        }
    }
}

/* A chain of selectors longer than the message has signals runs in a circle. */
static bool in_circle(const struct dbc_raw_message *message, const struct dbc_raw_signal *signal)
{
    size_t steps = 0;
    for (const struct dbc_raw_signal *s = signal->parent; s != NULL; s = s->parent) {
        if (s == signal || ++steps > message->model.signal_count) {
            return true;
        }
    }
    return false;
}

void ct_dbc_link_selectors(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    set_defaults(raw, message);
    for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        if (in_circle(message, signal)) {
            ct_dbc_report(raw->report, CT_DBC_ERROR, signal->place, "the multiplexers of signal '%s' form a circle",
                          signal->model.name);
            signal->parent = NULL;
        }
    }
    for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        struct ct_dbc_signal *model = &signal->model;
        model->selector = signal->parent != NULL ? signal->parent->index : -1;
        if (signal->parent != NULL) {
            signal->parent->model.is_selector = true;
            model->ranges = signal->ranges.items;
            model->range_count = signal->ranges.count;
        }
    }
}

static bool ranges_meet(const struct dbc_ranges *a, const struct dbc_ranges *b)
{
    for (size_t i = 0; i < a->count; i++) {
        for (size_t k = 0; k < b->count; k++) {
            if (a->items[i].first <= b->items[k].last && b->items[k].first <= a->items[i].last) {
                return true;
            }
        }
    }
    return false;
}

static bool in_one_frame(const struct dbc_raw_signal *a, const struct dbc_raw_signal *b)
{
    return a->parent == NULL || a->parent != b->parent || ranges_meet(&a->ranges, &b->ranges);
}

static int compare_names(const void *a, const void *b)
{
    const struct dbc_raw_signal *left = *(struct dbc_raw_signal *const *)a;
    const struct dbc_raw_signal *right = *(struct dbc_raw_signal *const *)b;
    const int order = strcmp(left->model.name, right->model.name);
    return order != 0 ? order : left->index < right->index ? -1 : left->index > right->index;
}

static void rename_signal(struct dbc_raw *raw, struct dbc_raw_signal *signal)
{
    const size_t size = strlen(signal->model.name) + 8;
    char *name = ct_dbc_alloc(raw->keep, size);
    if (name == NULL) {
        return;
    }
    (void)snprintf(name, size, "%s#%u", signal->model.name, (unsigned)signal->model.start_bit);
    ct_dbc_report(raw->report, CT_DBC_WARNING, signal->place,
                  "message '%s' has several signals '%s'; this one is called '%s'", signal->message->model.name,
                  signal->model.name, name);
    signal->model.name = name;
}

/* One name twice in one frame would hide a value: the last signal keeps the name, the others add their start bit. */
void ct_dbc_part_names(struct dbc_raw *raw, struct dbc_raw_message *message)
{
    const size_t count = message->model.signal_count;
    struct dbc_raw_signal **sorted = ct_dbc_alloc(raw->temp, (count + 1) * sizeof(void *));
    if (sorted == NULL) {
        return;
    }
    for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
        sorted[signal->index] = signal;
    }
    qsort(sorted, count, sizeof(void *), compare_names);
    for (size_t i = 0; i < count; i++) {
        const char *name = sorted[i]->model.name;
        for (size_t k = i + 1; k < count && strcmp(sorted[k]->model.name, name) == 0; k++) {
            if (in_one_frame(sorted[i], sorted[k])) {
                rename_signal(raw, sorted[i]);
                break;
            }
        }
    }
}
