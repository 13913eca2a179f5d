#include "history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_ARENA_MAX (16U * 1024U * 1024U)

/* name, text */
#define STATEMENTS(X)                                                                                           \
    X(ADD_CHUNK, "INSERT INTO chunks(vehicle, t0_us, t1_us, catalogue, samples, data) VALUES(?,?,?,?,?,?)")     \
    X(CHUNKS, "SELECT catalogue, data FROM chunks WHERE vehicle = ? AND t1_us >= ? AND t0_us <= ? ORDER BY id") \
    X(ADD_GAP, "INSERT INTO gaps(vehicle, from_utc_ms, to_utc_ms, reason, samples, seq_first, seq_last) "       \
               "VALUES(?,?,?,?,?,?,?)")                                                                         \
    X(GAPS, "SELECT * FROM (SELECT id, from_utc_ms, to_utc_ms, reason, samples, seq_first, seq_last FROM gaps " \
            "WHERE vehicle = ? AND to_utc_ms >= ? AND from_utc_ms <= ? ORDER BY id DESC LIMIT ?) ORDER BY id")  \
    X(ADD_EVENT, "INSERT INTO events(vehicle, utc_ms, name, text, fields) VALUES(?,?,?,?,?)")                   \
    X(EVENTS, "SELECT utc_ms, name, text, fields FROM events WHERE vehicle = ? ORDER BY utc_ms DESC, id DESC "  \
              "LIMIT ?")                                                                                        \
    X(SAMPLES, "SELECT coalesce(sum(samples), 0) FROM chunks")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_history {
    ct_catalogue_lookup_fn catalogue;
    void *user;
    sqlite3_stmt *statements[S_COUNT];
};

int ct_history_open(struct ct_database *database, ct_catalogue_lookup_fn catalogue, void *user,
                    struct ct_history **out_history)
{
    struct ct_history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    history->catalogue = catalogue;
    history->user = user;
    const int err = ct_statements_prepare(database, statement_texts, history->statements, S_COUNT);
    if (err != CT_OK) {
        free(history);
        return err;
    }
    *out_history = history;
    return CT_OK;
}

void ct_history_close(struct ct_history *history)
{
    if (history != NULL) {
        ct_statements_free(history->statements, S_COUNT);
        free(history);
    }
}

int ct_history_store(struct ct_history *history, int64_t vehicle, struct ct_chunk *chunk,
                     const struct ct_catalogue *catalogue)
{
    if (chunk->count == 0) {
        return CT_OK;
    }
    struct ct_buf packed;
    ct_buf_init(&packed, CT_CHUNK_BYTES_MAX);
    int err = ct_chunk_pack(chunk, catalogue, &packed);
    if (err == CT_OK) {
        sqlite3_stmt *add = history->statements[S_ADD_CHUNK];
        err = ct_statement_bind(add, "iiibib", vehicle, chunk->first_utc_us, chunk->last_utc_us,
                                ct_catalogue_hash(catalogue), (size_t)CT_HASH_SIZE, (int64_t)chunk->count, packed.data,
                                packed.len);
        err = err == CT_OK ? ct_statement_run(add) : err;
    }
    ct_buf_free(&packed);
    if (err == CT_OK) {
        ct_chunk_clear(chunk);
    }
    return err;
}

const char *ct_history_reason_text(int reason)
{
    static const char *const texts[] = {"unspecified", "outbox-full", "restart", "bus-loss", "damaged", "queue-full"};
    return reason > 0 && (size_t)reason < sizeof texts / sizeof texts[0] ? texts[reason] : texts[0];
}

int ct_history_add_gap(struct ct_history *history, int64_t vehicle, const struct ct_gap *gap)
{
    sqlite3_stmt *add = history->statements[S_ADD_GAP];
    const int err =
        ct_statement_bind(add, "iiiiiii", vehicle, gap->from_utc_ns / CT_NS_PER_MS, gap->to_utc_ns / CT_NS_PER_MS,
                          (int64_t)gap->reason, (int64_t)gap->samples, (int64_t)gap->seq_first, (int64_t)gap->seq_last);
    return err == CT_OK ? ct_statement_run(add) : err;
}

