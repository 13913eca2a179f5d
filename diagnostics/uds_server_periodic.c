#include "uds_server_internal.h"

#include <string.h>

#define STOP_ALL_LEN 2U

static size_t frame_room(const struct ct_uds_server *server)
{
    return server->config.isotp.fd ? CT_FRAME_DATA_MAX : 8U;
}

void ct_server_periodic_forget(struct ct_uds_server *server, uint8_t id)
{
    for (size_t i = 0; i < CT_SERVER_PERIODIC_MAX; i++) {
        if (server->periodic[i].period != 0 && server->periodic[i].id == id) {
            server->periodic[i].period = 0;
        }
    }
}

static struct ct_server_periodic *place_for(struct ct_uds_server *server, uint8_t id)
{
    struct ct_server_periodic *spare = NULL;
    for (size_t i = 0; i < CT_SERVER_PERIODIC_MAX; i++) {
        if (server->periodic[i].period == 0) {
            spare = &server->periodic[i];
        } else if (server->periodic[i].id == id) {
            return &server->periodic[i];
        }
    }
    return spare;
}

/* A value must be readable now and fit behind its identifier into one frame: these messages know no segments. */
static uint8_t judge(struct ct_uds_server *server, uint8_t id)
{
    uint8_t value[CT_UDS_SERVER_RESPONSE_MAX];
    size_t len = 0;
    const uint8_t nrc = ct_server_read_did(server, (uint16_t)(CT_UDS_DID_PERIODIC | id), value, sizeof value, &len);
    if (nrc != 0) {
        return nrc;
    }
    return len + 1 <= frame_room(server) ? 0 : CT_NRC_RESPONSE_TOO_LONG;
}

static uint8_t stop(struct ct_uds_server *server, const struct ct_server_request *request)
{
    if (request->len == STOP_ALL_LEN) {
        memset(server->periodic, 0, sizeof server->periodic);
    }
    for (size_t i = 2; i < request->len; i++) {
        ct_server_periodic_forget(server, request->data[i]);
    }
    return 0;
}

static uint8_t start(struct ct_uds_server *server, const struct ct_server_request *request)
{
    for (size_t i = 2; i < request->len; i++) {
        const uint8_t nrc = judge(server, request->data[i]);
        if (nrc != 0) {
            return nrc;
        }
    }
    struct ct_server_periodic before[CT_SERVER_PERIODIC_MAX];
    memcpy(before, server->periodic, sizeof before);
    for (size_t i = 2; i < request->len; i++) {
        struct ct_server_periodic *place = place_for(server, request->data[i]);
        if (place == NULL) { /* all or none */
            memcpy(server->periodic, before, sizeof before);
            return CT_NRC_OUT_OF_RANGE;
        }
        place->id = request->data[i];
        place->period = ct_ns_from_ms(server->config.periodic_ms[request->data[1] - 1]);
        place->due = request->now;
    }
    return 0;
}

uint8_t ct_server_read_periodic(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    const uint8_t mode = request->data[1];
    (void)answer;
    if (mode == CT_UDS_PERIODIC_STOP) {
        return stop(server, request);
    }
    if (request->len == STOP_ALL_LEN) {
        return CT_NRC_LENGTH;
    }
    return mode >= CT_UDS_PERIODIC_SLOW && mode <= CT_UDS_PERIODIC_FAST ? start(server, request) : CT_NRC_OUT_OF_RANGE;
}

static struct ct_server_periodic *earliest(struct ct_uds_server *server)
{
    struct ct_server_periodic *first = NULL;
    for (size_t i = 0; i < CT_SERVER_PERIODIC_MAX; i++) {
        struct ct_server_periodic *one = &server->periodic[i];
        if (one->period != 0 && (first == NULL || one->due < first->due)) {
            first = one;
        }
    }
    return first;
}

static void build(const struct ct_uds_server *server, struct ct_frame *frame, size_t len)
{
    const struct ct_isotp_config *tp = &server->config.isotp;
    const bool fd = tp->fd;
    frame->id = server->config.periodic_id;
    frame->flags =
        (uint16_t)((tp->extended ? CT_FRAME_EXT : 0) | (fd ? CT_FRAME_FD : 0) | (fd && tp->brs ? CT_FRAME_BRS : 0));
    frame->len = (uint8_t)len;
    if (fd) {
        frame->len = ct_frame_fd_length(len);
    } else if (tp->padding) {
        frame->len = 8;
    }
    memset(frame->data + len, tp->pad_byte, frame->len - len);
}

bool ct_server_periodic_frame(struct ct_uds_server *server, struct ct_frame *out_frame, ct_ns now)
{
    struct ct_server_periodic *one = earliest(server);
    uint8_t value[CT_FRAME_DATA_MAX];
    size_t len = 0;
    if (one == NULL || one->due > now) {
        return false;
    }
    /* No burst to catch up after a stall. */
    one->due = one->due + one->period > now ? one->due + one->period : ct_ns_add(now, one->period);
    const uint16_t id = (uint16_t)(CT_UDS_DID_PERIODIC | one->id);
    if (ct_server_read_did(server, id, value, frame_room(server) - 1, &len) != 0 || len + 1 > frame_room(server)) {
        return false; /* not readable for the moment */
    }
    *out_frame = (struct ct_frame){.t_ns = now};
    out_frame->data[0] = one->id;
    memcpy(out_frame->data + 1, value, len);
    build(server, out_frame, len + 1);
    server->stats.periodic++;
    return true;
}

ct_ns ct_server_periodic_due(const struct ct_uds_server *server)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; i < CT_SERVER_PERIODIC_MAX; i++) {
        if (server->periodic[i].period != 0) {
            due = ct_ns_min(due, server->periodic[i].due);
        }
    }
    return due;
}
