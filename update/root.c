#include "root.h"

#include "manifest.h"

#include <sodium.h>

#include <string.h>

static const struct ct_role_keys *keys_of(const struct ct_root *root, enum ct_role role)
{
    return role == CT_ROLE_ROOT ? &root->root : role == CT_ROLE_RELEASE ? &root->release : &root->director;
}

static bool role_valid(const struct ct_role_keys *keys)
{
    if (keys->count > CT_ROLE_KEYS_MAX || keys->threshold == 0 || keys->threshold > keys->count) {
        return false;
    }
    for (size_t i = 0; i < keys->count; i++) {
        if (crypto_core_ed25519_is_valid_point(keys->public_keys[i]) != 1) {
            return false;
        }
    }
    return true;
}

static size_t put_keys(const struct ct_role_keys *keys, enum ct_role role, struct ct_trusted_key *out_keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        ct_trust_key_init(&out_keys[i], role, keys->public_keys[i]);
    }
    return keys->count;
}

size_t ct_root_keys(const struct ct_root *root, struct ct_trusted_key out_keys[CT_ROOT_KEYS_MAX])
{
    size_t count = put_keys(&root->root, CT_ROLE_ROOT, out_keys);
    count += put_keys(&root->release, CT_ROLE_RELEASE, out_keys + count);
    return count + put_keys(&root->director, CT_ROLE_DIRECTOR, out_keys + count);
}

bool ct_root_valid(const struct ct_root *root)
{
    struct ct_trusted_key keys[CT_ROOT_KEYS_MAX];
    if (root->version == 0 || !role_valid(&root->root) || !role_valid(&root->release) || !role_valid(&root->director)) {
        return false;
    }
    const size_t count = ct_root_keys(root, keys);
    for (size_t i = 1; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (memcmp(keys[i].public_key, keys[k].public_key, CT_SIGN_PUBLIC_SIZE) == 0) {
                return false;
            }
        }
    }
    return true;
}

static enum ct_update_verdict of_envelope(enum ct_envelope_verdict verdict)
{
    static const enum ct_update_verdict verdicts[] = {
        [CT_ENVELOPE_OK] = CT_UPDATE_OK,
        [CT_ENVELOPE_UNSIGNED] = CT_UPDATE_THRESHOLD,
        [CT_ENVELOPE_UNKNOWN_KEY] = CT_UPDATE_KEY,
        [CT_ENVELOPE_BAD_SIGNATURE] = CT_UPDATE_SIG,
        [CT_ENVELOPE_DUPLICATE_KEY] = CT_UPDATE_NONUNIQUE,
        [CT_ENVELOPE_TOO_MANY] = CT_UPDATE_TOO_LARGE,
    };
    return verdicts[verdict];
}

enum ct_update_verdict ct_root_check(const struct ct_root *root, enum ct_role role, const char *domain,
                                     const uint8_t *payload, size_t len, const struct ct_signature *signatures,
                                     size_t count)
{
    const struct ct_trusted_key *signers[CT_SIGNATURES_MAX] = {0};
    struct ct_trusted_key keys[CT_ROOT_KEYS_MAX];
    const enum ct_envelope_verdict verdict =
        ct_envelope_signers(domain, payload, len, signatures, count, keys, ct_root_keys(root, keys), signers);
    if (verdict != CT_ENVELOPE_OK) {
        return of_envelope(verdict);
    }
    for (size_t i = 0; i < count; i++) {
        if (signers[i]->role != role) {
            return CT_UPDATE_ROLE;
        }
    }
    return count < keys_of(root, role)->threshold ? CT_UPDATE_THRESHOLD : CT_UPDATE_OK;
}

/* How many of the signatures are by a key that holds ROOT in `root`. */
static size_t signed_by(const struct ct_root *root, const struct ct_signature *signatures, size_t count)
{
    struct ct_trusted_key keys[CT_ROLE_KEYS_MAX];
    const size_t key_count = put_keys(&root->root, CT_ROLE_ROOT, keys);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < key_count; k++) {
            found += memcmp(signatures[i].key_id, keys[k].key_id, CT_KEY_ID_SIZE) == 0 ? 1U : 0U;
        }
    }
    return found;
}

/* The ROOT keys of both, each once. */
static size_t both(const struct ct_root *trusted, const struct ct_root *next,
                   struct ct_trusted_key out_keys[2 * CT_ROLE_KEYS_MAX])
{
    const size_t before = put_keys(&trusted->root, CT_ROLE_ROOT, out_keys);
    struct ct_trusted_key keys[CT_ROLE_KEYS_MAX];
    const size_t after = put_keys(&next->root, CT_ROLE_ROOT, keys);
    size_t count = before;
    for (size_t i = 0; i < after; i++) {
        bool known = false;
        for (size_t k = 0; k < before; k++) {
            known = known || memcmp(keys[i].key_id, out_keys[k].key_id, CT_KEY_ID_SIZE) == 0;
        }
        if (!known) {
            out_keys[count++] = keys[i];
        }
    }
    return count;
}

enum ct_update_verdict ct_root_follows(const struct ct_root *trusted, const struct ct_root *next,
                                       const uint8_t *payload, size_t len, const struct ct_signature *signatures,
                                       size_t count, int64_t utc_ms)
{
    const struct ct_trusted_key *signers[CT_SIGNATURES_MAX] = {0};
    struct ct_trusted_key keys[2 * CT_ROLE_KEYS_MAX];
    if (!ct_root_valid(next) || next->version - 1 != trusted->version || next->expires_utc_ms <= utc_ms) {
        return CT_UPDATE_ROOT;
    }
    const enum ct_envelope_verdict verdict =
        ct_envelope_signers(CT_DOMAIN_ROOT, payload, len, signatures, count, keys, both(trusted, next, keys), signers);
    const bool enough = verdict == CT_ENVELOPE_OK && signed_by(trusted, signatures, count) >= trusted->root.threshold &&
                        signed_by(next, signatures, count) >= next->root.threshold;
    return enough ? CT_UPDATE_OK : CT_UPDATE_ROOT;
}
