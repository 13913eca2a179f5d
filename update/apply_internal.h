/* What the two halves of the machine share: apply.c says what to do next, apply_outcome.c takes how it went. */
#ifndef CT_UPDATE_APPLY_INTERNAL_H
#define CT_UPDATE_APPLY_INTERNAL_H

#include "apply.h"

/* Services and what they are asked for (ISO 14229-1). */
enum ct_apply_service {
    SESSION = 0x10,
    RESET = 0x11,
    READ_DID = 0x22,
    READ_MEMORY = 0x23,
    SECURITY = 0x27,
    WRITE_DID = 0x2E,
    ROUTINE = 0x31,
    DOWNLOAD = 0x34,
    TRANSFER = 0x36,
    TRANSFER_EXIT = 0x37,
    NEGATIVE = 0x7F,
    POSITIVE = 0x40,
    SESSION_DEFAULT = 1,
    RESET_HARD = 1,
    ROUTINE_START = 1
};

/* Opening a session, leaving an ECU, and what is done with a parameter between the two. */
enum ct_apply_opening { OPEN_DEFAULT, OPEN_PAUSE, OPEN_SESSION, OPEN_SEED, OPEN_KEY, OPEN_BEFORE, OPEN };
enum ct_apply_step {
    STEP_CONDITION,
    STEP_INTENT,
    STEP_WRITE,
    STEP_DONE,
    STEP_AFTER,
    STEP_RESET,
    STEP_SETTLE,
    STEP_NEXT
};

/* Of a memory block. */
enum ct_apply_block { BLOCK_START, BLOCK_DATA, BLOCK_EXIT, BLOCK_KEEP };

const struct ct_parameter *ct_apply_parameter(const struct ct_apply *apply);
bool ct_apply_is_own(const struct ct_apply *apply);
bool ct_apply_writes(const struct ct_apply *apply); /* in this phase */
const struct ct_update_target *ct_apply_target_of(const struct ct_apply *apply);

void ct_apply_enter(struct ct_apply *apply, enum ct_apply_phase phase, size_t at);
void ct_apply_end(struct ct_apply *apply, enum ct_update_state state, enum ct_update_verdict verdict);
/* A record that waits to be made durable; what follows from it happens then. */
void ct_apply_note(struct ct_apply *apply, enum ct_update_record_type type, size_t index);
void ct_apply_note_verdict(struct ct_apply *apply, enum ct_update_record_type type, enum ct_update_verdict verdict);
void ct_apply_take_back(struct ct_apply *apply);
/* Something went wrong: the way back begins, or begins again, or is given up. */
void ct_apply_fail(struct ct_apply *apply, enum ct_update_verdict verdict);
/* The positive answer to what was asked, with `echo` bytes of the request behind the service. */
bool ct_apply_positive(struct ct_apply *apply, const struct ct_apply_outcome *outcome, size_t echo);

/* apply_block.c: a memory block, written by 34, 36, 37 and read by 23. */
bool ct_apply_is_block(const struct ct_apply *apply);
void ct_apply_block_begin(struct ct_apply *apply); /* before its first request */
/* The old content is there as it was read: before any of it is written back. */
bool ct_apply_block_kept(const struct ct_apply *apply);
enum ct_apply_kind ct_apply_block_write(struct ct_apply *apply);
enum ct_apply_kind ct_apply_block_read(struct ct_apply *apply);
/* How it went. True: the block is done; else it goes on, or has failed (ct_apply_fail). */
bool ct_apply_block_written(struct ct_apply *apply, const struct ct_apply_outcome *outcome);
bool ct_apply_block_was_read(struct ct_apply *apply, const struct ct_apply_outcome *outcome);

#endif
