#include "outbox_lane.h"

#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAME_MAX        ((size_t)256 * 1024) /* more than the largest record with its frame */
#define SEGMENT_READ_MAX ((size_t)8 * 1024 * 1024)

_Static_assert(FRAME_MAX >= CT_OUTBOX_RECORD_MAX + CT_SEGMENT_FRAME_SIZE + CT_HASH_SIZE + 8, "a record fits");

void ct_lane_init(struct ct_lane *lane, enum ct_class class, const char *path, uint64_t limit, uint32_t segment_bytes)
{
    *lane = (struct ct_lane){.class = class, .path = path, .limit = limit, .segment_bytes = segment_bytes, .fd = -1};
    lane->next_seq = 1;
    lane->durable_next = 1;
    lane->pending_limit = limit / 4 < CT_LANE_PENDING_MAX ? (uint32_t)(limit / 4) : (uint32_t)CT_LANE_PENDING_MAX;
    ct_buf_init(&lane->pending, CT_LANE_PENDING_MAX + FRAME_MAX);
}

static void close_active(struct ct_lane *lane)
{
    if (lane->fd >= 0) {
        close(lane->fd);
        lane->fd = -1;
    }
}

void ct_lane_free(struct ct_lane *lane)
{
    close_active(lane);
    ct_buf_free(&lane->pending);
    free(lane->segments);
    lane->segments = NULL;
    lane->count = lane->capacity = 0;
}

static void note_hash(struct ct_stretch *stretch, const uint8_t hash[CT_HASH_SIZE])
{
    for (size_t i = 0; i < stretch->hash_count && i < CT_LANE_HASHES_MAX; i++) {
        if (memcmp(stretch->hashes[i], hash, CT_HASH_SIZE) == 0) {
            return;
        }
    }
    if (stretch->hash_count < CT_LANE_HASHES_MAX) {
        memcpy(stretch->hashes[stretch->hash_count], hash, CT_HASH_SIZE);
    }
    if (stretch->hash_count <= CT_LANE_HASHES_MAX) {
        stretch->hash_count++;
    }
}

static void note_times(struct ct_stretch *stretch, int64_t from_utc_ns, int64_t to_utc_ns)
{
    if (from_utc_ns != 0 && (stretch->from_utc_ns == 0 || from_utc_ns < stretch->from_utc_ns)) {
        stretch->from_utc_ns = from_utc_ns;
    }
    if (to_utc_ns > stretch->to_utc_ns) {
        stretch->to_utc_ns = to_utc_ns;
    }
}

void ct_stretch_add(struct ct_stretch *stretch, const struct ct_outbox_record *record)
{
    if (stretch->records == 0 && stretch->first_seq == 0) {
        stretch->first_seq = record->seq_first;
    }
    stretch->last_seq = record->seq_last;
    stretch->records++;
    stretch->samples += record->samples;
    note_times(stretch, record->from_utc_ns, record->to_utc_ns);
    if (record->has_catalogue) {
        note_hash(stretch, record->catalogue_hash);
    }
}

static void stretch_join(struct ct_stretch *into, const struct ct_stretch *other)
{
    into->last_seq = other->last_seq;
    into->records += other->records;
    into->samples += other->samples;
    note_times(into, other->from_utc_ns, other->to_utc_ns);
    for (size_t i = 0; i < other->hash_count && i < CT_LANE_HASHES_MAX; i++) {
        note_hash(into, other->hashes[i]);
    }
    if (other->hash_count > CT_LANE_HASHES_MAX) {
        into->hash_count = other->hash_count;
    }
}

int ct_lane_segment_path(const struct ct_lane *lane, uint64_t first_seq, char out_path[CT_LANE_PATH_MAX])
{
    const int n =
        snprintf(out_path, CT_LANE_PATH_MAX, "%s/%d-%020" PRIu64 ".seg", lane->path, (int)lane->class, first_seq);
    return n > 0 && n < (int)CT_LANE_PATH_MAX ? CT_OK : CT_ERR_TOO_LARGE;
}

static void unlink_segment(const struct ct_lane *lane, uint64_t first_seq)
{
    char path[CT_LANE_PATH_MAX];
    if (ct_lane_segment_path(lane, first_seq, path) == CT_OK) {
        (void)unlink(path);
    }
}

