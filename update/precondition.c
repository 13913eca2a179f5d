#include "precondition.h"

static bool holds(const struct ct_precondition *condition, ct_precondition_value_fn *value, void *user)
{
    double now;
    return value(user, condition->path, &now) && now >= condition->min && now <= condition->max; /* NaN is not */
}

static bool long_enough(const struct ct_precondition *condition, ct_ns since, ct_ns now)
{
    return now >= ct_ns_add(since, ct_ns_from_ms((int64_t)condition->for_ms));
}

bool ct_preconditions_met(const struct ct_release *release, struct ct_precondition_watch *watch,
                          ct_precondition_value_fn *value, void *user, ct_ns now, size_t *out_first)
{
    bool all = true;
    for (size_t i = 0; i < release->precondition_count; i++) {
        const struct ct_precondition *condition = &release->preconditions[i];
        const bool met = holds(condition, value, user);
        if (met && !watch->met[i]) {
            watch->since[i] = now;
        }
        watch->met[i] = met;
        if (all && !(met && long_enough(condition, watch->since[i], now))) {
            all = false;
            if (out_first != NULL) {
                *out_first = i;
            }
        }
    }
    return all;
}
