/* The rules of routing and of policy as people read them: one JSON line each, with what they said so far.
 * No I/O; no state. */
#ifndef CT_GATEWAY_RULES_JSON_H
#define CT_GATEWAY_RULES_JSON_H

#include "anomaly.h"
#include "buf.h"
#include "policy.h"
#include "routes.h"

struct ct_rules_bus {
    const char *name;
    bool transmit; /* as the configuration says */
    uint64_t sent, unsent, unconfirmed;
    struct ct_anomaly_counts anomalies;
};

/* What there is to tell; all of it is the caller's. */
struct ct_rules_view {
    const struct ct_policy *policy;
    const struct ct_routes *routes;
    const struct ct_rules_bus *buses;
    size_t bus_count;
    bool live; /* false: rules as understood, without counters */
    ct_ns now;
};

/* Appends line number `index` (buses, routes, then the policy's frames, uds and desired); false beyond the last. */
bool ct_rules_json_line(const struct ct_rules_view *view, size_t index, struct ct_buf *out);

#endif
