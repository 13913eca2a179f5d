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
    assert_int_equal(ct_journal_intent(journal, id_of(n), n, false, (int64_t)(n * 1000)), CT_OK);
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
    assert_false(ct_journal_seen(journal, id_of(5), 5, false));
    take(journal, 5);
    assert_true(ct_journal_seen(journal, id_of(5), 6, false));  /* same id */
    assert_true(ct_journal_seen(journal, id_of(77), 5, false)); /* same sequence */
    assert_true(ct_journal_seen(journal, id_of(77), 4, false)); /* older sequence */
    assert_false(ct_journal_seen(journal, id_of(77), 6, false));
    assert_int_equal(ct_journal_intent(journal, id_of(5), 9, false, 0), CT_ERR_EXISTS);
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
        assert_true(ct_journal_seen(journal, id_of(n), n + 100, false));
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
            taken += ct_journal_intent(journal, id_of(1), 1, false, 1) == CT_OK ? 1U : 0U;
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
    assert_true(ct_journal_seen(journal, id_of(5000 - CT_JOURNAL_KEPT + 1), 9999, false));
    assert_true(ct_journal_seen(journal, id_of(9999), 5000, false));
    ct_journal_close(journal);
}

static void test_journal_all_places_owed_refuses_more(void **state)
{
    struct ct_journal *journal = journal_open_at(*state);
    for (uint64_t n = 1; n <= CT_JOURNAL_KEPT; n++) {
        take(journal, n);
    }
    assert_int_equal(ct_journal_intent(journal, id_of(500), 500, false, 0), CT_ERR_FULL);
    assert_false(ct_journal_seen(journal, id_of(500), 500, false));
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
        assert_true(ct_journal_seen(journal, id_of(100), 200, false));
        assert_int_equal(stats_of(journal).torn_bytes, 0);
        ct_journal_close(journal);

        bytes.data[at] ^= (uint8_t)(1U << (at % 8));
        file_put(path, bytes.data, bytes.len);
        bytes.data[at] ^= (uint8_t)(1U << (at % 8));
        journal = journal_open_at(*state);
        const size_t hurt = at / SLOT;
        for (uint64_t n = 1; n <= 10; n++) {
            /* by id, or by the sequence of a later one */
            assert_int_equal(ct_journal_seen(journal, id_of(n), n, false), hurt != 10 || n != 10);
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
    ct_put_le32(bytes.data + 40, 3);
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
    assert_int_equal(ct_journal_intent(journal, id_of(2), 2, false, 0), CT_OK);
    assert_int_not_equal(ct_journal_intent(journal, id_of(3), 3, false, 0), CT_OK);
    assert_true(ct_journal_seen(journal, id_of(3), 3, false));
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    take(journal, 4);
    ct_journal_close(journal);
    journal = journal_open_at(*state);
    assert_int_equal(stats_of(journal).kept, 4);
    assert_int_equal(stats_of(journal).torn_bytes, 0);
    ct_journal_close(journal);
}

/* As version 1 wrote it (by its description): no flags, no id in the head. What it took is taken for both. */
static void test_journal_of_version_1_is_taken_over_and_forgets_nothing(void **state)
{
    char path[SCRATCH_MAX];
    struct ct_journal *journal = journal_open_at(*state);
    take(journal, 3);
    take(journal, 7);
    ct_journal_close(journal);
    path_join(path, *state, "commands.journal");
    const struct bytes bytes = file_get(path);
    ct_put_le32(bytes.data + 40, 1);
    ct_put_le64(bytes.data + 24, 9); /* the highest, of one that is not kept */
    ct_put_le32(bytes.data + SLOT - 4, ct_crc32c(0, bytes.data, SLOT - 4));
    file_put(path, bytes.data, bytes.len);
    free(bytes.data);
    for (int opened = 0; opened < 2; opened++) {
        journal = journal_open_at(*state);
        assert_int_equal(stats_of(journal).kept, 2);
        for (uint64_t n = 1; n <= 9; n++) {
            assert_true(ct_journal_seen(journal, id_of(50), n, false));
            assert_true(ct_journal_seen(journal, id_of(50), n, true));
        }
        assert_false(ct_journal_seen(journal, id_of(50), 10, true));
        ct_journal_close(journal);
    }
    const struct bytes after = file_get(path);
    assert_int_equal(ct_le32(after.data + 40), 2);
    free(after.data);
}

static void test_journal_released_command_is_not_overtaken_but_for_once(void **state)
{
    struct ct_journal *journal = journal_open_at(*state);
    take(journal, 5);
    take(journal, 12);
    assert_true(ct_journal_seen(journal, id_of(10), 10, false)); /* director alone: behind 12 */
    assert_true(ct_journal_seen(journal, id_of(50), 5, true));   /* taken under the other authority */
    assert_true(ct_journal_seen(journal, id_of(5), 10, true));   /* same id */
    assert_int_equal(ct_journal_intent(journal, id_of(10), 10, true, 0), CT_OK);
    assert_int_equal(ct_journal_intent(journal, id_of(10), 10, true, 0), CT_ERR_EXISTS);
    assert_true(ct_journal_seen(journal, id_of(9), 9, true)); /* behind a later released one */
    assert_int_equal(ct_journal_intent(journal, id_of(14), 14, true, 0), CT_OK);
    assert_true(ct_journal_seen(journal, id_of(51), 14, false));
    take(journal, 13); /* a released one does not overtake either */
    ct_journal_close(journal);
    journal = journal_open_at(*state);
    assert_true(ct_journal_seen(journal, id_of(52), 10, true));
    assert_true(ct_journal_seen(journal, id_of(52), 14, false));
    assert_false(ct_journal_seen(journal, id_of(52), 15, true));
    ct_journal_close(journal);
}

/* What is known one by one no more leaves a floor: the same command is not taken under the other authority either. */
static void test_journal_forgotten_under_one_authority_is_not_taken_under_the_other(void **state)
{
    struct ct_journal *journal = journal_open_at(*state);
    for (uint64_t n = 2; n <= 2U + 2U * CT_JOURNAL_KEPT; n += 2) {
        take(journal, n);
        finish(journal, n);
    }
    for (int opened = 0; opened < 2; opened++) {
        assert_true(ct_journal_seen(journal, id_of(2), 2, true));
        assert_true(ct_journal_seen(journal, id_of(9000), 1, true)); /* never taken, and not to be told from others */
        assert_false(ct_journal_seen(journal, id_of(9000), 3, true));
        ct_journal_close(journal);
        journal = journal_open_at(*state);
    }
    for (uint64_t n = 1000; n < 3000; n++) { /* until the file is written anew */
        take(journal, n);
        finish(journal, n);
    }
    ct_journal_close(journal);
    journal = journal_open_at(*state);
    assert_true(ct_journal_seen(journal, id_of(2), 2, true));
    assert_true(ct_journal_seen(journal, id_of(9000), 2999 - CT_JOURNAL_KEPT, true));
    ct_journal_close(journal);
}

/* One record damaged (not torn): it may be of either authority, so nothing below what is known is taken. */
static void test_journal_damaged_takes_nothing_below_what_is_known(void **state)
{
    char path[SCRATCH_MAX];
    struct ct_journal *journal = journal_open_at(*state);
    assert_int_equal(ct_journal_intent(journal, id_of(10), 10, true, 0), CT_OK);
    take(journal, 11);
    ct_journal_close(journal);
    path_join(path, *state, "commands.journal");
    const struct bytes bytes = file_get(path);
    bytes.data[SLOT + 20] ^= 0x10;
    file_put(path, bytes.data, bytes.len);
    free(bytes.data);
    for (int opened = 0; opened < 2; opened++) {
        journal = journal_open_at(*state);
        assert_true(ct_journal_seen(journal, id_of(10), 10, true));
        assert_false(ct_journal_seen(journal, id_of(12), 12, true));
        ct_journal_close(journal);
    }
}

/* ---- property: any order, both authorities, restarts with and without a clean end */

#define RANGE 600U

struct model {
    struct ct_journal *journal;
    char dir[SCRATCH_MAX], other[SCRATCH_MAX];
    uint64_t seed;
    bool taken[RANGE + 1];
    uint64_t owed[CT_JOURNAL_KEPT]; /* taken and not finished */
    size_t owed_count;
    uint64_t last[2];
    unsigned count[2], refused;
};

/* A crash: what was not synced is lost with the page cache; the journal goes on in a copy of the folder. */
static void restart(struct model *model, bool clean)
{
    char spare[SCRATCH_MAX];
    if (clean) {
        ct_journal_close(model->journal);
    } else {
        folder_copy(model->dir, model->other);
        ct_journal_close(model->journal);
        tree_remove(model->dir);
        memcpy(spare, model->dir, sizeof spare);
        memcpy(model->dir, model->other, sizeof spare);
        memcpy(model->other, spare, sizeof spare);
    }
    model->journal = journal_open_at(model->dir);
}

static void deliver(struct model *model, uint64_t n, uint64_t id, bool release)
{
    const bool new_enough = n > model->last[0] && n > model->last[1];
    const int err = ct_journal_intent(model->journal, id_of(id), n, release, 0);
    if (err == CT_ERR_FULL) {
        return;
    }
    assert_int_equal(err == CT_OK, err != CT_ERR_EXISTS);
    if (err != CT_OK) {
        assert_false(new_enough); /* what is newer than everything is always taken */
        model->refused++;
        return;
    }
    assert_false(model->taken[n]);
    assert_true(n > model->last[release]);
    model->taken[n] = true;
    model->last[release] = n;
    model->count[release]++;
    model->owed[model->owed_count++] = id;
}

static void finish_some(struct model *model)
{
    while (model->owed_count > 0 && (model->owed_count > CT_JOURNAL_KEPT / 2 || rng_next(&model->seed) % 2 == 0)) {
        const size_t i = rng_next(&model->seed) % model->owed_count;
        (void)!ct_journal_outcome(model->journal, id_of(model->owed[i]), CT_COMMAND_DONE, CT_REASON_NONE);
        (void)!ct_journal_reported(model->journal, id_of(model->owed[i]));
        model->owed[i] = model->owed[--model->owed_count];
    }
}

static void test_journal_no_sequence_is_taken_twice_in_any_order(void **state)
{
    struct model *model = calloc(1, sizeof *model);
    assert_non_null(model);
    for (uint64_t run = 1; run <= 6; run++) {
        *model = (struct model){.seed = run * 0x9E3779B97F4A7C15ULL};
        path_join(model->dir, *state, run % 2 == 0 ? "even" : "odd");
        path_join(model->other, *state, run % 2 == 0 ? "even-2" : "odd-2");
        model->journal = journal_open_at(model->dir);
        for (uint64_t i = 0; i < 6000; i++) {
            /* around what is due now, old ones again, under either authority, sometimes by another id */
            const uint64_t due = i / 10 + 1;
            const uint64_t back = rng_next(&model->seed) % (rng_next(&model->seed) % 8 == 0 ? due
                                                            : due < 20                      ? due
                                                                                            : 20);
            const uint64_t n = due - back;
            const uint64_t id = rng_next(&model->seed) % 16 == 0 ? 100000 + i : n;
            deliver(model, n, id, rng_next(&model->seed) % 3 == 0);
            finish_some(model);
            if (rng_next(&model->seed) % 40 == 0) {
                restart(model, rng_next(&model->seed) % 2 == 0);
            }
        }
        assert_true(model->count[0] > 100 && model->count[1] > 100 && model->refused > 1000);
        ct_journal_close(model->journal);
        tree_remove(model->dir);
        tree_remove(model->other);
    }
    free(model);
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
        T(test_journal_of_version_1_is_taken_over_and_forgets_nothing),
        T(test_journal_released_command_is_not_overtaken_but_for_once),
        T(test_journal_forgotten_under_one_authority_is_not_taken_under_the_other),
        T(test_journal_damaged_takes_nothing_below_what_is_known),
        T(test_journal_no_sequence_is_taken_twice_in_any_order),
        T(test_journal_other_version_is_refused_and_left_alone),
        T(test_journal_second_owner_is_refused),
        T(test_journal_disk_refuses_intent_is_an_error_and_uses_it_up),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
