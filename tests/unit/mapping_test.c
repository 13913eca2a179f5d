#include "mapping.h"
#include "problems.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

static struct ct_mapping *parse(const char *text)
{
    char problem[512] = "";
    struct ct_mapping *mapping = NULL;
    const int err = ct_mapping_parse("m.json", text, strlen(text), &mapping, problem, sizeof(problem));
    assert_string_equal(problem, "");
    assert_int_equal(err, CT_OK);
    return mapping;
}

/* One leaf below Vehicle with the given members. */
#define LEAF(members) "{\"Vehicle\":{\"type\":\"branch\",\"children\":{\"A\":{" members "}}}}"
#define SENSOR        "\"type\":\"sensor\",\"datatype\":\"float\","
#define ACTUATOR      "\"type\":\"actuator\",\"datatype\":\"boolean\","

static const char kuksa_example[] =
    "{\"Vehicle\":{\"type\":\"branch\",\"description\":\"..\",\"children\":{"
    "\"Speed\":{\"type\":\"sensor\",\"datatype\":\"float\",\"unit\":\"km/h\",\"description\":\"How fast\","
    "\"min\":-250,\"max\":250,\"dbc2vss\":{\"signal\":\"DI_uiSpeed\",\"interval_ms\":100}},"
    "\"Unmapped\":{\"type\":\"attribute\",\"datatype\":\"string[]\"},"
    "\"Body\":{\"type\":\"branch\",\"children\":{\"IsOpen\":{\"type\":\"actuator\",\"datatype\":\"boolean\","
    "\"dbc2vss\":{\"signal\":\"Latch\",\"interval_ms\":1000,\"on_change\":false,\"transform\":{\"mapping\":["
    "{\"from\":\"LATCH_CLOSED\",\"to\":false},{\"from\":\"LATCH_OPENED\",\"to\":true}]}},"
    "\"vss2dbc\":{\"signal\":\"LatchCmd\",\"bus\":\"can1\",\"message\":\"BODY_COMMAND\",\"transform\":{\"mapping\":["
    "{\"from\":true,\"to\":\"LATCH_OPENED\"},{\"from\":false,\"to\":\"LATCH_CLOSED\"}]}}}}}}}}\n";

static void test_mapping_kuksa_file_gives_its_rules_in_order(void **state)
{
    (void)state;
    struct ct_mapping *mapping = parse(kuksa_example);
    assert_int_equal(mapping->count, 2);
    const struct ct_map_rule *speed = &mapping->rules[0];
    assert_string_equal(speed->path, "Vehicle.Speed");
    assert_int_equal(speed->datatype, CT_DT_FLOAT);
    assert_string_equal(speed->unit, "km/h");
    assert_string_equal(speed->comment, "How fast");
    assert_true(speed->min == -250.0 && speed->max == 250.0);
    assert_true(speed->has_read);
    assert_false(speed->has_write || speed->is_actuator || speed->on_change);
    assert_string_equal(speed->read.signal, "DI_uiSpeed");
    assert_null(speed->read.bus);
    assert_null(speed->read.message);
    assert_null(speed->read.transform);
    assert_int_equal(speed->interval_ms, 100);
    const struct ct_map_rule *open = &mapping->rules[1];
    assert_string_equal(open->path, "Vehicle.Body.IsOpen");
    assert_true(open->is_actuator && open->has_read && open->has_write);
    assert_string_equal(open->unit, "");
    assert_true(open->min == open->max);
    assert_string_equal(open->write.bus, "can1");
    assert_string_equal(open->write.message, "BODY_COMMAND");
    ct_mapping_free(mapping);
    ct_mapping_free(NULL);
}

static void test_mapping_table_translates_both_ways(void **state)
{
    (void)state;
    struct ct_mapping *mapping = parse(kuksa_example);
    const struct ct_map_rule *open = &mapping->rules[1];
    struct ct_map_value out = {0};
    const struct ct_map_value opened = {.number = 2.0, .text = "LATCH_OPENED"};
    assert_int_equal(ct_transform_apply(open->read.transform, &opened, &out), CT_OK);
    assert_true(out.is_bool && out.number == 1.0);
    const struct ct_map_value ajar = {.number = 3.0, .text = "LATCH_AJAR"};
    assert_int_equal(ct_transform_apply(open->read.transform, &ajar, &out), CT_ERR_NOT_FOUND);
    const struct ct_map_value no_text = {.number = 2.0};
    assert_int_equal(ct_transform_apply(open->read.transform, &no_text, &out), CT_ERR_NOT_FOUND);
    const struct ct_map_value wanted = {.number = 0.0, .is_bool = true};
    assert_int_equal(ct_transform_apply(open->write.transform, &wanted, &out), CT_OK);
    assert_string_equal(out.text, "LATCH_CLOSED");
    assert_true(isnan(out.number));
    ct_mapping_free(mapping);
}

