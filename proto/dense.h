/* The records of a delivery coded with what both ends know from the deliveries before it (Delivery.dense, form 1;
 * docs/protocol.md says how). Three to four times smaller than the records, for a single batch too.
 *
 * ct_dense is what one end of one link knows; it is empty after create and reset, and both ends' stay the same as long
 * as each delivery coded by one is decoded by the other, in order. It grows with the largest id that was seen, up to
 * CT_DENSE_IDS entries of 32 bytes. ct_dense_room is working memory, one for all links of a thread. */
#ifndef CT_PROTO_DENSE_H
#define CT_PROTO_DENSE_H

#include "batch.h"

#define CT_DENSE_FORM 1U
#define CT_DENSE_IDS  4096U /* ids from here on are not coded */

struct ct_dense;
struct ct_dense_room;

int ct_dense_room_create(struct ct_dense_room **out_room) CT_MUST_CHECK;
void ct_dense_room_free(struct ct_dense_room *room); /* accepts NULL */

int ct_dense_create(struct ct_dense **out_dense) CT_MUST_CHECK;
void ct_dense_free(struct ct_dense *dense); /* accepts NULL */
void ct_dense_reset(struct ct_dense *dense);

/* `records` as they stand in a Delivery (field 3, each with its tag). Appends to out. CT_ERR_UNSUPPORTED, with nothing
 * changed, when one of them has no Batch, names a catalogue that `catalogue` does not find, or would not come out byte
 * for byte (an older form). After any other error the state is worth nothing until it is reset. */
int ct_dense_encode(struct ct_dense *dense, struct ct_dense_room *room, ct_catalogue_lookup_fn catalogue, void *user,
                    const uint8_t *records, size_t len, struct ct_buf *out) CT_MUST_CHECK;

/* The reverse. *out_records live in the room until its next use; never more than CT_LINK_MESSAGE_MAX bytes are made,
 * whatever comes in. CT_ERR_CORRUPT when their CRC-32C is not `check`; after any error the state is worth nothing. */
int ct_dense_decode(struct ct_dense *dense, struct ct_dense_room *room, const uint8_t *data, size_t len, uint32_t check,
                    const uint8_t **out_records, size_t *out_len) CT_MUST_CHECK;

#endif
