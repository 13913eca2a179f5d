/* Two ISO-TP machines on a bus worse than CAN: frames are lost, come twice, late and out of order, and with bits turned
 * over that no checksum caught. Time is injected, every round has its seed. Whatever happens: every message sent ends
 * in one verdict, both machines come to rest and the next message on a good bus arrives; and what is delivered is what
 * a plain reading of the received frames (ISO 15765-2 9.6, without timers) makes of them, nothing else. What the
 * protocol cannot know stands in the last tests. */
#include "isotp_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define FLIGHT_MAX  4096
#define OVERTAKEN   14 /* a frame may be overtaken by so many: the sequence number tells 16 apart */
#define MESSAGE_MAX 1200

struct faults { /* each in 1000 frames */
    unsigned loss, twice, late, flipped;
    unsigned overtaken; /* by so many frames of its direction at most */
};

/* The plain reading: one message as its frames say. */
struct reading {
    uint8_t data[70000];
    size_t len, done;
    size_t dl; /* of the first frame */
    uint8_t sn;
    bool active, whole;
    bool open;           /* consecutive frames may come: a flow control has gone out */
    unsigned block_left; /* until the next flow control; 0: no block */
};

struct side {
    struct fixture f;
    struct reading reading;
    unsigned delivered, sent, failed;
    size_t last_len;
    uint8_t last[MESSAGE_MAX];
};

struct flight {
    struct ct_frame frame;
    unsigned to;
    ct_ns at;
    unsigned overtaken;
};

struct bus {
    struct side sides[2];
    struct flight flights[FLIGHT_MAX];
    size_t flight_count;
    struct faults faults;
    uint64_t random;
    ct_ns now;
    unsigned long frames, faulty;
};

static struct bus bus;

static uint32_t roll(struct bus *b, uint32_t below)
{
    b->random = b->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(b->random >> 33) % below;
}

static bool happens(struct bus *b, unsigned per_1000)
{
    const bool yes = roll(b, 1000) < per_1000;
    b->faulty += yes;
    return yes;
}

/* --- the plain reading --- */

static void append(struct reading *r, const uint8_t *data, size_t len)
{
    const size_t take = len < r->len - r->done ? len : r->len - r->done;
    memcpy(r->data + r->done, data, take);
    r->done += take;
    r->whole = r->done == r->len;
    r->active = !r->whole;
}

static void read_single(struct reading *r, const uint8_t *data, size_t dl)
{
    const bool escape = dl > 8;
    const size_t len = escape ? data[1] : data[0];
    if ((escape && (data[0] != 0 || len < 8)) || len == 0 || len + (escape ? 2U : 1U) > dl) {
        return;
    }
    r->len = len;
    r->done = 0;
    append(r, data + (escape ? 2 : 1), len);
}

static void read_first(struct reading *r, const uint8_t *data, size_t dl)
{
    const size_t low = (size_t)(data[0] & 0xFU) << 8 | data[1];
    const size_t len = low != 0 || dl < 8 ? low : ct_be32(data + 2);
    if (dl < 8 || len <= (dl == 8 ? 7 : dl - 2)) { /* would fit a single frame: ignored */
        return;
    }
    r->active = len <= sizeof r->data;
    r->open = false;
    r->sn = 0;
    r->dl = dl;
    r->len = len;
    r->done = 0;
    if (r->active) {
        append(r, data + (low != 0 ? 2 : 6), dl - (low != 0 ? 2U : 6U));
    }
}

static void read_consecutive(struct reading *r, const uint8_t *data, size_t dl)
{
    const size_t left = r->len - r->done;
    const bool last = left <= r->dl - 1;
    if (!r->active || !r->open || dl > r->dl || (last ? dl < left + 1 : dl != r->dl)) {
        return; /* none is due, or none of this message */
    }
    r->sn = (r->sn + 1) & 0xF;
    if ((data[0] & 0xFU) != r->sn) {
        r->active = false;
        return;
    }
    append(r, data + 1, dl - 1);
    r->open = r->block_left != 1;
    r->block_left -= r->block_left > 0;
}

static void read_plainly(struct reading *r, const struct ct_frame *frame)
{
    static void (*const kinds[])(struct reading * r, const uint8_t *data, size_t dl) = {read_single, read_first,
                                                                                        read_consecutive};
    r->whole = false;
    if (frame->len > 0 && frame->data[0] >> 4 < 3) {
        kinds[frame->data[0] >> 4](r, frame->data, frame->len);
    }
}

