/* Inside of the SocketCAN port: socketcan.c (the port), socketcan_bind.c (socket and its options), socketcan_receive.c,
 * socketcan_send.c, socketcan_link.c (rtnetlink). */
#ifndef CT_CAN_SOCKETCAN_PRIVATE_H
#define CT_CAN_SOCKETCAN_PRIVATE_H

#include "confirm.h"
#include "link_message.h"
#include "loss_count.h"
#include "send_queue.h"
#include "socketcan.h"
#include "stamp.h"

#include <linux/can/raw.h>

#include <net/if.h>
#include <sys/socket.h>

#define SOCKETCAN_BATCH        32
#define SOCKETCAN_CONTROL_SIZE 128

struct socketcan_slot {
    struct canfd_frame frame;
    struct iovec part;
    _Alignas(struct cmsghdr) uint8_t control[SOCKETCAN_CONTROL_SIZE];
};

struct socketcan_port {
    struct ct_port port; /* port.fd is an epoll descriptor over the two below, and stays the same */
    char interface[IFNAMSIZ];
    int can_fd;  /* -1 while there is no interface */
    int link_fd; /* rtnetlink; -1 where it may not be used */
    int index;   /* of the interface that can_fd is bound to */
    bool gone;   /* that interface was deleted or renamed: what it left is read, then it is let go */
    bool fd_wanted;
    bool fd_capable; /* the interface's MTU carries FD frames */
    bool own;
    ct_ns send_patience;
    ct_ns retry_at; /* looking for the interface */

    struct can_filter filters[CT_SOCKETCAN_FILTERS_MAX];
    size_t filter_count; /* 0: everything */

    /* losses */
    uint32_t dropped;               /* by the socket, as the kernel last counted */
    struct ct_loss_count link_lost; /* by driver and kernel */
    bool active;                    /* frames came since the counts were looked at */
    ct_ns look_at;                  /* when to look again */
    unsigned reads_since_link;

    /* a flood of bus errors is switched off in the kernel for the rest of a second */
    unsigned flood_count;
    ct_ns flood_until;
    bool flood_muted;

    struct ct_stamp_clock clock;
    struct ct_send_queue queue;
    struct ct_confirm confirm;
    struct socketcan_slot slots[SOCKETCAN_BATCH];
    struct mmsghdr messages[SOCKETCAN_BATCH];
};

/* socketcan_bind.c */
int ct_socketcan_bind(struct socketcan_port *p); /* opens and binds; the errno of what failed, 0 when it worked */
void ct_socketcan_let_go(struct socketcan_port *p);
void ct_socketcan_follow(struct socketcan_port *p); /* to the interface that has the name now, if there is one */
void ct_socketcan_set_up(struct socketcan_port *p, bool up);
void ct_socketcan_set_gone(struct socketcan_port *p);
void ct_socketcan_look_up(struct socketcan_port *p); /* whether the interface is up */
int ct_socketcan_apply_filters(const struct socketcan_port *p, int fd);
int ct_socketcan_mute_bus_errors(struct socketcan_port *p, bool mute);

/* socketcan_receive.c */
int ct_socketcan_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count);
bool ct_socketcan_unread(const struct socketcan_port *p);  /* there are frames that nobody has read */
void ct_socketcan_count_dropped(struct socketcan_port *p); /* asks the socket itself */

/* socketcan_send.c */
int ct_socketcan_write(struct ct_port *port, const struct ct_frame *frame);
void ct_socketcan_flush(struct socketcan_port *p, ct_ns now);
/* Counts frames that the bus has not carried in time; returns when to call again. */
ct_ns ct_socketcan_count_unconfirmed(struct socketcan_port *p, ct_ns now);
bool ct_socketcan_unconfirmed(const struct ct_port *port, const struct ct_frame *frame);

/* socketcan_link.c */
void ct_socketcan_link_open(struct socketcan_port *p);
void ct_socketcan_link_ask(const struct socketcan_port *p); /* the answer comes through the descriptor */
void ct_socketcan_link_read(struct socketcan_port *p);

#endif
