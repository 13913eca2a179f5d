/* The table of allowed keys: built whole, then only read, but for what paces each key's
 * handshakes. Private to proto/. Not locked; see zmq_context.c. */
#ifndef CT_PROTO_ZMQ_PEERS_H
#define CT_PROTO_ZMQ_PEERS_H

#include "time_ns.h"
#include "zmq_fleet.h"

#include <stdbool.h>

struct ct_zmq_peers;

int ct_zmq_peers_create(const struct ct_zmq_peer *peers, size_t count, struct ct_zmq_peers **out_table) CT_MUST_CHECK;
void ct_zmq_peers_free(struct ct_zmq_peers *table);                                             /* accepts NULL */
const struct ct_zmq_peer *ct_zmq_peers_find(const struct ct_zmq_peers *table, const char *key); /* NULL: not there */

/* True when one more handshake of this key fits its rate: CT_ZMQ_HANDSHAKES at once, then one a second. For known keys.
 */
#define CT_ZMQ_HANDSHAKES 20
/* The same for whatever `next` (0 at first) is kept for. */
bool ct_zmq_handshake_admit(ct_ns *next, ct_ns now);
bool ct_zmq_peers_admit(struct ct_zmq_peers *table, const struct ct_zmq_peer *peer, ct_ns now);

/* True when every subscriber of `old` is in `table` with the same topics. */
bool ct_zmq_peers_keep_subscribers(const struct ct_zmq_peers *old, const struct ct_zmq_peers *table);

/* Rises when a subscriber was taken away or its topics changed; for any thread. */
unsigned ct_zmq_context_subscriber_changes(const struct ct_zmq_context *context);

/* The peer of a key now, copied; for any thread. CT_ERR_NOT_FOUND when it is not allowed (any more). */
int ct_zmq_context_peer(struct ct_zmq_context *context, const char *public_key,
                        struct ct_zmq_peer *out_peer) CT_MUST_CHECK;
void *ct_zmq_context_handle(struct ct_zmq_context *context); /* libzmq's context */

#endif
