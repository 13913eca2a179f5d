#include "buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ct_buf_init(struct ct_buf *buf, size_t limit)
{
    *buf = (struct ct_buf){.limit = limit};
}

void ct_buf_free(struct ct_buf *buf)
{
    free(buf->data);
    ct_buf_init(buf, buf->limit);
}

void ct_buf_clear(struct ct_buf *buf)
{
    buf->len = 0;
    buf->err = CT_OK;
    if (buf->data != NULL) {
        buf->data[0] = 0;
    }
}

/* Room for `more` bytes and the NUL. */
static int reserve(struct ct_buf *buf, size_t more)
{
    if (buf->err != CT_OK) {
        return buf->err;
    }
    if (more > buf->limit - buf->len) {
        buf->err = CT_ERR_TOO_LARGE;
        return buf->err;
    }
    const size_t need = buf->len + more + 1;
    if (need <= buf->capacity) {
        return CT_OK;
    }
    size_t grown = buf->capacity < 128 ? 128 : buf->capacity * 2;
    if (grown < need) {
        grown = need;
    }
    uint8_t *data = realloc(buf->data, grown);
    if (data == NULL) {
        buf->err = CT_ERR_NO_MEMORY;
        return buf->err;
    }
    buf->data = data;
    buf->capacity = grown;
    return CT_OK;
}

void ct_buf_append(struct ct_buf *buf, const void *data, size_t len)
{
    if (len == 0 || reserve(buf, len) != CT_OK) {
        return;
    }
    memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = 0;
}

void ct_buf_text(struct ct_buf *buf, const char *text)
{
    ct_buf_append(buf, text, strlen(text));
}

void ct_buf_printf(struct ct_buf *buf, const char *format, ...)
{
    char small[256];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(small, sizeof small, format, args);
    va_end(args);
    if (len < 0) {
        buf->err = CT_ERR_ARGUMENT;
        return;
    }
    if ((size_t)len < sizeof small) {
        ct_buf_append(buf, small, (size_t)len);
        return;
    }
    if (reserve(buf, (size_t)len) != CT_OK) {
        return;
    }
    va_start(args, format);
    (void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
    va_end(args);
    buf->len += (size_t)len;
}

int ct_buf_error(const struct ct_buf *buf)
{
    return buf->err;
}

const char *ct_buf_string(const struct ct_buf *buf)
{
    return buf->data != NULL ? (const char *)buf->data : "";
}
