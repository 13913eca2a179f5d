#include "bus_private.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define LOCAL_VALID_MS 2000

static const uint8_t local_mark[8] = {'l', 'o', 'c', 'a', 'l', 0, 0, 0};

/* ---- what the executor asks for */

static int map_value_of(const struct ct_wire_value *value, struct ct_map_value *out_value)
{
    *out_value = (struct ct_map_value){0};
    switch (value->kind) {
    case CT_WIRE_INTEGER:
        out_value->number = (double)value->integer;
        return CT_OK;
    case CT_WIRE_NUMBER:
        out_value->number = value->number;
        return CT_OK;
    case CT_WIRE_BOOLEAN:
        out_value->number = value->boolean ? 1 : 0;
        out_value->is_bool = true;
        return CT_OK;
    case CT_WIRE_TEXT:
        out_value->text = value->text;
        return CT_OK;
    case CT_WIRE_RAW:
        break;
    }
    return CT_ERR_ARGUMENT;
}

/* A boolean actuator takes 0 and 1 as false and true, whatever form they travelled in. */
static void fit_to_entry(const struct ct_bus *bus, const char *path, struct ct_map_value *value)
{
    const struct ct_catalogue *catalogue = ct_bind_catalogue(bus->model->pipeline.bind);
    uint32_t id = 0;
    if (value->text == NULL && ct_catalogue_find(catalogue, path, &id) == CT_OK &&
        ct_catalogue_entry(catalogue, id)->datatype == CT_DT_BOOLEAN && (value->number == 0 || value->number == 1)) {
        value->is_bool = true;
    }
}

static int on_encode(void *user, const char *path, const struct ct_wire_value *value,
                     struct ct_executor_write *out_write)
{
    struct ct_bus *bus = user;
    const struct ct_bind *bind = bus->model->pipeline.bind;
    struct ct_map_value wanted;
    int err = map_value_of(value, &wanted);
    if (err != CT_OK) {
        return err;
    }
    fit_to_entry(bus, path, &wanted);
    struct ct_executor_write write = {.physical = wanted.number, .expected = wanted.number};
    err = ct_bind_encode(bind, path, &wanted, &write.frame);
    if (err != CT_OK) {
        return err;
    }
    write.bus = write.frame.bus;
    write.bus_name = bus->model->settings->buses[write.bus].name;
    write.observable = wanted.text == NULL && ct_bind_observable(bind, path);
    write.tolerance = ct_bind_tolerance(bind, path);
    *out_write = write;
    return CT_OK;
}

static int on_read(void *user, const char *path, double *out_physical, ct_ns *out_t_ns)
{
    const struct ct_bus *bus = user;
    const struct ct_catalogue *catalogue = ct_bind_catalogue(bus->model->pipeline.bind);
    uint32_t id = 0;
    struct ct_reading reading;
    if (ct_catalogue_find(catalogue, path, &id) != CT_OK ||
        ct_twin_get(bus->model->pipeline.twin, id, &reading) != CT_OK || reading.sample.quality != 0) {
        return CT_ERR_AGAIN;
    }
    *out_physical = ct_entry_physical(ct_catalogue_entry(catalogue, id), &reading.sample);
    *out_t_ns = ct_bind_confirmed_ns(bus->model->pipeline.bind, bus->model->pipeline.twin, id);
    return CT_OK;
}

/* The reading of a source of the vehicle's state, if it is fresh and good. */
static bool good_reading(const struct ct_bus *bus, uint32_t id, struct ct_reading *out_reading)
{
    return id != CT_NO_SOURCE && ct_twin_get(bus->model->pipeline.twin, id, out_reading) == CT_OK &&
           out_reading->sample.quality == 0;
}

static bool good_number(const struct ct_bus *bus, uint32_t id, double *out_number)
{
    struct ct_reading reading;
    if (!good_reading(bus, id, &reading)) {
        return false;
    }
    const struct ct_entry *entry = ct_catalogue_entry(ct_bind_catalogue(bus->model->pipeline.bind), id);
    if (entry->kind != CT_KIND_RAW && entry->kind != CT_KIND_DOUBLE) {
        return false;
    }
    *out_number = ct_entry_physical(entry, &reading.sample);
    return true;
}

