/* The raw value that an entry had last in one batch: both sides of Batch.raw_step count from it. A table on the
 * caller's stack, as large as the batch needs. Private to proto/. Thread-safe: no state. */
#ifndef CT_PROTO_BATCH_LAST_H
#define CT_PROTO_BATCH_LAST_H

#include "batch.h"

#include <string.h>

#define CT_BATCH_LAST_SLOTS (2 * CT_BATCH_SAMPLES_MAX)

struct ct_batch_last {
    size_t mask;
    struct {
        uint64_t key; /* id + 1; 0: free */
        uint64_t raw;
    } slots[CT_BATCH_LAST_SLOTS];
};

/* For at most `count` (<= CT_BATCH_SAMPLES_MAX) samples. */
static inline void ct_batch_last_init(struct ct_batch_last *last, size_t count)
{
    size_t size = 16;
    while (size < 2 * count) {
        size *= 2;
    }
    last->mask = size - 1;
    memset(last->slots, 0, size * sizeof last->slots[0]);
}

/* 0 before the first. The pointer is to be written. */
static inline uint64_t *ct_batch_last_of(struct ct_batch_last *last, uint32_t id)
{
    const uint64_t key = (uint64_t)id + 1;
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & last->mask;
    while (last->slots[at].key != 0 && last->slots[at].key != key) {
        at = (at + 1) & last->mask;
    }
    last->slots[at].key = key;
    return &last->slots[at].raw;
}

#endif
