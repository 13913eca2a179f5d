#include "uds_client.h"

#include "bytes.h"
#include "uds_match.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_P2_MS          150U
#define DEFAULT_P2_STAR_MS     5100U
#define DEFAULT_PENDING_CAP_MS 25000U
#define DEFAULT_PAUSE_MS       200U
#define DEFAULT_S3_MS          2000U
#define BUS_MS                 100 /* added to what the ECU promises, for gateways on the way */

enum state { IDLE, HOLDING, SENDING, WAITING, RECEIVING, PAUSING, DONE };

struct keep_alive {
    struct ct_isotp tp;
    uint8_t rx[8], tx[8];
    uint8_t payload[CT_UDS_KEEP_ALIVE_MAX];
    size_t len; /* 0: none */
    ct_ns period, due;
};

struct ct_uds_client {
    struct ct_uds_client_config config;
    struct ct_isotp tp;
    struct keep_alive alive;
    ct_ns p2, p2_star;
    enum state state;
    bool pending; /* a 0x78 has come for this request */
    bool hearing; /* a segmented message is coming in that no request asked for */
    struct ct_uds_agreed agreed;
    unsigned tries;
    ct_ns deadline;
    ct_ns limit;       /* no response pending beyond this */
    ct_ns asked_first; /* when the request was sent for the first time */
    uint32_t strays, repeats;
    struct ct_uds_result result;
    size_t request_len;
    uint8_t request[CT_UDS_MESSAGE_MAX];
    uint8_t rx[CT_UDS_MESSAGE_MAX];
    uint8_t tx[CT_UDS_MESSAGE_MAX];
    uint8_t response[CT_UDS_MESSAGE_MAX];
};

static uint32_t or_usual(uint32_t ms, uint32_t usual_ms)
{
    return ms != 0 ? ms : usual_ms;
}

static ct_ns after(ct_ns now, uint32_t ms)
{
    return ms == CT_UDS_UNLIMITED ? CT_NS_NEVER : ct_ns_add(now, ct_ns_from_ms(ms));
}

static int init_keep_alive(struct ct_uds_client *client)
{
    struct ct_isotp_config config = client->config.isotp;
    config.functional = true; /* single frames that nobody answers */
    return ct_isotp_init(&client->alive.tp, &config, client->alive.rx, sizeof client->alive.rx, client->alive.tx,
                         sizeof client->alive.tx);
}

int ct_uds_client_create(const struct ct_uds_client_config *config, struct ct_uds_client **out_client)
{
    struct ct_uds_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    client->config = *config;
    int err = ct_isotp_init(&client->tp, &config->isotp, client->rx, sizeof client->rx, client->tx, sizeof client->tx);
    err = err == CT_OK ? init_keep_alive(client) : err;
    if (err != CT_OK) {
        free(client);
        return err;
    }
    client->config.pending_cap_ms = or_usual(config->pending_cap_ms, DEFAULT_PENDING_CAP_MS);
    client->p2 = ct_ns_from_ms(or_usual(config->p2_ms, DEFAULT_P2_MS));
    client->p2_star = ct_ns_from_ms(or_usual(config->p2_star_ms, DEFAULT_P2_STAR_MS));
    *out_client = client;
    return CT_OK;
}

void ct_uds_client_free(struct ct_uds_client *client)
{
    free(client);
}

bool ct_uds_client_busy(const struct ct_uds_client *client)
{
    return client->state != IDLE && client->state != DONE;
}

bool ct_uds_client_pending(const struct ct_uds_client *client)
{
    return ct_uds_client_busy(client) && client->pending;
}

uint32_t ct_uds_client_strays(const struct ct_uds_client *client)
{
    return client->strays;
}

uint32_t ct_uds_client_repeats(const struct ct_uds_client *client)
{
    return client->repeats;
}

/* An event's response is coming in: the ECU hears nothing until it has told it. */
static bool event_comes_in(const struct ct_uds_client *client)
{
    return client->hearing && ct_uds_agreed_any_event(&client->agreed);
}

static int send_request(struct ct_uds_client *client, const uint8_t *request, size_t len, ct_ns now)
{
    if (event_comes_in(client)) {
        client->state = HOLDING;
        return CT_OK;
    }
    ct_isotp_reset(&client->tp); /* a late response to an earlier request does not hold this one up */
    client->hearing = false;
    const int err = ct_isotp_send(&client->tp, request, len, now);
    if (err == CT_OK) {
        client->pending = false;
        client->state = SENDING;
    }
    return err;
}

