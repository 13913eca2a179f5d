/* From the parser's records to the immutable model. */
#include "dbc_raw.h"

#include <string.h>

/* ---- parts that several objects have */

const char *ct_dbc_node_name(struct dbc_raw *raw, struct dbc_span name)
{
    if (name.len == 0 || ct_dbc_span_is(name, "Vector__XXX")) {
        return "";
    }
    const struct dbc_named *named = ct_dbc_find_named(&raw->nodes_by_name, name);
    return named != NULL ? ((const struct dbc_raw_node *)(const void *)named)->model_name
                         : ct_dbc_utf8(raw->keep, name);
}

bool ct_dbc_next_name(struct dbc_scan *scan, struct dbc_span *out_name)
{
    while (ct_dbc_peek(scan) == ',') {
        scan->p++;
    }
    *out_name = ct_dbc_take_word(scan);
    return out_name->len > 0;
}

static struct dbc_scan scan_of(struct dbc_span list)
{
    return (struct dbc_scan){.p = list.p, .end = list.p + list.len, .begin = list.p};
}

/* Neighbours mostly have the same list. */
const char *const *ct_dbc_build_names(struct dbc_raw *raw, struct dbc_span list, size_t *out_count)
{
    struct dbc_span name;
    size_t count = 0;
    if (list.len == 0 || ct_dbc_same_span(list, raw->last_list)) {
        *out_count = list.len > 0 ? raw->last_count : 0;
        return list.len > 0 ? raw->last_names : NULL;
    }
    for (struct dbc_scan scan = scan_of(list); ct_dbc_next_name(&scan, &name);) {
        count++;
    }
    const char **names = ct_dbc_alloc_array(raw->keep, count, sizeof *names);
    if (names == NULL) {
        return NULL;
    }
    count = 0;
    for (struct dbc_scan scan = scan_of(list); ct_dbc_next_name(&scan, &name);) {
        names[count] = ct_dbc_node_name(raw, name);
        count += names[count][0] != '\0' ? 1 : 0;
    }
    raw->last_list = list;
    raw->last_names = names;
    raw->last_count = count;
    *out_count = count;
    return names;
}

const char *ct_dbc_build_comment(struct dbc_raw *raw, const struct dbc_said *said)
{
    return said->comment != NULL ? ct_dbc_utf8(raw->keep, said->comment->text) : NULL;
}

static void texts_of_table(struct dbc_raw *raw, struct dbc_span name, const char *place,
                           const struct ct_dbc_text **out_texts, size_t *out_count)
{
    const struct dbc_named *named = ct_dbc_find_named(&raw->tables_by_name, name);
    if (named == NULL) {
        ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_TABLE, place, "no value table '%.*s'", ct_dbc_shown(name),
                      name.p);
        return;
    }
    const struct dbc_raw_table *table = (const struct dbc_raw_table *)(const void *)named;
    *out_texts = table->texts;
    *out_count = table->text_count;
}

void ct_dbc_build_texts(struct dbc_raw *raw, const struct dbc_ref *ref, const struct ct_dbc_text **out_texts,
                        size_t *out_count)
{
    if (ref == NULL) {
        return;
    }
    if (ref->other.len > 0) {
        texts_of_table(raw, ref->other, ref->place, out_texts, out_count);
        return;
    }
    *out_texts = ref->of.texts;
    *out_count = ref->number;
}

void ct_dbc_build_type_texts(struct dbc_raw *raw, const struct dbc_raw_type *type, const struct ct_dbc_text **out_texts,
                             size_t *out_count)
{
    if (type->values != NULL) {
        ct_dbc_build_texts(raw, type->values, out_texts, out_count);
    } else if (type->table.len > 0) {
        texts_of_table(raw, type->table, type->named.place, out_texts, out_count);
    }
}

/* ---- objects */

static bool build_nodes(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    struct ct_dbc_node *nodes = ct_dbc_alloc_array(raw->keep, raw->nodes.count, sizeof *nodes);
    if (nodes == NULL) {
        return false;
    }
    for (struct dbc_named *named = raw->nodes.first; named != NULL; named = named->next) {
        struct dbc_raw_node *node = (struct dbc_raw_node *)(void *)named;
        struct ct_dbc_node *model = &nodes[named->order];
        const char *short_name = ct_dbc_utf8(raw->keep, named->name);
        *model = (struct ct_dbc_node){
            .short_name = short_name,
            .comment = ct_dbc_build_comment(raw, &node->said),
            .attributes = ct_dbc_build_attributes(raw, &node->said.attributes),
            .place = ct_dbc_place_of(raw->report, named->place),
        };
        model->name = ct_dbc_long_name(raw, model->attributes, DBC_ATTR_LONG_NODE, short_name);
        node->model_name = model->name;
    }
    dbc->nodes = nodes;
    dbc->node_count = raw->nodes.count;
    return true;
}

