/* The part of msgpack that one flat map needs. Private to the udp codec. Thread-safe: pure functions. */
#ifndef CT_CAN_MSGPACK_H
#define CT_CAN_MSGPACK_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ct_msgpack_type {
    CT_MSGPACK_NIL,
    CT_MSGPACK_BOOL,
    CT_MSGPACK_UINT,
    CT_MSGPACK_INT, /* below zero */
    CT_MSGPACK_FLOAT,
    CT_MSGPACK_TEXT,
    CT_MSGPACK_BIN,
    CT_MSGPACK_ARRAY,
    CT_MSGPACK_MAP,
    CT_MSGPACK_EXT,
};

struct ct_msgpack_value {
    enum ct_msgpack_type type;
    uint64_t number;     /* bool 0 or 1, uint, int as two's complement; array and map: elements, pairs */
    double real;         /* float */
    const uint8_t *data; /* text, bin, ext: inside the input */
    size_t len;
};

struct ct_msgpack_reader {
    const uint8_t *data;
    size_t len;
    size_t at;
};

/* The next value; of an array or a map only the head. CT_ERR_TRUNCATED, CT_ERR_SYNTAX (0xC1). */
int ct_msgpack_next(struct ct_msgpack_reader *reader, struct ct_msgpack_value *out_value) CT_MUST_CHECK;

/* Passes over the content of an array or map whose head was just read, however deep; a no-op for other values. */
int ct_msgpack_skip_content(struct ct_msgpack_reader *reader, const struct ct_msgpack_value *value) CT_MUST_CHECK;

/* Writers append at out + at and return the new end; the caller guarantees room. Texts have at most 31 bytes, binaries
 * 255, maps 15 pairs. */
size_t ct_msgpack_put_map(uint8_t *out, size_t at, unsigned pairs);
size_t ct_msgpack_put_text(uint8_t *out, size_t at, const char *text);
size_t ct_msgpack_put_bin(uint8_t *out, size_t at, const uint8_t *data, size_t len);
size_t ct_msgpack_put_uint(uint8_t *out, size_t at, uint32_t value);
size_t ct_msgpack_put_double(uint8_t *out, size_t at, double value);
size_t ct_msgpack_put_bool(uint8_t *out, size_t at, bool value);
size_t ct_msgpack_put_nil(uint8_t *out, size_t at);

#endif
