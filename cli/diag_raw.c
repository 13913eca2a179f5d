/* cantwin diag raw. */
#include "diag_cmd.h"

#include "bytes.h"
#include "diag_tester.h"
#include "json.h"

#include <stdio.h>

static const char help[] = "usage: cantwin diag raw (--ecu NAME | --tx ID --rx ID) [OPTION]... HEX...\n"
                           "\n"
                           "Sends each request (UDS or OBD-II, service id first) and shows the answer.\n"
                           "\n" CT_DIAG_OPTIONS_HELP "\n"
                           "examples:\n"
                           "  cantwin diag raw --ecu engine 22F190\n"
                           "  cantwin diag raw --bus can0 --tx 18DA10F1 --rx 18DAF110 1003 '22 F1 86' --json\n"
                           "\n"
                           "exit codes: 0 positive responses, 1 refused or no answer, 2 wrong usage, 3 no such bus\n";

static int show(const struct ct_diag_options *options, const char *request, const struct ct_uds_result *result)
{
    const bool positive = result->outcome == CT_UDS_POSITIVE;
    struct ct_buf buf;
    ct_buf_init(&buf, 64U << 10U);
    if (options->json) {
        struct ct_json json;
        ct_json_init(&json, &buf);
        ct_json_object_begin(&json, NULL);
        ct_json_string(&json, "request", request);
        ct_json_string(&json, "outcome", ct_diag_outcome_text(result));
        if (result->outcome == CT_UDS_NEGATIVE) {
            ct_json_uint(&json, "nrc", result->nrc);
        }
        ct_json_bytes(&json, "response", result->response, result->len);
        ct_json_object_end(&json);
    } else {
        for (size_t i = 0; i < result->len; i++) {
            ct_buf_printf(&buf, "%s%02X", i == 0 ? "" : " ", result->response[i]);
        }
        if (!positive) {
            ct_buf_printf(&buf, "%s%s", result->len == 0 ? "" : "  ", ct_diag_outcome_text(result));
        }
    }
    puts(ct_buf_string(&buf));
    ct_buf_free(&buf);
    return positive ? CT_EXIT_OK : CT_EXIT_FAILED;
}

static int ask_all(struct ct_diag_tester *tester, const struct ct_diag_options *options, char **requests, int count)
{
    int worst = CT_EXIT_OK;
    for (int i = 0; i < count; i++) {
        uint8_t bytes[CT_UDS_MESSAGE_MAX];
        size_t len;
        struct ct_uds_result result;
        if (ct_diag_hex(requests[i], bytes, sizeof bytes, &len) != CT_OK || len == 0) {
            return ct_diag_fail(CT_EXIT_USAGE, "'%s' is no request in hex, such as 22F190", requests[i]);
        }
        const int code = ct_diag_ask(tester, bytes, len, &result);
        if (code != CT_EXIT_OK) {
            return code;
        }
        const int shown = show(options, requests[i], &result);
        worst = worst == CT_EXIT_OK ? shown : worst;
    }
    return worst;
}

int ct_diag_raw(int argc, char **argv)
{
    struct ct_diag_options options;
    int requests;
    int code;
    if (!ct_diag_arguments(argc, argv, help, NULL, &options, &requests, &code)) {
        return code;
    }
    if (requests == 0) {
        return ct_diag_fail(CT_EXIT_USAGE, "which request? such as 22F190; see cantwin diag raw --help");
    }
    struct ct_diag_tester *tester;
    code = ct_diag_tester_open(&options, &tester);
    if (code == CT_EXIT_OK) {
        code = ask_all(tester, &options, argv, requests);
        ct_diag_tester_close(tester);
    }
    return code;
}
