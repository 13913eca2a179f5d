#include "deadlines.h"

#include <stdlib.h>

int ct_deadlines_create(struct ct_deadlines *deadlines, size_t ids)
{
    deadlines->count = 0;
    deadlines->heap = calloc(ids + 1, sizeof(*deadlines->heap));
    deadlines->places = calloc(ids + 1, sizeof(*deadlines->places));
    return deadlines->heap == NULL || deadlines->places == NULL ? CT_ERR_NO_MEMORY : CT_OK;
}

void ct_deadlines_free(struct ct_deadlines *deadlines)
{
    free(deadlines->heap);
    free(deadlines->places);
}

static void place(struct ct_deadlines *deadlines, size_t index, struct ct_deadline deadline)
{
    deadlines->heap[index] = deadline;
    deadlines->places[deadline.id] = (uint32_t)index + 1;
}

static void sift_up(struct ct_deadlines *deadlines, size_t index, struct ct_deadline deadline)
{
    while (index > 0) {
        const size_t parent = (index - 1) / 2;
        if (deadlines->heap[parent].key <= deadline.key) {
            break;
        }
        place(deadlines, index, deadlines->heap[parent]);
        index = parent;
    }
    place(deadlines, index, deadline);
}

static void sift_down(struct ct_deadlines *deadlines, size_t index, struct ct_deadline deadline)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= deadlines->count) {
            break;
        }
        if (child + 1 < deadlines->count && deadlines->heap[child + 1].key < deadlines->heap[child].key) {
            child++;
        }
        if (deadlines->heap[child].key >= deadline.key) {
            break;
        }
        place(deadlines, index, deadlines->heap[child]);
        index = child;
    }
    place(deadlines, index, deadline);
}

void ct_deadlines_arm(struct ct_deadlines *deadlines, uint32_t id, ct_ns due)
{
    const uint32_t at = deadlines->places[id];
    const struct ct_deadline deadline = {due, id};
    if (due == CT_NS_NEVER) {
        return;
    }
    if (at == 0) {
        sift_up(deadlines, deadlines->count++, deadline);
    } else if (due < deadlines->heap[at - 1].key) {
        sift_up(deadlines, at - 1, deadline);
    }
}

int ct_deadlines_first(const struct ct_deadlines *deadlines, ct_ns now, uint32_t *out_id)
{
    if (deadlines->count == 0 || deadlines->heap[0].key > now) {
        return CT_ERR_END;
    }
    *out_id = deadlines->heap[0].id;
    return CT_OK;
}

void ct_deadlines_settle(struct ct_deadlines *deadlines, ct_ns due)
{
    if (due != CT_NS_NEVER) {
        sift_down(deadlines, 0, (struct ct_deadline){due, deadlines->heap[0].id});
        return;
    }
    deadlines->places[deadlines->heap[0].id] = 0;
    deadlines->count--;
    if (deadlines->count > 0) {
        sift_down(deadlines, 0, deadlines->heap[deadlines->count]);
    }
}

ct_ns ct_deadlines_next(const struct ct_deadlines *deadlines)
{
    return deadlines->count == 0 ? CT_NS_NEVER : deadlines->heap[0].key;
}
