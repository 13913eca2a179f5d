/* What is told of the ports themselves: up, down, frames lost, unsent and unconfirmed, malformed lines. */
#include "bus_private.h"

#include "log.h"

#include <stdio.h>

#define LOSS_PAUSE_NS CT_NS_PER_S /* between two reports of lost frames of a bus */

const char *ct_bus_name(const struct ct_bus *bus, const struct bus_port *port)
{
    return bus->model->settings->buses[port - bus->ports].name;
}

/* Nobody counts the frames of a bus that is away, so the gap has a time only. */
static void end_hole(struct ct_bus *bus, struct bus_port *port)
{
    if (port->in_hole) {
        const struct ct_msg_gap gap = {.reason = CT_GAP_BUS_LOSS, .from_ns = port->hole_since, .to_ns = bus->now};
        port->in_hole = false;
        ct_bus_gap(bus, &gap);
    }
}

static void begin_hole(struct bus_port *port, ct_ns since)
{
    if (!port->ended || port->failed) { /* a log that is over misses nothing */
        port->in_hole = true;
        port->hole_since = since;
    }
}

static void say_up_down(struct ct_bus *bus, struct bus_port *port, bool up)
{
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "bus %s is %s", ct_bus_name(bus, port), up ? "up" : "down");
    ct_log(up ? CT_LOG_INFO : CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, up ? "bus-up" : "bus-down", text, "bus", ct_bus_name(bus, port));
}

static void tell_up_down(struct ct_bus *bus, struct bus_port *port)
{
    const struct ct_port_stats *stats = &port->port->stats;
    const bool up = stats->up;
    if (up && port->was_up && stats->outages != port->outages_told) { /* away and back since the last look */
        say_up_down(bus, port, false);
        begin_hole(port, port->told_at);
        port->was_up = false;
    }
    port->outages_told = stats->outages;
    if (up == port->was_up) {
        return;
    }
    port->was_up = up;
    say_up_down(bus, port, up);
    if (up) {
        end_hole(bus, port);
    } else {
        begin_hole(port, bus->now);
    }
}

static void tell_lost(struct ct_bus *bus, struct bus_port *port, bool last)
{
    const uint64_t lost = port->port->stats.lost - port->lost_told;
    if (lost == 0) {
        port->lost_since = bus->now; /* a loss found later happened after this */
        return;
    }
    if (!last && port->lost_told > 0 && bus->now < ct_ns_add(port->lost_since, LOSS_PAUSE_NS)) {
        return;
    }
    const struct ct_msg_gap gap = {.reason = CT_GAP_BUS_LOSS, .from_ns = port->lost_since, .to_ns = bus->now};
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "bus %s: %llu frames were lost before they could be read", ct_bus_name(bus, port),
             (unsigned long long)lost);
    ct_log(CT_LOG_WARNING, "%s", text);
    ct_bus_gap(bus, &gap);
    ct_bus_event(bus, "frames-lost", text, "bus", ct_bus_name(bus, port));
    port->lost_told = port->port->stats.lost;
    port->lost_since = bus->now;
}

/* Frames that were promised and never went out. */
static void tell_unsent(struct ct_bus *bus, struct bus_port *port, bool last)
{
    const uint64_t total = ct_bus_unsent(port);
    const uint64_t unsent = total - port->expired_told;
    if (unsent == 0 || (!last && port->expired_told > 0 && bus->now < ct_ns_add(port->expired_since, LOSS_PAUSE_NS))) {
        return;
    }
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text,
             "bus %s: %llu frames found no room on the bus in time, or a controller that is bus-off, and were not sent",
             ct_bus_name(bus, port), (unsigned long long)unsent);
    ct_log(CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, "frames-unsent", text, "bus", ct_bus_name(bus, port));
    port->expired_told = total;
    port->expired_since = bus->now;
}

/* Frames that went out of here and that the bus, as far as its driver tells, never carried. */
static void tell_unconfirmed(struct ct_bus *bus, struct bus_port *port, bool last)
{
    const uint64_t total = port->port->stats.unconfirmed;
    const uint64_t more = total - port->unconfirmed_told;
    const ct_ns next = ct_ns_add(port->unconfirmed_since, LOSS_PAUSE_NS);
    if (more == 0 || (!last && port->unconfirmed_told > 0 && bus->now < next)) {
        return;
    }
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text,
             "bus %s: %llu frames were sent and not carried in time: no node acknowledges them, or the bus is stuck",
             ct_bus_name(bus, port), (unsigned long long)more);
    ct_log(CT_LOG_WARNING, "%s", text);
    ct_bus_event(bus, "frames-unconfirmed", text, "bus", ct_bus_name(bus, port));
    port->unconfirmed_told = total;
    port->unconfirmed_since = bus->now;
}

static void tell_blocked(struct ct_bus *bus, struct bus_port *port)
{
    const bool blocked = port->port->stats.blocked;
    if (blocked == port->blocked_told) {
        return;
    }
    port->blocked_told = blocked;
    char text[CT_EVENT_TEXT_MAX];
    snprintf(text, sizeof text, "bus %s %s", ct_bus_name(bus, port),
             blocked ? "has taken no frame for a second" : "takes frames again");
    ct_log(blocked ? CT_LOG_WARNING : CT_LOG_INFO, "%s", text);
    ct_bus_event(bus, blocked ? "bus-blocked" : "bus-unblocked", text, "bus", ct_bus_name(bus, port));
}

/* One line of many: the rest is in the counter. */
static void tell_malformed(struct ct_bus *bus, struct bus_port *port)
{
    const char *problem = port->port->problem;
    if (port->told_malformed || port->failed || port->port->stats.malformed == 0 || problem[0] == '\0') {
        return;
    }
    port->told_malformed = true;
    ct_log(CT_LOG_WARNING, "bus %s: %s; such lines are left out and counted", ct_bus_name(bus, port), problem);
}

static ct_ns held_until(const struct bus_port *port)
{
    const struct ct_port_stats *stats = &port->port->stats;
    ct_ns since = stats->lost != port->lost_told ? port->lost_since : CT_NS_NEVER;
    since = ct_bus_unsent(port) != port->expired_told ? ct_ns_min(since, port->expired_since) : since;
    since = stats->unconfirmed != port->unconfirmed_told ? ct_ns_min(since, port->unconfirmed_since) : since;
    return ct_ns_add(since, LOSS_PAUSE_NS);
}

ct_ns ct_bus_tell_port(struct ct_bus *bus, struct bus_port *port, bool last)
{
    tell_up_down(bus, port);
    tell_lost(bus, port, last);
    tell_unsent(bus, port, last);
    tell_unconfirmed(bus, port, last);
    tell_blocked(bus, port);
    tell_malformed(bus, port);
    port->told_at = bus->now;
    if (last && bus->stopping) {
        end_hole(bus, port);
    }
    return held_until(port);
}
