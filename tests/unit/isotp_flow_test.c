/* Holding a sender back, both directions at once, padding checks, streams and limits of the ISO-TP machine
 * (ISO 15765-2:2016 9.6.5 flow control, 9.8.3 timers, 9.8.4 unexpected PDUs). */
#include "isotp_fixture.h"

static struct fixture f;

/* --- back-pressure --- */

static void test_isotp_hold_sends_wait_every_n_br_until_resumed(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.n_br_ms = 400;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    ct_isotp_hold(tp, 0);
    for (int i = 1; i <= 3; i++) {
        expect_quiet(tp, i * 400 * MS - 1);
        assert_true(ct_isotp_tick(tp, i * 400 * MS - 1) == i * 400 * MS);
        assert_true(ct_isotp_tick(tp, i * 400 * MS) <= i * 400 * MS);
        expect_frame(tp, "310000cccccccccc", i * 400 * MS);
    }
    ct_isotp_resume(tp, 1300 * MS);
    expect_frame(tp, "300000cccccccccc", 1300 * MS);
    feed(tp, "21060708", 1301 * MS);
    expect_message(tp, "000102030405060708");
}

static void test_isotp_hold_gives_up_after_n_wftmax(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.n_br_ms = 100;
    config.wft_max = 2;
    struct ct_isotp *tp = fixture_init(&f, config);
    ct_isotp_hold(tp, 0); /* before the message */
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    for (int i = 1; i <= 2; i++) {
        (void)ct_isotp_tick(tp, i * 100 * MS);
        expect_frame(tp, "310000cccccccccc", i * 100 * MS);
    }
    (void)ct_isotp_tick(tp, 300 * MS);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_WFT_OVRN);
    expect_quiet(tp, 300 * MS);
    assert_true(ct_isotp_tick(tp, 300 * MS) == CT_NS_NEVER);
}

static void test_isotp_hold_counts_waits_anew_in_every_block(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.n_br_ms = 100;
    config.wft_max = 1;
    config.block_size = 1;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "1014000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    ct_isotp_hold(tp, 0);
    (void)ct_isotp_tick(tp, 100 * MS);
    ct_isotp_resume(tp, 100 * MS); /* the WAIT was due and not yet out: a go instead */
    expect_frame(tp, "300100cccccccccc", 100 * MS);
    ct_isotp_hold(tp, 100 * MS); /* in the middle of a block: from the next flow control on */
    feed(tp, "21060708090a0b0c", 110 * MS);
    expect_quiet(tp, 110 * MS);
    (void)ct_isotp_tick(tp, 210 * MS);
    expect_frame(tp, "310100cccccccccc", 210 * MS);
    ct_isotp_resume(tp, 220 * MS);
    expect_frame(tp, "300100cccccccccc", 220 * MS);
    feed(tp, "220d0e0f10111213", 221 * MS);
    expect_message(tp, "000102030405060708090a0b0c0d0e0f10111213");
}

static void test_isotp_hold_is_lifted_by_reset(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    ct_isotp_hold(tp, 0);
    ct_isotp_reset(tp);
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_frame(tp, "300000cccccccccc", 0);
}

/* --- table of unexpected PDUs, full duplex --- */

static void test_isotp_full_duplex_sends_and_receives_at_once(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.full_duplex = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 20, 0);
    (void)expect_frame_start(tp, "1014", 0);
    feed(tp, "100a0a0b0c0d0e0f", 0); /* FF while sending: reception starts */
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_frame(tp, "300000cccccccccc", 0);
    feed(tp, "30000a", 0);
    (void)expect_frame_start(tp, "2106", 0);
    feed(tp, "2110111213", 0);
    expect_message(tp, "0a0b0c0d0e0f10111213");
    feed(tp, "023e00", 5 * MS); /* SF while sending: delivered */
    expect_message(tp, "3e00");
    expect_quiet(tp, 9 * MS);
    (void)expect_frame_start(tp, "220d", 10 * MS);
    (void)expect_event(tp, CT_ISOTP_SENT);
}

