#include "diag_all.h"

#include "diag_cmd.h"
#include "diag_gateway.h"
#include "obd_message.h"

#include <stdio.h>
#include <stdlib.h>

#define MEMBERS 8U

struct ct_diag_all {
    struct ct_diag_tester *tester;
    struct ct_uds_group *group;
    char ids[MEMBERS][12];           /* of their responses */
    struct ct_diag_gateway *gateway; /* instead of tester and group */
    struct ct_diag_answers answers;  /* its last ones */
};

static int make_group(struct ct_diag_all *all, const struct ct_diag_options *options, bool extended)
{
    struct ct_isotp_config members[MEMBERS];
    for (unsigned i = 0; i < MEMBERS; i++) {
        /* 29-bit ECU addresses of ISO 15765-4 are the maker's; engine and gearbox and the usual neighbours. */
        static const uint8_t addresses[MEMBERS] = {0x10, 0x11, 0x17, 0x18, 0x28, 0x40, 0x58, 0x60};
        const uint32_t address = addresses[i];
        const uint32_t tx_id = extended ? 0x18DA00F1U | address << 8U : 0x7E0U + i;
        const uint32_t rx_id = extended ? 0x18DAF100U | address : 0x7E8U + i;
        (void)snprintf(all->ids[i], sizeof all->ids[i], "%X", (unsigned)rx_id);
        members[i] = ct_diag_pair(options, tx_id, rx_id);
    }
    const uint32_t functional = extended ? CT_OBD_REQUEST_29BIT : CT_OBD_REQUEST_11BIT;
    const struct ct_uds_group_config config = {.functional = ct_diag_pair(options, functional, members[0].rx_id),
                                               .members = members,
                                               .member_count = MEMBERS,
                                               .p2_ms = (uint32_t)(options->timeout_s * 1000)};
    return ct_uds_group_create(&config, &all->group) == CT_OK ? CT_EXIT_OK
                                                              : ct_diag_fail(CT_EXIT_ENVIRONMENT, "out of memory");
}

static int open_way(struct ct_diag_all *all, const struct ct_diag_options *options, bool extended)
{
    const char *socket = ct_diag_bus_gateway(options);
    if (socket != NULL && extended) {
        return ct_diag_fail(CT_EXIT_USAGE, "--extended is for a bus; the gateway asks at its bus's functional_id");
    }
    if (socket != NULL) {
        return ct_diag_gateway_open_bus(socket, options->bus, &all->gateway);
    }
    const int code = ct_diag_tester_open_bus(options, &all->tester);
    return code == CT_EXIT_OK ? make_group(all, options, extended) : code;
}

int ct_diag_all_open(const struct ct_diag_options *options, bool extended, struct ct_diag_all **out_all)
{
    struct ct_diag_all *all = calloc(1, sizeof *all);
    if (all == NULL) {
        return ct_diag_fail(CT_EXIT_ENVIRONMENT, "out of memory");
    }
    const int code = open_way(all, options, extended);
    if (code != CT_EXIT_OK) {
        ct_diag_all_close(all);
        return code;
    }
    *out_all = all;
    return CT_EXIT_OK;
}

void ct_diag_all_close(struct ct_diag_all *all)
{
    if (all != NULL) {
        ct_uds_group_free(all->group);
        ct_diag_tester_close(all->tester);
        ct_diag_gateway_close(all->gateway);
        free(all);
    }
}

int ct_diag_all_ask(struct ct_diag_all *all, const uint8_t *request, size_t len)
{
    return all->gateway != NULL ? ct_diag_gateway_ask_all(all->gateway, request, len, &all->answers)
                                : ct_diag_ask_group(all->tester, all->group, request, len);
}

size_t ct_diag_all_count(const struct ct_diag_all *all)
{
    return all->gateway != NULL ? all->answers.count : MEMBERS;
}

struct ct_uds_bytes ct_diag_all_response(const struct ct_diag_all *all, size_t ecu)
{
    if (all->gateway != NULL) {
        const uint8_t *response = all->answers.rows[ecu].response;
        const size_t len = all->answers.rows[ecu].len;
        return (struct ct_uds_bytes){response, len > 0 && response[0] != CT_UDS_NEGATIVE_RESPONSE ? len : 0};
    }
    const struct ct_uds_result result = ct_uds_group_result(all->group, ecu);
    const bool positive = result.outcome == CT_UDS_POSITIVE;
    return (struct ct_uds_bytes){result.response, positive ? result.len : 0};
}

const char *ct_diag_all_name(const struct ct_diag_all *all, size_t ecu)
{
    return all->gateway != NULL ? all->answers.rows[ecu].ecu : all->ids[ecu];
}
