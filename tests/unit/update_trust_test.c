/* What a vehicle remembers about updates, as values and as bytes; the wire forms of updates both ways. */
#include "bytes.h"
#include "testing.h"
#include "update_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rig {
    struct update_fixture fixture;
    struct ct_trust read;
    uint8_t bytes[CT_TRUST_BYTES_MAX], damaged[CT_TRUST_BYTES_MAX];
};

static int open_rig(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    fixture_open(&rig->fixture);
    *state = rig;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *rig = *state;
    fixture_close(&rig->fixture);
    free(rig);
    return 0;
}

static void fill(struct ct_trust *trust)
{
    struct ct_trust_seen seen = {.state = CT_UPDATE_STATE_COMMITTED};
    char name[32];
    for (uint32_t i = 0; i < CT_TRUST_LINES_MAX; i++) {
        (void)snprintf(name, sizeof name, "line-%u", (unsigned)i);
        assert_int_equal(ct_trust_raise_line(trust, name, i + 1), CT_OK);
    }
    for (size_t i = 0; i < CT_TRUST_SEEN_MAX + 10; i++) {
        memset(seen.update_id, (int)(i % 256), sizeof seen.update_id);
        seen.update_id[0] = (uint8_t)(i / 256);
        seen.verdict = (uint8_t)(i % 7);
        ct_trust_note(trust, &seen);
    }
    trust->director_seq = UINT64_MAX;
    trust->locked = true;
    (void)snprintf(trust->set_id, sizeof trust->set_id, "line-3");
}

static void test_trust_lines_never_fall_and_are_never_forgotten(void **state)
{
    struct rig *rig = *state;
    struct ct_trust *trust = &rig->fixture.trust;
    fill(trust);
    assert_int_equal(ct_trust_line(trust, "line-63"), 64);
    assert_int_equal(ct_trust_raise_line(trust, "line-63", 3), CT_OK);
    assert_int_equal(ct_trust_line(trust, "line-63"), 64);
    assert_int_equal(ct_trust_raise_line(trust, "one more", 1), CT_ERR_FULL);
    assert_int_equal(ct_trust_line(trust, "one more"), 0);
}

static void test_trust_forgets_the_oldest_update_first(void **state)
{
    struct rig *rig = *state;
    struct ct_trust *trust = &rig->fixture.trust;
    uint8_t first[CT_UPDATE_ID_SIZE], last[CT_UPDATE_ID_SIZE];
    fill(trust);
    memset(first, 9, sizeof first); /* ten are gone: 0 to 9 */
    first[0] = 0;
    memset(last, 10, sizeof last);
    last[0] = 0;
    assert_null(ct_trust_find(trust, first));
    assert_non_null(ct_trust_find(trust, last));
    struct ct_trust_seen again = *ct_trust_find(trust, last);
    again.state = CT_UPDATE_STATE_ROLLED_BACK;
    ct_trust_note(trust, &again); /* changed, not added */
    assert_int_equal(trust->seen_count, CT_TRUST_SEEN_MAX);
    assert_int_equal(ct_trust_find(trust, last)->state, CT_UPDATE_STATE_ROLLED_BACK);
}

static void test_trust_bytes_come_back_the_same(void **state)
{
    struct rig *rig = *state;
    size_t len;
    uint64_t generation;
    fill(&rig->fixture.trust);
    assert_int_equal(ct_trust_encode(&rig->fixture.trust, 77, rig->bytes, &len), CT_OK);
    assert_int_equal(ct_trust_decode(rig->bytes, len, &rig->read, &generation), CT_OK);
    assert_int_equal(generation, 77);
    assert_memory_equal(&rig->read, &rig->fixture.trust, sizeof rig->read);
}

static void test_trust_damaged_bytes_are_refused(void **state)
{
    struct rig *rig = *state;
    size_t len;
    uint64_t generation;
    assert_int_equal(ct_trust_encode(&rig->fixture.trust, 1, rig->bytes, &len), CT_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        memcpy(rig->damaged, rig->bytes, len);
        rig->damaged[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(ct_trust_decode(rig->damaged, len, &rig->read, &generation), CT_ERR_CORRUPT);
    }
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(ct_trust_decode(rig->bytes, cut, &rig->read, &generation), CT_OK);
    }
    rig->bytes[3]++; /* another version, whole */
    ct_put_le32(rig->bytes + len - 4, ct_crc32c(0, rig->bytes, len - 4));
    assert_int_equal(ct_trust_decode(rig->bytes, len, &rig->read, &generation), CT_ERR_UNSUPPORTED);
}

