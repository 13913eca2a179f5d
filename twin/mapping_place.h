/* Where the keys of a JSON text stand: cJSON does not say. Keys are counted in the order of the text, which is that of
 * a walk over the tree from top to bottom. Private to twin/. Caller-allocated; not thread-safe. */
#ifndef CT_TWIN_MAPPING_PLACE_H
#define CT_TWIN_MAPPING_PLACE_H

#include "errors.h"

#include <cjson/cJSON.h>

#include <stddef.h>
#include <stdint.h>

struct ct_json_place {
    uint32_t line, column; /* from 1 */
};

struct ct_json_places {
    struct ct_json_place *keys;
    size_t count, capacity;
};

/* Of all keys in a text that cJSON has read. CT_ERR_NO_MEMORY. */
int ct_json_places_read(struct ct_json_places *places, const char *text, size_t len) CT_MUST_CHECK;
void ct_json_places_free(struct ct_json_places *places);

/* How many keys a value holds, those in its members included. Linear in its size. */
size_t ct_json_key_count(const cJSON *json);

#endif
