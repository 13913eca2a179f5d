/* BLF from bytes laid out by hand, by the documented object layouts, and files put together from them. */
#include "blf.h"
#include "bytes.h"
#include "testing.h"

#include <zlib.h>

#include <stdlib.h>
#include <string.h>

#define FILE_MAX 8192

struct bytes {
    uint8_t data[FILE_MAX];
    size_t len;
};

static void put(struct bytes *b, const void *data, size_t len)
{
    assert_true(b->len + len <= sizeof b->data);
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

static void put_zeros(struct bytes *b, size_t len)
{
    static const uint8_t zeros[256];
    put(b, zeros, len);
}

/* An object of header version 1 (32 bytes) or 2 (40), stamps in 10 us (flags 1) or ns (flags 2). */
static void put_object(struct bytes *b, uint32_t type, unsigned version, uint32_t flags, uint64_t stamp,
                       const void *body, size_t body_len)
{
    uint8_t head[40] = "LOBJ";
    const uint16_t head_len = version == 2 ? 40 : 32;
    ct_put_le16(head + 4, head_len);
    ct_put_le16(head + 6, (uint16_t)version);
    ct_put_le32(head + 8, (uint32_t)(head_len + body_len));
    ct_put_le32(head + 12, type);
    ct_put_le32(head + 16, flags);
    ct_put_le64(head + 24, stamp);
    put(b, head, head_len);
    put(b, body, body_len);
}

/* 2018-08-02 15:34:47.123 UTC, as SYSTEMTIME. */
static const uint8_t start_date[16] = {0xE2, 7, 8, 0, 4, 0, 2, 0, 15, 0, 34, 0, 47, 0, 123, 0};
#define START_NS (INT64_C(1533224087) * CT_NS_PER_S + 123 * CT_NS_PER_MS)

static void put_file_head(struct bytes *b)
{
    uint8_t head[144] = "LOGG";
    ct_put_le32(head + 4, sizeof head);
    memcpy(head + 40, start_date, sizeof start_date);
    put(b, head, sizeof head);
}

static void put_container(struct bytes *b, unsigned method, const uint8_t *plain, size_t len)
{
    uint8_t head[32] = "LOBJ";
    uint8_t packed[FILE_MAX];
    uLongf packed_len = sizeof packed;
    assert_int_equal(compress(packed, &packed_len, plain, len), Z_OK);
    const size_t content = method == 2 ? packed_len : len;
    ct_put_le16(head + 4, 16);
    ct_put_le16(head + 6, 1);
    ct_put_le32(head + 8, (uint32_t)(sizeof head + content));
    ct_put_le32(head + 12, 10);
    ct_put_le16(head + 16, (uint16_t)method);
    ct_put_le32(head + 24, (uint32_t)len);
    put(b, head, sizeof head);
    put(b, method == 2 ? packed : plain, content);
    put_zeros(b, content % 4);
}

struct result {
    struct ct_log_record records[64];
    size_t count;
    unsigned refused;
    uint64_t skipped;
    uint64_t offset;
    int end;
};

/* Reads a file given `piece` bytes at a time. */
static struct result read_all(const struct bytes *file, size_t piece)
{
    struct result r = {.count = 0};
    struct ct_log_step step = {.used = 0};
    void *state = ct_log_blf.open();
    size_t at = 0;
    size_t there = 0;
    assert_non_null(state);
    r.end = CT_OK;
    while (r.end == CT_OK) {
        const size_t left = file->len - at;
        there = there > left ? left : there;
        step.used = 0;
        const int err = ct_log_blf.next(state, file->data + at, there, there == left, &step);
        assert_true(step.used <= there);
        at += step.used;
        there -= step.used;
        if (err == CT_OK) {
            assert_true(r.count < 64);
            assert_true(ct_frame_valid(&step.record.frame));
            r.records[r.count++] = step.record;
        } else if (err == CT_ERR_AGAIN) {
            assert_true(there < file->len - at);
            there += piece;
        } else if (err == CT_ERR_SYNTAX) {
            assert_non_null(step.problem.text);
            r.refused++;
        } else {
            r.end = err;
        }
    }
    r.skipped = step.skipped;
    r.offset = step.offset;
    ct_log_blf.close(state);
    return r;
}

static const uint8_t can_message[16] = {2, 0, 0x01, 3, 0x23, 0x01, 0, 0, 0xAA, 0xBB, 0xCC};
static const uint8_t remote_message[24] = {1, 0, 0x80, 8, 0x00, 0xFF, 0xEB, 0x98}; /* CAN_MESSAGE2 */
static const uint8_t error_ext[32] = {3, 0};
static const uint8_t error_plain[8] = {4, 0};
static const uint8_t unknown[12] = "hello there";

/* CAN_FD_MESSAGE: channel 1, DLC 9 (12 bytes), FD flags EDL BRS ESI, 12 valid bytes from offset 20. */
static void make_fd(uint8_t out[88])
{
    memset(out, 0, 88);
    out[0] = 1;
    out[3] = 9;
    ct_put_le32(out + 4, 0x80000123);
    out[13] = 7;
    out[14] = 12;
    memset(out + 20, 0x5A, 12);
}

/* CAN_FD_MESSAGE_64: channel 5, DLC 10 (16 bytes), 16 valid, flags EDL BRS, sent; data from offset 40. */
static size_t make_fd64(uint8_t out[64], uint8_t data_len)
{
    memset(out, 0, 64);
    out[0] = 5;
    out[1] = 10;
    out[2] = 16;
    ct_put_le32(out + 4, 0x7FF);
    ct_put_le32(out + 12, 0x3000);
    out[34] = 1;
    memset(out + 40, 0x77, data_len);
    return 40U + data_len;
}

/* Seven frames and a kind that holds none. */
static void make_objects(struct bytes *b)
{
    uint8_t fd[88];
    uint8_t fd64[64];
    make_fd(fd);
    put_object(b, 1, 1, 2, 1000, can_message, sizeof can_message);
    put_object(b, 86, 2, 1, 500, remote_message, sizeof remote_message);
    put_object(b, 65, 1, 2, 0, unknown, 11);
    put_zeros(b, 43 % 4); /* padding as most kinds have it */
    put_object(b, 100, 1, 2, 2000000, fd, sizeof fd);
    put_object(b, 101, 1, 2, 3000000, fd64, make_fd64(fd64, 15));
    put_object(b, 101, 2, 2, 3000001, fd64, make_fd64(fd64, 16)); /* no padding, whatever its length */
    put_object(b, 73, 1, 2, 4000000, error_ext, sizeof error_ext);
    put_object(b, 2, 1, 2, 5000000, error_plain, sizeof error_plain);
}

static void check_frame(const struct ct_log_record *r, const char *channel, int64_t offset, uint32_t id, unsigned flags,
                        uint8_t len, int first, int last)
{
    assert_string_equal(r->channel, channel);
    assert_int_equal(r->frame.t_ns, START_NS + offset);
    assert_int_equal(r->frame.utc_ns, START_NS + offset);
    assert_int_equal(r->frame.id, id);
    assert_int_equal(r->frame.flags, flags);
    assert_int_equal(r->frame.len, len);
    assert_int_equal(r->frame.data[0], first);
    assert_int_equal(r->frame.data[len - 1], last);
}

static void check_objects(const struct result *r)
{
    const unsigned ext_fd = CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI;
    const unsigned fd_sent = CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_SENT;
    assert_int_equal(r->count, 7);
    assert_int_equal(r->refused, 0);
    check_frame(&r->records[0], "can1", 1000, 0x123, CT_FRAME_SENT, 3, 0xAA, 0xCC);
    check_frame(&r->records[1], "can0", 5000000, 0x18EBFF00, CT_FRAME_EXT | CT_FRAME_RTR, 8, 0, 0);
    check_frame(&r->records[2], "can0", 2000000, 0x123, ext_fd, 12, 0x5A, 0x5A);
    /* 16 bytes by its length, 15 there: a zero behind */
    check_frame(&r->records[3], "can4", 3000000, 0x7FF, fd_sent, 16, 0x77, 0);
    check_frame(&r->records[4], "can4", 3000001, 0x7FF, fd_sent, 16, 0x77, 0x77);
    check_frame(&r->records[5], "can2", 4000000, 0x80, CT_FRAME_ERR, 8, 0, 0);
    check_frame(&r->records[6], "can3", 5000000, 0x80, CT_FRAME_ERR, 8, 0, 0);
}

static void test_blf_objects_of_every_kind_in_any_container(void **state)
{
    struct bytes plain = {.len = 0};
    static const size_t pieces[] = {1, 7, 4096};
    (void)state;
    make_objects(&plain);
    /* Stored, deflated, and cut into containers in the middle of objects, the first after one byte */
    for (size_t cut = 38; cut <= plain.len; cut += 37) {
        for (unsigned method = 0; method <= 2; method += 2) {
            struct bytes file = {.len = 0};
            put_file_head(&file);
            put_container(&file, method, plain.data, 1);
            for (size_t at = 1; at < plain.len; at += cut) {
                put_container(&file, method, plain.data + at, plain.len - at < cut ? plain.len - at : cut);
            }
            for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
                const struct result r = read_all(&file, pieces[i]);
                assert_int_equal(r.end, CT_ERR_END);
                check_objects(&r);
                assert_int_equal(r.skipped, 1);
            }
        }
    }
}

