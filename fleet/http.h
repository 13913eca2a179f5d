/* The HTTP side on libmicrohttpd: the page's files, the REST calls handed on and answered later, server-sent events.
 *
 * Knows nothing of the twin: a call is parked (its connection suspended) and given to `ask`; its answer comes back by
 * ct_http_answer. Bounds: CT_HTTP_CONNECTIONS_MAX connections, CT_HTTP_STREAMS_MAX of them event streams, each with at
 * most CT_HTTP_PENDING_MAX bytes waiting: a slower reader is closed and counted, and its browser connects again.
 * Adapter (sockets). Everything belongs to one thread (http). */
#ifndef CT_FLEET_HTTP_H
#define CT_FLEET_HTTP_H

#include "api.h"

#include <stdatomic.h>

#define CT_HTTP_CONNECTIONS_MAX 256
#define CT_HTTP_STREAMS_MAX     64
#define CT_HTTP_PENDING_MAX     (512U * 1024U)

/* A parked call. The folder reads `request`, writes `answer`; the pointer then comes back. */
struct ct_http_call {
    struct ct_api_request request; /* texts belong to the connection, which stands still meanwhile */
    struct ct_api_answer answer;
};

struct ct_http_ops {
    void *user;
    /* Takes the call; not CT_OK: refused with 503. */
    int (*ask)(void *user, struct ct_http_call *call);
    void (*watch)(void *user, const char *vehicle_id, bool begin);
};

/* Written by the http thread, read by others. */
struct ct_http_counters {
    _Atomic uint64_t requests, refused, streams, dropped;
};

struct ct_http;

struct ct_http_config {
    const char *address; /* IP address; one reached from outside needs tokens */
    uint16_t port;
    struct ct_tokens *tokens;    /* taken over, also on failure; NULL: whoever reaches the listener is a technician */
    const char *tls_certificate; /* PEM; NULL: no TLS */
    const char *tls_key;         /* PEM */
    const char *allow_origin;    /* of pages elsewhere that may use the API, as browsers send it; NULL: none */
};

/* Texts live as long as the server. CT_ERR_ARGUMENT: the configuration is wrong; CT_ERR_BUSY: the port is in use; with
 * one line in `problem`. */
int ct_http_open(const struct ct_http_config *config, const struct ct_http_ops *ops, struct ct_http **out_http,
                 char *problem, size_t problem_size) CT_MUST_CHECK;
/* Any thread: from the next ct_http_work on these are the tokens, and event streams end so that they come again. Takes
 * them over. */
void ct_http_use_tokens(struct ct_http *http, struct ct_tokens *tokens);
/* Ends every connection. No call may be parked (see ct_http_parked). Accepts NULL. */
void ct_http_close(struct ct_http *http);

int ct_http_fd(const struct ct_http *http); /* epoll descriptor: readable when ct_http_work has something to do */
/* Works; returns when to come again at the latest. */
ct_ns ct_http_work(struct ct_http *http, ct_ns now);
/* Takes no new connections or calls from here on. */
void ct_http_quiesce(struct ct_http *http);
size_t ct_http_parked(const struct ct_http *http);

void ct_http_answer(struct ct_http *http, struct ct_http_call *call);
void ct_http_event(struct ct_http *http, const char *vehicle_id, const char *event, const char *json, size_t len);

const struct ct_http_counters *ct_http_counters(const struct ct_http *http);

#endif
