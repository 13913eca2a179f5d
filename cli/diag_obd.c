/* cantwin diag obd. */
#include "diag_cmd.h"

#include "bytes.h"
#include "diag_all.h"
#include "diag_tester.h"
#include "diag_values.h"
#include "obd_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cantwin diag obd (info|readiness|values|freeze|dtcs|clear) [OPTION]... [NAME...]\n"
    "\n"
    "Asks all emission-related ECUs of a bus (OBD-II: 7DF, or 18DB33F1 with --extended), or all of a\n"
    "gateway's bus through it (--socket or $CANTWIN_SOCKET; with --socket, --bus names its bus).\n"
    "info        VIN, calibrations and their checksums, names (mode 09)\n"
    "readiness   lamp, number of codes, which monitors are complete (01 01)\n"
    "values      what the ECUs support, or the values named: engine_speed, coolant_temperature... (01)\n"
    "freeze      the values kept with the trouble code (02)\n"
    "dtcs        stored, pending and permanent trouble codes (03, 07, 0A)\n"
    "clear       clears codes and readiness (04)\n"
    "\n"
    "  --extended            29-bit ids\n"
    "  --uds                 values by OBD on UDS (22 F4xx) from one ECU: --ecu, or --tx and "
    "--rx\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag obd values engine_speed vehicle_speed\n"
    "  cantwin diag obd info --bus can0 --json\n"
    "  cantwin diag obd values --uds --ecu engine engine_speed\n"
    "\n"
    "exit codes: 0 done, 1 no answer, 2 wrong usage, 3 no such bus\n";

struct obd {
    struct ct_diag_options options;
    struct ct_diag_all *all;
    struct ct_diag_tester *tester; /* --uds: instead of all of them */
    struct ct_buf buf;
    struct ct_json json;
    bool extended, uds;
};

/* One request to all; *out_count positive responses came. */
static int ask(struct obd *obd, uint8_t mode, const uint8_t *ids, size_t count, unsigned *out_count)
{
    uint8_t request[CT_OBD_REQUEST_MAX];
    size_t len;
    *out_count = 0;
    if (ct_obd_request(mode, ids, count, 0, request, &len) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "too many identifiers in one request");
    }
    const int code = ct_diag_all_ask(obd->all, request, len);
    for (size_t i = 0; code == CT_EXIT_OK && i < ct_diag_all_count(obd->all); i++) {
        *out_count += ct_diag_all_response(obd->all, i).len > 0 ? 1 : 0;
    }
    return code;
}

/* Which ECU a row is from. */
static void row_begin(struct obd *obd, size_t member, const char *kind)
{
    char id[12];
    (void)snprintf(id, sizeof id, "%X", (unsigned)obd->options.rx_id);
    const char *ecu = obd->all != NULL ? ct_diag_all_name(obd->all, member) : obd->options.ecu;
    ecu = ecu != NULL ? ecu : id;
    if (obd->options.json) {
        ct_json_object_begin(&obd->json, NULL);
        ct_json_string(&obd->json, "ecu", ecu);
    } else {
        ct_buf_printf(&obd->buf, "%s%s  %-28s ", obd->buf.len > 0 ? "\n" : "", ecu, kind);
    }
}

static void row_end(struct obd *obd)
{
    if (obd->options.json) {
        ct_json_object_end(&obd->json);
    }
}

static void show_item(struct obd *obd, size_t member, const struct ct_obd_item *item, const uint8_t *data)
{
    const char *text = ct_obd_text(item, data);
    row_begin(obd, member, item->name);
    if (obd->options.json) {
        ct_json_string(&obd->json, "name", item->name);
        ct_json_double(&obd->json, "value", ct_obd_value(item, data));
        ct_json_string(&obd->json, "unit", item->unit);
        if (text != NULL) {
            ct_json_string(&obd->json, "text", text);
        }
    } else if (text != NULL) {
        ct_buf_text(&obd->buf, text);
    } else {
        ct_buf_printf(&obd->buf, "%.8g %s", ct_obd_value(item, data), item->unit);
    }
    row_end(obd);
}

/* ---------------------------------------------------------------- values */

