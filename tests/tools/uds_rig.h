/* An ECU made up for tests: a UDS server with every table filled, its functions and what they remember. */
#ifndef CT_TESTS_UDS_RIG_H
#define CT_TESTS_UDS_RIG_H

#include "obd_server.h"
#include "uds_server.h"

#define CT_RIG_MEMORY_FIRST 0x1000U
#define CT_RIG_MEMORY_SIZE  1024U
#define CT_RIG_FILE_MAX     64U

enum { CT_RIG_DTC_LAMP, CT_RIG_DTC_SLOW, CT_RIG_DTC_MISFIRE, CT_RIG_DTC_PLAIN, CT_RIG_DTC_COUNT };

struct ct_uds_rig {
    struct ct_uds_server *server;
    struct ct_dtc_memory *dtcs, *user_dtcs; /* the second is memory 10 */
    uint16_t subnet;                        /* node whose sub-bus is on diagnostics only; 0: none */
    uint16_t transmitted;                   /* purpose of the certificate handed in by 29 04 */
    struct ct_obd_server_config obd;
    uint8_t value[4]; /* 0100, written */
    uint8_t counter;  /* F210 */
    unsigned polls;   /* how often a slow function still says "pending" */
    unsigned resets, erased, verified, written, cleared;
    uint8_t lamp;
    bool lamp_held, running;
    uint32_t bitrate;
    uint8_t refuse; /* conditions(), enter_session() and clear() answer this */
    uint8_t random;
    uint8_t memory[CT_RIG_MEMORY_SIZE];
    uint8_t file[CT_RIG_FILE_MAX];
    uint32_t file_size;
    bool file_open, file_complete;
};

/* The configuration alone, to be changed before create; `rig` is its user. */
struct ct_uds_server_config ct_uds_rig_config(struct ct_uds_rig *rig);
/* Makes the DTC memory and, with `config` NULL, the server as above. Aborts when it cannot. */
void ct_uds_rig_init(struct ct_uds_rig *rig, const struct ct_uds_server_config *config);
void ct_uds_rig_free(struct ct_uds_rig *rig);

#endif
