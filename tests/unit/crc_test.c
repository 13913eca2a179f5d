/* CRCs against the check values of their catalogues: the result for "123456789". */
#include "crc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t nine[] = "123456789";

/* AUTOSAR SWS CRCLibrary: Crc_CalculateCRC8, check 0x4B */
static void test_crc8_j1850_of_nine_digits_is_the_check_value(void **state)
{
    struct ct_crc_tables tables;
    (void)state;
    ct_crc_tables_init(&tables);
    assert_int_equal(ct_crc8(tables.j1850, 0xFF, nine, 9) ^ 0xFF, 0x4B);
}

/* AUTOSAR SWS CRCLibrary: Crc_CalculateCRC8H2F, check 0xDF */
static void test_crc8_h2f_of_nine_digits_is_the_check_value(void **state)
{
    struct ct_crc_tables tables;
    (void)state;
    ct_crc_tables_init(&tables);
    assert_int_equal(ct_crc8(tables.h2f, 0xFF, nine, 9) ^ 0xFF, 0xDF);
}

/* AUTOSAR SWS CRCLibrary: Crc_CalculateCRC16 (CCITT-FALSE), check 0x29B1; XMODEM, start 0, check 0x31C3 */
static void test_crc16_of_nine_digits_is_the_check_value(void **state)
{
    struct ct_crc_tables tables;
    (void)state;
    ct_crc_tables_init(&tables);
    assert_int_equal(ct_crc16(tables.ccitt, 0xFFFF, nine, 9), 0x29B1);
    assert_int_equal(ct_crc16(tables.ccitt, 0, nine, 9), 0x31C3);
}

/* AUTOSAR SWS CRCLibrary: Crc_CalculateCRC32P4, check 0x1697D06A */
static void test_crc32p4_of_nine_digits_is_the_check_value(void **state)
{
    struct ct_crc_tables tables;
    (void)state;
    ct_crc_tables_init(&tables);
    assert_int_equal(ct_crc32(tables.p4, UINT32_MAX, nine, 9) ^ UINT32_MAX, 0x1697D06A);
}

/* AUTOSAR SWS CRCLibrary: Crc_CalculateCRC64, check 0x995DC9BBDF1939FA */
static void test_crc64_of_nine_digits_is_the_check_value(void **state)
{
    struct ct_crc_tables tables;
    (void)state;
    ct_crc_tables_init(&tables);
    assert_true((ct_crc64(tables.ecma, UINT64_MAX, nine, 9) ^ UINT64_MAX) == UINT64_C(0x995DC9BBDF1939FA));
}

/* CRC-8/SMBUS: polynomial 0x07, start 0, check 0xF4 */
static void test_crc8_of_a_chosen_polynomial_is_the_check_value(void **state)
{
    uint8_t table[256];
    (void)state;
    ct_crc8_table(0x07, table);
    assert_int_equal(ct_crc8(table, 0, nine, 9), 0xF4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc8_j1850_of_nine_digits_is_the_check_value),
        cmocka_unit_test(test_crc8_h2f_of_nine_digits_is_the_check_value),
        cmocka_unit_test(test_crc16_of_nine_digits_is_the_check_value),
        cmocka_unit_test(test_crc32p4_of_nine_digits_is_the_check_value),
        cmocka_unit_test(test_crc64_of_nine_digits_is_the_check_value),
        cmocka_unit_test(test_crc8_of_a_chosen_polynomial_is_the_check_value),
    };
    return cmocka_run_group_tests_name("crc", tests, NULL, NULL);
}