int ct_uds_client_request(struct ct_uds_client *client, const uint8_t *request, size_t len, ct_ns now)
{
    if (ct_uds_client_busy(client)) {
        return CT_ERR_BUSY;
    }
    if (len == 0 || len > sizeof client->request) {
        return len == 0 ? CT_ERR_ARGUMENT : CT_ERR_TOO_LARGE;
    }
    const int err = send_request(client, request, len, now);
    if (err == CT_OK) {
        memcpy(client->request, request, len);
        client->request_len = len;
        client->tries = 1;
        client->asked_first = now;
    }
    return err;
}

static void finish(struct ct_uds_client *client, enum ct_uds_outcome outcome)
{
    client->result.outcome = outcome;
    client->state = DONE;
}

static void finish_empty(struct ct_uds_client *client, enum ct_uds_outcome outcome, enum ct_isotp_result tp_result)
{
    client->result = (struct ct_uds_result){.tp_result = tp_result, .response = client->response};
    finish(client, outcome);
}

void ct_uds_client_abort(struct ct_uds_client *client)
{
    if (ct_uds_client_busy(client)) {
        ct_isotp_reset(&client->tp);
        client->hearing = false;
        finish_empty(client, CT_UDS_ABORTED, CT_ISOTP_OK);
    }
}

int ct_uds_client_result(struct ct_uds_client *client, struct ct_uds_result *out_result)
{
    if (client->state != DONE) {
        return CT_ERR_AGAIN;
    }
    *out_result = client->result;
    client->state = IDLE;
    return CT_OK;
}

/* ---------------------------------------------------------------- what an answer leads to */

static void response_pending(struct ct_uds_client *client, ct_ns now)
{
    client->pending = true;
    client->deadline = ct_ns_min(ct_ns_add(now, client->p2_star), client->limit);
    client->state = WAITING;
}

static void keep_response(struct ct_uds_client *client, const struct ct_isotp_event *event)
{
    memcpy(client->response, event->data, event->len);
    client->result = (struct ct_uds_result){.response = client->response, .len = event->len};
}

/* True when the same request is to be sent again after a pause. */
static bool pause_before_again(struct ct_uds_client *client, uint8_t nrc, ct_ns now)
{
    static const struct ct_uds_repeat never = {0};
    const struct ct_uds_repeat *repeat = nrc == CT_NRC_BUSY                      ? &client->config.busy
                                         : nrc == CT_NRC_TEMPORARILY_UNAVAILABLE ? &client->config.unavailable
                                                                                 : &never;
    const ct_ns again = after(now, or_usual(repeat->pause_ms, DEFAULT_PAUSE_MS));
    if (repeat->limit_ms == 0 || again > after(client->asked_first, repeat->limit_ms)) {
        return false;
    }
    client->state = PAUSING;
    client->deadline = again;
    return true;
}

static void negative_came(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    const uint8_t nrc = event->data[2];
    if (nrc == CT_NRC_PENDING && !client->config.pending_ends) {
        response_pending(client, now);
    } else if (!pause_before_again(client, nrc, now)) {
        keep_response(client, event);
        client->result.nrc = nrc;
        finish(client, CT_UDS_NEGATIVE);
    }
}

/* What the ECU promises in answer to DiagnosticSessionControl holds in that session, where it is more than configured.
 */
static void adopt_timing(struct ct_uds_client *client)
{
    const uint8_t *response = client->response;
    if (client->request[0] == CT_UDS_SESSION_CONTROL && client->result.len >= 6) {
        const ct_ns p2 = ct_ns_from_ms(ct_be16(response + 2) + BUS_MS);
        const ct_ns p2_star = ct_ns_from_ms(ct_be16(response + 4) * 10 + BUS_MS);
        const ct_ns own_p2 = ct_ns_from_ms(or_usual(client->config.p2_ms, DEFAULT_P2_MS));
        const ct_ns own_star = ct_ns_from_ms(or_usual(client->config.p2_star_ms, DEFAULT_P2_STAR_MS));
        client->p2 = p2 > own_p2 ? p2 : own_p2;
        client->p2_star = p2_star > own_star ? p2_star : own_star;
    }
}

static void positive_came(struct ct_uds_client *client)
{
    adopt_timing(client);
    ct_uds_agreed_learn(&client->agreed, client->request, client->request_len);
    finish(client, CT_UDS_POSITIVE);
}

/* ---------------------------------------------------------------- what comes unasked */

