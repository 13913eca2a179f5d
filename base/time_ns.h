/* Time as one type: signed 64-bit nanoseconds.
 *
 * ct_ns counts CLOCK_BOOTTIME inside a program (suspend counts); wall-clock values carry `utc` in their name.
 * Nothing here reads a clock: see clock.h. Thread-safe: pure functions. */
#ifndef CT_BASE_TIME_NS_H
#define CT_BASE_TIME_NS_H

#include <stdint.h>

typedef int64_t ct_ns;

#define CT_NS_PER_US INT64_C(1000)
#define CT_NS_PER_MS INT64_C(1000000)
#define CT_NS_PER_S  INT64_C(1000000000)
#define CT_NS_NEVER  INT64_MAX /* a deadline that never comes */

/* a + b, held at the ends of the range instead of wrapping. */
static inline ct_ns ct_ns_add(ct_ns a, ct_ns b)
{
    ct_ns sum;
    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? INT64_MAX : INT64_MIN;
    }
    return sum;
}

static inline ct_ns ct_ns_from_ms(int64_t ms)
{
    ct_ns ns;
    if (__builtin_mul_overflow(ms, CT_NS_PER_MS, &ns)) {
        return ms > 0 ? INT64_MAX : INT64_MIN;
    }
    return ns;
}

static inline ct_ns ct_ns_min(ct_ns a, ct_ns b)
{
    return a < b ? a : b;
}

/* Milliseconds to wait from `now` to `deadline` for poll(2) and epoll_wait(2): rounded up, 0 when it has passed,
 * -1 for CT_NS_NEVER. */
static inline int ct_ns_wait_ms(ct_ns now, ct_ns deadline)
{
    if (deadline == CT_NS_NEVER) {
        return -1;
    }
    if (deadline <= now) {
        return 0;
    }
    const int64_t ms = (deadline - now + CT_NS_PER_MS - 1) / CT_NS_PER_MS;
    return ms > 60000 ? 60000 : (int)ms;
}

#endif
