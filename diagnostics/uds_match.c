#include "uds_match.h"

#include <string.h>

/* One of the request's identifiers, `width` bytes each from byte 1 on. */
static bool echoes_one_of(const uint8_t *request, size_t request_len, const uint8_t *response, size_t width)
{
    for (size_t at = 1; at + width <= request_len; at += width) {
        if (memcmp(request + at, response + 1, width) == 0) {
            return true;
        }
    }
    return false;
}

/* How a positive response repeats its request: one of a list of identifiers, or the bytes after the service id. */
struct echo {
    uint8_t service;
    uint8_t list; /* bytes of one identifier, 0: no list */
    uint8_t len;
};

static struct echo echo_of(uint8_t service)
{
    static const struct echo echoes[] = {
        {0x01, 1, 0},
        {0x02, 0, 1},
        {0x06, 0, 1},
        {0x08, 0, 1},
        {0x09, 0, 1}, /* OBD-II */
        {CT_UDS_READ_DATA, 2, 0},
        {CT_UDS_READ_SCALING, 0, 2},
        {CT_UDS_WRITE_DATA, 0, 2},
        {CT_UDS_IO_CONTROL, 0, 3},
        {CT_UDS_ROUTINE_CONTROL, 0, 3},
        {CT_UDS_TRANSFER_DATA, 0, 1},
        {CT_UDS_REQUEST_FILE_TRANSFER, 0, 1},
    };
    for (size_t i = 0; i < sizeof echoes / sizeof echoes[0]; i++) {
        if (echoes[i].service == service) {
            return echoes[i];
        }
    }
    return (struct echo){service, 0, ct_uds_has_subfunction(service) ? 1 : 0};
}

/* Reports about one DTC repeat it. */
static size_t echo_length(const struct echo *echo, const uint8_t *request, size_t request_len)
{
    const bool about_one = echo->service == CT_UDS_READ_DTC && request_len >= 5 &&
                           ((request[1] & CT_UDS_SUBFUNCTION) == CT_UDS_DTC_SNAPSHOT_BY_DTC ||
                            (request[1] & CT_UDS_SUBFUNCTION) == CT_UDS_DTC_EXTENDED_BY_DTC);
    return about_one ? 4 : echo->len;
}

static bool positive_is_ours(const uint8_t *request, size_t request_len, const uint8_t *response, size_t len)
{
    const struct echo echo = echo_of(request[0]);
    if (echo.list != 0) {
        return len >= 1U + echo.list && echoes_one_of(request, request_len, response, echo.list);
    }
    const size_t repeated = echo_length(&echo, request, request_len);
    if (repeated == 0) {
        return true;
    }
    if (len < 1 + repeated || request_len < 1 + repeated) {
        return false;
    }
    const unsigned ignored = ct_uds_has_subfunction(request[0]) ? CT_UDS_SUPPRESS : 0;
    const bool first_same = ((response[1] ^ request[1]) & ~ignored & 0xFFU) == 0;
    return first_same && memcmp(response + 2, request + 2, repeated - 1) == 0;
}

enum ct_uds_match ct_uds_match(const uint8_t *request, size_t request_len, const uint8_t *response, size_t len)
{
    if (len >= 3 && response[0] == CT_UDS_NEGATIVE_RESPONSE && response[1] == request[0]) {
        return CT_UDS_MATCH_NEGATIVE;
    }
    if (len >= 1 && response[0] == (uint8_t)(request[0] + CT_UDS_POSITIVE_OFFSET) &&
        positive_is_ours(request, request_len, response, len)) {
        return CT_UDS_MATCH_POSITIVE;
    }
    return CT_UDS_STRAY;
}

bool ct_uds_positive_suppressed(const uint8_t *request, size_t len)
{
    return len >= 2 && ct_uds_has_subfunction(request[0]) && (request[1] & CT_UDS_SUPPRESS) != 0;
}
