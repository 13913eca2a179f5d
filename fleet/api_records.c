/* Which parameter set is on which vehicle, and how it came there (UN R156 7.1.2): per vehicle, and for all as JSON and
 * CSV (RFC 4180). */
#include "api_private.h"

#include "bytes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HISTORY_MAX 200
#define RECORDS_MAX 100000

static void hash_json(struct ct_json *json, const char *key, const uint8_t *hash)
{
    if (hash == NULL) {
        ct_json_string(json, key, "");
    } else {
        ct_json_bytes(json, key, hash, CT_UPDATE_HASH_SIZE);
    }
}

struct writing {
    struct ct_json json;
    struct ct_api_call *call;
};

static void record_members(struct writing *writing, const struct ct_update_row *row)
{
    struct ct_json *json = &writing->json;
    const struct ct_vehicle *vehicle = ct_registry_by_row(ct_folder_registry(writing->call->folder), row->vehicle_row);
    ct_json_bytes(json, "update_id", row->id, CT_UPDATE_ID_SIZE);
    ct_json_string(json, "vehicle", vehicle == NULL ? "" : vehicle->id);
    ct_json_int(json, "rollout", row->rollout);
    ct_json_string(json, "set_id", row->set_id);
    ct_json_int(json, "counter", row->counter);
    ct_json_bytes(json, "release", row->release_sha256, CT_UPDATE_HASH_SIZE);
    ct_json_string(json, "state", ct_updates_state_text(row->state));
    ct_json_string(json, "verdict", ct_update_verdict_text(row->verdict));
    ct_json_string(json, "text", row->text);
    hash_json(json, "set_hash_before", row->set_before);
    hash_json(json, "set_hash_after", row->set_after);
    ct_json_string(json, "rxswin", row->rxswin);
    ct_json_string(json, "signers", row->signers);
    ct_json_string(json, "uploaded_by", row->uploaded_by);
    ct_json_string(json, "started_by", row->started_by);
    ct_json_int_safe(json, "director_seq", row->seq);
    ct_json_int(json, "issued_utc_ms", row->issued_utc_ms);
    ct_json_int(json, "expires_utc_ms", row->expires_utc_ms);
    ct_json_int(json, "changed_utc_ms", row->changed_utc_ms);
}

static int record_json(void *user, const struct ct_update_row *row)
{
    struct writing *writing = user;
    ct_json_object_begin(&writing->json, NULL);
    record_members(writing, row);
    ct_json_object_end(&writing->json);
    return CT_OK;
}

/* ------------------------------------------------------------------------------------------------ one vehicle */

static int step_json(void *user, int state, int verdict, int64_t utc_ms, const char *text)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "state", ct_updates_state_text(state));
    ct_json_string(json, "verdict", ct_update_verdict_text(verdict));
    ct_json_int(json, "utc_ms", utc_ms);
    ct_json_string(json, "text", text);
    ct_json_object_end(json);
    return CT_OK;
}

static int update_json(void *user, const struct ct_update_row *row)
{
    struct writing *writing = user;
    struct ct_json *json = &writing->json;
    ct_json_object_begin(json, NULL);
    record_members(writing, row);
    ct_json_uint(json, "step", row->step);
    ct_json_uint(json, "steps", row->steps);
    ct_json_int(json, "nrc", row->nrc);
    ct_json_string(json, "user_notice", row->notice);
    ct_json_array_begin(json, "history");
    const int err = ct_updates_history(ct_folder_updates(writing->call->folder), row->id, step_json, json);
    ct_json_array_end(json);
    ct_json_object_end(json);
    return err;
}

static int head_json(void *user, int64_t count, const uint8_t *head, int64_t utc_ms)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_int(json, "count", count);
    ct_json_bytes(json, "head", head, CT_UPDATE_HASH_SIZE);
    ct_json_int(json, "utc_ms", utc_ms);
    ct_json_object_end(json);
    return CT_OK;
}

static int set_json(struct ct_json *json, struct ct_updates *updates, int64_t vehicle_row)
{
    struct ct_vehicle_set set;
    const int err = ct_updates_set(updates, vehicle_row, &set);
    if (err == CT_ERR_NOT_FOUND) {
        ct_json_null(json, "set");
        return CT_OK;
    }
    if (err == CT_OK) {
        ct_json_object_begin(json, "set");
        ct_json_string(json, "set_id", set.set_id);
        ct_json_int(json, "counter", set.counter);
        hash_json(json, "set_hash", set.has_hash ? set.set_hash : NULL);
        ct_json_string(json, "rxswin", set.rxswin);
        ct_json_int(json, "root_version", set.root_version);
        ct_json_bool(json, "audit_broken", set.audit_broken);
        ct_json_int(json, "utc_ms", set.utc_ms);
        ct_json_object_end(json);
    }
    return err;
}

