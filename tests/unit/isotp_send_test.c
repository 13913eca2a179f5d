/* Sending side of ISO-TP. Expected frames are worked out by hand from ISO 15765-2:2016 tables 9 to 20. */
#include "isotp_fixture.h"

static struct fixture f;

static void test_isotp_send_single_frames_of_1_to_7_bytes(void **state)
{
    (void)state;
    static const char *const frames[] = {"0100cccccccccccc", "020001cccccccccc", "03000102cccccccc", "0400010203cccccc",
                                         "050001020304cccc", "06000102030405cc", "0700010203040506"};
    for (size_t len = 1; len <= 7; len++) {
        struct ct_isotp *tp = fixture_init(&f, classic_config());
        send_pattern(tp, len, 0);
        expect_frame(tp, frames[len - 1], 0);
        assert_int_equal(expect_event(tp, CT_ISOTP_SENT).len, len);
        expect_quiet(tp, 0);
    }
}

static void test_isotp_send_without_padding_keeps_frames_short(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.padding = false;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 2, 0);
    expect_frame(tp, "020001", 0);
    send_pattern(tp, 8, 0);
    expect_frame(tp, "1008000102030405", 0);
    feed(tp, "300000", 0);
    expect_frame(tp, "210607", 0);
}

static void test_isotp_send_fd_single_frame_escapes_above_7_bytes(void **state)
{
    (void)state;
    static const struct {
        uint8_t tx_dl, len, frame_len;
        const char *start;
    } cases[] = {
        {12, 7, 8, "0700"},   {12, 8, 12, "000800"},  {12, 10, 12, "000a00"}, {16, 14, 16, "000e00"},
        {20, 18, 20, "0012"}, {24, 22, 24, "0016"},   {32, 30, 32, "001e"},   {48, 46, 48, "002e"},
        {64, 62, 64, "003e"}, {64, 11, 16, "000b00"}, {64, 1, 8, "0100cc"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_isotp *tp = fixture_init(&f, fd_config(cases[i].tx_dl));
        send_pattern(tp, cases[i].len, 0);
        assert_int_equal(expect_frame_start(tp, cases[i].start, 0), cases[i].frame_len);
        assert_int_equal(expect_event(tp, CT_ISOTP_SENT).len, cases[i].len);
    }
}

static void test_isotp_send_first_frame_lengths_8_4095_4096_10000_66000(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        const char *frame;
    } cases[] = {{8, "1008000102030405"},
                 {4095, "1fff000102030405"},
                 {4096, "1000000010000001"},
                 {10000, "1000000027100001"},
                 {66000, "1000000101d00001"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_isotp *tp = fixture_init(&f, classic_config());
        send_pattern(tp, cases[i].len, 0);
        expect_frame(tp, cases[i].frame, 0);
        expect_quiet(tp, 0);
    }
}

static void test_isotp_send_first_frame_fills_tx_dl_12_to_64(void **state)
{
    (void)state;
    static const uint8_t lengths[] = {12, 16, 20, 24, 32, 48, 64};
    for (size_t i = 0; i < sizeof lengths; i++) {
        struct ct_isotp *tp = fixture_init(&f, fd_config(lengths[i]));
        send_pattern(tp, 200, 0);
        assert_int_equal(expect_frame_start(tp, "10c8000102", 0), lengths[i]);
        feed(tp, "300000", 0);
        assert_int_equal(expect_frame_start(tp, "21", 0), lengths[i]);
    }
}

static void test_isotp_send_sequence_number_wraps_from_15_to_0(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 6 + 7 * 17, 0);
    (void)expect_frame_start(tp, "107d", 0);
    feed(tp, "300000", 0);
    for (unsigned i = 1; i <= 17; i++) {
        const uint8_t pci = (uint8_t)(0x20 | (i & 0xF));
        char start[3];
        ct_hex_encode(start, &pci, 1);
        (void)expect_frame_start(tp, start, 0);
    }
    (void)expect_event(tp, CT_ISOTP_SENT);
}

static void test_isotp_send_stops_after_every_block(void **state)
{
    (void)state;
    static const uint8_t sizes[] = {1, 8, 255};
    for (size_t i = 0; i < sizeof sizes; i++) {
        struct ct_isotp *tp = fixture_init(&f, classic_config());
        send_pattern(tp, 4095, 0);
        (void)expect_frame_start(tp, "1fff", 0);
        for (unsigned block = 0; block < 2; block++) {
            struct ct_frame fc = frame_of(0x7E8, "300000", false);
            fc.data[1] = sizes[i];
            (void)ct_isotp_receive(tp, &fc, 0);
            for (unsigned n = 0; n < sizes[i]; n++) {
                (void)expect_frame_start(tp, "2", 0);
            }
            expect_quiet(tp, 0);
        }
    }
}

