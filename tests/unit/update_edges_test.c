/* The edges of update/: versions, numbers, records out of order, damaged bundles. Expected values are written down
 * here. */
#include "bytes.h"
#include "testing.h"
#include "update_bundle.h"
#include "update_fixture.h"
#include "update_journal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ versions, numbers */

static void test_version_is_compared_number_by_number(void **state)
{
    static const struct {
        const char *less, *more;
    } pairs[] = {{"", "1"},    {"1.9", "1.10"}, {"1.9", "2"},     {"1", "1.0"}, {"9", "10"},      {"1.a", "1.b"},
                 {"a1", "a2"}, {"1.2", "1.x"},  {"1.2a", "1.2b"}, {"1", "1a"},  {"1.09", "1.10"}, {"v1.9", "v1.10"}};
    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        assert_true(ct_version_compare(pairs[i].less, pairs[i].more) < 0);
        assert_true(ct_version_compare(pairs[i].more, pairs[i].less) > 0);
        assert_int_equal(ct_version_compare(pairs[i].less, pairs[i].less), 0);
    }
    assert_int_equal(ct_version_compare("1.010.0", "01.10.00"), 0);
}

static void test_parameter_numbers_are_stored_as_their_type(void **state)
{
    static const struct {
        enum ct_parameter_type type;
        int64_t least, most;
        const char *least_bytes, *most_bytes; /* big-endian */
    } rows[] = {
        {CT_PARAMETER_UINT8, 0, 255, "00", "ff"},
        {CT_PARAMETER_UINT16, 0, 65535, "0000", "ffff"},
        {CT_PARAMETER_UINT32, 0, INT64_C(4294967295), "00000000", "ffffffff"},
        {CT_PARAMETER_INT8, -128, 127, "80", "7f"},
        {CT_PARAMETER_INT16, -32768, 32767, "8000", "7fff"},
        {CT_PARAMETER_INT32, -INT64_C(2147483648), 2147483647, "80000000", "7fffffff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int k = 0; k < 2; k++) {
            struct ct_parameter p = {.type = rows[i].type, .factor = 1};
            uint8_t bytes[4];
            const char *hex = k == 0 ? rows[i].least_bytes : rows[i].most_bytes;
            const int64_t value = k == 0 ? rows[i].least : rows[i].most;
            ct_parameter_set_integer(&p, value);
            assert_int_equal(p.raw_len, strlen(hex) / 2);
            assert_int_equal(ct_hex_decode(bytes, hex, p.raw_len), CT_OK);
            assert_memory_equal(p.raw, bytes, p.raw_len);
            assert_true(ct_parameter_stored(&p, p.raw, p.raw_len) == (double)value);
            assert_true(isnan(ct_parameter_stored(&p, p.raw, p.raw_len + 1U)));
            ct_parameter_set_integer(&p, k == 0 ? value - 1 : value + 1);
            assert_int_equal(p.raw_len, 0);
            ct_parameter_set_number(&p, 1);
            assert_int_equal(p.raw_len, 0);
        }
    }
}

/* IEEE 754: 1.5 is 3FC00000 and 3FF8000000000000. */
static void test_parameter_floats_are_stored_in_either_order(void **state)
{
    static const uint8_t single[] = {0x3F, 0xC0, 0, 0}, twice[] = {0x3F, 0xF8, 0, 0, 0, 0, 0, 0},
                         turned[] = {0, 0, 0xC0, 0x3F};
    struct ct_parameter p = {.type = CT_PARAMETER_FLOAT32, .factor = 2, .offset = -1};
    (void)state;
    ct_parameter_set_number(&p, 1.5);
    assert_memory_equal(p.raw, single, sizeof single);
    assert_true(ct_parameter_physical(&p, p.raw, 4) == 2);
    p.little_endian = true;
    ct_parameter_set_number(&p, 1.5);
    assert_memory_equal(p.raw, turned, sizeof turned);
    assert_true(ct_parameter_stored(&p, p.raw, 4) == 1.5);
    p.little_endian = false;
    p.type = CT_PARAMETER_FLOAT64;
    ct_parameter_set_number(&p, 1.5);
    assert_memory_equal(p.raw, twice, sizeof twice);
    assert_true(ct_parameter_stored(&p, p.raw, 8) == 1.5);
    ct_parameter_set_integer(&p, 1);
    assert_int_equal(p.raw_len, 0);
    p.type = CT_PARAMETER_TEXT;
    ct_parameter_set_integer(&p, 1);
    assert_int_equal(p.raw_len, 0);
    assert_true(isnan(ct_parameter_stored(&p, single, 4)));
}

