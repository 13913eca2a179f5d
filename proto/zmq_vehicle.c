#include "zmq_vehicle.h"

#include "link_types.h"
#include "zmq_options.h"

#include <zmq.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define KEY_TEXT_SIZE 41
#define SOCKETS_MAX   60000
#define SOCKETS_SPARE 1024 /* reconnecting closes one and opens one; the closed ones go a moment later */

struct ct_zmq_vehicles {
    void *zmq;
};

struct ct_zmq_vehicle {
    void *zmq;
    bool owns_context;
    void *dealer;
    char *endpoint;
    char server_public_keys[2][KEY_TEXT_SIZE]; /* the second: "" when there is none */
    unsigned server_key;
    char public_key[KEY_TEXT_SIZE];
    char secret_key[KEY_TEXT_SIZE];
    zmq_msg_t message;
};

static int set_keys(const struct ct_zmq_vehicle *socket)
{
    if (zmq_setsockopt(socket->dealer, ZMQ_CURVE_SERVERKEY, socket->server_public_keys[socket->server_key],
                       KEY_TEXT_SIZE) != 0 ||
        zmq_setsockopt(socket->dealer, ZMQ_CURVE_PUBLICKEY, socket->public_key, KEY_TEXT_SIZE) != 0 ||
        zmq_setsockopt(socket->dealer, ZMQ_CURVE_SECRETKEY, socket->secret_key, KEY_TEXT_SIZE) != 0) {
        return CT_ERR_ARGUMENT;
    }
    return CT_OK;
}

/* A frozen backend is noticed within the heartbeat's interval and timeout, 5 s; IMMEDIATE: nothing is queued for a
 * connection that does not stand. */
static int connect_dealer(struct ct_zmq_vehicle *socket)
{
    static const struct ct_zmq_option options[] = {
        {ZMQ_IMMEDIATE, 1},         {ZMQ_LINGER, 1000},
        {ZMQ_SNDHWM, 32},           {ZMQ_RCVHWM, 64},
        {ZMQ_HEARTBEAT_IVL, 2000},  {ZMQ_HEARTBEAT_TIMEOUT, 3000},
        {ZMQ_RECONNECT_IVL, 250},   {ZMQ_RECONNECT_IVL_MAX, 5000},
        {ZMQ_HANDSHAKE_IVL, 30000}, {ZMQ_CONNECT_TIMEOUT, 10000},
    };
    const int64_t size_max = CT_LINK_MESSAGE_MAX + 128; /* CURVE adds 33 bytes */
    socket->dealer = zmq_socket(socket->zmq, ZMQ_DEALER);
    if (socket->dealer == NULL) {
        return ct_zmq_error(errno);
    }
    int err = ct_zmq_set_ints(socket->dealer, options, sizeof options / sizeof options[0]);
    if (err == CT_OK) {
        err = set_keys(socket);
    }
    if (err == CT_OK && (zmq_setsockopt(socket->dealer, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) != 0 ||
                         zmq_connect(socket->dealer, socket->endpoint) != 0)) {
        err = ct_zmq_error(errno);
    }
    return err;
}

static int copy_key(char to[KEY_TEXT_SIZE], const char *from)
{
    if (strlen(from) != KEY_TEXT_SIZE - 1) {
        return CT_ERR_ARGUMENT;
    }
    memcpy(to, from, KEY_TEXT_SIZE);
    return CT_OK;
}

