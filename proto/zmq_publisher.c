#include "zmq_fleet.h"
#include "zmq_options.h"
#include "zmq_peers.h"

#include <zmq.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUBSCRIPTION_MAX 256

#define ENDPOINT_MAX  256
#define KEY_TEXT_SIZE 41

struct ct_zmq_publisher {
    struct ct_zmq_context *context;
    void *xpub;       /* NULL while it cannot be bound again */
    unsigned changes; /* of subscribers, when it was opened */
    char endpoint[ENDPOINT_MAX];
    char secret_key[KEY_TEXT_SIZE];
};

static int configure(void *xpub, const char *secret_key, const char *endpoint)
{
    static const struct ct_zmq_option options[] = {
        {ZMQ_XPUB_MANUAL, 1},           {ZMQ_LINGER, 1000},         {ZMQ_SNDHWM, 1000}, {ZMQ_HEARTBEAT_IVL, 5000},
        {ZMQ_HEARTBEAT_TIMEOUT, 10000}, {ZMQ_HANDSHAKE_IVL, 10000},
    };
    const int64_t size_max = SUBSCRIPTION_MAX + 128;
    const int err = ct_zmq_set_ints(xpub, options, sizeof options / sizeof options[0]);
    if (err != CT_OK) {
        return err;
    }
    if (zmq_setsockopt(xpub, ZMQ_MAXMSGSIZE, &size_max, sizeof size_max) != 0) {
        return ct_zmq_error(errno);
    }
    return ct_zmq_bind_secure(xpub, CT_ZMQ_DOMAIN_SUBSCRIBERS, secret_key, endpoint);
}

static int open_socket(struct ct_zmq_publisher *publisher)
{
    publisher->changes = ct_zmq_context_subscriber_changes(publisher->context);
    void *xpub = zmq_socket(ct_zmq_context_handle(publisher->context), ZMQ_XPUB);
    const int err = xpub == NULL ? ct_zmq_error(errno) : configure(xpub, publisher->secret_key, publisher->endpoint);
    if (err == CT_OK) {
        publisher->xpub = xpub;
    } else if (xpub != NULL) {
        zmq_close(xpub);
    }
    return err;
}

