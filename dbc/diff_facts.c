#include "diff_facts.h"

#include "write_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX ((size_t)4 * 1024 * 1024 * 1024)

static const char *const scopes[] = {
    [CT_DBC_SCOPE_NETWORK] = "network",
    [CT_DBC_SCOPE_NODE] = "node",
    [CT_DBC_SCOPE_MESSAGE] = "message",
    [CT_DBC_SCOPE_SIGNAL] = "signal",
    [CT_DBC_SCOPE_ENVIRONMENT] = "environment variable",
    [CT_DBC_SCOPE_NODE_ENVIRONMENT] = "node and environment variable",
    [CT_DBC_SCOPE_NODE_MESSAGE] = "node and message",
    [CT_DBC_SCOPE_NODE_SIGNAL] = "node and signal",
};

/* What these say is compared as the name, the rate, the time and the value that they give. */
static bool is_compared_elsewhere(const char *attribute)
{
    static const char *const names[] = {"SystemNodeLongSymbol",
                                        "SystemMessageLongSymbol",
                                        "SystemSignalLongSymbol",
                                        "SystemEnvVarLongSymbol",
                                        "Baudrate",
                                        "GenMsgCycleTime",
                                        "GenSigStartValue"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(attribute, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* ---- building */

/* Room for one item more, zeroed memory behind `count`; false when out of memory. */
static bool grow(struct dbc_facts *facts, void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return true;
    }
    const size_t grown = *capacity == 0 ? 256 : *capacity * 2;
    void *moved = realloc(*items, grown * size);
    if (moved == NULL) {
        facts->no_memory = true;
        return false;
    }
    *items = moved;
    *capacity = grown;
    return true;
}

/* A text in the pool; what is appended behind it belongs to it until the next begins. */
static size_t begin_text(struct dbc_facts *facts, const char *text)
{
    const size_t at = facts->texts.len;
    ct_buf_text(&facts->texts, text);
    return at;
}

static void end_text(struct dbc_facts *facts)
{
    ct_buf_append(&facts->texts, "", 1);
}

/* Starts an object; `whole`: the key of the one it is a part of, NULL: none. False when out of memory. */
static bool add_object(struct dbc_facts *facts, const char *whole, const char *key, const char *label)
{
    void *items = facts->objects;
    if (!grow(facts, &items, facts->object_count, &facts->object_capacity, sizeof *facts->objects)) {
        return false;
    }
    facts->objects = items;
    struct dbc_object object = {.order = facts->object_count, .first = facts->count, .key = facts->texts.len};
    if (whole != NULL) {
        static const char part = DBC_KEY_PART;
        ct_buf_text(&facts->texts, whole);
        ct_buf_append(&facts->texts, &part, 1);
    }
    ct_buf_text(&facts->texts, key);
    end_text(facts);
    object.label = begin_text(facts, label);
    end_text(facts);
    facts->objects[facts->object_count++] = object;
    return true;
}

static void begin_fact(struct dbc_facts *facts, const char *kind, const char *name)
{
    void *items = facts->items;
    if (!grow(facts, &items, facts->count, &facts->capacity, sizeof *facts->items)) {
        return;
    }
    facts->items = items;
    struct dbc_fact *fact = &facts->items[facts->count++];
    fact->field = begin_text(facts, kind);
    if (name[0] != '\0') {
        ct_buf_printf(&facts->texts, " %s", name);
    }
    end_text(facts);
    fact->value = facts->texts.len;
    facts->objects[facts->object_count - 1].fact_count++;
}

static void add_text(struct dbc_facts *facts, const char *field, const char *value)
{
    begin_fact(facts, field, "");
    ct_buf_text(&facts->texts, value);
    end_text(facts);
}

static void add_number(struct dbc_facts *facts, const char *field, double value)
{
    begin_fact(facts, field, "");
    ct_dbc_put_number(&facts->texts, value);
    end_text(facts);
}

static void add_flag(struct dbc_facts *facts, const char *field, bool value)
{
    add_text(facts, field, value ? "yes" : "no");
}

static void add_comment(struct dbc_facts *facts, const struct ct_dbc_diff_options *options, const char *comment)
{
    if (options->comments && comment != NULL) {
        add_text(facts, "comment", comment);
    }
}

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Names in an order of their own, so that theirs does not count; each once. */
static void add_names(struct dbc_facts *facts, const char *field, const char *const *names, size_t count)
{
    const char **sorted = malloc((count + 1) * sizeof *sorted);
    if (sorted == NULL) {
        facts->no_memory = true;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = names[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_strings);
    begin_fact(facts, field, "");
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || strcmp(sorted[i], sorted[i - 1]) != 0) {
            ct_buf_printf(&facts->texts, "%s%s", i > 0 ? ", " : "", sorted[i]);
        }
    }
    end_text(facts);
    free(sorted);
}

static void add_texts(struct dbc_facts *facts, const struct ct_dbc_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char raw[24];
        (void)snprintf(raw, sizeof raw, "%" PRId64, texts[i].raw);
        begin_fact(facts, "text", raw);
        ct_buf_text(&facts->texts, texts[i].text);
        end_text(facts);
    }
}

