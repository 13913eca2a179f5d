/* The text forms of can-utils' candump, one line at a time:
 *   file form     (1436509052.249713) can0 123#1122334455667788 [R|T]
 *   console form  [(1436509052.249713)]  can0       123   [8]  11 22 33 44 55 66 77 88
 * and the body `123#1122` that cansend takes: `#R[n]` remote, `##F` FD with F = 1 BRS, 2 ESI; three hex digits are a
 * standard id, more an extended one (8 in what is written), bit 29 marks an error frame.
 * Source: can-utils lib.h, candump.c, log2long. Thread-safe: pure functions. */
#ifndef CT_CAN_CANDUMP_H
#define CT_CAN_CANDUMP_H

#include "frame.h"

#define CT_CANDUMP_CHANNEL_MAX 32  /* an interface name and its NUL */
#define CT_CANDUMP_BODY_MAX    160 /* 8 id digits, ##, flags, 128 data digits, NUL */
#define CT_CANDUMP_LINE_MAX    320 /* the longest line either form writes, and its NUL */

enum ct_candump_form { CT_CANDUMP_FILE, CT_CANDUMP_CONSOLE };

struct ct_candump_line {
    struct ct_frame frame; /* t_ns = the stamp of the line or 0; utc_ns the same when it is a date, else 0 */
    char channel[CT_CANDUMP_CHANNEL_MAX];
    enum ct_candump_form form;
    bool stamped;   /* the line has a stamp */
    bool direction; /* the file form's R or T is there; T sets CT_FRAME_SENT */
};

struct ct_candump_problem {
    size_t column;    /* from 1 */
    const char *text; /* constant; what is wrong and what was expected */
};

/* One line without its newline (a final CR is ignored), either form. CT_ERR_NOT_FOUND for a line that holds no frame
 * on purpose (blank, or a # comment); CT_ERR_SYNTAX or CT_ERR_RANGE with *out_problem filled. */
int ct_candump_parse(const char *text, size_t len, struct ct_candump_line *out_line,
                     struct ct_candump_problem *out_problem) CT_MUST_CHECK;

/* A body alone: 123#1122. Stamps of the frame are 0. */
int ct_candump_parse_body(const char *text, size_t len, struct ct_frame *out_frame,
                          struct ct_candump_problem *out_problem) CT_MUST_CHECK;

/* Writers: NUL-terminated text without a newline; the return value is its length, 0 when `size` is too small.
 * `frame` must be valid (ct_frame_valid). */
size_t ct_candump_format_body(const struct ct_frame *frame, char *out_text, size_t size);

/* The file form, stamp in microseconds. `direction` appends R or T. */
size_t ct_candump_format_file(const struct ct_frame *frame, ct_ns stamp, const char *channel, bool direction,
                              char *out_text, size_t size);

/* The console form; CT_NS_NEVER leaves the stamp out. */
size_t ct_candump_format_console(const struct ct_frame *frame, ct_ns stamp, const char *channel, char *out_text,
                                 size_t size);

/* The line in its own form, with what it had. */
size_t ct_candump_format(const struct ct_candump_line *line, char *out_text, size_t size);

#endif
