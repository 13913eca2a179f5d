#include "api_private.h"

#include "twin_json.h"

#define GAPS_MAX        1000
#define HISTORY_BACK_MS (10 * 60 * INT64_C(1000))
#define UTC_MS_MAX      (INT64_MAX / 1000)

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

int ct_api_get_history(struct ct_api_call *call)
{
    const char *signal = ct_api_param(call, "signal");
    int64_t to_ms = call->moment.utc_ns / CT_NS_PER_MS + 1000;
    if (signal == NULL || signal[0] == '\0') {
        return ct_api_error(call->out, 400, "name the signal: ?signal=NAME");
    }
    if (!ct_api_number(call, "to", UTC_MS_MAX, &to_ms)) {
        return ct_api_error(call->out, 400, "to must be milliseconds since 1970-01-01 UTC");
    }
    int64_t from_ms = to_ms - HISTORY_BACK_MS;
    if (!ct_api_number(call, "from", UTC_MS_MAX, &from_ms)) {
        return ct_api_error(call->out, 400, "from must be milliseconds since 1970-01-01 UTC");
    }
    if (from_ms > to_ms) {
        return ct_api_error(call->out, 400, "from is later than to");
    }
    struct ct_history_range range;
    const struct ct_vehicle *vehicle = call->vehicle;
    int err = ct_history_query(ct_folder_history(call->folder), vehicle->row, &vehicle->chunk, vehicle->chunk_catalogue,
                               signal, from_ms * 1000, to_ms * 1000 + 999, &range);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    range.entry = range.entry != NULL ? range.entry : current_entry(vehicle, signal);
    const int status = range.entry == NULL ? ct_api_error(call->out, 404, "the vehicle has no signal '%.200s'", signal)
                                           : write_history(call, signal, &range, from_ms, to_ms);
    ct_history_range_free(&range);
    return status;
}
