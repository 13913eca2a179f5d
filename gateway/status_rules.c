/* The rules and the buses' anomalies on the status socket. */
#include "bus_private.h"
#include "rules_json.h"

bool ct_status_rules_line(const struct ct_bus *bus, size_t index, struct ct_buf *out)
{
    struct ct_rules_bus buses[CT_GATEWAY_BUSES_MAX];
    for (size_t i = 0; i < bus->port_count; i++) {
        const struct bus_port *port = &bus->ports[i];
        buses[i] = (struct ct_rules_bus){.name = ct_bus_name(bus, port),
                                         .transmit = bus->model->settings->buses[i].transmit,
                                         .sent = port->port->stats.sent,
                                         .unsent = ct_bus_unsent(port),
                                         .unconfirmed = port->port->stats.unconfirmed,
                                         .anomalies = port->anomalies};
    }
    const struct ct_rules_view view = {.policy = bus->model->policy,
                                       .routes = bus->model->routes,
                                       .buses = buses,
                                       .bus_count = bus->port_count,
                                       .live = true,
                                       .now = bus->now};
    return ct_rules_json_line(&view, index, out);
}
