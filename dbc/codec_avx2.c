/* AVX2: four lanes a step. Frames whose lanes lie in 16 bytes are shuffled from one register; longer ones load each
 * lane by itself. Numbers become doubles by the exponent trick: u < 2^52 put into the fraction of 2^52 is 2^52 + u
 * exactly, and with its sign bit flipped and sign + 2^52 subtracted that is the sign-extended number; both constants
 * have the same bits. Compiled with the instruction set's own flags, see CMakeLists.txt. */
#include "codec_plan.h"

#ifdef __AVX2__

#include "codec_walk.h"

#include <immintrin.h>

#define STEP       4
#define NEAR_BYTES 16
#define TWO_52     INT64_C(0x4330000000000000) /* the bits of 2^52 as a double */

CODEC_INLINE __m256i load(const void *p)
{
    return _mm256_load_si256((const __m256i *)p);
}

CODEC_INLINE __m256i counts(const uint8_t *of_lanes)
{
    int32_t four;
    memcpy(&four, of_lanes, sizeof four);
    return _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(four));
}

CODEC_INLINE long long word(const uint8_t *p)
{
    long long value;
    memcpy(&value, p, sizeof value);
    return value;
}

/* All ones in the lanes of `bits`. */
CODEC_INLINE __m256i lanes_of(unsigned bits)
{
    const __m256i each = _mm256_setr_epi64x(1, 2, 4, 8);
    return _mm256_cmpeq_epi64(_mm256_and_si256(_mm256_set1_epi64x((long long)bits), each), each);
}

CODEC_INLINE __m256i swap_bytes(__m256i words)
{
    return _mm256_shuffle_epi8(words, _mm256_setr_epi8(7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
                                                       3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8));
}

CODEC_INLINE __m256i words_far(const struct codec_group *group, unsigned k, const uint8_t *data)
{
    const uint8_t *byte = group->byte + k;
    const __m256i words =
        _mm256_setr_epi64x(word(data + byte[0]), word(data + byte[1]), word(data + byte[2]), word(data + byte[3]));
    return _mm256_blendv_epi8(words, swap_bytes(words), lanes_of((unsigned)group->big_endian >> k));
}

/* Lanes k.. of a group as unsigned numbers. */
CODEC_INLINE __m256i bits(const struct codec_group *group, unsigned k, const uint8_t *data, bool near)
{
    __m256i words;
    if (near) {
        const __m256i frame = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)data));
        words = _mm256_shuffle_epi8(frame, load(group->index + 8 * (size_t)k));
    } else {
        words = words_far(group, k, data);
    }
    return _mm256_srlv_epi64(_mm256_sllv_epi64(words, counts(group->left + k)), counts(group->right + k));
}

CODEC_INLINE __m256i integers(const struct codec_group *group, unsigned k, const uint8_t *data, bool near)
{
    const __m256i sign = load(group->sign + k);
    return _mm256_sub_epi64(_mm256_xor_si256(bits(group, k, data, near), sign), sign);
}

CODEC_INLINE __m256d numbers(const struct codec_group *group, unsigned k, const uint8_t *data, bool near)
{
    const __m256i bias = _mm256_or_si256(load(group->sign + k), _mm256_set1_epi64x(TWO_52));
    const __m256i biased = _mm256_xor_si256(bits(group, k, data, near), bias);
    return _mm256_sub_pd(_mm256_castsi256_pd(biased), _mm256_castsi256_pd(bias));
}

CODEC_INLINE void raw_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                             const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        for (unsigned k = 0; k < CT_LANE_GROUP; k += STEP) {
            _mm256_store_si256((__m256i *)(void *)(raw + k), integers(group, k, data, near));
        }
    }
}

CODEC_INLINE void physical_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    double *values = out->values + first * CT_LANE_GROUP;
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, values += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        for (unsigned k = 0; k < CT_LANE_GROUP; k += STEP) {
            const __m256d scaled = _mm256_mul_pd(numbers(group, k, data, near), _mm256_load_pd(group->factor + k));
            _mm256_store_pd(values + k, _mm256_add_pd(scaled, _mm256_load_pd(group->offset + k)));
        }
    }
}

CODEC_INLINE void update_groups(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                const uint8_t *data, const struct codec_out *out, bool near)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        unsigned same = 0;
        for (unsigned k = 0; k < CT_LANE_GROUP; k += STEP) {
            const __m256i now = integers(group, k, data, near);
            const __m256i equal = _mm256_cmpeq_epi64(now, load(raw + k));
            same |= (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(equal)) << k;
            _mm256_store_si256((__m256i *)(void *)(raw + k), now);
        }
        out->changed[i] = (uint8_t)(group->lanes & ~same);
    }
}

/* Near or far once for all of a plan's groups. */
CODEC_INLINE void raw_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                               const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        raw_groups(message, plan, first, data, out, true);
    } else {
        raw_groups(message, plan, first, data, out, false);
    }
}

CODEC_INLINE void physical_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                    const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        physical_groups(message, plan, first, data, out, true);
    } else {
        physical_groups(message, plan, first, data, out, false);
    }
}

CODEC_INLINE void update_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out)
{
    if (plan->need <= NEAR_BYTES) {
        update_groups(message, plan, first, data, out, true);
    } else {
        update_groups(message, plan, first, data, out, false);
    }
}

CODEC_PATH(path)

const struct codec_path *ct_codec_avx2(void)
{
    return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("bmi2") != 0 ? &path : NULL;
}

#else

const struct codec_path *ct_codec_avx2(void)
{
    return NULL;
}

#endif
