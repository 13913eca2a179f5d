#include "outbox_support.h"

#define QUOTA (256U * 1024U)

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

static void test_outbox_fresh_has_random_stream_and_first_sequence(void **state)
{
    struct ct_outbox_recovery recovery;
    struct ct_outbox_stats stats;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, &recovery);
    static const uint8_t zero[CT_STREAM_ID_SIZE];
    ct_outbox_stats_get(outbox, &stats);
    assert_true(recovery.fresh);
    assert_false(recovery.clean);
    assert_false(recovery.has_last_sample);
    assert_memory_not_equal(stats.stream_id, zero, CT_STREAM_ID_SIZE);
    for (int class = CT_CLASS_EVENT; class <= CT_CLASS_SAMPLE; class ++) {
        assert_int_equal(ct_outbox_next_seq(outbox, (enum ct_class) class), 1);
    }
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_record_before_commit_is_not_handed_out(void **state)
{
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 100, 3), CT_OK);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 0, &record), CT_ERR_END);
    assert_int_equal(newest_of(outbox, CT_CLASS_SAMPLE), 0);

    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);

    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 0, &record), CT_OK);
    assert_true(is_ours(&record));
    assert_int_equal(record.seq_first, 1);
    assert_int_equal(record.samples, 3);
    assert_int_equal(record.from_utc_ns, 1000);
    assert_int_equal(record.to_utc_ns, 1500);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 1, &record), CT_ERR_END);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_reopen_keeps_stream_records_sequences_acks(void **state)
{
    struct ct_outbox_recovery recovery;
    struct ct_outbox_stats before;
    struct ct_outbox_stats after;
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 200, 1), CT_OK);
        assert_int_equal(outbox_put(outbox, CT_CLASS_EVENT, 50, 0), CT_OK);
    }
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    ct_outbox_ack(outbox, CT_CLASS_SAMPLE, 4);
    ct_outbox_stats_get(outbox, &before);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);

    outbox = outbox_open_at(*state, QUOTA, &recovery);

    ct_outbox_stats_get(outbox, &after);
    assert_true(recovery.clean);
    assert_false(recovery.fresh);
    assert_true(recovery.has_last_sample);
    assert_int_equal(recovery.last_sample_utc_ns, 10500);
    assert_memory_equal(before.stream_id, after.stream_id, CT_STREAM_ID_SIZE);
    assert_int_equal(after.acked.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)], 4);
    assert_int_equal(after.newest.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)], 10);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), 11);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_EVENT), 11);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_RESULT), 1);
    /* reading behind the ack, whatever was asked for */
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 0, &record), CT_OK);
    assert_int_equal(record.seq_first, 5);
    assert_true(is_ours(&record));
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_killed_keeps_what_was_committed_only(void **state)
{
    struct ct_outbox_recovery recovery;
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 100, 1), CT_OK);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 100, 1), CT_OK);
    outbox_die(outbox);

    outbox = outbox_open_at(*state, QUOTA, &recovery);

    assert_false(recovery.clean);
    assert_true(recovery.has_last_sample);
    assert_int_equal(recovery.last_sample_utc_ns, 1500);
    assert_int_equal(recovery.torn_bytes, 0);
    assert_int_equal(recovery.last_boot_id[0], 0xB0);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), 2);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 1, &record), CT_ERR_END);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_acked_to_the_end_keeps_sequence_over_restart(void **state)
{
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(outbox_put(outbox, CT_CLASS_EVENT, 100, 0), CT_OK);
        assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
        ct_outbox_ack(outbox, CT_CLASS_EVENT, (uint64_t)i + 1);
    }
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_EVENT), 2001);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_event_part_full_says_so_and_recovers_by_ack(void **state)
{
    struct ct_outbox_stats stats;
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL); /* 16 KiB for events */
    uint64_t stored = 0;
    while (outbox_put(outbox, CT_CLASS_EVENT, 400, 0) == CT_OK) {
        stored++;
        assert_true(stored < 100);
    }
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_EVENT), stored + 1);
    assert_true(ct_outbox_room(outbox, CT_CLASS_EVENT) < 400);
    assert_true(stored >= 30);
    /* results have a part of their own */
    assert_int_equal(outbox_put(outbox, CT_CLASS_RESULT, 400, 0), CT_OK);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    ct_outbox_stats_get(outbox, &stats);
    assert_int_equal(stats.refused[CT_CLASS_INDEX(CT_CLASS_EVENT)], 1);
    for (uint64_t seq = 1; seq <= stored; seq++) {
        assert_int_equal(ct_outbox_read(outbox, CT_CLASS_EVENT, seq - 1, &record), CT_OK);
        assert_true(is_ours(&record));
    }
    ct_outbox_ack(outbox, CT_CLASS_EVENT, stored);
    assert_int_equal(outbox_put(outbox, CT_CLASS_EVENT, 400, 0), CT_OK);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_ack_beyond_newest_moves_the_sequence_behind_it(void **state)
{
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 100, 7), CT_OK);
    ct_outbox_ack(outbox, CT_CLASS_SAMPLE, 50);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), 51);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, 100, 1), CT_OK);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 0, &record), CT_OK);
    assert_int_equal(record.seq_first, 51);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_second_owner_is_refused(void **state)
{
    struct ct_outbox_config config = {.dir = *state, .quota_bytes = QUOTA};
    struct ct_outbox *other = NULL;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(ct_outbox_open(&config, &other, NULL), CT_ERR_BUSY);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_wrong_arguments_are_refused(void **state)
{
    struct ct_outbox_config config = {.dir = *state, .quota_bytes = 1000};
    struct ct_outbox *outbox = NULL;
    assert_int_equal(ct_outbox_open(&config, &outbox, NULL), CT_ERR_ARGUMENT);
    outbox = outbox_open_at(*state, QUOTA, NULL);
    struct ct_outbox_record record = {
        .class = CT_CLASS_SAMPLE, .seq_first = 2, .seq_last = 2, .data = (const uint8_t *)"x", .len = 1};
    assert_int_equal(ct_outbox_append(outbox, &record), CT_ERR_ARGUMENT);
    record.seq_first = record.seq_last = 1;
    record.len = CT_OUTBOX_RECORD_MAX + 1;
    assert_int_equal(ct_outbox_append(outbox, &record), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_outbox_room(outbox, CT_CLASS_SAMPLE) > 65536, 1);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    assert_int_equal(ct_outbox_close(NULL), CT_OK);
}

/* ---------------------------------------------------------------- catalogues */

static struct ct_catalogue *catalogue_make(const char *name)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    uint32_t id;
    const struct ct_entry entry = {.name = name, .unit = "km/h", .comment = "", .kind = CT_KIND_RAW, .factor = 0.5};
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static int put_naming(struct ct_outbox *outbox, const uint8_t *hash)
{
    const uint64_t seq = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE);
    struct ct_outbox_record record = {.class = CT_CLASS_SAMPLE,
                                      .seq_first = seq,
                                      .seq_last = seq,
                                      .samples = 1,
                                      .has_catalogue = true,
                                      .data = (const uint8_t *)"body",
                                      .len = 4};
    memcpy(record.catalogue_hash, hash, CT_HASH_SIZE);
    return ct_outbox_append(outbox, &record);
}

