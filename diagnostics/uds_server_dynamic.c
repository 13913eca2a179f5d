#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define FIRST_ID 0xF200U /* F200 to F2FF can be sent by 2A too */
#define LAST_ID  0xF3FFU
#define SCRATCH  256U /* longest source value */

const struct ct_server_dynamic *ct_server_dynamic_find(const struct ct_uds_server *server, uint16_t id)
{
    for (size_t i = 0; i < CT_SERVER_DYNAMIC_MAX; i++) {
        if (server->dynamic[i].id != 0 && server->dynamic[i].id == id) {
            return &server->dynamic[i];
        }
    }
    return NULL;
}

static uint8_t read_piece(struct ct_uds_server *server, const struct ct_server_piece *piece, uint8_t *out)
{
    uint8_t value[SCRATCH];
    size_t len = 0;
    if (piece->by_address) {
        const struct ct_uds_memory *memory = ct_server_memory(server, piece->address, piece->len);
        if (memory == NULL || memory->read == NULL || !ct_server_in_session(server, memory->read_access.sessions)) {
            return CT_NRC_OUT_OF_RANGE;
        }
        const uint8_t nrc = ct_server_secure(server, &memory->read_access);
        return nrc != 0 ? nrc : memory->read(server->config.user, piece->address, out, piece->len);
    }
    const uint8_t nrc = ct_server_read_did(server, piece->id, value, sizeof value, &len);
    if (nrc != 0) {
        return nrc;
    }
    if ((size_t)piece->at + piece->len > len) {
        return CT_NRC_OUT_OF_RANGE;
    }
    memcpy(out, value + piece->at, piece->len);
    return 0;
}

uint8_t ct_server_dynamic_read(struct ct_uds_server *server, const struct ct_server_dynamic *dynamic, uint8_t *out,
                               size_t size, size_t *out_len)
{
    size_t len = 0;
    for (size_t i = 0; i < dynamic->count; i++) {
        const struct ct_server_piece *piece = &dynamic->pieces[i];
        if (piece->len > size - len) {
            return CT_NRC_RESPONSE_TOO_LONG;
        }
        const uint8_t nrc = read_piece(server, piece, out + len);
        if (nrc != 0) {
            return nrc;
        }
        len += piece->len;
    }
    *out_len = len;
    return 0;
}

/* --- defining --- */

static bool may_be_defined(const struct ct_uds_server *server, uint16_t id)
{
    return id >= FIRST_ID && id <= LAST_ID && ct_server_did(server, id) == NULL;
}

/* The existing definition is added to, as the standard has it; a new one takes a free place. */
static struct ct_server_dynamic *place_for(struct ct_uds_server *server, uint16_t id)
{
    struct ct_server_dynamic *spare = NULL;
    for (size_t i = 0; i < CT_SERVER_DYNAMIC_MAX; i++) {
        if (server->dynamic[i].id == id) {
            return &server->dynamic[i];
        }
        if (server->dynamic[i].id == 0) {
            spare = &server->dynamic[i];
        }
    }
    return spare;
}

/* A source is read once before it is accepted, so that range, access and length are known to fit. A dynamic one as a
 * source would allow loops. */
static uint8_t add_pieces(struct ct_uds_server *server, uint16_t id, const struct ct_server_piece *pieces, size_t count)
{
    uint8_t scratch[SCRATCH];
    struct ct_server_dynamic *place = place_for(server, id);
    if (place == NULL || place->count + count > CT_SERVER_PIECE_MAX) {
        return CT_NRC_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < count; i++) {
        if (!pieces[i].by_address && ct_server_dynamic_find(server, pieces[i].id) != NULL) {
            return CT_NRC_OUT_OF_RANGE;
        }
        const uint8_t nrc = pieces[i].len == 0 ? CT_NRC_OUT_OF_RANGE : read_piece(server, &pieces[i], scratch);
        if (nrc != 0) {
            return nrc;
        }
    }
    memcpy(place->pieces + place->count, pieces, count * sizeof *pieces);
    place->count += count;
    place->id = id;
    return 0;
}

static uint8_t define_by_id(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    struct ct_server_piece pieces[CT_SERVER_PIECE_MAX] = {0};
    const uint16_t id = ct_be16(request->data + 2);
    const size_t count = (request->len - 4) / 4;
    if (request->len % 4 != 0) {
        return CT_NRC_LENGTH;
    }
    if (!may_be_defined(server, id) || count > CT_SERVER_PIECE_MAX) {
        return CT_NRC_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < count; i++) {
        const uint8_t *at = request->data + 4 + 4 * i;
        if (at[2] == 0) { /* positions count from 1 */
            return CT_NRC_OUT_OF_RANGE;
        }
        pieces[i] = (struct ct_server_piece){.id = ct_be16(at), .at = (uint8_t)(at[2] - 1), .len = at[3]};
    }
    const uint8_t nrc = add_pieces(server, id, pieces, count);
    return nrc != 0 ? nrc : ct_server_put16(answer, id);
}

static uint8_t define_by_address(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer)
{
    struct ct_server_piece pieces[CT_SERVER_PIECE_MAX] = {0};
    const uint16_t id = ct_be16(request->data + 2);
    const size_t one = ct_server_range_size(request->data[4]);
    if (one == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const size_t count = (request->len - 5) / one;
    if (count == 0 || (request->len - 5) % one != 0) {
        return CT_NRC_LENGTH;
    }
    if (!may_be_defined(server, id) || count > CT_SERVER_PIECE_MAX) {
        return CT_NRC_OUT_OF_RANGE;
    }
    for (size_t i = 0; i < count; i++) {
        uint8_t range[1 + 8] = {request->data[4]};
        uint32_t len = 0;
        memcpy(range + 1, request->data + 5 + i * one, one);
        if (ct_server_parse_range(range, 1 + one, &pieces[i].address, &len) == 0 || len > UINT8_MAX) {
            return CT_NRC_OUT_OF_RANGE;
        }
        pieces[i].by_address = true;
        pieces[i].len = (uint8_t)len;
    }
    const uint8_t nrc = add_pieces(server, id, pieces, count);
    return nrc != 0 ? nrc : ct_server_put16(answer, id);
}

static void stop_sending(struct ct_uds_server *server, uint16_t id)
{
    if ((id & 0xFF00U) == CT_UDS_DID_PERIODIC) {
        ct_server_periodic_forget(server, (uint8_t)id);
    }
}

static uint8_t clear_definition(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    if (request->len == 2) {
        for (size_t i = 0; i < CT_SERVER_DYNAMIC_MAX; i++) {
            stop_sending(server, server->dynamic[i].id);
        }
        memset(server->dynamic, 0, sizeof server->dynamic);
        return 0;
    }
    if (request->len != 4) {
        return CT_NRC_LENGTH;
    }
    const uint16_t id = ct_be16(request->data + 2);
    if (!may_be_defined(server, id)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (ct_server_dynamic_find(server, id) != NULL) {
        *place_for(server, id) = (struct ct_server_dynamic){0};
        stop_sending(server, id);
    }
    return ct_server_put16(answer, id);
}

const struct ct_server_sub *ct_server_define_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_DEFINE_BY_ID, 8, 0, 0, NULL, define_by_id},
        {CT_UDS_DEFINE_BY_ADDRESS, 7, 0, 0, NULL, define_by_address},
        {CT_UDS_DEFINE_CLEAR, 2, 0, 0, NULL, clear_definition},
    };
    (void)server;
    return ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}
