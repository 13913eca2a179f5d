/* The gateway's own ECU on one bus: frames in and out of its UDS server, its health judged once a second. What it sends
 * passes policy (origin `gateway`) and the gate as all frames do. What its DTCs have become goes to the storage thread,
 * which keeps it: at once after a quiet time, else at most every SAVE_EVERY. */
#include "bus_private.h"
#include "own_ecu.h"
#include "storage.h"

#include "files.h"
#include "log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JUDGE_EVERY CT_NS_PER_S
#define SAVE_EVERY  (10 * CT_NS_PER_S)
#define FILE_MAX    65536

struct bus_diag {
    struct ct_own_ecu *ecu;
    uint8_t bus;
    ct_ns judge_due, save_due; /* not before */
    uint32_t saved_revision;
    struct ct_frame unsent;
    bool has_unsent, refused_told;
};

/* Fresh where nothing was kept; what cannot be read is told and left behind. */
static void restore(struct bus_diag *diag, const struct ct_settings *settings)
{
    char path[PATH_MAX];
    uint8_t *data = NULL;
    size_t len = 0;
    const int n = snprintf(path, sizeof path, "%s/%s", settings->state_dir, CT_STORAGE_OWN_DTCS);
    int err = n < (int)sizeof path ? ct_file_read(path, FILE_MAX, &data, &len) : CT_ERR_TOO_LARGE;
    if (err == CT_OK) {
        err = ct_own_ecu_restore(diag->ecu, data, len);
        free(data);
    }
    if (err != CT_OK && err != CT_ERR_NOT_FOUND) {
        ct_log(CT_LOG_WARNING, "%s: the gateway's own trouble codes are lost: %s", path, ct_err_text(err));
    }
}

int ct_bus_diag_open(struct ct_bus *bus)
{
    const struct ct_settings_diagnostics *settings = &bus->model->settings->diagnostics;
    if (settings->bus == NULL) {
        return CT_OK;
    }
    struct bus_diag *diag = calloc(1, sizeof *diag);
    if (diag == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    while (strcmp(bus->model->settings->buses[diag->bus].name, settings->bus) != 0) {
        diag->bus++;
    }
    struct ct_own_ecu_config config = {.isotp = ct_isotp_config_usual(settings->response_id, settings->request_id),
                                       .functional_id = settings->functional_id,
                                       .vehicle_id = bus->model->settings->vehicle_id,
                                       .version = CANTWIN_VERSION,
                                       .start = bus->started_ns};
    if (settings->fd) {
        config.isotp.fd = true;
        config.isotp.brs = true;
        config.isotp.tx_dl = CT_FRAME_DATA_MAX;
    }
    int err = ct_isotp_claim(ct_executor_claims(bus->executor), diag->bus, &config.isotp, diag, NULL);
    err = err == CT_OK ? ct_own_ecu_create(&config, &diag->ecu) : err;
    if (err != CT_OK) {
        ct_isotp_release(ct_executor_claims(bus->executor), diag);
        free(diag);
        return err;
    }
    restore(diag, bus->model->settings);
    bus->diag = diag;
    return CT_OK;
}

void ct_bus_diag_close(struct ct_bus *bus)
{
    if (bus->diag != NULL) {
        ct_isotp_release(ct_executor_claims(bus->executor), bus->diag);
        ct_own_ecu_free(bus->diag->ecu);
        free(bus->diag);
        bus->diag = NULL;
    }
}

void ct_bus_diag_frame(struct ct_bus *bus, const struct ct_frame *frame)
{
    if (bus->diag != NULL && frame->bus == bus->diag->bus && (frame->flags & CT_FRAME_SENT) == 0) {
        (void)ct_uds_server_receive(ct_own_ecu_server(bus->diag->ecu), frame, bus->now);
    }
}

static void judge(struct ct_bus *bus)
{
    struct ct_own_health health = {.lost_samples = bus->lost_total,
                                   .dropped_records = bus->storage_stats.outbox.dropped_records};
    for (size_t i = 0; i < bus->port_count; i++) {
        const struct bus_port *port = &bus->ports[i];
        health.buses++;
        health.buses_up = (uint8_t)(health.buses_up + port->port->stats.up);
        health.bus_off = health.bus_off || (port->health.known && port->health.state == CT_BUS_OFF);
        health.lost_frames += port->port->stats.lost;
    }
    ct_own_ecu_judge(bus->diag->ecu, &health, bus->now);
}

static int put(struct ct_bus *bus, struct bus_diag *diag)
{
    struct ct_vehicle_state state;
    const struct ct_frame *frame = &diag->unsent;
    const char *name = bus->model->settings->buses[diag->bus].name;
    ct_bus_vehicle_state(bus, bus->now, &state);
    const enum ct_verdict verdict =
        ct_policy_frame(bus->model->policy, CT_ORIGIN_GATEWAY, name, frame, &state, bus->now);
    if (verdict != CT_VERDICT_ALLOW) {
        if (!diag->refused_told) {
            ct_log(
                CT_LOG_WARNING,
                "diagnostics: an answer with id 0x%X may not leave on %s: %s; give the policy a frame rule with origin "
                "gateway",
                frame->id, name, ct_verdict_text(verdict));
        }
        diag->refused_told = true;
        return CT_ERR_PERMISSION;
    }
    return ct_bus_put(bus, frame);
}

static void save(struct ct_bus *bus, struct bus_diag *diag)
{
    uint8_t data[CT_OWN_ECU_SAVE_MAX];
    const uint32_t revision = ct_own_ecu_revision(diag->ecu);
    if (revision != diag->saved_revision) {
        diag->saved_revision = revision;
        diag->save_due = ct_ns_add(bus->now, SAVE_EVERY);
        ct_bus_own_dtcs(bus, data, ct_own_ecu_save(diag->ecu, data));
    }
}

void ct_bus_diag_stop(struct ct_bus *bus)
{
    if (bus->diag != NULL) {
        save(bus, bus->diag);
    }
}

/* A full port is tried again in the next round; whatever else happens to a frame, ISO-TP's timers notice. */
static void pump(struct ct_bus *bus, struct bus_diag *diag)
{
    struct ct_uds_server *server = ct_own_ecu_server(diag->ecu);
    for (unsigned i = 0; i < BUS_READ_MAX; i++) {
        if (!diag->has_unsent && ct_uds_server_next_frame(server, &diag->unsent, bus->now) != CT_OK) {
            return;
        }
        diag->unsent.bus = diag->bus;
        diag->has_unsent = put(bus, diag) == CT_ERR_FULL;
        if (diag->has_unsent) {
            return;
        }
    }
}

ct_ns ct_bus_diag_tick(struct ct_bus *bus)
{
    struct bus_diag *diag = bus->diag;
    if (diag == NULL || bus->stopping) {
        return CT_NS_NEVER;
    }
    if (bus->now >= diag->judge_due) {
        diag->judge_due = ct_ns_add(bus->now, JUDGE_EVERY);
        judge(bus);
    }
    ct_ns due = ct_uds_server_tick(ct_own_ecu_server(diag->ecu), bus->now);
    pump(bus, diag);
    due = ct_ns_min(due, ct_uds_server_tick(ct_own_ecu_server(diag->ecu), bus->now));
    if (bus->now >= diag->save_due) {
        save(bus, diag);
    }
    due = diag->has_unsent ? ct_ns_add(bus->now, CT_NS_PER_MS) : due;
    return ct_ns_min(due, diag->judge_due);
}
