#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

/* Extended data records: one byte each. */
enum { EXTENDED_OCCURRENCES = 1, EXTENDED_AGING = 2, EXTENDED_DETECTION = 3, EXTENDED_FAILED_CYCLES = 4 };
#define EXTENDED_FIRST EXTENDED_OCCURRENCES
#define EXTENDED_LAST  EXTENDED_FAILED_CYCLES

#define GROUP_EMISSIONS 0x33U /* functionalGroupIdentifier of 42 and 55 */

struct filter {
    uint8_t status;   /* any of these bits; 0 with `all` */
    uint8_t severity; /* any of these bits; 0: not asked */
    bool all;         /* whatever its status */
    bool emissions;   /* only those */
    bool permanent;   /* only those */
};

static uint32_t code_at(const uint8_t *data)
{
    return (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
}

static bool passes(const struct ct_dtc_memory *dtcs, size_t index, const struct filter *filter)
{
    const struct ct_dtc_definition *definition = ct_dtc_definition(dtcs, index);
    return (filter->all || (ct_dtc_status(dtcs, index) & filter->status) != 0) &&
           (filter->severity == 0 || (definition->severity & filter->severity) != 0) &&
           (!filter->emissions || definition->emissions) &&
           (!filter->permanent || ct_dtc_state(dtcs, index)->permanent);
}

static uint8_t put_dtc(const struct ct_dtc_memory *dtcs, size_t index, struct ct_server_answer *answer)
{
    const uint8_t nrc = ct_server_put24(answer, ct_dtc_definition(dtcs, index)->code);
    return nrc != 0 ? nrc : ct_server_put8(answer, ct_dtc_status(dtcs, index));
}

/* --- counts and lists --- */

static uint8_t put_count(const struct ct_uds_server *server, const struct filter *filter,
                         struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    uint16_t count = 0;
    for (size_t i = 0; i < ct_dtc_count(dtcs); i++) {
        count = (uint16_t)(count + passes(dtcs, i, filter));
    }
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    (void)ct_server_put8(answer, (uint8_t)server->config.dtc_format);
    return ct_server_put16(answer, count);
}

static uint8_t put_list(const struct ct_uds_server *server, const struct filter *filter,
                        struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    uint8_t nrc = 0;
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        nrc = passes(dtcs, i, filter) ? put_dtc(dtcs, i, answer) : 0;
    }
    return nrc;
}

static uint8_t count_by_status(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const struct filter filter = {.status = request->data[2]};
    return put_count(server, &filter, answer);
}

static uint8_t list_by_status(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct filter filter = {.status = request->data[2]};
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    return put_list(server, &filter, answer);
}

static uint8_t list_supported(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true};
    (void)request;
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    return put_list(server, &filter, answer);
}

static uint8_t list_permanent(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true, .permanent = true};
    (void)request;
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    return put_list(server, &filter, answer);
}

/* --- severity --- */

static uint8_t count_by_severity(struct ct_uds_server *server, const struct ct_server_request *request,
                                 struct ct_server_answer *answer)
{
    const struct filter filter = {.severity = request->data[2], .status = request->data[3]};
    if (request->data[2] == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    return put_count(server, &filter, answer);
}

static uint8_t put_severity(const struct ct_dtc_memory *dtcs, size_t index, struct ct_server_answer *answer)
{
    const struct ct_dtc_definition *definition = ct_dtc_definition(dtcs, index);
    (void)ct_server_put8(answer, definition->severity);
    (void)ct_server_put8(answer, definition->unit);
    return put_dtc(dtcs, index, answer);
}

static uint8_t list_by_severity(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const struct filter filter = {.severity = request->data[2], .status = request->data[3]};
    if (request->data[2] == 0) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = ct_server_put8(answer, ct_dtc_available(dtcs));
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        nrc = passes(dtcs, i, &filter) ? put_severity(dtcs, i, answer) : 0;
    }
    return nrc;
}

static uint8_t severity_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    size_t index = 0;
    if (!ct_dtc_find(dtcs, code_at(request->data + 2), &index)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    return put_severity(dtcs, index, answer);
}

