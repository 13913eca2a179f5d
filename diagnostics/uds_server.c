#include "uds_server.h"

#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_P2_MS        50U
#define DEFAULT_P2_STAR_10MS 500U
#define DEFAULT_S3_MS        5000U
#define DIDS_PER_REQUEST_MAX 32U
#define FUNCTIONAL_MAX       64U

struct ct_uds_server {
    struct ct_uds_server_config config;
    struct ct_isotp tp;
    struct ct_isotp functional;
    bool has_functional;
    enum ct_uds_session session;
    ct_ns s3, session_ends;
    struct ct_uds_server_stats stats;
    uint8_t rx[CT_UDS_SERVER_RESPONSE_MAX];
    uint8_t tx[CT_UDS_SERVER_RESPONSE_MAX];
    uint8_t functional_rx[FUNCTIONAL_MAX];
    uint8_t functional_tx[FUNCTIONAL_MAX];
    uint8_t response[CT_UDS_SERVER_RESPONSE_MAX];
};

struct request {
    const uint8_t *data;
    size_t len;
    ct_ns now;
};

struct answer {
    uint8_t *data;
    size_t len;
};

/* A service's work: 0 and the positive response, or the NRC. */
typedef uint8_t (*service_fn)(struct ct_uds_server *server, const struct request *request, struct answer *answer);

struct service {
    uint8_t id;
    uint8_t min_len;
    service_fn run;
};

/* --- services --- */

static const struct ct_uds_did *find_did(const struct ct_uds_server *server, uint16_t id)
{
    for (size_t i = 0; i < server->config.did_count; i++) {
        const struct ct_uds_did *did = &server->config.dids[i];
        if (did->id == id && (did->sessions & CT_UDS_SESSION_BIT(server->session)) != 0) {
            return did;
        }
    }
    return NULL;
}

static uint8_t append_did(struct ct_uds_server *server, const struct ct_uds_did *did, struct answer *answer)
{
    const size_t room = CT_UDS_SERVER_RESPONSE_MAX - answer->len;
    size_t len = 0;
    if (room < 2) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    ct_put_be16(answer->data + answer->len, did->id);
    const uint8_t nrc = did->read(server->config.user, did->id, answer->data + answer->len + 2, room - 2, &len);
    if (nrc == 0) {
        answer->len += 2 + len;
    }
    return nrc;
}

static uint8_t read_data(struct ct_uds_server *server, const struct request *request, struct answer *answer)
{
    const size_t count = (request->len - 1) / 2;
    if (request->len % 2 == 0 || count > DIDS_PER_REQUEST_MAX) {
        return CT_NRC_LENGTH;
    }
    for (size_t i = 0; i < count; i++) {
        const struct ct_uds_did *did = find_did(server, ct_be16(request->data + 1 + 2 * i));
        const uint8_t nrc = did != NULL ? append_did(server, did, answer) : 0;
        if (nrc != 0) {
            return nrc;
        }
    }
    return answer->len > 1 ? 0 : CT_NRC_OUT_OF_RANGE;
}

static uint8_t session_control(struct ct_uds_server *server, const struct request *request, struct answer *answer)
{
    const uint8_t session = request->data[1] & 0x7F;
    if (session != CT_UDS_SESSION_DEFAULT && session != CT_UDS_SESSION_EXTENDED) {
        return CT_NRC_SUBFUNCTION;
    }
    if (request->len != 2) {
        return CT_NRC_LENGTH;
    }
    server->session = (enum ct_uds_session)session;
    answer->data[1] = session;
    ct_put_be16(answer->data + 2, server->config.p2_ms);
    ct_put_be16(answer->data + 4, server->config.p2_star_10ms);
    answer->len = 6;
    return 0;
}

static uint8_t tester_present(struct ct_uds_server *server, const struct request *request, struct answer *answer)
{
    (void)server;
    if ((request->data[1] & 0x7F) != 0) {
        return CT_NRC_SUBFUNCTION;
    }
    if (request->len != 2) {
        return CT_NRC_LENGTH;
    }
    answer->data[1] = 0;
    answer->len = 2;
    return 0;
}

static const struct service services[] = {
    {CT_UDS_SESSION_CONTROL, 2, session_control},
    {CT_UDS_READ_DATA, 3, read_data},
    {CT_UDS_TESTER_PRESENT, 2, tester_present},
};

/* --- one request --- */

static const struct service *find_service(uint8_t id)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (services[i].id == id) {
            return &services[i];
        }
    }
    return NULL;
}

static bool service_in_session(const struct ct_uds_server *server, uint8_t id)
{
    return id != CT_UDS_READ_DATA || (server->config.read_sessions & CT_UDS_SESSION_BIT(server->session)) != 0;
}

static uint8_t run_service(struct ct_uds_server *server, const struct request *request, struct answer *answer)
{
    const struct service *service = find_service(request->data[0]);
    if (service == NULL) {
        return CT_NRC_SERVICE_NOT_SUPPORTED;
    }
    if (!service_in_session(server, service->id)) {
        return CT_NRC_SERVICE_SESSION;
    }
    if (request->len < service->min_len) {
        return CT_NRC_LENGTH;
    }
    return service->run(server, request, answer);
}

