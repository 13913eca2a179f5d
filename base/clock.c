#include "clock.h"

#include <time.h>

static ct_ns read_clock(clockid_t id)
{
    struct timespec ts = {0};
    (void)clock_gettime(id, &ts);
    return (ct_ns)ts.tv_sec * CT_NS_PER_S + ts.tv_nsec;
}

ct_ns ct_clock_now(void)
{
    return read_clock(CLOCK_BOOTTIME);
}

ct_ns ct_clock_utc_now(void)
{
    return read_clock(CLOCK_REALTIME);
}
