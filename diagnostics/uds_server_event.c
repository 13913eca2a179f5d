#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define WINDOW_INFINITE 0x02U
#define WATCH_EVERY     (100 * CT_NS_PER_MS)
#define SETUP_HEAD      3U /* 86, kind, window; then eventTypeRecord and serviceToRespondTo */

void ct_server_events_clear(struct ct_uds_server *server)
{
    memset(server->event, 0, sizeof server->event);
    server->events_on = false;
}

/* --- what each kind looks at --- */

static bool accept_dtc_status(struct ct_uds_server *server, const struct ct_server_event *event)
{
    return server->config.dtcs != NULL && event->record[0] != 0;
}

static void watch_dtc_status(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes)
{
    (void)server;
    event->fired |= (changes & event->record[0]) != 0;
}

static bool read_watched(struct ct_uds_server *server, struct ct_server_event *event)
{
    uint8_t value[CT_UDS_SERVER_RESPONSE_MAX];
    size_t len = 0;
    if (ct_server_read_did(server, ct_be16(event->record), value, sizeof value, &len) != 0 ||
        len > CT_SERVER_WATCH_MAX) {
        return false;
    }
    memcpy(event->watched, value, len);
    event->watched_len = len;
    return true;
}

static bool accept_data(struct ct_uds_server *server, const struct ct_server_event *event)
{
    struct ct_server_event trial = *event;
    return read_watched(server, &trial);
}

static void start_data(struct ct_uds_server *server, struct ct_server_event *event)
{
    (void)read_watched(server, event);
}

static void watch_data(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes)
{
    struct ct_server_event fresh = *event;
    (void)changes;
    if (!read_watched(server, &fresh)) {
        return;
    }
    if (fresh.watched_len != event->watched_len || memcmp(fresh.watched, event->watched, fresh.watched_len) != 0) {
        fresh.fired = true;
        *event = fresh;
    }
}

static bool accept_comparison(struct ct_uds_server *server, const struct ct_server_event *event)
{
    struct ct_server_event trial = *event;
    return read_watched(server, &trial) && ct_server_comparison_can_be(&trial);
}

static void start_comparison(struct ct_uds_server *server, struct ct_server_event *event)
{
    (void)server;
    event->armed = true;
}

static void watch_comparison(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes)
{
    (void)changes;
    if (read_watched(server, event)) {
        event->fired |= ct_server_comparison_fires(event);
    }
}

/* 08: of the DTCs whose order is above what was told the oldest, so that none is left out; CT_DTC_MAX: none. */
static size_t next_recent(const struct ct_uds_server *server, const struct ct_server_event *event, uint32_t *out_order)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    size_t found = CT_DTC_MAX;
    for (size_t i = 0; i < ct_dtc_count(dtcs); i++) {
        const struct ct_dtc_state *state = ct_dtc_state(dtcs, i);
        const uint32_t order = event->record[0] == CT_UDS_DTC_LAST_FAILED ? state->last_failed : state->last_confirmed;
        if (order > event->order && (found == CT_DTC_MAX || order < *out_order)) {
            found = i;
            *out_order = order;
        }
    }
    return found;
}

static bool accept_recent(struct ct_uds_server *server, const struct ct_server_event *event)
{
    return server->config.dtcs != NULL &&
           (event->record[0] == CT_UDS_DTC_LAST_FAILED || event->record[0] == CT_UDS_DTC_LAST_CONFIRMED);
}

static void start_recent(struct ct_uds_server *server, struct ct_server_event *event)
{
    uint32_t order = 0;
    event->order = 0;
    while (next_recent(server, event, &order) != CT_DTC_MAX) {
        event->order = order; /* each step a newer one */
    }
}

static void watch_recent(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes)
{
    uint32_t order = 0;
    (void)changes;
    event->fired = next_recent(server, event, &order) != CT_DTC_MAX;
}

static size_t answer_recent(struct ct_uds_server *server, struct ct_server_event *event, ct_ns now, uint8_t *out)
{
    struct ct_server_answer answer = {out, 1};
    (void)now;
    uint32_t order = 0;
    const size_t index = next_recent(server, event, &order);
    if (index == CT_DTC_MAX) {
        event->fired = false;
        return 0;
    }
    event->order = order;
    out[0] = CT_UDS_READ_DTC + CT_UDS_POSITIVE_OFFSET;
    (void)ct_server_put8(&answer, event->record[0]);
    (void)ct_server_put8(&answer, ct_dtc_available(server->config.dtcs));
    (void)ct_server_put_dtc(server->config.dtcs, index, &answer);
    watch_recent(server, event, 0);
    return answer.len;
}

/* --- 09: the records of each DTC whose status changes --- */

