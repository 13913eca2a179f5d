#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define DIDS_PER_REQUEST_MAX 32U

const struct ct_uds_did *ct_server_did(const struct ct_uds_server *server, uint16_t id)
{
    for (size_t i = 0; i < server->config.did_count; i++) {
        const struct ct_uds_did *did = &server->config.dids[i];
        const uint16_t last = did->last != 0 ? did->last : did->id;
        if (id >= did->id && id <= last && ct_server_in_session(server, did->sessions)) {
            return did;
        }
    }
    return NULL;
}

/* ActiveDiagnosticSession is known to the server alone. */
static bool is_session_did(const struct ct_uds_server *server, uint16_t id)
{
    return id == CT_UDS_DID_SESSION && ct_server_did(server, id) == NULL;
}

static const struct ct_uds_did *readable(const struct ct_uds_server *server, uint16_t id)
{
    const struct ct_uds_did *did = ct_server_did(server, id);
    return did != NULL && did->read != NULL && ct_server_in_session(server, did->read_access.sessions) ? did : NULL;
}

uint8_t ct_server_read_did(struct ct_uds_server *server, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_server_dynamic *dynamic = ct_server_dynamic_find(server, id);
    if (dynamic != NULL) {
        return ct_server_dynamic_read(server, dynamic, out, size, out_len);
    }
    if (is_session_did(server, id)) {
        out[0] = (uint8_t)server->session;
        *out_len = 1;
        return size > 0 ? 0 : CT_NRC_RESPONSE_TOO_LONG;
    }
    const struct ct_uds_did *did = readable(server, id);
    if (did == NULL) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = ct_server_secure(server, &did->read_access);
    return nrc != 0 ? nrc : did->read(server->config.user, id, out, size, out_len);
}

static uint8_t append_did(struct ct_uds_server *server, uint16_t id, struct ct_server_answer *answer)
{
    const size_t room = CT_UDS_SERVER_RESPONSE_MAX - answer->len;
    size_t len = 0;
    if (room < 3) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    ct_put_be16(answer->data + answer->len, id);
    const uint8_t nrc = ct_server_read_did(server, id, answer->data + answer->len + 2, room - 2, &len);
    if (nrc == 0) {
        answer->len += 2 + len;
    }
    return nrc;
}

static bool is_known(const struct ct_uds_server *server, uint16_t id)
{
    return ct_server_dynamic_find(server, id) != NULL || is_session_did(server, id) || readable(server, id) != NULL;
}

/* All are judged before the first is read: 31 when none is known, 33 or 34 when one of them is not for this tester. */
static uint8_t judge_dids(const struct ct_uds_server *server, const uint8_t *ids, size_t count)
{
    bool any = false;
    uint8_t nrc = 0;
    for (size_t i = 0; i < count; i++) {
        const uint16_t id = ct_be16(ids + 2 * i);
        const struct ct_uds_did *did = readable(server, id);
        any = any || is_known(server, id);
        if (nrc == 0 && did != NULL) {
            nrc = ct_server_secure(server, &did->read_access);
        }
    }
    return any ? nrc : CT_NRC_OUT_OF_RANGE;
}

uint8_t ct_server_read_data(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const size_t count = (request->len - 1) / 2;
    const uint8_t *ids = request->data + 1;
    if (request->len % 2 == 0 || count > DIDS_PER_REQUEST_MAX) {
        return CT_NRC_LENGTH;
    }
    uint8_t nrc = judge_dids(server, ids, count);
    for (size_t i = 0; i < count && nrc == 0; i++) {
        const uint16_t id = ct_be16(ids + 2 * i);
        nrc = is_known(server, id) ? append_did(server, id, answer) : 0;
    }
    return nrc == 0 && answer->len == 1 ? CT_NRC_OUT_OF_RANGE : nrc;
}

uint8_t ct_server_read_scaling(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    if (request->len != 3) {
        return CT_NRC_LENGTH;
    }
    const uint16_t id = ct_be16(request->data + 1);
    const struct ct_uds_did *did = readable(server, id);
    if (did == NULL || did->scaling == NULL) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_secure(server, &did->read_access);
    nrc = nrc != 0 ? nrc : ct_server_put16(answer, id);
    return nrc != 0 ? nrc : ct_server_put(answer, did->scaling, did->scaling_len);
}

uint8_t ct_server_write_data(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    const uint16_t id = ct_be16(request->data + 1);
    const struct ct_uds_did *did = ct_server_did(server, id);
    if (did == NULL || did->write == NULL || !ct_server_in_session(server, did->write_access.sessions)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const size_t len = request->len - 3;
    if (len < did->write_min || len > did->write_max) {
        return CT_NRC_LENGTH;
    }
    uint8_t nrc = ct_server_secure(server, &did->write_access);
    nrc = nrc != 0 ? nrc : did->write(server->config.user, id, request->data + 3, len);
    return nrc != 0 ? nrc : ct_server_put16(answer, id);
}
