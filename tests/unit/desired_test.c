#include "desired.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct ct_desired_table *make(size_t paths_max)
{
    struct ct_desired_table *table = NULL;
    assert_int_equal(ct_desired_create(paths_max, &table), CT_OK);
    return table;
}

static int put(struct ct_desired_table *table, const char *path, uint64_t revision, struct ct_desired *out_replaced)
{
    struct ct_desired desired = {.revision = revision, .expires_utc_ms = 1000};
    (void)snprintf(desired.path, sizeof(desired.path), "%s", path);
    desired.command_id[0] = (uint8_t)revision;
    return ct_desired_put(table, &desired, out_replaced);
}

static void assert_state(const struct ct_desired_table *table, const char *path, enum ct_desired_state state)
{
    const struct ct_desired *desired = ct_desired_find(table, path);
    assert_non_null(desired);
    assert_string_equal(ct_desired_state_text(desired->state), ct_desired_state_text(state));
}

static void test_desired_last_revision_wins(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(4);
    struct ct_desired replaced;
    assert_int_equal(put(table, "A", 5, &replaced), CT_OK);
    assert_string_equal(replaced.path, "");
    assert_int_equal(put(table, "A", 5, &replaced), CT_ERR_EXISTS);
    assert_int_equal(put(table, "A", 4, &replaced), CT_ERR_EXISTS);
    assert_int_equal(put(table, "A", 9, &replaced), CT_OK);
    assert_int_equal(replaced.revision, 5);
    assert_int_equal(replaced.state, CT_DESIRED_SUPERSEDED);
    assert_int_equal(replaced.reason, CT_REASON_SUPERSEDED);
    assert_int_equal(replaced.command_id[0], 5);
    assert_int_equal(ct_desired_begin(table, "A", 5, 0), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_desired_end(table, "A", 9, CT_DESIRED_REFUSED, CT_REASON_POLICY_VALUE), CT_OK);
    assert_int_equal(put(table, "A", 10, &replaced), CT_OK);
    assert_int_equal(replaced.state, CT_DESIRED_REFUSED); /* it had ended; it stays what it was */
    assert_int_equal(put(table, "", 1, NULL), CT_ERR_ARGUMENT);
    ct_desired_free(table);
    ct_desired_free(NULL);
}

static void test_desired_is_attempted_once_per_revision(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(4);
    assert_int_equal(put(table, "A", 1, NULL), CT_OK);
    assert_false(ct_desired_report(table, "A", true)); /* the vehicle had it anyway: still to be attempted */
    assert_int_equal(ct_desired_begin(table, "A", 1, 999), CT_OK);
    assert_int_equal(ct_desired_begin(table, "A", 1, 999), CT_ERR_BUSY);
    assert_false(ct_desired_report(table, "A", false)); /* not there yet */
    assert_state(table, "A", CT_DESIRED_RUNNING);
    assert_true(ct_desired_report(table, "A", true));
    assert_state(table, "A", CT_DESIRED_APPLIED);
    assert_false(ct_desired_report(table, "A", true));
    assert_true(ct_desired_report(table, "A", false)); /* the driver switched back */
    assert_state(table, "A", CT_DESIRED_OVERRIDDEN);
    assert_false(ct_desired_report(table, "A", true));
    assert_int_equal(ct_desired_begin(table, "A", 1, 0), CT_ERR_BUSY); /* never asserted again */
    assert_int_equal(put(table, "A", 2, NULL), CT_OK);
    assert_int_equal(ct_desired_begin(table, "A", 2, 0), CT_OK);
    assert_false(ct_desired_report(table, "B", true));
    ct_desired_free(table);
}

