#include "reads.h"

#include <stdio.h>
#include <string.h>

static bool interval_over(const struct ct_reads *reads, const struct ct_reads_config *config, ct_ns now)
{
    return config->interval_ns > 0 && now >= ct_reads_due(reads, config);
}

bool ct_reads_begin(struct ct_reads *reads, const struct ct_reads_config *config, const struct ct_vehicle_state *state,
                    bool may_ask, ct_ns now)
{
    const bool on = state->ignition_known && state->ignition_on;
    const bool off = state->ignition_known && !state->ignition_on;
    const bool came_on = on && !reads->was_on;
    if (off) {
        reads->was_on = false;
    }
    if (reads->under_way || off || !may_ask ||
        !((came_on && config->on_ignition) || interval_over(reads, config, now))) {
        return false;
    }
    reads->was_on = on || reads->was_on;
    reads->under_way = true;
    reads->read_ns = now;
    return true;
}

void ct_reads_ended(struct ct_reads *reads)
{
    reads->under_way = false;
}

ct_ns ct_reads_due(const struct ct_reads *reads, const struct ct_reads_config *config)
{
    return config->interval_ns > 0 && !reads->under_way ? ct_ns_add(reads->read_ns, config->interval_ns) : CT_NS_NEVER;
}

/* The place of a code, or a free one, or CT_READS_KNOWN_MAX. */
static size_t place_of(const struct ct_reads *reads, const char *ecu, uint32_t code)
{
    size_t free_place = CT_READS_KNOWN_MAX;
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        if (strcmp(reads->known[i].ecu, ecu) == 0 && reads->known[i].code == code) {
            return i;
        }
        free_place = free_place == CT_READS_KNOWN_MAX && reads->known[i].ecu[0] == '\0' ? i : free_place;
    }
    return free_place;
}

static void see(struct ct_reads *reads, const char *ecu, const struct ct_result_dtc *dtc, ct_reads_fn fn, void *user)
{
    const size_t place = place_of(reads, ecu, dtc->code);
    if (place == CT_READS_KNOWN_MAX || reads->known[place].ecu[0] == '\0') {
        fn(user, ecu, dtc, true);
    }
    if (place < CT_READS_KNOWN_MAX) {
        (void)snprintf(reads->known[place].ecu, sizeof reads->known[place].ecu, "%s", ecu);
        reads->known[place].code = dtc->code;
        reads->known[place].seen = true;
    }
}

void ct_reads_take(struct ct_reads *reads, const struct ct_result_ecu *ecu, ct_reads_fn fn, void *user)
{
    if (ecu->reason != CT_REASON_NONE || ecu->ecu[0] == '\0') {
        return;
    }
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        reads->known[i].seen = false;
    }
    for (size_t i = 0; i < ecu->dtc_count; i++) {
        see(reads, ecu->ecu, &ecu->dtcs[i], fn, user);
    }
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        if (!reads->known[i].seen && strcmp(reads->known[i].ecu, ecu->ecu) == 0) {
            const struct ct_result_dtc gone = {.code = reads->known[i].code};
            reads->known[i].ecu[0] = '\0';
            fn(user, ecu->ecu, &gone, false);
        }
    }
}