static void test_mapping_table_of_numbers_takes_the_first_match(void **state)
{
    (void)state;
    struct ct_mapping *mapping = parse(LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{\"mapping\":["
                                                   "{\"from\":1,\"to\":\"LOW\"},{\"from\":2.5,\"to\":-7},"
                                                   "{\"from\":1,\"to\":\"SECOND\"}]}}"));
    const struct ct_transform *transform = mapping->rules[0].read.transform;
    struct ct_map_value out = {0};
    const struct ct_map_value one = {.number = 1.0, .text = "label"};
    assert_int_equal(ct_transform_apply(transform, &one, &out), CT_OK);
    assert_string_equal(out.text, "LOW");
    const struct ct_map_value half = {.number = 2.5};
    assert_int_equal(ct_transform_apply(transform, &half, &out), CT_OK);
    assert_true(out.number == -7.0 && out.text == NULL && !out.is_bool);
    const struct ct_map_value unknown = {.number = (double)NAN};
    assert_int_equal(ct_transform_apply(transform, &unknown, &out), CT_ERR_NOT_FOUND);
    ct_mapping_free(mapping);
}

static void test_mapping_math_computes_over_x(void **state)
{
    (void)state;
    struct ct_mapping *mapping =
        parse(LEAF(SENSOR "\"dbc2vss\":{\"signal\":\"S\",\"transform\":{\"math\":\"floor((x*40)-100)\"}}"));
    struct ct_map_value out = {0};
    const struct ct_map_value in = {.number = 2.51, .text = "label"};
    assert_int_equal(ct_transform_apply(mapping->rules[0].read.transform, &in, &out), CT_OK);
    assert_true(out.number == 0.0 && out.text == NULL); /* floor(0.4) */
    const struct ct_map_value infinite = {.number = (double)INFINITY};
    assert_int_equal(ct_transform_apply(mapping->rules[0].read.transform, &infinite, &out), CT_ERR_RANGE);
    assert_int_equal(ct_transform_apply(NULL, &in, &out), CT_OK);
    assert_string_equal(out.text, "label");
    assert_true(out.number == 2.51);
    ct_mapping_free(mapping);
}

static void test_mapping_timing_follows_kuksas_defaults(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t interval_ms;
        bool on_change;
    } cases[] = {
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\"}"), 1000, false},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"on_change\":true}"), 0, true},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"on_change\":false}"), 1000, false},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"interval_ms\":250}"), 250, false},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"interval_ms\":0,\"on_change\":true}"), 0, true},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"interval_ms\":20,\"on_change\":true}"), 20, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ct_mapping *mapping = parse(cases[i].text);
        assert_int_equal(mapping->rules[0].interval_ms, cases[i].interval_ms);
        assert_int_equal(mapping->rules[0].on_change, cases[i].on_change);
        ct_mapping_free(mapping);
    }
}

static void test_mapping_one_sided_range_is_open_on_the_other_side(void **state)
{
    (void)state;
    struct ct_mapping *mapping = parse(LEAF(SENSOR "\"max\":100,\"dbc\":{\"signal\":\"S\"}"));
    assert_true(isinf(mapping->rules[0].min) && mapping->rules[0].min < 0.0);
    assert_true(mapping->rules[0].max == 100.0);
    ct_mapping_free(mapping);
}

#define AT "m.json:1:41: error: Vehicle.A: "

