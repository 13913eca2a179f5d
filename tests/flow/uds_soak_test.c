/* UDS clients and servers over ISO-TP in six addressing modes on one simulated bus that misbehaves as a CAN bus can: a
 * frame is lost for everybody, comes twice in a row (an error in the last bit of the end of frame), is damaged and
 * therefore an error frame and sent again, waits for the bus, or garbage of a broken node comes between. Whatever
 * happens: every request ends in a result, no value is taken that its writer did not write, STmin is kept, memory does
 * not grow. 600 simulated seconds; ten hours with CANTWIN_LONG, or CANTWIN_SOAK_SECONDS of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka needs the four above first */
#include <cmocka.h>

#include "bytes.h"
#include "uds_client.h"
#include "uds_secured.h"
#include "uds_server.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS       6U
#define NODES       (2 * PAIRS)
#define SECONDS     600
#define LONG        36000
#define VALUE_MAX   1200U
#define READ_FIRST  0x1000U
#define READ_LAST   0x1FFFU
#define SLOW_FIRST  0x3000U /* answers 78 a few times first */
#define SLOW_LAST   0x30FFU
#define WRITE_FIRST 0x2000U
#define WRITE_LAST  0x2FFFU
#define ENDLESS     (120 * CT_NS_PER_S) /* no request may take longer */

struct world;

struct node {
    struct world *world;
    struct ct_uds_client *client; /* one of the two */
    struct ct_uds_server *server;
    uint32_t tx_id;
    /* client */
    uint8_t request[VALUE_MAX + 16];
    size_t request_len;
    ct_ns next_request, asked;
    bool running;
    uint16_t counter; /* of 84 */
    /* server */
    unsigned slow;
};

struct gap { /* what the last flow control asked of this sender */
    ct_ns st_min, last_end;
};

struct world {
    struct node nodes[NODES];
    struct gap gaps[NODES];
    uint64_t random;
    ct_ns now, free_at;
    bool busy, damaged;
    size_t sender, turn;
    struct ct_frame frame;
    unsigned long frames, lost, doubled, damages, garbage, requests, outcomes[8], written, wrong_writes, secured;
};

static struct world world;

static uint32_t roll(struct world *w, uint32_t below)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(w->random >> 33) % below;
}

/* --- the values: what an identifier holds follows from its number alone --- */

static size_t value_of(uint16_t id, uint8_t *out)
{
    const size_t len = 1 + (id * 2654435761U >> 20) % (VALUE_MAX - 1);
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(id * 31U + i * 17U + (i >> 8));
    }
    return len;
}

static uint8_t read_value(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    struct node *node = user;
    if (id >= SLOW_FIRST && node->slow++ % 3 != 2) {
        return CT_NRC_PENDING;
    }
    assert_true(size >= VALUE_MAX);
    *out_len = value_of(id, out);
    return 0;
}

/* A written value ends in the checksum of identifier and value. */
static uint8_t write_value(void *user, uint16_t id, const uint8_t *data, size_t len)
{
    struct node *node = user;
    uint8_t head[2];
    ct_put_be16(head, id);
    const uint32_t crc = ct_crc32c(ct_crc32c(0, head, 2), data, len - 4);
    node->world->written++;
    node->world->wrong_writes += crc != ct_be32(data + len - 4);
    return 0;
}

static const struct ct_uds_did dids[] = {
    {.id = READ_FIRST, .last = READ_LAST, .read = read_value},
    {.id = SLOW_FIRST, .last = SLOW_LAST, .read = read_value},
    {.id = WRITE_FIRST, .last = WRITE_LAST, .write = write_value, .write_min = 5, .write_max = VALUE_MAX},
};

/* --- 84: signed by a checksum, so that nothing the bus does can pass for a signature --- */

static int sign(void *user, const uint8_t *data, size_t len, uint8_t *out)
{
    (void)user;
    ct_put_be32(out, ct_crc32c(0, data, len));
    return CT_OK;
}

static bool verify(void *user, const uint8_t *data, size_t len, const uint8_t *signature)
{
    (void)user;
    return ct_crc32c(0, data, len) == ct_be32(signature);
}

static const struct ct_uds_security security = {
    .needs = CT_UDS_SECURED_SIGNED, .signature_len = 4, .sign = sign, .verify = verify};

#define SIGNED_BOTH_WAYS (CT_UDS_SECURED_IS_REQUEST | CT_UDS_SECURED_SIGNED | CT_UDS_SECURED_SIGN_RESPONSE)

/* --- the nodes --- */

