/* What UDS client and server share: service ids, sub-function values, negative response codes and DTC status bits with
 * their texts, and which services carry a sub-function. Source: ISO 14229-1:2020 tables 2, 23, A.1 and D.2.
 * Thread-safe: constant data only. */
#ifndef CT_DIAGNOSTICS_UDS_H
#define CT_DIAGNOSTICS_UDS_H

#include <stdbool.h>
#include <stdint.h>

/* name, id, byte 1 is a sub-function, text */
#define CT_UDS_SERVICE_MAP(X)                                                        \
    X(SESSION_CONTROL, 0x10, true, "DiagnosticSessionControl")                       \
    X(ECU_RESET, 0x11, true, "ECUReset")                                             \
    X(CLEAR_DTC, 0x14, false, "ClearDiagnosticInformation")                          \
    X(READ_DTC, 0x19, true, "ReadDTCInformation")                                    \
    X(READ_DATA, 0x22, false, "ReadDataByIdentifier")                                \
    X(READ_MEMORY, 0x23, false, "ReadMemoryByAddress")                               \
    X(READ_SCALING, 0x24, false, "ReadScalingDataByIdentifier")                      \
    X(SECURITY_ACCESS, 0x27, true, "SecurityAccess")                                 \
    X(COMMUNICATION_CONTROL, 0x28, true, "CommunicationControl")                     \
    X(AUTHENTICATION, 0x29, true, "Authentication")                                  \
    X(READ_PERIODIC, 0x2A, false, "ReadDataByPeriodicIdentifier")                    \
    X(DEFINE_DATA, 0x2C, true, "DynamicallyDefineDataIdentifier")                    \
    X(WRITE_DATA, 0x2E, false, "WriteDataByIdentifier")                              \
    X(IO_CONTROL, 0x2F, false, "InputOutputControlByIdentifier")                     \
    X(ROUTINE_CONTROL, 0x31, true, "RoutineControl")                                 \
    X(REQUEST_DOWNLOAD, 0x34, false, "RequestDownload")                              \
    X(REQUEST_UPLOAD, 0x35, false, "RequestUpload")                                  \
    X(TRANSFER_DATA, 0x36, false, "TransferData")                                    \
    X(TRANSFER_EXIT, 0x37, false, "RequestTransferExit")                             \
    X(REQUEST_FILE_TRANSFER, 0x38, false, "RequestFileTransfer")                     \
    X(WRITE_MEMORY, 0x3D, false, "WriteMemoryByAddress")                             \
    X(TESTER_PRESENT, 0x3E, true, "TesterPresent")                                   \
    X(TIMING_PARAMETER, 0x83, true, "AccessTimingParameter") /* withdrawn in 2020 */ \
    X(SECURED_DATA, 0x84, false, "SecuredDataTransmission")                          \
    X(DTC_SETTING, 0x85, true, "ControlDTCSetting")                                  \
    X(RESPONSE_ON_EVENT, 0x86, true, "ResponseOnEvent")                              \
    X(LINK_CONTROL, 0x87, true, "LinkControl")
#define CT_UDS_SERVICE_ENUM(name, id, subfunction, text) CT_UDS_##name = (id),
enum ct_uds_service { CT_UDS_SERVICE_MAP(CT_UDS_SERVICE_ENUM) CT_UDS_NEGATIVE_RESPONSE = 0x7F };
#undef CT_UDS_SERVICE_ENUM

#define CT_UDS_POSITIVE_OFFSET 0x40U
#define CT_UDS_SUPPRESS        0x80U /* suppressPosRspMsgIndicationBit of a sub-function */
#define CT_UDS_SUBFUNCTION     0x7FU /* the other bits */

