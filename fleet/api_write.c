#include "api_private.h"

#include "bytes.h"
#include "command_json.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRES_MS_DEFAULT 60000
#define EXPIRES_MS_MIN     1000
#define EXPIRES_MS_MAX     (7 * 24 * 3600 * INT64_C(1000))
#define TTL_MS_DEFAULT     10000
#define TTL_MS_MIN         100
#define TTL_MS_MAX         3600000
#define INTEGER_MAX        9007199254740992.0 /* 2^53: beyond it JSON numbers are not exact */

static bool optional_ms(const cJSON *body, const char *key, int64_t min, int64_t max, int64_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= (double)min) || !(item->valuedouble <= (double)max)) {
        return false;
    }
    *value = (int64_t)item->valuedouble;
    return true;
}

int ct_api_take_times(struct ct_api_call *call, const cJSON *body, struct ct_command *command)
{
    int64_t expires = EXPIRES_MS_DEFAULT;
    int64_t ttl = TTL_MS_DEFAULT;
    if (!optional_ms(body, "expires_in_ms", EXPIRES_MS_MIN, EXPIRES_MS_MAX, &expires)) {
        return ct_api_error(call->out, 400, "expires_in_ms must be %d to %lld", EXPIRES_MS_MIN,
                            (long long)EXPIRES_MS_MAX);
    }
    if (!optional_ms(body, "ttl_ms", TTL_MS_MIN, TTL_MS_MAX, &ttl)) {
        return ct_api_error(call->out, 400, "ttl_ms must be %d to %d", TTL_MS_MIN, TTL_MS_MAX);
    }
    command->expires_utc_ms = call->moment.utc_ns / CT_NS_PER_MS + expires;
    command->ttl_ms = (uint32_t)ttl;
    return 0;
}

int ct_api_issue_failed(struct ct_api_call *call, int err)
{
    if (err == CT_ERR_FULL) {
        return ct_api_error(call->out, 429, "%d commands wait for this vehicle already", CT_COMMANDS_WAITING_MAX);
    }
    call->fatal = err;
    return 500;
}

int ct_api_issue(struct ct_api_call *call, struct ct_command *command, const char *detail)
{
    (void)snprintf(command->vehicle_id, sizeof command->vehicle_id, "%s", call->vehicle->id);
    const int err = ct_folder_issue(call->folder, call->vehicle, command, detail, call->moment);
    if (err != CT_OK) {
        return ct_api_issue_failed(call, err);
    }
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_bytes(&json, "command_id", command->command_id, sizeof command->command_id);
    ct_json_string(&json, "state", "queued");
    ct_json_object_end(&json);
    return 202;
}

/* ------------------------------------------------------------------------------------------------ desired value */

static bool is_integer(enum ct_datatype datatype)
{
    return datatype >= CT_DT_INT8 && datatype <= CT_DT_UINT64;
}

/* Whole numbers as text, for what JSON numbers cannot hold. */
static bool integer_text(const char *text, int64_t *out_value)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || isspace((unsigned char)text[0])) {
        return false;
    }
    *out_value = value;
    return true;
}

static bool take_text(const struct ct_entry *entry, const char *text, struct ct_wire_value *out_value)
{
    if (is_integer(entry->datatype) && integer_text(text, &out_value->integer)) {
        out_value->kind = CT_WIRE_INTEGER;
        return true;
    }
    const int n = snprintf(out_value->text, sizeof out_value->text, "%s", text);
    out_value->kind = CT_WIRE_TEXT;
    return n >= 0 && (size_t)n < sizeof out_value->text && (entry->datatype == CT_DT_STRING || entry->text_count > 0);
}

static bool take_number(const struct ct_entry *entry, double number, struct ct_wire_value *out_value)
{
    const bool whole = floor(number) == number && fabs(number) <= INTEGER_MAX;
    if (entry->datatype == CT_DT_STRING || entry->datatype == CT_DT_BYTES || !isfinite(number)) {
        return false;
    }
    if (entry->datatype == CT_DT_BOOLEAN) {
        out_value->kind = CT_WIRE_BOOLEAN;
        out_value->boolean = number != 0.0;
        return number == 0.0 || number == 1.0;
    }
    if (is_integer(entry->datatype) && whole) {
        out_value->kind = CT_WIRE_INTEGER;
        out_value->integer = (int64_t)number;
        return true;
    }
    out_value->kind = CT_WIRE_NUMBER;
    out_value->number = number;
    return !is_integer(entry->datatype) || entry->factor != 1.0;
}

static bool take_value(const struct ct_entry *entry, const cJSON *item, struct ct_wire_value *out_value)
{
    if (cJSON_IsBool(item)) {
        out_value->kind = CT_WIRE_BOOLEAN;
        out_value->boolean = cJSON_IsTrue(item) != 0;
        return entry->datatype == CT_DT_BOOLEAN;
    }
    if (cJSON_IsNumber(item)) {
        return take_number(entry, item->valuedouble, out_value);
    }
    return cJSON_IsString(item) && take_text(entry, cJSON_GetStringValue(item), out_value);
}

