/* The hub over real sockets; server and clients take turns in one thread. */
#include "hub.h"
#include "hub_wire.h"
#include "testing.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NOW INT64_C(5000000000)
#define UTC INT64_C(1700000000000000000)

struct fixture {
    char folder[64];
    char path[96];
    char problem[256];
    struct ct_hub *hub;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    if (f == NULL) {
        return -1;
    }
    snprintf(f->folder, sizeof f->folder, "/tmp/cantwin-hub-XXXXXX");
    if (mkdtemp(f->folder) == NULL) {
        return -1;
    }
    snprintf(f->path, sizeof f->path, "%s/bus0", f->folder);
    const struct ct_hub_options options = {.capacity = 256, .stuck_limit = CT_NS_PER_S};
    *state = f;
    return ct_hub_open(f->path, &options, &f->hub, f->problem, sizeof f->problem);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ct_hub_close(f->hub);
    rmdir(f->folder);
    free(f);
    return 0;
}

/* A connected client that the hub has welcomed. */
static struct ct_port *join(struct fixture *f, const char *name, bool own)
{
    struct ct_port *port = NULL;
    struct ct_frame frame;
    size_t n;
    assert_int_equal(ct_hub_port_open(f->path, name, own, false, &port, f->problem, sizeof f->problem), CT_OK);
    ct_hub_step(f->hub, NOW, UTC);
    assert_int_equal(ct_port_read(port, &frame, 1, &n), CT_ERR_AGAIN);
    assert_true(port->stats.up);
    return port;
}

static size_t read_all(struct ct_port *port, struct ct_frame *out_frames, size_t max)
{
    size_t n = 0;
    size_t total = 0;
    while (total < max && ct_port_read(port, out_frames + total, max - total, &n) == CT_OK) {
        total += n;
    }
    return total;
}

static void test_hub_frame_reaches_all_others_with_one_stamp(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_port *b = join(f, "b", false);
    struct ct_port *c = join(f, "c", true);
    const struct ct_frame sent = {.id = 0x123,
                                  .flags = CT_FRAME_FD | CT_FRAME_BRS | CT_FRAME_SENT,
                                  .len = 64,
                                  .data = {1, 2, 3, [63] = 9},
                                  .t_ns = 77,
                                  .utc_ns = 78};
    struct ct_frame got[4];
    /* When one sends */
    assert_int_equal(ct_port_write(a, &sent), CT_OK);
    ct_hub_step(f->hub, NOW + 5, UTC + 5);
    /* Then the others have it, with the hub's stamps, and the sender does not */
    assert_int_equal(read_all(b, got, 4), 1);
    assert_true(ct_frame_same(&got[0], &sent));
    assert_int_equal(got[0].flags, CT_FRAME_FD | CT_FRAME_BRS);
    assert_int_equal(got[0].t_ns, NOW + 5);
    assert_int_equal(got[0].utc_ns, UTC + 5);
    assert_int_equal(read_all(c, got + 1, 3), 1);
    assert_memory_equal(&got[0], &got[1], sizeof got[0]);
    assert_int_equal(read_all(a, got, 4), 0);
    /* And a sender that asked for it gets its own back, flagged */
    assert_int_equal(ct_port_write(c, &sent), CT_OK);
    ct_hub_step(f->hub, NOW + 6, UTC + 6);
    assert_int_equal(read_all(c, got, 4), 1);
    assert_true((got[0].flags & CT_FRAME_SENT) != 0);
    assert_int_equal(ct_hub_stats(f->hub)->accepted, 2);
    assert_int_equal(ct_hub_stats(f->hub)->delivered, 5);
    ct_port_close(a);
    ct_port_close(b);
    ct_port_close(c);
}

