/* Error frames as <linux/can/error.h> lays them out; the header's own constants are the independent source. */
#include "bus_health.h"
#include "testing.h"

#include <linux/can/error.h>

static struct ct_frame error_frame(uint32_t class, uint8_t detail, uint8_t tx, uint8_t rx, ct_ns t_ns)
{
    return (struct ct_frame){
        .id = class, .flags = CT_FRAME_ERR, .len = 8, .t_ns = t_ns, .data = {[1] = detail, [6] = tx, [7] = rx}};
}

static void test_bus_health_error_frames_move_the_state(void **state)
{
    (void)state;
    const struct {
        uint32_t class;
        uint8_t detail, tx, rx;
        enum ct_bus_state after;
        bool changed;
    } rows[] = {
        {CAN_ERR_CRTL | CAN_ERR_CNT, CAN_ERR_CRTL_RX_WARNING, 0, 97, CT_BUS_ERROR_WARNING, true},
        {CAN_ERR_CRTL | CAN_ERR_CNT, CAN_ERR_CRTL_TX_WARNING, 96, 97, CT_BUS_ERROR_WARNING, false},
        {CAN_ERR_CRTL | CAN_ERR_CNT, CAN_ERR_CRTL_TX_PASSIVE | CAN_ERR_CRTL_RX_WARNING, 128, 97, CT_BUS_ERROR_PASSIVE,
         true},
        {CAN_ERR_PROT | CAN_ERR_BUSERROR | CAN_ERR_CNT, 0, 136, 97, CT_BUS_ERROR_PASSIVE, false},
        {CAN_ERR_BUSOFF, 0, 0, 0, CT_BUS_OFF, true},
        {CAN_ERR_BUSOFF, 0, 0, 0, CT_BUS_OFF, false},
        {CAN_ERR_RESTARTED, 0, 0, 0, CT_BUS_ERROR_ACTIVE, true},
        {CAN_ERR_CRTL, CAN_ERR_CRTL_RX_PASSIVE, 0, 130, CT_BUS_ERROR_PASSIVE, true},
        {CAN_ERR_CRTL, CAN_ERR_CRTL_ACTIVE, 0, 0, CT_BUS_ERROR_ACTIVE, true},
        {CAN_ERR_CRTL, CAN_ERR_CRTL_UNSPEC, 0, 0, CT_BUS_ERROR_ACTIVE, false},
    };
    struct ct_bus_health health = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct ct_frame frame =
            error_frame(rows[i].class, rows[i].detail, rows[i].tx, rows[i].rx, 1000 * (ct_ns)(i + 1));
        assert_int_equal(ct_bus_health_frame(&health, &frame), rows[i].changed);
        assert_int_equal(health.state, rows[i].after);
        if (rows[i].changed) {
            assert_int_equal(health.since_ns, frame.t_ns);
        }
    }
    assert_int_equal(health.bus_offs, 1);
    assert_int_equal(health.restarts, 1);
    assert_int_equal(health.error_frames, sizeof rows / sizeof rows[0]);
}

static void test_bus_health_counters_follow_what_the_frame_says(void **state)
{
    (void)state;
    struct ct_bus_health health = {0};
    /* A kernel before 6.0 fills the counters in without CAN_ERR_CNT. */
    struct ct_frame frame = error_frame(CAN_ERR_CRTL, CAN_ERR_CRTL_TX_PASSIVE, 128, 5, 1);
    (void)ct_bus_health_frame(&health, &frame);
    assert_int_equal(health.tx_errors, 128);
    assert_int_equal(health.rx_errors, 5);
    /* Bytes 6 and 7 of a frame that does not speak of counters are no counters. */
    frame = error_frame(CAN_ERR_TX_TIMEOUT, 0, 9, 9, 2);
    (void)ct_bus_health_frame(&health, &frame);
    assert_int_equal(health.tx_errors, 128);
    /* Zero counts when it is said to. */
    frame = error_frame(CAN_ERR_CRTL | CAN_ERR_CNT, CAN_ERR_CRTL_ACTIVE, 0, 0, 3);
    (void)ct_bus_health_frame(&health, &frame);
    assert_int_equal(health.tx_errors, 0);
    assert_int_equal(health.rx_errors, 0);
}

static void test_bus_health_each_class_has_its_counter(void **state)
{
    (void)state;
    struct ct_bus_health health = {0};
    const struct {
        uint32_t class;
        uint8_t detail;
        const uint64_t *counter;
    } rows[] = {
        {CAN_ERR_TX_TIMEOUT, 0, &health.tx_timeouts},
        {CAN_ERR_LOSTARB, 0, &health.lost_arbitrations},
        {CAN_ERR_PROT, 0, &health.bus_errors},
        {CAN_ERR_ACK, 0, &health.bus_errors},
        {CAN_ERR_BUSERROR | CAN_ERR_PROT, 0, &health.bus_errors},
        {CAN_ERR_CRTL, CAN_ERR_CRTL_RX_OVERFLOW, &health.rx_overflows},
        {CAN_ERR_CRTL, CAN_ERR_CRTL_TX_OVERFLOW, &health.tx_overflows},
        {CAN_ERR_RESTARTED, 0, &health.restarts},
        {CAN_ERR_BUSOFF, 0, &health.bus_offs},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const uint64_t before = *rows[i].counter;
        const struct ct_frame frame = error_frame(rows[i].class, rows[i].detail, 0, 0, 1);
        (void)ct_bus_health_frame(&health, &frame);
        assert_int_equal(*rows[i].counter, before + 1);
    }
    assert_int_equal(health.error_frames, sizeof rows / sizeof rows[0]);
}

static void test_bus_health_short_or_data_frames_change_nothing(void **state)
{
    (void)state;
    struct ct_bus_health health = {0};
    struct ct_frame frame = {.id = CAN_ERR_BUSOFF, .len = 8};
    assert_false(ct_bus_health_frame(&health, &frame));
    assert_int_equal(health.error_frames, 0);
    frame = (struct ct_frame){.id = CAN_ERR_CRTL, .flags = CT_FRAME_ERR, .len = 1, .data = {0, 0x30}};
    assert_false(ct_bus_health_frame(&health, &frame));
    assert_false(health.known);
}

static void test_bus_health_report_is_the_first_knowledge(void **state)
{
    (void)state;
    struct ct_bus_health health = {0};
    assert_true(ct_bus_health_report(&health, CT_BUS_ERROR_ACTIVE, 3, 4, 10));
    assert_false(ct_bus_health_report(&health, CT_BUS_ERROR_ACTIVE, 5, 6, 20));
    assert_int_equal(health.tx_errors, 5);
    assert_int_equal(health.rx_errors, 6);
    assert_int_equal(health.since_ns, 10);
    assert_true(ct_bus_health_report(&health, CT_BUS_OFF, 0, 0, 30));
    assert_int_equal(health.bus_offs, 1);
    assert_string_equal(ct_bus_state_text(CT_BUS_OFF), "bus-off");
    assert_string_equal(ct_bus_state_text((enum ct_bus_state)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bus_health_error_frames_move_the_state),
        cmocka_unit_test(test_bus_health_counters_follow_what_the_frame_says),
        cmocka_unit_test(test_bus_health_each_class_has_its_counter),
        cmocka_unit_test(test_bus_health_short_or_data_frames_change_nothing),
        cmocka_unit_test(test_bus_health_report_is_the_first_knowledge),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
