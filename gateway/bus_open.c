#include "bus_private.h"

#include "clock.h"
#include "load_ids.h"
#include "log.h"
#include "port_open.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define OWED_BYTES (128U * 1024U)

static void on_readable(struct ct_loop_watch *watch, uint32_t events)
{
    struct bus_port *port = watch->user;
    (void)events;
    port->ready = true;
}

static void on_storage(struct ct_loop_watch *watch, uint32_t events)
{
    (void)events;
    ct_channel_drain(watch->user);
}

static void on_control(struct ct_loop_watch *watch, uint32_t events)
{
    uint64_t count = 0;
    (void)events;
    const ssize_t got = read(watch->fd, &count, sizeof count);
    (void)got;
}

/* One that is missing or down is waited for, as one that vanishes is. */
static bool is_interface(const char *port)
{
    return strchr(port, ':') == NULL || strncmp(port, "socketcan:", 10) == 0;
}

static int open_port(struct ct_bus *bus, unsigned index, char *problem, size_t size)
{
    const struct ct_settings_bus *config = &bus->model->settings->buses[index];
    struct bus_port *port = &bus->ports[index];
    const struct ct_port_options options = {.fd = config->fd,
                                            .replay_speed = 1,
                                            .client = "cantwin-gateway",
                                            .patience = (int)config->send_patience_ms,
                                            .wait = is_interface(config->port)};
    char text[400];
    int err = ct_port_open(config->port, &options, &port->port, text, sizeof text);
    if (err != CT_OK) {
        snprintf(problem, size, "bus %s: %s", config->name, text);
        return err;
    }
    bus->port_count = index + 1;
    port->watch = (struct ct_loop_watch){.fn = on_readable, .user = port};
    port->ready = true;
    port->lost_since = bus->started_ns;
    port->expired_since = bus->started_ns;
    if (options.wait && !port->port->stats.up) {
        port->was_up = true; /* so that its absence is told */
        ct_log(CT_LOG_WARNING, "bus %s: interface %s is missing or down; it is used when it comes up", config->name,
               config->port);
    }
    ct_bus_watch_open(port, bus->started_ns);
    if (port->port->notice[0] != '\0') {
        ct_log(CT_LOG_WARNING, "bus %s: %s", config->name, port->port->notice);
    }
    err = ct_loop_add(&bus->loop, &port->watch, port->port->fd, EPOLLIN);
    if (err != CT_OK) {
        snprintf(problem, size, "bus %s: error: its port cannot be watched: %s", config->name, ct_err_text(err));
    }
    return err;
}

#define FILTERS_MAX 512 /* as many as the kernel takes */

void ct_bus_set_filters(struct ct_bus *bus)
{
    struct ct_port_filter filters[FILTERS_MAX];
    for (size_t i = 0; i < bus->port_count; i++) {
        const struct ct_settings_bus *config = &bus->model->settings->buses[i];
        if (config->receive != CT_RECEIVE_NEEDED) {
            continue;
        }
        const size_t count = ct_model_filters(bus->model, (uint8_t)i, filters, FILTERS_MAX);
        const int err = count > FILTERS_MAX ? CT_ERR_FULL : ct_port_filter(bus->ports[i].port, filters, count);
        if (err == CT_OK && count > 0) {
            ct_log(CT_LOG_INFO, "bus %s: the kernel hands over %zu ids", config->name, count);
            continue;
        }
        const int undone = ct_port_filter(bus->ports[i].port, NULL, 0);
        ct_log(CT_LOG_WARNING, "bus %s: everything is received: %s", config->name,
               count == 0 && undone == CT_OK ? "no id is known that is needed"
               : err == CT_ERR_FULL          ? "more than 512 ids are needed"
                                             : "this port has no filters");
    }
}

static int open_control(struct ct_bus *bus)
{
    bus->control_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bus->retired_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (bus->control_fd < 0 || bus->retired_fd < 0) {
        return ct_err_from_errno(errno);
    }
    int err = ct_ring_create(OWED_BYTES, &bus->owed);
    if (err == CT_OK) {
        err = ct_loop_open(&bus->loop);
    }
    bus->from_storage = (struct ct_loop_watch){.fn = on_storage, .user = &bus->channels->storage_to_bus};
    bus->control = (struct ct_loop_watch){.fn = on_control};
    if (err == CT_OK) {
        err = ct_loop_add(&bus->loop, &bus->from_storage, bus->channels->storage_to_bus.fd, EPOLLIN);
    }
    return err == CT_OK ? ct_loop_add(&bus->loop, &bus->control, bus->control_fd, EPOLLIN) : err;
}

