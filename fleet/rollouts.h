/* Rollouts as stored: which release goes to which vehicles, how far it has come, and the machine (rollout.h) that moves
 * them on. Writes belong to the database's open transaction. Adapter (files). Belongs to one thread (folder). */
#ifndef CT_FLEET_ROLLOUTS_H
#define CT_FLEET_ROLLOUTS_H

#include "labels.h"
#include "updates.h"

#define CT_ROLLOUT_NOTE_MAX     256
#define CT_ROLLOUTS_OPEN_MAX    32 /* running, paused or halted at once */
#define CT_ROLLOUT_VEHICLES_MAX 100000

struct ct_rollouts;

int ct_rollouts_open(struct ct_database *database, struct ct_registry *registry, struct ct_updates *updates,
                     struct ct_update_store *store, struct ct_rollouts **out_rollouts) CT_MUST_CHECK;
void ct_rollouts_close(struct ct_rollouts *rollouts); /* accepts NULL */

struct ct_rollout_row {
    int64_t id, revision, created_utc_ms, changed_utc_ms;
    struct ct_rollout rollout;
    bool confirm, rollback;
    uint8_t release[CT_UPDATE_HASH_SIZE];
    char group[CT_LABEL_MAX + 1], tag[CT_LABEL_MAX + 1], model[CT_LABEL_MAX + 1]; /* "": all */
    char note[CT_ROLLOUT_NOTE_MAX + 1], user[CT_LABEL_MAX + 1];
    char set_id[CT_UPDATE_NAME_MAX + 1];
    int64_t counter, places[CT_PLACE_STATES]; /* vehicles by enum ct_place_state */
};

/* Takes in the vehicles that fit now; *row gets its id. CT_ERR_NOT_FOUND: none fits; CT_ERR_FULL: too many rollouts or
 * vehicles; CT_ERR_BUSY: a vehicle is in another open rollout. */
int ct_rollouts_add(struct ct_rollouts *rollouts, struct ct_rollout_row *row, int64_t utc_ms) CT_MUST_CHECK;
int ct_rollouts_get(struct ct_rollouts *rollouts, int64_t id, struct ct_rollout_row *out_row) CT_MUST_CHECK;
/* Newest first. */
int ct_rollouts_list(struct ct_rollouts *rollouts, size_t limit,
                     int (*fn)(void *user, const struct ct_rollout_row *row), void *user) CT_MUST_CHECK;
/* Vehicles by their names; verdict and text are of their update here (-1, "": none yet). */
struct ct_rollout_vehicle_row {
    int64_t vehicle_row, wave, changed_utc_ms;
    enum ct_place_state state;
    int update_state, verdict;
    uint32_t step, steps;
    const char *text;
};
int ct_rollouts_vehicles(struct ct_rollouts *rollouts, int64_t id, size_t limit,
                         int (*fn)(void *user, const struct ct_rollout_vehicle_row *row), void *user) CT_MUST_CHECK;
/* Why vehicles failed in it: verdict and how many. */
int ct_rollouts_failures(struct ct_rollouts *rollouts, int64_t id, int (*fn)(void *user, int verdict, int64_t count),
                         void *user) CT_MUST_CHECK;

/* Stores what ct_rollout_pause and its like made of row->rollout; those that were offered and have not begun are left
 * out when it was cancelled. With `retry` the failed ones wait again. */
int ct_rollouts_change(struct ct_rollouts *rollouts, struct ct_rollout_row *row, bool retry,
                       int64_t utc_ms) CT_MUST_CHECK;

/* A vehicle's update said something. */
int ct_rollouts_note(struct ct_rollouts *rollouts, int64_t vehicle_row,
                     const struct ct_update_news *news) CT_MUST_CHECK;
/* Something changed that may let a rollout go on. */
void ct_rollouts_touch(struct ct_rollouts *rollouts);
/* Moves all that run on. `changed` is told of rollouts, `offered` of vehicles that have a new update. */
struct ct_rollouts_ops {
    void *user;
    void (*changed)(void *user, int64_t rollout);
    void (*offered)(void *user, int64_t vehicle_row);
};
/* Something to do, or deadlines not looked at for a while. */
bool ct_rollouts_due(const struct ct_rollouts *rollouts, int64_t utc_ms);
int ct_rollouts_step(struct ct_rollouts *rollouts, const struct ct_rollouts_ops *ops, int64_t utc_ms) CT_MUST_CHECK;

#endif
