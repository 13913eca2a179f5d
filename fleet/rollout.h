/* A rollout as a pure machine: what became of its vehicles comes in, which of them are offered the update next goes
 * out.
 *
 * Vehicles go in waves: first `canary` of them, then `wave_size` at a time, only those that can be reached now. A wave
 * begins when all of the one before have ended. It halts as soon as `success_percent` of the wave in hand cannot be
 * reached any more; vehicles that said nothing about the set (declined, expired) count neither way. Belongs to one
 * thread; no I/O, no clock. */
#ifndef CT_FLEET_ROLLOUT_H
#define CT_FLEET_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stored: never given twice. */
#define CT_ROLLOUT_STATE_MAP(X)  \
    X(RUNNING, 1, "running")     \
    X(PAUSED, 2, "paused")       \
    X(HALTED, 3, "halted")       \
    X(DONE, 4, "done")           \
    X(CANCELLED, 5, "cancelled") \
    X(EXPIRED, 6, "deadline-passed")

#define CT_ROLLOUT_STATE_ENUM(name, value, text) CT_ROLLOUT_##name = (value),
enum ct_rollout_state { CT_ROLLOUT_STATE_MAP(CT_ROLLOUT_STATE_ENUM) };
#undef CT_ROLLOUT_STATE_ENUM

/* Of a vehicle in a rollout. Stored. */
#define CT_PLACE_STATE_MAP(X)  \
    X(WAITING, 0, "waiting")   \
    X(OPEN, 1, "open")         \
    X(GOOD, 2, "succeeded")    \
    X(BAD, 3, "failed")        \
    X(DECLINED, 4, "declined") \
    X(LEFT_OUT, 5, "left-out")

#define CT_PLACE_STATE_ENUM(name, value, text) CT_PLACE_##name = (value),
enum ct_place_state { CT_PLACE_STATE_MAP(CT_PLACE_STATE_ENUM) };
#undef CT_PLACE_STATE_ENUM
#define CT_PLACE_STATES 6

struct ct_rollout_plan {
    uint32_t canary;          /* >= 1: vehicles of the first wave */
    uint32_t wave_size;       /* >= 1: of each other */
    uint32_t success_percent; /* 0 .. 100 of a wave */
    int64_t deadline_utc_ms;  /* nothing is offered from then on */
};

struct ct_rollout {
    struct ct_rollout_plan plan;
    enum ct_rollout_state state;
    uint32_t wave;                            /* in hand; 0: the canary */
    uint32_t wave_count, wave_bad, wave_good; /* of the wave in hand, filled by next */
};

struct ct_rollout_place {
    enum ct_place_state state;
    uint32_t wave;  /* in which it was offered */
    bool reachable; /* connected now */
    bool offer;     /* out: offer it now, in the rollout's wave */
};

/* Marks whom to offer and moves the rollout on; returns how many are marked. Nothing is marked unless it runs. */
size_t ct_rollout_next(struct ct_rollout *rollout, struct ct_rollout_place *places, size_t count, int64_t utc_ms);

/* What people ask for; false: not in this state. Resuming begins a new wave: what failed in the halted one is accepted
 * by whoever resumes. */
bool ct_rollout_pause(struct ct_rollout *rollout);
bool ct_rollout_resume(struct ct_rollout *rollout, uint32_t success_percent);
bool ct_rollout_cancel(struct ct_rollout *rollout);

const char *ct_rollout_state_text(int state); /* never NULL */
const char *ct_place_state_text(int state);   /* never NULL */

#endif
