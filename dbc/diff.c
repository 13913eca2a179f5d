/* Two lists of facts, sorted by key, walked side by side. */
#include "diff.h"

#include "diff_facts.h"

#include <stdlib.h>
#include <string.h>

struct diff {
    struct dbc_facts sides[2];
    ct_dbc_change_fn report;
    void *user;
    size_t count;
};

static const char *text_at(const struct dbc_facts *facts, size_t at)
{
    return (const char *)facts->texts.data + at;
}

static int compare_objects(const void *a, const void *b, void *arg)
{
    const struct dbc_facts *facts = arg;
    const struct dbc_object *left = a;
    const struct dbc_object *right = b;
    const int order = strcmp(text_at(facts, left->key), text_at(facts, right->key));
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

static int compare_facts(const void *a, const void *b, void *arg)
{
    const struct dbc_facts *facts = arg;
    return strcmp(text_at(facts, ((const struct dbc_fact *)a)->field),
                  text_at(facts, ((const struct dbc_fact *)b)->field));
}

static void sort(struct dbc_facts *facts)
{
    for (size_t i = 0; i < facts->object_count; i++) {
        const struct dbc_object *object = &facts->objects[i];
        if (object->fact_count > 1) {
            qsort_r(&facts->items[object->first], object->fact_count, sizeof *facts->items, compare_facts, facts);
        }
    }
    if (facts->object_count > 1) {
        qsort_r(facts->objects, facts->object_count, sizeof *facts->objects, compare_objects, facts);
    }
}

static void change(struct diff *diff, const struct ct_dbc_change *change)
{
    diff->count++;
    diff->report(diff->user, change);
}

static void field_only_in(struct diff *diff, const char *label, size_t side, const struct dbc_fact *fact)
{
    const struct dbc_facts *facts = &diff->sides[side];
    const char *value = text_at(facts, fact->value);
    const struct ct_dbc_change found = {.kind = side == 0 ? CT_DBC_REMOVED : CT_DBC_ADDED,
                                        .object = label,
                                        .field = text_at(facts, fact->field),
                                        .before = side == 0 ? value : "",
                                        .after = side == 0 ? "" : value};
    change(diff, &found);
}

static void field_in_both(struct diff *diff, const char *label, const struct dbc_fact *before,
                          const struct dbc_fact *after)
{
    const struct ct_dbc_change found = {.kind = CT_DBC_CHANGED,
                                        .object = label,
                                        .field = text_at(&diff->sides[0], before->field),
                                        .before = text_at(&diff->sides[0], before->value),
                                        .after = text_at(&diff->sides[1], after->value)};
    if (strcmp(found.before, found.after) != 0) {
        change(diff, &found);
    }
}

static void compare_fields(struct diff *diff, const struct dbc_object *before, const struct dbc_object *after)
{
    const char *label = text_at(&diff->sides[0], before->label); /* one object, one name, also where that changes */
    const struct dbc_fact *a = &diff->sides[0].items[before->first];
    const struct dbc_fact *b = &diff->sides[1].items[after->first];
    const struct dbc_fact *a_end = a + before->fact_count;
    const struct dbc_fact *b_end = b + after->fact_count;
    while (a < a_end || b < b_end) {
        const int order = a == a_end   ? 1
                          : b == b_end ? -1
                                       : strcmp(text_at(&diff->sides[0], a->field), text_at(&diff->sides[1], b->field));
        if (order < 0) {
            field_only_in(diff, label, 0, a++);
        } else if (order > 0) {
            field_only_in(diff, label, 1, b++);
        } else {
            field_in_both(diff, label, a++, b++);
        }
    }
}

static bool is_part_of(const char *key, const char *whole)
{
    const size_t len = strlen(whole);
    return strncmp(key, whole, len) == 0 && key[len] == DBC_KEY_PART;
}

/* An object that one side lacks, reported once for itself and its parts; *whole is the key of the last such. */
static void object_only_in(struct diff *diff, size_t side, const struct dbc_object *object, const char **whole)
{
    const struct dbc_facts *facts = &diff->sides[side];
    const char *key = text_at(facts, object->key);
    if (*whole != NULL && is_part_of(key, *whole)) {
        return;
    }
    *whole = key;
    const struct ct_dbc_change found = {.kind = side == 0 ? CT_DBC_REMOVED : CT_DBC_ADDED,
                                        .object = text_at(facts, object->label),
                                        .field = "",
                                        .before = "",
                                        .after = ""};
    change(diff, &found);
}

static void compare_sides(struct diff *diff)
{
    const struct dbc_object *a = diff->sides[0].objects;
    const struct dbc_object *b = diff->sides[1].objects;
    const struct dbc_object *a_end = a + diff->sides[0].object_count;
    const struct dbc_object *b_end = b + diff->sides[1].object_count;
    const char *removed = NULL;
    const char *added = NULL;
    while (a < a_end || b < b_end) {
        const int order = a == a_end   ? 1
                          : b == b_end ? -1
                                       : strcmp(text_at(&diff->sides[0], a->key), text_at(&diff->sides[1], b->key));
        if (order < 0) {
            object_only_in(diff, 0, a++, &removed);
        } else if (order > 0) {
            object_only_in(diff, 1, b++, &added);
        } else {
            compare_fields(diff, a++, b++);
        }
    }
}

int ct_dbc_diff(const struct ct_dbc *before, const struct ct_dbc *after, const struct ct_dbc_diff_options *options,
                ct_dbc_change_fn report, void *user, size_t *out_count)
{
    struct diff diff = {.report = report, .user = user};
    const int first = ct_dbc_facts_init(&diff.sides[0], before, options);
    const int second = ct_dbc_facts_init(&diff.sides[1], after, options);
    const int err = first != CT_OK ? first : second;
    if (err == CT_OK) {
        sort(&diff.sides[0]);
        sort(&diff.sides[1]);
        compare_sides(&diff);
        *out_count = diff.count;
    }
    ct_dbc_facts_free(&diff.sides[0]);
    ct_dbc_facts_free(&diff.sides[1]);
    return err;
}
