#include "uds_server_internal.h"

#include "bytes.h"

/* Low bits: which messages, 0 is reserved; high nibble: which network, 0 this node and F the one it came from. */
static bool type_is_known(uint8_t type)
{
    return (type & 3U) != 0 && (type & 0x0CU) == 0 && ((type >> 4) == 0 || (type >> 4) == 0x0F);
}

static uint8_t control_communication(struct ct_uds_server *server, const struct ct_server_request *request,
                                     struct ct_server_answer *answer)
{
    (void)answer;
    const uint8_t control = request->data[1] & 3U;
    const uint8_t type = request->data[2];
    if (!type_is_known(type)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    for (unsigned i = 0; i < 2; i++) {
        if ((type & (1U << i)) != 0) {
            server->rx_off[i] = control == CT_UDS_COMM_TX_ONLY || control == CT_UDS_COMM_NONE;
            server->tx_off[i] = control == CT_UDS_COMM_RX_ONLY || control == CT_UDS_COMM_NONE;
        }
    }
    return 0;
}

/* --- sub-buses, by their node: what is diagnostics only is remembered, to be undone --- */

static uint8_t switch_subnet(struct ct_uds_server *server, size_t place, uint16_t node, uint8_t type, bool only)
{
    const uint8_t nrc = server->config.subnet(server->config.user, node, type, only);
    if (nrc == 0 && place < CT_SERVER_SUBNETS) {
        server->subnets[place].node = only ? node : 0;
        server->subnets[place].type = type;
    }
    return nrc;
}

void ct_server_subnets_return(struct ct_uds_server *server)
{
    for (size_t i = 0; i < CT_SERVER_SUBNETS; i++) {
        if (server->subnets[i].node != 0) {
            (void)switch_subnet(server, i, server->subnets[i].node, server->subnets[i].type, false);
            server->subnets[i].node = 0; /* whatever it answered */
        }
    }
}

/* Of the node, else a free one; CT_SERVER_SUBNETS: none. */
static size_t place_of(const struct ct_uds_server *server, uint16_t node)
{
    size_t place = CT_SERVER_SUBNETS;
    for (size_t i = CT_SERVER_SUBNETS; i-- > 0;) {
        if (server->subnets[i].node == node) {
            return i;
        }
        place = server->subnets[i].node == 0 ? i : place;
    }
    return place;
}

static uint8_t control_subnet(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    (void)answer;
    const bool only = (request->data[1] & CT_UDS_SUBFUNCTION) == CT_UDS_COMM_RX_ONLY_ENHANCED;
    const uint16_t node = ct_be16(request->data + 3);
    if (!type_is_known(request->data[2]) || node == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const size_t place = place_of(server, node);
    if (only && place == CT_SERVER_SUBNETS) {
        return CT_NRC_CONDITIONS; /* it could not be undone */
    }
    return switch_subnet(server, place, node, request->data[2], only);
}

const struct ct_server_sub *ct_server_communication_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_COMM_RX_TX, 3, 3, 0, NULL, control_communication},
        {CT_UDS_COMM_RX_ONLY, 3, 3, 0, NULL, control_communication},
        {CT_UDS_COMM_TX_ONLY, 3, 3, 0, NULL, control_communication},
        {CT_UDS_COMM_NONE, 3, 3, 0, NULL, control_communication},
        {CT_UDS_COMM_RX_ONLY_ENHANCED, 5, 5, 0, NULL, control_subnet},
        {CT_UDS_COMM_RX_TX_ENHANCED, 5, 5, 0, NULL, control_subnet},
    };
    const bool enhanced = value >= CT_UDS_COMM_RX_ONLY_ENHANCED;
    return enhanced && server->config.subnet == NULL ? NULL
                                                     : ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

bool ct_uds_server_may_send(const struct ct_uds_server *server, bool network_management)
{
    return !server->tx_off[network_management];
}

bool ct_uds_server_may_receive(const struct ct_uds_server *server, bool network_management)
{
    return !server->rx_off[network_management];
}
