/* Sub-functions few ECUs have, in the bytes of ISO 14229-1:2020: 19 05, 17 to 19, 56 (12.3), 14 with a memory
 * selection, 28 04 and 05 (10.5), 29 02, 04, 07 (10.6), 86 07 to 09 (9.10). The ECU is tools/uds_rig.c. */
#include "uds_ask.h"

static void failed(struct ask *ask, size_t index)
{
    ct_dtc_report(ask->rig.dtcs, index, true);
}

/* --- 19, 14 --- */

static void test_uds_server_stored_data_by_record_number(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1905ff", "5905");
    expect_answer(ask, "190501", "590501"); /* known, without data */
    ask->rig.counter = 1;
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_PLAIN);
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_LAMP, false);
    ask->rig.counter = 2;
    failed(ask, CT_RIG_DTC_LAMP);
    expect_answer(ask, "190501", "590501934a112f03f210c01002010000000000f40c0c0c"); /* the latest */
    expect_answer(ask, "1905ff",
                  "5905"
                  "01934a112f03f210c01002010000000000f40c0c0c"
                  "04c100002f03f210c01001010000000000f40c0c0c");
    expect_answer(ask, "190500", "7f1931");
    expect_answer(ask, "190505", "7f1931");
    expect_answer(ask, "1905", "7f1913");
    expect_answer(ask, "19050101", "7f1913");
}

static void test_uds_server_user_memory_is_a_memory_of_its_own(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1917ff10", "591710ff934a11500123455003010050c1000050");
    ct_dtc_report(ask->rig.user_dtcs, CT_RIG_DTC_LAMP, true);
    expect_answer(ask, "19170110", "591710ff934a112f");
    expect_answer(ask, "190201", "5902ff"); /* the first knows nothing of it */
    expect_answer(ask, "1918934a110110", "591810934a112f0103f210c01000010000000000f40c0c0c");
    expect_answer(ask, "1919934a11ff10", "591910934a112f01010200037f0401");
    expect_answer(ask, "19170111", "7f1931"); /* no such memory */
    expect_answer(ask, "1918934a110111", "7f1931");
    expect_answer(ask, "1919934a11ff00", "7f1931");
    expect_answer(ask, "1918934a1101", "7f1913");
    expect_answer(ask, "1918999999ff10", "7f1931");
    failed(ask, CT_RIG_DTC_LAMP);
    expect_answer(ask, "14ffffff10", "54");
    expect_answer(ask, "19170110", "591710ff");
    expect_answer(ask, "190201", "5902ff934a112f"); /* only the one that was named */
    assert_int_equal(ask->rig.cleared, 0);
    expect_answer(ask, "14ffffff11", "7f1431");
    expect_answer(ask, "14ffffff1000", "7f1413");
}

static void test_uds_server_dtcs_by_readiness_group(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "19563303", "595633ff010303010050");
    expect_answer(ask, "19563304", "7f1931");
    expect_answer(ask, "19563300", "7f1931");
    expect_answer(ask, "1956d003", "7f1931"); /* no safety DTCs by readiness */
    expect_answer(ask, "195633", "7f1913");
}

static void test_uds_server_setting_holds_for_both_memories(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "8502", "c502");
    assert_false(ct_dtc_setting_is_on(ask->rig.user_dtcs));
    expect_answer(ask, "1001", "5001003201f4");
    assert_true(ct_dtc_setting_is_on(ask->rig.user_dtcs));
    assert_true(ct_dtc_setting_is_on(ask->rig.dtcs));
}

/* --- 28 --- */

static void test_uds_server_sub_bus_is_switched_by_its_node(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "280401", "7f2813");
    expect_answer(ask, "280401000a00", "7f2813");
    expect_answer(ask, "2804010000", "7f2831"); /* 0000 is reserved */
    expect_answer(ask, "280400000a", "7f2831"); /* no messages named */
    expect_answer(ask, "280401000b", "7f2831"); /* not on our sub-bus */
    expect_answer(ask, "280401000a", "6804");
    assert_int_equal(ask->rig.subnet, 0x000A);
    assert_true(ct_uds_server_may_send(ask->rig.server, false)); /* the master itself goes on */
    expect_answer(ask, "280501000a", "6805");
    assert_int_equal(ask->rig.subnet, 0);
    expect_answer(ask, "288401000a", "");
    assert_int_equal(ask->rig.subnet, 0x000A);
    expect_answer(ask, "1002", "5002003201f4"); /* stays between non-default sessions */
    assert_int_equal(ask->rig.subnet, 0x000A);
    expect_poll(ask, 6000 * MS, ""); /* S3 */
    assert_int_equal(ask->rig.subnet, 0);
}