static void test_parameter_read_back_may_differ_by_its_tolerance(void **state)
{
    struct ct_parameter p = {.type = CT_PARAMETER_UINT8, .factor = 0.5, .tolerance = 1};
    (void)state;
    ct_parameter_set_integer(&p, 100);
    assert_true(ct_parameter_same(&p, (const uint8_t[]){100}, 1));
    assert_true(ct_parameter_same(&p, (const uint8_t[]){98}, 1));
    assert_true(ct_parameter_same(&p, (const uint8_t[]){102}, 1));
    assert_false(ct_parameter_same(&p, (const uint8_t[]){97}, 1));
    assert_false(ct_parameter_same(&p, (const uint8_t[]){103}, 1));
    assert_false(ct_parameter_same(&p, (const uint8_t[]){0, 100}, 2));
    p.type = CT_PARAMETER_BYTES;
    assert_false(ct_parameter_same(&p, (const uint8_t[]){101}, 1));
}

static void test_set_hash_sorts_by_ecu_place_and_address(void **state)
{
    struct ct_parameter p[5] = {
        {.ecu = "a", .place = CT_PLACE_DID, .did = 1},
        {.ecu = "a", .place = CT_PLACE_DID, .did = 2},
        {.ecu = "a", .place = CT_PLACE_MEMORY, .memory_address = 1, .type = CT_PARAMETER_BLOB},
        {.ecu = "b", .place = CT_PLACE_DID, .did = 0},
        {.ecu = "gateway", .place = CT_PLACE_OWN, .own = "dbc/can0", .type = CT_PARAMETER_BLOB}};
    struct ct_parameter turned[5];
    uint8_t hash[2][CT_UPDATE_HASH_SIZE];
    (void)state;
    ct_set_hash(p, 5, hash[0]);
    for (size_t shift = 0; shift < 5; shift++) {
        for (size_t i = 0; i < 5; i++) {
            turned[i] = p[(5 - i + shift) % 5];
        }
        ct_set_hash(turned, 5, hash[1]);
        assert_memory_equal(hash[0], hash[1], CT_UPDATE_HASH_SIZE);
    }
    (void)snprintf(p[4].own, sizeof p[4].own, "dbc/can1");
    ct_set_hash(p, 5, hash[1]);
    assert_memory_not_equal(hash[0], hash[1], CT_UPDATE_HASH_SIZE);
    p[1] = p[4]; /* two of its own, by name; and the same place twice does not hang it */
    (void)snprintf(p[1].own, sizeof p[1].own, "routes");
    p[0] = p[3];
    ct_set_hash(p, 5, hash[1]);
}

static void test_values_that_are_no_numbers_have_no_bounds(void **state)
{
    struct ct_parameter p = {.type = CT_PARAMETER_TEXT, .raw = "x", .raw_len = 1};
    (void)state;
    assert_int_equal(ct_update_check_value(&p), CT_UPDATE_OK);
    p.raw_len = 0;
    assert_int_equal(ct_update_check_value(&p), CT_UPDATE_VALUE);
    p.type = CT_PARAMETER_BLOB;
    assert_int_equal(ct_update_check_value(&p), CT_UPDATE_OK);
}

/* ------------------------------------------------------------------------------------------------ verify */

