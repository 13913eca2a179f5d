/* Opening and closing of the storage thread, and what an earlier run left behind. */
#include "storage_private.h"

#include "clock.h"
#include "files.h"
#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

static void woken(struct ct_loop_watch *watch, uint32_t events)
{
    (void)events;
    ct_channel_drain(watch->user);
}

/* The hole between the last durable sample of a run that ended badly and now. */
static void report_restart(struct ct_storage *storage, const struct ct_outbox_recovery *recovery, ct_ns now)
{
    if (recovery->fresh || recovery->clean) {
        return;
    }
    const struct ct_gap gap = {.seq_first = 1,
                               .seq_last = 0,
                               .to_ns = now,
                               .from_utc_ns = recovery->has_last_sample ? recovery->last_sample_utc_ns : 0,
                               .to_utc_ns = ct_storage_utc(now),
                               .reason = CT_GAP_RESTART};
    ct_log(CT_LOG_WARNING,
           "the last run did not end cleanly: a gap is reported (%llu torn bytes, %llu damaged records)",
           (unsigned long long)recovery->torn_bytes, (unsigned long long)recovery->damaged_records);
    ct_storage_append_gap(storage, &gap, now);
}

/* What to do about it, where there is something. */
static const char *advice(int err)
{
    if (err == CT_ERR_BUSY) {
        return "; another gateway uses this state_dir";
    }
    return err == CT_ERR_UNSUPPORTED ? "; another version made it: start that one, or name another state_dir" : "";
}

static int open_parts(struct ct_storage *storage, struct ct_outbox_recovery *recovery, char *problem, size_t size)
{
    const struct ct_storage_config *config = &storage->config;
    struct ct_outbox_config outbox = {.dir = config->state_dir, .quota_bytes = config->quota_bytes};
    memcpy(outbox.boot_id, config->boot_id, CT_BOOT_ID_SIZE);
    int err = ct_outbox_open(&outbox, &storage->outbox, recovery);
    if (err != CT_OK) {
        snprintf(problem, size, "%s: error: the outbox cannot be opened: %s%s", config->state_dir, ct_err_text(err),
                 advice(err));
        return err;
    }
    const int n =
        snprintf(storage->own_dtcs, sizeof storage->own_dtcs, "%s/%s", config->state_dir, CT_STORAGE_OWN_DTCS);
    err = n < (int)sizeof storage->own_dtcs ? ct_journal_open(config->state_dir, &storage->journal) : CT_ERR_TOO_LARGE;
    if (err != CT_OK) {
        snprintf(problem, size, "%s: error: the command journal cannot be opened: %s%s", config->state_dir,
                 ct_err_text(err), advice(err));
        return err;
    }
    err = ct_batcher_create(&storage->batcher);
    err = err == CT_OK ? ct_loop_open(&storage->loop) : err;
    if (err == CT_OK) {
        storage->from_bus = (struct ct_loop_watch){.fn = woken, .user = &storage->channels->bus_to_storage};
        storage->from_link = (struct ct_loop_watch){.fn = woken, .user = &storage->channels->link_to_storage};
        err = ct_loop_add(&storage->loop, &storage->from_bus, storage->channels->bus_to_storage.fd, EPOLLIN);
        err = err == CT_OK
                  ? ct_loop_add(&storage->loop, &storage->from_link, storage->channels->link_to_storage.fd, EPOLLIN)
                  : err;
    }
    if (err != CT_OK) {
        snprintf(problem, size, "error: the storage thread cannot start: %s", ct_err_text(err));
    }
    return err;
}

void ct_storage_own_dtcs(struct ct_storage *storage, const uint8_t *data, size_t len)
{
    const int err = ct_file_write(storage->own_dtcs, data, len, 0600);
    if (err != CT_OK && !storage->own_dtcs_fail) { /* told once: the next change is tried again */
        ct_log(CT_LOG_WARNING, "%s: the gateway's own trouble codes cannot be kept: %s", storage->own_dtcs,
               ct_err_text(err));
    }
    storage->own_dtcs_fail = err != CT_OK;
}

static bool seen(void *user, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq, bool release)
{
    const struct ct_storage *storage = user;
    return ct_journal_seen(storage->journal, command_id, seq, release);
}

static int begin(struct ct_storage *storage, const struct ct_outbox_recovery *recovery, char *problem, size_t size)
{
    const ct_ns now = ct_clock_now();
    storage->gate = (struct ct_gate){.vehicle_id = storage->config.vehicle_id,
                                     .keys = storage->config.keys,
                                     .key_count = storage->config.key_count,
                                     .seen = seen,
                                     .user = storage};
    const int err = ct_outbox_catalogue_save(storage->outbox, storage->catalogue);
    if (err != CT_OK) {
        snprintf(problem, size, "%s: error: the catalogue cannot be stored: %s", storage->config.state_dir,
                 ct_err_text(err));
        return err;
    }
    report_restart(storage, recovery, now);
    ct_storage_commands_left(storage, now);
    ct_storage_commit(storage, now);
    return CT_OK;
}

int ct_storage_open(const struct ct_storage_config *config, struct ct_channels *channels,
                    struct ct_catalogue *catalogue, struct ct_storage **out_storage, char *problem, size_t problem_size)
{
    struct ct_storage *storage = calloc(1, sizeof *storage);
    if (storage == NULL) {
        snprintf(problem, problem_size, "error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    storage->config = *config;
    storage->channels = channels;
    storage->catalogue = ct_catalogue_ref(catalogue);
    storage->commit_due = CT_NS_NEVER;
    storage->stop_due = CT_NS_NEVER;
    storage->loop.epoll_fd = -1;
    storage->loop.timer_fd = -1;
    storage->stats.link.utc_uncertainty_ns = -1;
    ct_buf_init(&storage->record, CT_OUTBOX_RECORD_MAX);
    struct ct_outbox_recovery recovery = {0};
    int err = open_parts(storage, &recovery, problem, problem_size);
    if (err == CT_OK) {
        err = begin(storage, &recovery, problem, problem_size);
    }
    if (err != CT_OK) {
        const int close_err = ct_storage_close(storage);
        (void)close_err;
        return err;
    }
    *out_storage = storage;
    return CT_OK;
}

void ct_storage_positions(const struct ct_storage *storage, uint8_t out_stream_id[CT_STREAM_ID_SIZE],
                          struct ct_positions *out_newest, struct ct_positions *out_acked)
{
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(storage->outbox, &stats);
    memcpy(out_stream_id, stats.stream_id, CT_STREAM_ID_SIZE);
    *out_newest = stats.newest;
    *out_acked = stats.acked;
}

int ct_storage_close(struct ct_storage *storage)
{
    if (storage == NULL) {
        return CT_OK;
    }
    ct_journal_close(storage->journal);
    const int err = storage->outbox != NULL ? ct_outbox_close(storage->outbox) : CT_OK;
    ct_batcher_free(storage->batcher);
    ct_catalogue_unref(storage->owed_catalogue);
    ct_catalogue_unref(storage->catalogue);
    ct_loop_close(&storage->loop);
    ct_buf_free(&storage->record);
    free(storage);
    return err;
}
