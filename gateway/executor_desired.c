#include "executor_internal.h"

#include <math.h>
#include <string.h>

#define OBSERVE (CT_EXECUTOR_OBSERVE_MS * CT_NS_PER_MS)
#define POLL    (CT_EXECUTOR_OBSERVE_POLL_MS * CT_NS_PER_MS)

static void end(struct ct_executor *executor, struct ct_desired_job *desired, struct ct_command_status status,
                ct_ns now)
{
    const struct ct_job job = desired->job;
    desired->job.used = false;
    ct_executor_disown(executor, CT_LAST_DESIRED, (size_t)(desired - executor->desired));
    ct_executor_say(executor, &job, status, now);
}

/* The place remembered for this path, or the one to use for it. */
static struct ct_path_revision *path_place(struct ct_executor *executor, const char *path)
{
    struct ct_path_revision *oldest = &executor->paths[0];
    for (size_t i = 0; i < CT_EXECUTOR_PATHS_MAX; i++) {
        struct ct_path_revision *place = &executor->paths[i];
        if (place->used != 0 && strcmp(place->path, path) == 0) {
            return place;
        }
        if (place->used < oldest->used) {
            oldest = place;
        }
    }
    return oldest;
}

static uint64_t newest_revision(struct ct_executor *executor, const char *path)
{
    const struct ct_path_revision *place = path_place(executor, path);
    return place->used != 0 && strcmp(place->path, path) == 0 ? place->revision : 0;
}

static void remember_revision(struct ct_executor *executor, const char *path, uint64_t revision)
{
    struct ct_path_revision *place = path_place(executor, path);
    memcpy(place->path, path, strlen(path) + 1);
    place->used = ++executor->uses;
    place->revision = revision;
}

/* The place of the same path, else a free one; NULL when all are taken. */
static struct ct_desired_job *desired_place(struct ct_executor *executor, const char *path)
{
    struct ct_desired_job *free_place = NULL;
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        struct ct_desired_job *desired = &executor->desired[i];
        if (desired->job.used && strcmp(desired->path, path) == 0) {
            return desired;
        }
        if (!desired->job.used && free_place == NULL) {
            free_place = desired;
        }
    }
    return free_place;
}

static int reason_of_encode(int err, const char **out_text)
{
    if (err == CT_ERR_NOT_FOUND) {
        *out_text = "no such actuator, or the mapping has no vss2dbc rule for it";
        return CT_REASON_UNKNOWN_PATH;
    }
    *out_text = "the value does not fit the signal";
    return CT_REASON_POLICY_VALUE;
}

static int encode(struct ct_executor *executor, const char *path, const struct ct_wire_value *value,
                  struct ct_executor_write *out_write)
{
    const int err = executor->ops.encode(executor->ops.user, path, value, out_write);
    if (err == CT_OK) {
        out_write->frame.bus = out_write->bus;
    }
    return err;
}

static enum ct_verdict judge_value(struct ct_executor *executor, const struct ct_job *job, const char *path,
                                   const struct ct_executor_write *write, ct_ns now)
{
    struct ct_vehicle_state state = {0};
    executor->ops.vehicle_state(executor->ops.user, now, &state);
    return ct_policy_desired(executor->policy, job->holder.origin, path, write->physical, &state, now);
}

static bool same_message(const struct ct_frame *a, const struct ct_frame *b)
{
    return a->bus == b->bus && a->id == b->id && a->flags == b->flags;
}

/* Another value of the same message has not left yet: what the frame will hold is known only after it. */
static bool must_wait(const struct ct_executor *executor, const struct ct_desired_job *place,
                      const struct ct_executor_write *write)
{
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        const struct ct_desired_job *other = &executor->desired[i];
        if (other != place && other->job.used && !other->sent && same_message(&other->write.frame, &write->frame)) {
            return true;
        }
    }
    return false;
}

static void accept(struct ct_executor *executor, struct ct_desired_job *desired, ct_ns now)
{
    desired->accepted = true;
    ct_executor_say(executor, &desired->job, (struct ct_command_status){.state = CT_COMMAND_ACCEPTED}, now);
    ct_executor_say(executor, &desired->job, (struct ct_command_status){.state = CT_COMMAND_RUNNING}, now);
}

