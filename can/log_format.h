/* The kinds of CAN log that are read: one row each, told by content; bytes in, frames out, no I/O. Text formats give
 * one line parser and share the splitting into lines. Memory is bounded whatever a file holds. */
#ifndef CT_CAN_LOG_FORMAT_H
#define CT_CAN_LOG_FORMAT_H

#include "frame.h"

#define CT_LOG_CHANNEL_MAX 32   /* a channel's name and its NUL */
#define CT_LOG_LINE_MAX    4096 /* longer lines are refused */

/* A frame of a log: t_ns is the log's own stamp, utc_ns the same when it is a date, else 0. Channel n of formats that
 * number them from 1 is called can<n-1>. Formats that say only "error frame" give class bus error, 8 zero bytes. */
struct ct_log_record {
    struct ct_frame frame;
    char channel[CT_LOG_CHANNEL_MAX];
};

struct ct_log_problem {
    size_t column;    /* of text, from 1 */
    const char *text; /* constant; what is wrong and what was expected */
};

struct ct_log_step {
    size_t used; /* bytes that are done with, whatever the result */
    struct ct_log_record record;
    struct ct_log_problem problem;
    uint64_t line;    /* text: of the record or problem, from 1 */
    uint64_t offset;  /* binary: where the object or container with the problem starts */
    uint64_t skipped; /* events, objects and lines that are no frames, met on the way */
    bool torn;        /* the problem is the file's last, unfinished piece */
};

struct ct_log_format {
    const char *name;
    bool text;                                           /* problems are located by line and column, else by byte */
    bool (*recognises)(const uint8_t *head, size_t len); /* `head`: the start of a file, about its first line */
    void *(*open)(void);                                 /* NULL: out of memory */
    /* Takes from `bytes`; `last`: nothing follows. CT_OK: a record. CT_ERR_AGAIN: all that can be used is, give more.
     * CT_ERR_SYNTAX: one piece is refused, go on. CT_ERR_END, CT_ERR_TRUNCATED, CT_ERR_CORRUPT, CT_ERR_UNSUPPORTED:
     * final. */
    int (*next)(void *state, const uint8_t *bytes, size_t len, bool last, struct ct_log_step *out_step);
    void (*close)(void *state); /* accepts NULL */
};

extern const struct ct_log_format ct_log_candump;
extern const struct ct_log_format ct_log_asc;
extern const struct ct_log_format ct_log_blf;

/* The format of a file that starts so. NULL with *out_hint set for a known kind that is not read; what nothing
 * recognises is taken for candump, whose reader says what is wrong. */
const struct ct_log_format *ct_log_format_of(const uint8_t *head, size_t len, const char **out_hint);

/* Stamps of formats with a start date: fills t_ns and utc_ns (0 for dates before 2000). CT_ERR_RANGE. */
int ct_log_stamp(struct ct_frame *frame, int64_t start_utc, uint64_t offset_ns) CT_MUST_CHECK;

/* Names channel `number` (from 1), and back: can<n> and any name that ends in digits give n + 1, others 0. */
void ct_log_channel_name(unsigned number, char out_name[CT_LOG_CHANNEL_MAX]);
unsigned ct_log_channel_number(const char *name);

/* The error frame of formats that know no more. */
void ct_log_error_frame(struct ct_frame *frame);

#endif
