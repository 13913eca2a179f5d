#include "api_private.h"

#include "bytes.h"
#include "command_json.h"
#include "twin_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX      500
#define COMMANDS_MAX    200
#define GAPS_MAX        1000
#define HISTORY_BACK_MS (10 * 60 * INT64_C(1000))
#define UTC_MS_MAX      (INT64_MAX / 1000)

/* What cannot be read is this answer's trouble only: nothing was changed, and the next question may be a good one. */
static int finish(struct ct_api_call *call, int err)
{
    if (err == CT_OK) {
        return 200;
    }
    if (err == CT_ERR_TOO_LARGE || err == CT_ERR_FULL) {
        return ct_api_error(call->out, 413, "the answer is too large; ask for less");
    }
    return ct_api_error(call->out, 500, "what is stored cannot be read: %s", ct_err_text(err));
}

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
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "id", vehicle->id);
        ct_json_bool(&json, "connected", vehicle->connected);
        ct_json_int(&json, "last_seen_utc_ms", vehicle->last_seen_utc_ms);
        ct_json_uint_safe(&json, "revision", vehicle->revision);
        ct_json_string(&json, "software", vehicle->software);
        ct_json_uint(&json, "signals", vehicle->signals);
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
    return finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ history */

static bool time_param(const struct ct_api_call *call, const char *name, int64_t *value)
{
    const char *text = ct_api_param(call, name);
    if (text == NULL) {
        return true;
    }
    char *end;
    errno = 0;
    const long long parsed = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || parsed < -UTC_MS_MAX || parsed > UTC_MS_MAX) {
        return false;
    }
    *value = parsed;
    return true;
}

static int one_gap(void *user, int64_t from_utc_ms, int64_t to_utc_ms, int reason, uint64_t samples, uint64_t seq_first,
                   uint64_t seq_last)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_int(json, "from_utc_ms", from_utc_ms);
    ct_json_int(json, "to_utc_ms", to_utc_ms);
    ct_json_string(json, "reason", ct_history_reason_text(reason));
    ct_json_uint_safe(json, "samples", samples);
    ct_json_uint_safe(json, "seq_first", seq_first);
    ct_json_uint_safe(json, "seq_last", seq_last);
    ct_json_object_end(json);
    return CT_OK;
}

static void write_samples(struct ct_json *json, const struct ct_history_range *range)
{
    ct_json_array_begin(json, "samples");
    for (size_t i = 0; i < range->count; i++) {
        ct_twin_json_history(json, range->entry, range->kinds[i], &range->samples[i]);
    }
    ct_json_array_end(json);
}

static int write_history(struct ct_api_call *call, const char *signal, const struct ct_history_range *range,
                         int64_t from_ms, int64_t to_ms)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "signal", signal);
    ct_json_string(&json, "unit", range->entry->unit);
    ct_json_bool(&json, "truncated", range->truncated);
    write_samples(&json, range);
    ct_json_array_begin(&json, "gaps");
    const int err =
        ct_history_gaps(ct_folder_history(call->folder), call->vehicle->row, from_ms, to_ms, GAPS_MAX, one_gap, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return finish(call, err);
}

/* The signal may have no sample in the range and yet be known. */
static const struct ct_entry *current_entry(const struct ct_vehicle *vehicle, const char *signal)
{
    uint32_t id;
    if (vehicle->twin == NULL || ct_catalogue_find(ct_twin_catalogue(vehicle->twin), signal, &id) != CT_OK) {
        return NULL;
    }
    return ct_catalogue_entry(ct_twin_catalogue(vehicle->twin), id);
}

int ct_api_get_history(struct ct_api_call *call)
{
    const char *signal = ct_api_param(call, "signal");
    int64_t to_ms = call->moment.utc_ns / CT_NS_PER_MS + 1000;
    if (signal == NULL || signal[0] == '\0') {
        return ct_api_error(call->out, 400, "name the signal: ?signal=NAME");
    }
    if (!time_param(call, "to", &to_ms)) {
        return ct_api_error(call->out, 400, "to must be milliseconds since 1970-01-01 UTC");
    }
    int64_t from_ms = to_ms - HISTORY_BACK_MS;
    if (!time_param(call, "from", &from_ms)) {
        return ct_api_error(call->out, 400, "from must be milliseconds since 1970-01-01 UTC");
    }
    if (from_ms > to_ms) {
        return ct_api_error(call->out, 400, "from is later than to");
    }
    struct ct_history_range range;
    const struct ct_vehicle *vehicle = call->vehicle;
    int err = ct_history_query(ct_folder_history(call->folder), vehicle->row, &vehicle->chunk, vehicle->chunk_catalogue,
                               signal, from_ms * 1000, to_ms * 1000 + 999, &range);
    if (err != CT_OK) {
        return finish(call, err);
    }
    range.entry = range.entry != NULL ? range.entry : current_entry(vehicle, signal);
    const int status = range.entry == NULL ? ct_api_error(call->out, 404, "the vehicle has no signal '%.200s'", signal)
                                           : write_history(call, signal, &range, from_ms, to_ms);
    ct_history_range_free(&range);
    return status;
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
    return finish(call, err);
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
    return finish(call, err);
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
    return err == CT_ERR_NOT_FOUND ? ct_api_error(call->out, 404, "no command has this id") : finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ status */

int ct_api_get_status(struct ct_api_call *call)
{
    struct ct_folder_stats stats;
    ct_folder_stats_get(call->folder, &stats);
    uint64_t commands = 0;
    uint64_t waiting = 0;
    uint64_t stored = 0;
    int err = ct_commands_count(ct_folder_commands(call->folder), &commands, &waiting);
    if (err == CT_OK) {
        err = ct_history_sample_count(ct_folder_history(call->folder), &stored);
    }
    const struct ct_api_counters *counters = call->counters;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"vehicles", ct_registry_count(ct_folder_registry(call->folder))},
        {"connected", counters->connected},
        {"records", stats.records},
        {"batches", stats.batches},
        {"samples", stats.samples},
        {"samples_stored", stored},
        {"states", stats.states},
        {"events", stats.events},
        {"gaps", stats.gaps},
        {"statuses", stats.statuses},
        {"catalogues", stats.catalogues},
        {"duplicates", stats.duplicates + counters->link_duplicates},
        {"refused", stats.refused},
        {"damaged", stats.damaged},
        {"commands", commands},
        {"commands_waiting", waiting},
        {"chunks", stats.chunks},
        {"commits", stats.commits},
        {"published", stats.published},
        {"log_bytes", counters->log_bytes},
        {"applied_bytes", stats.applied},
        {"envelopes", counters->envelopes},
        {"malformed", counters->malformed},
        {"handshakes_refused", counters->handshakes_refused},
        {"http_requests", counters->http_requests},
        {"http_refused", counters->http_refused},
        {"sse_clients", counters->sse_clients},
        {"sse_dropped", counters->sse_dropped},
    };
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ct_json_uint_safe(&json, rows[i].name, rows[i].value);
    }
    ct_json_object_end(&json);
    return finish(call, err);
}
