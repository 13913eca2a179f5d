/* Parts of the bus thread that meet a misbehaving outside: a client that never reads, a port that closes in write. */
#include "status_private.h"
#include "testing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

static int ready_count(const struct ct_loop *loop)
{
    struct epoll_event events[8];
    return epoll_wait(loop->epoll_fd, events, 8, 0);
}

/* Writes requests until the socket takes no more. */
static void flood(int fd)
{
    static const char requests[] = "x\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\nx\n";
    while (send(fd, requests, sizeof requests - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
}

static void test_status_client_that_never_reads_does_not_keep_the_loop_awake(void **state)
{
    (void)state;
    static struct ct_bus bus;
    static struct status_server server = {.bus = &bus};
    struct client *client = &server.clients[0];
    int fds[2];
    assert_int_equal(ct_loop_open(&bus.loop), CT_OK);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    *client = (struct client){.server = &server, .serial = 1, .watch = {.fn = ct_status_on_client, .user = client}};
    ct_buf_init(&client->out, OUT_MAX);
    assert_int_equal(ct_loop_add(&bus.loop, &client->watch, fds[0], EPOLLIN), CT_OK);
    for (unsigned round = 0; round < 1000 && (round == 0 || ready_count(&bus.loop) > 0); round++) {
        flood(fds[1]);
        assert_int_equal(ct_loop_wait(&bus.loop, CT_NS_NEVER), CT_OK);
    }
    /* More requests wait to be read, nothing can be written: the loop sleeps */
    flood(fds[1]);
    assert_int_equal(ready_count(&bus.loop), 0);
    /* When the client reads, it is served and listened to again */
    char answers[65536];
    size_t got = 0;
    for (unsigned round = 0; round < 1000 && client->out.len > 0; round++) {
        ssize_t n;
        while ((n = recv(fds[1], answers, sizeof answers, MSG_DONTWAIT)) > 0) {
            got += (size_t)n;
        }
        assert_int_equal(ct_loop_wait(&bus.loop, CT_NS_NEVER), CT_OK);
        assert_true(client->watch.fd >= 0);
    }
    assert_true(got > OUT_MAX / 2);
    flood(fds[1]);
    assert_true(ready_count(&bus.loop) > 0);
    ct_status_drop(client);
    close(fds[1]);
    ct_loop_close(&bus.loop);
}

/* ---- a port that loses its descriptor in write, as SocketCAN does when the interface is removed */

static int gone_write(struct ct_port *port, const struct ct_frame *frame)
{
    (void)frame;
    close(port->fd);
    port->fd = -1;
    return CT_ERR_DOWN;
}

static void test_bus_port_that_closes_in_write_is_unwatched_and_looked_after(void **state)
{
    (void)state;
    static const struct ct_port_ops ops = {.write = gone_write};
    struct ct_port port = {.ops = &ops, .fd = eventfd(0, EFD_CLOEXEC)};
    char name[] = "can0";
    struct ct_settings_bus config = {.name = name, .transmit = true};
    struct ct_settings settings = {.buses = &config, .buses_count = 1};
    static struct ct_model model;
    static struct ct_bus bus;
    static const char names[][32] = {"can0"};
    const struct ct_frame_rule rule = {.bus = "can0",
                                       .max_per_s = 1,
                                       .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
                                       .when = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN}};
    const struct ct_policy_rules rules = {
        .transmit_buses = names, .transmit_bus_count = 1, .frames = &rule, .frame_count = 1};
    const struct ct_executor_ops executor_ops = {0};
    const struct ct_vehicle_state state_unknown = {0};
    struct ct_policy *policy = NULL;
    model.settings = &settings;
    bus.model = &model;
    bus.port_count = 1;
    bus.ports[0] = (struct bus_port){.port = &port};
    bus.ports[0].has_unsent = true;
    assert_int_equal(ct_loop_open(&bus.loop), CT_OK);
    assert_int_equal(ct_loop_add(&bus.loop, &bus.ports[0].watch, port.fd, EPOLLIN), CT_OK);
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    assert_int_equal(ct_executor_create(&executor_ops, policy, NULL, 0, &bus.executor), CT_OK);
    model.policy = policy;
    /* What policy was not asked about does not reach the port, whoever hands it out. */
    assert_true(ct_bus_send_pump(&bus));
    assert_int_equal(bus.ports[0].watch.fd, port.fd);
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_GATEWAY, "can0", &bus.ports[0].unsent, &state_unknown, 0),
                     CT_VERDICT_ALLOW);
    bus.ports[0].has_unsent = true;
    assert_true(ct_bus_send_pump(&bus)); /* another round soon, for the port's reconnection */
    assert_int_equal(bus.ports[0].watch.fd, -1);
    assert_false(bus.ports[0].has_unsent);
    assert_false(ct_bus_send_pump(&bus));
    ct_executor_free(bus.executor);
    ct_policy_free(policy);
    ct_loop_close(&bus.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_client_that_never_reads_does_not_keep_the_loop_awake),
        cmocka_unit_test(test_bus_port_that_closes_in_write_is_unwatched_and_looked_after),
    };
    return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
