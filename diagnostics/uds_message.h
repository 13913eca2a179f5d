/* UDS messages as typed values: every service of ISO 14229-1:2020 (clauses 9 to 15) between its bytes and one struct,
 * requests and responses, in both directions. Which fields a message has stands in one table (uds_layout.c); the walk
 * over it is the same for writing and reading, so that they cannot disagree.
 *
 * Lengths that the wire does not tell (data records of several DIDs, snapshots, extended data) stay `data`; see
 * uds_records.h. Thread-safe: pure functions. */
#ifndef CT_DIAGNOSTICS_UDS_MESSAGE_H
#define CT_DIAGNOSTICS_UDS_MESSAGE_H

#include "errors.h"
#include "uds.h"

#include <stddef.h>

#define CT_UDS_IDS_MAX       64 /* identifiers in one request */
#define CT_UDS_SOURCES_MAX   32 /* parts of one dynamically defined identifier */
#define CT_UDS_ALGORITHM_LEN 16

struct ct_uds_bytes { /* borrowed */
    const uint8_t *data;
    size_t len;
};

struct ct_uds_source { /* 2C 01: a part of another identifier; 2C 02: of memory */
    uint16_t id;
    uint8_t position, size;
    uint64_t address, memory_size;
};

struct ct_uds_message {
    uint8_t service;     /* of the request, also in a response */
    uint8_t subfunction; /* of services that have one, without the suppress bit */
    bool suppress;       /* requests: no positive response wanted */
    uint8_t nrc;         /* responses: not 0 for a negative one, which has no other field */

    uint16_t ids[CT_UDS_IDS_MAX]; /* DIDs, periodic ids; the routine's or the only one in ids[0] */
    uint8_t id_count;             /* of lists, and of an optional one */
    uint8_t option;               /* the byte the service has: IO control parameter, periodic rate, communication type,
                                     data format, block counter, event window, file mode, return value, link mode */
    bool has_option2;
    uint8_t option2; /* optional second one: memory selection of 14, power down time of 51, events of C6 */
    uint16_t node;   /* 28: node, 29 04: evaluation id, 84: administrative parameter */

    uint32_t dtc; /* 24 bits; also the group of 14 and the bit rate of 87 02 */
    uint8_t status_mask, severity_mask, record, memory, group, format;
    uint16_t count; /* number of DTCs */

    uint16_t p2_ms, p2_star_10ms; /* 50 */
    uint64_t address, size;       /* memory; size is also the block length of 74, 75 and 78 */
    uint8_t address_len, size_len;
    uint64_t file_size, file_size_packed; /* 38 */
    uint8_t algorithm[CT_UDS_ALGORITHM_LEN];
    struct ct_uds_source sources[CT_UDS_SOURCES_MAX];
    uint8_t source_count;
    struct ct_uds_bytes parts[3]; /* 29: certificate or proof, challenge, more; 38: the path first */
    struct ct_uds_bytes data;     /* the rest of the message */
};

/* CT_ERR_UNSUPPORTED for a service or sub-function without layout, CT_ERR_TOO_LARGE, CT_ERR_RANGE for a value that its
 * field cannot hold. */
int ct_uds_request_encode(const struct ct_uds_message *message, uint8_t *out, size_t size,
                          size_t *out_len) CT_MUST_CHECK;
int ct_uds_response_encode(const struct ct_uds_message *message, uint8_t *out, size_t size,
                           size_t *out_len) CT_MUST_CHECK;

/* `out_message` borrows from `bytes`. CT_ERR_TRUNCATED when it ends inside a field, CT_ERR_CORRUPT when bytes are left
 * over or a length in it cannot be, CT_ERR_UNSUPPORTED without layout, CT_ERR_TOO_LARGE for more ids than fit. */
int ct_uds_request_decode(const uint8_t *bytes, size_t len, struct ct_uds_message *out_message) CT_MUST_CHECK;
int ct_uds_response_decode(const uint8_t *bytes, size_t len, struct ct_uds_message *out_message) CT_MUST_CHECK;

#endif