static void test_uds_server_without_sub_bus_has_no_enhanced_addresses(void **state)
{
    struct ask *ask = *state;
    struct ct_uds_server_config config = ct_uds_rig_config(&ask->rig);
    config.subnet = NULL;
    ct_uds_rig_free(&ask->rig);
    ct_uds_rig_init(&ask->rig, &config);
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "280401000a", "7f2812");
}

/* --- 29 --- */

#define ED25519 "06032b65700000000000000000000000"

static void test_uds_server_authenticates_both_ways_by_certificate(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "290200"
                  "0002ce01"
                  "0000",
                  "7f2913"); /* the client must challenge */
    expect_answer(ask,
                  "290201"
                  "0002ce01"
                  "0003aabbcc",
                  "7f2931");
    expect_answer(ask,
                  "290200"
                  "0002cf01"
                  "0003aabbcc",
                  "7f2952");
    /* challenge, the server's certificate, its proof over ours, no key */
    expect_answer(ask,
                  "290200"
                  "0002ce01"
                  "0003aabbcc",
                  "690211"
                  "0020"
                  "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
                  "0002ce5e"
                  "0004"
                  "55443301"
                  "0000");
    expect_answer(ask,
                  "2903"
                  "000154"
                  "0000",
                  "690312"
                  "0000");
    assert_int_equal(ct_uds_server_roles(ask->rig.server), 1);
}

static void test_uds_server_whose_own_proof_fails_leaves_no_challenge(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "290200"
                  "0002ce01"
                  "0001ee",
                  "7f2959");
    expect_answer(ask,
                  "2903"
                  "000154"
                  "0000",
                  "7f2924");
    expect_answer(ask, "290500" ED25519,
                  "690500" ED25519 "0020"
                  "2122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f40"
                  "0000");
    expect_answer(ask,
                  "2907" ED25519 "000174"
                  "0001ee"
                  "0000",
                  "7f2959");
    assert_int_equal(ct_uds_server_roles(ask->rig.server), 0); /* who was not answered has nothing */
}

static void test_uds_server_authenticates_both_ways_by_challenge(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "2907" ED25519 "000154"
                  "0002aabb"
                  "0000",
                  "7f2924");
    expect_answer(ask, "290500" ED25519,
                  "690500" ED25519 "0020"
                  "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
                  "0000");
    expect_answer(ask,
                  "2907" ED25519 "000154"
                  "0000"
                  "0000",
                  "7f2913"); /* nothing to prove ours with */
    expect_answer(ask,
                  "2907" ED25519 "000154"
                  "0002aabb"
                  "0000",
                  "690712" ED25519 "0003554401"
                  "0000");
    assert_int_equal(ct_uds_server_roles(ask->rig.server), 1);
    expect_answer(ask,
                  "2907" ED25519 "000154"
                  "0002aabb"
                  "0000",
                  "7f2924"); /* one proof a challenge */
}

static void test_uds_server_takes_a_certificate_for_another_purpose(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "29041234"
                  "0002ce01",
                  "690413");
    assert_int_equal(ask->rig.transmitted, 0x1234);
    assert_int_equal(ct_uds_server_roles(ask->rig.server), 0);
    expect_answer(ask,
                  "29041234"
                  "0002cf01",
                  "7f2954");
    expect_answer(ask,
                  "29041234"
                  "0003ce01",
                  "7f2913");
    expect_answer(ask, "2904123400", "7f2913");
}

/* --- 86 --- */

