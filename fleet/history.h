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

/* Samples of `signal` with from_us <= time <= to_us. `open` may be NULL. */
int ct_history_query(struct ct_history *history, int64_t vehicle, const struct ct_chunk *open,
                     const struct ct_catalogue *open_catalogue, const char *signal, int64_t from_us, int64_t to_us,
                     struct ct_history_range *out_range) CT_MUST_CHECK;
void ct_history_range_free(struct ct_history_range *range);

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
