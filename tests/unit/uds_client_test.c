/* UDS client against a scripted ECU, time injected. Timing rules from ISO 14229-2:2013 7.2 (P2, P2*, N_USData_FF). */
#include "isotp_fixture.h"
#include "uds_client.h"

struct rig {
    struct ct_uds_client *client;
    struct ct_isotp ecu;
    uint8_t rx[4096];
    uint8_t tx[4096];
    ct_ns now;
};

static int setup(void **state)
{
    static struct rig rig;
    const struct ct_uds_client_config config = {
        .isotp = classic_config(), .p2_ms = 50, .p2_star_ms = 500, .pending_cap_ms = 2000};
    const struct ct_isotp_config ecu = ct_isotp_config_usual(0x7E8, 0x7E0);
    rig = (struct rig){0};
    assert_int_equal(ct_uds_client_create(&config, &rig.client), CT_OK);
    assert_int_equal(ct_isotp_init(&rig.ecu, &ecu, rig.rx, sizeof rig.rx, rig.tx, sizeof rig.tx), CT_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    ct_uds_client_free(((struct rig *)*state)->client);
    return 0;
}

/* Moves frames both ways until nothing is due now. */
static void pump(struct rig *rig)
{
    struct ct_frame frame;
    for (bool any = true; any;) {
        any = false;
        while (ct_uds_client_next_frame(rig->client, &frame, rig->now) == CT_OK) {
            (void)ct_isotp_receive(&rig->ecu, &frame, rig->now);
            any = true;
        }
        while (ct_isotp_next_frame(&rig->ecu, &frame, rig->now) == CT_OK) {
            assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
            any = true;
        }
    }
}

static void request(struct rig *rig, const char *hex)
{
    uint8_t bytes[64];
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(bytes, hex, len), CT_OK);
    assert_int_equal(ct_uds_client_request(rig->client, bytes, len, rig->now), CT_OK);
    pump(rig);
}

static void respond(struct rig *rig, const char *hex)
{
    uint8_t bytes[300];
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(bytes, hex, len), CT_OK);
    assert_int_equal(ct_isotp_send(&rig->ecu, bytes, len, rig->now), CT_OK);
    pump(rig);
}

static void wait_ms(struct rig *rig, int ms)
{
    rig->now += ms * MS;
    (void)ct_uds_client_tick(rig->client, rig->now);
    (void)ct_isotp_tick(&rig->ecu, rig->now);
}

static struct ct_uds_result expect_outcome(struct rig *rig, enum ct_uds_outcome outcome)
{
    struct ct_uds_result result;
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_OK);
    assert_int_equal(result.outcome, outcome);
    assert_false(ct_uds_client_busy(rig->client));
    return result;
}

static void expect_response(struct rig *rig, enum ct_uds_outcome outcome, const char *hex)
{
    const struct ct_uds_result result = expect_outcome(rig, outcome);
    char text[600];
    ct_hex_encode(text, result.response, result.len);
    assert_string_equal(text, hex);
}

static void expect_running(struct rig *rig)
{
    struct ct_uds_result result;
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_ERR_AGAIN);
    assert_true(ct_uds_client_busy(rig->client));
}

static void test_uds_client_positive_single_frame(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    respond(rig, "62f187313233");
    expect_response(rig, CT_UDS_POSITIVE, "62f187313233");
}

static void test_uds_client_positive_segmented(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f190");
    respond(rig, "62f1903157304c30303030343331323334353637");
    expect_response(rig, CT_UDS_POSITIVE, "62f1903157304c30303030343331323334353637");
}

static void test_uds_client_negative_gives_the_code(void **state)
{
    struct rig *rig = *state;
    request(rig, "220000");
    respond(rig, "7f2231");
    assert_int_equal(expect_outcome(rig, CT_UDS_NEGATIVE).nrc, 0x31);
    assert_string_equal(ct_uds_nrc_text(0x31), "request out of range");
}

static void test_uds_client_silence_ends_after_p2(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    wait_ms(rig, 49);
    expect_running(rig);
    wait_ms(rig, 1);
    (void)expect_outcome(rig, CT_UDS_NO_RESPONSE);
}

static void test_uds_client_first_frame_satisfies_p2(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f190");
    wait_ms(rig, 40);
    const struct ct_frame first = frame_of(0x7E8, "101462f190315730", false);
    (void)ct_uds_client_receive(rig->client, &first, rig->now);
    struct ct_frame fc;
    assert_int_equal(ct_uds_client_next_frame(rig->client, &fc, rig->now), CT_OK);
    wait_ms(rig, 900); /* far beyond P2, inside N_Cr */
    expect_running(rig);
    wait_ms(rig, 100);
    assert_int_equal(expect_outcome(rig, CT_UDS_TRANSPORT).tp_result, CT_ISOTP_TIMEOUT_CR);
}

static void test_uds_client_pending_reloads_p2_star(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    for (int i = 0; i < 3; i++) {
        respond(rig, "7f2278");
        wait_ms(rig, 499);
        expect_running(rig);
    }
    respond(rig, "62f18741");
    expect_response(rig, CT_UDS_POSITIVE, "62f18741");
}

static void test_uds_client_silence_after_pending_is_no_response(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    respond(rig, "7f2278");
    wait_ms(rig, 500);
    (void)expect_outcome(rig, CT_UDS_NO_RESPONSE);
}

