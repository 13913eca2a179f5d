/* cantwin diag routine, io and session: single requests with a result record. */
#include "diag_cmd.h"

#include "diag_tester.h"
#include "diag_values.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_CODES "exit codes: 0 done, 1 refused or no answer, 2 wrong usage, 3 no such bus or file\n"

static const char routine_help[] =
    "usage: cantwin diag routine (start|stop|result) (--ecu NAME | --tx ID --rx ID) [OPTION]... ROUTINE [HEX]\n"
    "\n"
    "Starts or stops a routine (31), or asks for its result. ROUTINE is a number in hex or a name of the\n"
    "description, which also says the session it needs; HEX are its parameters.\n"
    "\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag routine start --ecu engine self_test\n"
    "  cantwin diag routine result --tx 7E0 --rx 7E8 --session 3 0203\n"
    "\n" EXIT_CODES;

static const char io_help[] =
    "usage: cantwin diag io (return|reset|freeze|adjust) (--ecu NAME | --tx ID --rx ID) [OPTION]... DID [HEX]\n"
    "\n"
    "Takes an input or output over (2F) and gives it back. HEX is the state (and mask) for adjust. The ECU\n"
    "undoes it when the session ends, so --hold keeps the session for a while.\n"
    "\n"
    "  --hold SECONDS        stay in the session so long\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag io adjust --ecu body --session 3 --hold 5 low_beam 01\n"
    "  cantwin diag io return --ecu body --session 3 low_beam\n"
    "\n" EXIT_CODES;

static const char session_help[] =
    "usage: cantwin diag session (--ecu NAME | --tx ID --rx ID) [OPTION]... N|reset\n"
    "\n"
    "Enters a session (10): 1 default, 2 programming, 3 extended, 4 safety, or a maker's own; prints the\n"
    "ECU's timing. It is kept by TesterPresent for --hold seconds. reset restarts the ECU (11 01).\n"
    "\n"
    "  --hold SECONDS        stay in the session so long (default: 0)\n" CT_DIAG_OPTIONS_HELP "\n"
    "examples:\n"
    "  cantwin diag session --ecu engine 3\n"
    "  cantwin diag session --ecu engine 3 --level 1 --key-program ./key --hold 60\n"
    "  cantwin diag session --ecu engine reset\n"
    "\n" EXIT_CODES;

static int seconds_of(const char *text, double *out_seconds)
{
    char *end;
    *out_seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !(*out_seconds >= 0 && *out_seconds <= 86400)) {
        return ct_diag_fail(CT_EXIT_USAGE, "--hold needs seconds up to 86400");
    }
    return CT_EXIT_OK;
}

static void show_data(const struct ct_diag_options *options, const char *name, struct ct_uds_bytes data)
{
    struct ct_buf buf;
    ct_buf_init(&buf, CT_DIAG_OUTPUT_MAX);
    if (options->json) {
        struct ct_json json;
        ct_json_init(&json, &buf);
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "name", name);
        ct_json_bytes(&json, "hex", data.data, data.len);
        ct_json_object_end(&json);
    } else {
        ct_buf_printf(&buf, "%s: done", name);
        for (size_t i = 0; i < data.len; i++) {
            ct_buf_printf(&buf, "%s%02X", i == 0 ? ", " : "", data.data[i]);
        }
    }
    ct_diag_print(&buf);
}

/* A word among choices; its place, or -1. */
static int choice_of(const char *word, const char *const *choices, int count)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(word, choices[i]) == 0) {
            return i;
        }
    }
    return -1;
}

/* ---------------------------------------------------------------- routine */

static int run_routine(struct ct_diag_tester *tester, const struct ct_diag_options *options, char **words, int kind,
                       struct ct_uds_bytes parameters)
{
    const struct ct_ecu_description *ecu = ct_diag_tester_ecu(tester);
    const struct ct_ecu_routine *routine = ct_ecu_routine_named(ecu, words[1]);
    const struct ct_ecu_did *unused;
    uint16_t id = routine != NULL ? routine->id : 0;
    if (routine == NULL && ct_diag_did_of(ecu, words[1], &id, &unused) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no routine", words[1]);
    }
    routine = routine != NULL ? routine : ct_ecu_routine_find(ecu, id);
    int code = CT_EXIT_OK;
    if (routine != NULL && routine->session != 0 && options->session == 0) {
        code = ct_diag_enter(tester, routine->session);
    }
    const struct ct_uds_message request = {
        .service = CT_UDS_ROUTINE_CONTROL, .subfunction = (uint8_t)kind, .ids = {id}, .data = parameters};
    struct ct_uds_message response;
    code = code == CT_EXIT_OK ? ct_diag_do(tester, &request, words[1], &response) : code;
    if (code == CT_EXIT_OK) {
        show_data(options, words[1], response.data);
    }
    return code;
}

int ct_diag_routine(int argc, char **argv)
{
    static const char *const kinds[] = {"", "start", "stop", "result"};
    struct ct_diag_options options;
    struct ct_diag_tester *tester;
    uint8_t data[CT_UDS_MESSAGE_MAX];
    size_t len = 0;
    int words, code;
    if (!ct_diag_arguments(argc, argv, routine_help, NULL, &options, &words, &code)) {
        return code;
    }
    const int kind = words >= 2 ? choice_of(argv[0], kinds, 4) : -1;
    if (kind < 1 || words > 3) {
        return ct_diag_fail(CT_EXIT_USAGE, "routine start, stop or result, and which; see cantwin diag routine --help");
    }
    if (words == 3 && ct_diag_hex(argv[2], data, sizeof data, &len) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' are no bytes in hex", argv[2]);
    }
    code = ct_diag_tester_open(&options, &tester);
    if (code == CT_EXIT_OK) {
        code = run_routine(tester, &options, argv, kind, (struct ct_uds_bytes){data, len});
        ct_diag_tester_close(tester);
    }
    return code;
}

