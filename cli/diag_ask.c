/* What a tester asks for and says of it; see diag_tester.h. */
#include "diag_tester.h"

#include "diag_cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR_WIDTH 40U

const char *ct_diag_outcome_text(const struct ct_uds_result *result)
{
    switch (result->outcome) {
    case CT_UDS_POSITIVE:
        return "positive response";
    case CT_UDS_NEGATIVE:
        return ct_uds_nrc_text(result->nrc);
    case CT_UDS_NO_RESPONSE:
        return "the ECU does not answer";
    case CT_UDS_PENDING_OVER:
        return "the ECU said response pending for too long";
    case CT_UDS_TRANSPORT:
        return ct_isotp_result_text(result->tp_result);
    case CT_UDS_ABORTED:
    default:
        return "broken off";
    }
}

int ct_diag_refused(const struct ct_uds_result *result, const char *what)
{
    if (result->outcome == CT_UDS_NEGATIVE) {
        return ct_diag_fail(CT_EXIT_FAILED, "%s: %s (0x%02X)", what, ct_diag_outcome_text(result), result->nrc);
    }
    return ct_diag_fail(CT_EXIT_FAILED, "%s: %s", what, ct_diag_outcome_text(result));
}

int ct_diag_do(struct ct_diag_tester *tester, const struct ct_uds_message *request, const char *what,
               struct ct_uds_message *out_response)
{
    uint8_t bytes[CT_UDS_MESSAGE_MAX];
    size_t len;
    struct ct_uds_result result = {0};
    int err = ct_uds_request_encode(request, bytes, sizeof bytes, &len);
    if (err != CT_OK) {
        return ct_diag_fail(CT_EXIT_USAGE, "%s: %s", what, ct_err_text(err));
    }
    const int code = ct_diag_ask(tester, bytes, len, &result);
    if (code != CT_EXIT_OK || result.outcome != CT_UDS_POSITIVE) {
        return code != CT_EXIT_OK ? code : ct_diag_refused(&result, what);
    }
    err = result.len == 0 ? CT_OK : ct_uds_response_decode(result.response, result.len, out_response);
    if (err != CT_OK) {
        return ct_diag_fail(CT_EXIT_FAILED, "%s: the response is not in the standard's form", what);
    }
    return CT_EXIT_OK;
}

void ct_diag_progress(const struct ct_diag_options *options, const char *what, uint64_t done, uint64_t all)
{
    if (options->json || isatty(STDERR_FILENO) == 0 || all == 0) {
        return;
    }
    const unsigned filled = (unsigned)(done * BAR_WIDTH / all);
    char bar[BAR_WIDTH + 1];
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3u%%%s", what, bar, (unsigned)(done * 100 / all), done == all ? "\n" : "");
}
