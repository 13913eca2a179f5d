#include "udp_port.h"

#include "clock.h"
#include "stamp.h"
#include "udp_codec.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define RECEIVE_BUFFER (4 << 20)
#define DATAGRAM_MAX   4096

struct udp_port {
    struct ct_port port;
    int out; /* sends from a port number of its own, by which our frames are known when they come back */
    struct sockaddr_in group;
    struct sockaddr_in source;
    bool own;
    uint32_t dropped; /* the kernel's count, last seen */
    struct ct_stamp_clock clock;
};

struct received {
    ssize_t len;
    struct sockaddr_in from;
    int64_t stamp_utc;
    uint8_t data[DATAGRAM_MAX];
};

static struct udp_port *udp_of(struct ct_port *port)
{
    return (struct udp_port *)port;
}

static void take_control(struct udp_port *p, struct msghdr *message, struct received *r)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec stamp;
            memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
            r->stamp_utc = (int64_t)stamp.tv_sec * CT_NS_PER_S + stamp.tv_nsec;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t dropped;
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            p->port.stats.lost += (uint32_t)(dropped - p->dropped);
            p->dropped = dropped;
        }
    }
}

static int receive(struct udp_port *p, struct received *r)
{
    _Alignas(struct cmsghdr) uint8_t control[128];
    struct iovec part = {r->data, sizeof r->data};
    struct msghdr message = {.msg_name = &r->from,
                             .msg_namelen = sizeof r->from,
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    do {
        r->len = recvmsg(p->port.fd, &message, MSG_DONTWAIT);
    } while (r->len < 0 && errno == EINTR);
    if (r->len < 0) {
        return ct_err_from_errno(errno);
    }
    r->stamp_utc = 0;
    take_control(p, &message, r);
    return CT_OK;
}

static bool is_own(const struct udp_port *p, const struct received *r)
{
    return r->from.sin_port == p->source.sin_port && r->from.sin_addr.s_addr == p->source.sin_addr.s_addr;
}

/* True when the datagram is a frame for the reader. */
static bool to_frame(struct udp_port *p, const struct received *r, struct ct_frame *out_frame)
{
    const bool own = is_own(p, r);
    if (own && !p->own) {
        return false;
    }
    if (ct_udp_decode(r->data, (size_t)r->len, out_frame) != CT_OK) {
        p->port.stats.malformed++;
        return false;
    }
    const ct_ns now = ct_clock_now();
    const int64_t utc_now = ct_clock_utc_now();
    out_frame->utc_ns = r->stamp_utc != 0 ? r->stamp_utc : utc_now;
    out_frame->t_ns = ct_stamp_boot(&p->clock, r->stamp_utc, utc_now, now);
    ct_stamp_batch_end(&p->clock, utc_now, now, false);
    out_frame->flags |= own ? CT_FRAME_SENT : 0;
    return true;
}

static int udp_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct udp_port *p = udp_of(port);
    struct received r;
    size_t n = 0;
    int err = CT_OK;
    while (n < max) {
        err = receive(p, &r);
        if (err != CT_OK) {
            break;
        }
        if (to_frame(p, &r, &out_frames[n])) {
            n++;
        }
    }
    if (err == CT_ERR_AGAIN) {
        ct_stamp_batch_end(&p->clock, ct_clock_utc_now(), ct_clock_now(), true);
    }
    *out_count = n;
    port->stats.received += n;
    return n > 0 ? CT_OK : err;
}

static int udp_write(struct ct_port *port, const struct ct_frame *frame)
{
    struct udp_port *p = udp_of(port);
    uint8_t data[CT_UDP_FRAME_MAX];
    if (!ct_frame_valid(frame)) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_frame stamped = *frame;
    stamped.utc_ns = stamped.utc_ns != 0 ? stamped.utc_ns : ct_clock_utc_now();
    const size_t len = ct_udp_encode(&stamped, data);
    if (sendto(p->out, data, len, MSG_DONTWAIT, (const struct sockaddr *)&p->group, sizeof p->group) < 0) {
        port->stats.refused++;
        return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? CT_ERR_FULL : ct_err_from_errno(errno);
    }
    port->stats.sent++;
    return CT_OK;
}

static void udp_close(struct ct_port *port)
{
    struct udp_port *p = udp_of(port);
    if (p->port.fd >= 0) {
        close(p->port.fd);
    }
    if (p->out >= 0) {
        close(p->out);
    }
    free(p);
}

