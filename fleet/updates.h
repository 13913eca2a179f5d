/* Each vehicle's updates: directives made and signed for releases of the update store, what the vehicle says of them,
 * and what it has: set, root, heads of its audit log.
 *
 * The director's key says only "this vehicle, this release, until then"; what the release holds other keys have signed.
 * An update's envelope is put together when it is asked for, always to the same bytes. Writes belong to the database's
 * open transaction. Adapter (files). Belongs to one thread (folder). */
#ifndef CT_FLEET_UPDATES_H
#define CT_FLEET_UPDATES_H

#include "rollout.h"
#include "update_store.h"

#define CT_UPDATE_OFFERED     0                      /* states beside enum ct_update_state, which the vehicle reports */
#define CT_UPDATE_NO_ANSWER   9                      /* expired, and the vehicle did not say what became of it */
#define CT_UPDATE_GIVEN_UP_MS (3600 * INT64_C(1000)) /* behind its expiry */

struct ct_updates;

int ct_updates_open(struct ct_database *database, const uint8_t director_secret[CT_SIGN_SECRET_SIZE],
                    struct ct_updates **out_updates) CT_MUST_CHECK;
void ct_updates_close(struct ct_updates *updates); /* accepts NULL */

struct ct_update_order {
    int64_t vehicle_row, rollout;
    const char *vehicle_id;
    const uint8_t *release_sha256;
    size_t release_len; /* of the release's own bytes */
    bool confirm, rollback;
    int64_t utc_ms, expires_utc_ms; /* at most CT_UPDATE_LIFETIME_MS apart */
};
/* Signs the directive and stores it. CT_ERR_RANGE: the vehicle knows a sequence behind which no other comes (a thief of
 * the director's key: a root that resets it helps). */
int ct_updates_issue(struct ct_updates *updates, const struct ct_update_order *order,
                     uint8_t out_id[CT_UPDATE_ID_SIZE]) CT_MUST_CHECK;
/* Whether a root lets this backend's key direct. */
bool ct_updates_may_direct(const struct ct_updates *updates, const struct ct_root *root);

/* What a status changed. */
struct ct_update_news {
    bool known;        /* an update of this vehicle */
    bool changed;      /* its state, verdict or step */
    bool chain_broken; /* the vehicle's audit log is not the one whose head was reported before */
    int64_t rollout;
    enum ct_place_state place;
};
int ct_updates_status(struct ct_updates *updates, int64_t vehicle_row, const struct ct_update_status *status,
                      int64_t utc_ms, struct ct_update_news *out_news) CT_MUST_CHECK;
/* Of what expired long ago without a final status: one at a time; CT_ERR_NOT_FOUND when there is no more. */
int ct_updates_give_up(struct ct_updates *updates, int64_t utc_ms, int64_t *out_vehicle_row,
                       struct ct_update_news *out_news) CT_MUST_CHECK;

/* Offers that the vehicle has not answered, of rollouts that run, as serialised UpdateOffer. Not CT_OK from `fn` ends
 * it. */
int ct_updates_offers(struct ct_updates *updates, struct ct_update_store *store, int64_t vehicle_row, int64_t utc_ms,
                      int (*fn)(void *user, const uint8_t *offer, size_t len), void *user) CT_MUST_CHECK;
/* The chunk that is wanted, appended as serialised UpdateChunk. CT_ERR_NOT_FOUND: not this vehicle's, not to be served
 * now, or no such bytes. */
int ct_updates_chunk(struct ct_updates *updates, struct ct_update_store *store, int64_t vehicle_row,
                     const struct ct_update_wanted *wanted, int64_t utc_ms, struct ct_buf *out) CT_MUST_CHECK;

/* One update with its release and rollout; NULL texts and hashes: nothing was reported. */
struct ct_update_row {
    const uint8_t *id, *release_sha256;
    int64_t vehicle_row, rollout, seq, issued_utc_ms, expires_utc_ms, changed_utc_ms;
    int state, verdict, nrc;
    uint32_t step, steps;
    const char *text, *rxswin;
    const uint8_t *set_before, *set_after; /* CT_UPDATE_HASH_SIZE bytes */
    const char *set_id, *signers, *uploaded_by, *started_by, *notice;
    int64_t counter;
};
typedef int (*ct_update_row_fn)(void *user, const struct ct_update_row *row);
/* Newest first, of one vehicle (0: of all) and of one rollout (0: of all). Texts and bytes live during the callback. */
int ct_updates_list(struct ct_updates *updates, int64_t vehicle_row, int64_t rollout, size_t limit, ct_update_row_fn fn,
                    void *user) CT_MUST_CHECK;
int ct_updates_history(struct ct_updates *updates, const uint8_t id[CT_UPDATE_ID_SIZE],
                       int (*fn)(void *user, int state, int verdict, int64_t utc_ms, const char *text),
                       void *user) CT_MUST_CHECK;

/* What a vehicle has said that it has. */
struct ct_vehicle_set {
    char set_id[CT_UPDATE_NAME_MAX + 1];
    char rxswin[CT_UPDATE_TEXT_MAX];
    int64_t counter, root_version, director_seq, utc_ms;
    bool has_hash, audit_broken;
    uint8_t set_hash[CT_UPDATE_HASH_SIZE];
};
/* CT_ERR_NOT_FOUND: it never said. */
int ct_updates_set(struct ct_updates *updates, int64_t vehicle_row, struct ct_vehicle_set *out_set) CT_MUST_CHECK;
/* Heads of the vehicle's audit log, oldest first: what a copy of the log must hold. */
int ct_updates_heads(struct ct_updates *updates, int64_t vehicle_row,
                     int (*fn)(void *user, int64_t count, const uint8_t *head, int64_t utc_ms),
                     void *user) CT_MUST_CHECK;

const char *ct_updates_state_text(int state); /* never NULL */

#endif
