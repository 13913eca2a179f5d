#include "bus_private.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

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
    const struct ct_executor_asker asker = {.origin = origin, .release = release, .valid_ms = valid_ms};
    memcpy(command.command_id, job_mark, sizeof job_mark);
    memcpy(command.command_id + sizeof job_mark, &slot, sizeof slot);
    memcpy(command.command_id + sizeof job_mark + sizeof slot, &step, sizeof step);
    ct_executor_submit_for(bus->executor, &command, &asker, bus->now);
}

static void on_job_status(void *user, enum ct_origin origin, const struct ct_command_status *status)
{
    (void)origin;
    ct_bus_command_status(user, status);
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

static bool on_doip_may_ask(void *user)
{
    const struct ct_bus *bus = user;
    return !bus->stopping && ct_bus_power_may_ask(bus);
}

int ct_bus_doip_open(struct ct_bus *bus, char *problem, size_t size)
{
    const struct ct_doip_server_ops ops = {
        .user = bus, .event = on_doip_event, .ready = on_doip_may_ask, .may_ask = on_doip_may_ask};
    return ct_doip_server_open(bus->model->settings, &bus->loop, bus->executor, &ops, bus->started_ns, &bus->doip,
                               problem, size);
}
