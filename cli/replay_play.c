/* Playing a log, or passing on a bus. */
#include "clock.h"
#include "log_reader.h"
#include "replay.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_NS (INT64_C(500) * 1000 * 1000)
#define LOOK_EVERY  64 /* frames between looking for signals and what buses send, when there is no waiting */

struct play {
    struct ct_replay *replay;
    struct ct_log_reader *reader;
    int stop_fd;
    bool stop;
    bool any;          /* a frame was met */
    bool played;       /* one was played */
    ct_ns log_first;   /* stamp of the first frame */
    ct_ns log_start;   /* of the first that was played */
    ct_ns start;       /* when it was */
    ct_ns progress_at; /* CT_NS_NEVER: nobody looks */
    unsigned unlooked;
};

static bool id_wanted(const struct ct_replay *r, const struct ct_frame *frame)
{
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    for (size_t i = 0; i < r->id_count; i++) {
        const struct ct_replay_ids *ids = &r->ids[i];
        if (ids->extended == extended && frame->id >= ids->first && frame->id <= ids->last) {
            return (frame->flags & CT_FRAME_ERR) == 0;
        }
    }
    return r->id_count == 0;
}

static bool channel_wanted(const struct ct_replay *r, const char *channel)
{
    for (size_t i = 0; i < r->channel_count; i++) {
        if (strcmp(r->channels[i], channel) == 0) {
            return true;
        }
    }
    return r->channel_count == 0;
}

static bool in_window(struct play *p, ct_ns stamp)
{
    if (!p->any) {
        p->any = true;
        p->log_first = stamp;
    }
    const double at = (double)(stamp - p->log_first) / (double)CT_NS_PER_S;
    return at >= p->replay->begin_s && at <= p->replay->end_s;
}

static bool wanted(struct play *p, const struct ct_frame *frame, const char *channel)
{
    return in_window(p, frame->t_ns) && channel_wanted(p->replay, channel) && id_wanted(p->replay, frame);
}

static ct_ns due_at(struct play *p, ct_ns stamp)
{
    if (!p->played) {
        p->played = true;
        p->log_start = stamp;
        p->start = ct_clock_now();
    }
    const double offset = (double)(stamp - p->log_start) / p->replay->speed;
    return offset < 9e18 ? ct_ns_add(p->start, (ct_ns)offset) : CT_NS_NEVER - 1;
}

static void show_progress(struct play *p)
{
    const ct_ns now = ct_clock_now();
    if (now >= p->progress_at) {
        const double part = ct_log_reader_progress(p->reader);
        fprintf(stderr, "\r%llu frames", (unsigned long long)p->replay->played);
        if (part >= 0) {
            fprintf(stderr, ", %.0f %%", 100 * part);
        }
        p->progress_at = now + PROGRESS_NS;
    }
}

/* Until the frame is due; without pacing only now and then a look. */
static int wait_for(struct play *p, ct_ns stamp)
{
    int code = CT_EXIT_OK;
    if (p->replay->speed > 0) {
        const ct_ns due = due_at(p, stamp);
        while (code == CT_EXIT_OK && !p->stop && ct_clock_now() < due) {
            code = ct_replay_sinks_wait(p->replay, p->stop_fd, -1, due, &p->stop);
        }
    }
    if (++p->unlooked >= LOOK_EVERY) {
        p->unlooked = 0;
        code = code == CT_EXIT_OK ? ct_replay_sinks_wait(p->replay, p->stop_fd, -1, 0, &p->stop) : code;
        show_progress(p);
    }
    return code;
}

static int play_frame(struct play *p, const struct ct_frame *frame, const char *channel)
{
    if (!wanted(p, frame, channel)) {
        p->replay->filtered++;
        return CT_EXIT_OK;
    }
    const int code = wait_for(p, frame->t_ns);
    return code == CT_EXIT_OK && !p->stop ? ct_replay_sinks_send(p->replay, frame, channel) : code;
}

static void note_refused(struct play *p)
{
    if (p->replay->refused++ == 0) {
        snprintf(p->replay->first_refused, sizeof p->replay->first_refused, "%s", ct_log_reader_problem(p->reader));
    }
}

