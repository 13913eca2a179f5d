/* Blobs in parts: what comes is put behind what is here, and what is whole has the hash it was signed with. */
#include "update_store_private.h"

#include <sodium.h>
#include <string.h>

int ct_update_store_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t *out_size,
                         uint32_t *out_held)
{
    sqlite3_stmt *blob = store->statements[CT_US_BLOB];
    const int err = ct_statement_bind(blob, "b", sha256, (size_t)CT_UPDATE_HASH_SIZE);
    const int row = err == CT_OK ? ct_statement_row(blob) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    *out_size = (uint32_t)sqlite3_column_int64(blob, 0);
    *out_held = (uint32_t)sqlite3_column_int64(blob, 1);
    ct_statement_end(blob);
    return CT_OK;
}

static int hash_of(struct ct_update_store *store, const uint8_t *sha256, uint8_t out_hash[CT_UPDATE_HASH_SIZE])
{
    sqlite3_stmt *parts = store->statements[CT_US_PARTS];
    crypto_hash_sha256_state hash;
    (void)crypto_hash_sha256_init(&hash);
    const int err = ct_statement_bind(parts, "b", sha256, (size_t)CT_UPDATE_HASH_SIZE);
    int row = err;
    while (err == CT_OK && (row = ct_statement_row(parts)) == 1) {
        (void)crypto_hash_sha256_update(&hash, sqlite3_column_blob(parts, 0),
                                        (unsigned long long)sqlite3_column_bytes(parts, 0));
    }
    (void)crypto_hash_sha256_final(&hash, out_hash);
    return row;
}

static int check_whole(struct ct_update_store *store, const uint8_t *sha256)
{
    uint8_t hash[CT_UPDATE_HASH_SIZE];
    int err = hash_of(store, sha256, hash);
    if (err != CT_OK || memcmp(hash, sha256, sizeof hash) == 0) {
        return err;
    }
    sqlite3_stmt *drop = store->statements[CT_US_DROP];
    err = ct_statement_bind(drop, "b", sha256, (size_t)CT_UPDATE_HASH_SIZE);
    err = err == CT_OK ? ct_statement_run(drop) : err;
    return err == CT_OK ? CT_ERR_CORRUPT : err;
}

int ct_update_store_put_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t offset,
                             const uint8_t *data, size_t len, uint32_t *out_held)
{
    uint32_t size = 0;
    uint32_t held = 0;
    int err = ct_update_store_blob(store, sha256, &size, &held);
    if (err != CT_OK) {
        return err;
    }
    *out_held = held;
    const uint32_t left = size - held;
    const uint32_t wanted = left < CT_UPDATE_CHUNK_MAX ? left : CT_UPDATE_CHUNK_MAX;
    if (offset != held || len != wanted || len == 0) {
        return CT_ERR_RANGE;
    }
    sqlite3_stmt *add = store->statements[CT_US_ADD_PART];
    err = ct_statement_bind(add, "bib", sha256, (size_t)CT_UPDATE_HASH_SIZE, (int64_t)offset, data, len);
    err = err == CT_OK ? ct_statement_run(add) : err;
    *out_held = err == CT_OK ? held + (uint32_t)len : held;
    return err == CT_OK && *out_held == size ? check_whole(store, sha256) : err;
}

int ct_update_store_read_blob(struct ct_update_store *store, const uint8_t sha256[CT_UPDATE_HASH_SIZE], uint32_t offset,
                              struct ct_buf *out)
{
    sqlite3_stmt *part = store->statements[CT_US_PART];
    const uint32_t at = offset - offset % CT_UPDATE_CHUNK_MAX;
    const int err = ct_statement_bind(part, "bi", sha256, (size_t)CT_UPDATE_HASH_SIZE, (int64_t)at);
    const int row = err == CT_OK ? ct_statement_row(part) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    const size_t len = (size_t)sqlite3_column_bytes(part, 0);
    const size_t skip = offset - at;
    if (skip < len) {
        ct_buf_append(out, (const uint8_t *)sqlite3_column_blob(part, 0) + skip, len - skip);
    }
    ct_statement_end(part);
    return skip < len ? ct_buf_error(out) : CT_ERR_RANGE;
}
