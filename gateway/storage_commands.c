#include "storage_private.h"

#include "clock.h"
#include "log.h"

#include <stdio.h>
#include <string.h>

#define RESULT_RESERVE (24U * 1024U)          /* room a new command needs for what it will report */
#define TIME_FLOOR_MS  INT64_C(1767225600000) /* 2026-01-01: no gateway of this version ran before */

/* Appends one RESULT record. On failure the journal still owes the report, so the next start makes it. */
static int append_status(struct ct_storage *storage, const struct ct_command_status *status, ct_ns now)
{
    struct ct_record_head head = {.seq = ct_outbox_next_seq(storage->outbox, CT_CLASS_RESULT)};
    memcpy(head.boot_id, storage->config.boot_id, CT_BOOT_ID_SIZE);
    ct_buf_clear(&storage->record);
    int err = ct_record_encode_status(&head, status, &storage->record);
    if (err == CT_OK) {
        const struct ct_outbox_record record = {.class = CT_CLASS_RESULT,
                                                .seq_first = head.seq,
                                                .seq_last = head.seq,
                                                .from_utc_ns = status->utc_ns,
                                                .to_utc_ns = status->utc_ns};
        err = ct_storage_append(storage, &record, now);
    }
    if (err != CT_OK) {
        storage->stats.statuses_lost++;
        ct_log(CT_LOG_WARNING, "the status '%s' of a command cannot be stored: %s",
               ct_command_state_text(status->state), ct_err_text(err));
    }
    return err;
}

static void owe_report(struct ct_storage *storage, const uint8_t *command_id, ct_ns now)
{
    if (storage->report_count == STORAGE_REPORTS_MAX) {
        if (ct_outbox_commit(storage->outbox, now) != CT_OK) {
            return;
        }
        ct_storage_committed(storage);
    }
    memcpy(storage->reports[storage->report_count++], command_id, CT_COMMAND_ID_SIZE);
}

/* The order matters: outcome durable, then the record, then nothing is owed any more (see journal.h). */
static void finish(struct ct_storage *storage, const struct ct_command_status *status, ct_ns now)
{
    if (ct_journal_outcome(storage->journal, status->command_id, status->state, status->reason) == CT_OK &&
        ct_journal_commit(storage->journal) != CT_OK) {
        ct_log(CT_LOG_ERROR, "the command journal cannot be written; check the disk of state_dir");
    }
    if (append_status(storage, status, now) == CT_OK) {
        owe_report(storage, status->command_id, now);
    }
}

void ct_storage_committed(struct ct_storage *storage)
{
    for (size_t i = 0; i < storage->report_count; i++) {
        /* Refused before the journal knew it: nothing to tick off. */
        const int err = ct_journal_reported(storage->journal, storage->reports[i]);
        (void)err;
    }
    storage->report_count = 0;
}

void ct_storage_status(struct ct_storage *storage, const struct ct_msg_status *status, const uint8_t *response,
                       size_t response_len, ct_ns now)
{
    const struct ct_command_status full = {.command_id = status->command_id,
                                           .state = status->state,
                                           .reason = status->reason,
                                           .seq = status->seq,
                                           .t_ns = status->t_ns,
                                           .utc_ns = ct_storage_utc(status->t_ns),
                                           .response = response,
                                           .response_len = response_len,
                                           .has_reported = status->has_reported,
                                           .reported = status->reported,
                                           .text = status->text};
    if (ct_command_state_final(status->state)) {
        finish(storage, &full, now);
    } else {
        const int err = append_status(storage, &full, now);
        (void)err; /* counted; only final states are owed */
    }
}

static void refuse(struct ct_storage *storage, const struct ct_gate_result *result, int reason, ct_ns now)
{
    const struct ct_command_status status = {.command_id = result->readable ? result->command.command_id : NULL,
                                             .state = CT_COMMAND_REFUSED,
                                             .reason = reason,
                                             .seq = result->readable ? result->command.seq : 0,
                                             .t_ns = now,
                                             .utc_ns = ct_storage_utc(now),
                                             .text = ct_command_reason_text(reason)};
    storage->stats.commands_refused++;
    ct_log(CT_LOG_INFO, "command %llu refused: %s", (unsigned long long)status.seq, ct_command_reason_text(reason));
    const int err = append_status(storage, &status, now);
    (void)err;
}

static void refuse_taken(struct ct_storage *storage, const struct ct_command *command, int reason, ct_ns now)
{
    struct ct_msg_status status = {.state = CT_COMMAND_REFUSED, .reason = reason, .seq = command->seq, .t_ns = now};
    memcpy(status.command_id, command->command_id, CT_COMMAND_ID_SIZE);
    snprintf(status.text, sizeof status.text, "%s", ct_command_reason_text(reason));
    storage->stats.commands_refused++;
    ct_storage_status(storage, &status, NULL, 0, now);
}

