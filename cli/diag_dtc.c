/* cantwin diag dtc. */
#include "diag_cmd.h"

#include "diag_tester.h"
#include "diag_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cantwin diag dtc list (--ecu NAME | --tx ID --rx ID) [OPTION]...\n"
    "       cantwin diag dtc clear (--ecu NAME | --tx ID --rx ID) [OPTION]...\n"
    "\n"
    "list    reads trouble codes (19 02) and their status.\n"
    "clear   clears them (14).\n"
    "\n"
    "  --mask HEX            status bits that count, one of them is enough (default: all; 08 confirmed)\n"
    "  --supported           all codes the ECU can set (19 0A)\n"
    "  --snapshots           also the snapshot records of each code (19 04)\n"
    "  --extended-data       also the extended data of each code (19 06)\n"
    "  --group CODE          clear this code or group only: P0301, 030100, FFFF33 (emissions)\n" CT_DIAG_OPTIONS_HELP
    "\n"
    "examples:\n"
    "  cantwin diag dtc list --ecu engine\n"
    "  cantwin diag dtc list --ecu engine --mask 08 --snapshots --json\n"
    "  cantwin diag dtc clear --ecu engine\n"
    "\n"
    "exit codes: 0 done, 1 refused or no answer, 2 wrong usage, 3 no such bus or file\n";

struct list {
    struct ct_diag_tester *tester;
    const struct ct_diag_options *options;
    bool snapshots, extended;
    struct ct_buf buf;
    struct ct_json json;
    unsigned count;
};

static void show_status(struct list *list, uint8_t status)
{
    if (list->options->json) {
        ct_json_uint(&list->json, "status", status);
        ct_json_array_begin(&list->json, "set");
    }
    for (unsigned bit = 1; bit <= 0x80; bit <<= 1U) {
        if ((status & bit) == 0) {
            continue;
        }
        const char *text = ct_uds_dtc_status_text((uint8_t)bit);
        if (list->options->json) {
            ct_json_string(&list->json, NULL, text);
        } else {
            ct_buf_printf(&list->buf, " %s", text);
        }
    }
    if (list->options->json) {
        ct_json_array_end(&list->json);
    }
}

static const char *record_name(const struct ct_ecu_description *ecu, uint8_t record)
{
    for (uint32_t i = 0; i < ecu->records_count; i++) {
        if (ecu->records[i].record == record) {
            return ecu->records[i].name;
        }
    }
    return NULL;
}

static void show_record(struct list *list, const struct ct_uds_record *record, bool extended)
{
    const struct ct_ecu_description *ecu = ct_diag_tester_ecu(list->tester);
    const struct ct_ecu_did *did = extended || record->rest ? NULL : ct_ecu_did_find(ecu, record->did);
    const char *name = extended ? record_name(ecu, record->record) : NULL;
    if (list->options->json) {
        ct_json_object_begin(&list->json, NULL);
        ct_json_uint(&list->json, "record", record->record);
        if (extended) {
            ct_json_string(&list->json, "name", name);
            ct_json_bytes(&list->json, "hex", record->bytes.data, record->bytes.len);
        } else {
            ct_diag_record_json(&list->json, record->did, did, record->bytes);
        }
        ct_json_object_end(&list->json);
        return;
    }
    ct_buf_printf(&list->buf, "\n    %s %02X ", extended ? "data" : "snapshot", record->record);
    if (extended) {
        ct_buf_printf(&list->buf, "%s ", name != NULL ? name : "");
        for (size_t i = 0; i < record->bytes.len; i++) {
            ct_buf_printf(&list->buf, "%02X", record->bytes.data[i]);
        }
    } else {
        ct_diag_record_text(&list->buf, record->did, did, record->bytes);
    }
}

/* The records of one code; an ECU that has none for it says so by a refusal, which is no failure. */
static int show_records(struct list *list, uint32_t dtc, bool extended)
{
    const struct ct_uds_message request = {.service = CT_UDS_READ_DTC,
                                           .subfunction =
                                               extended ? CT_UDS_DTC_EXTENDED_BY_DTC : CT_UDS_DTC_SNAPSHOT_BY_DTC,
                                           .dtc = dtc,
                                           .record = CT_UDS_RECORD_ALL};
    uint8_t bytes[16];
    size_t len;
    struct ct_uds_result result;
    struct ct_uds_message response;
    struct ct_uds_record_walk walk;
    struct ct_uds_dtc about;
    struct ct_uds_record record;
    int code = CT_EXIT_OK;
    if (list->options->json) {
        ct_json_array_begin(&list->json, extended ? "extended_data" : "snapshots");
    }
    if (ct_uds_request_encode(&request, bytes, sizeof bytes, &len) == CT_OK) {
        code = ct_diag_ask(list->tester, bytes, len, &result);
        const bool there = code == CT_EXIT_OK && result.outcome == CT_UDS_POSITIVE &&
                           ct_uds_response_decode(result.response, result.len, &response) == CT_OK &&
                           ct_uds_record_begin(&response, &walk, &about) == CT_OK;
        const struct ct_uds_lengths lengths = ct_ecu_lengths(ct_diag_tester_ecu(list->tester));
        while (there && ct_uds_record_next(&walk, &lengths, &record) == CT_OK) {
            show_record(list, &record, extended);
        }
    }
    if (list->options->json) {
        ct_json_array_end(&list->json);
    }
    return code;
}

