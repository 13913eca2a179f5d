#include "api_private.h"

#define AUDIT_DEFAULT 100
#define AUDIT_MAX     1000

static int one_row(void *user, const struct ct_audit_row *row)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_int_safe(json, "id", row->id);
    ct_json_int(json, "utc_ms", row->utc_ms);
    ct_json_string(json, "user", row->user);
    ct_json_string(json, "vehicle", row->vehicle[0] == '\0' ? NULL : row->vehicle);
    ct_json_string(json, "action", row->action);
    ct_json_string(json, "detail", row->detail);
    ct_json_int(json, "status", row->status);
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_audit(struct ct_api_call *call)
{
    struct ct_json json;
    int64_t limit = AUDIT_DEFAULT;
    struct ct_audit_filter filter = {
        .user = ct_api_param(call, "user"), .vehicle = ct_api_param(call, "vehicle"), .before_id = INT64_MAX};
    if (!ct_api_number(call, "limit", AUDIT_MAX, &limit) || limit < 1) {
        return ct_api_error(call->out, 400, "limit must be 1 to %d", AUDIT_MAX);
    }
    if (!ct_api_number(call, "before", INT64_MAX, &filter.before_id)) {
        return ct_api_error(call->out, 400, "before must be the id of a row");
    }
    filter.limit = (size_t)limit;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "audit");
    const int err = ct_audit_list(ct_folder_audit(call->folder), &filter, one_row, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

int ct_api_get_me(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "user", call->request->user == NULL ? "" : call->request->user);
    ct_json_string(&json, "role", ct_access_text(call->request->role));
    ct_json_object_end(&json);
    return 200;
}
