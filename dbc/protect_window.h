/* Whether a protected stream can be trusted, from its last checks: AUTOSAR's E2E state machine (PRS E2EProtocol, E2E
 * supervision) with one window size for all states. For functions that must not act on a stream that fails often,
 * though each frame it accepts is good. Pure; a window belongs to one thread; visible state, written by these functions
 * only. */
#ifndef CT_DBC_PROTECT_WINDOW_H
#define CT_DBC_PROTECT_WINDOW_H

#include "protect.h"

#define CT_PROTECT_WINDOW_MAX 32

enum ct_stream_state {
    CT_STREAM_NO_DATA, /* nothing usable came yet */
    CT_STREAM_INIT,    /* data comes, not yet enough of it */
    CT_STREAM_VALID,
    CT_STREAM_INVALID,
};

/* Limits of one state: checks found OK (or INITIAL, OK_SOME_LOST) that there must be at least, and ERRORs at most. */
struct ct_stream_limits {
    uint8_t min_ok;
    uint8_t max_error;
};

struct ct_stream_config {
    uint8_t size; /* checks looked at, 1 .. CT_PROTECT_WINDOW_MAX */
    struct ct_stream_limits init, valid, invalid;
};

struct ct_protect_window {
    struct ct_stream_config config;
    enum ct_stream_state state;
    uint32_t ok, error; /* bit per check, the newest lowest */
};

/* CT_ERR_RANGE when the size is wrong or a limit is above it. */
int ct_protect_window_init(struct ct_protect_window *window, const struct ct_stream_config *config) CT_MUST_CHECK;

/* Takes what a check found, or CT_PROTECT_NO_NEW_DATA when a frame was due and none came. Returns the state after it.
 */
enum ct_stream_state ct_protect_window_add(struct ct_protect_window *window, enum ct_protect_status status);

#endif
