#include "toy_vehicle.h"

#include "batch.h"
#include "command_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEN_MAX 256

struct record {
    uint64_t seq_first, seq_last;
    uint8_t *data;
    size_t len;
};

struct lane {
    struct record *records;
    size_t count, capacity;
    size_t first; /* of those not acknowledged */
    uint64_t newest;
};

struct toy_vehicle {
    struct toy_config config;
    char vehicle_id[65];
    struct ct_catalogue *catalogue;
    struct ct_link_vehicle *link;
    struct lane lanes[CT_CLASS_COUNT];
    struct ct_positions acked;
    uint8_t stream_id[CT_STREAM_ID_SIZE], boot_id[CT_BOOT_ID_SIZE];
    uint8_t seen[SEEN_MAX][CT_COMMAND_ID_SIZE];
    size_t seen_count;
    uint64_t command_seq[2], revision; /* highest taken: by the director alone, released */
    bool beam;
    ct_ns now;
    int64_t utc_ns;
    struct toy_stats stats;
    struct ct_sample *samples;
};

/* ------------------------------------------------------------------------------------------------ outbox */

static bool keep(struct toy_vehicle *toy, enum ct_class class, uint64_t seq_first, const struct ct_buf *record)
{
    struct lane *lane = &toy->lanes[CT_CLASS_INDEX(class)];
    if (lane->count == lane->capacity) {
        const size_t capacity = lane->capacity == 0 ? 64 : lane->capacity * 2;
        struct record *grown = realloc(lane->records, capacity * sizeof *grown);
        if (grown == NULL) {
            return false;
        }
        lane->records = grown;
        lane->capacity = capacity;
    }
    uint8_t *copy = malloc(record->len);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, record->data, record->len);
    lane->records[lane->count++] = (struct record){seq_first, lane->newest, copy, record->len};
    struct ct_positions newest;
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        newest.seq[i] = toy->lanes[i].newest;
    }
    ct_link_vehicle_newest(toy->link, &newest, toy->now, toy->utc_ns);
    return true;
}

static void on_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    struct toy_vehicle *toy = user;
    const struct lane *lane = &toy->lanes[CT_CLASS_INDEX(class)];
    size_t bytes = 0;
    for (size_t i = lane->first; i < lane->count && bytes < max_bytes; i++) {
        const struct record *record = &lane->records[i];
        if (record->seq_last <= after_seq) {
            continue;
        }
        const uint8_t *hash = class == CT_CLASS_SAMPLE ? ct_catalogue_hash(toy->catalogue) : NULL;
        if (ct_link_vehicle_record(toy->link, class, record->seq_first, record->seq_last, record->data, record->len,
                                   hash, toy->now) != CT_OK) {
            break;
        }
        bytes += record->len;
    }
    ct_link_vehicle_fetched(toy->link, class, toy->now);
}

static void on_acked(void *user, enum ct_class class, uint64_t seq)
{
    struct toy_vehicle *toy = user;
    struct lane *lane = &toy->lanes[CT_CLASS_INDEX(class)];
    toy->acked.seq[CT_CLASS_INDEX(class)] = seq;
    while (lane->first < lane->count && lane->records[lane->first].seq_last <= seq) {
        free(lane->records[lane->first].data);
        lane->records[lane->first++].data = NULL;
    }
}

static struct ct_record_head head_of(struct toy_vehicle *toy, enum ct_class class)
{
    struct ct_record_head head = {.seq = ++toy->lanes[CT_CLASS_INDEX(class)].newest};
    memcpy(head.boot_id, toy->boot_id, sizeof head.boot_id);
    return head;
}

/* ------------------------------------------------------------------------------------------------ samples */

int64_t toy_value(uint64_t seq, uint32_t counter)
{
    return (int64_t)(seq * 1000 + counter % 1000);
}

static size_t fill_samples(struct toy_vehicle *toy, uint64_t seq, ct_ns now)
{
    static const char *const names[] = {"Ada", "Grace", "Edith"};
    struct ct_sample *samples = toy->samples;
    uint32_t id = 0;
    for (; id < toy->config.signals; id++) {
        samples[id] = (struct ct_sample){.id = id, .t_ns = now, .raw = toy_value(seq, id)};
    }
    samples[id] = (struct ct_sample){.id = id, .t_ns = now};
    samples[id++].number = 50.0 + 40.0 * ((double)(seq % 200) / 100.0 - 1.0);
    samples[id] = (struct ct_sample){.id = id, .t_ns = now, .raw = (int64_t)(seq / 20 % 4)};
    id++;
    const char *name = names[seq / 50 % 3];
    samples[id] =
        (struct ct_sample){.id = id, .t_ns = now, .len = (uint16_t)strlen(name), .bytes = (const uint8_t *)name};
    id++;
    samples[id] = (struct ct_sample){.id = id, .t_ns = now, .raw = toy->beam};
    return id + 1;
}

