/* Rollouts of signed updates: making, watching, pausing, resuming and cancelling them. */
#include "api_private.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROLLOUTS_SHOWN 200
#define WAVE_MAX       100000
#define DEADLINE_MS    (INT64_C(7) * 24 * 3600 * 1000)
#define DEADLINE_MAX   (INT64_C(366) * 24 * 3600 * 1000)

/* ------------------------------------------------------------------------------------------------ as JSON */

static int failure_json(void *user, int verdict, int64_t count)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "verdict", ct_update_verdict_text(verdict));
    ct_json_int(json, "vehicles", count);
    ct_json_object_end(json);
    return CT_OK;
}

static void reason_json(struct ct_json *json, const struct ct_rollout_row *row)
{
    char text[160] = "";
    const struct ct_rollout *rollout = &row->rollout;
    if (rollout->state == CT_ROLLOUT_HALTED) {
        (void)snprintf(text, sizeof text,
                       "%" PRIu32 " of %" PRIu32 " vehicles of wave %" PRIu32 " failed; %" PRIu32
                       " %% of a wave must succeed",
                       rollout->wave_bad, rollout->wave_count, rollout->wave, rollout->plan.success_percent);
    } else if (rollout->state == CT_ROLLOUT_EXPIRED) {
        (void)snprintf(text, sizeof text, "its deadline has passed");
    }
    ct_json_string(json, "reason", text);
}

static void plan_json(struct ct_json *json, const struct ct_rollout_row *row)
{
    const struct ct_rollout *rollout = &row->rollout;
    ct_json_uint(json, "canary", rollout->plan.canary);
    ct_json_uint(json, "wave_size", rollout->plan.wave_size);
    ct_json_uint(json, "success_percent", rollout->plan.success_percent);
    ct_json_int(json, "deadline_utc_ms", rollout->plan.deadline_utc_ms);
    ct_json_uint(json, "wave", rollout->wave);
    ct_json_bool(json, "confirm", row->confirm);
    ct_json_bool(json, "rollback", row->rollback);
    ct_json_string(json, "group", row->group);
    ct_json_string(json, "tag", row->tag);
    ct_json_string(json, "model", row->model);
    ct_json_string(json, "note", row->note);
}

struct writing {
    struct ct_json json;
    struct ct_api_call *call;
};

static int rollout_json(void *user, const struct ct_rollout_row *row)
{
    struct writing *writing = user;
    struct ct_json *json = &writing->json;
    ct_json_object_begin(json, NULL);
    ct_json_int(json, "id", row->id);
    ct_json_string(json, "state", ct_rollout_state_text((int)row->rollout.state));
    reason_json(json, row);
    ct_json_int(json, "revision", row->revision);
    ct_json_bytes(json, "release", row->release, sizeof row->release);
    ct_json_string(json, "set_id", row->set_id);
    ct_json_int(json, "counter", row->counter);
    plan_json(json, row);
    ct_json_string(json, "user", row->user);
    ct_json_int(json, "created_utc_ms", row->created_utc_ms);
    ct_json_int(json, "changed_utc_ms", row->changed_utc_ms);
    ct_json_object_begin(json, "vehicles");
    for (int state = 0; state < CT_PLACE_STATES; state++) {
        ct_json_int(json, ct_place_state_text(state), row->places[state]);
    }
    ct_json_object_end(json);
    ct_json_array_begin(json, "failures");
    const int err = row->places[CT_PLACE_BAD] == 0
                        ? CT_OK
                        : ct_rollouts_failures(ct_folder_rollouts(writing->call->folder), row->id, failure_json, json);
    ct_json_array_end(json);
    ct_json_object_end(json);
    return err;
}

static int answer(struct ct_api_call *call, const struct ct_rollout_row *row)
{
    struct writing writing = {.call = call};
    ct_json_init(&writing.json, call->out);
    (void)snprintf(call->answer->etag, sizeof call->answer->etag, "\"%" PRId64 "\"", row->revision);
    return ct_api_finish(call, rollout_json(&writing, row));
}

/* ------------------------------------------------------------------------------------------------ reading */

