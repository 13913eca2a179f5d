#include "outbox_internal.h"

#include <stdlib.h>
#include <string.h>

#define ACK_SAVE_NS   (10 * CT_NS_PER_S)
#define FREE_AT_LEAST 65536U

static bool class_ok(enum ct_class class)
{
    return class >= CT_CLASS_EVENT && class <= CT_CLASS_SAMPLE;
}

static const struct ct_lane *lane_of(const struct ct_outbox *outbox, enum ct_class class)
{
    return &outbox->lanes[CT_CLASS_INDEX(class)];
}

uint64_t ct_outbox_next_seq(const struct ct_outbox *outbox, enum ct_class class)
{
    return class_ok(class) ? lane_of(outbox, class)->next_seq : 0;
}

static size_t record_max(const struct ct_lane *lane)
{
    const uint64_t half = lane->limit / 2 - CT_SEGMENT_FRAME_SIZE - CT_HASH_SIZE - 8;
    return half < CT_OUTBOX_RECORD_MAX ? (size_t)half : CT_OUTBOX_RECORD_MAX;
}

size_t ct_outbox_room(const struct ct_outbox *outbox, enum ct_class class)
{
    if (!class_ok(class)) {
        return 0;
    }
    const struct ct_lane *lane = lane_of(outbox, class);
    const size_t most = record_max(lane);
    if (class == CT_CLASS_SAMPLE) {
        return most;
    }
    const uint64_t used = ct_lane_bytes(lane) + CT_SEGMENT_HEAD_SIZE + CT_SEGMENT_FRAME_SIZE + CT_HASH_SIZE + 8;
    const uint64_t room = used < lane->limit ? lane->limit - used : 0;
    return room < most ? (size_t)room : most;
}

/* ---------------------------------------------------------------- losing, in order */

static void drop_oldest_sample(struct ct_outbox *outbox)
{
    struct ct_lane *lane = ct_outbox_lane(outbox, CT_CLASS_SAMPLE);
    uint64_t records = 0;
    const struct ct_hole hole = ct_lane_condemn_oldest(lane, &outbox->cache, &records);
    if (hole.last != 0) {
        outbox->stats.dropped_records += records;
        outbox->stats.dropped_samples += hole.samples;
    }
    /* Saved first, so that a crash in between cannot turn a counted loss into an unknown one. When even that does not
     * fit on the disk, the missing file still reads as a Gap. */
    outbox->state_due = true;
    (void)!ct_outbox_state_save(outbox);
    ct_lane_remove_oldest(lane);
    ct_outbox_catalogue_sweep(outbox);
}

static void count_lost(struct ct_outbox *outbox, uint64_t records, uint64_t samples)
{
    outbox->stats.dropped_records += records;
    outbox->stats.dropped_samples += samples;
    outbox->state_due = true;
}

static void give_up_pending(struct ct_outbox *outbox, struct ct_lane *lane)
{
    count_lost(outbox, lane->waiting.records, lane->waiting.samples);
    ct_lane_give_up_pending(lane);
    (void)!ct_outbox_state_save(outbox);
}

/* The record's sequence is used up without it. */
static void lose_record(struct ct_outbox *outbox, struct ct_lane *lane, const struct ct_outbox_record *record)
{
    const struct ct_hole hole = {.first = record->seq_first,
                                 .last = record->seq_last,
                                 .samples = record->samples,
                                 .from_utc_ns = record->from_utc_ns,
                                 .to_utc_ns = record->to_utc_ns,
                                 .reason = CT_GAP_OUTBOX_FULL};
    ct_holes_add(&lane->holes, &hole);
    lane->next_seq++;
    count_lost(outbox, 1, record->samples);
}

/* Segments of EVENT and RESULT that are acknowledged whole go, the last one too: its sequence lives on in the state. */
static void trim(struct ct_outbox *outbox, struct ct_lane *lane, bool last_too)
{
    if (!ct_lane_oldest_done(lane, last_too)) {
        return;
    }
    outbox->state_due = true;
    if (ct_outbox_state_save(outbox) != CT_OK && last_too) {
        return;
    }
    while (ct_lane_oldest_done(lane, last_too)) {
        ct_lane_remove_oldest(lane);
    }
    if (lane->class == CT_CLASS_SAMPLE) {
        ct_outbox_catalogue_sweep(outbox);
    }
}

