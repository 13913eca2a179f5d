/* Every service of the UDS server: bytes written out by hand from ISO 14229-1:2020, clause by clause. */
#include "uds_ask.h"

static void test_uds_server_session_did_and_timing_of_the_session_response(void **state)
{
    expect_answer(*state, "22f186", "62f18601");
    expect_answer(*state, "1003", "5003003201f4"); /* P2 in 1 ms, P2* in 10 ms: 10.2.3 */
    expect_answer(*state, "22f186", "62f18603");
    expect_answer(*state, "1002", "5002003201f4");
    expect_answer(*state, "1004", "7f1012");
}

static void test_uds_server_write_is_checked_and_read_back(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "2e010011223344", "7f2e31"); /* not in the default session */
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "2e0100112233", "7f2e13");
    expect_answer(ask, "2e010011223344", "7f2e33");
    unlock(ask, 1);
    expect_answer(ask, "2e010011223344", "6e0100");
    expect_answer(ask, "220100", "62010011223344");
    expect_answer(ask, "2ef19041", "7f2e31");       /* read only */
    expect_answer(ask, "2e0100ff223344", "7f2e31"); /* the value itself is refused */
}

static void test_uds_server_reads_keep_security_and_authentication_apart(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "220102", "7f2233");
    expect_answer(ask, "220103", "7f2234");
    expect_answer(ask, "220100f1900102", "7f2233"); /* one of them is not for this tester */
    expect_answer(ask, "1003", "5003003201f4");
    unlock(ask, 1);
    expect_answer(ask, "220102", "62010200000000");
    expect_answer(ask, "220103", "7f2234");
}

static void test_uds_server_scaling(void **state)
{
    expect_answer(*state, "24f190", "64f1906a");
    expect_answer(*state, "240100", "7f2431");
    expect_answer(*state, "24f190f190", "7f2413");
}

static void test_uds_server_memory_is_read_and_written_inside_its_range(void **state)
{
    struct ask *ask = *state;
    ask->rig.memory[0x10] = 0xA5;
    expect_answer(ask, "23121010", "7f2313"); /* the format says two bytes of address and one of size */
    expect_answer(ask, "231210100101", "7f2313");
    expect_answer(ask, "2312101002", "63a500");
    expect_answer(ask, "232213ff0002", "7f2331"); /* reaches over the end */
    expect_answer(ask, "23120fff02", "7f2331");
    expect_answer(ask, "2312100000", "7f2331"); /* nothing */
    expect_answer(ask, "2302100000", "7f2331"); /* no size: a format that is not supported */
    expect_answer(ask, "2355100000", "7f2331");
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask,
                  "3d12102001"
                  "77",
                  "7f3d33");
    unlock(ask, 1);
    expect_answer(ask, "3d1210200277", "7f3d13");
    expect_answer(ask, "3d1210200177", "7d12102001");
    expect_answer(ask, "2312102001", "6377");
}

static void test_uds_server_io_is_held_until_returned_or_the_session_ends(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "2f9b00030501", "7f2f7f");
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "2f9b000305ff", "6f9b000305");
    assert_true(ask->rig.lamp_held);
    assert_int_equal(ask->rig.lamp, 5);
    expect_answer(ask, "2f9b0000", "6f9b000005");
    assert_false(ask->rig.lamp_held);
    expect_answer(ask, "2f9b0002", "6f9b000205");
    assert_true(ask->rig.lamp_held);
    expect_answer(ask, "2f9b0001", "7f2f31"); /* no default is known */
    expect_answer(ask, "2f9b000305", "7f2f13");
    expect_answer(ask, "2f9b0104", "7f2f31");
    expect_answer(ask, "1003", "5003003201f4"); /* even the same session undoes it */
    assert_false(ask->rig.lamp_held);
}

