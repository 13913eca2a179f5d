/* Functional requests (ISO 14229-2:2013 7.2, ISO 15765-4): N responders, time injected. hartkopp/can-isotp#55 and #69,
 * iso14229#14: others cannot collect more than one response; flow control goes to the physical id. */
#include "isotp_fixture.h"
#include "uds_group.h"

struct rig {
    struct ct_uds_group *group;
    ct_ns now;
};

static struct rig make(unsigned enough)
{
    struct ct_isotp_config members[8];
    for (unsigned i = 0; i < 8; i++) {
        members[i] = ct_isotp_config_usual(0x7E0 + i, 0x7E8 + i);
    }
    const struct ct_uds_group_config config = {.functional = ct_isotp_config_usual(0x7DF, 0x7E8),
                                               .members = members,
                                               .member_count = 8,
                                               .p2_ms = 50,
                                               .p2_star_ms = 500,
                                               .pending_cap_ms = 1200,
                                               .enough = enough};
    struct rig rig = {0};
    assert_int_equal(ct_uds_group_create(&config, &rig.group), CT_OK);
    return rig;
}

static void expect_sent(struct rig *rig, uint32_t id, const char *hex)
{
    struct ct_frame frame;
    assert_int_equal(ct_uds_group_next_frame(rig->group, &frame, rig->now), CT_OK);
    const struct ct_frame wanted = frame_of(id, hex, false);
    assert_int_equal(frame.id, id);
    assert_memory_equal(frame.data, wanted.data, strlen(hex) / 2);
}

static void ask(struct rig *rig, const char *hex)
{
    uint8_t bytes[8];
    assert_int_equal(ct_hex_decode(bytes, hex, strlen(hex) / 2), CT_OK);
    assert_int_equal(ct_uds_group_request(rig->group, bytes, strlen(hex) / 2, rig->now), CT_OK);
}

static void answer(struct rig *rig, uint32_t id, const char *hex)
{
    const struct ct_frame frame = frame_of(id, hex, false);
    assert_true(ct_uds_group_receive(rig->group, &frame, rig->now));
}

static void wait_ms(struct rig *rig, int ms)
{
    rig->now += ms * MS;
    (void)ct_uds_group_tick(rig->group, rig->now);
}

static void expect_result(struct rig *rig, size_t member, const char *hex)
{
    char text[128];
    const struct ct_uds_result result = ct_uds_group_result(rig->group, member);
    ct_hex_encode(text, result.response, result.len);
    assert_string_equal(text, hex);
}

static void test_three_of_eight_answer_one_segmented(void **state)
{
    (void)state;
    struct rig rig = make(0);
    ask(&rig, "0902");
    expect_sent(&rig, 0x7DF, "020902");
    wait_ms(&rig, 10);
    answer(&rig, 0x7E8, "1014490201314731");
    expect_sent(&rig, 0x7E0, "300000"); /* to the member, not to 7DF */
    answer(&rig, 0x7EA, "03490400");    /* not what was asked */
    answer(&rig, 0x7EF, "037f0922");
    wait_ms(&rig, 40);
    assert_true(ct_uds_group_busy(rig.group)); /* P2 is over, but a response is on its way: N_Cr governs */
    answer(&rig, 0x7E8, "2141424344454647");
    wait_ms(&rig, 100);
    answer(&rig, 0x7E8, "2248494a4b4c4d4e");
    wait_ms(&rig, 0);
    assert_false(ct_uds_group_busy(rig.group));
    expect_result(&rig, 0, "4902013147314142434445464748494a4b4c4d4e");
    assert_int_equal(ct_uds_group_result(rig.group, 0).outcome, CT_UDS_POSITIVE);
    assert_int_equal(ct_uds_group_result(rig.group, 7).outcome, CT_UDS_NEGATIVE);
    assert_int_equal(ct_uds_group_result(rig.group, 7).nrc, 0x22);
    assert_int_equal(ct_uds_group_result(rig.group, 2).outcome, CT_UDS_NO_RESPONSE);
    assert_int_equal(ct_uds_group_strays(rig.group), 1);
    ct_uds_group_free(rig.group);
}

static void test_nobody_answers_ends_with_p2(void **state)
{
    (void)state;
    struct rig rig = make(0);
    ask(&rig, "3e00");
    expect_sent(&rig, 0x7DF, "023e00");
    assert_true(ct_uds_group_tick(rig.group, rig.now) == 50 * MS);
    wait_ms(&rig, 49);
    assert_true(ct_uds_group_busy(rig.group));
    wait_ms(&rig, 1);
    assert_false(ct_uds_group_busy(rig.group));
    ct_uds_group_free(rig.group);
}