int ct_api_get_rollouts(struct ct_api_call *call)
{
    struct writing writing = {.call = call};
    ct_json_init(&writing.json, call->out);
    ct_json_object_begin(&writing.json, NULL);
    ct_json_array_begin(&writing.json, "rollouts");
    const int err = ct_rollouts_list(ct_folder_rollouts(call->folder), ROLLOUTS_SHOWN, rollout_json, &writing);
    ct_json_array_end(&writing.json);
    ct_json_object_end(&writing.json);
    return ct_api_finish(call, err);
}

/* 0, or the status of the error. */
static int find(struct ct_api_call *call, struct ct_rollout_row *out_row)
{
    char *end;
    errno = 0;
    const long long id = strtoll(call->segments[2], &end, 10);
    const bool number = errno == 0 && *end == '\0' && end != call->segments[2] && id > 0;
    const int err = number ? ct_rollouts_get(ct_folder_rollouts(call->folder), id, out_row) : CT_ERR_NOT_FOUND;
    if (err == CT_ERR_NOT_FOUND) {
        return ct_api_error(call->out, 404, "there is no rollout '%.32s'", call->segments[2]);
    }
    return err == CT_OK ? 0 : ct_api_finish(call, err);
}

int ct_api_get_rollout(struct ct_api_call *call)
{
    struct ct_rollout_row row = {.id = 0};
    const int status = find(call, &row);
    return status != 0 ? status : answer(call, &row);
}

static int vehicle_json(void *user, const struct ct_rollout_vehicle_row *row)
{
    struct writing *writing = user;
    struct ct_json *json = &writing->json;
    const struct ct_vehicle *vehicle = ct_registry_by_row(ct_folder_registry(writing->call->folder), row->vehicle_row);
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "vehicle", vehicle == NULL ? "" : vehicle->id);
    ct_json_string(json, "state", ct_place_state_text((int)row->state));
    if (row->update_state >= 0) {
        ct_json_int(json, "wave", row->wave);
        ct_json_string(json, "update_state", ct_updates_state_text(row->update_state));
        ct_json_string(json, "verdict", ct_update_verdict_text(row->verdict));
        ct_json_uint(json, "step", row->step);
        ct_json_uint(json, "steps", row->steps);
        ct_json_string(json, "text", row->text);
        ct_json_int(json, "changed_utc_ms", row->changed_utc_ms);
    }
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_rollout_vehicles(struct ct_api_call *call)
{
    struct ct_rollout_row row = {.id = 0};
    struct writing writing = {.call = call};
    const int status = find(call, &row);
    if (status != 0) {
        return status;
    }
    ct_json_init(&writing.json, call->out);
    ct_json_object_begin(&writing.json, NULL);
    ct_json_array_begin(&writing.json, "vehicles");
    const int err =
        ct_rollouts_vehicles(ct_folder_rollouts(call->folder), row.id, CT_ROLLOUT_VEHICLES_MAX, vehicle_json, &writing);
    ct_json_array_end(&writing.json);
    ct_json_object_end(&writing.json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ making one */

/* Absent: *value stays. */
static bool take_number(const cJSON *body, const char *key, double min, double max, double *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item == NULL) {
        return true;
    }
    const bool good = cJSON_IsNumber(item) && item->valuedouble >= min && item->valuedouble <= max &&
                      item->valuedouble == (double)(int64_t)item->valuedouble;
    if (good) {
        *value = item->valuedouble;
    }
    return good;
}

static bool take_flag(const cJSON *body, const char *key, bool *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item != NULL) {
        *value = cJSON_IsTrue(item) != 0;
    }
    return item == NULL || cJSON_IsBool(item);
}

static bool take_name(const cJSON *body, const char *key, char out[CT_LABEL_MAX + 1])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    const char *text = cJSON_GetStringValue(item);
    if (item == NULL) {
        return true;
    }
    (void)snprintf(out, CT_LABEL_MAX + 1, "%s", text == NULL ? "" : text);
    return text != NULL && (text[0] == '\0' || ct_label_valid(text));
}

