/* Two ISO-TP machines against each other with injected time: every message that is delivered is the message that was
 * sent, whatever the bus loses, and both machines are idle in the end. */
#include "isotp_fixture.h"

#include <stdio.h>
#include <stdlib.h>

struct side {
    struct fixture f;
    size_t delivered_len;
    unsigned delivered, sent, failed;
};

struct bus {
    struct side a, b;
    uint64_t random;
    unsigned loss_per_1000;
    ct_ns now;
};

static struct bus bus;

static uint32_t next_random(struct bus *b)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(b->random >> 33);
}

static bool lost(struct bus *b)
{
    return next_random(b) % 1000 < b->loss_per_1000;
}

static void take_events(struct side *side, const uint8_t *expected)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&side->f.tp, &event) == CT_OK) {
        if (event.kind == CT_ISOTP_MESSAGE) {
            assert_memory_equal(event.data, expected, event.len);
            side->delivered_len = event.len;
            side->delivered++;
        } else if (event.kind == CT_ISOTP_SENT) {
            side->sent++;
        } else if (event.kind != CT_ISOTP_FIRST_FRAME) {
            side->failed++;
        }
    }
}

/* Moves every frame that is due from one side to the other; false when none was. */
static bool exchange(struct bus *b, struct side *from, struct side *to, const uint8_t *expected)
{
    struct ct_frame frame;
    bool any = false;
    while (ct_isotp_next_frame(&from->f.tp, &frame, b->now) == CT_OK) {
        any = true;
        take_events(from, expected);
        if (!lost(b)) {
            assert_true(ct_isotp_receive(&to->f.tp, &frame, b->now));
            take_events(to, expected);
        }
    }
    return any;
}

/* Runs until neither side has a deadline. */
static void run(struct bus *b, const uint8_t *expected)
{
    for (;;) {
        bool any = exchange(b, &b->a, &b->b, expected);
        any |= exchange(b, &b->b, &b->a, expected);
        const ct_ns next = ct_ns_min(ct_isotp_tick(&b->a.f.tp, b->now), ct_isotp_tick(&b->b.f.tp, b->now));
        take_events(&b->a, expected);
        take_events(&b->b, expected);
        if (!any) {
            if (next == CT_NS_NEVER) {
                return;
            }
            b->now = next > b->now ? next : b->now;
        }
    }
}

static void bus_init(struct bus *b, struct ct_isotp_config config, uint64_t seed, unsigned loss_per_1000)
{
    *b = (struct bus){.random = seed, .loss_per_1000 = loss_per_1000};
    (void)fixture_init(&b->a.f, config);
    const uint32_t id = config.tx_id;
    config.tx_id = config.rx_id;
    config.rx_id = id;
    (void)fixture_init(&b->b.f, config);
}

static struct ct_isotp_config random_config(struct bus *b)
{
    static const uint8_t lengths[] = {8, 8, 12, 16, 20, 24, 32, 48, 64};
    static const uint32_t gaps_us[] = {0, 0, 100, 1000, 127000};
    struct ct_isotp_config config = classic_config();
    config.tx_dl = lengths[next_random(b) % sizeof lengths];
    config.fd = config.tx_dl > 8 || next_random(b) % 2 == 0;
    config.padding = next_random(b) % 2 == 0;
    config.block_size = (uint8_t)(next_random(b) % 4 == 0 ? next_random(b) : next_random(b) % 3);
    config.st_min_us = gaps_us[next_random(b) % 5];
    return config;
}

static uint8_t payload[70000];

static void test_isotp_pair_delivers_every_length_without_loss(void **state)
{
    (void)state;
    bus.random = 1;
    for (size_t len = 1; len < 5000; len += len < 300 ? 1 : 311) {
        const struct ct_isotp_config config = random_config(&bus);
        bus_init(&bus, config, bus.random, 0);
        assert_int_equal(ct_isotp_send(&bus.a.f.tp, payload, len, 0), CT_OK);
        run(&bus, payload);
        assert_int_equal(bus.b.delivered, 1);
        assert_int_equal(bus.b.delivered_len, len);
        assert_int_equal(bus.a.sent, 1);
        assert_int_equal(bus.a.failed + bus.b.failed, 0);
    }
}

static void test_isotp_pair_delivers_66000_bytes(void **state)
{
    (void)state;
    bus_init(&bus, fd_config(64), 1, 0);
    assert_int_equal(ct_isotp_send(&bus.a.f.tp, payload, 66000, 0), CT_OK);
    run(&bus, payload);
    assert_int_equal(bus.b.delivered_len, 66000);
}

static void test_isotp_pair_on_a_lossy_bus_delivers_whole_messages_or_reports(void **state)
{
    (void)state;
    const char *given = getenv("CANTWIN_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20260101;
    printf("seed %llu (CANTWIN_SEED)\n", (unsigned long long)seed);
    unsigned delivered = 0;
    unsigned failed = 0;
    for (int round = 0; round < 2000; round++) {
        bus.random = seed++;
        const struct ct_isotp_config config = random_config(&bus);
        const size_t len = 1 + next_random(&bus) % 600;
        bus_init(&bus, config, bus.random, 30);
        assert_int_equal(ct_isotp_send(&bus.a.f.tp, payload, len, 0), CT_OK);
        run(&bus, payload);
        assert_true(bus.b.delivered <= 1);
        assert_int_equal(bus.a.sent + (bus.a.failed > 0), 1); /* the sender hears one verdict */
        if (bus.b.delivered == 1) {
            assert_int_equal(bus.b.delivered_len, len);
        }
        delivered += bus.b.delivered;
        failed += bus.a.failed + bus.b.failed > 0;
    }
    assert_true(delivered > 200); /* the bus was neither perfect nor dead */
    assert_true(failed > 200);
}

static void test_isotp_pair_two_first_frames_at_once_end_in_timeouts_on_both_sides(void **state)
{
    (void)state;
    bus_init(&bus, classic_config(), 1, 0);
    assert_int_equal(ct_isotp_send(&bus.a.f.tp, payload, 20, 0), CT_OK);
    assert_int_equal(ct_isotp_send(&bus.b.f.tp, payload, 20, 0), CT_OK);
    run(&bus, payload);
    assert_int_equal(bus.a.failed, 1);
    assert_int_equal(bus.b.failed, 1);
    assert_int_equal(bus.a.delivered + bus.b.delivered, 0);
    assert_true(bus.now == 1000 * MS);
}

static int fill_payload(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payload; i++) {
        payload[i] = (uint8_t)(i * 31 + (i >> 8));
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_pair_delivers_every_length_without_loss),
        cmocka_unit_test(test_isotp_pair_delivers_66000_bytes),
        cmocka_unit_test(test_isotp_pair_on_a_lossy_bus_delivers_whole_messages_or_reports),
        cmocka_unit_test(test_isotp_pair_two_first_frames_at_once_end_in_timeouts_on_both_sides),
    };
    return cmocka_run_group_tests(tests, fill_payload, NULL);
}
