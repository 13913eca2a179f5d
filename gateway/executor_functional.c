/* Functional requests: one single frame that all ECUs of a bus hear, whose answers all go to who asked. */
#include "executor_internal.h"

#include "uds_group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSION_DEFAULT 1
#define OBD_ALL_11      0x7DFU
#define OBD_ALL_29      0x18DB3300U
#define OBD_ALL_29_MASK 0x1FFFFF00U

struct ct_functional {
    uint8_t bus;
    struct ct_isotp_address to;
    char bus_name[32];
    struct ct_uds_group *group;
    size_t members[CT_EXECUTOR_ECU_MAX]; /* ECUs, in the group's order */
    size_t count;
    struct ct_job running;
    bool silent;     /* it asks for no positive responses */
    uint8_t session; /* it asks for; 0: none */
    bool held;       /* its first frame was judged and waits to be fetched */
    struct ct_frame frame;
};

/* ---- opening */

static int open_one(struct ct_executor *executor, struct ct_functional *functional,
                    const struct ct_functional_address *from)
{
    struct ct_isotp_config members[CT_EXECUTOR_ECU_MAX];
    functional->bus = from->bus;
    (void)snprintf(functional->bus_name, sizeof functional->bus_name, "%s", from->bus_name);
    for (size_t i = 0; i < executor->ecu_count; i++) {
        if (executor->ecus[i].bus == from->bus) {
            functional->members[functional->count] = i;
            members[functional->count++] = executor->ecus[i].isotp;
        }
    }
    struct ct_isotp_address unused;
    const int err = ct_isotp_addresses(&from->isotp, &functional->to, &unused);
    if (err != CT_OK) {
        return err;
    }
    const struct ct_uds_group_config config = {
        .functional = from->isotp, .members = members, .member_count = functional->count};
    return ct_uds_group_create(&config, &functional->group);
}

