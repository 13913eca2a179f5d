#include "clock.h"
#include "socketcan_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RETRY            (1 * CT_NS_PER_S)
#define LOOK_EVERY       (1 * CT_NS_PER_S)
#define PATIENCE_DEFAULT 100

/* The interface is away or down, and nobody has told that it is back. */
static ct_ns look_for_interface(struct socketcan_port *p, ct_ns now)
{
    if (p->can_fd >= 0 && p->port.stats.up) {
        return CT_NS_NEVER;
    }
    if (now >= p->retry_at) {
        p->retry_at = ct_ns_add(now, RETRY);
        if (p->can_fd >= 0 && !p->gone) {
            ct_socketcan_look_up(p);
        } else if (!ct_socketcan_unread(p)) {
            ct_socketcan_follow(p);
        }
    }
    return p->port.stats.up ? CT_NS_NEVER : p->retry_at;
}

/* Losses and the controller's state, while there is traffic and once after it. */
static ct_ns look_at_counts(struct socketcan_port *p, ct_ns now)
{
    if (p->active && p->look_at == CT_NS_NEVER) {
        p->active = false;
        p->look_at = ct_ns_add(now, LOOK_EVERY);
    }
    if (now >= p->look_at) {
        p->look_at = CT_NS_NEVER;
        ct_socketcan_count_dropped(p);
        ct_socketcan_link_ask(p);
    }
    return p->look_at;
}

static ct_ns end_mute(struct socketcan_port *p, ct_ns now)
{
    if (p->flood_muted && now >= p->flood_until) {
        (void)ct_socketcan_mute_bus_errors(p, false);
    }
    return p->flood_muted ? p->flood_until : CT_NS_NEVER;
}

static ct_ns socketcan_tick(struct ct_port *port, ct_ns now)
{
    struct socketcan_port *p = (struct socketcan_port *)port;
    ct_ns due = look_for_interface(p, now);
    due = ct_ns_min(due, look_at_counts(p, now));
    due = ct_ns_min(due, end_mute(p, now));
    ct_socketcan_flush(p, now);
    due = ct_ns_min(due, ct_socketcan_count_unconfirmed(p, now));
    return ct_ns_min(due, ct_send_queue_due(&p->queue));
}

static void socketcan_close(struct ct_port *port)
{
    struct socketcan_port *p = (struct socketcan_port *)port;
    ct_socketcan_let_go(p);
    if (p->link_fd >= 0) {
        close(p->link_fd);
    }
    if (port->fd >= 0) {
        close(port->fd);
    }
    free(p);
}

int ct_socketcan_set_filters(struct ct_port *port, const struct ct_port_filter *filters, size_t count)
{
    struct socketcan_port *p = (struct socketcan_port *)port;
    if (count > CT_SOCKETCAN_FILTERS_MAX) {
        return CT_ERR_FULL;
    }
    for (size_t i = 0; i < count; i++) {
        const uint32_t kind = filters[i].ext ? CAN_EFF_FLAG : 0U;
        const uint32_t bits = filters[i].ext ? CAN_EFF_MASK : CAN_SFF_MASK;
        /* The flags always count: a mask over the id alone would also pass the other kinds. */
        p->filters[i] = (struct can_filter){.can_id = (filters[i].id & bits) | kind,
                                            .can_mask = (filters[i].mask & bits) | CAN_EFF_FLAG | CAN_RTR_FLAG};
    }
    p->filter_count = count;
    return p->can_fd < 0 || ct_socketcan_apply_filters(p, p->can_fd) == 0 ? CT_OK : ct_err_from_errno(errno);
}

static const struct ct_port_ops socketcan_ops = {
    .read = ct_socketcan_read,
    .write = ct_socketcan_write,
    .tick = socketcan_tick,
    .close = socketcan_close,
    .filter = ct_socketcan_set_filters,
    .unconfirmed = ct_socketcan_unconfirmed,
};

static int explain(const char *interface, int errnum, char *problem, size_t problem_size)
{
    if (errnum == EAFNOSUPPORT || errnum == EPROTONOSUPPORT) {
        snprintf(problem, problem_size,
                 "%s: error: this kernel has no CAN; load it with `modprobe can_raw`, or use a hub: unix:PATH "
                 "(`cantwin bus serve PATH`)",
                 interface);
        return CT_ERR_UNSUPPORTED;
    }
    if (errnum == ENODEV) {
        snprintf(problem, problem_size,
                 "%s: error: no such CAN interface; `ip -br link` lists them, vcan-scripts/vcan-up.sh makes virtual "
                 "ones",
                 interface);
        return CT_ERR_NOT_FOUND;
    }
    snprintf(problem, problem_size, "%s: error: cannot open the CAN interface: %s", interface, strerror(errnum));
    return ct_err_from_errno(errnum);
}

static struct socketcan_port *create(const char *interface, const struct ct_socketcan_options *options)
{
    struct socketcan_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        return NULL;
    }
    p->port.ops = &socketcan_ops;
    p->port.fd = epoll_create1(EPOLL_CLOEXEC);
    p->can_fd = -1;
    p->link_fd = -1;
    p->fd_wanted = options->fd;
    p->own = options->own;
    p->send_patience = ct_ns_from_ms(options->patience > 0 ? options->patience : PATIENCE_DEFAULT);
    p->look_at = CT_NS_NEVER;
    ct_send_queue_init(&p->queue);
    ct_confirm_init(&p->confirm);
    snprintf(p->port.name, sizeof p->port.name, "%s", interface);
    snprintf(p->interface, sizeof p->interface, "%s", interface);
    return p;
}

int ct_socketcan_open(const char *interface, const struct ct_socketcan_options *options, struct ct_port **out_port,
                      char *problem, size_t problem_size)
{
    if (interface[0] == '\0' || strlen(interface) >= IFNAMSIZ) {
        snprintf(problem, problem_size, "%s: error: an interface name has 1 to %d characters", interface, IFNAMSIZ - 1);
        return CT_ERR_ARGUMENT;
    }
    struct socketcan_port *p = create(interface, options);
    if (p == NULL) {
        snprintf(problem, problem_size, "%s: error: out of memory", interface);
        return CT_ERR_NO_MEMORY;
    }
    ct_socketcan_link_open(p);
    const int errnum = p->port.fd < 0 ? EMFILE : ct_socketcan_bind(p);
    if (errnum != 0 && !(options->wait && errnum == ENODEV)) {
        socketcan_close(&p->port);
        return explain(interface, errnum, problem, problem_size);
    }
    *out_port = &p->port;
    return CT_OK;
}
