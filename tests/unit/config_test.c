#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct link {
    char *endpoint;
    uint16_t port;
};

struct bus {
    char *name;
    bool fd;
    char **dbc;
    uint32_t dbc_count;
};

struct settings {
    char *vehicle_id;
    int8_t small;
    uint32_t mask;
    double ratio;
    float narrow;
    bool enabled;
    int level;
    unsigned roles;
    char tag[8];
    struct link link;
    struct link *spare;
    struct bus *buses;
    uint32_t buses_count;
};

static const cyaml_strval_t levels[] = {{"info", 6}, {"debug", 7}};

static const cyaml_schema_field_t link_fields[] = {
    CYAML_FIELD_STRING_PTR("endpoint", CYAML_FLAG_POINTER, struct link, endpoint, 1, 64),
    CYAML_FIELD_UINT("port", CYAML_FLAG_OPTIONAL, struct link, port), CYAML_FIELD_END};

static const cyaml_schema_value_t file_value = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 1, 64)};

static const cyaml_schema_field_t bus_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct bus, name, 1, 8),
    CYAML_FIELD_BOOL("fd", CYAML_FLAG_OPTIONAL, struct bus, fd),
    CYAML_FIELD_SEQUENCE("dbc", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct bus, dbc, &file_value, 0, 4),
    CYAML_FIELD_END};

static const cyaml_schema_value_t bus_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct bus, bus_fields)};

static const cyaml_strval_t roles[] = {{"director", 1}, {"release", 2}};

static const cyaml_schema_field_t settings_fields[] = {
    CYAML_FIELD_STRING_PTR("vehicle_id", CYAML_FLAG_POINTER, struct settings, vehicle_id, 1, 64),
    CYAML_FIELD_INT("small", CYAML_FLAG_OPTIONAL, struct settings, small),
    CYAML_FIELD_UINT("mask", CYAML_FLAG_OPTIONAL, struct settings, mask),
    CYAML_FIELD_FLOAT("ratio", CYAML_FLAG_OPTIONAL, struct settings, ratio),
    CYAML_FIELD_FLOAT("narrow", CYAML_FLAG_OPTIONAL, struct settings, narrow),
    CYAML_FIELD_BOOL("enabled", CYAML_FLAG_OPTIONAL, struct settings, enabled),
    CYAML_FIELD_ENUM("level", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings, level, levels, 2),
    CYAML_FIELD_FLAGS("roles", CYAML_FLAG_OPTIONAL | CYAML_FLAG_STRICT, struct settings, roles, roles, 2),
    CYAML_FIELD_STRING("tag", CYAML_FLAG_OPTIONAL, struct settings, tag, 0),
    CYAML_FIELD_MAPPING("link", CYAML_FLAG_OPTIONAL, struct settings, link, link_fields),
    CYAML_FIELD_MAPPING_PTR("spare", CYAML_FLAG_OPTIONAL, struct settings, spare, link_fields),
    CYAML_FIELD_SEQUENCE("buses", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct settings, buses, &bus_value, 0, 3),
    CYAML_FIELD_END};

static const cyaml_schema_value_t schema = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct settings, settings_fields)};

static struct settings *load_good(const char *text)
{
    char problem[512] = "";
    void *config = NULL;
    const int err = ct_config_load_text("c.yaml", text, strlen(text), &schema, &config, problem, sizeof(problem));
    assert_string_equal(problem, "");
    assert_int_equal(err, CT_OK);
    return config;
}

static void test_config_complete_file_fills_every_field(void **state)
{
    (void)state;
    struct settings *s = load_good("vehicle_id: demo\nsmall: -128\nmask: 0xFFFFFFFF\nratio: 2.5e-3\nnarrow: 0.5\n"
                                   "roles: [release, director]\nenabled: yes\nlevel: debug\ntag: abcdefg\nlink: "
                                   "{endpoint: 'tcp://h:1', port: 65535}\n"
                                   "buses:\n  - name: can0\n  - name: can1\n    fd: true\n    dbc: [a.dbc, b.dbc]\n");
    assert_string_equal(s->vehicle_id, "demo");
    assert_int_equal(s->small, -128);
    assert_int_equal(s->mask, UINT32_MAX);
    assert_true(s->ratio == 2.5e-3 && s->narrow == 0.5F);
    assert_true(s->enabled);
    assert_int_equal(s->level, 7);
    assert_int_equal(s->roles, 3);
    assert_string_equal(s->tag, "abcdefg");
    assert_string_equal(s->link.endpoint, "tcp://h:1");
    assert_int_equal(s->link.port, 65535);
    assert_null(s->spare);
    assert_int_equal(s->buses_count, 2);
    assert_false(s->buses[0].fd);
    assert_int_equal(s->buses[1].dbc_count, 2);
    assert_string_equal(s->buses[1].dbc[1], "b.dbc");
    ct_config_free(&schema, s);
}

