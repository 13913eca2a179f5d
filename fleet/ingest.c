#include "ingest.h"

#include "batch.h"
#include "crash_point.h"
#include "name_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_NS      CT_NS_PER_S
#define SOFTWARE_MAX 64

struct vehicle {
    struct ct_ingest *ingest;
    char id[CT_INGEST_VEHICLE_MAX + 1];
    struct ct_link_fleet *link;
    struct ct_catalogue_reader *reader; /* NULL unless parts are being collected */
    struct ct_stream_positions appended;
    bool dirty; /* appended since the last sync: one of the ingest's list */
    struct vehicle *next_dirty;
    bool connected;
    bool holds_commands; /* one was not sent: none after it, before all come again in order */
    char software[SOFTWARE_MAX + 1];
    ct_ns seen_ns; /* last told */
    ct_ns received_ns;
};

struct ct_ingest {
    struct ct_ingest_log *log;
    struct ct_ingest_ops ops;
    struct ct_ingest_stats stats;
    struct vehicle **vehicles;
    size_t capacity;
    struct ct_name_table names;
    struct ct_packer *packer;
    uint8_t (*hashes)[CT_HASH_SIZE]; /* catalogues wholly in the log or the database */
    size_t hash_count, hash_capacity;
    struct vehicle *dirty; /* those whose records wait for a sync */
    ct_ns due;             /* of some vehicle's link or silence; before, only who receives has something to do */
    /* the envelope being received */
    int64_t utc_ns;
    ct_ns now;
    int failed;
};

/* ------------------------------------------------------------------------------------------------ link operations */

static int on_send(void *user, const void *data, size_t len)
{
    const struct vehicle *vehicle = user;
    return vehicle->ingest->ops.send(vehicle->ingest->ops.user, vehicle->id, data, len);
}

static int append(struct vehicle *vehicle, struct ct_ingest_entry *entry)
{
    struct ct_ingest *ingest = vehicle->ingest;
    entry->received_utc_ns = ingest->utc_ns;
    memcpy(entry->vehicle_id, vehicle->id, sizeof entry->vehicle_id);
    const int err = ct_ingest_log_append(ingest->log, entry);
    if (err != CT_OK && err != CT_ERR_TOO_LARGE) {
        ingest->failed = err;
    }
    return err;
}

static int on_record(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq_first,
                     uint64_t seq_last, const uint8_t *record, size_t len)
{
    struct vehicle *vehicle = user;
    struct ct_ingest *ingest = vehicle->ingest;
    struct ct_stream_position *stream = ct_stream_position_of(&vehicle->appended, stream_id);
    if (seq_last <= stream->positions.seq[CT_CLASS_INDEX(class)]) {
        ingest->stats.duplicates++;
        return CT_OK;
    }
    CT_CRASH_POINT("fleet-before-log");
    struct ct_ingest_entry entry = {.kind = CT_INGEST_RECORD,
                                    .class = (uint8_t) class,
                                    .seq_first = seq_first,
                                    .seq_last = seq_last,
                                    .data = record,
                                    .len = len};
    memcpy(entry.stream_id, stream_id, CT_STREAM_ID_SIZE);
    const int err = append(vehicle, &entry);
    if (err != CT_OK) {
        return CT_ERR_AGAIN;
    }
    (void)ct_stream_position_advance(stream, class, seq_last);
    if (!vehicle->dirty) {
        vehicle->dirty = true;
        vehicle->next_dirty = ingest->dirty;
        ingest->dirty = vehicle;
    }
    ingest->stats.records++;
    return CT_OK;
}

static int learn_hash(struct ct_ingest *ingest, const uint8_t hash[CT_HASH_SIZE])
{
    if (ingest->hash_count == ingest->hash_capacity) {
        const size_t capacity = ingest->hash_capacity == 0 ? 16 : ingest->hash_capacity * 2;
        uint8_t(*grown)[CT_HASH_SIZE] = realloc(ingest->hashes, capacity * sizeof *grown);
        if (grown == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        ingest->hashes = grown;
        ingest->hash_capacity = capacity;
    }
    memcpy(ingest->hashes[ingest->hash_count++], hash, CT_HASH_SIZE);
    return CT_OK;
}

static bool on_knows_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct vehicle *vehicle = user;
    const struct ct_ingest *ingest = vehicle->ingest;
    for (size_t i = 0; i < ingest->hash_count; i++) {
        if (memcmp(ingest->hashes[i], hash, CT_HASH_SIZE) == 0) {
            return true;
        }
    }
    return false;
}

