/* Deliveries as zstd frames: the frames are checked against zstd itself, and what hostile sizes and bytes do. */
#include "link_types.h"
#include "packer.h"
#include "testing.h"

#include <zstd.h>

#include <string.h>

static void fill(uint8_t *data, size_t len, uint64_t random, unsigned mask)
{
    for (size_t i = 0; i < len; i++) {
        random = random * UINT64_C(6364136223846793005) + 1;
        data[i] = (uint8_t)(random >> 40) & (uint8_t)mask;
    }
}

static struct ct_packer *make(void)
{
    struct ct_packer *packer = NULL;
    assert_int_equal(ct_packer_create(&packer), CT_OK);
    return packer;
}

static void test_packer_frame_is_read_by_zstd_and_back(void **state)
{
    (void)state;
    static uint8_t data[CT_LINK_MESSAGE_MAX], copy[CT_LINK_MESSAGE_MAX], frame[CT_LINK_MESSAGE_MAX];
    struct ct_packer *packer = make();
    fill(data, sizeof data, 1, 0x0f);
    for (size_t len = 64; len <= sizeof data; len *= 2) {
        const uint8_t *out = NULL;
        size_t out_len = 0;
        assert_int_equal(ct_packer_pack(packer, data, len, &out, &out_len), CT_OK);
        assert_true(out_len <= len - len / 32);
        assert_int_equal(ZSTD_decompress(copy, sizeof copy, out, out_len), len);
        assert_memory_equal(copy, data, len);
        memcpy(frame, out, out_len);
        assert_int_equal(ct_packer_unpack(packer, frame, out_len, len, &out), CT_OK);
        assert_memory_equal(out, data, len);
    }
    ct_packer_free(packer);
}

static void test_packer_noise_does_not_pay(void **state)
{
    (void)state;
    static uint8_t data[65536];
    struct ct_packer *packer = make();
    fill(data, sizeof data, 7, 0xff);
    const uint8_t *out = NULL;
    size_t out_len = 0;
    assert_int_equal(ct_packer_pack(packer, data, sizeof data, &out, &out_len), CT_ERR_FULL);
    assert_int_equal(ct_packer_pack(packer, data, 1, &out, &out_len), CT_ERR_FULL);
    ct_packer_free(packer);
}

static void test_packer_lies_about_size_are_refused(void **state)
{
    (void)state;
    static uint8_t zeros[CT_LINK_MESSAGE_MAX * 4], frame[4096];
    struct ct_packer *packer = make();
    const uint8_t *out = NULL;
    /* a bomb: 1 MiB of zeros in a few bytes */
    const size_t bomb = ZSTD_compress(frame, sizeof frame, zeros, sizeof zeros, 19);
    assert_false(ZSTD_isError(bomb));
    assert_int_equal(ct_packer_unpack(packer, frame, bomb, sizeof zeros, &out), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_packer_unpack(packer, frame, bomb, UINT64_MAX, &out), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_packer_unpack(packer, frame, bomb, CT_LINK_MESSAGE_MAX, &out), CT_ERR_CORRUPT);
    const size_t len = ZSTD_compress(frame, sizeof frame, zeros, 1000, 1);
    assert_int_equal(ct_packer_unpack(packer, frame, len, 999, &out), CT_ERR_CORRUPT);
    assert_int_equal(ct_packer_unpack(packer, frame, len, 1001, &out), CT_ERR_CORRUPT);
    assert_int_equal(ct_packer_unpack(packer, frame, len - 1, 1000, &out), CT_ERR_CORRUPT);
    assert_int_equal(ct_packer_unpack(packer, frame, 0, 1000, &out), CT_ERR_CORRUPT);
    assert_int_equal(ct_packer_unpack(packer, frame, len, 1000, &out), CT_OK);
    ct_packer_free(packer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packer_frame_is_read_by_zstd_and_back),
        cmocka_unit_test(test_packer_noise_does_not_pay),
        cmocka_unit_test(test_packer_lies_about_size_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
