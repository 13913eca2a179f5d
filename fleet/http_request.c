#include "http_private.h"

#include "web_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ------------------------------------------------------------------------------------------------ answers */

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        (void)MHD_add_response_header(response, name, value);
    }
}

static void cors_headers(const struct ct_api_request *request, struct MHD_Response *response)
{
    if (request->allowed_origin == NULL || request->origin == NULL ||
        strcasecmp(request->allowed_origin, request->origin) != 0) {
        return;
    }
    add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_ORIGIN, request->allowed_origin);
    add_header(response, MHD_HTTP_HEADER_VARY, "Origin");
    add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_METHODS, "GET, PUT, POST, DELETE");
    add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type, If-Match");
    add_header(response, MHD_HTTP_HEADER_ACCESS_CONTROL_EXPOSE_HEADERS, "ETag");
}

void ct_http_common_headers(const struct ct_http_exchange *exchange, struct MHD_Response *response, const char *type)
{
    static const char *const headers[][2] = {
        {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"},
    };
    add_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        add_header(response, headers[i][0], headers[i][1]);
    }
    add_header(response, MHD_HTTP_HEADER_ETAG, exchange->call.answer.etag);
    add_header(response, MHD_HTTP_HEADER_ALLOW, exchange->call.answer.allow);
    cors_headers(&exchange->call.request, response);
}

static enum MHD_Result send_bytes(struct ct_http_exchange *exchange, int status, const char *type, const void *data,
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
    ct_http_common_headers(exchange, response, type);
    if (status == MHD_HTTP_UNAUTHORIZED) {
        add_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"cantwin\"");
    }
    const enum MHD_Result result = MHD_queue_response(exchange->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

enum MHD_Result ct_http_send_json(struct ct_http *http, struct ct_http_exchange *exchange, int status)
{
    const struct ct_api_answer *answer = &exchange->call.answer;
    http->counters.refused += status >= 400;
    return send_bytes(exchange, status, answer->type == NULL ? "application/json" : answer->type,
                      ct_buf_string(&answer->body), answer->body.len);
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
    static const struct {
        const char *name;
        enum ct_api_method method;
    } methods[] = {{"GET", CT_API_GET},       {"PUT", CT_API_PUT},         {"POST", CT_API_POST},
                   {"DELETE", CT_API_DELETE}, {"OPTIONS", CT_API_OPTIONS}, {"HEAD", CT_API_GET}};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (strcmp(method, methods[i].name) == 0) {
            return methods[i].method;
        }
    }
    return CT_API_OTHER;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* RFC 6750, 2.1. */
static void authenticate(const struct ct_http *http, struct MHD_Connection *connection, struct ct_api_request *request)
{
    static const char scheme[] = "Bearer ";
    const char *authorization = header(connection, MHD_HTTP_HEADER_AUTHORIZATION);
    if (http->tokens == NULL) {
        request->role = CT_ACCESS_TECHNICIAN;
        request->user = "loopback";
    } else if (authorization != NULL && strncasecmp(authorization, scheme, sizeof scheme - 1) == 0) {
        request->role = ct_tokens_find(http->tokens, authorization + sizeof scheme - 1, &request->user);
    }
}

static void fill_request(struct ct_http *http, struct ct_http_exchange *exchange, const char *url, const char *method)
{
    struct ct_api_request *request = &exchange->call.request;
    struct MHD_Connection *connection = exchange->connection;
    *request = (struct ct_api_request){
        .method = method_of(method),
        .path = url,
        .host = header(connection, MHD_HTTP_HEADER_HOST),
        .origin = header(connection, MHD_HTTP_HEADER_ORIGIN),
        .content_type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
        .if_match = header(connection, MHD_HTTP_HEADER_IF_MATCH),
        .allowed_origin = http->config.allow_origin,
        .body = ct_buf_string(&exchange->body),
        .body_len = ct_buf_error(&exchange->body) == CT_OK ? exchange->body.len : CT_API_BODY_MAX + 1,
        .loopback = http->loopback,
    };
    authenticate(http, connection, request);
    (void)MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_param, request);
}