/* Follows the parts as the folder will, to know when a catalogue is whole. */
static int follow_catalogue(struct vehicle *vehicle, const uint8_t *part, size_t len)
{
    struct ct_catalogue *catalogue = NULL;
    if (vehicle->reader == NULL && ct_catalogue_reader_create(&vehicle->reader) != CT_OK) {
        return CT_ERR_NO_MEMORY;
    }
    int err = ct_catalogue_reader_part(vehicle->reader, part, len, &catalogue);
    if (err == CT_OK && catalogue == NULL) {
        return CT_OK;
    }
    ct_catalogue_reader_free(vehicle->reader);
    vehicle->reader = NULL;
    if (err == CT_OK && !on_knows_catalogue(vehicle, ct_catalogue_hash(catalogue))) {
        err = learn_hash(vehicle->ingest, ct_catalogue_hash(catalogue));
    }
    ct_catalogue_unref(catalogue);
    return err;
}

static int on_catalogue(void *user, const uint8_t *part, size_t len)
{
    struct vehicle *vehicle = user;
    struct ct_ingest_entry entry = {.kind = CT_INGEST_CATALOGUE, .data = part, .len = len};
    if (append(vehicle, &entry) != CT_OK) {
        return CT_ERR_AGAIN;
    }
    vehicle->ingest->stats.catalogue_parts++;
    return follow_catalogue(vehicle, part, len);
}

/* It may name a catalogue that came just before it: that one is made durable, so that the folder can have it first. */
static void on_state(void *user, const uint8_t *state, size_t len)
{
    const struct vehicle *vehicle = user;
    if (vehicle->ingest->failed == CT_OK) {
        vehicle->ingest->failed = ct_ingest_log_sync(vehicle->ingest->log);
    }
    vehicle->ingest->ops.state(vehicle->ingest->ops.user, vehicle->id, state, len);
}

static void on_wanted(void *user, const uint8_t *wanted, size_t len)
{
    const struct vehicle *vehicle = user;
    const struct ct_ingest_ops *ops = &vehicle->ingest->ops;
    if (ops->wanted != NULL) {
        ops->wanted(ops->user, vehicle->id, wanted, len);
    }
}

static void connect(struct vehicle *vehicle)
{
    vehicle->ingest->stats.connected += !vehicle->connected;
    vehicle->connected = true;
    vehicle->ingest->ops.hello(vehicle->ingest->ops.user, vehicle->id, vehicle->software);
}

static void on_hello(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], const uint8_t boot_id[CT_BOOT_ID_SIZE],
                     const char *software, int64_t now_ns, int64_t now_utc_ns)
{
    struct vehicle *vehicle = user;
    (void)stream_id;
    (void)boot_id;
    (void)now_ns;
    (void)now_utc_ns;
    (void)snprintf(vehicle->software, sizeof vehicle->software, "%s", software);
    connect(vehicle);
}

/* The answer makes the vehicle resume behind it, so what is appended must count: it is synced first. */
static void on_durable(void *user, const uint8_t stream_id[CT_STREAM_ID_SIZE], struct ct_positions *out_durable)
{
    struct vehicle *vehicle = user;
    struct ct_ingest *ingest = vehicle->ingest;
    if (vehicle->dirty && ingest->failed == CT_OK) {
        ingest->failed = ct_ingest_log_sync(ingest->log);
    }
    *out_durable = ct_stream_position_of(&vehicle->appended, stream_id)->positions;
    if (ingest->failed != CT_OK) {
        *out_durable = (struct ct_positions){{0}};
    }
}

/* ------------------------------------------------------------------------------------------------ vehicles */

static int make_vehicle(struct ct_ingest *ingest, const char *id, struct vehicle **out_vehicle)
{
    struct vehicle *vehicle = calloc(1, sizeof *vehicle);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const struct ct_link_fleet_ops ops = {.user = vehicle,
                                          .send = on_send,
                                          .record = on_record,
                                          .catalogue = on_catalogue,
                                          .state = on_state,
                                          .wanted = on_wanted,
                                          .hello = on_hello,
                                          .durable = on_durable,
                                          .knows_catalogue = on_knows_catalogue,
                                          .packer = ingest->packer,
                                          .dense = true};
    vehicle->ingest = ingest;
    (void)snprintf(vehicle->id, sizeof vehicle->id, "%s", id);
    int err = ct_link_fleet_create(&ops, &vehicle->link);
    if (err == CT_OK) {
        err = ct_name_table_add(&ingest->names, vehicle->id, (uint32_t)ingest->stats.vehicles);
    }
    if (err != CT_OK) {
        ct_link_fleet_free(vehicle->link);
        free(vehicle);
        return err;
    }
    *out_vehicle = vehicle;
    return CT_OK;
}