static void test_verify_targets_may_ask_for_less(void **state)
{
    struct update_fixture f;
    (void)state;
    fixture_open(&f);
    struct ct_update_target *target = &f.release.targets[0];
    target->software_max[0] = 0;
    f.software = "99";
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    f.software = "1.8";
    assert_int_equal(fixture_verify(&f), CT_UPDATE_COMPAT);
    target->software_min[0] = 0;
    (void)snprintf(target->software_max, sizeof target->software_max, "1.12");
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    target->software_max[0] = 0;
    target->hardware_count = 0;
    f.software = f.hardware = NULL;
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    target->hardware_count = 2;
    (void)snprintf(target->hardware[1], sizeof target->hardware[1], "HW-8");
    f.hardware = "HW-8";
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    f.hardware = "HW-7";
    assert_int_equal(fixture_verify(&f), CT_UPDATE_OK);
    ct_parameter_set_integer(&f.release.parameters[0], 0); /* at the lower bound, and no negative zero */
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    f.directive.seq = 12;
    f.release.expires_utc_ms = FIXTURE_NOW_MS; /* the release has expired, its directive has not */
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_EXPIRED);
    f.release.expires_utc_ms = FIXTURE_NOW_MS + 1;
    fixture_sign(&f);
    f.directive.release_len++; /* the hash is right, the length is not */
    static const enum ct_role director[] = {CT_ROLE_DIRECTOR};
    static const enum fixture_key keys[] = {KEY_DIRECTOR};
    ct_buf_clear(&f.directive_bytes);
    assert_int_equal(ct_directive_encode(&f.directive, &f.directive_bytes), CT_OK);
    f.parts.directive.payload = f.directive_bytes.data;
    f.parts.directive.len = f.directive_bytes.len;
    fixture_sign_part(&f, &f.parts.directive, CT_DOMAIN_DIRECTIVE, director, keys, 1);
    assert_int_equal(fixture_verify(&f), CT_UPDATE_MISMATCH);
    fixture_close(&f);
}

/* The policy is asked about every parameter, once, in their order. */
static enum ct_update_verdict count_asked(void *user, const struct ct_parameter *parameter)
{
    struct update_fixture *f = user;
    assert_string_equal(parameter->name, f->release.parameters[f->asked].name);
    f->asked++;
    return CT_UPDATE_OK;
}

static void test_verify_asks_the_policy_about_each_parameter(void **state)
{
    struct update_fixture f;
    (void)state;
    fixture_open(&f);
    f.context.limit = count_asked;
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    assert_int_equal(f.asked, 2);
    ct_parameter_set_integer(&f.release.parameters[0], 3000); /* the first one's value is looked at */
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_VALUE);
    ct_parameter_set_integer(&f.release.parameters[0], 3);
    f.directive.not_before_utc_ms = FIXTURE_NOW_MS; /* now is not before */
    f.asked = 0;
    assert_int_equal(fixture_sign_and_verify(&f), CT_UPDATE_OK);
    fixture_close(&f);
}

static void test_verify_good_signature_over_what_is_no_release_is_a_parse_error(void **state)
{
    static const enum ct_role roles[] = {CT_ROLE_RELEASE, CT_ROLE_RELEASE}, director[] = {CT_ROLE_DIRECTOR};
    static const enum fixture_key keys[] = {KEY_RELEASE_1, KEY_RELEASE_2}, director_keys[] = {KEY_DIRECTOR};
    static const uint8_t junk[] = {0x08, 0x02};
    struct update_fixture f;
    (void)state;
    fixture_open(&f);
    fixture_sign(&f);
    f.parts.directive.payload = junk;
    f.parts.directive.len = sizeof junk;
    fixture_sign_part(&f, &f.parts.directive, CT_DOMAIN_DIRECTIVE, director, director_keys, 1);
    assert_int_equal(fixture_verify(&f), CT_UPDATE_PARSE);
    f.parts.release.payload = junk;
    f.parts.release.len = sizeof junk;
    fixture_sign_part(&f, &f.parts.release, CT_DOMAIN_RELEASE, roles, keys, 2);
    assert_int_equal(fixture_verify(&f), CT_UPDATE_PARSE);
    fixture_close(&f);
}

