#include "update_store.h"

#include "bytes.h"
#include "update_store_private.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_TEXT(name, text) text,
static const char *const statement_texts[CT_US_COUNT] = {CT_UPDATE_STORE_STATEMENTS(STATEMENT_TEXT)};

int ct_update_store_open(struct ct_database *database, struct ct_update_store **out_store)
{
    struct ct_update_store *store = calloc(1, sizeof *store);
    if (store == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err = ct_statements_prepare(database, statement_texts, store->statements, CT_US_COUNT);
    if (err != CT_OK) {
        free(store);
        return err;
    }
    *out_store = store;
    return CT_OK;
}

void ct_update_store_close(struct ct_update_store *store)
{
    if (store != NULL) {
        ct_statements_free(store->statements, CT_US_COUNT);
        free(store);
    }
}

/* ------------------------------------------------------------------------------------------------ roots */

int ct_update_store_root(struct ct_update_store *store, struct ct_root *out_root)
{
    sqlite3_stmt *newest = store->statements[CT_US_NEWEST_ROOT];
    const int row = ct_statement_row(newest);
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    struct ct_update_part part;
    int err = ct_signed_payload_split(sqlite3_column_blob(newest, 0), (size_t)sqlite3_column_bytes(newest, 0), &part);
    err = err == CT_OK ? ct_root_decode(part.payload, part.len, out_root) : CT_ERR_CORRUPT;
    ct_statement_end(newest);
    return err == CT_OK ? CT_OK : CT_ERR_CORRUPT;
}

static int check_root(struct ct_update_store *store, const struct ct_update_part *part, const struct ct_root *next,
                      int64_t utc_ms)
{
    struct ct_root known;
    const int err = ct_update_store_root(store, &known);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_root_valid(next) && ct_root_check(next, CT_ROLE_ROOT, CT_DOMAIN_ROOT, part->payload, part->len,
                                                    part->signatures, part->signature_count) == CT_UPDATE_OK
                   ? CT_OK
                   : CT_ERR_PERMISSION;
    }
    if (err != CT_OK) {
        return err;
    }
    if (next->version <= known.version) {
        return CT_ERR_EXISTS;
    }
    return ct_root_follows(&known, next, part->payload, part->len, part->signatures, part->signature_count, utc_ms) ==
                   CT_UPDATE_OK
               ? CT_OK
               : CT_ERR_PERMISSION;
}

int ct_update_store_add_root(struct ct_update_store *store, const struct ct_upload *upload, uint32_t *out_version)
{
    struct ct_update_part part;
    struct ct_root next;
    if (ct_signed_payload_split(upload->data, upload->len, &part) != CT_OK ||
        ct_root_decode(part.payload, part.len, &next) != CT_OK) {
        return CT_ERR_SYNTAX;
    }
    int err = check_root(store, &part, &next, upload->utc_ms);
    sqlite3_stmt *add = store->statements[CT_US_ADD_ROOT];
    err = err == CT_OK ? ct_statement_bind(add, "ibti", (int64_t)next.version, upload->data, upload->len, upload->user,
                                           upload->utc_ms)
                       : err;
    err = err == CT_OK ? ct_statement_run(add) : err;
    if (err == CT_OK) {
        *out_version = next.version;
    }
    return err;
}

int ct_update_store_roots(struct ct_update_store *store, uint32_t above,
                          int (*fn)(void *user, uint32_t version, const uint8_t *data, size_t len, const char *who,
                                    int64_t utc_ms),
                          void *user)
{
    sqlite3_stmt *roots = store->statements[CT_US_ROOTS];
    int err = ct_statement_bind(roots, "i", (int64_t)above);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(roots)) == 1) {
        err = fn(user, (uint32_t)sqlite3_column_int64(roots, 0), sqlite3_column_blob(roots, 1),
                 (size_t)sqlite3_column_bytes(roots, 1), (const char *)sqlite3_column_text(roots, 2),
                 sqlite3_column_int64(roots, 3));
    }
    ct_statement_end(roots);
    return err != CT_OK ? err : row;
}

/* ------------------------------------------------------------------------------------------------ releases */

static void join_rxswin(const struct ct_release *release, char out[CT_UPDATE_TEXT_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < release->rxswin_count; i++) {
        len += (size_t)snprintf(out + len, CT_UPDATE_TEXT_MAX - len, "%s%s", len > 0 ? ", " : "", release->rxswin[i]);
    }
}

static void join_signers(const struct ct_update_part *part, char *out)
{
    out[0] = '\0';
    for (size_t i = 0; i < part->signature_count; i++) {
        char *at = out + i * (2 * CT_KEY_ID_SIZE + 1);
        ct_hex_encode(at, part->signatures[i].key_id, CT_KEY_ID_SIZE);
        if (i + 1 < part->signature_count) {
            at[(size_t)2 * CT_KEY_ID_SIZE] = ' ';
        }
    }
}

static int name_blobs(struct ct_update_store *store, const struct ct_release *release, const uint8_t *sha256)
{
    sqlite3_stmt *name = store->statements[CT_US_NAME_BLOB];
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < release->parameter_count; i++) {
        const struct ct_parameter *parameter = &release->parameters[i];
        if (parameter->type == CT_PARAMETER_BLOB) {
            err = ct_statement_bind(name, "bbi", sha256, (size_t)CT_UPDATE_HASH_SIZE, parameter->blob.sha256,
                                    (size_t)CT_UPDATE_HASH_SIZE, (int64_t)parameter->blob.size);
            err = err == CT_OK ? ct_statement_run(name) : err;
        }
    }
    return err;
}

