/* A vehicle for tests of the backend, without sockets: link_vehicle over an outbox in memory, a small catalogue,
 * batches whose every value follows from its sequence number, and answers to commands.
 *
 * The outbox outlives toy_vehicle_restart as a disk would. Belongs to one thread. */
#ifndef CT_TESTS_TOY_VEHICLE_H
#define CT_TESTS_TOY_VEHICLE_H

#include "catalogue.h"
#include "envelope.h"
#include "link_vehicle.h"

/* Entries of the catalogue: TOY_SIGNALS raw counters named can0.TOY.SIGNAL_n, then the others. */
#define TOY_SPEED "Vehicle.Speed"                        /* DOUBLE, km/h */
#define TOY_GEAR  "Vehicle.Powertrain.Transmission.Gear" /* RAW with texts */
#define TOY_NAME  "Vehicle.Toy.Name"                     /* STRING */
#define TOY_BEAM  "Vehicle.Body.Lights.Beam.Low.IsOn"    /* actuator, BOOLEAN */

struct toy_vehicle;

struct toy_config {
    const char *vehicle_id;
    uint32_t signals; /* raw counters, at least 1 */
    uint64_t seed;    /* of its stream id */
    /* Where envelopes go, as link_vehicle's send. */
    int (*send)(void *user, const void *data, size_t len);
    void (*reconnect)(void *user); /* may be NULL */
    void *user;
};

struct toy_stats {
    struct ct_link_vehicle_stats link;
    uint64_t batches, samples, commands, executed, refused;
    uint64_t left; /* records not yet acknowledged */
};

struct toy_vehicle *toy_vehicle_create(const struct toy_config *config); /* NULL: out of memory */
void toy_vehicle_free(struct toy_vehicle *toy);                          /* accepts NULL */
/* The process dies and starts again; the outbox stays. False: out of memory. */
bool toy_vehicle_restart(struct toy_vehicle *toy);

/* One batch: counter i gets the raw value toy_value(seq, i). */
int64_t toy_value(uint64_t seq, uint32_t counter);
bool toy_vehicle_batch(struct toy_vehicle *toy, ct_ns now, int64_t utc_ns);
bool toy_vehicle_event(struct toy_vehicle *toy, const char *name, ct_ns now, int64_t utc_ns);
bool toy_vehicle_gap(struct toy_vehicle *toy, uint64_t dropped, ct_ns now, int64_t utc_ns);

void toy_vehicle_receive(struct toy_vehicle *toy, const uint8_t *data, size_t len, ct_ns now, int64_t utc_ns);
ct_ns toy_vehicle_tick(struct toy_vehicle *toy, ct_ns now, int64_t utc_ns);
void toy_vehicle_stats(const struct toy_vehicle *toy, struct toy_stats *out_stats);
const struct ct_catalogue *toy_vehicle_catalogue(const struct toy_vehicle *toy);

#endif
