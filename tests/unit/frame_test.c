#include "frame.h"
#include "port.h"
#include "testing.h"

static const uint8_t iso_lengths[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 24, 32, 48, 64};

static void test_frame_every_dlc_matches_iso_11898_table(void **state)
{
    (void)state;
    for (uint8_t dlc = 0; dlc < 16; dlc++) {
        assert_int_equal(ct_frame_length_from_dlc(dlc, true), iso_lengths[dlc]);
        assert_int_equal(ct_frame_length_from_dlc(dlc, false), dlc > 8 ? 8 : dlc);
        assert_int_equal(ct_frame_dlc_from_length(iso_lengths[dlc]), dlc);
    }
}

static void test_frame_fd_length_is_the_smallest_that_holds(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 64; len++) {
        const uint8_t got = ct_frame_fd_length(len);
        assert_true(got >= len);
        for (int dlc = 0; dlc < 16; dlc++) {
            assert_true(iso_lengths[dlc] < len || got <= iso_lengths[dlc]);
        }
    }
    assert_int_equal(ct_frame_fd_length(1000), 64);
}

static void test_frame_valid_knows_what_fits_together(void **state)
{
    (void)state;
    const struct {
        uint32_t id;
        unsigned flags;
        uint8_t len;
        bool valid;
    } rows[] = {
        {0x7FF, 0, 8, true},
        {0x800, 0, 8, false},
        {0x1FFFFFFF, CT_FRAME_EXT, 8, true},
        {0x20000000, CT_FRAME_EXT, 8, false},
        {1, 0, 9, false},
        {1, CT_FRAME_FD, 9, false},
        {1, CT_FRAME_FD, 12, true},
        {1, CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_ESI, 64, true},
        {1, CT_FRAME_FD, 65, false},
        {1, CT_FRAME_BRS, 8, false},
        {1, CT_FRAME_ESI, 8, false},
        {1, CT_FRAME_RTR, 8, true},
        {1, CT_FRAME_RTR | CT_FRAME_FD, 8, false},
        {0x1FFFFFFF, CT_FRAME_ERR, 8, true},
        {1, CT_FRAME_ERR | CT_FRAME_RTR, 8, false},
        {1, CT_FRAME_SENT, 8, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ct_frame frame = {.id = rows[i].id, .flags = (uint16_t)rows[i].flags, .len = rows[i].len};
        assert_int_equal(ct_frame_valid(&frame), rows[i].valid);
    }
}

static void test_frame_same_ignores_stamps_bus_and_sent(void **state)
{
    (void)state;
    const struct ct_frame a = {.id = 5, .len = 2, .data = {1, 2}, .t_ns = 1, .bus = 1};
    struct ct_frame b = {.id = 5, .len = 2, .data = {1, 2, 9}, .t_ns = 2, .flags = CT_FRAME_SENT};
    assert_true(ct_frame_same(&a, &b));
    b.data[1] = 3;
    assert_false(ct_frame_same(&a, &b));
    b.data[1] = 2;
    b.flags = CT_FRAME_EXT;
    assert_false(ct_frame_same(&a, &b));
}

static void test_pair_full_queue_refuses_and_keeps_order(void **state)
{
    (void)state;
    struct ct_port *a;
    struct ct_port *b;
    struct ct_frame out[8];
    size_t n;
    assert_int_equal(ct_port_pair(3, &a, &b), CT_OK);
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < 3; i++) {
            const struct ct_frame frame = {.id = 10 * round + i};
            assert_int_equal(ct_port_write(a, &frame), CT_OK);
        }
        const struct ct_frame more = {.id = 99};
        assert_int_equal(ct_port_write(a, &more), CT_ERR_FULL);
        assert_int_equal(ct_port_read(b, out, 8, &n), CT_OK);
        assert_int_equal(n, 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(out[i].id, 10 * round + i);
        }
        assert_int_equal(ct_port_read(b, out, 8, &n), CT_ERR_AGAIN);
        assert_int_equal(n, 0);
    }
    assert_int_equal(a->stats.refused, 5);
    assert_int_equal(a->stats.sent, 15);
    assert_int_equal(b->stats.received, 15);
    ct_port_close(a);
    ct_port_close(b);
}

static void test_pair_closed_end_drains_then_reports_closed(void **state)
{
    (void)state;
    struct ct_port *a;
    struct ct_port *b;
    struct ct_frame out[2];
    size_t n;
    assert_int_equal(ct_port_pair(2, &a, &b), CT_OK);
    const struct ct_frame frame = {.id = 1};
    assert_int_equal(ct_port_write(a, &frame), CT_OK);
    ct_port_close(a);
    assert_int_equal(ct_port_read(b, out, 2, &n), CT_OK);
    assert_int_equal(n, 1);
    assert_int_equal(ct_port_read(b, out, 2, &n), CT_ERR_CLOSED);
    assert_int_equal(ct_port_write(b, &frame), CT_ERR_DOWN);
    ct_port_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frame_every_dlc_matches_iso_11898_table),
        cmocka_unit_test(test_frame_fd_length_is_the_smallest_that_holds),
        cmocka_unit_test(test_frame_valid_knows_what_fits_together),
        cmocka_unit_test(test_frame_same_ignores_stamps_bus_and_sent),
        cmocka_unit_test(test_pair_full_queue_refuses_and_keeps_order),
        cmocka_unit_test(test_pair_closed_end_drains_then_reports_closed),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
