#include "http.h"

#include "web_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define IDLE_S       60
#define MEMORY_BYTES 32768
#define STREAM_BLOCK 16384
#define HEARTBEAT_NS (15 * CT_NS_PER_S)

/* An event stream. */
struct stream {
    struct ct_http *http;
    struct MHD_Connection *connection;
    char vehicle_id[CT_VEHICLE_ID_MAX + 1];
    struct ct_buf pending;
    size_t sent; /* of pending */
    bool suspended, overrun;
    struct stream *next;
};

/* One request from its first byte to its end. */
struct exchange {
    struct ct_http_call call;
    struct ct_buf body;
    struct MHD_Connection *connection;
    struct stream *stream;
    bool parked, answered;
};

struct ct_http {
    struct MHD_Daemon *daemon;
    struct ct_http_ops ops;
    struct ct_http_counters counters;
    struct stream *streams;
    size_t stream_count, parked;
    bool loopback, quiet;
    ct_ns heartbeat_due;
    int fd;
};

/* ------------------------------------------------------------------------------------------------ plain answers */

static void common_headers(struct MHD_Response *response, const char *type)
{
    static const char *const headers[][2] = {
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
    };
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        (void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
    }
}

static enum MHD_Result send_bytes(struct MHD_Connection *connection, int status, const char *type, const void *data,
                                  size_t len)
{
    union {
        const void *in;
        void *out;
    } bytes = {.in = data}; /* copied by the library, never written */
    struct MHD_Response *response = MHD_create_response_from_buffer(len, bytes.out, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    common_headers(response, type);
    const enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result send_json(struct ct_http *http, struct exchange *exchange, int status)
{
    http->counters.refused += status >= 400;
    return send_bytes(exchange->connection, status, "application/json", ct_buf_string(&exchange->call.answer),
                      exchange->call.answer.len);
}

/* ------------------------------------------------------------------------------------------------ streams */

static void stream_append(struct stream *stream, const char *data, size_t len)
{
    if (stream->overrun) {
        return;
    }
    if (stream->sent == stream->pending.len) {
        ct_buf_clear(&stream->pending);
        stream->sent = 0;
    }
    if (stream->pending.len - stream->sent + len > CT_HTTP_PENDING_MAX / 2) {
        stream->overrun = true;
        stream->http->counters.dropped++;
    } else {
        ct_buf_append(&stream->pending, data, len);
    }
}

static void stream_wake(struct stream *stream)
{
    if (stream->suspended) {
        stream->suspended = false;
        MHD_resume_connection(stream->connection);
    }
}

static ssize_t stream_read(void *user, uint64_t position, char *out, size_t max)
{
    struct stream *stream = user;
    (void)position;
    const size_t left = stream->pending.len - stream->sent;
    if (stream->overrun || ct_buf_error(&stream->pending) != CT_OK || stream->http->quiet) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    if (left == 0) {
        stream->suspended = true;
        MHD_suspend_connection(stream->connection);
        return 0;
    }
    const size_t n = left < max ? left : max;
    memcpy(out, stream->pending.data + stream->sent, n);
    stream->sent += n;
    if (stream->sent > CT_HTTP_PENDING_MAX / 2) { /* what was sent makes room */
        memmove(stream->pending.data, stream->pending.data + stream->sent, left - n);
        stream->pending.len = left - n;
        stream->sent = 0;
    }
    return (ssize_t)n;
}

static void stream_free(struct ct_http *http, struct stream *stream)
{
    struct stream **link = &http->streams;
    while (*link != NULL && *link != stream) {
        link = &(*link)->next;
    }
    if (*link == stream) {
        *link = stream->next;
        http->stream_count--;
        http->counters.streams--;
        http->ops.watch(http->ops.user, stream->vehicle_id, false);
    }
    ct_buf_free(&stream->pending);
    free(stream);
}

static struct stream *stream_make(struct ct_http *http, struct MHD_Connection *connection, const char *vehicle_id)
{
    struct stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->http = http;
    stream->connection = connection;
    (void)snprintf(stream->vehicle_id, sizeof stream->vehicle_id, "%s", vehicle_id);
    ct_buf_init(&stream->pending, CT_HTTP_PENDING_MAX);
    stream_append(stream, "retry: 1000\n\n", 13);
    stream->next = http->streams;
    http->streams = stream;
    http->stream_count++;
    http->counters.streams++;
    http->ops.watch(http->ops.user, stream->vehicle_id, true);
    return stream;
}

static enum MHD_Result start_stream(struct ct_http *http, struct exchange *exchange)
{
    struct ct_buf *answer = &exchange->call.answer;
    const struct ct_api_request *request = &exchange->call.request;
    const char *vehicle = NULL;
    const int refused = ct_api_guard(request, answer);
    if (refused != 0) {
        return send_json(http, exchange, refused);
    }
    if (request->method != CT_API_GET) {
        return send_json(http, exchange, ct_api_error(answer, 405, "this address does not take that method"));
    }
    for (size_t i = 0; i < request->param_count; i++) {
        vehicle = strcmp(request->params[i].name, "vehicle") == 0 ? request->params[i].value : vehicle;
    }
    if (vehicle == NULL || vehicle[0] == '\0' || strlen(vehicle) > CT_VEHICLE_ID_MAX) {
        return send_json(http, exchange, ct_api_error(answer, 400, "name the vehicle: ?vehicle=ID"));
    }
    if (http->stream_count == CT_HTTP_STREAMS_MAX) {
        return send_json(http, exchange,
                         ct_api_error(answer, 503, "%d event streams are open already", CT_HTTP_STREAMS_MAX));
    }
    exchange->stream = stream_make(http, exchange->connection, vehicle);
    struct MHD_Response *response =
        exchange->stream == NULL
            ? NULL
            : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, exchange->stream, NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    common_headers(response, "text/event-stream");
    const enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void ct_http_event(struct ct_http *http, const char *vehicle_id, const char *event, const char *json, size_t len)
{
    char head[64];
    const int n = snprintf(head, sizeof head, "event: %s\ndata: ", event);
    for (struct stream *stream = http->streams; stream != NULL; stream = stream->next) {
        if (strcmp(stream->vehicle_id, vehicle_id) == 0) {
            stream_append(stream, head, (size_t)n);
            stream_append(stream, json, len);
            stream_append(stream, "\n\n", 2);
            stream_wake(stream);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ requests */

static enum MHD_Result add_param(void *user, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct ct_api_request *request = user;
    (void)kind;
    if (request->param_count < CT_API_PARAMS_MAX) {
        request->params[request->param_count++] = (struct ct_api_param){key, value};
    }
    return MHD_YES;
}

static enum ct_api_method method_of(const char *method)
{
    if (strcmp(method, "GET") == 0) {
        return CT_API_GET;
    }
    if (strcmp(method, "PUT") == 0) {
        return CT_API_PUT;
    }
    return strcmp(method, "POST") == 0 ? CT_API_POST : CT_API_OTHER;
}

static void fill_request(struct ct_http *http, struct exchange *exchange, const char *url, const char *method)
{
    struct ct_api_request *request = &exchange->call.request;
    struct MHD_Connection *connection = exchange->connection;
    *request = (struct ct_api_request){
        .method = method_of(method),
        .path = url,
        .host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST),
        .origin = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ORIGIN),
        .content_type = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE),
        .body = ct_buf_string(&exchange->body),
        .body_len = ct_buf_error(&exchange->body) == CT_OK ? exchange->body.len : CT_API_BODY_MAX + 1,
        .loopback = http->loopback,
    };
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_param, request);
}

static enum MHD_Result park(struct ct_http *http, struct exchange *exchange)
{
    if (http->quiet || http->ops.ask(http->ops.user, &exchange->call) != CT_OK) {
        return send_json(http, exchange, ct_api_error(&exchange->call.answer, 503, "busy; try again"));
    }
    exchange->parked = true;
    http->parked++;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result serve(struct ct_http *http, struct exchange *exchange, const char *url, const char *method)
{
    http->counters.requests++;
    fill_request(http, exchange, url, method);
    if (strcmp(url, "/api/v1/stream") == 0) {
        return start_stream(http, exchange);
    }
    if (strncmp(url, "/api/", 5) == 0) {
        return park(http, exchange);
    }
    const int refused = ct_api_guard(&exchange->call.request, &exchange->call.answer);
    if (refused != 0) {
        return send_json(http, exchange, refused);
    }
    const struct ct_web_file *file = ct_web_file_find(url);
    if (file == NULL || exchange->call.request.method != CT_API_GET) {
        return send_json(http, exchange, ct_api_error(&exchange->call.answer, 404, "nothing is at this address"));
    }
    return send_bytes(exchange->connection, MHD_HTTP_OK, file->type, file->data, file->len);
}

static enum MHD_Result on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_len, void **context)
{
    struct ct_http *http = user;
    struct exchange *exchange = *context;
    (void)version;
    if (exchange == NULL) {
        exchange = calloc(1, sizeof *exchange);
        if (exchange == NULL) {
            return MHD_NO;
        }
        exchange->connection = connection;
        ct_buf_init(&exchange->body, CT_API_BODY_MAX);
        ct_buf_init(&exchange->call.answer, CT_API_ANSWER_MAX);
        *context = exchange;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        ct_buf_append(&exchange->body, upload, *upload_len); /* too much: refused by its sticky error */
        *upload_len = 0;
        return MHD_YES;
    }
    return exchange->answered ? send_json(http, exchange, exchange->call.status) : serve(http, exchange, url, method);
}

static void on_completed(void *user, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *exchange = *context;
    (void)connection;
    (void)code;
    if (exchange == NULL) {
        return;
    }
    if (exchange->stream != NULL) {
        stream_free(user, exchange->stream);
    }
    ct_buf_free(&exchange->body);
    ct_buf_free(&exchange->call.answer);
    free(exchange);
    *context = NULL;
}

void ct_http_answer(struct ct_http *http, struct ct_http_call *call)
{
    struct exchange *exchange = (struct exchange *)call; /* its first member */
    exchange->parked = false;
    exchange->answered = true;
    http->parked--;
    MHD_resume_connection(exchange->connection);
}

/* ------------------------------------------------------------------------------------------------ life */

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static bool parse_address(const char *text, uint16_t port, union socket_address *address, socklen_t *len,
                          bool *loopback)
{
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons(port);
        *len = sizeof address->v4;
        *loopback = (ntohl(address->v4.sin_addr.s_addr) >> 24) == 127;
        return true;
    }
    if (inet_pton(AF_INET6, text, &address->v6.sin6_addr) == 1) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_port = htons(port);
        *len = sizeof address->v6;
        *loopback = memcmp(&address->v6.sin6_addr, &in6addr_loopback, sizeof in6addr_loopback) == 0;
        return true;
    }
    return false;
}