static void test_outbox_catalogue_is_kept_while_named_and_then_removed(void **state)
{
    struct ct_catalogue *old = catalogue_make("Vehicle.Speed");
    struct ct_catalogue *new = catalogue_make("Vehicle.Acceleration");
    struct ct_catalogue *read = NULL;
    struct ct_outbox_record record;
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(ct_outbox_catalogue_save(outbox, old), CT_OK);
    assert_int_equal(put_naming(outbox, ct_catalogue_hash(old)), CT_OK);
    assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
    assert_int_equal(ct_outbox_catalogue_save(outbox, new), CT_OK);
    /* still named by a record, also after a restart */
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(ct_outbox_catalogue_save(outbox, new), CT_OK);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 0, &record), CT_OK);
    assert_true(record.has_catalogue);
    assert_int_equal(ct_outbox_catalogue_load(*state, record.catalogue_hash, &read), CT_OK);
    assert_memory_equal(ct_catalogue_hash(read), ct_catalogue_hash(old), CT_HASH_SIZE);
    assert_string_equal(ct_catalogue_entry(read, 0)->name, "Vehicle.Speed");
    ct_catalogue_unref(read);
    /* acknowledged, and the segment has made place for another */
    ct_outbox_ack(outbox, CT_CLASS_SAMPLE, 1);
    for (int i = 0; i < 600; i++) {
        assert_int_equal(put_naming(outbox, ct_catalogue_hash(new)), CT_OK);
        assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
        ct_outbox_ack(outbox, CT_CLASS_SAMPLE, newest_of(outbox, CT_CLASS_SAMPLE));
    }
    assert_int_equal(ct_outbox_catalogue_load(*state, ct_catalogue_hash(old), &read), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_outbox_catalogue_load(*state, ct_catalogue_hash(new), &read), CT_OK);
    ct_catalogue_unref(read);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
    ct_catalogue_unref(old);
    ct_catalogue_unref(new);
}

