/* The ZeroMQ adapters over real TCP on 127.0.0.1: who gets in, who does not, and what each may read. Absence is shown
 * by order: the stranger's handshake has failed first, and then the first message that arrives is a friend's. */
#include "testing.h"
#include "zmq_fleet.h"
#include "zmq_options.h"
#include "zmq_vehicle.h"

#include <poll.h>
#include <stdbool.h>
#include <zmq.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PATIENCE_MS 10000

/* libzmq is not built for ThreadSanitizer, which then sees its lock-free queues as races. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:libzmq.so\n";
}

struct pair {
    char public_key[41], secret_key[41];
};

struct world {
    struct pair server, demo, truck, map, stranger;
    struct ct_zmq_peer peers[3]; /* demo, truck, map */
    struct ct_zmq_context *context;
    struct ct_zmq_fleet *fleet;
    struct ct_zmq_publisher *publisher;
    char fleet_endpoint[64], publisher_endpoint[64];
    void *raw; /* a context for clients that are not ours */
};

static void make_pair(struct pair *pair)
{
    assert_int_equal(ct_zmq_keypair(pair->public_key, pair->secret_key), CT_OK);
}

static void name_peer(struct ct_zmq_peer *peer, const struct pair *pair, const char *name, const char *topics)
{
    *peer = (struct ct_zmq_peer){.is_subscriber = topics != NULL};
    memcpy(peer->public_key, pair->public_key, 41);
    snprintf(peer->name, sizeof peer->name, "%s", name);
    snprintf(peer->topics, sizeof peer->topics, "%s", topics != NULL ? topics : "");
}

static void open_world(struct world *w)
{
    *w = (struct world){0};
    make_pair(&w->server);
    make_pair(&w->demo);
    make_pair(&w->truck);
    make_pair(&w->map);
    make_pair(&w->stranger);
    name_peer(&w->peers[0], &w->demo, "demo", NULL);
    name_peer(&w->peers[1], &w->truck, "truck", NULL);
    name_peer(&w->peers[2], &w->map, "map", "demo/ van/Vehicle.");
    assert_int_equal(ct_zmq_context_open(w->peers, 3, &w->context), CT_OK);
    assert_int_equal(ct_zmq_fleet_open(w->context, "tcp://127.0.0.1:*", w->server.secret_key, &w->fleet), CT_OK);
    assert_int_equal(ct_zmq_publisher_open(w->context, "tcp://127.0.0.1:*", w->server.secret_key, &w->publisher),
                     CT_OK);
    assert_int_equal(ct_zmq_fleet_endpoint(w->fleet, w->fleet_endpoint, sizeof w->fleet_endpoint), CT_OK);
    assert_int_equal(ct_zmq_publisher_endpoint(w->publisher, w->publisher_endpoint, sizeof w->publisher_endpoint),
                     CT_OK);
    w->raw = zmq_ctx_new();
    assert_non_null(w->raw);
}

static void close_world(struct world *w)
{
    assert_int_equal(zmq_ctx_term(w->raw), 0);
    ct_zmq_fleet_close(w->fleet);
    ct_zmq_publisher_close(w->publisher);
    ct_zmq_context_close(w->context);
}

static struct ct_zmq_vehicle *open_vehicle(const struct world *w, const struct pair *pair)
{
    const struct ct_zmq_vehicle_config config = {.endpoint = w->fleet_endpoint,
                                                 .server_public_key = w->server.public_key,
                                                 .public_key = pair->public_key,
                                                 .secret_key = pair->secret_key};
    struct ct_zmq_vehicle *vehicle = NULL;
    assert_int_equal(ct_zmq_vehicle_open(&config, &vehicle), CT_OK);
    return vehicle;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_fd(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    assert_true(poll(&poll_fd, 1, 20) >= 0);
}

static void vehicle_says(struct ct_zmq_vehicle *vehicle, const char *text)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    int err;
    while ((err = ct_zmq_vehicle_send(vehicle, text, strlen(text))) == CT_ERR_AGAIN && now_ms() < until) {
        wait_fd(ct_zmq_vehicle_fd(vehicle));
    }
    assert_int_equal(err, CT_OK);
}