static void test_blf_without_containers_is_read(void **state)
{
    struct bytes file = {.len = 0};
    (void)state;
    put_file_head(&file);
    make_objects(&file);
    const struct result r = read_all(&file, 100);
    assert_int_equal(r.end, CT_ERR_END);
    check_objects(&r);
}

static void test_blf_cut_anywhere_gives_what_was_whole(void **state)
{
    struct bytes plain = {.len = 0};
    struct bytes file = {.len = 0};
    size_t before = 0;
    (void)state;
    make_objects(&plain);
    put_file_head(&file);
    put_container(&file, 0, plain.data, plain.len);
    const size_t end = file.len - plain.len % 4; /* the rest is padding */
    for (file.len = 1; file.len < end; file.len++) {
        const struct result r = read_all(&file, 64);
        const bool between = file.len == 144;
        assert_int_equal(r.end, between ? CT_ERR_END : CT_ERR_TRUNCATED);
        assert_true(r.count >= before && r.count <= 7);
        before = r.count;
    }
    assert_int_equal(before, 6);
    /* Of a deflated container what zlib can still unpack is given too. */
    file.len = 144;
    put_container(&file, 2, plain.data, plain.len);
    const size_t len = file.len;
    before = 0;
    for (file.len = 145; file.len + 4 < len; file.len++) {
        const struct result r = read_all(&file, 64);
        assert_int_equal(r.end, CT_ERR_TRUNCATED);
        assert_true(r.count >= before && r.count <= 7);
        before = r.count;
    }
    assert_true(before >= 4);
}

