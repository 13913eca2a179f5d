#include "bus_cmd.h"

#include "candump.h"
#include "clock.h"
#include "log_writer.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_NS CT_NS_PER_S

struct dump {
    const char *name;
    char channel[CT_CANDUMP_CHANNEL_MAX]; /* what stands in the interface column */
    uint64_t left;                        /* frames still to print */
    bool console;
    const char *log; /* NULL: standard output, as lines */
    struct ct_log_writer *writer;
    ct_ns flush_at; /* CT_NS_NEVER: nothing is waiting to be written */
};

static int parse_arguments(int argc, char **argv, struct dump *d)
{
    for (int i = 1; i < argc; i++) {
        double number;
        if (strcmp(argv[i], "--console") == 0) {
            d->console = true;
        } else if (strcmp(argv[i], "--log") == 0) {
            if (i + 1 == argc) {
                return ct_bus_fail(CT_EXIT_USAGE, "--log needs the name of a file: FILE.log, .asc, .blf or .pcap");
            }
            d->log = argv[++i];
        } else if (strcmp(argv[i], "--count") == 0) {
            if (i + 1 == argc || ct_bus_number(argv[++i], 1, &number) != CT_OK || number > 1e15) {
                return ct_bus_fail(CT_EXIT_USAGE, "--count needs a number of frames from 1");
            }
            d->left = (uint64_t)number;
        } else if (argv[i][0] == '-' || d->name != NULL) {
            return ct_bus_fail(CT_EXIT_USAGE, "unexpected argument '%s'; see cantwin bus --help", argv[i]);
        } else {
            d->name = argv[i];
        }
    }
    return CT_EXIT_OK;
}

static void print_frame(const struct dump *d, const struct ct_frame *frame)
{
    char line[CT_CANDUMP_LINE_MAX];
    const ct_ns stamp = frame->utc_ns != 0 ? frame->utc_ns : frame->t_ns;
    if (d->console) {
        ct_candump_format_console(frame, stamp, d->channel, line, sizeof line);
    } else {
        ct_candump_format_file(frame, stamp, d->channel, false, line, sizeof line);
    }
    puts(line);
}

/* What was recorded is on disk within this time. */
static int flush_when_due(struct dump *d, ct_ns now)
{
    if (now < d->flush_at) {
        return CT_OK;
    }
    d->flush_at = CT_NS_NEVER;
    return ct_log_writer_flush(d->writer);
}

static int record(struct dump *d, const struct ct_frame *frame)
{
    d->flush_at = ct_ns_min(d->flush_at, ct_clock_now() + FLUSH_NS);
    return ct_log_writer_write(d->writer, frame, d->channel);
}

/* Prints what is there; CT_OK while there is more to wait for. */
static int print_some(struct dump *d, struct ct_port *port)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n = 0;
    const size_t max = d->left < CT_BUS_BATCH ? (size_t)d->left : CT_BUS_BATCH;
    const int err = ct_port_read(port, frames, max, &n);
    for (size_t i = 0; i < n; i++) {
        if (d->writer == NULL) {
            print_frame(d, &frames[i]);
        } else if (record(d, &frames[i]) != CT_OK) {
            return CT_ERR_IO;
        }
    }
    d->left -= n;
    if (fflush(stdout) != 0) {
        return CT_ERR_IO;
    }
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

static int explain_end(const struct dump *d, const struct ct_port *port, int err)
{
    if (err == CT_ERR_END) {
        return CT_EXIT_OK;
    }
    if (err == CT_ERR_IO && d->writer != NULL) {
        return CT_EXIT_FAILED; /* closing says why */
    }
    if (err == CT_ERR_IO) {
        return ct_bus_fail(CT_EXIT_FAILED, "cannot write to standard output");
    }
    if (port->problem[0] != '\0') {
        fprintf(stderr, "%s\n", port->problem);
        return CT_EXIT_FAILED;
    }
    return ct_bus_fail(CT_EXIT_FAILED, "%s: the bus went away: %s", d->name, ct_err_text(err));
}

static int run(struct dump *d, struct ct_port *port, int stop_fd)
{
    while (d->left > 0) {
        const ct_ns now = ct_clock_now();
        const ct_ns deadline = ct_ns_min(ct_port_tick(port, now), d->flush_at);
        struct pollfd fds[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = port->fd, .events = POLLIN}};
        poll(fds, 2, ct_ns_wait_ms(now, deadline));
        if (fds[0].revents != 0) {
            return CT_EXIT_OK;
        }
        int err = print_some(d, port);
        if (err == CT_OK && flush_when_due(d, ct_clock_now()) != CT_OK) {
            err = CT_ERR_IO;
        }
        if (err != CT_OK) {
            return explain_end(d, port, err);
        }
    }
    return CT_EXIT_OK;
}

static int open_log(struct dump *d)
{
    char problem[512];
    const int err = ct_log_writer_open(d->log, NULL, &d->writer, problem, sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

static int close_log(struct dump *d, int code)
{
    char problem[512];
    const unsigned long long frames = ct_log_writer_frames(d->writer);
    const unsigned long long lost = ct_log_writer_lost(d->writer);
    if (ct_log_writer_close(d->writer, problem, sizeof problem) != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        code = CT_EXIT_FAILED;
    }
    fprintf(stderr, "recorded %llu frames, %llu lost\n", frames, lost);
    return code;
}

static int dump_until_stopped(struct dump *d, struct ct_port *port)
{
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_bus_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    int code = d->log != NULL ? open_log(d) : CT_EXIT_OK;
    if (code == CT_EXIT_OK) {
        code = run(d, port, stop_fd);
    }
    if (d->writer != NULL) {
        code = close_log(d, code);
    }
    close(stop_fd);
    return code;
}

int ct_bus_dump(int argc, char **argv)
{
    struct dump d = {.left = UINT64_MAX, .flush_at = CT_NS_NEVER};
    struct ct_port *port = NULL;
    int code = parse_arguments(argc, argv, &d);
    if (code != CT_EXIT_OK) {
        return code;
    }
    if (d.name == NULL) {
        return ct_bus_fail(CT_EXIT_USAGE, "dump needs the NAME of a bus; see cantwin bus --help");
    }
    ct_bus_channel(d.name, d.channel, sizeof d.channel);
    code = ct_bus_open(d.name, false, &port);
    if (code != CT_EXIT_OK) {
        return code;
    }
    code = dump_until_stopped(&d, port);
    ct_port_close(port);
    return code;
}
