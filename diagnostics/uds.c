#include "uds.h"

const char *ct_uds_nrc_text(uint8_t nrc)
{
#define NRC_CASE(name, value, text) \
    case CT_NRC_##name:             \
        return text;
    switch (nrc) {
        CT_UDS_NRC_MAP(NRC_CASE)
    default:
        return "negative response";
    }
#undef NRC_CASE
}

bool ct_uds_has_subfunction(uint8_t service)
{
    static const uint8_t services[] = {0x10, 0x11, 0x19, 0x27, 0x28, 0x29, 0x2C, 0x31, 0x3E, 0x83, 0x85, 0x86, 0x87};
    for (unsigned i = 0; i < sizeof services; i++) {
        if (services[i] == service) {
            return true;
        }
    }
    return false;
}
