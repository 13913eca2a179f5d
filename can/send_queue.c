#include "send_queue.h"

static void drop_first(struct ct_send_queue *queue)
{
    queue->first = (queue->first + 1) % CT_SEND_QUEUE_MAX;
    queue->count--;
}

void ct_send_queue_init(struct ct_send_queue *queue)
{
    queue->first = 0;
    queue->count = 0;
    queue->backoff = 0;
    queue->retry_at = 0;
    queue->refused_since = CT_NS_NEVER;
    queue->expired = 0;
}

int ct_send_queue_push(struct ct_send_queue *queue, const struct ct_frame *frame, ct_ns deadline)
{
    if (queue->count == CT_SEND_QUEUE_MAX) {
        return CT_ERR_FULL;
    }
    struct ct_send_slot *slot = &queue->slots[(queue->first + queue->count) % CT_SEND_QUEUE_MAX];
    slot->deadline = deadline;
    slot->frame = *frame;
    queue->count++;
    return CT_OK;
}

const struct ct_frame *ct_send_queue_next(struct ct_send_queue *queue, ct_ns now)
{
    while (queue->count > 0 && queue->slots[queue->first].deadline <= now) {
        drop_first(queue);
        queue->expired++;
    }
    return queue->count > 0 && now >= queue->retry_at ? &queue->slots[queue->first].frame : NULL;
}

void ct_send_queue_taken(struct ct_send_queue *queue)
{
    drop_first(queue);
    queue->backoff = 0;
    queue->retry_at = 0;
    queue->refused_since = CT_NS_NEVER;
}

void ct_send_queue_refused(struct ct_send_queue *queue, ct_ns now)
{
    const ct_ns doubled = queue->backoff == 0 ? CT_SEND_BACKOFF_MIN : 2 * queue->backoff;
    queue->backoff = ct_ns_min(doubled, CT_SEND_BACKOFF_MAX);
    queue->retry_at = ct_ns_add(now, queue->backoff);
    queue->refused_since = ct_ns_min(queue->refused_since, now);
}

ct_ns ct_send_queue_due(const struct ct_send_queue *queue)
{
    return queue->count > 0 ? queue->retry_at : CT_NS_NEVER;
}

bool ct_send_queue_blocked(const struct ct_send_queue *queue, ct_ns now)
{
    return queue->refused_since != CT_NS_NEVER && now >= ct_ns_add(queue->refused_since, CT_SEND_BLOCKED_AFTER);
}
