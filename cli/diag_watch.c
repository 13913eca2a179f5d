/* cantwin diag watch: what an ECU tells of its own accord, by 2A and 86. */
#include "diag_cmd.h"

#include "bus_cmd.h"
#include "diag_tester.h"
#include "diag_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "usage: cantwin diag watch (--ecu NAME | --tx ID --rx ID) [OPTION]... [DID...]\n"
    "\n"
    "Makes the ECU tell values by itself and shows them as they come: identifiers F200 to F2FF periodically\n"
    "(2A), others whenever they change (86), trouble codes when their status does. Ends with --seconds or\n"
    "Ctrl-C; then the ECU is told to stop. With --json one object a line.\n"
    "\n"
    "  --rate RATE           slow, medium or fast: of the periodic ones (default: medium)\n"
    "  --dtcs HEX            also trouble codes when one of these status bits changes (08 confirmed)\n"
    "  --periodic-id ID      CAN id of the periodic messages, hex (default: the description's, else the\n"
    "                        response id)\n"
    "  --seconds N           end after so long (default: by Ctrl-C)\n" CT_DIAG_OPTIONS_HELP "\n"
    "Most ECUs want --session 3 for it. Not with --socket: the gateway passes answers on, nothing else.\n"
    "\n"
    "examples:\n"
    "  cantwin diag watch --ecu engine --session 3 --rate fast speed_and_supply\n"
    "  cantwin diag watch --ecu engine --session 3 --dtcs 08 ignition --seconds 60 --json\n"
    "\n"
    "exit codes: 0 done, 1 refused, no answer or nothing came, 2 wrong usage, 3 no such bus or file\n";

enum { DIDS_MAX = 32, WINDOW_INFINITE = 2 };

struct watch {
    struct ct_diag_tester *tester;
    struct ct_diag_options options;
    uint16_t periodic[DIDS_MAX], changing[DIDS_MAX];
    uint8_t periodic_count, changing_count;
    uint8_t rate;
    uint32_t dtc_mask; /* 0: no trouble codes */
    double seconds;
    ct_ns started;
    unsigned shown;
};

/* ---------------------------------------------------------------- showing */

/* One line: text is ready in `buf`, JSON is an open object. */
struct line {
    struct ct_buf buf;
    struct ct_json json;
};

static void begin(struct watch *watch, struct line *line, ct_ns t_ns, const char *kind)
{
    const double seconds = (double)(t_ns - watch->started) / (double)CT_NS_PER_S;
    ct_buf_init(&line->buf, CT_DIAG_OUTPUT_MAX);
    ct_json_init(&line->json, &line->buf);
    if (watch->options.json) {
        ct_json_object_begin(&line->json, NULL);
        ct_json_double(&line->json, "seconds", seconds);
        ct_json_string(&line->json, "kind", kind);
    } else {
        ct_buf_printf(&line->buf, "%9.3f %-8s ", seconds, kind);
    }
}

static void end(struct watch *watch, struct line *line)
{
    if (watch->options.json) {
        ct_json_object_end(&line->json);
    }
    ct_diag_print(&line->buf);
    (void)fflush(stdout);
    watch->shown++;
}

/* The description knows how much of a frame is the value. */
static void show_value(struct watch *watch, const struct ct_uds_unasked *what, const char *kind,
                       struct ct_uds_value value)
{
    const struct ct_ecu_did *did = ct_ecu_did_find(ct_diag_tester_ecu(watch->tester), value.did);
    struct line line;
    if (did != NULL && did->length > 0 && did->length < value.bytes.len) {
        value.bytes.len = did->length;
    }
    begin(watch, &line, what->t_ns, kind);
    if (watch->options.json) {
        ct_diag_record_json(&line.json, value.did, did, value.bytes);
    } else {
        ct_diag_record_text(&line.buf, value.did, did, value.bytes);
    }
    end(watch, &line);
}

static void show_dtc(struct watch *watch, const struct ct_uds_unasked *what, const struct ct_uds_dtc *dtc)
{
    char code[CT_DIAG_DTC_TEXT];
    struct line line;
    const char *meaning = ct_ecu_dtc_text(ct_diag_tester_ecu(watch->tester), dtc->dtc);
    ct_diag_dtc_text(dtc->dtc, code);
    begin(watch, &line, what->t_ns, "dtc");
    if (watch->options.json) {
        ct_json_string(&line.json, "code", code);
        ct_json_string(&line.json, "text", meaning);
        ct_json_uint(&line.json, "status", dtc->status);
    } else {
        ct_buf_printf(&line.buf, "%s  %02X  %s", code, dtc->status, meaning != NULL ? meaning : "");
    }
    end(watch, &line);
}