/* So many entries: 6,000 are several parts. */
static struct ct_catalogue *catalogue_of(unsigned count)
{
    struct ct_catalogue_builder *builder = NULL;
    struct ct_catalogue *catalogue = NULL;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (unsigned i = 0; i < count; i++) {
        char name[64];
        uint32_t id = 0;
        snprintf(name, sizeof name, "can0.A_message_with_a_long_name.Signal_%u", i);
        const struct ct_entry entry = {
            .name = name, .unit = "km/h", .comment = "", .kind = CT_KIND_DOUBLE, .factor = 1};
        assert_int_equal(ct_catalogue_builder_add(builder, &entry, &id), CT_OK);
    }
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    return catalogue;
}

static void catalogue_file(const char *dir, const struct ct_catalogue *catalogue, char path[SCRATCH_MAX])
{
    char name[2 * CT_HASH_SIZE + 1];
    char folder[SCRATCH_MAX];
    ct_hex_encode(name, ct_catalogue_hash(catalogue), CT_HASH_SIZE);
    path_join(folder, dir, "catalogues");
    path_join(path, folder, name);
}

/* Where the parts of a file end; ends[0] is where the first begins. Returns how many there are. */
static size_t part_ends(const struct bytes *bytes, size_t *ends, size_t max)
{
    size_t count = 0;
    ends[0] = 8;
    while (ends[count] < bytes->len && count + 1 < max) {
        ends[count + 1] = ends[count] + 8 + ct_le32(bytes->data + ends[count]);
        count++;
    }
    assert_int_equal(ends[count], bytes->len);
    return count;
}

/* Saving sees that the file is not as it was, and writes it again; `flipped` (SIZE_MAX: none) is put right in the copy.
 */
static void save_repairs(struct ct_outbox *outbox, const char *dir, const char *path, const struct bytes *good,
                         const struct ct_catalogue *catalogue, size_t flipped)
{
    struct ct_catalogue *read = NULL;
    if (flipped < good->len) {
        good->data[flipped] ^= (uint8_t)(1U << (flipped % 8));
    }
    assert_int_equal(ct_outbox_catalogue_save(outbox, catalogue), CT_OK);
    const struct bytes now = file_get(path);
    assert_int_equal(now.len, good->len);
    assert_memory_equal(now.data, good->data, now.len);
    free(now.data);
    assert_int_equal(ct_outbox_catalogue_load(dir, ct_catalogue_hash(catalogue), &read), CT_OK);
    ct_catalogue_unref(read);
}

static void test_outbox_catalogue_damaged_on_disk_is_refused_and_written_again(void **state)
{
    struct ct_catalogue *catalogue = catalogue_make("Vehicle.Speed");
    struct ct_catalogue *read = NULL;
    char path[SCRATCH_MAX];
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    assert_int_equal(ct_outbox_catalogue_save(outbox, catalogue), CT_OK);
    catalogue_file(*state, catalogue, path);
    const struct bytes bytes = file_get(path);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= (uint8_t)(1U << (i % 8));
        file_put(path, bytes.data, bytes.len);
        assert_int_equal(ct_outbox_catalogue_load(*state, ct_catalogue_hash(catalogue), &read), CT_ERR_CORRUPT);
        save_repairs(outbox, *state, path, &bytes, catalogue, i);
        file_put(path, bytes.data, i);
        assert_int_equal(ct_outbox_catalogue_load(*state, ct_catalogue_hash(catalogue), &read), CT_ERR_CORRUPT);
        save_repairs(outbox, *state, path, &bytes, catalogue, SIZE_MAX);
    }
    ct_catalogue_unref(catalogue);
    free(bytes.data);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

