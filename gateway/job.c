#include "job.h"

#include "bytes.h"
#include "diagnostic_wire.h"
#include "uds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICE_DTC   0x19
#define DTC_BY_STATUS 0x02
#define DTC_SNAPSHOTS 0x04
#define ALL_RECORDS   0xFF
#define ANY_STATUS    0xFF
#define SERVICE_CLEAR 0x14
#define DTC_HEAD      3 /* 59 02, availability mask */
#define DTC_SIZE      4
#define SNAPSHOT_HEAD 6 /* 59 04, DTC and status */
#define RESPONSE_MAX  4095

/* What was asked and answered last. */
struct step {
    uint32_t number;
    bool waits;    /* for its final status */
    bool accepted; /* by policy: something was sent */
    bool ended;
    int state, reason;
    size_t len;
    uint8_t response[RESPONSE_MAX];
};

struct job {
    bool used, told_accepted, told_running, truncated;
    struct ct_command command;
    enum ct_origin origin;
    bool release;
    ct_ns start_by, deadline;
    size_t ecu, ecu_end; /* the one that is asked, and the one behind the last */
    size_t snapshot;     /* index of the DTC whose snapshots are asked; SIZE_MAX: the order itself is */
    struct step step;
    struct ct_result_ecu ecus[CT_RESULT_ECUS_MAX];
    size_t ecu_count;
    struct ct_result_dtc dtcs[CT_RESULT_DTCS_MAX];
    size_t dtc_count;
    uint8_t bytes[CT_JOB_RESULT_MAX];
    size_t byte_count;
};

struct ct_jobs {
    struct ct_jobs_ops ops;
    uint32_t last_step;
    struct job jobs[CT_JOBS_MAX];
};