static int bind_socket(const union socket_address *address, socklen_t len, int *out_fd)
{
    const int fd = socket(address->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &address->any, len) != 0 || listen(fd, 128) != 0) {
        const int err = errno == EADDRINUSE ? CT_ERR_BUSY : ct_err_from_errno(errno);
        close(fd);
        return err;
    }
    *out_fd = fd;
    return CT_OK;
}

static int start_daemon(struct ct_http *http, int listen_fd)
{
    http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
                                    MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                                    http, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CT_HTTP_CONNECTIONS_MAX,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
    if (http->daemon == NULL) {
        close(listen_fd);
        return CT_ERR_IO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    http->fd = info == NULL ? -1 : info->epoll_fd;
    return http->fd < 0 ? CT_ERR_UNSUPPORTED : CT_OK;
}

int ct_http_open(const char *address, uint16_t port, const struct ct_http_ops *ops, struct ct_http **out_http,
                 char *problem, size_t problem_size)
{
    union socket_address bound;
    socklen_t len;
    int listen_fd = -1;
    struct ct_http *http = calloc(1, sizeof *http);
    if (http == NULL) {
        (void)snprintf(problem, problem_size, "error: out of memory");
        return CT_ERR_NO_MEMORY;
    }
    http->ops = *ops;
    if (!parse_address(address, port, &bound, &len, &http->loopback)) {
        (void)snprintf(problem, problem_size, "http.address: error: '%s' is not an IP address", address);
        free(http);
        return CT_ERR_ARGUMENT;
    }
    int err = bind_socket(&bound, len, &listen_fd);
    if (err == CT_OK) {
        err = start_daemon(http, listen_fd);
    }
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size,
                       "http: error: cannot listen on %s port %u: %s; choose another --http.port", address, port,
                       ct_err_text(err));
        ct_http_close(http);
        return err;
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
    free(http);
}

int ct_http_fd(const struct ct_http *http)
{
    return http->fd;
}

ct_ns ct_http_work(struct ct_http *http, ct_ns now)
{
    if (now >= http->heartbeat_due) {
        http->heartbeat_due = ct_ns_add(now, HEARTBEAT_NS);
        for (struct stream *stream = http->streams; stream != NULL; stream = stream->next) {
            stream_append(stream, ": still here\n\n", 14);
            stream_wake(stream);
        }
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
    for (struct stream *stream = http->streams; stream != NULL; stream = stream->next) {
        stream_wake(stream);
    }
}

size_t ct_http_parked(const struct ct_http *http)
{
    return http->parked;
}

const struct ct_http_counters *ct_http_counters(const struct ct_http *http)
{
    return &http->counters;
}
