#include "storage_private.h"

#include "clock.h"
#include "crash_point.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

#define STATS_MS           500
#define STOP_MS            300                     /* for the link to bring the last records home */
#define UNCERTAIN_UTC      ((uint64_t)CT_NS_PER_S) /* of a wall clock nothing vouches for */
#define ROUND_MESSAGES     4096                    /* of the bus before the other side is looked at */
#define OWED_RETRY         (10 * CT_NS_PER_MS)     /* while the link has no room */
#define GATHER_NS          CT_NS_PER_MS            /* what one frame changes goes together */
#define SNAPSHOT_ROOM_USED (256U * 1024U)          /* a snapshot is asked for again when no more than this waits */

static int64_t utc_offset(void)
{
    return ct_clock_utc_now() - ct_clock_now();
}

int64_t ct_storage_utc(ct_ns t_ns)
{
    return ct_ns_add(t_ns, utc_offset());
}

static uint64_t utc_uncertainty(const struct ct_storage *storage)
{
    const int64_t known = storage->stats.link.utc_uncertainty_ns;
    if (!storage->stats.link.connected || known < 0) {
        return UNCERTAIN_UTC;
    }
    const int64_t apart = llabs(storage->stats.link.utc_offset_ns - utc_offset());
    return (uint64_t)ct_ns_add(apart, known);
}

/* ---- records */

/* What comes meanwhile does not shorten the pause after a failed commit. */
static void want_commit(struct ct_storage *storage, ct_ns due)
{
    storage->commit_due = ct_ns_min(storage->commit_due, due > storage->retry_at ? due : storage->retry_at);
}

int ct_storage_append(struct ct_storage *storage, const struct ct_outbox_record *record, ct_ns due)
{
    struct ct_outbox_record full = *record;
    full.data = storage->record.data;
    full.len = storage->record.len;
    const int err = ct_outbox_append(storage->outbox, &full);
    want_commit(storage, due);
    return err;
}

static struct ct_record_head next_head(const struct ct_storage *storage, enum ct_class class)
{
    struct ct_record_head head = {.seq = ct_outbox_next_seq(storage->outbox, class)};
    memcpy(head.boot_id, storage->config.boot_id, CT_BOOT_ID_SIZE);
    return head;
}

static int encode_batch(struct ct_storage *storage, const struct ct_record_head *head)
{
    ct_buf_clear(&storage->record);
    return ct_batcher_encode(storage->batcher, head, storage->catalogue, utc_offset(), utc_uncertainty(storage),
                             &storage->record);
}

void ct_storage_append_gap(struct ct_storage *storage, const struct ct_gap *gap, ct_ns now)
{
    const struct ct_record_head head = next_head(storage, CT_CLASS_SAMPLE);
    ct_buf_clear(&storage->record);
    int err = ct_record_encode_gap(&head, gap, &storage->record);
    if (err == CT_OK) {
        const struct ct_outbox_record record = {.class = CT_CLASS_SAMPLE,
                                                .seq_first = head.seq,
                                                .seq_last = head.seq,
                                                .from_utc_ns = gap->from_utc_ns,
                                                .to_utc_ns = gap->to_utc_ns};
        err = ct_storage_append(storage, &record, now);
    }
    if (err != CT_OK) {
        ct_log(CT_LOG_WARNING, "a gap cannot be recorded: %s", ct_err_text(err));
    }
}

static void append_time_gap(struct ct_storage *storage, const struct ct_msg_gap *gap, ct_ns now)
{
    const struct ct_gap full = {.seq_first = 1, /* behind seq_last: a time without sequences of its own */
                                .seq_last = 0,
                                .from_ns = gap->from_ns,
                                .to_ns = gap->to_ns,
                                .from_utc_ns = ct_storage_utc(gap->from_ns),
                                .to_utc_ns = ct_storage_utc(gap->to_ns),
                                .samples = gap->samples,
                                .reason = gap->reason};
    ct_storage_append_gap(storage, &full, now);
}

static int append_batch(struct ct_storage *storage, size_t count, ct_ns from, ct_ns to, ct_ns now)
{
    const struct ct_record_head head = next_head(storage, CT_CLASS_SAMPLE);
    const int err = encode_batch(storage, &head);
    if (err != CT_OK) {
        return err;
    }
    struct ct_outbox_record record = {.class = CT_CLASS_SAMPLE,
                                      .seq_first = head.seq,
                                      .seq_last = head.seq,
                                      .samples = (uint32_t)count,
                                      .from_utc_ns = ct_storage_utc(from),
                                      .to_utc_ns = ct_storage_utc(to),
                                      .has_catalogue = true};
    memcpy(record.catalogue_hash, ct_catalogue_hash(storage->catalogue), CT_HASH_SIZE);
    return ct_storage_append(storage, &record, now);
}

