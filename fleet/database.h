/* The backend's SQLite file: opening, migration (database_schema.h), one open transaction, prepared statements from a
 * table.
 *
 * WAL, synchronous FULL: a commit is durable. All writing happens inside the one transaction that ct_database_begin
 * opens and ct_database_commit ends, so that whatever belongs together is stored together.
 * Adapter (files). Belongs to one thread. */
#ifndef CT_FLEET_DATABASE_H
#define CT_FLEET_DATABASE_H

#include "database_schema.h"
#include "errors.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ct_database {
    sqlite3 *sqlite;
    bool in_transaction;
};

/* Brings an older store's schema forward. `problem` gets one line when it cannot be opened (damaged, newer schema,
 * permission). */
int ct_database_open(const char *path, struct ct_database *out_database, char *problem,
                     size_t problem_size) CT_MUST_CHECK;
void ct_database_close(struct ct_database *database); /* rolls back what is open; accepts a zeroed one */

int ct_database_begin(struct ct_database *database) CT_MUST_CHECK; /* no-op inside a transaction */
int ct_database_commit(struct ct_database *database) CT_MUST_CHECK;

/* Prepares count statements; all or nothing. Free with ct_statements_free. */
int ct_statements_prepare(struct ct_database *database, const char *const *texts, sqlite3_stmt **out_statements,
                          size_t count) CT_MUST_CHECK;
void ct_statements_free(sqlite3_stmt **statements, size_t count);

/* Binds by a format: i int64, t text (NULL: null), b bytes + size_t length, n nothing (null). */
int ct_statement_bind(sqlite3_stmt *statement, const char *format, ...) CT_MUST_CHECK;

/* Runs a statement that returns no rows, and resets it. CT_ERR_EXISTS: a constraint refused it. */
int ct_statement_run(sqlite3_stmt *statement) CT_MUST_CHECK;
/* 1: a row is there; 0: no more (reset); negative: error (reset). */
int ct_statement_row(sqlite3_stmt *statement);
void ct_statement_end(sqlite3_stmt *statement);

#endif