static void fleet_hears(struct world *w, const char *vehicle, const char *text)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    const char *id = NULL;
    const uint8_t *data = NULL;
    size_t len = 0;
    int err;
    while ((err = ct_zmq_fleet_receive(w->fleet, &id, &data, &len)) == CT_ERR_AGAIN && now_ms() < until) {
        wait_fd(ct_zmq_fleet_fd(w->fleet));
    }
    assert_int_equal(err, CT_OK);
    assert_string_equal(id, vehicle);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
}

static void vehicle_hears(struct ct_zmq_vehicle *vehicle, const char *text)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    const uint8_t *data = NULL;
    size_t len = 0;
    int err;
    while ((err = ct_zmq_vehicle_receive(vehicle, &data, &len)) == CT_ERR_AGAIN && now_ms() < until) {
        wait_fd(ct_zmq_vehicle_fd(vehicle));
    }
    assert_int_equal(err, CT_OK);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(data, text, len);
}

static void wait_refused(struct world *w, uint64_t more_than)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    while (ct_zmq_context_refused(w->context) <= more_than && now_ms() < until) {
        wait_fd(ct_zmq_fleet_fd(w->fleet));
    }
    assert_true(ct_zmq_context_refused(w->context) > more_than);
}

static void test_zmq_vehicles_speak_and_are_answered_by_key(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_vehicle *demo = open_vehicle(&w, &w.demo);
    struct ct_zmq_vehicle *truck = open_vehicle(&w, &w.truck);
    assert_int_equal(ct_zmq_fleet_send(w.fleet, "demo", "early", 5), CT_ERR_NOT_FOUND);
    vehicle_says(demo, "one");
    fleet_hears(&w, "demo", "one");
    vehicle_says(truck, "two");
    fleet_hears(&w, "truck", "two");
    assert_int_equal(ct_zmq_fleet_send(w.fleet, "demo", "to demo", 7), CT_OK);
    assert_int_equal(ct_zmq_fleet_send(w.fleet, "truck", "to truck", 8), CT_OK);
    vehicle_hears(truck, "to truck");
    vehicle_hears(demo, "to demo");
    /* a new connection of the same key takes the route */
    assert_int_equal(ct_zmq_vehicle_reconnect(demo), CT_OK);
    vehicle_says(demo, "again");
    fleet_hears(&w, "demo", "again");
    assert_int_equal(ct_zmq_fleet_send(w.fleet, "demo", "back", 4), CT_OK);
    vehicle_hears(demo, "back");
    assert_int_equal(ct_zmq_context_refused(w.context), 0);
    ct_zmq_vehicle_close(demo);
    ct_zmq_vehicle_close(truck);
    close_world(&w);
}

static void test_zmq_unknown_key_refused_until_allowed(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_vehicle *stranger = open_vehicle(&w, &w.stranger);
    wait_refused(&w, 0);
    assert_int_equal(ct_zmq_vehicle_send(stranger, "x", 1), CT_ERR_AGAIN);
    struct ct_zmq_vehicle *demo = open_vehicle(&w, &w.demo);
    vehicle_says(demo, "friend");
    fleet_hears(&w, "demo", "friend");
    /* allowed now; a refused connection never comes back by itself, so the vehicle makes a new one */
    struct ct_zmq_peer peers[2] = {w.peers[0]};
    name_peer(&peers[1], &w.stranger, "newcomer", NULL);
    assert_int_equal(ct_zmq_context_allow(w.context, peers, 2), CT_OK);
    assert_int_equal(ct_zmq_vehicle_reconnect(stranger), CT_OK);
    vehicle_says(stranger, "hello");
    fleet_hears(&w, "newcomer", "hello");
    ct_zmq_vehicle_close(stranger);
    ct_zmq_vehicle_close(demo);
    close_world(&w);
}

