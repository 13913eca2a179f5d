/* Everything sorted by name and id, and each reference handed to its object. */
#include "dbc_raw.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- messages by id, their signals by name */

static int compare_messages(const void *a, const void *b)
{
    const struct dbc_raw_message *left = *(struct dbc_raw_message *const *)a;
    const struct dbc_raw_message *right = *(struct dbc_raw_message *const *)b;
    if (left->id != right->id) {
        return left->id < right->id ? -1 : 1;
    }
    return left->named.order < right->named.order ? -1 : left->named.order > right->named.order;
}

/* Runs of one name: the first of a run leads it. */
static void lead_runs(const struct dbc_index *index)
{
    struct dbc_raw_signal *leader = NULL;
    for (size_t i = 0; i < index->count; i++) {
        struct dbc_raw_signal *signal = (struct dbc_raw_signal *)(void *)index->items[i];
        if (leader == NULL || !ct_dbc_same_span(leader->named.name, signal->named.name)) {
            leader = signal;
        }
        signal->leader = leader;
        leader->members++;
    }
}

/* The first selector of a run is found from the run's first. */
static void note_selectors(const struct dbc_index *index)
{
    struct dbc_raw_signal *first = NULL;
    for (size_t i = 0; i < index->count; i++) {
        struct dbc_raw_signal *signal = (struct dbc_raw_signal *)(void *)index->items[i];
        if (first == NULL || !ct_dbc_same_span(first->named.name, signal->named.name)) {
            first = signal;
        }
        if (signal->is_selector && first->selector == NULL) {
            first->selector = signal;
        }
    }
}

/* The signals of `count` messages of one id together. */
static bool index_together(struct dbc_raw *raw, struct dbc_raw_message **messages, size_t count)
{
    struct dbc_raw_message *leader = messages[0];
    size_t signals = 0;
    for (size_t i = 0; i < count; i++) {
        signals += messages[i]->signals.count;
    }
    struct dbc_named **items = ct_dbc_alloc_array(raw->temp, signals, sizeof(void *));
    if (items == NULL) {
        return false;
    }
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        for (struct dbc_named *named = messages[i]->signals.first; named != NULL; named = named->next) {
            items[at++] = named;
        }
    }
    ct_dbc_sort_named(items, at);
    leader->all_by_name = (struct dbc_index){items, at};
    return true;
}

static bool index_group(struct dbc_raw *raw, struct dbc_raw_message **messages, size_t count)
{
    struct dbc_raw_message *leader = messages[0];
    for (size_t i = 0; i < count; i++) {
        messages[i]->leader = leader;
        if (!ct_dbc_make_index(raw->temp, &messages[i]->signals, &messages[i]->by_name)) {
            return false;
        }
        note_selectors(&messages[i]->by_name);
    }
    leader->all_by_name = leader->by_name;
    if (count > 1 && !index_together(raw, messages, count)) {
        return false;
    }
    lead_runs(&leader->all_by_name);
    return true;
}

static bool index_messages(struct dbc_raw *raw)
{
    const size_t count = raw->messages.count;
    raw->by_id = ct_dbc_alloc_array(raw->temp, count, sizeof(void *));
    if (raw->by_id == NULL) {
        return false;
    }
    size_t at = 0;
    for (struct dbc_named *named = raw->messages.first; named != NULL; named = named->next) {
        raw->by_id[at++] = (struct dbc_raw_message *)(void *)named;
    }
    qsort(raw->by_id, count, sizeof(void *), compare_messages);
    for (size_t first = 0; first < count;) {
        size_t last = first + 1;
        while (last < count && raw->by_id[last]->id == raw->by_id[first]->id) {
            last++;
        }
        if (!index_group(raw, raw->by_id + first, last - first)) {
            return false;
        }
        first = last;
    }
    return true;
}