/* The ids all ECUs support together, by the bitmaps 00, 20, ... */
static int supported(struct obd *obd, uint8_t mode, bool out_ids[256])
{
    memset(out_ids, 0, 256);
    for (unsigned base = 0; base <= 0xE0; base += 0x20) {
        const uint8_t id = (uint8_t)base;
        unsigned count;
        const int code = ask(obd, mode, &id, 1, &count);
        if (code != CT_EXIT_OK) {
            return code;
        }
        for (size_t i = 0; i < ct_diag_all_count(obd->all); i++) {
            const struct ct_uds_bytes response = ct_diag_all_response(obd->all, i);
            const size_t at = mode == CT_OBD_FREEZE_FRAME ? 3 : 2;
            for (unsigned k = 1; response.len >= at + 4 && k <= 32 && base + k < 256; k++) {
                out_ids[base + k] |= ct_obd_bitmap_has(id, response.data + at, (uint8_t)(base + k));
            }
        }
        if (base + 0x20 > 0xE0 || !out_ids[base + 0x20]) {
            break;
        }
    }
    return CT_EXIT_OK;
}

static void show_values(struct obd *obd, const char *only)
{
    for (size_t i = 0; i < ct_diag_all_count(obd->all); i++) {
        const struct ct_uds_bytes response = ct_diag_all_response(obd->all, i);
        struct ct_obd_data data;
        size_t at = 0;
        while (response.len > 0 && ct_obd_data_next(response.data, response.len, &at, &data) == CT_OK) {
            size_t rows;
            const struct ct_obd_item *items = ct_obd_items(data.pid, &rows);
            for (size_t k = 0; k < rows; k++) {
                if (only == NULL || strcmp(only, items[k].name) == 0) {
                    show_item(obd, i, &items[k], data.data);
                }
            }
        }
    }
}

static int named_values(struct obd *obd, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        const struct ct_obd_item *item = ct_obd_item_by_name(names[i]);
        unsigned answers;
        if (item == NULL) {
            return ct_diag_fail(
                CT_EXIT_USAGE, "'%s' is no value of OBD-II; `cantwin diag obd values` shows those there are", names[i]);
        }
        const int code = ask(obd, CT_OBD_CURRENT, &item->pid, 1, &answers);
        if (code != CT_EXIT_OK) {
            return code;
        }
        if (answers == 0) {
            return ct_diag_fail(CT_EXIT_FAILED, "%s: no ECU has it", names[i]);
        }
        show_values(obd, names[i]);
    }
    return CT_EXIT_OK;
}

/* All that is supported, as many in a request as it takes (mode 02: three). */
static int all_values(struct obd *obd, uint8_t mode)
{
    bool ids[256];
    uint8_t some[CT_OBD_PIDS_MAX];
    size_t count = 0;
    const size_t most = mode == CT_OBD_FREEZE_FRAME ? 3 : CT_OBD_PIDS_MAX;
    int code = supported(obd, mode, ids);
    for (unsigned id = 1; code == CT_EXIT_OK && id < 256; id++) {
        if (ids[id] && !ct_obd_is_bitmap((uint8_t)id)) {
            some[count++] = (uint8_t)id;
        }
        if (count == most || (id == 255 && count > 0)) {
            unsigned answers;
            code = ask(obd, mode, some, count, &answers);
            show_values(obd, NULL);
            count = 0;
        }
    }
    if (code == CT_EXIT_OK && obd->buf.len <= 1) {
        return ct_diag_fail(CT_EXIT_FAILED, "no ECU answers");
    }
    return code;
}

/* OBD on UDS: DID F4xx is PID xx (SAE J1979-2). */
static int uds_values(struct obd *obd, char **names, int count)
{
    for (int i = 0; i < count; i++) {
        const struct ct_obd_item *item = ct_obd_item_by_name(names[i]);
        if (item == NULL) {
            return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no value of OBD-II", names[i]);
        }
        const struct ct_uds_message request = {
            .service = CT_UDS_READ_DATA, .ids = {(uint16_t)(0xF400U | item->pid)}, .id_count = 1};
        struct ct_uds_message response;
        const int code = ct_diag_do(obd->tester, &request, names[i], &response);
        if (code != CT_EXIT_OK) {
            return code;
        }
        if (response.data.len < 2U + item->length) {
            return ct_diag_fail(CT_EXIT_FAILED, "%s: the response is too short", names[i]);
        }
        show_item(obd, 0, item, response.data.data + 2);
    }
    return CT_EXIT_OK;
}

static int values(struct obd *obd, char **names, int count)
{
    if (obd->uds) {
        return uds_values(obd, names, count);
    }
    return count > 0 ? named_values(obd, names, count) : all_values(obd, CT_OBD_CURRENT);
}

