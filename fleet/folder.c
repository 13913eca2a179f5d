#include "folder.h"

#include "crash_point.h"
#include "folder_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMIT_NS        (500 * CT_NS_PER_MS)
#define CHUNK_NS         (60 * CT_NS_PER_S)
#define OPEN_SAMPLES_MAX 8000000U
#define SWEEP_NS         CT_NS_PER_S
#define STREAM_NS        (100 * CT_NS_PER_MS)
#define SCRATCH_MAX      (8U * 1024U * 1024U)

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ------------------------------------------------------------------------------------------------ open */

static int read_applied(struct ct_folder *folder)
{
    static const char *const text[] = {"SELECT value FROM meta WHERE key = 'applied'"};
    sqlite3_stmt *get[1];
    const int err = ct_statements_prepare(&folder->database, text, get, 1);
    if (err != CT_OK) {
        return err;
    }
    const int row = ct_statement_row(get[0]);
    folder->replay_end = row == 1 ? (uint64_t)sqlite3_column_int64(get[0], 0) : 0;
    ct_statements_free(get, 1);
    return row < 0 ? row : CT_OK;
}

static const struct ct_catalogue *find_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct ct_folder *folder = user;
    return ct_catalogues_find(folder->catalogues, hash);
}

static int open_stores(struct ct_folder *folder, struct ct_moment moment)
{
    static const char *const text[] = {
        "INSERT INTO meta VALUES('applied', ?) ON CONFLICT DO UPDATE SET value = excluded.value"};
    /* Later starts begin at higher revisions as long as a vehicle changes less than a million times a second. */
    const uint64_t revision_base = (uint64_t)(moment.utc_ns / CT_NS_PER_S) * 1000000U;
    int err = ct_statements_prepare(&folder->database, text, &folder->set_applied, 1);
    err = err == CT_OK ? read_applied(folder) : err;
    err = err == CT_OK ? ct_catalogues_open(&folder->database, &folder->catalogues) : err;
    err =
        err == CT_OK ? ct_registry_open(&folder->database, folder->catalogues, revision_base, &folder->registry) : err;
    err = err == CT_OK ? ct_history_open(&folder->database, find_catalogue, folder, &folder->history) : err;
    err = err == CT_OK ? ct_labels_open(&folder->database, folder->registry, &folder->labels) : err;
    err = err == CT_OK ? ct_alerts_open(&folder->database, folder->registry, &folder->alerts) : err;
    if (err == CT_OK) {
        ct_alerts_listen(folder->alerts, ct_folder_alert, folder);
    }
    err = err == CT_OK ? ct_retention_open(&folder->database, &folder->config.retention, &folder->retention) : err;
    err = err == CT_OK ? ct_audit_open(&folder->database, &folder->audit) : err;
    err = err == CT_OK ? ct_commands_open(&folder->database, folder->config.director_secret, &folder->commands) : err;
    return err == CT_OK ? ct_folder_updates_open(folder) : err;
}

/* The oldest log offset that is still needed. */
static uint64_t needed_from(const struct ct_folder *folder, bool at_start)
{
    uint64_t from = at_start ? folder->replay_end : folder->stats.applied;
    for (size_t i = 0; i < ct_registry_count(folder->registry); i++) {
        const struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        from = smaller(from, at_start ? vehicle->replay_from : vehicle->open_from);
        from = smaller(from, at_start ? vehicle->catalogue_replay_from : vehicle->catalogue_from);
    }
    return from;
}

/* Positions tell later what is missing of what is new; here they have moved on already. */
static void mark_damage(struct ct_folder *folder, uint64_t offset)
{
    folder->stats.damaged++;
    for (size_t i = 0; offset < folder->replay_end && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        vehicle->replay_damaged =
            vehicle->replay_damaged || vehicle->replay_from < ct_ingest_reader_position(folder->reader);
    }
}

static int report_damage(struct ct_folder *folder, struct ct_moment moment)
{
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->replay_damaged) {
            vehicle->replay_damaged = false;
            err = ct_fold_lost(folder, vehicle, moment);
        }
    }
    return err;
}

static int read_and_fold(struct ct_folder *folder, uint64_t end, struct ct_moment moment)
{
    struct ct_ingest_entry entry;
    uint64_t offset;
    int err = ct_ingest_reader_next(folder->reader, end, &entry, &offset);
    if (err == CT_ERR_CORRUPT) {
        mark_damage(folder, offset);
        err = CT_OK;
    } else if (err == CT_OK) {
        err = ct_fold_entry(folder, &entry, offset, moment);
    }
    if (err == CT_OK) {
        const uint64_t position = ct_ingest_reader_position(folder->reader);
        folder->stats.applied = position > folder->replay_end ? position : folder->replay_end;
    }
    return err;
}

