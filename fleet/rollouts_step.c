/* Rollouts going on: what people and vehicles say, and whom to offer next. */
#include "rollouts_private.h"

#include <stdlib.h>
#include <string.h>

#define LOOK_MS     30000 /* for deadlines */
#define LIFETIME_MS CT_UPDATE_LIFETIME_MS
#define OFFERS_MAX  256 /* made in one step; the rest at the next */

static int store(struct ct_rollouts *rollouts, struct ct_rollout_row *row, int64_t utc_ms)
{
    const struct ct_rollout *rollout = &row->rollout;
    sqlite3_stmt *set = rollouts->statements[CT_RO_SET];
    const int err = ct_statement_bind(set, "iiiiiiii", (int64_t)rollout->state, (int64_t)rollout->plan.success_percent,
                                      (int64_t)rollout->wave, (int64_t)rollout->wave_count, (int64_t)rollout->wave_good,
                                      (int64_t)rollout->wave_bad, utc_ms, row->id);
    const int got = err == CT_OK ? ct_statement_row(set) : err;
    if (got == 1) {
        row->revision = sqlite3_column_int64(set, 0);
        ct_statement_end(set);
    }
    return got < 0 ? got : CT_OK;
}

static int run_for(sqlite3_stmt *statement, int64_t rollout)
{
    const int err = ct_statement_bind(statement, "i", rollout);
    return err == CT_OK ? ct_statement_run(statement) : err;
}

int ct_rollouts_change(struct ct_rollouts *rollouts, struct ct_rollout_row *row, bool retry, int64_t utc_ms)
{
    int err = store(rollouts, row, utc_ms);
    if (err == CT_OK && retry) {
        err = run_for(rollouts->statements[CT_RO_RETRY], row->id);
    }
    if (err == CT_OK && row->rollout.state == CT_ROLLOUT_CANCELLED) {
        err = run_for(rollouts->statements[CT_RO_LEAVE_OUT], row->id);
    }
    rollouts->touched = true;
    return err;
}

int ct_rollouts_note(struct ct_rollouts *rollouts, int64_t vehicle_row, const struct ct_update_news *news)
{
    sqlite3_stmt *note = rollouts->statements[CT_RO_NOTE_PLACE];
    rollouts->touched = true;
    const int err = ct_statement_bind(note, "iii", (int64_t)news->place, news->rollout, vehicle_row);
    return err == CT_OK ? ct_statement_run(note) : err;
}

/* ------------------------------------------------------------------------------------------------ one step */

struct places {
    struct ct_rollout_place *at;
    int64_t *vehicles;
    size_t count;
};

static void free_places(struct places *places)
{
    free(places->at);
    free(places->vehicles);
}

