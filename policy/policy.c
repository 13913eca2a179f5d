#include "policy.h"

#include "bucket.h"
#include "encode.h"
#include "permits.h"
#include "rule_same.h"
#include "uds_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a rule remembers. */
struct rule_state {
    struct ct_bucket bucket;
    struct ct_rule_counts counts;
};

struct ct_policy {
    char (*buses)[32];
    struct ct_frame_rule *frames;
    struct ct_uds_rule *uds;
    struct ct_desired_rule *desired;
    struct ct_signal_range *ranges; /* of all frame rules */
    struct ct_decoded *decoded;     /* scratch for the largest message with ranges */
    struct rule_state *frame_states;
    struct rule_state *uds_states;
    struct rule_state *desired_states;
    size_t bus_count, frame_count, uds_count, desired_count;
    struct ct_policy_counts counts;
    struct ct_permits permits;
};

#define VERDICT_TEXT(name, text) [CT_VERDICT_##name] = (text),
static const char *const verdict_texts[] = {CT_VERDICT_MAP(VERDICT_TEXT)};
#undef VERDICT_TEXT

_Static_assert(sizeof(verdict_texts) / sizeof(verdict_texts[0]) <=
                   sizeof(((struct ct_policy_counts *)NULL)->denied) / sizeof(uint64_t),
               "a counter per verdict");

const char *ct_verdict_text(enum ct_verdict verdict)
{
    const size_t index = (size_t)verdict;
    return index < sizeof(verdict_texts) / sizeof(verdict_texts[0]) ? verdict_texts[index] : "unknown verdict";
}

static bool basics_valid(double max_per_s, unsigned origins)
{
    return isfinite(max_per_s) && max_per_s > 0.0 && origins != 0;
}

static bool ranges_valid(const struct ct_frame_rule *rule)
{
    bool valid = rule->range_count == 0 || rule->message != NULL;
    for (size_t i = 0; valid && i < rule->range_count; i++) {
        valid = rule->ranges[i].min <= rule->ranges[i].max &&
                rule->ranges[i].signal < ct_codec_model(rule->message)->signal_count;
    }
    return valid;
}

static bool frame_rule_valid(const struct ct_frame_rule *rule)
{
    return basics_valid(rule->max_per_s, rule->origins) && rule->bus[0] != '\0' && rule->len_min <= rule->len_max &&
           rule->len_max <= CT_FRAME_DATA_MAX && rule->id <= (rule->extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX) &&
           ranges_valid(rule);
}

static bool uds_rule_valid(const struct ct_uds_rule *rule)
{
    return basics_valid(rule->max_per_s, rule->origins) && rule->ecu[0] != '\0' && rule->data_first <= rule->data_last;
}

static bool desired_rule_valid(const struct ct_desired_rule *rule)
{
    return basics_valid(rule->max_per_s, rule->origins) && rule->path[0] != '\0' && rule->min <= rule->max;
}

static bool rules_valid(const struct ct_policy_rules *rules)
{
    bool valid = true;
    for (size_t i = 0; i < rules->frame_count; i++) {
        valid = valid && frame_rule_valid(&rules->frames[i]);
    }
    for (size_t i = 0; i < rules->uds_count; i++) {
        valid = valid && uds_rule_valid(&rules->uds[i]);
    }
    for (size_t i = 0; i < rules->desired_count; i++) {
        valid = valid && desired_rule_valid(&rules->desired[i]);
    }
    return valid;
}

/* A copy also of nothing, so that NULL means no memory. */
static void *copy_array(const void *from, size_t count, size_t size)
{
    void *copy = calloc(count + 1, size);
    if (copy != NULL && count > 0) {
        memcpy(copy, from, count * size);
    }
    return copy;
}

/* The ranges of all rules behind each other, and room to decode the largest message that has some. */
static bool copy_ranges(struct ct_policy *policy)
{
    size_t ranges = 0;
    size_t signals = 0;
    for (size_t i = 0; i < policy->frame_count; i++) {
        const struct ct_frame_rule *rule = &policy->frames[i];
        const size_t count = rule->range_count > 0 ? ct_codec_model(rule->message)->signal_count : 0;
        ranges += rule->range_count;
        signals = count > signals ? count : signals;
    }
    policy->ranges = calloc(ranges + 1, sizeof(*policy->ranges));
    policy->decoded = calloc(signals + 1, sizeof(*policy->decoded));
    if (policy->ranges == NULL || policy->decoded == NULL) {
        return false;
    }
    struct ct_signal_range *next = policy->ranges;
    for (size_t i = 0; i < policy->frame_count; i++) {
        struct ct_frame_rule *rule = &policy->frames[i];
        if (rule->range_count > 0) {
            memcpy(next, rule->ranges, rule->range_count * sizeof(*next));
        }
        rule->ranges = next;
        next += rule->range_count;
    }
    return true;
}

