/* UDS server: which request gets which answer. Expected NRCs from ISO 14229-1:2020 7.5 (order of checks) and 7.5.6
 * (what a functional request is not told). */
#include "isotp_fixture.h"
#include "uds_server.h"

static const char record[] = "0123456789";

static uint8_t read_text(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    if (size < 10) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memcpy(out, record, 10);
    *out_len = 10;
    return 0;
}

static uint8_t read_huge(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    (void)id;
    if (size < 3000) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memset(out, 0xAB, 3000);
    *out_len = 3000;
    return 0;
}

static const struct ct_uds_did dids[] = {
    {.id = 0xF190, .sessions = CT_UDS_SESSION_ANY, .read = read_text},
    {.id = 0xF187, .sessions = CT_UDS_SESSION_ANY, .read = read_text},
    {.id = 0x0100, .sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED), .read = read_text},
    {.id = 0x0200, .sessions = CT_UDS_SESSION_ANY, .read = read_huge},
};

static struct ct_uds_server_config server_config(void)
{
    return (struct ct_uds_server_config){.isotp = ct_isotp_config_usual(0x7E8, 0x7E0),
                                         .functional_id = 0x7DF,
                                         .dids = dids,
                                         .did_count = sizeof dids / sizeof dids[0]};
}

static int setup(void **state)
{
    const struct ct_uds_server_config config = server_config();
    struct ct_uds_server *server = NULL;
    assert_int_equal(ct_uds_server_create(&config, &server), CT_OK);
    *state = server;
    return 0;
}

static int teardown(void **state)
{
    ct_uds_server_free(*state);
    return 0;
}

static void expect_answer_to(struct ct_uds_server *server, const char *request, bool functional, const char *answer)
{
    uint8_t bytes[256];
    uint8_t out[CT_UDS_SERVER_RESPONSE_MAX];
    char text[2 * CT_UDS_SERVER_RESPONSE_MAX + 1];
    const size_t len = strlen(request) / 2;
    assert_int_equal(ct_hex_decode(bytes, request, len), CT_OK);
    ct_hex_encode(text, out, ct_uds_server_answer(server, bytes, len, functional, 0, out));
    assert_string_equal(text, answer);
}

static void test_uds_server_reads_one_and_several_identifiers(void **state)
{
    expect_answer_to(*state, "22f190", false, "62f19030313233343536373839");
    expect_answer_to(*state, "22f190f187", false, "62f19030313233343536373839f18730313233343536373839");
    expect_answer_to(*state, "220001f187", false, "62f18730313233343536373839"); /* unknown ones are left out */
}

static void test_uds_server_refusals_come_in_the_standards_order(void **state)
{
    static const struct {
        const char *request, *answer;
    } cases[] = {
        {"84", "7f8411"},
        {"8401020304", "7f8411"},
        {"22", "7f2213"},
        {"22f1", "7f2213"},
        {"22f190f1", "7f2213"},
        {"220001", "7f2231"},
        {"22000100020003", "7f2231"},
        {"10", "7f1013"},
        {"1002", "7f1012"},
        {"1042", "7f1012"},
        {"100101", "7f1013"},
        {"100201", "7f1012"}, /* 12 before the whole length */
        {"3e", "7f3e13"},
        {"3e01", "7f3e12"},
        {"3e0000", "7f3e13"},
        {"2202000200", "7f2214"}, /* two times 3000 bytes */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_answer_to(*state, cases[i].request, false, cases[i].answer);
    }
}

static void test_uds_server_service_outside_its_session_is_refused_before_its_length(void **state)
{
    (void)state;
    struct ct_uds_server_config config = server_config();
    struct ct_uds_server *server = NULL;
    config.read_sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED);
    assert_int_equal(ct_uds_server_create(&config, &server), CT_OK);
    expect_answer_to(server, "22", false, "7f227f");
    expect_answer_to(server, "22f190", true, ""); /* not told functionally */
    expect_answer_to(server, "1003", false, "5003003201f4");
    expect_answer_to(server, "22", false, "7f2213");
    ct_uds_server_free(server);
}

