#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "command.h"
#include "journal.h"
#include "store_support.h"

#include "bytes.h"

#include <signal.h>
#include <sys/resource.h>

#define SLOT 64U

static int setup(void **state)
{
    char *dir = malloc(SCRATCH_MAX);
    scratch_make(dir);
    *state = dir;
    return 0;
}

static int teardown(void **state)
{
    tree_remove(*state);
    free(*state);
    return 0;
}

static struct ct_journal *journal_open_at(const char *dir)
{
    struct ct_journal *journal = NULL;
    assert_int_equal(ct_journal_open(dir, &journal), CT_OK);
    return journal;
}

static const uint8_t *id_of(uint64_t n)
{
    static uint8_t id[CT_COMMAND_ID_SIZE];
    content_make(id, sizeof id, 9, n);
    return id;
}

static void take(struct ct_journal *journal, uint64_t n)
{
    assert_int_equal(ct_journal_intent(journal, id_of(n), n, (int64_t)(n * 1000)), CT_OK);
}

static void finish(struct ct_journal *journal, uint64_t n)
{
    assert_int_equal(ct_journal_outcome(journal, id_of(n), CT_COMMAND_DONE, CT_REASON_NONE), CT_OK);
    assert_int_equal(ct_journal_reported(journal, id_of(n)), CT_OK);
}

static struct ct_journal_stats stats_of(const struct ct_journal *journal)
{
    struct ct_journal_stats stats;
    ct_journal_stats_get(journal, &stats);
    return stats;
}

static void test_journal_same_id_or_old_sequence_is_a_replay(void **state)
{
    struct ct_journal *journal = journal_open_at(*state);
    assert_false(ct_journal_seen(journal, id_of(5), 5));
    take(journal, 5);
    assert_true(ct_journal_seen(journal, id_of(5), 6));  /* same id */
    assert_true(ct_journal_seen(journal, id_of(77), 5)); /* same sequence */
    assert_true(ct_journal_seen(journal, id_of(77), 4)); /* older sequence */
    assert_false(ct_journal_seen(journal, id_of(77), 6));
    assert_int_equal(ct_journal_intent(journal, id_of(5), 9, 0), CT_ERR_EXISTS);
    assert_int_equal(ct_journal_outcome(journal, id_of(6), CT_COMMAND_DONE, 0), CT_ERR_NOT_FOUND);
    ct_journal_close(journal);
}

static void test_journal_killed_while_running_is_pending_and_never_new(void **state)
{
    char copy[SCRATCH_MAX];
    struct ct_journal_entry entry;
    struct ct_journal *journal = journal_open_at(*state);
    take(journal, 1);
    take(journal, 2);
    assert_int_equal(ct_journal_outcome(journal, id_of(1), CT_COMMAND_FAILED, CT_REASON_NO_RESPONSE), CT_OK);
    assert_int_equal(ct_journal_commit(journal), CT_OK);
    take(journal, 3);
    finish(journal, 3); /* not committed: must not count after the crash */
    path_join(copy, *state, "after-crash");
    folder_copy(*state, copy);
    ct_journal_close(journal);

    journal = journal_open_at(copy);

    assert_int_equal(ct_journal_pending(journal, 0, &entry), CT_OK);
    assert_memory_equal(entry.command_id, id_of(1), CT_COMMAND_ID_SIZE);
    assert_int_equal(entry.state, CT_COMMAND_FAILED);
    assert_int_equal(entry.reason, CT_REASON_NO_RESPONSE);
    assert_int_equal(entry.seq, 1);
    for (uint64_t n = 2; n <= 3; n++) {
        assert_int_equal(ct_journal_pending(journal, n - 1, &entry), CT_OK);
        assert_memory_equal(entry.command_id, id_of(n), CT_COMMAND_ID_SIZE);
        assert_int_equal(entry.state, CT_COMMAND_RUNNING);
        assert_true(ct_journal_seen(journal, id_of(n), n + 100));
    }
    assert_int_equal(ct_journal_pending(journal, 3, &entry), CT_ERR_END);
    assert_int_equal(stats_of(journal).highest_seq, 3);
    assert_int_equal(stats_of(journal).time_floor_utc_ms, 3000);
    ct_journal_close(journal);
}

static void test_journal_same_command_over_ten_restarts_is_taken_once(void **state)
{
    unsigned taken = 0;
    for (int restart = 0; restart < 10; restart++) {
        struct ct_journal *journal = journal_open_at(*state);
        for (int i = 0; i < 10; i++) {
            taken += ct_journal_intent(journal, id_of(1), 1, 1) == CT_OK ? 1U : 0U;
        }
        ct_journal_close(journal);
    }
    assert_int_equal(taken, 1);
}

static void test_journal_thousands_keep_the_last_256_and_a_small_file(void **state)
{
    char path[SCRATCH_MAX];
    struct ct_journal_entry entry;
    struct ct_journal *journal = journal_open_at(*state);
    for (uint64_t n = 1; n <= 5000; n++) {
        take(journal, n);
        finish(journal, n);
    }
    ct_journal_close(journal);
    path_join(path, *state, "commands.journal");
    const struct bytes bytes = file_get(path);
    assert_true(bytes.len <= 66U * 1024U);
    free(bytes.data);
    journal = journal_open_at(*state);
    assert_int_equal(stats_of(journal).kept, CT_JOURNAL_KEPT);
    assert_int_equal(stats_of(journal).highest_seq, 5000);
    assert_int_equal(ct_journal_pending(journal, 0, &entry), CT_ERR_END);
    assert_true(ct_journal_seen(journal, id_of(5000 - CT_JOURNAL_KEPT + 1), 9999));
    assert_true(ct_journal_seen(journal, id_of(9999), 5000));
    ct_journal_close(journal);
}