/* What an earlier run had applied but kept only in memory: read again, in one go, before anything new. */
static int replay(struct ct_folder *folder, struct ct_moment moment, char *problem, size_t problem_size)
{
    folder->stats.applied = folder->replay_end;
    if (folder->config.log_end < folder->replay_end) {
        (void)snprintf(problem, problem_size,
                       "%s: error: the log ends at %" PRIu64 " but the database has applied it up to %" PRIu64
                       "; restore the log, or move the whole state folder away",
                       folder->config.log_folder, folder->config.log_end, folder->replay_end);
        return CT_ERR_CORRUPT;
    }
    int err = ct_ingest_reader_open(folder->config.log_folder, needed_from(folder, true), &folder->reader);
    while (err == CT_OK && ct_ingest_reader_position(folder->reader) < folder->replay_end) {
        err = read_and_fold(folder, folder->replay_end, moment);
    }
    return err == CT_OK || err == CT_ERR_END ? report_damage(folder, moment) : err;
}

static int open_all(struct ct_folder *folder, struct ct_moment moment, char *problem, size_t problem_size)
{
    int err = ct_database_open(folder->config.database_path, &folder->database, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    err = open_stores(folder, moment);
    if (err == CT_OK) {
        err = replay(folder, moment, problem, problem_size);
    }
    if (err != CT_OK && problem[0] == '\0') {
        (void)snprintf(problem, problem_size, "%s: error: cannot be read back: %s", folder->config.database_path,
                       ct_err_text(err));
    }
    return err;
}

int ct_folder_open(const struct ct_folder_config *config, const struct ct_folder_ops *ops, struct ct_moment moment,
                   struct ct_folder **out_folder, char *problem, size_t problem_size)
{
    struct ct_folder *folder = calloc(1, sizeof *folder);
    problem[0] = '\0';
    if (folder == NULL) {
        (void)snprintf(problem, problem_size, "error: out of memory");
        return CT_ERR_NO_MEMORY;
    }
    folder->config = *config;
    folder->config.commit_ns = config->commit_ns > 0 ? config->commit_ns : COMMIT_NS;
    folder->config.chunk_ns = config->chunk_ns > 0 ? config->chunk_ns : CHUNK_NS;
    folder->config.open_samples_max = config->open_samples_max > 0 ? config->open_samples_max : OPEN_SAMPLES_MAX;
    folder->ops = *ops;
    folder->commit_due = CT_NS_NEVER;
    folder->sweep_due = moment.now;
    ct_buf_init(&folder->scratch, SCRATCH_MAX);
    const int err = open_all(folder, moment, problem, problem_size);
    if (err != CT_OK) {
        ct_folder_abandon(folder);
        return err;
    }
    *out_folder = folder;
    return CT_OK;
}

void ct_folder_abandon(struct ct_folder *folder)
{
    if (folder == NULL) {
        return;
    }
    ct_ingest_reader_close(folder->reader);
    ct_folder_updates_close(folder);
    ct_commands_close(folder->commands);
    ct_audit_close(folder->audit);
    ct_retention_close(folder->retention);
    ct_alerts_close(folder->alerts);
    ct_labels_close(folder->labels);
    ct_history_close(folder->history);
    ct_registry_close(folder->registry);
    ct_catalogues_close(folder->catalogues);
    ct_statements_free(&folder->set_applied, 1);
    ct_database_close(&folder->database);
    ct_buf_free(&folder->scratch);
    free(folder);
}

int ct_folder_close(struct ct_folder *folder, struct ct_moment moment)
{
    if (folder == NULL) {
        return CT_OK;
    }
    int err = ct_folder_write(folder, moment);
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->open_from != CT_NOT_OPEN) {
            err = ct_fold_checkpoint(folder, vehicle);
        }
    }
    if (err == CT_OK) {
        err = ct_folder_commit(folder);
    }
    ct_folder_abandon(folder);
    return err;
}

/* ------------------------------------------------------------------------------------------------ commit */

int ct_folder_write(struct ct_folder *folder, struct ct_moment moment)
{
    if (folder->commit_due == CT_NS_NEVER) {
        folder->commit_due = ct_ns_add(moment.now, folder->config.commit_ns);
    }
    return ct_database_begin(&folder->database);
}

