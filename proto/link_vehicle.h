/* The vehicle's half of the link, without I/O: envelopes and time in; envelopes, deliveries and calls out.
 *
 * Knows: hello until answered, resume behind what the backend holds, catalogues before the records that name them,
 * window of unacknowledged records per class (EVENT and RESULT before SAMPLE), deliveries dense or packed when that
 * pays and the backend reads them, cumulative acks, snapshots on demand and after every hello, commands handed up
 * unread, time estimate, silence -> reconnect with back-off and jitter. The records themselves live in the outbox; the
 * machine asks for them through `fetch`. Call ct_link_vehicle_tick after every other call that takes `now`, and at the
 * deadline it returned. Caller-allocated by create; belongs to one thread. */
#ifndef CT_PROTO_LINK_VEHICLE_H
#define CT_PROTO_LINK_VEHICLE_H

#include "catalogue.h"
#include "link_types.h"
#include "packer.h"

struct ct_link_vehicle;

struct ct_link_vehicle_ops {
    void *user;
    /* Sends one envelope; CT_ERR_AGAIN when the transport is full (the machine tries again at the next tick). */
    int (*send)(void *user, const void *data, size_t len);
    /* Drop the transport's connection and make a new one (silence, refused by the backend). */
    void (*reconnect)(void *user);
    /* Wants the records of `class` behind `after_seq`, up to `max_bytes`; they come by ct_link_vehicle_record, later,
     * in order. Asked again only after the answer ended (ct_link_vehicle_fetched). */
    void (*fetch)(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes);
    /* Everything up to `seq` of `class` is durable at the backend: may be deleted. Beyond the newest record when the
     * outbox lost its end: then it must go on behind `seq`. */
    void (*acked)(void *user, enum ct_class class, uint64_t seq);
    /* A SignedCommand, unread. The bytes are the caller's only during the call. */
    void (*command)(void *user, const uint8_t *data, size_t len);
    /* The backend wants full state: answer by ct_link_vehicle_state. */
    void (*snapshot)(void *user, uint64_t snapshot_id);
    /* A catalogue named by its hash; NULL when it is not kept any more. */
    const struct ct_catalogue *(*catalogue)(void *user, const uint8_t hash[CT_HASH_SIZE]);
};

struct ct_link_vehicle_config {
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    const char *software;
    uint64_t jitter_seed;     /* for back-off */
    struct ct_packer *packer; /* outlives the link; NULL: deliveries are never packed */
    bool dense;               /* batches go dense where the backend reads that; needs the packer */
};

struct ct_link_vehicle_stats {
    bool connected; /* hello answered, not silent */
    uint64_t sent_envelopes, received_envelopes, malformed, reconnects;
    uint64_t record_bytes, packed_deliveries, dense_deliveries; /* bytes of records sent, before packing */
    uint64_t sent_bytes, delivery_bytes;                        /* of all envelopes; of deliveries */
    struct ct_positions sent, acked, newest;
    int64_t utc_offset_ns;      /* backend's UTC minus boot time */
    int64_t utc_uncertainty_ns; /* half the best round trip; -1 unknown */
};

int ct_link_vehicle_create(const struct ct_link_vehicle_config *config, const struct ct_link_vehicle_ops *ops,
                           struct ct_link_vehicle **out_link) CT_MUST_CHECK;
void ct_link_vehicle_free(struct ct_link_vehicle *link); /* accepts NULL */

/* The catalogue in use now (after start and after each reload). */
void ct_link_vehicle_use_catalogue(struct ct_link_vehicle *link, const uint8_t hash[CT_HASH_SIZE]);
/* The outbox holds records up to `newest` and knows of acks up to `acked` (at start and whenever it grew). */
void ct_link_vehicle_newest(struct ct_link_vehicle *link, const struct ct_positions *newest, ct_ns now, int64_t utc_ns);
/* Only at start: what an earlier run knew as acknowledged. */
void ct_link_vehicle_resume(struct ct_link_vehicle *link, const struct ct_positions *acked);

/* One record in answer to fetch: its class, its sequences (first < last for a Gap), the serialised Record and the hash
 * of the catalogue it needs (NULL: none). CT_ERR_AGAIN: not taken, the transport is full; offer it again after the next
 * tick. CT_OK also for a record that is no longer wanted (the link broke meanwhile): the machine asks again. */
int ct_link_vehicle_record(struct ct_link_vehicle *link, enum ct_class class, uint64_t seq_first, uint64_t seq_last,
                           const uint8_t *record, size_t len, const uint8_t *catalogue_hash, ct_ns now) CT_MUST_CHECK;
/* The answer to fetch is complete. */
void ct_link_vehicle_fetched(struct ct_link_vehicle *link, enum ct_class class, ct_ns now);

/* A serialised State envelope body in answer to snapshot (see batch.h); CT_ERR_AGAIN as above; CT_ERR_DOWN: drop it,
 * the next hello asks for another. */
int ct_link_vehicle_state(struct ct_link_vehicle *link, const uint8_t *state, size_t len, ct_ns now) CT_MUST_CHECK;

/* One received envelope. Malformed ones are counted and dropped. */
void ct_link_vehicle_receive(struct ct_link_vehicle *link, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns);

/* Does what is due; returns the next deadline. */
ct_ns ct_link_vehicle_tick(struct ct_link_vehicle *link, ct_ns now, int64_t utc_ns);

void ct_link_vehicle_stats_get(const struct ct_link_vehicle *link, struct ct_link_vehicle_stats *out_stats);

#endif
