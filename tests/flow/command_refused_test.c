/* Commands that must not take effect: each with its own reason, and not one frame on any bus. */
#include "command_support.h"

/* Refused at the gate: the reason, nothing submitted, no frame. */
static void assert_gate_refuses(struct rig *rig, const uint8_t *data, size_t len, int reason)
{
    assert_int_equal(rig_deliver(rig, data, len), reason);
    rig_run(rig, 3);
    assert_int_equal(rig->status_count, 0);
    assert_int_equal(rig->frames_out, 0);
}

static void assert_policy_refuses(struct rig *rig, const struct ct_command *command, unsigned roles, int reason)
{
    assert_int_equal(rig_send(rig, command, roles), CT_REASON_NONE);
    rig_run(rig, 300);
    assert_ended(rig, CT_COMMAND_REFUSED, reason);
    assert_int_equal(rig->status_count, 1);
    assert_int_equal(rig->frames_out, 0);
    rig->status_count = 0;
}

static void test_command_unsigned_is_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    const struct ct_command command = command_read(1, "engine", 0x22, 0xF190);
    assert_gate_refuses(rig, bytes, command_sign(rig, &command, 0, bytes), CT_REASON_UNSIGNED);
}

/* Where the bytes of a signed command's parts lie. */
static size_t find_bytes(const uint8_t *data, size_t len, const uint8_t *part, size_t part_len)
{
    const uint8_t *found = memmem(data, len, part, part_len);
    assert_non_null(found);
    return (size_t)(found - data);
}

static void test_command_any_bit_of_signature_payload_or_key_id_flipped_is_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    size_t count = 0;
    const struct ct_command command = command_lamp(1, LAMP, 1);
    const size_t len = command_sign(rig, &command, DIRECTOR, bytes);
    assert_int_equal(ct_signed_command_split(bytes, len, &payload, &payload_len, signatures, &count), CT_OK);
    assert_int_equal(count, 1);
    const struct {
        size_t at, len;
        int reason;
    } parts[] = {
        {find_bytes(bytes, len, signatures[0].signature, CT_SIGNATURE_SIZE), CT_SIGNATURE_SIZE,
         CT_REASON_BAD_SIGNATURE},
        {find_bytes(bytes, len, signatures[0].key_id, CT_KEY_ID_SIZE), CT_KEY_ID_SIZE, CT_REASON_UNKNOWN_KEY},
        {(size_t)(payload - bytes), payload_len, CT_REASON_BAD_SIGNATURE},
    };
    for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
        for (size_t bit = 0; bit < 8 * parts[p].len; bit++) {
            bytes[parts[p].at + bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_gate_refuses(rig, bytes, len, parts[p].reason);
            bytes[parts[p].at + bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
    }
    /* untouched it is good, so it was the bits */
    assert_int_equal(rig_deliver(rig, bytes, len), CT_REASON_NONE);
}

static void test_command_random_mutations_are_never_accepted(void **state)
{
    struct rig *rig = *state;
    uint8_t good[SIGNED];
    uint8_t bytes[SIGNED];
    uint64_t seed = 0x20260726;
    struct ct_gate_result *result = calloc(1, sizeof *result);
    const struct ct_command command = command_lamp(1, LAMP, 1);
    const size_t len = command_sign(rig, &command, DIRECTOR | RELEASE, good);
    for (int i = 0; i < 20000; i++) {
        memcpy(bytes, good, len);
        size_t cut = len;
        for (int k = 0; k <= i % 3; k++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407U;
            const size_t at = (size_t)(seed >> 33) % len;
            bytes[at] = (uint8_t)(bytes[at] + 1 + (seed >> 25) % 255);
            cut = i % 7 == 0 ? at : len;
        }
        ct_gate_check(&rig->gate, bytes, cut, true, rig->utc_ms, result);
        if (result->accepted) {
            /* only when the release's signature is gone as a whole, and with it its authority */
            assert_memory_equal(bytes, good, cut);
            assert_int_equal(result->roles, DIRECTOR);
            assert_true(cut < len);
        }
    }
    free(result);
}

static void test_command_unknown_key_and_wrong_role_are_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    const struct ct_command command = command_lamp(1, LAMP, 1);
    assert_gate_refuses(rig, bytes, command_sign(rig, &command, RELEASE, bytes), CT_REASON_WRONG_ROLE);
    rig->gate.key_count = 1;
    assert_gate_refuses(rig, bytes, command_sign(rig, &command, RELEASE, bytes), CT_REASON_UNKNOWN_KEY);
    assert_gate_refuses(rig, bytes, command_sign(rig, &command, RELEASE | DIRECTOR, bytes), CT_REASON_UNKNOWN_KEY);
    rig->gate.key_count = 2;
    /* the director's key cannot speak for the release role */
    struct ct_trusted_key *release = &rig->keys[1];
    memcpy(release->public_key, rig->director_public, CT_SIGN_PUBLIC_SIZE);
    ct_key_id(CT_ROLE_RELEASE, release->public_key, release->key_id);
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_NONE);
}

