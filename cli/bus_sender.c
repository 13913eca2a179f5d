#include "bus_cmd.h"

#include "clock.h"

#include <poll.h>
#include <string.h>

int ct_bus_sender_open(const char *name, struct ct_bus_sender *out_sender)
{
    *out_sender = (struct ct_bus_sender){.port = NULL};
    const int code = ct_bus_open(name, true, &out_sender->port);
    if (code == CT_EXIT_OK) {
        out_sender->confirmed = strncmp(out_sender->port->name, "unix:", 5) == 0;
    }
    return code;
}

int ct_bus_sender_drain(struct ct_bus_sender *sender)
{
    struct ct_frame frames[CT_BUS_BATCH];
    size_t n;
    int err;
    ct_port_tick(sender->port, ct_clock_now());
    while ((err = ct_port_read(sender->port, frames, CT_BUS_BATCH, &n)) == CT_OK) {
        for (size_t i = 0; i < n; i++) {
            sender->accepted += (frames[i].flags & CT_FRAME_SENT) != 0 ? 1 : 0;
        }
    }
    return err == CT_ERR_AGAIN ? CT_OK : err;
}

static void wait_for(const struct ct_bus_sender *sender, short events, ct_ns deadline)
{
    const ct_ns now = ct_clock_now();
    const ct_ns due = ct_ns_min(deadline, ct_port_tick(sender->port, now));
    struct pollfd fd = {.fd = sender->port->fd, .events = events};
    poll(&fd, 1, ct_ns_wait_ms(now, due));
}

static int explain(const struct ct_bus_sender *sender, int err)
{
    const char *name = sender->port->name;
    if (err == CT_ERR_UNSUPPORTED) {
        return ct_bus_fail(CT_EXIT_FAILED, "%s: the bus does not take this kind of frame (CAN FD on a classic bus?)",
                           name);
    }
    if (err == CT_ERR_TIMEOUT) {
        return ct_bus_fail(
            CT_EXIT_FAILED,
            "%s: the bus did not take the frames in time; is a client not reading, or nobody else on the bus?", name);
    }
    return ct_bus_fail(CT_EXIT_FAILED, "%s: sending failed: %s", name, ct_err_text(err));
}

int ct_bus_sender_send(struct ct_bus_sender *sender, const struct ct_frame *frame, double timeout_s)
{
    const ct_ns deadline = ct_clock_now() + (ct_ns)(timeout_s * (double)CT_NS_PER_S);
    int err;
    while ((err = ct_port_write(sender->port, frame)) == CT_ERR_FULL) {
        if (ct_clock_now() >= deadline) {
            return explain(sender, CT_ERR_TIMEOUT);
        }
        wait_for(sender, POLLIN | POLLOUT, deadline);
        err = ct_bus_sender_drain(sender);
        if (err != CT_OK) {
            break;
        }
    }
    if (err != CT_OK) {
        return explain(sender, err);
    }
    sender->sent++;
    return CT_EXIT_OK;
}

/* What was sent is accepted: by the hub that says so, by the interface whose queue is empty. */
static bool is_pending(const struct ct_bus_sender *sender)
{
    return (sender->confirmed && sender->accepted < sender->sent) || sender->port->stats.queued > 0;
}

int ct_bus_sender_finish(struct ct_bus_sender *sender, double timeout_s)
{
    const ct_ns deadline = ct_clock_now() + (ct_ns)(timeout_s * (double)CT_NS_PER_S);
    while (is_pending(sender)) {
        const int err = ct_bus_sender_drain(sender);
        if (err != CT_OK) {
            return explain(sender, err);
        }
        if (is_pending(sender)) {
            if (ct_clock_now() >= deadline) {
                return explain(sender, CT_ERR_TIMEOUT);
            }
            wait_for(sender, POLLIN, deadline);
        }
    }
    return sender->port->stats.expired == 0 ? CT_EXIT_OK : explain(sender, CT_ERR_TIMEOUT);
}

void ct_bus_sender_close(struct ct_bus_sender *sender)
{
    ct_port_close(sender->port);
    sender->port = NULL;
}
