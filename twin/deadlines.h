/* Which entry times out next: a heap with at most one place per entry. Putting a deadline off costs nothing, because
 * the place keeps the older, earlier one until it comes up and is then put right.
 * Private to twin. Belongs to one thread. */
#ifndef CT_TWIN_DEADLINES_H
#define CT_TWIN_DEADLINES_H

#include "errors.h"
#include "time_ns.h"

#include <stddef.h>
#include <stdint.h>

struct ct_deadline {
    ct_ns key; /* never later than due[id] */
    uint32_t id;
};

struct ct_deadlines {
    struct ct_deadline *heap; /* earliest first */
    size_t count;
    uint32_t *places; /* per id: index in heap + 1; 0 not armed */
    ct_ns *due;       /* per id: the true deadline */
};

int ct_deadlines_create(struct ct_deadlines *deadlines, size_t ids) CT_MUST_CHECK;
void ct_deadlines_free(struct ct_deadlines *deadlines);

/* Sets the deadline of `id`; O(1) when it is armed and the new one is not earlier. CT_NS_NEVER never comes. */
void ct_deadlines_set(struct ct_deadlines *deadlines, uint32_t id, ct_ns due);

/* Takes one id whose deadline has come (due <= now), CT_ERR_END when there is none. */
int ct_deadlines_take(struct ct_deadlines *deadlines, ct_ns now, uint32_t *out_id) CT_MUST_CHECK;

/* When to look again: never later than the earliest deadline. */
ct_ns ct_deadlines_next(const struct ct_deadlines *deadlines);

#endif
