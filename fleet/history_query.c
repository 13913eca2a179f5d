#include "chunk_column.h"
#include "history_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RANGE_ARENA_MAX (16U * 1024U * 1024U)

/* Whoever walks over samples: begins his own struct with it; fn gets that struct as its user. */
struct ct_history_walk {
    ct_chunk_fn fn;
    const struct ct_entry *entry; /* the definition of the sample at hand; at the end the newest met */
};

/* ------------------------------------------------------------------------------------------------ every sample */

/* No column: the signal has no sample in the chunk. */
static int each_of_column(const struct ct_history *history, int64_t chunk, uint32_t id, struct ct_history_walk *walk)
{
    sqlite3_stmt *column = history->statements[S_COLUMN];
    int err = ct_statement_bind(column, "i", chunk * CT_HISTORY_COLUMN_IDS + id);
    const int row = err == CT_OK ? ct_statement_row(column) : err;
    if (row != 1) {
        return row;
    }
    const void *data = sqlite3_column_blob(column, 0);
    err = ct_column_unpack(history->unpacker, data, (size_t)sqlite3_column_bytes(column, 0), id, walk->fn, walk);
    ct_statement_end(column);
    return err;
}

static int each_of_chunk(const struct ct_history *history, sqlite3_stmt *row, const char *signal,
                         struct ct_history_walk *walk)
{
    uint32_t id;
    if (sqlite3_column_bytes(row, 0) != CT_HASH_SIZE) {
        return CT_ERR_CORRUPT;
    }
    const struct ct_catalogue *catalogue = history->catalogue(history->user, sqlite3_column_blob(row, 0));
    if (catalogue == NULL) {
        return CT_ERR_CORRUPT;
    }
    if (ct_catalogue_find(catalogue, signal, &id) != CT_OK) {
        return CT_OK;
    }
    walk->entry = ct_catalogue_entry(catalogue, id);
    if (sqlite3_column_int(row, 2) == CT_CHUNK_COLUMNS) {
        return each_of_column(history, sqlite3_column_int64(row, 3), id, walk);
    }
    const void *data = sqlite3_column_blob(row, 1);
    return ct_chunk_unpack_by(history->unpacker, data, (size_t)sqlite3_column_bytes(row, 1), id, walk->fn, walk);
}

static int each_stored(struct ct_history *history, const struct ct_history_source *source, int64_t from_us,
                       int64_t to_us, struct ct_history_walk *walk)
{
    sqlite3_stmt *chunks = history->statements[S_CHUNKS];
    int err = ct_statement_bind(chunks, "iii", source->vehicle, from_us, to_us);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(chunks)) == 1) {
        err = each_of_chunk(history, chunks, source->signal, walk);
    }
    ct_statement_end(chunks);
    return err != CT_OK ? err : row;
}

static int each_open(const struct ct_history_source *source, struct ct_history_walk *walk)
{
    uint32_t id;
    if (source->open == NULL || source->open_catalogue == NULL ||
        ct_catalogue_find(source->open_catalogue, source->signal, &id) != CT_OK) {
        return CT_OK;
    }
    walk->entry = ct_catalogue_entry(source->open_catalogue, id);
    return ct_chunk_each(source->open, source->open_catalogue, id, walk->fn, walk);
}

/* Samples of the chunks that meet the range, some of them before or behind it. */
static int each_sample(struct ct_history *history, const struct ct_history_source *source, int64_t from_us,
                       int64_t to_us, struct ct_history_walk *walk)
{
    const int err = each_stored(history, source, from_us, to_us, walk);
    return err == CT_OK ? each_open(source, walk) : err;
}

/* ------------------------------------------------------------------------------------------------ a range */

