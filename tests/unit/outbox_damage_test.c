/* What power cuts and bad flash do to the files: every offset, every byte. */
#include "outbox_support.h"

#define QUOTA   (128U * 1024U)
#define RECORDS 24U

static char base[SCRATCH_MAX]; /* a store whose process was killed */
static char work[SCRATCH_MAX]; /* the copy that is hurt */
static char segment[SCRATCH_MAX];
static size_t end_of[RECORDS + 1]; /* file size after record n */

static size_t length_of(uint64_t seq)
{
    return 20 + (size_t)(seq * 37) % 120;
}

static void segment_path(char out[SCRATCH_MAX], const char *store, const char *name)
{
    char folder[SCRATCH_MAX];
    path_join(folder, store, "outbox");
    path_join(out, folder, name);
}

static int group_setup(void **state)
{
    (void)state;
    scratch_make(base);
    scratch_make(work);
    struct ct_outbox *outbox = outbox_open_at(base, QUOTA, NULL);
    segment_path(segment, work, "3-00000000000000000001.seg");
    end_of[0] = CT_SEGMENT_HEAD_SIZE;
    for (uint64_t seq = 1; seq <= RECORDS; seq++) {
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, length_of(seq), (uint32_t)seq), CT_OK);
        assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
        end_of[seq] = outbox->lanes[2].segments[0].size;
    }
    assert_int_equal(outbox->lanes[2].count, 1);
    outbox_die(outbox);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    tree_remove(base);
    tree_remove(work);
    return 0;
}

static void refresh(void)
{
    char from[SCRATCH_MAX];
    char to[SCRATCH_MAX];
    path_join(from, base, "outbox");
    path_join(to, work, "outbox");
    tree_remove(to);
    folder_copy(from, to);
}

/* Reads everything: sequences tile without hole or overlap, content is as it was written; returns how many records were
 * whole and notes the last Gap. */
static unsigned read_all(struct ct_outbox *outbox, struct ct_gap *out_last_gap)
{
    struct ct_outbox_record record;
    uint64_t after = 0;
    unsigned whole = 0;
    *out_last_gap = (struct ct_gap){0};
    while (ct_outbox_read(outbox, CT_CLASS_SAMPLE, after, &record) == CT_OK) {
        assert_int_equal(record.seq_first, after + 1);
        assert_true(record.seq_last >= record.seq_first);
        if (is_ours(&record) && record.len == length_of(record.seq_first)) {
            assert_int_equal(record.samples, record.seq_first);
            whole++;
        } else {
            *out_last_gap = gap_decode(&record);
        }
        after = record.seq_last;
    }
    assert_int_equal(after, newest_of(outbox, CT_CLASS_SAMPLE));
    return whole;
}

static void test_outbox_torn_at_every_offset_loses_only_the_torn_record(void **state)
{
    (void)state;
    const size_t full = end_of[RECORDS];
    unsigned expected = 0;
    for (size_t len = 0; len <= full; len++) {
        struct ct_outbox_recovery recovery;
        struct ct_gap gap;
        refresh();
        assert_int_equal(truncate(segment, (off_t)len), 0);
        while (expected < RECORDS && end_of[expected + 1] <= len) {
            expected++;
        }
        struct ct_outbox *outbox = outbox_open_at(work, QUOTA, &recovery);
        const bool clean_cut = len < CT_SEGMENT_HEAD_SIZE || len == end_of[expected];
        assert_false(recovery.clean);
        assert_false(recovery.fresh);
        assert_int_equal(recovery.torn_bytes, clean_cut ? 0 : len - end_of[expected]);
        assert_int_equal(read_all(outbox, &gap), expected);
        if (!clean_cut) {
            /* the torn record's number is told as lost and not used again */
            assert_int_equal(gap.reason, CT_GAP_RESTART);
            assert_int_equal(gap.seq_first, expected + 1);
            assert_true(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE) > expected + 1);
        }
        /* and the store goes on */
        const uint64_t seq = ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE);
        assert_int_equal(outbox_put(outbox, CT_CLASS_SAMPLE, length_of(seq), (uint32_t)seq), CT_OK);
        assert_int_equal(ct_outbox_commit(outbox, 0), CT_OK);
        assert_int_equal(read_all(outbox, &gap), expected + 1);
        outbox_die(outbox);
        outbox = outbox_open_at(work, QUOTA, &recovery);
        assert_int_equal(recovery.torn_bytes, 0);
        assert_int_equal(read_all(outbox, &gap), expected + 1);
        outbox_die(outbox);
    }
}

static void test_outbox_every_byte_flipped_hands_out_no_bad_record(void **state)
{
    (void)state;
    const size_t full = end_of[RECORDS];
    for (size_t at = 0; at < full; at++) {
        struct ct_outbox_recovery recovery;
        struct ct_gap gap;
        refresh();
        struct bytes bytes = file_get(segment);
        bytes.data[at] ^= (uint8_t)(1U << (at % 8));
        file_put(segment, bytes.data, bytes.len);
        free(bytes.data);
        struct ct_outbox *outbox = outbox_open_at(work, QUOTA, &recovery);
        const unsigned whole = read_all(outbox, &gap);
        /* a number that was durable once never comes back for something else */
        assert_true(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE) > RECORDS);
        if (at < CT_SEGMENT_HEAD_SIZE) {
            assert_int_equal(whole, 0);
            assert_int_equal(gap.reason, CT_GAP_DAMAGED);
        } else {
            assert_in_range(whole, RECORDS - 1, RECORDS); /* padding may be hit */
            assert_true(whole == RECORDS || recovery.damaged_records + recovery.torn_bytes > 0);
        }
        outbox_die(outbox);
    }
}