static struct dbc_raw_message *find_id(const struct dbc_raw *raw, uint32_t id)
{
    size_t low = 0;
    size_t high = raw->messages.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (raw->by_id[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < raw->messages.count && raw->by_id[low]->id == id ? raw->by_id[low] : NULL;
}

/* Some editors flag a 29-bit id in one statement and not in another. */
struct dbc_raw_message *ct_dbc_message_by_id(struct dbc_raw *raw, uint32_t id)
{
    if (raw->last_message != NULL && raw->last_message->id == id) {
        return raw->last_message;
    }
    struct dbc_raw_message *message = find_id(raw, id);
    if (message == NULL && (id & ~DBC_EXTENDED_FLAG) > 0x7FF) {
        message = find_id(raw, id ^ DBC_EXTENDED_FLAG);
    }
    raw->last_message = message;
    return message;
}

/* ---- references */

static void say(struct dbc_said *said, struct dbc_ref *ref)
{
    if (ref->kind == DBC_REF_COMMENT) {
        said->comment = ref;
    } else if (ref->kind == DBC_REF_VALUES) {
        said->values = ref;
    } else if (ref->kind == DBC_REF_ATTRIBUTE) {
        ct_dbc_chain(&said->attributes, ref);
    }
}

static struct dbc_raw_message *message_meant(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    struct dbc_raw_message *message = ct_dbc_message_by_id(raw, ref->id);
    if (message == NULL) {
        ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_MESSAGE, ref->place, "no message %" PRIu32, ref->id);
    }
    return message;
}

static void resolve_message(struct dbc_raw *raw, struct dbc_ref *ref)
{
    struct dbc_raw_message *message = message_meant(raw, ref);
    if (message == NULL) {
        return;
    }
    if (ref->kind == DBC_REF_SENDERS) {
        ct_dbc_chain(&message->senders, ref);
    } else if (ref->kind == DBC_REF_GROUP) {
        ct_dbc_chain(&message->groups, ref);
    } else {
        say(&message->said, ref);
    }
}

static struct dbc_raw_signal *signal_meant(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    const struct dbc_raw_message *message = ct_dbc_message_by_id(raw, ref->id);
    struct dbc_named *named = message != NULL ? ct_dbc_find_named(&message->all_by_name, ref->name) : NULL;
    if (named == NULL) {
        ct_dbc_report(raw->report, message != NULL ? CT_DBC_CODE_UNKNOWN_SIGNAL : CT_DBC_CODE_UNKNOWN_MESSAGE,
                      ref->place, "no signal '%.*s' in message %" PRIu32, ct_dbc_shown(ref->name), ref->name.p,
                      ref->id);
    }
    return (struct dbc_raw_signal *)(void *)named;
}

static void resolve_signal(struct dbc_raw *raw, struct dbc_ref *ref)
{
    struct dbc_raw_signal *signal = signal_meant(raw, ref);
    if (signal == NULL) {
        return;
    }
    if (ref->kind == DBC_REF_MUX) {
        ct_dbc_chain(&signal->selectors, ref);
    } else if (ref->kind == DBC_REF_FLOAT) {
        signal->value_type = ref;
    } else if (ref->kind == DBC_REF_TYPE) {
        signal->type = ref;
    } else {
        say(&signal->said, ref);
    }
}

static struct dbc_named *named_meant(struct dbc_raw *raw, const struct dbc_index *index, const struct dbc_ref *ref,
                                     struct dbc_span name)
{
    struct dbc_named *named = ct_dbc_find_named(index, name);
    if (named == NULL) {
        const bool node = index == &raw->nodes_by_name;
        ct_dbc_report(raw->report, node ? CT_DBC_CODE_UNKNOWN_NODE : CT_DBC_CODE_UNKNOWN_ENVIRONMENT, ref->place,
                      node ? "no node '%.*s'" : "no environment variable '%.*s'", ct_dbc_shown(name), name.p);
    }
    return named;
}

static void resolve_node(struct dbc_raw *raw, struct dbc_ref *ref)
{
    struct dbc_named *named = named_meant(raw, &raw->nodes_by_name, ref, ref->name);
    if (named != NULL) {
        say(&((struct dbc_raw_node *)(void *)named)->said, ref);
    }
}

static void resolve_environment(struct dbc_raw *raw, struct dbc_ref *ref)
{
    struct dbc_named *named = named_meant(raw, &raw->environment_by_name, ref, ref->name);
    if (named == NULL) {
        return;
    }
    struct dbc_raw_environment *environment = (struct dbc_raw_environment *)(void *)named;
    if (ref->kind == DBC_REF_DATA) {
        environment->data = ref;
    } else {
        say(&environment->said, ref);
    }
}

/* Of the network, or of a signal type. */
static void resolve_network(struct dbc_raw *raw, struct dbc_ref *ref)
{
    if (ref->kind == DBC_REF_COMMENT) {
        ct_dbc_chain(&raw->comments, ref);
        return;
    }
    if (ref->kind == DBC_REF_ATTRIBUTE) {
        say(&raw->said, ref);
        return;
    }
    struct dbc_raw_type *type = (struct dbc_raw_type *)(void *)ct_dbc_find_named(&raw->types_by_name, ref->name);
    if (type == NULL) {
        ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_TYPE, ref->place, "no signal type '%.*s'",
                      ct_dbc_shown(ref->name), ref->name.p);
    } else if (ref->kind == DBC_REF_VALUES) {
        type->values = ref;
    } else {
        type->value_type = ref;
    }
}

