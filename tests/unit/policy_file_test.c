#include "policy_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct ct_vehicle_state parked = {
    .speed_known = true, .ignition_known = true, .ignition_on = true, .voltage_known = true, .voltage = 12.6};

/* can1 has one message; its level is half of the raw value, and the branches of MODE carry different signals. */
static const char database[] = "BO_ 784 LAMPS: 3 X\n"
                               " SG_ MODE M : 0|4@1+ (1,0) [0|0] \"\" X\n"
                               " SG_ LEVEL : 8|8@1+ (0.5,0) [0|0] \"\" X\n"
                               " SG_ BLINK m1 : 16|8@1- (1,0) [0|0] \"\" X\n";
static struct ct_dbc *dbc;
static struct ct_codec *codec;

static void ignore(void *user, const struct ct_dbc_problem *problem)
{
    (void)user;
    (void)problem;
}

static int open_database(void **state)
{
    (void)state;
    assert_int_equal(ct_dbc_parse("x.dbc", database, strlen(database), ignore, NULL, &dbc), CT_OK);
    assert_int_equal(ct_codec_compile(dbc, &codec), CT_OK);
    return 0;
}

static int close_database(void **state)
{
    (void)state;
    ct_codec_free(codec);
    ct_dbc_free(dbc);
    return 0;
}

static const struct ct_codec_message *by_name(void *user, const char *bus, const char *name)
{
    (void)user;
    return strcmp(bus, "can1") == 0 ? ct_codec_by_name(codec, name) : NULL;
}

static const struct ct_codec_message *by_id(void *user, const char *bus, uint32_t id, bool extended)
{
    (void)user;
    return strcmp(bus, "can1") == 0 ? ct_codec_find(codec, id, extended) : NULL;
}

static const struct ct_message_lookup lookup = {NULL, by_name, by_id, NULL};

static int load(const char *text, struct ct_policy **out_policy, char *problem, size_t problem_size)
{
    char path[] = "policy_file_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    const int err = ct_policy_load(path, &lookup, out_policy, problem, problem_size);
    (void)unlink(path);
    return err;
}

static const char example[] =
    "transmit: [can1]\n"
    "frames:\n"
    "  - bus: can1\n"
    "    id: 0x2A0\n"
    "    length: 8\n"
    "    rate: 20\n"
    "    origins: [backend, local]\n"
    "    max_speed_kmh: 0\n"
    "  - {bus: can1, id: 0x18DA00F1, mask: 0x1FFF00FF, extended: true, length_min: 1,\n"
    "     length_max: 64, rate: 100, origins: [gateway]}\n"
    "uds:\n"
    "  - {ecu: '*', service: 0x22, rate: 10, origins: [backend]}\n"
    "  - {ecu: engine, service: 0x2E, first: 0x0160, release: true, rate: 1, origins: [local],\n"
    "     ignition_on: true, min_voltage: 11.5}\n"
    "desired:\n"
    "  - {path: Vehicle.Body.Lights.Beam.Low.IsOn, min: 0, max: 1, rate: 2, origins: [backend]}\n";

static void test_policy_file_example_says_what_it_says(void **state)
{
    (void)state;
    char problem[512] = "";
    struct ct_policy *policy = NULL;
    assert_int_equal(load(example, &policy, problem, sizeof(problem)), CT_OK);
    assert_string_equal(problem, "");
    struct ct_frame frame = {.id = 0x2A0, .len = 8};
    const struct ct_vehicle_state rolling = {.speed_known = true, .speed_kmh = 0.1};
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can1", &frame, &parked, 0), CT_VERDICT_ALLOW);
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can1", &frame, &rolling, 0), CT_VERDICT_VEHICLE_STATE);
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_ROUTE, "can1", &frame, &parked, 0), CT_VERDICT_NO_RULE);
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_LOCAL, "can0", &frame, &parked, 0), CT_VERDICT_TRANSMIT_OFF);
    frame = (struct ct_frame){.id = 0x18DA10F1, .flags = CT_FRAME_EXT, .len = 3};
    assert_int_equal(ct_policy_frame(policy, CT_ORIGIN_GATEWAY, "can1", &frame, &parked, 0), CT_VERDICT_ALLOW);
    const uint8_t read[] = {0x22, 0xF1, 0x90};
    assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_BACKEND, "body", read, 3, false, &parked, 0), CT_VERDICT_ALLOW);
    const uint8_t write_0160[] = {0x2E, 0x01, 0x60, 1};
    assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", write_0160, 4, true, &parked, 0),
                     CT_VERDICT_ALLOW);
    assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", write_0160, 4, false, &parked, 0),
                     CT_VERDICT_AUTHORITY);
    const uint8_t write_0161[] = {0x2E, 0x01, 0x61, 1};
    assert_int_equal(ct_policy_uds(policy, CT_ORIGIN_LOCAL, "engine", write_0161, 4, true, &parked, 0),
                     CT_VERDICT_NO_RULE);
    assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_BACKEND, "Vehicle.Body.Lights.Beam.Low.IsOn", 1.0, &parked, 0),
                     CT_VERDICT_ALLOW);
    assert_int_equal(ct_policy_desired(policy, CT_ORIGIN_BACKEND, "Vehicle.Body.Lights.Beam.Low.IsOn", 2.0, &parked, 0),
                     CT_VERDICT_VALUE);
    ct_policy_free(policy);
}