/* The gathered samples become one record of the outbox, or a gap that says that they are missing. */
static void flush_batch(struct ct_storage *storage, ct_ns now)
{
    const size_t count = ct_batcher_count(storage->batcher);
    if (count == 0) {
        return;
    }
    CT_CRASH_POINT("gateway-before-outbox");
    struct ct_msg_gap gap = {.samples = count};
    ct_batcher_span(storage->batcher, &gap.from_ns, &gap.to_ns);
    const uint64_t seq = ct_outbox_next_seq(storage->outbox, CT_CLASS_SAMPLE);
    const int err = append_batch(storage, count, gap.from_ns, gap.to_ns, now);
    ct_batcher_clear(storage->batcher);
    if (err == CT_OK) {
        storage->stats.batches++;
        storage->stats.samples += count;
        return;
    }
    ct_log(CT_LOG_WARNING, "a batch of %zu samples is lost: %s", count, ct_err_text(err));
    if (ct_outbox_next_seq(storage->outbox, CT_CLASS_SAMPLE) == seq) { /* else the outbox reports it by that sequence */
        gap.reason = CT_GAP_DAMAGED;
        append_time_gap(storage, &gap, now);
    }
}

static void take_gap(struct ct_storage *storage, const struct ct_msg_gap *gap, ct_ns now)
{
    flush_batch(storage, now); /* so that the gap stands behind what came before it */
    append_time_gap(storage, gap, now);
}

void ct_storage_event(struct ct_storage *storage, const struct ct_msg_event *event, ct_ns now)
{
    struct ct_event_field fields[CT_EVENT_FIELD_MAX];
    for (size_t i = 0; i < event->field_count; i++) {
        fields[i] = (struct ct_event_field){event->fields[i].key, event->fields[i].value};
    }
    const struct ct_event full = {.name = event->name,
                                  .text = event->text,
                                  .t_ns = event->t_ns,
                                  .utc_ns = ct_storage_utc(event->t_ns),
                                  .fields = fields,
                                  .field_count = event->field_count};
    const struct ct_record_head head = next_head(storage, CT_CLASS_EVENT);
    ct_buf_clear(&storage->record);
    int err = ct_record_encode_event(&head, &full, &storage->record);
    if (err == CT_OK) {
        const struct ct_outbox_record record = {.class = CT_CLASS_EVENT,
                                                .seq_first = head.seq,
                                                .seq_last = head.seq,
                                                .from_utc_ns = full.utc_ns,
                                                .to_utc_ns = full.utc_ns};
        err = ct_storage_append(storage, &record, now);
    }
    if (err != CT_OK) {
        storage->stats.events_lost++;
        ct_log(CT_LOG_WARNING, "event %s cannot be stored: %s", event->name, ct_err_text(err));
    }
}

/* ---- from the bus */

/* After a pause a sample leaves at once; while samples come, every `commit_ms` there is one batch of all of them. */
static ct_ns batch_due(const struct ct_storage *storage, ct_ns now)
{
    const ct_ns paced = ct_ns_add(storage->committed_at, ct_ns_from_ms((int64_t)storage->config.commit_ms));
    const ct_ns soonest = ct_ns_add(now, GATHER_NS);
    return paced > soonest ? paced : soonest;
}

static void take_sample(struct ct_storage *storage, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_sample sample;
    memcpy(&sample, data, sizeof sample);
    if (sample.len > 0) {
        sample.bytes = data + sizeof sample;
    }
    (void)len;
    int err = ct_batcher_add(storage->batcher, &sample, now);
    if (err == CT_ERR_FULL) {
        flush_batch(storage, now);
        err = ct_batcher_add(storage->batcher, &sample, now);
    }
    (void)err; /* an empty batcher takes every sample */
    want_commit(storage, batch_due(storage, now));
}

static int forward(struct ct_channel *channel, uint32_t type, const void *data, size_t len)
{
    const int err = ct_ring_push(channel->ring, type, data, len);
    ct_channel_wake(channel);
    return err;
}

static bool hand_catalogue(struct ct_storage *storage)
{
    if (storage->owed_catalogue != NULL &&
        forward(&storage->channels->storage_to_link, CT_MSG_CATALOGUE, &storage->owed_catalogue,
                sizeof(storage->owed_catalogue)) == CT_OK) {
        storage->owed_catalogue = NULL; /* the link has the reference now */
    }
    return storage->owed_catalogue == NULL;
}

