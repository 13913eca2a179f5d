/* diagnostics/ecu_description.h and ecu_file.h: files that are right, files that cannot be, values both ways. */
#include "ecu_file.h"
#include "testing.h"

#include <stdio.h>
#include <string.h>

static const char head[] = "name: engine\nrequest_id: 0x7E0\nresponse_id: 0x7E8\n";

static struct ct_ecu_description *load(const char *more)
{
    char text[4096], problem[512] = "";
    struct ct_ecu_description *ecu = NULL;
    (void)snprintf(text, sizeof text, "%s%s", head, more);
    if (ct_ecu_file_load_text("ecu.yaml", text, strlen(text), &ecu, problem, sizeof problem) != CT_OK) {
        fail_msg("%s", problem);
    }
    return ecu;
}

static void expect_problem(const char *more, const char *problem_wanted)
{
    char text[4096], problem[512] = "";
    struct ct_ecu_description *ecu = NULL;
    (void)snprintf(text, sizeof text, "%s%s", head, more);
    assert_int_not_equal(ct_ecu_file_load_text("ecu.yaml", text, strlen(text), &ecu, problem, sizeof problem), CT_OK);
    assert_null(ecu);
    if (strncmp(problem, problem_wanted, strlen(problem_wanted)) != 0) {
        fail_msg("%s", problem);
    }
}

static void test_file_with_everything_is_read(void **state)
{
    (void)state;
    struct ct_ecu_description *ecu = load("fd: true\n"
                                          "periodic_id: 0x5E8\n"
                                          "p2_ms: 250\n"
                                          "dids:\n"
                                          "  - id: 0xF190\n"
                                          "    name: vin\n"
                                          "    length: 17\n"
                                          "    fields: [{ name: vin, type: ascii }]\n"
                                          "  - { id: 0x0123, name: lamp, length: 1, write: true, io: true }\n"
                                          "dtcs:\n"
                                          "  - { code: 0x030100, text: cylinder 1 misfire }\n"
                                          "routines:\n"
                                          "  - { id: 0xFF00, name: erase, session: 2, level: 1 }\n"
                                          "records:\n"
                                          "  - { record: 1, name: occurrences, length: 2 }\n");
    assert_true(ecu->fd && ecu->p2_ms == 250 && ecu->periodic_id == 0x5E8);
    assert_string_equal(ct_ecu_did_find(ecu, 0xF190)->name, "vin");
    assert_int_equal(ct_ecu_did_named(ecu, "lamp")->id, 0x0123);
    assert_null(ct_ecu_did_find(ecu, 0x4711));
    assert_null(ct_ecu_did_named(ecu, "none"));
    assert_string_equal(ct_ecu_dtc_text(ecu, 0x030100), "cylinder 1 misfire");
    assert_null(ct_ecu_dtc_text(ecu, 0x030101));
    assert_int_equal(ct_ecu_routine_named(ecu, "erase")->id, 0xFF00);
    assert_int_equal(ct_ecu_routine_find(ecu, 0xFF00)->level, 1);
    const struct ct_uds_lengths lengths = ct_ecu_lengths(ecu);
    assert_int_equal(lengths.did(lengths.user, 0xF190), 17);
    assert_int_equal(lengths.did(lengths.user, 0xF191), 0);
    assert_int_equal(lengths.extended(lengths.user, 1), 2);
    ct_ecu_file_free(ecu);
    ct_ecu_file_free(NULL);
}

