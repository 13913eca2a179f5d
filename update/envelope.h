/* Signed envelopes: Ed25519 over the bytes as sent, domain-separated, with roles.
 *
 * Input of a signature: domain NUL || u64 little-endian length || payload. Key id: SHA-256(role NUL "ed25519" NUL
 * public key), so that one key has another id in another role. Verification is libsodium's (small-order keys refused).
 * No I/O, no state. Source: design section 10, facts on update trust. */
#ifndef CT_UPDATE_ENVELOPE_H
#define CT_UPDATE_ENVELOPE_H

#include "errors.h"

#include <stddef.h>
#include <stdint.h>

#define CT_SIGN_PUBLIC_SIZE 32
#define CT_SIGN_SECRET_SIZE 64
#define CT_SIGNATURE_SIZE   64
#define CT_KEY_ID_SIZE      32
#define CT_SIGNATURES_MAX   8
#define CT_DOMAIN_COMMAND   "cantwin/command/v1"

enum ct_role { CT_ROLE_DIRECTOR = 1, CT_ROLE_RELEASE = 2, CT_ROLE_ROOT = 3 };
#define CT_ROLE_BIT(role) (1U << (role))

/* A key this vehicle trusts in one role. */
struct ct_trusted_key {
    enum ct_role role;
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE];
    uint8_t key_id[CT_KEY_ID_SIZE]; /* filled by ct_trust_key_init */
};

struct ct_signature {
    uint8_t key_id[CT_KEY_ID_SIZE];
    uint8_t signature[CT_SIGNATURE_SIZE];
};

enum ct_envelope_verdict {
    CT_ENVELOPE_OK,
    CT_ENVELOPE_UNSIGNED,
    CT_ENVELOPE_UNKNOWN_KEY,
    CT_ENVELOPE_BAD_SIGNATURE,
    CT_ENVELOPE_DUPLICATE_KEY,
    CT_ENVELOPE_TOO_MANY,
};

/* Fills *key; the id follows from role and key. */
void ct_trust_key_init(struct ct_trusted_key *key, enum ct_role role, const uint8_t public_key[CT_SIGN_PUBLIC_SIZE]);

void ct_key_id(enum ct_role role, const uint8_t public_key[CT_SIGN_PUBLIC_SIZE], uint8_t out_id[CT_KEY_ID_SIZE]);

/* Every signature given must be good: one bad one refuses all. *out_roles: CT_ROLE_BIT of each role that signed. */
enum ct_envelope_verdict ct_envelope_verify(const char *domain, const uint8_t *payload, size_t len,
                                            const struct ct_signature *signatures, size_t signature_count,
                                            const struct ct_trusted_key *keys, size_t key_count, unsigned *out_roles);

/* As verify; out_signers[i] is the trusted key of signature i. For callers that count signers against a threshold. */
enum ct_envelope_verdict ct_envelope_signers(const char *domain, const uint8_t *payload, size_t len,
                                             const struct ct_signature *signatures, size_t signature_count,
                                             const struct ct_trusted_key *keys, size_t key_count,
                                             const struct ct_trusted_key *out_signers[CT_SIGNATURES_MAX]);

int ct_envelope_sign(const char *domain, const uint8_t *payload, size_t len, enum ct_role role,
                     const uint8_t secret_key[CT_SIGN_SECRET_SIZE], struct ct_signature *out_signature) CT_MUST_CHECK;

int ct_sign_keypair(uint8_t out_public[CT_SIGN_PUBLIC_SIZE], uint8_t out_secret[CT_SIGN_SECRET_SIZE]) CT_MUST_CHECK;

#endif
