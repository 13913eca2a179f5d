/* The trust store's two files: whatever happens to one, what was durable before counts. */
#include "files.h"
#include "testing.h"
#include "trust_file.h"
#include "update_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct rig {
    struct update_fixture fixture;
    struct ct_trust_file file;
    struct ct_trust read;
    char dir[64];
};

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    fixture_open(&rig->fixture);
    (void)snprintf(rig->dir, sizeof rig->dir, "/tmp/cantwin-trust-XXXXXX");
    assert_non_null(mkdtemp(rig->dir));
    *state = rig;
    return 0;
}

static void path_of(const struct rig *rig, int slot, char path[128])
{
    (void)snprintf(path, 128, "%s/trust.%d", rig->dir, slot);
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    char path[128];
    for (int slot = 0; slot < 2; slot++) {
        path_of(rig, slot, path);
        (void)unlink(path);
    }
    (void)rmdir(rig->dir);
    fixture_close(&rig->fixture);
    free(rig);
    return 0;
}

static int reopen(struct rig *rig)
{
    return ct_trust_file_open(&rig->file, rig->dir, &rig->read);
}

static void write_seq(struct rig *rig, uint64_t seq)
{
    rig->fixture.trust.director_seq = seq;
    assert_int_equal(ct_trust_file_write(&rig->file, &rig->fixture.trust), CT_OK);
}

static void cut(const struct rig *rig, int slot, long len)
{
    char path[128];
    path_of(rig, slot, path);
    assert_int_equal(truncate(path, len), 0);
}

static void test_trust_file_newest_counts_and_only_its_owner_reads_it(void **state)
{
    struct rig *rig = *state;
    struct stat status;
    char path[128];
    assert_int_equal(reopen(rig), CT_ERR_NOT_FOUND);
    for (uint64_t seq = 1; seq <= 7; seq++) {
        write_seq(rig, seq);
        assert_int_equal(reopen(rig), CT_OK);
        assert_int_equal(rig->read.director_seq, seq);
        assert_int_equal(rig->file.generation, seq);
    }
    path_of(rig, 1, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 077, 0);
}

/* A write that is cut anywhere leaves the one before. */
static void test_trust_file_torn_write_leaves_the_one_before(void **state)
{
    struct rig *rig = *state;
    char path[128];
    uint8_t *whole;
    size_t len;
    assert_int_equal(reopen(rig), CT_ERR_NOT_FOUND);
    write_seq(rig, 1);
    write_seq(rig, 2); /* in trust.0 */
    path_of(rig, 0, path);
    assert_int_equal(ct_file_read(path, CT_TRUST_BYTES_MAX, &whole, &len), CT_OK);
    for (size_t at = 0; at < len; at += 7) {
        assert_int_equal(ct_file_write(path, whole, len, 0600), CT_OK);
        cut(rig, 0, (long)at);
        assert_int_equal(reopen(rig), CT_OK);
        assert_int_equal(rig->read.director_seq, 1);
        assert_int_equal(rig->file.damaged, 1);
    }
    write_seq(rig, 3); /* goes over the damaged one */
    assert_int_equal(reopen(rig), CT_OK);
    assert_int_equal(rig->read.director_seq, 3);
    free(whole);
}

static void test_trust_file_both_damaged_is_no_first_start(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(reopen(rig), CT_ERR_NOT_FOUND);
    write_seq(rig, 1);
    cut(rig, 1, 0);
    assert_int_equal(reopen(rig), CT_ERR_CORRUPT);
    assert_int_equal(rig->file.damaged, 1);
}

/* An older file put in the newer one's place is older still: its number says so. */
static void test_trust_file_copy_of_the_other_is_not_taken(void **state)
{
    struct rig *rig = *state;
    char from[128], to[128];
    uint8_t *data;
    size_t len;
    assert_int_equal(reopen(rig), CT_ERR_NOT_FOUND);
    write_seq(rig, 1);
    write_seq(rig, 2);
    path_of(rig, 1, from);
    path_of(rig, 0, to);
    assert_int_equal(ct_file_read(from, CT_TRUST_BYTES_MAX, &data, &len), CT_OK);
    assert_int_equal(ct_file_write(to, data, len, 0600), CT_OK);
    free(data);
    assert_int_equal(reopen(rig), CT_OK);
    assert_int_equal(rig->file.damaged, 1);
    assert_int_equal(rig->read.director_seq, 1);
}

static void test_trust_file_that_cannot_be_written_keeps_the_one_before(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(reopen(rig), CT_ERR_NOT_FOUND);
    write_seq(rig, 1);
    (void)snprintf(rig->file.dir, sizeof rig->file.dir, "%s/none", rig->dir);
    assert_int_not_equal(ct_trust_file_write(&rig->file, &rig->fixture.trust), CT_OK);
    assert_int_equal(rig->file.generation, 1);
    assert_int_equal(reopen(rig), CT_OK);
    assert_int_equal(rig->read.director_seq, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trust_file_newest_counts_and_only_its_owner_reads_it),
        TEST(test_trust_file_torn_write_leaves_the_one_before),
        TEST(test_trust_file_both_damaged_is_no_first_start),
        TEST(test_trust_file_copy_of_the_other_is_not_taken),
        TEST(test_trust_file_that_cannot_be_written_keeps_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
