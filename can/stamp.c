#include "stamp.h"

/* stamp_utc less distance, when it lies between the floor and now. */
static bool fits(const struct ct_stamp_clock *clock, int64_t stamp_utc, int64_t distance, ct_ns now, ct_ns *out_t)
{
    ct_ns t;
    if (__builtin_sub_overflow(stamp_utc, distance, &t) || t < clock->floor || t > now) {
        return false;
    }
    *out_t = t;
    return true;
}

ct_ns ct_stamp_boot(struct ct_stamp_clock *clock, int64_t stamp_utc, int64_t utc_now, ct_ns now)
{
    int64_t distance;
    ct_ns t = now;
    if (stamp_utc == 0 || __builtin_sub_overflow(utc_now, now, &distance)) {
        return now;
    }
    if (!clock->started) {
        clock->started = true;
        clock->distance = distance;
    }
    if (!fits(clock, stamp_utc, clock->distance, now, &t) && !fits(clock, stamp_utc, distance, now, &t)) {
        /* Scheduling between two processors' stamps, or several steps in one batch: the nearest that can be. */
        const bool beyond = __builtin_sub_overflow(stamp_utc, distance, &t);
        const bool older = beyond ? distance > 0 : t < clock->floor;
        t = older ? clock->floor : now;
    }
    clock->floor = t;
    return t;
}

void ct_stamp_batch_end(struct ct_stamp_clock *clock, int64_t utc_now, ct_ns now, bool empty)
{
    clock->started = !__builtin_sub_overflow(utc_now, now, &clock->distance);
    if (empty) {
        clock->floor = now;
    }
}
