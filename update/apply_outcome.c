#include "apply_internal.h"

#include "bytes.h"

#include <string.h>

/* Where a parameter's turn begins: the session of its ECU may be open already. */
static void begin_turn(struct ct_apply *apply, size_t at)
{
    const struct ct_update_target *before = apply->target;
    apply->at = at;
    apply->step = 0;
    apply->call = 0;
    ct_apply_block_begin(apply);
    if (before != NULL && ct_apply_target_of(apply) == before) {
        return;
    }
    apply->target = NULL;
    apply->opening = OPEN_DEFAULT;
    apply->open_tries = 0;
}

static void next_read(struct ct_apply *apply, size_t count)
{
    if (apply->at + 1U < count) {
        begin_turn(apply, apply->at + 1);
    } else if (apply->phase == CT_APPLY_READ_OLD) {
        ct_apply_enter(apply, CT_APPLY_CHECKING_OLD, 0);
    } else if (apply->phase == CT_APPLY_CHECKING_OLD) {
        ct_apply_note(apply, CT_RECORD_PREPARED, 0);
    } else if (apply->phase == CT_APPLY_READING_BACK) {
        ct_apply_note(apply, CT_RECORD_READ_BACK, 0);
    } else {
        ct_apply_note(apply, CT_RECORD_ROLLED_BACK, 0);
    }
}

static size_t count_of_phase(const struct ct_apply *apply)
{
    return apply->phase == CT_APPLY_CHECKING_BACK ? apply->progress.touched : apply->config.release->parameter_count;
}

/* The last parameter of its ECU in this run of them. */
static bool leaves_ecu(const struct ct_apply *apply)
{
    const struct ct_release *release = apply->config.release;
    const bool back = apply->phase == CT_APPLY_TAKING_BACK;
    if (back ? apply->at == 0 : apply->at + 1U == release->parameter_count) {
        return true;
    }
    const struct ct_parameter *other = &release->parameters[back ? apply->at - 1 : apply->at + 1];
    return strcmp(other->ecu, ct_apply_parameter(apply)->ecu) != 0;
}

static void next_write(struct ct_apply *apply)
{
    const bool back = apply->phase == CT_APPLY_TAKING_BACK;
    if (back ? apply->at == 0 : apply->at + 1U == apply->config.release->parameter_count) {
        ct_apply_enter(apply, back ? CT_APPLY_CHECKING_BACK : CT_APPLY_READING_BACK, 0); /* and every session anew */
    } else {
        begin_turn(apply, back ? apply->at - 1 : apply->at + 1);
    }
}

/* After a write, and after each step of leaving: the next step that there is something to do for. */
static void go_on_writing(struct ct_apply *apply)
{
    const struct ct_update_target *target = apply->target;
    const bool leaves = target != NULL && leaves_ecu(apply);
    if (leaves && apply->step <= STEP_AFTER && apply->call < target->after_count) {
        apply->step = STEP_AFTER;
    } else if (leaves && apply->step < STEP_RESET && target->reset) {
        apply->step = STEP_RESET;
    } else {
        next_write(apply);
    }
}

static void durable(struct ct_apply *apply, ct_ns now)
{
    size_t len;
    const enum ct_update_record_type type = apply->record.type;
    (void)!ct_update_record_take(apply->bytes, apply->len, &apply->progress, &len);
    apply->record.type = (enum ct_update_record_type)0;
    switch ((int)type) {
    case CT_RECORD_BEGIN:
        ct_apply_enter(apply, CT_APPLY_READ_OLD, 0);
        break;
    case CT_RECORD_OLD:
        next_read(apply, count_of_phase(apply));
        break;
    case CT_RECORD_PREPARED:
        ct_apply_enter(apply, CT_APPLY_WRITING, 0);
        break;
    case CT_RECORD_INTENT:
    case CT_RECORD_ROLLBACK_INTENT:
        apply->step = STEP_WRITE;
        break;
    case CT_RECORD_DONE:
        go_on_writing(apply);
        break;
    case CT_RECORD_READ_BACK:
        ct_apply_note(apply, CT_RECORD_COMMITTED, 0);
        break;
    case CT_RECORD_COMMITTED:
        ct_apply_end(apply, CT_UPDATE_STATE_COMMITTED, CT_UPDATE_OK);
        break;
    case CT_RECORD_ROLLBACK:
        ct_apply_take_back(apply);
        break;
    case CT_RECORD_ROLLED_BACK:
        ct_apply_end(apply, CT_UPDATE_STATE_ROLLED_BACK, apply->verdict);
        break;
    case CT_RECORD_ROLLBACK_FAILED:
        ct_apply_end(apply, CT_UPDATE_STATE_ROLLBACK_FAILED, CT_UPDATE_ROLLBACK_FAILED);
        break;
    default: /* HELD */
        ct_apply_end(apply, CT_UPDATE_STATE_HELD, apply->verdict);
        break;
    }
    (void)now;
}

