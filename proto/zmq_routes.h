/* Which connection a vehicle answers on: vehicle id -> newest routing id, and the detection of a key that two
 * connections use at once. No I/O; time is an argument. Private to proto/. Belongs to one thread. */
#ifndef CT_PROTO_ZMQ_ROUTES_H
#define CT_PROTO_ZMQ_ROUTES_H

#include "time_ns.h"
#include "zmq_fleet.h"

#define CT_ZMQ_ROUTING_ID_MAX 32 /* libzmq's own have 5 bytes, and vehicles set none */

struct ct_zmq_route {
    char name[sizeof((struct ct_zmq_peer *)0)->name]; /* "": free */
    uint8_t id[CT_ZMQ_ROUTING_ID_MAX];
    size_t id_len; /* 0: gone */
    /* the connection before: a vehicle has one at a time, so they do not take turns */
    uint8_t previous[CT_ZMQ_ROUTING_ID_MAX];
    size_t previous_len;
    unsigned turns;
    ct_ns first_turn, last_turn, quiet_until;
};

struct ct_zmq_routes;

int ct_zmq_routes_create(struct ct_zmq_routes **out_routes) CT_MUST_CHECK;
void ct_zmq_routes_free(struct ct_zmq_routes *routes); /* accepts NULL */

/* `id` has just spoken for `name`. */
int ct_zmq_routes_keep(struct ct_zmq_routes *routes, const char *name, const void *id, size_t id_len,
                       ct_ns now) CT_MUST_CHECK;
/* NULL: never seen. Valid until the next keep. */
struct ct_zmq_route *ct_zmq_routes_find(struct ct_zmq_routes *routes, const char *name);
/* The vehicle whose key is used twice, told once; NULL: no news. Valid until the next call. */
const char *ct_zmq_routes_shared(struct ct_zmq_routes *routes);

#endif
