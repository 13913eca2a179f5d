/* A datagram of rtnetlink, whatever it holds: every message lies inside it, the walk ends, names are texts. */
#include "link_message.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_link_message message;
    size_t offset = 0;
    size_t before = 0;
    while (ct_link_message_next(data, size, &offset, &message) == CT_OK) {
        if (offset <= before || offset > size || memchr(message.name, '\0', sizeof message.name) == NULL) {
            abort();
        }
        before = offset;
    }
    return 0;
}
