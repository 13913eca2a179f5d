/* From the bytes of a SignedCommand to an accepted command, or the reason why not.
 *
 * The order is fixed and the first failure wins: size -> frame of the envelope -> number of signatures -> keys known
 * and unique -> every signature good over the bytes as received -> a director among them -> only now parse, strictly ->
 * vehicle -> time trusted and not expired -> id and sequence new. Policy comes after, on the bus thread (executor.h).
 * Pure: no I/O, no clock, no memory between calls but the caller's. Source: design section 10. */
#ifndef CT_GATEWAY_COMMAND_GATE_H
#define CT_GATEWAY_COMMAND_GATE_H

#include "command.h"
#include "envelope.h"

#define CT_GATE_SIZE_MAX    4096                               /* a whole SignedCommand */
#define CT_GATE_SLACK_MS    INT64_C(300000)                    /* clocks may differ by so much */
#define CT_GATE_HORIZON_MS  (INT64_C(3653) * 24 * 3600 * 1000) /* a clock further ahead of the floor is not trusted */
#define CT_GATE_LIFETIME_MS (INT64_C(7) * 24 * 3600 * 1000)    /* longest issued .. expires; longer is BAD_FORM */

struct ct_gate {
    const char *vehicle_id;
    const struct ct_trusted_key *keys;
    size_t key_count;
    int64_t floor_utc_ms; /* the time is at least this: build time, newest verified time (ct_gate_floor_raise) */
    /* True when id or sequence was taken before, or it does not rise under its authority (ct_journal_seen). */
    bool (*seen)(void *user, const uint8_t command_id[16], uint64_t seq, bool release);
    void *user;
};

struct ct_gate_result {
    bool accepted;
    int reason;                /* enum ct_command_reason; NONE when accepted */
    bool readable;             /* `command` is set: accepted, or refused after the signature was found good */
    unsigned roles;            /* CT_ROLE_BIT of each role that signed */
    int64_t valid_ms;          /* accepted: may start within so many ms from now (ttl and expiry, whichever is less) */
    struct ct_command command; /* about 1.5 KiB */
};

/* `utc_ms`: wall clock now; `time_known`: the clock was set by something (else every command is TIME_UNTRUSTED). */
void ct_gate_check(const struct ct_gate *gate, const uint8_t *data, size_t len, bool time_known, int64_t utc_ms,
                   struct ct_gate_result *out_result);

bool ct_gate_released(const struct ct_gate_result *result); /* the release authority signed too */

void ct_gate_floor_raise(struct ct_gate *gate, int64_t utc_ms); /* never falls */

#endif