#define LAMPS "frames:\n  - {bus: can1, message: LAMPS, rate: 1, origins: [local]"
#define FRAME "frames:\n  - {bus: can1, id: 0x10, rate: 1, origins: [local]"

static void test_policy_file_bad_rule_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *problem; /* behind the file's name */
    } cases[] = {
        {"frame: []\n", ":1:1: error: unknown key 'frame'; known keys: transmit, frames, uds, desired"},
        {FRAME ", length: 8, speed: 1}\n",
         ":2:65: error: unknown key 'speed' in 'frames'; known keys: bus, message, id, signals, mask, extended, "
         "length, "
         "length_min, length_max, rate, origins, max_speed_kmh, ignition_on, min_voltage"},
        {"frames:\n  - {bus: can1, length: 8, rate: 1, origins: [local]}\n",
         ": error: frames rule 1: needs either 'id' or 'message'"},
        {FRAME ", message: LAMPS, length: 8}\n", ": error: frames rule 1: needs either 'id' or 'message'"},
        {LAMPS ", extended: true}\n",
         ": error: frames rule 1: 'mask' and 'extended' go with 'id'; 'message' knows its own"},
        {"frames:\n  - {bus: can1, message: HORN, rate: 1, origins: [local]}\n",
         ": error: frames rule 1: the DBC files of bus 'can1' have no message 'HORN'"},
        {LAMPS ", signals: [{name: RPM, max: 1}]}\n",
         ": error: frames rule 1: signal 'RPM': the message does not have it"},
        {LAMPS ", signals: [{name: LEVEL}]}\n", ": error: frames rule 1: signal 'LEVEL': needs 'min' or 'max'"},
        {LAMPS ", signals: [{name: LEVEL, min: 2, max: 1}]}\n",
         ": error: frames rule 1: signal 'LEVEL': 'min' is above 'max'"},
        {FRAME ", mask: 0x7F0, length: 8, signals: [{name: LEVEL, max: 1}]}\n",
         ": error: frames rule 1: 'signals' need a 'message', or an 'id' without 'mask'"},
        {FRAME "}\n", ": error: frames rule 1: needs either 'length' or 'length_min' and 'length_max'"},
        {FRAME ", length: 8, length_min: 1}\n",
         ": error: frames rule 1: needs either 'length' or 'length_min' and 'length_max'"},
        {FRAME ", length_min: 1}\n", ": error: frames rule 1: 'length_min' and 'length_max' go together"},
        {FRAME ", length_min: 5, length_max: 4}\n", ": error: frames rule 1: lengths must rise and be at most 64"},
        {FRAME ", length: 65}\n", ": error: frames rule 1: lengths must rise and be at most 64"},
        {FRAME ", length: 8}\n  - {bus: can1, id: 0x800, length: 8, rate: 1, origins: [local]}\n",
         ": error: frames rule 2: 'id' is too large; 29-bit ids need 'extended: true'"},
        {"uds:\n  - {ecu: a, service: 0x22, rate: 0, origins: [local]}\n",
         ": error: uds rule 1: 'rate' must be above 0 (per second)"},
        {"uds:\n  - {ecu: a, service: 0x22, rate: 1, origins: []}\n",
         ": error: uds rule 1: 'origins' must name at least one"},
        {"uds:\n  - {ecu: a, service: 0x122, rate: 1, origins: [local]}\n",
         ":2:23: error: 'service' cannot be '0x122': expected 0 to 255"},
        {"uds:\n  - {ecu: a, service: 0x22, first: 5, last: 4, rate: 1, origins: [local]}\n",
         ": error: uds rule 1: 'first' and 'last' must rise and be at most 0xFFFF"},
        {"uds:\n  - {ecu: a, service: 0x22, rate: 1, origins: [local]}\n"
         "  - {ecu: a, service: 0x2E, rate: 1, origins: [local]}\n",
         ": error: uds rule 2: service 0x2E changes the vehicle and needs 'release: true'"},
        {"uds:\n  - {ecu: a, service: 0x11, release: false, rate: 1, origins: [local]}\n",
         ": error: uds rule 1: service 0x11 changes the vehicle and needs 'release: true'"},
        {"desired:\n  - {path: A, min: 1, max: 0, rate: 1, origins: [local]}\n",
         ": error: desired rule 1: 'min' is above 'max'"},
        {"desired:\n  - {path: A, min: 1, rate: 1, origins: [local]}\n",
         ":2:5: error: key 'max' is missing in 'desired'"},
        {"desired:\n  - {path: A, min: 0, max: 1, rate: 1, origins: [cloud]}\n",
         ":2:50: error: 'origins' cannot have 'cloud': expected some of backend, local, route, gateway, tester"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char problem[512] = "";
        struct ct_policy *policy = NULL;
        assert_int_not_equal(load(cases[i].text, &policy, problem, sizeof(problem)), CT_OK);
        assert_non_null(strchr(problem, ':'));
        assert_string_equal(strchr(problem, ':'), cases[i].problem);
        assert_null(policy);
    }
}

