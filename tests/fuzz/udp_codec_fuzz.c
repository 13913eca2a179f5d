/* A datagram from anybody: decoded to a valid frame that encodes and decodes to itself, or refused. */
#include "udp_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_frame frame;
    struct ct_frame again;
    uint8_t out[CT_UDP_FRAME_MAX];
    if (ct_udp_decode(data, size, &frame) != CT_OK) {
        return 0;
    }
    if (!ct_frame_valid(&frame) || ct_udp_decode(out, ct_udp_encode(&frame, out), &again) != CT_OK ||
        !ct_frame_same(&frame, &again)) {
        abort();
    }
    return 0;
}
