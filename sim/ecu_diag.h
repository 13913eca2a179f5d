/* The diagnostic side of one simulated ECU: its UDS server with data, DTCs, routines and (engine) OBD, its tests of the
 * plant, and what it keeps over a restart. Frames and time in, frames and the next deadline out; no I/O; belongs to one
 * thread. */
#ifndef CT_SIM_ECU_DIAG_H
#define CT_SIM_ECU_DIAG_H

#include "ecu_data.h"

struct ct_ecu_diag_config {
    const char *node, *part_number, *vin; /* kept, not copied */
    struct ct_isotp_config isotp;
    uint32_t functional_id, periodic_id;
    struct ct_plant *plant;
};

struct ct_ecu_diag;
int ct_ecu_diag_create(const struct ct_ecu_diag_config *config, struct ct_ecu_diag **out_diag) CT_MUST_CHECK;
void ct_ecu_diag_free(struct ct_ecu_diag *diag); /* accepts NULL */

struct ct_uds_server *ct_ecu_diag_server(struct ct_ecu_diag *diag);
struct ct_ecu_data *ct_ecu_diag_data(struct ct_ecu_diag *diag);
/* Tests the plant when a round is due (every 100 ms of its time), then runs the server's timers. */
ct_ns ct_ecu_diag_tick(struct ct_ecu_diag *diag, ct_ns now);

/* DTCs, wrong keys, mark and calibration as bytes with a checksum; ct_ecu_diag_save writes exactly that many. */
size_t ct_ecu_diag_save_size(const struct ct_ecu_diag *diag);
void ct_ecu_diag_save(const struct ct_ecu_diag *diag, uint8_t *out);
/* CT_ERR_CORRUPT: not what save wrote; nothing has changed. */
int ct_ecu_diag_restore(struct ct_ecu_diag *diag, const uint8_t *data, size_t len, ct_ns now) CT_MUST_CHECK;
/* Differs when there is something new to save. */
uint32_t ct_ecu_diag_revision(const struct ct_ecu_diag *diag);

#endif
