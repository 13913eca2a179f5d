#include "catalogues.h"

#include "bytes.h"
#include "link_types.h"

#include <stdlib.h>
#include <string.h>

#define PART_MAX   (128U * 1024U)
#define STORED_MAX (8U * 1024U * 1024U)

/* name, text */
#define STATEMENTS(X)                      \
    X(ALL, "SELECT parts FROM catalogues") \
    X(ADD, "INSERT OR IGNORE INTO catalogues VALUES(?,?)")

#define STATEMENT_ENUM(name, text) S_##name,
#define STATEMENT_TEXT(name, text) text,
enum statement { STATEMENTS(STATEMENT_ENUM) S_COUNT };
static const char *const statement_texts[S_COUNT] = {STATEMENTS(STATEMENT_TEXT)};

struct ct_catalogues {
    struct ct_catalogue **items;
    size_t count, capacity;
    sqlite3_stmt *statements[S_COUNT];
};

/* Stored form: every part as a vehicle would send it, with a u32 length in front. */
static int append_part(void *user, const uint8_t *data, size_t len)
{
    struct ct_buf *buf = user;
    uint8_t head[4];
    ct_put_le32(head, (uint32_t)len);
    ct_buf_append(buf, head, sizeof head);
    ct_buf_append(buf, data, len);
    return ct_buf_error(buf);
}

static int read_parts(struct ct_catalogue_reader *reader, const uint8_t *data, size_t len,
                      struct ct_catalogue **out_catalogue)
{
    struct ct_catalogue *catalogue = NULL;
    int err = CT_OK;
    while (err == CT_OK && catalogue == NULL) {
        if (len < 4 || ct_le32(data) > len - 4) {
            return CT_ERR_CORRUPT;
        }
        const size_t part = ct_le32(data);
        err = ct_catalogue_reader_part(reader, data + 4, part, &catalogue);
        data += 4 + part;
        len -= 4 + part;
    }
    if (err == CT_OK) {
        *out_catalogue = catalogue;
    }
    return err;
}

static int keep(struct ct_catalogues *catalogues, struct ct_catalogue *catalogue)
{
    if (catalogues->count == catalogues->capacity) {
        const size_t capacity = catalogues->capacity == 0 ? 16 : catalogues->capacity * 2;
        struct ct_catalogue **grown = realloc(catalogues->items, capacity * sizeof *grown);
        if (grown == NULL) {
            return CT_ERR_NO_MEMORY;
        }
        catalogues->items = grown;
        catalogues->capacity = capacity;
    }
    catalogues->items[catalogues->count++] = catalogue;
    return CT_OK;
}

static int load_row(struct ct_catalogues *catalogues, sqlite3_stmt *row)
{
    struct ct_catalogue_reader *reader;
    int err = ct_catalogue_reader_create(&reader);
    if (err != CT_OK) {
        return err;
    }
    struct ct_catalogue *catalogue = NULL;
    const void *data = sqlite3_column_blob(row, 0);
    err = read_parts(reader, data, (size_t)sqlite3_column_bytes(row, 0), &catalogue);
    if (err == CT_OK) {
        err = keep(catalogues, catalogue);
    }
    if (err != CT_OK) {
        ct_catalogue_unref(catalogue);
    }
    ct_catalogue_reader_free(reader);
    return err;
}

static int load(struct ct_catalogues *catalogues)
{
    sqlite3_stmt *all = catalogues->statements[S_ALL];
    int err = CT_OK;
    int row = 0;
    while (err == CT_OK && (row = ct_statement_row(all)) == 1) {
        err = load_row(catalogues, all);
    }
    ct_statement_end(all);
    return err != CT_OK ? err : row;
}

int ct_catalogues_open(struct ct_database *database, struct ct_catalogues **out_catalogues)
{
    struct ct_catalogues *catalogues = calloc(1, sizeof *catalogues);
    if (catalogues == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = ct_statements_prepare(database, statement_texts, catalogues->statements, S_COUNT);
    if (err == CT_OK) {
        err = load(catalogues);
    }
    if (err != CT_OK) {
        ct_catalogues_close(catalogues);
        return err;
    }
    *out_catalogues = catalogues;
    return CT_OK;
}

void ct_catalogues_close(struct ct_catalogues *catalogues)
{
    if (catalogues == NULL) {
        return;
    }
    for (size_t i = 0; i < catalogues->count; i++) {
        ct_catalogue_unref(catalogues->items[i]);
    }
    free(catalogues->items);
    ct_statements_free(catalogues->statements, S_COUNT);
    free(catalogues);
}

struct ct_catalogue *ct_catalogues_find(const struct ct_catalogues *catalogues, const uint8_t hash[CT_HASH_SIZE])
{
    for (size_t i = 0; i < catalogues->count; i++) {
        if (memcmp(ct_catalogue_hash(catalogues->items[i]), hash, CT_HASH_SIZE) == 0) {
            return catalogues->items[i];
        }
    }
    return NULL;
}

static int store(struct ct_catalogues *catalogues, const struct ct_catalogue *catalogue)
{
    struct ct_buf parts;
    ct_buf_init(&parts, STORED_MAX);
    int err = ct_catalogue_encode(catalogue, PART_MAX, append_part, &parts);
    sqlite3_stmt *add = catalogues->statements[S_ADD];
    if (err == CT_OK) {
        err = ct_statement_bind(add, "bb", ct_catalogue_hash(catalogue), (size_t)CT_HASH_SIZE, parts.data, parts.len);
    }
    if (err == CT_OK) {
        err = ct_statement_run(add);
    }
    ct_buf_free(&parts);
    return err;
}

struct ct_catalogue *ct_catalogues_add(struct ct_catalogues *catalogues, struct ct_catalogue *catalogue)
{
    struct ct_catalogue *known = ct_catalogues_find(catalogues, ct_catalogue_hash(catalogue));
    if (known == NULL && store(catalogues, catalogue) == CT_OK && keep(catalogues, catalogue) == CT_OK) {
        return catalogue;
    }
    ct_catalogue_unref(catalogue);
    return known;
}

size_t ct_catalogues_count(const struct ct_catalogues *catalogues)
{
    return catalogues->count;
}

const struct ct_catalogue *ct_catalogues_at(const struct ct_catalogues *catalogues, size_t index)
{
    return catalogues->items[index];
}