int ct_folder_commit(struct ct_folder *folder)
{
    if (!folder->database.in_transaction) {
        return CT_OK;
    }
    int err = folder->ops.durable != NULL ? folder->ops.durable(folder->ops.user, folder->stats.applied) : CT_OK;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->dirty) {
            err = ct_registry_store(folder->registry, vehicle, false);
        }
    }
    if (err == CT_OK) {
        err = ct_statement_bind(folder->set_applied, "i", (int64_t)folder->stats.applied);
    }
    if (err == CT_OK) {
        err = ct_statement_run(folder->set_applied);
    }
    if (err == CT_OK) {
        CT_CRASH_POINT("fleet-in-fold");
        err = ct_database_commit(&folder->database);
    }
    if (err == CT_OK) {
        folder->commit_due = CT_NS_NEVER;
        folder->stats.commits++;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ work */

static void publish_touched(struct ct_folder *folder, struct ct_moment moment)
{
    ct_folder_give_watches(folder);
    for (size_t i = 0; i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->touched) {
            vehicle->touched = false;
            vehicle->unjudged = true;
            ct_folder_publish(folder, vehicle);
        }
        if (vehicle->watchers > 0 && moment.now - vehicle->streamed_ns >= STREAM_NS) {
            vehicle->streamed_ns = moment.now;
            ct_folder_stream_twin(folder, vehicle, moment);
        }
    }
}

int ct_folder_step(struct ct_folder *folder, uint64_t durable, size_t records_max, struct ct_moment moment)
{
    int err = CT_OK;
    for (size_t i = 0; i < records_max && err == CT_OK; i++) {
        err = read_and_fold(folder, durable, moment);
    }
    publish_touched(folder, moment);
    return err;
}

static int close_chunks(struct ct_folder *folder, struct ct_moment moment)
{
    const bool too_many = folder->open_samples > folder->config.open_samples_max;
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        const bool old = moment.now - vehicle->opened_ns >= folder->config.chunk_ns;
        if (vehicle->open_from != CT_NOT_OPEN && (old || too_many)) {
            err = ct_folder_write(folder, moment);
            err = err == CT_OK ? ct_fold_checkpoint(folder, vehicle) : err;
        }
    }
    return err;
}

/* A connection whose command went out: which vehicle, and when. */
struct sending {
    struct ct_folder *folder;
    const struct ct_vehicle *vehicle;
    int64_t utc_ms;
};

static int send_one(void *user, const uint8_t id[CT_COMMAND_ID_SIZE], const uint8_t *signed_command, size_t len)
{
    const struct sending *sending = user;
    const struct ct_folder_ops *ops = &sending->folder->ops;
    if (ops->command == NULL || ops->command(ops->user, sending->vehicle->id, signed_command, len) != CT_OK) {
        return CT_ERR_AGAIN;
    }
    return ct_commands_sent(sending->folder->commands, id, sending->utc_ms);
}

int ct_folder_send_waiting(struct ct_folder *folder, struct ct_vehicle *vehicle, bool unsent_only,
                           struct ct_moment moment)
{
    struct sending sending = {folder, vehicle, moment.utc_ns / CT_NS_PER_MS};
    int err = ct_folder_write(folder, moment);
    if (err == CT_OK && !unsent_only && folder->ops.resend != NULL) {
        err = folder->ops.resend(folder->ops.user, vehicle->id) == CT_OK ? CT_OK : CT_ERR_AGAIN;
    }
    if (err == CT_OK) {
        err = ct_commands_waiting(folder->commands, vehicle->row, unsent_only, send_one, &sending);
    }
    if (err == CT_ERR_AGAIN) {
        vehicle->retry_commands = true; /* the next sweep sends all of them, in order */
        err = CT_OK;
    }
    return err;
}

static void tell_ended(void *user, int64_t vehicle_row, const uint8_t id[CT_COMMAND_ID_SIZE])
{
    struct ct_folder *folder = user;
    const struct ct_vehicle *vehicle = ct_registry_by_row(folder->registry, vehicle_row);
    if (vehicle != NULL) {
        ct_folder_stream_command(folder, vehicle, id);
    }
}

static int sweep(struct ct_folder *folder, struct ct_moment moment)
{
    folder->sweep_due = ct_ns_add(moment.now, SWEEP_NS);
    int err = close_chunks(folder, moment);
    err = err == CT_OK ? ct_folder_judge(folder, moment) : err;
    err = err == CT_OK ? ct_folder_forget(folder, moment) : err;
    err = err == CT_OK ? ct_folder_merge(folder, moment) : err;
    err = err == CT_OK ? ct_folder_roll_out(folder, moment) : err;
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->connected && vehicle->retry_commands) {
            vehicle->retry_commands = false;
            err = ct_folder_send_waiting(folder, vehicle, false, moment);
        }
    }
    return err == CT_OK ? ct_commands_expire(folder->commands, moment.utc_ns / CT_NS_PER_MS, tell_ended, folder) : err;
}

