/* The bytes of a segment file: a head, then framed records, each padded to 8 bytes. Version 1, little-endian.
 *
 *   head (64): "CTOB", u32 version, u32 class, u32 0, stream id (16), u64 first sequence, 20 zero bytes, u32 CRC-32C
 *   record:    "CTRC", u32 length, u64 sequence, u32 samples, u32 class | 256 if a catalogue hash follows,
 *              i64 from UTC, i64 to UTC, u32 CRC-32C of hash and data, u32 CRC-32C of the 44 bytes before; hash; data
 *
 * A damaged stretch is skipped by looking for the next good record at the next multiple of 8. Pure: no I/O. */
#ifndef CT_GATEWAY_OUTBOX_SEGMENT_H
#define CT_GATEWAY_OUTBOX_SEGMENT_H

#include "outbox.h"

#define CT_SEGMENT_HEAD_SIZE  64U
#define CT_SEGMENT_FRAME_SIZE 48U
#define CT_SEGMENT_SEQ_MAX    (UINT64_C(1) << 62)

struct ct_segment_head {
    enum ct_class class;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint64_t first_seq;
};

void ct_segment_head_write(const struct ct_segment_head *head, uint8_t out[CT_SEGMENT_HEAD_SIZE]);
/* CT_ERR_CORRUPT, or CT_ERR_UNSUPPORTED for a sound head of another version. */
int ct_segment_head_read(const uint8_t *data, size_t len, struct ct_segment_head *out_head) CT_MUST_CHECK;

/* Bytes a record takes in the file. */
size_t ct_segment_frame_size(const struct ct_outbox_record *record);
/* Appends the framed record; on error (CT_ERR_NO_MEMORY, CT_ERR_TOO_LARGE) `out` is as before. */
int ct_segment_frame_write(const struct ct_outbox_record *record, struct ct_buf *out) CT_MUST_CHECK;

/* Walks the records of a file held in memory. */
struct ct_segment_walk {
    const uint8_t *data;
    size_t len;
    size_t offset; /* where to look next: a multiple of 8, at first CT_SEGMENT_HEAD_SIZE */
    enum ct_class class;
    uint64_t min_seq; /* records below are passed over: sequences only rise */
    uint64_t damaged; /* stretches skipped in front of a good record */
};
/* The next good record, its data inside walk->data. CT_ERR_END: none; offset then stays behind the last good one. */
int ct_segment_next(struct ct_segment_walk *walk, struct ct_outbox_record *out_record) CT_MUST_CHECK;

#endif
