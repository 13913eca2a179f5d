/* The folder's stores for the API, and the alert rules' look at what changed. */
#include "folder_private.h"

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