static void test_uds_server_routine_kinds_and_sequence(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "31050203", "7f3112"); /* deviation 4 of iso14229: 31 there */
    expect_answer(ask, "31000203", "7f3112");
    expect_answer(ask, "310102", "7f3113");
    expect_answer(ask, "31010999", "7f3131");
    expect_answer(ask, "31020203", "7f3124"); /* stop before start */
    expect_answer(ask, "31030203", "7f3124");
    expect_answer(ask, "31010203aabbcc", "7f3113");
    expect_answer(ask, "31010203aabb", "7101020301");
    expect_answer(ask, "31030203", "7103020303");
    expect_answer(ask, "31820203", "");
    expect_answer(ask, "3102ff00", "7f3112"); /* that routine cannot be stopped */
    expect_answer(ask, "31010204", "7f3131"); /* only in the extended session */
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "31010204", "7f3133");
}

static void test_uds_server_communication_control(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "280301", "7f287f");
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "2803", "7f2813");
    expect_answer(ask, "280300", "7f2831");
    expect_answer(ask, "280601", "7f2812");
    expect_answer(ask, "280301", "6803");
    assert_false(ct_uds_server_may_send(ask->rig.server, false));
    assert_false(ct_uds_server_may_receive(ask->rig.server, false));
    assert_true(ct_uds_server_may_send(ask->rig.server, true));
    expect_answer(ask, "1002", "5002003201f4"); /* stays between non-default sessions */
    assert_false(ct_uds_server_may_send(ask->rig.server, false));
    expect_answer(ask, "280103", "6801");
    assert_true(ct_uds_server_may_receive(ask->rig.server, false));
    assert_false(ct_uds_server_may_send(ask->rig.server, true));
    expect_answer(ask, "1001", "5001003201f4");
    assert_true(ct_uds_server_may_send(ask->rig.server, true));
}

static void test_uds_server_dtc_setting_is_undone_by_the_default_session(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "8503", "7f8512");
    expect_answer(ask, "8502ffffff", "7f8531");
    expect_answer(ask, "8502", "c502");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_LAMP, true);
    expect_answer(ask, "190201", "5902ff");
    expect_answer(ask, "1002", "5002003201f4");
    assert_false(ct_dtc_setting_is_on(ask->rig.dtcs));
    expect_answer(ask, "1001", "5001003201f4");
    assert_true(ct_dtc_setting_is_on(ask->rig.dtcs));
}

static void test_uds_server_link_control_needs_its_verification(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "8703", "7f8724");
    expect_answer(ask, "870113", "7f8731"); /* 1 Mbit/s: the ECU says no */
    expect_answer(ask, "8701aa", "7f8731");
    expect_answer(ask, "870112", "c701");
    expect_answer(ask, "870207a120", "c702");
    assert_int_equal(ask->rig.bitrate, 0);
    expect_answer(ask, "8783", "");
    assert_int_equal(ask->rig.bitrate, 500000);
    expect_answer(ask, "8703", "7f8724");
}

static void test_uds_server_dynamic_identifiers(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "2c01f301f1900203", "6c01f301"); /* 3 bytes from position 2 */
    expect_answer(ask, "22f301", "62f301313233");
    expect_answer(ask, "2c01f301f1900101", "6c01f301"); /* appended */
    expect_answer(ask, "22f301", "62f30131323330");
    expect_answer(ask, "2c01f302f3010101", "7f2c31"); /* of a dynamic one: loops */
    expect_answer(ask, "2c01f302f1900a02", "7f2c31"); /* over the source's end */
    expect_answer(ask, "2c01f302f1900001", "7f2c31"); /* positions count from 1 */
    expect_answer(ask, "2c01f19001000101", "7f2c31"); /* not definable */
    expect_answer(ask,
                  "2c01f3020102010"
                  "1",
                  "7f2c33"); /* source's security holds */
    expect_answer(ask, "2c01f302f19001", "7f2c13");
    ask->rig.memory[2] = 0x99;
    expect_answer(ask, "2c02f30212100202", "6c02f302");
    expect_answer(ask, "22f302", "62f3029900");
    expect_answer(ask, "2c03f302", "6c03f302");
    expect_answer(ask, "22f302", "7f2231");
    expect_answer(ask, "2c03", "6c03");
    expect_answer(ask, "22f301", "7f2231");
    expect_answer(ask, "2c04f301", "7f2c12");
}