static const struct ct_port_ops udp_ops = {
    .read = udp_read,
    .write = udp_write,
    .close = udp_close,
};

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value);
}

static int open_receiver(struct udp_port *p)
{
    const struct ip_mreqn membership = {.imr_multiaddr = p->group.sin_addr,
                                        .imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    p->port.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    /* Both reuse options, as python-can sets them: every user of the group binds the same port. Less buffer than asked
     * for is no error, the drop count will tell. */
    if (p->port.fd < 0 || set_option(p->port.fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0 ||
        set_option(p->port.fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0 ||
        set_option(p->port.fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER) < 0 ||
        set_option(p->port.fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) < 0 ||
        set_option(p->port.fd, SOL_SOCKET, SO_RXQ_OVFL, 1) < 0 ||
        set_option(p->port.fd, IPPROTO_IP, IP_MULTICAST_ALL, 0) < 0 ||
        bind(p->port.fd, (const struct sockaddr *)&p->group, sizeof p->group) < 0 ||
        setsockopt(p->port.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &membership, sizeof membership) < 0) {
        return -1;
    }
    return 0;
}

static int open_sender(struct udp_port *p)
{
    const struct ip_mreqn interface = {.imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof p->source;
    p->source = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    p->out = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->out < 0 || setsockopt(p->out, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface) < 0 ||
        set_option(p->out, IPPROTO_IP, IP_MULTICAST_TTL, 0) < 0 ||
        set_option(p->out, IPPROTO_IP, IP_MULTICAST_LOOP, 1) < 0 ||
        bind(p->out, (const struct sockaddr *)&p->source, sizeof p->source) < 0 ||
        getsockname(p->out, (struct sockaddr *)&p->source, &len) < 0) {
        return -1;
    }
    return 0;
}

static bool parse_group(const char *group, struct sockaddr_in *out_address)
{
    char text[64];
    const char *wanted = group != NULL && group[0] != '\0' ? group : CT_UDP_GROUP_DEFAULT;
    const size_t address_len = strcspn(wanted, ":");
    unsigned long number = CT_UDP_PORT_DEFAULT;
    if (address_len >= sizeof text) {
        return false;
    }
    memcpy(text, wanted, address_len);
    text[address_len] = '\0';
    if (wanted[address_len] == ':') {
        char *end;
        number = strtoul(wanted + address_len + 1, &end, 10);
        if (end == wanted + address_len + 1 || *end != '\0') {
            return false;
        }
    }
    *out_address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)number)};
    return number > 0 && number <= UINT16_MAX && inet_pton(AF_INET, text, &out_address->sin_addr) == 1 &&
           IN_MULTICAST(ntohl(out_address->sin_addr.s_addr));
}

int ct_udp_port_open(const char *group, bool own, struct ct_port **out_port, char *problem, size_t problem_size)
{
    struct sockaddr_in address;
    const char *shown = group != NULL ? group : "";
    if (!parse_group(group, &address)) {
        snprintf(problem, problem_size,
                 "udp:%s: error: not a multicast address; use 224.0.0.0 to 239.255.255.255, as in udp:%s or udp:%s:%d",
                 shown, CT_UDP_GROUP_DEFAULT, CT_UDP_GROUP_DEFAULT, CT_UDP_PORT_DEFAULT);
        return CT_ERR_ARGUMENT;
    }
    struct udp_port *p = calloc(1, sizeof *p);
    if (p == NULL) {
        snprintf(problem, problem_size, "udp:%s: error: out of memory", shown);
        return CT_ERR_NO_MEMORY;
    }
    *p = (struct udp_port){.port = {.ops = &udp_ops, .fd = -1}, .out = -1, .group = address, .own = own};
    snprintf(p->port.name, sizeof p->port.name, "udp:%s", shown);
    if (open_receiver(p) < 0 || open_sender(p) < 0) {
        const int err = ct_err_from_errno(errno);
        snprintf(problem, problem_size, "udp:%s: error: cannot join the group on the loopback interface: %s; is lo up?",
                 shown, strerror(errno));
        udp_close(&p->port);
        return err;
    }
    ct_stamp_batch_end(&p->clock, ct_clock_utc_now(), ct_clock_now(), true);
    p->port.stats.up = true;
    *out_port = &p->port;
    return CT_OK;
}
