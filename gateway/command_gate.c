#include "command_gate.h"

#include "command_wire.h"

#include <string.h>

_Static_assert(CT_COMMAND_ID_SIZE == 16, "command ids");

static int reason_of(enum ct_envelope_verdict verdict)
{
    static const int reasons[] = {
        [CT_ENVELOPE_OK] = CT_REASON_NONE,
        [CT_ENVELOPE_UNSIGNED] = CT_REASON_UNSIGNED,
        [CT_ENVELOPE_UNKNOWN_KEY] = CT_REASON_UNKNOWN_KEY,
        [CT_ENVELOPE_BAD_SIGNATURE] = CT_REASON_BAD_SIGNATURE,
        [CT_ENVELOPE_DUPLICATE_KEY] = CT_REASON_BAD_SIGNATURE,
        [CT_ENVELOPE_TOO_MANY] = CT_REASON_BAD_FORM,
    };
    return reasons[verdict];
}

/* The signatures, over the payload as received. */
static int check_envelope(const struct ct_gate *gate, const uint8_t *data, size_t len, const uint8_t **out_payload,
                          size_t *out_payload_len, unsigned *out_roles)
{
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    size_t count = 0;
    if (len > CT_GATE_SIZE_MAX ||
        ct_signed_command_split(data, len, out_payload, out_payload_len, signatures, &count) != CT_OK) {
        return CT_REASON_BAD_FORM;
    }
    const int reason = reason_of(ct_envelope_verify(CT_DOMAIN_COMMAND, *out_payload, *out_payload_len, signatures,
                                                    count, gate->keys, gate->key_count, out_roles));
    if (reason != CT_REASON_NONE) {
        return reason;
    }
    return (*out_roles & CT_ROLE_BIT(CT_ROLE_DIRECTOR)) != 0 ? CT_REASON_NONE : CT_REASON_WRONG_ROLE;
}

static int check_form(const struct ct_command *command)
{
    int64_t lifetime;
    if (command->seq == 0 || command->issued_utc_ms <= 0 ||
        __builtin_sub_overflow(command->expires_utc_ms, command->issued_utc_ms, &lifetime) || lifetime <= 0 ||
        lifetime > CT_GATE_LIFETIME_MS) {
        return CT_REASON_BAD_FORM;
    }
    const bool empty = command->action == CT_ACTION_SET_DESIRED ? command->path[0] == '\0' || command->revision == 0
                       : command->action == CT_ACTION_DIAGNOSTIC_JOB
                           ? command->ecu[0] == '\0'
                           : command->ecu[0] == '\0' || command->request_len == 0;
    return empty ? CT_REASON_BAD_FORM : CT_REASON_NONE;
}

/* The clock is believed inside [floor - slack, floor + horizon], and only when the issuer's agrees with it; a command
 * is judged by the later of clock and floor, so that a clock set back makes nothing young again. */
static int check_time(const struct ct_gate *gate, const struct ct_command *command, bool time_known, int64_t utc_ms,
                      int64_t *out_left_ms)
{
    if (!time_known || utc_ms < gate->floor_utc_ms - CT_GATE_SLACK_MS ||
        utc_ms - gate->floor_utc_ms > CT_GATE_HORIZON_MS) {
        return CT_REASON_TIME_UNTRUSTED;
    }
    const int64_t now = utc_ms > gate->floor_utc_ms ? utc_ms : gate->floor_utc_ms;
    if (command->issued_utc_ms > now && command->issued_utc_ms - now > CT_GATE_SLACK_MS) {
        return CT_REASON_TIME_UNTRUSTED;
    }
    *out_left_ms = command->expires_utc_ms - now;
    return *out_left_ms > 0 ? CT_REASON_NONE : CT_REASON_TOO_OLD;
}

static int check_command(const struct ct_gate *gate, const struct ct_gate_result *result, bool time_known,
                         int64_t utc_ms, int64_t *out_left_ms)
{
    const struct ct_command *command = &result->command;
    int reason = check_form(command);
    if (reason == CT_REASON_NONE && strcmp(command->vehicle_id, gate->vehicle_id) != 0) {
        reason = CT_REASON_WRONG_VEHICLE;
    }
    if (reason == CT_REASON_NONE) {
        reason = check_time(gate, command, time_known, utc_ms, out_left_ms);
    }
    if (reason == CT_REASON_NONE &&
        gate->seen(gate->user, command->command_id, command->seq, ct_gate_released(result))) {
        reason = CT_REASON_REPLAYED;
    }
    return reason;
}

bool ct_gate_released(const struct ct_gate_result *result)
{
    return (result->roles & CT_ROLE_BIT(CT_ROLE_RELEASE)) != 0;
}

void ct_gate_check(const struct ct_gate *gate, const uint8_t *data, size_t len, bool time_known, int64_t utc_ms,
                   struct ct_gate_result *out_result)
{
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    int64_t left_ms = 0;
    *out_result = (struct ct_gate_result){0};
    out_result->reason = check_envelope(gate, data, len, &payload, &payload_len, &out_result->roles);
    if (out_result->reason != CT_REASON_NONE) {
        return;
    }
    if (ct_command_decode(payload, payload_len, &out_result->command) != CT_OK) {
        out_result->command = (struct ct_command){0};
        out_result->reason = CT_REASON_BAD_FORM;
        return;
    }
    out_result->readable = true;
    out_result->reason = check_command(gate, out_result, time_known, utc_ms, &left_ms);
    if (out_result->reason != CT_REASON_NONE) {
        return;
    }
    const int64_t ttl_ms = out_result->command.ttl_ms;
    out_result->accepted = true;
    out_result->valid_ms = ttl_ms != 0 && ttl_ms < left_ms ? ttl_ms : left_ms;
}

void ct_gate_floor_raise(struct ct_gate *gate, int64_t utc_ms)
{
    if (utc_ms > gate->floor_utc_ms) {
        gate->floor_utc_ms = utc_ms;
    }
}
