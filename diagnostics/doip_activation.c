/* Routing activation and the socket handler (ISO 13400-2:2019 figures 10 to 13). */
#include "doip_private.h"

#include "bytes.h"

#define RESERVED_BYTES 4U

static void answer(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t source, uint8_t code, ct_ns now)
{
    uint8_t payload[2 + 2 + 1 + RESERVED_BYTES] = {0};
    ct_put_be16(payload, source);
    ct_put_be16(payload + 2, entity->config.address);
    payload[4] = code;
    ct_doip_put(entity, socket, CT_DOIP_ACTIVATION_RESPONSE, payload, sizeof payload, now);
}

static void deny(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t source,
                 enum ct_doip_activation code, ct_ns now)
{
    entity->stats.denied++;
    answer(entity, socket, source, (uint8_t)code, now);
    if (code != CT_DOIP_NOT_AUTHENTICATED) {
        ct_doip_begin_close(entity, socket);
    } else if (socket->state == DOIP_CHECKING) {
        socket->state = DOIP_NEW;
    }
}

static bool is_registered(const struct doip_socket *socket)
{
    return socket->state == DOIP_ACTIVE || socket->state == DOIP_CONFIRM;
}

/* ---- the socket handler */

static void ask_alive(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    if (!socket->alive_asked) {
        socket->alive_asked = true;
        socket->alive_until = ct_ns_add(now, DOIP_ALIVE);
        ct_doip_put(entity, socket, CT_DOIP_ALIVE_REQUEST, NULL, 0, now);
    }
}

enum handler { FREE_PLACE, WAIT, DENY_ACTIVE, DENY_FULL };

/* May `wanting` have a place? Asks others whether they live when it would take theirs. */
static enum handler handle(struct ct_doip_entity *entity, struct doip_socket *wanting, ct_ns now)
{
    size_t registered = 0;
    bool same = false;
    for (size_t i = 0; i < entity->socket_count; i++) {
        const struct doip_socket *other = &entity->sockets[i];
        const bool counts = other != wanting && is_registered(other);
        registered += counts ? 1U : 0U;
        same = same || (counts && other->tester.source == wanting->tester.source);
    }
    if (!same && registered < entity->config.sockets) {
        return FREE_PLACE;
    }
    bool asked = false;
    for (size_t i = 0; i < entity->socket_count; i++) {
        struct doip_socket *other = &entity->sockets[i];
        if (other == wanting || !is_registered(other) || (same && other->tester.source != wanting->tester.source)) {
            continue;
        }
        if (!wanting->checked) {
            ask_alive(entity, other, now);
        }
        asked = asked || (is_registered(other) && other->alive_asked);
    }
    wanting->checked = true;
    return asked ? WAIT : same ? DENY_ACTIVE : DENY_FULL;
}

static void admit(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    const struct ct_doip_ops *ops = &entity->config.ops;
    enum ct_doip_activation code = CT_DOIP_ACTIVATED;
    if (socket->tester.type == CT_DOIP_TYPE_SECURITY && !socket->tester.authenticated) {
        code = CT_DOIP_NOT_AUTHENTICATED;
    } else if (ops->admit != NULL) {
        code = ops->admit(ops->user, &socket->tester);
    }
    if (code != CT_DOIP_ACTIVATED && code != CT_DOIP_CONFIRMATION_REQUIRED) {
        deny(entity, socket, socket->tester.source, code, now);
        return;
    }
    socket->state = code == CT_DOIP_ACTIVATED ? DOIP_ACTIVE : DOIP_CONFIRM;
    socket->idle_until = ct_ns_add(now, DOIP_GENERAL);
    entity->stats.activations++;
    answer(entity, socket, socket->tester.source, (uint8_t)code, now);
}

static void try_place(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    switch (handle(entity, socket, now)) {
    case FREE_PLACE:
        admit(entity, socket, now);
        break;
    case DENY_ACTIVE:
        deny(entity, socket, socket->tester.source, CT_DOIP_SOURCE_ACTIVE, now);
        break;
    case DENY_FULL:
        deny(entity, socket, socket->tester.source, CT_DOIP_NO_SOCKET, now);
        break;
    case WAIT:
    default:
        break;
    }
}

void ct_doip_review(struct ct_doip_entity *entity, ct_ns now)
{
    for (size_t i = 0; i < entity->socket_count; i++) {
        if (entity->sockets[i].state == DOIP_CHECKING) {
            try_place(entity, &entity->sockets[i], now);
        }
    }
}

/* ---- the request */

static bool type_known(const struct ct_doip_entity *entity, uint8_t type)
{
    return type == CT_DOIP_TYPE_DEFAULT || type == CT_DOIP_TYPE_WWH_OBD ||
           (type == CT_DOIP_TYPE_SECURITY && entity->config.central_security);
}

void ct_doip_activate(struct ct_doip_entity *entity, struct doip_socket *socket, const uint8_t *payload, ct_ns now)
{
    const uint16_t source = ct_be16(payload);
    const struct ct_doip_config *config = &entity->config;
    if (socket->state == DOIP_CHECKING) {
        return; /* the answer to the first is under way */
    }
    if (source < config->tester_first || source > config->tester_last) {
        deny(entity, socket, source, CT_DOIP_UNKNOWN_SOURCE, now);
    } else if (!type_known(entity, payload[2])) {
        deny(entity, socket, source, CT_DOIP_TYPE_UNSUPPORTED, now);
    } else if (config->tls_required && !socket->tester.secure) {
        deny(entity, socket, source, CT_DOIP_TLS_REQUIRED, now);
    } else if (is_registered(socket) && socket->tester.source != source) {
        deny(entity, socket, source, CT_DOIP_SOURCE_DIFFERS, now);
    } else if (is_registered(socket)) {
        answer(entity, socket, source, socket->state == DOIP_ACTIVE ? CT_DOIP_ACTIVATED : CT_DOIP_CONFIRMATION_REQUIRED,
               now);
    } else {
        socket->tester.source = source;
        socket->tester.type = payload[2];
        socket->state = DOIP_CHECKING;
        socket->checked = false;
        try_place(entity, socket, now);
    }
}

int ct_doip_confirm(struct ct_doip_entity *entity, uint16_t source, bool agreed, ct_ns now)
{
    for (size_t i = 0; i < entity->socket_count; i++) {
        struct doip_socket *socket = &entity->sockets[i];
        if (socket->state != DOIP_CONFIRM || socket->tester.source != source) {
            continue;
        }
        if (agreed) {
            socket->state = DOIP_ACTIVE;
            answer(entity, socket, source, CT_DOIP_ACTIVATED, now);
        } else {
            deny(entity, socket, source, CT_DOIP_REJECTED, now);
        }
        return CT_OK;
    }
    return CT_ERR_NOT_FOUND;
}
