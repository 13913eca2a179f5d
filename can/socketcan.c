#include "socketcan.h"

#include "clock.h"
#include "socketcan_frame.h"
#include "stamp.h"

#include <linux/can/error.h>
#include <linux/can/raw.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH          32
#define CONTROL_SIZE   128
#define RECEIVE_BUFFER (8 << 20)
#define SEND_BUFFER    4608 /* small: then a full interface is EAGAIN and pollable, not ENOBUFS for ever */
#define RETRY          (200 * CT_NS_PER_MS)

struct slot {
    struct canfd_frame frame;
    struct iovec part;
    _Alignas(struct cmsghdr) uint8_t control[CONTROL_SIZE];
};

struct socketcan_port {
    struct ct_port port;
    char interface[IFNAMSIZ];
    bool fd_wanted;
    bool fd_capable; /* the interface's MTU carries FD frames */
    bool own;
    uint32_t dropped; /* the kernel's count, last seen */
    ct_ns last_empty;
    ct_ns retry_at;
    struct slot slots[BATCH];
    struct mmsghdr messages[BATCH];
};

static struct socketcan_port *socketcan_of(struct ct_port *port)
{
    return (struct socketcan_port *)port;
}

static void let_go(struct socketcan_port *p)
{
    if (p->port.fd >= 0) {
        close(p->port.fd);
    }
    p->port.fd = -1;
    p->port.stats.up = false;
    p->dropped = 0;
}

static int64_t take_control(struct socketcan_port *p, struct msghdr *message)
{
    int64_t stamp_utc = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            stamp_utc = (int64_t)stamp.tv_sec * CT_NS_PER_S + stamp.tv_nsec;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t dropped;
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            p->port.stats.lost += (uint32_t)(dropped - p->dropped);
            p->dropped = dropped;
        }
    }
    return stamp_utc;
}

static void prepare(struct socketcan_port *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct slot *slot = &p->slots[i];
        slot->part = (struct iovec){&slot->frame, sizeof slot->frame};
        p->messages[i].msg_hdr = (struct msghdr){.msg_iov = &slot->part,
                                                 .msg_iovlen = 1,
                                                 .msg_control = slot->control,
                                                 .msg_controllen = sizeof slot->control};
    }
}

static size_t take_batch(struct socketcan_port *p, size_t received, struct ct_frame *out_frames)
{
    const ct_ns now = ct_clock_now();
    const int64_t utc_now = ct_clock_utc_now();
    size_t n = 0;
    for (size_t i = 0; i < received; i++) {
        struct mmsghdr *message = &p->messages[i];
        const int64_t stamp = take_control(p, &message->msg_hdr);
        struct ct_frame *frame = &out_frames[n];
        if (ct_socketcan_to_frame(&p->slots[i].frame, message->msg_len, frame) != CT_OK) {
            p->port.stats.malformed++;
            continue;
        }
        frame->t_ns = ct_stamp_boot(stamp, utc_now, now, p->last_empty);
        frame->utc_ns = stamp != 0 ? stamp : utc_now;
        /* MSG_CONFIRM: sent by this very socket. */
        frame->flags |= (message->msg_hdr.msg_flags & MSG_CONFIRM) != 0 ? CT_FRAME_SENT : 0;
        n++;
    }
    return n;
}

static int read_error(struct socketcan_port *p, int errnum)
{
    if (errnum == EAGAIN || errnum == EINTR) {
        p->last_empty = ct_clock_now();
        return p->port.stats.up ? CT_ERR_AGAIN : CT_ERR_DOWN;
    }
    if (errnum == ENETDOWN) {
        p->port.stats.up = false;
        return CT_ERR_DOWN;
    }
    if (errnum == ENODEV || errnum == ENXIO) {
        let_go(p); /* this socket would stay silent even when an interface of the name comes back */
        return CT_ERR_DOWN;
    }
    return ct_err_from_errno(errnum);
}

static int socketcan_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct socketcan_port *p = socketcan_of(port);
    size_t n = 0;
    int err = p->port.fd >= 0 ? CT_OK : CT_ERR_DOWN;
    while (err == CT_OK && n < max) {
        const size_t want = max - n < BATCH ? max - n : BATCH;
        prepare(p, want);
        const int received = recvmmsg(p->port.fd, p->messages, (unsigned)want, MSG_DONTWAIT, NULL);
        if (received < 0) {
            err = read_error(p, errno);
        } else {
            p->port.stats.up = true;
            n += take_batch(p, (size_t)received, out_frames + n);
        }
    }
    *out_count = n;
    port->stats.received += n;
    return n > 0 ? CT_OK : err;
}

static int write_error(struct socketcan_port *p, int errnum)
{
    if (errnum == EAGAIN || errnum == ENOBUFS || errnum == EINTR) {
        return CT_ERR_FULL;
    }
    if (errnum == ENETDOWN) {
        p->port.stats.up = false;
        return CT_ERR_DOWN;
    }
    if (errnum == ENXIO || errnum == ENODEV) {
        let_go(p);
        return CT_ERR_DOWN;
    }
    return ct_err_from_errno(errnum);
}

