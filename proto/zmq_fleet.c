#include "zmq_fleet.h"

#include "clock.h"
#include "link_types.h"
#include "zmq_door.h"
#include "zmq_options.h"
#include "zmq_peers.h"
#include "zmq_routes.h"

#include <zmq.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ct_zmq_fleet {
    struct ct_zmq_context *context;
    void *router;
    struct ct_zmq_door *door; /* NULL: not TCP */
    struct ct_zmq_routes *routes;
    struct ct_zmq_peer peer; /* sender of `message` */
    zmq_msg_t message;
};

/* ---------------------------------------------------------------- life */

static int configure(void *router, const char *secret_key, const char *endpoint)
{
    /* No heartbeats of its own: libzmq 4.3 looks through the timers of all connections for each one that it cancels,
     * which at 10,000 connections takes a core. The vehicles send theirs; a vehicle that is gone is found by the
     * kernel. */
    static const struct ct_zmq_option options[] = {
        {ZMQ_ROUTER_MANDATORY, 1}, {ZMQ_LINGER, 1000},         {ZMQ_RCVHWM, 64},
        {ZMQ_SNDHWM, 256},         {ZMQ_TCP_KEEPALIVE, 1},     {ZMQ_TCP_KEEPALIVE_IDLE, 10},
        {ZMQ_TCP_MAXRT, 20000},    {ZMQ_TCP_KEEPALIVE_CNT, 2}, {ZMQ_TCP_KEEPALIVE_INTVL, 5},
        {ZMQ_BACKLOG, 4096},       {ZMQ_HANDSHAKE_IVL, 20000},
    };
    const int64_t size_max = CT_LINK_MESSAGE_MAX + 128; /* CURVE adds 33 bytes */
    const int err = ct_zmq_set_ints(router, options, sizeof options / sizeof options[0]);
    if (err != CT_OK) {
        return err;
    }
    if (zmq_setsockopt(router, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) != 0) {
        return ct_zmq_error(errno);
    }
    return ct_zmq_bind_secure(router, CT_ZMQ_DOMAIN_VEHICLES, secret_key, endpoint);
}

