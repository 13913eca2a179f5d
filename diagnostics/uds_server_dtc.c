#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

#define GROUP_EMISSIONS 0x33U /* functionalGroupIdentifier of 42 and 55 */

struct filter {
    uint8_t status;    /* any of these bits; 0 with `all` */
    uint8_t severity;  /* any of these bits; 0: not asked */
    bool all;          /* whatever its status */
    bool emissions;    /* only those */
    bool permanent;    /* only those */
    uint8_t readiness; /* only this group; 0: not asked */
};

uint32_t ct_server_dtc_at(const uint8_t *data)
{
    return (uint32_t)data[0] << 16 | (uint32_t)data[1] << 8 | data[2];
}

static bool passes(const struct ct_dtc_memory *dtcs, size_t index, const struct filter *filter)
{
    const struct ct_dtc_definition *definition = ct_dtc_definition(dtcs, index);
    return (filter->all || (ct_dtc_status(dtcs, index) & filter->status) != 0) &&
           (filter->severity == 0 || (definition->severity & filter->severity) != 0) &&
           (!filter->emissions || definition->emissions) &&
           (filter->readiness == 0 || definition->readiness == filter->readiness) &&
           (!filter->permanent || ct_dtc_state(dtcs, index)->permanent);
}

uint8_t ct_server_put_dtc(const struct ct_dtc_memory *dtcs, size_t index, struct ct_server_answer *answer)
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

static uint8_t put_list(const struct ct_dtc_memory *dtcs, const struct filter *filter, struct ct_server_answer *answer)
{
    uint8_t nrc = 0;
    for (size_t i = 0; i < ct_dtc_count(dtcs) && nrc == 0; i++) {
        nrc = passes(dtcs, i, filter) ? ct_server_put_dtc(dtcs, i, answer) : 0;
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
    return put_list(server->config.dtcs, &filter, answer);
}

static uint8_t list_supported(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true};
    (void)request;
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    return put_list(server->config.dtcs, &filter, answer);
}

static uint8_t list_permanent(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct filter filter = {.all = true, .permanent = true};
    (void)request;
    (void)ct_server_put8(answer, ct_dtc_available(server->config.dtcs));
    return put_list(server->config.dtcs, &filter, answer);
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
    return ct_server_put_dtc(dtcs, index, answer);
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
    if (!ct_dtc_find(dtcs, ct_server_dtc_at(request->data + 2), &index)) {
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
            nrc = ct_server_put_dtc(dtcs, i, answer);
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
    return put_list(server->config.dtcs, &filter, answer);
}

static uint8_t list_readiness(struct ct_uds_server *server, const struct ct_server_request *request,
                              struct ct_server_answer *answer)
{
    const struct ct_dtc_memory *dtcs = server->config.dtcs;
    const struct filter filter = {.all = true, .emissions = true, .readiness = request->data[3]};
    bool known = false;
    for (size_t i = 0; i < ct_dtc_count(dtcs); i++) {
        known |= passes(dtcs, i, &filter);
    }
    if (request->data[2] != GROUP_EMISSIONS || request->data[3] == 0 || !known) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, GROUP_EMISSIONS);
    (void)ct_server_put8(answer, ct_dtc_available(dtcs));
    (void)ct_server_put8(answer, (uint8_t)server->config.dtc_format);
    (void)ct_server_put8(answer, filter.readiness);
    return put_list(dtcs, &filter, answer);
}

static uint8_t list_user(struct ct_uds_server *server, const struct ct_server_request *request,
                         struct ct_server_answer *answer)
{
    const struct filter filter = {.status = request->data[2]};
    if (request->data[3] != server->config.user_memory) {
        return CT_NRC_OUT_OF_RANGE;
    }
    (void)ct_server_put8(answer, request->data[3]);
    (void)ct_server_put8(answer, ct_dtc_available(server->config.user_dtcs));
    return put_list(server->config.user_dtcs, &filter, answer);
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
    return best != 0 ? ct_server_put_dtc(dtcs, found, answer) : 0;
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

const struct ct_server_sub *ct_server_dtc_sub(const struct ct_uds_server *server, uint8_t value)
{
    static const struct ct_server_sub subs[] = {
        {CT_UDS_DTC_COUNT_BY_STATUS, 3, 3, 0, NULL, count_by_status},
        {CT_UDS_DTC_BY_STATUS, 3, 3, 0, NULL, list_by_status},
        {CT_UDS_DTC_SNAPSHOT_IDS, 2, 2, 0, NULL, ct_server_snapshot_ids},
        {CT_UDS_DTC_SNAPSHOT_BY_DTC, 6, 6, 0, NULL, ct_server_snapshot_of_dtc},
        {CT_UDS_DTC_STORED_BY_RECORD, 3, 3, 0, NULL, ct_server_stored_data},
        {CT_UDS_DTC_EXTENDED_BY_DTC, 6, 6, 0, NULL, ct_server_extended_of_dtc},
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
        {CT_UDS_DTC_EXTENDED_BY_RECORD, 3, 3, 0, NULL, ct_server_extended_by_record},
        {CT_UDS_DTC_USER_BY_STATUS, 4, 4, 0, NULL, list_user},
        {CT_UDS_DTC_USER_SNAPSHOT, 7, 7, 0, NULL, ct_server_user_snapshot},
        {CT_UDS_DTC_USER_EXTENDED, 7, 7, 0, NULL, ct_server_user_extended},
        {CT_UDS_DTC_SUPPORTING_EXTENDED, 3, 3, 0, NULL, ct_server_supporting_extended},
        {CT_UDS_DTC_WWH_BY_MASK, 5, 5, 0, NULL, list_wwh},
        {CT_UDS_DTC_WWH_PERMANENT, 3, 3, 0, NULL, list_wwh_permanent},
        {CT_UDS_DTC_BY_READINESS, 4, 4, 0, NULL, list_readiness},
    };
    const bool of_user = value >= CT_UDS_DTC_USER_BY_STATUS && value <= CT_UDS_DTC_USER_EXTENDED;
    return of_user && server->config.user_dtcs == NULL ? NULL
                                                       : ct_server_sub_find(subs, sizeof subs / sizeof subs[0], value);
}

/* --- ClearDiagnosticInformation --- */

uint8_t ct_server_clear_dtc(struct ct_uds_server *server, const struct ct_server_request *request,
                            struct ct_server_answer *answer)
{
    const struct ct_uds_server_config *config = &server->config;
    const uint32_t group = ct_server_dtc_at(request->data + 1);
    (void)answer;
    if (request->len > 5) { /* group, and since 2020 perhaps a memory selection */
        return CT_NRC_LENGTH;
    }
    const bool of_user = request->len == 5;
    if (of_user && (config->user_dtcs == NULL || request->data[4] != config->user_memory)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    struct ct_dtc_memory *dtcs = of_user ? config->user_dtcs : config->dtcs;
    size_t index = 0;
    if (group != CT_UDS_DTC_ALL && group != CT_UDS_DTC_EMISSIONS && !ct_dtc_find(dtcs, group, &index)) {
        return CT_NRC_OUT_OF_RANGE;
    }
    const uint8_t nrc = config->clear != NULL && !of_user ? config->clear(config->user, group) : 0;
    if (nrc == 0) {
        (void)ct_dtc_clear(dtcs, group);
    }
    return nrc;
}
