/* diagnostics/obd.h: expected values are the worked examples and ranges of SAE J1979 / ISO 15031-5 appendix B. */
#include "obd.h"
#include "testing.h"

#include <math.h>
#include <string.h>

static double value_of(const char *name, const char *bytes)
{
    const struct ct_obd_item *item = ct_obd_item_by_name(name);
    assert_non_null(item);
    return ct_obd_value(item, (const uint8_t *)bytes);
}

#define NEAR(name, bytes, expected) assert_true(fabs(value_of(name, bytes) - (expected)) < 1e-6)

static void test_obd_values_at_their_limits_are_the_standards(void **state)
{
    (void)state;
    NEAR("engine_load", "\xFF", 100);
    NEAR("coolant_temperature", "\x00", -40);
    NEAR("coolant_temperature", "\xFF", 215);
    NEAR("short_fuel_trim_1", "\x00", -100);
    NEAR("short_fuel_trim_1", "\x80", 0);
    NEAR("short_fuel_trim_1", "\xFF", 99.21875);
    NEAR("fuel_pressure", "\xFF", 765);
    NEAR("engine_speed", "\xFF\xFF", 16383.75);
    NEAR("engine_speed", "\x1A\xF8", 1726);
    NEAR("timing_advance", "\x00", -64);
    NEAR("timing_advance", "\xFF", 63.5);
    NEAR("air_flow", "\xFF\xFF", 655.35);
    NEAR("o2_1_voltage", "\xFF\xFF", 1.275);
    NEAR("rail_pressure_relative", "\xFF\xFF", 5177.265);
    NEAR("rail_pressure", "\xFF\xFF", 655350);
    NEAR("o2_3_ratio", "\xFF\xFF\x00\x00", 2 - 2.0 / 65536);
    NEAR("o2_3_wide_voltage", "\x00\x00\x80\x00", 4);
    NEAR("evaporative_pressure", "\x80\x00", -8192);
    NEAR("evaporative_pressure", "\x7F\xFF", 8191.75);
    NEAR("o2_1_current", "\x00\x00\x80\x00", 0); /* scapy's decoder lacks the offset of -128 mA */
    NEAR("o2_1_current", "\x00\x00\x00\x00", -128);
    NEAR("catalyst_temperature_11", "\xFF\xFF", 6513.5);
    NEAR("module_voltage", "\x36\xB0", 14);
    NEAR("absolute_load", "\xFF\xFF", 25700);
    NEAR("commanded_ratio", "\x80\x00", 1);
    NEAR("maximum_intake_pressure", "\x00\x00\x00\xFF", 2550);
    NEAR("maximum_air_flow", "\xFF\x00\x00\x00", 2550);
    NEAR("evaporative_pressure_absolute", "\xFF\xFF", 327.675);
    NEAR("evaporative_pressure_wide", "\x80\x00", -32768);
    NEAR("injection_timing", "\x00\x00", -210);
    NEAR("injection_timing", "\xFF\xFF", 301.9921875);
    NEAR("fuel_rate", "\xFF\xFF", 3276.75);
    NEAR("demanded_torque", "\x00", -125);
    NEAR("odometer", "\x00\x01\xE2\x40", 12345.6);
}

static void test_obd_table_is_sorted_named_once_and_inside_its_lengths(void **state)
{
    (void)state;
    size_t count;
    const struct ct_obd_item *rows = ct_obd_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(rows[i].at + rows[i].width <= rows[i].length);
        assert_ptr_equal(ct_obd_item_by_name(rows[i].name), &rows[i]);
        assert_int_equal(ct_obd_pid_length(rows[i].pid), rows[i].length);
        assert_false(ct_obd_is_bitmap(rows[i].pid));
        assert_true(i == 0 || rows[i - 1].pid <= rows[i].pid);
    }
    assert_int_equal(ct_obd_pid_length(0x00), 4);
    assert_int_equal(ct_obd_pid_length(0x20), 4);
    assert_int_equal(ct_obd_pid_length(0xF3), 0);
}

/* Law: what put writes is read back as the nearest value, for every raw value of every row. */
static void test_obd_put_then_value_is_the_same_for_all_raw_values(void **state)
{
    (void)state;
    size_t count;
    const struct ct_obd_item *rows = ct_obd_table(&count);
    for (size_t i = 0; i < count; i++) {
        const unsigned last = rows[i].width == 1 ? 0xFF : 0xFFFF;
        for (unsigned raw = 0; raw <= last; raw++) {
            uint8_t data[8] = {0}, again[8] = {0};
            data[rows[i].at + rows[i].width - 1] = (uint8_t)raw;
            data[rows[i].at + (rows[i].width > 1 ? rows[i].width - 2 : 0)] |= (uint8_t)(raw >> 8);
            assert_int_equal(ct_obd_put(&rows[i], ct_obd_value(&rows[i], data), again), CT_OK);
            assert_memory_equal(data, again, sizeof data);
        }
    }
}

static void test_obd_put_out_of_range_is_refused_and_leaves_the_bytes(void **state)
{
    (void)state;
    uint8_t data[2] = {0x12, 0x34};
    const struct ct_obd_item *speed = ct_obd_item_by_name("engine_speed");
    assert_int_equal(ct_obd_put(speed, 16384, data), CT_ERR_RANGE);
    assert_int_equal(ct_obd_put(speed, -1, data), CT_ERR_RANGE);
    assert_int_equal(ct_obd_put(speed, (double)NAN, data), CT_ERR_RANGE);
    assert_memory_equal(data, "\x12\x34", 2);
}

