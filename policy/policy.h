/* The one choke point: may this frame, UDS request or desired value go out now?
 *
 * Pure verdicts over a reviewed allow-list (default: deny) and the vehicle's state as proven by fresh, good-quality
 * signals. No signature overrides it. Counts verdicts per rule. No I/O; belongs to one thread. The file form is read by
 * policy_file.h. */
#ifndef CT_POLICY_POLICY_H
#define CT_POLICY_POLICY_H

#include "frame.h"

enum ct_origin { CT_ORIGIN_BACKEND, CT_ORIGIN_LOCAL, CT_ORIGIN_ROUTE, CT_ORIGIN_GATEWAY };
#define CT_ORIGIN_BIT(origin) (1U << (origin))

#define CT_VERDICT_MAP(X)                                                \
    X(ALLOW, "allowed")                                                  \
    X(NO_RULE, "no rule allows it")                                      \
    X(LENGTH, "length is not the rule's")                                \
    X(RATE, "faster than the rule's rate")                               \
    X(VALUE, "value outside the rule's range")                           \
    X(VEHICLE_STATE, "vehicle state does not allow it or is not proven") \
    X(AUTHORITY, "needs the release authority")                          \
    X(LEASE, "somebody else has the ECU")                                \
    X(TRANSMIT_OFF, "transmission is off on this bus")
#define CT_VERDICT_ENUM(name, text) CT_VERDICT_##name,
enum ct_verdict { CT_VERDICT_MAP(CT_VERDICT_ENUM) };
#undef CT_VERDICT_ENUM
const char *ct_verdict_text(enum ct_verdict verdict);

/* What is known of the vehicle now; a value counts only when its `_known` is true (fresh and of good quality). */
struct ct_vehicle_state {
    bool speed_known;
    double speed_kmh;
    bool ignition_known;
    bool ignition_on;
    bool gear_known;
    int gear; /* 0 neutral or park, -1 reverse, 1.. forward */
    bool voltage_known;
    double voltage;
};

/* Conditions of a rule; NaN or false: not asked. */
struct ct_policy_when {
    double max_speed_kmh; /* NaN: any */
    bool ignition_on;     /* must be on */
    double min_voltage;   /* NaN: any */
};

struct ct_frame_rule {
    char bus[32];
    uint32_t id;
    uint32_t id_mask; /* 0 bits do not count */
    bool extended;
    uint8_t len_min, len_max;
    double max_per_s; /* token bucket with a burst of one second's worth, at least 1 */
    unsigned origins; /* CT_ORIGIN_BIT */
    struct ct_policy_when when;
};

struct ct_uds_rule {
    char ecu[64];                   /* "*": any */
    uint8_t service;                /* service id */
    uint32_t data_first, data_last; /* DID or routine range; 0..0xFFFF any */
    bool needs_release;             /* always so when ct_policy_uds_changes(service) */
    double max_per_s;
    unsigned origins;
    struct ct_policy_when when;
};

struct ct_desired_rule {
    char path[128];  /* exact */
    double min, max; /* physical, both included */
    double max_per_s;
    unsigned origins;
    struct ct_policy_when when;
};

struct ct_policy;

struct ct_policy_rules {
    const char (*transmit_buses)[32]; /* buses that may be sent on at all */
    size_t transmit_bus_count;
    const struct ct_frame_rule *frames;
    size_t frame_count;
    const struct ct_uds_rule *uds;
    size_t uds_count;
    const struct ct_desired_rule *desired;
    size_t desired_count;
};

/* Copies the rules. */
int ct_policy_create(const struct ct_policy_rules *rules, struct ct_policy **out_policy) CT_MUST_CHECK;
void ct_policy_free(struct ct_policy *policy); /* accepts NULL */

enum ct_verdict ct_policy_frame(struct ct_policy *policy, enum ct_origin origin, const char *bus,
                                const struct ct_frame *frame, const struct ct_vehicle_state *state, ct_ns now);
/* Services that write, reset, actuate, run routines or transfer: no rule lets them skip the release authority. */
bool ct_policy_uds_changes(uint8_t service);
/* `release`: the request carries the release authority. */
enum ct_verdict ct_policy_uds(struct ct_policy *policy, enum ct_origin origin, const char *ecu, const uint8_t *request,
                              size_t len, bool release, const struct ct_vehicle_state *state, ct_ns now);
enum ct_verdict ct_policy_desired(struct ct_policy *policy, enum ct_origin origin, const char *path, double value,
                                  const struct ct_vehicle_state *state, ct_ns now);

struct ct_policy_counts {
    uint64_t allowed;
    uint64_t denied[16]; /* by enum ct_verdict */
};
void ct_policy_counts_get(const struct ct_policy *policy, struct ct_policy_counts *out_counts);

#endif
