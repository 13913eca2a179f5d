#include "failing_malloc.h"

#include <stdatomic.h>
#include <stdlib.h>

static _Thread_local size_t countdown; /* 0: not armed */
static _Thread_local bool keep_failing;
static _Thread_local bool failed;

void failing_malloc_arm(size_t n, bool all_after)
{
    countdown = n;
    keep_failing = all_after;
    failed = false;
}

bool failing_malloc_disarm(void)
{
    countdown = 0;
    return failed;
}

/* All threads but the one that arms count together. */
static _Atomic size_t others_left; /* 0: not armed */
static _Atomic bool others_keep_failing;
static _Atomic bool others_failed;
static _Thread_local bool arms_others;

void failing_malloc_arm_others(size_t n, bool all_after)
{
    arms_others = true;
    atomic_store(&others_keep_failing, all_after);
    atomic_store(&others_failed, false);
    atomic_store(&others_left, n);
}

bool failing_malloc_disarm_others(void)
{
    atomic_store(&others_left, 0);
    return atomic_load(&others_failed);
}

static bool fails_as_other(void)
{
    size_t left = atomic_load(&others_left);
    while (left > 0) {
        const size_t next = left > 1 ? left - 1 : atomic_load(&others_keep_failing) ? 1 : 0;
        if (atomic_compare_exchange_weak(&others_left, &left, next)) {
            if (left == 1) {
                atomic_store(&others_failed, true);
            }
            return left == 1;
        }
    }
    return false;
}

static bool fails(void)
{
    if (countdown == 0) {
        return !arms_others && fails_as_other();
    }
    if (countdown > 1) {
        countdown--;
        return false;
    }
    failed = true;
    countdown = keep_failing ? 1 : 0;
    return true;
}

/* The names are the linker's (--wrap). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t align, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t len);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t len);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(align, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t len)
{
    return fails() ? NULL : __real_strndup(text, len);
}
