#include "http_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_BLOCK 16384

/* A stream of the whole fleet has no vehicle and gets alerts and news of rollouts only. */
static bool of_fleet(const struct ct_http_stream *stream)
{
    return stream->vehicle_id[0] == '\0';
}

static bool takes(const struct ct_http_stream *stream, const char *vehicle_id, const char *event)
{
    return of_fleet(stream) ? strcmp(event, "alert") == 0 || strcmp(event, "rollout") == 0
                            : strcmp(stream->vehicle_id, vehicle_id) == 0;
}

static void watch(const struct ct_http_stream *stream, bool begin)
{
    if (!of_fleet(stream)) {
        stream->http->ops.watch(stream->http->ops.user, stream->vehicle_id, begin);
    }
}

static void stream_append(struct ct_http_stream *stream, const char *data, size_t len)
{
    if (stream->ended) {
        return;
    }
    if (stream->sent == stream->pending.len) {
        ct_buf_clear(&stream->pending);
        stream->sent = 0;
    }
    if (stream->pending.len - stream->sent + len > CT_HTTP_PENDING_MAX / 2) {
        stream->ended = true;
        stream->http->counters.dropped++;
    } else {
        ct_buf_append(&stream->pending, data, len);
    }
}

static void stream_wake(struct ct_http_stream *stream)
{
    if (stream->suspended) {
        stream->suspended = false;
        MHD_resume_connection(stream->connection);
    }
}

static ssize_t stream_read(void *user, uint64_t position, char *out, size_t max)
{
    struct ct_http_stream *stream = user;
    (void)position;
    const size_t left = stream->pending.len - stream->sent;
    if (stream->ended || ct_buf_error(&stream->pending) != CT_OK || stream->http->quiet) {
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

void ct_http_stream_free(struct ct_http *http, struct ct_http_stream *stream)
{
    struct ct_http_stream **link = &http->streams;
    while (*link != NULL && *link != stream) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = stream->next;
        http->stream_count--;
        http->counters.streams--;
        watch(stream, false);
    }
    ct_buf_free(&stream->pending);
    free(stream);
}

static struct ct_http_stream *stream_make(struct ct_http *http, struct MHD_Connection *connection,
                                          const char *vehicle_id)
{
    struct ct_http_stream *stream = calloc(1, sizeof *stream);
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
    watch(stream, true);
    return stream;
}

enum MHD_Result ct_http_stream_start(struct ct_http *http, struct ct_http_exchange *exchange)
{
    struct ct_buf *answer = &exchange->call.answer.body;
    const struct ct_api_request *request = &exchange->call.request;
    const char *vehicle = NULL;
    const int refused = ct_api_guard(request, answer);
    if (refused != 0) {
        return ct_http_send_json(http, exchange, refused);
    }
    if (request->method != CT_API_GET) {
        (void)snprintf(exchange->call.answer.allow, CT_API_ETAG_MAX, "GET");
        return ct_http_send_json(http, exchange, ct_api_error(answer, 405, "this address does not take that method"));
    }
    if (request->role < CT_ACCESS_VIEWER) {
        return ct_http_send_json(http, exchange,
                                 ct_api_error(answer, 401, "send a token: Authorization: Bearer TOKEN"));
    }
    for (size_t i = 0; i < request->param_count; i++) {
        vehicle = strcmp(request->params[i].name, "vehicle") == 0 ? request->params[i].value : vehicle;
    }
    if (vehicle != NULL && (vehicle[0] == '\0' || strlen(vehicle) > CT_VEHICLE_ID_MAX)) {
        return ct_http_send_json(
            http, exchange, ct_api_error(answer, 400, "vehicle is an id; without it, the whole fleet's alerts come"));
    }
    if (http->stream_count == CT_HTTP_STREAMS_MAX) {
        return ct_http_send_json(http, exchange,
                                 ct_api_error(answer, 503, "%d event streams are open already", CT_HTTP_STREAMS_MAX));
    }
    exchange->stream = stream_make(http, exchange->connection, vehicle != NULL ? vehicle : "");
    struct MHD_Response *response =
        exchange->stream == NULL
            ? NULL
            : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, stream_read, exchange->stream, NULL);
    if (response == NULL) {
        return MHD_NO;
    }
    ct_http_common_headers(exchange, response, "text/event-stream");
    const enum MHD_Result result = MHD_queue_response(exchange->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return result;
}

void ct_http_event(struct ct_http *http, const char *vehicle_id, const char *event, const char *json, size_t len)
{
    char head[64];
    const int n = snprintf(head, sizeof head, "event: %s\ndata: ", event);
    for (struct ct_http_stream *stream = http->streams; stream != NULL; stream = stream->next) {
        if (takes(stream, vehicle_id, event)) {
            stream_append(stream, head, (size_t)n);
            stream_append(stream, json, len);
            stream_append(stream, "\n\n", 2);
            stream_wake(stream);
        }
    }
}

void ct_http_streams_heartbeat(struct ct_http *http)
{
    for (struct ct_http_stream *stream = http->streams; stream != NULL; stream = stream->next) {
        stream_append(stream, ": still here\n\n", 14);
        stream_wake(stream);
    }
}

void ct_http_streams_end(struct ct_http *http)
{
    for (struct ct_http_stream *stream = http->streams; stream != NULL; stream = stream->next) {
        stream->ended = true;
        stream_wake(stream);
    }
}
