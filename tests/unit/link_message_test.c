/* Messages put together with the kernel's own structs. */
#include "link_message.h"
#include "testing.h"

#include <linux/can/netlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <stdlib.h>
#include <string.h>

struct builder {
    uint8_t data[2048];
    size_t len;
};

static size_t begin_message(struct builder *b, uint16_t type, int index, unsigned flags)
{
    const size_t at = b->len;
    const struct nlmsghdr head = {.nlmsg_type = type};
    const struct ifinfomsg info = {.ifi_index = index, .ifi_flags = flags};
    memcpy(b->data + b->len, &head, sizeof head);
    memcpy(b->data + b->len + sizeof head, &info, sizeof info);
    b->len += sizeof head + sizeof info;
    return at;
}

static void end_message(struct builder *b, size_t at)
{
    const uint32_t len = (uint32_t)(b->len - at);
    memcpy(b->data + at, &len, sizeof len);
}

static size_t begin_attribute(struct builder *b, uint16_t type)
{
    const size_t at = b->len;
    const struct rtattr head = {.rta_type = type};
    memcpy(b->data + b->len, &head, sizeof head);
    b->len += sizeof head;
    return at;
}

static void end_attribute(struct builder *b, size_t at)
{
    const uint16_t len = (uint16_t)(b->len - at);
    memcpy(b->data + at, &len, sizeof len);
    b->len = RTA_ALIGN(b->len);
}

static void add(struct builder *b, uint16_t type, const void *value, size_t len)
{
    const size_t at = begin_attribute(b, type);
    memcpy(b->data + b->len, value, len);
    b->len += len;
    end_attribute(b, at);
}

static void build_can0(struct builder *b, const char *kind)
{
    const struct can_bittiming nominal = {.bitrate = 500000, .sample_point = 875};
    const struct can_bittiming fast = {.bitrate = 2000000};
    const uint32_t passive = CAN_STATE_ERROR_PASSIVE;
    const uint32_t mtu = 72;
    const uint32_t restart_ms = 100;
    const struct can_berr_counter counters = {.txerr = 128, .rxerr = 7};
    const struct rtnl_link_stats64 stats = {
        .rx_dropped = 30, .rx_over_errors = 20, .rx_fifo_errors = 30, .rx_missed_errors = 400};
    const size_t at = begin_message(b, RTM_NEWLINK, 5, IFF_UP | IFF_RUNNING);
    add(b, IFLA_IFNAME, "can0", 5);
    add(b, IFLA_MTU, &mtu, sizeof mtu);
    const size_t info = begin_attribute(b, IFLA_LINKINFO | NLA_F_NESTED);
    add(b, IFLA_INFO_KIND, kind, strlen(kind) + 1);
    const size_t data = begin_attribute(b, IFLA_INFO_DATA);
    add(b, IFLA_CAN_BITTIMING, &nominal, sizeof nominal);
    add(b, IFLA_CAN_STATE, &passive, sizeof passive);
    add(b, IFLA_CAN_RESTART_MS, &restart_ms, sizeof restart_ms);
    add(b, IFLA_CAN_BERR_COUNTER, &counters, sizeof counters);
    add(b, IFLA_CAN_DATA_BITTIMING, &fast, sizeof fast);
    end_attribute(b, data);
    end_attribute(b, info);
    add(b, IFLA_STATS64, &stats, sizeof stats);
    end_message(b, at);
}

static void test_link_message_can_interface_is_read_whole(void **state)
{
    (void)state;
    struct builder b = {0};
    struct ct_link_message m;
    size_t offset = 0;
    const size_t done = begin_message(&b, NLMSG_DONE, 0, 0); /* something else first */
    end_message(&b, done);
    build_can0(&b, "can");
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_OK);
    assert_int_equal(m.index, 5);
    assert_string_equal(m.name, "can0");
    assert_true(m.up && !m.gone && m.has_state && m.has_counters && m.has_lost);
    assert_int_equal(m.mtu, 72);
    assert_int_equal(m.bitrate, 500000);
    assert_int_equal(m.data_bitrate, 2000000);
    assert_int_equal(m.state, CAN_STATE_ERROR_PASSIVE);
    assert_int_equal(m.tx_errors, 128);
    assert_int_equal(m.rx_errors, 7);
    assert_true(m.has_restart);
    assert_int_equal(m.restart_ms, 100);
    /* rx-offload counts a frame that its queue had no room for as dropped and as a FIFO error. */
    assert_int_equal(m.lost, 20 + 30 + 400);
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_ERR_END);
}

static void test_link_message_other_kinds_data_is_not_read_as_can(void **state)
{
    (void)state;
    struct builder b = {0};
    struct ct_link_message m;
    size_t offset = 0;
    build_can0(&b, "veth");
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_OK);
    assert_int_equal(m.bitrate, 0);
    assert_false(m.has_state || m.has_counters || m.has_restart);
}

static void test_link_message_gone_and_several_in_one_datagram(void **state)
{
    (void)state;
    struct builder b = {0};
    struct ct_link_message m;
    size_t offset = 0;
    size_t at = begin_message(&b, RTM_DELLINK, 3, 0);
    add(&b, IFLA_IFNAME, "vcan0", 6);
    end_message(&b, at);
    b.len = NLMSG_ALIGN(b.len);
    build_can0(&b, "can");
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_OK);
    assert_true(m.gone && !m.up);
    assert_int_equal(m.index, 3);
    assert_string_equal(m.name, "vcan0");
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_OK);
    assert_int_equal(m.index, 5);
    assert_int_equal(ct_link_message_next(b.data, b.len, &offset, &m), CT_ERR_END);
}

static void test_link_message_cut_anywhere_is_no_read_beyond(void **state)
{
    (void)state;
    struct builder b = {0};
    build_can0(&b, "can");
    for (size_t len = 0; len < b.len; len++) {
        struct ct_link_message m;
        size_t offset = 0;
        assert_int_equal(ct_link_message_next(b.data, len, &offset, &m), len == 0 ? CT_ERR_END : CT_ERR_CORRUPT);
        /* The message says that it is so short: whatever attribute is cut is left out. */
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, b.data, len);
        if (len >= sizeof(struct nlmsghdr)) {
            const uint32_t said = (uint32_t)len;
            memcpy(copy, &said, sizeof said);
            offset = 0;
            assert_int_equal(ct_link_message_next(copy, len, &offset, &m),
                             len >= sizeof(struct nlmsghdr) + sizeof(struct ifinfomsg) ? CT_OK : CT_ERR_END);
            assert_int_equal(offset, len);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_link_message_can_interface_is_read_whole),
        cmocka_unit_test(test_link_message_other_kinds_data_is_not_read_as_can),
        cmocka_unit_test(test_link_message_gone_and_several_in_one_datagram),
        cmocka_unit_test(test_link_message_cut_anywhere_is_no_read_beyond),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
