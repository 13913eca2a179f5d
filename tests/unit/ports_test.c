/* Ports by name, the UDP port on loopback, and what can be shown of SocketCAN without a kernel that has CAN. */
#include "port_open.h"
#include "socketcan_frame.h"
#include "testing.h"
#include "udp_codec.h"

#include <arpa/inet.h>
#include <linux/can/error.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void test_port_open_failures_name_the_port_and_a_way_out(void **state)
{
    (void)state;
    const struct {
        const char *name;
        const char *says;
    } rows[] = {
        {"can99", "can99: error: "},
        {"socketcan:can99", "can99: error: "},
        {"thisnameistoolong", "15 characters"},
        {"unix:/nonexistent/bus", "unix:/nonexistent/bus: error: no hub listens there"},
        {"unix:", "unix:: error: "},
        {"file:/nonexistent.log", "/nonexistent.log: error: cannot open"},
        {"udp:10.0.0.1", "not a multicast address"},
        {"udp:239.74.163.2:0", "not a multicast address"},
        {"udp:239.74.163.2:1x", "not a multicast address"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ct_port *port = NULL;
        char problem[512] = "";
        assert_int_not_equal(ct_port_open(rows[i].name, NULL, &port, problem, sizeof problem), CT_OK);
        assert_null(port);
        if (strstr(problem, rows[i].says) == NULL) {
            fail_msg("%s: %s", rows[i].name, problem);
        }
    }
}

static void wait_readable(const struct ct_port *port)
{
    struct pollfd fd = {.fd = port->fd, .events = POLLIN};
    assert_int_equal(poll(&fd, 1, 10000), 1);
}

/* A group of its own, so that nothing else on the machine meddles. */
#define TEST_GROUP "udp:239.74.163.77:43177"

static void open_udp(bool own, struct ct_port **out_port)
{
    char problem[512];
    const struct ct_port_options options = {.own = own};
    if (ct_port_open(TEST_GROUP, &options, out_port, problem, sizeof problem) != CT_OK) {
        print_message("skip: %s\n", problem);
        skip();
    }
}

static void test_udp_port_frame_reaches_others_and_not_itself(void **state)
{
    (void)state;
    struct ct_port *a;
    struct ct_port *b;
    struct ct_port *echo;
    open_udp(false, &a);
    open_udp(false, &b);
    open_udp(true, &echo);
    const struct ct_frame sent = {
        .id = 0x18DA10F1, .flags = CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_BRS, .len = 12, .data = {1, 2, 3}};
    struct ct_frame got[4];
    size_t n;
    assert_int_equal(ct_port_write(a, &sent), CT_OK);
    wait_readable(b);
    assert_int_equal(ct_port_read(b, got, 4, &n), CT_OK);
    assert_int_equal(n, 1);
    assert_true(ct_frame_same(&got[0], &sent));
    assert_int_equal(got[0].flags & CT_FRAME_SENT, 0);
    assert_true(got[0].t_ns > 0 && got[0].utc_ns > 0);
    /* The datagram is back at the sender as well, by now: b got it after. It must not see it. */
    assert_int_equal(ct_port_read(a, got, 4, &n), CT_ERR_AGAIN);
    assert_int_equal(ct_port_read(echo, got, 4, &n), CT_OK);
    assert_int_equal(got[0].flags & CT_FRAME_SENT, 0);
    /* One that asked for its own has it flagged */
    assert_int_equal(ct_port_write(echo, &sent), CT_OK);
    wait_readable(echo);
    assert_int_equal(ct_port_read(echo, got, 4, &n), CT_OK);
    assert_int_not_equal(got[0].flags & CT_FRAME_SENT, 0);
    ct_port_close(a);
    ct_port_close(b);
    ct_port_close(echo);
}

static void test_udp_port_garbage_is_counted_and_left_out(void **state)
{
    (void)state;
    struct ct_port *port;
    struct ct_frame got[4];
    size_t n;
    open_udp(false, &port);
    const int fd = socket(AF_INET, SOCK_DGRAM, 0);
    const struct ip_mreqn interface = {.imr_address.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(43177)};
    assert_int_equal(inet_pton(AF_INET, "239.74.163.77", &to.sin_addr), 1);
    assert_int_equal(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &interface, sizeof interface), 0);
    uint8_t data[CT_UDP_FRAME_MAX];
    const struct ct_frame frame = {.id = 5};
    const size_t len = ct_udp_encode(&frame, data);
    assert_true(sendto(fd, "garbage", 7, 0, (const struct sockaddr *)&to, sizeof to) == 7);
    assert_true(sendto(fd, "", 0, 0, (const struct sockaddr *)&to, sizeof to) == 0);
    assert_true(sendto(fd, data, len, 0, (const struct sockaddr *)&to, sizeof to) == (ssize_t)len);
    wait_readable(port);
    size_t total = 0;
    while (total == 0) {
        if (ct_port_read(port, got, 4, &n) == CT_OK) {
            total += n;
        } else {
            wait_readable(port);
        }
    }
    assert_int_equal(total, 1);
    assert_int_equal(got[0].id, 5);
    assert_int_equal(port->stats.malformed, 2);
    close(fd);
    ct_port_close(port);
}

