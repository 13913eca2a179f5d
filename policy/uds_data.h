/* What a UDS request is about: the identifiers (DID, routine, sub-function) that a rule's range is compared with.
 * Private to policy. Source: ISO 14229-1:2020 clauses 9 to 14. Thread-safe: pure functions. */
#ifndef CT_POLICY_UDS_DATA_H
#define CT_POLICY_UDS_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True when the request names its data and all of it is inside first..last. Services without identifier (or unknown
 * here) are inside 0..0xFFFF only. */
bool ct_uds_data_inside(const uint8_t *request, size_t len, uint32_t first, uint32_t last);

/* False for a request that is too short to say what it is about. */
bool ct_uds_data_complete(const uint8_t *request, size_t len);

#endif