static void test_hub_remote_and_error_frames_pass(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_port *b = join(f, "b", false);
    const struct ct_frame sent[] = {
        {.id = 0x7FF, .flags = CT_FRAME_RTR, .len = 8},
        {.id = 4, .flags = CT_FRAME_ERR, .len = 8, .data = {0, 4}},
        {.id = 0x1FFFFFFF, .flags = CT_FRAME_EXT, .len = 0},
    };
    struct ct_frame got[4];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(ct_port_write(a, &sent[i]), CT_OK);
    }
    ct_hub_step(f->hub, NOW, UTC);
    assert_int_equal(read_all(b, got, 4), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(ct_frame_same(&got[i], &sent[i]));
    }
    const struct ct_frame no_frame = {.id = 0x800};
    assert_int_equal(ct_port_write(a, &no_frame), CT_ERR_ARGUMENT);
    ct_port_close(a);
    ct_port_close(b);
}

/* Writes numbered frames until the hub takes no more; returns how many it took. */
static uint32_t write_until_full(struct fixture *f, struct ct_port *port, uint32_t first)
{
    uint32_t n = first;
    int turns_full = 0;
    while (turns_full < 3) {
        const struct ct_frame frame = {.id = n, .flags = CT_FRAME_EXT, .len = 8};
        const int err = ct_port_write(port, &frame);
        if (err == CT_OK) {
            n++;
            turns_full = 0;
            continue;
        }
        assert_int_equal(err, CT_ERR_FULL);
        ct_hub_step(f->hub, NOW, UTC);
        turns_full++;
    }
    return n;
}

static void test_hub_slow_reader_blocks_the_sender_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_port *slow = join(f, "slow", false);
    struct ct_frame got[64];
    /* Given a reader that does not read, and a sender that sends until it must wait */
    const uint32_t sent = write_until_full(f, a, 0);
    assert_true(sent > 256);
    assert_true(ct_hub_stats(f->hub)->blocked);
    assert_true(ct_hub_stats(f->hub)->accepted < sent); /* the rest waits in the sender's socket */
    /* When it reads again */
    uint32_t next = 0;
    for (int idle = 0; idle < 3;) {
        const size_t n = read_all(slow, got, 64);
        idle = n == 0 ? idle + 1 : 0;
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(got[i].id, next);
            next++;
        }
        ct_hub_step(f->hub, NOW, UTC);
    }
    /* Then every frame comes, in order, and sending goes on */
    assert_int_equal(next, sent);
    assert_false(ct_hub_stats(f->hub)->blocked);
    assert_int_equal(ct_hub_stats(f->hub)->evicted, 0);
    const struct ct_frame more = {.id = 1};
    assert_int_equal(ct_port_write(a, &more), CT_OK);
    ct_port_close(a);
    ct_port_close(slow);
}

static void test_hub_stuck_reader_is_evicted_after_the_limit(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_port *stuck = join(f, "stuck", false);
    struct ct_port *good = join(f, "good", false);
    struct ct_frame got[64];
    const uint32_t sent = write_until_full(f, a, 0);
    size_t received = read_all(good, got, 64);
    /* Just before its limit it is still there */
    const ct_ns deadline = ct_hub_step(f->hub, NOW, UTC);
    assert_int_equal(deadline, NOW + CT_NS_PER_S);
    ct_hub_step(f->hub, deadline - 1, UTC);
    assert_int_equal(ct_hub_stats(f->hub)->evicted, 0);
    /* At the limit it is disconnected, counted and named, and the others go on */
    ct_hub_step(f->hub, deadline, UTC);
    assert_int_equal(ct_hub_stats(f->hub)->evicted, 1);
    assert_string_equal(ct_hub_evicted_name(f->hub), "stuck");
    for (int idle = 0; idle < 3;) {
        const size_t n = read_all(good, got, 64);
        received += n;
        idle = n == 0 ? idle + 1 : 0;
        ct_hub_step(f->hub, deadline, UTC);
    }
    assert_int_equal(received, sent);
    /* It still finds what it had been sent, then the end */
    size_t n;
    while (ct_port_read(stuck, got, 64, &n) == CT_OK) {
    }
    assert_int_equal(ct_port_read(stuck, got, 64, &n), CT_ERR_DOWN);
    ct_port_close(a);
    ct_port_close(stuck);
    ct_port_close(good);
}

