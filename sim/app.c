#include "app.h"

#include "car.h"
#include "clock.h"
#include "files.h"
#include "log.h"
#include "port_open.h"
#include "protection_file.h"
#include "recorder.h"
#include "state.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DBC_LIMIT   ((size_t)16 << 20)
#define READ_BATCH  32
#define RETRY       CT_NS_PER_MS                        /* a full port without a way to wait for room */
#define RETRY_DOWN  (50 * CT_NS_PER_MS)                 /* a bus that is not there */
#define STEP_EPOCH  (INT64_C(1767225600) * CT_NS_PER_S) /* simulated time starts 2026-01-01 UTC */
#define FLUSH_EVERY CT_NS_PER_S

struct bus {
    const char *name;
    struct ct_dbc *dbc;
    struct ct_codec *codec;
    struct ct_protect *protect;
    struct ct_port *port; /* NULL: frames go to the recording only */
    struct ct_frame pending;
    bool has_pending; /* the port did not take it yet; nothing newer is asked for before it goes */
    uint64_t sent, received;
};

struct ct_sim {
    const struct ct_sim_settings *settings;
    struct ct_car *car;
    struct ct_recorder *recorder;
    struct ct_sim_state *state; /* NULL: the ECUs forget */
    ct_ns start, utc_offset, flush_at;
    size_t bus_count;
    struct bus buses[CT_CAR_BUS_MAX];
};

/* --- opening --- */

static void report(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    const bool error = problem->severity == CT_DBC_ERROR;
    ct_log(error ? CT_LOG_ERROR : CT_LOG_WARNING, "%s:%u:%u: %s", problem->file, problem->line, problem->column,
           problem->text);
}

static int load_dbc(struct bus *bus, const char *path)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, DBC_LIMIT, &text, &len);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: cannot be read: %s; name the bus's DBC file", path, ct_err_text(err));
        return err;
    }
    err = ct_dbc_parse(path, (const char *)text, len, report, NULL, &bus->dbc);
    free(text);
    if (err == CT_OK) {
        err = ct_codec_compile(bus->dbc, &bus->codec);
    }
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: cannot be used: %s", path, ct_err_text(err));
    }
    return err;
}

static int load_protection(struct bus *bus, const char *path)
{
    char problem[1024];
    const struct ct_dbc *dbc = bus->dbc;
    const int err = ct_protection_load(path, &dbc, 1, &bus->protect, problem, sizeof problem);
    if (err != CT_OK) {
        (void)fprintf(stderr, "cantwin-sim: %s\n", problem); /* has its place and severity already */
    }
    return err;
}

static int open_port(struct bus *bus, const char *port)
{
    const struct ct_port_options options = {.fd = true, .wait = true, .client = "cantwin-sim"};
    char problem[512] = "";
    if (port == NULL) {
        return CT_OK;
    }
    const int err = ct_port_open(port, &options, &bus->port, problem, sizeof problem);
    if (err != CT_OK) {
        (void)fprintf(stderr, "cantwin-sim: %s\n", problem); /* has its place and severity already */
    }
    return err;
}

static int open_buses(struct ct_sim *sim)
{
    for (uint32_t i = 0; i < sim->settings->buses_count; i++) {
        const struct ct_sim_bus_settings *settings = &sim->settings->buses[i];
        struct bus *bus = &sim->buses[sim->bus_count++];
        bus->name = settings->name;
        int err = load_dbc(bus, settings->dbc);
        err = err != CT_OK ? err : load_protection(bus, settings->protection);
        err = err != CT_OK ? err : open_port(bus, settings->port);
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

static int open_car(struct ct_sim *sim)
{
    struct ct_car_bus buses[CT_CAR_BUS_MAX];
    for (size_t i = 0; i < sim->bus_count; i++) {
        buses[i] = (struct ct_car_bus){sim->buses[i].dbc, sim->buses[i].codec, sim->buses[i].protect};
    }
    const struct ct_car_config config = {.seed = sim->settings->seed,
                                         .parked = sim->settings->parked,
                                         .buses = buses,
                                         .bus_count = sim->bus_count,
                                         .start = sim->start};
    const int err = ct_car_create(&config, &sim->car);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR,
               "no ECU can be placed: %s; a DBC must give a node ENGINE, GEARBOX, BATTERY or BODY "
               "messages with a cycle time",
               ct_err_text(err));
    }
    return err;
}

