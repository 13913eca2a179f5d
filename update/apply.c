#include "apply_internal.h"

#include <string.h>

const struct ct_parameter *ct_apply_parameter(const struct ct_apply *apply)
{
    return &apply->config.release->parameters[apply->at];
}

bool ct_apply_is_own(const struct ct_apply *apply)
{
    return ct_apply_parameter(apply)->place == CT_PLACE_OWN;
}

bool ct_apply_writes(const struct ct_apply *apply)
{
    return apply->phase == CT_APPLY_WRITING || apply->phase == CT_APPLY_TAKING_BACK;
}

const struct ct_update_target *ct_apply_target_of(const struct ct_apply *apply)
{
    const struct ct_release *release = apply->config.release;
    for (size_t i = 0; i < release->target_count; i++) {
        if (strcmp(release->targets[i].ecu, ct_apply_parameter(apply)->ecu) == 0) {
            return &release->targets[i];
        }
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ phases */

void ct_apply_enter(struct ct_apply *apply, enum ct_apply_phase phase, size_t at)
{
    apply->phase = phase;
    apply->at = at;
    apply->step = 0;
    apply->opening = OPEN_DEFAULT;
    apply->target = NULL;
    apply->call = 0;
    apply->open_tries = 0;
    ct_apply_block_begin(apply);
}

void ct_apply_end(struct ct_apply *apply, enum ct_update_state state, enum ct_update_verdict verdict)
{
    apply->phase = CT_APPLY_OVER;
    apply->state = state;
    apply->verdict = verdict;
}

void ct_apply_note(struct ct_apply *apply, enum ct_update_record_type type, size_t index)
{
    apply->record.type = type;
    apply->record.index = (uint16_t)index;
    apply->record.len = 0;
}

void ct_apply_note_verdict(struct ct_apply *apply, enum ct_update_record_type type, enum ct_update_verdict verdict)
{
    ct_apply_note(apply, type, 0);
    apply->record.len = 1;
    apply->record.data[0] = (uint8_t)verdict;
    apply->verdict = verdict;
}

void ct_apply_take_back(struct ct_apply *apply)
{
    if (apply->progress.touched == 0) {
        ct_apply_note(apply, CT_RECORD_ROLLED_BACK, 0);
        ct_apply_enter(apply, CT_APPLY_CHECKING_BACK, 0);
    } else {
        ct_apply_enter(apply, CT_APPLY_TAKING_BACK, apply->progress.touched - 1U);
    }
}

void ct_apply_fail(struct ct_apply *apply, enum ct_update_verdict verdict)
{
    if (apply->phase != CT_APPLY_TAKING_BACK && apply->phase != CT_APPLY_CHECKING_BACK) {
        ct_apply_note_verdict(apply, CT_RECORD_ROLLBACK, verdict);
        ct_apply_enter(apply, CT_APPLY_TAKING_BACK, 0); /* take_back when the record is durable */
    } else if (++apply->tries < CT_APPLY_TRIES) {
        ct_apply_take_back(apply);
    } else {
        ct_apply_note(apply, CT_RECORD_ROLLBACK_FAILED, 0);
        ct_apply_enter(apply, CT_APPLY_CHECKING_BACK, 0);
    }
}

static bool record_waits(const struct ct_apply *apply)
{
    return apply->record.type != 0;
}

/* ------------------------------------------------------------------------------------------------ starting */

static void clear(struct ct_apply *apply, const struct ct_apply_config *config, ct_ns now)
{
    memset(apply, 0, sizeof *apply);
    apply->config = *config;
    apply->started = now;
    apply->state = CT_UPDATE_STATE_APPLYING;
    const ct_ns limit = (ct_ns)config->release->max_apply_s * CT_NS_PER_S;
    apply->give_up_at = limit > 0 ? ct_ns_add(now, limit) : CT_NS_NEVER;
}

void ct_apply_start(struct ct_apply *apply, const struct ct_apply_config *config, const struct ct_update_begin *begin,
                    ct_ns now)
{
    clear(apply, config, now);
    apply->begin = *begin;
    ct_update_record_begin(begin, &apply->record);
    ct_apply_enter(apply, CT_APPLY_BEGIN, 0);
}

void ct_apply_resume(struct ct_apply *apply, const struct ct_apply_config *config,
                     const struct ct_update_progress *progress, ct_ns now)
{
    clear(apply, config, now);
    apply->progress = *progress;
    apply->verdict = progress->rolling_back ? (enum ct_update_verdict)progress->verdict : CT_UPDATE_OK;
    if (progress->committed) {
        ct_apply_end(apply, CT_UPDATE_STATE_COMMITTED, CT_UPDATE_OK);
    } else if (progress->rolled_back) {
        ct_apply_end(apply, CT_UPDATE_STATE_ROLLED_BACK, apply->verdict);
    } else if (progress->rollback_failed) {
        ct_apply_end(apply, CT_UPDATE_STATE_ROLLBACK_FAILED, CT_UPDATE_ROLLBACK_FAILED);
    } else if (progress->rolling_back) {
        ct_apply_take_back(apply);
    } else if (progress->held && config->release->hold_when_moving && progress->touched > 0) {
        ct_apply_enter(apply, CT_APPLY_WRITING, progress->touched - 1U); /* the last one once more */
    } else {
        ct_apply_note_verdict(apply, CT_RECORD_ROLLBACK,
                              progress->held ? (enum ct_update_verdict)progress->verdict : CT_UPDATE_INTERRUPTED);
        ct_apply_enter(apply, CT_APPLY_TAKING_BACK, 0);
    }
}

/* ------------------------------------------------------------------------------------------------ what to do */

static void request(struct ct_apply *apply, uint8_t service, uint8_t sub, const uint8_t *more, size_t len)
{
    apply->bytes[0] = service;
    apply->bytes[1] = sub;
    if (len > 0) {
        memcpy(apply->bytes + 2, more, len);
    }
    apply->len = 2 + len;
}

static void request_routine(struct ct_apply *apply, const struct ct_routine_call *call)
{
    uint8_t body[2 + CT_UPDATE_OPTIONS_MAX];
    body[0] = (uint8_t)(call->routine >> 8);
    body[1] = (uint8_t)call->routine;
    memcpy(body + 2, call->options, call->options_len);
    request(apply, ROUTINE, ROUTINE_START, body, 2U + call->options_len);
}

static void request_write(struct ct_apply *apply)
{
    const struct ct_parameter *p = ct_apply_parameter(apply);
    const bool old = apply->phase == CT_APPLY_TAKING_BACK;
    const struct ct_old_value *before = &apply->progress.old[apply->at];
    uint8_t body[1 + CT_UPDATE_RAW_MAX];
    const size_t len = old ? before->len : p->raw_len;
    body[0] = (uint8_t)p->did;
    memcpy(body + 1, old ? before->data : p->raw, len);
    request(apply, WRITE_DID, (uint8_t)(p->did >> 8), body, 1 + len);
}

static void request_read(struct ct_apply *apply)
{
    const uint8_t low = (uint8_t)ct_apply_parameter(apply)->did;
    request(apply, READ_DID, (uint8_t)(ct_apply_parameter(apply)->did >> 8), &low, 1);
}

static enum ct_apply_kind next_opening(struct ct_apply *apply)
{
    const struct ct_update_target *target = ct_apply_target_of(apply);
    switch (apply->opening) {
    case OPEN_DEFAULT:
        request(apply, SESSION, SESSION_DEFAULT, NULL, 0);
        return CT_APPLY_REQUEST;
    case OPEN_PAUSE:
        return CT_APPLY_WAIT;
    case OPEN_SESSION:
        request(apply, SESSION, target->session, NULL, 0);
        return CT_APPLY_REQUEST;
    case OPEN_SEED:
        request(apply, SECURITY, target->security_level, NULL, 0);
        return CT_APPLY_REQUEST;
    case OPEN_KEY:
        request(apply, SECURITY, (uint8_t)(target->security_level + 1), apply->key, apply->key_len);
        return CT_APPLY_REQUEST;
    default: /* OPEN_BEFORE */
        request_routine(apply, &target->before[apply->call]);
        return CT_APPLY_REQUEST;
    }
}

static enum ct_apply_kind next_write_step(struct ct_apply *apply)
{
    switch (apply->step) {
    case STEP_CONDITION:
        return CT_APPLY_CONDITION;
    case STEP_WRITE:
        if (ct_apply_is_own(apply)) {
            return CT_APPLY_OWN_WRITE;
        }
        if (ct_apply_is_block(apply)) {
            return ct_apply_block_write(apply);
        }
        request_write(apply);
        return CT_APPLY_REQUEST;
    case STEP_AFTER:
        request_routine(apply, &apply->target->after[apply->call]);
        return CT_APPLY_REQUEST;
    case STEP_RESET:
        request(apply, RESET, RESET_HARD, NULL, 0);
        return CT_APPLY_REQUEST;
    default: /* STEP_SETTLE */
        return CT_APPLY_WAIT;
    }
}

static enum ct_apply_kind next_read_step(struct ct_apply *apply)
{
    if (ct_apply_is_own(apply)) {
        return CT_APPLY_OWN_READ;
    }
    if (ct_apply_is_block(apply)) {
        return ct_apply_block_read(apply);
    }
    request_read(apply);
    return CT_APPLY_REQUEST;
}

static enum ct_apply_kind next_kind(struct ct_apply *apply)
{
    if (record_waits(apply)) {
        apply->len = ct_update_record_encode(&apply->record, &apply->progress, apply->bytes);
        return CT_APPLY_RECORD;
    }
    if (!ct_apply_is_own(apply) && apply->opening != OPEN) {
        return next_opening(apply);
    }
    return ct_apply_writes(apply) ? next_write_step(apply) : next_read_step(apply);
}

int ct_apply_next(struct ct_apply *apply, ct_ns now, struct ct_apply_action *out_action)
{
    if (apply->phase == CT_APPLY_OVER) {
        return CT_ERR_END;
    }
    apply->doing = next_kind(apply);
    if (apply->doing == CT_APPLY_REQUEST && ct_apply_writes(apply) && !apply->allowed) {
        apply->doing = CT_APPLY_CONDITION; /* the request is made anew when it is allowed */
    }
    const bool settles = ct_apply_writes(apply) && apply->step == STEP_SETTLE;
    *out_action =
        (struct ct_apply_action){.kind = apply->doing,
                                 .bytes = apply->bytes,
                                 .len = apply->len,
                                 .ecu = apply->doing == CT_APPLY_REQUEST ? ct_apply_parameter(apply)->ecu : "",
                                 .index = apply->at,
                                 .offset = apply->block_done,
                                 .old = apply->phase == CT_APPLY_TAKING_BACK,
                                 .until = ct_ns_add(now, settles ? CT_APPLY_RESET_PAUSE : CT_APPLY_PAUSE)};
    return CT_OK;
}
