#include "pace.h"

ct_ns ct_pace_turn(struct ct_pace *pace, ct_ns now)
{
    if (pace->gap <= 0) {
        return now;
    }
    /* A clock that went back (a machine restored from an image) must not make a loop wait for what it once owed. */
    const ct_ns most = ct_ns_add(now, (CT_PACE_BURST + 1) * pace->gap);
    const ct_ns from = pace->owed > now ? ct_ns_min(pace->owed, most) : now;
    pace->owed = ct_ns_add(from, pace->gap);
    const ct_ns rest_until = pace->owed - CT_PACE_BURST * pace->gap;
    if (rest_until <= now) {
        return now;
    }
    return ct_ns_min(rest_until, ct_ns_add(now, pace->gap));
}
