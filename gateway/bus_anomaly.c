/* Anomalies in the bus thread: counted frame by frame, brought into the twin at most once a second, told as events that
 * become rarer while the same thing goes on. */
#include "bus_entries.h"
#include "bus_private.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

#define PUT_PAUSE_NS   (1 * CT_NS_PER_S)
#define TELL_PAUSE_NS  (10 * CT_NS_PER_S)
#define TELL_PAUSE_MAX (3600 * CT_NS_PER_S)

void ct_bus_anomaly_frames(struct ct_bus *bus, struct bus_port *port, const struct ct_frame *frames, size_t count)
{
    ct_anomalies_frames(bus->model->anomalies, frames, count, &port->anomalies);
}

/* The first at once; then the pause doubles as long as there is something new at its end. */
static ct_ns tell(struct ct_bus *bus, struct bus_port *port, enum ct_anomaly kind)
{
    struct bus_anomaly_told *told = &port->anomalies_told[kind];
    const uint64_t count = port->anomalies.by_kind[kind];
    if (count == told->count) {
        return CT_NS_NEVER;
    }
    if (bus->now < told->due) {
        return told->due;
    }
    char name[CT_EVENT_NAME_MAX];
    char text[CT_EVENT_TEXT_MAX];
    snprintf(name, sizeof name, "anomaly-%s", ct_anomaly_name(kind));
    snprintf(text, sizeof text, "bus %s: %s: id 0x%X, %llu so far", ct_bus_name(bus, port), ct_anomaly_name(kind),
             port->anomalies.newest[kind], (unsigned long long)count);
    ct_log(CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, name, text, "bus", ct_bus_name(bus, port));
    const bool calm = told->count == 0 || bus->now > ct_ns_add(told->due, told->pause);
    told->pause = calm ? TELL_PAUSE_NS : ct_ns_min(2 * told->pause, TELL_PAUSE_MAX);
    told->due = ct_ns_add(bus->now, told->pause);
    told->count = count;
    return CT_NS_NEVER;
}

static ct_ns put(struct ct_bus *bus, struct bus_port *port)
{
    if (memcmp(port->anomalies.by_kind, port->anomalies_put.by_kind, sizeof port->anomalies.by_kind) == 0) {
        return CT_NS_NEVER;
    }
    if (bus->now < port->anomalies_due) {
        return port->anomalies_due;
    }
    port->anomalies_put = port->anomalies;
    port->anomalies_due = ct_ns_add(bus->now, PUT_PAUSE_NS);
    ct_bus_put_entry(bus, ct_bus_entries_anomalies((uint8_t)(port - bus->ports), &port->anomalies));
    return CT_NS_NEVER;
}

ct_ns ct_bus_anomaly_tick(struct ct_bus *bus)
{
    struct ct_anomaly_counts *counts[CT_GATEWAY_BUSES_MAX];
    for (size_t i = 0; i < bus->port_count; i++) {
        counts[i] = &bus->ports[i].anomalies;
    }
    ct_ns due = ct_anomalies_tick(bus->model->anomalies, bus->now, counts, bus->port_count);
    for (size_t i = 0; i < bus->port_count; i++) {
        due = ct_ns_min(due, put(bus, &bus->ports[i]));
        for (unsigned kind = 0; kind < CT_ANOMALY_COUNT; kind++) {
            due = ct_ns_min(due, tell(bus, &bus->ports[i], (enum ct_anomaly)kind));
        }
    }
    return due;
}
