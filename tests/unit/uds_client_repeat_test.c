/* UDS client: requests that come again, keep-alive, timing told by the ECU, stray answers. ISO 14229-1:2020 table A.1
 * (21, 78, 94), ISO 14229-2:2013 7.2 and 7.5 (S3client); the cases are mistakes other testers make. */
#include "isotp_fixture.h"
#include "uds_client.h"
#include "uds_match.h"

struct rig {
    struct ct_uds_client *client;
    ct_ns now;
};

static struct rig make(struct ct_uds_client_config config)
{
    struct rig rig = {0};
    config.isotp = classic_config();
    config.p2_ms = config.p2_ms != 0 ? config.p2_ms : 50;
    config.p2_star_ms = 500;
    assert_int_equal(ct_uds_client_create(&config, &rig.client), CT_OK);
    return rig;
}

static void expect_sent(struct rig *rig, const char *hex)
{
    struct ct_frame frame;
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_OK);
    const struct ct_frame wanted = frame_of(0x7E0, hex, false);
    assert_int_equal(frame.id, 0x7E0);
    assert_memory_equal(frame.data, wanted.data, strlen(hex) / 2);
}

static void expect_silent(struct rig *rig)
{
    struct ct_frame frame;
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_ERR_AGAIN);
}

static void ask(struct rig *rig, const char *hex)
{
    uint8_t bytes[64];
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(bytes, hex, len), CT_OK);
    assert_int_equal(ct_uds_client_request(rig->client, bytes, len, rig->now), CT_OK);
}

static void answer(struct rig *rig, const char *hex)
{
    const struct ct_frame frame = frame_of(0x7E8, hex, false);
    assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
}

static void wait_ms(struct rig *rig, int ms)
{
    rig->now += ms * MS;
    (void)ct_uds_client_tick(rig->client, rig->now);
}

static struct ct_uds_result ended(struct rig *rig, enum ct_uds_outcome outcome)
{
    struct ct_uds_result result = {0};
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_OK);
    assert_int_equal(result.outcome, outcome);
    return result;
}

static void test_busy_is_asked_again_after_the_pause_until_the_limit(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.busy = {.limit_ms = 500, .pause_ms = 200}});
    ask(&rig, "22f187");
    for (unsigned turn = 0; turn < 3; turn++) { /* asked at 0, 200 and 400; the next would be at 600 */
        expect_sent(&rig, "0322f187");
        answer(&rig, "037f2221");
        if (turn < 2) {
            wait_ms(&rig, 199);
            expect_silent(&rig);
            assert_true(ct_uds_client_busy(rig.client));
            wait_ms(&rig, 1);
        }
    }
    assert_int_equal(ended(&rig, CT_UDS_NEGATIVE).nrc, 0x21);
    assert_int_equal(ct_uds_client_repeats(rig.client), 2);
    ct_uds_client_free(rig.client);
}

static void test_busy_then_positive_is_positive(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.unavailable = {.limit_ms = CT_UDS_UNLIMITED}});
    ask(&rig, "22f187");
    expect_sent(&rig, "0322f187");
    answer(&rig, "037f2294");
    wait_ms(&rig, 200);
    expect_sent(&rig, "0322f187");
    answer(&rig, "0462f18755");
    assert_int_equal(ended(&rig, CT_UDS_POSITIVE).len, 4);
    ct_uds_client_free(rig.client);
}

static void test_nothing_is_sent_twice_by_default(void **state)
{
    (void)state;
    static const char *const refusals[] = {"037f2e21", "037f2e94"};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = make((struct ct_uds_client_config){0});
        ask(&rig, "2ef18755");
        expect_sent(&rig, "042ef18755");
        answer(&rig, refusals[i]);
        (void)ended(&rig, CT_UDS_NEGATIVE);
        expect_silent(&rig);
        ct_uds_client_free(rig.client);
    }
    struct rig rig = make((struct ct_uds_client_config){0});
    ask(&rig, "2ef18755");
    expect_sent(&rig, "042ef18755");
    wait_ms(&rig, 50);
    (void)ended(&rig, CT_UDS_NO_RESPONSE);
    ct_uds_client_free(rig.client);
}

