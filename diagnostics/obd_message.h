/* OBD-II messages of ISO 15765-4 (SAE J1979): requests of all modes, and responses taken apart. Values: obd.h.
 * Thread-safe: pure functions; results borrow from the response. */
#ifndef CT_DIAGNOSTICS_OBD_MESSAGE_H
#define CT_DIAGNOSTICS_OBD_MESSAGE_H

#include "obd.h"

#define CT_OBD_REQUEST_MAX 7

struct ct_obd_data {
    uint8_t pid;
    uint8_t frame; /* mode 02 */
    const uint8_t *data;
    size_t len;
};

/* Up to CT_OBD_PIDS_MAX ids in mode 01, three in mode 02 (each with `frame`), one in others, none where there are none.
 * CT_ERR_RANGE. */
int ct_obd_request(uint8_t mode, const uint8_t *ids, size_t count, uint8_t frame,
                   uint8_t out_request[CT_OBD_REQUEST_MAX], size_t *out_len) CT_MUST_CHECK;

/* The next PID of a response to mode 01 or 02; *at is 0 at first. CT_ERR_END after the last (zeros that pad are none),
 * CT_ERR_NOT_FOUND for a PID whose length is not known here (then nothing behind it can be read), CT_ERR_TRUNCATED,
 * CT_ERR_CORRUPT for a response to another mode. */
int ct_obd_data_next(const uint8_t *response, size_t len, size_t *at, struct ct_obd_data *out_data) CT_MUST_CHECK;

/* The next trouble code of a response to mode 03, 07 or 0A, with or without the count that belongs there on CAN.
 * CT_ERR_END, CT_ERR_CORRUPT. */
int ct_obd_dtc_next(const uint8_t *response, size_t len, size_t *at, uint16_t *out_dtc) CT_MUST_CHECK;

/* The next item of a response to mode 09 (`type` of ct_obd_info_find; the bitmap of type 00 is one item of four).
 * CT_ERR_END, CT_ERR_NOT_FOUND for an unknown type, CT_ERR_TRUNCATED, CT_ERR_CORRUPT. */
int ct_obd_info_next(const uint8_t *response, size_t len, size_t *at, struct ct_obd_data *out_data) CT_MUST_CHECK;

#endif
