/* How long things take, as counts: a histogram of durations with four steps to each doubling, so that a quantile is
 * told to within a quarter. Plain state, all zero is empty; no clock. Belongs to one thread. */
#ifndef CT_BASE_HIST_H
#define CT_BASE_HIST_H

#include "time_ns.h"

#include <stdint.h>

#define CT_HIST_STEPS 160 /* four for each of 40 doublings: up to 18 minutes */

struct ct_hist {
    uint64_t counts[CT_HIST_STEPS];
    uint64_t total;
    ct_ns max;
};

void ct_hist_add(struct ct_hist *hist, ct_ns duration); /* negative counts as 0 */

/* The duration that `permille` of 1000 did not exceed, rounded up to its step; 0 when empty. */
ct_ns ct_hist_quantile(const struct ct_hist *hist, unsigned permille);

#endif