static int open_socket(struct ct_zmq_vehicle *socket, const struct ct_zmq_vehicle_config *config)
{
    if (!zmq_has("curve")) {
        return CT_ERR_UNSUPPORTED;
    }
    const char *next = config->next_server_public_key;
    if (copy_key(socket->server_public_keys[0], config->server_public_key) != CT_OK ||
        (next != NULL && copy_key(socket->server_public_keys[1], next) != CT_OK) ||
        copy_key(socket->public_key, config->public_key) != CT_OK ||
        copy_key(socket->secret_key, config->secret_key) != CT_OK) {
        return CT_ERR_ARGUMENT;
    }
    socket->endpoint = strdup(config->endpoint);
    socket->owns_context = config->shared == NULL;
    socket->zmq = socket->owns_context ? zmq_ctx_new() : config->shared->zmq;
    if (socket->endpoint == NULL || socket->zmq == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    return connect_dealer(socket);
}

int ct_zmq_vehicles_open(size_t count_max, struct ct_zmq_vehicles **out_shared)
{
    struct ct_zmq_vehicles *shared = calloc(1, sizeof *shared);
    if (shared == NULL || count_max > SOCKETS_MAX) {
        free(shared);
        return shared == NULL ? CT_ERR_NO_MEMORY : CT_ERR_TOO_LARGE;
    }
    shared->zmq = zmq_ctx_new();
    if (shared->zmq == NULL || zmq_ctx_set(shared->zmq, ZMQ_MAX_SOCKETS, (int)count_max + SOCKETS_SPARE) != 0) {
        ct_zmq_vehicles_close(shared);
        return CT_ERR_NO_MEMORY;
    }
    *out_shared = shared;
    return CT_OK;
}

static void end_context(void *zmq)
{
    while (zmq_ctx_term(zmq) != 0 && errno == EINTR) {
    }
}

void ct_zmq_vehicles_close(struct ct_zmq_vehicles *shared)
{
    if (shared != NULL) {
        if (shared->zmq != NULL) {
            end_context(shared->zmq);
        }
        free(shared);
    }
}

int ct_zmq_vehicle_open(const struct ct_zmq_vehicle_config *config, struct ct_zmq_vehicle **out_socket)
{
    struct ct_zmq_vehicle *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)zmq_msg_init(&socket->message);
    const int err = open_socket(socket, config);
    if (err != CT_OK) {
        ct_zmq_vehicle_close(socket);
        return err;
    }
    *out_socket = socket;
    return CT_OK;
}

void ct_zmq_vehicle_close(struct ct_zmq_vehicle *socket)
{
    if (socket == NULL) {
        return;
    }
    (void)zmq_msg_close(&socket->message);
    if (socket->dealer != NULL) {
        zmq_close(socket->dealer);
    }
    if (socket->zmq != NULL && socket->owns_context) {
        end_context(socket->zmq);
    }
    free(socket->endpoint);
    free(socket);
}

int ct_zmq_vehicle_fd(const struct ct_zmq_vehicle *socket)
{
    return ct_zmq_fd(socket->dealer);
}

int ct_zmq_vehicle_send(struct ct_zmq_vehicle *socket, const void *data, size_t len)
{
    int sent;
    do {
        sent = zmq_send(socket->dealer, data, len, ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? ct_zmq_error(errno) : CT_OK;
}

static int receive_frame(struct ct_zmq_vehicle *socket)
{
    int len;
    do {
        len = zmq_msg_recv(&socket->message, socket->dealer, ZMQ_DONTWAIT);
    } while (len < 0 && errno == EINTR);
    return len < 0 ? ct_zmq_error(errno) : CT_OK;
}

/* Messages of the link have one frame; what has more is not from it and is dropped whole. */
int ct_zmq_vehicle_receive(struct ct_zmq_vehicle *socket, const uint8_t **out_data, size_t *out_len)
{
    int err;
    bool whole = true;
    while ((err = receive_frame(socket)) == CT_OK) {
        const bool more = zmq_msg_more(&socket->message);
        if (whole && !more) {
            *out_data = zmq_msg_data(&socket->message);
            *out_len = zmq_msg_size(&socket->message);
            return CT_OK;
        }
        whole = !more;
    }
    return err;
}

int ct_zmq_vehicle_reconnect(struct ct_zmq_vehicle *socket)
{
    const int now = 0;
    if (socket->dealer != NULL) {
        (void)zmq_setsockopt(socket->dealer, ZMQ_LINGER, &now, sizeof now);
        zmq_close(socket->dealer);
    }
    if (socket->server_public_keys[1][0] != 0) {
        socket->server_key ^= 1;
    }
    return connect_dealer(socket);
}
