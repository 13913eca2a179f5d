#include "power.h"

#define LONG_AGO (INT64_MIN / 2)

#define TEXT_ROW(name, text) [CT_POWER_##name] = (text),
static const char *const state_texts[CT_POWER_STATE_COUNT] = {CT_POWER_STATE_MAP(TEXT_ROW)};
#undef TEXT_ROW

/* The LED is on for `on` of every `period`; period 0: never changes. */
static const struct {
    bool transceiver;
    ct_ns on, period;
} shows[CT_POWER_STATE_COUNT] = {
    [CT_POWER_OFF] = {false, 0, 0},   [CT_POWER_WAKE] = {true, 100 * CT_NS_PER_MS, CT_NS_PER_S},
    [CT_POWER_RUN] = {true, 1, 0},    [CT_POWER_AFTER_RUN] = {true, 500 * CT_NS_PER_MS, CT_NS_PER_S},
    [CT_POWER_SLEEP] = {false, 0, 0},
};

const char *ct_power_state_text(enum ct_power_state state)
{
    return (size_t)state < CT_POWER_STATE_COUNT ? state_texts[state] : "?";
}

void ct_power_init(struct ct_power *power, const struct ct_power_config *config, ct_ns now)
{
    *power = (struct ct_power){.config = *config,
                               .entered_ns = now,
                               .activity_ns = LONG_AGO,
                               .work_ns = LONG_AGO,
                               .certain_ns = LONG_AGO,
                               .watchdog_due = now};
    for (size_t i = 0; i < CT_POWER_LINES; i++) {
        power->lines[i].changed_ns = now;
    }
}

/* ---- lines */

static bool still(const struct ct_power *power, enum ct_power_line line, ct_ns now)
{
    return now >= ct_ns_add(power->lines[line].changed_ns, power->config.debounce_ns);
}

static ct_ns later(ct_ns a, ct_ns b)
{
    return a > b ? a : b;
}

static void settle(struct ct_power *power, ct_ns now)
{
    const struct ct_power_debounce *wake = &power->lines[CT_POWER_WAKE_LINE];
    const bool was_awake = wake->level;
    for (unsigned i = 0; i < CT_POWER_LINES; i++) {
        if (still(power, (enum ct_power_line)i, now)) {
            power->lines[i].level = power->lines[i].raw;
        }
    }
    /* It was active until it counted as inactive, whenever this is called. */
    if (wake->level) {
        power->activity_ns = now;
    } else if (was_awake) {
        power->activity_ns = later(power->activity_ns, ct_ns_add(wake->changed_ns, power->config.debounce_ns));
    }
}

static bool certainly_on(const struct ct_power *power, ct_ns now)
{
    return !power->config.has_ignition || (power->lines[CT_POWER_IGNITION].raw && still(power, CT_POWER_IGNITION, now));
}

static bool ignition_on(const struct ct_power *power)
{
    return !power->config.has_ignition || power->lines[CT_POWER_IGNITION].level;
}

void ct_power_set_line(struct ct_power *power, enum ct_power_line line, bool active, bool edges, ct_ns now)
{
    struct ct_power_debounce *debounce = &power->lines[line];
    settle(power, now);
    if (line == CT_POWER_IGNITION && certainly_on(power, now)) {
        power->certain_ns = now;
    }
    if (edges || active != debounce->raw) {
        debounce->raw = active;
        debounce->changed_ns = now;
    }
}

bool ct_power_line_active(const struct ct_power *power, enum ct_power_line line)
{
    return power->lines[line].level;
}

/* ---- the other inputs */

void ct_power_bus_active(struct ct_power *power, ct_ns now)
{
    power->activity_ns = now;
}

void ct_power_set_work(struct ct_power *power, struct ct_power_work work, ct_ns now)
{
    const bool worked = ct_power_working(power);
    power->work = work;
    if (worked || ct_power_working(power)) {
        power->work_ns = now;
    }
}

void ct_power_set_stuck(struct ct_power *power, bool stuck)
{
    power->stuck = stuck;
}

void ct_power_stop(struct ct_power *power)
{
    power->stopped = true;
}

/* ---- states */

bool ct_power_working(const struct ct_power *power)
{
    return power->work.outbox || power->work.bus || power->work.update;
}

/* When the buses will have been silent for long enough, should they stay so. */
static ct_ns quiet_due(const struct ct_power *power)
{
    return ct_ns_add(power->activity_ns, power->config.quiet_ns);
}

/* When a state that waits for silence may end. */
static ct_ns wait_due(const struct ct_power *power)
{
    ct_ns since = later(power->entered_ns, power->activity_ns);
    since = power->state == CT_POWER_AFTER_RUN ? later(since, power->work_ns) : since;
    return ct_ns_add(since, power->config.quiet_ns);
}

static bool awake(const struct ct_power *power, ct_ns now)
{
    return power->lines[CT_POWER_WAKE_LINE].level || now < quiet_due(power);
}

static enum ct_power_state after_wake(const struct ct_power *power, ct_ns now, const char **out_reason)
{
    if (power->lines[CT_POWER_WAKE_LINE].level || now < wait_due(power)) {
        return CT_POWER_WAKE;
    }
    *out_reason = ct_power_working(power) ? "the buses are silent, work is left" : "the buses are silent";
    return ct_power_working(power) ? CT_POWER_AFTER_RUN : CT_POWER_SLEEP;
}

static enum ct_power_state after_after_run(const struct ct_power *power, ct_ns now, const char **out_reason)
{
    const bool over = now >= ct_ns_add(power->entered_ns, power->config.after_run_ns);
    const bool idle = !ct_power_working(power) && !power->lines[CT_POWER_WAKE_LINE].level && now >= wait_due(power);
    if (!over && !idle) {
        return CT_POWER_AFTER_RUN;
    }
    const bool others = !idle && awake(power, now);
    *out_reason = !ct_power_working(power) ? (others ? "others are awake" : "nothing is left to do")
                                           : "time is over, work is held";
    return others ? CT_POWER_WAKE : CT_POWER_SLEEP;
}

