/* A packet from any local process, record by record. */
#include "hub_wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    struct ct_frame frame;
    while (ct_hub_get_frame(data, size, &at, &frame) == CT_OK) {
        if (at > size || !ct_frame_valid(&frame)) {
            abort();
        }
    }
    return 0;
}
