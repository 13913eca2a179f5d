#include "msgpack.h"

#include "bytes.h"

#include <string.h>

static int take_number(struct ct_msgpack_reader *r, size_t width, uint64_t *out_number)
{
    if (r->len - r->at < width) {
        return CT_ERR_TRUNCATED;
    }
    uint64_t number = 0;
    for (size_t i = 0; i < width; i++) {
        number = number << 8 | r->data[r->at + i];
    }
    r->at += width;
    *out_number = number;
    return CT_OK;
}

static int take_bytes(struct ct_msgpack_reader *r, uint64_t len, struct ct_msgpack_value *value)
{
    if (len > r->len - r->at) {
        return CT_ERR_TRUNCATED;
    }
    value->data = r->data + r->at;
    value->len = (size_t)len;
    r->at += (size_t)len;
    return CT_OK;
}

static int take_float(struct ct_msgpack_reader *r, size_t width, struct ct_msgpack_value *value)
{
    uint64_t bits;
    const int err = take_number(r, width, &bits);
    if (err != CT_OK) {
        return err;
    }
    if (width == 4) {
        const uint32_t bits32 = (uint32_t)bits;
        float real;
        memcpy(&real, &bits32, sizeof real);
        value->real = (double)real;
    } else {
        memcpy(&value->real, &bits, sizeof value->real);
    }
    return CT_OK;
}

static int take_signed(struct ct_msgpack_reader *r, size_t width, struct ct_msgpack_value *value)
{
    uint64_t number;
    const int err = take_number(r, width, &number);
    if (err != CT_OK) {
        return err;
    }
    const uint64_t sign = UINT64_C(1) << ((8 * width - 1) & 63);
    value->type = (number & sign) != 0 ? CT_MSGPACK_INT : CT_MSGPACK_UINT;
    value->number = (number ^ sign) - sign;
    return CT_OK;
}

/* Form of the bytes 0xC0..0xDF: what follows the byte and how wide its number is. */
enum form { CONST, LENGTH, EXT_LENGTH, FIXED_EXT, FLOAT, UNSIGNED, SIGNED, COUNT, INVALID };

static const struct {
    uint8_t type;
    uint8_t form;
    uint8_t width; /* CONST: the number itself; FIXED_EXT: the length */
} heads[32] = {
    {CT_MSGPACK_NIL, CONST, 0},      {CT_MSGPACK_NIL, INVALID, 0},    {CT_MSGPACK_BOOL, CONST, 0},
    {CT_MSGPACK_BOOL, CONST, 1},     {CT_MSGPACK_BIN, LENGTH, 1},     {CT_MSGPACK_BIN, LENGTH, 2},
    {CT_MSGPACK_BIN, LENGTH, 4},     {CT_MSGPACK_EXT, EXT_LENGTH, 1}, {CT_MSGPACK_EXT, EXT_LENGTH, 2},
    {CT_MSGPACK_EXT, EXT_LENGTH, 4}, {CT_MSGPACK_FLOAT, FLOAT, 4},    {CT_MSGPACK_FLOAT, FLOAT, 8},
    {CT_MSGPACK_UINT, UNSIGNED, 1},  {CT_MSGPACK_UINT, UNSIGNED, 2},  {CT_MSGPACK_UINT, UNSIGNED, 4},
    {CT_MSGPACK_UINT, UNSIGNED, 8},  {CT_MSGPACK_INT, SIGNED, 1},     {CT_MSGPACK_INT, SIGNED, 2},
    {CT_MSGPACK_INT, SIGNED, 4},     {CT_MSGPACK_INT, SIGNED, 8},     {CT_MSGPACK_EXT, FIXED_EXT, 1},
    {CT_MSGPACK_EXT, FIXED_EXT, 2},  {CT_MSGPACK_EXT, FIXED_EXT, 4},  {CT_MSGPACK_EXT, FIXED_EXT, 8},
    {CT_MSGPACK_EXT, FIXED_EXT, 16}, {CT_MSGPACK_TEXT, LENGTH, 1},    {CT_MSGPACK_TEXT, LENGTH, 2},
    {CT_MSGPACK_TEXT, LENGTH, 4},    {CT_MSGPACK_ARRAY, COUNT, 2},    {CT_MSGPACK_ARRAY, COUNT, 4},
    {CT_MSGPACK_MAP, COUNT, 2},      {CT_MSGPACK_MAP, COUNT, 4},
};

static int take_sized(struct ct_msgpack_reader *r, enum form form, size_t width, struct ct_msgpack_value *value)
{
    uint64_t number = 0;
    const int err = take_number(r, width, &number);
    if (err != CT_OK) {
        return err;
    }
    if (form == LENGTH || form == EXT_LENGTH) {
        return take_bytes(r, number + (form == EXT_LENGTH ? 1 : 0), value);
    }
    value->number = number;
    return CT_OK;
}

