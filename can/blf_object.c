#include "blf.h"

#include "bytes.h"

#include <string.h>
#include <time.h>

#define HEADER         32U /* base header and version 1 */
#define ID_EXT         0x80000000U
#define FLAG_TX        0x01U
#define FLAG_REMOTE    0x80U
#define FD_EDL         0x01U
#define FD_BRS         0x02U
#define FD_ESI         0x04U
#define FD64_REMOTE    0x0010U
#define FD64_EDL       0x1000U
#define FD64_BRS       0x2000U
#define FD64_ESI       0x4000U
#define FD64_HEAD      40U
#define TIME_TEN_US    1U
#define TIME_ONE_NS    2U
#define SYSTEMTIME_LEN 16U

/* What stands behind an object's header. */
struct body {
    const uint8_t *bytes;
    size_t len;         /* of the object, as far as it is there */
    size_t header_size; /* offsets inside some objects count from their start */
};

static void set_id(struct ct_frame *frame, uint32_t raw)
{
    frame->id = raw & CT_ID_EXT_MAX;
    frame->flags |= (raw & ID_EXT) != 0 || frame->id > CT_ID_STD_MAX ? CT_FRAME_EXT : 0;
}

static void set_classic(struct ct_frame *frame, uint8_t flags, uint8_t dlc)
{
    frame->flags |= (flags & FLAG_TX) != 0 ? CT_FRAME_SENT : 0;
    frame->flags |= (flags & FLAG_REMOTE) != 0 ? CT_FRAME_RTR : 0;
    frame->len = dlc > 8 ? 8 : dlc;
}

static void set_fd(struct ct_frame *frame, uint8_t dlc, bool brs, bool esi)
{
    frame->flags |= CT_FRAME_FD;
    frame->flags |= brs ? CT_FRAME_BRS : 0;
    frame->flags |= esi ? CT_FRAME_ESI : 0;
    frame->len = ct_frame_length_from_dlc(dlc, true);
}

/* The data, zeros where the object has fewer bytes than the length says. */
static void set_data(struct ct_frame *frame, const uint8_t *data, size_t there)
{
    if ((frame->flags & CT_FRAME_RTR) == 0) {
        memcpy(frame->data, data, there < frame->len ? there : frame->len);
    }
}

static unsigned read_classic(const struct body *b, struct ct_frame *frame)
{
    set_id(frame, ct_le32(b->bytes + 4));
    set_classic(frame, b->bytes[2], b->bytes[3]);
    set_data(frame, b->bytes + 8, 8);
    return ct_le16(b->bytes);
}

static unsigned read_fd(const struct body *b, struct ct_frame *frame)
{
    const uint8_t fd_flags = b->bytes[13];
    const uint8_t valid = b->bytes[14];
    set_id(frame, ct_le32(b->bytes + 4));
    set_classic(frame, b->bytes[2], b->bytes[3]);
    if ((fd_flags & FD_EDL) != 0 && (frame->flags & CT_FRAME_RTR) == 0) {
        set_fd(frame, b->bytes[3], (fd_flags & FD_BRS) != 0, (fd_flags & FD_ESI) != 0);
    }
    const size_t there = b->len - 20;
    set_data(frame, b->bytes + 20, valid < there ? valid : there);
    return ct_le16(b->bytes);
}

static unsigned read_fd64(const struct body *b, struct ct_frame *frame)
{
    const uint32_t flags = ct_le32(b->bytes + 12);
    const uint8_t valid = b->bytes[2];
    const uint8_t extra_at = b->bytes[35]; /* where more than the data follows, from the object's start; 0 nothing */
    set_id(frame, ct_le32(b->bytes + 4));
    set_classic(frame, b->bytes[34] != 0 ? FLAG_TX : 0, b->bytes[1]);
    if ((flags & FD64_REMOTE) != 0) {
        frame->flags |= CT_FRAME_RTR;
    } else if ((flags & FD64_EDL) != 0) {
        set_fd(frame, b->bytes[1], (flags & FD64_BRS) != 0, (flags & FD64_ESI) != 0);
    }
    size_t there = b->len - FD64_HEAD;
    const size_t before_data = b->header_size + FD64_HEAD;
    if (extra_at >= before_data && extra_at - before_data < there) {
        there = extra_at - before_data;
    }
    set_data(frame, b->bytes + FD64_HEAD, valid < there ? valid : there);
    return b->bytes[0];
}

static unsigned read_error(const struct body *b, struct ct_frame *frame)
{
    ct_log_error_frame(frame);
    return ct_le16(b->bytes);
}

