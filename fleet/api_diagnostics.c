/* Diagnostic jobs: POST vehicles/ID/jobs. */
#include "api_private.h"

#include "bytes.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define DEADLINE_MS_MIN    1000
#define DEADLINE_MS_MAX    600000
#define OFFLINE_EXPIRES_MS (3600 * INT64_C(1000)) /* a person signs in between */
#define DETAIL_MAX         (2 * CT_COMMAND_UDS_MAX + 64)

static bool find_kind(const char *text, int *out_kind)
{
    for (int kind = CT_DIAGNOSTIC_READ_DTCS; text != NULL && kind <= CT_DIAGNOSTIC_RAW_REQUEST; kind++) {
        if (strcmp(ct_diagnostic_kind_text(kind), text) == 0) {
            *out_kind = kind;
            return true;
        }
    }
    return false;
}

static bool ecu_name(const char *text)
{
    const size_t len = text == NULL ? 0 : strlen(text);
    return len > 0 && len <= CT_VEHICLE_ID_MAX &&
           (strcmp(text, "*") == 0 ||
            strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len);
}

/* Absent is 0. */
static bool take_number(const cJSON *body, const char *key, double min, double max, uint32_t *value)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    if (item == NULL) {
        return true;
    }
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= min && item->valuedouble <= max)) {
        return false;
    }
    *value = (uint32_t)item->valuedouble;
    return true;
}

static bool take_data(const cJSON *body, struct ct_command *command)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, "data");
    const char *hex = cJSON_GetStringValue(item);
    const size_t digits = hex == NULL ? 0 : strlen(hex);
    if (item != NULL && (hex == NULL || digits % 2 != 0 || digits / 2 > CT_COMMAND_UDS_MAX - 4 ||
                         ct_hex_decode(command->request, hex, digits / 2) != CT_OK)) {
        return false;
    }
    command->request_len = (uint16_t)(digits / 2);
    const bool needed = command->job_kind == CT_DIAGNOSTIC_WRITE_DID || command->job_kind == CT_DIAGNOSTIC_RAW_REQUEST;
    return !needed || command->request_len > 0;
}

static bool take_release(const cJSON *body, bool *offline)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, "release");
    const char *text = cJSON_GetStringValue(item);
    *offline = text != NULL && strcmp(text, "offline") == 0;
    return item == NULL || *offline;
}

/* "write-did 0160 AABB", for people and lists. */
static void describe(const struct ct_command *command, char out[DETAIL_MAX])
{
    char hex[2 * CT_COMMAND_UDS_MAX + 1];
    char identifier[8] = "";
    ct_hex_encode(hex, command->request, command->request_len);
    if (command->job_kind != CT_DIAGNOSTIC_RAW_REQUEST && command->job_identifier != 0) {
        (void)snprintf(identifier, sizeof identifier, " %04X", command->job_identifier & 0xFFFFU);
    }
    (void)snprintf(out, DETAIL_MAX, "%s%s%s%s", ct_diagnostic_kind_text(command->job_kind), identifier,
                   command->request_len > 0 ? " " : "", hex);
}

static int start_job(struct ct_api_call *call, const cJSON *body)
{
    const char *ecu = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "ecu"));
    struct ct_command command = {.action = CT_ACTION_DIAGNOSTIC_JOB};
    char detail[DETAIL_MAX];
    bool offline = false;
    if (!find_kind(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, "job")), &command.job_kind)) {
        return ct_api_error(call->out, 400,
                            "\"job\" must be read-dtcs, clear-dtcs, read-did, write-did, routine or raw");
    }
    if (!ecu_name(ecu)) {
        return ct_api_error(call->out, 400, "\"ecu\" must be the name of an ECU, or \"*\" for all of them");
    }
    if (!take_number(body, "identifier", 0, 0xFFFF, &command.job_identifier)) {
        return ct_api_error(call->out, 400, "\"identifier\" must be a number of 0 to 65535");
    }
    if (!take_number(body, "deadline_ms", DEADLINE_MS_MIN, DEADLINE_MS_MAX, &command.job_deadline_ms)) {
        return ct_api_error(call->out, 400, "deadline_ms must be %d to %d", DEADLINE_MS_MIN, DEADLINE_MS_MAX);
    }
    if (!take_data(body, &command)) {
        return ct_api_error(call->out, 400, "\"data\" must be hex; write-did and raw need it");
    }
    if (!take_release(body, &offline)) {
        return ct_api_error(call->out, 400,
                            "\"release\" can be \"offline\": the command waits for a release signature");
    }
    const int status = ct_api_take_times(call, body, &command);
    if (status != 0) {
        return status;
    }
    if (offline && !cJSON_HasObjectItem(body, "expires_in_ms")) {
        command.expires_utc_ms = call->moment.utc_ns / CT_NS_PER_MS + OFFLINE_EXPIRES_MS;
    }
    (void)snprintf(command.ecu, sizeof command.ecu, "%s", ecu);
    describe(&command, detail);
    return offline ? ct_api_issue_held(call, &command, detail) : ct_api_issue(call, &command, detail);
}

int ct_api_post_job(struct ct_api_call *call)
{
    static const char *const keys[] = {"ecu",           "job",    "identifier", "data", "deadline_ms",
                                       "expires_in_ms", "ttl_ms", "release",    NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = start_job(call, body);
        cJSON_Delete(body);
    }
    return status;
}