int ct_folder_tick(struct ct_folder *folder, struct ct_moment moment, ct_ns *out_next)
{
    int err = CT_OK;
    if (moment.now >= folder->sweep_due) {
        err = sweep(folder, moment);
    }
    if (err == CT_OK && moment.now >= folder->commit_due) {
        err = ct_folder_commit(folder);
        if (err == CT_OK) {
            (void)ct_ingest_reader_trim(folder->reader, needed_from(folder, false));
        }
    }
    publish_touched(folder, moment);
    *out_next = ct_ns_min(folder->sweep_due, folder->commit_due);
    for (size_t i = 0; i < ct_registry_count(folder->registry); i++) {
        if (ct_registry_at(folder->registry, i)->watchers > 0) {
            *out_next = ct_ns_min(*out_next, ct_ns_add(moment.now, STREAM_NS));
            break;
        }
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ news from the links
 */

int ct_folder_vehicle_hello(struct ct_folder *folder, const char *vehicle_id, const char *software,
                            struct ct_moment moment)
{
    int err = ct_folder_write(folder, moment);
    if (err != CT_OK) {
        return err;
    }
    struct ct_vehicle *vehicle = ct_registry_get(folder->registry, vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)snprintf(vehicle->software, sizeof vehicle->software, "%s", software);
    vehicle->connected = true;
    ct_folder_update_connected(folder, vehicle);
    vehicle->last_seen_utc_ms = moment.utc_ns / CT_NS_PER_MS;
    vehicle->dirty = true;
    err = ct_history_add_event(folder->history, vehicle->row, vehicle->last_seen_utc_ms, "vehicle-connected",
                               vehicle->software, "{}");
    return err == CT_OK ? ct_folder_send_waiting(folder, vehicle, false, moment) : err;
}

void ct_folder_vehicle_seen(struct ct_folder *folder, const char *vehicle_id, int64_t utc_ms)
{
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle != NULL && utc_ms > vehicle->last_seen_utc_ms) {
        vehicle->last_seen_utc_ms = utc_ms;
    }
}

int ct_folder_vehicle_lost(struct ct_folder *folder, const char *vehicle_id, struct ct_moment moment)
{
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle == NULL || !vehicle->connected) {
        return CT_OK;
    }
    vehicle->connected = false;
    vehicle->dirty = true;
    return ct_folder_vehicle_event(folder, vehicle_id, "vehicle-lost", "nothing received any more", moment);
}

int ct_folder_vehicle_event(struct ct_folder *folder, const char *vehicle_id, const char *name, const char *text,
                            struct ct_moment moment)
{
    const struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle == NULL) {
        return CT_OK;
    }
    const int err = ct_folder_write(folder, moment);
    return err != CT_OK
               ? err
               : ct_history_add_event(folder->history, vehicle->row, moment.utc_ns / CT_NS_PER_MS, name, text, "{}");
}

void ct_folder_vehicle_retry(struct ct_folder *folder, const char *vehicle_id)
{
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle != NULL) {
        vehicle->retry_commands = true;
        vehicle->offer_due = true;
    }
}

void ct_folder_vehicle_state(struct ct_folder *folder, const char *vehicle_id, const uint8_t *state, size_t len,
                             struct ct_moment moment)
{
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle != NULL) {
        ct_fold_state(folder, vehicle, state, len, moment);
    }
}

int ct_folder_issue(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_command *command,
                    const char *detail, struct ct_moment moment)
{
    int err = ct_folder_write(folder, moment);
    if (err == CT_OK) {
        err = ct_commands_issue(folder->commands, vehicle->row, command, detail, moment.utc_ns / CT_NS_PER_MS);
    }
    /* Durable first: a command that was sent is always known afterwards. */
    if (err == CT_OK) {
        err = ct_folder_commit(folder);
    }
    if (err == CT_OK && vehicle->connected && !vehicle->retry_commands) {
        err = ct_folder_send_waiting(folder, vehicle, true, moment);
    }
    if (err == CT_OK) {
        ct_folder_stream_command(folder, vehicle, command->command_id);
    }
    return err;
}

void ct_folder_stats_get(const struct ct_folder *folder, struct ct_folder_stats *out_stats)
{
    *out_stats = folder->stats;
}
