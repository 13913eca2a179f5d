/* One kind of field of a UDS message: writes it from the struct, reads it into the struct. Private to uds_message.
 * Thread-safe: pure functions. */
#ifndef CT_DIAGNOSTICS_UDS_FIELD_H
#define CT_DIAGNOSTICS_UDS_FIELD_H

#include "uds_layout.h"

/* Where writing and reading stand. Only one of in and out is used. */
struct ct_uds_walk {
    const uint8_t *in;
    uint8_t *out;
    size_t at, size;
    unsigned part; /* the next of `parts` */
};

struct ct_uds_field_kind_ops {
    int (*put)(struct ct_uds_walk *walk, const struct ct_uds_message *message, const struct ct_uds_field *field);
    int (*get)(struct ct_uds_walk *walk, struct ct_uds_message *message, const struct ct_uds_field *field);
};
extern const struct ct_uds_field_kind_ops ct_uds_field_kinds[CT_UDS_FIELD_KINDS];

static inline size_t ct_uds_walk_left(const struct ct_uds_walk *walk)
{
    return walk->size - walk->at;
}

/* One byte; CT_ERR_TOO_LARGE, CT_ERR_TRUNCATED. */
int ct_uds_walk_put(struct ct_uds_walk *walk, unsigned value) CT_MUST_CHECK;
int ct_uds_walk_get(struct ct_uds_walk *walk, uint8_t *out_value) CT_MUST_CHECK;

#endif
