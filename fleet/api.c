#include "api.h"

#include "api_private.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "/api/v1/"

/* `*` stands for one segment; with `vehicle` the second segment names one that must exist. */
static const struct route {
    enum ct_api_method method;
    const char *path;
    bool vehicle;
    int (*handle)(struct ct_api_call *call);
} routes[] = {
    {CT_API_GET, "vehicles", false, ct_api_get_vehicles},
    {CT_API_GET, "vehicles/*/twin", true, ct_api_get_twin},
    {CT_API_GET, "vehicles/*/history", true, ct_api_get_history},
    {CT_API_GET, "vehicles/*/commands", true, ct_api_get_commands},
    {CT_API_GET, "vehicles/*/events", true, ct_api_get_events},
    {CT_API_PUT, "vehicles/*/desired", true, ct_api_put_desired},
    {CT_API_POST, "vehicles/*/diagnostics", true, ct_api_post_diagnostics},
    {CT_API_GET, "commands/*", false, ct_api_get_command},
    {CT_API_GET, "status", false, ct_api_get_status},
};

const char *ct_api_param(const struct ct_api_call *call, const char *name)
{
    for (size_t i = 0; i < call->request->param_count; i++) {
        if (strcmp(call->request->params[i].name, name) == 0) {
            return call->request->params[i].value;
        }
    }
    return NULL;
}

/* Cuts `path` (behind the prefix) into segments in place. */
static void split(struct ct_api_call *call, char *path)
{
    call->segment_count = 0;
    for (char *at = path; at != NULL && call->segment_count < CT_API_SEGMENTS_MAX;) {
        char *slash = strchr(at, '/');
        call->segments[call->segment_count++] = at;
        if (slash != NULL) {
            *slash = '\0';
        }
        at = slash == NULL ? NULL : slash + 1;
    }
}

static bool matches(const struct route *route, const struct ct_api_call *call)
{
    const char *at = route->path;
    for (size_t i = 0; i < call->segment_count; i++) {
        const size_t len = strcspn(at, "/");
        const bool any = len == 1 && at[0] == '*';
        const bool same = strlen(call->segments[i]) == len && strncmp(call->segments[i], at, len) == 0;
        if (len == 0 || (!any && !same)) {
            return false;
        }
        at += len;
        at += *at == '/';
    }
    return *at == '\0';
}

static int dispatch(struct ct_api_call *call)
{
    bool known_path = false;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        const struct route *route = &routes[i];
        if (!matches(route, call)) {
            continue;
        }
        known_path = true;
        if (route->method != call->request->method) {
            continue;
        }
        if (route->vehicle) {
            call->vehicle = ct_registry_find(ct_folder_registry(call->folder), call->segments[1]);
            if (call->vehicle == NULL) {
                return ct_api_error(call->out, 404, "no vehicle '%.64s' has been seen; see /api/v1/vehicles",
                                    call->segments[1]);
            }
        }
        return route->handle(call);
    }
    return known_path ? ct_api_error(call->out, 405, "this address does not take that method")
                      : ct_api_error(call->out, 404, "nothing is at this address");
}

int ct_api_handle(struct ct_folder *folder, const struct ct_api_request *request,
                  const struct ct_api_counters *counters, struct ct_moment moment, struct ct_buf *out, int *out_fatal)
{
    char path[CT_API_PATH_MAX];
    *out_fatal = CT_OK;
    const int refused = ct_api_guard(request, out);
    if (refused != 0) {
        return refused;
    }
    if (strncmp(request->path, PREFIX, sizeof PREFIX - 1) != 0) {
        return ct_api_error(out, 404, "nothing is at this address");
    }
    const int n = snprintf(path, sizeof path, "%s", request->path + sizeof PREFIX - 1);
    if (n < 0 || (size_t)n >= sizeof path) {
        return ct_api_error(out, 414, "the address is too long");
    }
    struct ct_api_call call = {
        .folder = folder, .request = request, .counters = counters, .moment = moment, .out = out};
    split(&call, path);
    const int status = dispatch(&call);
    *out_fatal = call.fatal;
    if (call.fatal != CT_OK) {
        return ct_api_error(out, 500, "the store failed: %s", ct_err_text(call.fatal));
    }
    return ct_buf_error(out) == CT_OK ? status : ct_api_error(out, 413, "the answer is too large; ask for less");
}