static void test_uds_server_dynamic_identifiers_are_bounded(void **state)
{
    struct ask *ask = *state;
    for (unsigned i = 0; i < 9; i++) {
        char request[32];
        char answer[32];
        (void)snprintf(request, sizeof request, "2c01f3%02xf1900101", i);
        (void)snprintf(answer, sizeof answer, "6c01f3%02x", i);
        expect_answer(ask, request, i < 8 ? answer : "7f2c31");
    }
    for (unsigned i = 0; i < 16; i++) {
        expect_answer(ask, "2c01f300f1900101", i < 15 ? "6c01f300" : "7f2c31"); /* 16 pieces in all */
    }
}

static void expect_periodic(struct ask *ask, ct_ns now, const char *hex)
{
    struct ct_frame frame;
    const int err = ct_uds_server_next_frame(ask->rig.server, &frame, now);
    assert_int_equal(err, hex != NULL ? CT_OK : CT_ERR_AGAIN);
    if (hex != NULL) {
        assert_int_equal(frame.id, 0x5E8);
        expect_bytes(frame.data, frame.len, hex);
    }
}

static void test_uds_server_periodic_identifiers_keep_their_rates(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "2a0110", "7f2a7f");
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask, "2a01", "7f2a13");
    expect_answer(ask, "2a0510", "7f2a31");
    expect_answer(ask, "2a0130", "7f2a31"); /* F230 is not there */
    expect_answer(ask, "2a0120", "7f2a14"); /* ten bytes do not fit into a frame */
    expect_answer(ask, "2a0310", "6a");
    expect_answer(ask, "2a0111", "6a");
    expect_periodic(ask, 0, "11c01100cccccccc");
    expect_periodic(ask, 0, "10c01000cccccccc");
    expect_periodic(ask, 99 * MS, NULL);
    assert_int_equal(ct_uds_server_tick(ask->rig.server, 99 * MS), 100 * MS);
    ask->rig.counter = 7;
    expect_periodic(ask, 100 * MS, "10c01007cccccccc");
    expect_periodic(ask, 100 * MS, NULL);
    expect_periodic(ask, 950 * MS, "10c01007cccccccc"); /* a stall is not caught up with */
    expect_periodic(ask, 950 * MS, NULL);
    expect_periodic(ask, 1000 * MS, "11c01107cccccccc");
    expect_answer(ask, "2a0410", "6a");
    expect_periodic(ask, 1900 * MS, NULL);
    expect_periodic(ask, 2000 * MS, "11c01107cccccccc");
    expect_answer(ask, "1003", "5003003201f4"); /* a session change stops them */
    expect_periodic(ask, 9000 * MS, NULL);
}

static void test_uds_server_download_counts_blocks_and_does_not_write_one_twice(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1002", "5002003201f4");
    expect_answer(ask, "36010011", "7f3624"); /* deviation 3 of iso14229: 70 there */
    expect_answer(ask, "37", "7f3724");
    expect_answer(ask, "34001210000a", "7f3433");
    unlock(ask, 1);
    expect_answer(ask, "340012100", "7f3413");
    expect_answer(ask,
                  "340112100"
                  "00a",
                  "7f3431"); /* compressed */
    expect_answer(ask, "3400120f000a", "7f3431");
    expect_answer(ask, "34001210000a", "74200012");
    assert_int_equal(ask->rig.erased, 1);
    expect_answer(ask, "34001210000a", "7f3422");
    expect_answer(ask, "3602aa", "7f3673");
    expect_answer(ask, "3600aa", "7f3673"); /* nothing came before that could be repeated */
    expect_answer(ask, "3601", "7f3613");
    expect_answer(ask, "3601a0a1a2", "7601");
    const unsigned written = ask->rig.written;
    expect_answer(ask, "3601a0a1a2", "7601");
    assert_int_equal(ask->rig.written, written);
    expect_answer(ask, "37", "7f3724");                   /* not complete */
    expect_answer(ask, "3602b0b1b2b3b4b5b6b7", "7f3671"); /* 3 + 8 > 10 */
    expect_answer(ask, "3602b0b1b2b3b4b5b6", "7602");
    expect_answer(ask, "3603c0", "7f3624"); /* all is there */
    expect_answer(ask, "3700", "7f3713");
    expect_answer(ask, "37", "77");
    assert_int_equal(ask->rig.verified, 1);
    expect_bytes(ask->rig.memory, 11, "a0a1a2b0b1b2b3b4b5b600");
    expect_answer(ask, "37", "7f3724");
}