/* The report (19) that event->record asks for of one DTC; its length. */
static size_t record_report(const struct ct_uds_server *server, const struct ct_server_event *event, size_t index,
                            uint8_t *out)
{
    const uint32_t code = ct_dtc_definition(server->config.dtcs, index)->code;
    out[0] = CT_UDS_READ_DTC;
    out[1] = event->record[1];
    out[2] = (uint8_t)(code >> 16);
    out[3] = (uint8_t)(code >> 8);
    out[4] = (uint8_t)code;
    memcpy(out + 5, event->record + 2, event->record_len - 2U);
    return 3U + event->record_len;
}

static size_t run_report(struct ct_uds_server *server, const struct ct_server_event *event, size_t index, ct_ns now,
                         uint8_t *out)
{
    uint8_t report[8];
    const struct ct_server_request request = {report, record_report(server, event, index, report), now};
    struct ct_server_answer answer = {out, 1};
    out[0] = CT_UDS_READ_DTC + CT_UDS_POSITIVE_OFFSET;
    return ct_server_check_and_run(server, &request, &answer) == 0 ? answer.len : 0;
}

static bool accept_records(struct ct_uds_server *server, const struct ct_server_event *event)
{
    uint8_t scratch[CT_UDS_SERVER_RESPONSE_MAX];
    const uint8_t report = event->record[1];
    const bool one = report == CT_UDS_DTC_SNAPSHOT_BY_DTC || report == CT_UDS_DTC_EXTENDED_BY_DTC;
    const bool of_user = report == CT_UDS_DTC_USER_SNAPSHOT || report == CT_UDS_DTC_USER_EXTENDED;
    return server->config.dtcs != NULL && event->record[0] != 0 && (one || of_user) &&
           event->record_len == (one ? 3 : 4) && run_report(server, event, 0, 0, scratch) > 0;
}

static void start_records(struct ct_uds_server *server, struct ct_server_event *event)
{
    memset(event->due, 0, sizeof event->due);
    for (size_t i = 0; i < ct_dtc_count(server->config.dtcs); i++) {
        event->seen[i] = ct_dtc_status(server->config.dtcs, i);
    }
}

static void watch_records(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes)
{
    (void)changes;
    for (size_t i = 0; i < ct_dtc_count(server->config.dtcs); i++) {
        const uint8_t status = ct_dtc_status(server->config.dtcs, i);
        if (((status ^ event->seen[i]) & event->record[0]) != 0) {
            event->due[i / 32] |= UINT32_C(1) << (i % 32);
            event->fired = true;
        }
        event->seen[i] = status;
    }
}

static size_t answer_records(struct ct_uds_server *server, struct ct_server_event *event, ct_ns now, uint8_t *out)
{
    size_t len = 0;
    event->fired = false;
    for (size_t i = 0; i < ct_dtc_count(server->config.dtcs); i++) {
        const uint32_t bit = UINT32_C(1) << (i % 32);
        if ((event->due[i / 32] & bit) == 0) {
            continue;
        }
        if (len > 0) {
            event->fired = true; /* one at a time */
            break;
        }
        event->due[i / 32] &= ~bit;
        len = run_report(server, event, i, now, out);
    }
    return len;
}

static size_t answer_request(struct ct_uds_server *server, struct ct_server_event *event, ct_ns now, uint8_t *out)
{
    const struct ct_server_request request = {event->request, event->request_len, now};
    struct ct_server_answer answer = {out, 1};
    event->fired = false;
    out[0] = (uint8_t)(event->request[0] + CT_UDS_POSITIVE_OFFSET);
    return ct_server_check_and_run(server, &request, &answer) == 0 ? answer.len : 0;
}

/* --- the kinds --- */

static const struct event_kind {
    uint8_t kind;
    uint8_t record_len; /* of eventTypeRecord; 0: all that is there, and no serviceToRespondTo */
    bool by_did;        /* several of the kind, one for each identifier */
    bool (*accept)(struct ct_uds_server *server, const struct ct_server_event *event);
    void (*start)(struct ct_uds_server *server, struct ct_server_event *event); /* may be NULL */
    void (*watch)(struct ct_uds_server *server, struct ct_server_event *event, uint8_t changes);
    size_t (*answer)(struct ct_uds_server *server, struct ct_server_event *event, ct_ns now, uint8_t *out);
} kinds[] = {
    {CT_UDS_EVENT_DTC_STATUS, 1, false, accept_dtc_status, NULL, watch_dtc_status, answer_request},
    {CT_UDS_EVENT_DATA_CHANGE, 2, true, accept_data, start_data, watch_data, answer_request},
    {CT_UDS_EVENT_COMPARE, 10, true, accept_comparison, start_comparison, watch_comparison, answer_request},
    {CT_UDS_EVENT_RECENT_DTC, 0, false, accept_recent, start_recent, watch_recent, answer_recent},
    {CT_UDS_EVENT_DTC_RECORD, 0, false, accept_records, start_records, watch_records, answer_records},
};

