/* What is wrong with what people wrote, as lines for them. A reader of a file adds each problem it finds; the buffer's
 * size says how many are wanted: one of CT_PROBLEMS_ALL bytes or more gets all of them, a line each, a smaller one only
 * the first. Thread-safe: works on the buffer alone. */
#ifndef CT_BASE_PROBLEMS_H
#define CT_BASE_PROBLEMS_H

#include "errors.h"

#include <stdbool.h>
#include <stddef.h>

#define CT_PROBLEMS_ALL (64U * 1024U)

static inline bool ct_problems_all(size_t size)
{
    return size >= CT_PROBLEMS_ALL;
}

/* What a reader does first: a buffer for one problem is emptied, one for all keeps what other readers have found (its
 * owner has emptied it). */
void ct_problems_begin(char *problems, size_t size);

/* Adds a problem; control characters in it become '?', so that it is one line. What does not fit is left out. */
void ct_problems_add(char *problems, size_t size, const char *format, ...) CT_PRINTF(3, 4);

#endif
