/* Repeated records inside UDS responses whose lengths are partly not on the wire: values of several DIDs (62), lists of
 * DTCs, snapshots and extended data of a DTC (59). The lengths come from a table the caller knows.
 * ISO 14229-1:2020 11.2, 12.3. Thread-safe: pure functions; results borrow from the response. */
#ifndef CT_DIAGNOSTICS_UDS_RECORDS_H
#define CT_DIAGNOSTICS_UDS_RECORDS_H

#include "uds_message.h"

/* 0: not known. Either may be NULL. */
struct ct_uds_lengths {
    const void *user;
    size_t (*did)(const void *user, uint16_t did);
    size_t (*extended)(const void *user, uint8_t record);
};

struct ct_uds_value {
    uint16_t did;
    struct ct_uds_bytes bytes;
};

/* The next value of a response to ReadDataByIdentifier; *at is 0 at first. Unknown DIDs of the request are missing in
 * the response, which is no error. A DID of unknown length takes all that is left when no other asked for can follow.
 * CT_ERR_END after the last (zeros that pad the message are no value), CT_ERR_CORRUPT for a DID nobody asked for,
 * CT_ERR_TRUNCATED, CT_ERR_NOT_FOUND when a length is not known. */
int ct_uds_value_next(const struct ct_uds_message *request, const struct ct_uds_message *response,
                      const struct ct_uds_lengths *lengths, size_t *at, struct ct_uds_value *out_value) CT_MUST_CHECK;

struct ct_uds_dtc {
    uint32_t dtc; /* 24 bits */
    uint8_t status;
    uint8_t severity, unit; /* 08, 09, 42 */
    uint8_t record;         /* 03: snapshot record; 14: fault detection counter */
};

/* The next DTC of a list. CT_ERR_END after the last: zeros that pad the message are no DTC. CT_ERR_UNSUPPORTED when
 * this report has no list, CT_ERR_TRUNCATED. */
int ct_uds_dtc_next(const struct ct_uds_message *response, size_t *at, struct ct_uds_dtc *out_dtc) CT_MUST_CHECK;

/* Walks the records of one DTC, snapshots (04, 18) and extended data (06, 19), or stored data records of many (05). */
struct ct_uds_record_walk {
    struct ct_uds_bytes data;
    size_t at;
    bool extended, stored;
    uint32_t dtc; /* of the record */
    uint8_t status;
    uint8_t record, left; /* identifiers still to come in this record */
    bool open;            /* the number of identifiers is not told: until the end */
};

struct ct_uds_record {
    uint32_t dtc; /* 24 bits, and its status */
    uint8_t status;
    uint8_t record;
    uint16_t did; /* snapshots */
    struct ct_uds_bytes bytes;
    bool rest; /* the length is not known: bytes are all that is left, perhaps of more than one value */
};

/* out_dtc gets number and status; with 05 each record has its own, and out_dtc is zero. CT_ERR_UNSUPPORTED for other
 * reports, CT_ERR_TRUNCATED. */
int ct_uds_record_begin(const struct ct_uds_message *response, struct ct_uds_record_walk *out_walk,
                        struct ct_uds_dtc *out_dtc) CT_MUST_CHECK;
/* CT_ERR_END, CT_ERR_TRUNCATED. */
int ct_uds_record_next(struct ct_uds_record_walk *walk, const struct ct_uds_lengths *lengths,
                       struct ct_uds_record *out_record) CT_MUST_CHECK;

#endif
