/* The folder's inside, shared by folder.c (life, commits), fold_record.c (one record) and folder_publish.c (news out).
 * Private to these. */
#ifndef CT_FLEET_FOLDER_PRIVATE_H
#define CT_FLEET_FOLDER_PRIVATE_H

#include "folder.h"

#define CT_FOLDER_WATCHES_MAX 64 /* as many as there can be event streams */

struct ct_folder {
    struct ct_folder_config config;
    struct ct_folder_ops ops;
    struct ct_folder_stats stats;
    struct ct_database database;
    struct ct_catalogues *catalogues;
    struct ct_registry *registry;
    struct ct_history *history;
    struct ct_commands *commands;
    struct ct_audit *audit;
    struct ct_label_store *labels;
    struct ct_alerts *alerts;
    struct ct_retention *retention;
    struct ct_update_store *update_store;
    struct ct_updates *updates;
    struct ct_rollouts *rollouts;
    unsigned chunks_left; /* of updates, until the next sweep */
    size_t retained;      /* the vehicle that is looked through for old rows next */
    size_t merged;        /* the vehicle whose waiting chunks are looked at next */
    struct ct_ingest_reader *reader;
    sqlite3_stmt *set_applied;
    uint64_t replay_end; /* log offset up to which an earlier run committed */
    size_t open_samples;
    ct_ns commit_due; /* CT_NS_NEVER: nothing uncommitted */
    ct_ns sweep_due;  /* the once-a-second look at every vehicle */
    struct ct_buf scratch;
    char watched[CT_FOLDER_WATCHES_MAX][CT_VEHICLE_ID_MAX + 1]; /* streams opened before their vehicle was seen */
    size_t watched_count;
};

/* fold_record.c: one entry of the log at `offset`. */
int ct_fold_entry(struct ct_folder *folder, const struct ct_ingest_entry *entry, uint64_t offset,
                  struct ct_moment moment) CT_MUST_CHECK;
/* Packs the vehicle's open chunk and stores it with its twin. */
int ct_fold_checkpoint(struct ct_folder *folder, struct ct_vehicle *vehicle) CT_MUST_CHECK;
/* Samples not yet stored could not be read back at start: reports that and stores what there is, so that the next start
 * neither reads nor reports them again. */
int ct_fold_lost(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_moment moment) CT_MUST_CHECK;
void ct_fold_state(struct ct_folder *folder, struct ct_vehicle *vehicle, const uint8_t *state, size_t len,
                   struct ct_moment moment);

/* folder.c: gives the vehicle's link what waits, all or what was never sent. */
int ct_folder_send_waiting(struct ct_folder *folder, struct ct_vehicle *vehicle, bool unsent_only,
                           struct ct_moment moment) CT_MUST_CHECK;

/* folder_stores.c: looks at every vehicle that changed. */
int ct_folder_judge(struct ct_folder *folder, struct ct_moment moment) CT_MUST_CHECK;

/* folder_stores.c: columns of what waits, of one vehicle: one that sends makes its own, what an older program left
 * behind of one that does not would wait forever. */
int ct_folder_merge(struct ct_folder *folder, struct ct_moment moment) CT_MUST_CHECK;

/* folder_stores.c: a ct_alert_news_fn. */
void ct_folder_alert(void *folder, const struct ct_rule *rule, const struct ct_vehicle *vehicle, const char *value,
                     int64_t since_utc_ms, int64_t until_utc_ms);

/* folder_stores.c: deletes some of what is old. */
int ct_folder_forget(struct ct_folder *folder, struct ct_moment moment) CT_MUST_CHECK;

/* folder_update.c */
int ct_folder_updates_open(struct ct_folder *folder) CT_MUST_CHECK;
void ct_folder_updates_close(struct ct_folder *folder);
int ct_fold_update(struct ct_folder *folder, struct ct_vehicle *vehicle, const struct ct_update_status *status,
                   int64_t utc_ms) CT_MUST_CHECK;
int ct_folder_roll_out(struct ct_folder *folder, struct ct_moment moment) CT_MUST_CHECK;
void ct_folder_update_connected(struct ct_folder *folder, struct ct_vehicle *vehicle);

/* folder_publish.c */
void ct_folder_publish(struct ct_folder *folder, struct ct_vehicle *vehicle);
void ct_folder_stream_twin(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_moment moment);
void ct_folder_stream_command(struct ct_folder *folder, const struct ct_vehicle *vehicle,
                              const uint8_t id[CT_COMMAND_ID_SIZE]);

/* Streams that were opened before their vehicle was seen count from now on. */
void ct_folder_give_watches(struct ct_folder *folder);

#endif