static void show_bytes(struct watch *watch, const struct ct_uds_unasked *what)
{
    struct line line;
    begin(watch, &line, what->t_ns, "event");
    if (watch->options.json) {
        ct_json_bytes(&line.json, "response", what->bytes.data, what->bytes.len);
    } else {
        for (size_t i = 0; i < what->bytes.len; i++) {
            ct_buf_printf(&line.buf, "%02X", what->bytes.data[i]);
        }
    }
    end(watch, &line);
}

static void show_event(struct watch *watch, const struct ct_uds_unasked *what)
{
    const struct ct_uds_message *message = what->message;
    const uint8_t *data = what->bytes.data;
    const unsigned shown = watch->shown;
    if (message != NULL && message->service == CT_UDS_READ_DATA && what->bytes.len >= 3) {
        const struct ct_uds_value value = {(uint16_t)(data[1] << 8 | data[2]), {data + 3, what->bytes.len - 3}};
        show_value(watch, what, "change", value);
    } else if (message != NULL && message->service == CT_UDS_READ_DTC) {
        struct ct_uds_dtc dtc;
        size_t at = 0;
        while (ct_uds_dtc_next(message, &at, &dtc) == CT_OK) {
            show_dtc(watch, what, &dtc);
        }
    }
    if (watch->shown == shown) {
        show_bytes(watch, what);
    }
}

static void show(void *user, const struct ct_uds_unasked *what)
{
    if (what->kind == CT_UDS_UNASKED_PERIODIC) {
        show_value(user, what, "periodic", (struct ct_uds_value){what->did, what->bytes});
    } else {
        show_event(user, what);
    }
}

/* ---------------------------------------------------------------- setting up */

static int set_up_event(struct watch *watch, uint8_t type, const uint8_t *record, size_t len, const char *what)
{
    const struct ct_uds_message request = {
        .service = CT_UDS_RESPONSE_ON_EVENT, .subfunction = type, .option = WINDOW_INFINITE, .data = {record, len}};
    struct ct_uds_message response;
    return ct_diag_do(watch->tester, &request, what, &response);
}

static int ask_periodic(struct watch *watch)
{
    struct ct_uds_message request = {
        .service = CT_UDS_READ_PERIODIC, .option = watch->rate, .id_count = watch->periodic_count};
    struct ct_uds_message response;
    for (unsigned i = 0; i < watch->periodic_count; i++) {
        request.ids[i] = watch->periodic[i] & 0xFFU;
    }
    return watch->periodic_count > 0 ? ct_diag_do(watch->tester, &request, "periodic identifiers", &response)
                                     : CT_EXIT_OK;
}

static int ask_events(struct watch *watch)
{
    int code = CT_EXIT_OK;
    char what[32];
    for (unsigned i = 0; i < watch->changing_count && code == CT_EXIT_OK; i++) {
        const uint8_t high = (uint8_t)(watch->changing[i] >> 8);
        const uint8_t low = (uint8_t)watch->changing[i];
        const uint8_t record[] = {high, low, CT_UDS_READ_DATA, high, low};
        (void)snprintf(what, sizeof what, "changes of %04X", watch->changing[i]);
        code = set_up_event(watch, CT_UDS_EVENT_DATA_CHANGE, record, sizeof record, what);
    }
    if (code == CT_EXIT_OK && watch->dtc_mask != 0) {
        const uint8_t mask = (uint8_t)watch->dtc_mask;
        const uint8_t record[] = {mask, CT_UDS_READ_DTC, CT_UDS_DTC_BY_STATUS, mask};
        code = set_up_event(watch, CT_UDS_EVENT_DTC_STATUS, record, sizeof record, "changes of trouble codes");
    }
    const bool any = watch->changing_count > 0 || watch->dtc_mask != 0;
    return code == CT_EXIT_OK && any ? set_up_event(watch, CT_UDS_EVENT_START, NULL, 0, "start of events") : code;
}

/* The ECU would go on for as long as its session lasts. */
static int stop_all(struct watch *watch)
{
    const struct ct_uds_message stop = {.service = CT_UDS_READ_PERIODIC, .option = CT_UDS_PERIODIC_STOP};
    struct ct_uds_message response;
    int code =
        watch->periodic_count > 0 ? ct_diag_do(watch->tester, &stop, "stop of periodic ones", &response) : CT_EXIT_OK;
    if (code == CT_EXIT_OK && (watch->changing_count > 0 || watch->dtc_mask != 0)) {
        code = set_up_event(watch, CT_UDS_EVENT_CLEAR, NULL, 0, "end of events");
    }
    return code;
}

