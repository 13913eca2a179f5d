/* base/ring.h */
#include "ring.h"
#include "testing.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

static struct ct_ring *make_ring(size_t capacity)
{
    struct ct_ring *ring = NULL;
    assert_int_equal(ct_ring_create(capacity, &ring), CT_OK);
    return ring;
}

static void test_ring_empty_has_nothing(void **state)
{
    (void)state;
    struct ct_ring *ring = make_ring(256);
    uint32_t type;
    const void *data;
    size_t len;
    assert_int_equal(ct_ring_peek(ring, &type, &data, &len), CT_ERR_AGAIN);
    ct_ring_destroy(ring);
    ct_ring_destroy(NULL);
}

static void test_ring_two_parts_become_one_record(void **state)
{
    (void)state;
    struct ct_ring *ring = make_ring(256);
    assert_int_equal(ct_ring_push2(ring, 7, "abc", 3, "defg", 4), CT_OK);
    uint32_t type;
    const void *data;
    size_t len;
    assert_int_equal(ct_ring_peek(ring, &type, &data, &len), CT_OK);
    assert_int_equal(type, 7);
    assert_int_equal(len, 7);
    assert_memory_equal(data, "abcdefg", 7);
    assert_int_equal((uintptr_t)data % 8, 0);
    ct_ring_pop(ring);
    assert_int_equal(ct_ring_used(ring), 0);
    ct_ring_destroy(ring);
}

static void test_ring_full_refuses_and_counts(void **state)
{
    (void)state;
    struct ct_ring *ring = make_ring(256);
    const char block[56] = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(ct_ring_push(ring, 1, block, sizeof block), CT_OK);
    }
    assert_int_equal(ct_ring_push(ring, 1, NULL, 0), CT_ERR_FULL);
    assert_int_equal(ct_ring_push(ring, 1, block, 1000), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_ring_refused(ring), 2);
    ct_ring_destroy(ring);
}

/* The n-th record of a fixed pseudo-random series: both threads know it. */
static size_t expected_length(uint32_t n)
{
    return (n * 2654435761U >> 20) % 120;
}

struct producer {
    struct ct_ring *ring;
    uint32_t count;
};

static void *produce(void *user)
{
    const struct producer *producer = user;
    for (uint32_t n = 0; n < producer->count; n++) {
        uint8_t data[120];
        memset(data, (int)(n & 0xff), sizeof data);
        while (ct_ring_push(producer->ring, n, data, expected_length(n)) != CT_OK) {
            sched_yield();
        }
    }
    return NULL;
}

static void test_ring_two_threads_keep_order_and_content(void **state)
{
    (void)state;
    struct producer producer = {make_ring(1024), 200000};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, produce, &producer), 0);
    for (uint32_t n = 0; n < producer.count; n++) {
        uint32_t type;
        const void *data;
        size_t len;
        while (ct_ring_peek(producer.ring, &type, &data, &len) != CT_OK) {
            sched_yield();
        }
        assert_int_equal(type, n);
        assert_int_equal(len, expected_length(n));
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(((const uint8_t *)data)[i], n & 0xff);
        }
        ct_ring_pop(producer.ring);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(ct_ring_used(producer.ring), 0);
    ct_ring_destroy(producer.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_empty_has_nothing),
        cmocka_unit_test(test_ring_two_parts_become_one_record),
        cmocka_unit_test(test_ring_full_refuses_and_counts),
        cmocka_unit_test(test_ring_two_threads_keep_order_and_content),
    };
    return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
