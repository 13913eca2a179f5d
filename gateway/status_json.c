#include "bus_private.h"

#include "json.h"

#include <string.h>

static const struct {
    uint16_t flag;
    const char *name;
} quality_names[] = {
    {CT_Q_NEVER_SEEN, "never-seen"},
    {CT_Q_STALE, "stale"},
    {CT_Q_NOT_AVAILABLE, "not-available"},
    {CT_Q_OUT_OF_RANGE, "out-of-range"},
    {CT_Q_CHECKSUM, "checksum"},
    {CT_Q_COUNTER, "counter"},
    {CT_Q_DERIVED_FROM_BAD, "derived-from-bad"},
};

static void put_raw(struct ct_json *json, const struct ct_entry *entry, const struct ct_sample *sample)
{
    if (entry->datatype == CT_DT_BOOLEAN) {
        ct_json_bool(json, "value", sample->raw != 0);
    } else if (entry->factor != 1.0 || entry->offset != 0.0) {
        ct_json_double(json, "value", ct_entry_physical(entry, sample));
    } else if (entry->is_unsigned) {
        ct_json_uint_safe(json, "value", (uint64_t)sample->raw);
    } else {
        ct_json_int_safe(json, "value", sample->raw);
    }
    ct_json_string(json, "text", ct_entry_text(entry, sample->raw));
}

static void put_value(struct ct_json *json, const struct ct_entry *entry, const struct ct_sample *sample)
{
    char text[CT_BYTES_MAX + 1];
    if ((sample->quality & CT_Q_NEVER_SEEN) != 0) {
        ct_json_null(json, "value");
        ct_json_null(json, "text");
        return;
    }
    switch (entry->kind) {
    case CT_KIND_RAW:
        put_raw(json, entry, sample);
        return;
    case CT_KIND_DOUBLE:
        ct_json_double(json, "value", sample->number);
        break;
    case CT_KIND_BYTES:
        ct_json_bytes(json, "value", sample->bytes, sample->len);
        break;
    case CT_KIND_STRING:
        memcpy(text, sample->bytes, sample->len);
        text[sample->len] = '\0';
        ct_json_string(json, "value", text);
        break;
    }
    ct_json_null(json, "text");
}

static void put_quality(struct ct_json *json, uint16_t quality)
{
    ct_json_array_begin(json, "quality");
    for (size_t i = 0; i < sizeof quality_names / sizeof quality_names[0]; i++) {
        if ((quality & quality_names[i].flag) != 0) {
            ct_json_string(json, NULL, quality_names[i].name);
        }
    }
    ct_json_array_end(json);
}

void ct_status_json_entry(const struct ct_bus *bus, uint32_t id, struct ct_buf *out)
{
    const struct ct_entry *entry = ct_catalogue_entry(ct_bind_catalogue(bus->model->pipeline.bind), id);
    struct ct_reading reading;
    if (ct_twin_get(bus->model->pipeline.twin, id, &reading) != CT_OK) {
        return;
    }
    const bool seen = (reading.sample.quality & CT_Q_NEVER_SEEN) == 0;
    struct ct_json json;
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "name", entry->name);
    put_value(&json, entry, &reading.sample);
    ct_json_string(&json, "unit", entry->unit);
    put_quality(&json, reading.sample.quality);
    ct_json_int(&json, "t_ns", reading.sample.t_ns);
    if (seen) {
        ct_json_int(&json, "age_ms", (bus->now - reading.sample.t_ns) / CT_NS_PER_MS);
    } else {
        ct_json_null(&json, "age_ms");
    }
    ct_json_object_end(&json);
    ct_buf_text(out, "\n");
}

/* ---- overview */

static void put_health(struct ct_json *json, const struct bus_port *port)
{
    const struct ct_bus_health *health = &port->health;
    ct_json_string(json, "state", health->known ? ct_bus_state_text(health->state) : NULL);
    ct_json_uint(json, "tx_errors", health->tx_errors);
    ct_json_uint(json, "rx_errors", health->rx_errors);
    ct_json_uint(json, "bus_offs", health->bus_offs);
    ct_json_uint(json, "restarts", health->restarts);
    if (port->load.percent < 0) {
        ct_json_null(json, "load_percent");
    } else {
        ct_json_double(json, "load_percent", port->load.percent);
    }
}

