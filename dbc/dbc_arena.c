#include "dbc_raw.h"

#include <stdlib.h>
#include <string.h>

#ifndef CT_CHUNK_SIZE /* the memory test takes tiny ones, so that memory can run out anywhere */
#define CT_CHUNK_SIZE ((size_t)64 * 1024)
#endif
#define CHUNK_FIRST CT_CHUNK_SIZE
#define CHUNK_MAX   (64 * CT_CHUNK_SIZE)

/* Objects are taken from the front, texts (which need no alignment) from the back. */
struct dbc_chunk {
    struct dbc_chunk *next;
    size_t used;
    size_t size; /* less what texts have taken */
    size_t room;
    max_align_t data[];
};

/* Each chunk is twice as large as the last, so that their number stays small whatever the file. */
static struct dbc_chunk *add_chunk(struct dbc_arena *arena, size_t size)
{
    size_t room = arena->chunks == NULL ? CHUNK_FIRST : arena->chunks->room * 2;
    room = room > CHUNK_MAX ? CHUNK_MAX : room;
    room = size > room ? size : room;
    struct dbc_chunk *chunk = calloc(1, sizeof *chunk + room);
    if (chunk == NULL) {
        arena->failed = true;
        return NULL;
    }
    chunk->room = room;
    chunk->size = room;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

static struct dbc_chunk *chunk_with(struct dbc_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 4) {
        arena->failed = true;
        return NULL;
    }
    struct dbc_chunk *chunk = arena->chunks;
    return chunk != NULL && chunk->size - chunk->used >= size ? chunk : add_chunk(arena, size);
}

void *ct_dbc_alloc(struct dbc_arena *arena, size_t size)
{
    const size_t align = sizeof(max_align_t) / 2;
    struct dbc_chunk *chunk = chunk_with(arena, size + align);
    if (chunk == NULL) {
        return NULL;
    }
    void *memory = (char *)chunk->data + chunk->used;
    chunk->used += (size + align - 1) / align * align;
    return memory;
}

char *ct_dbc_alloc_text(struct dbc_arena *arena, size_t size)
{
    struct dbc_chunk *chunk = chunk_with(arena, size);
    if (chunk == NULL) {
        return NULL;
    }
    chunk->size -= size;
    return (char *)chunk->data + chunk->size;
}

void *ct_dbc_alloc_array(struct dbc_arena *arena, size_t count, size_t item_size)
{
    return ct_dbc_alloc(arena, (count > 0 ? count : 1) * item_size);
}

void ct_dbc_arena_free(struct dbc_arena *arena)
{
    while (arena->chunks != NULL) {
        struct dbc_chunk *next = arena->chunks->next;
        free(arena->chunks);
        arena->chunks = next;
    }
}

void *ct_dbc_grow(struct dbc_arena *arena, void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (count < *capacity) {
        return items;
    }
    const size_t grown = *capacity == 0 ? 4 : *capacity * 2;
    void *moved = ct_dbc_alloc(arena, grown * item_size);
    if (moved == NULL) {
        return NULL;
    }
    if (count > 0) {
        memcpy(moved, items, count * item_size);
    }
    *capacity = grown;
    return moved;
}
