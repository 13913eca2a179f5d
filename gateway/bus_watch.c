/* Health and load of the buses: from error frames, from what the interface says, from the frames themselves; into the
 * twin and into events. */
#include "bus_entries.h"
#include "bus_private.h"

#include "link_message.h"
#include "log.h"

#include <stdio.h>

#define HEALTH_PAUSE_NS (100 * CT_NS_PER_MS) /* a controller may change its state with every error frame */

static uint8_t index_of(const struct ct_bus *bus, const struct bus_port *port)
{
    return (uint8_t)(port - bus->ports);
}

/* A bus of its own, behind those of the configuration: see load.c. */
void ct_bus_put_entry(struct ct_bus *bus, struct ct_frame frame)
{
    frame.bus = (uint8_t)bus->port_count;
    frame.t_ns = bus->now;
    ct_pipeline_frame(&bus->model->pipeline, &frame, bus->now, &bus->own_counts, ct_bus_emit, bus);
}

void ct_bus_watch_open(struct bus_port *port, ct_ns now)
{
    ct_bus_load_init(&port->load, now);
}

void ct_bus_watch_frame(struct bus_port *port, const struct ct_frame *frame)
{
    (void)ct_bus_health_frame(&port->health, frame);
    ct_bus_load_frame(&port->load, frame);
}

/* Once: it is the system's to set, and nothing to be done about here. */
static void tell_restart(const struct ct_bus *bus, struct bus_port *port)
{
    const struct ct_port_link *link = &port->port->link;
    if (link->has_restart && link->restart_ms == 0 && !port->restart_told) {
        ct_log(CT_LOG_WARNING, "bus %s: " CT_LINK_NO_RESTART, ct_bus_name(bus, port), port->port->name);
    }
    port->restart_told = link->has_restart && link->restart_ms == 0;
}

static void take_link(const struct ct_bus *bus, struct bus_port *port, ct_ns now)
{
    const struct ct_port_link *link = &port->port->link;
    if (link->revision == port->link_revision || link->state >= CT_BUS_STATE_COUNT) {
        return;
    }
    port->link_revision = link->revision;
    tell_restart(bus, port);
    /* A driver that cannot read the counters may still put them into its error frames. */
    (void)ct_bus_health_report(&port->health, (enum ct_bus_state)link->state,
                               link->has_counters ? link->tx_errors : port->health.tx_errors,
                               link->has_counters ? link->rx_errors : port->health.rx_errors, now);
}

static void tell_state(struct ct_bus *bus, const struct bus_port *port)
{
    const struct ct_bus_health *health = &port->health;
    const bool was_off = health->bus_offs != port->health_put.bus_offs;
    char text[CT_EVENT_TEXT_MAX];
    if (health->state == port->health_put.state && !was_off && port->health_put.known) {
        return;
    }
    snprintf(text, sizeof text, "bus %s: controller is %s%s, error counters tx %u rx %u", ct_bus_name(bus, port),
             ct_bus_state_text(health->state), was_off && health->state != CT_BUS_OFF ? " after a bus-off" : "",
             health->tx_errors, health->rx_errors);
    const bool good = health->state == CT_BUS_ERROR_ACTIVE && !was_off;
    ct_log(good ? CT_LOG_INFO : CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, was_off ? "bus-off" : "bus-state", text, "bus", ct_bus_name(bus, port));
}

/* Its state alone does not tell: it may be error-active again each time somebody looks. */
static void tell_alarm(struct ct_bus *bus, struct bus_port *port)
{
    char text[CT_EVENT_TEXT_MAX];
    if (!ct_bus_off_alarm_take(&port->alarm, port->health.bus_offs, bus->now)) {
        return;
    }
    snprintf(text, sizeof text, "bus %s: more than %d bus-offs within a minute, %llu since the start",
             ct_bus_name(bus, port), CT_BUS_OFFS_MAX, (unsigned long long)port->health.bus_offs);
    ct_log(CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, "bus-off-alarm", text, "bus", ct_bus_name(bus, port));
}

