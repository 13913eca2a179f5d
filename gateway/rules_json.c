#include "rules_json.h"

#include "json.h"

#include <math.h>
#include <stdio.h>

static const char *const origin_names[] = {"backend", "local", "route", "gateway"};

static void put_id(struct ct_json *json, uint32_t id, uint32_t mask, bool extended)
{
    const uint32_t all = extended ? CT_ID_EXT_MAX : CT_ID_STD_MAX;
    char text[16];
    (void)snprintf(text, sizeof text, "0x%X", id & mask & all);
    ct_json_string(json, "id", text);
    (void)snprintf(text, sizeof text, "0x%X", mask & all);
    ct_json_string(json, "mask", text);
    ct_json_bool(json, "extended", extended);
}

static void put_origins(struct ct_json *json, unsigned origins)
{
    ct_json_array_begin(json, "origins");
    for (unsigned i = 0; i < sizeof origin_names / sizeof origin_names[0]; i++) {
        if ((origins & CT_ORIGIN_BIT(i)) != 0) {
            ct_json_string(json, NULL, origin_names[i]);
        }
    }
    ct_json_array_end(json);
}

static void put_when(struct ct_json *json, const struct ct_policy_when *when)
{
    if (!isnan(when->max_speed_kmh)) {
        ct_json_double(json, "max_speed_kmh", when->max_speed_kmh);
    }
    if (when->ignition_on) {
        ct_json_bool(json, "ignition_on", true);
    }
    if (!isnan(when->min_voltage)) {
        ct_json_double(json, "min_voltage", when->min_voltage);
    }
}

static void put_limit(struct ct_json *json, const char *key, double limit)
{
    if (isfinite(limit)) {
        ct_json_double(json, key, limit);
    }
}

static void put_last(struct ct_json *json, const char *text, ct_ns last_ns, ct_ns now)
{
    if (last_ns == 0) {
        ct_json_null(json, "last");
        ct_json_null(json, "last_age_ms");
        return;
    }
    ct_json_string(json, "last", text);
    ct_json_int(json, "last_age_ms", (now - last_ns) / CT_NS_PER_MS);
}

/* ---- policy */

static void put_verdicts(struct ct_json *json, const struct ct_rules_view *view, const struct ct_rule_counts *counts)
{
    if (!view->live) {
        return;
    }
    ct_json_uint(json, "allowed", counts->by_verdict[CT_VERDICT_ALLOW]);
    ct_json_object_begin(json, "refused");
    for (int verdict = CT_VERDICT_ALLOW + 1; verdict < CT_VERDICT_COUNT; verdict++) {
        if (counts->by_verdict[verdict] > 0) {
            ct_json_uint(json, ct_verdict_text((enum ct_verdict)verdict), counts->by_verdict[verdict]);
        }
    }
    ct_json_object_end(json);
    put_last(json, ct_verdict_text(counts->last), counts->last_ns, view->now);
}