static void test_root_role_counts_and_keys_are_bounded(void **state)
{
    static const enum ct_role roles[] = {CT_ROLE_ROOT};
    static const enum fixture_key keys[] = {KEY_ROOT_1};
    struct update_fixture f;
    (void)state;
    fixture_open(&f);
    struct ct_root root = f.root;
    root.root.count = CT_ROLE_KEYS_MAX + 1;
    assert_false(ct_root_valid(&root));
    root = f.root;
    root.director.count = 0;
    assert_false(ct_root_valid(&root));
    root = f.root;
    memset(root.release.public_keys[1], 0, CT_SIGN_PUBLIC_SIZE); /* also the last key of a role is looked at */
    assert_false(ct_root_valid(&root));
    root = f.root;
    for (root.release.count = 2; root.release.count < CT_ROLE_KEYS_MAX; root.release.count++) {
        uint8_t secret[CT_SIGN_SECRET_SIZE];
        assert_int_equal(ct_sign_keypair(root.release.public_keys[root.release.count], secret), CT_OK);
    }
    root.release.threshold = CT_ROLE_KEYS_MAX;
    assert_true(ct_root_valid(&root));
    struct ct_update_part part = {.payload = (const uint8_t *)"x", .len = 1};
    static const enum ct_role others[] = {CT_ROLE_RELEASE};
    static const enum fixture_key other_keys[] = {KEY_RELEASE_1};
    struct ct_root next = f.root;
    next.version = 2;
    fixture_sign_part(&f, &part, CT_DOMAIN_ROOT, others, other_keys, 1); /* by somebody who holds no root key */
    assert_int_equal(ct_root_follows(&f.root, &next, part.payload, 1, part.signatures, 1, FIXTURE_NOW_MS),
                     CT_UPDATE_ROOT);
    fixture_sign_part(&f, &part, CT_DOMAIN_ROOT, roles, keys, 1);
    assert_int_equal(ct_root_check(&f.root, CT_ROLE_ROOT, CT_DOMAIN_ROOT, part.payload, 1, part.signatures, 1),
                     CT_UPDATE_THRESHOLD);
    fixture_close(&f);
}

/* ------------------------------------------------------------------------------------------------ journal */

struct chain {
    struct ct_update_progress progress;
    uint8_t bytes[CT_UPDATE_RECORD_MAX];
};

/* Puts one more record behind those that were taken; whether it is taken too. */
static bool put(struct chain *chain, enum ct_update_record_type type, unsigned index, size_t len)
{
    struct ct_update_record record = {.type = type, .index = (uint16_t)index, .len = (uint16_t)len};
    size_t taken;
    if (type == CT_RECORD_BEGIN) {
        const struct ct_update_begin begin = {.count = (uint16_t)index};
        ct_update_record_begin(&begin, &record);
        record.len = (uint16_t)(record.len - len);
    }
    const size_t made = ct_update_record_encode(&record, &chain->progress, chain->bytes);
    return ct_update_record_take(chain->bytes, made, &chain->progress, &taken) == CT_OK;
}

static struct chain *new_chain(unsigned parameters)
{
    struct chain *chain = calloc(1, sizeof *chain);
    assert_non_null(chain);
    assert_true(put(chain, CT_RECORD_BEGIN, parameters, 0));
    return chain;
}

static struct chain *prepared(void)
{
    struct chain *chain = new_chain(2);
    assert_true(put(chain, CT_RECORD_OLD, 0, 3) && put(chain, CT_RECORD_OLD, 1, 0) &&
                put(chain, CT_RECORD_PREPARED, 0, 0));
    return chain;
}

