#include "uds_server_internal.h"

#include "bytes.h"

#include <string.h>

static bool has_dtcs(const struct ct_uds_server_config *config)
{
    return config->dtcs != NULL;
}

static bool has_resets(const struct ct_uds_server_config *config)
{
    return config->resets != 0;
}

static bool has_levels(const struct ct_uds_server_config *config)
{
    return config->level_count > 0;
}

static bool has_communication(const struct ct_uds_server_config *config)
{
    return config->communication;
}

static bool has_authenticator(const struct ct_uds_server_config *config)
{
    return config->authenticator != NULL;
}

static bool has_periodic(const struct ct_uds_server_config *config)
{
    return config->periodic_id != 0;
}

static bool has_dynamic(const struct ct_uds_server_config *config)
{
    return config->dynamic;
}

static bool has_memory_read(const struct ct_uds_server_config *config)
{
    return config->memory_count > 0;
}

static bool has_scaling(const struct ct_uds_server_config *config)
{
    for (size_t i = 0; i < config->did_count; i++) {
        if (config->dids[i].scaling != NULL) {
            return true;
        }
    }
    return false;
}

static bool has_writable(const struct ct_uds_server_config *config)
{
    for (size_t i = 0; i < config->did_count; i++) {
        if (config->dids[i].write != NULL) {
            return true;
        }
    }
    return false;
}

static bool has_ios(const struct ct_uds_server_config *config)
{
    return config->io_count > 0;
}

static bool has_routines(const struct ct_uds_server_config *config)
{
    return config->routine_count > 0;
}

static bool has_transfer(const struct ct_uds_server_config *config)
{
    return config->memory_count > 0 || config->files != NULL;
}

static bool has_files(const struct ct_uds_server_config *config)
{
    return config->files != NULL;
}

static bool has_events(const struct ct_uds_server_config *config)
{
    return config->events;
}

static bool has_security(const struct ct_uds_server_config *config)
{
    return config->security != NULL;
}

static bool has_link(const struct ct_uds_server_config *config)
{
    return config->link != NULL;
}

/* Sessions: ISO 14229-1:2020 table 23, "services allowed during default and non-default session". */
static const struct ct_server_service services[] = {
    {CT_UDS_SESSION_CONTROL, 2, 0, NULL, ct_server_session_sub, NULL, NULL},
    {CT_UDS_ECU_RESET, 2, 0, has_resets, ct_server_reset_sub, NULL, NULL},
    {CT_UDS_CLEAR_DTC, 4, 0, has_dtcs, NULL, NULL, ct_server_clear_dtc},
    {CT_UDS_READ_DTC, 2, 0, has_dtcs, ct_server_dtc_sub, NULL, NULL},
    {CT_UDS_READ_DATA, 3, 0, NULL, NULL, NULL, ct_server_read_data},
    {CT_UDS_READ_MEMORY, 4, 0, has_memory_read, NULL, NULL, ct_server_read_memory},
    {CT_UDS_READ_SCALING, 3, 0, has_scaling, NULL, NULL, ct_server_read_scaling},
    {CT_UDS_SECURITY_ACCESS, 2, CT_SERVER_NOT_DEFAULT, has_levels, ct_server_security_sub, NULL, NULL},
    {CT_UDS_COMMUNICATION_CONTROL, 2, CT_SERVER_NOT_DEFAULT, has_communication, ct_server_communication_sub, NULL,
     NULL},
    {CT_UDS_AUTHENTICATION, 2, 0, has_authenticator, ct_server_authentication_sub, NULL, NULL},
    {CT_UDS_READ_PERIODIC, 2, CT_SERVER_NOT_DEFAULT, has_periodic, NULL, NULL, ct_server_read_periodic},
    {CT_UDS_DEFINE_DATA, 2, 0, has_dynamic, ct_server_define_sub, NULL, NULL},
    {CT_UDS_WRITE_DATA, 4, 0, has_writable, NULL, NULL, ct_server_write_data},
    {CT_UDS_IO_CONTROL, 4, CT_SERVER_NOT_DEFAULT, has_ios, NULL, NULL, ct_server_io_control},
    {CT_UDS_ROUTINE_CONTROL, 2, 0, has_routines, ct_server_routine_sub, NULL, NULL},
    {CT_UDS_REQUEST_DOWNLOAD, 5, CT_SERVER_NOT_DEFAULT, has_memory_read, NULL, NULL, ct_server_request_download},
    {CT_UDS_REQUEST_UPLOAD, 5, CT_SERVER_NOT_DEFAULT, has_memory_read, NULL, NULL, ct_server_request_upload},
    {CT_UDS_TRANSFER_DATA, 2, CT_SERVER_NOT_DEFAULT, has_transfer, NULL, ct_server_transferring,
     ct_server_transfer_data},
    {CT_UDS_TRANSFER_EXIT, 1, CT_SERVER_NOT_DEFAULT, has_transfer, NULL, ct_server_transferring,
     ct_server_transfer_exit},
    {CT_UDS_REQUEST_FILE_TRANSFER, 5, CT_SERVER_NOT_DEFAULT, has_files, NULL, NULL, ct_server_request_file},
    {CT_UDS_WRITE_MEMORY, 5, 0, has_memory_read, NULL, NULL, ct_server_write_memory},
    {CT_UDS_TESTER_PRESENT, 2, 0, NULL, ct_server_tester_sub, NULL, NULL},
    {CT_UDS_SECURED_DATA, CT_UDS_SECURED_HEAD + 1U, 0, has_security, NULL, NULL, ct_server_secured},
    {CT_UDS_DTC_SETTING, 2, CT_SERVER_NOT_DEFAULT, has_dtcs, ct_server_setting_sub, NULL, NULL},
    {CT_UDS_RESPONSE_ON_EVENT, 2, 0, has_events, ct_server_event_sub, NULL, NULL},
    {CT_UDS_LINK_CONTROL, 2, CT_SERVER_NOT_DEFAULT, has_link, ct_server_link_sub, NULL, NULL},
};

