#include "load_vehicle.h"

#include "batch.h"
#include "plant.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTBOX     64U /* records; a power of two */
#define STEPS_MAX  10  /* of the plant for one batch: a fleet in slow motion where batches are rare */
#define FULL_RETRY (5 * CT_NS_PER_MS)
#define UNCERTAIN  ((uint64_t)CT_NS_PER_MS)

#define VALUE(path, unit, member, factor)                            \
    {                                                                \
        path, unit, offsetof(struct ct_plant_values, member), factor \
    }
static const struct {
    const char *name, *unit;
    size_t offset;
    double factor;
} values[] = {
    VALUE("Vehicle.Speed", "km/h", speed_kmh, 0.01),
    VALUE("Vehicle.Acceleration.Longitudinal", "m/s^2", acceleration_ms2, 0.01),
    VALUE("Vehicle.AngularVelocity.Yaw", "degrees/s", yaw_dps, 0.01),
    VALUE("Vehicle.CurrentLocation.Latitude", "degrees", latitude_deg, 1e-6),
    VALUE("Vehicle.CurrentLocation.Longitude", "degrees", longitude_deg, 1e-6),
    VALUE("Vehicle.TraveledDistance", "m", odometer_m, 1),
    VALUE("Vehicle.Powertrain.CombustionEngine.Speed", "rpm", engine_rpm, 0.25),
    VALUE("Vehicle.Powertrain.CombustionEngine.Torque", "Nm", torque_nm, 0.5),
    VALUE("Vehicle.Powertrain.CombustionEngine.EngineCoolant.Temperature", "celsius", coolant_c, 0.5),
    VALUE("Vehicle.Powertrain.CombustionEngine.EngineOil.Temperature", "celsius", oil_c, 0.5),
    VALUE("Vehicle.Powertrain.CombustionEngine.MAF", "g/s", air_gs, 0.01),
    VALUE("Vehicle.Powertrain.Transmission.CurrentGear", "", gear, 1),
    VALUE("Vehicle.Powertrain.FuelSystem.RelativeLevel", "percent", fuel_pct, 0.1),
    VALUE("Vehicle.LowVoltageBattery.CurrentVoltage", "V", battery_v, 0.01),
    VALUE("Vehicle.LowVoltageBattery.CurrentCurrent", "A", battery_a, 0.1),
    VALUE("Vehicle.Cabin.HVAC.AmbientAirTemperature", "celsius", inside_c, 0.1),
};
#undef VALUE
#define VALUE_COUNT (sizeof values / sizeof values[0])

struct record {
    uint8_t *data;
    size_t len;
    ct_ns made_at;
};

struct ct_load_vehicle {
    struct ct_load_vehicle_config config;
    uint32_t signals;
    struct ct_plant plant;
    struct ct_link_vehicle *link;
    struct record records[OUTBOX]; /* record n at n % OUTBOX; those behind `acked` up to `made` */
    struct ct_positions acked;
    uint64_t made, commands;
    ct_ns batch_at;
    ct_ns now;
    int64_t utc_ns;
    uint8_t stream_id[CT_STREAM_ID_SIZE], boot_id[CT_BOOT_ID_SIZE];
    bool stalled; /* the transport took not all of a fetch */
    bool finished;
};

/* ---- catalogue */

static int add(struct ct_catalogue_builder *builder, const char *name, const char *unit, double factor)
{
    const struct ct_entry entry = {.name = name,
                                   .unit = unit,
                                   .comment = "",
                                   .kind = CT_KIND_RAW,
                                   .datatype = factor < 1 ? CT_DT_DOUBLE : CT_DT_INT64,
                                   .factor = factor};
    uint32_t id;
    return ct_catalogue_builder_add(builder, &entry, &id);
}

int ct_load_catalogue(uint32_t signals, struct ct_catalogue **out_catalogue)
{
    struct ct_catalogue_builder *builder = NULL;
    int err = ct_catalogue_builder_create(&builder);
    err = err == CT_OK ? add(builder, CT_LOAD_COUNT, "", 1) : err;
    for (uint32_t i = 1; err == CT_OK && i < signals; i++) {
        char name[48];
        (void)snprintf(name, sizeof name, "can0.LOAD.SIGNAL_%04u", i);
        const bool real = i <= VALUE_COUNT;
        err = real ? add(builder, values[i - 1].name, values[i - 1].unit, values[i - 1].factor)
                   : add(builder, name, "", 1);
    }
    err = err == CT_OK ? ct_catalogue_builder_finish(builder, out_catalogue) : err;
    ct_catalogue_builder_free(builder);
    return err;
}

/* ---- values */

static void fill(const struct ct_load_vehicle *vehicle, uint64_t seq, struct ct_sample *samples)
{
    for (uint32_t id = 0; id < vehicle->signals; id++) {
        int64_t raw = (int64_t)(seq / (1 + id % 7)) + id; /* counters of several paces */
        if (id == 0) {
            raw = (int64_t)seq;
        } else if (id <= VALUE_COUNT) {
            const char *at = (const char *)&vehicle->plant.v + values[id - 1].offset;
            double value;
            memcpy(&value, at, sizeof value);
            raw = llround(value / values[id - 1].factor);
        }
        samples[id] = (struct ct_sample){.id = id, .t_ns = vehicle->now, .raw = raw};
    }
}

