/* Which raw values are plain: every way this CPU has against the definition, at the edges of 64 bits. */
#include "plain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t edges[] = {0,         1,          2,          0x7F,           0x80,       0xFF,
                                 INT64_MAX, 1ULL << 63, UINT64_MAX, UINT64_MAX - 1, 1ULL << 32, 0xFFFFFFFF};
#define EDGES (sizeof edges / sizeof edges[0])

static void check(const struct ct_plain_block *plain, const int64_t *raw)
{
    unsigned want = 0;
    for (unsigned i = 0; i < 8; i++) {
        /* in 128 bits: low <= value < low + count, or its continuation behind the wrap at 2^64 */
        const __uint128_t value = (uint64_t)raw[i];
        const __uint128_t low = plain->low[i];
        const __uint128_t end = low + plain->count[i];
        const __uint128_t wrap = (__uint128_t)1 << 64;
        want |= (value >= low && value < end) || value + wrap < end ? 0U : 1U << i;
    }
    for (unsigned way = 0; way < CT_PLAIN_WAYS; way++) {
        ct_plain_fn *odd = ct_plain_way(way);
        if (odd != NULL) {
            assert_int_equal(odd(plain, raw), want);
        }
    }
    assert_int_equal(ct_plain_best()(plain, raw), want);
}

static void test_plain_every_way_agrees_with_definition(void **state)
{
    (void)state;
    struct ct_plain_block plain;
    _Alignas(64) int64_t raw[8];
    for (size_t low = 0; low < EDGES; low++) {
        for (size_t count = 0; count < EDGES; count++) {
            for (size_t value = 0; value < EDGES; value++) {
                for (size_t i = 0; i < 8; i++) { /* every lane another combination */
                    plain.low[i] = edges[(low + i) % EDGES];
                    plain.count[i] = edges[(count + 3 * i) % EDGES];
                    raw[i] = (int64_t)(edges[(value + 5 * i) % EDGES] + i % 3);
                }
                check(&plain, raw);
            }
        }
    }
}

static void test_plain_without_vectors_is_always_there(void **state)
{
    (void)state;
    assert_non_null(ct_plain_way(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_every_way_agrees_with_definition),
        cmocka_unit_test(test_plain_without_vectors_is_always_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
