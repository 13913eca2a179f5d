/* The hub: one ring of accepted frames, and a place in it for each client. */
#include "hub.h"
#include "hub_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CAPACITY_DEFAULT    4096
#define STUCK_LIMIT_DEFAULT (10 * CT_NS_PER_S)
#define PACKETS_PER_TURN    16 /* read from one client before the next has its turn */

struct hub_frame {
    struct ct_frame frame;
    uint64_t sender; /* serial number of the client */
};

struct hub_client {
    int fd; /* -1: free */
    bool hello;
    bool own;
    bool out_dead; /* cannot be written any more, may still have frames to read */
    bool want_out; /* the socket is full */
    uint32_t interest;
    uint64_t serial;
    uint64_t next; /* first frame not yet handed to the client */
    ct_ns stuck_since;
    char name[CT_HUB_NAME_MAX];
};

struct ct_hub {
    int listener;
    int epoll;
    struct sockaddr_un address;
    ct_ns stuck_limit;
    size_t capacity;
    uint64_t head; /* frames accepted since open; frame n lies in ring[n % capacity] */
    uint64_t serials;
    struct ct_hub_stats stats;
    struct hub_client clients[CT_HUB_CLIENTS_MAX];
    char evicted_name[CT_HUB_NAME_MAX];
    struct hub_frame ring[];
};

static void client_drop(struct ct_hub *hub, struct hub_client *client)
{
    close(client->fd);
    *client = (struct hub_client){.fd = -1};
    hub->stats.clients--;
}

static bool client_receives(const struct hub_client *client)
{
    return client->fd >= 0 && client->hello && !client->out_dead;
}

static uint64_t oldest_needed(const struct ct_hub *hub)
{
    uint64_t oldest = hub->head;
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        const struct hub_client *client = &hub->clients[i];
        if (client_receives(client) && client->next < oldest) {
            oldest = client->next;
        }
    }
    return oldest;
}

/* Room for one more packet of any size. */
static bool has_room(const struct ct_hub *hub)
{
    return hub->head - oldest_needed(hub) + CT_HUB_BATCH <= hub->capacity;
}

static void client_watch(struct ct_hub *hub, struct hub_client *client)
{
    uint32_t interest = 0;
    interest |= hub->stats.blocked ? 0U : (uint32_t)EPOLLIN;
    interest |= client->want_out && !client->out_dead ? (uint32_t)EPOLLOUT : 0U;
    if (interest == client->interest) {
        return;
    }
    /* Without any interest epoll would still report a hang-up, for ever: take the socket out. */
    const int op = interest == 0 ? EPOLL_CTL_DEL : client->interest == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    struct epoll_event event = {.events = interest, .data.ptr = client};
    if (epoll_ctl(hub->epoll, op, client->fd, &event) < 0) {
        client_drop(hub, client);
        return;
    }
    client->interest = interest;
}

static void accept_one(struct ct_hub *hub, int fd)
{
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        struct hub_client *client = &hub->clients[i];
        if (client->fd < 0) {
            *client = (struct hub_client){.fd = fd, .serial = ++hub->serials, .stuck_since = CT_NS_NEVER};
            hub->stats.clients++;
            return;
        }
    }
    hub->stats.refused++;
    close(fd);
}

static void accept_all(struct ct_hub *hub)
{
    for (;;) {
        const int fd = accept4(hub->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(hub, fd);
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return;
        }
    }
}

static bool take_hello(struct ct_hub *hub, struct hub_client *client, const uint8_t *packet, size_t len)
{
    const size_t name_len = len - CT_HUB_HEAD;
    uint8_t welcome[CT_HUB_HEAD];
    if (client->hello || name_len >= sizeof client->name) {
        return false;
    }
    memcpy(client->name, packet + CT_HUB_HEAD, name_len);
    client->own = (packet[3] & CT_HUB_OPTION_OWN) != 0;
    client->hello = true;
    client->next = hub->head;
    ct_hub_put_head(welcome, CT_HUB_WELCOME, 0, 0);
    return send(client->fd, welcome, sizeof welcome, MSG_NOSIGNAL) >= 0;
}

static bool take_frames(struct ct_hub *hub, const struct hub_client *client, const uint8_t *packet, size_t len)
{
    struct ct_frame frames[CT_HUB_BATCH];
    const size_t count = packet[1];
    size_t at = CT_HUB_HEAD;
    if (!client->hello || count > CT_HUB_BATCH) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (ct_hub_get_frame(packet, len, &at, &frames[i]) != CT_OK) {
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        hub->ring[hub->head % hub->capacity] = (struct hub_frame){frames[i], client->serial};
        hub->head++;
    }
    hub->stats.accepted += count;
    return at == len;
}