static void test_request_without_answer_is_repeated_as_often_as_asked(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.repeat_max = 2});
    ask(&rig, "22f187");
    for (unsigned turn = 0; turn < 3; turn++) {
        expect_sent(&rig, "0322f187");
        wait_ms(&rig, 50);
    }
    (void)ended(&rig, CT_UDS_NO_RESPONSE);
    assert_int_equal(ct_uds_client_repeats(rig.client), 2);
    expect_silent(&rig);
    ct_uds_client_free(rig.client);
}

static void test_tick_that_repeats_wants_to_be_asked_now(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.repeat_max = 1});
    ask(&rig, "22f187");
    expect_sent(&rig, "0322f187");
    rig.now += 50 * MS;
    assert_true(ct_uds_client_tick(rig.client, rig.now) <= rig.now);
    ct_uds_client_free(rig.client);
}

static void test_no_repeat_once_response_pending_came(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.repeat_max = 5});
    ask(&rig, "3101ff00");
    expect_sent(&rig, "043101ff00");
    answer(&rig, "037f3178");
    wait_ms(&rig, 500);
    (void)ended(&rig, CT_UDS_NO_RESPONSE);
    expect_silent(&rig);
    ct_uds_client_free(rig.client);
}

/* Facts 2.2: after 0x78 the final response must come also when the positive one was suppressed. */
static void test_suppressed_positive_after_pending_is_awaited(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    ask(&rig, "1083");
    expect_sent(&rig, "021083");
    answer(&rig, "037f1078");
    wait_ms(&rig, 499);
    assert_true(ct_uds_client_pending(rig.client));
    answer(&rig, "06500300320000");
    (void)ended(&rig, CT_UDS_POSITIVE);
    ask(&rig, "1083");
    expect_sent(&rig, "021083");
    answer(&rig, "037f1078");
    wait_ms(&rig, 500);
    (void)ended(&rig, CT_UDS_NO_RESPONSE);
    ct_uds_client_free(rig.client);
}

/* iso14229 item 10: the client that suppressed the positive response misses the negative one. */
static void test_suppressed_positive_still_hears_the_negative(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    ask(&rig, "3e80");
    expect_sent(&rig, "023e80");
    answer(&rig, "037f3e12");
    assert_int_equal(ended(&rig, CT_UDS_NEGATIVE).nrc, 0x12);
    ct_uds_client_free(rig.client);
}

static void test_pending_can_be_an_end(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.pending_ends = true});
    ask(&rig, "3101ff00");
    expect_sent(&rig, "043101ff00");
    answer(&rig, "037f3178");
    assert_int_equal(ended(&rig, CT_UDS_NEGATIVE).nrc, 0x78);
    ct_uds_client_free(rig.client);
}

static void test_pending_without_cap_lasts_as_long_as_the_ecu_says(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.pending_cap_ms = CT_UDS_UNLIMITED});
    ask(&rig, "3101ff00");
    expect_sent(&rig, "043101ff00");
    for (unsigned i = 0; i < 300; i++) { /* two minutes */
        answer(&rig, "037f3178");
        wait_ms(&rig, 400);
    }
    answer(&rig, "047101ff00");
    (void)ended(&rig, CT_UDS_POSITIVE);
    ct_uds_client_free(rig.client);
}

