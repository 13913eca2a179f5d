/* python-can's datagrams; the vectors are what python-can 4.6's pack_message made of the messages beside them. */
#include "bytes.h"
#include "msgpack.h"
#include "testing.h"
#include "udp_codec.h"

#include <string.h>

#define KEYS_ID "ae6172626974726174696f6e5f6964"
#define STAMP   "8ba974696d657374616d70"

static const struct {
    const char *hex;
    bool exact; /* python-can wrote the timestamp as a double, as we do */
    struct ct_frame frame;
} vectors[] = {
    {STAMP
     "cb3ff8000000000000" KEYS_ID "cd0123ae69735f657874656e6465645f6964c2af69735f72656d6f74655f6672616d65c2ae6973"
     "5f6572726f725f6672616d65c2a76368616e6e656cc0a3646c6302a464617461c4021122a569735f6664c2ae626974726174655f7377"
     "69746368c2b56572726f725f73746174655f696e64696361746f72c2",
     true,
     {.id = 0x123, .len = 2, .data = {0x11, 0x22}, .utc_ns = 1500000000}},
    {STAMP
     "cb41d567d8df100000" KEYS_ID "ce18da10f1ae69735f657874656e6465645f6964c3af69735f72656d6f74655f6672616d65c2ae"
     "69735f6572726f725f6672616d65c2a76368616e6e656cc0a3646c630ca464617461c40c000102030405060708090a0ba569735f6664"
     "c3ae626974726174655f737769746368c3b56572726f725f73746174655f696e64696361746f72c3",
     true,
     {.id = 0x18DA10F1,
      .flags = CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI,
      .len = 12,
      .data = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11},
      .utc_ns = INT64_C(1436509052250000000)}},
    {STAMP
     "00" KEYS_ID "cd07ffae69735f657874656e6465645f6964c2af69735f72656d6f74655f6672616d65c3ae69735f6572726f725f66"
     "72616d65c2a76368616e6e656cc0a3646c6305a464617461c400a569735f6664c2ae626974726174655f737769746368c2b56572726f"
     "725f73746174655f696e64696361746f72c2",
     false,
     {.id = 0x7FF, .flags = CT_FRAME_RTR, .len = 5}},
    {STAMP
     "02" KEYS_ID "04ae69735f657874656e6465645f6964c3af69735f72656d6f74655f6672616d65c2ae69735f6572726f725f667261"
     "6d65c3a76368616e6e656cc0a3646c6308a464617461c4080004000000000000a569735f6664c2ae626974726174655f737769746368"
     "c2b56572726f725f73746174655f696e64696361746f72c2",
     false,
     {.id = 4, .flags = CT_FRAME_ERR, .len = 8, .data = {0, 4}, .utc_ns = 2000000000}},
};

static size_t unhex(const char *hex, uint8_t *out)
{
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(out, hex, len), CT_OK);
    return len;
}

static void test_udp_codec_reads_what_python_can_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t data[CT_UDP_FRAME_MAX];
        const size_t len = unhex(vectors[i].hex, data);
        struct ct_frame frame;
        assert_int_equal(ct_udp_decode(data, len, &frame), CT_OK);
        assert_memory_equal(&frame, &vectors[i].frame, sizeof frame);
    }
}

static void test_udp_codec_writes_what_python_can_writes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        uint8_t expected[CT_UDP_FRAME_MAX];
        uint8_t got[CT_UDP_FRAME_MAX];
        const size_t len = unhex(vectors[i].hex, expected);
        if (vectors[i].exact) {
            assert_int_equal(ct_udp_encode(&vectors[i].frame, got), len);
            assert_memory_equal(got, expected, len);
        }
    }
}

static void test_udp_codec_any_cut_is_refused(void **state)
{
    (void)state;
    uint8_t data[CT_UDP_FRAME_MAX];
    const size_t len = unhex(vectors[1].hex, data);
    struct ct_frame frame;
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(ct_udp_decode(data, cut, &frame), CT_ERR_TRUNCATED);
    }
    data[len] = 0;
    assert_int_equal(ct_udp_decode(data, len + 1, &frame), CT_ERR_SYNTAX);
}

