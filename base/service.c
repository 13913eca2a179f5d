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

void ct_rounds_add(struct ct_rounds *rounds, const char *name, const struct ct_pulse *pulse)
{
    assert(rounds->count < CT_WATCHDOG_THREADS_MAX);
    rounds->threads[rounds->count].name = name;
    rounds->threads[rounds->count++].pulse = pulse;
}

const char *ct_rounds_stuck(struct ct_rounds *rounds, ct_ns patience, ct_ns now)
{
    const char *stuck = NULL;
    for (size_t i = 0; i < rounds->count; i++) {
        const uint32_t turns = atomic_load_explicit(&rounds->threads[i].pulse->turns, memory_order_relaxed);
        if (turns % 2 == 0 || turns != rounds->threads[i].turns) {
            rounds->threads[i].turns = turns;
            rounds->threads[i].since = now;
        } else if (now >= ct_ns_add(rounds->threads[i].since, patience)) {
            stuck = rounds->threads[i].name;
        }
    }
    return stuck;
}

void ct_watchdog_add(struct ct_watchdog *watchdog, const char *name, const struct ct_pulse *pulse)
{
    ct_rounds_add(&watchdog->rounds, name, pulse);
}

const char *ct_watchdog_turn(struct ct_watchdog *watchdog, ct_ns now)
{
    if (watchdog->period == CT_NS_NEVER || now < watchdog->due) {
        return NULL;
    }
    const char *stuck = ct_rounds_stuck(&watchdog->rounds, watchdog->period, now);
    watchdog->due = ct_ns_add(now, watchdog->period);
    if (stuck == NULL) {
        ct_service_notify("WATCHDOG=1");
    }
    return stuck;
}
