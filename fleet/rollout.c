#include "rollout.h"

struct tally {
    size_t waiting, open;                  /* in all waves */
    size_t wave_open, good, bad, declined; /* of the wave in hand */
};

static struct tally tally_of(const struct ct_rollout *rollout, const struct ct_rollout_place *places, size_t count)
{
    struct tally tally = {0};
    for (size_t i = 0; i < count; i++) {
        const enum ct_place_state state = places[i].state;
        const bool here = places[i].wave == rollout->wave;
        tally.waiting += state == CT_PLACE_WAITING;
        tally.open += state == CT_PLACE_OPEN;
        tally.wave_open += here && state == CT_PLACE_OPEN;
        tally.good += here && state == CT_PLACE_GOOD;
        tally.bad += here && state == CT_PLACE_BAD;
        tally.declined += here && state == CT_PLACE_DECLINED;
    }
    return tally;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t offer(struct ct_rollout_place *places, size_t count, size_t room)
{
    size_t offered = 0;
    for (size_t i = 0; i < count && offered < room; i++) {
        if (places[i].state == CT_PLACE_WAITING && places[i].reachable) {
            places[i].offer = true;
            offered++;
        }
    }
    return offered;
}

/* The wave in hand. True: it has ended well and there may be another. */
static bool go_on(struct ct_rollout *rollout, struct ct_rollout_place *places, size_t count, size_t *out_offered)
{
    const struct tally tally = tally_of(rollout, places, count);
    const size_t planned = rollout->wave == 0 ? rollout->plan.canary : rollout->plan.wave_size;
    const size_t in_wave = tally.wave_open + tally.good + tally.bad + tally.declined;
    const size_t size = smaller(planned, in_wave + tally.waiting);
    const size_t judged = size - smaller(size, tally.declined);
    rollout->wave_count = (uint32_t)in_wave;
    rollout->wave_good = (uint32_t)tally.good;
    rollout->wave_bad = (uint32_t)tally.bad;
    if (tally.bad * 100 > (100 - rollout->plan.success_percent) * judged) {
        rollout->state = CT_ROLLOUT_HALTED;
        return false;
    }
    if (tally.waiting == 0 && tally.open == 0) {
        rollout->state = CT_ROLLOUT_DONE;
        return false;
    }
    *out_offered = in_wave < size ? offer(places, count, size - in_wave) : 0;
    return in_wave >= size && tally.wave_open == 0 && tally.waiting > 0;
}

size_t ct_rollout_next(struct ct_rollout *rollout, struct ct_rollout_place *places, size_t count, int64_t utc_ms)
{
    size_t offered = 0;
    for (size_t i = 0; i < count; i++) {
        places[i].offer = false;
    }
    if (rollout->state == CT_ROLLOUT_RUNNING && utc_ms >= rollout->plan.deadline_utc_ms) {
        const struct tally tally = tally_of(rollout, places, count);
        rollout->state = tally.waiting > 0 ? CT_ROLLOUT_EXPIRED : rollout->state;
    }
    while (rollout->state == CT_ROLLOUT_RUNNING && go_on(rollout, places, count, &offered)) {
        rollout->wave++;
    }
    return offered;
}

bool ct_rollout_pause(struct ct_rollout *rollout)
{
    if (rollout->state != CT_ROLLOUT_RUNNING) {
        return false;
    }
    rollout->state = CT_ROLLOUT_PAUSED;
    return true;
}

bool ct_rollout_resume(struct ct_rollout *rollout, uint32_t success_percent)
{
    if (rollout->state != CT_ROLLOUT_PAUSED && rollout->state != CT_ROLLOUT_HALTED) {
        return false;
    }
    rollout->wave += rollout->state == CT_ROLLOUT_HALTED;
    rollout->plan.success_percent = success_percent;
    rollout->state = CT_ROLLOUT_RUNNING;
    return true;
}

bool ct_rollout_cancel(struct ct_rollout *rollout)
{
    if (rollout->state == CT_ROLLOUT_DONE || rollout->state == CT_ROLLOUT_CANCELLED) {
        return false;
    }
    rollout->state = CT_ROLLOUT_CANCELLED;
    return true;
}

#define CASE_TEXT(name, value, text) \
    case value:                      \
        return text;

const char *ct_rollout_state_text(int state)
{
    switch (state) {
        CT_ROLLOUT_STATE_MAP(CASE_TEXT)
    default:
        return "unknown";
    }
}

const char *ct_place_state_text(int state)
{
    switch (state) {
        CT_PLACE_STATE_MAP(CASE_TEXT)
    default:
        return "unknown";
    }
}
