#include "doip.h"

#include "bytes.h"

bool ct_doip_header_read(const uint8_t bytes[CT_DOIP_HEADER_SIZE], struct ct_doip_header *out_header)
{
    *out_header =
        (struct ct_doip_header){.version = bytes[0], .type = ct_be16(bytes + 2), .length = ct_be32(bytes + 4)};
    return (bytes[0] ^ bytes[1]) == 0xFF;
}

void ct_doip_header_write(uint8_t out[CT_DOIP_HEADER_SIZE], uint8_t version, uint16_t type, uint32_t length)
{
    out[0] = version;
    out[1] = (uint8_t)(version ^ 0xFFU);
    ct_put_be16(out + 2, type);
    ct_put_be32(out + 4, length);
}

/* What an entity takes, by transport. */
struct kind {
    uint16_t type;
    enum ct_doip_transport transport;
    uint32_t least, most; /* of the payload */
};

static const struct kind kinds[] = {
    {CT_DOIP_IDENTIFY, CT_DOIP_UDP, 0, 0},
    {CT_DOIP_IDENTIFY_EID, CT_DOIP_UDP, 6, 6},
    {CT_DOIP_IDENTIFY_VIN, CT_DOIP_UDP, 17, 17},
    {CT_DOIP_STATUS_REQUEST, CT_DOIP_UDP, 0, 0},
    {CT_DOIP_POWER_REQUEST, CT_DOIP_UDP, 0, 0},
    {CT_DOIP_ACTIVATION_REQUEST, CT_DOIP_TCP, 7, 11}, /* 7 or 11 */
    {CT_DOIP_ALIVE_RESPONSE, CT_DOIP_TCP, 2, 2},
    {CT_DOIP_DIAGNOSTIC, CT_DOIP_TCP, 5, UINT32_MAX}, /* two addresses and a service id */
};

/* Answers and announcements of others; a nack for them could begin an endless exchange. */
static bool is_answer(uint16_t type)
{
    static const uint16_t types[] = {CT_DOIP_GENERIC_NACK,   CT_DOIP_ANNOUNCEMENT,   CT_DOIP_STATUS_RESPONSE,
                                     CT_DOIP_POWER_RESPONSE, CT_DOIP_DIAGNOSTIC_ACK, CT_DOIP_DIAGNOSTIC_NACK};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (types[i] == type) {
            return true;
        }
    }
    return false;
}

static const struct kind *kind_of(uint16_t type, enum ct_doip_transport transport)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].type == type && kinds[i].transport == transport) {
            return &kinds[i];
        }
    }
    return NULL;
}

static bool version_good(const struct ct_doip_header *header)
{
    const bool identify = header->type >= CT_DOIP_IDENTIFY && header->type <= CT_DOIP_IDENTIFY_VIN;
    const bool known = header->version >= CT_DOIP_VERSION_2012 && header->version <= CT_DOIP_VERSION_2025;
    return known || (header->version == CT_DOIP_VERSION_ANY && identify);
}

int ct_doip_header_check(const struct ct_doip_header *header, bool pattern_good, enum ct_doip_transport transport,
                         uint32_t payload_max, uint32_t room)
{
    if (!pattern_good || !version_good(header)) {
        return CT_DOIP_BAD_PATTERN;
    }
    const struct kind *kind = kind_of(header->type, transport);
    if (kind == NULL) {
        return is_answer(header->type) ? CT_DOIP_HEADER_QUIET : CT_DOIP_UNKNOWN_TYPE;
    }
    if (header->length > payload_max) {
        return CT_DOIP_TOO_LARGE;
    }
    if (header->length > room) {
        return CT_DOIP_NO_MEMORY;
    }
    const bool odd = header->type == CT_DOIP_ACTIVATION_REQUEST && header->length != 7 && header->length != 11;
    return header->length < kind->least || header->length > kind->most || odd ? CT_DOIP_BAD_LENGTH : CT_DOIP_HEADER_OK;
}
