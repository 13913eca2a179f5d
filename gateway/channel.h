/* A ring between two threads with an eventfd that wakes its consumer. Adapter target gateway_app.
 * Threads: push and notify from the producer, the rest from the consumer. */
#ifndef CT_GATEWAY_CHANNEL_H
#define CT_GATEWAY_CHANNEL_H

#include "ring.h"

#include <stdatomic.h>
#include <stdbool.h>

struct ct_channel {
    struct ct_ring *ring;
    int fd;           /* readable when the consumer has something to do */
    atomic_bool idle; /* the consumer sleeps until it is woken */
};

int ct_channel_open(struct ct_channel *channel, size_t capacity) CT_MUST_CHECK;
void ct_channel_close(struct ct_channel *channel); /* accepts one that is all zero */

/* Wakes the consumer now. */
void ct_channel_wake(struct ct_channel *channel);
/* Wakes the consumer if it sleeps without a deadline of its own; cheap otherwise. Call once after pushing. */
void ct_channel_notify(struct ct_channel *channel);

/* The consumer: forgets past wakes. */
void ct_channel_drain(struct ct_channel *channel);
/* The consumer is about to sleep without a deadline. False: something came meanwhile, look again first. */
bool ct_channel_sleep(struct ct_channel *channel);

#endif