static void test_uds_client_pending_for_ever_is_capped(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    for (int i = 0; i < 4; i++) {
        respond(rig, "7f2278");
        expect_running(rig);
        wait_ms(rig, 499);
    }
    respond(rig, "7f2278");
    wait_ms(rig, 4);
    (void)expect_outcome(rig, CT_UDS_PENDING_OVER);
}

static void test_uds_client_skips_strays(void **state)
{
    struct rig *rig = *state;
    respond(rig, "7e00"); /* nobody asked */
    request(rig, "22f187");
    respond(rig, "7e00");                     /* another service */
    respond(rig, "62f19041");                 /* another identifier */
    respond(rig, "7f3e12");                   /* another service's refusal */
    respond(rig, "7f22");                     /* cut off */
    respond(rig, "62f190414243444546474849"); /* a long one of another identifier */
    expect_running(rig);
    respond(rig, "62f18741");
    expect_response(rig, CT_UDS_POSITIVE, "62f18741");
    assert_int_equal(ct_uds_client_strays(rig->client), 6);
}

static void test_uds_client_response_to_several_identifiers_may_leave_the_first_out(void **state)
{
    struct rig *rig = *state;
    request(rig, "220000f187");
    respond(rig, "62f18741");
    expect_response(rig, CT_UDS_POSITIVE, "62f18741");
}

static void test_uds_client_echo_of_sub_function_and_counter_must_match(void **state)
{
    struct rig *rig = *state;
    request(rig, "3101ff00");
    respond(rig, "7103ff00");
    respond(rig, "7101ff01");
    expect_running(rig);
    respond(rig, "7101ff0000");
    (void)expect_outcome(rig, CT_UDS_POSITIVE);
    request(rig, "3605aabb");
    respond(rig, "7604");
    expect_running(rig);
    respond(rig, "7605");
    (void)expect_outcome(rig, CT_UDS_POSITIVE);
}

static void test_uds_client_suppressed_positive_is_silence(void **state)
{
    struct rig *rig = *state;
    request(rig, "3e80");
    wait_ms(rig, 50);
    expect_response(rig, CT_UDS_POSITIVE, "");
    request(rig, "3e80"); /* some ECUs answer all the same */
    respond(rig, "7e00");
    (void)expect_outcome(rig, CT_UDS_POSITIVE);
    request(rig, "3e80"); /* pending, then silence: that is a failure */
    respond(rig, "7f3e78");
    wait_ms(rig, 500);
    (void)expect_outcome(rig, CT_UDS_NO_RESPONSE);
}

static void test_uds_client_one_request_at_a_time(void **state)
{
    struct rig *rig = *state;
    const uint8_t bytes[] = {0x3E, 0x00};
    struct ct_uds_result result;
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_ERR_AGAIN);
    request(rig, "22f187");
    assert_int_equal(ct_uds_client_request(rig->client, bytes, 2, rig->now), CT_ERR_BUSY);
    ct_uds_client_abort(rig->client);
    (void)expect_outcome(rig, CT_UDS_ABORTED);
    respond(rig, "62f18741"); /* too late: skipped */
    request(rig, "3e00");
    respond(rig, "7e00");
    expect_response(rig, CT_UDS_POSITIVE, "7e00");
    assert_int_equal(ct_uds_client_request(rig->client, bytes, 0, rig->now), CT_ERR_ARGUMENT);
}

static void test_uds_client_long_request_without_flow_control_fails(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[20] = {0x2E};
    struct ct_frame frame;
    assert_int_equal(ct_uds_client_request(rig->client, bytes, sizeof bytes, rig->now), CT_OK);
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_OK);
    wait_ms(rig, 1000);
    assert_int_equal(expect_outcome(rig, CT_UDS_TRANSPORT).tp_result, CT_ISOTP_TIMEOUT_BS);
}

static void test_uds_client_response_over_the_limit_fails_at_once(void **state)
{
    struct rig *rig = *state;
    request(rig, "22f187");
    const struct ct_frame big = frame_of(0x7E8, "10000000200062f1", false);
    (void)ct_uds_client_receive(rig->client, &big, rig->now);
    assert_int_equal(expect_outcome(rig, CT_UDS_TRANSPORT).tp_result, CT_ISOTP_BUFFER_OVFLW);
    struct ct_frame fc;
    assert_int_equal(ct_uds_client_next_frame(rig->client, &fc, rig->now), CT_OK);
    assert_int_equal(fc.data[0], 0x32);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_uds_client_positive_single_frame),
        CASE(test_uds_client_positive_segmented),
        CASE(test_uds_client_negative_gives_the_code),
        CASE(test_uds_client_silence_ends_after_p2),
        CASE(test_uds_client_first_frame_satisfies_p2),
        CASE(test_uds_client_pending_reloads_p2_star),
        CASE(test_uds_client_silence_after_pending_is_no_response),
        CASE(test_uds_client_pending_for_ever_is_capped),
        CASE(test_uds_client_skips_strays),
        CASE(test_uds_client_response_to_several_identifiers_may_leave_the_first_out),
        CASE(test_uds_client_echo_of_sub_function_and_counter_must_match),
        CASE(test_uds_client_suppressed_positive_is_silence),
        CASE(test_uds_client_one_request_at_a_time),
        CASE(test_uds_client_long_request_without_flow_control_fails),
        CASE(test_uds_client_response_over_the_limit_fails_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