static struct ct_isotp_config pair_of(unsigned i)
{
    struct ct_isotp_config config = ct_isotp_config_usual(0x700 + 2 * i, 0x701 + 2 * i);
    const uint8_t ecu = (uint8_t)(0x10 + i);
    switch (i) {
    case 1:
        return ct_isotp_config_fixed(CT_ISOTP_NORMAL_FIXED, 0xF1, ecu);
    case 2:
        config.tx_mode = config.rx_mode = CT_ISOTP_EXTENDED;
        config.tx_byte = ecu;
        config.rx_byte = 0xF1;
        return config;
    case 3:
        config.tx_mode = config.rx_mode = CT_ISOTP_MIXED_11;
        config.tx_byte = config.rx_byte = 0x99;
        return config;
    case 4:
        config = ct_isotp_config_fixed(CT_ISOTP_MIXED_29, 0xF1, ecu);
        config.tx_byte = config.rx_byte = 0x42;
        return config;
    case 5:
        config.fd = true;
        config.tx_dl = 64;
        return config;
    default:
        return config;
    }
}

static void make_pair(struct world *w, unsigned i)
{
    struct ct_isotp_config mine = pair_of(i);
    struct ct_isotp_config theirs = mine;
    theirs.tx_id = mine.rx_id;
    theirs.rx_id = mine.tx_id;
    theirs.tx_byte = mine.rx_byte;
    theirs.rx_byte = mine.tx_byte;
    mine.block_size = (uint8_t)(i * 3);
    theirs.block_size = (uint8_t)(15 - i * 3);
    mine.st_min_us = i % 2 == 0 ? 0 : 500;
    theirs.st_min_us = i % 3 == 0 ? 2000 : 100;
    struct node *client = &w->nodes[2 * i];
    struct node *server = &w->nodes[2 * i + 1];
    const struct ct_uds_client_config client_config = {
        .isotp = mine, .busy = {.limit_ms = 2000}, .repeat_max = i % 2, .p2_ms = 400};
    const struct ct_uds_server_config server_config = {
        .isotp = theirs, .dids = dids, .did_count = 3, .security = &security, .user = server};
    *client = (struct node){.world = w, .tx_id = mine.tx_id};
    *server = (struct node){.world = w, .tx_id = theirs.tx_id};
    assert_int_equal(ct_uds_client_create(&client_config, &client->client), CT_OK);
    assert_int_equal(ct_uds_server_create(&server_config, &server->server), CT_OK);
    if (i % 2 == 0) {
        const uint8_t present[] = {0x3E, 0x80};
        assert_int_equal(ct_uds_client_keep_alive(client->client, present, 2, 0, 0), CT_OK);
    }
}

static ct_ns tick(struct node *node, ct_ns now)
{
    return node->client != NULL ? ct_uds_client_tick(node->client, now) : ct_uds_server_tick(node->server, now);
}

static int next_frame(struct node *node, struct ct_frame *frame, ct_ns now)
{
    return node->client != NULL ? ct_uds_client_next_frame(node->client, frame, now)
                                : ct_uds_server_next_frame(node->server, frame, now);
}

static void receive(struct node *node, const struct ct_frame *frame, ct_ns now)
{
    if (node->client != NULL) {
        (void)ct_uds_client_receive(node->client, frame, now);
    } else {
        (void)ct_uds_server_receive(node->server, frame, now);
    }
}

/* --- the bus: one frame at a time --- */

/* ISO 15765-2 9.6.5.4, looked at from outside: end of one consecutive frame to the start of the next. */
static void watch_gap(struct world *w, size_t sender, ct_ns start, ct_ns end)
{
    const struct ct_isotp_config config = pair_of((unsigned)sender / 2);
    const size_t at = config.tx_mode == CT_ISOTP_NORMAL || config.tx_mode == CT_ISOTP_NORMAL_FIXED ? 0 : 1;
    const unsigned pci = w->frame.data[at] >> 4;
    struct gap *mine = &w->gaps[sender];
    struct gap *partner = &w->gaps[sender ^ 1U];
    if (pci == 3 && (w->frame.data[at] & 0xF) == 0) {
        partner->st_min = ct_isotp_st_min_decode_us(w->frame.data[at + 2]) * CT_NS_PER_US;
        partner->last_end = 0;
    } else if (pci == 2) {
        if (mine->last_end != 0) {
            assert_true(start >= mine->last_end + mine->st_min);
        }
        mine->last_end = end;
    }
}

static void start_frame(struct world *w)
{
    for (size_t i = 0; i < NODES; i++) {
        const size_t node = (w->turn + i) % NODES;
        if (next_frame(&w->nodes[node], &w->frame, w->now) == CT_OK) {
            assert_true(ct_frame_valid(&w->frame));
            const ct_ns wait = roll(w, 100) == 0 ? (ct_ns)roll(w, 40000) * CT_NS_PER_US : 0;
            const ct_ns length = (120 + 2 * (ct_ns)w->frame.len) * CT_NS_PER_US;
            w->damaged = roll(w, 200) == 0;
            w->sender = node;
            w->turn = node + 1;
            w->busy = true;
            w->free_at = w->now + wait + length * (w->damaged ? 2 : 1); /* sent again after the error */
            w->damages += w->damaged;
            watch_gap(w, node, w->now, w->free_at);
            return;
        }
    }
}

