/* Frame lengths against the numbers that ISO 11898-1's frame formats give (and the literature repeats: 47 + 8n bits, at
 * most 135 for a standard frame of 8 bytes, 67 + 8n and 160 for an extended one). */
#include "bus_load.h"
#include "testing.h"

static void test_frame_bits_classic_match_the_closed_form(void **state)
{
    (void)state;
    for (unsigned len = 0; len <= 8; len++) {
        const struct ct_frame standard = {.len = (uint8_t)len};
        const struct ct_frame extended = {.flags = CT_FRAME_EXT, .len = (uint8_t)len};
        assert_int_equal(ct_frame_bits(&standard).nominal, 47 + 8 * len);
        assert_int_equal(ct_frame_bits(&extended).nominal, 67 + 8 * len);
        assert_int_equal(ct_frame_bits(&standard).nominal_stuff_max, (34 + 8 * len - 1) / 4);
        assert_int_equal(ct_frame_bits(&standard).data, 0);
    }
    const struct ct_frame longest = {.len = 8};
    const struct ct_frame longest_ext = {.flags = CT_FRAME_EXT, .len = 8};
    assert_int_equal(ct_frame_bits(&longest).nominal + ct_frame_bits(&longest).nominal_stuff_max, 135);
    assert_int_equal(ct_frame_bits(&longest_ext).nominal + ct_frame_bits(&longest_ext).nominal_stuff_max, 160);
}

static void test_frame_bits_remote_has_no_data_and_error_nothing(void **state)
{
    (void)state;
    const struct ct_frame remote = {.flags = CT_FRAME_RTR, .len = 8};
    const struct ct_frame error = {.flags = CT_FRAME_ERR, .len = 8};
    assert_int_equal(ct_frame_bits(&remote).nominal, 47);
    assert_int_equal(ct_frame_bits(&error).nominal, 0);
    assert_int_equal(ct_frame_bits(&error).nominal_stuff_max, 0);
}

static void test_frame_bits_fd_split_at_the_rate_switch(void **state)
{
    (void)state;
    /* SOF 1, id 11, RRS, IDE, FDF, res, BRS: 17; CRC delimiter 1, ACK 2, EOF 7, intermission 3: 13. ESI, DLC: 5; stuff
     * count 4, CRC 17 with a fixed stuff bit before every fourth: 6; CRC 21: 7. */
    const struct ct_frame fd16 = {.flags = CT_FRAME_FD | CT_FRAME_BRS, .len = 16};
    assert_int_equal(ct_frame_bits(&fd16).nominal, 30);
    assert_int_equal(ct_frame_bits(&fd16).data, 5 + 128 + 4 + 17 + 6);
    const struct ct_frame fd64 = {.flags = CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_EXT, .len = 64};
    assert_int_equal(ct_frame_bits(&fd64).nominal, 49);
    assert_int_equal(ct_frame_bits(&fd64).data, 5 + 512 + 4 + 21 + 7);
    const struct ct_frame slow = {.flags = CT_FRAME_FD, .len = 16};
    assert_int_equal(ct_frame_bits(&slow).nominal, 30 + 160);
    assert_int_equal(ct_frame_bits(&slow).data, 0);
}

static void test_bus_load_percent_of_a_window(void **state)
{
    (void)state;
    struct ct_bus_load load;
    ct_bus_load_init(&load, 0);
    ct_bus_load_set_rates(&load, 500000, 0);
    assert_true(load.percent < 0);
    /* 1000 standard frames of 8 bytes, each 111 bits and half of 24 stuff bits: 123,000 of 500,000 bits. */
    const struct ct_frame frame = {.len = 8};
    for (int i = 0; i < 1000; i++) {
        ct_bus_load_frame(&load, &frame);
    }
    assert_false(ct_bus_load_tick(&load, CT_NS_PER_S - 1));
    assert_true(ct_bus_load_tick(&load, CT_NS_PER_S));
    assert_true(load.percent > 24.599 && load.percent < 24.601);
    /* A silent window of two seconds is 0. */
    assert_true(ct_bus_load_tick(&load, 3 * CT_NS_PER_S));
    assert_true(load.percent == 0);
}

static void test_bus_load_data_phase_counts_at_its_own_rate(void **state)
{
    (void)state;
    struct ct_bus_load load;
    ct_bus_load_init(&load, 0);
    ct_bus_load_set_rates(&load, 500000, 2000000);
    const struct ct_frame frame = {.flags = CT_FRAME_FD | CT_FRAME_BRS, .len = 64};
    /* 30 + 4/2 bits at 500 kbit/s, 549 + 129/2 at 2 Mbit/s: 64 us + 306.75 us. */
    ct_bus_load_frame(&load, &frame);
    assert_true(load.busy_ns > 370749 && load.busy_ns < 370751);
}

static void test_bus_load_without_bit_rate_says_nothing(void **state)
{
    (void)state;
    struct ct_bus_load load;
    const struct ct_frame frame = {.len = 8};
    ct_bus_load_init(&load, 0);
    ct_bus_load_frame(&load, &frame);
    assert_false(ct_bus_load_tick(&load, 5 * CT_NS_PER_S));
    assert_true(load.percent < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_bits_classic_match_the_closed_form),
        cmocka_unit_test(test_frame_bits_remote_has_no_data_and_error_nothing),
        cmocka_unit_test(test_frame_bits_fd_split_at_the_rate_switch),
        cmocka_unit_test(test_bus_load_percent_of_a_window),
        cmocka_unit_test(test_bus_load_data_phase_counts_at_its_own_rate),
        cmocka_unit_test(test_bus_load_without_bit_rate_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
