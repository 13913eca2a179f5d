#include "registry.h"

#include "name_table.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* name, text */
#define STATEMENTS(X)                                                                                                \
    X(ALL, "SELECT id, name, software, last_seen_utc_ms, catalogue, twin, open_from, catalogue_from FROM vehicles "  \
           "ORDER BY id")                                                                                            \
    X(ADD, "INSERT INTO vehicles(id, name) VALUES(?,?)")                                                             \
    X(SET, "UPDATE vehicles SET software = ?, last_seen_utc_ms = ?, open_from = ?, catalogue_from = ? WHERE id = ?") \
    X(SET_TWIN, "UPDATE vehicles SET catalogue = ?, twin = ? WHERE id = ?")                                          \
    X(POSITIONS, "SELECT vehicle, stream, class, seq FROM positions")                                                \
    X(SET_POSITION, "INSERT INTO positions VALUES(?,?,?,?) ON CONFLICT DO UPDATE SET seq = excluded.seq")            \
    X(DROP_POSITIONS, "DELETE FROM positions WHERE vehicle = ? AND stream NOT IN (?,?,?,?,?,?,?,?)")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_registry {
    struct ct_vehicle **vehicles; /* row = index + 1 */
    size_t count, capacity;
    struct ct_name_table names;
    struct ct_catalogues *catalogues;
    uint64_t revision_base;
    sqlite3_stmt *statements[S_COUNT];
};

static void free_branches(struct ct_vehicle *vehicle)
{
    for (size_t i = 0; i < vehicle->branch_count; i++) {
        free(vehicle->branches[i].name);
    }
    free(vehicle->branches);
    free(vehicle->entry_branch);
    vehicle->branches = NULL;
    vehicle->entry_branch = NULL;
    vehicle->branch_count = 0;
}

static void free_vehicle(struct ct_vehicle *vehicle)
{
    if (vehicle != NULL) {
        ct_twin_free(vehicle->twin);
        ct_chunk_free(&vehicle->chunk);
        ct_catalogue_reader_free(vehicle->reader);
        free_branches(vehicle);
        free(vehicle->rule_states);
        free(vehicle);
    }
}

static int make_room(struct ct_registry *registry)
{
    if (registry->count < registry->capacity) {
        return CT_OK;
    }
    const size_t capacity = registry->capacity == 0 ? 16 : registry->capacity * 2;
    struct ct_vehicle **grown = realloc(registry->vehicles, capacity * sizeof *grown);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    registry->vehicles = grown;
    registry->capacity = capacity;
    return CT_OK;
}

/* A vehicle in memory with the next row id. */
static struct ct_vehicle *add_vehicle(struct ct_registry *registry, const char *id)
{
    if (make_room(registry) != CT_OK) {
        return NULL;
    }
    struct ct_vehicle *vehicle = calloc(1, sizeof *vehicle);
    if (vehicle == NULL) {
        return NULL;
    }
    (void)snprintf(vehicle->id, sizeof vehicle->id, "%s", id);
    vehicle->row = (int64_t)registry->count + 1;
    vehicle->revision = registry->revision_base;
    vehicle->open_from = CT_NOT_OPEN;
    vehicle->catalogue_from = CT_NOT_OPEN;
    vehicle->replay_from = CT_NOT_OPEN;
    vehicle->catalogue_replay_from = CT_NOT_OPEN;
    ct_chunk_init(&vehicle->chunk);
    if (ct_name_table_add(&registry->names, vehicle->id, (uint32_t)registry->count) != CT_OK) {
        free_vehicle(vehicle);
        return NULL;
    }
    registry->vehicles[registry->count++] = vehicle;
    return vehicle;
}

/* ------------------------------------------------------------------------------------------------ branches */

static size_t branch_length(const char *name)
{
    const char *dot = strchr(name, '.');
    const char *second = dot == NULL ? NULL : strchr(dot + 1, '.');
    return second == NULL ? strlen(name) : (size_t)(second - name);
}

