/* Attribute values against their definitions. */
#include "lint_checks.h"

#include <string.h>

static void check_value(struct dbc_lint *lint, const struct ct_dbc_attribute_def *def, const struct ct_dbc_value *value,
                        struct ct_dbc_place place, const char *what, const char *name)
{
    if (def->type == CT_DBC_STRING) {
        return;
    }
    if (def->type == CT_DBC_ENUM) {
        if (value->number < 0) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_ATTRIBUTE_TEXT, place,
                             "%s '%s': '%s' is none of the texts of attribute '%s'", what, name, value->text,
                             def->name);
        }
        return;
    }
    if (def->min < def->max && (value->number < def->min || value->number > def->max)) {
        ct_dbc_lint_find(lint, CT_DBC_CODE_ATTRIBUTE_RANGE, place,
                         "%s '%s': %.15g is outside %.15g to %.15g of attribute '%s'", what, name, value->number,
                         def->min, def->max, def->name);
    }
}

void ct_dbc_lint_attributes(struct dbc_lint *lint, const struct ct_dbc_attributes *attributes,
                            struct ct_dbc_place place, const char *what, const char *name)
{
    for (size_t i = 0; i < attributes->count; i++) {
        check_value(lint, attributes->items[i].def, &attributes->items[i].value, place, what, name);
    }
}

static bool is_relation(const struct ct_dbc_attribute_def *def)
{
    return def->scope >= CT_DBC_SCOPE_NODE_ENVIRONMENT;
}

/* Readers keep one definition per name, whatever it belongs to; those of relations apart. */
static void check_twice(struct dbc_lint *lint, bool relations)
{
    const struct ct_dbc_attribute_def *defs = lint->dbc->attribute_defs;
    struct dbc_names names;
    if (!ct_dbc_names_init(&names, lint->dbc->attribute_def_count)) {
        lint->no_memory = true;
        return;
    }
    for (size_t i = 0; i < lint->dbc->attribute_def_count; i++) {
        if (is_relation(&defs[i]) == relations) {
            ct_dbc_names_add(&names, defs[i].name, i);
        }
    }
    ct_dbc_names_sort(&names);
    for (size_t i = 1; i < names.count; i++) {
        const struct dbc_name *name = &names.items[i];
        if (strcmp(name->text, name[-1].text) == 0) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_ATTRIBUTE_TWICE, defs[name->index].place,
                             "attribute '%s' is defined a second time, after line %u", name->text,
                             defs[name[-1].index].place.line);
        }
    }
    ct_dbc_names_free(&names);
}

static struct ct_dbc_place relation_place(const struct ct_dbc_relation *relation)
{
    return relation->signal != NULL        ? relation->signal->place
           : relation->message != NULL     ? relation->message->place
           : relation->environment != NULL ? relation->environment->place
                                           : relation->attribute.def->place;
}

void ct_dbc_lint_definitions(struct dbc_lint *lint)
{
    const struct ct_dbc *dbc = lint->dbc;
    check_twice(lint, false);
    check_twice(lint, true);
    for (size_t i = 0; i < dbc->attribute_def_count; i++) {
        const struct ct_dbc_attribute_def *def = &dbc->attribute_defs[i];
        if (!def->has_default) {
            ct_dbc_lint_find(lint, CT_DBC_CODE_ATTRIBUTE_NO_DEFAULT, def->place, "attribute '%s' has no default",
                             def->name);
        } else if (def->type != CT_DBC_ENUM || def->preset.text[0] != '\0') {
            check_value(lint, def, &def->preset, def->place, "default of", def->name);
        }
    }
    ct_dbc_lint_attributes(lint, &dbc->attributes, (struct ct_dbc_place){1, 1}, "database", dbc->name);
    for (size_t i = 0; i < dbc->relation_count; i++) {
        const struct ct_dbc_relation *relation = &dbc->relations[i];
        check_value(lint, relation->attribute.def, &relation->attribute.value, relation_place(relation),
                    "relation of node", relation->node);
    }
}
