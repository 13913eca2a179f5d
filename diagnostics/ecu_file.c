#include "ecu_file.h"

#include "config.h"
#include "files.h"

#include <stdio.h>
#include <stdlib.h>

#define OPTIONAL    CYAML_FLAG_OPTIONAL
#define TEXT        CYAML_FLAG_POINTER
#define OPT_TEXT    (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define LIST        (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define NAME_MAX    63
#define LINE_MAX    255
#define ENTRIES_MAX 65536
#define FILE_MAX    (16U << 20U)

static const cyaml_strval_t type_labels[] = {
    {"hex", CT_ECU_HEX}, {"ascii", CT_ECU_ASCII}, {"uint", CT_ECU_UINT},
    {"int", CT_ECU_INT}, {"float", CT_ECU_FLOAT}, {"bcd", CT_ECU_BCD},
};

static const cyaml_schema_field_t state_fields[] = {
    CYAML_FIELD_UINT("value", CYAML_FLAG_DEFAULT, struct ct_ecu_state, value),
    CYAML_FIELD_STRING_PTR("text", TEXT, struct ct_ecu_state, text, 1, LINE_MAX), CYAML_FIELD_END};
static const cyaml_schema_value_t state_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_state, state_fields)};

static const cyaml_schema_field_t field_fields[] = {
    CYAML_FIELD_STRING_PTR("name", TEXT, struct ct_ecu_field, name, 1, NAME_MAX),
    CYAML_FIELD_STRING_PTR("unit", OPT_TEXT, struct ct_ecu_field, unit, 0, NAME_MAX),
    CYAML_FIELD_ENUM("type", CYAML_FLAG_STRICT, struct ct_ecu_field, type, type_labels, 6),
    CYAML_FIELD_UINT("at", OPTIONAL, struct ct_ecu_field, at),
    CYAML_FIELD_UINT("width", OPTIONAL, struct ct_ecu_field, width),
    CYAML_FIELD_UINT("bit", OPTIONAL, struct ct_ecu_field, bit),
    CYAML_FIELD_UINT("bits", OPTIONAL, struct ct_ecu_field, bits),
    CYAML_FIELD_FLOAT("factor", OPTIONAL, struct ct_ecu_field, factor),
    CYAML_FIELD_FLOAT("offset", OPTIONAL, struct ct_ecu_field, offset),
    CYAML_FIELD_SEQUENCE("states", LIST, struct ct_ecu_field, states, &state_entry, 0, ENTRIES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t field_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_field, field_fields)};

static const cyaml_schema_field_t did_fields[] = {
    CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct ct_ecu_did, id),
    CYAML_FIELD_STRING_PTR("name", TEXT, struct ct_ecu_did, name, 1, NAME_MAX),
    CYAML_FIELD_STRING_PTR("text", OPT_TEXT, struct ct_ecu_did, text, 0, LINE_MAX),
    CYAML_FIELD_UINT("length", OPTIONAL, struct ct_ecu_did, length),
    CYAML_FIELD_BOOL("write", OPTIONAL, struct ct_ecu_did, write),
    CYAML_FIELD_BOOL("no_read", OPTIONAL, struct ct_ecu_did, no_read),
    CYAML_FIELD_BOOL("io", OPTIONAL, struct ct_ecu_did, io),
    CYAML_FIELD_SEQUENCE("fields", LIST, struct ct_ecu_did, fields, &field_entry, 0, ENTRIES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t did_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_did, did_fields)};

static const cyaml_schema_field_t dtc_fields[] = {
    CYAML_FIELD_UINT("code", CYAML_FLAG_DEFAULT, struct ct_ecu_dtc, code),
    CYAML_FIELD_STRING_PTR("text", TEXT, struct ct_ecu_dtc, text, 1, LINE_MAX), CYAML_FIELD_END};
static const cyaml_schema_value_t dtc_entry = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_dtc, dtc_fields)};

static const cyaml_schema_field_t routine_fields[] = {
    CYAML_FIELD_UINT("id", CYAML_FLAG_DEFAULT, struct ct_ecu_routine, id),
    CYAML_FIELD_STRING_PTR("name", TEXT, struct ct_ecu_routine, name, 1, NAME_MAX),
    CYAML_FIELD_STRING_PTR("text", OPT_TEXT, struct ct_ecu_routine, text, 0, LINE_MAX),
    CYAML_FIELD_UINT("session", OPTIONAL, struct ct_ecu_routine, session),
    CYAML_FIELD_UINT("level", OPTIONAL, struct ct_ecu_routine, level),
    CYAML_FIELD_END};
