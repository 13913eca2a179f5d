#include "asc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text of a fixed size; `len` grows past `size` once it does not fit. */
struct text {
    char *out;
    size_t size;
    size_t len;
};

CT_PRINTF(2, 3) static void add(struct text *t, const char *format, ...)
{
    if (t->len >= t->size) {
        return;
    }
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(t->out + t->len, t->size - t->len, format, args);
    va_end(args);
    t->len = n < 0 ? t->size : t->len + (size_t)n;
}

static void add_data(struct text *t, const struct ct_frame *frame)
{
    static const char digits[] = "0123456789ABCDEF";
    char bytes[3 * CT_FRAME_DATA_MAX + 1];
    for (unsigned i = 0; i < frame->len; i++) {
        bytes[3 * i] = ' ';
        bytes[3 * i + 1] = digits[frame->data[i] >> 4];
        bytes[3 * i + 2] = digits[frame->data[i] & 15];
    }
    bytes[3U * frame->len] = '\0';
    add(t, "%s", bytes);
}

static void add_classic(struct text *t, const struct ct_frame *frame, unsigned channel, const char *id,
                        const char *direction)
{
    const bool remote = (frame->flags & CT_FRAME_RTR) != 0;
    add(t, "%u  %-15s %-4s %c %u", channel, id, direction, remote ? 'r' : 'd', frame->len);
    if (!remote) {
        add_data(t, frame);
    }
}

/* Duration, length, checksum and bit timing of the frame are not known: 0. */
static void add_fd(struct text *t, const struct ct_frame *frame, unsigned channel, const char *id,
                   const char *direction)
{
    const unsigned brs = (frame->flags & CT_FRAME_BRS) != 0 ? 1 : 0;
    const unsigned esi = (frame->flags & CT_FRAME_ESI) != 0 ? 1 : 0;
    add(t, "CANFD %3u %-4s %8s  %32s %u %u %x %2u", channel, direction, id, "", brs, esi,
        ct_frame_dlc_from_length(frame->len), frame->len);
    add_data(t, frame);
    add(t, " %8d %4d %8X %8d %8d %8d %8d %8d", 0, 0, 0x1000U | brs << 13 | esi << 14, 0, 0, 0, 0, 0);
}

size_t ct_asc_format(const struct ct_frame *frame, int64_t offset_ns, unsigned channel, char *out_text, size_t size)
{
    struct text t = {out_text, size, 0};
    char id[16];
    const char *direction = (frame->flags & CT_FRAME_SENT) != 0 ? "Tx" : "Rx";
    const long long us = (long long)(offset_ns / CT_NS_PER_US);
    snprintf(id, sizeof id, "%X%s", (unsigned)frame->id, (frame->flags & CT_FRAME_EXT) != 0 ? "x" : "");
    add(&t, "%4lld.%06lld ", us / 1000000, us % 1000000);
    if ((frame->flags & CT_FRAME_ERR) != 0) {
        add(&t, "%u  ErrorFrame", channel);
    } else if ((frame->flags & CT_FRAME_FD) != 0) {
        add_fd(&t, frame, channel, id, direction);
    } else {
        add_classic(&t, frame, channel, id, direction);
    }
    return t.len < t.size ? t.len : 0;
}