static void test_zmq_key_taken_away_ignored_on_open_connection(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_vehicle *demo = open_vehicle(&w, &w.demo);
    struct ct_zmq_vehicle *truck = open_vehicle(&w, &w.truck);
    vehicle_says(demo, "before");
    fleet_hears(&w, "demo", "before");
    vehicle_says(truck, "before");
    fleet_hears(&w, "truck", "before");
    assert_int_equal(ct_zmq_context_allow(w.context, &w.peers[1], 2), CT_OK);
    vehicle_says(demo, "after");
    vehicle_says(truck, "after");
    fleet_hears(&w, "truck", "after");
    vehicle_says(truck, "end");
    fleet_hears(&w, "truck", "end");
    ct_zmq_vehicle_close(demo);
    ct_zmq_vehicle_close(truck);
    close_world(&w);
}

static void test_zmq_server_key_about_to_change_is_followed(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    /* the backend has its new key already; this vehicle's configuration names the old one and the next one */
    const struct ct_zmq_vehicle_config config = {.endpoint = w.fleet_endpoint,
                                                 .server_public_key = w.stranger.public_key,
                                                 .next_server_public_key = w.server.public_key,
                                                 .public_key = w.demo.public_key,
                                                 .secret_key = w.demo.secret_key};
    struct ct_zmq_vehicle *demo = NULL;
    assert_int_equal(ct_zmq_vehicle_open(&config, &demo), CT_OK);
    assert_int_equal(ct_zmq_vehicle_send(demo, "x", 1), CT_ERR_AGAIN);
    assert_int_equal(ct_zmq_vehicle_reconnect(demo), CT_OK);
    vehicle_says(demo, "new key");
    fleet_hears(&w, "demo", "new key");
    ct_zmq_vehicle_close(demo);
    close_world(&w);
}

static void test_zmq_two_keys_of_a_vehicle_both_speak_for_it(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_peer peers[2] = {w.peers[0]};
    name_peer(&peers[1], &w.stranger, "demo", NULL); /* its new key, while the old one is still allowed */
    assert_int_equal(ct_zmq_context_allow(w.context, peers, 2), CT_OK);
    struct ct_zmq_vehicle *old = open_vehicle(&w, &w.demo);
    vehicle_says(old, "old");
    fleet_hears(&w, "demo", "old");
    ct_zmq_vehicle_close(old);
    struct ct_zmq_vehicle *renewed = open_vehicle(&w, &w.stranger);
    vehicle_says(renewed, "new");
    fleet_hears(&w, "demo", "new");
    assert_int_equal(ct_zmq_fleet_send(w.fleet, "demo", "hello", 5), CT_OK);
    vehicle_hears(renewed, "hello");
    ct_zmq_vehicle_close(renewed);
    close_world(&w);
}

/* True when it was sent, false when a handshake was refused before. */
static bool says_or_is_refused(struct world *w, struct ct_zmq_vehicle *vehicle, const char *text, uint64_t refused)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    int err;
    while ((err = ct_zmq_vehicle_send(vehicle, text, strlen(text))) == CT_ERR_AGAIN &&
           ct_zmq_context_refused(w->context) == refused && now_ms() < until) {
        wait_fd(ct_zmq_vehicle_fd(vehicle));
    }
    return err == CT_OK;
}

static void test_zmq_key_that_connects_too_often_waits_and_others_do_not(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_vehicle *truck = open_vehicle(&w, &w.truck);
    vehicle_says(truck, "before");
    fleet_hears(&w, "truck", "before");
    struct ct_zmq_vehicle *demo = open_vehicle(&w, &w.demo);
    vehicle_says(demo, "first");
    fleet_hears(&w, "demo", "first");
    /* a handshake takes milliseconds, so dozens of them are more than one a second */
    while (ct_zmq_context_refused(w.context) == 0) {
        assert_int_equal(ct_zmq_vehicle_reconnect(demo), CT_OK);
        if (says_or_is_refused(&w, demo, "again", 0)) {
            fleet_hears(&w, "demo", "again");
        }
    }
    vehicle_says(truck, "during");
    fleet_hears(&w, "truck", "during");
    /* a new connection a second later is let in; this one would wait for the backend's handshake timeout */
    bool said = false;
    for (int64_t until = now_ms() + 3 * PATIENCE_MS; !said && now_ms() < until;) {
        const uint64_t refused = ct_zmq_context_refused(w.context);
        assert_int_equal(ct_zmq_vehicle_reconnect(demo), CT_OK);
        said = says_or_is_refused(&w, demo, "after", refused);
    }
    assert_true(said);
    fleet_hears(&w, "demo", "after");
    ct_zmq_vehicle_close(demo);
    ct_zmq_vehicle_close(truck);
    close_world(&w);
}

