/* How often a loop may be woken: turns come at once until there are too many of them, then at most one every `gap`.
 *
 * A wake-up costs several times what it finds when one frame comes at a time; many frames a turn cost little. Up to
 * CT_PACE_BURST turns in a row are free, so that what comes seldom, or in a burst, never waits; what waits does so for
 * `gap` at most. Plain state, caller-allocated. No clock is read. Belongs to one thread. */
#ifndef CT_BASE_PACE_H
#define CT_BASE_PACE_H

#include "time_ns.h"

#define CT_PACE_BURST 64

struct ct_pace {
    ct_ns gap;  /* 0: no turn ever waits */
    ct_ns owed; /* when the turns taken so far would be over at one every gap */
};

/* Counts a turn that is over at `now`; returns until when to rest, `now` for not at all. */
ct_ns ct_pace_turn(struct ct_pace *pace, ct_ns now);

#endif
