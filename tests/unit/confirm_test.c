/* Which frames the bus has carried; all times are the test's. */
#include "confirm.h"
#include "testing.h"

#include <stdlib.h>

#define MS CT_NS_PER_MS

static struct ct_confirm *new_confirm(void)
{
    struct ct_confirm *confirm = malloc(sizeof *confirm);
    assert_non_null(confirm);
    ct_confirm_init(confirm);
    return confirm;
}

static struct ct_frame frame_of(uint32_t id, uint8_t first)
{
    return (struct ct_frame){.id = id, .len = 8, .data = {first}};
}

static struct ct_frame echo_of(uint32_t id, uint8_t first)
{
    struct ct_frame frame = frame_of(id, first);
    frame.flags = CT_FRAME_SENT;
    frame.t_ns = 12345;
    frame.bus = 3;
    return frame;
}

static void sent(struct ct_confirm *confirm, uint32_t id, uint8_t first, ct_ns now)
{
    const struct ct_frame frame = frame_of(id, first);
    ct_confirm_sent(confirm, &frame, now);
}

static void echoed(struct ct_confirm *confirm, uint32_t id, uint8_t first)
{
    const struct ct_frame frame = echo_of(id, first);
    ct_confirm_echo(confirm, &frame);
}

static bool missing(const struct ct_confirm *confirm, uint32_t id, uint8_t first)
{
    const struct ct_frame frame = frame_of(id, first);
    return ct_confirm_missing(confirm, &frame);
}

static void test_confirm_frame_without_echo_counts_at_its_deadline(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    assert_true(ct_confirm_due(confirm) == CT_NS_NEVER);
    sent(confirm, 0x100, 1, 10 * MS);
    assert_true(missing(confirm, 0x100, 1));
    assert_true(ct_confirm_tick(confirm, 510 * MS - 1) == 510 * MS);
    assert_int_equal(confirm->unconfirmed, 0);
    assert_true(ct_confirm_tick(confirm, 510 * MS) == CT_NS_NEVER);
    assert_int_equal(confirm->unconfirmed, 1);
    assert_true(missing(confirm, 0x100, 1));
    (void)ct_confirm_tick(confirm, 5000 * MS); /* once */
    assert_int_equal(confirm->unconfirmed, 1);
    free(confirm);
}

static void test_confirm_echo_in_time_counts_nothing(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    sent(confirm, 0x100, 1, 0);
    sent(confirm, 0x101, 1, 100 * MS);
    sent(confirm, 0x102, 1, 200 * MS);
    echoed(confirm, 0x101, 1); /* out of turn */
    assert_false(missing(confirm, 0x101, 1));
    assert_true(missing(confirm, 0x100, 1) && missing(confirm, 0x102, 1));
    assert_true(ct_confirm_due(confirm) == 500 * MS);
    echoed(confirm, 0x100, 1);
    assert_true(ct_confirm_due(confirm) == 700 * MS);
    echoed(confirm, 0x102, 1);
    assert_true(ct_confirm_tick(confirm, 10000 * MS) == CT_NS_NEVER);
    assert_int_equal(confirm->unconfirmed, 0);
    free(confirm);
}

static void test_confirm_content_tells_frames_apart(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    struct ct_frame other = echo_of(0x100, 1);
    sent(confirm, 0x100, 1, 0);
    echoed(confirm, 0x100, 2);
    other.flags |= CT_FRAME_EXT;
    ct_confirm_echo(confirm, &other);
    other = echo_of(0x100, 1);
    other.len = 7;
    ct_confirm_echo(confirm, &other);
    assert_true(missing(confirm, 0x100, 1));
    (void)ct_confirm_tick(confirm, 500 * MS);
    assert_int_equal(confirm->unconfirmed, 1);
    free(confirm);
}

static void test_confirm_late_echo_takes_nothing_off(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    sent(confirm, 0x100, 1, 0);
    (void)ct_confirm_tick(confirm, 500 * MS);
    echoed(confirm, 0x100, 1);
    assert_false(missing(confirm, 0x100, 1));
    assert_int_equal(confirm->unconfirmed, 1);
    assert_int_equal(confirm->count, 0);
    free(confirm);
}

/* A cyclic frame of the same content, of which one was lost: the others' echoes are theirs. */
static void test_confirm_equal_frames_one_lost_is_one(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    sent(confirm, 0x100, 1, 0); /* lost */
    for (int i = 1; i <= 100; i++) {
        (void)ct_confirm_tick(confirm, i * 1000 * MS);
        sent(confirm, 0x100, 1, i * 1000 * MS);
        assert_true(missing(confirm, 0x100, 1));
        echoed(confirm, 0x100, 1);
        assert_false(missing(confirm, 0x100, 1));
    }
    (void)ct_confirm_tick(confirm, 1000000 * MS);
    assert_int_equal(confirm->unconfirmed, 1);
    free(confirm);
}

