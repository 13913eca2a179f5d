/* From the parser's records to the immutable model: references are resolved, then each message is finished. */
#include "dbc_raw.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EXTENDED_FLAG 0x80000000U

struct index {
    struct dbc_raw_message **messages;
    struct dbc_raw_signal **signals;
    size_t message_mask;
    size_t signal_mask;
};

static size_t mix(uint64_t value)
{
    value *= 0x9E3779B97F4A7C15U; /* Fibonacci hashing, Knuth 6.4 */
    return (size_t)(value >> 32);
}

static size_t hash_name(uint32_t id, const char *name)
{
    uint64_t hash = 0xCBF29CE484222325U ^ id; /* FNV-1a */
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 0x100000001B3U;
    }
    return mix(hash);
}

static size_t power_of_two(size_t least)
{
    size_t size = 16;
    while (size < least) {
        size *= 2;
    }
    return size;
}

/* Chains keep the order of the file. */
static void index_message(struct index *index, struct dbc_raw_message *message)
{
    struct dbc_raw_message **slot = &index->messages[mix(message->id) & index->message_mask];
    while (*slot != NULL) {
        slot = &(*slot)->hash_next;
    }
    *slot = message;
}

static void index_signal(struct index *index, struct dbc_raw_signal *signal)
{
    struct dbc_raw_signal **slot =
        &index->signals[hash_name(signal->message->id, signal->model.name) & index->signal_mask];
    while (*slot != NULL) {
        slot = &(*slot)->hash_next;
    }
    *slot = signal;
}

static bool make_index(struct dbc_raw *raw, struct index *index)
{
    const size_t message_slots = power_of_two(2 * raw->message_count);
    const size_t signal_slots = power_of_two(2 * raw->signal_count);
    index->messages = ct_dbc_alloc(raw->temp, message_slots * sizeof(void *));
    index->signals = ct_dbc_alloc(raw->temp, signal_slots * sizeof(void *));
    if (index->messages == NULL || index->signals == NULL) {
        return false;
    }
    index->message_mask = message_slots - 1;
    index->signal_mask = signal_slots - 1;
    for (struct dbc_raw_message *message = raw->messages; message != NULL; message = message->next) {
        index_message(index, message);
        for (struct dbc_raw_signal *signal = message->first; signal != NULL; signal = signal->next) {
            index_signal(index, signal);
        }
    }
    return true;
}

static struct dbc_raw_message *same_id(struct dbc_raw_message *message, uint32_t id)
{
    while (message != NULL && message->id != id) {
        message = message->hash_next;
    }
    return message;
}

static struct dbc_raw_message *message_of(const struct index *index, uint32_t id)
{
    return same_id(index->messages[mix(id) & index->message_mask], id);
}

static struct dbc_raw_signal *same_signal(struct dbc_raw_signal *signal, uint32_t id, const char *name)
{
    while (signal != NULL && (signal->message->id != id || strcmp(signal->model.name, name) != 0)) {
        signal = signal->hash_next;
    }
    return signal;
}

static struct dbc_raw_signal *signal_of(const struct index *index, uint32_t id, const char *name)
{
    return same_signal(index->signals[hash_name(id, name) & index->signal_mask], id, name);
}

/* Some editors flag a 29-bit id in one statement and not in another. */
static uint32_t written_id(const struct index *index, uint32_t id)
{
    const bool long_id = (id & ~EXTENDED_FLAG) > 0x7FF;
    return message_of(index, id) == NULL && long_id ? id ^ EXTENDED_FLAG : id;
}

