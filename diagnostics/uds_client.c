#include "uds_client.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_P2_MS          150U
#define DEFAULT_P2_STAR_MS     5100U
#define DEFAULT_PENDING_CAP_MS 25000U

enum state { IDLE, SENDING, WAITING, RECEIVING, DONE };

struct ct_uds_client {
    struct ct_isotp tp;
    ct_ns p2, p2_star, pending_cap;
    enum state state;
    bool pending; /* a 0x78 has come for this request */
    ct_ns deadline;
    ct_ns limit; /* no response pending beyond this */
    uint32_t strays;
    struct ct_uds_result result;
    size_t request_len;
    uint8_t request[CT_UDS_MESSAGE_MAX];
    uint8_t rx[CT_UDS_MESSAGE_MAX];
    uint8_t tx[CT_UDS_MESSAGE_MAX];
    uint8_t response[CT_UDS_MESSAGE_MAX];
};

static ct_ns ms_or(uint32_t ms, uint32_t standard_ms)
{
    return ct_ns_from_ms(ms != 0 ? ms : standard_ms);
}

int ct_uds_client_create(const struct ct_uds_client_config *config, struct ct_uds_client **out_client)
{
    struct ct_uds_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    const int err =
        ct_isotp_init(&client->tp, &config->isotp, client->rx, sizeof client->rx, client->tx, sizeof client->tx);
    if (err != CT_OK) {
        free(client);
        return err;
    }
    client->p2 = ms_or(config->p2_ms, DEFAULT_P2_MS);
    client->p2_star = ms_or(config->p2_star_ms, DEFAULT_P2_STAR_MS);
    client->pending_cap = ms_or(config->pending_cap_ms, DEFAULT_PENDING_CAP_MS);
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

uint32_t ct_uds_client_strays(const struct ct_uds_client *client)
{
    return client->strays;
}

int ct_uds_client_request(struct ct_uds_client *client, const uint8_t *request, size_t len, ct_ns now)
{
    if (ct_uds_client_busy(client)) {
        return CT_ERR_BUSY;
    }
    ct_isotp_reset(&client->tp); /* a late response to an earlier request does not hold this one up */
    const int err = ct_isotp_send(&client->tp, request, len, now);
    if (err != CT_OK) {
        return err;
    }
    memcpy(client->request, request, len);
    client->request_len = len;
    client->pending = false;
    client->state = SENDING;
    return CT_OK;
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

/* --- which response belongs to the request --- */

static bool echoes_asked_did(const struct ct_uds_client *client, const uint8_t *response)
{
    for (size_t at = 1; at + 1 < client->request_len; at += 2) {
        if (memcmp(client->request + at, response + 1, 2) == 0) {
            return true;
        }
    }
    return false;
}

/* How many bytes after the service id a positive response repeats from the request. */
static size_t echo_length(uint8_t service)
{
    switch (service) {
    case CT_UDS_WRITE_DATA:
    case CT_UDS_IO_CONTROL:
        return 2;
    case CT_UDS_ROUTINE_CONTROL:
        return 3;
    case CT_UDS_TRANSFER_DATA:
        return 1;
    default:
        return ct_uds_has_subfunction(service) ? 1 : 0;
    }
}

static bool positive_is_ours(const struct ct_uds_client *client, const uint8_t *response, size_t len)
{
    const uint8_t service = client->request[0];
    if (response[0] != (uint8_t)(service + CT_UDS_POSITIVE_OFFSET)) {
        return false;
    }
    if (service == CT_UDS_READ_DATA) {
        return len >= 3 && echoes_asked_did(client, response);
    }
    const size_t echo = echo_length(service);
    if (len < 1 + echo || client->request_len < 1 + echo) {
        return echo == 0;
    }
    const uint8_t ignored = ct_uds_has_subfunction(service) ? CT_UDS_SUPPRESS : 0;
    const bool first_same = echo == 0 || ((response[1] ^ client->request[1]) & ~ignored & 0xFF) == 0;
    return first_same && (echo < 2 || memcmp(response + 2, client->request + 2, echo - 1) == 0);
}

static bool negative_is_ours(const struct ct_uds_client *client, const uint8_t *response, size_t len)
{
    return response[0] == CT_UDS_NEGATIVE_RESPONSE && len >= 3 && response[1] == client->request[0];
}

/* --- what the transport reports --- */

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

static void message_came(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    const uint8_t *data = event->data;
    if (negative_is_ours(client, data, event->len)) {
        if (data[2] == CT_NRC_PENDING) {
            response_pending(client, now);
            return;
        }
        keep_response(client, event);
        client->result.nrc = data[2];
        finish(client, CT_UDS_NEGATIVE);
    } else if (positive_is_ours(client, data, event->len)) {
        keep_response(client, event);
        finish(client, CT_UDS_POSITIVE);
    } else {
        client->strays++;
        if (client->state ==
            RECEIVING) { /* the bus was taken by somebody's old response: wait anew, but not for ever */
            const ct_ns anew = client->pending ? client->p2_star : client->p2;
            client->deadline = ct_ns_min(ct_ns_add(now, anew), client->limit);
            client->state = WAITING;
        }
    }
}

static void handle_event(struct ct_uds_client *client, const struct ct_isotp_event *event, ct_ns now)
{
    switch (event->kind) {
    case CT_ISOTP_SENT:
        client->state = WAITING;
        client->deadline = ct_ns_add(now, client->p2);
        client->limit = ct_ns_add(now, client->pending_cap);
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
            client->strays++;
        }
    }
}

bool ct_uds_client_receive(struct ct_uds_client *client, const struct ct_frame *frame, ct_ns now)
{
    const bool ours = ct_isotp_receive(&client->tp, frame, now);
    handle_events(client, now);
    return ours;
}

int ct_uds_client_next_frame(struct ct_uds_client *client, struct ct_frame *out_frame, ct_ns now)
{
    const int err = ct_isotp_next_frame(&client->tp, out_frame, now);
    handle_events(client, now);
    return err;
}

static bool positive_suppressed(const struct ct_uds_client *client)
{
    return client->request_len >= 2 && ct_uds_has_subfunction(client->request[0]) &&
           (client->request[1] & CT_UDS_SUPPRESS) != 0;
}

static void waited_in_vain(struct ct_uds_client *client, ct_ns now)
{
    if (client->pending && now >= client->limit) {
        finish_empty(client, CT_UDS_PENDING_OVER, CT_ISOTP_OK);
    } else if (!client->pending && positive_suppressed(client)) {
        finish_empty(client, CT_UDS_POSITIVE, CT_ISOTP_OK);
    } else {
        finish_empty(client, CT_UDS_NO_RESPONSE, CT_ISOTP_OK);
    }
}

ct_ns ct_uds_client_tick(struct ct_uds_client *client, ct_ns now)
{
    const ct_ns transport = ct_isotp_tick(&client->tp, now);
    handle_events(client, now);
    if (client->state == WAITING && now >= client->deadline) {
        waited_in_vain(client, now);
    }
    return client->state == WAITING ? ct_ns_min(transport, client->deadline) : transport;
}
