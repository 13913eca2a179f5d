/* The rollouts' inside, shared by rollouts.c (life) and rollouts_step.c (going on). Private to these. */
#ifndef CT_FLEET_ROLLOUTS_PRIVATE_H
#define CT_FLEET_ROLLOUTS_PRIVATE_H

#include "rollouts.h"

#define CT_ROLLOUT_COLUMNS                                                                                        \
    "SELECT o.id, o.release, o.state, o.revision, o.canary, o.wave_size, o.success_percent, o.deadline_utc_ms, "  \
    "o.wave, o.wave_count, o.wave_good, o.wave_bad, o.confirm, o.rollback, o.\"group\", o.tag, o.model, o.note, " \
    "o.user, o.created_utc_ms, o.changed_utc_ms, r.set_id, r.counter FROM rollouts AS o JOIN releases AS r ON "   \
    "r.sha256 = o.release "

/* name, text; state 1 runs, 2 is paused, 3 halted */
#define CT_ROLLOUTS_STATEMENTS(X)                                                                                    \
    X(ADD, "INSERT INTO rollouts(release, state, revision, canary, wave_size, success_percent, deadline_utc_ms, "    \
           "wave, wave_count, wave_good, wave_bad, confirm, rollback, \"group\", tag, model, note, user, "           \
           "created_utc_ms, changed_utc_ms) VALUES(?,1,1,?,?,?,?,0,0,0,0,?,?,?,?,?,?,?,?,?) RETURNING id")           \
    X(OPEN_COUNT, "SELECT count(*) FROM rollouts WHERE state IN (1, 2, 3)")                                          \
    X(TAKEN, "SELECT 1 FROM rollout_vehicles AS v JOIN rollouts AS o ON o.id = v.rollout WHERE v.vehicle = ? AND "   \
             "v.state IN (0, 1) AND o.state IN (1, 2, 3) AND o.id <> ? LIMIT 1")                                     \
    X(ADD_PLACE, "INSERT INTO rollout_vehicles VALUES(?,?,0,0)")                                                     \
    X(GET, CT_ROLLOUT_COLUMNS "WHERE o.id = ?")                                                                      \
    X(LIST, CT_ROLLOUT_COLUMNS "ORDER BY o.id DESC LIMIT ?")                                                         \
    X(RUNNING, "SELECT id FROM rollouts WHERE state = 1 ORDER BY id")                                                \
    X(COUNTS, "SELECT state, count(*) FROM rollout_vehicles WHERE rollout = ? GROUP BY state")                       \
    X(PLACES, "SELECT vehicle, state, wave FROM rollout_vehicles WHERE rollout = ? ORDER BY vehicle")                \
    X(SET, "UPDATE rollouts SET state = ?, revision = revision + 1, success_percent = ?, wave = ?, wave_count = ?, " \
           "wave_good = ?, wave_bad = ?, changed_utc_ms = ? WHERE id = ? RETURNING revision")                        \
    X(SET_PLACE, "UPDATE rollout_vehicles SET state = ?, wave = ? WHERE rollout = ? AND vehicle = ?")                \
    X(NOTE_PLACE, "UPDATE rollout_vehicles SET state = ? WHERE rollout = ? AND vehicle = ? AND state NOT IN (0, 5)") \
    X(RETRY, "UPDATE rollout_vehicles SET state = 0 WHERE rollout = ? AND state = 3")                                \
    X(LEAVE_OUT, "UPDATE rollout_vehicles SET state = 5 WHERE rollout = ?1 AND (state = 0 OR (state = 1 AND NOT "    \
                 "EXISTS(SELECT 1 FROM updates AS u WHERE u.rollout = ?1 AND u.vehicle = rollout_vehicles.vehicle "  \
                 "AND u.state <> 0)))")                                                                              \
    X(VEHICLES, "SELECT v.vehicle, v.state, v.wave, u.state, u.verdict, u.step, u.steps, u.text, "                   \
                "u.changed_utc_ms FROM rollout_vehicles AS v LEFT JOIN updates AS u ON u.id = (SELECT id FROM "      \
                "updates WHERE rollout = v.rollout AND vehicle = v.vehicle ORDER BY seq DESC LIMIT 1) WHERE "        \
                "v.rollout = ? ORDER BY v.vehicle LIMIT ?")                                                          \
    X(FAILURES, "SELECT u.verdict, count(*) FROM rollout_vehicles AS v JOIN updates AS u ON u.id = (SELECT id FROM " \
                "updates WHERE rollout = v.rollout AND vehicle = v.vehicle ORDER BY seq DESC LIMIT 1) WHERE "        \
                "v.rollout = ? AND v.state = 3 GROUP BY u.verdict ORDER BY count(*) DESC")

#define CT_RO_ENUM(name, text) CT_RO_##name,
enum ct_rollouts_statement { CT_ROLLOUTS_STATEMENTS(CT_RO_ENUM) CT_RO_COUNT };
#undef CT_RO_ENUM

struct ct_rollouts {
    struct ct_registry *registry;
    struct ct_updates *updates;
    struct ct_update_store *store;
    bool touched;
    int64_t looked_utc_ms; /* at all that run, for their deadlines */
    sqlite3_stmt *statements[CT_RO_COUNT];
};

#endif