static struct vehicle *find_vehicle(const struct ct_ingest *ingest, const char *id)
{
    uint32_t index;
    return ct_name_table_find(&ingest->names, id, &index) == CT_OK ? ingest->vehicles[index] : NULL;
}

static struct vehicle *get_vehicle(struct ct_ingest *ingest, const char *id)
{
    struct vehicle *vehicle = find_vehicle(ingest, id);
    if (vehicle != NULL) {
        return vehicle;
    }
    if (ingest->stats.vehicles == ingest->capacity) {
        const size_t capacity = ingest->capacity == 0 ? 16 : ingest->capacity * 2;
        struct vehicle **grown = realloc(ingest->vehicles, capacity * sizeof *grown);
        if (grown == NULL) {
            return NULL;
        }
        ingest->vehicles = grown;
        ingest->capacity = capacity;
    }
    if (make_vehicle(ingest, id, &vehicle) != CT_OK) {
        return NULL;
    }
    ingest->vehicles[ingest->stats.vehicles++] = vehicle;
    return vehicle;
}

int ct_ingest_create(struct ct_ingest_log *log, const struct ct_ingest_ops *ops, struct ct_ingest **out_ingest)
{
    struct ct_ingest *ingest = calloc(1, sizeof *ingest);
    if (ingest == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ingest->log = log;
    ingest->ops = *ops;
    ingest->due = CT_NS_NEVER;
    const int err = ct_packer_create(&ingest->packer);
    if (err != CT_OK) {
        free(ingest);
        return err;
    }
    *out_ingest = ingest;
    return CT_OK;
}

void ct_ingest_free(struct ct_ingest *ingest)
{
    if (ingest == NULL) {
        return;
    }
    for (size_t i = 0; i < ingest->stats.vehicles; i++) {
        ct_link_fleet_free(ingest->vehicles[i]->link);
        ct_catalogue_reader_free(ingest->vehicles[i]->reader);
        free(ingest->vehicles[i]);
    }
    free(ingest->vehicles);
    free(ingest->hashes);
    ct_name_table_free(&ingest->names);
    ct_packer_free(ingest->packer);
    free(ingest);
}

int ct_ingest_restore_position(struct ct_ingest *ingest, const char *vehicle_id,
                               const uint8_t stream_id[CT_STREAM_ID_SIZE], enum ct_class class, uint64_t seq)
{
    struct vehicle *vehicle = get_vehicle(ingest, vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct ct_stream_position *stream = ct_stream_position_of(&vehicle->appended, stream_id);
    (void)ct_stream_position_advance(stream, class, seq);
    stream->dirty = false;
    return CT_OK;
}

int ct_ingest_restore_catalogue(struct ct_ingest *ingest, const uint8_t hash[CT_HASH_SIZE])
{
    return learn_hash(ingest, hash);
}

int ct_ingest_restore_entry(struct ct_ingest *ingest, const struct ct_ingest_entry *entry)
{
    if (entry->kind == CT_INGEST_RECORD) {
        const bool known = entry->class >= CT_CLASS_EVENT && entry->class <= CT_CLASS_SAMPLE;
        return known ? ct_ingest_restore_position(ingest, entry->vehicle_id, entry->stream_id,
                                                  (enum ct_class)entry->class, entry->seq_last)
                     : CT_OK;
    }
    struct vehicle *vehicle = get_vehicle(ingest, entry->vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = follow_catalogue(vehicle, entry->data, entry->len);
    return err == CT_ERR_NO_MEMORY ? err : CT_OK; /* a part out of order: the vehicle sends it again */
}

/* ------------------------------------------------------------------------------------------------ work */

static void tell_seen(struct ct_ingest *ingest, struct vehicle *vehicle, bool greeted)
{
    vehicle->received_ns = ingest->now;
    if (!vehicle->connected && greeted) {
        connect(vehicle); /* silent for a while, but not for so long that it says hello again */
    }
    if (vehicle->connected && ingest->now - vehicle->seen_ns >= SEEN_NS) {
        vehicle->seen_ns = ingest->now;
        ingest->ops.seen(ingest->ops.user, vehicle->id, ingest->utc_ns);
    }
}

/* What is due of one vehicle. */
static void tick(struct ct_ingest *ingest, struct vehicle *vehicle)
{
    ct_ns next = ct_link_fleet_tick(vehicle->link, ingest->now, ingest->utc_ns);
    if (vehicle->connected) {
        const ct_ns silent = ct_ns_add(vehicle->received_ns, CT_INGEST_SILENCE_NS);
        if (ingest->now >= silent) {
            vehicle->connected = false;
            ingest->stats.connected--;
            ingest->ops.lost(ingest->ops.user, vehicle->id);
        } else {
            next = ct_ns_min(next, silent);
        }
    }
    ingest->due = ct_ns_min(ingest->due, next);
}

int ct_ingest_receive(struct ct_ingest *ingest, const char *vehicle_id, const uint8_t *data, size_t len, ct_ns now,
                      int64_t utc_ns)
{
    struct vehicle *vehicle = get_vehicle(ingest, vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ingest->now = now;
    ingest->utc_ns = utc_ns;
    struct ct_link_fleet_stats before, after;
    ct_link_fleet_stats_get(vehicle->link, &before);
    ct_link_fleet_receive(vehicle->link, data, len, now, utc_ns);
    ct_link_fleet_stats_get(vehicle->link, &after);
    ingest->stats.envelopes++;
    ingest->stats.malformed += after.malformed - before.malformed;
    ingest->stats.duplicates += after.duplicates - before.duplicates;
    tell_seen(ingest, vehicle, after.greeted);
    tick(ingest, vehicle);
    return ingest->failed;
}

bool ct_ingest_pending(const struct ct_ingest *ingest)
{
    return ct_ingest_log_pending(ingest->log) > 0;
}

static void acknowledge(struct vehicle *vehicle, ct_ns now)
{
    for (size_t i = 0; i < vehicle->appended.count; i++) {
        struct ct_stream_position *stream = &vehicle->appended.streams[i];
        if (stream->dirty) {
            stream->dirty = false;
            ct_link_fleet_durable(vehicle->link, stream->stream_id, &stream->positions, now);
        }
    }
    vehicle->dirty = false;
}

int ct_ingest_write(struct ct_ingest *ingest)
{
    ingest->failed = ingest->failed == CT_OK ? ct_ingest_log_write(ingest->log) : ingest->failed;
    return ingest->failed;
}

int ct_ingest_sync(struct ct_ingest *ingest, ct_ns now)
{
    if (ingest->failed == CT_OK && ct_ingest_pending(ingest)) {
        ingest->failed = ct_ingest_log_sync(ingest->log);
        ingest->stats.syncs++;
    }
    if (ingest->failed != CT_OK) {
        return ingest->failed;
    }
    ingest->now = now;
    while (ingest->dirty != NULL) {
        struct vehicle *vehicle = ingest->dirty;
        ingest->dirty = vehicle->next_dirty;
        CT_CRASH_POINT("fleet-before-ack");
        acknowledge(vehicle, now);
        tick(ingest, vehicle);
    }
    return CT_OK;
}

int ct_ingest_command(struct ct_ingest *ingest, const char *vehicle_id, const uint8_t *signed_command, size_t len)
{
    struct vehicle *vehicle = find_vehicle(ingest, vehicle_id);
    if (vehicle == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    int err = vehicle->connected ? CT_ERR_AGAIN : CT_ERR_NOT_FOUND;
    if (vehicle->connected && !vehicle->holds_commands) {
        err = ct_link_fleet_command(vehicle->link, signed_command, len);
    }
    vehicle->holds_commands = err != CT_OK;
    return err;
}

void ct_ingest_resend(struct ct_ingest *ingest, const char *vehicle_id)
{
    struct vehicle *vehicle = find_vehicle(ingest, vehicle_id);
    if (vehicle != NULL) {
        vehicle->holds_commands = false;
    }
}

int ct_ingest_update(struct ct_ingest *ingest, const char *vehicle_id, bool chunk, const uint8_t *data, size_t len)
{
    struct vehicle *vehicle = find_vehicle(ingest, vehicle_id);
    if (vehicle == NULL || !vehicle->connected) {
        return CT_ERR_NOT_FOUND;
    }
    return chunk ? ct_link_fleet_chunk(vehicle->link, data, len) : ct_link_fleet_offer(vehicle->link, data, len);
}

ct_ns ct_ingest_tick(struct ct_ingest *ingest, ct_ns now, int64_t utc_ns)
{
    ingest->now = now;
    ingest->utc_ns = utc_ns;
    if (now >= ingest->due) {
        ingest->due = CT_NS_NEVER;
        for (size_t i = 0; i < ingest->stats.vehicles; i++) {
            tick(ingest, ingest->vehicles[i]);
        }
    }
    return ingest->due;
}

void ct_ingest_stats_get(const struct ct_ingest *ingest, struct ct_ingest_stats *out_stats)
{
    *out_stats = ingest->stats;
}
