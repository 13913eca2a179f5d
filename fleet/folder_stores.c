/* The folder's stores for the API, and the alert rules' look at what changed. */
#include "folder_private.h"

#include "json.h"

#define FORGET_VEHICLES 8 /* looked through in one sweep */

struct ct_registry *ct_folder_registry(struct ct_folder *folder)
{
    return folder->registry;
}

struct ct_history *ct_folder_history(struct ct_folder *folder)
{
    return folder->history;
}

struct ct_commands *ct_folder_commands(struct ct_folder *folder)
{
    return folder->commands;
}

struct ct_audit *ct_folder_audit(struct ct_folder *folder)
{
    return folder->audit;
}

struct ct_label_store *ct_folder_labels(struct ct_folder *folder)
{
    return folder->labels;
}

struct ct_alerts *ct_folder_alerts(struct ct_folder *folder)
{
    return folder->alerts;
}

int ct_folder_judge(struct ct_folder *folder, struct ct_moment moment)
{
    int err = CT_OK;
    if (!ct_alerts_any(folder->alerts)) {
        return CT_OK;
    }
    for (size_t i = 0; err == CT_OK && i < ct_registry_count(folder->registry); i++) {
        struct ct_vehicle *vehicle = ct_registry_at(folder->registry, i);
        if (vehicle->unjudged) {
            err = ct_folder_write(folder, moment);
            err = err == CT_OK ? ct_alerts_judge(folder->alerts, vehicle, moment.utc_ns / CT_NS_PER_MS) : err;
        }
    }
    return err;
}

int ct_folder_forget(struct ct_folder *folder, struct ct_moment moment)
{
    const int64_t utc_ms = moment.utc_ns / CT_NS_PER_MS;
    const size_t count = ct_registry_count(folder->registry);
    if (!ct_retention_any(folder->retention)) {
        return CT_OK;
    }
    int err = ct_folder_write(folder, moment);
    err = err == CT_OK ? ct_retention_step(folder->retention, 0, utc_ms) : err;
    for (size_t i = 0; err == CT_OK && i < FORGET_VEHICLES && i < count; i++) {
        folder->retained = (folder->retained + 1) % count;
        err = ct_retention_step(folder->retention, ct_registry_at(folder->registry, folder->retained)->row, utc_ms);
    }
    return err;
}

int ct_folder_merge(struct ct_folder *folder, struct ct_moment moment)
{
    const size_t count = ct_registry_count(folder->registry);
    if (count == 0) {
        return CT_OK;
    }
    folder->merged = (folder->merged + 1) % count;
    const int64_t row = ct_registry_at(folder->registry, folder->merged)->row;
    int err = ct_history_merge_due(folder->history, row);
    if (err == CT_OK) {
        err = ct_folder_write(folder, moment);
        err = err == CT_OK ? ct_history_merge(folder->history, row) : err;
    }
    return err == CT_ERR_END ? CT_OK : err;
}

void ct_folder_alert(void *user, const struct ct_rule *rule, const struct ct_vehicle *vehicle, const char *value,
                     int64_t since_utc_ms, int64_t until_utc_ms)
{
    struct ct_folder *folder = user;
    struct ct_json json;
    ct_buf_clear(&folder->scratch);
    ct_json_init(&json, &folder->scratch);
    ct_json_object_begin(&json, NULL);
    ct_json_string(&json, "alert", until_utc_ms == 0 ? "raised" : "ended");
    ct_json_string(&json, "vehicle", vehicle->id);
    ct_json_string(&json, "rule", rule->name);
    ct_json_string(&json, "severity", rule->severity);
    ct_json_string(&json, "condition", rule->condition);
    ct_json_string(&json, "value", value);
    ct_json_int(&json, "since_utc_ms", since_utc_ms);
    if (until_utc_ms != 0) {
        ct_json_int(&json, "until_utc_ms", until_utc_ms);
    }
    ct_json_object_end(&json);
    const char *text = ct_buf_string(&folder->scratch);
    if (ct_buf_error(&folder->scratch) == CT_OK && folder->ops.alert != NULL) {
        folder->ops.alert(folder->ops.user, text, folder->scratch.len);
    }
    if (ct_buf_error(&folder->scratch) == CT_OK && folder->ops.stream != NULL) {
        folder->ops.stream(folder->ops.user, vehicle->id, "alert", text, folder->scratch.len);
    }
}
