#include "zmq_door.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_NS   (100 * CT_NS_PER_MS)
#define PORTS_MAX 2

struct listener {
    unsigned port;
    int fd; /* libzmq's, as it was last seen; it may be another one when the socket was bound again */
};

struct ct_zmq_door {
    struct listener listeners[PORTS_MAX];
    size_t count;
    rlim_t kept; /* descriptors that connections cannot take */
    int spare;   /* given up for a moment to get rid of those who wait; -1: lost */
    bool shut;
    ct_ns look_at;
};

/* ---------------------------------------------------------------- which socket */

static unsigned port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
        return 0;
    }
    if (address.ss_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, &address, sizeof v4);
        return ntohs(v4.sin_port);
    }
    struct sockaddr_in6 v6;
    memcpy(&v6, &address, sizeof v6);
    return address.ss_family == AF_INET6 ? ntohs(v6.sin6_port) : 0;
}

static bool listens_on(int fd, unsigned port)
{
    int listens = 0;
    socklen_t size = sizeof listens;
    return fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 &&
           port_of(fd) == port;
}

static rlim_t limit_of_process(void)
{
    struct rlimit limit = {0, 0};
    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

/* libzmq keeps its descriptors to itself; the one that listens on the port is found by asking each. */
static int find_listener(unsigned port)
{
    const rlim_t limit = limit_of_process();
    for (int fd = 0; (rlim_t)fd < limit && port != 0; fd++) {
        if (listens_on(fd, port)) {
            return fd;
        }
    }
    return -1;
}

/* Two threads accept from it: whoever comes second must not wait. libzmq expects EAGAIN. */
static bool never_blocks(int listener)
{
    const int flags = fcntl(listener, F_GETFL);
    return flags >= 0 && fcntl(listener, F_SETFL, flags | O_NONBLOCK) == 0;
}

static int open_spare(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int ct_zmq_door_add(struct ct_zmq_door *door, const char *endpoint)
{
    const char *colon = strrchr(endpoint, ':');
    const bool is_tcp = strncmp(endpoint, "tcp://", 6) == 0 && colon != NULL;
    const unsigned port = is_tcp ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    const int fd = find_listener(port);
    if (fd < 0 || !never_blocks(fd)) {
        return CT_ERR_NOT_FOUND;
    }
    if (door->count == PORTS_MAX) {
        return CT_ERR_FULL;
    }
    door->listeners[door->count++] = (struct listener){port, fd};
    return CT_OK;
}

/* The process may have so many descriptors more, or less. */
static bool move_limit(rlim_t up, rlim_t down)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= down) {
        return false;
    }
    limit.rlim_cur = limit.rlim_cur - down + up;
    limit.rlim_cur = limit.rlim_cur < limit.rlim_max ? limit.rlim_cur : limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

int ct_zmq_door_open(const char *endpoint, struct ct_zmq_door **out_door)
{
    struct ct_zmq_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    door->spare = -1;
    const int err = ct_zmq_door_add(door, endpoint);
    if (err != CT_OK) {
        free(door);
        return err;
    }
    const bool is_much = limit_of_process() >= 4 * CT_ZMQ_DOOR_KEPT;
    door->kept = is_much && move_limit(0, CT_ZMQ_DOOR_KEPT) ? CT_ZMQ_DOOR_KEPT : 0;
    door->spare = open_spare();
    *out_door = door;
    return CT_OK;
}

void ct_zmq_door_free(struct ct_zmq_door *door)
{
    if (door != NULL) {
        if (!door->shut) {
            (void)move_limit(door->kept, 0);
        }
        if (door->spare >= 0) {
            (void)close(door->spare);
        }
        free(door);
    }
}

/* ---------------------------------------------------------------- shut and open */

/* True when so many more descriptors can be had now. */
static bool are_left(const struct ct_zmq_door *door, size_t wanted)
{
    int fds[2 * CT_ZMQ_DOOR_SPARE + CT_ZMQ_DOOR_KEPT];
    size_t count = 0;
    while (count < wanted && (fds[count] = dup(door->listeners[0].fd)) >= 0) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
    return count == wanted;
}

/* The kernel drops whatever knocks: no descriptor, no answer, no wake-up. Connections that stand have no filter. */
static bool shut(int listener)
{
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {1, nothing};
    return setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

static bool unshut(int listener)
{
    const int unused = 0;
    return setsockopt(listener, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) == 0 || errno == ENOENT;
}

/* Who waits to be accepted has been answered by the kernel already: with the spare descriptor, one after the other. */
static void turn_away(struct ct_zmq_door *door, int listener)
{
    int fd = 0;
    if (door->spare >= 0) {
        (void)close(door->spare);
    }
    while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    door->spare = open_spare();
}

/* A socket that was bound again has no filter yet. True when each is as wanted. */
static bool set_all(struct ct_zmq_door *door, bool closed)
{
    bool all = true;
    for (size_t i = 0; i < door->count; i++) {
        struct listener *listener = &door->listeners[i];
        if (!listens_on(listener->fd, listener->port)) {
            listener->fd = find_listener(listener->port);
        }
        if (listener->fd < 0) {
            continue; /* it is bound again by and by */
        }
        all = (closed ? never_blocks(listener->fd) && shut(listener->fd) : unshut(listener->fd)) && all;
        if (closed) {
            turn_away(door, listener->fd);
        }
    }
    return all;
}

/* What was kept is given free only when nobody can come in, so that it is there for files alone. */
static void close_door(struct ct_zmq_door *door)
{
    if (set_all(door, true) && !door->shut) {
        door->shut = true;
        (void)move_limit(door->kept, 0);
    }
}

static void open_again(struct ct_zmq_door *door)
{
    (void)move_limit(0, door->kept);
    door->shut = !set_all(door, false);
    if (door->shut) {
        (void)move_limit(door->kept, 0);
    }
}

bool ct_zmq_door_mind(struct ct_zmq_door *door, ct_ns now)
{
    const bool was_shut = door->shut;
    if (now < door->look_at) {
        return false;
    }
    door->look_at = now + LOOK_NS;
    const size_t wanted = was_shut ? (size_t)2 * CT_ZMQ_DOOR_SPARE + (size_t)door->kept : CT_ZMQ_DOOR_SPARE;
    const bool enough = are_left(door, wanted);
    if (was_shut && enough) {
        open_again(door);
    } else if (!enough) {
        close_door(door);
    }
    return door->shut != was_shut;
}

bool ct_zmq_door_shut(const struct ct_zmq_door *door)
{
    return door->shut;
}
