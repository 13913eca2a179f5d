/* Desired values of one vehicle: per path the newest one, with revision, expiry and how it ended (design section 10).
 *
 * Last wins; one attempt per revision; ends applied | refused | overridden | expired | superseded | unknown; nothing is
 * ever asserted again against the driver. The gateway keeps its execution by it, the fleet its registry.
 * Bounded: all memory at create. A full table lets go the path that ended longest ago; when all are open a new path is
 * refused and counted. Replay protection is the command sequence's business, not this table's. Belongs to one thread.
 */
#ifndef CT_TWIN_DESIRED_H
#define CT_TWIN_DESIRED_H

#include "command.h"
#include "errors.h"

#define CT_DESIRED_STATE_MAP(X)                                                                \
    X(PENDING, "pending")       /* not attempted yet */                                        \
    X(RUNNING, "running")       /* attempted, not yet seen in what the vehicle reports */      \
    X(APPLIED, "applied")       /* the vehicle reported it */                                  \
    X(REFUSED, "refused")       /* policy or an ECU said no */                                 \
    X(OVERRIDDEN, "overridden") /* applied, then changed by somebody else */                   \
    X(EXPIRED, "expired")       /* its time passed before the attempt */                       \
    X(SUPERSEDED, "superseded") /* a newer revision came; only ever told of replaced values */ \
    X(UNKNOWN, "unknown")       /* attempted; nobody knows with what effect */
#define CT_DESIRED_ENUM(name, text) CT_DESIRED_##name,
enum ct_desired_state { CT_DESIRED_STATE_MAP(CT_DESIRED_ENUM) };
#undef CT_DESIRED_ENUM

const char *ct_desired_state_text(enum ct_desired_state state); /* never NULL */
bool ct_desired_state_open(enum ct_desired_state state);        /* pending or running */

struct ct_desired {
    char path[CT_PATH_MAX + 1];
    struct ct_wire_value value;
    uint64_t revision;
    int64_t expires_utc_ms; /* INT64_MAX: never */
    uint8_t command_id[16];
    enum ct_desired_state state;
    enum ct_command_reason reason;
};

struct ct_desired_table;

int ct_desired_create(size_t paths_max, struct ct_desired_table **out_table) CT_MUST_CHECK;
void ct_desired_free(struct ct_desired_table *table); /* accepts NULL */

/* Takes `desired` (state and reason ignored) as pending in place of an older revision of its path. `out_replaced` (may
 * be NULL) gets what was there: path "" when nothing was, state SUPERSEDED when it was still open. CT_ERR_EXISTS when
 * the path has this or a newer revision: the newcomer is superseded; CT_ERR_FULL; CT_ERR_ARGUMENT for an empty path. */
int ct_desired_put(struct ct_desired_table *table, const struct ct_desired *desired,
                   struct ct_desired *out_replaced) CT_MUST_CHECK;

/* The one attempt: pending -> running. CT_ERR_NOT_FOUND when path and revision are not the current ones, CT_ERR_BUSY
 * when it was attempted before or has ended, CT_ERR_TIMEOUT when it expired (it is then EXPIRED). */
int ct_desired_begin(struct ct_desired_table *table, const char *path, uint64_t revision,
                     int64_t utc_now_ms) CT_MUST_CHECK;

/* Ends an open one as APPLIED, REFUSED, EXPIRED or UNKNOWN; EXPIRED is only for pending ones, APPLIED only for running
 * ones. CT_ERR_NOT_FOUND, CT_ERR_BUSY (has ended, or not from this state), CT_ERR_ARGUMENT. */
int ct_desired_end(struct ct_desired_table *table, const char *path, uint64_t revision, enum ct_desired_state state,
                   enum ct_command_reason reason) CT_MUST_CHECK;

/* The vehicle reports a value of `path`, equal to the desired one or not: running and equal -> applied; applied and not
 * equal -> overridden. Anything else, unknown paths included, changes nothing. Returns true on a change. */
bool ct_desired_report(struct ct_desired_table *table, const char *path, bool equal);

/* Ends what expired by `utc_now_ms`: pending -> expired, running -> unknown (not observed). Returns how many ended. */
size_t ct_desired_expire(struct ct_desired_table *table, int64_t utc_now_ms);

/* After a restart: an attempt that was running is never repeated; running -> unknown. Returns how many. */
size_t ct_desired_restart(struct ct_desired_table *table);

/* The current one of a path; NULL when there is none. Valid until the next put. */
const struct ct_desired *ct_desired_find(const struct ct_desired_table *table, const char *path);

/* All, in no particular order: from *cursor (start with 0) on; NULL at the end. */
const struct ct_desired *ct_desired_next(const struct ct_desired_table *table, size_t *cursor);

/* The next one that changed since it was last returned here; NULL when there is none. */
const struct ct_desired *ct_desired_next_change(struct ct_desired_table *table);

uint64_t ct_desired_refused_full(const struct ct_desired_table *table);

#endif
