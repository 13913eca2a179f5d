/* A kernel CAN interface as a port: classic and FD, kernel stamps, loss accounting, error frames. Frames other programs
 * of this machine send are received too; own ones only with `own`, flagged CT_FRAME_SENT.
 * An interface that is down, or was deleted and made again (USB), is CT_ERR_DOWN until it is back; ct_port_tick looks
 * for it. Adapter target can_socketcan. One thread. Source: Documentation/networking/can.rst of Linux. */
#ifndef CT_CAN_SOCKETCAN_H
#define CT_CAN_SOCKETCAN_H

#include "port.h"

/* `fd`: CAN FD frames too; the interface must be FD-capable to send them (CT_ERR_UNSUPPORTED else). With `wait` a
 * missing interface is no error, the port is CT_ERR_DOWN until it is there. */
int ct_socketcan_open(const char *interface, bool fd, bool own, bool wait, struct ct_port **out_port, char *problem,
                      size_t problem_size) CT_MUST_CHECK;

#endif
