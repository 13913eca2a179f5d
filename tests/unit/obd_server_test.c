/* OBD-II answers of a made-up ECU, bytes by hand from SAE J1979 on CAN (ISO 15031-5, ISO 15765-4). */
#include "uds_ask.h"

static uint8_t rig_read_pid(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    return ct_obd_server_read_did(&((const struct ct_uds_rig *)user)->obd, id, out, size, out_len);
}

static void confirm_misfire(struct ask *ask)
{
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_MISFIRE, true);
    ct_dtc_next_cycle(ask->rig.dtcs);
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_MISFIRE, true);
}

static void test_obd_server_supported_parameters_chain_to_the_last_bitmap(void **state)
{
    expect_functional(*state, "0100", "4100c0180003"); /* 01 02 0c 0d 1f, and 20 */
    expect_functional(*state, "0120", "412080000001"); /* 21, and 40 */
    expect_functional(*state, "0140", "414000000011"); /* 5c, and 60 */
    expect_functional(*state, "0160", "416000000001"); /* nothing, but 80 */
    expect_functional(*state, "0180", "418000000001");
    expect_functional(*state, "01a0", "41a004000000"); /* a6, and the end */
    expect_functional(*state, "01c0", "");
    expect_functional(*state, "01e0", "");
}

static void test_obd_server_several_parameters_in_one_answer(void **state)
{
    expect_functional(*state, "010c", "410c0c0c");
    expect_functional(*state, "010c0d", "410c0c0c0d0d");
    expect_functional(*state, "010d140c", "410d0d0c0c0c"); /* 14 is not there */
    expect_functional(*state, "010c0d1f215ca6", "410c0c0c0d0d1f1f1f2121215c5ca6a6a6a6a6");
    expect_functional(*state, "010c0d1f215ca601", ""); /* seven are too many */
    expect_functional(*state, "01", "");
    expect_functional(*state, "0114", ""); /* not supported: silence, never a refusal */
    expect_answer(*state, "0114", "");
}

static void test_obd_server_value_that_is_not_there_is_left_out(void **state)
{
    struct ask *ask = *state;
    ask->rig.counter = 0xFF;
    expect_functional(ask, "010c", "");
    expect_functional(ask, "01010c", "410100110101"); /* misfire and catalyst, both incomplete */
}

static void test_obd_server_trouble_codes_come_with_their_count(void **state)
{
    struct ask *ask = *state;
    expect_functional(ask, "03", "4300");
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_PLAIN, true); /* not of emissions */
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_MISFIRE, true);
    expect_functional(ask, "03", "4300");
    expect_functional(ask, "07", "47010301");
    expect_functional(ask, "0a", "4a00");
    expect_functional(ask, "020200", "4202000000");
    ct_dtc_next_cycle(ask->rig.dtcs);
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_MISFIRE, true);
    expect_functional(ask, "03", "43010301");
    expect_functional(ask, "0a", "4a010301");
    expect_functional(ask, "0101", "410181010100"); /* lamp, one code, nothing incomplete */
    expect_functional(ask, "0300", "");
}

static void test_obd_server_freeze_frame_is_of_the_first_failure(void **state)
{
    struct ask *ask = *state;
    expect_functional(ask, "020c00", "");
    confirm_misfire(ask);
    expect_functional(ask, "020200", "4202000301");
    expect_functional(ask, "020c00", "420c000c0c");
    expect_functional(ask, "020000",
                      "4200004010"
                      "0000"); /* 02 0c */
    expect_functional(ask, "020c000d00", "420c000c0c");
    expect_functional(ask, "020c01", "");
    expect_functional(ask, "020c", "");
    expect_functional(ask, "0102", "41020301");
}

