/* Receiving side of ISO-TP. Expected behaviour from
 * ISO 15765-2:2016 9.6 and 9.8 (unexpected and wrong frames). */
#include "isotp_fixture.h"

static struct fixture f;

static void test_isotp_receive_single_frames_of_1_to_7_bytes(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "0111", 0);
    expect_message(tp, "11");
    feed(tp, "0711223344556677", 0);
    expect_message(tp, "11223344556677");
    feed(tp, "021122aaaaaaaaaa", 0); /* any padding */
    expect_message(tp, "1122");
    expect_quiet(tp, 0);
}

static void test_isotp_receive_drops_impossible_single_frames(void **state)
{
    (void)state;
    static const char *const frames[] = {"", "00", "0011223344556677", "0411", "0811223344556677", "0f11223344556677"};
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        feed(tp, frames[i], 0);
        expect_no_event(tp);
    }
}

static void test_isotp_receive_fd_single_frames(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, fd_config(64));
    feed(tp, "000a00010203040506070809", 0);
    expect_message(tp, "00010203040506070809");
    feed(tp, "00080001020304050607cccccccccccc", 0);
    expect_message(tp, "0001020304050607");
    feed(tp, "0311223344556677", 0);
    expect_message(tp, "112233");
    feed(tp, "0007000102030405060708ff", 0); /* would fit the short form */
    feed(tp, "000b00010203040506070809", 0); /* longer than the frame */
    feed(tp, "080001020304050607080910", 0); /* no escape above 8 bytes */
    feed(tp, "000000010203040506070809", 0);
    expect_no_event(tp);
}

static void test_isotp_receive_classic_pair_ignores_fd_remote_error_and_other_frames(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    static const uint16_t foreign[] = {CT_FRAME_FD, CT_FRAME_RTR, CT_FRAME_ERR, CT_FRAME_EXT, CT_FRAME_SENT};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        struct ct_frame frame = frame_of(0x7E8, "0111", false);
        frame.flags = foreign[i];
        assert_false(ct_isotp_receive(tp, &frame, 0));
    }
    const struct ct_frame other = frame_of(0x7E9, "0111", false);
    assert_false(ct_isotp_receive(tp, &other, 0));
    expect_no_event(tp);
}

static void test_isotp_receive_segmented_message_asks_with_its_own_parameters(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.block_size = 2;
    config.st_min_us = 950;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "101b000102030405", 0);
    assert_int_equal(expect_event(tp, CT_ISOTP_FIRST_FRAME).len, 27);
    expect_frame(tp, "300201cccccccccc", 0);
    feed(tp, "21060708090a0b0c", 0);
    expect_quiet(tp, 0);
    feed(tp, "220d0e0f10111213", 0);
    expect_frame(tp, "300201cccccccccc", 0);
    feed(tp, "231415161718191a", 0);
    expect_message(tp, "000102030405060708090a0b0c0d0e0f101112131415161718191a");
    expect_quiet(tp, 0);
}

static void test_isotp_receive_last_frame_may_be_short_or_padded(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    for (int padded = 0; padded < 2; padded++) {
        feed(tp, "1008000102030405", 0);
        (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
        (void)expect_frame_start(tp, "300000", 0);
        feed(tp, padded ? "210607ffffffffff" : "210607", 0);
        expect_message(tp, "0001020304050607");
    }
}

static void test_isotp_receive_32_bit_length_up_to_the_cap(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    assert_int_equal(ct_isotp_init(&f.tp, &config, f.rx, 10000, f.tx, sizeof f.tx), CT_OK);
    struct ct_isotp *tp = &f.tp;
    feed(tp, "1000000027100001", 0); /* 10000: fits exactly */
    assert_int_equal(expect_event(tp, CT_ISOTP_FIRST_FRAME).len, 10000);
    (void)expect_frame_start(tp, "300000", 0);
    feed(tp, "1000000027110001", 0); /* one more: refused, and the one before is cut off */
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_UNEXP_PDU);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_BUFFER_OVFLW);
    (void)expect_frame_start(tp, "320000", 0);
    feed(tp, "1000ffffffff0001", 0);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_BUFFER_OVFLW);
    (void)expect_frame_start(tp, "320000", 0);
    feed(tp, "2100010203040506", 0);
    expect_no_event(tp);
    feed(tp, "1000000000140001", 0); /* 20 in the long form: unusual, taken */
    assert_int_equal(expect_event(tp, CT_ISOTP_FIRST_FRAME).len, 20);
}

static void test_isotp_receive_drops_impossible_first_frames(void **state)
{
    (void)state;
    static const char *const frames[] = {"1014", "10140001020304", "1007000102030405", "1000000000000001",
                                         "1000000000070001"};
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        feed(tp, frames[i], 0);
        expect_no_event(tp);
        expect_quiet(tp, 0);
    }
    tp = fixture_init(&f, fd_config(64));
    feed(tp, "100a00010203040506070809", 0); /* 10 bytes would fit a single frame of 12 */
    expect_no_event(tp);
    feed(tp, "100b00010203040506070809", 0);
    assert_int_equal(expect_event(tp, CT_ISOTP_FIRST_FRAME).len, 11);
}

