#include "problems.h"
#include "routes_file.h"
#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bus a knows a classic message with counter and checksum, and a J1939 one. */
static const char database[] =
    "BO_ 291 SPEED: 8 X\n"
    " SG_ CHECK : 0|8@1+ (1,0) [0|255] \"\" X\n"
    " SG_ COUNT : 8|4@1+ (1,0) [0|14] \"\" X\n"
    " SG_ KMH : 16|16@1+ (0.01,0) [0|0] \"\" X\n"
    " SG_ MODE M : 32|8@1+ (1,0) [0|0] \"\" X\n"
    "BO_ 2566844926 CCVS1: 8 X\n"
    " SG_ WheelSpeed : 8|16@1+ (0.00390625,0) [0|0] \"\" X\n"
    "BA_DEF_ BO_ \"VFrameFormat\" ENUM \"StandardCAN\",\"ExtendedCAN\",\"reserved\",\"J1939PG\";\n"
    "BA_DEF_DEF_ \"VFrameFormat\" \"StandardCAN\";\n"
    "BA_ \"VFrameFormat\" BO_ 2566844926 3;\n";
static struct ct_dbc *dbc;
static struct ct_codec *codec;
static struct ct_protect *protect;

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static int open_database(void **state)
{
    (void)state;
    const struct ct_protect_config config = {.message = "SPEED", .scheme = "e2e-p01"};
    char problem[200];
    assert_int_equal(ct_dbc_parse("x.dbc", database, strlen(database), ignore, NULL, &dbc), CT_OK);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    const struct ct_dbc *const dbcs[] = {dbc};
    assert_int_equal(ct_protect_compile(dbcs, 1, &config, 1, &protect, problem, sizeof problem), CT_OK);
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    ct_protect_free(protect);
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}

static const struct ct_codec_message *by_name(void *user, const char *bus, const char *name)
{
    (void)user;
    return strcmp(bus, "a") == 0 ? ct_codec_by_name(codec, name) : NULL;
}

static const struct ct_codec_message *by_id(void *user, const char *bus, uint32_t id, bool extended)
{
    (void)user;
    return strcmp(bus, "a") == 0 ? ct_codec_find(codec, id, extended) : NULL;
}

static const struct ct_protect_rule *protection(void *user, const char *bus, const struct ct_codec_message *message)
{
    (void)user;
    (void)bus;
    return ct_protect_rule_of(protect, ct_codec_model(message));
}

static const struct ct_message_lookup lookup = {NULL, by_name, by_id, protection};
static const struct ct_routes_world world = {.names = {"a", "b", "c"},
                                             .ports = {"can0", "can1", "can0"},
                                             .fd = {false, true, false},
                                             .count = 3,
                                             .lookup = &lookup};

static int load(const char *text, struct ct_routes **out_routes, char *problem, size_t size)
{
    return ct_routes_load_text("r.yaml", text, strlen(text), &world, out_routes, problem, size);
}

static void test_routes_file_example_says_what_it_says(void **state)
{
    (void)state;
    struct ct_routes *routes = NULL;
    char problem[400] = "";
    static const char text[] = "routes:\n"
                               "  - {name: speed, from: a, to: b, message: SPEED, rate: 100,\n"
                               "     signals: [{name: KMH, scale: 0.5, offset: 3, max: 250}]}\n"
                               "  - {from: a, to: b, message: CCVS1, rate: 20}\n"
                               "  - {from: b, to: a, id: 0x18DA10F1, mask: 0x1FFF00FF, extended: true, rate: 50}\n"
                               "  - {from: a, to: b, id: 0x700, mask: 0x7F0, rate: 2.5, direction: both}\n";
    assert_int_equal(load(text, &routes, problem, sizeof problem), CT_OK);
    assert_string_equal(problem, "");
    assert_int_equal(ct_routes_count(routes), 5);
    const struct ct_route_rule *rule = ct_routes_rule(routes, 0);
    assert_string_equal(rule->name, "speed");
    assert_int_equal(rule->id, 291);
    assert_int_equal(rule->mask, UINT32_MAX);
    assert_non_null(rule->protection);
    assert_int_equal(rule->change_count, 1);
    assert_int_equal(rule->changes[0].signal, 2);
    assert_true(rule->changes[0].factor == 0.5 && rule->changes[0].offset == 3 && rule->changes[0].max == 250);
    rule = ct_routes_rule(routes, 1); /* PGN 65265 of any priority and source */
    assert_int_equal(rule->id & rule->mask, 65265U << 8);
    assert_true(rule->extended);
    assert_int_equal(rule->mask, 0x03FFFF00);
    rule = ct_routes_rule(routes, 2);
    assert_true(rule->from == 1 && rule->to == 0 && rule->extended);
    rule = ct_routes_rule(routes, 3);
    assert_true(rule->from == 0 && rule->to == 1 && rule->max_per_s == 2.5);
    rule = ct_routes_rule(routes, 4);
    assert_true(rule->from == 1 && rule->to == 0 && rule->mask == 0x7F0);
    ct_routes_free(routes);
}

