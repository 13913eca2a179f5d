/* TwinUpdate messages for subscribers (cantwin.proto). Thread-safe: no state. */
#ifndef CT_FLEET_TWIN_UPDATE_H
#define CT_FLEET_TWIN_UPDATE_H

#include "buf.h"
#include "twin.h"

#define CT_UPDATE_VALUES_MAX 1024

struct ct_update_value {
    const struct ct_entry *entry;
    const struct ct_sample *sample; /* t_ns: UTC */
};

/* Appends a serialised TwinUpdate. */
int ct_twin_update_encode(const char *vehicle_id, const char *branch, uint64_t revision,
                          const struct ct_update_value *values, size_t count, struct ct_buf *out) CT_MUST_CHECK;

#endif
