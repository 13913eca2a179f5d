/* A batch whose samples are in order already, with the kind of each: what is written without its catalogue at hand.
 * Private to proto/. Thread-safe: no state. */
#ifndef CT_PROTO_BATCH_SAMPLES_H
#define CT_PROTO_BATCH_SAMPLES_H

#include "batch.h"

struct ct_batch_samples {
    struct ct_batch_time time;
    const struct ct_sample *samples; /* times rise, whole microseconds from time.base_ns; bytes <= CT_BYTES_MAX */
    const uint8_t *kinds;            /* enum ct_kind of each */
    size_t count;                    /* <= CT_BATCH_SAMPLES_MAX */
};

/* Serialised Record appended to out: the same bytes as ct_record_encode_batch for these samples. */
int ct_record_encode_samples(const struct ct_record_head *head, const uint8_t hash[CT_HASH_SIZE],
                             const struct ct_batch_samples *batch, struct ct_buf *out) CT_MUST_CHECK;

#endif