static void test_hub_sender_that_left_has_its_frames_delivered(void **state)
{
    struct fixture *f = *state;
    struct ct_port *reader = join(f, "reader", false);
    struct ct_port *leaver = join(f, "leaver", false);
    struct ct_frame got[64];
    const uint32_t sent = write_until_full(f, leaver, 0);
    ct_port_close(leaver);
    uint32_t received = 0;
    for (int idle = 0; idle < 3;) {
        ct_hub_step(f->hub, NOW, UTC);
        const size_t n = read_all(reader, got, 64);
        received += (uint32_t)n;
        idle = n == 0 ? idle + 1 : 0;
    }
    assert_int_equal(received, sent);
    assert_int_equal(ct_hub_stats(f->hub)->clients, 1);
    ct_port_close(reader);
}

static void test_hub_reader_that_died_blocks_nobody(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_port *dead = join(f, "dead", false);
    const uint32_t sent = write_until_full(f, a, 0);
    ct_port_close(dead); /* with unread frames in its socket */
    ct_hub_step(f->hub, NOW, UTC);
    ct_hub_step(f->hub, NOW, UTC);
    assert_int_equal(ct_hub_stats(f->hub)->clients, 1);
    assert_int_equal(ct_hub_stats(f->hub)->accepted, sent);
    assert_false(ct_hub_stats(f->hub)->blocked);
    /* Nothing is left to do: the hub's descriptor must be quiet, or its process would spin. */
    struct pollfd quiet = {.fd = ct_hub_fd(f->hub), .events = POLLIN};
    assert_int_equal(poll(&quiet, 1, 0), 0);
    ct_port_close(a);
}

static void test_hub_blocked_with_a_departed_sender_stays_quiet(void **state)
{
    struct fixture *f = *state;
    struct ct_port *slow = join(f, "slow", false);
    struct ct_port *a = join(f, "a", false);
    write_until_full(f, a, 0);
    ct_port_close(a);
    ct_hub_step(f->hub, NOW, UTC);
    struct pollfd quiet = {.fd = ct_hub_fd(f->hub), .events = POLLIN};
    assert_int_equal(poll(&quiet, 1, 0), 0);
    ct_port_close(slow);
}

static void test_hub_client_connects_again_when_the_hub_is_back(void **state)
{
    struct fixture *f = *state;
    struct ct_port *a = join(f, "a", false);
    struct ct_frame got;
    size_t n;
    const struct ct_frame frame = {.id = 1};
    /* Given a hub that went away */
    ct_hub_close(f->hub);
    f->hub = NULL;
    assert_int_equal(ct_port_read(a, &got, 1, &n), CT_ERR_DOWN);
    assert_false(a->stats.up);
    assert_int_equal(ct_port_write(a, &frame), CT_ERR_DOWN);
    ct_ns now = NOW;
    for (int i = 0; i < 10; i++) {
        const ct_ns next = ct_port_tick(a, now);
        assert_true(next > now && next <= now + CT_NS_PER_S);
        assert_int_equal(ct_port_read(a, &got, 1, &n), CT_ERR_DOWN);
        now = next;
    }
    /* When it is served again, the next tick connects */
    assert_int_equal(ct_hub_open(f->path, NULL, &f->hub, f->problem, sizeof f->problem), CT_OK);
    assert_int_equal(ct_port_tick(a, now), CT_NS_NEVER);
    ct_hub_step(f->hub, NOW, UTC);
    assert_int_equal(ct_port_read(a, &got, 1, &n), CT_ERR_AGAIN);
    assert_true(a->stats.up);
    assert_int_equal(ct_port_write(a, &frame), CT_OK);
    ct_port_close(a);
}

