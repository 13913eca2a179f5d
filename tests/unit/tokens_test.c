#include "tokens.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* BLAKE2b-256 without a key of "abc", by b2sum -l 256 (GNU coreutils). */
#define HASH_ABC "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"

static int parse(const char *text, struct ct_tokens **out_tokens)
{
    char problem[256] = "";
    const int err = ct_tokens_parse("t", text, strlen(text), out_tokens, problem, sizeof problem);
    assert_int_equal(err == CT_OK, problem[0] == '\0');
    return err;
}

static void test_tokens_known_token_has_its_role_and_user(void **state)
{
    struct ct_tokens *tokens = NULL;
    const char *user = NULL;
    (void)state;
    assert_int_equal(parse("# who\n\nanna operator " HASH_ABC " # phone\r\n", &tokens), CT_OK);
    assert_int_equal(ct_tokens_find(tokens, "abc", &user), CT_ACCESS_OPERATOR);
    assert_string_equal(user, "anna");
    assert_int_equal(ct_tokens_find(tokens, "abd", &user), CT_ACCESS_NONE);
    assert_int_equal(ct_tokens_find(tokens, "", &user), CT_ACCESS_NONE);
    /* The hash is not a token: whoever reads the file gets nothing. */
    assert_int_equal(ct_tokens_find(tokens, HASH_ABC, &user), CT_ACCESS_NONE);
    ct_tokens_free(tokens);
}

static void test_tokens_wrong_lines_are_refused(void **state)
{
    static const char *const wrong[] = {
        "anna operator",
        "anna operator " HASH_ABC " more",
        "anna root " HASH_ABC,
        "an/na viewer " HASH_ABC,
        "anna viewer bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d5231",
        "anna viewer zddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319",
        "anna none " HASH_ABC,
    };
    struct ct_tokens *tokens = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(parse(wrong[i], &tokens), CT_ERR_SYNTAX);
        assert_null(tokens);
    }
}

static void test_tokens_made_ones_differ_and_are_found(void **state)
{
    char first[CT_TOKEN_SIZE];
    char second[CT_TOKEN_SIZE];
    char hash[CT_TOKEN_HASH_SIZE];
    char line[256];
    const char *user = NULL;
    struct ct_tokens *tokens = NULL;
    (void)state;
    assert_int_equal(ct_token_make(first, hash), CT_OK);
    assert_int_equal(ct_token_make(second, hash), CT_OK);
    assert_string_not_equal(first, second);
    (void)snprintf(line, sizeof line, "bo technician %s", hash);
    assert_int_equal(parse(line, &tokens), CT_OK);
    assert_int_equal(ct_tokens_find(tokens, second, &user), CT_ACCESS_TECHNICIAN);
    assert_int_equal(ct_tokens_find(tokens, first, &user), CT_ACCESS_NONE);
    ct_tokens_free(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_known_token_has_its_role_and_user),
        cmocka_unit_test(test_tokens_wrong_lines_are_refused),
        cmocka_unit_test(test_tokens_made_ones_differ_and_are_found),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
