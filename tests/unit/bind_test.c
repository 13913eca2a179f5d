/* bind: frames into the twin, VSS by mapping, actuators back into frames. Expected values are worked out by hand from
 * the bits of the frames. */
#include "bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char engine_dbc[] = "VERSION \"\"\n"
                                 "BU_: ECU\n"
                                 "BO_ 256 ENGINE: 8 ECU\n"
                                 " SG_ RPM : 0|16@1+ (0.25,0) [0|16000] \"rpm\" ECU\n"
                                 " SG_ TEMP : 16|8@1- (1,-40) [-100|80] \"degC\" ECU\n"
                                 " SG_ STATE : 24|2@1+ (1,0) [0|3] \"\" ECU\n"
                                 "BO_ 512 MUXED: 8 ECU\n"
                                 " SG_ SEL M : 0|8@1+ (1,0) [0|0] \"\" ECU\n"
                                 " SG_ A m0 : 8|8@1+ (1,0) [0|0] \"\" ECU\n"
                                 " SG_ B m1 : 8|16@1- (1,0) [0|0] \"\" ECU\n"
                                 "BO_ 770 SILENT: 8 ECU\n"
                                 " SG_ WIDE : 0|64@1+ (1,0) [0|0] \"\" ECU\n"
                                 "BA_DEF_ BO_ \"GenMsgCycleTime\" INT 0 65535;\n"
                                 "BA_DEF_DEF_ \"GenMsgCycleTime\" 0;\n"
                                 "BA_ \"GenMsgCycleTime\" BO_ 256 100;\n"
                                 "BA_ \"GenMsgCycleTime\" BO_ 512 100;\n"
                                 "VAL_ 256 STATE 0 \"OFF\" 1 \"ON\" 2 \"START\" ;\n";

static const char body_dbc[] = "VERSION \"\"\n"
                               "BU_: ECU\n"
                               "BO_ 768 BODY_COMMAND: 8 ECU\n"
                               " SG_ LAMP : 0|2@1+ (1,0) [0|3] \"\" ECU\n"
                               " SG_ LEVEL : 8|8@1+ (0.5,0) [0|100] \"%\" ECU\n"
                               " SG_ FIXED : 16|8@1+ (1,0) [0|255] \"\" ECU\n"
                               "BO_ 769 BODY_STATUS: 8 ECU\n"
                               " SG_ LAMP_STATE : 0|1@1+ (1,0) [0|1] \"\" ECU\n"
                               " SG_ LEVEL_STATE : 8|8@1+ (0.5,0) [0|0] \"%\" ECU\n"
                               "BA_DEF_ SG_ \"GenSigStartValue\" FLOAT 0 100000;\n"
                               "BA_DEF_DEF_ \"GenSigStartValue\" 0;\n"
                               "BA_ \"GenSigStartValue\" SG_ 768 FIXED 165;\n"
                               "VAL_ 768 LAMP 0 \"IDLE\" 1 \"SWITCH_ON\" 2 \"SWITCH_OFF\" ;\n";

static const char mapping_json[] =
    "{\"Vehicle\":{\"type\":\"branch\",\"children\":{"
    "\"Speed\":{\"type\":\"sensor\",\"datatype\":\"float\",\"unit\":\"km/h\","
    "\"dbc2vss\":{\"signal\":\"RPM\",\"message\":\"ENGINE\",\"interval_ms\":100,"
    "\"transform\":{\"math\":\"x/10\"}}},"
    "\"State\":{\"type\":\"sensor\",\"datatype\":\"string\",\"dbc2vss\":{\"signal\":\"STATE\",\"on_change\":true}},"
    "\"Wide\":{\"type\":\"sensor\",\"datatype\":\"uint64\",\"dbc2vss\":{\"signal\":\"WIDE\",\"on_change\":true}},"
    "\"Temp\":{\"type\":\"sensor\",\"datatype\":\"int8\",\"dbc2vss\":{\"signal\":\"TEMP\",\"on_change\":true}},"
    "\"Lamp\":{\"type\":\"actuator\",\"datatype\":\"boolean\","
    "\"dbc2vss\":{\"signal\":\"LAMP_STATE\",\"on_change\":true},"
    "\"vss2dbc\":{\"signal\":\"LAMP\",\"transform\":{\"mapping\":["
    "{\"from\":true,\"to\":\"SWITCH_ON\"},{\"from\":false,\"to\":\"SWITCH_OFF\"}]}}},"
    "\"Level\":{\"type\":\"actuator\",\"datatype\":\"float\",\"vss2dbc\":{\"signal\":\"LEVEL\"}}"
    "}}}";

