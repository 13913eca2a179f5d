/* Alert rules, alerts, and questions to the whole fleet by the same conditions. */
#include "api_private.h"

#include "twin_json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERTS_DEFAULT 100
#define ALERTS_MAX     1000
#define NOTE_MAX       1024
#define WHERE_MAX      4

/* ------------------------------------------------------------------------------------------------ rules */

static void rule_json(struct ct_json *json, const struct ct_rule *rule)
{
    ct_json_object_begin(json, NULL);
    ct_json_string(json, "name", rule->name);
    ct_json_string(json, "condition", rule->condition);
    ct_json_int(json, "for_ms", rule->for_ms);
    ct_json_string(json, "tag", rule->tag);
    ct_json_string(json, "severity", rule->severity);
    ct_json_object_end(json);
}

int ct_api_get_rules(struct ct_api_call *call)
{
    struct ct_json json;
    const struct ct_rule *rule;
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "rules");
    for (size_t place = 0; (rule = ct_rule_at(ct_folder_alerts(call->folder), place)) != NULL; place++) {
        if (rule->name[0] != '\0') {
            rule_json(&json, rule);
        }
    }
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    return 200;
}

/* false: there and no text, or too long. */
static bool take_text(const cJSON *body, const char *key, char *out, size_t size)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, key);
    const char *text = cJSON_GetStringValue(item);
    if (item == NULL) {
        return true;
    }
    const int n = text == NULL ? -1 : snprintf(out, size, "%s", text);
    return n >= 0 && (size_t)n < size;
}

static int set_rule(struct ct_api_call *call, const cJSON *body)
{
    struct ct_rule rule = {.severity = "warning"};
    const cJSON *for_ms = cJSON_GetObjectItemCaseSensitive(body, "for_ms");
    if (!ct_label_valid(call->segments[1])) {
        return ct_api_error(call->out, 400, "a rule's name has at most %d letters, digits, '.', '_', '-'",
                            CT_LABEL_MAX);
    }
    (void)snprintf(rule.name, sizeof rule.name, "%s", call->segments[1]);
    if (!take_text(body, "condition", rule.condition, sizeof rule.condition) ||
        !take_text(body, "severity", rule.severity, sizeof rule.severity) || !ct_rule_severity_valid(rule.severity) ||
        !take_text(body, "tag", rule.tag, sizeof rule.tag) || (rule.tag[0] != '\0' && !ct_label_valid(rule.tag))) {
        return ct_api_error(call->out, 400,
                            "a rule has \"condition\", \"severity\" (info, warning, critical) and may "
                            "have \"for_ms\" and \"tag\"");
    }
    if (for_ms != NULL && (!cJSON_IsNumber(for_ms) || !(for_ms->valuedouble >= 0) ||
                           !(for_ms->valuedouble <= (double)CT_RULE_FOR_MS_MAX))) {
        return ct_api_error(call->out, 400, "for_ms must be 0 to %lld", (long long)CT_RULE_FOR_MS_MAX);
    }
    rule.for_ms = for_ms == NULL ? 0 : (int64_t)for_ms->valuedouble;
    int err = CT_OK;
    const char *wrong = ct_rule_set(ct_folder_alerts(call->folder), &rule, call->moment.utc_ns / CT_NS_PER_MS, &err);
    if (wrong != NULL) {
        return ct_api_error(call->out, 400, "condition: %s", wrong);
    }
    if (err == CT_ERR_FULL) {
        return ct_api_error(call->out, 409, "there are %d rules already", CT_RULES_MAX);
    }
    call->fatal = err;
    struct ct_json json;
    ct_json_init(&json, call->out);
    rule_json(&json, &rule);
    return 200;
}

int ct_api_put_rule(struct ct_api_call *call)
{
    static const char *const keys[] = {"condition", "for_ms", "tag", "severity", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = set_rule(call, body);
        cJSON_Delete(body);
    }
    return status;
}

int ct_api_delete_rule(struct ct_api_call *call)
{
    const int err =
        ct_rule_remove(ct_folder_alerts(call->folder), call->segments[1], call->moment.utc_ns / CT_NS_PER_MS);
    if (err == CT_ERR_NOT_FOUND) {
        return ct_api_error(call->out, 404, "there is no such rule");
    }
    call->fatal = err;
    return ct_api_done(call);
}

/* ------------------------------------------------------------------------------------------------ alerts */

struct alert_list {
    struct ct_json json;
    const struct ct_registry *registry;
};

static void utc_or_null(struct ct_json *json, const char *key, int64_t utc_ms)
{
    if (utc_ms == 0) {
        ct_json_null(json, key);
    } else {
        ct_json_int(json, key, utc_ms);
    }
}

static int one_alert(void *user, const struct ct_alert *alert)
{
    struct alert_list *list = user;
    struct ct_json *json = &list->json;
    const struct ct_vehicle *vehicle = ct_registry_by_row(list->registry, alert->vehicle_row);
    ct_json_object_begin(json, NULL);
    ct_json_int_safe(json, "id", alert->id);
    ct_json_string(json, "vehicle", vehicle == NULL ? NULL : vehicle->id);
    ct_json_string(json, "rule", alert->rule);
    ct_json_string(json, "severity", alert->severity);
    ct_json_string(json, "value", alert->value);
    ct_json_int(json, "since_utc_ms", alert->since_utc_ms);
    utc_or_null(json, "until_utc_ms", alert->until_utc_ms);
    ct_json_string(json, "acknowledged_by", alert->acknowledged_by);
    utc_or_null(json, "acknowledged_utc_ms", alert->acknowledged_utc_ms);
    ct_json_string(json, "note", alert->note);
    ct_json_object_end(json);
    return CT_OK;
}