#define CT_UDS_NRC_MAP(X)                                                             \
    X(GENERAL_REJECT, 0x10, "general reject")                                         \
    X(SERVICE_NOT_SUPPORTED, 0x11, "service not supported")                           \
    X(SUBFUNCTION, 0x12, "sub-function not supported")                                \
    X(LENGTH, 0x13, "incorrect message length or invalid format")                     \
    X(RESPONSE_TOO_LONG, 0x14, "response too long")                                   \
    X(BUSY, 0x21, "busy, repeat request")                                             \
    X(CONDITIONS, 0x22, "conditions not correct")                                     \
    X(SEQUENCE, 0x24, "request sequence error")                                       \
    X(SUBNET, 0x25, "no response from sub-net component")                             \
    X(FAILURE, 0x26, "failure prevents execution")                                    \
    X(OUT_OF_RANGE, 0x31, "request out of range")                                     \
    X(SECURITY, 0x33, "security access denied")                                       \
    X(AUTHENTICATION, 0x34, "authentication required")                                \
    X(INVALID_KEY, 0x35, "invalid key")                                               \
    X(ATTEMPTS, 0x36, "exceeded number of attempts")                                  \
    X(DELAY, 0x37, "required time delay not expired")                                 \
    X(SECURED_REQUIRED, 0x38, "secured data transmission required")                   \
    X(SECURED_NOT_ALLOWED, 0x39, "secured data transmission not allowed")             \
    X(SECURED_FAILED, 0x3A, "secured data verification failed")                       \
    X(CERTIFICATE_TIME, 0x50, "certificate verification failed: invalid time period") \
    X(CERTIFICATE_SIGNATURE, 0x51, "certificate verification failed: signature")      \
    X(CERTIFICATE_CHAIN, 0x52, "certificate verification failed: chain of trust")     \
    X(CERTIFICATE_TYPE, 0x53, "certificate verification failed: type")                \
    X(CERTIFICATE_FORMAT, 0x54, "certificate verification failed: format")            \
    X(CERTIFICATE_CONTENT, 0x55, "certificate verification failed: content")          \
    X(CERTIFICATE_SCOPE, 0x56, "certificate verification failed: scope")              \
    X(CERTIFICATE_INVALID, 0x57, "certificate verification failed: invalid")          \
    X(OWNERSHIP, 0x58, "ownership verification failed")                               \
    X(CHALLENGE, 0x59, "challenge calculation failed")                                \
    X(ACCESS_RIGHTS, 0x5A, "setting access rights failed")                            \
    X(SESSION_KEY, 0x5B, "session key creation failed")                               \
    X(CONFIGURATION_USAGE, 0x5C, "configuration data usage failed")                   \
    X(DEAUTHENTICATION, 0x5D, "de-authentication failed")                             \
    X(UPLOAD_DOWNLOAD, 0x70, "upload or download not accepted")                       \
    X(TRANSFER_SUSPENDED, 0x71, "transfer data suspended")                            \
    X(PROGRAMMING, 0x72, "general programming failure")                               \
    X(BLOCK_COUNTER, 0x73, "wrong block sequence counter")                            \
    X(PENDING, 0x78, "response pending")                                              \
    X(SUBFUNCTION_SESSION, 0x7E, "sub-function not supported in active session")      \
    X(SERVICE_SESSION, 0x7F, "service not supported in active session")               \
    X(RPM_HIGH, 0x81, "engine speed too high")                                        \
    X(RPM_LOW, 0x82, "engine speed too low")                                          \
    X(ENGINE_RUNNING, 0x83, "engine is running")                                      \
    X(ENGINE_STOPPED, 0x84, "engine is not running")                                  \
    X(ENGINE_TIME_LOW, 0x85, "engine run time too low")                               \
    X(TEMPERATURE_HIGH, 0x86, "temperature too high")                                 \
    X(TEMPERATURE_LOW, 0x87, "temperature too low")                                   \
    X(SPEED_HIGH, 0x88, "vehicle speed too high")                                     \
    X(SPEED_LOW, 0x89, "vehicle speed too low")                                       \
    X(PEDAL_HIGH, 0x8A, "throttle or pedal too high")                                 \
    X(PEDAL_LOW, 0x8B, "throttle or pedal too low")                                   \
    X(NOT_IN_NEUTRAL, 0x8C, "transmission range not in neutral")                      \
    X(NOT_IN_GEAR, 0x8D, "transmission range not in gear")                            \
    X(BRAKE_OPEN, 0x8F, "brake switch not closed")                                    \
    X(NOT_IN_PARK, 0x90, "shifter lever not in park")                                 \
    X(CLUTCH_LOCKED, 0x91, "torque converter clutch locked")                          \
    X(VOLTAGE_HIGH, 0x92, "voltage too high")                                         \
    X(VOLTAGE_LOW, 0x93, "voltage too low")                                           \
    X(TEMPORARILY_UNAVAILABLE, 0x94, "resource temporarily not available")
#define CT_UDS_NRC_ENUM(name, value, text) CT_NRC_##name = (value),
enum ct_uds_nrc { CT_UDS_NRC_MAP(CT_UDS_NRC_ENUM) };
#undef CT_UDS_NRC_ENUM

/* --- sub-function and mode values, by service --- */

