#include "folder_private.h"

#include "command_json.h"
#include "twin_json.h"
#include "twin_update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Readers of the twin's change marks. */
enum consumer { CONSUMER_SUBSCRIBERS, CONSUMER_BROWSERS };

#define TOPIC_MAX (CT_VEHICLE_ID_MAX + CT_NAME_MAX + 2)

/* The changes of one branch that go into one message. */
struct batch {
    struct ct_reading *readings;
    struct ct_update_value *values;
    size_t count;
};

static void send_batch(struct ct_folder *folder, struct ct_vehicle *vehicle, uint32_t branch_index, struct batch *batch)
{
    struct ct_branch *branch = &vehicle->branches[branch_index];
    char topic[TOPIC_MAX];
    if (batch->count == 0) {
        return;
    }
    branch->revision++;
    (void)snprintf(topic, sizeof topic, "%s/%s", vehicle->id, branch->name);
    ct_buf_clear(&folder->scratch);
    if (ct_twin_update_encode(vehicle->id, branch->name, branch->revision, batch->values, batch->count,
                              &folder->scratch) == CT_OK) {
        folder->stats.published++;
        if (folder->ops.publish != NULL) {
            folder->ops.publish(folder->ops.user, topic, folder->scratch.data, folder->scratch.len);
        }
    }
    batch->count = 0;
}

static void publish_changes(struct ct_folder *folder, struct ct_vehicle *vehicle, struct batch *batch)
{
    const struct ct_catalogue *catalogue = ct_twin_catalogue(vehicle->twin);
    uint32_t cursor = 0;
    uint32_t id;
    uint32_t branch = 0;
    while (ct_twin_next_change(vehicle->twin, CONSUMER_SUBSCRIBERS, &cursor, &id) == CT_OK) {
        if (vehicle->entry_branch[id] != branch || batch->count == CT_UPDATE_VALUES_MAX) {
            send_batch(folder, vehicle, branch, batch);
            branch = vehicle->entry_branch[id];
        }
        struct ct_reading *reading = &batch->readings[batch->count];
        if (ct_twin_get(vehicle->twin, id, reading) == CT_OK) {
            batch->values[batch->count++] =
                (struct ct_update_value){ct_catalogue_entry(catalogue, id), &reading->sample};
        }
    }
    send_batch(folder, vehicle, branch, batch);
}

void ct_folder_publish(struct ct_folder *folder, struct ct_vehicle *vehicle)
{
    if (vehicle->twin == NULL) {
        return;
    }
    struct batch batch = {malloc(CT_UPDATE_VALUES_MAX * sizeof *batch.readings),
                          malloc(CT_UPDATE_VALUES_MAX * sizeof *batch.values), 0};
    vehicle->revision++;
    if (batch.readings != NULL && batch.values != NULL) {
        publish_changes(folder, vehicle, &batch);
    }
    free(batch.values);
    free(batch.readings);
}

void ct_folder_stream_twin(struct ct_folder *folder, struct ct_vehicle *vehicle, struct ct_moment moment)
{
    uint32_t cursor = 0;
    uint32_t id;
    struct ct_reading reading;
    struct ct_json json;
    if (vehicle->twin == NULL || folder->ops.stream == NULL) {
        return;
    }
    const struct ct_catalogue *catalogue = ct_twin_catalogue(vehicle->twin);
    size_t count = 0;
    ct_buf_clear(&folder->scratch);
    ct_json_init(&json, &folder->scratch);
    ct_json_object_begin(&json, NULL);
    ct_json_uint(&json, "revision", vehicle->revision);
    ct_json_array_begin(&json, "signals");
    while (ct_twin_next_change(vehicle->twin, CONSUMER_BROWSERS, &cursor, &id) == CT_OK) {
        if (ct_twin_get(vehicle->twin, id, &reading) == CT_OK) {
            ct_twin_json_signal(&json, ct_catalogue_entry(catalogue, id), &reading, moment.utc_ns);
            count++;
        }
    }
    ct_json_array_end(&json);
    ct_json_object_end(&json);
    if (count > 0 && ct_buf_error(&folder->scratch) == CT_OK) {
        folder->ops.stream(folder->ops.user, vehicle->id, "twin", ct_buf_string(&folder->scratch), folder->scratch.len);
    }
}

void ct_folder_stream_command(struct ct_folder *folder, const struct ct_vehicle *vehicle,
                              const uint8_t id[CT_COMMAND_ID_SIZE])
{
    struct ct_json json;
    if (vehicle->watchers == 0 || folder->ops.stream == NULL) {
        return;
    }
    ct_buf_clear(&folder->scratch);
    ct_json_init(&json, &folder->scratch);
    if (ct_command_json(&json, NULL, folder->commands, folder->registry, id) == CT_OK &&
        ct_buf_error(&folder->scratch) == CT_OK) {
        folder->ops.stream(folder->ops.user, vehicle->id, "command", ct_buf_string(&folder->scratch),
                           folder->scratch.len);
    }
}

/* Streams that waited for vehicles which are known now. */
void ct_folder_give_watches(struct ct_folder *folder)
{
    size_t kept = 0;
    for (size_t i = 0; i < folder->watched_count; i++) {
        struct ct_vehicle *vehicle = ct_registry_find(folder->registry, folder->watched[i]);
        if (vehicle != NULL) {
            vehicle->watchers++;
        } else {
            memmove(folder->watched[kept++], folder->watched[i], sizeof folder->watched[0]);
        }
    }
    folder->watched_count = kept;
}

static void watch_unknown(struct ct_folder *folder, const char *vehicle_id, bool begin)
{
    if (begin && folder->watched_count < CT_FOLDER_WATCHES_MAX) {
        char *place = folder->watched[folder->watched_count++];
        (void)snprintf(place, sizeof folder->watched[0], "%s", vehicle_id);
    }
    for (size_t i = 0; !begin && i < folder->watched_count; i++) {
        if (strcmp(folder->watched[i], vehicle_id) == 0) {
            memmove(folder->watched[i], folder->watched[--folder->watched_count], sizeof folder->watched[0]);
            break;
        }
    }
}

void ct_folder_watch(struct ct_folder *folder, const char *vehicle_id, bool begin)
{
    ct_folder_give_watches(folder);
    struct ct_vehicle *vehicle = ct_registry_find(folder->registry, vehicle_id);
    if (vehicle == NULL) {
        watch_unknown(folder, vehicle_id, begin);
    } else if (begin) {
        vehicle->watchers++;
    } else if (vehicle->watchers > 0) {
        vehicle->watchers--;
    }
}
