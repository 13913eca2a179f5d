#include "command_json.h"

#include "diagnostic_wire.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int ct_detail_write(const struct ct_wire_value *value, char *out, size_t size)
{
    int n = 0;
    switch (value->kind) {
    case CT_WIRE_BOOLEAN:
        n = snprintf(out, size, "b%d", value->boolean);
        break;
    case CT_WIRE_INTEGER:
        n = snprintf(out, size, "i%" PRId64, value->integer);
        break;
    case CT_WIRE_NUMBER:
        n = snprintf(out, size, "n%.17g", value->number);
        break;
    case CT_WIRE_TEXT:
        n = snprintf(out, size, "t%s", value->text);
        break;
    case CT_WIRE_RAW:
    default:
        return CT_ERR_UNSUPPORTED;
    }
    return n > 0 && (size_t)n < size ? CT_OK : CT_ERR_TOO_LARGE;
}

void ct_detail_json(struct ct_json *json, const char *key, const char *detail)
{
    switch (detail[0]) {
    case 'b':
        ct_json_bool(json, key, detail[1] == '1');
        break;
    case 'i':
        ct_json_int_safe(json, key, strtoll(detail + 1, NULL, 10));
        break;
    case 'n':
        ct_json_double(json, key, strtod(detail + 1, NULL));
        break;
    case 't':
        ct_json_string(json, key, detail + 1);
        break;
    default:
        ct_json_null(json, key);
        break;
    }
}

struct writing {
    struct ct_json *json;
    const char *key;
    const struct ct_registry *registry;
};

static void life(void *user, int state, int reason, int64_t utc_ms)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "state", ct_commands_state_text(state, 0));
    ct_json_string(json, "reason", ct_command_reason_text(reason));
    ct_json_int(json, "utc_ms", utc_ms);
    ct_json_object_end(json);
}

static void member_reported(struct ct_json *json, const struct ct_command_row *row)
{
    if (row->has_reported) {
        ct_json_double(json, "reported", row->reported);
    } else {
        ct_json_null(json, "reported");
    }
}

static void dtc_json(struct ct_json *json, const struct ct_result_dtc *dtc)
{
    ct_json_object_begin(json, NULL);
    ct_json_uint(json, "code", dtc->code);
    ct_json_uint(json, "status", dtc->status);
    if (dtc->snapshots_len > 0) {
        ct_json_bytes(json, "snapshots", dtc->snapshots, dtc->snapshots_len);
    } else {
        ct_json_null(json, "snapshots");
    }
    ct_json_object_end(json);
}

static void ecu_json(void *user, const struct ct_result_ecu *ecu)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "ecu", ecu->ecu);
    ct_json_string(json, "reason", ct_command_reason_text(ecu->reason));
    ct_json_uint(json, "nrc", ecu->nrc);
    if (ecu->response_len > 0) {
        ct_json_bytes(json, "response", ecu->response, ecu->response_len);
    } else {
        ct_json_null(json, "response");
    }
    ct_json_array_begin(json, "dtcs");
    for (size_t i = 0; i < ecu->dtc_count; i++) {
        dtc_json(json, &ecu->dtcs[i]);
    }
    ct_json_array_end(json);
    ct_json_object_end(json);
}

/* What a job brought; null until there is something that can be read. */
static void member_result(struct ct_json *json, const struct ct_command_row *row)
{
    bool truncated = false;
    if (row->response_len == 0) {
        ct_json_null(json, "result");
        return;
    }
    ct_json_object_begin(json, "result");
    ct_json_array_begin(json, "ecus");
    const int err = ct_diagnostic_result_decode(row->response, row->response_len, ecu_json, json, &truncated);
    ct_json_array_end(json);
    ct_json_bool(json, "readable", err == CT_OK);
    ct_json_bool(json, "truncated", truncated);
    ct_json_object_end(json);
}

/* Opens the object and leaves it open for the history. */
static int head(void *user, const struct ct_command_row *row)
{
    const struct writing *writing = user;
    struct ct_json *json = writing->json;
    const struct ct_vehicle *vehicle = ct_registry_by_row(writing->registry, row->vehicle_row);
    const bool desired = row->action == CT_ACTION_SET_DESIRED;
    ct_json_object_begin(json, writing->key);
    ct_json_bytes(json, "command_id", row->id, CT_COMMAND_ID_SIZE);
    ct_json_string(json, "vehicle", vehicle == NULL ? "" : vehicle->id);
    const bool job = row->action == CT_ACTION_DIAGNOSTIC_JOB;
    ct_json_string(json, "action", desired ? "set-desired" : job ? "diagnostic-job" : "diagnostic-request");
    ct_json_string(json, desired ? "path" : "ecu", row->target);
    if (desired) {
        ct_detail_json(json, "value", row->detail);
    } else {
        ct_json_string(json, job ? "job" : "request", row->detail);
    }
    ct_json_uint(json, "seq", row->seq);
    ct_json_int(json, "issued_utc_ms", row->issued_utc_ms);
    ct_json_int(json, "expires_utc_ms", row->expires_utc_ms);
    ct_json_string(json, "state", ct_commands_state_text(row->state, row->sent_utc_ms));
    ct_json_bool(json, "final", ct_command_state_final(row->state));
    ct_json_string(json, "reason", ct_command_reason_text(row->reason));
    if (job) {
        member_result(json, row);
    } else if (row->response_len > 0) {
        ct_json_bytes(json, "response", row->response, row->response_len);
    } else {
        ct_json_null(json, "response");
    }
    member_reported(json, row);
    ct_json_string(json, "text", row->text);
    return CT_OK;
}

int ct_command_json(struct ct_json *json, const char *key, struct ct_commands *commands,
                    const struct ct_registry *registry, const uint8_t id[CT_COMMAND_ID_SIZE])
{
    struct writing writing = {json, key, registry};
    int err = ct_commands_get(commands, id, head, &writing);
    if (err != CT_OK) {
        return err;
    }
    ct_json_array_begin(json, "history");
    err = ct_commands_history(commands, id, life, json);
    ct_json_array_end(json);
    ct_json_object_end(json);
    return err;
}
