/* The backend's vehicles: who they are, their live twin, their open chunk, and what of it is stored.
 *
 * A vehicle's checkpoint is one moment at which its open chunk was packed and its twin stored in the same transaction.
 * What came after it is only in memory and in the ingest log: open_from is the log offset of the first such record, so
 * that a restart replays exactly from there. catalogue_from is the same for a catalogue whose parts have not all come.
 * Belongs to one thread (folder). */
#ifndef CT_FLEET_REGISTRY_H
#define CT_FLEET_REGISTRY_H

#include "catalogues.h"
#include "chunk.h"
#include "command.h"
#include "database.h"
#include "positions.h"
#include "twin.h"

#define CT_SOFTWARE_MAX 64
#define CT_NOT_OPEN     UINT64_MAX

struct ct_branch {
    char *name; /* first two segments of its entries' names */
    uint64_t revision;
};

#define CT_LABEL_MAX 64
#define CT_TAGS_MAX  512 /* all tags of a vehicle as one text */

/* What people say about a vehicle; empty: nothing. See labels.h. */
struct ct_vehicle_labels {
    char group[CT_LABEL_MAX + 1], model[CT_LABEL_MAX + 1], tags[CT_TAGS_MAX + 1];
};

struct ct_vehicle {
    int64_t row;
    char id[CT_VEHICLE_ID_MAX + 1];
    char software[CT_SOFTWARE_MAX + 1];
    struct ct_vehicle_labels labels;
    bool connected;
    bool retry_commands;  /* the link could not take a command: all go again at the next sweep */
    bool offer_due;       /* updates wait to be offered */
    unsigned chunks_left; /* of updates, until the next sweep */
    int64_t last_seen_utc_ms;
    int64_t
        applied_utc_ms; /* when the newest applied record was received; 0: none, or in an earlier life of the store */

    struct ct_twin *twin; /* NULL before the first catalogue */
    size_t signals;       /* entries ever seen */
    uint64_t revision;    /* rises with every change that is published, over restarts too */
    struct ct_branch *branches;
    size_t branch_count;
    uint32_t *entry_branch; /* by entry id */

    struct ct_chunk chunk;
    struct ct_catalogue *chunk_catalogue; /* of the set; NULL while the chunk is empty */
    uint64_t open_from;
    ct_ns opened_ns;
    struct ct_catalogue_reader *reader; /* NULL unless parts are being collected */
    uint64_t catalogue_from;
    struct ct_stream_positions positions;
    /* open_from and catalogue_from as an earlier run left them */
    uint64_t replay_from, catalogue_replay_from;
    bool replay_damaged; /* of what stood there not all could be read */
    bool dirty;          /* its row differs from what is stored */

    unsigned watchers;                 /* SSE clients */
    bool touched;                      /* changed since the last publication */
    bool unjudged;                     /* changed since the alert rules last looked */
    struct ct_rule_state *rule_states; /* alerts.h; NULL before one was looked at */
    ct_ns streamed_ns;
};

struct ct_registry;

/* revision_base: where revisions begin after this start, beyond all of earlier runs. */
int ct_registry_open(struct ct_database *database, struct ct_catalogues *catalogues, uint64_t revision_base,
                     struct ct_registry **out_registry) CT_MUST_CHECK;
void ct_registry_close(struct ct_registry *registry); /* accepts NULL */

struct ct_vehicle *ct_registry_find(const struct ct_registry *registry, const char *id);
struct ct_vehicle *ct_registry_by_row(const struct ct_registry *registry, int64_t row);
/* Finds or makes it (in the open transaction); NULL when that failed. */
struct ct_vehicle *ct_registry_get(struct ct_registry *registry, const char *id);

/* Vehicles in order of their first appearance; pointers stay valid. */
size_t ct_registry_count(const struct ct_registry *registry);
struct ct_vehicle *ct_registry_at(const struct ct_registry *registry, size_t index);

/* Makes the twin one of this catalogue, values carried over. */
int ct_vehicle_use_catalogue(struct ct_registry *registry, struct ct_vehicle *vehicle,
                             struct ct_catalogue *catalogue) CT_MUST_CHECK;

/* Puts a sample (t_ns: UTC) into the twin when it is not older than what is there. */
int ct_vehicle_put(struct ct_vehicle *vehicle, const struct ct_sample *sample, ct_ns now) CT_MUST_CHECK;

/* Stores the row with its positions; with the twin at a checkpoint. */
int ct_registry_store(struct ct_registry *registry, struct ct_vehicle *vehicle, bool checkpoint) CT_MUST_CHECK;

#endif