static void test_isotp_receive_consecutive_frame_length_must_follow_the_first(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, fd_config(64));
    feed(tp, "101e00010203040506070809", 0); /* 30 bytes, RX_DL 12 */
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "210a0b0c0d0e0f1011121314cccccccc", 0); /* 16 */
    feed(tp, "210a0b0c0d0e0f10", 0);                 /* 8 in the middle */
    feed(tp, "210a0b0c0d0e0f1011121314", 0);
    feed(tp, "2215161718191a1b", 0); /* too short for the rest */
    feed(tp, "2215161718191a1b1c1dcccc", 0);
    expect_message(tp, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d");
}

static void test_isotp_receive_wrong_sequence_number_aborts_without_flow_control(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "101b000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "22060708090a0b0c", 0);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_WRONG_SN);
    expect_quiet(tp, 0);
    feed(tp, "21060708090a0b0c", 0); /* idle again: ignored */
    expect_no_event(tp);
}

static void test_isotp_receive_single_frame_interrupts_segmented(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "101b000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    feed(tp, "0111", 0);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_UNEXP_PDU);
    expect_message(tp, "11");
    expect_quiet(tp, 0); /* the flow control of the old one is gone too */
}

static void test_isotp_receive_first_frame_interrupts_segmented(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "101b000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "1008aabbccddeeff", 0);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_UNEXP_PDU);
    assert_int_equal(expect_event(tp, CT_ISOTP_FIRST_FRAME).len, 8);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "211122", 0);
    expect_message(tp, "aabbccddeeff1122");
}

static void test_isotp_receive_times_out_after_flow_control_and_between_frames(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    for (int frames = 0; frames < 2; frames++) {
        const ct_ns at = frames * 10000 * MS;
        feed(tp, "101b000102030405", at);
        (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
        (void)expect_frame_start(tp, "30", at);
        if (frames == 1) {
            feed(tp, "21060708090a0b0c", at + 500 * MS);
        }
        const ct_ns ends = at + frames * 500 * MS + 1000 * MS;
        assert_true(ct_isotp_tick(tp, ends - 1) == ends);
        expect_no_event(tp);
        (void)ct_isotp_tick(tp, ends);
        expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_TIMEOUT_CR);
        feed(tp, "0133", ends);
        expect_message(tp, "33");
    }
}

static void test_isotp_receive_times_out_when_flow_control_cannot_be_sent(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "101b000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)ct_isotp_tick(tp, 1000 * MS);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_TIMEOUT_A);
    expect_quiet(tp, 1000 * MS);
}

static void test_isotp_receive_functional_takes_single_frames_and_never_answers(void **state)
{
    (void)state;
    struct ct_isotp_config config = ct_isotp_config_usual(0x7E8, 0x7DF);
    config.functional = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed(tp, "101b000102030405", 0);
    expect_no_event(tp);
    expect_quiet(tp, 0);
    feed(tp, "023e80", 0);
    expect_message(tp, "3e80");
}

static void test_isotp_receive_unknown_frame_types_are_ignored_in_every_state(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "4011223344556677", 0);
    feed(tp, "2111223344556677", 0);
    feed(tp, "101b000102030405", 0);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    (void)expect_frame_start(tp, "30", 0);
    feed(tp, "f011223344556677", 0);
    feed(tp, "300000", 0);
    expect_no_event(tp);
    uint8_t byte = 0;
    assert_int_equal(ct_isotp_send(tp, &byte, 1, 0), CT_ERR_BUSY);
}

static void test_isotp_receive_events_nobody_takes_are_bounded(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    for (int i = 0; i < 10; i++) {
        feed(tp, "0111", 0);
    }
    assert_int_equal(tp->event_count, CT_ISOTP_EVENT_MAX);
    assert_int_equal(tp->events_lost, 10 - CT_ISOTP_EVENT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_receive_single_frames_of_1_to_7_bytes),
        cmocka_unit_test(test_isotp_receive_drops_impossible_single_frames),
        cmocka_unit_test(test_isotp_receive_fd_single_frames),
        cmocka_unit_test(test_isotp_receive_classic_pair_ignores_fd_remote_error_and_other_frames),
        cmocka_unit_test(test_isotp_receive_segmented_message_asks_with_its_own_parameters),
        cmocka_unit_test(test_isotp_receive_last_frame_may_be_short_or_padded),
        cmocka_unit_test(test_isotp_receive_32_bit_length_up_to_the_cap),
        cmocka_unit_test(test_isotp_receive_drops_impossible_first_frames),
        cmocka_unit_test(test_isotp_receive_consecutive_frame_length_must_follow_the_first),
        cmocka_unit_test(test_isotp_receive_wrong_sequence_number_aborts_without_flow_control),
        cmocka_unit_test(test_isotp_receive_single_frame_interrupts_segmented),
        cmocka_unit_test(test_isotp_receive_first_frame_interrupts_segmented),
        cmocka_unit_test(test_isotp_receive_times_out_after_flow_control_and_between_frames),
        cmocka_unit_test(test_isotp_receive_times_out_when_flow_control_cannot_be_sent),
        cmocka_unit_test(test_isotp_receive_functional_takes_single_frames_and_never_answers),
        cmocka_unit_test(test_isotp_receive_unknown_frame_types_are_ignored_in_every_state),
        cmocka_unit_test(test_isotp_receive_events_nobody_takes_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
