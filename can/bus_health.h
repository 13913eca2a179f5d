/* The state of a CAN controller as its error frames and its interface tell it: error-active, warning, passive, bus-off,
 * restarts, error counters, and what went wrong how often. Sans I/O. Belongs to one thread.
 * Sources: ISO 11898-1:2015, 12 (fault confinement); <linux/can/error.h> for the layout of error frames. */
#ifndef CT_CAN_BUS_HEALTH_H
#define CT_CAN_BUS_HEALTH_H

#include "frame.h"

enum ct_bus_state { /* numbered as Linux's enum can_state */
                    CT_BUS_ERROR_ACTIVE,
                    CT_BUS_ERROR_WARNING,
                    CT_BUS_ERROR_PASSIVE,
                    CT_BUS_OFF,
                    CT_BUS_STOPPED,
                    CT_BUS_SLEEPING,
                    CT_BUS_STATE_COUNT
};

struct ct_bus_health {
    bool known; /* false: nothing was ever said; the rest of the state is meaningless then */
    enum ct_bus_state state;
    ct_ns since_ns; /* of the state */
    uint16_t tx_errors, rx_errors;
    /* how often, since the start */
    uint64_t error_frames;
    uint64_t bus_offs;
    uint64_t restarts;
    uint64_t tx_timeouts;
    uint64_t lost_arbitrations;
    uint64_t bus_errors;   /* protocol violations, missing acknowledgements, bus errors */
    uint64_t rx_overflows; /* the controller's own buffer was full: frames are lost, nobody knows how many */
    uint64_t tx_overflows;
};

/* Takes an error frame (CT_FRAME_ERR); others change nothing. True when the state is another one now. */
bool ct_bus_health_frame(struct ct_bus_health *health, const struct ct_frame *frame);

/* What the interface itself says; counters as read from the controller. True when the state is another one now. */
bool ct_bus_health_report(struct ct_bus_health *health, enum ct_bus_state state, uint16_t tx_errors, uint16_t rx_errors,
                          ct_ns now);

/* The graver of the two, for the bus behind the controller: active, sleeping, warning, passive, stopped, off. */
enum ct_bus_state ct_bus_state_worse(enum ct_bus_state a, enum ct_bus_state b);

const char *ct_bus_state_text(enum ct_bus_state state); /* "error-active" ... */

#endif
