/* Memory for objects that are made together and freed together. Pointers stay valid until ct_arena_free.
 * Private to twin. Caller-allocated (zero is empty), not thread-safe. */
#ifndef CT_TWIN_ARENA_H
#define CT_TWIN_ARENA_H

#include <stddef.h>

struct ct_arena_block;

struct ct_arena {
    struct ct_arena_block *blocks; /* newest first */
};

void *ct_arena_alloc(struct ct_arena *arena, size_t size); /* zeroed, aligned to 16; NULL when out of memory */
char *ct_arena_text(struct ct_arena *arena, const char *text, size_t len); /* copy with a final NUL */
void ct_arena_free(struct ct_arena *arena);                                /* back to empty */

#endif
