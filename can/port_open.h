/* Opens a port by its name: `can0` or `socketcan:can0` (kernel interface), `unix:/path/of/hub`, `file:drive.log`,
 * `udp:` (python-can's multicast group on loopback). Adapter target can_ports, which knows all adapters. */
#ifndef CT_CAN_PORT_OPEN_H
#define CT_CAN_PORT_OPEN_H

#include "port.h"

struct ct_port_options {
    bool fd;             /* FD frames wanted (socketcan) */
    bool own;            /* also read back the frames this port sent, flagged CT_FRAME_SENT */
    double replay_speed; /* file: 1 real time, n times faster, 0 as fast as possible */
    const char *channel; /* file: only this interface name of the log; NULL all */
    const char *client;  /* hub: the name others see for this client */
    int patience;        /* socketcan: ms that a frame may wait for room; 0: 100 */
    bool wait; /* hub, socketcan: a bus that is not there yet is no error, the port is CT_ERR_DOWN until it is */
};

/* NULL options: classic frames of others, files in real time. `problem` gets one line that names the port and what to
 * do when the result is an error. */
int ct_port_open(const char *name, const struct ct_port_options *options, struct ct_port **out_port, char *problem,
                 size_t problem_size) CT_MUST_CHECK;

#endif
