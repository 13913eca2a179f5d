#include "rollouts_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_TEXT(name, text) text,
static const char *const statement_texts[CT_RO_COUNT] = {CT_ROLLOUTS_STATEMENTS(STATEMENT_TEXT)};

int ct_rollouts_open(struct ct_database *database, struct ct_registry *registry, struct ct_updates *updates,
                     struct ct_update_store *store, struct ct_rollouts **out_rollouts)
{
    struct ct_rollouts *rollouts = calloc(1, sizeof *rollouts);
    if (rollouts == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    rollouts->registry = registry;
    rollouts->updates = updates;
    rollouts->store = store;
    rollouts->touched = true;
    const int err = ct_statements_prepare(database, statement_texts, rollouts->statements, CT_RO_COUNT);
    if (err != CT_OK) {
        free(rollouts);
        return err;
    }
    *out_rollouts = rollouts;
    return CT_OK;
}

void ct_rollouts_close(struct ct_rollouts *rollouts)
{
    if (rollouts != NULL) {
        ct_statements_free(rollouts->statements, CT_RO_COUNT);
        free(rollouts);
    }
}

void ct_rollouts_touch(struct ct_rollouts *rollouts)
{
    rollouts->touched = true;
}

/* ------------------------------------------------------------------------------------------------ making one */

static bool meant(const struct ct_rollout_row *row, const struct ct_vehicle *vehicle)
{
    const struct ct_vehicle_labels *labels = &vehicle->labels;
    return (row->group[0] == '\0' || strcmp(row->group, labels->group) == 0) &&
           (row->model[0] == '\0' || strcmp(row->model, labels->model) == 0) &&
           (row->tag[0] == '\0' || ct_labels_have_tag(labels, row->tag));
}

/* 1: there is a row. */
static int has_row(sqlite3_stmt *statement)
{
    const int row = ct_statement_row(statement);
    ct_statement_end(statement);
    return row;
}

/* All fit before anything is stored. */
static int count_meant(struct ct_rollouts *rollouts, const struct ct_rollout_row *row, size_t *out_count)
{
    sqlite3_stmt *taken = rollouts->statements[CT_RO_TAKEN];
    size_t count = 0;
    for (size_t i = 0; i < ct_registry_count(rollouts->registry); i++) {
        const struct ct_vehicle *vehicle = ct_registry_at(rollouts->registry, i);
        if (!meant(row, vehicle)) {
            continue;
        }
        const int err = ct_statement_bind(taken, "ii", vehicle->row, INT64_C(0));
        const int is_taken = err == CT_OK ? has_row(taken) : err;
        if (is_taken != 0) {
            return is_taken == 1 ? CT_ERR_BUSY : is_taken;
        }
        count++;
    }
    *out_count = count;
    return count == 0 ? CT_ERR_NOT_FOUND : count > CT_ROLLOUT_VEHICLES_MAX ? CT_ERR_FULL : CT_OK;
}

static int add_places(struct ct_rollouts *rollouts, const struct ct_rollout_row *row)
{
    sqlite3_stmt *add = rollouts->statements[CT_RO_ADD_PLACE];
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(rollouts->registry); i++) {
        const struct ct_vehicle *vehicle = ct_registry_at(rollouts->registry, i);
        if (meant(row, vehicle)) {
            err = ct_statement_bind(add, "ii", row->id, vehicle->row);
            err = err == CT_OK ? ct_statement_run(add) : err;
        }
    }
    return err;
}

static int add_row(struct ct_rollouts *rollouts, struct ct_rollout_row *row, int64_t utc_ms)
{
    const struct ct_rollout_plan *plan = &row->rollout.plan;
    sqlite3_stmt *add = rollouts->statements[CT_RO_ADD];
    const int err = ct_statement_bind(add, "biiiiiitttttii", row->release, (size_t)CT_UPDATE_HASH_SIZE,
                                      (int64_t)plan->canary, (int64_t)plan->wave_size, (int64_t)plan->success_percent,
                                      plan->deadline_utc_ms, (int64_t)row->confirm, (int64_t)row->rollback, row->group,
                                      row->tag, row->model, row->note, row->user, utc_ms, utc_ms);
    const int got = err == CT_OK ? ct_statement_row(add) : err;
    if (got != 1) {
        return got == 0 ? CT_ERR_CORRUPT : got;
    }
    row->id = sqlite3_column_int64(add, 0);
    ct_statement_end(add);
    return CT_OK;
}

int ct_rollouts_add(struct ct_rollouts *rollouts, struct ct_rollout_row *row, int64_t utc_ms)
{
    sqlite3_stmt *open = rollouts->statements[CT_RO_OPEN_COUNT];
    const int got = ct_statement_row(open);
    const int64_t count_open = got == 1 ? sqlite3_column_int64(open, 0) : 0;
    size_t count = 0;
    ct_statement_end(open);
    if (got != 1 || count_open >= CT_ROLLOUTS_OPEN_MAX) {
        return got < 0 ? got : CT_ERR_FULL;
    }
    int err = count_meant(rollouts, row, &count);
    err = err == CT_OK ? add_row(rollouts, row, utc_ms) : err;
    err = err == CT_OK ? add_places(rollouts, row) : err;
    rollouts->touched = true;
    return err == CT_OK ? ct_rollouts_get(rollouts, row->id, row) : err;
}

/* ------------------------------------------------------------------------------------------------ reading */

