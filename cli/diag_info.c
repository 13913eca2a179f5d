/* cantwin diag info and scan: who is there, and what it says of itself. */
#include "diag_cmd.h"

#include "diag_gateway.h"
#include "diag_tester.h"
#include "diag_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char info_help[] =
    "usage: cantwin diag info (--ecu NAME | --tx ID --rx ID) [OPTION]...\n"
    "\n"
    "Reads what an ECU says of itself: the standard's identification (F180 to F19E) and what the\n"
    "description adds.\n"
    "\n"
    "  --all                 also the description's other identifiers\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag info --ecu engine\n"
    "  cantwin diag info --tx 7E0 --rx 7E8 --json\n"
    "\n"
    "exit codes: 0 done, 1 no answer, 2 wrong usage, 3 no such bus or file\n";

static const char scan_help[] =
    "usage: cantwin diag scan [--from ID] [--to ID] [OPTION]...\n"
    "\n"
    "Finds ECUs on a bus: a functional TesterPresent (7DF) first, then one to each request id from --from\n"
    "to --to that has not answered. A response is awaited on request id + 8, or the mirrored address of\n"
    "18DAxxF1. Only 3E and 22 are sent. With --socket or $CANTWIN_SOCKET it asks the ECUs of the\n"
    "gateway's configuration through it, each under its lease; with --socket, --bus names its bus.\n"
    "\n"
    "  --from ID --to ID     request ids (default: 7E0 to 7E7; 29 bits: 18DA00F1 to 18DAFFF1)\n"
    "  --extended            29-bit ids (18DAxxF1)\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag scan\n"
    "  cantwin diag scan --bus can0 --from 700 --to 7F7 --timeout 0.02 --json\n"
    "  cantwin diag scan --bus can0 --extended\n"
    "\n"
    "exit codes: 0 ECUs found, 1 none, 2 wrong usage, 3 no such bus\n";

/* Identification of ISO 14229-1 table C.1, most telling first. */
static const struct {
    uint16_t id;
    const char *name;
} standard[] = {
    {0xF190, "vin"},           {0xF197, "system_name"},     {0xF187, "part_number"},      {0xF188, "software_number"},
    {0xF189, "software"},      {0xF191, "hardware_number"}, {0xF193, "hardware"},         {0xF195, "supplier_software"},
    {0xF18A, "supplier"},      {0xF18B, "made_on"},         {0xF18C, "serial"},           {0xF180, "boot_software"},
    {0xF181, "application"},   {0xF182, "calibration"},     {0xF183, "boot_fingerprint"}, {0xF184, "fingerprint"},
    {0xF199, "programmed_on"}, {0xF19E, "odx_file"},        {0xF186, "session"},          {0xFF00, "uds_version"},
};
#define STANDARD_COUNT (sizeof standard / sizeof standard[0])

/* A stand-in for identifiers that no description names. */
static struct ct_ecu_did plain_did(uint16_t id, char *name)
{
    return (struct ct_ecu_did){.id = id, .name = name};
}

struct info {
    struct ct_diag_tester *tester;
    const struct ct_diag_options *options;
    struct ct_buf buf;
    struct ct_json json;
    unsigned shown;
    struct ct_uds_result last;
};

static void show(struct info *info, uint16_t id, const char *name, struct ct_uds_bytes record)
{
    char own_name[32];
    (void)snprintf(own_name, sizeof own_name, "%s", name);
    const struct ct_ecu_did plain = plain_did(id, own_name);
    const struct ct_ecu_did *did = ct_ecu_did_find(ct_diag_tester_ecu(info->tester), id);
    did = did != NULL ? did : &plain;
    if (info->options->json) {
        ct_json_object_begin(&info->json, NULL);
        ct_diag_record_json(&info->json, id, did, record);
        ct_json_object_end(&info->json);
    } else {
        ct_buf_text(&info->buf, info->shown > 0 ? "\n" : "");
        ct_diag_record_text(&info->buf, id, did, record);
    }
    info->shown++;
}

/* An identifier the ECU does not have is refused, which is no failure here. */
static int try_one(struct info *info, uint16_t id, const char *name)
{
    const uint8_t request[] = {CT_UDS_READ_DATA, (uint8_t)(id >> 8U), (uint8_t)id};
    const int code = ct_diag_ask(info->tester, request, sizeof request, &info->last);
    if (code == CT_EXIT_OK && info->last.outcome == CT_UDS_POSITIVE && info->last.len > 3) {
        show(info, id, name, (struct ct_uds_bytes){info->last.response + 3, info->last.len - 3});
    }
    return code;
}