static void test_journal_begins_once_and_with_parameters(void **state)
{
    struct chain *chain = calloc(1, sizeof *chain);
    (void)state;
    assert_non_null(chain);
    assert_true(ct_update_progress_over(&chain->progress));
    assert_false(put(chain, CT_RECORD_OLD, 0, 1));
    assert_false(put(chain, CT_RECORD_BEGIN, 0, 0));
    assert_false(put(chain, CT_RECORD_BEGIN, CT_UPDATE_PARAMETERS_MAX + 1, 0));
    assert_false(put(chain, CT_RECORD_BEGIN, 2, 1)); /* a byte short */
    assert_true(put(chain, CT_RECORD_BEGIN, 2, 0));
    assert_false(put(chain, CT_RECORD_BEGIN, 2, 0));
    assert_false(ct_update_progress_over(&chain->progress));
    free(chain);
}

static void test_journal_keeps_what_was_begun(void **state)
{
    struct ct_update_begin begin = {.count = 3};
    struct ct_update_progress progress = {0};
    struct ct_update_record record;
    uint8_t bytes[CT_UPDATE_RECORD_MAX];
    size_t taken;
    (void)state;
    memset(begin.update_id, 1, sizeof begin.update_id);
    memset(begin.directive_hash, 2, sizeof begin.directive_hash);
    memset(begin.set_before, 3, sizeof begin.set_before);
    memset(begin.set_after, 4, sizeof begin.set_after);
    ct_update_record_begin(&begin, &record);
    const size_t len = ct_update_record_encode(&record, &progress, bytes);
    assert_int_equal(ct_update_record_take(bytes, len, &progress, &taken), CT_OK);
    assert_memory_equal(progress.update_id, begin.update_id, sizeof begin.update_id);
    assert_memory_equal(progress.directive_hash, begin.directive_hash, sizeof begin.directive_hash);
    assert_memory_equal(progress.set_before, begin.set_before, sizeof begin.set_before);
    assert_memory_equal(progress.set_after, begin.set_after, sizeof begin.set_after);
    assert_int_equal(progress.count, 3);
    assert_int_equal(ct_update_record_take(bytes, 40, &progress, &taken), CT_ERR_TRUNCATED);
}

static void test_journal_old_values_come_in_order_and_whole(void **state)
{
    struct chain *chain = new_chain(2);
    (void)state;
    assert_false(put(chain, CT_RECORD_INTENT, 0, 0));
    assert_false(put(chain, CT_RECORD_PREPARED, 0, 0));
    assert_false(put(chain, CT_RECORD_OLD, 1, 1));
    assert_true(put(chain, CT_RECORD_OLD, 0, 1));
    assert_false(put(chain, CT_RECORD_PREPARED, 0, 0));
    assert_true(put(chain, CT_RECORD_OLD, 1, CT_UPDATE_RAW_MAX));
    assert_false(put(chain, CT_RECORD_OLD, 2, 1));
    assert_true(put(chain, CT_RECORD_PREPARED, 0, 0));
    assert_false(put(chain, CT_RECORD_OLD, 2, 1));
    free(chain);
}

static void test_journal_writes_in_order_then_commits(void **state)
{
    struct chain *chain = prepared();
    (void)state;
    assert_false(put(chain, CT_RECORD_INTENT, 1, 0));
    assert_false(put(chain, CT_RECORD_DONE, 0, 0));
    assert_true(put(chain, CT_RECORD_INTENT, 0, 0));
    assert_true(put(chain, CT_RECORD_INTENT, 0, 0)); /* once more the same */
    assert_true(put(chain, CT_RECORD_DONE, 0, 0));
    assert_false(put(chain, CT_RECORD_READ_BACK, 0, 0));
    assert_false(put(chain, CT_RECORD_COMMITTED, 0, 0));
    assert_false(put(chain, CT_RECORD_ROLLBACK_INTENT, 0, 0));
    assert_true(put(chain, CT_RECORD_INTENT, 1, 0));
    assert_false(put(chain, CT_RECORD_INTENT, 2, 0));
    assert_true(put(chain, CT_RECORD_READ_BACK, 0, 0));
    assert_true(put(chain, CT_RECORD_COMMITTED, 0, 0));
    assert_true(ct_update_progress_over(&chain->progress));
    assert_false(put(chain, CT_RECORD_ROLLBACK, 0, 1)); /* after the commit never back */
    assert_false(put(chain, CT_RECORD_HELD, 0, 1));
    assert_true(put(chain, CT_RECORD_REPORTED, 0, 0));
    assert_true(chain->progress.reported);
    free(chain);
}

