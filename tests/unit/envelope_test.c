/* Ed25519 envelopes against RFC 8032 section 7.1 and the attacks of role and domain confusion. */
#include "bytes.h"
#include "envelope.h"
#include "testing.h"

#include <sodium.h>

#include <string.h>

/* RFC 8032 section 7.1: secret seed, public key, message, signature. */
static const struct {
    const char *seed, *public_key, *message, *signature;
} rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
     "655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
     "b00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
     "c027beceea1ec40a"},
};

static void test_ed25519_rfc8032_vectors_match(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rfc8032 / sizeof rfc8032[0]; i++) {
        /* given */
        uint8_t seed[32], public_key[32], expected_public[32], secret[64], message[4], expected[64], signature[64];
        const size_t len = strlen(rfc8032[i].message) / 2;
        assert_int_equal(ct_hex_decode(seed, rfc8032[i].seed, 32), CT_OK);
        assert_int_equal(ct_hex_decode(expected_public, rfc8032[i].public_key, 32), CT_OK);
        assert_int_equal(ct_hex_decode(message, rfc8032[i].message, len), CT_OK);
        assert_int_equal(ct_hex_decode(expected, rfc8032[i].signature, 64), CT_OK);
        /* when */
        assert_int_equal(crypto_sign_seed_keypair(public_key, secret, seed), 0);
        assert_int_equal(crypto_sign_detached(signature, NULL, message, len, secret), 0);
        /* then */
        assert_memory_equal(public_key, expected_public, 32);
        assert_memory_equal(signature, expected, 64);
    }
}

struct keys {
    uint8_t director_secret[64], release_secret[64];
    struct ct_trusted_key trusted[2];
};

static void make_keys(struct keys *keys)
{
    uint8_t public_key[32];
    assert_int_equal(ct_sign_keypair(public_key, keys->director_secret), CT_OK);
    ct_trust_key_init(&keys->trusted[0], CT_ROLE_DIRECTOR, public_key);
    assert_int_equal(ct_sign_keypair(public_key, keys->release_secret), CT_OK);
    ct_trust_key_init(&keys->trusted[1], CT_ROLE_RELEASE, public_key);
}

static const uint8_t payload[] = "set the lights";

static enum ct_envelope_verdict verify(const struct keys *keys, const struct ct_signature *signatures, size_t count,
                                       unsigned *roles)
{
    return ct_envelope_verify(CT_DOMAIN_COMMAND, payload, sizeof payload, signatures, count, keys->trusted, 2, roles);
}

/* The input's form is the contract with other implementations, so it is built here by hand. */
static void test_envelope_input_built_by_hand_verifies(void **state)
{
    (void)state;
    struct keys keys;
    make_keys(&keys);
    uint8_t input[sizeof CT_DOMAIN_COMMAND + 8 + sizeof payload] = CT_DOMAIN_COMMAND;
    input[sizeof CT_DOMAIN_COMMAND] = sizeof payload;
    memcpy(input + sizeof CT_DOMAIN_COMMAND + 8, payload, sizeof payload);
    struct ct_signature signature;
    crypto_sign_detached(signature.signature, NULL, input, sizeof input, keys.director_secret);
    uint8_t id_input[9 + 8 + 32] = "director\0ed25519\0";
    memcpy(id_input + 17, keys.trusted[0].public_key, 32);
    crypto_hash_sha256(signature.key_id, id_input, sizeof id_input);

    unsigned roles = 0;
    assert_int_equal(verify(&keys, &signature, 1, &roles), CT_ENVELOPE_OK);
    assert_int_equal(roles, CT_ROLE_BIT(CT_ROLE_DIRECTOR));
}

static void test_envelope_two_roles_both_reported(void **state)
{
    (void)state;
    struct keys keys;
    make_keys(&keys);
    struct ct_signature s[2];
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_DIRECTOR, keys.director_secret, &s[0]),
        CT_OK);
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_RELEASE, keys.release_secret, &s[1]),
        CT_OK);
    unsigned roles = 0;
    assert_int_equal(verify(&keys, s, 2, &roles), CT_ENVELOPE_OK);
    assert_int_equal(roles, CT_ROLE_BIT(CT_ROLE_DIRECTOR) | CT_ROLE_BIT(CT_ROLE_RELEASE));
}