static void test_outbox_state_file_flipped_or_cut_keeps_records_and_stream(void **state)
{
    (void)state;
    char path[SCRATCH_MAX];
    segment_path(path, work, "state");
    refresh();
    const struct bytes good = file_get(path);
    uint8_t stream_id[CT_STREAM_ID_SIZE];
    memcpy(stream_id, good.data + 8, sizeof stream_id);
    for (size_t at = 0; at < 2 * good.len; at++) {
        struct ct_gap gap;
        struct ct_outbox_stats stats;
        refresh();
        if (at < good.len) {
            good.data[at] ^= (uint8_t)(1U << (at % 8));
            file_put(path, good.data, good.len);
            good.data[at] ^= (uint8_t)(1U << (at % 8));
        } else {
            file_put(path, good.data, at - good.len);
        }
        struct ct_outbox *outbox = outbox_open_at(work, QUOTA, NULL);
        assert_int_equal(read_all(outbox, &gap), RECORDS);
        ct_outbox_stats_get(outbox, &stats);
        assert_memory_equal(stats.stream_id, stream_id, sizeof stream_id);
        /* where nothing tells what was used, the class goes on far behind it */
        assert_true(ct_outbox_next_seq(outbox, CT_CLASS_EVENT) > UINT64_C(1) << 40);
        outbox_die(outbox);
    }
    free(good.data);
}

static void test_outbox_nothing_readable_starts_a_new_stream_and_says_so(void **state)
{
    (void)state;
    struct ct_outbox_recovery recovery;
    struct ct_outbox_stats stats;
    char path[SCRATCH_MAX];
    refresh();
    segment_path(path, work, "state");
    const struct bytes old = file_get(path);
    file_put(path, (const uint8_t *)"x", 1);
    file_put(segment, (const uint8_t *)"x", 1);
    struct ct_outbox *outbox = outbox_open_at(work, QUOTA, &recovery);
    assert_true(recovery.lost_stream);
    ct_outbox_stats_get(outbox, &stats);
    assert_memory_not_equal(stats.stream_id, old.data + 8, CT_STREAM_ID_SIZE);
    assert_int_equal(ct_outbox_next_seq(outbox, CT_CLASS_SAMPLE), 1);
    free(old.data);
    outbox_die(outbox);
}

static void test_outbox_other_version_is_refused_and_left_alone(void **state)
{
    (void)state;
    const char *const names[] = {"state", "3-00000000000000000001.seg"};
    for (size_t i = 0; i < 2; i++) {
        const struct ct_outbox_config config = {.dir = work, .quota_bytes = QUOTA};
        struct ct_outbox *outbox = NULL;
        char path[SCRATCH_MAX];
        refresh();
        segment_path(path, work, names[i]);
        const struct bytes bytes = file_get(path);
        const size_t covered = i == 0 ? bytes.len - 4 : CT_SEGMENT_HEAD_SIZE - 4;
        ct_put_le32(bytes.data + 4, 2);
        ct_put_le32(bytes.data + covered, ct_crc32c(0, bytes.data, covered));
        file_put(path, bytes.data, bytes.len);
        assert_int_equal(ct_outbox_open(&config, &outbox, NULL), CT_ERR_UNSUPPORTED);
        const struct bytes after = file_get(path);
        assert_int_equal(after.len, bytes.len);
        assert_memory_equal(after.data, bytes.data, bytes.len);
        free(after.data);
        free(bytes.data);
    }
}

static void test_outbox_damage_inside_reads_as_one_damaged_gap(void **state)
{
    (void)state;
    struct ct_outbox_recovery recovery;
    struct ct_outbox_record record;
    refresh();
    struct bytes bytes = file_get(segment);
    memset(bytes.data + end_of[4], 0xA5, end_of[7] - end_of[4]); /* records 5, 6, 7 */
    file_put(segment, bytes.data, bytes.len);
    free(bytes.data);
    struct ct_outbox *outbox = outbox_open_at(work, QUOTA, &recovery);
    assert_int_equal(recovery.damaged_records, 1);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 4, &record), CT_OK);
    const struct ct_gap gap = gap_decode(&record);
    assert_int_equal(gap.seq_first, 5);
    assert_int_equal(gap.seq_last, 7);
    assert_int_equal(gap.reason, CT_GAP_DAMAGED);
    assert_int_equal(ct_outbox_read(outbox, CT_CLASS_SAMPLE, 7, &record), CT_OK);
    assert_true(is_ours(&record));
    outbox_die(outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_outbox_torn_at_every_offset_loses_only_the_torn_record),
        cmocka_unit_test(test_outbox_every_byte_flipped_hands_out_no_bad_record),
        cmocka_unit_test(test_outbox_state_file_flipped_or_cut_keeps_records_and_stream),
        cmocka_unit_test(test_outbox_nothing_readable_starts_a_new_stream_and_says_so),
        cmocka_unit_test(test_outbox_other_version_is_refused_and_left_alone),
        cmocka_unit_test(test_outbox_damage_inside_reads_as_one_damaged_gap),
    };
    return cmocka_run_group_tests_name("outbox damage", tests, group_setup, group_teardown);
}
