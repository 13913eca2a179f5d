#include "outbox_segment.h"

#include "bytes.h"

#include <string.h>

#define HEAD_MAGIC      UINT32_C(0x424F5443) /* "CTOB" */
#define FRAME_MAGIC     UINT32_C(0x43525443) /* "CTRC" */
#define VERSION         1U
#define FLAG_CATALOGUE  256U
#define HEAD_CRC_OFFSET (CT_SEGMENT_HEAD_SIZE - 4U)

_Static_assert(CT_SEGMENT_HEAD_SIZE % 8 == 0 && CT_SEGMENT_FRAME_SIZE % 8 == 0, "records start at multiples of 8");

void ct_segment_head_write(const struct ct_segment_head *head, uint8_t out[CT_SEGMENT_HEAD_SIZE])
{
    memset(out, 0, CT_SEGMENT_HEAD_SIZE);
    ct_put_le32(out, HEAD_MAGIC);
    ct_put_le32(out + 4, VERSION);
    ct_put_le32(out + 8, (uint32_t)head->class);
    memcpy(out + 16, head->stream_id, CT_STREAM_ID_SIZE);
    ct_put_le64(out + 32, head->first_seq);
    ct_put_le32(out + HEAD_CRC_OFFSET, ct_crc32c(0, out, HEAD_CRC_OFFSET));
}

int ct_segment_head_read(const uint8_t *data, size_t len, struct ct_segment_head *out_head)
{
    if (len < CT_SEGMENT_HEAD_SIZE || ct_le32(data) != HEAD_MAGIC ||
        ct_le32(data + HEAD_CRC_OFFSET) != ct_crc32c(0, data, HEAD_CRC_OFFSET)) {
        return CT_ERR_CORRUPT;
    }
    if (ct_le32(data + 4) != VERSION) {
        return CT_ERR_UNSUPPORTED;
    }
    const uint32_t class = ct_le32(data + 8);
    const uint64_t first = ct_le64(data + 32);
    if (class < CT_CLASS_EVENT || class > CT_CLASS_SAMPLE || first == 0 || first > CT_SEGMENT_SEQ_MAX) {
        return CT_ERR_CORRUPT;
    }
    out_head->class = (enum ct_class) class;
    memcpy(out_head->stream_id, data + 16, CT_STREAM_ID_SIZE);
    out_head->first_seq = first;
    return CT_OK;
}

static size_t frame_size(size_t len, bool has_catalogue)
{
    const size_t bytes = CT_SEGMENT_FRAME_SIZE + (has_catalogue ? CT_HASH_SIZE : 0U) + len;
    return (bytes + 7U) & ~(size_t)7U;
}

size_t ct_segment_frame_size(const struct ct_outbox_record *record)
{
    return frame_size(record->len, record->has_catalogue);
}

int ct_segment_frame_write(const struct ct_outbox_record *record, struct ct_buf *out)
{
    static const uint8_t padding[8];
    uint8_t frame[CT_SEGMENT_FRAME_SIZE];
    const size_t hash_len = record->has_catalogue ? CT_HASH_SIZE : 0;
    const size_t before = out->len;
    uint32_t crc = ct_crc32c(0, record->catalogue_hash, hash_len);
    crc = ct_crc32c(crc, record->data, record->len);
    ct_put_le32(frame, FRAME_MAGIC);
    ct_put_le32(frame + 4, (uint32_t)record->len);
    ct_put_le64(frame + 8, record->seq_last);
    ct_put_le32(frame + 16, record->samples);
    ct_put_le32(frame + 20, (uint32_t)record->class | (record->has_catalogue ? FLAG_CATALOGUE : 0U));
    ct_put_le64(frame + 24, (uint64_t)record->from_utc_ns);
    ct_put_le64(frame + 32, (uint64_t)record->to_utc_ns);
    ct_put_le32(frame + 40, crc);
    ct_put_le32(frame + 44, ct_crc32c(0, frame, 44));
    ct_buf_append(out, frame, sizeof frame);
    ct_buf_append(out, record->catalogue_hash, hash_len);
    ct_buf_append(out, record->data, record->len);
    ct_buf_append(out, padding, (8U - (out->len & 7U)) & 7U);
    const int err = ct_buf_error(out);
    if (err != CT_OK) {
        out->err = CT_OK;
        out->len = before;
    }
    return err;
}

/* The record at `offset`, when there is a whole and sound one. */
static bool frame_read(const struct ct_segment_walk *walk, size_t offset, struct ct_outbox_record *out)
{
    const uint8_t *frame = walk->data + offset;
    const size_t rest = walk->len - offset;
    if (rest < CT_SEGMENT_FRAME_SIZE || ct_le32(frame) != FRAME_MAGIC ||
        ct_le32(frame + 44) != ct_crc32c(0, frame, 44)) {
        return false;
    }
    const uint32_t len = ct_le32(frame + 4);
    const uint32_t kind = ct_le32(frame + 20);
    const bool has_catalogue = (kind & FLAG_CATALOGUE) != 0;
    const uint64_t seq = ct_le64(frame + 8);
    if (len > CT_OUTBOX_RECORD_MAX || frame_size(len, has_catalogue) > rest ||
        (kind & ~FLAG_CATALOGUE) != (uint32_t)walk->class || seq == 0 || seq > CT_SEGMENT_SEQ_MAX) {
        return false;
    }
    const size_t hash_len = has_catalogue ? CT_HASH_SIZE : 0;
    const uint8_t *body = frame + CT_SEGMENT_FRAME_SIZE;
    if (ct_le32(frame + 40) != ct_crc32c(0, body, hash_len + len)) {
        return false;
    }
    *out = (struct ct_outbox_record){.class = walk->class,
                                     .seq_first = seq,
                                     .seq_last = seq,
                                     .samples = ct_le32(frame + 16),
                                     .from_utc_ns = (int64_t)ct_le64(frame + 24),
                                     .to_utc_ns = (int64_t)ct_le64(frame + 32),
                                     .has_catalogue = has_catalogue,
                                     .data = body + hash_len,
                                     .len = len};
    memcpy(out->catalogue_hash, body, hash_len);
    return true;
}

int ct_segment_next(struct ct_segment_walk *walk, struct ct_outbox_record *out_record)
{
    bool skipped = false;
    for (size_t at = walk->offset; at < walk->len && walk->len - at >= CT_SEGMENT_FRAME_SIZE;) {
        struct ct_outbox_record record;
        if (!frame_read(walk, at, &record)) {
            skipped = true;
            at += 8;
            continue;
        }
        at += ct_segment_frame_size(&record);
        if (record.seq_last < walk->min_seq) {
            continue;
        }
        walk->damaged += skipped ? 1U : 0U;
        walk->offset = at;
        walk->min_seq = record.seq_last + 1;
        *out_record = record;
        return CT_OK;
    }
    return CT_ERR_END;
}
