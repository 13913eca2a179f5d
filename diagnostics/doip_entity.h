/* A DoIP edge gateway as a machine (ISO 13400-2:2019), sans I/O: datagrams, stream bytes and time in; datagrams, stream
 * bytes, diagnostic messages and the next deadline out.
 *
 * Vehicle identification with the random wait, announcements, entity status, power mode; per socket routing activation
 * with every code, alive check, diagnostic messages with acks; header nacks; initial (2 s) and general inactivity
 * (300 s) timers. Socket handling: `sockets` testers may be active, one socket more is there to answer another one;
 * a tester is asked whether it is alive (500 ms) only when its socket or its address is wanted. An answer is for the
 * tester with that address alone.
 *
 * Everything bounded: a tester that does not read its answers is closed, datagrams beyond CT_DOIP_DATAGRAMS_MAX are
 * dropped; both are counted. Allocates at create only; belongs to one thread. */
#ifndef CT_DIAGNOSTICS_DOIP_ENTITY_H
#define CT_DIAGNOSTICS_DOIP_ENTITY_H

#include "doip.h"
#include "errors.h"
#include "time_ns.h"

#define CT_DOIP_SOCKETS_MAX   16 /* and one more */
#define CT_DOIP_DATAGRAMS_MAX 32 /* waiting to be sent */
#define CT_DOIP_DATAGRAM_MAX  64
#define CT_DOIP_PEER_MAX      32 /* a sockaddr fits */
#define CT_DOIP_UDS_MAX       4095

/* Who asks, as far as it is known. */
struct ct_doip_tester {
    uint16_t source;
    uint8_t type;       /* of the activation */
    bool secure;        /* by TLS */
    bool authenticated; /* it has proved who it is by a certificate */
    size_t socket;
};

struct ct_doip_ops {
    void *user;
    uint32_t (*random)(void *user);
    /* The last word on an activation that is right otherwise: ACTIVATED, CONFIRMATION_REQUIRED, NOT_AUTHENTICATED,
     * REJECTED. NULL: ACTIVATED. */
    enum ct_doip_activation (*admit)(void *user, const struct ct_doip_tester *tester);
    /* A UDS message for `target`: ACK when it was accepted for the target's network. Responses may be sent during the
     * call; they leave behind the ack. */
    enum ct_doip_diagnostic_code (*diagnostic)(void *user, const struct ct_doip_tester *tester, uint16_t target,
                                               const uint8_t *data, size_t len);
    void (*gone)(void *user, const struct ct_doip_tester *tester); /* an active one; NULL: nobody wants to know */
    uint8_t (*power_mode)(void *user);                             /* 0 not ready, 1 ready; NULL: 2 not supported */
};

struct ct_doip_config {
    uint8_t vin[17], eid[6], gid[6];
    uint16_t address;      /* logical, of the entity */
    uint16_t tester_first; /* addresses testers may have; both 0: 0x0E00..0x0FFF */
    uint16_t tester_last;
    uint8_t version;        /* of what is sent unasked; 0: 2019 */
    uint8_t further_action; /* of announcements: 0 none, 0x10 central security */
    unsigned sockets;       /* 0: 4 */
    bool tls_required;      /* activation without TLS is denied by code 07 */
    bool central_security;  /* activation type E0 is known; it needs an authenticated tester */
    struct ct_doip_ops ops;
};

struct ct_doip_stats {
    uint64_t messages, acks, nacks, header_nacks, activations, denied, dropped_datagrams, unread_closed;
};

struct ct_doip_entity;
int ct_doip_entity_create(const struct ct_doip_config *config, struct ct_doip_entity **out_entity) CT_MUST_CHECK;
void ct_doip_entity_free(struct ct_doip_entity *entity); /* accepts NULL */

/* The link is up: three announcements, 500 ms apart, after a random wait. */
void ct_doip_announce(struct ct_doip_entity *entity, ct_ns now);
/* A datagram from `peer` (opaque, peer_len <= CT_DOIP_PEER_MAX). */
void ct_doip_datagram(struct ct_doip_entity *entity, const void *peer, size_t peer_len, const uint8_t *data, size_t len,
                      ct_ns now);
struct ct_doip_datagram {
    uint8_t peer[CT_DOIP_PEER_MAX];
    size_t peer_len; /* 0: to everybody */
    uint8_t data[CT_DOIP_DATAGRAM_MAX];
    size_t len;
};
int ct_doip_next_datagram(struct ct_doip_entity *entity, ct_ns now,
                          struct ct_doip_datagram *out_datagram) CT_MUST_CHECK; /* AGAIN */

/* A connection was accepted (TLS: its handshake is done). CT_ERR_FULL: close it. */
int ct_doip_opened(struct ct_doip_entity *entity, bool secure, bool authenticated, ct_ns now,
                   size_t *out_socket) CT_MUST_CHECK;
void ct_doip_bytes(struct ct_doip_entity *entity, size_t socket, const uint8_t *data, size_t len, ct_ns now);
/* What is to be written next, *out_len bytes; after writing n of them call ct_doip_written. */
const uint8_t *ct_doip_output(const struct ct_doip_entity *entity, size_t socket, size_t *out_len);
void ct_doip_written(struct ct_doip_entity *entity, size_t socket, size_t n, ct_ns now);
/* True when the socket is to be closed once its output is written. */
bool ct_doip_closing(const struct ct_doip_entity *entity, size_t socket);
void ct_doip_closed(struct ct_doip_entity *entity, size_t socket, ct_ns now); /* it is: by the peer, or as asked */

/* A UDS message of ECU `address` for the active tester `source`. CT_ERR_NOT_FOUND when there is none, CT_ERR_TOO_LARGE.
 */
int ct_doip_respond(struct ct_doip_entity *entity, uint16_t source, uint16_t address, const uint8_t *data, size_t len,
                    ct_ns now) CT_MUST_CHECK;
/* Answers CONFIRMATION_REQUIRED: activated or rejected. CT_ERR_NOT_FOUND when none waits. */
int ct_doip_confirm(struct ct_doip_entity *entity, uint16_t source, bool agreed, ct_ns now) CT_MUST_CHECK;

ct_ns ct_doip_tick(struct ct_doip_entity *entity, ct_ns now); /* runs timers; returns the next deadline */
size_t ct_doip_active(const struct ct_doip_entity *entity);   /* testers */
void ct_doip_stats_get(const struct ct_doip_entity *entity, struct ct_doip_stats *out_stats);

#endif