/* ISO 14229-2 table 5: the ECU's own P2 and P2* hold for the session; only ever longer than configured. */
static void test_timing_told_by_the_session_response_is_adopted(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    ask(&rig, "1003");
    expect_sent(&rig, "021003");
    answer(&rig, "06500300fa0064"); /* P2 250 ms, P2* 1 s */
    (void)ended(&rig, CT_UDS_POSITIVE);
    ask(&rig, "22f187");
    expect_sent(&rig, "0322f187");
    wait_ms(&rig, 349);
    assert_true(ct_uds_client_busy(rig.client));
    answer(&rig, "037f2278");
    wait_ms(&rig, 1099);
    assert_true(ct_uds_client_busy(rig.client));
    wait_ms(&rig, 1);
    (void)ended(&rig, CT_UDS_NO_RESPONSE);
    ct_uds_client_free(rig.client);
}

/* ---------------------------------------------------------------- keep-alive */

static void keep_alive(struct rig *rig, const char *payload, size_t len)
{
    assert_int_equal(ct_uds_client_keep_alive(rig->client, (const uint8_t *)payload, len, 2000, rig->now), CT_OK);
}

static void test_keep_alive_is_sent_when_nothing_else_was(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    keep_alive(&rig, "\x3E\x80", 2);
    assert_true(ct_uds_client_tick(rig.client, rig.now) == 2000 * MS);
    wait_ms(&rig, 1999);
    expect_silent(&rig);
    ask(&rig, "22f187"); /* any request restarts S3 (facts 2.8 item 2) */
    expect_sent(&rig, "0322f187");
    answer(&rig, "0462f18755");
    (void)ended(&rig, CT_UDS_POSITIVE);
    wait_ms(&rig, 1999);
    expect_silent(&rig);
    wait_ms(&rig, 1);
    expect_sent(&rig, "023e80");
    expect_silent(&rig);
    wait_ms(&rig, 2000);
    expect_sent(&rig, "023e80");
    keep_alive(&rig, NULL, 0);
    wait_ms(&rig, 60000);
    expect_silent(&rig);
    ct_uds_client_free(rig.client);
}

static void test_keep_alive_goes_on_while_a_response_is_pending(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    keep_alive(&rig, "\x3E\x80", 2);
    ask(&rig, "3101ff00");
    expect_sent(&rig, "043101ff00");
    for (unsigned i = 0; i < 5; i++) {
        answer(&rig, "037f3178");
        wait_ms(&rig, 400);
    }
    expect_sent(&rig, "023e80");
    answer(&rig, "027e00"); /* gallia#30: some ECUs answer it all the same */
    answer(&rig, "037f3e78");
    assert_true(ct_uds_client_busy(rig.client));
    answer(&rig, "047101ff00");
    (void)ended(&rig, CT_UDS_POSITIVE);
    assert_int_equal(ct_uds_client_strays(rig.client), 2);
    ct_uds_client_free(rig.client);
}

static void test_keep_alive_waits_for_a_segmented_response(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){.p2_ms = 5000});
    keep_alive(&rig, "\x3E\x80", 2);
    ask(&rig, "22f190");
    expect_sent(&rig, "0322f190");
    wait_ms(&rig, 1500);
    answer(&rig, "101462f190315730");
    expect_sent(&rig, "300000"); /* flow control restarts it too */
    wait_ms(&rig, 600);
    answer(&rig, "214c303030303433");
    wait_ms(&rig, 600);
    answer(&rig, "2231323334353637");
    wait_ms(&rig, 799);
    expect_silent(&rig);
    (void)ended(&rig, CT_UDS_POSITIVE);
    wait_ms(&rig, 1);
    expect_sent(&rig, "023e80");
    ct_uds_client_free(rig.client);
}

/* CDA#444: KWP ECUs want 3E 01 or 3E 02. */
static void test_keep_alive_payload_is_free_up_to_one_frame(void **state)
{
    (void)state;
    struct rig rig = make((struct ct_uds_client_config){0});
    keep_alive(&rig, "\x3E\x02", 2);
    wait_ms(&rig, 2000);
    expect_sent(&rig, "023e02");
    assert_int_equal(ct_uds_client_keep_alive(rig.client, (const uint8_t *)"12345678", 8, 0, rig.now),
                     CT_ERR_TOO_LARGE);
    ct_uds_client_free(rig.client);
}

