/* State shared by the two sources of the vehicle's half of the link: link_vehicle.c (greeting, what is received, time)
 * and link_vehicle_send.c (catalogues, deliveries, state). Private to proto/. */
#ifndef CT_PROTO_LINK_VEHICLE_STATE_H
#define CT_PROTO_LINK_VEHICLE_STATE_H

#include "link_vehicle.h"
#include "wire.h"

#define PARTS_MAX    5242880U /* bytes */
#define KNOWN_MAX    16       /* catalogues the backend is known to have; the oldest is forgotten and sent again */
#define SOFTWARE_MAX 128

enum phase { GREETING, CONNECTED };

struct ct_link_vehicle {
    struct ct_link_vehicle_ops ops;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t boot_id[CT_BOOT_ID_SIZE];
    char software[SOFTWARE_MAX];
    uint64_t random;
    uint8_t catalogue_hash[CT_HASH_SIZE];
    enum phase phase;

    ct_ns hello_at, hello_wait;
    ct_ns recreate_at, recreate_wait;
    ct_ns received_at;
    ct_ns progress_at; /* an ack moved, or something was sent while nothing was open */

    ct_ns time_at;
    uint64_t time_id;
    ct_ns time_sent; /* of the request that is open; 0 none */
    unsigned time_count;
    ct_ns time_taken_at;

    uint64_t window;
    int fetching; /* enum ct_class, 0: nothing asked */
    bool fetch_stale, fetch_gave, requesting;
    ct_ns fetch_at;

    struct ct_buf delivery; /* the envelope being filled; empty: none */
    size_t delivery_mark;
    bool delivery_closed; /* only to be sent */
    enum ct_class delivery_class;
    size_t records_at; /* where its records begin */
    struct ct_packer *packer;
    bool backend_unpacks, backend_unpacks_envelopes;
    struct ct_dense *dense; /* NULL: never dense */
    bool dense_agreed;      /* the backend keeps the same state */
    uint64_t dense_index;   /* of the next dense delivery */
    unsigned pack_pause;    /* deliveries that go as they are: packing did not pay */

    struct ct_buf parts; /* catalogue parts to be sent: u32 length, bytes */
    size_t parts_at;
    uint8_t parts_hash[CT_HASH_SIZE];
    uint8_t known[KNOWN_MAX][CT_HASH_SIZE];
    size_t known_count;

    struct ct_buf envelope;
    struct ct_link_vehicle_stats stats;
};

/* One envelope to the transport; counted. */
int ct_link_vehicle_send(struct ct_link_vehicle *link, const struct ct_buf *bytes) CT_MUST_CHECK;
/* Forgets what is half sent; an open fetch is answered into nothing. */
void ct_link_vehicle_drop_outgoing(struct ct_link_vehicle *link);
void ct_link_vehicle_add_known(struct ct_link_vehicle *link, const uint8_t *hash);
void ct_link_vehicle_queue_catalogue(struct ct_link_vehicle *link, const uint8_t *hash);
/* CT_ERR_AGAIN: the transport is full, something is left. */
int ct_link_vehicle_flush_parts(struct ct_link_vehicle *link);
int ct_link_vehicle_flush_delivery(struct ct_link_vehicle *link);
bool ct_link_vehicle_unacked(const struct ct_link_vehicle *link);
/* Asks the outbox for the next records where there are any and the window is open. */
void ct_link_vehicle_request(struct ct_link_vehicle *link, ct_ns now);

#endif
