/* The updates' inside, shared by updates.c (issue, status), updates_serve.c (offers, chunks) and updates_read.c
 * (lists). Private to these. */
#ifndef CT_FLEET_UPDATES_PRIVATE_H
#define CT_FLEET_UPDATES_PRIVATE_H

#include "updates.h"

#define CT_UPDATE_OPEN_STATES "(0, 1, 2, 3, 7)"

/* name, text */
#define CT_UPDATES_STATEMENTS(X)                                                                                     \
    X(SEQ, "SELECT max(coalesce((SELECT max(seq) FROM updates WHERE vehicle = ?1), 0), coalesce((SELECT "            \
           "director_seq FROM vehicle_sets WHERE vehicle = ?1), 0))")                                                \
    X(ADD, "INSERT INTO updates(id, vehicle, rollout, release, seq, directive, issued_utc_ms, expires_utc_ms, "      \
           "changed_utc_ms) VALUES(?,?,?,?,?,?,?,?,?)")                                                              \
    X(ADD_HISTORY, "INSERT INTO update_history(update_id, state, verdict, utc_ms, text) VALUES(?,?,?,?,?)")          \
    X(KNOWN, "SELECT vehicle, rollout, state, verdict, step FROM updates WHERE id = ?")                              \
    X(SET, "UPDATE updates SET state = ?, verdict = ?, step = ?, steps = ?, nrc = ?, text = ?, set_before = "        \
           "coalesce(?, set_before), set_after = coalesce(?, set_after), rxswin = iif(? = '', rxswin, ?9), "         \
           "changed_utc_ms = ? WHERE id = ?")                                                                        \
    X(EXPIRED, "SELECT id, vehicle, rollout, state FROM updates WHERE state IN " CT_UPDATE_OPEN_STATES " AND "       \
               "expires_utc_ms + ? < ? LIMIT 1")                                                                     \
    X(END, "UPDATE updates SET state = ?, verdict = ?, changed_utc_ms = ? WHERE id = ?")                             \
    X(OFFERS, "SELECT u.id, length(u.directive), length(r.signed), coalesce(s.root_version, 0) FROM updates AS u "   \
              "JOIN releases AS r ON r.sha256 = u.release JOIN rollouts AS o ON o.id = u.rollout "                   \
              "LEFT JOIN vehicle_sets AS s ON s.vehicle = u.vehicle WHERE u.vehicle = ? AND u.state = 0 AND "        \
              "o.state = 1 AND u.expires_utc_ms > ? ORDER BY u.seq")                                                 \
    X(SERVE, "SELECT u.directive, r.signed, u.release FROM updates AS u JOIN releases AS r ON r.sha256 = u.release " \
             "JOIN rollouts AS o ON o.id = u.rollout WHERE u.id = ? AND u.vehicle = ? AND u.state IN (0, 1, 2) AND " \
             "o.state = 1 AND u.expires_utc_ms > ?")                                                                 \
    X(NAMES, "SELECT size FROM release_blobs WHERE release = ? AND blob = ?")                                        \
    X(LIST, "SELECT u.id, u.release, u.vehicle, u.rollout, u.seq, u.issued_utc_ms, u.expires_utc_ms, "               \
            "u.changed_utc_ms, u.state, u.verdict, u.nrc, u.step, u.steps, u.text, u.rxswin, u.set_before, "         \
            "u.set_after, r.set_id, r.signers, r.user, o.user, r.notice, r.counter FROM updates AS u JOIN releases " \
            "AS r ON r.sha256 = u.release JOIN rollouts AS o ON o.id = u.rollout WHERE (?1 = 0 OR u.vehicle = ?1) "  \
            "AND (?2 = 0 OR u.rollout = ?2) ORDER BY u.seq DESC LIMIT ?3")                                           \
    X(HISTORY, "SELECT state, verdict, utc_ms, text FROM update_history WHERE update_id = ? ORDER BY id")            \
    X(GET_SET, "SELECT set_id, counter, set_hash, rxswin, root_version, director_seq, utc_ms, audit_broken FROM "    \
               "vehicle_sets WHERE vehicle = ?")                                                                     \
    X(PUT_SET, "INSERT INTO vehicle_sets VALUES(?,?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET set_id = "              \
               "excluded.set_id, counter = excluded.counter, set_hash = coalesce(excluded.set_hash, set_hash), "     \
               "rxswin = iif(excluded.rxswin = '', rxswin, excluded.rxswin), root_version = excluded.root_version, " \
               "director_seq = excluded.director_seq, utc_ms = excluded.utc_ms, audit_broken = max(audit_broken, "   \
               "excluded.audit_broken)")                                                                             \
    X(HEAD_AT, "SELECT head FROM audit_heads WHERE vehicle = ? AND count = ?")                                       \
    X(HEAD_NEWEST, "SELECT coalesce(max(count), 0) FROM audit_heads WHERE vehicle = ?")                              \
    X(ADD_HEAD, "INSERT OR IGNORE INTO audit_heads VALUES(?,?,?,?)")                                                 \
    X(HEADS, "SELECT count, head, utc_ms FROM audit_heads WHERE vehicle = ? ORDER BY count")

#define CT_UP_ENUM(name, text) CT_UP_##name,
enum ct_updates_statement { CT_UPDATES_STATEMENTS(CT_UP_ENUM) CT_UP_COUNT };
#undef CT_UP_ENUM

struct ct_updates {
    uint8_t secret[CT_SIGN_SECRET_SIZE];
    sqlite3_stmt *statements[CT_UP_COUNT];
};

#endif
