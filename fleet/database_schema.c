#include "database_schema.h"

#include "errors.h"

#include <assert.h>
#include <stddef.h>

static const char version_1[] =
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

/* The audit trail; what people say about a vehicle; models; alert rules and alerts. */
static const char version_2[] =
    "CREATE TABLE audit(id INTEGER PRIMARY KEY, utc_ms INTEGER NOT NULL, user TEXT NOT NULL, vehicle TEXT NOT NULL,"
    "  action TEXT NOT NULL, detail TEXT NOT NULL, status INTEGER NOT NULL);"
    "CREATE TABLE labels(vehicle INTEGER PRIMARY KEY, \"group\" TEXT NOT NULL, model TEXT NOT NULL, tags TEXT NOT "
    "NULL);"
    "CREATE TABLE models(name TEXT PRIMARY KEY, revision INTEGER NOT NULL, dbc TEXT NOT NULL, mapping TEXT NOT NULL,"
    "  policy TEXT NOT NULL, note TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE rules(name TEXT PRIMARY KEY, condition TEXT NOT NULL, for_ms INTEGER NOT NULL, tag TEXT NOT NULL,"
    "  severity TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE alerts(id INTEGER PRIMARY KEY, rule TEXT NOT NULL, severity TEXT NOT NULL, vehicle INTEGER NOT NULL,"
    "  since_utc_ms INTEGER NOT NULL, until_utc_ms INTEGER, value TEXT NOT NULL, acknowledged_by TEXT,"
    "  acknowledged_utc_ms INTEGER, note TEXT);"
    "CREATE INDEX alerts_open ON alerts(rule, vehicle) WHERE until_utc_ms IS NULL;";

/* History by signal: `form` says where a chunk's samples are (history_private.h); columns(id) = chunk id * 65536 +
 * signal id. They go with their chunk. */
static const char version_3[] =
    "ALTER TABLE chunks ADD COLUMN form INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE columns(id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
    "CREATE INDEX chunks_to_merge ON chunks(vehicle, id) WHERE form = 0;"
    "CREATE TRIGGER chunk_deleted AFTER DELETE ON chunks WHEN old.form = 1 BEGIN"
    "  DELETE FROM columns WHERE id BETWEEN old.id * 65536 AND old.id * 65536 + 65535; END;";

static const char *const steps[] = {version_1, version_2, version_3};
static_assert(sizeof steps / sizeof steps[0] == CT_DATABASE_SCHEMA, "one step to each version");

const char *ct_database_schema_step(int64_t from)
{
    return from >= 0 && from < CT_DATABASE_SCHEMA ? steps[from] : NULL;
}
