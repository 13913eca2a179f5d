/* The vehicle's transport: one DEALER socket with CURVE, heartbeats, no routing id, bounded queues; re-created on
 * reconnect. Adapter target proto_zmq. Belongs to one thread. Sources: ZMTP 3.1, libzmq 4.3.4's behaviour. */
#ifndef CT_PROTO_ZMQ_VEHICLE_H
#define CT_PROTO_ZMQ_VEHICLE_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_zmq_vehicle;
struct ct_zmq_vehicles;

struct ct_zmq_vehicle_config {
    const char *endpoint;          /* tcp://host:port */
    const char *server_public_key; /* Z85, 40 characters */
    const char *public_key;
    const char *secret_key;
    const char *next_server_public_key; /* what the backend's key changes to, or NULL: reconnects try both in turn */
    struct ct_zmq_vehicles *shared;     /* NULL: a context of its own */
};

/* One ZeroMQ context for many vehicles of one process (load generators); outlives them. */
int ct_zmq_vehicles_open(size_t count_max, struct ct_zmq_vehicles **out_shared) CT_MUST_CHECK;
void ct_zmq_vehicles_close(struct ct_zmq_vehicles *shared); /* accepts NULL */

int ct_zmq_vehicle_open(const struct ct_zmq_vehicle_config *config, struct ct_zmq_vehicle **out_socket) CT_MUST_CHECK;
void ct_zmq_vehicle_close(struct ct_zmq_vehicle *socket);   /* accepts NULL; waits at most 1 s for what is queued */
int ct_zmq_vehicle_fd(const struct ct_zmq_vehicle *socket); /* edge-triggered: read until AGAIN after every wake and
                                                               every send; changes at reconnect */
int ct_zmq_vehicle_send(struct ct_zmq_vehicle *socket, const void *data, size_t len) CT_MUST_CHECK;
/* *out_data is valid until the next call. */
int ct_zmq_vehicle_receive(struct ct_zmq_vehicle *socket, const uint8_t **out_data, size_t *out_len) CT_MUST_CHECK;
int ct_zmq_vehicle_reconnect(struct ct_zmq_vehicle *socket) CT_MUST_CHECK;

#endif
