/* What is old goes, by its own policy and in small steps; what is young, waits or is still desired stays. */
#include "retention.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define DAY_MS (24 * 3600 * INT64_C(1000))
#define NOW    (1000 * DAY_MS)

struct store {
    char path[64];
    struct ct_database database;
};

static CT_PRINTF(2, 3) void execute(struct store *store, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    assert_int_equal(sqlite3_exec(store->database.sqlite, text, NULL, NULL, NULL), SQLITE_OK);
}

static int64_t count(struct store *store, const char *from)
{
    char text[256];
    sqlite3_stmt *ask = NULL;
    (void)snprintf(text, sizeof text, "SELECT count(*) FROM %s", from);
    assert_int_equal(sqlite3_prepare_v2(store->database.sqlite, text, -1, &ask, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(ask), SQLITE_ROW);
    const int64_t rows = sqlite3_column_int64(ask, 0);
    (void)sqlite3_finalize(ask);
    return rows;
}

static int set_up(void **state)
{
    char problem[256];
    struct store *store = calloc(1, sizeof *store);
    assert_non_null(store);
    (void)snprintf(store->path, sizeof store->path, "/tmp/cantwin-retention-%d.db", (int)getpid());
    (void)unlink(store->path);
    assert_int_equal(ct_database_open(store->path, &store->database, problem, sizeof problem), CT_OK);
    *state = store;
    return 0;
}

static int tear_down(void **state)
{
    struct store *store = *state;
    char side[80];
    ct_database_close(&store->database);
    (void)unlink(store->path);
    (void)snprintf(side, sizeof side, "%s-wal", store->path);
    (void)unlink(side);
    (void)snprintf(side, sizeof side, "%s-shm", store->path);
    (void)unlink(side);
    free(store);
    return 0;
}

static void step(struct store *store, const struct ct_retention_policy *policy, unsigned times)
{
    struct ct_retention *retention;
    assert_int_equal(ct_retention_open(&store->database, policy, &retention), CT_OK);
    for (unsigned i = 0; i < times; i++) {
        assert_int_equal(ct_retention_step(retention, 0, NOW), CT_OK);
        assert_int_equal(ct_retention_step(retention, 1, NOW), CT_OK);
    }
    ct_retention_close(retention);
}

static void test_retention_old_chunks_go_in_small_steps(void **state)
{
    struct store *store = *state;
    for (int i = 0; i < 200; i++) { /* one an hour, the newest an hour old */
        const long long end_us = (NOW - (i + 1) * 3600 * INT64_C(1000)) * 1000;
        execute(
            store,
            "INSERT INTO chunks(vehicle, t0_us, t1_us, catalogue, samples, data) VALUES(1, %lld, %lld, 'c', 1, 'd')",
            end_us - 1000, end_us);
        execute(
            store,
            "INSERT INTO chunks(vehicle, t0_us, t1_us, catalogue, samples, data) VALUES(2, %lld, %lld, 'c', 1, 'd')",
            end_us - 1000, end_us);
    }
    const struct ct_retention_policy policy = {.history_days = 2};
    step(store, &policy, 1);
    assert_int_equal(count(store, "chunks WHERE vehicle = 1"), 200 - CT_RETENTION_ROWS);
    step(store, &policy, 10);
    assert_int_equal(count(store, "chunks WHERE vehicle = 1"), 48); /* 1 to 48 hours old */
    assert_int_equal(count(store, "chunks WHERE vehicle = 2"), 200);
}

static void test_retention_columns_go_with_their_chunk(void **state)
{
    struct store *store = *state;
    const int64_t old_us = (NOW - 5 * DAY_MS) * 1000;
    for (int id = 1; id <= 3; id++) {
        execute(store,
                "INSERT INTO chunks(id, vehicle, t0_us, t1_us, catalogue, samples, data, form) "
                "VALUES(%d, 1, %lld, %lld, 'c', 1, '', %d)",
                id, (long long)old_us, (long long)(id == 3 ? NOW * 1000 : old_us), id == 2 ? 2 : 1);
        execute(store, "INSERT INTO columns(id, data) VALUES(%d, 'first'), (%d, 'last')", id * 65536,
                id * 65536 + 65535);
    }
    const struct ct_retention_policy policy = {.history_days = 2};
    step(store, &policy, 1);
    assert_int_equal(count(store, "chunks"), 1);
    assert_int_equal(count(store, "columns WHERE id < 2 * 65536"), 0);
    assert_int_equal(count(store, "columns WHERE id >= 3 * 65536"), 2); /* the young chunk's */
}

static void test_retention_keeps_what_waits_or_is_desired(void **state)
{
    struct store *store = *state;
    static const struct {
        const char *id;
        int state, age_days;
    } commands[] = {{"old", 4, 30}, {"waiting", 0, 30}, {"young", 4, 1}, {"wanted", 4, 30}};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        execute(store,
                "INSERT INTO commands(id, vehicle, seq, action, target, detail, issued_utc_ms, expires_utc_ms, signed, "
                "state) "
                "VALUES('%s', 1, %zu, 1, '', '', %lld, 0, 's', %d)",
                commands[i].id, i, (long long)(NOW - commands[i].age_days * DAY_MS), commands[i].state);
        execute(store, "INSERT INTO command_history(command, state, reason, utc_ms) VALUES('%s', 0, 0, 0)",
                commands[i].id);
    }
    execute(store, "INSERT INTO desired VALUES(1, 'path', 'v', 1, 'wanted')");
    const struct ct_retention_policy policy = {.commands_days = 7};
    step(store, &policy, 2);
    assert_int_equal(count(store, "commands"), 3);
    assert_int_equal(count(store, "commands WHERE id = 'old'"), 0);
    assert_int_equal(count(store, "command_history"), 3);
}

static void test_retention_without_a_policy_deletes_nothing(void **state)
{
    struct store *store = *state;
    execute(store, "INSERT INTO audit(utc_ms, user, vehicle, action, detail, status) VALUES(1, '', '', '', '', 200)");
    execute(store, "INSERT INTO events(vehicle, utc_ms, name, text, fields) VALUES(1, 1, '', '', '{}')");
    execute(store, "INSERT INTO alerts(rule, severity, vehicle, since_utc_ms, value) VALUES('r', 'info', 1, 1, '1')");
    const struct ct_retention_policy none = {0};
    step(store, &none, 2);
    assert_int_equal(count(store, "audit") + count(store, "events") + count(store, "alerts"), 3);
    const struct ct_retention_policy policy = {.events_days = 1, .audit_days = 1};
    step(store, &policy, 2);
    assert_int_equal(count(store, "audit") + count(store, "events"), 0);
    assert_int_equal(count(store, "alerts"), 1); /* still open */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_retention_old_chunks_go_in_small_steps),
        TEST(test_retention_columns_go_with_their_chunk),
        TEST(test_retention_keeps_what_waits_or_is_desired),
        TEST(test_retention_without_a_policy_deletes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
