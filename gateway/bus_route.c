/* Frames from one bus to another: the rules of routes.h, then policy, then the gate. */
#include "bus_private.h"

struct routing {
    struct ct_bus *bus;
    struct ct_vehicle_state state;
    bool state_known; /* of this batch */
};

static enum ct_route_result send_routed(void *user, const struct ct_frame *frame, ct_ns now)
{
    struct routing *routing = user;
    struct ct_bus *bus = routing->bus;
    if (frame->bus >= bus->port_count || !bus->model->settings->buses[frame->bus].transmit) {
        return CT_ROUTE_POLICY;
    }
    if (!routing->state_known) {
        ct_bus_vehicle_state(bus, now, &routing->state);
        routing->state_known = true;
    }
    const char *name = bus->model->settings->buses[frame->bus].name;
    if (ct_policy_frame(bus->model->policy, CT_ORIGIN_ROUTE, name, frame, &routing->state, now) != CT_VERDICT_ALLOW) {
        return CT_ROUTE_POLICY;
    }
    const int err = ct_bus_put(bus, frame);
    if (err == CT_OK) {
        return CT_ROUTE_FORWARDED;
    }
    return ct_bus_power_asleep(bus) ? CT_ROUTE_ASLEEP : err == CT_ERR_FULL ? CT_ROUTE_FULL : CT_ROUTE_DOWN;
}

void ct_bus_route(struct ct_bus *bus, const struct ct_frame *frames, size_t count)
{
    struct routing routing = {.bus = bus};
    for (size_t i = 0; i < count && ct_routes_count(bus->model->routes) > 0; i++) {
        ct_routes_frame(bus->model->routes, &frames[i], bus->now, send_routed, &routing);
    }
}