bool toy_vehicle_batch(struct toy_vehicle *toy, ct_ns now, int64_t utc_ns)
{
    struct ct_buf record;
    toy->now = now;
    toy->utc_ns = utc_ns;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = head_of(toy, CT_CLASS_SAMPLE);
    const struct ct_batch_time time = {.base_ns = now, .base_utc_ns = utc_ns, .utc_uncertainty_ns = 1000000};
    const size_t count = fill_samples(toy, head.seq, now);
    const bool good = ct_record_encode_batch(&head, toy->catalogue, &time, toy->samples, count, &record) == CT_OK &&
                      keep(toy, CT_CLASS_SAMPLE, head.seq, &record);
    toy->stats.batches += good;
    toy->stats.samples += good ? count : 0;
    ct_buf_free(&record);
    return good;
}

bool toy_vehicle_event(struct toy_vehicle *toy, const char *name, ct_ns now, int64_t utc_ns)
{
    struct ct_buf record;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = head_of(toy, CT_CLASS_EVENT);
    const struct ct_event_field field = {"reason", "test"};
    const struct ct_event event = {
        .name = name, .text = "told by the toy", .t_ns = now, .utc_ns = utc_ns, .fields = &field, .field_count = 1};
    const bool good =
        ct_record_encode_event(&head, &event, &record) == CT_OK && keep(toy, CT_CLASS_EVENT, head.seq, &record);
    ct_buf_free(&record);
    return good;
}

bool toy_vehicle_gap(struct toy_vehicle *toy, uint64_t dropped, ct_ns now, int64_t utc_ns)
{
    struct ct_buf record;
    struct lane *lane = &toy->lanes[CT_CLASS_INDEX(CT_CLASS_SAMPLE)];
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    const uint64_t first = lane->newest + 1;
    lane->newest += dropped - 1;
    const struct ct_record_head head = head_of(toy, CT_CLASS_SAMPLE);
    const struct ct_gap gap = {.seq_first = first,
                               .seq_last = head.seq,
                               .from_ns = now - CT_NS_PER_S,
                               .to_ns = now,
                               .from_utc_ns = utc_ns - CT_NS_PER_S,
                               .to_utc_ns = utc_ns,
                               .samples = dropped * toy->config.signals,
                               .reason = CT_GAP_OUTBOX_FULL};
    const bool good = ct_record_encode_gap(&head, &gap, &record) == CT_OK && keep(toy, CT_CLASS_SAMPLE, first, &record);
    ct_buf_free(&record);
    return good;
}

static void on_snapshot(void *user, uint64_t snapshot_id)
{
    struct toy_vehicle *toy = user;
    struct ct_buf state;
    ct_buf_init(&state, CT_LINK_MESSAGE_MAX);
    const struct ct_batch_time time = {.base_ns = toy->now, .base_utc_ns = toy->utc_ns};
    const uint64_t seq = toy->lanes[CT_CLASS_INDEX(CT_CLASS_SAMPLE)].newest;
    const size_t count = fill_samples(toy, seq, toy->now);
    if (ct_state_encode(snapshot_id, toy->boot_id, seq, true, toy->catalogue, &time, toy->samples, count, &state) ==
        CT_OK) {
        const int err = ct_link_vehicle_state(toy->link, state.data, state.len, toy->now);
        (void)err; /* full: the next hello asks again */
    }
    ct_buf_free(&state);
}

/* ------------------------------------------------------------------------------------------------ commands */

static void report(struct toy_vehicle *toy, const struct ct_command *command, int state, int reason,
                   const uint8_t *response, size_t response_len)
{
    struct ct_buf record;
    ct_buf_init(&record, CT_LINK_MESSAGE_MAX);
    const struct ct_record_head head = head_of(toy, CT_CLASS_RESULT);
    const bool done = state == CT_COMMAND_DONE && command->action == CT_ACTION_SET_DESIRED;
    const struct ct_command_status status = {.command_id = command->command_id,
                                             .state = state,
                                             .reason = reason,
                                             .seq = command->seq,
                                             .t_ns = toy->now,
                                             .utc_ns = toy->utc_ns,
                                             .response = response,
                                             .response_len = response_len,
                                             .has_reported = done,
                                             .reported = toy->beam,
                                             .text = ""};
    if (ct_record_encode_status(&head, &status, &record) != CT_OK || !keep(toy, CT_CLASS_RESULT, head.seq, &record)) {
        fputs("toy vehicle: a result could not be kept\n", stderr);
    }
    ct_buf_free(&record);
}

