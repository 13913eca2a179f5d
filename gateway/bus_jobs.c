#include "bus_private.h"

#include "diagnostic_wire.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define READ_VALID_MS 10000 /* it waits so long for an ECU that others use */

/* ---- jobs */

static const uint8_t job_mark[8] = {'j', 'o', 'b', 's', 't', 'e', 'p', 0};

static const char *on_job_ecu_name(void *user, size_t ecu)
{
    const struct ct_bus *bus = user;
    return ct_executor_ecu_name(bus->executor, ecu);
}

static void on_job_request(void *user, uint32_t slot, uint32_t step, const struct ct_command *request,
                           enum ct_origin origin, bool release, int64_t valid_ms)
{
    struct ct_bus *bus = user;
    struct ct_command command = *request;
    const struct ct_executor_asker asker = {
        .origin = origin, .release = release, .goes_on = ct_jobs_goes_on(bus->jobs, slot), .valid_ms = valid_ms};
    memcpy(command.command_id, job_mark, sizeof job_mark);
    memcpy(command.command_id + sizeof job_mark, &slot, sizeof slot);
    memcpy(command.command_id + sizeof job_mark + sizeof slot, &step, sizeof step);
    ct_executor_submit_for(bus->executor, &command, &asker, bus->now);
}

/* ---- reads by the gateway itself */

static struct ct_reads_config reads_config(const struct ct_bus *bus)
{
    const struct ct_settings_reads *from = &bus->model->settings->dtc_reads;
    return (struct ct_reads_config){.on_ignition = from->on_ignition,
                                    .on_new_dtc = from->on_new_dtc,
                                    .interval_ns = (ct_ns)from->interval_s * CT_NS_PER_S,
                                    .pause_ns = (ct_ns)from->pause_s * CT_NS_PER_S};
}

static void on_dtc(void *user, const char *ecu, const struct ct_result_dtc *dtc, bool is_new)
{
    char text[CT_EVENT_TEXT_MAX];
    if (is_new) {
        snprintf(text, sizeof text, "%s: trouble code %06X, status %02X", ecu, dtc->code, dtc->status);
    } else {
        snprintf(text, sizeof text, "%s: trouble code %06X has gone", ecu, dtc->code);
    }
    ct_log(CT_LOG_INFO, "%s", text);
    ct_bus_event(user, is_new ? "dtc-new" : "dtc-gone", text, "ecu", ecu);
}

static void on_read_ecu(void *user, const struct ct_result_ecu *ecu)
{
    struct ct_bus *bus = user;
    size_t index = 0;
    if (ct_executor_find_ecu(bus->executor, ecu->ecu, &index) == CT_OK) {
        ct_reads_take(&bus->reads, index, ecu, on_dtc, bus);
    }
}

void ct_bus_reads_answer(void *user, size_t ecu, const uint8_t *response, size_t len, ct_ns now)
{
    struct ct_bus *bus = user;
    uint32_t code = 0;
    (void)now;
    if (bus->model->settings->dtc_reads.on_new_dtc && ct_reads_hear(&bus->reads, ecu, response, len, &code)) {
        char text[CT_EVENT_TEXT_MAX];
        const char *name = ct_executor_ecu_name(bus->executor, ecu);
        snprintf(text, sizeof text, "%s: trouble code %06X has become confirmed; all are read", name, code);
        ct_bus_event(bus, "dtc-confirmed", text, "ecu", name);
    }
}

static void look_at_warning(struct ct_bus *bus)
{
    bool on = false;
    if (ct_bus_warning(bus, &on) && ct_reads_warn(&bus->reads, on)) {
        ct_bus_event(bus, "dtc-warning", "the vehicle's warning has come on; all trouble codes are read", "signal",
                     bus->model->settings->dtc_reads.warning);
    }
}

static void on_read_status(struct ct_bus *bus, const struct ct_command_status *status)
{
    bool truncated = false;
    if (!ct_command_state_final(status->state)) {
        return;
    }
    ct_reads_ended(&bus->reads);
    if (status->response_len == 0 ||
        ct_diagnostic_result_decode(status->response, status->response_len, on_read_ecu, bus, &truncated) != CT_OK) {
        ct_log(CT_LOG_WARNING, "the trouble codes could not be read: %s", ct_command_reason_text(status->reason));
    }
}

ct_ns ct_bus_reads_tick(struct ct_bus *bus)
{
    const struct ct_reads_config config = reads_config(bus);
    struct ct_vehicle_state state = {0};
    if ((!config.on_ignition && !config.on_new_dtc && config.interval_ns == 0) || bus->stopping) {
        return CT_NS_NEVER;
    }
    if (config.on_new_dtc) {
        look_at_warning(bus);
    }
    ct_bus_vehicle_state(bus, bus->now, &state);
    if (ct_reads_begin(&bus->reads, &config, &state, ct_bus_power_may_ask(bus), bus->now)) {
        const struct ct_command order = {
            .action = CT_ACTION_DIAGNOSTIC_JOB, .ecu = "*", .job_kind = CT_DIAGNOSTIC_READ_DTCS};
        ct_jobs_submit(bus->jobs, &order, CT_ORIGIN_GATEWAY, false, READ_VALID_MS, bus->now);
    }
    const ct_ns due = ct_reads_due(&bus->reads, &config);
    return due > bus->now ? due : CT_NS_NEVER; /* what is due and may not begin waits for a frame */
}

static void on_job_status(void *user, enum ct_origin origin, const struct ct_command_status *status)
{
    if (origin == CT_ORIGIN_GATEWAY) {
        on_read_status(user, status);
    } else {
        ct_bus_command_status(user, status);
    }
}

int ct_bus_jobs_open(struct ct_bus *bus)
{
    const struct ct_jobs_ops ops = {.user = bus,
                                    .ecu_count = ct_executor_ecu_count(bus->executor),
                                    .ecu_name = on_job_ecu_name,
                                    .request = on_job_request,
                                    .status = on_job_status};
    return ct_jobs_create(&ops, &bus->jobs);
}

bool ct_bus_job_answer(struct ct_bus *bus, const struct ct_command_status *status)
{
    uint32_t slot = 0;
    uint32_t step = 0;
    if (memcmp(status->command_id, job_mark, sizeof job_mark) != 0) {
        return false;
    }
    memcpy(&slot, status->command_id + sizeof job_mark, sizeof slot);
    memcpy(&step, status->command_id + sizeof job_mark + sizeof slot, sizeof step);
    ct_jobs_answer(bus->jobs, slot, step, status);
    return true;
}

/* ---- testers */

static void on_doip_event(void *user, const char *name, const char *text, const char *key, const char *value)
{
    ct_log(CT_LOG_INFO, "%s", text);
    ct_bus_event(user, name, text, key, value);
}

static bool on_doip_ready(void *user)
{
    const struct ct_bus *bus = user;
    return !bus->stopping && ct_bus_power_may_ask(bus);
}

/* At all: the gate says what. */
static bool on_doip_may_ask(void *user)
{
    struct ct_bus *bus = user;
    ct_bus_power_gate(bus);
    return !bus->stopping;
}

int ct_bus_doip_open(struct ct_bus *bus, char *problem, size_t size)
{
    const struct ct_doip_server_ops ops = {
        .user = bus, .event = on_doip_event, .ready = on_doip_ready, .may_ask = on_doip_may_ask};
    return ct_doip_server_open(bus->model->settings, &bus->loop, bus->executor, &ops, bus->started_ns, &bus->doip,
                               problem, size);
}
