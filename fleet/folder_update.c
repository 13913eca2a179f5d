/* Signed updates: offers and chunks out, wants and statuses in, rollouts moved on. */
#include "folder_private.h"

#include "json.h"

#include <stdio.h>

#define CHUNKS_PER_SWEEP         256 /* 8 MiB a second to all vehicles */
#define CHUNKS_PER_SWEEP_VEHICLE 64
#define CHUNK_MESSAGE_MAX        (CT_UPDATE_CHUNK_MAX + 256)

int ct_folder_updates_open(struct ct_folder *folder)
{
    int err = ct_update_store_open(&folder->database, &folder->update_store);
    err = err == CT_OK ? ct_updates_open(&folder->database, folder->config.director_secret, &folder->updates) : err;
    return err == CT_OK ? ct_rollouts_open(&folder->database, folder->registry, folder->updates, folder->update_store,
                                           &folder->rollouts)
                        : err;
}

void ct_folder_updates_close(struct ct_folder *folder)
{
    ct_rollouts_close(folder->rollouts);
    ct_updates_close(folder->updates);
    ct_update_store_close(folder->update_store);
}

struct ct_update_store *ct_folder_update_store(struct ct_folder *folder)
{
    return folder->update_store;
}

struct ct_updates *ct_folder_updates(struct ct_folder *folder)
{
    return folder->updates;
}

struct ct_rollouts *ct_folder_rollouts(struct ct_folder *folder)
{
    return folder->rollouts;
}

/* ------------------------------------------------------------------------------------------------ news for browsers */

static void stream_rollout(void *user, int64_t id)
{
    struct ct_folder *folder = user;
    struct ct_rollout_row row;
    struct ct_json json;
    if (folder->ops.stream == NULL || ct_rollouts_get(folder->rollouts, id, &row) != CT_OK) {
        return;
    }
    ct_buf_clear(&folder->scratch);
    ct_json_init(&json, &folder->scratch);
    ct_json_object_begin(&json, NULL);
    ct_json_int(&json, "id", id);
    ct_json_string(&json, "state", ct_rollout_state_text((int)row.rollout.state));
    ct_json_int(&json, "revision", row.revision);
    ct_json_object_end(&json);
    if (ct_buf_error(&folder->scratch) == CT_OK) {
        folder->ops.stream(folder->ops.user, "", "rollout", ct_buf_string(&folder->scratch), folder->scratch.len);
    }
}

void ct_folder_tell_rollout(struct ct_folder *folder, int64_t id)
{
    stream_rollout(folder, id);
}

static void stream_update(struct ct_folder *folder, const struct ct_vehicle *vehicle,
                          const struct ct_update_status *status)
{
    struct ct_json json;
    if (folder->ops.stream == NULL || vehicle->watchers == 0) {
        return;
    }
    ct_buf_clear(&folder->scratch);
    ct_json_init(&json, &folder->scratch);
    ct_json_object_begin(&json, NULL);
    ct_json_bytes(&json, "update_id", status->update_id, CT_UPDATE_ID_SIZE);
    ct_json_string(&json, "state", ct_updates_state_text(status->state));
    ct_json_string(&json, "verdict", ct_update_verdict_text(status->verdict));
    ct_json_uint(&json, "step", status->step);
    ct_json_uint(&json, "steps", status->steps);
    ct_json_object_end(&json);
    if (ct_buf_error(&folder->scratch) == CT_OK) {
        folder->ops.stream(folder->ops.user, vehicle->id, "update", ct_buf_string(&folder->scratch),
                           folder->scratch.len);
    }
}

/* ------------------------------------------------------------------------------------------------ in */

int ct_fold_update(struct ct_folder *folder, struct ct_vehicle *vehicle, const struct ct_update_status *status,
                   int64_t utc_ms)
{
    struct ct_update_news news;
    int err = ct_updates_status(folder->updates, vehicle->row, status, utc_ms, &news);
    if (err == CT_OK && news.chain_broken) {
        err = ct_history_add_event(folder->history, vehicle->row, utc_ms, "audit-chain-broken",
                                   "the vehicle's audit log of updates is not the one it reported before", "{}");
    }
    if (err == CT_OK && news.changed) {
        err = ct_rollouts_note(folder->rollouts, vehicle->row, &news);
        stream_update(folder, vehicle, status);
    }
    return err;
}

