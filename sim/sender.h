/* One cyclic message of an ECU: when it is due, and its payload from the plant by the DBC's layout, with counter,
 * checksum and multiplex page filled in. No I/O; belongs to one thread. */
#ifndef CT_SIM_SENDER_H
#define CT_SIM_SENDER_H

#include "codec.h"
#include "frame.h"
#include "plant.h"
#include "protect.h"
#include "signals.h"

#define CT_SENDER_SIGNAL_MAX 64

struct ct_sender {
    const struct ct_codec_message *plan;
    const struct ct_dbc_message *model;
    const struct ct_signal_source *sources[CT_SENDER_SIGNAL_MAX]; /* by signal; NULL: keeps its start value */
    const struct ct_protect_rule *protect;                        /* NULL: neither counter nor checksum */
    struct ct_protect_state state;
    unsigned pages; /* selector values to go through, 0: not multiplexed */
    ct_ns cycle, due;
    uint32_t sent;
    uint32_t skipped; /* cycles that passed while nobody asked */
};

/* The message must have a cycle time and at most CT_SENDER_SIGNAL_MAX signals. First due at `first`. */
int ct_sender_init(struct ct_sender *sender, const struct ct_codec_message *plan, const struct ct_protect *protect,
                   ct_ns first) CT_MUST_CHECK;

/* The frame, when it is due: CT_ERR_AGAIN otherwise. Every frame handed out counts as sent. */
int ct_sender_next(struct ct_sender *sender, struct ct_plant *plant, ct_ns now,
                   struct ct_frame *out_frame) CT_MUST_CHECK;

#endif
