#include "updates_private.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTIVE_MAX 4096

static const uint8_t no_bytes[CT_UPDATE_HASH_SIZE];

#define STATEMENT_TEXT(name, text) text,
static const char *const statement_texts[CT_UP_COUNT] = {CT_UPDATES_STATEMENTS(STATEMENT_TEXT)};

int ct_updates_open(struct ct_database *database, const uint8_t director_secret[CT_SIGN_SECRET_SIZE],
                    struct ct_updates **out_updates)
{
    if (sodium_init() < 0) {
        return CT_ERR_UNSUPPORTED;
    }
    struct ct_updates *updates = calloc(1, sizeof *updates);
    if (updates == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    memcpy(updates->secret, director_secret, sizeof updates->secret);
    const int err = ct_statements_prepare(database, statement_texts, updates->statements, CT_UP_COUNT);
    if (err != CT_OK) {
        ct_updates_close(updates);
        return err;
    }
    *out_updates = updates;
    return CT_OK;
}

void ct_updates_close(struct ct_updates *updates)
{
    if (updates != NULL) {
        ct_statements_free(updates->statements, CT_UP_COUNT);
        sodium_memzero(updates->secret, sizeof updates->secret);
        free(updates);
    }
}

bool ct_updates_may_direct(const struct ct_updates *updates, const struct ct_root *root)
{
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE];
    (void)crypto_sign_ed25519_sk_to_pk(public_key, updates->secret);
    for (size_t i = 0; i < root->director.count; i++) {
        if (root->director.threshold == 1 &&
            memcmp(root->director.public_keys[i], public_key, sizeof public_key) == 0) {
            return true;
        }
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------ issue */

static int add_history(struct ct_updates *updates, const uint8_t *id, int state, int verdict, int64_t utc_ms,
                       const char *text)
{
    sqlite3_stmt *add = updates->statements[CT_UP_ADD_HISTORY];
    const int err =
        ct_statement_bind(add, "biiit", id, (size_t)CT_UPDATE_ID_SIZE, (int64_t)state, (int64_t)verdict, utc_ms, text);
    return err == CT_OK ? ct_statement_run(add) : err;
}

/* At least the time, as commands: also from a backend whose database was lost or restored. */
static int next_seq(struct ct_updates *updates, int64_t vehicle_row, int64_t utc_ms, uint64_t *out_seq)
{
    sqlite3_stmt *highest = updates->statements[CT_UP_SEQ];
    const int err = ct_statement_bind(highest, "i", vehicle_row);
    const int row = err == CT_OK ? ct_statement_row(highest) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_CORRUPT : row;
    }
    const int64_t known = sqlite3_column_int64(highest, 0);
    ct_statement_end(highest);
    if (known == INT64_MAX) {
        return CT_ERR_RANGE;
    }
    *out_seq = (uint64_t)(known + 1 > utc_ms ? known + 1 : utc_ms);
    return CT_OK;
}

static int sign(const struct ct_updates *updates, const struct ct_directive *directive, struct ct_buf *out)
{
    struct ct_buf payload;
    struct ct_update_part part = {.signature_count = 1};
    ct_buf_init(&payload, DIRECTIVE_MAX);
    int err = ct_directive_encode(directive, &payload);
    if (err == CT_OK) {
        part.payload = payload.data;
        part.len = payload.len;
        err = ct_envelope_sign(CT_DOMAIN_DIRECTIVE, payload.data, payload.len, CT_ROLE_DIRECTOR, updates->secret,
                               &part.signatures[0]);
    }
    err = err == CT_OK ? ct_signed_payload_join(&part, out) : err;
    ct_buf_free(&payload);
    return err;
}

int ct_updates_issue(struct ct_updates *updates, const struct ct_update_order *order, uint8_t out_id[CT_UPDATE_ID_SIZE])
{
    struct ct_directive directive = {.issued_utc_ms = order->utc_ms,
                                     .not_before_utc_ms = order->utc_ms,
                                     .expires_utc_ms = order->expires_utc_ms,
                                     .release_len = (uint32_t)order->release_len,
                                     .confirm = order->confirm,
                                     .rollback = order->rollback};
    struct ct_buf bytes;
    int err = next_seq(updates, order->vehicle_row, order->utc_ms, &directive.seq);
    if (err != CT_OK) {
        return err;
    }
    (void)snprintf(directive.vehicle_id, sizeof directive.vehicle_id, "%s", order->vehicle_id);
    memcpy(directive.release_sha256, order->release_sha256, CT_UPDATE_HASH_SIZE);
    randombytes_buf(directive.update_id, sizeof directive.update_id);
    ct_buf_init(&bytes, DIRECTIVE_MAX);
    err = sign(updates, &directive, &bytes);
    sqlite3_stmt *add = updates->statements[CT_UP_ADD];
    err = err == CT_OK ? ct_statement_bind(add, "biibibiii", directive.update_id, (size_t)CT_UPDATE_ID_SIZE,
                                           order->vehicle_row, order->rollout, order->release_sha256,
                                           (size_t)CT_UPDATE_HASH_SIZE, (int64_t)directive.seq, bytes.data, bytes.len,
                                           order->utc_ms, order->expires_utc_ms, order->utc_ms)
                       : err;
    err = err == CT_OK ? ct_statement_run(add) : err;
    ct_buf_free(&bytes);
    if (err == CT_OK) {
        memcpy(out_id, directive.update_id, CT_UPDATE_ID_SIZE);
        err = add_history(updates, out_id, CT_UPDATE_OFFERED, CT_UPDATE_OK, order->utc_ms, "");
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ status */

static bool final(int state)
{
    return state == CT_UPDATE_STATE_COMMITTED || state == CT_UPDATE_STATE_ROLLED_BACK ||
           state == CT_UPDATE_STATE_ROLLBACK_FAILED || state == CT_UPDATE_STATE_REFUSED;
}

/* Refused for what the set is not to blame for: says nothing about it. */
static enum ct_place_state place_of(int state, int verdict)
{
    switch (state) {
    case CT_UPDATE_STATE_COMMITTED:
        return CT_PLACE_GOOD;
    case CT_UPDATE_STATE_ROLLED_BACK:
    case CT_UPDATE_STATE_ROLLBACK_FAILED:
        return CT_PLACE_BAD;
    case CT_UPDATE_NO_ANSWER:
        return verdict == CT_UPDATE_INTERRUPTED ? CT_PLACE_BAD : CT_PLACE_DECLINED;
    case CT_UPDATE_STATE_REFUSED:
        return verdict == CT_UPDATE_USER || verdict == CT_UPDATE_EXPIRED || verdict == CT_UPDATE_BUSY
                   ? CT_PLACE_DECLINED
                   : CT_PLACE_BAD;
    default:
        return CT_PLACE_OPEN;
    }
}

struct known {
    int64_t vehicle_row, rollout;
    int state, verdict;
    uint32_t step;
};

static int read_known(struct ct_updates *updates, const uint8_t *id, struct known *out_known)
{
    sqlite3_stmt *known = updates->statements[CT_UP_KNOWN];
    const int err = ct_statement_bind(known, "b", id, (size_t)CT_UPDATE_ID_SIZE);
    const int row = err == CT_OK ? ct_statement_row(known) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    *out_known =
        (struct known){sqlite3_column_int64(known, 0), sqlite3_column_int64(known, 1), sqlite3_column_int(known, 2),
                       sqlite3_column_int(known, 3), (uint32_t)sqlite3_column_int64(known, 4)};
    ct_statement_end(known);
    return CT_OK;
}

static const void *or_null(const uint8_t *hash)
{
    return memcmp(hash, no_bytes, sizeof no_bytes) == 0 ? NULL : hash;
}

static void join_rxswin(const struct ct_update_status *status, char out[CT_UPDATE_TEXT_MAX])
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; i < status->rxswin_count && len < CT_UPDATE_TEXT_MAX; i++) {
        len += (size_t)snprintf(out + len, CT_UPDATE_TEXT_MAX - len, "%s%s", len > 0 ? ", " : "", status->rxswin[i]);
    }
}

static int store_status(struct ct_updates *updates, const struct ct_update_status *status, bool entered, int64_t utc_ms)
{
    char rxswin[CT_UPDATE_TEXT_MAX];
    const char *text = status->text == NULL ? "" : status->text;
    sqlite3_stmt *set = updates->statements[CT_UP_SET];
    join_rxswin(status, rxswin);
    int err =
        ct_statement_bind(set, "iiiiitbbtib", (int64_t)status->state, (int64_t)status->verdict, (int64_t)status->step,
                          (int64_t)status->steps, (int64_t)status->nrc, text, or_null(status->set_hash_before),
                          (size_t)CT_UPDATE_HASH_SIZE, or_null(status->set_hash_after), (size_t)CT_UPDATE_HASH_SIZE,
                          rxswin, utc_ms, status->update_id, (size_t)CT_UPDATE_ID_SIZE);
    err = err == CT_OK ? ct_statement_run(set) : err;
    return err == CT_OK && entered
               ? add_history(updates, status->update_id, status->state, status->verdict, utc_ms, text)
               : err;
}

/* The chain's heads tell: the same count with another head, or a lower count than was reported, is another log. */
static int check_chain(struct ct_updates *updates, int64_t vehicle_row, const struct ct_update_status *status,
                       int64_t utc_ms, bool *out_broken)
{
    sqlite3_stmt *at = updates->statements[CT_UP_HEAD_AT];
    sqlite3_stmt *newest = updates->statements[CT_UP_HEAD_NEWEST];
    sqlite3_stmt *add = updates->statements[CT_UP_ADD_HEAD];
    if (status->audit_count == 0 && or_null(status->audit_head) == NULL) {
        return CT_OK;
    }
    const int64_t count = status->audit_count > INT64_MAX ? INT64_MAX : (int64_t)status->audit_count;
    int err = ct_statement_bind(newest, "i", vehicle_row);
    int row = err == CT_OK ? ct_statement_row(newest) : err;
    if (row == 1) {
        *out_broken = count < sqlite3_column_int64(newest, 0);
        ct_statement_end(newest);
        err = ct_statement_bind(at, "ii", vehicle_row, count);
        row = err == CT_OK ? ct_statement_row(at) : err;
    }
    if (row == 1) {
        *out_broken = *out_broken || sqlite3_column_bytes(at, 0) != CT_UPDATE_HASH_SIZE ||
                      memcmp(sqlite3_column_blob(at, 0), status->audit_head, CT_UPDATE_HASH_SIZE) != 0;
        ct_statement_end(at);
    }
    if (row < 0) {
        return row;
    }
    err = ct_statement_bind(add, "iibi", vehicle_row, count, status->audit_head, (size_t)CT_UPDATE_HASH_SIZE, utc_ms);
    return err == CT_OK ? ct_statement_run(add) : err;
}

static int put_set(struct ct_updates *updates, int64_t vehicle_row, const struct ct_update_status *status,
                   int64_t utc_ms, bool broken)
{
    char rxswin[CT_UPDATE_TEXT_MAX] = "";
    const bool committed = status->state == CT_UPDATE_STATE_COMMITTED;
    const uint8_t *hash = committed ? status->set_hash_after : status->set_hash_before;
    const int64_t seq = status->director_seq > INT64_MAX ? INT64_MAX : (int64_t)status->director_seq;
    sqlite3_stmt *put = updates->statements[CT_UP_PUT_SET];
    if (committed) {
        join_rxswin(status, rxswin);
    }
    const int err = ct_statement_bind(put, "itibtiiii", vehicle_row, status->set_id == NULL ? "" : status->set_id,
                                      (int64_t)status->counter, or_null(hash), (size_t)CT_UPDATE_HASH_SIZE, rxswin,
                                      (int64_t)status->root_version, seq, utc_ms, (int64_t)broken);
    return err == CT_OK ? ct_statement_run(put) : err;
}

int ct_updates_status(struct ct_updates *updates, int64_t vehicle_row, const struct ct_update_status *status,
                      int64_t utc_ms, struct ct_update_news *out_news)
{
    struct known known = {0};
    *out_news = (struct ct_update_news){.known = false};
    int err = check_chain(updates, vehicle_row, status, utc_ms, &out_news->chain_broken);
    err = err == CT_OK ? put_set(updates, vehicle_row, status, utc_ms, out_news->chain_broken) : err;
    err = err == CT_OK ? read_known(updates, status->update_id, &known) : err;
    if (err != CT_OK || known.vehicle_row != vehicle_row) {
        return err == CT_ERR_NOT_FOUND ? CT_OK : err;
    }
    const bool valid = status->state >= CT_UPDATE_STATE_RECEIVED && status->state <= CT_UPDATE_STATE_REFUSED;
    const bool entered = known.state != status->state || known.verdict != status->verdict;
    out_news->known = true;
    out_news->rollout = known.rollout;
    if (!valid || (final(known.state) && !final(status->state)) || (!entered && known.step == status->step)) {
        out_news->place = place_of(known.state, known.verdict);
        return CT_OK;
    }
    out_news->changed = true;
    out_news->place = place_of(status->state, status->verdict);
    return store_status(updates, status, entered, utc_ms);
}

int ct_updates_give_up(struct ct_updates *updates, int64_t utc_ms, int64_t *out_vehicle_row,
                       struct ct_update_news *out_news)
{
    uint8_t id[CT_UPDATE_ID_SIZE] = {0};
    sqlite3_stmt *expired = updates->statements[CT_UP_EXPIRED];
    sqlite3_stmt *end = updates->statements[CT_UP_END];
    int err = ct_statement_bind(expired, "ii", CT_UPDATE_GIVEN_UP_MS, utc_ms);
    const int row = err == CT_OK ? ct_statement_row(expired) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    if (sqlite3_column_bytes(expired, 0) == (int)sizeof id) {
        memcpy(id, sqlite3_column_blob(expired, 0), sizeof id);
    }
    *out_vehicle_row = sqlite3_column_int64(expired, 1);
    /* What was never begun says nothing about the set. */
    const int was = sqlite3_column_int(expired, 3);
    const int verdict =
        was == CT_UPDATE_STATE_APPLYING || was == CT_UPDATE_STATE_HELD ? CT_UPDATE_INTERRUPTED : CT_UPDATE_EXPIRED;
    *out_news = (struct ct_update_news){.known = true,
                                        .changed = true,
                                        .rollout = sqlite3_column_int64(expired, 2),
                                        .place = place_of(CT_UPDATE_NO_ANSWER, verdict)};
    ct_statement_end(expired);
    err = ct_statement_bind(end, "iiib", (int64_t)CT_UPDATE_NO_ANSWER, (int64_t)verdict, utc_ms, id, sizeof id);
    err = err == CT_OK ? ct_statement_run(end) : err;
    return err == CT_OK ? add_history(updates, id, CT_UPDATE_NO_ANSWER, verdict, utc_ms, "") : err;
}
