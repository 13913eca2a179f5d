/* Signed updates made from fixed seeds: a root with two keys of each of root and release and one director, a release of
 * two parameters of one ECU, a directive for vehicle "v1". Tests change the values and sign again. */
#ifndef CT_TESTS_UPDATE_FIXTURE_H
#define CT_TESTS_UPDATE_FIXTURE_H

#include "update_wire.h"

#define FIXTURE_NOW_MS INT64_C(1700000000000) /* 2023-11-14 */
#define FIXTURE_DAY_MS INT64_C(86400000)

enum fixture_key {
    KEY_ROOT_1,
    KEY_ROOT_2,
    KEY_RELEASE_1,
    KEY_RELEASE_2,
    KEY_DIRECTOR,
    KEY_OTHER_1,
    KEY_OTHER_2,
    KEY_COUNT
};

struct update_fixture {
    uint8_t public_keys[KEY_COUNT][CT_SIGN_PUBLIC_SIZE], secret_keys[KEY_COUNT][CT_SIGN_SECRET_SIZE];
    struct ct_root root;
    struct ct_trust trust;
    struct ct_release release;     /* as it will be signed */
    struct ct_directive directive; /* names the release when it is signed */
    struct ct_buf release_bytes, directive_bytes;
    struct ct_update_parts parts;
    struct ct_update_context context;
    const char *hardware, *software, *serial; /* of every ECU */
    enum ct_update_verdict limit;             /* the local policy says */
    size_t asked;                             /* it, by tests that count */
    /* filled by fixture_verify */
    struct ct_release seen_release;
    struct ct_directive seen_directive;
    const struct ct_trust_seen *known;
};

void fixture_open(struct update_fixture *fixture);
void fixture_close(struct update_fixture *fixture);
/* Encodes both and signs: the release by RELEASE_1 and _2, the directive by DIRECTOR. */
void fixture_sign(struct update_fixture *fixture);
void fixture_sign_part(struct update_fixture *fixture, struct ct_update_part *part, const char *domain,
                       const enum ct_role *roles, const enum fixture_key *keys, size_t count);
enum ct_update_verdict fixture_verify(struct update_fixture *fixture);
enum ct_update_verdict fixture_sign_and_verify(struct update_fixture *fixture);

#endif