static uint8_t list_wwh(struct ct_uds_server *server, const struct ct_server_request *request,
                        struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const struct filter filter = {.status = request->data[3], .severity = request->data[4], .emissions = true};
    if (request->data[2] != GROUP_EMISSIONS) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, GROUP_EMISSIONS);
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    (void)ct_server_put8(answer, 0xFF); /* DTCSeverityAvailabilityMask */
    uint8_t nrc = ct_server_put8(answer, (uint8_t)server->config.dtc_format);
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        if (passes(dtcs, i, &filter)) {
            (void)ct_server_put8(answer, ct_dtc_definition(dtcs, i)->severity);
            nrc = put_dtc(dtcs, i, answer);
        }
    }
    return nrc;
}

static uint8_t list_wwh_permanent(struct ct_uds_server *server, const struct ct_server_request *request,
                                  struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true, .permanent = true, .emissions = true};
    if (request->data[2] != GROUP_EMISSIONS) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, GROUP_EMISSIONS);
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    (void)ct_server_put8(answer, (uint8_t)server->config.dtc_format);
    return put_list(server, &filter, answer);
}

/* --- first and latest, counters --- */

static uint32_t order_of(const struct ct_dtc_state *state, uint8_t report)
{
    switch (report) {
    case CT_UDS_DTC_FIRST_FAILED:
        return state->first_failed;
    case CT_UDS_DTC_FIRST_CONFIRMED:
        return state->first_confirmed;
    case CT_UDS_DTC_LAST_FAILED:
        return state->last_failed;
    default:
        return state->last_confirmed;
    }
}

static uint8_t one_in_order(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t report = request->data[1] & CT_UDS_SUBFUNCTION;
    const bool earliest = report == CT_UDS_DTC_FIRST_FAILED || report == CT_UDS_DTC_FIRST_CONFIRMED;
    size_t found = 0;
    uint32_t best = 0;
    for (size_t i = 0; i < ct_dtc_count(dtcs); i++) {
        const uint32_t order = order_of(ct_dtc_state(dtcs, i), report);
        if (order != 0 && (best == 0 || (earliest ? order < best : order > best))) {
            best = order;
            found = i;
        }
    }
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    return best != 0 ? put_dtc(dtcs, found, answer) : 0;
}

static uint8_t fault_counters(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    uint8_t nrc = 0;
    (void)request;
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        const int8_t detection = ct_dtc_state(dtcs, i)->detection;
        if (detection > 0 && detection < INT8_MAX) { /* on its way to failed, not there yet */
            (void)ct_server_put24(answer, ct_dtc_definition(dtcs, i)->code);
            nrc = ct_server_put8(answer, (uint8_t)detection);
        }
    }
    return nrc;
}

/* --- snapshots --- */

static uint8_t snapshot_ids(struct ct_uds_server *server, const struct ct_server_request *request,
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

static uint8_t put_snapshot(const struct ct_dtc_memory *dtcs, size_t index, unsigned record,
                            struct ct_server_answer *answer)
{
    const uint8_t *values = ct_dtc_snapshot(dtcs, index, record);
    size_t count = 0;
    const struct ct_dtc_snapshot_did *layout = ct_dtc_snapshot_layout(dtcs, &count);
    if (values == NULL) {
        return 0;
    }
    (void)ct_server_put8(answer, (uint8_t)record);
    uint8_t nrc = ct_server_put8(answer, (uint8_t)count);
    for (size_t i = 0; i < count && nrc == 0; i++) {
        (void)ct_server_put16(answer, layout[i].id);
        nrc = ct_server_put(answer, values, layout[i].len);
        values += layout[i].len;
    }
    return nrc;
}

static uint8_t snapshot_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t record = request->data[5];
    size_t index = 0;
    if (!ct_dtc_find(dtcs, code_at(request->data + 2), &index) ||
        (record != CT_UDS_RECORD_ALL && (record == 0 || record > CT_DTC_SNAPSHOTS))) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = put_dtc(dtcs, index, answer);
    for (unsigned i = 1; i <= CT_DTC_SNAPSHOTS && nrc == 0; i++) {
        nrc = record == i || record == CT_UDS_RECORD_ALL ? put_snapshot(dtcs, index, i, answer) : 0;
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

static uint8_t extended_of_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                               struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const uint8_t record = request->data[5];
    size_t index = 0;
    if (!ct_dtc_find(dtcs, code_at(request->data + 2), &index) ||
        (record != CT_UDS_RECORD_ALL && (record < EXTENDED_FIRST || record > EXTENDED_LAST))) {
        return CT_NRC_OUT_OF_RANGE;
    }
    uint8_t nrc = put_dtc(dtcs, index, answer);
    const struct ct_dtc_state *state = ct_dtc_state(dtcs, index);
    for (unsigned i = EXTENDED_FIRST; i <= EXTENDED_LAST && nrc == 0 && has_extended(state); i++) {
        if (record == i || record == CT_UDS_RECORD_ALL) {
            (void)ct_server_put8(answer, (uint8_t)i);
            nrc = ct_server_put8(answer, extended_value(state, i));
        }
    }
    return nrc;
}

static uint8_t extended_by_record(struct ct_uds_server *server, const struct ct_server_request *request,
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
            (void)put_dtc(dtcs, i, answer);
            nrc = ct_server_put8(answer, extended_value(ct_dtc_state(dtcs, i), record));
        }
    }
    return nrc;
}