static void test_isotp_full_duplex_may_send_while_receiving(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    struct ct_isotp *tp = fixture_init(&f, config);
    const uint8_t data[3] = {1, 2, 3};
    feed(tp, "100a0a0b0c0d0e0f", 0);
    assert_int_equal(ct_isotp_send(tp, data, 3, 0), CT_ERR_BUSY); /* half duplex */
    config.full_duplex = true;
    tp = fixture_init(&f, config);
    feed(tp, "100a0a0b0c0d0e0f", 0);
    assert_int_equal(ct_isotp_send(tp, data, 3, 0), CT_OK);
    expect_frame(tp, "300000cccccccccc", 0); /* flow control first */
    expect_frame(tp, "03010203cccccccc", 0);
    feed(tp, "2110111213", 0);
}

static void test_isotp_unknown_pdu_types_change_nothing(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "1014000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    for (unsigned pci = 4; pci < 16; pci++) {
        struct ct_frame frame = frame_of(0x7E8, "0011223344556677", false);
        frame.data[0] = (uint8_t)(pci << 4 | 1);
        assert_true(ct_isotp_receive(tp, &frame, 0));
    }
    assert_int_equal(tp->dropped, 12);
    expect_no_event(tp);
    feed(tp, "21060708090a0b0c", 0);
    feed(tp, "300000", 0); /* flow control while receiving: nobody waits for it */
    feed(tp, "220d0e0f10111213", 0);
    expect_message(tp, "000102030405060708090a0b0c0d0e0f10111213");
}

static void test_isotp_bus_lost_ends_both_directions(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.full_duplex = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    ct_isotp_bus_lost(tp);
    expect_no_event(tp);
    send_pattern(tp, 20, 0);
    feed(tp, "1014000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    ct_isotp_bus_lost(tp);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_ERROR);
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_ERROR);
    expect_quiet(tp, 0);
    assert_true(ct_isotp_tick(tp, 0) == CT_NS_NEVER);
}

/* --- timers, each with a value of its own --- */

static void test_isotp_every_timer_is_configurable(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.n_as_ms = 11;
    config.n_ar_ms = 22;
    config.n_bs_ms = 33;
    config.n_br_ms = 44;
    config.n_cr_ms = 55;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 20, 0);
    assert_true(ct_isotp_tick(tp, 0) == 11 * MS);
    (void)expect_frame_start(tp, "10", 0);
    assert_true(ct_isotp_tick(tp, 0) == 33 * MS);
    ct_isotp_reset(tp);
    feed(tp, "1014000102030405", 0);
    assert_true(ct_isotp_tick(tp, 0) == 22 * MS);
    ct_isotp_hold(tp, 0);
    assert_true(ct_isotp_tick(tp, 0) == 44 * MS);
    ct_isotp_resume(tp, 1 * MS);
    (void)expect_frame_start(tp, "30", 1 * MS);
    assert_true(ct_isotp_tick(tp, 1 * MS) == 56 * MS);
    (void)ct_isotp_tick(tp, 56 * MS);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_TIMEOUT_CR);
}

static void test_isotp_flow_control_the_bus_does_not_take_is_timeout_a(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "1014000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)ct_isotp_tick(tp, 999 * MS);
    expect_no_event(tp);
    (void)ct_isotp_tick(tp, 1000 * MS); /* N_Ar by the standard */
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_TIMEOUT_A);
}

static void test_isotp_st_min_ceiling_limits_what_the_peer_asks_for(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.st_min_ceiling_us = 2000;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 30, 0);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "30007f", 0);
    (void)expect_frame_start(tp, "21", 0);
    expect_quiet(tp, 2 * MS - 1);
    (void)expect_frame_start(tp, "22", 2 * MS);
}

/* 9.6.5.4: STmin runs from the end of one frame to the start of the next. */
static void test_isotp_st_min_runs_from_the_echo_where_there_is_one(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 30, 0);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "300001", 0);
    (void)expect_frame_start(tp, "21", 0);
    struct ct_frame echo = frame_of(0x7E0, "21060708090a0b0c", false);
    echo.flags = CT_FRAME_SENT;
    (void)ct_isotp_receive(tp, &echo, 3 * MS); /* the bus was busy for that long */
    expect_quiet(tp, 4 * MS - 1);
    assert_true(ct_isotp_tick(tp, 3 * MS) == 4 * MS);
    (void)expect_frame_start(tp, "22", 4 * MS);
}

