#include "ecu_diag.h"

#include "bytes.h"
#include "ecu_faults.h"
#include "ecu_obd.h"
#include "ecu_service.h"

#include <stdlib.h>
#include <string.h>

#define ROUND_STEPS  10
#define MAGIC        0x45445443U /* "CTDE" */
#define DTCS_AT      (8U + 1U + CT_ECU_MARK_SIZE + CT_ECU_CALIBRATION_SIZE)
#define CRC_SIZE     4U
#define SEED_OF_NODE UINT64_C(0x9E3779B97F4A7C15)

struct ct_ecu_diag {
    struct ct_ecu_data data;
    struct ct_obd_server_config obd;
    struct ct_uds_server *server;
    int64_t next_round;
    double ignition;
    uint8_t attempts; /* as last seen */
};

static int make_dtcs(struct ct_ecu_diag *diag)
{
    struct ct_dtc_memory_config config;
    int err = ct_ecu_faults_config(diag->data.name, &config);
    if (err != CT_OK) {
        return err;
    }
    config.read = ct_ecu_data_read;
    config.user = &diag->data;
    return ct_dtc_memory_create(&config, &diag->data.dtcs);
}

static int make_server(struct ct_ecu_diag *diag, const struct ct_ecu_diag_config *from)
{
    struct ct_uds_server_config config = {.isotp = from->isotp,
                                          .functional_id = from->functional_id,
                                          .periodic_id = from->periodic_id,
                                          .user = &diag->data,
                                          .dtcs = diag->data.dtcs,
                                          .dtc_format = CT_DTC_FORMAT_J2012_04};
    config.dids = ct_ecu_data_dids(&config.did_count);
    ct_ecu_service_config(&config, strcmp(from->node, "BODY") == 0);
    if (strcmp(from->node, "ENGINE") == 0) {
        ct_ecu_obd_config(&diag->data, &diag->obd);
        diag->obd.dtcs = diag->data.dtcs;
        diag->data.obd = &diag->obd;
        config.other = ct_obd_server_answer;
        config.other_user = &diag->obd;
    }
    return ct_uds_server_create(&config, &diag->server);
}

int ct_ecu_diag_create(const struct ct_ecu_diag_config *config, struct ct_ecu_diag **out_diag)
{
    struct ct_ecu_diag *diag = calloc(1, sizeof *diag);
    if (diag == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    diag->data = (struct ct_ecu_data){
        .name = config->node, .vin = config->vin, .part_number = config->part_number, .plant = config->plant};
    memcpy(diag->data.mark, "NEW             ", CT_ECU_MARK_SIZE);
    memset(diag->data.calibration, 0xFF, sizeof diag->data.calibration);
    diag->data.random = config->plant->random ^ (SEED_OF_NODE * (config->isotp.tx_id + 1));
    int err = make_dtcs(diag);
    err = err != CT_OK ? err : make_server(diag, config);
    if (err != CT_OK) {
        ct_ecu_diag_free(diag);
        return err;
    }
    *out_diag = diag;
    return CT_OK;
}

void ct_ecu_diag_free(struct ct_ecu_diag *diag)
{
    if (diag != NULL) {
        ct_uds_server_free(diag->server);
        ct_dtc_memory_free(diag->data.dtcs);
        free(diag);
    }
}

struct ct_uds_server *ct_ecu_diag_server(struct ct_ecu_diag *diag)
{
    return diag->server;
}

struct ct_ecu_data *ct_ecu_diag_data(struct ct_ecu_diag *diag)
{
    return &diag->data;
}

/* Switching the ignition on begins an operation cycle. */
static void watch_ignition(struct ct_ecu_diag *diag)
{
    const double ignition = diag->data.plant->v.ignition;
    if (diag->ignition < CT_IGNITION_ON && ignition >= CT_IGNITION_ON) {
        ct_dtc_next_cycle(diag->data.dtcs);
    }
    diag->ignition = ignition;
}

static void watch_keys(struct ct_ecu_diag *diag)
{
    const uint8_t attempts = ct_uds_server_attempts(diag->server, 0);
    diag->data.revision += attempts != diag->attempts;
    diag->attempts = attempts;
}

ct_ns ct_ecu_diag_tick(struct ct_ecu_diag *diag, ct_ns now)
{
    if (diag->data.plant->steps >= diag->next_round) {
        diag->next_round = diag->data.plant->steps + ROUND_STEPS;
        watch_ignition(diag);
        ct_ecu_faults_test(diag->data.name, diag->data.plant, diag->data.dtcs);
    }
    watch_keys(diag);
    return ct_uds_server_tick(diag->server, now);
}

/* --- over a restart: magic, length of the DTCs, wrong keys, mark, calibration, DTCs, CRC-32C; little-endian --- */

size_t ct_ecu_diag_save_size(const struct ct_ecu_diag *diag)
{
    return DTCS_AT + ct_dtc_save_size(diag->data.dtcs) + CRC_SIZE;
}

void ct_ecu_diag_save(const struct ct_ecu_diag *diag, uint8_t *out)
{
    const size_t dtcs = ct_dtc_save_size(diag->data.dtcs);
    ct_put_le32(out, MAGIC);
    ct_put_le32(out + 4, (uint32_t)dtcs);
    out[8] = ct_uds_server_attempts(diag->server, 0);
    memcpy(out + 9, diag->data.mark, CT_ECU_MARK_SIZE);
    memcpy(out + 9 + CT_ECU_MARK_SIZE, diag->data.calibration, CT_ECU_CALIBRATION_SIZE);
    ct_dtc_save(diag->data.dtcs, out + DTCS_AT);
    ct_put_le32(out + DTCS_AT + dtcs, ct_crc32c(0, out, DTCS_AT + dtcs));
}

int ct_ecu_diag_restore(struct ct_ecu_diag *diag, const uint8_t *data, size_t len, ct_ns now)
{
    if (len < DTCS_AT + CRC_SIZE || ct_le32(data) != MAGIC || ct_le32(data + 4) != len - DTCS_AT - CRC_SIZE ||
        ct_le32(data + len - CRC_SIZE) != ct_crc32c(0, data, len - CRC_SIZE)) {
        return CT_ERR_CORRUPT;
    }
    const int err = ct_dtc_restore(diag->data.dtcs, data + DTCS_AT, len - DTCS_AT - CRC_SIZE);
    if (err != CT_OK) {
        return err;
    }
    diag->attempts = data[8];
    ct_uds_server_attempts_set(diag->server, 0, data[8], now);
    memcpy(diag->data.mark, data + 9, CT_ECU_MARK_SIZE);
    memcpy(diag->data.calibration, data + 9 + CT_ECU_MARK_SIZE, CT_ECU_CALIBRATION_SIZE);
    return CT_OK;
}

uint32_t ct_ecu_diag_revision(const struct ct_ecu_diag *diag)
{
    return diag->data.revision + ct_dtc_revision(diag->data.dtcs);
}
