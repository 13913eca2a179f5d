/* What the binding sends carries the next counter and the checksum. Sums by hand: Toyota's, 8 + id 03 00 + bytes. */
#include "bind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "BU_: ECU\n"
                           "BO_ 768 BODY_COMMAND: 8 ECU\n"
                           " SG_ LAMP : 0|2@1+ (1,0) [0|3] \"\" ECU\n"
                           " SG_ LEVEL : 8|8@1+ (0.5,0) [0|100] \"%\" ECU\n"
                           " SG_ COUNTER : 48|4@1+ (1,0) [0|15] \"\" ECU\n"
                           " SG_ CHECKSUM : 56|8@1+ (1,0) [0|255] \"\" ECU\n";

static const char mapping_json[] =
    "{\"Vehicle\":{\"type\":\"branch\",\"children\":{"
    "\"Lamp\":{\"type\":\"actuator\",\"datatype\":\"uint8\",\"vss2dbc\":{\"signal\":\"LAMP\"}},"
    "\"Level\":{\"type\":\"actuator\",\"datatype\":\"float\",\"vss2dbc\":{\"signal\":\"LEVEL\"}}}}}";

static struct ct_bind *open_bind(void)
{
    char problem[512] = "";
    struct ct_dbc *dbc = NULL;
    struct ct_protect *protect = NULL;
    struct ct_mapping *mapping = NULL;
    struct ct_bind *bind = NULL;
    assert_int_equal(ct_dbc_parse("body.dbc", text, strlen(text), NULL, NULL, &dbc), CT_OK);
    const struct ct_dbc *const dbcs[] = {dbc};
    const struct ct_protect_config config = {.match = "*", .scheme = "toyota"};
    assert_int_equal(ct_protect_compile(dbcs, 1, &config, 1, &protect, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_mapping_parse("m", mapping_json, strlen(mapping_json), &mapping, problem, sizeof problem),
                     CT_OK);
    const struct ct_bind_bus bus = {.name = "can0", .dbcs = &dbc, .dbc_count = 1, .protect = protect};
    assert_int_equal(ct_bind_create(&bus, 1, mapping, "m", &bind, problem, sizeof problem), CT_OK);
    return bind;
}

static struct ct_frame ask(struct ct_bind *bind, const char *path, double number)
{
    const struct ct_map_value value = {.number = number};
    struct ct_frame frame;
    assert_int_equal(ct_bind_encode(bind, path, &value, &frame), CT_OK);
    return frame;
}

static void test_bind_encode_counts_what_was_sent_and_sums(void **state)
{
    (void)state;
    struct ct_bind *bind = open_bind();
    struct ct_frame frame = ask(bind, "Vehicle.Lamp", 1);
    assert_memory_equal(frame.data, ((const uint8_t[8]){1, 0, 0, 0, 0, 0, 0, 12}), 8);
    /* not sent: the counter stays */
    frame = ask(bind, "Vehicle.Level", 10.5);
    assert_memory_equal(frame.data, ((const uint8_t[8]){0, 21, 0, 0, 0, 0, 0, 32}), 8);
    ct_bind_sent(bind, &frame);
    frame = ask(bind, "Vehicle.Lamp", 1);
    assert_memory_equal(frame.data, ((const uint8_t[8]){1, 21, 0, 0, 0, 0, 1, 34}), 8);
    ct_bind_free(bind);
}

static void test_bind_reload_counts_on(void **state)
{
    (void)state;
    struct ct_bind *old = open_bind();
    struct ct_bind *bind = open_bind();
    const struct ct_frame sent = ask(old, "Vehicle.Lamp", 1);
    ct_bind_sent(old, &sent);
    ct_bind_carry(bind, old);
    ct_bind_free(old);
    const struct ct_frame frame = ask(bind, "Vehicle.Lamp", 2);
    assert_memory_equal(frame.data, ((const uint8_t[8]){2, 0, 0, 0, 0, 0, 1, 14}), 8);
    ct_bind_free(bind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bind_encode_counts_what_was_sent_and_sums),
        cmocka_unit_test(test_bind_reload_counts_on),
    };
    return cmocka_run_group_tests_name("bind_protect", tests, NULL, NULL);
}