static bool take_packet(struct ct_hub *hub, struct hub_client *client, const uint8_t *packet, size_t len)
{
    if (len < CT_HUB_HEAD || packet[2] != CT_HUB_VERSION) {
        return false;
    }
    return packet[0] == CT_HUB_HELLO ? take_hello(hub, client, packet, len)
                                     : packet[0] == CT_HUB_FRAMES && take_frames(hub, client, packet, len);
}

static void stamp_from(struct ct_hub *hub, uint64_t first, ct_ns now, int64_t utc_ns)
{
    for (uint64_t n = first; n < hub->head; n++) {
        struct ct_frame *frame = &hub->ring[n % hub->capacity].frame;
        frame->t_ns = now;
        frame->utc_ns = utc_ns;
        frame->flags = (uint16_t)(frame->flags & ~CT_FRAME_SENT);
    }
}

/* Reads one client while there is room; true when it may have more. */
static bool client_read(struct ct_hub *hub, struct hub_client *client)
{
    uint8_t packet[CT_HUB_PACKET_MAX];
    for (int i = 0; i < PACKETS_PER_TURN && has_room(hub); i++) {
        const ssize_t n = recv(client->fd, packet, sizeof packet, MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && errno == EAGAIN) {
            return false;
        }
        /* A client that left with unread frames shows as a reset first; what it sent before still counts. */
        if (n < 0 && (errno == EINTR || errno == ECONNRESET)) {
            continue;
        }
        if (n > 0 && (size_t)n <= sizeof packet && take_packet(hub, client, packet, (size_t)n)) {
            continue;
        }
        hub->stats.malformed += n > 0 ? 1 : 0;
        client_drop(hub, client);
        return false;
    }
    return true;
}

/* Next packet for a client out of the ring; *out_next is its place after it. */
static size_t client_batch(const struct ct_hub *hub, const struct hub_client *client, uint8_t *packet,
                           uint64_t *out_next)
{
    size_t count = 0;
    size_t len = CT_HUB_HEAD;
    uint64_t n = client->next;
    for (; n < hub->head && count < CT_HUB_BATCH; n++) {
        const struct hub_frame *entry = &hub->ring[n % hub->capacity];
        const bool mine = entry->sender == client->serial;
        if (mine && !client->own) {
            continue;
        }
        struct ct_frame frame = entry->frame;
        frame.flags |= mine ? CT_FRAME_SENT : 0;
        len = ct_hub_put_frame(packet, len, &frame);
        count++;
    }
    ct_hub_put_head(packet, CT_HUB_FRAMES, count, 0);
    *out_next = n;
    return count > 0 ? len : 0;
}

static void client_advance(struct ct_hub *hub, struct hub_client *client, uint64_t next, size_t frames)
{
    hub->stats.delivered += frames;
    client->next = next;
    client->stuck_since = CT_NS_NEVER;
}

static void client_write(struct ct_hub *hub, struct hub_client *client)
{
    uint8_t packet[CT_HUB_PACKET_MAX];
    client->want_out = false;
    while (client->next < hub->head) {
        uint64_t next;
        const size_t len = client_batch(hub, client, packet, &next);
        if (len > 0 && send(client->fd, packet, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
            client->want_out = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
            client->out_dead = !client->want_out && errno != EINTR;
            if (client->want_out || client->out_dead) {
                return;
            }
            continue;
        }
        client_advance(hub, client, next, len > 0 ? packet[1] : 0);
    }
}

static void write_all(struct ct_hub *hub)
{
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        struct hub_client *client = &hub->clients[i];
        if (client_receives(client)) {
            client_write(hub, client);
        }
    }
}

static void evict(struct ct_hub *hub, struct hub_client *client)
{
    memcpy(hub->evicted_name, client->name, sizeof hub->evicted_name);
    hub->stats.evicted++;
    client_drop(hub, client);
}

/* Disconnects those that hold up the others for too long; returns when the next one is due. */
static ct_ns check_stuck(struct ct_hub *hub, ct_ns now)
{
    ct_ns deadline = CT_NS_NEVER;
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        struct hub_client *client = &hub->clients[i];
        if (!client_receives(client) || hub->head - client->next + CT_HUB_BATCH <= hub->capacity) {
            continue;
        }
        if (client->stuck_since == CT_NS_NEVER) {
            client->stuck_since = now;
        }
        const ct_ns due = ct_ns_add(client->stuck_since, hub->stuck_limit);
        if (due <= now) {
            evict(hub, client);
        } else {
            deadline = ct_ns_min(deadline, due);
        }
    }
    return deadline;
}

