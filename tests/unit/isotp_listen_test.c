/* Following other people's transfers. Frames are written out by hand after ISO 15765-2:2016 9.6 (formats) and 10.3
 * (addressing); the listener itself never sends. */
#include "isotp_fixture.h"
#include "isotp_listen.h"

static struct ct_isotp_listener *listener;

static void make(struct ct_isotp_listener_config config)
{
    ct_isotp_listener_free(listener);
    listener = NULL;
    assert_int_equal(ct_isotp_listener_create(&config, &listener), CT_OK);
}

static int cleanup(void **state)
{
    (void)state;
    ct_isotp_listener_free(listener);
    listener = NULL;
    return 0;
}

static bool hear(uint32_t id, const char *hex, ct_ns now)
{
    struct ct_frame frame = frame_of(id, hex, false);
    if (id > CT_ID_STD_MAX) {
        frame.flags = CT_FRAME_EXT;
    }
    frame.utc_ns = now + 1000 * CT_NS_PER_S;
    return ct_isotp_listener_receive(listener, &frame, now);
}

static struct ct_isotp_heard expect_heard(enum ct_isotp_heard_kind kind, uint32_t id, const char *hex)
{
    struct ct_isotp_heard heard;
    char text[512] = "";
    assert_int_equal(ct_isotp_listener_next(listener, &heard), CT_OK);
    assert_int_equal(heard.kind, kind);
    assert_int_equal(heard.id, id);
    if (heard.kept > 0) {
        ct_hex_encode(text, heard.data, heard.kept);
    }
    assert_string_equal(text, hex);
    return heard;
}

static void expect_silence(void)
{
    struct ct_isotp_heard heard;
    assert_int_equal(ct_isotp_listener_next(listener, &heard), CT_ERR_AGAIN);
}

static void test_isotp_listen_usual_ids_both_directions(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true});
    assert_true(hear(0x7E0, "0322f190cccccccc", 5));
    struct ct_isotp_heard heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E0, "22f190");
    assert_true(heard.to_ecu && !heard.functional && heard.pair == -1);
    assert_true(hear(0x7E8, "100a62f190414243", 10));
    expect_silence();
    assert_true(hear(0x7E0, "300000cccccccccc", 11));
    expect_silence();
    assert_true(hear(0x7E8, "2144454647cccccc", 12));
    heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E8, "62f19041424344454647");
    assert_false(heard.to_ecu);
    assert_int_equal(heard.frames, 2);
    assert_true(heard.started_ns == 10 && heard.ended_ns == 12 && heard.ended_utc_ns == 12 + 1000 * CT_NS_PER_S);
    assert_true(hear(0x7DF, "023e80cccccccccc", 13));
    heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7DF, "3e80");
    assert_true(heard.functional && heard.to_ecu);
    expect_silence();
    assert_false(hear(0x123, "0322f190cccccccc", 14));
}

static void test_isotp_listen_fixed_and_mixed_29_bit_with_any_priority(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true});
    assert_true(hear(0x18DA10F1, "023e00cccccccccc", 0));
    assert_true(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x18DA10F1, "3e00").to_ecu);
    assert_true(hear(0x0CDAF110, "027e00cccccccccc", 0));
    assert_false(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x0CDAF110, "7e00").to_ecu);
    assert_true(hear(0x18DB33F1, "020100cccccccccc", 0));
    assert_true(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x18DB33F1, "0100").functional);
    assert_true(hear(0x18CE10F1, "99023e00cccccccc", 0));
    const struct ct_isotp_heard heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x18CE10F1, "3e00");
    assert_int_equal(heard.address_byte, 0x99);
    assert_int_equal(heard.mode, CT_ISOTP_MIXED_29);
    /* the same id with another address extension is another conversation */
    assert_true(hear(0x18CE10F1, "9910080102030405", 0));
    assert_true(hear(0x18CE10F1, "98023e00cccccccc", 0));
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x18CE10F1, "3e00").address_byte, 0x98);
    assert_true(hear(0x18CE10F1, "9921060708cccccc", 0));
    (void)expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x18CE10F1, "0102030405060708");
}

