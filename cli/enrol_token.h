/* Enrolment tokens: what lets a new vehicle in once, and the backend's list of them.
 *
 * A token is text that carries where to ask, the backend's public key, the vehicle's id and 32 secret random bytes. The
 * list (enrol.txt) keeps no secret: lines `HASH VEHICLE EXPIRES KEY`, HASH the hex of BLAKE2b-256 over the secret,
 * EXPIRES in ms since 1970 UTC, KEY the key that used it, `-` while nobody did; `#` starts a comment.
 * No I/O but randomness. Thread-safe: no state. */
#ifndef CT_CLI_ENROL_TOKEN_H
#define CT_CLI_ENROL_TOKEN_H

#include "buf.h"
#include "errors.h"
#include "keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_ENROL_SECRET_SIZE   32
#define CT_ENROL_ENDPOINT_SIZE 128
#define CT_ENROL_VEHICLE_SIZE  65
#define CT_ENROL_TOKEN_SIZE    512 /* as text, with the NUL */
#define CT_ENROL_HASH_SIZE     65  /* as hex, with the NUL */
#define CT_ENROL_ROWS_MAX      100000

struct ct_enrol_token {
    char endpoint[CT_ENROL_ENDPOINT_SIZE];
    char server_key[CT_Z85_KEY_SIZE];
    char vehicle[CT_ENROL_VEHICLE_SIZE];
    uint8_t secret[CT_ENROL_SECRET_SIZE];
};

/* Fills the secret. CT_ERR_IO: this machine gives no randomness. */
int ct_enrol_token_make(struct ct_enrol_token *token) CT_MUST_CHECK;
void ct_enrol_token_format(const struct ct_enrol_token *token, char out_text[CT_ENROL_TOKEN_SIZE]);
/* CT_ERR_SYNTAX: no token; CT_ERR_CORRUPT: one with a mistake in it; CT_ERR_UNSUPPORTED: of a newer version. */
int ct_enrol_token_parse(const char *text, struct ct_enrol_token *out_token) CT_MUST_CHECK;
void ct_enrol_hash(const uint8_t secret[CT_ENROL_SECRET_SIZE], char out_hash[CT_ENROL_HASH_SIZE]);

struct ct_enrol_row {
    char hash[CT_ENROL_HASH_SIZE];
    char vehicle[CT_ENROL_VEHICLE_SIZE];
    int64_t expires_utc_ms;
    char key[CT_Z85_KEY_SIZE]; /* "": not used */
};

/* *out_rows is the caller's to free(). `name` stands for the file in `problem`. */
int ct_enrol_rows_parse(const char *name, const char *text, struct ct_enrol_row **out_rows, size_t *out_count,
                        char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_enrol_row_write(const struct ct_enrol_row *row, struct ct_buf *out);

#define CT_ENROL_VERDICTS(X)                                       \
    X(GRANTED, "granted")                                          \
    X(UNKNOWN, "unknown: not one of this backend's")               \
    X(EXPIRED, "expired")                                          \
    X(USED, "used already")                                        \
    X(LATER, "not now: too many wrong ones came, try again later") \
    X(FAILED, "not possible: the backend's own log says why")
#define CT_ENROL_ENUM(name, text) CT_ENROL_##name,
enum ct_enrol_verdict { CT_ENROL_VERDICTS(CT_ENROL_ENUM) CT_ENROL_VERDICT_COUNT };
#undef CT_ENROL_ENUM

const char *ct_enrol_verdict_text(enum ct_enrol_verdict verdict); /* never NULL */

/* Whether the secret lets `key` in now. The key that used a token may ask again until it expires: its answer may have
 * been lost. *out_row: the token's row, NULL when unknown. */
enum ct_enrol_verdict ct_enrol_judge(struct ct_enrol_row *rows, size_t count,
                                     const uint8_t secret[CT_ENROL_SECRET_SIZE], const char *key, int64_t utc_ms,
                                     struct ct_enrol_row **out_row);

#endif
