/* A tester that asks through the running gateway: under a lease, by its policy, over its status socket. One ECU of the
 * gateway's configuration, or by functional requests all of a bus; what goes wrong is said on standard error. */
#ifndef CT_CLI_DIAG_GATEWAY_H
#define CT_CLI_DIAG_GATEWAY_H

#include "uds_client.h"

#define CT_DIAG_GATEWAY_ECUS 64

struct ct_diag_gateway;

/* Connects and takes the ECU, waiting a little while somebody else has it. Returns an exit code. */
int ct_diag_gateway_open(const char *socket, const char *ecu, struct ct_diag_gateway **out_gateway) CT_MUST_CHECK;
void ct_diag_gateway_close(struct ct_diag_gateway *gateway); /* gives the ECU back; accepts NULL */

/* CT_EXIT_OK when the ECU answered, also negatively or not at all; the response is valid until the next request. */
int ct_diag_gateway_ask(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                        struct ct_uds_result *out_result) CT_MUST_CHECK;

/* The ECUs of a gateway's configuration. */
struct ct_diag_gateway_ecus {
    size_t count;
    struct {
        char name[65], bus[32];
        bool functional; /* its bus has a functional address */
    } rows[CT_DIAG_GATEWAY_ECUS];
};
int ct_diag_gateway_ecus(const char *socket, struct ct_diag_gateway_ecus *out_ecus) CT_MUST_CHECK;

/* Who answered a functional request. */
struct ct_diag_answers {
    size_t count;
    struct {
        char ecu[65];
        size_t len;
        uint8_t response[CT_UDS_MESSAGE_MAX];
    } rows[CT_DIAG_GATEWAY_ECUS];
};
/* For functional requests on `bus`; NULL: the only bus that has a functional address. Each request takes all its ECUs,
 * waiting a little while somebody else has one. */
int ct_diag_gateway_open_bus(const char *socket, const char *bus, struct ct_diag_gateway **out_gateway) CT_MUST_CHECK;
int ct_diag_gateway_ask_all(struct ct_diag_gateway *gateway, const uint8_t *request, size_t len,
                            struct ct_diag_answers *out_answers) CT_MUST_CHECK;

/* Keeps the lease and, with `present`, the ECU's session for so long. */
int ct_diag_gateway_hold(struct ct_diag_gateway *gateway, double seconds, bool present) CT_MUST_CHECK;

#endif
