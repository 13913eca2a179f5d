/* The SocketCAN port on interfaces that go, come back and change their name. vcan8 and vcan9 are the cases' own. Needs
 * a kernel with vcan, and root. */
#include "clock.h"
#include "kernel_rig.h"
#include "testing.h"

#include <string.h>
#include <unistd.h>

static void run(const char *command)
{
    run_with_reader(command, -1);
}

#define MAKE_VCAN8   "ip link add vcan8 type vcan && ip link set vcan8 mtu 72 up"
#define REMOVE_VCAN8 "ip link del vcan8"

static void wait_up(struct ct_port *port, bool up)
{
    const ct_ns end = ct_clock_now() + PATIENCE_MS * CT_NS_PER_MS;
    while (port->stats.up != up) {
        assert_true(ct_clock_now() < end);
        tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS);
    }
}

/* A port on an interface of its own, with two frames in its queue. */
static struct ct_port *open_on_vcan8(void)
{
    const struct ct_socketcan_options options = {.fd = true};
    run(MAKE_VCAN8);
    struct ct_port *port = open_port("vcan8", &options);
    wait_up(port, true);
    const int raw = raw_socket("vcan8");
    raw_send(raw, 0x101, 1);
    raw_send(raw, 0x102, 2);
    close(raw);
    return port;
}

static void assert_next(struct ct_port *port, uint32_t id)
{
    struct ct_frame frame;
    read_frames(port, &frame, 1);
    assert_int_equal(frame.id, id);
}

static void test_frames_from_before_an_interface_went_down_are_read_and_it_stays_down(void **state)
{
    (void)state;
    struct ct_port *port = open_on_vcan8();
    run("ip link set vcan8 down");
    assert_next(port, 0x101);
    assert_next(port, 0x102);
    assert_false(port->stats.up);
    assert_int_equal(port->stats.outages, 1);
    run("ip link set vcan8 up");
    wait_up(port, true);
    ct_port_close(port);
    run(REMOVE_VCAN8);
}

static void test_frames_from_before_an_interface_was_deleted_are_read(void **state)
{
    (void)state;
    struct ct_port *port = open_on_vcan8();
    run(REMOVE_VCAN8);
    assert_next(port, 0x101);
    assert_next(port, 0x102);
    assert_false(port->stats.up);
    run(MAKE_VCAN8);
    wait_up(port, true);
    const int raw = raw_socket("vcan8");
    raw_send(raw, 0x103, 3);
    assert_next(port, 0x103);
    close(raw);
    ct_port_close(port);
    run(REMOVE_VCAN8);
}

static void test_interface_that_is_back_before_anybody_looked_was_an_outage(void **state)
{
    (void)state;
    struct ct_port *port = open_on_vcan8();
    run(REMOVE_VCAN8 " && " MAKE_VCAN8);
    assert_next(port, 0x101);
    assert_next(port, 0x102);
    wait_up(port, true);
    assert_int_equal(port->stats.outages, 1);
    run("ip link set vcan8 down && ip link set vcan8 up");
    const int raw = raw_socket("vcan8");
    raw_send(raw, 0x103, 3);
    assert_next(port, 0x103);
    wait_up(port, true);
    assert_in_range(port->stats.outages, 2, 3); /* the socket and rtnetlink both tell of it */
    close(raw);
    ct_port_close(port);
    run(REMOVE_VCAN8);
}

static void test_renamed_interface_is_left_for_the_one_that_has_the_name(void **state)
{
    (void)state;
    struct ct_port *port = open_on_vcan8();
    run("ip link set vcan8 down && ip link set vcan8 name vcan9 && ip link set vcan9 up && " MAKE_VCAN8);
    assert_next(port, 0x101);
    assert_next(port, 0x102);
    tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS); /* reads nothing more: it follows */
    wait_up(port, true);
    const int other = raw_socket("vcan9");
    const int raw = raw_socket("vcan8");
    raw_send(other, 0x201, 1);
    raw_send(raw, 0x103, 3);
    assert_next(port, 0x103);
    close(other);
    close(raw);
    ct_port_close(port);
    run(REMOVE_VCAN8 " && ip link del vcan9");
}

static void test_fd_frame_needs_an_interface_that_carries_it(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {.fd = true};
    const struct ct_frame frame = {.id = 0x321, .flags = CT_FRAME_FD, .len = 12};
    const struct ct_frame classic = {.id = 0x322, .len = 8};
    run("ip link add vcan8 type vcan && ip link set vcan8 mtu 16 up");
    struct ct_port *port = open_port("vcan8", &options);
    assert_int_equal(ct_port_write(port, &frame), CT_ERR_UNSUPPORTED);
    assert_int_equal(ct_port_write(port, &classic), CT_OK);
    /* The same port, once the interface does. */
    run("ip link set vcan8 down && ip link set vcan8 mtu 72 && ip link set vcan8 up");
    tick_until(port, ct_clock_now() + 5 * CT_NS_PER_MS);
    wait_up(port, true);
    assert_int_equal(ct_port_write(port, &frame), CT_OK);
    ct_port_close(port);
    run(REMOVE_VCAN8);
}

static void test_interface_that_is_no_can_is_refused_by_name(void **state)
{
    (void)state;
    const struct ct_socketcan_options options = {0};
    struct ct_port *port = NULL;
    char problem[300];
    assert_int_equal(ct_socketcan_open("lo", &options, &port, problem, sizeof problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "lo: error: no such CAN interface"));
    assert_int_equal(ct_socketcan_open("interface-name-of-20", &options, &port, problem, sizeof problem),
                     CT_ERR_ARGUMENT);
    assert_null(port);
}
int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_from_before_an_interface_went_down_are_read_and_it_stays_down),
        cmocka_unit_test(test_frames_from_before_an_interface_was_deleted_are_read),
        cmocka_unit_test(test_interface_that_is_back_before_anybody_looked_was_an_outage),
        cmocka_unit_test(test_renamed_interface_is_left_for_the_one_that_has_the_name),
        cmocka_unit_test(test_fd_frame_needs_an_interface_that_carries_it),
        cmocka_unit_test(test_interface_that_is_no_can_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
