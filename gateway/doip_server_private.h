/* Inside of the DoIP edge gateway's sockets: doip_server.c (opening, entity and executor), doip_sockets.c (connections,
 * datagrams, the round). */
#ifndef CT_GATEWAY_DOIP_SERVER_PRIVATE_H
#define CT_GATEWAY_DOIP_SERVER_PRIVATE_H

#include "doip_server.h"
#include "doip_tls.h"

#include <netinet/in.h>

#define DOIP_CONNECTIONS (CT_DOIP_SOCKETS_MAX + 1 + CT_DOIP_HANDSHAKES)
struct doip_connection {
    struct ct_doip_server *server;
    struct ct_loop_watch watch; /* fd -1: free */
    struct ct_tls *tls;         /* NULL: plain */
    bool shaking;               /* the handshake is under way */
    ct_ns shake_until;
    bool ended;  /* to be closed in the tick */
    bool opened; /* the entity knows it as `socket` */
    size_t socket;
    uint32_t events;
};

struct ct_doip_server {
    const struct ct_settings *settings;
    struct ct_loop *loop;
    struct ct_executor *executor;
    struct ct_doip_server_ops ops;
    struct ct_doip_entity *entity;
    struct ct_tls_server *tls;
    struct ct_loop_watch udp, tcp, tcp_tls;
    struct sockaddr_in announce;
    struct doip_connection connections[DOIP_CONNECTIONS];
    size_t connection_count;          /* that may be in use */
    size_t ecus[CT_GATEWAY_ECUS_MAX]; /* index in the executor of settings.doip.ecus */
};

int ct_doip_sockets_open(struct ct_doip_server *server, char *problem, size_t size);
void ct_doip_sockets_close(struct ct_doip_server *server);

#endif
