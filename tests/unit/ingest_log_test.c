/* The ingest log against damage: every entry that was synced and is whole must come back, nothing else may. */
#include "ingest_log.h"

#include "files.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 6

struct place {
    char folder[64];
};

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    assert_non_null(place);
    (void)snprintf(place->folder, sizeof place->folder, "%s", "/tmp/cantwin-ingest-XXXXXX");
    assert_non_null(mkdtemp(place->folder));
    *state = place;
    return 0;
}

static int remove_place(void **state)
{
    struct place *place = *state;
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", place->folder);
    const int code = system(command);
    free(place);
    return code;
}

/* Entry i has a length of its own, so that paddings differ. */
static struct ct_ingest_entry entry_of(unsigned i, uint8_t data[64])
{
    struct ct_ingest_entry entry = {.kind = i % 3 == 0 ? CT_INGEST_CATALOGUE : CT_INGEST_RECORD,
                                    .class = (uint8_t)(i % 3),
                                    .seq_first = i * 10,
                                    .seq_last = i * 10 + 3,
                                    .received_utc_ns = 1000 + (int64_t)i,
                                    .data = data,
                                    .len = 1 + i * 5};
    (void)snprintf(entry.vehicle_id, sizeof entry.vehicle_id, "car-%0*u", (int)i + 1, i);
    memset(entry.stream_id, (int)(0x40 + i), sizeof entry.stream_id);
    memset(data, (int)(0xA0 + i), 64);
    return entry;
}

static void write_entries(const char *folder, size_t segment_bytes, unsigned first, unsigned count)
{
    struct ct_ingest_log *log;
    uint64_t cut = 0;
    assert_int_equal(ct_ingest_log_open(folder, segment_bytes, 0, &log, &cut), CT_OK);
    for (unsigned i = first; i < first + count; i++) {
        uint8_t data[64];
        const struct ct_ingest_entry entry = entry_of(i, data);
        assert_int_equal(ct_ingest_log_append(log, &entry), CT_OK);
        assert_int_equal(ct_ingest_log_sync(log), CT_OK);
    }
    assert_int_equal(ct_ingest_log_pending(log), 0);
    ct_ingest_log_close(log);
}

static void assert_entry(const struct ct_ingest_entry *read, unsigned i)
{
    uint8_t data[64];
    const struct ct_ingest_entry wanted = entry_of(i, data);
    assert_int_equal(read->kind, wanted.kind);
    assert_int_equal(read->class, wanted.class);
    assert_string_equal(read->vehicle_id, wanted.vehicle_id);
    assert_memory_equal(read->stream_id, wanted.stream_id, sizeof wanted.stream_id);
    assert_int_equal(read->seq_first, wanted.seq_first);
    assert_int_equal(read->seq_last, wanted.seq_last);
    assert_int_equal(read->received_utc_ns, wanted.received_utc_ns);
    assert_int_equal(read->len, wanted.len);
    assert_memory_equal(read->data, wanted.data, wanted.len);
}

/* Reads entries first.. and returns how many came before the end. */
static unsigned read_entries(const char *folder, unsigned first, uint64_t offsets[ENTRIES + 1])
{
    struct ct_ingest_reader *reader;
    struct ct_ingest_entry entry;
    unsigned count = 0;
    uint64_t offset;
    assert_int_equal(ct_ingest_reader_open(folder, 0, &reader), CT_OK);
    while (ct_ingest_reader_next(reader, UINT64_MAX, &entry, &offset) == CT_OK) {
        assert_entry(&entry, first + count);
        offsets[count++] = offset;
    }
    offsets[count] = ct_ingest_reader_position(reader);
    ct_ingest_reader_close(reader);
    return count;
}

static void copy_cut(const char *folder, const char *to, size_t len)
{
    char from_path[192];
    char to_path[192];
    uint8_t *data;
    size_t size;
    (void)snprintf(from_path, sizeof from_path, "%s/0000000000000000.log", folder);
    (void)snprintf(to_path, sizeof to_path, "%s/0000000000000000.log", to);
    assert_int_equal(ct_file_read(from_path, 1 << 20, &data, &size), CT_OK);
    assert_true(len <= size);
    assert_int_equal(ct_file_write(to_path, data, len, 0600), CT_OK);
    free(data);
}