static void take_catalogue(struct ct_storage *storage, const void *data, ct_ns now)
{
    struct ct_catalogue *catalogue;
    memcpy(&catalogue, data, sizeof(catalogue));
    flush_batch(storage, now);
    const int err = ct_outbox_catalogue_save(storage->outbox, catalogue);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "the catalogue cannot be stored: %s", ct_err_text(err));
    }
    ct_catalogue_unref(storage->catalogue);
    storage->catalogue = catalogue;
    ct_catalogue_unref(storage->owed_catalogue); /* the link reads older ones from their files */
    storage->owed_catalogue = ct_catalogue_ref(catalogue);
    hand_catalogue(storage);
}

/* Samples wait behind it, so it does not wait itself. */
static void take_state(struct ct_storage *storage, const void *data, size_t len)
{
    if (storage->snapshot_owed || !hand_catalogue(storage) ||
        forward(&storage->channels->storage_to_link, CT_MSG_STATE, data, len) == CT_ERR_FULL) {
        storage->snapshot_owed = true;
    }
}

/* What the link had no room for. */
static void hand_owed(struct ct_storage *storage)
{
    if (hand_catalogue(storage) && storage->snapshot_owed &&
        ct_ring_used(storage->channels->storage_to_link.ring) < SNAPSHOT_ROOM_USED &&
        forward(&storage->channels->storage_to_bus, CT_MSG_SNAPSHOT, &storage->snapshot_id,
                sizeof storage->snapshot_id) == CT_OK) {
        storage->snapshot_owed = false;
    }
}

static void take_status(struct ct_storage *storage, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_msg_status status;
    memcpy(&status, data, sizeof status);
    ct_storage_status(storage, &status, data + sizeof status, len - sizeof status, now);
}

static void take_from_bus(struct ct_storage *storage, uint32_t type, const void *data, size_t len, ct_ns now)
{
    switch (type) {
    case CT_MSG_SAMPLE:
        take_sample(storage, data, len, now);
        break;
    case CT_MSG_GAP:
        take_gap(storage, data, now);
        break;
    case CT_MSG_EVENT:
        ct_storage_event(storage, data, now);
        break;
    case CT_MSG_STATUS:
        take_status(storage, data, len, now);
        break;
    case CT_MSG_OWN_DTCS:
        ct_storage_own_dtcs(storage, data, len);
        break;
    case CT_MSG_CATALOGUE:
        take_catalogue(storage, data, now);
        break;
    case CT_MSG_STATE:
        take_state(storage, data, len);
        break;
    case CT_MSG_STOP:
        storage->stop_due = ct_ns_add(now, ct_ns_from_ms(STOP_MS));
        ct_storage_cancel_unread(storage, now);
        storage->commit_due = now;
        break;
    default:
        break;
    }
}

/* True when there is more than one round of it. */
static bool drain_bus(struct ct_storage *storage, ct_ns now)
{
    struct ct_ring *ring = storage->channels->bus_to_storage.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    for (unsigned i = 0; ct_ring_peek(ring, &type, &data, &len) == CT_OK; i++) {
        if (i == ROUND_MESSAGES) {
            return true;
        }
        take_from_bus(storage, type, data, len, now);
        ct_ring_pop(ring);
    }
    return false;
}

/* ---- from the link */

static void take_acked(struct ct_storage *storage, const struct ct_msg_acked *acked, ct_ns now)
{
    ct_outbox_ack(storage->outbox, acked->class, acked->seq);
    want_commit(storage, ct_ns_add(now, CT_NS_PER_S));
}

static int take_from_link(struct ct_storage *storage, uint32_t type, const void *data, size_t len, ct_ns now)
{
    switch (type) {
    case CT_MSG_FETCH:
        ct_storage_fetch_begin(storage, data);
        return CT_OK;
    case CT_MSG_ACKED:
        take_acked(storage, data, now);
        return CT_OK;
    case CT_MSG_SIGNED_COMMAND:
        ct_storage_signed_command(storage, data, len, now);
        return CT_OK;
    case CT_MSG_SNAPSHOT:
        memcpy(&storage->snapshot_id, data, sizeof storage->snapshot_id);
        return forward(&storage->channels->storage_to_bus, CT_MSG_SNAPSHOT, data, len);
    case CT_MSG_LINK_STATS:
        memcpy(&storage->stats.link, data, sizeof storage->stats.link);
        return CT_OK;
    default:
        return CT_OK;
    }
}

