#include "bus_off_alarm.h"

#define PLACES (CT_BUS_OFFS_MAX + 1)

size_t ct_bus_off_alarm_count(const struct ct_bus_off_alarm *alarm, ct_ns now)
{
    const size_t known = alarm->seen < PLACES ? (size_t)alarm->seen : PLACES;
    size_t count = 0;
    for (size_t i = 0; i < known; i++) {
        count += now < ct_ns_add(alarm->times[i], CT_BUS_OFF_ALARM_WITHIN) ? 1 : 0;
    }
    return count;
}

bool ct_bus_off_alarm_take(struct ct_bus_off_alarm *alarm, uint64_t bus_offs, ct_ns now)
{
    if (alarm->seen == bus_offs) {
        return false;
    }
    for (size_t i = 0; i < PLACES && alarm->seen < bus_offs; i++) {
        alarm->times[alarm->seen++ % PLACES] = now;
    }
    alarm->seen = bus_offs;
    const bool told = alarm->raised && now < ct_ns_add(alarm->raised_at, CT_BUS_OFF_ALARM_WITHIN);
    if (told || ct_bus_off_alarm_count(alarm, now) <= CT_BUS_OFFS_MAX) {
        return false;
    }
    alarm->raised = true;
    alarm->raised_at = now;
    return true;
}