static bool copy_rules(struct ct_policy *policy, const struct ct_policy_rules *rules)
{
    policy->bus_count = rules->transmit_bus_count;
    policy->frame_count = rules->frame_count;
    policy->uds_count = rules->uds_count;
    policy->desired_count = rules->desired_count;
    policy->buses = copy_array(rules->transmit_buses, rules->transmit_bus_count, sizeof(*policy->buses));
    policy->frames = copy_array(rules->frames, rules->frame_count, sizeof(*policy->frames));
    policy->uds = copy_array(rules->uds, rules->uds_count, sizeof(*policy->uds));
    policy->desired = copy_array(rules->desired, rules->desired_count, sizeof(*policy->desired));
    policy->frame_states = calloc(rules->frame_count + 1, sizeof(struct rule_state));
    policy->uds_states = calloc(rules->uds_count + 1, sizeof(struct rule_state));
    policy->desired_states = calloc(rules->desired_count + 1, sizeof(struct rule_state));
    return policy->buses != NULL && policy->frames != NULL && policy->uds != NULL && policy->desired != NULL &&
           policy->frame_states != NULL && policy->uds_states != NULL && policy->desired_states != NULL &&
           copy_ranges(policy);
}

int ct_policy_create(const struct ct_policy_rules *rules, struct ct_policy **out_policy)
{
    if (!rules_valid(rules)) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_policy *policy = calloc(1, sizeof(*policy));
    if (policy == NULL || !copy_rules(policy, rules)) {
        ct_policy_free(policy);
        return CT_ERR_NO_MEMORY;
    }
    *out_policy = policy;
    return CT_OK;
}

void ct_policy_free(struct ct_policy *policy)
{
    if (policy == NULL) {
        return;
    }
    free(policy->buses);
    free(policy->frames);
    free(policy->uds);
    free(policy->desired);
    free(policy->ranges);
    free(policy->decoded);
    free(policy->frame_states);
    free(policy->uds_states);
    free(policy->desired_states);
    free(policy);
}

/* ---- carrying over */

struct rule_array {
    const void *rules;
    size_t size, count;
    struct rule_state *states;
};

static void carry_states(const struct rule_array *to, const struct rule_array *from,
                         bool (*same)(const void *a, const void *b))
{
    for (size_t i = 0; i < to->count; i++) {
        const char *rule = (const char *)to->rules + i * to->size;
        size_t at = i; /* mostly; and of rules that say the same each keeps its own */
        if (i >= from->count || !same(rule, (const char *)from->rules + i * from->size)) {
            for (at = 0; at < from->count && !same(rule, (const char *)from->rules + at * from->size); at++) {
            }
        }
        if (at < from->count) {
            to->states[i] = from->states[at];
        }
    }
}

void ct_policy_carry(struct ct_policy *policy, const struct ct_policy *old)
{
    const struct rule_array to[] = {
        {policy->frames, sizeof *policy->frames, policy->frame_count, policy->frame_states},
        {policy->uds, sizeof *policy->uds, policy->uds_count, policy->uds_states},
        {policy->desired, sizeof *policy->desired, policy->desired_count, policy->desired_states},
    };
    const struct rule_array from[] = {
        {old->frames, sizeof *old->frames, old->frame_count, old->frame_states},
        {old->uds, sizeof *old->uds, old->uds_count, old->uds_states},
        {old->desired, sizeof *old->desired, old->desired_count, old->desired_states},
    };
    carry_states(&to[0], &from[0], ct_rule_same_frame);
    carry_states(&to[1], &from[1], ct_rule_same_uds);
    carry_states(&to[2], &from[2], ct_rule_same_desired);
    policy->counts = old->counts;
}

/* ---- verdicts */

static bool state_allows(const struct ct_policy_when *when, const struct ct_vehicle_state *state)
{
    if (!isnan(when->max_speed_kmh) && !(state->speed_known && state->speed_kmh <= when->max_speed_kmh)) {
        return false;
    }
    if (when->ignition_on && !(state->ignition_known && state->ignition_on)) {
        return false;
    }
    return isnan(when->min_voltage) || (state->voltage_known && state->voltage >= when->min_voltage);
}

/* What every rule asks last; the token goes only to what is allowed in all else. */
static enum ct_verdict final_checks(const struct ct_policy_when *when, const struct ct_vehicle_state *state,
                                    struct ct_bucket *bucket, double per_s, ct_ns now)
{
    if (!state_allows(when, state)) {
        return CT_VERDICT_VEHICLE_STATE;
    }
    return ct_bucket_take(bucket, per_s, now) ? CT_VERDICT_ALLOW : CT_VERDICT_RATE;
}

