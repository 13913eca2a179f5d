#include "api.h"

#include "api_private.h"

#include <stdio.h>
#include <string.h>

#define PREFIX "/api/v1/"

/* `*` stands for one segment; with `vehicle` the second segment names one that must exist. */
static const struct route {
    enum ct_api_method method;
    enum ct_access role; /* the least that may use it */
    const char *path;
    bool vehicle;
    int (*handle)(struct ct_api_call *call);
} routes[] = {
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles", false, ct_api_get_vehicles},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/twin", true, ct_api_get_twin},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/history", true, ct_api_get_history},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/history.csv", true, ct_api_get_history_csv},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/commands", true, ct_api_get_commands},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/events", true, ct_api_get_events},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/desired", true, ct_api_get_desired},
    {CT_API_PUT, CT_ACCESS_OPERATOR, "vehicles/*/desired", true, ct_api_put_desired},
    {CT_API_POST, CT_ACCESS_TECHNICIAN, "vehicles/*/diagnostics", true, ct_api_post_diagnostics},
    {CT_API_POST, CT_ACCESS_TECHNICIAN, "vehicles/*/jobs", true, ct_api_post_job},
    {CT_API_POST, CT_ACCESS_TECHNICIAN, "vehicles/*/commands/*/release", true, ct_api_post_release},
    {CT_API_GET, CT_ACCESS_VIEWER, "commands/*", false, ct_api_get_command},
    {CT_API_PUT, CT_ACCESS_OPERATOR, "vehicles/*/labels", true, ct_api_put_labels},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/quality", true, ct_api_get_quality},
    {CT_API_GET, CT_ACCESS_VIEWER, "query", false, ct_api_get_query},
    {CT_API_GET, CT_ACCESS_VIEWER, "models", false, ct_api_get_models},
    {CT_API_PUT, CT_ACCESS_OPERATOR, "models/*", false, ct_api_put_model},
    {CT_API_DELETE, CT_ACCESS_OPERATOR, "models/*", false, ct_api_delete_model},
    {CT_API_GET, CT_ACCESS_VIEWER, "rules", false, ct_api_get_rules},
    {CT_API_PUT, CT_ACCESS_OPERATOR, "rules/*", false, ct_api_put_rule},
    {CT_API_DELETE, CT_ACCESS_OPERATOR, "rules/*", false, ct_api_delete_rule},
    {CT_API_GET, CT_ACCESS_VIEWER, "alerts", false, ct_api_get_alerts},
    {CT_API_POST, CT_ACCESS_OPERATOR, "alerts/*/acknowledge", false, ct_api_post_acknowledge},
    {CT_API_GET, CT_ACCESS_VIEWER, "vehicles/*/updates", true, ct_api_get_vehicle_updates},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/roots", false, ct_api_get_roots},
    {CT_API_POST, CT_ACCESS_TECHNICIAN, "updates/roots", false, ct_api_post_root},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/releases", false, ct_api_get_releases},
    {CT_API_POST, CT_ACCESS_OPERATOR, "updates/releases", false, ct_api_post_update_release},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/blobs/*", false, ct_api_get_blob},
    {CT_API_PUT, CT_ACCESS_OPERATOR, "updates/blobs/*", false, ct_api_put_blob},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/rollouts", false, ct_api_get_rollouts},
    {CT_API_POST, CT_ACCESS_OPERATOR, "updates/rollouts", false, ct_api_post_rollout},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/rollouts/*", false, ct_api_get_rollout},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/rollouts/*/vehicles", false, ct_api_get_rollout_vehicles},
    {CT_API_POST, CT_ACCESS_OPERATOR, "updates/rollouts/*/pause", false, ct_api_post_rollout_pause},
    {CT_API_POST, CT_ACCESS_OPERATOR, "updates/rollouts/*/resume", false, ct_api_post_rollout_resume},
    {CT_API_POST, CT_ACCESS_OPERATOR, "updates/rollouts/*/cancel", false, ct_api_post_rollout_cancel},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/records", false, ct_api_get_update_records},
    {CT_API_GET, CT_ACCESS_VIEWER, "updates/records.csv", false, ct_api_get_update_records_csv},
    {CT_API_GET, CT_ACCESS_OPERATOR, "audit", false, ct_api_get_audit},
    {CT_API_GET, CT_ACCESS_VIEWER, "me", false, ct_api_get_me},
    {CT_API_GET, CT_ACCESS_VIEWER, "status", false, ct_api_get_status},
    {CT_API_GET, CT_ACCESS_VIEWER, "metrics", false, ct_api_get_metrics},
};

#define ROUTE_COUNT (sizeof routes / sizeof routes[0])

static const char *const method_names[] = {
    [CT_API_GET] = "GET",       [CT_API_PUT] = "PUT",         [CT_API_POST] = "POST",
    [CT_API_DELETE] = "DELETE", [CT_API_OPTIONS] = "OPTIONS", [CT_API_OTHER] = "other"};

const char *ct_api_param(const struct ct_api_call *call, const char *name)
{
    for (size_t i = 0; i < call->request->param_count; i++) {
        if (strcmp(call->request->params[i].name, name) == 0) {
            return call->request->params[i].value;
        }
    }
    return NULL;
}

