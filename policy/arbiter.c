#include "arbiter.h"

#include <stdlib.h>

#define HOLD_OFF_USUAL (5 * CT_NS_PER_S)

struct slot {
    struct ct_lease owner; /* id 0: nobody */
    ct_ns foreign_until;
};

struct waiting {
    struct ct_lease lease; /* id 0: free place */
    uint64_t order;
};

struct ct_arbiter {
    struct ct_arbiter_config config;
    struct slot *slots;
    struct waiting queue[CT_ARBITER_WAITING_MAX];
    size_t owned_count, waiting_count;
    uint64_t last_id, last_order;
    struct ct_arbiter_stats stats;
};

const char *ct_lease_change_text(enum ct_lease_change change)
{
    static const char *const texts[] = {
        [CT_LEASE_CHANGE_GRANTED] = "granted", [CT_LEASE_CHANGE_RELEASED] = "released",
        [CT_LEASE_CHANGE_EXPIRED] = "expired", [CT_LEASE_CHANGE_PREEMPTED] = "preempted",
        [CT_LEASE_CHANGE_FOREIGN] = "foreign", [CT_LEASE_CHANGE_TIMED_OUT] = "timed-out",
    };
    const size_t index = (size_t)change;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown";
}

const char *ct_lease_answer_text(enum ct_lease_answer answer)
{
    static const char *const texts[] = {
        [CT_LEASE_GRANTED] = "granted",
        [CT_LEASE_WAITING] = "waiting",
        [CT_LEASE_TAKEN] = "somebody else has the ECU",
        [CT_LEASE_FOREIGN] = "a foreign tester talks to the ECU",
        [CT_LEASE_FULL] = "too many wait already",
    };
    const size_t index = (size_t)answer;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown";
}

const char *ct_origin_text(enum ct_origin origin)
{
    static const char *const texts[] = {
        [CT_ORIGIN_BACKEND] = "backend", [CT_ORIGIN_LOCAL] = "local",   [CT_ORIGIN_ROUTE] = "route",
        [CT_ORIGIN_GATEWAY] = "gateway", [CT_ORIGIN_TESTER] = "tester",
    };
    const size_t index = (size_t)origin;
    return index < sizeof texts / sizeof texts[0] ? texts[index] : "unknown";
}

int ct_arbiter_create(const struct ct_arbiter_config *config, struct ct_arbiter **out_arbiter)
{
    if (config->ecu_count > CT_ARBITER_ECUS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_arbiter *arbiter = calloc(1, sizeof *arbiter);
    struct slot *slots = calloc(config->ecu_count + 1, sizeof *slots);
    if (arbiter == NULL || slots == NULL) {
        free(arbiter);
        free(slots);
        return CT_ERR_NO_MEMORY;
    }
    arbiter->config = *config;
    arbiter->config.hold_off_ns = config->hold_off_ns > 0 ? config->hold_off_ns : HOLD_OFF_USUAL;
    arbiter->slots = slots;
    for (size_t i = 0; i < config->ecu_count; i++) {
        slots[i].foreign_until = INT64_MIN;
    }
    *out_arbiter = arbiter;
    return CT_OK;
}

void ct_arbiter_free(struct ct_arbiter *arbiter)
{
    if (arbiter != NULL) {
        free(arbiter->slots);
        free(arbiter);
    }
}

/* ---- small things */

static unsigned priority(struct ct_lease_holder holder)
{
    static const unsigned table[] = {
        [CT_ORIGIN_GATEWAY] = 0, [CT_ORIGIN_ROUTE] = 0,  [CT_ORIGIN_BACKEND] = 1,
        [CT_ORIGIN_LOCAL] = 2,   [CT_ORIGIN_TESTER] = 2,
    };
    return table[holder.origin];
}

static bool same_holder(struct ct_lease_holder a, struct ct_lease_holder b)
{
    return a.origin == b.origin && a.client == b.client;
}

static ct_ns wanted_duration(ct_ns duration)
{
    return duration <= 0 || duration > CT_LEASE_MAX ? CT_LEASE_MAX : duration;
}

static void tell(const struct ct_arbiter *arbiter, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now)
{
    if (arbiter->config.changed != NULL) {
        arbiter->config.changed(arbiter->config.user, lease, change, now);
    }
}

static void end_owner(struct ct_arbiter *arbiter, struct slot *slot, enum ct_lease_change change, ct_ns now)
{
    const struct ct_lease ended = slot->owner;
    slot->owner = (struct ct_lease){0};
    arbiter->owned_count--;
    tell(arbiter, &ended, change, now);
}

static void end_waiting(struct ct_arbiter *arbiter, struct waiting *waiting, enum ct_lease_change change, ct_ns now)
{
    const struct ct_lease ended = waiting->lease;
    waiting->lease = (struct ct_lease){0};
    arbiter->waiting_count--;
    tell(arbiter, &ended, change, now);
}

static void grant(struct ct_arbiter *arbiter, struct slot *slot, struct ct_lease lease, ct_ns now)
{
    lease.granted_ns = now;
    lease.expires_ns = ct_ns_add(now, lease.duration_ns);
    slot->owner = lease;
    arbiter->owned_count++;
    arbiter->stats.granted++;
    tell(arbiter, &slot->owner, CT_LEASE_CHANGE_GRANTED, now);
}

/* ---- the queue */

/* The highest priority first, among equals who came first. */
static struct waiting *next_waiting(struct ct_arbiter *arbiter, size_t ecu)
{
    struct waiting *best = NULL;
    if (arbiter->waiting_count == 0) {
        return NULL;
    }
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        struct waiting *waiting = &arbiter->queue[i];
        if (waiting->lease.id == 0 || waiting->lease.ecu != ecu) {
            continue;
        }
        const unsigned mine = priority(waiting->lease.holder);
        const unsigned others = best == NULL ? 0 : priority(best->lease.holder);
        if (best == NULL || mine > others || (mine == others && waiting->order < best->order)) {
            best = waiting;
        }
    }
    return best;
}