struct collect {
    struct ct_history_walk walk;
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

int ct_history_query(struct ct_history *history, const struct ct_history_source *source, int64_t from_us, int64_t to_us,
                     struct ct_history_range *out_range)
{
    struct ct_history_range range = {0};
    ct_buf_init(&range.arena, RANGE_ARENA_MAX);
    struct collect collect = {{take, NULL}, &range, 0, from_us, to_us};
    int err = each_sample(history, source, from_us, to_us, &collect.walk);
    range.entry = collect.walk.entry;
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

/* ------------------------------------------------------------------------------------------------ bins */

struct binning {
    struct ct_history_walk walk;
    struct ct_history_bin *bins;
    size_t count;
    int64_t from_us, to_us;
    uint64_t width_us;
    struct ct_history_bin *bin; /* that of the sample before, which begins at bin_us: most samples follow each other */
    uint64_t bin_us;
};

static struct ct_history_bin *bin_of(struct binning *binning, int64_t t_us)
{
    const uint64_t at = (uint64_t)t_us - (uint64_t)binning->from_us;
    if (binning->bin == NULL || at - binning->bin_us >= binning->width_us) {
        const uint64_t number = at / binning->width_us;
        binning->bin = &binning->bins[number];
        binning->bin_us = number * binning->width_us;
    }
    return binning->bin;
}

/* Only what is a finite number can be summed up. */
static int put_in_bin(void *user, enum ct_kind kind, const struct ct_chunk_sample *stored)
{
    struct binning *binning = user;
    const struct ct_entry *entry = binning->walk.entry;
    const int64_t t = stored->utc_us;
    if (t < binning->from_us || t > binning->to_us || kind != entry->kind || kind > CT_KIND_DOUBLE) {
        return CT_OK;
    }
    const struct ct_sample sample = {.raw = stored->raw}; /* of doubles the bits */
    const double value = ct_entry_physical(entry, &sample);
    if (!isfinite(value)) {
        return CT_OK;
    }
    struct ct_history_bin *bin = bin_of(binning, t);
    bin->min = bin->count == 0 || value < bin->min ? value : bin->min;
    bin->max = bin->count == 0 || value > bin->max ? value : bin->max;
    bin->sum += value;
    if (bin->count == 0 || t >= bin->last_us) {
        bin->last = value;
        bin->last_us = t;
    }
    bin->count++;
    return CT_OK;
}

int ct_history_bins(struct ct_history *history, const struct ct_history_source *source, int64_t from_us, int64_t to_us,
                    struct ct_history_bin *bins, size_t count, uint64_t *out_width_us,
                    const struct ct_entry **out_entry)
{
    const uint64_t span = (uint64_t)to_us - (uint64_t)from_us;
    struct binning binning = {{put_in_bin, NULL}, bins, count, from_us, to_us, span / count + 1, NULL, 0};
    memset(bins, 0, count * sizeof *bins);
    const int err = each_sample(history, source, from_us, to_us, &binning.walk);
    *out_width_us = binning.width_us;
    *out_entry = binning.walk.entry;
    return err;
}

/* ------------------------------------------------------------------------------------------------ one moment */

struct last {
    struct ct_history_walk walk;
    int64_t at_us;
    struct ct_history_value *value;
};

static int keep_last(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    struct last *last = user;
    struct ct_history_value *value = last->value;
    if (sample->utc_us > last->at_us || (value->entry != NULL && sample->utc_us < value->sample.utc_us)) {
        return CT_OK;
    }
    value->sample = *sample;
    value->kind = kind;
    value->entry = last->walk.entry;
    if (kind == CT_KIND_BYTES || kind == CT_KIND_STRING) {
        memcpy(value->bytes, sample->bytes, sample->len);
        value->sample.bytes = value->bytes;
    }
    return CT_OK;
}

int ct_history_last(struct ct_history *history, const struct ct_history_source *source, int64_t at_us,
                    struct ct_history_value *out_value)
{
    sqlite3_stmt *chunks = history->statements[S_CHUNKS_BACK];
    struct last last = {{keep_last, NULL}, at_us, out_value};
    out_value->entry = NULL;
    int err = each_open(source, &last.walk);
    err = err == CT_OK ? ct_statement_bind(chunks, "ii", source->vehicle, at_us) : err;
    int row = 0;
    for (size_t i = 0; err == CT_OK && i < CT_HISTORY_BACK_CHUNKS && (row = ct_statement_row(chunks)) == 1; i++) {
        if (out_value->entry != NULL && sqlite3_column_int64(chunks, 4) < out_value->sample.utc_us) {
            break; /* what is left ends earlier */
        }
        err = each_of_chunk(history, chunks, source->signal, &last.walk);
    }
    ct_statement_end(chunks);
    err = err != CT_OK ? err : row < 0 ? row : CT_OK;
    return err == CT_OK && out_value->entry == NULL ? CT_ERR_NOT_FOUND : err;
}

int ct_history_next(struct ct_history *history, int64_t vehicle, int64_t from_us, int64_t *out_us)
{
    sqlite3_stmt *next = history->statements[S_NEXT_CHUNK];
    const int err = ct_statement_bind(next, "ii", vehicle, from_us);
    const int row = err == CT_OK ? ct_statement_row(next) : err;
    if (row < 0) {
        return row;
    }
    const bool found = row == 1 && sqlite3_column_type(next, 0) != SQLITE_NULL;
    *out_us = found ? sqlite3_column_int64(next, 0) : INT64_MAX;
    ct_statement_end(next);
    return CT_OK;
}
