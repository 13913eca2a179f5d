/* What an ECU sends unasked, 2A's messages and 86's responses: an ECU scripted in hex (ISO 14229-1:2020 9.10 and 11.6,
 * formats of tables 88 ff. and 183 ff.) and our own server over frames, time injected. */
#include "isotp_fixture.h"
#include "uds_client.h"
#include "uds_rig.h"

#include <stdio.h>

#define PERIODIC_ID 0x5E8U

struct rig {
    struct ct_uds_client *client;
    struct ct_isotp ecu;
    uint8_t rx[4096], tx[4096];
    ct_ns now;
    unsigned count;
    char last[256];   /* what came last: "F201 0102" or "event 62f210 (22 F210)" */
    unsigned service; /* of the last event, decoded; 0: not decoded */
};

static void note(void *user, const struct ct_uds_unasked *what)
{
    struct rig *rig = user;
    char hex[201];
    assert_true(what->bytes.len <= 100);
    ct_hex_encode(hex, what->bytes.data, what->bytes.len);
    rig->count++;
    assert_true(what->t_ns == rig->now);
    if (what->kind == CT_UDS_UNASKED_PERIODIC) {
        assert_null(what->message);
        (void)snprintf(rig->last, sizeof rig->last, "%04X %s", what->did, hex);
    } else {
        rig->service = what->message != NULL ? what->message->service : 0;
        (void)snprintf(rig->last, sizeof rig->last, "event %s", hex);
    }
}

static void make_client(struct rig *rig, uint32_t periodic_id)
{
    const struct ct_uds_client_config config = {
        .isotp = classic_config(), .periodic_id = periodic_id, .unasked = note, .unasked_user = rig};
    ct_uds_client_free(rig->client);
    assert_int_equal(ct_uds_client_create(&config, &rig->client), CT_OK);
}

static int setup(void **state)
{
    static struct rig rig;
    const struct ct_isotp_config ecu = ct_isotp_config_usual(0x7E8, 0x7E0);
    rig = (struct rig){0};
    make_client(&rig, PERIODIC_ID);
    assert_int_equal(ct_isotp_init(&rig.ecu, &ecu, rig.rx, sizeof rig.rx, rig.tx, sizeof rig.tx), CT_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    ct_uds_client_free(((struct rig *)*state)->client);
    return 0;
}

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

/* The ECU sends a message of its own accord. */
static void tell(struct rig *rig, const char *hex)
{
    uint8_t bytes[100];
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(bytes, hex, len), CT_OK);
    assert_int_equal(ct_isotp_send(&rig->ecu, bytes, len, rig->now), CT_OK);
    pump(rig);
}

static void expect_result(struct rig *rig, const char *hex)
{
    struct ct_uds_result result;
    char text[201];
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_OK);
    assert_int_equal(result.outcome, CT_UDS_POSITIVE);
    ct_hex_encode(text, result.response, result.len);
    assert_string_equal(text, hex);
}

static void agree(struct rig *rig, const char *asked, const char *answer)
{
    request(rig, asked);
    tell(rig, answer);
    expect_result(rig, answer);
}

static void periodic(struct rig *rig, const char *hex)
{
    const struct ct_frame frame = frame_of(PERIODIC_ID, hex, false);
    assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
}

static void expect_came(struct rig *rig, unsigned count, const char *last)
{
    assert_int_equal(rig->count, count);
    assert_string_equal(rig->last, last);
}

static void test_periodic_messages_are_delivered_by_identifier(void **state)
{
    struct rig *rig = *state;
    periodic(rig, "0111223344556677"); /* before anybody asked */
    expect_came(rig, 0, "");
    agree(rig, "2a030102", "6a");
    rig->now += 100 * MS;
    periodic(rig, "0111223344556677");
    expect_came(rig, 1, "F201 11223344556677");
    periodic(rig, "02aa");
    expect_came(rig, 2, "F202 aa");
    periodic(rig, "03bb"); /* not one of those asked for */
    expect_came(rig, 2, "F202 aa");
    agree(rig, "2a0402", "6a");
    periodic(rig, "02ab");
    expect_came(rig, 2, "F202 aa");
    periodic(rig, "0112");
    expect_came(rig, 3, "F201 12");
    agree(rig, "2a04", "6a");
    periodic(rig, "0113");
    expect_came(rig, 3, "F201 12");
    assert_int_equal(ct_uds_client_strays(rig->client), 4);
}