#define MS CT_NS_PER_MS

struct fixture {
    struct ct_bind *bind;
    struct ct_twin *twin;
    struct ct_bus_counts counts[2];
};

static struct ct_dbc *parse(const char *name, const char *text)
{
    struct ct_dbc *dbc = NULL;
    assert_int_equal(ct_dbc_parse(name, text, strlen(text), NULL, NULL, &dbc), CT_OK);
    return dbc;
}

static int try_create(const char *engine, const char *mapping_text, struct ct_bind **out_bind, char *problem,
                      size_t size)
{
    struct ct_dbc *first = parse("engine.dbc", engine);
    struct ct_dbc *second = parse("body.dbc", body_dbc);
    const struct ct_bind_bus buses[] = {{.name = "can0", .dbcs = &first, .dbc_count = 1},
                                        {.name = "can1", .dbcs = &second, .dbc_count = 1}};
    struct ct_mapping *mapping = NULL;
    assert_int_equal(ct_mapping_parse("map.json", mapping_text, strlen(mapping_text), &mapping, problem, size), CT_OK);
    const int err = ct_bind_create(buses, 2, mapping, "map.json", out_bind, problem, size);
    if (err != CT_OK) {
        ct_dbc_free(first);
        ct_dbc_free(second);
        ct_mapping_free(mapping);
    }
    return err;
}

