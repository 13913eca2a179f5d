#include "bus_private.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BRISK_NS        (100 * CT_NS_PER_MS) /* after the last request to an ECU */
#define RETRY_NS        (1 * CT_NS_PER_MS)   /* while something waits for room */
#define STAMP_TRUST_NS  (60 * CT_NS_PER_S)   /* a stamp further off is not of this boot */
#define RING_WAKE_BYTES (256U * 1024U)       /* the storage thread is woken early when so much waits */

/* ---- frames */

static void count_delays(struct ct_bus *bus, const struct ct_frame *frames, size_t count)
{
    const ct_ns now = count > 0 ? ct_clock_now() : 0;
    for (size_t i = 0; i < count; i++) {
        ct_hist_add(&bus->delay, now - frames[i].t_ns);
    }
}

static void take_frames(struct ct_bus *bus, struct bus_port *port, struct ct_frame *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ct_frame *frame = &frames[i];
        frame->bus = (uint8_t)(port - bus->ports);
        if (frame->t_ns > bus->now + STAMP_TRUST_NS || frame->t_ns < bus->now - STAMP_TRUST_NS) {
            frame->t_ns = bus->now;
        }
        ct_bus_watch_frame(port, frame);
        ct_executor_receive(bus->executor, frame, bus->now);
        ct_bus_diag_frame(bus, frame);
    }
    ct_bus_power_frames(bus, frames, count);
    ct_bus_route(bus, frames, count);
    ct_bus_anomaly_frames(bus, port, frames, count);
    ct_pipeline_frames(&bus->model->pipeline, frames, count, bus->now, &port->counts, ct_bus_emit, bus);
    count_delays(bus, frames, count);
}

/* Adapters may close and open their descriptor in read and tick, and close it in write. */
void ct_bus_follow_fd(struct ct_bus *bus, struct bus_port *port)
{
    if (port->watch.fd == port->port->fd) {
        return;
    }
    ct_loop_remove(&bus->loop, &port->watch);
    const int err = ct_loop_add(&bus->loop, &port->watch, port->port->fd, EPOLLIN);
    if (err != CT_OK) {
        ct_log(CT_LOG_ERROR, "bus %s cannot be watched: %s", ct_bus_name(bus, port), ct_err_text(err));
    }
}

static void wake_main(struct ct_bus *bus)
{
    const uint64_t one = 1;
    const ssize_t written = write(bus->retired_fd, &one, sizeof one);
    (void)written;
}

/* Logs are all there is, all are over and one was bad: whoever waits for the result is told by the exit code. */
static void check_failed(struct ct_bus *bus)
{
    bool failed = false;
    for (size_t i = 0; i < bus->port_count; i++) {
        const struct bus_port *port = &bus->ports[i];
        if (!port->ended || strncmp(port->port->name, "file:", 5) != 0) {
            return;
        }
        failed = failed || port->failed;
    }
    if (failed) {
        atomic_store(&bus->failed, true);
        wake_main(bus);
    }
}

static void end_port(struct ct_bus *bus, struct bus_port *port, int err)
{
    const char *problem = port->port->problem;
    port->ended = true;
    port->ready = false;
    port->failed = err != CT_ERR_END;
    ct_loop_remove(&bus->loop, &port->watch);
    if (!port->failed) {
        ct_log(CT_LOG_INFO, "bus %s has ended: %s", ct_bus_name(bus, port), ct_err_text(err));
    } else if (problem[0] != '\0') {
        ct_log(CT_LOG_ERROR, "bus %s: %s", ct_bus_name(bus, port), problem);
    } else {
        ct_log(CT_LOG_ERROR, "bus %s has ended: %s", ct_bus_name(bus, port), ct_err_text(err));
    }
    check_failed(bus);
}

static void read_port(struct ct_bus *bus, struct bus_port *port)
{
    struct ct_frame frames[BUS_READ_MAX];
    size_t count = 0;
    const int err = ct_port_read(port->port, frames, BUS_READ_MAX, &count);
    if (err != CT_OK) {
        port->ready = false;
        if (err != CT_ERR_AGAIN && err != CT_ERR_DOWN) {
            end_port(bus, port, err);
            return;
        }
    }
    /* What a port with a descriptor still holds, the descriptor tells. */
    port->ready = port->ready && (count == BUS_READ_MAX || port->port->fd < 0);
    take_frames(bus, port, frames, err == CT_OK ? count : 0);
    ct_bus_follow_fd(bus, port);
}

/* ---- the ports in one round */

static void tick_port(struct ct_bus *bus, struct bus_port *port)
{
    port->wrote = false;
    port->tick_due = ct_port_tick(port->port, bus->now);
    ct_bus_follow_fd(bus, port);
}