static bool was_seen(struct toy_vehicle *toy, const uint8_t *id)
{
    for (size_t i = 0; i < toy->seen_count; i++) {
        if (memcmp(toy->seen[i], id, CT_COMMAND_ID_SIZE) == 0) {
            return true;
        }
    }
    memcpy(toy->seen[toy->seen_count % SEEN_MAX], id, CT_COMMAND_ID_SIZE);
    toy->seen_count += toy->seen_count < SEEN_MAX;
    return false;
}

static void execute(struct toy_vehicle *toy, const struct ct_command *command)
{
    static const uint8_t vin[] = "\x62\xF1\x90TOYVEHICLE0000001";
    report(toy, command, CT_COMMAND_ACCEPTED, CT_REASON_NONE, NULL, 0);
    report(toy, command, CT_COMMAND_RUNNING, CT_REASON_NONE, NULL, 0);
    toy->stats.executed++;
    if (command->action == CT_ACTION_SET_DESIRED) {
        toy->beam = command->value.kind == CT_WIRE_BOOLEAN && command->value.boolean;
        report(toy, command, CT_COMMAND_DONE, CT_REASON_NONE, NULL, 0);
    } else if (command->request_len == 3 && memcmp(command->request, "\x22\xF1\x90", 3) == 0) {
        report(toy, command, CT_COMMAND_DONE, CT_REASON_NONE, vin, sizeof vin - 1);
    } else {
        const uint8_t negative[] = {0x7F, command->request[0], 0x31};
        report(toy, command, CT_COMMAND_FAILED, CT_REASON_NEGATIVE_RESPONSE, negative, sizeof negative);
    }
}

static void on_command(void *user, const uint8_t *data, size_t len)
{
    struct toy_vehicle *toy = user;
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    struct ct_command command;
    const uint8_t *payload;
    size_t payload_len;
    size_t count;
    toy->stats.commands++;
    if (ct_signed_command_split(data, len, &payload, &payload_len, signatures, &count) != CT_OK ||
        ct_command_decode(payload, payload_len, &command) != CT_OK) {
        toy->stats.refused++;
        return;
    }
    uint64_t *highest = &toy->command_seq[count > 1];
    if (was_seen(toy, command.command_id) || command.seq <= *highest) {
        report(toy, &command, CT_COMMAND_REFUSED, CT_REASON_REPLAYED, NULL, 0);
        return;
    }
    *highest = command.seq;
    if (command.action == CT_ACTION_SET_DESIRED && command.revision <= toy->revision) {
        report(toy, &command, CT_COMMAND_REFUSED, CT_REASON_SUPERSEDED, NULL, 0);
        return;
    }
    toy->revision = command.action == CT_ACTION_SET_DESIRED ? command.revision : toy->revision;
    execute(toy, &command);
}

/* ------------------------------------------------------------------------------------------------ life */

static int on_send(void *user, const void *data, size_t len)
{
    const struct toy_vehicle *toy = user;
    return toy->config.send(toy->config.user, data, len);
}

static void on_reconnect(void *user)
{
    const struct toy_vehicle *toy = user;
    if (toy->config.reconnect != NULL) {
        toy->config.reconnect(toy->config.user);
    }
}

static const struct ct_catalogue *on_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct toy_vehicle *toy = user;
    return memcmp(hash, ct_catalogue_hash(toy->catalogue), CT_HASH_SIZE) == 0 ? toy->catalogue : NULL;
}

static bool make_link(struct toy_vehicle *toy)
{
    const struct ct_link_vehicle_ops ops = {.user = toy,
                                            .send = on_send,
                                            .reconnect = on_reconnect,
                                            .fetch = on_fetch,
                                            .acked = on_acked,
                                            .command = on_command,
                                            .snapshot = on_snapshot,
                                            .catalogue = on_catalogue};
    struct ct_link_vehicle_config config = {.software = "toy 1", .jitter_seed = toy->config.seed + 1};
    struct ct_positions newest;
    memcpy(config.stream_id, toy->stream_id, sizeof config.stream_id);
    memcpy(config.boot_id, toy->boot_id, sizeof config.boot_id);
    if (ct_link_vehicle_create(&config, &ops, &toy->link) != CT_OK) {
        return false;
    }
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        newest.seq[i] = toy->lanes[i].newest;
    }
    ct_link_vehicle_use_catalogue(toy->link, ct_catalogue_hash(toy->catalogue));
    ct_link_vehicle_resume(toy->link, &toy->acked);
    ct_link_vehicle_newest(toy->link, &newest, toy->now, toy->utc_ns);
    return true;
}

