#include "doip_private.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#define SOCKETS_USUAL      4
#define TESTER_FIRST_USUAL 0x0E00
#define TESTER_LAST_USUAL  0x0FFF

int ct_doip_entity_create(const struct ct_doip_config *config, struct ct_doip_entity **out_entity)
{
    if (config->sockets > CT_DOIP_SOCKETS_MAX || config->tester_first > config->tester_last ||
        config->ops.diagnostic == NULL) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_doip_entity *entity = calloc(1, sizeof *entity);
    if (entity == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    entity->config = *config;
    entity->config.sockets = config->sockets != 0 ? config->sockets : SOCKETS_USUAL;
    entity->config.version = config->version != 0 ? config->version : CT_DOIP_VERSION_2019;
    if (config->tester_last == 0) {
        entity->config.tester_first = TESTER_FIRST_USUAL;
        entity->config.tester_last = TESTER_LAST_USUAL;
    }
    entity->socket_count = entity->config.sockets + 1U;
    entity->sockets = calloc(entity->socket_count, sizeof *entity->sockets);
    if (entity->sockets == NULL) {
        free(entity);
        return CT_ERR_NO_MEMORY;
    }
    *out_entity = entity;
    return CT_OK;
}

void ct_doip_entity_free(struct ct_doip_entity *entity)
{
    if (entity != NULL) {
        free(entity->sockets);
        free(entity);
    }
}

size_t ct_doip_active(const struct ct_doip_entity *entity)
{
    size_t n = 0;
    for (size_t i = 0; i < entity->socket_count; i++) {
        n += entity->sockets[i].state == DOIP_ACTIVE || entity->sockets[i].state == DOIP_CONFIRM ? 1U : 0U;
    }
    return n;
}

void ct_doip_stats_get(const struct ct_doip_entity *entity, struct ct_doip_stats *out_stats)
{
    *out_stats = entity->stats;
}

/* ---- sockets */

int ct_doip_opened(struct ct_doip_entity *entity, bool secure, bool authenticated, ct_ns now, size_t *out_socket)
{
    for (size_t i = 0; i < entity->socket_count; i++) {
        struct doip_socket *socket = &entity->sockets[i];
        if (socket->state == DOIP_FREE) {
            memset(socket, 0, offsetof(struct doip_socket, body));
            socket->state = DOIP_NEW;
            socket->tester = (struct ct_doip_tester){.secure = secure, .authenticated = authenticated, .socket = i};
            socket->version = entity->config.version;
            socket->idle_until = ct_ns_add(now, DOIP_INITIAL);
            *out_socket = i;
            return CT_OK;
        }
    }
    return CT_ERR_FULL;
}

void ct_doip_begin_close(struct ct_doip_entity *entity, struct doip_socket *socket)
{
    const struct ct_doip_ops *ops = &entity->config.ops;
    const bool active = socket->state == DOIP_ACTIVE;
    socket->state = DOIP_CLOSING;
    socket->alive_asked = false;
    if (active && ops->gone != NULL) {
        ops->gone(ops->user, &socket->tester);
    }
}

void ct_doip_closed(struct ct_doip_entity *entity, size_t index, ct_ns now)
{
    struct doip_socket *socket = &entity->sockets[index];
    if (socket->state == DOIP_FREE) {
        return;
    }
    if (socket->state != DOIP_CLOSING) {
        ct_doip_begin_close(entity, socket);
    }
    socket->state = DOIP_FREE;
    ct_doip_review(entity, now);
}

bool ct_doip_closing(const struct ct_doip_entity *entity, size_t socket)
{
    return entity->sockets[socket].state == DOIP_CLOSING;
}

const uint8_t *ct_doip_output(const struct ct_doip_entity *entity, size_t socket, size_t *out_len)
{
    *out_len = entity->sockets[socket].state == DOIP_FREE ? 0 : entity->sockets[socket].out_len;
    return entity->sockets[socket].out;
}

void ct_doip_written(struct ct_doip_entity *entity, size_t index, size_t n, ct_ns now)
{
    struct doip_socket *socket = &entity->sockets[index];
    memmove(socket->out, socket->out + n, socket->out_len - n);
    socket->out_len -= n;
    (void)now;
}

static void still_in_use(struct doip_socket *socket, ct_ns now)
{
    if (socket->state == DOIP_ACTIVE || socket->state == DOIP_CONFIRM) {
        socket->idle_until = ct_ns_add(now, DOIP_GENERAL);
    }
}

/* Head, up to two addresses, data: in one piece or not at all. */
static void put_parts(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t type, const uint8_t *first,
                      size_t first_len, const uint8_t *data, size_t len)
{
    if (socket->state == DOIP_FREE || socket->state == DOIP_CLOSING) {
        return;
    }
    if (CT_DOIP_HEADER_SIZE + first_len + len > sizeof socket->out - socket->out_len) {
        entity->stats.unread_closed++;
        ct_doip_begin_close(entity, socket);
        return;
    }
    ct_doip_header_write(socket->out + socket->out_len, socket->version, type, (uint32_t)(first_len + len));
    socket->out_len += CT_DOIP_HEADER_SIZE;
    if (first_len > 0) {
        memcpy(socket->out + socket->out_len, first, first_len);
        socket->out_len += first_len;
    }
    if (len > 0) {
        memcpy(socket->out + socket->out_len, data, len);
        socket->out_len += len;
    }
}

void ct_doip_put(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t type, const uint8_t *payload,
                 size_t len, ct_ns now)
{
    put_parts(entity, socket, type, NULL, 0, payload, len);
    still_in_use(socket, now);
}

static void put_diagnostic(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t source,
                           const uint8_t *data, size_t len, ct_ns now)
{
    uint8_t addresses[DOIP_ADDRESSES];
    ct_put_be16(addresses, source);
    ct_put_be16(addresses + 2, socket->tester.source);
    put_parts(entity, socket, CT_DOIP_DIAGNOSTIC, addresses, sizeof addresses, data, len);
    still_in_use(socket, now);
}

int ct_doip_respond(struct ct_doip_entity *entity, uint16_t source, uint16_t address, const uint8_t *data, size_t len,
                    ct_ns now)
{
    if (len > CT_DOIP_UDS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    for (size_t i = 0; i < entity->socket_count; i++) {
        struct doip_socket *socket = &entity->sockets[i];
        if (socket->state == DOIP_ACTIVE && socket->tester.source == source) {
            put_diagnostic(entity, socket, address, data, len, now);
            return CT_OK;
        }
    }
    return CT_ERR_NOT_FOUND;
}

/* ---- messages */

static void acknowledge(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t tester, uint16_t target,
                        enum ct_doip_diagnostic_code code, ct_ns now)
{
    uint8_t payload[DOIP_ADDRESSES + 1];
    ct_put_be16(payload, target);
    ct_put_be16(payload + 2, tester);
    payload[4] = (uint8_t)code;
    entity->stats.acks += code == CT_DOIP_ACK ? 1U : 0U;
    entity->stats.nacks += code == CT_DOIP_ACK ? 0U : 1U;
    ct_doip_put(entity, socket, code == CT_DOIP_ACK ? CT_DOIP_DIAGNOSTIC_ACK : CT_DOIP_DIAGNOSTIC_NACK, payload,
                sizeof payload, now);
}

/* The ack is written first, then the message handed over, so that an answer that comes at once stands behind it; a
 * refusal takes the ack back. */
static void hand_over(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t target, ct_ns now)
{
    const struct ct_doip_ops *ops = &entity->config.ops;
    const size_t before = socket->out_len;
    const uint64_t acks = entity->stats.acks;
    acknowledge(entity, socket, socket->tester.source, target, CT_DOIP_ACK, now);
    if (socket->state != DOIP_ACTIVE) {
        return; /* it does not read */
    }
    const enum ct_doip_diagnostic_code code = ops->diagnostic(
        ops->user, &socket->tester, target, socket->body + DOIP_ADDRESSES, socket->body_len - DOIP_ADDRESSES);
    if (code != CT_DOIP_ACK) {
        entity->stats.acks = acks;
        socket->out_len = before;
        acknowledge(entity, socket, socket->tester.source, target, code, now);
    }
}

static void on_diagnostic(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    const uint16_t source = ct_be16(socket->body);
    const uint16_t target = ct_be16(socket->body + 2);
    entity->stats.messages++;
    if (socket->state != DOIP_ACTIVE || source != socket->tester.source) {
        acknowledge(entity, socket, source, target, CT_DOIP_INVALID_SOURCE, now);
        ct_doip_begin_close(entity, socket);
    } else if (socket->body_len - DOIP_ADDRESSES > CT_DOIP_UDS_MAX) {
        acknowledge(entity, socket, source, target, CT_DOIP_MESSAGE_TOO_LARGE, now);
    } else {
        hand_over(entity, socket, target, now);
    }
}

static void on_alive(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    if (socket->alive_asked && ct_be16(socket->body) == socket->tester.source) {
        socket->alive_asked = false;
        ct_doip_review(entity, now);
    }
}

static void on_message(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    if (socket->header.type == CT_DOIP_DIAGNOSTIC) {
        on_diagnostic(entity, socket, now);
    } else if (socket->header.type == CT_DOIP_ACTIVATION_REQUEST) {
        ct_doip_activate(entity, socket, socket->body, now);
    } else {
        on_alive(entity, socket, now);
    }
}

/* ---- the stream */

static void on_header(struct ct_doip_entity *entity, struct doip_socket *socket, ct_ns now)
{
    const bool good = ct_doip_header_read(socket->head, &socket->header);
    const size_t free_out = sizeof socket->out - socket->out_len;
    const uint32_t room = free_out > DOIP_PAYLOAD_MAX ? DOIP_PAYLOAD_MAX : 0; /* the answer needs room too */
    const int code = ct_doip_header_check(&socket->header, good, CT_DOIP_TCP, DOIP_PAYLOAD_MAX, room);
    if (code == CT_DOIP_HEADER_OK) {
        socket->version = socket->header.version;
        return;
    }
    socket->skip = socket->header.length;
    socket->head_len = 0;
    if (code != CT_DOIP_HEADER_QUIET) {
        const uint8_t payload = (uint8_t)code;
        entity->stats.header_nacks++;
        ct_doip_put(entity, socket, CT_DOIP_GENERIC_NACK, &payload, 1, now);
    }
    if (code == CT_DOIP_BAD_PATTERN || code == CT_DOIP_BAD_LENGTH) {
        ct_doip_begin_close(entity, socket);
    }
}

static size_t less(size_t a, uint64_t b)
{
    return a < b ? a : (size_t)b;
}

/* Takes what it can of the bytes; returns how many. */
static size_t take(struct ct_doip_entity *entity, struct doip_socket *socket, const uint8_t *data, size_t len,
                   ct_ns now)
{
    size_t n = 0;
    if (socket->skip > 0) {
        n = less(len, socket->skip);
        socket->skip -= n;
        return n;
    }
    if (socket->head_len < CT_DOIP_HEADER_SIZE) {
        n = less(len, CT_DOIP_HEADER_SIZE - socket->head_len);
        memcpy(socket->head + socket->head_len, data, n);
        socket->head_len += n;
        socket->body_len = 0;
        if (socket->head_len < CT_DOIP_HEADER_SIZE) {
            return n;
        }
        on_header(entity, socket, now);
        return n; /* no message that is taken is without payload */
    }
    n = less(len, socket->header.length - socket->body_len);
    memcpy(socket->body + socket->body_len, data, n);
    socket->body_len += n;
    if (socket->body_len == socket->header.length) {
        socket->head_len = 0;
        on_message(entity, socket, now);
    }
    return n;
}

void ct_doip_bytes(struct ct_doip_entity *entity, size_t index, const uint8_t *data, size_t len, ct_ns now)
{
    struct doip_socket *socket = &entity->sockets[index];
    still_in_use(socket, now);
    while (len > 0 && socket->state != DOIP_CLOSING && socket->state != DOIP_FREE) {
        const size_t n = take(entity, socket, data, len, now);
        data += n;
        len -= n;
    }
}

/* ---- timers */

static ct_ns due_of(const struct doip_socket *socket)
{
    if (socket->state == DOIP_FREE || socket->state == DOIP_CLOSING) {
        return CT_NS_NEVER;
    }
    const ct_ns idle = socket->state == DOIP_CHECKING ? CT_NS_NEVER : socket->idle_until;
    return socket->alive_asked ? ct_ns_min(idle, socket->alive_until) : idle;
}

ct_ns ct_doip_tick(struct ct_doip_entity *entity, ct_ns now)
{
    for (size_t i = 0; i < entity->socket_count; i++) {
        if (now >= due_of(&entity->sockets[i])) {
            ct_doip_begin_close(entity, &entity->sockets[i]);
            ct_doip_review(entity, now);
        }
    }
    ct_ns due = ct_doip_udp_due(entity);
    for (size_t i = 0; i < entity->socket_count; i++) {
        due = ct_ns_min(due, due_of(&entity->sockets[i]));
    }
    return due;
}