static void test_mapping_bad_file_is_located(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        const char *problem;
    } cases[] = {
        {"{\"Vehicle\": {\n  \"type\": branch}}", CT_ERR_SYNTAX, "m.json:2:11: error: not valid JSON from here on"},
        {"{} x", CT_ERR_SYNTAX, "m.json:1:4: error: not valid JSON from here on"},
        {"", CT_ERR_SYNTAX, "m.json:1:1: error: not valid JSON from here on"},
        {"[]", CT_ERR_SYNTAX, "m.json:1:1: error: must be an object of VSS nodes"},
        {"{\"Vehicle\":{}}", CT_ERR_SYNTAX,
         "m.json:1:2: error: Vehicle: 'type' is missing; use branch, sensor, actuator or attribute"},
        {"{\"Vehicle\":{\"type\":\"brnch\"}}", CT_ERR_SYNTAX,
         "m.json:1:2: error: Vehicle: type 'brnch' is unknown; use branch, sensor, actuator or attribute"},
        {"{\"Vehicle\":{\"type\":\"branch\",\"dbc\":{\"signal\":\"S\"}}}", CT_ERR_SYNTAX,
         "m.json:1:2: error: Vehicle: a branch cannot be mapped; map its sensors and actuators"},
        {"{\"Vehi cle\":{\"type\":\"branch\"}}", CT_ERR_SYNTAX,
         "m.json:1:2: error: Vehi cle: names are letters, digits and '_'"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\"},\"dbc2vss\":{\"signal\":\"S\"}"), CT_ERR_SYNTAX,
         AT "has both 'dbc2vss' and its synonym 'dbc'; keep one"},
        {LEAF(SENSOR "\"vss2dbc\":{\"signal\":\"S\"}"), CT_ERR_SYNTAX,
         AT "'vss2dbc' is for nodes of type actuator only"},
        {LEAF("\"type\":\"sensor\",\"dbc\":{\"signal\":\"S\"}"), CT_ERR_SYNTAX, AT "'datatype' is missing"},
        {LEAF("\"type\":\"sensor\",\"datatype\":\"string[]\",\"dbc\":{\"signal\":\"S\"}"), CT_ERR_UNSUPPORTED,
         AT "datatype 'string[]' cannot be mapped; use boolean, string, float, double or an integer type such as "
            "uint8"},
        {LEAF(SENSOR "\"dbc\":\"S\""), CT_ERR_SYNTAX, AT "'dbc' must be an object with at least 'signal'"},
        {LEAF(SENSOR "\"dbc2vss\":{\"interval_ms\":1}"), CT_ERR_SYNTAX, AT "'dbc2vss' names no 'signal'"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"\"}"), CT_ERR_SYNTAX, AT "'signal' must be a text that is not empty"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"intervall_ms\":1}"), CT_ERR_SYNTAX,
         AT "unknown key 'intervall_ms' in 'dbc'; known keys: signal, interval_ms, on_change, transform, bus, "
            "message"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"interval_ms\":-1}"), CT_ERR_RANGE,
         AT "'interval_ms' must be a whole number from 0 to 86400000"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"on_change\":1}"), CT_ERR_SYNTAX,
         AT "'on_change' must be true or false"},
        {LEAF(SENSOR "\"min\":3,\"max\":2,\"dbc\":{\"signal\":\"S\"}"), CT_ERR_RANGE, AT "'min' is above 'max'"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{}}"), CT_ERR_SYNTAX,
         AT "transform: needs exactly one of 'math' and 'mapping'"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{\"math\":\"x\",\"mapping\":[]}}"), CT_ERR_SYNTAX,
         AT "transform: 'math' and 'mapping' exclude each other; keep one"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{\"math\":\"x *\"}}"), CT_ERR_SYNTAX,
         AT "transform: math \"x *\", column 4: expression ends too early"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{\"math\":\"y\\n\"}}"), CT_ERR_NOT_FOUND,
         AT "transform: math \"y?\", column 1: unknown name 'y'"},
        {LEAF(SENSOR "\"dbc\":{\"signal\":\"S\",\"transform\":{\"mapping\":[{\"from\":1}]}}"), CT_ERR_SYNTAX,
         AT "transform: 'mapping' must be a list of {\"from\": value, \"to\": value}, values texts, numbers or "
            "booleans"},
        {LEAF(ACTUATOR "\"vss2dbc\":{\"signal\":\"S\",\"message\":7}"), CT_ERR_SYNTAX,
         AT "'message' must be a text that is not empty"},
        {"{\"A\":{" SENSOR "\"dbc\":{\"signal\":\"S\"}},\"A\":{" SENSOR "\"dbc\":{\"signal\":\"T\"}}}", CT_ERR_EXISTS,
         "m.json:1:64: error: A: is mapped twice; keep one"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char problem[512] = "";
        struct ct_mapping *mapping = NULL;
        const int err = ct_mapping_parse("m.json", cases[i].text, strlen(cases[i].text), &mapping, problem, 512);
        assert_string_equal(problem, cases[i].problem);
        assert_int_equal(err, cases[i].err);
        assert_null(mapping);
    }
}

