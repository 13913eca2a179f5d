/* Dense deliveries of any bytes, one after the other into one state, each cut out of the input by a leading length byte
 * pair. What is taken for records must pass the scan's size limit; a state that failed is used on, as nothing keeps a
 * peer from sending on. */
#include "dense.h"
#include "link_types.h"

#include "bytes.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct ct_dense_room *room; /* as large as a thread's: made once */
    struct ct_dense *dense = NULL;
    if ((room == NULL && ct_dense_room_create(&room) != CT_OK) || ct_dense_create(&dense) != CT_OK) {
        abort();
    }
    while (size >= 2) {
        size_t len = (size_t)data[0] << 8 | data[1];
        len = len > size - 2 ? size - 2 : len;
        const uint32_t no_records = ct_crc32c(0, NULL, 0);
        const uint8_t *out = NULL;
        size_t out_len = 0;
        if (ct_dense_decode(dense, room, data + 2, len, no_records, &out, &out_len) == CT_OK &&
            out_len > CT_LINK_MESSAGE_MAX) {
            abort();
        }
        data += 2 + len;
        size -= 2 + len;
    }
    ct_dense_free(dense);
    return 0;
}