bool ct_server_in_session(const struct ct_uds_server *server, unsigned sessions)
{
    return sessions == 0 || (sessions & CT_UDS_SESSION_BIT(server->session)) != 0;
}

uint8_t ct_server_secure(const struct ct_uds_server *server, const struct ct_uds_access *access)
{
    if (access->secured && !server->secured.inside) {
        return CT_NRC_SECURED_REQUIRED;
    }
    if (access->roles != 0 && (access->roles & server->authentication.roles) == 0) {
        return CT_NRC_AUTHENTICATION;
    }
    return access->level != 0 && access->level != server->unlocked ? CT_NRC_SECURITY : 0;
}

const struct ct_server_sub *ct_server_sub_find(const struct ct_server_sub *subs, size_t count, uint8_t value)
{
    for (size_t i = 0; i < count; i++) {
        if (subs[i].value == value) {
            return &subs[i];
        }
    }
    return NULL;
}

uint8_t ct_server_put(struct ct_server_answer *answer, const uint8_t *data, size_t len)
{
    if (len > CT_UDS_SERVER_RESPONSE_MAX - answer->len) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    if (len > 0) {
        memcpy(answer->data + answer->len, data, len);
        answer->len += len;
    }
    return 0;
}

uint8_t ct_server_put8(struct ct_server_answer *answer, uint8_t byte)
{
    return ct_server_put(answer, &byte, 1);
}

uint8_t ct_server_put16(struct ct_server_answer *answer, uint16_t value)
{
    uint8_t bytes[2];
    ct_put_be16(bytes, value);
    return ct_server_put(answer, bytes, sizeof bytes);
}

uint8_t ct_server_put24(struct ct_server_answer *answer, uint32_t value)
{
    uint8_t bytes[4];
    ct_put_be32(bytes, value);
    return ct_server_put(answer, bytes + 1, 3);
}

static const struct ct_server_service *find_service(const struct ct_uds_server *server, uint8_t id)
{
    for (size_t i = 0; i < sizeof services / sizeof services[0]; i++) {
        if (services[i].id == id) {
            return services[i].offered == NULL || services[i].offered(&server->config) ? &services[i] : NULL;
        }
    }
    return NULL;
}

static struct ct_uds_access access_of(const struct ct_uds_server *server, uint8_t id, unsigned sessions)
{
    for (size_t i = 0; i < server->config.service_count; i++) {
        if (server->config.services[i].service == id) {
            return server->config.services[i].access;
        }
    }
    if (id == CT_UDS_READ_DATA) {
        sessions = server->config.read_sessions;
    }
    return (struct ct_uds_access){.sessions = sessions};
}

static uint8_t run_sub(struct ct_uds_server *server, const struct ct_server_service *service,
                       const struct ct_server_request *request, struct ct_server_answer *answer)
{
    const struct ct_server_sub *sub = service->sub(server, request->data[1] & CT_UDS_SUBFUNCTION);
    if (sub == NULL) {
        return CT_NRC_SUBFUNCTION;
    }
    if (!ct_server_in_session(server, sub->sessions)) {
        return CT_NRC_SUBFUNCTION_SESSION;
    }
    if (sub->in_sequence != NULL && !sub->in_sequence(server, request)) {
        return CT_NRC_SEQUENCE;
    }
    if (request->len < sub->min_len || (sub->max_len != 0 && request->len > sub->max_len)) {
        return CT_NRC_LENGTH;
    }
    answer->data[1] = request->data[1] & CT_UDS_SUBFUNCTION;
    answer->len = 2;
    return sub->run(server, request, answer);
}

static uint8_t run_other(struct ct_uds_server *server, const struct ct_server_request *request,
                         struct ct_server_answer *answer)
{
    const struct ct_uds_server_config *config = &server->config;
    if (config->other == NULL || request->data[0] == 0 || request->data[0] > 0x0A) {
        return CT_NRC_SERVICE_NOT_SUPPORTED;
    }
    return config->other(config->other_user, request->data, request->len, answer->data, &answer->len);
}

/* What comes before the service's own checks. */
static uint8_t may_run(struct ct_uds_server *server, const struct ct_server_service *service,
                       const struct ct_server_request *request)
{
    const struct ct_uds_access access = access_of(server, service->id, service->sessions);
    if (!ct_server_in_session(server, access.sessions)) {
        return CT_NRC_SERVICE_SESSION;
    }
    uint8_t nrc = ct_server_secure(server, &access);
    if (nrc == 0 && server->config.conditions != NULL) {
        nrc = server->config.conditions(server->config.user, request->data, request->len);
    }
    return nrc == 0 && request->len < service->min_len ? CT_NRC_LENGTH : nrc;
}

uint8_t ct_server_check_and_run(struct ct_uds_server *server, const struct ct_server_request *request,
                                struct ct_server_answer *answer)
{
    const struct ct_server_service *service = find_service(server, request->data[0]);
    if (service == NULL) {
        return run_other(server, request, answer);
    }
    const uint8_t nrc = may_run(server, service, request);
    if (nrc != 0) {
        return nrc;
    }
    if (service->sub != NULL) {
        return run_sub(server, service, request, answer);
    }
    if (service->in_sequence != NULL && !service->in_sequence(server, request)) {
        return CT_NRC_SEQUENCE;
    }
    return service->run(server, request, answer);
}