static void put_frame_rule(struct ct_json *json, const struct ct_rules_view *view, size_t index)
{
    const struct ct_frame_rule *rule = ct_policy_frame_rule(view->policy, index);
    ct_json_string(json, "bus", rule->bus);
    put_id(json, rule->id, rule->id_mask, rule->extended);
    ct_json_uint(json, "length_min", rule->len_min);
    ct_json_uint(json, "length_max", rule->len_max);
    if (rule->message != NULL) {
        ct_json_string(json, "message", ct_codec_model(rule->message)->name);
    }
    ct_json_array_begin(json, "signals");
    for (size_t i = 0; i < rule->range_count; i++) {
        ct_json_object_begin(json, NULL);
        ct_json_string(json, "name", ct_codec_model(rule->message)->signals[rule->ranges[i].signal].name);
        put_limit(json, "min", rule->ranges[i].min);
        put_limit(json, "max", rule->ranges[i].max);
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
    ct_json_double(json, "rate", rule->max_per_s);
    put_origins(json, rule->origins);
    put_when(json, &rule->when);
    put_verdicts(json, view, ct_policy_frame_counts(view->policy, index));
}

static void put_uds_rule(struct ct_json *json, const struct ct_rules_view *view, size_t index)
{
    const struct ct_uds_rule *rule = ct_policy_uds_rule(view->policy, index);
    ct_json_string(json, "ecu", rule->ecu);
    ct_json_uint(json, "service", rule->service);
    ct_json_uint(json, "first", rule->data_first);
    ct_json_uint(json, "last_value", rule->data_last);
    ct_json_bool(json, "release", rule->needs_release);
    ct_json_double(json, "rate", rule->max_per_s);
    put_origins(json, rule->origins);
    put_when(json, &rule->when);
    put_verdicts(json, view, ct_policy_uds_counts(view->policy, index));
}

static void put_desired_rule(struct ct_json *json, const struct ct_rules_view *view, size_t index)
{
    const struct ct_desired_rule *rule = ct_policy_desired_rule(view->policy, index);
    ct_json_string(json, "path", rule->path);
    ct_json_double(json, "min", rule->min);
    ct_json_double(json, "max", rule->max);
    ct_json_double(json, "rate", rule->max_per_s);
    put_origins(json, rule->origins);
    put_when(json, &rule->when);
    put_verdicts(json, view, ct_policy_desired_counts(view->policy, index));
}

/* ---- routes */

static void put_changes(struct ct_json *json, const struct ct_route_rule *rule)
{
    ct_json_array_begin(json, "signals");
    for (size_t i = 0; i < rule->change_count; i++) {
        const struct ct_route_change *change = &rule->changes[i];
        ct_json_object_begin(json, NULL);
        ct_json_string(json, "name", ct_codec_model(rule->message)->signals[change->signal].name);
        if (change->set) {
            ct_json_double(json, "set", change->value);
        } else {
            ct_json_double(json, "scale", change->factor);
            ct_json_double(json, "offset", change->offset);
            put_limit(json, "min", change->min);
            put_limit(json, "max", change->max);
        }
        ct_json_object_end(json);
    }
    ct_json_array_end(json);
}

static void put_results(struct ct_json *json, const struct ct_rules_view *view, const struct ct_route_counts *counts)
{
    if (!view->live) {
        return;
    }
    ct_json_uint(json, "forwarded", counts->by_result[CT_ROUTE_FORWARDED]);
    ct_json_uint(json, "rewritten", counts->rewritten);
    ct_json_object_begin(json, "refused");
    for (int result = CT_ROUTE_FORWARDED + 1; result < CT_ROUTE_RESULT_COUNT; result++) {
        if (counts->by_result[result] > 0) {
            ct_json_uint(json, ct_route_result_text((enum ct_route_result)result), counts->by_result[result]);
        }
    }
    ct_json_object_end(json);
    put_last(json, ct_route_result_text(counts->last), counts->last_ns, view->now);
}

static void put_route(struct ct_json *json, const struct ct_rules_view *view, size_t index)
{
    const struct ct_route_rule *rule = ct_routes_rule(view->routes, index);
    if (rule->name[0] != '\0') {
        ct_json_string(json, "name", rule->name);
    }
    ct_json_string(json, "from", view->buses[rule->from].name);
    ct_json_string(json, "to", view->buses[rule->to].name);
    put_id(json, rule->id, rule->mask, rule->extended);
    if (rule->message != NULL) {
        ct_json_string(json, "message", ct_codec_model(rule->message)->name);
        ct_json_bool(json, "protected", rule->protection != NULL);
    }
    put_changes(json, rule);
    ct_json_double(json, "rate", rule->max_per_s);
    put_results(json, view, ct_routes_counts(view->routes, index));
}

/* ---- buses */

static void put_bus(struct ct_json *json, const struct ct_rules_view *view, size_t index)
{
    const struct ct_rules_bus *bus = &view->buses[index];
    ct_json_string(json, "bus", bus->name);
    /* Both must say so before anything is sent. */
    ct_json_bool(json, "transmit", bus->transmit);
    ct_json_bool(json, "policy_transmit", ct_policy_transmits(view->policy, bus->name));
    if (!view->live) {
        return;
    }
    ct_json_uint(json, "sent", bus->sent);
    ct_json_uint(json, "unsent", bus->unsent);
    ct_json_uint(json, "unconfirmed", bus->unconfirmed);
    ct_json_object_begin(json, "anomalies");
    for (unsigned kind = 0; kind < CT_ANOMALY_COUNT; kind++) {
        ct_json_uint(json, ct_anomaly_name((enum ct_anomaly)kind), bus->anomalies.by_kind[kind]);
    }
    ct_json_object_end(json);
}

/* ---- lines */

static size_t frame_rules(const struct ct_policy *policy)
{
    size_t count = 0;
    while (ct_policy_frame_rule(policy, count) != NULL) {
        count++;
    }
    return count;
}

static size_t uds_rules(const struct ct_policy *policy)
{
    size_t count = 0;
    while (ct_policy_uds_rule(policy, count) != NULL) {
        count++;
    }
    return count;
}

static size_t desired_rules(const struct ct_policy *policy)
{
    size_t count = 0;
    while (ct_policy_desired_rule(policy, count) != NULL) {
        count++;
    }
    return count;
}

bool ct_rules_json_line(const struct ct_rules_view *view, size_t index, struct ct_buf *out)
{
    const struct {
        const char *kind;
        size_t count;
        void (*put)(struct ct_json *json, const struct ct_rules_view *view, size_t index);
    } rows[] = {
        {"bus", view->bus_count, put_bus},
        {"route", ct_routes_count(view->routes), put_route},
        {"frame", frame_rules(view->policy), put_frame_rule},
        {"uds", uds_rules(view->policy), put_uds_rule},
        {"desired", desired_rules(view->policy), put_desired_rule},
    };
    size_t row = 0;
    while (row < sizeof rows / sizeof rows[0] && index >= rows[row].count) {
        index -= rows[row].count;
        row++;
    }
    if (row == sizeof rows / sizeof rows[0]) {
        return false;
    }
    struct ct_json json;
    ct_json_init(&json, out);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "kind", rows[row].kind);
    ct_json_uint(&json, "number", index + 1);
    rows[row].put(&json, view, index);
    ct_json_object_end(&json);
    ct_buf_text(out, "\n");
    return true;
}
