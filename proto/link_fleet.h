/* The backend's half of the link for one vehicle, without I/O. The vehicle id is known from the transport's key, never
 * from the message.
 *
 * Knows: hello and what is durable, which records are new (de-duplication by stream, class and sequence; a hole in the
 * sequence makes the vehicle resume), cumulative acks after the caller's own commit, catalogues, snapshots, time
 * answers, commands out. Call ct_link_fleet_tick after every other call that takes `now`, and at the deadline it
 * returned. Belongs to one thread. */
#ifndef CT_PROTO_LINK_FLEET_H
#define CT_PROTO_LINK_FLEET_H

#include "catalogue.h"
#include "link_types.h"
#include "packer.h"

struct ct_link_fleet;

struct ct_link_fleet_ops {
    void *user;
    int (*send)(void *user, const void *data, size_t len); /* one envelope to this vehicle; CT_ERR_AGAIN when full */
    /* A new record, exactly once per stream, class and seq_last in this session: write it to the log; when it is
     * durable call ct_link_fleet_durable. seq_first is the record's own: a Gap's may lie before what was taken already;
     * where it is beyond the next one, the vehicle had an ack for what is missing here and has deleted it. `record` is
     * the serialised Record. CT_ERR_AGAIN: cannot take it now, vehicle resends. */
    int (*record)(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq_first,
                  uint64_t seq_last, const uint8_t *record, size_t len);
    /* A part of a catalogue (serialised Catalogue message), to be logged before records that name it. */
    int (*catalogue)(void *user, const uint8_t *part, size_t len);
    /* A State message (serialised); not logged, goes to the live twin. */
    void (*state)(void *user, const uint8_t *state, size_t len);
    void (*hello)(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], const uint8_t boot_id[CT_BOOT_ID_SIZE],
                  const char *software, int64_t now_ns, int64_t now_utc_ns);
    /* What is durable of a stream (all zero for a new one), asked at hello. */
    void (*durable)(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], struct ct_positions *out_durable);
    /* True when the whole catalogue of this hash is stored. */
    bool (*knows_catalogue)(void *user, const uint8_t hash[CT_HASH_SIZE]);
    struct ct_packer *packer; /* shared by all links of the thread, outlives them; NULL: no packed deliveries */
    /* What the vehicle wants of an update (serialised UpdateWanted); NULL: not asked. */
    void (*wanted)(void *user, const uint8_t *wanted, size_t len);
    bool dense; /* reads dense deliveries: some 5 KB and 32 bytes an id for each vehicle that writes them */
};

struct ct_link_fleet_stats {
    bool greeted;
    uint64_t received_envelopes, sent_envelopes, malformed, duplicates, holes;
    ct_ns last_received_ns;
};

int ct_link_fleet_create(const struct ct_link_fleet_ops *ops, struct ct_link_fleet **out_link) CT_MUST_CHECK;
void ct_link_fleet_free(struct ct_link_fleet *link); /* accepts NULL */

void ct_link_fleet_receive(struct ct_link_fleet *link, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns);
/* Everything up to these positions of the stream is durable now: acknowledge it. */
void ct_link_fleet_durable(struct ct_link_fleet *link, const uint8_t stream_id[CT_STREAM_ID_SIZE],
                           const struct ct_positions *durable, ct_ns now);
/* CT_ERR_DOWN: the vehicle has not said hello; CT_ERR_AGAIN: the transport is full. */
int ct_link_fleet_command(struct ct_link_fleet *link, const uint8_t *signed_command, size_t len) CT_MUST_CHECK;
/* A serialised UpdateOffer, or an UpdateChunk: as command. */
int ct_link_fleet_offer(struct ct_link_fleet *link, const uint8_t *offer, size_t len) CT_MUST_CHECK;
int ct_link_fleet_chunk(struct ct_link_fleet *link, const uint8_t *chunk, size_t len) CT_MUST_CHECK;
int ct_link_fleet_want_snapshot(struct ct_link_fleet *link, uint64_t snapshot_id) CT_MUST_CHECK;
ct_ns ct_link_fleet_tick(struct ct_link_fleet *link, ct_ns now, int64_t utc_ns);
void ct_link_fleet_stats_get(const struct ct_link_fleet *link, struct ct_link_fleet_stats *out_stats);

#endif
