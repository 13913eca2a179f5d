#include "codec_plan.h"

#include <stdlib.h>
#include <string.h>

#ifndef CT_CHUNK_SIZE /* the memory test takes tiny ones, so that memory can run out anywhere */
#define CT_CHUNK_SIZE ((size_t)64 * 1024)
#endif

struct codec_chunk {
    _Alignas(CT_LANE_ALIGN) struct codec_chunk *next;
    size_t size; /* of what follows */
};

static bool add_chunk(struct codec_arena *arena, size_t size)
{
    size = size < CT_CHUNK_SIZE ? CT_CHUNK_SIZE : size;
    struct codec_chunk *chunk = aligned_alloc(CT_LANE_ALIGN, sizeof *chunk + size);
    if (chunk == NULL) {
        return false;
    }
    *chunk = (struct codec_chunk){.next = arena->chunks, .size = size};
    arena->chunks = chunk;
    arena->used = 0;
    return true;
}

void *ct_codec_alloc(struct codec_arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    bytes = (bytes + CT_LANE_ALIGN - 1) / CT_LANE_ALIGN * CT_LANE_ALIGN;
    if ((arena->chunks == NULL || arena->chunks->size - arena->used < bytes) && !add_chunk(arena, bytes)) {
        return NULL;
    }
    /* Only what is given out is touched: the rest of a chunk takes no memory. */
    uint8_t *memory = memset((uint8_t *)(arena->chunks + 1) + arena->used, 0, bytes);
    arena->used += bytes;
    return memory;
}

void ct_codec_arena_free(struct codec_arena *arena)
{
    while (arena->chunks != NULL) {
        struct codec_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}