int ct_api_get_alerts(struct ct_api_call *call)
{
    int64_t limit = ALERTS_DEFAULT;
    int64_t row = 0;
    const char *vehicle_id = ct_api_param(call, "vehicle");
    const char *open = ct_api_param(call, "open");
    struct alert_list list = {.registry = ct_folder_registry(call->folder)};
    if (!ct_api_number(call, "limit", ALERTS_MAX, &limit) || limit < 1) {
        return ct_api_error(call->out, 400, "limit must be 1 to %d", ALERTS_MAX);
    }
    if (vehicle_id != NULL) {
        const struct ct_vehicle *vehicle = ct_registry_find(list.registry, vehicle_id);
        if (vehicle == NULL) {
            return ct_api_error(call->out, 404, "no vehicle '%.64s' has been seen", vehicle_id);
        }
        row = vehicle->row;
    }
    ct_json_init(&list.json, call->out);
    ct_json_object_begin(&list.json, NULL);
    ct_json_array_begin(&list.json, "alerts");
    const int err = ct_alerts_list(ct_folder_alerts(call->folder), row, open != NULL && strcmp(open, "true") == 0,
                                   (size_t)limit, one_alert, &list);
    ct_json_array_end(&list.json);
    ct_json_object_end(&list.json);
    return ct_api_finish(call, err);
}

static int acknowledge(struct ct_api_call *call, const cJSON *body)
{
    char note[NOTE_MAX + 1] = "";
    char *end;
    errno = 0;
    const long long id = strtoll(call->segments[1], &end, 10);
    if (errno != 0 || *end != '\0' || end == call->segments[1]) {
        return ct_api_error(call->out, 404, "there is no such alert");
    }
    if (!take_text(body, "note", note, sizeof note)) {
        return ct_api_error(call->out, 400, "\"note\" is a text of at most %d characters", NOTE_MAX);
    }
    const int err = ct_alert_acknowledge(ct_folder_alerts(call->folder), id, call->request->user, note,
                                         call->moment.utc_ns / CT_NS_PER_MS);
    if (err == CT_ERR_NOT_FOUND || err == CT_ERR_EXISTS) {
        return err == CT_ERR_EXISTS ? ct_api_error(call->out, 409, "the alert is acknowledged already")
                                    : ct_api_error(call->out, 404, "there is no such alert");
    }
    call->fatal = err;
    return ct_api_done(call);
}

int ct_api_post_acknowledge(struct ct_api_call *call)
{
    static const char *const keys[] = {"note", NULL};
    int status = 400;
    cJSON *body = ct_api_body(call, keys, &status);
    if (body != NULL) {
        status = acknowledge(call, body);
        cJSON_Delete(body);
    }
    return status;
}

/* ------------------------------------------------------------------------------------------------ questions */

/* All conditions must hold; the value shown is the first one's. */
static bool all_hold(const struct ct_condition *conditions, size_t count, const struct ct_vehicle *vehicle,
                     uint32_t *out_id, struct ct_reading *out_reading)
{
    uint32_t id;
    struct ct_reading reading;
    for (size_t i = 0; i < count; i++) {
        const bool first = i == 0;
        if (!ct_condition_holds(&conditions[i], vehicle->twin, first ? out_id : &id, first ? out_reading : &reading)) {
            return false;
        }
    }
    return true;
}

/* 0, or the status of the error. */
static int take_conditions(struct ct_api_call *call, struct ct_condition *conditions, size_t *out_count)
{
    const struct ct_api_request *request = call->request;
    *out_count = 0;
    for (size_t i = 0; i < request->param_count; i++) {
        if (strcmp(request->params[i].name, "where") != 0) {
            continue;
        }
        if (*out_count == WHERE_MAX) {
            return ct_api_error(call->out, 400, "at most %d conditions", WHERE_MAX);
        }
        const char *text = request->params[i].value == NULL ? "" : request->params[i].value;
        const char *wrong = ct_condition_parse(text, &conditions[(*out_count)++]);
        if (wrong != NULL) {
            return ct_api_error(call->out, 400, "where: %s", wrong);
        }
    }
    return *out_count > 0 ? 0 : ct_api_error(call->out, 400, "ask: ?where=PATH OP VALUE");
}

int ct_api_get_query(struct ct_api_call *call)
{
    struct ct_condition conditions[WHERE_MAX];
    size_t count;
    size_t checked = 0;
    struct ct_json json;
    const struct ct_registry *registry = ct_folder_registry(call->folder);
    const int status = take_conditions(call, conditions, &count);
    if (status != 0) {
        return status;
    }
    ct_json_init(&json, call->out);
    ct_json_object_begin(&json, NULL);
    ct_json_array_begin(&json, "vehicles");
    for (size_t i = 0; i < ct_registry_count(registry); i++) {
        uint32_t id = 0;
        struct ct_reading reading;
        const struct ct_vehicle *vehicle = ct_registry_at(registry, i);
        if (vehicle->twin == NULL || !ct_api_vehicle_meant(call, vehicle)) {
            continue;
        }
        checked++;
        if (all_hold(conditions, count, vehicle, &id, &reading)) {
            ct_json_object_begin(&json, NULL);
            ct_json_string(&json, "id", vehicle->id);
            ct_json_bool(&json, "connected", vehicle->connected);
            ct_json_array_begin(&json, "signals");
            ct_twin_json_signal(&json, ct_catalogue_entry(ct_twin_catalogue(vehicle->twin), id), &reading,
                                call->moment.utc_ns);
            ct_json_array_end(&json);
            ct_json_object_end(&json);
        }
    }
    ct_json_array_end(&json);
    ct_json_uint(&json, "checked", checked);
    ct_json_object_end(&json);
    return 200;
}