static void test_ingest_log_torn_at_every_offset_keeps_whole_entries(void **state)
{
    const struct place *place = *state;
    uint64_t offsets[ENTRIES + 1];
    char torn[128];

    /* given: six entries and the folder of a copy */
    write_entries(place->folder, CT_INGEST_SEGMENT_BYTES, 0, ENTRIES);
    assert_int_equal(read_entries(place->folder, 0, offsets), ENTRIES);
    (void)snprintf(torn, sizeof torn, "%s/torn", place->folder);
    assert_int_equal(ct_dir_make(torn), CT_OK);

    for (size_t len = 0; len <= offsets[ENTRIES]; len++) {
        unsigned whole = 0;
        while (whole < ENTRIES && offsets[whole + 1] <= len) {
            whole++;
        }
        /* when: the file ends after len bytes and the log is opened */
        copy_cut(place->folder, torn, len);
        struct ct_ingest_log *log;
        uint64_t cut = 0;
        assert_int_equal(ct_ingest_log_open(torn, CT_INGEST_SEGMENT_BYTES, 0, &log, &cut), CT_OK);

        /* then: exactly the torn entry is gone, and the next one takes its place */
        assert_int_equal(cut, len - offsets[whole]);
        assert_int_equal(ct_ingest_log_durable(log), offsets[whole]);
        uint8_t data[64];
        const struct ct_ingest_entry entry = entry_of(whole, data);
        assert_int_equal(ct_ingest_log_append(log, &entry), CT_OK);
        assert_int_equal(ct_ingest_log_sync(log), CT_OK);
        ct_ingest_log_close(log);
        uint64_t again[ENTRIES + 2];
        assert_int_equal(read_entries(torn, 0, again), whole + 1);
    }
}

static void test_ingest_log_flipped_byte_never_yields_a_wrong_entry(void **state)
{
    const struct place *place = *state;
    uint64_t offsets[ENTRIES + 1];
    char path[128];
    uint8_t *data;
    size_t size;
    write_entries(place->folder, CT_INGEST_SEGMENT_BYTES, 0, ENTRIES);
    assert_int_equal(read_entries(place->folder, 0, offsets), ENTRIES);
    (void)snprintf(path, sizeof path, "%s/0000000000000000.log", place->folder);
    assert_int_equal(ct_file_read(path, 1 << 20, &data, &size), CT_OK);

    for (size_t at = 0; at < size; at++) {
        /* given: one byte turned over */
        data[at] ^= 0x5A;
        assert_int_equal(ct_file_write(path, data, size, 0600), CT_OK);
        data[at] ^= 0x5A;

        /* when: everything is read, over the damage */
        struct ct_ingest_reader *reader;
        struct ct_ingest_entry entry;
        uint64_t offset;
        unsigned good = 0;
        int err;
        assert_int_equal(ct_ingest_reader_open(place->folder, 0, &reader), CT_OK);
        while ((err = ct_ingest_reader_next(reader, size, &entry, &offset)) != CT_ERR_END) {
            if (err == CT_OK) {
                unsigned i = 0;
                while (i < ENTRIES && offsets[i] != offset) {
                    i++;
                }
                assert_true(i < ENTRIES);
                assert_entry(&entry, i);
                good++;
            } else {
                assert_int_equal(err, CT_ERR_CORRUPT);
            }
        }
        ct_ingest_reader_close(reader);

        /* then: at most the entry with the byte is missing (padding carries nothing) */
        assert_true(good >= ENTRIES - 1);
    }
    free(data);
}

static void flip(const char *folder, size_t at)
{
    char path[192];
    uint8_t *data;
    size_t size;
    (void)snprintf(path, sizeof path, "%s/0000000000000000.log", folder);
    assert_int_equal(ct_file_read(path, 1 << 20, &data, &size), CT_OK);
    assert_true(at < size);
    data[at] ^= 0x5A;
    assert_int_equal(ct_file_write(path, data, size, 0600), CT_OK);
    free(data);
}