static void test_pending_member_is_awaited_alone(void **state)
{
    (void)state;
    struct rig rig = make(0);
    ask(&rig, "14ffffff");
    expect_sent(&rig, 0x7DF, "0414ffffff");
    answer(&rig, 0x7E9, "037f1478");
    answer(&rig, 0x7EB, "037f1478");
    wait_ms(&rig, 400);
    assert_true(ct_uds_group_busy(rig.group));
    answer(&rig, 0x7E9, "0154");
    answer(&rig, 0x7E8, "0154"); /* late, but others are still awaited */
    wait_ms(&rig, 100);
    assert_false(ct_uds_group_busy(rig.group));
    assert_int_equal(ct_uds_group_result(rig.group, 0).outcome, CT_UDS_POSITIVE);
    assert_int_equal(ct_uds_group_result(rig.group, 1).outcome, CT_UDS_POSITIVE);
    assert_int_equal(ct_uds_group_result(rig.group, 3).outcome, CT_UDS_NO_RESPONSE);
    ct_uds_group_free(rig.group);
}

static void test_pending_for_ever_ends_with_the_cap(void **state)
{
    (void)state;
    struct rig rig = make(0);
    ask(&rig, "14ffffff");
    expect_sent(&rig, 0x7DF, "0414ffffff");
    for (unsigned i = 0; i < 4; i++) {
        answer(&rig, 0x7E9, "037f1478");
        wait_ms(&rig, 300);
    }
    assert_false(ct_uds_group_busy(rig.group));
    assert_int_equal(ct_uds_group_result(rig.group, 1).outcome, CT_UDS_PENDING_OVER);
    ct_uds_group_free(rig.group);
}

/* P3client_func: nothing goes out before then, and the clock is told. */
static void expect_quiet_until(struct rig *rig, int ms)
{
    struct ct_frame frame;
    assert_true(rig->now < ms * MS);
    assert_true(ct_uds_group_busy(rig->group));
    assert_int_equal(ct_uds_group_next_frame(rig->group, &frame, rig->now), CT_ERR_AGAIN);
    assert_true(ct_uds_group_tick(rig->group, rig->now) == ms * MS);
    rig->now = ms * MS;
    assert_true(ct_uds_group_tick(rig->group, rig->now) == rig->now);
}

/* ISO 14229-2:2013 7.2: a functional request not before P2 of the one before. Late answers to that are nobody's. */
static void test_next_request_waits_for_p2_of_the_one_before(void **state)
{
    (void)state;
    struct rig rig = make(1);
    ask(&rig, "0100");
    expect_sent(&rig, 0x7DF, "020100");
    wait_ms(&rig, 20);
    answer(&rig, 0x7E8, "064100be1fa813");
    assert_false(ct_uds_group_busy(rig.group));
    ask(&rig, "0100");
    answer(&rig, 0x7E9, "06410080000001"); /* to the first one */
    assert_true(ct_uds_group_busy(rig.group));
    assert_int_equal(ct_uds_group_strays(rig.group), 1);
    expect_quiet_until(&rig, 50);
    expect_sent(&rig, 0x7DF, "020100");
    answer(&rig, 0x7E9, "06410080000001");
    expect_result(&rig, 1, "410080000001");
    assert_false(ct_uds_group_busy(rig.group));
    wait_ms(&rig, 50);
    ask(&rig, "010c"); /* P2 has passed: at once */
    expect_sent(&rig, 0x7DF, "02010c");
    ct_uds_group_free(rig.group);
}

static void test_enough_answers_end_it_before_p2(void **state)
{
    (void)state;
    struct rig rig = make(2);
    ask(&rig, "0100");
    expect_sent(&rig, 0x7DF, "020100");
    answer(&rig, 0x7E8, "064100be1fa813");
    assert_true(ct_uds_group_busy(rig.group));
    answer(&rig, 0x7E9, "06410080000001");
    assert_false(ct_uds_group_busy(rig.group));
    expect_result(&rig, 1, "410080000001");
    answer(&rig, 0x7E9, "064100ffffffff"); /* too late to change anything */
    expect_result(&rig, 1, "410080000001");
    ask(&rig, "010c"); /* and the next request begins anew, when nobody can be answering this one any more */
    expect_quiet_until(&rig, 50);
    expect_sent(&rig, 0x7DF, "02010c");
    assert_int_equal(ct_uds_group_result(rig.group, 1).outcome, CT_UDS_NO_RESPONSE);
    ct_uds_group_free(rig.group);
}

static void test_request_over_one_frame_is_refused(void **state)
{
    (void)state;
    struct rig rig = make(0);
    assert_int_equal(ct_uds_group_request(rig.group, (const uint8_t *)"12345678", 8, 0), CT_ERR_TOO_LARGE);
    assert_false(ct_uds_group_busy(rig.group));
    ct_uds_group_free(rig.group);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_three_of_eight_answer_one_segmented),
        cmocka_unit_test(test_nobody_answers_ends_with_p2),
        cmocka_unit_test(test_pending_member_is_awaited_alone),
        cmocka_unit_test(test_pending_for_ever_ends_with_the_cap),
        cmocka_unit_test(test_enough_answers_end_it_before_p2),
        cmocka_unit_test(test_next_request_waits_for_p2_of_the_one_before),
        cmocka_unit_test(test_request_over_one_frame_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
