/* Gathers samples of one catalogue into batches of bounded size and age. Full: the caller flushes first.
 * All memory is allocated at create. Belongs to one thread; no clock, no I/O. */
#ifndef CT_GATEWAY_BATCHER_H
#define CT_GATEWAY_BATCHER_H

#include "batch.h"

#define CT_BATCHER_SAMPLES 1000
#define CT_BATCHER_BYTES   (64U * 1024U) /* of bytes and string values in one batch */

struct ct_batcher;

int ct_batcher_create(struct ct_batcher **out_batcher) CT_MUST_CHECK;
void ct_batcher_free(struct ct_batcher *batcher); /* accepts NULL */

/* Copies the sample. CT_ERR_FULL: encode and clear first, then add again. */
int ct_batcher_add(struct ct_batcher *batcher, const struct ct_sample *sample, ct_ns now) CT_MUST_CHECK;

size_t ct_batcher_count(const struct ct_batcher *batcher);
ct_ns ct_batcher_oldest(const struct ct_batcher *batcher); /* when the first sample was added, CT_NS_NEVER when empty */
/* Source times of the gathered samples. */
void ct_batcher_span(const struct ct_batcher *batcher, ct_ns *out_from, ct_ns *out_to);

/* Appends the serialised Record to `out`; the wall clock was `utc_offset_ns` ahead of the boot clock. */
int ct_batcher_encode(struct ct_batcher *batcher, const struct ct_record_head *head,
                      const struct ct_catalogue *catalogue, int64_t utc_offset_ns, uint64_t utc_uncertainty_ns,
                      struct ct_buf *out) CT_MUST_CHECK;
void ct_batcher_clear(struct ct_batcher *batcher);

#endif
