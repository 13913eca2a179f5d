#include "arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)16384)
#define ALIGN      ((size_t)16)

struct ct_arena_block {
    struct ct_arena_block *next;
    size_t used;
    size_t size;
    _Alignas(16) uint8_t data[];
};

static struct ct_arena_block *add_block(struct ct_arena *arena, size_t size)
{
    struct ct_arena_block *block = calloc(1, sizeof(*block) + size);
    if (block != NULL) {
        block->size = size;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *ct_arena_alloc(struct ct_arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2) {
        return NULL;
    }
    const size_t need = (size + ALIGN - 1) & ~(ALIGN - 1);
    struct ct_arena_block *block = arena->blocks;
    if (block == NULL || block->size - block->used < need) {
        block = add_block(arena, need > BLOCK_SIZE ? need : BLOCK_SIZE);
    }
    if (block == NULL) {
        return NULL;
    }
    void *memory = block->data + block->used;
    block->used += need;
    return memory;
}

char *ct_arena_text(struct ct_arena *arena, const char *text, size_t len)
{
    char *copy = ct_arena_alloc(arena, len + 1);
    if (copy != NULL) {
        memcpy(copy, text, len);
    }
    return copy;
}

void ct_arena_free(struct ct_arena *arena)
{
    struct ct_arena_block *block = arena->blocks;
    arena->blocks = NULL;
    while (block != NULL) {
        struct ct_arena_block *next = block->next;
        free(block);
        block = next;
    }
}
