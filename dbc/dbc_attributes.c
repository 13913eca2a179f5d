/* Attribute definitions, and the values that objects have. */
#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

/* ---- the attributes that mean something here */

static const struct {
    const char *name;
    enum ct_dbc_scope scope;
} known_attributes[] = {
    [DBC_ATTR_FRAME_FORMAT] = {"VFrameFormat", CT_DBC_SCOPE_MESSAGE},
    [DBC_ATTR_CYCLE] = {"GenMsgCycleTime", CT_DBC_SCOPE_MESSAGE},
    [DBC_ATTR_START] = {"GenSigStartValue", CT_DBC_SCOPE_SIGNAL},
    [DBC_ATTR_PROTOCOL] = {"ProtocolType", CT_DBC_SCOPE_NETWORK},
    [DBC_ATTR_BRS] = {"CANFD_BRS", CT_DBC_SCOPE_MESSAGE},
    [DBC_ATTR_BAUDRATE] = {"Baudrate", CT_DBC_SCOPE_NETWORK},
    [DBC_ATTR_LONG_MESSAGE] = {"SystemMessageLongSymbol", CT_DBC_SCOPE_MESSAGE},
    [DBC_ATTR_LONG_SIGNAL] = {"SystemSignalLongSymbol", CT_DBC_SCOPE_SIGNAL},
    [DBC_ATTR_LONG_NODE] = {"SystemNodeLongSymbol", CT_DBC_SCOPE_NODE},
    [DBC_ATTR_LONG_ENVIRONMENT] = {"SystemEnvVarLongSymbol", CT_DBC_SCOPE_ENVIRONMENT},
};
_Static_assert(sizeof known_attributes / sizeof known_attributes[0] == DBC_ATTR_COUNT, "one row per attribute");

static struct dbc_raw_def *as_def(struct dbc_named *named)
{
    return (struct dbc_raw_def *)(void *)named;
}

static struct dbc_raw_def *find_def(const struct dbc_raw *raw, enum ct_dbc_scope scope, struct dbc_span name)
{
    struct dbc_named *named = ct_dbc_find_named(&raw->defs_by_name[scope], name);
    return named != NULL ? as_def(named)->meant : NULL;
}

static struct dbc_raw_def *known_def(const struct dbc_raw *raw, enum dbc_attribute attribute, enum ct_dbc_scope scope)
{
    const char *name = known_attributes[attribute].name;
    return find_def(raw, scope, (struct dbc_span){name, strlen(name)});
}

/* ---- definitions */

/* An attribute that a value names and no BA_DEF_ defines. */
static void imply(struct dbc_raw *raw, enum ct_dbc_scope scope, const struct dbc_ref *ref)
{
    struct dbc_raw_def *def = ct_dbc_alloc(raw->temp, sizeof *def);
    double number = 0;
    if (def == NULL) {
        return;
    }
    def->named = (struct dbc_named){.name = ref->other, .place = ref->place};
    def->content.scope = scope;
    def->content.implied = true;
    def->content.type = !ref->quoted && ct_dbc_number(ref->text, &number) ? CT_DBC_FLOAT : CT_DBC_STRING;
    ct_dbc_append(&raw->defs[scope], &def->named);
}

/* Of definitions of one name the last counts; an implied one stands for all uses of its name. */
static void lead_defs(struct dbc_raw *raw, const struct dbc_index *index)
{
    for (size_t first = 0; first < index->count;) {
        size_t last = first;
        while (last + 1 < index->count && ct_dbc_same_span(index->items[last + 1]->name, index->items[first]->name)) {
            last++;
        }
        struct dbc_raw_def *def = as_def(index->items[first]);
        const bool implied = def->content.implied;
        if (implied) {
            ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_ATTRIBUTE, def->named.place,
                          "attribute '%.*s' has no definition", ct_dbc_shown(def->named.name), def->named.name.p);
        }
        for (size_t i = first; i <= last; i++) {
            as_def(index->items[i])->dropped = implied && i > first;
        }
        def->meant = as_def(index->items[implied ? first : last]);
        first = last + 1;
    }
}

static bool index_defs(struct dbc_raw *raw, enum ct_dbc_scope scope)
{
    if (!ct_dbc_make_index(raw->temp, &raw->defs[scope], &raw->defs_by_name[scope])) {
        return false;
    }
    lead_defs(raw, &raw->defs_by_name[scope]);
    return true;
}

/* A default names no scope: it counts wherever an attribute of the name is defined. */
static void set_default(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    const int first = ref->number != 0 ? CT_DBC_SCOPE_NODE_ENVIRONMENT : CT_DBC_SCOPE_NETWORK;
    const int last = ref->number != 0 ? CT_DBC_SCOPE_NODE_SIGNAL : CT_DBC_SCOPE_ENVIRONMENT;
    bool found = false;
    for (int scope = first; scope <= last; scope++) {
        struct dbc_raw_def *def = find_def(raw, (enum ct_dbc_scope)scope, ref->other);
        if (def != NULL) {
            def->preset = ref;
            found = true;
        }
    }
    if (!found) {
        ct_dbc_report(raw->report, CT_DBC_CODE_UNKNOWN_ATTRIBUTE, ref->place, "attribute '%.*s' has no definition",
                      ct_dbc_shown(ref->other), ref->other.p);
    }
}