static int collect(struct info *info, bool all)
{
    int code = CT_EXIT_OK;
    for (size_t i = 0; code == CT_EXIT_OK && i < STANDARD_COUNT; i++) {
        ct_diag_progress(info->options, "info", i + 1, STANDARD_COUNT);
        code = try_one(info, standard[i].id, standard[i].name);
        if (code == CT_EXIT_OK && info->shown == 0 && info->last.outcome != CT_UDS_POSITIVE &&
            info->last.outcome != CT_UDS_NEGATIVE) {
            return ct_diag_refused(&info->last, "info"); /* nobody there: no use to ask on */
        }
    }
    const struct ct_ecu_description *ecu = ct_diag_tester_ecu(info->tester);
    for (uint32_t i = 0; all && code == CT_EXIT_OK && i < ecu->dids_count; i++) {
        const uint16_t id = ecu->dids[i].id;
        code = id >= 0xF180 && id <= 0xF19E ? CT_EXIT_OK : try_one(info, id, ecu->dids[i].name);
    }
    return code;
}

int ct_diag_info(int argc, char **argv)
{
    bool all = false;
    const struct ct_diag_extra extras[] = {{"--all", NULL, &all}, {NULL, NULL, NULL}};
    struct ct_diag_options options;
    struct info info = {.options = &options};
    int words, code;
    if (!ct_diag_arguments(argc, argv, info_help, extras, &options, &words, &code)) {
        return code;
    }
    if (words != 0) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is too much; see cantwin diag info --help", argv[0]);
    }
    code = ct_diag_tester_open(&options, &info.tester);
    if (code != CT_EXIT_OK) {
        return code;
    }
    ct_buf_init(&info.buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&info.json, &info.buf);
    if (options.json) {
        ct_json_array_begin(&info.json, NULL);
    }
    code = collect(&info, all);
    if (options.json) {
        ct_json_array_end(&info.json);
    } else if (info.shown == 0) {
        ct_buf_text(&info.buf, "the ECU answers, but has no identification");
    }
    if (code == CT_EXIT_OK) {
        ct_diag_print(&info.buf);
    }
    ct_buf_free(&info.buf);
    ct_diag_tester_close(info.tester);
    return code;
}

/* ---------------------------------------------------------------- scan */

#define PAIRS_MAX 2048U

struct scan {
    struct ct_diag_tester *tester;
    const struct ct_diag_options *options;
    uint32_t from, to, step;
    bool found[PAIRS_MAX];
    unsigned count;
};

static uint32_t request_id(const struct scan *scan, unsigned i)
{
    return scan->from + i * scan->step;
}

static uint32_t response_id(const struct scan *scan, unsigned i)
{
    const uint32_t id = request_id(scan, i);
    return scan->options->extended ? (id & 0xFFFF0000U) | (id & 0xFFU) << 8U | (id >> 8U & 0xFFU) : id + 8;
}

static unsigned pair_count(const struct scan *scan)
{
    return (scan->to - scan->from) / scan->step + 1;
}

static const uint8_t present[] = {CT_UDS_TESTER_PRESENT, 0};

static int scan_functional(struct scan *scan)
{
    struct ct_isotp_config members[CT_UDS_GROUP_MAX];
    const unsigned count = pair_count(scan) < CT_UDS_GROUP_MAX ? pair_count(scan) : CT_UDS_GROUP_MAX;
    for (unsigned i = 0; i < count; i++) {
        members[i] = ct_diag_pair(scan->options, request_id(scan, i), response_id(scan, i));
    }
    const uint32_t functional = scan->options->extended ? 0x18DB33F1U : 0x7DFU;
    const struct ct_uds_group_config config = {.functional =
                                                   ct_diag_pair(scan->options, functional, response_id(scan, 0)),
                                               .members = members,
                                               .member_count = count,
                                               .p2_ms = (uint32_t)(scan->options->timeout_s * 1000)};
    struct ct_uds_group *group;
    if (ct_uds_group_create(&config, &group) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "these ids cannot be scanned");
    }
    const int code = ct_diag_ask_group(scan->tester, group, present, sizeof present);
    for (unsigned i = 0; i < count; i++) {
        const enum ct_uds_outcome outcome = ct_uds_group_result(group, i).outcome;
        scan->found[i] = outcome == CT_UDS_POSITIVE || outcome == CT_UDS_NEGATIVE;
    }
    ct_uds_group_free(group);
    return code;
}

