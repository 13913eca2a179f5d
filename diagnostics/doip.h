/* What DoIP (ISO 13400-2:2019) looks like on the wire: generic header, payload types, code values and lengths.
 * No state, no I/O; thread-safe. The machine behind it is doip_entity.h. */
#ifndef CT_DIAGNOSTICS_DOIP_H
#define CT_DIAGNOSTICS_DOIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_DOIP_PORT        13400
#define CT_DOIP_TLS_PORT    3496
#define CT_DOIP_HEADER_SIZE 8

#define CT_DOIP_VERSION_2012 0x02U
#define CT_DOIP_VERSION_2019 0x03U
#define CT_DOIP_VERSION_2025 0x04U /* 2019 with amendment 1: its messages are the same */
#define CT_DOIP_VERSION_ANY  0xFFU /* of vehicle identification requests only */

enum ct_doip_type {
    CT_DOIP_GENERIC_NACK = 0x0000,
    CT_DOIP_IDENTIFY = 0x0001,
    CT_DOIP_IDENTIFY_EID = 0x0002,
    CT_DOIP_IDENTIFY_VIN = 0x0003,
    CT_DOIP_ANNOUNCEMENT = 0x0004,
    CT_DOIP_ACTIVATION_REQUEST = 0x0005,
    CT_DOIP_ACTIVATION_RESPONSE = 0x0006,
    CT_DOIP_ALIVE_REQUEST = 0x0007,
    CT_DOIP_ALIVE_RESPONSE = 0x0008,
    CT_DOIP_STATUS_REQUEST = 0x4001,
    CT_DOIP_STATUS_RESPONSE = 0x4002,
    CT_DOIP_POWER_REQUEST = 0x4003,
    CT_DOIP_POWER_RESPONSE = 0x4004,
    CT_DOIP_DIAGNOSTIC = 0x8001,
    CT_DOIP_DIAGNOSTIC_ACK = 0x8002,
    CT_DOIP_DIAGNOSTIC_NACK = 0x8003,
};

enum ct_doip_header_nack {                              /* table 19 */
                           CT_DOIP_BAD_PATTERN = 0x00,  /* the socket is closed */
                           CT_DOIP_UNKNOWN_TYPE = 0x01, /* the message is skipped */
                           CT_DOIP_TOO_LARGE = 0x02,    /* skipped */
                           CT_DOIP_NO_MEMORY = 0x03,    /* skipped */
                           CT_DOIP_BAD_LENGTH = 0x04,   /* closed */
                           CT_DOIP_HEADER_OK = 0x100,   /* ours: no nack */
                           CT_DOIP_HEADER_QUIET = 0x101 /* ours: skip it without a word */
};

enum ct_doip_activation { /* table 49: all but 04, 10 and 11 close the socket */
                          CT_DOIP_UNKNOWN_SOURCE = 0x00,
                          CT_DOIP_NO_SOCKET = 0x01,
                          CT_DOIP_SOURCE_DIFFERS = 0x02,
                          CT_DOIP_SOURCE_ACTIVE = 0x03,
                          CT_DOIP_NOT_AUTHENTICATED = 0x04,
                          CT_DOIP_REJECTED = 0x05,
                          CT_DOIP_TYPE_UNSUPPORTED = 0x06,
                          CT_DOIP_TLS_REQUIRED = 0x07,
                          CT_DOIP_ACTIVATED = 0x10,
                          CT_DOIP_CONFIRMATION_REQUIRED = 0x11
};

enum ct_doip_diagnostic_code { /* tables 24 and 26 */
                               CT_DOIP_ACK = 0x00,
                               CT_DOIP_INVALID_SOURCE = 0x02, /* the socket is closed */
                               CT_DOIP_UNKNOWN_TARGET = 0x03,
                               CT_DOIP_MESSAGE_TOO_LARGE = 0x04,
                               CT_DOIP_OUT_OF_MEMORY = 0x05,
                               CT_DOIP_UNREACHABLE = 0x06,
                               CT_DOIP_UNKNOWN_NETWORK = 0x07,
                               CT_DOIP_TRANSPORT_ERROR = 0x08
};

#define CT_DOIP_TYPE_DEFAULT  0x00U
#define CT_DOIP_TYPE_WWH_OBD  0x01U
#define CT_DOIP_TYPE_SECURITY 0xE0U /* central security */

struct ct_doip_header {
    uint8_t version;
    uint16_t type;
    uint32_t length; /* of the payload */
};

enum ct_doip_transport { CT_DOIP_UDP, CT_DOIP_TCP };

/* False when the inverse version does not fit the version. */
bool ct_doip_header_read(const uint8_t bytes[CT_DOIP_HEADER_SIZE], struct ct_doip_header *out_header);
void ct_doip_header_write(uint8_t out[CT_DOIP_HEADER_SIZE], uint8_t version, uint16_t type, uint32_t length);

/* The header handler of an entity (figure 9, in its order: pattern, type, size, memory, length). `payload_max`: what
 * can be taken at all; `room`: now. enum ct_doip_header_nack. */
int ct_doip_header_check(const struct ct_doip_header *header, bool pattern_good, enum ct_doip_transport transport,
                         uint32_t payload_max, uint32_t room);

#endif
