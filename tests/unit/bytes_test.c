/* base/bytes.h */
#include "bytes.h"
#include "errors.h"
#include "testing.h"

#include <string.h>

static void test_crc32c_published_vectors_match(void **state)
{
    (void)state;
    /* RFC 3720 B.4 */
    uint8_t data[32];
    memset(data, 0, sizeof data);
    assert_int_equal(ct_crc32c(0, data, sizeof data), 0x8a9136aaU);
    memset(data, 0xff, sizeof data);
    assert_int_equal(ct_crc32c(0, data, sizeof data), 0x62a8ab43U);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)i;
    }
    assert_int_equal(ct_crc32c(0, data, sizeof data), 0x46dd794eU);
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (uint8_t)(31 - i);
    }
    assert_int_equal(ct_crc32c(0, data, sizeof data), 0x113fdb5cU);
    /* the usual check value of CRC-32/ISCSI */
    assert_int_equal(ct_crc32c(0, "123456789", 9), 0xe3069283U);
}

static void test_crc32c_in_pieces_equals_whole(void **state)
{
    (void)state;
    const char text[] = "123456789";
    for (size_t cut = 0; cut <= 9; cut++) {
        assert_int_equal(ct_crc32c(ct_crc32c(0, text, cut), text + cut, 9 - cut), 0xe3069283U);
    }
}

/* Bit by bit, as the polynomial (RFC 3720, 12.1: 0x11EDC6F41, here reflected) defines it. */
static uint32_t crc_by_definition(const uint8_t *data, size_t len)
{
    uint32_t crc = UINT32_MAX;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        const uint32_t low = (crc ^ (uint32_t)data[bit / 8] >> bit % 8) & 1U;
        crc = crc >> 1 ^ (low != 0 ? 0x82F63B78U : 0);
    }
    return ~crc;
}

static void test_crc32c_every_bit_of_every_length_counts_as_defined(void **state)
{
    (void)state;
    uint8_t data[40] = {0};
    for (size_t len = 0; len <= 32; len++) {
        for (size_t bit = 0; bit < 8 * len; bit++) {
            const size_t begin = bit % 8; /* at any alignment */
            data[begin + bit / 8] ^= (uint8_t)(1U << bit % 8);
            const uint32_t wanted = crc_by_definition(data + begin, len);
            assert_int_equal(ct_crc32c(0, data + begin, len), wanted);
            assert_int_equal(ct_crc32c_plain(0, data + begin, len), wanted);
            assert_int_equal(
                ct_crc32c(ct_crc32c_plain(0, data + begin, len / 3), data + begin + len / 3, len - len / 3), wanted);
            data[begin + bit / 8] ^= (uint8_t)(1U << (bit * 5 + len) % 8); /* some stay */
        }
    }
}

static void test_byte_order_reads_what_is_written(void **state)
{
    (void)state;
    const uint8_t bytes[8] = {0x01, 0x02, 0x03, 0x04, 0x85, 0x06, 0x07, 0x88};
    assert_int_equal(ct_be16(bytes), 0x0102);
    assert_int_equal(ct_be32(bytes + 4), 0x85060788U);
    assert_int_equal(ct_le16(bytes), 0x0201);
    assert_int_equal(ct_le32(bytes), 0x04030201U);
    assert_true(ct_le64(bytes) == UINT64_C(0x8807068504030201));

    uint8_t out[8];
    ct_put_be32(out, 0x85060788U);
    assert_memory_equal(out, bytes + 4, 4);
    ct_put_le64(out, UINT64_C(0x8807068504030201));
    assert_memory_equal(out, bytes, 8);
}

static void test_hex_round_trip_and_bad_digits(void **state)
{
    (void)state;
    const uint8_t bytes[3] = {0x00, 0xaf, 0xff};
    char text[7];
    ct_hex_encode(text, bytes, 3);
    assert_string_equal(text, "00afff");
    uint8_t back[3];
    assert_int_equal(ct_hex_decode(back, "00AfFf", 3), CT_OK);
    assert_memory_equal(back, bytes, 3);
    assert_int_equal(ct_hex_decode(back, "0g", 1), CT_ERR_SYNTAX);
    assert_int_equal(ct_hex_decode(back, "", 1), CT_ERR_SYNTAX);
    assert_int_equal(ct_hex_decode(back, "0", 1), CT_ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc32c_published_vectors_match),
        cmocka_unit_test(test_crc32c_in_pieces_equals_whole),
        cmocka_unit_test(test_crc32c_every_bit_of_every_length_counts_as_defined),
        cmocka_unit_test(test_byte_order_reads_what_is_written),
        cmocka_unit_test(test_hex_round_trip_and_bad_digits),
    };
    return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
