/* Inside of the DoIP entity: doip_entity.c (sockets, messages), doip_activation.c (who may be active), doip_udp.c. */
#ifndef CT_DIAGNOSTICS_DOIP_PRIVATE_H
#define CT_DIAGNOSTICS_DOIP_PRIVATE_H

#include "doip_entity.h"

#define DOIP_ADDRESSES   4U /* bytes of source and target */
#define DOIP_PAYLOAD_MAX (8192U)
#define DOIP_OUT_MAX     (32U * 1024U)
#define DOIP_SOCKETS     (CT_DOIP_SOCKETS_MAX + 1)
#define DOIP_ALIVE       (500 * CT_NS_PER_MS)
#define DOIP_INITIAL     (2 * CT_NS_PER_S)
#define DOIP_GENERAL     (300 * CT_NS_PER_S)

enum doip_state {
    DOIP_FREE,
    DOIP_NEW,      /* initial inactivity runs */
    DOIP_CHECKING, /* its activation waits for alive checks of others */
    DOIP_CONFIRM,  /* waits for somebody's agreement */
    DOIP_ACTIVE,
    DOIP_CLOSING, /* nothing is read any more */
};

struct doip_socket {
    enum doip_state state;
    struct ct_doip_tester tester;
    uint8_t version;  /* the tester's */
    bool checked;     /* while CHECKING: the others were asked */
    bool alive_asked; /* waits for an alive check response */
    ct_ns alive_until;
    ct_ns idle_until; /* initial or general inactivity */
    uint8_t head[CT_DOIP_HEADER_SIZE];
    size_t head_len;
    struct ct_doip_header header; /* once head_len is all of it */
    uint64_t skip;                /* bytes of a message that is not wanted */
    size_t body_len, out_len;
    uint8_t body[DOIP_PAYLOAD_MAX];
    uint8_t out[DOIP_OUT_MAX];
};

enum doip_answer { DOIP_ANNOUNCE, DOIP_STATUS, DOIP_POWER, DOIP_NACK };

struct doip_waiting {
    bool used;
    enum doip_answer what;
    uint8_t version, code;
    unsigned repeats; /* more of it to come, 500 ms apart */
    ct_ns due;
    uint64_t order;
    uint8_t peer[CT_DOIP_PEER_MAX];
    size_t peer_len;
};

struct ct_doip_entity {
    struct ct_doip_config config;
    size_t socket_count; /* config.sockets + 1 */
    struct doip_socket *sockets;
    struct doip_waiting waiting[CT_DOIP_DATAGRAMS_MAX];
    uint64_t last_order;
    struct ct_doip_stats stats;
};

/* doip_entity.c */
void ct_doip_put(struct ct_doip_entity *entity, struct doip_socket *socket, uint16_t type, const uint8_t *payload,
                 size_t len, ct_ns now);
void ct_doip_begin_close(struct ct_doip_entity *entity,
                         struct doip_socket *socket); /* tells `gone` when it was active */

/* doip_activation.c */
void ct_doip_activate(struct ct_doip_entity *entity, struct doip_socket *socket, const uint8_t *payload, ct_ns now);
/* Looks again at activations that wait for alive checks. */
void ct_doip_review(struct ct_doip_entity *entity, ct_ns now);

/* doip_udp.c: the next deadline of what waits */
ct_ns ct_doip_udp_due(const struct ct_doip_entity *entity);

#endif