int ct_folder_vehicle_wants(struct ct_folder *folder, const char *vehicle_id, const uint8_t *wanted, size_t len,
                            struct ct_moment moment)
{
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    struct ct_update_wanted what;
    struct ct_buf chunk;
    const bool room = vehicle != NULL && folder->chunks_left > 0 && vehicle->chunks_left > 0;
    if (folder->ops.update == NULL || !room || ct_update_wanted_decode(wanted, len, &what) != CT_OK) {
        folder->stats.chunks_refused++;
        return CT_OK; /* it asks again */
    }
    folder->chunks_left--;
    vehicle->chunks_left--;
    ct_buf_init(&chunk, CHUNK_MESSAGE_MAX);
    int err = ct_updates_chunk(folder->updates, folder->update_store, vehicle->row, &what, moment.utc_ns / CT_NS_PER_MS,
                               &chunk);
    if (err == CT_OK) {
        (void)folder->ops.update(folder->ops.user, vehicle->id, true, chunk.data, chunk.len);
        folder->stats.chunks_sent++;
    } else if (err == CT_ERR_NOT_FOUND) {
        folder->stats.chunks_refused++;
        err = CT_OK;
    }
    ct_buf_free(&chunk);
    return err;
}

/* ------------------------------------------------------------------------------------------------ out */

struct offering {
    struct ct_folder *folder;
    const struct ct_vehicle *vehicle;
};

static int send_offer(void *user, const uint8_t *offer, size_t len)
{
    const struct offering *offering = user;
    const struct ct_folder_ops *ops = &offering->folder->ops;
    const bool sent = ops->update != NULL && ops->update(ops->user, offering->vehicle->id, false, offer, len) == CT_OK;
    return sent ? CT_OK : CT_ERR_AGAIN;
}

static int send_offers(struct ct_folder *folder, struct ct_vehicle *vehicle, int64_t utc_ms)
{
    struct offering offering = {folder, vehicle};
    const int err =
        ct_updates_offers(folder->updates, folder->update_store, vehicle->row, utc_ms, send_offer, &offering);
    vehicle->offer_due = err == CT_ERR_AGAIN;
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

static void note_offered(void *user, int64_t vehicle_row)
{
    const struct ct_folder *folder = user;
    struct ct_vehicle *vehicle = ct_registry_by_row(folder->registry, vehicle_row);
    if (vehicle != NULL) {
        vehicle->offer_due = true;
    }
}

static int give_up(struct ct_folder *folder, int64_t utc_ms)
{
    struct ct_update_news news;
    int64_t vehicle_row = 0;
    int err;
    while ((err = ct_updates_give_up(folder->updates, utc_ms, &vehicle_row, &news)) == CT_OK) {
        err = ct_rollouts_note(folder->rollouts, vehicle_row, &news);
        if (err != CT_OK) {
            return err;
        }
    }
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

int ct_folder_roll_out(struct ct_folder *folder, struct ct_moment moment)
{
    const struct ct_rollouts_ops ops = {folder, stream_rollout, note_offered};
    const int64_t utc_ms = moment.utc_ns / CT_NS_PER_MS;
    int err = CT_OK;
    folder->chunks_left = CHUNKS_PER_SWEEP;
    if (ct_rollouts_due(folder->rollouts, utc_ms)) {
        err = ct_folder_write(folder, moment);
        err = err == CT_OK ? give_up(folder, utc_ms) : err;
        err = err == CT_OK ? ct_rollouts_step(folder->rollouts, &ops, utc_ms) : err;
        /* Durable first: an update that was offered is always known afterwards. */
        err = err == CT_OK ? ct_folder_commit(folder) : err;
    }
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        vehicle->chunks_left = CHUNKS_PER_SWEEP_VEHICLE;
        if (vehicle->connected && vehicle->offer_due) {
            err = send_offers(folder, vehicle, utc_ms);
        }
    }
    return err;
}

void ct_folder_update_connected(struct ct_folder *folder, struct ct_vehicle *vehicle)
{
    vehicle->offer_due = true;
    ct_rollouts_touch(folder->rollouts);
}
