#include "load_run.h"

#include "buf.h"
#include "bytes.h"
#include "clock.h"
#include "files.h"
#include "json.h"
#include "load_keys.h"
#include "load_vehicle.h"
#include "log.h"
#include "zmq_vehicle.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EVENTS_MAX 256
#define SCAN_EVERY (2 * CT_NS_PER_MS) /* how exact the vehicles' deadlines are kept */
#define LAST_ACKS  (20 * CT_NS_PER_S) /* for what is under way at the end */
#define SIGNAL_TAG UINT32_MAX
#define BUCKETS    400 /* of waiting times, each 5 % longer than the one before, from 10 us */
#define REPORT_MAX ((size_t)64 << 20)

struct car {
    struct run *run;
    struct ct_zmq_vehicle *socket;
    struct ct_load_vehicle *vehicle;
    ct_ns due;
    int fd; /* watched */
    bool was_connected;
};

struct run {
    const struct ct_load_options *options;
    struct ct_load_key *keys;
    char server[CT_Z85_KEY_SIZE];
    struct ct_catalogue *catalogue;
    struct ct_packer *packer;
    struct ct_zmq_vehicles *shared;
    struct car *cars;
    int epoll, signals;
    uint32_t connected;
    bool stopping;
    ct_ns began, stop_by, restarted_at, all_back_ns; /* all_back_ns: from the last restart, 0 not yet */
    uint64_t samples, records, failed_reconnects;
    uint64_t waits[BUCKETS];
    char problem[512];
};

/* ---- a vehicle's ways out */

static int on_send(void *user, const void *data, size_t len)
{
    const struct car *car = user;
    return ct_zmq_vehicle_send(car->socket, data, len);
}

static void on_reconnect(void *user)
{
    struct car *car = user;
    const int err = ct_zmq_vehicle_reconnect(car->socket);
    if (err != CT_OK && car->run->failed_reconnects++ == 0) {
        ct_log(CT_LOG_WARNING,
               "a link cannot be made anew: %s; more than 4 descriptors a vehicle are needed (ulimit -n)",
               ct_err_text(err));
    }
}

static void on_acked(void *user, ct_ns waited, size_t samples)
{
    const struct car *car = user;
    struct run *run = car->run;
    size_t bucket = 0;
    for (double limit = 10e3; (double)waited > limit && bucket + 1 < BUCKETS; limit *= 1.05) {
        bucket++;
    }
    run->waits[bucket]++;
    run->samples += samples;
    run->records++;
}

/* ---- opening */

static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* A reconnect makes another descriptor, often of the same number as the one before. */
static void watch(struct run *run, struct car *car)
{
    const int fd = ct_zmq_vehicle_fd(car->socket);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = (uint32_t)(car - run->cars)};
    if (epoll_ctl(run->epoll, EPOLL_CTL_ADD, fd, &event) == 0 || errno == EEXIST) {
        car->fd = fd;
    }
}

static int open_car(struct run *run, uint32_t index, uint64_t seed)
{
    struct car *car = &run->cars[index];
    const struct ct_load_options *options = run->options;
    const ct_ns interval = options->rate > 0 ? (ct_ns)((double)CT_NS_PER_S / options->rate) : 0;
    const struct ct_zmq_vehicle_config socket = {.endpoint = options->fleet,
                                                 .server_public_key = run->server,
                                                 .public_key = run->keys[index].public_key,
                                                 .secret_key = run->keys[index].secret_key,
                                                 .shared = run->shared};
    const struct ct_load_vehicle_config config = {.catalogue = run->catalogue,
                                                  .packer = options->plain ? NULL : run->packer,
                                                  .dense = !options->plain && !options->packed,
                                                  .seed = seed + index,
                                                  .interval = interval,
                                                  .start = run->began + interval * (ct_ns)index / options->vehicles,
                                                  .batches = options->batches,
                                                  .user = car,
                                                  .send = on_send,
                                                  .reconnect = on_reconnect,
                                                  .acked = on_acked};
    car->run = run;
    int err = ct_zmq_vehicle_open(&socket, &car->socket);
    err = err == CT_OK ? ct_load_vehicle_create(&config, &car->vehicle) : err;
    if (err == CT_OK) {
        watch(run, car);
    }
    return err;
}

static int open_signals(struct run *run)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = SIGNAL_TAG};
    run->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (run->epoll < 0 || sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return ct_err_from_errno(errno);
    }
    run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return run->signals >= 0 && epoll_ctl(run->epoll, EPOLL_CTL_ADD, run->signals, &event) == 0
               ? CT_OK
               : ct_err_from_errno(errno);
}

