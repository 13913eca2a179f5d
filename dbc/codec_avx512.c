/* AVX-512 with VBMI: eight lanes a step. One byte shuffle takes each lane's eight bytes from the frame in their order,
 * so that Motorola costs nothing; compiled with the instruction set's own flags, see CMakeLists.txt. */
#include "codec_plan.h"

#ifdef __AVX512VBMI__

#include "codec_walk.h"

#include <immintrin.h>

/* Lanes inside eight bytes find them in every eight of the register. */
CODEC_INLINE __m512i frame_of(const struct codec_plan *plan, const uint8_t *data)
{
    if (plan->need <= 8) {
        int64_t word;
        memcpy(&word, data, sizeof word);
        return _mm512_set1_epi64(word);
    }
    return _mm512_loadu_si512(data);
}

CODEC_INLINE __m512i counts(const uint8_t *of_lanes)
{
    return _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *)(const void *)of_lanes));
}

CODEC_INLINE __m512i bits(const struct codec_group *group, __m512i frame)
{
    const __m512i word = _mm512_permutexvar_epi8(_mm512_load_si512(group->index), frame);
    const __m512i top = _mm512_sllv_epi64(word, counts(group->left));
    const __m512i right = counts(group->right);
    return _mm512_mask_srav_epi64(_mm512_srlv_epi64(top, right), group->is_signed, top, right);
}

CODEC_INLINE void raw_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                               const uint8_t *data, const struct codec_out *out)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const __m512i frame = frame_of(plan, data);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        _mm512_store_si512(raw, bits(group, frame));
    }
}

CODEC_INLINE void physical_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                    const uint8_t *data, const struct codec_out *out)
{
    const struct codec_group *group = message->groups + first;
    double *values = out->values + first * CT_LANE_GROUP;
    const __m512i frame = frame_of(plan, data);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, values += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        const __m512d number = _mm512_cvtepi64_pd(bits(group, frame));
        const __m512d scaled = _mm512_mul_pd(number, _mm512_load_pd(group->factor));
        _mm512_store_pd(values, _mm512_add_pd(scaled, _mm512_load_pd(group->offset)));
    }
}

CODEC_INLINE void update_straight(const struct ct_codec_message *message, const struct codec_plan *plan, size_t first,
                                  const uint8_t *data, const struct codec_out *out)
{
    const struct codec_group *group = message->groups + first;
    int64_t *raw = out->raw + first * CT_LANE_GROUP;
    const __m512i frame = frame_of(plan, data);
    const size_t end = first + plan->straight_groups;
    for (size_t i = first; i < end; i++, group++, raw += CT_LANE_GROUP) {
        out->active[i] = group->lanes;
        const __m512i now = bits(group, frame);
        out->changed[i] = _mm512_mask_cmpneq_epi64_mask(group->lanes, now, _mm512_load_si512(raw));
        _mm512_store_si512(raw, now);
    }
}

CODEC_PATH(path)

const struct codec_path *ct_codec_avx512(void)
{
    const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512dq") != 0 &&
                     __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                     __builtin_cpu_supports("avx512vbmi") != 0;
    return has ? &path : NULL;
}

#else

const struct codec_path *ct_codec_avx512(void)
{
    return NULL;
}

#endif
