/* Conditions against values put by hand; the answers follow from the values. */
#include "condition.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ct_twin *make_twin(void)
{
    static const struct ct_enum_text gears[] = {{0, "Park"}, {1, "Drive"}};
    const struct ct_entry entries[] = {
        {.name = "Vehicle.Speed",
         .unit = "km/h",
         .comment = "",
         .kind = CT_KIND_RAW,
         .datatype = CT_DT_FLOAT,
         .factor = 0.1,
         .offset = -40},
        {.name = "Vehicle.Gear",
         .unit = "",
         .comment = "",
         .kind = CT_KIND_RAW,
         .datatype = CT_DT_UINT8,
         .factor = 1,
         .is_unsigned = true,
         .texts = gears,
         .text_count = 2},
        {.name = "Vehicle.Name",
         .unit = "",
         .comment = "",
         .kind = CT_KIND_STRING,
         .datatype = CT_DT_STRING,
         .factor = 1,
         .bytes_max = 32},
        {.name = "Vehicle.Odd",
         .unit = "",
         .comment = "",
         .kind = CT_KIND_DOUBLE,
         .datatype = CT_DT_DOUBLE,
         .factor = 1},
        {.name = "Vehicle.Never", .unit = "", .comment = "", .kind = CT_KIND_RAW, .datatype = CT_DT_UINT8, .factor = 1},
    };
    struct ct_catalogue_builder *builder;
    struct ct_catalogue *catalogue;
    struct ct_twin *twin;
    uint32_t id;
    assert_int_equal(ct_catalogue_builder_create(&builder), CT_OK);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        assert_int_equal(ct_catalogue_builder_add(builder, &entries[i], &id), CT_OK);
    }
    assert_int_equal(ct_catalogue_builder_finish(builder, &catalogue), CT_OK);
    ct_catalogue_builder_free(builder);
    assert_int_equal(ct_twin_create(catalogue, &twin), CT_OK);
    ct_catalogue_unref(catalogue);
    const struct ct_sample samples[] = {{.id = 0, .raw = 1450, .t_ns = 1}, /* 105 km/h */
                                        {.id = 1, .raw = 1, .t_ns = 1},
                                        {.id = 2, .bytes = (const uint8_t *)"blue bus", .len = 8, .t_ns = 1},
                                        {.id = 3, .number = (double)NAN, .t_ns = 1}};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        assert_int_equal(ct_twin_put(twin, &samples[i], 1), CT_OK);
    }
    return twin;
}

static void test_condition_holds_as_its_value_says(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } cases[] = {
        {"Vehicle.Speed > 104.9", true},     {"Vehicle.Speed>105", false},       {" Vehicle.Speed >= 1.05e2 ", true},
        {"Vehicle.Speed < -40", false},      {"Vehicle.Speed <= 105", true},     {"Vehicle.Speed != 105", false},
        {"Vehicle.Gear == \"Drive\"", true}, {"Vehicle.Gear != \"Park\"", true}, {"Vehicle.Gear == \"drive\"", false},
        {"Vehicle.Gear == 1", true},         {"Vehicle.Gear == true", true},     {"Vehicle.Name == \"blue bus\"", true},
        {"Vehicle.Name == \"blue\"", false}, {"Vehicle.Name > 0", false},        {"Vehicle.Odd > 0", false}, /* NaN */
        {"Vehicle.Odd != 0", false},         {"Vehicle.Never == 0", false},      {"Vehicle.Never != 0", false},
        {"Vehicle.Missing == 0", false},
    };
    struct ct_twin *twin = make_twin();
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ct_condition condition;
        struct ct_reading reading;
        uint32_t id;
        assert_null(ct_condition_parse(cases[i].text, &condition));
        if (ct_condition_holds(&condition, twin, &id, &reading) != cases[i].holds) {
            fail_msg("%s", cases[i].text);
        }
    }
    ct_twin_free(twin);
}

static void test_condition_wrong_texts_are_refused(void **state)
{
    static const char *const wrong[] = {"",
                                        "Vehicle.Speed",
                                        "Vehicle.Speed >",
                                        "> 5",
                                        "Vehicle.Speed = 5",
                                        "Vehicle.Speed => 5",
                                        "Vehicle.Speed > five",
                                        "Vehicle.Speed > 5 km/h",
                                        "Vehicle.Speed > 5 or 1 == 1",
                                        "Vehicle.Speed > nan",
                                        "Vehicle.Speed > 1e999",
                                        "Vehicle.Speed > 0x10g",
                                        "Vehicle.Gear > \"Park\"",
                                        "Vehicle.Gear == \"Park",
                                        "Vehicle.Gear == \"Park\" x",
                                        "Vehicle.Gear == trueish"};
    struct ct_condition condition;
    char longer[CT_CONDITION_MAX + 2];
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        if (ct_condition_parse(wrong[i], &condition) == NULL) {
            fail_msg("taken: %s", wrong[i]);
        }
    }
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_non_null(ct_condition_parse(longer, &condition));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condition_holds_as_its_value_says),
        cmocka_unit_test(test_condition_wrong_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
