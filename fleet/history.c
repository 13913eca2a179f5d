#include "history_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

int ct_history_open(struct ct_database *database, ct_catalogue_lookup_fn catalogue, void *user,
                    struct ct_history **out_history)
{
    struct ct_history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    history->catalogue = catalogue;
    history->user = user;
    int err = ct_chunk_unpacker_create(&history->unpacker);
    err = err == CT_OK ? ct_statements_prepare(database, statement_texts, history->statements, S_COUNT) : err;
    if (err != CT_OK) {
        ct_chunk_unpacker_free(history->unpacker);
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
        ct_chunk_unpacker_free(history->unpacker);
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
