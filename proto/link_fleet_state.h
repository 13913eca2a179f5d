/* Inside of the backend's half of the link: link_fleet.c (hello, acks, catalogues, the rest) and link_fleet_delivery.c
 * (records). */
#ifndef CT_PROTO_LINK_FLEET_STATE_H
#define CT_PROTO_LINK_FLEET_STATE_H

#include "batch.h"
#include "link_fleet.h"
#include "link_message.h"

#define COMPLETE_MAX 16 /* catalogues that arrived whole in this session */

struct ct_link_fleet {
    struct ct_link_fleet_ops ops;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    uint8_t hello_catalogue[CT_HASH_SIZE];
    struct ct_positions received; /* given to the log */
    struct ct_positions durable;

    bool hello_ack_due, snapshot_due, ack_due;
    unsigned resume_classes; /* bit per class that waits for a missing record */
    ct_ns resume_at;         /* CT_NS_NEVER: nothing to say */
    ct_ns quiet_until;
    ct_ns asked_at; /* hello request sent */

    uint8_t part_hash[CT_HASH_SIZE]; /* catalogue under way */
    uint32_t part_next;
    bool part_open;
    uint8_t complete[COMPLETE_MAX][CT_HASH_SIZE];
    size_t complete_count;

    struct ct_dense *dense; /* NULL: the vehicle writes none */
    uint64_t dense_next;    /* index of the next dense delivery */

    struct ct_buf envelope;
    struct ct_link_fleet_stats stats;
};

void ct_link_fleet_ask_hello(struct ct_link_fleet *link, ct_ns now);
/* Known to the backend, or arrived whole in this session. */
bool ct_link_fleet_has_catalogue(struct ct_link_fleet *link, const uint8_t *hash);
/* A Delivery that the envelope's scan has passed. */
int ct_link_fleet_delivery(struct ct_link_fleet *link, const struct ct_link_message *message, ct_ns now);

#endif