int ct_jobs_create(const struct ct_jobs_ops *ops, struct ct_jobs **out_jobs)
{
    if (ops->ecu_count > CT_RESULT_ECUS_MAX) {
        return CT_ERR_TOO_LARGE;
    }
    struct ct_jobs *jobs = calloc(1, sizeof *jobs);
    if (jobs == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    jobs->ops = *ops;
    *out_jobs = jobs;
    return CT_OK;
}

void ct_jobs_free(struct ct_jobs *jobs)
{
    free(jobs);
}

size_t ct_jobs_running(const struct ct_jobs *jobs)
{
    size_t n = 0;
    for (size_t i = 0; i < CT_JOBS_MAX; i++) {
        n += jobs->jobs[i].used ? 1U : 0U;
    }
    return n;
}

/* ---- words */

static void say(struct ct_jobs *jobs, const struct job *job, struct ct_command_status status, ct_ns now)
{
    status.command_id = job->command.command_id;
    status.seq = job->command.seq;
    status.t_ns = now;
    status.text = status.text != NULL ? status.text : "";
    jobs->ops.status(jobs->ops.user, job->origin, &status);
}

static void say_progress(struct ct_jobs *jobs, struct job *job, ct_ns now)
{
    char text[96];
    if (!job->told_accepted) {
        job->told_accepted = true;
        say(jobs, job, (struct ct_command_status){.state = CT_COMMAND_ACCEPTED}, now);
    }
    (void)snprintf(text, sizeof text, "ECU %zu of %zu: %s", job->ecu_count + 1,
                   job->ecu_count + job->ecu_end - job->ecu, jobs->ops.ecu_name(jobs->ops.user, job->ecu));
    job->told_running = true;
    say(jobs, job, (struct ct_command_status){.state = CT_COMMAND_RUNNING, .text = text}, now);
}

static bool only_reads(const struct job *job)
{
    return job->command.job_kind == CT_DIAGNOSTIC_READ_DTCS || job->command.job_kind == CT_DIAGNOSTIC_READ_DID;
}

static size_t succeeded(const struct job *job)
{
    size_t n = 0;
    for (size_t i = 0; i < job->ecu_count; i++) {
        n += job->ecus[i].reason == CT_REASON_NONE ? 1U : 0U;
    }
    return n;
}

/* Reading is done when somebody answered, writing when everybody did. */
static struct ct_command_status verdict(const struct job *job)
{
    const size_t good = succeeded(job);
    const bool done = good > 0 && (good == job->ecu_count || only_reads(job));
    struct ct_command_status status = {.state = CT_COMMAND_DONE};
    for (size_t i = 0; !done && i < job->ecu_count && status.reason == CT_REASON_NONE; i++) {
        status.reason = job->ecus[i].reason;
    }
    status.state = done ? CT_COMMAND_DONE : job->told_accepted ? CT_COMMAND_FAILED : CT_COMMAND_REFUSED;
    return status;
}

static void end(struct ct_jobs *jobs, struct job *job, struct ct_command_status status, ct_ns now)
{
    struct ct_buf result;
    char text[96];
    ct_buf_init(&result, (size_t)2 * CT_JOB_RESULT_MAX);
    (void)snprintf(text, sizeof text, "%zu of %zu ECUs did what was asked", succeeded(job), job->ecu_count);
    if (job->ecu_count > 0 &&
        ct_diagnostic_result_encode(job->ecus, job->ecu_count, job->truncated, &result) == CT_OK) {
        status.response = result.data;
        status.response_len = result.len;
    }
    status.text = status.text != NULL ? status.text : text;
    job->used = false;
    say(jobs, job, status, now);
    ct_buf_free(&result);
}

/* ---- requests */

static size_t put_order(const struct ct_command *command, uint8_t *out)
{
    size_t n = 0;
    switch (command->job_kind) {
    case CT_DIAGNOSTIC_READ_DTCS:
        out[0] = SERVICE_DTC;
        out[1] = DTC_BY_STATUS;
        out[2] = command->job_identifier != 0 ? (uint8_t)command->job_identifier : ANY_STATUS;
        return 3;
    case CT_DIAGNOSTIC_CLEAR_DTCS:
        memcpy(out, "\x14\xFF\xFF\xFF", 4);
        return 4;
    case CT_DIAGNOSTIC_READ_DID:
    case CT_DIAGNOSTIC_WRITE_DID:
        out[0] = command->job_kind == CT_DIAGNOSTIC_READ_DID ? CT_UDS_READ_DATA : CT_UDS_WRITE_DATA;
        ct_put_be16(out + 1, (uint16_t)command->job_identifier);
        n = 3;
        break;
    case CT_DIAGNOSTIC_ROUTINE: /* the data's first byte is the sub-function */
        out[0] = CT_UDS_ROUTINE_CONTROL;
        out[1] = command->request_len > 0 ? command->request[0] : 1;
        ct_put_be16(out + 2, (uint16_t)command->job_identifier);
        if (command->request_len > 1) {
            memcpy(out + 4, command->request + 1, command->request_len - 1U);
        }
        return 4U + (command->request_len > 1 ? command->request_len - 1U : 0U);
    case CT_DIAGNOSTIC_RAW_REQUEST:
    default:
        break;
    }
    if (command->job_kind != CT_DIAGNOSTIC_READ_DID) {
        memcpy(out + n, command->request, command->request_len);
        n += command->request_len;
    }
    return n;
}

bool ct_job_writes(const struct ct_command *command)
{
    uint8_t request[CT_COMMAND_UDS_MAX];
    return command->request_len <= sizeof request - 4U && put_order(command, request) > 0 &&
           ct_policy_uds_changes(request[0]);
}

bool ct_jobs_goes_on(const struct ct_jobs *jobs, uint32_t slot)
{
    const struct job *job = &jobs->jobs[slot];
    return job->used && (job->told_accepted || job->step.accepted) && ct_job_writes(&job->command);
}

/* The DTC whose snapshots are asked, of the ECU that is asked. */
static struct ct_result_dtc *current_dtc(struct job *job)
{
    const struct ct_result_ecu *ecu = &job->ecus[job->ecu_count - 1];
    return &job->dtcs[(size_t)(ecu->dtcs - job->dtcs) + job->snapshot];
}

static void ask(struct ct_jobs *jobs, struct job *job, ct_ns now)
{
    struct ct_command request = {.action = CT_ACTION_DIAGNOSTIC_REQUEST, .seq = job->command.seq};
    (void)snprintf(request.ecu, sizeof request.ecu, "%s", jobs->ops.ecu_name(jobs->ops.user, job->ecu));
    if (job->snapshot == SIZE_MAX) {
        request.request_len = (uint16_t)put_order(&job->command, request.request);
    } else {
        const uint32_t code = current_dtc(job)->code;
        const uint8_t bytes[] = {SERVICE_DTC,          DTC_SNAPSHOTS, (uint8_t)(code >> 16),
                                 (uint8_t)(code >> 8), (uint8_t)code, ALL_RECORDS};
        memcpy(request.request, bytes, sizeof bytes);
        request.request_len = sizeof bytes;
    }
    job->step = (struct step){.number = ++jobs->last_step, .waits = true};
    jobs->ops.request(jobs->ops.user, (uint32_t)(job - jobs->jobs), job->step.number, &request, job->origin,
                      job->release, ((job->told_accepted ? job->deadline : job->start_by) - now) / CT_NS_PER_MS);
}

/* ---- answers */

static const uint8_t *keep(struct job *job, const uint8_t *data, size_t len)
{
    if (len > sizeof job->bytes - job->byte_count) {
        job->truncated = true;
        return NULL;
    }
    uint8_t *kept = job->bytes + job->byte_count;
    memcpy(kept, data, len);
    job->byte_count += len;
    return kept;
}

static void take_dtcs(struct job *job, struct ct_result_ecu *ecu, const struct step *step)
{
    ecu->dtcs = &job->dtcs[job->dtc_count];
    for (size_t at = DTC_HEAD; at + DTC_SIZE <= step->len; at += DTC_SIZE) {
        const uint8_t *entry = step->response + at;
        const uint32_t code = (uint32_t)entry[0] << 16 | ct_be16(entry + 1);
        if (code == 0) {
            continue; /* padding, of which some ECUs make a DTC */
        }
        if (job->dtc_count == CT_RESULT_DTCS_MAX) {
            job->truncated = true;
            return;
        }
        job->dtcs[job->dtc_count++] = (struct ct_result_dtc){.code = code, .status = entry[3]};
        ecu->dtc_count++;
    }
}

static void take_order(struct ct_jobs *jobs, struct job *job)
{
    const struct step *step = &job->step;
    struct ct_result_ecu *ecu = &job->ecus[job->ecu_count++];
    *ecu = (struct ct_result_ecu){.ecu = jobs->ops.ecu_name(jobs->ops.user, job->ecu), .reason = step->reason};
    if (step->state == CT_COMMAND_DONE && job->command.job_kind == CT_DIAGNOSTIC_READ_DTCS) {
        take_dtcs(job, ecu, step);
        return;
    }
    if (step->reason == CT_REASON_NEGATIVE_RESPONSE && step->len >= 3) {
        ecu->nrc = step->response[2];
    }
    ecu->response = keep(job, step->response, step->len);
    ecu->response_len = ecu->response != NULL ? step->len : 0;
}

static void take_snapshots(struct job *job)
{
    const struct step *step = &job->step;
    if (step->state == CT_COMMAND_DONE && step->len > SNAPSHOT_HEAD) {
        struct ct_result_dtc *dtc = current_dtc(job);
        dtc->snapshots = keep(job, step->response + SNAPSHOT_HEAD, step->len - SNAPSHOT_HEAD);
        dtc->snapshots_len = dtc->snapshots != NULL ? step->len - SNAPSHOT_HEAD : 0;
    }
}

/* What comes behind an answer: snapshots, then the next ECU. True when nothing does. */
static bool next(struct job *job)
{
    const struct ct_result_ecu *ecu = &job->ecus[job->ecu_count - 1];
    job->snapshot = job->snapshot == SIZE_MAX ? 0 : job->snapshot + 1;
    if (job->snapshot < ecu->dtc_count && job->snapshot < CT_JOB_SNAPSHOTS_MAX) {
        return false;
    }
    job->snapshot = SIZE_MAX;
    job->ecu++;
    return job->ecu == job->ecu_end;
}

/* The gateway stops, or the power state lets nothing more be asked: the next ECU is not asked either. */
static bool was_ended(const struct step *step)
{
    return step->state == CT_COMMAND_CANCELLED || step->state == CT_COMMAND_OUTCOME_UNKNOWN;
}

static void go_on(struct ct_jobs *jobs, struct job *job, ct_ns now)
{
    const struct step *step = &job->step;
    if (was_ended(step)) {
        end(jobs, job,
            (struct ct_command_status){.state = job->told_accepted ? CT_COMMAND_OUTCOME_UNKNOWN : CT_COMMAND_CANCELLED,
                                       .reason = step->reason},
            now);
        return;
    }
    if (job->snapshot == SIZE_MAX) {
        take_order(jobs, job);
    } else {
        take_snapshots(job);
    }
    if (next(job)) {
        end(jobs, job, verdict(job), now);
        return;
    }
    if (job->snapshot == SIZE_MAX && job->told_accepted) {
        say_progress(jobs, job, now);
    }
    ask(jobs, job, now);
}

void ct_jobs_answer(struct ct_jobs *jobs, uint32_t slot, uint32_t number, const struct ct_command_status *status)
{
    struct job *job = slot < CT_JOBS_MAX ? &jobs->jobs[slot] : NULL;
    if (job == NULL || !job->used || !job->step.waits || job->step.number != number) {
        return; /* of a job that has ended */
    }
    struct step *step = &job->step;
    step->accepted = step->accepted || status->state == CT_COMMAND_ACCEPTED;
    if (!ct_command_state_final(status->state)) {
        return;
    }
    step->ended = true;
    step->waits = false;
    step->state = status->state;
    step->reason = status->state == CT_COMMAND_DONE ? CT_REASON_NONE : status->reason;
    step->len = status->response_len < sizeof step->response ? status->response_len : sizeof step->response;
    if (step->len > 0) {
        memcpy(step->response, status->response, step->len);
    }
}

static void deadline(struct ct_jobs *jobs, struct job *job, ct_ns now)
{
    const int state = !job->told_accepted ? CT_COMMAND_EXPIRED
                      : only_reads(job)   ? CT_COMMAND_FAILED
                                          : CT_COMMAND_OUTCOME_UNKNOWN;
    end(jobs, job,
        (struct ct_command_status){.state = state, .reason = CT_REASON_TOO_OLD, .text = "the deadline has come"}, now);
}

ct_ns ct_jobs_tick(struct ct_jobs *jobs, ct_ns now)
{
    ct_ns due = CT_NS_NEVER;
    for (size_t i = 0; jobs != NULL && i < CT_JOBS_MAX; i++) {
        struct job *job = &jobs->jobs[i];
        if (job->used && job->step.accepted && !job->told_accepted) {
            say_progress(jobs, job, now);
        }
        while (job->used && job->step.ended) { /* an answer may come while asking */
            job->step.ended = false;
            go_on(jobs, job, now);
        }
        if (job->used && now >= job->deadline) {
            deadline(jobs, job, now);
        }
        due = job->used ? ct_ns_min(due, job->deadline) : due;
    }
    return due;
}

/* ---- orders */

static bool find_ecus(const struct ct_jobs *jobs, struct job *job)
{
    job->ecu = 0;
    job->ecu_end = jobs->ops.ecu_count;
    if (strcmp(job->command.ecu, "*") == 0) {
        return jobs->ops.ecu_count > 0;
    }
    while (job->ecu < job->ecu_end && strcmp(jobs->ops.ecu_name(jobs->ops.user, job->ecu), job->command.ecu) != 0) {
        job->ecu++;
    }
    const bool found = job->ecu < job->ecu_end;
    job->ecu_end = job->ecu + 1;
    return found;
}

static bool form_good(const struct ct_command *command)
{
    const bool needs_data =
        command->job_kind == CT_DIAGNOSTIC_WRITE_DID || command->job_kind == CT_DIAGNOSTIC_RAW_REQUEST;
    return command->job_kind >= CT_DIAGNOSTIC_READ_DTCS && command->job_kind <= CT_DIAGNOSTIC_RAW_REQUEST &&
           command->job_identifier <= 0xFFFF && command->request_len <= CT_COMMAND_UDS_MAX - 4U &&
           (!needs_data || command->request_len > 0);
}

static struct job *free_job(struct ct_jobs *jobs)
{
    for (size_t i = 0; i < CT_JOBS_MAX; i++) {
        if (!jobs->jobs[i].used) {
            return &jobs->jobs[i];
        }
    }
    return NULL;
}

void ct_jobs_submit(struct ct_jobs *jobs, const struct ct_command *command, enum ct_origin origin, bool release,
                    int64_t valid_ms, ct_ns now)
{
    struct job *job = free_job(jobs);
    struct job refused = {.command = *command, .origin = origin};
    if (job == NULL || !form_good(command)) {
        say(jobs, &refused,
            (struct ct_command_status){.state = CT_COMMAND_REFUSED,
                                       .reason = job == NULL ? CT_REASON_BUSY : CT_REASON_BAD_FORM},
            now);
        return;
    }
    const int64_t most = command->job_deadline_ms != 0 ? (int64_t)command->job_deadline_ms : CT_JOB_DEADLINE_MS;
    *job = (struct job){.used = true,
                        .command = *command,
                        .origin = origin,
                        .release = release,
                        .start_by = ct_ns_add(now, ct_ns_from_ms(valid_ms < most ? valid_ms : most)),
                        .deadline = ct_ns_add(now, ct_ns_from_ms(most)),
                        .snapshot = SIZE_MAX};
    if (!find_ecus(jobs, job)) {
        job->used = false;
        say(jobs, job, (struct ct_command_status){.state = CT_COMMAND_REFUSED, .reason = CT_REASON_UNKNOWN_ECU}, now);
        return;
    }
    ask(jobs, job, now);
}
