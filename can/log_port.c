#include "log_port.h"

#include "log_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct log_port {
    struct ct_port port;
    struct ct_log_reader *reader;
    char channel[32]; /* "": all */
    double speed;
    bool started;
    ct_ns now;       /* of the last tick */
    ct_ns start;     /* of the first tick */
    ct_ns log_start; /* stamp of the first frame */
    ct_ns due;       /* when `next` is to be played */
    struct ct_frame next;
    bool have_next;
    bool any; /* a frame was met */
    int end;  /* CT_OK, or why there is no next frame */
    bool end_told;
};

static struct log_port *log_of(struct ct_port *port)
{
    return (struct log_port *)port;
}

static void keep_problem(struct log_port *p)
{
    snprintf(p->port.problem, sizeof p->port.problem, "%s", ct_log_reader_problem(p->reader));
}

/* An end in the middle of something, or of what never was a log, is no good end. */
static int judge_end(struct log_port *p, int end)
{
    if (end == CT_ERR_END && p->port.stats.malformed > 0 && ct_log_reader_frames(p->reader) == 0) {
        const size_t len = strlen(p->port.problem);
        snprintf(p->port.problem + len, sizeof p->port.problem - len,
                 "; no frame was found, is it another kind of log? candump, ASC and BLF are read");
        return CT_ERR_SYNTAX;
    }
    if (end != CT_ERR_END || ct_log_reader_cut(p->reader)) {
        keep_problem(p);
        return end != CT_ERR_END ? end : CT_ERR_TRUNCATED;
    }
    return CT_ERR_END;
}

static int next_of_channel(struct log_port *p)
{
    for (;;) {
        const char *channel;
        const int err = ct_log_reader_next(p->reader, &p->next, &channel);
        if (err == CT_ERR_SYNTAX) {
            if (p->port.stats.malformed++ == 0) {
                keep_problem(p);
            }
        } else if (err != CT_OK || p->channel[0] == '\0' || strcmp(p->channel, channel) == 0) {
            return err;
        }
    }
}

static ct_ns played_at(const struct log_port *p, ct_ns stamp)
{
    const double offset = (double)(stamp - p->log_start) / p->speed;
    return offset < 9e18 ? ct_ns_add(p->start, (ct_ns)offset) : CT_NS_NEVER - 1;
}

static void fetch(struct log_port *p)
{
    if (p->have_next || p->end != CT_OK || !p->started) {
        return;
    }
    p->end = next_of_channel(p);
    if (p->end != CT_OK) {
        p->end = judge_end(p, p->end);
        p->port.stats.up = false;
        return;
    }
    if (!p->any) {
        p->any = true;
        p->log_start = p->next.t_ns;
        p->due = p->start;
    }
    if (p->speed > 0) {
        const ct_ns at = played_at(p, p->next.t_ns);
        p->due = at > p->due ? at : p->due;
    } else {
        p->due = p->now;
    }
    p->have_next = true;
}

static int log_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct log_port *p = log_of(port);
    size_t n = 0;
    for (fetch(p); n < max && p->have_next && p->due <= p->now; fetch(p)) {
        out_frames[n] = p->next;
        out_frames[n].t_ns = p->due;
        p->have_next = false;
        n++;
    }
    *out_count = n;
    port->stats.received += n;
    if (n > 0) {
        return CT_OK;
    }
    p->end_told = p->end != CT_OK;
    return p->end_told ? p->end : CT_ERR_AGAIN;
}

static int log_write(struct ct_port *port, const struct ct_frame *frame)
{
    (void)frame;
    port->stats.refused++;
    return CT_ERR_UNSUPPORTED;
}

static ct_ns log_tick(struct ct_port *port, ct_ns now)
{
    struct log_port *p = log_of(port);
    if (!p->started) {
        p->started = true;
        p->start = now;
    }
    p->now = now;
    fetch(p);
    if (!p->have_next && (p->end == CT_OK || p->end_told)) {
        return CT_NS_NEVER;
    }
    return p->have_next && p->due > now ? p->due : now; /* a read tells the end */
}

static void log_close(struct ct_port *port)
{
    ct_log_reader_close(log_of(port)->reader);
    free(port);
}

static const struct ct_port_ops log_ops = {
    .read = log_read,
    .write = log_write,
    .tick = log_tick,
    .close = log_close,
};

int ct_log_port_open(const char *path, const char *channel, double speed, struct ct_port **out_port, char *problem,
                     size_t problem_size)
{
    if (!(speed >= 0)) {
        snprintf(problem, problem_size, "file:%s: error: replay speed must be 0 or more", path);
        return CT_ERR_ARGUMENT;
    }
    struct log_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        snprintf(problem, problem_size, "file:%s: error: out of memory", path);
        return CT_ERR_NO_MEMORY;
    }
    const int err = ct_log_reader_open(path, &p->reader, problem, problem_size);
    if (err != CT_OK) {
        free(p);
        return err;
    }
    p->port.ops = &log_ops;
    p->port.fd = -1;
    p->port.stats.up = true;
    snprintf(p->port.name, sizeof p->port.name, "file:%s", path);
    snprintf(p->channel, sizeof p->channel, "%s", channel != NULL ? channel : "");
    p->speed = speed;
    *out_port = &p->port;
    return CT_OK;
}
