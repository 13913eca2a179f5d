#include "own_ecu.h"

#include "bytes.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fault { FAULT_BUS_OFF, FAULT_LOSS, FAULT_OUTBOX, FAULT_BUS_DOWN, FAULT_COUNT };

static const struct ct_dtc_definition definitions[FAULT_COUNT] = {
    [FAULT_BUS_OFF] = {.code = 0xC07300, .severity = 0x40, .unit = 0x50},
    [FAULT_LOSS] = {.code = 0xD60100, .severity = 0x20, .unit = 0x50},
    [FAULT_OUTBOX] = {.code = 0xD60200, .severity = 0x20, .unit = 0x50},
    [FAULT_BUS_DOWN] = {.code = 0xD60300, .severity = 0x40, .unit = 0x50},
};
static const struct ct_dtc_snapshot_did snapshot[] = {{0x0101, 4}, {0x0102, 2}, {0x0103, 12}};

#define NAME_MAX_LEN 64

struct ct_own_ecu {
    struct ct_own_ecu_config config;
    char vehicle_id[NAME_MAX_LEN + 1];
    struct ct_own_health health;
    ct_ns now;
    struct ct_dtc_memory *dtcs;
    struct ct_uds_server *server;
};

static uint8_t give(const void *data, size_t len, uint8_t *out, size_t size, size_t *out_len)
{
    if (len > size) {
        return CT_NRC_RESPONSE_TOO_LONG;
    }
    memcpy(out, data, len);
    *out_len = len;
    return 0;
}

static uint8_t read_text(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_own_ecu *ecu = user;
    const char *text = id == CT_UDS_DID_SOFTWARE ? ecu->config.version : "cantwin-gateway";
    text = id == 0x0100 ? ecu->vehicle_id : text;
    return give(text, strlen(text), out, size, out_len);
}

static uint8_t read_uptime(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_own_ecu *ecu = user;
    uint8_t bytes[4];
    (void)id;
    ct_put_be32(bytes, (uint32_t)((ecu->now - ecu->config.start) / CT_NS_PER_S));
    return give(bytes, sizeof bytes, out, size, out_len);
}

static uint8_t read_buses(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_own_ecu *ecu = user;
    const uint8_t bytes[2] = {ecu->health.buses, ecu->health.buses_up};
    (void)id;
    return give(bytes, sizeof bytes, out, size, out_len);
}

static uint32_t capped(uint64_t count)
{
    return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static uint8_t read_losses(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    const struct ct_own_ecu *ecu = user;
    uint8_t bytes[12];
    (void)id;
    ct_put_be32(bytes, capped(ecu->health.lost_frames));
    ct_put_be32(bytes + 4, capped(ecu->health.lost_samples));
    ct_put_be32(bytes + 8, capped(ecu->health.dropped_records));
    return give(bytes, sizeof bytes, out, size, out_len);
}

static const struct ct_uds_did dids[] = {
    {.id = CT_UDS_DID_SOFTWARE, .read = read_text},
    {.id = CT_UDS_DID_SYSTEM_NAME, .read = read_text},
    {.id = 0x0100, .read = read_text},
    {.id = 0x0101, .read = read_uptime},
    {.id = 0x0102, .read = read_buses},
    {.id = 0x0103, .read = read_losses},
};

static uint8_t read_for_snapshot(void *user, uint16_t id, uint8_t *out, size_t size, size_t *out_len)
{
    for (size_t i = 0; i < sizeof dids / sizeof dids[0]; i++) {
        if (dids[i].id == id) {
            return dids[i].read(user, id, out, size, out_len);
        }
    }
    return CT_NRC_OUT_OF_RANGE;
}

static uint8_t self_test(void *user, struct ct_uds_routine_call *call)
{
    const struct ct_own_ecu *ecu = user;
    uint8_t failing = 0;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        failing = (uint8_t)(failing + ((ct_dtc_status(ecu->dtcs, i) & CT_DTC_TEST_FAILED) != 0));
    }
    call->out[0] = failing;
    call->out_len = 1;
    return 0;
}

