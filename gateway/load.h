/* Reads everything the configuration names and makes of it what SIGHUP exchanges as a whole: databases, mapping,
 * twin, collection, policy and routes. Adapter target gateway_load. Not thread-safe. */
#ifndef CT_GATEWAY_LOAD_H
#define CT_GATEWAY_LOAD_H

#include "anomaly.h"
#include "pipeline.h"
#include "policy.h"
#include "routes.h"
#include "settings.h"

#define CT_NO_SOURCE UINT32_MAX

/* Entries that prove the vehicle's state, and the one of its warning lamp; CT_NO_SOURCE: not configured. */
struct ct_vehicle_sources {
    uint32_t speed, ignition, gear, voltage, warning;
};

struct ct_model {
    struct ct_settings *settings;
    struct ct_pipeline pipeline;
    struct ct_policy *policy;
    struct ct_routes *routes;
    struct ct_anomalies *anomalies;
    struct ct_vehicle_sources sources;
    struct ct_model *next; /* in a list of models to be freed */
};

/* On failure `problem` holds one located line, or all problems of all files where it is a buffer for them (problems.h),
 * and *out_exit the exit code that fits. Takes over `settings` when the
 * result is 0, and only then. */
int ct_model_load(struct ct_settings *settings, const char *config_path, struct ct_model **out_model,
                  enum ct_exit *out_exit, char *problem, size_t problem_size) CT_MUST_CHECK;
void ct_model_free(struct ct_model *model); /* accepts NULL */

#endif