/* Which end follows which open state, written out. */
static void test_desired_ends_only_as_its_state_allows(void **state)
{
    (void)state;
    static const struct {
        enum ct_desired_state end;
        int from_pending, from_running;
    } cases[] = {
        {CT_DESIRED_APPLIED, CT_ERR_BUSY, CT_OK},
        {CT_DESIRED_REFUSED, CT_OK, CT_OK},
        {CT_DESIRED_EXPIRED, CT_OK, CT_ERR_BUSY},
        {CT_DESIRED_UNKNOWN, CT_OK, CT_OK},
        {CT_DESIRED_PENDING, CT_ERR_ARGUMENT, CT_ERR_ARGUMENT},
        {CT_DESIRED_RUNNING, CT_ERR_ARGUMENT, CT_ERR_ARGUMENT},
        {CT_DESIRED_OVERRIDDEN, CT_ERR_ARGUMENT, CT_ERR_ARGUMENT},
        {CT_DESIRED_SUPERSEDED, CT_ERR_ARGUMENT, CT_ERR_ARGUMENT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_desired_table *table = make(2);
        assert_int_equal(put(table, "P", 1, NULL), CT_OK);
        assert_int_equal(put(table, "R", 1, NULL), CT_OK);
        assert_int_equal(ct_desired_begin(table, "R", 1, 0), CT_OK);
        assert_int_equal(ct_desired_end(table, "P", 1, cases[i].end, CT_REASON_BUSY), cases[i].from_pending);
        assert_int_equal(ct_desired_end(table, "R", 1, cases[i].end, CT_REASON_BUSY), cases[i].from_running);
        if (cases[i].from_running == CT_OK) {
            assert_int_equal(ct_desired_end(table, "R", 1, cases[i].end, CT_REASON_BUSY), CT_ERR_BUSY);
        }
        assert_int_equal(ct_desired_end(table, "R", 2, CT_DESIRED_REFUSED, CT_REASON_BUSY), CT_ERR_NOT_FOUND);
        ct_desired_free(table);
    }
}

static void test_desired_expires_at_its_time(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(4);
    assert_int_equal(put(table, "P", 1, NULL), CT_OK);
    assert_int_equal(put(table, "R", 1, NULL), CT_OK);
    assert_int_equal(put(table, "L", 1, NULL), CT_OK);
    assert_int_equal(ct_desired_begin(table, "R", 1, 0), CT_OK);
    assert_int_equal(ct_desired_expire(table, 999), 0);
    assert_int_equal(ct_desired_begin(table, "L", 1, 1000), CT_ERR_TIMEOUT);
    assert_state(table, "L", CT_DESIRED_EXPIRED);
    assert_int_equal(ct_desired_expire(table, 1000), 2);
    assert_state(table, "P", CT_DESIRED_EXPIRED);
    assert_state(table, "R", CT_DESIRED_UNKNOWN);
    assert_int_equal(ct_desired_find(table, "R")->reason, CT_REASON_NOT_OBSERVED);
    assert_int_equal(ct_desired_expire(table, 2000), 0);
    ct_desired_free(table);
}

static void test_desired_running_at_restart_is_unknown(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(4);
    assert_int_equal(put(table, "P", 1, NULL), CT_OK);
    assert_int_equal(put(table, "R", 1, NULL), CT_OK);
    assert_int_equal(ct_desired_begin(table, "R", 1, 0), CT_OK);
    assert_int_equal(ct_desired_restart(table), 1);
    assert_state(table, "P", CT_DESIRED_PENDING);
    assert_state(table, "R", CT_DESIRED_UNKNOWN);
    assert_int_equal(ct_desired_begin(table, "R", 1, 0), CT_ERR_BUSY);
    ct_desired_free(table);
}

static void test_desired_full_table_lets_go_what_ended_first(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(3);
    assert_int_equal(put(table, "A", 1, NULL), CT_OK);
    assert_int_equal(put(table, "B", 1, NULL), CT_OK);
    assert_int_equal(put(table, "C", 1, NULL), CT_OK);
    assert_int_equal(put(table, "D", 1, NULL), CT_ERR_FULL);
    assert_int_equal(ct_desired_refused_full(table), 1);
    assert_int_equal(put(table, "A", 2, NULL), CT_OK); /* a known path always has its place */
    assert_int_equal(ct_desired_end(table, "C", 1, CT_DESIRED_REFUSED, CT_REASON_BUSY), CT_OK);
    assert_int_equal(ct_desired_end(table, "B", 1, CT_DESIRED_REFUSED, CT_REASON_BUSY), CT_OK);
    assert_int_equal(put(table, "D", 1, NULL), CT_OK);
    assert_null(ct_desired_find(table, "C"));
    assert_non_null(ct_desired_find(table, "B"));
    size_t cursor = 0;
    size_t count = 0;
    while (ct_desired_next(table, &cursor) != NULL) {
        count++;
    }
    assert_int_equal(count, 3);
    ct_desired_free(table);
}

static void test_desired_changes_are_told_once_each(void **state)
{
    (void)state;
    struct ct_desired_table *table = make(4);
    assert_null(ct_desired_next_change(table));
    assert_int_equal(put(table, "A", 1, NULL), CT_OK);
    assert_int_equal(put(table, "B", 1, NULL), CT_OK);
    assert_string_equal(ct_desired_next_change(table)->path, "A");
    assert_int_equal(put(table, "A", 2, NULL), CT_OK); /* does not starve B */
    assert_string_equal(ct_desired_next_change(table)->path, "B");
    assert_string_equal(ct_desired_next_change(table)->path, "A");
    assert_null(ct_desired_next_change(table));
    ct_desired_free(table);
}

static void test_desired_state_texts(void **state)
{
    (void)state;
    assert_string_equal(ct_desired_state_text(CT_DESIRED_OVERRIDDEN), "overridden");
    assert_string_equal(ct_desired_state_text((enum ct_desired_state)99), "unknown-state");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_desired_last_revision_wins),
        cmocka_unit_test(test_desired_is_attempted_once_per_revision),
        cmocka_unit_test(test_desired_ends_only_as_its_state_allows),
        cmocka_unit_test(test_desired_expires_at_its_time),
        cmocka_unit_test(test_desired_running_at_restart_is_unknown),
        cmocka_unit_test(test_desired_full_table_lets_go_what_ended_first),
        cmocka_unit_test(test_desired_changes_are_told_once_each),
        cmocka_unit_test(test_desired_state_texts),
    };
    return cmocka_run_group_tests_name("desired", tests, NULL, NULL);
}
