/* Statements about objects: comments, attributes, texts, groups, number types, selector ranges. */
#include "write_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const scope_marks[] = {
    [CT_DBC_SCOPE_NETWORK] = "",
    [CT_DBC_SCOPE_NODE] = "BU_ ",
    [CT_DBC_SCOPE_MESSAGE] = "BO_ ",
    [CT_DBC_SCOPE_SIGNAL] = "SG_ ",
    [CT_DBC_SCOPE_ENVIRONMENT] = "EV_ ",
    [CT_DBC_SCOPE_NODE_ENVIRONMENT] = "BU_EV_REL_ ",
    [CT_DBC_SCOPE_NODE_MESSAGE] = "BU_BO_REL_ ",
    [CT_DBC_SCOPE_NODE_SIGNAL] = "BU_SG_REL_ ",
};

/* What the writer adds where the model has none: attributes whose meaning the model holds otherwise. */
static const char baudrate_name[] = "Baudrate";
static const struct {
    const char *name;
    enum ct_dbc_scope scope;
} long_symbols[] = {
    {"SystemNodeLongSymbol", CT_DBC_SCOPE_NODE},
    {"SystemMessageLongSymbol", CT_DBC_SCOPE_MESSAGE},
    {"SystemSignalLongSymbol", CT_DBC_SCOPE_SIGNAL},
    {"SystemEnvVarLongSymbol", CT_DBC_SCOPE_ENVIRONMENT},
};

static void put(struct dbc_writer *writer, const char *text)
{
    ct_buf_text(writer->out, text);
}

/* ---- comments */

static void end_comment(struct dbc_writer *writer, const char *comment)
{
    put(writer, " ");
    ct_dbc_put_string(writer, comment);
    put(writer, ";\n");
}

static void put_message_comments(struct dbc_writer *writer, const struct dbc_owner *owner)
{
    if (owner->message->comment != NULL) {
        ct_buf_printf(writer->out, "CM_ BO_ %" PRIu32, owner->id);
        end_comment(writer, owner->message->comment);
    }
    for (size_t i = 0; i < owner->message->signal_count; i++) {
        if (owner->message->signals[i].comment != NULL) {
            ct_buf_printf(writer->out, "CM_ SG_ %" PRIu32 " %s", owner->id, owner->signals[i].name);
            end_comment(writer, owner->message->signals[i].comment);
        }
    }
}

void ct_dbc_put_comments(struct dbc_writer *writer)
{
    const struct ct_dbc *dbc = writer->dbc;
    put(writer, "\n");
    if (dbc->comment != NULL) {
        put(writer, "CM_");
        end_comment(writer, dbc->comment);
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        if (dbc->nodes[i].comment != NULL) {
            ct_buf_printf(writer->out, "CM_ BU_ %s", writer->nodes.items[i].name);
            end_comment(writer, dbc->nodes[i].comment);
        }
    }
    for (size_t i = 0; i < ct_dbc_owner_count(writer); i++) {
        const struct dbc_owner owner = ct_dbc_owner_at(writer, i);
        put_message_comments(writer, &owner);
    }
    for (size_t i = 0; i < dbc->environment_count; i++) {
        if (dbc->environment[i].comment != NULL) {
            ct_buf_printf(writer->out, "CM_ EV_ %s", writer->environment.items[i].name);
            end_comment(writer, dbc->environment[i].comment);
        }
    }
}

/* ---- attributes */

static bool is_relation(enum ct_dbc_scope scope)
{
    return scope >= CT_DBC_SCOPE_NODE_ENVIRONMENT;
}

