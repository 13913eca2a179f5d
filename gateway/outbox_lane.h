/* One class's log inside the outbox: its segment files, what waits for commit, its known holes. Internal to
 * gateway_outbox. */
#ifndef CT_GATEWAY_OUTBOX_LANE_H
#define CT_GATEWAY_OUTBOX_LANE_H

#include "outbox_segment.h"
#include "outbox_state.h"

#define CT_LANE_HASHES_MAX  4
#define CT_LANE_PENDING_MAX ((size_t)128 * 1024) /* more waiting than this forces a commit */
#define CT_LANE_PATH_MAX    4096

/* A stretch of records: a segment file, or what waits for commit. */
struct ct_stretch {
    uint64_t first_seq; /* as the file's name says */
    uint64_t last_seq;  /* 0: no record */
    uint64_t size;      /* bytes, head included */
    uint64_t good_end;  /* behind the last good record */
    uint64_t records;
    uint64_t samples;
    int64_t from_utc_ns, to_utc_ns;
    size_t hash_count; /* over CT_LANE_HASHES_MAX: some catalogues are not listed */
    uint8_t hashes[CT_LANE_HASHES_MAX][CT_HASH_SIZE];
    bool unreadable; /* found at open with a damaged head; deleted once the state is saved */
};

/* The segment file read last; one for the whole outbox. */
struct ct_segment_cache {
    enum ct_class class;
    uint64_t first_seq; /* 0: empty */
    uint8_t *data;
    size_t len, capacity;
};

struct ct_lane {
    enum ct_class class;
    const char *path; /* of the outbox folder */
    uint64_t limit;   /* bytes of files and pending */
    uint32_t segment_bytes;
    uint32_t pending_limit;
    struct ct_stretch *segments; /* oldest first */
    size_t count, capacity;
    uint64_t file_bytes;
    int fd; /* of the last segment; -1: the next commit makes a new one */
    struct ct_buf pending;
    struct ct_stretch waiting; /* what pending holds */
    uint64_t next_seq;         /* of the next append */
    uint64_t durable_next;     /* sequences below may be told */
    uint64_t acked;
    uint64_t front; /* segments that begin below are condemned */
    struct ct_holes holes;
    /* where the last read ended */
    uint64_t read_segment, read_seq;
    size_t read_offset;
};

void ct_lane_init(struct ct_lane *lane, enum ct_class class, const char *path, uint64_t limit, uint32_t segment_bytes);
void ct_lane_free(struct ct_lane *lane);

void ct_stretch_add(struct ct_stretch *stretch, const struct ct_outbox_record *record);
/* The file's name below lane->path. */
int ct_lane_segment_path(const struct ct_lane *lane, uint64_t first_seq, char out_path[CT_LANE_PATH_MAX]);

/* Takes up a file found at open (call in order of first_seq). Unreadable ones keep their place until settled. */
int ct_lane_adopt(struct ct_lane *lane, uint64_t first_seq, const uint8_t stream_id[CT_STREAM_ID_SIZE],
                  struct ct_outbox_recovery *recovery) CT_MUST_CHECK;
/* After the last adopt: cuts a torn tail, settles the next sequence. */
int ct_lane_settle(struct ct_lane *lane, const struct ct_outbox_lane_state *state,
                   struct ct_outbox_recovery *recovery) CT_MUST_CHECK;
/* Deletes what adopt found unreadable; the state with the settled sequence is on disk. */
void ct_lane_clear_unreadable(struct ct_lane *lane);

/* Writes what waits; on error everything still waits and the file is as before. *io_written grows by what was written.
 */
int ct_lane_commit(struct ct_lane *lane, const uint8_t stream_id[CT_STREAM_ID_SIZE],
                   uint64_t *io_written) CT_MUST_CHECK;
/* Notes what is not acknowledged of the oldest segment as a hole (returned for the counters; `last` 0: none). The file
 * goes with ct_lane_remove_oldest, after the state was saved. */
struct ct_hole ct_lane_condemn_oldest(struct ct_lane *lane, struct ct_segment_cache *cache, uint64_t *out_records);
void ct_lane_remove_oldest(struct ct_lane *lane);
/* What waits becomes a hole. */
void ct_lane_give_up_pending(struct ct_lane *lane);
/* True when the oldest segment is acknowledged whole and another one carries the sequence on (or `last_too`). */
bool ct_lane_oldest_done(const struct ct_lane *lane, bool last_too);

/* The first readable record with a sequence >= seq that is durable; CT_ERR_END. Its data lies in the cache. */
int ct_lane_find(struct ct_lane *lane, struct ct_segment_cache *cache, uint64_t seq,
                 struct ct_outbox_record *out_record) CT_MUST_CHECK;

static inline uint64_t ct_lane_bytes(const struct ct_lane *lane)
{
    return lane->file_bytes + lane->pending.len;
}

#endif
