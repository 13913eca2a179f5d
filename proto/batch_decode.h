/* A serialised Batch that has passed the scan, taken apart column by column without memory of its own. Private to
 * proto/; see batch.h for the sink's rules. Thread-safe: no state. */
#ifndef CT_PROTO_BATCH_DECODE_H
#define CT_PROTO_BATCH_DECODE_H

#include "batch.h"

int ct_batch_decode(const uint8_t *data, size_t len, const struct ct_record_head *head,
                    const struct ct_record_sink *sink) CT_MUST_CHECK;

#endif
