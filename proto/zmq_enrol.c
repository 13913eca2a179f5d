#include "zmq_enrol.h"

#include "zmq_fleet.h"
#include "zmq_options.h"
#include "zmq_peers.h"

#include <zmq.h>

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ID_MAX 32 /* libzmq's own routing ids have 5 bytes */

struct ct_zmq_enrol {
    struct ct_zmq_context *context;
    void *router;
    uint8_t id[ID_MAX]; /* who asked last */
    size_t id_len;
};

static int limit_messages(void *socket)
{
    const int64_t size_max = CT_ZMQ_ENROL_MESSAGE_MAX + 128; /* CURVE adds 33 bytes */
    return zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) == 0 ? CT_OK : ct_zmq_error(errno);
}

/* ---------------------------------------------------------------- the backend */

static int open_router(struct ct_zmq_enrol *socket, const char *endpoint, const char *secret_key)
{
    static const struct ct_zmq_option options[] = {{ZMQ_LINGER, 1000},        {ZMQ_RCVHWM, 4},
                                                   {ZMQ_SNDHWM, 4},           {ZMQ_HANDSHAKE_IVL, 10000},
                                                   {ZMQ_HEARTBEAT_IVL, 5000}, {ZMQ_HEARTBEAT_TIMEOUT, 10000}};
    int err = ct_zmq_context_open(NULL, 0, &socket->context);
    if (err != CT_OK) {
        return err;
    }
    socket->router = zmq_socket(ct_zmq_context_handle(socket->context), ZMQ_ROUTER);
    if (socket->router == NULL) {
        return ct_zmq_error(errno);
    }
    err = ct_zmq_set_ints(socket->router, options, sizeof options / sizeof options[0]);
    err = err == CT_OK ? limit_messages(socket->router) : err;
    return err == CT_OK ? ct_zmq_bind_secure(socket->router, CT_ZMQ_DOMAIN_ENROLMENT, secret_key, endpoint) : err;
}

int ct_zmq_enrol_open(const char *endpoint, const char *secret_key, struct ct_zmq_enrol **out_socket)
{
    struct ct_zmq_enrol *socket = calloc(1, sizeof *socket);
    if (socket == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = open_router(socket, endpoint, secret_key);
    if (err != CT_OK) {
        ct_zmq_enrol_close(socket);
        return err;
    }
    *out_socket = socket;
    return CT_OK;
}

void ct_zmq_enrol_close(struct ct_zmq_enrol *socket)
{
    if (socket != NULL) {
        if (socket->router != NULL) {
            zmq_close(socket->router);
        }
        ct_zmq_context_close(socket->context);
        free(socket);
    }
}

int ct_zmq_enrol_endpoint(const struct ct_zmq_enrol *socket, char *out_endpoint, size_t size)
{
    return ct_zmq_last_endpoint(socket->router, out_endpoint, size);
}

static int wait_for(void *socket, int wait_ms)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    return zmq_poll(&item, 1, wait_ms) > 0 ? CT_OK : CT_ERR_AGAIN;
}

/* The rest of a message that has more frames than it may. */
static bool drop_rest(void *socket)
{
    int more = 0;
    size_t size = sizeof more;
    bool dropped = false;
    while (zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0 && more != 0) {
        char rest[1];
        (void)zmq_recv(socket, rest, sizeof rest, ZMQ_DONTWAIT);
        dropped = true;
    }
    return dropped;
}

/* One frame with its sender's key. CT_ERR_SYNTAX: not what a question looks like. */
static int receive_payload(void *socket, char out_key[41], uint8_t *out_data, size_t size, size_t *out_len)
{
    zmq_msg_t message;
    (void)zmq_msg_init(&message);
    const int len = zmq_msg_recv(&message, socket, ZMQ_DONTWAIT);
    const char *key = len < 0 ? NULL : zmq_msg_gets(&message, CT_ZMQ_USER_ID);
    const bool good = key != NULL && strlen(key) == 40 && (size_t)len <= size;
    if (good) {
        memcpy(out_key, key, 41);
        memcpy(out_data, zmq_msg_data(&message), (size_t)len);
        *out_len = (size_t)len;
    }
    (void)zmq_msg_close(&message);
    return drop_rest(socket) || !good ? CT_ERR_SYNTAX : CT_OK;
}