static bool add_entry(struct ct_catalogue_builder *builder, const char *name, enum ct_kind kind,
                      enum ct_datatype datatype)
{
    static const struct ct_enum_text gears[] = {{0, "P"}, {1, "R"}, {2, "N"}, {3, "D"}};
    const bool gear = strcmp(name, TOY_GEAR) == 0;
    const struct ct_entry entry = {.name = name,
                                   .unit = kind == CT_KIND_DOUBLE ? "km/h" : "",
                                   .comment = "",
                                   .kind = kind,
                                   .datatype = datatype,
                                   .is_actuator = strcmp(name, TOY_BEAM) == 0,
                                   .factor = 1,
                                   .bytes_max = kind == CT_KIND_STRING ? 32 : 0,
                                   .texts = gear ? gears : NULL,
                                   .text_count = gear ? 4 : 0};
    uint32_t id;
    return ct_catalogue_builder_add(builder, &entry, &id) == CT_OK;
}

static struct ct_catalogue *make_catalogue(uint32_t signals)
{
    struct ct_catalogue_builder *builder;
    struct ct_catalogue *catalogue = NULL;
    if (ct_catalogue_builder_create(&builder) != CT_OK) {
        return NULL;
    }
    bool good = true;
    for (uint32_t i = 0; i < signals; i++) {
        char name[48];
        (void)snprintf(name, sizeof name, "can0.TOY.SIGNAL_%03u", i);
        good = good && add_entry(builder, name, CT_KIND_RAW, CT_DT_INT64);
    }
    good = good && add_entry(builder, TOY_SPEED, CT_KIND_DOUBLE, CT_DT_FLOAT) &&
           add_entry(builder, TOY_GEAR, CT_KIND_RAW, CT_DT_UINT8) &&
           add_entry(builder, TOY_NAME, CT_KIND_STRING, CT_DT_STRING) &&
           add_entry(builder, TOY_BEAM, CT_KIND_RAW, CT_DT_BOOLEAN);
    if (!good || ct_catalogue_builder_finish(builder, &catalogue) != CT_OK) {
        catalogue = NULL;
    }
    ct_catalogue_builder_free(builder);
    return catalogue;
}

struct toy_vehicle *toy_vehicle_create(const struct toy_config *config)
{
    struct toy_vehicle *toy = calloc(1, sizeof *toy);
    if (toy == NULL) {
        return NULL;
    }
    toy->config = *config;
    (void)snprintf(toy->vehicle_id, sizeof toy->vehicle_id, "%s", config->vehicle_id);
    for (size_t i = 0; i < CT_STREAM_ID_SIZE; i++) {
        toy->stream_id[i] = (uint8_t)(config->seed >> (i % 8 * 8));
    }
    toy->boot_id[0] = 1;
    toy->samples = calloc(config->signals + 4U, sizeof *toy->samples);
    toy->catalogue = make_catalogue(config->signals);
    if (toy->samples == NULL || toy->catalogue == NULL || !make_link(toy)) {
        toy_vehicle_free(toy);
        return NULL;
    }
    return toy;
}

void toy_vehicle_free(struct toy_vehicle *toy)
{
    if (toy == NULL) {
        return;
    }
    ct_link_vehicle_free(toy->link);
    for (unsigned class = 0; class < CT_CLASS_COUNT; class ++) {
        for (size_t i = 0; i < toy->lanes[class].count; i++) {
            free(toy->lanes[class].records[i].data);
        }
        free(toy->lanes[class].records);
    }
    ct_catalogue_unref(toy->catalogue);
    free(toy->samples);
    free(toy);
}

bool toy_vehicle_restart(struct toy_vehicle *toy)
{
    ct_link_vehicle_free(toy->link);
    toy->link = NULL;
    toy->boot_id[0]++;
    return make_link(toy);
}

void toy_vehicle_receive(struct toy_vehicle *toy, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns)
{
    toy->now = now;
    toy->utc_ns = utc_ns;
    ct_link_vehicle_receive(toy->link, data, len, now, utc_ns);
}

ct_ns toy_vehicle_tick(struct toy_vehicle *toy, ct_ns now, int64_t utc_ns)
{
    toy->now = now;
    toy->utc_ns = utc_ns;
    return ct_link_vehicle_tick(toy->link, now, utc_ns);
}

void toy_vehicle_stats(const struct toy_vehicle *toy, struct toy_stats *out_stats)
{
    *out_stats = toy->stats;
    ct_link_vehicle_stats_get(toy->link, &out_stats->link);
    for (unsigned i = 0; i < CT_CLASS_COUNT; i++) {
        out_stats->left += toy->lanes[i].count - toy->lanes[i].first;
    }
}

const struct ct_catalogue *toy_vehicle_catalogue(const struct toy_vehicle *toy)
{
    return toy->catalogue;
}
