/* The gate: the only place of the process where a frame leaves for a bus, whoever it comes from. */
#include "bus_private.h"

static int admit(const struct ct_bus *bus, const struct ct_frame *frame)
{
    if (frame->bus >= bus->port_count || !bus->model->settings->buses[frame->bus].transmit) {
        return CT_ERR_PERMISSION;
    }
    /* Nobody may leave without having been asked about: see ct_policy_pass. */
    const char *name = bus->model->settings->buses[frame->bus].name;
    return ct_policy_pass(bus->model->policy, name, frame, bus->now) ? CT_OK : CT_ERR_PERMISSION;
}

/* A transceiver in standby carries nothing: the controller would keep the frame, and send it long after its time when
 * the bus wakes. A controller that is bus-off takes no part in the bus: what is handed to it is lost, though its driver
 * may take it.
 */
static int write_to(const struct ct_bus *bus, struct bus_port *port, const struct ct_frame *frame)
{
    if (ct_bus_power_asleep(bus)) {
        port->asleep++;
        return CT_ERR_DOWN;
    }
    if (port->health.known && port->health.state == CT_BUS_OFF) {
        port->unsent_off++;
        return CT_ERR_DOWN;
    }
    return ct_port_write(port->port, frame);
}

int ct_bus_put(struct ct_bus *bus, const struct ct_frame *frame)
{
    int err = admit(bus, frame);
    if (err != CT_OK) {
        return err;
    }
    struct bus_port *port = &bus->ports[frame->bus];
    err = write_to(bus, port, frame);
    if (err == CT_OK) {
        port->wrote = true;
        ct_bus_watch_frame(port, frame);
        ct_bind_sent(bus->model->pipeline.bind, frame);
        ct_routes_sent(bus->model->routes, frame, bus->now);
    } else if (err != CT_ERR_FULL) {
        ct_bus_follow_fd(bus, port);
    }
    return err;
}
