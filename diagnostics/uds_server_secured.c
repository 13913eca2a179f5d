#include "uds_server_internal.h"

#include <string.h>

/* A counter is good once; work that is polled again brings its own. */
static bool counter_is_new(const struct ct_uds_server *server, uint16_t counter)
{
    return counter > server->secured.counter || (server->pending.active && counter == server->secured.counter);
}

static bool suppressed(const struct ct_uds_server *server, const struct ct_uds_secured *in)
{
    const bool told = server->pending.active && server->pending.told;
    return !told && in->len >= 2 && ct_uds_has_subfunction(in->message[0]) && (in->message[1] & CT_UDS_SUPPRESS) != 0;
}

static uint8_t run_inner(struct ct_uds_server *server, const struct ct_uds_secured *in, ct_ns now,
                         struct ct_server_answer *inner)
{
    const struct ct_server_request request = {in->message, in->len, now};
    if (in->message[0] == CT_UDS_SECURED_DATA) {
        return CT_NRC_SECURED_NOT_ALLOWED;
    }
    inner->data[0] = (uint8_t)(in->message[0] + CT_UDS_POSITIVE_OFFSET);
    server->secured.inside = true;
    const uint8_t nrc = ct_server_check_and_run(server, &request, inner);
    server->secured.inside = false;
    return nrc;
}

static uint8_t wrap(struct ct_uds_server *server, const struct ct_uds_secured *in, const struct ct_server_answer *inner,
                    struct ct_server_answer *answer)
{
    const uint8_t too_long[] = {CT_UDS_NEGATIVE_RESPONSE, in->message[0], CT_NRC_RESPONSE_TOO_LONG};
    const uint16_t flags = ct_uds_secured_response_flags(in->flags);
    struct ct_uds_bytes message = {inner->data, inner->len};
    int err = ct_uds_secured_encode(server->config.security, flags, in->counter, message, answer->data,
                                    CT_UDS_SERVER_RESPONSE_MAX, &answer->len);
    if (err == CT_ERR_TOO_LARGE) {
        message = (struct ct_uds_bytes){too_long, sizeof too_long};
        err = ct_uds_secured_encode(server->config.security, flags, in->counter, message, answer->data,
                                    CT_UDS_SERVER_RESPONSE_MAX, &answer->len);
    }
    return err == CT_OK ? 0 : CT_NRC_SECURED_FAILED;
}

uint8_t ct_server_secured(struct ct_uds_server *server, const struct ct_server_request *request,
                          struct ct_server_answer *answer)
{
    struct ct_uds_secured in;
    uint8_t bytes[CT_UDS_SERVER_RESPONSE_MAX];
    struct ct_server_answer inner = {bytes, 1};
    const int err = ct_uds_secured_decode(server->config.security, true, request->data, request->len, &in);
    if (err != CT_OK) {
        return err == CT_ERR_TRUNCATED ? CT_NRC_LENGTH : CT_NRC_SECURED_FAILED;
    }
    if (!counter_is_new(server, in.counter)) {
        return CT_NRC_SECURED_FAILED;
    }
    server->secured.counter = in.counter;
    const uint8_t nrc = run_inner(server, &in, request->now, &inner);
    if (nrc == CT_NRC_PENDING || nrc == CT_UDS_NO_ANSWER) {
        return nrc;
    }
    if (nrc == 0 && suppressed(server, &in)) {
        return CT_UDS_NO_ANSWER;
    }
    if (nrc != 0) {
        const uint8_t refusal[] = {CT_UDS_NEGATIVE_RESPONSE, in.message[0], nrc};
        memcpy(bytes, refusal, sizeof refusal);
        inner.len = sizeof refusal;
    }
    return wrap(server, &in, &inner, answer);
}

uint16_t ct_uds_server_secured_counter(const struct ct_uds_server *server)
{
    return server->secured.counter;
}

void ct_uds_server_secured_counter_set(struct ct_uds_server *server, uint16_t counter)
{
    server->secured.counter = counter;
}