static int open_recorder(struct ct_sim *sim)
{
    const char *path = sim->settings->record;
    if (path == NULL) {
        return CT_OK;
    }
    const int err = ct_recorder_open(path, &sim->recorder);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: cannot be written: %s; name a file in a writable folder", path, ct_err_text(err));
    }
    return err;
}

static int open_state(struct ct_sim *sim)
{
    const char *folder = sim->settings->state_dir;
    const int err = folder != NULL ? ct_sim_state_open(folder, sim->car, sim->start, &sim->state) : CT_OK;
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: cannot be made: %s; name a writable folder", folder, ct_err_text(err));
    }
    return err;
}

int ct_sim_open(const struct ct_sim_settings *settings, struct ct_sim **out_sim)
{
    struct ct_sim *sim = calloc(1, sizeof *sim);
    if (sim == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    sim->settings = settings;
    sim->start = settings->step ? 0 : ct_clock_now();
    sim->utc_offset = settings->step ? STEP_EPOCH : ct_clock_utc_now() - sim->start;
    int err = open_buses(sim);
    err = err != CT_OK ? err : open_car(sim);
    err = err != CT_OK ? err : open_recorder(sim);
    err = err != CT_OK ? err : open_state(sim);
    if (err != CT_OK) {
        (void)ct_sim_close(sim);
        return err;
    }
    *out_sim = sim;
    return CT_OK;
}

int ct_sim_close(struct ct_sim *sim)
{
    if (sim == NULL) {
        return CT_OK;
    }
    const int err = ct_recorder_close(sim->recorder);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "%s: the recording is not complete: %s", sim->settings->record, ct_err_text(err));
    }
    ct_sim_state_close(sim->state);
    ct_car_free(sim->car);
    for (size_t i = 0; i < sim->bus_count; i++) {
        ct_port_close(sim->buses[i].port);
        ct_protect_free(sim->buses[i].protect);
        ct_codec_free(sim->buses[i].codec);
        ct_dbc_free(sim->buses[i].dbc);
    }
    free(sim);
    return err;
}

/* --- moving frames --- */

static void receive_all(struct ct_sim *sim, uint8_t index, ct_ns now)
{
    struct bus *bus = &sim->buses[index];
    struct ct_frame frames[READ_BATCH];
    size_t count = READ_BATCH;
    while (bus->port != NULL && count == READ_BATCH) {
        count = 0;
        (void)ct_port_read(bus->port, frames, READ_BATCH, &count);
        for (size_t i = 0; i < count; i++) {
            frames[i].bus = index;
            bus->received++;
            ct_recorder_frame(sim->recorder, &frames[i], now + sim->utc_offset, bus->name, false);
            ct_car_receive(sim->car, &frames[i], now);
        }
    }
}

/* Hands frames over until the port is full or nothing is due. */
static int send_due(struct ct_sim *sim, uint8_t index, ct_ns now)
{
    struct bus *bus = &sim->buses[index];
    for (;;) {
        if (!bus->has_pending) {
            const int err = ct_car_next_frame(sim->car, index, &bus->pending, now);
            if (err != CT_OK) {
                return err == CT_ERR_AGAIN ? CT_OK : err;
            }
            bus->has_pending = true;
        }
        const int err = bus->port != NULL ? ct_port_write(bus->port, &bus->pending) : CT_OK;
        if (err != CT_OK) {
            return err == CT_ERR_FULL || err == CT_ERR_DOWN || err == CT_ERR_AGAIN ? CT_OK : err;
        }
        bus->has_pending = false;
        bus->sent++;
        ct_recorder_frame(sim->recorder, &bus->pending, now + sim->utc_offset, bus->name, true);
    }
}

static int move_frames(struct ct_sim *sim, ct_ns now)
{
    for (size_t i = 0; i < sim->bus_count; i++) {
        receive_all(sim, (uint8_t)i, now);
        const int err = send_due(sim, (uint8_t)i, now);
        if (err != CT_OK) {
            ct_log(CT_LOG_ERROR, "%s: cannot send id %" PRIx32 ": %s", sim->buses[i].name, sim->buses[i].pending.id,
                   ct_err_text(err));
            return err;
        }
    }
    return CT_OK;
}

/* How long to leave frames alone that a port did not take; 0 when there are none. */
static ct_ns retry_after(const struct ct_sim *sim)
{
    ct_ns wait = 0;
    for (size_t i = 0; i < sim->bus_count; i++) {
        const struct bus *bus = &sim->buses[i];
        if (bus->has_pending) {
            const ct_ns one = bus->port->fd < 0 ? RETRY_DOWN : RETRY;
            wait = wait == 0 ? one : ct_ns_min(wait, one);
        }
    }
    return wait;
}

