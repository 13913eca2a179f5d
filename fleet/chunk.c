#include "chunk_private.h"

#include "batch.h"
#include "bytes.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FORMAT     1
#define ZSTD_LEVEL 1
#define ARENA_MAX  (CT_CHUNK_BYTES_MAX / 2)

_Static_assert((size_t)CT_BATCH_SAMPLES_MAX *CT_BYTES_MAX <= ARENA_MAX, "a batch fits into an empty chunk");
_Static_assert(CT_BATCH_SAMPLES_MAX <= CT_CHUNK_SAMPLES_MAX, "a batch fits into an empty chunk");

void ct_chunk_init(struct ct_chunk *chunk)
{
    memset(chunk, 0, sizeof *chunk);
    ct_buf_init(&chunk->arena, ARENA_MAX);
}

void ct_chunk_free(struct ct_chunk *chunk)
{
    free(chunk->samples);
    ct_buf_free(&chunk->arena);
    ct_chunk_init(chunk);
}

void ct_chunk_clear(struct ct_chunk *chunk)
{
    chunk->count = 0;
    ct_buf_clear(&chunk->arena);
}

bool ct_chunk_room(const struct ct_chunk *chunk, size_t count)
{
    return chunk->count + count <= CT_CHUNK_SAMPLES_MAX && chunk->arena.len + count * CT_BYTES_MAX <= ARENA_MAX;
}

static bool is_bytes(enum ct_kind kind)
{
    return kind == CT_KIND_BYTES || kind == CT_KIND_STRING;
}

static int grow(struct ct_chunk *chunk)
{
    const size_t capacity = chunk->capacity == 0 ? 64 : chunk->capacity * 2;
    struct ct_chunk_sample *grown = realloc(chunk->samples, capacity * sizeof *grown);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    chunk->samples = grown;
    chunk->capacity = capacity;
    return CT_OK;
}

int ct_chunk_add(struct ct_chunk *chunk, enum ct_kind kind, const struct ct_chunk_sample *sample)
{
    if (!ct_chunk_room(chunk, 1)) {
        return CT_ERR_FULL;
    }
    if (chunk->count == chunk->capacity) {
        const int err = grow(chunk);
        if (err != CT_OK) {
            return err;
        }
    }
    struct ct_chunk_sample copy = *sample;
    if (is_bytes(kind)) {
        copy.at = chunk->arena.len;
        ct_buf_append(&chunk->arena, sample->bytes, sample->len);
        const int err = ct_buf_error(&chunk->arena);
        if (err != CT_OK) {
            return err;
        }
    }
    if (chunk->count == 0 || sample->utc_us < chunk->first_utc_us) {
        chunk->first_utc_us = sample->utc_us;
    }
    if (chunk->count == 0 || sample->utc_us > chunk->last_utc_us) {
        chunk->last_utc_us = sample->utc_us;
    }
    chunk->samples[chunk->count++] = copy;
    return CT_OK;
}

/* ------------------------------------------------------------------------------------------------ packing */

static void put_varint(struct ct_buf *out, uint64_t value)
{
    uint8_t bytes[10];
    ct_buf_append(out, bytes, (size_t)(ct_chunk_write_varint(bytes, value) - bytes));
}

static void put_difference(struct ct_buf *out, int64_t value, int64_t before)
{
    put_varint(out, ct_chunk_difference(value, before));
}

/* Indexes of the samples ordered by id, arrival order kept within one. */
struct order_key {
    uint32_t id;
    uint32_t index;
};

/* Counts how many there are of each id, then puts each where its id begins. CT_ERR_RANGE: an id that is not of the
 * catalogue. */
static int order(const struct ct_chunk *chunk, size_t ids, struct order_key *out_keys)
{
    uint32_t *begins = calloc(ids + 1, sizeof *begins);
    if (begins == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = CT_OK;
    for (size_t i = 0; i < chunk->count && err == CT_OK; i++) {
        const uint32_t id = chunk->samples[i].id;
        err = id < ids ? CT_OK : CT_ERR_RANGE;
        begins[err == CT_OK ? id + 1 : 0]++;
    }
    for (size_t id = 1; id <= ids; id++) {
        begins[id] += begins[id - 1];
    }
    for (size_t i = 0; i < chunk->count && err == CT_OK; i++) {
        const uint32_t id = chunk->samples[i].id;
        out_keys[begins[id]++] = (struct order_key){id, (uint32_t)i};
    }
    free(begins);
    return err;
}

static void pack_values(const struct ct_chunk *chunk, const struct order_key *keys, size_t n, enum ct_kind kind,
                        struct ct_buf *out)
{
    int64_t before = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ct_chunk_sample *sample = &chunk->samples[keys[i].index];
        if (kind == CT_KIND_RAW) {
            put_difference(out, sample->raw, before);
            before = sample->raw;
        } else if (kind == CT_KIND_DOUBLE) {
            uint64_t bits;
            uint8_t bytes[8];
            memcpy(&bits, &sample->number, sizeof bits);
            ct_put_le64(bytes, bits);
            ct_buf_append(out, bytes, sizeof bytes);
        } else {
            put_varint(out, sample->len);
            ct_buf_append(out, chunk->arena.data + sample->at, sample->len);
        }
    }
}