static void test_periodic_messages_end_with_the_session(void **state)
{
    struct rig *rig = *state;
    agree(rig, "2a0101", "6a");
    agree(rig, "1003", "5003003201f4");
    periodic(rig, "0111");
    expect_came(rig, 0, "");
}

static void test_refused_periodic_request_delivers_nothing(void **state)
{
    struct rig *rig = *state;
    struct ct_uds_result result;
    request(rig, "2a0101");
    tell(rig, "7f2a31");
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_OK);
    assert_int_equal(result.outcome, CT_UDS_NEGATIVE);
    periodic(rig, "0111");
    expect_came(rig, 0, "");
}

static void test_foreign_frames_are_no_periodic_messages(void **state)
{
    struct rig *rig = *state;
    agree(rig, "2a0101", "6a");
    struct ct_frame frame = frame_of(PERIODIC_ID, "0111", true);
    assert_false(ct_uds_client_receive(rig->client, &frame, 0)); /* FD on a classic pair */
    frame.flags = CT_FRAME_EXT;
    assert_false(ct_uds_client_receive(rig->client, &frame, 0));
    frame.flags = CT_FRAME_RTR;
    assert_false(ct_uds_client_receive(rig->client, &frame, 0));
    frame.flags = CT_FRAME_SENT;
    assert_false(ct_uds_client_receive(rig->client, &frame, 0));
    frame = frame_of(PERIODIC_ID, "", false);
    assert_true(ct_uds_client_receive(rig->client, &frame, 0));
    expect_came(rig, 0, "");
}

/* Type 1: single frames among the responses. 62 is an identifier like others, unless a response to 22 is awaited. */
static void test_periodic_messages_among_the_responses(void **state)
{
    struct rig *rig = *state;
    make_client(rig, 0);
    agree(rig, "2a010162", "6a");
    tell(rig, "01c0ffee");
    expect_came(rig, 1, "F201 c0ffee");
    tell(rig, "62f19041");
    expect_came(rig, 2, "F262 f19041");
    request(rig, "22f190");
    tell(rig, "01c0ffef");
    tell(rig, "62f19042");
    expect_result(rig, "62f19042");
    expect_came(rig, 3, "F201 c0ffef");
}

static void test_events_come_once_started_and_end_when_stopped(void **state)
{
    struct rig *rig = *state;
    agree(rig, "8603020200220200", "c60300020200220200");
    tell(rig, "62020001"); /* not started */
    expect_came(rig, 0, "");
    agree(rig, "860502", "c6050002");
    rig->now += 70 * MS;
    tell(rig, "62020002");
    expect_came(rig, 1, "event 62020002");
    assert_int_equal(rig->service, 0x22);
    tell(rig, "62f19041"); /* no event's */
    tell(rig, "7f2231");
    expect_came(rig, 1, "event 62020002");
    tell(rig, "c6030102"); /* the window's end */
    expect_came(rig, 2, "event c6030102");
    agree(rig, "860002", "c6000002");
    tell(rig, "62020003");
    expect_came(rig, 2, "event c6030102");
    agree(rig, "860502", "c6050002"); /* starts them again */
    tell(rig, "62020003");
    expect_came(rig, 3, "event 62020003");
    agree(rig, "860602", "c6060002");
    agree(rig, "860502", "c6050002");
    tell(rig, "62020004");
    expect_came(rig, 3, "event 62020003");
}

static void test_every_kind_of_event_is_known_by_its_response(void **state)
{
    struct rig *rig = *state;
    agree(rig, "860102011902ff", "c6010002011902ff");
    agree(rig, "86070202000200000064000000220201", "c607000202000200000064000000220201");
    agree(rig, "8608020d", "c60800020d");
    agree(rig, "860902010601", "c6090002010601");
    agree(rig, "860502", "c6050002");
    tell(rig, "5902ff0301002f");
    expect_came(rig, 1, "event 5902ff0301002f");
    assert_int_equal(rig->service, 0x19);
    tell(rig, "620201abcd");
    expect_came(rig, 2, "event 620201abcd");
    tell(rig, "590dff0301002f");
    expect_came(rig, 3, "event 590dff0301002f");
    tell(rig, "59060301002f0105");
    expect_came(rig, 4, "event 59060301002f0105");
    tell(rig, "590aff0301002f"); /* a report no event asked for */
    expect_came(rig, 4, "event 59060301002f0105");
}

