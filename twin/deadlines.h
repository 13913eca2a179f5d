/* What times out next: a heap with at most one place per id. A place keeps a key that is never later than the true
 * deadline, which its owner knows: putting a deadline off costs nothing, and is put right when the key comes up.
 * Private to twin. Belongs to one thread. */
#ifndef CT_TWIN_DEADLINES_H
#define CT_TWIN_DEADLINES_H

#include "errors.h"
#include "time_ns.h"

#include <stddef.h>
#include <stdint.h>

struct ct_deadline {
    ct_ns key;
    uint32_t id;
};

struct ct_deadlines {
    struct ct_deadline *heap; /* earliest first */
    size_t count;
    uint32_t *places; /* per id: index in heap + 1; 0 not armed */
};

int ct_deadlines_create(struct ct_deadlines *deadlines, size_t ids) CT_MUST_CHECK;
void ct_deadlines_free(struct ct_deadlines *deadlines);

/* The deadline of `id` may be as early as `due`; O(1) when it is armed and `due` is not earlier. CT_NS_NEVER does
 * nothing. */
void ct_deadlines_arm(struct ct_deadlines *deadlines, uint32_t id, ct_ns due);

/* The first id whose key has come (key <= now): to be followed by ct_deadlines_settle. CT_ERR_END when there is none.
 */
int ct_deadlines_first(const struct ct_deadlines *deadlines, ct_ns now, uint32_t *out_id) CT_MUST_CHECK;

/* The true deadline of the first id: its new key, or, when it is CT_NS_NEVER, the end of its place. */
void ct_deadlines_settle(struct ct_deadlines *deadlines, ct_ns due);

/* When to look again: never later than the earliest deadline. */
ct_ns ct_deadlines_next(const struct ct_deadlines *deadlines);

#endif
