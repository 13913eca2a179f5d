/* DTC memory: the life of the status byte written out from ISO 14229-1:2020 D.2 and its figures, and reading it by 19
 * and 14 with bytes written by hand. */
#include "dtc_memory.h"
#include "uds_ask.h"

static void failed(struct ask *ask, size_t index)
{
    ct_dtc_report(ask->rig.dtcs, index, true);
}

static void passed(struct ask *ask, size_t index)
{
    ct_dtc_report(ask->rig.dtcs, index, false);
}

static void cycles(struct ask *ask, size_t index, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        passed(ask, index);
        ct_dtc_next_cycle(ask->rig.dtcs);
    }
}

static void expect_status(struct ask *ask, size_t index, unsigned status)
{
    assert_int_equal(ct_dtc_status(ask->rig.dtcs, index), status);
}

static void test_dtc_memory_status_bits_over_one_life(void **state)
{
    struct ask *ask = *state;
    const size_t dtc = CT_RIG_DTC_MISFIRE; /* two failing cycles confirm, four passing ones age */
    expect_status(ask, dtc, 0x50);
    passed(ask, dtc);
    expect_status(ask, dtc, 0x00);
    failed(ask, dtc);
    expect_status(ask, dtc, 0x27); /* failed, this cycle, pending, since clear */
    passed(ask, dtc);
    expect_status(ask, dtc, 0x26);
    ct_dtc_next_cycle(ask->rig.dtcs);
    expect_status(ask, dtc, 0x64); /* pending stays: the cycle had a failure */
    failed(ask, dtc);
    expect_status(ask, dtc, 0xAF); /* second failing cycle: confirmed, lamp */
    ct_dtc_next_cycle(ask->rig.dtcs);
    expect_status(ask, dtc, 0xED);
    cycles(ask, dtc, 1);
    expect_status(ask, dtc, 0xE8); /* a passing cycle takes pending back */
    cycles(ask, dtc, 1);
    expect_status(ask, dtc, 0xE8);
    cycles(ask, dtc, 1);
    expect_status(ask, dtc, 0x68); /* three passing cycles: lamp off */
    cycles(ask, dtc, 1);
    expect_status(ask, dtc, 0x60); /* four: aged; what happened since clearing stays */
    assert_true(ct_dtc_clear(ask->rig.dtcs, 0x030100));
    expect_status(ask, dtc, 0x50);
}

static void test_dtc_memory_pending_without_second_failure_is_taken_back(void **state)
{
    struct ask *ask = *state;
    const size_t dtc = CT_RIG_DTC_MISFIRE;
    failed(ask, dtc);
    ct_dtc_next_cycle(ask->rig.dtcs);
    ct_dtc_next_cycle(ask->rig.dtcs); /* a cycle without a test decides nothing */
    expect_status(ask, dtc, 0x65);
    cycles(ask, dtc, 1);
    failed(ask, dtc);
    expect_status(ask, dtc, 0x27); /* counts from one again */
}

static void test_dtc_memory_counter_debounces(void **state)
{
    struct ask *ask = *state;
    const size_t dtc = CT_RIG_DTC_SLOW; /* steps 50 and 64 */
    failed(ask, dtc);
    failed(ask, dtc);
    assert_int_equal(ct_dtc_state(ask->rig.dtcs, dtc)->detection, 100);
    expect_status(ask, dtc, 0x50);
    expect_answer(ask, "1914", "591401234564"); /* on its way */
    passed(ask, dtc);                           /* from zero on */
    assert_int_equal(ct_dtc_state(ask->rig.dtcs, dtc)->detection, -64);
    failed(ask, dtc);
    failed(ask, dtc);
    failed(ask, dtc);
    assert_int_equal(ct_dtc_state(ask->rig.dtcs, dtc)->detection, 127);
    expect_status(ask, dtc, 0x2F);
    expect_answer(ask, "1914", "5914"); /* there */
    passed(ask, dtc);
    expect_status(ask, dtc, 0x2F);
    passed(ask, dtc);
    expect_status(ask, dtc, 0x2E);
}

