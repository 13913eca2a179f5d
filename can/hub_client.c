/* The hub's client as a port. */
#include "hub.h"
#include "hub_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define RETRY_FIRST (50 * CT_NS_PER_MS)
#define RETRY_MAX   CT_NS_PER_S
#define PACKETS_MAX 8 /* taken in one call */

struct hub_port {
    struct ct_port port;
    struct sockaddr_un address;
    char client[CT_HUB_NAME_MAX];
    bool own;
    bool broken;      /* a write found the hub gone; what it had sent can still be read */
    bool retry_known; /* retry_at is set: the first tick after a loss sets it, for time comes only with the tick */
    ct_ns retry_at;
    ct_ns retry_delay;
    struct mmsghdr messages[PACKETS_MAX]; /* packets received in one call */
    size_t packet_count, packet_next;     /* so many, the next to be looked at */
    const uint8_t *packet;                /* the one being read, */
    size_t packet_len;
    size_t packet_at;     /* up to here, */
    unsigned packet_left; /* with so many frames left in it */
    struct iovec parts[PACKETS_MAX];
    uint8_t packets[PACKETS_MAX][CT_HUB_PACKET_MAX];
};

static struct hub_port *hub_of(struct ct_port *port)
{
    return (struct hub_port *)port;
}

static void disconnect(struct hub_port *h)
{
    if (h->port.fd >= 0) {
        close(h->port.fd);
    }
    h->port.fd = -1;
    h->port.stats.up = false;
    h->retry_known = false;
}

static int say_hello(int fd, const struct hub_port *h)
{
    uint8_t packet[CT_HUB_HEAD + CT_HUB_NAME_MAX];
    const size_t name_len = strlen(h->client);
    ct_hub_put_head(packet, CT_HUB_HELLO, 0, h->own ? CT_HUB_OPTION_OWN : 0U);
    memcpy(packet + CT_HUB_HEAD, h->client, name_len);
    if (send(fd, packet, CT_HUB_HEAD + name_len, MSG_NOSIGNAL) < 0) {
        return ct_err_from_errno(errno);
    }
    return CT_OK;
}

static int connect_now(struct hub_port *h)
{
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ct_err_from_errno(errno);
    }
    int err = CT_OK;
    if (connect(fd, (const struct sockaddr *)&h->address, sizeof h->address) < 0) {
        err = errno == ECONNREFUSED ? CT_ERR_DOWN : ct_err_from_errno(errno);
    } else {
        err = say_hello(fd, h);
    }
    if (err != CT_OK) {
        close(fd);
        return err;
    }
    h->port.fd = fd;
    h->packet_left = 0;
    h->packet_count = 0;
    h->packet_next = 0;
    h->broken = false;
    return CT_OK;
}

/* Takes the next packet received; false when it is not what a hub of this version says. */
static bool packet_fits(struct hub_port *h)
{
    h->packet = h->packets[h->packet_next];
    h->packet_len = h->messages[h->packet_next].msg_len;
    h->packet_next++;
    if (h->packet_len < CT_HUB_HEAD || h->packet[2] != CT_HUB_VERSION) {
        return false;
    }
    h->packet_at = CT_HUB_HEAD;
    h->packet_left = 0;
    if (h->packet[0] == CT_HUB_WELCOME) {
        h->port.stats.up = !h->broken;
        h->retry_delay = RETRY_FIRST;
        return true;
    }
    if (h->packet[0] != CT_HUB_FRAMES) {
        return false;
    }
    h->packet_left = h->packet[1];
    return true;
}

static int receive_packets(struct hub_port *h)
{
    for (;;) {
        const int n = recvmmsg(h->port.fd, h->messages, PACKETS_MAX, MSG_DONTWAIT, NULL);
        if (n > 0) {
            h->packet_count = (size_t)n;
            h->packet_next = 0;
            return CT_OK;
        }
        if (n < 0 && errno == EAGAIN) {
            return CT_ERR_AGAIN;
        }
        /* A hub that dies with unread packets shows as a reset before the frames it had sent can be read. */
        if (n < 0 && (errno == EINTR || errno == ECONNRESET)) {
            continue;
        }
        disconnect(h);
        return CT_ERR_DOWN;
    }
}

/* The next packet with frames in it, if there is one. */
static int next_packet(struct hub_port *h)
{
    if (h->port.fd < 0) {
        return CT_ERR_DOWN;
    }
    if (h->packet_next == h->packet_count) {
        /* Less than a call can bring was all there was. */
        const bool all = h->packet_count > 0 && h->packet_count < PACKETS_MAX;
        h->packet_count = 0;
        h->packet_next = 0;
        const int err = all ? CT_ERR_AGAIN : receive_packets(h);
        if (err != CT_OK) {
            return err;
        }
    }
    if (!packet_fits(h)) {
        h->port.stats.malformed += h->packet_len > 0 ? 1 : 0; /* empty: the hub has gone */
        disconnect(h);
        return CT_ERR_DOWN;
    }
    return CT_OK;
}

