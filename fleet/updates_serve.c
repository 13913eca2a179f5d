/* Updates on their way to the vehicles: offers, and the chunk that is asked for. */
#include "updates_private.h"

#include "pb.h"

#include <string.h>

/* UpdateEnvelope's fields, put around what is stored byte for byte. */
enum { ENVELOPE_RELEASE = 1, ENVELOPE_DIRECTIVE };

static void put_envelope(struct ct_buf *out, sqlite3_stmt *row)
{
    size_t mark = ct_pb_open(out, ENVELOPE_RELEASE);
    ct_buf_append(out, sqlite3_column_blob(row, 1), (size_t)sqlite3_column_bytes(row, 1));
    ct_pb_close(out, mark);
    mark = ct_pb_open(out, ENVELOPE_DIRECTIVE);
    ct_buf_append(out, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    ct_pb_close(out, mark);
}

static size_t varint_size(uint64_t value)
{
    size_t size = 1;
    for (; value >= 0x80; value >>= 7) {
        size++;
    }
    return size;
}

static uint32_t envelope_size(uint64_t directive, uint64_t release)
{
    return (uint32_t)(1 + varint_size(release) + release + 1 + varint_size(directive) + directive);
}

struct offering {
    struct ct_update_offer offer;
    struct ct_buf bytes; /* of the roots, one behind the other */
};

static int add_root(void *user, uint32_t version, const uint8_t *data, size_t len, const char *who, int64_t utc_ms)
{
    struct offering *offering = user;
    struct ct_update_offer *offer = &offering->offer;
    (void)version;
    (void)who;
    (void)utc_ms;
    if (offer->root_count < CT_UPDATE_ROOTS_MAX) { /* more go with the next offer, when these are reported */
        offer->roots[offer->root_count].len = len;
        offer->root_count++;
        ct_buf_append(&offering->bytes, data, len);
    }
    return ct_buf_error(&offering->bytes);
}

static int give_offer(struct ct_update_store *store, uint32_t root_version, struct ct_update_offer *offer,
                      int (*fn)(void *user, const uint8_t *offer, size_t len), void *user)
{
    struct offering offering = {.offer = *offer};
    struct ct_buf out;
    ct_buf_init(&offering.bytes, CT_UPDATE_ENVELOPE_MAX);
    ct_buf_init(&out, (size_t)2 * CT_UPDATE_ENVELOPE_MAX);
    int err = ct_update_store_roots(store, root_version, add_root, &offering);
    size_t at = 0;
    for (size_t i = 0; err == CT_OK && i < offering.offer.root_count; i++) {
        offering.offer.roots[i].data = offering.bytes.data + at;
        at += offering.offer.roots[i].len;
    }
    err = err == CT_OK ? ct_update_offer_encode(&offering.offer, &out) : err;
    err = err == CT_OK ? fn(user, out.data, out.len) : err;
    ct_buf_free(&out);
    ct_buf_free(&offering.bytes);
    return err;
}

int ct_updates_offers(struct ct_updates *updates, struct ct_update_store *store, int64_t vehicle_row, int64_t utc_ms,
                      int (*fn)(void *user, const uint8_t *offer, size_t len), void *user)
{
    sqlite3_stmt *offers = updates->statements[CT_UP_OFFERS];
    int err = ct_statement_bind(offers, "ii", vehicle_row, utc_ms);
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(offers)) == 1) {
        struct ct_update_offer offer = {.root_count = 0};
        if (sqlite3_column_bytes(offers, 0) == CT_UPDATE_ID_SIZE) {
            memcpy(offer.update_id, sqlite3_column_blob(offers, 0), CT_UPDATE_ID_SIZE);
        }
        offer.envelope_size =
            envelope_size((uint64_t)sqlite3_column_int64(offers, 1), (uint64_t)sqlite3_column_int64(offers, 2));
        err = give_offer(store, (uint32_t)sqlite3_column_int64(offers, 3), &offer, fn, user);
    }
    ct_statement_end(offers);
    return err != CT_OK ? err : row;
}

/* ------------------------------------------------------------------------------------------------ chunks */

static int blob_size(struct ct_updates *updates, const uint8_t *release, const uint8_t *blob, uint32_t *out_size)
{
    sqlite3_stmt *names = updates->statements[CT_UP_NAMES];
    const int err =
        ct_statement_bind(names, "bb", release, (size_t)CT_UPDATE_HASH_SIZE, blob, (size_t)CT_UPDATE_HASH_SIZE);
    const int row = err == CT_OK ? ct_statement_row(names) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    *out_size = (uint32_t)sqlite3_column_int64(names, 0);
    ct_statement_end(names);
    return CT_OK;
}

static int put_chunk(const struct ct_update_wanted *wanted, const struct ct_buf *from, size_t skip, uint32_t size,
                     struct ct_buf *out)
{
    if (skip >= from->len) {
        return CT_ERR_NOT_FOUND;
    }
    const size_t left = from->len - skip;
    const struct ct_update_chunk chunk = {.of = *wanted,
                                          .size = size,
                                          .data = from->data + skip,
                                          .len = left < CT_UPDATE_CHUNK_MAX ? left : CT_UPDATE_CHUNK_MAX};
    return ct_update_chunk_encode(&chunk, out);
}

static int serve(struct ct_updates *updates, struct ct_update_store *store, sqlite3_stmt *row,
                 const struct ct_update_wanted *wanted, struct ct_buf *out)
{
    struct ct_buf bytes;
    uint32_t size = 0;
    int err = CT_OK;
    ct_buf_init(&bytes, (size_t)2 * CT_UPDATE_ENVELOPE_MAX);
    if (wanted->blob) {
        err = blob_size(updates, sqlite3_column_blob(row, 2), wanted->sha256, &size);
        err = err == CT_OK ? ct_update_store_read_blob(store, wanted->sha256, wanted->offset, &bytes) : err;
        err = err == CT_OK ? put_chunk(wanted, &bytes, 0, size, out) : err;
    } else {
        put_envelope(&bytes, row);
        err = ct_buf_error(&bytes);
        err = err == CT_OK ? put_chunk(wanted, &bytes, wanted->offset, (uint32_t)bytes.len, out) : err;
    }
    ct_buf_free(&bytes);
    return err == CT_ERR_RANGE ? CT_ERR_NOT_FOUND : err;
}

int ct_updates_chunk(struct ct_updates *updates, struct ct_update_store *store, int64_t vehicle_row,
                     const struct ct_update_wanted *wanted, int64_t utc_ms, struct ct_buf *out)
{
    sqlite3_stmt *find = updates->statements[CT_UP_SERVE];
    int err = ct_statement_bind(find, "bii", wanted->update_id, (size_t)CT_UPDATE_ID_SIZE, vehicle_row, utc_ms);
    const int row = err == CT_OK ? ct_statement_row(find) : err;
    if (row != 1) {
        return row == 0 ? CT_ERR_NOT_FOUND : row;
    }
    err = sqlite3_column_bytes(find, 2) == CT_UPDATE_HASH_SIZE ? serve(updates, store, find, wanted, out)
                                                               : CT_ERR_CORRUPT;
    ct_statement_end(find);
    return err;
}
