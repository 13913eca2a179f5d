/* The command journal: which commands this vehicle has taken, so that none is ever executed twice.
 *
 * Each authority has its own rising sequence: commands of the director alone, and commands that the release authority
 * signed too. So a command that waits to be signed offline is not overtaken by what is sent meanwhile, and under one
 * authority nothing is carried out behind something newer. What was taken under one authority is never taken under the
 * other: the last 256 commands are known one by one, and those forgotten leave a floor that both must be above.
 *
 * A file of fixed 64-byte records, each with a checksum. Keeps those commands, the highest sequence of each authority,
 * that floor and the floor of trusted time; rewritten (atomically) when it grows over 64 KiB. A torn tail is cut, a
 * damaged record skipped, both counted; after damage nothing below what is known is taken any more. A file of version 1
 * is taken over, its highest sequence counts for both. Order of use, on the storage thread:
 *
 *   gate accepted -> ct_journal_intent (durable on return) -> hand to the bus thread -> ... final status ->
 *   ct_journal_outcome -> ct_journal_commit -> RESULT record appended and committed to the outbox ->
 * ct_journal_reported
 *
 * At start, ct_journal_pending gives what an earlier run left: report each (state OUTCOME_UNKNOWN, reason RESTARTED
 * when it may have run), then ct_journal_outcome / ct_journal_reported as above. Never execute any of them again.
 *
 * Adapter target gateway_journal. Belongs to one thread. */
#ifndef CT_GATEWAY_JOURNAL_H
#define CT_GATEWAY_JOURNAL_H

#include "command.h"
#include "errors.h"
#include "link_types.h"

#include <stdbool.h>

#define CT_JOURNAL_KEPT CT_COMMAND_WINDOW

struct ct_journal;

struct ct_journal_entry {
    uint8_t command_id[CT_COMMAND_ID_SIZE];
    uint64_t seq;
    bool release; /* taken under the release authority */
    int64_t issued_utc_ms;
    int state;  /* enum ct_command_state: RUNNING for an intent without outcome */
    int reason; /* enum ct_command_reason */
};

struct ct_journal_stats {
    uint64_t highest_seq;      /* of both authorities */
    int64_t time_floor_utc_ms; /* newest issued_utc_ms of a command taken; 0 none */
    size_t kept;
    uint64_t torn_bytes, damaged_records; /* found at open */
};

/* `dir`/commands.journal, made when missing. CT_ERR_UNSUPPORTED: another version's, left untouched; CT_ERR_BUSY:
 * another process has it. */
int ct_journal_open(const char *dir, struct ct_journal **out_journal) CT_MUST_CHECK;
void ct_journal_close(struct ct_journal *journal); /* commits; accepts NULL */

/* True when this id or sequence was taken before, or the sequence does not rise under its authority: a replay. */
bool ct_journal_seen(const struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                     bool release);

/* The command may run from here on. Durable when it returns CT_OK; on error it must not run. CT_ERR_EXISTS: a replay.
 * CT_ERR_FULL: CT_JOURNAL_KEPT commands have no outcome yet. After any other error the id and sequence count as taken:
 * report a refusal and note it as the outcome. */
int ct_journal_intent(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], uint64_t seq,
                      bool release, int64_t issued_utc_ms) CT_MUST_CHECK;
/* The final state. Durable with the next commit. CT_ERR_NOT_FOUND for an id without intent. */
int ct_journal_outcome(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE], int state,
                       int reason) CT_MUST_CHECK;
/* The outcome's RESULT record is durable in the outbox: nothing is owed for it any more. */
int ct_journal_reported(struct ct_journal *journal, const uint8_t command_id[CT_COMMAND_ID_SIZE]) CT_MUST_CHECK;
int ct_journal_commit(struct ct_journal *journal) CT_MUST_CHECK;

/* The index-th command (0.., oldest first) whose outcome was not reported; CT_ERR_END behind the last. One without
 * outcome has state RUNNING. */
int ct_journal_pending(const struct ct_journal *journal, size_t index,
                       struct ct_journal_entry *out_entry) CT_MUST_CHECK;

void ct_journal_stats_get(const struct ct_journal *journal, struct ct_journal_stats *out_stats);

#endif
