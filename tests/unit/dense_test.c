/* Dense deliveries: what comes out is what went in, byte for byte, whatever the records; what cannot be coded is
 * refused without a trace; lost, changed and made-up bytes come out as errors and never as other records. */
#include "dense.h"

#include "bytes.h"
#include "link_types.h"
#include "pb.h"
#include "proto_fixture.h"

#define ENTRIES  300
#define CATALOGS 2
#define RECORDS  3

#define FORM_1_LAST "1c89a98d5ec02b6809e636bc4f38f8a14e51f49aaa459c6dbee3a42dd7bd6cafd399d578c8"
#define FORM_1_ALL  0xa26a5367

struct ends {
    struct ct_dense *writer, *reader;
    struct ct_dense_room *rooms[2];
    struct ct_catalogue *catalogues[CATALOGS];
    struct ct_buf records, coded;
};

static struct ends *setup(void)
{
    struct ends *ends = calloc(1, sizeof *ends);
    assert_non_null(ends);
    assert_int_equal(ct_dense_create(&ends->writer), CT_OK);
    assert_int_equal(ct_dense_create(&ends->reader), CT_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(ct_dense_room_create(&ends->rooms[i]), CT_OK);
        ends->catalogues[i] = fixture_catalogue(ENTRIES - i);
    }
    ct_buf_init(&ends->records, CT_LINK_MESSAGE_MAX);
    ct_buf_init(&ends->coded, CT_LINK_MESSAGE_MAX);
    return ends;
}

static void teardown(struct ends *ends)
{
    ct_dense_free(ends->writer);
    ct_dense_free(ends->reader);
    for (unsigned i = 0; i < 2; i++) {
        ct_dense_room_free(ends->rooms[i]);
        ct_catalogue_unref(ends->catalogues[i]);
    }
    ct_buf_free(&ends->records);
    ct_buf_free(&ends->coded);
    free(ends);
}

static const struct ct_catalogue *find(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct ends *ends = user;
    for (unsigned i = 0; i < CATALOGS; i++) {
        if (memcmp(hash, ct_catalogue_hash(ends->catalogues[i]), CT_HASH_SIZE) == 0) {
            return ends->catalogues[i];
        }
    }
    return NULL;
}

static int encode(struct ends *ends)
{
    ct_buf_clear(&ends->coded);
    return ct_dense_encode(ends->writer, ends->rooms[0], find, ends, ends->records.data, ends->records.len,
                           &ends->coded);
}

static int decode_as(struct ends *ends, uint32_t check)
{
    const uint8_t *out = NULL;
    size_t len = 0;
    const int err = ct_dense_decode(ends->reader, ends->rooms[1], ends->coded.data, ends->coded.len, check, &out, &len);
    if (err == CT_OK) {
        assert_int_equal(len, ends->records.len);
        assert_memory_equal(out, ends->records.data, len);
    }
    return err;
}

static int decode(struct ends *ends)
{
    return decode_as(ends, ct_crc32c(0, ends->records.data, ends->records.len));
}

static void add_record(struct ct_buf *records, const struct ct_buf *record)
{
    ct_pb_put_element(records, 3, record->data, record->len);
    assert_int_equal(ct_buf_error(records), CT_OK);
}

/* Everything about a record that can differ, differs now and then. */
static void add_random(struct ends *ends, uint64_t *random, uint64_t seq, unsigned catalogue)
{
    static struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    struct ct_buf record;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    struct ct_record_head head = {.seq = seq, .boot_id = "0123456789abcde"};
    head.boot_id[3] = fixture_random(random) % 8 == 0;
    const struct ct_batch_time time = {.base_ns = fixture_integer(random),
                                       .base_utc_ns = fixture_integer(random),
                                       .utc_uncertainty_ns = fixture_random(random) % 3};
    const bool few = fixture_random(random) % 4 != 0;
    const size_t count = fixture_random(random) % (few ? 40 : CT_BATCH_SAMPLES_MAX / 8);
    const bool same_time = fixture_random(random) % 4 == 0;
    const struct ct_catalogue *used = ends->catalogues[catalogue];
    const uint32_t ids = (uint32_t)(1 + fixture_random(random) % ct_catalogue_count(used));
    fixture_samples(random, ids, time.base_ns / 2, same_time, samples, count);
    const struct ct_batch_time half = {time.base_ns / 2, time.base_utc_ns, time.utc_uncertainty_ns};
    assert_int_equal(ct_record_encode_batch(&head, used, &half, samples, count, &record), CT_OK);
    add_record(&ends->records, &record);
    ct_buf_free(&record);
}

