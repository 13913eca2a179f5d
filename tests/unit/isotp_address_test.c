/* Addressing of ISO-TP: ISO 15765-2:2016 10.3, one case per mode; the frames are written by hand from its tables. And
 * who may own an address. */
#include "isotp_claims.h"
#include "isotp_fixture.h"

static struct fixture f;

static struct ct_frame frame_ext(uint32_t id, const char *hex)
{
    struct ct_frame frame = frame_of(id, hex, false);
    frame.flags = CT_FRAME_EXT;
    return frame;
}

/* --- 10.3.3 normal fixed --- */

static void test_isotp_normal_fixed_ids_are_target_then_source(void **state)
{
    (void)state;
    const struct ct_isotp_config config = ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 0xF1, 0x10);
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 2, 0);
    struct ct_frame out;
    assert_int_equal(ct_isotp_next_frame(tp, &out, 0), CT_OK);
    assert_int_equal(out.id, 0x18DA10F1);
    assert_int_equal(out.flags, CT_FRAME_EXT);
    (void)expect_event(tp, CT_ISOTP_SENT);
    const struct ct_isotp_config functional = ct_isotp_config_functional(&config, 0x33);
    tp = fixture_init(&f, functional);
    send_pattern(tp, 2, 0);
    assert_int_equal(ct_isotp_next_frame(tp, &out, 0), CT_OK);
    assert_int_equal(out.id, 0x18DB33F1);
}

static void test_isotp_normal_fixed_takes_any_priority_but_no_other_address(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 0xF1, 0x10));
    for (uint32_t priority = 0; priority < 8; priority++) {
        const struct ct_frame frame = frame_ext(0x00DAF110 | priority << 26, "0150");
        assert_true(ct_isotp_receive(tp, &frame, 0));
        expect_message(tp, "50");
    }
    static const uint32_t others[] = {0x18DAF111, 0x18DAF210, 0x18DBF110, 0x19DAF110, 0x18CEF110, 0x1ADAF110};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        const struct ct_frame frame = frame_ext(others[i], "0150");
        assert_false(ct_isotp_receive(tp, &frame, 0));
    }
}

static void test_isotp_normal_29_bit_ids_are_opaque(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, ct_isotp_config_usual(0x18DA10F1, 0x18DAF110));
    const struct ct_frame other_priority = frame_ext(0x0CDAF110, "0150");
    assert_false(ct_isotp_receive(tp, &other_priority, 0));
}

/* --- 10.3.4 extended, 10.3.5 mixed: one byte less in every frame --- */

static struct ct_isotp_config with_byte(enum ct_isotp_mode mode)
{
    struct ct_isotp_config config = classic_config();
    if (mode == CT_ISOTP_MIXED_29) {
        config = ct_isotp_config_fixed(mode, 0xF1, 0x10);
    }
    config.tx_mode = mode;
    config.rx_mode = mode;
    config.tx_byte = 0x99;
    config.rx_byte = 0x55;
    return config;
}

static void feed_from(struct ct_isotp *tp, const char *hex)
{
    struct ct_frame frame = frame_of(tp->config.rx_id, hex, tp->config.fd);
    frame.flags |= tp->config.extended ? CT_FRAME_EXT : 0;
    assert_true(ct_isotp_receive(tp, &frame, 0));
}

static void test_isotp_address_byte_comes_first_in_every_frame(void **state)
{
    (void)state;
    static const enum ct_isotp_mode modes[] = {CT_ISOTP_EXTENDED, CT_ISOTP_MIXED_11, CT_ISOTP_MIXED_29};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct ct_isotp *tp = fixture_init(&f, with_byte(modes[i]));
        send_pattern(tp, 6, 0);
        expect_frame(tp, "9906000102030405", 0);
        (void)expect_event(tp, CT_ISOTP_SENT);
        send_pattern(tp, 12, 0); /* 7 no longer fit one frame */
        expect_frame(tp, "99100c0001020304", 0);
        feed_from(tp, "55300000aaaaaaaa");
        expect_frame(tp, "992105060708090a", 0);
        expect_frame(tp, "99220bcccccccccc", 0);
        (void)expect_event(tp, CT_ISOTP_SENT);
        feed_from(tp, "5506111213141516");
        expect_message(tp, "111213141516");
        feed_from(tp, "5510070102030405");
        (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
        expect_frame(tp, "99300000cccccccc", 0); /* flow control carries the peer's byte */
        feed_from(tp, "55210607");
        expect_message(tp, "01020304050607");
    }
}