static void test_dtc_memory_is_read_by_status_and_severity(void **state)
{
    struct ask *ask = *state;
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_MISFIRE);
    expect_answer(ask, "190101", "5901ff010002");
    expect_answer(ask, "190108", "5901ff010001");
    expect_answer(ask, "190201", "5902ff934a112f03010027");
    expect_answer(ask, "190208", "5902ff934a112f");
    expect_answer(ask, "190200", "5902ff");
    expect_answer(ask, "190a", "590aff934a112f0123455003010027c1000050");
    expect_answer(ask, "19076001", "5907ff010002");
    expect_answer(ask, "19084001", "5908ff603303010027");
    expect_answer(ask, "19080001", "7f1931");
    expect_answer(ask, "1909012345", "5909ff401101234550");
    expect_answer(ask, "190901", "7f1913"); /* deviation 9: reads three bytes after checking one */
    expect_answer(ask, "1909999999", "7f1931");
    expect_answer(ask, "19423301e0",
                  "594233ffff01"
                  "6003010027");
    expect_answer(ask, "19423401e0", "7f1931");
    expect_answer(ask, "198201", ""); /* deviation 6: the bit is not looked at for 19 there */
    expect_answer(ask, "1902", "7f1913");
    expect_answer(ask, "190f01", "7f1912");
    expect_answer(ask, "19570000", "7f1912");
    expect_answer(ask, "19", "7f1913");
}

static void test_dtc_memory_availability_mask_hides_bits(void **state)
{
    (void)state;
    static const struct ct_dtc_definition one = {.code = 0x123456};
    const struct ct_dtc_memory_config config = {.definitions = &one, .count = 1, .available = 0x09};
    struct ct_dtc_memory *memory = NULL;
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_OK);
    assert_int_equal(ct_dtc_status(memory, 0), 0);
    ct_dtc_report(memory, 0, true);
    assert_int_equal(ct_dtc_status(memory, 0), 0x09);
    assert_int_equal(ct_dtc_take_changes(memory), 0x09);
    assert_int_equal(ct_dtc_take_changes(memory), 0);
    ct_dtc_memory_free(memory);
}

static void test_dtc_memory_first_and_latest(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "190b", "590bff");
    failed(ask, CT_RIG_DTC_MISFIRE);
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_PLAIN);
    passed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_LAMP);
    expect_answer(ask, "190b", "590bff03010027");
    expect_answer(ask, "190c", "590cff934a112f");
    expect_answer(ask, "190d", "590dff934a112f");
    expect_answer(ask, "190e", "590effc100002f");
}

static void test_dtc_memory_snapshots_of_first_and_latest_failure(void **state)
{
    struct ask *ask = *state;
    expect_answer(ask, "1903", "5903");
    expect_answer(ask, "1904934a11ff", "5904934a1150"); /* none yet */
    ask->rig.counter = 1;
    failed(ask, CT_RIG_DTC_LAMP);
    passed(ask, CT_RIG_DTC_LAMP);
    ask->rig.counter = 2;
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_LAMP); /* still the same failure */
    expect_answer(ask, "1903", "5903934a1101934a1102");
    expect_answer(ask, "1904934a1101",
                  "5904934a112f"
                  "0103f210c01001010000000000f40c0c0c");
    expect_answer(ask, "1904934a11ff",
                  "5904934a112f"
                  "0103f210c01001010000000000f40c0c0c"
                  "0203f210c01002010000000000f40c0c0c");
    expect_answer(ask, "1904934a1103", "7f1931");
    expect_answer(ask, "1904934a1100", "7f1931");
    expect_answer(ask, "1904999999ff", "7f1931");
    expect_answer(ask, "1904934a11", "7f1913");
}

