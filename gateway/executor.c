#include "executor_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_ecu(struct ct_isotp_claims *claims, struct ct_ecu *ecu, const struct ct_executor_ecu *from)
{
    const int name = snprintf(ecu->name, sizeof ecu->name, "%s", from->name);
    const int bus = snprintf(ecu->bus_name, sizeof ecu->bus_name, "%s", from->bus_name);
    if (name <= 0 || name >= (int)sizeof ecu->name || bus <= 0 || bus >= (int)sizeof ecu->bus_name) {
        return CT_ERR_ARGUMENT;
    }
    ecu->bus = from->bus;
    ecu->isotp = from->client.isotp;
    struct ct_isotp_address to;
    struct ct_isotp_address unused;
    int err = ct_isotp_addresses(&ecu->isotp, &to, &unused);
    if (err == CT_OK) {
        ecu->type_at = to.has_byte ? 1 : 0;
        err = ct_isotp_claim(claims, ecu->bus, &ecu->isotp, ecu, NULL);
    }
    return err == CT_OK ? ct_uds_client_create(&from->client, &ecu->client) : err;
}

int ct_executor_create(const struct ct_executor_ops *ops, struct ct_policy *policy, const struct ct_executor_ecu *ecus,
                       size_t ecu_count, struct ct_executor **out_executor)
{
    if (ecu_count > CT_EXECUTOR_ECU_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_executor *executor = calloc(1, sizeof *executor);
    if (executor == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    executor->ops = *ops;
    executor->policy = policy;
    executor->gate = CT_EXECUTOR_OPEN;
    executor->ecus = calloc(ecu_count > 0 ? ecu_count : 1, sizeof *executor->ecus);
    int err = executor->ecus != NULL ? CT_OK : CT_ERR_NO_MEMORY;
    err = err == CT_OK ? ct_isotp_claims_create(ecu_count + CT_EXECUTOR_OTHERS_MAX, &executor->claims) : err;
    for (size_t i = 0; err == CT_OK && i < ecu_count; i++) {
        executor->ecu_count = i + 1;
        err = add_ecu(executor->claims, &executor->ecus[i], &ecus[i]);
    }
    err = err == CT_OK ? ct_lease_open(executor) : err;
    if (err != CT_OK) {
        ct_executor_free(executor);
        return err;
    }
    *out_executor = executor;
    return CT_OK;
}

void ct_executor_use_policy(struct ct_executor *executor, struct ct_policy *policy)
{
    executor->policy = policy;
}

void ct_executor_free(struct ct_executor *executor)
{
    if (executor == NULL) {
        return;
    }
    for (size_t i = 0; executor->ecus != NULL && i < executor->ecu_count; i++) {
        ct_uds_client_free(executor->ecus[i].client);
    }
    ct_testers_free(executor->testers);
    ct_functional_free(executor);
    ct_arbiter_free(executor->arbiter);
    ct_isotp_claims_free(executor->claims);
    free(executor->ecus);
    free(executor);
}

/* ---------------------------------------------------------------- for the two kinds of command */

static void count(struct ct_executor_stats *stats, int state)
{
    stats->refused += state == CT_COMMAND_REFUSED ? 1U : 0U;
    stats->done += state == CT_COMMAND_DONE ? 1U : 0U;
    stats->failed += state == CT_COMMAND_FAILED || state == CT_COMMAND_OUTCOME_UNKNOWN ? 1U : 0U;
    stats->expired += state == CT_COMMAND_EXPIRED ? 1U : 0U;
    stats->cancelled += state == CT_COMMAND_CANCELLED ? 1U : 0U;
}

void ct_executor_say(struct ct_executor *executor, const struct ct_job *job, struct ct_command_status status, ct_ns now)
{
    status.command_id = job->command_id;
    status.seq = job->seq;
    status.t_ns = now;
    if (status.text == NULL) {
        status.text = "";
    }
    count(&executor->stats, status.state);
    executor->ops.status(executor->ops.user, &status);
}

void ct_executor_refuse(struct ct_executor *executor, const struct ct_job *job, int reason, const char *text, ct_ns now)
{
    ct_executor_say(executor, job,
                    (struct ct_command_status){.state = CT_COMMAND_REFUSED, .reason = reason, .text = text}, now);
}

void ct_executor_disown(struct ct_executor *executor, enum ct_last_out last, size_t index)
{
    if (executor->last == last && executor->last_index == index) {
        executor->last = CT_LAST_NONE;
    }
    for (size_t i = 0; i < CT_EXECUTOR_BUSES_MAX; i++) {
        if (executor->out[i].last == last && executor->out[i].index == index) {
            executor->out[i].last = CT_LAST_NONE;
        }
    }
}

int ct_executor_reason(enum ct_verdict verdict)
{
    static const int reasons[] = {
        [CT_VERDICT_ALLOW] = CT_REASON_NONE,
        [CT_VERDICT_NO_RULE] = CT_REASON_POLICY_NO_RULE,
        [CT_VERDICT_LENGTH] = CT_REASON_POLICY_VALUE,
        [CT_VERDICT_RATE] = CT_REASON_POLICY_RATE,
        [CT_VERDICT_VALUE] = CT_REASON_POLICY_VALUE,
        [CT_VERDICT_VEHICLE_STATE] = CT_REASON_POLICY_VEHICLE_STATE,
        [CT_VERDICT_AUTHORITY] = CT_REASON_POLICY_AUTHORITY,
        [CT_VERDICT_LEASE] = CT_REASON_BUSY,
        [CT_VERDICT_TRANSMIT_OFF] = CT_REASON_POLICY_NO_RULE,
    };
    return reasons[verdict];
}

enum ct_verdict ct_executor_judge(struct ct_executor *executor, enum ct_origin origin, const char *bus_name,
                                  const struct ct_frame *frame, ct_ns now)
{
    struct ct_vehicle_state state = {0};
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    const enum ct_verdict verdict = ct_policy_frame(executor->policy, origin, bus_name, frame, &state, now);
    executor->stats.frames_denied += verdict != CT_VERDICT_ALLOW ? 1U : 0U;
    return verdict;
}

/* ---------------------------------------------------------------- calls */

static size_t find_ecu(const struct ct_executor *executor, const char *name)
{
    size_t i = 0;
    while (i < executor->ecu_count && strcmp(executor->ecus[i].name, name) != 0) {
        i++;
    }
    return i;
}

static void submit_request(struct ct_executor *executor, const struct ct_job *job,
                           const struct ct_executor_request *from, const struct ct_executor_asker *asker, ct_ns now)
{
    struct ct_uds_job request = {.job = *job,
                                 .ecu = find_ecu(executor, from->ecu),
                                 .release = asker->release,
                                 .goes_on = asker->goes_on,
                                 .start_by = ct_ns_add(now, ct_ns_from_ms(asker->valid_ms)),
                                 .len = (uint16_t)from->len};
    if (request.ecu == executor->ecu_count) {
        ct_executor_refuse(executor, job, CT_REASON_UNKNOWN_ECU, "no such ECU in the gateway's configuration", now);
        return;
    }
    if (from->len == 0 || from->len > sizeof request.request) {
        ct_executor_refuse(executor, job, CT_REASON_BAD_FORM, "the request is empty or too long", now);
        return;
    }
    memcpy(request.request, from->data, from->len);
    ct_uds_submit(executor, &request, now);
}

void ct_executor_submit(struct ct_executor *executor, const struct ct_command *command, enum ct_origin origin,
                        bool release, int64_t valid_ms, ct_ns now)
{
    const struct ct_executor_asker asker = {.origin = origin, .release = release, .valid_ms = valid_ms};
    ct_executor_submit_for(executor, command, &asker, now);
}

bool ct_executor_may_begin(struct ct_executor *executor, const struct ct_job *job,
                           const struct ct_executor_asker *asker, ct_ns now)
{
    executor->stats.submitted++;
    if (executor->stopped) {
        ct_executor_say(executor, job,
                        (struct ct_command_status){.state = CT_COMMAND_CANCELLED, .reason = CT_REASON_RESTARTED}, now);
    } else if (asker->valid_ms <= 0) {
        ct_executor_say(executor, job,
                        (struct ct_command_status){.state = CT_COMMAND_EXPIRED, .reason = CT_REASON_TOO_OLD}, now);
    }
    return !executor->stopped && asker->valid_ms > 0;
}

struct ct_job ct_executor_job(const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                              const struct ct_executor_asker *asker)
{
    struct ct_job job = {.used = true, .seq = seq, .holder = {asker->origin, asker->client}};
    memcpy(job.command_id, command_id, CT_COMMAND_ID_SIZE);
    return job;
}

void ct_executor_request(struct ct_executor *executor, const struct ct_executor_request *request,
                         const struct ct_executor_asker *asker, ct_ns now)
{
    const struct ct_job job = ct_executor_job(request->command_id, 0, asker);
    if (ct_executor_may_begin(executor, &job, asker, now)) {
        submit_request(executor, &job, request, asker, now);
    }
}

void ct_executor_submit_for(struct ct_executor *executor, const struct ct_command *command,
                            const struct ct_executor_asker *asker, ct_ns now)
{
    const struct ct_job job = ct_executor_job(command->command_id, command->seq, asker);
    const struct ct_executor_request request = {
        .ecu = command->ecu, .data = command->request, .len = command->request_len};
    if (!ct_executor_may_begin(executor, &job, asker, now)) {
        return;
    }
    if (command->action == CT_ACTION_SET_DESIRED) {
        ct_desired_submit(executor, &job, command, now);
    } else if (command->action == CT_ACTION_DIAGNOSTIC_REQUEST) {
        submit_request(executor, &job, &request, asker, now);
    } else {
        ct_executor_refuse(executor, &job, CT_REASON_BAD_FORM, "unknown action", now);
    }
}

/* The ECU that has claimed, or ecu_count. */
static size_t ecu_of(const struct ct_executor *executor, const void *owner)
{
    size_t i = 0;
    while (i < executor->ecu_count && &executor->ecus[i] != owner) {
        i++;
    }
    return i;
}

bool ct_executor_receive(struct ct_executor *executor, const struct ct_frame *frame, ct_ns now)
{
    const void *sender = ct_isotp_sender(executor->claims, frame);
    const void *owner = sender != NULL ? sender : ct_isotp_owner(executor->claims, frame);
    const size_t ecu = owner != NULL ? ecu_of(executor, owner) : executor->ecu_count;
    if (ecu == executor->ecu_count) {
        ct_functional_see_foreign(executor, frame, now);
        return false;
    }
    if (sender != NULL && (frame->flags & CT_FRAME_SENT) == 0) {
        ct_lease_see_foreign(executor, ecu, frame, now);
    }
    if (executor->ecus[ecu].functional != NULL) {
        ct_functional_receive(executor->ecus[ecu].functional, frame, now);
        return true;
    }
    return (executor->ecus_running != 0 || executor->channels_open != 0) && ct_uds_receive(executor, ecu, frame, now);
}

int ct_executor_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now)
{
    executor->last = CT_LAST_NONE;
    if (!ct_desired_next_frame(executor, out_frame, now) &&
        (executor->functionals_running == 0 || !ct_functional_next_frame(executor, out_frame, now)) &&
        (executor->groups_sending == 0 || !ct_testers_next_group_frame(executor, out_frame, now)) &&
        ((executor->ecus_running == 0 && executor->channels_open == 0 && executor->ecus_kept_alive == 0) ||
         !ct_uds_next_frame(executor, out_frame, now))) {
        return CT_ERR_AGAIN;
    }
    if (out_frame->bus < CT_EXECUTOR_BUSES_MAX) {
        executor->out[out_frame->bus] = (struct ct_out_owner){executor->last, executor->last_index};
    }
    executor->stats.frames_out++;
    return CT_OK;
}

void ct_executor_heard(const struct ct_executor *executor, size_t ecu, const uint8_t *response, size_t len, ct_ns now)
{
    if (executor->ops.answer != NULL && len > 0 && response[0] != CT_UDS_NEGATIVE_RESPONSE) {
        executor->ops.answer(executor->ops.user, ecu, response, len, now);
    }
}

void ct_executor_hold(struct ct_executor *executor, uint32_t buses)
{
    executor->held = buses;
}

bool ct_executor_unconfirmed(const struct ct_executor *executor, const struct ct_frame *frame)
{
    return executor->ops.unconfirmed != NULL && executor->ops.unconfirmed(executor->ops.user, frame);
}

bool ct_executor_holds(const struct ct_executor *executor, uint8_t bus)
{
    return bus < CT_EXECUTOR_BUSES_MAX && (executor->held >> bus & 1U) != 0;
}

void ct_executor_send_failed(struct ct_executor *executor, uint8_t bus, ct_ns now)
{
    if (bus >= CT_EXECUTOR_BUSES_MAX) {
        return;
    }
    const struct ct_out_owner owner = executor->out[bus];
    executor->out[bus].last = CT_LAST_NONE;
    if (owner.last == CT_LAST_DESIRED) {
        ct_desired_send_failed(executor, owner.index, now);
    } else if (owner.last == CT_LAST_ECU) {
        ct_uds_send_failed(executor, owner.index, now);
    } else if (owner.last == CT_LAST_FUNCTIONAL) {
        ct_functional_send_failed(executor, owner.index, now);
    }
}

ct_ns ct_executor_tick(struct ct_executor *executor, ct_ns now)
{
    const ct_ns all = executor->functionals_running != 0 ? ct_functional_tick(executor, now) : CT_NS_NEVER;
    const ct_ns due = ct_ns_min(all, ct_ns_min(ct_desired_tick(executor, now), ct_uds_tick(executor, now)));
    return executor->testers == NULL ? due : ct_ns_min(due, ct_testers_tick(executor, now));
}

void ct_executor_stop(struct ct_executor *executor, ct_ns now)
{
    executor->stopped = true;
    executor->last = CT_LAST_NONE;
    memset(executor->out, 0, sizeof executor->out); /* CT_LAST_NONE */
    ct_desired_stop(executor, now);
    (void)ct_functional_end_all(executor, CT_REASON_RESTARTED, NULL, now);
    (void)ct_uds_end(executor, false, CT_REASON_RESTARTED, NULL, now);
}

/* ---------------------------------------------------------------- the gate */

const char *ct_executor_barred(const struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder,
                               uint8_t service, bool goes_on)
{
    switch (executor->gate) {
    case CT_EXECUTOR_OPEN:
        return NULL;
    case CT_EXECUTOR_NO_WRITES:
        return !ct_policy_uds_changes(service) || goes_on || ct_lease_updates(executor, ecu, holder)
                   ? NULL
                   : "the ignition is off: nothing new is written to ECUs";
    case CT_EXECUTOR_UPDATE:
        return goes_on || ct_lease_updates(executor, ecu, holder) ? NULL
                                                                  : "the ignition is off: ECUs are not asked any more";
    case CT_EXECUTOR_CLOSED:
        break;
    }
    return "the ignition is off: ECUs are not asked any more";
}

size_t ct_executor_set_gate(struct ct_executor *executor, enum ct_executor_gate gate, ct_ns now)
{
    static const char *const texts[] = {[CT_EXECUTOR_CLOSED] = "the ignition is off, and the time after it is over",
                                        [CT_EXECUTOR_UPDATE] =
                                            "the ignition is off, and the time to finish requests is over"};
    const int reason = CT_REASON_POLICY_VEHICLE_STATE;
    executor->gate = gate;
    if (gate > CT_EXECUTOR_UPDATE) {
        return 0;
    }
    const size_t functional = ct_functional_end_all(executor, reason, texts[gate], now);
    return functional + ct_uds_end(executor, gate == CT_EXECUTOR_UPDATE, reason, texts[gate], now);
}

bool ct_executor_updating(const struct ct_executor *executor)
{
    bool updating = executor->ecus_updating > 0 || (executor->channels_open > 0 && ct_testers_writing(executor));
    for (size_t i = 0; executor->ecus_running > 0 && !updating && i < executor->ecu_count; i++) {
        updating = executor->ecus[i].running.used && executor->ecus[i].writes;
    }
    return updating;
}

struct ct_isotp_claims *ct_executor_claims(struct ct_executor *executor)
{
    return executor->claims;
}

struct ct_arbiter *ct_executor_arbiter(struct ct_executor *executor)
{
    return executor->arbiter;
}

size_t ct_executor_ecu_count(const struct ct_executor *executor)
{
    return executor->ecu_count;
}

const char *ct_executor_ecu_name(const struct ct_executor *executor, size_t ecu)
{
    return executor->ecus[ecu].name;
}

const char *ct_executor_bus_name(const struct ct_executor *executor, size_t ecu)
{
    return executor->ecus[ecu].bus_name;
}

int ct_executor_find_ecu(const struct ct_executor *executor, const char *name, size_t *out_ecu)
{
    const size_t ecu = find_ecu(executor, name);
    if (ecu == executor->ecu_count) {
        return CT_ERR_NOT_FOUND;
    }
    *out_ecu = ecu;
    return CT_OK;
}

size_t ct_executor_running(const struct ct_executor *executor)
{
    size_t n = executor->ecus_running + executor->channels_open + executor->functionals_running;
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        n += executor->desired[i].job.used ? 1U : 0U;
    }
    for (size_t i = 0; i < CT_EXECUTOR_QUEUE_MAX; i++) {
        n += executor->queue[i].job.used ? 1U : 0U;
    }
    return n;
}

void ct_executor_stats_get(const struct ct_executor *executor, struct ct_executor_stats *out_stats)
{
    *out_stats = executor->stats;
}