int ct_history_add_event(struct ct_history *history, int64_t vehicle, int64_t utc_ms, const char *name,
                         const char *text, const char *fields_json)
{
    sqlite3_stmt *add = history->statements[S_ADD_EVENT];
    const int err = ct_statement_bind(add, "iittt", vehicle, utc_ms, name, text, fields_json);
    return err == CT_OK ? ct_statement_run(add) : err;
}

/* ------------------------------------------------------------------------------------------------ query */

struct collect {
    struct ct_history_range *range;
    size_t capacity;
    int64_t from_us, to_us;
};

static int grow_range(struct collect *collect)
{
    struct ct_history_range *range = collect->range;
    const size_t capacity = collect->capacity == 0 ? 256 : collect->capacity * 2;
    struct ct_chunk_sample *samples = realloc(range->samples, capacity * sizeof *samples);
    if (samples == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    range->samples = samples;
    enum ct_kind *kinds = realloc(range->kinds, capacity * sizeof *kinds);
    if (kinds == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    range->kinds = kinds;
    collect->capacity = capacity;
    return CT_OK;
}

static int take(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    struct collect *collect = user;
    struct ct_history_range *range = collect->range;
    if (sample->utc_us < collect->from_us || sample->utc_us > collect->to_us) {
        return CT_OK;
    }
    if (range->count == CT_HISTORY_SAMPLES_MAX) {
        range->truncated = true;
        return CT_ERR_FULL;
    }
    if (range->count == collect->capacity) {
        const int err = grow_range(collect);
        if (err != CT_OK) {
            return err;
        }
    }
    struct ct_chunk_sample copy = *sample;
    if (kind == CT_KIND_BYTES || kind == CT_KIND_STRING) {
        copy.at = range->arena.len; /* a pointer once the arena has stopped moving */
        ct_buf_append(&range->arena, sample->bytes, sample->len);
        if (ct_buf_error(&range->arena) != CT_OK) {
            range->truncated = true;
            return CT_ERR_FULL;
        }
    }
    /* `id` has done its work: from here on it keeps the order of arrival for the sort. */
    copy.id = (uint32_t)range->count;
    range->kinds[range->count] = kind;
    range->samples[range->count++] = copy;
    return CT_OK;
}

static int take_chunk(struct ct_history *history, struct collect *collect, sqlite3_stmt *row, const char *signal)
{
    if (sqlite3_column_bytes(row, 0) != CT_HASH_SIZE) {
        return CT_ERR_CORRUPT;
    }
    const struct ct_catalogue *catalogue = history->catalogue(history->user, sqlite3_column_blob(row, 0));
    if (catalogue == NULL) {
        return CT_ERR_CORRUPT;
    }
    uint32_t id;
    if (ct_catalogue_find(catalogue, signal, &id) != CT_OK) {
        return CT_OK;
    }
    collect->range->entry = ct_catalogue_entry(catalogue, id);
    const void *data = sqlite3_column_blob(row, 1);
    return ct_chunk_unpack(data, (size_t)sqlite3_column_bytes(row, 1), id, take, collect);
}

static int take_stored(struct ct_history *history, int64_t vehicle, struct collect *collect, const char *signal)
{
    sqlite3_stmt *chunks = history->statements[S_CHUNKS];
    int err = ct_statement_bind(chunks, "iii", vehicle, collect->from_us, collect->to_us);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(chunks)) == 1) {
        err = take_chunk(history, collect, chunks, signal);
    }
    ct_statement_end(chunks);
    return err != CT_OK ? err : row;
}

static int take_open(struct collect *collect, const struct ct_chunk *open, const struct ct_catalogue *catalogue,
                     const char *signal)
{
    uint32_t id;
    if (open == NULL || catalogue == NULL || ct_catalogue_find(catalogue, signal, &id) != CT_OK) {
        return CT_OK;
    }
    collect->range->entry = ct_catalogue_entry(catalogue, id);
    return ct_chunk_each(open, catalogue, id, take, collect);
}

