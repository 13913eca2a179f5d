/* base/files.h, on a real file system */
#include "files.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file_written_reads_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_missing_is_not_found, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_dir_make_makes_parents_and_accepts_existing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("files", tests, NULL, NULL);
}
