/* Applies the ingest log: twins, history, gaps, events, command states, and the log offset, together in one
 * transaction.
 *
 * The log is the only input of what is stored; what is applied but not committed is applied again from the log after a
 * crash, so every record counts exactly once. Between commits, queries see everything applied (same connection, open
 * chunks in memory). Publication to subscribers and browsers happens here too, after each step. Records are applied as
 * soon as the log can be read, while it is being synced; only a commit waits for that.
 * Adapter (files); time comes in. Belongs to one thread, the one that also answers the API. */
#ifndef CT_FLEET_FOLDER_H
#define CT_FLEET_FOLDER_H

#include "alerts.h"
#include "audit.h"
#include "commands.h"
#include "history.h"
#include "ingest_log.h"
#include "labels.h"
#include "registry.h"
#include "retention.h"
#include "rollouts.h"

/* The two clocks of one instant. */
struct ct_moment {
    ct_ns now;      /* boot time: intervals */
    int64_t utc_ns; /* wall clock */
};

struct ct_folder_config {
    const char *database_path;
    const char *log_folder;
    uint64_t log_end;               /* ct_ingest_log_durable at start */
    const uint8_t *director_secret; /* CT_SIGN_SECRET_SIZE bytes */
    ct_ns commit_ns;                /* longest time applied and uncommitted; 0: 500 ms */
    ct_ns chunk_ns;                 /* longest time a chunk stays open; 0: 60 s */
    size_t open_samples_max;        /* in all open chunks; 0: 8,000,000 */
    struct ct_retention_policy retention;
};

/* Where things go. Any may be NULL. */
struct ct_folder_ops {
    void *user;
    /* A serialised TwinUpdate for `vehicle/branch`. */
    void (*publish)(void *user, const char *topic, const void *data, size_t len);
    /* A server-sent event for those who watch the vehicle. */
    void (*stream)(void *user, const char *vehicle_id, const char *event, const char *json, size_t len);
    /* Waits until the log is durable up to `offset`; NULL: it always is. Called before every commit: what the database
     * says is applied must not be lost from the log. Not CT_OK: it will never be. */
    int (*durable)(void *user, uint64_t offset);
    /* News of an alert, as JSON. */
    void (*alert)(void *user, const char *json, size_t len);
    /* A signed command on its way to the vehicle's link; not CT_OK: not now. */
    int (*command)(void *user, const char *vehicle_id, const uint8_t *signed_command, size_t len);
    /* From here on all waiting commands of the vehicle come again, the oldest first; not CT_OK: not now. */
    int (*resend)(void *user, const char *vehicle_id);
    /* A serialised UpdateOffer or UpdateChunk on its way to the vehicle's link; not CT_OK: not now. */
    int (*update)(void *user, const char *vehicle_id, bool chunk, const uint8_t *data, size_t len);
};

struct ct_folder_stats {
    uint64_t records, batches, samples, states, events, gaps, statuses, catalogues;
    uint64_t duplicates; /* records that were there before */
    uint64_t refused;    /* records that could not be read or applied */
    uint64_t damaged;    /* places in the log that could not be read */
    uint64_t commits, chunks, published;
    uint64_t chunks_sent, chunks_refused; /* of updates */
    uint64_t applied;                     /* log offset behind the last record applied */
};

struct ct_folder;

int ct_folder_open(const struct ct_folder_config *config, const struct ct_folder_ops *ops, struct ct_moment moment,
                   struct ct_folder **out_folder, char *problem, size_t problem_size) CT_MUST_CHECK;
/* Packs what is open, commits and closes; accepts NULL. What could not be stored is still in the log. */
int ct_folder_close(struct ct_folder *folder, struct ct_moment moment);
/* Lets go without storing anything, as a crash would. For tests. */
void ct_folder_abandon(struct ct_folder *folder);

/* Applies up to `records_max` log records before `durable`. CT_ERR_END: no more now. Any other error is fatal: the
 * caller ends the process, a restart goes on from what is committed. */