static int run(struct watch *watch)
{
    const int stop_fd = ct_bus_stop_fd();
    if (stop_fd < 0) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "cannot watch for signals: %s", ct_err_text(stop_fd));
    }
    watch->started = ct_diag_tester_listen(watch->tester, show, watch);
    int code = ask_periodic(watch);
    code = code == CT_EXIT_OK ? ask_events(watch) : code;
    code = code == CT_EXIT_OK ? ct_diag_follow(watch->tester, watch->seconds, stop_fd) : code;
    const int stopped = stop_all(watch);
    close(stop_fd);
    code = code == CT_EXIT_OK ? stopped : code;
    return code == CT_EXIT_OK && watch->shown == 0 ? ct_diag_fail(CT_EXIT_FAILED, "nothing came") : code;
}

/* ---------------------------------------------------------------- arguments */

static int take_dids(struct watch *watch, char **words, int count)
{
    for (int i = 0; i < count; i++) {
        const struct ct_ecu_did *did;
        uint16_t id;
        if (ct_diag_did_of(ct_diag_tester_ecu(watch->tester), words[i], &id, &did) != CT_OK) {
            return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no identifier", words[i]);
        }
        const bool periodic = (id & 0xFF00U) == CT_UDS_DID_PERIODIC;
        uint8_t *used = periodic ? &watch->periodic_count : &watch->changing_count;
        if (*used == DIDS_MAX) {
            return ct_diag_fail(CT_EXIT_USAGE, "at most %d identifiers of a kind", DIDS_MAX);
        }
        (periodic ? watch->periodic : watch->changing)[(*used)++] = id;
    }
    return CT_EXIT_OK;
}

static int take_rate(struct watch *watch, const char *text)
{
    static const char *const rates[] = {"slow", "medium", "fast"};
    for (uint8_t i = 0; i < 3; i++) {
        if (strcmp(text, rates[i]) == 0) {
            watch->rate = (uint8_t)(CT_UDS_PERIODIC_SLOW + i);
            return CT_EXIT_OK;
        }
    }
    return ct_diag_fail(CT_EXIT_USAGE, "--rate is slow, medium or fast");
}

static int take_options(struct watch *watch, const char *rate, const char *dtcs, const char *periodic_id,
                        const char *seconds)
{
    uint8_t mask = 0;
    size_t len = 1;
    int code = take_rate(watch, rate);
    if (dtcs != NULL && (ct_diag_hex(dtcs, &mask, 1, &len) != CT_OK || len != 1 || mask == 0)) {
        code = ct_diag_fail(CT_EXIT_USAGE, "--dtcs needs two hex digits, such as 08");
    }
    watch->dtc_mask = mask;
    if (periodic_id != NULL && ct_diag_can_id(periodic_id, &watch->options.periodic_id) != CT_OK) {
        code = ct_diag_fail(CT_EXIT_USAGE, "--periodic-id needs an id in hex, such as 5E8");
    }
    if (seconds != NULL && ct_bus_number(seconds, 0.001, &watch->seconds) != CT_OK) {
        code = ct_diag_fail(CT_EXIT_USAGE, "--seconds needs a number");
    }
    if (code == CT_EXIT_OK && watch->options.socket != NULL) {
        code = ct_diag_fail(CT_EXIT_USAGE, "the gateway passes answers on, nothing else: watch on the bus");
    }
    return code;
}

int ct_diag_watch(int argc, char **argv)
{
    const char *rate = "medium", *dtcs = NULL, *periodic_id = NULL, *seconds = NULL;
    const struct ct_diag_extra extras[] = {{"--rate", &rate, NULL},
                                           {"--dtcs", &dtcs, NULL},
                                           {"--periodic-id", &periodic_id, NULL},
                                           {"--seconds", &seconds, NULL},
                                           {NULL, NULL, NULL}};
    struct watch watch = {0};
    int words, code;
    if (!ct_diag_arguments(argc, argv, help, extras, &watch.options, &words, &code)) {
        return code;
    }
    code = take_options(&watch, rate, dtcs, periodic_id, seconds);
    if (code == CT_EXIT_OK && words == 0 && dtcs == NULL) {
        code = ct_diag_fail(CT_EXIT_USAGE, "watch what? give identifiers or --dtcs; see cantwin diag watch --help");
    }
    watch.options.direct = true;
    code = code == CT_EXIT_OK ? ct_diag_tester_open(&watch.options, &watch.tester) : code;
    if (code != CT_EXIT_OK) {
        return code;
    }
    code = take_dids(&watch, argv, words);
    code = code == CT_EXIT_OK ? run(&watch) : code;
    ct_diag_tester_close(watch.tester);
    return code;
}
