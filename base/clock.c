#include "clock.h"

#include <time.h>

#define NEAR_ENOUGH (CT_NS_PER_MS / 50)
#define TRIES       4

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

void ct_clock_both(ct_ns *out_now, ct_ns *out_utc)
{
    ct_ns best = CT_NS_NEVER;
    for (int i = 0; i < TRIES && best > NEAR_ENOUGH; i++) {
        const ct_ns before = ct_clock_now();
        const ct_ns utc = ct_clock_utc_now();
        const ct_ns apart = ct_clock_now() - before;
        if (apart < best) {
            best = apart;
            *out_now = before + apart / 2;
            *out_utc = utc;
        }
    }
}