static int open_door(struct ct_zmq_fleet *socket)
{
    char endpoint[256];
    int err = ct_zmq_last_endpoint(socket->router, endpoint, sizeof endpoint);
    err = err == CT_OK ? ct_zmq_door_open(endpoint, &socket->door) : err;
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

int ct_zmq_fleet_open(struct ct_zmq_context *context, const char *endpoint, const char *secret_key,
                      struct ct_zmq_fleet **out_socket)
{
    struct ct_zmq_fleet *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    socket->context = context;
    (void)zmq_msg_init(&socket->message);
    socket->router = zmq_socket(ct_zmq_context_handle(context), ZMQ_ROUTER);
    int err = socket->router == NULL ? ct_zmq_error(errno) : configure(socket->router, secret_key, endpoint);
    err = err == CT_OK ? ct_zmq_routes_create(&socket->routes) : err;
    err = err == CT_OK ? open_door(socket) : err;
    if (err != CT_OK) {
        ct_zmq_fleet_close(socket);
        return err;
    }
    *out_socket = socket;
    return CT_OK;
}

void ct_zmq_fleet_close(struct ct_zmq_fleet *socket)
{
    if (socket != NULL) {
        (void)zmq_msg_close(&socket->message);
        ct_zmq_door_free(socket->door);
        if (socket->router != NULL) {
            zmq_close(socket->router);
        }
        ct_zmq_routes_free(socket->routes);
        free(socket);
    }
}

enum ct_zmq_door_news ct_zmq_fleet_mind(struct ct_zmq_fleet *socket)
{
    if (socket->door == NULL || !ct_zmq_door_mind(socket->door, ct_clock_now())) {
        return CT_ZMQ_DOOR_SAME;
    }
    return ct_zmq_door_shut(socket->door) ? CT_ZMQ_DOOR_CLOSED : CT_ZMQ_DOOR_OPENED;
}

int ct_zmq_fleet_mind_also(struct ct_zmq_fleet *socket, const char *endpoint)
{
    const int err = socket->door == NULL ? CT_OK : ct_zmq_door_add(socket->door, endpoint);
    return err == CT_ERR_NOT_FOUND ? CT_OK : err;
}

int ct_zmq_fleet_fd(const struct ct_zmq_fleet *socket)
{
    return ct_zmq_fd(socket->router);
}

int ct_zmq_fleet_endpoint(const struct ct_zmq_fleet *socket, char *out_endpoint, size_t size)
{
    return ct_zmq_last_endpoint(socket->router, out_endpoint, size);
}

/* ---------------------------------------------------------------- messages */

static int receive_frame(struct ct_zmq_fleet *socket, zmq_msg_t *frame)
{
    int len;
    do {
        len = zmq_msg_recv(frame, socket->router, ZMQ_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    return len < 0 ? ct_zmq_error(errno) : CT_OK;
}

static int drop_rest(struct ct_zmq_fleet *socket)
{
    int err = CT_OK;
    while (err == CT_OK && zmq_msg_more(&socket->message)) {
        err = receive_frame(socket, &socket->message);
    }
    return err;
}

/* One message: the routing id into `id`, the payload into socket->message. *out_whole: it had exactly these frames. */
static int receive_frames(struct ct_zmq_fleet *socket, zmq_msg_t *id, bool *out_whole)
{
    int err = receive_frame(socket, id);
    if (err != CT_OK) {
        return err;
    }
    *out_whole = false;
    if (!zmq_msg_more(id)) {
        return CT_OK;
    }
    err = receive_frame(socket, &socket->message);
    if (err == CT_OK) {
        *out_whole = !zmq_msg_more(&socket->message);
        err = drop_rest(socket);
    }
    return err;
}

/* The key stands in the payload frame's metadata; libzmq 4.3.4 may lose it on the first frame. */
static bool is_from_vehicle(struct ct_zmq_fleet *socket)
{
    const char *key = zmq_msg_gets(&socket->message, CT_ZMQ_USER_ID);
    return key != NULL && ct_zmq_context_peer(socket->context, key, &socket->peer) == CT_OK &&
           !socket->peer.is_subscriber;
}

int ct_zmq_fleet_receive(struct ct_zmq_fleet *socket, const char **out_vehicle_id, const uint8_t **out_data,
                         size_t *out_len)
{
    zmq_msg_t id;
    (void)zmq_msg_init(&id);
    int err;
    bool whole;
    while ((err = receive_frames(socket, &id, &whole)) == CT_OK) {
        if (whole && is_from_vehicle(socket) && zmq_msg_size(&id) <= CT_ZMQ_ROUTING_ID_MAX) {
            err = ct_zmq_routes_keep(socket->routes, socket->peer.name, zmq_msg_data(&id), zmq_msg_size(&id),
                                     ct_clock_now());
            break;
        }
    }
    (void)zmq_msg_close(&id);
    if (err == CT_OK) {
        *out_vehicle_id = socket->peer.name;
        *out_data = zmq_msg_data(&socket->message);
        *out_len = zmq_msg_size(&socket->message);
    }
    return err;
}

static int send_frame(struct ct_zmq_fleet *socket, const void *data, size_t len, int flags)
{
    int sent;
    do {
        sent = zmq_send(socket->router, data, len, flags | ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? ct_zmq_error(errno) : CT_OK;
}

int ct_zmq_fleet_send(struct ct_zmq_fleet *socket, const char *vehicle_id, const void *data, size_t len)
{
    struct ct_zmq_route *route = ct_zmq_routes_find(socket->routes, vehicle_id);
    if (route == NULL || route->id_len == 0) {
        return CT_ERR_NOT_FOUND;
    }
    const int err = send_frame(socket, route->id, route->id_len, ZMQ_SNDMORE);
    if (err == CT_ERR_NOT_FOUND) {
        route->id_len = 0;
    }
    return err == CT_OK ? send_frame(socket, data, len, 0) : err;
}

const char *ct_zmq_fleet_shared_key(struct ct_zmq_fleet *socket)
{
    return ct_zmq_routes_shared(socket->routes);
}
