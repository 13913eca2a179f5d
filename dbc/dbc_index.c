/* Sorted arrays of names: found in logarithmic time, whatever the names are. */
#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

void ct_dbc_append(struct dbc_list *list, struct dbc_named *named)
{
    named->order = list->count++;
    named->next = NULL;
    if (list->last == NULL) {
        list->first = named;
    } else {
        list->last->next = named;
    }
    list->last = named;
}

void ct_dbc_chain(struct dbc_chain *chain, struct dbc_ref *ref)
{
    ref->said_next = NULL;
    if (chain->last == NULL) {
        chain->first = ref;
    } else {
        chain->last->said_next = ref;
    }
    chain->last = ref;
    chain->count++;
}

/* Any total order will do; the shorter name first is the cheapest. */
static int compare_spans(struct dbc_span a, struct dbc_span b)
{
    if (a.len != b.len) {
        return a.len < b.len ? -1 : 1;
    }
    return a.len == 0 ? 0 : memcmp(a.p, b.p, a.len);
}

static int compare_named(const void *a, const void *b)
{
    const struct dbc_named *left = *(struct dbc_named *const *)a;
    const struct dbc_named *right = *(struct dbc_named *const *)b;
    const int order = compare_spans(left->name, right->name);
    if (order != 0) {
        return order;
    }
    return left->place < right->place ? -1 : left->place > right->place;
}

/* Most messages hold few signals, for which insertion is the quickest. */
void ct_dbc_sort_named(struct dbc_named **items, size_t count)
{
    if (count > 16) {
        qsort(items, count, sizeof(void *), compare_named);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        struct dbc_named *item = items[i];
        size_t at = i;
        for (; at > 0 && compare_named(&items[at - 1], &item) > 0; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

bool ct_dbc_make_index(struct dbc_arena *arena, const struct dbc_list *list, struct dbc_index *out_index)
{
    struct dbc_named **items = ct_dbc_alloc_array(arena, list->count, sizeof(void *));
    if (items == NULL) {
        return false;
    }
    size_t count = 0;
    for (struct dbc_named *named = list->first; named != NULL; named = named->next) {
        items[count++] = named;
    }
    ct_dbc_sort_named(items, count);
    *out_index = (struct dbc_index){items, count};
    return true;
}

struct dbc_named *ct_dbc_find_named(const struct dbc_index *index, struct dbc_span name)
{
    size_t low = 0;
    size_t high = index->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_spans(index->items[middle]->name, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const bool found = low < index->count && ct_dbc_same_span(index->items[low]->name, name);
    return found ? index->items[low] : NULL;
}
