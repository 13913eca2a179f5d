#include "uds_server_internal.h"

#include "bytes.h"

#define FIELD_MAX 4U /* bytes of an address or a size that are understood */

/* ISO 14229-1:2020 table H.1: high nibble is the size's length, low nibble the address's. */
size_t ct_server_range_size(uint8_t format)
{
    const unsigned size = format >> 4;
    const unsigned address = format & 0x0FU;
    return size == 0 || size > FIELD_MAX || address == 0 || address > FIELD_MAX ? 0 : size + address;
}

static uint32_t field(const uint8_t *data, unsigned len)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < len; i++) {
        value = value << 8 | data[i];
    }
    return value;
}

size_t ct_server_parse_range(const uint8_t *data, size_t room, uint32_t *out_address, uint32_t *out_len)
{
    const size_t size = room > 0 ? ct_server_range_size(data[0]) : 0;
    if (size == 0 || room < 1 + size) {
        return 0;
    }
    const unsigned address = data[0] & 0x0FU;
    *out_address = field(data + 1, address);
    *out_len = field(data + 1 + address, data[0] >> 4);
    return 1 + size;
}

const struct ct_uds_memory *ct_server_memory(const struct ct_uds_server *server, uint32_t address, uint32_t len)
{
    for (size_t i = 0; i < server->config.memory_count; i++) {
        const struct ct_uds_memory *memory = &server->config.memories[i];
        if (address >= memory->first && len > 0 && len <= memory->size &&
            address - memory->first <= memory->size - len) {
            return memory;
        }
    }
    return NULL;
}

uint8_t ct_server_read_memory(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    uint32_t address = 0;
    uint32_t len = 0;
    const size_t range = ct_server_range_size(request->data[1]);
    if (range == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (request->len != 2 + range) {
        return CT_NRC_LENGTH;
    }
    (void)ct_server_parse_range(request->data + 1, request->len - 1, &address, &len);
    const struct ct_uds_memory *memory = ct_server_memory(server, address, len);
    if (memory == NULL || memory->read == NULL || !ct_server_in_session(server, memory->read_access.sessions)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_secure(server, &memory->read_access);
    if (nrc == 0 && len > CT_UDS_SERVER_RESPONSE_MAX - 1) {
        nrc = CT_NRC_RESPONSE_TOO_LONG;
    }
    nrc = nrc != 0 ? nrc : memory->read(server->config.user, address, answer->data + 1, len);
    answer->len = 1 + len;
    return nrc;
}

uint8_t ct_server_write_memory(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    uint32_t address = 0;
    uint32_t len = 0;
    const size_t range = ct_server_range_size(request->data[1]);
    if (range == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (request->len <= 2 + range) {
        return CT_NRC_LENGTH;
    }
    (void)ct_server_parse_range(request->data + 1, request->len - 1, &address, &len);
    if (request->len - 2 - range != len) {
        return CT_NRC_LENGTH;
    }
    const struct ct_uds_memory *memory = ct_server_memory(server, address, len);
    if (memory == NULL || memory->write == NULL || !ct_server_in_session(server, memory->write_access.sessions)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_secure(server, &memory->write_access);
    nrc = nrc != 0 ? nrc : memory->write(server->config.user, address, request->data + 2 + range, len);
    return nrc != 0 ? nrc : ct_server_put(answer, request->data + 1, 1 + range);
}