static void open_fixture(struct fixture *f, const char *engine)
{
    char problem[512] = "";
    memset(f, 0, sizeof *f);
    assert_int_equal(try_create(engine, mapping_json, &f->bind, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bind_make_twin(f->bind, &f->twin), CT_OK);
}

static void close_fixture(struct fixture *f)
{
    ct_twin_free(f->twin);
    ct_bind_free(f->bind);
}

static enum ct_frame_class give(struct fixture *f, uint8_t bus, uint32_t id, const uint8_t data[8], ct_ns now)
{
    struct ct_frame frame = {.t_ns = now, .id = id, .bus = bus, .len = 8};
    memcpy(frame.data, data, 8);
    return ct_bind_frame(f->bind, f->twin, &frame, now, &f->counts[bus]);
}

static uint32_t id_of(const struct fixture *f, const char *name)
{
    uint32_t id = 0;
    assert_int_equal(ct_catalogue_find(ct_bind_catalogue(f->bind), name, &id), CT_OK);
    return id;
}

static struct ct_reading reading_of(const struct fixture *f, const char *name)
{
    struct ct_reading reading;
    assert_int_equal(ct_twin_get(f->twin, id_of(f, name), &reading), CT_OK);
    return reading;
}

static double physical_of(const struct fixture *f, const char *name)
{
    const struct ct_reading reading = reading_of(f, name);
    return ct_entry_physical(ct_catalogue_entry(ct_bind_catalogue(f->bind), id_of(f, name)), &reading.sample);
}

static void test_bind_catalogue_names_every_signal_and_path(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    /* 3 + 3 + 1 signals on can0, 3 + 2 on can1, 6 paths */
    assert_int_equal(ct_catalogue_count(ct_bind_catalogue(f.bind)), 18);
    const struct ct_entry *b = ct_catalogue_entry(ct_bind_catalogue(f.bind), id_of(&f, "can0.MUXED.B@SEL=1"));
    assert_int_equal(b->datatype, CT_DT_INT16);
    assert_int_equal(b->timeout_ns, 2 * 300 * MS); /* two branches, three cycles of 100 ms each */
    const struct ct_entry *rpm = ct_catalogue_entry(ct_bind_catalogue(f.bind), id_of(&f, "can0.ENGINE.RPM"));
    assert_int_equal(rpm->timeout_ns, 300 * MS);
    assert_string_equal(rpm->unit, "rpm");
    assert_int_equal(ct_catalogue_entry(ct_bind_catalogue(f.bind), id_of(&f, "can0.SILENT.WIDE"))->timeout_ns, 0);
    assert_true(ct_catalogue_entry(ct_bind_catalogue(f.bind), id_of(&f, "Vehicle.Lamp"))->is_actuator);
    close_fixture(&f);
}

static void test_bind_frame_known_decodes_signals_and_paths(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    /* RPM raw 0x1F40 = 8000 -> 2000 rpm -> Speed 200; TEMP raw 0x5A = 90 -> 50; STATE 1 */
    const uint8_t data[8] = {0x40, 0x1F, 0x5A, 0x01};
    assert_int_equal(give(&f, 0, 256, data, 1000 * MS), CT_FRAME_DECODED);
    assert_true(physical_of(&f, "can0.ENGINE.RPM") == 2000.0);
    assert_true(physical_of(&f, "can0.ENGINE.TEMP") == 50.0);
    assert_true(physical_of(&f, "Vehicle.Speed") == 200.0);
    assert_true(physical_of(&f, "Vehicle.Temp") == 50.0);
    const struct ct_reading text = reading_of(&f, "Vehicle.State");
    assert_int_equal(text.sample.len, 2);
    assert_memory_equal(text.sample.bytes, "ON", 2);
    assert_int_equal(text.sample.t_ns, 1000 * MS);
    assert_int_equal(text.sample.quality, 0);
    close_fixture(&f);
}

static void test_bind_frame_every_frame_has_one_class(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t data[8] = {0};
    assert_int_equal(give(&f, 0, 256, data, 1), CT_FRAME_DECODED);
    assert_int_equal(give(&f, 0, 257, data, 2), CT_FRAME_UNKNOWN);
    assert_int_equal(give(&f, 1, 256, data, 3), CT_FRAME_UNKNOWN); /* known on the other bus only */
    struct ct_frame frame = {.id = 256, .flags = CT_FRAME_EXT, .len = 8};
    assert_int_equal(ct_bind_frame(f.bind, f.twin, &frame, 4, &f.counts[0]), CT_FRAME_UNKNOWN);
    frame.flags = CT_FRAME_RTR;
    assert_int_equal(ct_bind_frame(f.bind, f.twin, &frame, 5, &f.counts[0]), CT_FRAME_REMOTE);
    frame.flags = CT_FRAME_ERR;
    assert_int_equal(ct_bind_frame(f.bind, f.twin, &frame, 6, &f.counts[0]), CT_FRAME_ERROR);
    frame.flags = 0;
    frame.bus = 9; /* no such bus */
    assert_int_equal(ct_bind_frame(f.bind, f.twin, &frame, 7, &f.counts[0]), CT_FRAME_UNKNOWN);
    uint64_t sum = 0;
    for (size_t i = 0; i < CT_FRAME_CLASS_COUNT; i++) {
        sum += f.counts[0].by_class[i];
    }
    assert_int_equal(f.counts[0].frames, 6);
    assert_int_equal(sum, 6);
    close_fixture(&f);
}

static void test_bind_mux_only_active_branch_is_updated(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t branch1[8] = {1, 0xFE, 0xFF};
    give(&f, 0, 512, branch1, 1);
    assert_true(physical_of(&f, "can0.MUXED.B@SEL=1") == -2.0);
    assert_int_equal(reading_of(&f, "can0.MUXED.A@SEL=0").sample.quality, CT_Q_NEVER_SEEN);
    close_fixture(&f);
}

static void test_bind_interval_holds_back_and_releases_the_newest(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t first[8] = {0x28}, second[8] = {0x50}, third[8] = {0x78}; /* 40, 80, 120 raw: 1, 2, 3 of Speed */
    give(&f, 0, 256, first, 1000 * MS);
    give(&f, 0, 256, second, 1040 * MS);
    give(&f, 0, 256, third, 1099 * MS);
    assert_true(physical_of(&f, "Vehicle.Speed") == 1.0);
    assert_true(ct_bind_tick(f.bind, f.twin, 1099 * MS) == 1100 * MS);
    ct_bind_tick(f.bind, f.twin, 1100 * MS);
    assert_true(physical_of(&f, "Vehicle.Speed") == 3.0);
    give(&f, 0, 256, first, 1150 * MS); /* counts from the release at 1100 */
    assert_true(physical_of(&f, "Vehicle.Speed") == 3.0);
    give(&f, 0, 256, second, 1200 * MS);
    assert_true(physical_of(&f, "Vehicle.Speed") == 2.0);
    close_fixture(&f);
}

static void test_bind_source_stale_makes_path_stale_until_next_frame(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t data[8] = {0x28};
    give(&f, 0, 256, data, 1000 * MS);
    ct_bind_tick(f.bind, f.twin, 1299 * MS);
    assert_int_equal(reading_of(&f, "Vehicle.Speed").sample.quality, 0);
    ct_bind_tick(f.bind, f.twin, 1301 * MS);
    assert_int_equal(reading_of(&f, "can0.ENGINE.RPM").sample.quality, CT_Q_STALE);
    assert_int_equal(reading_of(&f, "Vehicle.Speed").sample.quality, CT_Q_STALE | CT_Q_DERIVED_FROM_BAD);
    assert_int_equal(reading_of(&f, "Vehicle.State").sample.quality, CT_Q_STALE | CT_Q_DERIVED_FROM_BAD);
    give(&f, 0, 256, data, 1310 * MS); /* the same value, inside no interval: good again at once */
    assert_int_equal(reading_of(&f, "Vehicle.Speed").sample.quality, 0);
    assert_int_equal(reading_of(&f, "Vehicle.State").sample.quality, 0);
    close_fixture(&f);
}

static void test_bind_source_out_of_range_marks_path_derived_from_bad(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t data[8] = {0, 0, 0x7F}; /* TEMP raw 127 -> 87, beyond its range of 80 */
    give(&f, 0, 256, data, 1);
    assert_int_equal(reading_of(&f, "can0.ENGINE.TEMP").sample.quality, CT_Q_OUT_OF_RANGE);
    assert_int_equal(reading_of(&f, "Vehicle.Temp").sample.quality, CT_Q_DERIVED_FROM_BAD);
    close_fixture(&f);
}

static void test_bind_repeated_value_is_confirmed_at_its_newest_frame(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t on[8] = {0, 0, 0, 1}, off[8] = {0, 0, 0, 0};
    give(&f, 0, 256, on, 1000 * MS);
    give(&f, 0, 256, on, 1500 * MS);
    const uint32_t id = id_of(&f, "Vehicle.State");
    assert_true(reading_of(&f, "Vehicle.State").sample.t_ns == 1000 * MS); /* on_change leaves it alone */
    assert_true(ct_bind_confirmed_ns(f.bind, f.twin, id) == 1500 * MS);
    /* when the source has gone on but its path is held back, the path's own time counts */
    give(&f, 0, 256, off, 1600 * MS);
    const uint8_t faster[8] = {0x28};
    give(&f, 0, 256, faster, 1610 * MS);
    assert_true(ct_bind_confirmed_ns(f.bind, f.twin, id_of(&f, "Vehicle.Speed")) == 1600 * MS);
    close_fixture(&f);
}

static void test_bind_64_bit_integer_is_exact(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const uint8_t data[8] = {0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};
    give(&f, 0, 770, data, 1);
    assert_true((uint64_t)reading_of(&f, "Vehicle.Wide").sample.raw == UINT64_C(0xFFFFFFFFFFFFFFFD));
    close_fixture(&f);
}

static void test_bind_encode_fills_other_signals_from_start_then_last_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    const struct ct_map_value on = {.number = 1, .is_bool = true};
    struct ct_frame frame;
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Lamp", &on, &frame), CT_OK);
    const uint8_t lamp_on[8] = {0x01, 0x00, 165};
    assert_int_equal(frame.id, 768);
    assert_int_equal(frame.bus, 1);
    assert_int_equal(frame.len, 8);
    assert_memory_equal(frame.data, lamp_on, 8);
    /* not sent: the next one starts from the start values again */
    const struct ct_map_value level = {.number = 10.5};
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Level", &level, &frame), CT_OK);
    const uint8_t level_only[8] = {0x00, 21, 165};
    assert_memory_equal(frame.data, level_only, 8);
    ct_bind_sent(f.bind, &frame);
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Lamp", &on, &frame), CT_OK);
    const uint8_t both[8] = {0x01, 21, 165};
    assert_memory_equal(frame.data, both, 8);
    close_fixture(&f);
}

