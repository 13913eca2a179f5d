/* A CAN bus in user space: a server that joins any number of processes over one unix socket (SOCK_SEQPACKET), and the
 * port that reaches it.
 *
 * Lossless: every accepted frame reaches every other client. A client that has fallen `capacity` frames behind stops
 * the server from reading any client, whose writes then answer CT_ERR_FULL (back-pressure); a client that stays stuck
 * for `stuck_limit` is disconnected, counted in `evicted`. Frames carry the server's stamps, so all clients see the
 * same times. Adapter target can_hub. A hub and a port belong to one thread each. */
#ifndef CT_CAN_HUB_H
#define CT_CAN_HUB_H

#include "port.h"

#define CT_HUB_CLIENTS_MAX 64

struct ct_hub_options {
    size_t capacity;   /* frames kept for the slowest client; 0: 4096 */
    ct_ns stuck_limit; /* 0: 10 s */
};

struct ct_hub_stats {
    uint64_t accepted;  /* frames taken from clients */
    uint64_t delivered; /* frames handed to clients */
    uint64_t malformed; /* packets of clients that were no frames; each ends its client */
    uint64_t evicted;   /* clients disconnected because they did not read */
    uint64_t refused;   /* connections over CT_HUB_CLIENTS_MAX */
    unsigned clients;   /* connected now */
    bool blocked;       /* no client is read now because one is behind */
};

struct ct_hub;

/* Makes the socket `path` (mode 0660) and listens. A socket left behind by a dead server is replaced; one that answers
 * is CT_ERR_BUSY. NULL options: all defaults. On failure `problem` gets one line. */
int ct_hub_open(const char *path, const struct ct_hub_options *options, struct ct_hub **out_hub, char *problem,
                size_t problem_size) CT_MUST_CHECK;

/* Ends all connections and removes the socket. Accepts NULL. */
void ct_hub_close(struct ct_hub *hub);

/* Readable when ct_hub_step has work. */
int ct_hub_fd(const struct ct_hub *hub);

/* Does what can be done now without blocking; frames accepted in it get `now` and `utc_ns`. Returns the next deadline.
 */
ct_ns ct_hub_step(struct ct_hub *hub, ct_ns now, int64_t utc_ns);

const struct ct_hub_stats *ct_hub_stats(const struct ct_hub *hub);

/* Name of the client that was evicted last, for the log; "" when none was. */
const char *ct_hub_evicted_name(const struct ct_hub *hub);

/* The port of a client. With `wait`, a hub that is not there is no error: the port is CT_ERR_DOWN until it is. When the
 * hub goes away the port is CT_ERR_DOWN, and ct_port_tick connects again. It is up (stats.up) when a read
 * has met the hub's answer; from then on it misses no frame of others. It can write before. Frames read ahead are
 * announced by ct_port_tick returning `now`: read until CT_ERR_AGAIN or obey the tick. */
int ct_hub_port_open(const char *path, const char *client, bool own, bool wait, struct ct_port **out_port,
                     char *problem, size_t problem_size) CT_MUST_CHECK;

#endif
