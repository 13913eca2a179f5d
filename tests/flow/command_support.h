/* A vehicle's command path without sockets: signed bytes -> gate -> journal -> executor -> a simulated ECU and a
 * simulated actuator, with time injected. */
#ifndef CT_TESTS_COMMAND_SUPPORT_H
#define CT_TESTS_COMMAND_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "command_gate.h"
#include "command_wire.h"
#include "executor.h"
#include "journal.h"
#include "uds_server.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VEHICLE  "demo"
#define LAMP     "Vehicle.Body.Lights.Beam.Low.IsOn"
#define HAZARD   "Vehicle.Body.Lights.Hazard.IsSignaling" /* in the same message, one byte further */
#define LAMP_ID  0x3A0U
#define NOW_MS   INT64_C(1800000000000)
#define STATUSES 64
#define SIGNED   4096

struct seen_status {
    uint8_t command_id[CT_COMMAND_ID_SIZE];
    int state, reason;
    uint64_t seq;
    size_t response_len;
    uint8_t response[128];
    bool has_reported;
    double reported;
};

struct rig {
    char dir[64];
    uint8_t director_public[CT_SIGN_PUBLIC_SIZE], director_secret[CT_SIGN_SECRET_SIZE];
    uint8_t release_public[CT_SIGN_PUBLIC_SIZE], release_secret[CT_SIGN_SECRET_SIZE];
    struct ct_trusted_key keys[2];
    struct ct_journal *journal;
    struct ct_gate gate;
    struct ct_policy *policy;
    struct ct_executor *executor;
    struct ct_uds_server *server;
    struct ct_vehicle_state vehicle;
    ct_ns now;
    int64_t utc_ms;
    bool ecu_silent, lamp_broken, bus_down, bus_dead;
    double lamp;
    ct_ns lamp_t_ns;
    double lamp_command;
    uint8_t lamp_payload[2]; /* as the bus took it last */
    ct_ns lamp_due;
    unsigned frames_out;
    struct ct_frame last_frame;
    size_t status_count;
    struct seen_status statuses[STATUSES];
};

static inline uint8_t rig_read_did(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    (void)user;
    const size_t len = id == 0xF190 ? 17 : 60;
    if (size < len) {
        return 0x14;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = id == 0xF190 ? (uint8_t) "WCT00000000000001"[i] : (uint8_t)i;
    }
    *out_len = len;
    return 0;
}

static inline int rig_encode(void *user, const char *path, const struct ct_wire_value *value,
                             struct ct_executor_write *out)
{
    const struct rig *rig = user;
    if (strcmp(path, LAMP) != 0 && strcmp(path, HAZARD) != 0) {
        return CT_ERR_NOT_FOUND;
    }
    const double wanted = value->kind == CT_WIRE_BOOLEAN  ? (value->boolean ? 1 : 0)
                          : value->kind == CT_WIRE_NUMBER ? value->number
                                                          : (double)value->integer;
    if (wanted < 0 || wanted > 255) {
        return CT_ERR_RANGE;
    }
    *out = (struct ct_executor_write){
        .bus = 1, .bus_name = "can1", .observable = true, .expected = wanted, .physical = wanted, .tolerance = 0.5};
    out->frame = (struct ct_frame){.id = LAMP_ID, .len = 8};
    memcpy(out->frame.data, rig->lamp_payload, sizeof rig->lamp_payload);
    out->frame.data[strcmp(path, LAMP) == 0 ? 0 : 1] = (uint8_t)wanted;
    return CT_OK;
}

static inline int rig_read(void *user, const char *path, double *out_physical, ct_ns *out_t_ns)
{
    const struct rig *rig = user;
    (void)path;
    if (rig->lamp_t_ns == 0) {
        return CT_ERR_AGAIN;
    }
    *out_physical = rig->lamp;
    *out_t_ns = rig->lamp_t_ns;
    return CT_OK;
}

static inline void rig_vehicle(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    const struct rig *rig = user;
    (void)now;
    *out_state = rig->vehicle;
}

/* A dead bus has taken the frame and carries nothing. */
static inline bool rig_unconfirmed(void *user, const struct ct_frame *frame)
{
    const struct rig *rig = user;
    assert_true(ct_frame_same(frame, &rig->last_frame) && frame->bus == rig->last_frame.bus);
    return rig->bus_dead;
}

