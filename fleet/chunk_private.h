/* How chunks and columns are packed, shared by chunk.c and chunk_column.c. Private to these. */
#ifndef CT_FLEET_CHUNK_PRIVATE_H
#define CT_FLEET_CHUNK_PRIVATE_H

#include "bytes.h"
#include "chunk.h"

/* Returns where the next byte goes; at most ten are written. */
static inline uint8_t *ct_chunk_write_varint(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* As zigzag. It wraps: any two values have one, and adding it back wraps to the value again. */
static inline uint64_t ct_chunk_difference(int64_t value, int64_t before)
{
    const uint64_t difference = (uint64_t)value - (uint64_t)before;
    return difference << 1 ^ (difference >> 63 != 0 ? UINT64_MAX : 0);
}

struct ct_chunk_cursor {
    const uint8_t *at, *end;
    bool bad; /* there was less than was asked for */
};

uint64_t ct_chunk_get_varint_bytewise(struct ct_chunk_cursor *in);

/* Up to eight bytes at once: where the first byte without the top bit ends it, the sevens are pushed together. */
static inline uint64_t ct_chunk_get_varint(struct ct_chunk_cursor *in)
{
    if (in->at < in->end && *in->at < 0x80) {
        return *in->at++; /* most differences are small */
    }
    const uint64_t word = in->end - in->at >= 8 ? ct_le64(in->at) : UINT64_MAX;
    const uint64_t ends = ~word & UINT64_C(0x8080808080808080);
    if (ends == 0) {
        return ct_chunk_get_varint_bytewise(in);
    }
    const unsigned bits = (unsigned)__builtin_ctzll(ends) + 1;
    in->at += bits / 8;
    uint64_t value = word & (UINT64_MAX >> (64 - bits)) & UINT64_C(0x7F7F7F7F7F7F7F7F);
    value = (value & UINT64_C(0x007F007F007F007F)) | (value & UINT64_C(0x7F007F007F007F00)) >> 1;
    value = (value & UINT64_C(0x00003FFF00003FFF)) | (value & UINT64_C(0x3FFF00003FFF0000)) >> 2;
    return (value & UINT64_C(0x000000000FFFFFFF)) | (value & UINT64_C(0x0FFFFFFF00000000)) >> 4;
}

const uint8_t *ct_chunk_get_bytes(struct ct_chunk_cursor *in, uint64_t len);

/* Samples of one signal: three columns beside each other. A cursor may reach over its column. */
struct ct_chunk_part {
    size_t n;
    enum ct_kind kind;
    bool has_quality;
    struct ct_chunk_cursor times, qualities, values;
};

int ct_chunk_unpack_part(const struct ct_chunk_part *part, uint32_t id, ct_chunk_fn fn, void *user) CT_MUST_CHECK;

/* Unzips into the unpacker's memory, which the next call uses again; at most `max` bytes. */
int ct_chunk_plain(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, size_t max,
                   struct ct_chunk_cursor *out_plain) CT_MUST_CHECK;

typedef int (*ct_chunk_part_fn)(void *user, uint32_t id, const struct ct_chunk_part *part);
/* Calls back for the part of signal `id` (or of all with CT_CHUNK_ALL); a non-zero answer ends it and is returned. */
int ct_chunk_each_part(struct ct_chunk_cursor plain, uint32_t id, ct_chunk_part_fn fn, void *user) CT_MUST_CHECK;

#endif