static void test_udp_codec_largest_frame_fits(void **state)
{
    (void)state;
    struct ct_frame frame = {.id = CT_ID_EXT_MAX, .flags = CT_FRAME_EXT | CT_FRAME_FD | CT_FRAME_BRS, .len = 64};
    memset(frame.data, 0xA5, sizeof frame.data);
    frame.utc_ns = INT64_C(1790000000123456789);
    uint8_t data[CT_UDP_FRAME_MAX];
    struct ct_frame again;
    const size_t len = ct_udp_encode(&frame, data);
    assert_true(len <= sizeof data);
    assert_int_equal(ct_udp_decode(data, len, &again), CT_OK);
    assert_true(ct_frame_same(&frame, &again));
    /* A double holds such a time to about 240 ns. */
    assert_true(again.utc_ns - frame.utc_ns < 300 && frame.utc_ns - again.utc_ns < 300);
}

/* {"arbitration_id": 1, "is_extended_id": false, "extra": VALUE} */
static size_t with_extra(uint8_t *out, const char *value_hex)
{
    size_t at = ct_msgpack_put_map(out, 0, 3);
    at = ct_msgpack_put_uint(out, ct_msgpack_put_text(out, at, "arbitration_id"), 1);
    at = ct_msgpack_put_bool(out, ct_msgpack_put_text(out, at, "is_extended_id"), false);
    at = ct_msgpack_put_text(out, at, "extra");
    return at + unhex(value_hex, out + at);
}

static void test_udp_codec_unknown_keys_of_any_type_are_skipped(void **state)
{
    (void)state;
    /* nil, true, negative, i8, i64, f32, str8, bin16, array of map, array16, ext, fixext16, map32 */
    const char *const values[] = {"c0",
                                  "c3",
                                  "ff",
                                  "d080",
                                  "d3ffffffffffffffff",
                                  "ca3f800000",
                                  "d9026162",
                                  "c500020102",
                                  "9281a16101c0",
                                  "dc0002c2c3",
                                  "c7020a0102",
                                  "d80100000000000000000000000000000000",
                                  "df0000000101ff"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t data[128];
        struct ct_frame frame;
        assert_int_equal(ct_udp_decode(data, with_extra(data, values[i]), &frame), CT_OK);
        assert_int_equal(frame.id, 1);
        assert_int_equal(frame.flags, 0);
    }
}

static void test_udp_codec_lies_are_refused(void **state)
{
    (void)state;
    /* 0xC1 is no msgpack; lengths and counts beyond the datagram; ext without its type */
    const char *const values[] = {"c1", "c6ffffffff00", "ddffffffff", "dfffffffff", "c9ffffffff00", "dbffffffff"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        uint8_t data[128];
        struct ct_frame frame;
        assert_int_not_equal(ct_udp_decode(data, with_extra(data, values[i]), &frame), CT_OK);
    }
    const struct {
        const char *key;
        uint32_t value;
    } wrong[] = {{"arbitration_id", 0x800}, {"arbitration_id", 0x20000000}, {"dlc", 9}, {"is_fd", 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t data[128];
        struct ct_frame frame;
        size_t at = ct_msgpack_put_map(data, 0, 2);
        at = ct_msgpack_put_bool(data, ct_msgpack_put_text(data, at, "is_extended_id"), false);
        at = ct_msgpack_put_uint(data, ct_msgpack_put_text(data, at, wrong[i].key), wrong[i].value);
        assert_int_not_equal(ct_udp_decode(data, at, &frame), CT_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp_codec_reads_what_python_can_writes),
        cmocka_unit_test(test_udp_codec_writes_what_python_can_writes),
        cmocka_unit_test(test_udp_codec_any_cut_is_refused),
        cmocka_unit_test(test_udp_codec_largest_frame_fits),
        cmocka_unit_test(test_udp_codec_unknown_keys_of_any_type_are_skipped),
        cmocka_unit_test(test_udp_codec_lies_are_refused),
    };
    return cmocka_run_group_tests_name("udp_codec", tests, NULL, NULL);
}