int ct_zmq_enrol_receive(struct ct_zmq_enrol *socket, int wait_ms, char out_key[41], uint8_t *out_data, size_t size,
                         size_t *out_len)
{
    int err = wait_for(socket->router, wait_ms);
    if (err != CT_OK) {
        return err;
    }
    const int id_len = zmq_recv(socket->router, socket->id, sizeof socket->id, ZMQ_DONTWAIT);
    if (id_len < 0) {
        return ct_zmq_error(errno);
    }
    socket->id_len = (size_t)id_len <= sizeof socket->id ? (size_t)id_len : 0;
    err = receive_payload(socket->router, out_key, out_data, size, out_len);
    return err == CT_ERR_SYNTAX ? CT_ERR_AGAIN : err;
}

void ct_zmq_enrol_answer(struct ct_zmq_enrol *socket, const void *data, size_t len)
{
    if (socket->id_len > 0 && zmq_send(socket->router, socket->id, socket->id_len, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
        (void)zmq_send(socket->router, data, len, ZMQ_DONTWAIT);
    }
}

/* ---------------------------------------------------------------- the vehicle */

static int connect_to(void *dealer, const struct ct_zmq_enrol_question *question)
{
    static const struct ct_zmq_option options[] = {{ZMQ_LINGER, 0}, {ZMQ_RECONNECT_IVL, 250}};
    int err = ct_zmq_set_ints(dealer, options, sizeof options / sizeof options[0]);
    err = err == CT_OK ? limit_messages(dealer) : err;
    if (err != CT_OK) {
        return err;
    }
    if (zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, question->server_public_key, 41) != 0 ||
        zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, question->public_key, 41) != 0 ||
        zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, question->secret_key, 41) != 0) {
        return CT_ERR_ARGUMENT;
    }
    return zmq_connect(dealer, question->endpoint) == 0 ? CT_OK : ct_zmq_error(errno);
}

static int ask(void *dealer, const struct ct_zmq_enrol_question *question, int wait_ms, uint8_t *out_data, size_t size,
               size_t *out_len)
{
    const int err = connect_to(dealer, question);
    if (err != CT_OK) {
        return err;
    }
    if (zmq_send(dealer, question->data, question->len, ZMQ_DONTWAIT) < 0) {
        return ct_zmq_error(errno);
    }
    if (wait_for(dealer, wait_ms) != CT_OK) {
        return CT_ERR_TIMEOUT;
    }
    const int len = zmq_recv(dealer, out_data, size, ZMQ_DONTWAIT);
    if (len < 0 || (size_t)len > size) {
        return len < 0 ? ct_zmq_error(errno) : CT_ERR_TOO_LARGE;
    }
    *out_len = (size_t)len;
    return CT_OK;
}

int ct_zmq_enrol_ask(const struct ct_zmq_enrol_question *question, int wait_ms, uint8_t *out_data, size_t size,
                     size_t *out_len)
{
    if (!zmq_has("curve")) {
        return CT_ERR_UNSUPPORTED;
    }
    void *zmq = zmq_ctx_new();
    void *dealer = zmq == NULL ? NULL : zmq_socket(zmq, ZMQ_DEALER);
    const int err = dealer == NULL ? CT_ERR_NO_MEMORY : ask(dealer, question, wait_ms, out_data, size, out_len);
    if (dealer != NULL) {
        zmq_close(dealer);
    }
    while (zmq != NULL && zmq_ctx_term(zmq) != 0 && errno == EINTR) {
    }
    return err;
}
