/* Kernel receive stamps (CLOCK_REALTIME) as CLOCK_BOOTTIME, once, at the adapter, so that a step of the wall clock does
 * not show. Sans I/O. One per queue of frames; belongs to one thread.
 *
 * The distance of the two clocks is read with every batch. When it has changed, frames of the batch were stamped before
 * the step or after it: a frame is at the old distance as long as that lies between the frame before it and now. */
#ifndef CT_CAN_STAMP_H
#define CT_CAN_STAMP_H

#include "time_ns.h"

#include <stdbool.h>

struct ct_stamp_clock {
    bool started;
    int64_t distance; /* wall clock less boot time, at the last batch */
    ct_ns floor;      /* no frame still to come is older */
};

/* One frame of a batch, in the order of the queue; `now` and `utc_now` were read together after the batch. Returns its
 * boot time, never after `now`, never before the frame or empty queue before it; `now` when stamp_utc is 0 (none). */
ct_ns ct_stamp_boot(struct ct_stamp_clock *clock, int64_t stamp_utc, int64_t utc_now, ct_ns now);
/* The batch is over; `utc_now` and `now` as above. With `empty` the queue is: what comes is newer. */
void ct_stamp_batch_end(struct ct_stamp_clock *clock, int64_t utc_now, ct_ns now, bool empty);

#endif