static void test_journal_goes_back_one_way(void **state)
{
    struct chain *chain = prepared();
    (void)state;
    assert_false(put(chain, CT_RECORD_ROLLED_BACK, 0, 0));
    assert_false(put(chain, CT_RECORD_ROLLBACK_FAILED, 0, 0));
    assert_true(put(chain, CT_RECORD_INTENT, 0, 0));
    assert_false(put(chain, CT_RECORD_HELD, 0, 0)); /* without a verdict */
    assert_true(put(chain, CT_RECORD_HELD, 0, 1));
    assert_true(chain->progress.held);
    assert_true(put(chain, CT_RECORD_INTENT, 0, 0)); /* it went on */
    assert_false(chain->progress.held);
    assert_true(put(chain, CT_RECORD_HELD, 0, 1));
    assert_false(put(chain, CT_RECORD_ROLLBACK, 0, 2));
    assert_true(put(chain, CT_RECORD_ROLLBACK, 0, 1));
    assert_false(chain->progress.held);
    assert_false(put(chain, CT_RECORD_INTENT, 1, 0));
    assert_false(put(chain, CT_RECORD_DONE, 0, 0));
    assert_false(put(chain, CT_RECORD_READ_BACK, 0, 0));
    assert_false(put(chain, CT_RECORD_ROLLBACK_INTENT, 1, 0)); /* was not touched */
    assert_true(put(chain, CT_RECORD_ROLLBACK_INTENT, 0, 0));
    struct ct_update_progress before = chain->progress;
    assert_true(put(chain, CT_RECORD_ROLLED_BACK, 0, 0));
    assert_true(ct_update_progress_over(&chain->progress));
    assert_false(put(chain, CT_RECORD_ROLLBACK_FAILED, 0, 0));
    chain->progress = before;
    assert_true(put(chain, CT_RECORD_ROLLBACK_FAILED, 0, 0));
    assert_true(ct_update_progress_over(&chain->progress));
    assert_false(put(chain, CT_RECORD_ROLLED_BACK, 0, 0));
    free(chain);
}

