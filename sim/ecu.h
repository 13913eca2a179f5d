/* One simulated ECU: sends its messages of the DBC at their cycle times, obeys command messages, and answers UDS
 * through ISO-TP. Frames and time in, frames and the next deadline out; no I/O; belongs to one thread. */
#ifndef CT_SIM_ECU_H
#define CT_SIM_ECU_H

#include "codec.h"
#include "ecu_diag.h"
#include "frame.h"
#include "plant.h"
#include "protect.h"

#define CT_VIN_LENGTH 17

struct ct_ecu_config {
    const char *node;            /* its name in the DBC: it sends what this node sends */
    const char *obeys;           /* message whose command signals it follows, NULL: none */
    const char *part_number;     /* DID F187, ASCII */
    char vin[CT_VIN_LENGTH + 1]; /* DID F190 */
    uint32_t request_id, response_id;
    bool fd;                  /* diagnostics in FD frames */
    uint8_t bus;              /* stamped on its frames */
    const struct ct_dbc *dbc; /* these four outlive the ECU */
    const struct ct_codec *codec;
    const struct ct_protect *protect; /* NULL: no message is protected */
    struct ct_plant *plant;
    ct_ns start;
};

struct ct_ecu;
/* CT_ERR_NOT_FOUND when the DBC gives the node no cyclic message. Strings are kept, not copied. */
int ct_ecu_create(const struct ct_ecu_config *config, struct ct_ecu **out_ecu) CT_MUST_CHECK;
void ct_ecu_free(struct ct_ecu *ecu); /* accepts NULL */

/* Every frame of its bus that others sent. */
void ct_ecu_receive(struct ct_ecu *ecu, const struct ct_frame *frame, ct_ns now);
/* The next frame to send now; CT_ERR_AGAIN when none is due. Ask only when the bus can take it. */
int ct_ecu_next_frame(struct ct_ecu *ecu, struct ct_frame *out_frame, ct_ns now) CT_MUST_CHECK;
/* Runs timers; returns when it wants to be asked again. */
ct_ns ct_ecu_tick(struct ct_ecu *ecu, ct_ns now);

struct ct_ecu_diag *ct_ecu_diagnostics(struct ct_ecu *ecu);
const char *ct_ecu_name(const struct ct_ecu *ecu);

struct ct_ecu_stats {
    uint64_t sent;       /* cyclic frames */
    uint64_t diagnostic; /* frames of ISO-TP */
    uint32_t requests;   /* UDS requests answered or refused */
    uint32_t commands;   /* command signals obeyed */
    uint32_t refused;    /* commands with a wrong checksum or counter */
    uint32_t skipped;    /* cycles left out after a stall */
};
void ct_ecu_stats_get(const struct ct_ecu *ecu, struct ct_ecu_stats *out_stats);

#endif