static void hand_to_bus(struct ct_storage *storage, const struct ct_gate_result *result, ct_ns now)
{
    struct ct_msg_command message = {
        .valid_ms = result->valid_ms, .release = ct_gate_released(result), .command = result->command};
    const int err = ct_journal_intent(storage->journal, result->command.command_id, result->command.seq,
                                      message.release, result->command.issued_utc_ms);
    if (err == CT_ERR_EXISTS || err == CT_ERR_FULL) {
        refuse(storage, result, err == CT_ERR_EXISTS ? CT_REASON_REPLAYED : CT_REASON_BUSY, now);
        return;
    }
    ct_gate_floor_raise(&storage->gate, result->command.issued_utc_ms);
    if (err != CT_OK) { /* the journal may hold the intent all the same, so it gets an outcome */
        refuse_taken(storage, &result->command, CT_REASON_BUSY, now);
        return;
    }
    struct ct_channel *channel = &storage->channels->storage_to_bus;
    if (ct_ring_push(channel->ring, CT_MSG_COMMAND, &message, sizeof message) != CT_OK) {
        refuse_taken(storage, &result->command, CT_REASON_BUSY, now);
        return;
    }
    ct_channel_wake(channel);
}

void ct_storage_signed_command(struct ct_storage *storage, const uint8_t *data, size_t len, ct_ns now)
{
    struct ct_gate_result result;
    const int64_t utc_ms = ct_clock_utc_now() / CT_NS_PER_MS;
    storage->stats.commands++;
    ct_gate_check(&storage->gate, data, len, utc_ms >= TIME_FLOOR_MS, utc_ms, &result);
    if (!result.accepted) {
        refuse(storage, &result, result.reason, now);
    } else if (storage->stop_due != CT_NS_NEVER) { /* nobody is left to carry it out */
        refuse(storage, &result, CT_REASON_RESTARTED, now);
    } else if (ct_outbox_room(storage->outbox, CT_CLASS_RESULT) < RESULT_RESERVE) {
        refuse(storage, &result, CT_REASON_OUTBOX_RESERVED, now);
    } else {
        hand_to_bus(storage, &result, now);
    }
}

void ct_storage_cancel_unread(struct ct_storage *storage, ct_ns now)
{
    struct ct_ring *ring = storage->channels->storage_to_bus.ring;
    uint32_t type = 0;
    const void *data = NULL;
    size_t len = 0;
    while (ct_ring_peek(ring, &type, &data, &len) == CT_OK) {
        if (type == CT_MSG_COMMAND) {
            const struct ct_msg_command *message = data;
            struct ct_msg_status status = {
                .state = CT_COMMAND_CANCELLED, .reason = CT_REASON_RESTARTED, .seq = message->command.seq, .t_ns = now};
            memcpy(status.command_id, message->command.command_id, CT_COMMAND_ID_SIZE);
            snprintf(status.text, sizeof status.text, "the gateway stopped before it began");
            ct_storage_status(storage, &status, NULL, 0, now);
        }
        ct_ring_pop(ring);
    }
}

/* What an earlier run took and never reported. Nothing of it is executed again. */
void ct_storage_commands_left(struct ct_storage *storage, ct_ns now)
{
    struct ct_journal_entry entries[CT_JOURNAL_KEPT];
    size_t count = 0;
    while (count < CT_JOURNAL_KEPT && ct_journal_pending(storage->journal, count, &entries[count]) == CT_OK) {
        count++;
    }
    for (size_t i = 0; i < count; i++) {
        const bool unknown = entries[i].state == CT_COMMAND_RUNNING;
        struct ct_msg_status status = {.state = unknown ? CT_COMMAND_OUTCOME_UNKNOWN : entries[i].state,
                                       .reason = unknown ? CT_REASON_RESTARTED : entries[i].reason,
                                       .seq = entries[i].seq,
                                       .t_ns = now};
        memcpy(status.command_id, entries[i].command_id, CT_COMMAND_ID_SIZE);
        snprintf(status.text, sizeof status.text, "%s",
                 unknown ? "the gateway restarted while it ran; it is not repeated" : "reported after a restart");
        ct_storage_status(storage, &status, NULL, 0, now);
    }
    struct ct_journal_stats journal;
    ct_journal_stats_get(storage->journal, &journal);
    ct_gate_floor_raise(&storage->gate, TIME_FLOOR_MS);
    ct_gate_floor_raise(&storage->gate, journal.time_floor_utc_ms);
}