static void test_obd_states_have_texts_where_the_standard_names_them(void **state)
{
    (void)state;
    assert_string_equal(ct_obd_text(ct_obd_item_by_name("fuel_type"), (const uint8_t *)"\x04"), "diesel");
    assert_string_equal(ct_obd_text(ct_obd_item_by_name("obd_standard"), (const uint8_t *)"\x06"), "EOBD");
    assert_string_equal(ct_obd_text(ct_obd_item_by_name("fuel_system_1"), (const uint8_t *)"\x02\x00"), "closed loop");
    assert_null(ct_obd_text(ct_obd_item_by_name("fuel_type"), (const uint8_t *)"\xEE"));
    assert_null(ct_obd_text(ct_obd_item_by_name("engine_load"), (const uint8_t *)"\x04"));
}

/* J1979 6.1.1: BE 1F A8 13 is the standard's own example of supported PIDs 01 to 20. */
static void test_obd_bitmap_is_most_significant_bit_first(void **state)
{
    (void)state;
    static const uint8_t example[4] = {0xBE, 0x1F, 0xA8, 0x13};
    static const uint8_t there[] = {0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0C, 0x0D, 0x0E,
                                    0x0F, 0x10, 0x11, 0x13, 0x15, 0x1C, 0x1F, 0x20};
    uint8_t made[4] = {0};
    unsigned found = 0;
    for (unsigned id = 0; id < 256; id++) {
        found += ct_obd_bitmap_has(0, example, (uint8_t)id) ? 1 : 0;
    }
    assert_int_equal(found, sizeof there);
    for (size_t i = 0; i < sizeof there; i++) {
        assert_true(ct_obd_bitmap_has(0, example, there[i]));
        ct_obd_bitmap_set(0, made, there[i]);
    }
    assert_memory_equal(made, example, 4);
    assert_true(ct_obd_bitmap_has(0x20, (const uint8_t *)"\x80\x00\x00\x01", 0x21));
    assert_true(ct_obd_bitmap_has(0x20, (const uint8_t *)"\x80\x00\x00\x01", 0x40));
    assert_false(ct_obd_bitmap_has(0x20, example, 0x01));
}

static void test_obd_trouble_codes_go_both_ways(void **state)
{
    (void)state;
    static const struct {
        uint16_t dtc;
        const char *text;
    } codes[] = {{0x0301, "P0301"}, {0x0143, "P0143"}, {0x4123, "C0123"}, {0x9234, "B1234"},
                 {0xC100, "U0100"}, {0xFFFF, "U3FFF"}, {0x0000, "P0000"}};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        char text[CT_OBD_DTC_TEXT];
        uint16_t dtc;
        ct_obd_dtc_text(codes[i].dtc, text);
        assert_string_equal(text, codes[i].text);
        assert_int_equal(ct_obd_dtc_parse(text, &dtc), CT_OK);
        assert_int_equal(dtc, codes[i].dtc);
    }
    uint16_t dtc = 7;
    static const char *const wrong[] = {"", "P", "P030", "P03011", "X0301", "P4301", "P03G1", "0301", "P-301"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(ct_obd_dtc_parse(wrong[i], &dtc), CT_ERR_SYNTAX);
    }
    assert_int_equal(dtc, 7);
}

/* J1979 table B.3: 83 07 FF 00 = MIL on, 3 codes, spark ignition, everything supported and complete. */
static void test_obd_readiness_decodes_and_encodes(void **state)
{
    (void)state;
    struct ct_obd_readiness r;
    ct_obd_readiness_decode((const uint8_t *)"\x83\x07\xFF\x00", &r);
    assert_true(r.mil && !r.compression);
    assert_int_equal(r.dtc_count, 3);
    assert_int_equal(r.supported, 0x7FF);
    assert_int_equal(r.incomplete, 0);
    ct_obd_readiness_decode((const uint8_t *)"\x00\x6B\xE9\x81", &r);
    assert_true(r.compression && !r.mil);
    assert_int_equal(r.supported, 0x3 | 0xE9 << 3);
    assert_int_equal(r.incomplete, 0x6 | 0x81 << 3);
    assert_string_equal(ct_obd_monitor_name(true, 3), "nmhc_catalyst");
    assert_string_equal(ct_obd_monitor_name(false, 3), "catalyst");
    assert_null(ct_obd_monitor_name(false, 11));
    for (unsigned i = 0; i < 1U << 16; i++) {
        const uint8_t data[4] = {(uint8_t)(i * 7), (uint8_t)(i & 0x7F), (uint8_t)(i >> 8), (uint8_t)(i * 13 >> 4)};
        uint8_t again[4];
        ct_obd_readiness_decode(data, &r);
        ct_obd_readiness_encode(&r, again);
        assert_memory_equal(data, again, 4);
    }
}

static void test_obd_info_types_have_their_sizes(void **state)
{
    (void)state;
    assert_int_equal(ct_obd_info_find(0x02)->size, 17);
    assert_int_equal(ct_obd_info_find(0x04)->size, 16);
    assert_int_equal(ct_obd_info_find(0x06)->size, 4);
    assert_int_equal(ct_obd_info_find(0x0A)->size, 20);
    assert_null(ct_obd_info_find(0x03));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_obd_values_at_their_limits_are_the_standards),
        cmocka_unit_test(test_obd_table_is_sorted_named_once_and_inside_its_lengths),
        cmocka_unit_test(test_obd_put_then_value_is_the_same_for_all_raw_values),
        cmocka_unit_test(test_obd_put_out_of_range_is_refused_and_leaves_the_bytes),
        cmocka_unit_test(test_obd_states_have_texts_where_the_standard_names_them),
        cmocka_unit_test(test_obd_bitmap_is_most_significant_bit_first),
        cmocka_unit_test(test_obd_trouble_codes_go_both_ways),
        cmocka_unit_test(test_obd_readiness_decodes_and_encodes),
        cmocka_unit_test(test_obd_info_types_have_their_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