static void test_isotp_address_byte_of_somebody_else_is_not_ours(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, with_byte(CT_ISOTP_EXTENDED));
    const struct ct_frame others[] = {frame_of(0x7E8, "54023e00", false), frame_of(0x7E8, "023e00", false),
                                      frame_of(0x7E8, "", false)};
    for (size_t i = 0; i < 3; i++) {
        assert_false(ct_isotp_receive(tp, &others[i], 0));
    }
    expect_no_event(tp);
}

static void test_isotp_address_byte_impossible_frames_are_dropped(void **state)
{
    (void)state;
    static const char *const frames[] = {"55",     "5500",        "5507010203040506", "551006010203aabb",
                                         "55300a", "551007010203"};
    struct ct_isotp *tp = fixture_init(&f, with_byte(CT_ISOTP_MIXED_11));
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        feed_from(tp, frames[i]);
        expect_no_event(tp);
        expect_quiet(tp, 0);
    }
}

static void test_isotp_address_byte_32_bit_length(void **state)
{
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, with_byte(CT_ISOTP_EXTENDED));
    send_pattern(tp, 4095, 0);
    expect_frame(tp, "991fff0001020304", 0);
    ct_isotp_reset(tp);
    send_pattern(tp, 4096, 0);
    expect_frame(tp, "9910000000100000", 0);
}

static void test_isotp_address_byte_in_fd_frames(void **state)
{
    (void)state;
    static const struct {
        uint8_t tx_dl, len, frame_len;
        const char *start;
    } cases[] = {{64, 6, 8, "9906"},     {64, 7, 12, "990007"}, {64, 61, 64, "99003d"},
                 {64, 62, 64, "99103e"}, {12, 9, 12, "990009"}, {12, 10, 12, "99100a"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_isotp_config config = with_byte(CT_ISOTP_EXTENDED);
        config.fd = true;
        config.tx_dl = cases[i].tx_dl;
        struct ct_isotp *tp = fixture_init(&f, config);
        send_pattern(tp, cases[i].len, 0);
        assert_int_equal(expect_frame_start(tp, cases[i].start, 0), cases[i].frame_len);
    }
    struct ct_isotp_config config = with_byte(CT_ISOTP_EXTENDED);
    config.fd = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed_from(tp, "550007010203040506070000"); /* the escape starts one byte earlier: 7 do not fit 0L */
    expect_message(tp, "01020304050607");
    feed_from(tp, "550006010203040506070000");
    expect_no_event(tp);
}

/* --- directions that differ --- */

static void test_isotp_asymmetric_11_bit_there_29_bit_back(void **state)
{
    (void)state;
    struct ct_isotp_config config = ct_isotp_config_usual(0x123, 0x456);
    config.rx_id = 0x18DAF110;
    config.rx_id_bits = 29;
    config.rx_mode = CT_ISOTP_NORMAL_FIXED;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 8, 0);
    struct ct_frame out;
    assert_int_equal(ct_isotp_next_frame(tp, &out, 0), CT_OK);
    assert_int_equal(out.id, 0x123);
    assert_int_equal(out.flags, 0);
    struct ct_frame frame = frame_ext(0x0CDAF110, "300000");
    assert_true(ct_isotp_receive(tp, &frame, 0));
    expect_frame(tp, "210607cccccccccc", 0);
    const struct ct_frame narrow = frame_of(0x123, "0150", false);
    assert_false(ct_isotp_receive(tp, &narrow, 0));
}

static void test_isotp_asymmetric_extended_there_normal_back(void **state)
{
    (void)state;
    struct ct_isotp_config config = classic_config();
    config.tx_mode = CT_ISOTP_EXTENDED;
    config.tx_byte = 0x10;
    struct ct_isotp *tp = fixture_init(&f, config);
    send_pattern(tp, 7, 0);
    expect_frame(tp, "1010070001020304", 0);
    feed_from(tp, "300000");
    expect_frame(tp, "10210506cccccccc", 0);
    (void)expect_event(tp, CT_ISOTP_SENT);
    feed_from(tp, "0711121314151617"); /* a full normal frame */
    expect_message(tp, "11121314151617");
}

static void test_isotp_init_refuses_modes_and_ids_that_do_not_fit(void **state)
{
    (void)state;
    struct ct_isotp_config bad[6];
    for (size_t i = 0; i < 6; i++) {
        bad[i] = classic_config();
    }
    bad[0].tx_mode = CT_ISOTP_NORMAL_FIXED; /* 11-bit */
    bad[1].rx_mode = CT_ISOTP_MIXED_29;
    bad[2] = ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 1, 2);
    bad[2].rx_mode = CT_ISOTP_MIXED_29; /* its id is 18DA */
    bad[3] = ct_isotp_config_usual(0x18DA10F1, 0x18DAF110);
    bad[3].tx_mode = CT_ISOTP_MIXED_11;
    bad[4].rx_id_bits = 12;
    bad[5].st_min_floor_us = 2000;
    bad[5].st_min_ceiling_us = 1000;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(ct_isotp_init(&f.tp, &bad[i], f.rx, 10, f.tx, 10), CT_ERR_ARGUMENT);
    }
}

