#include "bus_private.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define STATE_BYTES_MAX (200U * 1024U)
#define STATE_BLOB_MAX  (100U * 1024U)
#define SNAPSHOT_RETRY  (20 * CT_NS_PER_MS)

static struct ct_ring *ring_of(struct ct_bus *bus)
{
    return bus->channels->bus_to_storage.ring;
}

/* ---- samples */

int ct_bus_emit(void *user, const struct ct_sample *sample)
{
    struct ct_bus *bus = user;
    /* Nothing overtakes an unreported gap, so that it stands where the samples are missing. */
    return bus->lost.samples > 0 ? CT_ERR_FULL
                                 : ct_ring_push2(ring_of(bus), CT_MSG_SAMPLE, sample, sizeof *sample,
                                                 sample->len > 0 ? sample->bytes : NULL, sample->len);
}

/* A refused sample is tried again by the collection, which knows when its value was overwritten before it could leave.
 */
static void take_lost(struct ct_bus *bus)
{
    struct ct_collect_lost more;
    struct ct_msg_gap *lost = &bus->lost;
    ct_collect_take_lost(bus->model->pipeline.collect, &more);
    if (more.samples == 0) {
        return;
    }
    if (lost->samples == 0) {
        *lost = (struct ct_msg_gap){.reason = CT_GAP_QUEUE_FULL, .from_ns = more.from_ns, .to_ns = more.to_ns};
    }
    lost->samples += more.samples;
    lost->from_ns = ct_ns_min(lost->from_ns, more.from_ns);
    lost->to_ns = more.to_ns > lost->to_ns ? more.to_ns : lost->to_ns;
    bus->lost_total += more.samples;
}

void ct_bus_give_up_samples(struct ct_bus *bus)
{
    ct_collect_give_up(bus->model->pipeline.collect);
    take_lost(bus);
}

/* ---- events, gaps, statuses: these wait in the bus thread when the ring is full */

static void push_or_owe(struct ct_bus *bus, uint32_t type, const void *head, size_t head_len, const void *data,
                        size_t len)
{
    const bool queue = ct_ring_used(bus->owed) > 0; /* to keep the order */
    if (!queue && ct_ring_push2(ring_of(bus), type, head, head_len, data, len) == CT_OK) {
        return;
    }
    if (ct_ring_push2(bus->owed, type, head, head_len, data, len) != CT_OK) {
        bus->owed_lost++;
        ct_log(CT_LOG_ERROR, "an event or command status is lost: the storage thread does not follow");
    }
}

void ct_bus_event(struct ct_bus *bus, const char *name, const char *text, const char *key, const char *value)
{
    struct ct_msg_event event = {.t_ns = bus->now};
    snprintf(event.name, sizeof event.name, "%s", name);
    snprintf(event.text, sizeof event.text, "%s", text);
    if (key != NULL) {
        event.field_count = 1;
        snprintf(event.fields[0].key, sizeof event.fields[0].key, "%s", key);
        snprintf(event.fields[0].value, sizeof event.fields[0].value, "%s", value);
    }
    push_or_owe(bus, CT_MSG_EVENT, &event, sizeof event, NULL, 0);
}

void ct_bus_gap(struct ct_bus *bus, const struct ct_msg_gap *gap)
{
    push_or_owe(bus, CT_MSG_GAP, gap, sizeof *gap, NULL, 0);
}

void ct_bus_own_dtcs(struct ct_bus *bus, const uint8_t *data, size_t len)
{
    push_or_owe(bus, CT_MSG_OWN_DTCS, data, len, NULL, 0);
}

void ct_bus_status(struct ct_bus *bus, const struct ct_msg_status *status, const uint8_t *response, size_t len)
{
    push_or_owe(bus, CT_MSG_STATUS, status, sizeof *status, response, len);
    ct_channel_wake(&bus->channels->bus_to_storage);
}

