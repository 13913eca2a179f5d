#include "executor_internal.h"

#include <string.h>

#define DEFAULT_SESSION 1

static void end(struct ct_executor *executor, struct ct_ecu *ecu, struct ct_command_status status, ct_ns now)
{
    const struct ct_job job = ecu->running;
    const size_t index = (size_t)(ecu - executor->ecus);
    const bool closing = ecu->closing;
    ecu->running.used = false;
    ecu->closing = false;
    ecu->held = false;
    executor->ecus_running--;
    ct_executor_disown(executor, CT_LAST_ECU, index);
    if (closing) {
        executor->stats.sessions_closed += status.state == CT_COMMAND_DONE ? 1U : 0U;
        return;
    }
    if (ecu->session_asked != 0 && status.state == CT_COMMAND_DONE) {
        ct_lease_session(executor, index, job.holder, ecu->session_asked != DEFAULT_SESSION, now);
    }
    ct_lease_give_back(executor, index, job.holder, now);
    ct_executor_say(executor, &job, status, now);
}

/* Ends what runs on the ECU and forgets the transfer. */
static void break_off(struct ct_executor *executor, struct ct_ecu *ecu, struct ct_command_status status, ct_ns now)
{
    struct ct_uds_result unused;
    ct_uds_client_abort(ecu->client);
    (void)!ct_uds_client_result(ecu->client, &unused);
    end(executor, ecu, status, now);
}

bool ct_uds_occupied(const struct ct_ecu *ecu)
{
    return ecu->running.used || ecu->functional != NULL;
}

/* ---------------------------------------------------------------- starting */

/* Policy's word on the request, by who asked, and on its first frame, which is the gateway's own and is then held for
 * next_frame. */
static int start_reason(struct ct_executor *executor, struct ct_ecu *ecu, const struct ct_uds_job *request,
                        const char **out_text, ct_ns now)
{
    struct ct_vehicle_state state = {0};
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    enum ct_verdict verdict = ct_policy_uds(executor->policy, request->job.holder.origin, ecu->name, request->request,
                                            request->len, request->release, &state, now);
    if (verdict == CT_VERDICT_ALLOW) {
        const int err = ct_uds_client_request(ecu->client, request->request, request->len, now);
        if (err != CT_OK) {
            *out_text = ct_err_text(err);
            return CT_REASON_BAD_FORM;
        }
        ecu->held = ct_uds_client_next_frame(ecu->client, &ecu->frame, now) == CT_OK;
        if (ecu->held) {
            verdict = ct_executor_judge(executor, CT_ORIGIN_GATEWAY, ecu->bus_name, &ecu->frame, now);
        }
    }
    *out_text = ct_verdict_text(verdict);
    return ct_executor_reason(verdict);
}

static void start(struct ct_executor *executor, const struct ct_uds_job *request, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[request->ecu];
    struct ct_uds_result unused;
    const char *text =
        ct_executor_barred(executor, request->ecu, request->job.holder, request->request[0], request->goes_on);
    const int reason = text != NULL ? CT_REASON_POLICY_VEHICLE_STATE : start_reason(executor, ecu, request, &text, now);
    if (reason != CT_REASON_NONE) {
        ecu->held = false;
        ct_uds_client_abort(ecu->client);
        (void)!ct_uds_client_result(ecu->client, &unused);
        ct_lease_give_back(executor, request->ecu, request->job.holder, now);
        ct_executor_refuse(executor, &request->job, reason, text, now);
        return;
    }
    ecu->running = request->job;
    ecu->session_asked =
        request->len >= 2 && request->request[0] == CT_UDS_SESSION_CONTROL ? request->request[1] & 0x7FU : 0;
    ecu->writes = request->goes_on || ct_policy_uds_changes(request->request[0]);
    executor->ecus_running++;
    if (ecu->writes) {
        ct_lease_note_write(executor, request->ecu, request->job.holder, now);
    }
    ct_executor_say(executor, &request->job, (struct ct_command_status){.state = CT_COMMAND_ACCEPTED}, now);
    ct_executor_say(executor, &request->job, (struct ct_command_status){.state = CT_COMMAND_RUNNING}, now);
}

/* Back to the default session, on behalf of nobody any more; policy is asked as for who opened the other one. */
static void close_session(struct ct_executor *executor, size_t index, ct_ns now)
{
    static const uint8_t request[] = {CT_UDS_SESSION_CONTROL, DEFAULT_SESSION};
    struct ct_ecu *ecu = &executor->ecus[index];
    struct ct_uds_job job = {.job = {.used = true, .holder = ecu->session_owner}, .ecu = index, .len = sizeof request};
    struct ct_uds_result unused;
    const char *text = NULL;
    memcpy(job.request, request, sizeof request);
    ecu->close_session = false;
    if (executor->gate == CT_EXECUTOR_CLOSED) {
        return; /* the ECU goes back by itself (S3server) */
    }
    if (start_reason(executor, ecu, &job, &text, now) != CT_REASON_NONE) {
        ecu->held = false;
        ct_uds_client_abort(ecu->client);
        (void)!ct_uds_client_result(ecu->client, &unused);
        return;
    }
    ecu->running = job.job;
    ecu->closing = true;
    ecu->writes = false;
    ecu->session_asked = 0;
    executor->ecus_running++;
}

