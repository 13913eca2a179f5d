#include "envelope.h"

#include "bytes.h"

#include <sodium.h>

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(CT_SIGN_PUBLIC_SIZE == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(CT_SIGN_SECRET_SIZE == crypto_sign_SECRETKEYBYTES, "Ed25519 secret key");
_Static_assert(CT_SIGNATURE_SIZE == crypto_sign_BYTES, "Ed25519 signature");
_Static_assert(CT_KEY_ID_SIZE == crypto_hash_sha256_BYTES, "key id");

#define ALGORITHM "ed25519"

static const char *role_name(enum ct_role role)
{
    return role == CT_ROLE_ROOT ? "root" : role == CT_ROLE_RELEASE ? "release" : "director";
}

void ct_key_id(enum ct_role role, const uint8_t public_key[CT_SIGN_PUBLIC_SIZE], uint8_t out_id[CT_KEY_ID_SIZE])
{
    const char *name = role_name(role);
    crypto_hash_sha256_state state;
    (void)crypto_hash_sha256_init(&state);
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)name, strlen(name) + 1);
    (void)crypto_hash_sha256_update(&state, (const unsigned char *)ALGORITHM, sizeof ALGORITHM);
    (void)crypto_hash_sha256_update(&state, public_key, CT_SIGN_PUBLIC_SIZE);
    (void)crypto_hash_sha256_final(&state, out_id);
}

void ct_trust_key_init(struct ct_trusted_key *key, enum ct_role role, const uint8_t public_key[CT_SIGN_PUBLIC_SIZE])
{
    key->role = role;
    memcpy(key->public_key, public_key, CT_SIGN_PUBLIC_SIZE);
    ct_key_id(role, public_key, key->key_id);
}

/* domain NUL || u64 little-endian length || payload; the caller frees. NULL: no memory. */
static uint8_t *signature_input(const char *domain, const uint8_t *payload, size_t len, size_t *out_len)
{
    const size_t domain_len = strlen(domain) + 1;
    uint8_t *input = malloc(domain_len + 8 + len);
    if (input == NULL) {
        return NULL;
    }
    memcpy(input, domain, domain_len);
    ct_put_le64(input + domain_len, len);
    if (len > 0) {
        memcpy(input + domain_len + 8, payload, len);
    }
    *out_len = domain_len + 8 + len;
    return input;
}

static const struct ct_trusted_key *find_key(const struct ct_trusted_key *keys, size_t count,
                                             const uint8_t id[CT_KEY_ID_SIZE])
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(keys[i].key_id, id, CT_KEY_ID_SIZE) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* One key signs once, also when it is trusted in two roles under two ids. */
static enum ct_envelope_verdict find_keys(const struct ct_signature *signatures, size_t count,
                                          const struct ct_trusted_key *keys, size_t key_count,
                                          const struct ct_trusted_key *signers[CT_SIGNATURES_MAX])
{
    for (size_t i = 0; i < count; i++) {
        signers[i] = find_key(keys, key_count, signatures[i].key_id);
        if (signers[i] == NULL) {
            return CT_ENVELOPE_UNKNOWN_KEY;
        }
        for (size_t k = 0; k < i; k++) {
            if (memcmp(signers[k]->public_key, signers[i]->public_key, CT_SIGN_PUBLIC_SIZE) == 0) {
                return CT_ENVELOPE_DUPLICATE_KEY;
            }
        }
    }
    return CT_ENVELOPE_OK;
}

static bool all_good(const uint8_t *input, size_t len, const struct ct_signature *signatures, size_t count,
                     const struct ct_trusted_key *const signers[CT_SIGNATURES_MAX])
{
    for (size_t i = 0; i < count; i++) {
        if (crypto_sign_verify_detached(signatures[i].signature, input, len, signers[i]->public_key) != 0) {
            return false;
        }
    }
    return true;
}

enum ct_envelope_verdict ct_envelope_signers(const char *domain, const uint8_t *payload, size_t len,
                                             const struct ct_signature *signatures, size_t signature_count,
                                             const struct ct_trusted_key *keys, size_t key_count,
                                             const struct ct_trusted_key *out_signers[CT_SIGNATURES_MAX])
{
    if (signature_count == 0) {
        return CT_ENVELOPE_UNSIGNED;
    }
    if (signature_count > CT_SIGNATURES_MAX) {
        return CT_ENVELOPE_TOO_MANY;
    }
    const enum ct_envelope_verdict verdict = find_keys(signatures, signature_count, keys, key_count, out_signers);
    if (verdict != CT_ENVELOPE_OK) {
        return verdict;
    }
    size_t input_len;
    uint8_t *input = signature_input(domain, payload, len, &input_len);
    if (input == NULL || sodium_init() < 0) { /* what cannot be checked is not good */
        free(input);
        return CT_ENVELOPE_BAD_SIGNATURE;
    }
    const bool good = all_good(input, input_len, signatures, signature_count, out_signers);
    free(input);
    return good ? CT_ENVELOPE_OK : CT_ENVELOPE_BAD_SIGNATURE;
}

enum ct_envelope_verdict ct_envelope_verify(const char *domain, const uint8_t *payload, size_t len,
                                            const struct ct_signature *signatures, size_t signature_count,
                                            const struct ct_trusted_key *keys, size_t key_count, unsigned *out_roles)
{
    const struct ct_trusted_key *signers[CT_SIGNATURES_MAX] = {0};
    const enum ct_envelope_verdict verdict =
        ct_envelope_signers(domain, payload, len, signatures, signature_count, keys, key_count, signers);
    unsigned roles = 0;
    for (size_t i = 0; verdict == CT_ENVELOPE_OK && i < signature_count; i++) {
        roles |= CT_ROLE_BIT((unsigned)signers[i]->role);
    }
    if (verdict == CT_ENVELOPE_OK) {
        *out_roles = roles;
    }
    return verdict;
}

int ct_envelope_sign(const char *domain, const uint8_t *payload, size_t len, enum ct_role role,
                     const uint8_t secret_key[CT_SIGN_SECRET_SIZE], struct ct_signature *out_signature)
{
    uint8_t public_key[CT_SIGN_PUBLIC_SIZE];
    if (sodium_init() < 0 || crypto_sign_ed25519_sk_to_pk(public_key, secret_key) != 0) {
        return CT_ERR_ARGUMENT;
    }
    size_t input_len;
    uint8_t *input = signature_input(domain, payload, len, &input_len);
    if (input == NULL) {
        return CT_ERR_NO_MEMORY;
    }
    (void)crypto_sign_detached(out_signature->signature, NULL, input, input_len, secret_key);
    ct_key_id(role, public_key, out_signature->key_id);
    free(input);
    return CT_OK;
}

int ct_sign_keypair(uint8_t out_public[CT_SIGN_PUBLIC_SIZE], uint8_t out_secret[CT_SIGN_SECRET_SIZE])
{
    if (sodium_init() < 0) {
        return CT_ERR_IO;
    }
    return crypto_sign_keypair(out_public, out_secret) == 0 ? CT_OK : CT_ERR_IO;
}
