/* The backend's receiving side, without sockets: one link machine per vehicle, the log behind them, acks only after the
 * log's own fdatasync, de-duplication that survives restarts.
 *
 * Belongs to one thread (ingest). */
#ifndef CT_FLEET_INGEST_H
#define CT_FLEET_INGEST_H

#include "ingest_log.h"
#include "link_fleet.h"
#include "positions.h"

#define CT_INGEST_SILENCE_NS (15 * CT_NS_PER_S) /* nothing received for so long: not connected */

struct ct_ingest;

struct ct_ingest_ops {
    void *user;
    /* One envelope to a vehicle; as ct_zmq_fleet_send. */
    int (*send)(void *user, const char *vehicle_id, const void *data, size_t len);
    /* News for the folder. */
    void (*hello)(void *user, const char *vehicle_id, const char *software);
    void (*seen)(void *user, const char *vehicle_id, int64_t utc_ns); /* at most once a second */
    void (*lost)(void *user, const char *vehicle_id);
    void (*state)(void *user, const char *vehicle_id, const uint8_t *state, size_t len);
    /* A serialised UpdateWanted. */
    void (*wanted)(void *user, const char *vehicle_id, const uint8_t *wanted, size_t len);
};

struct ct_ingest_stats {
    uint64_t envelopes, records, duplicates, catalogue_parts, syncs, malformed;
    size_t vehicles, connected;
};

/* The log stays the caller's. */
int ct_ingest_create(struct ct_ingest_log *log, const struct ct_ingest_ops *ops,
                     struct ct_ingest **out_ingest) CT_MUST_CHECK;
void ct_ingest_free(struct ct_ingest *ingest); /* accepts NULL */

/* Before anything is received: what the database and the log hold. */
int ct_ingest_restore_position(struct ct_ingest *ingest, const char *vehicle_id,
                               const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class,
                               uint64_t seq) CT_MUST_CHECK;
int ct_ingest_restore_catalogue(struct ct_ingest *ingest, const uint8_t hash[CT_HASH_SIZE]) CT_MUST_CHECK;
int ct_ingest_restore_entry(struct ct_ingest *ingest, const struct ct_ingest_entry *entry) CT_MUST_CHECK;

/* One envelope. Errors (the log cannot be written) are fatal. */
int ct_ingest_receive(struct ct_ingest *ingest, const char *vehicle_id, const uint8_t *data, size_t len, ct_ns now,
                      int64_t utc_ns) CT_MUST_CHECK;
/* Makes everything received readable in the log; durable it is after ct_ingest_sync. Errors are fatal. */
int ct_ingest_write(struct ct_ingest *ingest) CT_MUST_CHECK;
/* Makes everything received durable and acknowledges it. Errors are fatal. */
int ct_ingest_sync(struct ct_ingest *ingest, ct_ns now) CT_MUST_CHECK;
/* True when something waits for ct_ingest_sync. */
bool ct_ingest_pending(const struct ct_ingest *ingest);

/* CT_ERR_NOT_FOUND: not connected; CT_ERR_AGAIN: not now. The vehicle takes commands in the order of their numbers
 * only, so after either no other is sent before ct_ingest_resend says that all come again, the oldest first. */
int ct_ingest_command(struct ct_ingest *ingest, const char *vehicle_id, const uint8_t *signed_command,
                      size_t len) CT_MUST_CHECK;

void ct_ingest_resend(struct ct_ingest *ingest, const char *vehicle_id);

/* A serialised UpdateOffer or UpdateChunk; errors as of a command, but nothing is held back for it. */
int ct_ingest_update(struct ct_ingest *ingest, const char *vehicle_id, bool chunk, const uint8_t *data,
                     size_t len) CT_MUST_CHECK;

ct_ns ct_ingest_tick(struct ct_ingest *ingest, ct_ns now, int64_t utc_ns);
void ct_ingest_stats_get(const struct ct_ingest *ingest, struct ct_ingest_stats *out_stats);

#endif