static const struct ct_uds_routine_entry routines[] = {
    {.id = 0x0202, .kinds = 1U << CT_UDS_ROUTINE_START, .run = self_test}};

/* Clearing changes what a workshop sees: not by accident. */
static const struct ct_uds_service_access services[] = {
    {CT_UDS_CLEAR_DTC, {.sessions = CT_UDS_SESSION_BIT(CT_UDS_SESSION_EXTENDED)}}};

static int make_parts(struct ct_own_ecu *ecu)
{
    const struct ct_dtc_memory_config memory = {.definitions = definitions,
                                                .count = FAULT_COUNT,
                                                .snapshot = snapshot,
                                                .snapshot_count = sizeof snapshot / sizeof snapshot[0],
                                                .read = read_for_snapshot,
                                                .user = ecu};
    const int err = ct_dtc_memory_create(&memory, &ecu->dtcs);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_uds_server_config server = {.isotp = ecu->config.isotp,
                                                .functional_id = ecu->config.functional_id,
                                                .user = ecu,
                                                .dids = dids,
                                                .did_count = sizeof dids / sizeof dids[0],
                                                .routines = routines,
                                                .routine_count = 1,
                                                .services = services,
                                                .service_count = 1,
                                                .dtcs = ecu->dtcs,
                                                .dtc_format = CT_DTC_FORMAT_J2012_04,
                                                .dynamic = true,
                                                .events = true};
    return ct_uds_server_create(&server, &ecu->server);
}

int ct_own_ecu_create(const struct ct_own_ecu_config *config, struct ct_own_ecu **out_ecu)
{
    struct ct_own_ecu *ecu = calloc(1, sizeof *ecu);
    if (ecu == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ecu->config = *config;
    ecu->now = config->start;
    (void)snprintf(ecu->vehicle_id, sizeof ecu->vehicle_id, "%s", config->vehicle_id);
    const int err = make_parts(ecu);
    if (err != CT_OK) {
        ct_own_ecu_free(ecu);
        return err;
    }
    *out_ecu = ecu;
    return CT_OK;
}

void ct_own_ecu_free(struct ct_own_ecu *ecu)
{
    if (ecu != NULL) {
        ct_uds_server_free(ecu->server);
        ct_dtc_memory_free(ecu->dtcs);
        free(ecu);
    }
}

void ct_own_ecu_judge(struct ct_own_ecu *ecu, const struct ct_own_health *health, ct_ns now)
{
    const struct ct_own_health before = ecu->health;
    ecu->health = *health;
    ecu->now = now;
    const bool loses = health->lost_frames > before.lost_frames || health->lost_samples > before.lost_samples;
    ct_dtc_report(ecu->dtcs, FAULT_BUS_OFF, health->bus_off);
    ct_dtc_report(ecu->dtcs, FAULT_LOSS, loses);
    ct_dtc_report(ecu->dtcs, FAULT_OUTBOX, health->dropped_records > before.dropped_records);
    ct_dtc_report(ecu->dtcs, FAULT_BUS_DOWN, health->buses_up < health->buses);
}

struct ct_uds_server *ct_own_ecu_server(struct ct_own_ecu *ecu)
{
    return ecu->server;
}

uint32_t ct_own_ecu_revision(const struct ct_own_ecu *ecu)
{
    return ct_dtc_revision(ecu->dtcs);
}

size_t ct_own_ecu_save(const struct ct_own_ecu *ecu, uint8_t out[CT_OWN_ECU_SAVE_MAX])
{
    const size_t size = ct_dtc_save_size(ecu->dtcs);
    assert(size <= CT_OWN_ECU_SAVE_MAX);
    ct_dtc_save(ecu->dtcs, out);
    return size;
}

int ct_own_ecu_restore(struct ct_own_ecu *ecu, const uint8_t *data, size_t len)
{
    const int err = ct_dtc_restore(ecu->dtcs, data, len);
    if (err == CT_OK) {
        ct_dtc_next_cycle(ecu->dtcs);
    }
    return err;
}