static void test_dense_random_records_come_back_byte_for_byte(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct ends *ends = setup();
        uint64_t random = seed;
        uint64_t seq = fixture_random(&random) >> 2;
        for (unsigned delivery = 0; delivery < 25; delivery++) {
            ct_buf_clear(&ends->records);
            const unsigned count = (unsigned)(fixture_random(&random) % (RECORDS + 1));
            for (unsigned i = 0; i < count; i++) {
                seq += fixture_random(&random) % 8 == 0 ? 5 : 1;
                add_random(ends, &random, seq, fixture_random(&random) % 8 == 0);
            }
            assert_int_equal(encode(ends), CT_OK);
            assert_int_equal(decode(ends), CT_OK);
        }
        teardown(ends);
    }
}

/* ---------------------------------------------------------------- size and form */

/* A message of eight signals every 10 ms: a counter, a ramp, six that change now and then. */
static void add_drive(struct ends *ends, uint64_t *random, uint64_t seq)
{
    struct ct_sample samples[400];
    size_t count = 0;
    const int64_t base = (int64_t)seq * 100000000;
    for (unsigned frame = 0; frame < 10; frame++) {
        for (uint32_t i = 0; i < 8; i++) {
            const int64_t n = (int64_t)seq * 10 + frame;
            const int64_t raw = i == 0 ? n % 16 : i == 1 ? 3 * n : (int64_t)(fixture_random(random) % 64);
            if (i < 2 || fixture_random(random) % 4 == 0) {
                samples[count++] = (struct ct_sample){.id = 4 * i, .t_ns = base + frame * 10000000, .raw = raw};
            }
        }
    }
    struct ct_buf record;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = {.seq = seq, .boot_id = "0123456789abcde"};
    const struct ct_batch_time time = {.base_ns = base, .base_utc_ns = base + 1780000000000000000};
    assert_int_equal(ct_record_encode_batch(&head, ends->catalogues[0], &time, samples, count, &record), CT_OK);
    add_record(&ends->records, &record);
    ct_buf_free(&record);
}

static void test_dense_single_batches_of_a_drive_shrink_to_a_third(void **state)
{
    (void)state;
    struct ends *ends = setup();
    uint64_t random = 7;
    size_t plain = 0;
    size_t dense = 0;
    for (uint64_t seq = 1; seq <= 100; seq++) {
        ct_buf_clear(&ends->records);
        add_drive(ends, &random, seq);
        assert_int_equal(encode(ends), CT_OK);
        assert_int_equal(decode(ends), CT_OK);
        plain += ends->records.len;
        dense += ends->coded.len;
    }
    assert_true(dense * 3 < plain);
    teardown(ends);
}

/* The form is a contract between versions: a change of these bytes needs a new CT_DENSE_FORM. */
static void test_dense_form_1_is_these_bytes(void **state)
{
    (void)state;
    struct ends *ends = setup();
    uint64_t random = 7;
    char hex[1024];
    uint32_t all = 0;
    for (uint64_t seq = 1; seq <= 20; seq++) {
        ct_buf_clear(&ends->records);
        add_drive(ends, &random, seq);
        assert_int_equal(encode(ends), CT_OK);
        all = ct_crc32c(all, ends->coded.data, ends->coded.len);
    }
    assert_true(ends->coded.len < sizeof hex / 2);
    ct_hex_encode(hex, ends->coded.data, ends->coded.len);
    assert_string_equal(hex, FORM_1_LAST);
    assert_int_equal(all, FORM_1_ALL);
    teardown(ends);
}

/* ---------------------------------------------------------------- refusals */

