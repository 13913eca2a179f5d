/* Any sequence of requests: no crash, every response is positive to its service, negative in form, or nothing. */
#include "uds_server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct ct_uds_server *server, const uint8_t *request, size_t len, bool functional, ct_ns now)
{
    static uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];
    const size_t got = ct_uds_server_answer(server, request, len, functional, now, response);
    if (got == 0) {
        return;
    }
    const bool negative = got == 3 && response[0] == 0x7F && response[1] == request[0];
    if (len == 0 || (!negative && response[0] != (uint8_t)(request[0] + 0x40))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct ct_uds_server_config config = {.isotp = ct_isotp_config_usual(0x7E8, 0x7E0), .functional_id = 0x7DF};
    struct ct_uds_server *server = NULL;
    if (ct_uds_server_create(&config, &server) != CT_OK) {
        abort();
    }
    ct_ns now = 0;
    for (size_t at = 0; at + 2 <= size;) {
        const size_t room = size - at - 2;
        const size_t len = data[at] < room ? data[at] : room;
        now += (data[at + 1] >> 1) * CT_NS_PER_MS * 100;
        (void)ct_uds_server_tick(server, now);
        ask(server, data + at + 2, len, (data[at + 1] & 1) != 0, now);
        at += 2 + len;
    }
    ct_uds_server_free(server);
    return 0;
}
