/* Diagnostic jobs: a typed order (read or clear DTCs, read or write a DID, routine, raw request) for one ECU or all of
 * them, carried out as single UDS requests one after the other, ended by one typed result.
 *
 * Each request goes the way of every other: policy, arbiter, ISO-TP. A job whose first request is refused, with no
 * other ECU to ask, is refused; progress is told by RUNNING statuses with a text. At the deadline a job that only reads
 * fails with what it has got, one that writes ends as outcome unknown. Nothing is ever asked twice. Sans I/O; allocates
 * at create and for the result; belongs to the bus thread. */
#ifndef CT_GATEWAY_JOB_H
#define CT_GATEWAY_JOB_H

#include "batch.h"
#include "command.h"
#include "errors.h"
#include "policy.h"
#include "time_ns.h"

#define CT_JOBS_MAX          4 /* at a time; more: BUSY */
#define CT_JOB_DEADLINE_MS   60000
#define CT_JOB_RESULT_MAX    16384 /* bytes of responses and snapshots kept; more: truncated */
#define CT_JOB_SNAPSHOTS_MAX 16    /* DTCs of one ECU whose snapshots are read */

struct ct_jobs_ops {
    void *user;
    size_t ecu_count;
    const char *(*ecu_name)(void *user, size_t ecu);
    /* Sends a UDS request; its statuses come to ct_jobs_answer with the same slot and step, perhaps during the call. */
    void (*request)(void *user, uint32_t slot, uint32_t step, const struct ct_command *request, enum ct_origin origin,
                    bool release, int64_t valid_ms);
    void (*status)(void *user, enum ct_origin origin, const struct ct_command_status *status); /* of a job */
};

struct ct_jobs;
int ct_jobs_create(const struct ct_jobs_ops *ops, struct ct_jobs **out_jobs) CT_MUST_CHECK;
void ct_jobs_free(struct ct_jobs *jobs); /* accepts NULL */

/* command->action is CT_ACTION_DIAGNOSTIC_JOB. */
void ct_jobs_submit(struct ct_jobs *jobs, const struct ct_command *command, enum ct_origin origin, bool release,
                    int64_t valid_ms, ct_ns now);
void ct_jobs_answer(struct ct_jobs *jobs, uint32_t slot, uint32_t step, const struct ct_command_status *status);
/* Goes on with what was answered; call in every round. Returns the next deadline. NULL: there are none. */
ct_ns ct_jobs_tick(struct ct_jobs *jobs, ct_ns now);
size_t ct_jobs_running(const struct ct_jobs *jobs);

/* The order's requests change the ECU (ct_policy_uds_changes). */
bool ct_job_writes(const struct ct_command *command);
/* The job in this slot writes and has begun: what it asks now goes on with that. */
bool ct_jobs_goes_on(const struct ct_jobs *jobs, uint32_t slot);

#endif
