/* What may be rolled out: roots in their chain, releases that release keys have signed, and the blobs these name.
 *
 * Nothing is kept that the newest root's keys have not signed; a blob is taken only when such a release names it, so
 * what is stored is bounded by what was signed. Writes belong to the database's open transaction. Adapter (files).
 * Belongs to one thread (folder). Source: facts on update trust 1.5. */
#ifndef CT_FLEET_UPDATE_STORE_H
#define CT_FLEET_UPDATE_STORE_H

#include "database.h"
#include "update_link.h"

#define CT_UPDATE_TEXT_MAX (CT_UPDATE_RXSWIN_MAX * (CT_UPDATE_NAME_MAX + 2))

struct ct_update_store;

int ct_update_store_open(struct ct_database *database, struct ct_update_store **out_store) CT_MUST_CHECK;
void ct_update_store_close(struct ct_update_store *store); /* accepts NULL */

struct ct_upload {
    const uint8_t *data; /* a serialised SignedPayload */
    size_t len;
    const char *user; /* who brings it */
    int64_t utc_ms;
};

/* The first root must be signed by its own keys, each other follows the one before it (root.h). CT_ERR_EXISTS: there
 * already; CT_ERR_SYNTAX; CT_ERR_PERMISSION: not signed as it must be. */
int ct_update_store_add_root(struct ct_update_store *store, const struct ct_upload *upload,
                             uint32_t *out_version) CT_MUST_CHECK;
/* The newest; CT_ERR_NOT_FOUND. */
int ct_update_store_root(struct ct_update_store *store, struct ct_root *out_root) CT_MUST_CHECK;
/* Those above a version, in order; bytes live during the callback. */
int ct_update_store_roots(struct ct_update_store *store, uint32_t above,
                          int (*fn)(void *user, uint32_t version, const uint8_t *data, size_t len, const char *who,
                                    int64_t utc_ms),
                          void *user) CT_MUST_CHECK;

/* Verified against the newest root: *out_verdict says why not (CT_ERR_PERMISSION). CT_ERR_NOT_FOUND: no root yet. */
int ct_update_store_add_release(struct ct_update_store *store, const struct ct_upload *upload,
                                uint8_t out_sha256[CT_UPDATE_HASH_SIZE],
                                enum ct_update_verdict *out_verdict) CT_MUST_CHECK;

struct ct_release_row {
    const uint8_t *sha256, *set_hash, *base_hash; /* CT_UPDATE_HASH_SIZE bytes */
    const char *set_id, *notice, *rxswin, *signers, *user;
    int64_t counter, expires_utc_ms, parameters, utc_ms, missing; /* missing: blobs not wholly here */
    const uint8_t *signed_bytes;
    size_t signed_len;
};
typedef int (*ct_release_fn)(void *user, const struct ct_release_row *row);
/* Newest first; texts and bytes live during the callback. sha256 NULL: all. */
int ct_update_store_releases(struct ct_update_store *store, const uint8_t *sha256, ct_release_fn fn,
                             void *user) CT_MUST_CHECK;

/* Part of a blob at its end so far; parts are CT_UPDATE_CHUNK_MAX bytes, the last one the rest. *out_held: what is here
 * now. CT_ERR_NOT_FOUND: no release names it; CT_ERR_RANGE: not what comes next; CT_ERR_CORRUPT: whole, but its hash is
 * another: all of it is dropped. */
int ct_update_store_put_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t offset,
                             const uint8_t *data, size_t len, uint32_t *out_held) CT_MUST_CHECK;
int ct_update_store_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t *out_size,
                         uint32_t *out_held) CT_MUST_CHECK;
/* At most one chunk from `offset` on, copied into `out`. CT_ERR_NOT_FOUND, CT_ERR_RANGE. */
int ct_update_store_read_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t offset,
                              struct ct_buf *out) CT_MUST_CHECK;

#endif
