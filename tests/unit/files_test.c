/* base/files.h, on a real file system */
#include "files.h"
#include "testing.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct patience {
    int rests;
    int until; /* a descriptor is left again after so many */
    struct rlimit before;
} patience;

/* In place of libc's: nothing waits here, and the world changes meanwhile. */
int poll(struct pollfd *fds, nfds_t count, int wait_ms)
{
    (void)fds;
    (void)count;
    (void)wait_ms;
    if (++patience.rests == patience.until) {
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &patience.before), 0);
    }
    return 0;
}

static int make_folder(void **state)
{
    char *folder = strdup("/tmp/cantwin-files-XXXXXX");
    *state = folder;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[128];
    static const char *const names[] = {"file", "a/b/c", "a/b", "a"};
    for (size_t i = 0; i < 4; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", (char *)*state, names[i]);
        (void)remove(path);
    }
    (void)rmdir(*state);
    free(*state);
    return 0;
}

static void test_file_written_reads_back(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", (char *)*state);
    static uint8_t content[10000];
    for (size_t i = 0; i < sizeof content; i++) {
        content[i] = (uint8_t)(i * 7);
    }
    assert_int_equal(ct_file_write(path, "old", 3, 0644), CT_OK);
    assert_int_equal(ct_file_write(path, content, sizeof content, 0600), CT_OK);
    uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(ct_file_read(path, 10000, &data, &len), CT_OK);
    assert_int_equal(len, sizeof content);
    assert_memory_equal(data, content, len);
    assert_int_equal(data[len], 0);
    free(data);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(ct_file_read(path, 9999, &data, &len), CT_ERR_TOO_LARGE);
}

static void test_file_missing_is_not_found(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/none/file", (char *)*state);
    uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(ct_file_read(path, 10, &data, &len), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_file_write(path, "", 0, 0600), CT_ERR_NOT_FOUND);
}

static void test_dir_make_makes_parents_and_accepts_existing(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/a/b/c", (char *)*state);
    assert_int_equal(ct_dir_make(path), CT_OK);
    assert_int_equal(ct_dir_make(path), CT_OK);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(ct_dir_make(""), CT_ERR_ARGUMENT);
}

static int read_without_descriptors(const char *path, int until)
{
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &patience.before), 0);
    const struct rlimit none = {0, patience.before.rlim_max};
    patience.rests = 0;
    patience.until = until;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    uint8_t *data = NULL;
    size_t len = 0;
    const int err = ct_file_read(path, 10, &data, &len);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &patience.before), 0);
    if (err == CT_OK) {
        free(data);
    }
    return err;
}

static void test_file_without_a_descriptor_waits_for_one(void **state)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/file", (char *)*state);
    assert_int_equal(ct_file_write(path, "text", 4, 0600), CT_OK);
    assert_int_equal(read_without_descriptors(path, 3), CT_OK);
    assert_int_equal(patience.rests, 3);
    /* not for ever, and not for what is missing */
    assert_int_equal(read_without_descriptors(path, -1), CT_ERR_IO);
    assert_in_range(patience.rests, 2, CT_FILE_PATIENCE_MS);
    patience.rests = 0;
    uint8_t *data = NULL;
    size_t len = 0;
    assert_int_equal(ct_file_read("/nonexistent/file", 10, &data, &len), CT_ERR_NOT_FOUND);
    assert_int_equal(patience.rests, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_written_reads_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_missing_is_not_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_dir_make_makes_parents_and_accepts_existing, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_without_a_descriptor_waits_for_one, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
