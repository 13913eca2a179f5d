/* The gateway's own ECU: what it tells of its health, and which losses become DTCs. Bytes by hand. */
#include "testing.h"

#include "bytes.h"
#include "own_ecu.h"

#include <string.h>

static struct ct_own_ecu *make(void)
{
    const struct ct_own_ecu_config config = {.isotp = ct_isotp_config_usual(0x7EE, 0x7E6),
                                             .vehicle_id = "demo",
                                             .version = "1.2.3",
                                             .start = 5 * CT_NS_PER_S};
    struct ct_own_ecu *ecu = NULL;
    assert_int_equal(ct_own_ecu_create(&config, &ecu), CT_OK);
    return ecu;
}

static void expect(struct ct_own_ecu *ecu, const char *request, const char *answer)
{
    uint8_t bytes[32];
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    char text[2 * CT_UDS_SERVER_RESPONSE_MAX + 1];
    const size_t len = strlen(request) / 2;
    assert_int_equal(ct_hex_decode(bytes, request, len), CT_OK);
    ct_hex_encode(text, out, ct_uds_server_answer(ct_own_ecu_server(ecu), bytes, len, false, 0, out));
    assert_string_equal(text, answer);
}

static void test_own_ecu_tells_version_name_and_health(void **state)
{
    (void)state;
    struct ct_own_ecu *ecu = make();
    const struct ct_own_health health = {
        .buses = 3, .buses_up = 2, .lost_frames = 258, .lost_samples = 1, .dropped_records = UINT64_MAX};
    expect(ecu, "22f189", "62f189312e322e33");
    expect(ecu, "220100", "62010064656d6f");
    expect(ecu, "22f190", "7f2231"); /* it does not know the VIN */
    ct_own_ecu_judge(ecu, &health, 65 * CT_NS_PER_S);
    expect(ecu, "220101", "6201010000003c");
    expect(ecu, "220102", "6201020302");
    expect(ecu, "220103", "6201030000010200000001ffffffff");
    expect(ecu, "2ef1890000", "7f2e11"); /* nothing is written */
    expect(ecu, "1101", "7f1111");       /* nor reset from the bus */
    ct_own_ecu_free(ecu);
}

static void test_own_ecu_losses_fail_in_the_second_they_happen(void **state)
{
    (void)state;
    struct ct_own_ecu *ecu = make();
    struct ct_own_health health = {.buses = 1, .buses_up = 1};
    ct_own_ecu_judge(ecu, &health, 6 * CT_NS_PER_S);
    expect(ecu, "190201", "5902ff");
    health.lost_frames = 4;
    ct_own_ecu_judge(ecu, &health, 7 * CT_NS_PER_S);
    expect(ecu, "190201", "5902ffd601002f");
    expect(ecu, "31010202", "7101020201");
    ct_own_ecu_judge(ecu, &health, 8 * CT_NS_PER_S);
    expect(ecu, "190201", "5902ff");
    expect(ecu, "190208", "5902ffd601002e");
    health.dropped_records = 1;
    health.bus_off = true;
    health.buses_up = 0;
    ct_own_ecu_judge(ecu, &health, 9 * CT_NS_PER_S);
    expect(ecu, "190201", "5902ffc073002fd602002fd603002f");
    expect(ecu, "1904d6030001",
           "5904d603002f"
           "0103"
           "010100000004"
           "01020100"
           "0103000000040000000000000001");
    ct_own_ecu_free(ecu);
}

static void test_own_ecu_clears_only_in_the_extended_session(void **state)
{
    (void)state;
    struct ct_own_ecu *ecu = make();
    const struct ct_own_health health = {.bus_off = true};
    ct_own_ecu_judge(ecu, &health, 6 * CT_NS_PER_S);
    expect(ecu, "14ffffff", "7f147f");
    expect(ecu, "1003", "5003003201f4");
    expect(ecu, "14ffffff", "54");
    expect(ecu, "190208", "5902ff");
    ct_own_ecu_free(ecu);
}

static void test_own_ecu_faults_come_back_from_what_was_saved(void **state)
{
    (void)state;
    uint8_t saved[CT_OWN_ECU_SAVE_MAX];
    struct ct_own_ecu *ecu = make();
    struct ct_own_health health = {.buses = 2, .buses_up = 1};
    const uint32_t before = ct_own_ecu_revision(ecu);
    ct_own_ecu_judge(ecu, &health, 65 * CT_NS_PER_S);
    assert_int_not_equal(ct_own_ecu_revision(ecu), before);
    const size_t len = ct_own_ecu_save(ecu, saved);
    ct_own_ecu_free(ecu);

    ecu = make();
    saved[len - 1] ^= 1;
    assert_int_equal(ct_own_ecu_restore(ecu, saved, len), CT_ERR_CORRUPT);
    saved[len - 1] ^= 1;
    expect(ecu, "190208", "5902ff");
    assert_int_equal(ct_own_ecu_restore(ecu, saved, len), CT_OK);
    /* confirmed, pending, failed and failed since clear; in this cycle not yet tested: 1 | 4 | 8 | 20 | 40 */
    expect(ecu, "190208", "5902ffd603006d");
    /* the snapshot of then: 60 s after the start, one of two buses up */
    expect(ecu, "1904d6030001", "5904d603006d010301010000003c010202010103000000000000000000000000");
    health.buses_up = 2;
    ct_own_ecu_judge(ecu, &health, 66 * CT_NS_PER_S);
    expect(ecu, "190208", "5902ffd603002c"); /* tested, passed; still confirmed */
    ct_own_ecu_free(ecu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_ecu_faults_come_back_from_what_was_saved),
        cmocka_unit_test(test_own_ecu_tells_version_name_and_health),
        cmocka_unit_test(test_own_ecu_losses_fail_in_the_second_they_happen),
        cmocka_unit_test(test_own_ecu_clears_only_in_the_extended_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
