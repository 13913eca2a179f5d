#include "hist.h"

/* Values below 4 have a step each; above, the two bits behind the highest one choose among the four of a doubling. */
static unsigned step_of(uint64_t value)
{
    if (value < 4) {
        return (unsigned)value;
    }
    const unsigned high = 63U - (unsigned)__builtin_clzll(value);
    const unsigned step = 4 * (high - 1) + (unsigned)((value >> (high - 2)) & 3U);
    return step < CT_HIST_STEPS ? step : CT_HIST_STEPS - 1;
}

/* The greatest value of a step. */
static ct_ns end_of(unsigned step)
{
    if (step < 4) {
        return (ct_ns)step;
    }
    const unsigned high = step / 4 + 1;
    return (ct_ns)(((UINT64_C(5) + step % 4) << (high - 2)) - 1);
}

void ct_hist_add(struct ct_hist *hist, ct_ns duration)
{
    const ct_ns value = duration > 0 ? duration : 0;
    hist->counts[step_of((uint64_t)value)]++;
    hist->total++;
    hist->max = value > hist->max ? value : hist->max;
}

ct_ns ct_hist_quantile(const struct ct_hist *hist, unsigned permille)
{
    const uint64_t wanted = (hist->total / 1000) * permille + ((hist->total % 1000) * permille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned step = 0; step < CT_HIST_STEPS && hist->total > 0; step++) {
        seen += hist->counts[step];
        if (seen >= wanted && seen > 0) {
            return step < CT_HIST_STEPS - 1 ? ct_ns_min(end_of(step), hist->max) : hist->max;
        }
    }
    return hist->max;
}