static bool take_note(const cJSON *body, char out[CT_ROLLOUT_NOTE_MAX + 1])
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, "note");
    const char *text = cJSON_GetStringValue(item);
    if (item == NULL) {
        return true;
    }
    (void)snprintf(out, CT_ROLLOUT_NOTE_MAX + 1, "%s", text == NULL ? "" : text);
    return text != NULL && strlen(text) <= CT_ROLLOUT_NOTE_MAX;
}

/* 0, or the status of the error. */
static int take_plan(struct ct_api_call *call, const cJSON *body, struct ct_rollout_plan *out_plan)
{
    const int64_t utc_ms = call->moment.utc_ns / CT_NS_PER_MS;
    double canary = 1;
    double wave = 50;
    double percent = 95;
    double deadline = (double)(utc_ms + DEADLINE_MS);
    if (!take_number(body, "canary", 1, WAVE_MAX, &canary) || !take_number(body, "wave_size", 1, WAVE_MAX, &wave)) {
        return ct_api_error(call->out, 400, "\"canary\" and \"wave_size\" must be 1 to %d vehicles", WAVE_MAX);
    }
    if (!take_number(body, "success_percent", 0, 100, &percent)) {
        return ct_api_error(call->out, 400, "\"success_percent\" must be 0 to 100");
    }
    if (!take_number(body, "deadline_utc_ms", (double)utc_ms, (double)(utc_ms + DEADLINE_MAX), &deadline)) {
        return ct_api_error(call->out, 400, "\"deadline_utc_ms\" must lie ahead, within a year");
    }
    *out_plan = (struct ct_rollout_plan){(uint32_t)canary, (uint32_t)wave, (uint32_t)percent, (int64_t)deadline};
    return 0;
}

static int take_missing(void *user, const struct ct_release_row *row)
{
    *(int64_t *)user = row->missing;
    return CT_OK;
}

/* 0, or the status of the error: the release is here with its blobs, and this backend may direct. */
static int check_release(struct ct_api_call *call, const uint8_t *release)
{
    struct ct_update_store *store = ct_folder_update_store(call->folder);
    struct ct_root root;
    int64_t missing = 0;
    int err = ct_update_store_releases(store, release, take_missing, &missing);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_api_error(call->out, 404, "no such release is here; see /api/v1/updates/releases");
    }
    if (missing > 0) {
        return ct_api_error(call->out, 409, "%" PRId64 " of the release's blobs are not here yet", missing);
    }
    err = err == CT_OK ? ct_update_store_root(store, &root) : err;
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    return ct_updates_may_direct(ct_folder_updates(call->folder), &root)
               ? 0
               : ct_api_error(call->out, 409, "the newest root does not name this backend's key as director");
}

static int add(struct ct_api_call *call, struct ct_rollout_row *row)
{
    (void)snprintf(row->user, sizeof row->user, "%s", call->request->user == NULL ? "" : call->request->user);
    const int err = ct_rollouts_add(ct_folder_rollouts(call->folder), row, call->moment.utc_ns / CT_NS_PER_MS);
    switch (err) {
    case CT_OK:
        return answer(call, row);
    case CT_ERR_NOT_FOUND:
        return ct_api_error(call->out, 409, "no vehicle has these labels");
    case CT_ERR_FULL:
        return ct_api_error(call->out, 429, "%d rollouts are open already, or more than %d vehicles are meant",
                            CT_ROLLOUTS_OPEN_MAX, CT_ROLLOUT_VEHICLES_MAX);
    case CT_ERR_BUSY:
        return ct_api_error(call->out, 409, "a vehicle that is meant is in another open rollout");
    default:
        call->fatal = err;
        return 500;
    }
}