/* ---------------------------------------------------------------- clients that are not ours */

enum mechanism { NONE, PLAIN, CURVE };

struct client {
    void *socket, *monitor;
};

static struct client open_client(struct world *w, int type, const char *endpoint, enum mechanism mechanism,
                                 const struct pair *pair, const char *server_key)
{
    static const int zero = 0;
    static const int patience = PATIENCE_MS;
    struct client client = {.socket = zmq_socket(w->raw, type), .monitor = zmq_socket(w->raw, ZMQ_PAIR)};
    assert_non_null(client.socket);
    assert_int_equal(zmq_setsockopt(client.socket, ZMQ_LINGER, &zero, sizeof zero), 0);
    assert_int_equal(zmq_setsockopt(client.monitor, ZMQ_LINGER, &zero, sizeof zero), 0);
    assert_int_equal(zmq_setsockopt(client.monitor, ZMQ_RCVTIMEO, &patience, sizeof patience), 0);
    if (mechanism == PLAIN) {
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_PLAIN_USERNAME, "demo", 4), 0);
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_PLAIN_PASSWORD, "demo", 4), 0);
    } else if (mechanism == CURVE) {
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_CURVE_SERVERKEY, server_key, 41), 0);
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_CURVE_PUBLICKEY, pair->public_key, 41), 0);
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_CURVE_SECRETKEY, pair->secret_key, 41), 0);
    }
    if (type == ZMQ_SUB) {
        assert_int_equal(zmq_setsockopt(client.socket, ZMQ_SUBSCRIBE, "", 0), 0);
    }
    char address[64];
    snprintf(address, sizeof address, "inproc://monitor-%p", client.socket);
    assert_int_equal(zmq_socket_monitor(client.socket, address, ZMQ_EVENT_ALL), 0);
    assert_int_equal(zmq_connect(client.monitor, address), 0);
    assert_int_equal(zmq_connect(client.socket, endpoint), 0);
    return client;
}

/* The monitor ends first: libzmq's I/O thread waits forever to tell an event to a reader that is gone, and with it
 * stands the whole context. Refusals are told up to the moment the socket is closed. */
static void close_client(struct client *client)
{
    assert_int_equal(zmq_socket_monitor(client->socket, NULL, 0), 0);
    zmq_close(client->socket);
    zmq_close(client->monitor);
}

/* What became of the connection: the first event that says so. */
static int handshake_outcome(struct client *client)
{
    for (;;) {
        uint8_t event[6];
        char address[256];
        uint16_t number = 0;
        assert_int_equal(zmq_recv(client->monitor, event, sizeof event, 0), sizeof event);
        assert_true(zmq_recv(client->monitor, address, sizeof address, 0) >= 0);
        memcpy(&number, event, sizeof number);
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED || number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH ||
            number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL || number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ||
            number == ZMQ_EVENT_DISCONNECTED) {
            return number;
        }
    }
}

static void test_zmq_strangers_get_nothing_through(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    const struct {
        enum mechanism mechanism;
        const struct pair *pair;
        const char *server_key;
    } cases[] = {
        {NONE, NULL, NULL},
        {PLAIN, NULL, NULL},
        {CURVE, &w.stranger, w.server.public_key},
        {CURVE, &w.demo, w.stranger.public_key}, /* wrong server key */
        {CURVE, &w.map, w.server.public_key},    /* a subscriber at the vehicles' door */
    };
    struct ct_zmq_vehicle *demo = open_vehicle(&w, &w.demo);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client client =
            open_client(&w, ZMQ_DEALER, w.fleet_endpoint, cases[i].mechanism, cases[i].pair, cases[i].server_key);
        (void)zmq_send(client.socket, "attack", 6, ZMQ_DONTWAIT);
        assert_int_not_equal(handshake_outcome(&client), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        char text[16];
        snprintf(text, sizeof text, "friend %zu", i);
        vehicle_says(demo, text);
        fleet_hears(&w, "demo", text);
        close_client(&client);
    }
    assert_true(ct_zmq_context_refused(w.context) >= 2);
    ct_zmq_vehicle_close(demo);
    close_world(&w);
}

