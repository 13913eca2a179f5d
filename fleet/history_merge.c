/* Chunks that wait become columns. */
#include "chunk_column.h"
#include "history_private.h"

#include <string.h>

#define RUN_MIN 8 /* fewer are not worth a row for each signal */

/* The oldest waiting chunks of a vehicle that can become one. */
struct run {
    struct ct_columns *columns;
    uint8_t catalogue[CT_HASH_SIZE];
    size_t chunks;
    int64_t first_id, last_id, t0_us, t1_us, samples;
};

static int begin(const struct ct_history *history, struct run *run, const void *hash)
{
    const struct ct_catalogue *catalogue = history->catalogue(history->user, hash);
    memcpy(run->catalogue, hash, CT_HASH_SIZE);
    return catalogue == NULL ? CT_ERR_CORRUPT : ct_columns_create(ct_catalogue_count(catalogue), &run->columns);
}

/* CT_ERR_END: it does not belong to the run. */
static int take(const struct ct_history *history, struct run *run, sqlite3_stmt *row)
{
    const void *hash = sqlite3_column_blob(row, 0);
    int err = sqlite3_column_bytes(row, 0) == CT_HASH_SIZE ? CT_OK : CT_ERR_CORRUPT;
    if (err == CT_OK && run->chunks > 0 && memcmp(hash, run->catalogue, CT_HASH_SIZE) != 0) {
        return CT_ERR_END;
    }
    err = err == CT_OK && run->columns == NULL ? begin(history, run, hash) : err;
    if (err == CT_OK) {
        err = ct_columns_add(run->columns, history->unpacker, sqlite3_column_blob(row, 1),
                             (size_t)sqlite3_column_bytes(row, 1));
    }
    if (err != CT_OK) {
        return err;
    }
    const int64_t t0_us = sqlite3_column_int64(row, 3);
    const int64_t t1_us = sqlite3_column_int64(row, 4);
    run->last_id = sqlite3_column_int64(row, 2);
    run->first_id = run->chunks == 0 ? run->last_id : run->first_id;
    run->t0_us = run->chunks == 0 || t0_us < run->t0_us ? t0_us : run->t0_us;
    run->t1_us = run->chunks == 0 || t1_us > run->t1_us ? t1_us : run->t1_us;
    run->samples += sqlite3_column_int64(row, 5);
    run->chunks++;
    return CT_OK;
}

/* A chunk that cannot be read is left alone; questions that meet it fail, and say so. */
static int gather(struct ct_history *history, int64_t vehicle, struct run *run)
{
    sqlite3_stmt *waiting = history->statements[S_WAITING];
    int err = ct_statement_bind(waiting, "ii", vehicle, (int64_t)CT_HISTORY_MERGE);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(waiting)) == 1) {
        err = take(history, run, waiting);
        if (err != CT_OK && run->chunks == 0) {
            run->last_id = sqlite3_column_int64(waiting, 2);
        }
    }
    ct_statement_end(waiting);
    return err == CT_ERR_NO_MEMORY ? err : row < 0 ? row : CT_OK;
}

struct adding {
    sqlite3_stmt *add;
    int64_t chunk;
};

static int add_column(void *user, uint32_t id, const uint8_t *data, size_t len)
{
    const struct adding *adding = user;
    const int err = ct_statement_bind(adding->add, "ib", adding->chunk * CT_HISTORY_COLUMN_IDS + id, data, len);
    return err == CT_OK ? ct_statement_run(adding->add) : err;
}

/* The first one's row becomes that of all: the order of arrival is the order of ids. */
static int store(struct ct_history *history, int64_t vehicle, const struct run *run)
{
    sqlite3_stmt *merged = history->statements[S_MERGED];
    sqlite3_stmt *drop = history->statements[S_DROP_WAITING];
    struct adding adding = {history->statements[S_ADD_COLUMN], run->first_id};
    int err = ct_columns_pack(run->columns, add_column, &adding);
    err = err == CT_OK ? ct_statement_bind(merged, "iiii", run->t0_us, run->t1_us, run->samples, run->first_id) : err;
    err = err == CT_OK ? ct_statement_run(merged) : err;
    err = err == CT_OK ? ct_statement_bind(drop, "ii", vehicle, run->last_id) : err;
    return err == CT_OK ? ct_statement_run(drop) : err;
}

static int let_stay(struct ct_history *history, int64_t vehicle, int64_t last_id)
{
    sqlite3_stmt *stay = history->statements[S_STAY];
    const int err = ct_statement_bind(stay, "ii", vehicle, last_id);
    return err == CT_OK ? ct_statement_run(stay) : err;
}

int ct_history_merge_due(struct ct_history *history, int64_t vehicle)
{
    sqlite3_stmt *count = history->statements[S_COUNT_WAITING];
    const int err = ct_statement_bind(count, "i", vehicle);
    const int row = err == CT_OK ? ct_statement_row(count) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_CORRUPT : row;
    }
    const bool enough = sqlite3_column_int64(count, 0) >= CT_HISTORY_MERGE;
    ct_statement_end(count);
    return enough ? CT_OK : CT_ERR_END;
}

int ct_history_merge(struct ct_history *history, int64_t vehicle)
{
    struct run run = {0};
    int err = ct_history_merge_due(history, vehicle);
    if (err != CT_OK) {
        return err;
    }
    err = gather(history, vehicle, &run);
    if (err == CT_OK) {
        err = run.chunks < RUN_MIN ? let_stay(history, vehicle, run.last_id) : store(history, vehicle, &run);
    }
    ct_columns_free(run.columns);
    return err;
}