static size_t unpack(struct hub_port *h, struct ct_frame *out_frames, size_t max)
{
    size_t n = 0;
    while (n < max && h->packet_left > 0) {
        if (ct_hub_get_frame(h->packet, h->packet_len, &h->packet_at, &out_frames[n]) != CT_OK) {
            h->port.stats.malformed++;
            h->packet_left = 0;
            break;
        }
        h->packet_left--;
        n++;
    }
    return n;
}

static int hub_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct hub_port *h = hub_of(port);
    size_t n = 0;
    int err = CT_OK;
    for (;;) {
        n += unpack(h, out_frames + n, max - n);
        if (n == max) {
            break;
        }
        err = next_packet(h);
        if (err != CT_OK) {
            break;
        }
    }
    *out_count = n;
    port->stats.received += n;
    return n > 0 ? CT_OK : err;
}

static int write_error(struct hub_port *h, int errnum)
{
    if (errnum == EAGAIN || errnum == ENOBUFS || errnum == EINTR) {
        return CT_ERR_FULL;
    }
    h->port.stats.up = false;
    h->broken = true;
    return CT_ERR_DOWN;
}

static int hub_write(struct ct_port *port, const struct ct_frame *frame)
{
    struct hub_port *h = hub_of(port);
    if (!ct_frame_valid(frame)) {
        return CT_ERR_ARGUMENT;
    }
    int err = CT_ERR_DOWN;
    if (port->fd >= 0 && !h->broken) {
        uint8_t packet[CT_HUB_HEAD + CT_HUB_RECORD_HEAD + CT_FRAME_DATA_MAX];
        struct ct_frame plain = *frame;
        plain.flags = (uint16_t)(plain.flags & ~CT_FRAME_SENT);
        ct_hub_put_head(packet, CT_HUB_FRAMES, 1, 0);
        const size_t len = ct_hub_put_frame(packet, CT_HUB_HEAD, &plain);
        err = send(port->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? CT_OK : write_error(h, errno);
    }
    port->stats.sent += err == CT_OK ? 1 : 0;
    port->stats.refused += err == CT_OK ? 0 : 1;
    return err;
}

static ct_ns hub_tick(struct ct_port *port, ct_ns now)
{
    struct hub_port *h = hub_of(port);
    if (h->packet_left > 0 || (port->fd >= 0 && h->packet_next < h->packet_count)) {
        return now;
    }
    if (port->fd >= 0) {
        return CT_NS_NEVER;
    }
    if (h->retry_known && now >= h->retry_at) {
        if (connect_now(h) == CT_OK) {
            return CT_NS_NEVER;
        }
        h->retry_known = false;
        h->retry_delay = ct_ns_min(2 * h->retry_delay, RETRY_MAX);
    }
    if (!h->retry_known) {
        h->retry_known = true;
        h->retry_at = ct_ns_add(now, h->retry_delay);
    }
    return h->retry_at;
}

static void hub_port_close(struct ct_port *port)
{
    disconnect(hub_of(port));
    free(port);
}

static const struct ct_port_ops hub_port_ops = {
    .read = hub_read,
    .write = hub_write,
    .tick = hub_tick,
    .close = hub_port_close,
};

static void explain(int err, const char *path, char *problem, size_t problem_size)
{
    if (err == CT_ERR_NOT_FOUND || err == CT_ERR_DOWN) {
        snprintf(problem, problem_size, "unix:%s: error: no hub listens there; start one with `cantwin bus serve %s`",
                 path, path);
    } else {
        snprintf(problem, problem_size, "unix:%s: error: cannot connect to the hub: %s", path, ct_err_text(err));
    }
}

int ct_hub_port_open(const char *path, const char *client, bool own, bool wait, struct ct_port **out_port,
                     char *problem, size_t problem_size)
{
    struct hub_port *h = calloc(1, sizeof *h);
    if (h == NULL) {
        snprintf(problem, problem_size, "unix:%s: error: out of memory", path);
        return CT_ERR_NO_MEMORY;
    }
    if (path[0] == '\0' || strlen(path) >= sizeof h->address.sun_path) {
        snprintf(problem, problem_size, "unix:%s: error: a socket path has 1 to %zu characters", path,
                 sizeof h->address.sun_path - 1);
        free(h);
        return CT_ERR_ARGUMENT;
    }
    h->port.ops = &hub_port_ops;
    h->port.fd = -1;
    for (size_t i = 0; i < PACKETS_MAX; i++) {
        h->parts[i] = (struct iovec){h->packets[i], CT_HUB_PACKET_MAX};
        h->messages[i].msg_hdr = (struct msghdr){.msg_iov = &h->parts[i], .msg_iovlen = 1};
    }
    h->address.sun_family = AF_UNIX;
    memcpy(h->address.sun_path, path, strlen(path) + 1);
    snprintf(h->port.name, sizeof h->port.name, "unix:%.58s", path);
    snprintf(h->client, sizeof h->client, "%s", client != NULL ? client : "client");
    h->own = own;
    h->retry_delay = RETRY_FIRST;
    const int err = connect_now(h);
    if (err != CT_OK && !(wait && (err == CT_ERR_NOT_FOUND || err == CT_ERR_DOWN || err == CT_ERR_AGAIN))) {
        explain(err, path, problem, problem_size);
        free(h);
        return err;
    }
    *out_port = &h->port;
    return CT_OK;
}
