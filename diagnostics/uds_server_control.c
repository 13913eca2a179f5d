#include "uds_server_internal.h"

#include "bytes.h"

/* --- InputOutputControlByIdentifier --- */

static const struct ct_uds_io_entry *find_io(const struct ct_uds_server *server, uint16_t id, size_t *out_row)
{
    for (size_t i = 0; i < server->config.io_count; i++) {
        if (server->config.ios[i].id == id && ct_server_in_session(server, server->config.ios[i].access.sessions)) {
            *out_row = i;
            return &server->config.ios[i];
        }
    }
    return NULL;
}

/* The mask may be left out where nothing is adjusted. */
static bool io_length_fits(const struct ct_uds_io_entry *io, uint8_t control, size_t rest)
{
    if (control == CT_UDS_IO_ADJUST) {
        return rest == (size_t)io->state_len + io->mask_len;
    }
    return rest == 0 || rest == io->mask_len;
}

uint8_t ct_server_io_control(struct ct_uds_server *server, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    size_t row = 0;
    const uint16_t id = ct_be16(request->data + 1);
    const uint8_t control = request->data[3];
    const struct ct_uds_io_entry *io = find_io(server, id, &row);
    if (io == NULL || control > CT_UDS_IO_ADJUST || (io->controls & (1U << control)) == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (!io_length_fits(io, control, request->len - 4)) {
        return CT_NRC_LENGTH;
    }
    uint8_t nrc = ct_server_secure(server, &io->access);
    if (nrc != 0) {
        return nrc;
    }
    const bool adjust = control == CT_UDS_IO_ADJUST;
    const uint8_t *state = request->data + 4;
    const uint8_t *mask = adjust && io->mask_len > 0 ? state + io->state_len : NULL;
    nrc = io->control(server->config.user, id, (enum ct_uds_io)control, adjust ? state : NULL, mask);
    if (nrc != 0) {
        return nrc;
    }
    const uint32_t bit = 1U << row;
    server->io_held = control == CT_UDS_IO_RETURN ? server->io_held & ~bit : server->io_held | bit;
    (void)ct_server_put(answer, request->data + 1, 3);
    io->state(server->config.user, id, answer->data + answer->len);
    answer->len += io->state_len;
    return 0;
}

void ct_server_io_return(struct ct_uds_server *server)
{
    for (size_t i = 0; i < server->config.io_count; i++) {
        if ((server->io_held & (1U << i)) != 0) {
            const struct ct_uds_io_entry *io = &server->config.ios[i];
            (void)io->control(server->config.user, io->id, CT_UDS_IO_RETURN, NULL, NULL);
        }
    }
    server->io_held = 0;
}

/* --- RoutineControl --- */

static const struct ct_uds_routine_entry *find_routine(const struct ct_uds_server *server, uint16_t id, size_t *out_row)
{
    for (size_t i = 0; i < server->config.routine_count; i++) {
        const struct ct_uds_routine_entry *routine = &server->config.routines[i];
        if (routine->id == id && ct_server_in_session(server, routine->access.sessions)) {
            *out_row = i;
            return routine;
        }
    }
    return NULL;
}

/* Which kinds there are and whether the sequence fits is known only once the routine is. */
static uint8_t judge_routine(const struct ct_uds_server *server, const struct ct_uds_routine_entry *routine, size_t row,
                             const struct ct_server_request *request)
{
    const uint8_t kind = request->data[1] & CT_UDS_SUBFUNCTION;
    const size_t option_len = request->len - 4;
    if ((routine->kinds & (1U << kind)) == 0) {
        return CT_NRC_SUBFUNCTION;
    }
    const uint8_t nrc = ct_server_secure(server, &routine->access);
    if (nrc != 0) {
        return nrc;
    }
    if (kind == CT_UDS_ROUTINE_START) {
        return option_len < routine->option_min || option_len > routine->option_max ? CT_NRC_LENGTH : 0;
    }
    if ((server->routines_started & (1U << row)) == 0) {
        return CT_NRC_SEQUENCE;
    }
    return option_len != 0 ? CT_NRC_LENGTH : 0;
}

static uint8_t routine_control(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    size_t row = 0;
    const uint16_t id = ct_be16(request->data + 2);
    const struct ct_uds_routine_entry *routine = find_routine(server, id, &row);
    if (routine == NULL) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = judge_routine(server, routine, row, request);
    if (nrc != 0) {
        return nrc;
    }
    (void)ct_server_put16(answer, id);
    struct ct_uds_routine_call call = {.kind = (enum ct_uds_routine)(request->data[1] & CT_UDS_SUBFUNCTION),
                                       .id = id,
                                       .option = request->data + 4,
                                       .option_len = request->len - 4,
                                       .out = answer->data + answer->len,
                                       .size = CT_UDS_SERVER_RESPONSE_MAX - answer->len};
    nrc = routine->run(server->config.user, &call);
    if (nrc == 0) {
        answer->len += call.out_len;
        if (call.kind == CT_UDS_ROUTINE_START) {
            server->routines_started |= 1U << row;
        }
    }
    return nrc;
}

const struct ct_server_sub *ct_server_routine_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub sub = {0, 4, 0, 0, NULL, routine_control};
    (void)server;
    return value >= CT_UDS_ROUTINE_START && value <= CT_UDS_ROUTINE_RESULTS ? &sub : NULL;
}
