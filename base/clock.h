/* The only place where clocks are read. Adapter target base_clock; used by adapters and app folders only.
 * Thread-safe. */
#ifndef CT_BASE_CLOCK_H
#define CT_BASE_CLOCK_H

#include "time_ns.h"

ct_ns ct_clock_now(void);     /* CLOCK_BOOTTIME */
ct_ns ct_clock_utc_now(void); /* CLOCK_REALTIME, nanoseconds since 1970-01-01 UTC */

/* Both at one instant, as near as they can be read: a process that is interrupted between them reads them again. */
void ct_clock_both(ct_ns *out_now, ct_ns *out_utc);

#endif
