/* Attacks on signed updates, numbered and with the verdicts of the table in the facts on update trust, 1.6. */
#include "bytes.h"
#include "testing.h"
#include "update_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_fixture(void **state)
{
    struct update_fixture *fixture = malloc(sizeof *fixture);
    assert_non_null(fixture);
    fixture_open(fixture);
    *state = fixture;
    return 0;
}

static int close_fixture(void **state)
{
    fixture_close(*state);
    free(*state);
    return 0;
}

static void test_update_good_is_accepted_as_it_was_meant(void **state)
{
    struct update_fixture *f = *state;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
    assert_null(f->known);
    assert_string_equal(f->seen_release.set_id, "brakes-eu");
    assert_int_equal(f->seen_release.parameter_count, 2);
    assert_true(ct_parameter_physical(&f->seen_release.parameters[0], f->seen_release.parameters[0].raw, 2) == 800);
    assert_int_equal(f->seen_directive.seq, 10);
}

/* All bits of what is signed, of the signatures and of the key ids. */
static void flip_all(struct update_fixture *f, uint8_t *bytes, size_t len, enum ct_update_verdict expected)
{
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(fixture_verify(f), expected);
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void test_attack_01_any_bit_flipped_is_refused(void **state)
{
    struct update_fixture *f = *state;
    fixture_sign(f);
    flip_all(f, f->release_bytes.data, f->release_bytes.len, CT_UPDATE_SIG);
    flip_all(f, f->directive_bytes.data, f->directive_bytes.len, CT_UPDATE_SIG);
    for (size_t i = 0; i < 2; i++) {
        flip_all(f, f->parts.release.signatures[i].signature, CT_SIGNATURE_SIZE, CT_UPDATE_SIG);
        flip_all(f, f->parts.release.signatures[i].key_id, CT_KEY_ID_SIZE, CT_UPDATE_KEY);
    }
    flip_all(f, f->parts.directive.signatures[0].signature, CT_SIGNATURE_SIZE, CT_UPDATE_SIG);
    flip_all(f, f->parts.directive.signatures[0].key_id, CT_KEY_ID_SIZE, CT_UPDATE_KEY);
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
}

static void test_attack_02_unsigned_or_too_few_is_refused(void **state)
{
    struct update_fixture *f = *state;
    fixture_sign(f);
    f->parts.release.signature_count = 1;
    assert_int_equal(fixture_verify(f), CT_UPDATE_THRESHOLD);
    f->parts.release.signature_count = 0;
    assert_int_equal(fixture_verify(f), CT_UPDATE_THRESHOLD);
    f->parts.release.signature_count = 2;
    f->parts.directive.signature_count = 0;
    assert_int_equal(fixture_verify(f), CT_UPDATE_THRESHOLD);
    f->root.release.threshold = 0;
    assert_false(ct_root_valid(&f->root));
    f->root.release.threshold = 3; /* of two keys */
    assert_false(ct_root_valid(&f->root));
}

static void test_attack_03_one_key_does_not_count_twice(void **state)
{
    static const enum ct_role roles[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE};
    static const enum fixture_key same[] = {KEY_RELEASE_1, KEY_RELEASE_1};
    struct update_fixture *f = *state;
    fixture_sign(f);
    fixture_sign_part(f, &f->parts.release, CT_DOMAIN_RELEASE, roles, same, 2);
    assert_int_equal(fixture_verify(f), CT_UPDATE_NONUNIQUE);
    /* under two ids: in two roles, or twice in one */
    struct ct_root root = f->root;
    memcpy(root.director.public_keys[0], root.release.public_keys[0], CT_SIGN_PUBLIC_SIZE);
    assert_false(ct_root_valid(&root));
    root = f->root;
    memcpy(root.release.public_keys[1], root.release.public_keys[0], CT_SIGN_PUBLIC_SIZE);
    assert_false(ct_root_valid(&root));
}

static void test_attack_04_a_key_of_another_role_is_refused(void **state)
{
    static const enum ct_role as_director[] = {CT_ROLE_RELEASE, CT_ROLE_DIRECTOR}, as_release[] = {CT_ROLE_RELEASE};
    static const enum ct_role as_claimed[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE};
    static const enum fixture_key keys[] = {KEY_RELEASE_1, KEY_DIRECTOR}, release[] = {KEY_RELEASE_1};
    struct update_fixture *f = *state;
    fixture_sign(f);
    fixture_sign_part(f, &f->parts.release, CT_DOMAIN_RELEASE, as_director, keys, 2);
    assert_int_equal(fixture_verify(f), CT_UPDATE_ROLE);
    fixture_sign_part(f, &f->parts.release, CT_DOMAIN_RELEASE, as_claimed, keys, 2); /* its id names the role */
    assert_int_equal(fixture_verify(f), CT_UPDATE_KEY);
    fixture_sign(f);
    fixture_sign_part(f, &f->parts.directive, CT_DOMAIN_DIRECTIVE, as_release, release, 1);
    assert_int_equal(fixture_verify(f), CT_UPDATE_ROLE);
}

static void test_attack_05_a_signature_for_another_purpose_is_refused(void **state)
{
    static const enum ct_role roles[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE}, director[] = {CT_ROLE_DIRECTOR};
    static const enum fixture_key keys[] = {KEY_RELEASE_1, KEY_RELEASE_2}, director_keys[] = {KEY_DIRECTOR};
    static const char *const others[] = {CT_DOMAIN_DIRECTIVE, CT_DOMAIN_COMMAND, CT_DOMAIN_ROOT, ""};
    struct update_fixture *f = *state;
    fixture_sign(f);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        fixture_sign_part(f, &f->parts.release, others[i], roles, keys, 2);
        assert_int_equal(fixture_verify(f), CT_UPDATE_SIG);
    }
    fixture_sign(f);
    fixture_sign_part(f, &f->parts.directive, CT_DOMAIN_COMMAND, director, director_keys, 1);
    assert_int_equal(fixture_verify(f), CT_UPDATE_SIG);
}

