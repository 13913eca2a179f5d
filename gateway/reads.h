/* When the gateway reads the ECUs' trouble codes by itself, and what is new in them.
 *
 * A read begins when the ignition comes on (or is found on at the start) and after each interval, never while ECUs may
 * not be asked, the ignition is known to be off, or one is under way: a vehicle that is parked is let sleep. Pure; no
 * allocation; belongs to one thread. */
#ifndef CT_GATEWAY_READS_H
#define CT_GATEWAY_READS_H

#include "diagnostic_wire.h"
#include "policy.h"

#define CT_READS_KNOWN_MAX 256 /* codes of all ECUs that are remembered; more are told at every read */

struct ct_reads_config {
    bool on_ignition;
    ct_ns interval_ns; /* 0: none */
};

struct ct_reads {
    bool under_way, was_on;
    ct_ns read_ns; /* when the last one began; 0: never */
    struct {
        char ecu[CT_VEHICLE_ID_MAX + 1]; /* empty: free */
        uint32_t code;
        bool seen;
    } known[CT_READS_KNOWN_MAX];
};

/* True when a read is to begin now; it counts as under way until ct_reads_ended. */
bool ct_reads_begin(struct ct_reads *reads, const struct ct_reads_config *config, const struct ct_vehicle_state *state,
                    bool may_ask, ct_ns now);
void ct_reads_ended(struct ct_reads *reads);
ct_ns ct_reads_due(const struct ct_reads *reads, const struct ct_reads_config *config);

/* One ECU's answer: calls back for each code that was not there before (`is_new`) and each that has gone. An ECU that
 * did not answer changes nothing. */
typedef void (*ct_reads_fn)(void *user, const char *ecu, const struct ct_result_dtc *dtc, bool is_new);
void ct_reads_take(struct ct_reads *reads, const struct ct_result_ecu *ecu, ct_reads_fn fn, void *user);

#endif