static void test_bind_encode_refuses_what_cannot_be_sent(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, engine_dbc);
    struct ct_frame frame;
    const struct ct_map_value number = {.number = 7};
    const struct ct_map_value huge = {.number = 1000};
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Speed", &number, &frame), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.None", &number, &frame), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_bind_encode(f.bind, "can1.BODY_COMMAND.LEVEL", &number, &frame), CT_ERR_NOT_FOUND);
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Lamp", &number, &frame), CT_ERR_RANGE); /* no row for 7 */
    assert_int_equal(ct_bind_encode(f.bind, "Vehicle.Level", &huge, &frame), CT_ERR_RANGE);  /* 2000 in 8 bits */
    assert_true(ct_bind_observable(f.bind, "Vehicle.Lamp"));
    assert_false(ct_bind_observable(f.bind, "Vehicle.Level"));
    close_fixture(&f);
}

static void test_bind_mapping_unknown_or_ambiguous_signal_is_named(void **state)
{
    (void)state;
    struct ct_bind *bind = NULL;
    char problem[512] = "";
    const char *unknown = "{\"V\":{\"type\":\"branch\",\"children\":{\"X\":{\"type\":\"sensor\",\"datatype\":\"float\","
                          "\"dbc2vss\":{\"signal\":\"NOPE\"}}}}}";
    assert_int_equal(try_create(engine_dbc, unknown, &bind, problem, sizeof problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "map.json:1:35: error: V.X: "));
    assert_non_null(strstr(problem, "NOPE"));
    const char *twice = "{\"V\":{\"type\":\"branch\",\"children\":{\"X\":{\"type\":\"sensor\",\"datatype\":\"float\","
                        "\"dbc2vss\":{\"signal\":\"LEVEL\"}}}}}";
    static const char other[] = "BU_: E\nBO_ 1 OTHER: 8 E\n SG_ LEVEL : 0|8@1+ (1,0) [0|0] \"\" E\n";
    assert_int_equal(try_create(other, twice, &bind, problem, sizeof problem), CT_ERR_EXISTS);
    assert_non_null(strstr(problem, "can0.OTHER"));
    assert_non_null(strstr(problem, "can1.BODY_COMMAND"));
}