/* Vehicle.LowVoltageSystemState of VSS 6 is text; a plain switch is a number. */
static bool good_ignition(const struct ct_bus *bus, uint32_t id, bool *out_on)
{
    struct ct_reading reading;
    if (!good_reading(bus, id, &reading)) {
        return false;
    }
    const struct ct_entry *entry = ct_catalogue_entry(ct_bind_catalogue(bus->model->pipeline.bind), id);
    if (entry->kind != CT_KIND_STRING) {
        *out_on = ct_entry_physical(entry, &reading.sample) != 0;
        return true;
    }
    const struct ct_sample *text = &reading.sample;
    *out_on = (text->len == 2 && memcmp(text->bytes, "ON", 2) == 0) ||
              (text->len == 5 && memcmp(text->bytes, "START", 5) == 0);
    return true;
}

void ct_bus_vehicle_state(const struct ct_bus *bus, ct_ns now, struct ct_vehicle_state *out_state)
{
    const struct ct_vehicle_sources *sources = &bus->model->sources;
    struct ct_vehicle_state state = {0};
    double gear = 0;
    (void)now; /* the twin marks what is too old */
    state.speed_known = good_number(bus, sources->speed, &state.speed_kmh);
    state.ignition_known = good_ignition(bus, sources->ignition, &state.ignition_on);
    state.gear_known = good_number(bus, sources->gear, &gear) && gear >= -128 && gear <= 127;
    state.gear = state.gear_known ? (int)gear : 0;
    state.voltage_known = good_number(bus, sources->voltage, &state.voltage);
    *out_state = state;
}

bool ct_bus_warning(const struct ct_bus *bus, bool *out_on)
{
    double number = 0;
    const bool known = good_number(bus, bus->model->sources.warning, &number);
    *out_on = known && number != 0;
    return known;
}

static void on_vehicle_state(void *user, ct_ns now, struct ct_vehicle_state *out_state)
{
    ct_bus_vehicle_state(user, now, out_state);
}

static bool on_unconfirmed(void *user, const struct ct_frame *frame)
{
    const struct ct_bus *bus = user;
    return frame->bus < bus->port_count && ct_port_unconfirmed(bus->ports[frame->bus].port, frame);
}

/* ---- statuses */

static void on_lease(void *user, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now)
{
    struct ct_bus *bus = user;
    if (bus->status != NULL && lease->holder.origin == CT_ORIGIN_LOCAL) {
        ct_status_lease(bus->status, lease, change, now);
    }
    if (!lease->brief && (change == CT_LEASE_CHANGE_FOREIGN || change == CT_LEASE_CHANGE_PREEMPTED)) {
        char text[CT_EVENT_TEXT_MAX];
        snprintf(text, sizeof text, "the lease of %s on ECU %s has ended: %s", ct_origin_text(lease->holder.origin),
                 ct_executor_ecu_name(bus->executor, lease->ecu), ct_lease_change_text(change));
        ct_bus_event(bus, "lease-lost", text, "ecu", ct_executor_ecu_name(bus->executor, lease->ecu));
    }
}

static bool is_local(const uint8_t *command_id)
{
    return memcmp(command_id, local_mark, sizeof local_mark) == 0;
}

static void on_local_status(struct ct_bus *bus, const struct ct_command_status *status)
{
    uint32_t client = 0;
    uint32_t tag = 0;
    memcpy(&client, status->command_id + sizeof local_mark, sizeof client);
    memcpy(&tag, status->command_id + sizeof local_mark + sizeof client, sizeof tag);
    if (bus->status != NULL) {
        ct_status_command(bus->status, client, tag, status);
    }
    if (ct_command_state_final(status->state)) {
        ct_bus_event(bus, "local-command", status->text != NULL ? status->text : "", "state",
                     ct_command_state_text(status->state));
    }
}