static void pack_columns(const struct ct_chunk *chunk, const struct order_key *keys, size_t n, enum ct_kind kind,
                         struct ct_buf *out)
{
    int64_t before = 0;
    uint16_t flags = 0;
    for (size_t i = 0; i < n; i++) {
        const struct ct_chunk_sample *sample = &chunk->samples[keys[i].index];
        put_difference(out, sample->utc_us, before);
        before = sample->utc_us;
        flags |= sample->quality;
    }
    ct_buf_append(out, &(uint8_t){flags != 0}, 1);
    for (size_t i = 0; i < n && flags != 0; i++) {
        put_varint(out, chunk->samples[keys[i].index].quality);
    }
    pack_values(chunk, keys, n, kind, out);
}

static int pack_all(const struct ct_chunk *chunk, const struct ct_catalogue *catalogue, const struct order_key *keys,
                    struct ct_buf *out)
{
    struct ct_buf columns;
    ct_buf_init(&columns, CT_CHUNK_BYTES_MAX);
    put_varint(out, FORMAT);
    uint32_t id_before = 0;
    int err = CT_OK;
    for (size_t i = 0; i < chunk->count && err == CT_OK;) {
        size_t n = 1;
        while (i + n < chunk->count && keys[i + n].id == keys[i].id) {
            n++;
        }
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, keys[i].id);
        if (entry == NULL) {
            err = CT_ERR_RANGE;
            break;
        }
        ct_buf_clear(&columns);
        pack_columns(chunk, keys + i, n, entry->kind, &columns);
        err = ct_buf_error(&columns);
        put_varint(out, keys[i].id - id_before);
        put_varint(out, n);
        ct_buf_append(out, &(uint8_t){(uint8_t)entry->kind}, 1);
        put_varint(out, columns.len);
        ct_buf_append(out, columns.data, columns.len);
        id_before = keys[i].id;
        i += n;
    }
    ct_buf_free(&columns);
    return err != CT_OK ? err : ct_buf_error(out);
}