void ct_uds_submit(struct ct_executor *executor, const struct ct_uds_job *job, ct_ns now)
{
    enum ct_lease_answer answer = CT_LEASE_GRANTED;
    const struct ct_ecu *ecu = &executor->ecus[job->ecu];
    const char *barred = ct_executor_barred(executor, job->ecu, job->job.holder, job->request[0], job->goes_on);
    if (barred != NULL) {
        ct_executor_refuse(executor, &job->job, CT_REASON_POLICY_VEHICLE_STATE, barred, now);
        return;
    }
    const bool taken = ct_lease_take(executor, job, &answer, now);
    if (taken && !ct_uds_occupied(ecu) && !ecu->close_session) {
        start(executor, job, now);
        return;
    }
    if (!taken && answer != CT_LEASE_WAITING) {
        ct_executor_refuse(executor, &job->job, CT_REASON_BUSY, ct_lease_answer_text(answer), now);
        return;
    }
    for (size_t i = 0; i < CT_EXECUTOR_QUEUE_MAX; i++) {
        if (!executor->queue[i].job.used) {
            executor->queue[i] = *job;
            executor->queue[i].order = ++executor->uses;
            executor->queued++;
            return;
        }
    }
    ct_executor_refuse(executor, &job->job, CT_REASON_BUSY, "the ECU is busy and the queue is full", now);
}

static void forget_waiting(struct ct_executor *executor, struct ct_uds_job *waiting)
{
    waiting->job.used = false;
    executor->queued--;
}

static struct ct_uds_job *oldest_waiting(struct ct_executor *executor, size_t ecu, struct ct_lease_holder holder)
{
    struct ct_uds_job *oldest = NULL;
    for (size_t i = 0; i < CT_EXECUTOR_QUEUE_MAX; i++) {
        struct ct_uds_job *job = &executor->queue[i];
        const bool its = job->job.holder.origin == holder.origin && job->job.holder.client == holder.client;
        if (job->job.used && its && job->ecu == ecu && (oldest == NULL || job->order < oldest->order)) {
            oldest = job;
        }
    }
    return oldest;
}

/* Whose brief lease was given back or lost asks again, behind the others. */
static void ask_for_waiting(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    for (size_t i = 0; i < CT_EXECUTOR_QUEUE_MAX; i++) {
        struct ct_uds_job *job = &executor->queue[i];
        enum ct_lease_answer answer = CT_LEASE_GRANTED;
        if (job->job.used && job->ecu == ecu && now < job->start_by && !ct_lease_take(executor, job, &answer, now) &&
            answer != CT_LEASE_WAITING) {
            forget_waiting(executor, job);
            ct_executor_refuse(executor, &job->job, CT_REASON_BUSY, ct_lease_answer_text(answer), now);
        }
    }
}

/* The next request that may begin: the oldest of who has the ECU. */
static struct ct_uds_job *next_waiting(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct ct_lease lease;
    ask_for_waiting(executor, ecu, now);
    while (ct_arbiter_owner(executor->arbiter, ecu, now, &lease) == CT_OK) {
        struct ct_uds_job *job = oldest_waiting(executor, ecu, lease.holder);
        if (job != NULL || !lease.brief) {
            return job;
        }
        ct_lease_give_back(executor, ecu, lease.holder, now); /* its request is not waited for any more */
    }
    return NULL;
}

void ct_uds_start_waiting(struct ct_executor *executor, size_t ecu, ct_ns now)
{
    struct ct_uds_job *waiting = NULL;
    if (executor->ecus[ecu].functional != NULL) {
        return;
    }
    if (executor->ecus[ecu].close_session && !executor->ecus[ecu].running.used) {
        close_session(executor, ecu, now);
    }
    while (executor->queued > 0 && !executor->ecus[ecu].running.used &&
           (waiting = next_waiting(executor, ecu, now)) != NULL) {
        const struct ct_uds_job job = *waiting;
        forget_waiting(executor, waiting);
        start(executor, &job, now);
    }
}

