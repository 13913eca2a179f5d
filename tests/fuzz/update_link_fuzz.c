/* Offers, wants and chunks of updates, whatever they hold: what is taken lies inside the input and within its limits.
 */
#include "update_link.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int good)
{
    if (!good) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_update_offer offer;
    struct ct_update_wanted wanted;
    struct ct_update_chunk chunk;
    if (ct_update_offer_decode(data, size, &offer) == CT_OK) {
        check(offer.root_count <= CT_UPDATE_ROOTS_MAX);
        for (size_t i = 0; i < offer.root_count; i++) {
            check(offer.roots[i].data >= data && offer.roots[i].data + offer.roots[i].len <= data + size);
        }
    }
    if (ct_update_chunk_decode(data, size, &chunk) == CT_OK) {
        check(chunk.len <= CT_UPDATE_CHUNK_MAX && chunk.of.offset + chunk.len <= chunk.size);
        check(chunk.data >= data && chunk.data + chunk.len <= data + size);
    }
    (void)ct_update_wanted_decode(data, size, &wanted);
    return 0;
}