static const struct event_kind *kind_of(uint8_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (kinds[i].kind == kind) {
            return &kinds[i];
        }
    }
    return NULL;
}

/* --- sub-functions --- */

/* Setting up a kind (and identifier) again replaces it. */
static struct ct_server_event *place_for(struct ct_uds_server *server, const struct ct_server_event *filled,
                                         bool by_did)
{
    struct ct_server_event *spare = NULL;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        struct ct_server_event *event = &server->event[i];
        if (event->kind == filled->kind && (!by_did || memcmp(event->record, filled->record, 2) == 0)) {
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

/* numberOfIdentifiedEvents, then the request's own bytes. */
static uint8_t echo(const struct ct_server_request *request, struct ct_server_answer *answer)
{
    (void)ct_server_put8(answer, 0);
    return ct_server_put(answer, request->data + 2, request->len - 2);
}

static uint8_t set_up(struct ct_uds_server *server, const struct ct_server_request *request,
                      struct ct_server_answer *answer)
{
    struct ct_server_event filled = {.kind = request->data[1] & CT_UDS_SUBFUNCTION, .window = request->data[2]};
    const struct event_kind *kind = kind_of(filled.kind);
    if (kind == NULL) {
        return CT_NRC_SUBFUNCTION;
    }
    const size_t rest = request->len - SETUP_HEAD;
    const bool responds = kind->record_len != 0;
    const size_t record_len = responds ? kind->record_len : rest;
    const uint8_t *respond = request->data + SETUP_HEAD + record_len;
    filled.record_len = (uint8_t)record_len;
    memcpy(filled.record, request->data + SETUP_HEAD, record_len);
    if (responds && may_respond(respond, rest - record_len)) {
        filled.request_len = rest - record_len;
        memcpy(filled.request, respond, filled.request_len);
    }
    struct ct_server_event *place = place_for(server, &filled, kind->by_did);
    if (place == NULL || filled.window != WINDOW_INFINITE || (responds && filled.request_len == 0) ||
        !kind->accept(server, &filled)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    *place = filled;
    server->events_on = false; /* until 05 starts them */
    return echo(request, answer);
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
        (void)ct_server_put(answer, event->record, event->record_len);
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
        const struct event_kind *kind = kind_of(server->event[i].kind);
        server->event[i].fired = false;
        if (kind != NULL && kind->start != NULL) {
            kind->start(server, &server->event[i]);
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
        {CT_UDS_EVENT_STOP, 3, 3, 0, NULL, start_or_stop},       {CT_UDS_EVENT_DTC_STATUS, 6, 0, 0, NULL, set_up},
        {CT_UDS_EVENT_DATA_CHANGE, 7, 0, 0, NULL, set_up},       {CT_UDS_EVENT_REPORT, 3, 3, 0, NULL, report_events},
        {CT_UDS_EVENT_START, 3, 3, 0, is_set_up, start_or_stop}, {CT_UDS_EVENT_CLEAR, 3, 3, 0, NULL, clear_events},
        {CT_UDS_EVENT_COMPARE, 15, 0, 0, NULL, set_up},          {CT_UDS_EVENT_RECENT_DTC, 4, 4, 0, NULL, set_up},
        {CT_UDS_EVENT_DTC_RECORD, 6, 7, 0, NULL, set_up},
    };
    (void)server;
    return ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

/* --- happening --- */

void ct_server_events_watch(struct ct_uds_server *server, ct_ns now)
{
    if (!server->events_on || now < server->watch_due) {
        return;
    }
    server->watch_due = ct_ns_add(now, WATCH_EVERY);
    const uint8_t changes = server->config.dtcs != NULL ? ct_dtc_take_changes(server->config.dtcs) : 0;
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX; i++) {
        const struct event_kind *kind = kind_of(server->event[i].kind);
        if (kind != NULL) {
            kind->watch(server, &server->event[i], changes);
        }
    }
}

size_t ct_server_event_answer(struct ct_uds_server *server, ct_ns now, uint8_t *out)
{
    for (size_t i = 0; i < CT_SERVER_EVENT_MAX && server->events_on; i++) {
        struct ct_server_event *event = &server->event[i];
        const struct event_kind *kind = kind_of(event->kind);
        const size_t len = event->fired && kind != NULL ? kind->answer(server, event, now, out) : 0;
        if (len > 0) {
            server->stats.events++;
            return len;
        }
    }
    return 0;
}

ct_ns ct_server_event_due(const struct ct_uds_server *server)
{
    return server->events_on ? server->watch_due : CT_NS_NEVER;
}