int ct_executor_open_functional(struct ct_executor *executor, const struct ct_functional_address *addresses,
                                size_t count)
{
    executor->functionals = calloc(count > 0 ? count : 1, sizeof *executor->functionals);
    if (executor->functionals == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    int err = CT_OK;
    for (size_t i = 0; err == CT_OK && i < count; i++) {
        executor->functional_count = i + 1;
        err = open_one(executor, &executor->functionals[i], &addresses[i]);
    }
    return err;
}

void ct_functional_free(struct ct_executor *executor)
{
    for (size_t i = 0; i < executor->functional_count; i++) {
        ct_uds_group_free(executor->functionals[i].group);
    }
    free(executor->functionals);
}

bool ct_executor_has_functional(const struct ct_executor *executor, size_t ecu)
{
    for (size_t i = 0; i < executor->functional_count; i++) {
        if (executor->functionals[i].bus == executor->ecus[ecu].bus) {
            return true;
        }
    }
    return false;
}

/* ---- somebody else's */

/* Where testers ask all ECUs of a bus, whatever is configured here: ISO 15765-4 (10.5), with any source in 29 bits. */
static bool asks_by_standard(const struct ct_frame *frame)
{
    return (frame->flags & CT_FRAME_EXT) != 0 ? (frame->id & OBD_ALL_29_MASK) == OBD_ALL_29 : frame->id == OBD_ALL_11;
}

static bool asks_by_address(const struct ct_executor *executor, const struct ct_frame *frame)
{
    for (size_t i = 0; i < executor->functional_count; i++) {
        const struct ct_functional *functional = &executor->functionals[i];
        if (functional->bus == frame->bus && ct_isotp_address_takes(&functional->to, frame)) {
            return true;
        }
    }
    return false;
}

void ct_functional_see_foreign(struct ct_executor *executor, const struct ct_frame *frame, ct_ns now)
{
    const unsigned not_data = CT_FRAME_SENT | CT_FRAME_ERR | CT_FRAME_RTR;
    const bool standard = asks_by_standard(frame);
    if ((frame->flags & not_data) != 0 || (!standard && !asks_by_address(executor, frame))) {
        return;
    }
    for (size_t i = 0; i < executor->ecu_count; i++) {
        const bool hears = !standard || executor->ecus[i].isotp.extended == ((frame->flags & CT_FRAME_EXT) != 0);
        if (executor->ecus[i].bus == frame->bus && hears) {
            ct_arbiter_foreign(executor->arbiter, i, now);
        }
    }
}

/* ---- ending */

static void let_go(struct ct_executor *executor, struct ct_functional *functional, ct_ns now)
{
    const struct ct_lease_holder holder = functional->running.holder;
    functional->running.used = false;
    functional->held = false;
    executor->functionals_running--;
    ct_executor_disown(executor, CT_LAST_FUNCTIONAL, (size_t)(functional - executor->functionals));
    for (size_t i = 0; i < functional->count; i++) {
        executor->ecus[functional->members[i]].functional = NULL;
        ct_lease_give_back(executor, functional->members[i], holder, now);
    }
}

static void start_others(struct ct_executor *executor, const struct ct_functional *functional, ct_ns now)
{
    for (size_t i = 0; i < functional->count; i++) {
        ct_uds_start_waiting(executor, functional->members[i], now);
    }
}

static void end(struct ct_executor *executor, struct ct_functional *functional, struct ct_command_status status,
                ct_ns now)
{
    const struct ct_job job = functional->running;
    ct_uds_group_abort(functional->group);
    let_go(executor, functional, now);
    ct_executor_say(executor, &job, status, now);
}

/* Tells the answers of all who gave one; returns how many. */
static size_t tell_answers(struct ct_executor *executor, const struct ct_functional *functional, ct_ns now)
{
    size_t answers = 0;
    for (size_t i = 0; i < functional->count; i++) {
        const struct ct_uds_result result = ct_uds_group_result(functional->group, i);
        const size_t ecu = functional->members[i];
        if (result.outcome != CT_UDS_POSITIVE && result.outcome != CT_UDS_NEGATIVE) {
            continue;
        }
        answers++;
        ct_executor_heard(executor, ecu, result.response, result.len, now);
        if (functional->session != 0 && result.outcome == CT_UDS_POSITIVE) {
            ct_lease_session(executor, ecu, functional->running.holder, functional->session != SESSION_DEFAULT, now);
        }
        executor->ops.functional(executor->ops.user, functional->running.command_id, ecu, result.response, result.len);
    }
    return answers;
}

static void harvest(struct ct_executor *executor, struct ct_functional *functional, ct_ns now)
{
    char text[64];
    if (!functional->running.used || ct_uds_group_busy(functional->group)) {
        return;
    }
    const size_t answers = tell_answers(executor, functional, now);
    struct ct_command_status status = {.state = CT_COMMAND_DONE, .text = text};
    (void)snprintf(text, sizeof text, "%zu of %zu ECUs answered", answers, functional->count);
    if (answers == 0 && !functional->silent) {
        status.state = CT_COMMAND_FAILED;
        status.reason = CT_REASON_NO_RESPONSE;
    }
    end(executor, functional, status, now);
    start_others(executor, functional, now);
}

/* ---- beginning */

static enum ct_verdict judge_for_all(struct ct_executor *executor, const struct ct_functional *functional,
                                     const struct ct_executor_request *request, const struct ct_executor_asker *asker,
                                     ct_ns now)
{
    struct ct_vehicle_state state = {0};
    enum ct_verdict verdict = functional->count > 0 ? CT_VERDICT_ALLOW : CT_VERDICT_NO_RULE;
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    for (size_t i = 0; i < functional->count && verdict == CT_VERDICT_ALLOW; i++) {
        verdict = ct_policy_uds(executor->policy, asker->origin, executor->ecus[functional->members[i]].name,
                                request->data, request->len, asker->release, &state, now);
    }
    return verdict;
}

/* NULL, or why the ignition keeps one of them from being asked. */
static const char *barred(const struct ct_executor *executor, const struct ct_functional *functional,
                          const struct ct_job *job, uint8_t service)
{
    const char *text = NULL;
    for (size_t i = 0; i < functional->count && text == NULL; i++) {
        text = ct_executor_barred(executor, functional->members[i], job->holder, service, false);
    }
    return text;
}

/* All of them or none. */
static bool take_all(struct ct_executor *executor, struct ct_functional *functional, const struct ct_job *job,
                     const char **out_text, ct_ns now)
{
    for (size_t i = 0; i < functional->count; i++) {
        const struct ct_ecu *ecu = &executor->ecus[functional->members[i]];
        const struct ct_uds_job ask = {.job = *job, .ecu = functional->members[i], .start_by = now};
        enum ct_lease_answer answer = CT_LEASE_TAKEN;
        if (!ct_uds_occupied(ecu) && !ecu->close_session && ct_lease_take(executor, &ask, &answer, now)) {
            continue;
        }
        *out_text = ct_lease_answer_text(answer);
        while (i > 0) {
            ct_lease_give_back(executor, functional->members[--i], job->holder, now);
        }
        return false;
    }
    for (size_t i = 0; i < functional->count; i++) {
        executor->ecus[functional->members[i]].functional = functional;
    }
    functional->running = *job;
    executor->functionals_running++;
    return true;
}

/* The first frame, judged as the gateway's own. */
static int start_reason(struct ct_executor *executor, struct ct_functional *functional,
                        const struct ct_executor_request *request, const char **out_text, ct_ns now)
{
    int err = ct_uds_group_request(functional->group, request->data, request->len, now);
    err = err == CT_OK ? ct_uds_group_next_frame(functional->group, &functional->frame, now) : err;
    if (err != CT_OK) {
        *out_text = err == CT_ERR_TOO_LARGE ? "a functional request is a single frame" : ct_err_text(err);
        return CT_REASON_BAD_FORM;
    }
    functional->frame.bus = functional->bus;
    const enum ct_verdict verdict =
        ct_executor_judge(executor, CT_ORIGIN_GATEWAY, functional->bus_name, &functional->frame, now);
    functional->held = verdict == CT_VERDICT_ALLOW;
    *out_text = ct_verdict_text(verdict);
    return ct_executor_reason(verdict);
}

static void start(struct ct_executor *executor, struct ct_functional *functional, const struct ct_job *job,
                  const struct ct_executor_request *request, ct_ns now)
{
    const char *text = NULL;
    if (!take_all(executor, functional, job, &text, now)) {
        ct_executor_refuse(executor, job, CT_REASON_BUSY, text, now);
        return;
    }
    const int reason = start_reason(executor, functional, request, &text, now);
    if (reason != CT_REASON_NONE) {
        end(executor, functional,
            (struct ct_command_status){.state = CT_COMMAND_REFUSED, .reason = reason, .text = text}, now);
        start_others(executor, functional, now);
        return;
    }
    const bool subfunction = request->len >= 2 && ct_uds_has_subfunction(request->data[0]);
    functional->silent = subfunction && (request->data[1] & CT_UDS_SUPPRESS) != 0;
    functional->session =
        subfunction && request->data[0] == CT_UDS_SESSION_CONTROL ? request->data[1] & (uint8_t)~CT_UDS_SUPPRESS : 0;
    ct_executor_say(executor, job, (struct ct_command_status){.state = CT_COMMAND_ACCEPTED}, now);
    ct_executor_say(executor, job, (struct ct_command_status){.state = CT_COMMAND_RUNNING}, now);
}

void ct_executor_functional(struct ct_executor *executor, const char *bus_name,
                            const struct ct_executor_request *request, const struct ct_executor_asker *asker, ct_ns now)
{
    const struct ct_job job = ct_executor_job(request->command_id, 0, asker);
    size_t i = 0;
    if (!ct_executor_may_begin(executor, &job, asker, now)) {
        return;
    }
    while (i < executor->functional_count && strcmp(executor->functionals[i].bus_name, bus_name) != 0) {
        i++;
    }
    if (i == executor->functional_count) {
        ct_executor_refuse(executor, &job, CT_REASON_UNKNOWN_ECU, "the bus has no functional address", now);
        return;
    }
    struct ct_functional *functional = &executor->functionals[i];
    const char *why = request->len > 0 ? barred(executor, functional, &job, request->data[0]) : NULL;
    if (why != NULL) {
        ct_executor_refuse(executor, &job, CT_REASON_POLICY_VEHICLE_STATE, why, now);
        return;
    }
    const enum ct_verdict verdict = judge_for_all(executor, functional, request, asker, now);
    if (verdict != CT_VERDICT_ALLOW) {
        ct_executor_refuse(executor, &job, ct_executor_reason(verdict), ct_verdict_text(verdict), now);
        return;
    }
    start(executor, functional, &job, request, now);
}

/* ---- frames and time */

void ct_functional_receive(struct ct_functional *functional, const struct ct_frame *frame, ct_ns now)
{
    if ((frame->flags & CT_FRAME_SENT) == 0) {
        (void)ct_uds_group_receive(functional->group, frame, now);
    }
}

static bool fetch(struct ct_executor *executor, struct ct_functional *functional, struct ct_frame *out_frame, ct_ns now)
{
    if (functional->held) {
        functional->held = false;
        *out_frame = functional->frame;
        return true;
    }
    if (ct_uds_group_next_frame(functional->group, out_frame, now) != CT_OK) {
        return false;
    }
    out_frame->bus = functional->bus;
    const enum ct_verdict verdict =
        ct_executor_judge(executor, CT_ORIGIN_GATEWAY, functional->bus_name, out_frame, now);
    if (verdict == CT_VERDICT_ALLOW) {
        return true;
    }
    end(executor, functional,
        (struct ct_command_status){
            .state = CT_COMMAND_FAILED, .reason = ct_executor_reason(verdict), .text = ct_verdict_text(verdict)},
        now);
    start_others(executor, functional, now);
    return false;
}

bool ct_functional_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now)
{
    for (size_t i = 0; i < executor->functional_count; i++) {
        struct ct_functional *functional = &executor->functionals[i];
        if (functional->running.used && !ct_executor_holds(executor, functional->bus) &&
            fetch(executor, functional, out_frame, now)) {
            executor->last = CT_LAST_FUNCTIONAL;
            executor->last_index = i;
            return true;
        }
    }
    return false;
}

void ct_functional_send_failed(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_functional *functional = &executor->functionals[index];
    if (functional->running.used) {
        end(executor, functional,
            (struct ct_command_status){
                .state = CT_COMMAND_FAILED, .reason = CT_REASON_BUS_ERROR, .text = "the frame could not be sent"},
            now);
        start_others(executor, functional, now);
    }
}

ct_ns ct_functional_tick(struct ct_executor *executor, ct_ns now)
{
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < executor->functional_count; i++) {
        struct ct_functional *functional = &executor->functionals[i];
        if (functional->running.used) {
            const ct_ns due = ct_uds_group_tick(functional->group, now);
            harvest(executor, functional, now);
            next = functional->running.used ? ct_ns_min(next, functional->held ? now : due) : next;
        }
    }
    return next;
}

size_t ct_functional_end_all(struct ct_executor *executor, int reason, const char *text, ct_ns now)
{
    size_t ended = 0;
    for (size_t i = 0; i < executor->functional_count; i++) {
        if (executor->functionals[i].running.used) {
            end(executor, &executor->functionals[i],
                (struct ct_command_status){.state = CT_COMMAND_OUTCOME_UNKNOWN, .reason = reason, .text = text}, now);
            ended++;
        }
    }
    return ended;
}