static bool build_tables(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    struct ct_dbc_table *tables = ct_dbc_alloc_array(raw->keep, raw->tables.count, sizeof *tables);
    if (tables == NULL) {
        return false;
    }
    for (const struct dbc_named *named = raw->tables.first; named != NULL; named = named->next) {
        const struct dbc_raw_table *table = (const struct dbc_raw_table *)(const void *)named;
        tables[named->order] = (struct ct_dbc_table){
            .name = ct_dbc_utf8(raw->keep, named->name),
            .texts = table->texts,
            .text_count = table->text_count,
            .place = ct_dbc_place_of(raw->report, named->place),
        };
    }
    dbc->tables = tables;
    dbc->table_count = raw->tables.count;
    return true;
}

#define STRING_ACCESS 0x8000U

static enum ct_dbc_environment_type environment_type(const struct dbc_raw_environment *environment)
{
    static const enum ct_dbc_environment_type types[] = {CT_DBC_ENV_INT, CT_DBC_ENV_FLOAT, CT_DBC_ENV_STRING};
    if (environment->data != NULL) {
        return CT_DBC_ENV_DATA;
    }
    return (environment->access & STRING_ACCESS) != 0 ? CT_DBC_ENV_STRING : types[environment->type];
}

static void build_environment_variable(struct dbc_raw *raw, struct dbc_raw_environment *environment,
                                       struct ct_dbc_environment *model)
{
    const char *short_name = ct_dbc_utf8(raw->keep, environment->named.name);
    *model = (struct ct_dbc_environment){
        .short_name = short_name,
        .comment = ct_dbc_build_comment(raw, &environment->said),
        .unit = ct_dbc_utf8(raw->keep, environment->unit),
        .type = environment_type(environment),
        .min = environment->min,
        .max = environment->max,
        .initial = environment->initial,
        .id = environment->id,
        .access = environment->access & 3U,
        .data_size = environment->data != NULL ? environment->data->number : 0,
        .attributes = ct_dbc_build_attributes(raw, &environment->said.attributes),
        .place = ct_dbc_place_of(raw->report, environment->named.place),
    };
    model->name = ct_dbc_long_name(raw, model->attributes, DBC_ATTR_LONG_ENVIRONMENT, short_name);
    model->nodes = ct_dbc_build_names(raw, environment->nodes, &model->node_count);
    ct_dbc_build_texts(raw, environment->said.values, &model->texts, &model->text_count);
    environment->model = model;
}

static bool build_environment(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    struct ct_dbc_environment *models = ct_dbc_alloc_array(raw->keep, raw->environment.count, sizeof *models);
    if (models == NULL) {
        return false;
    }
    for (struct dbc_named *named = raw->environment.first; named != NULL; named = named->next) {
        build_environment_variable(raw, (struct dbc_raw_environment *)(void *)named, &models[named->order]);
    }
    dbc->environment = models;
    dbc->environment_count = raw->environment.count;
    return true;
}

/* canboat's NMEA 2000 file has no attribute that says so, only ids that all end in the null address (SAE J1939-81:
 * nobody sends from 0xFE): such a file means parameter groups. */
static bool all_null_sources(const struct dbc_raw *raw)
{
    bool any = false;
    for (const struct dbc_named *named = raw->messages.first; named != NULL; named = named->next) {
        const struct dbc_raw_message *message = (const struct dbc_raw_message *)(const void *)named;
        if (message->hidden || message->id <= 0x7FF) {
            continue;
        }
        if ((message->id & 0xFF) != 0xFE) {
            return false;
        }
        any = true;
    }
    return any;
}

