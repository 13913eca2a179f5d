/* A bounded ring of variable-length records between exactly one producer thread and one consumer thread.
 *
 * Owns its memory (one allocation at create). A full ring refuses the record, counts it in `refused`, and the producer
 * decides what that loss means. Never blocks; waking the other side is the caller's business (an eventfd).
 * Threads: push and reserve/commit from the producer only, peek/pop from the consumer only. */
#ifndef CT_BASE_RING_H
#define CT_BASE_RING_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_ring;

/* capacity: bytes, rounded up to a power of two. A record takes its length + 8, rounded up to 8. */
int ct_ring_create(size_t capacity, struct ct_ring **out_ring) CT_MUST_CHECK;
void ct_ring_destroy(struct ct_ring *ring); /* accepts NULL */

/* Appends one record; CT_ERR_FULL when there is no room now, CT_ERR_TOO_LARGE when it can never fit (half the ring). */
int ct_ring_push(struct ct_ring *ring, uint32_t type, const void *data, size_t len) CT_MUST_CHECK;

/* Two parts that become one record; spares the caller a copy. */
int ct_ring_push2(struct ct_ring *ring, uint32_t type, const void *head, size_t head_len, const void *data,
                  size_t len) CT_MUST_CHECK;

/* The oldest record, valid until ct_ring_pop; CT_ERR_AGAIN when empty. Data is aligned to 8. */
int ct_ring_peek(struct ct_ring *ring, uint32_t *out_type, const void **out_data, size_t *out_len) CT_MUST_CHECK;
void ct_ring_pop(struct ct_ring *ring);

uint64_t ct_ring_refused(const struct ct_ring *ring); /* records refused since create; any thread */
size_t ct_ring_used(const struct ct_ring *ring);      /* bytes in use, a snapshot; any thread */

#endif