static int open_all(struct run *run)
{
    const uint32_t count = run->options->vehicles;
    raise_file_limit();
    int err = ct_load_keys_read(run->options, &run->keys, run->server, run->problem, sizeof run->problem);
    err = err == CT_OK ? ct_load_catalogue(run->options->signals, &run->catalogue) : err;
    err = err == CT_OK ? ct_packer_create(&run->packer) : err;
    err = err == CT_OK ? ct_zmq_vehicles_open(count, &run->shared) : err;
    err = err == CT_OK ? open_signals(run) : err;
    run->cars = calloc(count, sizeof *run->cars);
    if (err != CT_OK || run->cars == NULL) {
        return err != CT_OK ? err : CT_ERR_NO_MEMORY;
    }
    const uint64_t seed = (uint64_t)ct_clock_utc_now(); /* every run is another fleet of streams */
    run->began = run->restarted_at = ct_clock_now();
    run->stop_by = CT_NS_NEVER;
    for (uint32_t i = 0; err == CT_OK && i < count; i++) {
        err = open_car(run, i, seed);
    }
    return err;
}

static void close_all(struct run *run)
{
    for (uint32_t i = 0; run->cars != NULL && i < run->options->vehicles; i++) {
        ct_load_vehicle_free(run->cars[i].vehicle);
        ct_zmq_vehicle_close(run->cars[i].socket);
    }
    free(run->cars);
    ct_zmq_vehicles_close(run->shared);
    ct_packer_free(run->packer);
    ct_catalogue_unref(run->catalogue);
    free(run->keys);
    if (run->signals >= 0) {
        close(run->signals);
    }
    if (run->epoll >= 0) {
        close(run->epoll);
    }
}

/* ---- running */

static void note_connection(struct run *run, struct car *car, ct_ns now)
{
    struct ct_load_vehicle_stats stats;
    ct_load_vehicle_stats_get(car->vehicle, &stats);
    if (stats.link.connected == car->was_connected) {
        return;
    }
    car->was_connected = stats.link.connected;
    run->connected += stats.link.connected ? 1U : -1U;
    if (run->connected == run->options->vehicles && run->all_back_ns == 0) {
        run->all_back_ns = now - run->restarted_at;
        ct_log(CT_LOG_INFO, "all %u vehicles connected after %.1f s", run->connected,
               (double)run->all_back_ns / (double)CT_NS_PER_S);
    }
}

/* The descriptor is edge-triggered: everything is read after every wake and every send. */
static void work(struct run *run, struct car *car)
{
    const uint8_t *data;
    size_t len;
    const ct_ns now = ct_clock_now();
    const int64_t utc_ns = ct_clock_utc_now();
    do {
        while (ct_zmq_vehicle_receive(car->socket, &data, &len) == CT_OK) {
            ct_load_vehicle_receive(car->vehicle, data, len, now, utc_ns);
        }
        car->due = ct_load_vehicle_tick(car->vehicle, now, utc_ns);
    } while (ct_zmq_vehicle_receive(car->socket, &data, &len) == CT_OK &&
             (ct_load_vehicle_receive(car->vehicle, data, len, now, utc_ns), true));
    if (ct_zmq_vehicle_fd(car->socket) != car->fd) {
        watch(run, car);
    }
    note_connection(run, car, now);
}

static void restart_all(struct run *run)
{
    run->restarted_at = ct_clock_now();
    run->all_back_ns = 0;
    for (uint32_t i = 0; i < run->options->vehicles; i++) {
        struct car *car = &run->cars[i];
        if (ct_zmq_vehicle_reconnect(car->socket) != CT_OK || ct_load_vehicle_restart(car->vehicle) != CT_OK) {
            ct_log(CT_LOG_ERROR, "vehicle %s cannot be restarted", run->keys[i].id);
            run->stopping = true;
            return;
        }
        watch(run, car);
        note_connection(run, car, run->restarted_at);
        car->due = run->restarted_at;
    }
    ct_log(CT_LOG_INFO, "all vehicles restarted");
}

static void finish_all(struct run *run, ct_ns now)
{
    if (run->stop_by == CT_NS_NEVER) {
        run->stop_by = now + LAST_ACKS;
        for (uint32_t i = 0; i < run->options->vehicles; i++) {
            ct_load_vehicle_finish(run->cars[i].vehicle);
        }
    }
}

static void take_signal(struct run *run)
{
    struct signalfd_siginfo info;
    while (read(run->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            restart_all(run);
        } else {
            run->stopping = run->stop_by != CT_NS_NEVER; /* a second one does not wait */
            finish_all(run, ct_clock_now());
        }
    }
}

static bool all_home(const struct run *run)
{
    for (uint32_t i = 0; i < run->options->vehicles; i++) {
        struct ct_load_vehicle_stats stats;
        ct_load_vehicle_stats_get(run->cars[i].vehicle, &stats);
        if (stats.acked < stats.made ||
            (run->options->batches > 0 && stats.acked < run->options->batches && run->stop_by == CT_NS_NEVER)) {
            return false;
        }
    }
    return true;
}

static bool is_over(struct run *run, ct_ns now)
{
    const double seconds = (double)(now - run->began) / (double)CT_NS_PER_S;
    if (run->options->duration_s > 0 && seconds >= run->options->duration_s) {
        finish_all(run, now);
    }
    const bool may_end = run->stop_by != CT_NS_NEVER || run->options->batches > 0;
    return run->stopping || now >= run->stop_by || (may_end && all_home(run));
}