static void put_bus(struct ct_json *json, const struct ct_bus *bus, size_t index)
{
    const struct bus_port *port = &bus->ports[index];
    const struct ct_port_stats *stats = &port->port->stats;
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", bus->model->settings->buses[index].name);
    ct_json_string(json, "port", port->port->name);
    ct_json_bool(json, "up", stats->up && !port->ended);
    ct_json_uint(json, "frames", port->counts.frames);
    ct_json_uint(json, "decoded", port->counts.by_class[CT_FRAME_DECODED]);
    ct_json_uint(json, "unknown", port->counts.by_class[CT_FRAME_UNKNOWN]);
    ct_json_uint(json, "remote", port->counts.by_class[CT_FRAME_REMOTE]);
    ct_json_uint(json, "error", port->counts.by_class[CT_FRAME_ERROR]);
    ct_json_uint(json, "checksum_failures", port->counts.checksum_failures);
    ct_json_uint(json, "counter_failures", port->counts.counter_failures);
    ct_json_uint(json, "lost", stats->lost);
    ct_json_uint(json, "malformed", stats->malformed);
    ct_json_uint(json, "sent", stats->sent);
    ct_json_uint(json, "refused", stats->refused);
    ct_json_uint(json, "unsent", ct_bus_unsent(port));
    ct_json_uint(json, "asleep", port->asleep);
    ct_json_uint(json, "confirmed", stats->confirmed);
    ct_json_uint(json, "unconfirmed", stats->unconfirmed);
    put_health(json, port);
    ct_json_object_end(json);
}

static size_t seen_entries(const struct ct_bus *bus)
{
    const struct ct_twin *twin = bus->model->pipeline.twin;
    size_t seen = 0;
    struct ct_reading reading;
    for (uint32_t id = 0; ct_twin_get(twin, id, &reading) == CT_OK; id++) {
        seen += (reading.sample.quality & CT_Q_NEVER_SEEN) == 0 ? 1 : 0;
    }
    return seen;
}

/* From the frames' stamps to their values being readable here. */
static void put_delay(struct ct_json *json, const struct ct_bus *bus)
{
    ct_json_object_begin(json, "delay_us");
    ct_json_double(json, "p50", (double)ct_hist_quantile(&bus->delay, 500) / 1e3);
    ct_json_double(json, "p99", (double)ct_hist_quantile(&bus->delay, 990) / 1e3);
    ct_json_double(json, "max", (double)bus->delay.max / 1e3);
    ct_json_uint(json, "frames", bus->delay.total);
    ct_json_object_end(json);
}

static void put_twin(struct ct_json *json, const struct ct_bus *bus)
{
    const struct ct_pipeline *pipeline = &bus->model->pipeline;
    ct_json_object_begin(json, "twin");
    ct_json_uint(json, "revision", ct_twin_revision(pipeline->twin));
    ct_json_uint(json, "entries", ct_catalogue_count(ct_bind_catalogue(pipeline->bind)));
    ct_json_uint(json, "seen", seen_entries(bus));
    ct_json_bytes(json, "catalogue", ct_catalogue_hash(ct_bind_catalogue(pipeline->bind)), CT_HASH_SIZE);
    ct_json_uint(json, "reloads", bus->reloads);
    ct_json_object_end(json);
}

static void put_collect(struct ct_json *json, const struct ct_bus *bus)
{
    const struct ct_collect *collect = bus->model->pipeline.collect;
    ct_json_object_begin(json, "collect");
    ct_json_uint(json, "entries", ct_collect_entries(collect));
    ct_json_uint(json, "samples", ct_collect_emitted(collect));
    ct_json_uint(json, "refused", ct_collect_refused(collect));
    ct_json_uint(json, "lost", bus->lost_total);
    ct_json_object_end(json);
}

static void put_outbox(struct ct_json *json, const struct ct_msg_storage_stats *stats)
{
    static const char *const names[CT_CLASS_COUNT] = {"event", "result", "sample"};
    ct_json_object_begin(json, "outbox");
    for (size_t i = 0; i < CT_CLASS_COUNT; i++) {
        ct_json_object_begin(json, names[i]);
        ct_json_uint(json, "newest", stats->outbox.newest.seq[i]);
        ct_json_uint(json, "acked", stats->outbox.acked.seq[i]);
        ct_json_uint(json, "bytes", stats->outbox.bytes[i]);
        ct_json_object_end(json);
    }
    ct_json_uint(json, "batches", stats->batches);
    ct_json_uint(json, "samples", stats->samples);
    ct_json_uint(json, "dropped_samples", stats->outbox.dropped_samples);
    ct_json_uint(json, "events_lost", stats->events_lost);
    ct_json_uint(json, "results_lost", stats->statuses_lost);
    ct_json_uint(json, "commits", stats->outbox.commits);
    ct_json_uint(json, "commit_errors", stats->outbox.commit_errors);
    ct_json_uint(json, "written_bytes", stats->outbox.written_bytes);
    ct_json_object_end(json);
}

