/* diagnostics/obd_message.h: messages as SAE J1979 and ISO 15765-4 show them, and as ECUs that differ send them. */
#include "obd_message.h"
#include "testing.h"

#include <string.h>

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void test_requests_of_all_modes(void **state)
{
    (void)state;
    uint8_t out[CT_OBD_REQUEST_MAX];
    size_t len;
    const uint8_t six[7] = {0x0C, 0x0D, 0x05, 0x0F, 0x11, 0x04, 0x2F};
    assert_int_equal(ct_obd_request(1, six, 6, 0, out, &len), CT_OK);
    assert_int_equal(len, 7);
    assert_memory_equal(out, "\x01\x0C\x0D\x05\x0F\x11\x04", 7);
    assert_int_equal(ct_obd_request(1, six, 7, 0, out, &len), CT_ERR_RANGE);
    assert_int_equal(ct_obd_request(1, six, 0, 0, out, &len), CT_ERR_RANGE);
    assert_int_equal(ct_obd_request(2, six, 2, 1, out, &len), CT_OK);
    assert_int_equal(len, 5);
    assert_memory_equal(out, "\x02\x0C\x01\x0D\x01", 5);
    assert_int_equal(ct_obd_request(2, six, 4, 0, out, &len), CT_ERR_RANGE);
    static const uint8_t plain[] = {3, 4, 7, 10};
    for (size_t i = 0; i < sizeof plain; i++) {
        assert_int_equal(ct_obd_request(plain[i], NULL, 0, 0, out, &len), CT_OK);
        assert_true(len == 1 && out[0] == plain[i]);
        assert_int_equal(ct_obd_request(plain[i], six, 1, 0, out, &len), CT_ERR_RANGE);
    }
    assert_int_equal(ct_obd_request(9, (const uint8_t *)"\x02", 1, 0, out, &len), CT_OK);
    assert_memory_equal(out, "\x09\x02", 2);
    assert_int_equal(ct_obd_request(0, six, 1, 0, out, &len), CT_ERR_RANGE);
    assert_int_equal(ct_obd_request(11, six, 1, 0, out, &len), CT_ERR_RANGE);
}

static void test_values_of_several_pids_are_split(void **state)
{
    (void)state;
    struct ct_obd_data data;
    size_t at = 0;
    const uint8_t response[] = {0x41, 0x0C, 0x1A, 0xF8, 0x0D, 0x28, 0x05, 0x7B, 0x00, 0x00};
    assert_int_equal(ct_obd_data_next(response, sizeof response, &at, &data), CT_OK);
    assert_true(data.pid == 0x0C && data.len == 2 && data.data[1] == 0xF8);
    assert_int_equal(ct_obd_data_next(response, sizeof response, &at, &data), CT_OK);
    assert_true(data.pid == 0x0D && data.data[0] == 0x28);
    assert_int_equal(ct_obd_data_next(response, sizeof response, &at, &data), CT_OK);
    assert_true(data.pid == 0x05);
    assert_int_equal(ct_obd_data_next(response, sizeof response, &at, &data), CT_ERR_END);
    at = 0;
    assert_int_equal(ct_obd_data_next(BYTES("\x41\x00\xBE\x1F\xA8\x13"), &at, &data), CT_OK);
    assert_true(data.pid == 0 && data.len == 4);
    at = 0;
    assert_int_equal(ct_obd_data_next(BYTES("\x41\xF3\x01"), &at, &data), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_obd_data_next(BYTES("\x41\x0C\x1A"), &at, &data), CT_ERR_TRUNCATED);
    assert_int_equal(ct_obd_data_next(BYTES("\x49\x0C\x1A"), &at, &data), CT_ERR_CORRUPT);
    assert_int_equal(ct_obd_data_next(BYTES("\x41"), &at, &data), CT_ERR_END);
}