static bool flush_owed(struct ct_bus *bus)
{
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(bus->owed, &type, &data, &len) == CT_OK) {
        if (ct_ring_push(ring_of(bus), type, data, len) != CT_OK) {
            return false;
        }
        ct_ring_pop(bus->owed);
    }
    return true;
}

static bool flush_lost(struct ct_bus *bus)
{
    take_lost(bus);
    if (bus->lost.samples == 0) {
        return true;
    }
    if (ct_ring_push(ring_of(bus), CT_MSG_GAP, &bus->lost, sizeof bus->lost) != CT_OK) {
        return false;
    }
    ct_log(CT_LOG_WARNING, "%llu samples lost: the storage thread did not follow",
           (unsigned long long)bus->lost.samples);
    bus->lost.samples = 0;
    return true;
}

/* ---- snapshots */

/* Gathers the next samples that may leave, from *cursor on. */
static size_t gather_state(struct ct_bus *bus, uint32_t *cursor)
{
    const struct ct_pipeline *pipeline = &bus->model->pipeline;
    const size_t count = ct_catalogue_count(ct_bind_catalogue(pipeline->bind));
    size_t gathered = 0;
    size_t bytes = 0;
    for (; *cursor < count && gathered < BUS_STATE_SAMPLES && bytes < STATE_BLOB_MAX; (*cursor)++) {
        struct ct_reading reading;
        if (!ct_collect_has(pipeline->collect, *cursor) || ct_twin_get(pipeline->twin, *cursor, &reading) != CT_OK ||
            (reading.sample.quality & CT_Q_NEVER_SEEN) != 0) {
            continue;
        }
        bus->state_samples[gathered++] = reading.sample;
        bytes += reading.sample.len;
    }
    return gathered;
}

static int push_state_part(struct ct_bus *bus, size_t count, bool last, struct ct_buf *out)
{
    const struct ct_pipeline *pipeline = &bus->model->pipeline;
    const struct ct_batch_time time = {.base_ns = bus->now,
                                       .base_utc_ns = ct_ns_add(bus->now, ct_clock_utc_now() - ct_clock_now()),
                                       .utc_uncertainty_ns = (uint64_t)CT_NS_PER_S};
    ct_buf_clear(out);
    const int err = ct_state_encode(bus->snapshot_id, bus->boot_id, ct_twin_revision(pipeline->twin), last,
                                    ct_bind_catalogue(pipeline->bind), &time, bus->state_samples, count, out);
    return err == CT_OK ? ct_ring_push(ring_of(bus), CT_MSG_STATE, out->data, out->len) : err;
}

/* All parts are of one instant: no frame comes between them. */
static void push_state(struct ct_bus *bus)
{
    const size_t end = ct_catalogue_count(ct_bind_catalogue(bus->model->pipeline.bind));
    struct ct_buf out;
    ct_buf_init(&out, STATE_BYTES_MAX);
    uint32_t cursor = 0;
    int err = CT_OK;
    do {
        const size_t count = gather_state(bus, &cursor);
        err = push_state_part(bus, count, cursor >= end, &out);
    } while (err == CT_OK && cursor < end);
    if (err != CT_OK) {
        ct_log(CT_LOG_WARNING, "a snapshot could not be handed over: %s%s", ct_err_text(err),
               err == CT_ERR_FULL ? "; it is tried again" : "");
    }
    if (err == CT_ERR_FULL) {
        bus->snapshot_wanted = true;
        bus->snapshot_due = ct_ns_add(bus->now, SNAPSHOT_RETRY);
    }
    ct_buf_free(&out);
    ct_channel_wake(&bus->channels->bus_to_storage);
}

bool ct_bus_out_flush(struct ct_bus *bus)
{
    const bool owed = flush_owed(bus);
    const bool lost = flush_lost(bus);
    if (owed && lost && bus->snapshot_wanted && bus->now >= bus->snapshot_due) {
        bus->snapshot_wanted = false;
        push_state(bus);
    }
    return owed && lost && !bus->snapshot_wanted;
}
