#include "send_queue.h"
#include "testing.h"

#define MS CT_NS_PER_MS

static void push(struct ct_send_queue *queue, uint32_t id, ct_ns deadline)
{
    const struct ct_frame frame = {.id = id};
    assert_int_equal(ct_send_queue_push(queue, &frame, deadline), CT_OK);
}

static void test_send_queue_keeps_the_order_and_its_bound(void **state)
{
    (void)state;
    struct ct_send_queue queue;
    ct_send_queue_init(&queue);
    for (int round = 0; round < 3; round++) { /* so that it wraps around */
        for (uint32_t i = 0; i < CT_SEND_QUEUE_MAX; i++) {
            push(&queue, i, 100 * MS);
        }
        const struct ct_frame more = {.id = 0x7FF};
        assert_int_equal(ct_send_queue_push(&queue, &more, 100 * MS), CT_ERR_FULL);
        for (uint32_t i = 0; i < CT_SEND_QUEUE_MAX; i++) {
            assert_int_equal(ct_send_queue_next(&queue, 0)->id, i);
            ct_send_queue_taken(&queue);
        }
        assert_null(ct_send_queue_next(&queue, 0));
        push(&queue, 1, 100 * MS);
        ct_send_queue_taken(&queue);
    }
    assert_int_equal(queue.expired, 0);
}

static void test_send_queue_backs_off_to_ten_milliseconds_without_spinning(void **state)
{
    (void)state;
    struct ct_send_queue queue;
    ct_send_queue_init(&queue);
    push(&queue, 1, CT_NS_NEVER);
    assert_int_equal(ct_send_queue_due(&queue), 0);
    const ct_ns steps[] = {1 * MS, 2 * MS, 4 * MS, 8 * MS, 10 * MS, 10 * MS};
    ct_ns now = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        assert_non_null(ct_send_queue_next(&queue, now));
        ct_send_queue_refused(&queue, now);
        assert_null(ct_send_queue_next(&queue, now + steps[i] - 1));
        assert_int_equal(ct_send_queue_due(&queue), now + steps[i]);
        now += steps[i];
    }
    /* One that goes out ends it. */
    ct_send_queue_taken(&queue);
    push(&queue, 2, CT_NS_NEVER);
    assert_non_null(ct_send_queue_next(&queue, now));
    ct_send_queue_refused(&queue, now);
    assert_int_equal(ct_send_queue_due(&queue), now + 1 * MS);
}

static void test_send_queue_deadline_drops_and_counts(void **state)
{
    (void)state;
    struct ct_send_queue queue;
    ct_send_queue_init(&queue);
    push(&queue, 1, 10 * MS);
    push(&queue, 2, 10 * MS);
    push(&queue, 3, 50 * MS);
    assert_int_equal(ct_send_queue_next(&queue, 10 * MS - 1)->id, 1);
    assert_int_equal(ct_send_queue_next(&queue, 10 * MS)->id, 3);
    assert_int_equal(queue.expired, 2);
    assert_null(ct_send_queue_next(&queue, 50 * MS));
    assert_int_equal(queue.expired, 3);
    assert_int_equal(queue.count, 0);
    assert_true(ct_send_queue_due(&queue) == CT_NS_NEVER);
}

static void test_send_queue_blocked_after_a_second_of_refusals(void **state)
{
    (void)state;
    struct ct_send_queue queue;
    ct_send_queue_init(&queue);
    assert_false(ct_send_queue_blocked(&queue, 100 * CT_NS_PER_S));
    push(&queue, 1, CT_NS_NEVER);
    for (ct_ns now = 5 * MS; now < CT_NS_PER_S; now += 10 * MS) {
        ct_send_queue_refused(&queue, now);
        assert_false(ct_send_queue_blocked(&queue, now));
    }
    assert_false(ct_send_queue_blocked(&queue, CT_NS_PER_S + 5 * MS - 1));
    assert_true(ct_send_queue_blocked(&queue, CT_NS_PER_S + 5 * MS));
    /* The frame that was refused is over; the bus is no better for it. */
    assert_true(ct_send_queue_blocked(&queue, 2 * CT_NS_PER_S));
    ct_send_queue_taken(&queue);
    assert_false(ct_send_queue_blocked(&queue, 2 * CT_NS_PER_S));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_queue_keeps_the_order_and_its_bound),
        cmocka_unit_test(test_send_queue_backs_off_to_ten_milliseconds_without_spinning),
        cmocka_unit_test(test_send_queue_deadline_drops_and_counts),
        cmocka_unit_test(test_send_queue_blocked_after_a_second_of_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
