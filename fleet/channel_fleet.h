/* One direction between two threads of the daemon: a bounded ring and an eventfd that wakes the reader.
 * One producer thread, one consumer thread. Adapter (eventfd). */
#ifndef CT_FLEET_CHANNEL_FLEET_H
#define CT_FLEET_CHANNEL_FLEET_H

#include "ring.h"

struct ct_fleet_channel {
    struct ct_ring *ring;
    int wake; /* eventfd of the reader, not owned */
};

int ct_fleet_wake_make(int *out_fd) CT_MUST_CHECK;
void ct_fleet_wake(int fd);
void ct_fleet_wake_clear(int fd);

/* Pushes and wakes; CT_ERR_FULL when there is no room. */
int ct_fleet_channel_push(struct ct_fleet_channel *channel, uint32_t type, const void *head, size_t head_len,
                          const void *data, size_t len) CT_MUST_CHECK;

#endif