/* A frame that was written behind the port's turn has deadlines of its own: to find room, and to be carried. */
static ct_ns tick_written(struct ct_bus *bus)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; i < bus->port_count; i++) {
        struct bus_port *port = &bus->ports[i];
        if (port->wrote && !port->ended) {
            tick_port(bus, port);
            due = ct_ns_min(due, port->tick_due);
        }
    }
    return due;
}

static ct_ns service_port(struct ct_bus *bus, struct bus_port *port)
{
    if (port->ended) {
        return CT_NS_NEVER;
    }
    if (bus->now >= port->tick_due) {
        port->ready = port->ready || port->port->fd < 0;
    }
    if (port->ready) {
        read_port(bus, port);
    }
    if (!port->ended) {
        tick_port(bus, port);
    }
    const ct_ns told_due = ct_bus_tell_port(bus, port, port->ended);
    const ct_ns watch_due = ct_ns_min(told_due, ct_bus_watch_tick(bus, port));
    if (port->ended) {
        return CT_NS_NEVER;
    }
    return port->ready ? bus->now : ct_ns_min(port->tick_due, watch_due);
}

static ct_ns service_ports(struct ct_bus *bus)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; i < bus->port_count; i++) {
        due = ct_ns_min(due, service_port(bus, &bus->ports[i]));
    }
    return due;
}

/* ---- from the storage thread */

static void take_command(struct ct_bus *bus, const void *data)
{
    const struct ct_msg_command *message = data;
    if (ct_bus_power_refuses(bus, &message->command)) {
        return;
    }
    if (message->command.action == CT_ACTION_DIAGNOSTIC_JOB) {
        ct_jobs_submit(bus->jobs, &message->command, CT_ORIGIN_BACKEND, message->release, message->valid_ms, bus->now);
        return;
    }
    ct_executor_submit(bus->executor, &message->command, CT_ORIGIN_BACKEND, message->release, message->valid_ms,
                       bus->now);
}

static void take_from_storage(struct ct_bus *bus)
{
    struct ct_ring *ring = bus->channels->storage_to_bus.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_COMMAND) {
            take_command(bus, data);
        } else if (type == CT_MSG_SNAPSHOT) {
            memcpy(&bus->snapshot_id, data, sizeof bus->snapshot_id);
            bus->snapshot_wanted = true;
        } else if (type == CT_MSG_STORAGE_STATS) {
            memcpy(&bus->storage_stats, data, sizeof bus->storage_stats);
        }
        ct_ring_pop(ring);
    }
}

/* ---- control */

static void retire(struct ct_bus *bus, struct ct_model *model)
{
    model->next = atomic_load(&bus->retired);
    while (!atomic_compare_exchange_weak(&bus->retired, &model->next, model)) {
    }
    wake_main(bus);
}

/* The storage thread must know the catalogue before the first sample of it. */
static int announce_catalogue(struct ct_bus *bus, const struct ct_model *model)
{
    struct ct_catalogue *catalogue = ct_catalogue_ref(ct_bind_catalogue(model->pipeline.bind));
    const int err = ct_ring_push(bus->channels->bus_to_storage.ring, CT_MSG_CATALOGUE, &catalogue, sizeof(catalogue));
    if (err != CT_OK) {
        ct_catalogue_unref(catalogue);
    }
    return err;
}

/* Frames are gathered, but for a question and its answer, each of which waits for the other. */
static void set_pace(struct ct_bus *bus)
{
    const ct_ns gap = bus->model->settings->coalesce_us * CT_NS_PER_US;
    if (ct_executor_running(bus->executor) > 0) {
        bus->brisk_until = ct_ns_add(bus->now, BRISK_NS);
    }
    bus->loop.pace.gap = gap > CT_NS_PER_US && bus->now >= bus->brisk_until ? gap : 0;
}

static void use_model(struct ct_bus *bus, struct ct_model *model)
{
    struct ct_model *old = bus->model;
    const struct ct_catalogue *catalogue = ct_bind_catalogue(model->pipeline.bind);
    const size_t carried = ct_pipeline_carry(&model->pipeline, &old->pipeline);
    ct_policy_carry(model->policy, old->policy);
    ct_routes_carry(model->routes, old->routes);
    ct_anomalies_carry(model->anomalies, old->anomalies);
    ct_executor_use_policy(bus->executor, model->policy);
    bus->model = model;
    ct_doip_server_use_settings(bus->doip, model->settings);
    ct_bus_set_filters(bus);
    bus->reloads++;
    bus->snapshot_wanted = true; /* the backend's twin of the new catalogue begins with it */
    bus->snapshot_id = 0;
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "configuration reloaded: %zu entries, %zu values carried over",
             ct_catalogue_count(catalogue), carried);
    ct_log(CT_LOG_INFO, "%s", text);
    if (memcmp(ct_catalogue_hash(catalogue), ct_catalogue_hash(ct_bind_catalogue(old->pipeline.bind)), CT_HASH_SIZE) !=
        0) {
        ct_bus_event(bus, "catalogue-changed", text, NULL, NULL);
    }
    if (bus->status != NULL) {
        ct_status_reloaded(bus->status);
    }
    retire(bus, old);
}

