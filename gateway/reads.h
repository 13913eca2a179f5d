/* When the gateway reads the ECUs' trouble codes by itself, and what is new in them.
 *
 * A read begins when the ignition comes on (or is found on at the start), after each interval, and where new codes are
 * a trigger, once at the start, when anybody's read shows a code newly confirmed, and when the vehicle's warning comes
 * on; never while ECUs may not be asked, the ignition is known to be off, or one is under way: a vehicle that is
 * parked is let sleep. Triggers while another read is under way or the pause lasts become one read after it. Pure; no
 * allocation; belongs to one thread. */
#ifndef CT_GATEWAY_READS_H
#define CT_GATEWAY_READS_H

#include "diagnostic_wire.h"
#include "policy.h"

#define CT_READS_KNOWN_MAX 256 /* codes of all ECUs that are remembered; more are told at every read */
#define CT_READS_ECUS_MAX  64

struct ct_reads_config {
    bool on_ignition, on_new_dtc;
    ct_ns interval_ns; /* 0: none */
    ct_ns pause_ns;    /* from the beginning of any read to that of a triggered one, at least */
};

struct ct_reads {
    bool under_way, was_on, warned, triggered;
    ct_ns read_ns;                      /* when the last one began; 0: never */
    bool ecus_known[CT_READS_ECUS_MAX]; /* read completely once: what it has not told before is new */
    struct {
        uint8_t ecu; /* its index + 1; 0: free */
        uint32_t code;
        bool told, seen, confirmed;
    } known[CT_READS_KNOWN_MAX];
};

/* True when a read is to begin now; it counts as under way until ct_reads_ended. */
bool ct_reads_begin(struct ct_reads *reads, const struct ct_reads_config *config, const struct ct_vehicle_state *state,
                    bool may_ask, ct_ns now);
void ct_reads_ended(struct ct_reads *reads);
ct_ns ct_reads_due(const struct ct_reads *reads, const struct ct_reads_config *config);

/* ECU `index`'s answer to a read of all codes: calls back for each that was not there before (`is_new`) and each that
 * has gone. An ECU that did not answer changes nothing. */
typedef void (*ct_reads_fn)(void *user, const char *ecu, const struct ct_result_dtc *dtc, bool is_new);
void ct_reads_take(struct ct_reads *reads, size_t index, const struct ct_result_ecu *ecu, ct_reads_fn fn, void *user);

/* A positive response of ECU `index` to whoever asked. A list of DTCs with their status (ISO 14229-1:2020 12.3, 59 02
 * and 59 0A to 0E) in which a code has become confirmed that was not, of an ECU whose codes are known, is a trigger:
 * true, and *out_code is the first such code. Anything else is false. */
bool ct_reads_hear(struct ct_reads *reads, size_t index, const uint8_t *response, size_t len, uint32_t *out_code);
/* The vehicle's own warning, when it is known: its coming on is a trigger; true when none waits already. */
bool ct_reads_warn(struct ct_reads *reads, bool on);

#endif
