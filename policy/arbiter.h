/* Who has an ECU now: at most one owner each, across DoIP testers, backend jobs, local clients and the gateway itself.
 *
 * A lease is exclusive and expires; its owner may renew it. Priority goes by origin: who is at the vehicle (local,
 * tester) before the backend before the gateway's own scheduled reads. A higher priority takes the ECU from a lower one
 * at once; equals wait in their order, in a bounded queue. As long as an equal waits, renewing holds a lease no longer
 * than CT_LEASE_MAX after its grant, so nobody starves an equal. A foreign tester seen on the bus ends the lease and
 * keeps the ECU free for the hold-off time.
 *
 * Pure: time in, changes out through one callback; allocates at create only; belongs to one thread. Every call first
 * carries out what has become due by `now`. */
#ifndef CT_POLICY_ARBITER_H
#define CT_POLICY_ARBITER_H

#include "policy.h"

#define CT_ARBITER_ECUS_MAX    64
#define CT_ARBITER_WAITING_MAX 32 /* all ECUs together; more: FULL */
#define CT_LEASE_MAX           (60 * CT_NS_PER_S)

struct ct_lease_holder {
    enum ct_origin origin;
    uint32_t client; /* tells holders of one origin apart */
};

struct ct_lease {
    uint64_t id; /* never 0, never used again */
    size_t ecu;  /* index, below the arbiter's ecu_count */
    struct ct_lease_holder holder;
    bool brief;        /* for one request, taken on the holder's behalf */
    ct_ns granted_ns;  /* 0 while it waits */
    ct_ns expires_ns;  /* as long as it waits: when it gives up */
    ct_ns duration_ns; /* asked for, at most CT_LEASE_MAX */
};

enum ct_lease_answer {
    CT_LEASE_GRANTED,
    CT_LEASE_WAITING, /* in the queue; the change GRANTED or TIMED_OUT follows */
    CT_LEASE_TAKEN,   /* somebody of at least this priority has it */
    CT_LEASE_FOREIGN, /* a tester that is not ours talks to the ECU */
    CT_LEASE_FULL,    /* no room in the queue */
};

/* What has become of a lease. The last five end it. */
enum ct_lease_change {
    CT_LEASE_CHANGE_GRANTED,
    CT_LEASE_CHANGE_RELEASED,
    CT_LEASE_CHANGE_EXPIRED,
    CT_LEASE_CHANGE_PREEMPTED,
    CT_LEASE_CHANGE_FOREIGN,
    CT_LEASE_CHANGE_TIMED_OUT, /* waited in vain */
};
const char *ct_lease_change_text(enum ct_lease_change change); /* never NULL */
const char *ct_lease_answer_text(enum ct_lease_answer answer); /* never NULL */
const char *ct_origin_text(enum ct_origin origin);             /* as in the policy file; never NULL */

struct ct_lease_ask {
    size_t ecu;
    struct ct_lease_holder holder;
    bool brief;
    ct_ns duration_ns; /* 0 or more than CT_LEASE_MAX: CT_LEASE_MAX */
    ct_ns wait_until;  /* not after `now`: do not wait */
};

struct ct_arbiter_config {
    size_t ecu_count;
    ct_ns hold_off_ns; /* 0: 5 s after the foreign tester's last request */
    void *user;
    /* NULL: nobody listens. The lease lives during the call, which must not call the arbiter. */
    void (*changed)(void *user, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now);
};

struct ct_arbiter_stats {
    uint64_t granted, refused, expired, preempted, foreign, timed_out;
};

struct ct_arbiter;
int ct_arbiter_create(const struct ct_arbiter_config *config, struct ct_arbiter **out_arbiter) CT_MUST_CHECK;
void ct_arbiter_free(struct ct_arbiter *arbiter); /* accepts NULL */

/* GRANTED and WAITING set *out_id. Who owns the ECU or waits for it already gets that lease again, prolonged as by
 * renew, and no longer brief when it was and this ask is not. */
enum ct_lease_answer ct_arbiter_acquire(struct ct_arbiter *arbiter, const struct ct_lease_ask *ask, ct_ns now,
                                        uint64_t *out_id);
/* Never shortens. CT_ERR_NOT_FOUND when the lease is over or not `holder`'s. */
int ct_arbiter_renew(struct ct_arbiter *arbiter, uint64_t id, struct ct_lease_holder holder, ct_ns duration_ns,
                     ct_ns now) CT_MUST_CHECK;
/* Also ends waiting. CT_ERR_NOT_FOUND as above. */
int ct_arbiter_release(struct ct_arbiter *arbiter, uint64_t id, struct ct_lease_holder holder, ct_ns now) CT_MUST_CHECK;
void ct_arbiter_leave(struct ct_arbiter *arbiter, struct ct_lease_holder holder, ct_ns now); /* everything of it ends */
/* A request to the ECU that is not ours was on the bus. */
void ct_arbiter_foreign(struct ct_arbiter *arbiter, size_t ecu, ct_ns now);

/* ALLOW for the owner, else LEASE. */
enum ct_verdict ct_arbiter_may(struct ct_arbiter *arbiter, size_t ecu, struct ct_lease_holder holder, ct_ns now);
/* CT_ERR_NOT_FOUND when nobody has it. */
int ct_arbiter_owner(struct ct_arbiter *arbiter, size_t ecu, ct_ns now, struct ct_lease *out_lease) CT_MUST_CHECK;
bool ct_arbiter_is_foreign(const struct ct_arbiter *arbiter, size_t ecu, ct_ns now);
size_t ct_arbiter_waiting(const struct ct_arbiter *arbiter, size_t ecu);

/* Carries out what is due; returns the next deadline. */
ct_ns ct_arbiter_tick(struct ct_arbiter *arbiter, ct_ns now);
void ct_arbiter_stats_get(const struct ct_arbiter *arbiter, struct ct_arbiter_stats *out_stats);

#endif
