/* The update store's inside, shared by update_store.c (roots, releases) and update_blobs.c. Private to these. */
#ifndef CT_FLEET_UPDATE_STORE_PRIVATE_H
#define CT_FLEET_UPDATE_STORE_PRIVATE_H

#include "update_store.h"

#define CT_RELEASE_COLUMNS                                                                                       \
    "SELECT sha256, set_id, counter, set_hash, base_hash, expires_utc_ms, notice, rxswin, signers, parameters, " \
    "signed, user, utc_ms, (SELECT count(*) FROM release_blobs AS b WHERE b.release = sha256 AND b.size <> "     \
    "(SELECT coalesce(sum(length(data)), 0) FROM blob_parts AS p WHERE p.blob = b.blob)) FROM releases "

/* name, text */
#define CT_UPDATE_STORE_STATEMENTS(X)                                                                    \
    X(NEWEST_ROOT, "SELECT signed FROM roots ORDER BY version DESC LIMIT 1")                             \
    X(ADD_ROOT, "INSERT INTO roots VALUES(?,?,?,?)")                                                     \
    X(ROOTS, "SELECT version, signed, user, utc_ms FROM roots WHERE version > ? ORDER BY version")       \
    X(ADD_RELEASE, "INSERT INTO releases VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?)")                             \
    X(NAME_BLOB, "INSERT OR IGNORE INTO release_blobs VALUES(?,?,?)")                                    \
    X(RELEASES, CT_RELEASE_COLUMNS "ORDER BY utc_ms DESC LIMIT 1000")                                    \
    X(RELEASE, CT_RELEASE_COLUMNS "WHERE sha256 = ?")                                                    \
    X(BLOB, "SELECT size, (SELECT coalesce(sum(length(data)), 0) FROM blob_parts WHERE blob = ?1) FROM " \
            "release_blobs WHERE blob = ?1 LIMIT 1")                                                     \
    X(ADD_PART, "INSERT INTO blob_parts VALUES(?,?,?)")                                                  \
    X(PARTS, "SELECT data FROM blob_parts WHERE blob = ? ORDER BY at")                                   \
    X(PART, "SELECT data FROM blob_parts WHERE blob = ? AND at = ?")                                     \
    X(DROP, "DELETE FROM blob_parts WHERE blob = ?")

#define CT_US_ENUM(name, text) CT_US_##name,
enum ct_update_store_statement { CT_UPDATE_STORE_STATEMENTS(CT_US_ENUM) CT_US_COUNT };
#undef CT_US_ENUM

struct ct_update_store {
    sqlite3_stmt *statements[CT_US_COUNT];
};

#endif