static struct ct_desired_job *begin(struct ct_executor *executor, struct ct_desired_job *place,
                                    const struct ct_job *job, const struct ct_command *command,
                                    const struct ct_executor_write *write, ct_ns now)
{
    if (place->job.used) {
        end(executor, place, (struct ct_command_status){.state = CT_COMMAND_CANCELLED, .reason = CT_REASON_SUPERSEDED},
            now);
    }
    *place = (struct ct_desired_job){.job = *job, .write = *write, .value = command->value, .order = ++executor->uses};
    memcpy(place->path, command->path, sizeof place->path);
    if (command->revision != 0) {
        remember_revision(executor, command->path, command->revision);
    }
    return place;
}

void ct_desired_submit(struct ct_executor *executor, const struct ct_job *job, const struct ct_command *command,
                       ct_ns now)
{
    struct ct_executor_write write = {0};
    const char *text = NULL;
    if (command->revision != 0 && command->revision <= newest_revision(executor, command->path)) {
        ct_executor_refuse(executor, job, CT_REASON_SUPERSEDED, "a newer revision of this path was taken", now);
        return;
    }
    struct ct_desired_job *place = desired_place(executor, command->path);
    if (place == NULL) {
        ct_executor_refuse(executor, job, CT_REASON_BUSY, "too many desired values wait for the vehicle", now);
        return;
    }
    if (command->value.kind == CT_WIRE_NUMBER && !isfinite(command->value.number)) {
        ct_executor_refuse(executor, job, CT_REASON_POLICY_VALUE, "the value is not a finite number", now);
        return;
    }
    const int err = encode(executor, command->path, &command->value, &write);
    if (err != CT_OK) {
        const int reason = reason_of_encode(err, &text);
        ct_executor_refuse(executor, job, reason, text, now);
        return;
    }
    const bool waits = must_wait(executor, place, &write);
    enum ct_verdict verdict = judge_value(executor, job, command->path, &write, now);
    if (verdict == CT_VERDICT_ALLOW && !waits) {
        verdict = ct_executor_judge(executor, job->holder.origin, write.bus_name, &write.frame, now);
    }
    if (verdict != CT_VERDICT_ALLOW) {
        ct_executor_refuse(executor, job, ct_executor_reason(verdict), ct_verdict_text(verdict), now);
        return;
    }
    struct ct_desired_job *desired = begin(executor, place, job, command, &write, now);
    if (!waits) {
        accept(executor, desired, now);
    }
}

/* It will not be sent after all. */
static void drop(struct ct_executor *executor, struct ct_desired_job *desired, int reason, const char *text, ct_ns now)
{
    const int state = desired->accepted ? CT_COMMAND_FAILED : CT_COMMAND_REFUSED;
    end(executor, desired, (struct ct_command_status){.state = state, .reason = reason, .text = text}, now);
}

/* Makes the frame anew from what the bus has taken since, and has it judged unless it is the one judged before. */
static bool make_frame(struct ct_executor *executor, struct ct_desired_job *desired, ct_ns now)
{
    struct ct_executor_write write = {0};
    const int err = encode(executor, desired->path, &desired->value, &write);
    if (err != CT_OK) {
        const char *text = NULL;
        const int reason = reason_of_encode(err, &text);
        drop(executor, desired, reason, text, now);
        return false;
    }
    const struct ct_frame *judged = &desired->write.frame;
    const bool same = desired->accepted && same_message(judged, &write.frame) && judged->len == write.frame.len &&
                      memcmp(judged->data, write.frame.data, write.frame.len) == 0;
    const enum ct_verdict verdict =
        same ? CT_VERDICT_ALLOW
             : ct_executor_judge(executor, desired->job.holder.origin, write.bus_name, &write.frame, now);
    if (verdict != CT_VERDICT_ALLOW) {
        drop(executor, desired, ct_executor_reason(verdict), ct_verdict_text(verdict), now);
        return false;
    }
    desired->write = write;
    if (!desired->accepted) {
        accept(executor, desired, now);
    }
    return true;
}