static int make_room(struct ct_outbox *outbox, struct ct_lane *lane, size_t frame)
{
    const uint64_t need = frame + CT_SEGMENT_HEAD_SIZE;
    if (lane->class == CT_CLASS_SAMPLE) {
        while (ct_lane_bytes(lane) + need > lane->limit && lane->count > 0) {
            drop_oldest_sample(outbox);
        }
        return CT_OK;
    }
    if (ct_lane_bytes(lane) + need > lane->limit) {
        trim(outbox, lane, lane->pending.len == 0);
    }
    return ct_lane_bytes(lane) + need > lane->limit ? CT_ERR_FULL : CT_OK;
}

/* ---------------------------------------------------------------- writing */

static int commit_lane(struct ct_outbox *outbox, struct ct_lane *lane)
{
    struct ct_lane *samples = ct_outbox_lane(outbox, CT_CLASS_SAMPLE);
    const uint64_t want = 2 * (uint64_t)lane->pending.len + FREE_AT_LEAST;
    const int64_t newest_utc_ns = lane->waiting.to_utc_ns;
    uint64_t freed = 0;
    int err = ct_lane_commit(lane, outbox->stream_id, &outbox->stats.written_bytes);
    while (err == CT_ERR_FULL && freed < want && samples->count > 0) {
        freed += samples->segments[0].size;
        drop_oldest_sample(outbox);
        err = ct_lane_commit(lane, outbox->stream_id, &outbox->stats.written_bytes);
    }
    if (err != CT_OK) {
        outbox->stats.commit_errors++;
    } else if (lane == samples && newest_utc_ns != 0) {
        outbox->has_last_sample = true;
        outbox->last_sample_utc_ns = newest_utc_ns;
    }
    return err;
}

static int too_much_waiting(struct ct_outbox *outbox, struct ct_lane *lane)
{
    const int err = commit_lane(outbox, lane);
    if (err != CT_OK && lane->class == CT_CLASS_SAMPLE) {
        give_up_pending(outbox, lane);
        return CT_OK;
    }
    return err;
}

static int refuse(struct ct_outbox *outbox, enum ct_class class, int err)
{
    outbox->stats.refused[CT_CLASS_INDEX(class)] += err == CT_ERR_FULL ? 1U : 0U;
    return err;
}

int ct_outbox_append(struct ct_outbox *outbox, const struct ct_outbox_record *record)
{
    const enum ct_class class = record->class;
    if (!class_ok(class) || record->len == 0) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_lane *lane = ct_outbox_lane(outbox, class);
    if (record->seq_first != lane->next_seq || record->seq_last != lane->next_seq) {
        return CT_ERR_ARGUMENT;
    }
    if (record->len > record_max(lane)) {
        return CT_ERR_TOO_LARGE;
    }
    const size_t frame = ct_segment_frame_size(record);
    int err = make_room(outbox, lane, frame);
    if (err == CT_OK && lane->pending.len > 0 && lane->pending.len + frame > lane->pending_limit) {
        err = too_much_waiting(outbox, lane);
        err = err == CT_OK ? make_room(outbox, lane, frame) : CT_ERR_FULL;
    }
    if (err != CT_OK) {
        return refuse(outbox, class, err);
    }
    err = ct_segment_frame_write(record, &lane->pending);
    if (err != CT_OK) {
        if (class == CT_CLASS_SAMPLE) {
            lose_record(outbox, lane, record);
        }
        return err;
    }
    ct_stretch_add(&lane->waiting, record);
    lane->next_seq++;
    outbox->stats.appended[CT_CLASS_INDEX(class)]++;
    return CT_OK;
}

int ct_outbox_commit(struct ct_outbox *outbox, ct_ns now)
{
    int result = CT_OK;
    bool any = false;
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        struct ct_lane *lane = &outbox->lanes[i];
        any = any || lane->pending.len > 0;
        const int err = commit_lane(outbox, lane);
        if (result == CT_OK) {
            result = err;
        }
    }
    outbox->stats.commits += any && result == CT_OK ? 1U : 0U;
    const bool acks = outbox->acks_due && now - outbox->saved_ns >= ACK_SAVE_NS;
    if (outbox->state_due || acks) {
        const int err = ct_outbox_state_save(outbox);
        outbox->saved_ns = now;
        if (result == CT_OK) {
            result = err;
        }
    }
    return result;
}

