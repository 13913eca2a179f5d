/* Commands on the wire: SignedCommand and Command, both directions. Decoding scans the bytes first and refuses unknown
 * and duplicate fields. Thread-safe: no state. */
#ifndef CT_PROTO_COMMAND_WIRE_H
#define CT_PROTO_COMMAND_WIRE_H

#include "buf.h"
#include "command.h"
#include "envelope.h"
#include "link_types.h"

#define CT_SIGNED_COMMAND_MAX 16384 /* bytes of a SignedCommand */

/* Splits a SignedCommand without looking into its payload. The payload points into data. */
int ct_signed_command_split(const uint8_t *data, size_t len, const uint8_t **out_payload, size_t *out_payload_len,
                            struct ct_signature out_signatures[CT_SIGNATURES_MAX], size_t *out_count) CT_MUST_CHECK;
int ct_signed_command_join(const uint8_t *payload, size_t len, const struct ct_signature *signatures, size_t count,
                           struct ct_buf *out) CT_MUST_CHECK;

int ct_command_encode(const struct ct_command *command, struct ct_buf *out) CT_MUST_CHECK;
/* Fills *out_command; nothing to free. */
int ct_command_decode(const uint8_t *payload, size_t len, struct ct_command *out_command) CT_MUST_CHECK;

#endif
