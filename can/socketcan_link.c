#include "socketcan_private.h"

#include <linux/rtnetlink.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define DATAGRAM_MAX 16384

/* Without it (a sandbox may forbid it) the port looks for its interface by time. */
void ct_socketcan_link_open(struct socketcan_port *p)
{
    const struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK};
    struct epoll_event event = {.events = EPOLLIN};
    p->link_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (p->link_fd >= 0 && (bind(p->link_fd, (const struct sockaddr *)&address, sizeof address) < 0 ||
                            epoll_ctl(p->port.fd, EPOLL_CTL_ADD, p->link_fd, &event) < 0)) {
        close(p->link_fd);
        p->link_fd = -1;
    }
}

void ct_socketcan_link_ask(const struct socketcan_port *p)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg info;
    } request = {.head = {.nlmsg_len = sizeof request, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
                 .info = {.ifi_family = AF_UNSPEC, .ifi_index = p->index}};
    if (p->link_fd >= 0 && p->index > 0) {
        (void)send(p->link_fd, &request, sizeof request, MSG_DONTWAIT);
    }
}

static void take_state(struct ct_port_link *link, const struct ct_link_message *m)
{
    link->bitrate = m->bitrate != 0 ? m->bitrate : link->bitrate;
    link->data_bitrate = m->data_bitrate != 0 ? m->data_bitrate : link->data_bitrate;
    link->has_restart = m->has_restart;
    link->restart_ms = m->restart_ms;
    if (!m->has_state) {
        return;
    }
    /* Told also when it is what was told last: error frames may have said something else meanwhile. */
    link->has_state = true;
    link->state = m->state;
    link->has_counters = m->has_counters;
    link->tx_errors = m->has_counters ? m->tx_errors : 0;
    link->rx_errors = m->has_counters ? m->rx_errors : 0;
    link->revision++;
}

static void take_lost(struct socketcan_port *p, const struct ct_link_message *m)
{
    if (m->has_lost) {
        p->port.stats.lost += ct_loss_count_take(&p->link_lost, m->lost);
    }
}

/* The name leads to another interface now, or to none: ours was deleted and made again, or renamed. */
static bool moved(const struct socketcan_port *p)
{
    return (int)if_nametoindex(p->interface) != p->index;
}

static void take_message(struct socketcan_port *p, const struct ct_link_message *m)
{
    const bool ours = p->index > 0 && m->index == p->index;
    const bool named = strcmp(m->name, p->interface) == 0;
    /* Our interface under another name may still have ours as an alternative one; a message may be old news. */
    if (m->gone ? ours : ours != named && moved(p)) {
        ct_socketcan_set_gone(p);
    } else if (ours && !p->gone) {
        ct_socketcan_set_up(p, m->up);
        p->fd_capable = m->mtu != 0 ? m->mtu >= CANFD_MTU : p->fd_capable;
        take_state(&p->port.link, m);
        take_lost(p, m);
    }
}

void ct_socketcan_link_read(struct socketcan_port *p)
{
    uint8_t data[DATAGRAM_MAX];
    struct sockaddr_nl from = {0};
    socklen_t from_size = sizeof from;
    ssize_t len;
    while (p->link_fd >= 0 &&
           (len = recvfrom(p->link_fd, data, sizeof data, MSG_DONTWAIT, (struct sockaddr *)&from, &from_size)) != 0) {
        if (len < 0 && errno == ENOBUFS) { /* messages were lost: see how things are now */
            p->retry_at = 0;
            ct_socketcan_link_ask(p);
            continue;
        }
        if (len < 0) {
            return;
        }
        if (from.nl_pid != 0) { /* another program's, not the kernel's */
            continue;
        }
        struct ct_link_message message;
        size_t offset = 0;
        while (ct_link_message_next(data, (size_t)len, &offset, &message) == CT_OK) {
            take_message(p, &message);
        }
    }
}