static void run_until_over(struct run *run)
{
    struct epoll_event events[EVENTS_MAX];
    ct_ns scan_at = 0;
    ct_ns check_at = 0;
    for (;;) {
        const int count = epoll_wait(run->epoll, events, EVENTS_MAX, 2);
        for (int i = 0; i < count; i++) {
            if (events[i].data.u32 == SIGNAL_TAG) {
                take_signal(run);
            } else {
                work(run, &run->cars[events[i].data.u32]);
            }
        }
        const ct_ns now = ct_clock_now();
        if (now >= scan_at) {
            scan_at = now + SCAN_EVERY;
            for (uint32_t i = 0; i < run->options->vehicles; i++) {
                if (run->cars[i].due <= now) {
                    work(run, &run->cars[i]);
                }
            }
        }
        if (now >= check_at) {
            check_at = now + 50 * CT_NS_PER_MS;
            if (is_over(run, now)) {
                return;
            }
        }
    }
}

/* ---- the report */

static double wait_ms(const struct run *run, double part)
{
    uint64_t sum = 0;
    double limit = 0.01;
    for (size_t i = 0; i < BUCKETS; i++, limit *= 1.05) {
        sum += run->waits[i];
        if ((double)sum >= part * (double)run->records) {
            return limit;
        }
    }
    return limit;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    (void)getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static int write_report(const struct run *run)
{
    struct ct_buf text;
    ct_buf_init(&text, REPORT_MAX);
    for (uint32_t i = 0; i < run->options->vehicles; i++) {
        struct ct_load_vehicle_stats stats;
        char stream[2 * CT_STREAM_ID_SIZE + 1];
        ct_load_vehicle_stats_get(run->cars[i].vehicle, &stats);
        ct_hex_encode(stream, stats.stream_id, sizeof stats.stream_id);
        ct_buf_printf(&text, "%s %s %" PRIu64 " %" PRIu64 "\n", run->keys[i].id, stream, stats.made, stats.acked);
    }
    int err = ct_buf_error(&text);
    err = err == CT_OK ? ct_file_write(run->options->report, text.data, text.len, 0644) : err;
    ct_buf_free(&text);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: cannot be written: %s", run->options->report, ct_err_text(err));
    }
    return err;
}

/* How many batches were not acknowledged. */
static uint64_t print_totals(const struct run *run, ct_ns ended)
{
    uint64_t made = 0;
    uint64_t acked = 0;
    uint64_t sent = 0;
    uint64_t record_bytes = 0;
    uint64_t reconnects = 0;
    for (uint32_t i = 0; i < run->options->vehicles; i++) {
        struct ct_load_vehicle_stats stats;
        ct_load_vehicle_stats_get(run->cars[i].vehicle, &stats);
        made += stats.made;
        acked += stats.acked;
        sent += stats.link.sent_bytes;
        record_bytes += stats.link.record_bytes;
        reconnects += stats.link.reconnects;
    }
    const double seconds = (double)(ended - run->began) / (double)CT_NS_PER_S;
    printf("{\"vehicles\":%u,\"connected\":%u,\"connect_s\":%.2f,\"seconds\":%.2f,\"batches\":%" PRIu64
           ",\"acked\":%" PRIu64 ",\"values_acked\":%" PRIu64 ",\"values_per_s\":%.0f,\"record_bytes\":%" PRIu64
           ",\"sent_bytes\":%" PRIu64 ",\"reconnects\":%" PRIu64
           ",\"ack_ms_p50\":%.2f,\"ack_ms_p99\":%.2f,\"cpu_s\":%.2f}\n",
           run->options->vehicles, run->connected, (double)run->all_back_ns / (double)CT_NS_PER_S, seconds, made, acked,
           run->samples, (double)run->samples / seconds, record_bytes, sent, reconnects, wait_ms(run, 0.5),
           wait_ms(run, 0.99), cpu_seconds());
    return made - acked;
}

int ct_load_run(const struct ct_load_options *options)
{
    struct run run = {.options = options, .epoll = -1, .signals = -1};
    int code = CT_EXIT_ENVIRONMENT;
    if (options->enrol) {
        const int err = ct_load_keys_enrol(options, run.problem, sizeof run.problem);
        if (err == CT_OK) {
            return CT_EXIT_OK;
        }
        ct_log(CT_LOG_ERROR, "%s", run.problem[0] != '\0' ? run.problem : ct_err_text(err));
        return CT_EXIT_ENVIRONMENT;
    }
    const int err = open_all(&run);
    if (err == CT_OK) {
        ct_log(CT_LOG_INFO, "ready");
        run_until_over(&run);
        const uint64_t missing = print_totals(&run, ct_clock_now());
        const bool reported = options->report == NULL || write_report(&run) == CT_OK;
        code = !reported ? CT_EXIT_ENVIRONMENT : missing == 0 ? CT_EXIT_OK : CT_EXIT_FAILED;
    } else {
        ct_log(CT_LOG_ERROR, "%s", run.problem[0] != '\0' ? run.problem : ct_err_text(err));
    }
    close_all(&run);
    return code;
}
