/* What a daemon tells the service manager that started it: ready, reloading, stopping, alive (the protocol of
 * sd_notify(3) and sd_watchdog_enabled(3): a datagram to $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID; without
 * these variables nothing is told), and whether its threads make their rounds.
 *
 * "Alive" is told only while every registered thread makes its rounds: a thread marks in its struct ct_pulse where it
 * rests, waiting for its descriptors, and where it works. One that works through a whole turn of the watchdog without
 * coming to rest or beginning another round is stuck; then nothing is told, and the service manager restarts the
 * daemon. Adapter target base_service. ct_pulse_*: its own thread; rounds: one thread, whichever; the watchdog: the
 * main thread. */
#ifndef CT_BASE_SERVICE_H
#define CT_BASE_SERVICE_H

#include "time_ns.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define CT_WATCHDOG_THREADS_MAX 4

struct ct_pulse {
    _Atomic uint32_t turns; /* odd: at work */
};

static inline void ct_pulse_rest(struct ct_pulse *pulse)
{
    atomic_store_explicit(&pulse->turns, (atomic_load_explicit(&pulse->turns, memory_order_relaxed) | 1U) + 1U,
                          memory_order_relaxed);
}

static inline void ct_pulse_work(struct ct_pulse *pulse)
{
    atomic_store_explicit(&pulse->turns, (atomic_load_explicit(&pulse->turns, memory_order_relaxed) + 1U) | 1U,
                          memory_order_relaxed);
}

/* Threads whose rounds somebody looks at. Zeroed: none. */
struct ct_rounds {
    size_t count;
    struct {
        const char *name;
        const struct ct_pulse *pulse;
        uint32_t turns; /* as last seen */
        ct_ns since;    /* when they were seen first */
    } threads[CT_WATCHDOG_THREADS_MAX];
};

/* At most CT_WATCHDOG_THREADS_MAX; `name` and `pulse` are kept. */
void ct_rounds_add(struct ct_rounds *rounds, const char *name, const struct ct_pulse *pulse);
/* A look: the name of a thread that has been seen in the same round for `patience` or longer, NULL when there is none.
 * Needs two looks at least; costs one load for each thread. */
const char *ct_rounds_stuck(struct ct_rounds *rounds, ct_ns patience, ct_ns now);

struct ct_watchdog {
    ct_ns period; /* CT_NS_NEVER: nobody watches */
    ct_ns due;    /* of the next turn */
    struct ct_rounds rounds;
};

/* "READY=1", "RELOADING=1", "STOPPING=1". */
void ct_service_notify(const char *state);

/* Turns four times in the interval that the service manager asks for ($WATCHDOG_USEC). */
void ct_watchdog_open(struct ct_watchdog *watchdog, ct_ns now);
/* As ct_rounds_add. */
void ct_watchdog_add(struct ct_watchdog *watchdog, const char *name, const struct ct_pulse *pulse);
/* To be called at `due`, and as often as one likes before. The name of a stuck thread, NULL when all is well. */
const char *ct_watchdog_turn(struct ct_watchdog *watchdog, ct_ns now);

#endif
