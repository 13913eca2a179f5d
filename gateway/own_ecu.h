/* The gateway as an ECU: what its own UDS server tells of it. Health in, identifiers and DTCs out; no I/O; belongs to
 * one thread.
 *   F189  version, ASCII            F197  "cantwin-gateway"
 *   0100  vehicle id, ASCII: the configured name, not the VIN
 *   0101  seconds since the start, u32
 *   0102  buses configured, buses up, u8 each
 *   0103  frames lost, samples lost, records dropped by the outbox: u32 each, big-endian as all
 *   DTCs  U0073-00 a controller is bus-off, U1601-00 frames or samples are being lost, U1602-00 the outbox drops or
 *         refuses, U1603-00 a bus is down
 *   Routine 0202, self test: the number of DTCs failing now
 * Its DTC memory is saved to bytes and restored from them; where they are kept is the caller's. A restore begins the
 * next operation cycle: one cycle is one run of the gateway. */
#ifndef CT_GATEWAY_OWN_ECU_H
#define CT_GATEWAY_OWN_ECU_H

#include "uds_server.h"

struct ct_own_health {
    uint8_t buses, buses_up;
    bool bus_off;
    uint64_t lost_frames, lost_samples, dropped_records;
};

struct ct_own_ecu_config {
    struct ct_isotp_config isotp;
    uint32_t functional_id; /* 0: none */
    const char *vehicle_id; /* copied, at most 64 characters */
    const char *version;    /* kept, not copied */
    ct_ns start;
};

struct ct_own_ecu;
int ct_own_ecu_create(const struct ct_own_ecu_config *config, struct ct_own_ecu **out_ecu) CT_MUST_CHECK;
void ct_own_ecu_free(struct ct_own_ecu *ecu); /* accepts NULL */
/* Judges the health, to be called about once a second: losses are those since the last call. */
void ct_own_ecu_judge(struct ct_own_ecu *ecu, const struct ct_own_health *health, ct_ns now);
struct ct_uds_server *ct_own_ecu_server(struct ct_own_ecu *ecu);

#define CT_OWN_ECU_SAVE_MAX 1024
uint32_t ct_own_ecu_revision(const struct ct_own_ecu *ecu); /* another one than before: there is something to save */
size_t ct_own_ecu_save(const struct ct_own_ecu *ecu, uint8_t out[CT_OWN_ECU_SAVE_MAX]); /* bytes written */
/* CT_ERR_CORRUPT: they were not saved by this program, and nothing has changed. */
int ct_own_ecu_restore(struct ct_own_ecu *ecu, const uint8_t *data, size_t len) CT_MUST_CHECK;

#endif