static void test_event_while_a_request_runs_leaves_it_its_answer(void **state)
{
    struct rig *rig = *state;
    agree(rig, "8603020200220200", "c60300020200220200");
    agree(rig, "860502", "c6050002");
    request(rig, "22f190");
    tell(rig, "620200414243444546474849"); /* segmented, before the answer */
    expect_came(rig, 1, "event 620200414243444546474849");
    tell(rig, "62f19031");
    expect_result(rig, "62f19031");
    request(rig, "220200"); /* what answers the request is the request's */
    tell(rig, "62020055");
    expect_result(rig, "62020055");
    expect_came(rig, 1, "event 620200414243444546474849");
}

/* The ECU is half duplex: a request sent between the frames of its event would be lost. */
static void test_request_waits_for_an_event_that_comes_in(void **state)
{
    struct rig *rig = *state;
    struct ct_frame frame;
    const uint8_t ask[] = {0x22, 0xF1, 0x90};
    agree(rig, "8603020200220200", "c60300020200220200");
    agree(rig, "860502", "c6050002");
    frame = frame_of(0x7E8, "100a620200414243", false);
    assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_OK);
    assert_int_equal(frame.data[0], 0x30);
    assert_int_equal(ct_uds_client_request(rig->client, ask, sizeof ask, rig->now), CT_OK);
    assert_true(ct_uds_client_busy(rig->client));
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_ERR_AGAIN);
    frame = frame_of(0x7E8, "2144454647cccccc", false);
    assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
    expect_came(rig, 1, "event 62020041424344454647");
    pump(rig); /* now it goes */
    tell(rig, "62f19031");
    expect_result(rig, "62f19031");
}

static void test_request_waits_no_longer_than_the_events_timeout(void **state)
{
    struct rig *rig = *state;
    struct ct_uds_result result;
    struct ct_frame frame;
    const uint8_t ask[] = {0x22, 0xF1, 0x90};
    agree(rig, "8603020200220200", "c60300020200220200");
    agree(rig, "860502", "c6050002");
    frame = frame_of(0x7E8, "100a620200414243", false);
    assert_true(ct_uds_client_receive(rig->client, &frame, rig->now));
    assert_int_equal(ct_uds_client_next_frame(rig->client, &frame, rig->now), CT_OK);
    assert_int_equal(ct_uds_client_request(rig->client, ask, sizeof ask, rig->now), CT_OK);
    for (;;) {
        const ct_ns next = ct_uds_client_tick(rig->client, rig->now);
        pump(rig);
        if (ct_uds_client_result(rig->client, &result) == CT_OK) {
            break;
        }
        rig->now = next;
        assert_true(rig->now < 1500 * MS); /* N_Cr, then P2 */
    }
    assert_int_equal(result.outcome, CT_UDS_NO_RESPONSE);
    assert_int_equal(rig->count, 0);
}

static void test_without_a_callback_they_are_strays(void **state)
{
    struct rig *rig = *state;
    const struct ct_uds_client_config config = {.isotp = classic_config(), .periodic_id = PERIODIC_ID};
    ct_uds_client_free(rig->client);
    assert_int_equal(ct_uds_client_create(&config, &rig->client), CT_OK);
    agree(rig, "2a0101", "6a");
    agree(rig, "8608020e", "c60800020e");
    periodic(rig, "0111");
    tell(rig, "590eff0301002f");
    assert_int_equal(ct_uds_client_strays(rig->client), 2);
}

