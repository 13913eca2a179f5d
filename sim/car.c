#include "car.h"

#include <stdio.h>
#include <stdlib.h>

struct role {
    const char *node;
    const char *obeys;
    const char *part_number;
    uint32_t request_id, response_id;
    bool fd;
};

static const struct role roles[] = {
    {"ENGINE", NULL, "CT-ECM-2041-B", 0x7E0, 0x7E8, false},
    {"GEARBOX", NULL, "CT-TCM-1107-A", 0x7E1, 0x7E9, false},
    {"BATTERY", NULL, "CT-BMS-0093-C", 0x7E2, 0x7EA, false},
    {"BODY", "BODY_COMMAND", "CT-BCM-3310-D", 0x7E4, 0x7EC, true},
};
enum { ROLE_COUNT = sizeof roles / sizeof roles[0] };

struct ct_car {
    struct ct_plant plant;
    ct_ns start;
    char vin[CT_VIN_LENGTH + 1];
    size_t ecu_count;
    struct ct_ecu *ecus[ROLE_COUNT];
    uint8_t ecu_bus[ROLE_COUNT];
};

static int place_ecu(struct ct_car *car, const struct ct_car_config *config, const struct role *role)
{
    for (size_t bus = 0; bus < config->bus_count; bus++) {
        struct ct_ecu_config ecu = {.node = role->node,
                                    .obeys = role->obeys,
                                    .part_number = role->part_number,
                                    .request_id = role->request_id,
                                    .response_id = role->response_id,
                                    .fd = role->fd,
                                    .bus = (uint8_t)bus,
                                    .dbc = config->buses[bus].dbc,
                                    .codec = config->buses[bus].codec,
                                    .protect = config->buses[bus].protect,
                                    .plant = &car->plant,
                                    .start = config->start};
        (void)snprintf(ecu.vin, sizeof ecu.vin, "%s", car->vin);
        const int err = ct_ecu_create(&ecu, &car->ecus[car->ecu_count]);
        if (err == CT_OK) {
            car->ecu_bus[car->ecu_count++] = (uint8_t)bus;
        }
        if (err != CT_ERR_NOT_FOUND) {
            return err;
        }
    }
    return CT_OK;
}

int ct_car_create(const struct ct_car_config *config, struct ct_car **out_car)
{
    if (config->bus_count == 0 || config->bus_count > CT_CAR_BUS_MAX) {
        return CT_ERR_ARGUMENT;
    }
    struct ct_car *car = calloc(1, sizeof *car);
    if (car == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    ct_plant_init(&car->plant, config->seed);
    car->plant.parked = config->parked;
    car->start = config->start;
    (void)snprintf(car->vin, sizeof car->vin, "WCTZZZ1ZZSA%06u", (unsigned)(config->seed % 1000000));
    int err = CT_OK;
    for (size_t i = 0; i < ROLE_COUNT && err == CT_OK; i++) {
        err = place_ecu(car, config, &roles[i]);
    }
    if (err == CT_OK && car->ecu_count == 0) {
        err = CT_ERR_NOT_FOUND;
    }
    if (err != CT_OK) {
        ct_car_free(car);
        return err;
    }
    *out_car = car;
    return CT_OK;
}

void ct_car_free(struct ct_car *car)
{
    if (car == NULL) {
        return;
    }
    for (size_t i = 0; i < car->ecu_count; i++) {
        ct_ecu_free(car->ecus[i]);
    }
    free(car);
}

void ct_car_receive(struct ct_car *car, const struct ct_frame *frame, ct_ns now)
{
    for (size_t i = 0; i < car->ecu_count; i++) {
        if (car->ecu_bus[i] == frame->bus) {
            ct_ecu_receive(car->ecus[i], frame, now);
        }
    }
}

int ct_car_next_frame(struct ct_car *car, uint8_t bus, struct ct_frame *out_frame, ct_ns now)
{
    for (size_t i = 0; i < car->ecu_count; i++) {
        if (car->ecu_bus[i] != bus) {
            continue;
        }
        const int err = ct_ecu_next_frame(car->ecus[i], out_frame, now);
        if (err != CT_ERR_AGAIN) {
            return err;
        }
    }
    return CT_ERR_AGAIN;
}

ct_ns ct_car_tick(struct ct_car *car, ct_ns now)
{
    ct_plant_advance(&car->plant, now - car->start);
    ct_ns next = car->start + (car->plant.steps + 1) * CT_PLANT_STEP;
    for (size_t i = 0; i < car->ecu_count; i++) {
        next = ct_ns_min(next, ct_ecu_tick(car->ecus[i], now));
    }
    return next;
}

size_t ct_car_ecu_count(const struct ct_car *car)
{
    return car->ecu_count;
}

struct ct_ecu *ct_car_ecu(struct ct_car *car, size_t index)
{
    return car->ecus[index];
}

const char *ct_car_vin(const struct ct_car *car)
{
    return car->vin;
}

const struct ct_plant *ct_car_plant(const struct ct_car *car)
{
    return &car->plant;
}

void ct_car_stats_get(const struct ct_car *car, struct ct_ecu_stats *out_stats)
{
    *out_stats = (struct ct_ecu_stats){0};
    for (size_t i = 0; i < car->ecu_count; i++) {
        struct ct_ecu_stats one;
        ct_ecu_stats_get(car->ecus[i], &one);
        out_stats->sent += one.sent;
        out_stats->diagnostic += one.diagnostic;
        out_stats->requests += one.requests;
        out_stats->commands += one.commands;
        out_stats->refused += one.refused;
        out_stats->skipped += one.skipped;
    }
}
