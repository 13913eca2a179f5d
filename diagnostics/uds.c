#include "uds.h"

#include <stddef.h>

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

const char *ct_uds_service_text(uint8_t service)
{
#define SERVICE_CASE(name, id, subfunction, text) \
    case CT_UDS_##name:                           \
        return text;
    switch (service) {
        CT_UDS_SERVICE_MAP(SERVICE_CASE)
    default:
        return NULL;
    }
#undef SERVICE_CASE
}

const char *ct_uds_dtc_status_text(uint8_t bit)
{
#define STATUS_CASE(name, value, text) \
    case CT_DTC_##name:                \
        return text;
    switch (bit) {
        CT_UDS_DTC_STATUS_MAP(STATUS_CASE)
    default:
        return NULL;
    }
#undef STATUS_CASE
}

bool ct_uds_has_subfunction(uint8_t service)
{
#define SUBFUNCTION_ENTRY(name, id, subfunction, text) [id] = (subfunction),
    static const bool with_subfunction[UINT8_MAX + 1] = {CT_UDS_SERVICE_MAP(SUBFUNCTION_ENTRY)};
#undef SUBFUNCTION_ENTRY
    return with_subfunction[service];
}

bool ct_uds_nrc_kept_from_functional(uint8_t nrc)
{
    return nrc == CT_NRC_SERVICE_NOT_SUPPORTED || nrc == CT_NRC_SUBFUNCTION || nrc == CT_NRC_OUT_OF_RANGE ||
           nrc == CT_NRC_SUBFUNCTION_SESSION || nrc == CT_NRC_SERVICE_SESSION;
}