/* Whole by its checksum, but a count says more than there is room for. */
static void test_trust_lying_counts_are_refused(void **state)
{
    struct rig *rig = *state;
    size_t len;
    uint64_t generation;
    unsigned refused = 0;
    assert_int_equal(ct_trust_encode(&rig->fixture.trust, 1, rig->bytes, &len), CT_OK);
    for (size_t at = 4; at < len - 4; at++) {
        memcpy(rig->damaged, rig->bytes, len);
        memset(rig->damaged + at, 0xff, len - 4 - at < 8 ? len - 4 - at : 8);
        ct_put_le32(rig->damaged + len - 4, ct_crc32c(0, rig->damaged, len - 4));
        refused += ct_trust_decode(rig->damaged, len, &rig->read, &generation) != CT_OK ? 1U : 0U;
        assert_true(rig->read.line_count <= CT_TRUST_LINES_MAX && rig->read.seen_count <= CT_TRUST_SEEN_MAX);
        assert_true(rig->read.root.release.count <= CT_ROLE_KEYS_MAX);
    }
    assert_true(refused > 0);
}

/* Whole by its checksum, but shorter or longer than its content; a name without end cannot be written. */
static void test_trust_of_another_length_is_refused(void **state)
{
    struct rig *rig = *state;
    size_t len;
    uint64_t generation;
    assert_int_equal(ct_trust_encode(&rig->fixture.trust, 1, rig->bytes, &len), CT_OK);
    for (size_t other = len - 8; other <= len + 1; other++) {
        ct_put_le32(rig->bytes + other - 4, ct_crc32c(0, rig->bytes, other - 4));
        assert_int_equal(ct_trust_decode(rig->bytes, other, &rig->read, &generation),
                         other == len ? CT_OK : CT_ERR_CORRUPT);
        assert_int_equal(ct_trust_encode(&rig->fixture.trust, 1, rig->bytes, &len), CT_OK);
    }
    memset(rig->fixture.trust.set_id, 'x', sizeof rig->fixture.trust.set_id);
    assert_int_equal(ct_trust_encode(&rig->fixture.trust, 1, rig->bytes, &len), CT_ERR_ARGUMENT);
}

static void test_trust_first_root_must_be_valid(void **state)
{
    struct rig *rig = *state;
    rig->fixture.root.version = 0;
    assert_int_equal(ct_trust_init(&rig->read, &rig->fixture.root, 0), CT_ERR_ARGUMENT);
}

/* ------------------------------------------------------------------------------------------------ wire */

static void test_update_release_and_directive_come_back_the_same(void **state)
{
    struct rig *rig = *state;
    struct update_fixture *f = &rig->fixture;
    struct ct_update_target *target = &f->release.targets[0];
    target->before_count = target->after_count = 1;
    /* one by one: what lies between the members is compared too */
    target->before[0].routine = 0x0203;
    target->before[0].options[1] = 2;
    target->before[0].options_len = 2;
    target->after[0].routine = 0xFF00;
    target->reset = true;
    struct ct_parameter *block = &f->release.parameters[2];
    f->release.parameter_count = 3;
    (void)snprintf(block->name, sizeof block->name, "map");
    (void)snprintf(block->ecu, sizeof block->ecu, "engine");
    block->place = CT_PLACE_MEMORY;
    block->memory_address = UINT64_C(0x123456789);
    block->memory_size = block->blob.size = 4096;
    block->memory_format = 0x45;
    block->type = CT_PARAMETER_BLOB;
    block->blob.sha256[0] = 7;
    block->factor = 1;
    f->release.precondition_count = 1;
    (void)snprintf(f->release.preconditions[0].path, CT_UPDATE_NAME_MAX, "Vehicle.Speed");
    f->release.preconditions[0].max = 0.5;
    f->release.preconditions[0].for_ms = 5000;
    f->release.hold_when_moving = true;
    f->directive.confirm = true;
    fixture_sign(f);
    assert_int_equal(ct_release_decode(f->release_bytes.data, f->release_bytes.len, &f->seen_release), CT_OK);
    assert_int_equal(ct_directive_decode(f->directive_bytes.data, f->directive_bytes.len, &f->seen_directive), CT_OK);
    ct_set_hash(f->release.parameters, 3, f->release.set_hash);
    assert_memory_equal(&f->seen_release, &f->release, sizeof f->release);
    assert_memory_equal(&f->seen_directive, &f->directive, sizeof f->directive);
}

