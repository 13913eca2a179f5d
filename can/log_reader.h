/* Reads CAN logs one frame at a time: candump's two text forms, Vector ASC and BLF, each plain or compressed (zstd,
 * gzip), all told by content. Adapter target can_log. Memory is bounded whatever the file holds. One thread. */
#ifndef CT_CAN_LOG_READER_H
#define CT_CAN_LOG_READER_H

#include "frame.h"

struct ct_log_reader;

/* `path` "-" is standard input. On failure `problem` gets one line that names the file and what to do;
 * CT_ERR_UNSUPPORTED: a known kind of log that is not read. */
int ct_log_reader_open(const char *path, struct ct_log_reader **out_reader, char *problem,
                       size_t problem_size) CT_MUST_CHECK;
/* The same, but waiting for a silent pipe, here and in ct_log_reader_next, ends with CT_ERR_CLOSED when `stop_fd`
 * becomes readable. */
int ct_log_reader_open_until(const char *path, int stop_fd, struct ct_log_reader **out_reader, char *problem,
                             size_t problem_size) CT_MUST_CHECK;
void ct_log_reader_close(struct ct_log_reader *reader); /* accepts NULL */

/* The next frame; t_ns is the log's own stamp (0 when it has none), utc_ns the same when it is a date, bus is 0.
 * *out_channel (may be NULL) is the interface name in the log, or can<n-1> for channel n, valid until the next call.
 * CT_ERR_END at the end. CT_ERR_SYNTAX for a line or object that is no frame but should be: it is counted,
 * ct_log_reader_problem says where and why, and the next call goes on behind it. Everything else is final: CT_ERR_IO,
 * CT_ERR_CORRUPT and CT_ERR_TRUNCATED (compressed data or a container damaged or cut off), CT_ERR_UNSUPPORTED. What
 * came before the damage has been given. */
int ct_log_reader_next(struct ct_log_reader *reader, struct ct_frame *out_frame,
                       const char **out_channel) CT_MUST_CHECK;

const char *ct_log_reader_format(const struct ct_log_reader *reader); /* candump, ASC, BLF */
uint64_t ct_log_reader_line(const struct ct_log_reader *reader);      /* text: of the last frame or problem, from 1 */
uint64_t ct_log_reader_frames(const struct ct_log_reader *reader);    /* handed out so far */
uint64_t ct_log_reader_malformed(const struct ct_log_reader *reader); /* lines and objects refused so far */
uint64_t ct_log_reader_skipped(const struct ct_log_reader *reader);   /* BLF: objects that are no frames */

/* Where reading has come to, from 0 to 1; negative when the size is not known. */
double ct_log_reader_progress(const struct ct_log_reader *reader);

/* `FILE:LINE:COLUMN: error: text`, of binary files `FILE: byte OFFSET: error: text`, of the last failure; "" when there
 * was none. Valid until the next call. */
const char *ct_log_reader_problem(const struct ct_log_reader *reader);

/* After CT_ERR_END: the last line was no frame and had no line end, so the log is probably cut off in it. */
bool ct_log_reader_cut(const struct ct_log_reader *reader);

#endif
