/* What an ECU may send without being asked again: the identifiers ReadDataByPeriodicIdentifier (2A) and the events
 * ResponseOnEvent (86) have made it send, learnt from the requests it has agreed to. A message that nobody set up is
 * none of these, however much it looks like one. ISO 14229-1:2020 9.10, 11.6; -3:2022 for periodic messages.
 * Plain state, bounded: events over the limit are forgotten, the oldest first. Belongs to one thread. */
#ifndef CT_DIAGNOSTICS_UDS_UNASKED_H
#define CT_DIAGNOSTICS_UDS_UNASKED_H

#include "time_ns.h"
#include "uds_message.h"

#define CT_UDS_UNASKED_EVENTS  8
#define CT_UDS_UNASKED_REQUEST 16 /* bytes of a serviceToRespondTo that are kept; longer ones are matched by these */

enum ct_uds_unasked_kind {
    CT_UDS_UNASKED_PERIODIC,
    CT_UDS_UNASKED_EVENT,
};

/* One message that came. Everything is borrowed until the callback returns. */
struct ct_uds_unasked {
    enum ct_uds_unasked_kind kind;
    ct_ns t_ns;
    uint16_t did;              /* PERIODIC: F200 + the identifier */
    struct ct_uds_bytes bytes; /* PERIODIC: the value, perhaps with padding behind it: its length is not on the wire.
                                  EVENT: the whole response, service id first */
    const struct ct_uds_message *message; /* EVENT: decoded; NULL when it cannot be */
};

/* Users touch no field. */
struct ct_uds_agreed {
    uint32_t periodic[8]; /* bit of each identifier F200..F2FF */
    struct {
        bool live; /* may come now */
        uint8_t len;
        uint8_t request[CT_UDS_UNASKED_REQUEST]; /* what the event is answered with */
    } events[CT_UDS_UNASKED_EVENTS];
    unsigned event_count;
};

/* A request the ECU has answered positively (or, with the positive response suppressed, not refused). A change of
 * session and a reset end everything. */
void ct_uds_agreed_learn(struct ct_uds_agreed *agreed, const uint8_t *request, size_t len);
bool ct_uds_agreed_periodic(const struct ct_uds_agreed *agreed, uint8_t id);
/* Is it the response of an event, or an event window's end (C6)? */
bool ct_uds_agreed_event(const struct ct_uds_agreed *agreed, const uint8_t *response, size_t len);
/* May an event come at all? */
bool ct_uds_agreed_any_event(const struct ct_uds_agreed *agreed);

#endif
