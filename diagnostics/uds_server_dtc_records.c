#include "uds_server_internal.h"

/* Extended data records: one byte each. */
enum { EXTENDED_OCCURRENCES = 1, EXTENDED_AGING = 2, EXTENDED_DETECTION = 3, EXTENDED_FAILED_CYCLES = 4 };
#define EXTENDED_FIRST EXTENDED_OCCURRENCES
#define EXTENDED_LAST  EXTENDED_FAILED_CYCLES

/* --- snapshots --- */

uint8_t ct_server_snapshot_ids(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    uint8_t nrc = 0;
    (void)request;
    for (size_t i = 0; i < ct_dtc_count(dtcs); i++) {
        for (unsigned record = 1; record <= CT_DTC_SNAPSHOTS && nrc == 0; record++) {
            if (ct_dtc_snapshot(dtcs, i, record) != NULL) {
                (void)ct_server_put24(answer, ct_dtc_definition(dtcs, i)->code);
                nrc = ct_server_put8(answer, (uint8_t)record);
            }
        }
    }
    return nrc;
}

/* Number of identifiers, then each with its value. */
static uint8_t put_values(const struct ct_dtc_memory *dtcs, const uint8_t *values, struct ct_server_answer *answer)
{
    size_t count = 0;
    const struct ct_dtc_snapshot_did *layout = ct_dtc_snapshot_layout(dtcs, &count);
    uint8_t nrc = ct_server_put8(answer, (uint8_t)count);
    for (size_t i = 0; i < count && nrc == 0; i++) {
        (void)ct_server_put16(answer, layout[i].id);
        nrc = ct_server_put(answer, values, layout[i].len);
        values += layout[i].len;
    }
    return nrc;
}

static uint8_t put_snapshot(const struct ct_dtc_memory *dtcs, size_t index, unsigned record,
                            struct ct_server_answer *answer)
{
    const uint8_t *values = ct_dtc_snapshot(dtcs, index, record);
    if (values == NULL) {
        return 0;
    }
    (void)ct_server_put8(answer, (uint8_t)record);
    return put_values(dtcs, values, answer);
}

static uint8_t put_snapshots(const struct ct_dtc_memory *dtcs, const struct ct_server_request *request,
                             struct ct_server_answer *answer)
{
    const uint8_t record = request->data[5];
    size_t index = 0;
    if (!ct_dtc_find(dtcs, ct_server_dtc_at(request->data + 2), &index) ||
        (record != CT_UDS_RECORD_ALL && (record == 0 || record > CT_DTC_SNAPSHOTS))) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_put_dtc(dtcs, index, answer);
    for (unsigned i = 1; i <= CT_DTC_SNAPSHOTS && nrc == 0; i++) {
        nrc = record == i || record == CT_UDS_RECORD_ALL ? put_snapshot(dtcs, index, i, answer) : 0;
    }
    return nrc;
}

uint8_t ct_server_snapshot_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer)
{
    return put_snapshots(server->config.dtcs, request, answer);
}

uint8_t ct_server_user_snapshot(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    if (request->data[6] != server->config.user_memory) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, request->data[6]);
    return put_snapshots(server->config.user_dtcs, request, answer);
}

/* Stored data records are numbered over all DTCs: of the n-th definition the latest snapshot has number n. */
static uint8_t put_stored(const struct ct_dtc_memory *dtcs, size_t index, struct ct_server_answer *answer)
{
    const uint8_t *latest = ct_dtc_snapshot(dtcs, index, CT_DTC_SNAPSHOT_LATEST);
    const uint8_t *values = latest != NULL ? latest : ct_dtc_snapshot(dtcs, index, CT_DTC_SNAPSHOT_FIRST);
    const uint8_t nrc = ct_server_put8(answer, (uint8_t)(index + 1));
    if (values == NULL || nrc != 0) {
        return nrc;
    }
    (void)ct_server_put_dtc(dtcs, index, answer);
    return put_values(dtcs, values, answer);
}

uint8_t ct_server_stored_data(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t record = request->data[2];
    if (record != CT_UDS_RECORD_ALL && (record == 0 || record > ct_dtc_count(dtcs))) {
        return CT_NRC_OUT_OF_RANGE;
    }
    if (record != CT_UDS_RECORD_ALL) {
        return put_stored(dtcs, record - 1U, answer);
    }
    uint8_t nrc = 0;
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        nrc = ct_dtc_state(dtcs, i)->snapshots != 0 ? put_stored(dtcs, i, answer) : 0;
    }
    return nrc;
}

/* --- extended data --- */

static uint8_t extended_value(const struct ct_dtc_state *state, unsigned record)
{
    switch (record) {
    case EXTENDED_OCCURRENCES:
        return state->occurrences;
    case EXTENDED_AGING:
        return state->aging;
    case EXTENDED_DETECTION:
        return (uint8_t)state->detection_max;
    default:
        return state->failed_cycles;
    }
}

static bool has_extended(const struct ct_dtc_state *state)
{
    return state->occurrences > 0;
}

static uint8_t put_extended(const struct ct_dtc_memory *dtcs, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const uint8_t record = request->data[5];
    size_t index = 0;
    if (!ct_dtc_find(dtcs, ct_server_dtc_at(request->data + 2), &index) ||
        (record != CT_UDS_RECORD_ALL && (record < EXTENDED_FIRST || record > EXTENDED_LAST))) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_put_dtc(dtcs, index, answer);
    const struct ct_dtc_state *state = ct_dtc_state(dtcs, index);
    for (unsigned i = EXTENDED_FIRST; i <= EXTENDED_LAST && nrc == 0 && has_extended(state); i++) {
        if (record == i || record == CT_UDS_RECORD_ALL) {
            (void)ct_server_put8(answer, (uint8_t)i);
            nrc = ct_server_put8(answer, extended_value(state, i));
        }
    }
    return nrc;
}

uint8_t ct_server_extended_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer)
{
    return put_extended(server->config.dtcs, request, answer);
}

uint8_t ct_server_user_extended(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    if (request->data[6] != server->config.user_memory) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, request->data[6]);
    return put_extended(server->config.user_dtcs, request, answer);
}

uint8_t ct_server_extended_by_record(struct ct_uds_server *server, const struct ct_server_request *request,
                                     struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t record = request->data[2];
    if (record < EXTENDED_FIRST || record > EXTENDED_LAST) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_put8(answer, record);
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        if (has_extended(ct_dtc_state(dtcs, i))) {
            (void)ct_server_put_dtc(dtcs, i, answer);
            nrc = ct_server_put8(answer, extended_value(ct_dtc_state(dtcs, i), record));
        }
    }
    return nrc;
}

uint8_t ct_server_supporting_extended(struct ct_uds_server *server, const struct ct_server_request *request,
                                      struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t record = request->data[2];
    if (record < EXTENDED_FIRST || record > EXTENDED_LAST) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    uint8_t nrc = ct_server_put8(answer, record);
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        nrc = ct_server_put_dtc(dtcs, i, answer);
    }
    return nrc;
}