static void test_dense_other_records_are_refused_without_a_trace(void **state)
{
    (void)state;
    struct ends *ends = setup();
    uint64_t random = 3;
    struct ct_buf record;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    add_random(ends, &random, 1, 0);
    assert_int_equal(encode(ends), CT_OK);
    assert_int_equal(decode(ends), CT_OK);
    const struct ct_record_head head = {.seq = 3, .boot_id = "0123456789abcde"};
    const struct ct_gap gap = {.seq_first = 2, .seq_last = 3, .reason = CT_GAP_OUTBOX_FULL};
    const struct ct_event event = {.name = "event", .text = ""};
    assert_int_equal(ct_record_encode_gap(&head, &gap, &record), CT_OK);
    for (unsigned i = 0; i < 4; i++) { /* behind a record that could be coded */
        ct_buf_clear(&ends->records);
        add_random(ends, &random, 2, 0);
        if (i == 1) { /* not of the form that would come out: an unknown field behind it */
            ct_buf_clear(&record);
            ct_buf_append(&record, ends->records.data + 3, ends->records.len - 3);
            ct_pb_put_uint(&record, 99, 1);
        } else if (i == 2) {
            ct_buf_clear(&record);
            assert_int_equal(ct_record_encode_event(&head, &event, &record), CT_OK);
        } else if (i == 3) { /* its catalogue is gone */
            ct_buf_clear(&record);
            struct ct_catalogue *other = fixture_catalogue(5);
            const struct ct_batch_time time = {0};
            struct ct_sample sample = {.id = 0, .raw = 5};
            assert_int_equal(ct_record_encode_batch(&head, other, &time, &sample, 1, &record), CT_OK);
            ct_catalogue_unref(other);
        }
        add_record(&ends->records, &record);
        assert_int_equal(encode(ends), CT_ERR_UNSUPPORTED);
        assert_int_equal(ends->coded.len, 0);
    }
    ct_buf_clear(&ends->records);
    add_random(ends, &random, 2, 0);
    assert_int_equal(encode(ends), CT_OK);
    assert_int_equal(decode(ends), CT_OK);
    ct_buf_free(&record);
    teardown(ends);
}

static void test_dense_lost_and_changed_deliveries_are_never_other_records(void **state)
{
    (void)state;
    unsigned unnoticed = 0;
    for (unsigned trial = 0; trial < 300; trial++) {
        struct ends *ends = setup();
        uint64_t random = trial + 1;
        add_drive(ends, &random, 1);
        assert_int_equal(encode(ends), CT_OK);
        if (trial % 3 == 0) { /* lost */
            ct_buf_clear(&ends->records);
            add_drive(ends, &random, 2);
            assert_int_equal(encode(ends), CT_OK);
        } else if (trial % 3 == 1) { /* a bit changed */
            const size_t at = fixture_random(&random) % ends->coded.len;
            ends->coded.data[at] ^= (uint8_t)(1U << fixture_random(&random) % 8);
        } else { /* cut short */
            ends->coded.len -= 1 + fixture_random(&random) % (ends->coded.len - 1);
        }
        const int err = decode(ends); /* CT_OK only with the very same records: the last bits may be any */
        assert_true(err != CT_OK || trial % 3 != 0);
        unnoticed += err == CT_OK;
        ct_dense_reset(ends->writer);
        ct_dense_reset(ends->reader);
        assert_int_equal(encode(ends), CT_OK);
        assert_int_equal(decode(ends), CT_OK);
        teardown(ends);
    }
    assert_true(unnoticed < 20);
}

static void test_dense_made_up_bytes_stay_within_the_limits(void **state)
{
    (void)state;
    struct ends *ends = setup();
    static uint8_t bytes[65536];
    for (unsigned trial = 0; trial < 400; trial++) {
        uint64_t random = trial + 1;
        const uint8_t mask = trial % 4 == 0 ? 0x00 : trial % 4 == 1 ? 0xff : (uint8_t)trial;
        for (size_t i = 0; i < sizeof bytes; i++) {
            bytes[i] = (uint8_t)(fixture_random(&random) & mask);
        }
        const uint8_t *out = NULL;
        size_t len = 0;
        const int err = ct_dense_decode(ends->reader, ends->rooms[1], bytes, sizeof bytes, 1, &out, &len);
        assert_int_not_equal(err, CT_OK);
        if (trial % 3 == 0) {
            ct_dense_reset(ends->reader);
        }
    }
    teardown(ends);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dense_random_records_come_back_byte_for_byte),
        cmocka_unit_test(test_dense_single_batches_of_a_drive_shrink_to_a_third),
        cmocka_unit_test(test_dense_form_1_is_these_bytes),
        cmocka_unit_test(test_dense_other_records_are_refused_without_a_trace),
        cmocka_unit_test(test_dense_lost_and_changed_deliveries_are_never_other_records),
        cmocka_unit_test(test_dense_made_up_bytes_stay_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