static void deliver(struct world *w, const struct ct_frame *frame)
{
    for (size_t i = 0; i < NODES; i++) {
        if (i != w->sender) {
            receive(&w->nodes[i], frame, w->now);
        }
    }
}

/* A broken node: ids of the pairs, but no frame they could take as data of a transfer. */
static void send_garbage(struct world *w)
{
    struct ct_frame frame = w->frame;
    const uint32_t kind = roll(w, 4);
    if (kind == 0) {
        frame.data[0] = (uint8_t)(0x40 + roll(w, 0xC0)); /* no type of PDU, or another address byte */
        frame.data[1] = 0xFF;
    } else if (kind == 1) {
        frame.flags |= CT_FRAME_RTR;
    } else if (kind == 2) {
        frame.len = 0;
    } else {
        frame.flags = CT_FRAME_ERR;
        frame.id = 0x88;
    }
    w->garbage++;
    deliver(w, &frame);
}

static void end_frame(struct world *w)
{
    struct ct_frame echo = w->frame;
    w->busy = false;
    w->frames++;
    echo.flags |= CT_FRAME_SENT;
    receive(&w->nodes[w->sender], &echo, w->now);
    if (roll(w, 300) == 0) {
        send_garbage(w);
    }
    if (roll(w, 150) == 0) {
        w->lost++;
        return;
    }
    deliver(w, &w->frame);
    if (roll(w, 500) == 0) {
        w->doubled++;
        deliver(w, &w->frame);
    }
}

/* --- the requests --- */

static size_t make_secured(struct node *node, uint8_t *out)
{
    uint8_t inner[3] = {CT_UDS_READ_DATA};
    size_t len = 0;
    const bool slow = roll(node->world, 4) == 0;
    ct_put_be16(inner + 1,
                (uint16_t)(slow ? SLOW_FIRST + roll(node->world, 0x100) : READ_FIRST + roll(node->world, 0x1000)));
    assert_int_equal(ct_uds_secured_encode(&security, SIGNED_BOTH_WAYS, ++node->counter,
                                           (struct ct_uds_bytes){inner, sizeof inner}, out, VALUE_MAX, &len),
                     CT_OK);
    return len;
}

static size_t make_request(struct node *node, uint8_t *out)
{
    struct world *w = node->world;
    const uint32_t kind = roll(w, 20);
    if (kind < 12) {
        out[0] = CT_UDS_READ_DATA;
        ct_put_be16(out + 1, (uint16_t)(kind < 11 ? READ_FIRST + roll(w, 0x1000) : SLOW_FIRST + roll(w, 0x100)));
        return 3;
    }
    if (kind == 16) {
        return make_secured(node, out);
    }
    if (kind < 16) {
        const size_t len = 1 + roll(w, kind == 12 ? VALUE_MAX - 4 : 60);
        out[0] = CT_UDS_WRITE_DATA;
        ct_put_be16(out + 1, (uint16_t)(WRITE_FIRST + roll(w, 0x1000)));
        for (size_t i = 0; i < len; i++) {
            out[3 + i] = (uint8_t)roll(w, 256);
        }
        ct_put_be32(out + 3 + len, ct_crc32c(0, out + 1, 2 + len));
        return 3 + len + 4;
    }
    static const uint8_t others[3][3] = {{0x10, 0x03, 0}, {0x3E, 0x80, 0}, {0x22, 0x55, 0x55}};
    memcpy(out, others[kind - 17], 3);
    return kind == 19 ? 3 : 2;
}

/* A late answer to an earlier request has its counter and counts for nothing. */
static void check_secured(struct node *node, const struct ct_uds_result *result)
{
    static struct ct_uds_secured in;
    uint8_t expected[VALUE_MAX];
    if (ct_uds_secured_response(&security, SIGNED_BOTH_WAYS, node->counter, result->response, result->len, &in) !=
        CT_OK) {
        return;
    }
    node->world->secured++;
    assert_int_equal(in.message[0], CT_UDS_READ_DATA + CT_UDS_POSITIVE_OFFSET);
    assert_memory_equal(in.message + 1, node->request + CT_UDS_SECURED_HEAD + 1, 2);
    assert_int_equal(in.len, 3 + value_of(ct_be16(in.message + 1), expected));
    assert_memory_equal(in.message + 3, expected, in.len - 3);
}