/* What became of a client with a key that would be good, at a door that asks a handler which is not there. */
static int outcome_at_door(struct world *w, void *context, bool enforced)
{
    char endpoint[64];
    void *router = zmq_socket(context, ZMQ_ROUTER);
    assert_non_null(router);
    /* a question that was asked while the handler died is never answered; the door closes after this */
    const struct ct_zmq_option options[] = {{ZMQ_LINGER, 0}, {ZMQ_HANDSHAKE_IVL, enforced ? PATIENCE_MS / 4 : 0}};
    assert_int_equal(ct_zmq_set_ints(router, options, 2), CT_OK);
    assert_int_equal(ct_zmq_bind_secure(router, CT_ZMQ_DOMAIN_VEHICLES, w->server.secret_key, "tcp://127.0.0.1:*"),
                     CT_OK);
    if (!enforced) { /* what is bound from here on has the option's other value */
        const struct ct_zmq_option lax = {93, 0};
        assert_int_equal(ct_zmq_set_ints(router, &lax, 1), CT_OK);
        assert_int_equal(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    }
    assert_int_equal(ct_zmq_last_endpoint(router, endpoint, sizeof endpoint), CT_OK);
    struct client client = open_client(w, ZMQ_DEALER, endpoint, CURVE, &w->demo, w->server.public_key);
    (void)zmq_send(client.socket, "attack", 6, ZMQ_DONTWAIT);
    const int outcome = handshake_outcome(&client);
    char text[16];
    assert_true(outcome == ZMQ_EVENT_HANDSHAKE_SUCCEEDED || zmq_recv(router, text, sizeof text, ZMQ_DONTWAIT) < 0);
    close_client(&client);
    zmq_close(router);
    return outcome;
}

static void test_zmq_handler_that_is_gone_lets_nobody_in(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    void *context = zmq_ctx_new();
    assert_non_null(context);
    /* libzmq lets everybody in where no handler is and none is demanded: this is what the door's option is for */
    assert_int_equal(outcome_at_door(&w, context, false), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_not_equal(outcome_at_door(&w, context, true), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    /* one that was there and was killed */
    void *handler = zmq_socket(context, ZMQ_REP);
    assert_int_equal(zmq_bind(handler, "inproc://zeromq.zap.01"), 0);
    zmq_close(handler);
    assert_int_not_equal(outcome_at_door(&w, context, true), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(zmq_ctx_term(context), 0);
    close_world(&w);
}

static void test_zmq_multipart_and_oversize_are_dropped(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct client client = open_client(&w, ZMQ_DEALER, w.fleet_endpoint, CURVE, &w.truck, w.server.public_key);
    assert_int_equal(handshake_outcome(&client), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    assert_int_equal(zmq_send(client.socket, "part", 4, ZMQ_SNDMORE), 4);
    assert_int_equal(zmq_send(client.socket, "part", 4, 0), 4);
    assert_int_equal(zmq_send(client.socket, "whole", 5, 0), 5);
    fleet_hears(&w, "truck", "whole");
    static uint8_t large[300 * 1024];
    assert_int_equal(zmq_send(client.socket, large, sizeof large, 0), (int)sizeof large);
    assert_int_equal(handshake_outcome(&client), ZMQ_EVENT_DISCONNECTED);
    close_client(&client);
    close_world(&w);
}

/* ---------------------------------------------------------------- subscribers */

static int client_fd(const struct client *client)
{
    int fd = -1;
    size_t size = sizeof fd;
    assert_int_equal(zmq_getsockopt(client->socket, ZMQ_FD, &fd, &size), 0);
    return fd;
}

/* Publishes three topics until the subscriber gets something; it is always the one it may have. */
static void subscriber_hears(struct world *w, struct client *client, const char *topic)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    while (now_ms() < until) {
        ct_zmq_publisher_work(w->publisher);
        ct_zmq_publisher_send(w->publisher, "secret/Vehicle.Speed", "no", 2);
        ct_zmq_publisher_send(w->publisher, "van/Other.Thing", "no", 2);
        ct_zmq_publisher_send(w->publisher, topic, "yes", 3);
        wait_fd(client_fd(client));
        char frame[64] = "";
        int len;
        while ((len = zmq_recv(client->socket, frame, sizeof frame, ZMQ_DONTWAIT)) >= 0) {
            assert_int_equal(len, strlen(topic));
            assert_memory_equal(frame, topic, strlen(topic)); /* never one it may not have */
            assert_int_equal(zmq_recv(client->socket, frame, sizeof frame, ZMQ_DONTWAIT), 3);
            if (memcmp(frame, "yes", 3) == 0) {
                return;
            }
            assert_memory_equal(frame, "end", 3); /* of another's catch_up on a topic that this one has too */
        }
    }
    fail_msg("nothing arrived on %s", topic);
}

static void test_zmq_subscriber_reads_only_its_topics(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    /* subscribes to everything; gets what its key may have */
    struct client client = open_client(&w, ZMQ_SUB, w.publisher_endpoint, CURVE, &w.map, w.server.public_key);
    assert_int_equal(handshake_outcome(&client), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
    subscriber_hears(&w, &client, "demo/Vehicle.Speed");
    assert_int_equal(zmq_setsockopt(client.socket, ZMQ_SUBSCRIBE, "secret/", 7), 0);
    close_client(&client);

    client = open_client(&w, ZMQ_SUB, w.publisher_endpoint, CURVE, &w.map, w.server.public_key);
    assert_int_equal(zmq_setsockopt(client.socket, ZMQ_SUBSCRIBE, "secret/", 7), 0);
    assert_int_equal(zmq_setsockopt(client.socket, ZMQ_SUBSCRIBE, "van/Vehicle.Body", 16), 0);
    assert_int_equal(zmq_setsockopt(client.socket, ZMQ_UNSUBSCRIBE, "", 0), 0);
    subscriber_hears(&w, &client, "van/Vehicle.Body.Lights");
    close_client(&client);
    close_world(&w);
}

/* Receives everything sent before: up to a last message. */
static void catch_up(struct world *w, const struct client *client, const char *topic)
{
    const int64_t until = now_ms() + PATIENCE_MS;
    char frame[64] = "";
    ct_zmq_publisher_send(w->publisher, topic, "end", 3);
    while (strcmp(frame, "end") != 0 && now_ms() < until) {
        const int len = zmq_recv(client->socket, frame, sizeof frame - 1, ZMQ_DONTWAIT);
        frame[len < 0 ? 0 : len] = 0;
        if (len < 0) {
            wait_fd(client_fd(client));
        }
    }
    assert_string_equal(frame, "end");
}

static void test_zmq_subscriber_taken_away_or_narrowed_reads_no_more(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    /* given: two subscribers that read demo/ */
    name_peer(&w.peers[1], &w.truck, "chart", "demo/");
    assert_int_equal(ct_zmq_context_allow(w.context, w.peers, 3), CT_OK);
    struct client map = open_client(&w, ZMQ_SUB, w.publisher_endpoint, CURVE, &w.map, w.server.public_key);
    struct client chart = open_client(&w, ZMQ_SUB, w.publisher_endpoint, CURVE, &w.truck, w.server.public_key);
    subscriber_hears(&w, &map, "demo/Vehicle.Speed");
    subscriber_hears(&w, &chart, "demo/Vehicle.Speed");

    /* when: the first is narrowed to another vehicle */
    name_peer(&w.peers[2], &w.map, "map", "bus/");
    catch_up(&w, &map, "demo/Vehicle.Speed");
    assert_int_equal(ct_zmq_context_allow(w.context, w.peers, 3), CT_OK);
    /* then: what the second reads does not reach the first, which has the other vehicle */
    subscriber_hears(&w, &chart, "demo/Vehicle.Speed");
    subscriber_hears(&w, &map, "bus/Vehicle.Speed");

    /* when: it is taken away */
    catch_up(&w, &map, "bus/Vehicle.Speed");
    catch_up(&w, &chart, "demo/Vehicle.Speed");
    assert_int_equal(ct_zmq_context_allow(w.context, w.peers, 2), CT_OK);
    ct_zmq_publisher_send(w.publisher, "bus/Vehicle.Speed", "no", 2);
    subscriber_hears(&w, &chart, "demo/Vehicle.Speed");
    char frame[64];
    assert_int_equal(zmq_recv(map.socket, frame, sizeof frame, ZMQ_DONTWAIT), -1);
    close_client(&map);
    close_client(&chart);
    close_world(&w);
}

static void test_zmq_vehicle_and_strangers_cannot_subscribe(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    const struct {
        enum mechanism mechanism;
        const struct pair *pair;
    } cases[] = {{CURVE, &w.demo}, {CURVE, &w.stranger}, {NONE, NULL}, {PLAIN, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client client =
            open_client(&w, ZMQ_SUB, w.publisher_endpoint, cases[i].mechanism, cases[i].pair, w.server.public_key);
        assert_int_not_equal(handshake_outcome(&client), ZMQ_EVENT_HANDSHAKE_SUCCEEDED);
        ct_zmq_publisher_send(w.publisher, "demo/Vehicle.Speed", "no", 2);
        char frame[64];
        assert_int_equal(zmq_recv(client.socket, frame, sizeof frame, ZMQ_DONTWAIT), -1);
        close_client(&client);
    }
    close_world(&w);
}

static void test_zmq_bad_endpoints_and_keys_named(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    struct ct_zmq_fleet *fleet = NULL;
    assert_int_equal(ct_zmq_fleet_open(w.context, w.fleet_endpoint, w.server.secret_key, &fleet), CT_ERR_BUSY);
    assert_int_not_equal(ct_zmq_fleet_open(w.context, "nonsense", w.server.secret_key, &fleet), CT_OK);
    assert_int_equal(ct_zmq_fleet_open(w.context, "tcp://127.0.0.1:*", "short", &fleet), CT_ERR_ARGUMENT);
    struct ct_zmq_vehicle *vehicle = NULL;
    const struct ct_zmq_vehicle_config config = {.endpoint = w.fleet_endpoint,
                                                 .server_public_key = "short",
                                                 .public_key = w.demo.public_key,
                                                 .secret_key = w.demo.secret_key};
    assert_int_equal(ct_zmq_vehicle_open(&config, &vehicle), CT_ERR_ARGUMENT);
    close_world(&w);
    ct_zmq_vehicle_close(NULL);
    ct_zmq_context_close(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zmq_vehicles_speak_and_are_answered_by_key),
        cmocka_unit_test(test_zmq_unknown_key_refused_until_allowed),
        cmocka_unit_test(test_zmq_key_taken_away_ignored_on_open_connection),
        cmocka_unit_test(test_zmq_server_key_about_to_change_is_followed),
        cmocka_unit_test(test_zmq_two_keys_of_a_vehicle_both_speak_for_it),
        cmocka_unit_test(test_zmq_key_that_connects_too_often_waits_and_others_do_not),
        cmocka_unit_test(test_zmq_strangers_get_nothing_through),
        cmocka_unit_test(test_zmq_handler_that_is_gone_lets_nobody_in),
        cmocka_unit_test(test_zmq_multipart_and_oversize_are_dropped),
        cmocka_unit_test(test_zmq_subscriber_reads_only_its_topics),
        cmocka_unit_test(test_zmq_subscriber_taken_away_or_narrowed_reads_no_more),
        cmocka_unit_test(test_zmq_vehicle_and_strangers_cannot_subscribe),
        cmocka_unit_test(test_zmq_bad_endpoints_and_keys_named),
    };
    return cmocka_run_group_tests_name("zmq", tests, NULL, NULL);
}