static enum ct_power_state after_sleep(const struct ct_power *power, ct_ns now, const char **out_reason)
{
    if (!awake(power, now)) {
        return CT_POWER_SLEEP;
    }
    *out_reason = power->lines[CT_POWER_WAKE_LINE].level ? "wake line" : "a bus is active";
    return CT_POWER_WAKE;
}

/* Without regard to the ignition being on. */
static enum ct_power_state next_state(const struct ct_power *power, ct_ns now, const char **out_reason)
{
    switch (power->state) {
    case CT_POWER_OFF:
        *out_reason = "start";
        return CT_POWER_WAKE;
    case CT_POWER_WAKE:
        return after_wake(power, now, out_reason);
    case CT_POWER_RUN:
        *out_reason = "ignition off";
        return CT_POWER_AFTER_RUN;
    case CT_POWER_AFTER_RUN:
        return after_after_run(power, now, out_reason);
    case CT_POWER_SLEEP:
    case CT_POWER_STATE_COUNT:
        break;
    }
    return after_sleep(power, now, out_reason);
}

static enum ct_power_state judge(const struct ct_power *power, ct_ns now, const char **out_reason)
{
    if (power->stopped) {
        *out_reason = "stop";
        return CT_POWER_OFF;
    }
    if (power->state != CT_POWER_OFF && ignition_on(power)) {
        *out_reason = "ignition on";
        return CT_POWER_RUN;
    }
    return next_state(power, now, out_reason);
}

static void kick(struct ct_power *power, ct_ns now)
{
    if (power->state == CT_POWER_OFF) {
        power->watchdog = false;
    } else if (now >= power->watchdog_due) {
        power->watchdog = power->stuck ? power->watchdog : !power->watchdog;
        power->watchdog_due = ct_ns_add(now, power->config.watchdog_ns);
    }
}

bool ct_power_step(struct ct_power *power, ct_ns now, struct ct_power_change *out_change)
{
    const char *reason = "";
    settle(power, now);
    const enum ct_power_state next = judge(power, now, &reason);
    const bool changed = next != power->state;
    if (changed) {
        *out_change = (struct ct_power_change){power->state, next, reason};
        power->state = next;
        power->entered_ns = now;
    }
    kick(power, now);
    return changed;
}

/* ---- outputs */

enum ct_power_asking ct_power_asking(const struct ct_power *power, ct_ns now)
{
    if (power->stopped || (power->state != CT_POWER_RUN && power->state != CT_POWER_AFTER_RUN)) {
        return CT_POWER_ASK_NOTHING;
    }
    const bool within = now < ct_ns_add(power->certain_ns, power->config.polling_ns);
    if (power->state == CT_POWER_RUN) {
        return within || certainly_on(power, now) ? CT_POWER_ASK_ALL : CT_POWER_ASK_UPDATE;
    }
    return within && power->work.bus ? CT_POWER_ASK_READS : CT_POWER_ASK_UPDATE;
}

bool ct_power_may_poll(const struct ct_power *power, ct_ns now)
{
    return ct_power_asking(power, now) >= CT_POWER_ASK_READS;
}

struct ct_power_outputs ct_power_outputs(const struct ct_power *power, ct_ns now)
{
    const ct_ns period = shows[power->state].period;
    const ct_ns phase = period > 0 ? (now - power->entered_ns) % period : 0;
    return (struct ct_power_outputs){.transceiver = shows[power->state].transceiver,
                                     .led = phase < shows[power->state].on,
                                     .watchdog = power->watchdog,
                                     .polling = ct_power_may_poll(power, now)};
}

static ct_ns led_due(const struct ct_power *power, ct_ns now)
{
    const ct_ns on = shows[power->state].on;
    const ct_ns period = shows[power->state].period;
    if (period == 0) {
        return CT_NS_NEVER;
    }
    const ct_ns phase = (now - power->entered_ns) % period;
    return now + (phase < on ? on - phase : period - phase);
}

static ct_ns state_due(const struct ct_power *power)
{
    switch (power->state) {
    case CT_POWER_WAKE:
        return wait_due(power);
    case CT_POWER_AFTER_RUN:
        return ct_ns_min(ct_power_working(power) ? CT_NS_NEVER : wait_due(power),
                         ct_ns_add(power->entered_ns, power->config.after_run_ns));
    case CT_POWER_OFF:
    case CT_POWER_RUN:
    case CT_POWER_SLEEP:
    case CT_POWER_STATE_COUNT:
        break;
    }
    return CT_NS_NEVER;
}

/* Deadlines that have passed changed nothing: what they wait for comes as an input. */
static ct_ns sooner(ct_ns due, ct_ns candidate, ct_ns now)
{
    return candidate > now ? ct_ns_min(due, candidate) : due;
}

ct_ns ct_power_deadline(const struct ct_power *power, ct_ns now)
{
    if (power->state == CT_POWER_OFF) {
        return CT_NS_NEVER;
    }
    ct_ns due = sooner(CT_NS_NEVER, power->watchdog_due, now);
    for (unsigned i = 0; i < CT_POWER_LINES; i++) {
        due = sooner(due, ct_ns_add(power->lines[i].changed_ns, power->config.debounce_ns), now);
    }
    due = sooner(due, led_due(power, now), now);
    due = sooner(due, state_due(power), now);
    return sooner(due, ct_ns_add(power->certain_ns, power->config.polling_ns), now);
}
