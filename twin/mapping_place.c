#include "mapping_place.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct cursor {
    const char *at, *end;
    struct ct_json_place place; /* of `at` */
};

static void step(struct cursor *cursor)
{
    const bool line = *cursor->at++ == '\n';
    cursor->place.line += line ? 1 : 0;
    cursor->place.column = line ? 1 : cursor->place.column + 1;
}

/* From the quote that opens a text to behind the one that closes it. */
static void skip_text(struct cursor *cursor)
{
    step(cursor);
    while (cursor->at < cursor->end && *cursor->at != '"') {
        if (*cursor->at == '\\' && cursor->at + 1 < cursor->end) {
            step(cursor);
        }
        step(cursor);
    }
    if (cursor->at < cursor->end) {
        step(cursor);
    }
}

static int add(struct ct_json_places *places, struct ct_json_place place)
{
    if (places->count == places->capacity) {
        const size_t capacity = places->capacity == 0 ? 256 : places->capacity * 2;
        struct ct_json_place *keys = realloc(places->keys, capacity * sizeof *keys);
        if (keys == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        places->keys = keys;
        places->capacity = capacity;
    }
    places->keys[places->count++] = place;
    return CT_OK;
}

int ct_json_places_read(struct ct_json_places *places, const char *text, size_t len)
{
    struct cursor cursor = {text, text + len, {1, 1}};
    while (cursor.at < cursor.end) {
        if (*cursor.at != '"') {
            step(&cursor);
            continue;
        }
        const struct ct_json_place place = cursor.place;
        skip_text(&cursor);
        while (cursor.at < cursor.end && (unsigned char)*cursor.at <= ' ') { /* as cJSON takes blanks */
            step(&cursor);
        }
        const bool key = cursor.at < cursor.end && *cursor.at == ':';
        const int err = key ? add(places, place) : CT_OK;
        if (err != CT_OK) {
            return err;
        }
    }
    return CT_OK;
}

void ct_json_places_free(struct ct_json_places *places)
{
    free(places->keys);
    *places = (struct ct_json_places){0};
}

size_t ct_json_key_count(const cJSON *json)
{
    size_t count = 0;
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, json)
    {
        count += (cJSON_IsObject(json) ? 1 : 0) + ct_json_key_count(item); /* as deep as cJSON nests: 1,000 */
    }
    return count;
}