/* Every status must follow the one before of its command, by the life cycle. */
static inline void rig_status(void *user, const struct ct_command_status *status)
{
    struct rig *rig = user;
    int before = 0;
    assert_true(rig->status_count < STATUSES);
    for (size_t i = 0; i < rig->status_count; i++) {
        if (memcmp(rig->statuses[i].command_id, status->command_id, CT_COMMAND_ID_SIZE) == 0) {
            before = rig->statuses[i].state;
        }
    }
    assert_true(ct_command_state_follows(before, status->state));
    struct seen_status *seen = &rig->statuses[rig->status_count++];
    *seen = (struct seen_status){.state = status->state,
                                 .reason = status->reason,
                                 .seq = status->seq,
                                 .response_len = status->response_len,
                                 .has_reported = status->has_reported,
                                 .reported = status->reported};
    memcpy(seen->command_id, status->command_id, CT_COMMAND_ID_SIZE);
    assert_true(status->response_len <= sizeof seen->response);
    if (status->response_len > 0) {
        memcpy(seen->response, status->response, status->response_len);
    }
    assert_non_null(status->text);
    if (ct_command_state_final(status->state)) {
        (void)!ct_journal_outcome(rig->journal, status->command_id, status->state, status->reason);
    }
}

static inline bool rig_seen(void *user, const uint8_t command_id[16], uint64_t seq, bool release)
{
    const struct rig *rig = user;
    return ct_journal_seen(rig->journal, command_id, seq, release);
}

static inline struct ct_policy *rig_policy_rates(double frame_rate, double lamp_rate)
{
    static const char buses[2][32] = {"can0", "can1"};
    const struct ct_policy_when any = {.max_speed_kmh = (double)NAN, .min_voltage = (double)NAN};
    const struct ct_policy_when parked = {.max_speed_kmh = 1, .min_voltage = (double)NAN};
    const unsigned backend = CT_ORIGIN_BIT(CT_ORIGIN_BACKEND);
    const struct ct_frame_rule frames[] = {
        {.bus = "can0",
         .id = 0x7E0,
         .id_mask = 0x7FF,
         .len_max = 8,
         .max_per_s = frame_rate,
         .origins = CT_ORIGIN_BIT(CT_ORIGIN_GATEWAY),
         .when = any},
        {.bus = "can1",
         .id = LAMP_ID,
         .id_mask = 0x7FF,
         .len_max = 8,
         .max_per_s = lamp_rate,
         .origins = backend,
         .when = any},
    };
    const struct ct_uds_rule uds[] = {
        {.ecu = "engine", .service = 0x22, .data_last = 0xFFFF, .max_per_s = 100, .origins = backend, .when = any},
        {.ecu = "engine",
         .service = 0x2E,
         .data_last = 0xFFFF,
         .needs_release = true,
         .max_per_s = 100,
         .origins = backend,
         .when = any},
        {.ecu = "gearbox", .service = 0x22, .data_last = 0xFFFF, .max_per_s = 100, .origins = backend, .when = any},
    };
    const struct ct_desired_rule desired[] = {
        {.path = LAMP, .min = 0, .max = 1, .max_per_s = 100, .origins = backend, .when = parked},
        {.path = HAZARD, .min = 0, .max = 1, .max_per_s = 100, .origins = backend, .when = any},
    };
    const struct ct_policy_rules rules = {.transmit_buses = buses,
                                          .transmit_bus_count = 2,
                                          .frames = frames,
                                          .frame_count = sizeof frames / sizeof frames[0],
                                          .uds = uds,
                                          .uds_count = sizeof uds / sizeof uds[0],
                                          .desired = desired,
                                          .desired_count = sizeof desired / sizeof desired[0]};
    struct ct_policy *policy = NULL;
    assert_int_equal(ct_policy_create(&rules, &policy), CT_OK);
    return policy;
}

static inline struct ct_policy *rig_policy(double frame_rate)
{
    return rig_policy_rates(frame_rate, 100);
}

static inline void rig_make_executor(struct rig *rig)
{
    const struct ct_executor_ops ops = {.user = rig,
                                        .encode = rig_encode,
                                        .read = rig_read,
                                        .vehicle_state = rig_vehicle,
                                        .status = rig_status,
                                        .unconfirmed = rig_unconfirmed};
    const struct ct_isotp_config pair = {.tx_id = 0x7E0, .rx_id = 0x7E8, .tx_dl = 8, .padding = true};
    const struct ct_isotp_config unruled = {.tx_id = 0x7E1, .rx_id = 0x7E9, .tx_dl = 8, .padding = true};
    const struct ct_executor_ecu ecus[] = {
        {.name = "engine", .bus_name = "can0", .bus = 0, .client = {.isotp = pair}},
        {.name = "gearbox", .bus_name = "can0", .bus = 0, .client = {.isotp = unruled}},
    };
    assert_int_equal(ct_executor_create(&ops, rig->policy, ecus, 2, &rig->executor), CT_OK);
}