static void test_uds_server_functional_requests_are_refused_in_silence(void **state)
{
    expect_answer_to(*state, "84", true, "");
    expect_answer_to(*state, "1002", true, "");
    expect_answer_to(*state, "220001", true, "");
    expect_answer_to(*state, "22f1", true, "7f2213"); /* a wrong length is told */
    expect_answer_to(*state, "3e00", true, "7e00");
}

static void test_uds_server_suppress_bit_silences_positives_only(void **state)
{
    expect_answer_to(*state, "3e80", false, "");
    expect_answer_to(*state, "3e81", false, "7f3e12");
    expect_answer_to(*state, "1083", false, "");
    assert_int_equal(ct_uds_server_session(*state), CT_UDS_SESSION_EXTENDED);
}

static void test_uds_server_identifier_of_another_session_is_unknown(void **state)
{
    expect_answer_to(*state, "220100", false, "7f2231");
    expect_answer_to(*state, "1003", false, "5003003201f4");
    expect_answer_to(*state, "220100", false, "62010030313233343536373839");
}

static void send(struct ct_uds_server *server, uint32_t id, const char *hex, ct_ns now)
{
    const struct ct_frame frame = frame_of(id, hex, false);
    assert_true(ct_uds_server_receive(server, &frame, now));
}

static void expect_out(struct ct_uds_server *server, const char *hex, ct_ns now)
{
    struct ct_frame frame;
    char text[17];
    assert_int_equal(ct_uds_server_next_frame(server, &frame, now), CT_OK);
    assert_int_equal(frame.id, 0x7E8);
    ct_hex_encode(text, frame.data, frame.len);
    assert_string_equal(text, hex);
}

static void expect_nothing_out(struct ct_uds_server *server, ct_ns now)
{
    struct ct_frame frame;
    assert_int_equal(ct_uds_server_next_frame(server, &frame, now), CT_ERR_AGAIN);
}

static void test_uds_server_session_ends_after_s3_and_any_request_restarts_it(void **state)
{
    struct ct_uds_server *server = *state;
    send(server, 0x7E0, "021083", 0);
    send(server, 0x7E0, "0322f190", 4000 * MS);
    (void)ct_uds_server_tick(server, 8999 * MS);
    assert_int_equal(ct_uds_server_session(server), CT_UDS_SESSION_EXTENDED);
    send(server, 0x7DF, "023e80", 8999 * MS);
    (void)ct_uds_server_tick(server, 13998 * MS);
    assert_int_equal(ct_uds_server_session(server), CT_UDS_SESSION_EXTENDED);
    (void)ct_uds_server_tick(server, 13999 * MS);
    assert_int_equal(ct_uds_server_session(server), CT_UDS_SESSION_DEFAULT);
}

static void test_uds_server_answers_over_real_transport(void **state)
{
    struct ct_uds_server *server = *state;
    send(server, 0x7E0, "0322f190cccccccc", 0);
    expect_out(server, "100d62f190303132", 0);
    expect_nothing_out(server, 0);
    send(server, 0x7E0, "300000", 0);
    expect_out(server, "2133343536373839", 0);
    expect_nothing_out(server, 0);
    struct ct_uds_server_stats stats;
    ct_uds_server_stats_get(server, &stats);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.failed, 0);
}

static void test_uds_server_functional_tester_present_does_not_disturb_a_response(void **state)
{
    struct ct_uds_server *server = *state;
    send(server, 0x7E0, "0322f190", 0);
    expect_out(server, "100d62f190303132", 0);
    send(server, 0x7DF, "023e80", 0);
    send(server, 0x7DF, "1014000102030405", 0); /* never flow control to a functional first frame */
    expect_nothing_out(server, 0);
    send(server, 0x7E0, "300000", 0);
    expect_out(server, "2133343536373839", 0);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_uds_server_reads_one_and_several_identifiers),
        CASE(test_uds_server_refusals_come_in_the_standards_order),
        CASE(test_uds_server_service_outside_its_session_is_refused_before_its_length),
        CASE(test_uds_server_functional_requests_are_refused_in_silence),
        CASE(test_uds_server_suppress_bit_silences_positives_only),
        CASE(test_uds_server_identifier_of_another_session_is_unknown),
        CASE(test_uds_server_session_ends_after_s3_and_any_request_restarts_it),
        CASE(test_uds_server_answers_over_real_transport),
        CASE(test_uds_server_functional_tester_present_does_not_disturb_a_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
