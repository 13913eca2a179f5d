#include "rule_same.h"

#include <math.h>
#include <string.h>

/* NaN stands for "not asked". */
static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_when(const struct ct_policy_when *a, const struct ct_policy_when *b)
{
    return same_number(a->max_speed_kmh, b->max_speed_kmh) && a->ignition_on == b->ignition_on &&
           same_number(a->min_voltage, b->min_voltage);
}

static bool same_ranges(const struct ct_frame_rule *a, const struct ct_frame_rule *b)
{
    bool same = a->range_count == b->range_count;
    for (size_t i = 0; same && i < a->range_count; i++) {
        const struct ct_signal_range *x = &a->ranges[i];
        const struct ct_signal_range *y = &b->ranges[i];
        same = strcmp(ct_codec_model(a->message)->signals[x->signal].name,
                      ct_codec_model(b->message)->signals[y->signal].name) == 0 &&
               same_number(x->min, y->min) && same_number(x->max, y->max);
    }
    return same;
}

bool ct_rule_same_frame(const void *a, const void *b)
{
    const struct ct_frame_rule *x = a;
    const struct ct_frame_rule *y = b;
    return x->id == y->id && x->id_mask == y->id_mask && x->extended == y->extended && x->len_min == y->len_min &&
           x->len_max == y->len_max && x->max_per_s == y->max_per_s && x->origins == y->origins &&
           strcmp(x->bus, y->bus) == 0 && same_when(&x->when, &y->when) && same_ranges(x, y);
}

bool ct_rule_same_uds(const void *a, const void *b)
{
    const struct ct_uds_rule *x = a;
    const struct ct_uds_rule *y = b;
    return x->service == y->service && x->data_first == y->data_first && x->data_last == y->data_last &&
           x->needs_release == y->needs_release && x->max_per_s == y->max_per_s && x->origins == y->origins &&
           strcmp(x->ecu, y->ecu) == 0 && same_when(&x->when, &y->when);
}

bool ct_rule_same_desired(const void *a, const void *b)
{
    const struct ct_desired_rule *x = a;
    const struct ct_desired_rule *y = b;
    return x->min == y->min && x->max == y->max && x->max_per_s == y->max_per_s && x->origins == y->origins &&
           strcmp(x->path, y->path) == 0 && same_when(&x->when, &y->when);
}
