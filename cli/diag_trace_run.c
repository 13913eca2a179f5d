#include "diag_trace.h"

#include "bus_cmd.h"
#include "clock.h"
#include "diag_cmd.h"
#include "diag_trace_print.h"
#include "log_reader.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_MAX 16384U
#define BYTES_SHOWN 24U

/* --- lanes --- */

static int make_listener(const struct ct_trace *t, struct ct_isotp_listener **out_listener)
{
    const struct ct_isotp_listener_config config = {.pairs_max = 2 * CT_TRACE_PAIRS_MAX,
                                                    .slots = CT_TRACE_PAIRS_MAX,
                                                    .message_max = MESSAGE_MAX,
                                                    .usual_ids = !t->only_pairs,
                                                    .learn = !t->only_pairs};
    struct ct_isotp_listener *listener = NULL;
    int err = ct_isotp_listener_create(&config, &listener);
    for (size_t i = 0; i < t->pair_count && err >= 0; i++) {
        err = ct_isotp_listener_watch(listener, &t->pairs[i]);
    }
    if (err < 0) {
        ct_isotp_listener_free(listener);
        return err;
    }
    *out_listener = listener;
    return CT_OK;
}

/* The lane of a channel, made when it is first met; NULL: no room for one more. */
static struct ct_trace_lane *lane_of(struct ct_trace *t, const char *channel)
{
    for (size_t i = 0; i < t->lane_count; i++) {
        if (strcmp(t->lanes[i].channel, channel) == 0) {
            return &t->lanes[i];
        }
    }
    if (t->lane_count == CT_TRACE_LANES_MAX || make_listener(t, &t->lanes[t->lane_count].listener) != CT_OK) {
        return NULL;
    }
    struct ct_trace_lane *lane = &t->lanes[t->lane_count++];
    snprintf(lane->channel, sizeof lane->channel, "%s", channel);
    return lane;
}

static void close_lanes(struct ct_trace *t)
{
    for (size_t i = 0; i < t->lane_count; i++) {
        ct_isotp_listener_free(t->lanes[i].listener);
    }
}

/* --- showing --- */

static void show_heard(struct ct_trace *t, const struct ct_trace_lane *lane)
{
    struct ct_isotp_heard heard;
    while (t->left > 0 && ct_isotp_listener_next(lane->listener, &heard) == CT_OK) {
        const int64_t stamp = heard.ended_utc_ns != 0 ? heard.ended_utc_ns : heard.ended_ns;
        if (t->json) {
            ct_diag_trace_json(&t->out, &heard, lane->channel, stamp);
        } else {
            ct_diag_trace_line(&t->out, &heard, lane->channel, stamp, t->full ? SIZE_MAX : BYTES_SHOWN);
        }
        t->left--;
    }
}

static ct_ns tick_all(struct ct_trace *t, ct_ns now)
{
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < t->lane_count; i++) {
        next = ct_ns_min(next, ct_isotp_listener_tick(t->lanes[i].listener, now));
        show_heard(t, &t->lanes[i]);
    }
    return next;
}

static int show_frame(struct ct_trace *t, const struct ct_frame *frame, const char *channel)
{
    const struct ct_trace_lane *lane = lane_of(t, channel);
    if (lane == NULL) {
        return CT_ERR_FULL;
    }
    if (t->writer != NULL && ct_log_writer_write(t->writer, frame, channel) != CT_OK) {
        return CT_ERR_IO;
    }
    (void)tick_all(t, frame->t_ns);
    (void)ct_isotp_listener_receive(lane->listener, frame, frame->t_ns);
    show_heard(t, lane);
    return CT_OK;
}

static int flush_out(struct ct_trace *t, bool writer_too)
{
    if (t->out.len > 0) {
        fwrite(t->out.data, 1, t->out.len, stdout);
    }
    ct_buf_clear(&t->out);
    if (writer_too && t->writer != NULL && ct_log_writer_flush(t->writer) != CT_OK) {
        return CT_ERR_IO;
    }
    return fflush(stdout) == 0 ? CT_OK : CT_ERR_IO;
}

/* --- a bus --- */