/* Whole by its checksum, and wrong in one thing. */
static void test_journal_record_that_is_none_is_refused(void **state)
{
    struct ct_update_progress progress = {0};
    struct ct_update_record record;
    const struct ct_update_begin begin = {.count = 1};
    uint8_t good[CT_UPDATE_RECORD_MAX], bytes[CT_UPDATE_RECORD_MAX];
    size_t taken;
    (void)state;
    ct_update_record_begin(&begin, &record);
    const size_t len = ct_update_record_encode(&record, &progress, good);
    static const struct {
        size_t at;
        uint8_t value;
    } wrong[] = {{0, 0}, {1, 0}, {1, 14}, {4, 1}, {10, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        memcpy(bytes, good, len);
        bytes[wrong[i].at] = wrong[i].value;
        ct_put_le32(bytes + len - 4, ct_crc32c(0, bytes, len - 4));
        assert_int_equal(ct_update_record_take(bytes, len, &progress, &taken), CT_ERR_CORRUPT);
    }
    memcpy(bytes, good, len);
    ct_put_le16(bytes + 8, CT_UPDATE_RAW_MAX + 1);
    assert_int_equal(ct_update_record_take(bytes, len, &progress, &taken), CT_ERR_CORRUPT);
    assert_int_equal(ct_update_record_take(good, 0, &progress, &taken), CT_ERR_END);
    assert_int_equal(ct_update_record_take(good, 45, &progress, &taken), CT_ERR_TRUNCATED);
    assert_int_equal(ct_update_record_take(good, len - 1, &progress, &taken), CT_ERR_TRUNCATED);
    assert_int_equal(ct_update_record_take(good, len, &progress, &taken), CT_OK);
    assert_int_equal(taken, len);
}

/* ------------------------------------------------------------------------------------------------ bundles, words */

static void test_bundle_comes_back_and_damage_is_told(void **state)
{
    static const uint8_t payload[] = "signed", blob[] = "blob";
    struct ct_bundle bundle = {.kind = CT_BUNDLE_RELEASE, .payload = payload, .len = sizeof payload, .blob_count = 2};
    struct ct_bundle read;
    struct ct_buf file;
    (void)state;
    bundle.blobs[0].data = bundle.blobs[1].data = blob;
    bundle.blobs[0].len = sizeof blob;
    bundle.blobs[1].len = 1;
    ct_buf_init(&file, CT_BUNDLE_MAX);
    assert_int_equal(ct_bundle_write(&bundle, &file), CT_OK);
    assert_int_equal(ct_bundle_read(file.data, file.len, &read), CT_OK);
    assert_int_equal(read.kind, CT_BUNDLE_RELEASE);
    assert_int_equal(read.len, sizeof payload);
    assert_memory_equal(read.payload, payload, sizeof payload);
    assert_int_equal(read.blob_count, 2);
    assert_memory_equal(read.blobs[0].data, blob, sizeof blob);
    for (size_t cut = 0; cut < file.len; cut++) {
        assert_int_not_equal(ct_bundle_read(file.data, cut, &read), CT_OK);
    }
    for (size_t at = 0; at < file.len; at++) {
        file.data[at] ^= 0x10;
        assert_int_not_equal(ct_bundle_read(file.data, file.len, &read), CT_OK);
        file.data[at] ^= 0x10;
    }
    ct_buf_append(&file, "x", 1);
    assert_int_equal(ct_bundle_read(file.data, file.len, &read), CT_ERR_SYNTAX);
    ct_buf_free(&file);
}

/* An end that says more than a checksum, ends too early, or ends nothing; checksums are right. */
static void test_bundle_with_another_end_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } ends[] = {{"\xff\x04\0\0\0", 5}, {"\x02\x01\0\0\0a\xff\x05\0\0\0", 11}, {"\x02\x01\0\0\0a\xff\x03\0\0\0", 11}};
    struct ct_bundle read;
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        uint8_t word[4];
        struct ct_buf file;
        ct_buf_init(&file, 64);
        ct_buf_append(&file, "CTUP\x01\0\0\0", 8);
        ct_buf_append(&file, ends[i].bytes, ends[i].len);
        ct_put_le32(word, ct_crc32c(0, file.data, file.len - 5));
        ct_buf_append(&file, word, 4);
        ct_buf_append(&file, "\0", i == 1 ? 1 : 0);
        assert_int_equal(ct_bundle_read(file.data, file.len, &read), CT_ERR_SYNTAX);
        ct_buf_free(&file);
    }
}

/* Sections in an order that means nothing. */
static void test_bundle_in_another_order_is_refused(void **state)
{
    static const struct ct_bundle bundles[] = {
        {.kind = CT_BUNDLE_BLOB, .payload = (const uint8_t *)"a", .len = 1},
        {.kind = CT_BUNDLE_ROOT,
         .payload = (const uint8_t *)"a",
         .len = 1,
         .blobs = {{(const uint8_t *)"b", 1}},
         .blob_count = 1},
        {.kind = CT_BUNDLE_END, .payload = (const uint8_t *)"abcd", .len = 4},
    };
    struct ct_bundle read;
    (void)state;
    for (size_t i = 0; i < sizeof bundles / sizeof bundles[0]; i++) {
        struct ct_buf file;
        ct_buf_init(&file, CT_BUNDLE_MAX);
        assert_int_equal(ct_bundle_write(&bundles[i], &file), CT_OK);
        assert_int_equal(ct_bundle_read(file.data, file.len, &read), CT_ERR_SYNTAX);
        ct_buf_free(&file);
    }
    struct ct_buf small;
    ct_buf_init(&small, 10);
    assert_int_equal(ct_bundle_write(&bundles[1], &small), CT_ERR_TOO_LARGE);
    ct_buf_free(&small);
}