static bool positive_suppressed(const struct request *request)
{
    return request->len >= 2 && ct_uds_has_subfunction(request->data[0]) && (request->data[1] & CT_UDS_SUPPRESS) != 0;
}

static void restart_s3(struct ct_uds_server *server, ct_ns now)
{
    server->session_ends = ct_ns_add(now, server->s3);
}

size_t ct_uds_server_answer(struct ct_uds_server *server, const uint8_t *request, size_t len, bool functional,
                            ct_ns now, uint8_t *out)
{
    if (len == 0) {
        return 0;
    }
    const struct request in = {request, len, now};
    struct answer answer = {out, 1};
    server->stats.requests++;
    out[0] = (uint8_t)(request[0] + CT_UDS_POSITIVE_OFFSET);
    const uint8_t nrc = run_service(server, &in, &answer);
    restart_s3(server, now);
    const bool silent = nrc != 0 ? functional && ct_uds_nrc_kept_from_functional(nrc) : positive_suppressed(&in);
    if (silent) {
        server->stats.silent++;
        return 0;
    }
    if (nrc == 0) {
        return answer.len;
    }
    server->stats.negatives++;
    out[0] = CT_UDS_NEGATIVE_RESPONSE;
    out[1] = request[0];
    out[2] = nrc;
    return 3;
}

/* --- transport --- */

static void init_defaults(struct ct_uds_server_config *config)
{
    if (config->read_sessions == 0) {
        config->read_sessions = CT_UDS_SESSION_ANY;
    }
    if (config->p2_ms == 0) {
        config->p2_ms = DEFAULT_P2_MS;
    }
    if (config->p2_star_10ms == 0) {
        config->p2_star_10ms = DEFAULT_P2_STAR_10MS;
    }
    if (config->s3_ms == 0) {
        config->s3_ms = DEFAULT_S3_MS;
    }
}

static int init_transport(struct ct_uds_server *server)
{
    struct ct_isotp_config pair = server->config.isotp;
    const int err = ct_isotp_init(&server->tp, &pair, server->rx, sizeof server->rx, server->tx, sizeof server->tx);
    if (err != CT_OK || server->config.functional_id == 0) {
        return err;
    }
    pair.functional = true;
    pair.rx_id = server->config.functional_id;
    server->has_functional = true;
    return ct_isotp_init(&server->functional, &pair, server->functional_rx, sizeof server->functional_rx,
                         server->functional_tx, sizeof server->functional_tx);
}

int ct_uds_server_create(const struct ct_uds_server_config *config, struct ct_uds_server **out_server)
{
    struct ct_uds_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    server->config = *config;
    init_defaults(&server->config);
    server->session = CT_UDS_SESSION_DEFAULT;
    server->s3 = ct_ns_from_ms(server->config.s3_ms);
    const int err = init_transport(server);
    if (err != CT_OK) {
        free(server);
        return err;
    }
    *out_server = server;
    return CT_OK;
}

void ct_uds_server_free(struct ct_uds_server *server)
{
    free(server);
}

static void answer_message(struct ct_uds_server *server, const struct ct_isotp_event *event, bool functional, ct_ns now)
{
    const size_t len = ct_uds_server_answer(server, event->data, event->len, functional, now, server->response);
    if (len > 0 && ct_isotp_send(&server->tp, server->response, len, now) != CT_OK) {
        server->stats.dropped++;
    }
}

static void handle_events(struct ct_uds_server *server, struct ct_isotp *tp, ct_ns now)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(tp, &event) == CT_OK) {
        if (event.kind == CT_ISOTP_MESSAGE) {
            answer_message(server, &event, tp == &server->functional, now);
        } else if (event.kind == CT_ISOTP_RX_FAILED || event.kind == CT_ISOTP_TX_FAILED) {
            server->stats.failed++;
        }
    }
}

bool ct_uds_server_receive(struct ct_uds_server *server, const struct ct_frame *frame, ct_ns now)
{
    bool ours = ct_isotp_receive(&server->tp, frame, now);
    handle_events(server, &server->tp, now);
    if (server->has_functional && ct_isotp_receive(&server->functional, frame, now)) {
        handle_events(server, &server->functional, now);
        ours = true;
    }
    return ours;
}

int ct_uds_server_next_frame(struct ct_uds_server *server, struct ct_frame *out_frame, ct_ns now)
{
    const int err = ct_isotp_next_frame(&server->tp, out_frame, now);
    handle_events(server, &server->tp, now);
    return err;
}

ct_ns ct_uds_server_tick(struct ct_uds_server *server, ct_ns now)
{
    const ct_ns transport = ct_isotp_tick(&server->tp, now);
    handle_events(server, &server->tp, now);
    if (server->session == CT_UDS_SESSION_DEFAULT) {
        return transport;
    }
    if (now >= server->session_ends) {
        server->session = CT_UDS_SESSION_DEFAULT;
        return transport;
    }
    return ct_ns_min(transport, server->session_ends);
}

void ct_uds_server_stats_get(const struct ct_uds_server *server, struct ct_uds_server_stats *out_stats)
{
    *out_stats = server->stats;
}

enum ct_uds_session ct_uds_server_session(const struct ct_uds_server *server)
{
    return server->session;
}
