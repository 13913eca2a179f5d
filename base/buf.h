/* A growable byte or text buffer with a limit set at init; what does not fit is remembered as one sticky error, so that
 * a writer checks once at the end (ct_buf_error). Text appended is always followed by a NUL that is not counted.
 * Caller-allocated, not thread-safe. */
#ifndef CT_BASE_BUF_H
#define CT_BASE_BUF_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_buf {
    uint8_t *data; /* NULL while empty */
    size_t len;
    size_t capacity;
    size_t limit;
    int err;
};

void ct_buf_init(struct ct_buf *buf, size_t limit);
void ct_buf_free(struct ct_buf *buf);  /* back to the state after init */
void ct_buf_clear(struct ct_buf *buf); /* len = 0, error forgotten, memory kept */
void ct_buf_append(struct ct_buf *buf, const void *data, size_t len);
void ct_buf_text(struct ct_buf *buf, const char *text);
void ct_buf_printf(struct ct_buf *buf, const char *format, ...) CT_PRINTF(2, 3);
int ct_buf_error(const struct ct_buf *buf); /* CT_OK, CT_ERR_TOO_LARGE or CT_ERR_NO_MEMORY */

/* The text so far ("" when empty). */
const char *ct_buf_string(const struct ct_buf *buf);

#endif