static struct ct_stretch *push_segment(struct ct_lane *lane, uint64_t first_seq)
{
    if (lane->count == lane->capacity) {
        const size_t grown = lane->capacity == 0 ? 16 : lane->capacity * 2;
        struct ct_stretch *segments = realloc(lane->segments, grown * sizeof *segments);
        if (segments == NULL) {
            return NULL;
        }
        lane->segments = segments;
        lane->capacity = grown;
    }
    struct ct_stretch *segment = &lane->segments[lane->count++];
    *segment = (struct ct_stretch){.first_seq = first_seq};
    return segment;
}

static void remove_at(struct ct_lane *lane, size_t index)
{
    unlink_segment(lane, lane->segments[index].first_seq);
    lane->file_bytes -= lane->segments[index].size;
    memmove(&lane->segments[index], &lane->segments[index + 1], (lane->count - index - 1) * sizeof lane->segments[0]);
    lane->count--;
}

/* ---------------------------------------------------------------- at open */

static void scan(struct ct_lane *lane, struct ct_stretch *segment, const uint8_t *data, size_t len,
                 struct ct_outbox_recovery *recovery)
{
    struct ct_segment_walk walk = {
        .data = data, .len = len, .offset = CT_SEGMENT_HEAD_SIZE, .class = lane->class, .min_seq = segment->first_seq};
    struct ct_outbox_record record;
    while (ct_segment_next(&walk, &record) == CT_OK) {
        ct_stretch_add(segment, &record);
    }
    segment->good_end = walk.offset;
    recovery->damaged_records += walk.damaged;
}

int ct_lane_adopt(struct ct_lane *lane, uint64_t first_seq, const uint8_t stream_id[CT_STREAM_ID_SIZE],
                  struct ct_outbox_recovery *recovery)
{
    char path[CT_LANE_PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    struct ct_segment_head head;
    int err = ct_lane_segment_path(lane, first_seq, path);
    if (err == CT_OK) {
        err = ct_file_read(path, SEGMENT_READ_MAX, &data, &len);
    }
    if (err == CT_ERR_NO_MEMORY) {
        return err;
    }
    struct ct_stretch *segment = push_segment(lane, first_seq);
    if (segment == NULL) {
        free(data);
        return CT_ERR_NO_MEMORY;
    }
    segment->size = len;
    lane->file_bytes += len;
    if (err == CT_OK && ct_segment_head_read(data, len, &head) == CT_OK && head.first_seq == first_seq &&
        head.class == lane->class && memcmp(head.stream_id, stream_id, CT_STREAM_ID_SIZE) == 0) {
        scan(lane, segment, data, len, recovery);
    } else {
        segment->unreadable = true;
        recovery->damaged_records += len > CT_SEGMENT_HEAD_SIZE ? 1U : 0U;
    }
    free(data);
    return CT_OK;
}

/* How many records may have stood in so many bytes that cannot be read. */
static uint64_t records_in(uint64_t bytes)
{
    return (bytes + CT_SEGMENT_FRAME_SIZE - 1) / CT_SEGMENT_FRAME_SIZE;
}

/* What lies behind the last good record of the newest file was on its way when the process or the power died. Its
 * sequences were perhaps already told (bit rot looks the same), so they are not used again. */
static int cut_tail(struct ct_lane *lane, struct ct_stretch *segment, struct ct_outbox_recovery *recovery)
{
    const uint64_t torn = segment->size - segment->good_end;
    const uint64_t behind = segment->last_seq != 0 ? segment->last_seq + 1 : segment->first_seq;
    if (torn > 0) {
        if (ftruncate(lane->fd, (off_t)segment->good_end) != 0) {
            return ct_err_from_errno(errno);
        }
        const struct ct_hole hole = {.first = behind, .last = behind + records_in(torn) - 1, .reason = CT_GAP_RESTART};
        ct_holes_add(&lane->holes, &hole);
        segment->size = segment->good_end;
        lane->file_bytes -= torn;
        recovery->torn_bytes += torn;
    }
    lane->next_seq = behind + records_in(torn);
    lane->durable_next = behind;
    return CT_OK;
}

static int reopen_active(struct ct_lane *lane, struct ct_stretch *segment, struct ct_outbox_recovery *recovery)
{
    char path[CT_LANE_PATH_MAX];
    int err = ct_lane_segment_path(lane, segment->first_seq, path);
    if (err == CT_OK) {
        lane->fd = open(path, O_RDWR | O_CLOEXEC);
        err = lane->fd >= 0 ? CT_OK : ct_err_from_errno(errno);
    }
    return err == CT_OK ? cut_tail(lane, segment, recovery) : err;
}

int ct_lane_settle(struct ct_lane *lane, const struct ct_outbox_lane_state *state, struct ct_outbox_recovery *recovery)
{
    int err = CT_OK;
    lane->holes = state->holes;
    lane->front = state->front;
    if (lane->count > 0) {
        struct ct_stretch *newest = &lane->segments[lane->count - 1];
        if (newest->unreadable) {
            const uint64_t body = newest->size > CT_SEGMENT_HEAD_SIZE ? newest->size - CT_SEGMENT_HEAD_SIZE : 0;
            lane->durable_next = newest->first_seq;
            lane->next_seq = newest->first_seq + records_in(body);
        } else {
            err = reopen_active(lane, newest, recovery);
        }
    }
    if (lane->next_seq < state->next_seq) {
        lane->next_seq = state->next_seq;
        lane->durable_next = state->next_seq;
    }
    lane->acked = state->acked < lane->next_seq ? state->acked : lane->next_seq - 1;
    while (err == CT_OK && lane->count > 1 && lane->segments[0].first_seq < lane->front) {
        remove_at(lane, 0); /* condemned, but the name came back with the power */
    }
    return err;
}

void ct_lane_clear_unreadable(struct ct_lane *lane)
{
    for (size_t i = 0; i < lane->count;) {
        if (lane->segments[i].unreadable) {
            remove_at(lane, i);
        } else {
            i++;
        }
    }
}

/* ---------------------------------------------------------------- writing */

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t offset)
{
    while (len > 0) {
        const ssize_t n = pwrite(fd, data, len, (off_t)offset);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ct_err_from_errno(errno);
        }
        data += n;
        len -= (size_t)n;
        offset += (uint64_t)n;
    }
    return CT_OK;
}