static int scan_physical(struct scan *scan)
{
    int code = CT_EXIT_OK;
    const unsigned all = pair_count(scan);
    for (unsigned i = 0; code == CT_EXIT_OK && i < all; i++) {
        ct_diag_progress(scan->options, "scan", i + 1, all);
        if (scan->found[i]) {
            continue;
        }
        struct ct_uds_result result;
        const struct ct_isotp_config pair = ct_diag_pair(scan->options, request_id(scan, i), response_id(scan, i));
        code = ct_diag_tester_aim(scan->tester, &pair);
        code = code == CT_EXIT_OK ? ct_diag_ask(scan->tester, present, sizeof present, &result) : code;
        scan->found[i] = code == CT_EXIT_OK && (result.outcome == CT_UDS_POSITIVE || result.outcome == CT_UDS_NEGATIVE);
    }
    return code;
}

/* Name, part number and VIN, as far as it has them. */
static int tell_names(struct scan *scan, struct info *info)
{
    static const uint16_t ids[] = {0xF197, 0xF187, 0xF190};
    static const char *const names[] = {"system_name", "part_number", "vin"};
    int code = CT_EXIT_OK;
    for (size_t k = 0; code == CT_EXIT_OK && k < sizeof ids / sizeof ids[0]; k++) {
        const uint8_t request[] = {CT_UDS_READ_DATA, (uint8_t)(ids[k] >> 8U), (uint8_t)ids[k]};
        struct ct_uds_result result;
        code = ct_diag_ask(scan->tester, request, sizeof request, &result);
        if (code != CT_EXIT_OK || result.outcome != CT_UDS_POSITIVE || result.len <= 3) {
            continue;
        }
        char value[64];
        (void)snprintf(value, sizeof value, "%.*s", (int)(result.len - 3), (const char *)result.response + 3);
        if (scan->options->json) {
            ct_json_string(&info->json, names[k], value);
        } else {
            ct_buf_printf(&info->buf, "  %s", value);
        }
    }
    return code;
}

/* One that was found. */
static int describe(struct scan *scan, unsigned i, struct info *info)
{
    const struct ct_isotp_config pair = ct_diag_pair(scan->options, request_id(scan, i), response_id(scan, i));
    int code = ct_diag_tester_aim(scan->tester, &pair);
    if (scan->options->json) {
        char text[12];
        ct_json_object_begin(&info->json, NULL);
        (void)snprintf(text, sizeof text, "%X", (unsigned)pair.tx_id);
        ct_json_string(&info->json, "tx", text);
        (void)snprintf(text, sizeof text, "%X", (unsigned)pair.rx_id);
        ct_json_string(&info->json, "rx", text);
    } else {
        ct_buf_printf(&info->buf, "%s%X -> %X", info->shown > 0 ? "\n" : "", (unsigned)pair.tx_id,
                      (unsigned)pair.rx_id);
    }
    info->shown++;
    code = code == CT_EXIT_OK ? tell_names(scan, info) : code;
    if (scan->options->json) {
        ct_json_object_end(&info->json);
    }
    return code;
}

static void begin_list(const struct scan *scan, struct info *info)
{
    *info = (struct info){.options = scan->options};
    ct_buf_init(&info->buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&info->json, &info->buf);
    if (scan->options->json) {
        ct_json_array_begin(&info->json, NULL);
    }
}

/* Shows it, unless `code` says that it was broken off. */
static int end_list(const struct scan *scan, struct info *info, const char *where, int code)
{
    if (scan->options->json) {
        ct_json_array_end(&info->json);
    } else if (info->shown == 0) {
        ct_buf_printf(&info->buf, "no ECU answers on %s", where);
    }
    if (code == CT_EXIT_OK) {
        ct_diag_print(&info->buf);
        code = info->shown > 0 ? CT_EXIT_OK : CT_EXIT_FAILED;
    }
    ct_buf_free(&info->buf);
    return code;
}

static int run_scan(struct scan *scan)
{
    struct info info;
    int code = scan_functional(scan);
    code = code == CT_EXIT_OK ? scan_physical(scan) : code;
    begin_list(scan, &info);
    for (unsigned i = 0; code == CT_EXIT_OK && i < pair_count(scan); i++) {
        code = scan->found[i] ? describe(scan, i, &info) : code;
    }
    return end_list(scan, &info, ct_diag_tester_bus(scan->tester), code);
}

/* ---- the gateway's ECUs, each under its own lease */

