/* What UDS client and server share: service ids, negative response codes with their texts, and which services carry a
 * sub-function. Source: ISO 14229-1:2020 tables 2, 23 and A.1. Thread-safe: constant data only. */
#ifndef CT_DIAGNOSTICS_UDS_H
#define CT_DIAGNOSTICS_UDS_H

#include <stdbool.h>
#include <stdint.h>

enum ct_uds_service {
    CT_UDS_SESSION_CONTROL = 0x10,
    CT_UDS_ECU_RESET = 0x11,
    CT_UDS_READ_DATA = 0x22,
    CT_UDS_WRITE_DATA = 0x2E,
    CT_UDS_IO_CONTROL = 0x2F,
    CT_UDS_ROUTINE_CONTROL = 0x31,
    CT_UDS_TRANSFER_DATA = 0x36,
    CT_UDS_TESTER_PRESENT = 0x3E,
    CT_UDS_NEGATIVE_RESPONSE = 0x7F,
};

#define CT_UDS_POSITIVE_OFFSET 0x40U
#define CT_UDS_SUPPRESS        0x80U /* suppressPosRspMsgIndicationBit of a sub-function */

#define CT_UDS_NRC_MAP(X)                                                        \
    X(GENERAL_REJECT, 0x10, "general reject")                                    \
    X(SERVICE_NOT_SUPPORTED, 0x11, "service not supported")                      \
    X(SUBFUNCTION, 0x12, "sub-function not supported")                           \
    X(LENGTH, 0x13, "incorrect message length or invalid format")                \
    X(RESPONSE_TOO_LONG, 0x14, "response too long")                              \
    X(BUSY, 0x21, "busy, repeat request")                                        \
    X(CONDITIONS, 0x22, "conditions not correct")                                \
    X(SEQUENCE, 0x24, "request sequence error")                                  \
    X(SUBNET, 0x25, "no response from sub-net component")                        \
    X(FAILURE, 0x26, "failure prevents execution")                               \
    X(OUT_OF_RANGE, 0x31, "request out of range")                                \
    X(SECURITY, 0x33, "security access denied")                                  \
    X(AUTHENTICATION, 0x34, "authentication required")                           \
    X(INVALID_KEY, 0x35, "invalid key")                                          \
    X(ATTEMPTS, 0x36, "exceeded number of attempts")                             \
    X(DELAY, 0x37, "required time delay not expired")                            \
    X(UPLOAD_DOWNLOAD, 0x70, "upload or download not accepted")                  \
    X(TRANSFER_SUSPENDED, 0x71, "transfer data suspended")                       \
    X(PROGRAMMING, 0x72, "general programming failure")                          \
    X(BLOCK_COUNTER, 0x73, "wrong block sequence counter")                       \
    X(PENDING, 0x78, "response pending")                                         \
    X(SUBFUNCTION_SESSION, 0x7E, "sub-function not supported in active session") \
    X(SERVICE_SESSION, 0x7F, "service not supported in active session")          \
    X(VOLTAGE_HIGH, 0x92, "voltage too high")                                    \
    X(VOLTAGE_LOW, 0x93, "voltage too low")                                      \
    X(TEMPORARILY_UNAVAILABLE, 0x94, "resource temporarily not available")
#define CT_UDS_NRC_ENUM(name, value, text) CT_NRC_##name = (value),
enum ct_uds_nrc { CT_UDS_NRC_MAP(CT_UDS_NRC_ENUM) };
#undef CT_UDS_NRC_ENUM

/* Never NULL. */
const char *ct_uds_nrc_text(uint8_t nrc);

/* True when the byte after the service id is a sub-function (and may carry CT_UDS_SUPPRESS). */
bool ct_uds_has_subfunction(uint8_t service);

#endif