static int show_dtc(struct list *list, const struct ct_uds_dtc *dtc)
{
    char text[CT_DIAG_DTC_TEXT];
    int code = CT_EXIT_OK;
    const char *meaning = ct_ecu_dtc_text(ct_diag_tester_ecu(list->tester), dtc->dtc);
    ct_diag_dtc_text(dtc->dtc, text);
    if (list->options->json) {
        char hex[8];
        (void)snprintf(hex, sizeof hex, "%06X", (unsigned)dtc->dtc);
        ct_json_object_begin(&list->json, NULL);
        ct_json_string(&list->json, "code", text);
        ct_json_string(&list->json, "hex", hex);
        ct_json_string(&list->json, "text", meaning);
    } else {
        ct_buf_printf(&list->buf, "%s%s  %06X  %02X  %s ", list->count > 0 ? "\n" : "", text, (unsigned)dtc->dtc,
                      dtc->status, meaning != NULL ? meaning : "");
    }
    show_status(list, dtc->status);
    if (list->snapshots) {
        code = show_records(list, dtc->dtc, false);
    }
    if (code == CT_EXIT_OK && list->extended) {
        code = show_records(list, dtc->dtc, true);
    }
    if (list->options->json) {
        ct_json_object_end(&list->json);
    }
    list->count++;
    return code;
}

/* The list is copied first: reading records of its codes takes the response's place. */
static int show_all(struct list *list, const struct ct_uds_message *response)
{
    uint8_t copy[CT_UDS_MESSAGE_MAX];
    struct ct_uds_message kept = *response;
    struct ct_uds_dtc dtc;
    size_t at = 0;
    int err;
    int code = CT_EXIT_OK;
    if (response->data.len > 0) {
        memcpy(copy, response->data.data, response->data.len);
    }
    kept.data.data = copy;
    while (code == CT_EXIT_OK && (err = ct_uds_dtc_next(&kept, &at, &dtc)) != CT_ERR_END) {
        if (err != CT_OK) {
            return ct_diag_fail(CT_EXIT_FAILED, "the list of trouble codes ends too early");
        }
        code = show_dtc(list, &dtc);
    }
    return code;
}

static int list_dtcs(struct list *list, uint8_t mask, bool supported)
{
    const struct ct_uds_message request = {.service = CT_UDS_READ_DTC,
                                           .subfunction = supported ? CT_UDS_DTC_SUPPORTED : CT_UDS_DTC_BY_STATUS,
                                           .status_mask = mask};
    struct ct_uds_message response;
    int code = ct_diag_do(list->tester, &request, "trouble codes", &response);
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_buf_init(&list->buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&list->json, &list->buf);
    if (list->options->json) {
        ct_json_object_begin(&list->json, NULL);
        ct_json_uint(&list->json, "availability", response.status_mask);
        ct_json_array_begin(&list->json, "dtcs");
    }
    code = show_all(list, &response);
    if (list->options->json) {
        ct_json_array_end(&list->json);
        ct_json_object_end(&list->json);
    } else if (list->count == 0) {
        ct_buf_text(&list->buf, "no trouble codes");
    }
    if (code == CT_EXIT_OK) {
        ct_diag_print(&list->buf);
    }
    ct_buf_free(&list->buf);
    return code;
}

static int clear_dtcs(struct ct_diag_tester *tester, const struct ct_diag_options *options, const char *group)
{
    struct ct_uds_message request = {.service = CT_UDS_CLEAR_DTC, .dtc = CT_UDS_DTC_ALL};
    struct ct_uds_message response;
    if (group != NULL && ct_diag_dtc_parse(group, &request.dtc) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "--group needs a code such as P0301 or FFFF33");
    }
    const int code = ct_diag_do(tester, &request, "clear", &response);
    if (code == CT_EXIT_OK) {
        puts(options->json ? "{\"cleared\":true}" : "cleared");
    }
    return code;
}

int ct_diag_dtc(int argc, char **argv)
{
    const char *mask_text = "FF", *group = NULL;
    bool supported = false;
    struct list list = {0};
    const struct ct_diag_extra extras[] = {{"--mask", &mask_text, NULL},
                                           {"--group", &group, NULL},
                                           {"--supported", NULL, &supported},
                                           {"--snapshots", NULL, &list.snapshots},
                                           {"--extended-data", NULL, &list.extended},
                                           {NULL, NULL, NULL}};
    struct ct_diag_options options;
    int words, code;
    uint8_t mask;
    size_t mask_len = 0;
    if (!ct_diag_arguments(argc, argv, help, extras, &options, &words, &code)) {
        return code;
    }
    const bool clears = words == 1 && strcmp(argv[0], "clear") == 0;
    if (!clears && !(words == 1 && strcmp(argv[0], "list") == 0)) {
        return ct_diag_fail(CT_EXIT_USAGE, "dtc list or dtc clear; see cantwin diag dtc --help");
    }
    if (ct_diag_hex(mask_text, &mask, 1, &mask_len) != CT_OK || mask_len != 1) {
        return ct_diag_fail(CT_EXIT_USAGE, "--mask needs two hex digits, such as 08");
    }
    list.options = &options;
    code = ct_diag_tester_open(&options, &list.tester);
    if (code == CT_EXIT_OK) {
        code = clears ? clear_dtcs(list.tester, &options, group) : list_dtcs(&list, mask, supported);
        ct_diag_tester_close(list.tester);
    }
    return code;
}
