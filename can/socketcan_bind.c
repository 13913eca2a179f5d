#include "clock.h"
#include "socketcan_private.h"

#include <linux/can/error.h>
#include <linux/net_tstamp.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SEND_BUFFER 4608 /* small: then a full interface is EAGAIN and pollable, not ENOBUFS for ever */

/* What drivers send once per faulty bit time; state changes come without these. */
#define BUS_ERRORS ((can_err_mask_t)(CAN_ERR_PROT | CAN_ERR_ACK | CAN_ERR_BUSERROR | CAN_ERR_LOSTARB))

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int set_error_filter(int fd, bool mute)
{
    const can_err_mask_t errors = mute ? CAN_ERR_MASK & ~BUS_ERRORS : CAN_ERR_MASK;
    return setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors);
}

int ct_socketcan_mute_bus_errors(struct socketcan_port *p, bool mute)
{
    p->flood_muted = mute;
    return p->can_fd >= 0 ? set_error_filter(p->can_fd, mute) : 0;
}

int ct_socketcan_apply_filters(const struct socketcan_port *p, int fd)
{
    static const struct can_filter everything = {0, 0};
    const struct can_filter *filters = p->filter_count > 0 ? p->filters : &everything;
    const size_t count = p->filter_count > 0 ? p->filter_count : 1;
    return setsockopt(fd, SOL_CAN_RAW, CAN_RAW_FILTER, filters, (socklen_t)(count * sizeof *filters));
}

/* A kernel that gives less says so only when asked. */
static void ask_for_buffer(struct socketcan_port *p, int fd)
{
    int got = 0;
    socklen_t size = sizeof got;
    if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, CT_SOCKETCAN_RECEIVE_BUFFER) < 0) {
        (void)set_option(fd, SOL_SOCKET, SO_RCVBUF, CT_SOCKETCAN_RECEIVE_BUFFER);
    }
    p->port.notice[0] = '\0';
    /* The kernel doubles the number for its own needs. */
    if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &got, &size) == 0 && got / 2 < CT_SOCKETCAN_RECEIVE_BUFFER) {
        snprintf(p->port.notice, sizeof p->port.notice,
                 "the receive buffer is %d KiB instead of %d KiB and may overflow under load; set net.core.rmem_max=%d",
                 got / 2 / 1024, CT_SOCKETCAN_RECEIVE_BUFFER / 1024, 2 * CT_SOCKETCAN_RECEIVE_BUFFER);
    }
}

static int configure(struct socketcan_port *p, int fd)
{
    const int stamps = SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE;
    ask_for_buffer(p, fd);
    if (set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER) < 0 ||
        set_option(fd, SOL_SOCKET, SO_TIMESTAMPING, stamps) < 0 || set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) < 0 ||
        set_option(fd, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, 1) < 0 || set_error_filter(fd, p->flood_muted) < 0) {
        return -1;
    }
    if (p->fd_wanted && set_option(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1) < 0) {
        return -1;
    }
    return ct_socketcan_apply_filters(p, fd);
}

static bool fd_capable(int fd, const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu >= (int)CANFD_MTU;
}

void ct_socketcan_set_up(struct socketcan_port *p, bool up)
{
    p->port.stats.outages += p->port.stats.up && !up ? 1 : 0;
    p->port.stats.up = up;
}

void ct_socketcan_set_gone(struct socketcan_port *p)
{
    p->gone = true;
    p->retry_at = 0;
    ct_socketcan_set_up(p, false);
}

void ct_socketcan_look_up(struct socketcan_port *p)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", p->interface);
    ct_socketcan_set_up(p, p->can_fd >= 0 && !p->gone && ioctl(p->can_fd, SIOCGIFFLAGS, &request) == 0 &&
                               (request.ifr_flags & IFF_UP) != 0);
}

void ct_socketcan_let_go(struct socketcan_port *p)
{
    if (p->can_fd >= 0) {
        close(p->can_fd);
    }
    p->can_fd = -1;
    p->index = 0;
    p->gone = false;
    ct_socketcan_set_up(p, false);
    p->dropped = 0;
    ct_loss_count_forget(&p->link_lost);
}

static int watch(const struct socketcan_port *p, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(p->port.fd, EPOLL_CTL_ADD, fd, &event);
}

int ct_socketcan_bind(struct socketcan_port *p)
{
    const int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    if (fd < 0) {
        return errno;
    }
    const struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(p->interface)};
    /* Index 0 would bind every interface. */
    if (address.can_ifindex == 0 || configure(p, fd) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0 || watch(p, fd) < 0) {
        const int errnum = address.can_ifindex == 0 ? ENODEV : errno;
        close(fd);
        return errnum;
    }
    p->can_fd = fd;
    p->index = address.can_ifindex;
    p->fd_capable = fd_capable(fd, p->interface);
    ct_socketcan_look_up(p);
    ct_stamp_batch_end(&p->clock, ct_clock_utc_now(), ct_clock_now(), true);
    ct_socketcan_link_ask(p);
    return 0;
}

void ct_socketcan_follow(struct socketcan_port *p)
{
    ct_socketcan_count_dropped(p);
    ct_socketcan_let_go(p);
    (void)ct_socketcan_bind(p);
}
