/* One vehicle of a simulated fleet: a plant of its own, its values as batches, an outbox in memory and the vehicle's
 * half of the link. It makes no batch while OUTBOX records are not acknowledged, so nothing is ever dropped, and value
 * n of CT_LOAD_COUNT is in record n: whoever knows how many were made can check a history. No I/O; time comes in.
 * Belongs to one thread. */
#ifndef CT_SIM_LOAD_VEHICLE_H
#define CT_SIM_LOAD_VEHICLE_H

#include "link_vehicle.h"

#define CT_LOAD_COUNT "Vehicle.Load.Count" /* entry 0 of the catalogue: the record's sequence */

/* Count, then values of the plant, then counters, `signals` in all. */
int ct_load_catalogue(uint32_t signals, struct ct_catalogue **out_catalogue) CT_MUST_CHECK;

struct ct_load_vehicle;

struct ct_load_vehicle_config {
    struct ct_catalogue *catalogue; /* of ct_load_catalogue; outlives the vehicle */
    struct ct_packer *packer;       /* shared; may be NULL */
    bool dense;                     /* batches go dense; needs the packer */
    uint64_t seed;                  /* of the drive, the stream id and the jitter */
    ct_ns interval;                 /* between batches; 0: as fast as they are acknowledged */
    ct_ns start;                    /* of the first batch */
    uint64_t batches;               /* no more than these; 0: no end */
    void *user;
    int (*send)(void *user, const void *data, size_t len);
    void (*reconnect)(void *user);
    void (*acked)(void *user, ct_ns waited, size_t samples); /* one record is durable at the backend */
};

struct ct_load_vehicle_stats {
    struct ct_link_vehicle_stats link;
    uint64_t made, acked; /* batches */
    uint64_t commands;
    uint8_t stream_id[CT_STREAM_ID_SIZE];
};

int ct_load_vehicle_create(const struct ct_load_vehicle_config *config,
                           struct ct_load_vehicle **out_vehicle) CT_MUST_CHECK;
void ct_load_vehicle_free(struct ct_load_vehicle *vehicle); /* accepts NULL */

/* The process on board dies and starts again; the outbox stays, as on a disk. */
int ct_load_vehicle_restart(struct ct_load_vehicle *vehicle) CT_MUST_CHECK;
void ct_load_vehicle_receive(struct ct_load_vehicle *vehicle, const uint8_t *data, size_t len, ct_ns now,
                             int64_t utc_ns);
/* Makes what is due, sends; returns the next deadline. */
ct_ns ct_load_vehicle_tick(struct ct_load_vehicle *vehicle, ct_ns now, int64_t utc_ns);
/* No more batches from now on. */
void ct_load_vehicle_finish(struct ct_load_vehicle *vehicle);
void ct_load_vehicle_stats_get(const struct ct_load_vehicle *vehicle, struct ct_load_vehicle_stats *out_stats);

#endif
