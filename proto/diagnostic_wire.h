/* The result of a diagnostic job on the wire: DiagnosticResult, which travels as the response of a CommandStatus.
 * Thread-safe: no state. */
#ifndef CT_PROTO_DIAGNOSTIC_WIRE_H
#define CT_PROTO_DIAGNOSTIC_WIRE_H

#include "buf.h"
#include "command.h"

#define CT_RESULT_ECUS_MAX 64
#define CT_RESULT_DTCS_MAX 128 /* of all ECUs together */

struct ct_result_dtc {
    uint32_t code; /* 24 bits */
    uint8_t status;
    const uint8_t *snapshots; /* the records of 59 04 as they are; NULL: none */
    size_t snapshots_len;
};

struct ct_result_ecu {
    const char *ecu;
    int reason;  /* enum ct_command_reason; NONE: it did what was asked */
    uint8_t nrc; /* with NEGATIVE_RESPONSE */
    const uint8_t *response;
    size_t response_len;
    const struct ct_result_dtc *dtcs;
    size_t dtc_count;
};

int ct_diagnostic_result_encode(const struct ct_result_ecu *ecus, size_t count, bool truncated,
                                struct ct_buf *out) CT_MUST_CHECK;
/* Calls back per ECU; what it is given lives during the call. */
int ct_diagnostic_result_decode(const uint8_t *data, size_t len,
                                void (*fn)(void *user, const struct ct_result_ecu *ecu), void *user,
                                bool *out_truncated) CT_MUST_CHECK;

#endif