static void test_blf_damage_is_told_with_its_offset(void **state)
{
    struct bytes plain = {.len = 0};
    struct bytes file = {.len = 0};
    (void)state;
    make_objects(&plain);
    put_file_head(&file);
    put_container(&file, 2, plain.data, plain.len);
    const size_t second = file.len;
    put_container(&file, 2, plain.data, plain.len);
    const struct bytes whole = file;
    /* The second container's compressed content, its method, its signature, its size */
    static const struct {
        size_t at;
        uint8_t xor ;
        int end;
    } rows[] = {{33, 0xFF, CT_ERR_CORRUPT}, {16, 0x40, CT_ERR_UNSUPPORTED}, {8, 0x00, CT_ERR_END}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        file = whole;
        file.data[second + rows[i].at] ^= rows[i].xor ;
        const struct result r = read_all(&file, 512);
        assert_int_equal(r.end, rows[i].end);
        assert_true(r.count >= 7);
        if (rows[i].end == CT_ERR_CORRUPT) {
            assert_int_equal(r.offset, second);
        }
    }
    /* A size that claims 4 GiB only makes the rest missing */
    file = whole;
    memset(file.data + second + 8, 0xFF, 4);
    assert_int_equal(read_all(&file, 512).end, CT_ERR_TRUNCATED);
    /* and one that is smaller than a header is damage. */
    file = whole;
    memset(file.data + second + 8, 0, 4);
    assert_int_equal(read_all(&file, 512).end, CT_ERR_CORRUPT);
    file = whole;
    memset(file.data + second, 'x', 32);
    assert_int_equal(read_all(&file, 512).end, CT_ERR_CORRUPT);
}

