/* cantwin diag did. */
#include "diag_cmd.h"

#include "diag_tester.h"
#include "diag_values.h"

#include <stdio.h>
#include <string.h>

static const char help[] =
    "usage: cantwin diag did read (--ecu NAME | --tx ID --rx ID) [OPTION]... DID...\n"
    "       cantwin diag did write (--ecu NAME | --tx ID --rx ID) [OPTION]... DID (HEX | FIELD=VALUE...)\n"
    "\n"
    "read    reads identifiers (22), by number in hex or by the description's name.\n"
    "write   writes one (2E), then reads it back and compares, where it can be read. FIELD=VALUE changes\n"
    "        fields of the description and leaves the rest as it is now.\n"
    "\n"
    "  --no-verify           do not read back what was written\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag did read --ecu engine vin F187\n"
    "  cantwin diag did read --tx 7E0 --rx 7E8 F190 --json\n"
    "  cantwin diag did write --tx 7E0 --rx 7E8 --session 3 0123 55AA\n"
    "  cantwin diag did write --ecu engine --session 3 --level 1 --key-program ./key mark 'mark=BAY 7'\n"
    "\n"
    "exit codes: 0 done, 1 refused, no answer or read back differently, 2 wrong usage, 3 no such bus or file\n";

static int read_one(struct ct_diag_tester *tester, const char *text, struct ct_uds_message *out_response,
                    struct ct_uds_value *out_value)
{
    const struct ct_ecu_did *did;
    uint16_t id;
    if (ct_diag_did_of(ct_diag_tester_ecu(tester), text, &id, &did) != CT_OK) {
        (void)ct_diag_fail(CT_EXIT_USAGE,
                           "'%s' is no identifier: give up to four hex digits, or a name of the description", text);
        return CT_EXIT_USAGE;
    }
    const struct ct_uds_message request = {.service = CT_UDS_READ_DATA, .ids = {id}, .id_count = 1};
    size_t at = 0;
    const int code = ct_diag_do(tester, &request, text, out_response);
    if (code == CT_EXIT_OK &&
        (ct_uds_value_next(&request, out_response, NULL, &at, out_value) != CT_OK || out_value->bytes.data == NULL)) {
        (void)ct_diag_fail(CT_EXIT_FAILED, "%s: the response has no value", text);
        return CT_EXIT_FAILED;
    }
    return code;
}

static int read_all(struct ct_diag_tester *tester, const struct ct_diag_options *options, char **names, int count)
{
    struct ct_buf buf;
    struct ct_json json;
    int worst = CT_EXIT_OK;
    ct_buf_init(&buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&json, &buf);
    if (options->json) {
        ct_json_array_begin(&json, NULL);
    }
    for (int i = 0; i < count; i++) {
        struct ct_uds_message response = {0};
        struct ct_uds_value value = {0};
        const int code = read_one(tester, names[i], &response, &value);
        worst = worst == CT_EXIT_OK ? code : worst;
        if (code != CT_EXIT_OK) {
            continue;
        }
        const struct ct_ecu_did *did = ct_ecu_did_find(ct_diag_tester_ecu(tester), value.did);
        if (options->json) {
            ct_json_object_begin(&json, NULL);
            ct_diag_record_json(&json, value.did, did, value.bytes);
            ct_json_object_end(&json);
        } else {
            ct_buf_text(&buf, buf.len > 0 ? "\n" : "");
            ct_diag_record_text(&buf, value.did, did, value.bytes);
        }
    }
    if (options->json) {
        ct_json_array_end(&json);
    }
    if (options->json || buf.len > 0) {
        ct_diag_print(&buf);
    }
    ct_buf_free(&buf);
    return worst;
}

/* ---------------------------------------------------------------- write */

struct record {
    uint16_t id;
    const struct ct_ecu_did *did;
    uint8_t bytes[CT_UDS_MESSAGE_MAX];
    size_t len;
};

static const struct ct_ecu_field *field_named(const struct ct_ecu_did *did, const char *name, size_t len)
{
    for (uint32_t i = 0; did != NULL && i < did->fields_count; i++) {
        if (strlen(did->fields[i].name) == len && strncmp(did->fields[i].name, name, len) == 0) {
            return &did->fields[i];
        }
    }
    return NULL;
}