static int compress_into(const struct ct_buf *plain, struct ct_buf *out)
{
    const size_t bound = ZSTD_compressBound(plain->len);
    uint8_t *packed = malloc(bound);
    if (packed == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const size_t len = ZSTD_compress(packed, bound, plain->data, plain->len, ZSTD_LEVEL);
    int err = CT_ERR_NO_MEMORY;
    if (ZSTD_isError(len) == 0) {
        ct_buf_append(out, packed, len);
        err = ct_buf_error(out);
    }
    free(packed);
    return err;
}

int ct_chunk_pack(struct ct_chunk *chunk, const struct ct_catalogue *catalogue, struct ct_buf *out)
{
    struct order_key *keys = malloc((chunk->count + 1) * sizeof *keys);
    if (keys == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    struct ct_buf plain;
    ct_buf_init(&plain, CT_CHUNK_BYTES_MAX);
    int err = order(chunk, ct_catalogue_count(catalogue), keys);
    err = err == CT_OK ? pack_all(chunk, catalogue, keys, &plain) : err;
    if (err == CT_OK) {
        err = compress_into(&plain, out);
    }
    ct_buf_free(&plain);
    free(keys);
    return err;
}

/* ------------------------------------------------------------------------------------------------ unpacking */

uint64_t ct_chunk_get_varint_bytewise(struct ct_chunk_cursor *in)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (in->at == in->end) {
            break;
        }
        const uint8_t byte = *in->at++;
        value |= (uint64_t)(byte & 0x7FU) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    in->bad = true;
    return 0;
}

static int64_t get_difference(struct ct_chunk_cursor *in, int64_t before)
{
    const uint64_t zigzag = ct_chunk_get_varint(in);
    return (int64_t)((uint64_t)before + (zigzag >> 1 ^ ((zigzag & 1) != 0 ? UINT64_MAX : 0)));
}

const uint8_t *ct_chunk_get_bytes(struct ct_chunk_cursor *in, uint64_t len)
{
    if ((uint64_t)(in->end - in->at) < len) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *bytes = in->at;
    in->at += len;
    return bytes;
}

static void get_value(struct ct_chunk_cursor *in, enum ct_kind kind, int64_t *raw, struct ct_chunk_sample *sample)
{
    sample->len = 0;
    if (kind == CT_KIND_RAW) {
        *raw = get_difference(in, *raw);
        sample->raw = *raw;
    } else if (kind == CT_KIND_DOUBLE) {
        const uint8_t *bytes = ct_chunk_get_bytes(in, 8);
        const uint64_t bits = bytes == NULL ? 0 : ct_le64(bytes);
        memcpy(&sample->number, &bits, sizeof bits);
    } else {
        const uint64_t len = ct_chunk_get_varint(in);
        in->bad = in->bad || len > CT_BYTES_MAX;
        sample->bytes = ct_chunk_get_bytes(in, in->bad ? 0 : len);
        sample->len = (uint16_t)len;
    }
}

/* Nearly everything is a raw number that is good: nothing to choose in this loop. */
static int unpack_good_numbers(const struct ct_chunk_part *part, uint32_t id, ct_chunk_fn fn, void *user)
{
    struct ct_chunk_cursor times = part->times;
    struct ct_chunk_cursor values = part->values;
    struct ct_chunk_sample sample = {.id = id};
    for (size_t i = 0; i < part->n; i++) {
        sample.utc_us = get_difference(&times, sample.utc_us);
        sample.raw = get_difference(&values, sample.raw);
        if (values.bad || times.bad) {
            return CT_ERR_CORRUPT;
        }
        const int answer = fn(user, CT_KIND_RAW, &sample);
        if (answer != 0) {
            return answer;
        }
    }
    return CT_OK;
}

/* Three cursors walk the columns side by side: times, qualities, values. */
int ct_chunk_unpack_part(const struct ct_chunk_part *part, uint32_t id, ct_chunk_fn fn, void *user)
{
    if (part->kind == CT_KIND_RAW && !part->has_quality) {
        return unpack_good_numbers(part, id, fn, user);
    }
    struct ct_chunk_cursor times = part->times;
    struct ct_chunk_cursor qualities = part->qualities;
    struct ct_chunk_cursor values = part->values;
    struct ct_chunk_sample sample = {.id = id};
    int64_t raw = 0;
    for (size_t i = 0; i < part->n; i++) {
        sample.utc_us = get_difference(&times, sample.utc_us);
        sample.quality = part->has_quality ? (uint16_t)ct_chunk_get_varint(&qualities) : 0;
        get_value(&values, part->kind, &raw, &sample);
        if (values.bad || times.bad) {
            return CT_ERR_CORRUPT;
        }
        const int answer = fn(user, part->kind, &sample);
        if (answer != 0) {
            return answer;
        }
    }
    return CT_OK;
}

static void skip_varints(struct ct_chunk_cursor *in, size_t n)
{
    while (n > 0 && in->at < in->end) {
        n -= *in->at++ < 0x80;
    }
    in->bad = in->bad || n > 0;
}

static bool get_part(struct ct_chunk_cursor *in, struct ct_chunk_part *part)
{
    const uint64_t n = ct_chunk_get_varint(in);
    const uint8_t *kind = ct_chunk_get_bytes(in, 1);
    const uint64_t len = ct_chunk_get_varint(in);
    const uint8_t *columns = ct_chunk_get_bytes(in, len);
    if (in->bad || n > CT_CHUNK_SAMPLES_MAX || kind == NULL || *kind > CT_KIND_STRING) {
        return false;
    }
    part->n = (size_t)n;
    part->kind = (enum ct_kind) * kind;
    part->times = (struct ct_chunk_cursor){columns, columns + len, false};
    return true;
}

/* Where the three columns begin; only of the signal that is wanted. */
static bool find_columns(struct ct_chunk_part *part)
{
    struct ct_chunk_cursor rest = part->times;
    skip_varints(&rest, part->n);
    const uint8_t *flag = ct_chunk_get_bytes(&rest, 1);
    part->has_quality = flag != NULL && *flag != 0;
    part->qualities = rest;
    skip_varints(&rest, part->has_quality ? part->n : 0);
    part->values = rest;
    return !rest.bad;
}

int ct_chunk_each_part(struct ct_chunk_cursor in, uint32_t id, ct_chunk_part_fn fn, void *user)
{
    if (ct_chunk_get_varint(&in) != FORMAT) {
        return CT_ERR_UNSUPPORTED;
    }
    uint64_t at = 0;
    while (in.at < in.end) {
        struct ct_chunk_part part;
        at += ct_chunk_get_varint(&in);
        if (!get_part(&in, &part) || at >= CT_CATALOGUE_MAX) {
            return CT_ERR_CORRUPT;
        }
        if (id == CT_CHUNK_ALL || id == at) {
            const int answer = find_columns(&part) ? fn(user, (uint32_t)at, &part) : CT_ERR_CORRUPT;
            if (answer != 0 || id == at) {
                return answer;
            }
        }
    }
    return CT_OK;
}

struct unpack {
    ct_chunk_fn fn;
    void *user;
};

static int unpack_part(void *user, uint32_t id, const struct ct_chunk_part *part)
{
    const struct unpack *unpack = user;
    return ct_chunk_unpack_part(part, id, unpack->fn, unpack->user);
}

struct ct_chunk_unpacker {
    ZSTD_DCtx *context;
    uint8_t *plain;
    size_t capacity;
};

int ct_chunk_unpacker_create(struct ct_chunk_unpacker **out_unpacker)
{
    struct ct_chunk_unpacker *unpacker = calloc(1, sizeof *unpacker);
    if (unpacker == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    unpacker->context = ZSTD_createDCtx();
    if (unpacker->context == NULL) {
        free(unpacker);
        return CT_ERR_NO_MEMORY;
    }
    *out_unpacker = unpacker;
    return CT_OK;
}

void ct_chunk_unpacker_free(struct ct_chunk_unpacker *unpacker)
{
    if (unpacker != NULL) {
        (void)ZSTD_freeDCtx(unpacker->context);
        free(unpacker->plain);
        free(unpacker);
    }
}

static int make_plain_room(struct ct_chunk_unpacker *unpacker, size_t size)
{
    if (size < unpacker->capacity) {
        return CT_OK;
    }
    uint8_t *grown = realloc(unpacker->plain, size + 1);
    if (grown == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    unpacker->plain = grown;
    unpacker->capacity = size + 1;
    return CT_OK;
}

int ct_chunk_plain(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, size_t max,
                   struct ct_chunk_cursor *out_plain)
{
    const unsigned long long size = ZSTD_getFrameContentSize(data, len);
    if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > max) {
        return CT_ERR_CORRUPT;
    }
    const int err = make_plain_room(unpacker, (size_t)size);
    if (err != CT_OK) {
        return err;
    }
    const uint8_t *plain = unpacker->plain;
    *out_plain = (struct ct_chunk_cursor){plain, plain + size, false};
    return ZSTD_decompressDCtx(unpacker->context, unpacker->plain, (size_t)size, data, len) == size ? CT_OK
                                                                                                    : CT_ERR_CORRUPT;
}

int ct_chunk_unpack_by(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn,
                       void *user)
{
    struct ct_chunk_cursor plain;
    struct unpack unpack = {fn, user};
    const int err = ct_chunk_plain(unpacker, data, len, CT_CHUNK_BYTES_MAX, &plain);
    return err == CT_OK ? ct_chunk_each_part(plain, id, unpack_part, &unpack) : err;
}

int ct_chunk_unpack(const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn, void *user)
{
    struct ct_chunk_unpacker *unpacker = NULL;
    int err = ct_chunk_unpacker_create(&unpacker);
    err = err == CT_OK ? ct_chunk_unpack_by(unpacker, data, len, id, fn, user) : err;
    ct_chunk_unpacker_free(unpacker);
    return err;
}

int ct_chunk_each(const struct ct_chunk *chunk, const struct ct_catalogue *catalogue, uint32_t id, ct_chunk_fn fn,
                  void *user)
{
    for (size_t i = 0; i < chunk->count; i++) {
        struct ct_chunk_sample sample = chunk->samples[i];
        if (id != CT_CHUNK_ALL && sample.id != id) {
            continue;
        }
        const struct ct_entry *entry = ct_catalogue_entry(catalogue, sample.id);
        if (entry == NULL) {
            return CT_ERR_RANGE;
        }
        if (is_bytes(entry->kind)) {
            sample.bytes = chunk->arena.data + sample.at;
        }
        const int answer = fn(user, entry->kind, &sample);
        if (answer != 0) {
            return answer;
        }
    }
    return CT_OK;
}