static int encode(struct ct_load_vehicle *vehicle, uint64_t seq, struct ct_buf *out)
{
    struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    struct ct_record_head head = {.seq = seq};
    const struct ct_batch_time time = {
        .base_ns = vehicle->now, .base_utc_ns = vehicle->utc_ns, .utc_uncertainty_ns = UNCERTAIN};
    memcpy(head.boot_id, vehicle->boot_id, sizeof head.boot_id);
    fill(vehicle, seq, samples);
    return ct_record_encode_batch(&head, vehicle->config.catalogue, &time, samples, vehicle->signals, out);
}

static void tell_newest(struct ct_load_vehicle *vehicle)
{
    struct ct_positions newest = {{0}};
    newest.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)] = vehicle->made;
    ct_link_vehicle_newest(vehicle->link, &newest, vehicle->now, vehicle->utc_ns);
}

static bool wants_batch(const struct ct_load_vehicle *vehicle)
{
    const uint64_t waiting = vehicle->made - vehicle->acked.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)];
    return !vehicle->finished && waiting < OUTBOX &&
           (vehicle->config.batches == 0 || vehicle->made < vehicle->config.batches);
}

static void make_batch(struct ct_load_vehicle *vehicle)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        ct_plant_step(&vehicle->plant);
    }
    struct ct_buf buf;
    ct_buf_init(&buf, CT_RECORD_MAX);
    if (encode(vehicle, vehicle->made + 1, &buf) == CT_OK) {
        vehicle->made++;
        vehicle->records[vehicle->made % OUTBOX] =
            (struct record){.data = buf.data, .len = buf.len, .made_at = vehicle->now}; /* the buffer's memory */
        tell_newest(vehicle);
    } else {
        ct_buf_free(&buf);
    }
}

/* ---- what the link asks for */

static int on_send(void *user, const void *data, size_t len)
{
    const struct ct_load_vehicle *vehicle = user;
    return vehicle->config.send(vehicle->config.user, data, len);
}

static void on_reconnect(void *user)
{
    const struct ct_load_vehicle *vehicle = user;
    vehicle->config.reconnect(vehicle->config.user);
}

static void on_fetch(void *user, enum ct_class class, uint64_t after_seq, size_t max_bytes)
{
    struct ct_load_vehicle *vehicle = user;
    size_t bytes = 0;
    for (uint64_t seq = after_seq + 1; class == CT_CLASS_SAMPLE && seq <= vehicle->made && bytes < max_bytes; seq++) {
        const struct record *record = &vehicle->records[seq % OUTBOX];
        if (ct_link_vehicle_record(vehicle->link, class, seq, seq, record->data, record->len,
                                   ct_catalogue_hash(vehicle->config.catalogue), vehicle->now) != CT_OK) {
            vehicle->stalled = true;
            break;
        }
        bytes += record->len;
    }
    ct_link_vehicle_fetched(vehicle->link, class, vehicle->now);
}

static void on_acked(void *user, enum ct_class class, uint64_t seq)
{
    struct ct_load_vehicle *vehicle = user;
    uint64_t *acked = &vehicle->acked.seq[CT_CLASS_INDEX(class)];
    while (class == CT_CLASS_SAMPLE && *acked < seq && *acked < vehicle->made) {
        struct record *record = &vehicle->records[++*acked % OUTBOX];
        vehicle->config.acked(vehicle->config.user, vehicle->now - record->made_at, vehicle->signals);
        free(record->data);
        record->data = NULL;
    }
}

static void on_command(void *user, const uint8_t *data, size_t len)
{
    struct ct_load_vehicle *vehicle = user;
    (void)data;
    (void)len;
    vehicle->commands++; /* nothing on board obeys */
}

static void on_snapshot(void *user, uint64_t snapshot_id)
{
    struct ct_load_vehicle *vehicle = user;
    struct ct_sample samples[CT_BATCH_SAMPLES_MAX];
    const struct ct_batch_time time = {
        .base_ns = vehicle->now, .base_utc_ns = vehicle->utc_ns, .utc_uncertainty_ns = UNCERTAIN};
    struct ct_buf state;
    ct_buf_init(&state, CT_RECORD_MAX);
    fill(vehicle, vehicle->made, samples);
    if (ct_state_encode(snapshot_id, vehicle->boot_id, vehicle->made, true, vehicle->config.catalogue, &time, samples,
                        vehicle->signals, &state) == CT_OK) {
        const int err = ct_link_vehicle_state(vehicle->link, state.data, state.len, vehicle->now);
        (void)err; /* full: the next hello asks again */
    }
    ct_buf_free(&state);
}

