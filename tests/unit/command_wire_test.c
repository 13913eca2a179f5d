/* Signed commands on the wire. */
#include "command_wire.h"
#include "testing.h"

#include <string.h>

static struct ct_command make_command(void)
{
    struct ct_command command = {.vehicle_id = "demo",
                                 .command_id = "0123456789abcde",
                                 .seq = 77,
                                 .issued_utc_ms = 1700000000000,
                                 .expires_utc_ms = 1700000060000,
                                 .ttl_ms = 5000,
                                 .action = CT_ACTION_SET_DESIRED,
                                 .path = "Vehicle.Body.Lights.Beam.Low.IsOn",
                                 .revision = 3};
    command.value.kind = CT_WIRE_BOOLEAN;
    command.value.boolean = true;
    return command;
}

static void assert_round_trip(const struct ct_command *command)
{
    struct ct_buf buf;
    struct ct_command read;
    ct_buf_init(&buf, 65536);
    assert_int_equal(ct_command_encode(command, &buf), CT_OK);
    assert_int_equal(ct_command_decode(buf.data, buf.len, &read), CT_OK);
    assert_string_equal(read.vehicle_id, command->vehicle_id);
    assert_memory_equal(read.command_id, command->command_id, 16);
    assert_int_equal(read.seq, command->seq);
    assert_int_equal(read.issued_utc_ms, command->issued_utc_ms);
    assert_int_equal(read.expires_utc_ms, command->expires_utc_ms);
    assert_int_equal(read.ttl_ms, command->ttl_ms);
    assert_int_equal(read.action, command->action);
    assert_string_equal(read.path, command->path);
    assert_int_equal(read.revision, command->revision);
    assert_int_equal(read.value.kind, command->value.kind);
    assert_int_equal(read.value.integer, command->value.integer);
    assert_true(read.value.number == command->value.number);
    assert_int_equal(read.value.boolean, command->value.boolean);
    assert_string_equal(read.value.text, command->value.text);
    assert_int_equal(read.value.raw_len, command->value.raw_len);
    assert_memory_equal(read.value.raw, command->value.raw, read.value.raw_len);
    assert_string_equal(read.ecu, command->ecu);
    assert_int_equal(read.request_len, command->request_len);
    assert_memory_equal(read.request, command->request, read.request_len);
    /* truncations are refused or lack a part; never read beyond */
    for (size_t len = 0; len < buf.len; len++) {
        (void)!ct_command_decode(buf.data, len, &read);
    }
    ct_buf_free(&buf);
}

static void test_command_every_action_and_value_round_trips(void **state)
{
    (void)state;
    struct ct_command command = make_command();
    assert_round_trip(&command);
    command.value = (struct ct_wire_value){.kind = CT_WIRE_BOOLEAN, .boolean = false};
    assert_round_trip(&command);
    command.value = (struct ct_wire_value){.kind = CT_WIRE_INTEGER, .integer = INT64_MIN};
    assert_round_trip(&command);
    command.value = (struct ct_wire_value){.kind = CT_WIRE_NUMBER, .number = -0.5};
    assert_round_trip(&command);
    command.value = (struct ct_wire_value){.kind = CT_WIRE_TEXT};
    memset(command.value.text, 'x', CT_BYTES_MAX);
    assert_round_trip(&command);
    command.value = (struct ct_wire_value){.kind = CT_WIRE_RAW, .raw_len = CT_BYTES_MAX};
    assert_round_trip(&command);

    struct ct_command diagnostic = {.vehicle_id = "demo", .action = CT_ACTION_DIAGNOSTIC_REQUEST, .ecu = "engine"};
    memcpy(diagnostic.request, "\x22\xf1\x90", 3);
    diagnostic.request_len = 3;
    assert_round_trip(&diagnostic);
    diagnostic.request_len = CT_COMMAND_UDS_MAX;
    assert_round_trip(&diagnostic);
}