static int describe_named(struct scan *scan, const char *name, const char *bus, struct info *info)
{
    struct ct_uds_result result;
    int code = ct_diag_ask(scan->tester, present, sizeof present, &result);
    if (code != CT_EXIT_OK || (result.outcome != CT_UDS_POSITIVE && result.outcome != CT_UDS_NEGATIVE)) {
        return code;
    }
    if (scan->options->json) {
        ct_json_object_begin(&info->json, NULL);
        ct_json_string(&info->json, "ecu", name);
        ct_json_string(&info->json, "bus", bus);
    } else {
        ct_buf_printf(&info->buf, "%s%s (%s)", info->shown > 0 ? "\n" : "", name, bus);
    }
    info->shown++;
    code = tell_names(scan, info);
    if (scan->options->json) {
        ct_json_object_end(&info->json);
    }
    return code;
}

/* One that cannot be asked now (somebody has it) is said and left out. */
static void scan_named(struct scan *scan, const char *socket, const char *name, const char *bus, struct info *info)
{
    struct ct_diag_options one = *scan->options;
    one.socket = socket;
    one.ecu = name;
    one.bus = NULL;
    if (ct_diag_tester_open(&one, &scan->tester) == CT_EXIT_OK) {
        (void)describe_named(scan, name, bus, info);
        ct_diag_tester_close(scan->tester);
    }
}

static int scan_gateway(struct scan *scan, const char *socket)
{
    struct ct_diag_gateway_ecus ecus;
    struct info info;
    const int code = ct_diag_gateway_ecus(socket, &ecus);
    if (code != CT_EXIT_OK) {
        return code;
    }
    begin_list(scan, &info);
    for (size_t i = 0; i < ecus.count; i++) {
        if (scan->options->bus == NULL || strcmp(scan->options->bus, ecus.rows[i].bus) == 0) {
            scan_named(scan, socket, ecus.rows[i].name, ecus.rows[i].bus, &info);
        }
    }
    return end_list(scan, &info, "the gateway's buses", CT_EXIT_OK);
}

static int read_range(struct scan *scan, const char *from, const char *to, bool extended)
{
    const char *texts[2] = {from != NULL ? from
                            : extended   ? "18DA00F1"
                                         : "7E0",
                            to != NULL ? to
                            : extended ? "18DAFFF1"
                                       : "7E7"};
    uint32_t ids[2];
    for (unsigned i = 0; i < 2; i++) {
        char *end;
        const unsigned long id = strtoul(texts[i], &end, 16);
        if (end == texts[i] || *end != '\0' || id > CT_ID_EXT_MAX || (!extended && id > CT_ID_STD_MAX - 8)) {
            return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no request id in hex; 29-bit ids need --extended", texts[i]);
        }
        ids[i] = (uint32_t)id;
    }
    scan->from = ids[0];
    scan->to = ids[1];
    scan->step = extended ? 0x100 : 1;
    if (scan->to < scan->from || pair_count(scan) > PAIRS_MAX) {
        return ct_diag_fail(CT_EXIT_USAGE, "--from must not be above --to, and at most %u ids are scanned", PAIRS_MAX);
    }
    return CT_EXIT_OK;
}

int ct_diag_scan(int argc, char **argv)
{
    const char *from = NULL, *to = NULL;
    bool extended = false;
    const struct ct_diag_extra extras[] = {
        {"--from", &from, NULL}, {"--to", &to, NULL}, {"--extended", NULL, &extended}, {NULL, NULL, NULL}};
    struct ct_diag_options options;
    struct scan scan = {0};
    int words, code;
    if (!ct_diag_arguments(argc, argv, scan_help, extras, &options, &words, &code)) {
        return code;
    }
    if (words != 0) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is too much; see cantwin diag scan --help", argv[0]);
    }
    options.extended = extended;
    scan.options = &options;
    const bool by_ids = from != NULL || to != NULL || extended;
    const char *socket = by_ids && options.socket == NULL ? NULL : ct_diag_bus_gateway(&options);
    if (socket != NULL && by_ids) {
        return ct_diag_fail(CT_EXIT_USAGE, "--from, --to and --extended scan a bus; a gateway asks its own ECUs");
    }
    if (socket != NULL) {
        return scan_gateway(&scan, socket);
    }
    code = read_range(&scan, from, to, extended);
    code = code == CT_EXIT_OK ? ct_diag_tester_open_bus(&options, &scan.tester) : code;
    if (code == CT_EXIT_OK) {
        code = run_scan(&scan);
        ct_diag_tester_close(scan.tester);
    }
    return code;
}