static int make(struct ct_api_call *call, const cJSON *body)
{
    struct ct_rollout_row row = {.confirm = false};
    if (!ct_api_take_hex(body, "release", row.release, sizeof row.release)) {
        return ct_api_error(call->out, 400, "\"release\" must be a release's SHA-256 in hex");
    }
    if (!take_name(body, "group", row.group) || !take_name(body, "tag", row.tag) ||
        !take_name(body, "model", row.model) || !take_note(body, row.note)) {
        return ct_api_error(call->out, 400,
                            "\"group\", \"tag\" and \"model\" must be names, \"note\" a text of at most %d",
                            CT_ROLLOUT_NOTE_MAX);
    }
    if (!take_flag(body, "confirm", &row.confirm) || !take_flag(body, "rollback", &row.rollback)) {
        return ct_api_error(call->out, 400, "\"confirm\" and \"rollback\" must be true or false");
    }
    int status = take_plan(call, body, &row.rollout.plan);
    status = status == 0 ? check_release(call, row.release) : status;
    return status == 0 ? add(call, &row) : status;
}

int ct_api_post_rollout(struct ct_api_call *call)
{
    static const char *const keys[] = {
        "release",         "group",   "tag",      "model",           "note", "canary", "wave_size",
        "success_percent", "confirm", "rollback", "deadline_utc_ms", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = make(call, body);
        cJSON_Delete(body);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ changing one */

/* If-Match names the revision that the writer has seen ("*" or absent: any). 0, or the status of the error. */
static int check_revision(struct ct_api_call *call, const struct ct_rollout_row *row)
{
    const char *match = call->request->if_match;
    char text[CT_API_ETAG_MAX];
    (void)snprintf(text, sizeof text, "\"%" PRId64 "\"", row->revision);
    if (match == NULL || strcmp(match, "*") == 0 || strcmp(match, text) == 0) {
        return 0;
    }
    (void)snprintf(call->answer->etag, sizeof call->answer->etag, "%s", text);
    return ct_api_error(call->out, 412, "the rollout has revision %" PRId64 " by now; read it again", row->revision);
}

static int change(struct ct_api_call *call, const cJSON *body,
                  bool (*what)(struct ct_rollout *rollout, uint32_t percent))
{
    struct ct_rollout_row row = {.id = 0};
    bool retry = false;
    int status = find(call, &row);
    status = status == 0 ? check_revision(call, &row) : status;
    if (status != 0) {
        return status;
    }
    double percent = row.rollout.plan.success_percent;
    if (!take_number(body, "success_percent", 0, 100, &percent) || !take_flag(body, "retry", &retry)) {
        return ct_api_error(call->out, 400, "\"success_percent\" must be 0 to 100, \"retry\" true or false");
    }
    if (!what(&row.rollout, (uint32_t)percent)) {
        return ct_api_error(call->out, 409, "the rollout is %s", ct_rollout_state_text((int)row.rollout.state));
    }
    struct ct_rollouts *rollouts = ct_folder_rollouts(call->folder);
    int err = ct_rollouts_change(rollouts, &row, retry, call->moment.utc_ns / CT_NS_PER_MS);
    err = err == CT_OK ? ct_rollouts_get(rollouts, row.id, &row) : err;
    if (err != CT_OK) {
        call->fatal = err;
        return 500;
    }
    ct_folder_tell_rollout(call->folder, row.id);
    return answer(call, &row);
}

static int post(struct ct_api_call *call, const char *const *keys,
                bool (*what)(struct ct_rollout *rollout, uint32_t percent))
{
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = change(call, body, what);
        cJSON_Delete(body);
    }
    return status;
}

static bool pause_it(struct ct_rollout *rollout, uint32_t percent)
{
    (void)percent;
    return ct_rollout_pause(rollout);
}

static bool cancel_it(struct ct_rollout *rollout, uint32_t percent)
{
    (void)percent;
    return ct_rollout_cancel(rollout);
}

int ct_api_post_rollout_pause(struct ct_api_call *call)
{
    static const char *const keys[] = {NULL};
    return post(call, keys, pause_it);
}

int ct_api_post_rollout_resume(struct ct_api_call *call)
{
    static const char *const keys[] = {"success_percent", "retry", NULL};
    return post(call, keys, ct_rollout_resume);
}

int ct_api_post_rollout_cancel(struct ct_api_call *call)
{
    static const char *const keys[] = {NULL};
    return post(call, keys, cancel_it);
}
