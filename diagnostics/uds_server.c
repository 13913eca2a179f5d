#include "uds_server.h"

#include "bytes.h"
#include "uds_server_internal.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_P2_MS          50U
#define DEFAULT_P2_STAR_10MS   500U
#define DEFAULT_S3_MS          5000U
#define DEFAULT_PENDING_MAX_MS 60000U
#define DEFAULT_BLOCK_MAX      4095U
#define BLOCK_MIN              8U
#define POLL_EVERY             (10 * CT_NS_PER_MS)

/* --- one request --- */

static bool positive_suppressed(const struct ct_server_request *request)
{
    return request->len >= 2 && ct_uds_has_subfunction(request->data[0]) && (request->data[1] & CT_UDS_SUPPRESS) != 0;
}

static void restart_s3(struct ct_uds_server *server, ct_ns now)
{
    server->session_ends = ct_ns_add(now, server->s3);
}

static size_t negative(uint8_t *out, uint8_t service, uint8_t nrc)
{
    out[0] = CT_UDS_NEGATIVE_RESPONSE;
    out[1] = service;
    out[2] = nrc;
    return 3;
}

/* Once 78 has gone out the final response must follow, whatever would have been kept silent. */
static bool is_silent(const struct ct_server_request *request, uint8_t nrc, bool functional, bool told)
{
    if (nrc == CT_UDS_NO_ANSWER) {
        return true;
    }
    if (told) {
        return false;
    }
    return nrc != 0 ? functional && ct_uds_nrc_kept_from_functional(nrc) : positive_suppressed(request);
}

static size_t finish(struct ct_uds_server *server, const struct ct_server_request *request,
                     const struct ct_server_answer *answer, uint8_t nrc, bool functional)
{
    const bool told = server->pending.active && server->pending.told;
    server->pending.active = false;
    restart_s3(server, request->now);
    if (is_silent(request, nrc, functional, told)) {
        server->stats.silent++;
        return 0;
    }
    if (nrc == 0) {
        return answer->len;
    }
    server->stats.negatives++;
    return negative(answer->data, request->data[0], nrc);
}

/* The first 78 leaves in time for P2, the others for P2*. */
static void keep_pending(struct ct_uds_server *server, const struct ct_server_request *request, bool functional)
{
    memcpy(server->pending_request, request->data, request->len);
    server->pending.active = true;
    server->pending.told = false;
    server->pending.functional = functional;
    server->pending.len = request->len;
    server->pending.poll_at = ct_ns_add(request->now, POLL_EVERY);
    server->pending.tell_at = ct_ns_add(request->now, ct_ns_from_ms(server->config.p2_ms) / 2);
    server->pending.gives_up = ct_ns_add(request->now, ct_ns_from_ms(server->config.pending_max_ms));
    server->session_ends = CT_NS_NEVER;
}

static size_t answer_while_busy(struct ct_uds_server *server, const struct ct_server_request *request, uint8_t *out)
{
    if (request->len == 2 && request->data[0] == CT_UDS_TESTER_PRESENT && request->data[1] == CT_UDS_SUPPRESS) {
        server->stats.silent++;
        return 0;
    }
    server->stats.negatives++;
    return negative(out, request->data[0], CT_NRC_BUSY);
}

size_t ct_uds_server_answer(struct ct_uds_server *server, const uint8_t *request, size_t len, bool functional,
                            ct_ns now, uint8_t *out)
{
    if (len == 0 || len > CT_UDS_SERVER_RESPONSE_MAX) {
        return 0;
    }
    const struct ct_server_request in = {request, len, now};
    struct ct_server_answer answer = {out, 1};
    server->stats.requests++;
    if (server->pending.active) {
        return answer_while_busy(server, &in, out);
    }
    out[0] = (uint8_t)(request[0] + CT_UDS_POSITIVE_OFFSET);
    const uint8_t nrc = ct_server_check_and_run(server, &in, &answer);
    if (nrc == CT_NRC_PENDING) {
        keep_pending(server, &in, functional);
        return 0;
    }
    return finish(server, &in, &answer, nrc, functional);
}