#define A_TO_B "routes:\n  - {from: a, to: b, rate: 1, "

static void test_routes_file_bad_route_is_named_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem; /* behind the file's name */
    } cases[] = {
        {A_TO_B "id: 1, speed: 2}\n", ":2:38: error: unknown key 'speed' in 'routes'; known keys: name, from, to, "
                                      "message, id, mask, extended, rate, direction, signals"},
        {A_TO_B "id: 1}\n  - {from: a, to: d, rate: 1, id: 2}\n",
         ":3:5: error: route 2: 'd' is none of the gateway's buses"},
        {"routes:\n  - {from: a, to: a, rate: 1, id: 2}\n",
         ":2:5: error: route 1: 'from' and 'to' are the same bus: its frames would go round for ever"},
        {"routes:\n  - {from: a, to: c, rate: 1, id: 2}\n",
         ":2:5: error: route 1: 'from' and 'to' are the same bus: its frames would go round for ever"},
        {A_TO_B "}\n", ":2:5: error: route 1: needs either 'id' or 'message'"},
        {A_TO_B "id: 1, message: SPEED}\n", ":2:5: error: route 1: needs either 'id' or 'message'"},
        {A_TO_B "id: 0x800}\n", ":2:5: error: route 1: 'id' is too large; 29-bit ids need 'extended: true'"},
        {A_TO_B "message: SPEED, mask: 1}\n",
         ":2:5: error: route 1: 'mask' and 'extended' go with 'id'; 'message' knows its own"},
        {A_TO_B "message: RPM}\n", ":2:5: error: route 1: the DBC files of bus 'a' have no message 'RPM'"},
        {"routes:\n  - {from: a, to: b, rate: 0, id: 1}\n",
         ":2:5: error: route 1: 'rate' must be above 0 (per second)"},
        {A_TO_B "id: 291, signals: [{name: KMH, set: 1}]}\n", ":2:5: error: route 1: 'signals' need a 'message'"},
        {A_TO_B "message: SPEED, direction: both, signals: [{name: KMH, set: 1}]}\n",
         ":2:5: error: route 1: a route that rewrites signals has one direction; write two"},
        {A_TO_B "message: SPEED, signals: [{name: RPM, set: 1}]}\n",
         ":2:5: error: route 1: signal 'RPM': the message does not have it"},
        {A_TO_B "message: SPEED, signals: [{name: KMH}]}\n",
         ":2:5: error: route 1: signal 'KMH': needs either 'set', or some of 'scale', 'offset', 'min' and 'max'"},
        {A_TO_B "message: SPEED, signals: [{name: KMH, min: 2, max: 1}]}\n",
         ":2:5: error: route 1: signal 'KMH': 'min' is above 'max'"},
        {A_TO_B "message: SPEED, signals: [{name: COUNT, set: 1}]}\n",
         ":2:5: error: route 1: signal 'COUNT': it is the message's counter or checksum, which are made anew by "
         "themselves"},
        {A_TO_B "message: SPEED, signals: [{name: MODE, set: 1}]}\n",
         ":2:5: error: route 1: signal 'MODE': a multiplexer says what the other signals are and is not rewritten"},
        {A_TO_B "id: 1}\n  - {from: b, to: a, id: 1, rate: 1, direction: both}\n",
         ":3:5: error: route 2: an earlier route has the same ids, 'from' and 'to'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char problem[400] = "";
        struct ct_routes *routes = NULL;
        assert_int_not_equal(load(cases[i].text, &routes, problem, sizeof problem), CT_OK);
        assert_memory_equal(problem, "r.yaml", 6);
        assert_string_equal(problem + 6, cases[i].problem);
        assert_null(routes);
    }
}