/* The points of small order of edwards25519 in their encodings (libsodium's list of what it refuses, as public facts of
 * the curve: order 1, 2, 4, 8), one that is none of the curve, one that is not canonical (p + 1 for y = 1). */
static void test_attack_06_keys_of_small_order_make_no_root(void **state)
{
    static const char *const keys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0200000000000000000000000000000000000000000000000000000000000000",
    };
    struct update_fixture *f = *state;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        struct ct_root root = f->root;
        assert_int_equal(ct_hex_decode(root.director.public_keys[0], keys[i], CT_SIGN_PUBLIC_SIZE), CT_OK);
        assert_false(ct_root_valid(&root));
    }
}

static void test_attack_07_an_older_release_is_refused(void **state)
{
    struct update_fixture *f = *state;
    assert_int_equal(ct_trust_raise_line(&f->trust, "brakes-eu", 6), CT_OK);
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_ROLLBACK);
    f->directive.rollback = true; /* the director alone cannot */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_ROLLBACK);
    f->release.rollback_counter = 7; /* back from another one */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_ROLLBACK);
    f->release.rollback_counter = 6;
    f->directive.rollback = false; /* nor the release alone */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_ROLLBACK);
    f->directive.rollback = true;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
}

static void test_attack_08_an_old_directive_is_refused(void **state)
{
    struct update_fixture *f = *state;
    f->trust.director_seq = 10;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_REPLAY);
    f->directive.update_id[0] ^= 1; /* equal sequence, new id */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_REPLAY);
    f->directive.seq = 9;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_REPLAY);
    f->directive.seq = 11;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
}

static void test_attack_09_what_is_held_back_expires(void **state)
{
    struct update_fixture *f = *state;
    fixture_sign(f);
    f->context.utc_ms = f->directive.expires_utc_ms - 1;
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
    f->context.utc_ms = f->directive.expires_utc_ms;
    assert_int_equal(fixture_verify(f), CT_UPDATE_EXPIRED);
    f->directive.expires_utc_ms = f->directive.issued_utc_ms + 7 * FIXTURE_DAY_MS + 1; /* nobody may sign for longer */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_PARSE);
}

/* A thief of the director's key uses up all sequences: root rotation with a new director starts them again. */
static void sign_root(struct update_fixture *f, const struct ct_root *root, struct ct_buf *bytes,
                      struct ct_update_part *part, const enum fixture_key *keys, size_t count)
{
    static const enum ct_role roles[] = {CT_ROLE_ROOT, CT_ROLE_ROOT, CT_ROLE_ROOT, CT_ROLE_ROOT};
    ct_buf_clear(bytes);
    assert_int_equal(ct_root_encode(root, bytes), CT_OK);
    part->payload = bytes->data;
    part->len = bytes->len;
    fixture_sign_part(f, part, CT_DOMAIN_ROOT, roles, keys, count);
}

