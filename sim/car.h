/* One simulated car: a plant and its ECUs on one or more buses. An ECU lives on the first bus whose DBC lets its node
 * send. Frames and time in, frames and the next deadline out; no I/O; belongs to one thread. */
#ifndef CT_SIM_CAR_H
#define CT_SIM_CAR_H

#include "ecu.h"

#define CT_CAR_BUS_MAX 8

struct ct_car_bus {
    const struct ct_dbc *dbc; /* these outlive the car */
    const struct ct_codec *codec;
    const struct ct_protect *protect; /* as both; NULL: no message is protected */
};

struct ct_car_config {
    uint64_t seed; /* of the plant, and the serial number in the VIN */
    bool parked;   /* the engine runs, the car stands */
    const struct ct_car_bus *buses;
    size_t bus_count;
    ct_ns start;
};

struct ct_car;
/* CT_ERR_NOT_FOUND when no ECU finds its messages in any DBC. */
int ct_car_create(const struct ct_car_config *config, struct ct_car **out_car) CT_MUST_CHECK;
void ct_car_free(struct ct_car *car); /* accepts NULL */

/* A frame somebody else sent; frame->bus says where. */
void ct_car_receive(struct ct_car *car, const struct ct_frame *frame, ct_ns now);
/* The next frame due on a bus; CT_ERR_AGAIN when none. Ask only when the bus can take it. */
int ct_car_next_frame(struct ct_car *car, uint8_t bus, struct ct_frame *out_frame, ct_ns now) CT_MUST_CHECK;
/* Moves the plant on and runs timers; returns the next deadline. */
ct_ns ct_car_tick(struct ct_car *car, ct_ns now);

size_t ct_car_ecu_count(const struct ct_car *car);
struct ct_ecu *ct_car_ecu(struct ct_car *car, size_t index);
const char *ct_car_vin(const struct ct_car *car);
const struct ct_plant *ct_car_plant(const struct ct_car *car);
void ct_car_stats_get(const struct ct_car *car, struct ct_ecu_stats *out_stats); /* sum over the ECUs */

#endif
