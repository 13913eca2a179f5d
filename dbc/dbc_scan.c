#include "dbc_raw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_blank(char c)
{
    return (unsigned char)c <= ' '; /* NUL and Ctrl-Z of old editors included */
}

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static bool starts_comment(const struct dbc_scan *scan)
{
    return scan->end - scan->p >= 2 && scan->p[0] == '/' && (scan->p[1] == '/' || scan->p[1] == '*');
}

static void skip_comment(struct dbc_scan *scan)
{
    const bool block = scan->p[1] == '*';
    scan->p += 2;
    while (scan->p < scan->end) {
        if (!block && ends_line(*scan->p)) {
            return;
        }
        if (block && scan->end - scan->p >= 2 && scan->p[0] == '*' && scan->p[1] == '/') {
            scan->p += 2;
            return;
        }
        scan->p++;
    }
}

void ct_dbc_skip_blank(struct dbc_scan *scan)
{
    const char *p = scan->p;
    const char *end = scan->end;
    for (;;) {
        while (p < end && is_blank(*p)) {
            p++;
        }
        scan->p = p;
        if (p == end || *p != '/' || !starts_comment(scan)) {
            return;
        }
        skip_comment(scan);
        p = scan->p;
    }
}

char ct_dbc_peek_far(struct dbc_scan *scan)
{
    ct_dbc_skip_blank(scan);
    return scan->p < scan->end ? *scan->p : '\0';
}

/* What ends a word: blanks and the language's own marks. */
static const bool ends_word[256] = {
    [0] = true,   [1] = true,   [2] = true,   [3] = true,   [4] = true,   [5] = true,   [6] = true,   [7] = true,
    [8] = true,   [9] = true,   [10] = true,  [11] = true,  [12] = true,  [13] = true,  [14] = true,  [15] = true,
    [16] = true,  [17] = true,  [18] = true,  [19] = true,  [20] = true,  [21] = true,  [22] = true,  [23] = true,
    [24] = true,  [25] = true,  [26] = true,  [27] = true,  [28] = true,  [29] = true,  [30] = true,  [31] = true,
    [' '] = true, [':'] = true, [';'] = true, [','] = true, ['('] = true, [')'] = true, ['['] = true, [']'] = true,
    ['|'] = true, ['@'] = true, ['"'] = true,
};

/* Real files hold names with digits first, umlauts, dots and hyphens: whatever is not the language's own. */
struct dbc_span ct_dbc_take_word(struct dbc_scan *scan)
{
    (void)ct_dbc_peek(scan);
    const char *start = scan->p;
    const char *end = scan->end;
    const char *p = start;
    while (p < end && !ends_word[(unsigned char)*p]) {
        if (*p == '/' && end - p >= 2 && (p[1] == '/' || p[1] == '*')) {
            break;
        }
        p++;
    }
    scan->p = p;
    return (struct dbc_span){start, (size_t)(p - start)};
}

bool ct_dbc_span_is(struct dbc_span span, const char *text)
{
    return strlen(text) == span.len && memcmp(span.p, text, span.len) == 0;
}