static int compare_times(const void *a, const void *b)
{
    const struct ct_chunk_sample *x = a;
    const struct ct_chunk_sample *y = b;
    if (x->utc_us != y->utc_us) {
        return x->utc_us < y->utc_us ? -1 : 1;
    }
    return (x->id > y->id) - (x->id < y->id);
}

static bool ascending(const struct ct_history_range *range)
{
    for (size_t i = 1; i < range->count; i++) {
        if (range->samples[i].utc_us < range->samples[i - 1].utc_us) {
            return false;
        }
    }
    return true;
}

/* Sorts where needed (the vehicle's clock was set back, or a backlog came late) and settles the pointers. */
static int settle(struct ct_history_range *range)
{
    for (size_t i = 0; i < range->count; i++) {
        if (range->kinds[i] == CT_KIND_BYTES || range->kinds[i] == CT_KIND_STRING) {
            range->samples[i].bytes = range->arena.data + range->samples[i].at;
        }
    }
    if (ascending(range)) {
        return CT_OK;
    }
    enum ct_kind *kinds = malloc(range->count * sizeof *kinds);
    if (kinds == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    qsort(range->samples, range->count, sizeof *range->samples, compare_times);
    for (size_t i = 0; i < range->count; i++) {
        kinds[i] = range->kinds[range->samples[i].id];
    }
    free(range->kinds);
    range->kinds = kinds;
    return CT_OK;
}

int ct_history_query(struct ct_history *history, int64_t vehicle, const struct ct_chunk *open,
                     const struct ct_catalogue *open_catalogue, const char *signal, int64_t from_us, int64_t to_us,
                     struct ct_history_range *out_range)
{
    struct ct_history_range range = {0};
    ct_buf_init(&range.arena, RANGE_ARENA_MAX);
    struct collect collect = {&range, 0, from_us, to_us};
    int err = take_stored(history, vehicle, &collect, signal);
    if (err == CT_OK) {
        err = take_open(&collect, open, open_catalogue, signal);
    }
    if (err == CT_OK || range.truncated) {
        err = settle(&range);
    }
    if (err != CT_OK) {
        ct_history_range_free(&range);
        return err;
    }
    *out_range = range;
    return CT_OK;
}

void ct_history_range_free(struct ct_history_range *range)
{
    free(range->samples);
    free(range->kinds);
    ct_buf_free(&range->arena);
    memset(range, 0, sizeof *range);
}

int ct_history_gaps(struct ct_history *history, int64_t vehicle, int64_t from_utc_ms, int64_t to_utc_ms, size_t limit,
                    ct_history_gap_fn fn, void *user)
{
    sqlite3_stmt *gaps = history->statements[S_GAPS];
    int err = ct_statement_bind(gaps, "iiii", vehicle, from_utc_ms, to_utc_ms, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(gaps)) == 1) {
        err = fn(user, sqlite3_column_int64(gaps, 1), sqlite3_column_int64(gaps, 2), sqlite3_column_int(gaps, 3),
                 (uint64_t)sqlite3_column_int64(gaps, 4), (uint64_t)sqlite3_column_int64(gaps, 5),
                 (uint64_t)sqlite3_column_int64(gaps, 6));
    }
    ct_statement_end(gaps);
    return err != CT_OK ? err : row;
}

int ct_history_events(struct ct_history *history, int64_t vehicle, size_t limit, ct_history_event_fn fn, void *user)
{
    sqlite3_stmt *events = history->statements[S_EVENTS];
    int err = ct_statement_bind(events, "ii", vehicle, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(events)) == 1) {
        err = fn(user, sqlite3_column_int64(events, 0), (const char *)sqlite3_column_text(events, 1),
                 (const char *)sqlite3_column_text(events, 2), (const char *)sqlite3_column_text(events, 3));
    }
    ct_statement_end(events);
    return err != CT_OK ? err : row;
}

int ct_history_sample_count(struct ct_history *history, uint64_t *out_count)
{
    sqlite3_stmt *samples = history->statements[S_SAMPLES];
    const int row = ct_statement_row(samples);
    if (row == 1) {
        *out_count = (uint64_t)sqlite3_column_int64(samples, 0);
        ct_statement_end(samples);
        return CT_OK;
    }
    return row == 0 ? CT_ERR_CORRUPT : row;
}
