/* Whether a release's preconditions hold now, and have held for as long as each asks. Values come from the caller, who
 * gives only what is fresh and of good quality; what is not known is not met and begins the time anew. Pure; one
 * thread. */
#ifndef CT_UPDATE_PRECONDITION_H
#define CT_UPDATE_PRECONDITION_H

#include "manifest.h"
#include "time_ns.h"

/* Zeroed: nothing has been looked at. */
struct ct_precondition_watch {
    bool met[CT_UPDATE_PRECONDITIONS_MAX];
    ct_ns since[CT_UPDATE_PRECONDITIONS_MAX]; /* while met */
};

/* The value of a path; false: not fresh, not good, or not there. */
typedef bool ct_precondition_value_fn(void *user, const char *path, double *out_value);

/* To be called at every change, or often: what lies between two calls is not seen. True when all are met long enough.
 * Of those that are not, *out_first (may be NULL) is the first's index. */
bool ct_preconditions_met(const struct ct_release *release, struct ct_precondition_watch *watch,
                          ct_precondition_value_fn *value, void *user, ct_ns now, size_t *out_first);

#endif
