/* peers.txt */
#include "keys.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ct_zmq_peer *peers = NULL;
    size_t count = 0;
    char problem[128];
    if (ct_peers_parse("peers.txt", (const char *)data, size, &peers, &count, problem, sizeof problem) == CT_OK) {
        free(peers);
    }
    return 0;
}