static void test_obd_server_freeze_frame_stays_with_the_earlier_of_two(void **state)
{
    (void)state;
    static struct ct_uds_rig rig;
    static const struct ct_dtc_definition two[] = {{.code = 0x010100, .emissions = true},
                                                   {.code = 0x020200, .emissions = true}};
    static const struct ct_dtc_snapshot_did did[] = {{0xF40C, 2}};
    ct_uds_rig_init(&rig, NULL);
    const struct ct_dtc_memory_config config = {
        .definitions = two, .count = 2, .snapshot = did, .snapshot_count = 1, .read = rig_read_pid, .user = &rig};
    struct ct_dtc_memory *memory = NULL;
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_OK);
    struct ct_obd_server_config obd = rig.obd;
    obd.dtcs = memory;
    for (size_t first = 0; first < 2; first++) {
        const uint8_t request[] = {0x02, 0x02, 0x00};
        uint8_t out[CT_UDS_SERVER_RESPONSE_MAX] = {0x42};
        size_t len = 0;
        assert_true(ct_dtc_clear(memory, CT_UDS_DTC_ALL));
        ct_dtc_report(memory, first, true);
        ct_dtc_report(memory, 1 - first, true);
        assert_int_equal(ct_obd_server_answer(&obd, request, 3, out, &len), 0);
        expect_bytes(out, len, first == 0 ? "4202000101" : "4202000202");
    }
    ct_dtc_memory_free(memory);
    ct_uds_rig_free(&rig);
}

static void test_obd_server_clears_when_conditions_allow(void **state)
{
    struct ask *ask = *state;
    confirm_misfire(ask);
    ct_dtc_report(ask->rig.dtcs, CT_RIG_DTC_PLAIN, true);
    ask->rig.running = true;
    expect_functional(ask, "04", "7f0422");
    expect_functional(ask, "03", "43010301");
    ask->rig.running = false;
    expect_functional(ask, "04", "44");
    expect_functional(ask, "03", "4300");
    expect_functional(ask, "0a", "4a010301");     /* permanent */
    expect_answer(ask, "190108", "5901ff010001"); /* the other is none of OBD's */
}

static void test_obd_server_tests_and_vehicle_information(void **state)
{
    struct ask *ask = *state;
    ask->rig.counter = 0x77;
    expect_functional(ask, "0600", "460080000001");
    expect_functional(ask, "0620", "462080000000");
    expect_functional(ask, "0640", "");
    expect_functional(ask, "0601",
                      "4601810a007700010002"
                      "01820a007700030004");
    expect_functional(ask, "0602", "");
    expect_functional(ask, "0900", "490054400000");
    expect_functional(ask, "0902",
                      "490201"
                      "56494e"
                      "0000000000000000000000000000");
    expect_functional(ask, "0904",
                      "490401"
                      "43414c"
                      "00000000000000000000000000");
    expect_functional(ask, "0906", "49060101020304");
    expect_functional(ask, "090a",
                      "490a01"
                      "524947"
                      "0000000000000000000000000000000000");
    expect_functional(ask, "0908", "");
    expect_functional(ask, "05", "");
    expect_answer(ask, "0501", "7f0511"); /* not on CAN */
    expect_answer(ask, "0800", "7f0811");
}

/* The legislated functional address with 29 bits; the answer comes from the ECU's own. */
static void test_obd_server_answers_29_bit_functional_requests(void **state)
{
    (void)state;
    static struct ask ask;
    struct ct_uds_server_config config = ct_uds_rig_config(&ask.rig);
    config.isotp = ct_isotp_config_usual(0x18DAF110, 0x18DA10F1);
    config.functional_id = CT_OBD_REQUEST_29BIT;
    ct_uds_rig_init(&ask.rig, &config);
    struct ct_frame frame = {.id = CT_OBD_REQUEST_29BIT, .flags = CT_FRAME_EXT, .len = 8, .data = {2, 0x01, 0x0C}};
    assert_true(ct_uds_server_receive(ask.rig.server, &frame, 0));
    assert_int_equal(ct_uds_server_next_frame(ask.rig.server, &frame, 0), CT_OK);
    assert_int_equal(frame.id, 0x18DAF110);
    assert_true((frame.flags & CT_FRAME_EXT) != 0);
    expect_bytes(frame.data, 5, "04410c0c0c");
    ct_uds_rig_free(&ask.rig);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_obd_server_supported_parameters_chain_to_the_last_bitmap),
        CASE(test_obd_server_several_parameters_in_one_answer),
        CASE(test_obd_server_value_that_is_not_there_is_left_out),
        CASE(test_obd_server_trouble_codes_come_with_their_count),
        CASE(test_obd_server_freeze_frame_is_of_the_first_failure),
        cmocka_unit_test(test_obd_server_freeze_frame_stays_with_the_earlier_of_two),
        CASE(test_obd_server_clears_when_conditions_allow),
        CASE(test_obd_server_tests_and_vehicle_information),
        cmocka_unit_test(test_obd_server_answers_29_bit_functional_requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
