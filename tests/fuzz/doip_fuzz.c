/* Bytes of several testers, datagrams, time and answers in any order against the DoIP entity: what it writes must be
 * whole DoIP messages, and no more testers may be active than it has sockets. */
#include "doip_entity.h"

#include <stdlib.h>
#include <string.h>

#define SOCKETS 3

static enum ct_doip_diagnostic_code on_diagnostic(void *user, const struct ct_doip_tester *tester, uint16_t target,
                                                  const uint8_t *data, size_t len)
{
    (void)tester;
    (void)target;
    if (len == 0 || len > CT_DOIP_UDS_MAX) {
        abort();
    }
    *(unsigned *)user += data[0];
    return data[0] % 9 == 1 ? CT_DOIP_ACK : (enum ct_doip_diagnostic_code)(data[0] % 9);
}

static void check_output(struct ct_doip_entity *entity, size_t socket, ct_ns now)
{
    size_t len = 0;
    const uint8_t *out = ct_doip_output(entity, socket, &len);
    size_t at = 0;
    while (at < len) {
        struct ct_doip_header header;
        if (len - at < CT_DOIP_HEADER_SIZE || !ct_doip_header_read(out + at, &header) ||
            header.length > len - at - CT_DOIP_HEADER_SIZE) {
            abort();
        }
        at += CT_DOIP_HEADER_SIZE + header.length;
    }
    ct_doip_written(entity, socket, len, now);
}

static void step(struct ct_doip_entity *entity, const uint8_t **data, size_t *size, ct_ns *now)
{
    const uint8_t what = (*data)[0];
    const size_t want = (*data)[1];
    const uint8_t *bytes = *data + 2;
    const size_t len = want < *size - 2 ? want : *size - 2;
    const size_t socket = what % (SOCKETS + 1);
    size_t opened = 0;
    *data += 2 + len;
    *size -= 2 + len;
    switch (what / 32) {
    case 0:
    case 1:
    case 2:
        ct_doip_bytes(entity, socket, bytes, len, *now);
        break;
    case 3:
        ct_doip_datagram(entity, "x", 1, bytes, len, *now);
        break;
    case 4:
        (void)!ct_doip_opened(entity, (what & 8) != 0, (what & 16) != 0, *now, &opened);
        break;
    case 5:
        ct_doip_closed(entity, socket, *now);
        break;
    case 6:
        (void)!ct_doip_respond(entity, 0x0E80, 0x2011, bytes, len, *now);
        check_output(entity, socket, *now);
        break;
    default:
        *now = ct_ns_add(*now, (ct_ns)want * CT_NS_PER_MS * (what & 8 ? 1000 : 7));
        (void)ct_doip_tick(entity, *now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned sum = 0;
    struct ct_doip_entity *entity = NULL;
    struct ct_doip_datagram datagram;
    ct_ns now = 0;
    const struct ct_doip_config config = {.address = 0x1000,
                                          .sockets = SOCKETS,
                                          .central_security = size > 0 && (data[0] & 1) != 0,
                                          .ops = {.user = &sum, .diagnostic = on_diagnostic}};
    if (ct_doip_entity_create(&config, &entity) != CT_OK) {
        return 0;
    }
    while (size >= 2) {
        step(entity, &data, &size, &now);
        if (ct_doip_active(entity) > SOCKETS) {
            abort();
        }
        while (ct_doip_next_datagram(entity, now, &datagram) == CT_OK) {
        }
    }
    for (size_t i = 0; i <= SOCKETS; i++) {
        check_output(entity, i, now);
    }
    ct_doip_entity_free(entity);
    return 0;
}
