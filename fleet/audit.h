/* The audit trail: who asked for what, when, and what came of it. Every write of the API has a row, refused ones too.
 *
 * Writes belong to the database's open transaction. Belongs to one thread (folder). */
#ifndef CT_FLEET_AUDIT_H
#define CT_FLEET_AUDIT_H

#include "database.h"

#define CT_AUDIT_DETAIL_MAX 1024 /* bytes kept of a request's body */

struct ct_audit;

int ct_audit_open(struct ct_database *database, struct ct_audit **out_audit) CT_MUST_CHECK;
void ct_audit_close(struct ct_audit *audit); /* accepts NULL */

struct ct_audit_row {
    int64_t id;
    int64_t utc_ms;
    const char *user, *vehicle, *action, *detail; /* vehicle: "" when it is about none */
    int status;                                   /* of HTTP; 0: the backend ended before the answer was known */
};

/* A request that is about to be carried out; row->id and status are not looked at. */
int ct_audit_begin(struct ct_audit *audit, const struct ct_audit_row *row, int64_t *out_id) CT_MUST_CHECK;
int ct_audit_end(struct ct_audit *audit, int64_t id, int status) CT_MUST_CHECK;

/* What a list is narrowed to. */
struct ct_audit_filter {
    const char *user, *vehicle; /* NULL: all */
    int64_t before_id;          /* INT64_MAX: from the newest on */
    size_t limit;
};
typedef int (*ct_audit_fn)(void *user, const struct ct_audit_row *row);
/* Newest first; texts live during the callback only. */
int ct_audit_list(struct ct_audit *audit, const struct ct_audit_filter *filter, ct_audit_fn fn,
                  void *user) CT_MUST_CHECK;

#endif
