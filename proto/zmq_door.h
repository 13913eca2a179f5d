/* The listening sockets of libzmq while descriptors run out. libzmq tries to accept again and again then, which costs
 * a whole core; here nothing is accepted any more while there is little left: new connections are not even answered
 * (their kernels try again), those that waited are closed, those that stand stay as they are.
 *
 * However fast they come, some descriptors are out of their reach: the process's soft limit is lowered by
 * CT_ZMQ_DOOR_KEPT, and raised again while nobody can come in. So files, pages and the webhook find some by the next
 * look.
 *
 * Adapter (sockets, the process's RLIMIT_NOFILE: one door in a process). Private to proto/. One thread at a time. */
#ifndef CT_PROTO_ZMQ_DOOR_H
#define CT_PROTO_ZMQ_DOOR_H

#include "errors.h"
#include "time_ns.h"

#include <stdbool.h>

struct ct_zmq_door;

#define CT_ZMQ_DOOR_SPARE 16 /* fewer descriptors than these are little; twice as many are enough again */
#define CT_ZMQ_DOOR_KEPT  64 /* none where the limit is below four times as many */

/* `endpoint` as libzmq names it after binding. CT_ERR_NOT_FOUND: no TCP socket of this process listens there. */
int ct_zmq_door_open(const char *endpoint, struct ct_zmq_door **out_door) CT_MUST_CHECK;
/* A second one, shut and opened with the first; it may be bound again at any time. CT_ERR_NOT_FOUND as above,
 * CT_ERR_FULL: there are two. */
int ct_zmq_door_add(struct ct_zmq_door *door, const char *endpoint) CT_MUST_CHECK;
void ct_zmq_door_free(struct ct_zmq_door *door); /* accepts NULL; before the socket is closed */
/* Looks how many descriptors are left, ten times a second at most. True when that changed whether the door is shut. */
bool ct_zmq_door_mind(struct ct_zmq_door *door, ct_ns now);
bool ct_zmq_door_shut(const struct ct_zmq_door *door);

#endif
