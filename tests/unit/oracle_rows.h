/* The rows of the corpus oracle, each with the message it speaks of. Not part of the product. */
#ifndef CT_TESTS_ORACLE_ROWS_H
#define CT_TESTS_ORACLE_ROWS_H

#include "codec.h"
#include "dbc_corpus.h"

struct oracle_row {
    const char *file;                       /* the database */
    const char *name;                       /* the message, as the oracle calls it */
    const char *hex;                        /* payload as text */
    const struct ct_codec_message *message; /* NULL: the database has none of this id and name */
    const uint8_t *data; /* an allocation of exactly `len` bytes, so that the sanitizer sees a byte read too far */
    size_t len;
    const struct json_value *json;
};
typedef void (*oracle_row_fn)(void *user, const struct oracle_row *row);

/* Calls `fn` for every row of every database. Skips the running test where there is no corpus. Returns the number of
 * databases. */
uint64_t oracle_each_row(oracle_row_fn fn, void *user);

/* The oracle read every file as Windows-1252; a file that is UTF-8 has its umlauts taken apart there. Two such names
 * are compared without what is not ASCII. */
bool oracle_same_name(const char *ours, const char *theirs);

#endif