static void put_value(struct dbc_facts *facts, const struct ct_dbc_attribute_def *def, const struct ct_dbc_value *value)
{
    if (def->type == CT_DBC_STRING || def->type == CT_DBC_ENUM) {
        ct_buf_text(&facts->texts, value->text);
    } else {
        ct_dbc_put_number(&facts->texts, value->number);
    }
    end_text(facts);
}

static void add_attributes(struct dbc_facts *facts, const struct ct_dbc_attributes *attributes)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct ct_dbc_attribute *attribute = &attributes->items[i];
        if (!is_compared_elsewhere(attribute->def->name)) {
            begin_fact(facts, "attribute", attribute->def->name);
            put_value(facts, attribute->def, &attribute->value);
        }
    }
}

/* Key and label of an object with a name: `rank` sorts the kinds. */
static bool add_named(struct dbc_facts *facts, char rank, const char *kind, const char *name)
{
    struct ct_buf text;
    ct_buf_init(&text, TEXTS_MAX);
    ct_buf_printf(&text, "%c%s %s", rank, kind, name);
    facts->no_memory = facts->no_memory || ct_buf_error(&text) != CT_OK;
    const bool added = add_object(facts, NULL, ct_buf_string(&text), ct_buf_string(&text) + (text.len > 0 ? 1 : 0));
    ct_buf_free(&text);
    return added;
}

/* ---- the objects */

static void add_database(struct dbc_facts *facts, const struct ct_dbc *dbc, const struct ct_dbc_diff_options *options)
{
    if (!add_object(facts, NULL, "0", "database")) {
        return;
    }
    add_text(facts, "version", dbc->version);
    add_number(facts, "baudrate", dbc->baudrate);
    add_comment(facts, options, dbc->comment);
    add_attributes(facts, &dbc->attributes);
}

static void add_definition(struct dbc_facts *facts, const struct ct_dbc_attribute_def *def)
{
    static const char *const types[] = {[CT_DBC_INT] = "INT",
                                        [CT_DBC_HEX] = "HEX",
                                        [CT_DBC_FLOAT] = "FLOAT",
                                        [CT_DBC_STRING] = "STRING",
                                        [CT_DBC_ENUM] = "ENUM"};
    if (is_compared_elsewhere(def->name) || !add_named(facts, '1', "attribute definition", def->name)) {
        return;
    }
    add_text(facts, "scope", scopes[def->scope]);
    add_text(facts, "type", types[def->type]);
    if (def->type != CT_DBC_STRING && def->type != CT_DBC_ENUM) {
        add_number(facts, "minimum", def->min);
        add_number(facts, "maximum", def->max);
    }
    begin_fact(facts, "texts", "");
    for (size_t i = 0; def->type == CT_DBC_ENUM && i < def->text_count; i++) {
        ct_buf_printf(&facts->texts, "%s%s", i > 0 ? ", " : "", def->texts[i]);
    }
    end_text(facts);
    if (def->has_default) {
        begin_fact(facts, "default", "");
        put_value(facts, def, &def->preset);
    }
}

