/* Who may use the API: names with a role and the hash of their token.
 *
 * A token is 256 random bits, so a plain hash (BLAKE2b-256) keeps it; the token itself is nowhere. A tokens file has
 * lines `NAME ROLE HASH`; `#` starts a comment. Every failure writes one line into `problem`.
 * No I/O. Thread-safe: a table is never changed after it was made. */
#ifndef CT_FLEET_TOKENS_H
#define CT_FLEET_TOKENS_H

#include "errors.h"

#include <stddef.h>

#define CT_TOKENS_MAX      1000
#define CT_TOKEN_USER_MAX  64
#define CT_TOKEN_SIZE      73 /* "cantwin_" and 64 hex digits, with the NUL */
#define CT_TOKEN_HASH_SIZE 65 /* as hex, with the NUL */

/* Each may do what those before it may. */
enum ct_access {
    CT_ACCESS_NONE,
    CT_ACCESS_VIEWER,     /* reads */
    CT_ACCESS_OPERATOR,   /* sets desired values, labels, rules; acknowledges alerts; reads the audit trail */
    CT_ACCESS_TECHNICIAN, /* sends diagnostic requests */
};

struct ct_tokens;

/* `name` stands for the file in messages. */
int ct_tokens_parse(const char *name, const char *text, size_t len, struct ct_tokens **out_tokens, char *problem,
                    size_t problem_size) CT_MUST_CHECK;
void ct_tokens_free(struct ct_tokens *tokens); /* accepts NULL */

/* CT_ACCESS_NONE when nobody has this token. *out_user lives as long as the tokens. */
enum ct_access ct_tokens_find(const struct ct_tokens *tokens, const char *token, const char **out_user);

/* A new token and what is kept of it. CT_ERR_IO: this machine gives no randomness. */
int ct_token_make(char out_token[CT_TOKEN_SIZE], char out_hash[CT_TOKEN_HASH_SIZE]) CT_MUST_CHECK;

/* "viewer" and so on, and back; CT_ACCESS_NONE for other texts. */
const char *ct_access_text(enum ct_access role);
enum ct_access ct_access_of(const char *text);
/* 1 to CT_TOKEN_USER_MAX of letters, digits, '.', '_', '-' and '@'. */
int ct_token_user_valid(const char *name);

#endif