static void test_dtc_memory_extended_data(void **state)
{
    struct ask *ask = *state;
    failed(ask, CT_RIG_DTC_LAMP);
    passed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_LAMP);
    expect_answer(ask, "1906934a11ff",
                  "5906934a112f"
                  "0102"
                  "0200"
                  "037f"
                  "0401");
    expect_answer(ask, "1906934a1101", "5906934a112f0102");
    expect_answer(ask, "1906934a11fe", "7f1931"); /* no OBD records */
    expect_answer(ask, "1906c10000ff", "5906c1000050");
    expect_answer(ask, "191601", "591601934a112f02");
    expect_answer(ask, "191605", "7f1931");
    expect_answer(ask, "191a01",
                  "591aff01934a112f01234550030100"
                  "50c1000050");
}

static void test_dtc_memory_clear_by_group(void **state)
{
    struct ask *ask = *state;
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_MISFIRE);
    failed(ask, CT_RIG_DTC_PLAIN);
    expect_answer(ask, "14ffff", "7f1413");
    expect_answer(ask, "14123456", "7f1431");
    expect_answer(ask, "14ffffff01", "7f1431"); /* no second memory */
    expect_answer(ask, "14c10000", "54");
    expect_status(ask, CT_RIG_DTC_PLAIN, 0x50);
    expect_answer(ask, "14ffff33", "54");
    expect_status(ask, CT_RIG_DTC_MISFIRE, 0x50);
    expect_status(ask, CT_RIG_DTC_LAMP, 0x2F);
    expect_answer(ask, "14ffffff", "54");
    expect_status(ask, CT_RIG_DTC_LAMP, 0x50);
    assert_int_equal(ask->rig.cleared, 3);
    expect_answer(ask, "1903", "5903");
}

static void test_dtc_memory_permanent_survives_clearing_until_a_passing_cycle(void **state)
{
    struct ask *ask = *state;
    failed(ask, CT_RIG_DTC_MISFIRE);
    ct_dtc_next_cycle(ask->rig.dtcs);
    failed(ask, CT_RIG_DTC_MISFIRE);
    expect_answer(ask, "1915", "5915ff030100af");
    expect_answer(ask, "14ffffff", "54");
    expect_answer(ask, "1915", "5915ff03010050");
    expect_answer(ask, "195533", "595533ff0103010050");
    ct_dtc_next_cycle(ask->rig.dtcs); /* not tested */
    expect_answer(ask, "1915", "5915ff03010050");
    cycles(ask, CT_RIG_DTC_MISFIRE, 1);
    expect_answer(ask, "1915", "5915ff");
}

static void test_dtc_memory_counts_stop_at_255(void **state)
{
    struct ask *ask = *state;
    for (unsigned i = 0; i < 300; i++) {
        failed(ask, CT_RIG_DTC_LAMP);
        passed(ask, CT_RIG_DTC_LAMP);
    }
    expect_answer(ask, "1906934a1101", "5906934a112e01ff");
}

static void test_dtc_memory_comes_back_from_its_bytes(void **state)
{
    struct ask *ask = *state;
    static struct ct_uds_rig other;
    uint8_t bytes[4096];
    ask->rig.counter = 5;
    failed(ask, CT_RIG_DTC_LAMP);
    failed(ask, CT_RIG_DTC_MISFIRE);
    const size_t size = ct_dtc_save_size(ask->rig.dtcs);
    assert_true(size <= sizeof bytes);
    ct_dtc_save(ask->rig.dtcs, bytes);
    ct_uds_rig_init(&other, NULL);
    assert_int_equal(ct_dtc_restore(other.dtcs, bytes, size), CT_OK);
    struct ask second = {.rig = other};
    expect_answer(&second, "190a", "590aff934a112f0123455003010027c1000050");
    expect_answer(&second, "1904934a1101",
                  "5904934a112f"
                  "0103f210c01005010000000000f40c0c0c");
    expect_answer(&second, "190b", "590bff934a112f");
    ct_dtc_report(other.dtcs, CT_RIG_DTC_PLAIN, true);
    expect_answer(&second, "190d", "590dffc100002f"); /* the order goes on */
    ct_uds_rig_free(&other);
}

