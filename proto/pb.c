#include "pb.h"

static int read_payload(struct ct_pb_reader *reader, struct ct_pb_field *field)
{
    const size_t left = (size_t)(reader->end - reader->next);
    uint64_t len;
    int err;
    switch (field->type) {
    case CT_PB_VARINT:
        return ct_pb_varint(reader, &field->value);
    case CT_PB_FIXED64:
        if (left < 8) {
            return CT_ERR_TRUNCATED;
        }
        field->value = ct_le64(reader->next);
        reader->next += 8;
        return CT_OK;
    case CT_PB_FIXED32:
        if (left < 4) {
            return CT_ERR_TRUNCATED;
        }
        field->value = ct_le32(reader->next);
        reader->next += 4;
        return CT_OK;
    case CT_PB_BYTES:
        err = ct_pb_varint(reader, &len);
        if (err != CT_OK) {
            return err;
        }
        if (len > (uint64_t)(reader->end - reader->next)) {
            return CT_ERR_TRUNCATED;
        }
        field->data = reader->next;
        field->len = (size_t)len;
        reader->next += len;
        return CT_OK;
    default: /* groups and the types that do not exist */
        return CT_ERR_SYNTAX;
    }
}

int ct_pb_next(struct ct_pb_reader *reader, struct ct_pb_field *out_field)
{
    if (reader->next == reader->end) {
        return CT_ERR_END;
    }
    uint64_t tag;
    const int err = ct_pb_varint(reader, &tag);
    if (err != CT_OK) {
        return err;
    }
    if (tag >> 3 == 0 || tag >> 3 > CT_PB_FIELD_MAX) {
        return CT_ERR_SYNTAX;
    }
    *out_field = (struct ct_pb_field){.id = (uint32_t)(tag >> 3), .type = (unsigned)(tag & 7)};
    return read_payload(reader, out_field);
}

int ct_pb_find_bytes(const uint8_t *data, size_t len, uint32_t id, const uint8_t **out_data, size_t *out_len)
{
    struct ct_pb_reader reader = ct_pb_reader(data, len);
    struct ct_pb_field field;
    int err;
    while ((err = ct_pb_next(&reader, &field)) == CT_OK) {
        if (field.id == id && field.type == CT_PB_BYTES) {
            *out_data = field.data;
            *out_len = field.len;
            return CT_OK;
        }
    }
    return err == CT_ERR_END ? CT_ERR_NOT_FOUND : err;
}

size_t ct_pb_packed_count(const uint8_t *data, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++) {
        count += data[i] < 0x80;
    }
    return count;
}

void ct_pb_put_varint(struct ct_buf *buf, uint64_t value)
{
    uint8_t bytes[CT_PB_VARINT_MAX];
    ct_buf_append(buf, bytes, ct_pb_encode_varint(bytes, value));
}

void ct_pb_put_tag(struct ct_buf *buf, uint32_t id, enum ct_pb_type type)
{
    ct_pb_put_varint(buf, (uint64_t)id << 3 | type);
}

void ct_pb_put_uint(struct ct_buf *buf, uint32_t id, uint64_t value)
{
    if (value != 0) {
        ct_pb_put_tag(buf, id, CT_PB_VARINT);
        ct_pb_put_varint(buf, value);
    }
}

void ct_pb_put_element(struct ct_buf *buf, uint32_t id, const void *data, size_t len)
{
    ct_pb_put_tag(buf, id, CT_PB_BYTES);
    ct_pb_put_varint(buf, len);
    ct_buf_append(buf, data, len);
}

void ct_pb_put_bytes(struct ct_buf *buf, uint32_t id, const void *data, size_t len)
{
    if (len != 0) {
        ct_pb_put_element(buf, id, data, len);
    }
}

size_t ct_pb_open(struct ct_buf *buf, uint32_t id)
{
    ct_pb_put_tag(buf, id, CT_PB_BYTES);
    ct_pb_put_varint(buf, 0);
    return buf->len;
}

/* One byte was kept for the length; the content moves when it needs more. */
void ct_pb_close(struct ct_buf *buf, size_t mark)
{
    if (ct_buf_error(buf) != CT_OK) {
        return;
    }
    uint8_t bytes[CT_PB_VARINT_MAX] = {0};
    const size_t content = buf->len - mark;
    const size_t more = ct_pb_encode_varint(bytes, content) - 1;
    ct_buf_append(buf, bytes, more);
    if (ct_buf_error(buf) != CT_OK) {
        return;
    }
    if (more > 0) {
        memmove(buf->data + mark + more, buf->data + mark, content);
    }
    memcpy(buf->data + mark - 1, bytes, more + 1);
}