/* Reads all clients and writes what came, until nobody has more or somebody is behind. */
static void pump(struct ct_hub *hub, ct_ns now, int64_t utc_ns)
{
    bool more = true;
    for (int turn = 0; more && turn < PACKETS_PER_TURN; turn++) {
        more = false;
        const uint64_t first = hub->head;
        for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
            if (hub->clients[i].fd >= 0 && has_room(hub)) {
                more |= client_read(hub, &hub->clients[i]);
            }
        }
        stamp_from(hub, first, now, utc_ns);
        write_all(hub);
    }
}

ct_ns ct_hub_step(struct ct_hub *hub, ct_ns now, int64_t utc_ns)
{
    accept_all(hub);
    write_all(hub);
    pump(hub, now, utc_ns);
    const ct_ns deadline = check_stuck(hub, now);
    hub->stats.blocked = !has_room(hub);
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        if (hub->clients[i].fd >= 0) {
            client_watch(hub, &hub->clients[i]);
        }
    }
    return deadline;
}

static int explain(const char *path, int err, const char *text, char *problem, size_t problem_size)
{
    snprintf(problem, problem_size, "%s: error: cannot serve a hub here: %s", path, text);
    return err;
}

/* True when something answers at the address. */
static bool somebody_serves(const struct sockaddr_un *address)
{
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return true;
    }
    const bool answered = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN;
    close(fd);
    return answered;
}

static int listen_at(struct ct_hub *hub, char *problem, size_t problem_size)
{
    const char *path = hub->address.sun_path;
    struct stat status;
    if (lstat(path, &status) == 0) {
        if (!S_ISSOCK(status.st_mode)) {
            return explain(path, CT_ERR_EXISTS, "a file of this name exists; choose another name or remove it", problem,
                           problem_size);
        }
        if (somebody_serves(&hub->address)) {
            return explain(path, CT_ERR_BUSY, "another hub serves it; stop that one or choose another name", problem,
                           problem_size);
        }
        unlink(path);
    }
    hub->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (hub->listener < 0 || bind(hub->listener, (const struct sockaddr *)&hub->address, sizeof hub->address) < 0 ||
        chmod(path, 0660) < 0 || listen(hub->listener, CT_HUB_CLIENTS_MAX) < 0) {
        return explain(path, ct_err_from_errno(errno), strerror(errno), problem, problem_size);
    }
    hub->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (hub->epoll < 0 || epoll_ctl(hub->epoll, EPOLL_CTL_ADD, hub->listener, &event) < 0) {
        return explain(path, ct_err_from_errno(errno), strerror(errno), problem, problem_size);
    }
    return CT_OK;
}

int ct_hub_open(const char *path, const struct ct_hub_options *options, struct ct_hub **out_hub, char *problem,
                size_t problem_size)
{
    const struct ct_hub_options all_defaults = {0};
    const struct ct_hub_options *o = options != NULL ? options : &all_defaults;
    const size_t wanted = o->capacity > 0 ? o->capacity : CAPACITY_DEFAULT;
    const size_t capacity = wanted > CT_HUB_BATCH ? wanted : CT_HUB_BATCH;
    struct ct_hub *hub = calloc(1, sizeof *hub + capacity * sizeof hub->ring[0]);
    if (hub == NULL) {
        return explain(path, CT_ERR_NO_MEMORY, "out of memory", problem, problem_size);
    }
    hub->capacity = capacity;
    hub->stuck_limit = o->stuck_limit > 0 ? o->stuck_limit : STUCK_LIMIT_DEFAULT;
    hub->listener = -1;
    hub->epoll = -1;
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        hub->clients[i].fd = -1;
    }
    hub->address.sun_family = AF_UNIX;
    int err;
    if (path[0] == '\0' || strlen(path) >= sizeof hub->address.sun_path) {
        err = explain(path, CT_ERR_ARGUMENT, "a socket path has 1 to 107 characters", problem, problem_size);
    } else {
        memcpy(hub->address.sun_path, path, strlen(path) + 1);
        err = listen_at(hub, problem, problem_size);
    }
    if (err != CT_OK) {
        ct_hub_close(hub);
        return err;
    }
    *out_hub = hub;
    return CT_OK;
}

void ct_hub_close(struct ct_hub *hub)
{
    if (hub == NULL) {
        return;
    }
    for (size_t i = 0; i < CT_HUB_CLIENTS_MAX; i++) {
        if (hub->clients[i].fd >= 0) {
            client_drop(hub, &hub->clients[i]);
        }
    }
    if (hub->epoll >= 0) {
        close(hub->epoll);
        unlink(hub->address.sun_path);
    }
    if (hub->listener >= 0) {
        close(hub->listener);
    }
    free(hub);
}

int ct_hub_fd(const struct ct_hub *hub)
{
    return hub->epoll;
}

const struct ct_hub_stats *ct_hub_stats(const struct ct_hub *hub)
{
    return &hub->stats;
}

const char *ct_hub_evicted_name(const struct ct_hub *hub)
{
    return hub->evicted_name;
}