static void test_isotp_send_honours_st_min_of_every_flow_control(void **state)
{
    (void)state;
    /* given a block size of 2 and another STmin in the second flow control */
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 6 + 7 * 6, 0);
    (void)expect_frame_start(tp, "1030", 0);
    feed(tp, "30020a", 0);
    (void)expect_frame_start(tp, "21", 0); /* no STmin between flow control and the first frame */
    expect_quiet(tp, 10 * MS - 1);
    assert_true(ct_isotp_tick(tp, 1) == 10 * MS);
    (void)expect_frame_start(tp, "22", 10 * MS);
    feed(tp, "3002f5", 20 * MS);
    (void)expect_frame_start(tp, "23", 20 * MS);
    expect_quiet(tp, 20 * MS + 499999);
    (void)expect_frame_start(tp, "24", 20 * MS + 500000);
}

static void test_isotp_st_min_codes_follow_table_20(void **state)
{
    (void)state;
    static const struct {
        uint8_t code;
        uint32_t us;
    } cases[] = {{0x00, 0},      {0x01, 1000},   {0x7F, 127000}, {0xF1, 100},    {0xF5, 500},   {0xF9, 900},
                 {0x80, 127000}, {0xF0, 127000}, {0xFA, 127000}, {0xFF, 127000}, {0x14, 20000}, {0xF2, 200}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ct_isotp_st_min_decode_us(cases[i].code), cases[i].us);
    }
    assert_int_equal(ct_isotp_st_min_encode(0), 0x00);
    assert_int_equal(ct_isotp_st_min_encode(1), 0xF1);
    assert_int_equal(ct_isotp_st_min_encode(850), 0xF9);
    assert_int_equal(ct_isotp_st_min_encode(950), 0x01); /* never less than asked for */
    assert_int_equal(ct_isotp_st_min_encode(1001), 0x02);
    assert_int_equal(ct_isotp_st_min_encode(500000), 0x7F);
}

static void test_isotp_send_keeps_its_own_floor_under_st_min(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.st_min_floor_us = 3000;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 30, 0);
    (void)expect_frame_start(tp, "101e", 0);
    feed(tp, "300001", 0);
    (void)expect_frame_start(tp, "21", 0);
    expect_quiet(tp, 3 * MS - 1);
    (void)expect_frame_start(tp, "22", 3 * MS);
}

static void test_isotp_send_waits_as_often_as_allowed_then_goes_on(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.wait_max = 3;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 20, 0);
    (void)expect_frame_start(tp, "1014", 0);
    for (int i = 1; i <= 3; i++) {
        feed(tp, "310000", i * 900 * MS); /* each WAIT restarts N_Bs */
        (void)ct_isotp_tick(tp, i * 900 * MS + 899 * MS);
        expect_no_event(tp);
    }
    feed(tp, "300000", 3500 * MS);
    (void)expect_frame_start(tp, "21", 3500 * MS);
}

static void test_isotp_send_gives_up_after_too_many_waits(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.wait_max = 2;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 20, 0);
    (void)expect_frame_start(tp, "1014", 0);
    for (int i = 0; i < 3; i++) {
        feed(tp, "310000", 0);
    }
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_WFT_OVRN);
    expect_quiet(tp, 0);
}

static void test_isotp_send_reports_overflow_and_invalid_status(void **state)
{
    (void)state;
    static const struct {
        const char *fc;
        enum ct_isotp_result result;
    } cases[] = {{"320000", CT_ISOTP_BUFFER_OVFLW},
                 {"330000", CT_ISOTP_INVALID_FS},
                 {"3f0000", CT_ISOTP_INVALID_FS},
                 {"370000cccccccccc", CT_ISOTP_INVALID_FS}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_isotp *tp = fixture_init(&f, classic_config());
        send_pattern(tp, 20, 0);
        (void)expect_frame_start(tp, "1014", 0);
        feed(tp, cases[i].fc, 0);
        expect_failure(tp, CT_ISOTP_TX_FAILED, cases[i].result);
        expect_quiet(tp, 0);
    }
}

static void test_isotp_send_times_out_without_flow_control_then_recovers(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 20, 0);
    (void)expect_frame_start(tp, "1014", 5 * MS);
    assert_true(ct_isotp_tick(tp, 6 * MS) == 1005 * MS);
    expect_no_event(tp);
    (void)ct_isotp_tick(tp, 1005 * MS);
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_TIMEOUT_BS);
    feed(tp, "300000", 1006 * MS); /* too late: ignored */
    expect_quiet(tp, 1006 * MS);
    send_pattern(tp, 3, 1007 * MS);
    expect_frame(tp, "03000102cccccccc", 1007 * MS);
}

static void test_isotp_send_times_out_when_the_bus_takes_no_frame(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 3, 0);
    (void)ct_isotp_tick(tp, 1000 * MS);
    expect_failure(tp, CT_ISOTP_TX_FAILED, CT_ISOTP_TIMEOUT_A);
    expect_quiet(tp, 1000 * MS);
}