/* The scope of a default without definition is known only for attributes that mean something. */
static void imply_default(struct dbc_raw *raw, const struct dbc_ref *ref)
{
    for (size_t i = 0; i < DBC_ATTR_COUNT; i++) {
        const enum ct_dbc_scope scope = known_attributes[i].scope;
        if (ct_dbc_span_is(ref->other, known_attributes[i].name) && find_def(raw, scope, ref->other) == NULL) {
            imply(raw, scope, ref);
        }
    }
}

static bool link_refs(struct dbc_raw *raw)
{
    for (int scope = 0; scope < DBC_SCOPES; scope++) {
        if (!index_defs(raw, (enum ct_dbc_scope)scope)) {
            return false;
        }
    }
    for (struct dbc_ref *ref = raw->refs; ref != NULL; ref = ref->next) {
        if (ref->kind == DBC_REF_DEFAULT && ref->number == 0) {
            imply_default(raw, ref);
        } else if (ref->kind == DBC_REF_ATTRIBUTE) {
            ref->of.def = find_def(raw, (enum ct_dbc_scope)ref->scope, ref->other);
            if (ref->of.def == NULL) {
                imply(raw, (enum ct_dbc_scope)ref->scope, ref);
            }
        }
    }
    for (int scope = 0; scope < DBC_SCOPES; scope++) {
        if (raw->defs[scope].count > raw->defs_by_name[scope].count && !index_defs(raw, (enum ct_dbc_scope)scope)) {
            return false;
        }
    }
    for (struct dbc_ref *ref = raw->refs; ref != NULL; ref = ref->next) {
        if (ref->kind == DBC_REF_DEFAULT) {
            set_default(raw, ref);
        } else if (ref->kind == DBC_REF_ATTRIBUTE && ref->of.def == NULL) {
            ref->of.def = find_def(raw, (enum ct_dbc_scope)ref->scope, ref->other);
        }
    }
    return true;
}

static bool build_texts(struct dbc_raw *raw, struct dbc_raw_def *def, struct ct_dbc_attribute_def *model)
{
    const char **texts = ct_dbc_alloc_array(raw->keep, def->texts.count, sizeof *texts);
    if (texts == NULL || !ct_dbc_make_index(raw->temp, &def->texts, &def->texts_by_name)) {
        return false;
    }
    for (const struct dbc_named *text = def->texts.first; text != NULL; text = text->next) {
        texts[text->order] = ct_dbc_utf8(raw->keep, text->name);
    }
    model->texts = texts;
    model->text_count = def->texts.count;
    return true;
}

static int compare_places(const void *a, const void *b)
{
    const struct dbc_raw_def *left = *(struct dbc_raw_def *const *)a;
    const struct dbc_raw_def *right = *(struct dbc_raw_def *const *)b;
    return left->named.place < right->named.place ? -1 : left->named.place > right->named.place;
}

/* The definitions of all scopes in the file's order. */
static struct dbc_raw_def **collect_defs(struct dbc_raw *raw, size_t *out_count)
{
    size_t count = 0;
    for (int scope = 0; scope < DBC_SCOPES; scope++) {
        count += raw->defs[scope].count;
    }
    struct dbc_raw_def **defs = ct_dbc_alloc_array(raw->temp, count, sizeof *defs);
    if (defs == NULL) {
        return NULL;
    }
    size_t at = 0;
    for (int scope = 0; scope < DBC_SCOPES; scope++) {
        for (struct dbc_named *named = raw->defs[scope].first; named != NULL; named = named->next) {
            if (!as_def(named)->dropped) {
                defs[at++] = as_def(named);
            }
        }
    }
    qsort(defs, at, sizeof *defs, compare_places);
    *out_count = at;
    return defs;
}

bool ct_dbc_build_defs(struct dbc_raw *raw, struct ct_dbc *dbc)
{
    size_t count = 0;
    struct dbc_raw_def **defs = link_refs(raw) ? collect_defs(raw, &count) : NULL;
    struct ct_dbc_attribute_def *models = ct_dbc_alloc_array(raw->keep, count, sizeof *models);
    if (defs == NULL || models == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        struct dbc_raw_def *def = defs[i];
        models[i] = def->content;
        models[i].name = ct_dbc_utf8(raw->keep, def->named.name);
        models[i].place = ct_dbc_place_of(raw->report, def->named.place);
        models[i].preset.text = "";
        if (!build_texts(raw, def, &models[i])) {
            return false;
        }
        def->model = &models[i];
        if (def->preset != NULL) {
            models[i].has_default = true;
            models[i].preset = ct_dbc_build_value(raw, def, def->preset);
        }
    }
    dbc->attribute_defs = models;
    dbc->attribute_def_count = count;
    return true;
}

