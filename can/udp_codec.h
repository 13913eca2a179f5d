/* One CAN frame as python-can's udp_multicast puts it into a datagram: one msgpack map with the keys of can.Message.
 * Source: python-can can/interfaces/udp_multicast/utils.py, msgpack specification. Thread-safe: pure functions. */
#ifndef CT_CAN_UDP_CODEC_H
#define CT_CAN_UDP_CODEC_H

#include "frame.h"

#define CT_UDP_FRAME_MAX 320 /* encoded size at most */

/* utc_ns is the timestamp. Returns the length. `frame` must be valid. */
size_t ct_udp_encode(const struct ct_frame *frame, uint8_t out[CT_UDP_FRAME_MAX]);

/* Any key order; unknown keys are skipped, missing ones have can.Message's defaults. utc_ns is the timestamp in it (0
 * when it has none), t_ns stays 0. CT_ERR_SYNTAX, CT_ERR_TRUNCATED or CT_ERR_RANGE (no valid CAN frame). */
int ct_udp_decode(const uint8_t *data, size_t len, struct ct_frame *out_frame) CT_MUST_CHECK;

#endif