/* Without a durable record nothing goes on. What was never begun is refused by it, the rest is held until there is
 * room. */
static void not_durable(struct ct_apply *apply)
{
    const bool begun = apply->progress.begun;
    ct_apply_end(apply, begun ? CT_UPDATE_STATE_HELD : CT_UPDATE_STATE_REFUSED, CT_UPDATE_NO_SPACE);
}

bool ct_apply_positive(struct ct_apply *apply, const struct ct_apply_outcome *outcome, size_t echo)
{
    if (outcome->ok && outcome->len >= 3 && outcome->bytes[0] == NEGATIVE) {
        apply->nrc = outcome->bytes[2];
        return false;
    }
    return outcome->ok && outcome->len > echo && outcome->bytes[0] == apply->bytes[0] + POSITIVE &&
           memcmp(outcome->bytes + 1, apply->bytes + 1, echo) == 0;
}

/* An ECU that starts after a reset, or was lost, is asked again; while nothing has been written, once is enough. */
static void opening_failed(struct ct_apply *apply)
{
    const bool early = apply->phase <= CT_APPLY_WRITING;
    if (!early && ++apply->open_tries < CT_APPLY_OPEN_TRIES) {
        apply->opening = OPEN_PAUSE;
    } else {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
    }
}

/* Behind `opening` comes the next step there is something to do for. */
static void opened(struct ct_apply *apply, int opening)
{
    const struct ct_update_target *target = ct_apply_target_of(apply);
    if (opening < OPEN_SEED && target->security_level != 0) {
        apply->opening = OPEN_SEED;
    } else if (opening <= OPEN_BEFORE && ct_apply_writes(apply) && apply->call < target->before_count) {
        apply->opening = OPEN_BEFORE;
    } else {
        apply->opening = OPEN;
        apply->target = target;
        apply->call = 0;
    }
}

/* A seed of zeros: the level is open already (ISO 14229-1 10.4). */
static void take_seed(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    const struct ct_update_target *target = ct_apply_target_of(apply);
    const uint8_t *seed = outcome->bytes + 2;
    const size_t len = outcome->len - 2;
    bool open = true;
    for (size_t i = 0; i < len; i++) {
        open = open && seed[i] == 0;
    }
    if (open) {
        opened(apply, OPEN_KEY);
    } else if (apply->config.key != NULL && apply->config.key(apply->config.user, target->ecu, target->security_level,
                                                              seed, len, apply->key, &apply->key_len)) {
        apply->opening = OPEN_KEY;
    } else {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
    }
}

static void opening_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (apply->opening == OPEN_PAUSE) {
        apply->opening = OPEN_DEFAULT;
        return;
    }
    if (!ct_apply_positive(apply, outcome, apply->opening == OPEN_BEFORE ? 3 : 1)) {
        opening_failed(apply);
        return;
    }
    if (apply->opening == OPEN_DEFAULT) {
        apply->opening = OPEN_SESSION;
    } else if (apply->opening == OPEN_SEED) {
        take_seed(apply, outcome);
    } else {
        apply->call += apply->opening == OPEN_BEFORE ? 1U : 0U;
        opened(apply, apply->opening);
    }
}

/* ------------------------------------------------------------------------------------------------ reading, writing */

static bool same_as_old(const struct ct_apply *apply, const uint8_t *value, size_t len)
{
    const struct ct_old_value *old = &apply->progress.old[apply->at];
    return len == old->len && memcmp(value, old->data, len) == 0;
}

static bool same_as_new(const struct ct_apply *apply, const uint8_t *value, size_t len)
{
    const struct ct_parameter *p = ct_apply_parameter(apply);
    return ct_apply_is_own(apply)
               ? len == CT_UPDATE_HASH_SIZE + 4 && memcmp(value, p->blob.sha256, CT_UPDATE_HASH_SIZE) == 0
               : ct_parameter_same(p, value, len);
}

static void keep_old(struct ct_apply *apply, const uint8_t *value, size_t len)
{
    const struct ct_parameter *p = ct_apply_parameter(apply);
    if (p->expected_old_len > 0 && (p->expected_old_len != len || memcmp(p->expected_old, value, len) != 0)) {
        ct_apply_fail(apply, CT_UPDATE_BASE);
        return;
    }
    ct_apply_note(apply, CT_RECORD_OLD, apply->at);
    apply->record.len = (uint16_t)len;
    memcpy(apply->record.data, value, len);
}