bool ct_dbc_same_span(struct dbc_span a, struct dbc_span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/* The closing quote of the string whose content starts at `p`; NULL when there is none. */
static const char *find_quote(const struct dbc_scan *scan, const char *p, bool one_line)
{
    const char *quote = p;
    do {
        quote = memchr(quote, '"', (size_t)(scan->end - quote));
    } while (quote != NULL && quote > p && quote[-1] == '\\' && ++quote < scan->end);
    if (quote == NULL || quote == scan->end) {
        return NULL;
    }
    const size_t len = (size_t)(quote - p);
    const bool broken = one_line && (memchr(p, '\n', len) != NULL || memchr(p, '\r', len) != NULL);
    return broken ? NULL : quote;
}

bool ct_dbc_take_string(struct dbc_scan *scan, bool one_line, struct dbc_span *out_span)
{
    if (ct_dbc_peek(scan) != '"') {
        return false;
    }
    if (scan->unclosed != NULL && scan->p >= scan->unclosed) {
        return false;
    }
    const char *start = scan->p + 1;
    const char *quote = find_quote(scan, start, one_line);
    if (quote == NULL) {
        if (!one_line) {
            scan->unclosed = scan->p;
        }
        return false;
    }
    *out_span = (struct dbc_span){start, (size_t)(quote - start)};
    scan->p = quote + 1;
    return true;
}

bool ct_dbc_take_uint(struct dbc_scan *scan, uint64_t *out_value)
{
    ct_dbc_skip_blank(scan);
    const char *p = scan->p;
    uint64_t value = 0;
    for (; p < scan->end && *p >= '0' && *p <= '9'; p++) {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (p == scan->p) {
        return false;
    }
    scan->p = p;
    *out_value = value;
    return true;
}

/* The forms that nearly all numbers have: up to 15 digits with at most one point. Both the digits and the power of ten
 * are exact doubles then, so their quotient is rounded correctly (Clinger 1990). */
static bool short_number(struct dbc_span span, double *out_value)
{
    static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const bool negative = span.p[0] == '-';
    const size_t first = negative || span.p[0] == '+' ? 1 : 0;
    size_t point = span.len;
    uint64_t digits = 0;
    if (span.len - first > 16 || span.len == first) {
        return false;
    }
    for (size_t i = first; i < span.len; i++) {
        if (span.p[i] >= '0' && span.p[i] <= '9') {
            digits = digits * 10 + (uint64_t)(span.p[i] - '0');
        } else if (span.p[i] == '.' && point == span.len) {
            point = i;
        } else {
            return false;
        }
    }
    const size_t decimals = point < span.len ? span.len - point - 1 : 0;
    const size_t count = span.len - first - (point < span.len ? 1 : 0);
    if (count == 0 || count > 15) {
        return false;
    }
    const double value = (double)digits / powers[decimals];
    *out_value = negative ? -value : value;
    return true;
}

bool ct_dbc_number(struct dbc_span span, double *out_value)
{
    char text[400]; /* the longest exact decimal that real editors write is a double without exponent: 309 digits */
    if (span.len == 0 || span.len >= sizeof text) {
        return false;
    }
    if (short_number(span, out_value)) {
        return true;
    }
    memcpy(text, span.p, span.len);
    text[span.len] = '\0';
    char *rest;
    const double value = strtod(text, &rest);
    if (rest != text + span.len || isnan(value)) {
        return false;
    }
    *out_value = value;
    return true;
}

bool ct_dbc_take_double(struct dbc_scan *scan, double *out_value)
{
    const char *start = scan->p;
    if (ct_dbc_number(ct_dbc_take_word(scan), out_value)) {
        return true;
    }
    scan->p = start;
    return false;
}

/* Up to 20 digits with a sign; false where they are none or need more than 64 bits. */
static bool whole_number(struct dbc_span span, int64_t *out_value)
{
    const bool negative = span.len > 0 && span.p[0] == '-';
    struct dbc_scan digits = {.p = span.p, .end = span.p + span.len, .begin = span.p};
    digits.p += span.len > 0 && (negative || span.p[0] == '+') ? 1 : 0;
    uint64_t value = 0;
    if (digits.p == digits.end || ends_word[(unsigned char)*digits.p] || !ct_dbc_take_uint(&digits, &value) ||
        digits.p != digits.end || (negative && value > (uint64_t)INT64_MAX + 1)) {
        return false;
    }
    *out_value = (int64_t)(negative ? 0 - value : value);
    return true;
}

bool ct_dbc_take_int(struct dbc_scan *scan, int64_t *out_value)
{
    const char *start = scan->p;
    const struct dbc_span word = ct_dbc_take_word(scan);
    double real = 0;
    if (whole_number(word, out_value)) {
        return true;
    }
    if (ct_dbc_number(word, &real) && fabs(real) <= 9e15 && real == floor(real)) {
        *out_value = (int64_t)real;
        return true;
    }
    scan->p = start;
    return false;
}

bool ct_dbc_first_on_line(const struct dbc_scan *scan)
{
    for (const char *p = scan->p; p > scan->begin; p--) {
        if (ends_line(p[-1])) {
            return true;
        }
        if (!is_blank(p[-1])) {
            return false;
        }
    }
    return true;
}

bool ct_dbc_same_line(struct dbc_scan *scan)
{
    while (scan->p < scan->end && is_blank(*scan->p) && !ends_line(*scan->p)) {
        scan->p++;
    }
    return scan->p < scan->end && !ends_line(*scan->p) && !starts_comment(scan);
}

void ct_dbc_skip_line(struct dbc_scan *scan)
{
    while (scan->p < scan->end && !ends_line(*scan->p)) {
        scan->p++;
    }
}

/* Skips a string met while looking for the next statement. After a lost quote the strings are turned inside out: one
 * that spans lines counts only if what follows it can follow a string. */
static void skip_string(struct dbc_scan *scan)
{
    struct dbc_span string;
    if (ct_dbc_take_string(scan, true, &string)) {
        return;
    }
    const char *quote = scan->p;
    if (ct_dbc_take_string(scan, false, &string)) {
        const char *behind = scan->p;
        const char next = ct_dbc_peek(scan);
        if (next == ';' || next == ',' || ct_dbc_first_on_line(scan)) {
            scan->p = behind;
            return;
        }
    }
    scan->p = quote + 1;
}

void ct_dbc_skip_statement(struct dbc_scan *scan, bool (*starts_statement)(struct dbc_scan *scan))
{
    while (ct_dbc_peek(scan) != '\0') {
        if (starts_statement(scan)) {
            return;
        }
        if (*scan->p == '"') {
            skip_string(scan);
        } else if (*scan->p == ';') {
            scan->p++;
            return;
        } else if (ct_dbc_take_word(scan).len == 0) {
            scan->p++;
        }
    }
}
