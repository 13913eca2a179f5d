/* The tester of `cantwin diag`: one UDS client on a bus, with the real clock; a request in, its end out. */
#ifndef CT_CLI_DIAG_TESTER_H
#define CT_CLI_DIAG_TESTER_H

#include "diag_options.h"
#include "uds_client.h"

struct ct_diag_tester;

/* Opens the bus and makes a client of the options' pair of ids. Returns an exit code, with a message when not
 * CT_EXIT_OK. */
int ct_diag_tester_open(const struct ct_diag_options *options, struct ct_diag_tester **out_tester) CT_MUST_CHECK;
void ct_diag_tester_close(struct ct_diag_tester *tester); /* accepts NULL */

/* Sends the request and waits for its end. CT_EXIT_OK when it has one (also a negative response: see out_result, valid
 * until the next request); else an exit code, with a message. */
int ct_diag_ask(struct ct_diag_tester *tester, const uint8_t *request, size_t len,
                struct ct_uds_result *out_result) CT_MUST_CHECK;

/* Why a request did not end positively, in words. */
const char *ct_diag_outcome_text(const struct ct_uds_result *result);

#endif