static const struct ct_entry *find_entry(const struct ct_vehicle *vehicle, const char *path)
{
    uint32_t id;
    if (vehicle->twin == NULL || ct_catalogue_find(ct_twin_catalogue(vehicle->twin), path, &id) != CT_OK) {
        return NULL;
    }
    return ct_catalogue_entry(ct_twin_catalogue(vehicle->twin), id);
}

struct revision {
    const char *path;
    uint64_t revision; /* 0: nothing was ever desired there */
};

static void note_revision(void *user, const char *path, const char *detail, uint64_t revision,
                          const uint8_t id[CT_COMMAND_ID_SIZE], int state, int reason)
{
    struct revision *wanted = user;
    (void)detail;
    (void)id;
    (void)state;
    (void)reason;
    if (strcmp(path, wanted->path) == 0) {
        wanted->revision = revision;
    }
}

/* If-Match names the revision of the path's desired value that the writer has seen ("0": none, *: any). 0, or the
 * status of the error. RFC 9110, 13.1.1. */
static int check_revision(struct ct_api_call *call, const char *path)
{
    const char *match = call->request->if_match;
    struct revision now = {path, 0};
    char text[CT_API_ETAG_MAX];
    if (match == NULL || strcmp(match, "*") == 0) {
        return 0;
    }
    const int err = ct_commands_desired(ct_folder_commands(call->folder), call->vehicle->row, note_revision, &now);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    (void)snprintf(text, sizeof text, "\"%" PRIu64 "\"", now.revision);
    if (strcmp(match, text) == 0) {
        return 0;
    }
    (void)snprintf(call->answer->etag, sizeof call->answer->etag, "%s", text);
    return ct_api_error(call->out, 412, "the desired value of '%.200s' has revision %" PRIu64 " by now; read it again",
                        path, now.revision);
}

static int set_desired(struct ct_api_call *call, const cJSON *body)
{
    const char *path = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "path"));
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(body, "value");
    char detail[CT_DETAIL_MAX];
    if (path == NULL || value == NULL || strlen(path) > CT_PATH_MAX) {
        return ct_api_error(call->out, 400, "the body needs \"path\" (text) and \"value\"");
    }
    const struct ct_entry *entry = find_entry(call->vehicle, path);
    if (entry == NULL) {
        return ct_api_error(call->out, 404, "the vehicle has no signal '%.200s'", path);
    }
    if (!entry->is_actuator) {
        return ct_api_error(call->out, 409, "'%.200s' is not an actuator", path);
    }
    struct ct_command command = {.action = CT_ACTION_SET_DESIRED};
    if (!take_value(entry, value, &command.value) || ct_detail_write(&command.value, detail, sizeof detail) != CT_OK) {
        return ct_api_error(call->out, 400, "the value does not fit the signal's datatype");
    }
    const int status = ct_api_take_times(call, body, &command);
    if (status != 0) {
        return status;
    }
    const int unmatched = check_revision(call, path);
    if (unmatched != 0) {
        return unmatched;
    }
    (void)snprintf(command.path, sizeof command.path, "%s", path);
    const int issued = ct_api_issue(call, &command, detail);
    if (issued == 202) {
        (void)snprintf(call->answer->etag, sizeof call->answer->etag, "\"%" PRIu64 "\"", command.revision);
    }
    return issued;
}

int ct_api_put_desired(struct ct_api_call *call)
{
    static const char *const keys[] = {"path", "value", "expires_in_ms", "ttl_ms", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = set_desired(call, body);
        cJSON_Delete(body);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ diagnostics */

static bool ecu_name(const char *text)
{
    const size_t len = strlen(text);
    return len > 0 && len <= CT_VEHICLE_ID_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len;
}

static int diagnose(struct ct_api_call *call, const cJSON *body)
{
    const char *ecu = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "ecu"));
    const char *request = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "request"));
    struct ct_command command = {.action = CT_ACTION_DIAGNOSTIC_REQUEST};
    if (ecu == NULL || !ecu_name(ecu)) {
        return ct_api_error(call->out, 400, "\"ecu\" must be the name of an ECU (letters, digits, '.', '_', '-')");
    }
    const size_t digits = request == NULL ? 0 : strlen(request);
    if (digits == 0 || digits % 2 != 0 || digits / 2 > CT_COMMAND_UDS_MAX ||
        ct_hex_decode(command.request, request, digits / 2) != CT_OK) {
        return ct_api_error(call->out, 400, "\"request\" must be 1 to %d bytes in hex, such as \"22F190\"",
                            CT_COMMAND_UDS_MAX);
    }
    const int status = ct_api_take_times(call, body, &command);
    if (status != 0) {
        return status;
    }
    char detail[2 * CT_COMMAND_UDS_MAX + 1];
    ct_hex_encode(detail, command.request, digits / 2);
    command.request_len = (uint16_t)(digits / 2);
    (void)snprintf(command.ecu, sizeof command.ecu, "%s", ecu);
    return ct_api_issue(call, &command, detail);
}

int ct_api_post_diagnostics(struct ct_api_call *call)
{
    static const char *const keys[] = {"ecu", "request", "expires_in_ms", "ttl_ms", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = diagnose(call, body);
        cJSON_Delete(body);
    }
    return status;
}
