#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define WINDOW_INFINITE 0x02U
#define WATCH_EVERY     (100 * CT_NS_PER_MS)
#define DTC_SETUP       4U /* 86 01 window mask, then the request */
#define DATA_SETUP      5U /* 86 03 window identifier, then the request */

void ct_server_events_clear(struct ct_uds_server *server)
{
    memset(server->event, 0, sizeof server->event);
    server->events_on = false;
}

/* One event of a kind (and identifier): setting it up again replaces it. */
static struct ct_server_event *place_for(struct ct_uds_server *server, uint8_t kind, uint16_t did)
{
    struct ct_server_event *spare = NULL;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        struct ct_server_event *event = &server->event[i];
        if (event->kind == kind && event->did == did) {
            return event;
        }
        if (event->kind == 0) {
            spare = event;
        }
    }
    return spare;
}

/* What an event may be answered with reads and changes nothing. */
static bool may_respond(const uint8_t *request, size_t len)
{
    return len >= 2 && len <= CT_SERVER_EVENT_REQUEST &&
           (request[0] == CT_UDS_READ_DTC || request[0] == CT_UDS_READ_DATA);
}

static uint8_t set_up(struct ct_uds_server *server, const struct ct_server_request *request, size_t head,
                      struct ct_server_event *filled)
{
    struct ct_server_event *place = place_for(server, filled->kind, filled->did);
    const uint8_t *respond = request->data + head;
    const size_t respond_len = request->len - head;
    if (place == NULL || filled->window != WINDOW_INFINITE || !may_respond(respond, respond_len)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    memcpy(filled->request, respond, respond_len);
    filled->request_len = respond_len;
    *place = *filled;
    server->events_on = false; /* until 05 starts them */
    return 0;
}

/* numberOfIdentifiedEvents, then the request's own bytes. */
static uint8_t echo(const struct ct_server_request *request, struct ct_server_answer *answer)
{
    (void)ct_server_put8(answer, 0);
    return ct_server_put(answer, request->data + 2, request->len - 2);
}

static uint8_t on_dtc_status(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    struct ct_server_event event = {
        .kind = CT_UDS_EVENT_DTC_STATUS, .window = request->data[2], .mask = request->data[3]};
    if (server->config.dtcs == NULL || event.mask == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = set_up(server, request, DTC_SETUP, &event);
    return nrc != 0 ? nrc : echo(request, answer);
}

static bool read_watched(struct ct_uds_server *server, struct ct_server_event *event)
{
    uint8_t value[CT_UDS_SERVER_RESPONSE_MAX];
    size_t len = 0;
    if (ct_server_read_did(server, event->did, value, sizeof value, &len) != 0 || len > CT_SERVER_WATCH_MAX) {
        return false;
    }
    memcpy(event->watched, value, len);
    event->watched_len = len;
    return true;
}

static uint8_t on_data_change(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    struct ct_server_event event = {
        .kind = CT_UDS_EVENT_DATA_CHANGE, .window = request->data[2], .did = ct_be16(request->data + 3)};
    if (!read_watched(server, &event)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = set_up(server, request, DATA_SETUP, &event);
    return nrc != 0 ? nrc : echo(request, answer);
}

static uint8_t report_events(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    uint8_t count = 0;
    (void)request;
    (void)ct_server_put8(answer, 0);
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        const struct ct_server_event *event = &server->event[i];
        if (event->kind == 0) {
            continue;
        }
        count++;
        (void)ct_server_put8(answer, event->kind);
        (void)ct_server_put8(answer, event->window);
        if (event->kind == CT_UDS_EVENT_DTC_STATUS) {
            (void)ct_server_put8(answer, event->mask);
        } else {
            (void)ct_server_put16(answer, event->did);
        }
        (void)ct_server_put(answer, event->request, event->request_len);
    }
    answer->data[2] = count;
    return 0;
}

static uint8_t start_or_stop(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    if (request->data[2] != WINDOW_INFINITE) {
        return CT_NRC_OUT_OF_RANGE;
    }
    server->events_on = (request->data[1] & CT_UDS_SUBFUNCTION) == CT_UDS_EVENT_START;
    server->watch_due = request->now;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        server->event[i].fired = false;
        if (server->event[i].kind == CT_UDS_EVENT_DATA_CHANGE) {
            (void)read_watched(server, &server->event[i]);
        }
    }
    if (server->config.dtcs != NULL) {
        (void)ct_dtc_take_changes(server->config.dtcs);
    }
    return echo(request, answer);
}

static uint8_t clear_events(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    ct_server_events_clear(server);
    return echo(request, answer);
}

static bool is_set_up(const struct ct_uds_server *server, const struct ct_server_request *request)
{
    (void)request;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        if (server->event[i].kind != 0) {
            return true;
        }
    }
    return false;
}

const struct ct_server_sub *ct_server_event_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_EVENT_STOP, 3, 3, 0, NULL, start_or_stop},
        {CT_UDS_EVENT_DTC_STATUS, 6, 0, 0, NULL, on_dtc_status},
        {CT_UDS_EVENT_DATA_CHANGE, 7, 0, 0, NULL, on_data_change},
        {CT_UDS_EVENT_REPORT, 3, 3, 0, NULL, report_events},
        {CT_UDS_EVENT_START, 3, 3, 0, is_set_up, start_or_stop},
        {CT_UDS_EVENT_CLEAR, 3, 3, 0, NULL, clear_events},
    };
    (void)server;
    return ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

/* --- happening --- */

static void compare(struct ct_uds_server *server, struct ct_server_event *event)
{
    struct ct_server_event fresh = {.did = event->did};
    if (!read_watched(server, &fresh)) {
        return;
    }
    if (fresh.watched_len != event->watched_len || memcmp(fresh.watched, event->watched, fresh.watched_len) != 0) {
        memcpy(event->watched, fresh.watched, sizeof event->watched);
        event->watched_len = fresh.watched_len;
        event->fired = true;
    }
}

void ct_server_events_watch(struct ct_uds_server *server, ct_ns now)
{
    if (!server->events_on || now < server->watch_due) {
        return;
    }
    server->watch_due = ct_ns_add(now, WATCH_EVERY);
    const uint8_t changes = server->config.dtcs != NULL ? ct_dtc_take_changes(server->config.dtcs) : 0;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        struct ct_server_event *event = &server->event[i];
        if (event->kind == CT_UDS_EVENT_DTC_STATUS && (changes & event->mask) != 0) {
            event->fired = true;
        } else if (event->kind == CT_UDS_EVENT_DATA_CHANGE) {
            compare(server, event);
        }
    }
}

size_t ct_server_event_answer(struct ct_uds_server *server, ct_ns now, uint8_t *out)
{
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX && server->events_on; i++) {
        struct ct_server_event *event = &server->event[i];
        if (!event->fired) {
            continue;
        }
        event->fired = false;
        const struct ct_server_request request = {event->request, event->request_len, now};
        struct ct_server_answer answer = {out, 1};
        out[0] = (uint8_t)(event->request[0] + CT_UDS_POSITIVE_OFFSET);
        if (ct_server_check_and_run(server, &request, &answer) == 0) {
            server->stats.events++;
            return answer.len;
        }
    }
    return 0;
}

ct_ns ct_server_event_due(const struct ct_uds_server *server)
{
    return server->events_on ? server->watch_due : CT_NS_NEVER;
}
