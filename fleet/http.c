#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDLE_S       60
#define MEMORY_BYTES 32768
#define HEARTBEAT_NS (15 * CT_NS_PER_S)

static int start_daemon(struct ct_http *http, int listen_fd)
{
    const struct ct_http_config *config = &http->config;
    const unsigned tls = config->tls_key == NULL ? 0 : MHD_USE_TLS;
    union {
        const char *in;
        void *out;
    } key = {.in = config->tls_key}, certificate = {.in = config->tls_certificate}; /* read only */
    const struct MHD_OptionItem tls_items[] = {{MHD_OPTION_HTTPS_MEM_KEY, 0, key.out},
                                               {MHD_OPTION_HTTPS_MEM_CERT, 0, certificate.out},
                                               {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain_items[] = {{MHD_OPTION_END, 0, NULL}};
    http->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | tls, 0, NULL, NULL, ct_http_on_request, http,
                         MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_COMPLETED, ct_http_on_completed, http,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)CT_HTTP_CONNECTIONS_MAX,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)IDLE_S, MHD_OPTION_ARRAY, tls != 0 ? tls_items : plain_items, MHD_OPTION_END);
    if (http->daemon == NULL) {
        close(listen_fd);
        return tls != 0 ? CT_ERR_SYNTAX : CT_ERR_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->fd = info == NULL ? -1 : info->epoll_fd;
    return http->fd < 0 ? CT_ERR_UNSUPPORTED : CT_OK;
}

static int fail(struct ct_http *http, int err, char *problem, size_t problem_size)
{
    const struct ct_http_config *config = &http->config;
    if (err == CT_ERR_ARGUMENT) {
        (void)snprintf(problem, problem_size, "http.address: error: '%s' is not an IP address", config->address);
    } else if (err == CT_ERR_PERMISSION && http->tokens == NULL) {
        (void)snprintf(problem, problem_size,
                       "http.address: error: %s is reached from outside, so http.tokens must name who may use it; make "
                       "one with cantwin-fleet --new-token FILE NAME ROLE",
                       config->address);
        err = CT_ERR_ARGUMENT;
    } else if (err == CT_ERR_SYNTAX) {
        (void)snprintf(problem, problem_size, "http.tls_certificate: error: certificate and key cannot be used (PEM?)");
    } else {
        (void)snprintf(problem, problem_size,
                       "http: error: cannot listen on %s port %u: %s; choose another --http.port", config->address,
                       config->port, ct_err_text(err));
    }
    ct_http_close(http);
    return err;
}

int ct_http_open(const struct ct_http_config *config, const struct ct_http_ops *ops, struct ct_http **out_http,
                 char *problem, size_t problem_size)
{
    int listen_fd = -1;
    struct ct_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        (void)snprintf(problem, problem_size, "error: out of memory");
        ct_tokens_free(config->tokens);
        return CT_ERR_NO_MEMORY;
    }
    http->config = *config;
    http->tokens = config->tokens;
    http->ops = *ops;
    int err = ct_http_listen(config->address, config->port, &listen_fd, &http->loopback);
    if (err == CT_OK && !http->loopback && http->tokens == NULL) {
        close(listen_fd);
        err = CT_ERR_PERMISSION;
    } else if (err == CT_OK) {
        err = start_daemon(http, listen_fd);
    }
    if (err != CT_OK) {
        return fail(http, err, problem, problem_size);
    }
    *out_http = http;
    return CT_OK;
}

void ct_http_close(struct ct_http *http)
{
    if (http == NULL) {
        return;
    }
    ct_http_quiesce(http);
    if (http->daemon != NULL) {
        MHD_stop_daemon(http->daemon);
    }
    ct_tokens_free(http->tokens);
    ct_tokens_free(atomic_load(&http->next_tokens));
    free(http);
}

int ct_http_fd(const struct ct_http *http)
{
    return http->fd;
}

void ct_http_use_tokens(struct ct_http *http, struct ct_tokens *tokens)
{
    ct_tokens_free(atomic_exchange(&http->next_tokens, tokens));
}

/* A parked call still points at its user's name, so the old table stays until nothing is parked. Streams come again
 * with a token that is still good. */
static void take_tokens(struct ct_http *http)
{
    struct ct_tokens *next = http->parked == 0 ? atomic_exchange(&http->next_tokens, NULL) : NULL;
    if (next != NULL) {
        ct_tokens_free(http->tokens);
        http->tokens = next;
        ct_http_streams_end(http);
    }
}

ct_ns ct_http_work(struct ct_http *http, ct_ns now)
{
    take_tokens(http);
    if (now >= http->heartbeat_due) {
        http->heartbeat_due = ct_ns_add(now, HEARTBEAT_NS);
        ct_http_streams_heartbeat(http);
    }
    (void)MHD_run(http->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    ct_ns next = http->heartbeat_due;
    if (MHD_get_timeout(http->daemon, &wait_ms) == MHD_YES) {
        next = ct_ns_min(next, ct_ns_add(now, ct_ns_from_ms((int64_t)wait_ms)));
    }
    return next;
}

void ct_http_quiesce(struct ct_http *http)
{
    http->quiet = true;
    ct_http_streams_end(http);
}

size_t ct_http_parked(const struct ct_http *http)
{
    return http->parked;
}

const struct ct_http_counters *ct_http_counters(const struct ct_http *http)
{
    return &http->counters;
}