static int show_some(struct ct_trace *t, struct ct_port *port, const char *channel)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n = 0;
    const int err = ct_port_read(port, frames, CT_BUS_BATCH, &n);
    for (size_t i = 0; i < n && t->left > 0; i++) {
        const int shown = show_frame(t, &frames[i], channel);
        if (shown != CT_OK) {
            return shown;
        }
    }
    const int out = flush_out(t, true);
    return out != CT_OK || err == CT_ERR_AGAIN ? out : err;
}

static int explain_end(const struct ct_trace *t, const struct ct_port *port, int err)
{
    if (port->problem[0] != '\0') {
        fprintf(stderr, "%s\n", port->problem);
        return CT_EXIT_FAILED;
    }
    return ct_diag_fail(CT_EXIT_FAILED, "%s: %s", t->name, ct_err_text(err));
}

static int follow_port(struct ct_trace *t, struct ct_port *port, int stop_fd)
{
    char channel[32];
    ct_bus_channel(t->name, channel, sizeof channel);
    while (t->left > 0) {
        const ct_ns now = ct_clock_now();
        const ct_ns deadline = ct_ns_min(ct_port_tick(port, now), tick_all(t, now));
        if (flush_out(t, false) != CT_OK) {
            return explain_end(t, port, CT_ERR_IO);
        }
        struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = port->fd, .events = POLLIN}};
        poll(fds, 2, ct_ns_wait_ms(now, deadline));
        if (fds[0].revents != 0) {
            return CT_EXIT_OK;
        }
        const int err = show_some(t, port, channel);
        if (err != CT_OK) {
            return explain_end(t, port, err);
        }
    }
    return CT_EXIT_OK;
}

static int follow_bus(struct ct_trace *t, int stop_fd)
{
    struct ct_port *port = NULL;
    int code = ct_bus_open(t->name, true, &port);
    if (code == CT_EXIT_OK) {
        code = follow_port(t, port, stop_fd);
        ct_port_close(port);
    }
    return code;
}

/* --- a log: its own stamps are the time --- */

static int show_log(struct ct_trace *t, struct ct_log_reader *reader)
{
    int code = CT_EXIT_OK;
    while (t->left > 0) {
        struct ct_frame frame;
        const char *channel;
        int err = ct_log_reader_next(reader, &frame, &channel);
        if (err == CT_OK) {
            err = show_frame(t, &frame, channel);
        } else if (err == CT_ERR_SYNTAX) {
            if (code == CT_EXIT_OK) { /* the first one tells enough */
                fprintf(stderr, "%s\n", ct_log_reader_problem(reader));
            }
            code = CT_EXIT_FAILED;
            continue;
        } else if (err == CT_ERR_END || err == CT_ERR_CLOSED) {
            break;
        } else {
            fprintf(stderr, "%s\n", ct_log_reader_problem(reader));
        }
        if (err != CT_OK || (t->out.len > MESSAGE_MAX && flush_out(t, false) != CT_OK)) {
            code = CT_EXIT_FAILED;
            break;
        }
    }
    (void)tick_all(t, CT_NS_NEVER); /* what is unfinished now stays so */
    return flush_out(t, true) == CT_OK ? code : CT_EXIT_FAILED;
}

static int follow_log(struct ct_trace *t, int stop_fd)
{
    char problem[512];
    struct ct_log_reader *reader = NULL;
    const char *path = strncmp(t->name, "file:", 5) == 0 ? t->name + 5 : t->name;
    if (ct_log_reader_open_until(path, stop_fd, &reader, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    const int code = show_log(t, reader);
    ct_log_reader_close(reader);
    return code;
}

/* --- both --- */

static bool names_log(const char *name)
{
    struct stat st;
    return strcmp(name, "-") == 0 || strncmp(name, "file:", 5) == 0 || (stat(name, &st) == 0 && S_ISREG(st.st_mode));
}

static int follow(struct ct_trace *t)
{
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    const int code = names_log(t->name) ? follow_log(t, stop_fd) : follow_bus(t, stop_fd);
    close(stop_fd);
    close_lanes(t);
    return code;
}

int ct_trace_run(struct ct_trace *trace)
{
    char problem[512];
    if (trace->pcap != NULL &&
        ct_log_writer_open(trace->pcap, "pcap", &trace->writer, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    int code = follow(trace);
    if (trace->writer != NULL && ct_log_writer_close(trace->writer, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        code = CT_EXIT_FAILED;
    }
    return code;
}