/* Entries of one branch mostly stand together, so looking from the newest back is short. */
static int branch_of(struct ct_registry *registry, struct ct_vehicle *vehicle, const char *name, uint32_t *out_index)
{
    const size_t len = branch_length(name);
    for (size_t i = vehicle->branch_count; i > 0; i--) {
        const char *known = vehicle->branches[i - 1].name;
        if (strncmp(known, name, len) == 0 && known[len] == '\0') {
            *out_index = (uint32_t)(i - 1);
            return CT_OK;
        }
    }
    struct ct_branch *grown = realloc(vehicle->branches, (vehicle->branch_count + 1) * sizeof *grown);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    vehicle->branches = grown;
    char *copy = strndup(name, len);
    if (copy == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    grown[vehicle->branch_count] = (struct ct_branch){copy, registry->revision_base};
    *out_index = (uint32_t)vehicle->branch_count++;
    return CT_OK;
}

/* Branches of earlier catalogues stay, so that their revisions go on when they come back. */
static int assign_branches(struct ct_registry *registry, struct ct_vehicle *vehicle,
                           const struct ct_catalogue *catalogue)
{
    const size_t count = ct_catalogue_count(catalogue);
    uint32_t *entry_branch = calloc(count + 1, sizeof *entry_branch);
    int err = entry_branch == NULL ? CT_ERR_NO_MEMORY : CT_OK;
    for (uint32_t id = 0; id < count && err == CT_OK; id++) {
        err = branch_of(registry, vehicle, ct_catalogue_entry(catalogue, id)->name, &entry_branch[id]);
    }
    if (err != CT_OK) {
        free(entry_branch);
        return err;
    }
    free(vehicle->entry_branch);
    vehicle->entry_branch = entry_branch;
    return CT_OK;
}

/* ------------------------------------------------------------------------------------------------ twin */

static size_t count_seen(const struct ct_twin *twin)
{
    size_t seen = 0;
    struct ct_reading reading;
    for (uint32_t id = 0; ct_twin_get(twin, id, &reading) == CT_OK; id++) {
        seen += (reading.sample.quality & CT_Q_NEVER_SEEN) == 0;
    }
    return seen;
}

int ct_vehicle_use_catalogue(struct ct_registry *registry, struct ct_vehicle *vehicle, struct ct_catalogue *catalogue)
{
    if (vehicle->twin != NULL && ct_twin_catalogue(vehicle->twin) == catalogue) {
        return CT_OK;
    }
    struct ct_twin *twin;
    int err = ct_twin_create(catalogue, &twin);
    if (err != CT_OK) {
        return err;
    }
    err = assign_branches(registry, vehicle, catalogue);
    if (err != CT_OK) {
        ct_twin_free(twin);
        return err;
    }
    if (vehicle->twin != NULL) {
        (void)ct_twin_carry(twin, vehicle->twin);
        ct_twin_free(vehicle->twin);
    }
    vehicle->twin = twin;
    vehicle->signals = count_seen(twin);
    return CT_OK;
}

int ct_vehicle_put(struct ct_vehicle *vehicle, const struct ct_sample *sample, ct_ns now)
{
    struct ct_reading reading;
    int err = ct_twin_get(vehicle->twin, sample->id, &reading);
    if (err != CT_OK) {
        return err;
    }
    const bool seen = (reading.sample.quality & CT_Q_NEVER_SEEN) == 0;
    if (seen && sample->t_ns < reading.sample.t_ns) {
        return CT_OK; /* history takes it; the twin has something newer */
    }
    err = ct_twin_put(vehicle->twin, sample, now);
    if (err == CT_OK) {
        vehicle->signals += !seen;
        /* A fresh sample clears STALE; here the vehicle's own word on it counts. */
        if ((sample->quality & CT_Q_STALE) != 0) {
            ct_twin_mark(vehicle->twin, sample->id, CT_Q_STALE, now);
        }
    }
    return err;
}

static int put_stored(void *user, enum ct_kind kind, const struct ct_chunk_sample *stored)
{
    struct ct_vehicle *vehicle = user;
    struct ct_sample sample = {
        .id = stored->id, .quality = stored->quality, .len = stored->len, .t_ns = stored->utc_us * CT_NS_PER_US};
    if (kind == CT_KIND_DOUBLE) {
        sample.number = stored->number;
    } else if (kind == CT_KIND_RAW) {
        sample.raw = stored->raw;
    } else {
        sample.bytes = stored->bytes;
    }
    return ct_vehicle_put(vehicle, &sample, 0);
}

/* The twin as one chunk with at most one sample per entry. Too many entries for one chunk are left out: they come again
 * with the vehicle's next snapshot. */
static int pack_twin(const struct ct_vehicle *vehicle, struct ct_buf *out)
{
    struct ct_catalogue *catalogue = ct_twin_catalogue(vehicle->twin);
    struct ct_chunk chunk;
    struct ct_reading reading;
    ct_chunk_init(&chunk);
    int err = CT_OK;
    for (uint32_t id = 0; err == CT_OK && ct_chunk_room(&chunk, 1) && ct_twin_get(vehicle->twin, id, &reading) == CT_OK;
         id++) {
        if ((reading.sample.quality & CT_Q_NEVER_SEEN) != 0) {
            continue;
        }
        struct ct_chunk_sample sample = {.id = id,
                                         .quality = reading.sample.quality,
                                         .len = reading.sample.len,
                                         .utc_us = reading.sample.t_ns / CT_NS_PER_US};
        const enum ct_kind kind = ct_catalogue_entry(catalogue, id)->kind;
        if (kind == CT_KIND_RAW || kind == CT_KIND_DOUBLE) {
            sample.raw = reading.sample.raw; /* of doubles the bits */
        } else {
            sample.bytes = reading.sample.bytes;
        }
        err = ct_chunk_add(&chunk, kind, &sample);
    }
    if (err == CT_OK) {
        err = ct_chunk_pack(&chunk, catalogue, out);
    }
    ct_chunk_free(&chunk);
    return err;
}

/* ------------------------------------------------------------------------------------------------ storing */

static int store_twin(struct ct_registry *registry, const struct ct_vehicle *vehicle)
{
    struct ct_buf packed;
    ct_buf_init(&packed, CT_CHUNK_BYTES_MAX);
    int err = pack_twin(vehicle, &packed);
    if (err == CT_OK) {
        sqlite3_stmt *set = registry->statements[S_SET_TWIN];
        const uint8_t *hash = ct_catalogue_hash(ct_twin_catalogue(vehicle->twin));
        err = ct_statement_bind(set, "bbi", hash, (size_t)CT_HASH_SIZE, packed.data, packed.len, vehicle->row);
        err = err == CT_OK ? ct_statement_run(set) : err;
    }
    ct_buf_free(&packed);
    return err;
}

static int drop_positions(struct ct_registry *registry, struct ct_vehicle *vehicle)
{
    static_assert(CT_STREAMS_MAX == 8, "one place each in DROP_POSITIONS");
    const struct ct_stream_position *kept = vehicle->positions.streams;
    const size_t size = CT_STREAM_ID_SIZE;
    sqlite3_stmt *drop = registry->statements[S_DROP_POSITIONS];
    int err = ct_statement_bind(drop, "ibbbbbbbb", vehicle->row, kept[0].stream_id, size, kept[1].stream_id, size,
                                kept[2].stream_id, size, kept[3].stream_id, size, kept[4].stream_id, size,
                                kept[5].stream_id, size, kept[6].stream_id, size, kept[7].stream_id, size);
    err = err == CT_OK ? ct_statement_run(drop) : err;
    vehicle->positions.dropped = err != CT_OK;
    return err;
}

static int store_positions(struct ct_registry *registry, struct ct_vehicle *vehicle)
{
    sqlite3_stmt *set = registry->statements[S_SET_POSITION];
    for (size_t i = 0; i < vehicle->positions.count; i++) {
        struct ct_stream_position *stream = &vehicle->positions.streams[i];
        for (unsigned class = 1; stream->dirty && class <= CT_CLASS_COUNT; class ++) {
            int err = ct_statement_bind(set, "ibii", vehicle->row, stream->stream_id, (size_t)CT_STREAM_ID_SIZE,
                                        (int64_t) class, (int64_t)stream->positions.seq[CT_CLASS_INDEX(class)]);
            err = err == CT_OK ? ct_statement_run(set) : err;
            if (err != CT_OK) {
                return err;
            }
        }
        stream->dirty = false;
    }
    return vehicle->positions.dropped ? drop_positions(registry, vehicle) : CT_OK;
}

static int64_t stored_offset(uint64_t offset)
{
    return offset == CT_NOT_OPEN ? -1 : (int64_t)offset;
}

int ct_registry_store(struct ct_registry *registry, struct ct_vehicle *vehicle, bool checkpoint)
{
    sqlite3_stmt *set = registry->statements[S_SET];
    int err =
        ct_statement_bind(set, "tiiii", vehicle->software, vehicle->last_seen_utc_ms, stored_offset(vehicle->open_from),
                          stored_offset(vehicle->catalogue_from), vehicle->row);
    err = err == CT_OK ? ct_statement_run(set) : err;
    if (err == CT_OK) {
        err = store_positions(registry, vehicle);
    }
    if (err == CT_OK && checkpoint && vehicle->twin != NULL) {
        err = store_twin(registry, vehicle);
    }
    if (err == CT_OK) {
        vehicle->dirty = false;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ loading */

static uint64_t loaded_offset(sqlite3_stmt *row, int column)
{
    const bool open = sqlite3_column_type(row, column) != SQLITE_NULL && sqlite3_column_int64(row, column) >= 0;
    return open ? (uint64_t)sqlite3_column_int64(row, column) : CT_NOT_OPEN;
}

static int load_twin(struct ct_registry *registry, struct ct_vehicle *vehicle, sqlite3_stmt *row)
{
    if (sqlite3_column_bytes(row, 4) != CT_HASH_SIZE) {
        return CT_OK;
    }
    struct ct_catalogue *catalogue = ct_catalogues_find(registry->catalogues, sqlite3_column_blob(row, 4));
    if (catalogue == NULL) {
        return CT_ERR_CORRUPT;
    }
    const int err = ct_vehicle_use_catalogue(registry, vehicle, catalogue);
    if (err != CT_OK) {
        return err;
    }
    const void *data = sqlite3_column_blob(row, 5);
    return ct_chunk_unpack(data, (size_t)sqlite3_column_bytes(row, 5), CT_CHUNK_ALL, put_stored, vehicle);
}

static int load_vehicle(struct ct_registry *registry, sqlite3_stmt *row)
{
    struct ct_vehicle *vehicle = add_vehicle(registry, (const char *)sqlite3_column_text(row, 1));
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    if (vehicle->row != sqlite3_column_int64(row, 0)) {
        return CT_ERR_CORRUPT;
    }
    const char *software = (const char *)sqlite3_column_text(row, 2);
    (void)snprintf(vehicle->software, sizeof vehicle->software, "%s", software == NULL ? "" : software);
    vehicle->last_seen_utc_ms = sqlite3_column_int64(row, 3);
    vehicle->applied_utc_ms = vehicle->last_seen_utc_ms;
    vehicle->replay_from = loaded_offset(row, 6);
    vehicle->catalogue_replay_from = loaded_offset(row, 7);
    return load_twin(registry, vehicle, row);
}

static int load_position(struct ct_registry *registry, sqlite3_stmt *row)
{
    struct ct_vehicle *vehicle = ct_registry_by_row(registry, sqlite3_column_int64(row, 0));
    const int class = sqlite3_column_int(row, 2);
    if (vehicle == NULL || sqlite3_column_bytes(row, 1) != CT_STREAM_ID_SIZE || class < 1 || class > CT_CLASS_COUNT) {
        return CT_ERR_CORRUPT;
    }
    struct ct_stream_position *stream = ct_stream_position_of(&vehicle->positions, sqlite3_column_blob(row, 1));
    stream->positions.seq[CT_CLASS_INDEX(class)] = (uint64_t)sqlite3_column_int64(row, 3);
    return CT_OK;
}

static int load_rows(struct ct_registry *registry, enum statement which,
                     int (*load)(struct ct_registry *registry, sqlite3_stmt *row))
{
    sqlite3_stmt *all = registry->statements[which];
    int err = CT_OK;
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(all)) == 1) {
        err = load(registry, all);
    }
    ct_statement_end(all);
    return err != CT_OK ? err : row;
}

int ct_registry_open(struct ct_database *database, struct ct_catalogues *catalogues, uint64_t revision_base,
                     struct ct_registry **out_registry)
{
    struct ct_registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    registry->catalogues = catalogues;
    registry->revision_base = revision_base;
    int err = ct_statements_prepare(database, statement_texts, registry->statements, S_COUNT);
    if (err == CT_OK) {
        err = load_rows(registry, S_ALL, load_vehicle);
    }
    if (err == CT_OK) {
        err = load_rows(registry, S_POSITIONS, load_position);
    }
    if (err != CT_OK) {
        ct_registry_close(registry);
        return err;
    }
    *out_registry = registry;
    return CT_OK;
}

void ct_registry_close(struct ct_registry *registry)
{
    if (registry == NULL) {
        return;
    }
    for (size_t i = 0; i < registry->count; i++) {
        free_vehicle(registry->vehicles[i]);
    }
    free(registry->vehicles);
    ct_name_table_free(&registry->names);
    ct_statements_free(registry->statements, S_COUNT);
    free(registry);
}

struct ct_vehicle *ct_registry_find(const struct ct_registry *registry, const char *id)
{
    uint32_t index;
    return ct_name_table_find(&registry->names, id, &index) == CT_OK ? registry->vehicles[index] : NULL;
}

struct ct_vehicle *ct_registry_by_row(const struct ct_registry *registry, int64_t row)
{
    return row >= 1 && (uint64_t)row <= registry->count ? registry->vehicles[row - 1] : NULL;
}

struct ct_vehicle *ct_registry_get(struct ct_registry *registry, const char *id)
{
    struct ct_vehicle *vehicle = ct_registry_find(registry, id);
    if (vehicle != NULL) {
        return vehicle;
    }
    vehicle = add_vehicle(registry, id);
    if (vehicle == NULL) {
        return NULL;
    }
    sqlite3_stmt *add = registry->statements[S_ADD];
    int err = ct_statement_bind(add, "it", vehicle->row, vehicle->id);
    err = err == CT_OK ? ct_statement_run(add) : err;
    return err == CT_OK ? vehicle : NULL;
}

size_t ct_registry_count(const struct ct_registry *registry)
{
    return registry->count;
}

struct ct_vehicle *ct_registry_at(const struct ct_registry *registry, size_t index)
{
    return registry->vehicles[index];
}