static int read_places(struct ct_rollouts *rollouts, const struct ct_rollout_row *row, struct places *out)
{
    size_t capacity = 0;
    for (size_t i = 0; i < CT_PLACE_STATES; i++) {
        capacity += (size_t)row->places[i];
    }
    *out = (struct places){calloc(capacity + 1, sizeof *out->at), calloc(capacity + 1, sizeof *out->vehicles), 0};
    if (out->at == NULL || out->vehicles == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    sqlite3_stmt *list = rollouts->statements[CT_RO_PLACES];
    int got = ct_statement_bind(list, "i", row->id);
    while (got >= 0 && (got = ct_statement_row(list)) == 1) {
        if (out->count < capacity) {
            const int64_t vehicle_row = sqlite3_column_int64(list, 0);
            const struct ct_vehicle *vehicle = ct_registry_by_row(rollouts->registry, vehicle_row);
            out->vehicles[out->count] = vehicle_row;
            out->at[out->count++] = (struct ct_rollout_place){.state = (enum ct_place_state)sqlite3_column_int(list, 1),
                                                              .wave = (uint32_t)sqlite3_column_int64(list, 2),
                                                              .reachable = vehicle != NULL && vehicle->connected};
        }
    }
    return got;
}

static int take_length(void *user, const struct ct_release_row *row)
{
    struct ct_update_part part;
    const int err = ct_signed_payload_split(row->signed_bytes, row->signed_len, &part);
    *(size_t *)user = part.len;
    return err;
}

static int issue(struct ct_rollouts *rollouts, const struct ct_rollout_row *row, int64_t vehicle_row,
                 size_t release_len, int64_t utc_ms)
{
    const struct ct_vehicle *vehicle = ct_registry_by_row(rollouts->registry, vehicle_row);
    const int64_t longest = utc_ms + LIFETIME_MS;
    const int64_t deadline = row->rollout.plan.deadline_utc_ms;
    uint8_t id[CT_UPDATE_ID_SIZE];
    const struct ct_update_order order = {.vehicle_row = vehicle_row,
                                          .rollout = row->id,
                                          .vehicle_id = vehicle->id,
                                          .release_sha256 = row->release,
                                          .release_len = release_len,
                                          .confirm = row->confirm,
                                          .rollback = row->rollback,
                                          .utc_ms = utc_ms,
                                          .expires_utc_ms = deadline < longest ? deadline : longest};
    const int err = ct_updates_issue(rollouts->updates, &order, id);
    sqlite3_stmt *set = rollouts->statements[CT_RO_SET_PLACE];
    /* No sequence is left for it: not of the set's making. */
    const enum ct_place_state place = err == CT_ERR_RANGE ? CT_PLACE_DECLINED : CT_PLACE_OPEN;
    int stored = err == CT_ERR_RANGE ? CT_OK : err;
    stored = stored == CT_OK
                 ? ct_statement_bind(set, "iiii", (int64_t)place, (int64_t)row->rollout.wave, row->id, vehicle_row)
                 : stored;
    return stored == CT_OK ? ct_statement_run(set) : stored;
}

static int offer(struct ct_rollouts *rollouts, const struct ct_rollout_row *row, const struct places *places,
                 const struct ct_rollouts_ops *ops, int64_t utc_ms)
{
    size_t release_len = 0;
    size_t made = 0;
    int err = ct_update_store_releases(rollouts->store, row->release, take_length, &release_len);
    for (size_t i = 0; err == CT_OK && i < places->count && made < OFFERS_MAX; i++) {
        if (places->at[i].offer) {
            err = issue(rollouts, row, places->vehicles[i], release_len, utc_ms);
            made++;
            if (err == CT_OK) {
                ops->offered(ops->user, places->vehicles[i]);
            }
        }
    }
    rollouts->touched = rollouts->touched || made == OFFERS_MAX;
    return err;
}

static bool differ(const struct ct_rollout *a, const struct ct_rollout *b)
{
    return a->state != b->state || a->wave != b->wave || a->wave_count != b->wave_count ||
           a->wave_good != b->wave_good || a->wave_bad != b->wave_bad;
}

static int step_one(struct ct_rollouts *rollouts, int64_t id, const struct ct_rollouts_ops *ops, int64_t utc_ms)
{
    struct ct_rollout_row row;
    struct places places = {0};
    int err = ct_rollouts_get(rollouts, id, &row);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_rollout before = row.rollout;
    err = read_places(rollouts, &row, &places);
    if (err == CT_OK) {
        const size_t offers = ct_rollout_next(&row.rollout, places.at, places.count, utc_ms);
        err = offers > 0 ? offer(rollouts, &row, &places, ops, utc_ms) : CT_OK;
        const bool changed = offers > 0 || differ(&before, &row.rollout);
        err = err == CT_OK && changed ? store(rollouts, &row, utc_ms) : err;
        if (err == CT_OK && changed) {
            ops->changed(ops->user, id);
        }
    }
    free_places(&places);
    return err;
}

bool ct_rollouts_due(const struct ct_rollouts *rollouts, int64_t utc_ms)
{
    return rollouts->touched || utc_ms - rollouts->looked_utc_ms >= LOOK_MS || utc_ms < rollouts->looked_utc_ms;
}

int ct_rollouts_step(struct ct_rollouts *rollouts, const struct ct_rollouts_ops *ops, int64_t utc_ms)
{
    int64_t running[CT_ROLLOUTS_OPEN_MAX];
    size_t count = 0;
    rollouts->looked_utc_ms = utc_ms;
    rollouts->touched = false;
    sqlite3_stmt *list = rollouts->statements[CT_RO_RUNNING];
    int got;
    while ((got = ct_statement_row(list)) == 1 && count < CT_ROLLOUTS_OPEN_MAX) {
        running[count++] = sqlite3_column_int64(list, 0);
    }
    ct_statement_end(list);
    int err = got < 0 ? got : CT_OK;
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        err = step_one(rollouts, running[i], ops, utc_ms);
    }
    return err;
}
