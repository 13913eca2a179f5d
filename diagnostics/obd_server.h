/* OBD-II of one ECU (SAE J1979 on CAN, ISO 15031-5): modes 01 to 0A as requests in and responses out, on top of a DTC
 * memory. Sans I/O; it is the `other` of a UDS server, which brings the transport and the functional addresses. The
 * same data by UDS (SAE J1979-2, "OBDonUDS"): identifiers F4xx, F6xx and F8xx through ct_obd_server_read_did.
 *
 * An unsupported parameter gets no answer at all, as the standard has it. The freeze frame is the first snapshot of the
 * emissions DTC that failed first, of whose values those with identifiers F4xx are told. Modes 05 (not on CAN) and 08
 * are not there. Nothing is allocated; belongs to one thread. */
#ifndef CT_DIAGNOSTICS_OBD_SERVER_H
#define CT_DIAGNOSTICS_OBD_SERVER_H

#include "dtc_memory.h"
#include "obd.h"

#define CT_OBD_CALID_SIZE 16
#define CT_OBD_CVN_SIZE   4
#define CT_OBD_NAME_SIZE  20

struct ct_obd_test {             /* a row of mode 06 */
    uint8_t monitor, test, unit; /* OBDMID, TID, unit and scaling id */
    uint16_t least, most;
};

struct ct_obd_server_config {
    const uint8_t *pids; /* of mode 01 that read() knows; 01, 02 and the bitmaps come from here */
    size_t pid_count;
    bool (*read)(void *user, uint8_t pid, uint8_t *out); /* ct_obd_pid_length bytes; false: no value now */
    const struct ct_obd_test *tests;
    size_t test_count;
    uint16_t (*test_value)(void *user, const struct ct_obd_test *test);
    /* Conditions for mode 04: 0 or an NRC (22 while the engine runs). NULL: none. */
    uint8_t (*may_clear)(void *user);
    void *user;
    struct ct_dtc_memory *dtcs;
    uint32_t monitors; /* bit of enum ct_obd_monitor that this ECU has */
    bool compression;
    char vin[CT_OBD_VIN_LENGTH + 1];
    char calibration[CT_OBD_CALID_SIZE + 1];
    char name[CT_OBD_NAME_SIZE + 1];
    uint32_t verification; /* CVN */
};

/* One request; as `other` of struct ct_uds_server_config, with its configuration as `config`. */
uint8_t ct_obd_server_answer(void *config, const uint8_t *request, size_t len, uint8_t *out, size_t *out_len);

/* As a read function of struct ct_uds_did but for its first argument. */
uint8_t ct_obd_server_read_did(const struct ct_obd_server_config *config, uint16_t id, uint8_t *out, size_t size,
                               size_t *out_len);

#endif