/* Of local clients only: nobody else asks so. */
static void on_functional(void *user, const uint8_t command_id[CT_COMMAND_ID_SIZE], size_t ecu, const uint8_t *response,
                          size_t len)
{
    const struct ct_bus *bus = user;
    uint32_t client = 0;
    uint32_t tag = 0;
    memcpy(&client, command_id + sizeof local_mark, sizeof client);
    memcpy(&tag, command_id + sizeof local_mark + sizeof client, sizeof tag);
    if (bus->status != NULL) {
        ct_status_functional(bus->status, client, tag, ecu, response, len);
    }
}

void ct_bus_command_status(void *user, const struct ct_command_status *status)
{
    struct ct_bus *bus = user;
    if (ct_bus_job_answer(bus, status)) {
        return;
    }
    ct_log(CT_LOG_INFO, "command %llu: %s%s%s", (unsigned long long)status->seq, ct_command_state_text(status->state),
           status->reason != CT_REASON_NONE ? ": " : "",
           status->reason != CT_REASON_NONE ? ct_command_reason_text(status->reason) : "");
    if (is_local(status->command_id)) {
        on_local_status(bus, status);
        return;
    }
    struct ct_msg_status message = {.state = status->state,
                                    .reason = status->reason,
                                    .seq = status->seq,
                                    .t_ns = status->t_ns,
                                    .has_reported = status->has_reported,
                                    .reported = status->reported};
    memcpy(message.command_id, status->command_id, CT_COMMAND_ID_SIZE);
    snprintf(message.text, sizeof message.text, "%s", status->text != NULL ? status->text : "");
    ct_bus_status(bus, &message, status->response, status->response_len);
}

static void mark_local(uint8_t out_id[CT_COMMAND_ID_SIZE], uint32_t client, uint32_t tag)
{
    memcpy(out_id, local_mark, sizeof local_mark);
    memcpy(out_id + sizeof local_mark, &client, sizeof client);
    memcpy(out_id + sizeof local_mark + sizeof client, &tag, sizeof tag);
}

static struct ct_executor_asker local_asker(uint32_t client)
{
    return (struct ct_executor_asker){.origin = CT_ORIGIN_LOCAL, .client = client, .valid_ms = LOCAL_VALID_MS};
}

void ct_bus_request_local(struct ct_bus *bus, uint32_t client, uint32_t tag, const char *functional,
                          struct ct_executor_request *request)
{
    const struct ct_executor_asker asker = local_asker(client);
    struct ct_command order = {.action = CT_ACTION_DIAGNOSTIC_REQUEST};
    mark_local(request->command_id, client, tag);
    memcpy(order.command_id, request->command_id, CT_COMMAND_ID_SIZE);
    if (ct_bus_power_refuses(bus, &order)) {
        return;
    }
    if (functional != NULL) {
        ct_executor_functional(bus->executor, functional, request, &asker, bus->now);
    } else {
        ct_executor_request(bus->executor, request, &asker, bus->now);
    }
}

void ct_bus_set_local(struct ct_bus *bus, uint32_t client, const char *path, const struct ct_wire_value *value)
{
    const struct ct_executor_asker asker = local_asker(client);
    struct ct_command command = {.action = CT_ACTION_SET_DESIRED, .value = *value};
    snprintf(command.path, sizeof command.path, "%s", path);
    mark_local(command.command_id, client, 0);
    if (!ct_bus_power_refuses(bus, &command)) {
        ct_executor_submit_for(bus->executor, &command, &asker, bus->now);
    }
}

/* ---- out to the ports */

static int open_functional(struct ct_bus *bus)
{
    const struct ct_settings *settings = bus->model->settings;
    struct ct_functional_address addresses[CT_GATEWAY_BUSES_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < settings->buses_count; i++) {
        if (settings->buses[i].functional_id != 0) {
            addresses[count++] =
                (struct ct_functional_address){.bus = (uint8_t)i,
                                               .bus_name = settings->buses[i].name,
                                               .isotp = ct_settings_functional(settings->buses[i].functional_id)};
        }
    }
    return ct_executor_open_functional(bus->executor, addresses, count);
}

