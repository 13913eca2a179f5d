/* The history's inside, shared by history.c (storing, gaps, events), history_merge.c (columns) and history_query.c
 * (samples). Private to these. */
#ifndef CT_FLEET_HISTORY_PRIVATE_H
#define CT_FLEET_HISTORY_PRIVATE_H

#include "history.h"

/* Where a chunk's samples are. */
enum ct_chunk_form {
    CT_CHUNK_WAITS = 0,   /* packed in the chunk, until there are enough to make columns of them */
    CT_CHUNK_COLUMNS = 1, /* in columns(chunk id * CT_HISTORY_COLUMN_IDS + signal id) */
    CT_CHUNK_STAYS = 2,   /* packed in the chunk */
};
#define CT_HISTORY_COLUMN_IDS 65536

_Static_assert(CT_CATALOGUE_MAX <= CT_HISTORY_COLUMN_IDS, "a column's id has room for any signal");

/* name, text */
#define STATEMENTS(X)                                                                                                \
    X(ADD_CHUNK, "INSERT INTO chunks(vehicle, t0_us, t1_us, catalogue, samples, data) VALUES(?,?,?,?,?,?)")          \
    X(CHUNKS, "SELECT catalogue, data, form, id, t1_us FROM chunks WHERE vehicle = ? AND t1_us >= ? AND t0_us <= ? " \
              "ORDER BY id")                                                                                         \
    X(CHUNKS_BACK, "SELECT catalogue, data, form, id, t1_us FROM chunks WHERE vehicle = ? AND t0_us <= ? "           \
                   "ORDER BY t1_us DESC")                                                                            \
    X(COLUMN, "SELECT data FROM columns WHERE id = ?")                                                               \
    X(COUNT_WAITING, "SELECT count(*) FROM chunks WHERE vehicle = ? AND form = 0")                                   \
    X(WAITING, "SELECT catalogue, data, id, t0_us, t1_us, samples FROM chunks WHERE vehicle = ? AND form = 0 "       \
               "ORDER BY id LIMIT ?")                                                                                \
    X(ADD_COLUMN, "INSERT INTO columns(id, data) VALUES(?,?)")                                                       \
    X(MERGED, "UPDATE chunks SET t0_us = ?, t1_us = ?, samples = ?, data = x'', form = 1 WHERE id = ?")              \
    X(DROP_WAITING, "DELETE FROM chunks WHERE vehicle = ? AND form = 0 AND id <= ?")                                 \
    X(STAY, "UPDATE chunks SET form = 2 WHERE vehicle = ? AND form = 0 AND id <= ?")                                 \
    X(NEXT_CHUNK, "SELECT min(t0_us) FROM chunks WHERE vehicle = ? AND t1_us >= ?")                                  \
    X(ADD_GAP, "INSERT INTO gaps(vehicle, from_utc_ms, to_utc_ms, reason, samples, seq_first, seq_last) "            \
               "VALUES(?,?,?,?,?,?,?)")                                                                              \
    X(GAPS, "SELECT * FROM (SELECT id, from_utc_ms, to_utc_ms, reason, samples, seq_first, seq_last FROM gaps "      \
            "WHERE vehicle = ? AND to_utc_ms >= ? AND from_utc_ms <= ? ORDER BY id DESC LIMIT ?) ORDER BY id")       \
    X(ADD_EVENT, "INSERT INTO events(vehicle, utc_ms, name, text, fields) VALUES(?,?,?,?,?)")                        \
    X(EVENTS, "SELECT utc_ms, name, text, fields FROM events WHERE vehicle = ? ORDER BY utc_ms DESC, id DESC "       \
              "LIMIT ?")                                                                                             \
    X(SAMPLES, "SELECT coalesce(sum(samples), 0) FROM chunks")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };

struct ct_history {
    ct_catalogue_lookup_fn catalogue;
    void *user;
    struct ct_chunk_unpacker *unpacker;
    sqlite3_stmt *statements[S_COUNT];
};

#endif
