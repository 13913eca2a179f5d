#include "clock.h"
#include "socketcan_frame.h"
#include "socketcan_private.h"

#include <linux/can/error.h>
#include <linux/sock_diag.h>

#include <errno.h>
#include <string.h>
#include <time.h>

#define READS_PER_LINK 64 /* while frames never end, rtnetlink is looked at too */

/* Both sources are one counter of the kernel, and the one of the frames is as old as the frame. */
static void take_dropped(struct socketcan_port *p, uint32_t dropped)
{
    const int32_t more = (int32_t)(dropped - p->dropped);
    if (more > 0) {
        p->port.stats.lost += (uint32_t)more;
        p->dropped = dropped;
        ct_confirm_forget(&p->confirm); /* echoes may have been among them */
    }
}

bool ct_socketcan_unread(const struct socketcan_port *p)
{
    uint8_t byte;
    return p->can_fd >= 0 && recv(p->can_fd, &byte, sizeof byte, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT) >= 0;
}

/* The frame that would tell of the loss comes after it, and may never come. */
void ct_socketcan_count_dropped(struct socketcan_port *p)
{
    uint32_t numbers[SK_MEMINFO_VARS];
    socklen_t size = sizeof numbers;
    if (p->can_fd >= 0 && getsockopt(p->can_fd, SOL_SOCKET, SO_MEMINFO, numbers, &size) == 0 &&
        size > SK_MEMINFO_DROPS * sizeof numbers[0]) {
        take_dropped(p, numbers[SK_MEMINFO_DROPS]);
    }
}

static int64_t take_control(struct socketcan_port *p, struct msghdr *message)
{
    int64_t stamp_utc = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET) {
            continue;
        }
        if (c->cmsg_type == SCM_TIMESTAMPING) {
            struct timespec stamps[3]; /* software, unused, hardware */
            memcpy(stamps, CMSG_DATA(c), sizeof stamps);
            stamp_utc = (int64_t)stamps[0].tv_sec * CT_NS_PER_S + stamps[0].tv_nsec;
        } else if (c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t dropped;
            memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
            take_dropped(p, dropped);
        }
    }
    return stamp_utc;
}

static void prepare(struct socketcan_port *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct socketcan_slot *slot = &p->slots[i];
        slot->part = (struct iovec){&slot->frame, sizeof slot->frame};
        p->messages[i].msg_hdr = (struct msghdr){.msg_iov = &slot->part,
                                                 .msg_iovlen = 1,
                                                 .msg_control = slot->control,
                                                 .msg_controllen = sizeof slot->control};
    }
}

static void watch_flood(struct socketcan_port *p, const struct ct_frame *frame, ct_ns now)
{
    if ((frame->flags & CT_FRAME_ERR) == 0 || p->flood_muted) {
        return;
    }
    if (now >= p->flood_until) {
        p->flood_until = ct_ns_add(now, CT_NS_PER_S);
        p->flood_count = 0;
    }
    if ((frame->id & (CAN_ERR_PROT | CAN_ERR_ACK | CAN_ERR_BUSERROR | CAN_ERR_LOSTARB)) != 0 &&
        ++p->flood_count > CT_SOCKETCAN_BUS_ERRORS_MAX) {
        (void)ct_socketcan_mute_bus_errors(p, true);
    }
}

/* True when the frame is for the reader. */
static bool take_flags(struct socketcan_port *p, unsigned message_flags, struct ct_frame *frame)
{
    if ((message_flags & MSG_CONFIRM) == 0) {
        return true;
    }
    p->port.stats.confirmed++; /* sent by this very socket, and the bus has carried it */
    ct_confirm_echo(&p->confirm, frame);
    frame->flags |= CT_FRAME_SENT;
    return p->own;
}

static size_t take_batch(struct socketcan_port *p, size_t received, bool empty, struct ct_frame *out_frames)
{
    ct_ns now = 0;
    ct_ns utc_now = 0;
    size_t n = 0;
    ct_clock_both(&now, &utc_now);
    for (size_t i = 0; i < received; i++) {
        struct mmsghdr *message = &p->messages[i];
        const int64_t stamp = take_control(p, &message->msg_hdr);
        struct ct_frame *frame = &out_frames[n];
        if (ct_socketcan_to_frame(&p->slots[i].frame, message->msg_len, frame) != CT_OK) {
            p->port.stats.malformed++;
            continue;
        }
        frame->t_ns = ct_stamp_boot(&p->clock, stamp, utc_now, now);
        frame->utc_ns = stamp != 0 ? stamp : utc_now;
        watch_flood(p, frame, now);
        n += take_flags(p, (unsigned)message->msg_hdr.msg_flags, frame) ? 1 : 0;
    }
    ct_stamp_batch_end(&p->clock, utc_now, now, empty);
    return n;
}

static int read_error(struct socketcan_port *p, int errnum)
{
    if (errnum == EAGAIN || errnum == EINTR) {
        return p->port.stats.up ? CT_ERR_AGAIN : CT_ERR_DOWN;
    }
    /* Each is told once, ahead of the frames that were received before: those are read next. */
    if (errnum == ENETDOWN) {
        ct_socketcan_set_up(p, false);
        ct_socketcan_look_up(p);
        return CT_OK;
    }
    if (errnum == ENODEV || errnum == ENXIO) {
        ct_socketcan_set_gone(p); /* this socket stays silent even when an interface of the name comes back */
        return CT_OK;
    }
    return ct_err_from_errno(errnum);
}

/* One batch; CT_ERR_AGAIN when there was nothing, or nothing more behind it. A batch of nothing but own frames is
 * empty.
 */
static int read_batch(struct socketcan_port *p, struct ct_frame *out_frames, size_t want, size_t *out_count)
{
    prepare(p, want);
    const int received = recvmmsg(p->can_fd, p->messages, (unsigned)want, MSG_DONTWAIT, NULL);
    if (received < 0) {
        return read_error(p, errno);
    }
    p->active = true;
    const bool empty = (size_t)received < want;
    *out_count = take_batch(p, (size_t)received, empty, out_frames);
    return empty ? CT_ERR_AGAIN : CT_OK;
}

static int read_queue(struct socketcan_port *p, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    size_t n = 0;
    int err = p->can_fd >= 0 ? CT_OK : CT_ERR_DOWN;
    while (err == CT_OK && n < max) {
        const size_t want = max - n < SOCKETCAN_BATCH ? max - n : SOCKETCAN_BATCH;
        size_t got = 0;
        err = read_batch(p, out_frames + n, want, &got);
        n += got;
    }
    *out_count = n;
    return n > 0 ? CT_OK : err;
}

int ct_socketcan_read(struct ct_port *port, struct ct_frame *out_frames, size_t max, size_t *out_count)
{
    struct socketcan_port *p = (struct socketcan_port *)port;
    int err = read_queue(p, out_frames, max, out_count);
    if (*out_count == 0 || ++p->reads_since_link >= READS_PER_LINK) {
        p->reads_since_link = 0;
        ct_socketcan_link_read(p);
        if (p->gone && *out_count == 0) { /* between the two reads frames may have come */
            err = read_queue(p, out_frames, max, out_count);
        }
    }
    if (*out_count == 0 && p->gone) {
        ct_socketcan_follow(p);
    }
    if (err == CT_ERR_DOWN || err == CT_ERR_AGAIN) {
        err = port->stats.up ? CT_ERR_AGAIN : CT_ERR_DOWN;
    }
    port->stats.received += *out_count;
    return err;
}
