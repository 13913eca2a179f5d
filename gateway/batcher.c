#include "batcher.h"

#include <stdlib.h>
#include <string.h>

struct ct_batcher {
    size_t count;
    size_t bytes_used;
    ct_ns oldest;
    ct_ns from, to;
    struct ct_sample samples[CT_BATCHER_SAMPLES];
    uint8_t bytes[CT_BATCHER_BYTES];
};

int ct_batcher_create(struct ct_batcher **out_batcher)
{
    struct ct_batcher *batcher = malloc(sizeof *batcher);
    if (batcher == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ct_batcher_clear(batcher);
    *out_batcher = batcher;
    return CT_OK;
}

void ct_batcher_free(struct ct_batcher *batcher)
{
    free(batcher);
}

void ct_batcher_clear(struct ct_batcher *batcher)
{
    batcher->count = 0;
    batcher->bytes_used = 0;
    batcher->oldest = CT_NS_NEVER;
    batcher->from = CT_NS_NEVER;
    batcher->to = INT64_MIN;
}

int ct_batcher_add(struct ct_batcher *batcher, const struct ct_sample *sample, ct_ns now)
{
    if (batcher->count == CT_BATCHER_SAMPLES || batcher->bytes_used + sample->len > CT_BATCHER_BYTES) {
        return CT_ERR_FULL;
    }
    struct ct_sample *copy = &batcher->samples[batcher->count];
    *copy = *sample;
    if (sample->len > 0) {
        uint8_t *to = batcher->bytes + batcher->bytes_used;
        memcpy(to, sample->bytes, sample->len);
        copy->bytes = to;
        batcher->bytes_used += sample->len;
    }
    batcher->oldest = batcher->count == 0 ? now : batcher->oldest;
    batcher->from = ct_ns_min(batcher->from, sample->t_ns);
    batcher->to = sample->t_ns > batcher->to ? sample->t_ns : batcher->to;
    batcher->count++;
    return CT_OK;
}

size_t ct_batcher_count(const struct ct_batcher *batcher)
{
    return batcher->count;
}

ct_ns ct_batcher_oldest(const struct ct_batcher *batcher)
{
    return batcher->oldest;
}

void ct_batcher_span(const struct ct_batcher *batcher, ct_ns *out_from, ct_ns *out_to)
{
    *out_from = batcher->from;
    *out_to = batcher->to;
}

int ct_batcher_encode(struct ct_batcher *batcher, const struct ct_record_head *head,
                      const struct ct_catalogue *catalogue, int64_t utc_offset_ns, uint64_t utc_uncertainty_ns,
                      struct ct_buf *out)
{
    const struct ct_batch_time time = {.base_ns = batcher->from,
                                       .base_utc_ns = ct_ns_add(batcher->from, utc_offset_ns),
                                       .utc_uncertainty_ns = utc_uncertainty_ns};
    return ct_record_encode_batch(head, catalogue, &time, batcher->samples, batcher->count, out);
}