static inline int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    (void)strncpy(rig->dir, "/tmp/cantwin-command-XXXXXX", sizeof rig->dir - 1);
    assert_non_null(mkdtemp(rig->dir));
    assert_int_equal(ct_sign_keypair(rig->director_public, rig->director_secret), CT_OK);
    assert_int_equal(ct_sign_keypair(rig->release_public, rig->release_secret), CT_OK);
    rig->keys[0].role = CT_ROLE_DIRECTOR;
    rig->keys[1].role = CT_ROLE_RELEASE;
    memcpy(rig->keys[0].public_key, rig->director_public, CT_SIGN_PUBLIC_SIZE);
    memcpy(rig->keys[1].public_key, rig->release_public, CT_SIGN_PUBLIC_SIZE);
    for (size_t i = 0; i < 2; i++) {
        ct_key_id(rig->keys[i].role, rig->keys[i].public_key, rig->keys[i].key_id);
    }
    assert_int_equal(ct_journal_open(rig->dir, &rig->journal), CT_OK);
    rig->gate = (struct ct_gate){.vehicle_id = VEHICLE,
                                 .keys = rig->keys,
                                 .key_count = 2,
                                 .floor_utc_ms = NOW_MS - 1000,
                                 .seen = rig_seen,
                                 .user = rig};
    rig->vehicle = (struct ct_vehicle_state){.speed_known = true, .speed_kmh = 0};
    rig->now = 100 * CT_NS_PER_S;
    rig->utc_ms = NOW_MS;
    rig->policy = rig_policy(1000);
    rig_make_executor(rig);
    static const struct ct_uds_did dids[] = {
        {.id = 0xF190, .sessions = CT_UDS_SESSION_ANY, .read = rig_read_did},
        {.id = 0x0160, .sessions = CT_UDS_SESSION_ANY, .read = rig_read_did},
    };
    const struct ct_uds_server_config server = {
        .isotp = {.tx_id = 0x7E8, .rx_id = 0x7E0, .tx_dl = 8, .padding = true}, .dids = dids, .did_count = 2};
    assert_int_equal(ct_uds_server_create(&server, &rig->server), CT_OK);
    *state = rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    char path[128];
    ct_executor_free(rig->executor);
    ct_uds_server_free(rig->server);
    ct_policy_free(rig->policy);
    ct_journal_close(rig->journal);
    (void)snprintf(path, sizeof path, "%s/commands.journal", rig->dir);
    (void)unlink(path);
    (void)snprintf(path, sizeof path, "%s/commands.journal.lock", rig->dir);
    (void)unlink(path);
    (void)rmdir(rig->dir);
    free(rig);
    return 0;
}

/* ---------------------------------------------------------------- commands */

static inline struct ct_command command_base(uint64_t seq)
{
    struct ct_command command = {
        .seq = seq, .issued_utc_ms = NOW_MS - 100, .expires_utc_ms = NOW_MS + 60000, .ttl_ms = 10000};
    (void)strncpy(command.vehicle_id, VEHICLE, sizeof command.vehicle_id - 1);
    memset(command.command_id, (int)(seq & 0xFF), sizeof command.command_id);
    command.command_id[0] = 0xC0;
    return command;
}

static inline struct ct_command command_read(uint64_t seq, const char *ecu, uint8_t service, uint16_t did)
{
    struct ct_command command = command_base(seq);
    command.action = CT_ACTION_DIAGNOSTIC_REQUEST;
    (void)strncpy(command.ecu, ecu, sizeof command.ecu - 1);
    command.request[0] = service;
    command.request[1] = (uint8_t)(did >> 8);
    command.request[2] = (uint8_t)did;
    command.request_len = 3;
    return command;
}

static inline struct ct_command command_lamp(uint64_t seq, const char *path, double value)
{
    struct ct_command command = command_base(seq);
    command.action = CT_ACTION_SET_DESIRED;
    (void)strncpy(command.path, path, sizeof command.path - 1);
    command.value.kind = CT_WIRE_NUMBER;
    command.value.number = value;
    command.revision = seq;
    return command;
}

static inline size_t sign_payload(const struct rig *rig, const uint8_t *payload, size_t len, unsigned roles,
                                  uint8_t out[SIGNED])
{
    struct ct_signature signatures[2];
    struct ct_buf joined;
    size_t n = 0;
    if ((roles & CT_ROLE_BIT(CT_ROLE_DIRECTOR)) != 0) {
        assert_int_equal(
            ct_envelope_sign(CT_DOMAIN_COMMAND, payload, len, CT_ROLE_DIRECTOR, rig->director_secret, &signatures[n++]),
            CT_OK);
    }
    if ((roles & CT_ROLE_BIT(CT_ROLE_RELEASE)) != 0) {
        assert_int_equal(
            ct_envelope_sign(CT_DOMAIN_COMMAND, payload, len, CT_ROLE_RELEASE, rig->release_secret, &signatures[n++]),
            CT_OK);
    }
    ct_buf_init(&joined, SIGNED);
    assert_int_equal(ct_signed_command_join(payload, len, signatures, n, &joined), CT_OK);
    memcpy(out, joined.data, joined.len);
    const size_t joined_len = joined.len;
    ct_buf_free(&joined);
    return joined_len;
}

