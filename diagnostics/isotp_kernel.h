/* An ISO-TP pair kept by the Linux kernel (CAN_ISOTP socket, since 5.10) instead of by our own machine: the same
 * configuration, messages instead of frames. For peers of our machine in tests, and for whoever wants the kernel's
 * timing. Adapter target isotp_kernel.
 *
 * What the kernel does not have is refused, not passed over: fixed and mixed modes are taken as the ids and address
 * bytes they are, but other priorities are not received; WAIT is never sent, timers are the kernel's (N_Bs and N_Cr one
 * second), STmin and block size of the first flow control count for a whole message, the floor and ceiling of STmin and
 * the sinks are ours alone. Non-blocking; belongs to one thread. */
#ifndef CT_DIAGNOSTICS_ISOTP_KERNEL_H
#define CT_DIAGNOSTICS_ISOTP_KERNEL_H

#include "isotp.h"

struct ct_isotp_kernel {
    int fd; /* pollable: readable when a message or a failure is there, writable when a message may be sent */
};

/* CT_ERR_NOT_FOUND: no such interface; CT_ERR_UNSUPPORTED: the kernel has no CAN_ISOTP, the interface no FD, or the
 * configuration asks for what only our machine does; CT_ERR_ARGUMENT. */
int ct_isotp_kernel_open(const char *interface, const struct ct_isotp_config *config,
                         struct ct_isotp_kernel *out_pair) CT_MUST_CHECK;
void ct_isotp_kernel_close(struct ct_isotp_kernel *pair);

/* CT_ERR_BUSY while one is being sent, CT_ERR_TOO_LARGE over what this kernel sends, CT_ERR_DOWN without interface.
 * That it was taken says nothing: the end of a segmented message is told by the peer, or by a failure that receive
 * gives. */
int ct_isotp_kernel_send(struct ct_isotp_kernel *pair, const uint8_t *data, size_t len) CT_MUST_CHECK;

/* The next message in `data`, or the next failure of either direction in out_event (MESSAGE, TX_FAILED, RX_FAILED);
 * CT_ERR_AGAIN when there is none, CT_ERR_TOO_LARGE for a message that is cut at `size`, CT_ERR_DOWN. */
int ct_isotp_kernel_receive(struct ct_isotp_kernel *pair, uint8_t *data, size_t size,
                            struct ct_isotp_event *out_event) CT_MUST_CHECK;

#endif