static ct_ns expire_waiting(struct ct_executor *executor, ct_ns now)
{
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < CT_EXECUTOR_QUEUE_MAX; i++) {
        struct ct_uds_job *waiting = &executor->queue[i];
        if (!waiting->job.used) {
            continue;
        }
        if (now < waiting->start_by) {
            next = ct_ns_min(next, waiting->start_by);
            continue;
        }
        forget_waiting(executor, waiting);
        if (!ct_uds_occupied(&executor->ecus[waiting->ecu])) {
            ct_lease_give_back(executor, waiting->ecu, waiting->job.holder, now); /* others of it ask again */
        }
        ct_executor_say(executor, &waiting->job,
                        (struct ct_command_status){.state = CT_COMMAND_EXPIRED,
                                                   .reason = CT_REASON_TOO_OLD,
                                                   .text = "waited too long for its ECU"},
                        now);
    }
    return next;
}

/* ---------------------------------------------------------------- running */

static const char *transport_text(enum ct_isotp_result result)
{
    static const char *const texts[] = {
        [CT_ISOTP_OK] = "ISO-TP: ended",
        [CT_ISOTP_TIMEOUT_A] = "ISO-TP: N_TIMEOUT_A",
        [CT_ISOTP_TIMEOUT_BS] = "ISO-TP: N_TIMEOUT_Bs, no flow control came",
        [CT_ISOTP_TIMEOUT_CR] = "ISO-TP: N_TIMEOUT_Cr, the response broke off",
        [CT_ISOTP_WRONG_SN] = "ISO-TP: N_WRONG_SN",
        [CT_ISOTP_INVALID_FS] = "ISO-TP: N_INVALID_FS",
        [CT_ISOTP_UNEXP_PDU] = "ISO-TP: N_UNEXP_PDU",
        [CT_ISOTP_WFT_OVRN] = "ISO-TP: N_WFT_OVRN",
        [CT_ISOTP_BUFFER_OVFLW] = "ISO-TP: N_BUFFER_OVFLW",
        [CT_ISOTP_ERROR] = "ISO-TP: N_ERROR",
    };
    return texts[result];
}

static struct ct_command_status status_of(const struct ct_uds_result *result)
{
    struct ct_command_status status = {
        .state = CT_COMMAND_FAILED, .response = result->response, .response_len = result->len};
    switch (result->outcome) {
    case CT_UDS_POSITIVE:
        status.state = CT_COMMAND_DONE;
        break;
    case CT_UDS_NEGATIVE:
        status.reason = CT_REASON_NEGATIVE_RESPONSE;
        break;
    case CT_UDS_NO_RESPONSE:
        status.reason = CT_REASON_NO_RESPONSE;
        status.text = "the ECU does not answer";
        break;
    case CT_UDS_PENDING_OVER:
        status.reason = CT_REASON_NO_RESPONSE;
        status.text = "the ECU said response pending for too long";
        break;
    case CT_UDS_TRANSPORT:
        status.reason = result->tp_result == CT_ISOTP_TIMEOUT_BS ? CT_REASON_NO_RESPONSE : CT_REASON_BUS_ERROR;
        status.text = transport_text(result->tp_result);
        break;
    case CT_UDS_ABORTED:
    default:
        status.reason = CT_REASON_BUS_ERROR;
        break;
    }
    return status;
}

/* Silence of the ECU and silence of the bus are different things to look for. */
static void doubt_silence(const struct ct_executor *executor, const struct ct_ecu *ecu,
                          struct ct_command_status *status)
{
    if (status->reason == CT_REASON_NO_RESPONSE && ct_executor_unconfirmed(executor, &ecu->sent)) {
        status->reason = CT_REASON_NOT_CONFIRMED;
        status->text = "the bus has not carried the request: no node acknowledges it, or the bus is stuck";
    }
}

static void harvest(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    struct ct_uds_result result;
    if (ecu->running.used && ct_uds_client_result(ecu->client, &result) == CT_OK) {
        struct ct_command_status status = status_of(&result);
        doubt_silence(executor, ecu, &status);
        ct_executor_heard(executor, index, result.response, result.len, now);
        end(executor, ecu, status, now);
        ct_uds_start_waiting(executor, index, now);
    }
}

bool ct_uds_receive(struct ct_executor *executor, size_t index, const struct ct_frame *frame, ct_ns now)
{
    const struct ct_ecu *ecu = &executor->ecus[index];
    if (!ecu->running.used) {
        return executor->channels_open != 0 && ct_testers_receive(executor, index, frame, now);
    }
    if (!ct_uds_client_receive(ecu->client, frame, now)) {
        return false;
    }
    harvest(executor, index, now);
    return true;
}