/* Every checksum is right: only the parts tell that something is missing, twice there, or in another order. */
static void test_outbox_catalogue_with_parts_missing_or_moved_is_written_again(void **state)
{
    struct ct_catalogue *catalogue = catalogue_of(6000);
    struct ct_catalogue *other = catalogue_of(5999);
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    char path[SCRATCH_MAX];
    size_t ends[64] = {8};
    assert_int_equal(ct_outbox_catalogue_save(outbox, catalogue), CT_OK);
    catalogue_file(*state, catalogue, path);
    const struct bytes bytes = file_get(path);
    const size_t parts = part_ends(&bytes, ends, 64);
    assert_in_range(parts, 3, 63);
    for (size_t n = 0; n < parts; n++) { /* so many of them */
        file_put(path, bytes.data, ends[n]);
        save_repairs(outbox, *state, path, &bytes, catalogue, SIZE_MAX);
    }
    uint8_t *mixed = calloc(2, bytes.len);
    assert_non_null(mixed);
    memcpy(mixed, bytes.data, bytes.len); /* the last one twice */
    memcpy(mixed + bytes.len, bytes.data + ends[parts - 1], bytes.len - ends[parts - 1]);
    file_put(path, mixed, 2 * bytes.len - ends[parts - 1]);
    save_repairs(outbox, *state, path, &bytes, catalogue, SIZE_MAX);
    memcpy(mixed + 8, bytes.data + ends[1], ends[2] - ends[1]); /* the first two changed about */
    memcpy(mixed + 8 + ends[2] - ends[1], bytes.data + 8, ends[1] - 8);
    file_put(path, mixed, bytes.len);
    save_repairs(outbox, *state, path, &bytes, catalogue, SIZE_MAX);
    free(mixed);
    /* the whole file of another catalogue */
    char path_of_other[SCRATCH_MAX];
    assert_int_equal(ct_outbox_catalogue_save(outbox, other), CT_OK);
    catalogue_file(*state, other, path_of_other);
    const struct bytes foreign = file_get(path_of_other);
    file_put(path, foreign.data, foreign.len);
    save_repairs(outbox, *state, path, &bytes, catalogue, SIZE_MAX);
    free(foreign.data);
    free(bytes.data);
    ct_catalogue_unref(catalogue);
    ct_catalogue_unref(other);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

static void test_outbox_catalogue_that_is_good_is_not_written_again(void **state)
{
    struct ct_catalogue *catalogue = catalogue_of(6000);
    struct ct_outbox *outbox = outbox_open_at(*state, QUOTA, NULL);
    struct stat first;
    struct stat second;
    char path[SCRATCH_MAX];
    assert_int_equal(ct_outbox_catalogue_save(outbox, catalogue), CT_OK);
    catalogue_file(*state, catalogue, path);
    assert_int_equal(stat(path, &first), 0);
    assert_int_equal(ct_outbox_catalogue_save(outbox, catalogue), CT_OK);
    assert_int_equal(stat(path, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino); /* a new one would be another file of that name */
    ct_catalogue_unref(catalogue);
    assert_int_equal(ct_outbox_close(outbox), CT_OK);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_outbox_fresh_has_random_stream_and_first_sequence),
        T(test_outbox_record_before_commit_is_not_handed_out),
        T(test_outbox_reopen_keeps_stream_records_sequences_acks),
        T(test_outbox_killed_keeps_what_was_committed_only),
        T(test_outbox_acked_to_the_end_keeps_sequence_over_restart),
        T(test_outbox_event_part_full_says_so_and_recovers_by_ack),
        T(test_outbox_ack_beyond_newest_moves_the_sequence_behind_it),
        T(test_outbox_second_owner_is_refused),
        T(test_outbox_wrong_arguments_are_refused),
        T(test_outbox_catalogue_is_kept_while_named_and_then_removed),
        T(test_outbox_catalogue_damaged_on_disk_is_refused_and_written_again),
        T(test_outbox_catalogue_with_parts_missing_or_moved_is_written_again),
        T(test_outbox_catalogue_that_is_good_is_not_written_again),
    };
    return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