static void drain_link(struct ct_storage *storage, ct_ns now)
{
    struct ct_ring *ring = storage->channels->link_to_storage.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK && take_from_link(storage, type, data, len, now) == CT_OK) {
        ct_ring_pop(ring);
    }
}

/* ---- commit */

void ct_storage_commit(struct ct_storage *storage, ct_ns now)
{
    storage->commit_due = CT_NS_NEVER;
    storage->committed_at = now;
    flush_batch(storage, now);
    const int err = ct_outbox_commit(storage->outbox, now);
    if (err != CT_OK) {
        if (!storage->commit_fails) {
            ct_log(CT_LOG_ERROR, "the outbox cannot be written: %s; it is tried again every second", ct_err_text(err));
        }
        storage->commit_fails = true;
        storage->retry_at = ct_ns_add(now, CT_NS_PER_S);
        storage->commit_due = storage->retry_at;
        return;
    }
    if (storage->commit_fails) {
        ct_log(CT_LOG_WARNING, "the outbox can be written again");
    }
    storage->commit_fails = false;
    storage->commit_due = CT_NS_NEVER; /* flush_batch has set it again */
    ct_storage_committed(storage);
    storage->newest_owed = true;
}

static void tell_newest(struct ct_storage *storage)
{
    if (!storage->newest_owed) {
        return;
    }
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(storage->outbox, &stats);
    if (forward(&storage->channels->storage_to_link, CT_MSG_NEWEST, &stats.newest, sizeof stats.newest) == CT_OK) {
        storage->newest_owed = false;
    }
}

static void tell_stats(struct ct_storage *storage, ct_ns now)
{
    if (now < storage->stats_due) {
        return;
    }
    storage->stats_due = ct_ns_add(now, ct_ns_from_ms(STATS_MS));
    ct_outbox_stats_get(storage->outbox, &storage->stats.outbox);
    struct ct_channel *channel = &storage->channels->storage_to_bus;
    const int err = ct_ring_push(channel->ring, CT_MSG_STORAGE_STATS, &storage->stats, sizeof storage->stats);
    (void)err; /* the next ones come soon */
    ct_channel_notify(channel);
}

/* ---- loop */

static bool all_home(const struct ct_storage *storage)
{
    struct ct_outbox_stats stats;
    ct_outbox_stats_get(storage->outbox, &stats);
    return memcmp(&stats.newest, &stats.acked, sizeof stats.newest) == 0;
}

static bool stopped(const struct ct_storage *storage, ct_ns now)
{
    return storage->stop_due != CT_NS_NEVER &&
           (now >= storage->stop_due || !storage->stats.link.connected || all_home(storage));
}

/* The next moment with something to do by itself; the bus thread wakes us only when we have none of our own. */
static ct_ns next_deadline(struct ct_storage *storage, bool more, ct_ns now)
{
    if (more) {
        return now;
    }
    if (storage->commit_due == CT_NS_NEVER && !ct_channel_sleep(&storage->channels->bus_to_storage)) {
        return now;
    }
    ct_ns due = ct_ns_min(ct_ns_min(storage->commit_due, storage->stats_due), storage->stop_due);
    if (storage->owed_catalogue != NULL || storage->snapshot_owed) {
        due = ct_ns_min(due, ct_ns_add(now, OWED_RETRY)); /* the link wakes us sooner when it has made room */
    }
    return due;
}

static bool round_of(struct ct_storage *storage, ct_ns now)
{
    const bool more = drain_bus(storage, now);
    drain_link(storage, now);
    hand_owed(storage);
    if (now >= storage->commit_due) {
        ct_storage_commit(storage, now);
    }
    tell_newest(storage);
    if (ct_storage_fetch_pump(storage)) {
        ct_channel_wake(&storage->channels->storage_to_link);
    }
    tell_stats(storage, now);
    return more;
}

void ct_storage_run(struct ct_storage *storage)
{
    for (;;) {
        const ct_ns now = ct_clock_now();
        const bool more = round_of(storage, now);
        if (!more && stopped(storage, now)) {
            break;
        }
        if (ct_loop_wait(&storage->loop, next_deadline(storage, more, now)) != CT_OK) {
            break;
        }
    }
    while (forward(&storage->channels->storage_to_link, CT_MSG_STOP, NULL, 0) != CT_OK) {
        const int err = ct_loop_wait(&storage->loop, ct_ns_add(ct_clock_now(), 10 * CT_NS_PER_MS));
        (void)err;
    }
}

const struct ct_pulse *ct_storage_pulse(const struct ct_storage *storage)
{
    return &storage->loop.pulse;
}
