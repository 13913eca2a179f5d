#include "restore.h"

#include "catalogue.h"
#include "database.h"

#include <stdio.h>

/* name, text */
#define STATEMENTS(X)                                                                                               \
    X(POSITIONS, "SELECT name, stream, class, seq FROM positions JOIN vehicles ON vehicles.id = positions.vehicle") \
    X(HASHES, "SELECT hash FROM catalogues")                                                                        \
    X(START, "SELECT min(value, coalesce((SELECT min(catalogue_from) FROM vehicles WHERE catalogue_from >= 0), "    \
             "value)) FROM meta WHERE key = 'applied'")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

static int restore_position(struct ct_ingest *ingest, sqlite3_stmt *row)
{
    const int class = sqlite3_column_int(row, 2);
    if (sqlite3_column_bytes(row, 1) != CT_STREAM_ID_SIZE || class < 1 || class > CT_CLASS_COUNT) {
        return CT_ERR_CORRUPT;
    }
    const char *vehicle_id = (const char *)sqlite3_column_text(row, 0);
    return ct_ingest_restore_position(ingest, vehicle_id, sqlite3_column_blob(row, 1), (enum ct_class) class,
                                      (uint64_t)sqlite3_column_int64(row, 3));
}

static int restore_hash(struct ct_ingest *ingest, sqlite3_stmt *row)
{
    return sqlite3_column_bytes(row, 0) == CT_HASH_SIZE
               ? ct_ingest_restore_catalogue(ingest, sqlite3_column_blob(row, 0))
               : CT_ERR_CORRUPT;
}

static int each_row(struct ct_ingest *ingest, sqlite3_stmt *statement,
                    int (*restore)(struct ct_ingest *ingest, sqlite3_stmt *row))
{
    int err = CT_OK;
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(statement)) == 1) {
        err = restore(ingest, statement);
    }
    return err != CT_OK ? err : row;
}

static int restore_database(struct ct_ingest *ingest, struct ct_database *database, uint64_t *out_start)
{
    sqlite3_stmt *statements[S_COUNT];
    int err = ct_statements_prepare(database, statement_texts, statements, S_COUNT);
    if (err != CT_OK) {
        return err;
    }
    err = each_row(ingest, statements[S_POSITIONS], restore_position);
    if (err == CT_OK) {
        err = each_row(ingest, statements[S_HASHES], restore_hash);
    }
    if (err == CT_OK) {
        const int row = ct_statement_row(statements[S_START]);
        *out_start = row == 1 ? (uint64_t)sqlite3_column_int64(statements[S_START], 0) : 0;
        err = row < 0 ? row : CT_OK;
    }
    ct_statements_free(statements, S_COUNT);
    return err;
}

static int restore_log(struct ct_ingest *ingest, const char *log_folder, uint64_t start, uint64_t end)
{
    struct ct_ingest_reader *reader;
    struct ct_ingest_entry entry;
    uint64_t offset;
    int err = ct_ingest_reader_open(log_folder, start, &reader);
    if (err != CT_OK) {
        return err;
    }
    do {
        err = ct_ingest_reader_next(reader, end, &entry, &offset);
        if (err == CT_OK) {
            err = ct_ingest_restore_entry(ingest, &entry);
        } else if (err == CT_ERR_CORRUPT) {
            err = CT_OK;
        }
    } while (err == CT_OK);
    ct_ingest_reader_close(reader);
    return err == CT_ERR_END ? CT_OK : err;
}

int ct_restore_applied(const char *database_path, uint64_t *out_applied, char *problem, size_t problem_size)
{
    static const char *const text[] = {"SELECT value FROM meta WHERE key = 'applied'"};
    struct ct_database database;
    sqlite3_stmt *get[1];
    int err = ct_database_open(database_path, &database, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    err = ct_statements_prepare(&database, text, get, 1);
    if (err == CT_OK) {
        const int row = ct_statement_row(get[0]);
        *out_applied = row == 1 ? (uint64_t)sqlite3_column_int64(get[0], 0) : 0;
        err = row < 0 ? row : CT_OK;
        ct_statements_free(get, 1);
    }
    ct_database_close(&database);
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: cannot be read: %s", database_path, ct_err_text(err));
    }
    return err;
}

int ct_restore(struct ct_ingest *ingest, const char *database_path, const char *log_folder, uint64_t log_end,
               char *problem, size_t problem_size)
{
    struct ct_database database;
    uint64_t start = 0;
    int err = ct_database_open(database_path, &database, problem, problem_size);
    if (err != CT_OK) {
        return err;
    }
    err = restore_database(ingest, &database, &start);
    ct_database_close(&database);
    if (err == CT_OK) {
        err = restore_log(ingest, log_folder, start, log_end);
    }
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: positions cannot be read back: %s", database_path,
                       ct_err_text(err));
    }
    return err;
}