static void add_selection(struct dbc_facts *facts, const struct ct_dbc_message *message,
                          const struct ct_dbc_signal *signal)
{
    add_flag(facts, "multiplexer", signal->is_selector);
    if (signal->selector < 0) {
        return;
    }
    add_text(facts, "selector", message->signals[signal->selector].name);
    begin_fact(facts, "selector values", "");
    for (size_t i = 0; i < signal->range_count; i++) {
        ct_buf_printf(&facts->texts, "%s%" PRIu64 "-%" PRIu64, i > 0 ? ", " : "", signal->ranges[i].first,
                      signal->ranges[i].last);
    }
    end_text(facts);
}

static void add_signal_fields(struct dbc_facts *facts, const struct ct_dbc_signal *signal)
{
    static const char *const kinds[] = {
        [CT_DBC_INTEGER] = "integer", [CT_DBC_FLOAT32] = "float", [CT_DBC_FLOAT64] = "double", [CT_DBC_BLOB] = "bytes"};
    add_number(facts, "start bit", signal->start_bit);
    add_number(facts, "length", signal->length);
    add_text(facts, "byte order", signal->big_endian ? "Motorola" : "Intel");
    add_flag(facts, "signed", signal->is_signed);
    add_text(facts, "kind", kinds[signal->kind]);
    add_number(facts, "factor", signal->factor);
    add_number(facts, "offset", signal->offset);
    add_number(facts, "minimum", signal->min);
    add_number(facts, "maximum", signal->max);
    add_text(facts, "unit", signal->unit);
    if (signal->has_start_value) {
        add_number(facts, "start value", signal->start_value);
    }
    add_names(facts, "receivers", signal->receivers, signal->receiver_count);
    add_texts(facts, signal->texts, signal->text_count);
    add_attributes(facts, &signal->attributes);
}

static void add_groups(struct dbc_facts *facts, const struct ct_dbc_message *message)
{
    for (size_t i = 0; i < message->group_count; i++) {
        const struct ct_dbc_group *group = &message->groups[i];
        begin_fact(facts, "group", group->name);
        ct_buf_printf(&facts->texts, "%" PRIu32 " times", group->repetitions);
        for (size_t k = 0; k < group->signal_count; k++) {
            ct_buf_printf(&facts->texts, ", %s", message->signals[group->signals[k]].name);
        }
        end_text(facts);
    }
}

static void add_message_fields(struct dbc_facts *facts, const struct ct_dbc_message *message)
{
    add_text(facts, "name", message->name);
    add_number(facts, "length", message->length);
    add_flag(facts, "CAN FD", message->fd);
    add_flag(facts, "bit rate switch", message->brs);
    add_flag(facts, "J1939", message->j1939);
    add_text(facts, "sender", message->sender);
    add_names(facts, "further senders", message->more_senders, message->more_sender_count);
    add_number(facts, "cycle time", message->cycle_ms);
    add_groups(facts, message);
    add_attributes(facts, &message->attributes);
}

static void add_message(struct dbc_facts *facts, const struct ct_dbc_message *message, bool pseudo,
                        const struct ct_dbc_diff_options *options)
{
    struct ct_buf label;
    struct ct_buf part;
    char key[24];
    ct_buf_init(&label, TEXTS_MAX);
    ct_buf_init(&part, TEXTS_MAX);
    const char *kind = pseudo ? "pseudo message" : "message";
    (void)snprintf(key, sizeof key, "%c%d%08" PRIX32, pseudo ? '5' : '4', message->extended ? 1 : 0,
                   pseudo ? message->written_id : message->id);
    ct_buf_printf(&label, message->extended ? "%s 0x%08" PRIX32 " %s" : "%s 0x%03" PRIX32 " %s", kind, message->id,
                  message->name);
    const bool added = add_object(facts, NULL, key, ct_buf_string(&label));
    if (added) {
        add_message_fields(facts, message);
        add_comment(facts, options, message->comment);
    }
    for (size_t i = 0; added && i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        ct_buf_clear(&part);
        ct_buf_printf(&part, "%s signal %s", ct_buf_string(&label), signal->name);
        facts->no_memory = facts->no_memory || ct_buf_error(&part) != CT_OK;
        if (add_object(facts, key, signal->name, ct_buf_string(&part))) {
            add_signal_fields(facts, signal);
            add_selection(facts, message, signal);
            add_comment(facts, options, signal->comment);
        }
    }
    facts->no_memory = facts->no_memory || ct_buf_error(&label) != CT_OK;
    ct_buf_free(&label);
    ct_buf_free(&part);
}

