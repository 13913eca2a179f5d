/* Transforms of mapping files: how they are held and read. Private to twin; applied by ct_transform_apply (mapping.h).
 */
#ifndef CT_TWIN_TRANSFORM_H
#define CT_TWIN_TRANSFORM_H

#include "arena.h"
#include "expr.h"
#include "mapping.h"

#include <cjson/cJSON.h>

struct ct_transform_row {
    struct ct_map_value from;
    struct ct_map_value to;
};

struct ct_transform {
    struct ct_transform *next; /* all of one mapping, for freeing */
    struct ct_expr *math;      /* NULL: the table */
    const struct ct_transform_row *rows;
    size_t row_count;
};

/* Reads the JSON value of a "transform" key. `why` gets what is wrong. The transform is linked into *list at once, so
 * that ct_transform_free_all frees it also after a failure. */
int ct_transform_parse(struct ct_arena *arena, const cJSON *json, struct ct_transform **list, char *why,
                       size_t why_size) CT_MUST_CHECK;
void ct_transform_free_all(struct ct_transform *list);

#endif