static int compare_entries(const void *a, const void *b)
{
    const struct dbc_entry *left = a;
    const struct dbc_entry *right = b;
    if (left->raw != right->raw) {
        return left->raw < right->raw ? -1 : 1;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

/* Sorted by value; of several texts for one value the last counts. */
static void set_texts(struct dbc_raw *raw, struct ct_dbc_signal *model, const struct dbc_entries *entries)
{
    if (entries->count == 0) {
        return;
    }
    qsort(entries->items, entries->count, sizeof entries->items[0], compare_entries);
    struct ct_dbc_text *texts = ct_dbc_alloc(raw->keep, entries->count * sizeof *texts);
    if (texts == NULL) {
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < entries->count; i++) {
        const struct dbc_entry *entry = &entries->items[i];
        if (i + 1 < entries->count && entries->items[i + 1].raw == entry->raw) {
            continue;
        }
        texts[count++] = (struct ct_dbc_text){entry->raw, entry->text};
    }
    model->texts = texts;
    model->text_count = count;
}

static const struct dbc_entries *entries_of(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    if (ref->text == NULL) {
        return &ref->entries;
    }
    for (const struct dbc_raw_table *table = raw->tables; table != NULL; table = table->next) {
        if (strcmp(table->name, ref->text) == 0) {
            return &table->entries;
        }
    }
    ct_dbc_report(raw->report, CT_DBC_WARNING, ref->place, "no value table '%s'", ref->text);
    return &ref->entries;
}

static void set_float(struct dbc_raw *raw, const struct dbc_ref *ref, struct ct_dbc_signal *model)
{
    if (ref->number == 0) {
        return;
    }
    if (model->length == 64) {
        model->kind = CT_DBC_FLOAT64;
    } else if (model->length == 32 || model->length == 16) {
        model->kind = CT_DBC_FLOAT32;
    } else {
        ct_dbc_report(raw->report, CT_DBC_WARNING, ref->place,
                      "signal '%s' has %u bits and is no IEEE number; it is read as an integer", model->name,
                      (unsigned)model->length);
    }
}

/* One name in two branches: the statement means the signal whose own m<n> it lists. */
static bool range_is_meant(const struct dbc_raw_signal *signal, const struct dbc_ref *ref, bool only)
{
    if (only || !signal->muxed) {
        return true;
    }
    for (size_t i = 0; i < ref->ranges.count; i++) {
        if (signal->mux_value >= ref->ranges.items[i].first && signal->mux_value <= ref->ranges.items[i].last) {
            return true;
        }
    }
    return false;
}

static struct dbc_raw_signal *selector_named(const struct index *index, uint32_t id, const char *name)
{
    struct dbc_raw_signal *signal = signal_of(index, id, name);
    while (signal != NULL && !signal->model.is_selector) {
        struct dbc_raw_signal *next = same_signal(signal->hash_next, id, name);
        if (next == NULL) {
            break;
        }
        signal = next;
    }
    return signal;
}

static void set_ranges(struct dbc_raw *raw, const struct dbc_ref *ref, const struct index *index,
                       struct dbc_raw_signal *signal, bool only)
{
    struct dbc_raw_signal *selector = selector_named(index, signal->message->id, ref->text);
    if (selector == NULL || selector == signal || selector->message != signal->message) {
        ct_dbc_report(raw->report, CT_DBC_WARNING, ref->place, "'%s' is no multiplexer for '%s' in message '%s'",
                      ref->text, signal->model.name, signal->message->model.name);
        return;
    }
    if (!range_is_meant(signal, ref, only)) {
        return;
    }
    signal->parent = selector;
    signal->ranges = ref->ranges;
    if (!only && signal->muxed && ref->ranges.count > 1) {
        struct ct_dbc_range *own = ct_dbc_alloc(raw->keep, sizeof *own);
        if (own != NULL) {
            *own = (struct ct_dbc_range){signal->mux_value, signal->mux_value};
            signal->ranges = (struct dbc_ranges){.items = own, .count = 1};
        }
    }
}

static void set_signal_attribute(const struct dbc_ref *ref, struct dbc_raw_signal *signal)
{
    if (ref->attribute == DBC_ATTR_START) {
        signal->model.has_start_value = true;
        signal->model.start_value = strtod(ref->text, NULL);
    } else if (ref->attribute == DBC_ATTR_LONG_SIGNAL && ref->text[0] != '\0') {
        signal->long_name = ref->text;
    }
}

static void apply_to_signal(struct dbc_raw *raw, const struct dbc_ref *ref, const struct index *index,
                            struct dbc_raw_signal *signal, bool only)
{
    switch (ref->kind) {
    case DBC_REF_COMMENT:
        signal->model.comment = ref->text;
        break;
    case DBC_REF_VALUES:
        set_texts(raw, &signal->model, entries_of(raw, ref));
        break;
    case DBC_REF_FLOAT:
        set_float(raw, ref, &signal->model);
        break;
    case DBC_REF_MUX:
        set_ranges(raw, ref, index, signal, only);
        break;
    case DBC_REF_ATTRIBUTE:
        set_signal_attribute(ref, signal);
        break;
    }
}

static void resolve_signal(struct dbc_raw *raw, const struct index *index, const struct dbc_ref *ref)
{
    const uint32_t id = written_id(index, ref->id);
    struct dbc_raw_signal *signal = signal_of(index, id, ref->name);
    if (signal == NULL) {
        ct_dbc_report(raw->report, CT_DBC_WARNING, ref->place, "no signal '%s' in message %" PRIu32, ref->name,
                      ref->id);
        return;
    }
    const bool only = same_signal(signal->hash_next, id, ref->name) == NULL;
    for (; signal != NULL; signal = same_signal(signal->hash_next, id, ref->name)) {
        apply_to_signal(raw, ref, index, signal, only);
    }
}

static void set_message_attribute(const struct dbc_ref *ref, struct dbc_raw_message *message)
{
    switch (ref->attribute) {
    case DBC_ATTR_FRAME_FORMAT:
        message->frame_format = ref->text;
        break;
    case DBC_ATTR_CYCLE:
        message->model.cycle_ms = strtod(ref->text, NULL);
        break;
    case DBC_ATTR_BRS:
        message->brs = ref->text;
        break;
    case DBC_ATTR_LONG_MESSAGE:
        message->long_name = ref->text[0] != '\0' ? ref->text : NULL;
        break;
    case DBC_ATTR_START:
    case DBC_ATTR_PROTOCOL:
    case DBC_ATTR_BUS:
    case DBC_ATTR_LONG_SIGNAL:
    case DBC_ATTR_LONG_NODE:
    case DBC_ATTR_NONE:
        break;
    }
}

static void resolve_message(struct dbc_raw *raw, const struct index *index, const struct dbc_ref *ref)
{
    const uint32_t id = written_id(index, ref->id);
    struct dbc_raw_message *message = message_of(index, id);
    if (message == NULL) {
        ct_dbc_report(raw->report, CT_DBC_WARNING, ref->place, "no message %" PRIu32, ref->id);
    }
    for (; message != NULL; message = same_id(message->hash_next, id)) {
        if (ref->kind == DBC_REF_COMMENT) {
            message->model.comment = ref->text;
        } else if (ref->kind == DBC_REF_ATTRIBUTE) {
            set_message_attribute(ref, message);
        }
    }
}

/* The network's own value of an attribute stands where messages have none. */
static void resolve_network(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    if (ref->kind == DBC_REF_ATTRIBUTE) {
        raw->attributes[ref->attribute].preset = ref->text;
    }
}

static void resolve_node(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    if (ref->kind != DBC_REF_ATTRIBUTE || ref->attribute != DBC_ATTR_LONG_NODE || ref->text[0] == '\0') {
        return;
    }
    for (struct dbc_raw_node *node = raw->nodes; node != NULL; node = node->next) {
        if (strcmp(node->name, ref->name) == 0) {
            node->name = ref->text;
            return;
        }
    }
}

static void resolve_refs(struct dbc_raw *raw, const struct index *index)
{
    for (const struct dbc_ref *ref = raw->refs; ref != NULL; ref = ref->next) {
        switch (ref->object) {
        case DBC_SIGNAL:
            resolve_signal(raw, index, ref);
            break;
        case DBC_MESSAGE:
            resolve_message(raw, index, ref);
            break;
        case DBC_NETWORK:
            resolve_network(raw, ref);
            break;
        case DBC_NODE:
            resolve_node(raw, ref);
            break;
        case DBC_OTHER:
            break;
        }
    }
}

static void warn_same_id(struct dbc_raw *raw, const struct index *index)
{
    for (const struct dbc_raw_message *message = raw->messages; message != NULL; message = message->next) {
        const struct dbc_raw_message *first = message_of(index, message->id);
        if (first != message && !message->hidden) {
            ct_dbc_report(raw->report, CT_DBC_WARNING, message->place,
                          "message '%s' has the id of '%s'; frames are decoded as the last of them",
                          message->model.name, first->model.name);
        }
    }
}

/* canboat's NMEA 2000 file has no attribute that says so, only ids that all end in the null address (SAE J1939-81:
 * nobody sends from 0xFE): such a file means parameter groups. */
static bool all_null_sources(const struct dbc_raw *raw)
{
    bool any = false;
    for (const struct dbc_raw_message *message = raw->messages; message != NULL; message = message->next) {
        if (!message->model.extended || message->hidden) {
            continue;
        }
        if ((message->model.id & 0xFF) != 0xFE) {
            return false;
        }
        any = true;
    }
    return any;
}

static bool make_nodes(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    size_t count = 0;
    for (const struct dbc_raw_node *node = raw->nodes; node != NULL; node = node->next) {
        count++;
    }
    struct ct_dbc_node *nodes = ct_dbc_alloc(raw->keep, (count + 1) * sizeof *nodes);
    if (nodes == NULL) {
        return false;
    }
    size_t i = 0;
    for (const struct dbc_raw_node *node = raw->nodes; node != NULL; node = node->next) {
        nodes[i++].name = node->name;
    }
    dbc->nodes = nodes;
    dbc->node_count = count;
    return true;
}

int ct_dbc_build(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    struct index index;
    if (!make_index(raw, &index)) {
        return CT_ERR_NO_MEMORY;
    }
    resolve_refs(raw, &index);
    warn_same_id(raw, &index);
    raw->all_null_sources = all_null_sources(raw);
    struct ct_dbc_message *messages = ct_dbc_alloc(raw->keep, (raw->message_count + 1) * sizeof *messages);
    if (messages == NULL || !make_nodes(raw, dbc)) {
        return CT_ERR_NO_MEMORY;
    }
    for (struct dbc_raw_message *message = raw->messages; message != NULL; message = message->next) {
        if (message->hidden) {
            continue;
        }
        if (!ct_dbc_finish_message(raw, message, &messages[dbc->message_count])) {
            return CT_ERR_NO_MEMORY;
        }
        dbc->message_count++;
    }
    dbc->messages = messages;
    dbc->version = raw->version != NULL ? raw->version : "";
    return raw->keep->failed || raw->temp->failed ? CT_ERR_NO_MEMORY : CT_OK;
}
