#include "command_wire.h"

#include "cantwin.pb-c.h"
#include "pb.h"
#include "wire.h"

#include <string.h>

enum { SIGNED_PAYLOAD = 1 };

#define SAME_STATE(name, value, text) \
    _Static_assert((int)CANTWIN__V1__COMMAND_STATE__##name == (value), "command states");
CT_COMMAND_STATE_MAP(SAME_STATE)
#undef SAME_STATE
#define CANTWIN__V1__COMMAND_REASON__NONE CANTWIN__V1__COMMAND_REASON__REASON_NONE
#define SAME_REASON(name, value, text) \
    _Static_assert((int)CANTWIN__V1__COMMAND_REASON__##name == (value), "command reasons");
CT_COMMAND_REASON_MAP(SAME_REASON)
#undef SAME_REASON
_Static_assert((int)CT_ACTION_SET_DESIRED == (int)CANTWIN__V1__COMMAND__ACTION_SET_DESIRED, "actions");
_Static_assert((int)CT_ACTION_DIAGNOSTIC_REQUEST == (int)CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_REQUEST, "actions");
_Static_assert((int)CT_ACTION_DIAGNOSTIC_JOB == (int)CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_JOB, "actions");
_Static_assert((int)CT_WIRE_INTEGER == (int)CANTWIN__V1__VALUE__KIND_INTEGER, "value kinds");
_Static_assert((int)CT_WIRE_NUMBER == (int)CANTWIN__V1__VALUE__KIND_NUMBER, "value kinds");
_Static_assert((int)CT_WIRE_BOOLEAN == (int)CANTWIN__V1__VALUE__KIND_BOOLEAN, "value kinds");
_Static_assert((int)CT_WIRE_TEXT == (int)CANTWIN__V1__VALUE__KIND_TEXT, "value kinds");
_Static_assert((int)CT_WIRE_RAW == (int)CANTWIN__V1__VALUE__KIND_RAW, "value kinds");

/* ---------------------------------------------------------------- envelope */

static int take_signatures(const Cantwin__V1__SignedCommand *message, struct ct_signature *signatures)
{
    for (size_t i = 0; i < message->n_signatures; i++) {
        const Cantwin__V1__Signature *from = message->signatures[i];
        if (from->key_id.len != CT_KEY_ID_SIZE || from->signature.len != CT_SIGNATURE_SIZE) {
            return CT_ERR_SYNTAX;
        }
        memcpy(signatures[i].key_id, from->key_id.data, CT_KEY_ID_SIZE);
        memcpy(signatures[i].signature, from->signature.data, CT_SIGNATURE_SIZE);
    }
    return CT_OK;
}

int ct_signed_command_split(const uint8_t *data, size_t len, const uint8_t **out_payload, size_t *out_payload_len,
                            struct ct_signature out_signatures[CT_SIGNATURES_MAX], size_t *out_count)
{
    if (len > CT_SIGNED_COMMAND_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *parsed = NULL;
    int err = ct_wire_parse(&cantwin__v1__signed_command__descriptor, CT_WIRE_STRICT, data, len, &arena, &parsed);
    if (err == CT_OK) {
        const Cantwin__V1__SignedCommand *message = (const Cantwin__V1__SignedCommand *)parsed;
        const size_t count = message->n_signatures;
        err = count <= CT_SIGNATURES_MAX ? take_signatures(message, out_signatures) : CT_ERR_TOO_LARGE;
        if (err == CT_OK) {
            *out_count = count;
        }
    }
    ct_wire_arena_free(&arena);
    if (err != CT_OK) {
        return err;
    }
    /* the parsed payload is a copy in the arena; the caller wants the received bytes */
    err = ct_pb_find_bytes(data, len, SIGNED_PAYLOAD, out_payload, out_payload_len);
    return err == CT_ERR_NOT_FOUND ? CT_ERR_SYNTAX : err;
}

int ct_signed_command_join(const uint8_t *payload, size_t len, const struct ct_signature *signatures, size_t count,
                           struct ct_buf *out)
{
    if (count > CT_SIGNATURES_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    Cantwin__V1__Signature messages[CT_SIGNATURES_MAX];
    Cantwin__V1__Signature *pointers[CT_SIGNATURES_MAX];
    for (size_t i = 0; i < count; i++) {
        cantwin__v1__signature__init(&messages[i]);
        messages[i].key_id = ct_wire_bytes(signatures[i].key_id, CT_KEY_ID_SIZE);
        messages[i].signature = ct_wire_bytes(signatures[i].signature, CT_SIGNATURE_SIZE);
        pointers[i] = &messages[i];
    }
    Cantwin__V1__SignedCommand message;
    cantwin__v1__signed_command__init(&message);
    message.payload = ct_wire_bytes(payload, len);
    message.n_signatures = count;
    message.signatures = pointers;
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

/* ---------------------------------------------------------------- encode */

static int put_value(const struct ct_wire_value *from, Cantwin__V1__Value *to)
{
    to->kind_case = (Cantwin__V1__Value__KindCase)from->kind;
    switch (from->kind) {
    case CT_WIRE_INTEGER:
        to->integer = from->integer;
        return CT_OK;
    case CT_WIRE_NUMBER:
        to->number = from->number;
        return CT_OK;
    case CT_WIRE_BOOLEAN:
        to->boolean = from->boolean;
        return CT_OK;
    case CT_WIRE_TEXT:
        to->text = ct_wire_text(from->text);
        return CT_OK;
    case CT_WIRE_RAW:
        to->raw = ct_wire_bytes(from->raw, from->raw_len);
        return from->raw_len <= CT_BYTES_MAX ? CT_OK : CT_ERR_TOO_LARGE;
    default:
        return CT_ERR_ARGUMENT;
    }
}

static int put_set_desired(const struct ct_command *command, Cantwin__V1__Command message, struct ct_buf *out)
{
    Cantwin__V1__Value value;
    cantwin__v1__value__init(&value);
    Cantwin__V1__SetDesired action;
    cantwin__v1__set_desired__init(&action);
    const int err = put_value(&command->value, &value);
    if (err != CT_OK) {
        return err;
    }
    action.path = ct_wire_text(command->path);
    action.value = &value;
    action.revision = command->revision;
    message.action_case = CANTWIN__V1__COMMAND__ACTION_SET_DESIRED;
    message.set_desired = &action;
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

static int put_diagnostic(const struct ct_command *command, Cantwin__V1__Command message, struct ct_buf *out)
{
    if (command->request_len > CT_COMMAND_UDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    Cantwin__V1__DiagnosticRequest action;
    cantwin__v1__diagnostic_request__init(&action);
    action.ecu = ct_wire_text(command->ecu);
    action.request = ct_wire_bytes(command->request, command->request_len);
    message.action_case = CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_REQUEST;
    message.diagnostic_request = &action;
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

static int put_job(const struct ct_command *command, Cantwin__V1__Command message, struct ct_buf *out)
{
    if (command->request_len > CT_COMMAND_UDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    Cantwin__V1__DiagnosticJob action;
    cantwin__v1__diagnostic_job__init(&action);
    action.ecu = ct_wire_text(command->ecu);
    action.kind = (Cantwin__V1__DiagnosticKind)command->job_kind;
    action.identifier = command->job_identifier;
    action.data = ct_wire_bytes(command->request, command->request_len);
    action.deadline_ms = command->job_deadline_ms;
    message.action_case = CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_JOB;
    message.diagnostic_job = &action;
    ct_wire_pack(&message.base, out);
    return ct_buf_error(out);
}

int ct_command_encode(const struct ct_command *command, struct ct_buf *out)
{
    Cantwin__V1__Command message;
    cantwin__v1__command__init(&message);
    message.vehicle_id = ct_wire_text(command->vehicle_id);
    message.command_id = ct_wire_bytes(command->command_id, CT_COMMAND_ID_SIZE);
    message.seq = command->seq;
    message.issued_utc_ms = command->issued_utc_ms;
    message.expires_utc_ms = command->expires_utc_ms;
    message.ttl_ms = command->ttl_ms;
    switch (command->action) {
    case CT_ACTION_SET_DESIRED:
        return put_set_desired(command, message, out);
    case CT_ACTION_DIAGNOSTIC_REQUEST:
        return put_diagnostic(command, message, out);
    case CT_ACTION_DIAGNOSTIC_JOB:
        return put_job(command, message, out);
    default:
        return CT_ERR_ARGUMENT;
    }
}

/* ---------------------------------------------------------------- decode */

static int take_text(const char *from, char *to, size_t max)
{
    const size_t len = strlen(from);
    if (len == 0) {
        return CT_ERR_SYNTAX;
    }
    if (len > max) {
        return CT_ERR_TOO_LARGE;
    }
    memcpy(to, from, len + 1);
    return CT_OK;
}

static int take_value(const Cantwin__V1__Value *from, struct ct_wire_value *to)
{
    if (from == NULL) {
        return CT_ERR_SYNTAX;
    }
    to->kind = (enum ct_wire_value_kind)from->kind_case;
    switch (from->kind_case) {
    case CANTWIN__V1__VALUE__KIND_INTEGER:
        to->integer = from->integer;
        return CT_OK;
    case CANTWIN__V1__VALUE__KIND_NUMBER:
        to->number = from->number;
        return CT_OK;
    case CANTWIN__V1__VALUE__KIND_BOOLEAN:
        to->boolean = from->boolean != 0;
        return CT_OK;
    case CANTWIN__V1__VALUE__KIND_TEXT: /* the scan has limited it to what fits */
        memcpy(to->text, from->text, strlen(from->text) + 1);
        return CT_OK;
    case CANTWIN__V1__VALUE__KIND_RAW:
        if (from->raw.len > CT_BYTES_MAX) {
            return CT_ERR_TOO_LARGE;
        }
        to->raw_len = (uint16_t)from->raw.len;
        if (from->raw.len > 0) {
            memcpy(to->raw, from->raw.data, from->raw.len);
        }
        return CT_OK;
    case CANTWIN__V1__VALUE__KIND__NOT_SET:
    case _CANTWIN__V1__VALUE__KIND__CASE_IS_INT_SIZE:
    default:
        return CT_ERR_SYNTAX;
    }
}

_Static_assert(sizeof(((struct ct_wire_value *)0)->text) > CT_WIRE_STRING_MAX, "a scanned string fits");

static int take_set_desired(const Cantwin__V1__SetDesired *action, struct ct_command *command)
{
    command->revision = action->revision;
    const int err = take_text(action->path, command->path, CT_PATH_MAX);
    return err != CT_OK ? err : take_value(action->value, &command->value);
}

static int take_diagnostic(const Cantwin__V1__DiagnosticRequest *action, struct ct_command *command)
{
    if (action->request.len == 0) {
        return CT_ERR_SYNTAX;
    }
    if (action->request.len > CT_COMMAND_UDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    command->request_len = (uint16_t)action->request.len;
    memcpy(command->request, action->request.data, action->request.len);
    return take_text(action->ecu, command->ecu, CT_VEHICLE_ID_MAX);
}

static int take_job(const Cantwin__V1__DiagnosticJob *action, struct ct_command *command)
{
    if (action->data.len > CT_COMMAND_UDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    command->job_kind = (int)action->kind;
    command->job_identifier = action->identifier;
    command->job_deadline_ms = action->deadline_ms;
    command->request_len = (uint16_t)action->data.len;
    if (action->data.len > 0) {
        memcpy(command->request, action->data.data, action->data.len);
    }
    return take_text(action->ecu, command->ecu, CT_VEHICLE_ID_MAX);
}

static int take_action(const Cantwin__V1__Command *message, struct ct_command *command)
{
    switch (message->action_case) {
    case CANTWIN__V1__COMMAND__ACTION_SET_DESIRED:
        command->action = CT_ACTION_SET_DESIRED;
        return take_set_desired(message->set_desired, command);
    case CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_REQUEST:
        command->action = CT_ACTION_DIAGNOSTIC_REQUEST;
        return take_diagnostic(message->diagnostic_request, command);
    case CANTWIN__V1__COMMAND__ACTION_DIAGNOSTIC_JOB:
        command->action = CT_ACTION_DIAGNOSTIC_JOB;
        return take_job(message->diagnostic_job, command);
    case CANTWIN__V1__COMMAND__ACTION__NOT_SET:
    case _CANTWIN__V1__COMMAND__ACTION__CASE_IS_INT_SIZE:
    default:
        return CT_ERR_SYNTAX;
    }
}

static int take_command(const Cantwin__V1__Command *message, struct ct_command *command)
{
    if (message->command_id.len != CT_COMMAND_ID_SIZE) {
        return CT_ERR_SYNTAX;
    }
    memcpy(command->command_id, message->command_id.data, CT_COMMAND_ID_SIZE);
    command->seq = message->seq;
    command->issued_utc_ms = message->issued_utc_ms;
    command->expires_utc_ms = message->expires_utc_ms;
    command->ttl_ms = message->ttl_ms;
    const int err = take_text(message->vehicle_id, command->vehicle_id, CT_VEHICLE_ID_MAX);
    return err != CT_OK ? err : take_action(message, command);
}

int ct_command_decode(const uint8_t *payload, size_t len, struct ct_command *out_command)
{
    if (len > CT_SIGNED_COMMAND_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_wire_arena arena;
    ct_wire_arena_init(&arena);
    ProtobufCMessage *message = NULL;
    int err = ct_wire_parse(&cantwin__v1__command__descriptor, CT_WIRE_STRICT, payload, len, &arena, &message);
    if (err == CT_OK) {
        struct ct_command command = {0};
        err = take_command((const Cantwin__V1__Command *)message, &command);
        if (err == CT_OK) {
            *out_command = command;
        }
    }
    ct_wire_arena_free(&arena);
    return err;
}
