/* Vector's ASC text log, one line at a time: classic and FD frames, remote and error frames; events, statistics,
 * J1939TP lines and comments are passed over. Sources: the CAN lines of Vector's CAN_LOG_TRIGGER_ASC_Format, and files
 * as CANoe, CANalyzer, log2asc and python-can write them. Dates carry no zone: they are local time (TZ).
 * One reader belongs to one thread. */
#ifndef CT_CAN_ASC_H
#define CT_CAN_ASC_H

#include "log_format.h"

#define CT_ASC_LINE_MAX 448 /* the longest line the writer makes, and its NUL */
#define CT_ASC_DATE_MAX 40

struct ct_asc {
    unsigned base; /* of ids and data: 16 or 10 */
    bool relative; /* stamps count from the event before */
    bool events;   /* a stamped line was met, so the header is over */
    bool dated;    /* start_utc is a date of the file */
    bool block_dated;
    int64_t start_utc;
    int64_t block_utc; /* of the newest `Begin Triggerblock` */
    int64_t at_ns;     /* stamp of the newest event, from the start of the measurement */
};

void ct_asc_init(struct ct_asc *asc);

/* As struct ct_log_lines calls it; `state` is a struct ct_asc. */
int ct_asc_parse(void *state, const char *text, size_t len, struct ct_log_record *out_record,
                 struct ct_log_problem *out_problem) CT_MUST_CHECK;

/* `Sam Sep 30 15:06:13.191 2017`, `Mon Apr 5 09:21:13.159 pm 2014`, `30.09.2017 15:06:13`: weekday and month in several
 * languages, 12 or 24 hours. Fewer than three digits of a second's fraction are milliseconds, as python-can writes
 * them. CT_ERR_SYNTAX when it is no date. */
int ct_asc_parse_date(const char *text, size_t len, int64_t *out_utc_ns) CT_MUST_CHECK;

/* English, 12 hours, local time, to the millisecond: what CANoe writes. Returns the length, 0 when `size` is too small.
 */
size_t ct_asc_format_date(int64_t utc_ns, char *out_text, size_t size);

/* One line without newline, `offset_ns` from the start of the measurement, in microseconds. Returns the length, 0 when
 * `size` is too small. */
size_t ct_asc_format(const struct ct_frame *frame, int64_t offset_ns, unsigned channel, char *out_text, size_t size);

#endif
