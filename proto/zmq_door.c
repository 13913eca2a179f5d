#include "zmq_door.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_NS (CT_NS_PER_S)
#define FDS_MAX 1024 /* the socket was made at the start, so its number is small */

struct ct_zmq_door {
    int listener; /* libzmq's */
    int spare;    /* given up for a moment to get rid of those who wait; -1: lost */
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

/* libzmq keeps its descriptors to itself; the one that listens on the port is found by asking each. */
static int find_listener(unsigned port)
{
    for (int fd = 0; fd < FDS_MAX && port != 0; fd++) {
        int listens = 0;
        socklen_t size = sizeof listens;
        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0 && port_of(fd) == port) {
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

int ct_zmq_door_open(const char *endpoint, struct ct_zmq_door **out_door)
{
    const char *port = strrchr(endpoint, ':');
    const bool is_tcp = strncmp(endpoint, "tcp://", 6) == 0 && port != NULL;
    const int listener = is_tcp ? find_listener((unsigned)strtoul(port + 1, NULL, 10)) : -1;
    if (listener < 0 || !never_blocks(listener)) {
        return CT_ERR_NOT_FOUND;
    }
    struct ct_zmq_door *door = calloc(1, sizeof *door);
    if (door == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    door->listener = listener;
    door->spare = open_spare();
    *out_door = door;
    return CT_OK;
}

void ct_zmq_door_free(struct ct_zmq_door *door)
{
    if (door != NULL) {
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
    int fds[2 * CT_ZMQ_DOOR_SPARE];
    size_t count = 0;
    while (count < wanted && (fds[count] = dup(door->listener)) >= 0) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
    return count == wanted;
}

/* The kernel drops whatever knocks: no descriptor, no answer, no wake-up. Connections that stand have no filter. */
static bool shut(const struct ct_zmq_door *door)
{
    struct sock_filter nothing[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    const struct sock_fprog program = {1, nothing};
    return setsockopt(door->listener, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/* Who waits to be accepted has been answered by the kernel already: with the spare descriptor, one after the other. */
static void turn_away(struct ct_zmq_door *door)
{
    int fd = 0;
    if (door->spare >= 0) {
        (void)close(door->spare);
    }
    while ((fd = accept4(door->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0 || errno == EINTR || errno == ECONNABORTED) {
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    door->spare = open_spare();
}

bool ct_zmq_door_mind(struct ct_zmq_door *door, ct_ns now)
{
    const bool was_shut = door->shut;
    if (now < door->look_at) {
        return false;
    }
    door->look_at = now + LOOK_NS;
    const bool enough = are_left(door, was_shut ? (size_t)2 * CT_ZMQ_DOOR_SPARE : CT_ZMQ_DOOR_SPARE);
    if (was_shut && enough) {
        const int unused = 0;
        door->shut = setsockopt(door->listener, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused) != 0;
    } else if (!was_shut && !enough) {
        door->shut = shut(door);
    }
    if (door->shut) {
        turn_away(door);
    }
    return door->shut != was_shut;
}

bool ct_zmq_door_shut(const struct ct_zmq_door *door)
{
    return door->shut;
}
