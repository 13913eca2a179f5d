#include "database.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE catalogues(hash BLOB PRIMARY KEY, parts BLOB NOT NULL);"
    "CREATE TABLE vehicles(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, software TEXT, last_seen_utc_ms INTEGER,"
    "  catalogue BLOB, twin BLOB, open_from INTEGER, catalogue_from INTEGER, command_seq INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE positions(vehicle INTEGER NOT NULL, stream BLOB NOT NULL, class INTEGER NOT NULL, seq INTEGER NOT "
    "NULL,"
    "  PRIMARY KEY(vehicle, stream, class)) WITHOUT ROWID;"
    "CREATE TABLE chunks(id INTEGER PRIMARY KEY, vehicle INTEGER NOT NULL, t0_us INTEGER NOT NULL, t1_us INTEGER NOT "
    "NULL,"
    "  catalogue BLOB NOT NULL, samples INTEGER NOT NULL, data BLOB NOT NULL);"
    "CREATE INDEX chunks_by_time ON chunks(vehicle, t1_us, t0_us);"
    "CREATE TABLE gaps(id INTEGER PRIMARY KEY, vehicle INTEGER NOT NULL, from_utc_ms INTEGER NOT NULL,"
    "  to_utc_ms INTEGER NOT NULL, reason INTEGER NOT NULL, samples INTEGER NOT NULL, seq_first INTEGER NOT NULL,"
    "  seq_last INTEGER NOT NULL);"
    "CREATE INDEX gaps_by_vehicle ON gaps(vehicle, to_utc_ms);"
    "CREATE TABLE events(id INTEGER PRIMARY KEY, vehicle INTEGER NOT NULL, utc_ms INTEGER NOT NULL, name TEXT NOT NULL,"
    "  text TEXT NOT NULL, fields TEXT NOT NULL);"
    "CREATE INDEX events_by_vehicle ON events(vehicle, utc_ms);"
    "CREATE TABLE commands(id BLOB PRIMARY KEY, vehicle INTEGER NOT NULL, seq INTEGER NOT NULL, action INTEGER NOT "
    "NULL,"
    "  target TEXT NOT NULL, detail TEXT NOT NULL, issued_utc_ms INTEGER NOT NULL, expires_utc_ms INTEGER NOT NULL,"
    "  signed BLOB NOT NULL, sent_utc_ms INTEGER, state INTEGER NOT NULL DEFAULT 0, reason INTEGER NOT NULL DEFAULT 0,"
    "  response BLOB, reported REAL, text TEXT);"
    "CREATE UNIQUE INDEX commands_by_vehicle ON commands(vehicle, seq);"
    "CREATE INDEX commands_waiting ON commands(vehicle, seq) WHERE state = 0;"
    "CREATE TABLE command_history(id INTEGER PRIMARY KEY, command BLOB NOT NULL, state INTEGER NOT NULL,"
    "  reason INTEGER NOT NULL, utc_ms INTEGER NOT NULL);"
    "CREATE INDEX command_history_by_command ON command_history(command, id);"
    "CREATE TABLE desired(vehicle INTEGER NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, revision INTEGER NOT NULL,"
    "  command BLOB NOT NULL, PRIMARY KEY(vehicle, path)) WITHOUT ROWID;";

static int from_sqlite(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
    case SQLITE_ROW:
        return CT_OK;
    case SQLITE_NOMEM:
        return CT_ERR_NO_MEMORY;
    case SQLITE_CONSTRAINT:
        return CT_ERR_EXISTS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return CT_ERR_BUSY;
    case SQLITE_FULL:
        return CT_ERR_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return CT_ERR_CORRUPT;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
        return CT_ERR_PERMISSION;
    default:
        return CT_ERR_IO;
    }
}

static int execute(struct ct_database *database, const char *text)
{
    return from_sqlite(sqlite3_exec(database->sqlite, text, NULL, NULL, NULL));
}

static int user_version(struct ct_database *database, int64_t *out_version)
{
    static const char *const text[] = {"PRAGMA user_version"};
    sqlite3_stmt *statement[1];
    int err = ct_statements_prepare(database, text, statement, 1);
    if (err != CT_OK) {
        return err;
    }
    const int row = ct_statement_row(statement[0]);
    *out_version = row == 1 ? sqlite3_column_int64(statement[0], 0) : 0;
    ct_statements_free(statement, 1);
    return row == 1 ? CT_OK : CT_ERR_CORRUPT;
}

