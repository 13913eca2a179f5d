/* Signed parameter updates on the wire: SignedPayload, UpdateEnvelope, Root, Release and Directive, both directions.
 * Decoding scans the bytes first and refuses unknown and duplicate fields, numbers wider than their field and what does
 * not fit the limits of manifest.h. Thread-safe: no state. */
#ifndef CT_PROTO_UPDATE_WIRE_H
#define CT_PROTO_UPDATE_WIRE_H

#include "buf.h"
#include "verify.h"

/* Splits an UpdateEnvelope without looking into its payloads, which point into data. CT_ERR_TOO_LARGE, CT_ERR_SYNTAX.
 */
int ct_update_envelope_split(const uint8_t *data, size_t len, struct ct_update_parts *out_parts) CT_MUST_CHECK;
int ct_update_envelope_join(const struct ct_update_parts *parts, struct ct_buf *out) CT_MUST_CHECK;
int ct_signed_payload_split(const uint8_t *data, size_t len, struct ct_update_part *out_part) CT_MUST_CHECK;
int ct_signed_payload_join(const struct ct_update_part *part, struct ct_buf *out) CT_MUST_CHECK;

/* Fill every field; nothing to free. The set's hash is computed. */
int ct_release_decode(const uint8_t *data, size_t len, struct ct_release *out_release) CT_MUST_CHECK;
int ct_directive_decode(const uint8_t *data, size_t len, struct ct_directive *out_directive) CT_MUST_CHECK;
int ct_root_decode(const uint8_t *data, size_t len, struct ct_root *out_root) CT_MUST_CHECK;

/* The same value gives the same bytes. */
int ct_release_encode(const struct ct_release *release, struct ct_buf *out) CT_MUST_CHECK;
int ct_directive_encode(const struct ct_directive *directive, struct ct_buf *out) CT_MUST_CHECK;
int ct_root_encode(const struct ct_root *root, struct ct_buf *out) CT_MUST_CHECK;

#endif
