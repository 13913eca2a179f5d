/* A tester that asks through the running gateway: under a lease, by its policy, over its status socket. One ECU of the
 * gateway's configuration; what goes wrong is said on standard error. */
#ifndef CT_CLI_DIAG_GATEWAY_H
#define CT_CLI_DIAG_GATEWAY_H

#include "uds_client.h"

struct ct_diag_gateway;

/* Connects and takes the ECU, waiting a little while somebody else has it. Returns an exit code. */
int ct_diag_gateway_open(const char *socket, const char *ecu, struct ct_diag_gateway **out_gateway) CT_MUST_CHECK;
void ct_diag_gateway_close(struct ct_diag_gateway *gateway); /* gives the ECU back; accepts NULL */

/* CT_EXIT_OK when the ECU answered, also negatively or not at all; the response is valid until the next request. */
int ct_diag_gateway_ask(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                        struct ct_uds_result *out_result) CT_MUST_CHECK;

/* Keeps the lease and, with `present`, the ECU's session for so long. */
int ct_diag_gateway_hold(struct ct_diag_gateway *gateway, double seconds, bool present) CT_MUST_CHECK;

#endif
