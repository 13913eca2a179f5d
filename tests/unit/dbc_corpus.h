/* Test helpers of dbc/: where the corpus lies, its oracle rows, and a strict little JSON reader that keeps numbers as
 * their text, so that 64-bit integers stay exact. Not part of the product. */
#ifndef CT_TESTS_DBC_CORPUS_H
#define CT_TESTS_DBC_CORPUS_H

#include "dbc.h"

/* The corpus folder ($CANTWIN_CORPUS, else ../shared/corpus beside the source). Without it the running test is skipped,
 * or failed where CI=true; *out_path is the caller's to free. */
void corpus_require(char **out_path);
char *corpus_join(const char *folder, const char *name);
/* The whole file, decompressed when its name ends in .zst, with a NUL behind it; NULL when it cannot be read. */
char *corpus_read(const char *path, size_t *out_len);

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };
struct json_value {
    enum json_type type;
    char *text; /* numbers as written, strings decoded, "true", "false" */
    char *key;  /* inside an object */
    struct json_value *items;
    size_t count;
};
/* Parses one value and moves *text behind it; NULL when it is no JSON. */
struct json_value *json_read(const char **text);
void json_free(struct json_value *value);
const struct json_value *json_get(const struct json_value *object, const char *key);

/* Doubles between two doubles (0: equal or both NaN). */
uint64_t ulp_distance(double a, double b);

/* A database of the corpus, parsed; reports nothing. */
struct ct_dbc *corpus_dbc(const char *path, char **out_text);

#endif
