/* The one choke point: may this frame, UDS request or desired value go out now?
 *
 * Pure verdicts over a reviewed allow-list (default: deny) and the vehicle's state as proven by fresh, good-quality
 * signals. No signature overrides it. Counts verdicts per rule. A frame that was allowed gets a permit, without which
 * whoever writes to the buses does not write it (ct_policy_pass): no sender can forget to ask.
 * No I/O; belongs to one thread. The file form is read by policy_file.h. */
#ifndef CT_POLICY_POLICY_H
#define CT_POLICY_POLICY_H

#include "codec.h"
#include "frame.h"

enum ct_origin { CT_ORIGIN_BACKEND, CT_ORIGIN_LOCAL, CT_ORIGIN_ROUTE, CT_ORIGIN_GATEWAY, CT_ORIGIN_TESTER };
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
enum ct_verdict { CT_VERDICT_MAP(CT_VERDICT_ENUM) CT_VERDICT_COUNT };
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

/* Physical, both ends included; NaN is outside. Asked of frames that carry the signal. */
struct ct_signal_range {
    uint16_t signal; /* index in the rule's message */
    double min, max;
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
    const struct ct_codec_message *message; /* of the ranges; must outlive the policy. NULL: no ranges */
    const struct ct_signal_range *ranges;
    size_t range_count;
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
/* After a reload, before the first question: the counts, and of each rule that `old` has in the same words its rate and
 * counts. Permits stay behind: what has not left is asked about again. */
void ct_policy_carry(struct ct_policy *policy, const struct ct_policy *old);

enum ct_verdict ct_policy_frame(struct ct_policy *policy, enum ct_origin origin, const char *bus,
                                const struct ct_frame *frame, const struct ct_vehicle_state *state, ct_ns now);
/* Services that write, reset, actuate, run routines or transfer: no rule lets them skip the release authority. */
bool ct_policy_uds_changes(uint8_t service);
/* `release`: the request carries the release authority. */
enum ct_verdict ct_policy_uds(struct ct_policy *policy, enum ct_origin origin, const char *ecu, const uint8_t *request,
                              size_t len, bool release, const struct ct_vehicle_state *state, ct_ns now);
enum ct_verdict ct_policy_desired(struct ct_policy *policy, enum ct_origin origin, const char *path, double value,
                                  const struct ct_vehicle_state *state, ct_ns now);

/* True once for each frame that ct_policy_frame has allowed on that bus and that has not left yet (permits.h). To be
 * asked by the one who writes to the buses, of every frame. */
bool ct_policy_pass(struct ct_policy *policy, const char *bus, const struct ct_frame *frame, ct_ns now);
/* The frame that passed found no room: it may pass once more. */
void ct_policy_keep(struct ct_policy *policy, const char *bus, const struct ct_frame *frame, ct_ns now);

struct ct_policy_counts {
    uint64_t allowed;
    uint64_t denied[16]; /* by enum ct_verdict */
    uint64_t unasked;    /* frames that wanted to leave without having been allowed */
};
void ct_policy_counts_get(const struct ct_policy *policy, struct ct_policy_counts *out_counts);

/* ---- the rules as understood, with what they said; indices count as in ct_policy_rules */

/* Of one rule: verdicts on what fitted it. */
struct ct_rule_counts {
    uint64_t by_verdict[CT_VERDICT_COUNT];
    enum ct_verdict last;
    ct_ns last_ns; /* 0: nothing has fitted yet */
};

/* NULL beyond the last; the policy's. */
const struct ct_frame_rule *ct_policy_frame_rule(const struct ct_policy *policy, size_t index);
const struct ct_uds_rule *ct_policy_uds_rule(const struct ct_policy *policy, size_t index);
const struct ct_desired_rule *ct_policy_desired_rule(const struct ct_policy *policy, size_t index);
/* Of a rule that is there. */
const struct ct_rule_counts *ct_policy_frame_counts(const struct ct_policy *policy, size_t index);
const struct ct_rule_counts *ct_policy_uds_counts(const struct ct_policy *policy, size_t index);
const struct ct_rule_counts *ct_policy_desired_counts(const struct ct_policy *policy, size_t index);
bool ct_policy_transmits(const struct ct_policy *policy, const char *bus);

#endif