static void test_routes_file_all_problems_are_told_each_at_its_line(void **state)
{
    (void)state;
    static const char text[] = "routes:\n"
                               "  - {from: a, to: b, rate: 1, id: 1}\n"
                               "  - {from: x, to: y, rate: 0, id: 0x800}\n"
                               "  - {from: a, to: b, rate: 1, id: 1}\n"
                               "  - {from: a, to: b, rate: 1, message: SPEED,\n"
                               "     signals: [{name: NO, set: 1}, {name: KMH, set: 3}, {name: MODE, set: 1}]}\n"
                               "  - {from: a, to: b, rate: 1, id: 1}\n"
                               "  - {from: a, to: b, rate: 1}\n";
    static const char *const wanted[] = {
        "r.yaml:3:5: error: route 2: 'rate' must be above 0 (per second)",
        "r.yaml:3:5: error: route 2: 'x' is none of the gateway's buses",
        "r.yaml:3:5: error: route 2: 'y' is none of the gateway's buses",
        "r.yaml:3:5: error: route 2: 'id' is too large; 29-bit ids need 'extended: true'",
        "r.yaml:5:5: error: route 4: signal 'NO': the message does not have it",
        "r.yaml:5:5: error: route 4: signal 'MODE': a multiplexer says what the other signals are and is not rewritten",
        "r.yaml:8:5: error: route 6: needs either 'id' or 'message'",
        "r.yaml:4:5: error: route 3: an earlier route has the same ids, 'from' and 'to'",
        "r.yaml:7:5: error: route 5: an earlier route has the same ids, 'from' and 'to'",
    };
    char *problems = calloc(1, CT_PROBLEMS_ALL);
    struct ct_routes *routes = NULL;
    assert_non_null(problems);
    assert_int_not_equal(load(text, &routes, problems, CT_PROBLEMS_ALL), CT_OK);
    assert_null(routes);
    char *line = problems;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        char *end = line + strcspn(line, "\n");
        const bool last = *end == '\0';
        *end = '\0';
        assert_string_equal(line, wanted[i]);
        line = last ? end : end + 1;
    }
    assert_string_equal(line, "");
    free(problems);
}

static void test_routes_file_hidden_routes_have_their_lines(void **state)
{
    (void)state;
    static const char text[] = "routes:\n"
                               "  - {from: a, to: b, rate: 1, id: 0x120, mask: 0x7F0}\n"
                               "  # a comment\n"
                               "  - {from: a, to: b, rate: 1, message: SPEED}\n"
                               "  - {from: b, to: a, rate: 1, id: 0x123}\n";
    char problem[400] = "";
    struct ct_routes *routes = NULL;
    size_t by = 9;
    assert_int_equal(load(text, &routes, problem, sizeof problem), CT_OK);
    assert_false(ct_routes_hidden(routes, 0, &by));
    assert_true(ct_routes_hidden(routes, 1, &by)); /* SPEED is 0x123 */
    assert_int_equal(by, 0);
    assert_int_equal(ct_routes_rule(routes, 0)->line, 2);
    assert_int_equal(ct_routes_rule(routes, 1)->line, 4);
    assert_false(ct_routes_hidden(routes, 2, &by)); /* the other way */
    ct_routes_free(routes);
}

static void test_routes_file_missing_is_told(void **state)
{
    (void)state;
    char problem[400] = "";
    struct ct_routes *routes = NULL;
    assert_int_equal(ct_routes_load("no-such-routes.yaml", &world, &routes, problem, sizeof problem), CT_ERR_NOT_FOUND);
    assert_string_equal(problem, "no-such-routes.yaml: error: the routes cannot be read: not found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes_file_example_says_what_it_says),
        cmocka_unit_test(test_routes_file_bad_route_is_named_with_its_place),
        cmocka_unit_test(test_routes_file_missing_is_told),
        cmocka_unit_test(test_routes_file_all_problems_are_told_each_at_its_line),
        cmocka_unit_test(test_routes_file_hidden_routes_have_their_lines),
    };
    return cmocka_run_group_tests_name("routes_file", tests, open_database, close_database);
}