static void block_read_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (!ct_apply_block_was_read(apply, outcome)) {
        return;
    }
    if (apply->phase == CT_APPLY_READ_OLD) {
        ct_apply_note(apply, CT_RECORD_OLD, apply->at);
        apply->record.len = 8;
        ct_put_le32(apply->record.data, ct_apply_parameter(apply)->memory_size);
        ct_put_le32(apply->record.data + 4, apply->block_crc);
    } else {
        next_read(apply, count_of_phase(apply));
    }
}

static void read_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (ct_apply_is_block(apply)) {
        block_read_done(apply, outcome);
        return;
    }
    const size_t head = ct_apply_is_own(apply) ? 0 : 3;
    const bool good = ct_apply_is_own(apply) ? outcome->ok && outcome->len == CT_UPDATE_HASH_SIZE + 4
                                             : ct_apply_positive(apply, outcome, 2);
    if (!good || outcome->len < head + 1 || outcome->len - head > CT_UPDATE_RAW_MAX) {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
        return;
    }
    const uint8_t *value = outcome->bytes + head;
    const size_t len = outcome->len - head;
    if (apply->phase == CT_APPLY_READ_OLD) {
        keep_old(apply, value, len);
    } else if (apply->phase == CT_APPLY_READING_BACK ? same_as_new(apply, value, len)
                                                     : same_as_old(apply, value, len)) {
        next_read(apply, count_of_phase(apply));
    } else {
        ct_apply_fail(apply, CT_UPDATE_READBACK_MISMATCH);
    }
}

/* Not now: what has been begun waits, or goes back when it may. */
static void not_allowed(struct ct_apply *apply, enum ct_update_verdict why)
{
    const bool back = apply->phase == CT_APPLY_TAKING_BACK;
    if (back || (apply->config.release->hold_when_moving && apply->progress.touched > 0)) {
        ct_apply_note_verdict(apply, CT_RECORD_HELD, back ? apply->verdict : why);
    } else {
        ct_apply_fail(apply, why);
    }
}

static void condition_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome, ct_ns now)
{
    const bool back = apply->phase == CT_APPLY_TAKING_BACK;
    const bool before_write = (ct_apply_is_own(apply) || apply->opening == OPEN) && apply->step == STEP_CONDITION;
    if (!outcome->ok) {
        not_allowed(apply, outcome->why);
    } else if (!before_write) {
        apply->allowed = true;
    } else if (!back && now >= apply->give_up_at) {
        ct_apply_fail(apply, CT_UPDATE_TIME_LIMIT);
    } else if (back && ct_apply_is_block(apply) && !ct_apply_block_kept(apply)) {
        ct_apply_fail(apply, CT_UPDATE_HASH);
    } else {
        ct_apply_note(apply, back ? CT_RECORD_ROLLBACK_INTENT : CT_RECORD_INTENT, apply->at);
    }
}

static void written(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (ct_apply_is_block(apply)) {
        if (!ct_apply_block_written(apply, outcome)) {
            return;
        }
    } else if (ct_apply_is_own(apply) ? !outcome->ok : !ct_apply_positive(apply, outcome, 2)) {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
        return;
    }
    if (apply->phase == CT_APPLY_WRITING) {
        ct_apply_note(apply, CT_RECORD_DONE, apply->at);
        apply->step = STEP_DONE;
    } else {
        go_on_writing(apply);
    }
}

static void leaving_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (apply->step == STEP_SETTLE) {
        go_on_writing(apply);
    } else if (!ct_apply_positive(apply, outcome, apply->step == STEP_AFTER ? 3 : 1)) {
        ct_apply_fail(apply, CT_UPDATE_ECU_ERROR);
    } else if (apply->step == STEP_AFTER) {
        apply->call++;
        go_on_writing(apply);
    } else {
        apply->step = STEP_SETTLE;
    }
}

static void write_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome)
{
    if (apply->step == STEP_WRITE) {
        written(apply, outcome);
    } else {
        leaving_done(apply, outcome);
    }
}

void ct_apply_done(struct ct_apply *apply, const struct ct_apply_outcome *outcome, ct_ns now)
{
    if (apply->doing == CT_APPLY_RECORD) {
        if (outcome->ok) {
            durable(apply, now);
        } else {
            not_durable(apply);
        }
        return;
    }
    if (apply->doing == CT_APPLY_CONDITION) {
        condition_done(apply, outcome, now);
        return;
    }
    apply->allowed = false;
    if (!ct_apply_is_own(apply) && apply->opening != OPEN) {
        opening_done(apply, outcome);
    } else if (ct_apply_writes(apply)) {
        write_done(apply, outcome);
    } else {
        read_done(apply, outcome);
    }
}

enum ct_update_state ct_apply_result(const struct ct_apply *apply, enum ct_update_verdict *out_verdict,
                                     uint8_t *out_nrc)
{
    *out_verdict = apply->verdict;
    *out_nrc = apply->nrc;
    return apply->state;
}
