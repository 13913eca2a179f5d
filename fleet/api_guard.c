#include "api.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

int ct_api_error(struct ct_buf *out, int status, const char *format, ...)
{
    char text[512];
    struct ct_json json;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    ct_buf_clear(out);
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "error", text);
    ct_json_object_end(&json);
    return status;
}

/* Host header without its port, brackets of IPv6 kept. */
static size_t host_length(const char *host)
{
    if (host[0] == '[') {
        const char *end = strchr(host, ']');
        return end == NULL ? strlen(host) : (size_t)(end - host) + 1;
    }
    return strcspn(host, ":");
}

static bool loopback_host(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "localhost", "[::1]"};
    const size_t len = host_length(host);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncasecmp(host, names[i], len) == 0) {
            return true;
        }
    }
    return false;
}

static bool same_origin(const char *origin, const char *host)
{
    static const char *const schemes[] = {"http://", "https://"};
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        const size_t len = strlen(schemes[i]);
        if (strncasecmp(origin, schemes[i], len) == 0) {
            return strcasecmp(origin + len, host) == 0;
        }
    }
    return false;
}

static bool is_json(const char *content_type)
{
    static const char wanted[] = "application/json";
    const size_t len = sizeof wanted - 1;
    return content_type != NULL && strncasecmp(content_type, wanted, len) == 0 &&
           (content_type[len] == '\0' || content_type[len] == ';' || content_type[len] == ' ');
}

/* The page's own, or the one that the configuration allows. */
static bool origin_allowed(const struct ct_api_request *request)
{
    return request->origin == NULL || same_origin(request->origin, request->host) ||
           (request->allowed_origin != NULL && strcasecmp(request->origin, request->allowed_origin) == 0);
}

int ct_api_guard(const struct ct_api_request *request, struct ct_buf *out)
{
    if (request->host == NULL || (request->loopback && !loopback_host(request->host))) {
        return ct_api_error(out, 403, "the Host header must name this machine's loopback address");
    }
    if (!origin_allowed(request)) {
        return ct_api_error(out, 403, "requests from pages of other origins are refused");
    }
    return 0;
}

int ct_api_guard_body(const struct ct_api_request *request, struct ct_buf *out)
{
    if (request->method != CT_API_PUT && request->method != CT_API_POST) {
        return 0;
    }
    if (!is_json(request->content_type)) {
        return ct_api_error(out, 415, "send the body with Content-Type: application/json");
    }
    return request->body_len > CT_API_BODY_MAX
               ? ct_api_error(out, 413, "the body is larger than %d bytes", CT_API_BODY_MAX)
               : 0;
}