static enum ct_update_verdict follows(struct update_fixture *f, const struct ct_root *root,
                                      const enum fixture_key *keys, size_t count)
{
    struct ct_buf bytes;
    struct ct_update_part part = {0};
    struct ct_root read;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    sign_root(f, root, &bytes, &part, keys, count);
    assert_int_equal(ct_root_decode(part.payload, part.len, &read), CT_OK);
    const enum ct_update_verdict verdict = ct_root_follows(&f->trust.root, &read, part.payload, part.len,
                                                           part.signatures, part.signature_count, f->context.utc_ms);
    ct_buf_free(&bytes);
    return verdict;
}

static void test_attack_10_a_sequence_used_up_is_given_back_by_a_new_root(void **state)
{
    static const enum fixture_key old_keys[] = {KEY_ROOT_1, KEY_ROOT_2};
    struct update_fixture *f = *state;
    f->directive.seq = UINT64_MAX;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
    f->trust.director_seq = UINT64_MAX; /* as whoever applies it notes */
    f->directive.update_id[0] ^= 1;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_REPLAY);
    struct ct_root next = f->root;
    next.version = 2;
    next.reset_director = true;
    memcpy(next.director.public_keys[0], f->public_keys[KEY_OTHER_1], CT_SIGN_PUBLIC_SIZE);
    assert_int_equal(follows(f, &next, old_keys, 2), CT_UPDATE_OK);
    ct_trust_take_root(&f->trust, &next);
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_KEY); /* the thief's */
    static const enum ct_role director[] = {CT_ROLE_DIRECTOR};
    static const enum fixture_key fresh[] = {KEY_OTHER_1};
    f->directive.seq = 1;
    fixture_sign(f);
    fixture_sign_part(f, &f->parts.directive, CT_DOMAIN_DIRECTIVE, director, fresh, 1);
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
}

static void test_attack_11_another_vehicle_or_ecu_is_refused(void **state)
{
    struct update_fixture *f = *state;
    (void)snprintf(f->directive.vehicle_id, sizeof f->directive.vehicle_id, "v2");
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_TARGET);
    f->directive.vehicle_id[0] = 0;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_PARSE);
    (void)snprintf(f->directive.vehicle_id, sizeof f->directive.vehicle_id, "v1");
    (void)snprintf(f->directive.ecu_serial, sizeof f->directive.ecu_serial, "SN-2");
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_TARGET);
    f->serial = NULL; /* it has not said */
    assert_int_equal(fixture_verify(f), CT_UPDATE_TARGET);
    f->serial = "SN-2";
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
}

static void test_attack_12_what_does_not_fit_is_refused(void **state)
{
    static const struct {
        const char *software;
        enum ct_update_verdict verdict;
    } versions[] = {{"1.8", CT_UPDATE_COMPAT},  {"1.9", CT_UPDATE_OK},        {"1.12", CT_UPDATE_OK},
                    {"1.13", CT_UPDATE_COMPAT}, {"1.12.1", CT_UPDATE_COMPAT}, {"1", CT_UPDATE_COMPAT},
                    {"", CT_UPDATE_COMPAT},     {NULL, CT_UPDATE_COMPAT},     {"1.010", CT_UPDATE_OK},
                    {"2.10", CT_UPDATE_COMPAT}};
    struct update_fixture *f = *state;
    fixture_sign(f);
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++) {
        f->software = versions[i].software;
        assert_int_equal(fixture_verify(f), versions[i].verdict);
    }
    f->software = "1.10";
    f->hardware = "HW-8";
    assert_int_equal(fixture_verify(f), CT_UPDATE_COMPAT);
    f->hardware = NULL;
    assert_int_equal(fixture_verify(f), CT_UPDATE_COMPAT);
    f->hardware = "HW-7";
    f->release.decoder_asked = true;
    f->release.decoder_hash[0] = 1;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_COMPAT);
    f->context.decoder_hash[0] = 1;
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
}

static void test_attack_13_parts_of_two_updates_do_not_mix(void **state)
{
    struct update_fixture *f = *state;
    fixture_sign(f);
    const struct ct_update_part directive = f->parts.directive;
    uint8_t copy[512];
    assert_true(directive.len <= sizeof copy);
    memcpy(copy, directive.payload, directive.len);
    f->release.counter = 6; /* another valid release */
    fixture_sign(f);
    f->parts.directive = directive;
    f->parts.directive.payload = copy;
    assert_int_equal(fixture_verify(f), CT_UPDATE_MISMATCH);
    f->trust.set_hash[31] = 1; /* the vehicle has another set than the one it replaces */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_BASE);
    f->release.base_set_hash[31] = 1;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
}

