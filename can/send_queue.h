/* Frames that wait for room on an interface: a bounded queue, first in first out, in which every frame has a deadline.
 * After a refusal it backs off 1, 2, 4, 8, 10, 10 ... ms, so that a blocked interface costs next to nothing.
 * A full queue refuses (the caller keeps the frame); a frame whose deadline passes is dropped and counted.
 * Sans I/O. Belongs to one thread. */
#ifndef CT_CAN_SEND_QUEUE_H
#define CT_CAN_SEND_QUEUE_H

#include "frame.h"

#define CT_SEND_QUEUE_MAX     64
#define CT_SEND_BACKOFF_MIN   (1 * CT_NS_PER_MS)
#define CT_SEND_BACKOFF_MAX   (10 * CT_NS_PER_MS)
#define CT_SEND_BLOCKED_AFTER (1 * CT_NS_PER_S)

struct ct_send_slot {
    ct_ns deadline;
    struct ct_frame frame;
};

struct ct_send_queue {
    struct ct_send_slot slots[CT_SEND_QUEUE_MAX];
    size_t first, count;
    ct_ns backoff, retry_at;
    ct_ns refused_since; /* CT_NS_NEVER: the last frame offered was taken */
    uint64_t expired;    /* frames dropped at their deadline */
};

void ct_send_queue_init(struct ct_send_queue *queue);
/* CT_ERR_FULL when there is no room. */
int ct_send_queue_push(struct ct_send_queue *queue, const struct ct_frame *frame, ct_ns deadline) CT_MUST_CHECK;
/* Drops what is over its deadline; the frame to offer now, NULL when there is none or the back-off still runs. */
const struct ct_frame *ct_send_queue_next(struct ct_send_queue *queue, ct_ns now);
void ct_send_queue_taken(struct ct_send_queue *queue);              /* the frame of _next went out */
void ct_send_queue_refused(struct ct_send_queue *queue, ct_ns now); /* a frame found no room: back off */
ct_ns ct_send_queue_due(const struct ct_send_queue *queue);         /* when to call _next again */
/* Nothing was taken for CT_SEND_BLOCKED_AFTER although something was offered: the bus has a problem. */
bool ct_send_queue_blocked(const struct ct_send_queue *queue, ct_ns now);

#endif
