/* What the outbox knows beside its records: stream id, sequences, acks, known holes; and its file form, which is
 * replaced as a whole. Pure: no I/O. */
#ifndef CT_GATEWAY_OUTBOX_STATE_H
#define CT_GATEWAY_OUTBOX_STATE_H

#include "batch.h"

#define CT_HOLES_MAX 64

/* A range of sequences without records. */
struct ct_hole {
    uint64_t first, last;
    uint64_t samples; /* 0 unknown */
    int64_t from_utc_ns, to_utc_ns;
    enum ct_gap_reason reason;
    bool told; /* was handed out: must keep its bounds */
};

/* Sorted, not overlapping. A range not listed here reads as DAMAGED. */
struct ct_holes {
    struct ct_hole list[CT_HOLES_MAX];
    size_t count;
};

/* Adds a range; those inside it are taken up (their samples added), and it grows the one before it when both touch,
 * have the same reason and that one was not told yet. When the list is full two neighbours that touch are joined; when
 * none do, the newest is forgotten. */
void ct_holes_add(struct ct_holes *holes, const struct ct_hole *hole);
/* Forgets everything up to seq. */
void ct_holes_forget(struct ct_holes *holes, uint64_t seq);
/* The hole as to be told for missing sequences first..last (the answer begins with `first` and may end earlier). Marks
 * what it tells. */
struct ct_hole ct_holes_tell(struct ct_holes *holes, uint64_t first, uint64_t last);

struct ct_outbox_lane_state {
    uint64_t acked;
    uint64_t next_seq; /* at least: sequences below are used up */
    uint64_t front;    /* segments that begin below were deleted */
    struct ct_holes holes;
};

struct ct_outbox_state {
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    bool clean;
    bool has_last_sample;
    int64_t last_sample_utc_ns;
    struct ct_outbox_lane_state lanes[CT_CLASS_COUNT];
};

#define CT_OUTBOX_STATE_MAX 16384U

void ct_outbox_state_write(const struct ct_outbox_state *state, struct ct_buf *out);
/* CT_ERR_CORRUPT, or CT_ERR_UNSUPPORTED for a sound file of another version. */
int ct_outbox_state_read(const uint8_t *data, size_t len, struct ct_outbox_state *out_state) CT_MUST_CHECK;

#endif
