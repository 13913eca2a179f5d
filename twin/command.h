/* Commands and their life cycle, shared by gateway and fleet (design section 10).
 * received -> accepted | refused(reason) -> running -> done | failed | expired | cancelled | outcome unknown.
 * Thread-safe: values only. */
#ifndef CT_TWIN_COMMAND_H
#define CT_TWIN_COMMAND_H

#include "value.h"

#define CT_VEHICLE_ID_MAX  64
#define CT_PATH_MAX        256
#define CT_UDS_REQUEST_MAX 4095
#define CT_COMMAND_WINDOW  256 /* commands that a vehicle remembers one by one */
#define CT_COMMAND_UDS_MAX 512 /* longest UDS request inside a command */

/* Same numbers as CommandState in cantwin.proto (asserted in proto/). name, value, text */
#define CT_COMMAND_STATE_MAP(X)  \
    X(ACCEPTED, 1, "accepted")   \
    X(REFUSED, 2, "refused")     \
    X(RUNNING, 3, "running")     \
    X(DONE, 4, "done")           \
    X(FAILED, 5, "failed")       \
    X(EXPIRED, 6, "expired")     \
    X(CANCELLED, 7, "cancelled") \
    X(OUTCOME_UNKNOWN, 8, "outcome-unknown")

/* Same numbers as CommandReason. */
#define CT_COMMAND_REASON_MAP(X)                        \
    X(NONE, 0, "none")                                  \
    X(UNSIGNED, 1, "unsigned")                          \
    X(BAD_SIGNATURE, 2, "bad-signature")                \
    X(UNKNOWN_KEY, 3, "unknown-key")                    \
    X(WRONG_ROLE, 4, "wrong-role")                      \
    X(BAD_FORM, 5, "bad-form")                          \
    X(WRONG_VEHICLE, 6, "wrong-vehicle")                \
    X(TOO_OLD, 7, "expired")                            \
    X(REPLAYED, 8, "replayed")                          \
    X(TIME_UNTRUSTED, 9, "time-untrusted")              \
    X(POLICY_NO_RULE, 10, "policy-no-rule")             \
    X(POLICY_VALUE, 11, "policy-value")                 \
    X(POLICY_RATE, 12, "policy-rate")                   \
    X(POLICY_VEHICLE_STATE, 13, "policy-vehicle-state") \
    X(POLICY_AUTHORITY, 14, "policy-authority")         \
    X(UNKNOWN_PATH, 15, "unknown-path")                 \
    X(UNKNOWN_ECU, 16, "unknown-ecu")                   \
    X(BUSY, 17, "busy")                                 \
    X(OUTBOX_RESERVED, 18, "outbox-reserved")           \
    X(NO_RESPONSE, 19, "no-response")                   \
    X(NEGATIVE_RESPONSE, 20, "negative-response")       \
    X(BUS_ERROR, 21, "bus-error")                       \
    X(NOT_OBSERVED, 22, "not-observed")                 \
    X(SUPERSEDED, 23, "superseded")                     \
    X(RESTARTED, 24, "restarted")                       \
    X(NOT_CONFIRMED, 25, "not-confirmed")

#define CT_ENUM_MEMBER_STATE(name, value, text) CT_COMMAND_##name = (value),
enum ct_command_state { CT_COMMAND_STATE_MAP(CT_ENUM_MEMBER_STATE) };
#undef CT_ENUM_MEMBER_STATE
#define CT_ENUM_MEMBER_REASON(name, value, text) CT_REASON_##name = (value),
enum ct_command_reason { CT_COMMAND_REASON_MAP(CT_ENUM_MEMBER_REASON) };
#undef CT_ENUM_MEMBER_REASON

enum ct_action { CT_ACTION_SET_DESIRED = 7, CT_ACTION_DIAGNOSTIC_REQUEST = 8, CT_ACTION_DIAGNOSTIC_JOB = 9 };

/* Same numbers as DiagnosticKind. name, value, text */
#define CT_DIAGNOSTIC_KIND_MAP(X)  \
    X(READ_DTCS, 1, "read-dtcs")   \
    X(CLEAR_DTCS, 2, "clear-dtcs") \
    X(READ_DID, 3, "read-did")     \
    X(WRITE_DID, 4, "write-did")   \
    X(ROUTINE, 5, "routine")       \
    X(RAW_REQUEST, 6, "raw")
#define CT_ENUM_MEMBER_KIND(name, value, text) CT_DIAGNOSTIC_##name = (value),
enum ct_diagnostic_kind { CT_DIAGNOSTIC_KIND_MAP(CT_ENUM_MEMBER_KIND) };
#undef CT_ENUM_MEMBER_KIND

enum ct_wire_value_kind { CT_WIRE_INTEGER = 1, CT_WIRE_NUMBER, CT_WIRE_BOOLEAN, CT_WIRE_TEXT, CT_WIRE_RAW };

/* A desired value as it travels. */
struct ct_wire_value {
    enum ct_wire_value_kind kind;
    int64_t integer;
    double number;
    bool boolean;
    char text[CT_BYTES_MAX + 1];
    uint8_t raw[CT_BYTES_MAX];
    uint16_t raw_len;
};

struct ct_command {
    char vehicle_id[CT_VEHICLE_ID_MAX + 1];
    uint8_t command_id[16];
    uint64_t seq;
    int64_t issued_utc_ms;
    int64_t expires_utc_ms;
    uint32_t ttl_ms;
    enum ct_action action;
    /* set desired */
    char path[CT_PATH_MAX + 1];
    struct ct_wire_value value;
    uint64_t revision;
    /* diagnostic request */
    char ecu[CT_VEHICLE_ID_MAX + 1];
    uint8_t request[CT_COMMAND_UDS_MAX];
    uint16_t request_len;
    /* diagnostic job: ecu may be "*"; request holds its data */
    int job_kind; /* enum ct_diagnostic_kind */
    uint32_t job_identifier;
    uint32_t job_deadline_ms;
};

const char *ct_command_state_text(int state);   /* never NULL */
const char *ct_command_reason_text(int reason); /* never NULL */
const char *ct_diagnostic_kind_text(int kind);  /* never NULL */
bool ct_command_state_final(int state);
/* True when the life cycle allows going from `from` (0: nothing yet) to `to`. */
bool ct_command_state_follows(int from, int to);

#endif
