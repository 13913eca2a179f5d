/* Facts of UDS shared by both ends, against the standard's lists written out a second time (ISO 14229-1:2020 table 2,
 * A.1). */
#include "testing.h"
#include "uds.h"

#include <string.h>

static void test_uds_services_with_a_subfunction_are_those_of_the_standard(void **state)
{
    (void)state;
    static const uint8_t with[] = {0x10, 0x11, 0x19, 0x27, 0x28, 0x29, 0x2C, 0x31, 0x3E, 0x83, 0x85, 0x86, 0x87};
    size_t found = 0;
    for (unsigned id = 0; id <= 0xFF; id++) {
        const bool expected = memchr(with, (int)id, sizeof with) != NULL;
        assert_int_equal(ct_uds_has_subfunction((uint8_t)id), expected);
        found += ct_uds_has_subfunction((uint8_t)id);
    }
    assert_int_equal(found, sizeof with);
}

static void test_uds_every_service_of_the_standard_has_a_name(void **state)
{
    (void)state;
    static const uint8_t services[] = {0x10, 0x11, 0x14, 0x19, 0x22, 0x23, 0x24, 0x27, 0x28,
                                       0x29, 0x2A, 0x2C, 0x2E, 0x2F, 0x31, 0x34, 0x35, 0x36,
                                       0x37, 0x38, 0x3D, 0x3E, 0x83, 0x84, 0x85, 0x86, 0x87};
    for (unsigned id = 0; id <= 0xFF; id++) {
        const bool expected = memchr(services, (int)id, sizeof services) != NULL;
        assert_int_equal(ct_uds_service_text((uint8_t)id) != NULL, expected);
    }
    assert_string_equal(ct_uds_service_text(0x19), "ReadDTCInformation");
}

static void test_uds_refusals_kept_from_functional_requests_are_five(void **state)
{
    (void)state;
    static const uint8_t kept[] = {0x11, 0x12, 0x31, 0x7E, 0x7F};
    for (unsigned nrc = 0; nrc <= 0xFF; nrc++) {
        assert_int_equal(ct_uds_nrc_kept_from_functional((uint8_t)nrc), memchr(kept, (int)nrc, sizeof kept) != NULL);
    }
}

static void test_uds_status_bits_have_the_standards_names(void **state)
{
    (void)state;
    assert_string_equal(ct_uds_dtc_status_text(0x01), "testFailed");
    assert_string_equal(ct_uds_dtc_status_text(0x08), "confirmedDTC");
    assert_string_equal(ct_uds_dtc_status_text(0x80), "warningIndicatorRequested");
    assert_null(ct_uds_dtc_status_text(0x03));
    assert_string_equal(ct_uds_nrc_text(0x58), "ownership verification failed");
    assert_string_equal(ct_uds_nrc_text(0x00), "negative response");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uds_services_with_a_subfunction_are_those_of_the_standard),
        cmocka_unit_test(test_uds_every_service_of_the_standard_has_a_name),
        cmocka_unit_test(test_uds_refusals_kept_from_functional_requests_are_five),
        cmocka_unit_test(test_uds_status_bits_have_the_standards_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
