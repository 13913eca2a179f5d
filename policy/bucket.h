/* A token bucket: so many a second on average, a burst of one second's worth (at least one); starts full.
 * Plain state, zeroed is fresh. Time that steps back fills nothing. No I/O; belongs to one thread. */
#ifndef CT_POLICY_BUCKET_H
#define CT_POLICY_BUCKET_H

#include "time_ns.h"

#include <stdbool.h>

struct ct_bucket {
    double tokens;
    ct_ns filled_ns;
    bool started;
};

/* Takes one token where there is one. */
bool ct_bucket_take(struct ct_bucket *bucket, double per_s, ct_ns now);

#endif