static int freeze(struct obd *obd, char **names, int count)
{
    (void)names;
    (void)count;
    return all_values(obd, CT_OBD_FREEZE_FRAME);
}

/* ---------------------------------------------------------------- info, readiness, trouble codes */

static void show_info(struct obd *obd, size_t member, const struct ct_obd_data *data)
{
    const struct ct_obd_info *info = ct_obd_info_find(data->pid);
    if (info == NULL) {
        return;
    }
    char text[64];
    size_t from = 0; /* fill bytes may also stand in front */
    while (from < data->len && data->data[from] == 0) {
        from++;
    }
    (void)snprintf(text, sizeof text, "%.*s", (int)(data->len - from), (const char *)data->data + from);
    if (!info->text) {
        ct_hex_encode(text, data->data, data->len);
    }
    row_begin(obd, member, info->name);
    if (obd->options.json) {
        ct_json_string(&obd->json, "name", info->name);
        ct_json_string(&obd->json, "value", text);
    } else {
        ct_buf_text(&obd->buf, text);
    }
    row_end(obd);
}

static int info(struct obd *obd, char **names, int count)
{
    (void)names;
    (void)count;
    static const uint8_t types[] = {0x02, 0x04, 0x06, 0x0A};
    bool any = false;
    for (size_t k = 0; k < sizeof types; k++) {
        unsigned answers;
        const int code = ask(obd, CT_OBD_VEHICLE_INFO, &types[k], 1, &answers);
        if (code != CT_EXIT_OK) {
            return code;
        }
        any = any || answers > 0;
        for (size_t i = 0; i < ct_diag_all_count(obd->all); i++) {
            const struct ct_uds_bytes response = ct_diag_all_response(obd->all, i);
            struct ct_obd_data data;
            size_t at = 0;
            while (response.len > 0 && ct_obd_info_next(response.data, response.len, &at, &data) == CT_OK) {
                show_info(obd, i, &data);
            }
        }
    }
    return any ? CT_EXIT_OK : ct_diag_fail(CT_EXIT_FAILED, "no ECU answers");
}

static void show_readiness(struct obd *obd, size_t member, const struct ct_obd_readiness *readiness)
{
    row_begin(obd, member, readiness->mil ? "lamp on" : "lamp off");
    if (obd->options.json) {
        ct_json_bool(&obd->json, "mil", readiness->mil);
        ct_json_uint(&obd->json, "dtcs", readiness->dtc_count);
        ct_json_object_begin(&obd->json, "monitors");
    } else {
        ct_buf_printf(&obd->buf, "%u codes", readiness->dtc_count);
    }
    for (unsigned i = 0; i < CT_OBD_MONITORS_MAX; i++) {
        const char *name = ct_obd_monitor_name(readiness->compression, i);
        if (name == NULL || (readiness->supported >> i & 1U) == 0) {
            continue;
        }
        const bool complete = (readiness->incomplete >> i & 1U) == 0;
        if (obd->options.json) {
            ct_json_bool(&obd->json, name, complete);
        } else {
            ct_buf_printf(&obd->buf, "\n     %-28s %s", name, complete ? "complete" : "not complete");
        }
    }
    if (obd->options.json) {
        ct_json_object_end(&obd->json);
    }
    row_end(obd);
}

static int readiness(struct obd *obd, char **names, int count)
{
    (void)names;
    (void)count;
    const uint8_t pid = 0x01;
    unsigned answers;
    const int code = ask(obd, CT_OBD_CURRENT, &pid, 1, &answers);
    for (size_t i = 0; code == CT_EXIT_OK && i < ct_diag_all_count(obd->all); i++) {
        const struct ct_uds_bytes response = ct_diag_all_response(obd->all, i);
        struct ct_obd_readiness decoded;
        if (response.len >= 6) {
            ct_obd_readiness_decode(response.data + 2, &decoded);
            show_readiness(obd, i, &decoded);
        }
    }
    return code != CT_EXIT_OK || answers > 0 ? code : ct_diag_fail(CT_EXIT_FAILED, "no ECU answers");
}

static void show_code(struct obd *obd, size_t member, const char *kind, uint16_t dtc)
{
    char text[CT_OBD_DTC_TEXT];
    ct_obd_dtc_text(dtc, text);
    row_begin(obd, member, kind);
    if (obd->options.json) {
        ct_json_string(&obd->json, "kind", kind);
        ct_json_string(&obd->json, "code", text);
    } else {
        ct_buf_text(&obd->buf, text);
    }
    row_end(obd);
}

