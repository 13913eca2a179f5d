#include "plain.h"

#include <stddef.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

static unsigned odd_scalar(const struct ct_plain_block *plain, const int64_t *raw)
{
    unsigned odd = 0;
    for (unsigned i = 0; i < 8; i++) {
        odd |= (unsigned)((uint64_t)raw[i] - plain->low[i] >= plain->count[i]) << i;
    }
    return odd;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static unsigned odd_avx512(const struct ct_plain_block *plain, const int64_t *raw)
{
    const __m512i above = _mm512_sub_epi64(_mm512_load_si512(raw), _mm512_load_si512(plain->low));
    return _mm512_cmpge_epu64_mask(above, _mm512_load_si512(plain->count));
}

/* AVX2 compares as signed: both sides are moved by 2^63. */
__attribute__((target("avx2"))) static unsigned odd_avx2(const struct ct_plain_block *plain, const int64_t *raw)
{
    const __m256i sign = _mm256_set1_epi64x(INT64_MIN);
    unsigned inside = 0;
    for (unsigned i = 0; i < 8; i += 4) {
        const __m256i value = _mm256_load_si256((const __m256i *)(const void *)(raw + i));
        const __m256i low = _mm256_load_si256((const __m256i *)(const void *)(plain->low + i));
        const __m256i count = _mm256_load_si256((const __m256i *)(const void *)(plain->count + i));
        const __m256i above = _mm256_xor_si256(_mm256_sub_epi64(value, low), sign);
        const __m256i in = _mm256_cmpgt_epi64(_mm256_xor_si256(count, sign), above);
        inside |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(in)) << i;
    }
    return ~inside & 0xFFU;
}

ct_plain_fn *ct_plain_way(unsigned index)
{
    switch (index) {
    case 0:
        return odd_scalar;
    case 1:
        return __builtin_cpu_supports("avx2") != 0 ? odd_avx2 : NULL;
    default:
        return __builtin_cpu_supports("avx512f") != 0 ? odd_avx512 : NULL;
    }
}
#elif defined(__aarch64__)
static unsigned odd_neon(const struct ct_plain_block *plain, const int64_t *raw)
{
    unsigned odd = 0;
    for (unsigned i = 0; i < 8; i += 2) {
        const uint64x2_t weights = {UINT64_C(1) << i, UINT64_C(2) << i};
        const uint64x2_t above = vsubq_u64(vreinterpretq_u64_s64(vld1q_s64(raw + i)), vld1q_u64(plain->low + i));
        odd |= (unsigned)vaddvq_u64(vandq_u64(vcgeq_u64(above, vld1q_u64(plain->count + i)), weights));
    }
    return odd;
}

ct_plain_fn *ct_plain_way(unsigned index)
{
    return index == 0 ? odd_scalar : index == 1 ? odd_neon : NULL;
}
#else
ct_plain_fn *ct_plain_way(unsigned index)
{
    return index == 0 ? odd_scalar : NULL;
}
#endif

ct_plain_fn *ct_plain_best(void)
{
    ct_plain_fn *best = odd_scalar;
    for (unsigned i = 1; i < CT_PLAIN_WAYS; i++) {
        best = ct_plain_way(i) != NULL ? ct_plain_way(i) : best;
    }
    return best;
}