/* Appends entry `i` and counts what can be read. */
static unsigned append_and_count(struct ct_ingest_log *log, const char *folder, unsigned i)
{
    uint8_t data[64];
    const struct ct_ingest_entry entry = entry_of(i, data);
    struct ct_ingest_reader *reader;
    struct ct_ingest_entry read;
    uint64_t offset;
    unsigned count = 0;
    int err;
    assert_int_equal(ct_ingest_log_append(log, &entry), CT_OK);
    assert_int_equal(ct_ingest_log_sync(log), CT_OK);
    assert_int_equal(ct_ingest_reader_open(folder, 0, &reader), CT_OK);
    while ((err = ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &read, &offset)) != CT_ERR_END) {
        assert_true(err == CT_OK || err == CT_ERR_CORRUPT);
        count += err == CT_OK;
    }
    ct_ingest_reader_close(reader);
    return count;
}

static void test_ingest_log_damage_before_good_entries_cuts_nothing(void **state)
{
    const struct place *place = *state;
    uint64_t offsets[ENTRIES + 1];
    struct ct_ingest_log *log;
    uint64_t cut = 1;
    /* given: damage in the third of six entries */
    write_entries(place->folder, CT_INGEST_SEGMENT_BYTES, 0, ENTRIES);
    assert_int_equal(read_entries(place->folder, 0, offsets), ENTRIES);
    flip(place->folder, offsets[2] + CT_INGEST_VEHICLE_MAX + 3);
    /* when */
    assert_int_equal(ct_ingest_log_open(place->folder, CT_INGEST_SEGMENT_BYTES, 0, &log, &cut), CT_OK);
    /* then: the other five are there and the log goes on behind them */
    assert_int_equal(cut, 0);
    assert_int_equal(ct_ingest_log_durable(log), offsets[ENTRIES]);
    assert_int_equal(append_and_count(log, place->folder, ENTRIES), ENTRIES);
    ct_ingest_log_close(log);
}

static void test_ingest_log_damage_in_the_applied_end_starts(void **state)
{
    const struct place *place = *state;
    uint64_t offsets[ENTRIES + 1];
    struct ct_ingest_log *log;
    uint64_t cut = 1;
    /* given: damage in the last entry, which the database has applied */
    write_entries(place->folder, CT_INGEST_SEGMENT_BYTES, 0, ENTRIES);
    assert_int_equal(read_entries(place->folder, 0, offsets), ENTRIES);
    flip(place->folder, offsets[ENTRIES - 1] + CT_INGEST_VEHICLE_MAX + 3);
    /* when */
    assert_int_equal(ct_ingest_log_open(place->folder, CT_INGEST_SEGMENT_BYTES, offsets[ENTRIES], &log, &cut), CT_OK);
    /* then */
    assert_int_equal(cut, 0);
    assert_int_equal(ct_ingest_log_durable(log), offsets[ENTRIES]);
    assert_int_equal(append_and_count(log, place->folder, ENTRIES), ENTRIES);
    ct_ingest_log_close(log);
}

static void test_ingest_log_shorter_than_applied_goes_on_behind(void **state)
{
    const struct place *place = *state;
    struct ct_ingest_log *log;
    uint64_t cut = 1;
    write_entries(place->folder, CT_INGEST_SEGMENT_BYTES, 0, ENTRIES);
    assert_int_equal(ct_ingest_log_open(place->folder, CT_INGEST_SEGMENT_BYTES, 1000001, &log, &cut), CT_OK);
    assert_int_equal(cut, 0);
    assert_int_equal(ct_ingest_log_durable(log), 1000008);
    assert_int_equal(append_and_count(log, place->folder, ENTRIES), ENTRIES + 1);
    ct_ingest_log_close(log);
}

static void test_ingest_log_many_segments_read_in_order_and_trim(void **state)
{
    const struct place *place = *state;
    /* given: a segment per entry, written over two openings */
    write_entries(place->folder, 1, 0, 3);
    write_entries(place->folder, 1, 3, 3);
    uint64_t offsets[ENTRIES + 1];
    assert_int_equal(read_entries(place->folder, 0, offsets), ENTRIES);

    /* when: everything before the fourth entry is given up */
    struct ct_ingest_reader *reader;
    assert_int_equal(ct_ingest_reader_open(place->folder, offsets[3], &reader), CT_OK);
    assert_int_equal(ct_ingest_reader_trim(reader, offsets[3]), 3);

    /* then: the reader goes on, and a new one begins at the fourth */
    struct ct_ingest_entry entry;
    uint64_t offset;
    assert_int_equal(ct_ingest_reader_next(reader, UINT64_MAX, &entry, &offset), CT_OK);
    assert_entry(&entry, 3);
    ct_ingest_reader_close(reader);
    assert_int_equal(read_entries(place->folder, 3, offsets), 3);
}

