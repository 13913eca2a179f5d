/* Many packed chunks of one catalogue turned by 90 degrees: a column for each signal, packed alone, so that a question
 * about one signal reads nothing else.
 *
 * Packed form, inside one zstd frame: varint format (1), varint number of samples, u8 kind, varint length of the times,
 * times, varint length of the qualities (0: all good), qualities, values; each as in a chunk (chunk.h). Samples keep
 * the order in which they were added. No I/O. Not thread-safe. */
#ifndef CT_FLEET_CHUNK_COLUMN_H
#define CT_FLEET_CHUNK_COLUMN_H

#include "chunk.h"

#define CT_COLUMNS_BYTES_MAX (16U * 1024U * 1024U) /* unpacked, of all chunks together */

_Static_assert(CT_COLUMNS_BYTES_MAX >= CT_CHUNK_BYTES_MAX, "any chunk fits into empty columns");

struct ct_columns;

/* `signals`: how many ids there are. */
int ct_columns_create(size_t signals, struct ct_columns **out_columns) CT_MUST_CHECK;
void ct_columns_free(struct ct_columns *columns); /* accepts NULL */

/* CT_ERR_FULL: no room for it; CT_ERR_CORRUPT, CT_ERR_UNSUPPORTED: it cannot be read. Nothing of it was taken then. */
int ct_columns_add(struct ct_columns *columns, struct ct_chunk_unpacker *unpacker, const uint8_t *data,
                   size_t len) CT_MUST_CHECK;

typedef int (*ct_column_fn)(void *user, uint32_t id, const uint8_t *data, size_t len);
/* Calls back with each column that has samples, packed, in ascending id; a non-zero answer ends it and is returned. */
int ct_columns_pack(struct ct_columns *columns, ct_column_fn fn, void *user) CT_MUST_CHECK;

/* Calls back for every sample of a packed column, in order; a non-zero answer ends it and is returned. */
int ct_column_unpack(struct ct_chunk_unpacker *unpacker, const uint8_t *data, size_t len, uint32_t id, ct_chunk_fn fn,
                     void *user) CT_MUST_CHECK;

#endif
