/* Memory that runs out: each allocation of parsing, compiling and what works on the model fails in turn, alone and with
 * all that follow. The call says so, gives nothing, leaks nothing (the sanitizers watch) and works again afterwards.
 *
 * Memory is taken in large chunks; this test is linked with dbc/ built to take tiny ones, so that memory can run out
 * at each request and not only where a chunk happens to end. */
#include "buf.h"
#include "codec.h"
#include "diff.h"
#include "failing_malloc.h"
#include "lint.h"
#include "protection_file.h"
#include "rich_dbc.h"
#include "testing.h"
#include "write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOCATIONS_MAX 20000U

/* What the rich text has but once or not at all, in numbers that make lists grow. */
static const char more[] = "BO_ 700 PROTECTED: 8 Engine\n"
                           " SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] \"\" Body\n"
                           " SG_ COUNTER : 0|2@1+ (1,0) [0|3] \"\" Body\n"
                           "BO_ 701 WRITTEN: 8 Engine\n"
                           " SG_ CHECKSUM : 63|8@0+ (1,0) [0|255] \"\" Body\n"
                           " SG_ COUNTER : 0|4@1+ (1,0) [0|15] \"\" Body\n"
                           "BA_DEF_ BO_ \"CantwinProtection\" STRING ;\n"
                           "BA_DEF_DEF_ \"CantwinProtection\" \"\";\n"
                           "BA_ \"CantwinProtection\" BO_ 701 \"scheme: crc8, polynomial: 0x2F\";\n";

static const char rules[] = "rules:\n"
                            "  - {message: PROTECTED, scheme: crc8, polynomial: 0x07}\n"
                            "  - {match: '*', scheme: toyota}\n";

/* The rich text, more, and `messages` messages. */
static char *long_text(unsigned messages)
{
    const size_t room = (size_t)messages * 200 + sizeof RICH_DBC + sizeof more;
    char *text = malloc(room);
    assert_non_null(text);
    size_t len = (size_t)snprintf(text, room, "%s%s", RICH_DBC, more);
    for (unsigned i = 0; i < messages; i++) {
        len += (size_t)snprintf(text + len, room - len,
                                "BO_ %u PAD%u: 8 Engine\n SG_ Pad : 0|8@1+ (1,0) [0|0] \"\" Engine\n", 800 + i, i);
    }
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

/* `text`: NULL: the attributes alone. */
static int load_rules(const struct ct_dbc *dbc, const char *text)
{
    struct ct_protect *made = NULL;
    char problem[256] = "";
    const int err = text != NULL ? ct_protection_load_text("rules.yaml", text, strlen(text), &dbc, 1, &made, problem,
                                                           sizeof problem)
                                 : ct_protection_load(NULL, &dbc, 1, &made, problem, sizeof problem);
    if (err == CT_ERR_NO_MEMORY) {
        assert_null(made);
        assert_non_null(strstr(problem, ct_err_text(err)));
    }
    ct_protect_free(made);
    return err;
}

static int protect(const void *subject)
{
    return load_rules(subject, rules);
}

static int protect_by_attributes(const void *subject)
{
    return load_rules(subject, NULL);
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
    char *text = long_text(3);
    assert_true(fail_each(parse, text) > 100);
    free(text);
}

static void test_compile_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    char *text = long_text(3);
    struct ct_dbc *dbc = parsed(text);
    assert_true(fail_each(compile, dbc) > 50);
    ct_dbc_free(dbc);
    free(text);
}

static void test_lint_write_diff_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    char *text = long_text(20);
    char *other = long_text(3);
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

static void test_protect_any_allocation_fails_says_no_memory(void **state)
{
    (void)state;
    char *text = long_text(1);
    struct ct_dbc *dbc = parsed(text);
    assert_true(fail_each(protect, dbc) > 5);
    assert_true(fail_each(protect_by_attributes, dbc) > 3);
    ct_dbc_free(dbc);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_any_allocation_fails_says_no_memory),
        cmocka_unit_test(test_compile_any_allocation_fails_says_no_memory),
        cmocka_unit_test(test_lint_write_diff_any_allocation_fails_says_no_memory),
        cmocka_unit_test(test_protect_any_allocation_fails_says_no_memory),
    };
    return cmocka_run_group_tests_name("dbc_memory", tests, NULL, NULL);
}
