/* Updates on the link: what is written is read back, what does not fit is refused. */
#include "update_link.h"

#include "testing.h"

#include <stdlib.h>
#include <string.h>

/* Written by hand after the protobuf encoding guide: field 1 (16 bytes), field 2 empty, field 3 varint. */
static const uint8_t wanted_bytes[] = {0x0a, 16, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0x18, 0x80, 0x02};

static void test_update_wanted_reads_the_documented_bytes(void **state)
{
    (void)state;
    struct ct_update_wanted wanted;
    assert_int_equal(ct_update_wanted_decode(wanted_bytes, sizeof wanted_bytes, &wanted), CT_OK);
    assert_false(wanted.blob);
    assert_int_equal(wanted.offset, 256);
    assert_int_equal(wanted.update_id[15], 1);
    for (size_t len = 0; len < 18; len++) {
        assert_true(ct_update_wanted_decode(wanted_bytes, len, &wanted) != CT_OK);
    }
}

static void test_update_chunk_damage_is_seen(void **state)
{
    (void)state;
    uint8_t data[300];
    struct ct_buf buf;
    struct ct_update_chunk out;
    memset(data, 0x5A, sizeof data);
    const struct ct_update_chunk chunk = {.of = {.update_id = {9}, .blob = true, .sha256 = {7}, .offset = 32768},
                                          .size = 33068,
                                          .data = data,
                                          .len = 300};
    ct_buf_init(&buf, 70000);
    assert_int_equal(ct_update_chunk_encode(&chunk, &buf), CT_OK);
    assert_int_equal(ct_update_chunk_decode(buf.data, buf.len, &out), CT_OK);
    assert_true(out.of.blob);
    assert_int_equal(out.of.offset, 32768);
    assert_int_equal(out.size, 33068);
    assert_int_equal(out.len, 300);
    assert_memory_equal(out.data, data, 300);
    uint8_t *inside = memchr(buf.data, 0x5A, buf.len);
    assert_non_null(inside);
    inside[150] ^= 4;
    assert_int_equal(ct_update_chunk_decode(buf.data, buf.len, &out), CT_ERR_CORRUPT);
    ct_buf_free(&buf);
}

static void test_update_chunk_length_lies_are_refused(void **state)
{
    (void)state;
    static uint8_t data[CT_UPDATE_CHUNK_MAX + 1];
    static const struct {
        uint32_t offset, size;
        size_t len;
        int err;
    } cases[] = {{0, 10, 11, CT_ERR_RANGE},
                 {10, 10, 1, CT_ERR_RANGE},
                 {UINT32_MAX, 10, 2, CT_ERR_RANGE},
                 {0, CT_UPDATE_BLOB_MAX + 1, 2, CT_ERR_RANGE},
                 {CT_UPDATE_BLOB_MAX - 2, CT_UPDATE_BLOB_MAX, 2, CT_OK},
                 {0, CT_UPDATE_CHUNK_MAX, CT_UPDATE_CHUNK_MAX, CT_OK}};
    struct ct_buf buf;
    struct ct_update_chunk out;
    ct_buf_init(&buf, 70000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct ct_update_chunk chunk = {
            .of = {.offset = cases[i].offset}, .size = cases[i].size, .data = data, .len = cases[i].len};
        ct_buf_clear(&buf);
        assert_int_equal(ct_update_chunk_encode(&chunk, &buf), CT_OK);
        assert_int_equal(ct_update_chunk_decode(buf.data, buf.len, &out), cases[i].err);
    }
    const struct ct_update_chunk large = {.size = CT_UPDATE_BLOB_MAX, .data = data, .len = sizeof data};
    assert_int_equal(ct_update_chunk_encode(&large, &buf), CT_ERR_ARGUMENT);
    ct_buf_free(&buf);
}