static void test_journal_all_places_owed_refuses_more(void **state)
{
    struct ct_journal *journal = journal_open_at(*state);
    for (uint64_t n = 1; n <= CT_JOURNAL_KEPT; n++) {
        take(journal, n);
    }
    assert_int_equal(ct_journal_intent(journal, id_of(500), 500, 0), CT_ERR_FULL);
    assert_false(ct_journal_seen(journal, id_of(500), 500));
    finish(journal, 17);
    take(journal, 500);
    ct_journal_close(journal);
}

/* A file of ten intents, hurt at every place: what was taken stays taken as far as the bytes tell. */
static void test_journal_torn_or_flipped_anywhere_opens_and_forgets_one_at_most(void **state)
{
    char path[SCRATCH_MAX];
    struct ct_journal *journal = journal_open_at(*state);
    for (uint64_t n = 1; n <= 10; n++) {
        take(journal, n);
    }
    ct_journal_close(journal);
    path_join(path, *state, "commands.journal");
    const struct bytes bytes = file_get(path);
    assert_int_equal(bytes.len, 11 * SLOT);
    for (size_t at = 0; at < bytes.len; at++) {
        file_put(path, bytes.data, at);
        const size_t whole = at / SLOT;
        journal = journal_open_at(*state);
        assert_int_equal(stats_of(journal).kept, whole > 0 ? whole - 1 : 0);
        assert_int_equal(stats_of(journal).torn_bytes, at % SLOT);
        take(journal, 100); /* and it goes on */
        ct_journal_close(journal);
        journal = journal_open_at(*state);
        assert_true(ct_journal_seen(journal, id_of(100), 200));
        assert_int_equal(stats_of(journal).torn_bytes, 0);
        ct_journal_close(journal);

        bytes.data[at] ^= (uint8_t)(1U << (at % 8));
        file_put(path, bytes.data, bytes.len);
        bytes.data[at] ^= (uint8_t)(1U << (at % 8));
        journal = journal_open_at(*state);
        const size_t hurt = at / SLOT;
        for (uint64_t n = 1; n <= 10; n++) {
            /* by id, or by the sequence of a later one */
            assert_int_equal(ct_journal_seen(journal, id_of(n), n), hurt != 10 || n != 10);
        }
        assert_int_equal(stats_of(journal).damaged_records + (stats_of(journal).torn_bytes != 0), 1);
        ct_journal_close(journal);
    }
    free(bytes.data);
}

static void test_journal_other_version_is_refused_and_left_alone(void **state)
{
    char path[SCRATCH_MAX];
    struct ct_journal *journal = journal_open_at(*state);
    take(journal, 1);
    ct_journal_close(journal);
    path_join(path, *state, "commands.journal");
    const struct bytes bytes = file_get(path);
    ct_put_le32(bytes.data + 40, 2);
    ct_put_le32(bytes.data + SLOT - 4, ct_crc32c(0, bytes.data, SLOT - 4));
    file_put(path, bytes.data, bytes.len);
    assert_int_equal(ct_journal_open(*state, &journal), CT_ERR_UNSUPPORTED);
    const struct bytes after = file_get(path);
    assert_int_equal(after.len, bytes.len);
    assert_memory_equal(after.data, bytes.data, bytes.len);
    free(after.data);
    free(bytes.data);
}

static void test_journal_second_owner_is_refused(void **state)
{
    struct ct_journal *other = NULL;
    struct ct_journal *journal = journal_open_at(*state);
    assert_int_equal(ct_journal_open(*state, &other), CT_ERR_BUSY);
    ct_journal_close(journal);
    ct_journal_close(NULL);
}

static void test_journal_disk_refuses_intent_is_an_error_and_uses_it_up(void **state)
{
    struct rlimit old;
    struct ct_journal *journal = journal_open_at(*state);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    take(journal, 1);
    const struct rlimit small = {.rlim_cur = 3 * SLOT, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(ct_journal_intent(journal, id_of(2), 2, 0), CT_OK);
    assert_int_not_equal(ct_journal_intent(journal, id_of(3), 3, 0), CT_OK);
    assert_true(ct_journal_seen(journal, id_of(3), 3));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    take(journal, 4);
    ct_journal_close(journal);
    journal = journal_open_at(*state);
    assert_int_equal(stats_of(journal).kept, 4);
    assert_int_equal(stats_of(journal).torn_bytes, 0);
    ct_journal_close(journal);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_journal_same_id_or_old_sequence_is_a_replay),
        T(test_journal_killed_while_running_is_pending_and_never_new),
        T(test_journal_same_command_over_ten_restarts_is_taken_once),
        T(test_journal_thousands_keep_the_last_256_and_a_small_file),
        T(test_journal_all_places_owed_refuses_more),
        T(test_journal_torn_or_flipped_anywhere_opens_and_forgets_one_at_most),
        T(test_journal_other_version_is_refused_and_left_alone),
        T(test_journal_second_owner_is_refused),
        T(test_journal_disk_refuses_intent_is_an_error_and_uses_it_up),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