/* Several rules may fit: one that allows wins, else the one that came nearest says why not. */
static enum ct_verdict better(enum ct_verdict a, enum ct_verdict b)
{
    static const int rank[] = {
        [CT_VERDICT_NO_RULE] = 0,       [CT_VERDICT_LENGTH] = 1, [CT_VERDICT_VALUE] = 2, [CT_VERDICT_AUTHORITY] = 3,
        [CT_VERDICT_VEHICLE_STATE] = 4, [CT_VERDICT_RATE] = 5,   [CT_VERDICT_ALLOW] = 6, [CT_VERDICT_TRANSMIT_OFF] = 0,
    };
    return rank[b] > rank[a] ? b : a;
}

static enum ct_verdict count(struct ct_policy *policy, enum ct_verdict verdict)
{
    if (verdict == CT_VERDICT_ALLOW) {
        policy->counts.allowed++;
    } else {
        policy->counts.denied[verdict]++;
    }
    return verdict;
}

/* The rule's own word. */
static enum ct_verdict count_rule(struct rule_state *state, enum ct_verdict verdict, ct_ns now)
{
    state->counts.by_verdict[verdict]++;
    state->counts.last = verdict;
    state->counts.last_ns = now;
    return verdict;
}

bool ct_policy_transmits(const struct ct_policy *policy, const char *bus)
{
    for (size_t i = 0; i < policy->bus_count; i++) {
        if (strcmp(policy->buses[i], bus) == 0) {
            return true;
        }
    }
    return false;
}

static bool frame_fits(const struct ct_frame_rule *rule, enum ct_origin origin, const char *bus,
                       const struct ct_frame *frame)
{
    const bool extended = (frame->flags & CT_FRAME_EXT) != 0;
    return (rule->origins & CT_ORIGIN_BIT(origin)) != 0 && rule->extended == extended &&
           ((frame->id ^ rule->id) & rule->id_mask) == 0 && strcmp(rule->bus, bus) == 0;
}

/* A signal that should stand in the frame and lies outside it is no good value. */
static bool values_inside(const struct ct_policy *policy, const struct ct_frame_rule *rule,
                          const struct ct_frame *frame)
{
    if (rule->range_count == 0) {
        return true;
    }
    const size_t count = ct_codec_decode(rule->message, frame->data, frame->len, policy->decoded);
    for (size_t i = 0; i < rule->range_count; i++) {
        const struct ct_signal_range *range = &rule->ranges[i];
        int64_t raw = 0;
        if (ct_codec_raw(rule->message, range->signal, frame->data, frame->len, &raw) != CT_OK) {
            return false;
        }
        size_t at = 0;
        while (at < count && policy->decoded[at].signal != range->signal) {
            at++;
        }
        if (at < count && !(policy->decoded[at].value >= range->min && policy->decoded[at].value <= range->max)) {
            return false;
        }
    }
    return true;
}

static enum ct_verdict frame_verdict(struct ct_policy *policy, size_t index, const struct ct_frame *frame,
                                     const struct ct_vehicle_state *state, ct_ns now)
{
    const struct ct_frame_rule *rule = &policy->frames[index];
    if (frame->len < rule->len_min || frame->len > rule->len_max) {
        return CT_VERDICT_LENGTH;
    }
    return values_inside(policy, rule, frame)
               ? final_checks(&rule->when, state, &policy->frame_states[index].bucket, rule->max_per_s, now)
               : CT_VERDICT_VALUE;
}

static enum ct_verdict judge_frame(struct ct_policy *policy, enum ct_origin origin, const char *bus,
                                   const struct ct_frame *frame, const struct ct_vehicle_state *state, ct_ns now)
{
    if (!ct_policy_transmits(policy, bus)) {
        return CT_VERDICT_TRANSMIT_OFF;
    }
    if (!ct_frame_valid(frame) || (frame->flags & (CT_FRAME_ERR | CT_FRAME_RTR)) != 0) {
        return CT_VERDICT_NO_RULE; /* error frames are not sent, remote frames have no rules */
    }
    enum ct_verdict verdict = CT_VERDICT_NO_RULE;
    for (size_t i = 0; i < policy->frame_count && verdict != CT_VERDICT_ALLOW; i++) {
        if (frame_fits(&policy->frames[i], origin, bus, frame)) {
            const enum ct_verdict own = frame_verdict(policy, i, frame, state, now);
            verdict = better(verdict, count_rule(&policy->frame_states[i], own, now));
        }
    }
    return verdict;
}

enum ct_verdict ct_policy_frame(struct ct_policy *policy, enum ct_origin origin, const char *bus,
                                const struct ct_frame *frame, const struct ct_vehicle_state *state, ct_ns now)
{
    const enum ct_verdict verdict = count(policy, judge_frame(policy, origin, bus, frame, state, now));
    if (verdict == CT_VERDICT_ALLOW) {
        ct_permits_give(&policy->permits, bus, frame, now);
    }
    return verdict;
}