static void test_ingest_log_unsynced_entry_is_not_before_the_durable_end(void **state)
{
    const struct place *place = *state;
    struct ct_ingest_log *log;
    struct ct_ingest_reader *reader;
    struct ct_ingest_entry read;
    uint64_t cut;
    uint64_t offset;
    uint8_t data[64];
    const struct ct_ingest_entry entry = entry_of(1, data);
    assert_int_equal(ct_ingest_log_open(place->folder, CT_INGEST_SEGMENT_BYTES, 0, &log, &cut), CT_OK);
    assert_int_equal(ct_ingest_log_append(log, &entry), CT_OK);
    assert_int_equal(ct_ingest_reader_open(place->folder, 0, &reader), CT_OK);

    assert_int_equal(ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &read, &offset), CT_ERR_END);
    assert_int_equal(ct_ingest_log_sync(log), CT_OK);
    assert_int_equal(ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &read, &offset), CT_OK);
    assert_entry(&read, 1);
    assert_int_equal(ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &read, &offset), CT_ERR_END);

    ct_ingest_reader_close(reader);
    ct_ingest_log_close(log);
}

static void test_ingest_log_long_entries_cross_the_reader_window(void **state)
{
    const struct place *place = *state;
    enum { COUNT = 40, LEN = 100 * 1024 };
    struct ct_ingest_log *log;
    uint64_t cut;
    uint8_t *data = calloc(1, LEN);
    assert_non_null(data);
    assert_int_equal(ct_ingest_log_open(place->folder, 1024 * 1024, 0, &log, &cut), CT_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        memset(data, (int)i, LEN);
        struct ct_ingest_entry entry = {.kind = CT_INGEST_RECORD, .seq_last = i, .data = data, .len = LEN - i};
        (void)snprintf(entry.vehicle_id, sizeof entry.vehicle_id, "v");
        assert_int_equal(ct_ingest_log_append(log, &entry), CT_OK);
        if (i % 7 == 6) {
            assert_int_equal(ct_ingest_log_sync(log), CT_OK);
        }
    }
    assert_int_equal(ct_ingest_log_sync(log), CT_OK);

    struct ct_ingest_reader *reader;
    struct ct_ingest_entry entry;
    uint64_t offset;
    assert_int_equal(ct_ingest_reader_open(place->folder, 0, &reader), CT_OK);
    for (unsigned i = 0; i < COUNT; i++) {
        memset(data, (int)i, LEN);
        assert_int_equal(ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &entry, &offset), CT_OK);
        assert_int_equal(entry.seq_last, i);
        assert_int_equal(entry.len, LEN - i);
        assert_memory_equal(entry.data, data, entry.len);
    }
    assert_int_equal(ct_ingest_reader_next(reader, ct_ingest_log_durable(log), &entry, &offset), CT_ERR_END);
    ct_ingest_reader_close(reader);
    ct_ingest_log_close(log);
    free(data);
}

static void test_ingest_log_too_long_entry_is_refused(void **state)
{
    const struct place *place = *state;
    struct ct_ingest_log *log;
    uint64_t cut;
    uint8_t data[64];
    struct ct_ingest_entry entry = entry_of(1, data);
    entry.len = (size_t)CT_INGEST_DATA_MAX + 1;
    assert_int_equal(ct_ingest_log_open(place->folder, CT_INGEST_SEGMENT_BYTES, 0, &log, &cut), CT_OK);
    assert_int_equal(ct_ingest_log_append(log, &entry), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_ingest_log_pending(log), 0);
    ct_ingest_log_close(log);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)
    const struct CMUnitTest tests[] = {
        TEST(test_ingest_log_torn_at_every_offset_keeps_whole_entries),
        TEST(test_ingest_log_flipped_byte_never_yields_a_wrong_entry),
        TEST(test_ingest_log_damage_before_good_entries_cuts_nothing),
        TEST(test_ingest_log_damage_in_the_applied_end_starts),
        TEST(test_ingest_log_shorter_than_applied_goes_on_behind),
        TEST(test_ingest_log_many_segments_read_in_order_and_trim),
        TEST(test_ingest_log_unsynced_entry_is_not_before_the_durable_end),
        TEST(test_ingest_log_long_entries_cross_the_reader_window),
        TEST(test_ingest_log_too_long_entry_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
