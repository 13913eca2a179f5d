/* Parts of `cantwin replay`: what was asked, where frames go, and playing them. One thread. */
#ifndef CT_CLI_REPLAY_H
#define CT_CLI_REPLAY_H

#include "bus_cmd.h"
#include "log_writer.h"

#define CT_REPLAY_SINKS_MAX    32
#define CT_REPLAY_IDS_MAX      64
#define CT_REPLAY_CHANNELS_MAX 32

/* One place frames go to: a bus, or a log file when `writer` is there. */
struct ct_replay_sink {
    const char *name;
    char channel[32]; /* the log's channel that goes there; "": all that have no place of their own */
    struct ct_bus_sender sender;
    struct ct_log_writer *writer;
    bool open;
};

struct ct_replay_ids {
    uint32_t first;
    uint32_t last;
    bool extended;
};

struct ct_replay {
    const char *from;
    const char *format; /* of log files written; NULL: by extension */
    double speed;       /* 0: as fast as possible */
    bool loop;
    double begin_s; /* of the window, from the log's first frame on */
    double end_s;
    struct ct_replay_sink sinks[CT_REPLAY_SINKS_MAX];
    size_t sink_count;
    const char *channels[CT_REPLAY_CHANNELS_MAX]; /* only these, when there are any */
    size_t channel_count;
    struct ct_replay_ids ids[CT_REPLAY_IDS_MAX]; /* only these, when there are any */
    size_t id_count;
    uint64_t played;
    uint64_t filtered;
    uint64_t refused; /* lines and objects of the log */
    char first_refused[512];
};

/* One line `cantwin replay: error: ...` on standard error; returns `code`. */
int ct_replay_fail(int code, const char *format, ...) CT_PRINTF(2, 3);

/* Is `name` a bus (unix:, udp:, socketcan:, a socket, an interface), not a log file? */
bool ct_replay_is_bus(const char *name);

/* Is `name` a log to write? */
bool ct_replay_is_file(const struct ct_replay *replay, const char *name);

/* An exit code, with a message when it is not CT_EXIT_OK. */
int ct_replay_sinks_open(struct ct_replay *replay) CT_MUST_CHECK;
int ct_replay_sinks_send(struct ct_replay *replay, const struct ct_frame *frame, const char *channel) CT_MUST_CHECK;
/* Waits for signals on `stop_fd`, for `extra_fd` (-1: none) and up to `deadline`, taking in what buses send. *out_stop
 * when it is time to end. */
int ct_replay_sinks_wait(struct ct_replay *replay, int stop_fd, int extra_fd, ct_ns deadline,
                         bool *out_stop) CT_MUST_CHECK;
/* Completes what was sent and closes; `code` or what went wrong now. */
int ct_replay_sinks_close(struct ct_replay *replay, int code);

/* Plays `from`, a log or a bus, until its end or a signal. */
int ct_replay_play(struct ct_replay *replay, int stop_fd) CT_MUST_CHECK;

#endif