static void test_hub_missing_is_an_error_or_waited_for(void **state)
{
    struct fixture *f = *state;
    struct ct_port *port = NULL;
    char path[128];
    snprintf(path, sizeof path, "%s/none", f->folder);
    assert_int_equal(ct_hub_port_open(path, "a", false, false, &port, f->problem, sizeof f->problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(f->problem, path));
    assert_non_null(strstr(f->problem, "cantwin bus serve"));
    assert_int_equal(ct_hub_port_open(path, "a", false, true, &port, f->problem, sizeof f->problem), CT_OK);
    assert_false(port->stats.up);
    ct_port_close(port);
}

static void test_hub_second_server_is_refused_and_stale_socket_replaced(void **state)
{
    struct fixture *f = *state;
    struct ct_hub *second = NULL;
    assert_int_equal(ct_hub_open(f->path, NULL, &second, f->problem, sizeof f->problem), CT_ERR_BUSY);
    assert_non_null(strstr(f->problem, f->path));
    /* Given a socket whose server was killed */
    char path[128];
    snprintf(path, sizeof path, "%s/stale", f->folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(ct_hub_open(path, NULL, &second, f->problem, sizeof f->problem), CT_OK);
    ct_hub_close(second);
    assert_int_equal(access(path, F_OK), -1);
    /* A file that is no socket is left alone */
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(ct_hub_open(path, NULL, &second, f->problem, sizeof f->problem), CT_ERR_EXISTS);
    assert_int_equal(unlink(path), 0);
}

static int raw_client(const struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", f->path);
    const int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void test_hub_malformed_packets_end_only_their_client(void **state)
{
    struct fixture *f = *state;
    struct ct_port *good = join(f, "good", false);
    uint8_t bad[][64] = {
        {9, 0, CT_HUB_VERSION},                /* no such packet */
        {CT_HUB_HELLO, 0, CT_HUB_VERSION + 1}, /* another version */
        {CT_HUB_FRAMES, 1, CT_HUB_VERSION},    /* frames before hello */
    };
    for (size_t i = 0; i < 3; i++) {
        const int fd = raw_client(f);
        assert_true(send(fd, bad[i], sizeof bad[i], 0) > 0);
        ct_hub_step(f->hub, NOW, UTC);
        assert_int_equal(ct_hub_stats(f->hub)->malformed, i + 1);
        assert_int_equal(ct_hub_stats(f->hub)->clients, 1);
        close(fd);
    }
    /* Frames whose count, length or id lie */
    for (int kind = 0; kind < 3; kind++) {
        const int fd = raw_client(f);
        uint8_t packet[4096] = {0};
        ct_hub_put_head(packet, CT_HUB_HELLO, 0, 0);
        assert_true(send(fd, packet, CT_HUB_HEAD, 0) > 0);
        const struct ct_frame frame = {.id = kind == 2 ? 0x800U : 1U, .len = 8};
        ct_hub_put_head(packet, CT_HUB_FRAMES, kind == 0 ? 2 : 1, 0);
        const size_t len = ct_hub_put_frame(packet, CT_HUB_HEAD, &frame);
        assert_true(send(fd, packet, kind == 1 ? sizeof packet : len, 0) > 0);
        ct_hub_step(f->hub, NOW, UTC);
        assert_int_equal(ct_hub_stats(f->hub)->clients, 1);
        close(fd);
    }
    assert_int_equal(ct_hub_stats(f->hub)->accepted, 0);
    assert_int_equal(ct_hub_stats(f->hub)->malformed, 6);
    assert_true(good->stats.up);
    ct_port_close(good);
}

#define HUB_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HUB_TEST(test_hub_frame_reaches_all_others_with_one_stamp),
        HUB_TEST(test_hub_remote_and_error_frames_pass),
        HUB_TEST(test_hub_slow_reader_blocks_the_sender_and_loses_nothing),
        HUB_TEST(test_hub_stuck_reader_is_evicted_after_the_limit),
        HUB_TEST(test_hub_sender_that_left_has_its_frames_delivered),
        HUB_TEST(test_hub_reader_that_died_blocks_nobody),
        HUB_TEST(test_hub_blocked_with_a_departed_sender_stays_quiet),
        HUB_TEST(test_hub_client_connects_again_when_the_hub_is_back),
        HUB_TEST(test_hub_missing_is_an_error_or_waited_for),
        HUB_TEST(test_hub_second_server_is_refused_and_stale_socket_replaced),
        HUB_TEST(test_hub_malformed_packets_end_only_their_client),
    };
    return cmocka_run_group_tests_name("hub", tests, NULL, NULL);
}
