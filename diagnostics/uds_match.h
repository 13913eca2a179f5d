/* Which response belongs to which request: service, and whatever of identifier, sub-function, block counter, DTC or PID
 * the response repeats. Anything else on the pair is somebody else's, or late. UDS (ISO 14229-1) and OBD-II (J1979).
 * Thread-safe: pure functions. */
#ifndef CT_DIAGNOSTICS_UDS_MATCH_H
#define CT_DIAGNOSTICS_UDS_MATCH_H

#include "uds.h"

#include <stddef.h>

enum ct_uds_match { CT_UDS_STRAY, CT_UDS_MATCH_POSITIVE, CT_UDS_MATCH_NEGATIVE };

/* A request has at least one byte. */
enum ct_uds_match ct_uds_match(const uint8_t *request, size_t request_len, const uint8_t *response, size_t len);

/* True when the request asks for no positive response. */
bool ct_uds_positive_suppressed(const uint8_t *request, size_t len);

#endif
