/* A toy vehicle, the backend's ingest, its log and its folder, joined by queues and one clock that the test turns. */
#ifndef CT_TESTS_FLEET_WORLD_H
#define CT_TESTS_FLEET_WORLD_H

#include "api.h"
#include "folder.h"
#include "ingest.h"
#include "toy_vehicle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define WORLD_VEHICLE "toy-1"
#define WORLD_QUEUE   256

struct world_message {
    uint8_t *data;
    size_t len;
};

struct world_queue {
    struct world_message messages[WORLD_QUEUE];
    size_t first, count;
};

struct world {
    char path[64], database[96], log_folder[96];
    ct_ns now;
    int64_t utc_ns;
    struct toy_vehicle *toy;
    struct world_queue to_fleet, to_vehicle;
    bool full;           /* the transport to the vehicle: takes nothing now */
    bool retry_due;      /* the link could not send a command; the folder hears of it at the next turn */
    bool cut;            /* the network: everything sent is lost */
    const char *speaker; /* whose key the vehicle's connection has: WORLD_VEHICLE, if nothing else is said */
    struct ct_ingest_log *log;
    struct ct_ingest *ingest;
    struct ct_folder *folder;
    struct ct_folder_config config;
    uint8_t director_public[CT_SIGN_PUBLIC_SIZE], director_secret[CT_SIGN_SECRET_SIZE];
    /* what the backend told the outside */
    unsigned published, streamed_twins, streamed_commands;
    uint64_t published_revision;
};

struct world *world_open(uint32_t signals);
void world_close(struct world *world); /* also deletes its files */

void world_start_fleet(struct world *world);
void world_stop_fleet(struct world *world);
/* As kill -9 would: nothing is stored, nothing is synced, what was under way is lost. */
void world_kill_fleet(struct world *world);
void world_cut_power(struct world *world); /* and what was not synced is gone */

/* One turn: time passes, messages travel, the backend receives, syncs (unless told not to) and folds. */
void world_turn(struct world *world, ct_ns by);
void world_turn_without_sync(struct world *world, ct_ns by);
/* Turns until the vehicle has nothing left to send, or fails. */
void world_settle(struct world *world);

struct ct_moment world_moment(const struct world *world);

/* An API call; *out_body is the caller's to free(). */
int world_get(struct world *world, const char *path, const char *name, const char *value, char **out_body);
int world_send(struct world *world, enum ct_api_method method, const char *path, const char *body, char **out_body);

/* Fails unless the stored history of counter `counter` is exactly the batches seq_first..seq_last. */
void world_assert_history(struct world *world, uint32_t counter, uint64_t seq_first, uint64_t seq_last);

#endif
