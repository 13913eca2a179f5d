/* Which keys hold which role, and how that changes: each root names the keys and thresholds of all three roles, and the
 * next one, exactly one version higher, is signed by the thresholds of both. Pure; plain values.
 * Source: facts on update trust 1.1 and 1.5; The Update Framework 1.0.33, 5.3. */
#ifndef CT_UPDATE_ROOT_H
#define CT_UPDATE_ROOT_H

#include "envelope.h"
#include "update_verdict.h"

#include <stdbool.h>

#define CT_ROLE_KEYS_MAX CT_SIGNATURES_MAX /* of one role; so many can sign at once */
#define CT_ROOT_KEYS_MAX (3 * CT_ROLE_KEYS_MAX)

struct ct_role_keys {
    uint32_t threshold;
    size_t count;
    uint8_t public_keys[CT_ROLE_KEYS_MAX][CT_SIGN_PUBLIC_SIZE];
};

struct ct_root {
    uint32_t version;
    int64_t expires_utc_ms;
    struct ct_role_keys root, release, director;
    bool reset_director; /* the floor of directives starts again with this root */
};

/* Thresholds within 1 .. number of keys, keys that are points of the main subgroup, none twice in any two roles. */
bool ct_root_valid(const struct ct_root *root);

/* `next` as read from `payload`, whose signatures are given, after `trusted`: OK or ROOT. What is not valid, not one
 * version higher, not signed by both thresholds or expired at `utc_ms` is refused. */
enum ct_update_verdict ct_root_follows(const struct ct_root *trusted, const struct ct_root *next,
                                       const uint8_t *payload, size_t len, const struct ct_signature *signatures,
                                       size_t count, int64_t utc_ms);

/* The keys of all roles, with their ids; returns how many. */
size_t ct_root_keys(const struct ct_root *root, struct ct_trusted_key out_keys[CT_ROOT_KEYS_MAX]);

/* The signatures of `role` over a payload: OK when every one is good, each of another key of that role, and there are
 * as many as its threshold; else KEY, ROLE, NONUNIQUE, SIG or THRESHOLD. */
enum ct_update_verdict ct_root_check(const struct ct_root *root, enum ct_role role, const char *domain,
                                     const uint8_t *payload, size_t len, const struct ct_signature *signatures,
                                     size_t count);

#endif