static void give_up_waiting(struct ct_arbiter *arbiter, ct_ns now)
{
    for (size_t i = 0; arbiter->waiting_count > 0 && i < CT_ARBITER_WAITING_MAX; i++) {
        struct waiting *waiting = &arbiter->queue[i];
        if (waiting->lease.id != 0 && now >= waiting->lease.expires_ns) {
            arbiter->stats.timed_out++;
            end_waiting(arbiter, waiting, CT_LEASE_CHANGE_TIMED_OUT, now);
        }
    }
}

static void give_to_next(struct ct_arbiter *arbiter, size_t ecu, ct_ns now)
{
    struct slot *slot = &arbiter->slots[ecu];
    struct waiting *waiting = NULL;
    if (slot->owner.id == 0 && now >= slot->foreign_until && (waiting = next_waiting(arbiter, ecu)) != NULL) {
        const struct ct_lease lease = waiting->lease;
        waiting->lease = (struct ct_lease){0};
        arbiter->waiting_count--;
        grant(arbiter, slot, lease, now);
    }
}

/* What is due by now on one ECU. */
static void advance(struct ct_arbiter *arbiter, size_t ecu, ct_ns now)
{
    struct slot *slot = &arbiter->slots[ecu];
    if (slot->owner.id != 0 && now >= slot->owner.expires_ns) {
        arbiter->stats.expired++;
        end_owner(arbiter, slot, CT_LEASE_CHANGE_EXPIRED, now);
    }
    give_up_waiting(arbiter, now);
    give_to_next(arbiter, ecu, now);
}

static struct waiting *waiting_of(struct ct_arbiter *arbiter, size_t ecu, struct ct_lease_holder holder)
{
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        struct waiting *waiting = &arbiter->queue[i];
        if (waiting->lease.id != 0 && waiting->lease.ecu == ecu && same_holder(waiting->lease.holder, holder)) {
            return waiting;
        }
    }
    return NULL;
}

static bool enqueue(struct ct_arbiter *arbiter, const struct ct_lease *lease, ct_ns wait_until)
{
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        if (arbiter->queue[i].lease.id == 0) {
            arbiter->queue[i] = (struct waiting){.lease = *lease, .order = ++arbiter->last_order};
            arbiter->queue[i].lease.expires_ns = wait_until;
            arbiter->waiting_count++;
            return true;
        }
    }
    return false;
}

/* ---- leases */

/* While an equal waits, not longer than CT_LEASE_MAX from the grant on; never shorter than it is. */
static void prolong(struct ct_arbiter *arbiter, struct ct_lease *owner, ct_ns duration, ct_ns now)
{
    const struct waiting *next = next_waiting(arbiter, owner->ecu);
    ct_ns until = ct_ns_add(now, wanted_duration(duration));
    if (next != NULL && priority(next->lease.holder) >= priority(owner->holder)) {
        until = ct_ns_min(until, ct_ns_add(owner->granted_ns, CT_LEASE_MAX));
    }
    owner->expires_ns = until > owner->expires_ns ? until : owner->expires_ns;
}