/* ---- values */

/* An ENUM's value is written as its index or as its text; -1 where it is neither. */
static int64_t enum_index(const struct dbc_raw_def *def, const struct dbc_ref *ref)
{
    const struct dbc_named *text = ref->quoted ? ct_dbc_find_named(&def->texts_by_name, ref->text) : NULL;
    double number = 0;
    if (text != NULL) {
        return text->order;
    }
    if (ct_dbc_number(ref->text, &number) && number >= 0 && number < (double)def->texts.count) {
        return (int64_t)number;
    }
    text = ct_dbc_find_named(&def->texts_by_name, ref->text);
    return text != NULL ? (int64_t)text->order : -1;
}

struct ct_dbc_value ct_dbc_build_value(struct dbc_raw *raw, const struct dbc_raw_def *def, const struct dbc_ref *ref)
{
    struct ct_dbc_value value = {0};
    if (def->content.type == CT_DBC_ENUM) {
        const int64_t index = enum_index(def, ref);
        value.number = (double)index;
        value.text = index >= 0 ? def->model->texts[index] : ct_dbc_utf8(raw->keep, ref->text);
        return value;
    }
    value.text = ct_dbc_utf8(raw->keep, ref->text);
    if (def->content.type != CT_DBC_STRING && !ct_dbc_number(ref->text, &value.number) && ref->text.len > 0) {
        ct_dbc_report(raw->report, CT_DBC_CODE_ATTRIBUTE_VALUE, ref->place, "attribute '%s' is a number, not '%.*s'",
                      def->model->name, ct_dbc_shown(ref->text), ref->text.p);
    }
    return value;
}

struct ct_dbc_attributes ct_dbc_build_attributes(struct dbc_raw *raw, const struct dbc_chain *chain)
{
    struct ct_dbc_attributes attributes = {0};
    if (chain->count == 0) {
        return attributes;
    }
    struct ct_dbc_attribute *items = ct_dbc_alloc_array(raw->keep, chain->count, sizeof *items);
    if (items == NULL) {
        return attributes;
    }
    for (const struct dbc_ref *ref = chain->first; ref != NULL; ref = ref->said_next) {
        struct dbc_raw_def *def = ref->of.def;
        if (def->owner != chain) {
            def->owner = chain;
            def->slot = attributes.count++;
        }
        items[def->slot] = (struct ct_dbc_attribute){def->model, ct_dbc_build_value(raw, def, ref)};
    }
    attributes.items = items;
    return attributes;
}

/* The network's own value stands where objects have none, then the definition's default. */
void ct_dbc_note_known(struct dbc_raw *raw, struct ct_dbc_attributes network)
{
    for (int i = 0; i < DBC_ATTR_COUNT; i++) {
        const enum dbc_attribute attribute = (enum dbc_attribute)i;
        const struct dbc_raw_def *own = known_def(raw, attribute, known_attributes[i].scope);
        const struct dbc_raw_def *shared = known_def(raw, attribute, CT_DBC_SCOPE_NETWORK);
        raw->known_defs[i] = own != NULL ? own->model : NULL;
        if (shared != NULL && shared->model->has_default) {
            raw->known[i] = &shared->model->preset;
        }
        if (own != NULL && own->model->has_default) {
            raw->known[i] = &own->model->preset;
        }
        for (size_t k = 0; shared != NULL && k < network.count; k++) {
            if (network.items[k].def == shared->model) {
                raw->known[i] = &network.items[k].value;
            }
        }
    }
}

const struct ct_dbc_value *ct_dbc_known_value(const struct dbc_raw *raw, struct ct_dbc_attributes attributes,
                                              enum dbc_attribute attribute)
{
    for (size_t i = 0; i < attributes.count; i++) {
        if (attributes.items[i].def == raw->known_defs[attribute]) {
            return &attributes.items[i].value;
        }
    }
    return raw->known[attribute];
}

double ct_dbc_value_number(const struct ct_dbc_value *value)
{
    double number = 0;
    if (!ct_dbc_number((struct dbc_span){value->text, strlen(value->text)}, &number)) {
        number = strtod(value->text, NULL);
    }
    return number;
}

const char *ct_dbc_long_name(const struct dbc_raw *raw, struct ct_dbc_attributes attributes,
                             enum dbc_attribute attribute, const char *short_name)
{
    for (size_t i = 0; i < attributes.count; i++) {
        if (attributes.items[i].def == raw->known_defs[attribute] && attributes.items[i].value.text[0] != '\0') {
            return attributes.items[i].value.text;
        }
    }
    return short_name;
}
