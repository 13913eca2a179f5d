/* How `cantwin diag trace` shows one message that was heard: as a line for people or as a JSON object. */
#ifndef CT_CLI_DIAG_TRACE_PRINT_H
#define CT_CLI_DIAG_TRACE_PRINT_H

#include "buf.h"
#include "isotp_listen.h"

/* `stamp` in ns as shown; `bytes_shown` limits the data of the line, not of the JSON. A newline ends each. */
void ct_diag_trace_line(struct ct_buf *buf, const struct ct_isotp_heard *heard, const char *bus, int64_t stamp,
                        size_t bytes_shown);
void ct_diag_trace_json(struct ct_buf *buf, const struct ct_isotp_heard *heard, const char *bus, int64_t stamp);

#endif