/* The reader's own flow control. */
static void read_answer(struct reading *r, const struct ct_frame *frame)
{
    if (frame->data[0] == 0x30) {
        r->open = true;
        r->block_left = frame->data[1];
    }
}

/* --- the bus --- */

static void take_events(struct side *side)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&side->f.tp, &event) == CT_OK) {
        if (event.kind == CT_ISOTP_MESSAGE) {
            assert_true(side->reading.whole);
            assert_int_equal(event.len, side->reading.len);
            assert_memory_equal(event.data, side->reading.data, event.len);
            side->delivered++;
            side->last_len = event.len;
            memcpy(side->last, event.data, event.len < MESSAGE_MAX ? event.len : MESSAGE_MAX);
        }
        side->sent += event.kind == CT_ISOTP_SENT;
        side->failed += event.kind == CT_ISOTP_TX_FAILED;
    }
}

static void fly(struct bus *b, const struct ct_frame *frame, unsigned to)
{
    const bool late = b->flight_count < FLIGHT_MAX / 2 && happens(b, b->faults.late);
    assert_true(b->flight_count < FLIGHT_MAX);
    b->flights[b->flight_count++] =
        (struct flight){.frame = *frame, .to = to, .at = b->now + (late ? (ct_ns)roll(b, 1500) * MS : 0)};
}

static void emit(struct bus *b, struct ct_frame frame, unsigned to)
{
    b->frames++;
    if (happens(b, b->faults.loss)) {
        return;
    }
    if (frame.len > 0 && happens(b, b->faults.flipped)) {
        /* half of them in the first byte, where the kind of frame and the number stand */
        const uint32_t bit = roll(b, 2) == 0 ? roll(b, 8) : roll(b, frame.len * 8U);
        frame.data[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
    fly(b, &frame, to);
    if (happens(b, b->faults.twice)) {
        fly(b, &frame, to);
    }
}

static void deliver(struct bus *b, size_t i)
{
    const struct flight flight = b->flights[i];
    struct side *side = &b->sides[flight.to];
    b->flight_count--;
    memmove(&b->flights[i], &b->flights[i + 1], (b->flight_count - i) * sizeof b->flights[0]);
    for (size_t k = 0; k < i; k++) { /* those before it were sent before it */
        b->flights[k].overtaken += b->flights[k].to == flight.to;
    }
    read_plainly(&side->reading, &flight.frame);
    (void)ct_isotp_receive(&side->f.tp, &flight.frame, b->now);
    take_events(side);
}

/* The oldest frame that is due or has been overtaken often enough. */
static bool deliver_one(struct bus *b)
{
    for (size_t i = 0; i < b->flight_count; i++) {
        if (b->flights[i].at <= b->now || b->flights[i].overtaken >= b->faults.overtaken) {
            deliver(b, i);
            return true;
        }
    }
    return false;
}

static bool send_one(struct bus *b)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ct_frame frame;
        if (ct_isotp_next_frame(&b->sides[i].f.tp, &frame, b->now) == CT_OK) {
            read_answer(&b->sides[i].reading, &frame);
            take_events(&b->sides[i]);
            emit(b, frame, 1 - i);
            return true;
        }
    }
    return false;
}

static ct_ns next_deadline(struct bus *b)
{
    ct_ns next = CT_NS_NEVER;
    for (unsigned i = 0; i < 2; i++) {
        next = ct_ns_min(next, ct_isotp_tick(&b->sides[i].f.tp, b->now));
        take_events(&b->sides[i]);
    }
    for (size_t i = 0; i < b->flight_count; i++) {
        next = ct_ns_min(next, b->flights[i].at);
    }
    return next;
}

/* Until nothing is due any more. */
static void run(struct bus *b)
{
    for (unsigned long steps = 0;; steps++) {
        assert_true(steps < 1000000); /* nobody talks for ever */
        const bool sent = send_one(b);
        const bool delivered = deliver_one(b); /* always both: frames overtake only what is in flight */
        const bool any = sent || delivered;
        const ct_ns next = next_deadline(b);
        if (!any && next == CT_NS_NEVER) {
            return;
        }
        if (!any && next > b->now) {
            b->now = next;
        }
    }
}

