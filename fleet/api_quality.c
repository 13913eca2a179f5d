/* How good a vehicle's data is: what is stale, missing or wrong, which gaps there are, and how its clock stands. */
#include "api_private.h"

#define STALE_NAMES_MAX 100
#define DAY_MS          (24 * 3600 * INT64_C(1000))
#define GAPS_MAX        10000

struct tally {
    size_t total, good, never_seen, stale, other;
    int64_t newest_utc_ms; /* 0: nothing was seen */
};

static void count_signal(struct tally *tally, const struct ct_sample *sample)
{
    tally->total++;
    if ((sample->quality & CT_Q_NEVER_SEEN) != 0) {
        tally->never_seen++;
        return;
    }
    const int64_t utc_ms = sample->t_ns / CT_NS_PER_MS;
    tally->newest_utc_ms = utc_ms > tally->newest_utc_ms ? utc_ms : tally->newest_utc_ms;
    tally->stale += (sample->quality & CT_Q_STALE) != 0;
    tally->other += (sample->quality & ~(unsigned)CT_Q_STALE) != 0;
    tally->good += sample->quality == 0;
}

struct gaps {
    uint64_t count, samples;
    int64_t last_utc_ms;
};

static int count_gap(void *user, int64_t from_utc_ms, int64_t to_utc_ms, int reason, uint64_t samples,
                     uint64_t seq_first, uint64_t seq_last)
{
    struct gaps *gaps = user;
    (void)from_utc_ms;
    (void)reason;
    (void)seq_first;
    (void)seq_last;
    gaps->count++;
    gaps->samples += samples;
    gaps->last_utc_ms = to_utc_ms > gaps->last_utc_ms ? to_utc_ms : gaps->last_utc_ms;
    return CT_OK;
}

static struct tally signals_json(struct ct_json *json, const struct ct_twin *twin)
{
    struct tally tally = {.total = 0};
    struct ct_reading reading;
    ct_json_array_begin(json, "stale");
    for (uint32_t id = 0; twin != NULL && ct_twin_get(twin, id, &reading) == CT_OK; id++) {
        count_signal(&tally, &reading.sample);
        if ((reading.sample.quality & CT_Q_STALE) != 0 && tally.stale <= STALE_NAMES_MAX) {
            ct_json_string(json, NULL, ct_catalogue_entry(ct_twin_catalogue(twin), id)->name);
        }
    }
    ct_json_array_end(json);
    ct_json_object_begin(json, "signals");
    ct_json_uint(json, "total", tally.total);
    ct_json_uint(json, "good", tally.good);
    ct_json_uint(json, "stale", tally.stale);
    ct_json_uint(json, "never_seen", tally.never_seen);
    ct_json_uint(json, "other", tally.other);
    ct_json_object_end(json);
    return tally;
}

/* The newest value's time against when it came: negative by the way it took, or by how late it was sent. Far above zero
 * the vehicle's clock is ahead of this one. */
static void clock_json(struct ct_json *json, const struct ct_vehicle *vehicle, const struct tally *tally)
{
    if (tally->newest_utc_ms == 0 || vehicle->applied_utc_ms == 0) {
        ct_json_null(json, "clock_ahead_ms");
    } else {
        ct_json_int(json, "clock_ahead_ms", tally->newest_utc_ms - vehicle->applied_utc_ms);
    }
}

int ct_api_get_quality(struct ct_api_call *call)
{
    struct ct_json json;
    struct gaps gaps = {0};
    const struct ct_vehicle *vehicle = call->vehicle;
    const int64_t now_ms = call->moment.utc_ns / CT_NS_PER_MS;
    const int err = ct_history_gaps(ct_folder_history(call->folder), vehicle->row, now_ms - DAY_MS, now_ms, GAPS_MAX,
                                    count_gap, &gaps);
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "vehicle", vehicle->id);
    ct_json_bool(&json, "connected", vehicle->connected);
    ct_json_int(&json, "last_seen_age_ms", now_ms - vehicle->last_seen_utc_ms);
    const struct tally tally = signals_json(&json, vehicle->twin);
    clock_json(&json, vehicle, &tally);
    ct_json_object_begin(&json, "gaps_of_a_day");
    ct_json_uint(&json, "count", gaps.count);
    ct_json_uint_safe(&json, "samples", gaps.samples);
    ct_json_int(&json, "last_utc_ms", gaps.last_utc_ms);
    ct_json_object_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}