/* linux/can.h: flag bits in can_id, 16 and 72 bytes. */
static void test_socketcan_frame_every_kind_converts_both_ways(void **state)
{
    (void)state;
    const struct {
        canid_t can_id;
        size_t mtu;
        uint8_t raw_flags;
        uint8_t len;
        uint32_t id;
        unsigned flags;
    } rows[] = {
        {0x123, CAN_MTU, 0, 8, 0x123, 0},
        {0x123U | CAN_EFF_FLAG, CAN_MTU, 0, 0, 0x123, CT_FRAME_EXT},
        {0x7FFU | CAN_RTR_FLAG, CAN_MTU, 0, 5, 0x7FF, CT_FRAME_RTR},
        {0x1FFFFFFFU | CAN_EFF_FLAG, CANFD_MTU, CANFD_BRS, 64, 0x1FFFFFFF, CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_BRS},
        {0x1, CANFD_MTU, CANFD_ESI, 12, 0x1, CT_FRAME_FD | CT_FRAME_ESI},
        {CAN_ERR_FLAG | CAN_ERR_BUSOFF, CAN_MTU, 0, 8, CAN_ERR_BUSOFF, CT_FRAME_ERR},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct canfd_frame raw = {.can_id = rows[i].can_id, .len = rows[i].len, .flags = rows[i].raw_flags};
        struct ct_frame frame;
        struct canfd_frame back;
        if (rows[i].mtu == CAN_MTU) {
            raw.flags = 0xFF; /* undefined for a classic frame */
        }
        assert_int_equal(ct_socketcan_to_frame(&raw, rows[i].mtu, &frame), CT_OK);
        assert_int_equal(frame.id, rows[i].id);
        assert_int_equal(frame.flags, rows[i].flags);
        assert_int_equal(frame.len, rows[i].len);
        assert_int_equal(ct_socketcan_from_frame(&frame, &back), rows[i].mtu);
        assert_int_equal(back.can_id, rows[i].can_id);
        assert_int_equal(back.len, rows[i].len);
        assert_int_equal(back.flags, rows[i].raw_flags);
    }
}

static void test_socketcan_frame_impossible_input_is_refused(void **state)
{
    (void)state;
    const struct canfd_frame nine = {.can_id = 1, .len = 9};
    struct ct_frame frame;
    assert_int_equal(ct_socketcan_to_frame(&nine, CAN_MTU, &frame), CT_ERR_CORRUPT);
    assert_int_equal(ct_socketcan_to_frame(&nine, CANFD_MTU, &frame), CT_ERR_CORRUPT);
    assert_int_equal(ct_socketcan_to_frame(&nine, 17, &frame), CT_ERR_CORRUPT);
    assert_int_equal(ct_socketcan_to_frame(&nine, 0, &frame), CT_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_port_open_failures_name_the_port_and_a_way_out),
        cmocka_unit_test(test_udp_port_frame_reaches_others_and_not_itself),
        cmocka_unit_test(test_udp_port_garbage_is_counted_and_left_out),
        cmocka_unit_test(test_socketcan_frame_every_kind_converts_both_ways),
        cmocka_unit_test(test_socketcan_frame_impossible_input_is_refused),
    };
    return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