static enum MHD_Result park(struct ct_http *http, struct ct_http_exchange *exchange)
{
    if (http->quiet || http->ops.ask(http->ops.user, &exchange->call) != CT_OK) {
        return ct_http_send_json(http, exchange, ct_api_error(&exchange->call.answer.body, 503, "busy; try again"));
    }
    exchange->parked = true;
    http->parked++;
    MHD_suspend_connection(exchange->connection);
    return MHD_YES;
}

static enum MHD_Result serve_file(struct ct_http *http, struct ct_http_exchange *exchange, const char *url)
{
    struct ct_api_answer *answer = &exchange->call.answer;
    const int refused = ct_api_guard(&exchange->call.request, &answer->body);
    if (refused != 0) {
        return ct_http_send_json(http, exchange, refused);
    }
    const struct ct_web_file *file = ct_web_file_find(url);
    if (file == NULL) {
        return ct_http_send_json(http, exchange, ct_api_error(&answer->body, 404, "nothing is at this address"));
    }
    if (exchange->call.request.method != CT_API_GET) {
        (void)snprintf(answer->allow, sizeof answer->allow, "GET");
        return ct_http_send_json(http, exchange,
                                 ct_api_error(&answer->body, 405, "this address does not take that method"));
    }
    return send_bytes(exchange, MHD_HTTP_OK, file->type, file->data, file->len);
}

/* A browser asks before it sends what another origin's page wants (CORS preflight). */
static enum MHD_Result serve_preflight(struct ct_http *http, struct ct_http_exchange *exchange)
{
    const int refused = ct_api_guard(&exchange->call.request, &exchange->call.answer.body);
    return refused != 0 ? ct_http_send_json(http, exchange, refused)
                        : send_bytes(exchange, MHD_HTTP_NO_CONTENT, "text/plain", "", 0);
}

static enum MHD_Result serve(struct ct_http *http, struct ct_http_exchange *exchange, const char *url,
                             const char *method)
{
    http->counters.requests++;
    fill_request(http, exchange, url, method);
    if (exchange->call.request.method == CT_API_OPTIONS && http->config.allow_origin != NULL) {
        return serve_preflight(http, exchange);
    }
    if (strcmp(url, "/api/v1/stream") == 0) {
        return ct_http_stream_start(http, exchange);
    }
    const bool asked = strncmp(url, "/api/v1/", 8) == 0 || strcmp(url, "/metrics") == 0;
    return asked ? park(http, exchange) : serve_file(http, exchange, url);
}

enum MHD_Result ct_http_on_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                   const char *version, const char *upload, size_t *upload_len, void **context)
{
    struct ct_http *http = user;
    struct ct_http_exchange *exchange = *context;
    (void)version;
    if (exchange == NULL) {
        exchange = calloc(1, sizeof *exchange);
        if (exchange == NULL) {
            return MHD_NO;
        }
        exchange->connection = connection;
        ct_buf_init(&exchange->body, CT_API_BODY_MAX);
        ct_buf_init(&exchange->call.answer.body, CT_API_ANSWER_MAX);
        *context = exchange;
        return MHD_YES;
    }
    if (*upload_len > 0) {
        ct_buf_append(&exchange->body, upload, *upload_len); /* too much: refused by its sticky error */
        *upload_len = 0;
        return MHD_YES;
    }
    if (!exchange->answered) {
        return serve(http, exchange, url, method);
    }
    return exchange->call.answer.more ? ct_http_pages_start(http, exchange)
                                      : ct_http_send_json(http, exchange, exchange->call.answer.status);
}

void ct_http_on_completed(void *user, struct MHD_Connection *connection, void **context,
                          enum MHD_RequestTerminationCode code)
{
    struct ct_http_exchange *exchange = *context;
    (void)connection;
    (void)code;
    if (exchange == NULL) {
        return;
    }
    if (exchange->stream != NULL) {
        ct_http_stream_free(user, exchange->stream);
    }
    ct_buf_free(&exchange->body);
    ct_buf_free(&exchange->call.answer.body);
    free(exchange);
    *context = NULL;
}

void ct_http_answer(struct ct_http *http, struct ct_http_call *call)
{
    struct ct_http_exchange *exchange = (struct ct_http_exchange *)call; /* its first member */
    exchange->parked = false;
    exchange->answered = true;
    http->parked--;
    MHD_resume_connection(exchange->connection);
}