static void echo_at(struct ct_isotp *tp, const char *hex, ct_ns now)
{
    struct ct_frame echo = frame_of(0x7E0, hex, false);
    echo.flags = CT_FRAME_SENT;
    (void)ct_isotp_receive(tp, &echo, now);
}

static void test_isotp_st_min_waits_for_the_echo_however_long_the_bus_takes(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.echoes = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 30, 0);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "3000f5", 0); /* 500 us */
    (void)expect_frame_start(tp, "21", 0);
    expect_quiet(tp, 700 * MS);
    echo_at(tp, "20060708090a0b0c", 700 * MS); /* not of the frame that is awaited */
    expect_quiet(tp, 800 * MS);
    echo_at(tp, "21060708090a0b0c", 900 * MS);
    expect_quiet(tp, 900 * MS + 500 * CT_NS_PER_US - 1);
    (void)expect_frame_start(tp, "22", 900 * MS + 500 * CT_NS_PER_US);
    assert_true(ct_isotp_tick(tp, 901 * MS) == 1900 * MS + 500 * CT_NS_PER_US);
    (void)ct_isotp_tick(tp, 1900 * MS + 500 * CT_NS_PER_US); /* N_As */
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_TIMEOUT_A);
}

static void test_isotp_without_st_min_no_echo_is_waited_for(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.echoes = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 30, 0);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "300000", 0);
    (void)expect_frame_start(tp, "21", 0);
    (void)expect_frame_start(tp, "22", 0);
}

/* --- padding (10.4.2) --- */

static void test_isotp_padding_length_and_content_checks(void **state)
{
    (void)state;
    static const struct {
        enum ct_isotp_rx_padding length;
        bool content;
        const char *frame;
        bool taken;
    } cases[] = {
        {CT_ISOTP_PADDING_ANY, false, "023e00", true},
        {CT_ISOTP_PADDING_ANY, false, "023e0012345678", true},
        {CT_ISOTP_PADDING_FULL, false, "023e00", false},
        {CT_ISOTP_PADDING_FULL, false, "023e001234567890", true},
        {CT_ISOTP_PADDING_FULL, true, "023e00aaaaaaaaaa", true},
        {CT_ISOTP_PADDING_FULL, true, "023e00aaaaaaaaab", false},
        {CT_ISOTP_PADDING_NONE, false, "023e00", true},
        {CT_ISOTP_PADDING_NONE, false, "023e00cc", false},
        {CT_ISOTP_PADDING_ANY, true, "023e00", true},
        {CT_ISOTP_PADDING_ANY, true, "023e0000", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_isotp_config config = classic_config();
        config.rx_padding = cases[i].length;
        config.rx_padding_content = cases[i].content;
        config.rx_pad_byte = 0xAA;
        struct ct_isotp *tp = fixture_init(&f, config);
        feed(tp, cases[i].frame, 0);
        assert_int_equal(tp->dropped, cases[i].taken ? 0 : 1);
        if (cases[i].taken) {
            expect_message(tp, "3e00");
        }
        expect_no_event(tp);
    }
}

static void test_isotp_padding_of_fd_frames_goes_to_the_next_length(void **state)
{
    (void)state;
    struct ct_isotp_config config = fd_config(64);
    config.rx_padding = CT_ISOTP_PADDING_NONE;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "00090102030405060708090a", 0); /* 11 of 12: as short as it gets */
    expect_message(tp, "010203040506070809");
    feed(tp, "00090102030405060708090acccccccc", 0); /* 16 where 12 would do */
    expect_no_event(tp);
}

static void test_isotp_padding_of_flow_control_and_last_frame_is_checked(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.rx_padding = CT_ISOTP_PADDING_FULL;
    config.rx_padding_content = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "2106070800000000", 0);
    expect_no_event(tp);
    feed(tp, "21060708cccccccc", 0);
    expect_message(tp, "000102030405060708");
    send_pattern(tp, 8, 0);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "3000000000000000", 0);
    expect_quiet(tp, 0);
    feed(tp, "300000cccccccccc", 0);
    (void)expect_frame_start(tp, "21", 0);
}