/* ---------------------------------------------------------------- io */

static int control(struct ct_diag_tester *tester, const struct ct_diag_options *options, const char *name, int kind,
                   struct ct_uds_bytes state)
{
    const struct ct_ecu_did *did;
    struct ct_uds_message response;
    struct ct_uds_message request = {.service = CT_UDS_IO_CONTROL, .option = (uint8_t)kind, .data = state};
    if (ct_diag_did_of(ct_diag_tester_ecu(tester), name, &request.ids[0], &did) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no identifier", name);
    }
    const int code = ct_diag_do(tester, &request, name, &response);
    if (code == CT_EXIT_OK) {
        show_data(options, name, response.data);
    }
    return code;
}

int ct_diag_io(int argc, char **argv)
{
    static const char *const kinds[] = {"return", "reset", "freeze", "adjust"};
    const char *hold = "0";
    const struct ct_diag_extra extras[] = {{"--hold", &hold, NULL}, {NULL, NULL, NULL}};
    struct ct_diag_options options;
    struct ct_diag_tester *tester;
    uint8_t state[CT_UDS_MESSAGE_MAX];
    size_t len = 0;
    double seconds = 0;
    int words, code;
    if (!ct_diag_arguments(argc, argv, io_help, extras, &options, &words, &code)) {
        return code;
    }
    const int kind = words >= 2 ? choice_of(argv[0], kinds, 4) : -1;
    if (kind < 0 || words > 3 || (kind == CT_UDS_IO_ADJUST) != (words == 3)) {
        return ct_diag_fail(CT_EXIT_USAGE,
                            "io return, reset or freeze DID, or io adjust DID HEX; see cantwin diag io --help");
    }
    if (words == 3 && ct_diag_hex(argv[2], state, sizeof state, &len) != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no state in hex", argv[2]);
    }
    code = seconds_of(hold, &seconds);
    code = code == CT_EXIT_OK ? ct_diag_tester_open(&options, &tester) : code;
    if (code == CT_EXIT_OK) {
        code = control(tester, &options, argv[1], kind, (struct ct_uds_bytes){state, len});
        code = code == CT_EXIT_OK ? ct_diag_hold(tester, seconds) : code;
        ct_diag_tester_close(tester);
    }
    return code;
}

/* ---------------------------------------------------------------- session */

static int reset(struct ct_diag_tester *tester, const struct ct_diag_options *options)
{
    const struct ct_uds_message request = {.service = CT_UDS_ECU_RESET, .subfunction = CT_UDS_RESET_HARD};
    struct ct_uds_message response;
    const int code = ct_diag_do(tester, &request, "reset", &response);
    if (code == CT_EXIT_OK) {
        puts(options->json ? "{\"reset\":true}" : "the ECU restarts");
    }
    return code;
}

static int show_session(struct ct_diag_tester *tester, const struct ct_diag_options *options)
{
    const struct ct_uds_message request = {.service = CT_UDS_SESSION_CONTROL, .subfunction = (uint8_t)options->session};
    struct ct_uds_message response;
    const int code = options->level != 0 ? CT_EXIT_OK : ct_diag_do(tester, &request, "session", &response);
    if (code != CT_EXIT_OK) {
        return code;
    }
    if (options->level != 0) { /* asking for the session once more would lock it again */
        printf(options->json ? "{\"session\":%u,\"level\":%u}\n" : "session %u, security level %u unlocked\n",
               (unsigned)options->session, (unsigned)options->level);
    } else {
        printf(options->json ? "{\"session\":%u,\"p2_ms\":%u,\"p2_star_ms\":%u}\n"
                             : "session %u: P2 %u ms, P2* %u ms\n",
               (unsigned)options->session, response.p2_ms, response.p2_star_10ms * 10U);
    }
    return CT_EXIT_OK;
}

int ct_diag_session(int argc, char **argv)
{
    const char *hold = "0";
    const struct ct_diag_extra extras[] = {{"--hold", &hold, NULL}, {NULL, NULL, NULL}};
    struct ct_diag_options options;
    struct ct_diag_tester *tester;
    double seconds = 0;
    int words, code;
    if (!ct_diag_arguments(argc, argv, session_help, extras, &options, &words, &code)) {
        return code;
    }
    const bool resets = words == 1 && strcmp(argv[0], "reset") == 0;
    if (words != 1 || (!resets && (ct_diag_number(argv[0], 0x7F, &options.session) != CT_OK || options.session == 0))) {
        return ct_diag_fail(CT_EXIT_USAGE, "which session? a number from 1 to 127, or reset");
    }
    code = seconds_of(hold, &seconds);
    code = code == CT_EXIT_OK ? ct_diag_tester_open(&options, &tester) : code;
    if (code == CT_EXIT_OK) {
        code = resets ? reset(tester, &options) : show_session(tester, &options);
        (void)fflush(stdout);
        code = code == CT_EXIT_OK ? ct_diag_hold(tester, seconds) : code;
        ct_diag_tester_close(tester);
    }
    return code;
}