static bool periodic_came(struct ct_uds_client *client, const uint8_t *data, size_t len, ct_ns now)
{
    if (client->config.unasked == NULL || len == 0 || !ct_uds_agreed_periodic(&client->agreed, data[0])) {
        return false;
    }
    const struct ct_uds_unasked what = {.kind = CT_UDS_UNASKED_PERIODIC,
                                        .t_ns = now,
                                        .did = (uint16_t)(CT_UDS_DID_PERIODIC | data[0]),
                                        .bytes = {data + 1, len - 1}};
    client->config.unasked(client->config.unasked_user, &what);
    return true;
}

static bool event_came(struct ct_uds_client *client, const uint8_t *data, size_t len, ct_ns now)
{
    if (client->config.unasked == NULL || !ct_uds_agreed_event(&client->agreed, data, len)) {
        return false;
    }
    struct ct_uds_message message;
    const bool typed = ct_uds_response_decode(data, len, &message) == CT_OK;
    const struct ct_uds_unasked what = {
        .kind = CT_UDS_UNASKED_EVENT, .t_ns = now, .bytes = {data, len}, .message = typed ? &message : NULL};
    client->config.unasked(client->config.unasked_user, &what);
    return true;
}

/* A message that answers no request. */
static void other_came(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    const bool mixed = client->config.periodic_id == 0; /* periodic messages come among the responses */
    const bool taken = (mixed && periodic_came(client, event->data, event->len, now)) ||
                       event_came(client, event->data, event->len, now);
    client->strays += !taken;
}

static bool is_periodic(const struct ct_uds_client *client, const struct ct_frame *frame)
{
    const struct ct_isotp_address address = {
        .id = client->config.periodic_id, .mask = UINT32_MAX, .flags = client->tp.from.flags};
    const unsigned foreign =
        CT_FRAME_RTR | CT_FRAME_ERR | CT_FRAME_SENT | (client->config.isotp.fd ? 0U : (unsigned)CT_FRAME_FD);
    return client->config.periodic_id != 0 && (frame->flags & foreign) == 0 && ct_isotp_address_takes(&address, frame);
}

static void stray_came(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    other_came(client, event, now);
    if (client->state == RECEIVING) { /* the bus was taken by somebody's old response: wait anew, but not for ever */
        const ct_ns anew = client->pending ? client->p2_star : client->p2;
        client->deadline = ct_ns_min(ct_ns_add(now, anew), client->limit);
        client->state = WAITING;
    }
}

static void message_came(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    switch (ct_uds_match(client->request, client->request_len, event->data, event->len)) {
    case CT_UDS_MATCH_NEGATIVE:
        negative_came(client, event, now);
        break;
    case CT_UDS_MATCH_POSITIVE:
        keep_response(client, event);
        positive_came(client);
        break;
    case CT_UDS_STRAY:
    default:
        stray_came(client, event, now);
        break;
    }
}

/* ---------------------------------------------------------------- what the transport reports */

static void handle_event(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    switch (event->kind) {
    case CT_ISOTP_SENT:
        client->state = WAITING;
        client->deadline = ct_ns_add(now, client->p2);
        client->limit = after(now, client->config.pending_cap_ms);
        break;
    case CT_ISOTP_FIRST_FRAME:
        client->state = RECEIVING;
        break;
    case CT_ISOTP_MESSAGE:
        message_came(client, event, now);
        break;
    case CT_ISOTP_RX_FAILED:
        if (event->result != CT_ISOTP_UNEXP_PDU) { /* then the next message is already there */
            finish_empty(client, CT_UDS_TRANSPORT, event->result);
        }
        break;
    case CT_ISOTP_TX_FAILED:
        finish_empty(client, CT_UDS_TRANSPORT, event->result);
        break;
    }
}

static void handle_events(struct ct_uds_client *client, ct_ns now)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(&client->tp, &event) == CT_OK) {
        const bool waiting = client->state == WAITING || client->state == RECEIVING;
        const bool of_sending = event.kind == CT_ISOTP_SENT || event.kind == CT_ISOTP_TX_FAILED;
        if (waiting || (client->state == SENDING && of_sending)) {
            handle_event(client, &event, now);
        } else if (event.kind == CT_ISOTP_MESSAGE) {
            other_came(client, &event, now);
        }
        client->hearing = event.kind == CT_ISOTP_FIRST_FRAME || (client->hearing && of_sending);
    }
    if (client->state == HOLDING && !client->hearing &&
        send_request(client, client->request, client->request_len, now) != CT_OK) {
        finish_empty(client, CT_UDS_ABORTED, CT_ISOTP_OK);
    }
}

