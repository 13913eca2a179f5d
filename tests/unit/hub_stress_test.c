/* The hub under load: a server thread, and clients that all send and receive at once. */
#include "clock.h"
#include "hub.h"
#include "testing.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define STRESS_CLIENTS 6
#define STRESS_FRAMES  5000U

struct stress {
    struct ct_hub *hub;
    atomic_bool stop;
};

static void *serve(void *argument)
{
    struct stress *s = argument;
    while (!atomic_load(&s->stop)) {
        const ct_ns deadline = ct_hub_step(s->hub, ct_clock_now(), ct_clock_utc_now());
        struct pollfd wait = {.fd = ct_hub_fd(s->hub), .events = POLLIN};
        const int ms = ct_ns_wait_ms(ct_clock_now(), deadline);
        poll(&wait, 1, ms < 0 || ms > 20 ? 20 : ms);
    }
    return NULL;
}

struct stress_client {
    struct ct_port *port;
    uint32_t index;
    uint32_t sent;
    uint32_t next[STRESS_CLIENTS]; /* expected number from each other client */
    uint32_t received;
    bool in_order;
};

static void stress_send(struct stress_client *c)
{
    for (int burst = 0; burst < 50 && c->sent < STRESS_FRAMES; burst++) {
        struct ct_frame frame = {.id = c->index << 20 | c->sent, .flags = CT_FRAME_EXT, .len = 8};
        if (ct_port_write(c->port, &frame) != CT_OK) {
            return;
        }
        c->sent++;
    }
}

static void stress_receive(struct stress_client *c)
{
    struct ct_frame frames[40];
    size_t n = 0;
    if (ct_port_read(c->port, frames, 40, &n) != CT_OK) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t from = frames[i].id >> 20;
        c->in_order =
            c->in_order && from < STRESS_CLIENTS && from != c->index && c->next[from] == (frames[i].id & 0xFFFFFU);
        c->next[from % STRESS_CLIENTS]++;
    }
    c->received += (uint32_t)n;
}

static void *talk(void *argument)
{
    struct stress_client *c = argument;
    while (c->in_order && (c->sent < STRESS_FRAMES || c->received < (STRESS_CLIENTS - 1) * STRESS_FRAMES)) {
        stress_send(c);
        struct pollfd wait = {.fd = c->port->fd,
                              .events = (short)(c->sent < STRESS_FRAMES ? POLLIN | POLLOUT : POLLIN)};
        poll(&wait, 1, 1000);
        stress_receive(c);
        while (ct_port_tick(c->port, 0) == 0) {
            stress_receive(c);
        }
    }
    return NULL;
}

static void test_hub_many_senders_under_back_pressure_lose_nothing(void **state)
{
    (void)state;
    struct stress s = {.stop = false};
    char folder[] = "/tmp/cantwin-hub-XXXXXX";
    char path[64];
    char problem[256];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/bus0", folder);
    /* A ring far smaller than what is sent: everybody waits for everybody, all the time. */
    const struct ct_hub_options options = {.capacity = 128};
    assert_int_equal(ct_hub_open(path, &options, &s.hub, problem, sizeof problem), CT_OK);
    struct stress_client clients[STRESS_CLIENTS] = {0};
    pthread_t server;
    pthread_t threads[STRESS_CLIENTS];
    for (uint32_t i = 0; i < STRESS_CLIENTS; i++) {
        clients[i] = (struct stress_client){.index = i, .in_order = true};
        assert_int_equal(ct_hub_port_open(path, "stress", false, false, &clients[i].port, problem, sizeof problem),
                         CT_OK);
        ct_hub_step(s.hub, 0, 0); /* welcomed before anybody sends */
    }
    assert_int_equal(pthread_create(&server, NULL, serve, &s), 0);
    for (uint32_t i = 0; i < STRESS_CLIENTS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, talk, &clients[i]), 0);
    }
    for (uint32_t i = 0; i < STRESS_CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    atomic_store(&s.stop, true);
    pthread_join(server, NULL);
    for (uint32_t i = 0; i < STRESS_CLIENTS; i++) {
        assert_true(clients[i].in_order);
        assert_int_equal(clients[i].received, (STRESS_CLIENTS - 1) * STRESS_FRAMES);
        assert_int_equal(clients[i].port->stats.malformed, 0);
        ct_port_close(clients[i].port);
    }
    assert_int_equal(ct_hub_stats(s.hub)->accepted, STRESS_CLIENTS * STRESS_FRAMES);
    assert_int_equal(ct_hub_stats(s.hub)->delivered, STRESS_CLIENTS * (STRESS_CLIENTS - 1) * STRESS_FRAMES);
    ct_hub_close(s.hub);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hub_many_senders_under_back_pressure_lose_nothing)};
    return cmocka_run_group_tests_name("hub_stress", tests, NULL, NULL);
}