static void test_file_that_cannot_be_is_refused_where_it_is_wrong(void **state)
{
    (void)state;
    expect_problem("what: 1\n", "ecu.yaml:4:1: error: unknown key 'what'");
    expect_problem("dids:\n  - { id: 0x10000, name: a }\n", "ecu.yaml:5:");
    expect_problem("dids:\n  - { id: 1, name: a }\n  - { id: 1, name: b }\n",
                   "ecu.yaml:6:5: error: this id or name stands there twice");
    expect_problem("dids:\n  - { id: 1, name: a }\n  - { id: 2, name: a }\n",
                   "ecu.yaml:6:5: error: this id or name stands there twice");
    expect_problem("dids:\n  - { id: 1, name: a, length: 2, fields: [{ name: f, type: uint, at: 1, width: 2 }] }\n",
                   "ecu.yaml:5:5: error: a field reaches behind the record's end");
    expect_problem("dids:\n  - { id: 1, name: a, length: 9, fields: [{ name: f, type: uint }] }\n",
                   "ecu.yaml:5:5: error: a number needs a width of 1 to 8 bytes");
    expect_problem("dids:\n  - { id: 1, name: a, length: 3, fields: [{ name: f, type: float }] }\n",
                   "ecu.yaml:5:5: error: a float has a width of 4 or 8");
    expect_problem("dids:\n  - { id: 1, name: a, length: 1, fields: [{ name: f, type: uint, bit: 4, bits: 5 }] }\n",
                   "ecu.yaml:5:5: error: 'bit' and 'bits' reach out");
    expect_problem("dids:\n  - { id: 1, name: a, length: 5000 }\n", "ecu.yaml:5:5: error: 'length' is at most 4095");
    expect_problem("dtcs:\n  - { code: 0x1000000, text: x }\n", "ecu.yaml:5:5: error: a code has 24 bits");
    expect_problem("dids:\n  - { id: 1, name: a, fields: [{ name: f, type: number }] }\n", "ecu.yaml:5:");
    char problem[256];
    struct ct_ecu_description *ecu = NULL;
    const char *same = "name: a\nrequest_id: 5\nresponse_id: 5\n";
    assert_int_equal(ct_ecu_file_load_text("x", same, strlen(same), &ecu, problem, sizeof problem), CT_ERR_RANGE);
    const char *wide = "name: a\nrequest_id: 0x800\nresponse_id: 5\n";
    assert_int_equal(ct_ecu_file_load_text("x", wide, strlen(wide), &ecu, problem, sizeof problem), CT_ERR_RANGE);
    assert_int_equal(ct_ecu_file_load("/does/not/exist.yaml", &ecu, problem, sizeof problem), CT_ERR_NOT_FOUND);
    assert_non_null(strstr(problem, "/does/not/exist.yaml"));
}

static void expect_text(const struct ct_ecu_field *field, const char *bytes, size_t len, const char *wanted)
{
    struct ct_buf text;
    struct ct_ecu_value value;
    ct_buf_init(&text, 4096);
    assert_int_equal(ct_ecu_field_decode(field, (struct ct_uds_bytes){(const uint8_t *)bytes, len}, &text, &value),
                     CT_OK);
    assert_string_equal(ct_buf_string(&text), wanted);
    ct_buf_free(&text);
}

static void test_values_are_decoded(void **state)
{
    (void)state;
    struct ct_ecu_state states[] = {{0, (char[]){"off"}}, {1, (char[]){"on"}}};
    const struct ct_ecu_field volts = {.type = CT_ECU_UINT, .at = 1, .width = 2, .factor = 0.001};
    expect_text(&volts, "\xFF\x30\x39", 3, "12.345");
    const struct ct_ecu_field celsius = {.type = CT_ECU_UINT, .width = 1, .offset = -40};
    expect_text(&celsius, "\x00", 1, "-40");
    const struct ct_ecu_field number = {.type = CT_ECU_INT};
    expect_text(&number, "\xFF\xFE", 2, "-2");
    expect_text(&number, "\x80\x00\x00\x00\x00\x00\x00\x00", 8, "-9.22337203685478e+18");
    expect_text(&number, "\x7F", 1, "127");
    const struct ct_ecu_field bits = {
        .type = CT_ECU_UINT, .width = 1, .bit = 6, .bits = 1, .states = states, .states_count = 2};
    expect_text(&bits, "\x40", 1, "on");
    expect_text(&bits, "\xBF", 1, "off");
    const struct ct_ecu_field narrow = {.type = CT_ECU_INT, .width = 1, .bit = 2, .bits = 3};
    expect_text(&narrow, "\x1C", 1, "-1");
    const struct ct_ecu_field real = {.type = CT_ECU_FLOAT};
    expect_text(&real, "\x3F\xC0\x00\x00", 4, "1.5");
    expect_text(&real, "\x40\x09\x21\xFB\x54\x44\x2D\x18", 8, "3.14159265358979");
    const struct ct_ecu_field ascii = {.type = CT_ECU_ASCII};
    expect_text(&ascii, "AB\x01\\ \x00\x00", 7, "AB\\x01\\x5c");
    const struct ct_ecu_field bcd = {.type = CT_ECU_BCD};
    expect_text(&bcd, "\x20\x26\x11\x30", 4, "20261130");
}