static enum ct_lease_answer wait_or_not(struct ct_arbiter *arbiter, const struct ct_lease_ask *ask,
                                        const struct ct_lease *lease, enum ct_lease_answer otherwise, ct_ns now)
{
    if (ask->wait_until <= now) {
        arbiter->stats.refused++;
        return otherwise;
    }
    if (!enqueue(arbiter, lease, ask->wait_until)) {
        arbiter->stats.refused++;
        return CT_LEASE_FULL;
    }
    return CT_LEASE_WAITING;
}

/* Somebody who has no lease of this ECU yet. */
static enum ct_lease_answer acquire_new(struct ct_arbiter *arbiter, const struct ct_lease_ask *ask, ct_ns now,
                                        uint64_t *out_id)
{
    struct slot *slot = &arbiter->slots[ask->ecu];
    const struct ct_lease lease = {.id = ++arbiter->last_id,
                                   .ecu = ask->ecu,
                                   .holder = ask->holder,
                                   .brief = ask->brief,
                                   .duration_ns = wanted_duration(ask->duration_ns)};
    *out_id = lease.id;
    if (now < slot->foreign_until) {
        return wait_or_not(arbiter, ask, &lease, CT_LEASE_FOREIGN, now);
    }
    if (slot->owner.id != 0 && priority(slot->owner.holder) >= priority(ask->holder)) {
        return wait_or_not(arbiter, ask, &lease, CT_LEASE_TAKEN, now);
    }
    if (slot->owner.id != 0) {
        arbiter->stats.preempted++;
        end_owner(arbiter, slot, CT_LEASE_CHANGE_PREEMPTED, now);
    }
    grant(arbiter, slot, lease, now);
    return CT_LEASE_GRANTED;
}

enum ct_lease_answer ct_arbiter_acquire(struct ct_arbiter *arbiter, const struct ct_lease_ask *ask, ct_ns now,
                                        uint64_t *out_id)
{
    advance(arbiter, ask->ecu, now);
    struct ct_lease *owner = &arbiter->slots[ask->ecu].owner;
    if (owner->id != 0 && same_holder(owner->holder, ask->holder)) {
        owner->brief = owner->brief && ask->brief;
        if (owner->brief == ask->brief) { /* a request under a lease does not prolong it */
            prolong(arbiter, owner, ask->duration_ns, now);
        }
        *out_id = owner->id;
        return CT_LEASE_GRANTED;
    }
    struct waiting *waiting = waiting_of(arbiter, ask->ecu, ask->holder);
    if (waiting != NULL) {
        waiting->lease.brief = waiting->lease.brief && ask->brief;
        waiting->lease.expires_ns =
            ask->wait_until > waiting->lease.expires_ns ? ask->wait_until : waiting->lease.expires_ns;
        *out_id = waiting->lease.id;
        return CT_LEASE_WAITING;
    }
    return acquire_new(arbiter, ask, now, out_id);
}

static struct slot *slot_of(struct ct_arbiter *arbiter, uint64_t id, struct ct_lease_holder holder)
{
    for (size_t i = 0; i < arbiter->config.ecu_count; i++) {
        struct slot *slot = &arbiter->slots[i];
        if (slot->owner.id == id && same_holder(slot->owner.holder, holder)) {
            return slot;
        }
    }
    return NULL;
}

int ct_arbiter_renew(struct ct_arbiter *arbiter, uint64_t id, struct ct_lease_holder holder, ct_ns duration_ns,
                     ct_ns now)
{
    (void)ct_arbiter_tick(arbiter, now);
    struct slot *slot = id == 0 ? NULL : slot_of(arbiter, id, holder);
    if (slot == NULL) {
        return CT_ERR_NOT_FOUND;
    }
    prolong(arbiter, &slot->owner, duration_ns, now);
    return CT_OK;
}

