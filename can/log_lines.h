/* Lines of a text log: splits bytes, counts, refuses what is too long, and hands each line to a format's parser. */
#ifndef CT_CAN_LOG_LINES_H
#define CT_CAN_LOG_LINES_H

#include "log_format.h"

/* One line without its newline. CT_OK, CT_ERR_NOT_FOUND (no frame, on purpose), else out_problem is filled. */
typedef int ct_log_line_parser(void *state, const char *text, size_t len, struct ct_log_record *out_record,
                               struct ct_log_problem *out_problem);

struct ct_log_lines {
    uint64_t line;
    bool skipping; /* inside a line that is too long */
};

int ct_log_lines_next(struct ct_log_lines *lines, ct_log_line_parser *parser, void *state, const uint8_t *bytes,
                      size_t len, bool last, struct ct_log_step *out_step) CT_MUST_CHECK;

#endif
