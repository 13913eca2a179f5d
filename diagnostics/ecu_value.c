#include "ecu_description.h"

#include "bytes.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_BYTES 8U

/* The field's bytes inside a record; CT_ERR_TRUNCATED. */
static int place(const struct ct_ecu_field *field, size_t len, size_t *out_width)
{
    if (field->at > len) {
        return CT_ERR_TRUNCATED;
    }
    const size_t width = field->width != 0 ? field->width : len - field->at;
    if (width > len - field->at || width == 0) {
        return CT_ERR_TRUNCATED;
    }
    *out_width = width;
    return CT_OK;
}

static uint64_t load(const uint8_t *bytes, size_t width)
{
    uint64_t raw = 0;
    for (size_t i = 0; i < width; i++) {
        raw = raw << 8U | bytes[i];
    }
    return raw;
}

static unsigned bit_count(const struct ct_ecu_field *field, size_t width)
{
    return field->bits != 0 ? field->bits : (unsigned)(8 * width);
}

static uint64_t mask_of(unsigned bits)
{
    return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

static double factor_of(const struct ct_ecu_field *field)
{
    return field->factor < 0 || field->factor > 0 ? field->factor : 1;
}

/* ---------------------------------------------------------------- decode */

static const char *state_of(const struct ct_ecu_field *field, uint64_t raw)
{
    for (uint32_t i = 0; i < field->states_count; i++) {
        if (field->states[i].value == raw) {
            return field->states[i].text;
        }
    }
    return NULL;
}

static double float_of(uint64_t raw, size_t width)
{
    float narrow;
    double wide;
    const uint32_t half = (uint32_t)raw;
    memcpy(&narrow, &half, sizeof narrow);
    memcpy(&wide, &raw, sizeof wide);
    return width == sizeof narrow ? (double)narrow : wide;
}

static int decode_number(const struct ct_ecu_field *field, const uint8_t *bytes, size_t width, struct ct_buf *text,
                         struct ct_ecu_value *out_value)
{
    if (width > NUMBER_BYTES || (field->type == CT_ECU_FLOAT && width != 4 && width != 8)) {
        return CT_ERR_UNSUPPORTED;
    }
    const unsigned bits = bit_count(field, width);
    if (field->bit + bits > 8 * width) {
        return CT_ERR_UNSUPPORTED;
    }
    const uint64_t raw = load(bytes, width) >> field->bit & mask_of(bits);
    const bool negative = field->type == CT_ECU_INT && (raw >> (bits - 1) & 1) != 0;
    double number = negative ? -(double)((~raw & mask_of(bits)) + 1) : (double)raw;
    if (field->type == CT_ECU_FLOAT) {
        number = float_of(raw, width);
    }
    *out_value = (struct ct_ecu_value){
        .is_number = true, .number = number * factor_of(field) + field->offset, .state = state_of(field, raw)};
    if (out_value->state != NULL) {
        ct_buf_text(text, out_value->state);
    } else {
        ct_buf_printf(text, "%.15g", out_value->number);
    }
    return CT_OK;
}

static void decode_ascii(const uint8_t *bytes, size_t width, struct ct_buf *text)
{
    while (width > 0 && (bytes[width - 1] == 0 || bytes[width - 1] == ' ')) {
        width--;
    }
    for (size_t i = 0; i < width; i++) {
        if (bytes[i] >= ' ' && bytes[i] < 0x7F && bytes[i] != '\\') {
            ct_buf_append(text, &bytes[i], 1);
        } else {
            ct_buf_printf(text, "\\x%02x", bytes[i]);
        }
    }
}

int ct_ecu_field_decode(const struct ct_ecu_field *field, struct ct_uds_bytes record, struct ct_buf *text,
                        struct ct_ecu_value *out_value)
{
    size_t width = 0;
    const int err = place(field, record.len, &width);
    if (err != CT_OK) {
        return err;
    }
    const uint8_t *bytes = record.data + field->at;
    *out_value = (struct ct_ecu_value){0};
    switch (field->type) {
    case CT_ECU_UINT:
    case CT_ECU_INT:
    case CT_ECU_FLOAT:
        return decode_number(field, bytes, width, text, out_value);
    case CT_ECU_ASCII:
        decode_ascii(bytes, width, text);
        return CT_OK;
    case CT_ECU_BCD:
    case CT_ECU_HEX:
    default:
        for (size_t i = 0; i < width; i++) {
            ct_buf_printf(text, "%02x", bytes[i]);
        }
        return CT_OK;
    }
}

/* ---------------------------------------------------------------- encode */

static int read_number(const char *text, double *out_number)
{
    char *end;
    const double number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number)) {
        return CT_ERR_SYNTAX;
    }
    *out_number = number;
    return CT_OK;
}

