/* A kernel CAN interface as a port: classic and FD, kernel stamps, loss accounting, error frames, a send queue. Frames
 * other programs of this machine send are received too; own ones only with `own`, flagged CT_FRAME_SENT.
 *
 * Losses: stats.lost counts what the socket's queue had no room for (exactly) and what driver and kernel dropped before
 * it (looked at once a second while frames come).
 * An interface that is down, or was deleted and made again (USB), is CT_ERR_DOWN until it is back, which rtnetlink
 * tells; ct_port_tick looks for it once a second where rtnetlink may not be used.
 * Error frames are handed to the reader; more than CT_SOCKETCAN_BUS_ERRORS_MAX bus errors in a second are switched off
 * in the kernel until the second is over.
 * Writing: what the interface has no room for waits in a queue (send_queue.h); ct_port_tick sends it. What was sent and
 * does not come back as carried by the bus in time is counted as unconfirmed (confirm.h), filters permitting.
 * The descriptor stays the same for the port's life. Adapter target can_socketcan. One thread.
 * Source: Documentation/networking/can.rst of Linux. */
#ifndef CT_CAN_SOCKETCAN_H
#define CT_CAN_SOCKETCAN_H

#include "link_message.h"
#include "port.h"

#define CT_SOCKETCAN_FILTERS_MAX    512 /* the kernel's CAN_RAW_FILTER_MAX */
#define CT_SOCKETCAN_BUS_ERRORS_MAX 200 /* a second */
#define CT_SOCKETCAN_RECEIVE_BUFFER (8 << 20)

struct ct_socketcan_options {
    bool fd;      /* CAN FD frames too; the interface must be FD-capable to send them (CT_ERR_UNSUPPORTED else) */
    bool own;     /* own frames are read back */
    bool wait;    /* a missing interface is no error, the port is CT_ERR_DOWN until it is there */
    int patience; /* ms that a frame may wait for room; 0: 100 */
};

int ct_socketcan_open(const char *interface, const struct ct_socketcan_options *options, struct ct_port **out_port,
                      char *problem, size_t problem_size) CT_MUST_CHECK;

/* Lets only data frames through that one of the filters matches; none (count 0): everything, as after open. Error
 * frames always come. With filters own frames are read back, and confirmed, only where a filter matches.
 * CT_ERR_FULL over CT_SOCKETCAN_FILTERS_MAX: the union of what is wanted does not fit, take everything. */
int ct_socketcan_set_filters(struct ct_port *port, const struct ct_port_filter *filters, size_t count) CT_MUST_CHECK;

/* How many rules the kernel's own CAN gateway has (`cangw -L`): it carries frames past everything that is decided here.
 * 0 also where it cannot be asked. Waits for the kernel's answer, 0.2 s at most. */
size_t ct_socketcan_kernel_routes(void);

/* What the kernel says of an interface now. CT_ERR_NOT_FOUND when there is none of the name, others when the kernel
 * does not answer within 0.2 s. */
int ct_socketcan_ask_link(const char *interface, struct ct_link_message *out_link) CT_MUST_CHECK;

#endif