static void test_command_same_signer_twice_or_nine_signatures_are_refused(void **state)
{
    struct rig *rig = *state;
    struct ct_buf payload;
    struct ct_buf joined;
    struct ct_signature signatures[CT_SIGNATURES_MAX];
    const struct ct_command command = command_lamp(1, LAMP, 1);
    ct_buf_init(&payload, SIGNED);
    ct_buf_init(&joined, SIGNED);
    assert_int_equal(ct_command_encode(&command, &payload), CT_OK);
    for (size_t i = 0; i < CT_SIGNATURES_MAX; i++) {
        assert_int_equal(ct_envelope_sign(CT_DOMAIN_COMMAND, payload.data, payload.len, CT_ROLE_DIRECTOR,
                                          rig->director_secret, &signatures[i]),
                         CT_OK);
    }
    assert_int_equal(ct_signed_command_join(payload.data, payload.len, signatures, 2, &joined), CT_OK);
    assert_gate_refuses(rig, joined.data, joined.len, CT_REASON_BAD_SIGNATURE);
    ct_buf_clear(&joined);
    assert_int_equal(ct_signed_command_join(payload.data, payload.len, signatures, CT_SIGNATURES_MAX, &joined), CT_OK);
    /* a ninth by hand: field 2, the same bytes as the eighth */
    const size_t one = 2 + 2 + CT_KEY_ID_SIZE + 2 + CT_SIGNATURE_SIZE;
    const size_t eighth = joined.len - one;
    uint8_t ninth[sizeof(struct ct_signature) + 16];
    memcpy(ninth, joined.data + eighth, one);
    ct_buf_append(&joined, ninth, one);
    assert_gate_refuses(rig, joined.data, joined.len, CT_REASON_BAD_FORM);
    ct_buf_free(&payload);
    ct_buf_free(&joined);
}

static void test_command_other_domain_is_refused(void **state)
{
    struct rig *rig = *state;
    struct ct_buf payload;
    struct ct_buf joined;
    struct ct_signature signature;
    const struct ct_command command = command_lamp(1, LAMP, 1);
    ct_buf_init(&payload, SIGNED);
    ct_buf_init(&joined, SIGNED);
    assert_int_equal(ct_command_encode(&command, &payload), CT_OK);
    assert_int_equal(ct_envelope_sign("cantwin/param-manifest/v1", payload.data, payload.len, CT_ROLE_DIRECTOR,
                                      rig->director_secret, &signature),
                     CT_OK);
    assert_int_equal(ct_signed_command_join(payload.data, payload.len, &signature, 1, &joined), CT_OK);
    assert_gate_refuses(rig, joined.data, joined.len, CT_REASON_BAD_SIGNATURE);
    ct_buf_free(&payload);
    ct_buf_free(&joined);
}