static bool same_health(const struct ct_bus_health *a, const struct ct_bus_health *b)
{
    return a->known == b->known && a->state == b->state && a->tx_errors == b->tx_errors &&
           a->rx_errors == b->rx_errors && a->bus_offs == b->bus_offs;
}

/* Of all controllers that are known. */
static void put_network(struct ct_bus *bus)
{
    enum ct_bus_state worst = CT_BUS_ERROR_ACTIVE;
    for (size_t i = 0; i < bus->port_count; i++) {
        const struct ct_bus_health *health = &bus->ports[i].health_put;
        worst = health->known ? ct_bus_state_worse(worst, health->state) : worst;
    }
    if (!bus->network_known || worst != bus->network_put) {
        bus->network_known = true;
        bus->network_put = worst;
        ct_bus_put_entry(bus, ct_bus_entries_network(worst));
    }
}

/* At most one in a while, and the last one always. */
static ct_ns put_health(struct ct_bus *bus, struct bus_port *port)
{
    if (!port->health.known || same_health(&port->health, &port->health_put)) {
        return CT_NS_NEVER;
    }
    if (bus->now < port->health_due) {
        return port->health_due;
    }
    ct_bus_put_entry(bus, ct_bus_entries_health(index_of(bus, port), &port->health));
    tell_state(bus, port);
    port->health_put = port->health;
    port->health_due = ct_ns_add(bus->now, HEALTH_PAUSE_NS);
    put_network(bus);
    return CT_NS_NEVER;
}

static ct_ns put_errors(struct ct_bus *bus, struct bus_port *port)
{
    const struct ct_bus_health *now = &port->health;
    const struct ct_bus_health *put = &port->errors_put;
    if (now->error_frames == put->error_frames && now->bus_errors == put->bus_errors &&
        now->restarts == put->restarts) {
        return CT_NS_NEVER;
    }
    if (bus->now < port->errors_due) {
        return port->errors_due;
    }
    ct_bus_put_entry(bus, ct_bus_entries_errors(index_of(bus, port), now));
    port->errors_put = *now;
    port->errors_due = ct_ns_add(bus->now, HEALTH_PAUSE_NS);
    return CT_NS_NEVER;
}

static ct_ns put_load(struct ct_bus *bus, struct bus_port *port)
{
    const struct ct_settings_bus *config = &bus->model->settings->buses[index_of(bus, port)];
    const struct ct_port_link *link = &port->port->link;
    ct_bus_load_set_rates(&port->load, config->bitrate != 0 ? config->bitrate : link->bitrate,
                          config->data_bitrate != 0 ? config->data_bitrate : link->data_bitrate);
    const double before = port->load.percent;
    if (ct_bus_load_tick(&port->load, bus->now) && port->load.percent != before) {
        ct_bus_put_entry(bus, ct_bus_entries_load(index_of(bus, port), port->load.percent));
    }
    /* A bus that has been silent for a window stays at 0 without being looked at. */
    const bool silent = port->load.bitrate == 0 || (port->load.percent == 0 && port->load.busy_ns == 0);
    return silent ? CT_NS_NEVER : ct_ns_add(port->load.window_start, CT_BUS_LOAD_WINDOW);
}

static void put_losses(struct ct_bus *bus, struct bus_port *port)
{
    /* What was told, so that the twin moves with the events. */
    if (port->lost_told == port->lost_put && port->expired_told == port->expired_put &&
        port->unconfirmed_told == port->unconfirmed_put) {
        return;
    }
    port->lost_put = port->lost_told;
    port->expired_put = port->expired_told;
    port->unconfirmed_put = port->unconfirmed_told;
    ct_bus_put_entry(
        bus, ct_bus_entries_losses(index_of(bus, port), port->lost_put, port->expired_put, port->unconfirmed_put));
}

ct_ns ct_bus_watch_tick(struct ct_bus *bus, struct bus_port *port)
{
    take_link(bus, port, bus->now);
    tell_alarm(bus, port);
    put_losses(bus, port);
    const ct_ns load_due = put_load(bus, port);
    const ct_ns health_due = put_health(bus, port);
    return ct_ns_min(ct_ns_min(load_due, health_due), put_errors(bus, port));
}