static void test_isotp_listen_watched_pairs_in_every_mode(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.pairs_max = 3});
    struct ct_isotp_config pair = ct_isotp_config_usual(0x6F1, 0x612); /* BMW's way: N_TA first */
    pair.tx_mode = CT_ISOTP_EXTENDED;
    pair.rx_mode = CT_ISOTP_EXTENDED;
    pair.tx_byte = 0x12;
    pair.rx_byte = 0xF1;
    assert_int_equal(ct_isotp_listener_watch(listener, &pair), 0);
    assert_int_equal(ct_isotp_listener_watch(listener, &(struct ct_isotp_config){.tx_id = 0x712, .rx_id = 0x77C}), 1);
    assert_int_equal(ct_isotp_listener_watch(listener, &(struct ct_isotp_config){.tx_id = 0x800}), CT_ERR_ARGUMENT);
    const struct ct_isotp_config wide = {
        .tx_id = 0x123, .rx_id = 0x1ABCDEF0, .rx_id_bits = 29}; /* 11 bits there, 29 back */
    assert_int_equal(ct_isotp_listener_watch(listener, &wide), 2);
    assert_int_equal(ct_isotp_listener_watch(listener, &wide), CT_ERR_FULL);
    assert_true(hear(0x6F1, "120322f190ffffff", 0));
    struct ct_isotp_heard heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x6F1, "22f190");
    assert_true(heard.pair == 0 && heard.to_ecu && heard.address_byte == 0x12);
    assert_false(hear(0x6F1, "130322f190ffffff", 0));
    assert_true(hear(0x612, "f1037f2231ffffff", 0));
    heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x612, "7f2231");
    assert_true(heard.pair == 0 && !heard.to_ecu);
    assert_true(hear(0x77C, "027e00", 0));
    heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x77C, "7e00");
    assert_true(heard.pair == 1 && !heard.to_ecu);
    assert_true(hear(0x123, "023e00", 0));
    assert_true(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x123, "3e00").to_ecu);
    assert_true(hear(0x1ABCDEF0, "027e00", 0));
    assert_false(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x1ABCDEF0, "7e00").to_ecu);
}

static void test_isotp_listen_tells_own_frames_from_foreign_ones(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true});
    struct ct_frame frame = frame_of(0x7E0, "023e00", false);
    frame.flags = CT_FRAME_SENT;
    assert_true(ct_isotp_listener_receive(listener, &frame, 0));
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E0, "3e00").flags & CT_FRAME_SENT, CT_FRAME_SENT);
    frame.flags = CT_FRAME_FD | CT_FRAME_BRS;
    assert_true(ct_isotp_listener_receive(listener, &frame, 0));
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E0, "3e00").flags, CT_FRAME_FD | CT_FRAME_BRS);
}

static void test_isotp_listen_reports_what_broke_and_why(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true, .quiet_ms = 2000});
    static const struct {
        uint32_t id;
        const char *hex;
        enum ct_isotp_result result;
    } cases[] = {
        {0x7E0, "022211", CT_ISOTP_UNEXP_PDU},            /* its sender starts anew */
        {0x7E0, "2206070809101112", CT_ISOTP_WRONG_SN},   /* 21 is missing */
        {0x7E8, "320000", CT_ISOTP_BUFFER_OVFLW},         /* its receiver has no room */
        {0x7E8, "340000aaaaaaaaaa", CT_ISOTP_INVALID_FS}, /* or says what there is not */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(hear(0x7E0, "1014000102030405", 0));
        expect_silence();
        assert_true(hear(cases[i].id, cases[i].hex, 0));
        const struct ct_isotp_heard heard = expect_heard(CT_ISOTP_HEARD_BROKEN, 0x7E0, "");
        assert_int_equal(heard.result, cases[i].result);
        assert_int_equal(heard.len, 20);
    }
    (void)hear(0x7E0, "1014000102030405", 0);
    assert_true(ct_isotp_listener_tick(listener, 1999 * MS) == 2000 * MS);
    (void)hear(0x7E8, "310000", 1999 * MS); /* WAIT: it lives */
    assert_true(ct_isotp_listener_tick(listener, 2000 * MS) == 3999 * MS);
    expect_silence();
    (void)ct_isotp_listener_tick(listener, 3999 * MS);
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_BROKEN, 0x7E0, "").result, CT_ISOTP_TIMEOUT_CR);
}