static void test_config_boolean_words_mean_what_they_say(void **state)
{
    (void)state;
    static const char *const words[] = {"false", "true", "no", "yes", "0", "1"};
    for (size_t i = 0; i < 6; i++) {
        char text[64];
        (void)snprintf(text, sizeof(text), "vehicle_id: x\nenabled: %s\n", words[i]);
        struct settings *s = load_good(text);
        assert_int_equal(s->enabled, i % 2);
        ct_config_free(&schema, s);
    }
}

#define KNOWN "known keys: vehicle_id, small, mask, ratio, narrow, enabled, level, roles, tag, link, spare, buses"

/* Lines and columns counted by hand. */
static void test_config_bad_text_is_located(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
        const char *problem;
    } cases[] = {
        {"", CT_ERR_SYNTAX, "c.yaml:1:1: error: the file is empty; " KNOWN},
        {"vehicle_id: a\nspeed: 2\n", CT_ERR_SYNTAX, "c.yaml:2:1: error: unknown key 'speed'; " KNOWN},
        {"vehicle_id: a\nlink:\n  endpoint: y\n\n  prt: 3\n", CT_ERR_SYNTAX,
         "c.yaml:5:3: error: unknown key 'prt' in 'link'; known keys: endpoint, port"},
        {"vehicle_id: a\nbuses:\n  - name: b\n    fdd: 1\n", CT_ERR_SYNTAX,
         "c.yaml:4:5: error: unknown key 'fdd' in 'buses'; known keys: name, fd, dbc"},
        {"small: 1\n", CT_ERR_SYNTAX, "c.yaml:1:1: error: key 'vehicle_id' is missing"},
        {"vehicle_id: a\nlink:\n  port: 1\n", CT_ERR_SYNTAX, "c.yaml:3:3: error: key 'endpoint' is missing in 'link'"},
        {"vehicle_id: a\nvehicle_id: b\n", CT_ERR_SYNTAX,
         "c.yaml:2:1: error: key 'vehicle_id' is given twice; keep one"},
        {"vehicle_id: a\nsmall: 128\n", CT_ERR_RANGE,
         "c.yaml:2:8: error: 'small' cannot be '128': expected -128 to 127"},
        {"vehicle_id: a\nmask: -1\n", CT_ERR_RANGE,
         "c.yaml:2:7: error: 'mask' cannot be '-1': expected 0 to 4294967295"},
        {"vehicle_id: a\nmask: 3x\n", CT_ERR_SYNTAX,
         "c.yaml:2:7: error: 'mask' cannot be '3x': expected a whole number"},
        {"vehicle_id: a\nenabled: maybe\n", CT_ERR_SYNTAX,
         "c.yaml:2:10: error: 'enabled' cannot be 'maybe': expected true or false"},
        {"vehicle_id: a\nlevel: loud\n", CT_ERR_SYNTAX,
         "c.yaml:2:8: error: 'level' cannot be 'loud': expected one of info, debug"},
        {"vehicle_id: a\nratio: 1e400\n", CT_ERR_RANGE,
         "c.yaml:2:8: error: 'ratio' cannot be '1e400': expected a finite number"},
        {"vehicle_id: a\ntag: abcdefgh\n", CT_ERR_RANGE,
         "c.yaml:2:6: error: 'tag' cannot be 'abcdefgh': expected 0 to 7 characters"},
        {"vehicle_id: a\nsmall: [1]\n", CT_ERR_SYNTAX, "c.yaml:2:8: error: 'small' must be one value"},
        {"vehicle_id: a\nlink: 3\n", CT_ERR_SYNTAX, "c.yaml:2:7: error: 'link' must be a mapping (key: value)"},
        {"- 1\n", CT_ERR_SYNTAX, "c.yaml:1:1: error: the file must be a mapping (key: value)"},
        {"vehicle_id: a\nbuses: [{name: a}, {name: b}, {name: c}, {name: d}]\n", CT_ERR_RANGE,
         "c.yaml:2:8: error: 'buses' has 4 entries; allowed are 0 to 3"},
        {"vehicle_id: a\nroles: [release, boss]\n", CT_ERR_SYNTAX,
         "c.yaml:2:18: error: 'roles' cannot have 'boss': expected some of director, release"},
        {"vehicle_id: a\n\"x\\ny\": 1\n", CT_ERR_SYNTAX, "c.yaml:2:1: error: unknown key 'x?y'; " KNOWN},
        {"vehicle_id: a\n---\nsmall: 1\n", CT_ERR_SYNTAX,
         "c.yaml:2:1: error: a second document begins here; keep one in the file"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char problem[512] = "";
        void *config = NULL;
        const int err =
            ct_config_load_text("c.yaml", cases[i].text, strlen(cases[i].text), &schema, &config, problem, 512);
        assert_string_equal(problem, cases[i].problem);
        assert_int_equal(err, cases[i].err);
        assert_null(config);
    }
}

static void test_config_broken_yaml_is_located(void **state)
{
    (void)state;
    char problem[512];
    void *config = NULL;
    const char text[] = "vehicle_id: a\n\tsmall: 1\n";
    assert_int_equal(ct_config_load_text("c.yaml", text, sizeof(text) - 1, &schema, &config, problem, 512),
                     CT_ERR_SYNTAX);
    assert_memory_equal(problem, "c.yaml:2:1: error: not valid YAML: ", 35);
    assert_null(config);
}