static unsigned read_fd_error(const struct body *b, struct ct_frame *frame)
{
    ct_log_error_frame(frame);
    return b->bytes[0];
}

static const struct {
    uint32_t type;
    size_t min;                                                        /* bytes behind the header */
    unsigned (*read)(const struct body *body, struct ct_frame *frame); /* gives the channel */
} readers[] = {
    {CT_BLF_CAN_MESSAGE, 16, read_classic},     {CT_BLF_CAN_MESSAGE2, 16, read_classic},
    {CT_BLF_CAN_FD_MESSAGE, 20, read_fd},       {CT_BLF_CAN_FD_MESSAGE_64, FD64_HEAD, read_fd64},
    {CT_BLF_CAN_ERROR, 4, read_error},          {CT_BLF_CAN_ERROR_EXT, 4, read_error},
    {CT_BLF_CAN_FD_ERROR_64, 4, read_fd_error},
};

/* Both header versions have flags and time stamp at the same place. */
static int take_stamp(const uint8_t *bytes, int64_t start_utc, struct ct_frame *frame)
{
    const uint32_t flags = ct_le32(bytes + 16);
    const uint64_t unit = (flags & (TIME_TEN_US | TIME_ONE_NS)) == TIME_TEN_US ? 10000 : 1;
    uint64_t offset;
    if (__builtin_mul_overflow(ct_le64(bytes + 24), unit, &offset) || offset > INT64_MAX) {
        return CT_ERR_RANGE;
    }
    return ct_log_stamp(frame, start_utc, offset);
}

int ct_blf_object(const uint8_t *bytes, size_t len, int64_t start_utc, struct ct_log_record *out_record,
                  const char **out_text)
{
    const uint32_t type = ct_le32(bytes + 12);
    const size_t header_size = ct_le16(bytes + 4);
    size_t i = 0;
    while (i < sizeof readers / sizeof readers[0] && readers[i].type != type) {
        i++;
    }
    if (i == sizeof readers / sizeof readers[0]) {
        return CT_ERR_NOT_FOUND;
    }
    if (header_size < HEADER || header_size > len || len - header_size < readers[i].min) {
        *out_text = "object is shorter than its kind must be";
        return CT_ERR_SYNTAX;
    }
    struct ct_log_record record = {.frame = {.t_ns = 0}};
    if (take_stamp(bytes, start_utc, &record.frame) != CT_OK) {
        *out_text = "time stamp is out of range";
        return CT_ERR_SYNTAX;
    }
    const struct body body = {bytes + header_size, len - header_size, header_size};
    ct_log_channel_name(readers[i].read(&body, &record.frame), record.channel);
    *out_record = record;
    return CT_OK;
}

/* Data at `at` behind the header, then the object's header and padding. */
static size_t finish_object(uint8_t *out, uint32_t type, size_t body, uint64_t offset_ns)
{
    const size_t size = HEADER + body;
    memcpy(out, "LOBJ", 4);
    ct_put_le16(out + 4, HEADER);
    ct_put_le16(out + 6, 1);
    ct_put_le32(out + 8, (uint32_t)size);
    ct_put_le32(out + 12, type);
    ct_put_le32(out + 16, TIME_ONE_NS);
    ct_put_le64(out + 24, offset_ns);
    return size + size % 4;
}

static size_t put_classic(const struct ct_frame *frame, uint8_t *out, uint64_t offset_ns)
{
    memcpy(out + HEADER + 8, frame->data, (frame->flags & CT_FRAME_RTR) != 0 ? 0 : frame->len);
    return finish_object(out, CT_BLF_CAN_MESSAGE, 16, offset_ns);
}

static size_t put_fd(const struct ct_frame *frame, uint8_t *out, uint64_t offset_ns)
{
    uint8_t *body = out + HEADER;
    body[3] = ct_frame_dlc_from_length(frame->len);
    body[13] = (uint8_t)(FD_EDL | ((frame->flags & CT_FRAME_BRS) != 0 ? FD_BRS : 0) |
                         ((frame->flags & CT_FRAME_ESI) != 0 ? FD_ESI : 0));
    body[14] = frame->len;
    memcpy(body + 20, frame->data, frame->len);
    return finish_object(out, CT_BLF_CAN_FD_MESSAGE, 88, offset_ns);
}

