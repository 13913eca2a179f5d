/* The buses' own state as entries of the twin: `bus.can0.ControllerState`, `.TxErrorCounter`, `.RxErrorCounter`,
 * `.BusOffs`, `.ErrorFrames`, `.BusErrors`, `.Restarts`, `.BusLoad`, `.FramesLost`, `.FramesUnsent`,
 * `.FramesUnconfirmed`, and of anomalies `.UnknownIds`, `.WrongBus`, `.WrongLength`, `.TooFast`, `.TooSlow`,
 * `.ForeignRequests`; of all buses together `bus.Network.WorstControllerState`. They are signals of databases made
 * here, on a bus of their own named CT_BUS_ENTRIES_BUS, so that mapping, collection and quality work for them as for
 * any other signal. No I/O. Thread-safe: no state. */
#ifndef CT_GATEWAY_BUS_ENTRIES_H
#define CT_GATEWAY_BUS_ENTRIES_H

#include "anomaly.h"
#include "bus_health.h"
#include "dbc.h"
#include "frame.h"

#define CT_BUS_ENTRIES_BUS "bus"

/* What is known at different times is in messages of its own. */
enum ct_bus_entries_kind {
    CT_BUS_ENTRIES_HEALTH,
    CT_BUS_ENTRIES_ERRORS,
    CT_BUS_ENTRIES_LOAD,
    CT_BUS_ENTRIES_LOSSES,
    CT_BUS_ENTRIES_ANOMALIES,
    CT_BUS_ENTRIES_NETWORK, /* one message for all buses */
    CT_BUS_ENTRIES_KINDS
};

/* One database per kind, each with one message per bus (_NETWORK: one in all); characters of a bus name that DBC does
 * not know become `_`. The caller frees them. */
int ct_bus_entries_create(const char *const *names, size_t count,
                          struct ct_dbc *out_dbcs[CT_BUS_ENTRIES_KINDS]) CT_MUST_CHECK;

/* The messages of bus number `index` as frames; `bus` and stamps are the caller's. */
struct ct_frame ct_bus_entries_health(uint8_t index, const struct ct_bus_health *health);
struct ct_frame ct_bus_entries_load(uint8_t index, double percent);
struct ct_frame ct_bus_entries_errors(uint8_t index, const struct ct_bus_health *health);
struct ct_frame ct_bus_entries_losses(uint8_t index, uint64_t lost, uint64_t unsent, uint64_t unconfirmed);
struct ct_frame ct_bus_entries_anomalies(uint8_t index, const struct ct_anomaly_counts *counts);
struct ct_frame ct_bus_entries_network(enum ct_bus_state worst);

#endif
