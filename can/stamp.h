/* Kernel receive stamps (CLOCK_REALTIME) as CLOCK_BOOTTIME, once, at the adapter, so that a step of the wall clock does
 * not show. Thread-safe: pure functions. */
#ifndef CT_CAN_STAMP_H
#define CT_CAN_STAMP_H

#include "time_ns.h"

/* `now` and `utc_now` are read together after the frame; a frame cannot be older than `oldest`, the time when the queue
 * was last seen empty, nor newer than `now`. */
ct_ns ct_stamp_boot(int64_t stamp_utc, int64_t utc_now, ct_ns now, ct_ns oldest);

#endif