static void test_blf_impossible_objects_are_refused_alone(void **state)
{
    struct bytes file = {.len = 0};
    (void)state;
    put_file_head(&file);
    put_object(&file, 1, 1, 2, 0, can_message, 15); /* too short */
    put_zeros(&file, 1);
    put_object(&file, 1, 1, 2, UINT64_MAX, can_message, sizeof can_message); /* a stamp beyond time */
    put_object(&file, 1, 1, 1, UINT64_MAX / 2, can_message, sizeof can_message);
    put_object(&file, 1, 1, 2, 7, can_message, sizeof can_message);
    const struct result r = read_all(&file, 100);
    assert_int_equal(r.end, CT_ERR_END);
    assert_int_equal(r.refused, 3);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.records[0].frame.t_ns, START_NS + 7);
}

static void test_blf_long_unknown_object_is_passed_over(void **state)
{
    struct bytes file = {.len = 0};
    uint8_t head[32] = "LOBJ";
    (void)state;
    put_file_head(&file);
    ct_put_le16(head + 4, 32);
    ct_put_le16(head + 6, 1);
    ct_put_le32(head + 8, 32 + 5 * 256);
    ct_put_le32(head + 12, 92);
    put(&file, head, sizeof head);
    for (int i = 0; i < 5; i++) {
        put_zeros(&file, 256);
    }
    put_object(&file, 1, 1, 2, 7, can_message, sizeof can_message);
    const struct result r = read_all(&file, 100);
    assert_int_equal(r.end, CT_ERR_END);
    assert_int_equal(r.count, 1);
    assert_int_equal(r.skipped, 1);
}

static void test_blf_systemtime_goes_there_and_back(void **state)
{
    uint8_t bytes[16];
    (void)state;
    assert_int_equal(ct_blf_systemtime(start_date), START_NS);
    ct_blf_put_systemtime(START_NS + 999999, bytes);
    assert_memory_equal(bytes, start_date, sizeof bytes);
    memset(bytes, 0, sizeof bytes);
    assert_int_equal(ct_blf_systemtime(bytes), 0);
    memset(bytes, 0xFF, sizeof bytes);
    assert_int_equal(ct_blf_systemtime(bytes), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blf_objects_of_every_kind_in_any_container),
        cmocka_unit_test(test_blf_without_containers_is_read),
        cmocka_unit_test(test_blf_cut_anywhere_gives_what_was_whole),
        cmocka_unit_test(test_blf_damage_is_told_with_its_offset),
        cmocka_unit_test(test_blf_impossible_objects_are_refused_alone),
        cmocka_unit_test(test_blf_long_unknown_object_is_passed_over),
        cmocka_unit_test(test_blf_systemtime_goes_there_and_back),
    };
    return cmocka_run_group_tests_name("blf", tests, NULL, NULL);
}
