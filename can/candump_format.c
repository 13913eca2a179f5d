#include "candump.h"

#include <stdarg.h>
#include <stdio.h>

#define ERROR_FLAG 0x20000000U

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

static size_t finish(const struct text *t)
{
    return t->len < t->size ? t->len : 0;
}

static void add_id(struct text *t, const struct ct_frame *frame)
{
    if ((frame->flags & (CT_FRAME_EXT | CT_FRAME_ERR)) != 0) {
        add(t, "%08X", (unsigned)(frame->id | ((frame->flags & CT_FRAME_ERR) != 0 ? ERROR_FLAG : 0U)));
    } else {
        add(t, "%03X", (unsigned)frame->id);
    }
}

static void add_stamp(struct text *t, ct_ns stamp)
{
    const int64_t us = stamp / CT_NS_PER_US;
    add(t, "(%010lld.%06lld) ", (long long)(us / 1000000), (long long)(us % 1000000));
}

static void add_data(struct text *t, const struct ct_frame *frame, bool spaced)
{
    static const char digits[] = "0123456789ABCDEF";
    char bytes[3 * CT_FRAME_DATA_MAX + 1];
    size_t n = 0;
    for (unsigned i = 0; i < frame->len; i++) {
        if (spaced && i > 0) {
            bytes[n++] = ' ';
        }
        bytes[n++] = digits[frame->data[i] >> 4];
        bytes[n++] = digits[frame->data[i] & 15];
    }
    bytes[n] = '\0';
    add(t, "%s", bytes);
}

static void add_body(struct text *t, const struct ct_frame *frame)
{
    add_id(t, frame);
    if ((frame->flags & CT_FRAME_RTR) != 0) {
        add(t, "#R");
        if (frame->len > 0) {
            add(t, "%u", frame->len);
        }
        return;
    }
    if ((frame->flags & CT_FRAME_FD) != 0) {
        const unsigned brs = (frame->flags & CT_FRAME_BRS) != 0 ? 1 : 0;
        const unsigned esi = (frame->flags & CT_FRAME_ESI) != 0 ? 2 : 0;
        add(t, "##%X", brs | esi);
    } else {
        add(t, "#");
    }
    add_data(t, frame, false);
}

size_t ct_candump_format_body(const struct ct_frame *frame, char *out_text, size_t size)
{
    struct text t = {out_text, size, 0};
    add_body(&t, frame);
    return finish(&t);
}

size_t ct_candump_format_file(const struct ct_frame *frame, ct_ns stamp, const char *channel, bool direction,
                              char *out_text, size_t size)
{
    struct text t = {out_text, size, 0};
    add_stamp(&t, stamp);
    add(&t, "%s ", channel);
    add_body(&t, frame);
    if (direction) {
        add(&t, " %c", (frame->flags & CT_FRAME_SENT) != 0 ? 'T' : 'R');
    }
    return finish(&t);
}

size_t ct_candump_format_console(const struct ct_frame *frame, ct_ns stamp, const char *channel, char *out_text,
                                 size_t size)
{
    struct text t = {out_text, size, 0};
    if (stamp != CT_NS_NEVER) {
        add_stamp(&t, stamp);
    }
    const bool wide = (frame->flags & (CT_FRAME_EXT | CT_FRAME_ERR)) != 0;
    add(&t, " %s  %s", channel, wide ? "" : "     ");
    add_id(&t, frame);
    add(&t, (frame->flags & CT_FRAME_FD) != 0 ? "  [%02u]" : "   [%u]", frame->len);
    if ((frame->flags & CT_FRAME_RTR) != 0) {
        add(&t, "  remote request");
        return finish(&t);
    }
    if (frame->len > 0) {
        add(&t, "  ");
        add_data(&t, frame, true);
    }
    if ((frame->flags & CT_FRAME_ERR) != 0) {
        add(&t, "   ERRORFRAME");
    }
    return finish(&t);
}

size_t ct_candump_format(const struct ct_candump_line *line, char *out_text, size_t size)
{
    const struct ct_frame *frame = &line->frame;
    if (line->form == CT_CANDUMP_FILE) {
        return ct_candump_format_file(frame, frame->t_ns, line->channel, line->direction, out_text, size);
    }
    return ct_candump_format_console(frame, line->stamped ? frame->t_ns : CT_NS_NEVER, line->channel, out_text, size);
}
