/* Reads CAN logs in candump's two text forms, plain or zstd-compressed (told by content), one frame at a time.
 * Adapter target can_log. Memory is bounded whatever the file holds (a line has at most 4 KiB). One thread. */
#ifndef CT_CAN_LOG_READER_H
#define CT_CAN_LOG_READER_H

#include "frame.h"

struct ct_log_reader;

/* `path` "-" is standard input. On failure `problem` gets one line that names the file and what to do. */
int ct_log_reader_open(const char *path, struct ct_log_reader **out_reader, char *problem,
                       size_t problem_size) CT_MUST_CHECK;
void ct_log_reader_close(struct ct_log_reader *reader); /* accepts NULL */

/* The next frame; t_ns is the log's own stamp (0 when the line has none), utc_ns the same when it is a date, bus is 0.
 * *out_channel (may be NULL) is the interface name in the log, valid until the next call.
 * CT_ERR_END at the end. CT_ERR_SYNTAX for a line that is no frame: it is counted, ct_log_reader_problem says where and
 * why, and the next call goes on behind it. Everything else is final: CT_ERR_IO, CT_ERR_CORRUPT and CT_ERR_TRUNCATED
 * (compressed data damaged or cut off). */
int ct_log_reader_next(struct ct_log_reader *reader, struct ct_frame *out_frame,
                       const char **out_channel) CT_MUST_CHECK;

uint64_t ct_log_reader_line(const struct ct_log_reader *reader);      /* of the last frame or problem, from 1 */
uint64_t ct_log_reader_frames(const struct ct_log_reader *reader);    /* handed out so far */
uint64_t ct_log_reader_malformed(const struct ct_log_reader *reader); /* lines refused so far */

/* `FILE:LINE:COLUMN: error: text` of the last failure; "" when there was none. Valid until the next call. */
const char *ct_log_reader_problem(const struct ct_log_reader *reader);

/* After CT_ERR_END: the last line was no frame and had no line end, so the log is probably cut off in it. */
bool ct_log_reader_cut(const struct ct_log_reader *reader);

#endif
