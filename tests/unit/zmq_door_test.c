/* A listening socket while descriptors run out: who waits is turned away, who knocks is not answered, who is in stays.
 */
#include "zmq_door.h"

#include "testing.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 60000

struct fixture {
    int listener;
    struct sockaddr_in address;
    struct ct_zmq_door *door;
    struct rlimit before;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    socklen_t size = sizeof fixture.address;
    char endpoint[64];
    fixture = (struct fixture){.address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    fixture.listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fixture.listener, (struct sockaddr *)&fixture.address, size), 0);
    assert_int_equal(listen(fixture.listener, 16), 0);
    assert_int_equal(getsockname(fixture.listener, (struct sockaddr *)&fixture.address, &size), 0);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(fixture.address.sin_port));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &fixture.before), 0);
    assert_true(fixture.before.rlim_cur >= 4 * CT_ZMQ_DOOR_KEPT);
    assert_int_equal(ct_zmq_door_open(endpoint, &fixture.door), CT_OK);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &fixture->before), 0);
    ct_zmq_door_free(fixture->door);
    return close(fixture->listener);
}

static int knock(const struct fixture *fixture)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&fixture->address, sizeof fixture->address) != 0) {
        assert_int_equal(errno, EINPROGRESS);
    }
    return fd;
}

static int state_of(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_state;
}

static void wait_for(int fd, short events)
{
    struct pollfd item = {.fd = fd, .events = events};
    assert_int_equal(poll(&item, 1, WAIT_MS), 1);
}

static rlim_t limit_now(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
}

/* Leaves `left` descriptors to be had: all below the next free one are in use. */
static void leave(const struct fixture *fixture, int next, rlim_t left)
{
    const struct rlimit limit = {(rlim_t)next + left, fixture->before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_door_shuts_when_little_is_left_and_opens_again(void **state)
{
    struct fixture *fixture = *state;
    char byte;
    /* given: one inside, two who wait, and one descriptor less than enough */
    const int inside = knock(fixture);
    wait_for(fixture->listener, POLLIN);
    const int accepted = accept(fixture->listener, NULL, NULL);
    const int waiting[2] = {knock(fixture), knock(fixture)};
    wait_for(fixture->listener, POLLIN);
    assert_false(ct_zmq_door_mind(fixture->door, 0));
    const int late = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0); /* while there are descriptors */
    const int next = dup(fixture->listener);
    (void)close(next);
    leave(fixture, next, CT_ZMQ_DOOR_SPARE - 1);
    const rlim_t limit = limit_now();
    /* when, then: not before a tenth of a second has passed */
    assert_false(ct_zmq_door_mind(fixture->door, CT_NS_PER_S / 10 - 1));
    assert_true(ct_zmq_door_mind(fixture->door, CT_NS_PER_S / 10));
    assert_true(ct_zmq_door_shut(fixture->door));
    assert_int_equal(limit_now(), limit + CT_ZMQ_DOOR_KEPT);
    /* who waited is away; nobody's knocking is answered; who is in still talks */
    for (size_t i = 0; i < 2; i++) {
        wait_for(waiting[i], POLLIN);
        assert_true(read(waiting[i], &byte, 1) <= 0);
        (void)close(waiting[i]);
    }
    (void)connect(late, (const struct sockaddr *)&fixture->address, sizeof fixture->address);
    assert_int_equal(state_of(late), TCP_SYN_SENT);
    assert_int_equal(write(inside, "x", 1), 1);
    wait_for(accepted, POLLIN);
    assert_int_equal(read(accepted, &byte, 1), 1);
    /* enough for not shutting is not enough for opening, and what is kept counts for nothing */
    const rlim_t closed = 2; /* of those who waited: to be had again */
    leave(fixture, next, 2 * CT_ZMQ_DOOR_SPARE + CT_ZMQ_DOOR_KEPT - closed - 1);
    assert_false(ct_zmq_door_mind(fixture->door, 2 * CT_NS_PER_S));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &fixture->before), 0);
    assert_true(ct_zmq_door_mind(fixture->door, 3 * CT_NS_PER_S));
    assert_false(ct_zmq_door_shut(fixture->door));
    assert_int_equal(limit_now(), fixture->before.rlim_cur - CT_ZMQ_DOOR_KEPT);
    /* who knocked meanwhile comes in: the kernel knocks again by itself */
    wait_for(late, POLLOUT);
    assert_int_equal(state_of(late), TCP_ESTABLISHED);
    (void)close(late);
    (void)close(inside);
    (void)close(accepted);
}

static int listen_at(struct sockaddr_in *address)
{
    const int on = 1;
    socklen_t size = sizeof *address;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)address, size), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &size), 0);
    return fd;
}

static bool is_filtered(int fd)
{
    struct sock_filter filter[4];
    socklen_t count = 4; /* of instructions, not bytes */
    return getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, filter, &count) == 0 && count > 0;
}

static void test_door_second_listener_bound_again_is_shut_too(void **state)
{
    struct fixture *fixture = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char endpoint[64];
    int second = listen_at(&address);
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(address.sin_port));
    assert_int_equal(ct_zmq_door_add(fixture->door, endpoint), CT_OK);
    assert_int_equal(ct_zmq_door_add(fixture->door, endpoint), CT_ERR_FULL);
    const int next = dup(second);
    (void)close(next);
    leave(fixture, next, CT_ZMQ_DOOR_SPARE - 1);
    assert_true(ct_zmq_door_mind(fixture->door, 0));
    assert_true(is_filtered(second) && is_filtered(fixture->listener));
    /* gone for a while, then another socket, under another number */
    (void)close(second);
    assert_false(ct_zmq_door_mind(fixture->door, CT_NS_PER_S));
    const int other = dup(fixture->listener);
    second = listen_at(&address);
    assert_false(is_filtered(second));
    assert_false(ct_zmq_door_mind(fixture->door, 2 * CT_NS_PER_S));
    assert_true(is_filtered(second));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &fixture->before), 0);
    assert_true(ct_zmq_door_mind(fixture->door, 3 * CT_NS_PER_S));
    assert_false(is_filtered(second) || is_filtered(fixture->listener));
    (void)close(other);
    (void)close(second);
}

static void test_door_is_only_where_something_listens(void **state)
{
    struct fixture *fixture = *state;
    struct ct_zmq_door *door = NULL;
    char endpoint[64];
    (void)snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", ntohs(fixture->address.sin_port) == 1 ? 2U : 1U);
    assert_int_equal(ct_zmq_door_open(endpoint, &door), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_zmq_door_open("ipc:///tmp/x:1", &door), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_zmq_door_open("tcp://nonsense", &door), CT_ERR_NOT_FOUND);
    assert_null(door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_door_shuts_when_little_is_left_and_opens_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_door_second_listener_bound_again_is_shut_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_door_is_only_where_something_listens, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