/* --- limits --- */

static void test_isotp_first_frame_flood_is_limited_per_second(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.first_frames_per_s = 5;
    struct ct_isotp *tp = fixture_init(&f, config);
    unsigned answered = 0;
    for (int i = 0; i < 1000; i++) {
        struct ct_frame frame = frame_of(0x7E8, "1fff000102030405", false);
        struct ct_isotp_event event;
        assert_true(ct_isotp_receive(tp, &frame, i * MS));
        while (ct_isotp_next_event(tp, &event) == CT_OK) {
        }
        answered += ct_isotp_next_frame(tp, &frame, i * MS) == CT_OK ? 1 : 0;
    }
    assert_int_equal(answered, 6); /* the first cut nothing off */
    assert_int_equal(tp->flood_losses, 994);
    feed(tp, "1009000102030405", 1500 * MS); /* a second later all is well again */
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_UNEXP_PDU);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
}

static void test_isotp_whole_messages_are_never_a_flood(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.first_frames_per_s = 1;
    struct ct_isotp *tp = fixture_init(&f, config);
    for (int i = 0; i < 500; i++) {
        feed(tp, "1008000102030405", i);
        (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
        (void)expect_frame_start(tp, "30", i);
        feed(tp, "210607", i);
        expect_message(tp, "0001020304050607");
    }
    assert_int_equal(tp->flood_losses, 0);
}

/* --- streams --- */

struct stream {
    size_t next, ready; /* bytes moved, bytes there */
    int err;
    uint8_t data[512];
};

static int source_read(void *user, size_t offset, uint8_t *out, size_t len)
{
    struct stream *s = user;
    assert_int_equal(offset, s->next);
    if (s->err != CT_OK) {
        return s->err;
    }
    if (offset + len > s->ready) {
        return CT_ERR_AGAIN;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(offset + i);
    }
    s->next += len;
    return CT_OK;
}

static int sink_write(void *user, size_t offset, const uint8_t *data, size_t len)
{
    struct stream *s = user;
    assert_int_equal(offset, s->next);
    memcpy(s->data + offset, data, len);
    s->next += len;
    return s->err;
}

static void test_isotp_source_is_asked_frame_by_frame_and_may_pause(void **state)
{
    (void)state;
    struct stream s = {.ready = 13};
    const struct ct_isotp_source source = {.read = source_read, .user = &s};
    struct ct_isotp_config config = classic_config();
    config.n_cs_ms = 70;
    struct ct_isotp *tp = fixture_init(&f, config);
    assert_int_equal(ct_isotp_send_from(tp, &source, 20, 0), CT_OK);
    expect_frame(tp, "1014000102030405", 0);
    feed(tp, "300000", 0);
    expect_frame(tp, "21060708090a0b0c", 0);
    expect_quiet(tp, 10 * MS);
    assert_true(ct_isotp_tick(tp, 10 * MS) == 80 * MS); /* no busy loop */
    s.ready = 20;
    expect_frame(tp, "220d0e0f10111213", 79 * MS);
    (void)expect_event(tp, CT_ISOTP_SENT);
    s = (struct stream){.ready = 6};
    assert_int_equal(ct_isotp_send_from(tp, &source, 20, 100 * MS), CT_OK);
    (void)expect_frame_start(tp, "10", 100 * MS);
    feed(tp, "300000", 100 * MS);
    expect_quiet(tp, 100 * MS);
    (void)ct_isotp_tick(tp, 170 * MS); /* N_Cs is over */
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_ERROR);
}

static void test_isotp_source_that_fails_ends_the_transfer(void **state)
{
    (void)state;
    struct stream s = {.ready = 6};
    const struct ct_isotp_source source = {.read = source_read, .user = &s};
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    assert_int_equal(ct_isotp_send_from(tp, &source, 20, 0), CT_OK);
    (void)expect_frame_start(tp, "10", 0);
    feed(tp, "300000", 0);
    s.err = CT_ERR_IO;
    expect_quiet(tp, 0);
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_ERROR);
}