static struct ct_desired_job *oldest_unsent(struct ct_executor *executor)
{
    struct ct_desired_job *oldest = NULL;
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        struct ct_desired_job *desired = &executor->desired[i];
        const bool held = ct_executor_holds(executor, desired->write.frame.bus);
        if (desired->job.used && !desired->sent && !held && (oldest == NULL || desired->order < oldest->order)) {
            oldest = desired;
        }
    }
    return oldest;
}

bool ct_desired_next_frame(struct ct_executor *executor, struct ct_frame *out_frame, ct_ns now)
{
    struct ct_desired_job *desired = oldest_unsent(executor);
    while (desired != NULL &&
           (!make_frame(executor, desired, now) || ct_executor_holds(executor, desired->write.frame.bus))) {
        desired = oldest_unsent(executor);
    }
    if (desired == NULL) {
        return false;
    }
    desired->sent = true;
    desired->sent_ns = now;
    executor->last = CT_LAST_DESIRED;
    executor->last_index = (size_t)(desired - executor->desired);
    *out_frame = desired->write.frame;
    return true;
}

void ct_desired_send_failed(struct ct_executor *executor, size_t index, ct_ns now)
{
    struct ct_desired_job *desired = &executor->desired[index];
    if (desired->job.used) {
        end(executor, desired,
            (struct ct_command_status){
                .state = CT_COMMAND_FAILED, .reason = CT_REASON_BUS_ERROR, .text = "the frame could not be sent"},
            now);
    }
}

/* Sees whether the vehicle followed; true when the command has ended. Only a report made after the frame left counts.
 */
static bool observe(struct ct_executor *executor, struct ct_desired_job *desired, ct_ns now)
{
    const struct ct_executor_write *write = &desired->write;
    struct ct_command_status status = {.state = CT_COMMAND_DONE};
    ct_ns t_ns = 0;
    if (!write->observable) {
        status.text = "sent; the path is not read back";
        end(executor, desired, status, now);
        return true;
    }
    status.has_reported = executor->ops.read(executor->ops.user, desired->path, &status.reported, &t_ns) == CT_OK;
    const bool followed =
        status.has_reported && t_ns >= desired->sent_ns && fabs(status.reported - write->expected) <= write->tolerance;
    if (!followed && now < ct_ns_add(desired->sent_ns, OBSERVE)) {
        return false;
    }
    if (!followed) {
        status.state = CT_COMMAND_FAILED;
        status.reason = CT_REASON_NOT_OBSERVED;
        status.text = "sent, but the reported value did not follow";
        if (ct_executor_unconfirmed(executor, &write->frame)) {
            status.reason = CT_REASON_NOT_CONFIRMED;
            status.text = "the bus has not carried the frame: no node acknowledges it, or the bus is stuck";
        }
    }
    end(executor, desired, status, now);
    return true;
}

ct_ns ct_desired_tick(struct ct_executor *executor, ct_ns now)
{
    ct_ns next = CT_NS_NEVER;
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        struct ct_desired_job *desired = &executor->desired[i];
        if (!desired->job.used) {
            continue;
        }
        if (!desired->sent) {
            next = now;
        } else if (!observe(executor, desired, now)) {
            next = ct_ns_min(next, ct_ns_min(now + POLL, ct_ns_add(desired->sent_ns, OBSERVE)));
        }
    }
    return next;
}

void ct_desired_stop(struct ct_executor *executor, ct_ns now)
{
    for (size_t i = 0; i < CT_EXECUTOR_DESIRED_MAX; i++) {
        struct ct_desired_job *desired = &executor->desired[i];
        if (desired->job.used) {
            const int state = desired->sent ? CT_COMMAND_OUTCOME_UNKNOWN : CT_COMMAND_CANCELLED;
            end(executor, desired, (struct ct_command_status){.state = state, .reason = CT_REASON_RESTARTED}, now);
        }
    }
}