static bool build_messages(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    size_t hidden = 0;
    for (const struct dbc_named *named = raw->messages.first; named != NULL; named = named->next) {
        hidden += ((const struct dbc_raw_message *)(const void *)named)->hidden ? 1 : 0;
    }
    struct ct_dbc_message *messages = ct_dbc_alloc_array(raw->keep, raw->messages.count - hidden, sizeof *messages);
    struct ct_dbc_message *pseudo = ct_dbc_alloc_array(raw->keep, hidden, sizeof *pseudo);
    if (messages == NULL || pseudo == NULL) {
        return false;
    }
    raw->all_null_sources = all_null_sources(raw);
    for (struct dbc_named *named = raw->messages.first; named != NULL; named = named->next) {
        struct dbc_raw_message *message = (struct dbc_raw_message *)(void *)named;
        message->model = message->hidden ? &pseudo[dbc->pseudo_count++] : &messages[dbc->message_count++];
        if (!ct_dbc_finish_message(raw, message, message->model)) {
            return false;
        }
    }
    dbc->messages = messages;
    dbc->pseudo = pseudo;
    return true;
}

static struct ct_dbc_relation build_relation(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    struct ct_dbc_relation relation = {
        .attribute = {ref->of.def->model, ct_dbc_build_value(raw, ref->of.def, ref)},
        .node = ct_dbc_node_name(raw, ct_dbc_relation_node(ref)),
    };
    if (ref->scope == CT_DBC_SCOPE_NODE_ENVIRONMENT) {
        const struct dbc_named *named = ct_dbc_find_named(&raw->environment_by_name, ref->name);
        relation.environment = ((const struct dbc_raw_environment *)(const void *)named)->model;
        return relation;
    }
    const struct dbc_raw_message *message = ct_dbc_message_by_id(raw, ref->id);
    relation.message = message->model;
    if (ref->scope == CT_DBC_SCOPE_NODE_SIGNAL) {
        const struct dbc_named *named = ct_dbc_find_named(&message->all_by_name, ref->name);
        const struct dbc_raw_signal *signal = (const struct dbc_raw_signal *)(const void *)named;
        relation.message = signal->message->model;
        relation.signal = &signal->message->model->signals[signal->index];
    }
    return relation;
}

static bool build_relations(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    struct ct_dbc_relation *relations = ct_dbc_alloc_array(raw->keep, raw->relations.count, sizeof *relations);
    if (relations == NULL) {
        return false;
    }
    for (const struct dbc_ref *ref = raw->relations.first; ref != NULL; ref = ref->said_next) {
        relations[dbc->relation_count++] = build_relation(raw, ref);
    }
    dbc->relations = relations;
    return true;
}

/* A network may have several comments, as files put together from others do: all of them, a line each. */
static const char *build_network_comment(struct dbc_raw *raw)
{
    const struct dbc_ref *first = raw->comments.first;
    if (first == NULL) {
        return NULL;
    }
    const char *comment = ct_dbc_utf8(raw->keep, first->text);
    if (first == raw->comments.last) {
        return comment;
    }
    size_t size = 0;
    for (const struct dbc_ref *ref = first; ref != NULL; ref = ref->said_next) {
        size += 3 * ref->text.len + 1; /* a byte becomes up to three in UTF-8 */
    }
    char *joined = ct_dbc_alloc_text(raw->keep, size);
    char *end = joined;
    for (const struct dbc_ref *ref = first; joined != NULL && ref != NULL; ref = ref->said_next) {
        const char *text = ref == first ? comment : ct_dbc_utf8(raw->temp, ref->text);
        end = ref == first ? end : mempcpy(end, "\n", 1);
        end = mempcpy(end, text, strlen(text));
    }
    return joined;
}

static void build_network(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    dbc->version = ct_dbc_utf8(raw->keep, raw->version);
    dbc->comment = build_network_comment(raw);
    dbc->attributes = ct_dbc_build_attributes(raw, &raw->said.attributes);
    ct_dbc_note_known(raw, dbc->attributes);
    const struct ct_dbc_value *rate = raw->known[DBC_ATTR_BAUDRATE];
    const double number = rate != NULL ? ct_dbc_value_number(rate) : 0;
    dbc->baudrate = number >= 1 && number <= UINT32_MAX ? (uint32_t)number : raw->bit_rate;
}

int ct_dbc_build(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    bool built = ct_dbc_resolve(raw) && ct_dbc_build_defs(raw, dbc);
    if (built) {
        build_network(raw, dbc);
        built = build_nodes(raw, dbc) && build_tables(raw, dbc) && build_environment(raw, dbc) &&
                build_messages(raw, dbc) && build_relations(raw, dbc);
    }
    return built && !raw->keep->failed && !raw->temp->failed ? CT_OK : CT_ERR_NO_MEMORY;
}
