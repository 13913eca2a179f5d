/* A disk that is full, and one that refuses writes. The full disk is a small tmpfs in a mount namespace of our own;
 * where that is not allowed the test is skipped by name. */
#include "outbox_support.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#define QUOTA (256U * 1024U)

static char dir[SCRATCH_MAX];

static bool small_disk(const char *where)
{
    const bool own = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    return own && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", where, "tmpfs", 0, "size=192k") == 0;
}

/* Leaves `pages` free pages. */
static void fill_disk(const char *where, unsigned pages)
{
    static const uint8_t page[4096];
    char path[SCRATCH_MAX];
    path_join(path, where, "hog");
    const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    off_t size = 0;
    while (write(fd, page, sizeof page) == (ssize_t)sizeof page) {
        size += (off_t)sizeof page;
    }
    const off_t left = size - (off_t)pages * (off_t)sizeof page;
    assert_int_equal(ftruncate(fd, left > 0 ? left : 0), 0);
    close(fd);
}

struct seen {
    uint64_t end, stored, gaps, samples;
};

static struct seen read_all(struct ct_outbox *outbox, enum ct_class class)
{
    struct ct_outbox_record record;
    struct seen seen = {0};
    while (ct_outbox_read(outbox, class, seen.end, &record) == CT_OK) {
        assert_int_equal(record.seq_first, seen.end + 1);
        if (is_ours(&record)) {
            seen.stored++;
            seen.samples += record.samples;
        } else {
            seen.gaps++;
            seen.samples += gap_decode(&record).samples;
        }
        seen.end = record.seq_last;
    }
    return seen;
}

static void test_outbox_disk_full_keeps_events_counts_samples_recovers(void **state)
{
    (void)state;
    char hog[SCRATCH_MAX];
    scratch_make(dir);
    if (!small_disk(dir)) {
        tree_remove(dir);
        print_message("cannot mount a tmpfs here\n");
        skip();
    }
    struct ct_outbox_stats stats;
    struct ct_outbox *outbox = outbox_open_at(dir, QUOTA, NULL);
    uint64_t appended = 0;
    unsigned refused = 0;
    path_join(hog, dir, "hog");
    for (int i = 0; i < 800; i++, appended++) {
        if (i % 400 == 0) {
            /* first with nothing stored that could go, then with something */
            (void)unlink(hog);
            for (int k = 0; i > 0 && k < 40; k++, appended++) {
                assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 1000, 2), CT_OK);
            }
            assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
            fill_disk(dir, 0);
        }
        const uint64_t seq = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE);
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 1000, 2), CT_OK);
        assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), seq + 1);
        if (i % 80 == 0) {
            assert_int_equal(outbox_put(outbox, CT_CLASS_EVENT, 100, 0), CT_OK);
        }
        refused += ct_outbox_commit(outbox, 0) != CT_OK ? 1U : 0U;
        fill_disk(dir, 0); /* somebody else takes what was freed */
    }
    assert_true(refused > 0);
    ct_outbox_stats_get(outbox, &stats);
    assert_true(stats.commit_errors > 0);
    assert_true(stats.dropped_samples > 0);
    /* room again: everything goes on by itself */
    assert_int_equal(unlink(hog), 0);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    const struct seen samples = read_all(outbox, CT_CLASS_SAMPLE);
    const struct seen events = read_all(outbox, CT_CLASS_EVENT);
    assert_int_equal(samples.end, appended);
    assert_int_equal(samples.samples, 2 * appended);
    assert_int_equal(events.stored, 10);
    assert_int_equal(events.gaps, 0);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    outbox = outbox_open_at(dir, QUOTA, NULL);
    assert_int_equal(read_all(outbox, CT_CLASS_SAMPLE).samples, 2 * appended);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    assert_int_equal(umount(dir), 0);
    tree_remove(dir);
}

static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_outbox_write_refused_waits_then_tells_the_loss(void **state)
{
    (void)state;
    struct ct_outbox_stats stats;
    scratch_make(dir);
    (void)signal(SIGXFSZ, SIG_IGN);
    struct ct_outbox *outbox = outbox_open_at(dir, QUOTA, NULL);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 500, 5), CT_OK);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    limit_file_size(1024);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 900, 5), CT_OK);
    assert_int_equal(outbox_put(outbox, CT_CLASS_RESULT, 1500, 0), CT_OK);
    assert_int_not_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(newest_of(outbox, CT_CLASS_SAMPLE), 1);
    /* nothing was lost yet: the write works again and so does the commit */
    limit_file_size(0);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(read_all(outbox, CT_CLASS_SAMPLE).stored, 2);
    assert_int_equal(read_all(outbox, CT_CLASS_RESULT).stored, 1);
    /* for longer than memory may hold: samples become a Gap, results are refused */
    limit_file_size(1024);
    uint64_t appended = 2;
    for (int i = 0; i < 200; i++, appended++) {
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 900, 5), CT_OK);
    }
    uint64_t results = 1;
    while (results < 100 && outbox_put(outbox, CT_CLASS_RESULT, 1500, 0) == CT_OK) {
        results++;
    }
    assert_true(results < 20);
    ct_outbox_stats_get(outbox, &stats);
    assert_true(stats.dropped_samples > 0);
    assert_true(stats.refused[CT_CLASS_INDEX(CT_CLASS_RESULT)] == 1);
    limit_file_size(0);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    outbox_die(outbox);
    outbox = outbox_open_at(dir, QUOTA, NULL);
    const struct seen samples = read_all(outbox, CT_CLASS_SAMPLE);
    assert_int_equal(samples.end, appended);
    assert_int_equal(samples.samples, 5 * appended);
    assert_true(samples.gaps >= 1);
    assert_int_equal(read_all(outbox, CT_CLASS_RESULT).stored, results);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    tree_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outbox_write_refused_waits_then_tells_the_loss),
        cmocka_unit_test(test_outbox_disk_full_keeps_events_counts_samples_recovers),
    };
    return cmocka_run_group_tests_name("outbox on a full disk", tests, NULL, NULL);
}