/* Functional (10.3.1): single frames only, flow control never, not even for a first frame that is answered physically.
 */
static void test_isotp_functional_ignores_first_frames(void **state)
{
    (void)state;
    struct ct_isotp_config config = ct_isotp_config_usual(0x7E8, 0x7DF);
    config.functional = true;
    struct ct_isotp *tp = fixture_init(&f, config);
    feed_from(tp, "1014010203040506");
    expect_no_event(tp);
    expect_quiet(tp, 0);
    feed_from(tp, "023e80cccccccccc");
    expect_message(tp, "3e80");
    expect_quiet(tp, 0);
}

/* A receiver of functional requests of every tester: bits of the id that do not count. */
static void test_isotp_functional_fixed_of_any_source(void **state)
{
    (void)state;
    struct ct_isotp_config config = ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 0x10, 0xF1);
    config.rx_id = 0x18DB33F1;
    config.functional = true;
    config.rx_id_ignored = 0xFF;
    struct ct_isotp *tp = fixture_init(&f, config);
    const struct ct_frame frame = frame_ext(0x18DB33F9, "013e");
    assert_true(ct_isotp_receive(tp, &frame, 0));
    expect_message(tp, "3e");
}

/* --- ownership --- */

static struct ct_isotp_claims *claims;

static void test_isotp_claims_one_owner_per_pair_and_bus(void **state)
{
    (void)state;
    int first;
    int second;
    void *who = NULL;
    const struct ct_isotp_config pair = ct_isotp_config_usual(0x7E0, 0x7E8);
    assert_int_equal(ct_isotp_claims_create(4, &claims), CT_OK);
    assert_int_equal(ct_isotp_claim(claims, 0, &pair, &first, NULL), CT_OK);
    assert_int_equal(ct_isotp_claim(claims, 0, &pair, &second, &who), CT_ERR_BUSY);
    assert_ptr_equal(who, &first);
    const struct ct_isotp_config half = ct_isotp_config_usual(0x700, 0x7E8); /* one direction is enough */
    assert_int_equal(ct_isotp_claim(claims, 0, &half, &second, NULL), CT_ERR_BUSY);
    const struct ct_isotp_config swapped = ct_isotp_config_usual(0x7E8, 0x7E0); /* the ECU in the same process */
    assert_int_equal(ct_isotp_claim(claims, 0, &swapped, &second, NULL), CT_ERR_BUSY);
    assert_int_equal(ct_isotp_claim(claims, 1, &pair, &second, NULL), CT_OK);
    struct ct_frame frame = frame_of(0x7E8, "0150", false);
    assert_ptr_equal(ct_isotp_owner(claims, &frame), &first);
    frame.bus = 1;
    assert_ptr_equal(ct_isotp_owner(claims, &frame), &second);
    struct ct_frame sent = {.id = pair.tx_id, .len = 1, .bus = 0};
    assert_ptr_equal(ct_isotp_sender(claims, &sent), &first);
    assert_null(ct_isotp_owner(claims, &sent));
    sent.flags = CT_FRAME_SENT; /* an echo is the sender's too */
    assert_ptr_equal(ct_isotp_sender(claims, &sent), &first);
    sent.bus = 1;
    assert_ptr_equal(ct_isotp_sender(claims, &sent), &second);
    sent.id = pair.rx_id;
    assert_null(ct_isotp_sender(claims, &sent));
    assert_null(ct_isotp_owner(claims, &sent)); /* nobody else's echo is received */
    ct_isotp_release(claims, &first);
    frame.bus = 0;
    assert_null(ct_isotp_owner(claims, &frame));
    assert_int_equal(ct_isotp_claim(claims, 0, &half, &first, NULL), CT_OK);
    ct_isotp_claims_free(claims);
}