static void take_text(char *out, size_t size, sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static int take_row(sqlite3_stmt *row, struct ct_rollout_row *out)
{
    *out = (struct ct_rollout_row){.id = sqlite3_column_int64(row, 0),
                                   .revision = sqlite3_column_int64(row, 3),
                                   .rollout = {.plan = {.canary = (uint32_t)sqlite3_column_int64(row, 4),
                                                        .wave_size = (uint32_t)sqlite3_column_int64(row, 5),
                                                        .success_percent = (uint32_t)sqlite3_column_int64(row, 6),
                                                        .deadline_utc_ms = sqlite3_column_int64(row, 7)},
                                               .state = (enum ct_rollout_state)sqlite3_column_int(row, 2),
                                               .wave = (uint32_t)sqlite3_column_int64(row, 8),
                                               .wave_count = (uint32_t)sqlite3_column_int64(row, 9),
                                               .wave_good = (uint32_t)sqlite3_column_int64(row, 10),
                                               .wave_bad = (uint32_t)sqlite3_column_int64(row, 11)},
                                   .confirm = sqlite3_column_int(row, 12) != 0,
                                   .rollback = sqlite3_column_int(row, 13) != 0,
                                   .created_utc_ms = sqlite3_column_int64(row, 19),
                                   .changed_utc_ms = sqlite3_column_int64(row, 20),
                                   .counter = sqlite3_column_int64(row, 22)};
    if (sqlite3_column_bytes(row, 1) != CT_UPDATE_HASH_SIZE) {
        return CT_ERR_CORRUPT;
    }
    memcpy(out->release, sqlite3_column_blob(row, 1), CT_UPDATE_HASH_SIZE);
    take_text(out->group, sizeof out->group, row, 14);
    take_text(out->tag, sizeof out->tag, row, 15);
    take_text(out->model, sizeof out->model, row, 16);
    take_text(out->note, sizeof out->note, row, 17);
    take_text(out->user, sizeof out->user, row, 18);
    take_text(out->set_id, sizeof out->set_id, row, 21);
    return CT_OK;
}

static int take_counts(struct ct_rollouts *rollouts, struct ct_rollout_row *out)
{
    sqlite3_stmt *counts = rollouts->statements[CT_RO_COUNTS];
    int row = ct_statement_bind(counts, "i", out->id);
    while (row >= 0 && (row = ct_statement_row(counts)) == 1) {
        const int state = sqlite3_column_int(counts, 0);
        if (state >= 0 && state < CT_PLACE_STATES) {
            out->places[state] = sqlite3_column_int64(counts, 1);
        }
    }
    return row;
}

int ct_rollouts_get(struct ct_rollouts *rollouts, int64_t id, struct ct_rollout_row *out_row)
{
    sqlite3_stmt *get = rollouts->statements[CT_RO_GET];
    int err = ct_statement_bind(get, "i", id);
    const int row = err == CT_OK ? ct_statement_row(get) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    err = take_row(get, out_row);
    ct_statement_end(get);
    return err == CT_OK ? take_counts(rollouts, out_row) : err;
}

int ct_rollouts_list(struct ct_rollouts *rollouts, size_t limit,
                     int (*fn)(void *user, const struct ct_rollout_row *row), void *user)
{
    sqlite3_stmt *list = rollouts->statements[CT_RO_LIST];
    struct ct_rollout_row out;
    int err = ct_statement_bind(list, "i", (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(list)) == 1) {
        err = take_row(list, &out);
        err = err == CT_OK ? take_counts(rollouts, &out) : err;
        err = err == CT_OK ? fn(user, &out) : err;
    }
    ct_statement_end(list);
    return err != CT_OK ? err : row;
}

int ct_rollouts_vehicles(struct ct_rollouts *rollouts, int64_t id, size_t limit,
                         int (*fn)(void *user, const struct ct_rollout_vehicle_row *row), void *user)
{
    sqlite3_stmt *list = rollouts->statements[CT_RO_VEHICLES];
    int err = ct_statement_bind(list, "ii", id, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(list)) == 1) {
        const bool offered = sqlite3_column_type(list, 3) != SQLITE_NULL;
        const char *text = (const char *)sqlite3_column_text(list, 7);
        const struct ct_rollout_vehicle_row out = {.vehicle_row = sqlite3_column_int64(list, 0),
                                                   .state = (enum ct_place_state)sqlite3_column_int(list, 1),
                                                   .wave = sqlite3_column_int64(list, 2),
                                                   .update_state = offered ? sqlite3_column_int(list, 3) : -1,
                                                   .verdict = offered ? sqlite3_column_int(list, 4) : -1,
                                                   .step = (uint32_t)sqlite3_column_int64(list, 5),
                                                   .steps = (uint32_t)sqlite3_column_int64(list, 6),
                                                   .text = text == NULL ? "" : text,
                                                   .changed_utc_ms = sqlite3_column_int64(list, 8)};
        err = fn(user, &out);
    }
    ct_statement_end(list);
    return err != CT_OK ? err : row;
}

int ct_rollouts_failures(struct ct_rollouts *rollouts, int64_t id, int (*fn)(void *user, int verdict, int64_t count),
                         void *user)
{
    sqlite3_stmt *failures = rollouts->statements[CT_RO_FAILURES];
    int err = ct_statement_bind(failures, "i", id);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(failures)) == 1) {
        err = fn(user, sqlite3_column_int(failures, 0), sqlite3_column_int64(failures, 1));
    }
    ct_statement_end(failures);
    return err != CT_OK ? err : row;
}
