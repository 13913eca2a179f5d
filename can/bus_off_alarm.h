/* A controller that goes bus-off again and again: restarting it by itself then only disturbs the bus for the others,
 * and somebody has to look at it. Sans I/O. Belongs to one thread. Source: ISO 11898-1:2015, 12.1.4.4 (bus-off and
 * recovery). */
#ifndef CT_CAN_BUS_OFF_ALARM_H
#define CT_CAN_BUS_OFF_ALARM_H

#include "time_ns.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CT_BUS_OFFS_MAX         5 /* more of them within CT_BUS_OFF_ALARM_WITHIN are an alarm */
#define CT_BUS_OFF_ALARM_WITHIN (60 * CT_NS_PER_S)

/* All zero at first. */
struct ct_bus_off_alarm {
    uint64_t seen;                    /* bus-offs */
    ct_ns times[CT_BUS_OFFS_MAX + 1]; /* of the last ones; number n is at n modulo the size */
    bool raised;                      /* ever */
    ct_ns raised_at;
};

/* `bus_offs`: how many there were since the start, those not seen before happened at `now`. True when there is an alarm
 * to tell: too many within the time, and none was told within it. */
bool ct_bus_off_alarm_take(struct ct_bus_off_alarm *alarm, uint64_t bus_offs, ct_ns now);
/* How many were within the time before `now`; CT_BUS_OFFS_MAX + 1 stands for more. */
size_t ct_bus_off_alarm_count(const struct ct_bus_off_alarm *alarm, ct_ns now);

#endif
