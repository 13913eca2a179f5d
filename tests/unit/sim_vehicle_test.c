/* The demo vehicle's files fit together: mapping and DBC, policy and ECUs, actuators and policy. */
#include "testing.h"

#include "bus_entries.h"
#include "dbc.h"
#include "files.h"
#include "mapping.h"
#include "policy.h"
#include "policy_file.h"

#include <stdlib.h>
#include <string.h>

#define VEHICLE       CANTWIN_SOURCE_DIR "/sim/vehicle/"
#define IS_NETWORK_OK "Vehicle.ControlUnit.Central.Health.Network.CAN.IsNetworkOK"

struct rig {
    struct ct_dbc *dbc[2]; /* can0, can1 */
    struct ct_dbc *own[CT_BUS_ENTRIES_KINDS];
    struct ct_mapping *mapping;
    struct ct_policy *policy;
};

static char *read_file(const char *path, size_t *out_len)
{
    uint8_t *text = NULL;
    assert_int_equal(ct_file_read(path, 1 << 20, &text, out_len), CT_OK);
    return (char *)text;
}

static struct ct_dbc *load_dbc(const char *path)
{
    struct ct_dbc *dbc = NULL;
    size_t len = 0;
    char *text = read_file(path, &len);
    assert_int_equal(ct_dbc_parse(path, text, len, NULL, NULL, &dbc), CT_OK);
    assert_int_equal(dbc->warning_count, 0);
    free(text);
    return dbc;
}

static int setup(void **state)
{
    static struct rig rig;
    char problem[512] = "";
    size_t len = 0;
    rig = (struct rig){.dbc = {load_dbc(VEHICLE "powertrain.dbc"), load_dbc(VEHICLE "body.dbc")}};
    char *text = read_file(VEHICLE "mapping.json", &len);
    const int err = ct_mapping_parse("mapping.json", text, len, &rig.mapping, problem, sizeof problem);
    free(text);
    assert_string_equal(problem, "");
    assert_int_equal(err, CT_OK);
    assert_int_equal(ct_policy_load(VEHICLE "policy.yaml", NULL, &rig.policy, problem, sizeof problem), CT_OK);
    assert_int_equal(ct_bus_entries_create((const char *const[]){"can0", "can1"}, 2, rig.own), CT_OK);
    *state = &rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    ct_policy_free(rig->policy);
    ct_mapping_free(rig->mapping);
    ct_dbc_free(rig->dbc[0]);
    ct_dbc_free(rig->dbc[1]);
    for (size_t i = 0; i < CT_BUS_ENTRIES_KINDS; i++) {
        ct_dbc_free(rig->own[i]);
    }
    return 0;
}

/* Of the buses themselves: what is known at different times is in databases of its own. */
static const struct ct_dbc_signal *own_signal_of(const struct rig *rig, const struct ct_map_signal *map)
{
    const struct ct_dbc_signal *found = NULL;
    for (size_t i = 0; i < CT_BUS_ENTRIES_KINDS && found == NULL; i++) {
        const struct ct_dbc_message *message = ct_dbc_find_message(rig->own[i], map->message);
        found = message != NULL ? ct_dbc_find_signal(message, map->signal) : NULL;
    }
    assert_non_null(found);
    return found;
}

static const struct ct_dbc_signal *signal_of(const struct rig *rig, const struct ct_map_signal *map)
{
    assert_non_null(map->bus);
    assert_non_null(map->message);
    if (strcmp(map->bus, CT_BUS_ENTRIES_BUS) == 0) {
        return own_signal_of(rig, map);
    }
    const struct ct_dbc *dbc = rig->dbc[strcmp(map->bus, "can1") == 0];
    const struct ct_dbc_message *message = ct_dbc_find_message(dbc, map->message);
    assert_non_null(message);
    const struct ct_dbc_signal *signal = ct_dbc_find_signal(message, map->signal);
    assert_non_null(signal);
    return signal;
}

static bool transforms(const struct ct_map_signal *map, double number, const char *text)
{
    const struct ct_map_value in = {.number = number, .text = text};
    struct ct_map_value out;
    return ct_transform_apply(map->transform, &in, &out) == CT_OK;
}

static void test_vehicle_mapping_names_signals_of_the_dbc_and_knows_their_labels(void **state)
{
    const struct rig *rig = *state;
    unsigned with_labels = 0;
    assert_int_equal(rig->mapping->count, 70);
    for (size_t i = 0; i < rig->mapping->count; i++) {
        const struct ct_map_rule *rule = &rig->mapping->rules[i];
        assert_true(rule->has_read);
        const struct ct_dbc_signal *signal = signal_of(rig, &rule->read);
        for (size_t t = 0; t < signal->text_count; t++) {
            const char *text = signal->texts[t].text;
            const bool known = transforms(&rule->read, (double)signal->texts[t].raw, text);
            if (strcmp(text, "NOT_AVAILABLE") != 0 && !known) {
                fail_msg("%s: no row for %s", rule->path, text);
            }
            with_labels++;
        }
    }
    assert_true(with_labels > 40);
}

/* VSS 6 has one answer for all CAN networks of a control unit: a node that is error-passive or worse cannot be heard as
 * it should (ISO 11898-1:2015, 12.1.4), warning is none. */
