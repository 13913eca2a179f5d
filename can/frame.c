#include "frame.h"

#include <string.h>

static const uint8_t dlc_lengths[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

bool ct_frame_valid(const struct ct_frame *frame)
{
    const unsigned flags = frame->flags;
    const uint32_t id_max = (flags & (CT_FRAME_EXT | CT_FRAME_ERR)) != 0 ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    if (frame->id > id_max) {
        return false;
    }
    if ((flags & CT_FRAME_ERR) != 0 && (flags & (CT_FRAME_EXT | CT_FRAME_RTR | CT_FRAME_FD)) != 0) {
        return false;
    }
    if ((flags & CT_FRAME_FD) == 0) {
        return frame->len <= 8 && (flags & (CT_FRAME_BRS | CT_FRAME_ESI)) == 0;
    }
    return (flags & CT_FRAME_RTR) == 0 && frame->len <= CT_FRAME_DATA_MAX &&
           ct_frame_fd_length(frame->len) == frame->len;
}

uint8_t ct_frame_dlc_from_length(uint8_t len)
{
    uint8_t dlc = 0;
    while (dlc < 15 && dlc_lengths[dlc] < len) {
        dlc++;
    }
    return dlc;
}

uint8_t ct_frame_fd_length(size_t len)
{
    return dlc_lengths[ct_frame_dlc_from_length(len > CT_FRAME_DATA_MAX ? CT_FRAME_DATA_MAX : (uint8_t)len)];
}

uint8_t ct_frame_length_from_dlc(uint8_t dlc, bool fd)
{
    const uint8_t len = dlc_lengths[dlc & 15];
    return !fd && len > 8 ? 8 : len;
}

bool ct_frame_same(const struct ct_frame *a, const struct ct_frame *b)
{
    const unsigned differing = (unsigned)a->flags ^ b->flags;
    if (a->id != b->id || a->len != b->len || (differing & ~(unsigned)CT_FRAME_SENT) != 0) {
        return false;
    }
    return (a->flags & CT_FRAME_RTR) != 0 || memcmp(a->data, b->data, a->len) == 0;
}