int ct_zmq_publisher_open(struct ct_zmq_context *context, const char *endpoint, const char *secret_key,
                          struct ct_zmq_publisher **out_publisher)
{
    if (strlen(endpoint) >= ENDPOINT_MAX || strlen(secret_key) >= KEY_TEXT_SIZE) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_zmq_publisher *publisher = calloc(1, sizeof *publisher);
    if (publisher == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    publisher->context = context;
    memcpy(publisher->endpoint, endpoint, strlen(endpoint) + 1);
    memcpy(publisher->secret_key, secret_key, strlen(secret_key) + 1);
    int err = open_socket(publisher);
    if (err == CT_OK) { /* the port it got is the one to bind again */
        err = ct_zmq_last_endpoint(publisher->xpub, publisher->endpoint, ENDPOINT_MAX);
    }
    if (err != CT_OK) {
        ct_zmq_publisher_close(publisher);
        return err;
    }
    *out_publisher = publisher;
    return CT_OK;
}

void ct_zmq_publisher_close(struct ct_zmq_publisher *publisher)
{
    if (publisher != NULL) {
        if (publisher->xpub != NULL) {
            zmq_close(publisher->xpub);
        }
        explicit_bzero(publisher->secret_key, sizeof publisher->secret_key);
        free(publisher);
    }
}

/* libzmq takes back a grant only from the connection that has just spoken. So a change for the worse ends all of them;
 * who is still allowed connects and subscribes again. */
static void follow_changes(struct ct_zmq_publisher *publisher)
{
    if (publisher->xpub != NULL && publisher->changes != ct_zmq_context_subscriber_changes(publisher->context)) {
        const int zero = 0;
        (void)zmq_setsockopt(publisher->xpub, ZMQ_LINGER, &zero, sizeof zero);
        zmq_close(publisher->xpub);
        publisher->xpub = NULL;
    }
    if (publisher->xpub == NULL) {
        const int err = open_socket(publisher);
        (void)err; /* the old one still holds the port: the next call tries again */
    }
}

int ct_zmq_publisher_fd(const struct ct_zmq_publisher *publisher)
{
    return publisher->xpub == NULL ? -1 : ct_zmq_fd(publisher->xpub);
}

int ct_zmq_publisher_endpoint(const struct ct_zmq_publisher *publisher, char *out_endpoint, size_t size)
{
    return publisher->xpub == NULL ? CT_ERR_AGAIN : ct_zmq_last_endpoint(publisher->xpub, out_endpoint, size);
}

/* What of `wanted` lies under `allowed`: the longer of both when one begins with the other. */
static void grant_prefix(struct ct_zmq_publisher *publisher, int option, const char *wanted, size_t wanted_len,
                         const char *allowed, size_t allowed_len)
{
    const size_t common = wanted_len < allowed_len ? wanted_len : allowed_len;
    if (memcmp(wanted, allowed, common) != 0) {
        return;
    }
    const char *topic = wanted_len >= allowed_len ? wanted : allowed;
    const size_t len = wanted_len >= allowed_len ? wanted_len : allowed_len;
    (void)zmq_setsockopt(publisher->xpub, option, topic, len);
}

static void grant(struct ct_zmq_publisher *publisher, const struct ct_zmq_peer *peer, int option, const char *wanted,
                  size_t len)
{
    const char *allowed = peer->topics;
    if (allowed[0] == 0) {
        (void)zmq_setsockopt(publisher->xpub, option, wanted, len);
        return;
    }
    while (*allowed != 0) {
        const size_t allowed_len = strcspn(allowed, " ");
        if (allowed_len > 0) {
            grant_prefix(publisher, option, wanted, len, allowed, allowed_len);
        }
        allowed += allowed_len;
        allowed += *allowed == ' ';
    }
}

/* ZMTP: a first byte of 1 subscribes, 0 unsubscribes; anything else a subscriber says is nothing to us. */
static void take_subscription(struct ct_zmq_publisher *publisher, zmq_msg_t *message)
{
    const char *data = zmq_msg_data(message);
    const size_t len = zmq_msg_size(message);
    const char *key = zmq_msg_gets(message, CT_ZMQ_USER_ID);
    struct ct_zmq_peer peer;
    if (len == 0 || len > SUBSCRIPTION_MAX || (data[0] != 0 && data[0] != 1) || key == NULL ||
        ct_zmq_context_peer(publisher->context, key, &peer) != CT_OK || !peer.is_subscriber) {
        return;
    }
    grant(publisher, &peer, data[0] == 1 ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE, data + 1, len - 1);
}

static void read_subscriptions(struct ct_zmq_publisher *publisher)
{
    zmq_msg_t message;
    (void)zmq_msg_init(&message);
    for (;;) {
        const int len = zmq_msg_recv(&message, publisher->xpub, ZMQ_DONTWAIT);
        if (len >= 0) {
            take_subscription(publisher, &message);
        } else if (errno != EINTR) {
            break;
        }
    }
    (void)zmq_msg_close(&message);
}

void ct_zmq_publisher_work(struct ct_zmq_publisher *publisher)
{
    follow_changes(publisher);
    if (publisher->xpub != NULL) {
        read_subscriptions(publisher);
    }
}

static int send_frame(struct ct_zmq_publisher *publisher, const void *data, size_t len, int flags)
{
    int sent;
    do {
        sent = zmq_send(publisher->xpub, data, len, flags | ZMQ_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

void ct_zmq_publisher_send(struct ct_zmq_publisher *publisher, const char *topic, const void *data, size_t len)
{
    follow_changes(publisher);
    if (publisher->xpub == NULL) {
        return;
    }
    if (send_frame(publisher, topic, strlen(topic), ZMQ_SNDMORE) >= 0) {
        (void)send_frame(publisher, data, len, 0);
    }
    read_subscriptions(publisher); /* the descriptor is edge-triggered: a send may have eaten the wake-up */
}
