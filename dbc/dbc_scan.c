#include "dbc_raw.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Problems come mostly in the order of the text, so lines are counted on from the last one. */
static void count_lines(struct dbc_report *report, const char *place)
{
    if (report->place == NULL || place < report->line_start) {
        report->place = report->text;
        report->line_start = report->text;
        report->line = 1;
    }
    for (const char *p = report->place; p < place; p++) {
        if (*p == '\n') {
            report->line++;
            report->line_start = p + 1;
        }
    }
    if (place > report->place) {
        report->place = place;
    }
}

void ct_dbc_report(struct dbc_report *report, enum ct_dbc_severity severity, const char *place, const char *format, ...)
{
    *(severity == CT_DBC_ERROR ? &report->errors : &report->warnings) += 1;
    if (report->fn == NULL) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    count_lines(report, place);
    const struct ct_dbc_problem problem = {
        .severity = severity,
        .code = CT_DBC_CODE_SYNTAX,
        .file = report->file,
        .line = report->line,
        .column = (unsigned)(place - report->line_start) + 1,
        .text = text,
    };
    report->fn(report->user, &problem);
}

static bool is_blank(char c)
{
    return (unsigned char)c <= ' '; /* NUL and Ctrl-Z of old editors included */
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
        if (!block && *scan->p == '\n') {
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
    while (scan->p < scan->end) {
        if (is_blank(*scan->p)) {
            scan->p++;
        } else if (starts_comment(scan)) {
            skip_comment(scan);
        } else {
            return;
        }
    }
}

char ct_dbc_peek(struct dbc_scan *scan)
{
    ct_dbc_skip_blank(scan);
    return scan->p < scan->end ? *scan->p : '\0';
}

bool ct_dbc_take_char(struct dbc_scan *scan, char wanted)
{
    if (ct_dbc_peek(scan) != wanted) {
        return false;
    }
    scan->p++;
    return true;
}

/* Real files hold names with digits first, umlauts, dots and hyphens: whatever is not the language's own. */
struct dbc_span ct_dbc_take_word(struct dbc_scan *scan)
{
    ct_dbc_skip_blank(scan);
    const char *start = scan->p;
    while (scan->p < scan->end && !is_blank(*scan->p) && strchr(":;,()[]|@\"", *scan->p) == NULL &&
           !starts_comment(scan)) {
        scan->p++;
    }
    return (struct dbc_span){start, (size_t)(scan->p - start)};
}

bool ct_dbc_span_is(struct dbc_span span, const char *text)
{
    return strlen(text) == span.len && memcmp(span.p, text, span.len) == 0;
}

/* The closing quote of the string whose content starts at `p`; NULL when there is none. */
static const char *find_quote(const struct dbc_scan *scan, const char *p, bool one_line)
{
    for (; p < scan->end; p++) {
        if (*p == '\\' && p + 1 < scan->end && p[1] == '"') {
            p++;
        } else if (*p == '"') {
            return p;
        } else if (one_line && *p == '\n') {
            return NULL;
        }
    }
    return NULL;
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

/* A number in any form as a NUL-terminated copy; false when the word is too long for one. */
static bool take_number(struct dbc_scan *scan, char *text, size_t size)
{
    const struct dbc_span word = ct_dbc_take_word(scan);
    if (word.len == 0 || word.len >= size) {
        return false;
    }
    memcpy(text, word.p, word.len);
    text[word.len] = '\0';
    return true;
}

bool ct_dbc_take_double(struct dbc_scan *scan, double *out_value)
{
    const char *start = scan->p;
    char text[400]; /* the longest exact decimal that real editors write is a double without exponent: 309 digits */
    char *rest = text;
    double value = 0;
    if (take_number(scan, text, sizeof text)) {
        value = strtod(text, &rest);
    }
    if (rest == text || *rest != '\0' || isnan(value)) {
        scan->p = start;
        return false;
    }
    *out_value = value;
    return true;
}

bool ct_dbc_take_int(struct dbc_scan *scan, int64_t *out_value)
{
    const char *start = scan->p;
    char text[64];
    if (!take_number(scan, text, sizeof text)) {
        scan->p = start;
        return false;
    }
    char *rest;
    errno = 0;
    const int64_t value = text[0] == '-' ? (int64_t)strtoll(text, &rest, 10) : (int64_t)strtoull(text, &rest, 10);
    if (rest != text && *rest == '\0' && errno == 0) {
        *out_value = value;
        return true;
    }
    const double real = strtod(text, &rest);
    if (rest != text && *rest == '\0' && fabs(real) <= 9e15 && real == floor(real)) {
        *out_value = (int64_t)real;
        return true;
    }
    scan->p = start;
    return false;
}

bool ct_dbc_first_on_line(const struct dbc_scan *scan)
{
    for (const char *p = scan->p; p > scan->begin; p--) {
        if (p[-1] == '\n') {
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
    while (scan->p < scan->end && is_blank(*scan->p) && *scan->p != '\n') {
        scan->p++;
    }
    return scan->p < scan->end && *scan->p != '\n' && !starts_comment(scan);
}

void ct_dbc_skip_line(struct dbc_scan *scan)
{
    while (scan->p < scan->end && *scan->p != '\n') {
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