int ct_api_get_vehicle_updates(struct ct_api_call *call)
{
    struct writing writing = {.call = call};
    struct ct_updates *updates = ct_folder_updates(call->folder);
    ct_json_init(&writing.json, call->out);
    ct_json_object_begin(&writing.json, NULL);
    int err = set_json(&writing.json, updates, call->vehicle->row);
    ct_json_array_begin(&writing.json, "updates");
    err = err == CT_OK ? ct_updates_list(updates, call->vehicle->row, 0, HISTORY_MAX, update_json, &writing) : err;
    ct_json_array_end(&writing.json);
    ct_json_array_begin(&writing.json, "audit_heads");
    err = err == CT_OK ? ct_updates_heads(updates, call->vehicle->row, head_json, &writing.json) : err;
    ct_json_array_end(&writing.json);
    ct_json_object_end(&writing.json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ the record */

/* 0 and the vehicle's row (0: all), or the status of the error. */
static int vehicle_asked(struct ct_api_call *call, int64_t *out_row)
{
    const char *name = ct_api_param(call, "vehicle");
    *out_row = 0;
    if (name == NULL) {
        return 0;
    }
    const struct ct_vehicle *vehicle = ct_registry_find(ct_folder_registry(call->folder), name);
    if (vehicle == NULL) {
        return ct_api_error(call->out, 404, "no vehicle '%.64s' has been seen", name);
    }
    *out_row = vehicle->row;
    return 0;
}

int ct_api_get_update_records(struct ct_api_call *call)
{
    struct writing writing = {.call = call};
    int64_t vehicle_row;
    const int status = vehicle_asked(call, &vehicle_row);
    if (status != 0) {
        return status;
    }
    ct_json_init(&writing.json, call->out);
    ct_json_object_begin(&writing.json, NULL);
    ct_json_array_begin(&writing.json, "records");
    const int err =
        ct_updates_list(ct_folder_updates(call->folder), vehicle_row, 0, RECORDS_MAX, record_json, &writing);
    ct_json_array_end(&writing.json);
    ct_json_object_end(&writing.json);
    return ct_api_finish(call, err);
}

static void quoted(struct ct_buf *out, const char *text)
{
    ct_buf_append(out, "\"", 1);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '"') {
            ct_buf_append(out, "\"", 1);
        }
        ct_buf_append(out, at, 1);
    }
    ct_buf_append(out, "\",", 2);
}

static void hex(struct ct_buf *out, const uint8_t *bytes, size_t len)
{
    char text[2 * CT_UPDATE_HASH_SIZE + 1] = "";
    if (bytes != NULL) {
        ct_hex_encode(text, bytes, len);
    }
    ct_buf_printf(out, "%s,", text);
}

static int record_csv(void *user, const struct ct_update_row *row)
{
    const struct ct_api_call *call = user;
    struct ct_buf *out = call->out;
    const struct ct_vehicle *vehicle = ct_registry_by_row(ct_folder_registry(call->folder), row->vehicle_row);
    hex(out, row->id, CT_UPDATE_ID_SIZE);
    quoted(out, vehicle == NULL ? "" : vehicle->id);
    quoted(out, row->set_id);
    ct_buf_printf(out, "%" PRId64 ",", row->counter);
    hex(out, row->release_sha256, CT_UPDATE_HASH_SIZE);
    hex(out, row->set_before, CT_UPDATE_HASH_SIZE);
    hex(out, row->set_after, CT_UPDATE_HASH_SIZE);
    quoted(out, row->rxswin);
    quoted(out, ct_updates_state_text(row->state));
    quoted(out, ct_update_verdict_text(row->verdict));
    quoted(out, row->text);
    quoted(out, row->signers);
    quoted(out, row->uploaded_by);
    quoted(out, row->started_by);
    ct_buf_printf(out, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "\r\n", row->rollout, row->seq,
                  row->issued_utc_ms, row->changed_utc_ms);
    return ct_buf_error(out);
}

int ct_api_get_update_records_csv(struct ct_api_call *call)
{
    int64_t vehicle_row;
    const int status = vehicle_asked(call, &vehicle_row);
    if (status != 0) {
        return status;
    }
    ct_buf_text(call->out,
                "update_id,vehicle,set_id,counter,release,set_hash_before,set_hash_after,rxswin,state,verdict,"
                "text,signers,uploaded_by,started_by,rollout,director_seq,issued_utc_ms,changed_utc_ms\r\n");
    call->answer->type = "text/csv; charset=utf-8; header=present";
    return ct_api_finish(
        call, ct_updates_list(ct_folder_updates(call->folder), vehicle_row, 0, RECORDS_MAX, record_csv, call));
}
