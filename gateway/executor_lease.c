/* The executor's way to the arbiter: brief leases of requests, foreign testers, sessions that were left open. */
#include "executor_internal.h"

#define ISOTP_TYPE_FIRST 1 /* single frames are type 0: both begin a request */

/* TesterPresent that asks for no answer (ISO 14229-1 10.7), after S3client (ISO 14229-2) without another request. */
static const uint8_t tester_present[] = {CT_UDS_TESTER_PRESENT, CT_UDS_SUPPRESS};

static bool same_holder(struct ct_lease_holder a, struct ct_lease_holder b)
{
    return a.origin == b.origin && a.client == b.client;
}

static void set_updating(struct ct_executor *executor, struct ct_ecu *ecu, bool updating)
{
    executor->ecus_updating += updating ? 1U : 0U;
    executor->ecus_updating -= ecu->updating ? 1U : 0U;
    ecu->updating = updating;
}

static void on_change(void *user, const struct ct_lease *lease, enum ct_lease_change change, ct_ns now)
{
    struct ct_executor *executor = user;
    struct ct_ecu *ecu = &executor->ecus[lease->ecu];
    const bool own = same_holder(ecu->session_owner, lease->holder);
    if (change != CT_LEASE_CHANGE_GRANTED && change != CT_LEASE_CHANGE_TIMED_OUT && lease->granted_ns != 0 &&
        !lease->brief && ecu->session_open && own) {
        /* a foreign tester has the ECU: whatever is sent now would disturb it */
        ecu->close_session = change != CT_LEASE_CHANGE_FOREIGN;
        ecu->session_open = false;
        set_updating(executor, ecu, false);
        ct_lease_stop_keep_alive(executor, lease->ecu, now);
    }
    if (change != CT_LEASE_CHANGE_GRANTED) {
        ct_testers_lease_ended(executor, lease);
    }
    if (executor->ops.lease != NULL) {
        executor->ops.lease(executor->ops.user, lease, change, now);
    }
}

int ct_lease_open(struct ct_executor *executor)
{
    const struct ct_arbiter_config config = {.ecu_count = executor->ecu_count, .user = executor, .changed = on_change};
    return ct_arbiter_create(&config, &executor->arbiter);
}

/* The first frame of a request tells already; the message need not be whole (isotp_listen.h would wait for that). */
void ct_lease_see_foreign(struct ct_executor *executor, size_t ecu, const struct ct_frame *frame, ct_ns now)
{
    const unsigned type_at = executor->ecus[ecu].type_at;
    if (frame->len > type_at && frame->data[type_at] >> 4 <= ISOTP_TYPE_FIRST) {
        ct_arbiter_foreign(executor->arbiter, ecu, now);
    }
}

bool ct_lease_take(struct ct_executor *executor, const struct ct_uds_job *job, enum ct_lease_answer *out_answer,
                   ct_ns now)
{
    uint64_t id = 0;
    const struct ct_lease_ask ask = {
        .ecu = job->ecu, .holder = job->job.holder, .brief = true, .wait_until = job->start_by};
    *out_answer = ct_arbiter_acquire(executor->arbiter, &ask, now, &id);
    return *out_answer == CT_LEASE_GRANTED;
}

void ct_lease_give_back(struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder, ct_ns now)
{
    struct ct_lease lease;
    if (ct_arbiter_owner(executor->arbiter, ecu, now, &lease) == CT_OK && lease.brief) {
        (void)!ct_arbiter_release(executor->arbiter, lease.id, holder, now); /* somebody else's stays */
    }
}

static bool may_keep_alive(struct ct_executor *executor, const struct ct_ecu *ecu, ct_ns now)
{
    struct ct_vehicle_state state = {0};
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    return ct_policy_uds(executor->policy, ecu->session_owner.origin, ecu->name, tester_present, sizeof tester_present,
                         false, &state, now) == CT_VERDICT_ALLOW;
}

/* A brief lease ends with its request, and a DoIP tester sends its own TesterPresent. */
static void start_keep_alive(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    struct ct_lease lease;
    if (ecu->kept_alive || ecu->session_owner.origin == CT_ORIGIN_TESTER ||
        ct_arbiter_owner(executor->arbiter, index, now, &lease) != CT_OK || lease.brief ||
        !may_keep_alive(executor, ecu, now)) {
        return;
    }
    ecu->kept_alive = ct_uds_client_keep_alive(ecu->client, tester_present, sizeof tester_present, 0, now) == CT_OK;
    executor->ecus_kept_alive += ecu->kept_alive ? 1U : 0U;
}

void ct_lease_stop_keep_alive(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    if (ecu->kept_alive) {
        ecu->kept_alive = false;
        executor->ecus_kept_alive--;
        (void)!ct_uds_client_keep_alive(ecu->client, NULL, 0, 0, now);
    }
}

bool ct_lease_keep_alive_frame(struct ct_executor *executor, size_t index, struct ct_frame *out_frame, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    if (!ecu->kept_alive || ct_uds_client_next_frame(ecu->client, out_frame, now) != CT_OK) {
        return false;
    }
    out_frame->bus = ecu->bus;
    return may_keep_alive(executor, ecu, now) &&
           ct_executor_judge(executor, CT_ORIGIN_GATEWAY, ecu->bus_name, out_frame, now) == CT_VERDICT_ALLOW;
}

void ct_lease_session(struct ct_executor *executor, size_t index, struct ct_lease_holder holder, bool open, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    const bool goes_on = ecu->updating && same_holder(ecu->session_owner, holder);
    ecu->session_owner = holder;
    ecu->session_open = open;
    if (open && ct_arbiter_may(executor->arbiter, index, holder, now) != CT_VERDICT_ALLOW) {
        /* the lease was lost while the session was being opened: nobody is left to close it */
        ecu->session_open = false;
        ecu->close_session = !ct_arbiter_is_foreign(executor->arbiter, index, now);
    }
    set_updating(executor, ecu, goes_on && ecu->session_open);
    if (ecu->session_open) {
        start_keep_alive(executor, index, now);
    } else {
        ct_lease_stop_keep_alive(executor, index, now);
    }
}

void ct_lease_note_write(struct ct_executor *executor, size_t index, struct ct_lease_holder holder, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    struct ct_lease lease;
    /* a brief lease ends with its request, and nobody would say when the session is over */
    if (ecu->session_open && same_holder(ecu->session_owner, holder) &&
        ct_arbiter_owner(executor->arbiter, index, now, &lease) == CT_OK && !lease.brief) {
        set_updating(executor, ecu, true);
    }
}

bool ct_lease_updates(const struct ct_executor *executor, size_t index, struct ct_lease_holder holder)
{
    const struct ct_ecu *ecu = &executor->ecus[index];
    return ecu->updating && same_holder(ecu->session_owner, holder);
}