/* The last byte of F210 (62 F210 C0 10 counter: bit 40 on), 8 bits unsigned, against 16 with a hysteresis of 25 %. */
static void test_uds_server_event_when_a_value_passes_a_limit(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "19"
                  "2028"
                  "22f210",
                  "c6070002"
                  "f210"
                  "01"
                  "00000010"
                  "19"
                  "2028"
                  "22f210");
    expect_answer(ask, "860402",
                  "c60401"
                  "0702"
                  "f210"
                  "01"
                  "00000010"
                  "19"
                  "2028"
                  "22f210");
    expect_answer(ask, "860502", "c6050002");
    ask->rig.counter = 16;
    expect_poll(ask, 200 * MS, ""); /* not above */
    ask->rig.counter = 17;
    expect_poll(ask, 400 * MS, "62f210c01011");
    expect_poll(ask, 600 * MS, "");
    ask->rig.counter = 13;
    expect_poll(ask, 800 * MS, "");
    ask->rig.counter = 20;
    expect_poll(ask, 1000 * MS, ""); /* was not 25 % below */
    ask->rig.counter = 12;
    expect_poll(ask, 1200 * MS, "");
    ask->rig.counter = 18;
    expect_poll(ask, 1400 * MS, "62f210c01012");
}

static void test_uds_server_event_compares_signed_values(void **state)
{
    struct ask *ask = *state;
    /* reference above the value: fires below -2; 8 bits signed */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "02"
                  "fffffffe"
                  "00"
                  "a028"
                  "22f210",
                  "c6070002"
                  "f210"
                  "02"
                  "fffffffe"
                  "00"
                  "a028"
                  "22f210");
    expect_answer(ask, "860502", "c6050002");
    ask->rig.counter = 0xFE;
    expect_poll(ask, 200 * MS, "");
    ask->rig.counter = 0x7F;
    expect_poll(ask, 400 * MS, "");
    ask->rig.counter = 0xFD;
    expect_poll(ask, 600 * MS, "62f210c010fd");
}

static void test_uds_server_event_on_equal_and_different(void **state)
{
    struct ask *ask = *state;
    /* the 12 bits 0x010 before the counter never change; the counter's low nibble does */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "03"
                  "00000005"
                  "00"
                  "102c"
                  "22f210",
                  "c6070002"
                  "f210"
                  "03"
                  "00000005"
                  "00"
                  "102c"
                  "22f210");
    expect_answer(ask,
                  "860702"
                  "f211"
                  "04"
                  "00000011"
                  "00"
                  "2020"
                  "22f211",
                  "c6070002"
                  "f211"
                  "04"
                  "00000011"
                  "00"
                  "2020"
                  "22f211");
    expect_answer(ask, "860502", "c6050002");
    ask->rig.counter = 0xA4;
    expect_poll(ask, 200 * MS, "");
    ask->rig.counter = 0xA5;
    expect_poll(ask, 400 * MS, "62f210c010a5");
    expect_poll(ask, 600 * MS, "");
    ask->rig.counter = 0xB6;
    expect_poll(ask, 800 * MS, "");
    ask->rig.counter = 0xB5;
    expect_poll(ask, 1000 * MS, "62f210c010b5");
}

static void test_uds_server_comparison_that_cannot_be_is_refused(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "860702"
                  "f210"
                  "05"
                  "00000010"
                  "00"
                  "2028"
                  "22f210",
                  "7f8631"); /* logic */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "00"
                  "00000010"
                  "00"
                  "2028"
                  "22f210",
                  "7f8631");
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "65"
                  "2028"
                  "22f210",
                  "7f8631"); /* 101 % */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "2029"
                  "22f210",
                  "7f8631"); /* one bit behind the end */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "2017"
                  "22f210",
                  "7f8631"); /* before the value */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "0018"
                  "22f210",
                  "7f8631"); /* 32 bits of 24 */
    expect_answer(ask,
                  "860702"
                  "4711"
                  "01"
                  "00000010"
                  "00"
                  "2028"
                  "22f210",
                  "7f8631");
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "2028"
                  "1101",
                  "7f8631");
    expect_answer(ask,
                  "860703"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "2028"
                  "22f210",
                  "7f8631"); /* window */
    expect_answer(ask,
                  "860702"
                  "f210"
                  "01"
                  "00000010"
                  "00"
                  "2028"
                  "22",
                  "7f8613");
}

