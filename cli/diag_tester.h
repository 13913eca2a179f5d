/* The tester of `cantwin diag`: one UDS client (and functional requests) on a bus, with the real clock; a request in,
 * its end out. What goes wrong is said on standard error, once, where it is found. */
#ifndef CT_CLI_DIAG_TESTER_H
#define CT_CLI_DIAG_TESTER_H

#include "diag_options.h"
#include "ecu_description.h"
#include "uds_client.h"
#include "uds_group.h"
#include "uds_message.h"

struct ct_diag_tester;

/* Loads the description that the options name (none is no error), opens the bus and makes a client of the pair of ids,
 * or takes the ECU at the gateway; then enters the session and unlocks the level the options ask for. Returns an exit
 * code. */
int ct_diag_tester_open(const struct ct_diag_options *options, struct ct_diag_tester **out_tester) CT_MUST_CHECK;
/* The bus alone, for scans; ct_diag_tester_aim chooses the ECU. */
int ct_diag_tester_open_bus(const struct ct_diag_options *options, struct ct_diag_tester **out_tester) CT_MUST_CHECK;
int ct_diag_tester_aim(struct ct_diag_tester *tester, const struct ct_isotp_config *pair) CT_MUST_CHECK;
void ct_diag_tester_close(struct ct_diag_tester *tester); /* accepts NULL */

const struct ct_ecu_description *ct_diag_tester_ecu(const struct ct_diag_tester *tester); /* never NULL */
const char *ct_diag_tester_bus(const struct ct_diag_tester *tester);

/* The socket of the gateway that requests to a whole bus go through; NULL: straight onto the bus, as --bus without
 * --socket and --tx say. */
const char *ct_diag_bus_gateway(const struct ct_diag_options *options);

/* The pair of ids as the options' frames carry them. */
struct ct_isotp_config ct_diag_pair(const struct ct_diag_options *options, uint32_t tx_id, uint32_t rx_id);

/* Sends the request and waits for its end. CT_EXIT_OK when it has one (also a negative response: see out_result, valid
 * until the next request); else an exit code, with a message. */
int ct_diag_ask(struct ct_diag_tester *tester, const uint8_t *request, size_t len,
                struct ct_uds_result *out_result) CT_MUST_CHECK;
/* A typed request that must be answered positively: else says why, naming `what`, and returns CT_EXIT_FAILED. The
 * response borrows until the next request. */
int ct_diag_do(struct ct_diag_tester *tester, const struct ct_uds_message *request, const char *what,
               struct ct_uds_message *out_response) CT_MUST_CHECK;

/* Why a request did not end positively, in words; for refusals with the code. */
const char *ct_diag_outcome_text(const struct ct_uds_result *result);
int ct_diag_refused(const struct ct_uds_result *result, const char *what); /* says so, returns CT_EXIT_FAILED */

/* Enters a session and keeps it by TesterPresent until the tester is closed or another is entered. */
int ct_diag_enter(struct ct_diag_tester *tester, uint8_t session) CT_MUST_CHECK;

/* Holds the session for a time, reading what comes. */
int ct_diag_hold(struct ct_diag_tester *tester, double seconds) CT_MUST_CHECK;

/* From now on what the ECU sends unasked goes to the callback, from ct_diag_ask and ct_diag_follow; returns now. Only
 * on a bus: through the gateway nothing comes unasked. */
ct_ns ct_diag_tester_listen(struct ct_diag_tester *tester,
                            void (*unasked)(void *user, const struct ct_uds_unasked *what), void *user);
/* As ct_diag_hold, on a bus, and until `stop_fd` can be read; seconds 0: only then. */
int ct_diag_follow(struct ct_diag_tester *tester, double seconds, int stop_fd) CT_MUST_CHECK;

/* One functional request, all its answers in `group`. */
int ct_diag_ask_group(struct ct_diag_tester *tester, struct ct_uds_group *group, const uint8_t *request,
                      size_t len) CT_MUST_CHECK;

/* `done` of `all` as a bar on standard error, when that is a terminal and no JSON is asked for; at the end a new line.
 */
void ct_diag_progress(const struct ct_diag_options *options, const char *what, uint64_t done, uint64_t all);

#endif