static int dtcs(struct obd *obd, char **names, int count)
{
    (void)names;
    (void)count;
    static const struct {
        uint8_t mode;
        const char *kind;
    } kinds[] = {
        {CT_OBD_STORED_DTCS, "stored"}, {CT_OBD_PENDING_DTCS, "pending"}, {CT_OBD_PERMANENT_DTCS, "permanent"}};
    bool any = false, found = false;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        unsigned answers;
        const int code = ask(obd, kinds[k].mode, NULL, 0, &answers);
        if (code != CT_EXIT_OK) {
            return code;
        }
        any = any || answers > 0;
        for (size_t i = 0; i < ct_diag_all_count(obd->all); i++) {
            const struct ct_uds_bytes response = ct_diag_all_response(obd->all, i);
            uint16_t dtc;
            size_t at = 0;
            while (response.len > 0 && ct_obd_dtc_next(response.data, response.len, &at, &dtc) == CT_OK) {
                show_code(obd, i, kinds[k].kind, dtc);
                found = true;
            }
        }
    }
    if (!any) {
        return ct_diag_fail(CT_EXIT_FAILED, "no ECU answers");
    }
    if (!found && !obd->options.json) {
        ct_buf_text(&obd->buf, "no trouble codes");
    }
    return CT_EXIT_OK;
}

static int clear(struct obd *obd, char **names, int count)
{
    (void)names;
    (void)count;
    unsigned answers;
    const int code = ask(obd, CT_OBD_CLEAR, NULL, 0, &answers);
    for (size_t i = 0; code == CT_EXIT_OK && i < ct_diag_all_count(obd->all); i++) {
        if (ct_diag_all_response(obd->all, i).len > 0) {
            row_begin(obd, i, "cleared");
            row_end(obd);
        }
    }
    return code != CT_EXIT_OK || answers > 0 ? code : ct_diag_fail(CT_EXIT_FAILED, "no ECU answers");
}

static const struct {
    const char *name;
    int (*run)(struct obd *obd, char **names, int count);
} verbs[] = {
    {"info", info}, {"readiness", readiness}, {"values", values}, {"freeze", freeze}, {"dtcs", dtcs}, {"clear", clear},
};

static int run(struct obd *obd, const char *verb, char **names, int count)
{
    int code = obd->uds ? ct_diag_tester_open(&obd->options, &obd->tester)
                        : ct_diag_all_open(&obd->options, obd->extended, &obd->all);
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_buf_init(&obd->buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&obd->json, &obd->buf);
    if (obd->options.json) {
        ct_json_array_begin(&obd->json, NULL);
    }
    for (size_t i = 0; code == CT_EXIT_OK && i < sizeof verbs / sizeof verbs[0]; i++) {
        code = strcmp(verbs[i].name, verb) == 0 ? verbs[i].run(obd, names, count) : code;
    }
    if (obd->options.json) {
        ct_json_array_end(&obd->json);
    }
    if (code == CT_EXIT_OK) {
        ct_diag_print(&obd->buf);
    }
    ct_buf_free(&obd->buf);
    ct_diag_all_close(obd->all);
    ct_diag_tester_close(obd->tester);
    return code;
}

int ct_diag_obd(int argc, char **argv)
{
    struct obd obd = {0};
    const struct ct_diag_extra extras[] = {
        {"--extended", NULL, &obd.extended}, {"--uds", NULL, &obd.uds}, {NULL, NULL, NULL}};
    int words, code;
    if (!ct_diag_arguments(argc, argv, help, extras, &obd.options, &words, &code)) {
        return code;
    }
    obd.options.extended = obd.options.extended || obd.extended;
    bool known = false;
    for (size_t i = 0; words > 0 && i < sizeof verbs / sizeof verbs[0]; i++) {
        known = known || strcmp(verbs[i].name, argv[0]) == 0;
    }
    if (!known || (words > 1 && strcmp(argv[0], "values") != 0)) {
        return ct_diag_fail(CT_EXIT_USAGE,
                            "obd info, readiness, values, freeze, dtcs or clear; see cantwin diag obd --help");
    }
    if (obd.uds && words < 2) {
        return ct_diag_fail(CT_EXIT_USAGE, "--uds needs the names of values");
    }
    return run(&obd, argv[0], argv + 1, words - 1);
}
