#include "clock.h"
#include "socketcan_frame.h"
#include "socketcan_private.h"

#include <errno.h>

#define LOOK_AGAIN (1 * CT_NS_PER_MS)

static int write_error(struct socketcan_port *p, int errnum)
{
    if (errnum == EAGAIN || errnum == ENOBUFS || errnum == EINTR) {
        return CT_ERR_FULL;
    }
    if (errnum == ENETDOWN) {
        ct_socketcan_set_up(p, false);
        ct_socketcan_look_up(p);
        return CT_ERR_DOWN;
    }
    if (errnum == ENXIO || errnum == ENODEV) {
        ct_socketcan_set_gone(p); /* what was received and not read yet is still in the socket */
        return CT_ERR_DOWN;
    }
    return ct_err_from_errno(errnum);
}

/* Our own filters are asked about our own frames too. */
static bool echo_comes(const struct socketcan_port *p, canid_t id)
{
    bool comes = p->filter_count == 0;
    for (size_t i = 0; i < p->filter_count && !comes; i++) {
        comes = ((id ^ p->filters[i].can_id) & p->filters[i].can_mask) == 0;
    }
    return comes;
}

static int send_now(struct socketcan_port *p, const struct ct_frame *frame, ct_ns now)
{
    struct canfd_frame raw;
    const size_t len = ct_socketcan_from_frame(frame, &raw);
    if (send(p->can_fd, &raw, len, MSG_DONTWAIT) < 0) {
        return write_error(p, errno);
    }
    if (echo_comes(p, raw.can_id)) {
        ct_confirm_sent(&p->confirm, frame, now);
    }
    return CT_OK;
}

ct_ns ct_socketcan_count_unconfirmed(struct socketcan_port *p, ct_ns now)
{
    const ct_ns due = ct_confirm_due(&p->confirm);
    if (now < due) {
        return due;
    }
    /* What waits to be read may be the echo. */
    const ct_ns next = ct_socketcan_unread(p) ? ct_ns_add(now, LOOK_AGAIN) : ct_confirm_tick(&p->confirm, now);
    p->port.stats.unconfirmed = p->confirm.unconfirmed;
    return next;
}

bool ct_socketcan_unconfirmed(const struct ct_port *port, const struct ct_frame *frame)
{
    const struct socketcan_port *p = (const struct socketcan_port *)port;
    return ct_confirm_missing(&p->confirm, frame) && !ct_socketcan_unread(p);
}

static int check_write(const struct socketcan_port *p, const struct ct_frame *frame)
{
    if (!ct_frame_valid(frame) || (frame->flags & CT_FRAME_ERR) != 0) {
        return CT_ERR_ARGUMENT;
    }
    if (p->can_fd < 0) {
        return CT_ERR_DOWN;
    }
    return (frame->flags & CT_FRAME_FD) != 0 && !(p->fd_wanted && p->fd_capable) ? CT_ERR_UNSUPPORTED : CT_OK;
}

static void tell(struct socketcan_port *p, ct_ns now)
{
    p->port.stats.expired = p->queue.expired;
    p->port.stats.queued = p->queue.count;
    p->port.stats.blocked = ct_send_queue_blocked(&p->queue, now);
}

void ct_socketcan_flush(struct socketcan_port *p, ct_ns now)
{
    const struct ct_frame *frame;
    while ((frame = ct_send_queue_next(&p->queue, now)) != NULL) {
        const int err = p->can_fd >= 0 ? send_now(p, frame, now) : CT_ERR_DOWN;
        if (err == CT_OK) {
            ct_send_queue_taken(&p->queue);
        } else {
            ct_send_queue_refused(&p->queue, now);
        }
    }
    tell(p, now);
}

static int send_or_queue(struct socketcan_port *p, const struct ct_frame *frame)
{
    if (p->queue.count > 0) { /* what waits goes first */
        ct_socketcan_flush(p, ct_clock_now());
    }
    if (p->queue.count == 0) {
        const int err = send_now(p, frame, ct_clock_now());
        if (err != CT_ERR_FULL) {
            p->queue.refused_since = err == CT_OK ? CT_NS_NEVER : p->queue.refused_since;
            return err;
        }
        ct_send_queue_refused(&p->queue, ct_clock_now());
    }
    return ct_send_queue_push(&p->queue, frame, ct_ns_add(ct_clock_now(), p->send_patience));
}

int ct_socketcan_write(struct ct_port *port, const struct ct_frame *frame)
{
    struct socketcan_port *p = (struct socketcan_port *)port;
    int err = check_write(p, frame);
    err = err == CT_OK ? send_or_queue(p, frame) : err;
    port->stats.sent += err == CT_OK ? 1 : 0;
    port->stats.refused += err == CT_OK ? 0 : 1;
    port->stats.queued = p->queue.count;
    return err;
}
