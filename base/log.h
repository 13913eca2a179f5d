/* The log sink of the daemons and tools: one line on standard error, `LEVEL name: text`, level prefixes in the form
 * systemd reads (<3> ... <7>) when standard error is the journal. Only app folders and mains log; libraries return
 * errors and count. The sink and its level are the only process-wide state. Thread-safe (one write per line). Never
 * waits: a line for which a pipe or socket has no room is dropped and counted, and the number is told with the next
 * line. */
#ifndef CT_BASE_LOG_H
#define CT_BASE_LOG_H

#include "errors.h"

enum ct_log_level { CT_LOG_ERROR = 3, CT_LOG_WARNING = 4, CT_LOG_INFO = 6, CT_LOG_DEBUG = 7 };

void ct_log_open(const char *program, enum ct_log_level level); /* `program` is kept, not copied */
void ct_log(enum ct_log_level level, const char *format, ...) CT_PRINTF(2, 3);

#endif