static void test_envelope_every_flipped_bit_refused(void **state)
{
    (void)state;
    struct keys keys;
    make_keys(&keys);
    struct ct_signature good;
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_DIRECTOR, keys.director_secret, &good),
        CT_OK);
    unsigned roles = 77;
    for (size_t bit = 0; bit < sizeof payload * 8; bit++) {
        uint8_t bad[sizeof payload];
        memcpy(bad, payload, sizeof payload);
        bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(ct_envelope_verify(CT_DOMAIN_COMMAND, bad, sizeof bad, &good, 1, keys.trusted, 2, &roles),
                         CT_ENVELOPE_BAD_SIGNATURE);
    }
    for (size_t bit = 0; bit < sizeof good * 8; bit++) {
        struct ct_signature bad = good;
        uint8_t *bytes = bit < 256 ? bad.key_id : bad.signature;
        bytes[bit % 256 / 8 + (bit >= 512 ? 32 : 0)] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(verify(&keys, &bad, 1, &roles),
                         bit < 256 ? CT_ENVELOPE_UNKNOWN_KEY : CT_ENVELOPE_BAD_SIGNATURE);
    }
    assert_int_equal(roles, 77);
}

static void test_envelope_attacks_refused(void **state)
{
    (void)state;
    struct keys keys;
    make_keys(&keys);
    struct ct_signature s[CT_SIGNATURES_MAX + 1];
    unsigned roles = 0;
    assert_int_equal(verify(&keys, NULL, 0, &roles), CT_ENVELOPE_UNSIGNED);
    assert_int_equal(verify(&keys, s, CT_SIGNATURES_MAX + 1, &roles), CT_ENVELOPE_TOO_MANY);

    /* the director's key in the release role has another id, which nobody trusts */
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_RELEASE, keys.director_secret, &s[0]),
        CT_OK);
    assert_int_equal(verify(&keys, s, 1, &roles), CT_ENVELOPE_UNKNOWN_KEY);

    /* the same signer twice, and once good once bad */
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_DIRECTOR, keys.director_secret, &s[0]),
        CT_OK);
    s[1] = s[0];
    assert_int_equal(verify(&keys, s, 2, &roles), CT_ENVELOPE_DUPLICATE_KEY);
    assert_int_equal(
        ct_envelope_sign(CT_DOMAIN_COMMAND, payload, sizeof payload, CT_ROLE_RELEASE, keys.release_secret, &s[1]),
        CT_OK);
    s[1].signature[5] ^= 1;
    assert_int_equal(verify(&keys, s, 2, &roles), CT_ENVELOPE_BAD_SIGNATURE);

    /* a signature made for another domain */
    assert_int_equal(ct_envelope_sign("cantwin/param-manifest/v1", payload, sizeof payload, CT_ROLE_DIRECTOR,
                                      keys.director_secret, &s[0]),
                     CT_OK);
    assert_int_equal(verify(&keys, s, 1, &roles), CT_ENVELOPE_BAD_SIGNATURE);

    /* a small-order public key with the trivial signature that OpenSSL would take */
    const uint8_t small_order[32] = {1};
    struct ct_trusted_key weak;
    ct_trust_key_init(&weak, CT_ROLE_DIRECTOR, small_order);
    memset(&s[0], 0, sizeof s[0]);
    s[0].signature[0] = 1;
    memcpy(s[0].key_id, weak.key_id, 32);
    assert_int_equal(ct_envelope_verify(CT_DOMAIN_COMMAND, payload, sizeof payload, s, 1, &weak, 1, &roles),
                     CT_ENVELOPE_BAD_SIGNATURE);
    assert_int_equal(roles, 0);
}

int main(void)
{
    if (sodium_init() < 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ed25519_rfc8032_vectors_match),
        cmocka_unit_test(test_envelope_input_built_by_hand_verifies),
        cmocka_unit_test(test_envelope_two_roles_both_reported),
        cmocka_unit_test(test_envelope_every_flipped_bit_refused),
        cmocka_unit_test(test_envelope_attacks_refused),
    };
    return cmocka_run_group_tests_name("envelope", tests, NULL, NULL);
}
