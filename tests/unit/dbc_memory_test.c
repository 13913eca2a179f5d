/* Memory that runs out: each allocation of parsing, compiling and what works on the model fails in turn, alone and with
 * all that follow. The call says so, gives nothing, leaks nothing (the sanitizers watch) and works again afterwards.
 *
 * Memory is taken in large blocks, so one text of one size meets the end of a block in one place only. The texts here
 * grow in small steps: the end of the block wanders through all that allocates. */
#include "buf.h"
#include "codec.h"
#include "diff.h"
#include "failing_malloc.h"
#include "lint.h"
#include "rich_dbc.h"
#include "testing.h"
#include "write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK           70000U /* somewhat more than one block of memory */
#define STEP            56U
#define ALLOCATIONS_MAX 10000U

/* The rich text behind a comment of `comment` bytes and `messages` messages. */
static char *padded_text(size_t comment, unsigned messages)
{
    const size_t room = comment + (size_t)messages * 200 + sizeof RICH_DBC + 100;
    char *text = malloc(room);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, room, "CM_ \"");
    memset(text + len, 'x', comment);
    len += comment;
    len += (size_t)snprintf(text + len, room - len, "\";\n");
    for (unsigned i = 0; i < messages; i++) {
        len += (size_t)snprintf(text + len, room - len,
                                "BO_ %u PAD%u: 8 Engine\n SG_ Pad : 0|8@1+ (1,0) [0|0] \"\" Engine\n", 600 + i, i);
    }
    (void)snprintf(text + len, room - len, "%s", RICH_DBC);
    return text;
}

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

/* What is tried: returns what the call under test returned, having freed what it gave. */
typedef int (*scenario_fn)(const void *subject);

static int parse(const void *subject)
{
    struct ct_dbc *dbc = NULL;
    const char *text = subject;
    const int err = ct_dbc_parse("rich.dbc", text, strlen(text), ignore, NULL, &dbc);
    if (err == CT_ERR_NO_MEMORY) {
        assert_null(dbc);
    }
    ct_dbc_free(dbc);
    return err;
}

static int compile(const void *subject)
{
    struct ct_codec *codec = NULL;
    const int err = ct_codec_compile(subject, &codec);
    if (err == CT_ERR_NO_MEMORY) {
        assert_null(codec);
    }
    ct_codec_free(codec);
    return err;
}

static int lint(const void *subject)
{
    return ct_dbc_lint(subject, NULL, ignore, NULL);
}

static int write_text(const void *subject)
{
    struct ct_buf buf;
    struct ct_dbc_written written;
    ct_buf_init(&buf, (size_t)1 << 20);
    const int err = ct_dbc_write(subject, CT_DBC_ENCODING_AUTO, &buf, &written);
    ct_buf_free(&buf);
    return err;
}

static void ignore_change(void *user, const struct ct_dbc_change *change)
{
    (void)user;
    (void)change;
}

struct pair {
    const struct ct_dbc *before, *after;
};

static int diff(const void *subject)
{
    const struct pair *pair = subject;
    const struct ct_dbc_diff_options options = {.comments = true};
    size_t count = 0;
    return ct_dbc_diff(pair->before, pair->after, &options, ignore_change, NULL, &count);
}

/* Returns how many allocations the scenario makes. */
static size_t fail_each(scenario_fn scenario, const void *subject)
{
    for (size_t n = 1; n < ALLOCATIONS_MAX; n++) {
        for (int all_after = 0; all_after < 2; all_after++) {
            failing_malloc_arm(n, all_after == 1);
            const int err = scenario(subject);
            if (!failing_malloc_disarm()) {
                assert_int_equal(err, CT_OK);
                return n - 1;
            }
            if (err != CT_ERR_NO_MEMORY) {
                fail_msg("allocation %zu fails%s: the call returns %d", n, all_after == 1 ? " and all after it" : "",
                         err);
            }
        }
        assert_int_equal(scenario(subject), CT_OK);
    }
    fail_msg("no end of allocations");
    return 0;
}

static struct ct_dbc *parsed(const char *text)
{
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse("rich.dbc", text, strlen(text), NULL, NULL, &dbc), CT_OK);
    return dbc;
}

static void test_parse_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    size_t most = 0;
    for (size_t comment = 0; comment < BLOCK; comment += STEP) {
        char *text = padded_text(comment, 0);
        const size_t count = fail_each(parse, text);
        most = count > most ? count : most;
        free(text);
    }
    assert_true(most >= 3);
}

static void test_compile_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    size_t most = 0;
    for (unsigned messages = 0; messages < 250; messages += 2) {
        char *text = padded_text(0, messages);
        struct ct_dbc *dbc = parsed(text);
        const size_t count = fail_each(compile, dbc);
        most = count > most ? count : most;
        ct_dbc_free(dbc);
        free(text);
    }
    assert_true(most >= 3);
}

static void test_lint_write_diff_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    char *text = padded_text(0, 20);
    char *other = padded_text(10, 3);
    struct ct_dbc *dbc = parsed(text);
    struct ct_dbc *second = parsed(other);
    const struct pair pair = {dbc, second};
    assert_true(fail_each(lint, dbc) > 0);
    assert_true(fail_each(write_text, dbc) > 0);
    assert_true(fail_each(diff, &pair) > 0);
    ct_dbc_free(second);
    ct_dbc_free(dbc);
    free(other);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_any_allocation_fails_says_no_memory),
        cmocka_unit_test(test_compile_any_allocation_fails_says_no_memory),
        cmocka_unit_test(test_lint_write_diff_any_allocation_fails_says_no_memory),
    };
    return cmocka_run_group_tests_name("dbc_memory", tests, NULL, NULL);
}
