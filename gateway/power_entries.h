/* The power state as entries of the twin: `gateway.Power.State`, `.Ignition`, `.WakeLine`, `.Transceiver`, `.Polling`,
 * `.WorkPending`, `.Transitions`, made like those of bus_entries.h. No I/O. Thread-safe: no state. */
#ifndef CT_GATEWAY_POWER_ENTRIES_H
#define CT_GATEWAY_POWER_ENTRIES_H

#include "dbc.h"
#include "frame.h"
#include "power.h"

#define CT_POWER_ENTRIES_BUS "gateway"

/* The database; the caller frees it. */
int ct_power_entries_create(struct ct_dbc **out_dbc) CT_MUST_CHECK;

/* The state at `now` as a frame; `bus` and stamp are the caller's. */
struct ct_frame ct_power_entries_frame(const struct ct_power *power, uint32_t transitions, ct_ns now);

#endif
