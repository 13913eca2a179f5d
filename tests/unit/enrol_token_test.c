/* Enrolment tokens as text, the list of them, and who is let in when. */
#include "enrol_token.h"

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" /* of ZeroMQ's documentation */
#define KEY_B "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"

static struct ct_enrol_token make(void)
{
    struct ct_enrol_token token = {
        .endpoint = "tcp://fleet.example:17603", .server_key = KEY_A, .vehicle = "truck-7", .secret = {0}};
    for (uint8_t i = 0; i < CT_ENROL_SECRET_SIZE; i++) {
        token.secret[i] = (uint8_t)(7 * i);
    }
    return token;
}

static void test_token_text_comes_back_whole(void **state)
{
    (void)state;
    char text[CT_ENROL_TOKEN_SIZE];
    struct ct_enrol_token back;
    struct ct_enrol_token token = make();
    ct_enrol_token_format(&token, text);
    assert_int_equal(ct_enrol_token_parse(text, &back), CT_OK);
    assert_string_equal(back.endpoint, token.endpoint);
    assert_string_equal(back.server_key, token.server_key);
    assert_string_equal(back.vehicle, token.vehicle);
    assert_memory_equal(back.secret, token.secret, sizeof token.secret);
    /* the longest there can be */
    memset(token.endpoint, 'e', sizeof token.endpoint - 1);
    memset(token.vehicle, 'v', sizeof token.vehicle - 1);
    ct_enrol_token_format(&token, text);
    assert_int_equal(ct_enrol_token_parse(text, &back), CT_OK);
    assert_int_equal(strlen(back.endpoint), sizeof token.endpoint - 1);
    assert_int_equal(strlen(back.vehicle), sizeof token.vehicle - 1);
}

static void test_token_any_letter_changed_or_missing_is_refused(void **state)
{
    (void)state;
    char text[CT_ENROL_TOKEN_SIZE];
    struct ct_enrol_token back;
    const struct ct_enrol_token token = make();
    ct_enrol_token_format(&token, text);
    for (size_t i = 0; i + 1 < strlen(text); i++) { /* the last letter has spare bits */
        const char right = text[i];
        text[i] = right == 'A' ? 'B' : 'A';
        assert_true(ct_enrol_token_parse(text, &back) < 0);
        text[i] = right;
    }
    for (size_t len = strlen(text); len > 0; len--) {
        text[len - 1] = '\0';
        assert_true(ct_enrol_token_parse(text, &back) < 0);
    }
}

static void test_token_two_are_never_alike(void **state)
{
    (void)state;
    struct ct_enrol_token a = make();
    struct ct_enrol_token b = make();
    assert_int_equal(ct_enrol_token_make(&a), CT_OK);
    assert_int_equal(ct_enrol_token_make(&b), CT_OK);
    assert_memory_not_equal(a.secret, b.secret, sizeof a.secret);
}

/* The value of `printf '' | b2sum -l 256` would be of no secret; this one is of 32 zero bytes, by Python's hashlib. */
static void test_token_hash_is_blake2b(void **state)
{
    (void)state;
    const uint8_t zero[CT_ENROL_SECRET_SIZE] = {0};
    char hash[CT_ENROL_HASH_SIZE];
    ct_enrol_hash(zero, hash);
    assert_string_equal(hash, "89eb0d6a8a691dae2cd15ed0369931ce0a949ecafa5c3f93f8121833646e15c3");
}

static void test_list_comes_back_and_broken_lines_are_named(void **state)
{
    (void)state;
    struct ct_enrol_row row = {.vehicle = "t1", .expires_utc_ms = INT64_C(1796186317281)};
    struct ct_enrol_row *rows = NULL;
    struct ct_buf text;
    size_t count = 0;
    char problem[256];
    const struct ct_enrol_token token = make();
    ct_enrol_hash(token.secret, row.hash);
    ct_buf_init(&text, 4096);
    ct_buf_text(&text, "# a word\n\n");
    ct_enrol_row_write(&row, &text);
    (void)snprintf(row.key, sizeof row.key, "%s", KEY_B);
    ct_enrol_row_write(&row, &text);
    assert_int_equal(ct_enrol_rows_parse("l", ct_buf_string(&text), &rows, &count, problem, sizeof problem), CT_OK);
    assert_int_equal(count, 2);
    assert_string_equal(rows[0].key, "");
    assert_string_equal(rows[1].key, KEY_B);
    assert_string_equal(rows[1].hash, row.hash);
    assert_string_equal(rows[1].vehicle, "t1");
    assert_true(rows[1].expires_utc_ms == row.expires_utc_ms);
    free(rows);
    static const char *const broken[] = {"x",          "12 t1 5 -",        "%s t1 five -",  "%s t1 5",
                                         "%s a/b 5 -", "%s t1 5 shortkey", "%s t1 5 - more"};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        ct_buf_clear(&text);
        ct_buf_text(&text, "# first\n");
        const char *rest = strncmp(broken[i], "%s", 2) == 0 ? broken[i] + 2 : broken[i];
        ct_buf_printf(&text, "%s%s\n", rest != broken[i] ? row.hash : "", rest);
        assert_int_equal(ct_enrol_rows_parse("l", ct_buf_string(&text), &rows, &count, problem, sizeof problem),
                         CT_ERR_SYNTAX);
        assert_memory_equal(problem, "l:2:1: error: ", 14);
    }
    ct_buf_free(&text);
}

static void test_judge_gives_each_its_verdict(void **state)
{
    (void)state;
    struct ct_enrol_token token = make();
    struct ct_enrol_row rows[2] = {{.vehicle = "other", .expires_utc_ms = 9000},
                                   {.vehicle = "t1", .expires_utc_ms = 1000}};
    struct ct_enrol_row *row = NULL;
    memset(rows[0].hash, '0', sizeof rows[0].hash - 1);
    ct_enrol_hash(token.secret, rows[1].hash);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_A, 999, &row), CT_ENROL_GRANTED);
    assert_ptr_equal(row, &rows[1]);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_A, 1000, &row), CT_ENROL_EXPIRED);
    /* used: by its user again, by nobody else, not after the end */
    (void)snprintf(rows[1].key, sizeof rows[1].key, "%s", KEY_A);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_A, 999, &row), CT_ENROL_GRANTED);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_B, 999, &row), CT_ENROL_USED);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_A, 1001, &row), CT_ENROL_EXPIRED);
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_B, 1001, &row), CT_ENROL_USED);
    token.secret[31] ^= 1;
    assert_int_equal(ct_enrol_judge(rows, 2, token.secret, KEY_A, 999, &row), CT_ENROL_UNKNOWN);
    assert_null(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_text_comes_back_whole),
        cmocka_unit_test(test_token_any_letter_changed_or_missing_is_refused),
        cmocka_unit_test(test_token_two_are_never_alike),
        cmocka_unit_test(test_token_hash_is_blake2b),
        cmocka_unit_test(test_list_comes_back_and_broken_lines_are_named),
        cmocka_unit_test(test_judge_gives_each_its_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