static void test_attack_14_the_local_policy_decides_last(void **state)
{
    struct update_fixture *f = *state;
    f->limit = CT_UPDATE_POLICY;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_POLICY);
}

static void test_attack_15_values_outside_their_own_bounds_are_refused(void **state)
{
    const double numbers[] = {(double)NAN, (double)INFINITY, -(double)INFINITY, -0.0, -0.001, 1000.5, 1e300};
    static const int64_t integers[] = {-1, 2001, 65535, 65536, INT64_MIN, INT64_MAX}; /* times 0.5: at most 1000 */
    struct update_fixture *f = *state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        ct_parameter_set_number(&f->release.parameters[1], numbers[i]);
        assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_VALUE);
    }
    ct_parameter_set_number(&f->release.parameters[1], 1000);
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++) {
        ct_parameter_set_integer(&f->release.parameters[0], integers[i]);
        assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_VALUE);
    }
    ct_parameter_set_integer(&f->release.parameters[0], 2000);
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
    f->release.parameters[0].type = CT_PARAMETER_INT32; /* INT_MIN is a number of the type, outside the bounds */
    ct_parameter_set_integer(&f->release.parameters[0], INT32_MIN);
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_VALUE);
}

static void test_attack_16_lies_about_size_end_at_the_limits(void **state)
{
    struct update_fixture *f = *state;
    uint8_t *large = calloc(1, CT_UPDATE_ENVELOPE_MAX + 1);
    struct ct_update_parts parts;
    assert_non_null(large);
    assert_int_equal(ct_update_envelope_split(large, CT_UPDATE_ENVELOPE_MAX + 1, &parts), CT_ERR_TOO_LARGE);
    static const uint8_t lie[] = {0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f}; /* field 1, 4 GiB long */
    assert_int_not_equal(ct_update_envelope_split(lie, sizeof lie, &parts), CT_OK);
    fixture_sign(f);
    f->parts.release.signature_count = CT_SIGNATURES_MAX + 1;
    assert_int_equal(fixture_verify(f), CT_UPDATE_TOO_LARGE);
    f->parts.release.signature_count = 2;
    f->parts.release.len = CT_UPDATE_ENVELOPE_MAX;
    assert_int_equal(fixture_verify(f), CT_UPDATE_TOO_LARGE);
    free(large);
}

/* 257 parameters where 256 are allowed; the same two bytes of a parameter a million times do not fit the envelope. */
static void test_attack_16_more_parameters_than_allowed_are_refused(void **state)
{
    struct update_fixture *f = *state;
    struct ct_buf bytes;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    assert_int_equal(ct_release_encode(&f->release, &bytes), CT_OK);
    const size_t len = bytes.len;
    for (size_t i = 0; i < 256; i++) {
        ct_buf_append(&bytes, "\x4a\x00", 2); /* field 9, empty */
    }
    assert_int_equal(ct_release_decode(bytes.data, bytes.len, &f->seen_release), CT_ERR_TOO_LARGE);
    assert_int_equal(ct_release_decode(bytes.data, len, &f->seen_release), CT_OK);
    ct_buf_free(&bytes);
}

static void append_and_decode(struct update_fixture *f, const char *more, size_t len)
{
    struct ct_buf bytes;
    ct_buf_init(&bytes, CT_UPDATE_ENVELOPE_MAX);
    assert_int_equal(ct_release_encode(&f->release, &bytes), CT_OK);
    ct_buf_append(&bytes, more, len);
    assert_int_not_equal(ct_release_decode(bytes.data, bytes.len, &f->seen_release), CT_OK);
    ct_buf_free(&bytes);
}

static void test_attack_17_duplicate_unknown_and_trailing_fields_are_refused(void **state)
{
    struct update_fixture *f = *state;
    append_and_decode(f, "\x18\x09", 2);                 /* counter again */
    append_and_decode(f, "\x12\x01x", 3);                /* set_id again */
    append_and_decode(f, "\xf8\x01\x01", 3);             /* field 31 is not known */
    append_and_decode(f, "\x00", 1);                     /* trailing */
    append_and_decode(f, "\x7a", 1);                     /* a field cut off */
    append_and_decode(f, "\x78\xff\xff\xff\xff\x1f", 6); /* rollback_counter wider than 32 bits */
    struct ct_buf envelope;
    struct ct_update_parts parts;
    ct_buf_init(&envelope, CT_UPDATE_ENVELOPE_MAX);
    fixture_sign(f);
    assert_int_equal(ct_update_envelope_join(&f->parts, &envelope), CT_OK);
    assert_int_equal(ct_update_envelope_split(envelope.data, envelope.len, &parts), CT_OK);
    assert_int_equal(parts.release.len, f->parts.release.len);
    assert_memory_equal(parts.directive.payload, f->parts.directive.payload, parts.directive.len);
    ct_buf_append(&envelope, "\x0a\x00", 2); /* two releases */
    assert_int_not_equal(ct_update_envelope_split(envelope.data, envelope.len, &parts), CT_OK);
    ct_buf_free(&envelope);
}