/* Cuts the path (behind the prefix) into segments in place. */
static void split(struct ct_api_call *call)
{
    call->segment_count = 0;
    for (char *at = call->path; at != NULL && call->segment_count < CT_API_SEGMENTS_MAX;) {
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

/* ------------------------------------------------------------------------------------------------ one call */

/* What the address does take, for the Allow header. */
static bool note_allowed(const struct ct_api_call *call)
{
    char *text = call->answer->allow;
    const size_t size = sizeof call->answer->allow;
    size_t len = 0;
    for (size_t i = 0; i < ROUTE_COUNT && len < size; i++) {
        if (matches(&routes[i], call)) {
            len +=
                (size_t)snprintf(text + len, size - len, "%s%s", len > 0 ? ", " : "", method_names[routes[i].method]);
        }
    }
    return len > 0;
}

static const struct route *find_route(const struct ct_api_call *call)
{
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (routes[i].method == call->request->method && matches(&routes[i], call)) {
            return &routes[i];
        }
    }
    return NULL;
}

static int refuse_role(struct ct_api_call *call, const struct route *route)
{
    const enum ct_access role = call->request->role;
    return role == CT_ACCESS_NONE ? ct_api_error(call->out, 401, "send a token: Authorization: Bearer TOKEN")
                                  : ct_api_error(call->out, 403, "this needs the role %s; your token has the role %s",
                                                 ct_access_text(route->role), ct_access_text(role));
}

static int run(struct ct_api_call *call, const struct route *route)
{
    if (call->request->role < route->role) {
        return refuse_role(call, route);
    }
    const int refused = ct_api_guard_body(call->request, call->out);
    if (refused != 0) {
        return refused;
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

/* A write leaves its trace first: whatever it does can be told from who asked for it. */
static int run_audited(struct ct_api_call *call, const struct route *route)
{
    char detail[CT_AUDIT_DETAIL_MAX + 1];
    char action[CT_API_PATH_MAX];
    const struct ct_api_request *request = call->request;
    (void)snprintf(detail, sizeof detail, "%.*s", (int)request->body_len, request->body);
    (void)snprintf(action, sizeof action, "%s %.480s", method_names[request->method], request->path);
    const struct ct_audit_row row = {.utc_ms = call->moment.utc_ns / CT_NS_PER_MS,
                                     .user = request->user == NULL ? "" : request->user,
                                     .vehicle = strcmp(call->segments[0], "vehicles") == 0 ? call->segments[1] : "",
                                     .action = action,
                                     .detail = detail};
    struct ct_audit *audit = ct_folder_audit(call->folder);
    int64_t id = 0;
    int err = ct_folder_write(call->folder, call->moment);
    err = err == CT_OK ? ct_audit_begin(audit, &row, &id) : err;
    const int status = err == CT_OK ? run(call, route) : 500;
    if (err == CT_OK && call->fatal == CT_OK) {
        err = ct_folder_write(call->folder, call->moment); /* the call may have committed */
        err = err == CT_OK ? ct_audit_end(audit, id, status) : err;
    }
    call->fatal = call->fatal != CT_OK ? call->fatal : err;
    return status;
}

static int dispatch(struct ct_api_call *call)
{
    const struct route *route = find_route(call);
    if (route == NULL) {
        return note_allowed(call) ? ct_api_error(call->out, 405, "this address does not take that method")
                                  : ct_api_error(call->out, 404, "nothing is at this address");
    }
    /* Without a token nothing is kept: anybody could fill the trail. */
    const bool audited = route->method != CT_API_GET && call->request->role != CT_ACCESS_NONE;
    return audited ? run_audited(call, route) : run(call, route);
}

static int status_of(struct ct_api_call *call)
{
    const struct ct_api_request *request = call->request;
    const char *tail = strncmp(request->path, PREFIX, sizeof PREFIX - 1) == 0 ? request->path + sizeof PREFIX - 1
                       : strcmp(request->path, "/metrics") == 0               ? "metrics"
                                                                              : NULL;
    const int refused = ct_api_guard(request, call->out);
    if (refused != 0) {
        return refused;
    }
    if (tail == NULL) {
        return ct_api_error(call->out, 404, "nothing is at this address");
    }
    const int n = snprintf(call->path, sizeof call->path, "%s", tail);
    if (n < 0 || (size_t)n >= sizeof call->path) {
        return ct_api_error(call->out, 414, "the address is too long");
    }
    split(call);
    return dispatch(call);
}

int ct_api_handle(struct ct_folder *folder, const struct ct_api_request *request,
                  const struct ct_api_counters *counters, struct ct_moment moment, struct ct_api_answer *answer)
{
    struct ct_api_call call = {.folder = folder,
                               .request = request,
                               .counters = counters,
                               .moment = moment,
                               .answer = answer,
                               .out = &answer->body};
    answer->status = status_of(&call);
    if (call.fatal != CT_OK) {
        answer->status = ct_api_error(&answer->body, 500, "the store failed: %s", ct_err_text(call.fatal));
    } else if (ct_buf_error(&answer->body) != CT_OK) {
        answer->status = ct_api_error(&answer->body, 413, "the answer is too large; ask for less");
    }
    if (answer->status >= 400) {
        answer->type = NULL;
        answer->more = false;
    }
    return call.fatal;
}
