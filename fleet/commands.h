/* Commands of the backend: made, signed, kept until their end, with their life's history; and the desired values.
 *
 * A command is durable before it may be sent. It is given to the link again after every reconnect until the vehicle's
 * first status came; the vehicle executes an id once. Writes belong to the database's open transaction.
 * Besides the states of command.h: 0 is "queued", CT_COMMAND_SENT "sent" (given to the link, no status yet; kept in the
 * history only), CT_COMMAND_AWAITING_RELEASE "awaiting-release" (kept back until a release signature came). Belongs to
 * one thread. */
#ifndef CT_FLEET_COMMANDS_H
#define CT_FLEET_COMMANDS_H

#include "batch.h"
#include "command.h"
#include "database.h"
#include "envelope.h"

#define CT_COMMAND_SENT             100
#define CT_COMMAND_AWAITING_RELEASE 101
#define CT_COMMAND_GIVEN_UP_MS      (24 * 3600 * INT64_C(1000)) /* sent, never answered: outcome unknown */
#define CT_COMMANDS_WAITING_MAX     1000                        /* of one vehicle; more are refused with CT_ERR_FULL */

struct ct_commands;

int ct_commands_open(struct ct_database *database, const uint8_t director_secret[CT_SIGN_SECRET_SIZE],
                     struct ct_commands **out_commands) CT_MUST_CHECK;
void ct_commands_close(struct ct_commands *commands); /* accepts NULL; wipes the key */

/* Fills id, seq, issued time and (set desired) the revision of *command; expires_utc_ms and the action are the
 * caller's. Signs and stores it. detail: the value by ct_detail_write, or hex of the request. A desired value
 * supersedes the one before if that was not sent yet. CT_ERR_FULL: too many wait. */
int ct_commands_issue(struct ct_commands *commands, int64_t vehicle_row, struct ct_command *command, const char *detail,
                      int64_t utc_ms) CT_MUST_CHECK;

/* Keeps a command that was just issued back until its release signature comes; it expires as others. */
int ct_commands_hold(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], int64_t utc_ms) CT_MUST_CHECK;
/* Adds the signature, which the vehicle verifies, and lets the command go. CT_ERR_NOT_FOUND: it does not wait for one;
 * CT_ERR_EXISTS: a later released command was sent, or CT_COMMAND_WINDOW later ones of any kind, and the vehicle takes
 * none of before (gateway/journal.h); CT_ERR_ARGUMENT: the director's key. */
int ct_commands_release(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE],
                        const struct ct_signature *signature, int64_t utc_ms) CT_MUST_CHECK;

/* A status from the vehicle. *out_changed: false when it says nothing new (or of no known command). */
int ct_commands_status(struct ct_commands *commands, int64_t vehicle_row, const struct ct_command_status *status,
                       int64_t utc_ms, bool *out_changed) CT_MUST_CHECK;

/* Commands without a status, oldest first: all of the vehicle, or only those never sent. A non-zero answer ends it. */
typedef int (*ct_commands_waiting_fn)(void *user, const uint8_t id[CT_COMMAND_ID_SIZE], const uint8_t *signed_command,
                                      size_t len);
int ct_commands_waiting(struct ct_commands *commands, int64_t vehicle_row, bool unsent_only, ct_commands_waiting_fn fn,
                        void *user) CT_MUST_CHECK;
int ct_commands_sent(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], int64_t utc_ms) CT_MUST_CHECK;

/* Ends what waited too long; calls back with the vehicle of each. */
int ct_commands_expire(struct ct_commands *commands, int64_t utc_ms,
                       void (*fn)(void *user, int64_t vehicle_row, const uint8_t id[CT_COMMAND_ID_SIZE]),
                       void *user) CT_MUST_CHECK;

/* Reading. Texts and bytes live during the callback only. */
struct ct_command_row {
    const uint8_t *id;
    int64_t vehicle_row;
    uint64_t seq;
    enum ct_action action;
    const char *target; /* path or ECU */
    const char *detail;
    int64_t issued_utc_ms, expires_utc_ms, sent_utc_ms; /* sent: 0 when not */
    int state, reason;
    const uint8_t *response;
    size_t response_len;
    bool has_reported;
    double reported;
    const char *text; /* NULL: none */
};
typedef int (*ct_command_row_fn)(void *user, const struct ct_command_row *row);
/* CT_ERR_NOT_FOUND when there is none. */
int ct_commands_get(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE], ct_command_row_fn fn,
                    void *user) CT_MUST_CHECK;
int ct_commands_list(struct ct_commands *commands, int64_t vehicle_row, size_t limit, ct_command_row_fn fn,
                     void *user) CT_MUST_CHECK; /* newest first */
int ct_commands_history(struct ct_commands *commands, const uint8_t id[CT_COMMAND_ID_SIZE],
                        void (*fn)(void *user, int state, int reason, int64_t utc_ms), void *user) CT_MUST_CHECK;
int ct_commands_desired(struct ct_commands *commands, int64_t vehicle_row,
                        void (*fn)(void *user, const char *path, const char *detail, uint64_t revision,
                                   const uint8_t id[CT_COMMAND_ID_SIZE], int state, int reason),
                        void *user) CT_MUST_CHECK;
int ct_commands_count(struct ct_commands *commands, uint64_t *out_count, uint64_t *out_waiting) CT_MUST_CHECK;

/* "queued", "sent" or ct_command_state_text. */
const char *ct_commands_state_text(int state, int64_t sent_utc_ms);
/* Where a desired value stands, from its command: pending, applied, refused, overridden, failed, expired, superseded,
 * unknown. */
const char *ct_commands_desired_text(int state, int reason);

#endif
