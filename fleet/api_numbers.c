/* The backend's numbers: /api/v1/status as JSON, /metrics for Prometheus, from one table. */
#include "api_private.h"

#include <inttypes.h>

/* name in JSON, name for Prometheus, its type, what it is */
#define NUMBERS(X)                                                                                                    \
    X(vehicles, "cantwin_vehicles", gauge, "Vehicles ever seen.")                                                     \
    X(connected, "cantwin_vehicles_connected", gauge, "Vehicles connected now.")                                      \
    X(records, "cantwin_records_total", counter, "Records applied since the start.")                                  \
    X(batches, "cantwin_batches_total", counter, "Batches of samples applied since the start.")                       \
    X(samples, "cantwin_samples_total", counter, "Samples applied since the start.")                                  \
    X(samples_stored, "cantwin_history_samples", gauge, "Samples in the stored history.")                             \
    X(states, "cantwin_states_total", counter, "State messages applied to twins since the start.")                    \
    X(events, "cantwin_events_total", counter, "Events applied since the start.")                                     \
    X(gaps, "cantwin_gaps_total", counter, "Gaps told by vehicles since the start.")                                  \
    X(statuses, "cantwin_command_statuses_total", counter, "Statuses of commands applied since the start.")           \
    X(catalogues, "cantwin_catalogues_total", counter, "Catalogues received since the start.")                        \
    X(duplicates, "cantwin_duplicates_total", counter, "Records that were there before and counted once.")            \
    X(refused, "cantwin_records_refused_total", counter, "Records that could not be read or applied.")                \
    X(damaged, "cantwin_log_damaged_total", counter, "Places in the ingest log that could not be read.")              \
    X(commands, "cantwin_commands", gauge, "Commands in the store.")                                                  \
    X(commands_waiting, "cantwin_commands_waiting", gauge, "Commands without an end yet.")                            \
    X(chunks, "cantwin_chunks_total", counter, "History chunks packed since the start.")                              \
    X(commits, "cantwin_commits_total", counter, "Transactions committed since the start.")                           \
    X(published, "cantwin_published_total", counter, "Updates published to subscribers since the start.")             \
    X(log_bytes, "cantwin_log_bytes_total", counter, "Bytes ever written durably to the ingest log.")                 \
    X(applied_bytes, "cantwin_log_applied_bytes_total", counter, "Bytes of the ingest log that are applied.")         \
    X(envelopes, "cantwin_link_envelopes_total", counter, "Messages received from vehicles since the start.")         \
    X(malformed, "cantwin_link_malformed_total", counter, "Messages from vehicles that could not be read.")           \
    X(handshakes_refused, "cantwin_link_handshakes_refused_total", counter, "Connections refused for their key.")     \
    X(http_requests, "cantwin_http_requests_total", counter, "HTTP requests since the start.")                        \
    X(http_refused, "cantwin_http_refused_total", counter, "HTTP requests answered with 4xx or 5xx since the start.") \
    X(sse_clients, "cantwin_streams", gauge, "Event streams open now.")                                               \
    X(sse_dropped, "cantwin_streams_dropped_total", counter,                                                          \
      "Event streams closed because their reader was too slow.")                                                      \
    X(webhook_sent, "cantwin_webhook_sent_total", counter, "News of alerts that the webhook took.")                   \
    X(webhook_lost, "cantwin_webhook_lost_total", counter,                                                            \
      "News of alerts that it did not take, or that were too many.")

#define NUMBER_ENUM(name, metric, type, help) N_##name,
enum number { NUMBERS(NUMBER_ENUM) N_COUNT };

static const struct {
    const char *name, *metric, *type, *help;
} table[N_COUNT] = {
#define NUMBER_ROW(name, metric, type, help) {#name, metric, #type, help},
    NUMBERS(NUMBER_ROW)};

static int collect(struct ct_api_call *call, uint64_t out[N_COUNT])
{
    struct ct_folder_stats stats;
    ct_folder_stats_get(call->folder, &stats);
    uint64_t commands = 0;
    uint64_t waiting = 0;
    uint64_t stored = 0;
    int err = ct_commands_count(ct_folder_commands(call->folder), &commands, &waiting);
    if (err == CT_OK) {
        err = ct_history_sample_count(ct_folder_history(call->folder), &stored);
    }
    if (err != CT_OK) {
        return err;
    }
    const struct ct_api_counters *counters = call->counters;
    out[N_vehicles] = ct_registry_count(ct_folder_registry(call->folder));
    out[N_connected] = counters->connected;
    out[N_records] = stats.records;
    out[N_batches] = stats.batches;
    out[N_samples] = stats.samples;
    out[N_samples_stored] = stored;
    out[N_states] = stats.states;
    out[N_events] = stats.events;
    out[N_gaps] = stats.gaps;
    out[N_statuses] = stats.statuses;
    out[N_catalogues] = stats.catalogues;
    out[N_duplicates] = stats.duplicates + counters->link_duplicates;
    out[N_refused] = stats.refused;
    out[N_damaged] = stats.damaged;
    out[N_commands] = commands;
    out[N_commands_waiting] = waiting;
    out[N_chunks] = stats.chunks;
    out[N_commits] = stats.commits;
    out[N_published] = stats.published;
    out[N_log_bytes] = counters->log_bytes;
    out[N_applied_bytes] = stats.applied;
    out[N_envelopes] = counters->envelopes;
    out[N_malformed] = counters->malformed;
    out[N_handshakes_refused] = counters->handshakes_refused;
    out[N_http_requests] = counters->http_requests;
    out[N_http_refused] = counters->http_refused;
    out[N_sse_clients] = counters->sse_clients;
    out[N_sse_dropped] = counters->sse_dropped;
    out[N_webhook_sent] = counters->webhook_sent;
    out[N_webhook_lost] = counters->webhook_lost;
    return CT_OK;
}

int ct_api_get_status(struct ct_api_call *call)
{
    uint64_t values[N_COUNT];
    struct ct_json json;
    const int err = collect(call, values);
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    for (size_t i = 0; err == CT_OK && i < N_COUNT; i++) {
        ct_json_uint_safe(&json, table[i].name, values[i]);
    }
    ct_json_object_end(&json);
    return ct_api_finish(call, err);
}

static void metric(struct ct_buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    ct_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name, value);
}

int ct_api_get_metrics(struct ct_api_call *call)
{
    uint64_t values[N_COUNT];
    const int err = collect(call, values);
    if (err != CT_OK) {
        return ct_api_finish(call, err);
    }
    for (size_t i = 0; i < N_COUNT; i++) {
        metric(call->out, table[i].metric, table[i].type, table[i].help, values[i]);
    }
    const uint64_t lag =
        values[N_log_bytes] > values[N_applied_bytes] ? values[N_log_bytes] - values[N_applied_bytes] : 0;
    metric(call->out, "cantwin_log_lag_bytes", "gauge", "Bytes in the ingest log that are not applied yet.", lag);
    ct_buf_printf(call->out,
                  "# HELP cantwin_build_info The program's version.\n# TYPE cantwin_build_info gauge\n"
                  "cantwin_build_info{version=\"%s\"} 1\n",
                  CANTWIN_VERSION);
    call->answer->type = "text/plain; version=0.0.4; charset=utf-8";
    return 200;
}
