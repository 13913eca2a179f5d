/* The storage thread when the disk takes nothing. */
#include "storage_private.h"
#include "store_support.h"
#include "testing.h"

#include <signal.h>
#include <sys/resource.h>

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void open_channels(struct ct_channels *channels)
{
    assert_int_equal(ct_channel_open(&channels->bus_to_storage, 1 << 20), CT_OK);
    assert_int_equal(ct_channel_open(&channels->storage_to_bus, 1 << 20), CT_OK);
    assert_int_equal(ct_channel_open(&channels->storage_to_link, 1 << 20), CT_OK);
    assert_int_equal(ct_channel_open(&channels->link_to_storage, 1 << 20), CT_OK);
}

static void close_channels(struct ct_channels *channels)
{
    ct_channel_close(&channels->bus_to_storage);
    ct_channel_close(&channels->storage_to_bus);
    ct_channel_close(&channels->storage_to_link);
    ct_channel_close(&channels->link_to_storage);
}

static struct ct_catalogue *empty_catalogue(void)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static void test_storage_failed_commit_waits_its_second_whatever_comes(void **state)
{
    (void)state;
    char folder[SCRATCH_MAX];
    char problem[512];
    struct ct_channels channels = {0};
    struct ct_storage *storage = NULL;
    struct ct_catalogue *catalogue = empty_catalogue();
    scratch_make(folder);
    open_channels(&channels);
    const struct ct_storage_config config = {
        .vehicle_id = "demo", .state_dir = folder, .quota_bytes = 64 << 20, .commit_ms = 20};
    assert_int_equal(ct_storage_open(&config, &channels, catalogue, &storage, problem, sizeof problem), CT_OK);
    const struct ct_msg_event event = {.name = "test", .text = "something"};
    const ct_ns now = storage->stats_due + 100 * CT_NS_PER_S;
    /* given a disk that takes nothing more */
    signal(SIGXFSZ, SIG_IGN);
    limit_files(0);
    ct_storage_event(storage, &event, now);
    assert_true(storage->commit_due <= now);
    ct_storage_commit(storage, now);
    assert_true(storage->commit_due == now + CT_NS_PER_S);
    /* when more is to be stored at once, then it waits for the second try */
    ct_storage_event(storage, &event, now + 1);
    assert_true(storage->commit_due == now + CT_NS_PER_S);
    /* and when there is room again, commits are as soon as before */
    limit_files(RLIM_INFINITY);
    ct_storage_commit(storage, now + CT_NS_PER_S);
    assert_true(storage->commit_due == CT_NS_NEVER);
    ct_storage_event(storage, &event, now + CT_NS_PER_S + 1);
    assert_true(storage->commit_due == now + CT_NS_PER_S + 1);
    assert_int_equal(ct_storage_close(storage), CT_OK);
    close_channels(&channels);
    ct_catalogue_unref(catalogue);
    tree_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storage_failed_commit_waits_its_second_whatever_comes),
    };
    return cmocka_run_group_tests_name("storage", tests, NULL, NULL);
}