enum ct_uds_session {
    CT_UDS_SESSION_DEFAULT = 1,
    CT_UDS_SESSION_PROGRAMMING = 2,
    CT_UDS_SESSION_EXTENDED = 3,
    CT_UDS_SESSION_SAFETY = 4,
};
enum ct_uds_reset { CT_UDS_RESET_HARD = 1, CT_UDS_RESET_KEY = 2, CT_UDS_RESET_SOFT = 3 };
enum ct_uds_dtc_report { /* 19 */
                         CT_UDS_DTC_COUNT_BY_STATUS = 0x01,
                         CT_UDS_DTC_BY_STATUS = 0x02,
                         CT_UDS_DTC_SNAPSHOT_IDS = 0x03,
                         CT_UDS_DTC_SNAPSHOT_BY_DTC = 0x04,
                         CT_UDS_DTC_STORED_BY_RECORD = 0x05,
                         CT_UDS_DTC_EXTENDED_BY_DTC = 0x06,
                         CT_UDS_DTC_COUNT_BY_SEVERITY = 0x07,
                         CT_UDS_DTC_BY_SEVERITY = 0x08,
                         CT_UDS_DTC_SEVERITY_OF_DTC = 0x09,
                         CT_UDS_DTC_SUPPORTED = 0x0A,
                         CT_UDS_DTC_FIRST_FAILED = 0x0B,
                         CT_UDS_DTC_FIRST_CONFIRMED = 0x0C,
                         CT_UDS_DTC_LAST_FAILED = 0x0D,
                         CT_UDS_DTC_LAST_CONFIRMED = 0x0E,
                         CT_UDS_DTC_FAULT_COUNTERS = 0x14,
                         CT_UDS_DTC_PERMANENT = 0x15,
                         CT_UDS_DTC_EXTENDED_BY_RECORD = 0x16,
                         CT_UDS_DTC_USER_BY_STATUS = 0x17,
                         CT_UDS_DTC_USER_SNAPSHOT = 0x18,
                         CT_UDS_DTC_USER_EXTENDED = 0x19,
                         CT_UDS_DTC_SUPPORTING_EXTENDED = 0x1A,
                         CT_UDS_DTC_WWH_BY_MASK = 0x42,
                         CT_UDS_DTC_WWH_PERMANENT = 0x55,
                         CT_UDS_DTC_BY_READINESS = 0x56,
};
enum ct_uds_communication { /* 28 */
                            CT_UDS_COMM_RX_TX = 0,
                            CT_UDS_COMM_RX_ONLY = 1,
                            CT_UDS_COMM_TX_ONLY = 2,
                            CT_UDS_COMM_NONE = 3,
                            CT_UDS_COMM_RX_ONLY_ENHANCED = 4,
                            CT_UDS_COMM_RX_TX_ENHANCED = 5,
};
enum ct_uds_authentication { /* 29 */
                             CT_UDS_AUTH_DEAUTHENTICATE = 0,
                             CT_UDS_AUTH_CERTIFICATE_UNI = 1,
                             CT_UDS_AUTH_CERTIFICATE_BI = 2,
                             CT_UDS_AUTH_OWNERSHIP = 3,
                             CT_UDS_AUTH_TRANSMIT = 4,
                             CT_UDS_AUTH_REQUEST_CHALLENGE = 5,
                             CT_UDS_AUTH_VERIFY_UNI = 6,
                             CT_UDS_AUTH_VERIFY_BI = 7,
                             CT_UDS_AUTH_CONFIGURATION = 8,
};
enum ct_uds_authentication_return { /* byte after the sub-function of 69 */
                                    CT_UDS_AUTH_ACCEPTED = 0x00,
                                    CT_UDS_AUTH_GENERAL_REJECT = 0x01,
                                    CT_UDS_AUTH_CONFIG_APCE = 0x02,
                                    CT_UDS_AUTH_CONFIG_ACR_ASYMMETRIC = 0x03,
                                    CT_UDS_AUTH_CONFIG_ACR_SYMMETRIC = 0x04,
                                    CT_UDS_AUTH_DEAUTHENTICATED = 0x10,
                                    CT_UDS_AUTH_OWNERSHIP_NEEDED = 0x11,
                                    CT_UDS_AUTH_COMPLETE = 0x12,
                                    CT_UDS_AUTH_CERTIFICATE_VERIFIED = 0x13,
};
enum ct_uds_periodic { CT_UDS_PERIODIC_SLOW = 1, CT_UDS_PERIODIC_MEDIUM, CT_UDS_PERIODIC_FAST, CT_UDS_PERIODIC_STOP };
enum ct_uds_define { CT_UDS_DEFINE_BY_ID = 1, CT_UDS_DEFINE_BY_ADDRESS = 2, CT_UDS_DEFINE_CLEAR = 3 };
enum ct_uds_io { CT_UDS_IO_RETURN = 0, CT_UDS_IO_DEFAULT = 1, CT_UDS_IO_FREEZE = 2, CT_UDS_IO_ADJUST = 3 };
enum ct_uds_routine { CT_UDS_ROUTINE_START = 1, CT_UDS_ROUTINE_STOP = 2, CT_UDS_ROUTINE_RESULTS = 3 };
enum ct_uds_file { /* 38 */
                   CT_UDS_FILE_ADD = 1,
                   CT_UDS_FILE_DELETE = 2,
                   CT_UDS_FILE_REPLACE = 3,
                   CT_UDS_FILE_READ = 4,
                   CT_UDS_FILE_READ_DIR = 5,
                   CT_UDS_FILE_RESUME = 6,
};
enum ct_uds_dtc_setting { CT_UDS_DTC_SETTING_ON = 1, CT_UDS_DTC_SETTING_OFF = 2 };
enum ct_uds_event { /* 86; CT_UDS_EVENT_STORE is a bit beside the others */
                    CT_UDS_EVENT_STOP = 0x00,
                    CT_UDS_EVENT_DTC_STATUS = 0x01,
                    CT_UDS_EVENT_DATA_CHANGE = 0x03,
                    CT_UDS_EVENT_REPORT = 0x04,
                    CT_UDS_EVENT_START = 0x05,
                    CT_UDS_EVENT_CLEAR = 0x06,
                    CT_UDS_EVENT_COMPARE = 0x07,
                    CT_UDS_EVENT_RECENT_DTC = 0x08,
                    CT_UDS_EVENT_DTC_RECORD = 0x09,
                    CT_UDS_EVENT_STORE = 0x40,
};
enum ct_uds_link { CT_UDS_LINK_VERIFY_FIXED = 1, CT_UDS_LINK_VERIFY_SPECIFIC = 2, CT_UDS_LINK_TRANSITION = 3 };

