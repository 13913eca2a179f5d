/* One stretch of a vehicle's history in memory and as bytes: samples of many signals, packed by column, with zstd.
 *
 * Packed form, inside one zstd frame: varint format (1), then per signal in ascending id: varint id gap, varint number
 * of samples, u8 kind, varint length of the columns, the columns: time (zigzag varint differences in us), quality (u8 0
 * when all good, else 1 and a varint each), value (RAW: zigzag varint differences; DOUBLE: 8 bytes; BYTES and STRING:
 * varint length, bytes). Order inside a signal is the order of arrival.
 * No I/O. Not thread-safe. */
#ifndef CT_FLEET_CHUNK_H
#define CT_FLEET_CHUNK_H

#include "buf.h"
#include "catalogue.h"

#define CT_CHUNK_SAMPLES_MAX 8192
#define CT_CHUNK_BYTES_MAX   (4U * 1024U * 1024U) /* unpacked */

struct ct_chunk_sample {
    uint32_t id;
    uint16_t quality;
    uint16_t len; /* of bytes */
    int64_t utc_us;
    union {
        int64_t raw;
        double number;
        const uint8_t *bytes;
        size_t at; /* inside a chunk: where the bytes begin in its arena */
    };
};

/* An open chunk; grows up to CT_CHUNK_SAMPLES_MAX. Users read count and times only. */
struct ct_chunk {
    struct ct_chunk_sample *samples;
    size_t count, capacity;
    struct ct_buf arena; /* values of BYTES and STRING entries */
    int64_t first_utc_us, last_utc_us;
};

void ct_chunk_init(struct ct_chunk *chunk);
void ct_chunk_free(struct ct_chunk *chunk);
void ct_chunk_clear(struct ct_chunk *chunk); /* keeps the memory */
/* True while `count` more samples surely fit; an empty chunk has room for CT_BATCH_SAMPLES_MAX. */
bool ct_chunk_room(const struct ct_chunk *chunk, size_t count);

/* Copies the sample. CT_ERR_FULL when it must be packed first. */
int ct_chunk_add(struct ct_chunk *chunk, enum ct_kind kind, const struct ct_chunk_sample *sample) CT_MUST_CHECK;

/* Appends the packed form; the kinds come from the catalogue the ids are of. */
int ct_chunk_pack(struct ct_chunk *chunk, const struct ct_catalogue *catalogue, struct ct_buf *out) CT_MUST_CHECK;

typedef int (*ct_chunk_fn)(void *user, enum ct_kind kind, const struct ct_chunk_sample *sample);

#define CT_CHUNK_ALL UINT32_MAX
/* Calls back for every sample of signal `id` (or CT_CHUNK_ALL), in order; a non-zero answer ends it and is returned. */
int ct_chunk_unpack(const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn, void *user) CT_MUST_CHECK;
/* The same with memory that is kept between calls, for many chunks in a row. */
struct ct_chunk_unpacker;
int ct_chunk_unpacker_create(struct ct_chunk_unpacker **out_unpacker) CT_MUST_CHECK;
void ct_chunk_unpacker_free(struct ct_chunk_unpacker *unpacker); /* accepts NULL */
int ct_chunk_unpack_by(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn,
                       void *user) CT_MUST_CHECK;

int ct_chunk_each(const struct ct_chunk *chunk, const struct ct_catalogue *catalogue, uint32_t id, ct_chunk_fn fn,
                  void *user) CT_MUST_CHECK;

#endif