static size_t poll_pending(struct ct_uds_server *server, ct_ns now, uint8_t *out)
{
    const struct ct_server_request in = {server->pending_request, server->pending.len, now};
    struct ct_server_answer answer = {out, 1};
    if (now >= server->pending.poll_at) {
        server->pending.poll_at = ct_ns_add(now, POLL_EVERY);
        out[0] = (uint8_t)(in.data[0] + CT_UDS_POSITIVE_OFFSET);
        uint8_t nrc = ct_server_check_and_run(server, &in, &answer);
        nrc = nrc == CT_NRC_PENDING && now >= server->pending.gives_up ? CT_NRC_GENERAL_REJECT : nrc;
        if (nrc != CT_NRC_PENDING) {
            return finish(server, &in, &answer, nrc, server->pending.functional);
        }
    }
    if (now < server->pending.tell_at) {
        return 0;
    }
    server->pending.told = true;
    server->pending.tell_at = ct_ns_add(now, ct_ns_from_ms((int64_t)server->config.p2_star_10ms * 10) / 2);
    server->stats.pending++;
    return negative(out, in.data[0], CT_NRC_PENDING);
}

size_t ct_uds_server_poll(struct ct_uds_server *server, ct_ns now, uint8_t *out)
{
    if (server->pending.active) {
        return poll_pending(server, now, out);
    }
    ct_server_events_watch(server, now);
    return ct_server_event_answer(server, now, out);
}

/* --- create --- */

static bool tables_fit(const struct ct_uds_server_config *config)
{
    for (size_t i = 0; i < config->level_count; i++) {
        const struct ct_uds_level *level = &config->levels[i];
        if (level->level % 2 == 0 || level->level >= CT_UDS_SUBFUNCTION || level->seed_len == 0 ||
            level->seed_len > CT_UDS_SEED_MAX || level->key_len > CT_UDS_KEY_MAX || level->key_fits == NULL) {
            return false;
        }
    }
    return config->level_count <= CT_UDS_SERVER_LEVEL_MAX && config->io_count <= CT_UDS_SERVER_IO_MAX &&
           config->routine_count <= CT_UDS_SERVER_ROUTINE_MAX &&
           (config->random != NULL || (config->level_count == 0 && config->authenticator == NULL)) &&
           (config->block_max == 0 ||
            (config->block_max >= BLOCK_MIN && config->block_max <= CT_UDS_SERVER_RESPONSE_MAX));
}

