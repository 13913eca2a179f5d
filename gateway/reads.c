#include "reads.h"

#include "bytes.h"
#include "uds.h"

#include <string.h>

#define LIST_HEAD 3 /* 59, sub-function, availability mask */
#define LIST_STEP 4 /* DTC and status */
#define CONFIRMED 0x08

static ct_ns later(ct_ns since, ct_ns wait)
{
    return ct_ns_add(since, wait);
}

static bool interval_over(const struct ct_reads *reads, const struct ct_reads_config *config, ct_ns now)
{
    return config->interval_ns > 0 && now >= later(reads->read_ns, config->interval_ns);
}

static bool trigger_due(const struct ct_reads *reads, const struct ct_reads_config *config, ct_ns now)
{
    return config->on_new_dtc &&
           (reads->read_ns == 0 || (reads->triggered && now >= later(reads->read_ns, config->pause_ns)));
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
        !((came_on && config->on_ignition) || interval_over(reads, config, now) || trigger_due(reads, config, now))) {
        return false;
    }
    reads->was_on = on || reads->was_on;
    reads->under_way = true;
    reads->triggered = false;
    reads->read_ns = now;
    return true;
}

void ct_reads_ended(struct ct_reads *reads)
{
    reads->under_way = false;
}

ct_ns ct_reads_due(const struct ct_reads *reads, const struct ct_reads_config *config)
{
    ct_ns due = CT_NS_NEVER;
    if (reads->under_way) {
        return due;
    }
    if (config->interval_ns > 0) {
        due = later(reads->read_ns, config->interval_ns);
    }
    if (config->on_new_dtc && reads->triggered) {
        due = ct_ns_min(due, later(reads->read_ns, config->pause_ns));
    }
    return due;
}

/* ---- codes */

/* The place of a code, or a free one, or CT_READS_KNOWN_MAX. */
static size_t place_of(const struct ct_reads *reads, size_t ecu, uint32_t code)
{
    size_t free_place = CT_READS_KNOWN_MAX;
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        if (reads->known[i].ecu == ecu + 1 && reads->known[i].code == code) {
            return i;
        }
        free_place = free_place == CT_READS_KNOWN_MAX && reads->known[i].ecu == 0 ? i : free_place;
    }
    return free_place;
}

/* As place_of, and the place is the code's from now on. */
static size_t keep(struct ct_reads *reads, size_t ecu, uint32_t code)
{
    const size_t place = place_of(reads, ecu, code);
    if (place < CT_READS_KNOWN_MAX && reads->known[place].ecu == 0) {
        memset(&reads->known[place], 0, sizeof reads->known[place]);
        reads->known[place].ecu = (uint8_t)(ecu + 1);
        reads->known[place].code = code;
    }
    return place;
}

static void see(struct ct_reads *reads, size_t index, const char *ecu, const struct ct_result_dtc *dtc, ct_reads_fn fn,
                void *user)
{
    const size_t place = keep(reads, index, dtc->code);
    if (place == CT_READS_KNOWN_MAX || !reads->known[place].told) {
        fn(user, ecu, dtc, true);
    }
    if (place < CT_READS_KNOWN_MAX) {
        reads->known[place].told = true;
        reads->known[place].seen = true;
        reads->known[place].confirmed = (dtc->status & CONFIRMED) != 0;
    }
}

void ct_reads_take(struct ct_reads *reads, size_t index, const struct ct_result_ecu *ecu, ct_reads_fn fn, void *user)
{
    if (ecu->reason != CT_REASON_NONE || index >= CT_READS_ECUS_MAX) {
        return;
    }
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        reads->known[i].seen = false;
    }
    for (size_t i = 0; i < ecu->dtc_count; i++) {
        see(reads, index, ecu->ecu, &ecu->dtcs[i], fn, user);
    }
    for (size_t i = 0; i < CT_READS_KNOWN_MAX; i++) {
        if (!reads->known[i].seen && reads->known[i].ecu == index + 1) {
            const struct ct_result_dtc gone = {.code = reads->known[i].code};
            reads->known[i].ecu = 0;
            if (reads->known[i].told) {
                fn(user, ecu->ecu, &gone, false);
            }
        }
    }
    reads->ecus_known[index] = true;
}

/* ---- triggers */

/* True when the code is confirmed and was not. A code for which there is no place is never new: it would be each time.
 */
static bool newly_confirmed(struct ct_reads *reads, size_t ecu, uint32_t code, bool confirmed)
{
    const size_t place = confirmed ? keep(reads, ecu, code) : place_of(reads, ecu, code);
    if (place == CT_READS_KNOWN_MAX || reads->known[place].ecu == 0) {
        return false;
    }
    const bool before = reads->known[place].confirmed;
    reads->known[place].confirmed = confirmed;
    return confirmed && !before;
}

static bool is_list(const uint8_t *response, size_t len)
{
    return len >= LIST_HEAD && response[0] == CT_UDS_READ_DTC + CT_UDS_POSITIVE_OFFSET &&
           (response[1] == 0x02 || (response[1] >= 0x0A && response[1] <= 0x0E));
}

bool ct_reads_hear(struct ct_reads *reads, size_t index, const uint8_t *response, size_t len, uint32_t *out_code)
{
    bool any = false;
    if (!is_list(response, len) || index >= CT_READS_ECUS_MAX) {
        return false;
    }
    for (size_t at = LIST_HEAD; at + LIST_STEP <= len; at += LIST_STEP) {
        const uint32_t code = (uint32_t)response[at] << 16 | ct_be16(response + at + 1);
        /* code 0 is padding, of which some ECUs make a DTC */
        if (code != 0 && newly_confirmed(reads, index, code, (response[at + 3] & CONFIRMED) != 0) && !any &&
            reads->ecus_known[index]) {
            any = true;
            *out_code = code;
        }
    }
    reads->triggered = reads->triggered || any;
    return any;
}

bool ct_reads_warn(struct ct_reads *reads, bool on)
{
    const bool fresh = on && !reads->warned && !reads->triggered;
    reads->warned = on;
    reads->triggered = reads->triggered || fresh;
    return fresh;
}
