#include "stamp.h"

ct_ns ct_stamp_boot(int64_t stamp_utc, int64_t utc_now, ct_ns now, ct_ns oldest)
{
    int64_t age;
    if (stamp_utc == 0 || __builtin_sub_overflow(utc_now, stamp_utc, &age) || age < 0) {
        return now;
    }
    const ct_ns t = ct_ns_add(now, -age);
    return t < oldest ? oldest : t;
}