static enum ct_verdict ask(struct ct_policy *policy, uint8_t mode, uint8_t level, uint8_t blink, uint8_t len)
{
    const struct ct_frame frame = {.id = 784, .len = len, .data = {mode, level, blink}};
    return ct_policy_frame(policy, CT_ORIGIN_ROUTE, "can1", &frame, &parked, 0);
}

static void check_ranges(struct ct_policy *policy)
{
    assert_int_equal(ask(policy, 0, 20, 0, 3), CT_VERDICT_ALLOW);
    assert_int_equal(ask(policy, 0, 40, 0, 3), CT_VERDICT_ALLOW); /* 20 is inside, both ends are */
    assert_int_equal(ask(policy, 0, 19, 0, 3), CT_VERDICT_VALUE);
    assert_int_equal(ask(policy, 0, 41, 0, 3), CT_VERDICT_VALUE);
    assert_int_equal(ask(policy, 1, 20, 0xFE, 3), CT_VERDICT_ALLOW); /* -2 */
    assert_int_equal(ask(policy, 1, 20, 0xFD, 3), CT_VERDICT_VALUE); /* -3 */
    assert_int_equal(ask(policy, 0, 20, 0xFD, 3), CT_VERDICT_ALLOW); /* no BLINK in this branch */
    assert_int_equal(ask(policy, 2, 20, 0, 3), CT_VERDICT_VALUE);    /* MODE itself has a range */
}

static void test_policy_file_signal_ranges_hold_for_what_the_frame_carries(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "transmit: [can1]\nframes:\n  - {bus: can1, message: LAMPS, rate: 100, origins: [route],\n"
        "     signals: [{name: LEVEL, min: 10, max: 20}, {name: BLINK, min: -2}, {name: MODE, max: 1}]}\n",
        "transmit: [can1]\nframes:\n  - {bus: can1, id: 0x310, length_min: 0, length_max: 3, rate: 100, "
        "origins: [route],\n"
        "     signals: [{name: LEVEL, min: 10, max: 20}, {name: BLINK, min: -2}, {name: MODE, max: 1}]}\n"};
    for (size_t i = 0; i < 2; i++) {
        char problem[512] = "";
        struct ct_policy *policy = NULL;
        assert_int_equal(load(texts[i], &policy, problem, sizeof(problem)), CT_OK);
        check_ranges(policy);
        /* A message by its name has its own length; a signal that is cut off is no good value. */
        assert_int_equal(ask(policy, 0, 20, 0, 1), i == 0 ? CT_VERDICT_LENGTH : CT_VERDICT_VALUE);
        const struct ct_rule_counts *counts = ct_policy_frame_counts(policy, 0);
        assert_int_equal(counts->by_verdict[CT_VERDICT_ALLOW], 4);
        assert_int_equal(counts->by_verdict[CT_VERDICT_VALUE], i == 0 ? 4 : 5);
        ct_policy_free(policy);
    }
}

static void test_policy_file_missing_is_told(void **state)
{
    (void)state;
    char problem[512] = "";
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_load("no-such-policy.yaml", NULL, &policy, problem, sizeof(problem)), CT_ERR_NOT_FOUND);
    assert_memory_equal(problem, "no-such-policy.yaml: error: ", 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_file_example_says_what_it_says),
        cmocka_unit_test(test_policy_file_bad_rule_is_named),
        cmocka_unit_test(test_policy_file_signal_ranges_hold_for_what_the_frame_carries),
        cmocka_unit_test(test_policy_file_missing_is_told),
    };
    return cmocka_run_group_tests_name("policy_file", tests, open_database, close_database);
}