static void test_bundle_with_too_many_blobs_is_refused(void **state)
{
    struct ct_bundle *bundle = calloc(1, sizeof *bundle), *read = malloc(sizeof *read);
    struct ct_buf file;
    (void)state;
    assert_non_null(bundle);
    assert_non_null(read);
    bundle->kind = CT_BUNDLE_RELEASE;
    bundle->payload = (const uint8_t *)"a";
    bundle->len = 1;
    bundle->blob_count = CT_UPDATE_PARAMETERS_MAX;
    ct_buf_init(&file, CT_BUNDLE_MAX);
    assert_int_equal(ct_bundle_write(bundle, &file), CT_OK);
    assert_int_equal(ct_bundle_read(file.data, file.len, read), CT_OK);
    file.len -= 9; /* without its end: one more blob, and an end */
    ct_buf_append(&file, "\x03\0\0\0\0\xff\x04\0\0\0\0\0\0\0", 14);
    assert_int_equal(ct_bundle_read(file.data, file.len, read), CT_ERR_SYNTAX);
    ct_buf_free(&file);
    free(bundle);
    free(read);
}

static void test_verdicts_and_states_have_words_each_their_own(void **state)
{
    (void)state;
    for (int a = 0; a < 64; a++) {
        for (int b = 0; b < a; b++) {
            if (strcmp(ct_update_verdict_text(b), "unknown") != 0) {
                assert_string_not_equal(ct_update_verdict_text(a), ct_update_verdict_text(b));
            }
            if (strcmp(ct_update_state_text(b), "unknown") != 0) {
                assert_string_not_equal(ct_update_state_text(a), ct_update_state_text(b));
            }
        }
    }
    assert_string_equal(ct_update_verdict_text(CT_UPDATE_BASE), "base-set");
    assert_string_equal(ct_update_state_text(CT_UPDATE_STATE_HELD), "held");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_version_is_compared_number_by_number),
        cmocka_unit_test(test_parameter_numbers_are_stored_as_their_type),
        cmocka_unit_test(test_parameter_floats_are_stored_in_either_order),
        cmocka_unit_test(test_parameter_read_back_may_differ_by_its_tolerance),
        cmocka_unit_test(test_set_hash_sorts_by_ecu_place_and_address),
        cmocka_unit_test(test_values_that_are_no_numbers_have_no_bounds),
        cmocka_unit_test(test_verify_targets_may_ask_for_less),
        cmocka_unit_test(test_verify_asks_the_policy_about_each_parameter),
        cmocka_unit_test(test_verify_good_signature_over_what_is_no_release_is_a_parse_error),
        cmocka_unit_test(test_root_role_counts_and_keys_are_bounded),
        cmocka_unit_test(test_journal_begins_once_and_with_parameters),
        cmocka_unit_test(test_journal_keeps_what_was_begun),
        cmocka_unit_test(test_journal_old_values_come_in_order_and_whole),
        cmocka_unit_test(test_journal_writes_in_order_then_commits),
        cmocka_unit_test(test_journal_goes_back_one_way),
        cmocka_unit_test(test_journal_record_that_is_none_is_refused),
        cmocka_unit_test(test_bundle_comes_back_and_damage_is_told),
        cmocka_unit_test(test_bundle_with_another_end_is_refused),
        cmocka_unit_test(test_bundle_in_another_order_is_refused),
        cmocka_unit_test(test_bundle_with_too_many_blobs_is_refused),
        cmocka_unit_test(test_verdicts_and_states_have_words_each_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
