/* Which frames of our own the bus has carried: every frame sent is expected back as its echo within CT_CONFIRM_WITHIN;
 * what is not by then counts as unconfirmed. A late echo is still taken, and takes nothing off the count.
 *
 * Echoes are told apart by content, so they may come in another order than the frames went (mailboxes of a controller);
 * of equal frames the oldest one still awaited comes first. Bounded: of more than CT_CONFIRM_MAX frames the oldest is
 * no longer watched, and counted as that. Sans I/O, time is an argument that does not go back. Belongs to one thread.
 * Source: Documentation/networking/can.rst of Linux, 4.1.7 (MSG_CONFIRM); ISO 11898-1:2015, 10.11 (a transmitter whose
 * frame nobody acknowledges repeats it). */
#ifndef CT_CAN_CONFIRM_H
#define CT_CAN_CONFIRM_H

#include "frame.h"

#define CT_CONFIRM_MAX 512 /* twice the transmit queue of an interface as installed */
/* A full queue of 256 classic frames takes 0.27 s at 125 kbit/s. */
#define CT_CONFIRM_WITHIN (500 * CT_NS_PER_MS)

struct ct_confirm_slot {
    uint64_t key; /* of the content */
    ct_ns deadline;
    bool open; /* no echo yet */
};

/* In the order of sending: `overdue` slots whose deadline has passed, then those that are awaited. */
struct ct_confirm {
    struct ct_confirm_slot slots[CT_CONFIRM_MAX];
    size_t first, count, overdue;
    uint64_t unconfirmed; /* frames without an echo at their deadline */
    uint64_t unwatched;   /* frames there was no room to watch */
};

void ct_confirm_init(struct ct_confirm *confirm);
void ct_confirm_sent(struct ct_confirm *confirm, const struct ct_frame *frame, ct_ns now);
void ct_confirm_echo(struct ct_confirm *confirm, const struct ct_frame *frame);
/* Echoes may have been lost: what is awaited or overdue now is not judged. */
void ct_confirm_forget(struct ct_confirm *confirm);
/* Call when everything received until `now` has been told. Returns the next deadline. */
ct_ns ct_confirm_tick(struct ct_confirm *confirm, ct_ns now);
ct_ns ct_confirm_due(const struct ct_confirm *confirm); /* CT_NS_NEVER: nothing is awaited */
/* True while the newest frame of this content that was sent has no echo, whether its deadline has passed or not. */
bool ct_confirm_missing(const struct ct_confirm *confirm, const struct ct_frame *frame);

#endif