static void test_bind_reload_carries_values_and_last_sent(void **state)
{
    (void)state;
    struct fixture old, new;
    open_fixture(&old, engine_dbc);
    const uint8_t data[8] = {0x40, 0x1F, 0x5A, 0x01};
    give(&old, 0, 256, data, 1000 * MS);
    struct ct_frame frame;
    const struct ct_map_value level = {.number = 10.5};
    assert_int_equal(ct_bind_encode(old.bind, "Vehicle.Level", &level, &frame), CT_OK);
    ct_bind_sent(old.bind, &frame);
    /* when RPM gets another scale and TEMP goes away */
    static const char changed[] = "BU_: ECU\nBO_ 256 ENGINE: 8 ECU\n"
                                  " SG_ RPM : 0|16@1+ (0.5,0) [0|16000] \"rpm\" ECU\n"
                                  " SG_ TEMP : 16|8@1- (1,-40) [-100|80] \"degC\" ECU\n"
                                  " SG_ STATE : 24|2@1+ (1,0) [0|3] \"\" ECU\n"
                                  "BO_ 770 SILENT: 8 ECU\n SG_ WIDE : 0|64@1+ (1,0) [0|0] \"\" ECU\n";
    open_fixture(&new, changed);
    ct_bind_carry(new.bind, old.bind);
    assert_true(ct_twin_carry(new.twin, old.twin) > 0);
    assert_int_equal(reading_of(&new, "can0.ENGINE.RPM").sample.quality, CT_Q_NEVER_SEEN);
    assert_true(physical_of(&new, "Vehicle.Speed") == 200.0);
    /* then the next frame, inside the old interval, derives at once because its source is another one */
    give(&new, 0, 256, data, 1001 * MS);
    assert_true(physical_of(&new, "Vehicle.Speed") == 400.0);
    const struct ct_map_value on = {.number = 1, .is_bool = true};
    assert_int_equal(ct_bind_encode(new.bind, "Vehicle.Lamp", &on, &frame), CT_OK);
    const uint8_t both[8] = {0x01, 21, 165};
    assert_memory_equal(frame.data, both, 8);
    close_fixture(&old);
    close_fixture(&new);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind_catalogue_names_every_signal_and_path),
        cmocka_unit_test(test_bind_frame_known_decodes_signals_and_paths),
        cmocka_unit_test(test_bind_frame_every_frame_has_one_class),
        cmocka_unit_test(test_bind_mux_only_active_branch_is_updated),
        cmocka_unit_test(test_bind_interval_holds_back_and_releases_the_newest),
        cmocka_unit_test(test_bind_source_stale_makes_path_stale_until_next_frame),
        cmocka_unit_test(test_bind_source_out_of_range_marks_path_derived_from_bad),
        cmocka_unit_test(test_bind_repeated_value_is_confirmed_at_its_newest_frame),
        cmocka_unit_test(test_bind_64_bit_integer_is_exact),
        cmocka_unit_test(test_bind_encode_fills_other_signals_from_start_then_last_sent),
        cmocka_unit_test(test_bind_encode_refuses_what_cannot_be_sent),
        cmocka_unit_test(test_bind_mapping_unknown_or_ambiguous_signal_is_named),
        cmocka_unit_test(test_bind_reload_carries_values_and_last_sent),
    };
    return cmocka_run_group_tests_name("bind", tests, NULL, NULL);
}
