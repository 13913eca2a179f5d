/* What rtnetlink tells of a CAN interface: there or gone, up or down, bit rates, controller state, statistics.
 * Pure parsing of a received datagram; no I/O. Thread-safe: no state.
 * Source: <linux/rtnetlink.h>, <linux/if_link.h>, <linux/can/netlink.h>. */
#ifndef CT_CAN_LINK_MESSAGE_H
#define CT_CAN_LINK_MESSAGE_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_link_message {
    int index;     /* of the interface */
    char name[16]; /* "" when not told */
    bool gone;
    bool up;
    uint32_t mtu;                   /* 0: not told */
    uint32_t bitrate, data_bitrate; /* 0: not told */
    bool has_state;
    uint32_t state; /* enum can_state */
    bool has_counters;
    uint16_t tx_errors, rx_errors;
    bool has_restart;
    uint32_t restart_ms; /* after a bus-off; 0: never by itself */
    bool has_lost;
    uint64_t lost; /* frames that driver and kernel dropped on the way to the sockets */
};

/* What to say of one whose restart_ms is 0; its name is the argument. */
#define CT_LINK_NO_RESTART                                                                                        \
    "%s has restart-ms 0: after a bus-off its controller stays off; RestartSec= of systemd-networkd or `ip link " \
    "set DEV type can restart-ms 100` sets it, where the driver can restart"

/* The next message about an interface from *offset on, which moves behind it; others are left out. CT_ERR_END when
 * there is none, CT_ERR_CORRUPT when a length does not fit (the rest of the datagram is unusable). */
int ct_link_message_next(const uint8_t *data, size_t len, size_t *offset,
                         struct ct_link_message *out_message) CT_MUST_CHECK;

#endif
