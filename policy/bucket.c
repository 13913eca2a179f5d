#include "bucket.h"

#include <math.h>

bool ct_bucket_take(struct ct_bucket *bucket, double per_s, ct_ns now)
{
    const double burst = per_s > 1.0 ? per_s : 1.0;
    if (!bucket->started) {
        *bucket = (struct ct_bucket){burst, now, true};
    }
    if (now > bucket->filled_ns) {
        const double elapsed_s = ((double)now - (double)bucket->filled_ns) / (double)CT_NS_PER_S;
        bucket->tokens = fmin(burst, bucket->tokens + elapsed_s * per_s);
        bucket->filled_ns = now;
    }
    /* A token short of a billionth was lost to rounding. */
    if (bucket->tokens < 1.0 - 1e-9) {
        return false;
    }
    bucket->tokens -= 1.0;
    return true;
}