static int take_long_form(struct ct_msgpack_reader *r, unsigned index, struct ct_msgpack_value *value)
{
    const size_t width = heads[index].width;
    const enum form form = (enum form)heads[index].form;
    value->type = (enum ct_msgpack_type)heads[index].type;
    switch (form) {
    case CONST:
        value->number = width;
        return CT_OK;
    case FIXED_EXT:
        return take_bytes(r, width + 1, value);
    case FLOAT:
        return take_float(r, width, value);
    case SIGNED:
        return take_signed(r, width, value);
    case LENGTH:
    case EXT_LENGTH:
    case UNSIGNED:
    case COUNT:
        return take_sized(r, form, width, value);
    case INVALID:
    default:
        return CT_ERR_SYNTAX;
    }
}

int ct_msgpack_next(struct ct_msgpack_reader *reader, struct ct_msgpack_value *out_value)
{
    if (reader->at >= reader->len) {
        return CT_ERR_TRUNCATED;
    }
    const uint8_t byte = reader->data[reader->at++];
    struct ct_msgpack_value value = {.type = CT_MSGPACK_UINT, .number = byte};
    int err = CT_OK;
    if (byte >= 0xE0) {
        value.type = CT_MSGPACK_INT;
        value.number = UINT64_MAX - 0xFF + byte;
    } else if (byte >= 0xC0) {
        err = take_long_form(reader, byte - 0xC0U, &value);
    } else if (byte >= 0xA0) {
        value.type = CT_MSGPACK_TEXT;
        err = take_bytes(reader, byte & 31U, &value);
    } else if (byte >= 0x80) {
        value.type = byte >= 0x90 ? CT_MSGPACK_ARRAY : CT_MSGPACK_MAP;
        value.number = byte & 15U;
    }
    if (err == CT_OK) {
        *out_value = value;
    }
    return err;
}

static uint64_t children(const struct ct_msgpack_value *value)
{
    return value->type == CT_MSGPACK_ARRAY ? value->number : value->type == CT_MSGPACK_MAP ? 2 * value->number : 0;
}

int ct_msgpack_skip_content(struct ct_msgpack_reader *reader, const struct ct_msgpack_value *value)
{
    /* A count of what is still open needs no stack: depth does not matter for skipping. Each value takes at least one
     * byte, so a count beyond the input ends as truncated. */
    for (uint64_t open = children(value); open > 0; open--) {
        struct ct_msgpack_value inner;
        const int err = ct_msgpack_next(reader, &inner);
        if (err != CT_OK) {
            return err;
        }
        open += children(&inner);
    }
    return CT_OK;
}

size_t ct_msgpack_put_map(uint8_t *out, size_t at, unsigned pairs)
{
    out[at] = (uint8_t)(0x80U | pairs);
    return at + 1;
}

size_t ct_msgpack_put_text(uint8_t *out, size_t at, const char *text)
{
    const size_t len = strlen(text);
    out[at] = (uint8_t)(0xA0U | len);
    memcpy(out + at + 1, text, len); /* no NUL on the wire: NOLINT(bugprone-not-null-terminated-result) */
    return at + 1 + len;
}

size_t ct_msgpack_put_bin(uint8_t *out, size_t at, const uint8_t *data, size_t len)
{
    out[at] = 0xC4;
    out[at + 1] = (uint8_t)len;
    memcpy(out + at + 2, data, len);
    return at + 2 + len;
}

size_t ct_msgpack_put_uint(uint8_t *out, size_t at, uint32_t value)
{
    if (value < 0x80) {
        out[at] = (uint8_t)value;
        return at + 1;
    }
    if (value <= UINT8_MAX) {
        out[at] = 0xCC;
        out[at + 1] = (uint8_t)value;
        return at + 2;
    }
    if (value <= UINT16_MAX) {
        out[at] = 0xCD;
        ct_put_be16(out + at + 1, (uint16_t)value);
        return at + 3;
    }
    out[at] = 0xCE;
    ct_put_be32(out + at + 1, value);
    return at + 5;
}

size_t ct_msgpack_put_double(uint8_t *out, size_t at, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    out[at] = 0xCB;
    ct_put_be32(out + at + 1, (uint32_t)(bits >> 32));
    ct_put_be32(out + at + 5, (uint32_t)bits);
    return at + 9;
}

size_t ct_msgpack_put_bool(uint8_t *out, size_t at, bool value)
{
    out[at] = value ? 0xC3 : 0xC2;
    return at + 1;
}

size_t ct_msgpack_put_nil(uint8_t *out, size_t at)
{
    out[at] = 0xC0;
    return at + 1;
}
