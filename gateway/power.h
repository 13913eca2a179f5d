/* The power state of the gateway, and with it what it may do to keep a vehicle awake: nothing.
 *
 *   from                     to         when
 *   off                      wake       the gateway starts
 *   wake, after-run, sleep   run        the ignition is on
 *   run                      after-run  the ignition is off
 *   after-run                sleep      nothing is left to do and the buses were silent for `quiet_ns`,
 *                                       or `after_run_ns` are over: what is not done then is held
 *   after-run                wake       `after_run_ns` are over while others are awake
 *   wake                     after-run  the buses were silent for `quiet_ns`, but there is work
 *   wake                     sleep      the buses were silent for `quiet_ns`
 *   sleep                    wake       a bus or the wake line is active
 *   any                      off        the gateway stops
 *
 * In wake others keep the vehicle awake and the gateway listens; in after-run it finishes its own work (outbox,
 * requests on a bus, an update). Asking ECUs (polling) is allowed while the ignition is certainly on, and after it only
 * to finish requests, within `polling_ns` from the last moment in which it certainly was: a line that bounces without
 * end, flaps or breaks refills nothing. An update, an ECU that is being written to, is not broken off by that: it has
 * all of after-run to be finished, at most `after_run_ns`, and no other one begins until the ignition is on. A line
 * counts when it has been still for `debounce_ns`.
 *
 * Owns no line and no clock: levels, activity and time come in, outputs and the next deadline go out. Times must not go
 * back. Belongs to one thread. */
#ifndef CT_GATEWAY_POWER_H
#define CT_GATEWAY_POWER_H

#include "errors.h"
#include "time_ns.h"

#include <stdbool.h>
#include <stddef.h>

/* name, text */
#define CT_POWER_STATE_MAP(X) \
    X(OFF, "off")             \
    X(WAKE, "wake")           \
    X(RUN, "run")             \
    X(AFTER_RUN, "after-run") \
    X(SLEEP, "sleep")

#define CT_POWER_ENUM(name, text) CT_POWER_##name,
enum ct_power_state { CT_POWER_STATE_MAP(CT_POWER_ENUM) CT_POWER_STATE_COUNT };
#undef CT_POWER_ENUM

enum ct_power_line { CT_POWER_IGNITION, CT_POWER_WAKE_LINE, CT_POWER_LINES };

struct ct_power_config {
    bool has_ignition;  /* false: as if it was always on */
    ct_ns debounce_ns;  /* a line must be still for so long */
    ct_ns quiet_ns;     /* a bus is silent after so long */
    ct_ns polling_ns;   /* budget after the ignition went off */
    ct_ns after_run_ns; /* the longest after-run */
    ct_ns watchdog_ns;  /* between two changes of the watchdog's line */
};

/* What is still to be done. */
struct ct_power_work {
    bool outbox; /* records that the backend does not have */
    bool bus;    /* requests that run on a bus */
    bool update; /* an ECU is being written to */
};

/* What ECUs may be asked. Each allows what those before it allow. */
enum ct_power_asking {
    CT_POWER_ASK_NOTHING,
    CT_POWER_ASK_UPDATE, /* what finishes an update that has begun */
    CT_POWER_ASK_READS,  /* what changes nothing */
    CT_POWER_ASK_ALL,
};

struct ct_power_debounce {
    bool raw, level;
    ct_ns changed_ns; /* the last edge */
};

/* Users read `state`, and the rest through the functions below. */
struct ct_power {
    struct ct_power_config config;
    enum ct_power_state state;
    bool stopped;
    struct ct_power_debounce lines[CT_POWER_LINES];
    struct ct_power_work work;
    ct_ns entered_ns;  /* the state */
    ct_ns activity_ns; /* of a bus or the wake line */
    ct_ns work_ns;     /* last seen to be pending */
    ct_ns certain_ns;  /* ignition certainly on */
    ct_ns watchdog_due;
    bool watchdog;
    bool stuck; /* a thread of the gateway */
};

struct ct_power_outputs {
    bool transceiver; /* true: enabled, false: standby */
    bool led;
    bool watchdog;
    bool polling;
};

struct ct_power_change {
    enum ct_power_state from, to;
    const char *reason; /* a constant */
};

const char *ct_power_state_text(enum ct_power_state state); /* never NULL */

/* State off, all lines inactive. */
void ct_power_init(struct ct_power *power, const struct ct_power_config *config, ct_ns now);

/* The level of a line; `edges`: there were some since the last call, also when the level is the same. */
void ct_power_set_line(struct ct_power *power, enum ct_power_line line, bool active, bool edges, ct_ns now);
/* There was a frame on a bus. */
void ct_power_bus_active(struct ct_power *power, ct_ns now);
void ct_power_set_work(struct ct_power *power, struct ct_power_work work, ct_ns now);
/* While a thread is stuck the watchdog's line does not change. */
void ct_power_set_stuck(struct ct_power *power, bool stuck);
/* From now on the state is off. */
void ct_power_stop(struct ct_power *power);

/* Takes one transition if one is due: true, and *out_change says which. Call until it is false, after every input and
 * at the deadline. */
bool ct_power_step(struct ct_power *power, ct_ns now, struct ct_power_change *out_change);
/* The debounced level. */
bool ct_power_line_active(const struct ct_power *power, enum ct_power_line line);
/* Something is still to be done. */
bool ct_power_working(const struct ct_power *power);
/* Judged at `now`, whenever the last step was. */
enum ct_power_asking ct_power_asking(const struct ct_power *power, ct_ns now);
/* At least CT_POWER_ASK_READS. */
bool ct_power_may_poll(const struct ct_power *power, ct_ns now);
struct ct_power_outputs ct_power_outputs(const struct ct_power *power, ct_ns now);
/* When to call step and outputs again, at the latest; later than `now`. */
ct_ns ct_power_deadline(const struct ct_power *power, ct_ns now);

#endif