static void init_defaults(struct ct_uds_server_config *config)
{
    static const uint16_t periodic_ms[3] = {1000, 300, 100};
    if (config->sessions == 0) {
        config->sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_DEFAULT) | CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED);
    }
    config->p2_ms = config->p2_ms != 0 ? config->p2_ms : DEFAULT_P2_MS;
    config->p2_star_10ms = config->p2_star_10ms != 0 ? config->p2_star_10ms : DEFAULT_P2_STAR_10MS;
    config->s3_ms = config->s3_ms != 0 ? config->s3_ms : DEFAULT_S3_MS;
    config->pending_max_ms = config->pending_max_ms != 0 ? config->pending_max_ms : DEFAULT_PENDING_MAX_MS;
    config->block_max = config->block_max != 0 ? config->block_max : DEFAULT_BLOCK_MAX;
    for (size_t i = 0; i < 3; i++) {
        config->periodic_ms[i] = config->periodic_ms[i] != 0 ? config->periodic_ms[i] : periodic_ms[i];
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
    if (!tables_fit(config)) {
        return CT_ERR_ARGUMENT;
    }
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

/* --- transport --- */

static void flush(struct ct_uds_server *server, ct_ns now)
{
    if (server->waiting == 0) {
        return;
    }
    const int err = ct_isotp_send(&server->tp, server->response, server->waiting, now);
    if (err != CT_ERR_BUSY) {
        server->stats.dropped += err != CT_OK;
        server->waiting = 0;
    }
}

/* Nothing is being worked on or answered: S3 must not stand still. */
static void restart_idle_s3(struct ct_uds_server *server, ct_ns now)
{
    if (!server->pending.active && !server->answering) {
        restart_s3(server, now);
    }
}

static void answer_message(struct ct_uds_server *server, const struct ct_isotp_event *event, bool functional, ct_ns now)
{
    if (server->waiting > 0) { /* the answer before has not left: ISO 14229-2 allows one request at a time */
        server->stats.dropped++;
        restart_idle_s3(server, now);
        return;
    }
    server->waiting = ct_uds_server_answer(server, event->data, event->len, functional, now, server->response);
    if (server->waiting > 0) {
        server->after.due = CT_NS_NEVER;
        if (!server->pending.active) {
            server->answering = true;
            server->session_ends = CT_NS_NEVER;
        }
    }
    flush(server, now);
}

static void response_left(struct ct_uds_server *server, ct_ns now)
{
    if (server->answering && server->waiting == 0) {
        server->answering = false;
        if (!server->pending.active) {
            restart_s3(server, now);
        }
        if (server->after.kind != CT_AFTER_NOTHING) {
            ct_server_do_after(server, now);
        }
    }
}

static void handle_event(struct ct_uds_server *server, const struct ct_isotp_event *event, bool functional, ct_ns now)
{
    switch (event->kind) {
    case CT_ISOTP_FIRST_FRAME:
        server->receiving = true;
        server->session_ends = CT_NS_NEVER;
        break;
    case CT_ISOTP_MESSAGE:
        server->receiving = server->receiving && functional;
        answer_message(server, event, functional, now);
        break;
    case CT_ISOTP_SENT:
        response_left(server, now);
        break;
    case CT_ISOTP_RX_FAILED:
        server->receiving = false;
        server->stats.failed++;
        restart_idle_s3(server, now);
        break;
    case CT_ISOTP_TX_FAILED:
        server->stats.failed++;
        response_left(server, now);
        break;
    }
}

static void handle_events(struct ct_uds_server *server, struct ct_isotp *tp, ct_ns now)
{
    struct ct_isotp_event event;
    while (ct_isotp_next_event(tp, &event) == CT_OK) {
        handle_event(server, &event, tp == &server->functional, now);
    }
}

bool ct_uds_server_receive(struct ct_uds_server *server, const struct ct_frame *frame, ct_ns now)
{
    if (now < server->deaf_until) {
        return false;
    }
    server->transported = true;
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
    int err = ct_isotp_next_frame(&server->tp, out_frame, now);
    handle_events(server, &server->tp, now);
    if (err == CT_ERR_AGAIN && server->waiting > 0) {
        flush(server, now);
        err = ct_isotp_next_frame(&server->tp, out_frame, now);
        handle_events(server, &server->tp, now);
    }
    if (err == CT_ERR_AGAIN && ct_server_periodic_frame(server, out_frame, now)) {
        err = CT_OK;
    }
    return err;
}

/* What the server itself waits for. */
static ct_ns own_deadline(const struct ct_uds_server *server)
{
    ct_ns next = ct_ns_min(ct_server_periodic_due(server), ct_server_event_due(server));
    if (server->pending.active) {
        next = ct_ns_min(next, ct_ns_min(server->pending.poll_at, server->pending.tell_at));
    }
    if (server->after.kind != CT_AFTER_NOTHING) {
        next = ct_ns_min(next, server->after.due);
    }
    return server->session != CT_UDS_SESSION_DEFAULT ? ct_ns_min(next, server->session_ends) : next;
}

ct_ns ct_uds_server_tick(struct ct_uds_server *server, ct_ns now)
{
    (void)ct_isotp_tick(&server->tp, now);
    handle_events(server, &server->tp, now);
    if (server->after.kind != CT_AFTER_NOTHING && now >= server->after.due) {
        ct_server_do_after(server, now);
    }
    if (server->session != CT_UDS_SESSION_DEFAULT && now >= server->session_ends) {
        ct_server_enter(server, CT_UDS_SESSION_DEFAULT, now);
    }
    if (server->waiting == 0 && server->transported && (server->pending.active || !server->receiving)) {
        const bool was_pending = server->pending.active;
        server->waiting = ct_uds_server_poll(server, now, server->response);
        if (server->waiting > 0 && was_pending && !server->pending.active) {
            server->answering = true;
            server->after.due = CT_NS_NEVER;
            server->session_ends = CT_NS_NEVER;
        }
    }
    flush(server, now);
    return ct_ns_min(ct_isotp_tick(&server->tp, now), own_deadline(server));
}

void ct_uds_server_return_to_default(struct ct_uds_server *server, ct_ns now)
{
    ct_server_enter(server, CT_UDS_SESSION_DEFAULT, now);
}

/* --- telling --- */

void ct_uds_server_stats_get(const struct ct_uds_server *server, struct ct_uds_server_stats *out_stats)
{
    *out_stats = server->stats;
}

enum ct_uds_session ct_uds_server_session(const struct ct_uds_server *server)
{
    return server->session;
}

bool ct_uds_server_busy(const struct ct_uds_server *server)
{
    return server->pending.active;
}
