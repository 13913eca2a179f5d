/* What hub and client say to each other: packets of a 4-byte head (type, count, version, options) and
 *   HELLO    client -> hub: the client's name, no NUL
 *   WELCOME  hub -> client: nothing
 *   FRAMES   both ways: `count` records of t_ns i64, utc_ns i64, id u32, flags u16, len u8, zero u8, data[len];
 *            little-endian; the hub ignores a client's stamps.
 * Private to can_hub. Thread-safe: pure functions. */
#ifndef CT_CAN_HUB_WIRE_H
#define CT_CAN_HUB_WIRE_H

#include "frame.h"

#define CT_HUB_VERSION     1
#define CT_HUB_HEAD        4
#define CT_HUB_RECORD_HEAD 24
#define CT_HUB_BATCH       32 /* frames in one packet at most */
#define CT_HUB_PACKET_MAX  (CT_HUB_HEAD + CT_HUB_BATCH * (CT_HUB_RECORD_HEAD + CT_FRAME_DATA_MAX))
#define CT_HUB_OPTION_OWN  1U /* HELLO: send my own frames back to me, flagged CT_FRAME_SENT */
#define CT_HUB_NAME_MAX    32

enum ct_hub_packet { CT_HUB_HELLO = 1, CT_HUB_WELCOME = 2, CT_HUB_FRAMES = 3 };

void ct_hub_put_head(uint8_t *out, enum ct_hub_packet type, size_t count, unsigned options);

/* Appends one record at out + at, returns the new end. */
size_t ct_hub_put_frame(uint8_t *out, size_t at, const struct ct_frame *frame);

/* Takes the record at `*at` and moves on; CT_ERR_TRUNCATED or CT_ERR_CORRUPT (no valid frame). */
int ct_hub_get_frame(const uint8_t *packet, size_t len, size_t *at, struct ct_frame *out_frame) CT_MUST_CHECK;

#endif
