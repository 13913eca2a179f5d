#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

/* --- sessions --- */

static void set_dtc_settings(struct ct_uds_server *server, bool on)
{
    struct ct_dtc_memory *const memories[] = {server->config.dtcs, server->config.user_dtcs};
    for (unsigned i = 0; i < 2; i++) {
        if (memories[i] != NULL) {
            ct_dtc_setting(memories[i], on);
        }
    }
}

/* ISO 14229-1:2020 10.2.1: what a change of session undoes. Between two non-default sessions 28 and 85 stay. */
void ct_server_enter(struct ct_uds_server *server, enum ct_uds_session session, ct_ns now)
{
    server->session = session;
    server->unlocked = 0;
    server->security.level = 0;
    server->authentication.next = 0;
    server->routines_started = 0;
    ct_server_io_return(server);
    ct_server_transfer_drop(server);
    memset(server->periodic, 0, sizeof server->periodic);
    ct_server_events_clear(server);
    if (session == CT_UDS_SESSION_DEFAULT) {
        server->authentication.roles = 0;
        memset(server->dynamic, 0, sizeof server->dynamic);
        ct_server_subnets_return(server);
        memset(server->rx_off, 0, sizeof server->rx_off);
        memset(server->tx_off, 0, sizeof server->tx_off);
        set_dtc_settings(server, true);
    }
    server->session_ends = ct_ns_add(now, server->s3);
}

static uint8_t session_control(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const enum ct_uds_session session = (enum ct_uds_session)(request->data[1] & CT_UDS_SUBFUNCTION);
    const struct ct_uds_server_config *config = &server->config;
    const uint8_t nrc = config->enter_session != NULL ? config->enter_session(config->user, session) : 0;
    if (nrc != 0) {
        return nrc;
    }
    ct_server_enter(server, session, request->now);
    ct_put_be16(answer->data + 2, config->p2_ms);
    ct_put_be16(answer->data + 4, config->p2_star_10ms);
    answer->len = 6;
    return 0;
}

const struct ct_server_sub *ct_server_session_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub sub = {0, 2, 2, 0, NULL, session_control};
    return value < 8 && (server->config.sessions & CT_UDS_SESSION_BIT(value)) != 0 ? &sub : NULL;
}

/* --- reset and link: done when the answer has left --- */

static void arrange(struct ct_uds_server *server, enum ct_server_after kind, uint8_t value, ct_ns now)
{
    server->after.kind = kind;
    server->after.value = value;
    server->after.due = now;
}

static void start_anew(struct ct_uds_server *server, enum ct_uds_reset kind, ct_ns now)
{
    ct_server_enter(server, CT_UDS_SESSION_DEFAULT, now);
    server->deaf_until = ct_ns_add(now, ct_ns_from_ms(server->config.boot_ms));
    for (size_t i = 0; i < server->config.level_count; i++) {
        ct_uds_server_attempts_set(server, i, server->security.attempts[i], now);
    }
    if (server->config.reset != NULL) {
        server->config.reset(server->config.user, kind);
    }
}

void ct_server_do_after(struct ct_uds_server *server, ct_ns now)
{
    const enum ct_server_after kind = server->after.kind;
    server->after.kind = CT_AFTER_NOTHING;
    if (kind == CT_AFTER_RESET) {
        start_anew(server, (enum ct_uds_reset)server->after.value, now);
    } else if (kind == CT_AFTER_LINK) {
        (void)server->config.link(server->config.user, CT_UDS_LINK_TRANSITION, server->link_rate);
        server->link_rate = 0;
    }
}

static uint8_t ecu_reset(struct ct_uds_server *server, const struct ct_server_request *request,
                         struct ct_server_answer *answer)
{
    (void)answer;
    arrange(server, CT_AFTER_RESET, request->data[1] & CT_UDS_SUBFUNCTION, request->now);
    return 0;
}

const struct ct_server_sub *ct_server_reset_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub sub = {0, 2, 2, 0, NULL, ecu_reset};
    return value < 8 && (server->config.resets & (1U << value)) != 0 ? &sub : NULL;
}

static uint32_t fixed_rate(uint8_t id)
{
    switch (id) { /* ISO 14229-1:2020 table B.3 */
    case 0x10:
        return 125000;
    case 0x11:
        return 250000;
    case 0x12:
        return 500000;
    case 0x13:
        return 1000000;
    default:
        return 0;
    }
}

static uint8_t verify_link(struct ct_uds_server *server, const struct ct_server_request *request,
                           struct ct_server_answer *answer)
{
    (void)answer;
    const enum ct_uds_link kind = (enum ct_uds_link)(request->data[1] & CT_UDS_SUBFUNCTION);
    const bool fixed = kind == CT_UDS_LINK_VERIFY_FIXED;
    const uint32_t rate = fixed ? fixed_rate(request->data[2]) : ct_be32(request->data + 1) & 0xFFFFFFU;
    if (rate == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = server->config.link(server->config.user, kind, rate);
    if (nrc == 0) {
        server->link_rate = rate;
    }
    return nrc;
}

static uint8_t change_link(struct ct_uds_server *server, const struct ct_server_request *request,
                           struct ct_server_answer *answer)
{
    (void)answer;
    arrange(server, CT_AFTER_LINK, 0, request->now);
    return 0;
}

static bool link_is_verified(const struct ct_uds_server *server, const struct ct_server_request *request)
{
    (void)request;
    return server->link_rate != 0;
}

const struct ct_server_sub *ct_server_link_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_LINK_VERIFY_FIXED, 3, 3, 0, NULL, verify_link},
        {CT_UDS_LINK_VERIFY_SPECIFIC, 5, 5, 0, NULL, verify_link},
        {CT_UDS_LINK_TRANSITION, 2, 2, 0, link_is_verified, change_link},
    };
    (void)server;
    return ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

/* --- TesterPresent --- */

static uint8_t tester_present(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    (void)server;
    (void)request;
    (void)answer;
    return 0;
}

const struct ct_server_sub *ct_server_tester_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub sub = {0, 2, 2, 0, NULL, tester_present};
    (void)server;
    return value == 0 ? &sub : NULL;
}

/* --- ControlDTCSetting --- */

static uint8_t set_dtc_setting(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    (void)answer;
    if (request->len > 2) { /* no DTCSettingControlOptionRecord is known */
        return CT_NRC_OUT_OF_RANGE;
    }
    set_dtc_settings(server, (request->data[1] & CT_UDS_SUBFUNCTION) == CT_UDS_DTC_SETTING_ON);
    return 0;
}

const struct ct_server_sub *ct_server_setting_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub sub = {0, 2, 0, 0, NULL, set_dtc_setting};
    (void)server;
    return value == CT_UDS_DTC_SETTING_ON || value == CT_UDS_DTC_SETTING_OFF ? &sub : NULL;
}