int ct_folder_step(struct ct_folder *folder, uint64_t durable, size_t records_max,
                   struct ct_moment moment) CT_MUST_CHECK;
/* Commits, packs, publishes, expires and sends what is due. *out_next: when to come again. Errors are fatal. */
int ct_folder_tick(struct ct_folder *folder, struct ct_moment moment, ct_ns *out_next) CT_MUST_CHECK;
int ct_folder_commit(struct ct_folder *folder) CT_MUST_CHECK;

/* News from the links. Errors are fatal. */
int ct_folder_vehicle_hello(struct ct_folder *folder, const char *vehicle_id, const char *software,
                            struct ct_moment moment) CT_MUST_CHECK;
void ct_folder_vehicle_seen(struct ct_folder *folder, const char *vehicle_id, int64_t utc_ms);
int ct_folder_vehicle_lost(struct ct_folder *folder, const char *vehicle_id, struct ct_moment moment) CT_MUST_CHECK;
/* Something about the vehicle that the backend itself saw, for its list of events. */
int ct_folder_vehicle_event(struct ct_folder *folder, const char *vehicle_id, const char *name, const char *text,
                            struct ct_moment moment) CT_MUST_CHECK;
void ct_folder_vehicle_retry(struct ct_folder *folder, const char *vehicle_id);
/* A serialised State: twin only. */
void ct_folder_vehicle_state(struct ct_folder *folder, const char *vehicle_id, const uint8_t *state, size_t len,
                             struct ct_moment moment);

/* A serialised UpdateWanted: it is answered, or dropped when too much was asked for or it is not the vehicle's. */
int ct_folder_vehicle_wants(struct ct_folder *folder, const char *vehicle_id, const uint8_t *wanted, size_t len,
                            struct ct_moment moment) CT_MUST_CHECK;

/* An event stream of the vehicle begins or ends; it may begin before the vehicle is known. */
void ct_folder_watch(struct ct_folder *folder, const char *vehicle_id, bool begin);

/* Makes a command durable and sends it when the vehicle is connected. As ct_commands_issue. */
int ct_folder_issue(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_command *command,
                    const char *detail, struct ct_moment moment) CT_MUST_CHECK;

/* Makes a command durable and keeps it back until its release signature comes. As ct_commands_issue. */
int ct_folder_issue_held(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_command *command,
                         const char *detail, struct ct_moment moment) CT_MUST_CHECK;
/* Adds the signature to such a command, makes it durable and sends it. As ct_commands_release. */
int ct_folder_release(struct ct_folder *folder, struct ct_vehicle *vehicle, const uint8_t id[CT_COMMAND_ID_SIZE],
                      const struct ct_signature *signature, struct ct_moment moment) CT_MUST_CHECK;

/* For the API. */
struct ct_registry *ct_folder_registry(struct ct_folder *folder);
struct ct_history *ct_folder_history(struct ct_folder *folder);
struct ct_commands *ct_folder_commands(struct ct_folder *folder);
struct ct_audit *ct_folder_audit(struct ct_folder *folder);
struct ct_label_store *ct_folder_labels(struct ct_folder *folder);
struct ct_alerts *ct_folder_alerts(struct ct_folder *folder);
struct ct_update_store *ct_folder_update_store(struct ct_folder *folder);
struct ct_updates *ct_folder_updates(struct ct_folder *folder);
struct ct_rollouts *ct_folder_rollouts(struct ct_folder *folder);
void ct_folder_tell_rollout(struct ct_folder *folder, int64_t id); /* to those who watch the fleet */
/* Begins the transaction for something else to store; the folder commits it when it is due. */
int ct_folder_write(struct ct_folder *folder, struct ct_moment moment) CT_MUST_CHECK;
void ct_folder_stats_get(const struct ct_folder *folder, struct ct_folder_stats *out_stats);

#endif
