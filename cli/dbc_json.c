#include "dbc_json.h"

#include <string.h>

static const char *const scopes[] = {
    [CT_DBC_SCOPE_NETWORK] = "network",           [CT_DBC_SCOPE_NODE] = "node",
    [CT_DBC_SCOPE_MESSAGE] = "message",           [CT_DBC_SCOPE_SIGNAL] = "signal",
    [CT_DBC_SCOPE_ENVIRONMENT] = "environment",   [CT_DBC_SCOPE_NODE_ENVIRONMENT] = "node-environment",
    [CT_DBC_SCOPE_NODE_MESSAGE] = "node-message", [CT_DBC_SCOPE_NODE_SIGNAL] = "node-signal",
};

static const char *const value_types[] = {
    [CT_DBC_INT] = "int",       [CT_DBC_HEX] = "hex",   [CT_DBC_FLOAT] = "float",
    [CT_DBC_STRING] = "string", [CT_DBC_ENUM] = "enum",
};

static void dump_comment(struct ct_json *json, const char *comment)
{
    if (comment != NULL) {
        ct_json_string(json, "comment", comment);
    }
}

static void dump_place(struct ct_json *json, struct ct_dbc_place place)
{
    ct_json_uint(json, "line", place.line);
    ct_json_uint(json, "column", place.column);
}

static void dump_strings(struct ct_json *json, const char *key, const char *const *texts, size_t count)
{
    ct_json_array_begin(json, key);
    for (size_t i = 0; i < count; i++) {
        ct_json_string(json, NULL, texts[i]);
    }
    ct_json_array_end(json);
}

static void dump_texts(struct ct_json *json, const struct ct_dbc_text *texts, size_t count)
{
    if (count == 0) {
        return;
    }
    ct_json_array_begin(json, "texts");
    for (size_t i = 0; i < count; i++) {
        ct_json_object_begin(json, NULL);
        ct_json_int(json, "raw", texts[i].raw);
        ct_json_string(json, "text", texts[i].text);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

/* Numbers as numbers, texts as texts; an ENUM is the text that its index means. */
static void dump_value(struct ct_json *json, const char *key, const struct ct_dbc_attribute_def *def,
                       const struct ct_dbc_value *value)
{
    if (def->type == CT_DBC_STRING || def->type == CT_DBC_ENUM) {
        ct_json_string(json, key, value->text);
    } else {
        ct_json_double(json, key, value->number);
    }
}

static void dump_attributes(struct ct_json *json, const struct ct_dbc_attributes *attributes)
{
    if (attributes->count == 0) {
        return;
    }
    ct_json_object_begin(json, "attributes");
    for (size_t i = 0; i < attributes->count; i++) {
        const struct ct_dbc_attribute *attribute = &attributes->items[i];
        dump_value(json, attribute->def->name, attribute->def, &attribute->value);
    }
    ct_json_object_end(json);
}

static void dump_definition(struct ct_json *json, const struct ct_dbc_attribute_def *def)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", def->name);
    ct_json_string(json, "scope", scopes[def->scope]);
    ct_json_string(json, "type", value_types[def->type]);
    if (def->type == CT_DBC_ENUM) {
        dump_strings(json, "texts", def->texts, def->text_count);
    } else if (def->type != CT_DBC_STRING && def->min != def->max) {
        ct_json_double(json, "min", def->min);
        ct_json_double(json, "max", def->max);
    }
    if (def->has_default) {
        dump_value(json, "default", def, &def->preset);
    }
    dump_place(json, def->place);
    ct_json_object_end(json);
}

static void dump_selector(struct ct_json *json, const struct ct_dbc_message *message,
                          const struct ct_dbc_signal *signal)
{
    ct_json_string(json, "selector", message->signals[signal->selector].name);
    ct_json_array_begin(json, "selector_values");
    for (size_t i = 0; i < signal->range_count; i++) {
        ct_json_array_begin(json, NULL);
        ct_json_uint(json, NULL, signal->ranges[i].first);
        ct_json_uint(json, NULL, signal->ranges[i].last);
        ct_json_array_end(json);
    }
    ct_json_array_end(json);
}

static void dump_layout(struct ct_json *json, const struct ct_dbc_signal *signal)
{
    static const char *const kinds[] = {
        [CT_DBC_INTEGER] = "integer", [CT_DBC_FLOAT32] = "float", [CT_DBC_FLOAT64] = "float", [CT_DBC_BLOB] = "bytes"};
    ct_json_uint(json, "start_bit", signal->start_bit);
    ct_json_uint(json, "length", signal->length);
    ct_json_string(json, "byte_order", signal->big_endian ? "motorola" : "intel");
    ct_json_bool(json, "signed", signal->is_signed);
    ct_json_string(json, "kind", kinds[signal->kind]);
    ct_json_double(json, "factor", signal->factor);
    ct_json_double(json, "offset", signal->offset);
    ct_json_double(json, "min", signal->min);
    ct_json_double(json, "max", signal->max);
    ct_json_string(json, "unit", signal->unit);
    if (signal->outside) {
        ct_json_bool(json, "outside", true);
    }
}

static void dump_signal(struct ct_json *json, const struct ct_dbc_message *message, const struct ct_dbc_signal *signal)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", signal->name);
    if (strcmp(signal->short_name, signal->name) != 0) {
        ct_json_string(json, "short_name", signal->short_name);
    }
    dump_layout(json, signal);
    ct_json_bool(json, "multiplexer", signal->is_selector);
    if (signal->selector >= 0) {
        dump_selector(json, message, signal);
    }
    if (signal->has_start_value) {
        ct_json_double(json, "start_value", signal->start_value);
    }
    dump_strings(json, "receivers", signal->receivers, signal->receiver_count);
    if (signal->type_name != NULL) {
        ct_json_string(json, "type", signal->type_name);
    }
    dump_texts(json, signal->texts, signal->text_count);
    dump_comment(json, signal->comment);
    dump_attributes(json, &signal->attributes);
    dump_place(json, signal->place);
    ct_json_object_end(json);
}