static int open_parts(struct ct_bus *bus, char *problem, size_t size)
{
    int err = open_control(bus);
    if (err == CT_OK) {
        err = ct_bus_executor_open(bus);
    }
    if (err == CT_OK) {
        err = ct_bus_jobs_open(bus);
    }
    if (err != CT_OK) {
        snprintf(problem, size, "error: the bus thread cannot start: %s", ct_err_text(err));
        return err;
    }
    for (unsigned i = 0; i < bus->model->settings->buses_count && err == CT_OK; i++) {
        err = open_port(bus, i, problem, size);
    }
    if (err == CT_OK) {
        ct_bus_set_filters(bus);
        err = ct_bus_power_open(bus, problem, size);
    }
    err = err == CT_OK ? ct_bus_doip_open(bus, problem, size) : err;
    err = err == CT_OK ? ct_bus_diag_open(bus) : err;
    if (err == CT_OK && bus->model->settings->status_socket != NULL) {
        err = ct_status_open(bus, bus->model->settings->status_socket, &bus->status, problem, size);
    }
    return err;
}

int ct_bus_open(struct ct_model *model, struct ct_channels *channels, const uint8_t boot_id[CT_BOOT_ID_SIZE],
                struct ct_bus **out_bus, enum ct_exit *out_exit, char *problem, size_t problem_size)
{
    struct ct_bus *bus = calloc(1, sizeof *bus);
    *out_exit = CT_EXIT_ENVIRONMENT;
    if (bus == NULL) {
        snprintf(problem, problem_size, "error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    bus->model = model;
    bus->channels = channels;
    memcpy(bus->boot_id, boot_id, CT_BOOT_ID_SIZE);
    bus->started_ns = ct_clock_now();
    bus->control_fd = -1;
    bus->retired_fd = -1;
    bus->loop = (struct ct_loop){.epoll_fd = -1, .timer_fd = -1, .armed = CT_NS_NEVER};
    const int err = open_parts(bus, problem, problem_size);
    if (err != CT_OK) {
        *out_exit = err == CT_ERR_SYNTAX || err == CT_ERR_ARGUMENT ? CT_EXIT_USAGE : CT_EXIT_ENVIRONMENT;
        bus->model = NULL; /* stays the caller's */
        ct_bus_close(bus);
        return err;
    }
    *out_bus = bus;
    return CT_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void ct_bus_close(struct ct_bus *bus)
{
    if (bus == NULL) {
        return;
    }
    ct_status_close(bus->status);
    ct_doip_server_close(bus->doip);
    ct_bus_power_close(bus);
    ct_bus_diag_close(bus);
    ct_jobs_free(bus->jobs);
    ct_executor_free(bus->executor);
    for (size_t i = 0; i < bus->port_count; i++) {
        ct_port_close(bus->ports[i].port);
    }
    ct_bus_free_retired(bus);
    ct_model_free(atomic_load(&bus->next_model));
    ct_model_free(bus->model);
    ct_ring_destroy(bus->owed);
    ct_loop_close(&bus->loop);
    close_fd(bus->control_fd);
    close_fd(bus->retired_fd);
    free(bus);
}

static void wake(struct ct_bus *bus)
{
    const uint64_t one = 1;
    const ssize_t written = write(bus->control_fd, &one, sizeof one);
    (void)written;
}

void ct_bus_reload(struct ct_bus *bus, struct ct_model *model)
{
    ct_model_free(atomic_exchange(&bus->next_model, model));
    wake(bus);
}

void ct_bus_stop(struct ct_bus *bus)
{
    atomic_store(&bus->stop, true);
    wake(bus);
}

bool ct_bus_failed(const struct ct_bus *bus)
{
    return atomic_load(&bus->failed);
}

int ct_bus_retired_fd(const struct ct_bus *bus)
{
    return bus->retired_fd;
}

void ct_bus_free_retired(struct ct_bus *bus)
{
    uint64_t count = 0;
    const ssize_t got = bus->retired_fd >= 0 ? read(bus->retired_fd, &count, sizeof count) : 0;
    (void)got;
    struct ct_model *model = atomic_exchange(&bus->retired, NULL);
    while (model != NULL) {
        struct ct_model *next = model->next;
        ct_model_free(model);
        model = next;
    }
}
