/* Where replayed frames go. */
#include "clock.h"
#include "replay.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TIMEOUT_S 15.0 /* longer than a hub lets one stuck client hold up the others */

static bool has_prefix(const char *name)
{
    static const char *const prefixes[] = {"unix:", "udp:", "socketcan:"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) {
            return true;
        }
    }
    return false;
}

bool ct_replay_is_bus(const char *name)
{
    struct stat st;
    if (has_prefix(name)) {
        return true;
    }
    if (stat(name, &st) == 0) {
        return S_ISSOCK(st.st_mode);
    }
    return strpbrk(name, "/.:") == NULL && strcmp(name, "-") != 0;
}

static const char *path_of(const char *name)
{
    return strncmp(name, "file:", 5) == 0 ? name + 5 : name;
}

bool ct_replay_is_file(const struct ct_replay *replay, const char *name)
{
    if (strncmp(name, "file:", 5) == 0 || strcmp(name, "-") == 0) {
        return true;
    }
    return !has_prefix(name) && (replay->format != NULL || (!ct_replay_is_bus(name) && ct_log_writer_knows(name)));
}

/* Replacing the log while it is read would lose it. */
static bool same_file(const char *a, const char *b)
{
    struct stat first;
    struct stat second;
    return stat(a, &first) == 0 && stat(b, &second) == 0 && S_ISREG(first.st_mode) && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int open_file(struct ct_replay *replay, struct ct_replay_sink *sink)
{
    char problem[512];
    const char *path = path_of(sink->name);
    if (same_file(path_of(replay->from), path)) {
        return ct_replay_fail(CT_EXIT_USAGE, "%s is the log that is read; name another file to write", path);
    }
    for (const struct ct_replay_sink *other = replay->sinks; other < sink; other++) {
        if (other->writer != NULL && same_file(path_of(other->name), path)) {
            return ct_replay_fail(CT_EXIT_USAGE, "%s is named twice; a log is written by one place", path);
        }
    }
    const int err = ct_log_writer_open(path, replay->format, &sink->writer, problem, sizeof problem);
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
    }
    return CT_EXIT_OK;
}

int ct_replay_sinks_open(struct ct_replay *replay)
{
    for (size_t i = 0; i < replay->sink_count; i++) {
        struct ct_replay_sink *sink = &replay->sinks[i];
        const bool file = ct_replay_is_file(replay, sink->name);
        if (file && replay->loop) {
            return ct_replay_fail(CT_EXIT_USAGE, "--loop never ends, %s would fill the disk; leave one of them out",
                                  sink->name);
        }
        const int code = file ? open_file(replay, sink) : ct_bus_sender_open(sink->name, &sink->sender);
        if (code != CT_EXIT_OK) {
            return code;
        }
        sink->open = true;
    }
    return CT_EXIT_OK;
}

static struct ct_replay_sink *sink_of(struct ct_replay *replay, const char *channel)
{
    struct ct_replay_sink *rest = NULL;
    for (size_t i = 0; i < replay->sink_count; i++) {
        struct ct_replay_sink *sink = &replay->sinks[i];
        if (sink->channel[0] == '\0') {
            rest = sink;
        } else if (strcmp(sink->channel, channel) == 0) {
            return sink;
        }
    }
    return rest;
}

int ct_replay_sinks_send(struct ct_replay *replay, const struct ct_frame *frame, const char *channel)
{
    struct ct_replay_sink *sink = sink_of(replay, channel);
    /* An error frame is a fault that was seen, nothing that can be sent. */
    if (sink == NULL || (sink->writer == NULL && (frame->flags & CT_FRAME_ERR) != 0)) {
        replay->filtered++;
        return CT_EXIT_OK;
    }
    replay->played++;
    if (sink->writer == NULL) {
        return ct_bus_sender_send(&sink->sender, frame, TIMEOUT_S);
    }
    const int err = ct_log_writer_write(sink->writer, frame, channel);
    if (err == CT_ERR_FULL && ct_log_writer_problem(sink->writer)[0] == '\0') {
        return ct_replay_fail(CT_EXIT_FAILED, "%s: more than 64 channels cannot be written", sink->name);
    }
    return err == CT_OK ? CT_EXIT_OK : CT_EXIT_FAILED; /* closing says why */
}

static int drain_buses(struct ct_replay *replay)
{
    for (size_t i = 0; i < replay->sink_count; i++) {
        struct ct_replay_sink *sink = &replay->sinks[i];
        if (sink->writer == NULL && ct_bus_sender_drain(&sink->sender) != CT_OK) {
            return ct_replay_fail(CT_EXIT_FAILED, "%s: the bus went away", sink->name);
        }
    }
    return CT_EXIT_OK;
}

int ct_replay_sinks_wait(struct ct_replay *replay, int stop_fd, int extra_fd, ct_ns deadline, bool *out_stop)
{
    struct pollfd fds[CT_REPLAY_SINKS_MAX + 2] = {{.fd = stop_fd, .events = POLLIN},
                                                  {.fd = extra_fd, .events = POLLIN}};
    nfds_t n = 2;
    for (size_t i = 0; i < replay->sink_count; i++) {
        if (replay->sinks[i].writer == NULL) {
            fds[n++] = (struct pollfd){.fd = replay->sinks[i].sender.port->fd, .events = POLLIN};
        }
    }
    poll(fds, n, ct_ns_wait_ms(ct_clock_now(), deadline));
    *out_stop = fds[0].revents != 0;
    return drain_buses(replay);
}

static int close_file(struct ct_replay_sink *sink)
{
    char problem[512];
    const uint64_t lost = ct_log_writer_lost(sink->writer);
    if (ct_log_writer_close(sink->writer, problem, sizeof problem) == CT_OK) {
        return CT_EXIT_OK;
    }
    fprintf(stderr, "%s (%llu frames lost)\n", problem, (unsigned long long)lost);
    return CT_EXIT_FAILED;
}

int ct_replay_sinks_close(struct ct_replay *replay, int code)
{
    for (size_t i = 0; i < replay->sink_count; i++) {
        struct ct_replay_sink *sink = &replay->sinks[i];
        int closed = CT_EXIT_OK;
        if (sink->open && sink->writer != NULL) {
            closed = close_file(sink);
        } else if (sink->open) {
            closed = code == CT_EXIT_OK ? ct_bus_sender_finish(&sink->sender, TIMEOUT_S) : CT_EXIT_OK;
            ct_bus_sender_close(&sink->sender);
        }
        sink->open = false;
        code = code == CT_EXIT_OK ? closed : code;
    }
    return code;
}