static void test_isotp_send_ignores_flow_control_nobody_waits_for(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    feed(tp, "300000", 0); /* idle */
    expect_quiet(tp, 0);
    send_pattern(tp, 6 + 7 * 3, 0);
    feed(tp, "320000", 0); /* before the first frame went out */
    (void)expect_frame_start(tp, "101b", 0);
    feed(tp, "3000", 0); /* too short to be one */
    expect_quiet(tp, 0);
    feed(tp, "30000a", 0);
    feed(tp, "300000", 0); /* a second flow control to one first frame changes nothing */
    (void)expect_frame_start(tp, "21", 0);
    expect_quiet(tp, 9 * MS);
    (void)expect_frame_start(tp, "22", 10 * MS);
    expect_no_event(tp);
}

static void test_isotp_send_segmented_listens_to_flow_control_only(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    send_pattern(tp, 20, 0);
    (void)expect_frame_start(tp, "1014", 0);
    feed(tp, "023e00cccccccccc", 0);
    feed(tp, "1014000102030405", 0);
    feed(tp, "2100010203040506", 0);
    expect_no_event(tp);
    expect_quiet(tp, 0);
    feed(tp, "300000", 0);
    (void)expect_frame_start(tp, "21", 0);
}

static void test_isotp_send_refuses_what_cannot_be_sent(void **state)
{
    (void)state;
    uint8_t data[100] = {0};
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    assert_int_equal(ct_isotp_send(tp, data, 0, 0), CT_ERR_ARGUMENT);
    assert_int_equal(ct_isotp_send(tp, data, 70001, 0), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_isotp_send(tp, data, 1, 0), CT_OK);
    assert_int_equal(ct_isotp_send(tp, data, 1, 0), CT_ERR_BUSY);
    struct ct_isotp_config functional = ct_isotp_config_usual(0x7DF, 0x7E8);
    functional.functional = true;
    tp = fixture_init(&f, functional);
    assert_int_equal(ct_isotp_send(tp, data, 8, 0), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_isotp_send(tp, data, 7, 0), CT_OK);
}

static void test_isotp_send_29_bit_frames_carry_the_flag(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, ct_isotp_config_usual(0x18DA10F1, 0x18DAF110));
    send_pattern(tp, 1, 0);
    struct ct_frame frame;
    assert_int_equal(ct_isotp_next_frame(tp, &frame, 0), CT_OK);
    assert_int_equal(frame.id, 0x18DA10F1);
    assert_int_equal(frame.flags, CT_FRAME_EXT);
}

static void test_isotp_init_refuses_impossible_settings(void **state)
{
    (void)state;
    struct ct_isotp_config bad[5];
    for (size_t i = 0; i < 5; i++) {
        bad[i] = classic_config();
    }
    bad[0].tx_id = 0x800;
    bad[1].tx_dl = 12; /* without fd */
    bad[2].fd = true;
    bad[2].tx_dl = 13;
    bad[3].tx_dl = 7;
    bad[4].extended = true;
    bad[4].rx_id = 0x20000000;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(ct_isotp_init(&f.tp, &bad[i], f.rx, 10, f.tx, 10), CT_ERR_ARGUMENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_send_single_frames_of_1_to_7_bytes),
        cmocka_unit_test(test_isotp_send_without_padding_keeps_frames_short),
        cmocka_unit_test(test_isotp_send_fd_single_frame_escapes_above_7_bytes),
        cmocka_unit_test(test_isotp_send_first_frame_lengths_8_4095_4096_10000_66000),
        cmocka_unit_test(test_isotp_send_first_frame_fills_tx_dl_12_to_64),
        cmocka_unit_test(test_isotp_send_sequence_number_wraps_from_15_to_0),
        cmocka_unit_test(test_isotp_send_stops_after_every_block),
        cmocka_unit_test(test_isotp_send_honours_st_min_of_every_flow_control),
        cmocka_unit_test(test_isotp_st_min_codes_follow_table_20),
        cmocka_unit_test(test_isotp_send_keeps_its_own_floor_under_st_min),
        cmocka_unit_test(test_isotp_send_waits_as_often_as_allowed_then_goes_on),
        cmocka_unit_test(test_isotp_send_gives_up_after_too_many_waits),
        cmocka_unit_test(test_isotp_send_reports_overflow_and_invalid_status),
        cmocka_unit_test(test_isotp_send_times_out_without_flow_control_then_recovers),
        cmocka_unit_test(test_isotp_send_times_out_when_the_bus_takes_no_frame),
        cmocka_unit_test(test_isotp_send_ignores_flow_control_nobody_waits_for),
        cmocka_unit_test(test_isotp_send_segmented_listens_to_flow_control_only),
        cmocka_unit_test(test_isotp_send_refuses_what_cannot_be_sent),
        cmocka_unit_test(test_isotp_send_29_bit_frames_carry_the_flag),
        cmocka_unit_test(test_isotp_init_refuses_impossible_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
