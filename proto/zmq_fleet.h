/* The backend's transports: a ROUTER for vehicles and an XPUB for subscribers, both CURVE, and the ZAP handler that
 * maps keys to names (own thread "zap", hash table replaced as a whole, self-tested before the first bind). Adapter
 * target proto_zmq. ct_zmq_fleet belongs to one thread; ct_zmq_publisher to one thread (may be another);
 * ct_zmq_zap_allow may be called from any thread. */
#ifndef CT_PROTO_ZMQ_FLEET_H
#define CT_PROTO_ZMQ_FLEET_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

/* One allowed key. */
struct ct_zmq_peer {
    char public_key[41]; /* Z85 */
    char name[65];       /* vehicle id, or subscriber's name */
    int is_subscriber;   /* 1: may only subscribe; 0: a vehicle, may only connect to the ROUTER */
    char topics[128];    /* subscribers: topic prefixes they may have, separated by blanks; "" for all */
};

struct ct_zmq_context; /* the ZeroMQ context with its ZAP handler */
/* CT_ERR_UNSUPPORTED when libzmq has no CURVE or the handler fails its self-test. */
int ct_zmq_context_open(const struct ct_zmq_peer *peers, size_t count,
                        struct ct_zmq_context **out_context) CT_MUST_CHECK;
int ct_zmq_context_allow(struct ct_zmq_context *context, const struct ct_zmq_peer *peers,
                         size_t count) CT_MUST_CHECK;      /* replaces the whole table, also for open connections */
void ct_zmq_context_close(struct ct_zmq_context *context); /* accepts NULL; sockets first */
uint64_t ct_zmq_context_refused(const struct ct_zmq_context *context); /* handshakes refused, for good or for now */

struct ct_zmq_fleet;
int ct_zmq_fleet_open(struct ct_zmq_context *context, const char *endpoint, const char *secret_key,
                      struct ct_zmq_fleet **out_socket) CT_MUST_CHECK; /* CT_ERR_BUSY: port in use */
void ct_zmq_fleet_close(struct ct_zmq_fleet *socket);
/* The endpoint as bound, with the port that `tcp://127.0.0.1:*` got. */
int ct_zmq_fleet_endpoint(const struct ct_zmq_fleet *socket, char *out_endpoint, size_t size) CT_MUST_CHECK;
/* Call it ten times a second, in any one thread that waits for no disk: while few descriptors are left no connection is
 * accepted (zmq_door.h). */
enum ct_zmq_door_news { CT_ZMQ_DOOR_SAME, CT_ZMQ_DOOR_CLOSED, CT_ZMQ_DOOR_OPENED };
enum ct_zmq_door_news ct_zmq_fleet_mind(struct ct_zmq_fleet *socket);
/* Minds another listening socket, too. What is no TCP needs none. */
int ct_zmq_fleet_mind_also(struct ct_zmq_fleet *socket, const char *endpoint) CT_MUST_CHECK;
int ct_zmq_fleet_fd(const struct ct_zmq_fleet *socket); /* edge-triggered, as for the vehicle */
/* The sender's vehicle id comes from its key. *out_* valid until the next call. CT_ERR_AGAIN when empty. */
int ct_zmq_fleet_receive(struct ct_zmq_fleet *socket, const char **out_vehicle_id, const uint8_t **out_data,
                         size_t *out_len) CT_MUST_CHECK;
/* A vehicle's key is used by two connections at once, seen by their taking turns for some seconds: its id, told once in
 * ten minutes; NULL when there is no news. */
const char *ct_zmq_fleet_shared_key(struct ct_zmq_fleet *socket);
/* To the vehicle's newest connection. CT_ERR_NOT_FOUND when it has none, CT_ERR_AGAIN when its queue is full. */
int ct_zmq_fleet_send(struct ct_zmq_fleet *socket, const char *vehicle_id, const void *data, size_t len) CT_MUST_CHECK;

struct ct_zmq_publisher;
int ct_zmq_publisher_open(struct ct_zmq_context *context, const char *endpoint, const char *secret_key,
                          struct ct_zmq_publisher **out_publisher) CT_MUST_CHECK;
void ct_zmq_publisher_close(struct ct_zmq_publisher *publisher);
int ct_zmq_publisher_endpoint(const struct ct_zmq_publisher *publisher, char *out_endpoint, size_t size) CT_MUST_CHECK;
int ct_zmq_publisher_fd(
    const struct ct_zmq_publisher *publisher); /* asked before every wait; -1: call work again soon */
/* Reads subscriptions and grants what the key's topics allow: a wider subscription (also "") is narrowed to them. After
 * ct_zmq_context_allow took a subscriber away or changed its topics, closes and binds again, here or in
 * ct_zmq_publisher_send: call it then. */
void ct_zmq_publisher_work(struct ct_zmq_publisher *publisher);
void ct_zmq_publisher_send(struct ct_zmq_publisher *publisher, const char *topic, const void *data,
                           size_t len); /* slow subscribers lose, and notice by revision */

/* A new CURVE key pair as Z85 text. */
int ct_zmq_keypair(char out_public[41], char out_secret[41]) CT_MUST_CHECK;

#endif
