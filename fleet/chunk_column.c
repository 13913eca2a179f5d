#include "chunk_column.h"

#include "bytes.h"
#include "chunk_private.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FORMAT           1
#define ZSTD_LEVEL       1
#define COLUMN_BYTES_MAX (2 * CT_COLUMNS_BYTES_MAX) /* qualities of one chunk make some for all */

/* Grown before each part by the most that it can need, so that a sample is written without asking. */
struct bytes {
    uint8_t *data;
    size_t len, capacity;
};

struct column {
    struct bytes times, qualities, values;
    size_t n;
    enum ct_kind kind;
    uint16_t flags;
    int64_t last_us, last_raw;
};

struct ct_columns {
    ZSTD_CCtx *context;
    struct ct_buf plain;
    uint8_t *packed; /* as large as any column can become */
    size_t capacity;
    size_t bytes; /* of all chunks */
    size_t signals;
    struct column columns[];
};

int ct_columns_create(size_t signals, struct ct_columns **out_columns)
{
    struct ct_columns *columns = calloc(1, sizeof *columns + signals * sizeof columns->columns[0]);
    if (columns == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    columns->signals = signals;
    ct_buf_init(&columns->plain, COLUMN_BYTES_MAX);
    columns->context = ZSTD_createCCtx();
    if (columns->context == NULL) {
        ct_columns_free(columns);
        return CT_ERR_NO_MEMORY;
    }
    *out_columns = columns;
    return CT_OK;
}

void ct_columns_free(struct ct_columns *columns)
{
    if (columns != NULL) {
        for (size_t id = 0; id < columns->signals; id++) {
            struct column *column = &columns->columns[id];
            free(column->times.data);
            free(column->qualities.data);
            free(column->values.data);
        }
        (void)ZSTD_freeCCtx(columns->context);
        ct_buf_free(&columns->plain);
        free(columns->packed);
        free(columns);
    }
}

/* ------------------------------------------------------------------------------------------------ adding */

static int read_only(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    (void)user;
    (void)kind;
    (void)sample;
    return CT_OK;
}

/* All of it is looked at first, so that a damaged chunk leaves nothing behind. */
static int look_at(void *user, uint32_t id, const struct ct_chunk_part *part)
{
    const struct ct_columns *columns = user;
    if (id >= columns->signals || (columns->columns[id].n > 0 && columns->columns[id].kind != part->kind)) {
        return CT_ERR_CORRUPT;
    }
    return ct_chunk_unpack_part(part, id, read_only, NULL);
}

#define VARINT_MAX 10

static int reserve(struct bytes *bytes, size_t more)
{
    if (more <= bytes->capacity - bytes->len) {
        return CT_OK;
    }
    const size_t capacity = 2 * bytes->len + more;
    uint8_t *grown = realloc(bytes->data, capacity);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    bytes->data = grown;
    bytes->capacity = capacity;
    return CT_OK;
}

static void put_varint(struct bytes *out, uint64_t value)
{
    out->len = (size_t)(ct_chunk_write_varint(out->data + out->len, value) - out->data);
}

static void put_bytes(struct bytes *out, const void *data, size_t len)
{
    if (len > 0) {
        memcpy(out->data + out->len, data, len);
        out->len += len;
    }
}

static void put_value(struct column *column, const struct ct_chunk_sample *sample)
{
    if (column->kind == CT_KIND_RAW) {
        put_varint(&column->values, ct_chunk_difference(sample->raw, column->last_raw));
        column->last_raw = sample->raw;
    } else if (column->kind == CT_KIND_DOUBLE) {
        uint64_t bits;
        uint8_t bytes[8];
        memcpy(&bits, &sample->number, sizeof bits);
        ct_put_le64(bytes, bits);
        put_bytes(&column->values, bytes, sizeof bytes);
    } else {
        put_varint(&column->values, sample->len);
        put_bytes(&column->values, sample->bytes, sample->len);
    }
}

static int add_sample(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    struct column *column = user;
    column->kind = kind;
    put_varint(&column->times, ct_chunk_difference(sample->utc_us, column->last_us));
    column->last_us = sample->utc_us;
    put_varint(&column->qualities, sample->quality);
    column->flags |= sample->quality;
    put_value(column, sample);
    column->n++;
    return CT_OK;
}

/* What the values of the part need at most, wherever it had them. */
static size_t value_bytes(const struct ct_chunk_part *part)
{
    return part->n * VARINT_MAX + (size_t)(part->values.end - part->values.at);
}

static int add_part(void *user, uint32_t id, const struct ct_chunk_part *part)
{
    struct ct_columns *columns = user;
    struct column *column = &columns->columns[id];
    int err = reserve(&column->times, part->n * VARINT_MAX);
    err = err == CT_OK ? reserve(&column->qualities, part->n * VARINT_MAX) : err;
    err = err == CT_OK ? reserve(&column->values, value_bytes(part)) : err;
    return err == CT_OK ? ct_chunk_unpack_part(part, id, add_sample, column) : err;
}

int ct_columns_add(struct ct_columns *columns, struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len)
{
    struct ct_chunk_cursor plain;
    int err = ct_chunk_plain(unpacker, data, len, CT_CHUNK_BYTES_MAX, &plain);
    err = err == CT_OK ? ct_chunk_each_part(plain, CT_CHUNK_ALL, look_at, columns) : err;
    if (err != CT_OK) {
        return err;
    }
    const size_t size = (size_t)(plain.end - plain.at);
    if (size > CT_COLUMNS_BYTES_MAX - columns->bytes) {
        return CT_ERR_FULL;
    }
    columns->bytes += size;
    return ct_chunk_each_part(plain, CT_CHUNK_ALL, add_part, columns);
}

/* ------------------------------------------------------------------------------------------------ packing */

static int make_room(struct ct_columns *columns, size_t bound)
{
    if (bound <= columns->capacity) {
        return CT_OK;
    }
    uint8_t *grown = realloc(columns->packed, bound);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    columns->packed = grown;
    columns->capacity = bound;
    return CT_OK;
}

static void append_varint(struct ct_buf *out, uint64_t value)
{
    uint8_t bytes[VARINT_MAX];
    ct_buf_append(out, bytes, (size_t)(ct_chunk_write_varint(bytes, value) - bytes));
}

static int write_plain(const struct column *column, struct ct_buf *out)
{
    const size_t qualities = column->flags != 0 ? column->qualities.len : 0;
    ct_buf_clear(out);
    append_varint(out, FORMAT);
    append_varint(out, column->n);
    ct_buf_append(out, &(uint8_t){(uint8_t)column->kind}, 1);
    append_varint(out, column->times.len);
    ct_buf_append(out, column->times.data, column->times.len);
    append_varint(out, qualities);
    ct_buf_append(out, column->qualities.data, qualities);
    ct_buf_append(out, column->values.data, column->values.len);
    return ct_buf_error(out);
}

static int pack_column(struct ct_columns *columns, uint32_t id, ct_column_fn fn, void *user)
{
    const struct ct_buf *plain = &columns->plain;
    int err = write_plain(&columns->columns[id], &columns->plain);
    err = err == CT_OK ? make_room(columns, ZSTD_compressBound(plain->len)) : err;
    if (err != CT_OK) {
        return err;
    }
    const size_t len =
        ZSTD_compressCCtx(columns->context, columns->packed, columns->capacity, plain->data, plain->len, ZSTD_LEVEL);
    return ZSTD_isError(len) != 0 ? CT_ERR_NO_MEMORY : fn(user, id, columns->packed, len);
}

int ct_columns_pack(struct ct_columns *columns, ct_column_fn fn, void *user)
{
    int answer = CT_OK;
    for (size_t id = 0; id < columns->signals && answer == CT_OK; id++) {
        if (columns->columns[id].n > 0) {
            answer = pack_column(columns, (uint32_t)id, fn, user);
        }
    }
    return answer;
}

/* ------------------------------------------------------------------------------------------------ unpacking */

static struct ct_chunk_cursor get_column(struct ct_chunk_cursor *in)
{
    const uint64_t len = ct_chunk_get_varint(in);
    const uint8_t *bytes = ct_chunk_get_bytes(in, len);
    return bytes == NULL ? (struct ct_chunk_cursor){in->end, in->end, true}
                         : (struct ct_chunk_cursor){bytes, bytes + len, false};
}

int ct_column_unpack(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn,
                     void *user)
{
    struct ct_chunk_cursor in;
    struct ct_chunk_part part;
    const int err = ct_chunk_plain(unpacker, data, len, COLUMN_BYTES_MAX, &in);
    if (err != CT_OK) {
        return err;
    }
    if (ct_chunk_get_varint(&in) != FORMAT) {
        return CT_ERR_UNSUPPORTED;
    }
    part.n = (size_t)ct_chunk_get_varint(&in);
    const uint8_t *kind = ct_chunk_get_bytes(&in, 1);
    part.times = get_column(&in);
    part.qualities = get_column(&in);
    part.has_quality = part.qualities.at < part.qualities.end;
    part.values = in;
    if (in.bad || kind == NULL || *kind > CT_KIND_STRING) {
        return CT_ERR_CORRUPT;
    }
    part.kind = (enum ct_kind) * kind;
    return ct_chunk_unpack_part(&part, id, fn, user);
}
