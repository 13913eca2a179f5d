/* The entity's datagrams: identification, announcements, status, power mode. */
#include "doip_private.h"

#include "bytes.h"

#include <string.h>

#define ANNOUNCE_WAIT_MAX_MS 500 /* A_DoIP_Announce_Wait */
#define ANNOUNCE_INTERVAL    (500 * CT_NS_PER_MS)
#define ANNOUNCE_REPEATS     2 /* after the first */
#define NODE_TYPE_GATEWAY    0
#define POWER_UNSUPPORTED    2
#define NO_SYNC              0x00

static void enqueue(struct ct_doip_entity *entity, const struct doip_waiting *what)
{
    for (size_t i = 0; i < CT_DOIP_DATAGRAMS_MAX; i++) {
        if (!entity->waiting[i].used) {
            entity->waiting[i] = *what;
            entity->waiting[i].used = true;
            entity->waiting[i].order = ++entity->last_order;
            return;
        }
    }
    entity->stats.dropped_datagrams++;
}

static ct_ns random_wait(const struct ct_doip_entity *entity)
{
    const uint32_t random = entity->config.ops.random != NULL ? entity->config.ops.random(entity->config.ops.user) : 0;
    return ct_ns_from_ms(random % (ANNOUNCE_WAIT_MAX_MS + 1));
}

static uint8_t own_version(const struct ct_doip_entity *entity)
{
    return entity->config.version;
}

void ct_doip_announce(struct ct_doip_entity *entity, ct_ns now)
{
    const struct doip_waiting announcement = {.what = DOIP_ANNOUNCE,
                                              .version = own_version(entity),
                                              .repeats = ANNOUNCE_REPEATS,
                                              .due = ct_ns_add(now, random_wait(entity))};
    enqueue(entity, &announcement);
}

/* ---- requests */

static bool is_asked(const struct ct_doip_entity *entity, uint16_t type, const uint8_t *payload)
{
    if (type == CT_DOIP_IDENTIFY_EID) {
        return memcmp(payload, entity->config.eid, sizeof entity->config.eid) == 0;
    }
    return type != CT_DOIP_IDENTIFY_VIN || memcmp(payload, entity->config.vin, sizeof entity->config.vin) == 0;
}

static void answer(struct ct_doip_entity *entity, struct doip_waiting *what, uint16_t type, const uint8_t *payload,
                   ct_ns now)
{
    if (type == CT_DOIP_STATUS_REQUEST || type == CT_DOIP_POWER_REQUEST) {
        what->what = type == CT_DOIP_STATUS_REQUEST ? DOIP_STATUS : DOIP_POWER;
        enqueue(entity, what);
    } else if (is_asked(entity, type, payload)) {
        what->what = DOIP_ANNOUNCE;
        what->due = ct_ns_add(now, random_wait(entity));
        enqueue(entity, what);
    }
}

void ct_doip_datagram(struct ct_doip_entity *entity, const void *peer, size_t peer_len, const uint8_t *data, size_t len,
                      ct_ns now)
{
    struct ct_doip_header header;
    struct doip_waiting what = {.version = own_version(entity), .due = now, .peer_len = peer_len};
    if (len < CT_DOIP_HEADER_SIZE || peer_len > sizeof what.peer) {
        return; /* nothing that could be answered */
    }
    memcpy(what.peer, peer, peer_len);
    const bool good = ct_doip_header_read(data, &header);
    const uint32_t room = (uint32_t)(len - CT_DOIP_HEADER_SIZE);
    int code = ct_doip_header_check(&header, good, CT_DOIP_UDP, DOIP_PAYLOAD_MAX, DOIP_PAYLOAD_MAX);
    if (code == CT_DOIP_HEADER_OK && header.length != room) {
        code = CT_DOIP_BAD_LENGTH;
    }
    if (code == CT_DOIP_HEADER_OK) {
        what.version = header.version == CT_DOIP_VERSION_ANY ? own_version(entity) : header.version;
        answer(entity, &what, header.type, data + CT_DOIP_HEADER_SIZE, now);
    } else if (code != CT_DOIP_HEADER_QUIET) {
        what.what = DOIP_NACK;
        what.code = (uint8_t)code;
        entity->stats.header_nacks++;
        enqueue(entity, &what);
    }
}

/* ---- out */

static size_t put_announcement(const struct ct_doip_config *config, uint8_t *out)
{
    memcpy(out, config->vin, 17);
    ct_put_be16(out + 17, config->address);
    memcpy(out + 19, config->eid, 6);
    memcpy(out + 25, config->gid, 6);
    out[31] = config->further_action;
    out[32] = NO_SYNC;
    return 33;
}

static size_t put_status(const struct ct_doip_entity *entity, uint8_t *out)
{
    out[0] = NODE_TYPE_GATEWAY;
    out[1] = (uint8_t)entity->config.sockets;
    out[2] = (uint8_t)ct_doip_active(entity);
    ct_put_be32(out + 3, DOIP_ADDRESSES + CT_DOIP_UDS_MAX);
    return 7;
}

static size_t put_power(const struct ct_doip_entity *entity, uint8_t *out)
{
    const struct ct_doip_ops *ops = &entity->config.ops;
    out[0] = ops->power_mode != NULL ? ops->power_mode(ops->user) : POWER_UNSUPPORTED;
    return 1;
}

static void encode(const struct ct_doip_entity *entity, const struct doip_waiting *what,
                   struct ct_doip_datagram *datagram)
{
    uint8_t *payload = datagram->data + CT_DOIP_HEADER_SIZE;
    uint16_t type = CT_DOIP_GENERIC_NACK;
    size_t len = 1;
    switch (what->what) {
    case DOIP_ANNOUNCE:
        type = CT_DOIP_ANNOUNCEMENT;
        len = put_announcement(&entity->config, payload);
        break;
    case DOIP_STATUS:
        type = CT_DOIP_STATUS_RESPONSE;
        len = put_status(entity, payload);
        break;
    case DOIP_POWER:
        type = CT_DOIP_POWER_RESPONSE;
        len = put_power(entity, payload);
        break;
    case DOIP_NACK:
        payload[0] = what->code;
        break;
    }
    ct_doip_header_write(datagram->data, what->version, type, (uint32_t)len);
    datagram->len = CT_DOIP_HEADER_SIZE + len;
    memcpy(datagram->peer, what->peer, what->peer_len);
    datagram->peer_len = what->peer_len;
}

int ct_doip_next_datagram(struct ct_doip_entity *entity, ct_ns now, struct ct_doip_datagram *out_datagram)
{
    struct doip_waiting *first = NULL;
    for (size_t i = 0; i < CT_DOIP_DATAGRAMS_MAX; i++) {
        struct doip_waiting *waiting = &entity->waiting[i];
        if (waiting->used && now >= waiting->due && (first == NULL || waiting->order < first->order)) {
            first = waiting;
        }
    }
    if (first == NULL) {
        return CT_ERR_AGAIN;
    }
    encode(entity, first, out_datagram);
    if (first->repeats > 0) {
        first->repeats--;
        first->due = ct_ns_add(now, ANNOUNCE_INTERVAL);
    } else {
        first->used = false;
    }
    return CT_OK;
}

ct_ns ct_doip_udp_due(const struct ct_doip_entity *entity)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; i < CT_DOIP_DATAGRAMS_MAX; i++) {
        due = entity->waiting[i].used ? ct_ns_min(due, entity->waiting[i].due) : due;
    }
    return due;
}
