#include "hub_wire.h"

#include "bytes.h"

#include <string.h>

void ct_hub_put_head(uint8_t *out, enum ct_hub_packet type, size_t count, unsigned options)
{
    out[0] = (uint8_t)type;
    out[1] = (uint8_t)count;
    out[2] = CT_HUB_VERSION;
    out[3] = (uint8_t)options;
}

size_t ct_hub_put_frame(uint8_t *out, size_t at, const struct ct_frame *frame)
{
    uint8_t *p = out + at;
    const uint8_t data_len = (frame->flags & CT_FRAME_RTR) != 0 ? 0 : frame->len;
    ct_put_le64(p, (uint64_t)frame->t_ns);
    ct_put_le64(p + 8, (uint64_t)frame->utc_ns);
    ct_put_le32(p + 16, frame->id);
    ct_put_le16(p + 20, frame->flags);
    p[22] = frame->len;
    p[23] = 0;
    memcpy(p + CT_HUB_RECORD_HEAD, frame->data, data_len);
    return at + CT_HUB_RECORD_HEAD + data_len;
}

int ct_hub_get_frame(const uint8_t *packet, size_t len, size_t *at, struct ct_frame *out_frame)
{
    if (len - *at < CT_HUB_RECORD_HEAD) {
        return CT_ERR_TRUNCATED;
    }
    const uint8_t *p = packet + *at;
    struct ct_frame frame = {
        .t_ns = (ct_ns)ct_le64(p),
        .utc_ns = (int64_t)ct_le64(p + 8),
        .id = ct_le32(p + 16),
        .flags = ct_le16(p + 20),
        .len = p[22],
    };
    if (!ct_frame_valid(&frame) || (frame.flags >> 7) != 0) {
        return CT_ERR_CORRUPT;
    }
    const size_t data_len = (frame.flags & CT_FRAME_RTR) != 0 ? 0 : frame.len;
    if (len - *at - CT_HUB_RECORD_HEAD < data_len) {
        return CT_ERR_TRUNCATED;
    }
    memcpy(frame.data, p + CT_HUB_RECORD_HEAD, data_len);
    *at += CT_HUB_RECORD_HEAD + data_len;
    *out_frame = frame;
    return CT_OK;
}