static int check_write(const struct socketcan_port *p, const struct ct_frame *frame)
{
    if (!ct_frame_valid(frame) || (frame->flags & CT_FRAME_ERR) != 0) {
        return CT_ERR_ARGUMENT;
    }
    if (p->port.fd < 0) {
        return CT_ERR_DOWN;
    }
    return (frame->flags & CT_FRAME_FD) != 0 && !(p->fd_wanted && p->fd_capable) ? CT_ERR_UNSUPPORTED : CT_OK;
}

static int socketcan_write(struct ct_port *port, const struct ct_frame *frame)
{
    struct socketcan_port *p = socketcan_of(port);
    int err = check_write(p, frame);
    if (err == CT_OK) {
        struct canfd_frame raw;
        const size_t len = ct_socketcan_from_frame(frame, &raw);
        if (send(p->port.fd, &raw, len, MSG_DONTWAIT) < 0) {
            err = write_error(p, errno);
        } else {
            p->port.stats.up = true;
        }
    }
    port->stats.sent += err == CT_OK ? 1 : 0;
    port->stats.refused += err == CT_OK ? 0 : 1;
    return err;
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int configure(struct socketcan_port *p, int fd)
{
    const can_err_mask_t errors = CAN_ERR_MASK & ~(can_err_mask_t)CAN_ERR_BUSERROR;
    if (set_option(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER) < 0 &&
        set_option(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER) < 0) {
        return -1;
    }
    if (set_option(fd, SOL_SOCKET, SO_SNDBUF, SEND_BUFFER) < 0 || set_option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) < 0 ||
        set_option(fd, SOL_SOCKET, SO_RXQ_OVFL, 1) < 0 ||
        setsockopt(fd, SOL_CAN_RAW, CAN_RAW_ERR_FILTER, &errors, sizeof errors) < 0) {
        return -1;
    }
    if (p->fd_wanted && set_option(fd, SOL_CAN_RAW, CAN_RAW_FD_FRAMES, 1) < 0) {
        return -1;
    }
    return p->own ? set_option(fd, SOL_CAN_RAW, CAN_RAW_RECV_OWN_MSGS, 1) : 0;
}

static bool fd_capable(int fd, const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu >= (int)CANFD_MTU;
}

static bool is_up(int fd, const char *interface)
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    return ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
}

/* Opens and binds; the errno of what failed, 0 when it worked. */
static int bind_now(struct socketcan_port *p)
{
    const int fd = socket(PF_CAN, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, CAN_RAW);
    if (fd < 0) {
        return errno;
    }
    struct sockaddr_can address = {.can_family = AF_CAN, .can_ifindex = (int)if_nametoindex(p->interface)};
    /* Index 0 would bind every interface. */
    if (address.can_ifindex == 0 || configure(p, fd) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        const int errnum = address.can_ifindex == 0 ? ENODEV : errno;
        close(fd);
        return errnum;
    }
    p->port.fd = fd;
    p->fd_capable = fd_capable(fd, p->interface);
    p->port.stats.up = is_up(fd, p->interface);
    p->last_empty = ct_clock_now();
    return 0;
}

static ct_ns socketcan_tick(struct ct_port *port, ct_ns now)
{
    struct socketcan_port *p = socketcan_of(port);
    if (p->port.fd >= 0 && p->port.stats.up) {
        return CT_NS_NEVER;
    }
    if (now >= p->retry_at) {
        p->retry_at = ct_ns_add(now, RETRY);
        if (p->port.fd >= 0) {
            p->port.stats.up = is_up(p->port.fd, p->interface);
        } else {
            (void)bind_now(p);
        }
    }
    return p->port.stats.up ? CT_NS_NEVER : p->retry_at;
}

static void socketcan_close(struct ct_port *port)
{
    let_go(socketcan_of(port));
    free(port);
}

static const struct ct_port_ops socketcan_ops = {
    .read = socketcan_read,
    .write = socketcan_write,
    .tick = socketcan_tick,
    .close = socketcan_close,
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

int ct_socketcan_open(const char *interface, bool fd, bool own, bool wait, struct ct_port **out_port, char *problem,
                      size_t problem_size)
{
    if (interface[0] == '\0' || strlen(interface) >= IFNAMSIZ) {
        snprintf(problem, problem_size, "%s: error: an interface name has 1 to %d characters", interface, IFNAMSIZ - 1);
        return CT_ERR_ARGUMENT;
    }
    struct socketcan_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        snprintf(problem, problem_size, "%s: error: out of memory", interface);
        return CT_ERR_NO_MEMORY;
    }
    p->port.ops = &socketcan_ops;
    p->port.fd = -1;
    p->fd_wanted = fd;
    p->own = own;
    snprintf(p->port.name, sizeof p->port.name, "%s", interface);
    snprintf(p->interface, sizeof p->interface, "%s", interface);
    const int errnum = bind_now(p);
    if (errnum != 0 && !(wait && errnum == ENODEV)) {
        free(p);
        return explain(interface, errnum, problem, problem_size);
    }
    *out_port = &p->port;
    return CT_OK;
}