int ct_bus_executor_open(struct ct_bus *bus)
{
    const struct ct_settings *settings = bus->model->settings;
    struct ct_executor_ecu ecus[CT_EXECUTOR_ECU_MAX];
    for (unsigned i = 0; i < settings->ecus_count; i++) {
        uint8_t index = 0;
        while (strcmp(settings->buses[index].name, settings->ecus[i].bus) != 0) {
            index++;
        }
        ecus[i] = (struct ct_executor_ecu){.name = settings->ecus[i].name,
                                           .bus_name = settings->ecus[i].bus,
                                           .bus = index,
                                           .client = {.isotp = ct_settings_ecu_isotp(&settings->ecus[i])}};
    }
    const struct ct_executor_ops ops = {.user = bus,
                                        .encode = on_encode,
                                        .read = on_read,
                                        .vehicle_state = on_vehicle_state,
                                        .status = ct_bus_command_status,
                                        .answer = ct_bus_reads_answer,
                                        .unconfirmed = on_unconfirmed,
                                        .functional = on_functional,
                                        .lease = on_lease};
    const int err = ct_executor_create(&ops, bus->model->policy, ecus, settings->ecus_count, &bus->executor);
    return err == CT_OK ? open_functional(bus) : err;
}

_Static_assert(CT_GATEWAY_BUSES_MAX <= CT_EXECUTOR_BUSES_MAX, "a bit for each bus");

/* CT_ERR_AGAIN: the port is full, keep the frame for a while. CT_ERR_DOWN: it was not sent, whatever the reason. */
static int send_frame(struct ct_bus *bus, const struct ct_frame *frame, ct_ns since)
{
    const int err = ct_bus_put(bus, frame);
    if (err == CT_OK) {
        return CT_OK;
    }
    if (err == CT_ERR_FULL && ct_ns_add(since, BUS_SEND_PATIENCE) > bus->now) {
        ct_policy_keep(bus->model->policy, bus->model->settings->buses[frame->bus].name, frame, bus->now);
        return CT_ERR_AGAIN;
    }
    ct_log(CT_LOG_WARNING, "a frame could not be sent on %s: %s", bus->model->settings->buses[frame->bus].name,
           ct_err_text(err));
    ct_executor_send_failed(bus->executor, frame->bus, bus->now);
    return CT_ERR_DOWN;
}

/* What waits, before anything newer of the same bus; a bit for each bus that is still full. */
static uint32_t send_waiting(struct ct_bus *bus, bool *failed)
{
    uint32_t full = 0;
    for (size_t i = 0; i < bus->port_count; i++) {
        struct bus_port *port = &bus->ports[i];
        if (!port->has_unsent) {
            continue;
        }
        const int err = send_frame(bus, &port->unsent, port->unsent_since);
        port->has_unsent = err == CT_ERR_AGAIN;
        full |= port->has_unsent ? UINT32_C(1) << i : 0;
        *failed = *failed || err == CT_ERR_DOWN;
    }
    return full;
}

bool ct_bus_send_pump(struct ct_bus *bus)
{
    bool failed = false;
    uint32_t full = send_waiting(bus, &failed);
    struct ct_frame frame;
    ct_executor_hold(bus->executor, full);
    while (ct_executor_next_frame(bus->executor, &frame, bus->now) == CT_OK) {
        const int err = send_frame(bus, &frame, bus->now);
        if (err == CT_ERR_AGAIN) { /* only of a bus with a port */
            struct bus_port *port = &bus->ports[frame.bus];
            port->unsent = frame;
            port->has_unsent = true;
            port->unsent_since = bus->now;
            full |= UINT32_C(1) << frame.bus;
            ct_executor_hold(bus->executor, full);
        }
        failed = failed || err == CT_ERR_DOWN;
    }
    return failed || full != 0;
}
