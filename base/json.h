/* Writes JSON into a ct_buf, commas and escapes included. Errors are the buffer's sticky error.
 * `key` is the member's name inside an object and NULL inside an array or at the top.
 * Numbers follow the project's contract: integers exact (ct_json_int), integers beyond 2^53 as strings where browsers
 * read them (ct_json_int_safe), NaN and infinities as "nan", "inf", "-inf". Strings must be UTF-8; bytes that are not
 * are replaced by U+FFFD. Not thread-safe. */
#ifndef CT_BASE_JSON_H
#define CT_BASE_JSON_H

#include "buf.h"

#include <stdbool.h>
#include <stdint.h>

struct ct_json {
    struct ct_buf *buf;
    bool comma; /* a value stands before on this level */
};

void ct_json_init(struct ct_json *json, struct ct_buf *buf);
void ct_json_object_begin(struct ct_json *json, const char *key);
void ct_json_object_end(struct ct_json *json);
void ct_json_array_begin(struct ct_json *json, const char *key);
void ct_json_array_end(struct ct_json *json);
void ct_json_string(struct ct_json *json, const char *key, const char *text);               /* NULL text: null */
void ct_json_bytes(struct ct_json *json, const char *key, const uint8_t *data, size_t len); /* lower-case hex */
void ct_json_int(struct ct_json *json, const char *key, int64_t value);
void ct_json_uint(struct ct_json *json, const char *key, uint64_t value);
void ct_json_int_safe(struct ct_json *json, const char *key, int64_t value);
void ct_json_uint_safe(struct ct_json *json, const char *key, uint64_t value);
void ct_json_double(struct ct_json *json, const char *key, double value);     /* shortest text that reads back equal */
void ct_json_number(struct ct_json *json, const char *key, const char *text); /* a number as it is written in JSON */
void ct_json_bool(struct ct_json *json, const char *key, bool value);
void ct_json_null(struct ct_json *json, const char *key);

#endif