static void test_command_signed_payload_of_bad_form_is_refused(void **state)
{
    struct rig *rig = *state;
    static const struct {
        const char *what;
        uint8_t tail[24];
        size_t len;
    } tails[] = {
        {"unknown field 99", {0x98, 0x06, 0x01}, 3},
        {"duplicate seq", {0x18, 0x7F}, 2},
        {"second vehicle id", {0x0A, 0x01, 'x'}, 3},
        {"field cut short", {0x0A, 0x7F}, 2},
        {"second action", {0x42, 0x0B, 0x0A, 0x06, 'e', 'n', 'g', 'i', 'n', 'e', 0x12, 0x01, 0x22}, 13},
    };
    uint8_t bytes[SIGNED];
    const struct ct_command command = command_lamp(1, LAMP, 1);
    for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        struct ct_buf payload;
        ct_buf_init(&payload, SIGNED);
        assert_int_equal(ct_command_encode(&command, &payload), CT_OK);
        ct_buf_append(&payload, tails[i].tail, tails[i].len);
        print_message("%s\n", tails[i].what);
        assert_gate_refuses(rig, bytes, sign_payload(rig, payload.data, payload.len, DIRECTOR, bytes),
                            CT_REASON_BAD_FORM);
        ct_buf_free(&payload);
    }
    assert_gate_refuses(rig, bytes, sign_payload(rig, (const uint8_t *)"\xFF\xFF", 2, DIRECTOR, bytes),
                        CT_REASON_BAD_FORM);
    assert_gate_refuses(rig, bytes, 0, CT_REASON_BAD_FORM);
    memset(bytes, 0x0A, sizeof bytes);
    assert_gate_refuses(rig, bytes, sizeof bytes, CT_REASON_BAD_FORM);
}

static void test_command_senseless_members_are_bad_form(void **state)
{
    struct rig *rig = *state;
    struct ct_command commands[6];
    for (size_t i = 0; i < 6; i++) {
        commands[i] = command_lamp(1, LAMP, 1);
    }
    commands[0].seq = 0;
    commands[1].expires_utc_ms = commands[1].issued_utc_ms;
    commands[2].expires_utc_ms = INT64_MAX;
    commands[3].issued_utc_ms = INT64_MIN;
    commands[4].revision = 0;
    commands[5].path[0] = '\0';
    for (size_t i = 0; i < 6; i++) {
        uint8_t bytes[SIGNED];
        assert_gate_refuses(rig, bytes, command_sign(rig, &commands[i], DIRECTOR, bytes), CT_REASON_BAD_FORM);
    }
}

static void test_command_for_other_vehicle_is_refused(void **state)
{
    struct rig *rig = *state;
    const char *const others[] = {"demo2", "dem", "DEMO"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t bytes[SIGNED];
        struct ct_command command = command_lamp(1, LAMP, 1);
        memset(command.vehicle_id, 0, sizeof command.vehicle_id);
        (void)strncpy(command.vehicle_id, others[i], sizeof command.vehicle_id - 1);
        assert_gate_refuses(rig, bytes, command_sign(rig, &command, DIRECTOR, bytes), CT_REASON_WRONG_VEHICLE);
    }
    uint8_t bytes[SIGNED];
    struct ct_command nobody = command_lamp(1, LAMP, 1);
    memset(nobody.vehicle_id, 0, sizeof nobody.vehicle_id);
    assert_gate_refuses(rig, bytes, command_sign(rig, &nobody, DIRECTOR, bytes), CT_REASON_BAD_FORM);
}

static void test_command_expired_is_refused_also_when_the_clock_is_set_back(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    const struct ct_command command = command_lamp(1, LAMP, 1);
    const size_t len = command_sign(rig, &command, DIRECTOR, bytes);
    rig->utc_ms = command.expires_utc_ms;
    assert_gate_refuses(rig, bytes, len, CT_REASON_TOO_OLD);
    /* once later time was proven, an earlier clock does not help */
    ct_gate_floor_raise(&rig->gate, command.expires_utc_ms + 1);
    rig->utc_ms = NOW_MS;
    assert_gate_refuses(rig, bytes, len, CT_REASON_TOO_OLD);
    ct_gate_floor_raise(&rig->gate, 0);
    assert_gate_refuses(rig, bytes, len, CT_REASON_TOO_OLD);
}