static void test_command_hostile_forms_refused(void **state)
{
    (void)state;
    const struct ct_command good = make_command();
    struct ct_command read = {.seq = 123};
    struct ct_buf buf;
    ct_buf_init(&buf, 65536);
    assert_int_equal(ct_command_encode(&good, &buf), CT_OK);
    const size_t len = buf.len;
    const struct {
        const char *bytes;
        size_t len;
        int err;
    } appended[] = {
        {"\x18\x01", 2, CT_ERR_SYNTAX},     /* seq twice */
        {"\x42\x00", 2, CT_ERR_SYNTAX},     /* a second action */
        {"\xf8\x07\x01", 3, CT_ERR_SYNTAX}, /* field 127: unknown */
        {"\x0b\x0c", 2, CT_ERR_SYNTAX},     /* a group */
        {"\x18", 1, CT_ERR_TRUNCATED},      /* tag without value */
    };
    for (size_t i = 0; i < sizeof appended / sizeof appended[0]; i++) {
        ct_buf_append(&buf, appended[i].bytes, appended[i].len);
        assert_int_equal(ct_command_decode(buf.data, buf.len, &read), appended[i].err);
        buf.len = len;
    }
    assert_int_equal(read.seq, 123);
    /* no vehicle, no action, short id, empty request, NUL in a string, ttl over 32 bits */
    assert_int_equal(ct_command_decode((const uint8_t *)"", 0, &read), CT_ERR_SYNTAX);
    assert_int_equal(ct_command_decode((const uint8_t *)"\x0a\x02"
                                                        "a\0",
                                       4, &read),
                     CT_ERR_SYNTAX);
    assert_int_equal(ct_command_decode((const uint8_t *)"\x30\xff\xff\xff\xff\x7f", 6, &read), CT_ERR_RANGE);
    assert_int_equal(ct_command_decode(buf.data, CT_SIGNED_COMMAND_MAX + 1, &read), CT_ERR_TOO_LARGE);
    ct_buf_free(&buf);
}

static void test_signed_command_splits_into_received_bytes(void **state)
{
    (void)state;
    struct ct_signature signatures[2] = {{.key_id = "a", .signature = "b"}, {.key_id = "c", .signature = "d"}};
    struct ct_buf buf;
    ct_buf_init(&buf, 65536);
    assert_int_equal(ct_signed_command_join((const uint8_t *)"payload", 7, signatures, 2, &buf), CT_OK);
    const uint8_t *payload = NULL;
    size_t payload_len = 0;
    size_t count = 0;
    struct ct_signature read[CT_SIGNATURES_MAX];
    assert_int_equal(ct_signed_command_split(buf.data, buf.len, &payload, &payload_len, read, &count), CT_OK);
    assert_in_range((uintptr_t)payload, (uintptr_t)buf.data, (uintptr_t)buf.data + buf.len);
    assert_int_equal(payload_len, 7);
    assert_memory_equal(payload, "payload", 7);
    assert_int_equal(count, 2);
    assert_memory_equal(read, signatures, sizeof signatures);
    for (size_t len = 0; len < buf.len; len++) {
        (void)!ct_signed_command_split(buf.data, len, &payload, &payload_len, read, &count);
    }
    /* unsigned is a form of its own, judged later */
    ct_buf_clear(&buf);
    assert_int_equal(ct_signed_command_join((const uint8_t *)"p", 1, NULL, 0, &buf), CT_OK);
    assert_int_equal(ct_signed_command_split(buf.data, buf.len, &payload, &payload_len, read, &count), CT_OK);
    assert_int_equal(count, 0);
    /* nine signatures, a short key id, an unknown field */
    ct_buf_clear(&buf);
    for (unsigned i = 0; i < 9; i++) {
        ct_buf_append(&buf, "\x12\x00", 2);
    }
    assert_int_equal(ct_signed_command_split(buf.data, buf.len, &payload, &payload_len, read, &count),
                     CT_ERR_TOO_LARGE);
    assert_int_equal(ct_signed_command_split(buf.data, 2, &payload, &payload_len, read, &count), CT_ERR_SYNTAX);
    assert_int_equal(
        ct_signed_command_split((const uint8_t *)"\x0a\x01p\x18\x01", 5, &payload, &payload_len, read, &count),
        CT_ERR_SYNTAX);
    ct_buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_command_every_action_and_value_round_trips),
        cmocka_unit_test(test_command_hostile_forms_refused),
        cmocka_unit_test(test_signed_command_splits_into_received_bytes),
    };
    return cmocka_run_group_tests_name("command_wire", tests, NULL, NULL);
}