static void test_dtc_memory_refuses_every_damaged_byte(void **state)
{
    struct ask *ask = *state;
    uint8_t bytes[4096];
    failed(ask, CT_RIG_DTC_LAMP);
    const size_t size = ct_dtc_save_size(ask->rig.dtcs);
    ct_dtc_save(ask->rig.dtcs, bytes);
    assert_true(ct_dtc_clear(ask->rig.dtcs, CT_UDS_DTC_ALL));
    for (size_t i = 0; i < size; i++) {
        bytes[i] ^= 0x04;
        assert_int_equal(ct_dtc_restore(ask->rig.dtcs, bytes, size), CT_ERR_CORRUPT);
        assert_int_equal(ct_dtc_restore(ask->rig.dtcs, bytes, i), CT_ERR_CORRUPT);
        bytes[i] ^= 0x04;
    }
    expect_status(ask, CT_RIG_DTC_LAMP, 0x50);
    assert_int_equal(ct_dtc_restore(ask->rig.dtcs, bytes, size), CT_OK);
    expect_status(ask, CT_RIG_DTC_LAMP, 0x2F);
}

static void test_dtc_memory_restores_codes_that_are_still_there(void **state)
{
    struct ask *ask = *state;
    static const struct ct_dtc_definition fewer[] = {{.code = 0xC10000}, {.code = 0x777777}};
    const struct ct_dtc_memory_config config = {.definitions = fewer, .count = 2};
    struct ct_dtc_memory *memory = NULL;
    uint8_t bytes[4096];
    failed(ask, CT_RIG_DTC_PLAIN);
    ct_dtc_save(ask->rig.dtcs, bytes);
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_OK);
    assert_int_equal(ct_dtc_restore(memory, bytes, ct_dtc_save_size(ask->rig.dtcs)), CT_OK);
    assert_int_equal(ct_dtc_status(memory, 0), 0x2F);
    assert_null(ct_dtc_snapshot(memory, 0, 1)); /* another layout: dropped */
    assert_int_equal(ct_dtc_status(memory, 1), 0x50);
    ct_dtc_memory_free(memory);
}

static void test_dtc_memory_refuses_definitions_that_cannot_be(void **state)
{
    (void)state;
    static const struct ct_dtc_definition twice[] = {{.code = 1}, {.code = 1}};
    static const struct ct_dtc_definition zero[] = {{.code = 0}};
    static const struct ct_dtc_definition group[] = {{.code = CT_UDS_DTC_ALL}};
    struct ct_dtc_memory *memory = NULL;
    struct ct_dtc_memory_config config = {.definitions = twice, .count = 2};
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_ERR_ARGUMENT);
    config = (struct ct_dtc_memory_config){.definitions = zero, .count = 1}; /* would read as padding */
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_ERR_ARGUMENT);
    config.definitions = group;
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_ERR_ARGUMENT);
    config.count = 0;
    assert_int_equal(ct_dtc_memory_create(&config, &memory), CT_ERR_ARGUMENT);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, ask_setup, ask_teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_dtc_memory_status_bits_over_one_life),
        CASE(test_dtc_memory_pending_without_second_failure_is_taken_back),
        CASE(test_dtc_memory_counter_debounces),
        CASE(test_dtc_memory_is_read_by_status_and_severity),
        CASE(test_dtc_memory_availability_mask_hides_bits),
        CASE(test_dtc_memory_first_and_latest),
        CASE(test_dtc_memory_snapshots_of_first_and_latest_failure),
        CASE(test_dtc_memory_extended_data),
        CASE(test_dtc_memory_clear_by_group),
        CASE(test_dtc_memory_permanent_survives_clearing_until_a_passing_cycle),
        CASE(test_dtc_memory_counts_stop_at_255),
        CASE(test_dtc_memory_comes_back_from_its_bytes),
        CASE(test_dtc_memory_refuses_every_damaged_byte),
        CASE(test_dtc_memory_restores_codes_that_are_still_there),
        CASE(test_dtc_memory_refuses_definitions_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