/* The ECU's next frame, judged; a denied one ends the command. */
static bool fetch(struct ct_executor *executor, struct ct_ecu *ecu, struct ct_frame *out_frame, ct_ns now)
{
    if (ecu->held) {
        ecu->held = false;
        *out_frame = ecu->frame;
    } else {
        if (ct_uds_client_next_frame(ecu->client, out_frame, now) != CT_OK) {
            return false;
        }
        const enum ct_verdict verdict = ct_executor_judge(executor, CT_ORIGIN_GATEWAY, ecu->bus_name, out_frame, now);
        if (verdict != CT_VERDICT_ALLOW) {
            break_off(executor, ecu,
                      (struct ct_command_status){.state = CT_COMMAND_FAILED,
                                                 .reason = ct_executor_reason(verdict),
                                                 .text = ct_verdict_text(verdict)},
                      now);
            return false;
        }
    }
    out_frame->bus = ecu->bus;
    ecu->sent = *out_frame;
    return true;
}

bool ct_uds_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now)
{
    for (size_t i = 0; i < executor->ecu_count; i++) {
        struct ct_ecu *ecu = &executor->ecus[i];
        if (ct_executor_holds(executor, ecu->bus)) {
            continue;
        }
        while (ecu->running.used) {
            if (fetch(executor, ecu, out_frame, now)) {
                executor->last = CT_LAST_ECU;
                executor->last_index = i;
                return true;
            }
            if (ecu->running.used) {
                break;
            }
            ct_uds_start_waiting(executor, i, now);
        }
        if (!ct_uds_occupied(ecu) &&
            (ct_lease_keep_alive_frame(executor, i, out_frame, now) ||
             (executor->channels_open != 0 && ct_testers_next_frame(executor, i, out_frame, now)))) {
            executor->last = CT_LAST_ECU;
            executor->last_index = i;
            return true;
        }
    }
    return false;
}

void ct_uds_send_failed(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_ecu *ecu = &executor->ecus[index];
    if (ecu->running.used) {
        break_off(executor, ecu,
                  (struct ct_command_status){
                      .state = CT_COMMAND_FAILED, .reason = CT_REASON_BUS_ERROR, .text = "the frame could not be sent"},
                  now);
    } else if (executor->testers != NULL) {
        ct_testers_send_failed(executor, index, now);
    }
}

ct_ns ct_uds_tick(struct ct_executor *executor, ct_ns now)
{
    ct_ns next = ct_ns_min(expire_waiting(executor, now), ct_arbiter_tick(executor->arbiter, now));
    for (size_t i = 0; i < executor->ecu_count; i++) {
        struct ct_ecu *ecu = &executor->ecus[i];
        if (ecu->running.used) {
            (void)ct_uds_client_tick(ecu->client, now);
            harvest(executor, i, now);
        } else if (executor->queued > 0 || ecu->close_session) {
            ct_uds_start_waiting(executor, i, now);
        }
        if (ecu->running.used) {
            next = ct_ns_min(next, ecu->held ? now : ct_uds_client_tick(ecu->client, now));
        } else if (ecu->kept_alive) {
            next = ct_ns_min(next, ct_uds_client_tick(ecu->client, now));
        }
    }
    return next;
}

/* It runs as an update or as part of one: a read in the session of one is, too. */
static bool runs_for_update(const struct ct_executor *executor, size_t index)
{
    const struct ct_ecu *ecu = &executor->ecus[index];
    return ecu->writes || ct_lease_updates(executor, index, ecu->running.holder);
}

static size_t end_waiting(struct ct_executor *executor, bool spare_updates, struct ct_command_status status, ct_ns now)
{
    size_t ended = 0;
    for (size_t i = 0; executor->queued > 0 && i < CT_EXECUTOR_QUEUE_MAX; i++) {
        struct ct_uds_job *waiting = &executor->queue[i];
        const bool spared =
            spare_updates && (waiting->goes_on || ct_lease_updates(executor, waiting->ecu, waiting->job.holder));
        if (waiting->job.used && !spared) {
            forget_waiting(executor, waiting);
            ended++;
            ct_executor_say(executor, &waiting->job, status, now);
        }
    }
    return ended;
}

size_t ct_uds_end(struct ct_executor *executor, bool spare_updates, int reason, const char *text, ct_ns now)
{
    struct ct_command_status status = {.state = CT_COMMAND_CANCELLED, .reason = reason, .text = text};
    size_t ended = end_waiting(executor, spare_updates, status, now);
    status.state = CT_COMMAND_OUTCOME_UNKNOWN;
    for (size_t i = 0; i < executor->ecu_count; i++) {
        struct ct_ecu *ecu = &executor->ecus[i];
        if (!spare_updates || !ecu->updating) {
            ct_lease_stop_keep_alive(executor, i, now);
        }
        if (ecu->running.used && !(spare_updates && runs_for_update(executor, i))) {
            ended++;
            break_off(executor, ecu, status, now);
        }
    }
    return ended;
}