/* The end of a log that is none, or that was cut off in its last line, is no good end. */
static int judge_end(const struct play *p, int err)
{
    const bool foreign = p->replay->refused > 0 && ct_log_reader_frames(p->reader) == 0;
    if (err == CT_ERR_END && !foreign && !ct_log_reader_cut(p->reader)) {
        return CT_EXIT_OK;
    }
    fprintf(stderr, "%s%s\n", ct_log_reader_problem(p->reader),
            foreign ? "; no frame was found, is it another kind of log? candump, ASC and BLF are read" : "");
    return CT_EXIT_FAILED;
}

/* The log once, from its start. */
static int play_once(struct play *p, const char *path)
{
    char problem[512];
    int err = ct_log_reader_open_until(path, p->stop_fd, &p->reader, problem, sizeof problem);
    if (err == CT_ERR_CLOSED) {
        return CT_EXIT_OK;
    }
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    int code = CT_EXIT_OK;
    while (code == CT_EXIT_OK && !p->stop && (err == CT_OK || err == CT_ERR_SYNTAX)) {
        struct ct_frame frame;
        const char *channel;
        err = ct_log_reader_next(p->reader, &frame, &channel);
        if (err == CT_OK) {
            code = play_frame(p, &frame, channel);
        } else if (err == CT_ERR_SYNTAX) {
            note_refused(p);
        } else if (err != CT_ERR_CLOSED) {
            code = judge_end(p, err);
        }
    }
    ct_log_reader_close(p->reader);
    return code;
}

static int play_log(struct play *p, const char *path)
{
    int code;
    do {
        const uint64_t before = p->replay->played;
        p->any = false;
        p->played = false;
        code = play_once(p, path);
        if (code == CT_EXIT_OK && p->replay->loop && p->replay->played == before && !p->stop) {
            return ct_replay_fail(CT_EXIT_FAILED, "%s: nothing to play in a loop", path);
        }
    } while (code == CT_EXIT_OK && p->replay->loop && !p->stop);
    return code;
}

/* The last part of the name: unix:/run/can0 -> can0. */
static const char *channel_of(const char *name)
{
    const char *last = name + strlen(name);
    while (last > name && last[-1] != '/' && last[-1] != ':') {
        last--;
    }
    return *last != '\0' ? last : "can0";
}

static int pass_on(struct play *p, struct ct_port *port, const char *channel)
{
    int code = CT_EXIT_OK;
    while (code == CT_EXIT_OK && !p->stop) {
        struct ct_frame frames[CT_BUS_BATCH];
        size_t n = 0;
        const int err = ct_port_read(port, frames, CT_BUS_BATCH, &n);
        for (size_t i = 0; i < n && code == CT_EXIT_OK; i++) {
            const bool send = wanted(p, &frames[i], channel);
            p->replay->filtered += send ? 0 : 1;
            code = send ? ct_replay_sinks_send(p->replay, &frames[i], channel) : CT_EXIT_OK;
        }
        if (err != CT_OK && err != CT_ERR_AGAIN) {
            return ct_replay_fail(CT_EXIT_FAILED, "%s: the bus went away: %s", p->replay->from, ct_err_text(err));
        }
        if (code == CT_EXIT_OK) {
            const ct_ns deadline = n > 0 ? 0 : ct_port_tick(port, ct_clock_now());
            code = ct_replay_sinks_wait(p->replay, p->stop_fd, port->fd, deadline, &p->stop);
        }
    }
    return code;
}

static int play_bus(struct play *p)
{
    struct ct_port *port = NULL;
    const int code = ct_bus_open(p->replay->from, false, &port);
    if (code != CT_EXIT_OK) {
        return code;
    }
    const int result = pass_on(p, port, channel_of(p->replay->from));
    ct_port_close(port);
    return result;
}

int ct_replay_play(struct ct_replay *replay, int stop_fd)
{
    const char *from = replay->from;
    struct play p = {.replay = replay, .stop_fd = stop_fd, .progress_at = isatty(STDERR_FILENO) ? 0 : CT_NS_NEVER};
    if (ct_replay_is_bus(from)) {
        return play_bus(&p);
    }
    const int code = play_log(&p, strncmp(from, "file:", 5) == 0 ? from + 5 : from);
    if (p.progress_at != CT_NS_NEVER) {
        fputc('\r', stderr);
    }
    return code;
}