static void test_isotp_claims_tell_address_bytes_and_widths_apart(void **state)
{
    (void)state;
    int owners[4];
    assert_int_equal(ct_isotp_claims_create(4, &claims), CT_OK);
    struct ct_isotp_config byte = with_byte(CT_ISOTP_EXTENDED);
    assert_int_equal(ct_isotp_claim(claims, 0, &byte, &owners[0], NULL), CT_OK);
    byte.tx_byte = 0x98;
    byte.rx_byte = 0x54;
    assert_int_equal(ct_isotp_claim(claims, 0, &byte, &owners[1], NULL), CT_OK);
    const struct ct_isotp_config all = classic_config(); /* normal addressing would take every byte */
    assert_int_equal(ct_isotp_claim(claims, 0, &all, &owners[2], NULL), CT_ERR_BUSY);
    const struct ct_isotp_config fixed = ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 0xF1, 0x10);
    assert_int_equal(ct_isotp_claim(claims, 0, &fixed, &owners[2], NULL), CT_OK);
    const struct ct_isotp_config opaque = ct_isotp_config_usual(0x0CDA10F1, 0x0CDAF110); /* the same with priority 3 */
    assert_int_equal(ct_isotp_claim(claims, 0, &opaque, &owners[3], NULL), CT_ERR_BUSY);
    struct ct_frame frame = frame_of(0x7E8, "540150", false);
    assert_ptr_equal(ct_isotp_owner(claims, &frame), &owners[1]);
    frame.data[0] = 0x55;
    assert_ptr_equal(ct_isotp_owner(claims, &frame), &owners[0]);
    frame.data[0] = 0x56;
    assert_null(ct_isotp_owner(claims, &frame));
    frame = frame_ext(0x0CDAF110, "0150");
    assert_ptr_equal(ct_isotp_owner(claims, &frame), &owners[2]);
    frame.flags |= CT_FRAME_SENT;
    assert_null(ct_isotp_owner(claims, &frame));
    ct_isotp_claims_free(claims);
}

static void test_isotp_claims_full_then_released(void **state)
{
    (void)state;
    static int owners[300];
    assert_int_equal(ct_isotp_claims_create(256, &claims), CT_OK);
    for (uint32_t i = 0; i < 256; i++) {
        const struct ct_isotp_config pair = ct_isotp_config_usual(0x100 + 2 * i, 0x101 + 2 * i);
        assert_int_equal(ct_isotp_claim(claims, 0, &pair, &owners[i], NULL), CT_OK);
    }
    const struct ct_isotp_config more = ct_isotp_config_usual(0x7E0, 0x7E8);
    assert_int_equal(ct_isotp_claim(claims, 0, &more, &owners[299], NULL), CT_ERR_FULL);
    struct ct_isotp_config functional = ct_isotp_config_functional(&more, 0x7DF);
    functional.rx_id = 0; /* a sender only: costs nothing */
    assert_int_equal(ct_isotp_claim(claims, 0, &functional, &owners[299], NULL), CT_OK);
    for (uint32_t i = 0; i < 256; i++) {
        const struct ct_frame frame = frame_of(0x101 + 2 * i, "0150", false);
        assert_ptr_equal(ct_isotp_owner(claims, &frame), &owners[i]);
    }
    for (uint32_t i = 0; i < 256; i += 2) {
        ct_isotp_release(claims, &owners[i]);
    }
    for (uint32_t i = 0; i < 256; i++) {
        const struct ct_frame frame = frame_of(0x101 + 2 * i, "0150", false);
        assert_ptr_equal(ct_isotp_owner(claims, &frame), i % 2 == 0 ? NULL : &owners[i]);
    }
    ct_isotp_claims_free(claims);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_normal_fixed_ids_are_target_then_source),
        cmocka_unit_test(test_isotp_normal_fixed_takes_any_priority_but_no_other_address),
        cmocka_unit_test(test_isotp_normal_29_bit_ids_are_opaque),
        cmocka_unit_test(test_isotp_address_byte_comes_first_in_every_frame),
        cmocka_unit_test(test_isotp_address_byte_of_somebody_else_is_not_ours),
        cmocka_unit_test(test_isotp_address_byte_impossible_frames_are_dropped),
        cmocka_unit_test(test_isotp_address_byte_32_bit_length),
        cmocka_unit_test(test_isotp_address_byte_in_fd_frames),
        cmocka_unit_test(test_isotp_asymmetric_11_bit_there_29_bit_back),
        cmocka_unit_test(test_isotp_asymmetric_extended_there_normal_back),
        cmocka_unit_test(test_isotp_init_refuses_modes_and_ids_that_do_not_fit),
        cmocka_unit_test(test_isotp_functional_ignores_first_frames),
        cmocka_unit_test(test_isotp_functional_fixed_of_any_source),
        cmocka_unit_test(test_isotp_claims_one_owner_per_pair_and_bus),
        cmocka_unit_test(test_isotp_claims_tell_address_bytes_and_widths_apart),
        cmocka_unit_test(test_isotp_claims_full_then_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
