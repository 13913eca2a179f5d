/* The REST API as a function of a request: no sockets. Requests come in as text, checked here and nowhere else; answers
 * leave as JSON. Runs in the folder's thread.
 *
 * Every route names the least role that may use it. Writes need Content-Type application/json and no foreign Origin
 * (but one that the configuration allows); on a loopback listener the Host must be a loopback name, so that a page of
 * another site that rebinds its name cannot talk to it. Every write is kept in the audit trail, with who asked for it
 * and what came of it. */
#ifndef CT_FLEET_API_H
#define CT_FLEET_API_H

#include "buf.h"
#include "folder.h"
#include "tokens.h"

#define CT_API_PARAMS_MAX 12
#define CT_API_BODY_MAX   163840 /* a release of 64 KiB in hex */
#define CT_API_ANSWER_MAX (32U * 1024U * 1024U)
#define CT_API_PATH_MAX   512
#define CT_API_ETAG_MAX   40

enum ct_api_method { CT_API_GET, CT_API_PUT, CT_API_POST, CT_API_DELETE, CT_API_OPTIONS, CT_API_OTHER };

struct ct_api_param {
    const char *name;
    const char *value; /* decoded; NULL: none */
};

struct ct_api_request {
    enum ct_api_method method;
    const char *path; /* decoded, without query */
    struct ct_api_param params[CT_API_PARAMS_MAX];
    size_t param_count;
    const char *host, *origin, *content_type, *if_match; /* NULL: absent */
    const char *allowed_origin;                          /* beside the page's own; NULL: none */
    const char *user;                                    /* whose token it is, for the audit trail */
    enum ct_access role;
    const char *body;
    size_t body_len;
    int64_t page_us; /* where this page begins; 0: the first one */
    bool loopback;   /* the listener is bound to a loopback address */
};

/* Numbers of the other threads, for /api/v1/status. */
struct ct_api_counters {
    uint64_t log_bytes, envelopes, link_duplicates, malformed, handshakes_refused, connected;
    uint64_t http_requests, http_refused, sse_clients, sse_dropped, webhook_sent, webhook_lost;
};

/* What goes back. */
struct ct_api_answer {
    int status;
    const char *type;            /* NULL: JSON */
    char etag[CT_API_ETAG_MAX];  /* empty: none; with its quotes */
    char allow[CT_API_ETAG_MAX]; /* of a 405: the methods that are taken; empty: none */
    bool more;                   /* the body is one page: ask again with page_us = next_us */
    int64_t next_us;
    struct ct_buf body;
};

/* Fills *answer (its body is initialised by the caller): always a body, errors as {"error":"text"}. Not CT_OK: an error
 * of storing after which the process must end. */
int ct_api_handle(struct ct_folder *folder, const struct ct_api_request *request,
                  const struct ct_api_counters *counters, struct ct_moment moment,
                  struct ct_api_answer *answer) CT_MUST_CHECK;

/* The checks before anything else: 0 when the request may go on, else the status with the error in out. */
int ct_api_guard(const struct ct_api_request *request, struct ct_buf *out);
/* The same for the body of a write, once it is known that the address takes one. */
int ct_api_guard_body(const struct ct_api_request *request, struct ct_buf *out);

/* {"error":"text"} */
int ct_api_error(struct ct_buf *out, int status, const char *format, ...) CT_PRINTF(3, 4);

#endif
