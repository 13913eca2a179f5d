/* The history's inside, shared by history.c (storing, gaps, events) and history_query.c (samples). Private to these. */
#ifndef CT_FLEET_HISTORY_PRIVATE_H
#define CT_FLEET_HISTORY_PRIVATE_H

#include "history.h"

/* name, text */
#define STATEMENTS(X)                                                                                                \
    X(ADD_CHUNK, "INSERT INTO chunks(vehicle, t0_us, t1_us, catalogue, samples, data) VALUES(?,?,?,?,?,?)")          \
    X(CHUNKS, "SELECT catalogue, data FROM chunks WHERE vehicle = ? AND t1_us >= ? AND t0_us <= ? ORDER BY id")      \
    X(CHUNKS_BACK, "SELECT catalogue, data, t1_us FROM chunks WHERE vehicle = ? AND t0_us <= ? ORDER BY t1_us DESC") \
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