int ct_arbiter_release(struct ct_arbiter *arbiter, uint64_t id, struct ct_lease_holder holder, ct_ns now)
{
    (void)ct_arbiter_tick(arbiter, now);
    struct slot *slot = id == 0 ? NULL : slot_of(arbiter, id, holder);
    if (slot != NULL) {
        end_owner(arbiter, slot, CT_LEASE_CHANGE_RELEASED, now);
        give_to_next(arbiter, (size_t)(slot - arbiter->slots), now);
        return CT_OK;
    }
    for (size_t i = 0; id != 0 && i < CT_ARBITER_WAITING_MAX; i++) {
        struct waiting *waiting = &arbiter->queue[i];
        if (waiting->lease.id == id && same_holder(waiting->lease.holder, holder)) {
            end_waiting(arbiter, waiting, CT_LEASE_CHANGE_RELEASED, now);
            return CT_OK;
        }
    }
    return CT_ERR_NOT_FOUND;
}

void ct_arbiter_leave(struct ct_arbiter *arbiter, struct ct_lease_holder holder, ct_ns now)
{
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        if (arbiter->queue[i].lease.id != 0 && same_holder(arbiter->queue[i].lease.holder, holder)) {
            end_waiting(arbiter, &arbiter->queue[i], CT_LEASE_CHANGE_RELEASED, now);
        }
    }
    for (size_t i = 0; i < arbiter->config.ecu_count; i++) {
        if (arbiter->slots[i].owner.id != 0 && same_holder(arbiter->slots[i].owner.holder, holder)) {
            end_owner(arbiter, &arbiter->slots[i], CT_LEASE_CHANGE_RELEASED, now);
        }
        advance(arbiter, i, now);
    }
}

void ct_arbiter_foreign(struct ct_arbiter *arbiter, size_t ecu, ct_ns now)
{
    advance(arbiter, ecu, now);
    struct slot *slot = &arbiter->slots[ecu];
    slot->foreign_until = ct_ns_add(now, arbiter->config.hold_off_ns);
    arbiter->stats.foreign++;
    if (slot->owner.id != 0) {
        end_owner(arbiter, slot, CT_LEASE_CHANGE_FOREIGN, now);
    }
}

/* ---- questions */

enum ct_verdict ct_arbiter_may(struct ct_arbiter *arbiter, size_t ecu, struct ct_lease_holder holder, ct_ns now)
{
    advance(arbiter, ecu, now);
    const struct ct_lease *owner = &arbiter->slots[ecu].owner;
    return owner->id != 0 && same_holder(owner->holder, holder) ? CT_VERDICT_ALLOW : CT_VERDICT_LEASE;
}

int ct_arbiter_owner(struct ct_arbiter *arbiter, size_t ecu, ct_ns now, struct ct_lease *out_lease)
{
    advance(arbiter, ecu, now);
    if (arbiter->slots[ecu].owner.id == 0) {
        return CT_ERR_NOT_FOUND;
    }
    *out_lease = arbiter->slots[ecu].owner;
    return CT_OK;
}

bool ct_arbiter_is_foreign(const struct ct_arbiter *arbiter, size_t ecu, ct_ns now)
{
    return now < arbiter->slots[ecu].foreign_until;
}

size_t ct_arbiter_waiting(const struct ct_arbiter *arbiter, size_t ecu)
{
    size_t n = 0;
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        n += arbiter->queue[i].lease.id != 0 && arbiter->queue[i].lease.ecu == ecu ? 1U : 0U;
    }
    return n;
}

static ct_ns slot_due(const struct ct_arbiter *arbiter, size_t ecu, ct_ns now)
{
    const struct slot *slot = &arbiter->slots[ecu];
    if (slot->owner.id != 0) {
        return slot->owner.expires_ns;
    }
    return now < slot->foreign_until && ct_arbiter_waiting(arbiter, ecu) > 0 ? slot->foreign_until : CT_NS_NEVER;
}

ct_ns ct_arbiter_tick(struct ct_arbiter *arbiter, ct_ns now)
{
    ct_ns due = CT_NS_NEVER;
    if (arbiter->owned_count == 0 && arbiter->waiting_count == 0) {
        return due;
    }
    for (size_t i = 0; i < arbiter->config.ecu_count; i++) {
        advance(arbiter, i, now);
        due = ct_ns_min(due, slot_due(arbiter, i, now));
    }
    for (size_t i = 0; i < CT_ARBITER_WAITING_MAX; i++) {
        const struct ct_lease *lease = &arbiter->queue[i].lease;
        due = lease->id != 0 ? ct_ns_min(due, lease->expires_ns) : due;
    }
    return due;
}

void ct_arbiter_stats_get(const struct ct_arbiter *arbiter, struct ct_arbiter_stats *out_stats)
{
    *out_stats = arbiter->stats;
}
