#include "database.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

/* All steps in one transaction: a store is of one version or of another, never between. */
static int migrate(struct ct_database *database, int64_t version)
{
    char set_version[48];
    int err = ct_database_begin(database);
    for (int64_t from = version; err == CT_OK && from < CT_DATABASE_SCHEMA; from++) {
        err = execute(database, ct_database_schema_step(from));
    }
    (void)snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", CT_DATABASE_SCHEMA);
    err = err == CT_OK ? execute(database, set_version) : err;
    return err == CT_OK ? ct_database_commit(database) : err;
}

static int prepare_file(struct ct_database *database, const char *path, char *problem, size_t problem_size)
{
    int err = execute(database, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; "
                                "PRAGMA temp_store = MEMORY;");
    int64_t version = 0;
    if (err == CT_OK) {
        err = user_version(database, &version);
    }
    if (err == CT_OK && version > CT_DATABASE_SCHEMA) {
        (void)snprintf(problem, problem_size, "%s: error: made by a newer version (schema %lld, this program knows %d)",
                       path, (long long)version, CT_DATABASE_SCHEMA);
        return CT_ERR_UNSUPPORTED;
    }
    if (err == CT_OK && version < CT_DATABASE_SCHEMA) {
        err = migrate(database, version);
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
