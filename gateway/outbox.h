/* The vehicle's disk outbox: every record that must reach the backend, kept until it is acknowledged.
 *
 * One log of segment files per delivery class below `dir`/outbox, catalogues below `dir`/catalogues. Owns the stream
 * id, the persistent sequences, the quota and its losses, recovery after a crash. Leaves to others: what a record
 * means, when to commit, sending.
 *
 * Promises
 * - A record is handed out only after it is durable (ct_outbox_commit returned CT_OK); sequences are never used twice.
 * - ct_outbox_read(after) always answers with the sequence after + 1: a stored record, or a Gap record made on the spot
 *   for a range that was dropped (OUTBOX_FULL), lost before it was on disk (RESTART) or is unreadable (DAMAGED). The
 *   records and Gaps read in order tile the sequences without hole or overlap.
 * - EVENT and RESULT are never dropped: when their part of the quota is full, append says CT_ERR_FULL and nothing has
 *   changed. SAMPLE never says it for the quota: whole oldest segments are dropped instead.
 * - A SAMPLE record that cannot be written (disk full, I/O error) becomes part of a Gap; it is never lost silently.
 *
 * Loss window: what was appended since the last commit, so `commit_ms` plus one fdatasync; it does not depend on
 * whether the process or the power died. Flash volume: the appended bytes (48 to 87 bytes more per record), plus for
 * each commit with new records about 4 KiB of partly filled page and 8 KiB of file system journal: at one commit per
 * second 43 MB/h, at five 216 MB/h, plus 12 KiB per segment or 10 s of acks. ct_outbox_stats has what was really
 * written.
 *
 * Adapter target gateway_outbox. Belongs to one thread (storage), but for ct_outbox_catalogue_load. */
#ifndef CT_GATEWAY_OUTBOX_H
#define CT_GATEWAY_OUTBOX_H

#include "batch.h"

#define CT_OUTBOX_RECORD_MAX (CT_LINK_MESSAGE_MAX - 1024U)

struct ct_outbox;

struct ct_outbox_config {
    const char *dir;                  /* state_dir; made when missing */
    uint64_t quota_bytes;             /* all segment files together; at least 128 KiB */
    uint64_t reserved_bytes;          /* of it for EVENT and RESULT, half each; 0: an eighth */
    uint32_t segment_bytes;           /* 0: an eighth of the class's part, within 4 KiB and 1 MiB */
    uint8_t boot_id[CT_BOOT_ID_SIZE]; /* for the Gap records made here */
};

/* What open found; for the app's log, events and the RESTART gap. */
struct ct_outbox_recovery {
    bool fresh;                 /* nothing was there: a new stream */
    bool lost_stream;           /* something was there but not even the stream id could be read: a new stream */
    bool clean;                 /* the last run ended by ct_outbox_close */
    bool has_last_sample;       /* the two below are known */
    int64_t last_sample_utc_ns; /* newest sample that is durable: a RESTART gap begins here */
    uint8_t last_boot_id[CT_BOOT_ID_SIZE];
    uint64_t torn_bytes;      /* cut off the ends of the newest segments */
    uint64_t damaged_records; /* stretches that failed their checksum; they read as Gap */
};

/* One record, in both directions. */
struct ct_outbox_record {
    enum ct_class class;
    uint64_t seq_first, seq_last;   /* stored records: equal; Gaps made here: the range */
    uint32_t samples;               /* samples inside, 0 for EVENT and RESULT */
    int64_t from_utc_ns, to_utc_ns; /* of what is inside */
    bool has_catalogue;             /* names a catalogue (batches do) */
    uint8_t catalogue_hash[CT_HASH_SIZE];
    const uint8_t *data; /* serialised Record; from read: valid until the next call */
    size_t len;
};

struct ct_outbox_stats {
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    struct ct_positions newest; /* durable */
    struct ct_positions acked;
    uint64_t bytes[CT_CLASS_COUNT]; /* of the segment files and what waits for commit */
    uint64_t appended[CT_CLASS_COUNT];
    uint64_t refused[CT_CLASS_COUNT];               /* CT_ERR_FULL said */
    uint64_t dropped_records, dropped_samples;      /* SAMPLE, by quota or by a disk that takes nothing */
    uint64_t damaged_records, torn_bytes;           /* since open, open included */
    uint64_t commits, commit_errors, written_bytes; /* written_bytes: everything handed to the file system */
};

/* CT_ERR_UNSUPPORTED: made by another version, left untouched. CT_ERR_BUSY: another process has it. `out_recovery` may
 * be NULL. */
int ct_outbox_open(const struct ct_outbox_config *config, struct ct_outbox **out_outbox,
                   struct ct_outbox_recovery *out_recovery) CT_MUST_CHECK;
/* Commits, writes the clean-stop mark, frees; accepts NULL. The error of the commit, if there was one. */
int ct_outbox_close(struct ct_outbox *outbox);

/* The sequence the next record of this class must carry (from 1). */
uint64_t ct_outbox_next_seq(const struct ct_outbox *outbox, enum ct_class class);
/* Bytes of record data that certainly still fit (EVENT, RESULT); for SAMPLE the largest record allowed. */
size_t ct_outbox_room(const struct ct_outbox *outbox, enum ct_class class);

/* Appends one record in memory; durable after ct_outbox_commit. seq_first and seq_last must both be ct_outbox_next_seq.
 * CT_ERR_FULL (EVENT, RESULT): quota; nothing changed. CT_ERR_TOO_LARGE: over CT_OUTBOX_RECORD_MAX. For SAMPLE any
 * other error means: the sequence is consumed and the record is part of a Gap now. May commit by itself when 256 KiB
 * wait. */
int ct_outbox_append(struct ct_outbox *outbox, const struct ct_outbox_record *record) CT_MUST_CHECK;

/* Makes everything appended durable (fdatasync where something changed); `now` only paces the saving of acks. On error
 * EVENT and RESULT records stay waiting for the next commit, SAMPLE records too until 256 KiB wait. A full disk first
 * costs the oldest SAMPLE segments. */
int ct_outbox_commit(struct ct_outbox *outbox, ct_ns now) CT_MUST_CHECK;

/* The record that begins with after_seq + 1 (after_seq below the ack counts as the ack). CT_ERR_END: nothing durable
 * behind it. Reading in order costs one read per record; jumping searches one segment. */
int ct_outbox_read(struct ct_outbox *outbox, enum ct_class class, uint64_t after_seq,
                   struct ct_outbox_record *out_record) CT_MUST_CHECK;

/* Everything up to `seq` is durable at the backend. Never goes back. A seq beyond the newest (the store was set back to
 * an older copy) moves the sequence behind it, so that nothing new hides behind old numbers. */
void ct_outbox_ack(struct ct_outbox *outbox, enum ct_class class, uint64_t seq);

void ct_outbox_stats_get(const struct ct_outbox *outbox, struct ct_outbox_stats *out_stats);

/* Keeps the catalogue on disk for as long as it is the newest one saved or a record that is not yet acknowledged names
 * it. Save it before appending records that name it. */
int ct_outbox_catalogue_save(struct ct_outbox *outbox, const struct ct_catalogue *catalogue) CT_MUST_CHECK;
/* Reads a kept catalogue (one reference for the caller). Any thread. CT_ERR_NOT_FOUND, CT_ERR_CORRUPT. */
int ct_outbox_catalogue_load(const char *dir, const uint8_t hash[CT_HASH_SIZE],
                             struct ct_catalogue **out_catalogue) CT_MUST_CHECK;

#endif
