#include "log_lines.h"

#include <string.h>

static int refuse(struct ct_log_step *step, size_t column, const char *text)
{
    step->problem = (struct ct_log_problem){column, text};
    return CT_ERR_SYNTAX;
}

static int parse_one(struct ct_log_lines *lines, ct_log_line_parser *parser, void *state, const char *text, size_t len,
                     struct ct_log_step *step)
{
    step->line = ++lines->line;
    if (lines->skipping || len > CT_LOG_LINE_MAX) {
        lines->skipping = false;
        return refuse(step, 1, "line is longer than 4096 characters; not a CAN log?");
    }
    const int err = parser(state, text, len, &step->record, &step->problem);
    return err == CT_OK || err == CT_ERR_NOT_FOUND ? err : CT_ERR_SYNTAX;
}

/* No newline in `there` bytes. */
static int unfinished(struct ct_log_lines *lines, ct_log_line_parser *parser, void *state, const char *text,
                      size_t there, bool last, struct ct_log_step *step)
{
    if (last && there + (lines->skipping ? 1U : 0U) > 0) {
        step->used += there;
        step->torn = true;
        return parse_one(lines, parser, state, text, there, step);
    }
    if (there > CT_LOG_LINE_MAX) {
        lines->skipping = true;
        step->used += there;
    }
    return last ? CT_ERR_END : CT_ERR_AGAIN;
}

int ct_log_lines_next(struct ct_log_lines *lines, ct_log_line_parser *parser, void *state, const uint8_t *bytes,
                      size_t len, bool last, struct ct_log_step *out_step)
{
    out_step->torn = false;
    for (;;) {
        const char *text = (const char *)bytes + out_step->used;
        const size_t there = len - out_step->used;
        const char *newline = there > 0 ? memchr(text, '\n', there) : NULL;
        int err;
        if (newline == NULL) {
            err = unfinished(lines, parser, state, text, there, last, out_step);
        } else {
            const size_t n = (size_t)(newline - text);
            out_step->used += n + 1;
            err = parse_one(lines, parser, state, text, n, out_step);
        }
        if (err != CT_ERR_NOT_FOUND) {
            return err;
        }
    }
}
