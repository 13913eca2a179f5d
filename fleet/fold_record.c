#include "folder_private.h"

#include "json.h"

#include <stdlib.h>
#include <string.h>

#define FIELDS_JSON_MAX 8192
#define CLOCK_AHEAD_NS  CT_NS_PER_S

/* The record being applied. */
struct fold {
    struct ct_folder *folder;
    struct ct_vehicle *vehicle;
    struct ct_moment moment;
    uint64_t offset;
    int64_t received_utc_ns;
    int64_t before_utc_ms; /* when the entry before it was received */
    bool live;             /* a State: twin only */
    struct ct_catalogue *catalogue;
    struct ct_batch_time time;
    int fatal; /* an error of storing, not of the record */
};

static const struct ct_catalogue *find_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    struct fold *fold = user;
    fold->catalogue = ct_catalogues_find(fold->folder->catalogues, hash);
    return fold->catalogue;
}

static int fatal(struct fold *fold, int err)
{
    if (err != CT_OK) {
        fold->fatal = err;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ samples */

int ct_fold_checkpoint(struct ct_folder *folder, struct ct_vehicle *vehicle)
{
    const size_t samples = vehicle->chunk.count;
    if (samples > 0) {
        int err = ct_history_store(folder->history, vehicle->row, &vehicle->chunk, vehicle->chunk_catalogue);
        err = err == CT_OK ? ct_history_merge(folder->history, vehicle->row) : err;
        if (err != CT_OK && err != CT_ERR_END) {
            return err;
        }
        folder->stats.chunks++;
        folder->open_samples -= samples;
    }
    vehicle->chunk_catalogue = NULL;
    vehicle->open_from = CT_NOT_OPEN;
    return ct_registry_store(folder->registry, vehicle, true);
}

/* A checkpoint stands between records only: one of which half is stored could not be replayed. */
static int make_room(struct fold *fold, size_t count)
{
    struct ct_vehicle *vehicle = fold->vehicle;
    const bool other = vehicle->chunk_catalogue != NULL && vehicle->chunk_catalogue != fold->catalogue;
    if (vehicle->chunk.count == 0 || (!other && ct_chunk_room(&vehicle->chunk, count))) {
        return CT_OK;
    }
    const int err = ct_folder_write(fold->folder, fold->moment);
    return err == CT_OK ? ct_fold_checkpoint(fold->folder, vehicle) : err;
}

static int batch_begin(void *user, const struct ct_record_head *head, const struct ct_catalogue *catalogue,
                       const struct ct_batch_time *time, size_t count)
{
    struct fold *fold = user;
    struct ct_vehicle *vehicle = fold->vehicle;
    (void)head;
    (void)catalogue;
    fold->time = *time;
    int err = fold->live ? CT_OK : make_room(fold, count);
    if (err == CT_OK) {
        err = ct_vehicle_use_catalogue(fold->folder->registry, vehicle, fold->catalogue);
    }
    if (err != CT_OK || fold->live) {
        return fatal(fold, err);
    }
    vehicle->chunk_catalogue = fold->catalogue;
    if (vehicle->open_from == CT_NOT_OPEN) {
        vehicle->open_from = fold->offset;
        vehicle->opened_ns = fold->moment.now;
        vehicle->dirty = true;
    }
    fold->folder->stats.batches++;
    return CT_OK;
}

static int64_t utc_of(const struct fold *fold, ct_ns t_ns)
{
    return ct_ns_add(fold->time.base_utc_ns, t_ns - fold->time.base_ns);
}

static int sample(void *user, const struct ct_sample *in)
{
    struct fold *fold = user;
    const struct ct_entry *entry = ct_catalogue_entry(fold->catalogue, in->id);
    struct ct_sample put = *in;
    put.t_ns = utc_of(fold, in->t_ns);
    if (entry == NULL) {
        return CT_ERR_RANGE;
    }
    if (!fold->live) {
        struct ct_chunk_sample keep = {
            .id = in->id, .quality = in->quality, .len = in->len, .utc_us = put.t_ns / CT_NS_PER_US};
        if (entry->kind == CT_KIND_RAW || entry->kind == CT_KIND_DOUBLE) {
            keep.raw = in->raw; /* of doubles the bits */
        } else {
            keep.bytes = in->bytes;
        }
        const int err = ct_chunk_add(&fold->vehicle->chunk, entry->kind, &keep);
        if (err != CT_OK) {
            return fatal(fold, err);
        }
        fold->folder->open_samples++;
        fold->folder->stats.samples++;
    }
    /* A vehicle whose clock is ahead must not bar the twin to what comes when it has been set right. */
    put.t_ns = ct_ns_min(put.t_ns, fold->received_utc_ns + CLOCK_AHEAD_NS);
    return ct_vehicle_put(fold->vehicle, &put, fold->moment.now);
}

static int batch_end(void *user)
{
    struct fold *fold = user;
    fold->vehicle->touched = true;
    return CT_OK;
}

/* ------------------------------------------------------------------------------------------------ the others */

static void fields_json(const struct ct_event *event, struct ct_buf *out)
{
    struct ct_json json;
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    for (size_t i = 0; i < event->field_count; i++) {
        ct_json_string(&json, event->fields[i].key, event->fields[i].value);
    }
    ct_json_object_end(&json);
}

static int event(void *user, const struct ct_record_head *head, const struct ct_event *in)
{
    struct fold *fold = user;
    struct ct_buf fields;
    (void)head;
    if (fold->offset < fold->folder->replay_end) {
        return CT_OK;
    }
    ct_buf_init(&fields, FIELDS_JSON_MAX);
    fields_json(in, &fields);
    const char *json = ct_buf_error(&fields) == CT_OK ? ct_buf_string(&fields) : "{}";
    const int64_t utc_ns = in->utc_ns != 0 ? in->utc_ns : fold->received_utc_ns;
    const int err = ct_history_add_event(fold->folder->history, fold->vehicle->row, utc_ns / CT_NS_PER_MS, in->name,
                                         in->text, json);
    ct_buf_free(&fields);
    fold->folder->stats.events++;
    return fatal(fold, err);
}

/* A gap stands in its own table for queries by time, and among the events for people. */
static int add_gap(struct fold *fold, const struct ct_gap *in)
{
    struct ct_buf fields;
    struct ct_json json;
    int err = ct_history_add_gap(fold->folder->history, fold->vehicle->row, in);
    if (err != CT_OK) {
        return err;
    }
    ct_buf_init(&fields, FIELDS_JSON_MAX);
    ct_json_init(&json, &fields);
    ct_json_object_begin(&json, NULL);
    ct_json_int(&json, "from_utc_ms", in->from_utc_ns / CT_NS_PER_MS);
    ct_json_int(&json, "to_utc_ms", in->to_utc_ns / CT_NS_PER_MS);
    ct_json_uint_safe(&json, "samples", in->samples);
    ct_json_uint_safe(&json, "seq_first", in->seq_first);
    ct_json_uint_safe(&json, "seq_last", in->seq_last);
    ct_json_object_end(&json);
    const int64_t utc_ns = in->to_utc_ns != 0 ? in->to_utc_ns : fold->received_utc_ns;
    err = ct_history_add_event(fold->folder->history, fold->vehicle->row, utc_ns / CT_NS_PER_MS, "gap",
                               ct_history_reason_text((int)in->reason), ct_buf_string(&fields));
    ct_buf_free(&fields);
    fold->folder->stats.gaps++;
    return err;
}

static int gap(void *user, const struct ct_record_head *head, const struct ct_gap *in)
{
    struct fold *fold = user;
    (void)head;
    return fold->offset < fold->folder->replay_end ? CT_OK : fatal(fold, add_gap(fold, in));
}

static int status(void *user, const struct ct_record_head *head, const struct ct_command_status *in)
{
    struct fold *fold = user;
    (void)head;
    if (fold->offset < fold->folder->replay_end) {
        return CT_OK;
    }
    const int64_t utc_ns = in->utc_ns != 0 ? in->utc_ns : fold->received_utc_ns;
    bool changed = false;
    const int err = ct_commands_status(fold->folder->commands, fold->vehicle->row, in, utc_ns / CT_NS_PER_MS, &changed);
    if (err == CT_OK && changed) {
        ct_folder_stream_command(fold->folder, fold->vehicle, in->command_id);
    }
    fold->folder->stats.statuses++;
    return fatal(fold, err);
}

static int update(void *user, const struct ct_record_head *head, const struct ct_update_status *in)
{
    struct fold *fold = user;
    (void)head;
    if (fold->offset < fold->folder->replay_end) {
        return CT_OK;
    }
    const int64_t utc_ns = in->utc_ns != 0 ? in->utc_ns : fold->received_utc_ns;
    fold->folder->stats.statuses++;
    return fatal(fold, ct_fold_update(fold->folder, fold->vehicle, in, utc_ns / CT_NS_PER_MS));
}

static struct ct_record_sink sink_of(struct fold *fold)
{
    return (struct ct_record_sink){.user = fold,
                                   .catalogue = find_catalogue,
                                   .batch_begin = batch_begin,
                                   .sample = sample,
                                   .batch_end = batch_end,
                                   .event = event,
                                   .gap = gap,
                                   .status = status,
                                   .update = update};
}

/* ------------------------------------------------------------------------------------------------ one entry */

static int fold_catalogue(struct fold *fold, const struct ct_ingest_entry *entry)
{
    struct ct_vehicle *vehicle = fold->vehicle;
    struct ct_folder *folder = fold->folder;
    if (fold->offset < folder->replay_end && fold->offset < vehicle->catalogue_replay_from) {
        return CT_OK;
    }
    if (vehicle->reader == NULL) {
        if (ct_catalogue_reader_create(&vehicle->reader) != CT_OK) {
            return CT_ERR_NO_MEMORY;
        }
        vehicle->catalogue_from = fold->offset;
        vehicle->dirty = true;
    }
    struct ct_catalogue *catalogue = NULL;
    const int err = ct_catalogue_reader_part(vehicle->reader, entry->data, entry->len, &catalogue);
    if (err == CT_OK && catalogue == NULL) {
        return CT_OK;
    }
    ct_catalogue_reader_free(vehicle->reader);
    vehicle->reader = NULL;
    vehicle->catalogue_from = CT_NOT_OPEN;
    vehicle->dirty = true;
    if (err != CT_OK) {
        folder->stats.refused++;
        return err == CT_ERR_NO_MEMORY ? err : CT_OK;
    }
    folder->stats.catalogues++;
    catalogue = ct_catalogues_add(folder->catalogues, catalogue);
    return catalogue == NULL ? CT_ERR_IO : ct_vehicle_use_catalogue(folder->registry, vehicle, catalogue);
}

/* An acknowledged record that cannot be applied is not lost without a word. */
static int report_refused(struct fold *fold, const struct ct_ingest_entry *entry)
{
    struct ct_folder *folder = fold->folder;
    folder->stats.refused++;
    if (fold->offset < folder->replay_end) {
        return CT_OK;
    }
    const struct ct_gap lost = {.seq_first = entry->seq_first,
                                .seq_last = entry->seq_last,
                                .from_utc_ns = entry->received_utc_ns,
                                .to_utc_ns = entry->received_utc_ns,
                                .reason = CT_GAP_DAMAGED};
    return add_gap(fold, &lost);
}

/* What the vehicle has an ack for but the log does not have: damage, or a log restored from an older copy. */
static int report_missing(struct fold *fold, const struct ct_stream_position *stream,
                          const struct ct_ingest_entry *entry)
{
    const uint64_t position = stream->positions.seq[CT_CLASS_INDEX(entry->class)];
    if (entry->seq_last <= position || entry->seq_first <= position + 1) {
        return CT_OK;
    }
    const struct ct_gap missing = {.seq_first = position + 1,
                                   .seq_last = entry->seq_first - 1,
                                   .from_utc_ns = fold->before_utc_ms * CT_NS_PER_MS,
                                   .to_utc_ns = entry->received_utc_ns,
                                   .reason = CT_GAP_DAMAGED};
    return add_gap(fold, &missing);
}

static int fold_record(struct fold *fold, const struct ct_ingest_entry *entry)
{
    struct ct_folder *folder = fold->folder;
    struct ct_vehicle *vehicle = fold->vehicle;
    const bool replay = fold->offset < folder->replay_end;
    if (entry->class < CT_CLASS_EVENT || entry->class > CT_CLASS_SAMPLE) {
        return report_refused(fold, entry);
    }
    if (replay && fold->offset < vehicle->replay_from) {
        return CT_OK; /* stored by an earlier run */
    }
    struct ct_stream_position *stream = ct_stream_position_of(&vehicle->positions, entry->stream_id);
    const int reported = replay ? CT_OK : report_missing(fold, stream, entry);
    if (reported != CT_OK) {
        return reported;
    }
    if (!replay && !ct_stream_position_advance(stream, (enum ct_class)entry->class, entry->seq_last)) {
        folder->stats.duplicates++;
        return CT_OK;
    }
    vehicle->dirty = true;
    folder->stats.records++;
    const struct ct_record_sink sink = sink_of(fold);
    const int err = ct_record_decode(entry->data, entry->len, &sink);
    if (fold->fatal != CT_OK) {
        return fold->fatal;
    }
    if (err == CT_ERR_NO_MEMORY) {
        return err;
    }
    return err == CT_OK ? CT_OK : report_refused(fold, entry);
}

int ct_fold_entry(struct ct_folder *folder, const struct ct_ingest_entry *entry, uint64_t offset,
                  struct ct_moment moment)
{
    const int err = ct_folder_write(folder, moment);
    if (err != CT_OK) {
        return err;
    }
    struct ct_vehicle *vehicle = ct_registry_get(folder->registry, entry->vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int64_t seen_ms = entry->received_utc_ns / CT_NS_PER_MS;
    if (seen_ms > vehicle->last_seen_utc_ms) {
        vehicle->last_seen_utc_ms = seen_ms;
        vehicle->dirty = true;
    }
    struct fold fold = {.folder = folder,
                        .vehicle = vehicle,
                        .moment = moment,
                        .offset = offset,
                        .received_utc_ns = entry->received_utc_ns,
                        .before_utc_ms = vehicle->applied_utc_ms};
    if (seen_ms > vehicle->applied_utc_ms) {
        vehicle->applied_utc_ms = seen_ms;
    }
    return entry->kind == CT_INGEST_CATALOGUE ? fold_catalogue(&fold, entry) : fold_record(&fold, entry);
}

int ct_fold_lost(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_moment moment)
{
    struct fold fold = {.folder = folder, .vehicle = vehicle, .moment = moment, .received_utc_ns = moment.utc_ns};
    const struct ct_gap lost = {.seq_first = 1, /* by time only */
                                .from_utc_ns = vehicle->last_seen_utc_ms * CT_NS_PER_MS - folder->config.chunk_ns,
                                .to_utc_ns = vehicle->last_seen_utc_ms * CT_NS_PER_MS,
                                .reason = CT_GAP_DAMAGED};
    int err = ct_folder_write(folder, moment);
    err = err == CT_OK ? add_gap(&fold, &lost) : err;
    return err == CT_OK ? ct_fold_checkpoint(folder, vehicle) : err;
}

void ct_fold_state(struct ct_folder *folder, struct ct_vehicle *vehicle, const uint8_t *state, size_t len,
                   struct ct_moment moment)
{
    struct fold fold = {
        .folder = folder, .vehicle = vehicle, .moment = moment, .received_utc_ns = moment.utc_ns, .live = true};
    const struct ct_record_sink sink = sink_of(&fold);
    uint64_t revision;
    bool last;
    folder->stats.states++;
    if (ct_state_decode(state, len, &sink, &revision, &last) != CT_OK) {
        folder->stats.refused++;
    }
}