static void test_freeze_frame_repeats_its_number(void **state)
{
    (void)state;
    struct ct_obd_data data;
    size_t at = 0;
    assert_int_equal(ct_obd_data_next(BYTES("\x42\x02\x00\x01\x30\x0C\x00\x10\x00"), &at, &data), CT_OK);
    assert_true(data.pid == 2 && data.frame == 0 && data.data[0] == 1 && data.data[1] == 0x30);
    assert_int_equal(ct_obd_data_next(BYTES("\x42\x02\x00\x01\x30\x0C\x00\x10\x00"), &at, &data), CT_OK);
    assert_true(data.pid == 0x0C && data.len == 2);
    at = 0;
    assert_int_equal(ct_obd_data_next(BYTES("\x42\x02"), &at, &data), CT_ERR_TRUNCATED);
}

/* python-OBD#61, pyobd#56: the count is there on CAN, but some leave it out; both must be read. */
static void test_trouble_codes_with_and_without_count(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } forms[] = {{"\x43\x02\x03\x01\x41\x23", 6}, {"\x47\x03\x01\x41\x23", 5}, {"\x4A\x02\x03\x01\x41\x23\x00\x00", 8}};
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *bytes = (const uint8_t *)forms[i].bytes;
        uint16_t dtc = 0;
        size_t at = 0;
        assert_int_equal(ct_obd_dtc_next(bytes, forms[i].len, &at, &dtc), CT_OK);
        assert_int_equal(dtc, 0x0301);
        assert_int_equal(ct_obd_dtc_next(bytes, forms[i].len, &at, &dtc), CT_OK);
        assert_int_equal(dtc, 0x4123);
        assert_int_equal(ct_obd_dtc_next(bytes, forms[i].len, &at, &dtc), CT_ERR_END);
    }
    uint16_t dtc;
    size_t at = 0;
    assert_int_equal(ct_obd_dtc_next(BYTES("\x43\x00"), &at, &dtc), CT_ERR_END);
    assert_int_equal(ct_obd_dtc_next(BYTES("\x43"), &at, &dtc), CT_ERR_END);
    assert_int_equal(ct_obd_dtc_next(BYTES("\x44"), &at, &dtc), CT_ERR_CORRUPT);
}

static void test_vehicle_information_items(void **state)
{
    (void)state;
    struct ct_obd_data data;
    size_t at = 0;
    assert_int_equal(ct_obd_info_next(BYTES("\x49\x02\x01"
                                            "1G1JC5444R7252367"),
                                      &at, &data),
                     CT_OK); /* the VIN of J1979's example */
    assert_true(data.len == 17 && data.data[0] == '1' && data.data[16] == '7');
    at = 0;
    const char two[] = "\x49\x06\x02\x17\x91\xBC\x82\x16\xE0\x62\xBE";
    assert_int_equal(ct_obd_info_next(BYTES(two), &at, &data), CT_OK);
    assert_memory_equal(data.data, "\x17\x91\xBC\x82", 4);
    assert_int_equal(ct_obd_info_next(BYTES(two), &at, &data), CT_OK);
    assert_memory_equal(data.data, "\x16\xE0\x62\xBE", 4);
    assert_int_equal(ct_obd_info_next(BYTES(two), &at, &data), CT_ERR_END);
    at = 0;
    assert_int_equal(ct_obd_info_next(BYTES("\x49\x00\x55\x40\x00\x00"), &at, &data), CT_OK);
    assert_memory_equal(data.data, "\x55\x40\x00\x00", 4);
    at = 0;
    assert_int_equal(ct_obd_info_next(BYTES("\x49\x02\x01"
                                            "1G1JC"),
                                      &at, &data),
                     CT_ERR_TRUNCATED);
    assert_int_equal(ct_obd_info_next(BYTES("\x49\x77\x01"), &at, &data), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_obd_info_next(BYTES("\x49"), &at, &data), CT_ERR_TRUNCATED);
    assert_int_equal(ct_obd_info_next(BYTES("\x41\x02"), &at, &data), CT_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_of_all_modes),
        cmocka_unit_test(test_values_of_several_pids_are_split),
        cmocka_unit_test(test_freeze_frame_repeats_its_number),
        cmocka_unit_test(test_trouble_codes_with_and_without_count),
        cmocka_unit_test(test_vehicle_information_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
