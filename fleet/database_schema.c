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

/* Signed parameter updates: roots, releases and their blobs in parts; rollouts; what became of each vehicle's update,
 * its set, and the heads of its audit log. */
static const char version_4[] =
    "CREATE TABLE roots(version INTEGER PRIMARY KEY, signed BLOB NOT NULL, user TEXT NOT NULL, utc_ms INTEGER NOT "
    "NULL);"
    "CREATE TABLE releases(sha256 BLOB PRIMARY KEY, set_id TEXT NOT NULL, counter INTEGER NOT NULL, set_hash BLOB NOT "
    "NULL, base_hash BLOB NOT NULL, expires_utc_ms INTEGER NOT NULL, notice TEXT NOT NULL, rxswin TEXT NOT NULL,"
    "  signers TEXT NOT NULL, parameters INTEGER NOT NULL, signed BLOB NOT NULL, user TEXT NOT NULL, utc_ms INTEGER "
    "NOT NULL);"
    "CREATE TABLE release_blobs(release BLOB NOT NULL, blob BLOB NOT NULL, size INTEGER NOT NULL,"
    "  PRIMARY KEY(release, blob)) WITHOUT ROWID;"
    "CREATE INDEX release_blobs_by_blob ON release_blobs(blob);"
    "CREATE TABLE blob_parts(blob BLOB NOT NULL, at INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY(blob, at));"
    "CREATE TABLE rollouts(id INTEGER PRIMARY KEY, release BLOB NOT NULL, state INTEGER NOT NULL, revision INTEGER NOT "
    "NULL, canary INTEGER NOT NULL, wave_size INTEGER NOT NULL, success_percent INTEGER NOT NULL,"
    "  deadline_utc_ms INTEGER NOT NULL, wave INTEGER NOT NULL, wave_count INTEGER NOT NULL, wave_good INTEGER NOT "
    "NULL, wave_bad INTEGER NOT NULL, confirm INTEGER NOT NULL, rollback INTEGER NOT NULL, \"group\" TEXT NOT NULL,"
    "  tag TEXT NOT NULL, model TEXT NOT NULL, note TEXT NOT NULL, user TEXT NOT NULL, created_utc_ms INTEGER NOT NULL,"
    "  changed_utc_ms INTEGER NOT NULL);"
    "CREATE TABLE rollout_vehicles(rollout INTEGER NOT NULL, vehicle INTEGER NOT NULL, state INTEGER NOT NULL,"
    "  wave INTEGER NOT NULL, PRIMARY KEY(rollout, vehicle)) WITHOUT ROWID;"
    "CREATE TABLE updates(id BLOB PRIMARY KEY, vehicle INTEGER NOT NULL, rollout INTEGER NOT NULL, release BLOB NOT "
    "NULL, seq INTEGER NOT NULL, directive BLOB NOT NULL, issued_utc_ms INTEGER NOT NULL, expires_utc_ms INTEGER NOT "
    "NULL, state INTEGER NOT NULL DEFAULT 0, verdict INTEGER NOT NULL DEFAULT 0, step INTEGER NOT NULL DEFAULT 0,"
    "  steps INTEGER NOT NULL DEFAULT 0, nrc INTEGER NOT NULL DEFAULT 0, text TEXT NOT NULL DEFAULT '', set_before "
    "BLOB, set_after BLOB, rxswin TEXT NOT NULL DEFAULT '', changed_utc_ms INTEGER NOT NULL);"
    "CREATE UNIQUE INDEX updates_by_vehicle ON updates(vehicle, seq);"
    "CREATE INDEX updates_by_rollout ON updates(rollout, vehicle);"
    "CREATE INDEX updates_open ON updates(vehicle) WHERE state IN (0, 1, 2, 3, 7);"
    "CREATE TABLE update_history(id INTEGER PRIMARY KEY, update_id BLOB NOT NULL, state INTEGER NOT NULL, verdict "
    "INTEGER NOT NULL, utc_ms INTEGER NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX update_history_by_update ON update_history(update_id, id);"
    "CREATE TABLE vehicle_sets(vehicle INTEGER PRIMARY KEY, set_id TEXT NOT NULL, counter INTEGER NOT NULL, set_hash "
    "BLOB, rxswin TEXT NOT NULL, root_version INTEGER NOT NULL, director_seq INTEGER NOT NULL, utc_ms INTEGER NOT "
    "NULL, audit_broken INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE audit_heads(vehicle INTEGER NOT NULL, count INTEGER NOT NULL, head BLOB NOT NULL, utc_ms INTEGER NOT "
    "NULL, PRIMARY KEY(vehicle, count)) WITHOUT ROWID;";

static const char *const steps[] = {version_1, version_2, version_3, version_4};
static_assert(sizeof steps / sizeof steps[0] == CT_DATABASE_SCHEMA, "one step to each version");

const char *ct_database_schema_step(int64_t from)
{
    return from >= 0 && from < CT_DATABASE_SCHEMA ? steps[from] : NULL;
}