static uint8_t supporting_extended(struct ct_uds_server *server, const struct ct_server_request *request,
                                   struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true};
    const uint8_t record = request->data[2];
    if (record < EXTENDED_FIRST || record > EXTENDED_LAST) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    (void)ct_server_put8(answer, record);
    return put_list(server, &filter, answer);
}

const struct ct_server_sub *ct_server_dtc_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_DTC_COUNT_BY_STATUS, 3, 3, 0, NULL, count_by_status},
        {CT_UDS_DTC_BY_STATUS, 3, 3, 0, NULL, list_by_status},
        {CT_UDS_DTC_SNAPSHOT_IDS, 2, 2, 0, NULL, snapshot_ids},
        {CT_UDS_DTC_SNAPSHOT_BY_DTC, 6, 6, 0, NULL, snapshot_of_dtc},
        {CT_UDS_DTC_EXTENDED_BY_DTC, 6, 6, 0, NULL, extended_of_dtc},
        {CT_UDS_DTC_COUNT_BY_SEVERITY, 4, 4, 0, NULL, count_by_severity},
        {CT_UDS_DTC_BY_SEVERITY, 4, 4, 0, NULL, list_by_severity},
        {CT_UDS_DTC_SEVERITY_OF_DTC, 5, 5, 0, NULL, severity_of_dtc},
        {CT_UDS_DTC_SUPPORTED, 2, 2, 0, NULL, list_supported},
        {CT_UDS_DTC_FIRST_FAILED, 2, 2, 0, NULL, one_in_order},
        {CT_UDS_DTC_FIRST_CONFIRMED, 2, 2, 0, NULL, one_in_order},
        {CT_UDS_DTC_LAST_FAILED, 2, 2, 0, NULL, one_in_order},
        {CT_UDS_DTC_LAST_CONFIRMED, 2, 2, 0, NULL, one_in_order},
        {CT_UDS_DTC_FAULT_COUNTERS, 2, 2, 0, NULL, fault_counters},
        {CT_UDS_DTC_PERMANENT, 2, 2, 0, NULL, list_permanent},
        {CT_UDS_DTC_EXTENDED_BY_RECORD, 3, 3, 0, NULL, extended_by_record},
        {CT_UDS_DTC_SUPPORTING_EXTENDED, 3, 3, 0, NULL, supporting_extended},
        {CT_UDS_DTC_WWH_BY_MASK, 5, 5, 0, NULL, list_wwh},
        {CT_UDS_DTC_WWH_PERMANENT, 3, 3, 0, NULL, list_wwh_permanent},
    };
    (void)server;
    return ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

/* --- ClearDiagnosticInformation --- */

uint8_t ct_server_clear_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const struct ct_uds_server_config *config = &server->config;
    const uint32_t group = code_at(request->data + 1);
    (void)answer;
    if (request->len > 5) { /* group, and since 2020 perhaps a memory selection */
        return CT_NRC_LENGTH;
    }
    if (request->len == 5) { /* there is only the primary memory */
        return CT_NRC_OUT_OF_RANGE;
    }
    size_t index = 0;
    if (group != CT_UDS_DTC_ALL && group != CT_UDS_DTC_EMISSIONS && !ct_dtc_find(config->dtcs, group, &index)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = config->clear != NULL ? config->clear(config->user, group) : 0;
    if (nrc == 0) {
        (void)ct_dtc_clear(config->dtcs, group);
    }
    return nrc;
}
