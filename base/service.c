#include "service.h"

#include <assert.h>
#include <stdbool.h>

#ifdef CANTWIN_SYSTEMD
#include <systemd/sd-daemon.h>

void ct_service_notify(const char *state)
{
    (void)sd_notify(0, state);
}

static ct_ns asked_interval(void)
{
    uint64_t us = 0;
    const bool asked = sd_watchdog_enabled(0, &us) > 0 && us > 0 && us < (uint64_t)(CT_NS_NEVER / 1000);
    return asked ? (ct_ns)us * 1000 : CT_NS_NEVER;
}
#else
void ct_service_notify(const char *state)
{
    (void)state;
}

static ct_ns asked_interval(void)
{
    return CT_NS_NEVER;
}
#endif

void ct_watchdog_open(struct ct_watchdog *watchdog, ct_ns now)
{
    const ct_ns interval = asked_interval();
    *watchdog = (struct ct_watchdog){.period = interval == CT_NS_NEVER ? CT_NS_NEVER : interval / 4};
    watchdog->due = ct_ns_add(now, watchdog->period);
}

void ct_watchdog_add(struct ct_watchdog *watchdog, const char *name, const struct ct_pulse *pulse)
{
    assert(watchdog->count < CT_WATCHDOG_THREADS_MAX);
    watchdog->threads[watchdog->count].name = name;
    watchdog->threads[watchdog->count].pulse = pulse;
    watchdog->threads[watchdog->count++].seen = 0;
}

const char *ct_watchdog_turn(struct ct_watchdog *watchdog, ct_ns now)
{
    if (watchdog->period == CT_NS_NEVER || now < watchdog->due) {
        return NULL;
    }
    const char *stuck = NULL;
    for (size_t i = 0; i < watchdog->count; i++) {
        const uint32_t turns = atomic_load_explicit(&watchdog->threads[i].pulse->turns, memory_order_relaxed);
        if (turns % 2 == 1 && turns == watchdog->threads[i].seen) {
            stuck = watchdog->threads[i].name;
        }
        watchdog->threads[i].seen = turns;
    }
    watchdog->due = ct_ns_add(now, watchdog->period);
    if (stuck == NULL) {
        ct_service_notify("WATCHDOG=1");
    }
    return stuck;
}