static void test_vehicle_mapping_network_is_ok_while_every_controller_takes_part(void **state)
{
    const struct rig *rig = *state;
    size_t at = 0;
    while (at < rig->mapping->count && strcmp(rig->mapping->rules[at].path, IS_NETWORK_OK) != 0) {
        at++;
    }
    assert_true(at < rig->mapping->count);
    const struct ct_map_rule *rule = &rig->mapping->rules[at];
    assert_int_equal(rule->datatype, CT_DT_BOOLEAN);
    for (unsigned s = 0; s < CT_BUS_STATE_COUNT; s++) {
        const struct ct_map_value in = {.number = s, .text = ct_bus_state_text((enum ct_bus_state)s)};
        struct ct_map_value out;
        assert_int_equal(ct_transform_apply(rule->read.transform, &in, &out), CT_OK);
        assert_true(out.number == (s == CT_BUS_ERROR_ACTIVE || s == CT_BUS_ERROR_WARNING ? 1 : 0));
    }
}

static void test_vehicle_actuators_write_labels_the_dbc_has(void **state)
{
    const struct rig *rig = *state;
    unsigned actuators = 0;
    for (size_t i = 0; i < rig->mapping->count; i++) {
        const struct ct_map_rule *rule = &rig->mapping->rules[i];
        for (int on = 0; rule->has_write && on < 2; on++) {
            const struct ct_dbc_signal *signal = signal_of(rig, &rule->write);
            const struct ct_map_value in = {.number = on, .is_bool = true};
            struct ct_map_value out;
            assert_int_equal(ct_transform_apply(rule->write.transform, &in, &out), CT_OK);
            assert_string_equal(out.text, ct_dbc_text_of(signal, on ? 2 : 1));
        }
        actuators += rule->has_write;
    }
    assert_int_equal(actuators, 3);
}

static void test_vehicle_policy_lets_the_actuators_move_and_doors_only_at_rest(void **state)
{
    const struct rig *rig = *state;
    const struct ct_vehicle_state rest = {.speed_known = true};
    const struct ct_vehicle_state fast = {.speed_known = true, .speed_kmh = 50};
    for (size_t i = 0; i < rig->mapping->count; i++) {
        const struct ct_map_rule *rule = &rig->mapping->rules[i];
        const bool lock = strstr(rule->path, "IsLocked") != NULL;
        const enum ct_verdict wanted = rule->has_write ? CT_VERDICT_ALLOW : CT_VERDICT_NO_RULE;
        const ct_ns now = (ct_ns)(i + 1) * CT_NS_PER_S;
        assert_int_equal(ct_policy_desired(rig->policy, CT_ORIGIN_BACKEND, rule->path, 1, &rest, now), wanted);
        if (rule->has_write) {
            assert_int_equal(ct_policy_desired(rig->policy, CT_ORIGIN_LOCAL, rule->path, 0, &fast, now),
                             lock ? CT_VERDICT_VEHICLE_STATE : CT_VERDICT_ALLOW);
            assert_int_equal(ct_policy_desired(rig->policy, CT_ORIGIN_LOCAL, rule->path, 2, &rest, now),
                             CT_VERDICT_VALUE);
        }
    }
}

static enum ct_verdict frame_verdict(const struct rig *rig, enum ct_origin origin, const char *bus, uint32_t id)
{
    const struct ct_vehicle_state unknown = {0};
    const struct ct_frame frame = {.id = id, .len = 8};
    return ct_policy_frame(rig->policy, origin, bus, &frame, &unknown, CT_NS_PER_S);
}

static void test_vehicle_policy_sends_requests_and_body_command_only(void **state)
{
    const struct rig *rig = *state;
    for (uint32_t id = 0; id <= CT_ID_STD_MAX; id++) {
        const bool request0 = (id >= 0x7E0 && id <= 0x7E3) || id == 0x7DF;
        const bool request1 = id == 0x7E4 || id == 0x7DF;
        const bool command = id == 0x330;
        assert_int_equal(frame_verdict(rig, CT_ORIGIN_GATEWAY, "can0", id) == CT_VERDICT_ALLOW, request0);
        assert_int_equal(frame_verdict(rig, CT_ORIGIN_GATEWAY, "can1", id) == CT_VERDICT_ALLOW, request1 || command);
        assert_int_equal(frame_verdict(rig, CT_ORIGIN_BACKEND, "can0", id) == CT_VERDICT_ALLOW, false);
        assert_int_equal(frame_verdict(rig, CT_ORIGIN_BACKEND, "can1", id) == CT_VERDICT_ALLOW, command);
    }
}

static void test_vehicle_policy_reads_identifiers_and_writes_none(void **state)
{
    const struct rig *rig = *state;
    const struct ct_vehicle_state unknown = {0};
    static const char *const ecus[] = {"engine", "gearbox", "battery", "body"};
    const uint8_t read[] = {0x22, 0xF1, 0x90};
    const uint8_t write[] = {0x2E, 0xF1, 0x90, 0x00};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(ct_policy_uds(rig->policy, CT_ORIGIN_BACKEND, ecus[i], read, 3, false, &unknown, CT_NS_PER_S),
                         CT_VERDICT_ALLOW);
        assert_int_equal(ct_policy_uds(rig->policy, CT_ORIGIN_BACKEND, ecus[i], write, 4, true, &unknown, CT_NS_PER_S),
                         CT_VERDICT_NO_RULE);
    }
    assert_int_equal(ct_policy_uds(rig->policy, CT_ORIGIN_BACKEND, "radio", read, 3, false, &unknown, CT_NS_PER_S),
                     CT_VERDICT_NO_RULE);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_vehicle_mapping_names_signals_of_the_dbc_and_knows_their_labels),
        CASE(test_vehicle_mapping_network_is_ok_while_every_controller_takes_part),
        CASE(test_vehicle_actuators_write_labels_the_dbc_has),
        CASE(test_vehicle_policy_lets_the_actuators_move_and_doors_only_at_rest),
        CASE(test_vehicle_policy_sends_requests_and_body_command_only),
        CASE(test_vehicle_policy_reads_identifiers_and_writes_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