static void test_config_short_problem_buffer_is_not_overrun(void **state)
{
    (void)state;
    char problem[12] = "zzzzzzzzzzz";
    void *config = NULL;
    assert_int_equal(ct_config_load_text("c.yaml", "x: 1\n", 5, &schema, &config, problem, 8), CT_ERR_SYNTAX);
    assert_string_equal(problem, "c.yaml:");
    assert_memory_equal(problem + 8, "zzz", 3);
}

static void test_config_missing_file_names_it(void **state)
{
    (void)state;
    char problem[512];
    void *config = NULL;
    assert_int_equal(ct_config_load("does-not-exist.yaml", &schema, &config, problem, sizeof(problem)),
                     CT_ERR_NOT_FOUND);
    assert_string_equal(problem, "does-not-exist.yaml: error: cannot be read: not found; name a readable "
                                 "configuration file");
}

static void test_config_file_on_disk_loads(void **state)
{
    (void)state;
    char path[] = "config_test_XXXXXX";
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "vehicle_id: v7\n", 15), 15);
    close(fd);
    char problem[512] = "";
    void *config = NULL;
    const int err = ct_config_load(path, &schema, &config, problem, sizeof(problem));
    (void)unlink(path);
    assert_int_equal(err, CT_OK);
    assert_string_equal(((struct settings *)config)->vehicle_id, "v7");
    ct_config_free(&schema, config);
}

static void test_config_set_dotted_keys_replace_values(void **state)
{
    (void)state;
    struct settings *s = load_good("vehicle_id: demo\nlink: {endpoint: 'tcp://old', port: 1}\n");
    static const char *const pairs[][2] = {
        {"vehicle_id", "other"}, {"link.endpoint", "tcp://new"},
        {"link.port", "17601"},  {"small", "-5"},
        {"ratio", "-0.125"},     {"enabled", "true"},
        {"level", "debug"},      {"tag", "t"},
        {"spare.endpoint", "s"}, {"mask", "0x1F"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        char problem[256] = "";
        assert_int_equal(ct_config_set(s, &schema, pairs[i][0], pairs[i][1], problem, sizeof(problem)), CT_OK);
    }
    assert_string_equal(s->vehicle_id, "other");
    assert_string_equal(s->link.endpoint, "tcp://new");
    assert_int_equal(s->link.port, 17601);
    assert_int_equal(s->small, -5);
    assert_true(s->ratio == -0.125);
    assert_true(s->enabled);
    assert_int_equal(s->level, 7);
    assert_string_equal(s->tag, "t");
    assert_string_equal(s->spare->endpoint, "s");
    assert_int_equal(s->mask, 31);
    ct_config_free(&schema, s);
}

static void test_config_set_wrong_key_or_value_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
        int err;
        const char *problem;
    } cases[] = {
        {"speed", "1", CT_ERR_NOT_FOUND, "--speed: error: unknown key 'speed'; " KNOWN},
        {"link.prt", "1", CT_ERR_NOT_FOUND, "--link.prt: error: unknown key 'prt'; known keys in link: endpoint, port"},
        {"link", "1", CT_ERR_NOT_FOUND, "--link: error: not a single value; set it in the configuration file"},
        {"buses", "1", CT_ERR_NOT_FOUND, "--buses: error: not a single value; set it in the configuration file"},
        {"small.x", "1", CT_ERR_NOT_FOUND, "--small.x: error: not a single value; set it in the configuration file"},
        {"spare.x", "1", CT_ERR_NOT_FOUND, "--spare.x: error: unknown key 'x'; known keys in spare: endpoint, port"},
        {"link.port", "70000", CT_ERR_RANGE, "--link.port: error: cannot be '70000': expected 0 to 65535"},
        {"link.port", "", CT_ERR_SYNTAX, "--link.port: error: cannot be '': expected a whole number"},
        {"tag", "12345678", CT_ERR_RANGE, "--tag: error: cannot be '12345678': expected 0 to 7 characters"},
    };
    struct settings *s = load_good("vehicle_id: demo\nlink: {endpoint: e, port: 9}\ntag: old\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char problem[512] = "";
        assert_int_equal(ct_config_set(s, &schema, cases[i].key, cases[i].value, problem, 512), cases[i].err);
        assert_string_equal(problem, cases[i].problem);
    }
    assert_int_equal(s->link.port, 9);
    assert_string_equal(s->tag, "old");
    assert_null(s->spare);
    ct_config_free(&schema, s);
    ct_config_free(&schema, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_config_complete_file_fills_every_field),
        cmocka_unit_test(test_config_boolean_words_mean_what_they_say),
        cmocka_unit_test(test_config_bad_text_is_located),
        cmocka_unit_test(test_config_broken_yaml_is_located),
        cmocka_unit_test(test_config_short_problem_buffer_is_not_overrun),
        cmocka_unit_test(test_config_missing_file_names_it),
        cmocka_unit_test(test_config_file_on_disk_loads),
        cmocka_unit_test(test_config_set_dotted_keys_replace_values),
        cmocka_unit_test(test_config_set_wrong_key_or_value_changes_nothing),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
