/* Commands that a release key signs offline: what is to be signed, and POST vehicles/ID/commands/CID/release. */
#include "api_private.h"

#include "bytes.h"
#include "command_wire.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#define PAYLOAD_MAX 8192

int ct_api_issue_held(struct ct_api_call *call, struct ct_command *command, const char *detail)
{
    struct ct_buf payload;
    struct ct_json json;
    (void)snprintf(command->vehicle_id, sizeof command->vehicle_id, "%s", call->vehicle->id);
    ct_buf_init(&payload, PAYLOAD_MAX);
    int err = ct_folder_issue_held(call->folder, call->vehicle, command, detail, call->moment);
    err = err == CT_OK ? ct_command_encode(command, &payload) : err;
    if (err == CT_OK) {
        ct_json_init(&json, call->out);
        ct_json_object_begin(&json, NULL);
        ct_json_bytes(&json, "command_id", command->command_id, sizeof command->command_id);
        ct_json_string(&json, "state", ct_commands_state_text(CT_COMMAND_AWAITING_RELEASE, 0));
        ct_json_string(&json, "domain", CT_DOMAIN_COMMAND);
        ct_json_bytes(&json, "payload", payload.data, payload.len);
        ct_json_int(&json, "expires_utc_ms", command->expires_utc_ms);
        ct_json_object_end(&json);
    }
    ct_buf_free(&payload);
    return err == CT_OK ? 202 : ct_api_issue_failed(call, err);
}

static bool take_hex(const cJSON *body, const char *key, uint8_t *out, size_t size)
{
    const char *hex = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(body, key));
    return hex != NULL && strlen(hex) == 2 * size && ct_hex_decode(out, hex, size) == CT_OK;
}

static int take_owner(void *user, const struct ct_command_row *row)
{
    *(int64_t *)user = row->vehicle_row;
    return CT_OK;
}

static int add(struct ct_api_call *call, const uint8_t id[CT_COMMAND_ID_SIZE], const struct ct_signature *signature)
{
    int64_t owner = 0;
    struct ct_json json;
    int err = ct_commands_get(ct_folder_commands(call->folder), id, take_owner, &owner);
    if (err == CT_ERR_NOT_FOUND || (err == CT_OK && owner != call->vehicle->row)) {
        return ct_api_error(call->out, 404, "the vehicle has no command of this id");
    }
    err = err == CT_OK ? ct_folder_release(call->folder, call->vehicle, id, signature, call->moment) : err;
    switch (err) {
    case CT_OK:
        ct_json_init(&json, call->out);
        ct_json_object_begin(&json, NULL);
        ct_json_bytes(&json, "command_id", id, CT_COMMAND_ID_SIZE);
        ct_json_string(&json, "state", ct_commands_state_text(0, 0));
        ct_json_object_end(&json);
        return 202;
    case CT_ERR_NOT_FOUND:
        return ct_api_error(call->out, 409, "the command does not await a release: it was released or has expired");
    case CT_ERR_EXISTS:
        return ct_api_error(call->out, 409,
                            "a later released command was sent to the vehicle, or %d others; prepare this one anew",
                            CT_COMMAND_WINDOW);
    case CT_ERR_ARGUMENT:
        return ct_api_error(call->out, 400, "\"key_id\" is the director's; the release key signs");
    default:
        call->fatal = err;
        return 500;
    }
}

static int release(struct ct_api_call *call, const cJSON *body)
{
    uint8_t id[CT_COMMAND_ID_SIZE];
    struct ct_signature signature;
    const char *text = call->segments[3];
    if (strlen(text) != 2 * sizeof id || ct_hex_decode(id, text, sizeof id) != CT_OK) {
        return ct_api_error(call->out, 400, "a command id has %zu hex digits", 2 * sizeof id);
    }
    if (!take_hex(body, "key_id", signature.key_id, sizeof signature.key_id) ||
        !take_hex(body, "signature", signature.signature, sizeof signature.signature)) {
        return ct_api_error(
            call->out, 400,
            "\"key_id\" (%d bytes) and \"signature\" (%d) must be hex, as cantwin keys sign-command tells",
            CT_KEY_ID_SIZE, CT_SIGNATURE_SIZE);
    }
    return add(call, id, &signature);
}

int ct_api_post_release(struct ct_api_call *call)
{
    static const char *const keys[] = {"key_id", "signature", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = release(call, body);
        cJSON_Delete(body);
    }
    return status;
}
