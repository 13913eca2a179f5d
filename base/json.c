#include "json.h"

#include "bytes.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SAFE_INTEGER_MAX (INT64_C(1) << 53) /* ECMAScript: Number.MAX_SAFE_INTEGER + 1 */

void ct_json_init(struct ct_json *json, struct ct_buf *buf)
{
    *json = (struct ct_json){.buf = buf};
}

/* The length of the well-formed UTF-8 character at `s` (Unicode 15, table 3-7), 0 when there is none. */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first_lo, first_hi, second_lo, second_hi, length;
    } rows[] = {
        {0x00, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (s[0] < rows[i].first_lo || s[0] > rows[i].first_hi) {
            continue;
        }
        if (rows[i].length > 1 && (s[1] < rows[i].second_lo || s[1] > rows[i].second_hi)) {
            return 0;
        }
        for (size_t k = 2; k < rows[i].length; k++) {
            if ((s[k] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return rows[i].length;
    }
    return 0;
}

/* Writes what cannot stand for itself and returns the bytes of input it took; 0 when the character is plain. */
static size_t write_special(struct ct_buf *buf, const unsigned char *s)
{
    static const char short_names[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    for (size_t i = 0; i + 1 < sizeof short_names; i += 2) {
        if (*s == (unsigned char)short_names[i]) {
            const char text[2] = {'\\', short_names[i + 1]};
            ct_buf_append(buf, text, 2);
            return 1;
        }
    }
    if (*s < 0x20) {
        ct_buf_printf(buf, "\\u%04x", *s);
        return 1;
    }
    if (utf8_length(s) == 0) {
        ct_buf_text(buf, "\xEF\xBF\xBD");
        return 1;
    }
    return 0;
}

static void write_quoted(struct ct_buf *buf, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    ct_buf_append(buf, "\"", 1);
    while (*s != 0) {
        const unsigned char *plain = s;
        while (*s >= 0x20 && *s < 0x7F && *s != '"' && *s != '\\') {
            s++;
        }
        ct_buf_append(buf, plain, (size_t)(s - plain));
        if (*s == 0) {
            break;
        }
        const size_t special = write_special(buf, s);
        if (special == 0) {
            const size_t length = utf8_length(s);
            ct_buf_append(buf, s, length);
            s += length;
        }
        s += special;
    }
    ct_buf_append(buf, "\"", 1);
}

/* Comma and key of the next value. */
static void begin_value(struct ct_json *json, const char *key)
{
    if (json->comma) {
        ct_buf_append(json->buf, ",", 1);
    }
    json->comma = true;
    if (key != NULL) {
        write_quoted(json->buf, key);
        ct_buf_append(json->buf, ":", 1);
    }
}

static void begin_group(struct ct_json *json, const char *key, const char *bracket)
{
    begin_value(json, key);
    ct_buf_append(json->buf, bracket, 1);
    json->comma = false;
}

static void end_group(struct ct_json *json, const char *bracket)
{
    ct_buf_append(json->buf, bracket, 1);
    json->comma = true;
}

void ct_json_object_begin(struct ct_json *json, const char *key)
{
    begin_group(json, key, "{");
}

void ct_json_object_end(struct ct_json *json)
{
    end_group(json, "}");
}

void ct_json_array_begin(struct ct_json *json, const char *key)
{
    begin_group(json, key, "[");
}

void ct_json_array_end(struct ct_json *json)
{
    end_group(json, "]");
}

void ct_json_string(struct ct_json *json, const char *key, const char *text)
{
    if (text == NULL) {
        ct_json_null(json, key);
        return;
    }
    begin_value(json, key);
    write_quoted(json->buf, text);
}

void ct_json_bytes(struct ct_json *json, const char *key, const uint8_t *data, size_t len)
{
    begin_value(json, key);
    ct_buf_append(json->buf, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        char hex[3];
        ct_hex_encode(hex, data + i, 1);
        ct_buf_append(json->buf, hex, 2);
    }
    ct_buf_append(json->buf, "\"", 1);
}

static void write_uint(struct ct_buf *buf, uint64_t value, bool negative)
{
    char text[21];
    char *p = text + sizeof text;
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    if (negative) {
        *--p = '-';
    }
    ct_buf_append(buf, p, (size_t)(text + sizeof text - p));
}

void ct_json_int(struct ct_json *json, const char *key, int64_t value)
{
    begin_value(json, key);
    write_uint(json->buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void ct_json_uint(struct ct_json *json, const char *key, uint64_t value)
{
    begin_value(json, key);
    write_uint(json->buf, value, false);
}

void ct_json_int_safe(struct ct_json *json, const char *key, int64_t value)
{
    if (value <= SAFE_INTEGER_MAX && value >= -SAFE_INTEGER_MAX) {
        ct_json_int(json, key, value);
        return;
    }
    begin_value(json, key);
    ct_buf_printf(json->buf, "\"%" PRId64 "\"", value);
}

void ct_json_uint_safe(struct ct_json *json, const char *key, uint64_t value)
{
    if (value <= (uint64_t)SAFE_INTEGER_MAX) {
        ct_json_uint(json, key, value);
        return;
    }
    begin_value(json, key);
    ct_buf_printf(json->buf, "\"%" PRIu64 "\"", value);
}

static void write_finite(struct ct_buf *buf, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) { /* 17 always read back equal, 15 hold every short decimal */
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        if (digits == 17 || strtod(text, NULL) == value) {
            break;
        }
    }
    ct_buf_text(buf, text);
}

void ct_json_double(struct ct_json *json, const char *key, double value)
{
    if (isnan(value) || isinf(value)) {
        ct_json_string(json, key, isnan(value) ? "nan" : value > 0 ? "inf" : "-inf");
        return;
    }
    begin_value(json, key);
    if (value == 0 && signbit(value)) {
        ct_buf_text(json->buf, "-0.0"); /* readers take a plain -0 for an integer and lose the sign */
    } else if (fabs(value) < 1e15 && value == floor(value)) {
        write_uint(json->buf, (uint64_t)fabs(value), value < 0);
    } else {
        write_finite(json->buf, value);
    }
}

void ct_json_number(struct ct_json *json, const char *key, const char *text)
{
    begin_value(json, key);
    ct_buf_text(json->buf, text);
}

void ct_json_bool(struct ct_json *json, const char *key, bool value)
{
    begin_value(json, key);
    ct_buf_text(json->buf, value ? "true" : "false");
}

void ct_json_null(struct ct_json *json, const char *key)
{
    begin_value(json, key);
    ct_buf_text(json->buf, "null");
}
