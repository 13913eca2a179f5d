/* The journal of one update: what has been done to which parameter, so that after any interruption it is known how to
 * end it at the old or the new set.
 *
 * Records follow each other in a file; each has a checksum and the hash of the one before. What stands behind the first
 * record that is torn, damaged or out of its chain is not there. A record is durable before what it announces happens.
 * Begin -> Old value of every parameter -> Prepared -> (Intent, Done) for each write -> Read back -> Committed ->
 * Reported; or, from Prepared on, Rollback intents -> Rolled back | Rollback failed. Held may stand between. Pure:
 * bytes in, progress out; the caller appends and syncs. Source: facts on update trust 1.5 (journal states). */
#ifndef CT_UPDATE_UPDATE_JOURNAL_H
#define CT_UPDATE_UPDATE_JOURNAL_H

#include "errors.h"
#include "manifest.h"
#include "update_verdict.h"

#define CT_UPDATE_RECORD_HEAD 42                                              /* bytes before its data */
#define CT_UPDATE_RECORD_MAX  (CT_UPDATE_RECORD_HEAD + CT_UPDATE_RAW_MAX + 4) /* of a whole record */

enum ct_update_record_type {
    CT_RECORD_BEGIN = 1,
    CT_RECORD_OLD,      /* index; data: the value before */
    CT_RECORD_PREPARED, /* all old values are there */
    CT_RECORD_INTENT,   /* index: is written next */
    CT_RECORD_DONE,     /* index: the ECU has said so */
    CT_RECORD_READ_BACK,
    CT_RECORD_COMMITTED,
    CT_RECORD_REPORTED,
    CT_RECORD_ROLLBACK, /* data: verdict; from here on only back */
    CT_RECORD_ROLLBACK_INTENT,
    CT_RECORD_ROLLED_BACK,
    CT_RECORD_ROLLBACK_FAILED,
    CT_RECORD_HELD, /* data: verdict */
};

struct ct_update_record {
    enum ct_update_record_type type;
    uint16_t index; /* of the parameter */
    uint16_t len;
    uint8_t data[CT_UPDATE_RAW_MAX];
};

struct ct_old_value {
    uint16_t len;
    uint8_t data[CT_UPDATE_RAW_MAX];
};

/* About 132 KiB. Zeroed: no update. */
struct ct_update_progress {
    bool begun, prepared, committed, reported, rolling_back, rolled_back, rollback_failed, held;
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    uint8_t directive_hash[CT_UPDATE_HASH_SIZE];
    uint8_t set_before[CT_UPDATE_HASH_SIZE], set_after[CT_UPDATE_HASH_SIZE];
    uint16_t count;   /* parameters */
    uint16_t touched; /* parameters 0 .. touched - 1 may have been written */
    uint16_t old_count;
    uint8_t verdict; /* of the way back, or of being held */
    struct ct_old_value old[CT_UPDATE_PARAMETERS_MAX];
    /* of the chain */
    uint32_t records;
    uint8_t head[CT_UPDATE_HASH_SIZE];
};

struct ct_update_begin {
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    uint8_t directive_hash[CT_UPDATE_HASH_SIZE];
    uint8_t set_before[CT_UPDATE_HASH_SIZE], set_after[CT_UPDATE_HASH_SIZE];
    uint16_t count; /* 1 .. CT_UPDATE_PARAMETERS_MAX */
};

void ct_update_record_begin(const struct ct_update_begin *begin, struct ct_update_record *out_record);

/* The record's bytes as the next of the chain; returns their number. Does not change the progress. */
size_t ct_update_record_encode(const struct ct_update_record *record, const struct ct_update_progress *progress,
                               uint8_t out[CT_UPDATE_RECORD_MAX]);

/* One more record at `data`, of `len` bytes that are there: takes it into the progress and tells its length.
 * CT_ERR_END: nothing more; CT_ERR_TRUNCATED, CT_ERR_CORRUPT: what follows is not there. */
int ct_update_record_take(const uint8_t *data, size_t len, struct ct_update_progress *progress,
                          size_t *out_len) CT_MUST_CHECK;

/* All of a file; returns how many bytes of it count. */
size_t ct_update_journal_read(const uint8_t *data, size_t len, struct ct_update_progress *out_progress);

/* Nothing is left to be done on the ECUs. */
bool ct_update_progress_over(const struct ct_update_progress *progress);

#endif