static ct_ns tick_ports(struct ct_sim *sim)
{
    const ct_ns now = ct_clock_now();
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < sim->bus_count; i++) {
        if (sim->buses[i].port != NULL) {
            next = ct_ns_min(next, ct_port_tick(sim->buses[i].port, now));
        }
    }
    return next;
}

/* Waits for frames, room on a full port, the deadline or the stop; true when it is to stop. */
static bool wait_for(struct ct_sim *sim, int stop_fd, ct_ns wait)
{
    struct pollfd fds[CT_CAR_BUS_MAX + 1] = {{.fd = stop_fd, .events = POLLIN}};
    for (size_t i = 0; i < sim->bus_count; i++) {
        const struct bus *bus = &sim->buses[i];
        fds[i + 1].fd = bus->port != NULL ? bus->port->fd : -1;
        fds[i + 1].events = (short)(bus->has_pending ? POLLIN | POLLOUT : POLLIN);
    }
    const struct timespec timeout = {.tv_sec = wait / CT_NS_PER_S, .tv_nsec = wait % CT_NS_PER_S};
    if (ppoll(fds, sim->bus_count + 1, &timeout, NULL) < 0 && errno != EINTR) {
        return true;
    }
    return (fds[0].revents & POLLIN) != 0;
}

static void flush_recording(struct ct_sim *sim, ct_ns now)
{
    if (now >= sim->flush_at) {
        ct_recorder_flush(sim->recorder);
        if (sim->state != NULL) {
            ct_sim_state_save(sim->state);
        }
        sim->flush_at = now + FLUSH_EVERY;
    }
}

static int run_real(struct ct_sim *sim, int stop_fd, ct_ns ends)
{
    for (;;) {
        ct_ns now = ct_clock_now();
        if (now >= ends) {
            return CT_OK;
        }
        (void)ct_car_tick(sim->car, now);
        const int err = move_frames(sim, now);
        if (err != CT_OK) {
            return err;
        }
        flush_recording(sim, now);
        ct_ns next = ct_ns_min(ct_ns_min(ct_car_tick(sim->car, now), tick_ports(sim)), ends);
        now = ct_clock_now();
        if (next < now + retry_after(sim)) {
            next = now + retry_after(sim);
        }
        if (wait_for(sim, stop_fd, next > now ? next - now : 0)) {
            return CT_OK;
        }
    }
}

/* Simulated time stands still while a port is full. */
static int run_steps(struct ct_sim *sim, int stop_fd, ct_ns ends)
{
    ct_ns now = sim->start;
    while (now < ends) {
        (void)ct_car_tick(sim->car, now);
        const int err = move_frames(sim, now);
        if (err != CT_OK) {
            return err;
        }
        const ct_ns full = retry_after(sim);
        (void)tick_ports(sim);
        if (wait_for(sim, stop_fd, full)) {
            return CT_OK;
        }
        const ct_ns next = ct_car_tick(sim->car, now);
        now = full > 0 || next <= now ? now : next;
    }
    return CT_OK;
}

static void log_counts(const struct ct_sim *sim)
{
    struct ct_ecu_stats stats;
    for (size_t i = 0; i < sim->bus_count; i++) {
        ct_log(CT_LOG_INFO, "%s: %" PRIu64 " frames sent, %" PRIu64 " received", sim->buses[i].name, sim->buses[i].sent,
               sim->buses[i].received);
    }
    ct_car_stats_get(sim->car, &stats);
    ct_log(CT_LOG_INFO,
           "%" PRIu64 " cyclic and %" PRIu64 " diagnostic frames, %" PRIu32 " requests answered, %" PRIu32
           " commands obeyed, %" PRIu32 " refused, %" PRIu32 " cycles skipped",
           stats.sent, stats.diagnostic, stats.requests, stats.commands, stats.refused, stats.skipped);
}

int ct_sim_run(struct ct_sim *sim, int stop_fd)
{
    const double seconds = sim->settings->duration_s;
    const ct_ns ends = seconds > 0 ? ct_ns_add(sim->start, (ct_ns)(seconds * (double)CT_NS_PER_S)) : CT_NS_NEVER;
    ct_log(CT_LOG_INFO, "ready");
    const int err = sim->settings->step ? run_steps(sim, stop_fd, ends) : run_real(sim, stop_fd, ends);
    log_counts(sim);
    return err;
}
