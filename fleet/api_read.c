#include "api_private.h"

#include "bytes.h"
#include "command_json.h"
#include "twin_json.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX   500
#define COMMANDS_MAX 200

/* `*` any text, `?` one character; no backtracking beyond the last star. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *resume = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            resume = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*') {
        pattern++;
    }
    return *pattern == '\0';
}

int ct_api_get_vehicles(struct ct_api_call *call)
{
    const struct ct_registry *registry = ct_folder_registry(call->folder);
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "vehicles");
    for (size_t i = 0; i < ct_registry_count(registry); i++) {
        const struct ct_vehicle *vehicle = ct_registry_at(registry, i);
        if (!ct_api_vehicle_meant(call, vehicle)) {
            continue;
        }
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "id", vehicle->id);
        ct_json_bool(&json, "connected", vehicle->connected);
        ct_json_int(&json, "last_seen_utc_ms", vehicle->last_seen_utc_ms);
        ct_json_uint_safe(&json, "revision", vehicle->revision);
        ct_json_string(&json, "software", vehicle->software);
        ct_json_uint(&json, "signals", vehicle->signals);
        ct_json_uint(&json, "alerts", ct_alerts_open_count(vehicle));
        ct_api_labels_json(&json, &vehicle->labels);
        ct_json_object_end(&json);
    }
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return 200;
}

/* ------------------------------------------------------------------------------------------------ twin */

static void desired(void *user, const char *path, const char *detail, uint64_t revision,
                    const uint8_t id[CT_COMMAND_ID_SIZE], int state, int reason)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "path", path);
    ct_detail_json(json, "value", detail);
    ct_json_uint(json, "revision", revision);
    ct_json_string(json, "state", ct_commands_desired_text(state, reason));
    ct_json_string(json, "reason", ct_command_reason_text(reason));
    ct_json_bytes(json, "command_id", id, CT_COMMAND_ID_SIZE);
    ct_json_object_end(json);
}

/* The desired values of one path (or all), and the newest revision among them. */
struct pick {
    struct ct_json *json;
    const char *path; /* NULL: all */
    uint64_t revision;
};

static void desired_picked(void *user, const char *path, const char *detail, uint64_t revision,
                           const uint8_t id[CT_COMMAND_ID_SIZE], int state, int reason)
{
    struct pick *pick = user;
    if (pick->path == NULL || strcmp(pick->path, path) == 0) {
        desired(pick->json, path, detail, revision, id, state, reason);
        pick->revision = revision > pick->revision ? revision : pick->revision;
    }
}

static void signals(struct ct_api_call *call, struct ct_json *json, const char *match)
{
    const struct ct_twin *twin = call->vehicle->twin;
    struct ct_reading reading;
    for (uint32_t id = 0; twin != NULL && ct_twin_get(twin, id, &reading) == CT_OK; id++) {
        const struct ct_entry *entry = ct_catalogue_entry(ct_twin_catalogue(twin), id);
        if (match == NULL || glob(match, entry->name)) {
            ct_twin_json_signal(json, entry, &reading, call->moment.utc_ns);
        }
    }
}

/* With ?path= the revision that an If-Match of a write is compared with. */
int ct_api_get_desired(struct ct_api_call *call)
{
    const char *path = ct_api_param(call, "path");
    struct ct_json json;
    struct pick pick = {&json, path, 0};
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", call->vehicle->id);
    ct_json_array_begin(&json, "desired");
    const int err = ct_commands_desired(ct_folder_commands(call->folder), call->vehicle->row, desired_picked, &pick);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    (void)snprintf(call->answer->etag, sizeof call->answer->etag, "\"%" PRIu64 "\"", pick.revision);
    return ct_api_finish(call, err);
}

int ct_api_get_twin(struct ct_api_call *call)
{
    const char *match = ct_api_param(call, "match");
    struct ct_json json;
    if (match != NULL && strlen(match) > CT_NAME_MAX) {
        return ct_api_error(call->out, 400, "match is longer than %d characters", CT_NAME_MAX);
    }
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", call->vehicle->id);
    ct_json_uint_safe(&json, "revision", call->vehicle->revision);
    ct_json_array_begin(&json, "signals");
    signals(call, &json, match);
    ct_json_array_end(&json);
    ct_json_array_begin(&json, "desired");
    const int err = ct_commands_desired(ct_folder_commands(call->folder), call->vehicle->row, desired, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ events, commands */

/* Fields are stored as the JSON object they were made as. */
static void event_fields(struct ct_json *json, const char *fields_json)
{
    cJSON *fields = cJSON_Parse(fields_json);
    ct_json_object_begin(json, "fields");
    for (const cJSON *item = fields == NULL ? NULL : fields->child; item != NULL; item = item->next) {
        if (cJSON_IsNumber(item)) {
            ct_json_double(json, item->string, item->valuedouble);
        } else {
            ct_json_string(json, item->string, cJSON_GetStringValue(item));
        }
    }
    ct_json_object_end(json);
    cJSON_Delete(fields);
}

static int one_event(void *user, int64_t utc_ms, const char *name, const char *text, const char *fields_json)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_int(json, "utc_ms", utc_ms);
    ct_json_string(json, "name", name);
    ct_json_string(json, "text", text);
    event_fields(json, fields_json);
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_events(struct ct_api_call *call)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", call->vehicle->id);
    ct_json_array_begin(&json, "events");
    const int err =
        ct_history_events(ct_folder_history(call->folder), call->vehicle->row, EVENTS_MAX, one_event, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* Ids first: a command is written with statements that the list must not be in the middle of. */
struct ids {
    uint8_t (*items)[CT_COMMAND_ID_SIZE];
    size_t count;
};

static int keep_id(void *user, const struct ct_command_row *row)
{
    struct ids *ids = user;
    memcpy(ids->items[ids->count++], row->id, CT_COMMAND_ID_SIZE);
    return CT_OK;
}

int ct_api_get_commands(struct ct_api_call *call)
{
    struct ct_commands *commands = ct_folder_commands(call->folder);
    struct ids ids = {malloc(COMMANDS_MAX * sizeof *ids.items), 0};
    struct ct_json json;
    int err = ids.items == NULL ? CT_ERR_NO_MEMORY
                                : ct_commands_list(commands, call->vehicle->row, COMMANDS_MAX, keep_id, &ids);
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", call->vehicle->id);
    ct_json_array_begin(&json, "commands");
    for (size_t i = 0; err == CT_OK && i < ids.count; i++) {
        err = ct_command_json(&json, NULL, commands, ct_folder_registry(call->folder), ids.items[i]);
    }
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    free(ids.items);
    return ct_api_finish(call, err);
}

int ct_api_get_command(struct ct_api_call *call)
{
    uint8_t id[CT_COMMAND_ID_SIZE];
    const char *text = call->segments[1];
    struct ct_json json;
    if (strlen(text) != 2 * sizeof id || ct_hex_decode(id, text, sizeof id) != CT_OK) {
        return ct_api_error(call->out, 400, "a command id has %zu hex digits", 2 * sizeof id);
    }
    ct_json_init(&json, call->out);
    const int err =
        ct_command_json(&json, NULL, ct_folder_commands(call->folder), ct_folder_registry(call->folder), id);
    return err == CT_ERR_NOT_FOUND ? ct_api_error(call->out, 404, "no command has this id") : ct_api_finish(call, err);
}
