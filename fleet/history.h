/* What was: samples of every signal as packed chunks, gaps and events, per vehicle (its row id).
 *
 * Writes belong to the database's open transaction; the caller begins and commits. A vehicle's newest samples live in
 * its open chunk, which the caller owns and gives along with every query.
 * Belongs to one thread. */
#ifndef CT_FLEET_HISTORY_H
#define CT_FLEET_HISTORY_H

#include "batch.h"
#include "chunk.h"
#include "database.h"

#define CT_HISTORY_SAMPLES_MAX 200000 /* of one answer */

struct ct_history;

/* `catalogue` finds a stored catalogue; it lives as long as the history. */
int ct_history_open(struct ct_database *database, ct_catalogue_lookup_fn catalogue, void *user,
                    struct ct_history **out_history) CT_MUST_CHECK;
void ct_history_close(struct ct_history *history); /* accepts NULL */

/* Packs and stores the chunk, then clears it. An empty one stores nothing. */
int ct_history_store(struct ct_history *history, int64_t vehicle, struct ct_chunk *chunk,
                     const struct ct_catalogue *catalogue) CT_MUST_CHECK;

/* Chunks of a minute are quick to store and slow to ask: when CT_HISTORY_MERGE of a vehicle wait, the oldest of them
 * that share a catalogue become one with a column for each signal (chunk_column.h). CT_ERR_END: too few wait. */
#define CT_HISTORY_MERGE 60
int ct_history_merge(struct ct_history *history, int64_t vehicle) CT_MUST_CHECK;
/* CT_OK: ct_history_merge would do something; CT_ERR_END: not. Reads only. */
int ct_history_merge_due(struct ct_history *history, int64_t vehicle) CT_MUST_CHECK;

int ct_history_add_gap(struct ct_history *history, int64_t vehicle, const struct ct_gap *gap) CT_MUST_CHECK;
/* fields_json: a JSON object. */
int ct_history_add_event(struct ct_history *history, int64_t vehicle, int64_t utc_ms, const char *name,
                         const char *text, const char *fields_json) CT_MUST_CHECK;

/* The answer to a query: samples ascending by time (equal times: order of arrival). */
struct ct_history_range {
    struct ct_chunk_sample *samples; /* bytes point into arena */
    enum ct_kind *kinds;
    size_t count;
    bool truncated;               /* more than CT_HISTORY_SAMPLES_MAX: the oldest are given */
    const struct ct_entry *entry; /* newest definition met, NULL when the signal is in no catalogue met */
    struct ct_buf arena;
};

/* Which samples: a signal of a vehicle, in the store and in the vehicle's open chunk. */
struct ct_history_source {
    int64_t vehicle;
    const char *signal;
    const struct ct_chunk *open;               /* NULL: none */
    const struct ct_catalogue *open_catalogue; /* NULL: none */
};

/* Samples with from_us <= time <= to_us. */
int ct_history_query(struct ct_history *history, const struct ct_history_source *source, int64_t from_us, int64_t to_us,
                     struct ct_history_range *out_range) CT_MUST_CHECK;
void ct_history_range_free(struct ct_history_range *range);

/* For plots: physical values of one stretch of time. */
struct ct_history_bin {
    size_t count; /* 0: the rest means nothing */
    double min, max, sum, last;
    int64_t last_us;
};
/* Sorts what is a finite number into `count` bins of *out_width_us each, from from_us on. *out_entry: newest definition
 * met, NULL when there was no sample. */
int ct_history_bins(struct ct_history *history, const struct ct_history_source *source, int64_t from_us, int64_t to_us,
                    struct ct_history_bin *bins, size_t count, uint64_t *out_width_us,
                    const struct ct_entry **out_entry) CT_MUST_CHECK;

#define CT_HISTORY_BACK_CHUNKS 5000

struct ct_history_value {
    struct ct_chunk_sample sample; /* bytes point into `bytes` */
    enum ct_kind kind;
    const struct ct_entry *entry;
    uint8_t bytes[CT_BYTES_MAX];
};
/* The newest sample not later than at_us; looks through CT_HISTORY_BACK_CHUNKS chunks. CT_ERR_NOT_FOUND: none there. */
int ct_history_last(struct ct_history *history, const struct ct_history_source *source, int64_t at_us,
                    struct ct_history_value *out_value) CT_MUST_CHECK;
/* Where the oldest stored chunk begins that does not end before from_us; INT64_MAX when there is none. */
int ct_history_next(struct ct_history *history, int64_t vehicle, int64_t from_us, int64_t *out_us) CT_MUST_CHECK;

/* "outbox-full" and the like; never NULL. */
const char *ct_history_reason_text(int reason);

typedef int (*ct_history_gap_fn)(void *user, int64_t from_utc_ms, int64_t to_utc_ms, int reason, uint64_t samples,
                                 uint64_t seq_first, uint64_t seq_last);
/* Gaps that meet the range, oldest first; at most `limit`, newest kept. */
int ct_history_gaps(struct ct_history *history, int64_t vehicle, int64_t from_utc_ms, int64_t to_utc_ms, size_t limit,
                    ct_history_gap_fn fn, void *user) CT_MUST_CHECK;

typedef int (*ct_history_event_fn)(void *user, int64_t utc_ms, const char *name, const char *text,
                                   const char *fields_json);
/* Newest first. */
int ct_history_events(struct ct_history *history, int64_t vehicle, size_t limit, ct_history_event_fn fn,
                      void *user) CT_MUST_CHECK;

/* Stored samples of all vehicles, without the open chunks. */
int ct_history_sample_count(struct ct_history *history, uint64_t *out_count) CT_MUST_CHECK;

#endif