static void dump_groups(struct ct_json *json, const struct ct_dbc_message *message)
{
    if (message->group_count == 0) {
        return;
    }
    ct_json_array_begin(json, "groups");
    for (size_t i = 0; i < message->group_count; i++) {
        const struct ct_dbc_group *group = &message->groups[i];
        ct_json_object_begin(json, NULL);
        ct_json_string(json, "name", group->name);
        ct_json_uint(json, "repetitions", group->repetitions);
        ct_json_array_begin(json, "signals");
        for (size_t k = 0; k < group->signal_count; k++) {
            ct_json_string(json, NULL, message->signals[group->signals[k]].name);
        }
        ct_json_array_end(json);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void dump_frame(struct ct_json *json, const struct ct_dbc_message *message)
{
    ct_json_string(json, "name", message->name);
    if (strcmp(message->short_name, message->name) != 0) {
        ct_json_string(json, "short_name", message->short_name);
    }
    ct_json_uint(json, "id", message->id);
    ct_json_bool(json, "ext", message->extended);
    ct_json_uint(json, "written_id", message->written_id);
    ct_json_bool(json, "fd", message->fd);
    ct_json_bool(json, "brs", message->brs);
    ct_json_bool(json, "j1939", message->j1939);
    ct_json_uint(json, "length", message->length);
    ct_json_string(json, "sender", message->sender);
    if (message->more_sender_count > 0) {
        dump_strings(json, "more_senders", message->more_senders, message->more_sender_count);
    }
    ct_json_double(json, "cycle_ms", message->cycle_ms);
}

static void dump_messages(struct ct_json *json, const char *key, const struct ct_dbc_message *messages, size_t count)
{
    ct_json_array_begin(json, key);
    for (size_t m = 0; m < count; m++) {
        const struct ct_dbc_message *message = &messages[m];
        ct_json_object_begin(json, NULL);
        dump_frame(json, message);
        dump_comment(json, message->comment);
        dump_attributes(json, &message->attributes);
        ct_json_array_begin(json, "signals");
        for (size_t i = 0; i < message->signal_count; i++) {
            dump_signal(json, message, &message->signals[i]);
        }
        ct_json_array_end(json);
        dump_groups(json, message);
        dump_place(json, message->place);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void dump_nodes(struct ct_json *json, const struct ct_dbc *dbc)
{
    ct_json_array_begin(json, "nodes");
    for (size_t i = 0; i < dbc->node_count; i++) {
        const struct ct_dbc_node *node = &dbc->nodes[i];
        ct_json_object_begin(json, NULL);
        ct_json_string(json, "name", node->name);
        dump_comment(json, node->comment);
        dump_attributes(json, &node->attributes);
        dump_place(json, node->place);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void dump_tables(struct ct_json *json, const struct ct_dbc *dbc)
{
    ct_json_array_begin(json, "value_tables");
    for (size_t i = 0; i < dbc->table_count; i++) {
        ct_json_object_begin(json, NULL);
        ct_json_string(json, "name", dbc->tables[i].name);
        dump_texts(json, dbc->tables[i].texts, dbc->tables[i].text_count);
        dump_place(json, dbc->tables[i].place);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void dump_variable(struct ct_json *json, const struct ct_dbc_environment *variable)
{
    static const char *const types[] = {[CT_DBC_ENV_INT] = "int",
                                        [CT_DBC_ENV_FLOAT] = "float",
                                        [CT_DBC_ENV_STRING] = "string",
                                        [CT_DBC_ENV_DATA] = "data"};
    static const char *const access[] = {"unrestricted", "read", "write", "read-write"};
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", variable->name);
    ct_json_string(json, "type", types[variable->type]);
    ct_json_uint(json, "id", variable->id);
    ct_json_double(json, "min", variable->min);
    ct_json_double(json, "max", variable->max);
    ct_json_double(json, "initial", variable->initial);
    ct_json_string(json, "unit", variable->unit);
    ct_json_string(json, "access", access[variable->access & 3U]);
    if (variable->type == CT_DBC_ENV_DATA) {
        ct_json_uint(json, "data_size", variable->data_size);
    }
    dump_strings(json, "nodes", variable->nodes, variable->node_count);
    dump_texts(json, variable->texts, variable->text_count);
    dump_comment(json, variable->comment);
    dump_attributes(json, &variable->attributes);
    dump_place(json, variable->place);
    ct_json_object_end(json);
}

static void dump_relation(struct ct_json *json, const struct ct_dbc_relation *relation)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "attribute", relation->attribute.def->name);
    dump_value(json, "value", relation->attribute.def, &relation->attribute.value);
    ct_json_string(json, "node", relation->node);
    if (relation->message != NULL) {
        ct_json_string(json, "message", relation->message->name);
    }
    if (relation->signal != NULL) {
        ct_json_string(json, "signal", relation->signal->name);
    }
    if (relation->environment != NULL) {
        ct_json_string(json, "environment", relation->environment->name);
    }
    ct_json_object_end(json);
}

static void dump_head(struct ct_json *json, const struct ct_dbc *dbc)
{
    ct_json_string(json, "file", dbc->name);
    ct_json_string(json, "version", dbc->version);
    ct_json_uint(json, "errors", dbc->error_count);
    ct_json_uint(json, "warnings", dbc->warning_count);
    ct_json_uint(json, "baudrate", dbc->baudrate);
    dump_comment(json, dbc->comment);
    dump_attributes(json, &dbc->attributes);
}

void ct_cli_dbc_json(struct ct_json *json, const struct ct_dbc *dbc)
{
    ct_json_object_begin(json, NULL);
    dump_head(json, dbc);
    ct_json_array_begin(json, "attribute_definitions");
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        dump_definition(json, &dbc->attribute_defs[i]);
    }
    ct_json_array_end(json);
    dump_nodes(json, dbc);
    dump_tables(json, dbc);
    dump_messages(json, "messages", dbc->messages, dbc->message_count);
    dump_messages(json, "pseudo_messages", dbc->pseudo, dbc->pseudo_count);
    ct_json_array_begin(json, "environment");
    for (size_t i = 0; i < dbc->environment_count; i++) {
        dump_variable(json, &dbc->environment[i]);
    }
    ct_json_array_end(json);
    ct_json_array_begin(json, "relations");
    for (size_t i = 0; i < dbc->relation_count; i++) {
        dump_relation(json, &dbc->relations[i]);
    }
    ct_json_array_end(json);
    ct_json_object_end(json);
}
