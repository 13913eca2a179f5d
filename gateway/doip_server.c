#include "doip_server_private.h"

#include "bytes.h"
#include "clock.h"
#include "tester.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* ---- from the entity to the executor */

static bool find_ecu(const struct ct_doip_server *server, uint16_t address, size_t *out_ecu)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    for (unsigned i = 0; i < doip->ecus_count; i++) {
        if (doip->ecus[i].address == address) {
            *out_ecu = server->ecus[i];
            return true;
        }
    }
    return false;
}

static bool find_group(const struct ct_doip_server *server, uint16_t address, size_t *out_group)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    for (unsigned i = 0; i < doip->functional_count; i++) {
        if (doip->functional[i].address == address) {
            *out_group = i;
            return true;
        }
    }
    return false;
}

static bool find_address(const struct ct_doip_server *server, size_t ecu, uint16_t *out_address)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    for (unsigned i = 0; i < doip->ecus_count; i++) {
        if (server->ecus[i] == ecu) {
            *out_address = doip->ecus[i].address;
            return true;
        }
    }
    return false;
}

/* Refused by policy: the tester is told by the UDS code, as security gateways of vehicles do, and can go on. */
static void answer_refused(struct ct_doip_server *server, const struct ct_doip_tester *tester, uint16_t address,
                           uint8_t service, uint8_t nrc)
{
    const uint8_t response[] = {0x7F, service, nrc};
    (void)!ct_doip_respond(server->entity, tester->source, address, response, sizeof response, ct_clock_now());
}

static enum ct_doip_diagnostic_code code_of(enum ct_tester_answer answer)
{
    switch (answer) {
    case CT_TESTER_FULL:
    case CT_TESTER_BUSY:
        return CT_DOIP_OUT_OF_MEMORY;
    case CT_TESTER_TOO_LARGE:
        return CT_DOIP_MESSAGE_TOO_LARGE;
    case CT_TESTER_BARRED:
        return CT_DOIP_UNREACHABLE;
    case CT_TESTER_ACCEPTED:
    case CT_TESTER_REFUSED:
    default:
        return CT_DOIP_ACK;
    }
}

static enum ct_doip_diagnostic_code on_diagnostic(void *user, const struct ct_doip_tester *tester, uint16_t target,
                                                  const uint8_t *data, size_t len)
{
    struct ct_doip_server *server = user;
    const struct ct_executor_asker asker = {
        .origin = CT_ORIGIN_TESTER, .client = tester->source, .release = tester->authenticated};
    enum ct_tester_answer answer = CT_TESTER_ACCEPTED;
    const ct_ns now = ct_clock_now();
    uint8_t nrc = 0;
    size_t index = 0;
    const bool group = find_group(server, target, &index);
    if (!group && !find_ecu(server, target, &index)) {
        return CT_DOIP_UNKNOWN_TARGET;
    }
    if (!server->ops.may_ask(server->ops.user)) {
        return CT_DOIP_UNREACHABLE;
    }
    if (group) {
        answer = ct_tester_send_group(server->executor, &asker, index, data, len, now, &nrc);
    } else {
        answer = ct_tester_send(server->executor, &asker, index, data, len, now, &nrc);
    }
    if (answer == CT_TESTER_REFUSED && !group) {
        answer_refused(server, tester, target, data[0], nrc);
    }
    return code_of(answer);
}

static void on_gone(void *user, const struct ct_doip_tester *tester)
{
    struct ct_doip_server *server = user;
    char text[96];
    char address[8];
    ct_tester_gone(server->executor, tester->source, ct_clock_now());
    snprintf(address, sizeof address, "0x%04X", tester->source);
    snprintf(text, sizeof text, "DoIP tester %s has gone", address);
    server->ops.event(server->ops.user, "tester-gone", text, "tester", address);
}

static enum ct_doip_activation on_admit(void *user, const struct ct_doip_tester *tester)
{
    struct ct_doip_server *server = user;
    char text[96];
    char address[8];
    snprintf(address, sizeof address, "0x%04X", tester->source);
    snprintf(text, sizeof text, "DoIP tester %s is active%s%s", address, tester->secure ? ", over TLS" : "",
             tester->authenticated ? ", with a certificate" : "");
    server->ops.event(server->ops.user, "tester-active", text, "tester", address);
    return CT_DOIP_ACTIVATED;
}

static uint32_t on_random(void *user)
{
    uint32_t value = 0;
    (void)user;
    const ssize_t got = getrandom(&value, sizeof value, 0);
    (void)got;
    return value;
}

static uint8_t on_power_mode(void *user)
{
    const struct ct_doip_server *server = user;
    return server->ops.ready(server->ops.user) ? 1 : 0;
}

/* ---- from the executor to the entity */

static void on_message(void *user, uint32_t client, size_t ecu, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_doip_server *server = user;
    uint16_t address = 0;
    if (find_address(server, ecu, &address)) {
        (void)!ct_doip_respond(server->entity, (uint16_t)client, address, data, len, now); /* gone: nobody's */
    }
}

