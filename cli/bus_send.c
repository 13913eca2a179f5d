/* cantwin bus send and replay. */
#include "bus_cmd.h"

#include "candump.h"
#include "clock.h"
#include "log_port.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_DEFAULT_S 15.0 /* longer than a hub lets one stuck client hold up the others */

static int option_number(int argc, char **argv, int *at, double min, double *out_number)
{
    const char *option = argv[*at];
    if (*at + 1 == argc || ct_bus_number(argv[*at + 1], min, out_number) != CT_OK) {
        return ct_bus_fail(CT_EXIT_USAGE, "%s needs a number from %g on", option, min);
    }
    *at += 1;
    return CT_EXIT_OK;
}

static int parse_frame(const char *text, struct ct_frame *out_frame)
{
    struct ct_candump_problem problem;
    if (ct_candump_parse_body(text, strlen(text), out_frame, &problem) != CT_OK) {
        return ct_bus_fail(CT_EXIT_USAGE, "frame '%s', character %zu: %s", text, problem.column, problem.text);
    }
    return CT_EXIT_OK;
}

/* All of them are checked before the first is sent. */
static int check_frames(int argc, char **argv, double *timeout_s, int *out_frames)
{
    int code = CT_EXIT_OK;
    *out_frames = 0;
    for (int i = 2; i < argc && code == CT_EXIT_OK; i++) {
        struct ct_frame frame;
        if (strcmp(argv[i], "--timeout") == 0) {
            argv[i] = NULL;
            if (i + 1 == argc || ct_bus_number(argv[i + 1], 0, timeout_s) != CT_OK) {
                return ct_bus_fail(CT_EXIT_USAGE, "--timeout needs seconds from 0 on");
            }
            argv[++i] = NULL;
        } else {
            code = parse_frame(argv[i], &frame);
            *out_frames += 1;
        }
    }
    return code;
}

int ct_bus_send(int argc, char **argv)
{
    double timeout_s = TIMEOUT_DEFAULT_S;
    int frames = 0;
    struct ct_bus_sender sender;
    int code = check_frames(argc, argv, &timeout_s, &frames);
    if (code == CT_EXIT_OK && frames == 0) {
        code = ct_bus_fail(CT_EXIT_USAGE,
                           "send needs the NAME of a bus and frames such as 123#1122; see cantwin bus --help");
    }
    if (code == CT_EXIT_OK) {
        code = ct_bus_sender_open(argv[1], &sender);
    }
    if (code != CT_EXIT_OK) {
        return code;
    }
    for (int i = 2; i < argc && code == CT_EXIT_OK; i++) {
        struct ct_frame frame;
        if (argv[i] != NULL) {
            code = parse_frame(argv[i], &frame);
            code = code == CT_EXIT_OK ? ct_bus_sender_send(&sender, &frame, timeout_s) : code;
        }
    }
    if (code == CT_EXIT_OK) {
        code = ct_bus_sender_finish(&sender, timeout_s);
    }
    ct_bus_sender_close(&sender);
    return code;
}

struct replay {
    const char *name;
    const char *log;
    const char *channel;
    double speed;
};

static int parse_replay(int argc, char **argv, struct replay *r)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--speed") == 0) {
            const int code = option_number(argc, argv, &i, 0, &r->speed);
            if (code != CT_EXIT_OK) {
                return code;
            }
        } else if (strcmp(argv[i], "--channel") == 0 && i + 1 < argc) {
            r->channel = argv[++i];
        } else if ((argv[i][0] == '-' && argv[i][1] != '\0') || r->log != NULL) {
            return ct_bus_fail(CT_EXIT_USAGE, "unexpected argument '%s'; see cantwin bus --help", argv[i]);
        } else if (r->name == NULL) {
            r->name = argv[i];
        } else {
            r->log = argv[i];
        }
    }
    return r->log != NULL
               ? CT_EXIT_OK
               : ct_bus_fail(CT_EXIT_USAGE, "replay needs the NAME of a bus and a LOG; see cantwin bus --help");
}

/* Sends what is due; CT_EXIT_OK and *out_err CT_OK while there is more. */
static int send_due(struct ct_port *log, struct ct_bus_sender *sender, int *out_err)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n = 0;
    *out_err = ct_port_read(log, frames, CT_BUS_BATCH, &n);
    int code = CT_EXIT_OK;
    for (size_t i = 0; i < n && code == CT_EXIT_OK; i++) {
        code = (frames[i].flags & CT_FRAME_ERR) != 0 ? CT_EXIT_OK
                                                     : ct_bus_sender_send(sender, &frames[i], TIMEOUT_DEFAULT_S);
    }
    if (*out_err == CT_ERR_AGAIN) {
        *out_err = CT_OK;
    }
    return code;
}

static int play(const struct replay *r, struct ct_port *log, struct ct_bus_sender *sender, int stop_fd)
{
    int err = CT_OK;
    int code = CT_EXIT_OK;
    bool stopped = false;
    while (err == CT_OK && code == CT_EXIT_OK && !stopped) {
        const ct_ns now = ct_clock_now();
        const ct_ns deadline = ct_port_tick(log, now);
        struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = sender->port->fd, .events = POLLIN}};
        poll(fds, 2, deadline == CT_NS_NEVER ? 0 : ct_ns_wait_ms(now, deadline));
        stopped = fds[0].revents != 0;
        err = ct_bus_sender_drain(sender);
        if (err != CT_OK) {
            return ct_bus_fail(CT_EXIT_FAILED, "%s: the bus went away", r->name);
        }
        ct_port_tick(log, ct_clock_now());
        code = send_due(log, sender, &err);
    }
    if (code == CT_EXIT_OK && err != CT_OK && err != CT_ERR_END) {
        fprintf(stderr, "%s\n", log->problem);
        code = CT_EXIT_FAILED;
    }
    const int finished = ct_bus_sender_finish(sender, TIMEOUT_DEFAULT_S);
    return code == CT_EXIT_OK ? finished : code;
}

static int run_replay(const struct replay *r, struct ct_port *log, struct ct_bus_sender *sender)
{
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_bus_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    const ct_ns start = ct_clock_now();
    const int code = play(r, log, sender, stop_fd);
    close(stop_fd);
    fprintf(stderr, "replayed %llu frames, %llu lines refused, %.3f s\n", (unsigned long long)sender->sent,
            (unsigned long long)log->stats.malformed, (double)(ct_clock_now() - start) / (double)CT_NS_PER_S);
    if (code == CT_EXIT_OK && log->problem[0] != '\0') {
        fprintf(stderr, "first refused: %s\n", log->problem);
    }
    return code;
}

int ct_bus_replay(int argc, char **argv)
{
    struct replay r = {.speed = 1};
    struct ct_bus_sender sender;
    struct ct_port *log = NULL;
    char problem[512];
    int code = parse_replay(argc, argv, &r);
    if (code != CT_EXIT_OK) {
        return code;
    }
    if (ct_log_port_open(r.log, r.channel, r.speed, &log, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return CT_EXIT_ENVIRONMENT;
    }
    code = ct_bus_sender_open(r.name, &sender);
    if (code == CT_EXIT_OK) {
        code = run_replay(&r, log, &sender);
        ct_bus_sender_close(&sender);
    }
    ct_port_close(log);
    return code;
}
