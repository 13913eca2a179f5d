/* Texts of the file as UTF-8. */
#include "dbc_raw.h"

#include <string.h>

/* The bytes of a well-formed UTF-8 character (Unicode 15, table 3-7), 0 when there is none. */
static size_t utf8_length(const unsigned char *s, size_t len)
{
    const size_t need = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
    if (need == 0 || need > len) {
        return 0;
    }
    for (size_t i = 1; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    const bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    const bool beyond = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
    return overlong || beyond ? 0 : need;
}

static bool is_utf8(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        const size_t length = utf8_length(s + i, len - i);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

/* Windows-1252 to Unicode; the five unassigned codes stay C1 controls, as WHATWG's encoding standard has it. */
static unsigned from_cp1252(unsigned char c)
{
    static const uint16_t high[32] = {0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                      0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D,   0x017D, 0x8F,
                                      0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                      0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    return c >= 0x80 && c < 0xA0 ? high[c - 0x80] : c;
}

static char *put_utf8(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xE0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

#define BYTES(value) (UINT64_MAX / 0xFF * (value))

/* Whether one of eight bytes is below 14, above 127 or a backslash: exact up to the first such byte, which is enough.
 */
static bool has_special(uint64_t word)
{
    const uint64_t low = word - BYTES(14);
    const uint64_t backslash = word ^ BYTES('\\');
    return ((low | word | ((backslash - BYTES(1)) & ~backslash)) & BYTES(0x80)) != 0;
}

/* ASCII without anything to convert. */
static bool is_plain(const char *text, size_t len)
{
    size_t i = 0;
    for (uint64_t word; i + sizeof word <= len; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        if (has_special(word)) {
            return false;
        }
    }
    for (; i < len; i++) {
        if ((signed char)text[i] <= '\r' || text[i] == '\\') {
            return false;
        }
    }
    return true;
}

/* What is left when `\"` becomes `"`, a line ends in LF alone, and NUL is a blank. */
static char *convert(char *out, struct dbc_span span, bool utf8)
{
    for (size_t i = 0; i < span.len; i++) {
        const char c = span.p[i];
        const char next = i + 1 < span.len ? span.p[i + 1] : '\0';
        if ((c == '\\' && next == '"') || (c == '\r' && next == '\n')) {
            continue;
        }
        if (c == '\0' || c == '\r') {
            *out++ = c == '\0' ? ' ' : '\n';
        } else if (utf8) {
            *out++ = c;
        } else {
            out = put_utf8(out, from_cp1252((unsigned char)c));
        }
    }
    return out;
}

const char *ct_dbc_utf8(struct dbc_arena *arena, struct dbc_span span)
{
    if (span.len == 0) {
        return "";
    }
    const bool plain = is_plain(span.p, span.len);
    const bool utf8 = plain || is_utf8(span.p, span.len);
    char *copy = ct_dbc_alloc_text(arena, (utf8 ? span.len : 3 * span.len) + 1);
    if (copy == NULL) {
        return "";
    }
    if (plain) {
        memcpy(copy, span.p, span.len);
    } else {
        (void)convert(copy, span, utf8);
    }
    return copy;
}
