#include "link_message.h"

#include <linux/can/netlink.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <string.h>

_Static_assert(sizeof(((struct ct_link_message *)0)->name) == IFNAMSIZ, "an interface name");

struct span {
    const uint8_t *data;
    size_t len;
};

struct attribute {
    unsigned type;
    struct span value;
};

/* Takes the first attribute off `rest`; false at the end and where a length does not fit. */
static bool next_attribute(struct span *rest, struct attribute *out)
{
    struct rtattr head;
    if (rest->len < sizeof head) {
        return false;
    }
    memcpy(&head, rest->data, sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > rest->len) {
        return false;
    }
    out->type = head.rta_type & (unsigned)NLA_TYPE_MASK;
    out->value = (struct span){rest->data + sizeof head, head.rta_len - sizeof head};
    const size_t whole = RTA_ALIGN((size_t)head.rta_len);
    const size_t step = whole < rest->len ? whole : rest->len;
    rest->data += step;
    rest->len -= step;
    return true;
}

/* The first `size` bytes of the value, if it has them. */
static bool take(struct span value, void *out, size_t size)
{
    if (value.len < size) {
        return false;
    }
    memcpy(out, value.data, size);
    return true;
}

/* struct can_bittiming begins with the bit rate. */
_Static_assert(offsetof(struct can_bittiming, bitrate) == 0, "bit rate first");

static void take_can(struct span rest, struct ct_link_message *m)
{
    struct attribute a;
    struct can_berr_counter counters;
    while (next_attribute(&rest, &a)) {
        switch (a.type) {
        case IFLA_CAN_BITTIMING:
            (void)take(a.value, &m->bitrate, sizeof m->bitrate);
            break;
        case IFLA_CAN_DATA_BITTIMING:
            (void)take(a.value, &m->data_bitrate, sizeof m->data_bitrate);
            break;
        case IFLA_CAN_STATE:
            m->has_state = take(a.value, &m->state, sizeof m->state);
            break;
        case IFLA_CAN_RESTART_MS:
            m->has_restart = take(a.value, &m->restart_ms, sizeof m->restart_ms);
            break;
        case IFLA_CAN_BERR_COUNTER:
            if (take(a.value, &counters, sizeof counters)) {
                m->has_counters = true;
                m->tx_errors = counters.txerr;
                m->rx_errors = counters.rxerr;
            }
            break;
        default:
            break;
        }
    }
}

static void take_info(struct span rest, struct ct_link_message *m)
{
    struct attribute a;
    struct span data = {NULL, 0};
    bool can = false;
    while (next_attribute(&rest, &a)) {
        if (a.type == IFLA_INFO_KIND) {
            can = a.value.len >= 3 && memcmp(a.value.data, "can", 3) == 0 && (a.value.len == 3 || a.value.data[3] == 0);
        } else if (a.type == IFLA_INFO_DATA) {
            data = a.value;
        }
    }
    if (can) {
        take_can(data, m);
    }
}

static void take_statistics(struct span value, struct ct_link_message *m)
{
    struct rtnl_link_stats64 stats;
    /* Newer kernels append to it. */
    if (take(value, &stats, offsetof(struct rtnl_link_stats64, tx_compressed))) {
        /* Over: the controller's buffer. Fifo: the driver's queue, whose frames the kernel's rx-offload, which most
         * drivers use, also counts as dropped. */
        const uint64_t queue = stats.rx_fifo_errors > stats.rx_dropped ? stats.rx_fifo_errors : stats.rx_dropped;
        m->has_lost = true;
        m->lost = stats.rx_over_errors + queue + stats.rx_missed_errors;
    }
}

static void take_name(struct span value, struct ct_link_message *m)
{
    const size_t len = strnlen((const char *)value.data, value.len);
    if (len < sizeof m->name) {
        memcpy(m->name, value.data, len);
        m->name[len] = '\0';
    }
}

static void take_link(struct span rest, struct ct_link_message *m)
{
    struct attribute a;
    while (next_attribute(&rest, &a)) {
        switch (a.type) {
        case IFLA_IFNAME:
            take_name(a.value, m);
            break;
        case IFLA_MTU:
            (void)take(a.value, &m->mtu, sizeof m->mtu);
            break;
        case IFLA_LINKINFO:
            take_info(a.value, m);
            break;
        case IFLA_STATS64:
            take_statistics(a.value, m);
            break;
        default:
            break;
        }
    }
}

int ct_link_message_next(const uint8_t *data, size_t len, size_t *offset, struct ct_link_message *out_message)
{
    while (*offset < len) {
        const struct span rest = {data + *offset, len - *offset};
        struct nlmsghdr head;
        struct ifinfomsg info;
        if (!take(rest, &head, sizeof head) || head.nlmsg_len < sizeof head || head.nlmsg_len > rest.len) {
            return CT_ERR_CORRUPT;
        }
        const size_t whole = NLMSG_ALIGN((size_t)head.nlmsg_len);
        *offset += whole < rest.len ? whole : rest.len;
        const struct span body = {rest.data + sizeof head, head.nlmsg_len - sizeof head};
        if ((head.nlmsg_type != RTM_NEWLINK && head.nlmsg_type != RTM_DELLINK) || !take(body, &info, sizeof info)) {
            continue;
        }
        const size_t skip = NLMSG_ALIGN(sizeof info);
        struct ct_link_message message = {.index = info.ifi_index,
                                          .gone = head.nlmsg_type == RTM_DELLINK,
                                          .up = (info.ifi_flags & (unsigned)IFF_UP) != 0};
        take_link((struct span){body.data + skip, body.len - skip}, &message);
        *out_message = message;
        return CT_OK;
    }
    return CT_ERR_END;
}