static void test_uds_server_block_counter_wraps_from_ff_to_00(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1002", "5002003201f4");
    unlock(ask, 1);
    expect_answer(ask, "340022100003ff", "74200012");
    char request[16];
    char answer[8];
    for (unsigned i = 1; i <= 0x102; i++) {
        (void)snprintf(request, sizeof request, "36%02x11", i & 0xFF);
        (void)snprintf(answer, sizeof answer, "76%02x", i & 0xFF);
        expect_answer(ask, request, answer);
        expect_answer(ask, request, answer); /* each one twice */
    }
    assert_int_equal(ask->rig.written, 0x102);
}

static void test_uds_server_block_over_the_told_length_is_refused(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1002", "5002003201f4");
    unlock(ask, 1);
    expect_answer(ask,
                  "34001210"
                  "0040",
                  "74200012");
    expect_answer(ask, "3601000102030405060708090a0b0c0d0e0f10", "7f3613"); /* 19 bytes */
    expect_answer(ask, "3601000102030405060708090a0b0c0d0e0f", "7601");     /* 18 */
}

static void test_uds_server_programming_failure_ends_the_download(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1002", "5002003201f4");
    unlock(ask, 1);
    expect_answer(ask, "34001210000a", "74200012");
    expect_answer(ask, "3601ee", "7f3672");
    expect_answer(ask, "3601aa", "7f3624");
}

static void test_uds_server_upload_repeats_a_block_and_ends(void **state)
{
    struct ask *ask = *state;
    for (unsigned i = 0; i < 32; i++) {
        ask->rig.memory[i] = (uint8_t)i;
    }
    expect_answer(ask, "1003", "5003003201f4");
    unlock(ask, 1);
    expect_answer(ask, "350012100014", "75200012");
    expect_answer(ask, "3601", "7601000102030405060708090a0b0c0d0e0f");
    expect_answer(ask, "3601", "7601000102030405060708090a0b0c0d0e0f");
    expect_answer(ask, "360200", "7f3613");
    expect_answer(ask, "3602", "760210111213");
    expect_answer(ask, "3602", "760210111213");
    expect_answer(ask, "3603", "7f3624");
    expect_answer(ask, "37", "77");
}

static void test_uds_server_session_change_drops_a_transfer(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1002", "5002003201f4");
    unlock(ask, 1);
    expect_answer(ask, "34001210000a", "74200012");
    expect_answer(ask, "1002", "5002003201f4");
    expect_answer(ask, "3601aa", "7f3624");
}

