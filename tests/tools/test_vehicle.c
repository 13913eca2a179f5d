/* test_vehicle: the toy vehicle on a real link, for load and faults. Prints one JSON line when it ends.
 *
 *   test_vehicle --endpoint tcp://127.0.0.1:17601 --keys DIR --vehicle ID [--batches N] [--interval-ms MS] [--signals
 * N]
 *
 * Ends when N batches (0: never) are acknowledged, or on SIGTERM. Exit 1 when something stayed unacknowledged. */
#include "clock.h"
#include "keys.h"
#include "toy_vehicle.h"
#include "zmq_vehicle.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define LINGER_NS (10 * CT_NS_PER_S) /* for the last acknowledgements */

struct options {
    const char *endpoint, *keys, *vehicle;
    unsigned long batches, interval_ms, signals;
};

struct run {
    struct options options;
    struct ct_zmq_vehicle *socket;
    struct toy_vehicle *toy;
    int signals;
};

static int on_send(void *user, const void *data, size_t len)
{
    const struct run *run = user;
    return ct_zmq_vehicle_send(run->socket, data, len);
}

static void on_reconnect(void *user)
{
    const struct run *run = user;
    if (ct_zmq_vehicle_reconnect(run->socket) != CT_OK) {
        fputs("test_vehicle: cannot reconnect\n", stderr);
    }
}

static bool parse(int argc, char **argv, struct options *options)
{
    const struct {
        const char *name;
        const char **text;
        unsigned long *number;
    } rows[] = {
        {"--endpoint", &options->endpoint, NULL},       {"--keys", &options->keys, NULL},
        {"--vehicle", &options->vehicle, NULL},         {"--batches", NULL, &options->batches},
        {"--interval-ms", NULL, &options->interval_ms}, {"--signals", NULL, &options->signals},
    };
    for (int i = 1; i + 1 < argc; i += 2) {
        size_t row = 0;
        while (row < sizeof rows / sizeof rows[0] && strcmp(rows[row].name, argv[i]) != 0) {
            row++;
        }
        if (row == sizeof rows / sizeof rows[0]) {
            return false;
        }
        if (rows[row].text != NULL) {
            *rows[row].text = argv[i + 1];
        } else {
            *rows[row].number = strtoul(argv[i + 1], NULL, 10);
        }
    }
    return argc % 2 == 1 && options->keys != NULL && options->vehicle != NULL && options->signals > 0;
}

static bool open_socket(struct run *run)
{
    char path[4096];
    char problem[512];
    char server[CT_Z85_KEY_SIZE];
    char public_key[CT_Z85_KEY_SIZE];
    char secret_key[CT_Z85_KEY_SIZE];
    (void)snprintf(path, sizeof path, "%s/fleet.curve.pub", run->options.keys);
    int err = ct_key_read_z85(path, server, problem, sizeof problem);
    (void)snprintf(path, sizeof path, "%s/vehicle-%s.curve", run->options.keys, run->options.vehicle);
    if (err == CT_OK) {
        err = ct_key_read_pair_z85(path, public_key, secret_key, problem, sizeof problem);
    }
    if (err != CT_OK) {
        fprintf(stderr, "%s\n", problem);
        return false;
    }
    const struct ct_zmq_vehicle_config config = {.endpoint = run->options.endpoint,
                                                 .server_public_key = server,
                                                 .public_key = public_key,
                                                 .secret_key = secret_key};
    return ct_zmq_vehicle_open(&config, &run->socket) == CT_OK;
}

static void receive_all(struct run *run)
{
    const uint8_t *data;
    size_t len;
    while (ct_zmq_vehicle_receive(run->socket, &data, &len) == CT_OK) {
        toy_vehicle_receive(run->toy, data, len, ct_clock_now(), ct_clock_utc_now());
    }
}

/* False: the end was asked for. */
static bool wait_until(struct run *run, ct_ns next)
{
    struct pollfd fds[] = {{.fd = ct_zmq_vehicle_fd(run->socket), .events = POLLIN},
                           {.fd = run->signals, .events = POLLIN}};
    (void)poll(fds, 2, ct_ns_wait_ms(ct_clock_now(), next));
    return (fds[1].revents & POLLIN) == 0;
}

static void run_loop(struct run *run)
{
    const struct options *options = &run->options;
    const ct_ns interval = ct_ns_from_ms((int64_t)options->interval_ms);
    ct_ns batch_due = ct_clock_now();
    ct_ns end = CT_NS_NEVER;
    unsigned long made = 0;
    for (bool go = true; go;) {
        ct_ns now = ct_clock_now();
        const bool more = options->batches == 0 || made < options->batches;
        if (more && now >= batch_due) {
            made += toy_vehicle_batch(run->toy, now, ct_clock_utc_now());
            batch_due = ct_ns_add(batch_due, interval);
        }
        receive_all(run);
        ct_ns next = toy_vehicle_tick(run->toy, ct_clock_now(), ct_clock_utc_now());
        receive_all(run);
        struct toy_stats stats;
        toy_vehicle_stats(run->toy, &stats);
        if (!more && end == CT_NS_NEVER) {
            end = ct_ns_add(now, LINGER_NS);
        }
        next = ct_ns_min(more ? ct_ns_min(next, batch_due) : next, end);
        go = wait_until(run, next) && (more || (stats.left > 0 && ct_clock_now() < end));
    }
}

static int report(const struct run *run)
{
    struct toy_stats stats;
    toy_vehicle_stats(run->toy, &stats);
    printf("{\"vehicle\":\"%s\",\"batches\":%llu,\"samples\":%llu,\"left\":%llu,\"commands\":%llu,\"executed\":%llu,"
           "\"reconnects\":%llu}\n",
           run->options.vehicle, (unsigned long long)stats.batches, (unsigned long long)stats.samples,
           (unsigned long long)stats.left, (unsigned long long)stats.commands, (unsigned long long)stats.executed,
           (unsigned long long)stats.link.reconnects);
    return stats.left == 0 ? CT_EXIT_OK : CT_EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct run run = {.options = {.endpoint = "tcp://127.0.0.1:17601", .interval_ms = 100, .signals = 20}};
    sigset_t signals;
    if (!parse(argc, argv, &run.options)) {
        fputs("usage: test_vehicle --keys DIR --vehicle ID [--endpoint E] [--batches N] [--interval-ms MS] "
              "[--signals N]\n",
              stderr);
        return CT_EXIT_USAGE;
    }
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    run.signals = signalfd(-1, &signals, SFD_CLOEXEC);
    const struct toy_config config = {.vehicle_id = run.options.vehicle,
                                      .signals = (uint32_t)run.options.signals,
                                      .seed = (uint64_t)ct_clock_utc_now(),
                                      .send = on_send,
                                      .reconnect = on_reconnect,
                                      .user = &run};
    if (!open_socket(&run)) {
        return CT_EXIT_ENVIRONMENT;
    }
    run.toy = toy_vehicle_create(&config);
    if (run.toy == NULL) {
        return CT_EXIT_ENVIRONMENT;
    }
    run_loop(&run);
    const int code = report(&run);
    toy_vehicle_free(run.toy);
    ct_zmq_vehicle_close(run.socket);
    close(run.signals);
    return code;
}