static void test_attack_21_the_clock_is_not_believed_alone(void **state)
{
    struct update_fixture *f = *state;
    fixture_sign(f);
    f->context.utc_ms = 0; /* 1970 */
    assert_int_equal(fixture_verify(f), CT_UPDATE_DEFER_NO_TIME);
    f->context.utc_ms = FIXTURE_NOW_MS;
    f->context.time_known = false;
    assert_int_equal(fixture_verify(f), CT_UPDATE_DEFER_NO_TIME);
    f->context.time_known = true;
    f->context.utc_ms = FIXTURE_NOW_MS + 20 * 365 * FIXTURE_DAY_MS; /* far ahead: by that clock it has expired */
    assert_int_equal(fixture_verify(f), CT_UPDATE_EXPIRED);
    f->directive.not_before_utc_ms = FIXTURE_NOW_MS + 1;
    f->context.utc_ms = FIXTURE_NOW_MS;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_NOT_BEFORE);
    ct_trust_raise_time(&f->trust, f->directive.expires_utc_ms); /* verified time says: over */
    assert_int_equal(fixture_verify(f), CT_UPDATE_EXPIRED);      /* also with the clock set back */
    ct_trust_raise_time(&f->trust, 0);
    assert_int_equal(f->trust.time_floor_utc_ms, f->directive.expires_utc_ms);
}

static void test_attack_22_23_it_is_judged_again_before_it_is_applied(void **state)
{
    static const enum fixture_key old_keys[] = {KEY_ROOT_1, KEY_ROOT_2};
    struct update_fixture *f = *state;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
    f->context.utc_ms = f->directive.expires_utc_ms;
    assert_int_equal(fixture_verify(f), CT_UPDATE_EXPIRED);
    f->context.utc_ms = FIXTURE_NOW_MS;
    struct ct_root next = f->root;
    next.version = 2;
    memcpy(next.release.public_keys[1], f->public_keys[KEY_OTHER_1], CT_SIGN_PUBLIC_SIZE); /* RELEASE_2 is revoked */
    assert_int_equal(follows(f, &next, old_keys, 2), CT_UPDATE_OK);
    ct_trust_take_root(&f->trust, &next);
    assert_int_equal(fixture_verify(f), CT_UPDATE_KEY);
    f->context.utc_ms = f->root.expires_utc_ms;
    f->directive.issued_utc_ms = f->context.utc_ms - 1;
    f->directive.expires_utc_ms = f->context.utc_ms + 1000;
    f->release.expires_utc_ms = f->context.utc_ms + 1000;
    f->trust.root = f->root;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_EXPIRED); /* so has the root */
}

static void test_attack_34_the_same_update_gives_the_stored_result(void **state)
{
    struct update_fixture *f = *state;
    struct ct_trust_seen seen = {.state = CT_UPDATE_STATE_COMMITTED, .verdict = CT_UPDATE_OK};
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_OK);
    memcpy(seen.update_id, f->directive.update_id, CT_UPDATE_ID_SIZE);
    ct_update_sha256(f->parts.directive.payload, f->parts.directive.len, seen.directive_hash);
    ct_trust_note(&f->trust, &seen);
    f->trust.director_seq = f->directive.seq;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
        assert_non_null(f->known);
        assert_int_equal(f->known->state, CT_UPDATE_STATE_COMMITTED);
    }
    f->directive.seq = 11; /* other content under the same id */
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_ID_REUSE);
}

static void test_attack_33_29_nothing_is_taken_while_writes_are_locked(void **state)
{
    struct update_fixture *f = *state;
    f->trust.locked = true;
    assert_int_equal(fixture_sign_and_verify(f), CT_UPDATE_LOCKED);
    f->trust.locked = false;
    f->trust.journal_lost = true;
    assert_int_equal(fixture_verify(f), CT_UPDATE_JOURNAL_LOST);
}

