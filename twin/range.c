#include "range.h"

#include <math.h>

/* A bound in raw units; what is within a billionth of a whole number is that number. */
static double raw_bound(const struct ct_entry *entry, double physical, double (*round_inwards)(double))
{
    const double exact = (physical - entry->offset) / entry->factor;
    const double whole = nearbyint(exact);
    return fabs(exact - whole) <= 1e-9 * fmax(1.0, fabs(whole)) ? whole : round_inwards(exact);
}

static int64_t to_int64(double value)
{
    if (value >= 0x1p63) {
        return INT64_MAX;
    }
    return value < -0x1p63 ? INT64_MIN : (int64_t)value;
}

static int64_t to_uint64(double value)
{
    if (value >= 0x1p64) {
        return (int64_t)UINT64_MAX;
    }
    return value < 0.0 ? 0 : (int64_t)(uint64_t)value;
}

struct ct_range ct_range_of(const struct ct_entry *entry)
{
    struct ct_range range = {.any = !(entry->min < entry->max) ||
                                    (entry->kind != CT_KIND_RAW && entry->kind != CT_KIND_DOUBLE)};
    if (range.any || entry->kind == CT_KIND_DOUBLE) {
        return range;
    }
    if (entry->factor == 0.0 || !isfinite(entry->factor)) {
        range.any = true;
        return range;
    }
    const bool rising = entry->factor > 0.0;
    const double low = raw_bound(entry, rising ? entry->min : entry->max, ceil);
    const double high = raw_bound(entry, rising ? entry->max : entry->min, floor);
    int64_t (*const convert)(double) = entry->is_unsigned ? to_uint64 : to_int64;
    range.low_raw = convert(low);
    range.high_raw = convert(high);
    if (entry->is_unsigned && high < 0.0) {
        range.low_raw = 1; /* nothing unsigned is that low */
        range.high_raw = 0;
    }
    return range;
}

bool ct_range_holds(const struct ct_range *range, const struct ct_entry *entry, const struct ct_sample *sample)
{
    if (range->any) {
        return true;
    }
    if (entry->kind == CT_KIND_DOUBLE) {
        return sample->number >= entry->min && sample->number <= entry->max; /* NaN is outside */
    }
    if (entry->is_unsigned) {
        return (uint64_t)sample->raw >= (uint64_t)range->low_raw && (uint64_t)sample->raw <= (uint64_t)range->high_raw;
    }
    return sample->raw >= range->low_raw && sample->raw <= range->high_raw;
}