static void take_control(struct ct_bus *bus)
{
    struct ct_model *model = atomic_exchange(&bus->next_model, NULL);
    if (model == NULL) {
        return;
    }
    if (bus->lost.samples > 0 || announce_catalogue(bus, model) != CT_OK) {
        struct ct_model *none = NULL; /* no room now; unless a newer one came meanwhile, this one waits */
        if (!atomic_compare_exchange_strong(&bus->next_model, &none, model)) {
            retire(bus, model);
        }
        return;
    }
    use_model(bus, model);
}

static void begin_stop(struct ct_bus *bus)
{
    if (bus->stopping || !atomic_load(&bus->stop)) {
        return;
    }
    bus->stopping = true;
    ct_bus_power_stop(bus);
    for (size_t i = 0; i < bus->port_count; i++) {
        (void)ct_bus_tell_port(bus, &bus->ports[i], true);
    }
    ct_executor_stop(bus->executor, bus->now);
    (void)ct_jobs_tick(bus->jobs, bus->now); /* ends those whose request has ended */
    ct_bus_diag_stop(bus);
    ct_bus_event(bus, "gateway-stopped", "stopped as asked", NULL, NULL);
}

/* ---- loop */

ct_ns ct_bus_round(struct ct_bus *bus)
{
    struct ct_pipeline *pipeline = &bus->model->pipeline;
    take_from_storage(bus);
    ct_ns due = bus->stopping ? CT_NS_NEVER : service_ports(bus);
    due = ct_ns_min(due, ct_bus_anomaly_tick(bus));
    due = ct_ns_min(due, ct_bus_power_tick(bus));
    due = ct_ns_min(due, ct_pipeline_tick(pipeline, bus->now, ct_bus_emit, bus));
    due = ct_ns_min(due, ct_executor_tick(bus->executor, bus->now));
    due = ct_ns_min(due, ct_bus_reads_tick(bus));
    due = ct_ns_min(due, ct_jobs_tick(bus->jobs, bus->now));
    if (bus->doip != NULL) { /* a tester that is lost leaves work to the executor */
        due = ct_ns_min(due, ct_doip_server_tick(bus->doip, bus->now));
        due = ct_ns_min(due, ct_executor_tick(bus->executor, bus->now));
    }
    due = ct_ns_min(due, ct_bus_diag_tick(bus));
    const bool unsent = ct_bus_send_pump(bus);
    due = ct_ns_min(due, tick_written(bus));
    if (bus->status != NULL) {
        ct_status_changes(bus->status);
    }
    const bool clear = ct_bus_out_flush(bus);
    struct ct_channel *out = &bus->channels->bus_to_storage;
    const size_t waiting = ct_ring_used(out->ring);
    if (waiting > RING_WAKE_BYTES) {
        ct_channel_wake(out);
    } else if (waiting > 0) { /* most rounds have nothing for the storage thread */
        ct_channel_notify(out);
    }
    set_pace(bus);
    const bool waits = !clear || unsent || atomic_load(&bus->next_model) != NULL;
    return waits ? ct_ns_min(due, bus->now + RETRY_NS) : due;
}

static bool finished(struct ct_bus *bus)
{
    if (!bus->stopping) {
        return false;
    }
    ct_bus_give_up_samples(bus);
    if (ct_ring_used(bus->owed) > 0 || bus->lost.samples > 0 ||
        ct_ring_push(bus->channels->bus_to_storage.ring, CT_MSG_STOP, NULL, 0) != CT_OK) {
        return false;
    }
    ct_channel_wake(&bus->channels->bus_to_storage);
    return true;
}

void ct_bus_run(struct ct_bus *bus)
{
    bus->now = ct_clock_now();
    ct_bus_event(bus, "gateway-started", "cantwin-gateway " CANTWIN_VERSION, "version", CANTWIN_VERSION);
    (void)ct_bus_power_tick(bus); /* out of state off: nothing is sent there */
    for (;;) {
        bus->now = ct_clock_now();
        take_control(bus);
        begin_stop(bus);
        ct_ns due = ct_bus_round(bus);
        if (finished(bus)) {
            return;
        }
        due = bus->stopping ? ct_ns_min(due, bus->now + RETRY_NS) : due;
        if (ct_loop_wait(&bus->loop, due) != CT_OK) {
            ct_log(CT_LOG_ERROR, "the bus thread cannot wait for its descriptors");
            return;
        }
    }
}

const struct ct_pulse *ct_bus_pulse(const struct ct_bus *bus)
{
    return &bus->loop.pulse;
}
