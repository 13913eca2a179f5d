/* Finds the number of a name in O(1): a hash table of indexes whose names stay with the owner.
 * Shared by twin and fleet. Caller-allocated (zero is empty), not thread-safe for writers. */
#ifndef CT_TWIN_NAME_TABLE_H
#define CT_TWIN_NAME_TABLE_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_name_slot {
    const char *name; /* NULL: free */
    uint32_t index;
    uint32_t hash; /* of the name */
};

struct ct_name_table {
    struct ct_name_slot *slots; /* a power of two, at most half full */
    size_t slot_count;
    size_t count;
};

/* `name` is kept, not copied. CT_ERR_EXISTS, CT_ERR_NO_MEMORY. */
int ct_name_table_add(struct ct_name_table *table, const char *name, uint32_t index) CT_MUST_CHECK;
int ct_name_table_find(const struct ct_name_table *table, const char *name, uint32_t *out_index) CT_MUST_CHECK;
void ct_name_table_free(struct ct_name_table *table);

#endif
