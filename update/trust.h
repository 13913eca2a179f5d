/* What a vehicle remembers about updates: the keys it trusts, what it must never go below, what it has decided and
 * which set is on it. Plain values; the bytes are kept by trust_file.h. Pure; thread-safe. Source: facts on update
 * trust 1.5 (trust store, time). */
#ifndef CT_UPDATE_TRUST_H
#define CT_UPDATE_TRUST_H

#include "manifest.h"
#include "root.h"

#define CT_TRUST_LINES_MAX 64  /* lines of sets (set_id); the counter of a line is never forgotten: more is refused */
#define CT_TRUST_SEEN_MAX  256 /* updates begun or refused for good; the oldest is forgotten for a new one */
#define CT_TRUST_BYTES_MAX 65536

/* A clock further ahead of the floor is not trusted. */
#define CT_TRUST_HORIZON_MS (INT64_C(3653) * 24 * 3600 * 1000)

struct ct_trust_line {
    char set_id[CT_UPDATE_NAME_MAX + 1];
    uint32_t counter; /* highest that was committed or began to be applied */
};

struct ct_trust_seen {
    uint8_t update_id[CT_UPDATE_ID_SIZE];
    uint8_t directive_hash[CT_UPDATE_HASH_SIZE]; /* SHA-256 of the directive's bytes */
    uint8_t state;                               /* enum ct_update_state: begun, or final */
    uint8_t verdict;                             /* enum ct_update_verdict */
};

struct ct_trust {
    struct ct_root root;
    uint64_t director_seq;     /* highest that was begun or refused for good */
    int64_t time_floor_utc_ms; /* newest verified time */
    struct ct_trust_line lines[CT_TRUST_LINES_MAX];
    size_t line_count;
    struct ct_trust_seen seen[CT_TRUST_SEEN_MAX]; /* oldest first */
    size_t seen_count;
    char set_id[CT_UPDATE_NAME_MAX + 1]; /* applied now; "": none */
    uint32_t counter;
    uint8_t set_hash[CT_UPDATE_HASH_SIZE]; /* zeros: none */
    bool locked;                           /* a rollback has failed: nothing is written any more */
    bool journal_lost; /* what is on the ECUs is not known: nothing is written until the backend says */
};

/* The first root comes with the vehicle (configuration), unsigned by any before it. CT_ERR_ARGUMENT: not valid. */
int ct_trust_init(struct ct_trust *trust, const struct ct_root *first, int64_t build_utc_ms) CT_MUST_CHECK;

/* After ct_root_follows said OK. */
void ct_trust_take_root(struct ct_trust *trust, const struct ct_root *next);

const struct ct_trust_seen *ct_trust_find(const struct ct_trust *trust, const uint8_t update_id[CT_UPDATE_ID_SIZE]);
/* Notes or changes what became of an update. */
void ct_trust_note(struct ct_trust *trust, const struct ct_trust_seen *seen);
uint32_t ct_trust_line(const struct ct_trust *trust, const char *set_id); /* 0: not known */
/* Raises a line; CT_ERR_FULL. */
int ct_trust_raise_line(struct ct_trust *trust, const char *set_id, uint32_t counter) CT_MUST_CHECK;
void ct_trust_raise_time(struct ct_trust *trust, int64_t utc_ms); /* never falls */

/* The time to judge by: never below the floor. False: it is not to be trusted (not set, or too far ahead). */
bool ct_trust_time(const struct ct_trust *trust, bool time_known, int64_t utc_ms, int64_t *out_utc_ms);

/* Bytes of a store with its generation (a CRC-32C ends them), and back: CT_ERR_CORRUPT, CT_ERR_UNSUPPORTED (another
 * version's), CT_ERR_TRUNCATED. */
int ct_trust_encode(const struct ct_trust *trust, uint64_t generation, uint8_t out[CT_TRUST_BYTES_MAX],
                    size_t *out_len) CT_MUST_CHECK;
int ct_trust_decode(const uint8_t *data, size_t len, struct ct_trust *out_trust,
                    uint64_t *out_generation) CT_MUST_CHECK;

#endif
