/* The protobuf wire format by hand, for the messages that are too hot or too large for parsed structures: a field
 * cursor and a writer over ct_buf. Private to proto/. Source: protobuf encoding guide. Thread-safe: no state. */
#ifndef CT_PROTO_PB_H
#define CT_PROTO_PB_H

#include "buf.h"
#include "bytes.h"

#include <string.h>

enum ct_pb_type { CT_PB_VARINT = 0, CT_PB_FIXED64 = 1, CT_PB_BYTES = 2, CT_PB_FIXED32 = 5 };

#define CT_PB_FIELD_MAX  ((UINT32_C(1) << 29) - 1)
#define CT_PB_VARINT_MAX 10

struct ct_pb_reader {
    const uint8_t *next;
    const uint8_t *end;
};

/* One field: value of VARINT, FIXED64 and FIXED32; data and len of BYTES. */
struct ct_pb_field {
    uint32_t id;
    unsigned type;
    uint64_t value;
    const uint8_t *data;
    size_t len;
};

static inline struct ct_pb_reader ct_pb_reader(const uint8_t *data, size_t len)
{
    return (struct ct_pb_reader){data, len == 0 ? data : data + len};
}

static inline int ct_pb_varint(struct ct_pb_reader *reader, uint64_t *out_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (reader->next == reader->end) {
            return CT_ERR_TRUNCATED;
        }
        const uint8_t byte = *reader->next++;
        if (shift == 63 && byte > 1) {
            return CT_ERR_SYNTAX;
        }
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *out_value = value;
            return CT_OK;
        }
    }
    return CT_ERR_SYNTAX;
}

static inline int64_t ct_pb_zigzag_decode(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline uint64_t ct_pb_zigzag_encode(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

/* The next field; CT_ERR_END behind the last one, CT_ERR_TRUNCATED or CT_ERR_SYNTAX for bad bytes. */
int ct_pb_next(struct ct_pb_reader *reader, struct ct_pb_field *out_field) CT_MUST_CHECK;

/* The first field `id` of BYTES type in a message; CT_ERR_NOT_FOUND when there is none. */
int ct_pb_find_bytes(const uint8_t *data, size_t len, uint32_t id, const uint8_t **out_data,
                     size_t *out_len) CT_MUST_CHECK;

/* How many varints `len` bytes of a packed field hold (each ends in a byte below 0x80). */
size_t ct_pb_packed_count(const uint8_t *data, size_t len);

static inline size_t ct_pb_encode_varint(uint8_t *out, uint64_t value)
{
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

/* Writers; zero and empty values are left out as proto3 does. */
void ct_pb_put_tag(struct ct_buf *buf, uint32_t id, enum ct_pb_type type);
void ct_pb_put_varint(struct ct_buf *buf, uint64_t value); /* bare, no tag */
void ct_pb_put_uint(struct ct_buf *buf, uint32_t id, uint64_t value);
void ct_pb_put_bytes(struct ct_buf *buf, uint32_t id, const void *data, size_t len);
/* As an element of a repeated field or a oneof member: written even when empty. */
void ct_pb_put_element(struct ct_buf *buf, uint32_t id, const void *data, size_t len);

/* A length-delimited field whose content is written next; close gives it its length. */
size_t ct_pb_open(struct ct_buf *buf, uint32_t id);
void ct_pb_close(struct ct_buf *buf, size_t mark);

#endif
