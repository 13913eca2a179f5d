#include "labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* name, text */
#define STATEMENTS(X)                                                                                              \
    X(ALL, "SELECT vehicle, \"group\", model, tags FROM labels")                                                   \
    X(SET, "INSERT INTO labels VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET \"group\" = excluded.\"group\", "         \
           "model = excluded.model, tags = excluded.tags")                                                         \
    X(MODELS, "SELECT name, revision, dbc, mapping, policy, note FROM models ORDER BY name")                       \
    X(REVISION, "SELECT revision FROM models WHERE name = ?")                                                      \
    X(MODEL_COUNT, "SELECT count(*) FROM models")                                                                  \
    X(SET_MODEL, "INSERT INTO models VALUES(?,?,?,?,?,?) ON CONFLICT DO UPDATE SET revision = excluded.revision, " \
                 "dbc = excluded.dbc, mapping = excluded.mapping, policy = excluded.policy, note = excluded.note") \
    X(REMOVE_MODEL, "DELETE FROM models WHERE name = ?")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_label_store {
    sqlite3_stmt *statements[S_COUNT];
};

bool ct_label_valid(const char *name)
{
    const size_t len = strlen(name);
    return len > 0 && len <= CT_LABEL_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

bool ct_labels_have_tag(const struct ct_vehicle_labels *labels, const char *tag)
{
    const size_t len = strlen(tag);
    for (const char *at = labels->tags; *at != '\0';) {
        const size_t word = strcspn(at, " ");
        if (word == len && strncmp(at, tag, len) == 0) {
            return true;
        }
        at += word + (at[word] == ' ');
    }
    return false;
}

static const char *column(sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    return text == NULL ? "" : text;
}

static int load(struct ct_label_store *store, const struct ct_registry *registry)
{
    sqlite3_stmt *all = store->statements[S_ALL];
    int row;
    while ((row = ct_statement_row(all)) == 1) {
        struct ct_vehicle *vehicle = ct_registry_by_row(registry, sqlite3_column_int64(all, 0));
        if (vehicle != NULL) {
            struct ct_vehicle_labels *labels = &vehicle->labels;
            (void)snprintf(labels->group, sizeof labels->group, "%s", column(all, 1));
            (void)snprintf(labels->model, sizeof labels->model, "%s", column(all, 2));
            (void)snprintf(labels->tags, sizeof labels->tags, "%s", column(all, 3));
        }
    }
    return row;
}

int ct_labels_open(struct ct_database *database, const struct ct_registry *registry, struct ct_label_store **out_store)
{
    struct ct_label_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = ct_statements_prepare(database, statement_texts, store->statements, S_COUNT);
    err = err == CT_OK ? load(store, registry) : err;
    if (err != CT_OK) {
        ct_labels_close(store);
        return err;
    }
    *out_store = store;
    return CT_OK;
}

void ct_labels_close(struct ct_label_store *store)
{
    if (store != NULL) {
        ct_statements_free(store->statements, S_COUNT);
        free(store);
    }
}

int ct_labels_set(struct ct_label_store *store, struct ct_vehicle *vehicle, const struct ct_vehicle_labels *labels)
{
    sqlite3_stmt *set = store->statements[S_SET];
    int err = ct_statement_bind(set, "ittt", vehicle->row, labels->group, labels->model, labels->tags);
    err = err == CT_OK ? ct_statement_run(set) : err;
    if (err == CT_OK) {
        vehicle->labels = *labels;
    }
    return err;
}

/* 0 when there is no row. */
static int one_number(sqlite3_stmt *statement, int64_t *out_value)
{
    const int row = ct_statement_row(statement);
    *out_value = row == 1 ? sqlite3_column_int64(statement, 0) : 0;
    ct_statement_end(statement);
    return row < 0 ? row : CT_OK;
}

int ct_model_revision(struct ct_label_store *store, const char *name, int64_t *out_revision)
{
    const int err = ct_statement_bind(store->statements[S_REVISION], "t", name);
    return err == CT_OK ? one_number(store->statements[S_REVISION], out_revision) : err;
}

int ct_model_set(struct ct_label_store *store, const struct ct_model *model, int64_t *out_revision)
{
    int64_t revision = 0;
    int64_t count = 0;
    int err = ct_model_revision(store, model->name, &revision);
    err = err == CT_OK ? one_number(store->statements[S_MODEL_COUNT], &count) : err;
    if (err == CT_OK && revision == 0 && count >= CT_MODELS_MAX) {
        return CT_ERR_FULL;
    }
    revision++;
    sqlite3_stmt *set = store->statements[S_SET_MODEL];
    err = err == CT_OK ? ct_statement_bind(set, "titttt", model->name, revision, model->dbc, model->mapping,
                                           model->policy, model->note)
                       : err;
    err = err == CT_OK ? ct_statement_run(set) : err;
    if (err == CT_OK) {
        *out_revision = revision;
    }
    return err;
}

int ct_model_remove(struct ct_label_store *store, const char *name)
{
    const int err = ct_statement_bind(store->statements[S_REMOVE_MODEL], "t", name);
    return err == CT_OK ? ct_statement_run(store->statements[S_REMOVE_MODEL]) : err;
}

int ct_models_each(struct ct_label_store *store, int (*fn)(void *user, const struct ct_model *model), void *user)
{
    sqlite3_stmt *models = store->statements[S_MODELS];
    int err = CT_OK;
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(models)) == 1) {
        const struct ct_model model = {.name = column(models, 0),
                                       .revision = sqlite3_column_int64(models, 1),
                                       .dbc = column(models, 2),
                                       .mapping = column(models, 3),
                                       .policy = column(models, 4),
                                       .note = column(models, 5)};
        err = fn(user, &model);
    }
    ct_statement_end(models);
    return err != CT_OK ? err : row;
}
