#include "tokens.h"

#include <assert.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX     "cantwin_"
#define HASH_BYTES crypto_generichash_BYTES
#define LINE_MAX_  512

static_assert(CT_TOKEN_HASH_SIZE == 2 * HASH_BYTES + 1, "a hash as hex");

struct token {
    char user[CT_TOKEN_USER_MAX + 1];
    enum ct_access role;
    unsigned char hash[HASH_BYTES];
};

struct ct_tokens {
    size_t count;
    struct token items[];
};

static const char *const role_names[] = {[CT_ACCESS_NONE] = "none",
                                         [CT_ACCESS_VIEWER] = "viewer",
                                         [CT_ACCESS_OPERATOR] = "operator",
                                         [CT_ACCESS_TECHNICIAN] = "technician"};

const char *ct_access_text(enum ct_access role)
{
    return role_names[role];
}

enum ct_access ct_access_of(const char *text)
{
    for (size_t i = CT_ACCESS_VIEWER; i <= CT_ACCESS_TECHNICIAN; i++) {
        if (strcmp(text, role_names[i]) == 0) {
            return (enum ct_access)i;
        }
    }
    return CT_ACCESS_NONE;
}

int ct_token_user_valid(const char *name)
{
    const size_t len = strlen(name);
    return len > 0 && len <= CT_TOKEN_USER_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@") == len;
}

static void hash_of(const char *token, unsigned char out_hash[HASH_BYTES])
{
    (void)crypto_generichash(out_hash, HASH_BYTES, (const unsigned char *)token, strlen(token), NULL, 0);
}

/* One line without its comment. NULL when it is fine (or empty), else what is wrong with it. */
static const char *parse_line(const char *line, struct token *token, bool *out_taken)
{
    char user[80];
    char role[16];
    char hash[80];
    char rest[2];
    const int words = sscanf(line, "%79s %15s %79s %1s", user, role, hash, rest);
    *out_taken = words > 0;
    if (words <= 0) {
        return NULL;
    }
    if (words != 3) {
        return "a line is NAME ROLE HASH";
    }
    if (!ct_token_user_valid(user)) {
        return "the name has letters, digits, '.', '_', '-' and '@', at most 64";
    }
    token->role = ct_access_of(role);
    if (token->role == CT_ACCESS_NONE) {
        return "the role is viewer, operator or technician";
    }
    size_t len = 0;
    if (strlen(hash) != 2 * HASH_BYTES ||
        sodium_hex2bin(token->hash, HASH_BYTES, hash, strlen(hash), NULL, &len, NULL) != 0 || len != HASH_BYTES) {
        return "the hash has 64 hex digits; make the line with `cantwin-fleet --new-token`";
    }
    memcpy(token->user, user, strlen(user) + 1); /* its length was looked at */
    return NULL;
}

/* What is wrong with the line, NULL for nothing. */
static const char *take_line(struct ct_tokens *tokens, const char *start, size_t len)
{
    char line[LINE_MAX_];
    bool taken = false;
    if (len >= sizeof line || memchr(start, '\0', len) != NULL) {
        return "the line is too long or has a NUL";
    }
    memcpy(line, start, len);
    line[len] = '\0';
    line[strcspn(line, "#\r")] = '\0';
    if (tokens->count == CT_TOKENS_MAX) {
        return "too many tokens";
    }
    const char *wrong = parse_line(line, &tokens->items[tokens->count], &taken);
    tokens->count += wrong == NULL && taken;
    return wrong;
}

int ct_tokens_parse(const char *name, const char *text, size_t len, struct ct_tokens **out_tokens, char *problem,
                    size_t problem_size)
{
    struct ct_tokens *tokens = calloc(1, sizeof *tokens + CT_TOKENS_MAX * sizeof tokens->items[0]);
    if (tokens == NULL) {
        (void)snprintf(problem, problem_size, "%s: error: out of memory", name);
        return CT_ERR_NO_MEMORY;
    }
    unsigned number = 0;
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        const size_t line_len = end == NULL ? len - at : (size_t)(end - text) - at;
        const char *wrong = take_line(tokens, text + at, line_len);
        number++;
        if (wrong != NULL) {
            (void)snprintf(problem, problem_size, "%s:%u: error: %s", name, number, wrong);
            ct_tokens_free(tokens);
            return CT_ERR_SYNTAX;
        }
        at += line_len + 1;
    }
    *out_tokens = tokens;
    return CT_OK;
}

void ct_tokens_free(struct ct_tokens *tokens)
{
    free(tokens);
}

enum ct_access ct_tokens_find(const struct ct_tokens *tokens, const char *token, const char **out_user)
{
    unsigned char hash[HASH_BYTES];
    const struct token *found = NULL;
    hash_of(token, hash);
    for (size_t i = 0; i < tokens->count; i++) {
        if (sodium_memcmp(hash, tokens->items[i].hash, HASH_BYTES) == 0) {
            found = &tokens->items[i];
        }
    }
    if (found == NULL) {
        return CT_ACCESS_NONE;
    }
    *out_user = found->user;
    return found->role;
}

int ct_token_make(char out_token[CT_TOKEN_SIZE], char out_hash[CT_TOKEN_HASH_SIZE])
{
    unsigned char secret[32];
    unsigned char hash[HASH_BYTES];
    if (sodium_init() < 0) {
        return CT_ERR_IO;
    }
    randombytes_buf(secret, sizeof secret);
    memcpy(out_token, PREFIX, sizeof PREFIX - 1);
    (void)sodium_bin2hex(out_token + sizeof PREFIX - 1, CT_TOKEN_SIZE - (sizeof PREFIX - 1), secret, sizeof secret);
    hash_of(out_token, hash);
    (void)sodium_bin2hex(out_hash, CT_TOKEN_HASH_SIZE, hash, sizeof hash);
    sodium_memzero(secret, sizeof secret);
    return CT_OK;
}