static inline size_t command_sign(const struct rig *rig, const struct ct_command *command, unsigned roles,
                                  uint8_t out[SIGNED])
{
    struct ct_buf payload;
    ct_buf_init(&payload, SIGNED);
    assert_int_equal(ct_command_encode(command, &payload), CT_OK);
    const size_t len = sign_payload(rig, payload.data, payload.len, roles, out);
    ct_buf_free(&payload);
    return len;
}

#define DIRECTOR CT_ROLE_BIT(CT_ROLE_DIRECTOR)
#define RELEASE  CT_ROLE_BIT(CT_ROLE_RELEASE)

/* The bytes arrive. What the gate refuses is returned as its reason; what it accepts is journaled and submitted. */
static inline int rig_deliver(struct rig *rig, const uint8_t *data, size_t len)
{
    struct ct_gate_result *result = calloc(1, sizeof *result);
    assert_non_null(result);
    ct_gate_check(&rig->gate, data, len, true, rig->utc_ms, result);
    const int reason = result->reason;
    assert_int_equal(result->accepted, reason == CT_REASON_NONE);
    if (result->accepted) {
        assert_int_equal(ct_journal_intent(rig->journal, result->command.command_id, result->command.seq,
                                           ct_gate_released(result), result->command.issued_utc_ms),
                         CT_OK);
        ct_executor_submit(rig->executor, &result->command, CT_ORIGIN_BACKEND, ct_gate_released(result),
                           result->valid_ms, rig->now);
    }
    free(result);
    return reason;
}

static inline int rig_send(struct rig *rig, const struct ct_command *command, unsigned roles)
{
    uint8_t bytes[SIGNED];
    return rig_deliver(rig, bytes, command_sign(rig, command, roles, bytes));
}

/* ---------------------------------------------------------------- the vehicle */

static inline void rig_frame_out(struct rig *rig, const struct ct_frame *frame)
{
    rig->frames_out++;
    rig->last_frame = *frame;
    if (rig->bus_down) {
        ct_executor_send_failed(rig->executor, frame->bus, rig->now);
    } else if (frame->bus == 1 && frame->id == LAMP_ID) {
        memcpy(rig->lamp_payload, frame->data, sizeof rig->lamp_payload);
        rig->lamp_command = frame->data[0];
        rig->lamp_due = rig->now + 30 * CT_NS_PER_MS;
    } else if (frame->bus == 0 && !rig->ecu_silent) {
        (void)ct_uds_server_receive(rig->server, frame, rig->now);
    }
}

static inline void rig_step(struct rig *rig)
{
    struct ct_frame frame;
    while (ct_executor_next_frame(rig->executor, &frame, rig->now) == CT_OK) {
        rig_frame_out(rig, &frame);
    }
    (void)ct_uds_server_tick(rig->server, rig->now);
    while (ct_uds_server_next_frame(rig->server, &frame, rig->now) == CT_OK) {
        frame.bus = 0;
        frame.t_ns = rig->now;
        (void)ct_executor_receive(rig->executor, &frame, rig->now);
    }
    if (rig->lamp_due != 0 && rig->now >= rig->lamp_due && !rig->lamp_broken) {
        rig->lamp = rig->lamp_command;
        rig->lamp_due = 0;
    }
    if (rig->now % (100 * CT_NS_PER_MS) == 0) {
        rig->lamp_t_ns = rig->now; /* the cyclic status frame */
    }
    (void)ct_executor_tick(rig->executor, rig->now);
}

static inline void rig_run(struct rig *rig, int64_t ms)
{
    for (int64_t i = 0; i < ms; i++) {
        rig_step(rig);
        rig->now += CT_NS_PER_MS;
    }
}

static inline const struct seen_status *rig_last(const struct rig *rig)
{
    assert_true(rig->status_count > 0);
    return &rig->statuses[rig->status_count - 1];
}

static inline void assert_ended(const struct rig *rig, int state, int reason)
{
    assert_int_equal(rig_last(rig)->state, state);
    assert_int_equal(rig_last(rig)->reason, reason);
    assert_int_equal(ct_executor_running(rig->executor), 0);
}

#endif