/* --- DTCs --- */

#define CT_UDS_DTC_STATUS_MAP(X)                                            \
    X(TEST_FAILED, 0x01, "testFailed")                                      \
    X(FAILED_THIS_CYCLE, 0x02, "testFailedThisOperationCycle")              \
    X(PENDING, 0x04, "pendingDTC")                                          \
    X(CONFIRMED, 0x08, "confirmedDTC")                                      \
    X(NOT_COMPLETED_SINCE_CLEAR, 0x10, "testNotCompletedSinceLastClear")    \
    X(FAILED_SINCE_CLEAR, 0x20, "testFailedSinceLastClear")                 \
    X(NOT_COMPLETED_THIS_CYCLE, 0x40, "testNotCompletedThisOperationCycle") \
    X(WARNING, 0x80, "warningIndicatorRequested")
#define CT_UDS_DTC_STATUS_ENUM(name, bit, text) CT_DTC_##name = (bit),
enum ct_uds_dtc_status { CT_UDS_DTC_STATUS_MAP(CT_UDS_DTC_STATUS_ENUM) };
#undef CT_UDS_DTC_STATUS_ENUM

enum ct_uds_dtc_format { /* DTCFormatIdentifier */
                         CT_DTC_FORMAT_J2012_00 = 0,
                         CT_DTC_FORMAT_14229 = 1,
                         CT_DTC_FORMAT_J1939 = 2,
                         CT_DTC_FORMAT_11992 = 3,
                         CT_DTC_FORMAT_J2012_04 = 4,
};

#define CT_UDS_DTC_ALL       0xFFFFFFU /* group of 14 */
#define CT_UDS_DTC_EMISSIONS 0xFFFF33U
#define CT_UDS_RECORD_OBD    0xFEU /* all OBD records */
#define CT_UDS_RECORD_ALL    0xFFU

/* --- data identifiers with a meaning of the standard's (table C.1) --- */

#define CT_UDS_DID_SESSION     0xF186U
#define CT_UDS_DID_PART_NUMBER 0xF187U
#define CT_UDS_DID_SOFTWARE    0xF189U
#define CT_UDS_DID_SERIAL      0xF18CU
#define CT_UDS_DID_VIN         0xF190U
#define CT_UDS_DID_HARDWARE    0xF191U
#define CT_UDS_DID_SYSTEM_NAME 0xF197U
#define CT_UDS_DID_UDS_VERSION 0xFF00U
#define CT_UDS_DID_PERIODIC    0xF200U /* + one byte of periodic id */

/* Never NULL. */
const char *ct_uds_nrc_text(uint8_t nrc);
/* The standard's name; NULL for an id it does not define. */
const char *ct_uds_service_text(uint8_t service);
/* The standard's name of one status bit (a single bit set); NULL for anything else. */
const char *ct_uds_dtc_status_text(uint8_t bit);

/* True when the byte after the service id is a sub-function (and may carry CT_UDS_SUPPRESS). */
bool ct_uds_has_subfunction(uint8_t service);

/* The refusals a functional request never gets (ISO 14229-1:2020 7.5.6): 11, 12, 31, 7E, 7F. */
bool ct_uds_nrc_kept_from_functional(uint8_t nrc);

#endif