static void check_result(struct node *node, const struct ct_uds_result *result)
{
    uint8_t expected[VALUE_MAX];
    const bool read = node->request[0] == CT_UDS_READ_DATA && result->outcome == CT_UDS_POSITIVE;
    node->world->outcomes[result->outcome]++;
    if (node->request[0] == CT_UDS_SECURED_DATA && result->outcome == CT_UDS_POSITIVE) {
        check_secured(node, result);
    }
    if (read) {
        const size_t len = value_of(ct_be16(node->request + 1), expected);
        assert_int_equal(result->len, 3 + len);
        assert_memory_equal(result->response + 1, node->request + 1, 2);
        assert_memory_equal(result->response + 3, expected, len);
    }
}

static ct_ns run_client(struct node *node, ct_ns now)
{
    struct ct_uds_result result;
    if (node->running && ct_uds_client_result(node->client, &result) == CT_OK) {
        check_result(node, &result);
        node->running = false;
        node->next_request = now + (ct_ns)roll(node->world, 400) * CT_NS_PER_MS;
    }
    if (node->running) {
        assert_true(now - node->asked < ENDLESS);
        return CT_NS_NEVER;
    }
    if (now < node->next_request) {
        return node->next_request;
    }
    node->request_len = make_request(node, node->request);
    assert_int_equal(ct_uds_client_request(node->client, node->request, node->request_len, now), CT_OK);
    node->running = true;
    node->asked = now;
    node->world->requests++;
    return now;
}

static void run_until(struct world *w, ct_ns end)
{
    unsigned standing = 0;
    while (w->now < end) {
        ct_ns next = CT_NS_NEVER;
        for (size_t i = 0; i < NODES; i++) {
            if (w->nodes[i].client != NULL) {
                next = ct_ns_min(next, run_client(&w->nodes[i], w->now));
            }
            next = ct_ns_min(next, tick(&w->nodes[i], w->now));
        }
        if (!w->busy) {
            start_frame(w);
        }
        if (w->busy) { /* what is due has to wait for the bus */
            next = next > w->now ? ct_ns_min(next, w->free_at) : w->free_at;
        }
        standing = next > w->now ? 0 : standing + 1;
        assert_true(standing < 1000); /* time goes on */
        w->now = next > w->now ? next : w->now;
        if (w->busy && w->now >= w->free_at) {
            end_frame(w);
        }
    }
}

static ct_ns wanted_seconds(void)
{
    const char *given = getenv("CANTWIN_SOAK_SECONDS");
    const char *whole = getenv("CANTWIN_LONG");
    if (given != NULL) {
        return strtol(given, NULL, 10);
    }
    return whole != NULL && whole[0] != '\0' ? LONG : SECONDS;
}

static void tell(const struct world *w, ct_ns seconds)
{
    static const char *const names[] = {"positive", "negative", "no response", "pending over", "transport", "aborted"};
    printf("%lld s: %lu frames (%lu lost, %lu twice, %lu damaged, %lu garbage), %lu requests:", (long long)seconds,
           w->frames, w->lost, w->doubled, w->damages, w->garbage, w->requests);
    for (size_t i = 0; i < 6; i++) {
        printf(" %lu %s%s", w->outcomes[i], names[i], i < 5 ? "," : "");
    }
    printf("; %lu values written, %lu read inside 84\n", w->written, w->secured);
}

static void test_uds_soak_on_a_bad_bus_every_request_ends_and_nothing_wrong_is_taken(void **state)
{
    (void)state;
    const ct_ns seconds = wanted_seconds();
    world.random = 20261130;
    for (unsigned i = 0; i < PAIRS; i++) {
        make_pair(&world, i);
    }
    run_until(&world, CT_NS_PER_S);
    const size_t before = mallinfo2().uordblks;
    run_until(&world, seconds * CT_NS_PER_S);
    const size_t after = mallinfo2().uordblks;
    tell(&world, seconds);
    assert_int_equal(world.wrong_writes, 0);
    assert_int_equal(after, before);
    assert_true(world.secured > world.requests / 50);
    unsigned long ended = 0;
    for (size_t i = 0; i < 6; i++) {
        ended += world.outcomes[i];
    }
    assert_true(world.requests - ended <= PAIRS); /* those under way */
    assert_true(world.outcomes[CT_UDS_POSITIVE] > world.requests / 2);
    assert_true(world.outcomes[CT_UDS_TRANSPORT] + world.outcomes[CT_UDS_NO_RESPONSE] > 10); /* the bus was bad */
    for (unsigned i = 0; i < PAIRS; i++) {
        ct_uds_client_free(world.nodes[2 * i].client);
        ct_uds_server_free(world.nodes[2 * i + 1].server);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uds_soak_on_a_bad_bus_every_request_ends_and_nothing_wrong_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