static int make_segment(struct ct_lane *lane, const uint8_t stream_id[CT_STREAM_ID_SIZE])
{
    char path[CT_LANE_PATH_MAX];
    uint8_t bytes[CT_SEGMENT_HEAD_SIZE];
    struct ct_segment_head head = {.class = lane->class, .first_seq = lane->waiting.first_seq};
    memcpy(head.stream_id, stream_id, CT_STREAM_ID_SIZE);
    int err = ct_lane_segment_path(lane, head.first_seq, path);
    if (err != CT_OK) {
        return err;
    }
    lane->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (lane->fd < 0) {
        return ct_err_from_errno(errno);
    }
    struct ct_stretch *segment = push_segment(lane, head.first_seq);
    if (segment == NULL) {
        close_active(lane);
        (void)unlink(path);
        return CT_ERR_NO_MEMORY;
    }
    ct_segment_head_write(&head, bytes);
    segment->size = segment->good_end = CT_SEGMENT_HEAD_SIZE;
    lane->file_bytes += CT_SEGMENT_HEAD_SIZE;
    return write_at(lane->fd, bytes, sizeof bytes, 0);
}

static int write_pending(struct ct_lane *lane, bool fresh)
{
    const struct ct_stretch *segment = &lane->segments[lane->count - 1];
    int err = write_at(lane->fd, lane->pending.data, lane->pending.len, segment->size);
    if (err == CT_OK && fdatasync(lane->fd) != 0) {
        err = ct_err_from_errno(errno);
    }
    if (err == CT_OK && fresh) {
        err = ct_dir_sync(lane->path);
    }
    return err;
}