static int store_release(struct ct_update_store *store, const struct ct_upload *upload,
                         const struct ct_update_part *part, const struct ct_release *release, const uint8_t *sha256)
{
    char rxswin[CT_UPDATE_TEXT_MAX];
    char signers[CT_SIGNATURES_MAX * (2 * CT_KEY_ID_SIZE + 1)];
    sqlite3_stmt *add = store->statements[CT_US_ADD_RELEASE];
    join_rxswin(release, rxswin);
    join_signers(part, signers);
    int err = ct_statement_bind(add, "btibbitttibti", sha256, (size_t)CT_UPDATE_HASH_SIZE, release->set_id,
                                (int64_t)release->counter, release->set_hash, (size_t)CT_UPDATE_HASH_SIZE,
                                release->base_set_hash, (size_t)CT_UPDATE_HASH_SIZE, release->expires_utc_ms,
                                release->user_notice, rxswin, signers, (int64_t)release->parameter_count, upload->data,
                                upload->len, upload->user, upload->utc_ms);
    err = err == CT_OK ? ct_statement_run(add) : err;
    return err == CT_OK ? name_blobs(store, release, sha256) : err;
}

static enum ct_update_verdict check_release(const struct ct_root *root, const struct ct_update_part *part,
                                            struct ct_release *release, int64_t utc_ms)
{
    const enum ct_update_verdict verdict = ct_root_check(root, CT_ROLE_RELEASE, CT_DOMAIN_RELEASE, part->payload,
                                                         part->len, part->signatures, part->signature_count);
    if (verdict != CT_UPDATE_OK) {
        return verdict;
    }
    if (ct_release_decode(part->payload, part->len, release) != CT_OK) {
        return CT_UPDATE_PARSE;
    }
    return utc_ms >= release->expires_utc_ms ? CT_UPDATE_EXPIRED : CT_UPDATE_OK;
}

int ct_update_store_add_release(struct ct_update_store *store, const struct ct_upload *upload,
                                uint8_t out_sha256[CT_UPDATE_HASH_SIZE], enum ct_update_verdict *out_verdict)
{
    struct ct_update_part part;
    struct ct_root root;
    *out_verdict = CT_UPDATE_PARSE;
    int err = ct_update_store_root(store, &root);
    if (err != CT_OK) {
        return err;
    }
    if (upload->len > CT_UPDATE_ENVELOPE_MAX || ct_signed_payload_split(upload->data, upload->len, &part) != CT_OK) {
        return CT_ERR_PERMISSION;
    }
    struct ct_release *release = malloc(sizeof *release);
    if (release == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    *out_verdict = check_release(&root, &part, release, upload->utc_ms);
    err = *out_verdict == CT_UPDATE_OK ? CT_OK : CT_ERR_PERMISSION;
    if (err == CT_OK) {
        ct_update_sha256(part.payload, part.len, out_sha256);
        err = store_release(store, upload, &part, release, out_sha256);
    }
    free(release);
    return err;
}

static int give_release(sqlite3_stmt *row, ct_release_fn fn, void *user)
{
    const struct ct_release_row out = {.sha256 = sqlite3_column_blob(row, 0),
                                       .set_id = (const char *)sqlite3_column_text(row, 1),
                                       .counter = sqlite3_column_int64(row, 2),
                                       .set_hash = sqlite3_column_blob(row, 3),
                                       .base_hash = sqlite3_column_blob(row, 4),
                                       .expires_utc_ms = sqlite3_column_int64(row, 5),
                                       .notice = (const char *)sqlite3_column_text(row, 6),
                                       .rxswin = (const char *)sqlite3_column_text(row, 7),
                                       .signers = (const char *)sqlite3_column_text(row, 8),
                                       .parameters = sqlite3_column_int64(row, 9),
                                       .signed_bytes = sqlite3_column_blob(row, 10),
                                       .signed_len = (size_t)sqlite3_column_bytes(row, 10),
                                       .user = (const char *)sqlite3_column_text(row, 11),
                                       .utc_ms = sqlite3_column_int64(row, 12),
                                       .missing = sqlite3_column_int64(row, 13)};
    if (sqlite3_column_bytes(row, 0) != CT_UPDATE_HASH_SIZE || sqlite3_column_bytes(row, 3) != CT_UPDATE_HASH_SIZE ||
        sqlite3_column_bytes(row, 4) != CT_UPDATE_HASH_SIZE) {
        return CT_ERR_CORRUPT;
    }
    return fn(user, &out);
}

int ct_update_store_releases(struct ct_update_store *store, const uint8_t *sha256, ct_release_fn fn, void *user)
{
    sqlite3_stmt *releases = store->statements[sha256 == NULL ? CT_US_RELEASES : CT_US_RELEASE];
    int err = sha256 == NULL ? CT_OK : ct_statement_bind(releases, "b", sha256, (size_t)CT_UPDATE_HASH_SIZE);
    int row = 0;
    size_t count = 0;
    while (err == CT_OK && (row = ct_statement_row(releases)) == 1) {
        err = give_release(releases, fn, user);
        count++;
    }
    ct_statement_end(releases);
    if (err == CT_OK && row == 0 && count == 0 && sha256 != NULL) {
        return CT_ERR_NOT_FOUND;
    }
    return err != CT_OK ? err : row;
}