static void add_variable(struct dbc_facts *facts, const struct ct_dbc_environment *variable,
                         const struct ct_dbc_diff_options *options)
{
    static const char *const types[] = {[CT_DBC_ENV_INT] = "integer",
                                        [CT_DBC_ENV_FLOAT] = "float",
                                        [CT_DBC_ENV_STRING] = "string",
                                        [CT_DBC_ENV_DATA] = "data"};
    if (!add_named(facts, '6', "environment variable", variable->name)) {
        return;
    }
    add_text(facts, "type", types[variable->type]);
    add_number(facts, "minimum", variable->min);
    add_number(facts, "maximum", variable->max);
    add_number(facts, "initial value", variable->initial);
    add_text(facts, "unit", variable->unit);
    add_number(facts, "id", variable->id);
    add_number(facts, "access", variable->access);
    add_number(facts, "data size", variable->data_size);
    add_names(facts, "nodes", variable->nodes, variable->node_count);
    add_texts(facts, variable->texts, variable->text_count);
    add_attributes(facts, &variable->attributes);
    add_comment(facts, options, variable->comment);
}

static void add_relation(struct dbc_facts *facts, const struct ct_dbc_relation *relation)
{
    struct ct_buf name;
    ct_buf_init(&name, TEXTS_MAX);
    ct_buf_printf(&name, "%s of node %s", relation->attribute.def->name, relation->node);
    if (relation->message != NULL) {
        ct_buf_printf(&name, " and message 0x%" PRIX32, relation->message->id);
    }
    if (relation->signal != NULL) {
        ct_buf_printf(&name, " signal %s", relation->signal->name);
    }
    if (relation->environment != NULL) {
        ct_buf_printf(&name, " and environment variable %s", relation->environment->name);
    }
    facts->no_memory = facts->no_memory || ct_buf_error(&name) != CT_OK;
    if (add_named(facts, '7', "relation", ct_buf_string(&name))) {
        begin_fact(facts, "value", "");
        put_value(facts, relation->attribute.def, &relation->attribute.value);
    }
    ct_buf_free(&name);
}

int ct_dbc_facts_init(struct dbc_facts *facts, const struct ct_dbc *dbc, const struct ct_dbc_diff_options *options)
{
    *facts = (struct dbc_facts){0};
    ct_buf_init(&facts->texts, TEXTS_MAX);
    add_database(facts, dbc, options);
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        add_definition(facts, &dbc->attribute_defs[i]);
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        if (add_named(facts, '2', "node", dbc->nodes[i].name)) {
            add_attributes(facts, &dbc->nodes[i].attributes);
            add_comment(facts, options, dbc->nodes[i].comment);
        }
    }
    for (size_t i = 0; i < dbc->table_count; i++) {
        if (add_named(facts, '3', "value table", dbc->tables[i].name)) {
            add_texts(facts, dbc->tables[i].texts, dbc->tables[i].text_count);
        }
    }
    for (size_t i = 0; i < dbc->message_count; i++) {
        add_message(facts, &dbc->messages[i], false, options);
    }
    for (size_t i = 0; i < dbc->pseudo_count; i++) {
        add_message(facts, &dbc->pseudo[i], true, options);
    }
    for (size_t i = 0; i < dbc->environment_count; i++) {
        add_variable(facts, &dbc->environment[i], options);
    }
    for (size_t i = 0; i < dbc->relation_count; i++) {
        add_relation(facts, &dbc->relations[i]);
    }
    return facts->no_memory || ct_buf_error(&facts->texts) != CT_OK ? CT_ERR_NO_MEMORY : CT_OK;
}

void ct_dbc_facts_free(struct dbc_facts *facts)
{
    ct_buf_free(&facts->texts);
    free(facts->items);
    free(facts->objects);
}
