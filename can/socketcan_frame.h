/* Between ct_frame and the kernel's struct can_frame / canfd_frame. Private to can_socketcan. Thread-safe: pure. */
#ifndef CT_CAN_SOCKETCAN_FRAME_H
#define CT_CAN_SOCKETCAN_FRAME_H

#include "frame.h"

#include <linux/can.h>

/* `len` is what the kernel handed over: CAN_MTU or CANFD_MTU, anything else is CT_ERR_CORRUPT. */
int ct_socketcan_to_frame(const struct canfd_frame *raw, size_t len, struct ct_frame *out_frame) CT_MUST_CHECK;

/* Returns the length to write. `frame` must be valid. */
size_t ct_socketcan_from_frame(const struct ct_frame *frame, struct canfd_frame *out_raw);

#endif