/* Today's value with the fields set. */
static int change_fields(struct ct_diag_tester *tester, const char *name, char **sets, int count, struct record *record)
{
    struct ct_uds_message response = {0};
    struct ct_uds_value value = {0};
    const int code = read_one(tester, name, &response, &value);
    if (code != CT_EXIT_OK) {
        return code;
    }
    memcpy(record->bytes, value.bytes.data, value.bytes.len);
    record->len = value.bytes.len;
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(sets[i], '=');
        const struct ct_ecu_field *field =
            equals == NULL ? NULL : field_named(record->did, sets[i], (size_t)(equals - sets[i]));
        if (field == NULL) {
            return ct_diag_fail(CT_EXIT_USAGE, "'%s' sets no field of %s that the description has", sets[i], name);
        }
        const int err = ct_ecu_field_encode(field, equals + 1, record->bytes, record->len);
        if (err != CT_OK) {
            return ct_diag_fail(CT_EXIT_USAGE, "%s: %s", sets[i], ct_err_text(err));
        }
    }
    return CT_EXIT_OK;
}

static int make_record(struct ct_diag_tester *tester, char **words, int count, struct record *record)
{
    if (ct_diag_did_of(ct_diag_tester_ecu(tester), words[0], &record->id, &record->did) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no identifier", words[0]);
    }
    if (strchr(words[1], '=') != NULL) {
        return change_fields(tester, words[0], words + 1, count - 1, record);
    }
    if (count != 2 || ct_diag_hex(words[1], record->bytes, sizeof record->bytes, &record->len) != CT_OK ||
        record->len == 0) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no value in hex", words[1]);
    }
    return CT_EXIT_OK;
}

/* Read after write: a positive response does not say that the value is there. */
static int verify(struct ct_diag_tester *tester, const char *name, const struct record *record)
{
    struct ct_uds_message response = {0};
    struct ct_uds_value value = {0};
    const int code = read_one(tester, name, &response, &value);
    if (code != CT_EXIT_OK) {
        return code;
    }
    if (value.bytes.len != record->len || memcmp(value.bytes.data, record->bytes, record->len) != 0) {
        return ct_diag_fail(CT_EXIT_FAILED, "%s: written, but what is read back differs", name);
    }
    return CT_EXIT_OK;
}

static int write_one(struct ct_diag_tester *tester, const struct ct_diag_options *options, char **words, int count,
                     bool no_verify)
{
    struct record record = {0};
    struct ct_uds_message response = {0};
    int code = make_record(tester, words, count, &record);
    const struct ct_uds_message request = {
        .service = CT_UDS_WRITE_DATA, .ids = {record.id}, .data = {record.bytes, record.len}};
    code = code == CT_EXIT_OK ? ct_diag_do(tester, &request, words[0], &response) : code;
    const bool readable = record.did == NULL || !record.did->no_read;
    const bool verified = code == CT_EXIT_OK && readable && !no_verify;
    code = verified ? verify(tester, words[0], &record) : code;
    if (code != CT_EXIT_OK) {
        return code;
    }
    struct ct_buf buf;
    ct_buf_init(&buf, CT_DIAG_OUTPUT_MAX);
    if (options->json) {
        struct ct_json json;
        ct_json_init(&json, &buf);
        ct_json_object_begin(&json, NULL);
        ct_diag_record_json(&json, record.id, record.did, (struct ct_uds_bytes){record.bytes, record.len});
        ct_json_bool(&json, "verified", verified);
        ct_json_object_end(&json);
    } else {
        ct_buf_printf(&buf, "%s %s", words[0], verified ? "written and read back" : "written");
    }
    ct_diag_print(&buf);
    return CT_EXIT_OK;
}

int ct_diag_did(int argc, char **argv)
{
    bool no_verify = false;
    const struct ct_diag_extra extras[] = {{"--no-verify", NULL, &no_verify}, {NULL, NULL, NULL}};
    struct ct_diag_options options;
    struct ct_diag_tester *tester;
    int words, code;
    if (!ct_diag_arguments(argc, argv, help, extras, &options, &words, &code)) {
        return code;
    }
    const bool reads = words >= 2 && strcmp(argv[0], "read") == 0;
    const bool writes = words >= 3 && strcmp(argv[0], "write") == 0;
    if (!reads && !writes) {
        return ct_diag_fail(CT_EXIT_USAGE, "did read DID..., or did write DID VALUE; see cantwin diag did --help");
    }
    code = ct_diag_tester_open(&options, &tester);
    if (code == CT_EXIT_OK) {
        code = reads ? read_all(tester, &options, argv + 1, words - 1)
                     : write_one(tester, &options, argv + 1, words - 1, no_verify);
        ct_diag_tester_close(tester);
    }
    return code;
}