static void on_failed(void *user, uint32_t client, size_t ecu, const char *why, ct_ns now)
{
    struct ct_doip_server *server = user;
    const char *name = ct_executor_ecu_name(server->executor, ecu);
    char text[160];
    (void)now;
    snprintf(text, sizeof text, "a message between DoIP tester 0x%04X and %s was lost: %s", client, name, why);
    server->ops.event(server->ops.user, "tester-message-lost", text, "ecu", name);
}

void ct_doip_server_use_settings(struct ct_doip_server *server, const struct ct_settings *settings)
{
    if (server != NULL) {
        server->settings = settings;
    }
}

void ct_doip_server_stats(const struct ct_doip_server *server, struct ct_doip_stats *out_stats, size_t *out_active)
{
    *out_stats = (struct ct_doip_stats){0};
    *out_active = 0;
    if (server != NULL) {
        ct_doip_stats_get(server->entity, out_stats);
        *out_active = ct_doip_active(server->entity);
    }
}

/* ---- opening */

static int open_entity(struct ct_doip_server *server)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    struct ct_doip_config config = {.address = doip->address,
                                    .sockets = doip->sockets,
                                    .tls_required = doip->tls.required,
                                    .central_security = doip->tls.client_ca != NULL,
                                    .ops = {.user = server,
                                            .random = on_random,
                                            .admit = on_admit,
                                            .diagnostic = on_diagnostic,
                                            .gone = on_gone,
                                            .power_mode = on_power_mode}};
    memcpy(config.vin, doip->vin, sizeof config.vin);
    int err = doip->eid != NULL ? ct_hex_decode(config.eid, doip->eid, sizeof config.eid) : CT_OK;
    if (err == CT_OK && doip->gid != NULL) {
        err = ct_hex_decode(config.gid, doip->gid, sizeof config.gid);
    }
    return err == CT_OK ? ct_doip_entity_create(&config, &server->entity) : err;
}

static uint8_t bus_index(const struct ct_settings *settings, const char *name)
{
    uint8_t index = 0;
    while (strcmp(settings->buses[index].name, name) != 0) {
        index++;
    }
    return index;
}

static int open_testers(struct ct_doip_server *server)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    struct ct_functional_address groups[CT_DOIP_FUNCTIONAL_MAX];
    for (unsigned i = 0; i < doip->functional_count; i++) {
        const struct ct_settings_doip_group *from = &doip->functional[i];
        groups[i] = (struct ct_functional_address){.bus = bus_index(server->settings, from->bus),
                                                   .bus_name = from->bus,
                                                   .isotp = ct_settings_functional(from->request_id)};
    }
    for (unsigned i = 0; i < doip->ecus_count; i++) {
        const int err = ct_executor_find_ecu(server->executor, doip->ecus[i].ecu, &server->ecus[i]);
        if (err != CT_OK) {
            return err;
        }
    }
    const struct ct_tester_ops ops = {.user = server, .message = on_message, .failed = on_failed};
    return ct_tester_open(server->executor, &ops, groups, doip->functional_count);
}

static void begin_announcing(struct ct_doip_server *server, ct_ns now)
{
    const struct ct_settings_doip *doip = &server->settings->doip;
    if (doip->announce != NULL && inet_pton(AF_INET, doip->announce, &server->announce.sin_addr) == 1) {
        server->announce.sin_family = AF_INET;
        server->announce.sin_port = htons(CT_DOIP_PORT);
        ct_doip_announce(server->entity, now);
    }
}

int ct_doip_server_open(const struct ct_settings *settings, struct ct_loop *loop, struct ct_executor *executor,
                        const struct ct_doip_server_ops *ops, ct_ns now, struct ct_doip_server **out_server,
                        char *problem, size_t size)
{
    *out_server = NULL;
    if (settings->doip.address == 0) {
        return CT_OK;
    }
    struct ct_doip_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        snprintf(problem, size, "doip: error: %s", ct_err_text(CT_ERR_NO_MEMORY));
        return CT_ERR_NO_MEMORY;
    }
    server->settings = settings;
    server->loop = loop;
    server->executor = executor;
    server->ops = *ops;
    server->udp.fd = -1;
    server->tcp.fd = -1;
    server->tcp_tls.fd = -1;
    server->connection_count = settings->doip.sockets + 1U + CT_DOIP_HANDSHAKES;
    for (size_t i = 0; i < DOIP_CONNECTIONS; i++) {
        server->connections[i].watch.fd = -1;
    }
    int err = open_entity(server);
    err = err == CT_OK ? open_testers(server) : err;
    if (err != CT_OK) {
        snprintf(problem, size, "doip: error: %s", ct_err_text(err));
    } else {
        err = ct_doip_sockets_open(server, problem, size);
    }
    if (err != CT_OK) {
        ct_doip_server_close(server);
        return err;
    }
    begin_announcing(server, now);
    *out_server = server;
    return CT_OK;
}

void ct_doip_server_close(struct ct_doip_server *server)
{
    if (server == NULL) {
        return;
    }
    ct_doip_sockets_close(server);
    ct_doip_entity_free(server->entity);
    free(server);
}