static void test_uds_server_event_tells_every_recent_dtc_in_order(void **state)
{
    struct ask *ask = *state;
    failed(ask, CT_RIG_DTC_LAMP); /* before it was started */
    expect_answer(ask, "8608020d", "c60800020d");
    expect_answer(ask, "860402",
                  "c604010802"
                  "0d");
    expect_answer(ask, "860502", "c6050002");
    expect_poll(ask, 200 * MS, "");
    failed(ask, CT_RIG_DTC_PLAIN);
    failed(ask, CT_RIG_DTC_MISFIRE);
    expect_poll(ask, 400 * MS, "590dffc100002f");
    expect_poll(ask, 600 * MS, "590dff03010027");
    expect_poll(ask, 800 * MS, "");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_PLAIN, false); /* healed is no news */
    expect_poll(ask, 1000 * MS, "");
    expect_answer(ask, "8608020b", "7f8631");
    expect_answer(ask, "8608020d01", "7f8613");
}

static void test_uds_server_event_tells_confirmed_ones_alone(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "8608020e", "c60800020e");
    expect_answer(ask, "860502", "c6050002");
    failed(ask, CT_RIG_DTC_MISFIRE); /* one failing cycle of two */
    expect_poll(ask, 200 * MS, "");
    failed(ask, CT_RIG_DTC_PLAIN);
    expect_poll(ask, 400 * MS, "590effc100002f");
}

static void test_uds_server_event_tells_the_records_of_changed_dtcs(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "860902010601", "c6090002010601");
    expect_answer(ask, "860502", "c6050002");
    expect_poll(ask, 100 * MS, "");
    failed(ask, CT_RIG_DTC_PLAIN);
    failed(ask, CT_RIG_DTC_LAMP);
    expect_poll(ask, 300 * MS, "5906934a112f0101"); /* one at a time */
    expect_poll(ask, 500 * MS, "5906c100002f0101");
    expect_poll(ask, 700 * MS, "");
    ct_dtc_next_cycle(ask->rig.dtcs); /* other bits change */
    expect_poll(ask, 900 * MS, "");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_PLAIN, false);
    expect_poll(ask, 1100 * MS, "5906c100002c0101");
}

static void test_uds_server_record_event_takes_reports_of_one_dtc_only(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "8609020104ff", "c60900020104ff"); /* replaces nothing yet */
    expect_answer(ask, "86090201180110", "c609000201180110");
    expect_answer(ask, "860402",
                  "c604010902"
                  "01180110");                      /* one of the kind */
    expect_answer(ask, "860902011801", "7f8631");   /* without its memory */
    expect_answer(ask, "86090201180111", "7f8631"); /* another memory */
    expect_answer(ask, "860902010201", "7f8631");   /* a list */
    expect_answer(ask, "860902010609", "7f8631");   /* no such record */
    expect_answer(ask, "860902000601", "7f8631");   /* no bit that counts */
    expect_answer(ask, "8609020106", "7f8613");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_uds_server_stored_data_by_record_number),
        CASE(test_uds_server_user_memory_is_a_memory_of_its_own),
        CASE(test_uds_server_dtcs_by_readiness_group),
        CASE(test_uds_server_setting_holds_for_both_memories),
        CASE(test_uds_server_sub_bus_is_switched_by_its_node),
        CASE(test_uds_server_without_sub_bus_has_no_enhanced_addresses),
        CASE(test_uds_server_authenticates_both_ways_by_certificate),
        CASE(test_uds_server_whose_own_proof_fails_leaves_no_challenge),
        CASE(test_uds_server_authenticates_both_ways_by_challenge),
        CASE(test_uds_server_takes_a_certificate_for_another_purpose),
        CASE(test_uds_server_event_when_a_value_passes_a_limit),
        CASE(test_uds_server_event_compares_signed_values),
        CASE(test_uds_server_event_on_equal_and_different),
        CASE(test_uds_server_comparison_that_cannot_be_is_refused),
        CASE(test_uds_server_event_tells_every_recent_dtc_in_order),
        CASE(test_uds_server_event_tells_confirmed_ones_alone),
        CASE(test_uds_server_event_tells_the_records_of_changed_dtcs),
        CASE(test_uds_server_record_event_takes_reports_of_one_dtc_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
