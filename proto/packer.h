/* The records of a delivery as one zstd frame, both ways, within the link's limits. One packer serves all links of a
 * thread; it keeps its memory between calls. Its answers live until the next call. */
#ifndef CT_PROTO_PACKER_H
#define CT_PROTO_PACKER_H

#include "dense.h"
#include "errors.h"

#include <stddef.h>
#include <stdint.h>

struct ct_packer;

int ct_packer_create(struct ct_packer **out_packer) CT_MUST_CHECK;
void ct_packer_free(struct ct_packer *packer); /* accepts NULL */

/* CT_ERR_FULL when it does not pay: what comes out is not smaller by a thirty-second at least. */
int ct_packer_pack(struct ct_packer *packer, const uint8_t *data, size_t len, const uint8_t **out_data,
                   size_t *out_len) CT_MUST_CHECK;
/* `size` is what the sender says that comes out. CT_ERR_TOO_LARGE when that is over CT_LINK_MESSAGE_MAX, checked before
 * anything is unpacked; CT_ERR_CORRUPT when it is not a frame of exactly that size. */
int ct_packer_unpack(struct ct_packer *packer, const uint8_t *data, size_t len, uint64_t size,
                     const uint8_t **out_data) CT_MUST_CHECK;

/* Working memory for dense deliveries: the packer's, independent of the answers above. */
struct ct_dense_room *ct_packer_dense_room(const struct ct_packer *packer);

#endif
