#include "socketcan_frame.h"

#include <stddef.h>
#include <string.h>

_Static_assert(offsetof(struct can_frame, data) == offsetof(struct canfd_frame, data), "classic and FD share a layout");
_Static_assert(sizeof(((struct canfd_frame *)0)->data) == CT_FRAME_DATA_MAX, "an FD frame holds 64 bytes");

int ct_socketcan_to_frame(const struct canfd_frame *raw, size_t len, struct ct_frame *out_frame)
{
    if (len != CAN_MTU && len != CANFD_MTU) {
        return CT_ERR_CORRUPT;
    }
    const bool fd = len == CANFD_MTU;
    const canid_t id = raw->can_id;
    const bool error = (id & CAN_ERR_FLAG) != 0;
    const bool ext = !error && (id & CAN_EFF_FLAG) != 0;
    unsigned flags = 0;
    flags |= ext ? (unsigned)CT_FRAME_EXT : 0U;
    flags |= error ? (unsigned)CT_FRAME_ERR : 0U;
    flags |= !error && (id & CAN_RTR_FLAG) != 0 ? (unsigned)CT_FRAME_RTR : 0U;
    flags |= fd ? (unsigned)CT_FRAME_FD : 0U;
    /* For a classic frame the byte is padding and says nothing. */
    flags |= fd && (raw->flags & CANFD_BRS) != 0 ? (unsigned)CT_FRAME_BRS : 0U;
    flags |= fd && (raw->flags & CANFD_ESI) != 0 ? (unsigned)CT_FRAME_ESI : 0U;
    struct ct_frame frame = {
        .id = id & (ext || error ? CAN_EFF_MASK : CAN_SFF_MASK),
        .flags = (uint16_t)flags,
        .len = raw->len,
    };
    if (!ct_frame_valid(&frame)) {
        return CT_ERR_CORRUPT;
    }
    memcpy(frame.data, raw->data, frame.len);
    *out_frame = frame;
    return CT_OK;
}

size_t ct_socketcan_from_frame(const struct ct_frame *frame, struct canfd_frame *out_raw)
{
    const unsigned flags = frame->flags;
    memset(out_raw, 0, sizeof *out_raw);
    out_raw->can_id = frame->id;
    out_raw->can_id |= (flags & CT_FRAME_EXT) != 0 ? CAN_EFF_FLAG : 0U;
    out_raw->can_id |= (flags & CT_FRAME_RTR) != 0 ? CAN_RTR_FLAG : 0U;
    out_raw->can_id |= (flags & CT_FRAME_ERR) != 0 ? CAN_ERR_FLAG : 0U;
    out_raw->len = frame->len;
    if ((flags & CT_FRAME_RTR) == 0) {
        memcpy(out_raw->data, frame->data, frame->len);
    }
    if ((flags & CT_FRAME_FD) == 0) {
        return CAN_MTU;
    }
    const unsigned raw_flags = ((flags & CT_FRAME_BRS) != 0 ? (unsigned)CANFD_BRS : 0U) |
                               ((flags & CT_FRAME_ESI) != 0 ? (unsigned)CANFD_ESI : 0U);
    out_raw->flags = (uint8_t)raw_flags;
    return CANFD_MTU;
}
