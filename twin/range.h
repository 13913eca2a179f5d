/* An entry's range as a test on the stored value: raw integers are compared as integers, so that the rounding of
 * raw * factor + offset (3 * 0.1 > 0.3) never puts a value at the edge out of range.
 * Private to twin. Thread-safe: values only. */
#ifndef CT_TWIN_RANGE_H
#define CT_TWIN_RANGE_H

#include "catalogue.h"

struct ct_range {
    bool any;         /* no range: all is inside */
    int64_t low_raw;  /* RAW entries; bits of a uint64_t for unsigned ones */
    int64_t high_raw; /* low > high: nothing is inside */
};

struct ct_range ct_range_of(const struct ct_entry *entry);
bool ct_range_holds(const struct ct_range *range, const struct ct_entry *entry, const struct ct_sample *sample);

#endif