static bool is_defined(const struct ct_dbc *dbc, const char *name, enum ct_dbc_scope scope)
{
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        if (dbc->attribute_defs[i].scope == scope && strcmp(dbc->attribute_defs[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool has(const struct ct_dbc_attributes *attributes, const char *name)
{
    for (size_t i = 0; i < attributes->count; i++) {
        if (strcmp(attributes->items[i].def->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool adds_baudrate(const struct ct_dbc *dbc)
{
    return dbc->baudrate != 0 && !has(&dbc->attributes, baudrate_name);
}

static void put_type(struct dbc_writer *writer, const struct ct_dbc_attribute_def *def)
{
    static const char *const types[] = {[CT_DBC_INT] = "INT",
                                        [CT_DBC_HEX] = "HEX",
                                        [CT_DBC_FLOAT] = "FLOAT",
                                        [CT_DBC_STRING] = "STRING",
                                        [CT_DBC_ENUM] = "ENUM"};
    ct_buf_printf(writer->out, " %s%s", types[def->type], def->type == CT_DBC_STRING ? " " : "");
    for (size_t i = 0; def->type == CT_DBC_ENUM && i < def->text_count; i++) {
        put(writer, i > 0 ? "," : " ");
        ct_dbc_put_string(writer, def->texts[i]);
    }
    if (def->type != CT_DBC_STRING && def->type != CT_DBC_ENUM) {
        put(writer, " ");
        ct_dbc_put_number(writer->out, def->min);
        put(writer, " ");
        ct_dbc_put_number(writer->out, def->max);
    }
}

static void put_definitions(struct dbc_writer *writer, bool relations)
{
    for (size_t i = 0; i < writer->dbc->attribute_def_count; i++) {
        const struct ct_dbc_attribute_def *def = &writer->dbc->attribute_defs[i];
        if (is_relation(def->scope) == relations) {
            ct_buf_printf(writer->out, "%s %s", relations ? "BA_DEF_REL_" : "BA_DEF_", scope_marks[def->scope]);
            ct_dbc_put_string(writer, def->name);
            put_type(writer, def);
            put(writer, ";\n");
        }
    }
}

/* A definition's default is its text, also for ENUM; a value is the index. */
static void put_value(struct dbc_writer *writer, const struct ct_dbc_attribute_def *def,
                      const struct ct_dbc_value *value, bool is_default)
{
    const bool as_text = def->type == CT_DBC_STRING || (def->type == CT_DBC_ENUM && (is_default || value->number < 0));
    put(writer, " ");
    if (as_text) {
        ct_dbc_put_string(writer, value->text);
    } else {
        ct_dbc_put_number(writer->out, value->number);
    }
    put(writer, ";\n");
}

static void put_defaults(struct dbc_writer *writer, bool relations)
{
    for (size_t i = 0; i < writer->dbc->attribute_def_count; i++) {
        const struct ct_dbc_attribute_def *def = &writer->dbc->attribute_defs[i];
        if (is_relation(def->scope) == relations && def->has_default) {
            put(writer, relations ? "BA_DEF_DEF_REL_ " : "BA_DEF_DEF_ ");
            ct_dbc_put_string(writer, def->name);
            put_value(writer, def, &def->preset, true);
        }
    }
}

static bool adds_symbol(const struct dbc_writer *writer, size_t i)
{
    const bool made[] = {writer->made_nodes, writer->made_messages, writer->made_signals, writer->made_environment};
    return made[i] && !is_defined(writer->dbc, long_symbols[i].name, long_symbols[i].scope);
}

static void put_added_definitions(struct dbc_writer *writer)
{
    for (size_t i = 0; i < sizeof long_symbols / sizeof long_symbols[0]; i++) {
        if (adds_symbol(writer, i)) {
            ct_buf_printf(writer->out, "BA_DEF_ %s\"%s\" STRING ;\n", scope_marks[long_symbols[i].scope],
                          long_symbols[i].name);
        }
    }
    if (adds_baudrate(writer->dbc) && !is_defined(writer->dbc, baudrate_name, CT_DBC_SCOPE_NETWORK)) {
        ct_buf_printf(writer->out, "BA_DEF_ \"%s\" INT 0 0;\n", baudrate_name);
    }
}

static void put_added_defaults(struct dbc_writer *writer)
{
    for (size_t i = 0; i < sizeof long_symbols / sizeof long_symbols[0]; i++) {
        if (adds_symbol(writer, i)) {
            ct_buf_printf(writer->out, "BA_DEF_DEF_ \"%s\" \"\";\n", long_symbols[i].name);
        }
    }
}

/* Strict readers reject a file for one ENUM value that is none of its definition's. */
static bool has_index(struct dbc_writer *writer, const struct ct_dbc_attribute *attribute)
{
    const bool has = attribute->def->type != CT_DBC_ENUM || attribute->value.number >= 0;
    writer->left_out += has ? 0 : 1;
    return has;
}

/* The values of one object, which `mark` names: `BO_ 5`. `symbol`: the long name to add, NULL when none. */
static void put_values_of(struct dbc_writer *writer, const struct ct_dbc_attributes *attributes, const char *mark,
                          size_t symbol, const char *long_name)
{
    for (size_t i = 0; i < attributes->count; i++) {
        const struct ct_dbc_attribute *attribute = &attributes->items[i];
        if (!has_index(writer, attribute)) {
            continue;
        }
        put(writer, "BA_ ");
        ct_dbc_put_string(writer, attribute->def->name);
        ct_buf_printf(writer->out, "%s%s", mark[0] != '\0' ? " " : "", mark);
        put_value(writer, attribute->def, &attribute->value, false);
    }
    if (long_name != NULL && !has(attributes, long_symbols[symbol].name)) {
        ct_buf_printf(writer->out, "BA_ \"%s\" %s ", long_symbols[symbol].name, mark);
        ct_dbc_put_string(writer, long_name);
        put(writer, ";\n");
    }
}

static const char *original(const struct dbc_short *written, const char *name)
{
    return written->made ? name : NULL;
}

static void put_message_values(struct dbc_writer *writer, const struct dbc_owner *owner, const struct dbc_short *name)
{
    char mark[DBC_NAME_MAX + 32];
    (void)snprintf(mark, sizeof mark, "BO_ %" PRIu32, owner->id);
    put_values_of(writer, &owner->message->attributes, mark, 1,
                  name != NULL ? original(name, owner->message->short_name) : NULL);
    for (size_t i = 0; i < owner->message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &owner->message->signals[i];
        (void)snprintf(mark, sizeof mark, "SG_ %" PRIu32 " %s", owner->id, owner->signals[i].name);
        put_values_of(writer, &signal->attributes, mark, 2, original(&owner->signals[i], signal->short_name));
    }
}

static void put_values(struct dbc_writer *writer)
{
    const struct ct_dbc *dbc = writer->dbc;
    char mark[DBC_NAME_MAX + 32];
    put_values_of(writer, &dbc->attributes, "", 0, NULL);
    if (adds_baudrate(dbc)) {
        ct_buf_printf(writer->out, "BA_ \"%s\" %" PRIu32 ";\n", baudrate_name, dbc->baudrate);
    }
    for (size_t i = 0; i < dbc->node_count; i++) {
        const struct dbc_short *name = &writer->nodes.items[i];
        (void)snprintf(mark, sizeof mark, "BU_ %s", name->name);
        put_values_of(writer, &dbc->nodes[i].attributes, mark, 0, original(name, dbc->nodes[i].name));
    }
    for (size_t i = 0; i < ct_dbc_owner_count(writer); i++) {
        const struct dbc_owner owner = ct_dbc_owner_at(writer, i);
        put_message_values(writer, &owner, i < dbc->message_count ? &writer->messages.items[i] : NULL);
    }
    for (size_t i = 0; i < dbc->environment_count; i++) {
        const struct dbc_short *name = &writer->environment.items[i];
        (void)snprintf(mark, sizeof mark, "EV_ %s", name->name);
        put_values_of(writer, &dbc->environment[i].attributes, mark, 3, original(name, dbc->environment[i].short_name));
    }
}

static void put_relation(struct dbc_writer *writer, const struct ct_dbc_relation *relation)
{
    const struct ct_dbc_attribute_def *def = relation->attribute.def;
    put(writer, "BA_REL_ ");
    ct_dbc_put_string(writer, def->name);
    ct_buf_printf(writer->out, " %s%s", scope_marks[def->scope], ct_dbc_written_node(writer, relation->node));
    if (relation->environment != NULL) {
        const size_t at = (size_t)(relation->environment - writer->dbc->environment);
        ct_buf_printf(writer->out, " %s", writer->environment.items[at].name);
    } else if (relation->message != NULL) {
        const bool pool = relation->message == writer->pool;
        const size_t at = pool ? writer->dbc->message_count : (size_t)(relation->message - writer->dbc->messages);
        const struct dbc_owner owner = ct_dbc_owner_at(writer, at);
        ct_buf_printf(writer->out, " %s%" PRIu32, relation->signal != NULL ? "SG_ " : "", owner.id);
        if (relation->signal != NULL) {
            ct_buf_printf(writer->out, " %s", owner.signals[relation->signal - owner.message->signals].name);
        }
    }
    put_value(writer, def, &relation->attribute.value, false);
}

/* A relation to a message that is left out is left out with it. */
static bool is_written(const struct dbc_writer *writer, const struct ct_dbc_message *message)
{
    const struct ct_dbc *dbc = writer->dbc;
    return message == NULL || message == writer->pool ||
           (message >= dbc->messages && message < dbc->messages + dbc->message_count);
}

void ct_dbc_put_attributes(struct dbc_writer *writer)
{
    put_definitions(writer, false);
    put_added_definitions(writer);
    put_definitions(writer, true);
    put_defaults(writer, false);
    put_added_defaults(writer);
    put_defaults(writer, true);
    put_values(writer);
    for (size_t i = 0; i < writer->dbc->relation_count; i++) {
        const struct ct_dbc_relation *relation = &writer->dbc->relations[i];
        if (is_written(writer, relation->message) && has_index(writer, &relation->attribute)) {
            put_relation(writer, relation);
        }
    }
}

/* ---- what else is said about signals */

static void put_signal_texts(struct dbc_writer *writer, const struct dbc_owner *owner)
{
    for (size_t i = 0; i < owner->message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &owner->message->signals[i];
        if (signal->text_count > 0) {
            ct_buf_printf(writer->out, "VAL_ %" PRIu32 " %s", owner->id, owner->signals[i].name);
            ct_dbc_put_texts(writer, signal->texts, signal->text_count, signal->length >= 64 && !signal->is_signed);
        }
    }
}

static void put_groups(struct dbc_writer *writer, const struct dbc_owner *owner)
{
    for (size_t i = 0; i < owner->message->group_count; i++) {
        const struct ct_dbc_group *group = &owner->message->groups[i];
        ct_buf_printf(writer->out, "SIG_GROUP_ %" PRIu32 " %s %" PRIu32 " :", owner->id, group->name,
                      group->repetitions);
        for (size_t k = 0; k < group->signal_count; k++) {
            ct_buf_printf(writer->out, " %s", owner->signals[group->signals[k]].name);
        }
        put(writer, ";\n");
    }
}

static void put_number_types(struct dbc_writer *writer, const struct dbc_owner *owner)
{
    for (size_t i = 0; i < owner->message->signal_count; i++) {
        const enum ct_dbc_kind kind = owner->message->signals[i].kind;
        if (kind == CT_DBC_FLOAT32 || kind == CT_DBC_FLOAT64) {
            ct_buf_printf(writer->out, "SIG_VALTYPE_ %" PRIu32 " %s : %d;\n", owner->id, owner->signals[i].name,
                          kind == CT_DBC_FLOAT64 ? 2 : 1);
        }
    }
}

/* m<n> alone says it when the message has one multiplexer and every signal one value of it. */
static bool needs_ranges(const struct ct_dbc_message *message)
{
    size_t selectors = 0;
    bool plain = true;
    for (size_t i = 0; i < message->signal_count; i++) {
        const struct ct_dbc_signal *signal = &message->signals[i];
        selectors += signal->is_selector ? 1 : 0;
        plain = plain && (signal->selector < 0 ||
                          (signal->range_count == 1 && signal->ranges[0].first == signal->ranges[0].last));
    }
    return selectors > 1 || !plain;
}

static void put_ranges(struct dbc_writer *writer, const struct dbc_owner *owner)
{
    const size_t count = needs_ranges(owner->message) ? owner->message->signal_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct ct_dbc_signal *signal = &owner->message->signals[i];
        if (signal->selector < 0) {
            continue;
        }
        ct_buf_printf(writer->out, "SG_MUL_VAL_ %" PRIu32 " %s %s", owner->id, owner->signals[i].name,
                      owner->signals[signal->selector].name);
        for (size_t k = 0; k < signal->range_count; k++) {
            ct_buf_printf(writer->out, "%s %" PRIu64 "-%" PRIu64, k > 0 ? "," : "", signal->ranges[k].first,
                          signal->ranges[k].last);
        }
        put(writer, ";\n");
    }
}

void ct_dbc_put_layouts(struct dbc_writer *writer)
{
    static void (*const parts[])(struct dbc_writer *, const struct dbc_owner *) = {put_signal_texts, put_groups,
                                                                                   put_number_types, put_ranges};
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++) {
        for (size_t i = 0; i < ct_dbc_owner_count(writer); i++) {
            const struct dbc_owner owner = ct_dbc_owner_at(writer, i);
            parts[part](writer, &owner);
        }
        for (size_t i = 0; part == 0 && i < writer->dbc->environment_count; i++) {
            const struct ct_dbc_environment *variable = &writer->dbc->environment[i];
            if (variable->text_count > 0) {
                ct_buf_printf(writer->out, "VAL_ %s", writer->environment.items[i].name);
                ct_dbc_put_texts(writer, variable->texts, variable->text_count, false);
            }
        }
    }
}
