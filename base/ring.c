#include "ring.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Records lie whole in memory: one that would wrap is preceded by a filler up to the end. */
struct record_head {
    uint32_t len;
    uint32_t type;
};

#define FILLER     UINT32_MAX
#define CACHE_LINE 64

struct ct_ring {
    size_t capacity; /* a power of two */
    uint8_t *memory;
    _Alignas(CACHE_LINE) _Atomic size_t head; /* written by the producer: bytes ever pushed */
    _Atomic uint64_t refused;
    _Alignas(CACHE_LINE) _Atomic size_t tail; /* written by the consumer: bytes ever popped */
};

int ct_ring_create(size_t capacity, struct ct_ring **out_ring)
{
    size_t rounded = 256;
    while (rounded < capacity) {
        if (rounded > SIZE_MAX / 4) {
            return CT_ERR_TOO_LARGE;
        }
        rounded *= 2;
    }
    struct ct_ring *ring = aligned_alloc(CACHE_LINE, sizeof *ring);
    uint8_t *memory = malloc(rounded);
    if (ring == NULL || memory == NULL) {
        free(ring);
        free(memory);
        return CT_ERR_NO_MEMORY;
    }
    memset(ring, 0, sizeof *ring);
    ring->capacity = rounded;
    ring->memory = memory;
    *out_ring = ring;
    return CT_OK;
}

void ct_ring_destroy(struct ct_ring *ring)
{
    if (ring != NULL) {
        free(ring->memory);
        free(ring);
    }
}

static size_t record_size(size_t len)
{
    return sizeof(struct record_head) + ((len + 7) & ~(size_t)7);
}

static int refuse(struct ct_ring *ring, int err)
{
    atomic_fetch_add_explicit(&ring->refused, 1, memory_order_relaxed);
    return err;
}

int ct_ring_push2(struct ct_ring *ring, uint32_t type, const void *head_data, size_t head_len, const void *data,
                  size_t len)
{
    const size_t total = head_len + len;
    if (total > ring->capacity / 2 - sizeof(struct record_head)) {
        return refuse(ring, CT_ERR_TOO_LARGE);
    }
    const size_t size = record_size(total);
    size_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    const size_t at = head & (ring->capacity - 1);
    const size_t to_end = ring->capacity - at;
    const size_t skip = to_end < size ? to_end : 0;
    if (ring->capacity - (head - tail) < size + skip) {
        return refuse(ring, CT_ERR_FULL);
    }
    if (skip > 0) {
        const struct record_head filler = {(uint32_t)(skip - sizeof filler), FILLER};
        memcpy(ring->memory + at, &filler, sizeof filler);
        head += skip;
    }
    uint8_t *to = ring->memory + (head & (ring->capacity - 1));
    const struct record_head record = {(uint32_t)total, type};
    memcpy(to, &record, sizeof record);
    if (head_len > 0) {
        memcpy(to + sizeof record, head_data, head_len);
    }
    if (len > 0) {
        memcpy(to + sizeof record + head_len, data, len);
    }
    atomic_store_explicit(&ring->head, head + size, memory_order_release);
    return CT_OK;
}

int ct_ring_push(struct ct_ring *ring, uint32_t type, const void *data, size_t len)
{
    return ct_ring_push2(ring, type, NULL, 0, data, len);
}

int ct_ring_peek(struct ct_ring *ring, uint32_t *out_type, const void **out_data, size_t *out_len)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    const size_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    if (tail == head) {
        return CT_ERR_AGAIN;
    }
    const uint8_t *from = ring->memory + (tail & (ring->capacity - 1));
    struct record_head record;
    memcpy(&record, from, sizeof record);
    if (record.type == FILLER) {
        /* A filler is only ever published together with the record behind it. */
        tail += sizeof record + record.len;
        atomic_store_explicit(&ring->tail, tail, memory_order_release);
        from = ring->memory + (tail & (ring->capacity - 1));
        memcpy(&record, from, sizeof record);
    }
    *out_type = record.type;
    *out_data = from + sizeof record;
    *out_len = record.len;
    return CT_OK;
}

void ct_ring_pop(struct ct_ring *ring)
{
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    struct record_head record;
    memcpy(&record, ring->memory + (tail & (ring->capacity - 1)), sizeof record);
    atomic_store_explicit(&ring->tail, tail + record_size(record.len), memory_order_release);
}

uint64_t ct_ring_refused(const struct ct_ring *ring)
{
    return atomic_load_explicit(&ring->refused, memory_order_relaxed);
}

size_t ct_ring_used(const struct ct_ring *ring)
{
    const size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    return atomic_load_explicit(&ring->head, memory_order_relaxed) - tail;
}