/* Keys before, inside and behind what is wrong; texts with quotes, braces and colons; every leaf on a line of its own.
 */
static const char many_faults[] =
    "{\"Vehicle\": {\"description\": \"a \\\"b\\\": {\", \"children\":\n"
    "  {\"A\": {\"type\": \"sensor\", \"datatype\": \"flot\", \"unit\": 7,\n"
    "         \"min\": 3, \"max\": 2, \"dbc\": {\"sig\": \"S\", \"interval_ms\": -1}},\n"
    "   \"Good\": {\"type\": \"sensor\", \"datatype\": \"float\", \"dbc\": {\"signal\": \"S\"}},\n"
    "   \"B\" : {\"allowed\": [{\"x\": 1}, {\"y\": [2]}],\n"
    "          \"type\": \"branch\", \"children\": {\n"
    "      \"C D\": {},\n"
    "      \"E\": {\"type\": \"sensr\"},\n"
    "      \"F\": {\"type\": \"sensor\", \"datatype\": \"float\",\n"
    "            \"vss2dbc\": {\"signal\": \"S\"}}}},\n"
    "   \"Last\": {\"type\": \"actuator\", \"datatype\": \"float\", \"vss2dbc\": {\"signal\": \"T\"}}\n"
    "  }, \"type\": \"branch\"}}\n";

static void test_mapping_all_problems_are_told_each_at_its_line(void **state)
{
    (void)state;
    static const char *const wanted[] = {
        "m.json:2:4: error: Vehicle.A: datatype 'flot' cannot be mapped",
        "m.json:2:4: error: Vehicle.A: 'unit' must be a text",
        "m.json:2:4: error: Vehicle.A: 'min' is above 'max'",
        "m.json:2:4: error: Vehicle.A: 'dbc' names no 'signal'",
        "m.json:2:4: error: Vehicle.A: unknown key 'sig' in 'dbc'",
        "m.json:2:4: error: Vehicle.A: 'interval_ms' must be",
        "m.json:7:7: error: Vehicle.B.C D: names are letters",
        "m.json:8:7: error: Vehicle.B.E: type 'sensr' is unknown",
        "m.json:9:7: error: Vehicle.B.F: 'vss2dbc' is for nodes of type actuator",
    };
    char *problems = calloc(1, CT_PROBLEMS_ALL);
    struct ct_mapping *mapping = NULL;
    assert_non_null(problems);
    assert_int_equal(ct_mapping_parse("m.json", many_faults, strlen(many_faults), &mapping, problems, CT_PROBLEMS_ALL),
                     CT_ERR_UNSUPPORTED);
    const char *line = problems;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        assert_non_null(line);
        assert_memory_equal(line, wanted[i], strlen(wanted[i]));
        line = strchr(line, '\n') != NULL ? strchr(line, '\n') + 1 : NULL;
    }
    assert_null(line);
    /* and what is right is there to be looked at, with its place */
    assert_int_equal(mapping->count, 2);
    assert_string_equal(mapping->rules[0].path, "Vehicle.Good");
    assert_int_equal(mapping->rules[0].line, 4);
    assert_int_equal(mapping->rules[0].column, 4);
    assert_string_equal(mapping->rules[1].path, "Vehicle.Last");
    assert_int_equal(mapping->rules[1].line, 11);
    ct_mapping_free(mapping);
    free(problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapping_kuksa_file_gives_its_rules_in_order),
        cmocka_unit_test(test_mapping_table_translates_both_ways),
        cmocka_unit_test(test_mapping_table_of_numbers_takes_the_first_match),
        cmocka_unit_test(test_mapping_math_computes_over_x),
        cmocka_unit_test(test_mapping_timing_follows_kuksas_defaults),
        cmocka_unit_test(test_mapping_one_sided_range_is_open_on_the_other_side),
        cmocka_unit_test(test_mapping_bad_file_is_located),
        cmocka_unit_test(test_mapping_all_problems_are_told_each_at_its_line),
    };
    return cmocka_run_group_tests_name("mapping", tests, NULL, NULL);
}
