/* A port: one CAN bus as this process reaches it. One small table of functions, implemented by the adapters (SocketCAN,
 * hub, log file, UDP) and by the in-process port of tests.
 * Non-blocking. A port belongs to one thread. */
#ifndef CT_CAN_PORT_H
#define CT_CAN_PORT_H

#include "frame.h"

struct ct_port_stats {
    uint64_t received;    /* frames handed to the reader */
    uint64_t sent;        /* frames taken by the bus */
    uint64_t lost;        /* frames the bus side reports as lost before they could be read */
    uint64_t refused;     /* frames write did not take */
    uint64_t malformed;   /* input that is no frame */
    uint64_t confirmed;   /* frames of this port that the bus has carried (SocketCAN, where the driver tells) */
    uint64_t unconfirmed; /* frames sent that the bus had not carried CT_CONFIRM_WITHIN later (there too) */
    uint64_t expired;     /* frames taken, then dropped because the bus had no room until their deadline */
    size_t queued;        /* frames taken that wait for room now */
    bool blocked;         /* nothing went out for a second although something was to be sent */
    bool up;              /* the bus can be used now */
    uint64_t outages;     /* how often it was up and went, also where it was back before anybody looked */
};

/* What a kernel interface says of itself; zero for other ports. */
struct ct_port_link {
    uint32_t bitrate, data_bitrate; /* bit/s; 0 unknown */
    bool has_state;
    uint32_t state; /* enum ct_bus_state */
    bool has_counters;
    uint16_t tx_errors, rx_errors;
    bool has_restart;
    uint32_t restart_ms; /* how long after a bus-off the kernel restarts the controller; 0: never */
    uint64_t revision;   /* counts how often state and counters were told */
};

/* Frames whose id and kind (11 or 29 bits, data or remote) match. */
struct ct_port_filter {
    uint32_t id;
    uint32_t mask; /* of the id's bits that count */
    bool ext;
};

struct ct_port;

struct ct_port_ops {
    /* Up to `max` frames that are there now; *out_count 0 and CT_ERR_AGAIN when none, CT_ERR_END when a log is at its
     * end, CT_ERR_DOWN while the bus is away (it may come back), other errors are final. Stamps t_ns, utc_ns; leaves
     * `bus` to the caller. */
    int (*read)(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count);
    /* Takes one frame or says CT_ERR_FULL (try again), CT_ERR_DOWN, CT_ERR_UNSUPPORTED (FD on a classic bus). */
    int (*write)(struct ct_port *port, const struct ct_frame *frame);
    /* Timers of the port (reconnect, paced replay, queued writes): does what is due, returns the next deadline. NULL:
     * none. */
    ct_ns (*tick)(struct ct_port *port, ct_ns now);
    void (*close)(struct ct_port *port);
    /* Lets only data frames through that one of the filters matches (and error frames); none: everything. CT_ERR_FULL
     * when they are too many: nothing is changed. NULL: everything comes. */
    int (*filter)(struct ct_port *port, const struct ct_port_filter *filters, size_t count);
    /* Whether the bus has not carried the newest frame of this content that was sent. NULL: nobody knows. */
    bool (*unconfirmed)(const struct ct_port *port, const struct ct_frame *frame);
};

/* Base of every port; adapters embed it first. Users read, and never write, these fields. */
struct ct_port {
    const struct ct_port_ops *ops;
    int fd; /* pollable for reading, -1 when there is none (see tick); may change after read or tick */
    struct ct_port_stats stats;
    struct ct_port_link link;
    char name[64]; /* as in the configuration: can0, unix:/run/x, file:drive.log */
    /* Of a log, `FILE:LINE:COLUMN: error: text`: the first line that is no frame, or what ended it early. "": nothing
     */
    char problem[512];
    char notice[200]; /* after open: what works, but not as it should, and what to do; "": nothing */
};

static inline int ct_port_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    return port->ops->read(port, out_frames, max, out_count);
}

static inline int ct_port_write(struct ct_port *port, const struct ct_frame *frame)
{
    return port->ops->write(port, frame);
}

static inline ct_ns ct_port_tick(struct ct_port *port, ct_ns now)
{
    return port->ops->tick != NULL ? port->ops->tick(port, now) : CT_NS_NEVER;
}

/* CT_ERR_UNSUPPORTED where everything comes. */
static inline int ct_port_filter(struct ct_port *port, const struct ct_port_filter *filters, size_t count)
{
    return port->ops->filter != NULL ? port->ops->filter(port, filters, count) : CT_ERR_UNSUPPORTED;
}

/* False where nobody knows. */
static inline bool ct_port_unconfirmed(const struct ct_port *port, const struct ct_frame *frame)
{
    return port->ops->unconfirmed != NULL && port->ops->unconfirmed(port, frame);
}

static inline void ct_port_close(struct ct_port *port)
{
    if (port != NULL) {
        port->ops->close(port);
    }
}

/* In-process port for tests: two ends, what one writes the other reads; bounded by `capacity` frames each way
 * (then CT_ERR_FULL). Part of the can target, no I/O. */
int ct_port_pair(size_t capacity, struct ct_port **out_a, struct ct_port **out_b) CT_MUST_CHECK;

#endif