static const cyaml_schema_value_t routine_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_routine, routine_fields)};

static const cyaml_schema_field_t record_fields[] = {
    CYAML_FIELD_UINT("record", CYAML_FLAG_DEFAULT, struct ct_ecu_record, record),
    CYAML_FIELD_STRING_PTR("name", TEXT, struct ct_ecu_record, name, 1, NAME_MAX),
    CYAML_FIELD_UINT("length", CYAML_FLAG_DEFAULT, struct ct_ecu_record, length), CYAML_FIELD_END};
static const cyaml_schema_value_t record_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct ct_ecu_record, record_fields)};

static const cyaml_schema_field_t ecu_fields[] = {
    CYAML_FIELD_STRING_PTR("name", TEXT, struct ct_ecu_description, name, 1, NAME_MAX),
    CYAML_FIELD_STRING_PTR("text", OPT_TEXT, struct ct_ecu_description, text, 0, LINE_MAX),
    CYAML_FIELD_STRING_PTR("bus", OPT_TEXT, struct ct_ecu_description, bus, 1, NAME_MAX),
    CYAML_FIELD_UINT("request_id", CYAML_FLAG_DEFAULT, struct ct_ecu_description, request_id),
    CYAML_FIELD_UINT("response_id", CYAML_FLAG_DEFAULT, struct ct_ecu_description, response_id),
    CYAML_FIELD_UINT_PTR("functional_id", OPTIONAL, struct ct_ecu_description, functional_id),
    CYAML_FIELD_UINT("periodic_id", OPTIONAL, struct ct_ecu_description, periodic_id),
    CYAML_FIELD_UINT("address", OPTIONAL, struct ct_ecu_description, address),
    CYAML_FIELD_BOOL("extended", OPTIONAL, struct ct_ecu_description, extended),
    CYAML_FIELD_BOOL("fd", OPTIONAL, struct ct_ecu_description, fd),
    CYAML_FIELD_UINT("p2_ms", OPTIONAL, struct ct_ecu_description, p2_ms),
    CYAML_FIELD_UINT("p2_star_ms", OPTIONAL, struct ct_ecu_description, p2_star_ms),
    CYAML_FIELD_UINT("keep_alive_ms", OPTIONAL, struct ct_ecu_description, keep_alive_ms),
    CYAML_FIELD_UINT("security_level", OPTIONAL, struct ct_ecu_description, security_level),
    CYAML_FIELD_SEQUENCE("dids", LIST, struct ct_ecu_description, dids, &did_entry, 0, ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("dtcs", LIST, struct ct_ecu_description, dtcs, &dtc_entry, 0, ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("routines", LIST, struct ct_ecu_description, routines, &routine_entry, 0, ENTRIES_MAX),
    CYAML_FIELD_SEQUENCE("records", LIST, struct ct_ecu_description, records, &record_entry, 0, 256),
    CYAML_FIELD_END};
static const cyaml_schema_value_t ecu_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct ct_ecu_description, ecu_fields)};

int ct_ecu_file_load_text(const char *name, const char *text, size_t len, struct ct_ecu_description **out_ecu,
                          char *problem, size_t problem_size)
{
    void *config = NULL;
    int err = ct_config_load_text(name, text, len, &ecu_schema, &config, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    struct ct_ecu_fault fault = {0};
    err = ct_ecu_description_check(config, &fault);
    if (err != CT_OK) {
        unsigned line = 1, column = 1;
        (void)!ct_config_place(text, len, fault.list, fault.index, &line, &column);
        (void)snprintf(problem, problem_size, "%s:%u:%u: error: %s", name, line, column, fault.what);
        ct_config_free(&ecu_schema, config);
        return err;
    }
    *out_ecu = config;
    return CT_OK;
}

void ct_ecu_file_free(struct ct_ecu_description *ecu)
{
    ct_config_free(&ecu_schema, ecu);
}

int ct_ecu_file_load(const char *path, struct ct_ecu_description **out_ecu, char *problem, size_t problem_size)
{
    uint8_t *text = NULL;
    size_t len = 0;
    int err = ct_file_read(path, FILE_MAX, &text, &len);
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: %s", path, ct_err_text(err));
        return err;
    }
    err = ct_ecu_file_load_text(path, (const char *)text, len, out_ecu, problem, problem_size);
    free(text);
    return err;
}
