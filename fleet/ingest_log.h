/* The backend's ingest log: what vehicles sent, byte for byte, durable before it is acknowledged.
 *
 * Append-only segments `<16 hex digits of the start offset>.log` in one folder. Offsets count bytes over all segments
 * and never restart; a record is found again by its offset. An entry on disk (little endian, padded with zeros to 8):
 *   0 u32 CRC-32C over bytes 4 up to the end of data   4 u32 length of data
 *   8 u8 kind   9 u8 class   10 u8 length of vehicle id   11 u8 zero   12 u32 format (1)
 *  16 u64 seq_first   24 u64 seq_last   32 i64 received, UTC ns   40 stream id (16)   56 u64 own offset
 *  64 vehicle id, data
 * Opening cuts off what stands behind the last whole entry of the last segment (a torn write was never acknowledged);
 * damage with whole entries behind it stays, readers report it and go on behind.
 * Adapter (files). The writer belongs to one thread, each reader to one thread; ct_ingest_log_durable
 * and ct_ingest_log_readable may be called by any. */
#ifndef CT_FLEET_INGEST_LOG_H
#define CT_FLEET_INGEST_LOG_H

#include "link_types.h"

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

#define CT_INGEST_SEGMENT_BYTES (64U * 1024U * 1024U)
#define CT_INGEST_DATA_MAX      CT_LINK_MESSAGE_MAX
#define CT_INGEST_VEHICLE_MAX   64

enum ct_ingest_kind { CT_INGEST_RECORD = 1, CT_INGEST_CATALOGUE = 2 };

struct ct_ingest_entry {
    enum ct_ingest_kind kind;
    uint8_t class; /* enum ct_class; 0 for a catalogue part */
    char vehicle_id[CT_INGEST_VEHICLE_MAX + 1];
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint64_t seq_first, seq_last;
    int64_t received_utc_ns;
    const uint8_t *data; /* from a reader: valid until its next call */
    size_t len;
};

struct ct_ingest_log;

/* Opens or makes the log. segment_bytes: a segment is closed behind this size. applied: what the database has taken of
 * the log; nothing before it is cut, and where the log ends earlier (damaged, lost) it goes on there. *out_cut_bytes:
 * length of the tail without a whole entry that was cut off. */
int ct_ingest_log_open(const char *folder, size_t segment_bytes, uint64_t applied, struct ct_ingest_log **out_log,
                       uint64_t *out_cut_bytes) CT_MUST_CHECK;
void ct_ingest_log_close(struct ct_ingest_log *log); /* accepts NULL; what was not synced is not written */

/* Buffers one entry; ct_ingest_log_sync makes it durable. CT_ERR_TOO_LARGE over the limits. */
int ct_ingest_log_append(struct ct_ingest_log *log, const struct ct_ingest_entry *entry) CT_MUST_CHECK;

/* Hands what was appended to the kernel: it can be read, and is not durable yet. */
int ct_ingest_log_write(struct ct_ingest_log *log) CT_MUST_CHECK;

/* Writes and fdatasyncs what was appended. After a failure the log must be closed: nothing is known about the tail. */
int ct_ingest_log_sync(struct ct_ingest_log *log) CT_MUST_CHECK;

uint64_t ct_ingest_log_durable(const struct ct_ingest_log *log); /* everything before this offset is durable */
/* Everything before this offset can be read, durable or not. Any thread. */
uint64_t ct_ingest_log_readable(const struct ct_ingest_log *log);
size_t ct_ingest_log_pending(const struct ct_ingest_log *log); /* bytes appended since the last sync */

struct ct_ingest_reader;

/* Starts at `offset` (an entry's start) or at the oldest entry kept when that is behind it. */
int ct_ingest_reader_open(const char *folder, uint64_t offset, struct ct_ingest_reader **out_reader) CT_MUST_CHECK;
void ct_ingest_reader_close(struct ct_ingest_reader *reader); /* accepts NULL */

/* The next entry before `end` (see ct_ingest_log_readable). CT_ERR_END: none yet. CT_ERR_CORRUPT: damage was found at
 * *out_offset; the reader stands behind it and the next call goes on. */
int ct_ingest_reader_next(struct ct_ingest_reader *reader, uint64_t end, struct ct_ingest_entry *out_entry,
                          uint64_t *out_offset) CT_MUST_CHECK;

uint64_t ct_ingest_reader_position(const struct ct_ingest_reader *reader); /* offset of the next entry */

/* Deletes segments that end before `offset`; the newest one always stays. Returns how many. */
size_t ct_ingest_reader_trim(struct ct_ingest_reader *reader, uint64_t offset);

#endif