static void test_update_offer_takes_sixteen_roots_not_more(void **state)
{
    (void)state;
    static const uint8_t root[] = {0x0a, 1, 0x55};
    struct ct_update_offer offer = {.update_id = {3}, .envelope_size = 500, .root_count = CT_UPDATE_ROOTS_MAX};
    struct ct_update_offer out;
    struct ct_buf buf;
    for (size_t i = 0; i < CT_UPDATE_ROOTS_MAX; i++) {
        offer.roots[i] = (struct ct_update_bytes){root, sizeof root};
    }
    ct_buf_init(&buf, 1024);
    assert_int_equal(ct_update_offer_encode(&offer, &buf), CT_OK);
    assert_int_equal(ct_update_offer_decode(buf.data, buf.len, &out), CT_OK);
    assert_int_equal(out.root_count, CT_UPDATE_ROOTS_MAX);
    assert_int_equal(out.envelope_size, 500);
    assert_memory_equal(out.roots[15].data, root, sizeof root);
    ct_buf_append(&buf, "\x1a\x03\x0a\x01\x55", 5);
    assert_true(ct_update_offer_decode(buf.data, buf.len, &out) != CT_OK);
    ct_buf_clear(&buf);
    offer.envelope_size = CT_UPDATE_ENVELOPE_MAX + 1;
    assert_int_equal(ct_update_offer_encode(&offer, &buf), CT_OK);
    assert_int_equal(ct_update_offer_decode(buf.data, buf.len, &out), CT_ERR_RANGE);
    ct_buf_free(&buf);
}

static int keep(void *user, const struct ct_record_head *head, const struct ct_update_status *status)
{
    const struct ct_update_status *sent = user;
    assert_int_equal(head->seq, 77);
    assert_memory_equal(status->update_id, sent->update_id, CT_UPDATE_ID_SIZE);
    assert_int_equal(status->state, sent->state);
    assert_int_equal(status->verdict, sent->verdict);
    assert_int_equal(status->step, sent->step);
    assert_int_equal(status->steps, sent->steps);
    assert_int_equal(status->nrc, sent->nrc);
    assert_string_equal(status->text, sent->text);
    assert_int_equal(status->utc_ns, sent->utc_ns);
    assert_memory_equal(status->set_hash_before, sent->set_hash_before, CT_UPDATE_HASH_SIZE);
    assert_memory_equal(status->set_hash_after, sent->set_hash_after, CT_UPDATE_HASH_SIZE);
    assert_memory_equal(status->audit_head, sent->audit_head, CT_UPDATE_HASH_SIZE);
    assert_int_equal(status->audit_count, sent->audit_count);
    assert_int_equal(status->root_version, sent->root_version);
    assert_string_equal(status->set_id, sent->set_id);
    assert_int_equal(status->counter, sent->counter);
    assert_true(status->director_seq == sent->director_seq);
    assert_int_equal(status->rxswin_count, 2);
    assert_string_equal(status->rxswin[1], sent->rxswin[1]);
    return CT_ERR_EXISTS; /* seen */
}

static void test_update_status_travels_as_a_record(void **state)
{
    (void)state;
    struct ct_update_status status = {.update_id = {1, 2},
                                      .state = CT_UPDATE_STATE_ROLLED_BACK,
                                      .verdict = CT_UPDATE_READBACK_MISMATCH,
                                      .step = 3,
                                      .steps = 20,
                                      .nrc = 0x31,
                                      .text = "engine did 0161",
                                      .utc_ns = INT64_C(1700000000000000000),
                                      .set_hash_before = {4},
                                      .audit_head = {6},
                                      .audit_count = 12,
                                      .root_version = 2,
                                      .set_id = "brakes-eu",
                                      .counter = 5,
                                      .director_seq = UINT64_MAX,
                                      .rxswin = {"R13 0001", "R79 0002"},
                                      .rxswin_count = 2};
    const struct ct_record_head head = {.seq = 77};
    const struct ct_record_sink sink = {.user = &status, .update = keep};
    struct ct_record_peek peek;
    struct ct_buf buf;
    ct_buf_init(&buf, 4096);
    assert_int_equal(ct_record_encode_update(&head, &status, &buf), CT_OK);
    assert_int_equal(ct_record_decode(buf.data, buf.len, &sink), CT_ERR_EXISTS);
    assert_int_equal(ct_record_peek(buf.data, buf.len, &peek), CT_OK);
    assert_int_equal(peek.body, CT_RECORD_UPDATE);
    for (size_t len = 0; len < buf.len; len++) {
        assert_true(ct_record_decode(buf.data, len, &sink) != CT_ERR_EXISTS);
    }
    ct_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_wanted_reads_the_documented_bytes),
        cmocka_unit_test(test_update_chunk_damage_is_seen),
        cmocka_unit_test(test_update_chunk_length_lies_are_refused),
        cmocka_unit_test(test_update_offer_takes_sixteen_roots_not_more),
        cmocka_unit_test(test_update_status_travels_as_a_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