static void test_update_sets_are_named_by_what_they_write(void **state)
{
    struct rig *rig = *state;
    struct ct_parameter *p = rig->fixture.release.parameters;
    uint8_t hash[2][CT_UPDATE_HASH_SIZE];
    ct_set_hash(p, 2, hash[0]);
    const struct ct_parameter first = p[0];
    p[0] = p[1];
    p[1] = first;
    ct_set_hash(p, 2, hash[1]); /* the order of writing does not count */
    assert_memory_equal(hash[0], hash[1], sizeof hash[0]);
    p[1].raw[1] ^= 1;
    ct_set_hash(p, 2, hash[1]);
    assert_memory_not_equal(hash[0], hash[1], sizeof hash[0]);
}

/* manifest.h's definition worked out by hand for one parameter: printf 'e\0\3\0\0\0\0\0\0\1\x60\0\0\0\1\x2a' |
 * sha256sum */
static void test_update_set_hash_is_the_one_defined(void **state)
{
    static const char *const expected = "a0ffe07491513f6bb41aaee691fbef7eb65dd518286836bdf27c61a6d43c07bc";
    struct ct_parameter p = {
        .ecu = "e", .place = CT_PLACE_DID, .did = 0x0160, .type = CT_PARAMETER_UINT8, .raw = {0x2a}, .raw_len = 1};
    uint8_t hash[CT_UPDATE_HASH_SIZE], wanted[CT_UPDATE_HASH_SIZE];
    (void)state;
    ct_set_hash(&p, 1, hash);
    assert_int_equal(ct_hex_decode(wanted, expected, sizeof wanted), CT_OK);
    assert_memory_equal(hash, wanted, sizeof hash);
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U; /* Numerical Recipes */
    return *state >> 8;
}

/* Changes the envelope in one of the ways bytes get changed; what it makes is another envelope for sure. */
static size_t mutate(uint8_t *bytes, size_t len, uint32_t *random)
{
    const size_t at = next_random(random) % len;
    switch (next_random(random) % 4) {
    case 0:
        bytes[at] ^= (uint8_t)(1U << next_random(random) % 8);
        return len;
    case 1:
        bytes[at] ^= (uint8_t)(1 + next_random(random) % 255);
        return len;
    case 2: /* cut */
        return at;
    default: /* doubled */
        memmove(bytes + at + 1, bytes + at, len - at);
        return len + 1;
    }
}

static void test_attack_01_mutated_envelopes_are_never_accepted(void **state)
{
    const unsigned times = getenv("CANTWIN_LONG") != NULL && getenv("CANTWIN_LONG")[0] != 0 ? 1000000 : 5000;
    struct rig *rig = *state;
    struct update_fixture *f = &rig->fixture;
    struct ct_buf envelope;
    uint8_t copy[2048];
    uint32_t random = 1;
    ct_buf_init(&envelope, sizeof copy - 1);
    fixture_sign(f);
    assert_int_equal(ct_update_envelope_join(&f->parts, &envelope), CT_OK);
    for (unsigned i = 0; i < times; i++) {
        memcpy(copy, envelope.data, envelope.len);
        const size_t len = mutate(copy, envelope.len, &random);
        if (ct_update_envelope_split(copy, len, &f->parts) == CT_OK &&
            (len != envelope.len || memcmp(copy, envelope.data, len) != 0)) {
            assert_int_not_equal(fixture_verify(f), CT_UPDATE_OK);
        }
    }
    assert_int_equal(ct_update_envelope_split(envelope.data, envelope.len, &f->parts), CT_OK);
    assert_int_equal(fixture_verify(f), CT_UPDATE_OK);
    ct_buf_free(&envelope);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_trust_lines_never_fall_and_are_never_forgotten),
        TEST(test_trust_forgets_the_oldest_update_first),
        TEST(test_trust_bytes_come_back_the_same),
        TEST(test_trust_damaged_bytes_are_refused),
        TEST(test_trust_lying_counts_are_refused),
        TEST(test_trust_of_another_length_is_refused),
        TEST(test_trust_first_root_must_be_valid),
        TEST(test_update_release_and_directive_come_back_the_same),
        TEST(test_update_sets_are_named_by_what_they_write),
        TEST(test_update_set_hash_is_the_one_defined),
        TEST(test_attack_01_mutated_envelopes_are_never_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
