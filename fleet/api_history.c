#include "api_private.h"

#include "twin_json.h"

#include <stdlib.h>

#define GAPS_MAX        1000
#define POINTS_MAX      5000
#define HISTORY_BACK_MS (10 * 60 * INT64_C(1000))
#define UTC_MS_MAX      INT64_C(253402300799999) /* the end of the year 9999; as microseconds far from overflow */

static int one_gap(void *user, int64_t from_utc_ms, int64_t to_utc_ms, int reason, uint64_t samples, uint64_t seq_first,
                   uint64_t seq_last)
{
    struct ct_json *json = user;
    ct_json_object_begin(json, NULL);
    ct_json_int(json, "from_utc_ms", from_utc_ms);
    ct_json_int(json, "to_utc_ms", to_utc_ms);
    ct_json_string(json, "reason", ct_history_reason_text(reason));
    ct_json_uint_safe(json, "samples", samples);
    ct_json_uint_safe(json, "seq_first", seq_first);
    ct_json_uint_safe(json, "seq_last", seq_last);
    ct_json_object_end(json);
    return CT_OK;
}

static void write_samples(struct ct_json *json, const struct ct_history_range *range)
{
    ct_json_array_begin(json, "samples");
    for (size_t i = 0; i < range->count; i++) {
        ct_twin_json_history(json, range->entry, range->kinds[i], &range->samples[i]);
    }
    ct_json_array_end(json);
}