/* The raw value that a text means: a state's, or the nearest to a number. */
static int raw_of(const struct ct_ecu_field *field, const char *text, unsigned bits, uint64_t *out_raw)
{
    for (uint32_t i = 0; i < field->states_count; i++) {
        if (strcmp(field->states[i].text, text) == 0) {
            *out_raw = field->states[i].value;
            return CT_OK;
        }
    }
    double number = 0;
    const int err = read_number(text, &number);
    if (err != CT_OK) {
        return err;
    }
    const double raw = round((number - field->offset) / factor_of(field));
    const bool is_signed = field->type == CT_ECU_INT;
    const double low = is_signed ? -ldexp(1, (int)bits - 1) : 0;
    const double end = ldexp(1, is_signed ? (int)bits - 1 : (int)bits);
    if (!(raw >= low && raw < end)) {
        return CT_ERR_RANGE;
    }
    *out_raw = raw < 0 ? (uint64_t)(int64_t)raw : (uint64_t)raw;
    return CT_OK;
}

static int raw_of_float(const struct ct_ecu_field *field, const char *text, size_t width, uint64_t *out_raw)
{
    double number = 0;
    const int err = read_number(text, &number);
    const double wide = (number - field->offset) / factor_of(field);
    const float narrow = (float)wide;
    uint32_t half;
    memcpy(&half, &narrow, sizeof half);
    memcpy(out_raw, &wide, sizeof *out_raw);
    if (width == sizeof narrow) {
        *out_raw = half;
    }
    return err;
}

static int encode_number(const struct ct_ecu_field *field, const char *text, uint8_t *bytes, size_t width)
{
    const unsigned bits = bit_count(field, width);
    if (width > NUMBER_BYTES || field->bit + bits > 8 * width ||
        (field->type == CT_ECU_FLOAT && width != 4 && width != 8)) {
        return CT_ERR_UNSUPPORTED;
    }
    uint64_t raw = 0;
    const int err =
        field->type == CT_ECU_FLOAT ? raw_of_float(field, text, width, &raw) : raw_of(field, text, bits, &raw);
    if (err != CT_OK) {
        return err;
    }
    const uint64_t mask = mask_of(bits) << field->bit;
    const uint64_t all = (load(bytes, width) & ~mask) | (raw << field->bit & mask);
    for (size_t i = 0; i < width; i++) {
        bytes[i] = (uint8_t)(all >> (8 * (width - 1 - i)));
    }
    return CT_OK;
}

static int encode_ascii(const char *text, uint8_t *bytes, size_t width)
{
    const size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] >= 0x7F) {
            return CT_ERR_SYNTAX;
        }
    }
    if (len > width) {
        return CT_ERR_RANGE;
    }
    memset(bytes, 0, width);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)text[i];
    }
    return CT_OK;
}

static int encode_digits(const struct ct_ecu_field *field, const char *text, uint8_t *bytes, size_t width)
{
    const char *allowed = field->type == CT_ECU_BCD ? "0123456789" : "0123456789abcdefABCDEF";
    const size_t len = strlen(text);
    if (strspn(text, allowed) != len) {
        return CT_ERR_SYNTAX;
    }
    return len == 2 * width ? ct_hex_decode(bytes, text, width) : CT_ERR_RANGE;
}

int ct_ecu_field_encode(const struct ct_ecu_field *field, const char *text, uint8_t *record, size_t len)
{
    size_t width = 0;
    const int err = place(field, len, &width);
    if (err != CT_OK) {
        return err;
    }
    uint8_t *bytes = record + field->at;
    switch (field->type) {
    case CT_ECU_UINT:
    case CT_ECU_INT:
    case CT_ECU_FLOAT:
        return encode_number(field, text, bytes, width);
    case CT_ECU_ASCII:
        return encode_ascii(text, bytes, width);
    case CT_ECU_BCD:
    case CT_ECU_HEX:
    default:
        return encode_digits(field, text, bytes, width);
    }
}