int ct_outbox_close(struct ct_outbox *outbox)
{
    if (outbox == NULL) {
        return CT_OK;
    }
    int err = ct_outbox_commit(outbox, outbox->saved_ns);
    if (err == CT_OK) {
        outbox->clean = true;
        err = ct_outbox_state_save(outbox);
    }
    ct_outbox_free(outbox);
    return err;
}

/* ---------------------------------------------------------------- reading */

static int tell_hole(struct ct_outbox *outbox, struct ct_lane *lane, uint64_t first, uint64_t last,
                     struct ct_outbox_record *out)
{
    const struct ct_hole hole = ct_holes_tell(&lane->holes, first, last);
    struct ct_record_head head = {.seq = hole.last};
    const struct ct_gap gap = {.seq_first = hole.first,
                               .seq_last = hole.last,
                               .from_utc_ns = hole.from_utc_ns,
                               .to_utc_ns = hole.to_utc_ns,
                               .samples = hole.samples,
                               .reason = hole.reason};
    memcpy(head.boot_id, outbox->boot_id, CT_BOOT_ID_SIZE);
    ct_buf_clear(&outbox->gap);
    const int err = ct_record_encode_gap(&head, &gap, &outbox->gap);
    if (err != CT_OK) {
        return err;
    }
    *out = (struct ct_outbox_record){.class = lane->class,
                                     .seq_first = hole.first,
                                     .seq_last = hole.last,
                                     .samples = hole.samples > UINT32_MAX ? UINT32_MAX : (uint32_t)hole.samples,
                                     .from_utc_ns = hole.from_utc_ns,
                                     .to_utc_ns = hole.to_utc_ns,
                                     .data = outbox->gap.data,
                                     .len = outbox->gap.len};
    return CT_OK;
}

int ct_outbox_read(struct ct_outbox *outbox, enum ct_class class, uint64_t after_seq,
                   struct ct_outbox_record *out_record)
{
    if (!class_ok(class)) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_lane *lane = ct_outbox_lane(outbox, class);
    const uint64_t seq = (after_seq > lane->acked ? after_seq : lane->acked) + 1;
    if (seq == 0 || seq >= lane->durable_next) {
        return CT_ERR_END;
    }
    struct ct_outbox_record record;
    const int err = ct_lane_find(lane, &outbox->cache, seq, &record);
    if (err != CT_OK && err != CT_ERR_END) {
        return err;
    }
    const uint64_t found =
        err == CT_OK && record.seq_first < lane->durable_next ? record.seq_first : lane->durable_next;
    if (found > seq) {
        return tell_hole(outbox, lane, seq, found - 1, out_record);
    }
    *out_record = record;
    return CT_OK;
}

/* The backend holds numbers that this store does not know: it was set back. Numbers that wait were given out anew for
 * other content and would be taken for old ones. */
static void jump_behind(struct ct_outbox *outbox, struct ct_lane *lane, uint64_t seq)
{
    if (lane->pending.len > 0) {
        count_lost(outbox, lane->waiting.records, lane->waiting.samples);
        lane->waiting = (struct ct_stretch){0};
        ct_buf_clear(&lane->pending);
    }
    if (lane->next_seq <= seq) {
        lane->next_seq = seq + 1;
    }
    outbox->state_due = true;
}

void ct_outbox_ack(struct ct_outbox *outbox, enum ct_class class, uint64_t seq)
{
    if (!class_ok(class) || seq >= CT_SEGMENT_SEQ_MAX / 2) {
        return;
    }
    struct ct_lane *lane = ct_outbox_lane(outbox, class);
    if (seq <= lane->acked) {
        return;
    }
    if (seq >= lane->durable_next) {
        jump_behind(outbox, lane, seq);
    }
    lane->acked = seq;
    ct_holes_forget(&lane->holes, seq);
    outbox->acks_due = true;
    trim(outbox, lane, false);
}

void ct_outbox_stats_get(const struct ct_outbox *outbox, struct ct_outbox_stats *out_stats)
{
    *out_stats = outbox->stats;
    memcpy(out_stats->stream_id, outbox->stream_id, CT_STREAM_ID_SIZE);
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        const struct ct_lane *lane = &outbox->lanes[i];
        out_stats->newest.seq[i] = lane->durable_next - 1;
        out_stats->acked.seq[i] = lane->acked;
        out_stats->bytes[i] = ct_lane_bytes(lane);
    }
}
