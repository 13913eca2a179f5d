/* Writes CAN logs: candump's file form (.log, .txt), Vector ASC (.asc), BLF (.blf, deflated containers) and packet
 * captures for Wireshark (.pcap). Adapter target can_log. One thread.
 *
 * Frames are buffered: text in 64 KiB, BLF in containers of 128 KiB; flush hands over what there is. A BLF header is
 * brought up to date with every container, so that a file whose writer died is one that readers accept, short of what
 * was not flushed; of text at most the last line is torn. ASC and BLF count time from the first frame (earlier stamps
 * become its time), ASC and candump to the microsecond, BLF to the nanosecond; both number channels (can0 is 1), and of
 * an error frame they keep that it was one. A CT_FRAME_SENT frame is T or Tx in these three.
 * A capture keeps nanoseconds and error frames whole, but neither channels nor who sent; it cannot be read back. */
#ifndef CT_CAN_LOG_WRITER_H
#define CT_CAN_LOG_WRITER_H

#include "frame.h"

struct ct_log_writer;

/* Does the name end in an extension that says how to write it (.log, .txt, .asc, .blf, .pcap, in any case)? */
bool ct_log_writer_knows(const char *path);

/* Replaces the file; "-" is standard output. `format` is candump, asc, blf or pcap; NULL: by the extension, "-"
 * candump. CT_ERR_ARGUMENT: no such format or extension. On failure `problem` gets one line that names the file. */
int ct_log_writer_open(const char *path, const char *format, struct ct_log_writer **out_writer, char *problem,
                       size_t problem_size) CT_MUST_CHECK;

/* Adds a valid frame, stamped with utc_ns, or t_ns where that is 0. CT_ERR_FULL: more than 64 channel names. After an
 * error of the file (disk full) that error, for this and every later frame. */
int ct_log_writer_write(struct ct_log_writer *writer, const struct ct_frame *frame, const char *channel) CT_MUST_CHECK;

int ct_log_writer_flush(struct ct_log_writer *writer) CT_MUST_CHECK;

/* Flushes, completes and closes the file. The error of the file if there was one, `problem` then says which. */
int ct_log_writer_close(struct ct_log_writer *writer, char *problem, size_t problem_size) CT_MUST_CHECK;

uint64_t ct_log_writer_frames(const struct ct_log_writer *writer); /* taken and, as far as is known, written */
uint64_t ct_log_writer_lost(const struct ct_log_writer *writer);   /* frames that could not be written */

/* `FILE: error: ...` of the first error; "" when there was none. */
const char *ct_log_writer_problem(const struct ct_log_writer *writer);

#endif