static void expect_rest(struct bus *b)
{
    for (unsigned i = 0; i < 2; i++) {
        assert_true(ct_isotp_tick(&b->sides[i].f.tp, b->now) == CT_NS_NEVER);
        expect_no_event(&b->sides[i].f.tp);
    }
}

/* --- rounds --- */

static struct ct_isotp_config random_config(struct bus *b)
{
    static const uint8_t lengths[] = {8, 8, 8, 12, 16, 32, 64};
    static const uint32_t gaps_us[] = {0, 0, 100, 1000, 20000};
    struct ct_isotp_config config = classic_config();
    config.tx_dl = lengths[roll(b, sizeof lengths)];
    config.fd = config.tx_dl > 8;
    config.padding = roll(b, 2) == 0;
    config.block_size = (uint8_t)(roll(b, 4) == 0 ? roll(b, 256) : roll(b, 3));
    config.st_min_us = gaps_us[roll(b, 5)];
    config.full_duplex = roll(b, 2) == 0;
    return config;
}

static void bus_init(struct bus *b, uint64_t seed, struct faults faults)
{
    b->flight_count = 0;
    b->now = 0;
    b->random = seed;
    b->faults = faults;
    struct ct_isotp_config config = random_config(b);
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &b->sides[i];
        side->reading.active = side->reading.whole = false;
        side->delivered = side->sent = side->failed = 0;
        (void)fixture_init(&side->f, config);
        config.tx_id ^= 8U;
        config.rx_id ^= 8U;
    }
}

static void fill(uint8_t *data, size_t len, unsigned mark)
{
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)(i * 31 + (i >> 8) * 7 + mark * 101);
    }
}

static bool arrived(const struct side *side, const uint8_t *data, size_t len)
{
    return side->last_len == len && memcmp(side->last, data, len) == 0;
}

/* One message there, perhaps one back at the same time; then one more on a good bus. */
struct outcome {
    unsigned delivered, wrong, failed; /* wrong: not what was sent */
};

static struct outcome round_of(uint64_t seed, struct faults faults)
{
    static uint8_t data[2][MESSAGE_MAX];
    struct outcome outcome = {0};
    bus_init(&bus, seed, faults);
    const bool both = roll(&bus, 4) == 0;
    size_t len[2];
    for (unsigned i = 0; i < 2; i++) {
        len[i] = 1 + roll(&bus, MESSAGE_MAX);
        fill(data[i], len[i], i + 1);
    }
    for (unsigned i = 0; i < 1U + both; i++) {
        assert_int_equal(ct_isotp_send(&bus.sides[i].f.tp, data[i], len[i], bus.now), CT_OK);
    }
    run(&bus);
    expect_rest(&bus);
    for (unsigned i = 0; i < 1U + both; i++) {
        const struct side *to = &bus.sides[1 - i];
        assert_int_equal(bus.sides[i].sent + bus.sides[i].failed, 1); /* one verdict */
        outcome.delivered += to->delivered;
        outcome.wrong += to->delivered > 0 && !arrived(to, data[i], len[i]);
        outcome.failed += bus.sides[i].failed;
    }
    bus.faults = (struct faults){.overtaken = OVERTAKEN}; /* and then all is well again */
    bus.now += 2000 * MS;
    fill(data[0], 500, 9);
    assert_int_equal(ct_isotp_send(&bus.sides[0].f.tp, data[0], 500, bus.now), CT_OK);
    const unsigned before = bus.sides[1].delivered;
    run(&bus);
    assert_int_equal(bus.sides[1].delivered, before + 1);
    assert_true(arrived(&bus.sides[1], data[0], 500));
    return outcome;
}

static struct outcome rounds(struct faults faults, unsigned count)
{
    const char *given = getenv("CANTWIN_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 0) : 20260101;
    printf("seed %llu (CANTWIN_SEED)\n", (unsigned long long)seed);
    struct outcome all = {0};
    bus.frames = bus.faulty = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct outcome one = round_of(seed + i, faults);
        all.delivered += one.delivered;
        all.wrong += one.wrong;
        all.failed += one.failed;
    }
    printf("%lu frames, %lu faults: %u delivered, %u of them not as sent, %u sends failed\n", bus.frames, bus.faulty,
           all.delivered, all.wrong, all.failed);
    assert_true(all.delivered > count / 10 && all.delivered < 2 * count); /* neither a good bus nor a dead one */
    assert_true(bus.faulty > count / 2);
    return all;
}