static void test_attack_37_roots_that_do_not_follow_are_refused(void **state)
{
    static const enum fixture_key old_keys[] = {KEY_ROOT_1, KEY_ROOT_2}, new_keys[] = {KEY_OTHER_1, KEY_OTHER_2};
    static const enum fixture_key all[] = {KEY_ROOT_1, KEY_ROOT_2, KEY_OTHER_1, KEY_OTHER_2};
    static const enum fixture_key three[] = {KEY_ROOT_1, KEY_OTHER_1, KEY_OTHER_2};
    struct update_fixture *f = *state;
    struct ct_root next = f->root;
    next.version = 2;
    memcpy(next.root.public_keys[0], f->public_keys[KEY_OTHER_1], CT_SIGN_PUBLIC_SIZE);
    memcpy(next.root.public_keys[1], f->public_keys[KEY_OTHER_2], CT_SIGN_PUBLIC_SIZE);
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_OK);
    assert_int_equal(follows(f, &next, old_keys, 2), CT_UPDATE_ROOT);
    assert_int_equal(follows(f, &next, new_keys, 2), CT_UPDATE_ROOT);
    assert_int_equal(follows(f, &next, three, 3), CT_UPDATE_ROOT); /* one of the old two */
    next.version = 3;
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_ROOT);
    next.version = 1;
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_ROOT);
    next.version = 2;
    next.expires_utc_ms = f->context.utc_ms;
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_ROOT);
    next.expires_utc_ms++;
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_OK);
    next.director.threshold = 0;
    assert_int_equal(follows(f, &next, all, 4), CT_UPDATE_ROOT);
}

/* Twenty hostile ones among fifty: each good one is taken, no other. */
static void test_attack_37_a_chain_of_fifty_roots(void **state)
{
    static const enum fixture_key keys[] = {KEY_ROOT_1, KEY_ROOT_2}, one[] = {KEY_ROOT_1};
    struct update_fixture *f = *state;
    for (uint32_t version = 2; version <= 51; version++) {
        struct ct_root next = f->trust.root;
        next.version = version;
        if (version % 5 < 2) {
            struct ct_root hostile = next;
            hostile.version += version % 2 + 1;
            assert_int_equal(follows(f, &hostile, keys, 2), CT_UPDATE_ROOT);
            assert_int_equal(follows(f, &next, one, 1), CT_UPDATE_ROOT);
        }
        assert_int_equal(follows(f, &next, keys, 2), CT_UPDATE_OK);
        ct_trust_take_root(&f->trust, &next);
    }
    assert_int_equal(f->trust.root.version, 51);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_fixture, close_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_update_good_is_accepted_as_it_was_meant),
        TEST(test_attack_01_any_bit_flipped_is_refused),
        TEST(test_attack_02_unsigned_or_too_few_is_refused),
        TEST(test_attack_03_one_key_does_not_count_twice),
        TEST(test_attack_04_a_key_of_another_role_is_refused),
        TEST(test_attack_05_a_signature_for_another_purpose_is_refused),
        TEST(test_attack_06_keys_of_small_order_make_no_root),
        TEST(test_attack_07_an_older_release_is_refused),
        TEST(test_attack_08_an_old_directive_is_refused),
        TEST(test_attack_09_what_is_held_back_expires),
        TEST(test_attack_10_a_sequence_used_up_is_given_back_by_a_new_root),
        TEST(test_attack_11_another_vehicle_or_ecu_is_refused),
        TEST(test_attack_12_what_does_not_fit_is_refused),
        TEST(test_attack_13_parts_of_two_updates_do_not_mix),
        TEST(test_attack_14_the_local_policy_decides_last),
        TEST(test_attack_15_values_outside_their_own_bounds_are_refused),
        TEST(test_attack_16_lies_about_size_end_at_the_limits),
        TEST(test_attack_16_more_parameters_than_allowed_are_refused),
        TEST(test_attack_17_duplicate_unknown_and_trailing_fields_are_refused),
        TEST(test_attack_21_the_clock_is_not_believed_alone),
        TEST(test_attack_22_23_it_is_judged_again_before_it_is_applied),
        TEST(test_attack_33_29_nothing_is_taken_while_writes_are_locked),
        TEST(test_attack_34_the_same_update_gives_the_stored_result),
        TEST(test_attack_37_roots_that_do_not_follow_are_refused),
        TEST(test_attack_37_a_chain_of_fifty_roots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