static int make_schema(struct ct_database *database)
{
    int err = ct_database_begin(database);
    if (err == CT_OK) {
        err = execute(database, schema);
    }
    if (err == CT_OK) {
        err = execute(database, "PRAGMA user_version = 1");
    }
    return err == CT_OK ? ct_database_commit(database) : err;
}

static int prepare_file(struct ct_database *database, const char *path, char *problem, size_t problem_size)
{
    int err = execute(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;");
    int64_t version = 0;
    if (err == CT_OK) {
        err = user_version(database, &version);
    }
    if (err == CT_OK && version > CT_DATABASE_SCHEMA) {
        (void)snprintf(problem, problem_size, "%s: error: made by a newer version (schema %lld, this program knows %d)",
                       path, (long long)version, CT_DATABASE_SCHEMA);
        return CT_ERR_UNSUPPORTED;
    }
    if (err == CT_OK && version == 0) {
        err = make_schema(database);
    }
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: cannot be used as a database: %s", path,
                       sqlite3_errmsg(database->sqlite));
    }
    return err;
}

int ct_database_open(const char *path, struct ct_database *out_database, char *problem, size_t problem_size)
{
    struct ct_database database = {NULL, false};
    int err = from_sqlite(sqlite3_open_v2(path, &database.sqlite,
                                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
    if (err != CT_OK) {
        (void)snprintf(problem, problem_size, "%s: error: cannot open: %s", path, ct_err_text(err));
    } else {
        err = prepare_file(&database, path, problem, problem_size);
    }
    if (err != CT_OK) {
        ct_database_close(&database);
        return err;
    }
    *out_database = database;
    return CT_OK;
}

void ct_database_close(struct ct_database *database)
{
    if (database->in_transaction) {
        (void)execute(database, "ROLLBACK");
    }
    (void)sqlite3_close_v2(database->sqlite);
    *database = (struct ct_database){NULL, false};
}

int ct_database_begin(struct ct_database *database)
{
    if (database->in_transaction) {
        return CT_OK;
    }
    const int err = execute(database, "BEGIN IMMEDIATE");
    database->in_transaction = err == CT_OK;
    return err;
}

int ct_database_commit(struct ct_database *database)
{
    if (!database->in_transaction) {
        return CT_OK;
    }
    const int err = execute(database, "COMMIT");
    database->in_transaction = err != CT_OK;
    return err;
}

int ct_statements_prepare(struct ct_database *database, const char *const *texts, sqlite3_stmt **out_statements,
                          size_t count)
{
    memset(out_statements, 0, count * sizeof *out_statements);
    for (size_t i = 0; i < count; i++) {
        const int err = from_sqlite(
            sqlite3_prepare_v3(database->sqlite, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &out_statements[i], NULL));
        if (err != CT_OK) {
            ct_statements_free(out_statements, i);
            return err;
        }
    }
    return CT_OK;
}

void ct_statements_free(sqlite3_stmt **statements, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

int ct_statement_bind(sqlite3_stmt *statement, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = SQLITE_OK;
    for (int i = 1; format[i - 1] != '\0' && code == SQLITE_OK; i++) {
        switch (format[i - 1]) {
        case 'i':
            code = sqlite3_bind_int64(statement, i, va_arg(args, int64_t));
            break;
        case 't':
            code = sqlite3_bind_text(statement, i, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
            break;
        case 'b': {
            const void *bytes = va_arg(args, const void *);
            code = sqlite3_bind_blob64(statement, i, bytes, va_arg(args, size_t), SQLITE_TRANSIENT);
            break;
        }
        default:
            code = sqlite3_bind_null(statement, i);
            break;
        }
    }
    va_end(args);
    return from_sqlite(code);
}

int ct_statement_run(sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    ct_statement_end(statement);
    return from_sqlite(code);
}

int ct_statement_row(sqlite3_stmt *statement)
{
    const int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return 1;
    }
    ct_statement_end(statement);
    return code == SQLITE_DONE ? 0 : from_sqlite(code);
}

void ct_statement_end(sqlite3_stmt *statement)
{
    (void)sqlite3_reset(statement);
    (void)sqlite3_clear_bindings(statement);
}