static void undo_write(struct ct_lane *lane, bool fresh)
{
    if (fresh) {
        close_active(lane);
        remove_at(lane, lane->count - 1);
        return;
    }
    /* When this fails too, the stale bytes carry sequences that will not be believed: see ct_segment_walk.min_seq. */
    if (ftruncate(lane->fd, (off_t)lane->segments[lane->count - 1].size) != 0) {
        close_active(lane);
    }
}

int ct_lane_commit(struct ct_lane *lane, const uint8_t stream_id[CT_STREAM_ID_SIZE], uint64_t *io_written)
{
    if (lane->pending.len == 0) {
        return CT_OK;
    }
    if (lane->fd >= 0 && lane->segments[lane->count - 1].size + lane->pending.len > lane->segment_bytes) {
        close_active(lane);
    }
    const bool fresh = lane->fd < 0;
    int err = fresh ? make_segment(lane, stream_id) : CT_OK;
    if (fresh && lane->fd < 0) {
        return err;
    }
    if (err == CT_OK) {
        err = write_pending(lane, fresh);
    }
    if (err != CT_OK) {
        undo_write(lane, fresh);
        return err;
    }
    struct ct_stretch *segment = &lane->segments[lane->count - 1];
    stretch_join(segment, &lane->waiting);
    segment->size += lane->pending.len;
    segment->good_end = segment->size;
    lane->file_bytes += lane->pending.len;
    *io_written += lane->pending.len + (fresh ? CT_SEGMENT_HEAD_SIZE : 0);
    lane->durable_next = lane->waiting.last_seq + 1;
    lane->waiting = (struct ct_stretch){0};
    ct_buf_clear(&lane->pending);
    return CT_OK;
}

/* ---------------------------------------------------------------- letting go */

/* What the oldest segment holds behind the ack. */
static struct ct_stretch unacked(struct ct_lane *lane, struct ct_segment_cache *cache, uint64_t end)
{
    struct ct_outbox_record record;
    struct ct_stretch rest = {0};
    uint64_t seq = lane->acked + 1;
    while (seq < end && ct_lane_find(lane, cache, seq, &record) == CT_OK && record.seq_last < end) {
        ct_stretch_add(&rest, &record);
        seq = record.seq_last + 1;
    }
    return rest;
}

struct ct_hole ct_lane_condemn_oldest(struct ct_lane *lane, struct ct_segment_cache *cache, uint64_t *out_records)
{
    const struct ct_stretch *oldest = &lane->segments[0];
    const uint64_t end = lane->count > 1 ? lane->segments[1].first_seq : lane->durable_next;
    const bool partly_acked = lane->acked >= oldest->first_seq;
    const struct ct_stretch lost = partly_acked ? unacked(lane, cache, end) : *oldest;
    struct ct_hole hole = {.first = partly_acked ? lane->acked + 1 : oldest->first_seq,
                           .last = end - 1,
                           .samples = lost.samples,
                           .from_utc_ns = lost.from_utc_ns,
                           .to_utc_ns = lost.to_utc_ns,
                           .reason = CT_GAP_OUTBOX_FULL};
    *out_records = lost.records;
    lane->front = end;
    if (hole.first > hole.last) {
        hole.last = 0;
        return hole;
    }
    ct_holes_add(&lane->holes, &hole);
    return hole;
}

void ct_lane_remove_oldest(struct ct_lane *lane)
{
    if (lane->count == 1) {
        close_active(lane);
    }
    remove_at(lane, 0);
}

void ct_lane_give_up_pending(struct ct_lane *lane)
{
    const struct ct_hole hole = {.first = lane->waiting.first_seq,
                                 .last = lane->waiting.last_seq,
                                 .samples = lane->waiting.samples,
                                 .from_utc_ns = lane->waiting.from_utc_ns,
                                 .to_utc_ns = lane->waiting.to_utc_ns,
                                 .reason = CT_GAP_OUTBOX_FULL};
    ct_holes_add(&lane->holes, &hole);
    lane->waiting = (struct ct_stretch){0};
    ct_buf_clear(&lane->pending);
}

bool ct_lane_oldest_done(const struct ct_lane *lane, bool last_too)
{
    if (lane->count > 1) {
        return lane->segments[1].first_seq <= lane->acked + 1;
    }
    return last_too && lane->count == 1 && lane->durable_next <= lane->acked + 1;
}