static void test_isotp_frames_that_come_twice_put_nothing_wrong_in(void **state)
{
    (void)state;
    const struct outcome all = rounds((struct faults){.twice = 10, .overtaken = OVERTAKEN}, 1500);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.failed > 0, 1);
}

static void test_isotp_late_frames_put_nothing_wrong_in(void **state)
{
    (void)state;
    const struct outcome all = rounds((struct faults){.late = 10, .overtaken = OVERTAKEN}, 1500);
    assert_int_equal(all.wrong, 0);
    assert_int_equal(all.failed > 0, 1);
}

static void test_isotp_lost_late_and_doubled_frames_put_nothing_wrong_in(void **state)
{
    (void)state;
    const struct outcome all = rounds((struct faults){.loss = 5, .twice = 5, .late = 5, .overtaken = OVERTAKEN}, 1500);
    assert_int_equal(all.wrong, 0);
}

/* Turned bits of the content are taken as they are: there is no checksum over a message. */
static void test_isotp_damaged_frames_are_read_as_they_came(void **state)
{
    (void)state;
    const struct outcome all = rounds((struct faults){.flipped = 10, .overtaken = OVERTAKEN}, 1500);
    assert_true(all.wrong > 0);
}

static void test_isotp_every_fault_at_once_without_bounds_ends(void **state)
{
    (void)state;
    (void)rounds((struct faults){.loss = 10, .twice = 10, .late = 20, .flipped = 10, .overtaken = UINT32_MAX}, 1500);
}

/* --- what the protocol cannot know --- */

static void test_isotp_cannot_tell_a_frame_from_one_sixteen_later(void **state)
{
    static struct fixture f;
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    char hex[17];
    struct ct_frame frame;
    feed(tp, "1098000000000000", 0); /* 152 bytes: 6 and 21 consecutive frames */
    assert_int_equal(ct_isotp_next_frame(tp, &frame, 0), CT_OK);
    for (unsigned i = 1; i <= 21; i++) {
        const unsigned number = i == 4 ? 20 : i == 20 ? 4 : i; /* 4 and 20 have changed places */
        (void)snprintf(hex, sizeof hex, "2%x%02x%02x%02x%02x%02x%02x%02x", number & 0xFU, number, number, number,
                       number, number, number, number);
        feed(tp, hex, 0);
    }
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    const struct ct_isotp_event event = expect_event(tp, CT_ISOTP_MESSAGE);
    assert_int_equal(event.len, 152);
    assert_int_equal(event.data[6 + 3 * 7], 20);
    assert_int_equal(event.data[6 + 19 * 7], 4);
}

static void test_isotp_cannot_tell_a_late_frame_of_the_message_before(void **state)
{
    static struct fixture f;
    (void)state;
    struct ct_isotp *tp = fixture_init(&f, classic_config());
    struct ct_frame frame;
    feed(tp, "100d111111111111", 0); /* its frame 1 is late, the sender begins anew */
    assert_int_equal(ct_isotp_next_frame(tp, &frame, 0), CT_OK);
    feed(tp, "100d222222222222", MS);
    assert_int_equal(ct_isotp_next_frame(tp, &frame, MS), CT_OK);
    feed(tp, "2111111111111111", MS);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_failure(tp, CT_ISOTP_RX_FAILED, CT_ISOTP_UNEXP_PDU);
    (void)expect_event(tp, CT_ISOTP_FIRST_FRAME);
    expect_message(tp, "22222222222211111111111111");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_isotp_frames_that_come_twice_put_nothing_wrong_in),
        cmocka_unit_test(test_isotp_late_frames_put_nothing_wrong_in),
        cmocka_unit_test(test_isotp_lost_late_and_doubled_frames_put_nothing_wrong_in),
        cmocka_unit_test(test_isotp_damaged_frames_are_read_as_they_came),
        cmocka_unit_test(test_isotp_every_fault_at_once_without_bounds_ends),
        cmocka_unit_test(test_isotp_cannot_tell_a_frame_from_one_sixteen_later),
        cmocka_unit_test(test_isotp_cannot_tell_a_late_frame_of_the_message_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