static void test_command_with_untrusted_time_is_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    struct ct_gate_result *result = calloc(1, sizeof *result);
    struct ct_command command = command_lamp(1, LAMP, 1);
    const size_t len = command_sign(rig, &command, DIRECTOR, bytes);
    const int64_t clocks[] = {
        0, -1, INT64_MIN / 2, NOW_MS - 20LL * 365 * 86400000, NOW_MS + 20LL * 365 * 86400000, INT64_MAX / 2};
    for (size_t i = 0; i < sizeof clocks / sizeof clocks[0]; i++) {
        rig->utc_ms = clocks[i];
        assert_gate_refuses(rig, bytes, len, CT_REASON_TIME_UNTRUSTED);
    }
    rig->utc_ms = NOW_MS;
    ct_gate_check(&rig->gate, bytes, len, false, NOW_MS, result);
    assert_int_equal(result->reason, CT_REASON_TIME_UNTRUSTED);
    free(result);
    command.issued_utc_ms = NOW_MS + CT_GATE_SLACK_MS + 1;
    command.expires_utc_ms = command.issued_utc_ms + 1000;
    assert_gate_refuses(rig, bytes, command_sign(rig, &command, DIRECTOR, bytes), CT_REASON_TIME_UNTRUSTED);
}

static void test_command_replayed_by_id_or_sequence_is_refused(void **state)
{
    struct rig *rig = *state;
    uint8_t bytes[SIGNED];
    struct ct_command command = command_lamp(5, LAMP, 1);
    const size_t len = command_sign(rig, &command, DIRECTOR, bytes);
    assert_int_equal(rig_deliver(rig, bytes, len), CT_REASON_NONE);
    rig_run(rig, 300);
    const unsigned sent = rig->frames_out;
    const size_t said = rig->status_count;
    assert_int_equal(rig_deliver(rig, bytes, len), CT_REASON_REPLAYED);
    command.seq = 6; /* same id */
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_REPLAYED);
    command.seq = 4; /* other id, old sequence */
    command.command_id[3] ^= 1;
    assert_int_equal(rig_send(rig, &command, DIRECTOR), CT_REASON_REPLAYED);
    rig_run(rig, 300);
    assert_int_equal(rig->frames_out, sent);
    assert_int_equal(rig->status_count, said);
}

static void test_command_outside_policy_is_refused_with_its_reason(void **state)
{
    struct rig *rig = *state;
    uint64_t seq = 0;
    struct ct_command command = command_read(++seq, "radio", 0x22, 0xF190);
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_UNKNOWN_ECU);
    command = command_read(++seq, "engine", 0x11, 0x0100); /* reset: no rule */
    assert_policy_refuses(rig, &command, DIRECTOR | RELEASE, CT_REASON_POLICY_NO_RULE);
    command = command_read(++seq, "engine", 0x2E, 0xF190); /* write */
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_AUTHORITY);
    command = command_read(++seq, "gearbox", 0x22, 0xF190); /* request allowed, its frames are not */
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_NO_RULE);
    command = command_lamp(++seq, "Vehicle.Body.Horn.IsActive", 1);
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_UNKNOWN_PATH);
    command = command_lamp(++seq, LAMP, 2);
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_VALUE);
    command = command_lamp(++seq, LAMP, 1000); /* does not fit the signal */
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_VALUE);
    const double senseless[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (size_t i = 0; i < 3; i++) {
        command = command_lamp(++seq, LAMP, senseless[i]);
        assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_VALUE);
    }
    rig->vehicle.speed_kmh = 30;
    command = command_lamp(++seq, LAMP, 1);
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_VEHICLE_STATE);
    rig->vehicle = (struct ct_vehicle_state){0}; /* nothing proven */
    command = command_lamp(++seq, LAMP, 1);
    assert_policy_refuses(rig, &command, DIRECTOR, CT_REASON_POLICY_VEHICLE_STATE);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_command_unsigned_is_refused),
        T(test_command_any_bit_of_signature_payload_or_key_id_flipped_is_refused),
        T(test_command_random_mutations_are_never_accepted),
        T(test_command_unknown_key_and_wrong_role_are_refused),
        T(test_command_same_signer_twice_or_nine_signatures_are_refused),
        T(test_command_other_domain_is_refused),
        T(test_command_signed_payload_of_bad_form_is_refused),
        T(test_command_senseless_members_are_bad_form),
        T(test_command_for_other_vehicle_is_refused),
        T(test_command_expired_is_refused_also_when_the_clock_is_set_back),
        T(test_command_with_untrusted_time_is_refused),
        T(test_command_replayed_by_id_or_sequence_is_refused),
        T(test_command_outside_policy_is_refused_with_its_reason),
    };
    return cmocka_run_group_tests_name("command refused", tests, NULL, NULL);
}