size_t ct_blf_put_object(const struct ct_frame *frame, uint64_t offset_ns, unsigned channel,
                         uint8_t out_bytes[CT_BLF_OBJECT_MAX])
{
    uint8_t *body = out_bytes + HEADER;
    memset(out_bytes, 0, CT_BLF_OBJECT_MAX);
    ct_put_le16(body, (uint16_t)channel);
    if ((frame->flags & CT_FRAME_ERR) != 0) {
        return finish_object(out_bytes, CT_BLF_CAN_ERROR_EXT, 32, offset_ns);
    }
    body[2] = (uint8_t)(((frame->flags & CT_FRAME_SENT) != 0 ? FLAG_TX : 0) |
                        ((frame->flags & CT_FRAME_RTR) != 0 ? FLAG_REMOTE : 0));
    body[3] = frame->len;
    ct_put_le32(body + 4, frame->id | ((frame->flags & CT_FRAME_EXT) != 0 ? ID_EXT : 0));
    return (frame->flags & CT_FRAME_FD) != 0 ? put_fd(frame, out_bytes, offset_ns)
                                             : put_classic(frame, out_bytes, offset_ns);
}

void ct_blf_put_container(uint32_t packed, uint32_t plain, uint8_t out_bytes[CT_BLF_CONTAINER])
{
    memset(out_bytes, 0, CT_BLF_CONTAINER);
    memcpy(out_bytes, "LOBJ", 4);
    ct_put_le16(out_bytes + 4, 16);
    ct_put_le16(out_bytes + 6, 1);
    ct_put_le32(out_bytes + 8, CT_BLF_CONTAINER + packed);
    ct_put_le32(out_bytes + 12, CT_BLF_LOG_CONTAINER);
    ct_put_le16(out_bytes + 16, 2); /* zlib */
    ct_put_le32(out_bytes + 24, plain);
}

int64_t ct_blf_systemtime(const uint8_t *bytes)
{
    struct tm civil = {.tm_year = ct_le16(bytes) - 1900,
                       .tm_mon = ct_le16(bytes + 2) - 1,
                       .tm_mday = ct_le16(bytes + 6),
                       .tm_hour = ct_le16(bytes + 8),
                       .tm_min = ct_le16(bytes + 10),
                       .tm_sec = ct_le16(bytes + 12)};
    if (civil.tm_year < 70 || civil.tm_year > 300 || civil.tm_mon < 0 || civil.tm_mon > 11 || civil.tm_mday < 1 ||
        civil.tm_mday > 31 || civil.tm_hour > 23 || civil.tm_min > 59 || civil.tm_sec > 60) {
        return 0;
    }
    return (int64_t)timegm(&civil) * CT_NS_PER_S + ct_le16(bytes + 14) % 1000 * CT_NS_PER_MS;
}

void ct_blf_put_systemtime(int64_t utc_ns, uint8_t *out_bytes)
{
    const time_t seconds = (time_t)(utc_ns / CT_NS_PER_S);
    struct tm t;
    memset(out_bytes, 0, SYSTEMTIME_LEN);
    if (utc_ns <= 0 || gmtime_r(&seconds, &t) == NULL) {
        return;
    }
    ct_put_le16(out_bytes, (uint16_t)(t.tm_year + 1900));
    ct_put_le16(out_bytes + 2, (uint16_t)(t.tm_mon + 1));
    ct_put_le16(out_bytes + 4, (uint16_t)t.tm_wday);
    ct_put_le16(out_bytes + 6, (uint16_t)t.tm_mday);
    ct_put_le16(out_bytes + 8, (uint16_t)t.tm_hour);
    ct_put_le16(out_bytes + 10, (uint16_t)t.tm_min);
    ct_put_le16(out_bytes + 12, (uint16_t)t.tm_sec);
    ct_put_le16(out_bytes + 14, (uint16_t)(utc_ns % CT_NS_PER_S / CT_NS_PER_MS));
}

void ct_blf_put_file_header(const struct ct_blf_summary *summary, uint8_t out_bytes[CT_BLF_FILE_HEADER])
{
    static const uint8_t format_version[4] = {2, 6, 8, 1}; /* of the binlog library whose layout this is */
    memset(out_bytes, 0, CT_BLF_FILE_HEADER);
    memcpy(out_bytes, "LOGG", 4);
    ct_put_le32(out_bytes + 4, CT_BLF_FILE_HEADER);
    memcpy(out_bytes + 12, format_version, sizeof format_version);
    ct_put_le64(out_bytes + 16, summary->file_size);
    ct_put_le64(out_bytes + 24, summary->plain_size);
    ct_put_le32(out_bytes + 32, summary->objects);
    ct_blf_put_systemtime(summary->start_utc, out_bytes + 40);
    ct_blf_put_systemtime(summary->stop_utc, out_bytes + 56);
}