static const struct ct_catalogue *on_catalogue(void *user, const uint8_t hash[CT_HASH_SIZE])
{
    const struct ct_load_vehicle *vehicle = user;
    return memcmp(hash, ct_catalogue_hash(vehicle->config.catalogue), CT_HASH_SIZE) == 0 ? vehicle->config.catalogue
                                                                                         : NULL;
}

/* ---- life */

static int make_link(struct ct_load_vehicle *vehicle)
{
    const struct ct_link_vehicle_ops ops = {.user = vehicle,
                                            .send = on_send,
                                            .reconnect = on_reconnect,
                                            .fetch = on_fetch,
                                            .acked = on_acked,
                                            .command = on_command,
                                            .snapshot = on_snapshot,
                                            .catalogue = on_catalogue};
    struct ct_link_vehicle_config config = {.software = "cantwin-sim " CANTWIN_VERSION,
                                            .jitter_seed = vehicle->config.seed,
                                            .packer = vehicle->config.packer,
                                            .dense = vehicle->config.dense};
    memcpy(config.stream_id, vehicle->stream_id, sizeof config.stream_id);
    memcpy(config.boot_id, vehicle->boot_id, sizeof config.boot_id);
    const int err = ct_link_vehicle_create(&config, &ops, &vehicle->link);
    if (err == CT_OK) {
        ct_link_vehicle_use_catalogue(vehicle->link, ct_catalogue_hash(vehicle->config.catalogue));
        ct_link_vehicle_resume(vehicle->link, &vehicle->acked);
        tell_newest(vehicle);
    }
    return err;
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

int ct_load_vehicle_create(const struct ct_load_vehicle_config *config, struct ct_load_vehicle **out_vehicle)
{
    struct ct_load_vehicle *vehicle = calloc(1, sizeof *vehicle);
    if (vehicle == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    vehicle->config = *config;
    vehicle->signals = (uint32_t)ct_catalogue_count(config->catalogue);
    vehicle->batch_at = config->start;
    const uint64_t id[2] = {mixed(config->seed), mixed(~config->seed)};
    memcpy(vehicle->stream_id, id, sizeof vehicle->stream_id);
    memcpy(vehicle->boot_id, id, sizeof vehicle->boot_id);
    ct_plant_init(&vehicle->plant, config->seed);
    const int err = make_link(vehicle);
    if (err != CT_OK) {
        ct_load_vehicle_free(vehicle);
        return err;
    }
    *out_vehicle = vehicle;
    return CT_OK;
}

void ct_load_vehicle_free(struct ct_load_vehicle *vehicle)
{
    if (vehicle != NULL) {
        ct_link_vehicle_free(vehicle->link);
        for (size_t i = 0; i < OUTBOX; i++) {
            free(vehicle->records[i].data);
        }
        free(vehicle);
    }
}

int ct_load_vehicle_restart(struct ct_load_vehicle *vehicle)
{
    ct_link_vehicle_free(vehicle->link);
    vehicle->link = NULL;
    vehicle->boot_id[0]++;
    vehicle->stalled = false;
    return make_link(vehicle);
}

void ct_load_vehicle_receive(struct ct_load_vehicle *vehicle, const uint8_t *data, size_t len, ct_ns now,
                             int64_t utc_ns)
{
    vehicle->now = now;
    vehicle->utc_ns = utc_ns;
    ct_link_vehicle_receive(vehicle->link, data, len, now, utc_ns);
}

ct_ns ct_load_vehicle_tick(struct ct_load_vehicle *vehicle, ct_ns now, int64_t utc_ns)
{
    vehicle->now = now;
    vehicle->utc_ns = utc_ns;
    while (now >= vehicle->batch_at && wants_batch(vehicle)) {
        make_batch(vehicle);
        vehicle->batch_at += vehicle->config.interval;
    }
    if (now >= vehicle->batch_at) { /* held back by the acknowledgements: what was missed is not made up for */
        vehicle->batch_at = now + vehicle->config.interval;
    }
    vehicle->stalled = false;
    ct_ns next = ct_link_vehicle_tick(vehicle->link, now, utc_ns);
    next = wants_batch(vehicle) ? ct_ns_min(next, vehicle->batch_at) : next;
    return vehicle->stalled ? ct_ns_min(next, now + FULL_RETRY) : next;
}

void ct_load_vehicle_finish(struct ct_load_vehicle *vehicle)
{
    vehicle->finished = true;
}

void ct_load_vehicle_stats_get(const struct ct_load_vehicle *vehicle, struct ct_load_vehicle_stats *out_stats)
{
    *out_stats = (struct ct_load_vehicle_stats){.made = vehicle->made,
                                                .acked = vehicle->acked.seq[CT_CLASS_INDEX(CT_CLASS_SAMPLE)],
                                                .commands = vehicle->commands};
    ct_link_vehicle_stats_get(vehicle->link, &out_stats->link);
    memcpy(out_stats->stream_id, vehicle->stream_id, sizeof out_stats->stream_id);
}