static void test_isotp_sink_takes_a_message_in_order(void **state)
{
    (void)state;
    struct stream s = {0};
    struct ct_isotp_config config = classic_config();
    config.sink = (struct ct_isotp_sink){.write = sink_write, .user = &s};
    uint8_t tx[8];
    assert_int_equal(ct_isotp_init(&f.tp, &config, NULL, 100, tx, sizeof tx), CT_OK);
    struct ct_isotp *tp = &f.tp;
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "21060708", 0);
    const struct ct_isotp_event event = expect_event(tp, CT_ISOTP_MESSAGE);
    assert_null(event.data);
    assert_int_equal(event.len, 9);
    assert_memory_equal(s.data, "\0\1\2\3\4\5\6\7\10", 9);
    s.next = 0;
    s.err = CT_ERR_FULL;
    feed(tp, "1009000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_ERROR);
    expect_quiet(tp, 0);
}

/* --- listening --- */

static void test_isotp_listening_follows_without_a_word(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.listen = true;
    assert_int_equal(ct_isotp_init(&f.tp, &config, f.rx, 100, NULL, 0), CT_OK);
    struct ct_isotp *tp = &f.tp;
    assert_int_equal(ct_isotp_send(tp, f.rx, 1, 0), CT_ERR_UNSUPPORTED);
    feed(tp, "1014000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_quiet(tp, 0);
    const struct ct_frame wait = frame_of(0x7E0, "310000", false); /* by the receiver */
    assert_true(ct_isotp_receive(tp, &wait, 900 * MS));
    (void)ct_isotp_tick(tp, 1100 * MS);
    expect_no_event(tp);
    feed(tp, "21060708090a0b0c", 1200 * MS);
    expect_quiet(tp, 1200 * MS);
    feed(tp, "220d0e0f10111213", 1200 * MS);
    expect_message(tp, "000102030405060708090a0b0c0d0e0f10111213");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_hold_sends_wait_every_n_br_until_resumed),
        cmocka_unit_test(test_isotp_hold_gives_up_after_n_wftmax),
        cmocka_unit_test(test_isotp_hold_counts_waits_anew_in_every_block),
        cmocka_unit_test(test_isotp_hold_is_lifted_by_reset),
        cmocka_unit_test(test_isotp_full_duplex_sends_and_receives_at_once),
        cmocka_unit_test(test_isotp_full_duplex_may_send_while_receiving),
        cmocka_unit_test(test_isotp_unknown_pdu_types_change_nothing),
        cmocka_unit_test(test_isotp_bus_lost_ends_both_directions),
        cmocka_unit_test(test_isotp_every_timer_is_configurable),
        cmocka_unit_test(test_isotp_flow_control_the_bus_does_not_take_is_timeout_a),
        cmocka_unit_test(test_isotp_st_min_ceiling_limits_what_the_peer_asks_for),
        cmocka_unit_test(test_isotp_st_min_runs_from_the_echo_where_there_is_one),
        cmocka_unit_test(test_isotp_st_min_waits_for_the_echo_however_long_the_bus_takes),
        cmocka_unit_test(test_isotp_without_st_min_no_echo_is_waited_for),
        cmocka_unit_test(test_isotp_padding_length_and_content_checks),
        cmocka_unit_test(test_isotp_padding_of_fd_frames_goes_to_the_next_length),
        cmocka_unit_test(test_isotp_padding_of_flow_control_and_last_frame_is_checked),
        cmocka_unit_test(test_isotp_first_frame_flood_is_limited_per_second),
        cmocka_unit_test(test_isotp_whole_messages_are_never_a_flood),
        cmocka_unit_test(test_isotp_source_is_asked_frame_by_frame_and_may_pause),
        cmocka_unit_test(test_isotp_source_that_fails_ends_the_transfer),
        cmocka_unit_test(test_isotp_sink_takes_a_message_in_order),
        cmocka_unit_test(test_isotp_listening_follows_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
