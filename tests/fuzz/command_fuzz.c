/* Signed commands, and commands as they are read after their signature was good. */
#include "command_wire.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *payload;
    size_t payload_len;
    size_t count;
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    static struct ct_command command;
    if (ct_signed_command_split(data, size, &payload, &payload_len, signatures, &count) == CT_OK) {
        if (payload < data || payload + payload_len > data + size || count > CT_SIGNATURES_MAX) {
            abort();
        }
        (void)!ct_command_decode(payload, payload_len, &command);
    }
    if (ct_command_decode(data, size, &command) == CT_OK) { /* what was read can be written again */
        struct ct_buf buf;
        ct_buf_init(&buf, CT_SIGNED_COMMAND_MAX * 2);
        if (ct_command_encode(&command, &buf) != CT_OK) {
            abort();
        }
        ct_buf_free(&buf);
    }
    return 0;
}
