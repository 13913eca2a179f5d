/* The HTTP side's inside, shared by http.c (life), http_request.c (requests and answers), http_stream.c (event streams)
 * and http_listen.c (the listening socket). Private to these. */
#ifndef CT_FLEET_HTTP_PRIVATE_H
#define CT_FLEET_HTTP_PRIVATE_H

#include "http.h"

#include <microhttpd.h>

/* An event stream. */
struct ct_http_stream {
    struct ct_http *http;
    struct MHD_Connection *connection;
    char vehicle_id[CT_VEHICLE_ID_MAX + 1];
    struct ct_buf pending;
    size_t sent; /* of pending */
    bool suspended, ended;
    struct ct_http_stream *next;
};

/* One request from its first byte to its end. */
struct ct_http_exchange {
    struct ct_http_call call;
    struct ct_buf body;
    struct MHD_Connection *connection;
    struct ct_http_stream *stream;
    struct ct_http *http;
    size_t sent; /* of the page at hand, when the answer has many */
    bool parked, answered, paged;
};

struct ct_http {
    struct MHD_Daemon *daemon;
    struct ct_http_config config;
    struct ct_http_ops ops;
    struct ct_http_counters counters;
    struct ct_tokens *tokens; /* NULL: whoever reaches the listener is a technician */
    _Atomic(struct ct_tokens *) next_tokens;
    struct ct_http_stream *streams;
    size_t stream_count, parked;
    bool loopback, quiet;
    ct_ns heartbeat_due;
    int fd;
};

/* http_request.c: MHD's callbacks. */
enum MHD_Result ct_http_on_request(void *http, struct MHD_Connection *connection, const char *url, const char *method,
                                   const char *version, const char *upload, size_t *upload_len, void **context);
void ct_http_on_completed(void *http, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode code);
void ct_http_common_headers(const struct ct_http_exchange *exchange, struct MHD_Response *response, const char *type);
enum MHD_Result ct_http_send_json(struct ct_http *http, struct ct_http_exchange *exchange, int status);

/* http_pages.c: an answer of many pages, each asked for when the one before was sent. */
enum MHD_Result ct_http_pages_start(struct ct_http *http, struct ct_http_exchange *exchange);

/* http_stream.c */
enum MHD_Result ct_http_stream_start(struct ct_http *http, struct ct_http_exchange *exchange);
void ct_http_stream_free(struct ct_http *http, struct ct_http_stream *stream);
void ct_http_streams_heartbeat(struct ct_http *http);
void ct_http_streams_end(struct ct_http *http); /* they end at their next read */

/* http_listen.c: a bound, listening socket. CT_ERR_ARGUMENT: no IP address; CT_ERR_BUSY: the port is in use. */
int ct_http_listen(const char *address, uint16_t port, int *out_fd, bool *out_loopback) CT_MUST_CHECK;

#endif