/* ---------------------------------------------------------------- what belongs to what */

static void expect_match(enum ct_uds_match match, const char *request, const char *response)
{
    uint8_t a[32], b[32];
    const size_t a_len = strlen(request) / 2, b_len = strlen(response) / 2;
    assert_int_equal(ct_hex_decode(a, request, a_len), CT_OK);
    assert_int_equal(ct_hex_decode(b, response, b_len), CT_OK);
    if (ct_uds_match(a, a_len, b, b_len) != match) {
        fail_msg("%s and %s", request, response);
    }
}

static void test_responses_are_matched_by_what_they_repeat(void **state)
{
    (void)state;
    expect_match(CT_UDS_MATCH_POSITIVE, "22f190f187", "62f18755");
    expect_match(CT_UDS_STRAY, "22f190", "62f18755");
    expect_match(CT_UDS_STRAY, "22f190", "62f1");
    expect_match(CT_UDS_MATCH_POSITIVE, "1902ff", "5902ff");
    expect_match(CT_UDS_STRAY, "1902ff", "590aff");
    expect_match(CT_UDS_MATCH_POSITIVE, "190412345601", "590412345624");
    expect_match(CT_UDS_STRAY, "190412345601", "590465432124");
    expect_match(CT_UDS_MATCH_POSITIVE, "2701", "67011122");
    expect_match(CT_UDS_STRAY, "2702aabb", "67011122");
    expect_match(CT_UDS_MATCH_POSITIVE, "3101ff00", "7101ff00");
    expect_match(CT_UDS_STRAY, "3101ff00", "7101ff01");
    expect_match(CT_UDS_STRAY, "3603aa", "7602");
    expect_match(CT_UDS_MATCH_POSITIVE, "3603aa", "7603");
    expect_match(CT_UDS_STRAY, "2f9b000300", "6f9b0000");
    expect_match(CT_UDS_STRAY, "22f190", "7f3e12");
    expect_match(CT_UDS_STRAY, "22f190", "7f22");
    expect_match(CT_UDS_MATCH_NEGATIVE, "22f190", "7f2231");
    expect_match(CT_UDS_MATCH_POSITIVE, "010c0d", "410c1af8");
    expect_match(CT_UDS_STRAY, "010c", "410d10");
    expect_match(CT_UDS_STRAY, "0902", "490401");
    expect_match(CT_UDS_MATCH_POSITIVE, "03", "430101");
    expect_match(CT_UDS_MATCH_POSITIVE, "1083", "500300320001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_busy_is_asked_again_after_the_pause_until_the_limit),
        cmocka_unit_test(test_busy_then_positive_is_positive),
        cmocka_unit_test(test_nothing_is_sent_twice_by_default),
        cmocka_unit_test(test_request_without_answer_is_repeated_as_often_as_asked),
        cmocka_unit_test(test_tick_that_repeats_wants_to_be_asked_now),
        cmocka_unit_test(test_no_repeat_once_response_pending_came),
        cmocka_unit_test(test_suppressed_positive_after_pending_is_awaited),
        cmocka_unit_test(test_suppressed_positive_still_hears_the_negative),
        cmocka_unit_test(test_pending_can_be_an_end),
        cmocka_unit_test(test_pending_without_cap_lasts_as_long_as_the_ecu_says),
        cmocka_unit_test(test_timing_told_by_the_session_response_is_adopted),
        cmocka_unit_test(test_keep_alive_is_sent_when_nothing_else_was),
        cmocka_unit_test(test_keep_alive_goes_on_while_a_response_is_pending),
        cmocka_unit_test(test_keep_alive_waits_for_a_segmented_response),
        cmocka_unit_test(test_keep_alive_payload_is_free_up_to_one_frame),
        cmocka_unit_test(test_responses_are_matched_by_what_they_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