static int write_history(struct ct_api_call *call, const char *signal, const struct ct_history_range *range,
                         int64_t from_ms, int64_t to_ms)
{
    struct ct_json json;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "signal", signal);
    ct_json_string(&json, "unit", range->entry->unit);
    ct_json_bool(&json, "truncated", range->truncated);
    write_samples(&json, range);
    ct_json_array_begin(&json, "gaps");
    const int err =
        ct_history_gaps(ct_folder_history(call->folder), call->vehicle->row, from_ms, to_ms, GAPS_MAX, one_gap, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* The signal may have no sample in the range and yet be known. */
static const struct ct_entry *current_entry(const struct ct_vehicle *vehicle, const char *signal)
{
    uint32_t id;
    if (vehicle->twin == NULL || ct_catalogue_find(ct_twin_catalogue(vehicle->twin), signal, &id) != CT_OK) {
        return NULL;
    }
    return ct_catalogue_entry(ct_twin_catalogue(vehicle->twin), id);
}

/* ------------------------------------------------------------------------------------------------ the question */

int ct_api_history_ask(struct ct_api_call *call, struct ct_api_history_ask *ask)
{
    const struct ct_vehicle *vehicle = call->vehicle;
    ask->source = (struct ct_history_source){vehicle->row, ct_api_param(call, "signal"), &vehicle->chunk,
                                             vehicle->chunk_catalogue};
    ask->to_ms = call->moment.utc_ns / CT_NS_PER_MS + 1000;
    if (ask->source.signal == NULL || ask->source.signal[0] == '\0') {
        return ct_api_error(call->out, 400, "name the signal: ?signal=NAME");
    }
    if (!ct_api_number(call, "to", UTC_MS_MAX, &ask->to_ms)) {
        return ct_api_error(call->out, 400, "to must be milliseconds since 1970-01-01 UTC, up to the year 9999");
    }
    ask->from_ms = ask->to_ms - HISTORY_BACK_MS;
    if (!ct_api_number(call, "from", UTC_MS_MAX, &ask->from_ms)) {
        return ct_api_error(call->out, 400, "from must be milliseconds since 1970-01-01 UTC, up to the year 9999");
    }
    return ask->from_ms > ask->to_ms ? ct_api_error(call->out, 400, "from is later than to") : 0;
}

static int unknown_signal(struct ct_api_call *call, const char *signal)
{
    return ct_api_error(call->out, 404, "the vehicle has no signal '%.200s'", signal);
}

/* ------------------------------------------------------------------------------------------------ for plots */

static void one_bin(struct ct_json *json, const struct ct_history_bin *bin, int64_t from_us)
{
    ct_json_array_begin(json, NULL);
    ct_json_int(json, NULL, from_us);
    ct_json_double(json, NULL, bin->min);
    ct_json_double(json, NULL, bin->max);
    ct_json_double(json, NULL, bin->sum / (double)bin->count);
    ct_json_double(json, NULL, bin->last);
    ct_json_uint(json, NULL, bin->count);
    ct_json_array_end(json);
}

static int write_bins(struct ct_api_call *call, const struct ct_api_history_ask *ask, size_t count)
{
    struct ct_json json;
    uint64_t width_us = 0;
    const struct ct_entry *entry = NULL;
    struct ct_history_bin *bins = calloc(count, sizeof *bins);
    const int64_t from_us = ask->from_ms * 1000;
    int err = bins == NULL ? CT_ERR_NO_MEMORY
                           : ct_history_bins(ct_folder_history(call->folder), &ask->source, from_us,
                                             ask->to_ms * 1000 + 999, bins, count, &width_us, &entry);
    entry = entry != NULL ? entry : current_entry(call->vehicle, ask->source.signal);
    if (err != CT_OK || entry == NULL) {
        free(bins);
        return err != CT_OK ? ct_api_finish(call, err) : unknown_signal(call, ask->source.signal);
    }
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "signal", ask->source.signal);
    ct_json_string(&json, "unit", entry->unit);
    ct_json_uint_safe(&json, "width_us", width_us);
    ct_json_array_begin(&json, "bins");
    for (size_t i = 0; i < count; i++) {
        if (bins[i].count > 0) {
            one_bin(&json, &bins[i], from_us + (int64_t)(i * width_us));
        }
    }
    ct_json_array_end(&json);
    free(bins);
    ct_json_array_begin(&json, "gaps");
    err = ct_history_gaps(ct_folder_history(call->folder), call->vehicle->row, ask->from_ms, ask->to_ms, GAPS_MAX,
                          one_gap, &json);
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

/* ------------------------------------------------------------------------------------------------ one moment */

static int write_last(struct ct_api_call *call, const struct ct_api_history_ask *ask, int64_t at_ms)
{
    struct ct_json json;
    struct ct_history_value value;
    const int err = ct_history_last(ct_folder_history(call->folder), &ask->source, at_ms * 1000 + 999, &value);
    const struct ct_entry *entry = err == CT_OK ? value.entry : current_entry(call->vehicle, ask->source.signal);
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        return ct_api_finish(call, err);
    }
    if (entry == NULL) {
        return unknown_signal(call, ask->source.signal);
    }
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "signal", ask->source.signal);
    ct_json_string(&json, "unit", entry->unit);
    if (err == CT_OK) {
        ct_json_array_begin(&json, "samples");
        ct_twin_json_history(&json, entry, value.kind, &value.sample);
    } else {
        ct_json_array_begin(&json, "samples");
    }
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return 200;
}

int ct_api_get_history(struct ct_api_call *call)
{
    struct ct_api_history_ask ask;
    int64_t points = 0;
    int64_t at_ms = INT64_MIN;
    int status = ct_api_history_ask(call, &ask);
    if (status != 0) {
        return status;
    }
    if (!ct_api_number(call, "points", POINTS_MAX, &points) || points < 0) {
        return ct_api_error(call->out, 400, "points must be 1 to %d", POINTS_MAX);
    }
    if (!ct_api_number(call, "at", UTC_MS_MAX, &at_ms)) {
        return ct_api_error(call->out, 400, "at must be milliseconds since 1970-01-01 UTC, up to the year 9999");
    }
    if (at_ms != INT64_MIN) {
        return write_last(call, &ask, at_ms);
    }
    if (points > 0) {
        return write_bins(call, &ask, (size_t)points);
    }
    struct ct_history_range range;
    const int err = ct_history_query(ct_folder_history(call->folder), &ask.source, ask.from_ms * 1000,
                                     ask.to_ms * 1000 + 999, &range);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    range.entry = range.entry != NULL ? range.entry : current_entry(call->vehicle, ask.source.signal);
    status = range.entry == NULL ? unknown_signal(call, ask.source.signal)
                                 : write_history(call, ask.source.signal, &range, ask.from_ms, ask.to_ms);
    ct_history_range_free(&range);
    return status;
}
