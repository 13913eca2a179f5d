#include "pcap.h"

#include "bytes.h"

#include <string.h>

#define MAGIC_NS      0xA1B23C4DU
#define LINKTYPE      227U
#define SNAP_LENGTH   262144U
#define ID_EXTENDED   0x80000000U
#define ID_REMOTE     0x40000000U
#define ID_ERROR      0x20000000U
#define FD_BRS        0x01U
#define FD_ESI        0x02U
#define FD_FORMAT     0x04U
#define RECORD_HEADER 16U
#define FRAME_HEADER  8U

void ct_pcap_put_header(uint8_t out[CT_PCAP_HEADER])
{
    ct_put_le32(out, MAGIC_NS);
    ct_put_le16(out + 4, 2);
    ct_put_le16(out + 6, 4);
    ct_put_le32(out + 8, 0);
    ct_put_le32(out + 12, 0);
    ct_put_le32(out + 16, SNAP_LENGTH);
    ct_put_le32(out + 20, LINKTYPE);
}

static uint32_t id_word(const struct ct_frame *frame)
{
    uint32_t id = frame->id;
    id |= (frame->flags & CT_FRAME_EXT) != 0 ? ID_EXTENDED : 0;
    id |= (frame->flags & CT_FRAME_RTR) != 0 ? ID_REMOTE : 0;
    id |= (frame->flags & CT_FRAME_ERR) != 0 ? ID_ERROR : 0;
    return id;
}

static uint8_t fd_byte(const struct ct_frame *frame)
{
    unsigned bits = (frame->flags & CT_FRAME_FD) != 0 ? FD_FORMAT : 0;
    bits |= (frame->flags & CT_FRAME_BRS) != 0 ? FD_BRS : 0;
    bits |= (frame->flags & CT_FRAME_ESI) != 0 ? FD_ESI : 0;
    return (uint8_t)bits;
}

size_t ct_pcap_put_record(const struct ct_frame *frame, int64_t stamp_ns, uint8_t out[CT_PCAP_RECORD_MAX])
{
    const int64_t stamp = stamp_ns > 0 ? stamp_ns : 0;
    const size_t data = (frame->flags & CT_FRAME_RTR) != 0 ? 0 : frame->len;
    uint8_t *body = out + RECORD_HEADER;
    ct_put_le32(out, (uint32_t)(stamp / CT_NS_PER_S));
    ct_put_le32(out + 4, (uint32_t)(stamp % CT_NS_PER_S));
    ct_put_le32(out + 8, (uint32_t)(FRAME_HEADER + data));
    ct_put_le32(out + 12, (uint32_t)(FRAME_HEADER + data));
    ct_put_be32(body, id_word(frame));
    body[4] = frame->len;
    body[5] = fd_byte(frame);
    body[6] = 0;
    body[7] = 0;
    memcpy(body + FRAME_HEADER, frame->data, data);
    return RECORD_HEADER + FRAME_HEADER + data;
}