static void test_confirm_forgotten_is_not_judged(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    sent(confirm, 0x100, 1, 0);
    sent(confirm, 0x101, 1, 0);
    (void)ct_confirm_tick(confirm, 500 * MS);
    sent(confirm, 0x102, 1, 500 * MS);
    ct_confirm_forget(confirm);
    assert_false(missing(confirm, 0x100, 1) || missing(confirm, 0x102, 1));
    (void)ct_confirm_tick(confirm, 5000 * MS);
    assert_int_equal(confirm->unconfirmed, 2);
    free(confirm);
}

static void test_confirm_more_than_can_be_watched_are_counted_as_that(void **state)
{
    (void)state;
    struct ct_confirm *confirm = new_confirm();
    for (unsigned i = 0; i < CT_CONFIRM_MAX + 10; i++) {
        sent(confirm, 0x100 + i, 1, 0);
    }
    assert_int_equal(confirm->unwatched, 10);
    assert_false(missing(confirm, 0x109, 1));
    assert_true(missing(confirm, 0x10A, 1));
    (void)ct_confirm_tick(confirm, 500 * MS);
    assert_int_equal(confirm->unconfirmed, CT_CONFIRM_MAX);
    /* Those that are overdue make room: they have been counted. */
    for (unsigned i = 0; i < CT_CONFIRM_MAX; i++) {
        sent(confirm, 0x500, 1, 500 * MS);
    }
    assert_int_equal(confirm->unwatched, 10);
    for (unsigned i = 0; i < CT_CONFIRM_MAX; i++) {
        echoed(confirm, 0x500, 1);
    }
    assert_true(ct_confirm_tick(confirm, 100000 * MS) == CT_NS_NEVER);
    assert_int_equal(confirm->unconfirmed, CT_CONFIRM_MAX);
    free(confirm);
}

/* Against the same thing said simply: a list of all frames ever sent, searched whole. */
struct plain {
    ct_ns deadline;
    uint32_t id;
    bool open, counted;
};

static void test_confirm_random_order_agrees_with_a_plain_list(void **state)
{
    (void)state;
    enum { FRAMES = 4000 };
    struct ct_confirm *confirm = new_confirm();
    struct plain *list = calloc(FRAMES, sizeof *list);
    assert_non_null(list);
    uint64_t random = 4711, wanted = 0;
    size_t sent_count = 0;
    ct_ns now = 0;
    while (sent_count < FRAMES) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        const uint32_t id = 0x100 + (uint32_t)((random >> 33) % 20);
        now += (ct_ns)((random >> 40) % 40) * MS;
        for (size_t i = 0; i < sent_count; i++) {
            const bool late = list[i].open && !list[i].counted && list[i].deadline <= now;
            list[i].counted = list[i].counted || late;
            wanted += late ? 1 : 0;
        }
        (void)ct_confirm_tick(confirm, now);
        assert_int_equal(confirm->unconfirmed, wanted);
        if ((random >> 60) % 5 < 3) {
            list[sent_count++] = (struct plain){.deadline = now + CT_CONFIRM_WITHIN, .id = id, .open = true};
            sent(confirm, id, 1, now);
        } else {
            size_t found = FRAMES;
            for (size_t i = 0; i < sent_count; i++) { /* the oldest that is awaited, else the oldest of all */
                const bool fits = list[i].open && list[i].id == id;
                found = fits && (found == FRAMES || (list[found].counted && !list[i].counted)) ? i : found;
            }
            list[found == FRAMES ? 0 : found].open = found == FRAMES ? list[0].open : false;
            echoed(confirm, id, 1);
        }
    }
    assert_true(wanted > 100);
    assert_int_equal(confirm->unwatched, 0);
    free(list);
    free(confirm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confirm_frame_without_echo_counts_at_its_deadline),
        cmocka_unit_test(test_confirm_echo_in_time_counts_nothing),
        cmocka_unit_test(test_confirm_content_tells_frames_apart),
        cmocka_unit_test(test_confirm_late_echo_takes_nothing_off),
        cmocka_unit_test(test_confirm_equal_frames_one_lost_is_one),
        cmocka_unit_test(test_confirm_forgotten_is_not_judged),
        cmocka_unit_test(test_confirm_more_than_can_be_watched_are_counted_as_that),
        cmocka_unit_test(test_confirm_random_order_agrees_with_a_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