static void resolve_relation(struct dbc_raw *raw, struct dbc_ref *ref)
{
    bool known = named_meant(raw, &raw->nodes_by_name, ref, ct_dbc_relation_node(ref)) != NULL;
    if (ref->scope == CT_DBC_SCOPE_NODE_SIGNAL) {
        known = signal_meant(raw, ref) != NULL && known;
    } else if (ref->scope == CT_DBC_SCOPE_NODE_MESSAGE) {
        known = message_meant(raw, ref) != NULL && known;
    } else {
        known = named_meant(raw, &raw->environment_by_name, ref, ref->name) != NULL && known;
    }
    if (known) {
        ct_dbc_chain(&raw->relations, ref);
    }
}

static void resolve(struct dbc_raw *raw, struct dbc_ref *ref)
{
    switch ((enum ct_dbc_scope)ref->scope) {
    case CT_DBC_SCOPE_NETWORK:
        resolve_network(raw, ref);
        break;
    case CT_DBC_SCOPE_NODE:
        resolve_node(raw, ref);
        break;
    case CT_DBC_SCOPE_MESSAGE:
        resolve_message(raw, ref);
        break;
    case CT_DBC_SCOPE_SIGNAL:
        resolve_signal(raw, ref);
        break;
    case CT_DBC_SCOPE_ENVIRONMENT:
        resolve_environment(raw, ref);
        break;
    case CT_DBC_SCOPE_NODE_ENVIRONMENT:
    case CT_DBC_SCOPE_NODE_MESSAGE:
    case CT_DBC_SCOPE_NODE_SIGNAL:
        resolve_relation(raw, ref);
        break;
    }
}

bool ct_dbc_resolve(struct dbc_raw *raw)
{
    if (!ct_dbc_make_index(raw->temp, &raw->nodes, &raw->nodes_by_name) ||
        !ct_dbc_make_index(raw->temp, &raw->tables, &raw->tables_by_name) ||
        !ct_dbc_make_index(raw->temp, &raw->types, &raw->types_by_name) ||
        !ct_dbc_make_index(raw->temp, &raw->environment, &raw->environment_by_name) || !index_messages(raw)) {
        return false;
    }
    for (struct dbc_ref *ref = raw->refs; ref != NULL; ref = ref->next) {
        if (ref->kind != DBC_REF_DEFAULT) {
            resolve(raw, ref);
        }
    }
    return true;
}