static void put_link(struct ct_json *json, const struct ct_link_vehicle_stats *link)
{
    ct_json_object_begin(json, "link");
    ct_json_bool(json, "connected", link->connected);
    ct_json_uint(json, "sent", link->sent_envelopes);
    ct_json_uint(json, "received", link->received_envelopes);
    ct_json_uint(json, "malformed", link->malformed);
    ct_json_uint(json, "reconnects", link->reconnects);
    ct_json_uint(json, "sent_bytes", link->sent_bytes);
    ct_json_uint(json, "delivery_bytes", link->delivery_bytes);
    ct_json_uint(json, "record_bytes", link->record_bytes);
    ct_json_uint(json, "packed_deliveries", link->packed_deliveries);
    ct_json_uint(json, "dense_deliveries", link->dense_deliveries);
    ct_json_object_end(json);
}

static void put_commands(struct ct_json *json, const struct ct_bus *bus)
{
    struct ct_executor_stats stats;
    ct_executor_stats_get(bus->executor, &stats);
    ct_json_object_begin(json, "commands");
    ct_json_uint(json, "received", bus->storage_stats.commands);
    ct_json_uint(json, "refused_before_policy", bus->storage_stats.commands_refused);
    ct_json_uint(json, "submitted", stats.submitted);
    ct_json_uint(json, "running", ct_executor_running(bus->executor));
    ct_json_uint(json, "done", stats.done);
    ct_json_uint(json, "failed", stats.failed);
    ct_json_uint(json, "refused", stats.refused);
    ct_json_uint(json, "expired", stats.expired);
    ct_json_uint(json, "cancelled", stats.cancelled);
    ct_json_uint(json, "frames_sent", stats.frames_out);
    ct_json_uint(json, "frames_denied", stats.frames_denied);
    ct_json_object_end(json);
}

static void put_policy(struct ct_json *json, const struct ct_bus *bus)
{
    struct ct_policy_counts counts;
    ct_policy_counts_get(bus->model->policy, &counts);
    ct_json_object_begin(json, "policy");
    ct_json_uint(json, "allowed", counts.allowed);
    ct_json_object_begin(json, "denied");
    for (int verdict = CT_VERDICT_ALLOW + 1; verdict <= CT_VERDICT_TRANSMIT_OFF; verdict++) {
        if (counts.denied[verdict] > 0) {
            ct_json_uint(json, ct_verdict_text((enum ct_verdict)verdict), counts.denied[verdict]);
        }
    }
    ct_json_object_end(json);
    ct_json_object_end(json);
}

void ct_status_json_overview(const struct ct_bus *bus, struct ct_buf *out)
{
    struct ct_json json;
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "program", "cantwin-gateway " CANTWIN_VERSION);
    ct_json_string(&json, "vehicle_id", bus->model->settings->vehicle_id);
    ct_json_int(&json, "uptime_ms", (bus->now - bus->started_ns) / CT_NS_PER_MS);
    ct_json_array_begin(&json, "buses");
    for (size_t i = 0; i < bus->port_count; i++) {
        put_bus(&json, bus, i);
    }
    ct_json_array_end(&json);
    put_delay(&json, bus);
    put_twin(&json, bus);
    put_collect(&json, bus);
    put_outbox(&json, &bus->storage_stats);
    put_link(&json, &bus->storage_stats.link);
    put_commands(&json, bus);
    put_policy(&json, bus);
    ct_json_object_begin(&json, "rings");
    ct_json_uint(&json, "to_storage_refused", ct_ring_refused(bus->channels->bus_to_storage.ring));
    ct_json_uint(&json, "to_storage_used", ct_ring_used(bus->channels->bus_to_storage.ring));
    ct_json_uint(&json, "owed_lost", bus->owed_lost);
    ct_json_object_end(&json);
    ct_json_object_end(&json);
    ct_buf_text(out, "\n");
}