bool ct_uds_client_receive(struct ct_uds_client *client, const struct ct_frame *frame, ct_ns now)
{
    const bool ours = ct_isotp_receive(&client->tp, frame, now);
    handle_events(client, now);
    if (!ours && is_periodic(client, frame)) {
        client->strays += !periodic_came(client, frame->data, frame->len, now);
        return true;
    }
    return ours;
}

/* ---------------------------------------------------------------- keep-alive */

int ct_uds_client_keep_alive(struct ct_uds_client *client, const uint8_t *payload, size_t len, uint32_t period_ms,
                             ct_ns now)
{
    struct keep_alive *alive = &client->alive;
    if (len > sizeof alive->payload) {
        return CT_ERR_TOO_LARGE;
    }
    alive->len = len;
    if (len > 0) {
        memcpy(alive->payload, payload, len);
    }
    alive->period = ct_ns_from_ms(or_usual(period_ms, DEFAULT_S3_MS));
    alive->due = ct_ns_add(now, alive->period);
    return CT_OK;
}

/* Not between the frames of a segmented message (ISO 15765-2 allows one message at a time each way). */
static bool may_keep_alive(const struct ct_uds_client *client)
{
    return client->alive.len > 0 && client->state != SENDING && client->state != RECEIVING && !event_comes_in(client);
}

static int next_keep_alive(struct ct_uds_client *client, struct ct_frame *out_frame, ct_ns now)
{
    struct keep_alive *alive = &client->alive;
    if (!may_keep_alive(client) || now < alive->due) {
        return CT_ERR_AGAIN;
    }
    ct_isotp_reset(&alive->tp);
    const int err = ct_isotp_send(&alive->tp, alive->payload, alive->len, now);
    return err == CT_OK ? ct_isotp_next_frame(&alive->tp, out_frame, now) : CT_ERR_AGAIN;
}

int ct_uds_client_next_frame(struct ct_uds_client *client, struct ct_frame *out_frame, ct_ns now)
{
    int err = ct_isotp_next_frame(&client->tp, out_frame, now);
    handle_events(client, now);
    err = err == CT_OK ? err : next_keep_alive(client, out_frame, now);
    if (err == CT_OK) { /* whatever the ECU hears restarts its S3 */
        client->alive.due = ct_ns_add(now, client->alive.period);
    }
    return err;
}

/* ---------------------------------------------------------------- timers */

static bool send_again(struct ct_uds_client *client, ct_ns now)
{
    client->repeats++;
    return send_request(client, client->request, client->request_len, now) == CT_OK;
}

static void waited_in_vain(struct ct_uds_client *client, ct_ns now)
{
    const bool suppressed = ct_uds_positive_suppressed(client->request, client->request_len);
    if (client->pending && now >= client->limit) {
        finish_empty(client, CT_UDS_PENDING_OVER, CT_ISOTP_OK);
    } else if (!client->pending && suppressed) {
        ct_uds_agreed_learn(&client->agreed, client->request, client->request_len);
        finish_empty(client, CT_UDS_POSITIVE, CT_ISOTP_OK);
    } else if (!client->pending && client->tries <= client->config.repeat_max && send_again(client, now)) {
        client->tries++;
    } else {
        finish_empty(client, CT_UDS_NO_RESPONSE, CT_ISOTP_OK);
    }
}

static void run_deadline(struct ct_uds_client *client, ct_ns now)
{
    if (client->state == WAITING && now >= client->deadline) {
        waited_in_vain(client, now);
    } else if (client->state == PAUSING && now >= client->deadline && !send_again(client, now)) {
        finish_empty(client, CT_UDS_ABORTED, CT_ISOTP_OK);
    }
}

ct_ns ct_uds_client_tick(struct ct_uds_client *client, ct_ns now)
{
    const bool held = client->state == HOLDING;
    (void)ct_isotp_tick(&client->tp, now);
    handle_events(client, now);
    const uint32_t repeats = client->repeats;
    run_deadline(client, now);
    if (client->repeats != repeats || (held && client->state == SENDING)) {
        return now; /* the request's first frame is to be fetched */
    }
    ct_ns next = ct_isotp_tick(&client->tp, now);
    handle_events(client, now);
    if (client->state == WAITING || client->state == PAUSING) {
        next = ct_ns_min(next, client->deadline);
    }
    return may_keep_alive(client) ? ct_ns_min(next, client->alive.due) : next;
}
