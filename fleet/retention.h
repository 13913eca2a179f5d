/* What is deleted when it is old: history with its gaps, events, ended commands, the audit trail with ended alerts.
 *
 * A step deletes a few rows, so that nothing waits long; steps come again and again. Freed pages are used again, the
 * file does not shrink. Writes belong to the database's open transaction. Belongs to one thread (folder). */
#ifndef CT_FLEET_RETENTION_H
#define CT_FLEET_RETENTION_H

#include "database.h"

#define CT_RETENTION_ROWS 64 /* of one kind in one step */

/* Days; 0: for ever. */
struct ct_retention_policy {
    uint16_t history_days, events_days, commands_days, audit_days;
};

struct ct_retention;

int ct_retention_open(struct ct_database *database, const struct ct_retention_policy *policy,
                      struct ct_retention **out_retention) CT_MUST_CHECK;
void ct_retention_close(struct ct_retention *retention); /* accepts NULL */

/* True when something is ever deleted. */
bool ct_retention_any(const struct ct_retention *retention);
/* One vehicle's old rows; vehicle 0: those of no vehicle. */
int ct_retention_step(struct ct_retention *retention, int64_t vehicle, int64_t utc_ms) CT_MUST_CHECK;

#endif