static void test_isotp_listen_keeps_the_beginning_of_long_messages(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true, .message_max = 8, .slots = 1});
    assert_true(hear(0x7E0, "100e000102030405", 0));
    assert_true(hear(0x7E1, "023e00", 0)); /* the one slot is taken */
    expect_silence();
    assert_true(hear(0x7E0, "21060708090a0b0c", 0));
    assert_true(hear(0x7E0, "220d", 0));
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_CUT, 0x7E0, "0001020304050607").len, 14);
    assert_true(hear(0x7E1, "023e00", 0)); /* now it is idle */
    (void)expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E1, "3e00");
    struct ct_isotp_listener_stats stats;
    ct_isotp_listener_stats_get(listener, &stats);
    assert_int_equal(stats.refused, 1);
    assert_int_equal(stats.messages, 2);
}

static void test_isotp_listen_interleaved_conversations(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.usual_ids = true});
    char first[] = "1014a00102030405";
    char second[] = "21060708090a0b0c";
    char third[] = "220d0e0f10111213";
    static const char digits[] = "01234567";
    for (unsigned i = 0; i < 8; i++) {
        first[5] = digits[i];
        (void)hear(0x7E8 + i, first, 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        (void)hear(0x7E8 + 7 - i, second, 1);
    }
    for (unsigned i = 0; i < 8; i++) {
        (void)hear(0x7E8 + i, third, 2);
        char whole[] = "a00102030405060708090a0b0c0d0e0f10111213";
        whole[1] = digits[i];
        (void)expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x7E8 + i, whole);
    }
}

static void test_isotp_listen_learns_a_pair_by_its_handshake(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.learn = true});
    assert_false(hear(0x440, "100a62f190414243", 0)); /* looks like a first frame, nobody answers */
    assert_false(hear(0x712, "100a2e0102414243", 1 * MS));
    assert_false(hear(0x333, "30ff00010203ffee", 2 * MS)); /* a signal that begins like flow control */
    assert_false(hear(0x77C, "300f05aaaaaaaaaa", 3 * MS));
    assert_false(hear(0x440, "2100000000000000", 3 * MS)); /* not answered: no pair */
    assert_true(hear(0x712, "2144454647cccccc", 4 * MS));
    const struct ct_isotp_heard heard = expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x712, "2e010241424344454647");
    assert_true(heard.pair == 0 && heard.to_ecu && heard.started_ns == 1 * MS);
    assert_true(hear(0x77C, "036e0102cccccccc", 5 * MS));
    assert_int_equal(expect_heard(CT_ISOTP_HEARD_MESSAGE, 0x77C, "6e0102").pair, 0);
    assert_false(hear(0x440, "036e0102cccccccc", 6 * MS));
}

static void test_isotp_listen_does_not_learn_from_other_orders(void **state)
{
    (void)state;
    make((struct ct_isotp_listener_config){.learn = true});
    (void)hear(0x712, "100a2e0102414243", 0);
    (void)hear(0x77C, "300000aaaaaaaaaa", 1001 * MS); /* too late */
    assert_false(hear(0x712, "2144454647cccccc", 1002 * MS));
    (void)hear(0x712, "100a2e0102414243", 2000 * MS);
    (void)hear(0x712, "300000aaaaaaaaaa", 2001 * MS); /* by itself */
    assert_false(hear(0x712, "2144454647cccccc", 2002 * MS));
    (void)hear(0x712, "100a2e0102414243", 3000 * MS);
    (void)hear(0x77C, "300000aaaaaaaaaa", 3001 * MS);
    (void)hear(0x712, "2244454647cccccc", 3002 * MS); /* not number 1 */
    assert_false(hear(0x712, "2144454647cccccc", 3003 * MS));
    struct ct_isotp_listener_stats stats;
    ct_isotp_listener_stats_get(listener, &stats);
    assert_int_equal(stats.pairs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_isotp_listen_usual_ids_both_directions, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_fixed_and_mixed_29_bit_with_any_priority, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_watched_pairs_in_every_mode, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_tells_own_frames_from_foreign_ones, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_reports_what_broke_and_why, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_keeps_the_beginning_of_long_messages, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_interleaved_conversations, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_learns_a_pair_by_its_handshake, cleanup),
        cmocka_unit_test_teardown(test_isotp_listen_does_not_learn_from_other_orders, cleanup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