static void test_value_of_a_short_record_is_refused(void **state)
{
    (void)state;
    struct ct_buf text;
    struct ct_ecu_value value;
    ct_buf_init(&text, 64);
    const struct ct_ecu_field far = {.type = CT_ECU_UINT, .at = 2, .width = 2};
    const uint8_t bytes[9] = {0};
    for (size_t len = 0; len < 4; len++) {
        assert_int_equal(ct_ecu_field_decode(&far, (struct ct_uds_bytes){bytes, len}, &text, &value), CT_ERR_TRUNCATED);
    }
    const struct ct_ecu_field open = {.type = CT_ECU_UINT};
    assert_int_equal(ct_ecu_field_decode(&open, (struct ct_uds_bytes){bytes, 9}, &text, &value), CT_ERR_UNSUPPORTED);
    const struct ct_ecu_field real = {.type = CT_ECU_FLOAT};
    assert_int_equal(ct_ecu_field_decode(&real, (struct ct_uds_bytes){bytes, 3}, &text, &value), CT_ERR_UNSUPPORTED);
    ct_buf_free(&text);
}

static void test_values_are_encoded_and_wrong_ones_leave_the_record(void **state)
{
    (void)state;
    struct ct_ecu_state states[] = {{2, (char[]){"auto"}}};
    uint8_t record[4] = {0xA5, 0xA5, 0xA5, 0xA5};
    const struct ct_ecu_field volts = {.type = CT_ECU_UINT, .at = 1, .width = 2, .factor = 0.001};
    assert_int_equal(ct_ecu_field_encode(&volts, "12.345", record, 4), CT_OK);
    assert_memory_equal(record, "\xA5\x30\x39\xA5", 4);
    assert_int_equal(ct_ecu_field_encode(&volts, "65.536", record, 4), CT_ERR_RANGE);
    assert_int_equal(ct_ecu_field_encode(&volts, "-1", record, 4), CT_ERR_RANGE);
    assert_int_equal(ct_ecu_field_encode(&volts, "12V", record, 4), CT_ERR_SYNTAX);
    assert_int_equal(ct_ecu_field_encode(&volts, "nan", record, 4), CT_ERR_SYNTAX);
    assert_int_equal(ct_ecu_field_encode(&volts, "1", record, 2), CT_ERR_TRUNCATED);
    assert_memory_equal(record, "\xA5\x30\x39\xA5", 4);
    const struct ct_ecu_field bits = {
        .type = CT_ECU_UINT, .width = 1, .bit = 1, .bits = 2, .states = states, .states_count = 1};
    assert_int_equal(ct_ecu_field_encode(&bits, "auto", record, 4), CT_OK);
    assert_int_equal(record[0], 0xA5); /* 1010 0101: bits 1..2 were 10 already */
    assert_int_equal(ct_ecu_field_encode(&bits, "1", record, 4), CT_OK);
    assert_int_equal(record[0], 0xA3);
    const struct ct_ecu_field number = {.type = CT_ECU_INT, .at = 3, .width = 1};
    assert_int_equal(ct_ecu_field_encode(&number, "-128", record, 4), CT_OK);
    assert_int_equal(record[3], 0x80);
    assert_int_equal(ct_ecu_field_encode(&number, "128", record, 4), CT_ERR_RANGE);
    const struct ct_ecu_field real = {.type = CT_ECU_FLOAT};
    assert_int_equal(ct_ecu_field_encode(&real, "1.5", record, 4), CT_OK);
    assert_memory_equal(record, "\x3F\xC0\x00\x00", 4);
    const struct ct_ecu_field ascii = {.type = CT_ECU_ASCII};
    assert_int_equal(ct_ecu_field_encode(&ascii, "AB", record, 4), CT_OK);
    assert_memory_equal(record, "AB\0\0", 4);
    assert_int_equal(ct_ecu_field_encode(&ascii, "ABCDE", record, 4), CT_ERR_RANGE);
    const struct ct_ecu_field bcd = {.type = CT_ECU_BCD};
    assert_int_equal(ct_ecu_field_encode(&bcd, "20261130", record, 4), CT_OK);
    assert_memory_equal(record, "\x20\x26\x11\x30", 4);
    assert_int_equal(ct_ecu_field_encode(&bcd, "2026113A", record, 4), CT_ERR_SYNTAX);
    assert_int_equal(ct_ecu_field_encode(&bcd, "2026", record, 4), CT_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file_with_everything_is_read),
        cmocka_unit_test(test_file_that_cannot_be_is_refused_where_it_is_wrong),
        cmocka_unit_test(test_values_are_decoded),
        cmocka_unit_test(test_value_of_a_short_record_is_refused),
        cmocka_unit_test(test_values_are_encoded_and_wrong_ones_leave_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