static void test_events_over_the_limit_forget_the_oldest(void **state)
{
    struct rig *rig = *state;
    for (unsigned i = 0; i <= CT_UDS_UNASKED_EVENTS; i++) {
        char asked[32];
        char answer[32];
        (void)snprintf(asked, sizeof asked, "860302%04x22%04x", i, i);
        (void)snprintf(answer, sizeof answer, "c6030002%04x22%04x", i, i);
        agree(rig, asked, answer);
    }
    agree(rig, "860502", "c6050002");
    tell(rig, "62000001");
    expect_came(rig, 0, "");
    tell(rig, "62000101");
    expect_came(rig, 1, "event 62000101");
    tell(rig, "62000801");
    expect_came(rig, 2, "event 62000801");
}

/* --- our own server --- */

static void both_ways(struct rig *rig, struct ct_uds_server *server)
{
    struct ct_frame frame;
    (void)ct_uds_server_tick(server, rig->now);
    (void)ct_uds_client_tick(rig->client, rig->now);
    for (bool any = true; any;) {
        any = false;
        while (ct_uds_client_next_frame(rig->client, &frame, rig->now) == CT_OK) {
            any |= ct_uds_server_receive(server, &frame, rig->now);
        }
        while (ct_uds_server_next_frame(server, &frame, rig->now) == CT_OK) {
            any |= ct_uds_client_receive(rig->client, &frame, rig->now);
        }
    }
}

static void ask_server(struct rig *rig, struct ct_uds_server *server, const char *hex)
{
    uint8_t bytes[32];
    struct ct_uds_result result;
    const size_t len = strlen(hex) / 2;
    assert_int_equal(ct_hex_decode(bytes, hex, len), CT_OK);
    assert_int_equal(ct_uds_client_request(rig->client, bytes, len, rig->now), CT_OK);
    both_ways(rig, server);
    assert_int_equal(ct_uds_client_result(rig->client, &result), CT_OK);
    assert_int_equal(result.outcome, CT_UDS_POSITIVE);
}

static void test_our_servers_messages_arrive(void **state)
{
    static struct ct_uds_rig ecu;
    struct rig *rig = *state;
    ecu = (struct ct_uds_rig){.counter = 5};
    ct_uds_rig_init(&ecu, NULL);
    ask_server(rig, ecu.server, "1003");
    ask_server(rig, ecu.server, "2a0310");
    for (int i = 0; i < 100; i++) {
        rig->now += 10 * MS;
        both_ways(rig, ecu.server);
    }
    assert_true(rig->count >= 10 && rig->count <= 11); /* fast: every 100 ms */
    assert_memory_equal(rig->last, "F210 c01005", 11);
    ask_server(rig, ecu.server, "2a04");
    ask_server(rig, ecu.server, "860302f21022f210");
    ask_server(rig, ecu.server, "860102011902ff");
    ask_server(rig, ecu.server, "860502");
    rig->count = 0;
    ecu.counter = 6;
    for (int i = 0; i < 50; i++) {
        rig->now += 10 * MS;
        both_ways(rig, ecu.server);
    }
    expect_came(rig, 1, "event 62f210c01006");
    ct_dtc_report(ecu.dtcs, CT_RIG_DTC_PLAIN, true);
    for (int i = 0; i < 50; i++) {
        rig->now += 10 * MS;
        both_ways(rig, ecu.server);
    }
    assert_int_equal(rig->count, 2);
    assert_memory_equal(rig->last, "event 5902ff", 12);
    assert_int_equal(rig->service, 0x19);
    assert_int_equal(ct_uds_client_strays(rig->client), 0);
    ct_uds_rig_free(&ecu);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_periodic_messages_are_delivered_by_identifier),
        CASE(test_periodic_messages_end_with_the_session),
        CASE(test_refused_periodic_request_delivers_nothing),
        CASE(test_foreign_frames_are_no_periodic_messages),
        CASE(test_periodic_messages_among_the_responses),
        CASE(test_events_come_once_started_and_end_when_stopped),
        CASE(test_every_kind_of_event_is_known_by_its_response),
        CASE(test_event_while_a_request_runs_leaves_it_its_answer),
        CASE(test_request_waits_for_an_event_that_comes_in),
        CASE(test_request_waits_no_longer_than_the_events_timeout),
        CASE(test_without_a_callback_they_are_strays),
        CASE(test_events_over_the_limit_forget_the_oldest),
        CASE(test_our_servers_messages_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
