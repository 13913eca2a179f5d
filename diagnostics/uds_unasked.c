#include "uds_unasked.h"

#include "uds_match.h"

#include <string.h>

/* --- periodic identifiers --- */

static void set_periodic(struct ct_uds_agreed *agreed, uint8_t id, bool on)
{
    const uint32_t bit = UINT32_C(1) << (id % 32U);
    agreed->periodic[id / 32U] = on ? agreed->periodic[id / 32U] | bit : agreed->periodic[id / 32U] & ~bit;
}

static void learn_periodic(struct ct_uds_agreed *agreed, const uint8_t *request, size_t len)
{
    const bool starts = len >= 2 && request[1] != CT_UDS_PERIODIC_STOP;
    if (len == 2 && !starts) { /* stop without identifiers: all of them */
        memset(agreed->periodic, 0, sizeof agreed->periodic);
    }
    for (size_t i = 2; i < len; i++) {
        set_periodic(agreed, request[i], starts);
    }
}

bool ct_uds_agreed_periodic(const struct ct_uds_agreed *agreed, uint8_t id)
{
    return (agreed->periodic[id / 32U] >> (id % 32U) & 1U) != 0;
}

/* --- events --- */

static void add_event(struct ct_uds_agreed *agreed, const uint8_t *request, size_t len, bool live)
{
    if (agreed->event_count == CT_UDS_UNASKED_EVENTS) {
        agreed->event_count--;
        memmove(agreed->events, agreed->events + 1, agreed->event_count * sizeof agreed->events[0]);
    }
    const size_t kept = len < CT_UDS_UNASKED_REQUEST ? len : CT_UDS_UNASKED_REQUEST;
    agreed->events[agreed->event_count].live = live;
    agreed->events[agreed->event_count].len = (uint8_t)kept;
    memcpy(agreed->events[agreed->event_count].request, request, kept);
    agreed->event_count++;
}

static void set_live(struct ct_uds_agreed *agreed, bool live)
{
    for (unsigned i = 0; i < agreed->event_count; i++) {
        agreed->events[i].live = live;
    }
}

/* The request an event is answered with begins `at` bytes from the service id; 08 and 09 name a report of 19 instead,
 * `report` bytes from there. */
static const struct {
    uint8_t type;
    uint8_t at;
    uint8_t report;
} setups[] = {
    {CT_UDS_EVENT_DTC_STATUS, 4, 0}, {CT_UDS_EVENT_DATA_CHANGE, 5, 0}, {CT_UDS_EVENT_COMPARE, 13, 0},
    {CT_UDS_EVENT_RECENT_DTC, 0, 3}, {CT_UDS_EVENT_DTC_RECORD, 0, 4},
};

static void learn_setup(struct ct_uds_agreed *agreed, uint8_t type, const uint8_t *request, size_t len)
{
    for (size_t i = 0; i < sizeof setups / sizeof setups[0]; i++) {
        const size_t need = (setups[i].at != 0 ? setups[i].at : setups[i].report) + 1U;
        if (setups[i].type != type || len < need) {
            continue;
        }
        if (setups[i].at != 0) {
            add_event(agreed, request + setups[i].at, len - setups[i].at, false);
        } else { /* not every ECU waits for a start before it tells these */
            const uint8_t report[] = {CT_UDS_READ_DTC, request[setups[i].report]};
            add_event(agreed, report, sizeof report, true);
        }
    }
}

static void learn_event(struct ct_uds_agreed *agreed, const uint8_t *request, size_t len)
{
    const uint8_t type = request[1] & (CT_UDS_SUBFUNCTION & ~(unsigned)CT_UDS_EVENT_STORE);
    if (type == CT_UDS_EVENT_CLEAR) {
        agreed->event_count = 0;
    } else if (type == CT_UDS_EVENT_START || type == CT_UDS_EVENT_STOP) {
        set_live(agreed, type == CT_UDS_EVENT_START);
    } else {
        learn_setup(agreed, type, request, len);
    }
}

bool ct_uds_agreed_any_event(const struct ct_uds_agreed *agreed)
{
    for (unsigned i = 0; i < agreed->event_count; i++) {
        if (agreed->events[i].live) {
            return true;
        }
    }
    return false;
}

bool ct_uds_agreed_event(const struct ct_uds_agreed *agreed, const uint8_t *response, size_t len)
{
    if (len > 0 && response[0] == CT_UDS_RESPONSE_ON_EVENT + CT_UDS_POSITIVE_OFFSET) {
        return ct_uds_agreed_any_event(agreed);
    }
    for (unsigned i = 0; i < agreed->event_count; i++) {
        if (agreed->events[i].live &&
            ct_uds_match(agreed->events[i].request, agreed->events[i].len, response, len) == CT_UDS_MATCH_POSITIVE) {
            return true;
        }
    }
    return false;
}

void ct_uds_agreed_learn(struct ct_uds_agreed *agreed, const uint8_t *request, size_t len)
{
    switch (len >= 2 ? request[0] : 0) {
    case CT_UDS_SESSION_CONTROL:
    case CT_UDS_ECU_RESET:
        *agreed = (struct ct_uds_agreed){0};
        break;
    case CT_UDS_READ_PERIODIC:
        learn_periodic(agreed, request, len);
        break;
    case CT_UDS_RESPONSE_ON_EVENT:
        learn_event(agreed, request, len);
        break;
    default:
        break;
    }
}