static void test_uds_server_file_transfer_modes(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask,
                  "3801000166000104"
                  "04",
                  "7f387f");
    expect_answer(ask, "1003", "5003003201f4");
    expect_answer(ask,
                  "38070001660001"
                  "0404",
                  "7f3831");
    expect_answer(ask,
                  "38010001660001"
                  "04",
                  "7f3813");
    expect_answer(ask,
                  "38010001660001"
                  "0405",
                  "7f3831"); /* compressed to another size */
    expect_answer(ask,
                  "38010001670001"
                  "0404",
                  "7f3870"); /* name g */
    expect_answer(ask,
                  "38010001660001"
                  "0404",
                  "780102001200");
    expect_answer(ask, "3601c1c2c3c4", "7601");
    expect_answer(ask, "37", "77");
    assert_true(ask->rig.file_complete);
    expect_answer(ask, "380400016600", "78040200120000040000000400000004");
    expect_answer(ask, "3601", "7601c1c2c3c4");
    expect_answer(ask, "37", "77");
    expect_answer(ask,
                  "38060001660001"
                  "0404",
                  "7806020012000000000000000002");
    expect_answer(ask, "3601d1d2", "7601");
    expect_answer(ask, "37", "77");
    expect_bytes(ask->rig.file, 4, "c1c2d1d2");
    expect_answer(ask, "3802000166", "7802");
    assert_int_equal(ask->rig.file_size, 0);
    expect_answer(ask,
                  "38010001660001"
                  "0404",
                  "780102001200");
    expect_answer(ask, "1001", "5001003201f4");
    assert_false(ask->rig.file_open);
    assert_false(ask->rig.file_complete);
}

static void test_uds_server_answers_events_of_dtcs_and_data(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "860502", "7f8624"); /* nothing set up */
    expect_answer(ask,
                  "860102"
                  "01190201",
                  "c6010002"
                  "01190201");
    expect_answer(ask, "860302f21022f210", "c6030002f21022f210");
    expect_answer(ask,
                  "86010201"
                  "1101",
                  "7f8631"); /* may not reset */
    expect_answer(ask,
                  "860103"
                  "01190201",
                  "7f8631"); /* only an infinite window */
    expect_answer(ask, "860402",
                  "c604"
                  "02"
                  "0302f21022f210"
                  "010201190201");
    expect_poll(ask, 100 * MS, "");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_LAMP, true);
    expect_poll(ask, 200 * MS, ""); /* not started */
    expect_answer(ask, "860502", "c6050002");
    expect_poll(ask, 300 * MS, "");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_PLAIN, true);
    expect_poll(ask, 500 * MS, "5902ff934a112fc100002f");
    expect_poll(ask, 700 * MS, "");
    ask->rig.counter = 9;
    expect_poll(ask, 900 * MS, "62f210c01009");
    expect_answer(ask, "860002", "c6000002");
    ask->rig.counter = 10;
    expect_poll(ask, 2000 * MS, "");
    expect_answer(ask, "860602", "c6060002");
    expect_answer(ask, "860402", "c60400");
}

static void test_uds_server_removed_and_unknown_services(void **state)
{
    expect_answer(*state, "830300", "7f8311"); /* withdrawn in 2020 */
    expect_answer(*state, "ba00", "7fba11");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_uds_server_session_did_and_timing_of_the_session_response),
        CASE(test_uds_server_write_is_checked_and_read_back),
        CASE(test_uds_server_reads_keep_security_and_authentication_apart),
        CASE(test_uds_server_scaling),
        CASE(test_uds_server_memory_is_read_and_written_inside_its_range),
        CASE(test_uds_server_io_is_held_until_returned_or_the_session_ends),
        CASE(test_uds_server_routine_kinds_and_sequence),
        CASE(test_uds_server_communication_control),
        CASE(test_uds_server_dtc_setting_is_undone_by_the_default_session),
        CASE(test_uds_server_link_control_needs_its_verification),
        CASE(test_uds_server_dynamic_identifiers),
        CASE(test_uds_server_dynamic_identifiers_are_bounded),
        CASE(test_uds_server_periodic_identifiers_keep_their_rates),
        CASE(test_uds_server_download_counts_blocks_and_does_not_write_one_twice),
        CASE(test_uds_server_block_counter_wraps_from_ff_to_00),
        CASE(test_uds_server_block_over_the_told_length_is_refused),
        CASE(test_uds_server_programming_failure_ends_the_download),
        CASE(test_uds_server_upload_repeats_a_block_and_ends),
        CASE(test_uds_server_session_change_drops_a_transfer),
        CASE(test_uds_server_file_transfer_modes),
        CASE(test_uds_server_answers_events_of_dtcs_and_data),
        CASE(test_uds_server_removed_and_unknown_services),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
