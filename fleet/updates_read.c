/* What became of updates, for people and for the record. */
#include "updates_private.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(sqlite3_stmt *row, int at)
{
    const char *text = (const char *)sqlite3_column_text(row, at);
    return text == NULL ? "" : text;
}

static const uint8_t *hash_of(sqlite3_stmt *row, int at)
{
    return sqlite3_column_bytes(row, at) == CT_UPDATE_HASH_SIZE ? sqlite3_column_blob(row, at) : NULL;
}

static int give(sqlite3_stmt *row, ct_update_row_fn fn, void *user)
{
    const struct ct_update_row out = {.id = sqlite3_column_blob(row, 0),
                                      .release_sha256 = hash_of(row, 1),
                                      .vehicle_row = sqlite3_column_int64(row, 2),
                                      .rollout = sqlite3_column_int64(row, 3),
                                      .seq = sqlite3_column_int64(row, 4),
                                      .issued_utc_ms = sqlite3_column_int64(row, 5),
                                      .expires_utc_ms = sqlite3_column_int64(row, 6),
                                      .changed_utc_ms = sqlite3_column_int64(row, 7),
                                      .state = sqlite3_column_int(row, 8),
                                      .verdict = sqlite3_column_int(row, 9),
                                      .nrc = sqlite3_column_int(row, 10),
                                      .step = (uint32_t)sqlite3_column_int64(row, 11),
                                      .steps = (uint32_t)sqlite3_column_int64(row, 12),
                                      .text = text_of(row, 13),
                                      .rxswin = text_of(row, 14),
                                      .set_before = hash_of(row, 15),
                                      .set_after = hash_of(row, 16),
                                      .set_id = text_of(row, 17),
                                      .signers = text_of(row, 18),
                                      .uploaded_by = text_of(row, 19),
                                      .started_by = text_of(row, 20),
                                      .notice = text_of(row, 21),
                                      .counter = sqlite3_column_int64(row, 22)};
    if (sqlite3_column_bytes(row, 0) != CT_UPDATE_ID_SIZE || out.release_sha256 == NULL) {
        return CT_ERR_CORRUPT;
    }
    return fn(user, &out);
}

int ct_updates_list(struct ct_updates *updates, int64_t vehicle_row, int64_t rollout, size_t limit, ct_update_row_fn fn,
                    void *user)
{
    sqlite3_stmt *list = updates->statements[CT_UP_LIST];
    int err = ct_statement_bind(list, "iii", vehicle_row, rollout, (int64_t)limit);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(list)) == 1) {
        err = give(list, fn, user);
    }
    ct_statement_end(list);
    return err != CT_OK ? err : row;
}

int ct_updates_history(struct ct_updates *updates, const uint8_t id[CT_UPDATE_ID_SIZE],
                       int (*fn)(void *user, int state, int verdict, int64_t utc_ms, const char *text), void *user)
{
    sqlite3_stmt *history = updates->statements[CT_UP_HISTORY];
    int err = ct_statement_bind(history, "b", id, (size_t)CT_UPDATE_ID_SIZE);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(history)) == 1) {
        err = fn(user, sqlite3_column_int(history, 0), sqlite3_column_int(history, 1), sqlite3_column_int64(history, 2),
                 text_of(history, 3));
    }
    ct_statement_end(history);
    return err != CT_OK ? err : row;
}

int ct_updates_set(struct ct_updates *updates, int64_t vehicle_row, struct ct_vehicle_set *out_set)
{
    sqlite3_stmt *get = updates->statements[CT_UP_GET_SET];
    const int err = ct_statement_bind(get, "i", vehicle_row);
    const int row = err == CT_OK ? ct_statement_row(get) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    *out_set = (struct ct_vehicle_set){.counter = sqlite3_column_int64(get, 1),
                                       .root_version = sqlite3_column_int64(get, 4),
                                       .director_seq = sqlite3_column_int64(get, 5),
                                       .utc_ms = sqlite3_column_int64(get, 6),
                                       .has_hash = hash_of(get, 2) != NULL,
                                       .audit_broken = sqlite3_column_int(get, 7) != 0};
    (void)snprintf(out_set->set_id, sizeof out_set->set_id, "%s", text_of(get, 0));
    (void)snprintf(out_set->rxswin, sizeof out_set->rxswin, "%s", text_of(get, 3));
    if (out_set->has_hash) {
        memcpy(out_set->set_hash, hash_of(get, 2), CT_UPDATE_HASH_SIZE);
    }
    ct_statement_end(get);
    return CT_OK;
}

int ct_updates_heads(struct ct_updates *updates, int64_t vehicle_row,
                     int (*fn)(void *user, int64_t count, const uint8_t *head, int64_t utc_ms), void *user)
{
    sqlite3_stmt *heads = updates->statements[CT_UP_HEADS];
    int err = ct_statement_bind(heads, "i", vehicle_row);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(heads)) == 1) {
        const uint8_t *head = hash_of(heads, 1);
        err = head == NULL ? CT_ERR_CORRUPT
                           : fn(user, sqlite3_column_int64(heads, 0), head, sqlite3_column_int64(heads, 2));
    }
    ct_statement_end(heads);
    return err != CT_OK ? err : row;
}

const char *ct_updates_state_text(int state)
{
    return state == CT_UPDATE_OFFERED     ? "offered"
           : state == CT_UPDATE_NO_ANSWER ? "no-answer"
                                          : ct_update_state_text(state);
}