bool ct_policy_pass(struct ct_policy *policy, const char *bus, const struct ct_frame *frame, ct_ns now)
{
    const bool permitted = ct_permits_take(&policy->permits, bus, frame, now);
    policy->counts.unasked += permitted ? 0U : 1U;
    return permitted;
}

void ct_policy_keep(struct ct_policy *policy, const char *bus, const struct ct_frame *frame, ct_ns now)
{
    ct_permits_give(&policy->permits, bus, frame, now);
}

static bool uds_fits(const struct ct_uds_rule *rule, enum ct_origin origin, const char *ecu, const uint8_t *request,
                     size_t len)
{
    return (rule->origins & CT_ORIGIN_BIT(origin)) != 0 && rule->service == request[0] &&
           (strcmp(rule->ecu, "*") == 0 || strcmp(rule->ecu, ecu) == 0) &&
           ct_uds_data_inside(request, len, rule->data_first, rule->data_last);
}

bool ct_policy_uds_changes(uint8_t service)
{
    /* 04 and 08: of OBD-II, clearing and control of on-board systems (ISO 15031-5) */
    static const uint8_t services[] = {0x04, 0x08, 0x11, 0x14, 0x2E, 0x2F, 0x31, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3D};
    return memchr(services, service, sizeof services) != NULL;
}

enum ct_verdict ct_policy_uds(struct ct_policy *policy, enum ct_origin origin, const char *ecu, const uint8_t *request,
                              size_t len, bool release, const struct ct_vehicle_state *state, ct_ns now)
{
    if (!ct_uds_data_complete(request, len)) {
        return count(policy, CT_VERDICT_LENGTH);
    }
    enum ct_verdict verdict = CT_VERDICT_NO_RULE;
    for (size_t i = 0; i < policy->uds_count && verdict != CT_VERDICT_ALLOW; i++) {
        const struct ct_uds_rule *rule = &policy->uds[i];
        if (!uds_fits(rule, origin, ecu, request, len)) {
            continue;
        }
        const bool lacks_release = (rule->needs_release || ct_policy_uds_changes(rule->service)) && !release;
        const enum ct_verdict own =
            lacks_release ? CT_VERDICT_AUTHORITY
                          : final_checks(&rule->when, state, &policy->uds_states[i].bucket, rule->max_per_s, now);
        verdict = better(verdict, count_rule(&policy->uds_states[i], own, now));
    }
    return count(policy, verdict);
}

enum ct_verdict ct_policy_desired(struct ct_policy *policy, enum ct_origin origin, const char *path, double value,
                                  const struct ct_vehicle_state *state, ct_ns now)
{
    enum ct_verdict verdict = CT_VERDICT_NO_RULE;
    for (size_t i = 0; i < policy->desired_count && verdict != CT_VERDICT_ALLOW; i++) {
        const struct ct_desired_rule *rule = &policy->desired[i];
        if ((rule->origins & CT_ORIGIN_BIT(origin)) == 0 || strcmp(rule->path, path) != 0) {
            continue;
        }
        const bool inside = value >= rule->min && value <= rule->max; /* NaN is outside */
        const enum ct_verdict own =
            !inside ? CT_VERDICT_VALUE
                    : final_checks(&rule->when, state, &policy->desired_states[i].bucket, rule->max_per_s, now);
        verdict = better(verdict, count_rule(&policy->desired_states[i], own, now));
    }
    return count(policy, verdict);
}

void ct_policy_counts_get(const struct ct_policy *policy, struct ct_policy_counts *out_counts)
{
    *out_counts = policy->counts;
}

/* ---- the rules as understood */

const struct ct_frame_rule *ct_policy_frame_rule(const struct ct_policy *policy, size_t index)
{
    return index < policy->frame_count ? &policy->frames[index] : NULL;
}

const struct ct_uds_rule *ct_policy_uds_rule(const struct ct_policy *policy, size_t index)
{
    return index < policy->uds_count ? &policy->uds[index] : NULL;
}

const struct ct_desired_rule *ct_policy_desired_rule(const struct ct_policy *policy, size_t index)
{
    return index < policy->desired_count ? &policy->desired[index] : NULL;
}

const struct ct_rule_counts *ct_policy_frame_counts(const struct ct_policy *policy, size_t index)
{
    return &policy->frame_states[index].counts;
}

const struct ct_rule_counts *ct_policy_uds_counts(const struct ct_policy *policy, size_t index)
{
    return &policy->uds_states[index].counts;
}

const struct ct_rule_counts *ct_policy_desired_counts(const struct ct_policy *policy, size_t index)
{
    return &policy->desired_states[index].counts;
}
