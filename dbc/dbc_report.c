/* Problems, and where in the text they are. */
#include "dbc_raw.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A line ends in LF, CRLF, or the CR alone of old editors. */
static const char *line_end(const char *p, const char *end)
{
    const char *feed = memchr(p, '\n', (size_t)(end - p));
    const char *stop = feed != NULL ? feed : end;
    const char *carriage = memchr(p, '\r', (size_t)(stop - p));
    return carriage != NULL && carriage + 1 != feed ? carriage : feed;
}

bool ct_dbc_find_lines(struct dbc_report *report, struct dbc_arena *arena, const char *end)
{
    size_t capacity = 0;
    for (const char *p = report->text; p != NULL;) {
        uint32_t *lines = ct_dbc_grow(arena, report->lines, report->line_count, &capacity, sizeof report->lines[0]);
        if (lines == NULL) {
            return false;
        }
        report->lines = lines;
        report->lines[report->line_count++] = (uint32_t)(p - report->text);
        const char *stop = p < end ? line_end(p, end) : NULL;
        p = stop != NULL ? stop + 1 : NULL;
    }
    return true;
}

/* Whether `at` lies in that line or behind it. */
static bool begins_before(const struct dbc_report *report, size_t line, uint32_t at)
{
    return line < report->line_count && report->lines[line] <= at;
}

static size_t find_line(const struct dbc_report *report, uint32_t at)
{
    size_t low = 0;
    size_t high = report->line_count;
    while (high - low > 1) {
        const size_t middle = low + (high - low) / 2;
        if (report->lines[middle] <= at) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

struct ct_dbc_place ct_dbc_place_of(struct dbc_report *report, const char *place)
{
    const uint32_t at = (uint32_t)(place - report->text);
    size_t line = report->hint;
    if (begins_before(report, line, at) && begins_before(report, line + 1, at)) {
        line++; /* mostly the places come line by line */
    }
    if (!begins_before(report, line, at) || begins_before(report, line + 1, at)) {
        line = find_line(report, at);
    }
    report->hint = line;
    return (struct ct_dbc_place){(unsigned)line + 1, at - report->lines[line] + 1};
}

static const enum ct_dbc_severity severities[] = {
#define SEVERITY_ROW(number, name, severity, text) [number] = CT_DBC_##severity,
    CT_DBC_CODES(SEVERITY_ROW)
#undef SEVERITY_ROW
};

/* What is quoted from the file may hold line ends and control characters; a problem is one plain line. */
static void make_plain(char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F) {
            *text = ' ';
        }
    }
}

void ct_dbc_report(struct dbc_report *report, enum ct_dbc_code code, const char *place, const char *format, ...)
{
    const enum ct_dbc_severity severity = severities[code];
    *(severity == CT_DBC_ERROR ? &report->errors : &report->warnings) += 1;
    if (report->fn == NULL) {
        return;
    }
    char text[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    make_plain(text);
    const struct ct_dbc_place where = ct_dbc_place_of(report, place);
    const struct ct_dbc_problem problem = {
        .severity = severity,
        .code = code,
        .file = report->file,
        .line = where.line,
        .column = where.column,
        .text = text,
    };
    report->fn(report->user, &problem);
}

int ct_dbc_shown(struct dbc_span span)
{
    return span.len > 60 ? 60 : (int)span.len;
}
